//! The newest value of a column against the constraints of its field.

use super::super::build::Column;
use super::guide::Guide;
use crate::schema::rules::Swift;

/// Texts that are remembered for having passed a pattern or format.
const MOST_REMEMBERED: usize = 1024;
const LONGEST_REMEMBERED: usize = 64;

/// True when the newest value surely keeps to its constraints.
pub(super) fn newest(swift: &Swift, column: &Column, guide: &mut Guide) -> bool {
    admits(swift, column, guide).unwrap_or(false)
}

fn admits(swift: &Swift, column: &Column, guide: &mut Guide) -> Option<bool> {
    Some(match (swift, column) {
        (Swift::Always, _) => true,
        (Swift::Whole(whole), Column::Int(numbers) | Column::Date(numbers)) => {
            whole.admits(i128::from(numbers.last()?))
        }
        (Swift::Whole(whole), Column::Long(numbers) | Column::Micros(numbers) | Column::Nanos(numbers)) => {
            whole.admits(i128::from(numbers.last()?))
        }
        (Swift::Whole(whole), Column::Decimal(numbers, _)) => whole.admits(numbers.last()?),
        (Swift::Real(real), Column::Double(numbers)) => real.admits(numbers.last()?),
        (Swift::Real(real), Column::Float(numbers)) => real.admits(f64::from(numbers.last()?)),
        (Swift::Boolean(allowed), Column::Boolean(bits)) => allowed[usize::from(bits.last()?)],
        (Swift::Text(rules), Column::Text(bytes)) => {
            let text = str::from_utf8(bytes.last()?).ok()?;
            rules.admits(text) && (!rules.is_judged() || has_form(rules, text, guide))
        }
        (Swift::Count { least, most }, Column::List(runs)) => {
            (*least..=*most).contains(&runs.newest_length())
        }
        (Swift::Count { least, most }, Column::Map(entries)) => {
            (*least..=*most).contains(&entries.newest_length())
        }
        _ => false,
    })
}

fn has_form(rules: &crate::schema::rules::SwiftText, text: &str, guide: &mut Guide) -> bool {
    if guide.passed.contains(text) {
        return true;
    }
    let passes = rules.admits_form(text);
    if passes && text.len() <= LONGEST_REMEMBERED && guide.passed.len() < MOST_REMEMBERED {
        guide.passed.insert(text.into());
    }
    passes
}
