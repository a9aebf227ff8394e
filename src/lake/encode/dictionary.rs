//! Distinct values and where they occur.
//!
//! Tables of open addressing that are kept and used again. The hash has a seed of its own in each process, so that no
//! file can be made to collide.

/// Finds the number of a value; new values get the next one.
pub(super) struct Table {
    /// The upper half of the hash and the number + 1; 0 is free.
    slots: Vec<u64>,
    mask: usize,
    seed: u64,
}

/// What a dictionary encoding needs. Numbers count from 0 in the order of first occurrence.
pub(super) struct Dictionary<K> {
    pub distinct: Vec<K>,
    pub indices: Vec<u32>,
}

/// A value that can be looked up.
pub(super) trait Key: Copy {
    fn hash(self, seed: u64) -> u64;
    fn same(self, other: Self) -> bool;
    /// What it takes in a dictionary page.
    fn bytes(self) -> usize;
}

/// A number as its bits: so `NaN` equals itself and -0.0 is not 0.0.
impl Key for u64 {
    fn hash(self, seed: u64) -> u64 {
        mixed(self ^ seed, MULTIPLIER)
    }
    fn same(self, other: Self) -> bool {
        self == other
    }
    fn bytes(self) -> usize {
        8
    }
}

impl Key for &[u8] {
    fn hash(self, seed: u64) -> u64 {
        hash_bytes(self, seed)
    }
    fn same(self, other: Self) -> bool {
        same_bytes(self, other)
    }
    fn bytes(self) -> usize {
        self.len() + 4
    }
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd1b5_4a32_d192_ed03;

/// The bytes that a dictionary page may have.
const MOST_BYTES: usize = 2 << 20;

impl Default for Table {
    fn default() -> Self {
        Self { slots: Vec::new(), mask: 0, seed: fastrand::u64(..) }
    }
}

impl Table {
    /// The dictionary of the values; `None` when it would have more than `most` entries or too many bytes.
    pub fn build<K: Key>(&mut self, values: &[K], most: usize) -> Option<Dictionary<K>> {
        self.clear(most.min(values.len()));
        let mut found = Dictionary { distinct: Vec::new(), indices: Vec::with_capacity(values.len()) };
        let mut room = Room { entries: most, bytes: MOST_BYTES };
        for stretch in values.chunks(STRETCH) {
            // Where neighbours are mostly the same there is little to look up; where they are not, asking costs more
            // than looking up, because nobody can foretell the answer.
            let repeats = stretch.windows(2).take(TRIED).filter(|pair| pair[0].same(pair[1])).count();
            if repeats * 8 > TRIED.min(stretch.len()) * 7 {
                self.add_runs(stretch, &mut found, &mut room)?;
            } else {
                for value in stretch {
                    let index = self.index_of(*value, &mut found.distinct, &mut room)?;
                    found.indices.push(index);
                }
            }
        }
        Some(found)
    }

    fn add_runs<K: Key>(&mut self, values: &[K], found: &mut Dictionary<K>, room: &mut Room) -> Option<()> {
        let mut rest = values;
        while let Some(first) = rest.first() {
            let run = rest.iter().take_while(|value| value.same(*first)).count();
            let index = self.index_of(*first, &mut found.distinct, room)?;
            found.indices.resize(found.indices.len() + run, index);
            rest = &rest[run..];
        }
        Some(())
    }

    #[inline]
    fn index_of<K: Key>(&mut self, value: K, distinct: &mut Vec<K>, room: &mut Room) -> Option<u32> {
        let hash = value.hash(self.seed);
        let mut at = hash as usize & self.mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                room.take(value.bytes())?;
                distinct.push(value);
                self.slots[at] = hash & HASH | distinct.len() as u64;
                return Some(distinct.len() as u32 - 1);
            }
            let index = (slot & !HASH) as usize - 1;
            if slot & HASH == hash & HASH && distinct[index].same(value) {
                return Some(index as u32);
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Empty, with room for so many values at most half full.
    fn clear(&mut self, values: usize) {
        let size = (values * 2 + 2).next_power_of_two();
        self.slots.clear();
        self.slots.resize(size, 0);
        self.mask = size - 1;
    }
}

/// What a dictionary may still take.
struct Room {
    entries: usize,
    bytes: usize,
}

impl Room {
    fn take(&mut self, bytes: usize) -> Option<()> {
        self.entries = self.entries.checked_sub(1)?;
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(())
    }
}

/// Values that are treated alike, and how many of them tell in which way.
const STRETCH: usize = 4096;
const TRIED: usize = 64;

/// The part of a slot that is hash.
const HASH: u64 = 0xffff_ffff_0000_0000;

fn mixed(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let length = bytes.len() as u64;
    let (low, high) = match bytes.len() {
        17.. => {
            let state = bytes.chunks_exact(16).fold(seed, |state, chunk| {
                let (low, high) = chunk.split_at(8);
                mixed(word(low) ^ state ^ MULTIPLIER, word(high) ^ SECOND ^ seed)
            });
            let (low, high) = bytes[bytes.len() - 16..].split_at(8);
            (word(low) ^ state, word(high))
        }
        8..=16 => (word(&bytes[..8]), word(&bytes[bytes.len() - 8..])),
        4..=7 => (half(&bytes[..4]), half(&bytes[bytes.len() - 4..])),
        1..=3 => {
            (u64::from(bytes[0]) << 8 | u64::from(bytes[bytes.len() / 2]), u64::from(bytes[bytes.len() - 1]))
        }
        0 => (0, 0),
    };
    mixed(low ^ MULTIPLIER ^ seed, high ^ SECOND ^ length)
}

/// Both ends first: comparing short texts by a call costs more than the comparison.
fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0..4 => one.iter().eq(other),
        4..8 => one.first_chunk::<4>() == other.first_chunk() && one.last_chunk::<4>() == other.last_chunk(),
        length => {
            one.first_chunk::<8>() == other.first_chunk()
                && one.last_chunk::<8>() == other.last_chunk()
                && (length <= 16 || one[8..length - 8] == other[8..length - 8])
        }
    }
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

fn half(bytes: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes(bytes.try_into().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_value_is_found_under_its_number(words in prop::collection::vec("[ab]{0,20}", 0..300)) {
            let values: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let found = Table::default().build(&values, usize::MAX).expect("small");
            let again: Vec<&[u8]> = found.indices.iter().map(|at| found.distinct[*at as usize]).collect();
            let count = values.iter().collect::<std::collections::HashSet<_>>().len();
            prop_assert_eq!(found.distinct.len(), count);
            prop_assert_eq!(again, values);
        }
    }

    #[test]
    fn too_many_distinct_values_make_no_dictionary() {
        let mut table = Table::default();
        let values: Vec<u64> = (0..100).collect();
        assert!(table.build(&values, 99).is_none());
        assert_eq!(table.build(&values, 100).map(|found| found.distinct.len()), Some(100));
        assert_eq!(table.build(&[7_u64; 9], 1).map(|found| found.indices), Some(vec![0; 9]));
    }
}
