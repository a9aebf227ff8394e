//! The records of a file, whatever its format: what [`super::decoder`] takes them from.

use super::columns::direct::{Most, Run};
use super::columns::{Appended, Columns};
use super::csv::{CsvRecord, CsvRecords};
use super::error::DecodeError;
use super::json::{Grammar, Parsed};
use super::parquet::{ParquetRecord, ParquetRecords};
use super::problem::{Path, Problem, at_pointer};
use super::records::{Record, Records};
use super::reject::Reject;
use super::texts::Origin;
use super::value::Node;
use crate::schema::judge::Judge;

/// Records of one file, or of a part of it.
#[derive(Debug)]
pub(super) enum Reading {
    Json(Box<Records>),
    Csv(Box<CsvRecords>),
    Parquet(Box<ParquetRecords>),
}

/// What became of one record on the exact road.
pub(super) enum Taken {
    Row(Appended),
    Refused { reject: Reject, size: usize },
}

impl Reading {
    /// Takes as many of the next records into `columns` as can be read without a detour; perhaps none.
    pub fn take_run(&mut self, columns: &mut Columns, most: Most) -> Run {
        match self {
            Reading::Json(records) => records.take_run(columns, most),
            Reading::Csv(records) => records.take_run(columns, most),
            Reading::Parquet(records) => records.take_run(columns, most),
        }
    }

    /// Takes the next record by the exact road, or `None` at the end.
    ///
    /// # Errors
    /// The file as a whole cannot be read on.
    pub fn take_next(
        &mut self,
        judge: Option<&Judge>,
        columns: &mut Columns,
    ) -> Result<Option<Taken>, DecodeError> {
        Ok(match self {
            Reading::Json(records) => records.next()?.map(|record| take_json(&record, judge, columns)),
            Reading::Csv(records) => records.next()?.map(|record| take_csv(record, judge, columns)),
            Reading::Parquet(records) => records.next()?.map(|record| take_parquet(record, judge, columns)),
        })
    }

    /// Members of an enclosing object that are not its records, as far as the file was read.
    pub fn envelope_members(&self) -> u64 {
        match self {
            Reading::Json(records) => records.envelope_members(),
            Reading::Csv(_) | Reading::Parquet(_) => 0,
        }
    }

    /// The whole text, when it was at hand as a whole.
    pub fn into_text(self) -> Vec<u8> {
        match self {
            Reading::Json(records) => records.into_text(),
            Reading::Csv(records) => records.into_text(),
            Reading::Parquet(_) => Vec::new(),
        }
    }
}

pub(super) fn take_json(record: &Record<'_>, judge: Option<&Judge>, columns: &mut Columns) -> Taken {
    let appended = match &record.content {
        Ok(parsed) => append(parsed, judge, columns),
        Err(problem) => Err(problem.clone()),
    };
    match appended {
        Ok(appended) => {
            columns.keep_text(Origin { number: record.number, offset: record.offset, raw: record.raw });
            Taken::Row(appended)
        }
        Err(problem) => Taken::Refused { reject: record.refused(*problem), size: record.raw.len() },
    }
}

pub(super) fn take_csv(record: CsvRecord<'_>, judge: Option<&Judge>, columns: &mut Columns) -> Taken {
    let CsvRecord { number, offset, raw, json } = record;
    let appended = json.and_then(|text| {
        let parsed = Parsed::of(text, Grammar::Strict)
            .map_err(|bad| Box::new(Problem::of_syntax(&bad, text.as_bytes())))?;
        append(&parsed, judge, columns)
    });
    match appended {
        Ok(appended) => {
            columns.keep_text(Origin { number, offset, raw });
            Taken::Row(appended)
        }
        Err(problem) => {
            Taken::Refused { reject: problem.into_reject(number, offset, raw.to_vec()), size: raw.len() }
        }
    }
}

fn take_parquet(record: ParquetRecord<'_>, judge: Option<&Judge>, columns: &mut Columns) -> Taken {
    let ParquetRecord { number, offset, text, content } = record;
    let read = |value| Parsed { text, value, read_by: Grammar::Strict };
    match content.and_then(|value| append(&read(value), judge, columns)) {
        Ok(appended) => {
            columns.keep_text(Origin { number, offset, raw: text.as_bytes() });
            Taken::Row(appended)
        }
        Err(problem) => Taken::Refused {
            reject: problem.into_reject(number, offset, text.as_bytes().to_vec()),
            size: text.len(),
        },
    }
}

/// Appends a record, or says what is wrong with it.
fn append(
    record: &Parsed<'_>,
    judge: Option<&Judge>,
    columns: &mut Columns,
) -> Result<Appended, Box<Problem>> {
    let Parsed { text, value, read_by: _ } = record;
    if let (Some(judge), Node::Object(_)) = (judge, &value.node) {
        judge.check_value(value).map_err(|broken| {
            let at = at_pointer(value, &broken.pointer);
            Box::new(Problem::of_violation(
                &Path::Root,
                &broken.pointer,
                broken.rule,
                broken.message,
                at,
                text,
            ))
        })?;
    }
    columns.append(record)
}
