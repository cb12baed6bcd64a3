//! A disk in memory that loses what a disk may lose, and nothing else.
//!
//! # Fault model
//!
//! Content and directory are two things, each with a *durable* part and a list of *pending*
//! changes; the visible state is the durable one with all pending changes applied.
//!
//! ```text
//!   write, set_len ──► pending of the file ──────── sync_data, sync_all ──► durable content
//!   create, rename,                                                         and length
//!   link, remove   ──► pending of the directory ─── sync_dir ─────────────► durable names
//!
//!   crash_image(choice):   durable + the pending changes that the choice kept  =  durable again
//!   process_crash():       everything visible stays, pending stays pending
//! ```
//!
//! What a crash may do (personality `posix`: whatever POSIX does not forbid):
//!
//! 1. Each pending write survives, is lost, or is torn: each 512-byte sector of it holds the old
//!    bytes, the new ones, zeros or garbage. Writes reach the medium in any order, across files
//!    and within one.
//! 2. Each pending length survives or not, apart from the bytes. A length without its bytes is a
//!    hole of zeros; bytes without their length are lost. Of several pending lengths any may be
//!    the last that survived.
//! 3. Each pending change of a directory survives or not, each on its own: a created file may be
//!    there while the one created before it is gone, and a removed file may be back. A rename
//!    within a directory is one change; into another directory it is two, so that the file may be
//!    found under both names, or none.
//! 4. A file that has no surviving name is gone with its content, synced or not.
//!
//! What it never does:
//!
//! 5. Harm what was durable and not overwritten since: a torn write stays within the bytes that
//!    were written, even in the sectors that it shares with others (the "power-safe overwrite" of
//!    SQLite).
//! 6. Make a successful sync untrue.
//!
//! That is the personality `posix`. A disk may have another one ([`Personality`]): `ordered`, which
//! loses less, and `lying`, whose syncs are untrue (rule 6 is void). A choice that a personality
//! does not allow is made legal, never refused: [`MemDisk::legal`] says what becomes of it.
//!
//! While running, three things go wrong:
//!
//! 7. Calls, as ordered by [`Fault`]s and as [`FaultKind`] describes: errors before, after and in
//!    the middle of what was to be done; a sync that fails and drops the dirty pages; and in
//!    silence writes that get lost or go astray, bits that flip, mapped pages that are stale. What
//!    was delivered is written down ([`MemDisk::delivered`]).
//! 8. The room ends ([`MemDisk::set_capacity`]).
//! 9. Bytes rot, on the medium, in the page cache, or both ([`MemDisk::rot`]).
//!
//! ```text
//!   visible:   the page cache, what all reads see
//!                = medium + pending, but for *ghosts*: clean pages that differ from the medium
//!   ghosts ──► drop_caches(), a power failure: what is on the medium shows
//!         └──► a write to the page: the whole page is pending, and so gets onto the medium
//! ```
//!
//! A process that dies while the machine stays up loses nothing that is visible
//! ([`MemDisk::process_crash`]); ghosts stay.
//!
//! # Invariants
//!
//! 1. Deterministic to the byte: the same calls and the same choices give the same images, errors
//!    and trace hash, on any machine. No hash map, no clock, no random source.
//! 2. Forks, images and clones of files share memory until written to.
//! 3. No method panics, whatever it is given.

mod clock;
mod crash;
mod fault;
mod file;
mod image;
mod map;
mod node;
mod pages;
mod personality;
mod rot;
mod state;
mod trace;
mod vfs;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::traits::EntryKind;

pub use clock::MemClock;
pub use crash::{CrashChoice, Fate, PendingKind, PendingOp, SECTOR_BYTES, SectorFate, SectorRun};
pub use fault::{Delivered, Fault, FaultKind, OpKind, Shows};
pub use map::MapMode;
pub use personality::Personality;
pub use rot::RotPlace;
pub use trace::TraceEntry;

use node::{Change, FileNode, Given, NameChange, Node, Taken};
use pages::Pages;
use state::{ROOT, State};

