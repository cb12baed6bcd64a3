//! An index file: which rows of an SST have which value of one field.
//!
//! ```text
//! header │ leaf │ leaf … │ filter pages │ nodes: level 1 … root
//! ```
//!
//! This file reads the parts and searches them; whether they say what the rows say asks
//! [`crate::oracle::index`].

use super::bytes::{
    Damage, Reader, Result, check_crc, crc, damaged, ensure, round_up, seed, seeded,
};
use super::edit::IndexRecord;
use super::integers::unpack;
use super::schema::{Type, Value};
use super::sst::slice;

const HEADER_BYTES: u64 = 256;
const PAGE_BYTES: u64 = 4096;
const KEY_BYTES_MAX: usize = 255;
const FILTER_BLOCK_BYTES: usize = 32;
const PAGE_BLOCKS: usize = 127;

/// What an index file has to be of.
#[derive(Debug, Clone, Copy)]
pub struct IndexOwner<'a> {
    /// The database's id.
    pub database: u64,
    /// The table's id.
    pub table: u32,
    /// What the MANIFEST records of the file.
    pub record: &'a IndexRecord,
    /// The field's type.
    pub data_type: Type,
    /// Rows of the SST.
    pub rows: u64,
}

/// A leaf.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// Where it is in the file.
    pub offset: u64,
    /// Its bytes, without padding.
    pub bytes: u32,
    /// Its keys, each with its rows.
    pub entries: Vec<(Vec<u8>, Vec<u32>)>,
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// 1 above the leaves.
    pub level: u8,
    /// The number of its first child.
    pub first_child: u32,
    /// The first key of each child.
    pub keys: Vec<Vec<u8>>,
    /// In level 1, where each leaf is, and its bytes.
    pub places: Vec<(u64, u32)>,
}

/// See the [module](self).
#[derive(Debug)]
pub struct Index {
    /// The leaves, in the order of the file.
    pub leaves: Vec<Leaf>,
    /// The nodes, in the order of the file; the root is the last.
    pub nodes: Vec<Node>,
    /// The blocks of the filter.
    pub filter: Vec<[u8; FILTER_BLOCK_BYTES]>,
}

struct Layout {
    leaves: u32,
    filter_pages: u32,
    leaves_end: u64,
    nodes: u32,
    bottom_nodes: u32,
}

impl Index {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is damaged.
    pub fn decode(bytes: &[u8], owner: &IndexOwner<'_>) -> Result<Index> {
        let size = owner.record.size;
        ensure(bytes.len() as u64 == size, || format!("{} bytes, not {size}", bytes.len()))?;
        let layout = header(bytes, owner)?;
        let filter_at = round_up(layout.leaves_end, PAGE_BYTES);
        let nodes_at = filter_at + u64::from(layout.filter_pages) * PAGE_BYTES;
        let end = nodes_at + u64::from(layout.nodes) * PAGE_BYTES;
        ensure(end == size, || format!("its parts end at {end}, not {size}"))?;
        let leaves = leaves(bytes, owner, &layout)?;
        let mut filter = Vec::new();
        for page in 0..layout.filter_pages {
            let offset = filter_at + u64::from(page) * PAGE_BYTES;
            let is_last = page + 1 == layout.filter_pages;
            filter_page(bytes, owner, offset, is_last, &mut filter)
                .map_err(|d| d.within(format!("the page at {offset}")))?;
        }
        let mut nodes = Vec::new();
        for number in 0..layout.nodes {
            let offset = nodes_at + u64::from(number) * PAGE_BYTES;
            let node = node(bytes, owner, offset);
            nodes.push(node.map_err(|d| d.within(format!("the node at {offset}")))?);
        }
        let bottom = nodes.iter().take_while(|node| node.level == 1).count();
        ensure(bottom == layout.bottom_nodes as usize, || {
            format!("{bottom} nodes stand above leaves, not {}", layout.bottom_nodes)
        })?;
        Ok(Index { leaves, nodes, filter })
    }

