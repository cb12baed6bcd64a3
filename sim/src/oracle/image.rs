//! Is what the engine makes of its files what a reader that shares nothing with it makes of them?
//!
//! ```text
//!   disk ─► look ─► Seen ─────────────────┐
//!     │        by docs/format.md alone     ├─► equal: tables, schemas, rows, seqs, times, figures
//!     └───► engine: recovery ─► all rows ──┘   and one refuses if, and only if, the other does
//! ```
//!
//! Stricter than the model, which says what a recovery may find: here there is one right answer.
//! The reader is [`crate::image`].
//!
//! Invariant: the disk is looked at before the engine opens it, and is not changed by that.

use std::fmt;
use std::path::Path;

use srdb::{Database, Error};
use srdb_vfs::{EntryKind, MemDisk};

use super::Violation;
use super::ssts::Ssts;
use crate::db::{ROOT, table_name};
use crate::image::edit::Limits;
use crate::image::rows::Rows;
use crate::image::schema::{Type, Value};
use crate::image::version::Table;
use crate::image::{Damage, Files, Image};
use crate::model::{Found, FoundRow, FoundTable};

/// What the files of a disk say, without the engine.
#[derive(Debug)]
pub struct Seen {
    /// The files.
    pub files: Files,
    /// What they hold; none if they hold no database; or why opening it must fail.
    pub image: Result<Option<Image>, Damage>,
}

/// Reads a disk. SSTs are not read before they are asked for.
pub fn look(disk: &MemDisk) -> Seen {
    look_at(disk, Path::new(ROOT))
}

/// Reads the database in this directory of a disk.
pub fn look_at(disk: &MemDisk, root: &Path) -> Seen {
    let mut files = Files::default();
    for (path, kind) in disk.list() {
        let Ok(inside) = path.strip_prefix(root) else { continue };
        let name = inside.to_string_lossy();
        match kind {
            EntryKind::Dir => files.add_directory(name),
            _ => files.add(name, disk.content(&path).unwrap_or_default()),
        }
    }
    let image = Image::open(&files);
    Seen { files, image }
}

impl Seen {
    /// Checks what the engine found against what there is to be found.
    ///
    /// # Errors
    /// The first difference.
    pub fn agrees(&self, ssts: &mut Ssts, db: &Database, found: &Found) -> Result<(), Violation> {
        let image = match &self.image {
            Ok(Some(image)) => image,
            Ok(None) if found.is_empty() => return Ok(()),
            Ok(None) => return wrong("the engine found tables where there is no database".into()),
            Err(damage) => return wrong(format!("the engine opened what is damaged: {damage}")),
        };
        let tables = &image.manifest.version.tables;
        if tables.len() != found.len() {
            return wrong(format!("the engine found {} tables of {}", found.len(), tables.len()));
        }
        for (id, table) in tables {
            let here = |what: String| Violation::new("image", format!("{}: {what}", table.name));
            let is_it = |t: &&FoundTable| table_name(t.slot) == table.name;
            let Some(found) = found.iter().find(is_it) else {
                return Err(here("the engine did not find it".to_owned()));
            };
            if let Some(what) = other_schema(*id, table, db) {
                return Err(here(what));
            }
            let limits = &found.limits;
            let theirs = Limits {
                age: limits.age().map(ns),
                age_of: limits.age_of().map(|(field, age)| (field.to_owned(), ns(age))),
                rows: limits.rows(),
                bytes: limits.bytes(),
            };
            if theirs != table.limits {
                let what = format!("its limits are {:?}; the engine: {theirs:?}", table.limits);
                return Err(here(what));
            }
            let mut rows = &found.rows[..];
            let first_seq = table.first_seq();
            if found.first_seq != first_seq {
                let what = format!("its first row is {first_seq}; the engine: {}", found.first_seq);
                return Err(here(what));
            }
            for record in &table.ssts {
                let stored = ssts.rows(self, image, *id, table, record)?;
                ssts.check_indexes(self, image, (*id, table), record, &stored)?;
                rows = same_rows(&stored, table, rows).map_err(here)?;
            }
            for logged in image.logged.get(id).into_iter().flatten() {
                rows = same_rows(logged, table, rows).map_err(here)?;
            }
            if !rows.is_empty() {
                let at = found.first_seq + (found.rows.len() - rows.len()) as i64;
                return Err(here(format!(
                    "the engine found rows from seq {at} that are not there"
                )));
            }
        }
        self.same_figures(image, db)
    }

