//! redb: one table from the row's number to the row in the compact codec.
//!
//! `Disk` is `Durability::Immediate`. `Os` and `Memory` are `Durability::None`: redb has nothing
//! between, so in an `Os` row it does less than srdb. Closing commits once more with `Immediate`,
//! since srdb's close leaves everything synced too. There is no group commit: a write transaction
//! waits for the one before it.

use std::ops::Range;
use std::path::Path;

use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition,
};

use super::{Engine, Level, Reader, Writer};
use crate::{Digest, Result, Workload, codec};

const LOG: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("log");

struct Redb {
    database: Database,
    durability: Durability,
}

pub(super) fn open(dir: &Path, level: Level) -> Result<Box<dyn Engine>> {
    let database = Database::create(dir.join("log.redb"))?;
    let durability = if level == Level::Disk { Durability::Immediate } else { Durability::None };
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::None)?;
    transaction.open_table(LOG)?;
    transaction.commit()?;
    Ok(Box::new(Redb { database, durability }))
}

impl Redb {
    fn table(&self) -> Result<ReadOnlyTable<i64, &'static [u8]>> {
        Ok(self.database.begin_read()?.open_table(LOG)?)
    }
}

impl Engine for Redb {
    fn writer(&self) -> Result<Box<dyn Writer + '_>> {
        Ok(Box::new(RedbWriter { engine: self, buffer: Vec::new() }))
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>> {
        Ok(Box::new(RedbReader(self.table()?)))
    }

    fn count(&self) -> Result<u64> {
        Ok(self.table()?.len()?)
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.database.begin_write()?.commit()?;
        Ok(())
    }
}

struct RedbWriter<'e> {
    engine: &'e Redb,
    buffer: Vec<u8>,
}

impl Writer for RedbWriter<'_> {
    fn commit(&mut self, workload: &Workload, range: Range<usize>) -> Result<()> {
        let mut transaction = self.engine.database.begin_write()?;
        transaction.set_durability(self.engine.durability)?;
        let mut table = transaction.open_table(LOG)?;
        let last = table.last()?.map_or(0, |(number, _)| number.value());
        for (number, at) in (last + 1..).zip(range) {
            codec::encode(&workload.row(at), &mut self.buffer)?;
            table.insert(number, self.buffer.as_slice())?;
        }
        drop(table);
        Ok(transaction.commit()?)
    }
}

struct RedbReader(ReadOnlyTable<i64, &'static [u8]>);

impl Reader for RedbReader {
    fn get(&mut self, number: i64, digest: &mut Digest) -> Result<()> {
        let row = self.0.get(number)?.ok_or_else(|| format!("no row {number}"))?;
        digest.add(&codec::decode(row.value())?);
        Ok(())
    }

    fn scan(&mut self, numbers: Range<i64>, digest: &mut Digest) -> Result<()> {
        for entry in self.0.range(numbers)? {
            digest.add(&codec::decode(entry?.1.value())?);
        }
        Ok(())
    }
}
