//! Unique keys: a record whose key was there before, in the load or in the table, is refused.
//!
//! Records are judged in their order, so of several with one key the first one stays. The keys of a file that fails as a whole are
//! free again, and so are those of rows that the file replaces. A key with a null in it is equal to none, as in SQL.

mod scope;
mod table;

use std::collections::{HashMap, HashSet};

use super::keys::{Keys, RECORD_BITS};
use super::{SourceFile, WriteError};
use crate::decode::{Chunk, Origin, Reject};
use crate::lake::LakeError;
use crate::lake::keys::{EncodedKeys, FilterRoom, KeyColumns, KeyHash, Seen, Wanted};
use crate::registry::TypeSpec;
use crate::schema::processing_config::WriteMode;
pub use scope::{KeyedTable, Overwritten, Rows, Scope};
use table::Table;

/// Memory for filters over the keys that are on disk, in bytes.
const FILTERS: usize = 128 << 20;

/// All unique keys of a table, as one load sees them.
pub(crate) struct Unique<'a> {
    scope: Scope<'a>,
    files: &'a [SourceFile],
    keys: Vec<UniqueKey>,
    /// Places of files that failed as a whole.
    refused: HashSet<usize>,
}

struct UniqueKey {
    columns: KeyColumns,
    /// Of its columns in a batch.
    positions: Vec<usize>,
    /// With the ordinal of its first record.
    seen: Seen,
    table: Table,
}

/// What is known of the keys of one chunk before its rows are judged.
struct Looked {
    keys: EncodedKeys,
    /// Rows whose key the table has, and where.
    in_table: HashMap<usize, String>,
    /// Ordinals of earlier records of the load that are not in memory.
    older: HashMap<usize, u64>,
}

/// The keys that are checked: with `upsert`, those that hold the primary key are unique by themselves, and there are no others.
pub fn checked_keys(spec: &TypeSpec) -> &[Vec<usize>] {
    match spec.config.write_mode {
        WriteMode::Upsert => &[],
        WriteMode::Append | WriteMode::Overwrite => &spec.schema.unique,
    }
}