/// A deterministic disk in memory. Clones are the same disk; [`MemDisk::fork`] makes another one.
///
/// ```
/// use std::path::Path;
/// use srdb_vfs::{CrashChoice, MemDisk, Vfs};
/// # fn main() -> std::io::Result<()> {
/// let disk = MemDisk::new();
/// let file = disk.create(Path::new("/data"))?;
/// file.append(b"synced")?;
/// file.sync_data()?;
/// disk.sync_dir(Path::new("/"))?;
/// file.append(b", not synced")?;
///
/// let after_power_loss = disk.crash_image(&CrashChoice::drop_all());
/// assert_eq!(after_power_loss.read_file("/data"), Some(b"synced".to_vec()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

impl Default for MemDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("MemDisk")
            .field("nodes", &state.nodes.len())
            .field("calls", &state.calls)
            .field("crashed", &state.crashed)
            .finish_non_exhaustive()
    }
}

/// Running, forking and crashing.
impl MemDisk {
    /// An empty disk: the root directory `/` and nothing in it.
    pub fn new() -> Self {
        Self::with(State::with_nodes(BTreeMap::new()))
    }

    fn with(state: State) -> Self {
        MemDisk { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another disk in exactly this state, pending changes, counters, ordered faults and trace
    /// included, which goes its own way from here. Open handles and locks stay with this one.
    pub fn fork(&self) -> MemDisk {
        let mut state = self.lock().clone();
        state.handles.clear();
        state.locks.clear();
        Self::with(state)
    }

    /// How many calls that change the disk or make something durable were made, failed ones
    /// included ([`OpKind::changes_the_disk`]). The next such call has this number plus one.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// How many calls of one kind were made.
    pub fn op_count(&self, op: OpKind) -> u64 {
        self.lock().op_counts.get(&op).copied().unwrap_or(0)
    }

    /// Crashes the machine at the call of this number (see [`MemDisk::calls`]; one that has passed
    /// means the next): it and every call after it, reads too, fail with [`io::ErrorKind::Other`]
    /// and have no effect.
    ///
    /// This covers crashes in the middle of a call: one half done leaves what a crash at the next
    /// call may leave with this call's changes torn, and a sync half done leaves what a crash at
    /// the sync may leave with some of its changes kept.
    pub fn crash_at(&self, call: u64) {
        let mut state = self.lock();
        state.crash_at = Some(call);
        state.crash_on = None;
    }

    /// Crashes the machine at a call of this kind on a file or directory of this name, as
    /// [`Fault::file`] takes them, the `nth` from here on, or so many calls that change the disk
    /// `later`; in the place of [`MemDisk::crash_at`].
    pub fn crash_on(&self, op: OpKind, file: impl Into<String>, nth: u64, later: u64) {
        let mut state = self.lock();
        state.crash_at = None;
        state.crash_on = Some((Fault::new(op, nth, FaultKind::Eio).on(file), nth.max(1), later));
    }

    /// Whether the crash ordered by [`MemDisk::crash_at`] has happened.
    pub fn crashed(&self) -> bool {
        self.lock().crashed
    }

    /// Orders one error. Several may be ordered; each is delivered once.
    pub fn inject(&self, fault: Fault) {
        let to_come = fault.nth.max(1);
        self.lock().faults.push((fault, to_come));
    }

    /// Takes back the faults not delivered yet and returns how many there were.
    pub fn clear_faults(&self) -> usize {
        std::mem::take(&mut self.lock().faults).len()
    }

    /// Every change that a crash now could lose, by id.
    ///
    /// Changes of files that have neither a durable nor a pending name are left out: they are lost
    /// whatever is chosen.
    pub fn pending(&self) -> Vec<PendingOp> {
        let state = self.lock();
        let mut pending = Vec::new();
        for ino in state.may_survive() {
            match state.nodes.get(&ino).map(|node| &**node) {
                Some(Node::File(file)) => {
                    pending.extend(file.pending.iter().map(|(id, change)| PendingOp {
                        id: *id,
                        path: file.path.to_path_buf(),
                        kind: change_kind(change),
                    }));
                }
                Some(Node::Dir(dir)) => {
                    pending.extend(dir.pending.iter().map(|(id, change)| {
                        let (name, kind) = name_change_kind(dir, change);
                        PendingOp { id: *id, path: dir.path_of(name).to_path_buf(), kind }
                    }));
                }
                None => {}
            }
        }
        pending.sort_by_key(|op| op.id);
        pending
    }

    /// What the disk's personality makes of a choice: itself if that is legal, else the choice with
    /// what may not be kept dropped, and what may not be lost kept.
    pub fn legal(&self, choice: &CrashChoice) -> CrashChoice {
        legal(&self.lock(), choice).into_owned()
    }

    /// The disk that a machine finds when it comes up after a crash now, all of it durable.
    ///
    /// A choice that the disk's personality does not allow is first made [legal](MemDisk::legal).
    ///
    /// This disk stays as it is, so that many images of one crash can be had. Counters start at
    /// zero and no faults are ordered; personality, capacity and the trace hash are carried on.
    pub fn crash_image(&self, choice: &CrashChoice) -> MemDisk {
        let state = self.lock();
        let choice = legal(&state, choice);
        Self::with(State::with_nodes(image::compose(&state, &choice)).follow(&state))
    }

    /// The disk as the next process finds it when only this process died: everything visible is
    /// there, what was pending is still pending, locks and handles are gone.
    ///
    /// Counters start at zero and no faults are ordered; the trace hash is carried on.
    pub fn process_crash(&self) -> MemDisk {
        let old = self.lock();
        let mut state = State::with_nodes(old.nodes.clone()).follow(&old);
        state.next_ino = old.next_ino;
        state.ids = old.ids;
        state.drop_orphans();
        Self::with(state)
    }
}

/// What kind of disk it is.
impl MemDisk {
    /// Gives it a personality; at first it is [`Personality::Posix`]. Stays over a crash.
    pub fn set_personality(&self, personality: Personality) {
        self.lock().personality = personality;
    }

    /// How views of sealed files are made from now on; at first in memory. Stays over a crash.
    pub fn set_map_mode(&self, mode: MapMode) {
        self.lock().map_mode = mode;
    }

    /// Whether a file may have several names; at first it may. Without, [`Vfs::hard_link`] is
    /// `Unsupported`. Stays over a crash.
    ///
    /// [`Vfs::hard_link`]: crate::Vfs::hard_link
    pub fn set_links(&self, has_links: bool) {
        self.lock().has_links = has_links;
    }

    /// How many syncs were acknowledged and not done, on this disk and those it came from.
    pub fn lies(&self) -> u64 {
        self.lock().lies
    }

    /// The faults that were delivered, in their order; those before a crash are not carried on.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.lock().delivered.clone()
    }

    /// Those of [`MemDisk::delivered`] that came after the first so many.
    pub fn delivered_after(&self, count: usize) -> Vec<Delivered> {
        self.lock().delivered.get(count..).unwrap_or_default().to_vec()
    }

    /// Whether a file shows what the medium does not hold, although nothing of it is pending: since
    /// a failed sync that dropped its pages.
    pub fn has_ghosts(&self) -> bool {
        self.lock().nodes.values().any(|node| match &**node {
            Node::File(file) => file.has_ghosts(),
            Node::Dir(_) => false,
        })
    }

    /// Whether a call has returned `Ok` although a fault was delivered with it.
    pub fn misled(&self) -> bool {
        self.lock().delivered.iter().any(Delivered::is_silent)
    }
}

fn legal<'c>(state: &State, choice: &'c CrashChoice) -> Cow<'c, CrashChoice> {
    match state.personality {
        Personality::Ordered => Cow::Owned(personality::in_order(state, choice)),
        Personality::Posix | Personality::Lying { .. } => Cow::Borrowed(choice),
    }
}

