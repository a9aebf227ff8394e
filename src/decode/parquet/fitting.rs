//! Whole columns against their fields: which values are exactly those of the field and keep to its constraints.
//!
//! The other half of [`super::as_json`], and as everywhere the one that never says no: rows that are not surely right are left to
//! the exact road, which knows why.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};

use super::as_json::ends;
use super::leaf::{self, Fitting};
use super::source::Source;
use super::values;
use crate::decode::columns::{Inner, Members, Slot, Values};
use crate::schema::rules::Swift;

/// Values of a field, and for each row whether they fit.
pub(super) type Fitted = (Values, Vec<bool>);

impl Fitting {
    /// The values of a column for a field.
    pub fn fit(&mut self, source: &Source, array: &ArrayRef, slot: &Slot) -> Fitted {
        let mut fits: Vec<bool> = vec![slot.field.nullable; array.len()];
        let fitted = match (source, &slot.inner) {
            (Source::Leaf(meaning), Inner::Nothing) => leaf::fit(self, *meaning, array, slot, &mut fits),
            (Source::Struct(of), Inner::Struct(plan)) => self.fit_struct(of, array, slot, plan, &mut fits),
            (Source::List(of), Inner::List(item)) => Some(self.fit_list(of, array, slot, item, &mut fits)),
            (Source::Map(key, value), Inner::Map(item)) => {
                self.fit_map((key, value), array, slot, item, &mut fits)
            }
            _ => None,
        };
        let fitted = fitted.unwrap_or_else(|| {
            // Only the nulls are sure.
            (0..array.len()).for_each(|row| fits[row] &= array.is_null(row));
            Values::Null
        });
        (fitted, fits)
    }

    fn fit_struct(
        &mut self,
        of: &[(String, Source)],
        array: &ArrayRef,
        slot: &Slot,
        plan: &Members,
        fits: &mut [bool],
    ) -> Option<Values> {
        if !matches!(slot.swift, Swift::Always) {
            return None;
        }
        let places = places(of.iter().map(|(name, _)| name.as_str()), plan).filter(|places| {
            // A member that the schema does not know is for the other road.
            places.iter().flatten().count() == of.len()
        })?;
        let arrays = array.as_struct().columns();
        let mut all = vec![true; array.len()];
        let mut members = Vec::with_capacity(places.len());
        for (slot, place) in plan.slots.iter().zip(places) {
            let (values, fits) = match place {
                Some(at) => self.fit(&of[at].1, &arrays[at], slot),
                None => missing(slot, array.len()),
            };
            all.iter_mut().zip(fits).for_each(|(all, fits)| *all &= fits);
            members.push(values);
        }
        settle(array, fits, |row| all[row]);
        Some(Values::Struct { members, nulls: array.nulls().cloned() })
    }

    fn fit_list(
        &mut self,
        of: &Source,
        array: &ArrayRef,
        slot: &Slot,
        item: &Slot,
        fits: &mut [bool],
    ) -> Values {
        let list = array.as_list::<i32>();
        let (items, each) = self.fit(of, list.values(), item);
        settle(array, fits, |row| {
            let (start, end) = ends(list.value_offsets(), row);
            each[start..end].iter().all(|fits| *fits) && admits_count(&slot.swift, end - start)
        });
        Values::List { items: Box::new(items), ends: list.offsets().clone(), nulls: array.nulls().cloned() }
    }

    fn fit_map(
        &mut self,
        (key, value): (&Source, &Source),
        array: &ArrayRef,
        slot: &Slot,
        item: &Slot,
        fits: &mut [bool],
    ) -> Option<Values> {
        if !leaf::is_plain_text(key) {
            return None;
        }
        let map = array.as_map();
        let (values, each) = self.fit(value, map.values(), item);
        let keys = map.keys();
        let mut seen = HashSet::new();
        settle(array, fits, |row| {
            let (start, end) = ends(map.value_offsets(), row);
            seen.clear();
            let mut rows = start..end;
            let are_keys = rows.all(|at| {
                let key = values::bytes(keys, at).filter(|_| keys.is_valid(at));
                key.is_some_and(|key| str::from_utf8(key).is_ok() && seen.insert(key))
            });
            are_keys && each[start..end].iter().all(|fits| *fits) && admits_count(&slot.swift, end - start)
        });
        let nulls = array.nulls().cloned();
        Some(Values::Map { keys: keys.clone(), values: Box::new(values), ends: map.offsets().clone(), nulls })
    }
}

/// For each field the name that is its key. `None` when two names are keys of one field, or there is one name twice.
pub(super) fn places<'n>(names: impl Iterator<Item = &'n str>, plan: &Members) -> Option<Vec<Option<usize>>> {
    let mut places = vec![None; plan.slots.len()];
    let mut seen = HashSet::new();
    for (at, name) in names.enumerate() {
        if !seen.insert(name) {
            return None;
        }
        if let Some(slot) = plan.position(name)
            && places[slot].replace(at).is_some()
        {
            return None;
        }
    }
    Some(places)
}

/// A field that the rows do not have.
pub(super) fn missing(slot: &Slot, rows: usize) -> Fitted {
    let fits = slot.default.is_some() || slot.field.nullable;
    (Values::Missing, vec![fits; rows])
}

/// Rows that are not null fit when `fit` says so.
fn settle(array: &ArrayRef, fits: &mut [bool], mut fit: impl FnMut(usize) -> bool) {
    for (row, fits) in fits.iter_mut().enumerate() {
        if array.is_valid(row) {
            *fits = fit(row);
        }
    }
}

fn admits_count(swift: &Swift, count: usize) -> bool {
    match swift {
        Swift::Always => true,
        Swift::Count { least, most } => (*least..=*most).contains(&(count as u64)),
        _ => false,
    }
}
