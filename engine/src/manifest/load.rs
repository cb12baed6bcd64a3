//! Finds out what a directory holds, and reads the database's version from it. Never writes.
//!
//! `CURRENT` is the last file that creation makes, so its presence is what makes a database:
//!
//! ```text
//! CURRENT │ what else there is                      │ found
//! yes     │ database.meta and the MANIFEST it names │ Database, else an error
//! no      │ segments, tables or a later MANIFEST    │ an error: CURRENT was lost, never re-created
//! no      │ database.meta, MANIFEST-000001 …        │ HalfCreated: creation crashed, do it again
//! no      │ files that are not ours                 │ Foreign
//! no      │ nothing (but LOCK)                      │ Absent
//! ```

use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use srdb_vfs::{Access, DirEntry, Vfs};

use super::scan::{Scan, scan};
use crate::edit::{Change, VersionEdit};
use crate::error::{Error, Result};
use crate::format::manifest as format;
use crate::format::manifest::{Header, Meta};
use crate::version::Version;

/// What a directory holds.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing, or there is no such directory: a database may be created here.
    Absent,
    /// Something that is not ours, such as this: hands off.
    Foreign(OsString),
    /// A database whose creation did not come to its end; it never held anything. Create it again.
    HalfCreated,
    /// A database.
    Database(Box<Loaded>),
}

/// A database's version, and where its MANIFEST goes on.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The database's identity.
    pub(crate) meta: Meta,
    /// What the MANIFEST comes to.
    pub(crate) version: Version,
    /// The MANIFEST.
    pub(crate) path: PathBuf,
    /// Its header.
    pub(crate) header: Header,
    /// Its bytes, but for a torn tail.
    pub(crate) bytes: Vec<u8>,
    /// What stands behind them, where a write was torn.
    pub(crate) torn: Vec<u8>,
    /// Where its next record goes.
    pub(crate) end: u64,
    /// Where its last record is.
    pub(crate) last_record: u64,
    /// The number of its next record.
    pub(crate) next_edit: u64,
    /// Bytes of its header and snapshot, to judge its growth by.
    pub(crate) snapshot_bytes: u64,
    /// Whether the last record is that of a clean close.
    pub(crate) clean_close: bool,
    /// Whether the last record is the edit of a flush: no later one vouches for it.
    pub(crate) ends_with_flush: bool,
    /// Whether the last record takes SSTs away, likewise.
    pub(crate) ends_with_removal: bool,
    /// The bytes behind the last whole record, where a write was torn.
    #[cfg(any(test, feature = "internals"))]
    pub(crate) torn_tail: Option<Range<u64>>,
}

/// Reads what `dir` holds.
///
/// What was read may be visible without being durable, where only the process died: depend on it
/// only after [`super::ManifestWriter::resume`].
///
/// # Errors
/// [`Error::Corrupt`] and [`Error::Unsupported`] with the file; [`Error::Io`].
pub(crate) fn load(vfs: &dyn Vfs, dir: &Path) -> Result<Found> {
    let Some(file_number) = read_current(vfs, dir)? else {
        return without_current(vfs, dir);
    };
    let meta = read_meta(vfs, dir)?;
    let path = dir.join(format::manifest_name(file_number));
    let bytes = read_manifest(vfs, &path)?;
    let scan =
        scan(&bytes, meta.database_id, file_number).map_err(|refused| refused.in_file(&path, 0))?;
    let mut version = Version::default();
    let mut clean_close = false;
    let (mut ends_with_flush, mut ends_with_removal) = (false, false);
    for record in &scan.records {
        let edit = decode(&bytes, &record.payload, &path)?;
        version
            .change(&edit)
            .map_err(|damage| damage.in_file(&path, record.payload.start as u64))?;
        clean_close = edit.is_close();
        let has = |is: fn(&Change) -> bool| edit.changes.iter().any(is);
        ends_with_flush = has(|change| matches!(change, Change::LogNumber(_)));
        ends_with_removal = has(|change| matches!(change, Change::RemoveSst { .. }));
    }
    // A snapshot was synced before anything named it.
    ends_with_flush &= scan.records.len() > 1;
    let mut loaded = loaded(meta, version, path, &scan, bytes, clean_close);
    (loaded.ends_with_flush, loaded.ends_with_removal) = (ends_with_flush, ends_with_removal);
    Ok(Found::Database(Box::new(loaded)))
}

fn loaded(
    meta: Meta,
    version: Version,
    path: PathBuf,
    scan: &Scan,
    mut bytes: Vec<u8>,
    clean_close: bool,
) -> Loaded {
    let torn = (scan.end < bytes.len()).then_some(scan.end as u64..bytes.len() as u64);
    let torn_bytes = bytes.split_off(scan.end);
    Loaded {
        meta,
        version,
        path,
        header: scan.header,
        bytes,
        torn: torn_bytes,
        end: scan.end as u64,
        last_record: scan.records.last().map_or(0, |last| last.offset),
        next_edit: scan.header.first_edit + scan.records.len() as u64,
        snapshot_bytes: scan.records.get(1).map_or(scan.end as u64, |second| second.offset),
        clean_close: clean_close && torn.is_none(),
        ends_with_flush: false,
        ends_with_removal: false,
        #[cfg(any(test, feature = "internals"))]
        torn_tail: torn,
    }
}

