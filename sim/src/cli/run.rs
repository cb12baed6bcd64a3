//! `sim run`, or no command at all: runs one seed or many.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::PathBuf;

use sim::campaign::{Campaign, Outcome, run_seed};
use sim::failure::FAILURES_DIR;
use sim::mutants::Mutant;
use sim::run::Config;
use srdb_vfs::{Clock, OsClock};

use super::{failed, mutant, threads};

// How much is shown of many failures.
const FAILURES_SHOWN: usize = 20;
const LINE_CHARS: usize = 150;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Run this one seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Run so many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Threads; as many as there are cores, unless said otherwise.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Plant this bug.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Where to write the plan of a failure.
    #[arg(long, default_value = FAILURES_DIR)]
    failures: PathBuf,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let config = Config { mutant: args.mutant, exact: false };
    if let Some(seed) = args.seed {
        return match run_seed(seed, config) {
            Ok(report) => {
                let steps = report.steps;
                let (cycles, calls, errors) = (report.cycles, report.calls, report.errors);
                writeln!(
                    out,
                    "seed {seed}: ok, {steps} steps, {cycles} crash-recover cycles, {calls} calls \
                     that change the disk, {errors} errors, trace hash {:016x}",
                    report.hash
                )?;
                Ok(true)
            }
            Err(failure) => failed(out, failure, &args.failures, args.mutant),
        };
    }
    let threads = threads(args.jobs);
    let clock = OsClock::new();
    let start = clock.monotonic_ns();
    let campaign = Campaign { first: args.first, seeds: args.seeds, threads, config, aim: None };
    let outcome = campaign.run();
    let seconds = (clock.monotonic_ns() - start) as f64 / 1e9;
    summary(out, &outcome, threads, seconds)?;
    match outcome.failure {
        None => Ok(true),
        Some(failure) => failed(out, failure, &args.failures, args.mutant),
    }
}

fn summary(
    out: &mut impl Write,
    outcome: &Outcome,
    threads: usize,
    seconds: f64,
) -> io::Result<()> {
    let total = &outcome.total;
    let rate = |n: u64| n as f64 / seconds.max(1e-9);
    writeln!(out, "seeds                 {:>12}  {:.0}/s", outcome.seeds, rate(outcome.seeds))?;
    writeln!(out, "crash-recover cycles  {:>12}  {:.0}/s", total.cycles, rate(total.cycles))?;
    writeln!(out, "steps                 {:>12}  {:.0}/s", total.steps, rate(total.steps))?;
    writeln!(out, "calls to the disk     {:>12}  {:.0}/s", total.calls, rate(total.calls))?;
    writeln!(out, "errors delivered      {:>12}", total.errors)?;
    writeln!(out, "bytes rotted          {:>12}  {} reported", total.rotted, total.rot_reported)?;
    writeln!(out, "seconds               {seconds:>12.1}  on {threads} threads")?;
    writeln!(out, "trace hash            {:016x}", total.hash)?;
    writeln!(out, "failed                {:>12}", outcome.failures.len())?;
    for (seed, violation) in outcome.failures.iter().take(FAILURES_SHOWN) {
        let line: String = violation.to_string().chars().take(LINE_CHARS).collect();
        writeln!(out, "  seed {seed:<6} {line}")?;
    }
    Ok(())
}
