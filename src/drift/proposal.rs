//! The change of a definition that would accept what was seen: a proposal, for a person to take or leave. Pure.

use super::sightings::NOT_NULL;
use crate::decode::Format;
use crate::metadata::drift::{DriftKind, DriftRow, DriftStatus};
use crate::metadata::types::TypeRow;
use crate::schema::change::{self, Verdict};
use crate::schema::definition::edit::{self, Edit};
use crate::schema::definition::{self, render_one};
use crate::schema::evolution::{Bounds, grow};
use crate::schema::field::{Field, Kind, TableSchema};
use crate::schema::names;
use crate::schema::place::{Place, Step};

/// What can be done about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// One sentence.
    pub says: String,
    /// The whole new definition; `None` when there is nothing to change.
    pub definition: Option<String>,
    /// Values of one kind would be replaced by values of another: not to be done for a few bad ones.
    pub is_bold: bool,
}

/// The type of values as the ledger keeps it: a field of a definition.
pub fn written(kind: &Kind) -> String {
    render_one(&Field::plain("value", kind.clone()))
}

/// Reads what [`written`] wrote.
pub fn read(found: &str) -> Option<Kind> {
    let schema = definition::compile(&format!("{{\"fields\": [{found}]}}")).ok()?;
    schema.fields.into_iter().next().map(|field| field.kind)
}

/// True when the schema has followed, so that nobody needs to hear of it any more.
pub fn is_settled(row: &DriftRow, schema: &TableSchema) -> bool {
    let field = Place::parse(&row.field).find(&schema.fields);
    match row.kind {
        DriftKind::Appeared => field.is_some(),
        DriftKind::Changed => field.is_none_or(|field| {
            let before = row.declared_type.as_deref().unwrap_or_default();
            field.kind.name() != before.trim_end_matches(NOT_NULL)
        }),
        // A field that may be null has vanished only from the records.
        DriftKind::Vanished => field.is_none_or(|field| {
            field.nullable && row.declared_type.as_ref().is_some_and(|before| before.ends_with(NOT_NULL))
        }),
    }
}

/// What would accept all of `rows`, one after the other, in one definition; those that need no change or allow none are
/// skipped.
/// Bold ones only where they are wanted.
pub fn combined(row: &TypeRow, rows: &[DriftRow], max_columns: usize, bold: bool) -> Option<String> {
    let mut now = row.clone();
    for drift in rows {
        let proposal = propose(&now, drift, max_columns);
        if let Some(definition) = proposal.definition.filter(|_| bold || !proposal.is_bold) {
            now.schema_definition = definition;
        }
    }
    (now.schema_definition != row.schema_definition).then_some(now.schema_definition)
}

/// One statement that takes effect only while the definition is the one that it was made from.
pub fn statement(row: &TypeRow, definition: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    format!(
        "UPDATE table_metadata SET schema_definition = {}\nWHERE file_type = {} AND schema_version = {};",
        quoted(definition.trim_end()),
        quoted(&row.file_type),
        row.schema_version
    )
}

/// What can be done about one field.
pub fn propose(row: &TypeRow, drift: &DriftRow, max_columns: usize) -> Proposal {
    let Ok(schema) = definition::compile(&row.schema_definition) else {
        return Proposal::nothing("the definition cannot be used; mend it first");
    };
    let place = Place::parse(&drift.field);
    let found = drift.found.as_deref().and_then(read);
    let proposed = match (drift.kind, drift.status) {
        (DriftKind::Appeared, _) => appeared(row, &schema, &place, found, max_columns),
        (DriftKind::Changed, _) => changed(row, &schema, &place, found.map(|found| (found, is_csv(drift)))),
        (DriftKind::Vanished, DriftStatus::Ended) => Err("it is there again".into()),
        (DriftKind::Vanished, _) => vanished(row, &schema, &place),
    };
    proposed.unwrap_or_else(Proposal::nothing)
}