    /// The rows of a key, found from the root down; none if it is not there.
    pub fn search(&self, key: &[u8]) -> Option<&[u32]> {
        let mut node = self.nodes.last()?;
        loop {
            let after = node.keys.partition_point(|first| &first[..] <= key);
            let child = node.first_child as usize + after.saturating_sub(1);
            if node.level == 1 {
                let leaf = self.leaves.get(child)?;
                let at = leaf.entries.binary_search_by(|(found, _)| found[..].cmp(key)).ok()?;
                return leaf.entries.get(at).map(|(_, rows)| &rows[..]);
            }
            node = self.nodes.get(child).filter(|child| child.level < node.level)?;
        }
    }

    /// What the filter says of a key.
    pub fn may_contain(&self, key: &[u8]) -> bool {
        const SALTS: [u32; 8] = [
            0x47B6_137B,
            0x4497_4D91,
            0x8824_AD5B,
            0xA2B7_289D,
            0x7054_95C7,
            0x2DF1_424B,
            0x9EFC_4947,
            0x5C6B_FB31,
        ];
        let hash = hash(key);
        let block = ((hash >> 32) * self.filter.len() as u64) >> 32;
        let Some(block) = self.filter.get(block as usize) else { return false };
        SALTS.iter().zip(block.chunks_exact(4)).all(|(salt, word)| {
            let bit = (hash as u32).wrapping_mul(*salt) >> 27;
            word[bit as usize / 8] >> (bit % 8) & 1 == 1
        })
    }
}

fn hash(key: &[u8]) -> u64 {
    let fold = |a: u64| {
        let product = u128::from(a) * 0xD6E8_FEB8_6659_FD93;
        product as u64 ^ (product >> 64) as u64
    };
    let mut h = 0x9E37_79B9_7F4A_7C15 ^ key.len() as u64;
    for part in key.chunks(8) {
        h = fold(h ^ super::bytes::number(part));
    }
    fold(h ^ 0x9E37_79B9_7F4A_7C15)
}

fn header(bytes: &[u8], owner: &IndexOwner<'_>) -> Result<Layout> {
    let header = Reader::new(bytes).take(HEADER_BYTES as usize)?;
    check_crc(Reader::new(&header[252..]).u32()?, crc(&header[..252]))?;
    let mut reader = Reader::new(&header[..252]);
    ensure(reader.take(8)? == b"srdb-idx", || "the magic is wrong".to_owned())?;
    ensure((reader.u16()?, reader.u16()?) == (1, 0), || "another version".to_owned())?;
    let record = owner.record;
    let said = (reader.u32()?, reader.u64()?, reader.u64()?, reader.u64()?, reader.u32()?);
    let due = (owner.table, record.file, owner.database, record.sst, record.field);
    ensure(said == due, || format!("it is of {said:?}, not of {due:?}"))?;
    let data_type = Type::of_code(reader.u8()?)?;
    ensure(data_type == owner.data_type, || format!("it is of a {data_type:?} field"))?;
    reader.reserved(3)?;
    let said = (reader.u64()?, reader.u64()?, reader.u64()?);
    let due = (record.keys, record.entries, owner.rows);
    ensure(said == due, || format!("keys, entries and rows are {said:?}, not {due:?}"))?;
    let (leaves, filter_pages, leaves_end) = (reader.u32()?, reader.u32()?, reader.u64()?);
    let (nodes, bottom_nodes) = (reader.u32()?, reader.u32()?);
    reader.reserved(156)?;
    Ok(Layout { leaves, filter_pages, leaves_end, nodes, bottom_nodes })
}

fn leaves(bytes: &[u8], owner: &IndexOwner<'_>, layout: &Layout) -> Result<Vec<Leaf>> {
    let (mut leaves, mut offset) = (Vec::new(), HEADER_BYTES);
    for _ in 0..layout.leaves {
        let leaf = leaf(bytes, owner, offset);
        let leaf = leaf.map_err(|d| d.within(format!("the leaf at {offset}")))?;
        offset = round_up(offset + u64::from(leaf.bytes), 8);
        leaves.push(leaf);
    }
    ensure(offset == layout.leaves_end, || format!("the leaves end at {offset}"))?;
    Ok(leaves)
}

