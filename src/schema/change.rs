//! What a change of a field's type means for values that are stored already.
//!
//! The types of a table's files are never rewritten: a change must let every stored value be read as the new type. Pure.

use super::field::{Field, Kind, Resolution};
use super::place::{Place, Step};

/// A field whose type two versions of a definition give differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub place: Place,
    pub from: String,
    pub to: String,
    pub verdict: Verdict,
}

/// Whether stored values can be read as the new type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every value of the old type is a value of the new one.
    Lossless,
    /// Only whole numbers up to 2^53 are.
    IfExactDoubles,
    /// Only times that nanoseconds since 1970 can count are.
    IfNanos,
    /// Null is: the change is possible while the field never had a value.
    IfOnlyNulls,
}

/// The fields that both have, with different types. Fields that only one of them has change nothing: where a file does not
/// have a column, it reads as null; where a definition does not have it any more, the column stays as it is.
pub fn changes(old: &[Field], new: &[Field]) -> Vec<Change> {
    let mut found = Vec::new();
    compare_fields(old, new, &mut Place::root(), &mut found);
    found
}

fn compare_fields(old: &[Field], new: &[Field], place: &mut Place, found: &mut Vec<Change>) {
    for field in new {
        if let Some(before) = old.iter().find(|before| before.name == field.name) {
            place.push(Step::Member(field.name.clone()));
            compare(&before.kind, &field.kind, place, found);
            place.pop();
        }
    }
}

fn compare(old: &Kind, new: &Kind, place: &mut Place, found: &mut Vec<Change>) {
    match (old, new) {
        (Kind::Struct(old), Kind::Struct(new)) => compare_fields(old, new, place, found),
        (Kind::List(old), Kind::List(new)) | (Kind::Map(old), Kind::Map(new)) => {
            place.push(Step::Each);
            compare(&old.kind, &new.kind, place, found);
            place.pop();
        }
        _ if old.name() == new.name() => {}
        _ => found.push(Change {
            place: place.clone(),
            from: old.name(),
            to: new.name(),
            verdict: verdict(old, new),
        }),
    }
}

fn verdict(old: &Kind, new: &Kind) -> Verdict {
    let digits = |precision: &u8, scale: &u8| precision - scale;
    match (old, new) {
        (Kind::Int, Kind::Long | Kind::Double) | (Kind::Float, Kind::Double) => Verdict::Lossless,
        (Kind::Int, Kind::Decimal { precision, scale }) if digits(precision, scale) >= 10 => {
            Verdict::Lossless
        }
        (Kind::Long, Kind::Decimal { precision, scale }) if digits(precision, scale) >= 19 => {
            Verdict::Lossless
        }
        (Kind::Decimal { precision: p, scale: s }, Kind::Decimal { precision: q, scale: t })
            if t >= s && digits(q, t) >= digits(p, s) =>
        {
            Verdict::Lossless
        }
        // The text of such a value is its JSON.
        (
            Kind::Boolean | Kind::Int | Kind::Long | Kind::Decimal { .. } | Kind::Float | Kind::Double,
            Kind::Json,
        ) => Verdict::Lossless,
        (Kind::Date, Kind::Timestamp { resolution: Resolution::Micros, .. }) => Verdict::Lossless,
        (Kind::Long, Kind::Double) => Verdict::IfExactDoubles,
        (
            Kind::Timestamp { resolution: Resolution::Micros, .. },
            Kind::Timestamp { resolution: Resolution::Nanos, .. },
        ) => Verdict::IfNanos,
        _ => Verdict::IfOnlyNulls,
    }
}

/// The narrowest type that holds the values of both, as inference would choose it: json when nothing else does.
pub fn join(a: &Kind, b: &Kind) -> Kind {
    match (a, b) {
        (Kind::Struct(members), Kind::Struct(others)) => Kind::Struct(join_fields(members, others)),
        (Kind::List(a), Kind::List(b)) => Kind::List(Box::new(Field::plain("item", join(&a.kind, &b.kind)))),
        (Kind::Map(a), Kind::Map(b)) => Kind::Map(Box::new(Field::plain("value", join(&a.kind, &b.kind)))),
        _ if a.name() == b.name() => a.clone(),
        (Kind::Int | Kind::Long, Kind::Double | Kind::Float)
        | (Kind::Double | Kind::Float, Kind::Int | Kind::Long) => Kind::Double,
        (Kind::Date, Kind::Timestamp { .. }) | (Kind::Timestamp { .. }, Kind::Date) => Kind::String,
        (Kind::String, Kind::Date | Kind::Timestamp { .. })
        | (Kind::Date | Kind::Timestamp { .. }, Kind::String) => Kind::String,
        _ if verdict(a, b) == Verdict::Lossless || verdict(a, b) == Verdict::IfNanos => b.clone(),
        _ if verdict(b, a) == Verdict::Lossless || verdict(b, a) == Verdict::IfNanos => a.clone(),
        (Kind::Decimal { precision: p, scale: s }, Kind::Decimal { precision: q, scale: t }) => {
            let scale = *s.max(t);
            let whole = (p - s).max(q - t);
            if whole + scale <= 38 { Kind::Decimal { precision: whole + scale, scale } } else { Kind::Json }
        }
        (Kind::Int | Kind::Long, Kind::Decimal { scale, .. })
        | (Kind::Decimal { scale, .. }, Kind::Int | Kind::Long)
            if *scale <= 19 =>
        {
            Kind::Decimal { precision: 38, scale: *scale }
        }
        _ => Kind::Json,
    }
}

