//! The records of one file, one after the other.

use std::fmt;
use std::sync::Arc;

use arrow::array::Array;

use super::as_json::{Column, JsonText, restore};
use super::batches::{Batch, Batches};
use super::fitting::{missing, places};
use super::leaf::Fitting;
use super::source::Source;
use super::weight::{TEXT_PER_BYTE, weights};
use crate::decode::columns::direct::{Most, Run};
use crate::decode::columns::{Columns, Members, Plan, Values};
use crate::decode::error::DecodeError;
use crate::decode::input::Input;
use crate::decode::json;
use crate::decode::plan::DecodePlan;
use crate::decode::problem::Problem;
use crate::decode::texts::Origin;
use crate::decode::value::Value;
use crate::schema::field::{Field, TableSchema};
use crate::schema::processing_config::OnUnknownField;

/// A value takes at least this much room in the JSON text of its record, by the reckoning of [`weights`].
const LEAST_PER_VALUE: usize = 64;

/// Reads record by record.
pub(in crate::decode) struct ParquetRecords {
    batches: Batches,
    columns: Vec<Column>,
    schema: Arc<TableSchema>,
    plan: Arc<Plan>,
    on_unknown: OnUnknownField,
    /// For each field the column that has its values; `None` when that is not clear.
    places: Option<Vec<Option<usize>>>,
    fitting: Fitting,
    current: Option<Current>,
    number: u64,
    json: JsonText,
    limit: usize,
}

/// Rows that are being read.
struct Current {
    batch: Batch,
    /// The next row.
    next: usize,
    /// Made when the direct road is taken for the first time.
    ready: Option<Ready>,
}

/// Rows, made ready for the direct road.
struct Ready {
    values: Vec<Values>,
    fits: Vec<bool>,
    weights: Vec<usize>,
}

/// One record, good until the next is asked for.
pub(in crate::decode) struct ParquetRecord<'a> {
    /// 1 for the first record of the file.
    pub number: u64,
    /// First byte of its row group.
    pub offset: u64,
    /// The record as the text of a JSON object; only its start when it is too large.
    pub text: &'a str,
    pub content: Result<Value<'a>, Box<Problem>>,
}

impl ParquetRecords {
    /// # Errors
    /// The file is no Parquet file that can be read, or reading failed.
    pub fn open(plan: &DecodePlan, input: Input) -> Result<ParquetRecords, DecodeError> {
        let options = plan.options();
        let batches = Batches::open(input.into_random().map_err(DecodeError::reading)?)?;
        let schema = Arc::clone(&options.schema);
        let column = |(name, source): &(String, Source)| Column {
            name: name.clone(),
            source: source.clone(),
            field: Field::position(&schema.fields, name),
        };
        let columns: Vec<_> = batches.columns().iter().map(column).collect();
        let plan = Arc::clone(plan.columns_plan());
        let places = places(columns.iter().map(|column| column.name.as_str()), plan.members());
        Ok(ParquetRecords {
            places,
            batches,
            columns,
            schema,
            plan,
            on_unknown: options.on_unknown,
            fitting: Fitting::new(options.timezone),
            current: None,
            number: 0,
            json: JsonText::new(options.max_record_bytes),
            limit: options.max_record_bytes.min(json::MAX_VALUES * LEAST_PER_VALUE),
        })
    }

    /// Takes as many of the next records into `columns` as surely fit; perhaps none.
    pub fn take_run(&mut self, columns: &mut Columns, most: Most) -> Run {
        let (Some(current), Some(places)) = (&mut self.current, &self.places) else {
            return Run::default();
        };
        let ready = match &mut current.ready {
            Some(ready) => ready,
            empty => empty.insert(Ready::of(
                &current.batch,
                &self.columns,
                (places, self.plan.members()),
                &mut self.fitting,
                (self.on_unknown, self.limit),
            )),
        };
        let start = current.next;
        let mut run = Run::default();
        let mut unknown = Vec::new();
        let has_unknown = self.columns.iter().any(|column| column.field.is_none());
        let mut end = start;
        while end < ready.fits.len()
            && ready.fits[end]
            && end - start < most.records
            && run.weight < most.weight
        {
            let mut beside = (None, 0);
            if has_unknown {
                match rescued(&self.columns, &current.batch, end, &mut self.json) {
                    Ok(found) => beside = found,
                    Err(_) => break,
                }
            }
            if columns.keeps_texts() {
                let Batch { columns: arrays, offset, .. } = &current.batch;
                if self.json.record(&self.columns, &self.schema.fields, arrays, end).is_err() {
                    break;
                }
                let (number, raw) = (self.number + (end - start) as u64 + 1, self.json.text.as_bytes());
                columns.keep_text(Origin { number, offset: *offset, raw });
                run.weight += raw.len();
            }
            if has_unknown {
                let (text, count) = beside;
                run.weight += text.as_ref().map_or(0, String::len);
                run.unknown_fields += count;
                unknown.push(text);
            }
            run.weight += ready.weights[end] / TEXT_PER_BYTE;
            end += 1;
        }
        columns.take_rows(&ready.values, start..end, &unknown);
        current.next = end;
        run.records = (end - start) as u64;
        self.number += run.records;
        run
    }

