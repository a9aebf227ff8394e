//! Rows whose `_rescued` has a field → the same rows with the field in its column. Pure.
//!
//! The rescued text is decoded as a record of a type that has this one field, by the rules of that type: what does not fit
//! stays where it is.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_not_null, or};
use arrow::datatypes::{DataType, Field as ArrowField, Schema};
use arrow::error::ArrowError;

use super::Subject;
use crate::decode::cell_as_json;
use crate::decode::columns::{Columns, Plan, RESCUED, Unusable};
use crate::decode::json::{self, Grammar, Parsed};
use crate::decode::newcomers::shortened;
use crate::decode::value::{Node, Value};
use crate::lake::reshape::reshape;
use crate::lake::union::union;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::processing_config::OnUnknownField;

/// What was found in some rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filled {
    /// Rows that have a value in the column now.
    pub rows: u64,
    /// Rows whose value does not fit, so that it stays in `_rescued`.
    pub misfits: u64,
    /// Why, for a few of them.
    pub examples: Vec<String>,
}

const EXAMPLES: usize = 3;

impl Filled {
    /// Takes over what was found in other rows.
    pub fn take(&mut self, other: &Filled) {
        self.rows += other.rows;
        self.misfits += other.misfits;
        for example in &other.examples {
            if self.examples.len() < EXAMPLES && !self.examples.contains(example) {
                self.examples.push(example.clone());
            }
        }
    }

    /// Takes over what another look at the same table found: what does not fit is seen each time.
    pub(super) fn add(&mut self, other: Filled, misfits_before: &mut Option<u64>) {
        self.rows += other.rows;
        self.misfits = other.misfits;
        *misfits_before = Some(other.misfits);
        if !other.examples.is_empty() {
            self.examples = other.examples;
        }
    }
}

/// Reads rescued texts for one field.
pub(super) struct Filler<'s> {
    subject: &'s Subject,
    columns: Columns,
}

/// The field's values of some rows.
pub(super) struct Taken {
    /// True for the rows whose value was taken out of its text.
    rows: BooleanArray,
    column: ArrayRef,
    /// What is left of the texts of those rows.
    rest: StringArray,
}

impl<'s> Filler<'s> {
    pub fn new(subject: &'s Subject) -> Result<Self, Unusable> {
        let schema = TableSchema::of(vec![subject.column.clone()]);
        let plan = Arc::new(Plan::new(&schema, OnUnknownField::Rescue, subject.zone)?);
        Ok(Filler { subject, columns: Columns::new(plan)? })
    }

    /// Reads the texts of a batch; `is_cells` tells of each row whether its values were cells of text. Rows without the
    /// field, and those whose value does not fit, are not taken.
    pub fn read(
        &mut self,
        texts: &StringArray,
        is_cells: impl Fn(usize) -> bool,
        filled: &mut Filled,
    ) -> Result<Taken, ArrowError> {
        let mut taken = Vec::with_capacity(texts.len());
        for (row, text) in texts.iter().enumerate() {
            let is_taken = text.is_some_and(|text| self.take(text, is_cells(row), filled));
            if !is_taken {
                self.append("{}").ok();
            }
            taken.push(is_taken);
        }
        let batch = self.columns.finish()?;
        let rest = batch.column(1).as_string::<i32>().clone();
        Ok(Taken { rows: taken.into(), column: Arc::clone(batch.column(0)), rest })
    }

    fn take(&mut self, text: &str, is_cells: bool, filled: &mut Filled) -> bool {
        let Some(text) = self.record(text, is_cells) else { return false };
        match self.append(&text) {
            Ok(()) => {
                filled.rows += 1;
                true
            }
            Err(why) => {
                filled.misfits += 1;
                let example = shortened(&why);
                if filled.examples.len() < EXAMPLES && !filled.examples.contains(&example) {
                    filled.examples.push(example);
                }
                false
            }
        }
    }

