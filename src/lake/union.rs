//! One schema for a table whose files were written under several versions of its definition. Pure.
//!
//! Text is plain text, not Arrow's views: DataFusion counts the buffers that views share once for every batch, so
//! that sorts fail for lack of memory that they do not use.
//!
//! A column has the narrowest type that holds every version's values; where no such type exists it reads as text.
//! Every column is nullable: a file that was written before the column existed reads null.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

/// The union of the schemas, columns in the order in which they first appear. With `declared` first, the order of
/// the definition wins over that of old files.
pub fn union<'a>(schemas: impl IntoIterator<Item = &'a Schema>) -> SchemaRef {
    let mut fields: Vec<FieldRef> = Vec::new();
    for schema in schemas {
        merge_fields(&mut fields, schema.fields());
    }
    Arc::new(Schema::new(fields))
}

/// As [`union`], for files that are written anew: a column that all schemas have alike stays exactly as it is.
pub fn common(schemas: &[SchemaRef]) -> SchemaRef {
    let united = union(schemas.iter().map(AsRef::<Schema>::as_ref));
    let as_it_is = |field: &FieldRef| {
        let mut own = schemas.iter().map(|schema| schema.field_with_name(field.name()).ok());
        match own.next().flatten() {
            Some(first) if own.all(|other| other == Some(first)) => Arc::new(first.clone()),
            _ => Arc::clone(field),
        }
    };
    Arc::new(Schema::new(united.fields().iter().map(as_it_is).collect::<Vec<_>>()))
}

/// Names on the way to each member of `found` whose values the type that `declared` gives it cannot hold. Inside lists and
/// maps the way ends with the list or map.
pub fn misfits(declared: &Schema, found: &Schema) -> Vec<Vec<String>> {
    let mut misfits = Vec::new();
    misfits_of_fields(declared.fields(), found.fields(), &mut Vec::new(), &mut misfits);
    misfits
}

fn misfits_of_fields(
    declared: &Fields,
    found: &Fields,
    way: &mut Vec<String>,
    misfits: &mut Vec<Vec<String>>,
) {
    for field in declared {
        let Some(have) = found.iter().find(|have| have.name() == field.name()) else { continue };
        way.push(field.name().clone());
        match (field.data_type(), have.data_type()) {
            (DataType::Struct(members), DataType::Struct(others)) => {
                misfits_of_fields(members, others, way, misfits);
            }
            (kind, other) if holds(kind, other) => {}
            _ => misfits.push(way.clone()),
        }
        way.pop();
    }
}

/// True when every value of `other` is a value of `kind`, but for members that `kind` does not have.
fn holds(kind: &DataType, other: &DataType) -> bool {
    match (kind, other) {
        (DataType::Struct(members), DataType::Struct(others)) => members.iter().all(|member| {
            let own = others.iter().find(|other| other.name() == member.name());
            own.is_none_or(|own| holds(member.data_type(), own.data_type()))
        }),
        (DataType::List(item), DataType::List(other)) => holds(item.data_type(), other.data_type()),
        (DataType::Map(entries, _), DataType::Map(others, _)) => {
            match (entries.data_type(), others.data_type()) {
                (DataType::Struct(pair), DataType::Struct(other)) if pair.len() == 2 && other.len() == 2 => {
                    holds(pair[1].data_type(), other[1].data_type())
                }
                _ => false,
            }
        }
        _ => {
            let kind = nullable(kind);
            wider(&kind, other) == kind
        }
    }
}

/// The schema with a type that says nothing at the end of each way.
pub fn without_types(schema: &Schema, ways: &[Vec<String>]) -> SchemaRef {
    let ways: Vec<&[String]> = ways.iter().map(Vec::as_slice).collect();
    Arc::new(Schema::new(fields_without(schema.fields(), &ways)))
}

fn fields_without(fields: &Fields, ways: &[&[String]]) -> Vec<FieldRef> {
    let without = |field: &FieldRef| {
        let own = ways.iter().filter(|way| way.first() == Some(field.name()));
        let rests: Vec<&[String]> = own.map(|way| &way[1..]).collect();
        if rests.is_empty() {
            return Arc::clone(field);
        }
        let kind = match field.data_type() {
            DataType::Struct(members) if rests.iter().all(|rest| !rest.is_empty()) => {
                DataType::Struct(fields_without(members, &rests).into())
            }
            _ => DataType::Null,
        };
        Arc::new(Field::new(field.name(), kind, true))
    };
    fields.iter().map(without).collect()
}

