//! A log on a [`MemDisk`], and rows to put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_decimal::Decimal;
use srdb_vfs::{MemDisk, Vfs};

use super::super::payload::DecodedTable;
use super::super::replay::ReplayOutcome;
use super::super::{CommitRecord, Cut, First, LogWriter, Logged, Start, cut, replay};
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData};
use crate::error::Result;
use crate::types::Physical;
use crate::{DataType, Error};

pub(super) const DATABASE: u64 = 0x5eed_5eed_5eed_5eed;

pub(super) fn dir() -> PathBuf {
    PathBuf::from("/wal")
}

pub(super) fn segment(number: u64) -> PathBuf {
    dir().join(format!("{number:06}.wal"))
}

/// A disk with a durable, empty directory for the log.
pub(super) fn disk() -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir(&dir()).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

pub(super) fn vfs(disk: &MemDisk) -> Arc<dyn Vfs> {
    Arc::new(disk.clone())
}

/// A column of that type, with these values where they fit; every third a null if asked for.
pub(super) fn column(data_type: DataType, values: &[i64], nulls: bool) -> Column {
    let valid = |i: usize| !nulls || i % 3 != 2;
    let values: Vec<i64> =
        values.iter().enumerate().map(|(i, v)| if valid(i) { *v } else { 0 }).collect();
    let data = match data_type.physical() {
        Physical::Bool => {
            let mut bits = Bitmap::default();
            values.iter().for_each(|v| bits.push(v % 2 != 0));
            ColumnData::Bool(bits)
        }
        Physical::Int => {
            let narrow = |v: i64| match data_type {
                DataType::Int8 => i64::from(v as i8),
                DataType::Int16 => i64::from(v as i16),
                DataType::Int32 => i64::from(v as i32),
                DataType::UInt8 => i64::from(v as u8),
                DataType::UInt16 => i64::from(v as u16),
                DataType::UInt32 => i64::from(v as u32),
                _ => v,
            };
            ColumnData::Int(values.iter().map(|v| narrow(*v)).collect())
        }
        Physical::Float32 => {
            ColumnData::Float32(values.iter().map(|v| f32::from_bits(*v as u32)).collect())
        }
        Physical::Float64 => {
            ColumnData::Float64(values.iter().map(|v| f64::from_bits(*v as u64)).collect())
        }
        Physical::Decimal => ColumnData::Decimal(
            values.iter().map(|v| Decimal::new(*v, v.unsigned_abs() as u32 % 29)).collect(),
        ),
        Physical::Bytes => {
            let mut bytes = BytesColumn::default();
            for v in &values {
                let text = format!("{v}·é");
                bytes.push(&text.as_bytes()[..if *v == 0 { 0 } else { text.len() }]);
            }
            ColumnData::Bytes(bytes)
        }
    };
    let validity = nulls.then(|| {
        let mut bits = Bitmap::default();
        (0..values.len()).for_each(|i| bits.push(valid(i)));
        bits
    });
    Column { data, validity }
}

/// A table with a column of every type.
pub(super) fn every_type(table: u32, first_seq: i64, values: &[i64], nulls: bool) -> DecodedTable {
    DecodedTable {
        table,
        first_seq,
        rows: values.len(),
        types: DataType::ALL.to_vec(),
        columns: DataType::ALL.map(|t| column(t, values, nulls)).to_vec(),
    }
}

/// What commit `commit` of the tests holds: one or two rows, some text.
pub(super) fn tables_of(commit: u64) -> Vec<DecodedTable> {
    let values: Vec<i64> = (0..=commit as i64 % 2).map(|i| commit as i64 * 7 + i).collect();
    let types = vec![DataType::Int32, DataType::String];
    let columns = types.iter().map(|t| column(*t, &values, false)).collect();
    vec![DecodedTable { table: 3, first_seq: commit as i64, rows: values.len(), types, columns }]
}

pub(super) fn append(log: &mut LogWriter, tables: &[DecodedTable]) {
    let rows: Vec<_> = tables.iter().map(DecodedTable::as_rows).collect();
    let commit = log.next_commit();
    log.append(commit, 1000 + commit as i64, &rows);
}

/// Appends the next `count` commits of [`tables_of`].
pub(super) fn append_some(log: &mut LogWriter, count: u64) {
    for _ in 0..count {
        let tables = tables_of(log.next_commit());
        append(log, &tables);
    }
}

pub(super) fn new_log(vfs: &Arc<dyn Vfs>, zero_ahead: u64) -> LogWriter {
    LogWriter::create(vfs, &dir(), DATABASE, Start::empty(1, 1), zero_ahead, &[]).unwrap()
}

/// Replays from segment `first` on.
pub(super) fn read_from(
    vfs: &Arc<dyn Vfs>,
    first: u64,
) -> Result<(Vec<CommitRecord>, ReplayOutcome)> {
    let mut commits = Vec::new();
    let first = First { number: first, carries: false };
    let outcome = replay(vfs, &dir(), DATABASE, first, &mut |logged| {
        match logged {
            Logged::Commit(commit) => commits.push(commit),
            Logged::Carry(carry) => panic!("nothing was carried, but {carry:?}"),
        }
        Ok(())
    })?;
    Ok((commits, outcome))
}

/// Replays all, checks that the commits are those of [`tables_of`] from 1 on, and returns how
/// many they are.
pub(super) fn read(vfs: &Arc<dyn Vfs>) -> Result<(u64, ReplayOutcome)> {
    let (commits, outcome) = read_from(vfs, 1)?;
    for (i, commit) in commits.iter().enumerate() {
        assert_eq!(commit.commit, i as u64 + 1);
        assert_eq!(commit.time, 1000 + commit.commit as i64);
        assert_eq!(commit.tables, tables_of(commit.commit));
    }
    assert_eq!(outcome.last_commit.unwrap_or(0), commits.len() as u64);
    Ok((commits.len() as u64, outcome))
}

/// Replays, cuts, replays again: the second time nothing is left to cut.
pub(super) fn recover(vfs: &Arc<dyn Vfs>) -> Result<(u64, ReplayOutcome)> {
    let (count, outcome) = read(vfs)?;
    let Some(found) = &outcome.cut else { return Ok((count, outcome)) };
    let found: &Cut = found;
    cut(vfs, &dir(), found).unwrap();
    let (again, after) = read(vfs)?;
    assert_eq!((again, after.end_lsn, after.cut), (count, outcome.end_lsn, None));
    assert_eq!(after.next_segment, outcome.next_segment);
    Ok((count, outcome))
}

/// The log goes on after recovery.
pub(super) fn reopen(vfs: &Arc<dyn Vfs>, outcome: &ReplayOutcome, zero_ahead: u64) -> LogWriter {
    LogWriter::create(vfs, &dir(), DATABASE, outcome.start(1), zero_ahead, &[]).unwrap()
}

/// Whether it is `Corrupt` about this file.
pub(super) fn is_corrupt<T>(result: &Result<T>, file: &Path) -> bool {
    matches!(result, Err(Error::Corrupt { path, .. }) if path == file)
}
