//! `sim mutants`: plants each known bug and counts the seeds until it is found.

use std::io::{self, Write};

use sim::campaign::Campaign;
use sim::run::Config;
use sim::vfs::{MUTANTS, Mutant};

use super::mutant;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Give up after so many seeds.
    #[arg(long, default_value_t = 2000)]
    seeds: u64,
    /// Only this one.
    #[arg(long, value_parser = mutant)]
    only: Option<Mutant>,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let (seeds, only) = (args.seeds, args.only);
    let mut all_found = true;
    writeln!(out, "{:<20} {:>6}  {:>8}  found by", "mutant", "seeds", "hits")?;
    for (mutant, name, what) in MUTANTS {
        if only.is_some_and(|only| only != mutant) {
            continue;
        }
        if mutant.in_engine().is_some() && !cfg!(feature = "mutants") {
            all_found = false;
            writeln!(out, "{name:<20} not built in: add --features mutants")?;
            continue;
        }
        let config = Config { mutant: Some(mutant), exact: false };
        // On one thread: the number of seeds must not depend on the machine.
        let outcome = Campaign { first: 0, seeds, threads: 1, config }.run();
        let hits = outcome.total.mutant_hits;
        match &outcome.failure {
            Some(failure) => {
                let oracle = failure.violation.oracle;
                writeln!(out, "{name:<20} {:>6}  {hits:>8}  {oracle}", outcome.seeds)?;
            }
            None => {
                all_found = false;
                writeln!(out, "{name:<20} {seeds:>6}  {hits:>8}  SURVIVED: {what}")?;
            }
        }
    }
    Ok(all_found)
}
