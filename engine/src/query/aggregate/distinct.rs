//! How many different values each group has: exactly, or about.

use hashbrown::HashTable;

use super::accumulator::{Accumulator, for_each_value, wrong_shape};
use super::groups::Target;
use super::hyperloglog::HyperLogLog;
use super::intern::{Interner, hash_at};
use crate::chunk::Column;
use crate::column::hash_int;
use crate::types::Physical;
use crate::{Result, Value};

/// Exactly: every pair of a group and a value's number is kept.
#[derive(Debug)]
pub(super) struct CountDistinct {
    values: Interner,
    pairs: HashTable<(u32, u32)>,
    counts: Vec<u64>,
}

/// About.
#[derive(Debug, Default)]
pub(super) struct ApproxCountDistinct {
    sketches: Vec<HyperLogLog>,
    /// Bytes of the sketches' own memory.
    held: usize,
}

impl CountDistinct {
    pub(super) fn new(physical: Physical) -> CountDistinct {
        let values = Interner::new(physical);
        CountDistinct { values, pairs: HashTable::new(), counts: Vec::new() }
    }
}

fn hash_pair(pair: &(u32, u32)) -> u64 {
    hash_int(i64::from(pair.0) << 32 | i64::from(pair.1))
}

impl Accumulator for CountDistinct {
    fn grow(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let CountDistinct { values, pairs, counts } = self;
        for_each_value(column, targets, |row, group| {
            let pair = (group as u32, values.of(column, row));
            let hash = hash_pair(&pair);
            if pairs.find(hash, |other| *other == pair).is_none() {
                pairs.insert_unique(hash, pair, hash_pair);
                counts[group] += 1;
            }
        });
        Ok(())
    }

    fn bytes(&self) -> usize {
        let pairs = self.pairs.capacity() * 10 + self.counts.capacity() * 8;
        self.values.bytes().saturating_add(pairs)
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        Ok(Value::Int(self.counts[group] as i64))
    }
}

impl Accumulator for ApproxCountDistinct {
    fn grow(&mut self, groups: usize) {
        self.sketches.resize_with(groups, HyperLogLog::default);
    }

    fn add(&mut self, column: Option<&Column>, targets: &[Target]) -> Result<()> {
        let Some(column) = column else { return Err(wrong_shape(None)) };
        let ApproxCountDistinct { sketches, held } = self;
        for_each_value(column, targets, |row, group| {
            let sketch = &mut sketches[group];
            let before = sketch.bytes();
            sketch.insert(hash_at(&column.data, row));
            *held += sketch.bytes() - before;
        });
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.sketches.capacity() * size_of::<HyperLogLog>() + self.held
    }

    fn value(&mut self, group: usize) -> Result<Value> {
        Ok(Value::Int(self.sketches[group].estimate() as i64))
    }
}
