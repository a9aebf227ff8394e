use proptest::prelude::*;

use super::*;

fn walked(text: &[u8], dialect: &Dialect) -> (Vec<u32>, Ending) {
    let mut found = Vec::new();
    let ending = separators(text, dialect, Regularity::Irregular, &mut found);
    (found, ending)
}

#[test]
fn separators_inside_quotes_do_not_count() {
    let found = |text: &str| walked(text.as_bytes(), &Dialect::STANDARD);
    assert_eq!(found("a,b\nc"), (vec![1, 3, 5], Ending::Outside));
    assert_eq!(found("\"a,\n\"\"b\",c\n"), (vec![8, 10], Ending::Outside));
    assert_eq!(found("5\" pipe,x\n"), (vec![7, 9], Ending::Outside));
    assert_eq!(found("a,\"b\n"), (vec![1, 5], Ending::InQuotes(2)));
    assert_eq!(found(""), (vec![], Ending::Outside));
}

#[test]
fn both_roads_agree_at_the_edges_of_blocks() {
    for before in 55..75 {
        for tail in
            ["\"a\",b\r\n", "\"a\"\r\n\"b\"\n", "\"a\"\"\",\"\"\n", "\"a\nb\"\n", "x\"y,z\n", "\"a\" ,b\n"]
        {
            let text = format!("{},{tail}", "x".repeat(before));
            agree(text.as_bytes());
        }
    }
}

fn agree(text: &[u8]) {
    let mut found = Vec::new();
    let ending = separators(text, &Dialect::STANDARD, Regularity::Regular, &mut found);
    assert_eq!((found, ending), walked(text, &Dialect::STANDARD), "{:?}", String::from_utf8_lossy(text));
    let mut last = None;
    walk(text, &Dialect::STANDARD, |at, ends| last = if ends { Some(at + 1) } else { last });
    assert_eq!(last_boundary(text, &Dialect::STANDARD).0, last, "{:?}", String::from_utf8_lossy(text));
}

fn marks() -> impl Strategy<Value = u8> {
    prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'\r'), Just(b'a'), Just(b'a'), Just(b'a')]
}

proptest! {
    #[test]
    fn both_roads_agree_on_any_text(text in proptest::collection::vec(marks(), 0..300)) {
        agree(&text);
    }

    #[test]
    fn both_roads_agree_on_proper_text(cells in proptest::collection::vec("[a,\n\"]{0,9}", 0..60)) {
        let quoted: Vec<_> = cells.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        let text = quoted.chunks(3).map(|row| row.join(",") + "\r\n").collect::<String>();
        let mut found = Vec::new();
        prop_assert!(in_blocks(Blocks::of(text.as_bytes(), &Dialect::STANDARD).expect("plain"), &mut found).is_ok());
        agree(text.as_bytes());
    }
}
