//! Files and directories, each with a durable part and the pending changes that lead from it to
//! what is visible.
//!
//! Invariants:
//! 1. `live` is `durable` with every change in `pending` applied, in order.
//! 2. A page that differs between `live` and `durable` has its number in `dirty`.
//! 3. After a sync, `pending` and `dirty` are empty.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::pages::Pages;

/// The number of a file or directory, never used again.
pub(super) type Ino = u64;

/// A file or a directory.
#[derive(Debug, Clone)]
pub(super) enum Node {
    File(FileNode),
    Dir(DirNode),
}

/// A change to a file's content that no sync has made durable yet.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Bytes put at an offset; says nothing about the length.
    Write { offset: u64, data: Arc<[u8]> },
    /// The length set: by growing through a write, or by `set_len`.
    Length { from: u64, to: u64 },
}

/// A file's content.
#[derive(Debug, Clone)]
pub(super) struct FileNode {
    /// The last name it was given; for messages.
    pub(super) path: Arc<Path>,
    pub(super) live: Pages,
    pub(super) durable: Pages,
    pub(super) pending: Vec<(u64, Change)>,
    dirty: BTreeSet<u64>,
    /// `live` in one piece, made at the first `map`; shared by all forks that do not write.
    whole: OnceLock<Option<Arc<Vec<u8>>>>,
}

impl FileNode {
    /// A file whose content, all of it, is durable.
    pub(super) fn durable(path: Arc<Path>, content: Pages) -> Self {
        FileNode {
            path,
            live: content.clone(),
            durable: content,
            pending: Vec::new(),
            dirty: BTreeSet::new(),
            whole: OnceLock::new(),
        }
    }

    /// Writes; `ids` gives the number of each pending change.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], ids: &mut u64) {
        if bytes.is_empty() {
            return;
        }
        let from = self.live.len();
        self.live.write(offset, bytes);
        self.dirty.extend(Pages::numbers(offset, bytes.len() as u64));
        self.whole = OnceLock::new();
        self.push(Change::Write { offset, data: bytes.into() }, ids);
        let to = self.live.len();
        if to != from {
            self.push(Change::Length { from, to }, ids);
        }
    }

    /// Cuts or grows.
    pub(super) fn set_len(&mut self, len: u64, ids: &mut u64) {
        let from = self.live.len();
        if from == len {
            return;
        }
        self.dirty.extend(self.live.set_len(len));
        self.whole = OnceLock::new();
        self.push(Change::Length { from, to: len }, ids);
    }

    fn push(&mut self, change: Change, ids: &mut u64) {
        self.pending.push((*ids, change));
        *ids += 1;
    }

    /// Makes what is visible durable. Costs as much as was written since the last time.
    pub(super) fn sync(&mut self) {
        for number in std::mem::take(&mut self.dirty) {
            self.durable.take_page(number, &self.live);
        }
        self.durable.take_len(&self.live);
        self.pending.clear();
    }

    /// Flips bits on the medium: in what is visible and in what is durable.
    pub(super) fn corrupt(&mut self, offset: u64, xor: u8) {
        for pages in [&mut self.live, &mut self.durable] {
            if offset < pages.len() {
                let mut byte = [0];
                pages.read(offset, &mut byte);
                pages.put_anywhere(offset, &[byte[0] ^ xor]);
            }
        }
        self.whole = OnceLock::new();
    }

    /// The visible content in one piece; `None` if that much memory can't be had.
    pub(super) fn whole(&self) -> Option<Arc<Vec<u8>>> {
        self.whole.get_or_init(|| self.live.contiguous().map(Arc::new)).clone()
    }
}

/// Why a name came to stand for a node.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Create,
    CreateDir,
    Link,
    /// Renamed into this directory from elsewhere.
    RenamedFrom(Arc<Path>),
}

/// Why a name ceased to stand for anything.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    Unlink,
    RemoveDir,
    /// Renamed out of this directory.
    RenamedTo(Arc<Path>),
}

/// A change to a directory that no `sync_dir` has made durable yet.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Set {
        name: OsString,
        ino: Ino,
        given: Given,
    },
    Remove {
        name: OsString,
        taken: Taken,
    },
    /// Within one directory a rename is one change: it happened or it did not.
    Rename {
        from: OsString,
        to: OsString,
        ino: Ino,
    },
}

impl NameChange {
    /// Applies the change to a set of names. Total: makes sense whatever came before it.
    pub(super) fn apply(&self, names: &mut BTreeMap<OsString, Ino>) {
        match self {
            NameChange::Set { name, ino, .. } => {
                names.insert(name.clone(), *ino);
            }
            NameChange::Remove { name, .. } => {
                names.remove(name);
            }
            NameChange::Rename { from, to, ino } => {
                names.remove(from);
                names.insert(to.clone(), *ino);
            }
        }
    }

    /// The node that the change would keep alive.
    pub(super) fn gives(&self) -> Option<Ino> {
        match self {
            NameChange::Set { ino, .. } | NameChange::Rename { ino, .. } => Some(*ino),
            NameChange::Remove { .. } => None,
        }
    }
}

/// A directory's names.
#[derive(Debug, Clone)]
pub(super) struct DirNode {
    /// Its path; directories are never renamed.
    pub(super) path: Arc<Path>,
    pub(super) live: BTreeMap<OsString, Ino>,
    pub(super) durable: BTreeMap<OsString, Ino>,
    pub(super) pending: Vec<(u64, NameChange)>,
}

impl DirNode {
    /// A directory whose names, all of them, are durable.
    pub(super) fn durable(path: Arc<Path>, names: BTreeMap<OsString, Ino>) -> Self {
        DirNode { path, live: names.clone(), durable: names, pending: Vec::new() }
    }

    /// The path of a name in this directory.
    pub(super) fn path_of(&self, name: &OsStr) -> Arc<Path> {
        // Not `join`, whose separator depends on the system: a path goes into the trace hash.
        let mut path = OsString::with_capacity(self.path.as_os_str().len() + 1 + name.len());
        path.push(self.path.as_os_str());
        if self.path.as_os_str() != "/" {
            path.push("/");
        }
        path.push(name);
        Arc::from(Path::new(&path))
    }

    /// Changes what is visible and leaves the change pending.
    pub(super) fn change(&mut self, change: NameChange, ids: &mut u64) {
        change.apply(&mut self.live);
        self.pending.push((*ids, change));
        *ids += 1;
    }

    /// Makes the visible names durable. Returns whether a node may have lost its last name.
    pub(super) fn sync(&mut self) -> bool {
        let may_orphan = !self.pending.is_empty();
        if may_orphan {
            self.durable = self.live.clone();
            self.pending.clear();
        }
        may_orphan
    }
}
