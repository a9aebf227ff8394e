//! Records that were kept apart from their file, judged one by one: rejected ones that are tried again.

use std::io::Read;
use std::sync::Arc;

use super::chunk::Chunk;
use super::columns::Columns;
use super::csv::{CsvFile, CsvRecord, CsvRecords};
use super::error::DecodeError;
use super::format::Format;
use super::json::{self, Parsed};
use super::plan::DecodePlan;
use super::problem::Problem;
use super::reading::{Taken, take_csv, take_json};
use super::records::{Record, Tail, refusal};
use super::reject::Reject;

/// One record outside of its file.
#[derive(Debug, Clone, Copy)]
pub struct KeptRecord<'a> {
    /// As it was counted in its file.
    pub number: u64,
    /// A number of the caller's, by which it knows the record again: a reject has it as its `byte_offset`.
    pub tag: u64,
    pub text: &'a [u8],
}

/// How the text of a record is written.
#[derive(Debug, Clone)]
pub enum Form {
    Json,
    /// As the rows of this CSV file.
    Csv(CsvForm),
}

/// How a CSV file is written, and which of its columns is which field.
#[derive(Debug, Clone)]
pub struct CsvForm(Arc<CsvFile>);

/// Judges records and gathers those that are valid.
#[derive(Debug)]
pub struct Again {
    plan: Arc<DecodePlan>,
    columns: Columns,
    unknown_fields: u64,
}

impl DecodePlan {
    /// # Errors
    /// No record can be put into the schema.
    pub fn again(self: &Arc<Self>) -> Result<Again, DecodeError> {
        Ok(Again { plan: Arc::clone(self), columns: self.columns()?, unknown_fields: 0 })
    }

    /// True when the records of a file of this name are rows of CSV.
    pub fn reads_csv(&self, file_name: &str) -> bool {
        self.format_of(file_name) == Format::Csv
    }

    /// Finds out from the start of a CSV file how its rows are written.
    ///
    /// # Errors
    /// The file is no text with records, its header does not fit the schema, or reading failed.
    pub fn csv_form(&self, reader: Box<dyn Read + Send>, file_name: &str) -> Result<Form, DecodeError> {
        Ok(Form::Csv(CsvForm(CsvFile::open(self, reader, file_name, Tail::Final)?.file)))
    }
}

impl Again {
    /// Takes a record in.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it is kept then.
    pub fn take(&mut self, record: KeptRecord<'_>, form: &Form) -> Result<(), Box<Reject>> {
        let KeptRecord { number, tag: offset, text: raw } = record;
        // The records of a file are of one form, but for repaired ones.
        self.columns.reads_cells(matches!(form, Form::Csv(_)));
        let taken = match form {
            Form::Json => {
                let grammar = self.plan.grammar();
                let content = json::utf8(raw).and_then(|text| Parsed::of(text, grammar));
                let content = content.map_err(|bad| Box::new(refusal(&bad, raw, grammar)));
                take_json(&Record { number, offset, raw, content }, self.plan.judge(), &mut self.columns)
            }
            Form::Csv(CsvForm(file)) => self.take_row(record, file)?,
        };
        match taken {
            Taken::Row(appended) => {
                self.unknown_fields += appended.unknown_fields;
                Ok(())
            }
            Taken::Refused { reject, size: _ } => Err(Box::new(reject)),
        }
    }

    fn take_row(&mut self, record: KeptRecord<'_>, file: &Arc<CsvFile>) -> Result<Taken, Box<Reject>> {
        let KeptRecord { number, tag: offset, text } = record;
        let refused = |message: &str| {
            let problem = Problem::of_whole("record.syntax", message.to_owned(), "record");
            Box::new(problem.into_reject(number, offset, text.to_vec()))
        };
        let rows = |text: &[u8]| CsvRecords::of_text(Arc::clone(file), text.to_vec());
        let mut probe = rows(text);
        match (probe.next().map(|row| row.is_some()), probe.next().map(|row| row.is_some())) {
            (Ok(true), Ok(false)) => {}
            (Ok(false), _) => return Err(refused("the text holds no record")),
            (Ok(true), Ok(true)) => return Err(refused("the text holds more than one record")),
            (Err(_), _) | (_, Err(_)) => return Err(refused("a quote is never closed")),
        }
        let mut rows = rows(text);
        match rows.next() {
            Ok(Some(row)) => {
                Ok(take_csv(CsvRecord { number, offset, ..row }, self.plan.judge(), &mut self.columns))
            }
            Ok(None) | Err(_) => Err(refused("the text holds no record")),
        }
    }