fn leaf(bytes: &[u8], owner: &IndexOwner<'_>, offset: u64) -> Result<Leaf> {
    let rest = slice(bytes, offset, owner.record.size.saturating_sub(offset));
    let rest = rest.ok_or_else(|| Damage("it is missing".to_owned()))?;
    let mut reader = Reader::new(rest);
    let (checksum, length, count) = (reader.u32()?, reader.u32()?, reader.u32()? as usize);
    let prefix_bytes = usize::from(reader.u16()?);
    reader.reserved(2)?;
    let whole = slice(rest, 0, u64::from(length)).filter(|whole| whole.len() >= 16);
    let whole = whole.ok_or_else(|| Damage(format!("{length} bytes can't be")))?;
    let place = seed(&[owner.database, owner.record.file, offset]);
    check_crc(checksum, seeded(place, &[&whole[4..]]))?;
    let mut reader = Reader::new(&whole[16..]);
    let starts = reader.u32s(count)?;
    let prefix = reader.take(prefix_bytes)?;
    let mut due = 16 + 4 * count + prefix_bytes;
    let mut entries = Vec::new();
    for (i, start) in starts.iter().enumerate() {
        ensure(*start as usize == due, || format!("entry {i} is at {start}, not {due}"))?;
        let end = starts.get(i + 1).map_or(whole.len(), |next| *next as usize);
        let entry = whole.get(due..end).ok_or_else(|| Damage(format!("entry {i} ends nowhere")))?;
        entries.push(
            self::entry(entry, prefix, owner.rows).map_err(|d| d.within(format!("entry {i}")))?,
        );
        due = end;
    }
    Ok(Leaf { offset, bytes: length, entries })
}

fn entry(bytes: &[u8], prefix: &[u8], rows: u64) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut reader = Reader::new(bytes);
    let length = usize::from(reader.u8()?);
    let key = [prefix, reader.take(length)?].concat();
    ensure(key.len() <= KEY_BYTES_MAX, || format!("a key of {} bytes", key.len()))?;
    let count = match reader.u8()? {
        1 => 1,
        0 => reader.u32()? as usize,
        other => return damaged(format!("{other} is neither 0 nor 1")),
    };
    let found = postings(&mut reader, count, rows)?;
    reader.end()?;
    Ok((key, found))
}

/// The rows of a key, each below `limit`.
fn postings(reader: &mut Reader<'_>, count: usize, limit: u64) -> Result<Vec<u32>> {
    let mut row = u64::from(reader.u32()?);
    let gaps = count.checked_sub(1).ok_or_else(|| Damage("no rows".to_owned()))?;
    ensure(count as u64 <= limit, || format!("{count} of {limit} rows"))?;
    let widths = reader.take(gaps.div_ceil(1024))?.to_vec();
    let mut rows = vec![row];
    for (i, width) in widths.iter().enumerate() {
        let part = (gaps - i * 1024).min(1024);
        ensure(*width <= 64, || format!("gaps of {width} bits"))?;
        for gap in unpack(reader, part, u32::from(*width))? {
            row = row.saturating_add(gap).saturating_add(1);
            rows.push(row);
        }
    }
    ensure(row < limit, || format!("row {row} of {limit}"))?;
    Ok(rows.into_iter().map(|row| row as u32).collect())
}

/// A page's type, level, count and first child.
type PageHeader = (u8, u8, usize, u32);

/// Reads a page's header, after its checksum.
fn page<'a>(
    bytes: &'a [u8],
    owner: &IndexOwner<'_>,
    offset: u64,
) -> Result<(PageHeader, &'a [u8])> {
    let page = slice(bytes, offset, PAGE_BYTES);
    let page = page.ok_or_else(|| Damage("it is missing".to_owned()))?;
    let mut reader = Reader::new(page);
    let (kind, level, count) = (reader.u8()?, reader.u8()?, usize::from(reader.u16()?));
    let checksum = reader.u32()?;
    let place = seed(&[owner.database, owner.record.file, offset]);
    check_crc(checksum, seeded(place, &[&page[..4], &[0; 4], &page[8..]]))?;
    let said = (reader.u64()?, reader.u64()?);
    ensure(said == (owner.record.file, offset), || "it is of another place".to_owned())?;
    let first_child = reader.u32()?;
    reader.reserved(4)?;
    Ok(((kind, level, count, first_child), page))
}

