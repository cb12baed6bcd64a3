//! The rows of a query, one after the other.

use std::sync::Arc;

use super::batch::Batch;
use super::order::Ordering;
use super::plan::{Plan, Selected};
use super::vectors::{ScanCounts, Vectors};
use crate::chunk::{Column, ColumnData, Scalar};
use crate::error::Damage;
use crate::row::{Projection, value_of, value_ref_of};
use crate::sst::TIME_COLUMN;
use crate::table_files::TableFiles;
use crate::types::Physical;
use crate::{DataType, Error, Field, Result, Row, ValueRef, read};

/// An iterator over the rows of a query. Made by [`crate::Query::rows`].
///
/// It holds one block of the rows, decoded. After an error there are no more rows.
#[derive(Debug)]
pub struct Rows {
    plan: Plan,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Scan {
        selected: Box<Selected>,
        read: Read,
    },
    /// By number, the rows having been put in order.
    Numbers {
        seqs: std::vec::IntoIter<i64>,
        counts: ScanCounts,
    },
    Ended(ScanCounts),
}

/// What was read of the batch that the scan is at.
#[derive(Debug)]
enum Read {
    /// Where few rows of it are selected.
    Few(std::vec::IntoIter<Row>),
    /// Of these so many have been returned.
    Columns(Box<Gathered>, usize),
}

/// Of so many rows of a batch, at most one is read by itself.
const ROWS_PER_FEW: usize = 16;

/// The selected rows of a batch, decoded.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) seqs: Vec<i64>,
    pub(super) times: Vec<i64>,
    /// Of the projection's fields, in its order.
    pub(super) columns: Vec<Column>,
    pub(super) projection: Arc<Projection>,
    files: Arc<TableFiles>,
}

impl Gathered {
    /// Decodes what the plan returns of the selected rows.
    pub(super) fn read(plan: &Plan, vectors: &Vectors<'_>) -> Result<Gathered> {
        let Vectors { batch, selected } = vectors;
        let gather = |number: usize, physical: Physical| {
            let mut column = Column::new(physical);
            batch.gather(number, selected, &mut column)?;
            Ok(column)
        };
        let times = match gather(TIME_COLUMN, Physical::Int)? {
            Column { data: ColumnData::Int(times), validity: None } => times,
            _ => return Err(Error::invalid("_time holds nulls")),
        };
        let types = &plan.table.state.types;
        let columns = plan.columns().map(|number| gather(number, types[number - 1].physical()));
        let columns = columns.collect::<Result<Vec<Column>>>()?;
        let first = Batch::seqs(batch).start;
        let seqs: Vec<i64> = selected.rows().map(|row| first + row as i64).collect();
        let whole = columns.iter().all(|column| column.len() == seqs.len());
        if !whole || times.len() != seqs.len() {
            return Err(Error::invalid(format!("columns of different lengths at row {first}")));
        }
        let (projection, files) = (Arc::clone(&plan.projection), Arc::clone(&plan.table.files));
        Ok(Gathered { seqs, times, columns, projection, files })
    }

    pub(super) fn data_type(&self, at: usize) -> DataType {
        self.projection.field(at).data_type()
    }

    /// The value of the `at`-th field of a row.
    pub(super) fn value(&self, at: usize, row: usize) -> Result<ValueRef<'_>> {
        value_ref_of(self.data_type(at), &self.columns[at], row, |damage| {
            damaged(&self.files, self.seqs[row], self.projection.field(at), &damage)
        })
    }

    fn row(&self, row: usize) -> Result<Row> {
        let values = (0..self.columns.len()).map(|at| Ok(self.value(at, row)?.to_value()));
        let values = values.collect::<Result<_>>()?;
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

impl Read {
    fn of(plan: &Plan, vectors: &Vectors<'_>) -> Result<Read> {
        let few = vectors.selected.count() * ROWS_PER_FEW <= vectors.selected.len();
        Ok(match few {
            true => Read::Few(few_rows(plan, vectors)?.into_iter()),
            false => Read::Columns(Box::new(Gathered::read(plan, vectors)?), 0),
        })
    }

    fn next(&mut self, backward: bool) -> Result<Option<Row>> {
        match self {
            Read::Few(rows) if backward => Ok(rows.next_back()),
            Read::Few(rows) => Ok(rows.next()),
            Read::Columns(rows, done) if *done < rows.seqs.len() => {
                *done += 1;
                let at = if backward { rows.seqs.len() - *done } else { *done - 1 };
                rows.row(at).map(Some)
            }
            Read::Columns(..) => Ok(None),
        }
    }
}

/// The selected rows, straight from where they are: columns in between would cost more.
fn few_rows(plan: &Plan, Vectors { batch, selected }: &Vectors<'_>) -> Result<Vec<Row>> {
    let Plan { table, projection, .. } = plan;
    let mut rows = Vec::with_capacity(selected.count());
    for row in selected.rows() {
        let seq = batch.seqs().start + row as i64;
        let mut values = Vec::with_capacity(projection.len());
        for at in 0..projection.len() {
            let number = projection.schema_index(at);
            let value = value_of(table.state.types[number], batch.value(number + 1, row)?);
            values.push(
                value
                    .map_err(|damage| damaged(&table.files, seq, projection.field(at), &damage))?,
            );
        }
        match batch.value(TIME_COLUMN, row)? {
            Scalar::Int(time) => rows.push(Row::new(seq, time, Arc::clone(projection), values)),
            _ => return Err(Error::invalid("_time holds nulls")),
        }
    }
    Ok(rows)
}

impl Rows {
    pub(super) fn new(plan: Plan) -> Result<Rows> {
        let source = match &plan.ordering {
            Ordering::Scan { .. } => {
                let read = Read::Few(Vec::new().into_iter());
                Source::Scan { selected: Box::new(plan.scan()?), read }
            }
            Ordering::Sort(keys) => {
                let (seqs, counts) = plan.sort(keys)?;
                Source::Numbers { seqs: seqs.into_iter(), counts }
            }
        };
        Ok(Rows { plan, source })
    }

    fn advance(&mut self) -> Result<Option<Row>> {
        let Rows { plan, source } = self;
        match source {
            Source::Ended(_) => Ok(None),
            Source::Numbers { seqs, .. } => {
                let Some(seq) = seqs.next() else { return Ok(None) };
                let table = &plan.table;
                let row = read::get(&table.state, &table.files, table.end, seq, &plan.projection)?;
                row.map(Some).ok_or_else(|| Error::invalid(format!("row {seq} is gone")))
            }
            Source::Scan { selected, read } => {
                let backward = matches!(plan.ordering, Ordering::Scan { backward: true });
                loop {
                    if let Some(row) = read.next(backward)? {
                        return Ok(Some(row));
                    }
                    let Some(vectors) = selected.next(&plan.table)? else { return Ok(None) };
                    *read = Read::of(plan, &vectors)?;
                }
            }
        }
    }

    /// What the scan did so far.
    pub(super) fn counts(&self) -> &ScanCounts {
        match &self.source {
            Source::Scan { selected, .. } => &selected.scan.counts,
            Source::Numbers { counts, .. } | Source::Ended(counts) => counts,
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        let row = self.advance();
        if row.is_err() {
            self.source = Source::Ended(self.counts().clone());
        }
        row.transpose()
    }
}
