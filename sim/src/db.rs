//! The database as a run uses it: opening it, and turning rows into what the model compares.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use srdb::{Background, DataType, Database, Durability, Error, Field, Result, Row, Schema, Value};
use srdb_vfs::{MemClock, Vfs};

use crate::model::{Found, FoundRow, FoundTable, Values};
use crate::plan::{Level, Options};
use crate::shape::Shape;

/// Where the database lies on the simulated disk.
pub const ROOT: &str = "/db";

/// What the names of checkpoints begin with.
const COPY: &str = "copy";

/// Where checkpoint `target` lies, beside the database.
pub fn copy_root(target: u8) -> PathBuf {
    PathBuf::from(format!("/{COPY}{target}"))
}

/// The path in the directory of the database, or of a checkpoint, finished or not.
pub fn inside(path: &Path) -> Option<&Path> {
    let mut components = path.components();
    let (Some(Component::RootDir), Some(Component::Normal(first))) =
        (components.next(), components.next())
    else {
        return None;
    };
    let first = first.to_string_lossy();
    let is_ours = first == ROOT.trim_start_matches('/') || first.starts_with(COPY);
    is_ours.then_some(components.as_path())
}

/// Whether this is a file that a lock is on.
pub fn is_lock(path: &Path) -> bool {
    inside(path) == Some(Path::new("LOCK"))
}

impl From<Level> for Durability {
    fn from(level: Level) -> Durability {
        match level {
            Level::Memory => Durability::Memory,
            Level::Os => Durability::Os,
            Level::Disk => Durability::Disk,
        }
    }
}

/// Opens the database on a disk.
///
/// # Errors
/// Those of [`srdb::Builder::open`].
pub fn open(vfs: Arc<dyn Vfs>, clock: &MemClock, options: &Options) -> Result<Database> {
    open_at(Path::new(ROOT), vfs, clock, options)
}

/// Opens the database in this directory of a disk.
///
/// # Errors
/// Those of [`srdb::Builder::open`].
pub fn open_at(
    root: &Path,
    vfs: Arc<dyn Vfs>,
    clock: &MemClock,
    options: &Options,
) -> Result<Database> {
    Database::builder(root)
        .vfs(vfs)
        .clock(Arc::new(clock.clone()))
        .background(Background::Manual)
        .memtable_bytes(options.memtable_bytes)
        .carry_bytes_max(options.carry_bytes_max)
        .block_rows(options.block_rows)
        .wal_zero_ahead(options.wal_zero_ahead)
        .manifest_bytes_min(options.manifest_bytes_min)
        .frozen_generations_max(options.frozen_generations_max)
        .compaction_files_max(options.compaction_files_max)
        .compaction_fan_in(options.compaction_fan_in)
        .durability(options.durability.into())
        .create_if_missing(options.create_if_missing)
        .open()
}

/// The name of table `slot`.
pub fn table_name(slot: u8) -> String {
    format!("t{slot}")
}

/// The number in a table's name.
pub(crate) fn slot_of(name: &str) -> Option<u8> {
    name.strip_prefix('t')?.parse().ok()
}

/// The schema of a shape.
///
/// # Errors
/// If the engine refuses it.
pub fn schema(shape: Shape) -> Result<Schema> {
    let fields = shape.fields().iter().enumerate();
    Schema::new(fields.map(|(place, &(name, data_type, required))| {
        let field = Field::new(name, data_type);
        let field = if required { field } else { field.nullable() };
        match place < shape.indexed() {
            true if name == "id" => field.unique(),
            true => field.indexed(),
            false => field,
        }
    }))
}

/// A row as `insert` takes it.
pub fn named(shape: Shape, values: &[Value]) -> Vec<(&'static str, Value)> {
    shape.fields().iter().map(|field| field.0).zip(values.iter().cloned()).collect()
}

/// The same row, but its last value does not fit its field.
pub fn spoilt(shape: Shape, values: &[Value]) -> Vec<(&'static str, Value)> {
    let mut row = named(shape, values);
    if let Some((field, last)) = shape.fields().last().zip(row.last_mut()) {
        last.1 = match field.1 {
            DataType::Bytes => Value::Bool(true),
            _ => Value::Bytes(vec![0xFF]),
        };
    }
    row
}

/// What the model compares of a row.
pub fn found_row(row: Row) -> FoundRow {
    FoundRow { time: row.time(), values: Values::from(row.into_values()) }
}

/// All rows of all tables.
///
/// # Errors
/// What the engine gave; as text, what it did that makes no sense at all.
pub fn read_all(db: &Database) -> Result<Result<Found, String>> {
    let mut found = Found::new();
    for name in db.tables() {
        let Some(slot) = slot_of(&name) else {
            return Ok(Err(format!("there is a table {name:?}")));
        };
        let table = db.table(&name)?;
        let mut rows = Vec::new();
        let first_seq = table.first_seq();
        for row in table.scan(..)? {
            let row = row?;
            let seq = first_seq + rows.len() as i64;
            if row.seq() != seq {
                return Ok(Err(format!("row {seq} of {name} has _seq {}", row.seq())));
            }
            rows.push(found_row(row));
        }
        let last_seq = first_seq - 1 + rows.len() as i64;
        if table.count() != rows.len() as u64 || table.last_seq() != last_seq {
            return Ok(Err(format!(
                "{name} counts {} rows up to _seq {} and has {}",
                table.count(),
                table.last_seq(),
                rows.len()
            )));
        }
        let (fields, limits) = (table.schema().len(), table.retention());
        found.push(FoundTable { slot, fields, first_seq, limits, rows });
    }
    Ok(Ok(found))
}

/// A short name of an error's kind, for hashes and histories.
pub fn kind(error: &Error) -> &'static str {
    match error {
        Error::Io { .. } => "io",
        Error::Corrupt { .. } => "corrupt",
        Error::Unsupported { .. } => "unsupported",
        Error::Poisoned { .. } => "poisoned",
        Error::NoTable { .. } => "no table",
        Error::TableExists { .. } => "table exists",
        Error::BadRow { .. } => "bad row",
        Error::WouldStall => "would stall",
        Error::Closed => "closed",
        Error::Locked { .. } => "locked",
        Error::NoDatabase { .. } => "no database",
        Error::NoField { .. } => "no field",
        Error::BadName { .. } => "bad name",
        Error::BadSchema { .. } => "bad schema",
        Error::PathExists { .. } => "path exists",
        _ => "other",
    }
}
