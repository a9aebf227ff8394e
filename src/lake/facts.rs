//! What the footer of a data file tells of its values, without reading any of them.

use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;

use super::retired;

/// A data file's columns, leaf by leaf.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    leaves: Vec<Leaf>,
}

#[derive(Debug, Clone)]
struct Leaf {
    /// Names from the root, those inside lists and maps as Parquet calls them.
    path: Vec<String>,
    only_nulls: bool,
    /// Lowest and highest stored integer, where all row groups tell them.
    range: Option<(i64, i64)>,
}

impl Facts {
    /// Reads the footer of a data file, also of one that compaction has replaced.
    ///
    /// # Errors
    /// Those of reading; `NotFound` as an external error.
    pub fn read(root: &Path, path: &str) -> Result<Facts, ParquetError> {
        let file = retired::open(root, path).map_err(|error| ParquetError::External(error.into()))?;
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let mut leaves: Vec<Leaf> = Vec::new();
        for group in metadata.row_groups() {
            for (at, chunk) in group.columns().iter().enumerate() {
                match leaves.get_mut(at) {
                    Some(leaf) => leaf.add(chunk),
                    None => leaves.push(Leaf::of(chunk)),
                }
            }
        }
        Ok(Facts { leaves })
    }

    /// True when the column or member at `path` never has a value.
    pub fn has_only_nulls(&self, path: &[&str]) -> bool {
        self.below(path).all(|leaf| leaf.only_nulls)
    }

    /// True when all integers below `path` lie between the two, both included.
    pub fn lies_within(&self, path: &[&str], low: i64, high: i64) -> bool {
        self.below(path).all(|leaf| {
            leaf.only_nulls || leaf.range.is_some_and(|(lowest, highest)| lowest >= low && highest <= high)
        })
    }

    fn below(&self, path: &[&str]) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter().filter(move |leaf| {
            leaf.path.len() >= path.len() && leaf.path.iter().zip(path).all(|(own, wanted)| own == wanted)
        })
    }
}

impl Leaf {
    fn of(chunk: &ColumnChunkMetaData) -> Leaf {
        Leaf {
            path: chunk.column_path().parts().to_vec(),
            only_nulls: has_only_nulls(chunk),
            range: range(chunk),
        }
    }

    fn add(&mut self, chunk: &ColumnChunkMetaData) {
        let nulls = has_only_nulls(chunk);
        self.range = match (self.range, range(chunk)) {
            (Some((low, high)), Some((lower, higher))) => Some((low.min(lower), high.max(higher))),
            (own, _) if nulls => own,
            (_, other) if self.only_nulls => other,
            _ => None,
        };
        self.only_nulls &= nulls;
    }
}

fn has_only_nulls(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls.is_some_and(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()))
}

fn range(chunk: &ColumnChunkMetaData) -> Option<(i64, i64)> {
    match chunk.statistics()? {
        Statistics::Int32(found) => Some((i64::from(*found.min_opt()?), i64::from(*found.max_opt()?))),
        Statistics::Int64(found) => Some((*found.min_opt()?, *found.max_opt()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(path: &[&str], only_nulls: bool, range: Option<(i64, i64)>) -> Leaf {
        Leaf { path: path.iter().map(|name| (*name).to_owned()).collect(), only_nulls, range }
    }

    #[test]
    fn facts_are_asked_for_by_the_names_on_the_way() {
        let facts = Facts {
            leaves: vec![
                leaf(&["a"], false, Some((-5, 9))),
                leaf(&["c", "x"], true, None),
                leaf(&["c", "y"], false, None),
                leaf(&["l", "list", "item"], true, None),
            ],
        };
        assert!(facts.lies_within(&["a"], -5, 9) && !facts.lies_within(&["a"], -4, 9));
        assert!(facts.has_only_nulls(&["c", "x"]) && !facts.has_only_nulls(&["c"]));
        assert!(facts.lies_within(&["c", "x"], 0, 0) && !facts.lies_within(&["c", "y"], 0, 0));
        assert!(facts.has_only_nulls(&["l"]));
        assert!(facts.has_only_nulls(&["absent"]), "what is not there has no value");
    }
}
