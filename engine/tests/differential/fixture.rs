//! A table of every type, and the same rows in SQLite.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use srdb::vfs::{CrashChoice, MemClock, MemDisk};
use srdb::{Background, DataType, Database, Decimal, Durability, Job, Table, Value};

use crate::random::{Random, schema, to_row};
use crate::sql::{Sql, key, native};

pub(crate) struct Fixture {
    db: Database,
    pub(crate) table: Table,
    sqlite: Connection,
    pub(crate) rows: usize,
    pub(crate) values: Vec<Vec<Value>>,
    /// `_time` of the first row and the last.
    pub(crate) times: (i64, i64),
    /// By field: whether SQLite has all of its values as they are.
    pub(crate) native: Vec<bool>,
    /// By field: whether all of its values are numbers that can be added up without coming near the
    /// ends of the floats, and are in one column of SQLite; NaN aside.
    pub(crate) moderate: Vec<bool>,
    /// By field: whether no value has a NUL, at which SQLite's `like` stops.
    pub(crate) like: Vec<bool>,
}

fn open(disk: &MemDisk, clock: &MemClock, random: &mut Random) -> Database {
    Database::builder("/db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(clock.clone()))
        .background(Background::Manual)
        .block_rows(random.one_of(&[16, 64, 64, 256, 2048]))
        .durability(Durability::Memory)
        .open()
        .expect("a database")
}

impl Fixture {
    pub(crate) fn new(random: &mut Random) -> Fixture {
        let most = random.one_of(&[40, 300, 300, 300, 300, 1000, 1000, 4000]);
        let mut rows = {
            let count = random.below(most);
            random.rows(count)
        };
        match random.below(3) {
            0 => rows.iter_mut().flatten().for_each(moderate),
            // SQLite has most of these values as they are: fewer translations.
            1 => rows.iter_mut().flatten().for_each(tame),
            _ => {}
        }
        let (mut disk, clock) = (MemDisk::new(), MemClock::new(1_000_000, 10));
        let mut db = open(&disk, &clock, random);
        let indexed = random.below(3);
        db.create_table("t", schema(indexed == 1)).expect("a table");
        let parts = 1 + random.below(5);
        for part in rows.chunks(rows.len().div_ceil(parts).max(1)) {
            let table = db.table("t").expect("the table");
            for commit in part.chunks(50) {
                table.insert_many(commit.iter().map(|row| to_row(row))).expect("rows");
            }
            for data_type in DataType::ALL {
                if indexed == 2 && random.chance(6) {
                    // It may have one already.
                    let _ = table.create_index(data_type.name());
                }
            }
            drop(table);
            match random.below(6) {
                0..3 => db.flush().expect("a flush"),
                3 => {
                    db.close().expect("a clean close");
                    db = open(&disk, &clock, random);
                }
                4 => {
                    db.sync().expect("a sync");
                    disk = disk.crash_image(&CrashChoice::drop_all());
                    db = open(&disk, &clock, random);
                }
                _ => {}
            }
            for _ in 0..random.below(40) {
                db.step(Job::BuildIndex).expect("a step");
            }
        }
        let table = db.table("t").expect("the table");
        let has = |test: fn(&Value) -> bool| {
            let of = |field: usize| rows.iter().all(|row| test(&row[field]));
            (0..DataType::ALL.len()).map(of).collect::<Vec<bool>>()
        };
        let native = has(|value| native(value).is_some());
        let like = has(|value| match value {
            Value::String(text) | Value::Json(text) => !text.contains('\0'),
            value => value.is_null(),
        });
        let moderate = has(|value| match value {
            Value::Float32(float) => float.is_nan() || float.abs() < 1e30,
            Value::Float64(float) => float.is_nan() || float.abs() < 1e100,
            Value::Decimal(decimal) => scaled(*decimal).is_some(),
            value => self::native(value).is_some(),
        });
        let (sqlite, times) = load(&table);
        let (count, values) = (rows.len(), rows);
        Fixture { db, table, sqlite, rows: count, values, times, native, moderate, like }
    }

    pub(crate) fn close(self) {
        self.db.close().expect("a clean close");
    }

    /// A value as SQLite gives it back: as it is, or its key.
    pub(crate) fn stored(&self, field: &str, value: &Value) -> Stored {
        let at = DataType::ALL.iter().position(|t| t.name() == field).expect("a field");
        let stored = if self.native[at] { native(value) } else { None };
        stored.unwrap_or_else(|| key(value).map_or(Stored::Null, Stored::Text))
    }

    /// The numbers of the rows that SQLite finds, and the other columns that are asked for.
    pub(crate) fn sqlite(&self, sql: &Sql) -> Vec<(i64, Vec<Stored>)> {
        let failed = |error| -> ! { panic!("{error}: {sql:?}") };
        let mut select = self.sqlite.prepare(&sql.text).unwrap_or_else(|e| failed(e));
        let columns = select.column_count();
        let params = rusqlite::params_from_iter(&sql.params);
        let rows = select.query_map(params, |row| {
            let values = (1..columns).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            Ok((row.get(0)?, values))
        });
        let rows = rows.unwrap_or_else(|e| failed(e));
        rows.collect::<Result<_, _>>().unwrap_or_else(|e| failed(e))
    }
}

fn tame(value: &mut Value) {
    moderate(value);
    match value {
        Value::UInt(int) => *int &= i64::MAX as u64,
        Value::Float32(float) if float.is_nan() => *float = 3.25,
        Value::Float64(float) if float.is_nan() => *float = -7.5e-9,
        Value::String(text) => *text = text.replace('\0', "_"),
        _ => {}
    }
}

fn moderate(value: &mut Value) {
    match value {
        Value::Float32(float) if float.abs() >= 1e30 => *float = 1e9,
        Value::Float64(float) if float.abs() >= 1e100 => *float = -1e12,
        Value::Decimal(decimal) if scaled(*decimal).is_none() => {
            let rounded = decimal.round_dp(SCALE);
            *decimal = if scaled(rounded).is_some() { rounded } else { Decimal::new(123_456, 3) };
        }
        _ => {}
    }
}

/// Digits of a decimal behind the point that an integer of SQLite holds.
pub(crate) const SCALE: u32 = 4;

/// So many times ten times the decimal, if that is an integer.
fn scaled(decimal: Decimal) -> Option<i64> {
    let decimal = decimal.normalize();
    let missing = SCALE.checked_sub(decimal.scale())?;
    i64::try_from(decimal.mantissa().checked_mul(10_i128.pow(missing))?).ok()
}

/// The rows of the table, as srdb gives them one by one, in SQLite.
fn load(table: &Table) -> (Connection, (i64, i64)) {
    let sqlite = Connection::open_in_memory().expect("SQLite");
    let names = DataType::ALL.map(DataType::name);
    let keys = names.map(|name| format!("\"{name}_key\""));
    let names = names.map(|name| format!("\"{name}\""));
    let marks = vec!["?"; 3 + 2 * names.len()].join(", ");
    let (names, keys) = (names.join(", "), keys.join(", "));
    sqlite
        .execute_batch(&format!(
            "pragma case_sensitive_like = on;
             create table t (_seq integer primary key, _time, {names}, {keys}, decimal_scaled);
             begin;"
        ))
        .expect("a table");
    let mut insert = sqlite.prepare(&format!("insert into t values ({marks})")).expect("SQL");
    let mut times: Option<(i64, i64)> = None;
    for row in table.scan(..).expect("a scan") {
        let row = row.expect("a row");
        times = Some((times.map_or(row.time(), |times| times.0), row.time()));
        let own = [Stored::Integer(row.seq()), Stored::Integer(row.time())].into_iter();
        let values = row.values().iter().map(|value| native(value).unwrap_or(Stored::Null));
        let keys = row.values().iter().map(|value| key(value).map_or(Stored::Null, Stored::Text));
        let decimal = row.get(DataType::Decimal.name()).and_then(|value| match value {
            Value::Decimal(decimal) => scaled(*decimal),
            _ => None,
        });
        let decimal = [decimal.map_or(Stored::Null, Stored::Integer)];
        let all = own.chain(values).chain(keys).chain(decimal);
        insert.execute(rusqlite::params_from_iter(all)).expect("a row");
    }
    drop(insert);
    sqlite.execute_batch("commit").expect("a commit");
    (sqlite, times.unwrap_or_default())
}
