//! The shipped types and job: `data/examples/vehicles.sql`, run as it stands.

use crate::metadata::{Metadata, MetadataError};

/// The SQL that people can run by hand, too.
pub const SQL: &str = include_str!("../../data/examples/vehicles.sql");

/// Registers what is not registered yet; what is there stays as it is. True when something was new.
///
/// # Errors
/// The metadata database is unavailable.
pub async fn register(metadata: &Metadata) -> Result<bool, MetadataError> {
    let mut added = 0;
    for statement in statements() {
        added += metadata.execute_dml(statement).await?;
    }
    Ok(added > 0)
}

/// Each statement, without its comments. A statement ends with a semicolon at the end of a line.
fn statements() -> impl Iterator<Item = &'static str> {
    SQL.split(";\n").filter_map(|part| part.find("INSERT").map(|start| &part[start..]))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// The text between the quotes after the given column values, for the statement of one type.
    fn quoted(statement: &str) -> Vec<&str> {
        statement.split('\'').skip(1).step_by(2).collect()
    }

    #[test]
    fn there_are_two_types_and_a_job() {
        let heads: Vec<&str> = statements().map(|statement| quoted(statement)[0]).collect();
        assert_eq!(heads, ["vehicle_events", "vehicle_status", "daily_summary"]);
    }

    #[test]
    fn the_patterns_match_the_names_of_the_contract() {
        for (statement, noun, other) in [(0, "events", "status"), (1, "status", "events")] {
            let text = statements().nth(statement).unwrap();
            let pattern = Regex::new(quoted(text)[4]).unwrap();
            for name in ["vehicles_{}_20220606000234.json", "vehicle_{}_20220606000234.json.gz"] {
                assert!(pattern.is_match(&name.replace("{}", noun)), "{name}");
                assert!(!pattern.is_match(&name.replace("{}", other)), "{name}");
            }
            assert!(pattern.is_match(&format!("Vehicle-{noun}-2022-06-06.ndjson")));
            assert!(!pattern.is_match(&format!("vehicle_{noun}.json")));
        }
    }

    #[test]
    fn the_schemas_compile() {
        for statement in statements().take(2) {
            let schema = crate::schema::definition::compile(quoted(statement)[3]).unwrap();
            assert_eq!(schema.fields[0].name, "vehicle_id");
            assert!(!schema.fields[0].nullable && !schema.fields[1].nullable);
        }
    }
}
