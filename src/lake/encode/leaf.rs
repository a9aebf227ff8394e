//! One column of the file: its values taken from Arrow arrays, and written in the form that suits them.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBufferBuilder, GenericByteArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ByteArrayType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, GenericBinaryType,
    GenericStringType, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use parquet::basic::{Encoding, Type};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::Tools;
use super::bits::{packed_bytes, width_of};
use super::bounds::Bounds;
use super::choice::{Choice, Choices, Form, choose};
use super::compress::QUICK;
use super::dictionary::{Dictionary, Key};
use super::hybrid;
use super::levels::{Levels, Span};
use super::page::{Chunk, ChunkWriter, Page, Squeeze};
use super::values::{self, Number, Texts, Values, bounds_of, put_numbers};
use crate::schema::processing_config::Compression;

/// Bytes of a page before compression. Small enough that a reader can hold one of each column, large enough that
/// compression and readers find their pace.
const PAGE_BYTES: usize = 4 << 20;

/// True for types that have an encoder here; the others go through the library.
pub(super) fn is_known(kind: &DataType) -> bool {
    match kind {
        DataType::Boolean
        | DataType::Int32
        | DataType::Int64
        | DataType::Date32
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::Decimal128(_, _) => true,
        DataType::Timestamp(unit, _) => *unit != TimeUnit::Second,
        _ => false,
    }
}

/// What encoding a column takes besides its values.
pub(super) struct Leaf<'a> {
    pub column: ColumnDescPtr,
    pub levels: Levels,
    pub compression: Compression,
    pub choices: &'a Choices,
    pub tools: &'a mut Tools,
}

