//! The steps that a plan can have.

use serde::{Deserialize, Serialize};
use srdb_vfs::{Fault, RotPlace};

use super::{
    After, Again, Ask, At, Compare, Image, Level, Limits, Read, Rot, Rows, Sums, Way, is_default,
    json,
};
use crate::shape::Shape;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Creates a table.
    CreateTable {
        /// Its number.
        table: u8,
        /// Its fields.
        shape: Shape,
    },
    /// Drops a table.
    DropTable {
        /// Its number.
        table: u8,
    },
    /// Inserts into one table and waits.
    Insert {
        /// What.
        rows: Rows,
        /// By which call.
        way: Way,
        /// How durable; none for the default.
        level: Option<Level>,
    },
    /// Inserts rows of which one does not fit: nothing may be written.
    BadInsert {
        /// What; the last row is spoilt.
        rows: Rows,
    },
    /// Inserts a row again whose id must be unique: that commit must be refused as a whole.
    InsertAgain {
        /// Rows that are not there yet.
        rows: Rows,
        /// The row, in thousandths of the rows there are.
        at: u16,
        /// Where the row is that is inserted again.
        #[serde(default, skip_serializing_if = "is_default")]
        of: Again,
    },
    /// Gives a field an index.
    CreateIndex {
        /// The table's number.
        table: u8,
        /// Which of its fields.
        field: u8,
    },
    /// Takes the index of a field away.
    DropIndex {
        /// The table's number.
        table: u8,
        /// Which of its fields.
        field: u8,
    },
    /// Asks for the rows whose value of a field compares with that of a row there is.
    Query {
        /// The table's number.
        table: u8,
        /// Which of its fields.
        field: u8,
        /// The row, in thousandths of the rows there are.
        at: u16,
        /// How it compares.
        compare: Compare,
        /// From the end to the start.
        backward: bool,
    },
    /// Asks for the rows of which a condition is true.
    Ask {
        /// The table's number.
        table: u8,
        /// Which rows, in which order.
        ask: Ask,
        /// Of which kept snapshot; of the table itself if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<u16>,
    },
    /// Asks for figures of rows.
    Aggregate {
        /// The table's number.
        table: u8,
        /// Which figures, of which rows.
        sums: Sums,
        /// Of which kept snapshot; of the table itself if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<u16>,
    },
    /// Commits a batch across tables and waits.
    Batch {
        /// What; a table may occur more than once.
        parts: Vec<Rows>,
        /// How durable; none for the default.
        level: Option<Level>,
    },
    /// Queues a commit and keeps its ticket.
    Submit {
        /// What; a table may occur more than once.
        parts: Vec<Rows>,
        /// How durable.
        level: Level,
    },
    /// Waits for an open ticket.
    Wait {
        /// Which.
        pick: u16,
    },
    /// Drops an open ticket; the commit goes on.
    DropTicket {
        /// Which.
        pick: u16,
    },
    /// Raises every commit so far to `Disk`.
    Sync,
    /// Freezes the active generation.
    Rotate,
    /// Moves every row into SSTs.
    Flush,
    /// Drops the oldest rows of a table.
    DropRows {
        /// The table's number.
        table: u8,
        /// The first row that stays, in thousandths of the rows there ever were.
        at: u16,
    },
    /// Sets how much of a table is kept.
    SetRetention {
        /// The table's number.
        table: u8,
        /// Its limits.
        limits: Limits,
    },
    /// Lets the job drop what limits do not keep, until it finds no more.
    Retain,
    /// Flushes, then drops what the limits of a table do not keep, to the row.
    RetainNow {
        /// The table's number.
        table: u8,
    },
    /// Merges the SSTs of a table into as few as can be.
    Compact {
        /// The table's number.
        table: u8,
    },
    /// Lets one background job after the other do one step.
    Job {
        /// Which of those that have work.
        pick: u16,
        /// How many steps, as long as there is work.
        #[serde(default = "one")]
        steps: u16,
    },
    /// Lets background jobs step until none has work.
    Jobs,
    /// Reads one row; past the ends there is none.
    Get {
        /// The table's number.
        table: u8,
        /// Where, in thousandths of the rows there are.
        at: u16,
        /// Which fields, by bit; all of them if it is left out. The highest bit turns them round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<u32>,
        /// From which kept snapshot; from the table itself if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<u16>,
    },
    /// Reads a range of rows.
    Scan {
        /// The table's number.
        table: u8,
        /// The first row, in thousandths of the rows there are.
        from: u16,
        /// The row to stop before, likewise.
        to: u16,
        /// By `_seq` or by `_time`.
        by_time: bool,
        /// From the end to the start.
        backward: bool,
        /// Which fields, by bit; all of them if it is left out, or by time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<u32>,
        /// How its rows are taken.
        #[serde(default, skip_serializing_if = "Read::is_plain")]
        read: Read,
    },
    /// Opens a scan of a range of rows and keeps it: what it yields is fixed now.
    OpenScan {
        /// The table's number.
        table: u8,
        /// The first row, in thousandths of the rows there are.
        from: u16,
        /// The row to stop before, likewise.
        to: u16,
        /// By `_seq` or by `_time`.
        by_time: bool,
        /// Which fields, by bit; all of them if it is left out, or by time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fields: Option<u32>,
        /// Of which kept snapshot; of the table itself if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot: Option<u16>,
    },
    /// Takes rows from a kept scan.
    Advance {
        /// Which.
        pick: u16,
        /// How many.
        rows: u16,
        /// From its end.
        backward: bool,
        /// How they are taken.
        #[serde(default, skip_serializing_if = "Read::is_plain")]
        read: Read,
    },
    /// Lets go of a kept scan.
    DropScan {
        /// Which.
        pick: u16,
    },
    /// Compares what can be known without reading rows: counts, names, statistics.
    Figures,
    /// Opens the database a second time, which must be refused.
    OpenTwice {
        /// Whether it might be created.
        create: bool,
    },
    /// Uses the handle of a table that was dropped.
    UseDropped {
        /// Which.
        pick: u16,
    },
    /// Asks for what makes no sense, of a table among others.
    Refused {
        /// The table's number.
        table: u8,
    },
    /// Reads everything there is and compares.
    Check,
    /// Runs `verify`, which must find nothing.
    Verify,
    /// Takes a snapshot and keeps it.
    Snapshot,
    /// Reads everything in a kept snapshot.
    ReadSnapshot {
        /// Which.
        pick: u16,
    },
    /// Lets go of a kept snapshot.
    DropSnapshot {
        /// Which.
        pick: u16,
    },
    /// Makes a checkpoint, or begins one.
    Checkpoint {
        /// Which; where there is one it must be refused.
        target: u8,
        /// How many steps are done now; all if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u16>,
    },
    /// Goes on with the checkpoint that was begun.
    CheckpointStep {
        /// How many steps.
        steps: u16,
    },
    /// Opens a checkpoint, writes to it, and removes it: no harm to the database.
    UseCheckpoint {
        /// Which.
        target: u8,
    },
    /// Opens the database for reading beside its writer, in the place of a follower there is.
    Follow {
        /// What the writer does meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        race: Option<Race>,
        /// What it sees is counted only, and kept to be read later.
        #[serde(default, skip_serializing_if = "is_default")]
        unread: bool,
    },
    /// Lets the follower go on to what there is now; what it sees is kept as a snapshot.
    Refresh {
        /// What the writer does meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        race: Option<Race>,
        /// As for `Follow`.
        #[serde(default, skip_serializing_if = "is_default")]
        unread: bool,
    },
    /// Moves the clock; below zero, back.
    Tick {
        /// By how many nanoseconds.
        ns: i64,
    },
    /// Orders a fault.
    Fault {
        /// Which call it befalls, and what goes wrong.
        fault: Fault,
    },
    /// A byte rots, and the run goes on with the damage.
    Rot {
        /// Which byte.
        rot: Rot,
        /// On the medium, in the page cache, or both.
        #[serde(default, skip_serializing_if = "is_default")]
        place: RotPlace,
    },
    /// The page cache is emptied of what is clean.
    DropCaches,
    /// The disk has so much room left; none for as much as one likes. When the limit goes, all that
    /// it kept from being done has to succeed.
    Room {
        /// How many bytes more than are taken up now.
        bytes: Option<u64>,
    },
    /// Closes the database and opens it again.
    Close {
        /// What happens on the way back up.
        #[serde(default, skip_serializing_if = "After::is_plain")]
        after: After,
    },
    /// The process dies; the machine stays up.
    ProcessCrash {
        /// What happens on the way back up.
        #[serde(default, skip_serializing_if = "After::is_plain")]
        after: After,
    },
    /// The power fails now.
    PowerCrash {
        /// What survives.
        image: Image,
        /// What happens on the way back up.
        #[serde(default, skip_serializing_if = "After::is_plain")]
        after: After,
    },
    /// The next `crash_at` counts only such calls.
    Aim {
        /// Which.
        at: At,
    },
    /// The power fails at a call of the file system from here on, whatever the steps that follow
    /// are doing then. A later crash or `CrashAt` takes its place.
    CrashAt {
        /// Which of the calls that change the disk from here on; 1 is the next.
        call: u64,
        /// What survives.
        image: Image,
        /// What happens on the way back up.
        #[serde(default, skip_serializing_if = "After::is_plain")]
        after: After,
    },
}

/// What the writer does while somebody reads beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Race {
    /// After so many of the reader's calls.
    pub call: u64,
    /// Which of the jobs that have work.
    pub pick: u16,
    /// How many of their steps.
    pub steps: u16,
    /// Freezes the active generation first.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rotate: bool,
}

fn one() -> u16 {
    1
}

impl Step {
    /// What happens on the way back up, if the step is a death.
    pub fn after_mut(&mut self) -> Option<&mut After> {
        match self {
            Step::Close { after }
            | Step::ProcessCrash { after }
            | Step::PowerCrash { after, .. }
            | Step::CrashAt { after, .. } => Some(after),
            _ => None,
        }
    }

    /// The step as one line of JSON.
    pub fn to_line(&self) -> String {
        json(self)
    }
}