fn filter_page(
    bytes: &[u8],
    owner: &IndexOwner<'_>,
    offset: u64,
    is_last: bool,
    filter: &mut Vec<[u8; FILTER_BLOCK_BYTES]>,
) -> Result<()> {
    let ((kind, level, count, first_child), page) = page(bytes, owner, offset)?;
    ensure((kind, level, first_child) == (2, 0, 0), || "it is no page of the filter".to_owned())?;
    let right = if is_last { (1..=PAGE_BLOCKS).contains(&count) } else { count == PAGE_BLOCKS };
    ensure(right, || format!("it has {count} blocks"))?;
    let (blocks, unused) = page[32..].split_at(count * FILTER_BLOCK_BYTES);
    Reader::new(unused).reserved(unused.len())?;
    for block in blocks.chunks_exact(FILTER_BLOCK_BYTES) {
        let mut copy = [0; FILTER_BLOCK_BYTES];
        copy.copy_from_slice(block);
        filter.push(copy);
    }
    Ok(())
}

fn node(bytes: &[u8], owner: &IndexOwner<'_>, offset: u64) -> Result<Node> {
    let ((kind, level, count, first_child), page) = page(bytes, owner, offset)?;
    ensure(kind == 1 && level >= 1 && count >= 1, || "it is no node".to_owned())?;
    let mut reader = Reader::new(&page[32..]);
    let ends = reader.u16s(count)?;
    let mut start = 32 + 2 * count;
    let (mut keys, mut places) = (Vec::new(), Vec::new());
    for end in ends {
        let entry = page.get(start..end).ok_or_else(|| Damage("an entry can't be".to_owned()))?;
        let tail = if level == 1 { 12 } else { 0 };
        let split = entry.len().checked_sub(tail);
        let (key, place) = entry.split_at(split.ok_or_else(|| Damage("too short".to_owned()))?);
        keys.push(key.to_vec());
        if level == 1 {
            let mut place = Reader::new(place);
            places.push((place.u64()?, place.u32()?));
        }
        start = end;
    }
    Reader::new(&page[start..]).reserved(page.len() - start)?;
    Ok(Node { level, first_child, keys, places })
}

/// The key of a value; none of a null.
pub fn key(value: &Value, data_type: Type) -> Option<Vec<u8>> {
    const SIGN: u64 = 1 << 63;
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => vec![u8::from(*value)],
        Value::Int(value) => (*value as u64 ^ SIGN).to_be_bytes().to_vec(),
        Value::UInt(value) if data_type == Type::UInt64 => value.to_be_bytes().to_vec(),
        Value::UInt(value) => (*value ^ SIGN).to_be_bytes().to_vec(),
        Value::Float32(value) => float_key(f64::from(*value)),
        Value::Float64(value) => float_key(*value),
        Value::Decimal { negative, scale, mantissa } => decimal_key(*negative, *scale, *mantissa),
        Value::Bytes(value) => value[..value.len().min(KEY_BYTES_MAX)].to_vec(),
    })
}

fn float_key(value: f64) -> Vec<u8> {
    const SIGN: u64 = 1 << 63;
    let bits = if value.is_nan() {
        0x7FF8_0000_0000_0000
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    };
    (if bits >= SIGN { !bits } else { bits | SIGN }).to_be_bytes().to_vec()
}

/// By schoolbook: ten times as much, as often as there are digits missing.
fn decimal_key(negative: bool, scale: u32, mantissa: u128) -> Vec<u8> {
    let mut digits = [0_u8; 24];
    digits[8..].copy_from_slice(&mantissa.to_be_bytes());
    for _ in scale..28 {
        let mut carry = 0;
        for byte in digits.iter_mut().rev() {
            let product = u32::from(*byte) * 10 + carry;
            (*byte, carry) = (product as u8, product >> 8);
        }
    }
    if negative {
        let mut carry = 1;
        for byte in digits.iter_mut().rev() {
            let sum = u32::from(!*byte) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
    }
    digits[0] ^= 0x80;
    digits.to_vec()
}
