//! The rows of a query, one after the other.

use super::gathered::{Gathered, Groups};
use super::order::Ordering;
use super::plan::Plan;
use super::vectors::ScanCounts;
use crate::{Error, Result, Row, read};

/// An iterator over the rows of a query. Made by [`crate::Query::rows`].
///
/// It holds a block or two of the rows, decoded, and has read a little ahead of what it returned,
/// the more the more it returned. After an error there are no more rows.
#[derive(Debug)]
pub struct Rows {
    plan: Plan,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Scan {
        groups: Box<Groups>,
        /// The rows that the scan is at; of these so many have been returned.
        read: Option<(Gathered, usize)>,
    },
    /// By number, the rows having been put in order.
    Numbers {
        seqs: std::vec::IntoIter<i64>,
        counts: ScanCounts,
    },
    Ended(ScanCounts),
}

impl Rows {
    pub(super) fn new(plan: Plan) -> Result<Rows> {
        let source = match &plan.ordering {
            Ordering::Scan { backward } => {
                let groups = Box::new(Groups::new(plan.scan()?, *backward));
                Source::Scan { groups, read: None }
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
            Source::Scan { groups, read } => {
                let backward = matches!(plan.ordering, Ordering::Scan { backward: true });
                loop {
                    if let Some((rows, done)) = read
                        && *done < rows.seqs.len()
                    {
                        *done += 1;
                        let at = if backward { rows.seqs.len() - *done } else { *done - 1 };
                        return rows.row(at).map(Some);
                    }
                    let Some(rows) = groups.next(plan)? else { return Ok(None) };
                    *read = Some((rows, 0));
                }
            }
        }
    }

    /// What the scan did so far.
    pub(super) fn counts(&self) -> &ScanCounts {
        match &self.source {
            Source::Scan { groups, .. } => &groups.selected.scan.counts,
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
