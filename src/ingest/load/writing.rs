//! The files of a load, written under a schema that has their fields; and what they show of drift.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::super::claim::blocking;
use super::super::departure;
use super::super::evolve::{self, Adopted, Next, adopted_by, evolve};
use super::super::fault::Fault;
use super::super::keyed::keyed_table;
use super::super::write::{self, Fate, KeyedTable, SourceFile, Work, Written, checked_unique_keys};
use super::Journey;
use super::redelivery::Earlier;
use super::sorting::Hashed;
use crate::drift::{FileSeen, LoadSeen};
use crate::lake::Staging;
use crate::metadata::loads::{LoadKind, LoadRow};
use crate::schema::processing_config::OnUnknownField;

/// What the files of a load have become.
pub(super) struct WrittenFiles {
    pub written: Written,
    /// Fields that became columns on the way.
    pub adopted: Adopted,
    /// With unique keys: the newest commit of the table that they were compared with.
    pub seen_commit: Option<i64>,
}

impl Journey<'_> {
    /// Writes the files under a schema that has all their fields, if it can have them.
    pub(super) async fn write_evolving(
        &mut self,
        fresh: &mut [SourceFile],
        earlier: &Earlier,
    ) -> Result<WrittenFiles, Fault> {
        let mut adopted = Adopted::new();
        let mut round = 1;
        loop {
            let keyed = self.keyed(earlier).await?;
            let seen_commit = keyed.seen_commit;
            let written = self.write(fresh, keyed).await?;
            let next = match round < evolve::ROUNDS {
                true => evolve(self.context, self.id, &self.spec, fresh, &written).await?,
                false => Next::Stage,
            };
            match next {
                Next::Stage => return Ok(WrittenFiles { written, adopted, seen_commit }),
                Next::WriteAgain(spec, fields) => (self.spec, adopted) = (spec, fields),
            }
            round += 1;
        }
    }

    /// With unique keys: the table as it is. Rows of deliveries that the new ones replace are on their way out.
    async fn keyed(&self, earlier: &Earlier) -> Result<KeyedTable, Fault> {
        let metadata = &self.context.metadata;
        if !checked_unique_keys(&self.spec).is_empty() {
            self.let_replays_pass().await?;
        }
        let mut keyed = keyed_table(metadata, &self.spec).await?;
        if keyed.seen_commit.is_some() {
            for (file_id, replaced) in earlier {
                let rows = departure::rows_of(metadata, replaced).await?;
                keyed.leaving.insert(*file_id, rows);
            }
        }
        Ok(keyed)
    }

    /// Whoever compares keys with the table must commit before anybody else does. A replay takes longer than most loads, and
    /// would never be the first: so loads that began after it wait for it, for a while.
    async fn let_replays_pass(&self) -> Result<(), Fault> {
        const LONGEST: Duration = Duration::from_secs(60);
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let began = Instant::now();
        while began.elapsed() < LONGEST && !self.context.stop_reading.is_cancelled() {
            let open = self.context.metadata.open_loads().await?;
            let is_ahead = |load: &LoadRow| {
                load.kind == LoadKind::Replay && load.table_name == self.spec.table && load.id < self.id
            };
            if !open.iter().any(is_ahead) {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Decodes and stages on a blocking thread. A panic parks the file that was being read.
    async fn write(&self, fresh: &mut [SourceFile], keyed: KeyedTable) -> Result<Written, Fault> {
        let work = Work {
            load_id: self.id,
            spec: self.spec.clone(),
            lake: self.context.lake.clone(),
            rejects_folder: self.context.rejects_folder(&self.spec.folder),
            ingested_at: self.context.clock.now(),
            max_record_bytes: self.context.max_record_bytes,
            keyed,
            owner: self.context.owner.clone(),
            stop: self.context.stop_reading.clone(),
        };
        let files = fresh.to_vec();
        // Their bytes go as they are decoded, unless they may have to be decoded again.
        if self.spec.config.on_unknown_field != OnUnknownField::Evolve {
            fresh.iter_mut().for_each(|file| file.content = None);
        }
        let written = blocking(move || {
            Staging::create(&work.lake, work.load_id).map_err(write::WriteError::from)?;
            write::write(&work, files)
        });
        Ok(written.await??)
    }

    /// What its files show of drift. `adopted` are fields that became columns on the way.
    pub(super) fn seen(&self, hashed: &Hashed, written: Written, adopted: Adopted) -> LoadSeen {
        let names: HashMap<i64, &str> =
            hashed.fresh.iter().map(|source| (source.id, source.name.shown())).collect();
        let files = written.files.into_iter().filter_map(|file| {
            let accepted = file.fate == Fate::Accepted;
            let name = names.get(&file.id).filter(|_| accepted || matches!(file.fate, Fate::Refused(_)))?;
            let (id, records) = (file.id, file.counts.read);
            Some(FileSeen { id, name: (*name).to_owned(), records, accepted, seen: file.seen })
        });
        let adopted = adopted_by(&self.spec, adopted);
        LoadSeen {
            file_type: self.spec.file_type.clone(),
            schema: self.spec.schema.clone(),
            schema_version: self.spec.schema_version,
            files: adopted.into_iter().chain(files).collect(),
        }
    }
}
