//! What was encoded comes back through the library's own reader, whatever its type, its nulls and its batches.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray, MapBuilder, MapFieldNames, RecordBatch,
    RecordBatchOptions, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::*;

fn encoded(batches: &[RecordBatch], compression: Compression) -> Bytes {
    let shelf = Shelf::default();
    let encoder = Encoder::new(batches[0].schema(), compression, shelf.choices("t")).expect("an encoder");
    let mut file = encoder.file(Vec::new()).expect("a file");
    // Twice: the second row group uses what was remembered of the first.
    for _ in 0..2 {
        let group = shelf.with_tools(|tools| encoder.encode(batches.to_vec(), tools)).expect("encoded");
        let mut into = file.next_row_group().expect("a row group");
        group.append_to(&mut into).expect("appended");
        into.close().expect("closed");
    }
    Bytes::from(file.into_inner().expect("a footer"))
}

fn decoded(file: Bytes) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("a footer");
    let metadata = Arc::clone(builder.metadata());
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    (concat_batches(&schema, &batches).expect("together"), metadata)
}

/// Encodes the batches twice and compares with what comes back.
fn round_trip(batches: &[RecordBatch], compression: Compression) -> Arc<ParquetMetaData> {
    let (found, metadata) = decoded(encoded(batches, compression));
    let twice: Vec<_> = batches.iter().chain(batches).cloned().collect();
    let expected = concat_batches(&batches[0].schema(), &twice).expect("together");
    assert_eq!(found, expected);
    metadata
}

fn batch(array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([("c", array, true)]).expect("a batch")
}

fn one(array: ArrayRef) -> Arc<ParquetMetaData> {
    round_trip(&[batch(array)], Compression::Zstd)
}

/// The array in slices, so that offsets are not 0.
fn in_slices(array: &ArrayRef, cuts: &[usize]) -> Vec<RecordBatch> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (array.len() + 1)).collect();
    ends.extend([0, array.len()]);
    ends.sort_unstable();
    ends.dedup();
    ends.windows(2).map(|ends| batch(array.slice(ends[0], ends[1] - ends[0]))).collect()
}

/// Values of few or many kinds, some of them null, some repeated.
fn values<T: Clone + std::fmt::Debug + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Vec<Option<T>>> {
    let all_kinds = prop::collection::vec(prop::option::weighted(0.8, value.clone()), 1..400);
    let few_kinds = (prop::collection::vec(value, 1..5), prop::collection::vec(0_usize..6, 1..400));
    let few_kinds =
        few_kinds.prop_map(|(kinds, picks)| picks.iter().map(|pick| kinds.get(*pick).cloned()).collect());
    let full = all_kinds.clone().prop_map(|all: Vec<Option<T>>| {
        let full: Vec<_> = all.iter().filter(|value| value.is_some()).cloned().collect();
        if full.is_empty() { all } else { full }
    });
    prop_oneof![all_kinds, few_kinds, full]
}

fn compression() -> impl Strategy<Value = Compression> {
    prop::sample::select(vec![
        Compression::Zstd,
        Compression::None,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Gzip,
    ])
}

fn long() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![any::<i64>(), -100_i64..100, Just(i64::MIN), Just(i64::MAX)]
}

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), "[a-c]{1,3}", "\\PC{0,90}", "same start of all, [0-9]{1,4}"]
}

