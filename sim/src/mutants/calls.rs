//! Which calls a lie is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use srdb_vfs::OpKind;

use crate::db::{ROOT, inside};
use crate::vfs::Call;

/// Picks the calls that a lie is about, with the help of what went before them.
pub(super) type Calls = fn(&Call<'_>, &Memory) -> bool;

/// What a process has asked of its disk so far, as far as lies need to know.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last call that changed the disk.
    last: Option<(OpKind, PathBuf)>,
    /// Files made by this process, and those of them that were synced since.
    created: BTreeSet<PathBuf>,
    synced: BTreeSet<PathBuf>,
    /// The last file that a write to has failed.
    failed_write: Option<PathBuf>,
    /// An SST was synced since a MANIFEST was: the next edit is that of a flush.
    flushing: bool,
}

impl Memory {
    /// Takes note of a call and whether the engine was told that it succeeded.
    pub(super) fn note(&mut self, call: &Call<'_>, succeeded: bool) {
        if !call.op.changes_the_disk() {
            return;
        }
        self.last = Some((call.op, call.path.to_owned()));
        match call.op {
            OpKind::Create if succeeded => {
                self.synced.remove(call.path);
                self.created.insert(call.path.to_owned());
            }
            OpKind::Sync if succeeded => {
                self.synced.insert(call.path.to_owned());
                self.flushing |= is_sst(call);
                self.flushing &= !call.is_on_manifest();
            }
            OpKind::Write => self.failed_write = (!succeeded).then(|| call.path.to_owned()),
            _ => {}
        }
    }

    fn last_was(&self, op: OpKind, is_it: impl Fn(&Path) -> bool) -> bool {
        self.last.as_ref().is_some_and(|(last, path)| *last == op && is_it(path))
    }

    fn write_failed(&self, call: &Call<'_>) -> bool {
        self.failed_write.as_deref() == Some(call.path)
    }

    fn newest_segment(&self) -> Option<&PathBuf> {
        self.created.iter().rfind(|path| path.extension().is_some_and(|e| e == "wal"))
    }
}

fn is_sst(call: &Call<'_>) -> bool {
    call.is_on("sst")
}

fn name(call: &Call<'_>) -> String {
    call.path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
}

fn syncs(call: &Call<'_>, file: &str) -> bool {
    call.op == OpKind::Sync && name(call) == file
}

fn syncs_dir(call: &Call<'_>, dir: &str) -> bool {
    call.op == OpKind::SyncDir && call.path.ends_with(dir)
}

fn syncs_root(call: &Call<'_>) -> bool {
    call.op == OpKind::SyncDir && call.path == Path::new(ROOT)
}

pub(super) fn sync_of_sst(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Sync && is_sst(call)
}

pub(super) fn sync_of_index(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Sync && call.is_on("idx")
}

pub(super) fn sync_of_wal(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Sync && call.is_on("wal")
}

pub(super) fn sync_of_manifest(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Sync && call.is_on_manifest()
}

pub(super) fn sync_of_flush_edit(call: &Call<'_>, memory: &Memory) -> bool {
    sync_of_manifest(call, memory) && memory.flushing
}

pub(super) fn sync_of_new_manifest(call: &Call<'_>, memory: &Memory) -> bool {
    let is_new = memory.created.contains(call.path) && !memory.synced.contains(call.path);
    sync_of_manifest(call, memory) && is_new
}

pub(super) fn sync_of_manifest_copy(call: &Call<'_>, _: &Memory) -> bool {
    syncs(call, "MANIFEST.tmp")
}

pub(super) fn sync_of_current(call: &Call<'_>, _: &Memory) -> bool {
    syncs(call, "CURRENT.tmp")
}

pub(super) fn sync_of_meta(call: &Call<'_>, _: &Memory) -> bool {
    syncs(call, "database.meta.tmp")
}

pub(super) fn sync_of_schema(call: &Call<'_>, _: &Memory) -> bool {
    syncs(call, "schema.json")
}

pub(super) fn first_sync_of_segment(call: &Call<'_>, memory: &Memory) -> bool {
    sync_of_wal(call, memory) && !memory.synced.contains(call.path)
}

