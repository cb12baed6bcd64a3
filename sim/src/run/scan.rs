//! Scans, read at once or kept open over other steps, and what they must yield.
//!
//! Invariants:
//! 1. What a scan yields is fixed when it is opened: what the model held then, and nothing else,
//!    whatever is flushed, dropped or inserted before its rows are taken.
//! 2. Rows may be taken from either end, and each comes out once.
//! 3. A row that can't be read is passed over; those behind it come out all the same.

use std::collections::VecDeque;

use serde::Deserialize;
use srdb::{Error, Scan, Value};

use super::Run;
use super::ask::Seen;
use super::read::{Expected, place};
use crate::coverage::Phase;
use crate::model::Values;
use crate::oracle::Violation;
use crate::plan::Read;
use crate::shape::Shape;

/// Scans that may be open at once.
const SCANS_MAX: usize = 8;

/// Which of a shape's fields a plan asks for: bit i of `fields` for the i-th, all for `None`; the
/// highest bit turns their order round.
pub(super) fn chosen(shape: Shape, fields: Option<u32>) -> Vec<usize> {
    let count = shape.fields().len();
    let Some(mask) = fields else { return (0..count).collect() };
    let mut chosen: Vec<usize> = (0..count).filter(|i| mask >> (i % 31) & 1 == 1).collect();
    if mask >> 31 == 1 {
        chosen.reverse();
    }
    chosen
}

/// Their names.
pub(super) fn names(shape: Shape, chosen: &[usize]) -> Vec<&'static str> {
    chosen.iter().map(|at| shape.fields()[*at].0).collect()
}

/// Which rows of which table, and which of their fields; as [`crate::plan::Step::Scan`] has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) table: u8,
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) by_time: bool,
    pub(super) fields: Option<u32>,
}

/// An open scan and the rows that it still has to yield.
pub(super) struct Open {
    scan: Scan,
    what: String,
    left: VecDeque<(i64, i64, Values)>,
    /// The fields that it yields.
    chosen: Vec<usize>,
}

/// A row as a struct; of its fields only the one that tells rows apart.
#[derive(Deserialize)]
struct Id {
    id: u64,
}

impl Run {
    /// Opens a scan and keeps it.
    pub(super) fn open_scan(
        &mut self,
        range: Range,
        snapshot: Option<u16>,
    ) -> Result<String, Violation> {
        match self.begin_scan(range, snapshot)? {
            Err(said) => Ok(said),
            Ok(open) => {
                let rows = open.left.len();
                self.scans.push(open);
                if self.scans.len() > SCANS_MAX {
                    self.scans.remove(0);
                }
                Ok(format!("{rows} rows to come"))
            }
        }
    }

    /// Takes rows from a kept scan.
    pub(super) fn advance_scan(
        &mut self,
        pick: u16,
        rows: u16,
        back: bool,
        read: Read,
    ) -> Result<String, Violation> {
        if self.scans.is_empty() {
            return Ok("no scan".to_owned());
        }
        let open = self.scans.remove(usize::from(pick) % self.scans.len());
        let (open, said) = self.take_rows(open, usize::from(rows), back, read)?;
        self.scans.extend(open.filter(|open| !open.left.is_empty()));
        Ok(said)
    }

    /// Lets go of a kept scan.
    pub(super) fn drop_scan(&mut self, pick: u16) -> String {
        if self.scans.is_empty() {
            return "no scan".to_owned();
        }
        drop(self.scans.remove(usize::from(pick) % self.scans.len()));
        format!("{} kept", self.scans.len())
    }

    /// Reads a range of rows at once.
    pub(super) fn scan(
        &mut self,
        range: Range,
        back: bool,
        read: Read,
    ) -> Result<String, Violation> {
        match self.begin_scan(range, None)? {
            Err(said) => Ok(said),
            Ok(open) => Ok(self.take_rows(open, usize::MAX, back, read)?.1),
        }
    }

    /// Reads what is left of every kept scan.
    pub(super) fn finish_scans(&mut self) -> Result<(), Violation> {
        self.enter(Phase::Read);
        for open in std::mem::take(&mut self.scans) {
            self.take_rows(open, usize::MAX, false, Read::Rows)?;
        }
        Ok(())
    }