/// Cells of CSV hold texts; one that says no JSON fits no column of type json.
fn is_csv(drift: &DriftRow) -> bool {
    [&drift.first_file, &drift.last_file].iter().all(|name| Format::of_name(name) == Some(Format::Csv))
}

/// Or why there is nothing to change.
type Proposed = Result<Proposal, String>;

impl Proposal {
    /// There is nothing to change.
    pub fn nothing(says: impl Into<String>) -> Proposal {
        Proposal { says: says.into(), definition: None, is_bold: false }
    }

    fn change(says: impl Into<String>, definition: String) -> Proposal {
        Proposal { says: says.into(), definition: Some(definition), is_bold: false }
    }

    fn bold(self, is_bold: bool) -> Proposal {
        Proposal { is_bold, ..self }
    }
}

fn appeared(
    row: &TypeRow,
    schema: &TableSchema,
    place: &Place,
    found: Option<Kind>,
    max_columns: usize,
) -> Proposed {
    let Some(kind) = found else {
        return Err("it never had a value that tells its type; wait for one".into());
    };
    let bounds = Bounds { partition_column: &row.partition_column, max_columns };
    let says = format!("add it as {}", kind.name());
    let grown = grow(&row.schema_definition, schema, &[(place.clone(), kind)], bounds)
        .map_err(|bad| bad.to_string())?;
    match grown.left_out.into_iter().next() {
        Some((_, why)) => Err(format!("it cannot be added: {why}")),
        None => Ok(Proposal::change(says, grown.definition)),
    }
}

fn changed(row: &TypeRow, schema: &TableSchema, place: &Place, found: Option<(Kind, bool)>) -> Proposed {
    let Some(field) = place.find(&schema.fields) else {
        return Err("the schema does not have it any more".into());
    };
    let Some((found, is_csv)) = found else { return Err("its values tell no type".into()) };
    let wider = match change::join(&field.kind, &found) {
        Kind::Json if is_csv => Kind::String,
        wider => wider,
    };
    let step =
        change::changes(std::slice::from_ref(field), &[Field { kind: wider.clone(), ..field.clone() }]);
    let is_lossless = step.iter().all(|change| change.verdict != Verdict::IfOnlyNulls) && !step.is_empty();
    if let Some(why) = demanded(schema, place).filter(|_| !is_lossless || matches!(wider, Kind::Json)) {
        return Err(why);
    }
    if is_lossless {
        let retype = Edit::Retype { place: place.clone(), kind: wider.clone() };
        if let Ok((definition, _)) = edit::apply(&row.schema_definition, &[retype]) {
            let says = format!("widen it from {} to {}", field.kind.name(), wider.name());
            return Ok(Proposal::change(says, definition).bold(matches!(wider, Kind::Json)));
        }
    }
    beside(row, schema, place, field, &wider)
}

/// What else in the definition speaks of a column: values of another kind would change what it means, or end it.
fn demanded(schema: &TableSchema, place: &Place) -> Option<String> {
    let column = place.steps().first().and_then(|step| match step {
        Step::Member(name) => schema.fields.iter().position(|field| field.name == *name),
        Step::Each => None,
    })?;
    if let Some(check) = schema.checks.iter().find(|check| check.columns.contains(&column)) {
        return Some(format!(
            "the check {} looks at it, which would not mean the same; change both by hand, or repair the records with `fixed`",
            check.name
        ));
    }
    let is_key =
        schema.primary_key.contains(&column) || schema.unique.iter().any(|key| key.contains(&column));
    is_key.then(|| {
        "it is part of a key, which would end; give the new values a key of their own by hand, or repair the records with `fixed`".into()
    })
}

