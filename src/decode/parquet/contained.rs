//! The `parquet` crate in a box: what it says against a file, and also its panics, become faults of the file.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fault::damaged;
use crate::decode::error::DecodeError;
use crate::printable::panic_text;

/// Runs code that reads bytes of strangers. Nothing that it was working on may be used after an error.
pub(super) fn contained<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, DecodeError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(panic) => {
            let reason = panic_text(panic.as_ref()).unwrap_or("no reason given");
            Err(damaged(format!("reading it stopped with: {reason}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_fault_of_the_file() {
        let error = contained(|| -> Result<(), String> { panic!("index {} out of bounds", 3) });
        let error = error.expect_err("a fault");
        assert_eq!(error.code, "parquet.damaged");
        assert!(error.message.contains("index 3 out of bounds"), "{error}");
    }
}
