//! The selected rows of some batches as columns.
//!
//! Where an index or a rare condition leaves a row here and there, batches are gathered together,
//! column by column: what a column costs is paid once for all of them, and what one row waits for
//! is fetched beside that of the others. How many at a time doubles, so that whoever wants the
//! first row only does not wait for the sixtieth.

use std::sync::Arc;

use super::batch::Batch;
use super::plan::{Plan, Selected};
use super::vectors::Vectors;
use crate::chunk::{Column, ColumnData};
use crate::error::Damage;
use crate::read::take_text;
use crate::row::{Projection, text_ref_of, value_ref_of};
use crate::sst::{BlockRef, TIME_COLUMN};
use crate::table_files::TableFiles;
use crate::types::Physical;
use crate::{DataType, Error, Field, Result, Row, ValueRef};

/// Of so many rows of a batch, about one is selected where batches are gathered together.
const ROWS_PER_FEW: usize = 16;
/// Batches gathered together, at the most.
const BATCHES_MAX: usize = 64;
/// Rows before which another batch is added: one with few rows more is no more than a block.
const ROWS_MAX: usize = 1024;
/// Bytes, as they are on disk, before which another batch is added.
const BYTES_MAX: usize = 1 << 20;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) seqs: Vec<i64>,
    pub(super) times: Vec<i64>,
    /// Of the projection's fields, in its order.
    pub(super) fields: Vec<GatheredField>,
    pub(super) projection: Arc<Projection>,
    files: Arc<TableFiles>,
}

/// The values of a field.
#[derive(Debug)]
pub(super) struct GatheredField {
    pub(super) data_type: DataType,
    pub(super) column: Column,
    /// The column's text, if it is text: checked to be UTF-8 once, not value by value. The column
    /// has the ends then, and no bytes.
    text: Option<String>,
}

/// What a scan gives, gathered.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) selected: Selected,
    backward: bool,
    batches_next: usize,
    /// What came behind a group and is no part of it.
    pending: Option<Result<Gathered>>,
}

impl Groups {
    /// The rows of a scan; `backward` if it goes from the last to the first.
    pub(super) fn new(selected: Selected, backward: bool) -> Groups {
        Groups { selected, backward, batches_next: 1, pending: None }
    }

    /// The next rows, at least one: at most 2048, in the order of `_seq`. All of them come before
    /// those of the call before, if the scan goes backward.
    pub(super) fn next(&mut self, plan: &Plan) -> Result<Option<Gathered>> {
        if let Some(pending) = self.pending.take() {
            return pending.map(Some);
        }
        let (mut blocks, mut places) = (Vec::with_capacity(self.batches_next), Vec::new());
        let mut bytes = 0;
        while blocks.len() < self.batches_next && places.len() < ROWS_MAX && bytes < BYTES_MAX {
            match self.selected.next(&plan.table) {
                Ok(Some(Vectors { batch: Batch::Block(block), selected }))
                    if selected.count() <= selected.len() / ROWS_PER_FEW + 1 =>
                {
                    let number = blocks.len();
                    let from = places.len();
                    places.extend(selected.rows().map(|row| (number, row)));
                    if self.backward {
                        places[from..].reverse();
                    }
                    bytes += block.bytes_of(places.len() - from);
                    blocks.push(block);
                }
                Ok(Some(vectors)) => {
                    self.pending = Some(Gathered::of_batch(plan, &vectors));
                    break;
                }
                Ok(None) => break,
                Err(error) => {
                    self.pending = Some(Err(error));
                    break;
                }
            }
        }
        self.batches_next = (self.batches_next * 2).min(BATCHES_MAX);
        if places.is_empty() {
            return self.pending.take().transpose();
        }
        if self.backward {
            places.reverse();
        }
        let error = match Gathered::of_places(plan, &blocks, &places) {
            Ok(rows) => return Ok(Some(rows)),
            Err(error) => error,
        };
        // Whatever comes before the block that can't be read is given first.
        let is_sound = |number: &usize| {
            let own = places.iter().copied().filter(|(block, _)| block == number);
            Gathered::of_places(plan, &blocks, &own.collect::<Vec<_>>()).is_ok()
        };
        let sound = (0..blocks.len()).take_while(is_sound).count();
        places.retain(|(block, _)| *block < sound);
        if places.is_empty() {
            return Err(error);
        }
        self.pending = Some(Err(error));
        Gathered::of_places(plan, &blocks, &places).map(Some)
    }
}

