//! `sim coverage`: which part of the fault space some seeds visit.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;

use sim::campaign::Campaign;
use sim::coverage::{Coverage, gaps, install, page, table, undeclared};
use sim::failure::FAILURES_DIR;
use sim::files;
use sim::run::{Config, Failure};

use super::{failed, threads};

/// How many gaps are named.
const GAPS_SHOWN: usize = 40;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Run so many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads; as many as there are cores, unless said otherwise.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Write the matrix as a page.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Write the counts as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Then run at most so many plans for each cell that is empty, aimed at it.
    #[arg(long, default_value_t = 2000)]
    aimed: u64,
    /// Only say what is missing.
    #[arg(long)]
    brief: bool,
    /// Where to write the plan of a failure.
    #[arg(long, default_value = FAILURES_DIR)]
    failures: PathBuf,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let coverage = Arc::new(Coverage::default());
    install(Some(coverage.clone()));
    let config = Config { mutant: None, exact: false };
    let (first, seeds, threads) = (args.first, args.seeds, threads(args.jobs));
    let campaign = Campaign { first, seeds, threads, config, aim: None };
    let mut failure = campaign.run().failure;
    if failure.is_none() && args.aimed > 0 {
        failure = aim(out, &coverage, campaign, args.aimed)?;
    }
    install(None);
    if !args.brief {
        write!(out, "{}", table(&coverage))?;
    }
    if let Some(path) = &args.html {
        files::write(path, &page(&coverage, seeds))?;
    }
    if let Some(path) = &args.json {
        files::write(path, &coverage.to_json())?;
    }
    let unknown = undeclared(&coverage);
    for (site, phase) in &unknown {
        let calls = coverage.calls(*site, *phase);
        writeln!(out, "not declared: {} while {}, {calls} calls", site.name(), phase.name())?;
    }
    let gaps = gaps(&coverage);
    for gap in gaps.iter().take(GAPS_SHOWN) {
        let what = gap.what.map_or("never called", |what| what.name());
        writeln!(out, "empty: {} while {}: {what}", gap.site.name(), gap.phase.name())?;
    }
    writeln!(out, "{} cells that can be visited are empty after {seeds} seeds", gaps.len())?;
    if let Some(failure) = failure {
        return failed(out, failure, &args.failures, None);
    }
    Ok(gaps.is_empty() && unknown.is_empty())
}

/// How many plans are run before one looks whether the cell has been visited.
const AT_ONCE: u64 = 50;

/// Chance leaves some cells empty; aims at each of those, a few plans at a time.
fn aim(
    out: &mut impl Write,
    coverage: &Coverage,
    campaign: Campaign,
    plans_max: u64,
) -> io::Result<Option<Box<Failure>>> {
    let empty = gaps(coverage);
    let (mut plans, mut most) = (0, 0);
    for &gap in &empty {
        let mut first = campaign.first;
        while first < campaign.first + plans_max && gaps(coverage).contains(&gap) {
            let aimed = Campaign { first, seeds: AT_ONCE, aim: Some(gap), ..campaign };
            let outcome = aimed.run();
            if outcome.failure.is_some() {
                return Ok(outcome.failure);
            }
            first += AT_ONCE;
        }
        plans += first - campaign.first;
        most = most.max(first - campaign.first);
    }
    let left = empty.len();
    if left > 0 {
        let took = format!("took {plans} plans, at most {most} each");
        writeln!(out, "{left} cells that chance left empty {took}")?;
    }
    Ok(None)
}
