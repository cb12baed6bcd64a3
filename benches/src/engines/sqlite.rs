//! SQLite as it is used where speed matters: WAL mode, an exclusive lock, the whole file mapped,
//! prepared statements, the row's number as rowid.
//!
//! `Os` and `Memory` are `synchronous=OFF`, `Disk` is `synchronous=FULL`, which syncs the log at
//! each commit. There is no group commit: writers take turns on one connection, which is faster
//! than a connection each and waiting for locks.

use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, params};

use super::{Engine, Level, Reader, Tuning, Writer};
use crate::{Digest, Result, RowRef, Workload};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS log (
    number INTEGER PRIMARY KEY, ts INTEGER NOT NULL, device TEXT NOT NULL, region TEXT NOT NULL,
    temperature REAL NOT NULL, humidity REAL NOT NULL, status INTEGER NOT NULL,
    ok INTEGER NOT NULL, message TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)";
const GET: &str = "SELECT ts, device, region, temperature, humidity, status, ok, message
    FROM log WHERE number = ?";
const SCAN: &str = "SELECT ts, device, region, temperature, humidity, status, ok, message
    FROM log WHERE number >= ? AND number < ? ORDER BY number";

struct Sqlite {
    connection: Mutex<Connection>,
}

pub(super) fn open(dir: &Path, level: Level, tuning: Tuning) -> Result<Box<dyn Engine>> {
    let connection = Connection::open(dir.join("log.sqlite"))?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = if level == Level::Disk { "FULL" } else { "OFF" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 31)?;
    if tuning == Tuning::KeepLog {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    connection.execute_batch(CREATE)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(Box::new(Sqlite { connection: Mutex::new(connection) }))
}

impl Sqlite {
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        work(&mut self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for Sqlite {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(SqliteWriter(self)))
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>> {
        Ok(Box::new(SqliteReader(self)))
    }

    fn count(&self) -> Result<u64> {
        self.with(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM log", [], |row| row.get::<_, i64>(0))?)
        })
        .map(i64::unsigned_abs)
    }

    fn close(self: Box<Self>) -> Result<()> {
        let connection = self.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Closing the last connection moves the log into the database file.
        connection.close().map_err(|(_, error)| error.into())
    }
}

struct SqliteWriter<'e>(&'e Sqlite);

impl Writer for SqliteWriter<'_> {
    fn commit(&mut self, workload: &Workload, range: Range<usize>) -> Result<()> {
        self.0.with(|connection| {
            let insert = |connection: &Connection| -> Result<()> {
                let mut insert = connection.prepare_cached(INSERT)?;
                for RowRef { ts, device, region, temperature, humidity, status, ok, message } in
                    range.clone().map(|at| workload.row(at))
                {
                    insert.execute(params![
                        ts,
                        device,
                        region,
                        temperature,
                        humidity,
                        status,
                        ok,
                        message
                    ])?;
                }
                Ok(())
            };
            if range.len() == 1 {
                // A statement on its own is a transaction, and the cheapest one.
                return insert(connection);
            }
            let transaction = connection.transaction()?;
            insert(&transaction)?;
            Ok(transaction.commit()?)
        })
    }
}

/// Holds the lock for each call only; there is no one else to wait for.
struct SqliteReader<'e>(&'e Sqlite);

/// Adds a row of all columns but the number.
pub(crate) fn add(row: &Row<'_>, digest: &mut Digest) -> Result<()> {
    digest.add(&RowRef {
        ts: row.get_ref(0)?.as_i64()?,
        device: row.get_ref(1)?.as_str()?,
        region: row.get_ref(2)?.as_str()?,
        temperature: row.get_ref(3)?.as_f64()?,
        humidity: row.get_ref(4)?.as_f64()?,
        status: i32::try_from(row.get_ref(5)?.as_i64()?)?,
        ok: row.get_ref(6)?.as_i64()? != 0,
        message: row.get_ref(7)?.as_str()?,
    });
    Ok(())
}

impl Reader for SqliteReader<'_> {
    fn get(&mut self, number: i64, digest: &mut Digest) -> Result<()> {
        self.0.with(|connection| {
            let mut select = connection.prepare_cached(GET)?;
            let mut rows = select.query([number])?;
            let row = rows.next()?.ok_or_else(|| format!("no row {number}"))?;
            add(row, digest)
        })
    }

    fn scan(&mut self, numbers: Range<i64>, digest: &mut Digest) -> Result<()> {
        self.0.with(|connection| {
            let mut select = connection.prepare_cached(SCAN)?;
            let mut rows = select.query([numbers.start, numbers.end])?;
            while let Some(row) = rows.next()? {
                add(row, digest)?;
            }
            Ok(())
        })
    }
}
