//! The same work on srdb and its peers, and the table of what it cost.
//!
//! ```text
//! cargo run --release -p srdb-benches --features peers --bin peers
//! ```
//!
//! Every work runs in a process of its own. Engines take turns within a run, so that a machine
//! that slows down does so for all; of several runs the median counts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program for a terminal")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use clap::Parser;
use srdb_benches::engines::Kind;
use srdb_benches::report::{self, Outcomes};
use srdb_benches::works::{Bench, Outcome, READY, Work};
use srdb_benches::{Fault, Result, SEED, machine, measure};

/// The same work on srdb and its peers.
#[derive(Debug, Parser)]
struct Options {
    /// Rows of the workload.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Works, by name; all unless said otherwise.
    #[arg(long, value_delimiter = ',')]
    works: Vec<String>,
    /// Engines, by name; all in this binary unless said otherwise.
    #[arg(long, value_delimiter = ',')]
    engines: Vec<String>,
    /// How often everything runs.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds for works that have no end of their own.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Where databases are put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Of the workload.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Print JSON in place of the table.
    #[arg(long)]
    json: bool,
    /// Leave the databases there.
    #[arg(long)]
    keep: bool,
    /// Do one work and print its outcome: what this program starts itself for.
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match if options.child { child(&options) } else { parent(&options) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn child(options: &Options) -> Result<()> {
    let ([engine], [work]) = (&options.engines[..], &options.works[..]) else {
        return Err(Fault::from("a child does one work on one engine"));
    };
    let bench = Bench {
        kind: Kind::of(engine)?,
        dir: options.dir.clone(),
        rows: options.rows,
        time: Duration::from_secs_f64(options.seconds),
        seed: options.seed,
    };
    let outcome = bench.run(Work::of(work)?)?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

fn parent(options: &Options) -> Result<()> {
    let kinds = match &options.engines[..] {
        [] => Kind::ALL.to_vec(),
        names => names.iter().map(|name| Kind::of(name)).collect::<Result<_>>()?,
    };
    let works = asked_works(&options.works)?;
    let dir = tempfile::Builder::new().prefix("peers-").tempdir_in(&options.dir)?;
    let machine = machine::measure(dir.path())?;
    if !options.json {
        println!("{}", serde_json::to_string(&machine)?);
    }
    let mut runs: Vec<Outcomes> = Vec::new();
    for run in 0..options.runs.max(1) {
        let mut outcomes = Outcomes::new();
        for work in &works {
            for kind in &kinds {
                eprintln!(
                    "run {} of {}: {} on {}",
                    run + 1,
                    options.runs,
                    work.name(),
                    kind.name()
                );
                let outcome = spawn(options, dir.path(), *kind, *work)?;
                outcomes.insert((*kind, work.name()), outcome);
            }
            check_agreement(&outcomes, *work)?;
        }
        runs.push(outcomes);
    }
    let outcomes = median(&runs);
    let lines: Vec<_> = report::LINES.iter().filter_map(|line| line.fill(&outcomes)).collect();
    if options.json {
        let all: Vec<_> = outcomes
            .iter()
            .map(|((kind, work), outcome)| {
                let figures = &outcome.figures;
                serde_json::json!({ "engine": kind.name(), "work": work, "figures": figures })
            })
            .collect();
        let (rows, runs) = (options.rows, options.runs);
        println!(
            "{}",
            serde_json::json!({
                "rows": rows, "runs": runs, "machine": machine, "lines": lines, "works": all
            })
        );
    } else {
        println!("{}", report::table(&lines));
        for kind in kinds {
            for level in [srdb_benches::engines::Level::Memory, srdb_benches::engines::Level::Os] {
                if let Some(note) = kind.note(level) {
                    println!("{} at {level:?}: {note}", kind.name());
                }
            }
        }
    }
    if options.keep {
        eprintln!("left in {}", dir.keep().display());
    }
    Ok(())
}

/// The works asked for and those whose databases they open, in the order of [`Work::ALL`].
fn asked_works(names: &[String]) -> Result<Vec<Work>> {
    let asked: Vec<Work> = names.iter().map(|name| Work::of(name)).collect::<Result<_>>()?;
    let needed = |work: &Work| {
        asked.is_empty()
            || asked.contains(work)
            || asked.iter().any(|other| other.needs() == Some(*work))
    };
    Ok(Work::ALL.into_iter().filter(needed).collect())
}

/// One work in a process of its own; its memory is watched from here, which costs it nothing.
fn spawn(options: &Options, dir: &Path, kind: Kind, work: Work) -> Result<Outcome> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--child", "--engines", kind.name(), "--works", &work.name()])
        .args(["--rows", &options.rows.to_string(), "--seed", &options.seed.to_string()])
        .args(["--seconds", &options.seconds.to_string()])
        .arg("--dir")
        .arg(dir.join(kind.name()))
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the child has no output")?;
    let process = child.id().to_string();
    let (watching, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let (base, peak) = (Mutex::new(0_u64), Mutex::new(0_u64));
    let lock = |value: &Mutex<u64>, to: u64| {
        if let Ok(mut value) = value.lock() {
            *value = to.max(*value);
        }
    };
    let last = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(SeqCst) {
                if watching.load(SeqCst) {
                    lock(&peak, measure::anonymous_bytes(&process).unwrap_or(0));
                }
                #[expect(clippy::disallowed_methods, reason = "memory is looked at now and then")]
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let mut last = String::new();
        for line in BufReader::new(stdout).lines() {
            let Ok(line) = line else { break };
            if let Some(bytes) = line.strip_prefix(READY) {
                lock(&base, bytes.trim().parse().unwrap_or(0));
                watching.store(true, SeqCst);
            }
            if line == "done" {
                watching.store(false, SeqCst);
            }
            last = line;
        }
        ended.store(true, SeqCst);
        last
    });
    let status = child.wait()?;
    if work == Work::Kill {
        // It is to die, but not by anything else than the signal.
        return if status.code().is_none() {
            Ok(Outcome::default())
        } else {
            Err(format!("{} on {} ended with {status}", work.name(), kind.name()).into())
        };
    }
    if !status.success() {
        return Err(format!("{} on {} ended with {status}", work.name(), kind.name()).into());
    }
    let mut outcome: Outcome = serde_json::from_str(&last)?;
    let (base, peak) = (base.into_inner()?, peak.into_inner()?);
    if peak > 0 {
        outcome.figures.insert("memory_bytes".into(), peak.saturating_sub(base) as f64);
    }
    Ok(outcome)
}

/// Engines that did the same work must have seen the same rows.
fn check_agreement(outcomes: &Outcomes, work: Work) -> Result<()> {
    let name = work.name();
    let digests = outcomes.iter().filter(|((_, done), _)| *done == name);
    let digests: Vec<_> = digests
        .filter(|(_, outcome)| outcome.digest.rows > 0)
        .map(|(key, o)| (key.0, o.digest))
        .collect();
    if digests.windows(2).any(|pair| pair[0].1 != pair[1].1) {
        return Err(format!("engines disagree on {name}: {digests:?}").into());
    }
    Ok(())
}

/// The median of each figure over the runs.
fn median(runs: &[Outcomes]) -> Outcomes {
    let mut medians = Outcomes::new();
    for (key, first) in runs.first().into_iter().flatten() {
        let mut outcome = first.clone();
        for (name, value) in &mut outcome.figures {
            let of = |run: &Outcomes| run.get(key)?.figures.get(name).copied();
            let mut values: Vec<f64> = runs.iter().filter_map(of).collect();
            values.sort_unstable_by(f64::total_cmp);
            *value = values[values.len() / 2];
        }
        medians.insert(key.clone(), outcome);
    }
    medians
}
