//! After a change of a type: are there rejected records that it would accept now?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Ended, Ingestor};
use crate::ingest::context::Context;
use crate::ingest::fault::Fault;
use crate::ingest::replay::{Sources, rehearse, replay};
use crate::ingest::turns::Turn;
use crate::metadata::Kind;
use crate::metadata::rejects::RejectFilter;
use crate::registry::{Registry, TypeSpec};

/// Records that a rehearsal looks at; of more it says nothing.
const MOST_REHEARSED: u64 = 20_000;

/// Which types have changed since their rejected records were looked at.
#[derive(Debug, Default)]
pub(super) struct Reconsideration {
    /// By type: the compiled row that was known last, and whether it was active.
    known: HashMap<String, (Arc<TypeSpec>, bool)>,
    due: BTreeSet<String>,
    began: bool,
}

/// What a look at the rejected records of a type came to.
#[derive(Debug)]
pub(super) struct Reconsidered {
    file_type: String,
    /// The table into which records were loaded, if that was the task.
    table: Option<String>,
    result: Result<(), Fault>,
}

impl Reconsideration {
    /// Compares the types with those that were known. What a type would accept when the process starts, it would have
    /// accepted before, unless it replays by itself.
    pub fn note(&mut self, registry: &Registry) {
        let mut known = HashMap::new();
        for registered in registry.types() {
            let Ok(spec) = &registered.spec else { continue };
            let (key, is_active) = (&spec.file_type, registered.active().is_some());
            let is_due = match self.known.get(key) {
                Some((before, was_active)) => {
                    !Arc::ptr_eq(before, spec) || (spec.config.auto_replay && is_active && !was_active)
                }
                None => self.began || spec.config.auto_replay,
            };
            if is_due {
                self.due.insert(key.clone());
            }
            known.insert(key.clone(), (spec.clone(), is_active));
        }
        self.known = known;
        self.began = true;
    }
}

impl Ingestor {
    /// Looks at the rejected records of types that have changed.
    pub(super) fn begin_replays(&mut self) {
        let Some(reconsideration) = &mut self.reconsideration else { return };
        let due = std::mem::take(&mut reconsideration.due);
        for key in due {
            let Some(known) = self.registry.get(&key) else { continue };
            let Ok(spec) = &known.spec else { continue };
            let loads = spec.config.auto_replay && known.active().is_some();
            if self.is_paused(&key) || (loads && self.is_paused(&spec.table)) {
                // Something was at fault: at a later pass.
                if let Some(reconsideration) = &mut self.reconsideration {
                    reconsideration.due.insert(key);
                }
                continue;
            }
            let (context, spec) = (self.context.clone(), spec.clone());
            let table = loads.then(|| spec.table.clone());
            let turn = table.as_ref().map(|table| self.turns.take(table));
            self.work.spawn(async move {
                let result = match turn {
                    Some(turn) => load(&context, &spec, turn).await,
                    None => look(&context, &spec).await,
                };
                Ended::Reconsidered(Reconsidered { file_type: key, table, result })
            });
        }
    }

    pub(super) async fn reconsidered(&mut self, done: Reconsidered) {
        let Reconsidered { file_type, table, result } = done;
        let name = table.as_ref().unwrap_or(&file_type);
        if let Some(table) = &table {
            self.turns.ended(table);
        }
        let Err(fault) = result else { return self.context.alarm.recovered(name).await };
        self.recover_due = true;
        if fault.kind() != Kind::Conflict {
            self.context.alarm.transient(&fault.problem(), name).await;
            self.last_fault = Some(fault);
        }
        self.pause(name);
        if let Some(reconsideration) = &mut self.reconsideration {
            reconsideration.due.insert(file_type);
        }
    }
}

fn of_type(spec: &TypeSpec) -> RejectFilter {
    RejectFilter { file_type: Some(spec.file_type.clone()), ..RejectFilter::default() }
}

/// `"auto_replay": true`, in turn with the loads of the table. A replay brings no files: it goes on when the load before it
/// has failed, and its own failure stops no load. A load behind both still learns that the first one failed.
async fn load(context: &Arc<Context>, spec: &Arc<TypeSpec>, mut turn: Turn) -> Result<(), Fault> {
    let before = turn.wait().await;
    let loaded = replay_ready(context, spec).await;
    if before.is_ok() {
        turn.pass_on();
    }
    loaded
}

async fn replay_ready(context: &Arc<Context>, spec: &Arc<TypeSpec>) -> Result<(), Fault> {
    if context.metadata.reject_backlog(&of_type(spec)).await?.ready > 0 {
        replay(context, spec, &of_type(spec)).await?;
    }
    Ok(())
}

/// Says how many records would be accepted.
async fn look(context: &Context, spec: &Arc<TypeSpec>) -> Result<(), Fault> {
    let filter = of_type(spec);
    if context.metadata.reject_backlog(&filter).await?.ready == 0 {
        return Ok(());
    }
    let report = rehearse(&context.metadata, &Sources::of(context), spec, &filter, MOST_REHEARSED).await?;
    if report.valid > 0 {
        context.alarm.rejects_acceptable(&spec.file_type, report.valid, report.tried).await;
    }
    Ok(())
}
