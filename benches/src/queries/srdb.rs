//! srdb, asked by its query builder.

use std::path::Path;

use srdb::ValueRef::{Bool, Str};
use srdb::{
    DataType, Database, Durability, Field, RowChunk, Schema, Table, Value, ValueRef, agg, col,
};

use super::{Answer, BATCH, Engine, WINDOW};
use crate::engines::srdb::{add, append_at};
use crate::{Digest, Fault, Result, RowRef, Workload};

pub(super) struct Srdb {
    _database: Database,
    table: Table,
}

impl Srdb {
    pub(super) fn fill(dir: &Path, workload: &Workload) -> Result<Srdb> {
        let database = Database::open(dir.join("db"))?;
        let schema = Schema::new([
            Field::new("ts", DataType::Timestamp),
            Field::new("device", DataType::String).indexed(),
            Field::new("region", DataType::String),
            Field::new("temperature", DataType::Float64),
            Field::new("humidity", DataType::Float64),
            Field::new("status", DataType::Int32),
            Field::new("ok", DataType::Bool),
            Field::new("message", DataType::String),
        ])?;
        let table = database.create_table("log", schema)?;
        let mut appender = table.appender();
        for at in 0..workload.len() {
            let row = workload.row(at);
            append_at(ValueRef::Timestamp(row.ts * 1000), &mut appender, &row)?;
            if at % BATCH == BATCH - 1 {
                appender.commit_with(Durability::Os)?;
            }
        }
        appender.commit_with(Durability::Os)?;
        database.flush()?;
        Ok(Srdb { _database: database, table })
    }
}

/// Adds the rows of a chunk to the digest.
fn add_chunk(chunk: &RowChunk, digest: &mut Digest) -> Result<()> {
    let no = |name: &str| Fault::from(format!("column {name} is of another type"));
    let ints = |at: usize| chunk.column(at).as_i64().ok_or_else(|| no(chunk.column(at).name()));
    let floats = |at: usize| chunk.column(at).as_f64().ok_or_else(|| no(chunk.column(at).name()));
    let (ts, status) = (ints(0)?, ints(5)?);
    let (temperature, humidity) = (floats(3)?, floats(4)?);
    let [device, region, ok, message] = [1, 2, 6, 7].map(|at| chunk.column(at));
    for row in 0..chunk.len() {
        let values = (device.value(row)?, region.value(row)?, ok.value(row)?, message.value(row)?);
        let (Str(device), Str(region), Bool(ok), Str(message)) = values else {
            return Err(Fault::from(format!("a row holds {values:?}")));
        };
        digest.add(&RowRef {
            ts: ts[row] / 1000,
            device,
            region,
            temperature: temperature[row],
            humidity: humidity[row],
            status: i32::try_from(status[row])?,
            ok,
            message,
        });
    }
    Ok(())
}

impl Engine for Srdb {
    fn of_device(&self, device: &str, digest: &mut Digest) -> Result<()> {
        for chunk in self.table.query().filter(col("device").eq(device)).chunks()? {
            add_chunk(&chunk?, digest)?;
        }
        Ok(())
    }

    fn rows_of_device(&self, device: &str, digest: &mut Digest) -> Result<()> {
        for row in self.table.query().filter(col("device").eq(device)).rows()? {
            add(&row?, digest)?;
        }
        Ok(())
    }

    fn warmer(&self, region: &str, temperature: f64) -> Result<u64> {
        let filter = col("temperature").gt(temperature).and(col("region").eq(region));
        Ok(self.table.query().filter(filter).count()?)
    }

    fn containing(&self, word: &str) -> Result<u64> {
        Ok(self.table.query().filter(col("message").contains(word)).count()?)
    }

    fn by_minute(&self) -> Result<Answer> {
        let query = self.table.query().group_by(["region"]);
        let window = std::time::Duration::from_micros(WINDOW.unsigned_abs());
        let query = query.window("ts", window).aggregate([
            agg::count(),
            agg::max("temperature"),
            agg::min("humidity"),
        ]);
        let mut answer = Answer::default();
        for row in query.rows()? {
            let row = row?;
            match row.values() {
                [_, _, Value::Int(count), Value::Float64(most), Value::Float64(least)] => {
                    answer.group(*count, *most, *least);
                }
                _ => return Err(Fault::from(format!("a group is {row:?}"))),
            }
        }
        Ok(answer)
    }
}
