//! `sim mutants`: plants each known bug and counts the seeds until it is found.

use std::io::{self, Write};
use std::num::NonZero;

use sim::mutants::{Hunt, MUTANTS, Mutant, Verdict, median_seeds};

use super::{mutant, threads};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Give up after so many seeds.
    #[arg(long, default_value_t = 5000)]
    seeds: u64,
    /// Only this one.
    #[arg(long, value_parser = mutant)]
    only: Option<Mutant>,
    /// Threads; as many as there are cores, unless said otherwise. What comes out does not depend
    /// on them.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let wanted = |mutant: &&Mutant| args.only.is_none_or(|only| only == **mutant);
    let (here, missing): (Vec<Mutant>, Vec<Mutant>) =
        MUTANTS.iter().filter(wanted).partition(|mutant| mutant.is_built_in());
    let hunt = Hunt { mutants: here, seeds: args.seeds, threads: threads(args.jobs) };
    let verdicts = hunt.run();
    writeln!(out, "{:<26} {:<10} {:>6} {:>8}  killed by", "mutant", "class", "seeds", "hits")?;
    for verdict in &verdicts {
        line(out, verdict)?;
    }
    for mutant in &missing {
        writeln!(out, "{:<26} not built in: add --features mutants", mutant.name())?;
    }
    let killed = verdicts.iter().filter(|verdict| verdict.is_killed()).count();
    let total = verdicts.len() + missing.len();
    writeln!(
        out,
        "{killed} of {total} killed; median {} seeds, at most {}",
        median_seeds(&verdicts),
        verdicts.iter().map(|verdict| verdict.seeds).max().unwrap_or(0)
    )?;
    Ok(killed == total)
}

fn line(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let Verdict { mutant, seeds, hits, killed, is_false } = verdict;
    write!(out, "{:<26} {:<10} {seeds:>6} {hits:>8}  ", mutant.name(), mutant.class().name())?;
    match killed {
        Some(failure) if *is_false => {
            writeln!(out, "FAILS WITHOUT IT TOO: seed {}", failure.plan.seed)
        }
        Some(_) if *hits == 0 => writeln!(out, "NEVER HIT: {}", mutant.what()),
        Some(failure) => writeln!(out, "{}", failure.violation.oracle),
        None if *hits == 0 => writeln!(out, "SURVIVED, NEVER HIT: {}", mutant.what()),
        None => writeln!(out, "SURVIVED: {}", mutant.what()),
    }
}
