//! What a whole file says about its type: every record is read, none is judged.

use super::csv;
use super::error::DecodeError;
use super::format::Format;
use super::input::Input;
use super::parquet;
use super::records::{RecordOptions, Records};
use crate::schema::infer::{Inference, Inferred};

/// A schema inferred from a file, and what could not be read.
#[derive(Debug)]
pub struct Draft {
    pub inferred: Inferred,
    /// Records that could not be read.
    pub broken: u64,
    /// What is wrong with the first of them.
    pub first_problem: Option<String>,
    /// What was found out about how the file is written, for formats where that is a question.
    pub read_as: Option<String>,
}

impl Draft {
    /// Reads all records of a file.
    ///
    /// # Errors
    /// The file as a whole cannot be read.
    pub fn of(input: impl Into<Input>, options: RecordOptions) -> Result<Self, DecodeError> {
        let input = input.into();
        match options.format {
            Format::Csv => return csv::draft(input.into_stream(), &options),
            Format::Parquet => return parquet::draft(input),
            Format::Json => {}
        }
        let mut records = Records::new(input.into_stream(), options)?;
        let mut inference = Inference::default();
        let (mut broken, mut first_problem) = (0, None);
        while let Some(record) = records.next()? {
            match record.content {
                Ok(parsed) => inference.observe(&parsed.value),
                Err(problem) => {
                    broken += 1;
                    first_problem
                        .get_or_insert_with(|| format!("record {}: {}", record.number, problem.message));
                }
            }
        }
        Ok(Self { inferred: inference.finish(), broken, first_problem, read_as: None })
    }
}
