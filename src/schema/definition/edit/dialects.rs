//! Where the text of either dialect says something about a field.

use serde_json::{Value as Json, json};

use super::{EditFault, Splice};
use crate::decode::value::{Node, Value};
use crate::schema::definition::render::render_field;
use crate::schema::field::{Field, Kind, Resolution};
use crate::schema::place::{Place, Step};

/// A definition's text and its values, which know their places in it.
pub(super) struct Document<'t, 'v> {
    text: &'t str,
    root: &'v Value<'t>,
    /// Dialect 1.
    lists_fields: bool,
}

/// A field of dialect 1.
struct Spot<'v, 't> {
    /// The object that has its name.
    element: &'v Value<'t>,
    /// The object that has its type; the same, unless the type is an object of its own.
    body: &'v Value<'t>,
}

impl<'t, 'v> Document<'t, 'v> {
    pub fn of(text: &'t str, root: &'v Value<'t>) -> Self {
        Document { text, root, lists_fields: get(root, "fields").is_some() }
    }

    pub fn add(&self, parent: &Place, fields: &[Field]) -> Result<Splice, EditFault> {
        let missing = || no_place(parent);
        if self.lists_fields {
            let list = self.list_of(parent).ok_or_else(missing)?;
            let Node::Array(elements) = &list.node else { return Err(missing()) };
            let spans = elements.iter().map(|element| (element.start, element.end)).collect::<Vec<_>>();
            return Ok(self.append(list, &spans, |indent| {
                fields.iter().map(|field| render_field(field, indent)).collect()
            }));
        }
        let object = self.schema_of(parent).ok_or_else(missing)?;
        let properties = get(object, "properties").ok_or_else(missing)?;
        let Node::Object(members) = &properties.node else { return Err(missing()) };
        let start = |value: &Value<'_>| {
            self.text[..value.start]
                .rfind('"')
                .map_or(value.start, |quote| self.text[..quote].rfind('"').unwrap_or(quote))
        };
        let spans = members.iter().map(|(_, value)| (start(value), value.end)).collect::<Vec<_>>();
        let written = |field: &Field| format!("{}: {}", Json::from(field.name.as_str()), json_schema(field));
        Ok(self.append(properties, &spans, |_| fields.iter().map(written).collect()))
    }

    pub fn retype(&self, place: &Place, kind: &Kind) -> Result<Vec<Splice>, EditFault> {
        if self.lists_fields {
            let spot = self.spot(place).ok_or_else(|| no_place(place))?;
            let word = get(spot.body, "type").ok_or_else(|| no_place(place))?;
            return Ok(vec![over(word, Json::from(kind.name()).to_string())]);
        }
        let schema = self.schema_of(place).ok_or_else(|| no_place(place))?;
        let format = get(schema, "format").filter(|format| is_text(format, "int32"));
        let number = match get(schema, "type") {
            Some(Value { node: Node::Array(words), .. }) => {
                words.iter().find(|word| is_text(word, "integer"))
            }
            word => word.filter(|word| is_text(word, "integer")),
        };
        match (kind, format, number) {
            (Kind::Long, Some(format), Some(_)) => Ok(vec![over(format, "\"int64\"".into())]),
            (Kind::Double, _, Some(word)) => Ok(vec![over(word, "\"number\"".into())]),
            _ => Err(EditFault::NoWord { place: place.to_string() }),
        }
    }

    pub fn admit_null(&self, place: &Place) -> Result<Vec<Splice>, EditFault> {
        if self.lists_fields {
            let spot = self.spot(place).ok_or_else(|| no_place(place))?;
            let nullable = get(spot.element, "nullable").map(|flag| over(flag, "true".into()));
            let required = get(spot.element, "required").map(|flag| over(flag, "false".into()));
            return Ok(nullable.into_iter().chain(required).collect());
        }
        let (parent, name) = place.split_name().ok_or_else(|| no_place(place))?;
        let around = self.schema_of(&parent).ok_or_else(|| no_place(place))?;
        let mut splices: Vec<Splice> =
            get(around, "required").and_then(|names| self.without(names, name)).into_iter().collect();
        if let Some(Value { node: Node::String(word), start, end }) =
            self.schema_of(place).and_then(|schema| get(schema, "type"))
        {
            let text = json!([word, "null"]).to_string();
            splices.push(Splice { start: *start, end: *end, text });
        }
        Ok(splices)
    }

    pub fn replace(&self, place: &Place, field: &Field) -> Result<Splice, EditFault> {
        if !self.lists_fields {
            return Err(EditFault::NoWord { place: place.to_string() });
        }
        let spot = self.spot(place).ok_or_else(|| no_place(place))?;
        Ok(over(spot.element, render_field(field, self.indent_at(spot.element.start).unwrap_or(4))))
    }

    /// The list without one of its texts.
    fn without(&self, list: &Value<'_>, text: &str) -> Option<Splice> {
        let Node::Array(items) = &list.node else { return None };
        let left: Vec<&str> = items
            .iter()
            .filter(|item| !is_text(item, text))
            .filter_map(|item| self.text.get(item.start..item.end))
            .collect();
        (left.len() < items.len()).then(|| over(list, format!("[{}]", left.join(", "))))
    }

    /// Elements behind the last one of a list or object, each on a line of its own where the others are.
    fn append(
        &self,
        around: &Value<'_>,
        spans: &[(usize, usize)],
        written: impl Fn(usize) -> Vec<String>,
    ) -> Splice {
        let Some(&(start, end)) = spans.last() else {
            let at = around.start + 1;
            return Splice { start: at, end: at, text: written(4).join(", ") };
        };
        let indent = self.indent_at(start);
        let (before, indent) = match indent {
            Some(indent) => (format!(",\n{:indent$}", ""), indent),
            None if self.lists_fields => (", ".to_owned(), 4),
            None => (",".to_owned(), 4),
        };
        let text = written(indent).into_iter().map(|element| format!("{before}{element}")).collect();
        Splice { start: end, end, text }
    }

    /// The spaces before a value that is the first on its line.
    fn indent_at(&self, at: usize) -> Option<usize> {
        let line = self.text[..at].rfind('\n')? + 1;
        let before = &self.text[line..at];
        before.bytes().all(|byte| byte == b' ').then_some(before.len())
    }

    /// The array that holds the fields of a record or of a nested object.
    fn list_of(&self, parent: &Place) -> Option<&'v Value<'t>> {
        if parent.steps().is_empty() {
            return get(self.root, "fields");
        }
        get(self.spot(parent)?.body, "fields")
    }

    fn spot(&self, place: &Place) -> Option<Spot<'v, 't>> {
        let mut list = get(self.root, "fields");
        let mut found: Option<Spot<'v, 't>> = None;
        for step in place.steps() {
            let element = match step {
                Step::Member(name) => {
                    let Node::Array(elements) = &list?.node else { return None };
                    elements
                        .iter()
                        .find(|element| get(element, "name").is_some_and(|own| is_text(own, name)))?
                }
                Step::Each => {
                    let body = found.as_ref()?.body;
                    get(body, "items").or_else(|| get(body, "values"))?
                }
            };
            let mut body = element;
            while let Some(inner @ Value { node: Node::Object(_), .. }) = get(body, "type") {
                body = inner;
            }
            list = get(body, "fields");
            found = Some(Spot { element, body });
        }
        found
    }

    /// The object of a JSON Schema that describes a place by itself.
    fn schema_of(&self, place: &Place) -> Option<&'v Value<'t>> {
        let mut schema = self.root;
        for step in place.steps() {
            schema = match step {
                Step::Member(name) => get(get(schema, "properties")?, name)?,
                Step::Each => get(schema, "items").or_else(|| get(schema, "additionalProperties"))?,
            };
            if get(schema, "$ref").is_some() {
                return None;
            }
        }
        Some(schema)
    }
}

