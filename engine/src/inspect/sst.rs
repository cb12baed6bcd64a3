//! An SST: its header, its blocks with their columns, its dictionaries and its tree.
//!
//! Blocks are read one after the other, each beginning where the one before ends. Behind one that
//! is damaged the search goes on at the next that the tree knows of.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json, json};
use srdb_vfs::{Access, Map, Vfs};

use super::{Flow, Part, Walk, beside, time_json, value_json};
use crate::chunk::Scalar;
use crate::column::{Encoding, ZoneMap};
use crate::error::Damage;
use crate::format::block::{
    BLOCK_HEADER_BYTES, BlockHeader, ColumnEntry, column_crc, column_seed, zone_map,
};
use crate::format::sst::{
    HEADER_BYTES, NODE_BYTES, ORDER, SST_VERSION, SstHeader, TreeShape, decode_directory,
    identity_seed,
};
use crate::row::value_of;
use crate::sst::{Node, SstIdentity, SstMeta, SstReader, Tree, dictionary_crc, verify};
use crate::types::Physical;
use crate::{DataType, Error, Result, Schema};

/// The whole file's checksum is computed over pieces of this many bytes.
const PIECE_BYTES: u64 = 1 << 20;

pub(super) fn map(vfs: &dyn Vfs, path: &Path) -> Result<Arc<dyn Map>> {
    let file = vfs.open(path, Access::Read).map_err(|e| Error::io("open", path, e))?;
    file.map().map_err(|e| Error::io("map", path, e))
}

/// The bytes there, `None` beyond the end of the file.
pub(super) fn bytes<'m>(
    map: &'m dyn Map,
    path: &Path,
    offset: u64,
    len: u64,
) -> Result<Option<std::borrow::Cow<'m, [u8]>>> {
    if offset.checked_add(len).is_none_or(|end| end > map.len()) {
        return Ok(None);
    }
    map.bytes(offset, len as usize).map(Some).map_err(|e| Error::io("read", path, e))
}

struct Sst<'a> {
    map: &'a dyn Map,
    path: &'a Path,
    header: SstHeader,
    schema: Option<Schema>,
    /// Opened as the engine does; `None` if that fails, or without a schema.
    reader: Option<SstReader>,
}

pub(super) fn walk(walk: &mut Walk<'_>) -> Flow {
    let (vfs, path) = (&walk.of.vfs, &walk.of.path);
    let map = map(&**vfs, path)?;
    let start = bytes(&*map, path, 0, map.len().min(HEADER_BYTES as u64))?.unwrap_or_default();
    let header = match SstHeader::decode(&start) {
        Ok(header) => header,
        Err(damage) => {
            walk.damage(damage, 0);
            return Ok(ControlFlow::Continue(()));
        }
    };
    drop(start);
    walk.check_database_id(24, header.database_id);
    let (table, checksum) = (header.table_id, header.schema_checksum);
    let given = walk.of.schema.clone();
    let schema = given.or_else(|| beside::schema(&**vfs, path, table, checksum));
    if walk.part(&header_part(&header, map.len(), schema.as_ref())).is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if header.version != SST_VERSION || header.flags != 0 {
        walk.unsupported(format!("SST version {}, flags {:#x}", header.version, header.flags));
        return Ok(ControlFlow::Continue(()));
    }
    if let Err(damage) = header.check() {
        // No number in it can be used to find anything.
        walk.damage(damage, 0);
        return Ok(ControlFlow::Continue(()));
    }
    if header.file_size != map.len() {
        let what = format!("the file has {} bytes, not {}", map.len(), header.file_size);
        walk.problem(map.len().min(header.file_size), what);
    }
    if schema.is_none() && walk.of.rows {
        walk.problem(32, "without the schema, values can't be read: name it");
    }
    let reader = match &schema {
        Some(schema) if header.file_size == map.len() => {
            let opened = open(&**vfs, path, &*map, &header, schema);
            walk.keep(opened)?
        }
        _ => None,
    };
    let file = Sst { map: &*map, path, header, schema, reader };
    let before = walk.problems.len();
    let walked = file.parts(walk)?;
    if let Some(reader) = file.reader.as_ref().filter(|_| walked.is_continue()) {
        // All that the parts have shown, and the values.
        walk.problems.truncate(before);
        walk.problems.extend(verify(reader));
    }
    Ok(walked)
}

