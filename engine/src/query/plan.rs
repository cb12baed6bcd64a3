//! A query, checked against its table: what is scanned, in which order, and what is returned.

use std::sync::Arc;

use super::expr::Expr;
use super::filter::{Filter, Operand, find_field};
use super::key::Direction;
use super::order::{Order, Ordering};
use super::sort::{Distinct, SortKey, Sorter};
use super::vectors::{ScanCounts, VectorScan, Vectors};
use crate::chunk::Mask;
use crate::mutant;
use crate::row::Projection;
use crate::types::Physical;
use crate::{Error, Result, SnapshotTable};

/// What a query's builder was told.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) filters: Vec<Expr>,
    pub(super) select: Option<Vec<String>>,
    pub(super) distinct: bool,
    /// Of rows equal in these fields the last only.
    pub(super) latest: Option<Vec<String>>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
    pub(super) sort_bytes_max: usize,
}

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) table: SnapshotTable,
    pub(super) filter: Arc<Filter>,
    pub(super) projection: Arc<Projection>,
    pub(super) ordering: Ordering,
    pub(super) distinct: Option<DistinctBy>,
    pub(super) limit: Option<u64>,
    pub(super) offset: u64,
    pub(super) sort_bytes_max: usize,
}

/// By what rows are told apart, and which of equal ones is kept.
#[derive(Debug, Clone)]
pub(super) struct DistinctBy {
    /// Columns and their shapes.
    columns: Vec<(usize, Physical)>,
    last: bool,
}

impl Plan {
    pub(super) fn new(table: &SnapshotTable, request: &Request) -> Result<Plan> {
        let (schema, name) = (table.schema(), table.name());
        let filter = Filter::bind(&Expr::all_of(request.filters.iter().cloned()), schema, name)?;
        let projection = match &request.select {
            None => Projection::all(Arc::clone(schema)),
            Some(fields) => {
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                Projection::of(Arc::clone(schema), name, &fields)?
            }
        };
        let keys = request.order.iter().map(|order| order.sort_key(schema, name));
        let mut ordering = Ordering::of(keys.collect::<Result<_>>()?);
        let distinct = DistinctBy::of(table, request, &projection)?;
        // Of equal rows the first, or the last, in the table counts, whatever the order: the scan
        // begins on that side.
        if let (Some(by), Ordering::Scan { backward }) = (&distinct, &ordering)
            && by.last != *backward
        {
            let direction = Direction { descending: *backward, nulls_last: true };
            ordering = Ordering::Sort(vec![SortKey { operand: Operand::Seq, direction }]);
        }
        Ok(Plan {
            table: table.clone(),
            filter: Arc::new(filter),
            projection: Arc::new(projection),
            ordering,
            distinct,
            limit: request.limit,
            offset: request.offset,
            sort_bytes_max: request.sort_bytes_max,
        })
    }

