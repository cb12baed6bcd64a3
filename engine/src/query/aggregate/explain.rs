//! What an aggregation does, or did, in words and numbers.

use std::fmt::{self, Display, Formatter};

use super::aggregation::AggregateRequest;
use super::answer::AggregateRows;
use super::plan::AggregatePlan;
use super::run::Run;
use crate::Result;
use crate::query::display::Name;
use crate::query::explain::Explanation;
use crate::query::expr::Expr;
use crate::query::filter::Operand;
use crate::query::vectors::{ScanCounts, VectorScan};
use crate::sst::TIME_COLUMN;
use crate::types::text;

/// The part of an [`Explanation`] that is about aggregates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AggregationSteps {
    /// The fields that rows are grouped by.
    pub group_by: Vec<String>,
    /// The windows, in words.
    pub window: Option<String>,
    /// What is made of each group.
    pub aggregates: Vec<String>,
    /// Whether there are no fields, so that blocks of which all rows pass, and are in one window,
    /// may be done with their zone maps: counts, integers' sums, least and greatest values.
    pub uses_zone_maps: bool,
    /// After a run: the blocks of which nothing was decoded to aggregate them.
    pub blocks_by_zone_maps: Option<u64>,
    /// After a run: how many groups there were.
    pub groups: Option<u64>,
    /// After a run: bytes that they, and what was kept of them, took.
    pub bytes: Option<u64>,
}

impl AggregatePlan {
    pub(super) fn explain(&self, request: &AggregateRequest) -> Result<Explanation> {
        let scan = VectorScan::new(&self.table, self.filter.clone(), false)?;
        let range = scan.left();
        let counts = scan.judge_all(&self.table)?;
        Ok(self.explained(request, (range.end - range.start).unsigned_abs(), &counts, None))
    }

    pub(super) fn explain_run(self, request: &AggregateRequest) -> Result<Explanation> {
        let range = VectorScan::new(&self.table, self.filter.clone(), false)?.left();
        let mut rows = AggregateRows::new(self)?;
        let mut returned = 0;
        for row in &mut rows {
            row?;
            returned += 1;
        }
        let (plan, run) = (rows.plan(), rows.run());
        let range_rows = (range.end - range.start).unsigned_abs();
        let explained = plan.explained(request, range_rows, &run.counts, Some(run));
        let matched = Some(run.counts.rows);
        Ok(Explanation { matched, returned: Some(returned), ..explained })
    }

    fn explained(
        &self,
        request: &AggregateRequest,
        range_rows: u64,
        counts: &ScanCounts,
        run: Option<&Run>,
    ) -> Explanation {
        let filter = Expr::all_of(request.filters.iter().cloned());
        let window = request.window.as_ref().zip(self.windows).map(|(window, of)| {
            let mut out = format!("{} of {}", text::duration(of.size), Name(&window.field));
            if of.slide != of.size {
                out.push_str(&format!(", one every {}", text::duration(of.slide)));
            }
            out
        });
        let steps = AggregationSteps {
            group_by: request.group_by.clone(),
            window,
            aggregates: self.aggregates.iter().map(|bound| bound.aggregate.to_string()).collect(),
            uses_zone_maps: self.keys.is_empty(),
            blocks_by_zone_maps: run.map(|run| run.from_zones),
            groups: run.map(|run| run.groups.len() as u64),
            bytes: run.map(|run| run.bytes() as u64),
        };
        let mut explained =
            Explanation::new(&self.table, &self.filter, filter.to_string(), range_rows, counts);
        explained.fields = self.fields();
        explained.order = self.order_in_words(request);
        explained.aggregation = Some(steps);
        explained
    }

    /// The fields that are decoded, but for those of conditions.
    fn fields(&self) -> Vec<String> {
        let keys = self.keys.iter().map(|(operand, _)| *operand);
        let aggregates = self.aggregates.iter().filter_map(|bound| bound.operand);
        let operands = keys.chain(self.windows.map(|windows| windows.operand));
        let operands = operands.chain(aggregates.map(|(operand, _)| operand));
        let mut names: Vec<String> = Vec::new();
        for operand in operands {
            let name = match operand {
                Operand::Seq => "_seq",
                Operand::Column(TIME_COLUMN, _) => "_time",
                Operand::Column(column, _) => self.table.schema().fields()[column - 1].name(),
            };
            if !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    fn order_in_words(&self, request: &AggregateRequest) -> String {
        let keys: Vec<String> = request.order.iter().map(ToString::to_string).collect();
        let mut out = match keys.is_empty() {
            true => "by group".to_owned(),
            false => format!("sorted by {}", keys.join(", ")),
        };
        if self.offset > 0 {
            out.push_str(&format!(", without the first {}", self.offset));
        }
        if let Some(limit) = self.limit {
            out.push_str(&format!(", at most {limit} rows"));
        }
        out
    }
}

impl Display for AggregationSteps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut by: Vec<String> = self.group_by.iter().map(|name| Name(name).to_string()).collect();
        by.extend(self.window.clone());
        match by.is_empty() {
            true => write!(f, "groups  one of all rows")?,
            false => write!(f, "groups  by {}", by.join(", "))?,
        }
        if let (Some(groups), Some(bytes)) = (self.groups, self.bytes) {
            write!(f, ": {groups} in {bytes} bytes")?;
        }
        if !self.aggregates.is_empty() {
            write!(f, "\nvalues  {}", self.aggregates.join(", "))?;
        }
        match self.blocks_by_zone_maps {
            Some(blocks) => write!(f, "\n        {blocks} blocks by their zone maps alone"),
            None if self.uses_zone_maps => {
                write!(f, "\n        of a block that passes whole, by its zone map where that does")
            }
            None => Ok(()),
        }
    }
}
