//! [`MemDisk`] as a [`Vfs`].

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use super::MemDisk;
use super::fault::OpKind;
use super::file::{MemFile, MemLock};
use super::state::{Odd, State, Verdict};
use super::trace::Call;
use crate::traits::{Access, DirEntry, EntryKind, File, FileLock, Vfs};

impl MemDisk {
    /// Counts the call, lets it do what is to become of it, and takes it down in the trace.
    pub(super) fn run<'c, T>(
        &self,
        call: Call<'c>,
        body: impl FnOnce(&mut State, &mut Call<'c>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.run_odd(call, |state, call, _| body(state, call))
    }

    /// The same for a call that knows what else may become of it.
    pub(super) fn run_odd<'c, T>(
        &self,
        mut call: Call<'c>,
        body: impl FnOnce(&mut State, &mut Call<'c>, Option<Odd>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let result = match state.admit(&call) {
            Verdict::Go => body(state, &mut call, None),
            Verdict::Odd(odd) => body(state, &mut call, Some(odd)),
            Verdict::Half(_, error) => body(state, &mut call, None).and(Err(error)),
            Verdict::Fail(error) => Err(error),
            Verdict::Dead(error) => return Err(error),
        };
        state.record(&call, &result);
        result
    }
}

impl State {
    /// Takes a finished call down in the trace.
    pub(super) fn record<T>(&mut self, call: &Call<'_>, result: &io::Result<T>) {
        self.trace.record(call, self.calls, result.as_ref().err().map(io::Error::kind));
    }
}

/// All calls are atomic towards each other.
impl Vfs for MemDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let (ino, full) = self.run(Call::on(OpKind::Create, path), |state, call| {
            state.require_room(call)?;
            state.create(path, EntryKind::File)
        })?;
        Ok(Arc::new(MemFile::new(self.clone(), ino, full, Access::ReadWrite)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        let (ino, full) = self.run(Call::on(OpKind::Open, path), |state, _| {
            let ino = state.lookup(path)?;
            state.file(ino, path)?;
            let (parent, name) = state.parent(path)?;
            Ok((ino, state.dir(parent, path)?.path_of(name)))
        })?;
        Ok(Arc::new(MemFile::new(self.clone(), ino, full, access)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::Rename, from).to(to), |state, _| state.rename(from, to))
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::RenameDir, from).to(to), |state, _| state.rename_dir(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::RemoveFile, path), |state, _| state.remove_file(path))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::HardLink, from).to(to), |state, _| state.hard_link(from, to))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.run(Call::on(OpKind::ReadDir, path), |state, call| {
            let dir = state.dir(state.lookup(path)?, path)?;
            let entry = |(name, ino): (&std::ffi::OsString, &u64)| DirEntry {
                name: name.clone(),
                kind: state.entry_kind(*ino),
            };
            let entries: Vec<_> = dir.live.iter().map(entry).collect();
            call.len = entries.len() as u64;
            Ok(entries)
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::CreateDir, path), |state, call| {
            state.require_room(call)?;
            state.create(path, EntryKind::Dir).map(drop)
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.run(Call::on(OpKind::RemoveDir, path), |state, _| state.remove_dir(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run_odd(Call::on(OpKind::SyncDir, path), |state, _, odd| match odd {
            Some(Odd::Lie) => state.lookup(path).map(drop),
            _ => state.sync_dir(path),
        })
    }

    fn kind(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.run(Call::on(OpKind::Kind, path), |state, _| match state.lookup(path) {
            Ok(ino) => Ok(Some(state.entry_kind(ino))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(e) => Err(e),
        })
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn FileLock>>> {
        let taken = self.run(Call::on(OpKind::Lock, path), |state, call| {
            let ino = match state.lookup(path) {
                Ok(ino) => ino,
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    state.require_room(call)?;
                    state.create(path, EntryKind::File)?.0
                }
                Err(e) => return Err(e),
            };
            let path = state.file(ino, path)?.path.clone();
            Ok(state.locks.insert(ino).then_some((ino, path)))
        })?;
        Ok(taken.map(|(ino, path)| {
            Box::new(MemLock::new(self.clone(), ino, path)) as Box<dyn FileLock>
        }))
    }
}
