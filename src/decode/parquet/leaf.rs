//! The values of one flat column in the form in which a column of ours holds them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, PrimitiveArray, PrimitiveBuilder,
};
use arrow::datatypes::{Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};

use super::meaning::Meaning;
use super::source::Source;
use super::values::{bytes, double, nanos, single, text, units, whole, wide};
use crate::decode::columns::{Slot, Values, nanos_of};
use crate::schema::field::{Kind, Resolution};
use crate::schema::processing_config::Zone;
use crate::schema::rules::{Swift, SwiftText};
use crate::schema::times;

/// Texts that are remembered for having passed a pattern or format.
const MOST_REMEMBERED: usize = 1024;
const LONGEST_REMEMBERED: usize = 64;
/// Integers up to this size are exact as a double.
const EXACT_DOUBLE: i128 = 1 << 53;

/// What is needed besides the values.
#[derive(Debug)]
pub(super) struct Fitting {
    /// In which times of a wall clock are meant.
    pub zone: Zone,
    /// Texts with a pattern or format, by the place of their rules, that passed.
    passed: HashSet<(usize, Box<str>)>,
}

impl Fitting {
    pub fn new(zone: Zone) -> Fitting {
        Fitting { zone, passed: HashSet::new() }
    }

    fn admits_text(&mut self, rules: &SwiftText, text: &str) -> bool {
        if !rules.admits(text) {
            return false;
        }
        if !rules.is_judged() || text.len() > LONGEST_REMEMBERED {
            return rules.admits_form(text);
        }
        // The rules of a schema stay where they are as long as it is read.
        let key = (std::ptr::from_ref(rules) as usize, Box::from(text));
        if self.passed.contains(&key) {
            return true;
        }
        let passes = rules.admits_form(text);
        if passes && self.passed.len() < MOST_REMEMBERED {
            self.passed.insert(key);
        }
        passes
    }
}

/// True for texts, also for those that old writers leave unnamed.
pub(super) fn is_plain_text(source: &Source) -> bool {
    matches!(source, Source::Leaf(Meaning::Text | Meaning::Binary))
}

/// The values of a column for a field, `fits` set for each row that is not null. `None` when nothing of it is sure.
pub(super) fn fit(
    fitting: &mut Fitting,
    meaning: Meaning,
    array: &ArrayRef,
    slot: &Slot,
    fits: &mut [bool],
) -> Option<Values> {
    use Meaning::{Binary, Boolean, Date, Decimal, Double, Float, Half, Signed, Text, Unsigned, Uuid};
    let swift = &slot.swift;
    let found = match (meaning, &slot.field.kind) {
        (Boolean, Kind::Boolean) => {
            let values = arrow::array::AsArray::as_boolean_opt(array)?;
            for (row, fits) in valid(array, fits) {
                *fits = match swift {
                    Swift::Always => true,
                    Swift::Boolean(allowed) => allowed[usize::from(values.value(row))],
                    _ => false,
                };
            }
            array.clone()
        }
        (Signed(_) | Unsigned(_), Kind::Int) => {
            numbers::<Int32Type>(array, fits, swift, |row| i32::try_from(wide(array, row, meaning)?).ok())
        }
        (Signed(_) | Unsigned(_), Kind::Long) => {
            numbers::<Int64Type>(array, fits, swift, |row| i64::try_from(wide(array, row, meaning)?).ok())
        }
        (Signed(_) | Unsigned(_) | Decimal { .. }, &Kind::Decimal { precision, scale }) => {
            let of = if let Decimal { scale, .. } = meaning { scale } else { 0 };
            let bound = 10_u128.checked_pow(precision.into())?;
            numbers::<Decimal128Type>(array, fits, swift, |row| {
                rescaled(units(array, row, meaning)?, of, scale.into())
                    .filter(|units| units.unsigned_abs() < bound)
            })
        }
        (Float | Half, Kind::Float) => {
            numbers::<Float32Type>(array, fits, swift, |row| single(array, row, meaning))
        }
        (Float | Half | Double, Kind::Double) => {
            numbers::<Float64Type>(array, fits, swift, |row| double(array, row, meaning))
        }
        (Signed(_) | Unsigned(_), Kind::Double) => numbers::<Float64Type>(array, fits, swift, |row| {
            let value = wide(array, row, meaning)?;
            (value.abs() <= EXACT_DOUBLE).then_some(value as f64)
        }),
        (Date, Kind::Date) => numbers::<Int32Type>(array, fits, swift, |row| {
            let day = i32::try_from(whole(array, row, meaning)?).ok()?;
            times::is_in_years(times::midnight(day)).then_some(day)
        }),
        (Meaning::Timestamp { .. } | Meaning::Int96, &Kind::Timestamp { resolution, .. }) => {
            let in_utc = matches!(meaning, Meaning::Timestamp { in_utc: true, .. });
            if !in_utc && fitting.zone != Zone::UTC {
                return None;
            }
            numbers::<Int64Type>(array, fits, swift, |row| {
                let instant = nanos(array, row, meaning)?;
                times::is_in_years(instant)
                    .then_some(instant)
                    .and_then(|instant| counted(instant, resolution))
            })
        }
        (Signed(_) | Unsigned(_), &Kind::Timestamp { resolution, epoch: Some(unit) }) => {
            numbers::<Int64Type>(array, fits, swift, |row| {
                let count = i64::try_from(wide(array, row, meaning)?).ok()?;
                counted(i128::from(count) * nanos_of(unit), resolution)
            })
        }
        (Text | Binary, Kind::String) => {
            for (row, fits) in valid(array, fits) {
                let text = bytes(array, row).and_then(|bytes| str::from_utf8(bytes).ok());
                *fits = text.is_some_and(|text| admits(fitting, swift, text));
            }
            array.clone()
        }
        (Uuid | Meaning::Time(_) | Meaning::Interval, Kind::String) => {
            let mut texts = BinaryViewBuilder::with_capacity(array.len());
            for (row, fits) in fits.iter_mut().enumerate() {
                let text = if array.is_null(row) { None } else { text(array, row, meaning) };
                if array.is_valid(row) {
                    *fits = text.as_ref().is_some_and(|text| admits(fitting, swift, text));
                }
                texts.append_option(text);
            }
            Arc::new(texts.finish())
        }
        (Binary | Uuid, Kind::Binary) => {
            valid(array, fits).for_each(|(_, fits)| *fits = matches!(swift, Swift::Always));
            array.clone()
        }
        _ => return None,
    };
    Some(Values::Array(found))
}

