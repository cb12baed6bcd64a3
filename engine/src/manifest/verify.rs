//! Checks of the files in this directory's charge that opening does not make, or stops at.
//!
//! Opening takes the first problem as its error. Here all are listed, and what opening forgives, a
//! torn tail, is one: after an open and with no writer at work there is none.

use std::path::Path;

use srdb_vfs::Vfs;

use super::load::{decode, read_current, read_manifest, read_meta};
use super::scan::scan;
use crate::error::Error;
use crate::format::manifest as format;
use crate::version::Version;

/// Everything that is wrong with `database.meta`, `CURRENT` and the MANIFEST of the database in
/// `dir`. The caller keeps writers of the MANIFEST out meanwhile.
pub(crate) fn verify(vfs: &dyn Vfs, dir: &Path) -> Vec<Error> {
    let mut errors = Vec::new();
    let meta = read_meta(vfs, dir).map_err(|error| errors.push(error)).ok();
    let current = read_current(vfs, dir).map_err(|error| errors.push(error)).ok();
    let file_number = match current {
        Some(Some(file_number)) => file_number,
        Some(None) => {
            errors.push(Error::corrupt(&dir.join(format::CURRENT), 0, "the file is missing"));
            return errors;
        }
        None => return errors,
    };
    let Some(meta) = meta else { return errors };
    let path = dir.join(format::manifest_name(file_number));
    match read_manifest(vfs, &path) {
        Ok(bytes) => verify_bytes(&bytes, meta.database_id, file_number, &path, &mut errors),
        Err(error) => errors.push(error),
    }
    errors
}

fn verify_bytes(
    bytes: &[u8],
    database_id: u64,
    file_number: u64,
    path: &Path,
    errors: &mut Vec<Error>,
) {
    let scan = match scan(bytes, database_id, file_number) {
        Ok(scan) => scan,
        Err(refused) => return errors.push(refused.in_file(path, 0)),
    };
    // `None` after an edit that could not be applied: those behind it can't be judged any more.
    let mut version = Some(Version::default());
    for record in &scan.records {
        let applied = decode(bytes, &record.payload, path).and_then(|edit| match &mut version {
            Some(version) => version
                .change(&edit)
                .map_err(|damage| damage.in_file(path, record.payload.start as u64)),
            None => Ok(()),
        });
        if let Err(error) = applied {
            errors.push(error);
            version = None;
        }
    }
    if let Some(version) = version {
        let again = Version::default().apply(&version.to_snapshot_edit());
        if again.as_ref() != Ok(&version) {
            errors.push(Error::corrupt(path, 0, "the version's snapshot is another version"));
        }
        if version.next_file <= file_number {
            let what = format!("the next file number, {}, is in use", version.next_file);
            errors.push(Error::corrupt(path, 0, what));
        }
    }
    if scan.end < bytes.len() {
        errors.push(Error::corrupt(path, scan.end as u64, "a torn record at the end"));
    }
}
