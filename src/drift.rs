//! Drift: fields of records that do not go with the schema of their type: they appear, vanish, or change their type.
//!
//! [`seen`] is gathered while records are decoded, [`sightings`] is what a load makes of it, [`vanished`] decides when a
//! field is gone, [`Recorder`] keeps the ledger's table `schema_drift` and its alerts, and [`proposal`] is the change of
//! the definition that would accept it all. Knows nothing of files on disk or of the command line.

pub mod proposal;
mod recorder;
mod seen;
pub mod sightings;
mod vanished;

pub use recorder::Recorder;
pub use seen::{Misfit, Refused, Seen};
pub use sightings::{FileSeen, LoadSeen, Sighting};
