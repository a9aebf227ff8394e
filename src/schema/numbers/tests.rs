use super::*;

fn decimal(literal: &str) -> Decimal {
    Decimal::parse(literal).expect("a number")
}

#[test]
fn only_json_numbers_are_numbers() {
    for literal in ["", "-", "+1", "01", ".5", "5.", "1e", "1e+", "1e1.5", "0x1", "NaN", "1 ", "--1", "1_0"] {
        assert_eq!(Decimal::parse(literal), None, "{literal}");
    }
}

#[test]
fn different_spellings_are_the_same_number() {
    for (left, right) in
        [("1", "1.0"), ("1e3", "1000"), ("-0", "0"), ("0.10", "1E-1"), ("0e999999999999", "0.0")]
    {
        assert_eq!(decimal(left), decimal(right), "{left} {right}");
    }
}

#[test]
fn numbers_are_ordered_by_value() {
    let ordered = [
        "-1e99",
        "-2",
        "-1.5",
        "-1e-9",
        "0",
        "1e-99999999999999999999",
        "0.1",
        "0.11",
        "9",
        "10",
        "1e999999999",
    ];
    for pair in ordered.windows(2) {
        assert!(decimal(pair[0]) < decimal(pair[1]), "{} < {}", pair[0], pair[1]);
    }
}

#[test]
fn integers_are_exact_or_nothing() {
    for (literal, expected) in [
        ("1.0", Some(1)),
        ("1e3", Some(1000)),
        ("-0", Some(0)),
        ("-0.0", Some(0)),
        ("1.5", None),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("9.223372036854775807e18", Some(i64::MAX)),
        ("1e999999999", None),
        ("1e-999999999", None),
        ("1e99999999999999999999999", None),
    ] {
        assert_eq!(to_i64(literal), expected, "{literal}");
    }
    assert_eq!(to_i32("2147483647"), Some(i32::MAX));
    assert_eq!(to_i32("2147483648"), None);
}

#[test]
fn decimals_scale_exactly_or_not_at_all() {
    assert_eq!(decimal("1.10").as_i128_scaled(2), Some(110));
    assert_eq!(decimal("-1.105").as_i128_scaled(2), None);
    assert_eq!(decimal("0e-999999999").as_i128_scaled(0), Some(0));
    assert_eq!(decimal(&"9".repeat(38)).as_i128_scaled(0), Some(10_i128.pow(38) - 1));
    assert_eq!(decimal("1e38").as_i128_scaled(0), None);
    assert_eq!(decimal("1e37").as_i128_scaled(2), None);
}

#[test]
fn a_double_keeps_what_it_can_say() {
    for literal in [
        "0.1",
        "-0",
        "1e308",
        "5e-324",
        "0.30000000000000004",
        "1e23",
        "9007199254740992",
        "100000000000000000000",
    ] {
        assert!(f64_exact(literal).is_some(), "{literal}");
    }
    for literal in [
        "12345678901234567890",
        "9007199254740993",
        "0.30000000000000001",
        "1e400",
        "1e-400",
        "1e999999999",
        "3.14159265358979323846",
    ] {
        assert_eq!(f64_exact(literal), None, "{literal}");
    }
    assert_eq!(f64_exact(&"1".repeat(100_000)), None);
}

#[test]
fn a_float_keeps_less() {
    assert_eq!(f32_exact("0.1"), Some(0.1));
    assert_eq!(f32_exact("16777217"), None);
    assert_eq!(f32_exact("3.14159265"), None);
    assert_eq!(f32_exact("1e39"), None);
}

proptest::proptest! {
    #[test]
    fn what_a_program_prints_from_a_double_survives(value: f64) {
        proptest::prop_assume!(value.is_finite());
        for text in [format!("{value}"), format!("{value:e}")] {
            proptest::prop_assert_eq!(f64_exact(&text), Some(value));
        }
    }

    #[test]
    fn what_a_program_prints_from_a_float_survives(value: f32) {
        proptest::prop_assume!(value.is_finite());
        proptest::prop_assert_eq!(f32_exact(&format!("{value}")), Some(value));
    }

    #[test]
    fn the_order_of_integers_is_kept(left: i64, right: i64) {
        let order = decimal(&left.to_string()).cmp(&decimal(&right.to_string()));
        proptest::prop_assert_eq!(order, left.cmp(&right));
        proptest::prop_assert_eq!(to_i64(&left.to_string()), Some(left));
    }

    #[test]
    fn fifteen_digits_always_survive(whole in 0_u64..10_000_000, fraction in 0_u64..10_000_000) {
        let literal = format!("{whole}.{fraction:07}");
        proptest::prop_assert!(f64_exact(&literal).is_some());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-+0-9.eE]{0,30}") {
        let number = Decimal::parse(&text);
        let json = serde_json::from_str::<serde_json::Number>(&text).is_ok();
        proptest::prop_assert_eq!(number.is_some(), json);
        if let Some(number) = number {
            let _ = (number.as_i128_scaled(38), to_i64(&text), f64_exact(&text), f32_exact(&text));
        }
    }
}
