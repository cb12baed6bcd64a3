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
use edit::{IndexRecord, SstRecord};
pub use files::Files;
use files::file_number;
use manifest::Manifest;
use rows::Rows;
use segment::Segment;
use small::Meta;
use sst::{Owner, Sst};
use version::Table;
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
    };
    let segments: Vec<Segment<'_>> = files
        .numbered("wal/", ".wal")
        .into_iter()
        .filter(|(number, _)| *number >= start.segment)
        .map(|(number, bytes)| Segment::new(bytes, number, database))
        .collect();
    let mut log = wal::read(&segments, start)?;
    let mut logged: BTreeMap<u32, Vec<Rows>> = BTreeMap::new();
    let mut next_seqs: BTreeMap<u32, i64> =
        version.tables.iter().map(|(id, table)| (*id, table.next_seq)).collect();
    for commit in &mut log.commits {
        for part in commit.parts.drain(..) {
            let here =
                |d: Damage| d.within(format!("commit {}, table {}", commit.number, part.table));
            let (Some(table), Some(next)) =
                (version.tables.get(&part.table), next_seqs.get_mut(&part.table))
            else {
                // It was dropped, if it ever was.
                let was = part.table < version.next_table;
                ensure(was, || "it never was".to_owned()).map_err(here)?;
                continue;
            };
            part.check(&table.schema).map_err(here)?;
            ensure(part.first_seq == *next, || {
                format!("rows from seq {}, where {next} is due", part.first_seq)
            })
            .map_err(here)?;
            *next = next.saturating_add(part.rows as i64);
            logged.entry(part.table).or_default().push(Rows {
                first_seq: part.first_seq,
                times: vec![commit.time; part.rows],
                columns: part.columns,
            });
        }
    }
    Ok((log, logged))
}
