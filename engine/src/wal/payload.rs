//! The payload of a commit record: rows of any number of tables, as plain columns.
//!
//! ```text
//! payload  table count u32 │ table │ table │ … │ zeros to a multiple of 8
//! table    id u32 │ first _seq i64 │ rows u32 │ columns u16 │ column │ column │ …
//! column   type u8 │ flags u8 │ values │ validity, if bit 0 of flags is set
//! values   integers at the width of their type (u64 as itself, not flipped as in memory), floats,
//!          decimals at 16 bytes; bool: one bit a row; text and bytes: ends (u32 a row), then data
//! validity one bit a row; bits are in bytes, the lowest first, the last byte filled with zeros
//! ```
//!
//! Encoding appends to the log's buffer and allocates nothing else. Decoding never panics and
//! never allocates more than the payload is long times eight (a byte may become an i64).

use rust_decimal::Decimal;

use crate::DataType;
use crate::chunk::{Bitmap, BytesColumn, Column, ColumnData};
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::format::wal::RECORD_ALIGN;
use crate::limits;
use crate::types::{i64_to_u64, u64_to_i64};

/// Bit of a column's flags: a validity bitmap follows the values.
const HAS_VALIDITY: u8 = 1;

/// One table's part of a commit, on its way into the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableRows<'a> {
    /// The table's id.
    pub(crate) table: u32,
    /// `_seq` of the first row.
    pub(crate) first_seq: i64,
    /// How many rows; each column is that long.
    pub(crate) rows: usize,
    /// The types of the columns.
    pub(crate) types: &'a [DataType],
    /// The values.
    pub(crate) columns: &'a [Column],
}

/// One table's part of a commit, out of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedTable {
    /// The table's id.
    pub(crate) table: u32,
    /// `_seq` of the first row.
    pub(crate) first_seq: i64,
    /// How many rows; each column is that long.
    pub(crate) rows: usize,
    /// The types of the columns.
    pub(crate) types: Vec<DataType>,
    /// The values.
    pub(crate) columns: Vec<Column>,
}

impl DecodedTable {
    /// The same, borrowed.
    pub(crate) fn as_rows(&self) -> TableRows<'_> {
        TableRows {
            table: self.table,
            first_seq: self.first_seq,
            rows: self.rows,
            types: &self.types,
            columns: &self.columns,
        }
    }
}

/// Appends a payload, padding not included.
pub(super) fn encode(out: &mut Vec<u8>, tables: &[TableRows<'_>]) {
    out.put_u32(tables.len() as u32);
    tables.iter().for_each(|table| put_table(out, table));
}

/// Appends one table's part.
pub(super) fn put_table(out: &mut Vec<u8>, table: &TableRows<'_>) {
    assert!(
        table.rows <= limits::COMMIT_ROWS_MAX && table.columns.len() <= limits::FIELDS_MAX,
        "{} rows of {} columns passed the limits",
        table.rows,
        table.columns.len()
    );
    assert_eq!(table.types.len(), table.columns.len(), "a type for each column");
    out.put_u32(table.table);
    out.put_i64(table.first_seq);
    out.put_u32(table.rows as u32);
    out.put_u16(table.columns.len() as u16);
    for (data_type, column) in table.types.iter().zip(table.columns) {
        assert_eq!(column.len(), table.rows, "a value for each row of {data_type}");
        out.put_u8(data_type.code());
        out.put_u8(if column.validity.is_some() { HAS_VALIDITY } else { 0 });
        put_values(out, *data_type, &column.data);
        if let Some(validity) = &column.validity {
            put_bits(out, validity);
        }
    }
}

fn put_values(out: &mut Vec<u8>, data_type: DataType, data: &ColumnData) {
    match data {
        ColumnData::Bool(bits) => put_bits(out, bits),
        ColumnData::Int(values) => match data_type.plain_width() {
            Some(1) => put_fixed(out, values, |v| (v as u8).to_le_bytes()),
            Some(2) => put_fixed(out, values, |v| (v as u16).to_le_bytes()),
            Some(4) => put_fixed(out, values, |v| (v as u32).to_le_bytes()),
            _ if data_type == DataType::UInt64 => {
                put_fixed(out, values, |v| i64_to_u64(v).to_le_bytes());
            }
            _ => put_fixed(out, values, i64::to_le_bytes),
        },
        ColumnData::Float32(values) => put_fixed(out, values, f32::to_le_bytes),
        ColumnData::Float64(values) => put_fixed(out, values, f64::to_le_bytes),
        ColumnData::Decimal(values) => put_fixed(out, values, |v| v.serialize()),
        ColumnData::Bytes(values) => {
            put_fixed(out, &values.ends, u32::to_le_bytes);
            out.extend_from_slice(&values.data);
        }
    }
}

/// Appends values of `N` bytes each, in one loop that the compiler turns into wide stores.
pub(super) fn put_fixed<T: Copy, const N: usize>(
    out: &mut Vec<u8>,
    values: &[T],
    put: impl Fn(T) -> [u8; N],
) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    for (place, value) in places.iter_mut().zip(values) {
        *place = put(*value);
    }
}

