//! Checks everything about an open SST, and lists what is wrong with it.
//!
//! Invariants
//! 1. Nothing is taken on trust from earlier reads, and no problem ends the search: what can be
//!    judged without the damaged part still is.
//! 2. Every byte of the file is covered, twice where it lies in a checksummed part: by the checksum
//!    of the whole file, which finds any change, and by that of its part, which says where it is.
//!
//! The header and the dictionary directory were checked by opening the file; that failing is the
//! report.

use super::SstReader;
use super::block::{BlockRef, TIME_COLUMN};
use super::btree::{BlockPlace, Node};
use super::writer::dictionary_seed;
use crate::chunk::{Column, ColumnData};
use crate::coding::crc::crc32_seeded;
use crate::column::{DictionaryView, ZoneMap};
use crate::error::{Damage, Error, Result};
use crate::format::block::{BlockHeader, ColumnEntry, column_crc, column_seed, directory_end};
use crate::format::sst::{HEADER_BYTES, NODE_BYTES, ORDER, SstHeader};

/// The whole file's checksum is computed over pieces of this many bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Every problem of the file, in the order of the parts: whole file, padding, dictionaries, tree,
/// blocks. None means that it is sound.
pub(crate) fn verify(reader: &SstReader) -> Vec<Error> {
    let mut verifier = Verifier { reader, problems: Vec::new() };
    verifier.file();
    verifier.dictionaries();
    let blocks = verifier.tree();
    verifier.blocks(&blocks);
    verifier.problems
}

struct Verifier<'a> {
    reader: &'a SstReader,
    problems: Vec<Error>,
}

/// What the blocks up to here came to.
#[derive(Debug)]
struct Progress {
    /// Where the next block must start.
    offset: u64,
    /// The seq it must start with.
    seq: i64,
    /// The time it must not go below.
    time: i64,
    rows: u64,
}

