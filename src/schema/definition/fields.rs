//! Dialect 1: `{"fields": [{"name": …, "type": …}, …], "primary_key": […]}`.

use super::demands::{self, Demands};
use super::fault::{DefinitionError, FieldFault};
use super::type_name::{self, TypeName};
use super::{MAX_COLUMNS, MAX_NESTING, constraints, siblings, source};
use crate::decode::value::{Node, Value};
use crate::schema::field::{EpochUnit, Field, Kind, TableSchema};
use crate::schema::fit;
use crate::schema::members::{MemberFault, Members};

/// Read and dropped: they speak to people.
const REMARKS: [&str; 3] = ["description", "doc", "comment"];

/// What makes up a type; also the keys of a type that is written as an object.
const TYPE_KEYS: [&str; 5] = ["type", "unit", "fields", "items", "values"];

pub(super) fn compile(text: &str, root: Members<'_, '_>) -> Result<TableSchema, DefinitionError> {
    root.only(&[&["fields", "primary_key"], &demands::KEYS, &REMARKS[..]].concat())?;
    let listed = root.list("fields")?.unwrap_or_default();
    if listed.is_empty() {
        return Err(DefinitionError::NoFields);
    }
    let mut reader = Reader { text, columns: 0, unique: Vec::new() };
    let fields = reader.fields(listed, "", 0)?;
    siblings::check_reserved(&fields)?;
    let primary_key = super::key_columns("primary_key", &fields, &root.texts("primary_key")?)?;
    let Demands { checks, unique } = demands::read(root, &fields, &reader.unique)?;
    Ok(TableSchema { fields, primary_key, judge: None, checks, unique })
}

struct Reader<'t> {
    text: &'t str,
    /// Fields read so far, at any depth.
    columns: usize,
    /// Names of the columns that are marked as unique.
    unique: Vec<String>,
}

impl Reader<'_> {
    fn fields(
        &mut self,
        listed: &[Value<'_>],
        parent: &str,
        depth: usize,
    ) -> Result<Vec<Field>, DefinitionError> {
        let mut fields = Vec::with_capacity(listed.len());
        for (at, value) in listed.iter().enumerate() {
            fields.push(self.field(value, parent, at + 1, depth)?);
        }
        siblings::check(&fields, parent)?;
        Ok(fields)
    }

    fn field(
        &mut self,
        value: &Value<'_>,
        parent: &str,
        number: usize,
        depth: usize,
    ) -> Result<Field, DefinitionError> {
        let unnamed = siblings::place(parent, &format!("#{number}"));
        let members = Members::of(value).map_err(|bad| FieldFault::from(bad).at(&unnamed))?;
        let name = members.text("name").map_err(|bad| FieldFault::from(bad).at(&unnamed))?;
        let Some(name) = name else {
            let advice = "every field needs the name of its column";
            return Err(FieldFault::Missing { key: "name", advice }.at(&unnamed));
        };
        siblings::check_name(name).map_err(|fault| fault.at(&unnamed))?;
        let place = siblings::place(parent, name);
        let known = [
            &["name", "aliases", "default", "nullable", "required", "unique"],
            &TYPE_KEYS[..],
            &constraints::KEYS,
            &REMARKS,
        ];
        members.only(&known.concat()).map_err(|bad| FieldFault::from(bad).at(&place))?;
        let mut field = self.typed(name, members, &place, depth)?;
        field.aliases = members.texts("aliases").map_err(|bad| FieldFault::from(bad).at(&place))?;
        field.default = self.default(&field, members).map_err(|fault| fault.at(&place))?;
        if members.flag("unique").map_err(|bad| FieldFault::from(bad).at(&place))? == Some(true) {
            if depth > 0 {
                return Err(FieldFault::NestedUnique.at(&place));
            }
            self.unique.push(field.name.clone());
        }
        Ok(field)
    }

    /// Type, nullability and constraints: all that a list item has, too.
    fn typed(
        &mut self,
        name: &str,
        members: Members<'_, '_>,
        place: &str,
        depth: usize,
    ) -> Result<Field, DefinitionError> {
        self.columns += 1;
        if self.columns > MAX_COLUMNS {
            return Err(DefinitionError::TooManyColumns { limit: MAX_COLUMNS });
        }
        let kind = self.kind(members, place, depth)?;
        let nullable = nullable(members).map_err(|fault| fault.at(place))?;
        let rules = constraints::read(self.text, &kind, members).map_err(|fault| fault.at(place))?;
        Ok(Field { name: name.into(), aliases: Vec::new(), kind, nullable, default: None, rules })
    }

    fn kind(&mut self, members: Members<'_, '_>, place: &str, depth: usize) -> Result<Kind, DefinitionError> {
        let Some(value) = members.get("type") else {
            let advice = "every field needs a type, for instance \"string\"";
            return Err(FieldFault::Missing { key: "type", advice }.at(place));
        };
        match &value.node {
            Node::String(name) => self.named_kind(name, members, place, depth),
            Node::Object(_) => {
                let inner = Members::of(value)?;
                inner
                    .only(&[&TYPE_KEYS[..], &REMARKS].concat())
                    .map_err(|bad| FieldFault::from(bad).at(place))?;
                if depth > MAX_NESTING {
                    return Err(FieldFault::TooDeep { limit: MAX_NESTING }.at(place));
                }
                self.kind(inner, place, depth + 1)
            }
            Node::Array(_) => {
                let advice = "\"type\" must be one type; for a value that may be null write \"nullable\": true, for one of several types write \"type\": \"json\"";
                Err(FieldFault::Type(advice.into()).at(place))
            }
            _ => Err(FieldFault::from(crate::schema::members::wrong("type", "the name of a type", value))
                .at(place)),
        }
    }

    fn named_kind(
        &mut self,
        name: &str,
        members: Members<'_, '_>,
        place: &str,
        depth: usize,
    ) -> Result<Kind, DefinitionError> {
        let type_name = type_name::parse(name).map_err(|fault| fault.at(place))?;
        check_type_keys(&type_name, members).map_err(|fault| fault.at(place))?;
        if !matches!(type_name, TypeName::Scalar(_)) && depth >= MAX_NESTING {
            return Err(FieldFault::TooDeep { limit: MAX_NESTING }.at(place));
        }
        match type_name {
            TypeName::Scalar(kind) => with_unit(kind, members).map_err(|fault| fault.at(place)),
            TypeName::Struct => {
                let listed = members
                    .list("fields")
                    .map_err(|bad| FieldFault::from(bad).at(place))?
                    .unwrap_or_default();
                if listed.is_empty() {
                    let advice =
                        "a struct names its members there; for free keys write \"type\": \"map\" or \"json\"";
                    return Err(FieldFault::Missing { key: "fields", advice }.at(place));
                }
                Ok(Kind::Struct(self.fields(listed, place, depth + 1)?))
            }
            TypeName::List => {
                Ok(Kind::List(Box::new(self.element("item", members.get("items"), place, depth)?)))
            }
            TypeName::Map => {
                let values = members.get("items").or_else(|| members.get("values"));
                Ok(Kind::Map(Box::new(self.element("value", values, place, depth)?)))
            }
        }
    }

    /// The items of a list or the values of a map: the name of a type, or a field without a name.
    fn element(
        &mut self,
        name: &'static str,
        value: Option<&Value<'_>>,
        parent: &str,
        depth: usize,
    ) -> Result<Field, DefinitionError> {
        let place = format!("{parent}[]");
        let Some(value) = value else {
            let advice = "it says what the elements are, for instance \"items\": \"string\"";
            return Err(FieldFault::Missing { key: "items", advice }.at(parent));
        };
        if let Node::String(type_name) = &value.node {
            let bare = Value { node: Node::Object(Vec::new()), start: value.start, end: value.end };
            let kind = self.named_kind(type_name, Members::of(&bare)?, &place, depth + 1)?;
            self.columns += 1;
            return Ok(Field::plain(name, kind));
        }
        let members = Members::of(value).map_err(|bad| FieldFault::from(bad).at(&place))?;
        let known = [&["nullable", "required"], &TYPE_KEYS[..], &constraints::KEYS, &REMARKS];
        members.only(&known.concat()).map_err(|bad| FieldFault::from(bad).at(&place))?;
        self.typed(name, members, &place, depth + 1)
    }

    fn default(&self, field: &Field, members: Members<'_, '_>) -> Result<Option<String>, FieldFault> {
        let Some(value) = members.written("default") else {
            return Ok(None);
        };
        fit::check(field, value).map_err(|bad| FieldFault::Misfit {
            key: "default".into(),
            kind: field.kind.name(),
            reason: bad.message,
        })?;
        Ok((value.node != Node::Null).then(|| source(self.text, value).to_owned()))
    }
}

