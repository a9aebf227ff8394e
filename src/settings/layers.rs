//! Layers of settings, merged key by key. Each value remembers where it came from.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::effective::Origin;
use super::environment::{self, Environment};
use super::positions::{key_lines, line_at};
use super::sources::{Flags, Sources};
use super::{DEFAULTS, Mistake};

/// On disk, a layer over the embedded defaults.
const DEFAULT_FILE: &str = "config/default.toml";

/// Every key there is (`section.key`) with its default.
pub(super) type Keys = BTreeMap<String, Value>;

/// One value in one layer.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub key: String,
    pub value: Value,
    pub origin: Origin,
    /// In a file.
    pub line: Option<usize>,
}

impl Entry {
    /// Where the value stands, as a mistake names it.
    pub(super) fn place(&self) -> String {
        placed(&self.origin.to_string(), self.line)
    }
}

/// One value for each key.
pub(super) struct Merged(pub BTreeMap<String, Entry>);

impl Merged {
    pub(super) fn to_table(&self) -> Table {
        let mut table = Table::new();
        for entry in self.0.values() {
            put(&mut table, &entry.key, &entry.value);
        }
        table
    }
}

/// Puts a value under `section.key`, making the sections on the way.
fn put(table: &mut Table, key: &str, value: &Value) {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value.clone())),
        Some((section, rest)) => {
            let section = table.entry(section).or_insert_with(|| Table::new().into());
            if let Value::Table(section) = section {
                put(section, rest, value);
            }
        }
    }
}

/// Reads and merges all layers; what is wrong with them is added to `mistakes`.
pub(super) fn merge(sources: &Sources, mistakes: &mut Vec<Mistake>, remarks: &mut Vec<String>) -> Merged {
    let defaults = flatten(&DEFAULTS.parse().expect("config/default.toml was parsed by a test"));
    let keys: Keys = defaults.iter().cloned().collect();
    let mut merged = Merged(BTreeMap::new());
    for (key, value) in defaults {
        merged.0.insert(key.clone(), Entry { key, value, origin: Origin::Default, line: None });
    }
    let mut layers = Vec::new();
    for (path, needed) in files(sources, remarks) {
        layers.extend(read(&path, needed, sources, &keys, mistakes));
    }
    layers.extend(environment::entries(sources, &keys, mistakes));
    layers.extend(flags(&sources.flags));
    // In a work tree the file on disk is the embedded one: only what was changed in it counts as set by a file.
    layers.retain(|entry| {
        entry.origin.name() != Some(DEFAULT_FILE) || keys.get(&entry.key) != Some(&entry.value)
    });
    for entry in layers {
        merged.0.insert(entry.key.clone(), entry);
    }
    merged
}

/// Configuration files in their order, and whether they must exist.
fn files(sources: &Sources, remarks: &mut Vec<String>) -> Vec<(PathBuf, bool)> {
    let mut files = vec![(PathBuf::from(DEFAULT_FILE), false)];
    match environment::name(sources) {
        Environment::Named(name) => files.push((PathBuf::from(format!("config/{name}.toml")), false)),
        Environment::Unusable(value) => {
            remarks
                .push(format!("ENV is {value:?}, which is not a plain name: no config/<ENV>.toml was read"));
        }
    }
    if let Some(path) = &sources.flags.config {
        files.push((path.clone(), true));
    }
    files
}

fn read(
    path: &Path,
    needed: bool,
    sources: &Sources,
    keys: &Keys,
    mistakes: &mut Vec<Mistake>,
) -> Vec<Entry> {
    let place = path.display().to_string();
    let text = match std::fs::read_to_string(sources.cwd.join(path)) {
        Ok(text) => text,
        Err(cause) if cause.kind() == ErrorKind::NotFound && !needed => return Vec::new(),
        Err(cause) => {
            mistakes.push(Mistake::new(place, format!("cannot be read: {cause}"), None));
            return Vec::new();
        }
    };
    match text.parse::<Table>() {
        Ok(table) => accept(&place, &text, &table, keys, mistakes),
        Err(cause) => {
            let line = cause.span().map(|span| line_at(&text, span.start));
            mistakes.push(Mistake::new(placed(&place, line), cause.message().replace('\n', ": "), None));
            Vec::new()
        }
    }
}

/// The entries of a file that are known and of the right kind.
fn accept(place: &str, text: &str, table: &Table, keys: &Keys, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    let lines = key_lines(text);
    let mut entries = Vec::new();
    for (key, value) in flatten(table) {
        let line = lines.get(&key).copied();
        let mut mistake = |message, hint| mistakes.push(Mistake::new(placed(place, line), message, hint));
        match keys.get(&key) {
            None => {
                let hint = nearest(&key, keys).map(|near| format!("did you mean `{near}`?"));
                mistake(format!("there is no setting `{key}`"), hint);
            }
            Some(default) if !default.same_type(&value) => {
                let (found, expected) = (kind(&value), kind(default));
                mistake(format!("`{key}` is {found}, expected {expected}"), None);
            }
            Some(_) => entries.push(Entry { key, value, origin: Origin::File(place.into()), line }),
        }
    }
    entries
}

fn flags(flags: &Flags) -> Vec<Entry> {
    let Flags { config: _, data, database, log_level, log_format } = flags;
    let data = data.as_ref().map(|path| path.to_string_lossy().into_owned());
    let text = |value: &Option<&'static str>| value.map(str::to_owned);
    let given = [
        ("paths.data", "--data", data),
        ("database.url", "--database", database.clone()),
        ("log.level", if log_level.is_some_and(is_loud) { "-v" } else { "-q" }, text(log_level)),
        ("log.format", "--log-format", text(log_format)),
    ];
    given
        .into_iter()
        .filter_map(|(key, flag, value)| {
            Some(Entry { key: key.into(), value: value?.into(), origin: Origin::Flag(flag), line: None })
        })
        .collect()
}

fn is_loud(level: &str) -> bool {
    matches!(level, "info" | "debug" | "trace")
}

/// `section.key` (`section.section.key`) with its value; a value outside a section keeps its bare key.
fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (section, value) in table {
        match value {
            Value::Table(members) => {
                let members = flatten(members).into_iter();
                flat.extend(members.map(|(key, value)| (format!("{section}.{key}"), value)));
            }
            value => flat.push((section.clone(), value.clone())),
        }
    }
    flat
}

fn placed(place: &str, line: Option<usize>) -> String {
    line.map_or_else(|| place.to_owned(), |line| format!("{place}:{line}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a time",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

/// The known key that was probably meant.
pub(super) fn nearest<'k>(key: &str, keys: &'k Keys) -> Option<&'k str> {
    let last = |key: &'k str| key.rsplit('.').next().unwrap_or_default();
    let own_name = key.rsplit('.').next().unwrap_or_default();
    keys.keys()
        .filter_map(|known| {
            let whole = strsim::damerau_levenshtein(key, known);
            // A key in the wrong section, or in none, is recognised by its own name.
            let own = 1 + strsim::damerau_levenshtein(own_name, last(known));
            let near = [(whole, 1 + known.len() / 5), (own, 1 + last(known).len() / 4)];
            let distances = near.into_iter().filter(|(distance, allowed)| distance <= allowed);
            distances.map(|(distance, _)| (distance, known.as_str())).min()
        })
        .min()
        .map(|(_, known)| known)
}
