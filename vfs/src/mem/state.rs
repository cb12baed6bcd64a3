//! Everything a [`MemDisk`](super::MemDisk) is, behind its mutex: the nodes, who holds what, and
//! what is to fail.
//!
//! Invariants:
//! 1. A node is kept while a visible, durable or pending name, a handle or a lock needs it.
//! 2. The number of a node or a pending change is never given twice.
//! 3. After the crash no call has an effect.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::sync::Arc;

use super::fault::{Delivered, Fault, FaultKind, OpKind};
use super::map::MapMode;
use super::node::{DirNode, FileNode, Given, Ino, NameChange, Node, Taken};
use super::pages::Pages;
use super::personality::Personality;
use super::trace::{Call, Trace};
use crate::error::{at, refuse};
use crate::traits::EntryKind;

/// The root directory, which always exists.
pub(super) const ROOT: Ino = 0;

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<Ino, Arc<Node>>,
    pub(super) next_ino: Ino,
    /// The id of the next pending change.
    pub(super) ids: u64,
    /// Open handles per file.
    pub(super) handles: BTreeMap<Ino, u64>,
    pub(super) locks: BTreeSet<Ino>,
    pub(super) calls: u64,
    pub(super) crash_at: Option<u64>,
    /// The call from which a crash is counted, how many such calls are still to come, and how many
    /// calls after it the machine crashes.
    pub(super) crash_on: Option<(Fault, u64, u64)>,
    pub(super) crashed: bool,
    pub(super) op_counts: BTreeMap<OpKind, u64>,
    /// Faults to deliver, each with the calls of its kind still to come, itself included.
    pub(super) faults: Vec<(Fault, u64)>,
    pub(super) delivered: Vec<Delivered>,
    pub(super) personality: Personality,
    /// How many syncs there were, over all crashes, and how many of them were lies.
    pub(super) syncs: u64,
    pub(super) lies: u64,
    /// In pages.
    pub(super) capacity: Option<u64>,
    pub(super) map_mode: MapMode,
    /// Whether a file may have several names.
    pub(super) has_links: bool,
    pub(super) trace: Trace,
}

/// What is to become of a call.
pub(super) enum Verdict {
    /// It does what it says.
    Go,
    /// It fails without effect.
    Fail(io::Error),
    /// It fails after a part of it was done: of a write so many bytes, of others all.
    Half(u64, io::Error),
    /// Something else becomes of it, which the call itself has to see to.
    Odd(Odd),
    /// The machine is gone.
    Dead(io::Error),
}

/// What may become of a call besides doing it or failing.
pub(super) enum Odd {
    /// A fault that means something for this call: of a read that fails after a part, the others
    /// are not [`Verdict::Half`]; a sync that drops pages; anything silent.
    Fault(FaultKind),
    /// A sync that does nothing and says it did.
    Lie,
}

impl State {
    /// An empty disk, or the disk of these nodes.
    pub(super) fn with_nodes(mut nodes: BTreeMap<Ino, Arc<Node>>) -> State {
        let root = || Arc::new(Node::Dir(DirNode::durable(Path::new("/").into(), BTreeMap::new())));
        nodes.entry(ROOT).or_insert_with(root);
        State {
            next_ino: nodes.keys().next_back().map_or(1, |last| last + 1),
            nodes,
            ids: 1,
            handles: BTreeMap::new(),
            locks: BTreeSet::new(),
            calls: 0,
            crash_at: None,
            crash_on: None,
            crashed: false,
            op_counts: BTreeMap::new(),
            faults: Vec::new(),
            delivered: Vec::new(),
            personality: Personality::Posix,
            syncs: 0,
            lies: 0,
            capacity: None,
            map_mode: MapMode::Memory,
            has_links: true,
            trace: Trace::default(),
        }
    }

