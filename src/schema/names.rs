//! Names of columns and keys: what may be one, what collides, what was probably meant.

/// Columns that Lakegate adds to every table.
pub const RESERVED: [&str; 4] = ["_source_file", "_ingested_at", "_load_id", "_rescued"];

/// Bytes that a column name may have; Parquet readers and catalogs agree on no more.
pub const MAX_LENGTH: usize = 255;

/// Names that a message lists.
const LISTED: usize = 25;

/// The form under which names collide: DuckDB, Hive and most catalogs do not tell `Id` from `id`.
pub fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// True for the names of Lakegate's own columns, in any case.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&folded(name).as_str())
}

/// The known word that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // A word is compared only as far as a name can be long, so that a hostile one costs little.
    let word: String = word.chars().take(64).collect::<String>().to_lowercase();
    known
        .iter()
        .map(|&candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowance(&word, candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many slips of the pen still leave a word recognisable.
fn allowance(word: &str, candidate: &str) -> usize {
    (word.chars().count().max(candidate.chars().count()) / 3).clamp(1, 4)
}

/// `did you mean "…"?`, or all that is known.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(candidate) => format!("did you mean \"{candidate}\"?"),
        None if known.len() > LISTED => format!("known are {}, …", known[..LISTED].join(", ")),
        None => format!("known are {}", known.join(", ")),
    }
}

/// `base`, or `base_2`, `base_3` … : the first that is not `taken`.
pub fn fresh(base: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = base.to_owned();
    let mut number = 2_u32;
    while taken(&name) {
        name = format!("{base}_{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised() {
        let known = ["integer", "string", "timestamp", "minimum", "min_length"];
        for (word, meant) in [
            ("interger", "integer"),
            ("STRNG", "string"),
            ("minLength", "min_length"),
            ("timestmap", "timestamp"),
        ] {
            assert_eq!(nearest(word, &known), Some(meant), "{word}");
        }
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), &known), None);
    }

    #[test]
    fn fresh_names_count_up() {
        assert_eq!(fresh("id", |name| ["id", "id_2"].contains(&name)), "id_3");
        assert_eq!(fresh("id", |_| false), "id");
    }

    #[test]
    fn reserved_names_are_reserved_in_any_case() {
        assert!(is_reserved("_Load_ID"));
        assert!(!is_reserved("load_id"));
    }
}
