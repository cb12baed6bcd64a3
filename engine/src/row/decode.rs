//! From the physical shape of a column back to the value of a field.

use crate::chunk::Scalar;
use crate::error::Damage;
use crate::types::{DataType, Value, i64_to_u64};

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

fn in_range(data_type: DataType, value: i64) -> Result<i64, Damage> {
    let inside =
        data_type.int_range().is_some_and(|(min, max)| (min..=max).contains(&i128::from(value)));
    if inside { Ok(value) } else { Err(Damage::new(0, format!("{value} is no {data_type}"))) }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Damage> {
    String::from_utf8(bytes)
        .map_err(|e| Damage::new(e.utf8_error().valid_up_to(), "text is not UTF-8"))
}
