//! Files and directories, each with a durable part and the pending changes that lead from it to
//! what is visible.
//!
//! Invariants:
//! 1. `live` is `durable` with every change in `pending` applied, in order, but for the pages in
//!    `ghosts`: those are clean in the cache and differ from the medium, since a failed sync
//!    dropped them, or the medium lost them, or a bit flipped.
//! 2. A page that differs between `live` and `durable` has its number in `dirty` or `ghosts`.
//! 3. After a sync, `pending` and `dirty` are empty; `ghosts` stay.
//! 4. A write to a ghost makes the whole page pending, as a cache writes whole pages back.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::fault::Shows;
use super::pages::{PAGE_BYTES, Page, Pages};
use super::rot::RotPlace;

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

impl Change {
    /// Applies the change to what is on the medium. Bytes may run ahead of the length until
    /// [`Pages::trim`].
    pub(super) fn apply(&self, pages: &mut Pages) {
        match self {
            Change::Write { offset, data } => pages.put_anywhere(*offset, data),
            // A cut takes the bytes with it; a growth shows whatever lies there: a hole, if the
            // write that grew the file was dropped.
            Change::Length { from, to } if to < from => drop(pages.set_len(*to)),
            Change::Length { to, .. } => pages.force_len(*to),
        }
    }
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
    ghosts: BTreeSet<u64>,
    /// There have been ghosts, so a sync has to go by `pending` and not by `dirty`.
    haunted: bool,
    /// What the medium held before the last sync that changed it, by page.
    before: BTreeMap<u64, Page>,
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
            ghosts: BTreeSet::new(),
            haunted: false,
            before: BTreeMap::new(),
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
        self.push(self.pages_written(offset, bytes), ids);
        if !self.ghosts.is_empty() {
            for number in Pages::numbers(offset, bytes.len() as u64) {
                self.ghosts.remove(&number);
            }
        }
        self.grew(from, ids);
    }

    /// A write as it will reach the medium: with all of the ghosts that it touches.
    fn pages_written(&self, offset: u64, bytes: &[u8]) -> Change {
        let numbers = Pages::numbers(offset, bytes.len() as u64);
        let (mut start, mut end) = (offset, offset + bytes.len() as u64);
        if self.ghosts.contains(&numbers.start) {
            start = numbers.start * PAGE_BYTES;
        }
        if self.ghosts.contains(&(numbers.end - 1)) {
            end = self.live.len().min(numbers.end * PAGE_BYTES);
        }
        if (start, end) == (offset, offset + bytes.len() as u64) {
            return Change::Write { offset, data: bytes.into() };
        }
        let mut data = vec![0; (end - start) as usize];
        self.live.read(start, &mut data);
        Change::Write { offset: start, data: data.into() }
    }

    fn grew(&mut self, from: u64, ids: &mut u64) {
        let to = self.live.len();
        if to != from {
            self.push(Change::Length { from, to }, ids);
        }
    }

    /// A write whose bytes never reach the medium; if `cached` they are visible for now.
    pub(super) fn lose_write(&mut self, offset: u64, bytes: &[u8], cached: bool, ids: &mut u64) {
        if bytes.is_empty() {
            return;
        }
        let from = self.live.len();
        let end = offset + bytes.len() as u64;
        if cached {
            self.live.write(offset, bytes);
            self.haunt(Pages::numbers(offset, bytes.len() as u64));
        } else if end > from {
            self.live.set_len(end);
        }
        self.whole = OnceLock::new();
        self.grew(from, ids);
    }

    /// Puts bytes on the medium and into the cache that nobody wrote here, as far as there is file.
    pub(super) fn hit(&mut self, offset: u64, bytes: &[u8]) {
        for pages in [&mut self.live, &mut self.durable] {
            let room = usize::try_from(pages.len().saturating_sub(offset)).unwrap_or(usize::MAX);
            pages.put_anywhere(offset, &bytes[..bytes.len().min(room)]);
        }
        // What is pending there goes over it, or not, so the two may part.
        self.haunt(Pages::numbers(offset, bytes.len() as u64));
        self.whole = OnceLock::new();
    }

    fn haunt(&mut self, pages: impl IntoIterator<Item = u64>) {
        self.ghosts.extend(pages);
        self.haunted = true;
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
        let dirty = std::mem::take(&mut self.dirty);
        if self.haunted {
            for (_, change) in std::mem::take(&mut self.pending) {
                change.apply(&mut self.durable);
            }
            self.durable.trim();
            return;
        }
        for number in dirty {
            let old = self.durable.take_page(number, &self.live);
            self.before.insert(number, old);
        }
        self.durable.take_len(&self.live);
        self.pending.clear();
    }

    /// Drops the dirty pages and marks them clean, as a failed sync does.
    pub(super) fn drop_dirty(&mut self, shows: Shows) {
        match shows {
            Shows::Old => *self = FileNode::durable(self.path.clone(), self.durable.clone()),
            Shows::New => {
                let dropped = std::mem::take(&mut self.dirty);
                self.haunt(dropped);
                self.pending.retain(|(_, change)| matches!(change, Change::Length { .. }));
            }
        }
    }

    /// Lets the ghosts leave the cache: reads see what is on the medium and what is pending.
    /// Returns whether that is something else than before.
    pub(super) fn evict(&mut self) -> bool {
        if self.ghosts.is_empty() {
            return false;
        }
        self.ghosts.clear();
        let before = self.live.contiguous();
        self.live = self.durable.clone();
        for (_, change) in &self.pending {
            change.apply(&mut self.live);
        }
        self.live.trim();
        self.whole = OnceLock::new();
        before != self.live.contiguous()
    }

    /// Whether the cache holds what is neither on the medium nor pending.
    pub(super) fn has_ghosts(&self) -> bool {
        !self.ghosts.is_empty()
    }

    /// Whether the medium holds exactly what is visible.
    pub(super) fn is_on_the_medium(&self) -> bool {
        self.pending.is_empty() && self.ghosts.is_empty()
    }

    /// Flips bits of one byte.
    pub(super) fn rot(&mut self, offset: u64, xor: u8, place: RotPlace) {
        let flip = |pages: &mut Pages| {
            if offset < pages.len() {
                let mut byte = [0];
                pages.read(offset, &mut byte);
                pages.put_anywhere(offset, &[byte[0] ^ xor]);
            }
        };
        if place != RotPlace::Medium {
            flip(&mut self.live);
        }
        if place != RotPlace::Cache {
            flip(&mut self.durable);
        }
        if place != RotPlace::Both {
            self.haunt([offset / PAGE_BYTES]);
        }
        self.whole = OnceLock::new();
    }

    /// Fills `buf` from `offset` with what the medium held before the syncs that changed it last.
    pub(super) fn read_stale(&self, offset: u64, buf: &mut [u8]) {
        let mut stale = self.live.clone();
        for number in Pages::numbers(offset, buf.len() as u64) {
            if let Some(old) = self.before.get(&number) {
                stale.put_page(number, old.clone());
            }
        }
        stale.read(offset, buf);
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
    /// Within one directory a rename, of a file or a directory, is one change: it happened or it
    /// did not.
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
    /// Its path.
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
