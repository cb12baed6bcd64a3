//! Meddling with a disk from outside: bits that flip, caches that are emptied, room that runs out.

use std::io;
use std::path::{Path, PathBuf};

use super::MemDisk;
use super::node::Node;
use super::pages::{PAGE_BYTES, Pages};
use super::state::State;
use crate::error::refuse;

/// Where a bit flips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RotPlace {
    /// On the medium, and whoever reads sees it.
    #[default]
    Both,
    /// On the medium. Reads see it once the page has left the cache, or the machine died.
    Medium,
    /// In the page cache. It goes away with the page, unless a write to the page carries it along.
    Cache,
}

impl MemDisk {
    /// Flips bits of one byte, of the medium and the cache: [`MemDisk::rot`] at
    /// [`RotPlace::Both`].
    ///
    /// # Errors
    /// As [`MemDisk::rot`].
    pub fn corrupt(&self, path: impl AsRef<Path>, offset: u64, xor: u8) -> io::Result<()> {
        self.rot(path, offset, xor, RotPlace::Both)
    }

    /// Flips bits of one byte: bit rot. Views that hold their bytes in memory do not see it.
    ///
    /// # Errors
    /// `NotFound` if there is no such file, `UnexpectedEof` if it has no such byte.
    pub fn rot(
        &self,
        path: impl AsRef<Path>,
        offset: u64,
        xor: u8,
        place: RotPlace,
    ) -> io::Result<()> {
        let path = path.as_ref();
        let mut state = self.lock();
        let ino = state.lookup(path)?;
        let (file, _) = state.file_mut(ino, path)?;
        if offset >= file.live.len() {
            let kind = io::ErrorKind::UnexpectedEof;
            return Err(refuse(kind, "corrupt", path, "the file has no such byte"));
        }
        file.rot(offset, xor, place);
        Ok(())
    }

    /// Empties the page cache of all that is clean, as want of memory does at any time. That shows
    /// where the cache and the medium have parted: after a sync that dropped dirty pages, a write
    /// that was lost, rot. Returns the files whose visible content changed, sorted.
    pub fn drop_caches(&self) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for node in self.lock().nodes.values_mut() {
            if let Node::File(file) = &**node
                && !file.has_ghosts()
            {
                continue;
            }
            if let Node::File(file) = std::sync::Arc::make_mut(node)
                && file.evict()
            {
                changed.push(file.path.to_path_buf());
            }
        }
        changed.sort();
        changed
    }

    /// How many bytes the disk has room for; `None`, as it is at first, for as many as one likes.
    ///
    /// A file takes up its pages of 4 KiB that were ever written to (holes are free) and one more,
    /// a directory one. A write that does not fit fails with `StorageFull` and leaves what fits;
    /// writing where there is a page already always fits. Removing a file gives its room back when
    /// the last handle is gone, cutting it at once. Stays over a crash.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes.map(|bytes| bytes / PAGE_BYTES);
    }

    /// What was last set with [`MemDisk::set_capacity`], in whole pages.
    pub fn capacity(&self) -> Option<u64> {
        self.lock().capacity.map(|pages| pages * PAGE_BYTES)
    }

    /// How many bytes are taken up, counted as [`MemDisk::set_capacity`] does.
    pub fn used(&self) -> u64 {
        self.lock().pages_used() * PAGE_BYTES
    }
}

impl State {
    /// The pages that are taken up.
    fn pages_used(&self) -> u64 {
        let pages = |ino: &u64| match self.nodes.get(ino).map(|node| &**node) {
            Some(Node::File(file)) => 1 + file.live.page_count(),
            Some(Node::Dir(_)) => 1,
            None => 0,
        };
        self.visible().iter().map(pages).sum()
    }

    /// How many pages are left; none if there is no limit.
    pub(super) fn room(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.pages_used()))
    }

    /// How much of a write at `offset` fits.
    pub(super) fn fits(&self, pages: &Pages, offset: u64, len: u64) -> u64 {
        let Some(mut room) = self.room() else { return len };
        for number in Pages::numbers(offset, len) {
            if pages.has_page(number) {
                continue;
            }
            if room == 0 {
                return (number * PAGE_BYTES).saturating_sub(offset);
            }
            room -= 1;
        }
        len
    }
}
