//! Reads one sealed SST file.
//!
//! Invariants
//! 1. Immutable and without locks: any number of threads read through one `Arc<SstReader>`.
//! 2. No byte is believed before the checksum that covers it was checked: the header and the
//!    dictionary directory on open; each node, block header, column and dictionary when it is first
//!    touched, and then remembered ([`Touched`]). Where reads give fresh bytes each time (no map),
//!    each time.
//! 3. Checksums are not believed to be honest either: every offset and size is checked before it is
//!    used, and nothing is allocated by a number that the size of the file does not bound.
//!
//! ```text
//! row(seq) ── root ── node … ── leaf ──► block header ──► column entry ──► value
//!             └────── find ───────────┘  └─ BlockRef ─────────────────────────────┘
//! ```

use std::borrow::Cow;
#[cfg(test)]
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{Access, Map, Vfs};

use super::SstMeta;
use super::block::{BlockRef, RowRef};
use super::btree::{BlockPlace, Node, Tree};
use super::touched::Touched;
use super::writer::{SstIdentity, dictionary_seed};
use crate::coding::crc::crc32_seeded;
use crate::column::DictionaryView;
use crate::error::{Damage, Error, Result};
use crate::format::block::BlockHeader;
#[cfg(test)]
use crate::format::sst::ORDER;
use crate::format::sst::{
    DictionaryEntry, HEADER_BYTES, NODE_BYTES, SST_VERSION, SstHeader, TreeShape, decode_directory,
    identity_seed,
};
use crate::sync::OnceLock;
use crate::types::{DataType, Physical};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct SstReader {
    pub(super) path: PathBuf,
    map: Arc<dyn Map>,
    meta: SstMeta,
    pub(super) header: SstHeader,
    /// `_time`'s first, then the fields'.
    types: Box<[DataType]>,
    pub(super) tree: Tree,
    pub(super) dictionaries: Vec<Dictionary>,
    /// Whether bytes once checked are the same when they are read again.
    mapped: bool,
    /// The tree's nodes, then the dictionaries.
    nodes: Touched,
    blocks: Touched,
    columns: Touched,
}

/// A dictionary of the file.
#[derive(Debug)]
pub(super) struct Dictionary {
    pub(super) entry: DictionaryEntry,
    /// Its bytes, once read, where the file is not mapped.
    copy: OnceLock<Vec<u8>>,
}

/// Which way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(test)]
pub(crate) enum Direction {
    /// From low seqs to high.
    Forward,
    /// From high seqs to low.
    Backward,
}

impl SstReader {
    /// Opens a sealed file and checks its header against the MANIFEST's record of it. Reads the
    /// header and the dictionary directory, nothing else.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Corrupt`] if this is not the file that was recorded;
    /// [`Error::Unsupported`] if a newer version wrote it.
    pub(crate) fn open(
        vfs: &dyn Vfs,
        path: &Path,
        identity: SstIdentity,
        expected: &SstMeta,
        types: &[DataType],
    ) -> Result<Self> {
        let file = vfs.open(path, Access::Read).map_err(|e| Error::io("open", path, e))?;
        let map = file.map().map_err(|e| Error::io("map", path, e))?;
        if map.len() != expected.size {
            let what = format!("the file has {} bytes, not {}", map.len(), expected.size);
            return Err(Error::corrupt(path, map.len().min(expected.size), what));
        }
        let corrupt = |damage: Damage| damage.in_file(path, 0);
        let bytes = read(&*map, path, 0, HEADER_BYTES.min(map.len() as usize))?;
        let header = SstHeader::decode(&bytes).map_err(corrupt)?;
        drop(bytes);
        if header.version != SST_VERSION || header.flags != 0 {
            let what = format!("SST version {}, flags {:#x}", header.version, header.flags);
            return Err(Error::Unsupported { path: path.to_owned(), what });
        }
        header.check().map_err(corrupt)?;
        check_identity(&header, identity, expected, types.len()).map_err(corrupt)?;

        let SstIdentity { file_number, database_id, .. } = identity;
        let directory_offset = header.directory_offset;
        let bytes = read(&*map, path, directory_offset, header.directory_bytes as usize)?;
        let seed = identity_seed(database_id, &[file_number]);
        let entries = decode_directory(seed, &bytes, header.blocks_end, directory_offset)
            .map_err(|damage| damage.in_file(path, directory_offset))?;
        drop(bytes);
        let (blocks, columns) = (header.blocks as usize, header.columns as usize);
        let nodes_and_dictionaries = header.nodes as usize + entries.len();
        Ok(SstReader {
            path: path.to_owned(),
            meta: *expected,
            types: std::iter::once(DataType::Timestamp).chain(types.iter().copied()).collect(),
            tree: Tree {
                shape: TreeShape::new(header.blocks),
                file_number,
                seed: identity_seed(database_id, &[]),
                offset: header.tree_offset,
                blocks_end: header.blocks_end,
            },
            dictionaries: entries
                .into_iter()
                .map(|entry| Dictionary { entry, copy: OnceLock::new() })
                .collect(),
            mapped: map.whole().is_some(),
            map,
            nodes: Touched::new(nodes_and_dictionaries),
            blocks: Touched::new(blocks),
            columns: Touched::new(blocks * columns),
            header,
        })
    }

