//! A reader of srdb's files that shares nothing with srdb: written from `docs/format.md` alone, to
//! be compared with the engine, and to be read by whoever writes one in another language.
//!
//! ```text
//!   files ─► CURRENT ─► MANIFEST ─► version: tables, SSTs, where the log begins
//!                                      ├──► WAL: the commits after it
//!                                      └──► SSTs: header ─► tree ─► blocks ─► columns ─► rows
//! ```
//!
//! | file            | what it reads                                                   |
//! |-----------------|-----------------------------------------------------------------|
//! | [`bytes`]       | numbers, strings, checksums; what [`Damage`] is                 |
//! | [`files`]       | what lies in the directory                                      |
//! | [`small`]       | `database.meta`, `CURRENT`                                      |
//! | [`schema`]      | types, values, fields, names                                    |
//! | [`edit`], [`version`], [`manifest`] | a version edit, what edits add up to, their log |
//! | [`segment`], [`wal`], [`commit`] | a segment of the log, where the log ends, a commit |
//! | [`sst`], [`tree`], [`block`]     | an SST, the way to its blocks, a block         |
//! | [`mod@column`], [`integers`], [`text`], [`dictionary`] | the encodings                |
//! | [`index`]       | an index file                                                   |
//! | [`zone`]        | what is said of a column's values                               |
//! | [`rows`]        | what comes out                                                  |
//!
//! Invariants:
//! 1. Nothing here uses the engine.
//! 2. Total: any bytes give rows or a [`Damage`]; what is allocated is bounded by what is read.
//! 3. Nothing is repaired: a torn tail is left out and noted.

pub mod block;
pub mod bytes;
pub mod column;
pub mod commit;
pub mod dictionary;
pub mod edit;
pub mod files;
pub mod index;
pub mod integers;
pub mod manifest;
pub mod rows;
pub mod schema;
pub mod segment;
pub mod small;
pub mod sst;
#[cfg(test)]
mod tests;
pub mod text;
pub mod tree;
pub mod version;
pub mod wal;
pub mod zone;

use std::collections::BTreeMap;

pub use bytes::{Damage, Result};
use bytes::{damaged, ensure};
use commit::Part;
use edit::{IndexRecord, SstRecord};
pub use files::Files;
use files::file_number;
use manifest::Manifest;
use rows::Rows;
use segment::Segment;
use small::Meta;
use sst::{Owner, Sst};
use version::{Table, Version};
use wal::{Log, Start};

/// A database as its files have it. SSTs are only looked for; [`Image::sst`] reads one.
#[derive(Debug)]
pub struct Image {
    /// Which database it is.
    pub meta: Meta,
    /// Its tables and SSTs, and where the log begins.
    pub manifest: Manifest,
    /// The log's commits.
    pub log: Log,
    /// The rows of each table that are in the log, one item a commit.
    pub logged: BTreeMap<u32, Vec<Rows>>,
}

impl Image {
    /// Reads a database; none if opening the directory would create one.
    ///
    /// # Errors
    /// The first thing that is damaged, so that opening has to fail.
    pub fn open(files: &Files) -> Result<Option<Image>> {
        if !files.has("CURRENT") {
            return check_never_was(files).map(|()| None);
        }
        let current = small::current(files.get("CURRENT")?).map_err(|d| d.within("CURRENT"))?;
        let meta = files.get("database.meta")?;
        let meta = Meta::decode(meta).map_err(|d| d.within("database.meta"))?;
        let name = small::manifest_name(current);
        let manifest = Manifest::decode(files.get(&name)?, current, meta.id);
        let manifest = manifest.map_err(|d| d.within(name))?;
        for (id, table) in &manifest.version.tables {
            for record in &table.ssts {
                files.get(&sst_path(*id, table, record))?;
            }
            for record in table.index_files.values() {
                files.get(&index_path(*id, table, record))?;
            }
        }
        let (log, logged) = read_log(files, &manifest, meta.id).map_err(|d| d.within("the WAL"))?;
        Ok(Some(Image { meta, manifest, log, logged }))
    }

    /// Reads an SST, as far as to its tree.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn sst<'a>(
        &'a self,
        files: &'a Files,
        id: u32,
        table: &'a Table,
        record: &'a SstRecord,
    ) -> Result<Sst<'a>> {
        let path = sst_path(id, table, record);
        let owner = Owner { database: self.meta.id, table: id, schema: &table.schema, record };
        Sst::open(files.get(&path)?, owner).map_err(|d| d.within(path))
    }
}

/// Where an SST lies.
pub fn sst_path(id: u32, table: &Table, record: &SstRecord) -> String {
    let directory = schema::table_directory(id, &table.name);
    format!("{directory}/sst/{}.sst", file_number(record.file))
}

/// Where an index file lies.
pub fn index_path(id: u32, table: &Table, record: &IndexRecord) -> String {
    let directory = schema::table_directory(id, &table.name);
    format!("{directory}/idx/{}.idx", file_number(record.file))
}

