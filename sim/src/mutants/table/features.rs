//! Bugs of what is done with the rows: answers, indexes, merges, limits, copies, followers.

use super::super::Class::{Answers, Checkpoints, Compaction, Followers, Indexes, Retention};
use super::super::Mutant;
use super::super::calls;
use super::super::lie::Lie;
use super::{lie, line};

/// By class.
pub(super) const MUTANTS: &[Mutant] = &[
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
        "build-outlives-the-close",
        Indexes,
        "a close leaves the index file behind that was being built",
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