impl Verifier<'_> {
    fn problem(&mut self, offset: u64, what: impl Into<String>) {
        self.problems.push(Error::corrupt(&self.reader.path, offset, what));
    }

    fn damage(&mut self, damage: Damage, base: u64) {
        self.problems.push(damage.in_file(&self.reader.path, base));
    }

    /// The value, or `None` with its error kept.
    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.problems.push(error)).ok()
    }

    /// The checksum of the whole file, and the header once more (it may have been read long ago).
    fn file(&mut self) {
        let size = self.reader.header.file_size;
        let mut crc = crc32fast::Hasher::new();
        let mut at = 0;
        while at < size {
            let len = (size - at).min(PIECE_BYTES as u64);
            let Some(bytes) = self.keep(self.reader.bytes(at, len as usize)) else { return };
            crc.update(&bytes);
            at += len;
        }
        let expected = self.reader.meta().crc;
        let found = crc.finalize();
        if found != expected {
            let what = format!("the file's checksum is {found:#010x}, not {expected:#010x}");
            self.problem(0, what);
        }
        let Some(bytes) = self.keep(self.reader.bytes(0, HEADER_BYTES)) else { return };
        match SstHeader::decode(&bytes) {
            Ok(header) if header == self.reader.header => {}
            Ok(_) => self.problem(0, "the header is not that of when the file was opened"),
            Err(damage) => self.damage(damage, 0),
        }
    }

    fn dictionaries(&mut self) {
        let header = &self.reader.header;
        let (blocks_end, tree_offset) = (header.blocks_end, header.tree_offset);
        let mut end = blocks_end;
        for dictionary in &self.reader.dictionaries {
            let entry = dictionary.entry;
            self.zeros(end, entry.offset);
            end = entry.offset + u64::from(entry.length);
            let Some(bytes) = self.keep(self.reader.bytes(entry.offset, entry.length as usize))
            else {
                continue;
            };
            let seed = dictionary_seed(header.database_id, entry.origin_file, entry.column);
            if crc32_seeded(seed, &bytes) != entry.crc {
                let what = format!("the dictionary of column {} fails its checksum", entry.column);
                self.problem(entry.offset, what);
            }
            if entry.column >= header.columns {
                let what = format!("a dictionary of column {}, which is none", entry.column);
                self.problem(entry.offset, what);
                continue;
            }
            let physical = self.reader.column_type(entry.column as usize).physical();
            if let Err(damage) = DictionaryView::parse(&bytes, physical) {
                self.damage(damage, entry.offset);
            }
        }
        self.zeros(end, header.directory_offset);
        self.zeros(header.directory_offset + header.directory_bytes, tree_offset);
    }

    /// Complains unless there are only zeros between two parts.
    fn zeros(&mut self, from: u64, to: u64) {
        let Some(len) = to.checked_sub(from).and_then(|len| usize::try_from(len).ok()) else {
            return self.problem(from, format!("a part ends at {from}, beyond the next, {to}"));
        };
        let Some(bytes) = self.keep(self.reader.bytes(from, len)) else { return };
        if let Some(at) = bytes.iter().position(|&b| b != 0) {
            self.problem(from + at as u64, "padding is not zero");
        }
    }

    /// Every node by itself, and the separators; returns what the leaves say of each block, with
    /// nothing where a leaf is damaged.
    fn tree(&mut self) -> Vec<Option<BlockPlace>> {
        let tree = &self.reader.tree;
        let mut places = Vec::new();
        let mut first_keys: Vec<Option<i64>> = Vec::new();
        for index in 0..self.reader.header.nodes {
            let Some(place) = tree.shape.place(index) else { break };
            let offset = tree.node_offset(index);
            let bytes = self.keep(self.reader.bytes(offset, NODE_BYTES));
            let node = bytes.as_deref().and_then(Node::new);
            let sound = node.filter(|&node| match tree.check(index, node) {
                Ok(()) => true,
                Err(damage) => {
                    self.damage(damage, offset);
                    false
                }
            });
            first_keys.push(sound.map(|node| node.key(0)));
            for i in 0..usize::from(place.count).min(ORDER) {
                if place.level == 0 {
                    places.push(sound.map(|node| node.block(i)));
                    continue;
                }
                let child = place.first_child as usize + i;
                let child_key = first_keys.get(child).copied().flatten();
                if let (Some(node), Some(child_key)) = (sound, child_key)
                    && node.key(i) != child_key
                {
                    let key = node.key(i);
                    let what = format!("separator {key} is not {child_key}, node {child}'s first");
                    self.problem(offset, what);
                }
            }
        }
        for pair in places.windows(2) {
            if let [Some(BlockPlace { first_seq: a, .. }), Some(BlockPlace { first_seq: b, .. })] =
                pair
                && a >= b
            {
                self.problem(tree.offset, format!("key {b} follows on {a}"));
            }
        }
        places
    }

    /// Every block, and that they tile their part of the file and the range of seqs.
    fn blocks(&mut self, places: &[Option<BlockPlace>]) {
        let header = self.reader.header.clone();
        let mut progress = Some(Progress {
            offset: HEADER_BYTES as u64,
            seq: header.min_seq,
            time: header.min_time,
            rows: 0,
        });
        for (ordinal, place) in places.iter().enumerate() {
            // Behind a block that can't be found, order is judged no further.
            progress = place.and_then(|place| self.block(ordinal as u32, place, progress));
        }
        let Some(Progress { offset, seq, time, rows }) = progress else { return };
        if offset != header.blocks_end {
            self.problem(88, format!("the blocks end at {offset}, not {}", header.blocks_end));
        }
        if seq.checked_sub(1) != Some(header.max_seq) || rows != header.rows {
            let what = format!("{rows} rows before seq {seq}, not {} rows", header.rows);
            self.problem(72, what);
        }
        if time != header.max_time {
            self.problem(64, format!("the last time is {time}, not {}", header.max_time));
        }
    }

    /// One block; returns where it leaves off, if that is known.
    fn block(
        &mut self,
        ordinal: u32,
        place: BlockPlace,
        before: Option<Progress>,
    ) -> Option<Progress> {
        let SstHeader { database_id, table_id, columns, min_time, .. } = self.reader.header;
        let bytes = self.keep(self.reader.bytes(place.offset, place.bytes as usize))?;
        let header = BlockHeader::read(&bytes).and_then(|header| {
            header.check(database_id, table_id, columns as usize, &bytes).map(|()| header)
        });
        let header = match header {
            Ok(header) => header,
            Err(damage) => {
                self.damage(damage, place.offset);
                return None;
            }
        };
        let BlockHeader { first_seq, rows, .. } = header;
        if first_seq != place.first_seq {
            let what = format!("the block of seq {first_seq} where {} should be", place.first_seq);
            self.problem(place.offset, what);
        }
        if let Some(before) = &before {
            if before.offset != place.offset {
                let what = format!("a block at {}, not at {}", place.offset, before.offset);
                self.problem(place.offset, what);
            }
            if before.seq != first_seq {
                let what = format!("a block of seq {first_seq} instead of {}", before.seq);
                self.problem(place.offset, what);
            }
        }
        let block = BlockRef::new(self.reader, ordinal, place.offset, header, bytes);
        for column in 0..columns as usize {
            self.column(&block, &header, column);
        }
        let (floor, first) = match &before {
            Some(before) => (before.time, before.rows == 0),
            None => (min_time, false),
        };
        let time = self.times(&block, floor, first);
        let before = before?;
        Some(Progress {
            offset: place.offset + u64::from(place.bytes),
            seq: first_seq.checked_add(i64::from(rows))?,
            time: time?,
            rows: before.rows + u64::from(rows),
        })
    }

    /// A column's checksum, padding, values and zone map.
    fn column(&mut self, block: &BlockRef<'_>, header: &BlockHeader, column: usize) {
        let base = block.offset();
        let entry = match ColumnEntry::read(block.bytes(), column) {
            Ok(entry) => entry,
            Err(damage) => return self.damage(damage, base),
        };
        let bytes = match entry.bytes(block.bytes()) {
            Ok(bytes) => bytes,
            Err(damage) => return self.damage(damage, base),
        };
        let at = base + u64::from(entry.offset);
        let seed =
            column_seed(self.reader.header.database_id, header.origin_file, header.first_seq);
        if entry.crc != column_crc(seed, column, bytes) {
            let what = format!(
                "column {column} of the block of seq {} fails its checksum",
                header.first_seq
            );
            return self.problem(at, what);
        }
        let end = entry.offset as usize + entry.length as usize;
        let padded = ColumnEntry::read(block.bytes(), column + 1)
            .ok()
            .filter(|_| column + 1 < usize::from(header.columns))
            .map_or(block.bytes().len(), |next| next.offset as usize);
        self.zeros(base + end as u64, base + padded as u64);
        if column == 0 {
            let from = directory_end(usize::from(header.columns));
            self.zeros(base + from as u64, at);
        }
        let data_type = self.reader.column_type(column);
        let mut decoded = Column::new(data_type.physical());
        let unpacked = block.unpack_into(column, 0..block.rows(), &mut decoded);
        if self.keep(unpacked).is_none() {
            return;
        }
        let Some(zone) = self.keep(block.column_zone(column)) else { return };
        let recomputed = ZoneMap::of(&decoded, data_type);
        if zone != recomputed {
            let at = base + directory_end(column) as u64;
            let what = format!("the zone map of column {column} is not that of its values");
            self.problem(at, what);
        }
    }

    /// That times never go down, from `floor`, which the first row of all must meet exactly.
    /// Returns the last one.
    fn times(&mut self, block: &BlockRef<'_>, floor: i64, first: bool) -> Option<i64> {
        let mut decoded = Column::new(self.reader.column_type(TIME_COLUMN).physical());
        // A failure to decode was reported with the column.
        block.unpack_into(TIME_COLUMN, 0..block.rows(), &mut decoded).ok()?;
        let Column { data: ColumnData::Int(times), validity: None } = decoded else {
            self.problem(block.offset(), "_time holds nulls");
            return None;
        };
        if first && times.first() != Some(&floor) {
            self.problem(56, format!("the first time is {:?}, not {floor}", times.first()));
        }
        let start = *times.first()?;
        if start < floor || !times.is_sorted() {
            let what = format!("time goes down in the block of seq {}", block.first_seq());
            self.problem(block.offset(), what);
        }
        times.last().copied()
    }
}
