//! Types, values and the schema of a table, as the MANIFEST holds it.

use super::bytes::{Damage, Reader, Result, crc, damaged, ensure, utf8};

/// Versions of a schema that are known.
const VERSION: u16 = 1;

/// Fields of a table, at most.
const FIELDS_MAX: u16 = 1024;

/// Bytes of a name, at most.
const NAME_BYTES_MAX: usize = 255;

/// The type of a field: the code in its place in the table of format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are what they are called")]
#[repr(u8)]
pub enum Type {
    Bool = 1,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Decimal,
    String,
    Bytes,
    Timestamp,
    Duration,
    Json,
}

impl Type {
    /// Every type; its code is its place, from 1.
    pub const ALL: [Type; 17] = [
        Type::Bool,
        Type::Int8,
        Type::Int16,
        Type::Int32,
        Type::Int64,
        Type::UInt8,
        Type::UInt16,
        Type::UInt32,
        Type::UInt64,
        Type::Float32,
        Type::Float64,
        Type::Decimal,
        Type::String,
        Type::Bytes,
        Type::Timestamp,
        Type::Duration,
        Type::Json,
    ];

    /// The type of a code.
    ///
    /// # Errors
    /// If there is none.
    pub fn of_code(code: u8) -> Result<Type> {
        let found = Type::ALL.iter().find(|t| **t as u8 == code);
        found.copied().ok_or_else(|| Damage(format!("there is no type {code}")))
    }

    /// Bytes of a plain value; none for byte strings.
    pub fn width(self) -> Option<usize> {
        Some(match self {
            Type::Bool | Type::Int8 | Type::UInt8 => 1,
            Type::Int16 | Type::UInt16 => 2,
            Type::Int32 | Type::UInt32 | Type::Float32 => 4,
            Type::Int64 | Type::UInt64 | Type::Float64 | Type::Timestamp | Type::Duration => 8,
            Type::Decimal => 16,
            Type::String | Type::Bytes | Type::Json => return None,
        })
    }

    /// Whether values are integers, timestamps or durations.
    pub fn is_int(self) -> bool {
        self.is_signed() || self.is_unsigned()
    }

    /// Whether values are strings, bytes or json.
    pub fn is_byte_string(self) -> bool {
        self.width().is_none()
    }

    fn is_signed(self) -> bool {
        matches!(
            self,
            Type::Int8 | Type::Int16 | Type::Int32 | Type::Int64 | Type::Timestamp | Type::Duration
        )
    }

    fn is_unsigned(self) -> bool {
        matches!(self, Type::UInt8 | Type::UInt16 | Type::UInt32 | Type::UInt64)
    }

    /// The value that an SST holds as this i64: a uint64 has its top bit flipped there.
    ///
    /// # Errors
    /// If it is out of the type's range.
    pub fn of_i64(self, n: i64) -> Result<Value> {
        let fits = match self {
            Type::Int8 => i8::try_from(n).is_ok(),
            Type::Int16 => i16::try_from(n).is_ok(),
            Type::Int32 => i32::try_from(n).is_ok(),
            Type::UInt8 => u8::try_from(n).is_ok(),
            Type::UInt16 => u16::try_from(n).is_ok(),
            Type::UInt32 => u32::try_from(n).is_ok(),
            _ => self.is_int(),
        };
        ensure(fits, || format!("{n} is no {self:?}"))?;
        Ok(match self {
            Type::UInt64 => Value::UInt(n as u64 ^ 1 << 63),
            _ if self.is_unsigned() => Value::UInt(n as u64),
            _ => Value::Int(n),
        })
    }

    /// A plain value, its bytes as wide as [`Type::width`]; a uint64 as it is.
    ///
    /// # Errors
    /// If the bytes are no value of the type.
    pub fn of_plain(self, bytes: &[u8]) -> Result<Value> {
        let mut wide = [0; 16];
        let low = wide.get_mut(..bytes.len()).ok_or_else(|| Damage("too wide".to_owned()))?;
        low.copy_from_slice(bytes);
        let bits = u128::from_le_bytes(wide) as u64;
        Ok(match self {
            Type::Bool => match bits {
                0 | 1 => Value::Bool(bits == 1),
                _ => return damaged(format!("{bits} is no bool")),
            },
            Type::Float32 => Value::Float32(f32::from_bits(bits as u32)),
            Type::Float64 => Value::Float64(f64::from_bits(bits)),
            Type::Decimal => decimal(bits as u32, u128::from_le_bytes(wide) >> 32)?,
            _ if self.is_unsigned() => Value::UInt(bits),
            _ => {
                // Two's complement of as many bits as there are.
                let unused = 64 - (bytes.len() as u32 * 8).clamp(1, 64);
                Value::Int((bits << unused) as i64 >> unused)
            }
        })
    }

