//! Writes one SST file from the chunks of one table, in the order of their seqs, or from blocks of
//! its other SSTs, which are copied as they are.
//!
//! ```text
//! create ──► (add | copy)* ──► copy_dictionary* ──► finish_body ──► write_header ──► sync
//! ```
//!
//! Invariants
//! 1. Each of these makes at most one changing call of the Vfs, so that a job can step between
//!    any two, and a crash can be tried before and after each.
//! 2. The header is written after everything it vouches for; until then there are zeros in its
//!    place. No sync stands between: the MANIFEST names the file only after `sync`, and with the
//!    checksum of the whole file.
//! 3. Memory is bounded: about [`BUFFER_BYTES`] and a block, the dictionaries, and 24 bytes a block
//!    for the tree.
//!
//! After an error the writer is of no use: remove the file and start over.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use srdb_vfs::{File, Vfs};

use super::btree::{BlockPlace, Tree};
use super::{BlockRef, SstMeta};
use crate::chunk::{Chunk, Column, ColumnData, ROWS_MAX};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::column::{self, DictionaryBuilder};
use crate::error::{Error, Result};
use crate::format::block::{
    BLOCK_ALIGN, BlockHeader, ColumnEntry, column_crc, column_seed, directory_end,
};
use crate::format::sst::{
    DictionaryEntry, HEADER_BYTES, NODE_BYTES, SST_VERSION, SstHeader, TreeShape, encode_directory,
    identity_seed,
};
use crate::types::DataType;

/// The body is written out in pieces of about this many bytes.
pub(crate) const BUFFER_BYTES: usize = 1 << 20;

/// What an SST belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SstIdentity {
    pub(crate) file_number: u64,
    pub(crate) database_id: u64,
    pub(crate) table_id: u32,
    /// Of the schema the rows were validated against.
    pub(crate) schema_checksum: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Body,
    Header(Box<SstHeader>),
    Sync { header_crc: u32 },
    Sealed { header_crc: u32 },
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct SstWriter {
    file: Arc<dyn File>,
    path: PathBuf,
    identity: SstIdentity,
    types: Box<[DataType]>,
    stage: Stage,
    /// What follows on `written`.
    buffer: Vec<u8>,
    /// Bytes of the file so far.
    written: u64,
    /// Of everything after the header.
    body_crc: crc32fast::Hasher,
    blocks: Vec<BlockPlace>,
    /// One a column, `_time` first.
    dictionaries: Vec<DictionaryBuilder>,
    /// Of dictionaries that stand in the file already.
    copied: Vec<DictionaryEntry>,
    /// Where the blocks end, once they do.
    blocks_end: Option<u64>,
    /// After the last row added: its seq plus one. 0 before the first.
    end_seq: i64,
    min_time: i64,
    max_time: i64,
}

