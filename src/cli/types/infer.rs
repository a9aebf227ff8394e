//! `lakegate types infer`: the schema of a file's records; nothing is registered.

use std::fs::File;
use std::path::Path;

use crate::arrival::Arrival;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print;
use crate::cli::table::{count, plural};
use crate::cli::terminal::Terminal;
use crate::decode::{DecodeError, Draft, RecordOptions, Tail};
use crate::printable::escape;

pub(super) fn run(path: &Path, terminal: &Terminal) -> Result<Exit, Failure> {
    let shown = path.display().to_string();
    let file = File::open(path)
        .map_err(|cause| Failure::because(Exit::Usage, format!("cannot read {shown}"), &cause))?;
    let draft = draft(file, path).map_err(|error| refused(&shown, &error))?;
    let Draft { inferred, broken, first_problem, read_as } = draft;
    if inferred.records == 0 {
        return Err(Failure::new(Exit::SomeFailed, format!("{shown} holds no record that can be read"))
            .hint("a schema comes from JSON objects, from the records of a CSV file, or from the columns of a Parquet file with rows"));
    }
    print(&inferred.definition)?;
    let how = read_as.map(|how| format!(" ({})", escape(&how))).unwrap_or_default();
    terminal.say(&format!("from {}{how}\n", plural(inferred.records, "record")));
    if inferred.non_objects > 0 {
        terminal.say(&format!("warning: {} were no objects\n", count(inferred.non_objects)));
    }
    if let Some(problem) = first_problem {
        terminal.say(&format!(
            "warning: {} could not be read, for instance: {}\n",
            count(broken),
            escape(&problem)
        ));
    }
    Ok(Exit::Done)
}

fn draft(file: File, path: &Path) -> Result<Draft, DecodeError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut options = RecordOptions::new(name.clone(), Arrival::read(&name).type_key);
    options.tail = Tail::Final;
    Draft::of(file, options)
}

fn refused(shown: &str, error: &DecodeError) -> Failure {
    let exit = if error.is_io() { Exit::Unavailable } else { Exit::SomeFailed };
    let failure = Failure::because(exit, format!("cannot infer a schema from {shown}"), error);
    if error.hint.is_empty() { failure } else { failure.hint(error.hint.to_string()) }
}
