//! The columns of a key: rows → hashes.

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};

use crate::schema::field::Field;

/// 128 bits of BLAKE3 over the encoded key: no two keys of a table collide.
pub type KeyHash = u128;

/// Names and types of the columns that make up a key.
#[derive(Debug, Clone, Default)]
pub struct KeyColumns {
    columns: Vec<(String, DataType)>,
}

/// The keys of some rows. Equal keys have equal bytes.
pub struct EncodedKeys {
    rows: Rows,
    hashes: Vec<KeyHash>,
    /// For each row: whether a part of its key is null.
    nulls: Vec<bool>,
}

impl KeyColumns {
    pub fn of<'f>(fields: impl IntoIterator<Item = &'f Field>) -> KeyColumns {
        let column = |field: &Field| (field.name.clone(), field.kind.arrow());
        KeyColumns { columns: fields.into_iter().map(column).collect() }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// The same for keys whose hashes can be compared.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, kind) in &self.columns {
            hasher.update(format!("{name:?} {kind}\n").as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// The keys in `batch`. A data file that is older than a key column has no such keys: nulls.
    ///
    /// # Errors
    /// When a key column has a type that cannot be encoded.
    pub fn encode(&self, batch: &RecordBatch) -> Result<EncodedKeys, ArrowError> {
        let column = |(name, kind): &(String, DataType)| match batch.column_by_name(name) {
            Some(column) => cast(column, kind),
            None => Ok(new_null_array(kind, batch.num_rows())),
        };
        let columns: Vec<ArrayRef> = self.columns.iter().map(column).collect::<Result<_, _>>()?;
        let mut nulls = vec![false; batch.num_rows()];
        for column in columns.iter().filter(|column| column.null_count() > 0) {
            nulls.iter_mut().enumerate().for_each(|(row, null)| *null |= column.is_null(row));
        }
        let sorts = self.columns.iter().map(|(_, kind)| SortField::new(kind.clone())).collect();
        let rows = RowConverter::new(sorts)?.convert_columns(&columns)?;
        let hashes = rows.iter().map(|row| hash(row.data())).collect();
        Ok(EncodedKeys { rows, hashes, nulls })
    }

    /// Hashes of the keys in `batch`; nulls are values like any other.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn hashes(&self, batch: &RecordBatch) -> Result<Vec<KeyHash>, ArrowError> {
        Ok(self.encode(batch)?.hashes)
    }
}

impl EncodedKeys {
    /// The hash of a key that can be equal to another: one without nulls, as in SQL.
    pub fn comparable(&self, row: usize) -> Option<KeyHash> {
        (!self.nulls[row]).then(|| self.hashes[row])
    }

    pub fn bytes(&self, row: usize) -> &[u8] {
        self.rows.row(row).data()
    }

    pub fn len(&self) -> usize {
        self.nulls.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nulls.is_empty()
    }
}

fn hash(key: &[u8]) -> KeyHash {
    let digest = blake3::hash(key);
    let (first, _) = digest.as_bytes().split_first_chunk::<16>().expect("a digest has 32 bytes");
    KeyHash::from_le_bytes(*first)
}
