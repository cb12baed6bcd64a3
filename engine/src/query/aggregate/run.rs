//! An aggregation, run: batch after batch the groups of the selected rows, and their values into
//! what is kept of each.
//!
//! ```text
//! Vectors ─► one group, all rows of a block? ─► zone maps, where they do
//!        └─► key columns (codes where there is a dictionary) ─► Targets ─► accumulators
//! ```
//!
//! Invariants
//! 1. A column is decoded once a batch, whoever needs it, and only if somebody does.
//! 2. Memory is checked after every batch.

use super::accumulator::Accumulator;
use super::groups::{Groups, Keys, Target};
use super::plan::AggregatePlan;
use crate::chunk::{Column, ColumnData, Mask};
use crate::mutant;
use crate::query::batch::Batch;
use crate::query::filter::Operand;
use crate::query::vectors::{ScanCounts, VectorScan, Vectors};
use crate::types::Physical;
use crate::{Error, Result};

/// Of so many rows, fewer than one is decoded alone.
const ROWS_PER_GATHER: usize = 8;

/// Targets that are made before they are used: what bounds the memory of sliding windows.
const TARGETS_MAX: usize = 1 << 16;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) groups: Groups,
    pub(super) accumulators: Vec<Box<dyn Accumulator>>,
    pub(super) counts: ScanCounts,
    /// Blocks of which no column was decoded to aggregate them.
    pub(super) from_zones: u64,
    /// What columns are needed, each once.
    operands: Vec<Operand>,
    /// Room for each of them.
    rooms: Vec<Column>,
    /// Of each aggregate, key, and the window: which of the operands.
    of_aggregates: Vec<Option<usize>>,
    of_keys: Vec<usize>,
    of_window: Option<usize>,
    targets: Vec<Target>,
}

fn physical(operand: Operand) -> Physical {
    match operand {
        Operand::Seq => Physical::Int,
        Operand::Column(_, physical) => physical,
    }
}

impl Run {
    fn new(plan: &AggregatePlan) -> Run {
        let mut operands: Vec<Operand> = Vec::new();
        let mut place = |operand: Operand| {
            operands.iter().position(|other| *other == operand).unwrap_or_else(|| {
                operands.push(operand);
                operands.len() - 1
            })
        };
        let aggregates = plan.aggregates.iter();
        let of_aggregates =
            aggregates.map(|bound| bound.operand.map(|(operand, _)| place(operand))).collect();
        let of_keys = plan.keys.iter().map(|(operand, _)| place(*operand)).collect();
        let of_window = plan.windows.map(|windows| place(windows.operand));
        let shapes: Vec<Physical> = plan.keys.iter().map(|(_, of)| of.physical()).collect();
        Run {
            groups: Groups::new(&shapes, plan.windows),
            accumulators: plan.aggregates.iter().map(|bound| bound.accumulator()).collect(),
            counts: ScanCounts::default(),
            from_zones: 0,
            rooms: operands.iter().map(|operand| Column::new(physical(*operand))).collect(),
            operands,
            of_aggregates,
            of_keys,
            of_window,
            targets: Vec::new(),
        }
    }

    /// All rows that pass, aggregated.
    ///
    /// # Errors
    /// What reading gives; [`Error::Limit`] for too much memory.
    pub(super) fn of(plan: &AggregatePlan) -> Result<Run> {
        let mut run = Run::new(plan);
        run.grow();
        let mut scan = VectorScan::new(&plan.table, plan.filter.clone(), false)?;
        while let Some(vectors) = scan.next(&plan.table)? {
            run.add(plan, &vectors)?;
        }
        run.counts = scan.counts;
        Ok(run)
    }

