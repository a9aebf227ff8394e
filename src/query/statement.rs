//! What one statement asks for, decided from its text alone. Pure.
//!
//! Queries are for DataFusion. Changes go to the metadata database word for word, and only to the tables that
//! belong to the operator. Nothing else runs: no tables on foreign files, no COPY, no settings.

use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{ObjectName, SetExpr, ShowCreateObject, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::error::QueryError;

/// The ledger tables that a person may change.
pub const OPERATOR_TABLES: &[&str] = &["table_metadata", "schema_drift", "jobs", "rejects", "alerts"];

/// One statement, classified.
#[derive(Debug)]
pub enum Action {
    /// SELECT, WITH, VALUES or EXPLAIN of one.
    Query(Box<Statement>),
    /// The columns of a table.
    Describe(ObjectName),
    /// The tables that can be named in a query.
    ShowTables,
    /// INSERT, UPDATE or DELETE on a table of the operator, to be run by the metadata database as it stands.
    Change { table: String },
}

/// Decides what `sql`, one statement, asks for; `is_ledger_table` knows the ledger's names.
///
/// # Errors
/// `Syntax`, `Empty`, or `Refused` with what to do instead.
pub fn classify(sql: &str, is_ledger_table: impl Fn(&str) -> bool) -> Result<Action, QueryError> {
    let words = significant_tokens(sql)?;
    match leading_keyword(&words) {
        None if words.is_empty() => Err(QueryError::Empty),
        Some(Keyword::INSERT | Keyword::REPLACE | Keyword::UPDATE | Keyword::DELETE) => {
            change(&words, is_ledger_table)
        }
        Some(keyword @ (Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::EXPLAIN)) => {
            query(sql, keyword)
        }
        None if words[0] == Token::LParen => query(sql, Keyword::SELECT),
        Some(Keyword::DESCRIBE | Keyword::DESC | Keyword::SHOW) => inspection(sql),
        other => Err(refusal(other, &words[0])),
    }
}

fn significant_tokens(sql: &str) -> Result<Vec<Token>, QueryError> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize()
        .map_err(|bad| QueryError::Syntax(bad.to_string()))?;
    Ok(tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect())
}

fn leading_keyword(words: &[Token]) -> Option<Keyword> {
    match words.first() {
        Some(Token::Word(Word { keyword, .. })) => Some(*keyword),
        _ => None,
    }
}

fn parse(sql: &str) -> Result<Statement, QueryError> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&GenericDialect {})
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(QueryError::planning)?;
    match (statements.pop_front(), statements.pop_front()) {
        (None, _) => Err(QueryError::Empty),
        (Some(DfStatement::Statement(statement)), None) => Ok(*statement),
        (Some(DfStatement::Explain(explain)), None) => match *explain.statement {
            // Put together again, so that callers see one kind of EXPLAIN.
            DfStatement::Statement(inner) if is_query(&inner) => Ok(Statement::Explain {
                describe_alias: datafusion::sql::sqlparser::ast::DescribeAlias::Explain,
                analyze: explain.analyze,
                verbose: explain.verbose,
                query_plan: false,
                estimate: false,
                statement: inner,
                format: None,
                options: None,
            }),
            _ => Err(only_queries_explain()),
        },
        (Some(_), None) => Err(refusal(None, &Token::make_word(sql, None))),
        (Some(_), Some(_)) => Err(QueryError::Refused {
            what: "several statements were given where one is expected".into(),
            hint: "end each statement with ';'".into(),
        }),
    }
}

fn is_query(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => {
            let changes = matches!(*query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_));
            let into = matches!(&*query.body, SetExpr::Select(select) if select.into.is_some());
            !changes && !into
        }
        _ => false,
    }
}

