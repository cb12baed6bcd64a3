//! What a query does, or did, in words and numbers.

use std::fmt::{self, Display, Formatter};

use super::AggregationSteps;
use super::display::Name;
use super::filter::Filter;
use super::order::Ordering;
use super::plan::{Plan, Request};
use super::rows::Rows;
use super::vectors::{ScanCounts, VectorScan};
use crate::{Result, SnapshotTable};

/// What a query reads and what it is spared. From [`crate::Query::explain`], or, with what really
/// happened, from [`crate::Query::explain_analyze`]. `Display` is a plan to read.
///
/// A *block* is up to 2048 rows, in a file or in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The table's name.
    pub table: String,
    /// Rows of the table.
    pub table_rows: u64,
    /// Rows in the range that conditions on `_seq` and `_time` leave; no others are looked for.
    pub range_rows: u64,
    /// The conditions; `true` where there are none.
    pub filter: String,
    /// Blocks in that range (after a run: those that were come to before the limit was reached).
    pub blocks: u64,
    /// Of these, the blocks that zone maps exclude, each with the condition that did.
    pub pruned: Vec<(String, u64)>,
    /// The conditions that an index answered, each with the number of files and memtables of which
    /// it did; and the order, if an index told which rows of a file are the first in it, as
    /// `order by age desc`. The others were read block by block.
    pub indexed: Vec<(String, u64)>,
    /// Rows that indexes named; no others of those files were looked at.
    pub index_rows: u64,
    /// The blocks of which zone maps say that all rows pass.
    pub whole: u64,
    /// The blocks of which the conditions' columns are decoded.
    pub filtered: u64,
    /// The fields that are returned.
    pub fields: Vec<String>,
    /// How the rows come into order.
    pub order: String,
    /// What an aggregation makes of the rows.
    pub aggregation: Option<AggregationSteps>,
    /// After a run: rows that passed the conditions, of those that were come to: not of rows that
    /// the limit, or an index that tells the first of an order, has left out.
    pub matched: Option<u64>,
    /// After a run: rows that were returned.
    pub returned: Option<u64>,
    /// After a run, where there is a clock: how long it took, in ns.
    pub elapsed_ns: Option<u64>,
}

impl Explanation {
    fn of_query(plan: &Plan, request: &Request, range_rows: u64, counts: &ScanCounts) -> Self {
        let filter = super::Expr::all_of(request.filters.iter().cloned()).to_string();
        let mut explained = Explanation::new(&plan.table, &plan.filter, filter, range_rows, counts);
        if counts.ordered > 0 {
            explained.indexed.push((format!("order by {}", keys(request)), counts.ordered));
        }
        Explanation {
            fields: plan.projection.fields().map(|field| field.name().to_owned()).collect(),
            order: order(plan, request),
            ..explained
        }
    }

    pub(super) fn of_plan(plan: &Plan, request: &Request) -> Result<Explanation> {
        let mut scan = VectorScan::new(&plan.table, plan.filter.clone(), false)?;
        let range = scan.left();
        plan.narrow(&mut scan);
        let counts = scan.judge_all(&plan.table)?;
        Ok(Explanation::of_query(plan, request, (range.end - range.start).unsigned_abs(), &counts))
    }

    /// Runs the query to its end.
    pub(super) fn of_run(plan: &Plan, request: &Request) -> Result<Explanation> {
        let range = VectorScan::new(&plan.table, plan.filter.clone(), false)?.left();
        let mut rows = Rows::new(plan.clone())?;
        let mut returned = 0;
        for row in &mut rows {
            row?;
            returned += 1;
        }
        let (range_rows, counts) = ((range.end - range.start).unsigned_abs(), rows.counts());
        let explained = Explanation::of_query(plan, request, range_rows, counts);
        Ok(Explanation { matched: Some(counts.rows), returned: Some(returned), ..explained })
    }

    /// Of a scan; fields and order are still to be said.
    pub(super) fn new(
        table: &SnapshotTable,
        bound: &Filter,
        filter: String,
        range_rows: u64,
        counts: &ScanCounts,
    ) -> Explanation {
        let leaves = bound.leaves().iter().zip(&counts.pruned);
        let mut pruned: Vec<(String, u64)> = leaves
            .filter(|(_, count)| **count > 0)
            .map(|(leaf, count)| (leaf.clone(), *count))
            .collect();
        let leaves = bound.leaves().iter().zip(&counts.indexed);
        let indexed = leaves.filter(|(_, count)| **count > 0);
        let indexed = indexed.map(|(leaf, count)| (leaf.clone(), *count)).collect();
        if counts.pruned_otherwise > 0 {
            pruned.push(("otherwise".to_owned(), counts.pruned_otherwise));
        }
        Explanation {
            table: table.name().to_owned(),
            table_rows: table.count(),
            range_rows,
            filter,
            blocks: counts.batches,
            pruned,
            indexed,
            index_rows: counts.index_rows,
            whole: counts.whole,
            filtered: counts.filtered,
            fields: Vec::new(),
            order: String::new(),
            aggregation: None,
            matched: None,
            returned: None,
            elapsed_ns: None,
        }
    }
}

fn keys(request: &Request) -> String {
    let keys: Vec<String> = request.order.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

fn order(plan: &Plan, request: &Request) -> String {
    let keys = keys(request);
    let mut out = match (&plan.ordering, plan.limit) {
        (Ordering::Scan { backward: false }, _) => "as in the table".to_owned(),
        (Ordering::Scan { backward: true }, _) => "as in the table, from the end".to_owned(),
        (Ordering::Sort(_), None) if keys.is_empty() => "sorted by _seq".to_owned(),
        (Ordering::Sort(_), None) => format!("sorted by {keys}"),
        (Ordering::Sort(_), Some(limit)) => {
            format!("the first {} by {keys}, kept in a heap", limit.saturating_add(plan.offset))
        }
    };
    if let Some(fields) = &request.latest {
        let fields: Vec<String> = fields.iter().map(|name| Name(name).to_string()).collect();
        out = format!("the last row of each {}, {out}", fields.join(", "));
    }
    if plan.offset > 0 {
        out.push_str(&format!(", without the first {}", plan.offset));
    }
    if let Some(limit) = plan.limit {
        out.push_str(&format!(", at most {limit} rows"));
    }
    out
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = Name(&self.table);
        writeln!(f, "table   {table}: {} of {} rows in range", self.range_rows, self.table_rows)?;
        writeln!(f, "filter  {}", self.filter)?;
        for (leaf, count) in &self.indexed {
            writeln!(f, "index   of {leaf}, for {count} files and memtables")?;
        }
        if !self.indexed.is_empty() {
            writeln!(f, "        {} rows to look at", self.index_rows)?;
        }
        let excluded: u64 = self.pruned.iter().map(|(_, count)| count).sum();
        write!(f, "blocks  {}: {excluded} excluded by zone maps, ", self.blocks)?;
        writeln!(f, "{} pass whole, {} filtered", self.whole, self.filtered)?;
        for (leaf, count) in &self.pruned {
            writeln!(f, "        {count} excluded by {leaf}")?;
        }
        writeln!(f, "fields  {}", self.fields.join(", "))?;
        if let Some(steps) = &self.aggregation {
            writeln!(f, "{steps}")?;
        }
        write!(f, "order   {}", self.order)?;
        if let (Some(matched), Some(returned)) = (self.matched, self.returned) {
            write!(f, "\nrows    {matched} passed, {returned} returned")?;
        }
        if let Some(ns) = self.elapsed_ns {
            write!(f, "\ntime    {:.3} ms", ns as f64 / 1e6)?;
        }
        Ok(())
    }
}
