//! srdb and its peers behind one trait.
//!
//! Every engine stores every column of the workload and gives every column back; each reader adds
//! what it saw to a [`Digest`], and digests are compared before a time is printed.
//!
//! The rows of a table are numbered from 1 in the order of insertion: `_seq` in srdb, the rowid in
//! SQLite, the key in redb.

#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
pub(crate) mod srdb;
pub use self::srdb::{append, schema};

use std::ops::Range;
use std::path::Path;

use crate::{Digest, Fault, Result, Workload};

/// Where a commit is when the call returns. An engine without such a level takes the next it has;
/// `note` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum Level {
    /// In this process.
    Memory,
    /// With the operating system.
    Os,
    /// Synced.
    Disk,
}

/// An engine that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The engine of this repository.
    Srdb,
    /// SQLite, WAL mode, one table.
    #[cfg(feature = "sqlite")]
    Sqlite,
    /// redb, one table from number to row.
    #[cfg(feature = "redb")]
    Redb,
}

impl Kind {
    /// Those that this binary was built with, srdb first.
    pub const ALL: &[Kind] = &[
        Kind::Srdb,
        #[cfg(feature = "sqlite")]
        Kind::Sqlite,
        #[cfg(feature = "redb")]
        Kind::Redb,
    ];

    /// The name on the command line and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Srdb => "srdb",
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => "sqlite",
            #[cfg(feature = "redb")]
            Kind::Redb => "redb",
        }
    }

    /// The engine of this name.
    pub fn of(name: &str) -> Result<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            Fault::from(format!(
                "no engine {name:?} in this binary: build it with --features peers"
            ))
        })
    }

    /// What the level means for this engine where it is not what it says.
    pub fn note(self, level: Level) -> Option<&'static str> {
        match (self, level) {
            #[cfg(feature = "sqlite")]
            (Kind::Sqlite, Level::Memory) => Some("has no such level: Os"),
            #[cfg(feature = "redb")]
            (Kind::Redb, Level::Os) => Some("has no such level: Memory"),
            _ => None,
        }
    }

    /// Opens or creates the database in the directory `dir`, for commits at `level`.
    pub fn open(self, dir: &Path, level: Level, tuning: Tuning) -> Result<Box<dyn Engine>> {
        match self {
            Kind::Srdb => srdb::open(dir, level, tuning),
            #[cfg(feature = "sqlite")]
            Kind::Sqlite => sqlite::open(dir, level, tuning),
            #[cfg(feature = "redb")]
            Kind::Redb => redb::open(dir, level),
        }
    }
}

/// What a work asks of an engine beyond its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tuning {
    /// As it would be used.
    Usual,
    /// Everything stays in the log, so that the next open has all of it to recover.
    KeepLog,
}

/// An open database with the workload's table.
pub trait Engine: Sync {
    /// A writer, one for each thread.
    fn writer(&self) -> Result<Box<dyn Writer + '_>>;
    /// A reader, which sees what was committed before.
    fn reader(&self) -> Result<Box<dyn Reader + '_>>;
    /// How many rows there are.
    fn count(&self) -> Result<u64>;
    /// Everything in its place on disk, as far as the engine does that.
    fn close(self: Box<Self>) -> Result<()>;
}

/// Inserts rows.
pub trait Writer {
    /// One commit of the rows `range` of the workload. Rows get their numbers in this order.
    fn commit(&mut self, workload: &Workload, range: Range<usize>) -> Result<()>;
}

/// Reads rows, all columns of each.
pub trait Reader {
    /// The row of this number, which must exist.
    fn get(&mut self, number: i64, digest: &mut Digest) -> Result<()>;
    /// The rows of these numbers in ascending order.
    fn scan(&mut self, numbers: Range<i64>, digest: &mut Digest) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SEED;

    #[test]
    fn every_engine_gives_back_what_was_committed_after_a_reopen_too() -> Result<()> {
        let workload = Workload::new(SEED, 5000);
        let mut expected = Digest::default();
        (0..workload.len()).for_each(|at| expected.add(&workload.row(at)));
        for kind in Kind::ALL {
            for level in [Level::Memory, Level::Os, Level::Disk] {
                let dir = tempfile::tempdir()?;
                let engine = kind.open(dir.path(), level, Tuning::Usual)?;
                let mut writer = engine.writer()?;
                writer.commit(&workload, 0..1)?;
                writer.commit(&workload, 1..workload.len())?;
                drop(writer);
                check(&*engine, &workload, expected)?;
                engine.close()?;
                let engine = kind.open(dir.path(), level, Tuning::KeepLog)?;
                check(&*engine, &workload, expected)?;
                engine.close()?;
            }
        }
        Ok(())
    }

    fn check(engine: &dyn Engine, workload: &Workload, expected: Digest) -> Result<()> {
        assert_eq!(engine.count()?, workload.len() as u64);
        let mut reader = engine.reader()?;
        let end = workload.len() as i64 + 1;
        let (mut scanned, mut got, mut part) = Default::default();
        reader.scan(1..end, &mut scanned)?;
        assert_eq!(scanned, expected);
        (1..end).try_for_each(|number| reader.get(number, &mut got))?;
        assert_eq!(got, expected);
        reader.scan(100..200, &mut part)?;
        assert_eq!(part.rows, 100);
        assert!(reader.get(end, &mut part).is_err());
        Ok(())
    }
}
