//! `lakegate types activate|deactivate|pause`

use super::find;
use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::metadata::types::{TypeRow, TypeStatus};
use crate::printable::escape;
use crate::schema::definition;

pub(super) async fn run(names: &[String], status: TypeStatus, session: &Session) -> Result<Exit, Failure> {
    let metadata = session.metadata().await?;
    // All names are looked up first: a slip in the last one changes nothing.
    let mut rows: Vec<TypeRow> = Vec::with_capacity(names.len());
    for name in names {
        rows.push(find(&metadata, name).await?);
    }
    for row in &rows {
        if row.status != status {
            metadata.set_status(&row.file_type, status).await?;
        }
        session.terminal.say(&format!("{} is {status}\n", escape(&row.file_type)));
        if let (TypeStatus::Active, Err(error)) = (status, definition::compile(&row.schema_definition)) {
            let error = error.to_string();
            session.terminal.say(&format!("warning: its schema cannot be used: {}\n", escape(&error)));
        }
    }
    Ok(Exit::Done)
}
