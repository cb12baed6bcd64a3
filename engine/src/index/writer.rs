//! Writes one index file from keys in their order.
//!
//! ```text
//! create ──► add* ──► finish_body ──► write_header ──► sync ──► into_meta
//! ```
//!
//! Invariants
//! 1. Each of these makes at most one changing call of the Vfs.
//! 2. The header is written after everything it vouches for; until then there are zeros in its
//!    place.
//! 3. Memory: about [`BUFFER_BYTES`] and a leaf, ten bits for each key, and the first key of each
//!    leaf.
//!
//! After an error the writer is of no use: remove the file and start over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{File, Vfs};

use super::IndexMeta;
use super::filter::{self, BLOCK_BYTES};
use super::leaf::LeafBuilder;
use super::node::{self, LeafPlace, Leaves, Site};
use crate::error::{Error, Result};
use crate::format::index::{
    INDEX_HEADER_BYTES, INDEX_VERSION, IndexHeader, LEAF_ALIGN, PAGE_HEADER_BYTES, PageHeader,
    PageType, index_seed,
};
use crate::format::sst::NODE_BYTES;
use crate::types::DataType;

/// The body is written out in pieces of about this many bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Filter blocks of a page.
pub(super) const PAGE_BLOCKS: usize = (NODE_BYTES - PAGE_HEADER_BYTES) / BLOCK_BYTES;

/// What an index file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexIdentity {
    pub(crate) file_number: u64,
    pub(crate) database_id: u64,
    pub(crate) table_id: u32,
    /// The SST's file number.
    pub(crate) sst: u64,
    /// Rows of the SST.
    pub(crate) rows: u64,
    /// The place of the field in the schema, from 0.
    pub(crate) field: u32,
    pub(crate) data_type: DataType,
}

#[derive(Debug)]
enum Stage {
    Body,
    Header(Box<IndexHeader>),
    Sync { header_crc: u32 },
    Sealed { header_crc: u32 },
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct IndexWriter {
    file: Arc<dyn File>,
    path: PathBuf,
    identity: IndexIdentity,
    stage: Stage,
    /// What follows on `written`.
    buffer: Vec<u8>,
    /// Bytes of the file so far.
    written: u64,
    /// Of everything after the header.
    body_crc: crc32fast::Hasher,
    leaf: LeafBuilder,
    leaves: Leaves,
    filter: Vec<[u8; BLOCK_BYTES]>,
    keys: u64,
    entries: u64,
}

impl IndexWriter {
    /// Creates the file, which must not exist; `keys_max` is at least the number of keys that will
    /// be added. Its name is durable once the caller has synced the directory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn create(
        vfs: &dyn Vfs,
        path: &Path,
        identity: IndexIdentity,
        keys_max: u64,
    ) -> Result<Self> {
        let file = vfs.create(path).map_err(|e| Error::io("create", path, e))?;
        let blocks = if keys_max == 0 { 0 } else { filter::blocks_for(keys_max) };
        Ok(IndexWriter {
            file,
            path: path.to_owned(),
            identity,
            stage: Stage::Body,
            buffer: vec![0; INDEX_HEADER_BYTES],
            written: 0,
            body_crc: crc32fast::Hasher::new(),
            leaf: LeafBuilder::default(),
            leaves: Leaves::default(),
            filter: vec![[0; BLOCK_BYTES]; blocks as usize],
            keys: 0,
            entries: 0,
        })
    }