fn change_kind(change: &Change) -> PendingKind {
    match change {
        Change::Write { offset, data } => {
            PendingKind::Write { offset: *offset, len: data.len() as u64 }
        }
        Change::Length { from, to } => PendingKind::Length { from: *from, to: *to },
    }
}

fn name_change_kind<'a>(
    dir: &node::DirNode,
    change: &'a NameChange,
) -> (&'a std::ffi::OsStr, PendingKind) {
    match change {
        NameChange::Set { name, given, .. } => {
            let kind = match given {
                Given::Create => PendingKind::Create,
                Given::CreateDir => PendingKind::CreateDir,
                Given::Link => PendingKind::Link,
                Given::RenamedFrom(from) => PendingKind::RenameIn { from: from.to_path_buf() },
            };
            (name, kind)
        }
        NameChange::Remove { name, taken } => {
            let kind = match taken {
                Taken::Unlink => PendingKind::Unlink,
                Taken::RemoveDir => PendingKind::RemoveDir,
                Taken::RenamedTo(to) => PendingKind::RenameOut { to: to.to_path_buf() },
            };
            (name, kind)
        }
        NameChange::Rename { from, to, .. } => {
            (from, PendingKind::Rename { to: dir.path_of(to).to_path_buf() })
        }
    }
}

