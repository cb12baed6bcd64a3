//! What a checkpoint holds: every table at one moment, and the version that says so.
//!
//! Invariants
//! 1. It is taken while no commit is under way and no edit is written: whole commits, the last of
//!    them known, and tables whose SSTs are exactly those of the version.
//! 2. Nothing that is in it is removed from the database's directory as long as it lives: it holds
//!    the SSTs and index files as any snapshot does.

use std::sync::Arc;

use crate::edit::{Change, VersionEdit};
use crate::index::IndexMeta;
use crate::locks::{lock, read};
use crate::memtable::Memtable;
use crate::mutant;
use crate::sst::SstMeta;
use crate::state::State;
use crate::sync::atomic::Ordering;
use crate::table_files::TableFiles;
use crate::table_state::TableState;
use crate::version::Version;
use crate::{Error, Result};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) tables: Vec<Taken>,
    version: Version,
    last_commit: u64,
    last_time: i64,
    /// The next number for a file of the checkpoint: none of the database's so far is higher.
    next_file: u64,
    /// What is added to the version: SSTs of the rows that are in memory, and their index files.
    added: Vec<Change>,
}

/// A table and where its rows are.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) table: Arc<TableState>,
    pub(super) files: Arc<TableFiles>,
    /// Its memtables that have rows, and how many of these are in the checkpoint.
    pub(super) memory: Vec<(Arc<Memtable>, usize)>,
}

impl Contents {
    /// Takes what the database holds now. Waits for the group of commits that is being written.
    pub(super) fn take(state: &State) -> Contents {
        let log = lock(&state.log);
        let manifest = lock(&state.manifest);
        let tables = read(&state.tables).by_id.values().map(Taken::of).collect();
        Contents {
            tables,
            version: manifest.version.clone(),
            last_commit: log.last_commit,
            last_time: log.last_time,
            next_file: state.next_file.load(Ordering::Relaxed),
            added: Vec::new(),
        }
    }

    /// A number for a file of the checkpoint.
    pub(super) fn take_file_number(&mut self) -> u64 {
        let number = self.next_file;
        self.next_file += 1;
        number
    }

    /// An SST with rows that were in memory belongs to the checkpoint, with its index files.
    pub(super) fn add(&mut self, table: u32, meta: SstMeta, indexes: Vec<IndexMeta>) {
        self.added.push(Change::AddSst { table, meta });
        let indexes = indexes.into_iter().map(|meta| Change::AddIndexFile { table, meta });
        self.added.extend(indexes);
    }

    /// The version of the checkpoint, once everything is added.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a bug of ours.
    pub(super) fn version(&self, state: &State) -> Result<Version> {
        let mut edit = VersionEdit::new(self.added.clone());
        edit.push(Change::LastCommit(self.last_commit.max(self.version.last_commit)));
        edit.push(Change::LastTime(self.last_time.max(self.version.last_time)));
        edit.push(Change::NextFile(self.next_file));
        // Its log begins anew: nothing is carried into it.
        edit.push(Change::LogNumber(self.version.log_number + 1));
        let is_later = || lock(&state.manifest).version != self.version;
        if mutant::when("copy-of-a-later-version", is_later) {
            let mut later = lock(&state.manifest).version.clone();
            later.next_file = later.next_file.max(self.next_file);
            return Ok(later);
        }
        self.version.apply(&edit).map_err(|damage| {
            Error::invalid(format!("refused to make a wrong checkpoint: {}", damage.what))
        })
    }
}

impl Taken {
    fn of(table: &Arc<TableState>) -> Taken {
        let files = table.files();
        let with_rows = files.memtables.iter().map(|m| (Arc::clone(m), m.published()));
        let memory = with_rows.filter(|(_, rows)| *rows > 0).collect();
        Taken { table: Arc::clone(table), files, memory }
    }
}
