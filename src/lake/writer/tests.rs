//! Rows end up in the right files, in their order, however they come.

use std::fs::File;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::*;
use crate::lake::Staging;
use crate::partition::PartitionBy;
use crate::workers::Workers;

const HOUR: i64 = 3_600_000_000;

fn lake(threads: usize) -> (TempDir, Lake) {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Lake::new(folder.path(), Workers::new(threads));
    Staging::create(&lake, 1).expect("a staging folder");
    (folder, lake)
}

fn writer(lake: &Lake, target_bytes: u64) -> TableWriter {
    let options = WriterOptions {
        zone: Zone::Raw { partition_column: "hour".into() },
        table: "t".into(),
        compression: Compression::Zstd,
        target_bytes,
    };
    TableWriter::new(lake, 1, options)
}

/// Rows with rising numbers; the hour of row n is `hour(n)`.
fn batch(numbers: std::ops::Range<i64>, hour: impl Fn(i64) -> i64) -> RecordBatch {
    let times: TimestampMicrosecondArray = numbers.clone().map(|n| Some(hour(n) * HOUR + n % HOUR)).collect();
    let texts: StringArray = numbers.clone().map(|n| Some(format!("a text of row {n}"))).collect();
    let numbers: Int64Array = numbers.collect();
    RecordBatch::try_from_iter([
        ("time", Arc::new(times) as ArrayRef),
        ("text", Arc::new(texts)),
        ("n", Arc::new(numbers)),
    ])
    .expect("a batch")
}

fn by_hour() -> PartitionSource {
    PartitionSource::Column { name: "time".into(), by: PartitionBy::Hour, drop: false }
}

/// The numbers of a file's rows, and how many row groups it has.
fn contents(file: &DataFile) -> (Vec<i64>, usize) {
    let on_disk = File::open(&file.staged).expect("the file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(on_disk).expect("a footer");
    let groups = builder.metadata().num_row_groups();
    let batches = builder.build().expect("a reader").map(|batch| batch.expect("rows"));
    let numbers = |batch: RecordBatch| batch.column(2).as_primitive::<Int64Type>().values().to_vec();
    (batches.flat_map(numbers).collect(), groups)
}

/// The numbers of each partition, in the order of its files.
fn by_partition(files: &[DataFile]) -> BTreeMap<Option<String>, Vec<i64>> {
    let mut found: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for file in files {
        let (numbers, _) = contents(file);
        assert_eq!(file.rows, numbers.len() as u64);
        assert_eq!(file.bytes, file.staged.metadata().expect("the file").len());
        found.entry(file.partition.clone()).or_default().extend(numbers);
    }
    found
}

#[test]
fn rows_of_a_partition_keep_their_order_over_row_groups_and_files() {
    let (_folder, lake) = lake(3);
    let mut writer = writer(&lake, 1 << 16);
    for start in (0..600_000).step_by(10_000) {
        writer.write(&batch(start..start + 10_000, |n| n / 100 % 3), &by_hour()).expect("written");
    }
    let files = writer.finish().expect("finished");
    assert!(files.len() > 3, "{}", files.len());
    let found = by_partition(&files);
    for (hour, numbers) in (0..3).zip(found.values()) {
        assert_eq!(*numbers, (0..600_000).filter(|n| n / 100 % 3 == hour).collect::<Vec<_>>());
    }
    assert_eq!(found.len(), 3);
}

#[test]
fn small_batches_share_a_row_group() {
    let (_folder, lake) = lake(2);
    let mut writer = writer(&lake, u64::MAX);
    for start in (0..100_000).step_by(100) {
        let source = PartitionSource::Fixed(Some("day".into()));
        writer.write(&batch(start..start + 100, |_| 0), &source).expect("written");
    }
    let files = writer.finish().expect("finished");
    assert_eq!(files.iter().map(contents).collect::<Vec<_>>(), vec![((0..100_000).collect(), 1)]);
}

#[test]
fn more_partitions_than_open_files_lose_no_row() {
    let (_folder, lake) = lake(2);
    let mut writer = writer(&lake, u64::MAX);
    for start in [0, 5000, 10_000] {
        writer.write(&batch(start..start + 5000, |n| n % 200), &by_hour()).expect("written");
    }
    let found = by_partition(&writer.finish().expect("finished"));
    assert_eq!(found.len(), 200);
    for (hour, numbers) in (0..200).zip(found.values()) {
        assert_eq!(*numbers, (hour..15_000).step_by(200).collect::<Vec<_>>());
    }
}

#[test]
fn the_ranges_of_times_are_those_of_the_file() {
    let (_folder, lake) = lake(1);
    let mut writer = writer(&lake, u64::MAX);
    writer.write(&batch(0..10, |n| n), &PartitionSource::Fixed(None)).expect("written");
    writer.write(&batch(10..20, |n| n), &PartitionSource::Fixed(None)).expect("written");
    let files = writer.finish().expect("finished");
    let ranges = r#"{"time":["1970-01-01T00:00:00.000000Z","1970-01-01T19:00:00.000019Z"]}"#;
    assert_eq!(files[0].column_ranges.as_deref(), Some(ranges));
}

#[test]
fn no_rows_make_no_file() {
    let (_folder, lake) = lake(1);
    let mut writer = writer(&lake, u64::MAX);
    writer.write(&batch(0..0, |_| 0), &by_hour()).expect("written");
    assert_eq!(writer.finish().expect("finished"), vec![]);
}

#[test]
fn writers_side_by_side_finish_when_memory_is_short() {
    let (_folder, lake) = lake(2);
    let taken = {
        let mut taken = lake.room.take();
        taken.grow(1 << 40);
        taken
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut writer = writer(&lake, u64::MAX);
                for start in (0..300_000).step_by(50_000) {
                    writer.write(&batch(start..start + 50_000, |n| n % 2), &by_hour()).expect("written");
                }
                let found = by_partition(&writer.finish().expect("finished"));
                assert_eq!(found.values().map(Vec::len).sum::<usize>(), 300_000);
            });
        }
    });
    drop(taken);
    assert!(!lake.room.is_full());
}
