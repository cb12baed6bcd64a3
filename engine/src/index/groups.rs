//! Rows by key, in memory: the index of a memtable, and what an index file is written from.
//!
//! A hash table of the different keys; the rows of each form a chain through `previous`, the last
//! one first. Adding a row costs one probe and no allocation beyond the vectors' growth.
//!
//! Invariants
//! 1. Rows are added in order, from 0, each with its key or without.
//! 2. A chain descends strictly, so the rows below any limit can be had although rows are added.
//! 3. Nothing depends on the order of the table: keys are given in the order they came in, or
//!    sorted.

use super::filter::hash;

/// In `slots`: no key. In `previous` and `last`: no row.
const NONE: u32 = u32::MAX;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct KeyGroups {
    /// Numbers of keys, by hash with linear probing; a power of two of slots, half of them free.
    slots: Vec<u32>,
    /// The keys, end to end, in the order they came in.
    keys: Vec<u8>,
    groups: Vec<Group>,
    /// The row before with the same key.
    previous: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    hash: u32,
    key_end: u32,
    last: u32,
    rows: u32,
}

impl KeyGroups {
    /// Adds the next row with its key, or, for a null, without.
    pub(crate) fn push(&mut self, key: Option<&[u8]>) {
        let row = self.previous.len() as u32;
        let Some(key) = key else {
            self.previous.push(NONE);
            return;
        };
        if 2 * (self.groups.len() + 1) > self.slots.len() {
            self.grow();
        }
        let hash = hash(key) as u32;
        let slot = self.slot(hash, key);
        let mut number = self.slots[slot];
        if number == NONE {
            number = self.groups.len() as u32;
            self.slots[slot] = number;
            self.keys.extend_from_slice(key);
            let key_end = self.keys.len() as u32;
            self.groups.push(Group { hash, key_end, last: NONE, rows: 0 });
        }
        let group = &mut self.groups[number as usize];
        self.previous.push(group.last);
        group.last = row;
        group.rows += 1;
    }

    #[cfg(test)]
    /// Rows added, those without a key included.
    pub(crate) fn len(&self) -> usize {
        self.previous.len()
    }

    #[cfg(test)]
    /// Different keys.
    pub(crate) fn key_count(&self) -> usize {
        self.groups.len()
    }

    /// Bytes held, for the accounting of memory.
    pub(crate) fn bytes(&self) -> usize {
        let per_group = size_of::<Group>();
        self.keys.len()
            + 4 * (self.slots.len() + self.previous.len())
            + per_group * self.groups.len()
    }

    /// Appends the rows of `key` from `from` up to and without `to`, ascending.
    pub(crate) fn rows_of(&self, key: &[u8], from: u32, to: u32, rows: &mut Vec<u32>) {
        if let Some(number) = self.find(key) {
            self.chain(number, from, to, rows);
        }
    }

    /// How many rows have `key`.
    pub(crate) fn count_of(&self, key: &[u8]) -> u32 {
        self.find(key).map_or(0, |number| self.groups[number as usize].rows)
    }

    /// The numbers of the keys, in the order of the keys.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..self.groups.len() as u32).collect();
        numbers.sort_unstable_by(|a, b| self.key(*a).cmp(self.key(*b)));
        numbers
    }

    /// The key of a number.
    pub(crate) fn key(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.groups[at - 1].key_end as usize };
        &self.keys[start..self.groups[at].key_end as usize]
    }

    /// Appends all rows of a key, by its number, ascending.
    pub(crate) fn rows(&self, number: u32, rows: &mut Vec<u32>) {
        self.chain(number, 0, NONE, rows);
    }

    fn chain(&self, number: u32, from: u32, to: u32, rows: &mut Vec<u32>) {
        let start = rows.len();
        let mut row = self.groups[number as usize].last;
        while row != NONE && row >= from {
            if row < to {
                rows.push(row);
            }
            row = self.previous[row as usize];
        }
        rows[start..].reverse();
    }

    fn find(&self, key: &[u8]) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let number = self.slots[self.slot(hash(key) as u32, key)];
        (number != NONE).then_some(number)
    }

    /// The slot of a key, or the free one where it would go.
    fn slot(&self, hash: u32, key: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let number = self.slots[slot];
            if number == NONE {
                return slot;
            }
            if self.groups[number as usize].hash == hash && self.key(number) == key {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(16);
        self.slots.clear();
        self.slots.resize(slots, NONE);
        for (number, group) in self.groups.iter().enumerate() {
            let mut slot = group.hash as usize & (slots - 1);
            while self.slots[slot] != NONE {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = number as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_found_by_key(
            keys in prop::collection::vec(prop::option::of("[a-c]{0,3}"), 0..300),
            from in 0u32..100,
            to in 0u32..400,
        ) {
            let (mut groups, mut model) = (KeyGroups::default(), BTreeMap::<_, Vec<u32>>::new());
            for (row, key) in keys.iter().enumerate() {
                groups.push(key.as_ref().map(String::as_bytes));
                if let Some(key) = key {
                    model.entry(key.as_bytes()).or_default().push(row as u32);
                }
            }
            prop_assert_eq!((groups.len(), groups.key_count()), (keys.len(), model.len()));
            let sorted = groups.sorted();
            prop_assert!(sorted.iter().map(|number| groups.key(*number)).eq(model.keys().copied()));
            for (number, (key, expected)) in sorted.into_iter().zip(&model) {
                let mut rows = Vec::new();
                groups.rows(number, &mut rows);
                prop_assert_eq!(&rows, expected);
                prop_assert_eq!(groups.count_of(key) as usize, expected.len());
                rows.clear();
                groups.rows_of(key, from, to, &mut rows);
                let within = expected.iter().copied().filter(|row| (from..to).contains(row));
                prop_assert!(rows.iter().copied().eq(within));
            }
            let mut rows = Vec::new();
            groups.rows_of(b"no such key", 0, NONE, &mut rows);
            prop_assert!(rows.is_empty());
        }
    }

    #[test]
    fn many_keys_find_their_slots() {
        let mut groups = KeyGroups::default();
        (0..100_000u32).for_each(|i| groups.push(Some(&(i / 2).to_be_bytes())));
        let mut rows = Vec::new();
        for i in (0..50_000u32).step_by(499) {
            rows.clear();
            groups.rows_of(&i.to_be_bytes(), 0, u32::MAX, &mut rows);
            assert_eq!(rows, [2 * i, 2 * i + 1]);
        }
    }
}