    /// Compares what the engine says of itself.
    fn same_figures(&self, image: &Image, db: &Database) -> Result<(), Violation> {
        let stats = db.stats();
        let last = image.log.commits.last().map(|commit| commit.number);
        let last = last.unwrap_or(image.manifest.version.last_commit);
        if stats.last_commit != last {
            return wrong(format!("the last commit is {last}; the engine: {}", stats.last_commit));
        }
        for table in &stats.tables {
            let Some(t) = image.manifest.version.tables.get(&table.id) else { continue };
            let bytes: u64 = t.ssts.iter().map(|sst| sst.size).sum();
            let rows: u64 = t.ssts.iter().map(|sst| sst.rows).sum();
            if (table.ssts, table.sst_bytes, table.sst_rows) != (t.ssts.len() as u64, bytes, rows) {
                return wrong(format!(
                    "{} has {} SSTs of {bytes} bytes and {rows} rows; the engine: {table:?}",
                    t.name,
                    t.ssts.len(),
                ));
            }
        }
        Ok(())
    }

    /// Checks what the engine made of damaged files: whether it opened them, what it read, and
    /// whether it found everything in order.
    ///
    /// # Errors
    /// If it opened what must be refused, refused what must be opened, gave other rows than there
    /// are, or missed damage that the reader found.
    pub fn agrees_on_damage(&self, ssts: &mut Ssts, answer: &Answer) -> Result<(), Violation> {
        match (&self.image, answer) {
            (Err(_), Answer::Refused(_)) => Ok(()),
            (Err(damage), _) => wrong(format!("the engine opened what is damaged: {damage}")),
            (Ok(_), Answer::Refused(e)) => {
                wrong(format!("the engine refused what can be read: {e}"))
            }
            (Ok(_), Answer::Unread(e)) => match self.first_damage(ssts) {
                Some(_) => Ok(()),
                None => wrong(format!("the engine could not read what can be read: {e}")),
            },
            (Ok(_), Answer::Read(db, found, problem)) => match self.first_damage(ssts) {
                None => self.agrees(ssts, db, found),
                Some(_) if problem.is_some() => Ok(()),
                Some(damage) => wrong(format!("the engine finds nothing wrong; {}", damage.what)),
            },
        }
    }

    /// The first SST that is damaged.
    fn first_damage(&self, ssts: &mut Ssts) -> Option<Violation> {
        let image = self.image.as_ref().ok()?.as_ref()?;
        image.manifest.version.tables.iter().find_map(|(id, table)| {
            let mut records = table.ssts.iter();
            records.find_map(|record| {
                let rows = ssts.rows(self, image, *id, table, record);
                let indexes = rows
                    .and_then(|rows| ssts.check_indexes(self, image, (*id, table), record, &rows));
                indexes.err()
            })
        })
    }
}

fn ns(age: std::time::Duration) -> u64 {
    u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
}

/// What an engine made of damaged files.
#[derive(Debug)]
pub enum Answer {
    /// It did not open them.
    Refused(Error),
    /// It opened them and could not read them.
    Unread(Error),
    /// It read them; and the first thing that `verify` found wrong.
    Read(Database, Found, Option<Error>),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Refused(e) | Answer::Unread(e) => write!(f, "reported: {e}"),
            Answer::Read(_, _, Some(e)) => write!(f, "opened, and verify reported: {e}"),
            Answer::Read(_, _, None) => f.write_str("opened, and nothing reported"),
        }
    }
}

fn wrong<T>(what: String) -> Result<T, Violation> {
    Err(Violation::new("image", what))
}