    /// The rescued record, if it has a value of the field; a cell as the value that the field expects.
    fn record<'t>(&self, text: &'t str, is_cells: bool) -> Option<Cow<'t, str>> {
        let record = json::parse_text(text).ok()?;
        let value = value_of(&record, &self.subject.column, self.subject.place.steps().len())?;
        match &value.node {
            Node::Null => None,
            Node::String(cell) if is_cells && self.subject.place.steps().len() == 1 => {
                let value_text = cell_as_json(&self.subject.field, cell);
                Some(Cow::Owned(format!("{}{value_text}{}", &text[..value.start], &text[value.end..])))
            }
            _ => Some(Cow::Borrowed(text)),
        }
    }

    fn append(&mut self, text: &str) -> Result<(), String> {
        let record = Parsed::of(text, Grammar::Strict).map_err(|bad| bad.to_string())?;
        self.columns.append(&record).map(drop).map_err(|problem| problem.message)
    }
}

/// The value that a record has for a field, `depth` steps into a column that holds nothing but the way to it.
pub(super) fn value_of<'v, 't>(record: &'v Value<'t>, column: &Field, depth: usize) -> Option<&'v Value<'t>> {
    let Node::Object(members) = &record.node else { return None };
    let (_, value) = members.iter().find(|(key, _)| column.answers_to(key))?;
    match (&column.kind, depth) {
        (_, 0 | 1) => Some(value),
        (Kind::Struct(inner), depth) => value_of(value, inner.first()?, depth - 1),
        _ => None,
    }
}

impl Taken {
    /// The batch with the values in the column `name`, and what is left in `_rescued`.
    ///
    /// # Errors
    /// Arrow refuses the arrays, which would be a fault of this module.
    pub fn put_into(&self, batch: &RecordBatch, name: &str) -> Result<RecordBatch, ArrowError> {
        let (schema, at) = (batch.schema(), batch.schema().index_of(RESCUED)?);
        let mut fields: Vec<Arc<ArrowField>> = schema.fields().to_vec();
        let mut columns = batch.columns().to_vec();
        columns[at] = zip(&self.rows, &self.rest, &columns[at])?;
        let column = match schema.index_of(name) {
            Ok(own) => merged(&columns[own], &self.column)?,
            Err(_) => Arc::clone(&self.column),
        };
        let field = Arc::new(ArrowField::new(name, column.data_type().clone(), true));
        match schema.index_of(name) {
            Ok(own) => (fields[own], columns[own]) = (field, column),
            Err(_) => {
                fields.insert(at, field);
                columns.insert(at, column);
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// Values of the old column, and where it has none, those of the new one; the members of objects each by itself.
fn merged(old: &ArrayRef, new: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let alone =
        |array: &ArrayRef| Schema::new(vec![ArrowField::new("column", array.data_type().clone(), true)]);
    let both = union([&alone(old), &alone(new)]);
    let kind = both.field(0).data_type();
    merge_alike(&reshape(old, kind)?, &reshape(new, kind)?)
}

fn merge_alike(old: &ArrayRef, new: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let (DataType::Struct(fields), DataType::Struct(_)) = (old.data_type(), new.data_type()) else {
        return zip(&is_not_null(old)?, old, new);
    };
    let (olds, news) = (old.as_struct(), new.as_struct());
    let members = olds.columns().iter().zip(news.columns()).map(|(old, new)| merge_alike(old, new));
    let members = members.collect::<Result<Vec<_>, _>>()?;
    let valid = or(&is_not_null(old)?, &is_not_null(new)?)?;
    let nulls = NullBuffer::new(valid.values().clone());
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), members, Some(nulls), old.len())?))
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::Fields;

    use super::*;
    use crate::schema::definition;
    use crate::schema::place::Place;
    use crate::schema::processing_config::Zone;

    fn subject(definition: &str, place: &str) -> Subject {
        let schema = definition::compile(definition).expect("a definition");
        let place = Place::parse(place);
        Subject {
            row: super::super::subject::tests::row(),
            field: place.find(&schema.fields).expect("a field").clone(),
            column: super::super::subject::column_of(&schema.fields, &place).expect("a column"),
            place,
            zone: Zone::UTC,
        }
    }