    /// What the MANIFEST records of the file.
    pub(crate) fn meta(&self) -> &SstMeta {
        &self.meta
    }

    /// The fields' types, in the order of the columns.
    pub(crate) fn types(&self) -> &[DataType] {
        &self.types[1..]
    }

    /// The columns that have dictionaries, each with the bytes of one.
    pub(crate) fn dictionary_sizes(&self) -> impl Iterator<Item = (usize, u64)> {
        let entries = self.dictionaries.iter().map(|dictionary| dictionary.entry);
        entries.map(|entry| (entry.column as usize, u64::from(entry.length)))
    }

    /// Blocks of the file; they are numbered from 0 in the order of their seqs.
    #[cfg(test)]
    pub(crate) fn block_count(&self) -> u32 {
        self.header.blocks
    }

    /// The row of `seq`, or `None` if the file does not hold it. Decodes no value.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    #[inline]
    pub(crate) fn row(&self, seq: i64) -> Result<Option<RowRef<'_>>> {
        let Some(block) = self.block_of(seq)? else { return Ok(None) };
        let row = (seq - block.first_seq()) as usize;
        Ok(Some(RowRef::new(block, row)))
    }

    /// The block that holds `seq`, or `None` if the file does not hold it.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    pub(crate) fn block_of(&self, seq: i64) -> Result<Option<BlockRef<'_>>> {
        if seq < self.meta.min_seq || seq > self.meta.max_seq {
            return Ok(None);
        }
        let (ordinal, place) = self.find(seq)?;
        let block = self.block_at_place(ordinal, place)?;
        // Seqs are dense: one between the file's first and last is in some block.
        if seq < block.first_seq() || seq >= block.end_seq() {
            let what = format!("seq {seq} is missing from the block of {}", block.first_seq());
            return Err(Error::corrupt(&self.path, place.offset, what));
        }
        Ok(Some(block))
    }

    /// The blocks that hold any of `seqs`, one after the other. After an error the next block is
    /// tried.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`], if the tree does not lead to the ends of the range.
    #[cfg(test)]
    pub(crate) fn blocks(
        &self,
        seqs: RangeInclusive<i64>,
        direction: Direction,
    ) -> Result<Blocks<'_>> {
        let from = *seqs.start().max(&self.meta.min_seq);
        let to = *seqs.end().min(&self.meta.max_seq);
        let (next, end) =
            if from > to { (0, 0) } else { (self.find(from)?.0, self.find(to)?.0 + 1) };
        Ok(Blocks { reader: self, next, end, direction })
    }

    /// Block `ordinal`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Io`].
    #[cfg(test)]
    pub(crate) fn block_at(&self, ordinal: u32) -> Result<BlockRef<'_>> {
        assert!(ordinal < self.header.blocks, "block {ordinal} of {}", self.header.blocks);
        // Leaves come first and are full but for the last (see `TreeShape`).
        let bytes = self.node(ordinal / ORDER as u32)?;
        let place = self.as_node(&bytes)?.block(ordinal as usize % ORDER);
        self.block_at_place(ordinal, place)
    }

    fn block_at_place(&self, ordinal: u32, place: BlockPlace) -> Result<BlockRef<'_>> {
        let bytes = self.bytes(place.offset, place.bytes as usize)?;
        let corrupt = |damage: Damage| damage.in_file(&self.path, place.offset);
        let header = BlockHeader::read(&bytes).map_err(corrupt)?;
        if !self.is_checked(&self.blocks, ordinal as usize) {
            let SstHeader { database_id, table_id, columns, .. } = self.header;
            header.check(database_id, table_id, columns as usize, &bytes).map_err(corrupt)?;
            if header.first_seq != place.first_seq {
                let what = format!(
                    "the block of seq {} stands where that of {} should",
                    header.first_seq, place.first_seq
                );
                return Err(Error::corrupt(&self.path, place.offset, what));
            }
            if header.first_seq > self.meta.max_seq - (i64::from(header.rows) - 1) {
                let what = format!("a block reaches beyond seq {}", self.meta.max_seq);
                return Err(Error::corrupt(&self.path, place.offset, what));
            }
            self.blocks.set(ordinal as usize);
        }
        Ok(BlockRef::new(self, ordinal, place.offset, header, bytes))
    }

    /// The last block that starts at or before `seq`: its ordinal and place.
    fn find(&self, seq: i64) -> Result<(u32, BlockPlace)> {
        let mut index = self.header.nodes - 1;
        loop {
            let bytes = self.node(index)?;
            let node = self.as_node(&bytes)?;
            let Some(place) = self.tree.shape.place(index) else {
                let what = format!("there is no node {index}");
                return Err(Error::corrupt(&self.path, self.tree.offset, what));
            };
            let i = node.search(place.count, seq);
            let child = place.first_child + i as u32;
            if place.level == 0 {
                return Ok((child, node.block(i)));
            }
            index = child;
        }
    }

    /// The bytes of node `index`, checked.
    fn node(&self, index: u32) -> Result<Cow<'_, [u8]>> {
        let offset = self.tree.node_offset(index);
        let bytes = self.bytes(offset, NODE_BYTES)?;
        if !self.is_checked(&self.nodes, index as usize) {
            let checked = self.tree.check(index, self.as_node(&bytes)?);
            checked.map_err(|damage| damage.in_file(&self.path, offset))?;
            self.nodes.set(index as usize);
        }
        Ok(bytes)
    }

    fn as_node<'b>(&self, bytes: &'b [u8]) -> Result<Node<'b>> {
        let what = "a read gave fewer bytes than a node has";
        Node::new(bytes).ok_or_else(|| Error::corrupt(&self.path, self.tree.offset, what))
    }

    /// The bytes at an offset, which lies anywhere.
    pub(super) fn bytes(&self, offset: u64, len: usize) -> Result<Cow<'_, [u8]>> {
        read(&*self.map, &self.path, offset, len)
    }

    fn is_checked(&self, touched: &Touched, part: usize) -> bool {
        self.mapped && touched.has(part)
    }

    /// Whether the bytes of a block's column need no further check.
    #[inline]
    pub(super) fn is_column_checked(&self, ordinal: u32, column: usize) -> bool {
        self.is_checked(&self.columns, ordinal as usize * self.types.len() + column)
    }

    pub(super) fn set_column_checked(&self, ordinal: u32, column: usize) {
        self.columns.set(ordinal as usize * self.types.len() + column);
    }

    /// The type of column `column`, of which 0 is `_time`.
    #[inline]
    pub(super) fn column_type(&self, column: usize) -> DataType {
        assert!(column < self.types.len(), "field {column} of {} and _time", self.types.len() - 1);
        self.types[column]
    }

    /// [`SstReader::dictionary`], the short way: if it was checked before and is mapped.
    #[inline]
    pub(super) fn mapped_dictionary(
        &self,
        origin_file: u64,
        column: usize,
    ) -> Option<DictionaryView<'_>> {
        let key = |d: &Dictionary| (d.entry.origin_file, d.entry.column as usize);
        let index = self.dictionaries.binary_search_by_key(&(origin_file, column), key).ok()?;
        if !self.is_checked(&self.nodes, self.dictionary_bit(index)) {
            return None;
        }
        let DictionaryEntry { offset, length, .. } = self.dictionaries[index].entry;
        let bytes = self.map.whole()?.get(offset as usize..)?.get(..length as usize)?;
        DictionaryView::of_sound(bytes, self.types.get(column)?.physical())
    }

    /// The dictionary of a column in blocks from `origin_file`, checked; `None` if there is none.
    pub(super) fn dictionary(
        &self,
        origin_file: u64,
        column: usize,
        physical: Physical,
    ) -> Result<Option<DictionaryView<'_>>> {
        let Some((entry, bytes)) = self.dictionary_bytes(origin_file, column)? else {
            return Ok(None);
        };
        let view = DictionaryView::parse(bytes, physical);
        Ok(Some(view.map_err(|damage| damage.in_file(&self.path, entry.offset))?))
    }

    /// Calls `act` with a dictionary that a block of this file needs.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is damaged or missing; [`Error::Io`]; what `act` gives.
    pub(crate) fn with_dictionary(
        &self,
        origin_file: u64,
        column: u32,
        act: impl FnOnce(&DictionaryEntry, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some((entry, bytes)) = self.dictionary_bytes(origin_file, column as usize)? else {
            let what = format!("column {column} of file {origin_file} has lost its dictionary");
            return Err(Error::corrupt(&self.path, self.header.directory_offset, what));
        };
        act(entry, bytes)
    }

    /// The bytes of a dictionary, checked.
    fn dictionary_bytes(
        &self,
        origin_file: u64,
        column: usize,
    ) -> Result<Option<(&DictionaryEntry, &[u8])>> {
        let key = |d: &Dictionary| (d.entry.origin_file, d.entry.column as usize);
        let found = self.dictionaries.binary_search_by_key(&(origin_file, column), key);
        let Ok(index) = found else { return Ok(None) };
        let DictionaryEntry { offset, length, crc, .. } = self.dictionaries[index].entry;
        let copy = &self.dictionaries[index].copy;
        let bytes = match copy.get() {
            Some(checked) => checked,
            None => match self.bytes(offset, length as usize)? {
                Cow::Borrowed(bytes) if self.nodes.has(self.dictionary_bit(index)) => bytes,
                read => {
                    let database_id = self.header.database_id;
                    let seed = dictionary_seed(database_id, origin_file, column as u32);
                    if crc32_seeded(seed, &read) != crc {
                        let what = "a dictionary does not match its checksum";
                        return Err(Error::corrupt(&self.path, offset, what));
                    }
                    match read {
                        Cow::Borrowed(bytes) => {
                            self.nodes.set(self.dictionary_bit(index));
                            bytes
                        }
                        Cow::Owned(bytes) => copy.get_or_init(|| bytes),
                    }
                }
            },
        };
        Ok(Some((&self.dictionaries[index].entry, bytes)))
    }

    fn dictionary_bit(&self, index: usize) -> usize {
        self.header.nodes as usize + index
    }
}

