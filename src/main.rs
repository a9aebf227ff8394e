//! The `lakegate` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    lakegate::cli::main()
}
