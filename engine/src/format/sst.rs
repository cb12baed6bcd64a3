//! The SST file: header, B+Tree nodes, dictionary directory.
//!
//! ```text
//! 0          256                     blocks end                      tree offset     file size
//! ├─ header ─┼─ block ─┼─ block … ───┼─ dictionaries ─┼─ directory ─┼─ leaves … root ─┤
//!   256 B      8-aligned               8-aligned        8-aligned      4096-aligned nodes
//! ```
//!
//! Invariants
//! 1. Between the parts there are only zeros, fewer than the alignment asks for.
//! 2. The header is written last: a file whose header does not validate was never finished.
//! 3. The tree is bulk-loaded: every node is full but the last of its level, so its whole shape
//!    follows from the number of blocks, and a pointer on disk can only agree with it or be wrong.
//! 4. Every checksum is seeded with what the bytes belong to, so that bytes of another place,
//!    file or database never validate here.

use super::block::{self, BLOCK_ALIGN};
use super::{FieldAt, tiles};
use crate::chunk::ROWS_MAX;
use crate::coding::bytes::{Put, Reader};
use crate::coding::crc::{crc32, crc32_seeded};
use crate::error::Damage;
use crate::limits::FIELDS_MAX;

/// The first bytes of an SST file.
pub(crate) const SST_MAGIC: [u8; 8] = *b"srdb-sst";

/// The version this build writes, and the only one it reads.
pub(crate) const SST_VERSION: u16 = 1;

/// Bytes of the file header.
pub(crate) const HEADER_BYTES: usize = 256;

/// Bytes of a B+Tree node, and its alignment.
pub(crate) const NODE_BYTES: usize = 4096;

/// Keys of a full node.
pub(crate) const ORDER: usize = 200;

/// The file header.
pub(crate) const HEADER_FIELDS: [FieldAt; 23] = [
    (0, 8, "magic"),
    (8, 2, "version"),
    (10, 2, "flags"),
    (12, 4, "table id"),
    (16, 8, "file number"),
    (24, 8, "database id"),
    (32, 4, "schema checksum"),
    (36, 4, "columns"),
    (40, 8, "min seq"),
    (48, 8, "max seq"),
    (56, 8, "min time"),
    (64, 8, "max time"),
    (72, 8, "rows"),
    (80, 4, "blocks"),
    (84, 4, "nodes"),
    (88, 8, "blocks end"),
    (96, 8, "directory offset"),
    (104, 8, "directory bytes"),
    (112, 8, "tree offset"),
    (120, 8, "root offset"),
    (128, 8, "file size"),
    (136, 116, "reserved"),
    (252, 4, "crc"),
];
const _: () = assert!(tiles(&HEADER_FIELDS, HEADER_BYTES));
const HEADER_CRC_AT: usize = 252;

/// The header of a B+Tree node.
pub(crate) const NODE_HEADER_FIELDS: [FieldAt; 8] = [
    (0, 1, "type"),
    (1, 1, "level"),
    (2, 2, "count"),
    (4, 4, "crc"),
    (8, 8, "file number"),
    (16, 8, "offset"),
    (24, 4, "first block"),
    (28, 4, "reserved"),
];
/// Bytes of a node's header.
pub(crate) const NODE_HEADER_BYTES: usize = 32;
const _: () = assert!(tiles(&NODE_HEADER_FIELDS, NODE_HEADER_BYTES));

/// A leaf: where each block is.
pub(crate) const LEAF_FIELDS: [FieldAt; 5] = [
    (0, NODE_HEADER_BYTES, "header"),
    (KEYS_AT, 8 * ORDER, "keys"),
    (POINTERS_AT, 8 * ORDER, "offsets"),
    (SIZES_AT, 4 * ORDER, "sizes"),
    (LEAF_END, NODE_BYTES - LEAF_END, "reserved"),
];
const _: () = assert!(tiles(&LEAF_FIELDS, NODE_BYTES));

