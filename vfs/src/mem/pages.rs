//! The bytes of one file: sparse, copy-on-write, cheap to fork.
//!
//! Invariants:
//! 1. A page that is absent, and the part of a page beyond its vector, read as zeros.
//! 2. No page holds a byte at or beyond `len` (so growing shows zeros), except in the middle of
//!    composing a crash image, where `put_anywhere` may run ahead of the length.
//! 3. A page is shared until it is written to; a write copies at most the pages it touches.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::trace::{hash_bytes, mix};

/// Bytes per page; a multiple of the sector size.
pub(super) const PAGE_BYTES: u64 = 4096;

/// A page, or that there is none.
pub(super) type Page = Option<Arc<Vec<u8>>>;

/// The content of a file at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    map: BTreeMap<u64, Arc<Vec<u8>>>,
    len: u64,
}

impl Pages {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut pages = Pages { map: BTreeMap::new(), len: bytes.len() as u64 };
        pages.put_anywhere(0, bytes);
        pages
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The numbers of the pages that hold `len` bytes at `offset`.
    pub(super) fn numbers(offset: u64, len: u64) -> Range<u64> {
        if len == 0 { 0..0 } else { offset / PAGE_BYTES..(offset + len - 1) / PAGE_BYTES + 1 }
    }

    /// Fills `buf` from `offset`; what the file does not hold reads as zeros.
    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) {
        for_each_part(offset, buf.len(), |page, at, part| {
            let buf = &mut buf[part];
            let held = self.map.get(&page).map_or(&[][..], |p| p.get(at..).unwrap_or(&[]));
            let n = held.len().min(buf.len());
            buf[..n].copy_from_slice(&held[..n]);
            buf[n..].fill(0);
        });
    }

    /// Writes at `offset` and grows the length where needed.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.put_anywhere(offset, bytes);
        if !bytes.is_empty() {
            self.len = self.len.max(offset + bytes.len() as u64);
        }
    }

    /// Puts bytes without regard to the length.
    pub(super) fn put_anywhere(&mut self, offset: u64, bytes: &[u8]) {
        for_each_part(offset, bytes.len(), |page, at, part| {
            let page = self.map.entry(page).or_default();
            let end = at + part.len();
            match Arc::get_mut(page) {
                Some(own) => {
                    if own.len() < end {
                        own.resize(end, 0);
                    }
                    own[at..end].copy_from_slice(&bytes[part]);
                }
                None => {
                    let mut own = Vec::with_capacity(page.len().max(end));
                    own.extend_from_slice(page);
                    own.resize(page.len().max(end), 0);
                    own[at..end].copy_from_slice(&bytes[part]);
                    *page = Arc::new(own);
                }
            }
        });
    }

    /// Sets the length and drops all bytes beyond it. Returns the numbers of the pages changed.
    pub(super) fn set_len(&mut self, len: u64) -> Vec<u64> {
        self.len = len;
        let first_beyond = len.div_ceil(PAGE_BYTES);
        let mut changed: Vec<u64> = self.map.split_off(&first_beyond).into_keys().collect();
        let keep = (len % PAGE_BYTES) as usize;
        if let Some(last) = self.map.get_mut(&(len / PAGE_BYTES))
            && last.len() > keep
        {
            *last = Arc::new(last[..keep].to_vec());
            changed.push(len / PAGE_BYTES);
        }
        changed
    }

    /// Makes page `number` what it is in `other` and returns what it was; the length is left alone.
    pub(super) fn take_page(&mut self, number: u64, other: &Pages) -> Page {
        self.put_page(number, other.map.get(&number).cloned())
    }

    /// Makes page `number` this one and returns what it was; the length is left alone.
    pub(super) fn put_page(&mut self, number: u64, page: Page) -> Page {
        match page {
            Some(page) => self.map.insert(number, page),
            None => self.map.remove(&number),
        }
    }

    /// Whether page `number` takes up space.
    pub(super) fn has_page(&self, number: u64) -> bool {
        self.map.contains_key(&number)
    }

    /// How many pages take up space.
    pub(super) fn page_count(&self) -> u64 {
        self.map.len() as u64
    }

    /// Drops the bytes that ran ahead of the length: without a length that covers them they are
    /// lost.
    pub(super) fn trim(&mut self) {
        self.set_len(self.len);
    }

    /// Sets the length without touching the bytes.
    pub(super) fn take_len(&mut self, other: &Pages) {
        self.len = other.len;
    }

    /// Sets the length and leaves the bytes beyond it, until [`Pages::trim`].
    pub(super) fn force_len(&mut self, len: u64) {
        self.len = len;
    }

    /// One number for the length and the bytes, however they lie in pages.
    pub(super) fn hash(&self) -> u64 {
        let mut hash = mix(0, self.len);
        for (number, page) in &self.map {
            let zeros = page.iter().rev().take_while(|byte| **byte == 0).count();
            if zeros < page.len() {
                hash = mix(mix(hash, *number), hash_bytes(&page[..page.len() - zeros]));
            }
        }
        hash
    }

    /// All bytes in one piece, or `None` if that many can't be had.
    pub(super) fn contiguous(&self) -> Option<Vec<u8>> {
        let len = usize::try_from(self.len).ok()?;
        let mut all = Vec::new();
        all.try_reserve_exact(len).ok()?;
        for (number, page) in &self.map {
            // Below `len`, by invariant 2.
            all.resize((number * PAGE_BYTES) as usize, 0);
            all.extend_from_slice(page);
        }
        all.resize(len, 0);
        Some(all)
    }
}

/// Splits `len` bytes at `offset` by page: page number, offset in the page, range in the buffer.
fn for_each_part(offset: u64, len: usize, mut part: impl FnMut(u64, usize, Range<usize>)) {
    let mut done = 0;
    while done < len {
        let here = offset + done as u64;
        let at = (here % PAGE_BYTES) as usize;
        let n = (len - done).min(PAGE_BYTES as usize - at);
        part(here / PAGE_BYTES, at, done..done + n);
        done += n;
    }
}
