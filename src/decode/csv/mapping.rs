//! Which cell of a record is which field.

use super::sniff::{Header, Named};
use crate::decode::error::DecodeError;
use crate::schema::field::{Field, TableSchema};
use crate::schema::names;
use crate::schema::processing_config::OnUnknownField;

/// The columns of a text, one for each cell of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// The key of the cell's value: what the header says; without a header, the name of the field.
    pub name: String,
    /// The position of its field in the schema; `None` for a column that the schema does not know.
    pub field: Option<usize>,
}

impl Mapping {
    /// Finds the field of each column: by name and alias, or in their order when there are no names.
    ///
    /// # Errors
    /// The header and the schema do not fit together, so that no record would load as it should.
    pub fn of(
        header: &Header,
        schema: &TableSchema,
        on_unknown: OnUnknownField,
    ) -> Result<Mapping, DecodeError> {
        if !header.has_names {
            let mapping = Mapping::in_order(header, schema);
            mapping.check_required(schema, "a record has too few cells for it")?;
            return Ok(mapping);
        }
        let column =
            |named: &Named| Column { name: named.name.clone(), field: field_of(&named.name, schema) };
        let mapping = Mapping { columns: header.columns.iter().map(column).collect() };
        if mapping.columns.iter().all(|column| column.field.is_none()) {
            return Err(mapping.strange(schema));
        }
        mapping.check_twice(header, schema)?;
        mapping.check_required(schema, "the header does not name it")?;
        if on_unknown == OnUnknownField::Reject {
            mapping.check_known(header, schema)?;
        }
        Ok(mapping)
    }

    fn in_order(header: &Header, schema: &TableSchema) -> Mapping {
        let is_name = |name: &str| field_of(name, schema).is_some();
        let columns = header.columns.iter().enumerate().map(|(at, named)| match schema.fields.get(at) {
            Some(field) => Column { name: field.name.clone(), field: Some(at) },
            None => Column { name: names::fresh(&named.name, is_name), field: None },
        });
        Mapping { columns: columns.collect() }
    }

    fn strange(&self, schema: &TableSchema) -> DecodeError {
        let found = listed(self.columns.iter().map(|column| column.name.as_str()));
        let fields = listed(schema.fields.iter().map(|field| field.name.as_str()));
        DecodeError::new(
            "csv.header",
            format!(
                "no column is a field of the type: the first line names {found}; the fields are {fields}"
            ),
            "if the first line is data, set {\"csv\": {\"header\": false}} in the type's processing_config; if the columns \
             have other names than the fields, give the fields aliases",
        )
    }