/// An internal node: where each child is.
pub(crate) const INTERNAL_FIELDS: [FieldAt; 4] = [
    (0, NODE_HEADER_BYTES, "header"),
    (KEYS_AT, 8 * ORDER, "keys"),
    (POINTERS_AT, 8 * ORDER, "children"),
    (SIZES_AT, NODE_BYTES - SIZES_AT, "reserved"),
];
const _: () = assert!(tiles(&INTERNAL_FIELDS, NODE_BYTES));

/// Where a node's keys start.
pub(crate) const KEYS_AT: usize = NODE_HEADER_BYTES;
/// Where a node's block offsets or children start.
pub(crate) const POINTERS_AT: usize = KEYS_AT + 8 * ORDER;
/// Where a leaf's block sizes start.
pub(crate) const SIZES_AT: usize = POINTERS_AT + 8 * ORDER;
/// Where a leaf's padding starts.
pub(crate) const LEAF_END: usize = SIZES_AT + 4 * ORDER;

/// The header of the dictionary directory.
pub(crate) const DIRECTORY_FIELDS: [FieldAt; 4] =
    [(0, 4, "magic"), (4, 4, "crc"), (8, 4, "count"), (12, 4, "reserved")];
/// Bytes of the directory's header.
pub(crate) const DIRECTORY_HEADER_BYTES: usize = 16;
const _: () = assert!(tiles(&DIRECTORY_FIELDS, DIRECTORY_HEADER_BYTES));
const DIRECTORY_MAGIC: u32 = u32::from_le_bytes(*b"sdic");

/// An entry of the dictionary directory.
pub(crate) const DICTIONARY_FIELDS: [FieldAt; 6] = [
    (0, 8, "origin file"),
    (8, 4, "column"),
    (12, 4, "length"),
    (16, 8, "offset"),
    (24, 4, "crc"),
    (28, 4, "reserved"),
];
/// Bytes of an entry of the dictionary directory.
pub(crate) const DICTIONARY_ENTRY_BYTES: usize = 32;
const _: () = assert!(tiles(&DICTIONARY_FIELDS, DICTIONARY_ENTRY_BYTES));

/// The seed of the checksums of what belongs to one database, and there to `parts`.
pub(crate) fn identity_seed(database_id: u64, parts: &[u64]) -> u32 {
    parts.iter().fold(crc32(&database_id.to_le_bytes()), |seed, part| {
        crc32_seeded(seed, &part.to_le_bytes())
    })
}

/// `offset` rounded up to a multiple of `align`, or `None` at the end of the numbers.
pub(crate) fn align_up(offset: u64, align: usize) -> Option<u64> {
    offset.checked_next_multiple_of(align as u64)
}

/// The file header. Offsets and sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SstHeader {
    pub(crate) version: u16,
    /// Features a reader must know of. None are defined.
    pub(crate) flags: u16,
    pub(crate) table_id: u32,
    pub(crate) file_number: u64,
    pub(crate) database_id: u64,
    pub(crate) schema_checksum: u32,
    /// Columns of every block: `_time` and the fields.
    pub(crate) columns: u32,
    pub(crate) min_seq: i64,
    pub(crate) max_seq: i64,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) rows: u64,
    pub(crate) blocks: u32,
    pub(crate) nodes: u32,
    pub(crate) blocks_end: u64,
    pub(crate) directory_offset: u64,
    pub(crate) directory_bytes: u64,
    pub(crate) tree_offset: u64,
    pub(crate) root_offset: u64,
    pub(crate) file_size: u64,
}

fn require(held: bool, at: usize, what: impl FnOnce() -> String) -> Result<(), Damage> {
    if held { Ok(()) } else { Err(Damage::new(at, what())) }
}