    /// The columns that the selected fields are in.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.projection.len()).map(|at| self.projection.schema_index(at) + 1)
    }

    /// How many rows have to be put in order before those that are returned are known.
    fn wanted(&self) -> Option<u64> {
        let limit = self.limit?;
        let forgets = mutant::when("sort-forgets-the-offset", || self.offset > 0);
        Some(limit.saturating_add(if forgets { 0 } else { self.offset }))
    }

    /// Leaves rows out that come too late in the order to be returned, where an index tells them.
    pub(super) fn narrow(&self, scan: &mut VectorScan) {
        // Of equal rows one is kept, so that it takes more of them than are returned.
        if let (Ordering::Sort(keys), Some(wanted), None) =
            (&self.ordering, self.wanted(), &self.distinct)
        {
            scan.narrow_to_head(&self.table, keys, wanted);
        }
    }

    /// The selected rows, sorted or not; `sorted` ones come as they lie in the table.
    pub(super) fn scan(&self) -> Result<Selected> {
        let backward = match &self.distinct {
            Some(by) => by.last,
            None => matches!(self.ordering, Ordering::Scan { backward: true }),
        };
        let distinct = self.distinct.as_ref();
        let distinct =
            distinct.map(|by| Distinct::new(by.columns.clone(), by.last, self.sort_bytes_max));
        let sorted = matches!(self.ordering, Ordering::Sort(_));
        Ok(Selected {
            scan: VectorScan::new(&self.table, Arc::clone(&self.filter), backward)?,
            distinct,
            backward,
            // Of sorted rows it is not known yet which are the first.
            offset: if sorted { 0 } else { self.offset },
            limit: if sorted { u64::MAX } else { self.limit.unwrap_or(u64::MAX) },
        })
    }

    /// The numbers of the rows in the order of `keys`, and what the scan did.
    pub(super) fn sort(&self, keys: &[SortKey]) -> Result<(Vec<i64>, ScanCounts)> {
        let wanted = self.wanted().map(|wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        let mut sorter = Sorter::new(keys.to_vec(), wanted, self.sort_bytes_max);
        let mut selected = self.scan()?;
        self.narrow(&mut selected.scan);
        while let Some(vectors) = selected.next(&self.table)? {
            sorter.add(&vectors.batch, &vectors.selected)?;
        }
        let mut seqs = sorter.finish();
        seqs.drain(..usize::try_from(self.offset).unwrap_or(usize::MAX).min(seqs.len()));
        Ok((seqs, selected.scan.counts))
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> Result<u64> {
        let mut selected = self.scan()?;
        // In which order they come makes no difference to how many there are.
        selected.offset = self.offset;
        selected.limit = self.limit.unwrap_or(u64::MAX);
        let mut count = 0;
        while let Some(vectors) = selected.next(&self.table)? {
            count += vectors.selected.count() as u64;
        }
        Ok(count)
    }
}

impl DistinctBy {
    fn of(
        table: &SnapshotTable,
        request: &Request,
        projection: &Projection,
    ) -> Result<Option<DistinctBy>> {
        let shape = |column: usize| (column, table.state.types[column - 1].physical());
        match (&request.latest, request.distinct) {
            (None, false) => Ok(None),
            (Some(_), true) => Err(Error::invalid("a query with both distinct and latest_by")),
            (None, true) => {
                let columns = (0..projection.len()).map(|at| projection.schema_index(at) + 1);
                Ok(Some(DistinctBy { columns: columns.map(shape).collect(), last: false }))
            }
            (Some(fields), false) => {
                let find = |field: &String| match find_field(table.schema(), table.name(), field)? {
                    (Operand::Column(column, physical), _) => Ok((column, physical)),
                    (Operand::Seq, _) => {
                        Err(Error::invalid("latest_by _seq: every row has one of its own"))
                    }
                };
                let columns = fields.iter().map(find).collect::<Result<_>>()?;
                Ok(Some(DistinctBy { columns, last: true }))
            }
        }
    }
}

/// A scan of which equal rows, the first and those behind the limit are left out.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) scan: VectorScan,
    distinct: Option<Distinct>,
    backward: bool,
    offset: u64,
    limit: u64,
}

impl Selected {
    /// The next batch with a row that is returned; see [`VectorScan::next`].
    pub(super) fn next<'t>(&mut self, table: &'t SnapshotTable) -> Result<Option<Vectors<'t>>> {
        while self.limit > 0 {
            let Some(mut vectors) = self.scan.next(table)? else { break };
            let selected = &mut vectors.selected;
            if let Some(distinct) = &mut self.distinct {
                distinct.retain(&vectors.batch, selected)?;
            } else if self.offset == 0 && self.limit == u64::MAX {
                return Ok(Some(vectors));
            }
            let passed = (selected.count() as u64).min(self.offset);
            self.offset -= passed;
            cut(selected, passed as usize, self.backward);
            let count = selected.count() as u64;
            if count > self.limit {
                // What is left when the others are cut from the far end.
                cut(selected, (count - self.limit) as usize, !self.backward);
            }
            self.limit -= count.min(self.limit);
            if !selected.is_none() {
                return Ok(Some(vectors));
            }
        }
        Ok(None)
    }
}

/// Takes `count` rows away, from the end or from the front.
fn cut(selected: &mut Mask, count: usize, from_end: bool) {
    match (count, from_end) {
        (0, _) => {}
        (count, true) => selected.drop_last(count),
        (count, false) => selected.drop_first(count),
    }
}