fn query(sql: &str, leading: Keyword) -> Result<Action, QueryError> {
    let statement = parse(sql)?;
    match &statement {
        Statement::Explain { statement: inner, .. } if is_query(inner) => {}
        Statement::ExplainTable { table_name, .. } => return Ok(Action::Describe(table_name.clone())),
        other if is_query(other) => {}
        _ if leading == Keyword::EXPLAIN => return Err(only_queries_explain()),
        _ => {
            return Err(QueryError::Refused {
                what: "a WITH or SELECT that changes or creates a table is not a query".into(),
                hint: "write INSERT, UPDATE or DELETE first, on one of the operator's tables".into(),
            });
        }
    }
    Ok(Action::Query(Box::new(statement)))
}

fn only_queries_explain() -> QueryError {
    QueryError::Refused {
        what: "only a query can be explained".into(),
        hint: "EXPLAIN SELECT … shows how it would run".into(),
    }
}

fn inspection(sql: &str) -> Result<Action, QueryError> {
    match parse(sql)? {
        Statement::ExplainTable { table_name, .. } => Ok(Action::Describe(table_name)),
        Statement::ShowTables { .. } => Ok(Action::ShowTables),
        Statement::ShowColumns { show_options, .. } => show_options
            .show_in
            .and_then(|scope| scope.parent_name)
            .map(Action::Describe)
            .ok_or_else(|| only_tables_show(sql)),
        Statement::ShowCreate { obj_type: ShowCreateObject::Table, obj_name } => {
            Ok(Action::Describe(obj_name))
        }
        Statement::Explain { statement, .. } if is_query(&statement) => Ok(Action::Query(statement)),
        _ => Err(only_tables_show(sql)),
    }
}

fn only_tables_show(sql: &str) -> QueryError {
    QueryError::Refused {
        what: format!("{} is not known here", sql.trim()),
        hint: "SHOW TABLES lists the tables, DESCRIBE <table> the columns of one".into(),
    }
}

/// INSERT, UPDATE, DELETE: only the target is looked at; the rest is in the database's own dialect.
fn change(words: &[Token], is_ledger_table: impl Fn(&str) -> bool) -> Result<Action, QueryError> {
    let Some((schema, table)) = target(words) else {
        return Err(QueryError::Syntax("the table to change is not named".into()));
    };
    let operators = OPERATOR_TABLES.contains(&table.as_str());
    match schema.as_deref() {
        None if operators => Ok(Action::Change { table }),
        Some("ledger") if operators => Err(QueryError::Refused {
            what: format!(
                "changes are run by the metadata database, which knows {table} without \"ledger.\""
            ),
            hint: format!("write {table} alone"),
        }),
        None | Some("ledger") if is_ledger_table(&table) => Err(QueryError::Refused {
            what: format!("{table} is kept by Lakegate itself and cannot be changed by hand"),
            hint: format!("these tables can: {}", OPERATOR_TABLES.join(", ")),
        }),
        _ => Err(QueryError::Refused {
            what: format!("{table} cannot be changed by SQL: tables of the lake grow by files"),
            hint: format!(
                "put a file into incoming/ (or `lakegate ingest FILE`); these tables take INSERT, UPDATE and \
                 DELETE: {}",
                OPERATOR_TABLES.join(", ")
            ),
        }),
    }
}

/// Schema and table behind `INSERT [OR …] INTO`, `REPLACE INTO`, `UPDATE [OR …] [ONLY]`, `DELETE FROM [ONLY]`.
fn target(words: &[Token]) -> Option<(Option<String>, String)> {
    let mut at = 1;
    while let Some(Token::Word(word)) = words.get(at) {
        let or_clause = matches!(words.get(at.wrapping_sub(1)), Some(Token::Word(before)) if before.keyword == Keyword::OR);
        if !or_clause && !matches!(word.keyword, Keyword::OR | Keyword::INTO | Keyword::FROM | Keyword::ONLY)
        {
            break;
        }
        at += 1;
    }
    let first = folded(words.get(at)?)?;
    match (words.get(at + 1), words.get(at + 2).and_then(folded)) {
        (Some(Token::Period), Some(second)) => Some((Some(first), second)),
        _ => Some((None, first)),
    }
}

