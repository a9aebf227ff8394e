//! DataFusion in a box: expressions come from people, and what it cannot cope with must not stop anything else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use datafusion::error::DataFusionError;

use crate::printable::panic_text;

/// Runs a part of DataFusion; its panics are errors like any other.
pub(super) fn contained<T>(run: impl FnOnce() -> Result<T, DataFusionError>) -> Result<T, DataFusionError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let reason = panic_text(panic.as_ref()).unwrap_or("no reason given");
        Err(DataFusionError::Execution(format!("it stopped with: {reason}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = contained(|| -> Result<(), _> { panic!("index {} out of bounds", 3) });
        let error = error.expect_err("an error").to_string();
        assert!(error.ends_with("it stopped with: index 3 out of bounds"), "{error}");
    }
}
