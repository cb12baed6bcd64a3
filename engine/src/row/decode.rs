//! From the physical shape of a column back to the value of a field.

use crate::chunk::{Column, ColumnData, Scalar};
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

/// [`value_of`] slot `index` of a column, without a copy.
#[inline]
pub(crate) fn value_ref_of(
    data_type: DataType,
    column: &Column,
    index: usize,
) -> Result<ValueRef<'_>, Damage> {
    if !column.is_valid(index) {
        return Ok(ValueRef::Null);
    }
    Ok(match (data_type, &column.data) {
        (DataType::Bool, ColumnData::Bool(v)) => ValueRef::Bool(v.get(index)),
        (DataType::Float32, ColumnData::Float32(v)) => ValueRef::Float32(v[index]),
        (DataType::Float64, ColumnData::Float64(v)) => ValueRef::Float64(v[index]),
        (DataType::Decimal, ColumnData::Decimal(v)) => ValueRef::Decimal(v[index]),
        (DataType::UInt64, ColumnData::Int(v)) => ValueRef::UInt(i64_to_u64(v[index])),
        (DataType::Timestamp, ColumnData::Int(v)) => ValueRef::Timestamp(v[index]),
        (DataType::Duration, ColumnData::Int(v)) => ValueRef::Duration(v[index]),
        (DataType::Int64, ColumnData::Int(v)) => ValueRef::Int(v[index]),
        (DataType::Int8 | DataType::Int16 | DataType::Int32, ColumnData::Int(v)) => {
            ValueRef::Int(in_range(data_type, v[index])?)
        }
        (DataType::UInt8 | DataType::UInt16 | DataType::UInt32, ColumnData::Int(v)) => {
            ValueRef::UInt(in_range(data_type, v[index])? as u64)
        }
        (DataType::String, ColumnData::Bytes(v)) => ValueRef::Str(utf8_ref(v.get(index))?),
        (DataType::Json, ColumnData::Bytes(v)) => ValueRef::Json(utf8_ref(v.get(index))?),
        (DataType::Bytes, ColumnData::Bytes(v)) => ValueRef::Bytes(v.get(index)),
        (data_type, data) => {
            let what = format!("a {data_type} field holds a {:?}", data.physical());
            return Err(Damage::new(0, what));
        }
    })
}

fn in_range(data_type: DataType, value: i64) -> Result<i64, Damage> {
    let inside =
        data_type.int_range().is_some_and(|(min, max)| (min..=max).contains(&i128::from(value)));
    if inside { Ok(value) } else { Err(Damage::new(0, format!("{value} is no {data_type}"))) }
}

fn utf8_ref(bytes: &[u8]) -> Result<&str, Damage> {
    std::str::from_utf8(bytes).map_err(|e| Damage::new(e.valid_up_to(), "text is not UTF-8"))
}

fn utf8(bytes: Vec<u8>) -> Result<String, Damage> {
    String::from_utf8(bytes)
        .map_err(|e| Damage::new(e.utf8_error().valid_up_to(), "text is not UTF-8"))
}