/// A column of its own for the values that the old one cannot hold: the old one stays with the rows that have it.
fn beside(row: &TypeRow, schema: &TableSchema, place: &Place, field: &Field, kind: &Kind) -> Proposed {
    let (parent, name) = place.split_name().ok_or("elements of lists and maps have no other name to take")?;
    let siblings = parent.siblings(&schema.fields).unwrap_or_default();
    let is_taken =
        |name: &str| siblings.iter().any(|other| names::folded(&other.name) == names::folded(name));
    let new = Field {
        aliases: [vec![field.name.clone()], field.aliases.clone()].concat(),
        nullable: field.nullable,
        ..Field::plain(&names::fresh(&format!("{name}_{}", kind_word(kind)), is_taken), kind.clone())
    };
    let says = format!(
        "stored values are {} and stay so; new ones go to the column {} as {}",
        field.kind.name(),
        new.name,
        kind.name()
    );
    let replace = Edit::Replace { place: place.clone(), field: Box::new(new) };
    edit::apply(&row.schema_definition, &[replace])
        .map(|(definition, _)| Proposal::change(says, definition).bold(true))
        .map_err(|fault| fault.to_string())
}

fn kind_word(kind: &Kind) -> String {
    kind.name().split('(').next().unwrap_or("value").to_owned()
}

