//! The `parquet` crate in a box: what it says against a file, and also its panics, become faults of the file.

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fault::damaged;
use crate::decode::error::DecodeError;

/// Runs code that reads bytes of strangers. Nothing that it was working on may be used after an error.
pub(super) fn contained<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, DecodeError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(panic) => Err(damaged(format!("reading it stopped with: {}", reason(panic.as_ref())))),
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
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