fn nullable(members: Members<'_, '_>) -> Result<bool, FieldFault> {
    match (members.flag("nullable")?, members.flag("required")?) {
        (Some(nullable), Some(required)) if nullable == required => Err(FieldFault::Contradiction),
        (Some(nullable), _) => Ok(nullable),
        (None, Some(required)) => Ok(!required),
        (None, None) => Ok(true),
    }
}

fn check_type_keys(type_name: &TypeName, members: Members<'_, '_>) -> Result<(), FieldFault> {
    let (kind, fields, items, unit) = match type_name {
        TypeName::Scalar(kind) => (kind.name(), false, false, matches!(kind, Kind::Timestamp { .. })),
        TypeName::Struct => ("struct".into(), true, false, false),
        TypeName::List => ("list".into(), false, true, false),
        TypeName::Map => ("map".into(), false, true, false),
    };
    let applicable = [
        ("unit", unit, "timestamp and timestamp_ns"),
        ("fields", fields, "struct"),
        ("items", items, "list and map"),
        ("values", matches!(type_name, TypeName::Map), "map"),
    ];
    match applicable.into_iter().find(|(key, applies, _)| !applies && members.has(key)) {
        None => Ok(()),
        Some((key, _, applies_to)) => Err(FieldFault::NotApplicable { key, kind, applies_to }),
    }
}

fn with_unit(kind: Kind, members: Members<'_, '_>) -> Result<Kind, FieldFault> {
    let units = [
        ("s", EpochUnit::Seconds),
        ("ms", EpochUnit::Millis),
        ("us", EpochUnit::Micros),
        ("ns", EpochUnit::Nanos),
    ];
    let unit = members.choice("unit", &units).map_err(|bad: MemberFault| FieldFault::from(bad))?;
    Ok(match kind {
        Kind::Timestamp { resolution, .. } => Kind::Timestamp { resolution, epoch: unit },
        other => other,
    })
}
