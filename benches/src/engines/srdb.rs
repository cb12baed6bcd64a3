//! srdb, as its users see it: appenders, borrowed rows of scans, owned rows of gets.

use std::ops::Range;
use std::path::Path;

use ::srdb::{
    Appender, DataType, Database, Durability, Field, Row, Schema, Table, Value, ValueRef,
};

use super::{Engine, Level, Reader, Tuning, Writer};
use crate::{Digest, Fault, Result, RowRef, Workload};

const TABLE: &str = "log";

struct Srdb {
    database: Database,
    table: Table,
    durability: Durability,
}

/// The workload's schema.
pub fn schema() -> ::srdb::Result<Schema> {
    Schema::new([
        Field::new("ts", DataType::Int64).comment("µs since the epoch"),
        Field::new("device", DataType::String),
        Field::new("region", DataType::String),
        Field::new("temperature", DataType::Float64),
        Field::new("humidity", DataType::Float64),
        Field::new("status", DataType::Int32),
        Field::new("ok", DataType::Bool),
        Field::new("message", DataType::String),
    ])
}

pub(super) fn open(dir: &Path, level: Level, tuning: Tuning) -> Result<Box<dyn Engine>> {
    let mut builder = Database::builder(dir.join("db"));
    if tuning == Tuning::KeepLog {
        builder = builder.memtable_bytes(1 << 30);
    }
    let database = builder.open()?;
    let table = match database.table(TABLE) {
        Ok(table) => table,
        Err(::srdb::Error::NoTable { .. }) => database.create_table(TABLE, schema()?)?,
        Err(error) => return Err(error.into()),
    };
    let durability = match level {
        Level::Memory => Durability::Memory,
        Level::Os => Durability::Os,
        Level::Disk => Durability::Disk,
    };
    Ok(Box::new(Srdb { database, table, durability }))
}

impl Engine for Srdb {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(SrdbWriter { appender: self.table.appender(), durability: self.durability }))
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>> {
        Ok(Box::new(SrdbReader(self.table.clone())))
    }

    fn count(&self) -> Result<u64> {
        Ok(self.table.count())
    }

    fn close(self: Box<Self>) -> Result<()> {
        Ok(self.database.close()?)
    }
}

struct SrdbWriter {
    appender: Appender,
    durability: Durability,
}

impl Writer for SrdbWriter {
    fn commit(&mut self, workload: &Workload, range: Range<usize>) -> Result<()> {
        for row in range.map(|at| workload.row(at)) {
            append(&mut self.appender, &row)?;
        }
        self.appender.commit_with(self.durability)?;
        Ok(())
    }
}

/// Adds a row of the workload to an appender of its table.
pub fn append(appender: &mut Appender, row: &RowRef<'_>) -> ::srdb::Result<()> {
    append_at(row.ts.into(), appender, row)
}

/// The same with its moment as the table has it.
pub(crate) fn append_at(
    moment: ValueRef<'_>,
    appender: &mut Appender,
    row: &RowRef<'_>,
) -> ::srdb::Result<()> {
    appender.append_row(&[
        moment,
        row.device.into(),
        row.region.into(),
        row.temperature.into(),
        row.humidity.into(),
        row.status.into(),
        row.ok.into(),
        row.message.into(),
    ])
}

/// Adds a row of all fields. Its moment is a number of µs, or a timestamp.
pub(crate) fn add(row: &Row, digest: &mut Digest) -> Result<()> {
    let [
        moment,
        Value::String(device),
        Value::String(region),
        Value::Float64(temperature),
        Value::Float64(humidity),
        Value::Int(status),
        Value::Bool(ok),
        Value::String(message),
    ] = row.values()
    else {
        return Err(Fault::from(format!("a row is {row:?}")));
    };
    let ts = match moment {
        Value::Int(us) => *us,
        Value::Timestamp(ns) => ns / 1000,
        other => return Err(Fault::from(format!("the moment of a row is {other:?}"))),
    };
    digest.add(&RowRef {
        ts,
        device,
        region,
        temperature: *temperature,
        humidity: *humidity,
        status: i32::try_from(*status)?,
        ok: *ok,
        message,
    });
    Ok(())
}

struct SrdbReader(Table);

impl Reader for SrdbReader {
    fn get(&mut self, number: i64, digest: &mut Digest) -> Result<()> {
        let row = self.0.get(number)?.ok_or_else(|| format!("no row {number}"))?;
        add(&row, digest)
    }

    fn scan(&mut self, numbers: Range<i64>, digest: &mut Digest) -> Result<()> {
        let mut scan = self.0.scan(numbers)?;
        while let Some(row) = scan.next_ref() {
            let row = row?;
            let other =
                |at: usize| Fault::from(format!("field {at} of {row:?} is of another type"));
            macro_rules! value {
                ($at:literal, $kind:ident) => {
                    match row.value($at)? {
                        ValueRef::$kind(value) => value,
                        _ => return Err(other($at)),
                    }
                };
            }
            let (ts, device, region) = (value!(0, Int), value!(1, Str), value!(2, Str));
            let (temperature, humidity) = (value!(3, Float64), value!(4, Float64));
            let (status, ok, message) = (value!(5, Int), value!(6, Bool), value!(7, Str));
            let status = i32::try_from(status)?;
            digest.add(&RowRef { ts, device, region, temperature, humidity, status, ok, message });
        }
        Ok(())
    }
}
