//! `sim mutants`: plants each known bug and counts the seeds until it is found.

use std::io::{self, Write};
use std::num::NonZero;

use sim::mutants::{Hunt, MUTANTS, Mutant, Verdict, median_seeds};

use super::{RUNS_MAX, mutant, threads};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Give up after so many seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them: how many it takes from here on shows how much luck it takes.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Only this one.
    #[arg(long, value_parser = mutant)]
    only: Option<Mutant>,
    /// Shrinks what was found, and says how many steps are left.
    #[arg(long)]
    shrink: bool,
    /// Threads; as many as there are cores, unless said otherwise. What comes out does not depend
    /// on them.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let wanted = |mutant: &&Mutant| args.only.is_none_or(|only| only == **mutant);
    let (here, missing): (Vec<Mutant>, Vec<Mutant>) =
        MUTANTS.iter().filter(wanted).partition(|mutant| mutant.is_built_in());
    let shrink_runs = if args.shrink { RUNS_MAX } else { 0 };
    let hunt = Hunt {
        mutants: here,
        first: args.first,
        seeds: args.seeds,
        threads: threads(args.jobs),
        shrink_runs,
    };
    let verdicts = hunt.run();
    writeln!(out, "{:<28} {:<10} {:>6} {:>8}  killed by", "mutant", "class", "seeds", "hits")?;
    for verdict in &verdicts {
        line(out, verdict)?;
    }
    for mutant in &missing {
        writeln!(out, "{:<28} not built in: add --features mutants", mutant.name())?;
    }
    let killed = verdicts.iter().filter(|verdict| verdict.is_killed()).count();
    let total = verdicts.len() + missing.len();
    writeln!(
        out,
        "{killed} of {total} killed; median {} seeds, at most {}",
        median_seeds(&verdicts),
        verdicts.iter().map(|verdict| verdict.seeds).max().unwrap_or(0)
    )?;
    if let Some(steps) = verdicts.iter().filter_map(|verdict| verdict.steps).max() {
        writeln!(out, "what found them took {steps} steps at the most")?;
    }
    Ok(killed == total)
}

fn line(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let Verdict { mutant, seeds, hits, killed, is_false, steps } = verdict;
    write!(out, "{:<28} {:<10} {seeds:>6} {hits:>8}  ", mutant.name(), mutant.class().name())?;
    match killed {
        Some(failure) if *is_false => {
            writeln!(out, "FAILS WITHOUT IT TOO: seed {}", failure.plan.seed)
        }
        Some(_) if *hits == 0 => writeln!(out, "NEVER HIT: {}", mutant.what()),
        Some(failure) => match steps {
            Some(steps) => writeln!(out, "{}, in {steps} steps", failure.violation.oracle),
            None => writeln!(out, "{}", failure.violation.oracle),
        },
        None if *hits == 0 => writeln!(out, "SURVIVED, NEVER HIT: {}", mutant.what()),
        None => writeln!(out, "SURVIVED: {}", mutant.what()),
    }
}