impl SstHeader {
    /// The header's bytes, checksum included.
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&SST_MAGIC);
        out.put_u16(self.version);
        out.put_u16(self.flags);
        out.put_u32(self.table_id);
        out.put_u64(self.file_number);
        out.put_u64(self.database_id);
        out.put_u32(self.schema_checksum);
        out.put_u32(self.columns);
        out.put_i64(self.min_seq);
        out.put_i64(self.max_seq);
        out.put_i64(self.min_time);
        out.put_i64(self.max_time);
        out.put_u64(self.rows);
        out.put_u32(self.blocks);
        out.put_u32(self.nodes);
        out.put_u64(self.blocks_end);
        out.put_u64(self.directory_offset);
        out.put_u64(self.directory_bytes);
        out.put_u64(self.tree_offset);
        out.put_u64(self.root_offset);
        out.put_u64(self.file_size);
        let mut bytes = [0; HEADER_BYTES];
        bytes[..out.len()].copy_from_slice(&out);
        let crc = crc32(&bytes[..HEADER_CRC_AT]);
        bytes[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header whose checksum holds. The version and the flags are the caller's to look
    /// at, before [`SstHeader::check`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(bytes);
        let covered = r.take(HEADER_CRC_AT)?;
        if covered.iter().all(|&b| b == 0) {
            return Err(Damage::new(0, "the header is empty: the file was never finished"));
        }
        require(covered.starts_with(&SST_MAGIC), 0, || "this is not an SST file".into())?;
        let crc = r.u32()?;
        require(crc == crc32(covered), HEADER_CRC_AT, || {
            "the header does not match its checksum".into()
        })?;
        let mut r = Reader::new(covered);
        r.take(SST_MAGIC.len())?;
        let header = SstHeader {
            version: r.u16()?,
            flags: r.u16()?,
            table_id: r.u32()?,
            file_number: r.u64()?,
            database_id: r.u64()?,
            schema_checksum: r.u32()?,
            columns: r.u32()?,
            min_seq: r.i64()?,
            max_seq: r.i64()?,
            min_time: r.i64()?,
            max_time: r.i64()?,
            rows: r.u64()?,
            blocks: r.u32()?,
            nodes: r.u32()?,
            blocks_end: r.u64()?,
            directory_offset: r.u64()?,
            directory_bytes: r.u64()?,
            tree_offset: r.u64()?,
            root_offset: r.u64()?,
            file_size: r.u64()?,
        };
        let at = r.position();
        let reserved = r.take(r.remaining())?;
        // A later version that gives these bytes a meaning says so in `version` or `flags`.
        let known = header.version == SST_VERSION && header.flags == 0;
        require(!known || reserved.iter().all(|&b| b == 0), at, || {
            "the header's reserved bytes are not zero".into()
        })?;
        Ok(header)
    }

    /// Whether the fields agree with each other. The writer asserts it.
    pub(crate) fn check(&self) -> Result<(), Damage> {
        require((1..=FIELDS_MAX as u32 + 1).contains(&self.columns), 36, || {
            format!("{} columns can't be", self.columns)
        })?;
        let span = self.max_seq.checked_sub(self.min_seq).and_then(|s| u64::try_from(s).ok());
        require(
            self.min_seq >= 1 && span.and_then(|s| s.checked_add(1)) == Some(self.rows),
            40,
            || format!("seqs {} to {} are not {} rows", self.min_seq, self.max_seq, self.rows),
        )?;
        require(self.min_time <= self.max_time, 56, || {
            format!("times go from {} to {}", self.min_time, self.max_time)
        })?;
        let blocks = u64::from(self.blocks);
        require(blocks <= self.rows && self.rows <= blocks * ROWS_MAX as u64, 80, || {
            format!("{} rows can't lie in {blocks} blocks", self.rows)
        })?;
        let shape = TreeShape::new(self.blocks);
        require(self.nodes == shape.nodes(), 84, || {
            format!("{blocks} blocks have {} nodes, not {}", shape.nodes(), self.nodes)
        })?;
        self.check_offsets()
    }

    /// The second half of [`SstHeader::check`]: the parts follow on each other. This bounds every
    /// count by the size of the file, so that a reader may allocate by them.
    fn check_offsets(&self) -> Result<(), Damage> {
        let data = self.blocks_end.checked_sub(HEADER_BYTES as u64);
        let least = u64::from(self.blocks) * block::directory_end(self.columns as usize) as u64;
        require(
            self.blocks_end.is_multiple_of(BLOCK_ALIGN as u64) && data.is_some_and(|d| d >= least),
            88,
            || format!("{} blocks can't end at {}", self.blocks, self.blocks_end),
        )?;
        require(
            self.directory_offset >= self.blocks_end
                && self.directory_offset.is_multiple_of(BLOCK_ALIGN as u64),
            96,
            || format!("the directory can't be at {}", self.directory_offset),
        )?;
        let directory_end = self.directory_offset.checked_add(self.directory_bytes);
        require(
            self.directory_bytes >= DIRECTORY_HEADER_BYTES as u64
                && directory_end.and_then(|end| align_up(end, NODE_BYTES))
                    == Some(self.tree_offset),
            104,
            || format!("a directory of {} bytes can't be", self.directory_bytes),
        )?;
        let tree_bytes = u64::from(self.nodes) * NODE_BYTES as u64;
        let tree_end = self.tree_offset.checked_add(tree_bytes);
        require(tree_end == Some(self.file_size), 128, || {
            format!("the tree does not end at {}, the file's end", self.file_size)
        })?;
        require(self.root_offset == self.file_size - NODE_BYTES as u64, 120, || {
            format!("the root can't be at {}", self.root_offset)
        })
    }
}

