//! Where everything lies in a database's directory. No I/O, only names.
//!
//! ```text
//! DB/  LOCK  CURRENT  MANIFEST-000007  database.meta
//!      wal/000012.wal
//!      tables/<id>-<name>/  schema.json  sst/000031.sst  idx/000032.idx
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::counters::FileKind;
pub(crate) use crate::format::manifest::{LOCK, TABLES_DIR, WAL_DIR};
use crate::format::manifest::{MANIFEST_PREFIX, MANIFEST_TEMP};
pub(crate) const SST_DIR: &str = "sst";
pub(crate) const INDEX_DIR: &str = "idx";
pub(crate) const SCHEMA_FILE: &str = "schema.json";

/// The directory of a table, below the database's.
pub(crate) fn table_dir(root: &Path, directory_name: &str) -> PathBuf {
    root.join(TABLES_DIR).join(directory_name)
}

/// An SST of the table in `table_dir`.
pub(crate) fn sst_path(table_dir: &Path, file_number: u64) -> PathBuf {
    table_dir.join(SST_DIR).join(format!("{file_number:06}.sst"))
}

/// An index file of the table in `table_dir`.
pub(crate) fn index_path(table_dir: &Path, file_number: u64) -> PathBuf {
    table_dir.join(INDEX_DIR).join(format!("{file_number:06}.idx"))
}

/// A segment of the log.
pub(crate) fn wal_path(root: &Path, number: u64) -> PathBuf {
    root.join(WAL_DIR).join(crate::format::wal::segment_file_name(number))
}

/// The number of a file named `000031.<extension>`, if it is one.
pub(crate) fn file_number(name: &OsStr, extension: &str) -> Option<u64> {
    let (digits, found) = name.to_str()?.split_once('.')?;
    let plain = digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    (plain && found == extension).then(|| digits.parse().ok())?
}

/// The kind of file that a name, with or without its directory, stands for; of a directory, that of
/// the files in it.
pub(crate) fn kind_of(path: &Path) -> FileKind {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    match name.split_once('.').map_or(name, |(_, extensions)| extensions) {
        "wal" | "wal.copy" => FileKind::Wal,
        "sst" => FileKind::Sst,
        "idx" => FileKind::Index,
        _ if name == MANIFEST_TEMP || name.starts_with(MANIFEST_PREFIX) => FileKind::Manifest,
        _ => FileKind::Other,
    }
}

/// The table id that a directory's name begins with, if it does.
pub(crate) fn table_id(name: &OsStr) -> Option<u32> {
    name.to_str()?.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_from_names_and_from_nothing_else() {
        let name = sst_path(Path::new("t"), 31);
        assert_eq!(file_number(name.file_name().unwrap_or_default(), "sst"), Some(31));
        let big = sst_path(Path::new("t"), 1_234_567_890);
        assert_eq!(file_number(big.file_name().unwrap_or_default(), "sst"), Some(1_234_567_890));
        for other in ["31.sst", "000031.idx", "000031.sst.tmp", "00003x.sst", "+00031.sst", ""] {
            assert_eq!(file_number(OsStr::new(other), "sst"), None, "{other}");
        }
        assert_eq!(table_id(OsStr::new("12-logs")), Some(12));
        assert_eq!(table_id(OsStr::new("logs")), None);
    }

    #[test]
    fn names_tell_their_kind() {
        let (root, table) = (Path::new("db"), Path::new("db/tables/1-a.sst"));
        for (path, kind) in [
            (wal_path(root, 7), FileKind::Wal),
            (PathBuf::from("db/wal/000007.wal.copy"), FileKind::Wal),
            (root.join(WAL_DIR), FileKind::Wal),
            (sst_path(table, 8), FileKind::Sst),
            (table.join(SST_DIR), FileKind::Sst),
            (index_path(table, 9), FileKind::Index),
            (table.join(INDEX_DIR), FileKind::Index),
            (root.join(crate::format::manifest::manifest_name(3)), FileKind::Manifest),
            (root.join(MANIFEST_TEMP), FileKind::Manifest),
            (root.join(crate::format::manifest::CURRENT), FileKind::Other),
            (table.join(SCHEMA_FILE), FileKind::Other),
        ] {
            assert_eq!(kind_of(&path), kind, "{}", path.display());
        }
    }
}
