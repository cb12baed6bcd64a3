//! `sim soak`: runs seeds for some time, from where the last soak stopped.

use std::io::{self, IsTerminal, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use sim::failure::FAILURES_DIR;
use sim::mutants::Mutant;
use sim::plan::Plan;
use sim::run::{Config, run};
use sim::soak::{Kept, STATE_FILE, Soak, State};
use srdb_vfs::{Clock, OsClock};

use super::shrink::FirstOfEach;
use super::{mutant, threads};

/// Seconds between two writings of the state: so much is done again after a Ctrl-C.
const SAVE_EVERY: f64 = 2.0;

/// Seconds between two lines of progress where there is no terminal to draw on.
const LINE_EVERY: f64 = 30.0;

/// How much is shown of many failures.
const FAILURES_SHOWN: usize = 20;
const LINE_CHARS: usize = 150;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// How long; parts of a minute are fine.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Threads; as many as there are cores, unless said otherwise.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Where to remember how far it has come.
    #[arg(long, default_value = STATE_FILE)]
    state: PathBuf,
    /// The first seed, if there is no state yet.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Plant this bug.
    #[arg(long, value_parser = mutant)]
    mutant: Option<Mutant>,
    /// Where to write the plans of failures.
    #[arg(long, default_value = FAILURES_DIR)]
    failures: PathBuf,
}

pub(crate) fn main(out: &mut impl Write, args: &Args) -> io::Result<bool> {
    let mut state = State::load(&args.state, args.first)?;
    let before = state.clone();
    let soak = Soak {
        threads: threads(args.jobs),
        config: Config { mutant: args.mutant, exact: false },
        failures: args.failures.clone(),
    };
    writeln!(out, "from seed {} on {} threads", before.next, soak.threads)?;
    let clock = OsClock::new();
    let seconds = || clock.monotonic_ns() as f64 / 1e9;
    let (limit, start) = (args.minutes * 60.0, seconds());
    let mut progress = Progress::new(limit);
    let mut saved = 0.0;
    soak.run(&mut state, |state| {
        let elapsed = seconds() - start;
        progress.show(out, &before, state, elapsed)?;
        if elapsed >= saved + SAVE_EVERY {
            saved = elapsed;
            State { seconds: before.seconds + elapsed, ..state.clone() }.save(&args.state)?;
        }
        Ok(elapsed < limit)
    })?;
    progress.bar.finish_and_clear();
    state.seconds = before.seconds + seconds() - start;
    state.save(&args.state)?;
    summary(out, &before, &state)?;
    make_small(out, state.failures.range(before.next..).map(|(_, kept)| kept), args)?;
    Ok(state.failed == before.failed)
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: ProgressBar,
    is_drawn: bool,
    said: f64,
}

impl Progress {
    fn new(limit: f64) -> Self {
        let is_drawn = io::stderr().is_terminal();
        let bar = if is_drawn { ProgressBar::new(limit as u64) } else { ProgressBar::hidden() };
        let template = "{bar:30} {percent:>3}%  {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()),
        );
        Progress { bar, is_drawn, said: 0.0 }
    }

    fn show(
        &mut self,
        out: &mut impl Write,
        before: &State,
        state: &State,
        elapsed: f64,
    ) -> io::Result<()> {
        let due = elapsed >= self.said + LINE_EVERY;
        if !self.is_drawn && !due {
            return Ok(());
        }
        let rate = |now: u64, before: u64| (now - before) as f64 / elapsed.max(1e-9);
        let line = format!(
            "seed {}, {:.0} seeds/s, {:.0} cycles/s, {} failed",
            state.next,
            rate(state.seeds, before.seeds),
            rate(state.total.cycles, before.total.cycles),
            state.failed - before.failed
        );
        if self.is_drawn {
            self.bar.set_position(elapsed as u64);
            self.bar.set_message(line);
        } else {
            self.said = elapsed;
            writeln!(out, "{elapsed:>6.0} s  {line}")?;
            out.flush()?;
        }
        Ok(())
    }
}

fn summary(out: &mut impl Write, before: &State, state: &State) -> io::Result<()> {
    let seconds = state.seconds - before.seconds;
    let rate = |now: u64, before: u64| (now - before) as f64 / seconds.max(1e-9);
    let mut row = |what: &str, now: u64, before: u64| {
        writeln!(out, "{what:<22} {:>12}  {:>7.0}/s  {now:>14}", now - before, rate(now, before))
    };
    row("seeds", state.seeds, before.seeds)?;
    row("crash-recover cycles", state.total.cycles, before.total.cycles)?;
    row("steps", state.total.steps, before.total.steps)?;
    row("calls to the disk", state.total.calls, before.total.calls)?;
    row("errors delivered", state.total.errors, before.total.errors)?;
    row("failed", state.failed, before.failed)?;
    writeln!(out, "{:<22} {seconds:>12.1}  {:>9}  {:>14.1}", "seconds", "", state.seconds)?;
    writeln!(
        out,
        "the right column counts every soak of this state; the next seed is {}",
        state.next
    )?;
    let new = state.failures.iter().filter(|(seed, _)| **seed >= before.next);
    for (seed, kept) in new.take(FAILURES_SHOWN) {
        let line: String = kept.what.chars().take(LINE_CHARS).collect();
        writeln!(out, "  seed {seed:<8} {}: {line}", kept.plan.display())?;
    }
    Ok(())
}

/// Shrinks what this soak has found, once it is over: meanwhile the cores are for new seeds.
fn make_small<'a>(
    out: &mut impl Write,
    failures: impl Iterator<Item = &'a Kept>,
    args: &Args,
) -> io::Result<()> {
    let mut small = FirstOfEach::default();
    for Kept { plan: path, .. } in failures {
        let Err(failure) = run(&Plan::load(path)?, Config { mutant: args.mutant, exact: false })
        else {
            writeln!(out, "{}: does not fail when it is run again", path.display())?;
            continue;
        };
        let directory = path.parent().unwrap_or(Path::new("."));
        let stem = path.file_stem().map_or("plan".into(), |stem| stem.to_string_lossy());
        small.shrink(out, &failure, (directory, &stem), args.mutant)?;
    }
    Ok(())
}
