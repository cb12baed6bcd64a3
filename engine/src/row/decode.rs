//! From the physical shape of a column back to the value of a field.

use crate::chunk::{Column, ColumnData, Scalar};
use crate::column::{Cell, DictionaryView};
use crate::error::Damage;
use crate::types::{DataType, Value, ValueRef, i64_to_u64};

/// The value that `scalar` is in a field of type `data_type`. It may come from a damaged file:
/// text that is no UTF-8, or an integer that the type does not have, is damage.
pub(crate) fn value_of(data_type: DataType, scalar: Scalar<'_>) -> Result<Value, Damage> {
    Ok(match (data_type, scalar) {
        (_, Scalar::Null) => Value::Null,
        (DataType::Bool, Scalar::Bool(v)) => Value::Bool(v),
        (DataType::Float32, Scalar::Float32(v)) => Value::Float32(v),
        (DataType::Float64, Scalar::Float64(v)) => Value::Float64(v),
        (DataType::Decimal, Scalar::Decimal(v)) => Value::Decimal(v),
        (DataType::UInt64, Scalar::Int(v)) => Value::UInt(i64_to_u64(v)),
        (DataType::Timestamp, Scalar::Int(v)) => Value::Timestamp(v),
        (DataType::Duration, Scalar::Int(v)) => Value::Duration(v),
        (DataType::Int64, Scalar::Int(v)) => Value::Int(v),
        (DataType::Int8 | DataType::Int16 | DataType::Int32, Scalar::Int(v)) => {
            Value::Int(in_range(data_type, v)?)
        }
        (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, Scalar::Int(v)) => {
            Value::UInt(in_range(data_type, v)? as u64)
        }
        (DataType::String, Scalar::Bytes(v)) => Value::String(utf8(v.into_owned())?),
        (DataType::Json, Scalar::Bytes(v)) => Value::Json(utf8(v.into_owned())?),
        (DataType::Bytes, Scalar::Bytes(v)) => Value::Bytes(v.into_owned()),
        (data_type, scalar) => {
            return Err(Damage::new(0, format!("a {data_type} field holds {scalar:?}")));
        }
    })
}

/// [`value_of`] a cell, if that is to be had the short way.
#[inline(always)]
pub(crate) fn value_of_cell(
    data_type: DataType,
    cell: &Cell<'_>,
    dictionary: Option<DictionaryView<'_>>,
) -> Option<Value> {
    if cell.is_null() {
        return Some(Value::Null);
    }
    let text = |bytes: &[u8]| Some(std::str::from_utf8(bytes).ok()?.to_owned());
    match data_type {
        DataType::Bool => cell.bool().map(Value::Bool),
        DataType::Float64 => cell.float64().map(Value::Float64),
        DataType::String => cell.with_bytes(dictionary, text).map(Value::String),
        DataType::Json => cell.with_bytes(dictionary, text).map(Value::Json),
        DataType::Bytes => {
            cell.with_bytes(dictionary, |bytes| Some(bytes.to_vec())).map(Value::Bytes)
        }
        DataType::Float32 | DataType::Decimal => None,
        DataType::UInt64 => cell.int(data_type, dictionary).map(|v| Value::UInt(i64_to_u64(v))),
        DataType::Timestamp => cell.int(data_type, dictionary).map(Value::Timestamp),
        DataType::Duration => cell.int(data_type, dictionary).map(Value::Duration),
        DataType::Int64 => cell.int(data_type, dictionary).map(Value::Int),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            in_range(data_type, cell.int(data_type, dictionary)?).ok().map(Value::Int)
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => {
            in_range(data_type, cell.int(data_type, dictionary)?)
                .ok()
                .map(|v| Value::UInt(v as u64))
        }
    }
}

