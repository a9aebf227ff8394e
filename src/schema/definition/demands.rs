//! What a definition of either dialect demands of records beyond their single values: `checks` between columns, and `unique` keys.

use super::fault::DefinitionError;
use super::key_columns;
use crate::decode::value::{Node, Value};
use crate::schema::checks::{Check, Compiler};
use crate::schema::field::Field;
use crate::schema::members::{MemberFault, Members, wrong};
use crate::schema::violation::named;

/// The keys, and those under which a JSON Schema may carry them.
pub(super) const KEYS: [&str; 2] = ["checks", "unique"];
const EXTENSIONS: [&str; 2] = ["x-checks", "x-unique"];

/// Characters of a check's name: it is part of the rule by which its rejects are found.
const LONGEST_NAME: usize = 64;
/// Each unique key takes memory while files are loaded.
const MOST_UNIQUE: usize = 8;

pub(super) struct Demands {
    pub checks: Vec<Check>,
    /// Positions of the columns of each key.
    pub unique: Vec<Vec<usize>>,
}

/// `marked` are the columns that are unique by a mark of their own.
pub(super) fn read(
    root: Members<'_, '_>,
    fields: &[Field],
    marked: &[String],
) -> Result<Demands, DefinitionError> {
    let key = |at: usize| if root.get(KEYS[at]).is_none() { EXTENSIONS[at] } else { KEYS[at] };
    Ok(Demands { checks: checks(root, key(0), fields)?, unique: unique(root, key(1), fields, marked)? })
}

fn checks(root: Members<'_, '_>, key: &'static str, fields: &[Field]) -> Result<Vec<Check>, DefinitionError> {
    let listed = root.list(key)?.unwrap_or_default();
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let at = |name: &str| {
        let name = named(name);
        move |fault| DefinitionError::Check { name, fault }
    };
    let compiler = Compiler::new(fields).map_err(at(""))?;
    let mut checks: Vec<Check> = Vec::with_capacity(listed.len());
    for (number, value) in listed.iter().enumerate() {
        let (name, expr) =
            check(value).map_err(|fault| DefinitionError::CheckForm { number: number + 1, fault })?;
        if !is_name(&name) {
            return Err(DefinitionError::CheckName { name: named(&name), limit: LONGEST_NAME });
        }
        if checks.iter().any(|check| check.name.eq_ignore_ascii_case(&name)) {
            return Err(DefinitionError::CheckTwice { name });
        }
        checks.push(compiler.compile(&name, &expr).map_err(at(&name))?);
    }
    Ok(checks)
}

fn check(value: &Value<'_>) -> Result<(String, String), MemberFault> {
    let members = Members::of(value)?;
    members.only(&["name", "expr", "expression", "description", "doc", "comment"])?;
    let text = |key: &'static str| members.text(key).map(|text| text.map(str::to_owned));
    let expr = if members.has("expr") { text("expr")? } else { text("expression")? };
    let missing = |key| MemberFault::Missing { key };
    Ok((text("name")?.ok_or(missing("name"))?, expr.ok_or(missing("expr"))?))
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && name.len() <= LONGEST_NAME
}

fn unique(
    root: Members<'_, '_>,
    key: &'static str,
    fields: &[Field],
    marked: &[String],
) -> Result<Vec<Vec<usize>>, DefinitionError> {
    let mut keys: Vec<Vec<usize>> = Vec::new();
    let written = written_keys(root, key)?;
    for names in marked.iter().map(|name| vec![name.clone()]).chain(written) {
        let columns = key_columns("unique", fields, &names)?;
        let is_same = |known: &Vec<usize>| {
            known.len() == columns.len() && known.iter().all(|column| columns.contains(column))
        };
        if !keys.iter().any(is_same) {
            keys.push(columns);
        }
    }
    if keys.len() > MOST_UNIQUE {
        return Err(DefinitionError::TooManyUnique { limit: MOST_UNIQUE });
    }
    Ok(keys)
}

/// `"id"`, `["id"]`, `[["id"], ["a", "b"]]`. Several names in one list could be one key or several.
fn written_keys(root: Members<'_, '_>, key: &'static str) -> Result<Vec<Vec<String>>, DefinitionError> {
    const FORM: &str = "a list of keys, each a list of columns, for instance [[\"id\"], [\"a\", \"b\"]]";
    let text = |value: &Value<'_>| match &value.node {
        Node::String(text) => Some(text.to_string()),
        _ => None,
    };
    let Some(value) = root.get(key) else { return Ok(Vec::new()) };
    let fault = |value: &Value<'_>| DefinitionError::from(wrong(key, FORM, value));
    if let Some(name) = text(value) {
        return Ok(vec![vec![name]]);
    }
    let Node::Array(items) = &value.node else { return Err(fault(value)) };
    if let [only] = items.as_slice()
        && let Some(name) = text(only)
    {
        return Ok(vec![vec![name]]);
    }
    let columns = |item: &Value<'_>| match &item.node {
        Node::Array(names) if !names.is_empty() => {
            names.iter().map(text).collect::<Option<Vec<String>>>().ok_or_else(|| fault(item))
        }
        _ => Err(fault(item)),
    };
    items.iter().map(columns).collect()
}