    fn grow(&mut self) {
        let groups = self.groups.len();
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.grow(groups));
    }

    /// Bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        let kept = self.accumulators.iter().map(|accumulator| accumulator.bytes());
        kept.fold(self.groups.bytes(), usize::saturating_add)
    }

    fn add(&mut self, plan: &AggregatePlan, vectors: &Vectors<'_>) -> Result<()> {
        let Vectors { batch, selected } = vectors;
        let mut left: Vec<bool> = vec![true; self.accumulators.len()];
        if let Some(group) = self.only_group(batch)? {
            self.add_without_decoding(batch, selected, group as usize, &mut left)?;
            if !left.contains(&true) {
                self.from_zones += u64::from(matches!(batch, Batch::Block(_)));
                return plan.check_memory(self.bytes());
            }
        }
        self.add_decoded(plan, vectors, &left)
    }

    /// The group that all rows of a batch are in, if that is known without a look at them.
    fn only_group(&mut self, batch: &Batch<'_>) -> Result<Option<u32>> {
        if self.groups.is_one() {
            return Ok(Some(0));
        }
        let window = self.of_window.map(|at| self.operands[at]);
        let Some(Operand::Column(column, _)) = window.filter(|_| self.of_keys.is_empty()) else {
            return Ok(None);
        };
        let zone = batch.zone(column)?.filter(|zone| zone.null_count == 0);
        let Some(bounds) = zone.and_then(|zone| zone.int_bounds()) else { return Ok(None) };
        let group = self.groups.of_window(bounds);
        if group.is_some() {
            self.grow();
        }
        Ok(group)
    }

    /// Adds to the only group what is known without a look at a column; clears what needs none in
    /// `left`.
    fn add_without_decoding(
        &mut self,
        batch: &Batch<'_>,
        selected: &Mask,
        group: usize,
        left: &mut [bool],
    ) -> Result<()> {
        let count = selected.count();
        let aggregates = self.accumulators.iter_mut().zip(&self.of_aggregates);
        for ((accumulator, operand), left) in aggregates.zip(left) {
            match operand.map(|at| self.operands[at]) {
                None => *left = !accumulator.add_rows(count as u64, group),
                Some(Operand::Column(column, _))
                    if count == batch.len() || mutant::on("zone-of-a-part") =>
                {
                    if let Some(zone) = batch.zone(column)? {
                        *left = !accumulator.add_zone(&zone, group);
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Adds the selected rows to the aggregates that are `left`.
    fn add_decoded(
        &mut self,
        plan: &AggregatePlan,
        vectors: &Vectors<'_>,
        left: &[bool],
    ) -> Result<()> {
        let Vectors { batch, selected } = vectors;
        let count = selected.count();
        let sparse = count * ROWS_PER_GATHER < batch.len();
        let Run { groups, accumulators, operands, rooms, of_aggregates, of_keys, .. } = self;
        let mut codes = Vec::with_capacity(of_keys.len());
        let mut needed = vec![false; operands.len()];
        for at in of_keys.iter() {
            let found = match operands[*at] {
                Operand::Column(column, _) if !sparse => batch.codes(column)?,
                _ => None,
            };
            needed[*at] |= found.is_none();
            codes.push(found);
        }
        let aggregates = of_aggregates.iter().zip(left).filter(|(_, left)| **left);
        let aggregates = aggregates.filter_map(|(at, _)| *at);
        aggregates.chain(self.of_window).for_each(|at| needed[at] = true);
        let columns: Vec<Option<&Column>> = rooms
            .iter_mut()
            .zip(operands.iter().zip(needed))
            .map(|(room, (operand, needed))| {
                needed.then(|| read(*operand, batch, selected, sparse, room)).transpose()
            })
            .collect::<Result<_>>()?;
        let missing = || Error::invalid("a column that is needed was not read");
        let keys = codes.into_iter().zip(of_keys.iter()).map(|(codes, at)| match codes {
            Some(codes) => Ok(Keys::Codes(codes)),
            None => columns[*at].map(Keys::Column).ok_or_else(missing),
        });
        let keys = keys.collect::<Result<Vec<Keys<'_>>>>()?;
        let times = self.of_window.and_then(|at| columns[at]);
        // Of all rows of a batch, or of some that were gathered, places are counted.
        let rows: Vec<u32> = match sparse || count == batch.len() {
            true => (0..count as u32).collect(),
            false => selected.rows().map(|row| row as u32).collect(),
        };
        let windows_per_row = plan.windows.map_or(1, |windows| windows.per_row());
        for rows in rows.chunks((TARGETS_MAX / windows_per_row).max(1)) {
            self.targets.clear();
            groups.assign(&keys, times, rows, &mut self.targets)?;
            let group_count = groups.len();
            let mut bytes = groups.bytes();
            for (at, accumulator) in accumulators.iter_mut().enumerate() {
                accumulator.grow(group_count);
                if left[at] {
                    let column = of_aggregates[at].and_then(|at| columns[at]);
                    accumulator.add(column, &self.targets)?;
                }
                bytes = bytes.saturating_add(accumulator.bytes());
            }
            plan.check_memory(bytes)?;
        }
        Ok(())
    }
}

/// The rows of a column: of a sparse selection those alone, else all.
fn read<'r>(
    operand: Operand,
    batch: &'r Batch<'_>,
    selected: &Mask,
    sparse: bool,
    room: &'r mut Column,
) -> Result<&'r Column> {
    match operand {
        Operand::Column(column, _) if sparse => {
            room.truncate(0);
            batch.gather(column, selected, room)?;
            if room.len() != selected.count() {
                let what =
                    format!("{} rows of column {column}, not {}", room.len(), selected.count());
                return Err(Error::invalid(what));
            }
            Ok(room)
        }
        Operand::Column(column, _) => batch.column(column, room),
        Operand::Seq => {
            let seqs = batch.seqs();
            let seqs: Vec<i64> = match sparse {
                true => selected.rows().map(|row| seqs.start + row as i64).collect(),
                false => seqs.collect(),
            };
            *room = Column { data: ColumnData::Int(seqs), validity: None };
            Ok(room)
        }
    }
}
