use std::sync::Arc;

use arrow::array::{Array, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};

use super::*;
use crate::schema::definition;
use crate::schema::field::TableSchema;

fn schema() -> TableSchema {
    definition::compile(
        r#"{"fields":[{"name":"a","type":"long"},{"name":"b","type":"long"},{"name":"Ratio","type":"double"},
            {"name":"day","type":"date"},{"name":"state","type":"string"},
            {"name":"place","type":"struct","fields":[{"name":"City","type":"string"}]}]}"#,
    )
    .expect("a definition")
}

fn compile(expr: &str) -> Result<Check, CheckFault> {
    let schema = schema();
    Compiler::new(&schema.fields).expect("a compiler").compile("c", expr)
}

/// Rows with `a` and `b`; the other columns hold the same value everywhere.
fn batch(rows: &[(Option<i64>, Option<i64>)]) -> RecordBatch {
    let full = schema().arrow();
    let (a, b): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
    let place = arrow::array::new_null_array(full.field(5).data_type(), rows.len());
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(Int64Array::from(a)),
        Arc::new(Int64Array::from(b)),
        Arc::new(Float64Array::from(vec![0.5; rows.len()])),
        Arc::new(Date32Array::from(vec![19_000; rows.len()])),
        Arc::new(StringArray::from(vec!["on"; rows.len()])),
        place,
    ];
    RecordBatch::try_new(full, columns).expect("a batch")
}

fn broken(expr: &str, rows: &[(Option<i64>, Option<i64>)]) -> Vec<(usize, Broken)> {
    compile(expr).unwrap_or_else(|fault| panic!("{expr} {fault}")).broken(&batch(rows))
}

#[test]
fn false_is_broken_and_null_passes() {
    let rows = [(Some(1), Some(2)), (Some(3), Some(2)), (None, Some(2)), (Some(2), Some(2))];
    assert_eq!(broken("b >= a", &rows), [(1, Broken::False)]);
    assert_eq!(broken("a is not null and b >= a", &rows), [(1, Broken::False), (2, Broken::False)]);
    assert_eq!(broken("B >= A", &[]), []);
}

#[test]
fn a_row_without_a_value_is_found_whatever_its_neighbours() {
    let mut rows = vec![(Some(10), Some(2)); 1000];
    rows[7] = (Some(1), Some(0));
    rows[500] = (Some(1), Some(2));
    rows[999] = (Some(i64::MAX), Some(0));
    let found = broken("a / b >= 5", &rows);
    let told: Vec<_> = found.iter().map(|(row, why)| (*row, matches!(why, Broken::Error(_)))).collect();
    assert_eq!(told, [(7, true), (500, false), (999, true)]);
    let Broken::Error(reason) = &found[0].1 else { panic!("an error") };
    assert!(reason.to_lowercase().contains("divide by zero"), "{reason}");
    // A condition that keeps the divisor away is enough.
    assert_eq!(broken("b = 0 or a / b >= 5", &rows), [(500, Broken::False)]);
    assert_eq!(broken("case when b = 0 then true else a / b >= 5 end", &rows), [(500, Broken::False)]);
}

#[test]
fn whole_numbers_do_not_wrap_around() {
    let rows = [(Some(i64::MAX), Some(1)), (Some(1), Some(1)), (Some(i64::MIN), Some(1))];
    for (expr, expected) in
        [("a + b > 0", [0, 2].as_slice()), ("a * 2 > 0", &[0, 2]), ("-a <= 0", &[2]), ("b - a <= 1000", &[2])]
    {
        let found: Vec<_> = broken(expr, &rows).into_iter().map(|(row, _)| row).collect();
        assert_eq!(found, expected, "{expr}");
    }
    assert!(matches!(broken("a + b > 0", &rows)[0].1, Broken::Error(_)));
    assert!(matches!(broken("-a <= 0", &rows)[0].1, Broken::Error(_)));
}

#[test]
fn names_are_found_in_any_case_and_members_behind_dots() {
    for expr in [
        "ratio < 1",
        "RATIO < 1.5 and \"Ratio\" > 0",
        "place.city <> 'x'",
        "place['City'] <> 'x'",
        "day > date '2020-01-01'",
        "day >= '2020-01-01'",
        "length(state) between 1 and 3",
        "state in ('on', 'off')",
        "upper(state) = 'ON'",
        "coalesce(a, b) = 1 and nvl(a, b) = 1 and ifnull(null, a) = 1",
        "nvl2(a, 1, 2) = 1 and nullif(a, 7) = 1",
        "arrow_cast(a, 'Int32') = 1 and length(lpad(state, 10, '0')) = 10",
        "extract(year from day) = 2022",
        "state ~ '^o'",
    ] {
        assert_eq!(broken(expr, &[(Some(1), Some(2))]), [], "{expr}");
    }
    assert_eq!(compile("b > a and ratio < b").expect("a check").columns, [1, 0, 2]);
}