fn get<'v, 't>(value: &'v Value<'t>, key: &str) -> Option<&'v Value<'t>> {
    match &value.node {
        Node::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
        _ => None,
    }
}

fn is_text(value: &Value<'_>, wanted: &str) -> bool {
    matches!(&value.node, Node::String(text) if text == wanted)
}

fn over(value: &Value<'_>, text: String) -> Splice {
    Splice { start: value.start, end: value.end, text }
}

fn no_place(place: &Place) -> EditFault {
    EditFault::NoPlace { place: place.to_string() }
}

/// A schema that admits null and the values of a field.
fn json_schema(field: &Field) -> Json {
    let typed = |name: &str| json!({ "type": [name, "null"] });
    let string = |format: &str| json!({ "type": ["string", "null"], "format": format });
    match &field.kind {
        Kind::String | Kind::Binary => typed("string"),
        Kind::Boolean => typed("boolean"),
        Kind::Int => json!({ "type": ["integer", "null"], "format": "int32" }),
        Kind::Long => typed("integer"),
        Kind::Float | Kind::Double => typed("number"),
        Kind::Date => string("date"),
        Kind::Timestamp { resolution: Resolution::Micros, epoch: None } => string("date-time"),
        // Words that a JSON Schema does not have: any value, kept as its text.
        Kind::Decimal { .. } | Kind::Timestamp { .. } | Kind::Json => json!({}),
        Kind::Struct(members) => {
            let members = members.iter().map(|member| (member.name.clone(), json_schema(member)));
            json!({ "type": ["object", "null"], "properties": members.collect::<serde_json::Map<_, _>>() })
        }
        Kind::List(item) => json!({ "type": ["array", "null"], "items": json_schema(item) }),
        Kind::Map(value) => json!({ "type": ["object", "null"], "additionalProperties": json_schema(value) }),
    }
}
