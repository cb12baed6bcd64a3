//! Views of sealed files.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::MemDisk;
use super::fault::{FaultKind, OpKind};
use super::file::{Handle, flip};
use super::state::{Odd, State};
use super::trace::{Call, hash_bytes};
use crate::error::past_end;
use crate::traits::Map;

/// How views of sealed files are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum MapMode {
    /// A view holds its bytes in memory, as they were when it was made; [`Map::whole`] gives them.
    /// Nothing can go wrong any more.
    #[default]
    Memory,
    /// Each [`Map::bytes`] is a call of its own, an [`OpKind::MapRead`]: it sees what the file
    /// holds now, it can fail, and [`Map::whole`] gives nothing.
    Reads,
}

/// A view of a sealed file; holds the bytes as they were when it was made.
#[derive(Debug)]
pub(super) struct MemMap {
    pub(super) path: Arc<Path>,
    pub(super) all: Arc<Vec<u8>>,
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

/// A view of a sealed file that reads page by page.
#[derive(Debug)]
pub(super) struct ReadMap {
    pub(super) handle: Handle,
    pub(super) len: u64,
}

impl ReadMap {
    fn read(&self, state: &mut State, buf: &mut [u8], offset: u64, odd: Option<&Odd>) {
        // Views outlive no node: the handle keeps it.
        let Ok(file) = state.file(self.handle.ino, &self.handle.path) else { return };
        match odd {
            Some(Odd::Fault(FaultKind::StalePage)) => file.read_stale(offset, buf),
            _ => file.live.read(offset, buf),
        }
        if let Some(Odd::Fault(FaultKind::Flip { at, xor })) = odd {
            flip(buf, *at, *xor);
        }
    }
}

impl Map for ReadMap {
    fn len(&self) -> u64 {
        self.len
    }

    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let (disk, path): (&MemDisk, &Path) = (&self.handle.disk, &self.handle.path);
        disk.run_odd(Call::on(OpKind::MapRead, path), |state, call, odd| {
            let end = state.file(self.handle.ino, path)?.live.len().min(self.len);
            call.offset = offset;
            if offset.checked_add(len as u64).is_none_or(|to| to > end) {
                return Err(past_end(path, offset, len, end));
            }
            let mut buf = vec![0; len];
            self.read(state, &mut buf, offset, odd.as_ref());
            call.len = len as u64;
            call.content = hash_bytes(&buf);
            Ok(Cow::Owned(buf))
        })
    }

    fn whole(&self) -> Option<&[u8]> {
        None
    }
}
