//! The types as they are now: which can be used, and why others cannot.

use std::sync::Arc;

use super::Ingestor;
use crate::ingest::breaker;
use crate::ingest::fault::Fault;
use crate::ingest::vetting::vet;
use crate::registry::Registry;

impl Ingestor {
    pub(super) async fn read_types(&mut self) -> Result<(), Fault> {
        let rows = self.context.metadata.types().await?;
        let mut registry = Registry::build(rows, &self.registry);
        self.vet(&mut registry).await?;
        for known in registry.types() {
            let reason = known.spec.as_ref().err();
            if breaker::says_why(known) {
                continue;
            }
            if known.row.status_reason.as_ref() != reason {
                let key = &known.row.file_type;
                self.context.metadata.set_status_reason(known.row.id, reason.map(String::as_str)).await?;
                match reason {
                    Some(reason) => self.context.alarm.unusable("type", key, reason).await,
                    None => self.context.alarm.usable_again("type", key).await,
                }
            }
        }
        if let Some(reconsideration) = &mut self.reconsideration {
            reconsideration.note(&registry);
        }
        self.registry = Arc::new(registry);
        self.registry_is_stale = false;
        self.lookout.look_at_all();
        Ok(())
    }

    /// Compares definitions that are new here with the rows that their tables hold.
    async fn vet(&mut self, registry: &mut Registry) -> Result<(), Fault> {
        let mut refused = Vec::new();
        for known in registry.types() {
            let (Ok(spec), row) = (&known.spec, &known.row) else { continue };
            let version = (row.table_name.clone(), row.schema_version);
            if self.vetted.get(&row.file_type) == Some(&version) {
                continue;
            }
            let vetted = match vet(&self.context.metadata, &self.context.lake, row, spec).await {
                Err(fault @ Fault::Metadata(_)) => return Err(fault),
                // A data file that cannot be read is no reason to leave other types alone.
                Err(fault) => Err(format!("its rows cannot be looked at: {}", fault.whole_message())),
                Ok(vetted) => vetted,
            };
            match vetted {
                Ok(()) => {
                    self.vetted.insert(row.file_type.clone(), version);
                    self.context.drift.schema_changed(&row.file_type, &spec.schema).await;
                }
                Err(reason) => refused.push((row.file_type.clone(), reason)),
            }
        }
        refused.into_iter().for_each(|(key, reason)| registry.refuse(&key, reason));
        Ok(())
    }
}
