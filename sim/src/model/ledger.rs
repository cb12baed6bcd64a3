//! What the model knows of every commit, as plain data: for a reader, not for a check.

use super::{Commit, Death, Model, Standing, Values};
use crate::plan::Level;

/// What is known of a commit when somebody asks what must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Acknowledged, and as durable as what died leaves it: it must be there.
    Safe,
    /// Acknowledged, and not durable enough: it may be lost, with all that follow it.
    Acknowledged,
    /// Failed: it may be there.
    Failed,
    /// Queued and never heard of: it may be there.
    Queued,
}

/// One commit.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number in the plan: the step that made it, from 1.
    pub uid: u64,
    /// How durable it was asked to be.
    pub level: Level,
    /// Its number in the database, once known.
    pub number: Option<u64>,
    /// What is known of it.
    pub known: Known,
    /// Its rows in each table that still has a name, by the number in that.
    pub parts: Vec<(u8, Vec<Values>)>,
}

/// Every commit in order, and every table.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// Those that are there, then those that may be.
    pub commits: Vec<Entry>,
    /// The number in the name of each table, and whether it is there.
    pub tables: Vec<(u8, Standing)>,
}

impl Model {
    /// What is known after a death, or while running, when every acknowledged row can be read.
    pub fn ledger(&self, death: Option<Death>) -> Ledger {
        let safe = death.map_or(self.commits.len(), |death| self.safe(death));
        let there = self.commits.iter().enumerate().map(|(place, commit)| {
            let known = if place < safe { Known::Safe } else { Known::Acknowledged };
            self.entry(commit, known)
        });
        let failed = self.doubt.iter().map(|commit| self.entry(commit, Known::Failed));
        let queued = self.waiting.iter().map(|commit| self.entry(commit, Known::Queued));
        Ledger {
            commits: there.chain(failed).chain(queued).collect(),
            tables: self.tables().map(|(_, table)| (table.slot, table.standing)).collect(),
        }
    }

    fn entry(&self, commit: &Commit, known: Known) -> Entry {
        let part =
            |part: &super::Part| Some((self.table_by_id(part.table)?.slot, part.rows.clone()));
        Entry {
            uid: commit.uid,
            level: commit.level,
            number: commit.number,
            known,
            parts: commit.parts.iter().filter_map(part).collect(),
        }
    }
}