fn put_bits(out: &mut Vec<u8>, bits: &Bitmap) {
    let end = out.len() + bits.len().div_ceil(8);
    put_fixed(out, bits.words(), u64::to_le_bytes);
    out.truncate(end);
}

/// Reads the payload of a commit; what is left of it must be padding.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<DecodedTable>, Damage> {
    decode_each(payload, |_, table| Ok(table))
}

/// Reads a payload: of each table its rows, and then what `rest` takes behind them.
pub(super) fn decode_each<T>(
    payload: &[u8],
    mut rest: impl FnMut(&mut Reader<'_>, DecodedTable) -> Result<T, Damage>,
) -> Result<Vec<T>, Damage> {
    let mut reader = Reader::new(payload);
    let count = reader.u32()?;
    let mut tables = Vec::new();
    let mut rows_left = limits::COMMIT_ROWS_MAX;
    for _ in 0..count {
        let table = decode_table(&mut reader, rows_left)?;
        rows_left -= table.rows;
        tables.push(rest(&mut reader, table)?);
    }
    let at = reader.position();
    let padding = reader.take(reader.remaining())?;
    if padding.len() >= RECORD_ALIGN || padding.iter().any(|byte| *byte != 0) {
        return Err(Damage::new(at, "bytes after the last table of a record"));
    }
    Ok(tables)
}

fn decode_table(reader: &mut Reader<'_>, rows_max: usize) -> Result<DecodedTable, Damage> {
    let at = reader.position();
    let table = reader.u32()?;
    let first_seq = reader.i64()?;
    let rows = reader.u32()? as usize;
    let columns_count = usize::from(reader.u16()?);
    if rows > rows_max || columns_count > limits::FIELDS_MAX {
        return Err(Damage::new(at, format!("{rows} rows of {columns_count} columns")));
    }
    if first_seq < 1 || first_seq.checked_add(rows as i64).is_none() {
        return Err(Damage::new(at, format!("{rows} rows from _seq {first_seq}")));
    }
    let mut types = Vec::with_capacity(columns_count);
    let mut columns = Vec::with_capacity(columns_count);
    for _ in 0..columns_count {
        let code = reader.u8()?;
        let data_type = DataType::from_code(code)
            .ok_or_else(|| reader.damage(format!("a column of the unknown type {code}")))?;
        let flags = reader.u8()?;
        if flags & !HAS_VALIDITY != 0 {
            return Err(reader.damage(format!("a column with the unknown flags {flags:#x}")));
        }
        let data = take_values(reader, data_type, rows)?;
        let validity =
            if flags & HAS_VALIDITY != 0 { Some(take_bits(reader, rows)?) } else { None };
        types.push(data_type);
        columns.push(Column { data, validity });
    }
    Ok(DecodedTable { table, first_seq, rows, types, columns })
}

fn take_values(
    reader: &mut Reader<'_>,
    data_type: DataType,
    rows: usize,
) -> Result<ColumnData, Damage> {
    use DataType as T;
    Ok(match data_type {
        T::Bool => ColumnData::Bool(take_bits(reader, rows)?),
        T::Int8 => ColumnData::Int(take_fixed(reader, rows, |b| i8::from_le_bytes(b).into())?),
        T::Int16 => ColumnData::Int(take_fixed(reader, rows, |b| i16::from_le_bytes(b).into())?),
        T::Int32 => ColumnData::Int(take_fixed(reader, rows, |b| i32::from_le_bytes(b).into())?),
        T::UInt8 => ColumnData::Int(take_fixed(reader, rows, |b| u8::from_le_bytes(b).into())?),
        T::UInt16 => ColumnData::Int(take_fixed(reader, rows, |b| u16::from_le_bytes(b).into())?),
        T::UInt32 => ColumnData::Int(take_fixed(reader, rows, |b| u32::from_le_bytes(b).into())?),
        T::UInt64 => {
            ColumnData::Int(take_fixed(reader, rows, |b| u64_to_i64(u64::from_le_bytes(b)))?)
        }
        T::Int64 | T::Timestamp | T::Duration => {
            ColumnData::Int(take_fixed(reader, rows, i64::from_le_bytes)?)
        }
        T::Float32 => ColumnData::Float32(take_fixed(reader, rows, f32::from_le_bytes)?),
        T::Float64 => ColumnData::Float64(take_fixed(reader, rows, f64::from_le_bytes)?),
        T::Decimal => {
            let at = reader.position();
            let bytes: Vec<[u8; 16]> = take_fixed(reader, rows, |b| b)?;
            let values: Vec<Decimal> = bytes.iter().map(|b| Decimal::deserialize(*b)).collect();
            // `deserialize` repairs what can't be; a store must not.
            if let Some(bad) = values.iter().zip(&bytes).position(|(v, b)| v.serialize() != *b) {
                return Err(Damage::new(at + bad * 16, "no decimal"));
            }
            ColumnData::Decimal(values)
        }
        T::String | T::Json | T::Bytes => ColumnData::Bytes(take_bytes(reader, data_type, rows)?),
    })
}

fn take_bytes(
    reader: &mut Reader<'_>,
    data_type: DataType,
    rows: usize,
) -> Result<BytesColumn, Damage> {
    let at = reader.position();
    let ends = take_fixed(reader, rows, u32::from_le_bytes)?;
    if !ends.is_sorted() {
        return Err(Damage::new(at, "values that end before they start"));
    }
    let at = reader.position();
    let data = reader.take(ends.last().map_or(0, |end| *end as usize))?;
    if data_type != DataType::Bytes {
        let text = std::str::from_utf8(data)
            .map_err(|e| Damage::new(at + e.valid_up_to(), "text is not UTF-8"))?;
        if let Some(end) = ends.iter().find(|end| !text.is_char_boundary(**end as usize)) {
            return Err(Damage::new(at + *end as usize, "a value ends within a character"));
        }
    }
    Ok(BytesColumn { ends, data: data.to_vec() })
}

pub(super) fn take_fixed<T, const N: usize>(
    reader: &mut Reader<'_>,
    rows: usize,
    get: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, Damage> {
    // No overflow: rows is bounded by the limits.
    let (values, _) = reader.take(rows * N)?.as_chunks::<N>();
    Ok(values.iter().map(|bytes| get(*bytes)).collect())
}

fn take_bits(reader: &mut Reader<'_>, rows: usize) -> Result<Bitmap, Damage> {
    let at = reader.position();
    let bytes = reader.take(rows.div_ceil(8))?;
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let words: Vec<u64> = bytes.chunks(8).map(word).collect();
    if !rows.is_multiple_of(64) && words.last().is_some_and(|last| last >> (rows % 64) != 0) {
        return Err(Damage::new(at, "bits beyond the last row"));
    }
    Ok(Bitmap::from_words(words, rows))
}
