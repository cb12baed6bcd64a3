//! Bugs that cost durability, order or the report of damage: crashes and bad disks show them.

use super::super::Class::{Damage, Durability, Errors, Files, Numbers, Order, Recovery};
use super::super::Mutant;
use super::super::calls;
use super::super::lie::Lie;
use super::{lie, line};

/// By class.
pub(super) const MUTANTS: &[Mutant] = &[
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
        "manifest-copy-unsynced",
        Durability,
        "the copy of a MANIFEST that recovery makes is not synced before it is renamed over it",
        Lie::Skip(calls::sync_of_manifest_copy),
    ),
    line(
        "carry-unsynced",
        Durability,
        "what is carried is not synced before the log that held it is given up",
    ),
    line("os-stays-in-memory", Durability, "a commit at Os is not written to the file"),
    line(
        "group-takes-the-last-level",
        Durability,
        "a group is as durable as the last of its commits asks, not the one that asks for most",
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
    line("batch-in-two-records", Order, "a commit over two tables is two records of the log"),
    line("tickets-swapped", Order, "of a group the second commit is written before the first"),
    line(
        "visible-before-durable",
        Order,
        "rows are shown before the log holds them, and stay when that fails",
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
        "wal-sync-retried",
        Errors,
        "a sync of the log that failed is tried again, and the second answer believed",
        Lie::Retry(calls::sync_of_wal),
    ),
    lie(
        "edit-sync-retried",
        Errors,
        "a sync of the MANIFEST that failed is tried again, and the second answer believed",
        Lie::Retry(calls::sync_of_manifest),
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
        "rename-error-ignored",
        Errors,
        "a renaming of CURRENT that failed is taken for done",
        Lie::Forgive(calls::rename_of_current),
    ),
    line(
        "failed-group-acknowledged",
        Errors,
        "commits whose write or sync failed are acknowledged",
    ),
    line(
        "doubtful-edit-given-up",
        Errors,
        "a flush whose edit failed removes its SSTs, though the edit may have taken effect",
    ),
    line(
        "rename-error-believed",
        Errors,
        "a renaming of CURRENT that failed is taken for not done, and the new MANIFEST is removed",
    ),
    line("carried-rows-lost", Recovery, "the rows that the log begins with are not read"),
    line(
        "carried-twice",
        Recovery,
        "rows are taken from their commits and from a carry behind them",
    ),
    line(
        "carry-of-a-dropped-table",
        Recovery,
        "rows that were carried of a table that was dropped since are taken for damage",
    ),
    line(
        "tail-refused",
        Recovery,
        "what a crash has torn off the log is taken for damage, and refused",
    ),
    line("tail-skips-segment", Recovery, "a torn tail costs the whole segment that it is in"),
    line("segments-behind-the-tail", Recovery, "segments behind a torn tail are left there"),
    line(
        "found-manifest-believed",
        Recovery,
        "what recovery read from the MANIFEST is neither copied nor cut where an edit was torn",
    ),
    line(
        "unsettled",
        Recovery,
        "what recovery read from the log may be in the page cache only, and is not made durable",
    ),
    line(
        "length-believed",
        Recovery,
        "the length that a record names is not compared with what is left of the file",
    ),
    line("vouches-too-early", Recovery, "a record says that the log is synced up to itself"),
    line(
        "close-believed",
        Recovery,
        "the log is not read when the MANIFEST ends with a clean close, though rows came after it",
    ),
    line(
        "manifest-rewritten-early",
        Recovery,
        "recovery writes to the MANIFEST before it has read the log",
    ),
    line(
        "flushed-log-replayed",
        Recovery,
        "segments that were flushed and not removed yet are replayed",
    ),
    line(
        "newer-segments-forgotten",
        Recovery,
        "a flush forgets that segments newer than its own are not synced",
    ),
    line(
        "file-number-reused",
        Numbers,
        "a file that a crash left over does not keep its number from being given again",
    ),
    line(
        "carry-begins-late",
        Numbers,
        "carried rows are logged with a first seq that is one too high",
    ),
    line(
        "carried-times-collapsed",
        Numbers,
        "carried rows are logged with the time of the last of them",
    ),
    line(
        "table-id-reused",
        Numbers,
        "a table's directory that a crash left over does not keep its id from being given again",
    ),
    line("time-goes-back", Numbers, "the clock goes back and _time with it"),
    line("time-forgotten", Numbers, "recovery forgets the last _time of the rows that are in SSTs"),
    line(
        "log-position-ahead",
        Numbers,
        "the edit of a flush says that the next segment is flushed too",
    ),
    line("group-counted-as-one", Numbers, "of a group only one commit is counted"),
    line("batch-counted-in-part", Numbers, "of a commit to several tables one is not counted"),
    line("flush-counted-in-part", Numbers, "of a flush of several tables one is not counted"),
    line("followers-unmeasured", Numbers, "of a group only one synced commit is measured"),
    line(
        "flush-skips-a-table",
        Files,
        "of a generation with several tables only the first is flushed",
    ),
    line(
        "flush-misses-the-tail",
        Files,
        "the last rows of a memtable, a block that is not full, are not flushed",
    ),
    line(
        "flushed-into-a-dropped-table",
        Files,
        "a flush publishes the SST of a table that was dropped meanwhile",
    ),
    line(
        "flush-unvouched",
        Files,
        "the log of a flush is given up while its edit is the last of the MANIFEST",
    ),
    line(
        "removed-in-flight",
        Files,
        "an SST is taken for an orphan while its edit is still to come",
    ),
    line("poisoned-and-closed-well", Files, "a close after a failed sync says that all is well"),
    line(
        "removed-segment-comes-back",
        Files,
        "the log goes on before it is durable that an opening has removed segments behind its end",
    ),
    line("removed-under-a-reader", Files, "an SST is removed while a snapshot still reads it"),
    line(
        "carried-and-not-logged",
        Files,
        "of the memtables that are carried one is not logged again",
    ),
    line(
        "removed-under-a-flush",
        Files,
        "the directory of a dropped table is removed while a flush writes to it",
    ),
    line("lock-let-go", Files, "the lock of the directory is not kept while the database is open"),
    line(
        "carry-unvouched",
        Damage,
        "what was carried is cut like a torn tail, though nothing else holds these rows",
    ),
    line(
        "cut-at-first-bad",
        Damage,
        "recovery cuts the log at the first bad record though later ones were synced",
    ),
    line("record-unchecked", Damage, "the checksum of a record's header is not checked"),
    line("payload-unchecked", Damage, "the checksum of a record's payload is not checked"),
    line(
        "damage-taken-for-zeros",
        Damage,
        "damage to a segment is taken for the zeros that stand ahead of the records",
    ),
    line("column-unchecked", Damage, "the checksum of a block's column is not checked"),
];
