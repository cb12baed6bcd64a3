//! The commands, one file each, and what they share.
//!
//! A command writes to `out` and says whether all went well.

mod coverage;
mod exhaustive;
mod mutants;
mod plan;
mod replay;
mod run;
mod shrink;
mod soak;

use std::io::{self, Write};
use std::num::NonZero;
use std::path::Path;

use clap::{Parser, Subcommand};
use sim::failure::spell_out;
use sim::mutants::{MUTANTS, Mutant};
use sim::run::Failure;

/// Runs the srdb engine on a simulated disk: faults, crashes at any call, recovery, checks.
#[derive(Debug, Parser)]
#[command(name = "sim")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    seeds: run::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds; the same as without a command.
    Run(run::Args),
    /// Run a plan from a file.
    Replay(replay::Args),
    /// Make a failing plan smaller; writes it beside the plan.
    Shrink(shrink::Args),
    /// Print the plan of a seed.
    Plan(plan::Args),
    /// Let the power fail at every call of short plans.
    Exhaustive(exhaustive::Args),
    /// Run seeds for some time, from where the last soak stopped.
    Soak(soak::Args),
    /// Count what goes wrong where and when, and say what never did.
    Coverage(coverage::Args),
    /// Plant each known bug and count the seeds until it is found.
    Mutants(mutants::Args),
}

impl Cli {
    /// Runs the command; false if anything failed.
    pub(crate) fn run(&self, out: &mut impl Write) -> io::Result<bool> {
        match &self.command {
            None => run::main(out, &self.seeds),
            Some(Command::Run(args)) => run::main(out, args),
            Some(Command::Replay(args)) => replay::main(out, args),
            Some(Command::Shrink(args)) => shrink::main(out, args),
            Some(Command::Plan(args)) => plan::main(out, args),
            Some(Command::Exhaustive(args)) => exhaustive::main(out, args),
            Some(Command::Soak(args)) => soak::main(out, args),
            Some(Command::Coverage(args)) => coverage::main(out, args),
            Some(Command::Mutants(args)) => mutants::main(out, args),
        }
    }
}

/// The planted bug of a name, as an argument gives it.
fn mutant(name: &str) -> Result<Mutant, String> {
    Mutant::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = MUTANTS.iter().map(|mutant| mutant.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

/// So many threads, or as many as there are cores.
fn threads(jobs: Option<NonZero<usize>>) -> usize {
    jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get)
}

/// Runs that shrinking a failure may take by itself.
const RUNS_MAX: u64 = 2_000;

/// Says everything about a failure, keeps its plan, shrinks it, draws what it does.
fn failed(
    out: &mut impl Write,
    failure: Box<Failure>,
    directory: &Path,
    mutant: Option<Mutant>,
) -> io::Result<bool> {
    let failure = spell_out(failure, mutant);
    let path = failure.save(directory)?;
    write!(out, "\n{}", failure.describe(Some(&path), mutant))?;
    writeln!(out, "\nshrinking …")?;
    out.flush()?;
    shrink::make_small(out, &failure, (directory, &failure.name()), mutant, RUNS_MAX)?;
    Ok(false)
}
