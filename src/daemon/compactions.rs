//! When the daemon merges data files: in turn, and not while loads of the same table could be disturbed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::compact::{CompactError, Compactor, Eagerness};
use crate::ingest::Context;
use crate::registry;
use crate::schema::processing_config::WriteMode;

/// A daemon that has just started has better things to do.
const FIRST_LOOK: Duration = Duration::from_secs(60);

/// How the daemon merges data files.
#[derive(Clone)]
pub struct Compactions {
    pub compactor: Compactor,
    /// Time between two looks at all tables.
    pub interval: Duration,
    pub min_files: usize,
}

/// The merges that are due or at work.
pub(super) struct Schedule {
    compactions: Option<Compactions>,
    next_look: Instant,
    /// Tables that have not had their turn, and since when they wait for it.
    waiting: BTreeMap<String, Instant>,
    at_work: JoinSet<()>,
    stop: CancellationToken,
}

impl Schedule {
    pub fn new(compactions: Option<Compactions>) -> Self {
        let first = compactions.as_ref().map_or(FIRST_LOOK, |known| known.interval.min(FIRST_LOOK));
        Self {
            compactions,
            next_look: Instant::now() + first,
            waiting: BTreeMap::new(),
            at_work: JoinSet::new(),
            stop: CancellationToken::new(),
        }
    }

    pub fn is_at_work(&self) -> bool {
        !self.at_work.is_empty()
    }

    pub async fn next_done(&mut self) -> Option<()> {
        self.at_work.join_next().await.map(drop)
    }

    /// A merge that has not come to its commit is given up at once: it loses nothing.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Begins with the tables whose turn it is, one after the other.
    pub async fn begin_due(&mut self, context: &Arc<Context>) {
        let Some(compactions) = self.compactions.clone().filter(|_| self.at_work.is_empty()) else { return };
        let now = Instant::now();
        if self.waiting.is_empty() && now < self.next_look {
            return;
        }
        match self.turns(&compactions, context, now).await {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => {
                self.waiting.retain(|table, _| !tables.contains(table));
                let (context, stop) = (context.clone(), self.stop.clone());
                self.at_work.spawn(merge_all(compactions, context, tables, stop));
            }
            // The pass meets the same fault, and tells it.
            Err(fault) => tracing::debug!("cannot look for data files to merge: {fault}"),
        }
    }

    async fn turns(
        &mut self,
        compactions: &Compactions,
        context: &Context,
        now: Instant,
    ) -> Result<Vec<String>, CompactError> {
        if now >= self.next_look {
            for table in compactions.compactor.tables().await? {
                self.waiting.entry(table).or_insert(now);
            }
            self.next_look = now + compactions.interval;
        }
        let Tables { loading, appended } = Tables::look(context).await?;
        let is_its_turn = |table: &String, since: Instant| {
            is_its_turn(loading.contains(table), appended.contains(table), now - since, compactions.interval)
        };
        let turns = self.waiting.iter().filter(|(table, since)| is_its_turn(table, **since));
        Ok(turns.map(|(table, _)| table.clone()).collect())
    }
}

/// What the ledger says about the tables of types.
struct Tables {
    /// Files for them are on their way.
    loading: HashSet<String>,
    /// Their loads only add rows.
    appended: HashSet<String>,
}

impl Tables {
    async fn look(context: &Context) -> Result<Self, CompactError> {
        let types = context.metadata.types().await?;
        let table_of: HashMap<&str, &str> =
            types.iter().map(|row| (row.file_type.as_str(), row.table_name.as_str())).collect();
        let on_their_way = context.metadata.types_on_their_way().await?;
        let loading = on_their_way
            .iter()
            .filter_map(|file_type| table_of.get(file_type.as_str()).map(|table| (*table).to_owned()))
            .collect();
        let only_adds = |spec: registry::TypeSpec| spec.config.write_mode == WriteMode::Append;
        let appended = types.iter().filter(|row| registry::compile(row).is_ok_and(only_adds));
        Ok(Self { loading, appended: appended.map(|row| row.table_name.clone()).collect() })
    }
}

/// A table that is being loaded is left alone. One that never rests gets its turn all the same after a whole interval,
/// if its loads cannot be disturbed.
fn is_its_turn(is_loading: bool, is_appended: bool, waited: Duration, interval: Duration) -> bool {
    !is_loading || (is_appended && waited >= interval)
}

async fn merge_all(
    compactions: Compactions,
    context: Arc<Context>,
    tables: Vec<String>,
    stop: CancellationToken,
) {
    let eagerness = Eagerness::OfItself { min_files: compactions.min_files };
    for table in tables {
        let subject = format!("compaction of {table}");
        match compactions.compactor.compact(&table, eagerness, &stop, |_| {}).await {
            Ok(report) if report.failures.is_empty() => context.alarm.recovered(&subject).await,
            Ok(report) => {
                for (_, failure) in &report.failures {
                    context.alarm.transient(&failure.problem(), &subject).await;
                }
            }
            // The table went away meanwhile, or others are at work on it: next time.
            Err(CompactError::UnknownTable { .. }) => {}
            Err(error) if error.kind() == crate::metadata::Kind::Conflict => {}
            Err(error) => context.alarm.transient(&error.problem(), &subject).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_loaded_waits_and_one_that_never_rests_is_not_forgotten() {
        let (short, long, interval) =
            (Duration::from_secs(1), Duration::from_secs(600), Duration::from_secs(600));
        for (is_loading, is_appended, waited, expected) in [
            (false, true, short, true),
            (false, false, short, true),
            (true, true, short, false),
            (true, true, long, true),
            (true, false, long, false),
        ] {
            assert_eq!(is_its_turn(is_loading, is_appended, waited, interval), expected);
        }
    }
}