    /// The same disk under a new process or a new machine: its nature and its trace stay.
    pub(super) fn follow(mut self, old: &State) -> State {
        self.personality = old.personality;
        (self.syncs, self.lies) = (old.syncs, old.lies);
        self.capacity = old.capacity;
        self.map_mode = old.map_mode;
        self.has_links = old.has_links;
        self.trace = old.trace.clone();
        self
    }

    /// Counts the call and says what becomes of it.
    pub(super) fn admit(&mut self, call: &Call<'_>) -> Verdict {
        let fail = |kind, why: &'static str| refuse(kind, "call on", call.path, why);
        let op = call.op;
        if self.crashed {
            return Verdict::Dead(fail(ErrorKind::Other, "simulated crash"));
        }
        *self.op_counts.entry(op).or_default() += 1;
        if op.changes_the_disk() {
            self.calls += 1;
            self.look_for_crash(op, call.path);
            if self.crash_at.is_some_and(|first| self.calls >= first) {
                self.crashed = true;
                return Verdict::Fail(fail(ErrorKind::Other, "simulated crash"));
            }
        }
        if op.is_sync() {
            self.syncs += 1;
        }
        let Some(fault) = self.due_fault(op, call.path) else { return self.sound(op) };
        let fault = fault.on(op);
        self.deliver(call, fault.clone(), None);
        match fault {
            FaultKind::EioAfter { bytes } => {
                let error = fail(ErrorKind::Other, "simulated I/O error");
                match op {
                    OpKind::Read => Verdict::Odd(Odd::Fault(fault)),
                    OpKind::Lock => Verdict::Fail(error),
                    _ if op.changes_the_disk() => Verdict::Half(bytes, error),
                    _ => Verdict::Fail(error),
                }
            }
            FaultKind::StorageFull { bytes } => {
                let error = fail(ErrorKind::StorageFull, "simulated full disk");
                if op == OpKind::Write { Verdict::Half(bytes, error) } else { Verdict::Fail(error) }
            }
            FaultKind::Eio | FaultKind::SyncFail => {
                Verdict::Fail(fail(ErrorKind::Other, "simulated I/O error"))
            }
            FaultKind::SyncDrop { .. }
            | FaultKind::LostWrite { .. }
            | FaultKind::MisdirectedWrite { .. }
            | FaultKind::Flip { .. }
            | FaultKind::StalePage => Verdict::Odd(Odd::Fault(fault)),
        }
    }

    /// What becomes of a call for which no fault was ordered.
    fn sound(&mut self, op: OpKind) -> Verdict {
        if op.is_sync() && self.personality.lies(self.syncs) {
            self.lies += 1;
            return Verdict::Odd(Odd::Lie);
        }
        Verdict::Go
    }

    /// Takes down that a fault was delivered.
    pub(super) fn deliver(&mut self, call: &Call<'_>, error: FaultKind, hit: Option<&Path>) {
        self.delivered.push(Delivered {
            op: call.op,
            path: call.path.to_path_buf(),
            error,
            hit: hit.map(Path::to_path_buf),
            call: self.calls,
        });
    }

    /// Fails if not even an empty file fits.
    pub(super) fn require_room(&mut self, call: &Call<'_>) -> io::Result<()> {
        if self.room() != Some(0) {
            return Ok(());
        }
        self.deliver(call, FaultKind::StorageFull { bytes: 0 }, None);
        Err(refuse(ErrorKind::StorageFull, "create", call.path, "the simulated disk is full"))
    }

    /// Sets the call at which the machine crashes, if this is the one that it is counted from.
    fn look_for_crash(&mut self, op: OpKind, path: &Path) {
        let Some((on, to_come, later)) = &mut self.crash_on else { return };
        if on.is_for(op, path) {
            *to_come -= 1;
        }
        if *to_come == 0 {
            self.crash_at = Some(self.calls + *later);
            self.crash_on = None;
        }
    }