fn arrays() -> impl Strategy<Value = ArrayRef> {
    let array = |array: ArrayRef| array;
    prop_oneof![
        values(any::<bool>()).prop_map(move |v| array(Arc::new(BooleanArray::from(v)))),
        values(any::<i32>()).prop_map(move |v| array(Arc::new(Int32Array::from(v)))),
        values(any::<i16>()).prop_map(move |v| array(Arc::new(Int16Array::from(v)))),
        values(long()).prop_map(move |v| array(Arc::new(Int64Array::from(v)))),
        values(-1000_i32..1000).prop_map(move |v| array(Arc::new(Date32Array::from(v)))),
        values(long())
            .prop_map(move |v| array(Arc::new(TimestampMicrosecondArray::from(v).with_timezone("UTC")))),
        values(long()).prop_map(move |v| array(Arc::new(TimestampNanosecondArray::from(v)))),
        values(-1e9_f32..1e9).prop_map(move |v| array(Arc::new(Float32Array::from(v)))),
        values(-1e9_f64..1e9).prop_map(move |v| array(Arc::new(Float64Array::from(v)))),
        (values(-999_999_999_i128..1_000_000_000), prop::sample::select(vec![9_u8, 12, 18, 19, 25, 38]))
            .prop_map(move |(v, precision)| {
                let decimals = Decimal128Array::from(v).with_precision_and_scale(precision, 2);
                array(Arc::new(decimals.expect("it fits")))
            }),
        values(text()).prop_map(move |v| array(Arc::new(StringArray::from(v)))),
        values(text()).prop_map(move |v| array(Arc::new(LargeStringArray::from(v)))),
        values(prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(move |v| array(Arc::new(v.iter().map(Option::as_deref).collect::<BinaryArray>()))),
    ]
}

/// Lists of the values of an array, some of them null or empty; a null may hide values.
fn lists(items: ArrayRef, lengths: &[(usize, bool)]) -> ArrayRef {
    let (mut ends, mut valid) = (vec![0_i32], Vec::new());
    for (length, is_valid) in lengths {
        let last = ends[ends.len() - 1];
        ends.push((last + *length as i32).min(items.len() as i32));
        valid.push(*is_valid);
    }
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let nulls = NullBuffer::from(valid);
    Arc::new(ListArray::new(field, OffsetBuffer::new(ends.into()), items, Some(nulls)))
}

fn structs(member: ArrayRef, valid: Vec<bool>) -> ArrayRef {
    let field = Arc::new(Field::new("member", member.data_type().clone(), true));
    let rows = member.len();
    let valid: NullBuffer = (0..rows).map(|row| valid[row % valid.len()]).collect::<Vec<_>>().into();
    Arc::new(StructArray::new(vec![field].into(), vec![member], Some(valid)))
}

/// Lists and structs may hide values below nulls, which do not come back; so values are compared, not buffers.
fn nested_round_trip(array: &ArrayRef, cuts: &[usize]) {
    round_trip(&in_slices(array, cuts), Compression::Zstd);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn flat_columns_come_back(
        array in arrays(),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
        compression in compression(),
    ) {
        round_trip(&in_slices(&array, &cuts), compression);
    }

    #[test]
    fn lists_and_structs_come_back(
        array in arrays(),
        lengths in prop::collection::vec((0_usize..4, any::<bool>()), 1..60),
        again in prop::collection::vec((0_usize..4, any::<bool>()), 1..30),
        valid in prop::collection::vec(any::<bool>(), 1..5),
        cuts in prop::collection::vec(any::<usize>(), 0..4),
    ) {
        let list = lists(Arc::clone(&array), &lengths);
        nested_round_trip(&list, &cuts);
        nested_round_trip(&structs(array, valid.clone()), &cuts);
        let deep = structs(lists(structs(list, valid.clone()), &again), valid);
        nested_round_trip(&deep, &cuts);
    }

    #[test]
    fn statistics_hold_for_all_numbers(v in values(long())) {
        let array = Int64Array::from(v.clone());
        let metadata = one(Arc::new(array));
        let Some(Statistics::Int64(found)) = metadata.row_group(0).column(0).statistics() else {
            panic!("no statistics");
        };
        prop_assert_eq!(found.min_opt().copied(), v.iter().flatten().min().copied());
        prop_assert_eq!(found.max_opt().copied(), v.iter().flatten().max().copied());
        prop_assert_eq!(found.null_count_opt(), Some(v.iter().filter(|v| v.is_none()).count() as u64));
    }

    #[test]
    fn statistics_hold_for_all_texts(v in values(text())) {
        let metadata = one(Arc::new(StringArray::from(v.clone())));
        let column = metadata.row_group(0).column(0);
        let statistics = column.statistics().expect("statistics");
        let (low, high) = (v.iter().flatten().min(), v.iter().flatten().max());
        if let (Some(low), Some(high)) = (low, high) {
            prop_assert!(statistics.min_bytes_opt().expect("a bound") <= low.as_bytes());
            prop_assert!(statistics.max_bytes_opt().expect("a bound") >= high.as_bytes());
        } else {
            prop_assert_eq!(statistics.min_bytes_opt(), None);
        }
    }
}

#[test]
fn maps_come_back() {
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in 0..100 {
        for entry in 0..row % 4 {
            maps.keys().append_value(format!("k{entry}"));
            maps.values().append_option((entry != 2).then(|| format!("v{row}")));
        }
        maps.append(row % 7 != 0).expect("a row");
    }
    let array: ArrayRef = Arc::new(maps.finish());
    nested_round_trip(&array, &[13, 50]);
}

#[test]
fn nan_and_both_zeros_come_back_and_the_bounds_leave_nan_out() {
    let values = [f64::NAN, -0.0, 0.0, f64::INFINITY, -f64::NAN, 1.5];
    let array: ArrayRef = Arc::new(Float64Array::from(values.repeat(40)));
    let (found, metadata) = decoded(encoded(&[batch(array)], Compression::Zstd));
    let column = found.column(0).as_any().downcast_ref::<Float64Array>().expect("doubles");
    for (found, value) in column.values().iter().zip(values.iter().cycle()) {
        assert_eq!(found.to_bits(), value.to_bits());
    }
    let Some(Statistics::Double(found)) = metadata.row_group(0).column(0).statistics() else {
        panic!("no statistics");
    };
    assert_eq!((found.min_opt(), found.max_opt()), (Some(&-0.0), Some(&f64::INFINITY)));
    assert!(found.min_opt().is_some_and(|zero| zero.is_sign_negative()));
}

#[test]
fn columns_of_nulls_only_come_back() {
    for kind in [DataType::Int64, DataType::Utf8, DataType::Boolean, DataType::Decimal128(30, 2)] {
        let metadata = one(arrow::array::new_null_array(&kind, 1000));
        let statistics = metadata.row_group(0).column(0).statistics().expect("statistics");
        assert_eq!((statistics.null_count_opt(), statistics.min_bytes_opt()), (Some(1000), None));
    }
}

#[test]
fn constants_take_next_to_nothing() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["orders_20250101.ndjson"; 100_000]));
    let metadata = one(texts);
    assert!(metadata.row_group(0).column(0).compressed_size() < 100);
}

