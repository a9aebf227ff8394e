//! File system events → hints and a wake-up.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use super::looks::Hint;
use crate::name::FileName;

/// Events gathered since they were last taken.
#[derive(Debug, Default)]
pub struct Hints {
    pub names: Vec<(FileName, Hint)>,
    /// Events were lost: earlier hints are worth nothing.
    pub overflow: bool,
}

/// More hints than this are as good as an overflow.
const MOST_HINTS: usize = 200_000;

/// A running watch on one folder; ends when dropped.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    hints: Arc<Mutex<Hints>>,
}

impl Watch {
    /// Watches `folder` and calls `wake` at each event.
    ///
    /// # Errors
    /// When the system refuses (watch limit, missing folder); listing goes on working without.
    pub fn start(folder: &Path, wake: Arc<Notify>) -> notify::Result<Self> {
        let hints = Arc::new(Mutex::new(Hints::default()));
        let gathered = hints.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.as_ref().is_ok_and(is_no_arrival) {
                return;
            }
            gather(&mut lock(&gathered), event);
            wake.notify_one();
        })?;
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(Self { _watcher: watcher, hints })
    }

    /// What was gathered since the last call.
    pub fn take(&self) -> Hints {
        std::mem::take(&mut lock(&self.hints))
    }
}

/// A panic of another holder leaves a list of hints, which is never wrong enough to refuse it.
fn lock(hints: &Mutex<Hints>) -> MutexGuard<'_, Hints> {
    hints.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True for what Lakegate does itself: a listing opens the folder, so that waking for it would list for ever, and a
/// claim moves files out.
fn is_no_arrival(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(access) => access != AccessKind::Close(AccessMode::Write) && !event.need_rescan(),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => true,
        _ => false,
    }
}

fn gather(hints: &mut Hints, event: notify::Result<Event>) {
    let Ok(event) = event else {
        hints.overflow = true;
        return;
    };
    if event.need_rescan() || hints.names.len() > MOST_HINTS {
        hints.overflow = true;
        hints.names.clear();
        return;
    }
    let (hint, path) = match event.kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => (Hint::Renamed, event.paths.first()),
        // (from, to) in one event: only the last path is in its new place.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => (Hint::Renamed, event.paths.last()),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => (Hint::Closed, event.paths.first()),
        EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_)) => {
            (Hint::Writing, event.paths.first())
        }
        _ => return,
    };
    if let Some(name) = path.and_then(|path| path.file_name()) {
        hints.names.push((FileName::from_raw(name), hint));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_listing_wakes_nobody_and_a_new_file_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let wake = Arc::new(Notify::new());
        let watch = Watch::start(folder.path(), wake.clone()).expect("watched");
        for _ in 0..3 {
            assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
        }
        let woken = tokio::time::timeout(Duration::from_millis(200), wake.notified()).await;
        assert!(woken.is_err(), "{:?}", watch.take());
        std::fs::write(folder.path().join("a.json"), "[]").expect("written");
        tokio::time::timeout(Duration::from_secs(5), wake.notified()).await.expect("woken");
        assert!(!watch.take().names.is_empty());
    }
}
