//! The small files of a database that is made of a version: what [`super::create()`] makes for an
//! empty one.
//!
//! They are written into a directory that nobody takes for a database yet, so their order is of no
//! account; whoever gives the directory its name syncs it before.

use std::path::Path;

use srdb_vfs::Vfs;

use super::create::write_file;
use super::log::{checked_payload, first_bytes};
use crate::edit::VersionEdit;
use crate::error::Result;
use crate::format::manifest as format;
use crate::format::manifest::{Header, Meta, RecordKind, encode_record};
use crate::version::Version;

/// Writes `database.meta`, a MANIFEST of that number with exactly this version, closed cleanly, and
/// `CURRENT` into `dir`. Their content is durable on return, their names are not.
///
/// # Errors
/// [`crate::Error::Io`]; [`crate::Error::Limit`] for a version that is too large.
pub(crate) fn write_snapshot(
    vfs: &dyn Vfs,
    dir: &Path,
    meta: &Meta,
    number: u64,
    version: &Version,
) -> Result<()> {
    assert!(version.next_file > number, "MANIFEST {number} is not below {}", version.next_file);
    write_file(vfs, &dir.join(format::META), &meta.encode())?;
    let header = Header { file_number: number, database_id: meta.database_id, first_edit: 1 };
    let mut bytes = first_bytes(&header, &version.to_snapshot_edit())?;
    let close = checked_payload(&VersionEdit::close())?;
    let (offset, edit) = (bytes.len() as u64, header.first_edit + 1);
    bytes.extend(encode_record(&header, offset, RecordKind::Edit, edit, &close));
    write_file(vfs, &dir.join(format::manifest_name(number)), &bytes)?;
    write_file(vfs, &dir.join(format::CURRENT), format::current_text(number).as_bytes())
}