    fn due_fault(&mut self, op: OpKind, path: &Path) -> Option<FaultKind> {
        let mut due = None;
        self.faults.retain_mut(|(fault, to_come)| {
            if !fault.is_for(op, path) {
                return true;
            }
            *to_come = to_come.saturating_sub(1);
            if *to_come == 0 {
                due.get_or_insert_with(|| fault.error.clone());
            }
            *to_come > 0
        });
        due
    }

    /// The directory of number `ino`.
    pub(super) fn dir(&self, ino: Ino, path: &Path) -> io::Result<&DirNode> {
        match self.nodes.get(&ino).map(|node| &**node) {
            Some(Node::Dir(dir)) => Ok(dir),
            Some(Node::File(_)) => Err(not_a_directory(path)),
            None => Err(missing(path)),
        }
    }

    /// The same, to be changed, together with the counter of pending changes.
    pub(super) fn dir_mut(
        &mut self,
        ino: Ino,
        path: &Path,
    ) -> io::Result<(&mut DirNode, &mut u64)> {
        match self.nodes.get_mut(&ino).map(Arc::make_mut) {
            Some(Node::Dir(dir)) => Ok((dir, &mut self.ids)),
            Some(Node::File(_)) => Err(not_a_directory(path)),
            None => Err(missing(path)),
        }
    }

