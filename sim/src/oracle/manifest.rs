//! Does the MANIFEST name exactly the files that are there, and does it never go back?
//!
//! All of it is computed from the bytes on the disk by [`crate::image`], which also refuses a
//! MANIFEST that names a file twice or leaves out rows (`image/version.rs`, its invariants).
//!
//! 1. Every live file is there, with the size and the CRC that were recorded (the CRC is looked at
//!    in [`super::ssts`]).
//! 2. Once everything is at rest, or the database was closed and nobody reads on, there is no other
//!    file: no orphan, no leftover.
//! 3. What survived a power failure once is never taken back: edits, file numbers, log numbers and
//!    table ids go on from there, and a number that named a file never names another one.

use std::collections::{BTreeMap, BTreeSet};

use super::Violation;
use super::image::Seen;
use crate::image::edit::SstRecord;
use crate::image::files::file_number;
use crate::image::schema::{Schema, table_directory};
use crate::image::small::manifest_name;
use crate::image::{Damage, Image, index_path, sst_path};

/// What survived the deaths of a run so far, and must not be taken back.
#[derive(Debug, Clone, Default)]
pub struct Floors {
    last: Option<Floor>,
    /// Each SST that ever was alive, by its number: its table, and what was recorded of it.
    files: BTreeMap<u64, (u32, SstRecord)>,
}

#[derive(Debug, Clone, Copy)]
struct Floor {
    database: u64,
    edit: u64,
    manifest: u64,
    next_file: u64,
    log_number: u64,
    last_commit: u64,
    next_table: u32,
}

impl Floor {
    fn of(image: &Image) -> Floor {
        let version = &image.manifest.version;
        Floor {
            database: image.meta.id,
            edit: image.manifest.last_edit,
            manifest: image.manifest.number,
            next_file: version.next_file,
            log_number: version.log_number,
            last_commit: version.last_commit,
            next_table: version.next_table,
        }
    }
}

impl Floors {
    /// Compares what a death left with what earlier ones left. If everything that is visible is
    /// durable, too, it is what later ones are compared with.
    ///
    /// # Errors
    /// The first thing that went back.
    pub fn advance(&mut self, seen: &Seen, is_durable: bool) -> Result<(), Violation> {
        let image = match (&seen.image, &self.last) {
            (Ok(Some(image)), _) => image,
            (Ok(None), Some(_)) => return wrong("the database is gone".to_owned()),
            // What is damaged is the image oracle's to judge.
            (Ok(None), None) | (Err(_), _) => return Ok(()),
        };
        let now = Floor::of(image);
        if let Some(last) = self.last {
            let steps = [
                ("the last edit", last.edit, now.edit),
                ("the MANIFEST's number", last.manifest, now.manifest),
                ("the next file", last.next_file, now.next_file),
                ("the log number", last.log_number, now.log_number),
                ("the last commit", last.last_commit, now.last_commit),
                ("the next table", last.next_table.into(), now.next_table.into()),
            ];
            if last.database != now.database {
                return wrong(format!(
                    "the database was {} and is {}",
                    last.database, now.database
                ));
            }
            if let Some((what, was, is)) = steps.iter().find(|(_, was, is)| is < was) {
                return wrong(format!("{what} was {was} and is {is}"));
            }
        }
        for (id, table) in &image.manifest.version.tables {
            for sst in &table.ssts {
                if let Some(other) = self.files.get(&sst.file)
                    && *other != (*id, *sst)
                {
                    return wrong(format!("number {} named another file: {other:?}", sst.file));
                }
                if is_durable {
                    self.files.insert(sst.file, (*id, *sst));
                }
            }
        }
        if is_durable {
            self.last = Some(now);
        }
        Ok(())
    }
}

/// Checks that the files of a database at rest are those that it names, and no others; no index
/// lacks one.
///
/// # Errors
/// The first that is missing or left over.
pub fn at_rest(seen: &Seen) -> Result<(), Violation> {
    for (id, table) in &nothing_left_over(seen)?.manifest.version.tables {
        let due = table.ssts.len() * table.indexes.len();
        if table.index_files.len() != due {
            let files = table.index_files.len();
            return wrong(format!("table {id} has {files} index files, {due} are due"));
        }
    }
    Ok(())
}

