//! Is every live file there, and, once everything is at rest, nothing else?

use std::path::Path;

use srdb::Database;
use srdb_vfs::{EntryKind, MemDisk};

use super::Violation;
use crate::db::ROOT;

/// Compares what lies on the disk with what the database says it has. Jobs must have come to rest.
///
/// # Errors
/// The first file that is missing or left over.
pub fn check(disk: &MemDisk, db: &Database) -> Result<(), Violation> {
    let wrong = |what: String| Err(Violation::new("files", what));
    let all: Vec<_> = disk
        .list()
        .into_iter()
        .filter_map(|(path, kind)| Some((path.strip_prefix(ROOT).ok()?.to_owned(), kind)))
        .collect();
    let manifests = all.iter().filter(|(path, _)| name(path).starts_with("MANIFEST")).count();
    if manifests != 1 {
        return wrong(format!("there are {manifests} MANIFESTs"));
    }
    if let Some((path, _)) = all.iter().find(|(path, _)| name(path).contains("tmp")) {
        return wrong(format!("{} is left over", path.display()));
    }
    let tables = db.tables().len();
    let directories =
        all.iter().filter(|(path, _)| path.parent() == Some(Path::new("tables"))).count();
    if directories != tables {
        return wrong(format!("there are {directories} table directories for {tables} tables"));
    }
    for table in db.stats().tables {
        let directory =
            Path::new("tables").join(format!("{}-{}", table.id, table.name)).join("sst");
        let there = all
            .iter()
            .filter(|(path, kind)| *kind == EntryKind::File && path.parent() == Some(&directory));
        let sizes: Vec<u64> = there
            .filter_map(|(path, _)| disk.read_file(Path::new(ROOT).join(path)))
            .map(|content| content.len() as u64)
            .collect();
        let (count, bytes) = (sizes.len() as u64, sizes.iter().sum::<u64>());
        if (count, bytes) != (table.ssts, table.sst_bytes) {
            return wrong(format!(
                "{} holds {count} files of {bytes} bytes; {} SSTs of {} bytes are live",
                directory.display(),
                table.ssts,
                table.sst_bytes
            ));
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
