//! Reads one sealed index file.
//!
//! Invariants
//! 1. Immutable and without locks: any number of threads read through one `Arc<IndexReader>`.
//! 2. No byte is believed before the checksum that covers it was checked: the header on open, each
//!    page and leaf when it is first touched, and then remembered ([`Touched`]). Where reads give
//!    fresh bytes each time (no map), each time.
//! 3. Checksums are not believed to be honest either: every offset and size is checked before it is
//!    used, no search can loop, and nothing is allocated by a number that the size of the file, or
//!    the number of rows of the SST, does not bound.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, Map, Vfs};

use super::filter::{self, BLOCK_BYTES};
use super::leaf::Leaf;
use super::node::{LeafPlace, Node};
use super::writer::{IndexIdentity, PAGE_BLOCKS};
use super::{Cursor, IndexMeta};
use crate::error::{Damage, Error, Result};
use crate::format::index::{
    INDEX_HEADER_BYTES, INDEX_VERSION, IndexHeader, LEAF_ALIGN, PAGE_HEADER_BYTES, PageHeader,
    PageType, index_seed,
};
use crate::format::sst::NODE_BYTES;
use crate::mutant;
use crate::sst::Touched;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct IndexReader {
    path: PathBuf,
    map: Arc<dyn Map>,
    pub(super) header: IndexHeader,
    filter_offset: u64,
    tree_offset: u64,
    /// Whether bytes once checked are the same when they are read again.
    mapped: bool,
    /// The filter's pages, then the tree's.
    pages: Touched,
    leaves: Touched,
}

impl IndexReader {
    /// Opens a sealed file and checks its header against the MANIFEST's record of it. Reads
    /// nothing else.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if this is not the file that was recorded;
    /// [`Error::Unsupported`] if a newer version wrote it.
    pub(crate) fn open(
        vfs: &dyn Vfs,
        path: &Path,
        identity: IndexIdentity,
        expected: &IndexMeta,
    ) -> Result<Self> {
        let file = vfs.open(path, Access::Read).map_err(|e| Error::io("open", path, e))?;
        let map = file.map().map_err(|e| Error::io("map", path, e))?;
        if map.len() != expected.size {
            let what = format!("the file has {} bytes, not {}", map.len(), expected.size);
            return Err(Error::corrupt(path, map.len().min(expected.size), what));
        }
        let corrupt = |damage: Damage| damage.in_file(path, 0);
        let header_bytes = INDEX_HEADER_BYTES.min(map.len() as usize);
        let bytes = map.bytes(0, header_bytes).map_err(|e| Error::io("read", path, e))?;
        let header = IndexHeader::decode(&bytes).map_err(corrupt)?;
        drop(bytes);
        if header.version != INDEX_VERSION || header.flags != 0 {
            let what = format!("index version {}, flags {:#x}", header.version, header.flags);
            return Err(Error::Unsupported { path: path.to_owned(), what });
        }
        header.check(map.len()).map_err(corrupt)?;
        check_identity(&header, identity, expected).map_err(corrupt)?;
        let parts = (header.filter_offset(), header.tree_offset());
        let (Some(filter_offset), Some(tree_offset)) = parts else {
            return Err(Error::corrupt(path, 0, "its parts lie beyond the end of the numbers"));
        };
        Ok(IndexReader {
            path: path.to_owned(),
            filter_offset,
            tree_offset,
            mapped: map.whole().is_some(),
            pages: Touched::new((header.filter_pages + header.nodes) as usize),
            leaves: Touched::new(header.leaves as usize),
            map,
            header,
        })
    }

    /// Rows of the SST: what every row number is below.
    pub(crate) fn row_count(&self) -> u64 {
        self.header.rows
    }

    /// How many keys the file has.
    pub(crate) fn key_count(&self) -> u64 {
        self.header.keys
    }