fn merge_fields(known: &mut Vec<FieldRef>, more: &Fields) {
    for field in more {
        match known.iter_mut().find(|have| have.name() == field.name()) {
            Some(have) => {
                let wider = wider(have.data_type(), field.data_type());
                if wider != *have.data_type() {
                    *have = Arc::new(Field::new(have.name(), wider, true));
                }
            }
            None => known.push(Arc::new(Field::new(field.name(), nullable(field.data_type()), true))),
        }
    }
}

/// The same type, with nested members nullable and Parquet's annotations gone, so that equal types compare equal.
fn nullable(kind: &DataType) -> DataType {
    let plain = |field: &FieldRef| Arc::new(Field::new(field.name(), nullable(field.data_type()), true));
    match kind {
        DataType::Struct(members) => DataType::Struct(members.iter().map(plain).collect()),
        DataType::List(item) | DataType::LargeList(item) => {
            DataType::List(Arc::new(Field::new("item", nullable(item.data_type()), true)))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => {
                map_of(pair[0].data_type(), nullable(pair[1].data_type()))
            }
            other => other.clone(),
        },
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    }
}

fn map_of(key: &DataType, value: DataType) -> DataType {
    let pair = Fields::from(vec![Field::new("key", key.clone(), false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false)
}

/// The narrowest type that shows the values of both without a change; text when there is none.
fn wider(a: &DataType, b: &DataType) -> DataType {
    use DataType::{
        Binary, Boolean, Date32, Decimal128, Float32, Float64, Int32, Int64, List, Map, Null, Struct,
        Timestamp, Utf8,
    };
    let b = &nullable(b);
    match (a, b) {
        _ if a == b => a.clone(),
        (Null, other) | (other, Null) => other.clone(),
        (Int32, Int64) | (Int64, Int32) => Int64,
        (Int32 | Float32, Float64) | (Float64, Int32 | Float32) => Float64,
        (Int32, Float32) | (Float32, Int32) => Float64,
        // A definition that goes from long to double says that its readers want doubles.
        (Int64, Float64 | Float32) | (Float64 | Float32, Int64) => Float64,
        (Int32, Decimal128(p, s)) | (Decimal128(p, s), Int32) => decimal(10, 0, *p, *s),
        (Int64, Decimal128(p, s)) | (Decimal128(p, s), Int64) => decimal(19, 0, *p, *s),
        (Decimal128(p, s), Decimal128(q, t)) => decimal(*p, *s, *q, *t),
        (Date32, Timestamp(unit, zone)) | (Timestamp(unit, zone), Date32) => Timestamp(*unit, zone.clone()),
        (Timestamp(unit, zone), Timestamp(other, other_zone)) => {
            Timestamp(finer(*unit, *other), zone.clone().or_else(|| other_zone.clone()))
        }
        (Struct(members), Struct(others)) => {
            let mut merged = members.to_vec();
            merge_fields(&mut merged, others);
            Struct(merged.into())
        }
        (List(item), List(other)) => {
            List(Arc::new(Field::new("item", wider(item.data_type(), other.data_type()), true)))
        }
        (Map(entries, _), Map(others, _)) => match (entries.data_type(), others.data_type()) {
            (Struct(pair), Struct(other)) if pair.len() == 2 && other.len() == 2 => {
                map_of(pair[0].data_type(), wider(pair[1].data_type(), other[1].data_type()))
            }
            _ => Utf8,
        },
        (Binary | Boolean, _) => Utf8,
        _ => Utf8,
    }
}

fn decimal(precision: u8, scale: i8, other_precision: u8, other_scale: i8) -> DataType {
    let digits = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
    let before_point = digits(precision, scale).max(digits(other_precision, other_scale));
    let scale = scale.max(other_scale);
    match u8::try_from(before_point + i16::from(scale)) {
        Ok(total) if total <= 38 => DataType::Decimal128(total, scale),
        _ => DataType::Utf8,
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    if a == TimeUnit::Nanosecond || b == TimeUnit::Nanosecond {
        TimeUnit::Nanosecond
    } else {
        TimeUnit::Microsecond
    }
}

/// What a person calls a column's type; the words of `schema_definition`.
pub fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "string".into(),
        DataType::Boolean => "boolean".into(),
        DataType::Int32 => "int".into(),
        DataType::Int64 => "long".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Date32 => "date".into(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => "timestamp_ns".into(),
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "binary".into(),
        DataType::Struct(members) => {
            let inner: Vec<_> = members
                .iter()
                .map(|field| format!("{} {}", field.name(), type_name(field.data_type())))
                .collect();
            format!("struct<{}>", inner.join(", "))
        }
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) if pair.len() == 2 => format!("map<{}>", type_name(pair[1].data_type())),
            other => other.to_string(),
        },
        other => other.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros() -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    }

    #[test]
    fn the_wider_type_holds_both() {
        use DataType::{Boolean, Date32, Decimal128, Float32, Float64, Int32, Int64, Utf8};
        let cases = [
            (Int32, Int64, Int64),
            (Float32, Float64, Float64),
            (Int32, Float32, Float64),
            (Int64, Float64, Float64),
            (Int64, Decimal128(10, 2), Decimal128(21, 2)),
            (Decimal128(38, 0), Decimal128(38, 38), Utf8),
            (Decimal128(10, 2), Decimal128(5, 4), Decimal128(12, 4)),
            (Date32, micros(), micros()),
            (Int64, Utf8, Utf8),
            (Boolean, Int64, Utf8),
        ];
        for (a, b, expected) in cases {
            assert_eq!(wider(&a, &b), expected, "{a} and {b}");
            assert_eq!(wider(&b, &a), expected, "{b} and {a}");
        }
    }

    #[test]
    fn columns_of_all_versions_appear_once_in_the_order_of_the_first() {
        let old = Schema::new(vec![
            Field::new("b", DataType::Int32, false),
            Field::new("gone", DataType::Utf8, false),
        ]);
        let new = Schema::new(vec![
            Field::new("a", DataType::Utf8, false),
            Field::new("b", DataType::Int64, false),
        ]);
        let both = union([&new, &old]);
        let names: Vec<_> =
            both.fields().iter().map(|f| (f.name().as_str(), type_name(f.data_type()))).collect();
        assert_eq!(names, [("a", "string".into()), ("b", "long".into()), ("gone", "string".into())]);
        assert!(both.fields().iter().all(|field| field.is_nullable()));
    }

    #[test]
    fn what_the_declared_type_cannot_hold_is_found_and_can_be_left_out() {
        let inner = |kind: DataType| DataType::Struct(vec![Field::new("x", kind, true)].into());
        let declared = Schema::new(vec![
            Field::new("a", DataType::Int64, false),
            Field::new("s", inner(DataType::Int64), true),
            Field::new("l", DataType::List(Arc::new(Field::new("item", inner(DataType::Int64), true))), true),
        ]);
        let found = Schema::new(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("s", inner(DataType::Utf8), true),
            Field::new(
                "l",
                DataType::List(Arc::new(Field::new("element", inner(DataType::Utf8), true))),
                true,
            ),
            Field::new("more", DataType::Utf8, true),
        ]);
        let ways = misfits(&declared, &found);
        assert_eq!(ways, [vec!["s".to_owned(), "x".to_owned()], vec!["l".to_owned()]]);
        let left = union([&declared, without_types(&found, &ways).as_ref()]);
        let told: Vec<_> = left.fields().iter().map(|field| type_name(field.data_type())).collect();
        assert_eq!(told, ["long", "struct<x long>", "list<struct<x long>>", "string"]);
    }

    #[test]
    fn columns_that_all_have_alike_stay_as_they_are() {
        let schema = |more: Vec<Field>| -> SchemaRef {
            let fields = [vec![Field::new("id", DataType::Int64, false)], more].concat();
            Arc::new(Schema::new(fields))
        };
        let now =
            schema(vec![Field::new("n", DataType::Int64, false), Field::new("new", DataType::Utf8, false)]);
        let old = schema(vec![Field::new("n", DataType::Int32, false)]);
        let both = common(&[now, old]);
        let told: Vec<_> = both
            .fields()
            .iter()
            .map(|field| format!("{} {} {}", field.name(), type_name(field.data_type()), field.is_nullable()))
            .collect();
        assert_eq!(told, ["id long false", "n long true", "new string true"]);
    }

    #[test]
    fn nested_members_are_united_too() {
        let of = |names: &[&str]| {
            let members: Fields = names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
            Schema::new(vec![Field::new(
                "l",
                DataType::List(Arc::new(Field::new("item", DataType::Struct(members), true))),
                true,
            )])
        };
        let both = union([&of(&["x"]), &of(&["x", "y"])]);
        assert_eq!(type_name(both.field(0).data_type()), "list<struct<x long, y long>>");
    }
}
