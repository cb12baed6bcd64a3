//! What an attempt that did not come to its end has left.
//!
//! Invariant: only names that a checkpoint has are removed; anything else is somebody's, and is
//! refused by name before the first removal.

use std::path::{Path, PathBuf};

use srdb_vfs::{DirEntry, EntryKind, Vfs};

use crate::format::manifest::{CURRENT, META, manifest_number};
use crate::{Error, Result, layout};

/// A name that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leftover {
    /// A file.
    File(PathBuf),
    /// A directory that is empty once what comes before it is removed.
    Dir(PathBuf),
}

impl Leftover {
    /// Removes it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn remove(&self, vfs: &dyn Vfs) -> Result<()> {
        let (removed, path) = match self {
            Leftover::File(path) => (vfs.remove_file(path), path),
            Leftover::Dir(path) => (vfs.remove_dir(path), path),
        };
        removed.map_err(|e| Error::io("remove", path, e))
    }
}

/// Everything in the directory of an attempt but its lock, in the order in which it can go.
///
/// # Errors
/// [`Error::Invalid`] if there is something that no checkpoint has; [`Error::Io`].
pub(super) fn find(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for entry in list(vfs, dir)? {
        let path = dir.join(&entry.name);
        match (entry.name.to_str().unwrap_or_default(), entry.kind) {
            (layout::LOCK, EntryKind::File) => {}
            (META | CURRENT, EntryKind::File) => found.push(Leftover::File(path)),
            (name, EntryKind::File) if manifest_number(name).is_some() => {
                found.push(Leftover::File(path));
            }
            (layout::WAL_DIR, EntryKind::Dir) => {
                refuse_any(vfs, &path)?;
                found.push(Leftover::Dir(path));
            }
            (layout::TABLES_DIR, EntryKind::Dir) => {
                for table in list(vfs, &path)? {
                    let below = path.join(&table.name);
                    if layout::table_id(&table.name).is_none() || table.kind != EntryKind::Dir {
                        return Err(foreign(&below));
                    }
                    find_table(vfs, &below, &mut found)?;
                }
                found.push(Leftover::Dir(path));
            }
            _ => return Err(foreign(&path)),
        }
    }
    Ok(found)
}

fn find_table(vfs: &dyn Vfs, dir: &Path, found: &mut Vec<Leftover>) -> Result<()> {
    for entry in list(vfs, dir)? {
        let path = dir.join(&entry.name);
        let extension = match (entry.name.to_str().unwrap_or_default(), entry.kind) {
            (layout::SCHEMA_FILE, EntryKind::File) => {
                found.push(Leftover::File(path));
                continue;
            }
            (layout::SST_DIR, EntryKind::Dir) => "sst",
            (layout::INDEX_DIR, EntryKind::Dir) => "idx",
            _ => return Err(foreign(&path)),
        };
        for file in list(vfs, &path)? {
            let below = path.join(&file.name);
            if layout::file_number(&file.name, extension).is_none() || file.kind != EntryKind::File
            {
                return Err(foreign(&below));
            }
            found.push(Leftover::File(below));
        }
        found.push(Leftover::Dir(path));
    }
    found.push(Leftover::Dir(dir.to_owned()));
    Ok(())
}

fn refuse_any(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    match list(vfs, dir)?.first() {
        Some(entry) => Err(foreign(&dir.join(&entry.name))),
        None => Ok(()),
    }
}

fn list(vfs: &dyn Vfs, dir: &Path) -> Result<Vec<DirEntry>> {
    vfs.read_dir(dir).map_err(|e| Error::io("list", dir, e))
}

fn foreign(path: &Path) -> Error {
    Error::invalid(format!(
        "{} is not what a checkpoint that was cut off leaves; move it elsewhere",
        path.display()
    ))
}