    /// The records that were taken in since the last chunk. Those that break a check are its rejects.
    ///
    /// # Errors
    /// A fault of the program.
    pub fn chunk(&mut self) -> Result<Chunk, DecodeError> {
        let records_read = self.columns.rows() as u64;
        let batch = self.columns.finish().map_err(|refused| {
            DecodeError::internal(format!("the columns do not fit together: {refused}"))
        })?;
        let (texts, unknown_fields) = (self.columns.take_texts(), std::mem::take(&mut self.unknown_fields));
        let (newcomers, unknown) = (self.columns.take_newcomers(), self.columns.take_unknown());
        let rejects = Vec::new();
        self.plan.check(Chunk { batch, rejects, records_read, unknown_fields, newcomers, unknown, texts })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::decode::{DecodeOptions, Grammar};
    use crate::schema::definition;

    fn plan() -> Arc<DecodePlan> {
        plan_by(Grammar::Strict)
    }

    fn plan_by(grammar: Grammar) -> Arc<DecodePlan> {
        let text =
            r#"{"fields":[{"name":"id","type":"long","nullable":false},{"name":"price","type":"double"}]}"#;
        let schema = Arc::new(definition::compile(text).expect("a schema"));
        let options = DecodeOptions { grammar, ..DecodeOptions::new(schema, "", "orders") };
        DecodePlan::new(options).expect("a plan")
    }

    fn take(again: &mut Again, text: &str, form: &Form) -> Result<(), String> {
        let record = KeptRecord { number: 7, tag: 70, text: text.as_bytes() };
        again.take(record, form).map_err(|reject| format!("{} {}", reject.record_number, reject.rule))
    }

    #[test]
    fn valid_records_become_rows_and_others_leave_no_trace() {
        let mut again = plan().again().expect("columns");
        assert_eq!(take(&mut again, r#"{"id": 1, "price": 2.5}"#, &Form::Json), Ok(()));
        assert_eq!(
            take(&mut again, r#"{"id": 1, "price": "N/A"}"#, &Form::Json),
            Err("7 record.type".to_owned())
        );
        assert_eq!(take(&mut again, "{\"id\": 1}\n{\"id\": 2}", &Form::Json), Err("7 record.syntax".into()));
        assert_eq!(take(&mut again, r#"[{"id": 1}]"#, &Form::Json), Err("7 record.type".into()));
        assert_eq!(take(&mut again, "{\"id\":\n 3}", &Form::Json), Ok(()));
        let chunk = again.chunk().expect("a batch");
        assert_eq!((chunk.records_read, chunk.batch.num_rows()), (2, 2));
        assert_eq!(again.chunk().expect("a batch").batch.num_rows(), 0);
    }

    #[test]
    fn records_are_read_as_leniently_as_their_file() {
        let lenient = [
            "{id: 1, 'price': NaN,} // kept as it came",
            "# a comment\n{\"id\": 2}",
            "\"id\": 3, \"price\": 2.5,",
            "{\"id\": 4, \"price\": -Infinity}",
        ];
        let mut again = plan_by(Grammar::Lenient).again().expect("columns");
        for text in lenient {
            assert_eq!(take(&mut again, text, &Form::Json), Ok(()), "{text}");
        }
        let broken = take(&mut again, "{id: 5", &Form::Json);
        assert_eq!(broken, Err("7 record.syntax".to_owned()));
        assert_eq!(again.chunk().expect("a batch").batch.num_rows(), 4);
        let mut strict = plan().again().expect("columns");
        for text in lenient {
            let record = KeptRecord { number: 1, tag: 0, text: text.as_bytes() };
            let refused = strict.take(record, &Form::Json).expect_err("not JSON");
            assert!(refused.message.contains("\"lenient\": true"), "{text}: {}", refused.message);
        }
    }

    #[test]
    fn a_row_of_csv_is_read_as_its_file_was_written() {
        let plan = plan();
        assert!(plan.reads_csv("orders.csv.gz") && !plan.reads_csv("orders.json"));
        let file = Cursor::new(b"price;id\n1,5;1\n\"2;5\";2\n".to_vec());
        let form = plan.csv_form(Box::new(file), "orders.csv").expect("CSV");
        let mut again = plan.again().expect("columns");
        assert_eq!(take(&mut again, "2.5;4", &form), Ok(()));
        assert_eq!(take(&mut again, "x;4", &form), Err("7 record.type".into()));
        assert_eq!(take(&mut again, "1", &form), Err("7 record.columns".into()));
        for broken in ["1;2\n3;4", "", "\"1;2"] {
            assert_eq!(take(&mut again, broken, &form), Err("7 record.syntax".into()), "{broken:?}");
        }
        assert_eq!(again.chunk().expect("a batch").batch.num_rows(), 1);
    }
}
