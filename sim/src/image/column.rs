//! An encoded column: one file for what each encoding says, by its id.
//!
//! ```text
//!   flags │ validity? │ payload, as the encoding has it
//! ```
//!
//! Invariant: a column gives exactly as many values as its block has rows, and is read to its end.

use super::bytes::{Damage, Reader, Result, bit, damaged, ensure};
use super::dictionary::Dictionary;
use super::integers::{integers, linear};
use super::schema::{Type, Value, decimal};
use super::text;

/// Bytes of an entry in a block's column directory.
pub const ENTRY_BYTES: usize = 76;

/// What is known of a column before its bytes are read.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The id of its encoding.
    pub encoding: u16,
    /// Its type.
    pub data_type: Type,
    /// The rows of its block.
    pub rows: usize,
    /// The dictionary of its field and of the block's origin, if there is one.
    pub dictionary: Option<&'a Dictionary>,
}

/// Reads a column.
///
/// # Errors
/// The first thing that is wrong.
pub fn decode(bytes: &[u8], column: Column<'_>) -> Result<Vec<Value>> {
    let mut reader = Reader::new(bytes);
    let flags = reader.u8()?;
    let validity = match flags {
        0 => None,
        1 => Some(reader.take(column.rows.div_ceil(8))?),
        2 if column.encoding == 1 => {
            reader.end()?;
            return Ok(vec![Value::Null; column.rows]);
        }
        _ => return damaged(format!("the flags are {flags}")),
    };
    let has_value = |row: usize| validity.is_none_or(|bits| bit(bits, row));
    let payload = payload(&mut reader, column)?;
    reader.end()?;
    payload.values(column, &has_value)
}

