//! SQLite, asked in SQL: prepared statements, the whole file mapped.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Answer, Engine, WINDOW};
use crate::engines::sqlite::add;
use crate::engines::{Kind, Level, Tuning};
use crate::{Digest, Result, Workload};

pub(super) struct Sqlite(Connection);

impl Sqlite {
    pub(super) fn fill(dir: &Path, workload: &Workload) -> Result<Sqlite> {
        let engine = Kind::Sqlite.open(dir, Level::Os, Tuning::Usual)?;
        super::insert(&*engine, workload)?;
        engine.close()?;
        let connection = Connection::open(dir.join("log.sqlite"))?;
        connection.pragma_update(None, "mmap_size", 1_i64 << 31)?;
        connection.execute_batch("CREATE INDEX device ON log (device); ANALYZE")?;
        Ok(Sqlite(connection))
    }

    fn count(&self, sql: &str, params: impl rusqlite::Params) -> Result<u64> {
        let mut select = self.0.prepare_cached(sql)?;
        Ok(select.query_row(params, |row| row.get::<_, i64>(0))?.unsigned_abs())
    }
}

impl Engine for Sqlite {
    fn of_device(&self, device: &str, digest: &mut Digest) -> Result<()> {
        let mut select = self.0.prepare_cached(
            "SELECT ts, device, region, temperature, humidity, status, ok, message
             FROM log WHERE device = ?",
        )?;
        let mut rows = select.query([device])?;
        while let Some(row) = rows.next()? {
            add(row, digest)?;
        }
        Ok(())
    }

    fn warmer(&self, region: &str, temperature: f64) -> Result<u64> {
        let sql = "SELECT count(*) FROM log WHERE temperature > ? AND region = ?";
        self.count(sql, params![temperature, region])
    }

    fn containing(&self, word: &str) -> Result<u64> {
        self.count("SELECT count(*) FROM log WHERE instr(message, ?) > 0", [word])
    }

    fn by_minute(&self) -> Result<Answer> {
        let mut select = self.0.prepare_cached(
            "SELECT count(*), max(temperature), min(humidity) FROM log GROUP BY region, ts / ?",
        )?;
        let mut rows = select.query([WINDOW])?;
        let mut answer = Answer::default();
        while let Some(row) = rows.next()? {
            answer.group(row.get(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(answer)
    }
}
