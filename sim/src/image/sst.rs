//! An SST: its header, where its parts are, and all its rows.
//!
//! ```text
//!   0          256                  blocks end                     tree offset     file size
//!   ├─ header ─┼─ block ─┼─ … ──────┼─ dictionaries ─┼─ directory ─┼─ leaves … root ─┤
//! ```

use std::collections::BTreeMap;

use super::block::{self, Block};
use super::bytes::{
    Damage, Reader, Result, check_crc, crc, damaged, ensure, round_up, seed, seeded,
};
use super::dictionary::Dictionary;
use super::edit::SstRecord;
use super::rows::Rows;
use super::schema::{Schema, Type};
use super::tree::{NODE_BYTES, Tree};

/// Bytes of the header: where the first block begins.
pub const HEADER_BYTES: u64 = 256;

/// Whose a file must be.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The database's id.
    pub database: u64,
    /// The table's id.
    pub table: u32,
    /// The table's fields.
    pub schema: &'a Schema,
    /// What the MANIFEST records of the file.
    pub record: &'a SstRecord,
}

/// What the header of an SST says about where things are.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Where the last block ends.
    pub blocks_end: u64,
    /// Of the dictionary directory.
    pub directory_offset: u64,
    /// Its size.
    pub directory_bytes: u64,
    /// Of node 0.
    pub tree_offset: u64,
    /// How many nodes.
    pub nodes: u32,
}

/// An SST whose header, directory and tree have been read.
#[derive(Debug)]
pub struct Sst<'a> {
    bytes: &'a [u8],
    owner: Owner<'a>,
    /// Where things are.
    pub layout: Layout,
    /// What leads to the blocks.
    pub tree: Tree,
    dictionaries: BTreeMap<(u64, u32), Dictionary>,
}

impl<'a> Sst<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// The first thing that is wrong with header, directory, dictionaries or tree.
    pub fn open(bytes: &'a [u8], owner: Owner<'a>) -> Result<Sst<'a>> {
        let layout = header(bytes, &owner).map_err(|d| d.within("the header"))?;
        let mut types = vec![Type::Timestamp];
        types.extend(owner.schema.fields.iter().map(|field| field.data_type));
        let dictionaries = dictionaries(bytes, &owner, &layout, &types)
            .map_err(|d| d.within("the dictionaries"))?;
        let tree = Tree::decode(bytes, &owner, &layout).map_err(|d| d.within("the tree"))?;
        Ok(Sst { bytes, owner, layout, tree, dictionaries })
    }

    /// The block that a leaf points to, its header and directory checked.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn block(&self, offset: u64, size: u32) -> Result<Block<'a>> {
        let end = offset.saturating_add(u64::from(size));
        let inside = offset >= HEADER_BYTES && end <= self.layout.blocks_end;
        let bytes = slice(self.bytes, offset, u64::from(size)).filter(|_| inside);
        let bytes = bytes.ok_or_else(|| Damage("it lies where no block can".to_owned()))?;
        Block::decode(bytes, &self.owner)
    }

    /// All rows, in the order of the leaves.
    ///
    /// # Errors
    /// The first thing that is damaged.
    pub fn rows(&self) -> Result<Rows> {
        let record = self.owner.record;
        let fields = self.owner.schema.fields.len();
        let mut rows = Rows {
            first_seq: record.min_seq,
            times: Vec::new(),
            columns: vec![Vec::new(); fields],
        };
        for leaf in self.tree.leaves() {
            for (&offset, &size) in leaf.pointers.iter().zip(&leaf.sizes) {
                let here = |d: Damage| d.within(format!("the block at {offset}"));
                let block = self.block(offset, size).map_err(here)?;
                let due = rows.first_seq.checked_add(rows.len() as i64);
                ensure(due == Some(block.first_seq), || {
                    format!("the block at {offset} begins with seq {}", block.first_seq)
                })?;
                self.append(&block, &mut rows).map_err(here)?;
            }
        }
        let seqs = rows.len() as u64 == record.rows;
        ensure(seqs, || format!("there are {} rows, not {}", rows.len(), record.rows))?;
        let ends = rows.times.first() == Some(&record.min_time)
            && rows.times.last() == Some(&record.max_time);
        ensure(ends && rows.times.is_sorted(), || "the times are not as recorded".to_owned())?;
        Ok(rows)
    }

    fn append(&self, block: &Block<'_>, rows: &mut Rows) -> Result<()> {
        rows.times.extend(self.times(block)?);
        for (number, column) in rows.columns.iter_mut().enumerate() {
            let here = |d: Damage| d.within(format!("column {}", number + 1));
            let field = &self.owner.schema.fields[number];
            let values = block.column(number + 1, field.data_type, &self.dictionaries);
            let mut values = values.map_err(here)?;
            let right = field.nullable || !values.iter().any(block::is_null);
            ensure(right, || format!("a null in {:?}, which has none", field.name))?;
            column.append(&mut values);
        }
        Ok(())
    }

    /// `_time` of each row of a block.
    fn times(&self, block: &Block<'_>) -> Result<Vec<i64>> {
        let values = block.column(0, Type::Timestamp, &self.dictionaries)?;
        values
            .into_iter()
            .map(|value| match value {
                super::schema::Value::Int(time) => Ok(time),
                _ => damaged("a row has no _time"),
            })
            .collect()
    }
}

