//! Runs of equal integers: commit times, states that seldom change.
//!
//! ```text
//! 0  run_count  u16
//! 2  ends       run_count × u16, ascending: the row after each run; the last is the row count
//!    values     ints.rs: one a run
//! ```

use std::ops::Range;

use super::ints::{Ints, Plan};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Runs of `values`, unless there are more than `runs_max`.
pub(super) fn split(values: &[i64], runs_max: usize) -> Option<(Vec<u16>, Vec<i64>)> {
    let (mut ends, mut heads) = (Vec::new(), Vec::new());
    for run in values.chunk_by(|a, b| a == b) {
        if ends.len() == runs_max {
            return None;
        }
        ends.push(ends.last().copied().unwrap_or(0) + run.len() as u16);
        heads.push(run[0]);
    }
    Some((ends, heads))
}

/// Bytes that [`write`] will append.
pub(super) fn bytes(heads: &[i64], plan: &Plan) -> usize {
    2 + heads.len() * 2 + plan.bytes(heads.len())
}

pub(super) fn write(ends: &[u16], heads: &[i64], plan: &Plan, out: &mut Vec<u8>) {
    out.put_u16(ends.len() as u16);
    for end in ends {
        out.put_u16(*end);
    }
    plan.write(heads, out);
}

/// The payload, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs<'a> {
    ends: &'a [[u8; 2]],
    heads: Ints<'a>,
}

impl<'a> Runs<'a> {
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        let ascend = |a: &[u8; 2], b: &[u8; 2]| u16::from_le_bytes(*a) < u16::from_le_bytes(*b);
        self.ends.is_sorted_by(ascend) && self.heads.is_ordered()
    }

    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<Runs<'a>, Damage> {
        let count = usize::from(reader.u16()?);
        let at = reader.position();
        let (ends, _) = reader.take(count * 2)?.as_chunks::<2>();
        if ends.last().map_or(0, |end| usize::from(u16::from_le_bytes(*end))) != rows {
            return Err(Damage::new(at, format!("runs that don't end at row {rows}")));
        }
        Ok(Runs { ends, heads: Ints::read(reader, count)? })
    }

    fn end(&self, run: usize) -> usize {
        self.ends.get(run).map_or(usize::MAX, |end| usize::from(u16::from_le_bytes(*end)))
    }

    fn run_of(&self, row: usize) -> usize {
        self.ends.partition_point(|end| usize::from(u16::from_le_bytes(*end)) <= row)
    }

    pub(super) fn get(&self, row: usize) -> Result<i64, Damage> {
        let run = self.run_of(row);
        if run >= self.heads.len() {
            return Err(Damage::new(0, format!("row {row} is in no run")));
        }
        Ok(self.heads.get(run))
    }

    /// The rows of the run that `row` is in, and its value.
    pub(super) fn around(&self, row: usize) -> Result<(Range<usize>, i64), Damage> {
        let run = self.run_of(row);
        if run >= self.heads.len() {
            return Err(Damage::new(0, format!("row {row} is in no run")));
        }
        // Damaged ends may go down: the row itself is in its run in any case.
        Ok((row..self.end(run).max(row + 1), self.heads.get(run)))
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut [i64]) -> Result<(), Damage> {
        let (mut run, mut row) = (self.run_of(range.start), range.start);
        while row < range.end {
            if run >= self.heads.len() {
                return Err(Damage::new(0, format!("row {row} is in no run")));
            }
            // Damaged ends may go down: an empty run is passed over.
            let end = self.end(run).min(range.end).max(row);
            out[row - range.start..end - range.start].fill(self.heads.get(run));
            (row, run) = (end, run + 1);
        }
        Ok(())
    }
}
