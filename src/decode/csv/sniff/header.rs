//! Whether the first record names the columns, and how it names them.

use super::Clues;
use super::survey::Survey;
use crate::decode::csv::cell::Cell;
use crate::schema::names;

/// The columns of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode::csv) struct Header {
    /// One for each cell of a record; no two are the same, and none is blank.
    pub columns: Vec<Named>,
    /// The first record is the header, and no data.
    pub is_first_record: bool,
    /// The names are not made up here.
    pub has_names: bool,
    /// The sample ends inside the header.
    pub is_cut: bool,
}

/// The name of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode::csv) struct Named {
    pub name: String,
    /// The name as the file has it, when that could not serve: it was blank or the same as another.
    pub instead_of: Option<String>,
}

impl Header {
    pub(super) fn of(survey: &Survey<'_>, clues: &Clues<'_>) -> Header {
        let settings = clues.settings;
        let is_first_record = match (settings.header, &settings.columns) {
            (Some(header), _) => header,
            (None, Some(_)) => false,
            (None, None) => names_columns(survey, clues),
        };
        let mut written: Vec<String> = match &settings.columns {
            Some(columns) => columns.clone(),
            None if is_first_record => survey.first.iter().map(text_of).collect(),
            None => Vec::new(),
        };
        let cells = if is_first_record { survey.others.iter() } else { [].iter() };
        let ends_in_delimiter = |cells: &Vec<Cell<'_>>| {
            cells.len() == written.len() + 1
                && cells.last().is_some_and(|last| last.text.is_empty() && !last.quoted)
        };
        // Records that all end in a delimiter have a last cell that the header does not name.
        if cells.len() > 0 && cells.clone().all(ends_in_delimiter) {
            written.push(String::new());
        }
        let has_names = !written.is_empty();
        if !has_names {
            written = vec![String::new(); survey.usual_cells().max(survey.first.len())];
        }
        let is_cut = is_first_record && survey.first_is_cut;
        Header { columns: names_of(&written), is_first_record, has_names, is_cut }
    }
}

fn text_of(cell: &Cell<'_>) -> String {
    String::from_utf8_lossy(&cell.text).trim().to_owned()
}

/// Without a schema, a first record of texts is a header, unless it cannot be told from the others and names repeat.
fn names_columns(survey: &Survey<'_>, clues: &Clues<'_>) -> bool {
    let first: Vec<String> = survey.first.iter().map(text_of).collect();
    if let Some(known) = clues.known
        && first.iter().any(|name| known(name))
    {
        return true;
    }
    let is_typed = |cell: &Cell<'_>| survey.looks_typed(cell);
    if first.iter().all(String::is_empty) || survey.first.iter().any(is_typed) {
        return false;
    }
    let others_differ = survey.others.iter().flatten().any(is_typed);
    let mut unique = first.clone();
    unique.sort_unstable();
    unique.dedup();
    others_differ || unique.len() == first.len()
}

/// Names that can be told apart: a blank one becomes `column_N`, the second `x` becomes `x_2`.
pub(in crate::decode::csv) fn names_of(written: &[String]) -> Vec<Named> {
    let mut columns: Vec<Named> = Vec::with_capacity(written.len());
    let mut given: std::collections::HashSet<String> = written.iter().cloned().collect();
    let mut seen = std::collections::HashSet::new();
    for (at, name) in written.iter().enumerate() {
        if !name.is_empty() && seen.insert(name.clone()) {
            columns.push(Named { name: name.clone(), instead_of: None });
            continue;
        }
        let base = if name.is_empty() { format!("column_{}", at + 1) } else { format!("{name}_2") };
        let fresh = match given.contains(&base) {
            false => base,
            true if name.is_empty() => names::fresh(&base, |name| given.contains(name)),
            true => names::fresh(name, |name| given.contains(name)),
        };
        given.insert(fresh.clone());
        columns.push(Named { name: fresh, instead_of: Some(name.clone()) });
    }
    columns
}
