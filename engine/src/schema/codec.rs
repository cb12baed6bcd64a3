//! A schema as bytes, for the MANIFEST.
//!
//! ```text
//! u16 version = 1 · u16 field count · fields
//! field: blob name · u8 type code · u8 flags · [default] · [blob comment]
//! flags: 1 nullable · 2 unique · 4 indexed · 8 a default follows · 16 a comment follows
//! default: bool u8 · integers, timestamp, duration 8 bytes · floats their bits · decimal its
//!          16 bytes · string, bytes, json a blob          (blob: u32 length and the bytes)
//! ```

use rust_decimal::Decimal;

use super::{Field, Schema};
use crate::coding::bytes::{Put as _, Reader};
use crate::error::Damage;
use crate::types::{DataType, Value};

const VERSION: u16 = 1;

const NULLABLE: u8 = 1;
const UNIQUE: u8 = 2;
const INDEXED: u8 = 4;
const DEFAULT: u8 = 8;
const COMMENT: u8 = 16;
const FLAGS_ALL: u8 = NULLABLE | UNIQUE | INDEXED | DEFAULT | COMMENT;

impl Schema {
    /// Appends the canonical bytes of this schema.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(VERSION);
        out.put_u16(self.fields.len() as u16);
        for field in &self.fields {
            out.put_blob(field.name.as_bytes());
            out.put_u8(field.data_type.code());
            let flag = |set: bool, flag: u8| if set { flag } else { 0 };
            out.put_u8(
                flag(field.nullable, NULLABLE)
                    | flag(field.unique, UNIQUE)
                    | flag(field.indexed, INDEXED)
                    | flag(field.default.is_some(), DEFAULT)
                    | flag(field.comment.is_some(), COMMENT),
            );
            if let Some(default) = &field.default {
                encode_value(default, out);
            }
            if let Some(comment) = &field.comment {
                out.put_blob(comment.as_bytes());
            }
        }
    }

    /// Reads what [`Schema::encode`] wrote, and checks it as [`Schema::new`] does.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Schema, Damage> {
        let start = reader.position();
        let version = reader.u16()?;
        if version != VERSION {
            return Err(Damage::new(start, format!("schema version {version} is unknown")));
        }
        let count = reader.u16()?;
        let mut fields = Vec::new();
        for _ in 0..count {
            fields.push(decode_field(reader)?);
        }
        Schema::new(fields).map_err(|e| Damage::new(start, e.to_string()))
    }
}

fn decode_field(reader: &mut Reader<'_>) -> Result<Field, Damage> {
    let name = reader.text()?.to_owned();
    let code = reader.u8()?;
    let data_type = DataType::from_code(code)
        .ok_or_else(|| reader.damage(format!("type code {code} is unknown")))?;
    let flags = reader.u8()?;
    if flags & !FLAGS_ALL != 0 {
        return Err(reader.damage(format!("field flags {flags:#x} are unknown")));
    }
    let mut field = Field::new(name, data_type);
    field.nullable = flags & NULLABLE != 0;
    field.unique = flags & UNIQUE != 0;
    field.indexed = flags & INDEXED != 0;
    if flags & DEFAULT != 0 {
        field.default = Some(decode_value(data_type, reader)?);
    }
    if flags & COMMENT != 0 {
        field.comment = Some(reader.text()?.to_owned());
    }
    Ok(field)
}

/// A value of its field's own kind, never null.
fn encode_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Bool(v) => out.put_u8(u8::from(*v)),
        Value::Int(v) | Value::Timestamp(v) | Value::Duration(v) => out.put_i64(*v),
        Value::UInt(v) => out.put_u64(*v),
        Value::Float32(v) => out.put_u32(v.to_bits()),
        Value::Float64(v) => out.put_u64(v.to_bits()),
        Value::Decimal(v) => out.extend_from_slice(&v.serialize()),
        Value::String(v) | Value::Json(v) => out.put_blob(v.as_bytes()),
        Value::Bytes(v) => out.put_blob(v),
    }
}

fn decode_value(data_type: DataType, reader: &mut Reader<'_>) -> Result<Value, Damage> {
    Ok(match data_type {
        DataType::Bool => match reader.u8()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => return Err(reader.damage(format!("{other} is no bool"))),
        },
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Value::Int(reader.i64()?)
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            Value::UInt(reader.u64()?)
        }
        DataType::Float32 => Value::Float32(f32::from_bits(reader.u32()?)),
        DataType::Float64 => Value::Float64(f64::from_bits(reader.u64()?)),
        DataType::Decimal => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(reader.take(16)?);
            let decimal = Decimal::deserialize(bytes);
            if decimal.serialize() != bytes {
                return Err(reader.damage("not the bytes of a decimal"));
            }
            Value::Decimal(decimal)
        }
        DataType::String => Value::String(reader.text()?.to_owned()),
        DataType::Bytes => Value::Bytes(reader.blob()?.to_owned()),
        DataType::Timestamp => Value::Timestamp(reader.i64()?),
        DataType::Duration => Value::Duration(reader.i64()?),
        DataType::Json => Value::Json(reader.text()?.to_owned()),
    })
}
