//! Dialect 2: a JSON Schema. `properties` give the columns; the judge enforces every keyword.
//!
//! A column gets a type only where the schema leaves no other choice. Whatever the schema leaves open is kept
//! as json, so that no record that the judge accepts is refused for its column.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::demands::{self, Demands};
use super::fault::{DefinitionError, FieldFault};
use super::references::{Properties, resolve};
use super::{MAX_COLUMNS, MAX_NESTING, siblings};
use crate::decode::value::{Node, Value};
use crate::schema::field::{Field, Kind, Resolution, TableSchema};
use crate::schema::judge::{self, Judge};
use crate::schema::members::{self, MemberFault, Members};
use crate::schema::violation::named;
use crate::schema::{fit, numbers};

pub(super) fn compile(value: &Value<'_>, root: Members<'_, '_>) -> Result<TableSchema, DefinitionError> {
    check_duplicates(value)?;
    let schema = judge::tree(value);
    let judge = Judge::compile(&schema)?;
    let mut columns =
        Columns { root: &schema, count: 0, bare_references: judge.ignores_siblings_of_references() };
    let fields = columns.table()?;
    let mut key = root.texts("primary_key")?;
    if key.is_empty() {
        key = root.texts("x-primary-key")?;
    }
    let primary_key = super::key_columns("primary_key", &fields, &key)?;
    let Demands { checks, unique } = demands::read(root, &fields, &marked_unique(&schema))?;
    Ok(TableSchema { fields, primary_key, judge: Some(judge), checks, unique })
}

/// Properties of the record with `"unique": true`, which is no keyword of JSON Schema.
fn marked_unique(schema: &Json) -> Vec<String> {
    let properties = schema.get("properties").and_then(Json::as_object);
    let is_marked = |property: &Json| {
        ["unique", "x-unique"].iter().any(|key| property.get(key) == Some(&Json::Bool(true)))
    };
    let marked = properties.into_iter().flatten().filter(|(_, property)| is_marked(property));
    marked.map(|(name, _)| name.clone()).collect()
}

/// A key that is written twice would silently lose the first of its values.
fn check_duplicates(value: &Value<'_>) -> Result<(), MemberFault> {
    match &value.node {
        Node::Array(items) => items.iter().try_for_each(check_duplicates),
        Node::Object(members) => {
            let mut seen = HashSet::new();
            members.iter().try_for_each(|(key, member)| {
                if !seen.insert(key) {
                    return Err(MemberFault::Twice { key: named(key) });
                }
                check_duplicates(member)
            })
        }
        _ => Ok(()),
    }
}

struct Columns<'s> {
    root: &'s Json,
    /// Fields made so far, at any depth.
    count: usize,
    /// Nothing beside a `$ref` counts.
    bare_references: bool,
}

/// What a schema says about one value.
struct Shape {
    kind: Kind,
    admits_null: bool,
}

impl Shape {
    fn open() -> Self {
        Shape { kind: Kind::Json, admits_null: true }
    }
}

/// Where in the schema we are: nesting of types, and the references on the way here.
struct Path<'s> {
    depth: usize,
    references: Vec<&'s str>,
}

impl<'s> Path<'s> {
    fn deeper(&self) -> Self {
        Path { depth: self.depth + 1, references: self.references.clone() }
    }

    fn through(&self, reference: &'s str) -> Self {
        let references = self.references.iter().copied().chain([reference]).collect();
        Path { depth: self.depth, references }
    }
}

impl<'s> Columns<'s> {
    fn table(&mut self) -> Result<Vec<Field>, DefinitionError> {
        if let Some(types) = types(self.root)
            && !types.contains(&"object")
        {
            return Err(DefinitionError::NotARecord { found: types.join(" or ") });
        }
        let properties = Properties::of(self.root, self.root);
        let path = Path { depth: 0, references: Vec::new() };
        let fields = self.fields(&properties, &path)?;
        if fields.is_empty() {
            return Err(DefinitionError::NoProperties);
        }
        for (at, field) in fields.iter().enumerate() {
            let unnamed = format!("#{}", at + 1);
            siblings::check_name(&field.name).map_err(|fault| fault.at(&unnamed))?;
        }
        siblings::check(&fields, "")?;
        siblings::check_reserved(&fields)?;
        Ok(fields)
    }

