//! What is said about a run that went wrong, and the plan that is kept of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::mutants::Mutant;
use crate::run::{Config, Failure, run};

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
        let mutant = mutant.map_or(String::new(), |m| format!(" --mutant {}", m.name()));
        writeln!(out, "\nreplay")?;
        writeln!(out, "  cargo run -p sim --release -- run --seed {}{mutant}", self.plan.seed)?;
        if let Some(path) = plan {
            let path = path.display();
            writeln!(out, "  cargo run -p sim --release -- replay {path} --trace{mutant}")?;
            writeln!(out, "shrink")?;
            writeln!(out, "  cargo run -p sim --release -- shrink {path}{mutant}")?;
        }
        Ok(())
    }
}
