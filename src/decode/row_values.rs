//! Some values of one row, as a message shows them.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::error::shortened;

/// Characters of one value, and of all of them as JSON.
const SHOWN: usize = 80;
const JSON: usize = 200;

/// Names of columns, with their values as JSON texts.
pub(super) struct RowValues(Vec<(String, String)>);

impl RowValues {
    pub fn of(batch: &RecordBatch, columns: impl IntoIterator<Item = usize>, row: usize) -> RowValues {
        let schema = batch.schema();
        let value = |at: usize| (schema.field(at).name().clone(), shown(batch.column(at), row));
        RowValues(columns.into_iter().map(value).collect())
    }

    /// `a is 1 and b is "x"`.
    pub fn sentence(&self) -> String {
        let parts: Vec<_> =
            self.0.iter().map(|(name, value)| format!("{name} is {}", shortened(value, SHOWN))).collect();
        match parts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }

    /// The value of a single column, or all of them as an object.
    pub fn json(&self) -> String {
        if let [(_, value)] = self.0.as_slice() {
            return shortened(value, JSON);
        }
        let member =
            |(name, value): &(String, String)| format!("{}:{value}", serde_json::Value::from(name.as_str()));
        shortened(&format!("{{{}}}", self.0.iter().map(member).collect::<Vec<_>>().join(",")), JSON)
    }

    /// RFC 6901 pointer to a single column; that of the record when there are several.
    pub fn pointer(&self) -> String {
        match self.0.as_slice() {
            [(name, _)] => format!("/{}", crate::schema::violation::escaped(name)),
            _ => String::new(),
        }
    }
}

fn shown(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    let options = FormatOptions::default();
    let text = match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => formatter.value(row).to_string(),
        Err(_) => return "a value".to_owned(),
    };
    match column.data_type() {
        kind if kind.is_numeric() => text,
        DataType::Boolean => text,
        _ => serde_json::Value::from(text).to_string(),
    }
}