    /// The next record, or `None` at the end of the file.
    ///
    /// # Errors
    /// Those of [`Batches::next`]; nothing more can be read then.
    pub fn next(&mut self) -> Result<Option<ParquetRecord<'_>>, DecodeError> {
        while self.current.as_ref().is_none_or(|current| current.next >= current.batch.rows) {
            // What the last rows held is free before the next ones are read.
            self.current = None;
            match self.batches.next()? {
                None => return Ok(None),
                Some(batch) => self.current = Some(Current { batch, next: 0, ready: None }),
            }
        }
        let Some(current) = &mut self.current else { return Ok(None) };
        let row = current.next;
        current.next += 1;
        self.number += 1;
        let batch = &current.batch;
        let written = self.json.record(&self.columns, &self.schema.fields, &batch.columns, row);
        let text = self.json.text.as_str();
        let content = written.and_then(|()| {
            let mut value =
                json::parse_text(text).map_err(|bad| Box::new(Problem::of_syntax(&bad, text.as_bytes())))?;
            if !self.json.not_finite.is_empty() {
                restore(&mut value, &self.json.not_finite);
            }
            Ok(value)
        });
        Ok(Some(ParquetRecord { number: self.number, offset: batch.offset, text, content }))
    }
}

impl fmt::Debug for ParquetRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRecords").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Ready {
    fn of(
        batch: &Batch,
        columns: &[Column],
        (places, members): (&[Option<usize>], &Members),
        fitting: &mut Fitting,
        (on_unknown, limit): (OnUnknownField, usize),
    ) -> Ready {
        let mut row_weights = vec![0; batch.rows];
        for (column, array) in columns.iter().zip(&batch.columns) {
            weights(&column.source, array, column.name.len(), &mut row_weights);
        }
        let mut all: Vec<bool> = row_weights.iter().map(|weight| *weight <= limit).collect();
        let mut values = Vec::with_capacity(places.len());
        for (slot, place) in members.slots.iter().zip(places) {
            let (of_field, fits) = match place {
                Some(at) => fitting.fit(&columns[*at].source, &batch.columns[*at], slot),
                None => missing(slot, batch.rows),
            };
            all.iter_mut().zip(fits).for_each(|(all, fits)| *all &= fits);
            values.push(of_field);
        }
        if on_unknown == OnUnknownField::Reject {
            for (_, array) in columns.iter().zip(&batch.columns).filter(|(column, _)| column.field.is_none())
            {
                all.iter_mut().enumerate().for_each(|(row, all)| *all &= array.is_null(row));
            }
        }
        Ready { values, fits: all, weights: row_weights }
    }
}

/// The columns of a row that are no fields and hold something, as the text of an object, and how many there are.
fn rescued(
    columns: &[Column],
    batch: &Batch,
    row: usize,
    json: &mut JsonText,
) -> Result<(Option<String>, u64), Box<Problem>> {
    let mut text = String::new();
    let mut count = 0;
    for (column, array) in columns.iter().zip(&batch.columns) {
        if column.field.is_none() && array.is_valid(row) {
            json.unknown(column, array, row)?;
            text.push(if count == 0 { '{' } else { ',' });
            text.push_str(&serde_json::Value::from(column.name.as_str()).to_string());
            text.push(':');
            text.push_str(&json.text);
            count += 1;
        }
    }
    if count > 0 {
        text.push('}');
    }
    Ok(((count > 0).then_some(text), count))
}
