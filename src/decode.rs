//! Bytes → validated Arrow batches and rejects.
//!
//! The way of a file: [`source`] makes it text, [`framing`] cuts the text into records, [`json`] parses each one,
//! [`columns`] checks it and builds Arrow columns; [`decoder`] puts the parts together and [`records`] is the
//! first half of it, for inference; [`again`] judges records that were kept. All of it streams: memory does not grow with the file.
//! [`csv`] does for CSV what `framing` does for JSON, and hands its records over as the text of JSON objects. [`parquet`]
//! reads files of columns, at random ([`input`]), and does the same with the rows that need it.
//!
//! Knows nothing of folders, tables or databases.

pub mod again;
pub mod chunk;
pub mod columns;
mod csv;
pub mod decoder;
pub mod draft;
pub mod error;
pub mod format;
pub mod framing;
mod input;
pub mod json;
pub mod newcomers;
mod parquet;
pub mod plan;
pub mod problem;
mod reading;
pub mod records;
pub mod reject;
#[cfg(any(test, fuzzing))]
pub mod roads;
mod row_reject;
mod row_values;
pub mod segments;
pub mod source;
pub mod texts;
pub mod value;

pub use again::{Again, Form, KeptRecord};
pub use chunk::{Chunk, Chunks};
pub use csv::cell_as_json;
pub use decoder::Decoder;
pub use draft::Draft;
pub use error::{DecodeError, Position};
pub use format::Format;
pub use input::Input;
pub use json::Grammar;
pub use plan::{DecodeOptions, DecodePlan, Feed};
pub use records::{RecordOptions, Records, Tail};
pub use reject::Reject;
pub use texts::{Origin, Texts};