    fn filled(definition: &str, place: &str, batch: &RecordBatch, cells: bool) -> (Vec<String>, Filled) {
        let subject = subject(definition, place);
        let mut filler = Filler::new(&subject).expect("a usable field");
        let mut filled = Filled::default();
        let texts = batch.column_by_name(RESCUED).expect("texts").as_string::<i32>().clone();
        let taken = filler.read(&texts, |_| cells, &mut filled).expect("read");
        let rows = taken.put_into(batch, &subject.column.name).expect("rows");
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        writer.write(&rows).expect("written");
        writer.finish().expect("written");
        let text = String::from_utf8(writer.into_inner()).expect("text");
        (text.lines().map(str::to_owned).collect(), filled)
    }

    fn batch(texts: &[Option<&str>], more: Vec<(&str, ArrayRef)>) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let columns = more.into_iter().chain([(RESCUED, texts)]).map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    }

    const FLAT: &str = r#"{"fields":[{"name":"n","type":"long","aliases":["N"]}]}"#;

    #[test]
    fn values_that_fit_move_and_the_rest_stays() {
        let rows = batch(
            &[
                Some(r#"{"n":7,"x":[1]}"#),
                Some(r#"{"n":"seven"}"#),
                None,
                Some(r#"{"x":2}"#),
                Some(r#"{"N":9}"#),
                Some(r#"{"n":null}"#),
            ],
            vec![("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5, 6])))],
        );
        let (rows, filled) = filled(FLAT, "/n", &rows, false);
        assert_eq!(
            rows,
            [
                r#"{"id":1,"n":7,"_rescued":"{\"x\":[1]}"}"#,
                r#"{"id":2,"_rescued":"{\"n\":\"seven\"}"}"#,
                r#"{"id":3}"#,
                r#"{"id":4,"_rescued":"{\"x\":2}"}"#,
                r#"{"id":5,"n":9}"#,
                r#"{"id":6,"_rescued":"{\"n\":null}"}"#,
            ]
        );
        assert_eq!((filled.rows, filled.misfits), (2, 1));
        assert!(filled.examples[0].contains("expected long"), "{:?}", filled.examples);
    }

    #[test]
    fn members_of_objects_join_those_that_are_there() {
        let definition = r#"{"fields":[{"name":"c","type":"struct","fields":[{"name":"x","type":"long"},{"name":"vip","type":"boolean"}]}]}"#;
        let inner = Fields::from(vec![ArrowField::new("x", DataType::Int64, true)]);
        let objects =
            StructArray::try_new(inner, vec![Arc::new(Int64Array::from(vec![1, 2]))], None).expect("objects");
        let rows = batch(&[Some(r#"{"c":{"vip":true,"y":1}}"#), None], vec![("c", Arc::new(objects))]);
        let (rows, filled) = filled(definition, "/c/vip", &rows, false);
        assert_eq!(rows, [r#"{"c":{"x":1,"vip":true},"_rescued":"{\"c\":{\"y\":1}}"}"#, r#"{"c":{"x":2}}"#]);
        assert_eq!((filled.rows, filled.misfits), (1, 0));
    }

    #[test]
    fn cells_are_what_the_field_expects() {
        let texts = [Some(r#"{"n":"7"}"#), Some(r#"{"n":"x"}"#)];
        let (rows, counts) = filled(FLAT, "/n", &batch(&texts, Vec::new()), true);
        assert_eq!(rows, [r#"{"n":7}"#, r#"{"_rescued":"{\"n\":\"x\"}"}"#]);
        assert_eq!((counts.rows, counts.misfits), (1, 1));
        let (_, counts) = filled(FLAT, "/n", &batch(&texts, Vec::new()), false);
        assert_eq!((counts.rows, counts.misfits), (0, 2));
    }
}
