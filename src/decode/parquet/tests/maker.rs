//! Makes columns of all types, and fields that may or may not take them, from a number.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, TimeUnit, i256};
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};

pub(super) struct Maker {
    random: fastrand::Rng,
    /// Only values that the type which is inferred for them holds.
    tame: bool,
}

const TEXTS: [&str; 10] = [
    "",
    "a",
    "on",
    "été \u{1f600}",
    "a\"b\\c\n",
    "2024-05-01",
    "2024-05-01T12:00:00Z",
    "12.50",
    "TWFu",
    "a text that is longer than the twelve bytes that a view holds by itself",
];

const FLOATS: [f64; 14] = [
    0.0,
    -0.0,
    0.1,
    1.0,
    -2.5,
    3.0,
    1e300,
    5e-324,
    16_777_217.0,
    9_007_199_254_740_993.0,
    0.333_333_343_267_440_8,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

const KINDS: [&str; 34] = [
    r#""type":"string""#,
    r#""type":"string","max_length":3"#,
    r#""type":"string","pattern":"^[a-z]*$""#,
    r#""type":"string","enum":["a","on"]"#,
    r#""type":"boolean""#,
    r#""type":"boolean","enum":[true]"#,
    r#""type":"int""#,
    r#""type":"int","minimum":0"#,
    r#""type":"int","enum":[1,2,3]"#,
    r#""type":"long""#,
    r#""type":"long","minimum":-5,"maximum":100"#,
    r#""type":"float""#,
    r#""type":"float","maximum":0.1"#,
    r#""type":"double""#,
    r#""type":"double","minimum":0"#,
    r#""type":"double","minimum":0.1,"maximum":3"#,
    r#""type":"decimal(9,2)""#,
    r#""type":"decimal(38,10)""#,
    r#""type":"decimal(20,0)","minimum":0"#,
    r#""type":"date""#,
    r#""type":"date","minimum":"2000-01-01""#,
    r#""type":"timestamp""#,
    r#""type":"timestamp","minimum":"1970-01-01""#,
    r#""type":"timestamp","unit":"ms""#,
    r#""type":"timestamp_ns""#,
    r#""type":"binary""#,
    r#""type":"json""#,
    r#""type":"struct","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]"#,
    r#""type":"struct","fields":[{"name":"b","type":"string","nullable":false},{"name":"c","type":"int","default":7},{"name":"a","type":"int"}]"#,
    r#""type":"struct","fields":[{"name":"a","type":"long"}]"#,
    r#""type":"list","items":{"type":"int"}"#,
    r#""type":"list","items":{"type":"long","nullable":false},"max_length":2"#,
    r#""type":"list","items":{"type":"struct","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}"#,
    r#""type":"map","items":{"type":"long"}"#,
];

impl Maker {
    pub fn new(seed: u64) -> Maker {
        Maker { random: fastrand::Rng::with_seed(seed), tame: false }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.random.usize(..limit)
    }

    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    pub fn properties(&mut self) -> WriterProperties {
        let codecs = [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW];
        let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
        WriterProperties::builder()
            .set_compression(codecs[self.below(3)])
            .set_writer_version(versions[self.below(2)])
            .set_dictionary_enabled(self.chance(2))
            .set_max_row_group_row_count(Some(1 + self.below(40)))
            .set_data_page_row_count_limit(1 + self.below(20))
            .set_write_batch_size(1 + self.below(8))
            .build()
    }

    /// Rows, and the definition of fields that some of them fit.
    pub fn batch_and_fields(&mut self) -> (RecordBatch, String) {
        let rows = 1 + self.below(60);
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for at in 0..1 + self.below(4) {
            let (array, fitting) = self.column(rows);
            let name = format!("c{at}");
            if !self.chance(5) {
                let kind = if self.chance(3) { KINDS[self.below(KINDS.len())] } else { fitting };
                let nullable = !self.chance(5);
                let alias = self.chance(4);
                let (own, aliases) =
                    if alias { ("x", format!(r#","aliases":["{name}"]"#)) } else { ("", String::new()) };
                fields.push(format!(r#"{{"name":"{own}{name}",{kind},"nullable":{nullable}{aliases}}}"#));
            }
            columns.push((name, array, true));
        }
        fields.push(match self.below(3) {
            0 => r#"{"name":"m","type":"long"}"#.to_owned(),
            _ => r#"{"name":"m","type":"decimal(9,2)","default":1.5}"#.to_owned(),
        });
        (RecordBatch::try_from_iter_with_nullable(columns).expect("a batch"), fields.join(","))
    }

    /// A column of each type.
    pub fn tame_batch(&mut self) -> RecordBatch {
        self.tame = true;
        let rows = 1 + self.below(50);
        let columns = (0..COLUMNS)
            .map(|kind| (format!("c{kind}"), self.column_of(kind, rows).0, true))
            .collect::<Vec<_>>();
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    }

    fn column(&mut self, rows: usize) -> (ArrayRef, &'static str) {
        let kind = self.below(COLUMNS);
        self.column_of(kind, rows)
    }

    fn some<T>(&mut self, rows: usize, mut make: impl FnMut(&mut Maker) -> T) -> Vec<Option<T>> {
        let nulls = self.chance(2);
        (0..rows).map(|_| if nulls && self.chance(4) { None } else { Some(make(self)) }).collect()
    }

    fn integer(&mut self, low: i64, high: i64) -> i64 {
        match self.below(4) {
            0 => self.random.i64(low..=high),
            1 => [low, high, 0, 1][self.below(4)],
            _ => self.random.i64(0..=50).clamp(low, high),
        }
    }

    fn float(&mut self) -> f64 {
        match self.below(3) {
            0 => self.random.f64() * 1000.0,
            1 => f64::from(self.random.i32(-500..500)) / 4.0,
            _ => FLOATS[self.below(FLOATS.len())],
        }
    }

    fn text(&mut self) -> String {
        TEXTS[self.below(TEXTS.len())].to_owned()
    }

    fn day(&mut self) -> i32 {
        if self.tame {
            self.random.i32(-719_162..=2_932_896)
        } else {
            self.integer(-1_000_000, 4_000_000) as i32
        }
    }

    /// Of a type by its number, and a field that takes most of it.
    fn column_of(&mut self, kind: usize, rows: usize) -> (ArrayRef, &'static str) {
        // The years that have a text.
        let (low, high) = if self.tame {
            (-62_135_596_800_i64, 253_402_300_799_i64)
        } else {
            (-90_000_000_000, 300_000_000_000)
        };
        match kind {
            0 => (
                Arc::new(BooleanArray::from(self.some(rows, |maker| maker.chance(2)))),
                r#""type":"boolean""#,
            ),
            1 => (
                Arc::new(Int8Array::from(self.some(rows, |maker| maker.integer(-128, 127) as i8))),
                r#""type":"int""#,
            ),
            2 => (
                Arc::new(UInt16Array::from(self.some(rows, |maker| maker.integer(0, 65535) as u16))),
                r#""type":"int","minimum":1"#,
            ),
            3 => (
                Arc::new(Int32Array::from(
                    self.some(rows, |maker| maker.integer(i32::MIN.into(), i32::MAX.into()) as i32),
                )),
                r#""type":"int""#,
            ),
            4 => (
                Arc::new(UInt32Array::from(
                    self.some(rows, |maker| maker.integer(0, u32::MAX.into()) as u32),
                )),
                r#""type":"long""#,
            ),
            5 => (
                Arc::new(Int64Array::from(self.some(rows, |maker| maker.integer(i64::MIN, i64::MAX)))),
                r#""type":"double""#,
            ),
            6 => (
                Arc::new(UInt64Array::from(
                    self.some(rows, |maker| maker.integer(i64::MIN, i64::MAX) as u64),
                )),
                r#""type":"decimal(20,0)""#,
            ),
            7 => (
                Arc::new(Float32Array::from(self.some(rows, |maker| maker.float() as f32))),
                r#""type":"float","maximum":100"#,
            ),
            8 => (Arc::new(Float64Array::from(self.some(rows, Maker::float))), r#""type":"double""#),
            9 => {
                let values = self.some(rows, |maker| i128::from(maker.integer(-999_999_999, 999_999_999)));
                let array = Decimal128Array::from(values).with_precision_and_scale(9, 2).expect("a decimal");
                (Arc::new(array), r#""type":"decimal(12,1)""#)
            }
            10 => {
                let values = self
                    .some(rows, |maker| i128::from(maker.random.i64(..)) * i128::from(maker.random.i64(..)));
                let array =
                    Decimal128Array::from(values).with_precision_and_scale(38, 10).expect("a decimal");
                (Arc::new(array), r#""type":"decimal(38,10)""#)
            }
            11 => {
                let values = self.some(rows, |maker| {
                    i256::from_i128(i128::from(maker.random.i64(..)) << 60)
                        .wrapping_mul(i256::from_i128(1 << 30))
                });
                let array = Decimal256Array::from(values).with_precision_and_scale(50, 5).expect("a decimal");
                (Arc::new(array), r#""type":"json""#)
            }
            12 => (Arc::new(Date32Array::from(self.some(rows, Maker::day))), r#""type":"date""#),
            13 => {
                let values = self.some(rows, |maker| maker.random.i32(0..86_400_000));
                (Arc::new(Time32MillisecondArray::from(values)), r#""type":"string""#)
            }
            14 => {
                let values = self.some(rows, |maker| maker.random.i64(0..86_400_000_000_000));
                (Arc::new(Time64NanosecondArray::from(values)), r#""type":"string""#)
            }
            15 => {
                let values = self.some(rows, |maker| maker.integer(low, high) * 1000 + 5);
                (
                    Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC")),
                    r#""type":"timestamp""#,
                )
            }
            16 => {
                let values = self.some(rows, |maker| maker.integer(low, high) * 1_000_000 + 7);
                (
                    Arc::new(TimestampMicrosecondArray::from(values)),
                    r#""type":"timestamp","maximum":"2100-01-01""#,
                )
            }
            17 => {
                let values = self.some(rows, |maker| maker.integer(i64::MIN, i64::MAX));
                (
                    Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC")),
                    r#""type":"timestamp_ns""#,
                )
            }
            18 => (Arc::new(StringArray::from(self.some(rows, Maker::text))), r#""type":"string""#),
            19 => {
                let texts = StringArray::from(self.some(rows, Maker::text));
                let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                (cast(&texts, &dictionary).expect("a dictionary"), r#""type":"string","max_length":30"#)
            }
            20 => {
                let values = self.some(rows, |maker| match maker.below(3) {
                    0 => vec![0xff, 0],
                    _ => maker.text().into_bytes(),
                });
                let values: Vec<Option<&[u8]>> = values.iter().map(Option::as_deref).collect();
                (Arc::new(BinaryArray::from(values)), r#""type":"binary""#)
            }
            21 => {
                let values = self.some(rows, |maker| [maker.random.u8(..); 5]);
                let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 5);
                (Arc::new(array.expect("values of one size")), r#""type":"binary""#)
            }
            22 => {
                let values = self.some(rows, |maker| {
                    let length = maker.below(4);
                    maker.some(length, |maker| maker.integer(-5, 5) as i32)
                });
                let array = ListArray::from_iter_primitive::<Int32Type, _, _>(values);
                (Arc::new(array), r#""type":"list","items":{"type":"int"},"max_length":2"#)
            }
            23 => (
                self.structure(rows),
                r#""type":"struct","fields":[{"name":"a","type":"long","minimum":0},{"name":"b","type":"string"},{"name":"z","type":"int"}]"#,
            ),
            24 => {
                let lengths: Vec<usize> = (0..rows).map(|_| self.below(3)).collect();
                let items = self.structure(lengths.iter().sum());
                let item = Arc::new(Field::new("item", items.data_type().clone(), true));
                let array =
                    ListArray::new(item, OffsetBuffer::from_lengths(lengths), items, self.nulls(rows));
                (Arc::new(array), KINDS[32])
            }
            25 => (self.map(rows), r#""type":"map","items":{"type":"int","minimum":0}"#),
            26 => (Arc::new(NullArray::new(rows)), r#""type":"json""#),
            _ => {
                let values = self.some(rows, |maker| maker.integer(low, high));
                let array = TimestampSecondArray::from(values).with_timezone("Europe/Berlin");
                (
                    cast(&array, &DataType::Timestamp(TimeUnit::Second, Some("UTC".into()))).expect("times"),
                    r#""type":"timestamp""#,
                )
            }
        }
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        self.chance(2).then(|| (0..rows).map(|_| !self.chance(4)).collect::<Vec<bool>>().into())
    }

    fn structure(&mut self, rows: usize) -> ArrayRef {
        let a: ArrayRef = Arc::new(Int32Array::from(self.some(rows, |maker| maker.integer(-5, 5) as i32)));
        let b: ArrayRef = Arc::new(StringArray::from(self.some(rows, Maker::text)));
        let fields =
            Fields::from(vec![Field::new("a", DataType::Int32, true), Field::new("b", DataType::Utf8, true)]);
        Arc::new(StructArray::new(fields, vec![a, b], self.nulls(rows)))
    }

    fn map(&mut self, rows: usize) -> ArrayRef {
        let lengths: Vec<usize> = (0..rows).map(|_| self.below(3)).collect();
        let count = lengths.iter().sum();
        let tame = self.tame;
        let keys =
            (0..count).map(|at| if tame { format!("k{at}") } else { format!("k{}", at % 2 * self.below(3)) });
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(keys.collect::<Vec<_>>()));
        let values: ArrayRef = Arc::new(Int64Array::from(self.some(count, |maker| maker.integer(-5, 5))));
        let fields = Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Int64, true),
        ]);
        let entries = StructArray::new(fields, vec![keys, values], None);
        let field = Arc::new(Field::new("entries", entries.data_type().clone(), false));
        Arc::new(MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, self.nulls(rows), false))
    }
}

const COLUMNS: usize = 28;

/// Fails unless the rows have the same values as what was written. Another type of ours must say the same as a text.
pub(super) fn same(sent: &ArrayRef, found: &ArrayRef, name: &str) {
    let context = || format!("{name}: {sent:?} became {found:?}");
    let flat = match sent.data_type() {
        DataType::Dictionary(_, value) => cast(sent, value).expect("a dictionary"),
        DataType::FixedSizeBinary(_) => cast(sent, &DataType::Binary).expect("bytes"),
        _ => sent.clone(),
    };
    match (flat.data_type(), found.data_type()) {
        (DataType::Timestamp(..), DataType::Timestamp(..)) => {
            // A cast to the finer unit must not overflow here, and loses nothing.
            let zoned = cast(
                &flat,
                &match flat.data_type() {
                    DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, Some("UTC".into())),
                    other => other.clone(),
                },
            );
            let cast = cast(&zoned.expect("times"), found.data_type()).expect("times");
            assert_eq!(&cast, found, "{}", context());
        }
        (DataType::Decimal256(..) | DataType::Time32(_) | DataType::Time64(_), DataType::Utf8) => {
            let texts = cast(&flat, &DataType::Utf8).expect("texts");
            let (texts, found) = (texts.as_string::<i32>(), found.as_string::<i32>());
            for row in 0..texts.len() {
                assert_eq!(texts.is_null(row), found.is_null(row), "{}", context());
                // Arrow writes zeros behind the last digit that counts, or leaves them out.
                let trimmed = |text: &str| match text.contains('.') {
                    true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    false => text.to_owned(),
                };
                if texts.is_valid(row) {
                    assert_eq!(trimmed(texts.value(row)), trimmed(found.value(row)), "{}", context());
                }
            }
        }
        (DataType::Null, _) => assert_eq!(found.null_count(), found.len(), "{}", context()),
        (_, kind) => {
            let cast = cast(&flat, kind).unwrap_or_else(|_| flat.clone());
            assert_eq!(&cast, found, "{}", context());
        }
    }
}