fn admits(fitting: &mut Fitting, swift: &Swift, text: &str) -> bool {
    match swift {
        Swift::Always => true,
        Swift::Text(rules) => fitting.admits_text(rules, text),
        _ => false,
    }
}

/// The rows that are not null.
fn valid<'a>(array: &ArrayRef, fits: &'a mut [bool]) -> impl Iterator<Item = (usize, &'a mut bool)> {
    fits.iter_mut().enumerate().filter(|(row, _)| array.is_valid(*row))
}

/// Numbers as `value` gives them; those that it does not give do not fit.
fn numbers<T: ArrowPrimitiveType<Native: Comparable>>(
    array: &ArrayRef,
    fits: &mut [bool],
    swift: &Swift,
    value: impl Fn(usize) -> Option<T::Native>,
) -> ArrayRef {
    if matches!(swift, Swift::Always) && array.null_count() == 0 {
        let values = fits.iter_mut().enumerate().map(|(row, fits)| {
            let value = value(row);
            *fits = value.is_some();
            value.unwrap_or_default()
        });
        return Arc::new(PrimitiveArray::<T>::from_iter_values(values));
    }
    let mut values = PrimitiveBuilder::<T>::with_capacity(array.len());
    for (row, fits) in fits.iter_mut().enumerate() {
        let found = if array.is_null(row) { None } else { value(row) };
        if array.is_valid(row) {
            *fits = found.is_some_and(|value| value.keeps_to(swift));
        }
        values.append_option(found);
    }
    Arc::new(values.finish())
}

/// Stored numbers against constraints.
trait Comparable: Copy + Default {
    fn keeps_to(self, swift: &Swift) -> bool;
}

macro_rules! comparable {
    ($form:ident, $wide:ty: $($number:ty)*) => {
        $(impl Comparable for $number {
            fn keeps_to(self, swift: &Swift) -> bool {
                match swift {
                    Swift::Always => true,
                    Swift::$form(rule) => rule.admits(<$wide>::from(self)),
                    _ => false,
                }
            }
        })*
    };
}

comparable!(Whole, i128: i32 i64 i128);
comparable!(Real, f64: f32 f64);

/// Units of another scale, when that loses no digit.
fn rescaled(units: i128, from: u32, to: u32) -> Option<i128> {
    if from <= to {
        return units.checked_mul(10_i128.checked_pow(to - from)?);
    }
    let step = 10_i128.checked_pow(from - to)?;
    (units % step == 0).then(|| units / step)
}

/// An instant in the unit of a column.
fn counted(nanos: i128, resolution: Resolution) -> Option<i64> {
    let unit = match resolution {
        Resolution::Micros => 1000,
        Resolution::Nanos => 1,
    };
    (nanos % unit == 0).then(|| i64::try_from(nanos / unit).ok())?
}