/// The trace.
impl MemDisk {
    /// Whether to keep an entry of every call from now on. The hash is always kept.
    pub fn set_trace(&self, keep: bool) {
        self.lock().trace.keep = keep;
    }

    /// The calls made while the trace was kept; those before a crash are carried into the image.
    pub fn trace(&self) -> Vec<TraceEntry> {
        self.lock().trace.entries.clone()
    }

    /// How many calls have been kept.
    pub fn trace_len(&self) -> usize {
        self.lock().trace.entries.len()
    }

    /// The calls that were kept, from this one on, counted from 0.
    pub fn trace_from(&self, first: usize) -> Vec<TraceEntry> {
        self.lock().trace.entries.get(first..).unwrap_or_default().to_vec()
    }

    /// One number for every call so far, its arguments, bytes and outcome: equal for equal runs, on
    /// any machine. Reads through a map are not seen, and calls after the crash are not either.
    pub fn trace_hash(&self) -> u64 {
        self.lock().trace.hash
    }
}

/// Looking and meddling from outside: neither counted, nor failing, nor in the trace.
impl MemDisk {
    /// The visible bytes of a file, or `None` if there is no such file.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.lock();
        let ino = state.lookup(path.as_ref()).ok()?;
        state.file(ino, path.as_ref()).ok()?.live.contiguous()
    }

    /// The same without a copy: the bytes are shared with every fork and image that has the file as
    /// it is now, so equal pointers mean equal files.
    pub fn content(&self, path: impl AsRef<Path>) -> Option<Arc<Vec<u8>>> {
        let state = self.lock();
        let ino = state.lookup(path.as_ref()).ok()?;
        state.file(ino, path.as_ref()).ok()?.whole()
    }

    /// Everything visible below the root, sorted by path.
    pub fn list(&self) -> Vec<(PathBuf, EntryKind)> {
        let state = self.lock();
        let mut all = Vec::new();
        let mut todo = vec![ROOT];
        while let Some(ino) = todo.pop() {
            if let Some(Node::Dir(dir)) = state.nodes.get(&ino).map(|node| &**node) {
                for (name, ino) in &dir.live {
                    all.push((dir.path_of(name).to_path_buf(), state.entry_kind(*ino)));
                    todo.push(*ino);
                }
            }
        }
        all.sort();
        all
    }

    /// One number for everything visible, names and contents: disks with equal ones are equal. Of
    /// files that `is_plain` names only the name counts.
    pub fn content_hash(&self, is_plain: impl Fn(&Path) -> bool) -> u64 {
        let state = self.lock();
        let mut hash = 0;
        let mut todo = vec![ROOT];
        while let Some(ino) = todo.pop() {
            let Some(Node::Dir(dir)) = state.nodes.get(&ino).map(|node| &**node) else { continue };
            for (name, ino) in &dir.live {
                let path = dir.path_of(name);
                hash = trace::mix(hash, trace::hash_bytes(path.as_os_str().as_encoded_bytes()));
                match state.nodes.get(ino).map(|node| &**node) {
                    Some(Node::File(file)) if !is_plain(&path) => {
                        hash = trace::mix(hash, file.live.hash());
                    }
                    Some(Node::File(_)) => hash = trace::mix(hash, 1),
                    Some(Node::Dir(_)) => todo.push(*ino),
                    None => {}
                }
            }
        }
        hash
    }

    /// Puts a file there, durable, with the directories above it created and synced; one that is
    /// there already gets the new content.
    ///
    /// # Errors
    /// `NotADirectory` or `IsADirectory` if a file is where a directory is needed, or the reverse.
    pub fn write_file(&self, path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
        let path = path.as_ref();
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
        above.reverse();
        for dir in &above {
            match state.lookup(dir) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    state.create(dir, EntryKind::Dir)?;
                }
                found => drop(found?),
            }
        }
        let ino = match state.lookup(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => state.create(path, EntryKind::File)?.0,
            found => found?,
        };
        let (file, _) = state.file_mut(ino, path)?;
        *file = FileNode::durable(file.path.clone(), Pages::of(bytes));
        for dir in above {
            state.sync_dir(dir)?;
        }
        Ok(())
    }
}