    fn fields(
        &mut self,
        properties: &Properties<'s>,
        path: &Path<'s>,
    ) -> Result<Vec<Field>, DefinitionError> {
        let mut fields = Vec::with_capacity(properties.named.len());
        for &(name, schema) in &properties.named {
            // A property that must not be there needs no column.
            if *schema == Json::Bool(false) {
                continue;
            }
            self.count += 1;
            if self.count > MAX_COLUMNS {
                return Err(DefinitionError::TooManyColumns { limit: MAX_COLUMNS });
            }
            let shape = self.shape(schema, path)?;
            let mut field = Field::plain(name, shape.kind);
            field.default = self.default(&field, schema)?;
            field.nullable = shape.admits_null || !properties.required.contains(name);
            fields.push(field);
        }
        Ok(fields)
    }

    fn default(&self, field: &Field, schema: &'s Json) -> Result<Option<String>, DefinitionError> {
        let target = || schema.get("$ref").and_then(Json::as_str).and_then(|to| resolve(self.root, to));
        let default = schema.get("default").or_else(|| target()?.get("default"));
        let Some(text) = default.filter(|default| !default.is_null()).map(Json::to_string) else {
            return Ok(None);
        };
        fit::check(field, &members::parse(&text)?).map_err(|bad| {
            FieldFault::Misfit { key: "default".into(), kind: field.kind.name(), reason: bad.message }
                .at(&siblings::place("", &field.name))
        })?;
        Ok(Some(text))
    }

    fn shape(&mut self, schema: &'s Json, path: &Path<'s>) -> Result<Shape, DefinitionError> {
        if path.depth >= MAX_NESTING {
            return Ok(Shape::open());
        }
        let is_reference = self.bare_references && schema.get("$ref").is_some();
        let Some(types) = types(schema).filter(|_| !is_reference) else {
            return self.untyped(schema, path);
        };
        let admits_null = types.contains(&"null");
        let mut plain: Vec<_> = types.into_iter().filter(|name| *name != "null").collect();
        if plain.contains(&"number") {
            plain.retain(|name| *name != "integer");
        }
        let kind = match plain.as_slice() {
            [one] => self.kind(one, schema, path)?,
            _ => Kind::Json,
        };
        Ok(Shape { kind, admits_null })
    }

