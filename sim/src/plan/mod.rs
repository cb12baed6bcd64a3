//! A plan: everything that one run does, as plain data.
//!
//! A plan is drawn from a seed, stored as JSON, read and edited by people, shrunk by the machine.
//! It stands for itself: the seed it came from is only remembered, so a plan replays the same even
//! after the generator has changed.
//!
//! ```text
//!   Plan ─┬─ Options (options.rs)
//!         └─ Step* (step.rs) ─┬─ Rows, Level, Way, Read … (rows.rs)
//!                             ├─ Limits (limits.rs)
//!                             ├─ Ask, Sums, Condition … (question.rs)
//!                             └─ After a death: Image, Nested, Rot … (after.rs)
//! ```
//!
//! Invariants:
//! 1. Every plan can be run: a step that makes no sense where it stands (a wait without a ticket,
//!    an insert into a table that is not there) does nothing, or has the error it must have
//!    checked. So any step may be deleted.
//! 2. Numbers that depend on what happened before (which ticket, which row, which job) are given
//!    as a pick that is reduced to what there is.

mod after;
mod limits;
mod options;
mod question;
mod rows;
mod step;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

pub use after::{After, At, Image, Nested, Rot, RotFile, Survivor};
pub use limits::Limits;
pub use options::Options;
pub use question::{Ask, Condition, Figure, Is, Key, Nulls, Sums, Test, Wanted, What};
pub use rows::{Again, Compare, Level, Read, Rows, Way};
pub use step::{Race, Step};

/// A run, spelt out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The seed it was drawn from; for the reader, and for what the clock calls entropy.
    pub seed: u64,
    /// How the database is opened, each time.
    pub options: Options,
    /// What happens while the database is created.
    #[serde(default, skip_serializing_if = "After::is_plain")]
    pub birth: After,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The plan as JSON, one step a line, so that an editor and a diff can deal with it.
    pub fn to_json(&self) -> String {
        let mut out = format!("{{\n\"seed\": {},\n\"options\": ", self.seed);
        out += &json(&self.options);
        if !self.birth.is_plain() {
            out += ",\n\"birth\": ";
            out += &json(&self.birth);
        }
        out += ",\n\"steps\": [";
        for (i, step) in self.steps.iter().enumerate() {
            out += if i == 0 { "\n" } else { ",\n" };
            out += &json(step);
        }
        out += "\n]\n}\n";
        out
    }

    /// The plan in a JSON text.
    ///
    /// # Errors
    /// Whatever is wrong with it, by line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Plan> {
        serde_json::from_str(text)
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// If the file can't be read, or holds no plan; the message names it.
    pub fn load(path: &Path) -> io::Result<Plan> {
        let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let text = files::read(path).map_err(|e| io::Error::new(e.kind(), named(&e)))?;
        Plan::from_json(&text).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, named(&e)))
    }

    /// Reads every plan (`*.json`) in a directory.
    ///
    /// # Errors
    /// As [`Plan::load`], for the first that can't be read.
    pub fn load_all(directory: &Path) -> io::Result<Vec<(PathBuf, Plan)>> {
        let paths = files::list(directory)?.into_iter();
        let plans = paths.filter(|path| path.extension().is_some_and(|e| e == "json"));
        plans.map(|path| Plan::load(&path).map(|plan| (path, plan))).collect()
    }

    /// Writes the plan into `directory`, which is created where needed, as `name.json`.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn save(&self, directory: &Path, name: &str) -> io::Result<PathBuf> {
        let path = directory.join(format!("{name}.json"));
        files::write(&path, &self.to_json())?;
        Ok(path)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One line of JSON; plain data can't fail to become that.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|e| format!("{{\"unwritable\": {e:?}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::SeedDraw;
    use crate::generate::generate;

    #[test]
    fn plans_survive_json() {
        for seed in 0..200 {
            let plan = generate(seed, &mut SeedDraw::new(seed));
            let back = Plan::from_json(&plan.to_json());
            assert_eq!(back.ok().as_ref(), Some(&plan), "seed {seed}");
        }
    }

    #[test]
    fn a_misspelt_plan_is_refused_with_its_line() {
        let text = "{\"seed\": 1, \"options\": {\"memtable_byte\": 1},\n \"steps\": []}";
        let error = Plan::from_json(text).map_err(|e| e.to_string());
        assert!(error.as_ref().is_err_and(|e| e.contains("line 1")), "{error:?}");
    }
}
