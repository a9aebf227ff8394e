//! `lakegate types promote`

use serde_json::json;

use crate::app::App;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print_json;
use crate::cli::session::{Session, by_kind};
use crate::cli::table::{count, plural};
use crate::printable::escape;
use crate::promote::{Promotion, Wish};

pub(super) async fn run(wish: Wish, json: bool, session: &Session) -> Result<Exit, Failure> {
    let app = App::open(session.settings.clone()).await?;
    app.resume().await?;
    let promoted = app.promoter.promote(&wish).await;
    let promotion = promoted.map_err(|error| by_kind(&error, error.kind(), error.hint().as_deref()))?;
    if json {
        print_json(&to_json(&promotion))?;
    } else {
        session.terminal.say(&to_text(&promotion));
    }
    Ok(Exit::Done)
}

fn to_text(promotion: &Promotion) -> String {
    let Promotion { table, field, kind, added, schema_version, data_files, filled, unfinished, .. } =
        promotion;
    let field = escape(field);
    let schema = match added {
        true => format!("added to the schema of {table} as {kind} (version {schema_version})"),
        false => format!("in the schema of {table} already, as {kind}"),
    };
    let mut text = format!("{field} is {schema}\n");
    if filled.rows == 0 {
        text += "no row has a value of it in _rescued that fits: nothing was written\n";
    } else {
        text += &format!(
            "filled in {} of {}; days that they touch are summarised again\n",
            plural(filled.rows, "row"),
            plural(*data_files as u64, "data file")
        );
    }
    if filled.misfits > 0 {
        text += &format!("{} keep their value in _rescued, where it does not fit:\n", count(filled.misfits));
        for example in &filled.examples {
            text += &format!("  {}\n", escape(example));
        }
    }
    if *unfinished > 0 {
        text += &format!(
            "{} that began under the earlier schema have not ended; promote once more when they have\n",
            plural(*unfinished as u64, "load")
        );
    }
    text
}

fn to_json(promotion: &Promotion) -> serde_json::Value {
    let Promotion {
        file_type,
        table,
        field,
        kind,
        added,
        schema_version,
        loads,
        data_files,
        filled,
        unfinished,
    } = promotion;
    json!({
        "file_type": file_type,
        "table_name": table,
        "field": field,
        "type": kind,
        "added": added,
        "schema_version": schema_version,
        "loads": loads,
        "data_files": data_files,
        "rows_filled": filled.rows,
        "rows_left": filled.misfits,
        "examples_left": filled.examples,
        "loads_unfinished": unfinished,
    })
}
