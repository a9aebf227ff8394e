//! Unique keys: what a load must know to refuse a key that was there before, in memory that does not grow with the table.
//!
//! A key is known by 128 bits of BLAKE3 over its encoded values ([`columns`]). Two different keys have the same hash with a
//! probability below 10^-14 even among 10^12 keys, and nobody can make such a pair on purpose with less than 2^64 tries. Where the
//! first record can be read again, in a data file, the values themselves are compared as well.
//!
//! - [`seen`]: the keys of the load in work. Those that do not fit in memory lie in sorted files in its staging folder.
//! - [`index`]: the keys of the table: beside the lake, for each data file, a sorted file of its keys. It is made from the data
//!   file when a load first needs it, and goes when the data file goes. Data files never change, so it is never wrong: the list of live
//!   data files alone, from the ledger, says what is in the table.
//!
//! Both are [`run`]s: sorted by hash, searched with few reads, and with a [`filter`] in memory once they are asked often.

mod columns;
mod filter;
mod index;
mod merge;
mod run;
mod scratch;
mod seen;

pub use columns::{EncodedKeys, KeyColumns, KeyHash};
pub use filter::Room as FilterRoom;
pub use index::{Hit, KeyIndex, LiveFile, forget, keep_only};
pub use seen::Seen;

/// A key that is looked for: some number of the caller's, and the hash.
pub type Wanted = (usize, KeyHash);

/// A key with a number: where it is.
type Entry = (KeyHash, u64);
