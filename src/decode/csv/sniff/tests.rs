use super::*;

fn sniffed(text: &str, settings: &CsvSettings, known: &[&str]) -> Sniffed {
    let is_known = |name: &str| known.contains(&name);
    let known: Option<&dyn Fn(&str) -> bool> = if known.is_empty() { None } else { Some(&is_known) };
    sniff(text.as_bytes(), true, &Clues { settings, says_tabs: false, known })
}

/// `delimiter quote lines | names`; names in parentheses when there is no header.
fn told(text: &str) -> String {
    let Sniffed { dialect, header, .. } = sniffed(text, &CsvSettings::default(), &[]);
    let quote = dialect.quote.map_or(' ', char::from);
    let escape = if dialect.escape.is_some() { "\\" } else { "" };
    let lines = if dialect.lines == LineEnds::Any { " cr" } else { "" };
    let names: Vec<_> = header.columns.iter().map(|named| named.name.as_str()).collect();
    let names = names.join(" ");
    let names = if header.is_first_record { names } else { format!("({names})") };
    format!("{:?}{quote}{escape}{lines} | {names}", char::from(dialect.delimiter))
}

#[test]
fn dialects_are_found_out() {
    for (text, expected) in [
        ("a,b,c\n1,2,3\n", "','\" | a b c"),
        ("a;b;c\n1,5;2,5;3,5\n", "';'\" | a b c"),
        ("1,5;2,5\n3,5;4,5\n", "';'\" | (column_1 column_2)"),
        ("a\tb\nx, y\tz\n", "'\\t'\" | a b"),
        ("a|b\n1|2\n", "'|'\" | a b"),
        ("a,b\r1,2\r3,4", "','\" cr | a b"),
        ("a,b\r\n1,2\r\n", "','\" | a b"),
        ("a,b\n1,x\ry\n2,z\n", "','\" | a b"),
        ("a,b\n1,2\r3,4\r5,6\n", "','\" cr | a b"),
        ("a,b\n'x,y',1\n'z,w',2\n", "','' | a b"),
        ("name,height\nO'Neil,5'\nO'Hara,6'\n", "','\" | name height"),
        ("a,b\n\"x \\\"y\\\", z\",1\n\"w\",2\n", "','\"\\ | a b"),
        ("a,b\n\"x \"\"y\"\", z\",1\n", "','\" | a b"),
        ("sep=;\na;b\n1;2\n", "';'\" | a b"),
        ("\"sep=|\"\r\na|b\r\n1|2\r\n", "'|'\" | a b"),
        ("a\nHello, world\nx\n", "','\" | a"),
        ("1,2\n3,4\n", "','\" | (column_1 column_2)"),
        ("2024-01-01,x\n2024-01-02,y\n", "','\" | (column_1 column_2)"),
        ("x,y\nz,w\n", "','\" | x y"),
        ("x,x\nx,x\n", "','\" | (column_1 column_2)"),
        ("id,x,x,,x\n1,2,3,4,5\n", "','\" | id x x_2 column_4 x_3"),
        ("a,b\n1,2,\n3,4,\n", "','\" | a b column_3"),
        ("a,b,\n1,2,\n", "','\" | a b column_3"),
        ("a,b\n1,2,\n3,4\n", "','\" | a b"),
        ("a,b\n", "','\" | a b"),
        ("a", "','\" | a"),
        ("7", "','\" | (column_1)"),
        ("\n\na,b\n1,2", "','\" | a b"),
        ("", "','\" | ()"),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn names_of_fields_make_a_header() {
    let none = CsvSettings::default();
    let text = "2019,2020\n1,2\n";
    assert!(!sniffed(text, &none, &["a"]).header.is_first_record);
    assert!(sniffed(text, &none, &["2019"]).header.is_first_record);
    let text = "id;a,b,c\n1;a,b,c\n";
    assert_eq!(sniffed(text, &none, &["id"]).dialect.delimiter, b';');
}

#[test]
fn what_is_set_is_not_questioned() {
    let settings = CsvSettings {
        delimiter: Some(b','),
        quote: Some(Quote::Never),
        header: Some(true),
        ..CsvSettings::default()
    };
    let found = sniffed("sep=;\n1;2\n\"3;4\n", &settings, &[]);
    assert_eq!((found.dialect.delimiter, found.dialect.quote), (b',', None));
    assert_eq!((found.preamble, found.header.columns.len()), (6, 1));
    let settings = CsvSettings { columns: Some(vec!["a".into(), "b".into()]), ..CsvSettings::default() };
    let found = sniffed("x,y\n1,2\n", &settings, &[]);
    assert!(!found.header.is_first_record);
    assert_eq!(found.header.columns[1].name, "b");
}

#[test]
fn a_sample_that_ends_inside_a_record_is_judged_without_it() {
    let settings = CsvSettings::default();
    let text = "a,b\n1,2\n3,\"x\n";
    let found = sniff(text.as_bytes(), false, &Clues { settings: &settings, says_tabs: false, known: None });
    assert_eq!(found.header.columns.len(), 2);
}
