//! The index file: which rows of one SST have which value of one field.
//!
//! ```text
//! 0          256            leaves end        filter offset       tree offset       file size
//! ├─ header ─┼─ leaf ─┼─ leaf … ─┼─ zeros ────┼─ filter pages ────┼─ nodes … root ───┤
//!   256 B      8-aligned            4096-aligned  4096 B each         4096 B each
//! ```
//!
//! Invariants
//! 1. Between the parts there are only zeros, fewer than the alignment asks for.
//! 2. The header is written last: a file whose header does not validate was never finished.
//! 3. Every checksum is seeded with what the bytes belong to, and where they stand.

use super::sst::{NODE_BYTES, align_up, identity_seed};
use super::{FieldAt, tiles};
use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::error::Damage;

/// The first bytes of an index file.
pub(crate) const INDEX_MAGIC: [u8; 8] = *b"srdb-idx";

/// The version this build writes, and the only one it reads.
pub(crate) const INDEX_VERSION: u16 = 1;

/// Bytes of the file header.
pub(crate) const INDEX_HEADER_BYTES: usize = 256;

/// Leaves are aligned to this many bytes.
pub(crate) const LEAF_ALIGN: usize = 8;

/// The file header.
pub(crate) const INDEX_HEADER_FIELDS: [FieldAt; 20] = [
    (0, 8, "magic"),
    (8, 2, "version"),
    (10, 2, "flags"),
    (12, 4, "table id"),
    (16, 8, "file number"),
    (24, 8, "database id"),
    (32, 8, "SST"),
    (40, 4, "field"),
    (44, 1, "type"),
    (45, 3, "reserved"),
    (48, 8, "keys"),
    (56, 8, "entries"),
    (64, 8, "rows"),
    (72, 4, "leaves"),
    (76, 4, "filter pages"),
    (80, 8, "leaves end"),
    (88, 4, "nodes"),
    (92, 4, "bottom nodes"),
    (96, 156, "reserved"),
    (252, 4, "crc"),
];
const _: () = assert!(tiles(&INDEX_HEADER_FIELDS, INDEX_HEADER_BYTES));
const CRC_AT: usize = 252;

/// The header of a page: a node of the tree or a part of the filter.
pub(crate) const PAGE_HEADER_FIELDS: [FieldAt; 8] = [
    (0, 1, "type"),
    (1, 1, "level"),
    (2, 2, "count"),
    (4, 4, "crc"),
    (8, 8, "file number"),
    (16, 8, "offset"),
    (24, 4, "first child"),
    (28, 4, "reserved"),
];
/// Bytes of a page's header.
pub(crate) const PAGE_HEADER_BYTES: usize = 32;
const _: () = assert!(tiles(&PAGE_HEADER_FIELDS, PAGE_HEADER_BYTES));

/// The header of a leaf.
pub(crate) const LEAF_HEADER_FIELDS: [FieldAt; 5] =
    [(0, 4, "crc"), (4, 4, "bytes"), (8, 4, "count"), (12, 2, "prefix bytes"), (14, 2, "reserved")];
/// Bytes of a leaf's header.
pub(crate) const LEAF_HEADER_BYTES: usize = 16;
const _: () = assert!(tiles(&LEAF_HEADER_FIELDS, LEAF_HEADER_BYTES));

/// The header of an index file. Offsets in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexHeader {
    pub(crate) version: u16,
    /// Features a reader must know of. None are defined.
    pub(crate) flags: u16,
    pub(crate) table_id: u32,
    pub(crate) file_number: u64,
    pub(crate) database_id: u64,
    /// The file number of the SST whose rows these are.
    pub(crate) sst: u64,
    /// The place of the field in the schema, from 0.
    pub(crate) field: u32,
    /// The code of the field's type.
    pub(crate) data_type: u8,
    /// Different keys.
    pub(crate) keys: u64,
    /// Rows that have a key: all but the nulls.
    pub(crate) entries: u64,
    /// Rows of the SST.
    pub(crate) rows: u64,
    pub(crate) leaves: u32,
    pub(crate) filter_pages: u32,
    pub(crate) leaves_end: u64,
    /// Nodes of the tree.
    pub(crate) nodes: u32,
    /// Those of them whose children are leaves.
    pub(crate) bottom_nodes: u32,
}

