//! Control files without their files: too early, too late, or for a file that never came.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use tracing::{info, warn};

use super::super::claim::{blocking, is_file, text};
use super::super::context::Context;
use super::super::fault::Fault;
use super::{Control, Found, take_along};
use crate::arrival::Arrival;
use crate::durable::{self, DirectorySync};
use crate::inbox::Entry;
use crate::inbox::control::{Controls, beside};
use crate::metadata::files::{FileRow, FileState, Location};
use crate::name::{FileName, own_name};

/// A failed file that is given back comes so soon after its control file.
const ON_THE_WAY_BACK: TimeDelta = TimeDelta::minutes(1);

/// Puts control files away whose files are neither in `incoming/` nor in work: `listed` are those in `incoming/`. One
/// that came after its file was loaded, and agrees with it, goes where the file is; one that has waited too long goes
/// to `source_data/failed/`. What cannot be put away is told, and tried again at the next full look: it holds nothing
/// up.
pub async fn tidy_alone(context: &Context, controls: &Controls, listed: &HashSet<&str>) {
    for (file, entry) in controls.alone(listed) {
        if let Err(fault) = tidy(context, file, entry).await {
            warn!(file = %entry.name.shown(), "a control file cannot be put away: {}", fault.whole_message());
        }
    }
}

async fn tidy(context: &Context, file: &FileName, entry: &Entry) -> Result<(), Fault> {
    let path = context.places.incoming.join(entry.name.raw());
    let Some(age) = age(context, &path).map_err(Fault::file("look at", &path))? else { return Ok(()) };
    // The newest file of the name.
    let row = context.metadata.files_by_name(file.shown()).await?.into_iter().next();
    if row.as_ref().is_some_and(is_on_its_way) {
        return Ok(());
    }
    if path == beside(&context.places.incoming.join(file.raw()))
        && let Some(row) = row.filter(|row| row.location == Location::Settled)
        && (row.state != FileState::Failed || age > ON_THE_WAY_BACK)
        && belongs(&path, &row).map_err(Fault::file("read", &path))?
    {
        return follow(context, file, &row).await;
    }
    let waits = age.to_std().is_ok_and(|age| age < context.control_wait);
    if waits { Ok(()) } else { give_up(context, file, entry).await }
}

/// How long a control file has been here; `None` when it is gone. Its modification time may be that of another machine.
fn age(context: &Context, path: &Path) -> io::Result<Option<TimeDelta>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let came = DateTime::from_timestamp(found.ctime(), 0).unwrap_or_default();
    Ok(Some(context.clock.now() - came))
}

/// Its load moves its control file, when that comes late.
fn is_on_its_way(row: &FileRow) -> bool {
    matches!(row.location, Location::Incoming | Location::Processing)
}

/// True when a control file can only mean these bytes. A number of records alone may also be that of the next file of
/// the name.
fn belongs(path: &Path, row: &FileRow) -> io::Result<bool> {
    let Some(Control::Says(totals)) = Control::read(path)? else { return Ok(false) };
    let found = Found {
        records: row.records_read.unsigned_abs(),
        bytes: row.bytes.unsigned_abs(),
        blake3: row.blake3.as_deref(),
    };
    Ok(totals.identify() && totals.differences(found).is_empty())
}

async fn follow(context: &Context, file: &FileName, row: &FileRow) -> Result<(), Fault> {
    let Some(place) = row.path.as_ref().map(PathBuf::from).filter(|path| is_file(path)) else {
        return Ok(());
    };
    let from = context.places.incoming.join(file.raw());
    let shown = text(&place);
    blocking(move || {
        let mut directories = DirectorySync::default();
        take_along(&from, &place, &mut directories).and_then(|()| directories.sync())
    })
    .await?
    .map_err(Fault::file("move a control file to", Path::new(&shown)))?;
    info!(file = %file.shown(), "the control file of {} came after it was loaded; they agree", file.shown());
    Ok(())
}

async fn give_up(context: &Context, file: &FileName, entry: &Entry) -> Result<(), Fault> {
    let folder = context.places.failed.join(Arrival::read(file.shown()).type_key);
    let place = folder.join(own_name(file.shown(), None, ""));
    let explanation = json!({
        "file": entry.name.shown(),
        "code": "control.alone",
        "message": format!("a control file, and no file {} came to go with it", file.shown()),
        "hint": format!("the control file of a file is called like it, with {} behind; deliver both again", crate::inbox::control::SUFFIX),
    });
    let from = context.places.incoming.join(entry.name.raw());
    let told = place.clone();
    blocking(move || {
        let mut directories = DirectorySync::default();
        durable::create_directories(&folder)?;
        let name =
            own_name(&place.file_name().unwrap_or_default().to_string_lossy(), None, ".ctl.error.json");
        let text = format!("{explanation:#}\n");
        durable::write_whole(&folder.join(name), text.as_bytes(), &mut directories)?;
        // The control file may be spelled in capitals: it goes by its own name.
        let subject = from.with_file_name(place.file_name().unwrap_or_default());
        if crate::inbox::control::beside(&subject) == from {
            take_along(&subject, &place, &mut directories)?;
        } else {
            durable::move_new(&from, &folder.join(from.file_name().unwrap_or_default()), &mut directories)?;
        }
        directories.sync()
    })
    .await?
    .map_err(Fault::file("put a control file away as", &told))?;
    context.alarm.control_alone(&entry.name, &told).await;
    Ok(())
}