pub(super) fn sync_of_ended_segment(call: &Call<'_>, memory: &Memory) -> bool {
    sync_of_wal(call, memory) && memory.newest_segment().is_some_and(|newest| newest != call.path)
}

pub(super) fn sync_of_copied_segment(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Sync && call.is_on("copy")
}

pub(super) fn sync_of_sst_dir(call: &Call<'_>, _: &Memory) -> bool {
    syncs_dir(call, "sst")
}

pub(super) fn sync_of_index_dir(call: &Call<'_>, _: &Memory) -> bool {
    syncs_dir(call, "idx")
}

/// Where a table is made with its indexes, schema.json comes between.
pub(super) fn sync_of_index_place(call: &Call<'_>, memory: &Memory) -> bool {
    sync_inside_table(call, memory)
        && memory.last_was(OpKind::CreateDir, |made| made.ends_with("idx"))
}

pub(super) fn sync_of_wal_dir(call: &Call<'_>, _: &Memory) -> bool {
    syncs_dir(call, "wal")
}

pub(super) fn sync_of_tables_dir(call: &Call<'_>, _: &Memory) -> bool {
    syncs_dir(call, "tables")
}

pub(super) fn sync_inside_table(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::SyncDir && call.path.parent().is_some_and(|above| above.ends_with("tables"))
}

pub(super) fn sync_of_root(call: &Call<'_>, _: &Memory) -> bool {
    syncs_root(call)
}

pub(super) fn sync_above_root(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::SyncDir && Some(call.path) == Path::new(ROOT).parent()
}

pub(super) fn sync_of_switch(call: &Call<'_>, memory: &Memory) -> bool {
    syncs_root(call) && memory.last_was(OpKind::Rename, |to| to.ends_with("CURRENT"))
}

pub(super) fn sync_of_manifest_name(call: &Call<'_>, memory: &Memory) -> bool {
    let is_manifest = |path: &Path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST"))
    };
    syncs_root(call) && memory.last_was(OpKind::Sync, is_manifest)
}

pub(super) fn removal_of_segment(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::RemoveFile && call.is_on("wal")
}

pub(super) fn write_of_wal(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Write && call.is_on("wal")
}

pub(super) fn taking_back_of_wal(call: &Call<'_>, memory: &Memory) -> bool {
    call.op == OpKind::SetLen && call.is_on("wal") && memory.write_failed(call)
}

/// Whether the call is on something in a checkpoint that is being made.
fn is_in_copy(call: &Call<'_>) -> bool {
    let first = call.path.iter().nth(1).map(Path::new);
    first.and_then(Path::extension).is_some_and(|e| e == "unfinished")
}

pub(super) fn sync_of_copied_names(call: &Call<'_>, _: &Memory) -> bool {
    let is_of_files = syncs_dir(call, "sst") || syncs_dir(call, "idx");
    is_in_copy(call) && is_of_files
}

pub(super) fn sync_of_copied_tables(call: &Call<'_>, memory: &Memory) -> bool {
    is_in_copy(call) && (sync_inside_table(call, memory) || syncs_dir(call, "tables"))
}

pub(super) fn sync_of_copied_rows(call: &Call<'_>, memory: &Memory) -> bool {
    is_in_copy(call) && (sync_of_sst(call, memory) || sync_of_index(call, memory))
}

pub(super) fn sync_of_copied_manifest(call: &Call<'_>, memory: &Memory) -> bool {
    is_in_copy(call) && sync_of_manifest(call, memory)
}

pub(super) fn sync_of_copied_small_files(call: &Call<'_>, _: &Memory) -> bool {
    is_in_copy(call) && (syncs(call, "CURRENT") || syncs(call, "database.meta"))
}

pub(super) fn sync_of_copied_root(call: &Call<'_>, _: &Memory) -> bool {
    let is_root = inside(call.path).is_some_and(|path| path.as_os_str().is_empty());
    call.op == OpKind::SyncDir && is_in_copy(call) && is_root
}

pub(super) fn sync_of_copy_name(call: &Call<'_>, memory: &Memory) -> bool {
    call.op == OpKind::SyncDir && memory.last_was(OpKind::RenameDir, |_| true)
}

pub(super) fn rename_of_current(call: &Call<'_>, _: &Memory) -> bool {
    call.op == OpKind::Rename && call.path.ends_with("CURRENT")
}