    /// A byte string as a value.
    ///
    /// # Errors
    /// If it must be text and is not.
    pub fn of_bytes(self, bytes: &[u8]) -> Result<Value> {
        if self != Type::Bytes {
            utf8(bytes)?;
        }
        Ok(Value::Bytes(bytes.to_vec()))
    }
}

/// A decimal of its flags and its 96-bit integer.
///
/// # Errors
/// If the flags say what they can't.
pub fn decimal(flags: u32, mantissa: u128) -> Result<Value> {
    let scale = flags >> 16 & 0xFF;
    let unused = flags & !(1 << 31 | 0xFF << 16);
    ensure(scale <= 28 && unused == 0, || format!("a decimal has the flags {flags:08x}"))?;
    Ok(Value::Decimal { negative: flags >> 31 == 1, scale, mantissa })
}

/// A value, or none. Which type it is of is the schema's to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A bool.
    Bool(bool),
    /// A signed integer, a timestamp or a duration.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// A float32.
    Float32(f32),
    /// A float64.
    Float64(f64),
    /// A decimal: (−1)^negative × mantissa ÷ 10^scale.
    Decimal {
        /// Whether its sign is a minus.
        negative: bool,
        /// Digits after the point, 0 to 28.
        scale: u32,
        /// 96 bits.
        mantissa: u128,
    },
    /// A string, bytes or a json text.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether two values are the same, bit for bit.
    pub fn is_same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Float32(a), Value::Float32(b)) => a.to_bits() == b.to_bits(),
            (Value::Float64(a), Value::Float64(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }
}

/// A field of a table.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether no two rows may have the same value.
    pub unique: bool,
    /// Whether there is an index.
    pub indexed: bool,
    /// The value of rows that give none.
    pub default: Option<Value>,
    /// A text for people.
    pub comment: Option<String>,
}

/// The fields of a table.
#[derive(Debug, Clone)]
pub struct Schema {
    /// In their order.
    pub fields: Vec<Field>,
    /// The CRC of its bytes, which SSTs repeat.
    pub checksum: u32,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn decode(bytes: &[u8]) -> Result<Schema> {
        let mut reader = Reader::new(bytes);
        let version = reader.u16()?;
        ensure(version == VERSION, || format!("schema version {version}"))?;
        let count = reader.u16()?;
        ensure((1..=FIELDS_MAX).contains(&count), || format!("a schema of {count} fields"))?;
        let fields = (0..count).map(|_| field(&mut reader)).collect::<Result<Vec<_>>>()?;
        reader.end()?;
        for (i, field) in fields.iter().enumerate() {
            let is_new = fields[..i].iter().all(|before| before.name != field.name);
            ensure(is_new, || format!("two fields are called {:?}", field.name))?;
        }
        Ok(Schema { fields, checksum: crc(bytes) })
    }
}

fn field(reader: &mut Reader<'_>) -> Result<Field> {
    let name = reader.string()?.to_owned();
    check_name(&name)?;
    ensure(!name.starts_with('_'), || format!("a field is called {name:?}"))?;
    let data_type = Type::of_code(reader.u8()?)?;
    let flags = reader.u8()?;
    ensure(flags < 32, || format!("field {name:?} has the flags {flags}"))?;
    let has = |flag: u8| flags & flag != 0;
    let default = if has(8) { Some(default(reader, data_type)?) } else { None };
    let comment = if has(16) { Some(reader.string()?.to_owned()) } else { None };
    let (nullable, unique, indexed) = (has(1), has(2), has(4));
    Ok(Field { name, data_type, nullable, unique, indexed, default, comment })
}

/// Integers are 8 bytes here, whatever their width.
fn default(reader: &mut Reader<'_>, data_type: Type) -> Result<Value> {
    match data_type.width() {
        None => data_type.of_bytes(reader.blob()?),
        Some(_) if data_type.is_unsigned() => reader.u64().map(Value::UInt),
        Some(_) if data_type.is_signed() => reader.i64().map(Value::Int),
        Some(width) => data_type.of_plain(reader.take(width)?),
    }
}

/// That a name of a table or field can be one.
///
/// # Errors
/// If it can't.
pub fn check_name(name: &str) -> Result<()> {
    let right = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    ensure(right, || format!("{name:?} is no name"))
}

/// The directory of a table.
pub fn table_directory(id: u32, name: &str) -> String {
    let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    let name: String = name.chars().take(48).map(|c| if plain(c) { c } else { '_' }).collect();
    format!("tables/{id}-{name}")
}
