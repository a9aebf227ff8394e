//! `lakegate migrate`: the tables of the metadata database.

use super::exit::{Exit, Failure};
use super::output::print;
use super::session::Session;
use crate::metadata::Metadata;

pub async fn run(session: &Session) -> Result<Exit, Failure> {
    let metadata = Metadata::connect(session.settings.database.url.expose()).await?;
    let applied = metadata.migrate().await?;
    for name in &applied {
        print(&format!("applied {name}\n"))?;
    }
    if applied.is_empty() {
        session.terminal.say("nothing to do: the database is up to date\n");
    }
    Ok(Exit::Done)
}
