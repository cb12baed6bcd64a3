//! The scan under every query: batch after batch, the rows that a filter selects.
//!
//! ```text
//! _seq, _time: a range ► an index ─► zone maps exclude a batch ─► the filter's columns ─► Vectors
//!     (bisection)      names its rows    (nothing decoded)         (as needed)         batch, mask
//! ```
//!
//! What is made of the rows is the reader's: it decodes the columns it wants, whole
//! ([`Batch::column`]) or of the selected rows alone ([`Batch::gather`]), and only then.
//!
//! Invariants
//! 1. The rows are those of one snapshot, each once, in the order of `_seq` or in its reverse.
//! 2. No batch comes without a selected row.
//! 3. After an error the scan is at its end.

use std::ops::{Bound, Range};
use std::sync::Arc;

use super::access::{Access, Asked, Found};
use super::batch::Batch;
use super::filter::{Filter, Operand};
use super::head::Head;
use super::sort::SortKey;
use crate::chunk::Mask;
use crate::column::{FilterScratch, Verdict};
use crate::mutant;
use crate::read::seqs_of_times;
use crate::sst::TIME_COLUMN;
use crate::types::Physical;
use crate::{Error, Result, SnapshotTable};

/// A batch and the rows of it that are selected: at least one.
#[derive(Debug)]
pub(crate) struct Vectors<'a> {
    pub(crate) batch: Batch<'a>,
    pub(crate) selected: Mask,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct VectorScan {
    filter: Arc<Filter>,
    scratch: Vec<FilterScratch>,
    left: Range<i64>,
    backward: bool,
    access: Access,
    part: Option<Part>,
    pub(crate) counts: ScanCounts,
}

/// The SST or memtable that the scan is in.
#[derive(Debug)]
struct Part {
    seqs: Range<i64>,
    /// The rows that may be wanted, if an index has told.
    found: Option<Found>,
    /// Of these so many have been passed, going forward.
    passed: usize,
}

/// What a scan did, and was spared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScanCounts {
    /// Batches that were looked at: all those in the range that is left by `_seq` and `_time`.
    pub(crate) batches: u64,
    /// Of these, those excluded by what zone maps say of each leaf of the filter.
    pub(crate) pruned: Vec<u64>,
    /// Those excluded otherwise.
    pub(crate) pruned_otherwise: u64,
    /// Those of which zone maps say that all rows pass.
    pub(crate) whole: u64,
    /// Those of which a column was decoded to see.
    pub(crate) filtered: u64,
    /// SSTs and memtables of which an index told the rows, by leaf of the filter.
    pub(crate) indexed: Vec<u64>,
    /// SSTs of which an index told the first rows of an order.
    pub(crate) ordered: u64,
    /// Rows that indexes told.
    pub(crate) index_rows: u64,
    /// Rows that passed.
    pub(crate) rows: u64,
}

impl VectorScan {
    /// A scan of the rows that pass `filter`, last first if `backward`.
    ///
    /// # Errors
    /// What can go wrong while the ends of a range of `_time` are looked for.
    pub(crate) fn new(table: &SnapshotTable, filter: Arc<Filter>, backward: bool) -> Result<Self> {
        let left = narrowed(table, &filter)?;
        let leaves = filter.leaves().len();
        let (pruned, indexed) = (vec![0; leaves], vec![0; leaves]);
        Ok(VectorScan {
            scratch: filter.scratch(),
            left,
            backward,
            access: Access::of(&filter, &table.files),
            part: None,
            counts: ScanCounts { pruned, indexed, ..ScanCounts::default() },
            filter,
        })
    }

    /// Of rows that are put in order by `keys`, leaves others than the first `wanted` out where an
    /// index tells them at no great cost. The scan must not have begun.
    pub(crate) fn narrow_to_head(&mut self, table: &SnapshotTable, keys: &[SortKey], wanted: u64) {
        self.access.head = Head::of(keys, wanted, &self.filter, self.left(), &table.files);
    }

    /// The rows that may still come.
    pub(crate) fn left(&self) -> Range<i64> {
        self.left.clone()
    }

