//! Handles of a [`MemDisk`]: open files and locks.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::MemDisk;
use super::crash::SECTOR_BYTES;
use super::fault::{FaultKind, OpKind};
use super::map::{MapMode, MemMap, ReadMap};
use super::node::{Ino, Node};
use super::state::{Odd, State, Verdict};
use super::trace::{Call, hash_bytes};
use crate::error::{past_end, refuse};
use crate::traits::{Access, File, FileLock, Map};

/// The longest file, so that a mistaken offset is an error and not the end of the memory.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 40;

/// What keeps a file alive while somebody has it open.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) disk: MemDisk,
    pub(super) ino: Ino,
    pub(super) path: Arc<Path>,
}

impl Handle {
    fn new(disk: MemDisk, ino: Ino, path: Arc<Path>) -> Self {
        *disk.lock().handles.entry(ino).or_default() += 1;
        Handle { disk, ino, path }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.disk.lock().close(self.ino);
    }
}

/// An open file of a [`MemDisk`].
#[derive(Debug)]
pub(super) struct MemFile {
    handle: Handle,
    access: Access,
}

impl Deref for MemFile {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl MemFile {
    pub(super) fn new(disk: MemDisk, ino: Ino, path: Arc<Path>, access: Access) -> Self {
        MemFile { handle: Handle::new(disk, ino, path), access }
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
        let mut odd = None;
        let (mut part, mut result) = match state.admit(&call) {
            Verdict::Go => (buf, Ok(offset)),
            Verdict::Half(bytes, error) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                (&buf[..bytes.min(buf.len())], Err(error))
            }
            Verdict::Odd(what) => {
                odd = Some(what);
                (buf, Ok(offset))
            }
            Verdict::Fail(error) => (&buf[..0], Err(error)),
            Verdict::Dead(error) => return Err(error),
        };
        let fits = state.fits(&state.file(self.ino, &self.path)?.live, offset, part.len() as u64);
        if fits < part.len() as u64 {
            state.deliver(&call, FaultKind::StorageFull { bytes: fits }, None);
            part = &part[..fits as usize];
            let why = "the simulated disk is full";
            result = Err(refuse(ErrorKind::StorageFull, "write", &self.path, why));
        }
        self.put(state, &call, (offset, part), odd.as_ref())?;
        state.record(&call, &result);
        result
    }

    /// Does a write, or what becomes of it.
    fn put(
        &self,
        state: &mut State,
        call: &Call<'_>,
        (offset, part): (u64, &[u8]),
        odd: Option<&Odd>,
    ) -> io::Result<()> {
        let (file, ids) = state.file_mut(self.ino, &self.path)?;
        match odd {
            Some(Odd::Fault(FaultKind::LostWrite { cached })) => {
                file.lose_write(offset, part, *cached, ids);
            }
            Some(Odd::Fault(FaultKind::MisdirectedWrite { file: pick, offset: to })) => {
                file.lose_write(offset, part, false, ids);
                state.misdirect(call, self.ino, (*pick, *to), part);
            }
            Some(Odd::Fault(FaultKind::Flip { at, xor })) => {
                let mut flipped = part.to_vec();
                flip(&mut flipped, *at, *xor);
                file.write(offset, &flipped, ids);
            }
            _ => file.write(offset, part, ids),
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.run_odd(self.call(OpKind::Sync), |state, _, odd| {
            let file = state.file_mut(self.ino, &self.path)?.0;
            match odd {
                Some(Odd::Lie) => {}
                Some(Odd::Fault(FaultKind::SyncDrop { shows })) => {
                    file.drop_dirty(shows);
                    return Err(io_error("sync", &self.path));
                }
                _ => file.sync(),
            }
            Ok(())
        })
    }
}

fn io_error(doing: &'static str, path: &Path) -> io::Error {
    refuse(ErrorKind::Other, doing, path, "simulated I/O error")
}

/// Flips bits of one byte, counted round.
pub(super) fn flip(bytes: &mut [u8], at: u64, xor: u8) {
    if let Some(at) = at.checked_rem(bytes.len() as u64) {
        bytes[at as usize] ^= xor.max(1);
    }
}

impl State {
    /// Puts bytes where nobody wanted them.
    fn misdirect(&mut self, call: &Call<'_>, ino: Ino, (pick, to): (u16, u64), bytes: &[u8]) {
        let mut others = BTreeMap::new();
        for other in self.visible() {
            if let Some(Node::File(file)) = self.nodes.get(&other).map(|node| &**node)
                && other != ino
                && file.live.len() > 0
            {
                others.insert(file.path.clone(), other);
            }
        }
        let at = usize::from(pick.wrapping_sub(1)).checked_rem(others.len()).filter(|_| pick > 0);
        let target = at.and_then(|at| others.values().nth(at).copied()).unwrap_or(ino);
        let Ok((file, _)) = self.file_mut(target, call.path) else { return };
        let to = to.checked_rem(file.live.len()).unwrap_or(0) / SECTOR_BYTES * SECTOR_BYTES;
        file.hit(to, bytes);
        let path = file.path.clone();
        if let Some(delivered) = self.delivered.last_mut() {
            delivered.hit = Some(path.to_path_buf());
        }
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
        self.disk.run_odd(self.call(OpKind::Read), |state, call, odd| {
            let file = state.file(self.ino, &self.path)?;
            let len = file.live.len();
            call.offset = offset;
            match offset.checked_add(buf.len() as u64) {
                _ if buf.is_empty() => return Ok(()),
                Some(end) if end <= len => file.live.read(offset, buf),
                _ => return Err(past_end(&self.path, offset, buf.len(), len)),
            }
            call.len = buf.len() as u64;
            match odd {
                Some(Odd::Fault(FaultKind::EioAfter { bytes })) => {
                    let done = usize::try_from(bytes).unwrap_or(usize::MAX).min(buf.len());
                    buf[done..].fill(0);
                    call.len = done as u64;
                    return Err(io_error("read", &self.path));
                }
                Some(Odd::Fault(FaultKind::Flip { at, xor })) => flip(buf, at, xor),
                _ => {}
            }
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
        let in_memory = self.disk.run(self.call(OpKind::Map), |state, call| {
            let file = state.file(self.ino, &self.path)?;
            call.len = file.live.len();
            if state.map_mode == MapMode::Reads {
                return Ok(None);
            }
            let all = file.whole().ok_or_else(|| {
                refuse(ErrorKind::OutOfMemory, "map", &self.path, "no memory for all of it")
            })?;
            Ok(Some(Arc::new(MemMap { path: self.path.clone(), all }) as Arc<dyn Map>))
        })?;
        if let Some(view) = in_memory {
            return Ok(view);
        }
        let handle = Handle::new(self.disk.clone(), self.ino, self.path.clone());
        let len = self.disk.lock().file(self.ino, &self.path)?.live.len();
        Ok(Arc::new(ReadMap { handle, len }))
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