#[test]
fn many_pages_hold_what_one_would() {
    let texts: Vec<String> = (0..90_000).map(|n| format!("{:0150}", n * 7919 % 90_001)).collect();
    let metadata = one(Arc::new(StringArray::from(texts)));
    let pages = metadata.offset_index().expect("an index")[0][0].page_locations().len();
    assert!(pages > 2, "{pages}");
    let lists = lists(
        Arc::new(
            (0..2_000_000_i64)
                .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64))
                .collect::<Int64Array>(),
        ),
        &[(5, true); 400_000],
    );
    one(lists);
}

#[test]
fn a_very_long_text_comes_back() {
    let long = "ä".repeat(50 << 20);
    one(Arc::new(StringArray::from(vec![Some(long.as_str()), None, Some("")])));
    one(Arc::new(BinaryArray::from(vec![Some(vec![0xff; 1 << 20].as_slice()), None])));
}

#[test]
fn thousands_of_columns_come_back() {
    let fields: Vec<Field> =
        (0..5000).map(|n| Field::new(format!("c{n}"), DataType::Int64, n % 2 == 0)).collect();
    let arrays: Vec<ArrayRef> =
        (0..5000_i64).map(|n| Arc::new(Int64Array::from(vec![n, n + 1, 7])) as ArrayRef).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    round_trip(&[batch], Compression::Zstd);
}

#[test]
fn a_dictionary_that_grows_too_large_is_given_up() {
    // The sample sees few values; most of the distinct ones lie between its pieces.
    let values: Vec<String> =
        (0..100_000).map(|n| if n % 12_500 < 1100 { "same".into() } else { format!("value {n}") }).collect();
    one(Arc::new(StringArray::from(values)));
}

#[test]
fn types_without_an_encoder_go_through_the_library() {
    let schema = Schema::new(vec![
        Field::new("small", DataType::Int16, true),
        Field::new("long", DataType::Int64, true),
        Field::new("view", DataType::Utf8View, true),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int16Array::from(vec![Some(1), None])),
        Arc::new(Int64Array::from(vec![None, Some(2)])),
        Arc::new(arrow::array::StringViewArray::from(vec![Some("a text that is not short"), None])),
    ];
    let options = RecordBatchOptions::new();
    let batch = RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options).expect("a batch");
    round_trip(&[batch.clone(), batch], Compression::Zstd);
}

#[test]
fn rows_of_another_schema_are_refused() {
    let shelf = Shelf::default();
    let batches =
        vec![batch(Arc::new(Int64Array::from(vec![1]))), batch(Arc::new(Int32Array::from(vec![1])))];
    let encoder =
        Encoder::new(batches[0].schema(), Compression::Zstd, shelf.choices("t")).expect("an encoder");
    assert!(shelf.with_tools(|tools| encoder.encode(batches, tools)).is_err());
}

#[test]
fn nulls_where_the_type_has_none_are_refused() {
    let shelf = Shelf::default();
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Int64, false)]));
    let encoder = Encoder::new(schema, Compression::Zstd, shelf.choices("t")).expect("an encoder");
    let nulls = batch(Arc::new(Int64Array::from(vec![Some(1), None])));
    let refused = shelf.with_tools(|tools| encoder.encode(vec![nulls], tools)).expect_err("refused");
    assert!(refused.to_string().contains("column c has nulls"), "{refused}");
}
