//! Names as people write them: which column or table was meant, and how a name is quoted. Pure.
//!
//! Unquoted names fold to lower case, as in PostgreSQL. A vendor's `vehicleId` would then need quotes in every
//! query, so one more step is taken: an unquoted name that fits exactly one column when case is ignored, and no
//! column as folded, means that column.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, Statement, VisitMut, VisitorMut,
};

/// Up to three names that are close enough to `name` to be what was meant; best first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= 0.84)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    // Far behind the best is noise.
    let best = scored.first().map_or(0.0, |(score, _)| *score);
    scored.retain(|(score, _)| best - score < 0.03);
    scored.into_iter().take(3).map(|(_, candidate)| candidate.to_string()).collect()
}

/// The name as it must be written in SQL.
pub fn shown(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_string() } else { quoted(name) }
}

/// The name in double quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Spelling of columns, and of members of nested columns, by their folded form.
#[derive(Debug, Default)]
pub struct Spelling {
    /// `None` when two spellings share a folded form.
    by_folded: HashMap<String, Option<String>>,
}

impl Spelling {
    /// The spellings that occur in these tables.
    pub fn of<'a>(schemas: impl IntoIterator<Item = &'a SchemaRef>) -> Self {
        let mut spelling = Spelling::default();
        for schema in schemas {
            for field in schema.fields() {
                spelling.learn(field);
            }
        }
        spelling
    }

    fn learn(&mut self, field: &Field) {
        self.by_folded
            .entry(field.name().to_lowercase())
            .and_modify(|known| {
                if known.as_deref() != Some(field.name().as_str()) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(field.name().clone()));
        match field.data_type() {
            DataType::Struct(members) => members.iter().for_each(|member| self.learn(member)),
            DataType::List(item) | DataType::Map(item, _) => {
                if let DataType::Struct(members) = item.data_type() {
                    members.iter().for_each(|member| self.learn(member));
                }
            }
            _ => {}
        }
    }

    /// Quotes every unquoted name of the statement that means one column in another spelling.
    pub fn apply(&self, statement: &mut Statement) {
        let mut pass = SpellingPass { spelling: self };
        let _ = VisitMut::visit(statement, &mut pass);
    }

    fn correct(&self, ident: &mut Ident) {
        if ident.quote_style.is_some() {
            return;
        }
        let folded = ident.value.to_lowercase();
        if let Some(Some(exact)) = self.by_folded.get(&folded)
            && *exact != folded
        {
            *ident = Ident::with_quote('"', exact);
        }
    }
}

struct SpellingPass<'a> {
    spelling: &'a Spelling,
}

impl VisitorMut for SpellingPass<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(ident) => self.spelling.correct(ident),
            Expr::CompoundIdentifier(parts) => parts.iter_mut().for_each(|part| self.spelling.correct(part)),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        // Aliases must follow, or `ORDER BY vehicleId` would miss `… AS vehicleId`.
        if let SetExpr::Select(select) = query.body.as_mut() {
            for item in &mut select.projection {
                if let SelectItem::ExprWithAlias { alias, .. } = item {
                    self.spelling.correct(alias);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Schema;
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn spelled(columns: &[&str], sql: &str) -> String {
        let fields: Vec<_> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let mut statement = Parser::parse_sql(&GenericDialect {}, sql).expect("SQL").remove(0);
        Spelling::of([&schema]).apply(&mut statement);
        statement.to_string()
    }

    #[test]
    fn an_unquoted_name_finds_the_one_column_that_differs_in_case() {
        assert_eq!(
            spelled(
                &["vehicleId", "speed"],
                "SELECT t.VEHICLEID, speed AS vehicleid FROM t ORDER BY vehicleId"
            ),
            r#"SELECT t."vehicleId", speed AS "vehicleId" FROM t ORDER BY "vehicleId""#
        );
    }

    #[test]
    fn an_exact_or_ambiguous_name_is_left_alone() {
        assert_eq!(spelled(&["id", "Id"], "SELECT ID FROM t"), "SELECT ID FROM t");
        assert_eq!(spelled(&["Id"], r#"SELECT "id" FROM t"#), r#"SELECT "id" FROM t"#);
    }

    #[test]
    fn a_slip_of_the_keyboard_is_recognised() {
        assert_eq!(nearest("vehicle_event", ["vehicle_events", "orders"]), ["vehicle_events"]);
        assert_eq!(nearest("zzz", ["vehicle_events", "orders"]), Vec::<String>::new());
    }

    #[test]
    fn names_are_shown_as_they_must_be_typed() {
        assert_eq!(shown("vehicle_id"), "vehicle_id");
        assert_eq!(shown("vehicleId"), "\"vehicleId\"");
        assert_eq!(shown("a\"b"), "\"a\"\"b\"");
    }
}
