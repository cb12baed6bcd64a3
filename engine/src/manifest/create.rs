//! Creates the files of an empty database.
//!
//! The order is the proof: each line is durable before the next begins.
//!
//! ```text
//! database.meta                        who we are
//! wal/  tables/  MANIFEST-000001       an empty database
//! CURRENT                              it exists
//! ```
//!
//! So a crash leaves nothing, [`super::Found::HalfCreated`], or the whole database.

use std::io;
use std::path::Path;

use srdb_vfs::Vfs;

use super::log::first_bytes;
use crate::edit::{Change, VersionEdit};
use crate::error::{Error, Result};
use crate::format::manifest as format;
use crate::format::manifest::{Header, Meta};

/// Makes an empty database in `dir`, which exists, is locked, and is durable in its parent.
///
/// What an earlier, interrupted creation left is made anew. Durable on return; load it then.
///
/// # Errors
/// [`Error::Io`]. It may be called again.
pub(crate) fn create(vfs: &dyn Vfs, dir: &Path, meta: &Meta) -> Result<()> {
    assert!(meta.database_id != 0, "a database id is not zero");
    replace(vfs, dir, format::META_TEMP, format::META, &meta.encode())?;
    for name in [format::WAL_DIR, format::TABLES_DIR] {
        create_dir(vfs, &dir.join(name))?;
    }
    let header = Header {
        file_number: format::FIRST_MANIFEST,
        database_id: meta.database_id,
        first_edit: 1,
    };
    let empty = VersionEdit::new(vec![Change::NextFile(format::FIRST_MANIFEST + 1)]);
    let manifest = dir.join(format::manifest_name(header.file_number));
    write_new(vfs, &manifest, &first_bytes(&header, &empty)?)?;
    sync_dir(vfs, dir)?;
    let current = format::current_text(header.file_number);
    replace(vfs, dir, format::CURRENT_TEMP, format::CURRENT, current.as_bytes())
}

/// Writes `dir/name` by way of `dir/temp`: old or new after a crash, durable on return.
fn replace(vfs: &dyn Vfs, dir: &Path, temp: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let (temp, path) = (dir.join(temp), dir.join(name));
    write_new(vfs, &temp, bytes)?;
    vfs.rename(&temp, &path).map_err(|error| Error::io("rename", &temp, error))?;
    sync_dir(vfs, dir)
}

/// Writes and syncs a file, in place of one that an interrupted creation left.
fn write_new(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Result<()> {
    remove_if_there(vfs, path)?;
    write_file(vfs, path, bytes)
}

/// Creates, writes and syncs a file.
pub(super) fn write_file(vfs: &dyn Vfs, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = vfs.create(path).map_err(|error| Error::io("create", path, error))?;
    file.write_all_at(bytes, 0).map_err(|error| Error::io("write", path, error))?;
    file.sync_all().map_err(|error| Error::io("sync", path, error))
}

fn create_dir(vfs: &dyn Vfs, path: &Path) -> Result<()> {
    match vfs.create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|error| Error::io("create", path, error)),
    }
}

pub(super) fn remove_if_there(vfs: &dyn Vfs, path: &Path) -> Result<()> {
    match vfs.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|error| Error::io("remove", path, error)),
    }
}

pub(super) fn sync_dir(vfs: &dyn Vfs, dir: &Path) -> Result<()> {
    vfs.sync_dir(dir).map_err(|error| Error::io("sync", dir, error))
}
