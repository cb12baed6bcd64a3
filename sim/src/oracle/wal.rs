//! Does recovery give the same when it is repeated and when it is interrupted; is damage to what
//! was acknowledged reported?

use std::path::{Path, PathBuf};

use srdb_vfs::{EntryKind, MemDisk};

use super::Violation;
use crate::db::ROOT;
use crate::model::{Excuse, Found};
use crate::plan::{Rot, RotFile};
use crate::vfs::Watch;

/// A second recovery has to find what the first one found.
///
/// # Errors
/// The first table that differs.
pub fn same_again(reference: Option<&Found>, found: &Found) -> Result<(), Violation> {
    let Some(reference) = reference else { return Ok(()) };
    if reference == found {
        return Ok(());
    }
    let counts = |found: &Found| {
        let count =
            |table: &crate::model::FoundTable| format!("t{}: {}", table.slot, table.rows.len());
        found.iter().map(count).collect::<Vec<_>>().join(", ")
    };
    let what = format!(
        "one recovery found {{{}}}, another one of the same disk {{{}}}",
        counts(reference),
        counts(found)
    );
    Err(Violation::new("wal", what))
}

/// Which byte of which file rots; `None` if there is no such file, or nothing in it.
pub fn rotten_byte(disk: &MemDisk, watch: &Watch, rot: Rot) -> Option<(PathBuf, u64)> {
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        match rot.file {
            RotFile::Wal | RotFile::WalVouched => name.ends_with(".wal"),
            RotFile::Sst => name.ends_with(".sst"),
            RotFile::Index => name.ends_with(".idx"),
            RotFile::Manifest => name.starts_with("MANIFEST"),
            RotFile::Small => ["CURRENT", "database.meta", "schema.json"].contains(&&*name),
        }
    };
    let bytes = |path: &PathBuf| match rot.file {
        RotFile::WalVouched => watch.vouched(path),
        _ => disk.read_file(path).map_or(0, |content| content.len() as u64),
    };
    let files: Vec<(PathBuf, u64)> = disk
        .list()
        .into_iter()
        .filter(|(path, kind)| *kind == EntryKind::File && path.starts_with(ROOT))
        .map(|(path, _)| path)
        .filter(is_meant)
        .map(|path| (bytes(&path), path))
        .filter_map(|(bytes, path)| (bytes > 0).then_some((path, bytes)))
        .collect();
    let (path, bytes) = files.get(usize::from(rot.pick).checked_rem(files.len())?)?;
    Some((path.clone(), u64::from(rot.at) % bytes))
}

/// What damage to this byte may cost.
pub fn excuse(watch: &Watch, file: RotFile, path: &Path, offset: u64) -> Excuse {
    let is_vouched = offset < watch.vouched(path);
    match file {
        RotFile::Wal if !is_vouched => Excuse::AllBut(watch.vouched_commits()),
        RotFile::Manifest if !is_vouched => Excuse::LastEdit,
        _ => Excuse::Nothing,
    }
}
