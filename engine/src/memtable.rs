//! The rows of one table in one generation: frozen chunks and one growing tail.
//!
//! ```text
//!   first_seq                                             published
//!   ├── Arc<Chunk> ──┼── Arc<Chunk> ──┼──── tail ────────────┼┄┄┄┄┤
//!      chunk_rows       chunk_rows       < chunk_rows         appended, not yet visible
//! ```
//!
//! Invariants
//! 1. Rows are dense from `first_seq`; every chunk but the tail has exactly `chunk_rows` rows, a
//!    power of two, so the chunk of a row is a shift.
//! 2. Only the group-commit leader appends and publishes. `published` only grows, and never
//!    beyond what was appended.
//! 3. A reader looks at published rows only, so it never sees a part of a commit.
//!
//! Readers hold the lock for one row, or for the copy of one tail: never while they decode or
//! wait for anything.

use std::sync::Arc;

use crate::DataType;
use crate::chunk::{Chunk, Column};
use crate::index::{KeyGroups, key};
use crate::mutant;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{PoisonError, RwLock, RwLockReadGuard};

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Memtable {
    first_seq: i64,
    types: Arc<[DataType]>,
    chunk_rows: usize,
    rows: RwLock<Rows>,
    published: AtomicUsize,
}

#[derive(Debug)]
struct Rows {
    full: Vec<Arc<Chunk>>,
    tail: Chunk,
    bytes_full: usize,
    /// For each field that has an index, by its place in the schema.
    groups: Vec<(usize, KeyGroups)>,
}

impl Memtable {
    /// An empty memtable whose first row will have `first_seq`, with an index of each of the fields
    /// `indexed`.
    pub(crate) fn new(
        first_seq: i64,
        types: Arc<[DataType]>,
        chunk_rows: usize,
        indexed: impl IntoIterator<Item = u32>,
    ) -> Self {
        assert!(chunk_rows.is_power_of_two(), "{chunk_rows} rows a chunk is no power of two");
        let tail = Chunk::new(first_seq, types.iter().copied());
        let groups = indexed.into_iter().map(|field| (field as usize, KeyGroups::default()));
        let groups = groups.collect();
        let rows = RwLock::new(Rows { full: Vec::new(), tail, bytes_full: 0, groups });
        Memtable { first_seq, types, chunk_rows, rows, published: AtomicUsize::new(0) }
    }

    /// `_seq` of the first row, also while there is none.
    pub(crate) fn first_seq(&self) -> i64 {
        self.first_seq
    }

    /// Rows that readers may see.
    pub(crate) fn published(&self) -> usize {
        self.published.load(Ordering::Acquire)
    }

    /// `_seq` after the last published row.
    pub(crate) fn end_seq(&self) -> i64 {
        self.first_seq + self.published() as i64
    }

    // A panic while the lock is held is a bug of ours that has been reported as such; what the
    // lock guards is append-only and published separately, so readers are safe to go on.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends `rows` rows, all at `time`, without publishing them. Returns the bytes that the
    /// memtable grew by.
    pub(crate) fn append(&self, columns: &[Column], rows: usize, time: i64) -> usize {
        self.append_at(columns, rows, |_| time)
    }

    /// [`Memtable::append`] of rows that each have a time of their own.
    pub(crate) fn append_at(
        &self,
        columns: &[Column],
        rows: usize,
        time: impl Fn(usize) -> i64,
    ) -> usize {
        debug_assert_eq!(columns.len(), self.types.len(), "columns of another table");
        if mutant::on("counted-before-stored") {
            self.published.fetch_add(rows, Ordering::Release);
        }
        let mut inner = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let before = inner.bytes();
        for (field, groups) in &mut inner.groups {
            let behind = usize::from(mutant::when("index-behind-its-rows", || rows > 1));
            index_rows(groups, &columns[*field], rows - behind);
        }
        let mut from = 0;
        while from < rows {
            let count = (rows - from).min(self.chunk_rows - inner.tail.len());
            let tail = &mut inner.tail;
            tail.times.extend((from..from + count).map(&time));
            for (into, column) in tail.columns.iter_mut().zip(columns) {
                into.extend_from(column, from..from + count);
            }
            from += count;
            if tail.len() == self.chunk_rows {
                let next = tail.next_like();
                let full = std::mem::replace(tail, next);
                inner.bytes_full += full.value_bytes();
                inner.full.push(Arc::new(full));
            }
        }
        inner.bytes() - before
    }

