//! One file's journey, from `incoming/` to its commit, and where it resumes after a crash.
//!
//! Read in this order: [`look`] compares the folder with the ledger, of which it keeps what is not claimed in a [`backlog`];
//! [`plan`] decides what a look leads to, [`batches`] which files form a load, [`turns`] in which order loads commit;
//! [`load`] is the journey itself with its steps [`claim`], [`write`](mod@write), [`merge`] and [`settle`]; [`learn`] meets unknown
//! types, [`recover`] resumes what nobody works on. [`ingestor`] drives them. Knows nothing of HTTP or the command line.

mod at_work;
mod backlog;
pub mod batches;
mod claim;
pub mod context;
pub mod fault;
pub mod ingestor;
mod learn;
pub mod load;
mod look;
mod merge;
pub mod places;
pub mod plan;
mod recover;
mod settle;
pub mod story;
mod turns;
mod write;

pub use at_work::AtWork;
pub use context::Context;
pub use fault::{Fault, whole_message};
pub use ingestor::{Ingestor, Pass};
pub use load::new_data_file;
pub use places::Places;
pub use recover::{Background, recover};
pub use story::FileStory;
pub use write::lineage_fields;