    /// Two cells for one field: which of them counts is not clear.
    fn check_twice(&self, header: &Header, schema: &TableSchema) -> Result<(), DecodeError> {
        for (at, column) in self.columns.iter().enumerate() {
            let written = header.columns[at].instead_of.as_deref().filter(|name| !name.is_empty());
            let field = match (column.field, written) {
                (Some(field), _) => Some(field),
                // The second `x` became `x_2`, which is no field; but the first is.
                (None, Some(name)) => field_of(name, schema),
                (None, None) => None,
            };
            let earlier = self.columns[..at].iter().position(|other| field.is_some() && other.field == field);
            if let (Some(earlier), Some(field)) = (earlier, field) {
                let field = &schema.fields[field].name;
                return Err(DecodeError::new(
                    "csv.duplicate_column",
                    format!("columns {} and {} are both the field {field}", earlier + 1, at + 1),
                    format!(
                        "rename one of them where the file comes from, or add a field {:?} if both are wanted",
                        column.name
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check_required(&self, schema: &TableSchema, why: &str) -> Result<(), DecodeError> {
        let has = |at: usize| self.columns.iter().any(|column| column.field == Some(at));
        let mut fields = schema.fields.iter().enumerate();
        let Some((_, field)) =
            fields.find(|(at, field)| !field.nullable && field.default.is_none() && !has(*at))
        else {
            return Ok(());
        };
        let unknown: Vec<_> = self
            .columns
            .iter()
            .filter(|column| column.field.is_none())
            .map(|column| column.name.as_str())
            .collect();
        let near = names::nearest(&field.name, &unknown);
        let hint = match near {
            Some(near) => format!("if the column {near:?} is meant, make it an alias of the field"),
            None => "deliver the column, or make the field nullable or give it a default".to_owned(),
        };
        Err(DecodeError::new(
            "csv.missing_column",
            format!("there is no column for the field {}, which is required: {why}", field.name),
            hint,
        ))
    }

    fn check_known(&self, header: &Header, schema: &TableSchema) -> Result<(), DecodeError> {
        let is_blank = |at: usize| header.columns[at].instead_of.as_deref() == Some("");
        let unknown =
            self.columns.iter().enumerate().find(|(at, column)| column.field.is_none() && !is_blank(*at));
        let Some((at, column)) = unknown else {
            return Ok(());
        };
        let fields: Vec<_> = schema.fields.iter().map(|field| field.name.as_str()).collect();
        Err(DecodeError::new(
            "csv.unknown_column",
            format!(
                "column {} is called {:?}, which is no field; {}",
                at + 1,
                column.name,
                names::suggestion(&column.name, &fields)
            ),
            "add the field or an alias to schema_definition, or set \"on_unknown_field\": \"rescue\" to keep such columns in _rescued",
        ))
    }
}

fn field_of(name: &str, schema: &TableSchema) -> Option<usize> {
    Field::position(&schema.fields, name)
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
    let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown}, …") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::csv::sniff::names_of;
    use crate::schema::definition::compile;

    const FIELDS: &str = r#"{"fields":[{"name":"id","type":"long","nullable":false,"aliases":["ident"]},{"name":"note","type":"string"}]}"#;

    fn mapping(names: &[&str], on_unknown: OnUnknownField) -> String {
        let written: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let header =
            Header { columns: names_of(&written), is_first_record: true, has_names: true, is_cut: false };
        told(&header, on_unknown)
    }

    fn told(header: &Header, on_unknown: OnUnknownField) -> String {
        match Mapping::of(header, &compile(FIELDS).expect("a definition"), on_unknown) {
            Err(error) => format!("{}: {} / {}", error.code, error.message, error.hint),
            Ok(mapping) => {
                let columns = mapping.columns.iter().map(|column| match column.field {
                    Some(at) => format!("{}={at}", column.name),
                    None => column.name.clone(),
                });
                columns.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn columns_find_their_fields_by_name_and_alias() {
        let rescue = |names: &[&str]| mapping(names, OnUnknownField::Rescue);
        assert_eq!(rescue(&["note", "id"]), "note=1 id=0");
        assert_eq!(rescue(&["ident", "more"]), "ident=0 more");
        assert_eq!(rescue(&["id", "more", "more", ""]), "id=0 more more_2 column_4");
    }

    #[test]
    fn a_header_that_cannot_be_right_is_refused() {
        for (names, on_unknown, expected) in [
            (
                &["a", "b"][..],
                OnUnknownField::Rescue,
                "csv.header: no column is a field of the type: the first line names \"a\", \"b\"; the fields are \"id\", \"note\"",
            ),
            (
                &["id", "id"],
                OnUnknownField::Rescue,
                "csv.duplicate_column: columns 1 and 2 are both the field id",
            ),
            (
                &["id", "note", "ident"],
                OnUnknownField::Rescue,
                "csv.duplicate_column: columns 1 and 3 are both the field id",
            ),
            (
                &["note", "idd"],
                OnUnknownField::Rescue,
                "csv.missing_column: there is no column for the field id, which is required: the header does not name it / if the column \"idd\" is meant",
            ),
            (
                &["id", "nota"],
                OnUnknownField::Reject,
                "csv.unknown_column: column 2 is called \"nota\", which is no field; did you mean \"note\"?",
            ),
        ] {
            let found = mapping(names, on_unknown);
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(mapping(&["id", ""], OnUnknownField::Reject), "id=0 column_2");
    }

    #[test]
    fn without_names_columns_are_fields_in_their_order() {
        let header = |count: usize| Header {
            columns: names_of(&vec![String::new(); count]),
            is_first_record: false,
            has_names: false,
            is_cut: false,
        };
        assert_eq!(told(&header(1), OnUnknownField::Rescue), "id=0");
        assert_eq!(told(&header(3), OnUnknownField::Rescue), "id=0 note=1 column_3");
    }
}