    /// Makes everything that was appended visible.
    pub(crate) fn publish(&self) {
        let inner = self.read();
        let appended = inner.full.len() * self.chunk_rows + inner.tail.len();
        drop(inner);
        self.published.store(appended, Ordering::Release);
    }

    /// Calls `read` with the chunk and the index in it of row `seq`, if that is published.
    pub(crate) fn with_row<R>(&self, seq: i64, read: impl FnOnce(&Chunk, usize) -> R) -> Option<R> {
        let index = usize::try_from(seq.checked_sub(self.first_seq)?).ok()?;
        if index >= self.published() {
            return None;
        }
        let shift = self.chunk_rows.trailing_zeros();
        let inner = self.read();
        let chunk = inner.full.get(index >> shift).map_or(&inner.tail, |full| full.as_ref());
        Some(read(chunk, index & (self.chunk_rows - 1)))
    }

    /// Chunk number `ordinal`, cut to the first `visible` rows of the memtable; `None` beyond.
    ///
    /// A full chunk is shared, the tail is copied.
    pub(crate) fn chunk(&self, ordinal: usize, visible: usize) -> Option<Arc<Chunk>> {
        let start = ordinal.checked_mul(self.chunk_rows)?;
        let rows = visible.min(self.published()).checked_sub(start).filter(|rows| *rows > 0)?;
        let inner = self.read();
        let chunk = match inner.full.get(ordinal) {
            Some(full) if rows >= self.chunk_rows => return Some(Arc::clone(full)),
            Some(full) => full.as_ref(),
            None => &inner.tail,
        };
        Some(Arc::new(chunk.slice(0..rows)))
    }

    /// A copy of all rows from `_seq` `first` on, published or not, as one chunk, however many they
    /// are.
    pub(crate) fn rows_from(&self, first: i64) -> Chunk {
        let inner = self.read();
        let mut all = Chunk::new(first, self.types.iter().copied());
        for chunk in inner.full.iter().map(|full| full.as_ref()).chain([&inner.tail]) {
            let from = usize::try_from(first - chunk.first_seq).unwrap_or(0).min(chunk.len());
            all.times.extend_from_slice(&chunk.times[from..]);
            for (into, column) in all.columns.iter_mut().zip(&chunk.columns) {
                into.extend_from(column, from..chunk.len());
            }
        }
        all
    }

    /// Rows in a full chunk.
    pub(crate) fn chunk_rows(&self) -> usize {
        self.chunk_rows
    }

    /// Indexes a field, from the first row on. Returns the bytes that the memtable grew by.
    pub(crate) fn add_groups(&self, field: u32) -> usize {
        let mut inner = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let field = field as usize;
        if inner.groups.iter().any(|(indexed, _)| *indexed == field) {
            return 0;
        }
        let mut groups = KeyGroups::default();
        for chunk in inner.full.iter().map(|full| full.as_ref()).chain([&inner.tail]) {
            if mutant::when("indexed-from-now-on", || chunk.len() > 0) {
                (0..chunk.len()).for_each(|_| groups.push(None));
                continue;
            }
            index_rows(&mut groups, &chunk.columns[field], chunk.len());
        }
        let bytes = groups.bytes();
        inner.groups.push((field, groups));
        bytes
    }

    /// Calls `read` with the rows by key of a field, published or not, if the memtable has an index
    /// of it. Rows are numbered from 0.
    pub(crate) fn with_groups<R>(
        &self,
        field: u32,
        read: impl FnOnce(&KeyGroups) -> R,
    ) -> Option<R> {
        let inner = self.read();
        let groups = inner.groups.iter().find(|(indexed, _)| *indexed == field as usize);
        groups.map(|(_, groups)| read(groups))
    }

