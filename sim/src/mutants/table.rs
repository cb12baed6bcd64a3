//! Every mutant there is. `docs/testing.md` shows the same table; a test compares them.

use super::Class::{
    Answers, Checkpoints, Compaction, Damage, Durability, Errors, Files, Followers, Indexes,
    Numbers, Order, Recovery, Retention,
};
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
    line(
        "room-too-early",
        Answers,
        "there is room in memory for any number of rows during a flush",
    ),
    line("try-waits", Answers, "a commit that is not to wait for room waits for it"),
    line("try-writes", Answers, "a commit that is refused for want of room is written"),
    line("snapshot-moves", Answers, "a snapshot shows rows that came later"),
    line("scan-skips-a-row", Answers, "a scan skips the first row of a block"),
    line("memtable-begins-late", Answers, "the first row of a memtable is looked for in the SSTs"),
    line("nulls-ignored", Answers, "nulls in an SST are read as values"),
    line("count-off-by-one", Answers, "the count of a table that has SSTs is one too few"),
    line(
        "zone-overlooks-nulls",
        Answers,
        "a block whose values all pass passes as a whole, though some of its rows have none",
    ),
    line(
        "opposite-of-unknown",
        Answers,
        "the opposite of a comparison with null is true instead of unknown",
    ),
    line(
        "sort-forgets-the-offset",
        Answers,
        "a sort keeps as many rows as the limit says, without those that the offset leaves out",
    ),
    line("null-keys-differ", Answers, "nulls are not one group but each a group of its own"),
    line(
        "window-of-the-first-row",
        Answers,
        "a block is taken to lie in the window of its first row as a whole",
    ),
    line(
        "zone-of-a-part",
        Answers,
        "figures of a block come from its zone map though only some of its rows have passed",
    ),
    lie(
        "index-unsynced",
        Indexes,
        "an index file is not synced before the edit that names it",
        Lie::Skip(calls::sync_of_index),
    ),
    lie(
        "index-dir-unsynced",
        Indexes,
        "the name of an index file is not synced before the edit that names it",
        Lie::Skip(calls::sync_of_index_dir),
    ),
    lie(
        "index-place-unsynced",
        Indexes,
        "the name of the directory of index files that are made later is not synced",
        Lie::Skip(calls::sync_of_index_place),
    ),
    lie(
        "edit-before-index",
        Indexes,
        "the edit that names an index file is synced before that file",
        Lie::PutOff(calls::sync_of_index, calls::sync_of_manifest),
    ),
    lie(
        "index-sync-error-believed",
        Indexes,
        "a sync of an index file that failed is taken for done",
        Lie::Forgive(calls::sync_of_index),
    ),
    line(
        "unique-memory-unasked",
        Indexes,
        "whether a value is unique is not asked of the rows in memory",
    ),
    line(
        "unique-files-unasked",
        Indexes,
        "whether a value is unique is not asked of the rows in SSTs",
    ),
    line(
        "unique-own-rows-unasked",
        Indexes,
        "whether a value is unique is not asked of the rows of the same commit",
    ),
    line(
        "unique-queue-unasked",
        Indexes,
        "whether a value is unique is not asked of commits before it in its group",
    ),
    line(
        "refused-values-kept",
        Indexes,
        "the values of a commit that was refused count as taken for the rest of its group",
    ),
    line(
        "index-behind-its-rows",
        Indexes,
        "the last row of a commit is not in the index of its memtable",
    ),
    line("indexed-from-now-on", Indexes, "a new index does not cover the rows that are in memory"),
    line(
        "null-not-counted",
        Indexes,
        "rows without a value do not count in the row numbers of an index",
    ),
    line("null-indexed", Indexes, "rows without a value are found under the empty key"),
    line("zeros-told-apart", Indexes, "minus zero has another key than zero"),
    line(
        "index-removed-in-flight",
        Indexes,
        "an index file is taken for an orphan while its edit is still to come",
    ),
    line(
        "index-removed-under-a-reader",
        Indexes,
        "an index file is removed while a snapshot still reads it",
    ),
    line(
        "build-forgotten",
        Indexes,
        "files of an index that are missing when the database is opened are never built",
    ),
    line(
        "dropped-index-built",
        Indexes,
        "the file of an index that was dropped meanwhile is built to its end",
    ),
    line(
        "dropped-index-published",
        Indexes,
        "a flush names the files of an index that was dropped meanwhile",
    ),
    line("dropped-index-files-stay", Indexes, "the files of a dropped index are not removed"),
    line("filter-denies", Indexes, "the filter of an index file denies keys that are there"),
    line(
        "last-posting-lost",
        Indexes,
        "of the rows of a key in an index file the last one is not found",
    ),
    line("recheck-left-out", Indexes, "rows that an index has found are not looked at again"),
    line(
        "ties-left-out",
        Indexes,
        "of the rows of the last key that an index gives for an order only as many as it takes are \
         put in order",
    ),
    line(
        "order-without-nulls",
        Indexes,
        "the first rows of an order are taken from an index, though nulls come before them",
    ),
    line(
        "merged-name-unsynced",
        Compaction,
        "the name of a merged SST is not synced before the edit that names it",
    ),
    line(
        "merged-files-removed-early",
        Compaction,
        "SSTs are removed once they are merged, before the edit that says so",
    ),
    line(
        "merged-into-a-dropped-table",
        Compaction,
        "a merge goes on although its table was dropped",
    ),
    line(
        "merge-forgets-a-dictionary",
        Compaction,
        "blocks are copied to another SST without the dictionary that they need",
    ),
    line(
        "merged-rows-unshifted",
        Compaction,
        "a merged index has the rows of each part by their numbers in that part",
    ),
    line(
        "index-missed-by-a-merge",
        Compaction,
        "an index that is made during a merge is never built for the merged SST",
    ),
    line(
        "dropped-index-merged",
        Compaction,
        "a merge names the files of an index that was dropped meanwhile",
    ),
    line(
        "dropped-rows-read",
        Retention,
        "rows that were dropped are read as long as their file has not been merged",
    ),
    line(
        "dropped-value-still-taken",
        Retention,
        "the unique value of a row that was dropped counts as taken as long as its file is there",
    ),
    line("retention-takes-one-more", Retention, "a limit of rows drops one row more"),
    line(
        "retention-drops-the-young",
        Retention,
        "a limit of age drops the rows that are young enough, not the others",
    ),
    line(
        "old-row-takes-its-block",
        Retention,
        "of the age by a field, a block that has one row which is too old is dropped as a whole",
    ),
    line(
        "null-has-no-age",
        Retention,
        "of the age by a field, rows without a value are dropped whatever their age",
    ),
    line("newest-sst-dropped", Retention, "a limit of bytes drops the newest SST, too"),
    line(
        "limits-before-their-edit",
        Retention,
        "limits count before they are durable, and stay when that fails",
    ),
    line(
        "limits-not-in-a-snapshot",
        Retention,
        "limits are left out when the MANIFEST is replaced",
    ),
    line("limits-forgotten", Retention, "limits are not read when the database is opened"),
    lie(
        "copy-files-unsynced",
        Checkpoints,
        "the names of a checkpoint's SSTs and index files are not synced",
        Lie::Skip(calls::sync_of_copied_names),
    ),
    lie(
        "copy-tables-unsynced",
        Checkpoints,
        "the names of a checkpoint's tables, and in them, are not synced",
        Lie::Skip(calls::sync_of_copied_tables),
    ),
    lie(
        "copy-rows-unsynced",
        Checkpoints,
        "SSTs that a checkpoint writes or copies are not synced",
        Lie::Skip(calls::sync_of_copied_rows),
    ),
    lie(
        "copy-manifest-unsynced",
        Checkpoints,
        "the MANIFEST of a checkpoint is not synced",
        Lie::Skip(calls::sync_of_copied_manifest),
    ),
    lie(
        "copy-small-files-unsynced",
        Checkpoints,
        "CURRENT and database.meta of a checkpoint are not synced",
        Lie::Skip(calls::sync_of_copied_small_files),
    ),
    lie(
        "copy-root-unsynced",
        Checkpoints,
        "the names in a checkpoint are not synced before it is renamed",
        Lie::Skip(calls::sync_of_copied_root),
    ),
    lie(
        "copy-name-unsynced",
        Checkpoints,
        "the renaming of a checkpoint is not synced before it is acknowledged",
        Lie::Skip(calls::sync_of_copy_name),
    ),
    line(
        "copy-renamed-early",
        Checkpoints,
        "a checkpoint gets its name before the names in it are synced",
    ),
    line(
        "copy-of-a-later-version",
        Checkpoints,
        "the MANIFEST of a checkpoint is of a later version than its files",
    ),
    line("copy-without-indexes", Checkpoints, "the index files of SSTs are not in a checkpoint"),
    line(
        "copy-of-one-table",
        Checkpoints,
        "of several tables only the first has its rows that are in memory in a checkpoint",
    ),
    line(
        "copy-lets-go",
        Checkpoints,
        "files that a checkpoint is about to link are not kept from being removed",
    ),
    line(
        "copy-left-over-stays",
        Checkpoints,
        "what an attempt at a checkpoint has left is not removed by the next one",
    ),
    line(
        "copy-with-later-rows",
        Checkpoints,
        "rows that came after a checkpoint was begun are in it",
    ),
    line(
        "follower-misses-a-switch",
        Followers,
        "a follower does not look whether another MANIFEST counts",
    ),
    line(
        "follower-stays-in-its-segment",
        Followers,
        "a follower reads on in the last segment that it knows, and in no later one",
    ),
    line(
        "follower-opens-late",
        Followers,
        "a follower opens SSTs when they are read, by which time they may be gone",
    ),
    line(
        "follower-opens-indexes-late",
        Followers,
        "a follower opens index files when they are asked, by which time they may be gone",
    ),
    line(
        "follower-splits-a-commit",
        Followers,
        "of a commit over several tables a follower sees the first one's rows only",
    ),
    line(
        "follower-takes-a-gap-for-the-end",
        Followers,
        "a follower takes a log that was flushed under its hands for an empty one",
    ),
    line(
        "follower-forgets-the-carried",
        Followers,
        "a follower leaves out what was carried into the log's first segment",
    ),
    line(
        "follower-keeps-dropped-tables",
        Followers,
        "a follower goes on showing tables that were dropped",
    ),
    line(
        "follower-looks-once",
        Followers,
        "a follower takes the writer's work for damage, without looking again",
    ),
];