    /// Whether a key may be there; if not, it certainly is not.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn may_contain(&self, key: &[u8]) -> Result<bool> {
        if self.header.keys == 0 {
            return Ok(false);
        }
        let pages = u64::from(self.header.filter_pages);
        // Every page is full but the last, so its count says how many blocks there are.
        let (_, last) = self.page(self.header.filter_pages - 1)?;
        let blocks = (pages - 1) * PAGE_BLOCKS as u64 + u64::from(last.count.max(1));
        let hash = filter::hash(key);
        let block = filter::block_of(hash, blocks) as usize;
        let (page, _) = self.page((block / PAGE_BLOCKS) as u32)?;
        let at = PAGE_HEADER_BYTES + block % PAGE_BLOCKS * BLOCK_BYTES;
        let bits = page.get(at..).and_then(|bytes| bytes.first_chunk());
        let too_short = || self.corrupt(self.filter_offset, "a part of the filter is missing");
        let denies = || mutant::when("filter-denies", || hash.is_multiple_of(8));
        Ok(filter::has(bits.ok_or_else(too_short)?, hash) && !denies())
    }

    /// How many rows have a key. Decodes none of them.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn count_of(&self, key: &[u8]) -> Result<u32> {
        let cursor = self.find(key)?;
        cursor.map_or(Ok(0), |mut cursor| Ok(cursor.count()?.unwrap_or(0)))
    }

    /// Appends the rows of a key, ascending.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn rows_of(&self, key: &[u8], rows: &mut Vec<u32>) -> Result<()> {
        self.find(key)?.map_or(Ok(()), |mut cursor| cursor.rows(rows))
    }

    /// A cursor at a key that is there.
    fn find(&self, key: &[u8]) -> Result<Option<Cursor<'_>>> {
        if !self.may_contain(key)? {
            return Ok(None);
        }
        let (mut cursor, mut found) = (self.seek(key)?, Vec::new());
        let is_there = cursor.key(&mut found)? && found == key;
        Ok(is_there.then_some(cursor))
    }

    /// A cursor at the first key that is not below `key`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn seek(&self, key: &[u8]) -> Result<Cursor<'_>> {
        if self.header.nodes == 0 {
            return Ok(Cursor::end(self));
        }
        let mut index = self.header.nodes - 1;
        loop {
            let page = self.node_bytes(index)?;
            let node = self.as_node(index, &page)?;
            let child = node.search(key).map_err(|damage| self.in_node(index, damage))?;
            if node.header.level == 1 {
                return Cursor::at(self, index, child, key);
            }
            let below = u64::from(node.header.first_child) + child as u64;
            // Downwards and towards the front only.
            index = match u32::try_from(below) {
                Ok(below) if below < index => below,
                _ => return Err(self.corrupt(self.node_offset(index), "a child can't be there")),
            };
        }
    }

    /// A cursor at the last key, or at none if there is none.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn last(&self) -> Result<Cursor<'_>> {
        let mut cursor = Cursor::end(self);
        cursor.retreat()?;
        Ok(cursor)
    }

    fn node_offset(&self, index: u32) -> u64 {
        self.tree_offset + u64::from(index) * NODE_BYTES as u64
    }

    fn in_node(&self, index: u32, damage: Damage) -> Error {
        damage.in_file(&self.path, self.node_offset(index))
    }

    pub(super) fn corrupt(&self, offset: u64, what: &str) -> Error {
        Error::corrupt(&self.path, offset, what)
    }

    /// The bytes of node `index`, checked.
    pub(super) fn node_bytes(&self, index: u32) -> Result<Cow<'_, [u8]>> {
        self.page(self.header.filter_pages + index).map(|(bytes, _)| bytes)
    }

    pub(super) fn as_node<'b>(&self, index: u32, page: &'b [u8]) -> Result<Node<'b>> {
        let page = page.first_chunk().filter(|_| page.len() == NODE_BYTES);
        let short = || self.corrupt(self.node_offset(index), "a read gave too few bytes");
        let node = Node::parse(page.ok_or_else(short)?);
        node.map_err(|damage| self.in_node(index, damage))
    }

    /// Page `number`, of the filter or of the tree behind it, checked.
    fn page(&self, number: u32) -> Result<(Cow<'_, [u8]>, PageHeader)> {
        let offset = self.filter_offset + u64::from(number) * NODE_BYTES as u64;
        let bytes = self.bytes(offset, NODE_BYTES)?;
        let corrupt = |damage: Damage| damage.in_file(&self.path, offset);
        let Some(page) = bytes.first_chunk::<NODE_BYTES>() else {
            return Err(self.corrupt(offset, "a read gave too few bytes"));
        };
        let header = PageHeader::read(page).map_err(corrupt)?;
        if !self.is_checked(&self.pages, number as usize) {
            let IndexHeader { database_id, file_number, filter_pages, .. } = self.header;
            PageHeader::check(database_id, file_number, offset, page).map_err(corrupt)?;
            let is_filter = header.page_type == PageType::Filter;
            if is_filter != (number < filter_pages) {
                return Err(self.corrupt(offset, "a page of the filter where a node should be"));
            }
            if is_filter && usize::from(header.count) > PAGE_BLOCKS {
                return Err(self.corrupt(offset, "a page of the filter with too many blocks"));
            }
            if !is_filter {
                Node::parse(page).and_then(|node| node.check()).map_err(corrupt)?;
            }
            self.pages.set(number as usize);
        }
        Ok((bytes, header))
    }

    /// The bytes of leaf `number`, checked.
    pub(super) fn leaf_bytes(&self, number: u32, place: LeafPlace) -> Result<Cow<'_, [u8]>> {
        let LeafPlace { offset, bytes: len } = place;
        let end = offset.checked_add(u64::from(len));
        let is_inside = offset >= INDEX_HEADER_BYTES as u64
            && offset.is_multiple_of(LEAF_ALIGN as u64)
            && end.is_some_and(|end| end <= self.header.leaves_end);
        if !is_inside || number >= self.header.leaves {
            return Err(self.corrupt(self.tree_offset, "a leaf can't be where its node says"));
        }
        let bytes = self.bytes(offset, len as usize)?;
        if !self.is_checked(&self.leaves, number as usize) {
            let IndexHeader { database_id, file_number, .. } = self.header;
            let seed = index_seed(database_id, file_number, offset);
            let checked = Leaf::parse(&bytes).and_then(|leaf| leaf.check(seed));
            checked.map_err(|damage| damage.in_file(&self.path, offset))?;
            self.leaves.set(number as usize);
        }
        Ok(bytes)
    }

    pub(super) fn in_leaf(&self, place: LeafPlace, damage: Damage) -> Error {
        damage.in_file(&self.path, place.offset)
    }

    pub(super) fn bytes(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        self.map.bytes(offset, len).map_err(|e| Error::io("read", &self.path, e))
    }

    fn is_checked(&self, touched: &Touched, part: usize) -> bool {
        self.mapped && touched.has(part)
    }
}

/// Whether the header is that of the file the MANIFEST names.
fn check_identity(
    header: &IndexHeader,
    identity: IndexIdentity,
    expected: &IndexMeta,
) -> Result<(), Damage> {
    let IndexIdentity { file_number, database_id, table_id, sst, rows, field, data_type } =
        identity;
    let comparisons = [
        (12, "table id", u64::from(header.table_id), u64::from(table_id)),
        (16, "file number", header.file_number, file_number),
        (16, "file number", header.file_number, expected.file_number),
        (24, "database id", header.database_id, database_id),
        (32, "SST", header.sst, sst),
        (32, "SST", header.sst, expected.sst),
        (40, "field", header.field.into(), field.into()),
        (40, "field", header.field.into(), expected.field.into()),
        (44, "type", header.data_type.into(), data_type.code().into()),
        (48, "number of keys", header.keys, expected.keys),
        (56, "number of entries", header.entries, expected.entries),
        (64, "number of rows", header.rows, rows),
    ];
    for (at, what, found, expected) in comparisons {
        if found != expected {
            return Err(Damage::new(at, format!("its {what} is {found}, not {expected}")));
        }
    }
    Ok(())
}
