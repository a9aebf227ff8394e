//! The partition columns of a table: their names, type and values, from the ledger's data files. Pure.
//!
//! A partition column is not in the files but in their paths (`…/date=2025-01-02/…`), as Hive lays tables out.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::scalar::ScalarValue;

use super::listing::LakeFile;

/// The directory name that stands for "no value".
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition columns of one listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartitionColumns {
    columns: Vec<FieldRef>,
}

impl PartitionColumns {
    /// Columns that the paths of `files` name, in alphabetical order; those in `in_files` are left to the files.
    /// Without files the table's declared column is what a reader may expect to be there.
    pub fn of(files: &[LakeFile], declared: Option<&str>, in_files: impl Fn(&str) -> bool) -> Self {
        let mut names: BTreeSet<&str> = files.iter().filter_map(|file| column_of(&file.path)).collect();
        if files.is_empty() {
            names.extend(declared);
        }
        let columns = names
            .into_iter()
            .filter(|name| !in_files(name))
            .map(|name| FieldRef::new(Field::new(name, kind_of(name, files), true)))
            .collect();
        PartitionColumns { columns }
    }

    pub fn fields(&self) -> &[FieldRef] {
        &self.columns
    }

    /// One value for each column, in their order.
    pub fn values(&self, file: &LakeFile) -> Vec<ScalarValue> {
        let own = column_of(&file.path);
        self.columns
            .iter()
            .map(|column| {
                let text = value_of(file).filter(|_| own == Some(column.name()));
                match column.data_type() {
                    DataType::Date32 => ScalarValue::Date32(text.and_then(date).map(days_since_epoch)),
                    _ => ScalarValue::Utf8(text.map(str::to_string)),
                }
            })
            .collect()
    }
}

fn kind_of(column: &str, files: &[LakeFile]) -> DataType {
    let of_column = files.iter().filter(|file| column_of(&file.path) == Some(column));
    let mut values = of_column.filter_map(value_of);
    if values.all(|text| date(text).is_some()) { DataType::Date32 } else { DataType::Utf8 }
}

/// The name before the last `=` directory of a data file's path.
fn column_of(path: &str) -> Option<&str> {
    let (folders, _) = path.rsplit_once('/')?;
    folders.rsplit('/').find_map(|folder| folder.split_once('=')).map(|(name, _)| name)
}

fn value_of(file: &LakeFile) -> Option<&str> {
    file.partition_value.as_deref().filter(|value| *value != NULL_PARTITION)
}

/// `YYYY-MM-DD`, exactly.
pub fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// A date as Arrow counts it.
pub fn days_since_epoch(date: NaiveDate) -> i32 {
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days())
        .expect("every date of chrono is within 2^31 days of 1970")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(parts: &[(&str, Option<&str>)]) -> Vec<LakeFile> {
        parts
            .iter()
            .map(|(path, value)| LakeFile {
                path: (*path).into(),
                partition_value: value.map(str::to_string),
                ..LakeFile::default()
            })
            .collect()
    }

    #[test]
    fn dates_make_a_date_column_and_null_stays_null() {
        let files = files(&[
            ("raw_data/t/date=2025-01-02/a.parquet", Some("2025-01-02")),
            ("raw_data/t/date=__HIVE_DEFAULT_PARTITION__/b.parquet", Some(NULL_PARTITION)),
        ]);
        let columns = PartitionColumns::of(&files, None, |_| false);
        assert_eq!(columns.fields()[0].data_type(), &DataType::Date32);
        assert_eq!(columns.values(&files[0]), [ScalarValue::Date32(Some(20_090))]);
        assert_eq!(columns.values(&files[1]), [ScalarValue::Date32(None)]);
    }

    #[test]
    fn other_values_make_a_text_column() {
        let files = files(&[("raw_data/t/month=2025-01/a.parquet", Some("2025-01"))]);
        let columns = PartitionColumns::of(&files, None, |_| false);
        assert_eq!(columns.fields()[0].name(), "month");
        assert_eq!(columns.values(&files[0]), [ScalarValue::Utf8(Some("2025-01".into()))]);
    }

    #[test]
    fn a_column_that_the_files_hold_is_not_taken_from_the_path() {
        let files = files(&[("raw_data/t/date=2025-01-02/a.parquet", Some("2025-01-02"))]);
        assert_eq!(PartitionColumns::of(&files, None, |name| name == "date"), PartitionColumns::default());
    }

    #[test]
    fn a_table_without_partitions_or_files_has_only_the_declared_column() {
        let unpartitioned = files(&[("raw_data/t/a.parquet", None)]);
        assert_eq!(
            PartitionColumns::of(&unpartitioned, Some("date"), |_| false),
            PartitionColumns::default()
        );
        assert_eq!(PartitionColumns::of(&[], Some("date"), |_| false).fields().len(), 1);
    }
}