    /// Opens a scan; how it came out if there is none.
    fn begin_scan(
        &mut self,
        range: Range,
        snapshot: Option<u16>,
    ) -> Result<Result<Open, String>, Violation> {
        let Range { table: slot, by_time, fields, .. } = range;
        let Some(Seen { table, shape, rows }) = self.seen(slot, snapshot)? else {
            return Ok(Err("no table".to_owned()));
        };
        let chosen = chosen(shape, fields.filter(|_| !by_time));
        let (low, high) = bounds(range, &rows);
        let scan = table.and_then(|table| match fields {
            _ if by_time => table.scan_time(low..high),
            None => table.scan(low..high),
            Some(_) => table.scan_fields(low..high, &names(shape, &chosen)),
        });
        let scan = match scan {
            Ok(scan) => scan,
            Err(e) => return self.judge_read("scan", &e).map(Err),
        };
        let what = format!("scan of t{slot} {low}..{high} (by time: {by_time}, {chosen:?})");
        let is_meant =
            |seq: i64, time: i64| (low..high).contains(if by_time { &time } else { &seq });
        let left: VecDeque<_> = rows
            .seen()
            .filter(|(seq, row)| is_meant(*seq, row.0))
            .map(|(seq, (time, values))| (seq, *time, values.clone()))
            .collect();
        if scan.len() != left.len() {
            let what = format!("{what} has {} rows, not {}", scan.len(), left.len());
            return Err(Violation::new("model", what));
        }
        Ok(Ok(Open { scan, what, left, chosen }))
    }

    /// Takes up to `rows` rows; gives the scan back if there may be more.
    fn take_rows(
        &mut self,
        mut open: Open,
        rows: usize,
        back: bool,
        read: Read,
    ) -> Result<(Option<Open>, String), Violation> {
        let mut failed = None;
        let mut taken = 0;
        if read == Read::Structs && open.chosen.contains(&0) {
            for id in open.scan.into_structs::<Id>() {
                let Some(expected) = open.left.pop_front() else {
                    return Err(Violation::new("model", format!("{} does not end", open.what)));
                };
                match id {
                    Err(e) => failed = Some(e),
                    Ok(Id { id }) if Value::UInt(id) == expected.2[0] => taken += 1,
                    Ok(Id { id }) => {
                        let what = format!("{} gave row {id:#x}, not {expected:?}", open.what);
                        return Err(Violation::new("model", what));
                    }
                }
            }
            if !open.left.is_empty() {
                let what = format!("{} ended {} rows early", open.what, open.left.len());
                return Err(Violation::new("model", what));
            }
            return Ok((None, self.say_taken(taken, failed)?));
        }
        while taken < rows {
            let expected = if back { open.left.pop_back() } else { open.left.pop_front() };
            match next(&mut open.scan, back, read) {
                None if expected.is_none() => break,
                Some(Err(e)) if expected.is_some() => failed = Some(e),
                found => {
                    let found = found.and_then(Result::ok);
                    compare(&open, back, found.as_ref(), expected.as_ref())?;
                    taken += 1;
                }
            }
        }
        Ok((Some(open), self.say_taken(taken, failed)?))
    }

    fn say_taken(&mut self, taken: usize, failed: Option<Error>) -> Result<String, Violation> {
        match failed {
            None => Ok(format!("{taken} rows")),
            Some(e) => Ok(format!("{taken} rows, {}", self.judge_read("a row of a scan", &e)?)),
        }
    }
}

/// The range in `_seq`s or `_time`s.
fn bounds(range: Range, rows: &Expected) -> (i64, i64) {
    let (from, to) = (place(range.from, rows.len()), place(range.to, rows.len()));
    let (from, to) = (from.min(to), from.max(to));
    let time_at = |seq: i64| {
        let last = rows.len().saturating_sub(1);
        rows.get((seq.max(1) - 1).min(last as i64) as usize).map_or(0, |row| row.0)
    };
    if range.by_time { (time_at(from), time_at(to)) } else { (from, to) }
}

type Taken = (i64, i64, Vec<Value>);

/// The next row from one end, as `_seq`, `_time` and values.
fn next(scan: &mut Scan, back: bool, read: Read) -> Option<srdb::Result<Taken>> {
    if read == Read::Refs && !back {
        return scan.next_ref().map(|row| {
            let row = row?;
            let values = (0..row.len()).map(|i| row.value(i).map(srdb::ValueRef::to_value));
            Ok((row.seq(), row.time(), values.collect::<srdb::Result<_>>()?))
        });
    }
    let row = if back { scan.next_back() } else { scan.next() };
    row.map(|row| row.map(|row| (row.seq(), row.time(), row.into_values())))
}

fn compare(
    open: &Open,
    back: bool,
    found: Option<&Taken>,
    expected: Option<&(i64, i64, Values)>,
) -> Result<(), Violation> {
    let right = match (found, expected) {
        (Some(found), Some((seq, time, values))) => {
            (found.0, found.1) == (*seq, *time)
                && open.chosen.iter().map(|at| &values[*at]).eq(&found.2)
        }
        _ => false,
    };
    if right {
        return Ok(());
    }
    let what = format!("{} (back: {back}) gave {found:?}, not {expected:?}", open.what);
    Err(Violation::new("model", what))
}
