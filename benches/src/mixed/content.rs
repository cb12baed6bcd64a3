//! Rows that say what has to be in them: everything follows from who wrote a row and its number.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use srdb::{DataType, Field, Row, Schema, Value, ValueRef};

use crate::vocabulary::WORDS;
use crate::{Fault, Result};

/// The table that has nearly all rows.
pub const LOG: &str = "log";

/// The table that gets a row together with some commits of the other.
pub const EVENTS: &str = "events";

/// The values of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Which writer wrote it.
    pub writer: i32,
    /// How many rows that writer had written before it.
    pub n: i64,
    /// One of a thousand, some far more often than others.
    pub device: String,
    /// A slow wave with noise, two decimals.
    pub temperature: f64,
    /// Mostly 0.
    pub status: i32,
    /// Five to twelve words.
    pub message: String,
}

impl Content {
    /// What row `n` of a writer holds.
    pub fn of(writer: i32, n: i64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64((writer as u64) << 48 ^ n as u64);
        let mut below = |end: u64| random.next_u64() % end;
        let share = below(1000);
        let device = format!("device-{:04}", share * share / 1000);
        let wave = 20.0 + 10.0 * (n as f64 / 5000.0).sin();
        let temperature = ((wave * 100.0).round() + below(50) as f64) / 100.0;
        let status = if below(10) > 0 { 0 } else { 1 + below(5) as i32 };
        let mut message = String::new();
        for at in 0..5 + below(8) {
            if at > 0 {
                message.push(' ');
            }
            message.push_str(WORDS[below(WORDS.len() as u64) as usize]);
        }
        Content { writer, n, device, temperature, status, message }
    }

    /// The values in the order of the fields.
    pub fn values(&self) -> [ValueRef<'_>; 6] {
        [
            self.writer.into(),
            self.n.into(),
            self.device.as_str().into(),
            self.temperature.into(),
            self.status.into(),
            self.message.as_str().into(),
        ]
    }

    /// Reads a row, and holds it to what it has to be.
    ///
    /// # Errors
    /// Where it is anything else.
    pub fn check(row: &Row) -> Result<(i32, i64)> {
        let (writer, n) = name_of(row)?;
        let expected = Content::of(writer, n);
        let found = row.values();
        let is_same = found.len() == 6
            && found[2] == Value::String(expected.device.clone())
            && found[3] == Value::Float64(expected.temperature)
            && found[4] == Value::Int(expected.status.into())
            && found[5] == Value::String(expected.message.clone());
        if !is_same {
            return Err(Fault::from(format!("row {} is {found:?}, not {expected:?}", row.seq())));
        }
        Ok((writer, n))
    }
}

/// Who wrote a row, and its number.
///
/// # Errors
/// Where it has no such fields.
pub fn name_of(row: &Row) -> Result<(i32, i64)> {
    match row.values() {
        [Value::Int(writer), Value::Int(n), ..] => Ok((i32::try_from(*writer)?, *n)),
        other => Err(Fault::from(format!("row {} is {other:?}", row.seq()))),
    }
}

/// The schema of [`LOG`].
///
/// # Errors
/// Never: it is a valid one.
pub fn log_schema() -> srdb::Result<Schema> {
    Schema::new([
        Field::new("writer", DataType::Int32),
        Field::new("n", DataType::Int64),
        Field::new("device", DataType::String).indexed(),
        Field::new("temperature", DataType::Float64),
        Field::new("status", DataType::Int32),
        Field::new("message", DataType::String),
    ])
}

/// The schema of [`EVENTS`].
///
/// # Errors
/// Never: it is a valid one.
pub fn events_schema() -> srdb::Result<Schema> {
    Schema::new([Field::new("writer", DataType::Int32), Field::new("n", DataType::Int64)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_its_name_says_and_rows_differ() {
        assert_eq!(Content::of(1, 7), Content::of(1, 7));
        assert_ne!(Content::of(1, 7).message, Content::of(2, 7).message);
        assert_ne!(Content::of(1, 7).message, Content::of(1, 8).message);
    }
}