fn vanished(row: &TypeRow, schema: &TableSchema, place: &Place) -> Proposed {
    let Some(field) = place.find(&schema.fields) else {
        return Err("the schema does not have it any more".into());
    };
    if field.nullable {
        return Err(
            "nothing has to change: it reads as null; ask the sender whether it is gone for good".into()
        );
    }
    edit::apply(&row.schema_definition, &[Edit::AdmitNull { place: place.clone() }])
        .map(|(definition, _)| Proposal::change("let it be null", definition))
        .map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::metadata::types::TypeStatus;

    fn type_row(definition: &str) -> TypeRow {
        TypeRow {
            id: 1,
            table_name: "t".into(),
            file_type: "t".into(),
            status: TypeStatus::Active,
            schema_definition: definition.into(),
            processing_config: "{}".into(),
            partition_column: "date".into(),
            file_pattern: None,
            processing_folder_path: None,
            description: None,
            schema_version: 3,
            status_reason: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn drift(kind: DriftKind, field: &str, declared: Option<&str>, found: Option<&str>) -> DriftRow {
        DriftRow {
            id: 1,
            file_type: "t".into(),
            kind,
            field: field.into(),
            declared_type: declared.map(str::to_owned),
            found_type: found.map(str::to_owned),
            found: found.map(|found| format!(r#"{{"name": "value", "type": "{found}"}}"#)),
            records: 1,
            records_read: 2,
            files: 1,
            first_file_id: 1,
            first_file: "f".into(),
            last_file: "f".into(),
            examples: "[]".into(),
            schema_version: 3,
            status: DriftStatus::Open,
            first_seen_at: DateTime::UNIX_EPOCH,
            last_seen_at: DateTime::UNIX_EPOCH,
        }
    }

    const FIELDS: &str = r#"{"fields":[{"name":"n","type":"int"},{"name":"r","type":"string","nullable":false},{"name":"m","type":"decimal(5,2)"}]}"#;

    #[test]
    fn each_kind_of_drift_has_its_change() {
        for (row, says, part) in [
            (
                drift(DriftKind::Appeared, "/new", None, Some("long")),
                "add it as long",
                r#"{"name": "new", "type": "long"}"#,
            ),
            (
                drift(DriftKind::Appeared, "/new", None, None),
                "it never had a value that tells its type; wait for one",
                "",
            ),
            (
                drift(DriftKind::Changed, "/n", Some("int"), Some("long")),
                "widen it from int to long",
                r#""type":"long""#,
            ),
            (
                drift(DriftKind::Changed, "/n", Some("int"), Some("double")),
                "widen it from int to double",
                r#""type":"double""#,
            ),
            (
                drift(DriftKind::Changed, "/m", Some("decimal(5,2)"), Some("decimal(8,4)")),
                "widen it from decimal(5,2) to decimal(8,4)",
                "decimal(8,4)",
            ),
            (
                drift(DriftKind::Changed, "/n", Some("int"), Some("string")),
                "widen it from int to json",
                r#""type":"json""#,
            ),
            (
                drift(DriftKind::Changed, "/r", Some("string"), Some("long")),
                "stored values are string and stay so; new ones go to the column r_json as json",
                r#"{"name": "r_json", "type": "json", "nullable": false, "aliases": ["r"]}"#,
            ),
            (drift(DriftKind::Vanished, "/r", Some("string"), None), "let it be null", r#""nullable":true"#),
            (
                drift(DriftKind::Vanished, "/n", Some("int"), None),
                "nothing has to change: it reads as null; ask the sender whether it is gone for good",
                "",
            ),
        ] {
            let found = propose(&type_row(FIELDS), &row, 100);
            assert_eq!(found.says, says);
            assert!(found.definition.unwrap_or_default().contains(part), "{says}");
        }
    }

    #[test]
    fn cells_of_csv_that_no_type_holds_become_texts() {
        let of_csv = |field, declared, found| DriftRow {
            first_file: "t_1.csv".into(),
            last_file: "t_2.csv.gz".into(),
            ..drift(DriftKind::Changed, field, Some(declared), Some(found))
        };
        for (row, says) in [
            (
                of_csv("/n", "int", "json"),
                "stored values are int and stay so; new ones go to the column n_string as string",
            ),
            (of_csv("/n", "int", "double"), "widen it from int to double"),
            (
                DriftRow { last_file: "t_2.ndjson".into(), ..of_csv("/n", "int", "string") },
                "widen it from int to json",
            ),
        ] {
            assert_eq!(propose(&type_row(FIELDS), &row, 100).says, says);
        }
    }

    #[test]
    fn no_key_and_no_check_is_lost_with_a_change() {
        let fields = r#"{"fields":[{"name":"n","type":"int","unique":true},{"name":"m","type":"int"},{"name":"p","type":"int"}],
            "checks":[{"name":"few","expr":"m < 100"}],"primary_key":["p"]}"#;
        for (field, found, says) in [
            ("/n", "string", "it is part of a key"),
            ("/n", "long", "widen it from int to long"),
            ("/m", "string", "the check few looks at it"),
            ("/m", "double", "widen it from int to double"),
            ("/p", "string", "it is part of a key"),
        ] {
            let row = drift(DriftKind::Changed, field, Some("int"), Some(found));
            let proposal = propose(&type_row(fields), &row, 100);
            assert!(proposal.says.starts_with(says), "{field}: {}", proposal.says);
            assert_eq!(proposal.definition.is_some(), says.starts_with("widen"));
        }
    }

    #[test]
    fn what_is_proposed_settles_the_matter() {
        let rows = [
            drift(DriftKind::Appeared, "/new", None, Some("long")),
            drift(DriftKind::Changed, "/n", Some("int"), Some("string")),
            drift(DriftKind::Changed, "/r", Some("string"), Some("long")),
        ];
        let row = type_row(FIELDS);
        let definition = combined(&row, &rows, 100, true).expect("a proposal");
        let schema = definition::compile(&definition).expect("usable");
        assert!(rows.iter().all(|row| is_settled(row, &schema)), "{definition}");
        assert!(statement(&row, &definition).ends_with("WHERE file_type = 't' AND schema_version = 3;"));
        assert_eq!(combined(&row, &[], 100, true), None);
        let careful = combined(&row, &rows, 100, false).expect("a proposal");
        assert!(careful.contains("\"new\"") && !careful.contains("json"), "{careful}");
    }

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in
            [r#"{"name": "value", "type": "list", "items": "long"}"#, r#"{"name": "value", "type": "json"}"#]
        {
            let kind = read(text).expect("a type");
            assert_eq!(written(&kind), text);
        }
    }
}