/// Checks that the files of a database are those that it names, and no others. That holds after a
/// close, too, if no reader outlives it.
///
/// # Errors
/// The first that is missing or left over.
pub fn nothing_left_over(seen: &Seen) -> Result<&Image, Violation> {
    let image = match &seen.image {
        Ok(Some(image)) => image,
        Ok(None) => return wrong("there is no database".to_owned()),
        Err(damage) => return wrong(damage.0.clone()),
    };
    let due = files_due(seen, image);
    if let Some((path, _)) = seen.files.all().find(|(path, _)| !due.contains(*path)) {
        return wrong(format!("{path} is left over"));
    }
    if let Some(path) = due.iter().find(|path| !seen.files.has(path)) {
        return wrong(format!("{path} is missing"));
    }
    for (id, table) in &image.manifest.version.tables {
        for record in &table.ssts {
            let size = seen.files.get(&sst_path(*id, table, record)).map_or(0, |c| c.len() as u64);
            if size != record.size {
                let (file, due) = (record.file, record.size);
                return wrong(format!("SST {file} has {size} bytes, not {due}"));
            }
        }
    }
    let mut directories = BTreeSet::from(["wal".to_owned(), "tables".to_owned(), String::new()]);
    for (id, table) in &image.manifest.version.tables {
        let directory = table_directory(*id, &table.name);
        directories.insert(format!("{directory}/sst"));
        // It stays when the last index is dropped.
        directories.insert(format!("{directory}/idx"));
        let copy = same_schema(seen, &directory, &table.schema);
        copy.map_err(|d| Violation::new("manifest", d.within(&directory).0))?;
        directories.insert(directory);
    }
    match seen.files.directories().find(|path| !directories.contains(*path)) {
        Some(path) => wrong(format!("the directory {path} is left over")),
        None => Ok(image),
    }
}

/// Every file that a database at rest has.
fn files_due(seen: &Seen, image: &Image) -> BTreeSet<String> {
    let mut due: BTreeSet<String> = ["CURRENT", "LOCK", "database.meta"].map(String::from).into();
    due.insert(manifest_name(image.manifest.number));
    let version = &image.manifest.version;
    // Which segments there are is the log's to say; those below the log number are not in it.
    let segments = seen.files.numbered("wal/", ".wal").into_keys();
    let segments = segments.filter(|number| *number >= version.log_number.max(1));
    due.extend(segments.map(|number| format!("wal/{}.wal", file_number(number))));
    for (id, table) in &version.tables {
        due.insert(format!("{}/schema.json", table_directory(*id, &table.name)));
        due.extend(table.ssts.iter().map(|record| sst_path(*id, table, record)));
        due.extend(table.index_files.values().map(|record| index_path(*id, table, record)));
    }
    due
}

/// Checks the copy of a schema that is there for people.
fn same_schema(seen: &Seen, directory: &str, schema: &Schema) -> Result<(), Damage> {
    let copy = seen.files.get(&format!("{directory}/schema.json"))?;
    let copy: serde_json::Value =
        serde_json::from_slice(copy).map_err(|e| Damage(format!("schema.json: {e}")))?;
    let copied = copy["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let same = copied.len() == schema.fields.len()
        && copied.iter().zip(&schema.fields).all(|(copy, field)| {
            let flag = |name: &str| copy[name].as_bool().unwrap_or(false);
            copy["name"].as_str() == Some(&field.name)
                && copy["type"].as_str() == Some(&format!("{:?}", field.data_type).to_lowercase())
                && (flag("nullable"), flag("unique"), flag("indexed"))
                    == (field.nullable, field.unique, field.indexed)
        });
    if same { Ok(()) } else { Err(Damage(format!("schema.json says {copy}"))) }
}

fn wrong<T>(what: String) -> Result<T, Violation> {
    Err(Violation::new("manifest", what))
}
