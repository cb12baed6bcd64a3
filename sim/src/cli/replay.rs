//! `sim replay`: runs a plan from a file.

use std::io::{self, Write};
use std::path::PathBuf;

use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::run_traced;

use super::mutant;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The plan, as JSON.
    plan: PathBuf,
    /// Print every call to the disk.
    #[arg(long)]
    trace: bool,
    /// Draw what happened, as a page in this file.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Plant this bug.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let plan = Plan::load(&args.plan)?;
    let result = run_traced(&plan, args.mutant);
    if args.trace {
        let calls = match &result {
            Ok((_, calls)) => calls,
            Err(failure) => &failure.trace,
        };
        for call in calls {
            writeln!(out, "{call}")?;
        }
    }
    if let Some(html) = &args.html {
        sim::report::write(&plan, &args.plan, args.mutant, html)?;
        writeln!(out, "drawn in {}", html.display())?;
    }
    match result {
        Ok((report, _)) => {
            writeln!(out, "{}: ok, trace hash {:016x}", args.plan.display(), report.hash)?;
            Ok(true)
        }
        Err(failure) => {
            write!(out, "{}", failure.describe(Some(&args.plan), args.mutant))?;
            Ok(false)
        }
    }
}
