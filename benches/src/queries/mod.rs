//! Questions that srdb and its peers are asked, and how each answers.
//!
//! A question is one call, so that an engine answers it as its users would have it do; answers are
//! what can be compared to the bit: rows by their digest, groups by counts and extremes.

#[cfg(feature = "redb")]
mod redb;
#[cfg(feature = "sqlite")]
mod sqlite;
mod srdb;

use std::path::Path;

use crate::{Digest, Result, Workload};

/// Rows of a commit when the rows are inserted.
const BATCH: usize = 10_000;
/// A window is a minute long, of µs.
const WINDOW: i64 = 60_000_000;

/// The answer to a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Rows, or groups, found.
    pub rows: u64,
    /// What they hold, summed up.
    pub sum: u64,
}

impl Answer {
    fn group(&mut self, count: i64, most: f64, least: f64) {
        self.rows += 1;
        let values =
            [count as u64, most.to_bits().wrapping_mul(3), least.to_bits().wrapping_mul(5)];
        self.sum = values.into_iter().fold(self.sum, u64::wrapping_add);
    }
}

impl From<Digest> for Answer {
    fn from(Digest { rows, sum }: Digest) -> Self {
        Answer { rows, sum }
    }
}

/// An engine that holds the rows, and an index on the device.
pub trait Engine {
    /// Every field of the rows of a device, through the index, borrowed as far as that goes.
    fn of_device(&self, device: &str, digest: &mut Digest) -> Result<()>;
    /// The same, each row with values of its own where the engine can give such rows.
    fn rows_of_device(&self, device: &str, digest: &mut Digest) -> Result<()> {
        self.of_device(device, digest)
    }
    /// How many rows are of a region and warmer than this.
    fn warmer(&self, region: &str, temperature: f64) -> Result<u64>;
    /// How many messages contain a word.
    fn containing(&self, word: &str) -> Result<u64>;
    /// Rows, highest temperature and lowest humidity of each region in each minute.
    fn by_minute(&self) -> Result<Answer>;
}

/// The temperature that a twelfth of the rows is above. With one region of eight it leaves one row
/// of a hundred.
pub fn warm(workload: &Workload) -> f64 {
    let rows = (0..workload.len()).map(|at| workload.row(at).temperature);
    let mut temperatures: Vec<f64> = rows.collect();
    temperatures.sort_by(f64::total_cmp);
    temperatures.get(temperatures.len() - temperatures.len() / 12).copied().unwrap_or_default()
}

/// A question with its name.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What is asked.
    pub name: &'static str,
    /// Whether what it costs is told by row found, not by row there is.
    pub per_result: bool,
    /// Asks it; of the temperature that [`warm`] gives, where it is about that.
    pub ask: fn(&dyn Engine, warm: f64) -> Result<Answer>,
}

/// Every question.
pub const ASKED: [Asked; 5] = [
    Asked { name: "device = one of fifty, every field, by index", per_result: true, ask: devices },
    Asked { name: "same, rows that own their values", per_result: true, ask: rows_of_devices },
    Asked { name: "temperature > t and region = r, counted", per_result: false, ask: warmer },
    Asked { name: "message contains a word, counted", per_result: false, ask: containing },
    Asked { name: "by region and minute: count, max, min", per_result: false, ask: by_minute },
];

fn devices(engine: &dyn Engine, _warm: f64) -> Result<Answer> {
    let mut digest = Digest::default();
    some_devices().try_for_each(|device| engine.of_device(&device, &mut digest))?;
    Ok(digest.into())
}

fn rows_of_devices(engine: &dyn Engine, _warm: f64) -> Result<Answer> {
    let mut digest = Digest::default();
    some_devices().try_for_each(|device| engine.rows_of_device(&device, &mut digest))?;
    Ok(digest.into())
}

/// Neither the most frequent ones nor the rarest: some hundred rows of a million each.
fn some_devices() -> impl Iterator<Item = String> {
    (400..450).map(|n| format!("device-{n:04}"))
}

fn warmer(engine: &dyn Engine, warm: f64) -> Result<Answer> {
    Ok(Answer { rows: engine.warmer("eu-west-1", warm)?, sum: 0 })
}

fn containing(engine: &dyn Engine, _warm: f64) -> Result<Answer> {
    Ok(Answer { rows: engine.containing("timeout")?, sum: 0 })
}

fn by_minute(engine: &dyn Engine, _warm: f64) -> Result<Answer> {
    engine.by_minute()
}

/// Inserts the rows, numbered from 1.
#[cfg(any(feature = "sqlite", feature = "redb"))]
fn insert(engine: &dyn crate::engines::Engine, workload: &Workload) -> Result<()> {
    let mut writer = engine.writer()?;
    for start in (0..workload.len()).step_by(BATCH) {
        writer.commit(workload, start..workload.len().min(start + BATCH))?;
    }
    Ok(())
}

/// Every engine that this binary was built with, each with the rows in it.
pub fn engines(dir: &Path, workload: &Workload) -> Result<Vec<(&'static str, Box<dyn Engine>)>> {
    Ok(vec![
        ("srdb", Box::new(srdb::Srdb::fill(dir, workload)?)),
        #[cfg(feature = "sqlite")]
        ("sqlite", Box::new(sqlite::Sqlite::fill(dir, workload)?)),
        #[cfg(feature = "redb")]
        ("redb", Box::new(redb::Redb::fill(dir, workload)?)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SEED;

    #[test]
    fn every_engine_answers_as_the_rows_say() -> Result<()> {
        let workload = Workload::new(SEED, 90_000);
        let dir = tempfile::tempdir()?;
        let rows = || (0..workload.len()).map(|at| workload.row(at));
        let (mut of_device, mut least) = (Digest::default(), f64::MAX);
        rows().filter(|row| row.device == "device-0003").for_each(|row| of_device.add(&row));
        rows().for_each(|row| least = least.min(row.temperature));
        let warm = rows().filter(|r| r.region == "eu-west-1" && r.temperature > least + 1.0);
        let warm = warm.count() as u64;
        let told = rows().filter(|row| row.message.contains("timeout")).count() as u64;
        let mut groups = std::collections::BTreeMap::new();
        for row in rows() {
            let group = groups.entry((row.region, row.ts.div_euclid(WINDOW)));
            let (count, most, lowest) = group.or_insert((0, f64::MIN, f64::MAX));
            (*count, *most) = (*count + 1, most.max(row.temperature));
            *lowest = lowest.min(row.humidity);
        }
        let mut grouped = Answer::default();
        groups.into_values().for_each(|(count, most, lowest)| grouped.group(count, most, lowest));
        assert!(of_device.rows > 0 && warm > 0 && told > 0 && grouped.rows > 8);
        for (name, engine) in engines(dir.path(), &workload)? {
            let (mut digest, mut of_rows) = (Digest::default(), Digest::default());
            engine.of_device("device-0003", &mut digest)?;
            engine.rows_of_device("device-0003", &mut of_rows)?;
            assert_eq!((&digest, &of_rows), (&of_device, &of_device), "{name}");
            assert_eq!(engine.warmer("eu-west-1", least + 1.0)?, warm, "{name}");
            assert_eq!(engine.containing("timeout")?, told, "{name}");
            assert_eq!(engine.by_minute()?, grouped, "{name}");
        }
        Ok(())
    }
}
