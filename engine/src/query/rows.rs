//! The rows of a query, one after the other.

use std::sync::Arc;

use super::batch::Batch;
use super::order::Ordering;
use super::plan::{Plan, Selected};
use super::vectors::{ScanCounts, Vectors};
use crate::chunk::{Column, ColumnData};
use crate::row::{Projection, value_ref_of};
use crate::sst::TIME_COLUMN;
use crate::table_files::TableFiles;
use crate::types::Physical;
use crate::{DataType, Error, Result, Row, ValueRef, read};

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
        gathered: Option<(Gathered, usize)>,
    },
    /// By number, the rows having been put in order.
    Numbers {
        seqs: std::vec::IntoIter<i64>,
        counts: ScanCounts,
    },
    Ended(ScanCounts),
}

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
            let (seq, field) = (self.seqs[row], self.projection.field(at).name());
            let what = format!("row {seq}, field {field:?}: {}", damage.what);
            match self.files.sst_of(seq) {
                Some(sst) => Error::corrupt(&sst.path, 0, what),
                None => Error::invalid(format!("in memory, {what}")),
            }
        })
    }

    fn row(&self, row: usize) -> Result<Row> {
        let values = (0..self.columns.len()).map(|at| Ok(self.value(at, row)?.to_value()));
        let values = values.collect::<Result<_>>()?;
        Ok(Row::new(self.seqs[row], self.times[row], Arc::clone(&self.projection), values))
    }
}

impl Rows {
    pub(super) fn new(plan: Plan) -> Result<Rows> {
        let source = match &plan.ordering {
            Ordering::Scan { .. } => {
                Source::Scan { selected: Box::new(plan.scan()?), gathered: None }
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
            Source::Scan { selected, gathered } => {
                let backward = matches!(plan.ordering, Ordering::Scan { backward: true });
                loop {
                    if let Some((rows, done)) = gathered
                        && *done < rows.seqs.len()
                    {
                        *done += 1;
                        let at = if backward { rows.seqs.len() - *done } else { *done - 1 };
                        return rows.row(at).map(Some);
                    }
                    let Some(vectors) = selected.next(&plan.table)? else { return Ok(None) };
                    *gathered = Some((Gathered::read(plan, &vectors)?, 0));
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