/// What an encoding gives before it is known which rows are null: the slot of a null is arbitrary,
/// so whether a value is of its type is asked only of the others.
enum Payload<'a> {
    Same(Value),
    Values(Vec<Value>),
    Plain(std::slice::ChunksExact<'a, u8>),
    Ints(Vec<i64>),
    Texts(Vec<Vec<u8>>),
    Bits(&'a [u8]),
    Codes(Vec<i64>, &'a Dictionary),
}

impl Payload<'_> {
    fn values(self, column: Column<'_>, has_value: &dyn Fn(usize) -> bool) -> Result<Vec<Value>> {
        let data_type = column.data_type;
        let unless_null = |row: usize, value: Result<Value>| {
            if has_value(row) { value } else { Ok(Value::Null) }
        };
        let rows = 0..column.rows;
        match self {
            Payload::Same(value) => rows.map(|i| unless_null(i, Ok(value.clone()))).collect(),
            Payload::Values(values) => {
                rows.zip(values).map(|(i, value)| unless_null(i, Ok(value))).collect()
            }
            Payload::Plain(values) => {
                rows.zip(values).map(|(i, v)| unless_null(i, plain(data_type, v))).collect()
            }
            Payload::Ints(values) => {
                rows.zip(values).map(|(i, v)| unless_null(i, data_type.of_i64(v))).collect()
            }
            Payload::Texts(values) => {
                rows.zip(values).map(|(i, v)| unless_null(i, data_type.of_bytes(&v))).collect()
            }
            Payload::Bits(bits) => {
                rows.map(|i| unless_null(i, Ok(Value::Bool(bit(bits, i))))).collect()
            }
            Payload::Codes(codes, dictionary) => {
                let value = |code| {
                    let value = dictionary.get(code).cloned();
                    value.ok_or_else(|| Damage(format!("the dictionary has no code {code}")))
                };
                rows.zip(codes).map(|(i, code)| unless_null(i, value(code))).collect()
            }
        }
    }
}

fn payload<'a>(reader: &mut Reader<'a>, column: Column<'a>) -> Result<Payload<'a>> {
    let (data_type, rows) = (column.data_type, column.rows);
    let (is_int, is_byte_string) = (data_type.is_int(), data_type.is_byte_string());
    Ok(match (column.encoding, data_type) {
        (1, _) => Payload::Same(match data_type.width() {
            Some(width) => plain(data_type, reader.take(width)?)?,
            None => data_type.of_bytes(reader.rest())?,
        }),
        (2, Type::Bool) => return damaged("bools are never plain"),
        (2, _) => match data_type.width() {
            Some(width) => Payload::Plain(reader.take_each(rows, width)?),
            None => Payload::Texts(text::plain(reader, rows)?),
        },
        (3, _) if is_int => Payload::Ints(integers(reader, rows)?),
        (4, _) if is_int => Payload::Ints(linear(reader, rows)?),
        (5, _) if is_int || is_byte_string => match column.dictionary {
            Some(dictionary) => Payload::Codes(integers(reader, rows)?, dictionary),
            None => return damaged("its dictionary is missing"),
        },
        (6, Type::Float32 | Type::Float64) => Payload::Values(decimal_floats(reader, column)?),
        (7, Type::Bool) => Payload::Bits(reader.take(rows.div_ceil(8))?),
        (8, _) if is_byte_string => Payload::Texts(text::framed(reader, rows)?),
        (9, Type::Decimal) => Payload::Values(decimals(reader, column)?),
        (10, _) if is_int => Payload::Ints(runs(reader, rows)?),
        (11, _) if is_byte_string => Payload::Texts(text::symbols(reader, rows)?),
        (encoding, _) => return damaged(format!("there is no encoding {encoding} of it")),
    })
}

/// A plain value in an SST, where a uint64 has its top bit flipped.
fn plain(data_type: Type, bytes: &[u8]) -> Result<Value> {
    match data_type.of_plain(bytes)? {
        Value::UInt(n) if data_type == Type::UInt64 => data_type.of_i64(n as i64),
        value => Ok(value),
    }
}

/// Values that take the place of what the integers say: rows, ascending, and a plain value of each.
fn exceptions(reader: &mut Reader<'_>, data_type: Type) -> Result<Vec<(usize, Value)>> {
    let count = usize::from(reader.u16()?);
    let rows = reader.u16s(count)?;
    ensure(rows.is_sorted_by(|a, b| a < b), || "exceptions are not in order".to_owned())?;
    let values = reader.take_each(count, data_type.width().unwrap_or(1))?;
    rows.into_iter().zip(values).map(|(row, v)| Ok((row, data_type.of_plain(v)?))).collect()
}

fn put(exceptions: Vec<(usize, Value)>, values: &mut [Value]) -> Result<()> {
    for (row, exception) in exceptions {
        match values.get_mut(row) {
            Some(value) => *value = exception,
            None => return damaged(format!("an exception for row {row}")),
        }
    }
    Ok(())
}

fn decimal_floats(reader: &mut Reader<'_>, column: Column<'_>) -> Result<Vec<Value>> {
    let exponent = i32::from(reader.i8()?);
    ensure((-15..=18).contains(&exponent), || format!("the exponent is {exponent}"))?;
    let exceptions = exceptions(reader, column.data_type)?;
    // Powers of ten up to 10^22 are exact.
    let power = (0..exponent.abs()).fold(1.0, |power, _| power * 10.0);
    let (up, down) = if exponent >= 0 { (power, 1.0) } else { (1.0, power) };
    let value = |n: i64| {
        let value = n as f64 * down / up;
        match column.data_type {
            Type::Float32 => Value::Float32(value as f32),
            _ => Value::Float64(value),
        }
    };
    let mut values: Vec<Value> = integers(reader, column.rows)?.into_iter().map(value).collect();
    put(exceptions, &mut values)?;
    Ok(values)
}

fn decimals(reader: &mut Reader<'_>, column: Column<'_>) -> Result<Vec<Value>> {
    let scale = u32::from(reader.u8()?);
    let exceptions = exceptions(reader, column.data_type)?;
    let value = |n: i64| decimal(scale << 16 | u32::from(n < 0) << 31, n.unsigned_abs().into());
    let mut values: Vec<Value> =
        integers(reader, column.rows)?.into_iter().map(value).collect::<Result<_>>()?;
    put(exceptions, &mut values)?;
    Ok(values)
}

fn runs(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<i64>> {
    let count = usize::from(reader.u16()?);
    let ends = reader.u16s(count)?;
    let of_runs = integers(reader, count)?;
    let mut values = Vec::with_capacity(rows);
    for (end, value) in ends.into_iter().zip(of_runs) {
        ensure(end > values.len() && end <= rows, || format!("a run ends at {end}"))?;
        values.resize(end, value);
    }
    ensure(values.len() == rows, || format!("the runs end at {}", values.len()))?;
    Ok(values)
}