/// [`value_of`] slot `index` of a column, without a copy; `fail` makes the caller's error.
///
/// Each arm makes the caller's result in one go: a value that is written in pieces and copied as
/// a whole, from one kind of result into another, costs more than its decoding.
#[inline]
pub(crate) fn value_ref_of<E>(
    data_type: DataType,
    column: &Column,
    index: usize,
    fail: impl FnOnce(Damage) -> E,
) -> Result<ValueRef<'_>, E> {
    if !column.is_valid(index) {
        return Ok(ValueRef::Null);
    }
    match (data_type, &column.data) {
        (DataType::Bool, ColumnData::Bool(v)) => Ok(ValueRef::Bool(v.get(index))),
        (DataType::Float32, ColumnData::Float32(v)) => Ok(ValueRef::Float32(v[index])),
        (DataType::Float64, ColumnData::Float64(v)) => Ok(ValueRef::Float64(v[index])),
        (DataType::Decimal, ColumnData::Decimal(v)) => Ok(ValueRef::Decimal(v[index])),
        (DataType::UInt64, ColumnData::Int(v)) => Ok(ValueRef::UInt(i64_to_u64(v[index]))),
        (DataType::Timestamp, ColumnData::Int(v)) => Ok(ValueRef::Timestamp(v[index])),
        (DataType::Duration, ColumnData::Int(v)) => Ok(ValueRef::Duration(v[index])),
        (DataType::Int64, ColumnData::Int(v)) => Ok(ValueRef::Int(v[index])),
        (DataType::Int8 | DataType::Int16 | DataType::Int32, ColumnData::Int(v)) => {
            match in_range(data_type, v[index]) {
                Ok(v) => Ok(ValueRef::Int(v)),
                Err(damage) => Err(fail(damage)),
            }
        }
        (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, ColumnData::Int(v)) => {
            match in_range(data_type, v[index]) {
                Ok(v) => Ok(ValueRef::UInt(v as u64)),
                Err(damage) => Err(fail(damage)),
            }
        }
        (DataType::String, ColumnData::Bytes(v)) => match std::str::from_utf8(v.get(index)) {
            Ok(text) => Ok(ValueRef::Str(text)),
            Err(e) => Err(fail(not_utf8(e.valid_up_to()))),
        },
        (DataType::Json, ColumnData::Bytes(v)) => match std::str::from_utf8(v.get(index)) {
            Ok(text) => Ok(ValueRef::Json(text)),
            Err(e) => Err(fail(not_utf8(e.valid_up_to()))),
        },
        (DataType::Bytes, ColumnData::Bytes(v)) => Ok(ValueRef::Bytes(v.get(index))),
        (data_type, data) => Err(fail(wrong_shape(data_type, data))),
    }
}

/// [`value_ref_of`] a column whose bytes were moved to `text`.
#[inline]
pub(crate) fn text_ref_of<'a, E>(
    data_type: DataType,
    column: &Column,
    text: &'a str,
    index: usize,
    fail: impl FnOnce(Damage) -> E,
) -> Result<ValueRef<'a>, E> {
    if !column.is_valid(index) {
        return Ok(ValueRef::Null);
    }
    let ColumnData::Bytes(bytes) = &column.data else {
        return Err(fail(wrong_shape(data_type, &column.data)));
    };
    // All of it is UTF-8; a value that begins or ends within a character is not.
    let Some(value) = text.get(bytes.span(index)) else { return Err(fail(not_utf8(0))) };
    Ok(if data_type == DataType::Json { ValueRef::Json(value) } else { ValueRef::Str(value) })
}

#[cold]
fn wrong_shape(data_type: DataType, data: &ColumnData) -> Damage {
    Damage::new(0, format!("a {data_type} field holds a {:?}", data.physical()))
}

#[cold]
fn not_utf8(at: usize) -> Damage {
    Damage::new(at, "text is not UTF-8")
}

fn in_range(data_type: DataType, value: i64) -> Result<i64, Damage> {
    let inside =
        data_type.int_range().is_some_and(|(min, max)| (min..=max).contains(&i128::from(value)));
    if inside { Ok(value) } else { Err(Damage::new(0, format!("{value} is no {data_type}"))) }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Damage> {
    String::from_utf8(bytes).map_err(|e| not_utf8(e.utf8_error().valid_up_to()))
}
