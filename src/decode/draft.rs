//! What a whole file says about its type: every record is read, none is judged.

use super::csv;
use super::error::DecodeError;
use super::format::Format;
use super::input::Input;
use super::json::Grammar;
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
    /// The rules by which it was read.
    pub grammar: Grammar,
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
        let grammar = options.grammar;
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
        Ok(Self { inferred: inference.finish(), broken, first_problem, read_as: None, grammar })
    }

    /// As [`Draft::of`]; and when strict JSON does not take all of the file, the lenient grammar is tried, too. Its
    /// draft is the one that counts when it reads more, and says in `read_as` what strict JSON would not have taken.
    /// `open` gives the file from its start.
    ///
    /// # Errors
    /// The file as a whole cannot be read; or what `open` says.
    pub fn by_either_grammar<E: From<DecodeError>>(
        mut open: impl FnMut() -> Result<Input, E>,
        options: RecordOptions,
    ) -> Result<Self, E> {
        let strict = Draft::of(open()?, options.clone());
        let complaint = match (&strict, options.format) {
            (Ok(draft), Format::Json) if draft.broken > 0 => draft.first_problem.clone(),
            (Err(error), Format::Json) if !error.is_io() => Some(error.to_string()),
            _ => None,
        };
        let Some(complaint) = complaint else { return Ok(strict?) };
        let lenient = Draft::of(open()?, RecordOptions { grammar: Grammar::Lenient, ..options });
        match (strict, lenient) {
            (Ok(strict), Ok(lenient)) if lenient.reads_less_than(&strict) => Ok(strict),
            (_, Ok(lenient)) if lenient.inferred.records > 0 => {
                // Without the advice, which has been followed.
                let complaint = complaint.split("; \"lenient\"").next().unwrap_or_default();
                let read_as = Some(format!("not strict JSON, so read as lenient JSON: {complaint}"));
                Ok(Draft { read_as, ..lenient })
            }
            // It may still grow, of which the strict grammar knows nothing.
            (Err(_), Err(lenient)) if lenient.is_truncation() => Err(lenient.into()),
            (strict, _) => Ok(strict?),
        }
    }

    fn reads_less_than(&self, other: &Draft) -> bool {
        let objects = |draft: &Draft| draft.inferred.records;
        objects(self) < objects(other) || (objects(self) == objects(other) && self.broken >= other.broken)
    }
}