/// How many levels a tree can have: `u32::MAX` blocks need that many.
const LEVELS_MAX: usize = 5;

/// The shape of a bulk-loaded tree, which follows from the number of blocks. Nodes are numbered
/// in the order of the file: leaves first, the root last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeShape {
    blocks: u32,
    /// Nodes of each level, leaves first; 0 above the root.
    counts: [u32; LEVELS_MAX],
}

/// What the shape says of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodePlace {
    /// 0 for a leaf.
    pub(crate) level: u8,
    /// Keys it holds.
    pub(crate) count: u16,
    /// Its first child's number: a block's for a leaf, else a node's.
    pub(crate) first_child: u32,
}

impl TreeShape {
    /// The shape for this many blocks. None have no nodes.
    pub(crate) fn new(blocks: u32) -> Self {
        let mut counts = [0; LEVELS_MAX];
        let mut below = blocks;
        for count in &mut counts {
            if below == 0 {
                break;
            }
            *count = below.div_ceil(ORDER as u32);
            below = if *count == 1 { 0 } else { *count };
        }
        TreeShape { blocks, counts }
    }

    /// Nodes of the whole tree.
    pub(crate) fn nodes(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Levels, the leaves' included.
    #[cfg(test)]
    pub(crate) fn levels(&self) -> u8 {
        self.counts.iter().filter(|&&count| count > 0).count() as u8
    }

    /// What must stand in node `index`, or `None` if there is no such node.
    pub(crate) fn place(&self, index: u32) -> Option<NodePlace> {
        let (mut first, mut children, mut first_below) = (0, self.blocks, 0);
        for (level, &count) in self.counts.iter().enumerate() {
            if index - first < count {
                let skipped = (index - first) * ORDER as u32;
                return Some(NodePlace {
                    level: level as u8,
                    count: (children - skipped).min(ORDER as u32) as u16,
                    first_child: first_below + skipped,
                });
            }
            first_below = first;
            first += count;
            children = count;
        }
        None
    }
}

/// Where a dictionary lies, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DictionaryEntry {
    /// The file its blocks were first written to.
    pub(crate) origin_file: u64,
    /// Column number as in the blocks: 0 is `_time`.
    pub(crate) column: u32,
    pub(crate) length: u32,
    pub(crate) offset: u64,
    pub(crate) crc: u32,
}

