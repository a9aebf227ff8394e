//! What the files of one load show of drift, field by field. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::seen::{Misfit, Refused, Seen};
use crate::metadata::drift::DriftKind;
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::infer::Glimpse;
use crate::schema::place::Place;

/// A load, as far as drift is concerned.
#[derive(Debug, Clone)]
pub struct LoadSeen {
    pub file_type: String,
    pub schema: Arc<TableSchema>,
    pub schema_version: i64,
    /// In the order of the load.
    pub files: Vec<FileSeen>,
}

#[derive(Debug, Clone)]
pub struct FileSeen {
    pub id: i64,
    pub name: String,
    /// Records read, refused ones included.
    pub records: u64,
    /// Its rows were loaded.
    pub accepted: bool,
    pub seen: Seen,
}

/// One field that drifts, over all files of a load.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub kind: DriftKind,
    pub place: Place,
    pub declared: Option<String>,
    /// The type of its values; `None` when there are none that say anything.
    pub found: Option<Kind>,
    /// Records that show it, and all records of the files that do.
    pub records: u64,
    pub records_read: u64,
    pub files: u64,
    pub first: (i64, String),
    pub last_file: String,
    pub examples: Vec<String>,
    /// The schema has the field by now.
    pub is_known: bool,
}

/// Values of one field, gathered over files.
#[derive(Default)]
struct Gathered {
    glimpse: Glimpse,
    records: u64,
    records_read: u64,
    files: u64,
    first: Option<(i64, String)>,
    last_file: String,
    examples: Vec<String>,
}

const EXAMPLES: usize = 3;

/// Fields that appeared, changed, or are missing where they must not be.
pub fn sightings(load: &LoadSeen) -> Vec<Sighting> {
    let mut gathered: BTreeMap<(Place, u8), Gathered> = BTreeMap::new();
    for file in &load.files {
        for field in file.seen.newcomers.fields() {
            let refused = Refused {
                records: field.records,
                examples: field.examples.clone(),
                glimpse: field.glimpse.clone(),
            };
            gathered.entry((field.place.clone(), APPEARED)).or_default().add(file, &refused);
        }
        for ((place, misfit), refused) in &file.seen.misfits {
            let kind = if *misfit == Misfit::Type { CHANGED } else { VANISHED };
            gathered.entry((place.clone(), kind)).or_default().add(file, refused);
        }
    }
    gathered
        .into_iter()
        .filter_map(|((place, kind), gathered)| gathered.sighting(place, kind, load))
        .collect()
}

const APPEARED: u8 = 0;
const CHANGED: u8 = 1;
const VANISHED: u8 = 2;

impl Gathered {
    fn add(&mut self, file: &FileSeen, refused: &Refused) {
        self.glimpse.merge(refused.glimpse.clone());
        self.records += refused.records;
        self.records_read += file.records;
        self.files += 1;
        self.first.get_or_insert_with(|| (file.id, file.name.clone()));
        self.last_file.clone_from(&file.name);
        for example in &refused.examples {
            if self.examples.len() < EXAMPLES && !self.examples.contains(example) {
                self.examples.push(example.clone());
            }
        }
    }

    fn sighting(self, place: Place, kind: u8, load: &LoadSeen) -> Option<Sighting> {
        let field = place.find(&load.schema.fields);
        let found = match field {
            Some(field) if kind == CHANGED => found_beside(field, &self.glimpse),
            _ => self.glimpse.kind(),
        };
        Some(Sighting {
            kind: match kind {
                APPEARED => DriftKind::Appeared,
                CHANGED => DriftKind::Changed,
                _ => DriftKind::Vanished,
            },
            declared: field.map(declared).filter(|_| kind != APPEARED),
            is_known: kind == APPEARED && field.is_some(),
            place,
            found: if kind == VANISHED { None } else { found },
            records: self.records,
            records_read: self.records_read,
            files: self.files,
            first: self.first?,
            last_file: self.last_file,
            examples: self.examples,
        })
    }
}

/// The type of a field as people read it; see [`super::proposal::is_settled`].
pub(super) fn declared(field: &Field) -> String {
    let name = field.kind.name();
    if field.nullable { name } else { format!("{name}{NOT_NULL}") }
}

pub(super) const NOT_NULL: &str = " not null";

/// The type of values that a field refused. Beside a decimal, numbers are decimals.
fn found_beside(field: &Field, glimpse: &Glimpse) -> Option<Kind> {
    if let (Kind::Decimal { .. }, Some((whole, scale))) = (&field.kind, glimpse.digits())
        && let (Ok(precision), Ok(scale)) = (u8::try_from(whole + scale), u8::try_from(scale))
        && (1..=38).contains(&precision)
    {
        return Some(Kind::Decimal { precision, scale });
    }
    glimpse.kind()
}
