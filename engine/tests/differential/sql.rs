//! srdb's values and conditions in SQL, for SQLite.
//!
//! | srdb | SQLite |
//! |---|---|
//! | bool | 0, 1 |
//! | integers, timestamp, duration | integer, where it fits into 64 bits with a sign |
//! | float32, float64 | real, but for NaN |
//! | string, json | text |
//! | bytes | blob |
//! | every number once more: decimals, large uint64, NaN | [`key`]: a text in their order |
//!
//! A column is compared as it is where all of its values, and what it is compared with, are of the
//! upper rows; else by its keys. Columns have no declared type, so that SQLite converts nothing.

use rusqlite::types::Value as Stored;
use srdb::{DataType, Value};

use crate::fixture::Fixture;
use crate::model::{Condition, Op, Part, SEQ};

/// A statement or a part of one, with a value for each `?`.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) params: Vec<Stored>,
}

impl Sql {
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(crate) fn append(&mut self, other: Sql) {
        self.text.push_str(&other.text);
        self.params.extend(other.params);
    }

    fn value(&mut self, value: Stored) {
        self.text.push('?');
        self.params.push(value);
    }
}

/// The value as SQLite has it; `None` if it has no such value.
pub(crate) fn native(value: &Value) -> Option<Stored> {
    Some(match value {
        Value::Null => Stored::Null,
        Value::Bool(value) => Stored::Integer((*value).into()),
        Value::Int(int) | Value::Timestamp(int) | Value::Duration(int) => Stored::Integer(*int),
        Value::UInt(int) => Stored::Integer(i64::try_from(*int).ok()?),
        Value::Float32(float) if !float.is_nan() => Stored::Real((*float).into()),
        Value::Float64(float) if !float.is_nan() => Stored::Real(*float),
        Value::String(text) | Value::Json(text) => Stored::Text(text.clone()),
        Value::Bytes(bytes) => Stored::Blob(bytes.clone()),
        _ => return None,
    })
}

/// A number as a text, such that texts are in the order of their numbers.
///
/// ```text
/// -      -infinity
/// 0…~    below zero: as above it, each digit taken from 9
/// 1      not below zero: how many digits stand before the point, in three digits; those digits;
///        those behind the point
/// 2      infinity
/// 3      NaN
/// ```
pub(crate) fn key(value: &Value) -> Option<String> {
    let float = match value {
        Value::Float32(float) => Some(f64::from(*float)),
        Value::Float64(float) => Some(*float),
        _ => None,
    };
    let text = match (value, float) {
        (_, Some(float)) if float.is_nan() => return Some("3".to_owned()),
        (_, Some(f64::INFINITY)) => return Some("2".to_owned()),
        (_, Some(f64::NEG_INFINITY)) => return Some("-".to_owned()),
        (_, Some(float)) => format!("{float:.1074}"),
        (Value::Bool(_) | Value::String(_) | Value::Json(_) | Value::Bytes(_) | Value::Null, _) => {
            return None;
        }
        (Value::Int(int) | Value::Timestamp(int) | Value::Duration(int), _) => int.to_string(),
        (Value::UInt(int), _) => int.to_string(),
        (Value::Decimal(decimal), _) => decimal.to_string(),
        (other, _) => panic!("{other:?} is new"),
    };
    let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |t| (true, t));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{:03}{whole}{fraction}", whole.len());
    if !negative || digits.bytes().skip(3).all(|digit| digit == b'0') {
        return Some(format!("1{digits}"));
    }
    let turned: String = digits.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect();
    Some(format!("0{turned}~"))
}

/// A field's name as SQL has it.
pub(crate) fn name(field: usize) -> &'static str {
    if field == SEQ { "_seq" } else { DataType::ALL[field].name() }
}