fn require(held: bool, at: usize, what: impl FnOnce() -> String) -> Result<(), Damage> {
    if held { Ok(()) } else { Err(Damage::new(at, what())) }
}

impl IndexHeader {
    /// The header's bytes, checksum included.
    pub(crate) fn encode(&self) -> [u8; INDEX_HEADER_BYTES] {
        let mut out = Vec::with_capacity(INDEX_HEADER_BYTES);
        out.extend_from_slice(&INDEX_MAGIC);
        out.put_u16(self.version);
        out.put_u16(self.flags);
        out.put_u32(self.table_id);
        out.put_u64(self.file_number);
        out.put_u64(self.database_id);
        out.put_u64(self.sst);
        out.put_u32(self.field);
        out.extend_from_slice(&[self.data_type, 0, 0, 0]);
        out.put_u64(self.keys);
        out.put_u64(self.entries);
        out.put_u64(self.rows);
        out.put_u32(self.leaves);
        out.put_u32(self.filter_pages);
        out.put_u64(self.leaves_end);
        out.put_u32(self.nodes);
        out.put_u32(self.bottom_nodes);
        let mut bytes = [0; INDEX_HEADER_BYTES];
        bytes[..out.len()].copy_from_slice(&out);
        let crc = crc32(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header whose checksum holds. The version and the flags are the caller's to look
    /// at, before [`IndexHeader::check`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(bytes);
        let covered = r.take(CRC_AT)?;
        if covered.iter().all(|&b| b == 0) {
            return Err(Damage::new(0, "the header is empty: the file was never finished"));
        }
        require(covered.starts_with(&INDEX_MAGIC), 0, || "this is not an index file".into())?;
        let crc = r.u32()?;
        require(crc == crc32(covered), CRC_AT, || "the header does not match its checksum".into())?;
        let mut r = Reader::new(covered);
        r.take(INDEX_MAGIC.len())?;
        let (version, flags, table_id) = (r.u16()?, r.u16()?, r.u32()?);
        let (file_number, database_id, sst) = (r.u64()?, r.u64()?, r.u64()?);
        let (field, data_type, padding) = (r.u32()?, r.u8()?, r.take(3)?);
        let header = IndexHeader {
            version,
            flags,
            table_id,
            file_number,
            database_id,
            sst,
            field,
            data_type,
            keys: r.u64()?,
            entries: r.u64()?,
            rows: r.u64()?,
            leaves: r.u32()?,
            filter_pages: r.u32()?,
            leaves_end: r.u64()?,
            nodes: r.u32()?,
            bottom_nodes: r.u32()?,
        };
        let at = r.position();
        let reserved = r.take(r.remaining())?;
        // A later version that gives these bytes a meaning says so in `version` or `flags`.
        let known = version == INDEX_VERSION && flags == 0;
        let is_zero = reserved.iter().chain(padding).all(|&b| b == 0);
        require(!known || is_zero, at, || "the header's reserved bytes are not zero".into())?;
        Ok(header)
    }

    /// Where the filter's pages start, or `None` past the end of the numbers.
    pub(crate) fn filter_offset(&self) -> Option<u64> {
        align_up(self.leaves_end, NODE_BYTES)
    }

    /// Where the tree's nodes start.
    pub(crate) fn tree_offset(&self) -> Option<u64> {
        self.filter_offset()?.checked_add(u64::from(self.filter_pages) * NODE_BYTES as u64)
    }

    /// Where the file ends.
    pub(crate) fn file_size(&self) -> Option<u64> {
        self.tree_offset()?.checked_add(u64::from(self.nodes) * NODE_BYTES as u64)
    }

    /// Whether the fields agree with each other and with the file's size. This bounds every count
    /// by the size of the file, so that a reader may allocate by them. The writer asserts it.
    pub(crate) fn check(&self, file_bytes: u64) -> Result<(), Damage> {
        let Self { keys, entries, rows, leaves, nodes, bottom_nodes, .. } = *self;
        let leaves = u64::from(leaves);
        require(keys <= entries && entries <= rows && rows <= u64::from(u32::MAX), 48, || {
            format!("{keys} keys of {entries} among {rows} rows can't be")
        })?;
        let least = leaves.saturating_mul(LEAF_HEADER_BYTES as u64);
        let leaf_bytes = self.leaves_end.checked_sub(INDEX_HEADER_BYTES as u64);
        require(
            leaves <= keys
                && (leaves == 0) == (keys == 0)
                && self.leaves_end.is_multiple_of(LEAF_ALIGN as u64)
                && leaf_bytes.is_some_and(|bytes| bytes >= least),
            72,
            || format!("{leaves} leaves for {keys} keys can't end at {}", self.leaves_end),
        )?;
        require(
            u64::from(bottom_nodes) <= leaves
                && bottom_nodes <= nodes
                && (bottom_nodes == 0) == (leaves == 0)
                && (nodes == 0) == (leaves == 0),
            88,
            || format!("{nodes} nodes, {bottom_nodes} of them above {leaves} leaves, can't be"),
        )?;
        require(self.filter_pages > 0 || keys == 0, 76, || "there is no filter".into())?;
        require(self.file_size() == Some(file_bytes), 80, || {
            format!("the parts do not end at {file_bytes}, the file's end")
        })
    }
}

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PageType {
    /// A node of the tree.
    Node = 1,
    /// A part of the filter.
    Filter = 2,
}

/// The header of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub(crate) page_type: PageType,
    /// 1 above the leaves, and one more each level up; 0 for the filter.
    pub(crate) level: u8,
    /// Children of a node; blocks of the filter in this page.
    pub(crate) count: u16,
    /// The number of a node's first child: a leaf's in level 1, else a node's. 0 for the filter.
    pub(crate) first_child: u32,
}

