//! One file's journey, from `incoming/` to its commit, and where it resumes after a crash.
//!
//! Read in this order: [`look`] compares the folder with the ledger, of which it keeps what is not claimed in a [`backlog`];
//! [`plan`] decides what a look leads to, [`batches`] which files form a load, [`turns`] in which order loads commit;
//! [`load`] is the journey itself with its steps [`claim`], [`write`](mod@write), [`merge`] and [`settle`]; [`control`] holds
//! files against what their senders say of them, [`learn`] meets unknown types, [`recover`] resumes what nobody works on. [`ingestor`] drives them. Second chances: [`replay`] loads rejected
//! records after all, [`revert`] takes a file's rows out again ([`departure`](mod@departure) says which they are). Knows nothing of HTTP or the command line.

mod at_work;
mod backlog;
pub mod batches;
mod breaker;
mod claim;
pub mod context;
mod control;
mod departure;
mod evolve;
mod fault;
pub mod ingestor;
mod keyed;
mod learn;
pub mod load;
mod look;
mod merge;
pub mod places;
pub mod plan;
mod recover;
pub mod replay;
pub mod revert;
mod settle;
pub mod story;
mod turns;
mod vetting;
pub(crate) mod write;

pub use at_work::AtWork;
pub use context::Context;
pub use control::take_back;
pub use fault::{Fault, whole_message};
pub use ingestor::{Ingestor, Pass};
pub(crate) use keyed::keyed_for_trial;
pub(crate) use load::clear_removed;
pub use load::new_data_file;
pub use places::Places;
pub use plan::reason_to_wait;
pub use recover::{Background, recover};
pub use story::FileStory;
pub(crate) use vetting::{vet, vet_future};
pub use write::lineage_fields;
