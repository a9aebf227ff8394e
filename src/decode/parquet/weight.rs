//! How long the JSON text of a row can be at most, without writing it.

use arrow::array::{Array, ArrayRef, AsArray};

use super::as_json::ends;
use super::source::Source;
use super::values::bytes;

/// A number, a date, a bracket with its comma: never longer than this.
const SHORT: usize = 96;
/// A byte of a text becomes six when it has to be escaped.
pub(super) const TEXT_PER_BYTE: usize = 6;

/// Adds to each row what one column may take. `name` is the length of the column's name.
pub(super) fn weights(source: &Source, array: &ArrayRef, name: usize, rows: &mut [usize]) {
    let each = SHORT + name * TEXT_PER_BYTE;
    rows.iter_mut().for_each(|row| *row = row.saturating_add(each));
    match source {
        Source::Leaf(_) => {
            for (row, weight) in rows.iter_mut().enumerate() {
                let length = bytes(array, row).map_or(0, <[u8]>::len);
                *weight = weight.saturating_add(length * TEXT_PER_BYTE);
            }
        }
        Source::Struct(members) => {
            for ((name, member), array) in members.iter().zip(array.as_struct().columns()) {
                weights(member, array, name.len(), rows);
            }
        }
        Source::List(item) => {
            let list = array.as_list::<i32>();
            let mut items = vec![0; list.values().len()];
            weights(item, list.values(), 0, &mut items);
            add_runs(list.value_offsets(), &items, rows);
        }
        Source::Map(key, value) => {
            let map = array.as_map();
            let mut entries = vec![0; map.keys().len()];
            weights(key, map.keys(), 0, &mut entries);
            weights(value, map.values(), 0, &mut entries);
            add_runs(map.value_offsets(), &entries, rows);
        }
    }
}

fn add_runs(offsets: &[i32], items: &[usize], rows: &mut [usize]) {
    for (row, weight) in rows.iter_mut().enumerate() {
        let (start, end) = ends(offsets, row);
        *weight = items[start..end].iter().fold(*weight, |sum, item| sum.saturating_add(*item));
    }
}
