//! A thread for work that may take its time: where the system can, it yields to all others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::oneshot;

use super::error::CompactError;
use crate::printable::panic_text;

/// Runs `work` on a thread of its own, with low priority.
///
/// # Errors
/// The work panicked, or there is no thread for it.
pub async fn quietly<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompactError> {
    let (sender, result) = oneshot::channel();
    let started = thread::Builder::new().name("compact".into()).spawn(move || {
        yield_to_others();
        // Nobody waits for a result that was given up.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    });
    started.map_err(|cause| CompactError::Panic { cause: format!("no thread could be started: {cause}") })?;
    match result.await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(CompactError::Panic { cause: message(panic.as_ref()) }),
        Err(_) => Err(CompactError::Panic { cause: "the thread ended early".into() }),
    }
}

#[cfg(target_os = "linux")]
fn yield_to_others() {
    const LOW: i32 = 10;
    // On Linux this is the priority of the calling thread alone. To go without costs others a little time.
    let _ = rustix::process::setpriority_process(None, LOW);
}

#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic_text(panic).unwrap_or("it gave no message").to_owned()
}
