//! `sim`: the simulator on the command line. Exits with 1 if anything failed.

use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sim::campaign::{Campaign, Outcome, run_seed};
use sim::failure::{FAILURES_DIR, spell_out};
use sim::plan::Plan;
use sim::run::{Config, Failure, run, run_traced};
use sim::shrink::shrink;
use sim::vfs::{MUTANTS, Mutant};
use srdb_vfs::{Clock, OsClock};

// How much is shown of many failures.
const FAILURES_SHOWN: usize = 20;
const LINE_CHARS: usize = 150;

/// Runs the srdb engine on a simulated disk: faults, crashes at any call, recovery, checks.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    seeds: Seeds,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds; the same as without a command.
    Run(Seeds),
    /// Run a plan from a file.
    Replay {
        /// The plan, as JSON.
        plan: PathBuf,
        /// Print every call to the disk.
        #[arg(long)]
        trace: bool,
        /// Plant this bug.
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
    },
    /// Make a failing plan smaller; writes it beside the plan.
    Shrink {
        /// The plan, as JSON.
        plan: PathBuf,
        /// Plant this bug.
        #[arg(long, value_parser = mutant)]
        mutant: Option<Mutant>,
    },
    /// Print the plan of a seed.
    Plan {
        /// The seed.
        seed: u64,
    },
    /// Plant each known bug and count the seeds until it is found.
    Mutants {
        /// Give up after so many seeds.
        #[arg(long, default_value_t = 2000)]
        seeds: u64,
        /// Only this one.
        #[arg(long, value_parser = mutant)]
        only: Option<Mutant>,
    },
}

#[derive(Debug, Clone, Args)]
struct Seeds {
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

fn mutant(name: &str) -> Result<Mutant, String> {
    Mutant::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = MUTANTS.iter().map(|m| m.1).collect();
        format!("there are {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = io::stdout().lock();
    let done = match cli.command {
        None => seeds(&mut out, &cli.seeds),
        Some(Command::Run(args)) => seeds(&mut out, &args),
        Some(Command::Replay { plan, trace, mutant }) => replay(&mut out, &plan, trace, mutant),
        Some(Command::Shrink { plan, mutant }) => make_smaller(&mut out, &plan, mutant),
        Some(Command::Plan { seed }) => {
            let plan = sim::generate::generate(seed, &mut sim::draw::SeedDraw::new(seed));
            write!(out, "{}", plan.to_json()).map(|()| true)
        }
        Some(Command::Mutants { seeds, only }) => mutants(&mut out, seeds, only),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "sim: {e}");
            ExitCode::from(2)
        }
    }
}

fn threads(jobs: Option<NonZero<usize>>) -> usize {
    jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get)
}

fn seeds(out: &mut impl Write, args: &Seeds) -> io::Result<bool> {
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
    let campaign = Campaign { first: args.first, seeds: args.seeds, threads, config };
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

/// Says everything about a failure and keeps its plan.
fn failed(
    out: &mut impl Write,
    failure: Box<Failure>,
    directory: &Path,
    mutant: Option<Mutant>,
) -> io::Result<bool> {
    let failure = spell_out(failure, mutant);
    let path = failure.save(directory)?;
    write!(out, "\n{}", failure.describe(Some(&path), mutant))?;
    Ok(false)
}

fn replay(
    out: &mut impl Write,
    path: &Path,
    trace: bool,
    mutant: Option<Mutant>,
) -> io::Result<bool> {
    let plan = Plan::load(path)?;
    let result = run_traced(&plan, mutant);
    if trace {
        let calls = match &result {
            Ok((_, calls)) => calls,
            Err(failure) => &failure.trace,
        };
        for call in calls {
            writeln!(out, "{call}")?;
        }
    }
    match result {
        Ok((report, _)) => {
            writeln!(out, "{}: ok, trace hash {:016x}", path.display(), report.hash)?;
            Ok(true)
        }
        Err(failure) => {
            write!(out, "{}", failure.describe(Some(path), mutant))?;
            Ok(false)
        }
    }
}

fn make_smaller(out: &mut impl Write, path: &Path, mutant: Option<Mutant>) -> io::Result<bool> {
    let plan = Plan::load(path)?;
    let config = Config { mutant, exact: false };
    let Err(failure) = run(&plan, config) else {
        writeln!(out, "{}: nothing fails", path.display())?;
        return Ok(true);
    };
    let from = plan.steps.len();
    let shrunk = shrink(failure, config, 5_000);
    let failure = spell_out(shrunk.failure, mutant);
    let directory = path.parent().unwrap_or(Path::new("."));
    let stem = path.file_stem().map_or("plan".into(), |s| s.to_string_lossy());
    let small = failure.plan.save(directory, &format!("{stem}-small"))?;
    let (to, runs) = (failure.plan.steps.len(), shrunk.runs);
    writeln!(out, "{from} steps became {to} in {runs} runs: {}\n", small.display())?;
    write!(out, "{}", failure.describe(Some(&small), mutant))?;
    Ok(false)
}

fn mutants(out: &mut impl Write, seeds: u64, only: Option<Mutant>) -> io::Result<bool> {
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
