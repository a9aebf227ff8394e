//! The circuit breaker: a type whose files fail again and again is paused until somebody has looked. Its files wait in
//! `incoming/`, where nothing happens to them, instead of filling `failed/`.

use super::context::Context;
use super::fault::Fault;
use crate::metadata::types::TypeStatus;
use crate::registry::RegisteredType;

/// How the reason of such a pause begins.
const MARK: &str = "paused by itself: ";

/// True when the row of a type says that it was paused here, which it does until somebody activates it.
pub(super) fn says_why(known: &RegisteredType) -> bool {
    let reason = known.row.status_reason.as_deref();
    known.row.status == TypeStatus::Paused && reason.is_some_and(|reason| reason.starts_with(MARK))
}

/// Pauses a type if as many of its files in a row have failed as it takes, counted from the last change of its row and
/// from its last load. True when it did.
pub(super) async fn trip_if_due(context: &Context, known: &RegisteredType) -> Result<bool, Fault> {
    let Some(spec) = known.active() else { return Ok(false) };
    let most = spec.config.pause_after_failures.unwrap_or(context.pause_after_failures);
    let Some(most) = i64::try_from(most).ok().filter(|most| *most > 0) else { return Ok(false) };
    let key = &spec.file_type;
    let (failed, code) = context.metadata.failures_in_a_row(key, most).await?;
    if failed < most {
        return Ok(false);
    }
    let files = if most == 1 { "1 file".to_owned() } else { format!("{most} files in a row") };
    let reason = format!(
        "{MARK}{files} failed, the latest with {}; `lakegate files list --type {key} --state failed` shows them, \
         `lakegate types activate {key}` resumes",
        code.as_deref().unwrap_or("no code")
    );
    let paused = context.metadata.pause_type(known.row.id, &reason).await?;
    if paused {
        context.alarm.type_paused(key, &reason).await;
    }
    Ok(paused)
}