#[test]
fn what_cannot_be_a_check_says_why() {
    let told = |expr: &str| match compile(expr) {
        Ok(_) => format!("{expr} is accepted"),
        Err(fault) => fault.to_string(),
    };
    for (expr, expected) in [
        ("a >", "is not an SQL expression: "),
        ("", "is not an SQL expression: "),
        ("a > 1; select 1", "is not an SQL expression: "),
        ("a > 1 as x", "gives its expression a name"),
        ("rato > 1", "names \"rato\", which is no column; did you mean \"Ratio\"?"),
        ("\"ratio\" > 1", "names \"ratio\", which is no column; did you mean \"Ratio\"? (a text stands"),
        ("state = \"on\"", "names \"on\", which is no column; "),
        ("place.ctiy = 'x'", "names \"ctiy\", which is no column; did you mean \"City\"?"),
        ("a.b > 1", "looks for \"b\" in a value that has no members"),
        ("t.a > 1", "names \"t\", which is no column"),
        ("a > (select max(b) from t)", "uses a subquery"),
        ("a in (select b from t)", "uses a subquery"),
        ("exists (select 1)", "uses a subquery"),
        ("sum(a) > 1", "uses the aggregate function sum()"),
        ("row_number() over (order by a) > 1", "uses the window function row_number()"),
        ("day < now()", "uses now(), which"),
        ("day <= current_date", "uses current_date(), which"),
        ("a > random()", "uses random(), which"),
        ("a > $1", "uses a placeholder"),
        ("1 < 2", "names no column"),
        ("a + b", "gives Int64; a check is true, false or null"),
        ("state", "gives Utf8; a check"),
        ("lenght(state) > 1", "cannot be computed: "),
        ("place > 1", "cannot be computed: "),
        ("repeat(state, 1000000000) <> 'x'", "uses repeat(), whose values may be of any size"),
        ("range(a) is not null", "uses range(), whose"),
        ("lpad(state, a, 'x') <> ''", "uses lpad(), whose"),
        ("rpad(state, 2000000000) <> ''", "uses rpad(), whose"),
        ("*", "is not an SQL expression"),
        ("state ~ '('", "cannot be computed: "),
        ("a = cast('x' as int)", "cannot be computed: "),
    ] {
        assert!(told(expr).starts_with(expected), "{expr}: {}", told(expr));
    }
    assert!(told("lenght(state) > 1").contains("length"), "{}", told("lenght(state) > 1"));
}

#[test]
fn an_expression_that_would_not_fit_on_the_stack_is_refused() {
    let chain = |operators: usize| format!("a{} > 0", " + a".repeat(operators));
    assert_eq!(broken(&chain(240), &[(Some(1), None), (Some(-1), None)]), [(1, Broken::False)]);
    assert!(matches!(compile(&chain(260)), Err(CheckFault::TooManyParts)));
    for hostile in [
        chain(1000),
        chain(200_000),
        format!("{}a > 0", "- ".repeat(1990)),
        format!("{}true", "not ".repeat(900)),
        format!("{}a > 0{}", "(".repeat(1500), ")".repeat(1500)),
        format!("a in ({}1)", "1,".repeat(1900)),
        format!("{}a is null{}", "case when true then ".repeat(150), " end".repeat(150)),
        format!("state{} = 'x'", " || state".repeat(400)),
        format!("{}a{} > 0", "abs(".repeat(700), ")".repeat(700)),
    ] {
        let fault = compile(&hostile).err();
        assert!(
            matches!(
                fault,
                Some(CheckFault::TooManyParts | CheckFault::TooLong { .. } | CheckFault::Syntax { .. })
            ),
            "{}: {fault:?}",
            &hostile[..40]
        );
    }
}

#[test]
fn texts_that_look_like_more_than_an_expression_stay_texts_or_are_refused() {
    for expr in [
        "state <> '; drop table rejects; --'",
        "state <> 'it''s'",
        "state <> '\u{202e}\u{0}'",
        "state not like '%_\\'",
        "/* a > */ a > 0 -- and so on",
        "cast(a as varchar) ~ '^[0-9]+$'",
        "a between -9223372036854775808 and 9223372036854775807",
    ] {
        assert_eq!(broken(expr, &[(Some(1), Some(2))]), [], "{expr}");
    }
    for expr in [
        "a > 1 -- '\n; delete from rejects",
        "a > 1) or (true",
        "a > 1, true",
        "(a, b) > (1, 2) from t",
        "\0",
        "a > 1 union select 1",
        "select a > 1",
        "cast(state as blob) > 1",
        "arrow_cast(a, 'Nonsense') > 1",
        "generate_series(1, 9223372036854775807) is not null and a > 1",
        "nextval('s') > a",
        "@@version > a",
    ] {
        if let Ok(check) = compile(expr) {
            panic!("{expr} became {check:?}");
        }
    }
}

#[test]
fn what_a_row_breaks_does_not_depend_on_its_neighbours() {
    let mut random = fastrand::Rng::with_seed(11);
    let exprs = [
        "a / b >= 5",
        "a % b = 0",
        "a * b > 0",
        "a + b > a",
        "b <> 0 and a / b > 1",
        "cast(a as int) > 0",
        "case when a > b then 100 / (a - b) > 3 end",
        "a >= b or a is null",
        "sqrt(a) < 1000",
        "abs(a) >= 0",
        "power(a, b) > 0",
        "a is distinct from b",
    ];
    let values = [0, 1, -1, 2, 7, i64::MAX, i64::MIN, 3_000_000_000];
    for expr in exprs {
        let check = compile(expr).unwrap_or_else(|fault| panic!("{expr} {fault}"));
        let mut value = || (!random.bool() || random.bool()).then(|| values[random.usize(..values.len())]);
        let rows: Vec<_> = (0..200).map(|_| (value(), value())).collect();
        let alone = (0..rows.len()).flat_map(|row| {
            let found = check.broken(&batch(&rows[row..=row]));
            found.into_iter().map(move |(_, why)| (row, why))
        });
        assert_eq!(check.broken(&batch(&rows)), alone.collect::<Vec<_>>(), "{expr}");
    }
}
