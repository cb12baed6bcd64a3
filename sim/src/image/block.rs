//! A block: consecutive rows of a table as encoded columns.
//!
//! ```text
//!   0        40                          directory end                               bytes
//!   ├ header ┼ entry _time ┼ entry 1 … ──┼─ column _time ─┼─ column 1 ─┼ … ─┼ zeros ┤
//! ```

use std::collections::BTreeMap;

use super::bytes::{Damage, Reader, Result, check_crc, ensure, round_up, seed, seeded};
use super::column;
use super::dictionary::Dictionary;
use super::schema::{Type, Value};
use super::sst::Owner;
use super::zone::ZoneMap;

/// Bytes of the header.
const HEADER_BYTES: usize = 40;

/// Rows of a block, at most.
const ROWS_MAX: u16 = 2048;

/// A block whose header and column directory have been checked.
#[derive(Debug)]
pub struct Block<'a> {
    /// How many rows it has.
    pub rows: usize,
    /// `_seq` of the first one.
    pub first_seq: i64,
    /// The number of the file it was first written to, which names its dictionaries.
    pub origin: u64,
    /// One a column: `_time`, then the fields.
    pub columns: Vec<Entry<'a>>,
    database: u64,
}

/// What the directory of a block says of a column, and the column's bytes.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The id of its encoding.
    pub encoding: u16,
    /// What is said of its values.
    pub zone: ZoneMap,
    crc: u32,
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block's header and directory.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn decode(bytes: &'a [u8], owner: &Owner<'_>) -> Result<Block<'a>> {
        let mut reader = Reader::new(bytes);
        ensure(reader.take(4)? == b"sblk", || "the magic is wrong".to_owned())?;
        let checksum = reader.u32()?;
        let table = reader.u32()?;
        let (rows, count) = (reader.u16()?, usize::from(reader.u16()?));
        let (origin, first_seq, size) = (reader.u64()?, reader.i64()?, reader.u64()?);
        let entries = reader.take_each(count, column::ENTRY_BYTES)?;
        let directory_end = HEADER_BYTES + count * column::ENTRY_BYTES;
        check_crc(checksum, seeded(seed(&[owner.database]), &[&bytes[8..directory_end]]))?;
        let right = table == owner.table
            && count == owner.schema.fields.len() + 1
            && size == bytes.len() as u64
            && size.is_multiple_of(8)
            && (1..=ROWS_MAX).contains(&rows);
        ensure(right, || {
            format!("its header says {rows} rows of table {table} in {count} columns, {size} bytes")
        })?;
        let mut columns = Vec::with_capacity(count);
        let mut end = directory_end as u64;
        for (number, entry) in entries.enumerate() {
            let here = |d: Damage| d.within(format!("the entry of column {number}"));
            let (entry, entry_end) = self::entry(bytes, entry, end).map_err(here)?;
            columns.push(entry);
            end = entry_end;
        }
        ensure(round_up(end, 8) == size, || format!("its columns end at {end}"))?;
        let rows = usize::from(rows);
        Ok(Block { rows, first_seq, origin, columns, database: owner.database })
    }

    /// The values of a column; 0 is `_time`.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn column(
        &self,
        number: usize,
        data_type: Type,
        dictionaries: &BTreeMap<(u64, u32), Dictionary>,
    ) -> Result<Vec<Value>> {
        let entry = self.columns.get(number);
        let entry = entry.ok_or_else(|| Damage("there is no such column".to_owned()))?;
        let number = number as u32;
        let place = seed(&[self.database, self.origin, self.first_seq as u64]);
        check_crc(entry.crc, seeded(place, &[&number.to_le_bytes(), entry.bytes]))?;
        let dictionary = dictionaries.get(&(self.origin, number));
        let what =
            column::Column { encoding: entry.encoding, data_type, rows: self.rows, dictionary };
        let values = column::decode(entry.bytes, what)
            .map_err(|d| d.within(format!("encoding {}", entry.encoding)))?;
        entry.zone.check(data_type, &values).map_err(|d| d.within("the zone map"))?;
        Ok(values)
    }
}

/// Reads an entry; its column begins at the next multiple of 8 from `before` on. Returns where the
/// column ends, too.
fn entry<'a>(block: &'a [u8], entry: &[u8], before: u64) -> Result<(Entry<'a>, u64)> {
    let mut reader = Reader::new(entry);
    let (encoding, flags) = (reader.u16()?, reader.u16()?);
    let (offset, length, crc) = (reader.u32()?, reader.u32()?, reader.u32()?);
    ensure(flags == 0, || format!("the flags are {flags}"))?;
    ensure(u64::from(offset) == round_up(before, 8), || {
        format!("it begins at {offset}, after {before}")
    })?;
    let bytes = super::sst::slice(block, offset.into(), length.into());
    let bytes = bytes.ok_or_else(|| Damage("it ends beyond the block".to_owned()))?;
    let zone = ZoneMap::decode(reader.rest())?;
    let end = u64::from(offset) + u64::from(length);
    Ok((Entry { encoding, zone, crc, bytes }, end))
}

/// Whether a value is none.
pub fn is_null(value: &Value) -> bool {
    matches!(value, Value::Null)
}
