//! The block: an encoded chunk.
//!
//! ```text
//! 0        40                          directory end                                    bytes
//! ├ header ┼ entry _time ┼ entry 1 … ──┼─ column _time ─┼─ column 1 ─┼ … ─┼ zeros ┤
//!   40 B     16 B + zone map each        8-aligned        8-aligned
//! ```
//!
//! Invariants
//! 1. A block does not say where it lies, so that compaction can copy it verbatim. It says which
//!    file it was first written to: that file's number is the namespace of its dictionaries.
//! 2. The columns follow on each other in the order of the directory, each from a multiple of
//!    [`BLOCK_ALIGN`], with zeros between, and the last one's padding ends the block.
//! 3. Column checksums are seeded with database, origin file, first seq and column number.

use super::sst::identity_seed;
use super::{FieldAt, tiles};
use crate::chunk::ROWS_MAX;
use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::crc32_seeded;
use crate::column::ZoneMap;
use crate::error::Damage;

/// Blocks, columns and dictionaries start at multiples of this, in bytes.
pub(crate) const BLOCK_ALIGN: usize = 8;

/// The header of a block.
pub(crate) const BLOCK_FIELDS: [FieldAt; 8] = [
    (0, 4, "magic"),
    (4, 4, "crc"),
    (8, 4, "table id"),
    (12, 2, "rows"),
    (14, 2, "columns"),
    (16, 8, "origin file"),
    (24, 8, "first seq"),
    (32, 8, "bytes"),
];
/// Bytes of a block's header.
pub(crate) const BLOCK_HEADER_BYTES: usize = 40;
const _: () = assert!(tiles(&BLOCK_FIELDS, BLOCK_HEADER_BYTES));
const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"sblk");

/// An entry of a block's column directory.
pub(crate) const COLUMN_FIELDS: [FieldAt; 6] = [
    (0, 2, "encoding"),
    (2, 2, "flags"),
    (4, 4, "offset"),
    (8, 4, "length"),
    (12, 4, "crc"),
    (ZONE_AT, ZoneMap::BYTES, "zone map"),
];
const ZONE_AT: usize = 16;
/// Bytes of an entry of a block's column directory.
pub(crate) const COLUMN_ENTRY_BYTES: usize = ZONE_AT + ZoneMap::BYTES;
const _: () = assert!(tiles(&COLUMN_FIELDS, COLUMN_ENTRY_BYTES));

/// Where the directory of so many columns ends, from the block's start.
pub(crate) const fn directory_end(columns: usize) -> usize {
    BLOCK_HEADER_BYTES + columns * COLUMN_ENTRY_BYTES
}

/// The header of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) table_id: u32,
    /// 1 to [`ROWS_MAX`].
    pub(crate) rows: u16,
    /// `_time` and the fields.
    pub(crate) columns: u16,
    /// The file the block was first written to.
    pub(crate) origin_file: u64,
    pub(crate) first_seq: i64,
    /// The whole block's, padding included.
    pub(crate) bytes: u64,
}

/// An entry of the column directory, but for the zone map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnEntry {
    pub(crate) encoding: u16,
    /// From the block's start.
    pub(crate) offset: u32,
    pub(crate) length: u32,
    pub(crate) crc: u32,
}

