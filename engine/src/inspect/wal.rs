//! A segment of the log: its header, its records one after another, up to the first place where
//! there is none.

use std::ops::ControlFlow;

use serde_json::{Value as Json, json};
use srdb_vfs::Access;

use super::{Flow, Part, Walk, time_json, value_json};
use crate::Error;
use crate::format::wal::{
    BadSegmentHeader, RecordHeader, RecordKind, SEGMENT_HEADER_BYTES, SegmentHeader,
    parse_segment_file_name,
};
use crate::wal::{
    COPY_SUFFIX, DecodedCarry, DecodedTable, FoundRecord, SegmentReader, decode_record, lsn_at,
};

/// What a record holds, read out of the reader's window.
struct Record {
    header: RecordHeader,
    tables: Result<Vec<DecodedCarry>, crate::error::Damage>,
}

pub(super) fn walk(walk: &mut Walk<'_>) -> Flow {
    let Some((number, database_id)) = header(walk)? else { return Ok(ControlFlow::Continue(())) };
    let opened = SegmentReader::open(&*walk.of.vfs, walk.of.path.clone(), number, database_id);
    let Some(mut reader) = walk.keep(opened)? else { return Ok(ControlFlow::Continue(())) };
    if let Ok(header) = &reader.header {
        let part = Part::new("header", 0, SEGMENT_HEADER_BYTES as u64)
            .with("segment", header.number)
            .with("database_id", header.database_id)
            .with("base_lsn", header.base_lsn)
            .with("first_commit", header.first_commit)
            .with("synced_lsn", header.synced_lsn)
            .with("synced_segment", header.synced_segment)
            .with("file_bytes", reader.file_bytes);
        if walk.part(&part).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    let mut at = SEGMENT_HEADER_BYTES as u64;
    loop {
        let record = match walk.keep(reader.record_at(at))? {
            Some(FoundRecord::Record { header, payload }) => {
                let tables = decode_record(payload, &header);
                Record { header, tables }
            }
            Some(FoundRecord::Nothing) => break,
            Some(FoundRecord::Damage(what)) => {
                let what = format!("{what}{}", behind(&mut reader, at)?);
                walk.problem(at, what);
                return Ok(ControlFlow::Continue(()));
            }
            None => return Ok(ControlFlow::Continue(())),
        };
        let bytes = record.header.record_bytes();
        if self::record(walk, at, record).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        at += bytes;
    }
    if at < reader.file_bytes {
        return Ok(walk.part(&Part::new("zeros", at, reader.file_bytes - at)));
    }
    Ok(ControlFlow::Continue(()))
}

/// The segment's number and database, from the header if it is whole, or else from around it.
fn header(walk: &mut Walk<'_>) -> Result<Option<(u64, u64)>, Error> {
    let path = &walk.of.path;
    let file = walk.of.vfs.open(path, Access::Read).map_err(|e| Error::io("open", path, e))?;
    let file_bytes = file.len().map_err(|e| Error::io("look at", path, e))?;
    let mut bytes = vec![0; file_bytes.min(SEGMENT_HEADER_BYTES as u64) as usize];
    file.read_exact_at(&mut bytes, 0).map_err(|e| Error::io("read", path, e))?;
    let name = walk.file_name();
    let named = parse_segment_file_name(name.strip_suffix(COPY_SUFFIX).unwrap_or(name));
    match SegmentHeader::read(&bytes) {
        Ok(header) => {
            walk.check_database_id(24, header.database_id);
            if let Some(named) = named.filter(|named| *named != header.number) {
                walk.problem(16, format!("segment {} under the name of {named}", header.number));
            }
            Ok(Some((header.number, header.database_id)))
        }
        Err(BadSegmentHeader::Newer(what)) => {
            walk.unsupported(what);
            Ok(None)
        }
        Err(BadSegmentHeader::Damaged(what) | BadSegmentHeader::Foreign(what)) => {
            walk.problem(0, what);
            let known = named.zip(walk.database_id());
            if known.is_none() {
                let what = "without a header, the records can only be checked with the database's \
                            id, and under the segment's own name";
                walk.problem(SEGMENT_HEADER_BYTES as u64, what);
            }
            Ok(known)
        }
    }
}

/// What stands behind damage, for the message: whether it was synced, as far as that can be told.
fn behind(reader: &mut SegmentReader, at: u64) -> Result<&'static str, Error> {
    let marks = reader.marks_from(at + 1)?;
    let Ok(header) = &reader.header else { return Ok("") };
    Ok(if marks.synced_lsn > lsn_at(header, at) {
        "; a record behind it vouches for it, so what is damaged was synced"
    } else {
        "; nothing behind it vouches for it, as after a write that a crash tore"
    })
}

fn record(walk: &mut Walk<'_>, at: u64, record: Record) -> ControlFlow<()> {
    let Record { header, tables } = record;
    let kind = match header.kind {
        kind if kind == RecordKind::Commit as u8 => json!("commit"),
        kind if kind == RecordKind::Close as u8 => json!("close"),
        kind if kind == RecordKind::Carry as u8 => json!("carry"),
        kind => json!(kind),
    };
    let decoded = tables.as_deref().unwrap_or_default();
    let shown: Vec<Json> = decoded
        .iter()
        .map(|DecodedCarry { rows: table, .. }| {
            let types: Vec<&str> = table.types.iter().map(|t| t.name()).collect();
            let DecodedTable { table, first_seq, rows, .. } = table;
            json!({ "table": table, "first_seq": first_seq, "rows": rows, "types": types })
        })
        .collect();
    let part = Part::new("record", at, header.record_bytes())
        .with("kind", kind)
        .with("lsn", header.lsn)
        .with("commit", header.commit)
        .with("synced_lsn", header.synced_lsn)
        .with("time", time_json(header.time))
        .with("tables", shown);
    walk.part(&part)?;
    match tables {
        Err(damage) => walk.damage(damage, at + crate::format::wal::RECORD_HEADER_BYTES as u64),
        Ok(tables) if walk.of.rows => {
            for table in &tables {
                rows(walk, at, table)?;
            }
        }
        Ok(_) => {}
    }
    ControlFlow::Continue(())
}

fn rows(walk: &mut Walk<'_>, at: u64, found: &DecodedCarry) -> ControlFlow<()> {
    let table = &found.rows;
    for (row, time) in found.times.iter().enumerate() {
        let columns = table.types.iter().zip(&table.columns);
        let values: Result<Vec<Json>, _> =
            columns.map(|(data_type, column)| value_json(*data_type, column, row)).collect();
        match values {
            Ok(values) => {
                let part = Part::new("row", at, 0)
                    .with("table", table.table)
                    .with("seq", table.first_seq + row as i64)
                    .with("time", time_json(*time))
                    .with("values", values);
                walk.part(&part)?;
            }
            Err(damage) => walk.problem(at, damage.what),
        }
    }
    ControlFlow::Continue(())
}