/// Appends the directory of `entries`, which are sorted by origin and column.
pub(crate) fn encode_directory(seed: u32, entries: &[DictionaryEntry], out: &mut Vec<u8>) {
    let start = out.len();
    out.put_u32(DIRECTORY_MAGIC);
    out.put_u32(0);
    out.put_u32(entries.len() as u32);
    out.put_u32(0);
    for entry in entries {
        out.put_u64(entry.origin_file);
        out.put_u32(entry.column);
        out.put_u32(entry.length);
        out.put_u64(entry.offset);
        out.put_u32(entry.crc);
        out.put_u32(0);
    }
    let crc = crc32_seeded(seed, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Reads and checks a directory whose dictionaries tile `from..to`.
pub(crate) fn decode_directory(
    seed: u32,
    bytes: &[u8],
    from: u64,
    to: u64,
) -> Result<Vec<DictionaryEntry>, Damage> {
    let mut r = Reader::new(bytes);
    let magic = r.u32()?;
    require(magic == DIRECTORY_MAGIC, 0, || "there is no dictionary directory".into())?;
    let crc = r.u32()?;
    require(crc == crc32_seeded(seed, bytes.get(8..).unwrap_or(&[])), 4, || {
        "the dictionary directory does not match its checksum".into()
    })?;
    let count = r.u32()? as usize;
    let reserved = r.u32()?;
    require(
        reserved == 0 && r.remaining() == count.saturating_mul(DICTIONARY_ENTRY_BYTES),
        8,
        || format!("{count} dictionaries do not take {} bytes", bytes.len()),
    )?;
    let mut entries: Vec<DictionaryEntry> = Vec::with_capacity(count);
    let mut end = from;
    for _ in 0..count {
        let at = r.position();
        let entry = DictionaryEntry {
            origin_file: r.u64()?,
            column: r.u32()?,
            length: r.u32()?,
            offset: r.u64()?,
            crc: r.u32()?,
        };
        let reserved = r.u32()?;
        let key = |e: &DictionaryEntry| (e.origin_file, e.column);
        require(
            reserved == 0 && entries.last().is_none_or(|last| key(last) < key(&entry)),
            at,
            || format!("dictionary {:?} is out of order", key(&entry)),
        )?;
        require(align_up(end, BLOCK_ALIGN) == Some(entry.offset), at + 16, || {
            format!("a dictionary at {} does not follow on {end}", entry.offset)
        })?;
        end = entry.offset.saturating_add(u64::from(entry.length));
        require(end <= to, at + 12, || format!("a dictionary ends at {end}, beyond {to}"))?;
        entries.push(entry);
    }
    require(align_up(end, BLOCK_ALIGN) == Some(to), 8, || {
        format!("the dictionaries end at {end}, their directory is at {to}")
    })?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SstHeader {
        SstHeader {
            version: SST_VERSION,
            flags: 0,
            table_id: 0x0101_0101,
            file_number: 0x0202_0202_0202_0202,
            database_id: 0x0303_0303_0303_0303,
            schema_checksum: 0x0404_0404,
            columns: 3,
            min_seq: 1,
            max_seq: 4000,
            min_time: -7,
            max_time: 9,
            rows: 4000,
            blocks: 2,
            nodes: 1,
            blocks_end: 1000,
            directory_offset: 1000,
            directory_bytes: 16,
            tree_offset: 4096,
            root_offset: 4096,
            file_size: 8192,
        }
    }

    #[test]
    fn header_fields_stand_where_the_table_says() {
        let header = header();
        let bytes = header.encode();
        assert_eq!(SstHeader::decode(&bytes), Ok(header.clone()));
        assert_eq!(header.check(), Ok(()));
        let at = |name: &str| {
            let (offset, size, _) = HEADER_FIELDS.into_iter().find(|f| f.2 == name).unwrap();
            &bytes[offset..offset + size]
        };
        assert_eq!(at("magic"), SST_MAGIC);
        assert_eq!(at("table id"), [1; 4]);
        assert_eq!(at("file number"), [2; 8]);
        assert_eq!(at("database id"), [3; 8]);
        assert_eq!(at("schema checksum"), [4; 4]);
        assert_eq!(at("min time"), (-7i64).to_le_bytes());
        assert_eq!(at("blocks end"), 1000u64.to_le_bytes());
        assert_eq!(at("file size"), 8192u64.to_le_bytes());
        assert!(at("reserved").iter().all(|&b| b == 0));
        for i in 0..HEADER_BYTES {
            let mut changed = bytes;
            changed[i] ^= 1;
            assert!(SstHeader::decode(&changed).is_err(), "byte {i}");
            assert!(SstHeader::decode(&bytes[..i]).is_err(), "{i} bytes");
        }
    }

    #[test]
    fn headers_that_can_not_be_fail_the_check() {
        let breaks: [fn(&mut SstHeader); 19] = [
            |h| h.columns = 0,
            |h| h.columns = 2000,
            |h| h.min_seq = 0,
            |h| h.max_seq = i64::MAX,
            |h| h.min_seq = i64::MIN,
            |h| h.rows = u64::MAX,
            |h| h.min_time = 10,
            |h| h.blocks = 0,
            |h| h.blocks = 1,
            |h| h.blocks = u32::MAX,
            |h| h.nodes = 2,
            |h| h.blocks_end = 256,
            |h| h.blocks_end = u64::MAX - 7,
            |h| h.directory_offset = 992,
            |h| h.directory_offset = u64::MAX - 7,
            |h| h.directory_bytes = u64::MAX,
            |h| h.tree_offset = u64::MAX - 4095,
            |h| h.root_offset = 0,
            |h| h.file_size = 0,
        ];
        for (i, wreck) in breaks.into_iter().enumerate() {
            let mut header = header();
            wreck(&mut header);
            assert!(header.check().is_err(), "case {i}");
        }
    }

    #[test]
    fn directories() {
        let entry = |origin_file, column, offset, length| DictionaryEntry {
            origin_file,
            column,
            length,
            offset,
            crc: 5,
        };
        let encode = |entries: &[DictionaryEntry]| {
            let mut out = Vec::new();
            encode_directory(9, entries, &mut out);
            out
        };
        let sound = [entry(1, 2, 256, 5), entry(1, 3, 264, 8), entry(2, 0, 272, 1)];
        let bytes = encode(&sound);
        assert_eq!(decode_directory(9, &bytes, 256, 280), Ok(sound.to_vec()));
        assert_eq!(decode_directory(9, &encode(&[]), 256, 256), Ok(vec![]));
        assert!(decode_directory(8, &bytes, 256, 280).is_err(), "another seed");
        assert!(decode_directory(9, &bytes, 256, 288).is_err(), "a gap at the end");
        assert!(decode_directory(9, &bytes, 256, 272).is_err(), "beyond the end");
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            assert!(decode_directory(9, &changed, 256, 280).is_err(), "byte {i}");
            assert!(decode_directory(9, &bytes[..i], 256, 280).is_err(), "{i} bytes");
        }
        for wrong in [
            [entry(1, 2, 256, 5), entry(1, 2, 264, 8)],
            [entry(2, 2, 256, 5), entry(1, 2, 264, 8)],
            [entry(1, 2, 256, 5), entry(1, 3, 272, 0)],
            [entry(1, 2, 264, 0), entry(1, 3, 264, 8)],
            [entry(1, 2, 256, 5), entry(1, 3, 264, u32::MAX)],
        ] {
            assert!(decode_directory(9, &encode(&wrong), 256, 272).is_err(), "{wrong:?}");
        }
    }
}