fn join_fields(members: &[Field], others: &[Field]) -> Vec<Field> {
    let mut joined: Vec<Field> = members.to_vec();
    for other in others {
        match joined.iter_mut().find(|member| member.name == other.name) {
            Some(member) => member.kind = join(&member.kind, &other.kind),
            None => joined.push(other.clone()),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::definition::compile;

    fn kind(text: &str) -> Kind {
        let text = if text.starts_with('{') { text.to_owned() } else { format!(r#"{{"type":"{text}"}}"#) };
        let fields = format!(r#"{{"fields":[{{"name":"x",{}]}}"#, &text[1..]);
        compile(&fields).expect("a definition").fields.remove(0).kind
    }

    #[test]
    fn what_loses_nothing_is_taken_and_the_rest_depends_on_values() {
        use Verdict::{IfExactDoubles, IfNanos, IfOnlyNulls, Lossless};
        for (from, to, expected) in [
            ("int", "long", Lossless),
            ("int", "double", Lossless),
            ("float", "double", Lossless),
            ("int", "decimal(12,2)", Lossless),
            ("int", "decimal(11,2)", IfOnlyNulls),
            ("long", "decimal(38,2)", Lossless),
            ("decimal(10,2)", "decimal(12,4)", Lossless),
            ("decimal(10,2)", "decimal(12,5)", IfOnlyNulls),
            ("decimal(10,2)", "decimal(11,1)", IfOnlyNulls),
            ("long", "json", Lossless),
            ("date", "timestamp", Lossless),
            ("date", "timestamp_ns", IfOnlyNulls),
            ("long", "double", IfExactDoubles),
            ("timestamp", "timestamp_ns", IfNanos),
            ("long", "int", IfOnlyNulls),
            ("double", "long", IfOnlyNulls),
            ("string", "long", IfOnlyNulls),
            ("long", "string", IfOnlyNulls),
            ("string", "json", IfOnlyNulls),
            ("json", "string", IfOnlyNulls),
        ] {
            assert_eq!(verdict(&kind(from), &kind(to)), expected, "{from} to {to}");
        }
    }

    #[test]
    fn nested_changes_are_found_where_they_are() {
        let old = compile(
            r#"{"fields":[{"name":"a","type":"struct","fields":[{"name":"x","type":"int"},{"name":"y","type":"string"}]},
               {"name":"l","type":"list","items":"long"},{"name":"gone","type":"long"}]}"#,
        );
        let new = compile(
            r#"{"fields":[{"name":"new","type":"long"},{"name":"l","type":"list","items":"string"},
               {"name":"a","type":"struct","fields":[{"name":"y","type":"string"},{"name":"x","type":"long"},{"name":"z","type":"int"}]}]}"#,
        );
        let found = changes(&old.expect("old").fields, &new.expect("new").fields);
        let told: Vec<_> = found.iter().map(|change| (change.place.to_string(), change.verdict)).collect();
        assert_eq!(told, [("/l/*".into(), Verdict::IfOnlyNulls), ("/a/x".into(), Verdict::Lossless)]);
    }

    #[test]
    fn the_join_holds_both_whichever_comes_first() {
        for (a, b, expected) in [
            ("long", "double", "double"),
            ("long", "long", "long"),
            ("long", "string", "json"),
            ("date", "string", "string"),
            ("date", "timestamp", "string"),
            ("decimal(10,2)", "decimal(8,4)", "decimal(12,4)"),
            ("long", "decimal(38,2)", "decimal(38,2)"),
            ("boolean", "string", "json"),
            ("timestamp", "timestamp_ns", "timestamp_ns"),
        ] {
            assert_eq!(join(&kind(a), &kind(b)).name(), expected, "{a} {b}");
            assert_eq!(join(&kind(b), &kind(a)).name(), expected, "{b} {a}");
        }
        let first = kind(r#"{"type":"struct","fields":[{"name":"a","type":"long"}]}"#);
        let second =
            kind(r#"{"type":"struct","fields":[{"name":"b","type":"long"},{"name":"a","type":"double"}]}"#);
        let Kind::Struct(members) = join(&first, &second) else { panic!("a struct") };
        let told: Vec<_> =
            members.iter().map(|member| format!("{} {}", member.name, member.kind.name())).collect();
        assert_eq!(told, ["a double", "b long"]);
    }
}