fn read<'m>(map: &'m dyn Map, path: &Path, offset: u64, len: usize) -> Result<Cow<'m, [u8]>> {
    match map.bytes(offset, len) {
        Ok(bytes) => Ok(bytes),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

/// Whether the header is that of the file the MANIFEST names.
fn check_identity(
    header: &SstHeader,
    identity: SstIdentity,
    expected: &SstMeta,
    fields: usize,
) -> Result<(), Damage> {
    let SstIdentity { file_number, database_id, table_id, schema_checksum } = identity;
    let comparisons = [
        (12, "table id", i128::from(header.table_id), i128::from(table_id)),
        (16, "file number", header.file_number.into(), file_number.into()),
        (16, "file number", header.file_number.into(), expected.file_number.into()),
        (24, "database id", header.database_id.into(), database_id.into()),
        (32, "schema checksum", header.schema_checksum.into(), schema_checksum.into()),
        (36, "number of columns", header.columns.into(), fields as i128 + 1),
        (40, "first seq", header.min_seq.into(), expected.min_seq.into()),
        (48, "last seq", header.max_seq.into(), expected.max_seq.into()),
        (56, "first time", header.min_time.into(), expected.min_time.into()),
        (64, "last time", header.max_time.into(), expected.max_time.into()),
        (72, "number of rows", header.rows.into(), expected.rows.into()),
        (80, "number of blocks", header.blocks.into(), expected.blocks.into()),
        (128, "size", header.file_size.into(), expected.size.into()),
    ];
    for (at, what, found, expected) in comparisons {
        if found != expected {
            return Err(Damage::new(at, format!("its {what} is {found}, not {expected}")));
        }
    }
    Ok(())
}

/// An iterator of blocks. See [`SstReader::blocks`].
#[derive(Debug, Clone)]
#[cfg(test)]
pub(crate) struct Blocks<'a> {
    reader: &'a SstReader,
    next: u32,
    end: u32,
    direction: Direction,
}

#[cfg(test)]
impl<'a> Iterator for Blocks<'a> {
    type Item = Result<BlockRef<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let ordinal = match self.direction {
            Direction::Forward => {
                self.next += 1;
                self.next - 1
            }
            Direction::Backward => {
                self.end -= 1;
                self.end
            }
        };
        Some(self.reader.block_at(ordinal))
    }
}
