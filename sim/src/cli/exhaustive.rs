//! `sim exhaustive`: lets the power fail at every call of short plans, and inside the recoveries.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use sim::exhaustive::{Exhaustive, Find, SHORT_PLANS_DIR, Tally};
use sim::failure::FAILURES_DIR;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::Config;
use srdb_vfs::{Clock, OsClock};

use super::shrink::FirstOfEach;
use super::{mutant, threads};

/// How much is shown of many failures of one plan.
const FAILURES_SHOWN: usize = 5;
const LINE_CHARS: usize = 150;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Plans from files, instead of all in `sim/plans/short`.
    plans: Vec<PathBuf>,
    /// Images per power failure, at most.
    #[arg(long, default_value_t = 50)]
    images: u64,
    /// Images per power failure inside a recovery, at most; 0 for none.
    #[arg(long, default_value_t = 8)]
    nested: u64,
    /// Threads; as many as there are cores, unless said otherwise.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Only plans whose names contain this.
    #[arg(long)]
    only: Option<String>,
    /// Plant this bug and stop at the first failure.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Where to write the plan of a failure.
    #[arg(long, default_value = FAILURES_DIR)]
    failures: PathBuf,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let plans = plans(args)?;
    let exhaustive = Exhaustive {
        images: args.images,
        nested: args.nested,
        threads: threads(args.jobs),
        config: Config { mutant: args.mutant, exact: false },
    };
    let width = plans.iter().map(|plan| plan.0.len()).max().unwrap_or(0).max("total".len());
    let heads = ["steps", "calls", "images", "recovered", "nested", "seconds", "images/s"];
    let heads = heads.map(|head| format!("{head:>9}")).join(" ");
    writeln!(out, "{:<width$} {heads}", "plan")?;
    let clock = OsClock::new();
    let (mut total, mut steps, mut found) = (Tally::default(), 0, 0);
    let mut small = FirstOfEach::default();
    for (name, plan) in &plans {
        let start = clock.monotonic_ns();
        let outcome = exhaustive.run(plan);
        let seconds = (clock.monotonic_ns() - start) as f64 / 1e9;
        write!(out, "{name:<width$} ")?;
        line(out, plan.steps.len(), &outcome.tally, seconds)?;
        out.flush()?;
        total.add(&outcome.tally);
        steps += plan.steps.len();
        found += outcome.finds.len();
        failures(out, name, &outcome.finds, args, &mut small)?;
        if args.mutant.is_some() && found > 0 {
            break;
        }
    }
    write!(out, "{:<width$} ", "total")?;
    line(out, steps, &total, clock.monotonic_ns() as f64 / 1e9)?;
    let (plans, threads) = (plans.len(), exhaustive.threads);
    writeln!(out, "{plans} plans on {threads} threads, {found} failures")?;
    Ok(found == 0)
}

/// The plans to go through, by name.
fn plans(args: &Args) -> io::Result<Vec<(String, Plan)>> {
    let mut plans = if args.plans.is_empty() {
        Plan::load_all(Path::new(SHORT_PLANS_DIR))?
    } else {
        let load = |path: &PathBuf| Plan::load(path).map(|plan| (path.clone(), plan));
        args.plans.iter().map(load).collect::<io::Result<_>>()?
    };
    plans.sort_by(|a, b| a.0.cmp(&b.0));
    let stem = |path: &Path| path.file_stem().map_or("plan".into(), |s| s.to_string_lossy().into());
    let mut plans: Vec<(String, Plan)> =
        plans.into_iter().map(|(path, plan)| (stem(&path), plan)).collect();
    plans.retain(|(name, _)| args.only.as_ref().is_none_or(|only| name.contains(only)));
    if plans.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such plan"));
    }
    Ok(plans)
}

fn line(out: &mut impl Write, steps: usize, tally: &Tally, seconds: f64) -> io::Result<()> {
    let Tally { calls, images, recovered, nested, .. } = tally;
    let rate = tally.checked() as f64 / seconds.max(1e-9);
    writeln!(
        out,
        "{steps:>9} {calls:>9} {images:>9} {recovered:>9} {nested:>9} {seconds:>9.1} {rate:>9.0}"
    )
}

/// Keeps the plan of each failure of its kind, describes the first, shrinks what is new.
fn failures(
    out: &mut impl Write,
    name: &str,
    finds: &[Find],
    args: &Args,
    small: &mut FirstOfEach,
) -> io::Result<()> {
    let mut told: Vec<(&Find, String)> = Vec::new();
    for find in finds {
        let violation = &find.failure.violation;
        if told.len() == FAILURES_SHOWN
            || told.iter().any(|(told, _)| told.failure.violation.is_like(violation))
        {
            continue;
        }
        let place = find.point.map_or("plain".to_owned(), |point| point.name());
        let stem = format!("{name}-{place}-{}", violation.oracle);
        let path = find.failure.plan.save(&args.failures, &stem)?;
        if told.is_empty() {
            write!(out, "\n{}", find.failure.describe(Some(&path), args.mutant))?;
        } else {
            let line: String = violation.to_string().chars().take(LINE_CHARS).collect();
            writeln!(out, "{}: {line}", path.display())?;
        }
        told.push((find, stem));
    }
    if !finds.is_empty() {
        writeln!(out, "\n{name}: {} failures, {} unlike each other", finds.len(), told.len())?;
    }
    for (find, stem) in told {
        small.shrink(out, &find.failure, (&args.failures, &stem), args.mutant)?;
    }
    Ok(())
}
