//! A memory map of a sealed file: the only place in srdb with `unsafe` code.
//!
//! Invariants:
//! 1. The map is read-only and shared, and lives as long as the `MmapView` that holds it.
//! 2. The mapped file is *sealed*: the engine writes, syncs and only then maps a file, and never
//!    writes to it or cuts it again, it only removes its name. Removing the name of a mapped file
//!    leaves the bytes in place.
//!
//! What is not defended against: another program that cuts a mapped file (then touching the lost
//! pages ends the process with `SIGBUS`), and an I/O error while a page is read (likewise). Where
//! that matters, on a network file system for one, use [`ReadMode::Pread`](crate::ReadMode).

#![allow(unsafe_code, reason = "a memory map can't be made without it; this file is the only one")]
#![allow(clippy::disallowed_types, reason = "what is mapped is a real file")]

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::{at, past_end};
use crate::traits::Map;

/// A read-only map of a whole file; `None` where the file is empty, which can't be mapped.
#[derive(Debug)]
pub(crate) struct MmapView {
    path: Arc<Path>,
    map: Option<memmap2::Mmap>,
}

impl MmapView {
    /// Maps the file as long as it is now. The caller holds to invariant 2.
    pub(crate) fn of_sealed(file: &fs::File, path: Arc<Path>) -> io::Result<Self> {
        let len = file.metadata().map_err(|e| at(e, "map", &path))?.len();
        if len == 0 {
            return Ok(MmapView { path, map: None });
        }
        // SAFETY: the contents of a map must not change under a `&[u8]` that borrows them. The
        // file is sealed (invariant 2 above, the contract of `File::map`): no code in srdb writes
        // to it or cuts it while the map lives, and LOCK keeps other srdb processes out.
        let map = unsafe { memmap2::Mmap::map(file) }.map_err(|e| at(e, "map", &path))?;
        Ok(MmapView { path, map: Some(map) })
    }

    fn all(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

impl Map for MmapView {
    fn len(&self) -> u64 {
        self.all().len() as u64
    }

    fn bytes(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let all = self.all();
        usize::try_from(offset)
            .ok()
            .and_then(|start| all.get(start..start.checked_add(len)?))
            .map(Cow::Borrowed)
            .ok_or_else(|| past_end(&self.path, offset, len, all.len() as u64))
    }

    fn whole(&self) -> Option<&[u8]> {
        Some(self.all())
    }
}