/// Decodes the edit of a record.
pub(super) fn decode(bytes: &[u8], payload: &Range<usize>, path: &Path) -> Result<VersionEdit> {
    let Some(edit) = bytes.get(payload.clone()) else {
        return Err(Error::corrupt(path, payload.start as u64, "the record leaves the file"));
    };
    VersionEdit::decode(edit).map_err(|refused| refused.in_file(path, payload.start as u64))
}

/// The number of the MANIFEST that counts, `None` if there is no `CURRENT`.
pub(super) fn read_current(vfs: &dyn Vfs, dir: &Path) -> Result<Option<u64>> {
    let path = dir.join(format::CURRENT);
    match read_start(vfs, &path, 4096) {
        Ok(bytes) => {
            format::parse_current(&bytes).map(Some).map_err(|refused| refused.in_file(&path, 0))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", &path, error)),
    }
}

/// The identity of a database that has a `CURRENT`.
pub(crate) fn read_meta(vfs: &dyn Vfs, dir: &Path) -> Result<Meta> {
    let path = dir.join(format::META);
    let bytes = match read_start(vfs, &path, 4096) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::corrupt(&path, 0, "the file is missing, and CURRENT is there"));
        }
        other => other.map_err(|error| Error::io("read", &path, error))?,
    };
    Meta::decode(&bytes).map_err(|refused| refused.in_file(&path, 0))
}

/// The bytes of the MANIFEST that `CURRENT` names.
pub(super) fn read_manifest(vfs: &dyn Vfs, path: &Path) -> Result<Vec<u8>> {
    match read_start(vfs, path, u64::MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::corrupt(path, 0, "the file is missing, and CURRENT names it"))
        }
        other => other.map_err(|error| Error::io("read", path, error)),
    }
}

/// The file's content, but no more than `bytes_max` of it.
fn read_start(vfs: &dyn Vfs, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = vfs.open(path, Access::Read)?;
    let len = usize::try_from(file.len()?.min(bytes_max))
        .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// What a directory without `CURRENT` is: the table in the module's documentation.
fn without_current(vfs: &dyn Vfs, dir: &Path) -> Result<Found> {
    let mut foreign = None;
    let mut ours = false;
    for DirEntry { name, .. } in list(vfs, dir)? {
        let text = name.to_str().unwrap_or_default();
        let evidence = match text {
            format::META | format::META_TEMP | format::CURRENT_TEMP | format::MANIFEST_TEMP => {
                ours = true;
                false
            }
            format::WAL_DIR | format::TABLES_DIR => holds_ours(vfs, dir, text)?,
            format::LOCK => false,
            _ => match format::manifest_number(text) {
                Some(number) => {
                    ours = true;
                    number > format::FIRST_MANIFEST
                }
                None => {
                    foreign = foreign.or(Some(name.clone()));
                    false
                }
            },
        };
        if evidence {
            let what = format!("the file is missing, and {text} is of a database in use");
            return Err(Error::corrupt(&dir.join(format::CURRENT), 0, what));
        }
    }
    Ok(match foreign {
        _ if ours => Found::HalfCreated,
        Some(name) => Found::Foreign(name),
        None => Found::Absent,
    })
}

/// Whether `wal/` holds a segment, or `tables/` the directory of a table.
fn holds_ours(vfs: &dyn Vfs, dir: &Path, name: &str) -> Result<bool> {
    let entries = list(vfs, &dir.join(name))?;
    Ok(entries.iter().any(|entry| {
        let text = entry.name.to_str().unwrap_or_default();
        if name == format::WAL_DIR {
            text.ends_with(".wal")
        } else {
            text.starts_with(|first: char| first.is_ascii_digit())
        }
    }))
}

/// The entries of a directory; none if it is missing or a file.
fn list(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<DirEntry>> {
    match vfs.read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|error| Error::io("list", dir, error)),
    }
}

/// What a crash may have left in `dir` beside the MANIFEST that counts: files to be removed once
/// [`super::ManifestWriter::resume`] has made it durable which one that is.
pub(crate) fn leftovers(vfs: &dyn Vfs, dir: &Path, current: u64) -> Result<Vec<PathBuf>> {
    let entries = list(vfs, dir)?;
    let stale = entries.iter().filter(|entry| match entry.name.to_str() {
        Some(format::CURRENT_TEMP | format::META_TEMP | format::MANIFEST_TEMP) => true,
        Some(name) => format::manifest_number(name).is_some_and(|number| number != current),
        None => false,
    });
    Ok(stale.map(|entry| dir.join(&entry.name)).collect())
}