    fn untyped(&mut self, schema: &'s Json, path: &Path<'s>) -> Result<Shape, DefinitionError> {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            return match resolve(self.root, reference) {
                Some(target) if !path.references.contains(&reference) => {
                    self.shape(target, &path.through(reference))
                }
                _ => Ok(Shape::open()),
            };
        }
        if let Some(value) = schema.get("const") {
            return Ok(shape_of_values(std::slice::from_ref(value)));
        }
        if let Some(values) = schema.get("enum").and_then(Json::as_array) {
            return Ok(shape_of_values(values));
        }
        if let Some([only]) = branches(schema, "allOf") {
            return self.shape(only, path);
        }
        match branches(schema, "anyOf").or_else(|| branches(schema, "oneOf")) {
            Some(union) => self.optional(union, path),
            None => Ok(Shape::open()),
        }
    }

    /// `X or null`, which is how many generators write an optional value; any other union stays open.
    fn optional(&mut self, union: &'s [Json], path: &Path<'s>) -> Result<Shape, DefinitionError> {
        let is_null = |branch: &&Json| types(branch).is_some_and(|types| types == ["null"]);
        let mut others = union.iter().filter(|branch| !is_null(branch));
        match (others.next(), others.next()) {
            (Some(only), None) => {
                let shape = self.shape(only, path)?;
                let admits_null = shape.admits_null || union.iter().any(|branch| is_null(&branch));
                Ok(Shape { kind: shape.kind, admits_null })
            }
            _ => Ok(Shape::open()),
        }
    }

    fn kind(&mut self, name: &str, schema: &'s Json, path: &Path<'s>) -> Result<Kind, DefinitionError> {
        let format = schema.get("format").and_then(Json::as_str);
        Ok(match (name, format) {
            ("string", Some("date-time")) => Kind::Timestamp { resolution: Resolution::Micros, epoch: None },
            ("string", Some("date")) => Kind::Date,
            ("string", _) => Kind::String,
            ("integer", Some("int32")) => Kind::Int,
            ("integer", _) => Kind::Long,
            ("number", _) => Kind::Double,
            ("boolean", _) => Kind::Boolean,
            ("array", _) => self.list(schema, path)?,
            ("object", _) => self.object(schema, path)?,
            _ => Kind::Json,
        })
    }

    fn list(&mut self, schema: &'s Json, path: &Path<'s>) -> Result<Kind, DefinitionError> {
        let items = match schema.get("items") {
            Some(items @ Json::Object(_)) if schema.get("prefixItems").is_none() => {
                self.shape(items, &path.deeper())?
            }
            _ => Shape::open(),
        };
        Ok(Kind::List(Box::new(Field { nullable: items.admits_null, ..Field::plain("item", items.kind) })))
    }

    fn object(&mut self, schema: &'s Json, path: &Path<'s>) -> Result<Kind, DefinitionError> {
        let properties = Properties::of(self.root, schema);
        let path = path.deeper();
        if properties.by_pattern {
            return Ok(Kind::Json);
        }
        if properties.named.is_empty() {
            let Some(values) = properties.others else {
                return Ok(Kind::Json);
            };
            let values = self.shape(values, &path)?;
            return Ok(Kind::Map(Box::new(Field {
                nullable: values.admits_null,
                ..Field::plain("value", values.kind)
            })));
        }
        let fields = self.fields(&properties, &path)?;
        // Members that a struct cannot tell apart are kept as text.
        let storable = !fields.is_empty()
            && fields.iter().all(|field| siblings::check_name(&field.name).is_ok())
            && siblings::check(&fields, "").is_ok();
        Ok(if storable { Kind::Struct(fields) } else { Kind::Json })
    }
}

fn types(schema: &Json) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Json::String(name) => Some(vec![name]),
        Json::Array(names) => Some(names.iter().filter_map(Json::as_str).collect()),
        _ => None,
    }
}

fn branches<'s>(schema: &'s Json, key: &str) -> Option<&'s [Json]> {
    schema.get(key).and_then(Json::as_array).map(Vec::as_slice)
}

/// The type of the values that `const` or `enum` lists.
fn shape_of_values(values: &[Json]) -> Shape {
    let admits_null = values.iter().any(Json::is_null);
    let mut kinds = values.iter().filter(|value| !value.is_null()).map(kind_of_value);
    let first = kinds.next().unwrap_or(Kind::Json);
    let kind = kinds.fold(first, |kind, next| match (&kind, &next) {
        (Kind::Long | Kind::Double, Kind::Double) | (Kind::Double, Kind::Long) => Kind::Double,
        (left, right) if left.name() == right.name() => kind,
        _ => Kind::Json,
    });
    Shape { kind, admits_null }
}

fn kind_of_value(value: &Json) -> Kind {
    match value {
        Json::String(_) => Kind::String,
        Json::Bool(_) => Kind::Boolean,
        Json::Number(number) => {
            let literal = number.as_str();
            if numbers::to_i64(literal).is_some() {
                Kind::Long
            } else if numbers::f64_exact(literal).is_some() {
                Kind::Double
            } else {
                Kind::Json
            }
        }
        _ => Kind::Json,
    }
}
