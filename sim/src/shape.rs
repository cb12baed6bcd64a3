//! The tables of a simulation: a few schemas, and rows that follow from a few numbers.
//!
//! Invariant: the first field of every row is `id`, which no other row of the run has: the commit
//! in the upper bits, the row's place in its part of the commit in the lower ones. So a row that
//! turns up where it does not belong gives itself away.

use serde::{Deserialize, Serialize};
use srdb::{DataType, Value};

/// Rows per part of a commit, at most: what the lower bits of `id` can tell apart.
pub const ROWS_MAX: u32 = 1 << 16;

/// What fields a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// The id alone.
    Narrow,
    /// A log line: times, few distinct texts, decimals, flags.
    Log,
    /// Every type there is, all of it nullable.
    Every,
    /// Bytes that span sectors and pages.
    Blob,
    /// A unique id, and fields with an index from the start.
    Keyed,
}

/// A field of a shape: name, type, whether a value is required.
pub type FieldSpec = (&'static str, DataType, bool);

impl Shape {
    /// Every shape.
    pub const ALL: [Shape; 5] =
        [Shape::Narrow, Shape::Log, Shape::Every, Shape::Blob, Shape::Keyed];

    /// The fields, in order.
    pub fn fields(self) -> &'static [FieldSpec] {
        match self {
            Shape::Narrow => &[("id", DataType::UInt64, true)],
            Shape::Log => &[
                ("id", DataType::UInt64, true),
                ("at", DataType::Timestamp, true),
                ("level", DataType::String, true),
                ("host", DataType::String, false),
                ("status", DataType::Int32, true),
                ("seconds", DataType::Float64, true),
                ("ok", DataType::Bool, true),
                ("message", DataType::String, false),
            ],
            Shape::Every => &[
                ("id", DataType::UInt64, true),
                ("bool", DataType::Bool, false),
                ("int8", DataType::Int8, false),
                ("int16", DataType::Int16, false),
                ("int32", DataType::Int32, false),
                ("int64", DataType::Int64, false),
                ("uint8", DataType::UInt8, false),
                ("uint16", DataType::UInt16, false),
                ("uint32", DataType::UInt32, false),
                ("uint64", DataType::UInt64, false),
                ("float32", DataType::Float32, false),
                ("float64", DataType::Float64, false),
                ("decimal", DataType::Decimal, false),
                ("string", DataType::String, false),
                ("bytes", DataType::Bytes, false),
                ("timestamp", DataType::Timestamp, false),
                ("duration", DataType::Duration, false),
                ("json", DataType::Json, false),
            ],
            Shape::Blob => &[("id", DataType::UInt64, true), ("bytes", DataType::Bytes, false)],
            Shape::Keyed => &[
                ("id", DataType::UInt64, true),
                ("name", DataType::String, false),
                ("count", DataType::Int16, false),
                ("share", DataType::Float64, false),
                ("price", DataType::Decimal, false),
            ],
        }
    }

    /// How many of the first fields have an index from the start. That of the id is unique.
    pub fn indexed(self) -> usize {
        if self == Shape::Keyed { 4 } else { 0 }
    }

    /// Row `index` of the part of commit `uid` that has this `fill`.
    ///
    /// But for the id it is the same in every commit, unless the fill is the bare number of a
    /// style: a plan that is shrunk keeps the values that make it fail.
    pub fn row(self, uid: u64, part: u64, index: u32, fill: u32) -> Vec<Value> {
        let id = uid << 24 | part << 16 | u64::from(index);
        let style = Style::of(fill);
        let place = if fill < STYLES { id } else { id & 0xFF_FFFF };
        let mut random = Random(u64::from(fill) << 32 ^ place);
        let value = |&(name, data_type, required): &FieldSpec| match name {
            "id" => Value::UInt(id),
            _ if !required && random.below(100) < style.null_percent => Value::Null,
            _ => value(data_type, self, &style, id, &mut random),
        };
        self.fields().iter().map(value).collect()
    }
}

/// A fill says by its remainder how the values go.
pub const STYLES: u32 = 125;

