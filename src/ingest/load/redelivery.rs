//! Corrected deliveries: the same file again, with other bytes. `on_redelivery` says what becomes of the earlier one.

use std::collections::HashMap;

use tracing::info;

use super::super::departure::Departure;
use super::super::fault::Fault;
use super::super::write::{Fate, SourceFile, Written};
use super::Journey;
use super::sorting::Hashed;
use crate::metadata::files::{Delivery, FileRow, FileState, Problem};
use crate::schema::processing_config::OnRedelivery;

/// By new file, the loaded deliveries of the same one.
pub(super) type Earlier = HashMap<i64, Vec<FileRow>>;

impl Journey<'_> {
    /// Two deliveries of one file that wait together are loaded one after the other, in the order in which they came.
    pub(super) async fn one_of_each_delivery(
        &self,
        files: Vec<SourceFile>,
    ) -> Result<Vec<SourceFile>, Fault> {
        if self.spec.config.on_redelivery == OnRedelivery::Append {
            return Ok(files);
        }
        let mut oldest: HashMap<Delivery, i64> = HashMap::new();
        for file in &files {
            let id = oldest.entry(delivery(file)).or_insert(file.id);
            *id = file.id.min(*id);
        }
        let (first, later): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| oldest.get(&delivery(file)) == Some(&file.id));
        self.give_back(&later, FileState::Queued, |_| None).await?;
        Ok(first)
    }

    /// Looks for earlier deliveries of the files. Where those stay, the new ones are set aside.
    pub(super) async fn earlier_deliveries(&self, hashed: &mut Hashed) -> Result<Earlier, Fault> {
        let policy = self.spec.config.on_redelivery;
        if policy == OnRedelivery::Append {
            return Ok(Earlier::new());
        }
        let wanted: Vec<Delivery> = hashed.fresh.iter().map(delivery).collect();
        let mut loaded: HashMap<Delivery, Vec<FileRow>> = HashMap::new();
        for row in self.context.metadata.earlier_deliveries(&self.spec.file_type, &wanted).await? {
            loaded.entry(Delivery::of(&row)).or_default().push(row);
        }
        let mut earlier = Earlier::new();
        for file in std::mem::take(&mut hashed.fresh) {
            match (loaded.remove(&delivery(&file)), policy) {
                (Some(rows), OnRedelivery::Ignore) => {
                    let of = rows.last().map_or(0, |row| row.id);
                    info!(file = %file.name.shown(), file_id = file.id, earlier = of,
                        "{} is another delivery of file {of} and is ignored", file.name.shown());
                    hashed.ignored.push((file, of));
                }
                (rows, _) => {
                    earlier.extend(rows.map(|rows| (file.id, rows)));
                    hashed.fresh.push(file);
                }
            }
        }
        Ok(earlier)
    }

    /// The rows of earlier deliveries whose place is taken. A delivery that is refused takes nobody's place.
    pub(super) async fn departure(
        &self,
        written: &Written,
        earlier: &Earlier,
    ) -> Result<Option<Departure>, Fault> {
        let accepted = written.files.iter().filter(|file| file.fate == Fate::Accepted);
        let replaced: Vec<FileRow> =
            accepted.filter_map(|file| earlier.get(&file.id)).flatten().cloned().collect();
        if replaced.is_empty() {
            return Ok(None);
        }
        for row in &replaced {
            info!(load_id = self.id, file = %row.name, file_id = row.id, rows = row.records_written,
                "a later delivery of {} takes its place", row.name);
        }
        Departure::of(&self.context.metadata, &self.spec.table, &replaced).await.map(Some)
    }
}

/// As the ledger has it.
fn delivery(file: &SourceFile) -> Delivery {
    Delivery::by(file.name.shown(), file.time)
}

/// Why a delivery was set aside.
pub(super) fn redelivered(of: i64) -> Problem {
    Problem {
        code: "file.redelivered".into(),
        message: format!("another delivery of it was loaded as file {of}, and on_redelivery is ignore"),
        hint: Some(format!(
            "to load it in its place, set \"on_redelivery\": \"replace\" and drop it in again; \
             `lakegate files show {of}` tells of the other"
        )),
    }
}