/// Bytes of a file by offset and length.
pub fn slice(bytes: &[u8], offset: u64, length: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)?.get(..usize::try_from(length).ok()?)
}

fn header(bytes: &[u8], owner: &Owner<'_>) -> Result<Layout> {
    let mut reader = Reader::new(bytes);
    let header = reader.take(HEADER_BYTES as usize)?;
    let mut reader = Reader::new(header);
    ensure(reader.take(8)? == b"srdb-sst", || "the magic is wrong".to_owned())?;
    check_crc(Reader::new(&header[252..]).u32()?, crc(&header[..252]))?;
    let (version, flags) = (reader.u16()?, reader.u16()?);
    ensure((version, flags) == (1, 0), || format!("version {version}, flags {flags}"))?;
    let record = owner.record;
    let due = |what: &str, found: u64, due: u64| {
        ensure(found == due, || format!("its {what} is {found} and must be {due}"))
    };
    due("table", reader.u32()?.into(), owner.table.into())?;
    due("file number", reader.u64()?, record.file)?;
    due("database", reader.u64()?, owner.database)?;
    due("schema checksum", reader.u32()?.into(), owner.schema.checksum.into())?;
    due("count of columns", reader.u32()?.into(), owner.schema.fields.len() as u64 + 1)?;
    due("min seq", reader.i64()? as u64, record.min_seq as u64)?;
    due("max seq", reader.i64()? as u64, record.max_seq as u64)?;
    due("min time", reader.i64()? as u64, record.min_time as u64)?;
    due("max time", reader.i64()? as u64, record.max_time as u64)?;
    due("count of rows", reader.u64()?, record.rows)?;
    due("count of blocks", reader.u32()?.into(), record.blocks.into())?;
    let nodes = reader.u32()?;
    let [blocks_end, directory_offset, directory_bytes, tree_offset, root_offset, file_size] =
        [(); 6].map(|()| reader.u64().unwrap_or(u64::MAX));
    reader.reserved(116)?;
    due("file size", file_size, record.size)?;
    due("file size", file_size, bytes.len() as u64)?;
    due("root offset", root_offset, file_size.wrapping_sub(NODE_BYTES))?;
    let directory_end = directory_offset.saturating_add(directory_bytes);
    due("tree offset", tree_offset, round_up(directory_end, NODE_BYTES))?;
    let tree_bytes = u64::from(nodes) * NODE_BYTES;
    due("file size", file_size, tree_offset.saturating_add(tree_bytes))?;
    ensure(HEADER_BYTES <= blocks_end && blocks_end <= directory_offset, || {
        "its parts are out of order".to_owned()
    })?;
    Ok(Layout { blocks_end, directory_offset, directory_bytes, tree_offset, nodes })
}

fn dictionaries(
    bytes: &[u8],
    owner: &Owner<'_>,
    layout: &Layout,
    types: &[Type],
) -> Result<BTreeMap<(u64, u32), Dictionary>> {
    let directory = slice(bytes, layout.directory_offset, layout.directory_bytes);
    let directory = directory.ok_or_else(|| Damage("their directory is missing".to_owned()))?;
    let mut reader = Reader::new(directory);
    ensure(reader.take(4)? == b"sdic", || "the magic is wrong".to_owned())?;
    let checksum = reader.u32()?;
    let place = seed(&[owner.database, owner.record.file]);
    check_crc(checksum, seeded(place, &[reader.clone().rest()]))?;
    let count = reader.u32()?;
    reader.reserved(4)?;
    let mut all = BTreeMap::new();
    for _ in 0..count {
        let (origin, column, length) = (reader.u64()?, reader.u32()?, reader.u32()?);
        let (offset, checksum) = (reader.u64()?, reader.u32()?);
        reader.reserved(4)?;
        let here = |d: Damage| d.within(format!("that of column {column} and file {origin}"));
        let inside = offset >= layout.blocks_end
            && offset.saturating_add(length.into()) <= layout.directory_offset;
        let bytes = slice(bytes, offset, length.into()).filter(|_| inside);
        let data_type = types.get(column as usize);
        let (Some(bytes), Some(data_type)) = (bytes, data_type) else {
            return damaged(format!("one of column {column} lies at {offset}"));
        };
        let place = seed(&[owner.database, origin, column.into()]);
        check_crc(checksum, seeded(place, &[bytes])).map_err(here)?;
        ensure(all.last_key_value().is_none_or(|(last, _)| *last < (origin, column)), || {
            "they are not sorted".to_owned()
        })?;
        all.insert((origin, column), Dictionary::decode(bytes, *data_type).map_err(here)?);
    }
    reader.end()?;
    Ok(all)
}