impl Leaf<'_> {
    /// Encodes the values of all batches, of which those that are null are left out.
    ///
    /// # Errors
    /// Values too long for the format.
    pub fn encode(self, chunks: &[ArrayRef]) -> Result<Chunk, ParquetError> {
        let Some(first) = chunks.first() else {
            return Err(ParquetError::General("a row group without rows".into()));
        };
        match (first.data_type(), self.column.physical_type()) {
            (DataType::Boolean, _) => self.booleans(chunks),
            (DataType::Int32, _) => self.numbers(numbers::<Int32Type>(chunks)),
            (DataType::Date32, _) => self.numbers(numbers::<Date32Type>(chunks)),
            (DataType::Int64, _) => self.numbers(numbers::<Int64Type>(chunks)),
            (DataType::Float32, _) => self.numbers(numbers::<Float32Type>(chunks)),
            (DataType::Float64, _) => self.numbers(numbers::<Float64Type>(chunks)),
            (DataType::Timestamp(TimeUnit::Millisecond, _), _) => {
                self.numbers(numbers::<TimestampMillisecondType>(chunks))
            }
            (DataType::Timestamp(TimeUnit::Microsecond, _), _) => {
                self.numbers(numbers::<TimestampMicrosecondType>(chunks))
            }
            (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => {
                self.numbers(numbers::<TimestampNanosecondType>(chunks))
            }
            // Small decimals are stored as integers; their precision says that they fit.
            (DataType::Decimal128(_, _), Type::INT32) => {
                self.numbers::<i32>(gather::<Decimal128Type, _>(chunks, |value| value as i32))
            }
            (DataType::Decimal128(_, _), Type::INT64) => {
                self.numbers::<i64>(gather::<Decimal128Type, _>(chunks, |value| value as i64))
            }
            (DataType::Decimal128(_, _), _) => self.decimals(chunks),
            (DataType::Utf8, _) => self.texts(chunks, bytes::<GenericStringType<i32>>, values::Form::Utf8),
            (DataType::LargeUtf8, _) => {
                self.texts(chunks, bytes::<GenericStringType<i64>>, values::Form::Utf8)
            }
            (DataType::Binary, _) => {
                self.texts(chunks, bytes::<GenericBinaryType<i32>>, values::Form::Binary)
            }
            (DataType::LargeBinary, _) => {
                self.texts(chunks, bytes::<GenericBinaryType<i64>>, values::Form::Binary)
            }
            (other, _) => Err(ParquetError::General(format!("no encoder for {other}"))),
        }
    }

    fn booleans(self, chunks: &[ArrayRef]) -> Result<Chunk, ParquetError> {
        let mut bits = BooleanBufferBuilder::new(self.levels.entries());
        for chunk in chunks {
            let array = chunk.as_boolean();
            for (start, end) in valid_ranges(chunk.len(), chunk.nulls()) {
                bits.append_buffer(&array.values().slice(start, end - start));
            }
        }
        self.write(&bits.finish(), Form::Plain, QUICK)
    }

    fn numbers<T: Number>(mut self, values: Vec<T>) -> Result<Chunk, ParquetError> {
        let keys = |values: &[T]| values.iter().map(|value| value.bits()).collect::<Vec<u64>>();
        let choice = match self.known_choice(&values) {
            Some(choice) => choice,
            None => self.choose(&values, &keys(&values))?,
        };
        let Form::Dictionary { expected } = choice.form else {
            return self.write(&values, choice.form, choice.level);
        };
        match self.dictionary(&keys(&values), expected) {
            Some(found) => {
                let mut page = Vec::new();
                put_numbers::<T>(&found.distinct, &mut page);
                let bounds = values.bounds(0..Values::len(&values));
                self.write_dictionary(&values, &found, page, bounds, choice.level)
            }
            None => self.write(&values, choice.otherwise, choice.level),
        }
    }

    fn decimals(self, chunks: &[ArrayRef]) -> Result<Chunk, ParquetError> {
        let length = usize::try_from(self.column.type_length()).unwrap_or(16).clamp(1, 16);
        let stored: Vec<[u8; 16]> = gather::<Decimal128Type, _>(chunks, i128::to_be_bytes);
        let values = stored.iter().map(|bytes| &bytes[16 - length..]).collect();
        self.bytes(Texts { values, runs: Vec::new(), form: values::Form::Decimal })
    }

    fn texts<'c>(
        self,
        chunks: &'c [ArrayRef],
        add: impl Fn(&'c ArrayRef, &mut Texts<'c>),
        form: values::Form,
    ) -> Result<Chunk, ParquetError> {
        let values = Vec::with_capacity(self.levels.entries());
        let mut texts = Texts { values, runs: Vec::new(), form };
        chunks.iter().for_each(|chunk| add(chunk, &mut texts));
        self.bytes(texts)
    }

    fn bytes(mut self, texts: Texts<'_>) -> Result<Chunk, ParquetError> {
        let choice = match self.known_choice(&texts) {
            Some(choice) => choice,
            None => self.choose(&texts, &texts.values)?,
        };
        let Form::Dictionary { expected } = choice.form else {
            return self.write(&texts, choice.form, choice.level);
        };
        match self.dictionary(&texts.values, expected) {
            Some(found) => {
                let bounds = bounds_of(&found.distinct, texts.form);
                let distinct = Texts { values: found.distinct.clone(), runs: Vec::new(), form: texts.form };
                let mut page = Vec::new();
                distinct.put_plain(0..Values::len(&distinct), &mut page);
                self.write_dictionary(&texts, &found, page, bounds, choice.level)
            }
            None => self.write(&texts, choice.otherwise, choice.level),
        }
    }

    /// What was found out earlier, or what needs no trial.
    fn known_choice(&self, values: &dyn Values) -> Option<Choice> {
        if values.len() == 0 {
            return Some(Choice { form: Form::Plain, level: QUICK, otherwise: Form::Plain });
        }
        self.choices.remembered(&self.column.path().string())
    }

    fn choose<K: Key>(&mut self, values: &dyn Values, keys: &[K]) -> Result<Choice, ParquetError> {
        let choice = choose(values, keys, self.compression, self.tools)?;
        self.choices.remember(&self.column.path().string(), choice);
        Ok(choice)
    }

    /// The dictionary, unless it grows far beyond what was expected: then the next row group tries anew.
    fn dictionary<K: Key>(&mut self, keys: &[K], expected: usize) -> Option<Dictionary<K>> {
        let most = expected.saturating_mul(2).max(256).min(keys.len() / 2 + 1);
        let found = self.tools.table.build(keys, most);
        if found.is_none() {
            self.choices.forget(&self.column.path().string());
        }
        found
    }

    /// The pages for so many values, which take so many bytes.
    fn spans(&self, values: usize, bytes: usize) -> Result<Vec<Span>, ParquetError> {
        let spans = self.levels.spans(bytes.div_ceil(PAGE_BYTES));
        if spans.last().map_or(0, |last| last.values.end) == values {
            return Ok(spans);
        }
        let column = self.column.path().string();
        Err(ParquetError::General(format!("column {column} has nulls, but its type says that it has none")))
    }

    fn write(self, values: &dyn Values, form: Form, level: i32) -> Result<Chunk, ParquetError> {
        let encoding = values.delta().filter(|_| form == Form::Delta).unwrap_or(Encoding::PLAIN);
        let spans = self.spans(values.len(), values.bytes())?;
        let bounds = values.bounds(0..values.len());
        let squeeze = Squeeze { compression: self.compression, level };
        let mut writer = ChunkWriter::new(self.column, squeeze, &mut self.tools.compressor);
        let single = spans.len() == 1;
        let room = values.bytes() / spans.len().max(1);
        for span in spans {
            let mut body = Vec::with_capacity(room);
            self.levels.put(&span, &mut body);
            match encoding {
                Encoding::PLAIN => values.put_plain(span.values.clone(), &mut body),
                _ => values.put_delta(span.values.clone(), &mut body),
            }
            let bounds = if single { bounds.clone() } else { values.bounds(span.values.clone()) };
            writer.add(Page::data(span, bounds, encoding, body))?;
        }
        writer.finish(bounds)
    }

    fn write_dictionary<K>(
        self,
        values: &dyn Values,
        found: &Dictionary<K>,
        page: Vec<u8>,
        bounds: Option<Bounds>,
        level: i32,
    ) -> Result<Chunk, ParquetError> {
        // A width of 0 is legal for one entry, but not every reader agrees.
        let width = width_of(found.distinct.len() as u64 - 1).max(1);
        let spans = self.spans(found.indices.len(), packed_bytes(found.indices.len(), width))?;
        let squeeze = Squeeze { compression: self.compression, level };
        let mut writer = ChunkWriter::new(self.column, squeeze, &mut self.tools.compressor);
        writer.add(Page::dictionary(found.distinct.len(), page))?;
        let single = spans.len() == 1;
        for span in spans {
            let mut body = Vec::new();
            self.levels.put(&span, &mut body);
            body.push(width as u8);
            hybrid::encode(&found.indices[span.values.clone()], width, &mut body);
            let bounds = if single { bounds.clone() } else { values.bounds(span.values.clone()) };
            writer.add(Page::data(span, bounds, Encoding::RLE_DICTIONARY, body))?;
        }
        writer.finish(bounds)
    }
}

