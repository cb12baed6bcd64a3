//! How much of a table is kept: limits, as its users give them and as the MANIFEST records them.
//!
//! ```text
//! flags u8 · age u64 · field string · its age u64 · rows u64 · bytes u64
//! ```
//!
//! Invariant: decoding takes one form only. What has no flag is 0 or empty.
//!
//! What the limits come to for the rows of a table is for `retain/` to say.

use std::time::Duration;

use serde::Serialize;

use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::schema::Schema;
use crate::{DataType, Error, Result};

/// How much of a table is kept. The oldest rows beyond a limit are dropped, behind, for good; where
/// there are several limits, by the one that drops most. Without any, all rows are kept. See
/// [`crate::Table::set_retention`].
///
/// ```
/// use std::time::Duration;
/// use srdb::{Database, DataType, Field, Retention, Schema};
///
/// # fn main() -> srdb::Result<()> {
/// # let dir = tempfile::tempdir().expect("a temporary directory");
/// let db = Database::open(dir.path())?;
/// let logs = db.create_table("logs", Schema::new([Field::new("host", DataType::String)])?)?;
/// let month = Duration::from_secs(30 * 24 * 3600);
/// logs.set_retention(Retention::new().max_age(month).max_bytes(10 << 30))?;
/// assert_eq!(logs.retention().bytes(), Some(10 << 30));
/// # db.close()
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use = "limits do nothing before they are given to a table"]
pub struct Retention {
    max_age_ns: Option<u64>,
    max_age_of: Option<(String, u64)>,
    max_rows: Option<u64>,
    max_bytes: Option<u64>,
}

const AGE: u8 = 1;
const AGE_OF: u8 = 2;
const ROWS: u8 = 4;
const BYTES: u8 = 8;

fn ns(age: Duration) -> u64 {
    u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
}

impl Retention {
    /// No limits: all rows are kept.
    pub fn new() -> Self {
        Retention::default()
    }

    /// Rows that were stored longer ago are dropped. Ages beyond 584 years count as that.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age_ns = Some(ns(age));
        self
    }

    /// Rows whose value of a timestamp field lies further in the past are dropped; a row without a
    /// value is as old as it is stored. Rows go in the order in which they came, so one that is
    /// young enough keeps all those behind it.
    pub fn max_age_of(mut self, field: impl Into<String>, age: Duration) -> Self {
        self.max_age_of = Some((field.into(), ns(age)));
        self
    }

    /// All rows in SSTs but the newest so many are dropped.
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// The oldest SSTs are dropped as long as the table's SSTs and index files have more bytes,
    /// down to the newest SST.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// The limit set by [`Retention::max_age`].
    pub fn age(&self) -> Option<Duration> {
        self.max_age_ns.map(Duration::from_nanos)
    }

    /// The limit set by [`Retention::max_age_of`], with its field.
    pub fn age_of(&self) -> Option<(&str, Duration)> {
        self.max_age_of.as_ref().map(|(field, ns)| (field.as_str(), Duration::from_nanos(*ns)))
    }

    /// The limit set by [`Retention::max_rows`].
    pub fn rows(&self) -> Option<u64> {
        self.max_rows
    }

    /// The limit set by [`Retention::max_bytes`].
    pub fn bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// Whether there is no limit.
    pub fn is_unlimited(&self) -> bool {
        *self == Retention::default()
    }

    /// The shorter of the limits of age, ns.
    pub(crate) fn least_age_ns(&self) -> Option<u64> {
        let of = self.max_age_of.as_ref().map(|(_, ns)| *ns);
        self.max_age_ns.into_iter().chain(of).min()
    }

    /// The place in a schema of the field that has a limit, with the limit in ns.
    ///
    /// # Errors
    /// [`Error::NoField`], [`Error::TypeMismatch`] if it is no timestamp.
    pub(crate) fn place_of(&self, schema: &Schema, table: &str) -> Result<Option<(usize, u64)>> {
        let Some((name, age)) = &self.max_age_of else { return Ok(None) };
        let mut fields = schema.fields().iter();
        let Some(place) = fields.position(|field| field.name() == name) else {
            return Err(Error::NoField { table: table.to_owned(), field: name.clone() });
        };
        let data_type = schema.fields()[place].data_type();
        if data_type != DataType::Timestamp {
            let what = format!("rows of table {table:?} have an age by a timestamp only");
            return Err(Error::TypeMismatch {
                field: name.clone(),
                data_type: data_type.name(),
                what,
            });
        }
        Ok(Some((place, *age)))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let flag = |is_there: bool, flag: u8| if is_there { flag } else { 0 };
        out.put_u8(
            flag(self.max_age_ns.is_some(), AGE)
                | flag(self.max_age_of.is_some(), AGE_OF)
                | flag(self.max_rows.is_some(), ROWS)
                | flag(self.max_bytes.is_some(), BYTES),
        );
        let (field, age) = self.max_age_of.as_ref().map_or(("", 0), |(f, age)| (f.as_str(), *age));
        out.put_u64(self.max_age_ns.unwrap_or(0));
        out.put_blob(field.as_bytes());
        out.put_u64(age);
        out.put_u64(self.max_rows.unwrap_or(0));
        out.put_u64(self.max_bytes.unwrap_or(0));
    }

    /// The mirror of [`Retention::put`].
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let flags = reader.u8()?;
        let (age, field, age_of) = (reader.u64()?, reader.text()?.to_owned(), reader.u64()?);
        let (rows, bytes) = (reader.u64()?, reader.u64()?);
        let has = |flag: u8| flags & flag != 0;
        let read = Retention {
            max_age_ns: has(AGE).then_some(age),
            max_age_of: has(AGE_OF).then_some((field, age_of)),
            max_rows: has(ROWS).then_some(rows),
            max_bytes: has(BYTES).then_some(bytes),
        };
        let is_one = flags < 16
            && (has(AGE) || age == 0)
            && (has(AGE_OF) || age_of == 0)
            && (has(ROWS) || rows == 0)
            && (has(BYTES) || bytes == 0);
        if !is_one {
            return Err(reader.damage(format!("limits with flags {flags:#x} that can't be")));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_in_one_form() {
        let all = Retention::new().max_age(Duration::from_nanos(1));
        let all = all.max_age_of("at", Duration::MAX).max_rows(3).max_bytes(4);
        for retention in [Retention::new(), all.clone(), Retention::new().max_rows(0)] {
            let mut bytes = Vec::new();
            retention.put(&mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(Retention::read(&mut reader), Ok(retention));
            assert!(reader.finish().is_ok());
        }
        assert_eq!(all.age_of(), Some(("at", Duration::from_nanos(u64::MAX))));
        let mut bytes = Vec::new();
        all.put(&mut bytes);
        for flags in (0..15).chain([16, 31]) {
            bytes[0] = flags;
            assert!(Retention::read(&mut Reader::new(&bytes)).is_err(), "flags {flags}");
        }
    }
}
