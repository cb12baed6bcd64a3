//! What is said about a run that went wrong, and the plan that is kept of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::draw::SeedDraw;
use crate::files;
use crate::generate::generate;
use crate::mutants::Mutant;
use crate::plan::Step;
use crate::report;
use crate::run::{Config, Failure, run, run_recorded};
use crate::shrink::{Progress, shrink_watched};

/// Where plans of failures are written, unless said otherwise.
pub const FAILURES_DIR: &str = "sim/failures";

/// Runs the plan of a failure once more with everything spelt out, so that the report has the
/// images of the crashes. A failure that does not come again is itself kept.
pub fn spell_out(failure: Box<Failure>, mutant: Option<Mutant>) -> Box<Failure> {
    match run(&failure.plan, Config { mutant, exact: true }) {
        Err(exact) if exact.violation.is_like(&failure.violation) => exact,
        _ => failure,
    }
}

impl Failure {
    /// The name of the plan's file: what failed, and from which seed.
    pub fn name(&self) -> String {
        format!("{}-{}", self.violation.oracle, self.plan.seed)
    }

    /// Writes the plan into a directory.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn save(&self, directory: &Path) -> io::Result<PathBuf> {
        self.plan.save(directory, &self.name())
    }

    /// Whether it is the question in the plan's last step that was answered wrongly.
    fn is_asked_at_the_end(&self) -> bool {
        let is_question = |step: &Step| matches!(step, Step::Ask { .. } | Step::Aggregate { .. });
        self.violation.oracle == "query"
            && self.step + 1 == self.plan.steps.len()
            && self.plan.steps.last().is_some_and(is_question)
    }

    /// Whether the seed gives this plan; one written by hand, or shrunk, only has its number.
    fn is_of_its_seed(&self) -> bool {
        let drawn = generate(self.plan.seed, &mut SeedDraw::new(self.plan.seed));
        // A question of the end that was answered wrongly has become a step behind the others.
        let (steps, more) = (drawn.steps.len(), usize::from(self.is_asked_at_the_end()));
        let is_as_long = [steps, steps + more].contains(&self.plan.steps.len());
        drawn.options == self.plan.options && is_as_long
    }

    /// Everything that somebody needs who is to find the cause.
    pub fn describe(&self, plan: Option<&Path>, mutant: Option<Mutant>) -> String {
        let mut out = String::new();
        // Writing to a string never fails.
        let _ = self.write_description(&mut out, plan, mutant);
        out
    }

    fn write_description(
        &self,
        out: &mut String,
        plan: Option<&Path>,
        mutant: Option<Mutant>,
    ) -> std::fmt::Result {
        writeln!(out, "FAILED  seed {}", self.plan.seed)?;
        writeln!(out, "oracle  {}", self.violation.oracle)?;
        writeln!(out, "saw     {}", self.violation.what)?;
        let steps = self.plan.steps.len();
        match self.plan.steps.get(self.step) {
            Some(step) => writeln!(out, "step    {} of {steps}: {}", self.step, step.to_line())?,
            None => writeln!(out, "step    after the last of {steps}")?,
        }
        writeln!(out, "\nthe last steps and how they came out:")?;
        for line in &self.history {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "\nreplay")?;
        if self.is_of_its_seed() {
            let seed = format!("run --seed {}", self.plan.seed);
            writeln!(out, "  {}", command(&seed, mutant))?;
        }
        if let Some(path) = plan {
            let path = path.display();
            writeln!(out, "  {}", command(&format!("replay {path} --trace"), mutant))?;
            writeln!(out, "draw")?;
            let html = "--html report.html";
            writeln!(out, "  {}", command(&format!("replay {path} {html}"), mutant))?;
            writeln!(out, "shrink")?;
            writeln!(out, "  {}", command(&format!("shrink {path}"), mutant))?;
        }
        Ok(())
    }
}

/// The command line that runs the simulator with these arguments.
pub fn command(arguments: &str, mutant: Option<Mutant>) -> String {
    let in_engine = mutant.is_some_and(|m| m.in_engine().is_some());
    let features = if in_engine { " --features mutants" } else { "" };
    let mutant = mutant.map_or(String::new(), |m| format!(" --mutant {}", m.name()));
    format!("cargo run -p sim --release{features} -- {arguments}{mutant}")
}

/// What was made of a failure: a small plan, and a page that shows what it does.
#[derive(Debug)]
pub struct Kept {
    /// The failure of the small plan, spelt out.
    pub failure: Box<Failure>,
    /// The small plan.
    pub plan: PathBuf,
    /// The page.
    pub html: PathBuf,
    /// Runs that shrinking took.
    pub runs: u64,
    /// Nothing made it smaller any more.
    pub finished: bool,
}

/// Shrinks a failure and writes the small plan and its page as `name-small.json` and `.html`.
/// None if the plan does not fail when it is run again, as after a `determinism` violation.
///
/// # Errors
/// If a file can't be written.
pub fn keep_small(
    failure: &Failure,
    (directory, name): (&Path, &str),
    mutant: Option<Mutant>,
    runs_max: u64,
    watch: &mut dyn FnMut(Progress),
) -> io::Result<Option<Kept>> {
    let config = Config { mutant, exact: false };
    let again = match run(&failure.plan, config) {
        Err(again) if again.violation.is_like(&failure.violation) => again,
        _ => return Ok(None),
    };
    let shrunk = shrink_watched(again, config, runs_max, watch);
    let (runs, finished) = (shrunk.runs, shrunk.finished);
    let failure = spell_out(shrunk.failure, mutant);
    let name = format!("{name}-small");
    let plan = failure.plan.save(directory, &name)?;
    let html = directory.join(format!("{name}.html"));
    let page = report::html(&run_recorded(&failure.plan, mutant), Some(&plan));
    files::write(&html, &page)?;
    Ok(Some(Kept { failure, plan, html, runs, finished }))
}