    /// Whether so much has gathered that [`IndexWriter::flush`] should be called before more is
    /// added.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= BUFFER_BYTES
    }

    /// Adds the next key with its rows. Writes nothing.
    ///
    /// REQUIRES: keys ascend strictly; rows are at least one, ascend strictly, and are below the
    /// number of rows given to `create`.
    ///
    /// # Errors
    /// [`Error::Limit`] if a leaf would take 4 GiB.
    pub(crate) fn add(&mut self, key: &[u8], rows: &[u32]) -> Result<()> {
        assert!(matches!(self.stage, Stage::Body), "a key after the body");
        debug_assert!(rows.last().is_some_and(|row| u64::from(*row) < self.identity.rows));
        let hash = filter::hash(key);
        let block = filter::block_of(hash, self.filter.len() as u64) as usize;
        assert!(block < self.filter.len(), "more keys than were announced");
        filter::add(&mut self.filter[block], hash);
        self.leaf.add(key, rows);
        self.keys += 1;
        self.entries += rows.len() as u64;
        if self.leaf.is_full() { self.finish_leaf() } else { Ok(()) }
    }

    fn finish_leaf(&mut self) -> Result<()> {
        let IndexIdentity { database_id, file_number, .. } = self.identity;
        let (offset, start) = (self.position(), self.buffer.len());
        let first_key = self.leaf.first_key().to_vec();
        self.leaf.finish(index_seed(database_id, file_number, offset), &mut self.buffer);
        let (got, limit) = ((self.buffer.len() - start) as u64, u64::from(u32::MAX));
        let what = "the size of a leaf of an index in bytes";
        let bytes = u32::try_from(got).map_err(|_| Error::Limit { what, got, limit })?;
        self.leaves.push(&first_key, LeafPlace { offset, bytes });
        self.pad(LEAF_ALIGN);
        Ok(())
    }

    /// Where the next byte goes.
    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn pad(&mut self, align: usize) {
        let gap = self.position().next_multiple_of(align as u64) - self.position();
        self.buffer.resize(self.buffer.len() + gap as usize, 0);
    }

    /// Writes out what has gathered.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn flush(&mut self) -> Result<()> {
        let header = if self.written == 0 { INDEX_HEADER_BYTES } else { 0 };
        self.file
            .write_all_at(&self.buffer, self.written)
            .map_err(|e| Error::io("write", &self.path, e))?;
        self.body_crc.update(&self.buffer[header..]);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what has gathered, the filter and the tree.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`].
    pub(crate) fn finish_body(&mut self) -> Result<()> {
        assert!(matches!(self.stage, Stage::Body), "the body is finished");
        let IndexIdentity { file_number, database_id, table_id, sst, rows, field, data_type } =
            self.identity;
        if !self.leaf.is_empty() {
            self.finish_leaf()?;
        }
        let leaves_end = self.position();
        self.pad(NODE_BYTES);
        let filter_pages = self.put_filter();
        let site = Site { database_id, file_number, offset: self.position() };
        let (nodes, bottom_nodes) = node::build(&self.leaves, site, &mut self.buffer);
        let header = IndexHeader {
            version: INDEX_VERSION,
            flags: 0,
            table_id,
            file_number,
            database_id,
            sst,
            field,
            data_type: data_type.code(),
            keys: self.keys,
            entries: self.entries,
            rows,
            leaves: self.leaves.len() as u32,
            filter_pages,
            leaves_end,
            nodes,
            bottom_nodes,
        };
        assert_eq!(header.check(self.position()), Ok(()), "{header:?}");
        self.flush()?;
        self.stage = Stage::Header(Box::new(header));
        Ok(())
    }

    fn put_filter(&mut self) -> u32 {
        let IndexIdentity { file_number, database_id, .. } = self.identity;
        let mut pages = 0;
        for blocks in self.filter.chunks(PAGE_BLOCKS) {
            let mut page = Box::new([0; NODE_BYTES]);
            let places = page[PAGE_HEADER_BYTES..].as_chunks_mut().0;
            places.iter_mut().zip(blocks).for_each(|(place, block)| *place = *block);
            let count = blocks.len() as u16;
            let header =
                PageHeader { page_type: PageType::Filter, level: 0, count, first_child: 0 };
            header.write(database_id, file_number, self.position(), &mut page);
            self.buffer.extend_from_slice(&page[..]);
            pages += 1;
        }
        pages
    }

    /// Writes the header.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn write_header(&mut self) -> Result<()> {
        let Stage::Header(header) = &self.stage else {
            panic!("no header of {} to write at {:?}", self.path.display(), self.stage)
        };
        let bytes = header.encode();
        self.file.write_all_at(&bytes, 0).map_err(|e| Error::io("write", &self.path, e))?;
        self.stage = Stage::Sync { header_crc: crate::coding::crc::crc32(&bytes) };
        Ok(())
    }

    /// Makes the content durable.
    ///
    /// # Errors
    /// [`Error::Io`]; then nothing may be assumed of the file.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let Stage::Sync { header_crc } = self.stage else {
            panic!("{} is not to be synced at {:?}", self.path.display(), self.stage)
        };
        self.file.sync_data().map_err(|e| Error::io("sync", &self.path, e))?;
        self.stage = Stage::Sealed { header_crc };
        Ok(())
    }

    /// What the MANIFEST is to record, after [`IndexWriter::sync`] succeeded.
    pub(crate) fn into_meta(self) -> IndexMeta {
        let Stage::Sealed { header_crc } = self.stage else {
            panic!("{} is not sealed, but at {:?}", self.path.display(), self.stage)
        };
        let length = INDEX_HEADER_BYTES as u64;
        let mut crc = crc32fast::Hasher::new_with_initial_len(header_crc, length);
        crc.combine(&self.body_crc);
        IndexMeta {
            file_number: self.identity.file_number,
            size: self.written,
            crc: crc.finalize(),
            sst: self.identity.sst,
            field: self.identity.field,
            keys: self.keys,
            entries: self.entries,
        }
    }
}