    /// Bytes of the values held, and of the indexes.
    pub(crate) fn bytes(&self) -> usize {
        self.read().bytes()
    }
}

impl Rows {
    fn bytes(&self) -> usize {
        let indexes: usize = self.groups.iter().map(|(_, groups)| groups.bytes()).sum();
        self.bytes_full + self.tail.value_bytes() + indexes
    }
}

/// Adds the first `rows` rows of a column to an index.
pub(crate) fn index_rows(groups: &mut KeyGroups, column: &Column, rows: usize) {
    let mut buffer = Vec::new();
    for row in 0..rows {
        buffer.clear();
        let has_key = key::put_key(&column.get(row), &mut buffer);
        if !has_key && mutant::on("null-not-counted") {
            continue;
        }
        let has_key = has_key || mutant::on("null-indexed");
        groups.push(has_key.then_some(&buffer[..]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::ColumnData;
    use crate::types::Physical;

    fn ints(values: std::ops::Range<i64>) -> Vec<Column> {
        let mut column = Column::new(Physical::Int);
        column.data = ColumnData::Int(values.collect());
        vec![column]
    }

    fn value(chunk: &Chunk, index: usize) -> i64 {
        match &chunk.columns[0].data {
            ColumnData::Int(values) => values[index],
            other => panic!("an int column expected, got {other:?}"),
        }
    }

    #[test]
    fn rows_are_found_across_chunks_once_published() {
        let table = Memtable::new(5, Arc::from([DataType::Int64]), 4, []);
        table.append(&ints(0..11), 11, 7);
        assert_eq!(table.with_row(5, value), None, "not published yet");
        table.publish();
        assert_eq!((table.published(), table.end_seq()), (11, 16));
        for seq in 5..16 {
            assert_eq!(table.with_row(seq, value), Some(seq - 5));
        }
        assert_eq!(table.with_row(16, value), None);
        assert_eq!(table.with_row(4, value), None);
        assert_eq!(table.with_row(i64::MIN, value), None);
    }

    #[test]
    fn a_chunk_is_cut_to_what_the_reader_may_see() {
        let table = Memtable::new(1, Arc::from([DataType::Int64]), 4, []);
        table.append(&ints(0..6), 6, 7);
        table.publish();
        let lens = |visible| -> Vec<usize> {
            (0..3).map_while(|o| table.chunk(o, visible)).map(|c| c.len()).collect()
        };
        assert_eq!(lens(6), [4, 2]);
        assert_eq!(lens(5), [4, 1]);
        assert_eq!(lens(4), [4]);
        assert_eq!(lens(3), [3]);
        assert_eq!(lens(99), [4, 2]);
        assert_eq!(table.chunk(1, 6).map(|c| (c.first_seq, value(&c, 1))), Some((5, 5)));
    }

    #[test]
    fn rows_from_anywhere_are_one_chunk() {
        let table = Memtable::new(5, Arc::from([DataType::Int64]), 4, []);
        table.append_at(&ints(0..11), 11, |row| row as i64 * 10);
        table.publish();
        for first in 5..=16 {
            let rows = table.rows_from(first);
            let skipped = first - 5;
            assert_eq!((rows.first_seq, rows.len() as i64), (first, 11 - skipped));
            assert_eq!(rows.times, (skipped..11).map(|row| row * 10).collect::<Vec<_>>());
            assert_eq!(rows.columns, ints(skipped..11));
        }
    }

    #[test]
    fn bytes_are_those_of_the_values() {
        let table = Memtable::new(1, Arc::from([DataType::Int64]), 4, []);
        assert_eq!(table.append(&ints(0..6), 6, 7), 6 * 16);
        assert_eq!(table.append(&ints(0..3), 3, 7), 3 * 16);
        assert_eq!(table.bytes(), 9 * 16);
    }
}
