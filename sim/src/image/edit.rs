//! One version edit of a MANIFEST, as bytes say it: a list of changes.

use super::bytes::{Reader, Result, damaged};
use super::schema::Schema;

/// An SST, as an edit records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SstRecord {
    /// The number in its name.
    pub file: u64,
    /// Bytes of the file.
    pub size: u64,
    /// CRC of the whole file.
    pub crc: u32,
    /// How many rows it has.
    pub rows: u64,
    /// How many blocks.
    pub blocks: u32,
    /// The first row's `_seq`.
    pub min_seq: i64,
    /// The last row's.
    pub max_seq: i64,
    /// The first row's `_time`.
    pub min_time: i64,
    /// The last row's.
    pub max_time: i64,
}

/// An index file, as an edit records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRecord {
    /// The number in its name.
    pub file: u64,
    /// Bytes of the file.
    pub size: u64,
    /// CRC of the whole file.
    pub crc: u32,
    /// The number of the SST whose rows it has.
    pub sst: u64,
    /// The place of its field in the schema, from 0.
    pub field: u32,
    /// How many different values.
    pub keys: u64,
    /// How many rows have a value.
    pub entries: u64,
}

/// How much of a table is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of the age by `_time`, in nanoseconds.
    pub age: Option<u64>,
    /// Of the age by a field, with its name.
    pub age_of: Option<(String, u64)>,
    /// Of rows.
    pub rows: Option<u64>,
    /// Of bytes.
    pub bytes: Option<u64>,
}

/// One change of an edit.
#[derive(Debug, Clone)]
pub enum Change {
    /// Tag 1.
    CreateTable {
        /// The table's id.
        id: u32,
        /// Its name.
        name: String,
        /// Its fields.
        schema: Schema,
        /// When it was created, in nanoseconds since the Unix epoch.
        created_ns: i64,
    },
    /// Tag 2.
    DropTable(u32),
    /// Tag 3: the table's id, and what is recorded of the file.
    AddSst(u32, SstRecord),
    /// Tag 4: the table's id and the file's number.
    RemoveSst(u32, u64),
    /// Tag 5: segments numbered below are obsolete.
    LogNumber(u64),
    /// Tag 6: every file number in use is below.
    NextFile(u64),
    /// Tag 7: the last commit whose rows are all in SSTs or in the first segment's carry.
    LastCommit(u64),
    /// Tag 8: the highest `_time` of those commits.
    LastTime(i64),
    /// Tag 9: every table id ever used is below.
    NextTable(u32),
    /// Tag 10.
    TableState {
        /// The table's id.
        id: u32,
        /// The `_seq` of the next row.
        next_seq: i64,
        /// The highest `_time` so far.
        last_time: i64,
    },
    /// Tag 11: the database was closed.
    Close,
    /// Tag 12: the table's id, the place of the field, whether the index is unique.
    CreateIndex(u32, u32, bool),
    /// Tag 13: the table's id, the place of the field.
    DropIndex(u32, u32),
    /// Tag 14: the table's id, and what is recorded of the file.
    AddIndexFile(u32, IndexRecord),
    /// Tag 15: the segment of the WAL that begins with a carry.
    CarriedInto(u64),
    /// Tag 16: the table's id, and the seq of the first row that is still there.
    DropRows(u32, i64),
    /// Tag 17: the table's id, and how much of it is kept.
    SetRetention(u32, Limits),
}

/// Reads the changes of an edit; `bytes` is the payload of a record, without its padding.
///
/// # Errors
/// The first thing that is wrong.
pub fn decode(bytes: &[u8]) -> Result<Vec<Change>> {
    let mut reader = Reader::new(bytes);
    let count = reader.u32()?;
    // Each takes bytes, so a count that lies ends with them.
    let mut changes = Vec::new();
    for number in 0..count {
        let tag = reader.u16()?;
        let length = reader.u32()?;
        let body = reader.take(length as usize)?;
        let change = change(tag, body).map_err(|d| d.within(format!("change {number}")))?;
        changes.push(change);
    }
    reader.end()?;
    Ok(changes)
}

fn change(tag: u16, body: &[u8]) -> Result<Change> {
    let mut reader = Reader::new(body);
    let change = match tag {
        1 => Change::CreateTable {
            id: reader.u32()?,
            name: reader.string()?.to_owned(),
            schema: Schema::decode(reader.blob()?).map_err(|d| d.within("the schema"))?,
            created_ns: reader.i64()?,
        },
        2 => Change::DropTable(reader.u32()?),
        3 => Change::AddSst(reader.u32()?, sst(&mut reader)?),
        4 => Change::RemoveSst(reader.u32()?, reader.u64()?),
        5 => Change::LogNumber(reader.u64()?),
        6 => Change::NextFile(reader.u64()?),
        7 => Change::LastCommit(reader.u64()?),
        8 => Change::LastTime(reader.i64()?),
        9 => Change::NextTable(reader.u32()?),
        10 => Change::TableState {
            id: reader.u32()?,
            next_seq: reader.i64()?,
            last_time: reader.i64()?,
        },
        11 => Change::Close,
        12 => {
            let (table, field, unique) = (reader.u32()?, reader.u32()?, reader.u8()?);
            if unique > 1 {
                return damaged(format!("{unique} is neither 0 nor 1"));
            }
            Change::CreateIndex(table, field, unique == 1)
        }
        13 => Change::DropIndex(reader.u32()?, reader.u32()?),
        14 => Change::AddIndexFile(reader.u32()?, index_file(&mut reader)?),
        15 => Change::CarriedInto(reader.u64()?),
        16 => Change::DropRows(reader.u32()?, reader.i64()?),
        17 => Change::SetRetention(reader.u32()?, limits(&mut reader)?),
        _ => return damaged(format!("there is no tag {tag}")),
    };
    reader.end()?;
    Ok(change)
}

fn limits(reader: &mut Reader<'_>) -> Result<Limits> {
    let flags = reader.u8()?;
    let (age, field, age_of) = (reader.u64()?, reader.string()?.to_owned(), reader.u64()?);
    let (rows, bytes) = (reader.u64()?, reader.u64()?);
    let has = |flag: u8| flags & flag != 0;
    let unset = [(1, age), (2, age_of), (2, field.len() as u64), (4, rows), (8, bytes)];
    if flags > 15 || unset.into_iter().any(|(flag, value)| !has(flag) && value != 0) {
        return damaged(format!("limits with flags {flags}"));
    }
    Ok(Limits {
        age: has(1).then_some(age),
        age_of: has(2).then_some((field, age_of)),
        rows: has(4).then_some(rows),
        bytes: has(8).then_some(bytes),
    })
}

fn index_file(reader: &mut Reader<'_>) -> Result<IndexRecord> {
    Ok(IndexRecord {
        file: reader.u64()?,
        size: reader.u64()?,
        crc: reader.u32()?,
        sst: reader.u64()?,
        field: reader.u32()?,
        keys: reader.u64()?,
        entries: reader.u64()?,
    })
}

fn sst(reader: &mut Reader<'_>) -> Result<SstRecord> {
    Ok(SstRecord {
        file: reader.u64()?,
        size: reader.u64()?,
        crc: reader.u32()?,
        rows: reader.u64()?,
        blocks: reader.u32()?,
        min_seq: reader.i64()?,
        max_seq: reader.i64()?,
        min_time: reader.i64()?,
        max_time: reader.i64()?,
    })
}