impl BlockHeader {
    /// Fills in the header and its checksum, over a directory that stands already.
    pub(crate) fn write(&self, database_id: u64, block: &mut [u8]) {
        let mut out = Vec::with_capacity(BLOCK_HEADER_BYTES);
        out.put_u32(BLOCK_MAGIC);
        out.put_u32(0);
        out.put_u32(self.table_id);
        out.put_u16(self.rows);
        out.put_u16(self.columns);
        out.put_u64(self.origin_file);
        out.put_i64(self.first_seq);
        out.put_u64(self.bytes);
        block[..BLOCK_HEADER_BYTES].copy_from_slice(&out);
        let end = directory_end(usize::from(self.columns));
        let crc = crc32_seeded(identity_seed(database_id, &[]), &block[8..end]);
        block[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads the header; nothing is checked but that there are enough bytes.
    #[inline]
    pub(crate) fn read(block: &[u8]) -> Result<Self, Damage> {
        let words = block.first_chunk::<BLOCK_HEADER_BYTES>().map(|b| b.as_chunks::<8>().0);
        let Some([_, counts, origin_file, first_seq, bytes]) = words else {
            return Err(Damage::new(0, "the block is shorter than its header"));
        };
        let [t0, t1, t2, t3, r0, r1, c0, c1] = *counts;
        Ok(BlockHeader {
            table_id: u32::from_le_bytes([t0, t1, t2, t3]),
            rows: u16::from_le_bytes([r0, r1]),
            columns: u16::from_le_bytes([c0, c1]),
            origin_file: u64::from_le_bytes(*origin_file),
            first_seq: i64::from_le_bytes(*first_seq),
            bytes: u64::from_le_bytes(*bytes),
        })
    }

    /// Checks magic, checksum, the header against what is expected of this block, and the whole
    /// directory. What passed is safe to address by [`ColumnEntry`].
    pub(crate) fn check(
        &self,
        database_id: u64,
        table_id: u32,
        columns: usize,
        block: &[u8],
    ) -> Result<(), Damage> {
        let mut r = Reader::new(block);
        if r.u32()? != BLOCK_MAGIC {
            return Err(Damage::new(0, "there is no block"));
        }
        let crc = r.u32()?;
        // Before the checksum, because the number of columns says how far that reaches.
        if usize::from(self.columns) != columns {
            let what = format!("a block of {} columns, not {columns}", self.columns);
            return Err(Damage::new(14, what));
        }
        let covered = r.take(directory_end(columns) - 8)?;
        if crc != crc32_seeded(identity_seed(database_id, &[]), covered) {
            return Err(Damage::new(4, "the block's header does not match its checksum"));
        }
        if self.table_id != table_id {
            let what = format!("a block of table {}, not {table_id}", self.table_id);
            return Err(Damage::new(8, what));
        }
        if !(1..=ROWS_MAX).contains(&usize::from(self.rows)) {
            return Err(Damage::new(12, format!("a block of {} rows", self.rows)));
        }
        if self.bytes != block.len() as u64 {
            let what = format!("a block of {} bytes in a place of {}", self.bytes, block.len());
            return Err(Damage::new(32, what));
        }
        let mut end = directory_end(columns) as u64;
        for column in 0..columns {
            let at = directory_end(column);
            let entry = ColumnEntry::read(block, column)?;
            if block.get(at + 2..at + 4) != Some(&[0, 0]) {
                return Err(Damage::new(at + 2, format!("column {column} has unknown flags")));
            }
            if u64::from(entry.offset) != end.next_multiple_of(BLOCK_ALIGN as u64) {
                let what = format!("column {column} at {} does not follow on {end}", entry.offset);
                return Err(Damage::new(at + 4, what));
            }
            end = u64::from(entry.offset) + u64::from(entry.length);
        }
        if end.next_multiple_of(BLOCK_ALIGN as u64) != self.bytes {
            let what = format!("the columns end at {end}, the block at {}", self.bytes);
            return Err(Damage::new(32, what));
        }
        Ok(())
    }
}

impl ColumnEntry {
    /// Fills in entry `column` of the block's directory.
    pub(crate) fn write(&self, zone: &ZoneMap, block: &mut [u8], column: usize) {
        let mut out = Vec::with_capacity(COLUMN_ENTRY_BYTES);
        out.put_u16(self.encoding);
        out.put_u16(0);
        out.put_u32(self.offset);
        out.put_u32(self.length);
        out.put_u32(self.crc);
        zone.put(&mut out);
        let at = directory_end(column);
        block[at..at + COLUMN_ENTRY_BYTES].copy_from_slice(&out);
    }

    /// Reads entry `column`; nothing is checked but that there are enough bytes.
    #[inline]
    pub(crate) fn read(block: &[u8], column: usize) -> Result<Self, Damage> {
        let at = directory_end(column);
        let entry = block.get(at..).and_then(|bytes| bytes.first_chunk::<ZONE_AT>());
        let Some(&[e0, e1, _, _, o0, o1, o2, o3, l0, l1, l2, l3, c0, c1, c2, c3]) = entry else {
            return Err(Damage::new(at, format!("the block ends before column {column}")));
        };
        Ok(ColumnEntry {
            encoding: u16::from_le_bytes([e0, e1]),
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
        })
    }

    /// The column's bytes.
    #[inline]
    pub(crate) fn bytes<'a>(&self, block: &'a [u8]) -> Result<&'a [u8], Damage> {
        let start = self.offset as usize;
        let bytes = start.checked_add(self.length as usize).and_then(|end| block.get(start..end));
        bytes.ok_or_else(|| Damage::new(start, "a column leaves its block"))
    }
}

/// The zone map of `column`.
pub(crate) fn zone_map(block: &[u8], column: usize) -> Result<ZoneMap, Damage> {
    let at = directory_end(column) + ZONE_AT;
    let mut r = Reader::new(block.get(at..).unwrap_or(&[]));
    ZoneMap::read(&mut r).map_err(|damage| Damage::new(at + damage.at, damage.what))
}

/// The seed of a column's checksum (invariant 3), but for the column's number.
pub(crate) fn column_seed(database_id: u64, origin_file: u64, first_seq: i64) -> u32 {
    identity_seed(database_id, &[origin_file, first_seq as u64])
}

/// The checksum of a column's bytes.
pub(crate) fn column_crc(seed: u32, column: usize, bytes: &[u8]) -> u32 {
    crc32_seeded(crc32_seeded(seed, &(column as u32).to_le_bytes()), bytes)
}
