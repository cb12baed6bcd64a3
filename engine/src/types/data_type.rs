//! The types a field can have, and the few shapes they have in memory.

use std::fmt;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DataType {
    /// `true` or `false`.
    Bool,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 8 bits.
    UInt8,
    /// Unsigned, 16 bits.
    UInt16,
    /// Unsigned, 32 bits.
    UInt32,
    /// Unsigned, 64 bits.
    UInt64,
    /// IEEE 754, 32 bits. NaNs and -0.0 are kept bit for bit.
    Float32,
    /// IEEE 754, 64 bits. NaNs and -0.0 are kept bit for bit.
    Float64,
    /// Exact decimal: 96-bit integer and a scale of 0 to 28 digits, which is kept: 1.50 stays so.
    Decimal,
    /// UTF-8 text.
    String,
    /// Any bytes.
    Bytes,
    /// An instant: nanoseconds since the Unix epoch, UTC, as i64 (years 1677 to 2262).
    Timestamp,
    /// A span: nanoseconds, as i64.
    Duration,
    /// A JSON text, kept as it was given.
    Json,
}

/// The shape of a column in memory. Several types share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Physical {
    /// `Bool`.
    Bool,
    /// Every integer, `Timestamp` and `Duration`, as i64. `UInt64` is stored with its top bit
    /// flipped (see [`u64_to_i64`]), so that the order of the i64s is the order of the values.
    Int,
    /// `Float32`.
    Float32,
    /// `Float64`.
    Float64,
    /// `Decimal`.
    Decimal,
    /// `String`, `Bytes`, `Json`.
    Bytes,
}

/// Maps u64 to i64 keeping the order.
pub(crate) const fn u64_to_i64(value: u64) -> i64 {
    (value ^ (1 << 63)) as i64
}

/// The inverse of [`u64_to_i64`].
pub(crate) const fn i64_to_u64(value: i64) -> u64 {
    value as u64 ^ (1 << 63)
}

impl DataType {
    /// Every type, in the order of their codes.
    pub const ALL: [DataType; 17] = [
        DataType::Bool,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal,
        DataType::String,
        DataType::Bytes,
        DataType::Timestamp,
        DataType::Duration,
        DataType::Json,
    ];

    /// Whether its values are numbers; moments and spans are none.
    pub(crate) fn is_number(self) -> bool {
        !matches!(
            self,
            DataType::Bool
                | DataType::String
                | DataType::Bytes
                | DataType::Json
                | DataType::Timestamp
                | DataType::Duration
        )
    }

    /// The code on disk: 1 for `Bool` to 17 for `Json`. Never reused.
    pub(crate) const fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The type of a code on disk.
    pub(crate) fn from_code(code: u8) -> Option<DataType> {
        DataType::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// The name used in schemas and messages: `"int64"`.
    pub const fn name(self) -> &'static str {
        match self {
            DataType::Bool => "bool",
            DataType::Int8 => "int8",
            DataType::Int16 => "int16",
            DataType::Int32 => "int32",
            DataType::Int64 => "int64",
            DataType::UInt8 => "uint8",
            DataType::UInt16 => "uint16",
            DataType::UInt32 => "uint32",
            DataType::UInt64 => "uint64",
            DataType::Float32 => "float32",
            DataType::Float64 => "float64",
            DataType::Decimal => "decimal",
            DataType::String => "string",
            DataType::Bytes => "bytes",
            DataType::Timestamp => "timestamp",
            DataType::Duration => "duration",
            DataType::Json => "json",
        }
    }

    /// The type of a name, or `None`.
    pub fn from_name(name: &str) -> Option<DataType> {
        DataType::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The shape of this type's columns.
    pub(crate) const fn physical(self) -> Physical {
        match self {
            DataType::Bool => Physical::Bool,
            DataType::Float32 => Physical::Float32,
            DataType::Float64 => Physical::Float64,
            DataType::Decimal => Physical::Decimal,
            DataType::String | DataType::Bytes | DataType::Json => Physical::Bytes,
            _ => Physical::Int,
        }
    }

    /// Bytes of one value in the plain encoding and in the WAL, or `None` where they vary.
    pub(crate) const fn plain_width(self) -> Option<usize> {
        match self {
            DataType::Bool | DataType::Int8 | DataType::UInt8 => Some(1),
            DataType::Int16 | DataType::UInt16 => Some(2),
            DataType::Int32 | DataType::UInt32 | DataType::Float32 => Some(4),
            DataType::Int64
            | DataType::UInt64
            | DataType::Float64
            | DataType::Timestamp
            | DataType::Duration => Some(8),
            DataType::Decimal => Some(16),
            DataType::String | DataType::Bytes | DataType::Json => None,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
