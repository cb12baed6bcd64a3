//! Handles of a [`MemDisk`]: open files, views of sealed files, locks.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use super::MemDisk;
use super::fault::OpKind;
use super::node::Ino;
use super::state::{State, Verdict};
use super::trace::{Call, hash_bytes};
use crate::error::{past_end, refuse};
use crate::traits::{Access, File, FileLock, Map};

/// The longest file, so that a mistaken offset is an error and not the end of the memory.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 40;

/// An open file of a [`MemDisk`].
#[derive(Debug)]
pub(super) struct MemFile {
    disk: MemDisk,
    ino: Ino,
    path: Arc<Path>,
    access: Access,
}

impl MemFile {
    pub(super) fn new(disk: MemDisk, ino: Ino, path: Arc<Path>, access: Access) -> Self {
        *disk.lock().handles.entry(ino).or_default() += 1;
        MemFile { disk, ino, path, access }
    }

    fn call(&self, op: OpKind) -> Call<'_> {
        Call::on(op, &self.path)
    }

    fn require_writable(&self) -> io::Result<()> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::Read => Err(refuse(
                ErrorKind::PermissionDenied,
                "write",
                &self.path,
                "the file was opened for reading",
            )),
        }
    }

    /// Writes at an offset, or at the end; returns where.
    fn write(&self, buf: &[u8], offset: Option<u64>) -> io::Result<u64> {
        self.require_writable()?;
        let mut guard = self.disk.lock();
        let state = &mut *guard;
        let end = state.file(self.ino, &self.path)?.live.len();
        let offset = offset.unwrap_or(end);
        require_representable(&self.path, offset, buf.len() as u64)?;
        let call = self.call(OpKind::Write).bytes(offset, buf);
        let (part, result) = match state.admit(&call) {
            Verdict::Go => (buf, Ok(offset)),
            Verdict::Half(bytes, error) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                (&buf[..bytes.min(buf.len())], Err(error))
            }
            Verdict::Fail(error) => (&buf[..0], Err(error)),
            Verdict::Dead(error) => return Err(error),
        };
        let (file, ids) = state.file_mut(self.ino, &self.path)?;
        file.write(offset, part, ids);
        state.record(&call, &result);
        result
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.run(self.call(OpKind::Sync), |state, _| {
            state.file_mut(self.ino, &self.path)?.0.sync();
            Ok(())
        })
    }
}

fn require_representable(path: &Path, offset: u64, len: u64) -> io::Result<()> {
    match offset.checked_add(len) {
        Some(end) if end <= FILE_BYTES_MAX => Ok(()),
        Some(end) if i64::try_from(end).is_ok() => Err(refuse(
            ErrorKind::FileTooLarge,
            "write",
            path,
            "MemDisk holds no file of more than 1 TiB",
        )),
        _ => Err(refuse(ErrorKind::InvalidInput, "write", path, "the offset is out of range")),
    }
}

impl File for MemFile {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.run(self.call(OpKind::Read), |state, call| {
            let file = state.file(self.ino, &self.path)?;
            let len = file.live.len();
            call.offset = offset;
            match offset.checked_add(buf.len() as u64) {
                _ if buf.is_empty() => return Ok(()),
                Some(end) if end <= len => file.live.read(offset, buf),
                _ => return Err(past_end(&self.path, offset, buf.len(), len)),
            }
            call.len = buf.len() as u64;
            call.content = hash_bytes(buf);
            Ok(())
        })
    }

    fn write_all_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.write(buf, Some(offset)).map(drop)
    }

    fn append(&self, buf: &[u8]) -> io::Result<u64> {
        self.write(buf, None)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.require_writable()?;
        require_representable(&self.path, len, 0)?;
        self.disk.run(self.call(OpKind::SetLen).value(len), |state, _| {
            let (file, ids) = state.file_mut(self.ino, &self.path)?;
            file.set_len(len, ids);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.disk.run(self.call(OpKind::Len), |state, call| {
            call.offset = state.file(self.ino, &self.path)?.live.len();
            Ok(call.offset)
        })
    }

    fn map(&self) -> io::Result<Arc<dyn Map>> {
        self.disk.run(self.call(OpKind::Map), |state, call| {
            let file = state.file(self.ino, &self.path)?;
            call.len = file.live.len();
            let all = file.whole().ok_or_else(|| {
                refuse(ErrorKind::OutOfMemory, "map", &self.path, "no memory for all of it")
            })?;
            Ok(Arc::new(MemMap { path: self.path.clone(), all }) as Arc<dyn Map>)
        })
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        self.disk.lock().close(self.ino);
    }
}

impl State {
    fn close(&mut self, ino: Ino) {
        if let Some(count) = self.handles.get_mut(&ino) {
            *count -= 1;
            if *count == 0 {
                self.handles.remove(&ino);
            }
        }
    }
}

/// A view of a sealed file; holds the bytes as they were when it was made.
#[derive(Debug)]
struct MemMap {
    path: Arc<Path>,
    all: Arc<Vec<u8>>,
}

impl Map for MemMap {
    fn len(&self) -> u64 {
        self.all.len() as u64
    }

    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        usize::try_from(offset)
            .ok()
            .and_then(|start| self.all.get(start..start.checked_add(len)?))
            .map(Cow::Borrowed)
            .ok_or_else(|| past_end(&self.path, offset, len, self.all.len() as u64))
    }

    fn whole(&self) -> Option<&[u8]> {
        Some(&self.all)
    }
}

/// A held lock of a [`MemDisk`].
#[derive(Debug)]
pub(super) struct MemLock {
    disk: MemDisk,
    ino: Ino,
    path: Arc<Path>,
}

impl MemLock {
    /// Wraps a lock that has been taken.
    pub(super) fn new(disk: MemDisk, ino: Ino, path: Arc<Path>) -> Self {
        MemLock { disk, ino, path }
    }
}

impl FileLock for MemLock {
    fn write_holder(&self, text: &str) -> io::Result<()> {
        let call = Call::on(OpKind::WriteHolder, &self.path).bytes(0, text.as_bytes());
        self.disk.run(call, |state, _| {
            let (file, ids) = state.file_mut(self.ino, &self.path)?;
            file.set_len(0, ids);
            file.write(0, text.as_bytes(), ids);
            Ok(())
        })
    }

    fn holder(&self) -> String {
        "the simulation".to_owned()
    }
}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.disk.lock().locks.remove(&self.ino);
    }
}
