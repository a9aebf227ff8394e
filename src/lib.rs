//! Lakegate: files in, tables out.
//!
//! # A file's way
//!
//! 1. [`inbox`] lists `incoming/` and says which files are complete. Events only wake; the listing decides.
//! 2. [`registry`] knows the types, compiled from the rows of `table_metadata`, and says to which one a name
//!    ([`arrival`], [`name`]) belongs.
//! 3. [`ingest::plan`] compares what was found with what the ledger says: what is new, what waits and why, what is an unknown
//!    type. [`ingest::batches`] puts queued files of one type together: that is a load.
//! 4. [`ingest::load`] is the journey: claim the files in the ledger and on disk, read, decode and validate them ([`decode`],
//!    [`schema`]) into staged Parquet ([`lake`]), write the intent down, publish, commit in one transaction
//!    ([`metadata::loads`]), and only then move the source files to where they stay.
//!    Where its records and its schema part, [`drift`] takes note; a schema that evolves does so inside the load.
//! 5. [`promote`] fills a new column from what rows had beside it; [`trial`] says what a load would do, and does nothing.
//!    [`compact`] makes few large data files out of many small ones; rows and their order stay what they were.
//! 6. [`jobs`] recompute the days that committed loads touched; [`query`] reads exactly the data files that the
//!    ledger names.
//! 7. [`alerts`] are rows that any of these write; beside them all, a dispatcher finds out from the rows whom to tell what.
//!
//! # Where it resumes after a crash
//!
//! The ledger says how far a load came, and the lock file of each process ([`owner`]) whether anyone still works on it.
//! `ingest::recover` runs at every full scan, not only at start: a load whose data files are all in place is committed,
//! any other is undone and its files are queued again; a file with an outcome is moved to where it belongs. Every step
//! can be repeated.
//!
//! # Who calls whom
//!
//! Imports point downwards: [`cli`] → [`app`] → [`daemon`] → [`promote`], [`trial`] → [`ingest`], [`jobs`] → [`compact`] →
//! [`query`], [`drift`] → [`alerts`] → [`lake`],
//! [`decode`] → [`schema`], [`inbox`], [`metadata`] → [`name`], [`arrival`], [`partition`], [`durable`], [`owner`],
//! [`schedule`], [`zone`], [`settings`], [`clock`], [`telemetry`], [`printable`], [`base64`], [`workers`]. There are no globals: [`app`]
//! builds each part once and hands it down. `docs/architecture.md` tells why it is so.

pub mod alerts;
pub mod app;
pub mod arrival;
pub mod base64;
pub mod cli;
pub mod clock;
pub mod compact;
pub mod crash;
pub mod daemon;
pub mod decode;
pub mod drift;
pub mod durable;
pub mod generate;
pub mod inbox;
pub mod ingest;
pub mod jobs;
pub mod lake;
pub mod metadata;
pub mod name;
pub mod owner;
pub mod partition;
pub mod printable;
pub mod promote;
pub mod query;
pub mod registry;
pub mod schedule;
pub mod schema;
pub mod settings;
pub mod telemetry;
pub mod trial;
pub mod workers;
pub mod zone;