impl SstWriter {
    /// Creates the file, which must not exist. Its name is durable once the caller has synced the
    /// directory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn create(
        vfs: &dyn Vfs,
        path: &Path,
        identity: SstIdentity,
        types: &[DataType],
    ) -> Result<Self> {
        let file = vfs.create(path).map_err(|e| Error::io("create", path, e))?;
        Ok(SstWriter {
            file,
            path: path.to_owned(),
            identity,
            types: types.into(),
            stage: Stage::Body,
            buffer: vec![0; HEADER_BYTES],
            written: 0,
            body_crc: crc32fast::Hasher::new(),
            blocks: Vec::new(),
            dictionaries: (0..=types.len()).map(|_| DictionaryBuilder::new()).collect(),
            copied: Vec::new(),
            blocks_end: None,
            end_seq: 0,
            min_time: 0,
            max_time: 0,
        })
    }

    /// Encodes a chunk as a block; writes when enough has gathered.
    ///
    /// REQUIRES: 1 to [`ROWS_MAX`] rows that follow on those added before, in seq and in time,
    /// with columns of the types given to `create`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Limit`] if the block would take 4 GiB.
    pub(crate) fn add(&mut self, chunk: &Chunk) -> Result<()> {
        self.assert_follows_on(chunk);
        let first_time = chunk.times.first().copied().unwrap_or_default();
        let last_time = chunk.times.last().copied().unwrap_or_default();
        self.take_in(first_time..=last_time, chunk.end_seq());
        self.encode_block(chunk)?;
        self.write_if_full()
    }

    /// Copies a block of another SST of the table, with the checksums that it has; writes when
    /// enough has gathered. The dictionaries that its columns name have to follow.
    ///
    /// REQUIRES: its rows follow on those added before, in seq and in time.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if a checksum does not hold: nothing was added then; [`Error::Io`].
    pub(crate) fn copy(&mut self, block: &BlockRef<'_>) -> Result<()> {
        let times = block.first_and_last_time()?;
        let start = self.buffer.len();
        if let Err(error) = block.copy_checked(&mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error);
        }
        let bytes = u32_of_block(self.buffer.len() - start)?;
        let (first_seq, offset) = (block.first_seq(), self.written + start as u64);
        self.assert_next(first_seq, *times.start());
        self.take_in(times, block.end_seq());
        self.blocks.push(BlockPlace { first_seq, offset, bytes });
        self.write_if_full()
    }

    /// Copies a dictionary that copied blocks need; writes when enough has gathered.
    ///
    /// REQUIRES: all blocks are added; entries ascend by origin file and column.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn copy_dictionary(&mut self, entry: &DictionaryEntry, bytes: &[u8]) -> Result<()> {
        let key = |entry: &DictionaryEntry| (entry.origin_file, entry.column);
        let last = self.copied.last().map(key);
        assert!(last < Some(key(entry)), "dictionary {:?} behind {last:?}", key(entry));
        self.end_blocks();
        let offset = self.position();
        self.copied.push(DictionaryEntry { offset, ..*entry });
        let from = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        pad(&mut self.buffer, from, BLOCK_ALIGN);
        self.write_if_full()
    }

    fn end_blocks(&mut self) -> u64 {
        let end = self.position();
        *self.blocks_end.get_or_insert(end)
    }

    fn write_if_full(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.write_buffer() } else { Ok(()) }
    }

    /// Makes what is written so far durable, so that less is left for the last sync.
    ///
    /// # Errors
    /// [`Error::Io`]: nobody knows then what of the file is on disk, so it must not be used.
    pub(crate) fn sync_part(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("sync", &self.path, e))
    }

    /// Bytes of the file that are written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Counts rows in that are about to be added.
    fn take_in(&mut self, times: RangeInclusive<i64>, end_seq: i64) {
        if self.blocks.is_empty() {
            self.min_time = *times.start();
        }
        self.max_time = *times.end();
        self.end_seq = end_seq;
    }

    fn assert_follows_on(&self, chunk: &Chunk) {
        let rows = chunk.len();
        assert!((1..=ROWS_MAX).contains(&rows), "a block of {rows} rows");
        assert_eq!(chunk.columns.len(), self.types.len(), "columns of a chunk");
        for (column, data_type) in chunk.columns.iter().zip(&self.types) {
            assert_eq!(column.len(), rows, "rows of a {data_type} column");
            assert_eq!(column.data.physical(), data_type.physical(), "shape of a column");
        }
        let first = chunk.first_seq;
        self.assert_next(first, chunk.times.first().copied().unwrap_or_default());
        debug_assert!(chunk.times.is_sorted(), "times go down in the chunk of seq {first}");
    }

    /// That a block may begin with this seq and this time.
    fn assert_next(&self, seq: i64, time: i64) {
        assert!(self.stage == Stage::Body, "rows after the body of {}", self.path.display());
        assert!(self.blocks_end.is_none(), "rows after the blocks of {}", self.path.display());
        if self.blocks.is_empty() {
            assert!(seq >= 1, "the first seq is {seq}");
        } else {
            assert_eq!(seq, self.end_seq, "rows that do not follow on");
            assert!(time >= self.max_time, "time goes from {} to {time}", self.max_time);
        }
    }

    fn encode_block(&mut self, chunk: &Chunk) -> Result<()> {
        let SstIdentity { file_number, database_id, table_id, .. } = self.identity;
        let start = self.buffer.len();
        let columns = self.types.len() + 1;
        let seed = column_seed(database_id, file_number, chunk.first_seq);
        self.buffer.resize(start + directory_end(columns), 0);
        pad(&mut self.buffer, start, BLOCK_ALIGN);

        let times = Column { data: ColumnData::Int(chunk.times.clone()), validity: None };
        let typed = std::iter::once((&times, DataType::Timestamp))
            .chain(chunk.columns.iter().zip(self.types.iter().copied()));
        for (index, (column, data_type)) in typed.enumerate() {
            let from = self.buffer.len();
            let dictionary = &mut self.dictionaries[index];
            let encoded = column::encode(column, data_type, dictionary, &mut self.buffer);
            let length = self.buffer.len() - from;
            let entry = ColumnEntry {
                encoding: encoded.encoding.code(),
                offset: u32_of_block(from - start)?,
                length: u32_of_block(length)?,
                crc: column_crc(seed, index, &self.buffer[from..]),
            };
            entry.write(&encoded.zone, &mut self.buffer[start..], index);
            pad(&mut self.buffer, start, BLOCK_ALIGN);
        }
        let bytes = self.buffer.len() - start;
        let header = BlockHeader {
            table_id,
            rows: chunk.len() as u16,
            columns: columns as u16,
            origin_file: file_number,
            first_seq: chunk.first_seq,
            bytes: bytes as u64,
        };
        header.write(database_id, &mut self.buffer[start..]);
        debug_assert_eq!(
            header.check(database_id, table_id, columns, &self.buffer[start..]),
            Ok(())
        );
        self.blocks.push(BlockPlace {
            first_seq: chunk.first_seq,
            offset: self.written + start as u64,
            bytes: u32_of_block(bytes)?,
        });
        Ok(())
    }

    /// Where the next byte goes.
    fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The one place that writes the body.
    fn write_buffer(&mut self) -> Result<()> {
        let header = if self.written == 0 { HEADER_BYTES } else { 0 };
        self.file
            .write_all_at(&self.buffer, self.written)
            .map_err(|e| Error::io("write", &self.path, e))?;
        self.body_crc.update(&self.buffer[header..]);
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Writes what has gathered, the dictionaries and the tree.
    ///
    /// REQUIRES: at least one chunk was added.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn finish_body(&mut self) -> Result<()> {
        assert!(self.stage == Stage::Body, "the body of {} is finished", self.path.display());
        let Some(first) = self.blocks.first() else { panic!("an SST without rows") };
        let SstIdentity { file_number, database_id, table_id, schema_checksum } = self.identity;
        let min_seq = first.first_seq;
        let blocks_end = self.end_blocks();
        let directory_offset = self.put_dictionaries();
        let directory_bytes = self.position() - directory_offset;
        let gap = self.position().next_multiple_of(NODE_BYTES as u64) - self.position();
        self.buffer.resize(self.buffer.len() + gap as usize, 0);

        let shape = TreeShape::new(self.blocks.len() as u32);
        let tree_offset = self.position();
        let seed = identity_seed(database_id, &[]);
        Tree { shape, file_number, seed, offset: tree_offset, blocks_end }
            .build(&self.blocks, &mut self.buffer);

        let header = SstHeader {
            version: SST_VERSION,
            flags: 0,
            table_id,
            file_number,
            database_id,
            schema_checksum,
            columns: self.types.len() as u32 + 1,
            min_seq,
            max_seq: self.end_seq - 1,
            min_time: self.min_time,
            max_time: self.max_time,
            rows: (self.end_seq - min_seq) as u64,
            blocks: self.blocks.len() as u32,
            nodes: shape.nodes(),
            blocks_end,
            directory_offset,
            directory_bytes,
            tree_offset,
            root_offset: self.position() - NODE_BYTES as u64,
            file_size: self.position(),
        };
        assert_eq!(header.check(), Ok(()), "{header:?}");
        self.write_buffer()?;
        self.stage = Stage::Header(Box::new(header));
        Ok(())
    }

    /// Appends the dictionaries in use and their directory; returns where that is.
    fn put_dictionaries(&mut self) -> u64 {
        let SstIdentity { file_number, database_id, .. } = self.identity;
        // Those that were copied are of files with lower numbers, so they come first.
        let mut entries = std::mem::take(&mut self.copied);
        for (column, dictionary) in self.dictionaries.iter().enumerate() {
            if !dictionary.is_used() {
                continue;
            }
            let from = self.buffer.len();
            dictionary.finish(&mut self.buffer);
            let bytes = &self.buffer[from..];
            let column = column as u32;
            entries.push(DictionaryEntry {
                origin_file: file_number,
                column,
                length: bytes.len() as u32,
                offset: self.written + from as u64,
                crc: crc32_seeded(dictionary_seed(database_id, file_number, column), bytes),
            });
            pad(&mut self.buffer, from, BLOCK_ALIGN);
        }
        let offset = self.position();
        let seed = identity_seed(database_id, &[file_number]);
        encode_directory(seed, &entries, &mut self.buffer);
        offset
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
        self.stage = Stage::Sync { header_crc: crc32(&bytes) };
        Ok(())
    }

    /// Makes the file durable; its name is the caller's matter.
    ///
    /// # Errors
    /// [`Error::Io`]: nobody knows then what of the file is on disk, so it must not be used.
    pub(crate) fn sync(&mut self) -> Result<()> {
        let Stage::Sync { header_crc } = self.stage else {
            panic!("{} is not to be synced at {:?}", self.path.display(), self.stage)
        };
        self.file.sync_data().map_err(|e| Error::io("sync", &self.path, e))?;
        self.stage = Stage::Sealed { header_crc };
        Ok(())
    }

    /// What the MANIFEST is to record of the file.
    ///
    /// REQUIRES: [`SstWriter::sync`] succeeded.
    pub(crate) fn into_meta(self) -> SstMeta {
        let Stage::Sealed { header_crc } = self.stage else {
            panic!("{} is not sealed, but at {:?}", self.path.display(), self.stage)
        };
        let min_seq = self.blocks.first().map_or(0, |block| block.first_seq);
        let mut crc = crc32fast::Hasher::new_with_initial_len(header_crc, HEADER_BYTES as u64);
        crc.combine(&self.body_crc);
        SstMeta {
            file_number: self.identity.file_number,
            size: self.written,
            crc: crc.finalize(),
            rows: (self.end_seq - min_seq) as u64,
            blocks: self.blocks.len() as u32,
            min_seq,
            max_seq: self.end_seq - 1,
            min_time: self.min_time,
            max_time: self.max_time,
        }
    }
}

/// The seed of a dictionary's checksum.
pub(super) fn dictionary_seed(database_id: u64, origin_file: u64, column: u32) -> u32 {
    identity_seed(database_id, &[origin_file, u64::from(column)])
}

/// The checksum that the bytes of a dictionary should have.
pub(crate) fn dictionary_crc(database_id: u64, of: &DictionaryEntry, bytes: &[u8]) -> u32 {
    crc32_seeded(dictionary_seed(database_id, of.origin_file, of.column), bytes)
}

/// Appends zeros until the buffer's length, from `base`, is a multiple of `align`.
fn pad(buffer: &mut Vec<u8>, base: usize, align: usize) {
    let len = buffer.len();
    buffer.resize(base + (len - base).next_multiple_of(align), 0);
}

fn u32_of_block(bytes: usize) -> Result<u32> {
    let limit = u64::from(u32::MAX);
    let what = "the size of an encoded block in bytes";
    u32::try_from(bytes).map_err(|_| Error::Limit { what, got: bytes as u64, limit })
}