fn folded(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

fn refusal(keyword: Option<Keyword>, first: &Token) -> QueryError {
    let hint = match keyword {
        Some(Keyword::CREATE) => {
            "tables are made by files and by jobs: INSERT INTO jobs (name, target_table, …) keeps a query's result"
        }
        Some(Keyword::COPY | Keyword::UNLOAD) => {
            "print it instead: lakegate sql \"SELECT …\" -f csv > file.csv"
        }
        Some(Keyword::DROP | Keyword::TRUNCATE | Keyword::ALTER) => {
            "the schema of a table is a row in table_metadata: UPDATE table_metadata SET schema_definition = …"
        }
        Some(Keyword::SET | Keyword::RESET) => {
            "there is nothing to set; times are UTC, limits are in the settings"
        }
        Some(Keyword::BEGIN | Keyword::COMMIT | Keyword::ROLLBACK | Keyword::START) => {
            "each statement stands alone; leave it out"
        }
        _ => {
            "SELECT, WITH, VALUES, EXPLAIN, DESCRIBE and SHOW TABLES ask; INSERT, UPDATE and DELETE change \
              table_metadata, schema_drift, jobs, rejects and alerts"
        }
    };
    let name: String = first.to_string().chars().take(40).collect();
    QueryError::Refused { what: format!("{name} is not a statement that runs here"), hint: hint.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(sql: &str) -> String {
        let ledger = |name: &str| OPERATOR_TABLES.contains(&name) || name == "files";
        match classify(sql, ledger) {
            Ok(Action::Query(_)) => "query".into(),
            Ok(Action::Describe(table)) => format!("describe {table}"),
            Ok(Action::ShowTables) => "tables".into(),
            Ok(Action::Change { table }) => format!("change {table}"),
            Err(QueryError::Empty) => "empty".into(),
            Err(QueryError::Syntax(_)) => "syntax".into(),
            Err(QueryError::Refused { .. }) => "refused".into(),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn a_statement_is_asked_changed_or_refused() {
        let cases = [
            ("SELECT 1", "query"),
            ("  -- why\n select 1", "query"),
            ("(SELECT 1) UNION (SELECT 2)", "query"),
            ("WITH a AS (SELECT 1) SELECT * FROM a", "query"),
            ("VALUES (1), (2)", "query"),
            ("EXPLAIN SELECT 1", "query"),
            ("EXPLAIN ANALYZE SELECT 1", "query"),
            ("DESCRIBE files", "describe files"),
            ("desc lake.events", "describe lake.events"),
            ("SHOW COLUMNS FROM files", "describe files"),
            ("SHOW TABLES", "tables"),
            ("UPDATE table_metadata SET status='active' WHERE file_type='orders'", "change table_metadata"),
            ("insert into JOBS (name) values ('a')", "change jobs"),
            ("INSERT OR IGNORE INTO jobs (name) VALUES ('a')", "change jobs"),
            ("DELETE FROM \"rejects\" WHERE id = 1", "change rejects"),
            ("UPDATE OR REPLACE alerts SET status = 'resolved'", "change alerts"),
            ("UPDATE ledger.jobs SET status = 'paused'", "refused"),
            ("DELETE FROM files", "refused"),
            ("DELETE FROM vehicle_events", "refused"),
            ("WITH a AS (SELECT 1) DELETE FROM jobs", "refused"),
            ("SELECT * INTO copy FROM files", "refused"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "refused"),
            ("COPY files TO '/tmp/x.csv'", "refused"),
            ("SET datafusion.execution.batch_size = 1", "refused"),
            ("EXPLAIN DELETE FROM jobs", "refused"),
            ("DROP TABLE jobs", "refused"),
            ("nonsense", "refused"),
            ("SELECT * FROM (", "syntax"),
            ("SELECT 'open", "syntax"),
            ("", "empty"),
            ("-- nothing", "empty"),
        ];
        for (sql, expected) in cases {
            assert_eq!(outcome(sql), expected, "{sql}");
        }
    }
}