/// What the engine says of a table that is not so.
fn other_schema(id: u32, table: &Table, db: &Database) -> Option<String> {
    let engine = match db.table(&table.name) {
        Ok(engine) => engine,
        Err(e) => return Some(format!("the engine does not give it: {e}")),
    };
    if engine.id() != id {
        return Some(format!("its id is {id}; the engine: {}", engine.id()));
    }
    let fields = &table.schema.fields;
    let same = |(field, engine): (&crate::image::schema::Field, &srdb::Field)| {
        let flags = (field.nullable, field.unique, field.indexed);
        field.name == engine.name()
            && format!("{:?}", field.data_type) == format!("{:?}", engine.data_type())
            && flags == (engine.is_nullable(), engine.is_unique(), engine.is_indexed())
            && field.comment.as_deref() == engine.comment_text()
            && match (&field.default, engine.default_value()) {
                (None, None) => true,
                (Some(value), Some(engine)) => is_same(field.data_type, value, engine),
                _ => false,
            }
    };
    let schema = engine.schema();
    let right = fields.len() == schema.len()
        && fields.iter().zip(schema.fields()).all(same)
        && table.schema.checksum == schema.checksum();
    (!right).then(|| format!("its fields are {fields:?}; the engine: {:?}", schema.fields()))
}

/// Compares rows, but for those that were dropped, with the first of those that the engine found;
/// returns the others.
fn same_rows<'a>(
    rows: &Rows,
    table: &Table,
    found: &'a [FoundRow],
) -> Result<&'a [FoundRow], String> {
    let dropped = usize::try_from(table.dropped_below - rows.first_seq).unwrap_or(0);
    let dropped = dropped.min(rows.len());
    let Some((found, rest)) = found.split_at_checked(rows.len() - dropped) else {
        let lost = rows.first_seq + (dropped + found.len()) as i64;
        return Err(format!("the engine lost the rows from seq {lost}"));
    };
    let differs = |at: usize, what: String| {
        Err(format!("seq {}: {what}", rows.first_seq + (dropped + at) as i64))
    };
    let times = &rows.times[dropped..];
    if let Some(at) = times.iter().zip(found).position(|(time, row)| *time != row.time) {
        return differs(at, format!("_time {}; the engine: {}", times[at], found[at].time));
    }
    for (number, (field, column)) in table.schema.fields.iter().zip(&rows.columns).enumerate() {
        for (at, (value, row)) in column.iter().skip(dropped).zip(found).enumerate() {
            let engine = row.values.get(number);
            if engine.is_none_or(|engine| !is_same(field.data_type, value, engine)) {
                return differs(at, format!("{}: {value:?}; the engine: {engine:?}", field.name));
            }
        }
    }
    Ok(rest)
}

/// Whether two values are the same, bit for bit.
fn is_same(data_type: Type, value: &Value, engine: &srdb::Value) -> bool {
    use srdb::Value as Engine;
    match (data_type, value, engine) {
        (_, Value::Null, Engine::Null) => true,
        (_, Value::Bool(a), Engine::Bool(b)) => a == b,
        (Type::Timestamp, Value::Int(a), Engine::Timestamp(b)) => a == b,
        (Type::Duration, Value::Int(a), Engine::Duration(b)) => a == b,
        (_, Value::Int(a), Engine::Int(b)) => a == b,
        (_, Value::UInt(a), Engine::UInt(b)) => a == b,
        (_, Value::Float32(a), Engine::Float32(b)) => a.to_bits() == b.to_bits(),
        (_, Value::Float64(a), Engine::Float64(b)) => a.to_bits() == b.to_bits(),
        (_, Value::Decimal { negative, scale, mantissa }, Engine::Decimal(b)) => {
            let digits = b.mantissa().unsigned_abs();
            (*negative, *scale, *mantissa) == (b.is_sign_negative(), b.scale(), digits)
        }
        (Type::String, Value::Bytes(a), Engine::String(b))
        | (Type::Json, Value::Bytes(a), Engine::Json(b)) => a == b.as_bytes(),
        (Type::Bytes, Value::Bytes(a), Engine::Bytes(b)) => a == b,
        _ => false,
    }
}
