//! Names of types, with the synonyms that people bring from SQL, JSON and other tools.

use super::fault::FieldFault;
use crate::schema::field::{Kind, Resolution};
use crate::schema::names;
use crate::schema::violation::named;

/// What the name of a type promises; nested types find their members in further keys.
#[derive(Debug, Clone)]
pub(super) enum TypeName {
    Scalar(Kind),
    Struct,
    List,
    Map,
}

/// Canonical name, then the synonyms.
const NAMES: [&[&str]; 14] = [
    &["string", "text", "varchar", "char", "str", "utf8"],
    &["boolean", "bool"],
    &["int", "integer", "int32"],
    &["long", "bigint", "int64"],
    &["float", "float32", "real"],
    &["double", "number", "float64", "double precision"],
    &["date"],
    &["timestamp", "datetime", "timestamptz", "timestamp_us", "timestamp with time zone"],
    &["timestamp_ns"],
    &["binary", "bytes", "bytea", "blob", "varbinary"],
    &["json", "jsonb", "any", "variant"],
    &["struct", "object", "record"],
    &["list", "array"],
    &["map"],
];

/// The names as messages offer them.
const OFFERED: &str = "string, boolean, int, long, float, double, decimal(p,s), date, timestamp, timestamp_ns, binary, json, struct, list, map";

/// Reads the name of a type.
pub(super) fn parse(name: &str) -> Result<TypeName, FieldFault> {
    let word = name.trim().to_lowercase();
    if let Some(canonical) = NAMES.iter().find(|names| names.contains(&word.as_str())) {
        return Ok(of_canonical(canonical[0]));
    }
    let (head, arguments) = match word.split_once('(') {
        Some((head, rest)) => (head.trim_end(), Some(rest.trim_end_matches(')').trim())),
        None => (word.as_str(), None),
    };
    match head {
        "decimal" | "numeric" | "number" => decimal(name, arguments).map(TypeName::Scalar),
        "varchar" | "char" | "string" | "text" => Err(FieldFault::Type(format!(
            "the type \"{}\" has a length; write \"type\": \"string\", \"max_length\": {}",
            named(name),
            arguments.filter(|digits| digits.parse::<u32>().is_ok()).unwrap_or("…")
        ))),
        _ => Err(unknown(name, &word)),
    }
}

fn of_canonical(canonical: &str) -> TypeName {
    TypeName::Scalar(match canonical {
        "string" => Kind::String,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "date" => Kind::Date,
        "timestamp" => Kind::Timestamp { resolution: Resolution::Micros, epoch: None },
        "timestamp_ns" => Kind::Timestamp { resolution: Resolution::Nanos, epoch: None },
        "binary" => Kind::Binary,
        "struct" => return TypeName::Struct,
        "list" => return TypeName::List,
        "map" => return TypeName::Map,
        _ => Kind::Json,
    })
}

fn decimal(name: &str, arguments: Option<&str>) -> Result<Kind, FieldFault> {
    let advice = |problem: &str| {
        FieldFault::Type(format!(
            "the type \"{}\" {problem}; write decimal(p,s) with p digits in all (1 to 38), s of them after the point, for instance decimal(18,2)",
            named(name)
        ))
    };
    let arguments = arguments.ok_or_else(|| advice("needs a precision and a scale"))?;
    let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let (Ok(precision), Ok(scale)) = (precision.trim().parse::<u8>(), scale.trim().parse::<u8>()) else {
        return Err(advice("has no valid precision and scale"));
    };
    if !(1..=38).contains(&precision) || scale > precision {
        return Err(advice("is out of range"));
    }
    Ok(Kind::Decimal { precision, scale })
}

fn unknown(name: &str, word: &str) -> FieldFault {
    let known: Vec<&str> =
        NAMES.iter().flat_map(|names| names.iter().copied()).chain(["decimal", "numeric"]).collect();
    let generic = word.contains(['<', '[']).then(|| {
        "write nested types as {\"type\": \"list\", \"items\": \"string\"} or {\"type\": \"map\", \"items\": \"string\"}".to_owned()
    });
    let suggestion = generic.unwrap_or_else(|| match names::nearest(word, &known) {
        Some(nearest) => format!("did you mean \"{nearest}\"?"),
        None => format!("known are {OFFERED}"),
    });
    FieldFault::UnknownType { name: named(name), suggestion }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(name: &str) -> String {
        match parse(name) {
            Ok(TypeName::Scalar(kind)) => kind.name(),
            Ok(other) => format!("{other:?}").to_lowercase(),
            Err(fault) => panic!("{name}: {fault}"),
        }
    }

    #[test]
    fn synonyms_mean_the_usual_types() {
        for (name, expected) in [
            ("integer", "int"),
            ("BIGINT", "long"),
            ("number", "double"),
            ("real", "float"),
            ("bool", "boolean"),
            ("text", "string"),
            ("datetime", "timestamp"),
            ("numeric(10, 2)", "decimal(10,2)"),
            ("Decimal(5)", "decimal(5,0)"),
            ("bytes", "binary"),
            ("variant", "json"),
            ("object", "struct"),
            ("array", "list"),
            ("map", "map"),
        ] {
            assert_eq!(canonical(name), expected, "{name}");
        }
    }

    #[test]
    fn wrong_names_are_answered_with_what_to_write() {
        for (name, part) in [
            ("interger", "did you mean \"integer\"?"),
            ("colour", "known are string, boolean"),
            ("decimal", "for instance decimal(18,2)"),
            ("decimal(39,2)", "out of range"),
            ("decimal(5,6)", "out of range"),
            ("decimal(a,b)", "no valid precision"),
            ("varchar(255)", "\"max_length\": 255"),
            ("list<string>", "\"items\": \"string\""),
            ("", "known are"),
        ] {
            let fault = parse(name).expect_err("a fault").to_string();
            assert!(fault.contains(part), "{name}: {fault}");
        }
    }
}
