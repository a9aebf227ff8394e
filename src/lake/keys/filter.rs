//! A Bloom filter in blocks of one cache line: says of most keys that are not in a run that they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::KeyHash;

const BITS_PER_KEY: usize = 10;
const WORDS: usize = 8;
/// Bits that each key sets: about 1 of 100 other keys finds them all set.
const PROBES: u32 = 6;

/// Memory that the filters of one load may take together, in bytes.
#[derive(Debug, Clone)]
pub struct Room(Arc<AtomicUsize>);

#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<[u64; WORDS]>,
    room: Room,
}

impl Room {
    pub fn new(bytes: usize) -> Room {
        Room(Arc::new(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

impl Filter {
    /// An empty filter for so many keys; `None` when there is no room for it.
    pub fn for_keys(keys: u64, room: &Room) -> Option<Filter> {
        let bits = usize::try_from(keys).ok()?.checked_mul(BITS_PER_KEY)?;
        let blocks = bits.div_ceil(WORDS * 64).max(1);
        let bytes = blocks * size_of::<[u64; WORDS]>();
        room.take(bytes).then(|| Filter { blocks: vec![[0; WORDS]; blocks], room: room.clone() })
    }

    pub fn add(&mut self, hash: KeyHash) {
        let block = self.block(hash);
        for bit in bits(hash) {
            self.blocks[block][bit / 64] |= 1 << (bit % 64);
        }
    }

    pub fn may_hold(&self, hash: KeyHash) -> bool {
        let block = &self.blocks[self.block(hash)];
        bits(hash).all(|bit| block[bit / 64] & 1 << (bit % 64) != 0)
    }

    fn block(&self, hash: KeyHash) -> usize {
        let low = hash & u128::from(u64::MAX);
        ((low * self.blocks.len() as u128) >> 64) as usize
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.room.0.fetch_add(self.blocks.len() * size_of::<[u64; WORDS]>(), Ordering::Relaxed);
    }
}

fn bits(hash: KeyHash) -> impl Iterator<Item = usize> {
    (0..PROBES).map(move |probe| (hash >> (64 + 9 * probe)) as usize % (WORDS * 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_knows_its_keys_and_few_others() {
        let room = Room::new(1 << 20);
        let key = |number: u64| {
            KeyHash::from_le_bytes(*blake3::hash(&number.to_le_bytes()).as_bytes().first_chunk().expect("16"))
        };
        let mut filter = Filter::for_keys(10_000, &room).expect("room");
        (0..10_000).for_each(|number| filter.add(key(number)));
        assert!((0..10_000).all(|number| filter.may_hold(key(number))));
        let wrong = (10_000..110_000).filter(|number| filter.may_hold(key(*number))).count();
        assert!(wrong < 3000, "{wrong} of 100000");
    }

    #[test]
    fn filters_share_their_room() {
        let room = Room::new(4096);
        let first = Filter::for_keys(2000, &room).expect("room for 2500 bytes");
        assert!(Filter::for_keys(2000, &room).is_none());
        drop(first);
        assert!(Filter::for_keys(2000, &room).is_some());
    }
}
