//! `lakegate types infer`: the schema of a file's records; nothing is registered.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::arrival::Arrival;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::print;
use crate::cli::table::{count, plural};
use crate::cli::terminal::Terminal;
use crate::decode::{DecodeError, Draft, Grammar, Input, RecordOptions, Tail};
use crate::printable::escape;

pub(super) fn run(path: &Path, terminal: &Terminal) -> Result<Exit, Failure> {
    let shown = path.display().to_string();
    let Draft { inferred, broken, first_problem, read_as, grammar } = draft(path, &shown)?;
    if inferred.records == 0 {
        return Err(Failure::new(Exit::SomeFailed, format!("{shown} holds no record that can be read"))
            .hint("a schema comes from JSON objects, from the records of a CSV file, or from the columns of a Parquet file with rows"));
    }
    print(&inferred.definition)?;
    let how = read_as.map(|how| format!(" ({})", escape(&how))).unwrap_or_default();
    terminal.say(&format!("from {}{how}\n", plural(inferred.records, "record")));
    if grammar == Grammar::Lenient {
        terminal.say("files like this one load with processing_config {\"lenient\": true}\n");
    }
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

fn draft(path: &Path, shown: &str) -> Result<Draft, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut options = RecordOptions::new(name.clone(), Arrival::read(&name).type_key);
    options.tail = Tail::Final;
    let open = || File::open(path).map(Input::from).map_err(Undrafted::Opening);
    Draft::by_either_grammar(open, options).map_err(|undrafted| match undrafted {
        Undrafted::Opening(cause) => Failure::because(Exit::Usage, format!("cannot read {shown}"), &cause),
        Undrafted::Content(error) => refused(shown, &error),
    })
}

enum Undrafted {
    Opening(io::Error),
    Content(DecodeError),
}

impl From<DecodeError> for Undrafted {
    fn from(error: DecodeError) -> Self {
        Undrafted::Content(error)
    }
}

fn refused(shown: &str, error: &DecodeError) -> Failure {
    let exit = if error.is_io() { Exit::Unavailable } else { Exit::SomeFailed };
    let failure = Failure::because(exit, format!("cannot infer a schema from {shown}"), error);
    if error.hint.is_empty() { failure } else { failure.hint(error.hint.to_string()) }
}