/// The seed of a page's or leaf's checksum: of one file, at one place.
pub(crate) fn index_seed(database_id: u64, file_number: u64, offset: u64) -> u32 {
    identity_seed(database_id, &[file_number, offset])
}

fn page_crc(seed: u32, page: &[u8; NODE_BYTES]) -> u32 {
    [&page[..4], &[0; 4][..], &page[8..]].into_iter().fold(seed, crc32_seeded)
}

impl PageHeader {
    /// Writes the header of a page whose content is in place.
    pub(crate) fn write(
        &self,
        database_id: u64,
        file_number: u64,
        offset: u64,
        page: &mut [u8; NODE_BYTES],
    ) {
        let mut out = Vec::with_capacity(PAGE_HEADER_BYTES);
        out.put_u8(self.page_type as u8);
        out.put_u8(self.level);
        out.put_u16(self.count);
        out.put_u32(0);
        out.put_u64(file_number);
        out.put_u64(offset);
        out.put_u32(self.first_child);
        out.put_u32(0);
        page[..PAGE_HEADER_BYTES].copy_from_slice(&out);
        let crc = page_crc(index_seed(database_id, file_number, offset), page);
        page[4..8].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads the header of a page, which was checked before.
    pub(crate) fn read(page: &[u8; NODE_BYTES]) -> Result<Self, Damage> {
        let mut r = Reader::new(page);
        let page_type = match r.u8()? {
            1 => PageType::Node,
            2 => PageType::Filter,
            code => return Err(Damage::new(0, format!("there is no page type {code}"))),
        };
        let (level, count) = (r.u8()?, r.u16()?);
        r.take(20)?;
        Ok(PageHeader { page_type, level, count, first_child: r.u32()? })
    }

    /// Whether the page is the one that was written at this place of this file.
    pub(crate) fn check(
        database_id: u64,
        file_number: u64,
        offset: u64,
        page: &[u8; NODE_BYTES],
    ) -> Result<(), Damage> {
        let mut r = Reader::new(&page[4..]);
        let crc = r.u32()?;
        require(crc == page_crc(index_seed(database_id, file_number, offset), page), 4, || {
            "the page does not match its checksum".into()
        })?;
        let (of_file, at) = (r.u64()?, r.u64()?);
        require((of_file, at) == (file_number, offset), 8, || {
            format!("this page belongs to file {of_file} at {at}")
        })?;
        r.take(4)?;
        require(r.u32()? == 0, 28, || "a reserved byte of a page is not zero".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> IndexHeader {
        IndexHeader {
            version: INDEX_VERSION,
            flags: 0,
            table_id: 0x0101_0101,
            file_number: 0x0202_0202_0202_0202,
            database_id: 0x0303_0303_0303_0303,
            sst: 0x0404_0404_0404_0404,
            field: 0x0505_0505,
            data_type: 6,
            keys: 3,
            entries: 40,
            rows: 50,
            leaves: 2,
            filter_pages: 1,
            leaves_end: 1000,
            nodes: 1,
            bottom_nodes: 1,
        }
    }

    #[test]
    fn header_fields_stand_where_the_table_says() {
        let header = header();
        let bytes = header.encode();
        assert_eq!(IndexHeader::decode(&bytes), Ok(header.clone()));
        assert_eq!(header.file_size(), Some(3 * 4096));
        assert_eq!(header.check(3 * 4096), Ok(()));
        let at = |name: &str| {
            let found = INDEX_HEADER_FIELDS.into_iter().find(|field| field.2 == name);
            let (offset, size, _) = found.unwrap();
            &bytes[offset..offset + size]
        };
        assert_eq!(at("magic"), INDEX_MAGIC);
        assert_eq!(at("SST"), [4; 8]);
        assert_eq!(at("field"), [5; 4]);
        assert_eq!(at("type"), [6]);
        assert_eq!(at("keys"), 3u64.to_le_bytes());
        assert_eq!(at("leaves end"), 1000u64.to_le_bytes());
        assert_eq!(at("bottom nodes"), 1u32.to_le_bytes());
        for i in 0..INDEX_HEADER_BYTES {
            let mut changed = bytes;
            changed[i] ^= 1;
            assert!(IndexHeader::decode(&changed).is_err(), "byte {i}");
            assert!(IndexHeader::decode(&bytes[..i]).is_err(), "{i} bytes");
        }
    }

    #[test]
    fn headers_that_can_not_be_fail_the_check() {
        let breaks: [fn(&mut IndexHeader); 12] = [
            |h| h.keys = 41,
            |h| h.keys = 0,
            |h| h.entries = 51,
            |h| h.rows = u64::MAX,
            |h| h.leaves = 4,
            |h| h.leaves = 0,
            |h| h.leaves_end = 264,
            |h| h.leaves_end = u64::MAX - 7,
            |h| h.filter_pages = 0,
            |h| h.nodes = 0,
            |h| h.bottom_nodes = 2,
            |h| h.nodes = u32::MAX,
        ];
        for (i, wreck) in breaks.into_iter().enumerate() {
            let mut header = header();
            wreck(&mut header);
            assert!(header.check(3 * 4096).is_err(), "case {i}");
        }
    }

    #[test]
    fn pages_know_their_place() {
        let mut page = [0; NODE_BYTES];
        page[100] = 1;
        let header = PageHeader { page_type: PageType::Node, level: 2, count: 3, first_child: 4 };
        header.write(1, 2, 8192, &mut page);
        assert_eq!(PageHeader::read(&page), Ok(header));
        assert_eq!(PageHeader::check(1, 2, 8192, &page), Ok(()));
        for (database, file, offset) in [(2, 2, 8192), (1, 3, 8192), (1, 2, 4096)] {
            assert!(PageHeader::check(database, file, offset, &page).is_err());
        }
        for i in 0..NODE_BYTES {
            page[i] ^= 0x10;
            assert!(PageHeader::check(1, 2, 8192, &page).is_err(), "byte {i}");
            page[i] ^= 0x10;
        }
    }
}