/// Opens the file by what it says of itself.
fn open(
    vfs: &dyn Vfs,
    path: &Path,
    map: &dyn Map,
    header: &SstHeader,
    schema: &Schema,
) -> Result<SstReader> {
    let SstHeader { file_number, database_id, table_id, rows, blocks, .. } = *header;
    let SstHeader { min_seq, max_seq, min_time, max_time, file_size: size, .. } = *header;
    let schema_checksum = schema.checksum();
    let identity = SstIdentity { file_number, database_id, table_id, schema_checksum };
    let types: Vec<DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
    let mut crc = crc32fast::Hasher::new();
    let mut at = 0;
    while let Some(piece) = bytes(map, path, at, PIECE_BYTES.min(map.len() - at))? {
        crc.update(&piece);
        at += piece.len() as u64;
        if piece.is_empty() {
            break;
        }
    }
    let crc = crc.finalize();
    let meta =
        SstMeta { file_number, size, crc, rows, blocks, min_seq, max_seq, min_time, max_time };
    SstReader::open(vfs, path, identity, &meta, &types)
}

fn header_part(header: &SstHeader, file_bytes: u64, schema: Option<&Schema>) -> Part {
    let fields = schema.map(|schema| {
        let fields = schema.fields().iter();
        fields.map(|field| json!([field.name(), field.data_type().name()])).collect::<Vec<_>>()
    });
    Part::new("header", 0, HEADER_BYTES as u64)
        .with("version", header.version)
        .with("flags", header.flags)
        .with("table", header.table_id)
        .with("file_number", header.file_number)
        .with("database_id", header.database_id)
        .with("schema_checksum", header.schema_checksum)
        .with("columns", header.columns)
        .with("min_seq", header.min_seq)
        .with("max_seq", header.max_seq)
        .with("min_time", time_json(header.min_time))
        .with("max_time", time_json(header.max_time))
        .with("rows", header.rows)
        .with("blocks", header.blocks)
        .with("nodes", header.nodes)
        .with("blocks_end", header.blocks_end)
        .with("directory_offset", header.directory_offset)
        .with("directory_bytes", header.directory_bytes)
        .with("tree_offset", header.tree_offset)
        .with("root_offset", header.root_offset)
        .with("file_size", header.file_size)
        .with("file_bytes", file_bytes)
        .with("fields", fields)
}

