//! Asks srdb and its peers the same questions over the same rows, and says what an answer costs.
//!
//! ```text
//! cargo run --release -p srdb-benches --features peers --bin queries -- --rows 1000000
//! ```
//!
//! Everything runs in this process, one engine after the other; CPU time of all threads counts,
//! and of several runs the quickest. Answers are compared before a figure is printed. Each engine
//! has an index on the device. What a key-value store has no words for is written for it by hand.

#![allow(clippy::print_stdout, reason = "this is a program for a terminal")]

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use comfy_table::Table as Lines;
use srdb_benches::measure::Meter;
use srdb_benches::queries::{ASKED, Answer, engines, warm};
use srdb_benches::{Fault, Result, SEED, Workload};

/// Asks srdb and its peers the same questions.
#[derive(Debug, Parser)]
struct Options {
    /// Rows.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Times that each question is asked; the quickest counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Where the databases are put; a new directory within it is made and removed.
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let workload = Workload::new(SEED, options.rows);
    let dir = tempfile::Builder::new().prefix("queries-").tempdir_in(&options.dir)?;
    let engines = engines(dir.path(), &workload)?;
    let warm = warm(&workload);
    let mut lines = Lines::new();
    let names = engines.iter().map(|(name, _)| format!("{name}, ns"));
    lines.set_header(["question".to_owned(), "per".to_owned()].into_iter().chain(names));
    for asked in ASKED {
        let mut line = vec![asked.name.to_owned()];
        let mut expected = None;
        for (name, engine) in &engines {
            let (answer, cpu) = quickest(|| (asked.ask)(&**engine, warm), options.runs)?;
            let due = *expected.get_or_insert(answer);
            if answer != due {
                let what = format!("{}: {name} says {answer:?}, not {due:?}", asked.name);
                return Err(Fault::from(what));
            }
            let (per, of) = match asked.per_result {
                true => ("row found", answer.rows),
                false => ("row there", options.rows as u64),
            };
            if line.len() == 1 {
                line.push(per.to_owned());
            }
            line.push(format!("{:.1}", cpu.as_nanos() as f64 / of.max(1) as f64));
        }
        lines.add_row(line);
    }
    println!("{lines}");
    Ok(())
}

fn quickest(ask: impl Fn() -> Result<Answer>, runs: usize) -> Result<(Answer, Duration)> {
    // Once to warm up.
    let answer = ask()?;
    let mut best = Duration::MAX;
    for _ in 0..runs {
        let meter = Meter::start();
        let again = ask()?;
        best = best.min(meter.stop().cpu);
        if again != answer {
            return Err(Fault::from(format!("asked twice: {answer:?}, then {again:?}")));
        }
    }
    Ok((answer, best))
}
