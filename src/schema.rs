//! Schema definitions: both dialects, compiled types and constraints, inference.
//!
//! [`definition::compile`] turns the text of `table_metadata.schema_definition` into a
//! [`field::TableSchema`], [`infer::Inference`] writes such a text from records, and
//! [`processing_config`] reads the column beside it. Knows nothing of files, formats or databases.

pub mod change;
pub mod checks;
pub mod definition;
pub mod evolution;
pub mod field;
pub mod fit;
pub mod infer;
pub mod judge;
mod members;
pub mod names;
pub mod numbers;
pub mod place;
pub mod processing_config;
pub mod rules;
pub mod times;
pub mod violation;

pub use self::violation::Violation;
