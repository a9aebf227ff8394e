//! A checksum over rows: the same for the same rows in the same order, however they are cut into batches and files.
//!
//! BLAKE3 over Arrow's row encoding, in which nulls, signs of zero and the bits of a NaN all count.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

/// Rows seen so far.
pub struct Digest {
    converter: RowConverter,
    hasher: blake3::Hasher,
    rows: u64,
}

/// The sum of all rows of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub rows: u64,
    hash: blake3::Hash,
}

impl Digest {
    /// # Errors
    /// When a column has a type that cannot be encoded.
    pub fn new(schema: &SchemaRef) -> Result<Self, ArrowError> {
        let fields = schema.fields().iter().map(|field| SortField::new(plain_type(field.data_type())));
        Ok(Digest { converter: RowConverter::new(fields.collect())?, hasher: blake3::Hasher::new(), rows: 0 })
    }

    /// # Errors
    /// When the batch has other columns than the schema.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        self.rows += batch.num_rows() as u64;
        if batch.num_columns() == 0 {
            return Ok(());
        }
        let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let encoded = self.converter.convert_columns(&columns)?.try_into_binary()?;
        // The encoding tells by itself where a row ends: the bytes one after the other are unambiguous.
        let (offsets, bytes, _) = encoded.into_parts();
        let end = offsets.last().map_or(0, |end| *end as usize);
        self.hasher.update(&bytes[..end]);
        Ok(())
    }

    pub fn sum(&self) -> Sum {
        Sum { rows: self.rows, hash: self.hasher.finalize() }
    }
}

/// The encoding knows no maps: they count as lists of pairs.
fn plain_type(kind: &DataType) -> DataType {
    let field =
        |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(plain_type(field.data_type())));
    match kind {
        DataType::Map(entries, _) => DataType::List(field(entries)),
        DataType::List(item) => DataType::List(field(item)),
        DataType::Struct(members) => DataType::Struct(members.iter().map(field).collect()),
        other => other.clone(),
    }
}

fn plain(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let kind = plain_type(array.data_type());
    if kind == *array.data_type() {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), &kind) {
        (DataType::Map(..), DataType::List(item)) => {
            let map = array.as_map();
            let pairs = plain(&(Arc::new(map.entries().clone()) as ArrayRef))?;
            list(item, map.offsets().clone(), pairs, map.nulls().cloned())
        }
        (DataType::List(_), DataType::List(item)) => {
            let lists: &ListArray = array.as_list();
            list(item, lists.offsets().clone(), plain(lists.values())?, lists.nulls().cloned())
        }
        (DataType::Struct(_), DataType::Struct(members)) => plain_struct(array.as_struct(), members),
        (other, _) => Err(ArrowError::NotYetImplemented(format!("a checksum over {other}"))),
    }
}

fn list(
    item: &FieldRef,
    offsets: arrow::buffer::OffsetBuffer<i32>,
    values: ArrayRef,
    nulls: Option<arrow::buffer::NullBuffer>,
) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}

fn plain_struct(array: &StructArray, members: &Fields) -> Result<ArrayRef, ArrowError> {
    let columns = array.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let nulls = array.nulls().cloned();
    Ok(Arc::new(StructArray::try_new_with_length(members.clone(), columns, nulls, array.len())?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, MapBuilder, StringArray, StringBuilder};
    use proptest::prelude::*;

    use super::*;

    fn map(values: &[Option<&str>]) -> ArrayRef {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for value in values {
            builder.keys().append_value("key");
            builder.values().append_option(*value);
            builder.append(true).expect("a pair");
        }
        Arc::new(builder.finish())
    }

    fn batch(numbers: &[Option<i64>], texts: &[Option<&str>]) -> RecordBatch {
        let inner: ArrayRef = map(texts);
        let nested = StructArray::from(vec![(
            Arc::new(arrow::datatypes::Field::new("m", inner.data_type().clone(), true)),
            inner,
        )]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(numbers.to_vec()))),
            ("t", Arc::new(StringArray::from(texts.to_vec()))),
            ("s", Arc::new(nested)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .expect("columns of one length")
    }

    fn sum(batches: &[RecordBatch]) -> Sum {
        let mut digest = Digest::new(&batches[0].schema()).expect("types that can be encoded");
        batches.iter().for_each(|batch| digest.add(batch).expect("the same columns"));
        digest.sum()
    }

    #[test]
    fn every_value_and_the_order_count() {
        let one = batch(&[Some(1), None], &[Some("a"), Some("b")]);
        for other in [
            batch(&[Some(2), None], &[Some("a"), Some("b")]),
            batch(&[Some(1), Some(0)], &[Some("a"), Some("b")]),
            batch(&[Some(1), None], &[Some("ab"), Some("")]),
            batch(&[Some(1), None], &[Some("a"), None]),
            batch(&[None, Some(1)], &[Some("b"), Some("a")]),
            batch(&[Some(1)], &[Some("a")]),
        ] {
            assert_ne!(sum(std::slice::from_ref(&one)), sum(&[other]));
        }
        let zero = |zero: f64| {
            let column: ArrayRef = Arc::new(Float64Array::from(vec![zero]));
            RecordBatch::try_from_iter([("f", column)]).expect("a column")
        };
        assert_ne!(sum(&[zero(0.0)]), sum(&[zero(-0.0)]));
    }

    proptest! {
        #[test]
        fn where_batches_are_cut_does_not_count(
            rows in prop::collection::vec((prop::option::of(any::<i64>()), prop::option::of(".{0,40}")), 1..30),
            cut in 0usize..30,
        ) {
            let numbers: Vec<_> = rows.iter().map(|(number, _)| *number).collect();
            let texts: Vec<_> = rows.iter().map(|(_, text)| text.as_deref()).collect();
            let whole = batch(&numbers, &texts);
            let cut = cut.min(rows.len());
            let parts = [whole.slice(0, cut), whole.slice(cut, rows.len() - cut)];
            prop_assert_eq!(sum(&parts), sum(&[whole]));
        }
    }
}