impl Gathered {
    /// Decodes what the plan returns of the selected rows of a batch.
    fn of_batch(plan: &Plan, Vectors { batch, selected }: &Vectors<'_>) -> Result<Gathered> {
        let first = batch.seqs().start;
        let seqs: Vec<i64> = selected.rows().map(|row| first + row as i64).collect();
        Gathered::of(plan, seqs, |number, physical| {
            let mut column = Column::new(physical);
            batch.gather(number, selected, &mut column)?;
            Ok(column)
        })
    }

    /// Decodes what the plan returns of rows of blocks: places are the number of a block and a row
    /// of it.
    fn of_places(
        plan: &Plan,
        blocks: &[BlockRef<'_>],
        places: &[(usize, usize)],
    ) -> Result<Gathered> {
        let seqs = places.iter().map(|(block, row)| blocks[*block].first_seq() + *row as i64);
        Gathered::of(plan, seqs.collect(), |number, physical| {
            let mut column = Column::with_room(physical, places.len());
            BlockRef::gather_places(blocks, places, number, &mut column)?;
            Ok(column)
        })
    }

    /// The rows of these numbers; `gather` decodes a column of them.
    fn of(
        plan: &Plan,
        seqs: Vec<i64>,
        gather: impl Fn(usize, Physical) -> Result<Column>,
    ) -> Result<Gathered> {
        let times = match gather(TIME_COLUMN, Physical::Int)? {
            Column { data: ColumnData::Int(times), validity: None } => times,
            _ => return Err(Error::invalid("_time holds nulls")),
        };
        let types = &plan.table.state.types;
        let mut fields = Vec::with_capacity(plan.projection.len());
        for number in plan.columns() {
            let data_type = types[number - 1];
            let mut column = gather(number, data_type.physical())?;
            let text = take_text(data_type, &mut column);
            fields.push(GatheredField { data_type, column, text });
        }
        let whole = fields.iter().all(|field| field.column.len() == seqs.len());
        if !whole || times.len() != seqs.len() {
            let what = format!("columns of different lengths at row {:?}", seqs.first());
            return Err(Error::invalid(what));
        }
        let (projection, files) = (Arc::clone(&plan.projection), Arc::clone(&plan.table.files));
        Ok(Gathered { seqs, times, fields, projection, files })
    }

    /// The value of the `at`-th field of a row.
    #[inline]
    pub(super) fn value(&self, at: usize, row: usize) -> Result<ValueRef<'_>> {
        let fail = |damage: Damage| {
            damaged(&self.files, self.seqs[row], self.projection.field(at), &damage)
        };
        let GatheredField { data_type, column, text } = &self.fields[at];
        match text {
            Some(text) => text_ref_of(*data_type, column, text, row, fail),
            None => value_ref_of(*data_type, column, row, fail),
        }
    }

    pub(super) fn row(&self, row: usize) -> Result<Row> {
        let mut values = Vec::with_capacity(self.fields.len());
        for at in 0..self.fields.len() {
            values.push(self.value(at, row)?.to_value());
        }
        Ok(Row::new(self.seqs[row], self.times[row], Arc::clone(&self.projection), values))
    }
}

/// A value that its field can't hold.
#[cold]
fn damaged(files: &TableFiles, seq: i64, field: &Field, damage: &Damage) -> Error {
    let what = format!("row {seq}, field {:?}: {}", field.name(), damage.what);
    match files.sst_of(seq) {
        Some(sst) => Error::corrupt(&sst.path, 0, what),
        None => Error::invalid(format!("in memory, {what}")),
    }
}