/// How the values of one part of a commit go, so that every encoding gets its turn.
struct Style {
    /// How many of a hundred nullable values are null.
    null_percent: u64,
    /// The values are the same, go up, are few, or are anything at all.
    course: u32,
    /// Bytes of the longest text or blob.
    bytes_max: u64,
}

impl Style {
    fn of(fill: u32) -> Style {
        Style {
            null_percent: [0, 0, 10, 50, 100][(fill / 5 % 5) as usize],
            course: fill % 5,
            bytes_max: [8, 40, 300, 3_000][(fill / 25 % 4) as usize],
        }
    }
}

fn value(data_type: DataType, shape: Shape, style: &Style, id: u64, random: &mut Random) -> Value {
    let bits = match style.course {
        0 => 7,
        1 => id & 0xFFFF,
        2 => random.below(3),
        3 => 1_000 + random.below(100),
        _ => random.extreme(),
    };
    let bytes_max = if shape == Shape::Blob { style.bytes_max * 4 } else { style.bytes_max };
    match data_type {
        DataType::Bool => Value::Bool(bits & 1 == 1),
        DataType::Int8 => Value::Int(i64::from(bits as i8)),
        DataType::Int16 => Value::Int(i64::from(bits as i16)),
        DataType::Int32 => Value::Int(i64::from(bits as i32)),
        DataType::Int64 => Value::Int(bits as i64),
        DataType::UInt8 => Value::UInt(u64::from(bits as u8)),
        DataType::UInt16 => Value::UInt(u64::from(bits as u16)),
        DataType::UInt32 => Value::UInt(u64::from(bits as u32)),
        DataType::UInt64 => Value::UInt(bits),
        DataType::Float32 => Value::Float32(match style.course {
            4 => f32::from_bits(bits as u32),
            _ => bits as f32 / 4.0,
        }),
        DataType::Float64 => Value::Float64(match style.course {
            4 => f64::from_bits(bits),
            _ => bits as f64 / 100.0,
        }),
        DataType::Decimal => Value::Decimal(decimal(bits, random)),
        DataType::Timestamp => Value::Timestamp(bits as i64),
        DataType::Duration => Value::Duration(bits as i64),
        DataType::Bytes => Value::Bytes(random.bytes(bits, bytes_max)),
        DataType::Json => Value::Json(format!("{{\"n\":{bits}}}")),
        _ => Value::String(text(bits, bytes_max)),
    }
}

fn decimal(bits: u64, random: &mut Random) -> rust_decimal::Decimal {
    let scale = if bits > 1 << 32 { random.below(29) as u32 } else { 2 };
    rust_decimal::Decimal::from_parts(bits as u32, (bits >> 32) as u32, 0, bits & 1 == 1, scale)
}

fn text(bits: u64, bytes_max: u64) -> String {
    let mut text = format!("värld-{bits}");
    let whole = (bits % (bytes_max + 1)) as usize;
    while text.len() < whole {
        text.push_str(" und so weiter");
    }
    text
}

/// A short sequence that looks random (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// Anything, the ends of the range rather more often than chance would have it.
    fn extreme(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => (1 << 63) - 1,
            4 => self.next() >> 40,
            _ => self.next(),
        }
    }

    fn bytes(&mut self, bits: u64, bytes_max: u64) -> Vec<u8> {
        let count = bits % (bytes_max + 1);
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_rows_share_an_id() {
        let mut seen = BTreeSet::new();
        for (uid, part, index) in [(1, 0, 0), (1, 0, 1), (1, 1, 0), (2, 0, 0), (2, 0, 65_535)] {
            let row = Shape::Narrow.row(uid, part, index, 9);
            let [Value::UInt(id)] = row[..] else { panic!("{row:?}") };
            assert!(seen.insert(id), "{uid} {part} {index}");
        }
    }

    #[test]
    fn rows_have_as_many_values_as_their_shape_has_fields() {
        for shape in Shape::ALL {
            for fill in 0..100 {
                let row = shape.row(3, 0, 5, fill);
                assert_eq!(row.len(), shape.fields().len());
                assert_eq!(row, shape.row(3, 0, 5, fill), "the same row twice");
            }
        }
    }
}
