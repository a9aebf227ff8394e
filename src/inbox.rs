//! The incoming folder: what lies in it, and which files are complete.
//!
//! Knows nothing of types, schemas or the ledger. Events are hints, the listing is the truth: a lost event costs
//! one scan interval, never a file.

pub mod control;
pub mod folder;
pub mod looks;
pub mod watch;

pub use folder::{Entry, EntryKind, Folder};
pub use looks::{Completeness, Hint, Looks, Patience};
pub use watch::Watch;
