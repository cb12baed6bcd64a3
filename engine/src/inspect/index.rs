//! An index file: its header, its leaves with their keys, the pages of its filter and its tree.
//!
//! Leaves are read one after the other, as the blocks of an SST are: behind one that is damaged the
//! search goes on at the next that the tree knows of.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Value as Json, json};
use srdb_vfs::Map;

use super::sst::{bytes, map};
use super::{Flow, Part, Walk};
use crate::error::Damage;
use crate::format::index::{
    INDEX_HEADER_BYTES, INDEX_VERSION, IndexHeader, LEAF_ALIGN, LEAF_HEADER_BYTES, PageHeader,
    PageType, index_seed,
};
use crate::format::sst::NODE_BYTES;
use crate::index::{Leaf, Node, leaf_length};
use crate::types::Physical;
use crate::{DataType, Result};

struct Index<'a> {
    map: &'a dyn Map,
    path: &'a Path,
    header: IndexHeader,
}

pub(super) fn walk(walk: &mut Walk<'_>) -> Flow {
    let path = &walk.of.path;
    let map = map(&*walk.of.vfs, path)?;
    let len = map.len().min(INDEX_HEADER_BYTES as u64);
    let start = bytes(&*map, path, 0, len)?.unwrap_or_default();
    let header = match IndexHeader::decode(&start) {
        Ok(header) => header,
        Err(damage) => {
            walk.damage(damage, 0);
            return Ok(ControlFlow::Continue(()));
        }
    };
    drop(start);
    walk.check_database_id(24, header.database_id);
    if walk.part(&header_part(&header, map.len())).is_break() {
        return Ok(ControlFlow::Break(()));
    }
    if header.version != INDEX_VERSION || header.flags != 0 {
        walk.unsupported(format!("index version {}, flags {:#x}", header.version, header.flags));
        return Ok(ControlFlow::Continue(()));
    }
    // By the size that it says it has, so that a file that was cut is read up to there.
    let Some(size) = header.file_size().filter(|size| header.check(*size).is_ok()) else {
        let damage = header.check(map.len()).err();
        let what = damage.map_or_else(|| "its parts can't be".to_owned(), |damage| damage.what);
        walk.problem(48, what);
        return Ok(ControlFlow::Continue(()));
    };
    if size != map.len() {
        walk.problem(map.len().min(size), format!("the file has {} bytes, not {size}", map.len()));
    }
    let file = Index { map: &*map, path, header };
    let mut leaves = BTreeMap::new();
    let mut quiet = Walk { of: walk.of, see: &mut |_| ControlFlow::Continue(()), problems: vec![] };
    file.pages(&mut quiet, &mut leaves)?.is_break();
    for step in [Index::leaves, Index::pages] {
        if step(&file, walk, &mut leaves)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn header_part(header: &IndexHeader, file_bytes: u64) -> Part {
    let data_type = DataType::from_code(header.data_type);
    let data_type = data_type.map_or(json!(header.data_type), |t| json!(t.name()));
    Part::new("header", 0, INDEX_HEADER_BYTES as u64)
        .with("version", header.version)
        .with("flags", header.flags)
        .with("table", header.table_id)
        .with("file_number", header.file_number)
        .with("database_id", header.database_id)
        .with("sst", header.sst)
        .with("field", header.field)
        .with("type", data_type)
        .with("keys", header.keys)
        .with("entries", header.entries)
        .with("rows", header.rows)
        .with("leaves", header.leaves)
        .with("filter_pages", header.filter_pages)
        .with("leaves_end", header.leaves_end)
        .with("nodes", header.nodes)
        .with("bottom_nodes", header.bottom_nodes)
        .with("file_bytes", file_bytes)
}

impl Index<'_> {
    fn leaves(&self, walk: &mut Walk<'_>, known: &mut BTreeMap<u64, u32>) -> Flow {
        let mut at = INDEX_HEADER_BYTES as u64;
        let (mut keys, mut leaves, mut is_whole) = (0, 0u32, true);
        while at < self.header.leaves_end {
            let next = match self.leaf(walk, at, &mut keys)? {
                ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
                ControlFlow::Continue(Some(bytes)) => {
                    leaves += 1;
                    let end = at + bytes;
                    let next = end.next_multiple_of(LEAF_ALIGN as u64);
                    self.zeros(walk, end, next)?;
                    Some(next)
                }
                ControlFlow::Continue(None) => {
                    is_whole = false;
                    known.range(at + 1..).next().map(|(at, _)| *at)
                }
            };
            let Some(next) = next else { break };
            at = next;
        }
        if is_whole && (keys != self.header.keys || leaves != self.header.leaves) {
            let what = format!("{keys} keys in {leaves} leaves, not what the header says");
            walk.problem(48, what);
        }
        if let Some(to) = self.header.filter_offset() {
            self.zeros(walk, self.header.leaves_end, to)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Complains unless there are only zeros between two parts.
    fn zeros(&self, walk: &mut Walk<'_>, from: u64, to: u64) -> Result<()> {
        let to = to.min(self.map.len());
        let Some(padding) = bytes(self.map, self.path, from, to.saturating_sub(from))? else {
            return Ok(());
        };
        if let Some(at) = padding.iter().position(|byte| *byte != 0) {
            walk.problem(from + at as u64, "padding is not zero");
        }
        Ok(())
    }

    /// One leaf; how long it is, if that can be told.
    fn leaf(
        &self,
        walk: &mut Walk<'_>,
        at: u64,
        keys: &mut u64,
    ) -> Result<ControlFlow<(), Option<u64>>> {
        let goes_on = |len| Ok(ControlFlow::Continue(len));
        let start = bytes(self.map, self.path, at, LEAF_HEADER_BYTES as u64)?;
        let Some(len) = start.and_then(|start| leaf_length(&start)) else {
            walk.problem(at, "a leaf is cut");
            return goes_on(None);
        };
        if u64::from(len) > self.header.leaves_end - at {
            walk.problem(at, "there is no leaf that ends where leaves may");
            return goes_on(None);
        }
        let Some(content) = bytes(self.map, self.path, at, len.into())? else {
            walk.problem(at, "a leaf is cut");
            return goes_on(None);
        };
        let seed = index_seed(self.header.database_id, self.header.file_number, at);
        let leaf = Leaf::parse(&content).and_then(|leaf| leaf.check(seed).map(|()| leaf));
        let leaf = match leaf {
            Ok(leaf) => leaf,
            Err(damage) => {
                walk.damage(damage, at);
                return goes_on(None);
            }
        };
        *keys += leaf.len() as u64;
        match self.keys(walk, at, &leaf) {
            Ok(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
            Ok(ControlFlow::Continue(())) => {}
            Err(damage) => walk.damage(damage, at),
        }
        goes_on(Some(len.into()))
    }

    fn keys(
        &self,
        walk: &mut Walk<'_>,
        at: u64,
        leaf: &Leaf<'_>,
    ) -> Result<ControlFlow<()>, Damage> {
        let (mut key, mut rows, mut entries) = (Vec::new(), Vec::new(), 0);
        leaf.get(0, &mut key)?;
        let first = self.key(&key);
        for i in 0..leaf.len() {
            entries += u64::from(leaf.get(i, &mut key)?.count);
        }
        let part = Part::new("leaf", at, u64::from(leaf.bytes()))
            .with("keys", leaf.len())
            .with("entries", entries)
            .with("first_key", first);
        if walk.part(&part).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        for i in 0..leaf.len() {
            rows.clear();
            leaf.get(i, &mut key)?.decode(self.header.rows, &mut rows)?;
            if !walk.of.rows {
                continue;
            }
            let part = Part::new("key", at, 0)
                .with("key", self.key(&key))
                .with("count", rows.len())
                .with("rows", rows.clone());
            if walk.part(&part).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// A key as a text where it is one, or else in hexadecimal digits.
    fn key(&self, key: &[u8]) -> Json {
        let physical = DataType::from_code(self.header.data_type).map(DataType::physical);
        match (physical, std::str::from_utf8(key)) {
            (Some(Physical::Bytes), Ok(text)) => json!(text),
            _ => json!(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        }
    }

    fn pages(&self, walk: &mut Walk<'_>, leaves: &mut BTreeMap<u64, u32>) -> Flow {
        let IndexHeader { database_id, file_number, filter_pages, nodes, .. } = self.header;
        let Some(start) = self.header.filter_offset() else {
            return Ok(ControlFlow::Continue(()));
        };
        for number in 0..u64::from(filter_pages) + u64::from(nodes) {
            let offset = start + number * NODE_BYTES as u64;
            let Some(page) = bytes(self.map, self.path, offset, NODE_BYTES as u64)? else {
                walk.problem(self.map.len().min(offset), "the pages are cut off");
                break;
            };
            let Some(page) = page.first_chunk::<NODE_BYTES>() else { break };
            let header = PageHeader::check(database_id, file_number, offset, page)
                .and_then(|()| PageHeader::read(page));
            let is_filter = number < u64::from(filter_pages);
            let shown = header.and_then(|header| match header.page_type {
                PageType::Filter if is_filter => {
                    let part = Part::new("filter", offset, NODE_BYTES as u64);
                    Ok(part.with("blocks", header.count))
                }
                PageType::Node if !is_filter => node(page, offset, leaves),
                _ => Err(Damage::new(0, "a page of the filter where a node should be, or so")),
            });
            match shown {
                Ok(part) if walk.part(&part).is_break() => return Ok(ControlFlow::Break(())),
                Ok(_) => {}
                Err(damage) => walk.damage(damage, offset),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn node(
    page: &[u8; NODE_BYTES],
    offset: u64,
    leaves: &mut BTreeMap<u64, u32>,
) -> Result<Part, Damage> {
    let node = Node::parse(page)?;
    node.check()?;
    if node.header.level == 1 {
        for i in 0..node.len() {
            let place = node.place(i)?;
            leaves.insert(place.offset, place.bytes);
        }
    }
    let part = Part::new("node", offset, NODE_BYTES as u64)
        .with("level", node.header.level)
        .with("count", node.header.count)
        .with("first_child", node.header.first_child);
    Ok(part)
}