/// The column to compare with these values, and the values as they are in it.
fn column(fixture: &Fixture, field: usize, values: &[&Value]) -> (String, Vec<Stored>) {
    let stored: Option<Vec<Stored>> = values.iter().map(|value| native(value)).collect();
    match stored {
        Some(stored) if field == SEQ || fixture.native[field] => {
            (format!("\"{}\"", name(field)), stored)
        }
        _ => {
            let key = |value: &&Value| key(value).map_or(Stored::Null, Stored::Text);
            (format!("\"{}_key\"", name(field)), values.iter().map(key).collect())
        }
    }
}

/// The column that is in the order of the field's values.
pub(crate) fn ordered(fixture: &Fixture, field: usize) -> String {
    column(fixture, field, &[]).0
}

/// The condition.
pub(crate) fn condition(condition: &Condition, fixture: &Fixture) -> Sql {
    let mut sql = Sql::default();
    let not = |negated: &bool| if *negated { "not " } else { "" };
    match condition {
        Condition::Compare(field, op, value) => {
            let (column, mut values) = column(fixture, *field, &[value]);
            let op = match op {
                Op::Eq => "=",
                Op::Ne => "<>",
                Op::Lt => "<",
                Op::Le => "<=",
                Op::Gt => ">",
                Op::Ge => ">=",
            };
            sql.push(&format!("{column} {op} "));
            sql.value(values.remove(0));
        }
        Condition::Between(field, low, high, negated) => {
            let (column, values) = column(fixture, *field, &[low, high]);
            sql.push(&format!("{column} {}between ? and ?", not(negated)));
            sql.params = values;
        }
        Condition::In(field, values, negated) => {
            let (column, values) = column(fixture, *field, &values.iter().collect::<Vec<_>>());
            let marks = vec!["?"; values.len()].join(", ");
            sql.push(&format!("{column} {}in ({marks})", not(negated)));
            sql.params = values;
        }
        Condition::Part(field, part, value, negated) => {
            sql.push(not(negated));
            sql.append(part_of(name(*field), *part, value));
        }
        Condition::IsNull(field, negated) => {
            sql.push(&format!("{} is {}null", ordered(fixture, *field), not(negated)));
        }
        Condition::And(parts) => {
            sql = joined(parts.iter().map(|part| self::condition(part, fixture)), "and");
        }
        Condition::Or(parts) => {
            sql = joined(parts.iter().map(|part| self::condition(part, fixture)), "or");
        }
        Condition::Not(inner) => {
            sql.push("not (");
            sql.append(self::condition(inner, fixture));
            sql.push(")");
        }
    }
    sql
}

/// `(a) and (b)`; of nothing, what leaves the rest as it is.
pub(crate) fn joined(parts: impl Iterator<Item = Sql>, word: &str) -> Sql {
    let mut sql = Sql::default();
    for (at, part) in parts.enumerate() {
        sql.push(&if at > 0 { format!(" {word} (") } else { "(".to_owned() });
        sql.append(part);
        sql.push(")");
    }
    if sql.text.is_empty() {
        sql.push(if word == "and" { "true" } else { "false" });
    }
    sql
}

/// SQLite's `like` stops at a NUL, and its `substr` takes no empty blob: both are asked of the
/// hexadecimal digits.
fn part_of(field: &str, part: Part, value: &Value) -> Sql {
    let bytes: &[u8] = match value {
        Value::String(text) | Value::Json(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        other => panic!("{other:?} is no part of a text"),
    };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let mut sql = Sql::default();
    let like = |pattern: String| {
        format!(
            "(case when \"{field}\" is null then null else hex(\"{field}\") like '{pattern}' end)"
        )
    };
    match part {
        Part::StartsWith => sql.push(&like(format!("{hex}%"))),
        Part::EndsWith => sql.push(&like(format!("%{hex}"))),
        Part::Contains | Part::Matches => {
            sql.push(&format!("instr(\"{field}\", "));
            sql.params.extend(native(value));
            sql.push("?) > 0");
        }
    }
    sql
}