    /// The next batch with a selected row, of the `table` that the scan was made for. The batch
    /// borrows from the table alone, so that a reader can go on scanning while it holds one.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn next<'t>(&mut self, table: &'t SnapshotTable) -> Result<Option<Vectors<'t>>> {
        while !self.left.is_empty() {
            let range = self.left.clone();
            // Until it is known how far this batch goes, so that an error ends the scan.
            self.left = range.end..range.end;
            let Some(seq) = self.first_of(table, &range)? else { continue };
            let batch = batch_of(table, seq)?;
            let seqs = batch.seqs();
            let verdict = self.judge(&batch)?;
            let inside = seqs.start.max(range.start)..seqs.end.min(range.end);
            let rest =
                if self.backward { range.start..inside.start } else { inside.end..range.end };
            if verdict == Verdict::None {
                self.left = rest;
                continue;
            }
            let VectorScan { filter, scratch, left, counts, part, .. } = self;
            let found = part.as_ref().and_then(|part| Some((part.found.as_ref()?, part.passed)));
            let mut selected = match found {
                Some((found, passed)) => found.mask(&seqs, if self.backward { 0 } else { passed }),
                None => Mask::all(batch.len()),
            };
            if inside != seqs {
                let row = |seq: i64| (seq - seqs.start) as usize;
                selected.retain_range(row(inside.start)..row(inside.end), false);
            }
            if verdict == Verdict::All {
                counts.whole += 1;
            } else {
                counts.filtered += 1;
                filter.apply(&batch, scratch, &mut selected)?;
            }
            *left = rest;
            let count = selected.count();
            if count > 0 {
                counts.rows += count as u64;
                return Ok(Some(Vectors { batch, selected }));
            }
        }
        Ok(None)
    }

    /// The first row of a range, from the side that the scan comes from, that may be wanted. If the
    /// part it would be in has none, `None`, and the scan is to go on behind that part.
    fn first_of(&mut self, table: &SnapshotTable, range: &Range<i64>) -> Result<Option<i64>> {
        let seq = if self.backward { range.end - 1 } else { range.start };
        let part = match &mut self.part {
            Some(part) if part.seqs.contains(&seq) => part,
            other => {
                let part = other.insert(Part::of(&self.access, table, seq)?);
                if let Some(found) = &part.found {
                    match found.asked {
                        Asked::Leaf(leaf) => self.counts.indexed[leaf] += 1,
                        Asked::Head => self.counts.ordered += 1,
                    }
                    self.counts.index_rows += found.seqs.len() as u64;
                }
                part
            }
        };
        let Some(found) = &part.found else { return Ok(Some(seq)) };
        let next = if self.backward {
            let end = found.seqs.partition_point(|row| *row <= seq);
            end.checked_sub(1).map(|at| found.seqs[at]).filter(|row| *row >= range.start)
        } else {
            // Rows come in their order, few from a block: the next one is not far.
            let passed = found.seqs[part.passed..].iter().take_while(|row| **row < seq).count();
            part.passed += passed;
            found.seqs.get(part.passed).copied().filter(|row| *row < range.end)
        };
        if next.is_none() {
            self.left = if self.backward {
                range.start..part.seqs.start.max(range.start)
            } else {
                part.seqs.end.min(range.end)..range.end
            };
        }
        Ok(next)
    }

    /// What is known of a batch in the current part before a column of it is decoded.
    fn judge(&mut self, batch: &Batch<'_>) -> Result<Verdict> {
        let VectorScan { filter, counts, part, .. } = self;
        counts.batches += 1;
        let found = part.as_ref().and_then(|part| part.found.as_ref());
        let exact = |found: &Found| found.exact || mutant::on("recheck-left-out");
        if found.is_some_and(exact) {
            return Ok(Verdict::All);
        }
        let mut by = None;
        let verdict = filter.judge(batch, &mut by)?;
        if verdict == Verdict::None {
            match by.and_then(|leaf| counts.pruned.get_mut(leaf)) {
                Some(count) => *count += 1,
                None => counts.pruned_otherwise += 1,
            }
        }
        Ok(verdict)
    }

    /// Goes through all batches without decoding a column: what zone maps alone exclude.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn judge_all(mut self, table: &SnapshotTable) -> Result<ScanCounts> {
        while !self.left.is_empty() {
            let range = self.left.clone();
            let Some(seq) = self.first_of(table, &range)? else { continue };
            let batch = batch_of(table, seq)?;
            self.left.start = batch.seqs().end;
            match self.judge(&batch)? {
                Verdict::None => {}
                Verdict::Some => self.counts.filtered += 1,
                Verdict::All => self.counts.whole += 1,
            }
        }
        Ok(self.counts)
    }
}

impl Part {
    /// The part that holds row `seq`.
    fn of(access: &Access, table: &SnapshotTable, seq: i64) -> Result<Part> {
        let files = &table.files;
        if let Some(memtable) = files.memtable_of(seq) {
            let seqs = memtable.first_seq()..memtable.end_seq();
            return Ok(Part { seqs, found: access.find_in_memtable(memtable), passed: 0 });
        }
        let Some(sst) = files.sst_of(seq) else {
            return Ok(Part { seqs: seq..seq, found: None, passed: 0 });
        };
        let seqs = sst.meta.min_seq..sst.meta.max_seq + 1;
        Ok(Part { seqs, found: access.find_in_sst(files, sst)?, passed: 0 })
    }
}

/// The rows that the filter's ranges of `_seq` and `_time` leave.
fn narrowed(table: &SnapshotTable, filter: &Filter) -> Result<Range<i64>> {
    let (mut start, mut end) = (table.files.first_seq(), table.end);
    if filter.is_never() {
        return Ok(start..start);
    }
    for (min, max) in filter.ranges(Operand::Seq) {
        (start, end) = (start.max(min), end.min(max.saturating_add(1)));
        if min > max {
            end = start;
        }
    }
    for (min, max) in filter.ranges(Operand::Column(TIME_COLUMN, Physical::Int)) {
        if min > max {
            end = start;
        }
        if start < end {
            let times = (at_least(min), at_most(max));
            let seqs = seqs_of_times(&table.state, &table.files, table.end, &times)?;
            (start, end) = (start.max(seqs.start), end.min(seqs.end));
        }
    }
    Ok(start..end.max(start))
}

fn at_least(min: i64) -> Bound<i64> {
    if min == i64::MIN { Bound::Unbounded } else { Bound::Included(min) }
}

fn at_most(max: i64) -> Bound<i64> {
    if max == i64::MAX { Bound::Unbounded } else { Bound::Included(max) }
}

/// The batch that holds row `seq`, which has to be in the snapshot.
fn batch_of(table: &SnapshotTable, seq: i64) -> Result<Batch<'_>> {
    let missing = || {
        let name = &table.state.name;
        Error::invalid(format!("row {seq} of table {name:?} is in no file and not in memory"))
    };
    if let Some(memtable) = table.files.memtable_of(seq) {
        let ordinal = (seq - memtable.first_seq()) as usize / memtable.chunk_rows();
        let visible = (table.end - memtable.first_seq()) as usize;
        return memtable.chunk(ordinal, visible).map(Batch::Chunk).ok_or_else(missing);
    }
    let sst = table.files.sst_of(seq).ok_or_else(missing)?;
    let block = sst.reader()?.block_of(seq)?;
    block.map(Batch::Block).ok_or_else(missing)
}
