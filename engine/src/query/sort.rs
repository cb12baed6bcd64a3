//! Rows put in order by keys, in bounded memory.
//!
//! With a limit only the best are kept, in a heap; without one all keys are, and what they take is
//! limited. The rows themselves are not kept: they are read again by number when their turn comes.
//!
//! Invariant: keys end in the row's number, so that no two are equal and the order is total.

use std::collections::BinaryHeap;

use super::aggregate::{Groups, Keys};
use super::batch::Batch;
use super::filter::Operand;
use super::key::{self, Direction};
use crate::chunk::{Column, ColumnData, Mask};
use crate::types::Physical;
use crate::{Error, Result};

/// Bytes that a key takes beyond its own: a `Vec`, and what allocating it costs.
const KEY_OVERHEAD_BYTES: usize = 40;

/// One key of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct SortKey {
    pub(super) operand: Operand,
    pub(super) direction: Direction,
}

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Sorter {
    keys: Vec<SortKey>,
    /// The best so far, the worst of them on top.
    best: BinaryHeap<Vec<u8>>,
    all: Vec<Vec<u8>>,
    /// How many are wanted, if that is known.
    wanted: Option<usize>,
    bytes: usize,
    bytes_max: usize,
    room: Vec<u8>,
}

impl Sorter {
    pub(super) fn new(keys: Vec<SortKey>, wanted: Option<usize>, bytes_max: usize) -> Sorter {
        Sorter {
            keys,
            best: BinaryHeap::new(),
            all: Vec::new(),
            wanted,
            bytes: 0,
            bytes_max,
            room: Vec::new(),
        }
    }

    fn descending(&self) -> bool {
        self.keys.last().is_some_and(|key| key.direction.descending)
    }

    /// Takes the selected rows of a batch.
    ///
    /// # Errors
    /// [`Error::Limit`] if their keys take too much memory; what reading them gives.
    pub(super) fn add(&mut self, batch: &Batch<'_>, selected: &Mask) -> Result<()> {
        let first = batch.seqs().start;
        let mut columns = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let column = match key.operand {
                Operand::Seq => {
                    let seqs = selected.rows().map(|row| first + row as i64).collect();
                    Column { data: ColumnData::Int(seqs), validity: None }
                }
                Operand::Column(number, physical) => {
                    let mut column = Column::new(physical);
                    batch.gather(number, selected, &mut column)?;
                    column
                }
            };
            columns.push(column);
        }
        let descending = self.descending();
        for (at, row) in selected.rows().enumerate() {
            self.room.clear();
            for (key, column) in self.keys.iter().zip(&columns) {
                key::push(&mut self.room, column, at, key.direction);
            }
            key::push_seq(&mut self.room, first + row as i64, descending);
            self.take()?;
        }
        Ok(())
    }

    /// Takes the key in `room`.
    fn take(&mut self) -> Result<()> {
        let bytes = |key: &[u8]| key.len() + KEY_OVERHEAD_BYTES;
        let full = self.wanted.is_some_and(|wanted| self.best.len() >= wanted);
        if full {
            match self.best.peek_mut() {
                Some(mut worst) if self.room < *worst => {
                    self.bytes = self.bytes + bytes(&self.room) - bytes(&worst);
                    worst.clear();
                    worst.extend_from_slice(&self.room);
                }
                _ => return Ok(()),
            }
        } else {
            self.bytes += bytes(&self.room);
            if self.wanted.is_some() {
                self.best.push(self.room.clone());
            } else {
                self.all.push(self.room.clone());
            }
        }
        if self.bytes <= self.bytes_max {
            return Ok(());
        }
        let what = "the memory to sort in, in bytes (give the query a limit, or more sort_memory),";
        Err(Error::Limit { what, got: self.bytes as u64, limit: self.bytes_max as u64 })
    }

    /// The rows' numbers in order.
    pub(super) fn finish(mut self) -> Vec<i64> {
        let descending = self.descending();
        self.all.sort_unstable();
        let keys = if self.wanted.is_some() { self.best.into_sorted_vec() } else { self.all };
        keys.iter().map(|key| key::seq_of(key, descending)).collect()
    }
}

/// Rows told apart by the values of some columns: of equal ones the first that comes is kept.
#[derive(Debug)]
pub(super) struct Distinct {
    columns: Vec<(usize, Physical)>,
    groups: Groups,
    /// Groups of which a row was kept.
    seen: u32,
    backward: bool,
    bytes_max: usize,
}

/// Of so many rows, fewer than one is decoded alone.
const ROWS_PER_GATHER: usize = 8;

impl Distinct {
    /// `backward`: rows come last first.
    pub(super) fn new(columns: Vec<(usize, Physical)>, backward: bool, bytes_max: usize) -> Self {
        let shapes: Vec<Physical> = columns.iter().map(|(_, physical)| *physical).collect();
        Distinct { columns, groups: Groups::new(&shapes, None), seen: 0, backward, bytes_max }
    }

    /// Keeps the selected rows of a batch whose values were not seen before.
    ///
    /// # Errors
    /// [`Error::Limit`] if what was seen takes too much memory; what reading gives.
    pub(super) fn retain(&mut self, batch: &Batch<'_>, selected: &mut Mask) -> Result<()> {
        let mut rows: Vec<usize> = selected.rows().collect();
        let sparse = rows.len() * ROWS_PER_GATHER < batch.len();
        let wanted = if sparse { selected.clone() } else { Mask::all(batch.len()) };
        let mut codes = Vec::with_capacity(self.columns.len());
        let mut columns = Vec::with_capacity(self.columns.len());
        for (number, physical) in &self.columns {
            let found = if sparse { None } else { batch.codes(*number)? };
            let mut column = Column::new(*physical);
            if found.is_none() {
                batch.gather(*number, &wanted, &mut column)?;
                if column.len() != wanted.count() {
                    let what = format!("{} rows of column {number}", column.len());
                    return Err(Error::invalid(what));
                }
            }
            codes.push(found);
            columns.push(column);
        }
        let keys = codes.into_iter().zip(&columns);
        let keys: Vec<Keys<'_>> =
            keys.map(|(codes, column)| codes.map_or(Keys::Column(column), Keys::Codes)).collect();
        let mut places: Vec<u32> = match sparse {
            true => (0..rows.len() as u32).collect(),
            false => rows.iter().map(|row| *row as u32).collect(),
        };
        if self.backward {
            rows.reverse();
            places.reverse();
        }
        let mut targets = Vec::with_capacity(rows.len());
        self.groups.assign(&keys, None, &places, &mut targets)?;
        selected.clear();
        for (row, target) in rows.into_iter().zip(targets) {
            // Numbers are in the order of the first row.
            if target.group >= self.seen {
                self.seen = target.group + 1;
                selected.set(row);
            }
        }
        let bytes = self.groups.bytes();
        if bytes <= self.bytes_max {
            return Ok(());
        }
        let what = "the memory for distinct values, in bytes (give the query more sort_memory),";
        Err(Error::Limit { what, got: bytes as u64, limit: self.bytes_max as u64 })
    }
}
