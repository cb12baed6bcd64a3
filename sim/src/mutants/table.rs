//! Every mutant there is. `docs/testing.md` shows the same table; a test compares them.

use super::Class::{Damage, Durability, Errors, Order, Recovery};
use super::calls;
use super::lie::Lie;
use super::{Class, How, Mutant};

const fn lie(name: &'static str, class: Class, what: &'static str, lie: Lie) -> Mutant {
    Mutant { name, class, what, how: How::Lie(lie) }
}

const fn line(name: &'static str, class: Class, what: &'static str) -> Mutant {
    Mutant { name, class, what, how: How::Line }
}

/// Every mutant, by class.
pub static MUTANTS: &[Mutant] = &[
    lie(
        "sst-unsynced",
        Durability,
        "an SST is not synced before the edit that names it",
        Lie::Skip(calls::sync_of_sst),
    ),
    lie(
        "sst-dir-unsynced",
        Durability,
        "the name of an SST is not synced before the edit that names it",
        Lie::Skip(calls::sync_of_sst_dir),
    ),
    lie(
        "wal-dir-unsynced",
        Durability,
        "the name of a WAL segment is not synced",
        Lie::Skip(calls::sync_of_wal_dir),
    ),
    lie(
        "tables-dir-unsynced",
        Durability,
        "the name of a table's directory is not synced",
        Lie::Skip(calls::sync_of_tables_dir),
    ),
    lie(
        "table-dir-unsynced",
        Durability,
        "the names inside a table's directory are not synced",
        Lie::Skip(calls::sync_inside_table),
    ),
    lie(
        "schema-unsynced",
        Durability,
        "schema.json is not synced",
        Lie::Skip(calls::sync_of_schema),
    ),
    lie(
        "manifest-unsynced",
        Durability,
        "an edit is not synced",
        Lie::Skip(calls::sync_of_manifest),
    ),
    lie(
        "new-manifest-unsynced",
        Durability,
        "a new MANIFEST is not synced before CURRENT names it",
        Lie::Skip(calls::sync_of_new_manifest),
    ),
    lie(
        "manifest-name-unsynced",
        Durability,
        "the name of a new MANIFEST is not synced before CURRENT names it",
        Lie::Skip(calls::sync_of_manifest_name),
    ),
    lie(
        "current-unsynced",
        Durability,
        "CURRENT.tmp is not synced before it is renamed",
        Lie::Skip(calls::sync_of_current),
    ),
    lie(
        "current-rename-unsynced",
        Durability,
        "the renaming of CURRENT is not synced before the old MANIFEST is removed",
        Lie::Skip(calls::sync_of_switch),
    ),
    lie(
        "meta-unsynced",
        Durability,
        "database.meta.tmp is not synced before it is renamed",
        Lie::Skip(calls::sync_of_meta),
    ),
    lie(
        "root-dir-unsynced",
        Durability,
        "no name in the database's directory is synced",
        Lie::Skip(calls::sync_of_root),
    ),
    lie(
        "root-name-unsynced",
        Durability,
        "the name of the database's directory is not synced",
        Lie::Skip(calls::sync_above_root),
    ),
    lie(
        "found-manifest-unsynced",
        Durability,
        "what recovery read from the MANIFEST may be in the page cache only, and is not synced",
        Lie::Skip(calls::sync_of_found_manifest),
    ),
    lie(
        "new-segment-unsynced",
        Durability,
        "the first sync of a segment, of the first commit after a rotation, is left out",
        Lie::Skip(calls::first_sync_of_segment),
    ),
    lie(
        "ended-segment-unsynced",
        Durability,
        "a sync covers the open segment only, not the ended one before it",
        Lie::Skip(calls::sync_of_ended_segment),
    ),
    lie(
        "segment-copy-unsynced",
        Durability,
        "the copy that settles a segment is not synced before it is renamed over it",
        Lie::Skip(calls::sync_of_copied_segment),
    ),
    lie(
        "cut-names-unsynced",
        Durability,
        "the removal of segments behind a torn tail is not synced",
        Lie::Skip(calls::sync_of_cut_names),
    ),
    lie(
        "ack-before-sync",
        Order,
        "a commit is acknowledged before the log is synced",
        Lie::Late(calls::sync_of_wal),
    ),
    lie(
        "edit-before-sst",
        Order,
        "the edit that names an SST is synced before the SST",
        Lie::PutOff(calls::sync_of_sst, calls::sync_of_manifest),
    ),
    lie(
        "wal-removed-early",
        Order,
        "a WAL segment is removed before the edit that makes it obsolete is synced",
        Lie::PutOff(calls::sync_of_flush_edit, calls::removal_of_segment),
    ),
    lie(
        "wal-sync-error-believed",
        Errors,
        "a sync of the log that failed is taken for done",
        Lie::Forgive(calls::sync_of_wal),
    ),
    lie(
        "edit-sync-error-believed",
        Errors,
        "a sync of the MANIFEST that failed is taken for done",
        Lie::Forgive(calls::sync_of_manifest),
    ),
    lie(
        "sst-sync-error-believed",
        Errors,
        "a sync of an SST that failed is taken for done",
        Lie::Forgive(calls::sync_of_sst),
    ),
    lie(
        "hole-in-the-log",
        Errors,
        "the log goes on behind a write that failed",
        Lie::Forgive(calls::write_of_wal),
    ),
    lie(
        "failed-group-left",
        Errors,
        "what a failed write to the log has left is not taken back",
        Lie::Skip(calls::taking_back_of_wal),
    ),
    lie(
        "failed-edit-left",
        Errors,
        "what a failed write of an edit has left is not taken back",
        Lie::Skip(calls::taking_back_of_edit),
    ),
    lie(
        "rename-error-ignored",
        Errors,
        "a renaming of CURRENT that failed is taken for done",
        Lie::Forgive(calls::rename_of_current),
    ),
    lie(
        "torn-edit-uncut",
        Recovery,
        "the torn tail of a MANIFEST is not cut before the next edit is written",
        Lie::Skip(calls::cut_of_manifest),
    ),
    line(
        "cut-at-first-bad",
        Damage,
        "recovery cuts the log at the first bad record though later ones were synced",
    ),
];
