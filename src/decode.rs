//! Bytes → validated Arrow batches and rejects.
//!
//! The way of a file: [`source`] makes it text, [`framing`] cuts the text into records, [`json`] parses each one,
//! [`columns`] checks it and builds Arrow columns; [`decoder`] puts the parts together and [`records`] is the
//! first half of it, for inference. All of it streams: memory does not grow with the file.
//!
//! Knows nothing of folders, tables or databases.

pub mod columns;
pub mod decoder;
pub mod draft;
pub mod error;
pub mod framing;
pub mod json;
pub mod problem;
pub mod records;
pub mod reject;
pub mod source;
pub mod value;

pub use decoder::{Chunk, DecodeOptions, Decoder};
pub use draft::Draft;
pub use error::{DecodeError, Position};
pub use records::{RecordOptions, Records, Tail};
pub use reject::Reject;
