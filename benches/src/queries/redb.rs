//! redb: rows by number, numbers by device, and a loop for everything else.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{Database, MultimapTableDefinition, ReadableDatabase, ReadableTable, TableDefinition};

use super::{Answer, Engine, WINDOW};
use crate::engines::{Kind, Level, Tuning};
use crate::{Digest, Fault, Result, RowRef, Workload, codec};

const LOG: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("log");
const DEVICE: MultimapTableDefinition<'_, &str, i64> = MultimapTableDefinition::new("device");

pub(super) struct Redb(Database);

impl Redb {
    pub(super) fn fill(dir: &Path, workload: &Workload) -> Result<Redb> {
        let engine = Kind::Redb.open(dir, Level::Os, Tuning::Usual)?;
        super::insert(&*engine, workload)?;
        engine.close()?;
        let database = Database::create(dir.join("log.redb"))?;
        let transaction = database.begin_write()?;
        let mut index = transaction.open_multimap_table(DEVICE)?;
        for (number, at) in (1..).zip(0..workload.len()) {
            index.insert(workload.row(at).device, number)?;
        }
        drop(index);
        transaction.commit()?;
        Ok(Redb(database))
    }

    fn each(&self, mut see: impl FnMut(&RowRef<'_>)) -> Result<()> {
        let table = self.0.begin_read()?.open_table(LOG)?;
        for entry in table.iter()? {
            see(&codec::decode(entry?.1.value())?);
        }
        Ok(())
    }

    fn count(&self, passes: impl Fn(&RowRef<'_>) -> bool) -> Result<u64> {
        let mut count = 0;
        self.each(|row| count += u64::from(passes(row)))?;
        Ok(count)
    }
}

impl Engine for Redb {
    fn of_device(&self, device: &str, digest: &mut Digest) -> Result<()> {
        let transaction = self.0.begin_read()?;
        let (rows, index) =
            (transaction.open_table(LOG)?, transaction.open_multimap_table(DEVICE)?);
        for number in redb::ReadableMultimapTable::get(&index, device)? {
            let number = number?.value();
            let row = rows.get(number)?.ok_or_else(|| Fault::from(format!("no row {number}")))?;
            digest.add(&codec::decode(row.value())?);
        }
        Ok(())
    }

    fn warmer(&self, region: &str, temperature: f64) -> Result<u64> {
        self.count(|row| row.temperature > temperature && row.region == region)
    }

    fn containing(&self, word: &str) -> Result<u64> {
        let finder = memchr::memmem::Finder::new(word);
        self.count(|row| finder.find(row.message.as_bytes()).is_some())
    }

    fn by_minute(&self) -> Result<Answer> {
        let mut groups: BTreeMap<(String, i64), (i64, f64, f64)> = BTreeMap::new();
        self.each(|row| {
            let window = row.ts.div_euclid(WINDOW);
            let new = || (row.region.to_owned(), window);
            let group = groups.entry(new()).or_insert((0, f64::MIN, f64::MAX));
            group.0 += 1;
            group.1 = group.1.max(row.temperature);
            group.2 = group.2.min(row.humidity);
        })?;
        let mut answer = Answer::default();
        groups.into_values().for_each(|(count, most, least)| answer.group(count, most, least));
        Ok(answer)
    }
}
