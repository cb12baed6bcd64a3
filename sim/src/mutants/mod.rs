//! Bugs planted on purpose: the proof that the simulator would find them.
//!
//! ```text
//!   table/ ────► Mutant ─┬─ a lie told between the engine and the disk (lie.rs, calls.rs)
//!                        └─ a line in the engine: srdb::mutant, by the same name
//!   hunt.rs: seed after seed until an oracle notices
//! ```
//!
//! Most are lies, so that the engine stays as it is. Where no lie can be told, one line in the
//! engine asks for the mutant by its name; it is compiled in only under the feature `mutants`.
//!
//! Invariants
//! 1. A mutant is planted for one thread and one run; runs side by side don't see each other's.
//! 2. A hit is counted where the bug takes effect: where a sound engine, or an honest disk, would
//!    have done something else. So a mutant without hits proves nothing and fails the hunt.

mod calls;
mod hunt;
mod lie;
mod table;

pub use hunt::{Hunt, Verdict, median_seeds};
pub use lie::MutantLayer;
pub use table::MUTANTS;

use lie::Lie;

/// What kind of bug a mutant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Something is believed durable that is not.
    Durability,
    /// Two things that are both done are done in the wrong order.
    Order,
    /// The outcome of a call that failed is misjudged.
    Errors,
    /// Recovery takes what it finds for something else.
    Recovery,
    /// Numbers, names and times are given twice, passed over, or go back.
    Numbers,
    /// Flush, removal and what lies on the disk.
    Files,
    /// Damage is not noticed.
    Damage,
    /// What readers see, and what writers are told.
    Answers,
    /// Indexes and unique fields: their files, their keys, and who asks them.
    Indexes,
    /// Merging SSTs.
    Compaction,
    /// Dropping the oldest rows.
    Retention,
    /// Copies of a database in use.
    Checkpoints,
    /// What is read beside the writer.
    Followers,
}

impl Class {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Class::Durability => "durability",
            Class::Order => "order",
            Class::Errors => "errors",
            Class::Recovery => "recovery",
            Class::Numbers => "numbers",
            Class::Files => "files",
            Class::Damage => "damage",
            Class::Answers => "answers",
            Class::Indexes => "indexes",
            Class::Compaction => "compaction",
            Class::Retention => "retention",
            Class::Checkpoints => "checkpoints",
            Class::Followers => "followers",
        }
    }
}

/// How a mutant is brought about.
#[derive(Debug, Clone, Copy)]
enum How {
    /// By a lie about calls to the disk.
    Lie(Lie),
    /// By a line in the engine that asks for the mutant's name.
    Line,
}

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    name: &'static str,
    class: Class,
    what: &'static str,
    how: How,
}

impl PartialEq for Mutant {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Mutant {}

impl Mutant {
    /// The mutant of a name.
    pub fn from_name(name: &str) -> Option<Mutant> {
        MUTANTS.iter().find(|mutant| mutant.name == name).copied()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What kind of bug it is.
    pub fn class(self) -> Class {
        self.class
    }

    /// What it does wrong, in one sentence.
    pub fn what(self) -> &'static str {
        self.what
    }

    /// The name of the line in the engine, if it needs one.
    pub fn in_engine(self) -> Option<&'static str> {
        matches!(self.how, How::Line).then_some(self.name)
    }

    /// Whether this build has it: lines in the engine take the feature `mutants`.
    pub fn is_built_in(self) -> bool {
        self.in_engine().is_none() || cfg!(feature = "mutants")
    }
}

#[cfg(test)]
mod tests;
