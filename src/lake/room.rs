//! How much memory the rows on their way to disk take, in all writers of a lake together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of Arrow data that all writers may hold before they write early. With decoding and the databases on top, the
/// process stays far below 512 MB.
const MOST: usize = 128 << 20;

#[derive(Debug, Default)]
pub(super) struct Room {
    used: Arc<AtomicUsize>,
}

/// A part of the room; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    used: Arc<AtomicUsize>,
    bytes: usize,
}

impl Room {
    /// Never waits: who finds the room full writes out what it holds itself.
    pub fn take(&self) -> Taken {
        Taken { used: Arc::clone(&self.used), bytes: 0 }
    }

    pub fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > MOST
    }
}

impl Taken {
    pub fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back() {
        let room = Room::default();
        let mut taken = room.take();
        taken.grow(MOST);
        assert!(!room.is_full());
        taken.grow(1);
        assert!(room.is_full());
        drop(taken);
        assert!(!room.is_full());
    }
}