/// Without CURRENT, that nothing is there that is made only after it.
fn check_never_was(files: &Files) -> Result<()> {
    let later_manifest = files.numbered("MANIFEST-", "").into_keys().any(|number| number > 1);
    let table = files.directories().any(|path| path.starts_with("tables/"));
    let segment = !files.numbered("wal/", ".wal").is_empty();
    if later_manifest || table || segment {
        return damaged("CURRENT is missing");
    }
    Ok(())
}

/// Reads the log, and whose its rows are.
fn read_log(
    files: &Files,
    manifest: &Manifest,
    database: u64,
) -> Result<(Log, BTreeMap<u32, Vec<Rows>>)> {
    let version = &manifest.version;
    let start = Start {
        segment: version.log_number.max(1),
        last_commit: version.last_commit,
        last_time: version.last_time,
        carries: version.log_number > 0 && version.log_number == version.carried_into,
    };
    let segments: Vec<Segment<'_>> = files
        .numbered("wal/", ".wal")
        .into_iter()
        .filter(|(number, _)| *number >= start.segment)
        .map(|(number, bytes)| Segment::new(bytes, number, database))
        .collect();
    let mut log = wal::read(&segments, start)?;
    let next_seqs = version.tables.iter().map(|(id, table)| (*id, table.next_seq)).collect();
    let mut logged = Logged { version, next_seqs, rows: BTreeMap::new() };
    let mut carries = log.carries.iter_mut().peekable();
    for after in 0..=log.commits.len() {
        while let Some(carry) = carries.next_if(|carry| carry.after == after) {
            let is_first = carry.segment == start.segment;
            ensure(!is_first || start.carries, || {
                "the first segment has a carry that the MANIFEST does not know of".to_owned()
            })?;
            for (part, times) in carry.parts.drain(..) {
                let id = part.table;
                let here = |d: Damage| d.within(format!("a carry, table {id}"));
                let Some(table) = logged.table_of(&part).map_err(here)? else { continue };
                match is_first {
                    true => {
                        let first = times.first().copied().unwrap_or(i64::MAX);
                        let last = times.last().copied().unwrap_or(i64::MIN);
                        ensure(table.last_time <= first && last <= version.last_time, || {
                            format!("times from {first} to {last}")
                        })
                        .map_err(here)?;
                        logged.take(part, times).map_err(here)?;
                    }
                    false => logged.check_holds(&part, &times).map_err(here)?,
                }
            }
        }
        let Some(commit) = log.commits.get_mut(after) else { break };
        for part in commit.parts.drain(..) {
            let (number, id) = (commit.number, part.table);
            let here = |d: Damage| d.within(format!("commit {number}, table {id}"));
            if logged.table_of(&part).map_err(here)?.is_some() {
                let times = vec![commit.time; part.rows];
                logged.take(part, times).map_err(here)?;
            }
        }
    }
    let rows = logged.rows;
    Ok((log, rows))
}

/// The rows of the log so far.
struct Logged<'a> {
    version: &'a Version,
    next_seqs: BTreeMap<u32, i64>,
    rows: BTreeMap<u32, Vec<Rows>>,
}

impl<'a> Logged<'a> {
    /// The table that rows are of; none if it was dropped.
    fn table_of(&self, part: &Part) -> Result<Option<&'a Table>> {
        let Some(table) = self.version.tables.get(&part.table) else {
            // It was dropped, if it ever was.
            let was = part.table < self.version.next_table;
            return ensure(was, || "it never was".to_owned()).map(|()| None);
        };
        part.check(&table.schema)?;
        Ok(Some(table))
    }

    /// Takes rows that go on where those before end.
    fn take(&mut self, part: Part, times: Vec<i64>) -> Result<()> {
        let next = self.next_seqs.entry(part.table).or_insert(1);
        ensure(part.first_seq == *next, || {
            format!("rows from seq {}, where {next} is due", part.first_seq)
        })?;
        *next = next.saturating_add(part.rows as i64);
        let Part { table, first_seq, columns, .. } = part;
        self.rows.entry(table).or_default().push(Rows { first_seq, times, columns });
        Ok(())
    }

    /// That rows are the last of those there are.
    fn check_holds(&self, part: &Part, times: &[i64]) -> Result<()> {
        let next = self.next_seqs.get(&part.table).copied().unwrap_or(1);
        ensure(part.first_seq.checked_add(part.rows as i64) == Some(next), || {
            format!("rows from seq {}, before {next}", part.first_seq)
        })?;
        let held = self.rows.get(&part.table).into_iter().flatten();
        let held = held.flat_map(|rows| (0..rows.len()).map(move |at| (rows, at)));
        let mut held = held.skip_while(|(rows, at)| rows.first_seq + (*at as i64) < part.first_seq);
        for (row, time) in times.iter().enumerate() {
            let is_same = held.next().is_some_and(|(rows, at)| {
                let mut columns = rows.columns.iter().zip(&part.columns);
                rows.first_seq + at as i64 == part.first_seq + row as i64
                    && rows.times[at] == *time
                    && columns.all(|(held, carried)| held[at].is_same(&carried[row]))
            });
            ensure(is_same, || format!("row {row} is not the one it was copied from"))?;
        }
        Ok(())
    }
}
