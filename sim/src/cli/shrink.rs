//! `sim shrink`: makes a failing plan smaller and writes it beside the plan.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sim::failure::keep_small;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, Failure, run};
use sim::shrink::Progress;

use super::{RUNS_MAX, mutant};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The plan, as JSON.
    plan: PathBuf,
    /// Stop after so many runs.
    #[arg(long, default_value_t = 5_000)]
    runs: u64,
    /// Plant this bug.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let path = &args.plan;
    let plan = Plan::load(path)?;
    let config = Config { mutant: args.mutant, exact: false };
    let Err(failure) = run(&plan, config) else {
        writeln!(out, "{}: nothing fails", path.display())?;
        return Ok(true);
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    let stem = path.file_stem().map_or("plan".into(), |s| s.to_string_lossy());
    make_small(out, &failure, (directory, &stem), args.mutant, args.runs)?;
    Ok(false)
}

/// What a command that may meet many failures shrinks by itself: the first of each oracle, so that
/// one bug with a thousand failures costs one shrinking and not a thousand.
#[derive(Debug, Default)]
pub(super) struct FirstOfEach {
    shrunk: BTreeSet<&'static str>,
}

impl FirstOfEach {
    /// Shrinks a failure, unless one of the same oracle has been shrunk.
    pub(super) fn shrink(
        &mut self,
        out: &mut impl Write,
        failure: &Failure,
        (directory, name): (&Path, &str),
        mutant: Option<Mutant>,
    ) -> io::Result<()> {
        if !self.shrunk.insert(failure.violation.oracle) {
            return Ok(());
        }
        writeln!(out, "\nshrinking {name} …")?;
        out.flush()?;
        make_small(out, failure, (directory, name), mutant, RUNS_MAX)
    }
}

/// Shrinks a failure, says how far it came, and names what was written.
pub(super) fn make_small(
    out: &mut impl Write,
    failure: &Failure,
    name: (&Path, &str),
    mutant: Option<Mutant>,
    runs_max: u64,
) -> io::Result<()> {
    let from = failure.plan.steps.len();
    let mut last = from;
    let mut said = Ok(());
    let watch = &mut |progress: Progress| {
        let Progress { pass, runs, steps } = progress;
        if steps != last && said.is_ok() {
            last = steps;
            said = writeln!(out, "  {steps:>4} steps after {runs:>5} runs: {pass}");
        }
    };
    let kept = keep_small(failure, name, mutant, runs_max, watch)?;
    said?;
    let Some(kept) = kept else {
        return writeln!(out, "  the plan does not fail when it is run again");
    };
    let (to, runs) = (kept.failure.plan.steps.len(), kept.runs);
    let more = if kept.finished { "" } else { "; more may be possible with --runs" };
    writeln!(out, "  {from} steps became {to} in {runs} runs{more}\n")?;
    write!(out, "{}", kept.failure.describe(Some(&kept.plan), mutant))?;
    writeln!(out, "\nsmall plan  {}", kept.plan.display())?;
    writeln!(out, "report      {}", kept.html.display())
}
