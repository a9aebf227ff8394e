//! `lakegate demo`: a guided tour. Every command that it shows is parsed and run as if it had been typed.
//!
//! [`tour`] is what is told and run, as data; [`outbox`] the sample files; [`place`] the folder it all happens in;
//! [`guide`] does the talking. Knows nothing of how the commands do their work.

mod guide;
mod outbox;
mod place;
mod tour;

use std::path::{Path, PathBuf};

use clap::Args;

use self::guide::Guide;
use self::place::Place;
use super::args::Global;
use super::exit::{Exit, Failure};
use super::session::Session;
use crate::settings::{Flags, Settings, Sources};

/// `lakegate demo`
#[derive(Debug, Args)]
#[command(after_help = "\
The tour makes a folder of its own and leaves everything else alone: settings, environment and data of other
places are not used. Run it again and it starts afresh in that folder.

Examples:
  lakegate demo
  lakegate demo --dir /tmp/tour")]
pub struct DemoArgs {
    /// The folder to work in: a new or empty one, or that of an earlier tour
    #[arg(long, value_name = "DIR", default_value = "lakegate-demo")]
    dir: PathBuf,
}

/// What the commands of the tour see: its own folder, and nothing that was set for other places.
pub(super) fn sources(args: &DemoArgs, global: &Global) -> Result<Sources, Failure> {
    if global.data.is_some() || global.database.is_some() || global.config.is_some() {
        let told =
            "the tour takes no --data, --database or --config: it keeps everything in a folder of its own";
        return Err(Failure::new(Exit::Usage, told).hint("choose the folder with --dir DIR"));
    }
    let cwd = std::path::absolute(&args.dir).map_err(|cause| {
        Failure::because(Exit::Usage, format!("cannot use the folder {}", args.dir.display()), &cause)
    })?;
    let Flags { log_level, log_format, .. } = global.flags();
    Ok(Sources { cwd, flags: Flags { log_level, log_format, ..Flags::default() }, ..Sources::default() })
}

pub async fn run(args: DemoArgs, session: Session) -> Result<Exit, Failure> {
    let dir = session.settings.paths.data.parent().unwrap_or(Path::new("."));
    let place = Place::prepare(dir)?;
    outbox::fill(&place.outbox())?;
    let diverted = settings_that_divert(dir);
    place.enter()?;
    let guide = Guide { session };
    guide.welcome(&args.dir, &diverted)?;
    for (at, chapter) in tour::TOUR.iter().enumerate() {
        guide.tell(at + 1, chapter).await?;
    }
    guide.farewell(&args.dir, &diverted)?;
    Ok(Exit::Done)
}

/// Variables that would take the tour's commands elsewhere when they are typed by hand.
fn settings_that_divert(dir: &Path) -> Vec<String> {
    let by_hand = Sources::of_process(Flags::default()).map(|here| Sources { cwd: dir.to_owned(), ..here });
    let Some(settings) = by_hand.ok().and_then(|sources| Settings::load(&sources).ok()) else {
        return Vec::new();
    };
    let moved = |key: &str| key.starts_with("paths.") || key.starts_with("database.");
    let named =
        settings.effective().iter().filter(|entry| moved(&entry.key) && entry.origin.layer() == "env");
    named.filter_map(|entry| entry.origin.name().map(str::to_owned)).collect()
}
