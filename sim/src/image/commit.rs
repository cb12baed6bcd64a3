//! The payload of a commit in the WAL, and that of a carry: rows of some tables, as plain columns.
//!
//! ```text
//!   tables: count │ table id, first seq, rows, columns │ column │ column │ … │ table id, …
//!                 column: type, flags │ values │ validity?
//! ```
//!
//! In a carry the `_time` of each row follows on a table's columns.

use super::bytes::{Reader, Result, bit, ensure, number};
use super::schema::{Schema, Type, Value};

/// The rows of one table in a commit, not decoded yet: whose they are decides how to.
#[derive(Debug, Clone)]
pub struct Part {
    /// The table's id.
    pub table: u32,
    /// `_seq` of the first row.
    pub first_seq: i64,
    /// The columns, in the schema's order.
    pub columns: Vec<Vec<Value>>,
    /// How many rows.
    pub rows: usize,
    /// The type of each column.
    pub types: Vec<Type>,
}

impl Part {
    /// That the columns are those of a schema.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let fields = schema.fields.iter().map(|field| field.data_type);
        ensure(fields.eq(self.types.iter().copied()), || {
            format!("its columns are {:?}", self.types)
        })?;
        for (field, column) in schema.fields.iter().zip(&self.columns) {
            let right = field.nullable || !column.iter().any(|v| matches!(v, Value::Null));
            ensure(right, || format!("a null in {:?}, which has none", field.name))?;
        }
        Ok(())
    }
}

/// Reads the payload of a commit, with its padding.
///
/// # Errors
/// The first thing that is wrong.
pub fn decode(payload: &[u8]) -> Result<Vec<Part>> {
    each(payload, part)
}

/// Reads the payload of a carry, with its padding: rows, and the time of each.
///
/// # Errors
/// The first thing that is wrong.
pub fn decode_carry(payload: &[u8]) -> Result<Vec<(Part, Vec<i64>)>> {
    each(payload, |table, reader| {
        let part = part(table, reader)?;
        let times = (0..part.rows).map(|_| reader.i64()).collect::<Result<Vec<_>>>()?;
        ensure(times.is_sorted(), || "its times go back".to_owned())?;
        Ok((part, times))
    })
}

fn each<T>(payload: &[u8], read: impl Fn(u32, &mut Reader<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut reader = Reader::new(payload);
    let count = reader.u32()?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let table = reader.u32()?;
        let here = |d: super::Damage| d.within(format!("the rows of table {table}"));
        parts.push(read(table, &mut reader).map_err(here)?);
    }
    let padding = reader.rest();
    ensure(padding.len() < 8 && padding.iter().all(|byte| *byte == 0), || {
        "something stands behind the tables".to_owned()
    })?;
    Ok(parts)
}

fn part(table: u32, reader: &mut Reader<'_>) -> Result<Part> {
    let first_seq = reader.i64()?;
    let (rows, count) = (reader.u32()? as usize, reader.u16()?);
    ensure(first_seq >= 1 && rows >= 1, || format!("{rows} rows from seq {first_seq}"))?;
    let (mut types, mut columns) = (Vec::new(), Vec::new());
    for number in 0..count {
        let data_type = Type::of_code(reader.u8()?)?;
        let here = |d: super::Damage| d.within(format!("column {number}"));
        columns.push(column(data_type, rows, reader).map_err(here)?);
        types.push(data_type);
    }
    Ok(Part { table, first_seq, columns, rows, types })
}

fn column(data_type: Type, rows: usize, reader: &mut Reader<'_>) -> Result<Vec<Value>> {
    let flags = reader.u8()?;
    ensure(flags <= 1, || format!("the flags are {flags}"))?;
    let mut values: Vec<Value> = match data_type.width() {
        Some(_) if data_type == Type::Bool => {
            let bits = reader.take(rows.div_ceil(8))?;
            (0..rows).map(|i| Value::Bool(bit(bits, i))).collect()
        }
        Some(width) => {
            let values = reader.take_each(rows, width)?;
            values.map(|bytes| data_type.of_plain(bytes)).collect::<Result<_>>()?
        }
        None => {
            let ends = reader.take_each(rows, 4)?.map(number);
            let mut from = 0;
            let mut lengths = Vec::new();
            for end in ends {
                ensure(end >= from, || "a value ends before it begins".to_owned())?;
                lengths.push((end - from) as usize);
                from = end;
            }
            let value = |length| data_type.of_bytes(reader.take(length)?);
            lengths.into_iter().map(value).collect::<Result<_>>()?
        }
    };
    if flags & 1 != 0 {
        let validity = reader.take(rows.div_ceil(8))?;
        let nulls = values.iter_mut().enumerate().filter(|(i, _)| !bit(validity, *i));
        nulls.for_each(|(_, value)| *value = Value::Null);
    }
    Ok(values)
}