    /// The file of number `ino`.
    pub(super) fn file(&self, ino: Ino, path: &Path) -> io::Result<&FileNode> {
        match self.nodes.get(&ino).map(|node| &**node) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Dir(_)) => Err(is_a_directory(path)),
            None => Err(missing(path)),
        }
    }

    /// The same, to be changed, together with the counter of pending changes.
    pub(super) fn file_mut(
        &mut self,
        ino: Ino,
        path: &Path,
    ) -> io::Result<(&mut FileNode, &mut u64)> {
        match self.nodes.get_mut(&ino).map(Arc::make_mut) {
            Some(Node::File(file)) => Ok((file, &mut self.ids)),
            Some(Node::Dir(_)) => Err(is_a_directory(path)),
            None => Err(missing(path)),
        }
    }

    pub(super) fn entry_kind(&self, ino: Ino) -> EntryKind {
        match self.nodes.get(&ino).map(|node| &**node) {
            Some(Node::File(_)) => EntryKind::File,
            Some(Node::Dir(_)) => EntryKind::Dir,
            None => EntryKind::Other,
        }
    }

    /// The node a path leads to. Relative paths start at the root.
    pub(super) fn lookup(&self, path: &Path) -> io::Result<Ino> {
        let mut ino = ROOT;
        for component in path.components() {
            match component {
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
                Component::ParentDir => {
                    return Err(invalid(path, "MemDisk knows no `..`"));
                }
                Component::Normal(name) => {
                    let dir = self.dir(ino, path)?;
                    ino = *dir.live.get(name).ok_or_else(|| missing(path))?;
                }
            }
        }
        Ok(ino)
    }

    /// The directory that holds a path's last name, and that name.
    pub(super) fn parent<'p>(&self, path: &'p Path) -> io::Result<(Ino, &'p OsStr)> {
        let name = path.file_name().ok_or_else(|| invalid(path, "this path ends in no name"))?;
        let ino = self.lookup(path.parent().unwrap_or(Path::new("")))?;
        self.dir(ino, path)?;
        Ok((ino, name))
    }

    fn require_free(&self, dir: Ino, name: &OsStr, path: &Path) -> io::Result<()> {
        if self.dir(dir, path)?.live.contains_key(name) {
            return Err(refuse(ErrorKind::AlreadyExists, "create", path, "the name is taken"));
        }
        Ok(())
    }

    /// Creates a file or directory and returns its number and full path.
    pub(super) fn create(&mut self, path: &Path, kind: EntryKind) -> io::Result<(Ino, Arc<Path>)> {
        if path.has_root() && path.file_name().is_none() {
            return Err(refuse(ErrorKind::AlreadyExists, "create", path, "this is the root"));
        }
        let (parent, name) = self.parent(path)?;
        self.require_free(parent, name, path)?;
        let full = self.dir(parent, path)?.path_of(name);
        let ino = self.next_ino;
        self.next_ino += 1;
        let (node, given) = match kind {
            EntryKind::Dir => {
                (Node::Dir(DirNode::durable(full.clone(), BTreeMap::new())), Given::CreateDir)
            }
            _ => (Node::File(FileNode::durable(full.clone(), Pages::default())), Given::Create),
        };
        self.nodes.insert(ino, Arc::new(node));
        self.change_name(parent, NameChange::Set { name: name.to_owned(), ino, given }, path)?;
        Ok((ino, full))
    }

    fn change_name(&mut self, dir: Ino, change: NameChange, path: &Path) -> io::Result<()> {
        let (dir, ids) = self.dir_mut(dir, path)?;
        dir.change(change, ids);
        Ok(())
    }

    /// Renames a file.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (from_dir, from_name) = self.parent(from)?;
        let ino = self.lookup(from)?;
        self.file(ino, from)?;
        let (to_dir, to_name) = self.parent(to)?;
        if let Some(old) = self.dir(to_dir, to)?.live.get(to_name) {
            if *old == ino {
                return Ok(()); // POSIX: two names of one file stay as they are
            }
            self.file(*old, to)?;
        }
        let (from_full, to_full) =
            (self.dir(from_dir, from)?.path_of(from_name), self.dir(to_dir, to)?.path_of(to_name));
        let (file, _) = self.file_mut(ino, from)?;
        file.path = to_full.clone();
        let (from_name, to_name) = (OsString::from(from_name), OsString::from(to_name));
        if from_dir == to_dir {
            let change = NameChange::Rename { from: from_name, to: to_name, ino };
            return self.change_name(from_dir, change, from);
        }
        let given = Given::RenamedFrom(from_full);
        self.change_name(to_dir, NameChange::Set { name: to_name, ino, given }, to)?;
        let taken = Taken::RenamedTo(to_full);
        self.change_name(from_dir, NameChange::Remove { name: from_name, taken }, from)
    }

    /// Renames a directory within the one that it is in.
    pub(super) fn rename_dir(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (parent, from_name) = self.parent(from)?;
        let ino = self.lookup(from)?;
        self.dir(ino, from)?;
        if from.parent() != to.parent() {
            return Err(invalid(to, "this is in another directory"));
        }
        let (_, to_name) = self.parent(to)?;
        self.require_free(parent, to_name, to)?;
        let holder = self.dir(parent, from)?;
        let (old, new) = (holder.path_of(from_name), holder.path_of(to_name));
        let change = NameChange::Rename { from: from_name.into(), to: to_name.into(), ino };
        self.change_name(parent, change, from)?;
        self.rename_below(ino, &old, &new);
        Ok(())
    }

    /// What lies in a directory that was renamed is called otherwise, too; but for files that have
    /// been given another name elsewhere.
    fn rename_below(&mut self, dir: Ino, old: &Path, new: &Arc<Path>) {
        let mut todo = vec![(dir, new.clone())];
        while let Some((ino, path)) = todo.pop() {
            match self.nodes.get_mut(&ino).map(Arc::make_mut) {
                Some(Node::Dir(dir)) => {
                    dir.path = path;
                    todo.extend(dir.live.iter().map(|(name, ino)| (*ino, dir.path_of(name))));
                }
                Some(Node::File(file)) if file.path.starts_with(old) => file.path = path,
                _ => {}
            }
        }
    }

    /// Gives a file a further name.
    pub(super) fn hard_link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.has_links {
            return Err(refuse(ErrorKind::Unsupported, "link", to, "this disk has no links"));
        }
        let ino = self.lookup(from)?;
        let (parent, name) = self.parent(to)?;
        self.require_free(parent, name, to)?;
        if self.entry_kind(ino) != EntryKind::File {
            return Err(refuse(ErrorKind::PermissionDenied, "link", from, "this is a directory"));
        }
        let change = NameChange::Set { name: name.to_owned(), ino, given: Given::Link };
        self.change_name(parent, change, to)
    }

    /// Removes a file's name.
    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.lookup(path)?;
        self.file(ino, path)?;
        let (parent, name) = self.parent(path)?;
        let change = NameChange::Remove { name: name.to_owned(), taken: Taken::Unlink };
        self.change_name(parent, change, path)
    }

    /// Removes an empty directory.
    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.lookup(path)?;
        let dir = self.dir(ino, path)?;
        let (parent, name) = self.parent(path)?;
        if !dir.live.is_empty() {
            let kind = ErrorKind::DirectoryNotEmpty;
            return Err(refuse(kind, "remove directory", path, "it is not empty"));
        }
        let change = NameChange::Remove { name: name.to_owned(), taken: Taken::RemoveDir };
        self.change_name(parent, change, path)
    }

    /// Makes a directory's names durable; on an ordered disk those of all directories.
    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let ino = self.lookup(path)?;
        let (dir, _) = self.dir_mut(ino, path)?;
        let mut may_orphan = dir.sync();
        if self.personality == Personality::Ordered {
            for node in self.nodes.values_mut() {
                if let Node::Dir(dir) = &**node
                    && dir.pending.is_empty()
                {
                    continue;
                }
                if let Node::Dir(dir) = Arc::make_mut(node) {
                    may_orphan |= dir.sync();
                }
            }
        }
        if may_orphan {
            self.drop_orphans();
        }
        Ok(())
    }

    /// Forgets the nodes that nothing can bring back.
    pub(super) fn drop_orphans(&mut self) {
        let keep = self.reachable();
        self.nodes.retain(|ino, _| keep.contains(ino));
    }

    /// The nodes that have a visible, durable or pending name, a handle or a lock.
    fn reachable(&self) -> BTreeSet<Ino> {
        let mut todo = vec![ROOT];
        todo.extend(self.handles.keys());
        todo.extend(&self.locks);
        self.closure(todo, |dir, todo| todo.extend(dir.live.values()))
    }

    /// The nodes that take up space: those with a visible name, a handle or a lock.
    pub(super) fn visible(&self) -> BTreeSet<Ino> {
        let mut todo = vec![ROOT];
        todo.extend(self.handles.keys());
        todo.extend(&self.locks);
        let mut reached = BTreeSet::new();
        while let Some(ino) = todo.pop() {
            if reached.insert(ino)
                && let Some(Node::Dir(dir)) = self.nodes.get(&ino).map(|node| &**node)
            {
                todo.extend(dir.live.values());
            }
        }
        reached
    }

    /// The nodes that a crash may leave in the image: those with a durable or pending name.
    pub(super) fn may_survive(&self) -> BTreeSet<Ino> {
        self.closure(vec![ROOT], |_, _| {})
    }

    fn closure(&self, mut todo: Vec<Ino>, also: impl Fn(&DirNode, &mut Vec<Ino>)) -> BTreeSet<Ino> {
        let mut reached = BTreeSet::new();
        while let Some(ino) = todo.pop() {
            if !reached.insert(ino) {
                continue;
            }
            if let Some(Node::Dir(dir)) = self.nodes.get(&ino).map(|node| &**node) {
                todo.extend(dir.durable.values());
                todo.extend(dir.pending.iter().filter_map(|(_, change)| change.gives()));
                also(dir, &mut todo);
            }
        }
        reached
    }
}

fn missing(path: &Path) -> io::Error {
    at(io::Error::from(ErrorKind::NotFound), "find", path)
}

fn not_a_directory(path: &Path) -> io::Error {
    at(io::Error::from(ErrorKind::NotADirectory), "find", path)
}

fn is_a_directory(path: &Path) -> io::Error {
    refuse(ErrorKind::IsADirectory, "use", path, "this is a directory")
}

fn invalid(path: &Path, why: &str) -> io::Error {
    refuse(ErrorKind::InvalidInput, "find", path, why)
}
