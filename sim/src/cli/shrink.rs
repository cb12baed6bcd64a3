//! `sim shrink`: makes a failing plan smaller and writes it beside the plan.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sim::failure::spell_out;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, run};
use sim::shrink::shrink;

use super::mutant;

/// Runs that shrinking may take.
const RUNS_MAX: u64 = 5_000;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The plan, as JSON.
    plan: PathBuf,
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
    let from = plan.steps.len();
    let shrunk = shrink(failure, config, RUNS_MAX);
    let failure = spell_out(shrunk.failure, args.mutant);
    let directory = path.parent().unwrap_or(Path::new("."));
    let stem = path.file_stem().map_or("plan".into(), |s| s.to_string_lossy());
    let small = failure.plan.save(directory, &format!("{stem}-small"))?;
    let (to, runs) = (failure.plan.steps.len(), shrunk.runs);
    writeln!(out, "{from} steps became {to} in {runs} runs: {}\n", small.display())?;
    write!(out, "{}", failure.describe(Some(&small), args.mutant))?;
    Ok(false)
}