impl Sst<'_> {
    fn parts(&self, walk: &mut Walk<'_>) -> Flow {
        // Looked at first, and told of in its place.
        let mut tree =
            Walk { of: walk.of, see: &mut |_| ControlFlow::Continue(()), problems: vec![] };
        let mut places = BTreeMap::new();
        self.tree(&mut tree, &mut places)?.is_break();
        for step in [Self::blocks, Self::dictionaries, Self::tree] {
            if step(self, walk, &mut places)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn bytes(&self, offset: u64, len: u64) -> Result<Option<std::borrow::Cow<'_, [u8]>>> {
        bytes(self.map, self.path, offset, len)
    }

    fn blocks(&self, walk: &mut Walk<'_>, places: &mut BTreeMap<u64, u32>) -> Flow {
        let mut at = HEADER_BYTES as u64;
        while at < self.header.blocks_end {
            let next = match self.block(walk, at)? {
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                ControlFlow::Continue(Some(bytes)) => Some(at + bytes),
                ControlFlow::Continue(None) => places.range(at + 1..).next().map(|(at, _)| *at),
            };
            let Some(next) = next else { break };
            at = next;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One block; how long it is, if that can be told.
    fn block(&self, walk: &mut Walk<'_>, at: u64) -> Result<ControlFlow<(), Option<u64>>> {
        let goes_on = |len| Ok(ControlFlow::Continue(len));
        let Some(start) = self.bytes(at, BLOCK_HEADER_BYTES as u64)? else {
            walk.problem(at, "a block is cut");
            return goes_on(None);
        };
        let header = BlockHeader::read(&start);
        let Ok(header) = header.map_err(|damage| walk.damage(damage, at)) else {
            return goes_on(None);
        };
        if header.bytes < BLOCK_HEADER_BYTES as u64 || header.bytes > self.header.blocks_end - at {
            walk.problem(at, "there is no block that ends where blocks may");
            return goes_on(None);
        }
        let Some(block) = self.bytes(at, header.bytes)? else {
            walk.problem(at, "a block is cut");
            return goes_on(None);
        };
        let SstHeader { database_id, table_id, columns, .. } = self.header;
        if let Err(damage) = header.check(database_id, table_id, columns as usize, &block) {
            walk.damage(damage, at);
            return goes_on(None);
        }
        let seed = column_seed(database_id, header.origin_file, header.first_seq);
        let mut shown = Vec::new();
        for column in 0..columns as usize {
            match self.column(&block, seed, column) {
                Ok(column) => shown.push(column),
                Err(damage) => walk.damage(damage, at),
            }
        }
        let part = Part::new("block", at, header.bytes)
            .with("first_seq", header.first_seq)
            .with("rows", header.rows)
            .with("origin_file", header.origin_file)
            .with("columns", shown);
        if walk.part(&part).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if walk.of.rows && self.rows(walk, at, header.first_seq)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        goes_on(Some(header.bytes))
    }

    fn column(&self, block: &[u8], seed: u32, column: usize) -> Result<Json, Damage> {
        let entry = ColumnEntry::read(block, column)?;
        let bytes = entry.bytes(block)?;
        if column_crc(seed, column, bytes) != entry.crc {
            let what = format!("column {column} does not match its checksum");
            return Err(Damage::new(entry.offset as usize, what));
        }
        let encoding = match Encoding::from_code(entry.encoding) {
            Ok(encoding) => json!(format!("{encoding:?}")),
            Err(_) => json!(entry.encoding),
        };
        let zone = zone_map(block, column)?;
        let mut shown = JsonMap::new();
        let mut field = None;
        if column > 0 {
            let fields = self.schema.as_ref().map(|schema| schema.fields());
            field = fields.and_then(|fields| fields.get(column - 1));
        }
        let name = if column == 0 { Some("_time") } else { field.map(|field| field.name()) };
        let data_type =
            if column == 0 { Some(DataType::Timestamp) } else { field.map(|f| f.data_type()) };
        let (min, max) = data_type.and_then(|t| bounds(&zone, t)).unzip();
        for (key, value) in [
            ("column", json!(column)),
            ("name", json!(name)),
            ("encoding", encoding),
            ("offset", json!(entry.offset)),
            ("bytes", json!(entry.length)),
            ("nulls", json!(zone.null_count)),
            ("min", json!(min)),
            ("max", json!(max)),
        ] {
            if !value.is_null() {
                shown.insert(key.to_owned(), value);
            }
        }
        Ok(Json::Object(shown))
    }

    fn rows(&self, walk: &mut Walk<'_>, at: u64, first_seq: i64) -> Flow {
        let Some(reader) = &self.reader else { return Ok(ControlFlow::Continue(())) };
        let unpacked = reader
            .block_of(first_seq)
            .and_then(|block| block.map(|block| block.unpack(None, 0..block.rows())).transpose());
        let Some(Some(chunk)) = walk.keep(unpacked)? else { return Ok(ControlFlow::Continue(())) };
        for row in 0..chunk.len() {
            let columns = reader.types().iter().zip(&chunk.columns);
            let values: Result<Vec<Json>, Damage> =
                columns.map(|(data_type, column)| value_json(*data_type, column, row)).collect();
            let values = match values {
                Ok(values) => values,
                Err(damage) => {
                    walk.problem(at, damage.what);
                    continue;
                }
            };
            let part = Part::new("row", at, 0)
                .with("seq", chunk.first_seq + row as i64)
                .with("time", chunk.times.get(row).map(|time| time_json(*time)))
                .with("values", values);
            if walk.part(&part).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn dictionaries(&self, walk: &mut Walk<'_>, _: &mut BTreeMap<u64, u32>) -> Flow {
        let SstHeader { database_id, file_number, .. } = self.header;
        let SstHeader { directory_offset: at, directory_bytes, blocks_end, .. } = self.header;
        let Some(directory) = self.bytes(at, directory_bytes)? else {
            walk.problem(self.map.len(), "the directory of the dictionaries is cut off");
            return Ok(ControlFlow::Continue(()));
        };
        let seed = identity_seed(database_id, &[file_number]);
        let entries = match decode_directory(seed, &directory, blocks_end, at) {
            Ok(entries) => entries,
            Err(damage) => {
                walk.damage(damage, at);
                return Ok(ControlFlow::Continue(()));
            }
        };
        for entry in &entries {
            let Some(content) = self.bytes(entry.offset, entry.length.into())? else { continue };
            if dictionary_crc(database_id, entry, &content) != entry.crc {
                walk.problem(entry.offset, "a dictionary does not match its checksum");
            }
            let part = Part::new("dictionary", entry.offset, entry.length.into())
                .with("column", entry.column)
                .with("origin_file", entry.origin_file);
            if walk.part(&part).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let part = Part::new("directory", at, directory_bytes).with("dictionaries", entries.len());
        Ok(walk.part(&part))
    }

    fn tree(&self, walk: &mut Walk<'_>, places: &mut BTreeMap<u64, u32>) -> Flow {
        let SstHeader { database_id, file_number, blocks, nodes, .. } = self.header;
        let tree = Tree {
            shape: TreeShape::new(blocks),
            file_number,
            seed: identity_seed(database_id, &[]),
            offset: self.header.tree_offset,
            blocks_end: self.header.blocks_end,
        };
        for index in 0..nodes {
            let (offset, place) = (tree.node_offset(index), tree.shape.place(index));
            let Some(bytes) = self.bytes(offset, NODE_BYTES as u64)? else {
                walk.problem(self.map.len().min(offset), "the tree is cut off");
                break;
            };
            let (Some(place), Some(node)) = (place, Node::new(&bytes)) else { break };
            if let Err(damage) = tree.check(index, node) {
                walk.damage(damage, offset);
                continue;
            }
            if place.level == 0 {
                let blocks = (0..usize::from(place.count).min(ORDER)).map(|i| node.block(i));
                places.extend(blocks.map(|block| (block.offset, block.bytes)));
            }
            let part = Part::new("node", offset, NODE_BYTES as u64)
                .with("node", index)
                .with("level", place.level)
                .with("count", place.count)
                .with("first_child", place.first_child)
                .with("first_seq", node.key(0));
            if walk.part(&part).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The least and the greatest value of a column in a block, or how they begin.
fn bounds(zone: &ZoneMap, data_type: DataType) -> Option<(Json, Json)> {
    let json = |scalar| value_of(data_type, scalar).map(|value| value.to_json()).ok();
    match data_type.physical() {
        Physical::Bool => zone.bools().0.map(|(min, max)| (json!(min), json!(max))),
        Physical::Int => {
            let (min, max) = zone.int_bounds()?;
            Some((json(Scalar::Int(min))?, json(Scalar::Int(max))?))
        }
        Physical::Float32 | Physical::Float64 => {
            zone.float_bounds().map(|(min, max)| (json!(min), json!(max)))
        }
        Physical::Decimal => {
            let (min, max) = zone.decimal_bounds()?;
            Some((json(Scalar::Decimal(min))?, json(Scalar::Decimal(max))?))
        }
        Physical::Bytes => {
            let shown = |bytes: &[u8]| json!(String::from_utf8_lossy(bytes));
            zone.bytes_bounds().map(|bounds| (shown(bounds.min), shown(bounds.max)))
        }
    }
}