impl<'a> Unique<'a> {
    /// Opens the keys of the table.
    ///
    /// # Errors
    /// Faults of storage; the end of the process.
    pub fn open(scope: Scope<'a>, files: &'a [SourceFile]) -> Result<Unique<'a>, WriteError> {
        let (spec, room) = (scope.spec, FilterRoom::new(FILTERS));
        let mut keys = Vec::new();
        for (at, positions) in checked_keys(spec).iter().enumerate() {
            let columns = KeyColumns::of(positions.iter().map(|&at| &spec.schema.fields[at]));
            let seen = Seen::new(scope.scratch.as_deref(), format!("seen-{at}"), &room);
            let table = Table::open(&scope, columns.clone(), &room)?;
            keys.push(UniqueKey { columns, positions: positions.clone(), seen, table });
        }
        if scope.scratch.is_some() {
            table::clean_up(&scope, keys.iter().map(|key| &key.table))?;
        }
        Ok(Unique { scope, files, keys, refused: HashSet::new() })
    }

    /// True when there is nothing to check.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Refuses the records of a chunk whose key was there before; how many records `dedupe` drops, which come first.
    ///
    /// # Errors
    /// Faults of storage.
    pub fn judge(&mut self, chunk: &mut Chunk, place: usize, keys: &mut Keys) -> Result<u64, WriteError> {
        if self.keys.is_empty() {
            return Ok(0);
        }
        if self.scope.is_overwritten(&chunk.batch, &self.files[place], place)? {
            self.refuse(place);
            return Ok(0);
        }
        let arrow = |source| WriteError::Rows { source };
        let firsts = keys.firsts(&chunk.batch).map_err(arrow)?;
        let looked: Vec<Looked> = self
            .keys
            .iter_mut()
            .map(|key| key.look(&self.scope, &self.files[place], &self.refused, chunk))
            .collect::<Result<_, _>>()?;
        let texts = chunk.texts_of_rows().map_err(WriteError::judging)?;
        let (mut keep, mut rejects, mut dropped) = (vec![true; chunk.batch.num_rows()], Vec::new(), 0);
        for row in 0..keep.len() {
            if firsts.as_ref().is_some_and(|firsts| keys.knows(&firsts[row])) {
                keep[row] = false;
                dropped += 1;
            } else if let Some((at, before)) = self.before(&looked, row, place) {
                keep[row] = false;
                let columns = &self.keys[at].positions;
                rejects.push(Reject::of_repeat(&chunk.batch, columns, row, &before, texts.row(row)));
            } else {
                let Origin { number, .. } = texts.row(row);
                let ordinal = (place as u64) << RECORD_BITS | number;
                for (key, looked) in self.keys.iter_mut().zip(&looked) {
                    if let Some(hash) = looked.keys.comparable(row) {
                        key.seen.insert(hash, ordinal);
                    }
                }
                if let Some(firsts) = &firsts {
                    keys.learn(firsts[row], place);
                }
            }
        }
        for key in &mut self.keys {
            key.table.take_note(&chunk.batch, &keep, &self.scope, &self.files[place])?;
            key.seen.make_room().map_err(LakeError::io("keep keys in", key.seen.folder()))?;
        }
        chunk.sort_out(&keep, rejects).map_err(WriteError::judging)?;
        Ok(dropped)
    }

    /// The first of the unique keys that a row repeats, and where it was before.
    fn before(&self, looked: &[Looked], row: usize, place: usize) -> Option<(usize, String)> {
        looked.iter().zip(&self.keys).enumerate().find_map(|(at, (looked, key))| {
            let hash = looked.keys.comparable(row)?;
            if let Some(place) = looked.in_table.get(&row) {
                return Some((at, place.clone()));
            }
            let recent = key.seen.recent(hash).filter(|ordinal| !self.refused.contains(&place_of(*ordinal)));
            let ordinal = recent.or_else(|| looked.older.get(&row).copied())?;
            Some((at, self.named(ordinal, place)))
        })
    }

    fn named(&self, ordinal: u64, place: usize) -> String {
        let number = ordinal & ((1 << RECORD_BITS) - 1);
        match place_of(ordinal) {
            earlier if earlier == place => format!("record {number} of this file"),
            earlier => format!("record {number} of {}", self.files[earlier].name.shown()),
        }
    }

    /// The file is accepted: its keys stay.
    pub fn accept(&mut self, place: usize) {
        let leaving = self.scope.leaving(&self.files[place]);
        self.keys.iter_mut().for_each(|key| key.table.accept(leaving));
    }

    /// The file fails as a whole: its keys never were.
    pub fn refuse(&mut self, place: usize) {
        self.refused.insert(place);
        self.keys.iter_mut().for_each(|key| key.table.refuse());
    }
}

fn place_of(ordinal: u64) -> usize {
    (ordinal >> RECORD_BITS) as usize
}

impl UniqueKey {
    fn look(
        &mut self,
        scope: &Scope<'_>,
        file: &SourceFile,
        refused: &HashSet<usize>,
        chunk: &Chunk,
    ) -> Result<Looked, WriteError> {
        let keys = self.columns.encode(&chunk.batch).map_err(|source| WriteError::Rows { source })?;
        let hashed = |row| keys.comparable(row).map(|hash: KeyHash| (row, hash));
        let mut wanted: Vec<Wanted> = (0..keys.len()).filter_map(hashed).collect();
        wanted.sort_unstable_by_key(|(_, hash)| *hash);
        let mut older = HashMap::new();
        let found = self.seen.find_older(&wanted, |row, ordinal| {
            if !refused.contains(&place_of(ordinal)) {
                older.insert(row, ordinal);
            }
        });
        found.map_err(LakeError::io("search the keys in", self.seen.folder()))?;
        let in_table = self.table.find(scope, file, &chunk.batch, &keys, &wanted)?;
        Ok(Looked { keys, in_table, older })
    }
}