fn numbers<T: ArrowPrimitiveType>(chunks: &[ArrayRef]) -> Vec<T::Native> {
    gather::<T, _>(chunks, |value| value)
}

/// The values that are not null.
fn gather<T: ArrowPrimitiveType, O>(chunks: &[ArrayRef], stored: impl Fn(T::Native) -> O) -> Vec<O> {
    let count = chunks.iter().map(|chunk| chunk.len() - chunk.null_count()).sum();
    let mut gathered = Vec::with_capacity(count);
    for chunk in chunks {
        let values = chunk.as_primitive::<T>().values();
        for (start, end) in valid_ranges(chunk.len(), chunk.nulls()) {
            gathered.extend(values[start..end].iter().map(|value| stored(*value)));
        }
    }
    gathered
}

fn bytes<'c, T: ByteArrayType>(chunk: &'c ArrayRef, texts: &mut Texts<'c>) {
    let array: &GenericByteArray<T> = chunk.as_bytes();
    let (data, offsets) = (array.value_data(), array.value_offsets());
    for (start, end) in valid_ranges(chunk.len(), chunk.nulls()) {
        let ends = offsets[start..=end].windows(2);
        texts.values.extend(ends.map(|ends| &data[position(ends[0])..position(ends[1])]));
        texts.runs.push(&data[position(offsets[start])..position(offsets[end])]);
    }
}

/// Offsets of an array are never negative.
fn position<O: arrow::array::OffsetSizeTrait>(offset: O) -> usize {
    offset.as_usize()
}

fn valid_ranges(length: usize, nulls: Option<&NullBuffer>) -> Vec<(usize, usize)> {
    match nulls {
        Some(nulls) if nulls.null_count() > 0 => nulls.valid_slices().collect(),
        _ => vec![(0, length)],
    }
}
