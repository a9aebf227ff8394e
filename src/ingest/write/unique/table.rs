//! The keys that the table has, and the records that have them.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::super::{SourceFile, WriteError, partition_source};
use super::scope::{Rows, Scope};
use crate::lake::keys::{EncodedKeys, FilterRoom, Hit, KeyColumns, KeyIndex, Wanted, forget, keep_only};
use crate::lake::partitions_of;

/// The lineage columns that say which load and file a row came with.
const LINEAGE: [&str; 2] = ["_load_id", "_source_file"];

/// One key of the table, without the rows that the load replaces.
pub(super) struct Table {
    index: KeyIndex,
    columns: KeyColumns,
    /// With `overwrite`: partitions that accepted files replace, and those of the file in work.
    replaced: HashSet<Option<String>>,
    current: HashSet<Option<String>>,
    /// Rows of earlier deliveries that accepted files replace.
    gone: Rows,
}

impl Table {
    pub fn open(scope: &Scope<'_>, columns: KeyColumns, room: &FilterRoom) -> Result<Table, WriteError> {
        let spec = scope.spec;
        let mut index = KeyIndex::new(scope.lake, &spec.table, columns.clone(), &spec.partition_column, room);
        if scope.scratch.is_none() {
            index = index.reading_only()?;
        }
        for file in &scope.table.live {
            if scope.is_stopped() {
                return Err(WriteError::Stopped);
            }
            index.add(file)?;
        }
        let (replaced, current, gone) = (HashSet::new(), HashSet::new(), Rows::new());
        Ok(Table { index, columns, replaced, current, gone })
    }

    /// The rows of a batch whose key is in the table, each with where it is. `wanted` are rows and hashes, sorted by hash.
    pub fn find(
        &mut self,
        scope: &Scope<'_>,
        file: &SourceFile,
        batch: &RecordBatch,
        keys: &EncodedKeys,
        wanted: &[Wanted],
    ) -> Result<HashMap<usize, String>, WriteError> {
        let mut hits = self.index.find(wanted)?;
        if scope.replaces_partitions() && !hits.is_empty() {
            let own = partitions_of(batch, &partition_source(scope.spec, file))?;
            hits.retain(|hit| {
                let partition = &self.index.file(hit.file).partition;
                *partition != own[hit.wanted]
                    && !self.replaced.contains(partition)
                    && !self.current.contains(partition)
            });
        }
        let mut by_file: BTreeMap<usize, Vec<Hit>> = BTreeMap::new();
        hits.into_iter().for_each(|hit| by_file.entry(hit.file).or_default().push(hit));
        let (mut found, leaving) = (HashMap::new(), scope.leaving(file));
        for (file, hits) in by_file {
            self.read(file, &hits, (keys, leaving), &mut found)?;
        }
        Ok(found)
    }

    /// Reads the rows themselves: equal hashes are not enough to refuse a record.
    fn read(
        &self,
        file: usize,
        hits: &[Hit],
        (keys, leaving): (&EncodedKeys, Option<&Rows>),
        found: &mut HashMap<usize, String>,
    ) -> Result<(), WriteError> {
        let mut rows: Vec<u64> = hits.iter().map(|hit| hit.row).collect();
        rows.sort_unstable();
        rows.dedup();
        let batch = self.index.rows(file, &rows, &LINEAGE)?;
        let known = self.columns.encode(&batch).map_err(|source| WriteError::Rows { source })?;
        for hit in hits {
            let Ok(at) = rows.binary_search(&hit.row) else { continue };
            let place = Place::of(&batch, at);
            let stays = !place.is_among(&self.gone) && !leaving.is_some_and(|rows| place.is_among(rows));
            if stays && at < known.len() && known.bytes(at) == keys.bytes(hit.wanted) {
                found.entry(hit.wanted).or_insert_with(|| self.named(&place, file));
            }
        }
        Ok(())
    }

    fn named(&self, place: &Place<'_>, file: usize) -> String {
        match *place {
            Place { load: Some(load), source: Some(source) } => format!("load {load} ({source})"),
            Place { load: Some(load), source: None } => format!("load {load}"),
            Place { load: None, .. } => format!("the data file {}", self.index.file(file).path),
        }
    }

    /// Rows of the file in work that are kept: with `overwrite`, what their partitions hold goes.
    pub fn take_note(
        &mut self,
        batch: &RecordBatch,
        keep: &[bool],
        scope: &Scope<'_>,
        file: &SourceFile,
    ) -> Result<(), WriteError> {
        if scope.replaces_partitions() {
            let own = partitions_of(batch, &partition_source(scope.spec, file))?;
            self.current.extend(own.into_iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| value));
        }
        Ok(())
    }

    /// The file in work is accepted; `leaving` are rows that it replaces.
    pub fn accept(&mut self, leaving: Option<&Rows>) {
        self.replaced.extend(self.current.drain());
        self.gone.extend(leaving.into_iter().flatten().cloned());
    }

    pub fn refuse(&mut self) {
        self.current.clear();
    }
}

/// With which load and file a row came, if it says so.
struct Place<'b> {
    load: Option<i64>,
    source: Option<&'b str>,
}

impl<'b> Place<'b> {
    fn of(batch: &'b RecordBatch, row: usize) -> Self {
        let [load, source] =
            LINEAGE.map(|name| batch.column_by_name(name).filter(|column| column.is_valid(row)));
        let load = load.and_then(|column| column.as_primitive_opt::<Int64Type>());
        let source = source.and_then(|column| column.as_string_opt::<i32>());
        Place { load: load.map(|loads| loads.value(row)), source: source.map(|files| files.value(row)) }
    }

    fn is_among(&self, rows: &Rows) -> bool {
        match (self.load, self.source) {
            (Some(load), Some(source)) if !rows.is_empty() => rows.contains(&(load, source.to_owned())),
            _ => false,
        }
    }
}

/// Removes the lists of keys that no live data file, or no unique key, stands behind.
pub(super) fn clean_up<'t>(
    scope: &Scope<'_>,
    tables: impl Iterator<Item = &'t Table>,
) -> Result<(), WriteError> {
    let (lake, table) = (scope.lake, &scope.spec.table);
    if scope.spec.schema.unique.is_empty() {
        return Ok(forget(lake, table)?);
    }
    let paths: HashSet<_> = tables.flat_map(|table| table.index.paths()).map(ToOwned::to_owned).collect();
    Ok(keep_only(lake, table, &paths)?)
}
