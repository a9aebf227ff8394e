//! A dry run: what a load would make of a file, without writing anything anywhere.
//!
//! The same decoder, checks, keys, budget and partitions as a load; only nothing is kept. Knows nothing of the ledger: what it
//! is to be compared with, its caller knows. Refused records are tried by [`crate::ingest::replay`].

mod causes;
mod file;

pub use causes::{Cause, Example};
pub use file::{FileTrial, Tried, try_file};
