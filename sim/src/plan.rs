//! A plan: everything that one run does, as plain data.
//!
//! A plan is drawn from a seed, stored as JSON, read and edited by people, shrunk by the machine.
//! It stands for itself: the seed it came from is only remembered, so a plan replays the same even
//! after the generator has changed.
//!
//! Invariants:
//! 1. Every plan can be run: a step that makes no sense where it stands (a wait without a ticket,
//!    an insert into a table that is not there) does nothing, or has the error it must have
//!    checked. So any step may be deleted.
//! 2. Numbers that depend on what happened before (which ticket, which row, which job) are given
//!    as a pick that is reduced to what there is.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use srdb_vfs::{Fate, Fault, MapMode, OpKind, Personality, RotPlace};

use crate::files;
use crate::shape::Shape;

/// A run, spelt out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The seed it was drawn from; for the reader, and for what the clock calls entropy.
    pub seed: u64,
    /// How the database is opened, each time.
    pub options: Options,
    /// What happens while the database is created.
    #[serde(default, skip_serializing_if = "After::is_plain")]
    pub birth: After,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// How the database is opened. What a plan leaves out is as the engine has it by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Bytes of rows in the active memtables before they are frozen.
    pub memtable_bytes: usize,
    /// Rows per SST block; a power of two.
    pub block_rows: usize,
    /// Bytes by which a WAL segment is grown ahead with zeros; 0 for not at all.
    pub wal_zero_ahead: u64,
    /// Bytes up to which the MANIFEST is never replaced.
    pub manifest_bytes_min: u64,
    /// Frozen generations that may wait for their flush.
    pub frozen_generations_max: usize,
    /// The durability of commits that name none.
    pub durability: Level,
    /// Recovers twice at every crash and compares.
    pub recover_twice: bool,
    /// What kind of disk it is.
    #[serde(skip_serializing_if = "is_default")]
    pub personality: Personality,
    /// Whether SSTs are read through views that can fail.
    #[serde(skip_serializing_if = "is_default")]
    pub maps: MapMode,
    /// How many bytes the disk has room for, but for the way back up from a death; none for as many
    /// as one likes.
    #[serde(skip_serializing_if = "is_default")]
    pub capacity: Option<u64>,
    /// Whether openings may create the database; the first one does so in any case.
    pub create_if_missing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            memtable_bytes: 32 << 20,
            block_rows: 2048,
            wal_zero_ahead: 256 << 10,
            manifest_bytes_min: 1 << 20,
            frozen_generations_max: 1,
            durability: Level::Disk,
            recover_twice: false,
            personality: Personality::Posix,
            maps: MapMode::Memory,
            capacity: None,
            create_if_missing: true,
        }
    }
}

/// [`srdb::Durability`], as a plan writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Lost if the process dies.
    Memory,
    /// Survives the process.
    Os,
    /// Survives power loss.
    Disk,
}

/// Rows to insert into one table; what they hold follows from the table's shape, the fill and the
/// place of the step in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// The table's number; it is called `t0`, `t1` …
    pub table: u8,
    /// How many.
    pub rows: u32,
    /// What the values are drawn from.
    pub fill: u32,
}

/// Which call inserts the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// `insert_many`; `insert` if it is one row.
    Rows,
    /// An appender.
    Appender,
    /// `submit`, and `wait` at once.
    Ticket,
    /// `submit` of an appender, and `wait` at once.
    AppenderTicket,
    /// `insert_struct`, where the row is one and the table has no field but the id; else as `Rows`.
    Struct,
}

/// How the rows of a scan are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// One by one.
    #[default]
    Rows,
    /// Borrowed from the scan; backwards as `Rows`.
    Refs,
    /// As structs, all that are left, from the front.
    Structs,
}

impl Read {
    fn is_plain(&self) -> bool {
        *self == Read::Rows
    }
}

/// How a value has to compare with the one that a query names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// It is the same.
    Equal,
    /// It is less.
    Less,
    /// It is the same or greater.
    AtLeast,
}

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
    /// Inserts the values of a row that is there, behind rows that are not: where the id is unique,
    /// nothing may be written, and else all of it.
    InsertAgain {
        /// What comes before.
        rows: Rows,
        /// The row, in thousandths of the rows there are.
        at: u16,
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

fn one() -> u16 {
    1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What happens between a crash and the next step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct After {
    /// A byte that has rotted on the medium. Tried on a copy: the run goes on without the damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rot: Option<Rot>,
    /// Power failures inside the recovery, and inside the recovery from that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Nested>,
    /// I/O errors inside the last recovery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Of which calls the last of `nested` counts; of all that change the disk if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aim: Option<At>,
}

impl After {
    /// Whether nothing special happens.
    pub fn is_plain(&self) -> bool {
        *self == After::default()
    }
}

/// Calls of one kind on files or directories of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// The kind of call.
    pub op: OpKind,
    /// The name, as [`Fault::file`] has it.
    pub file: String,
}

/// A power failure inside a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// At which of the recovery's calls that change the disk; 1 is the first.
    pub call: u64,
    /// What survives.
    pub image: Image,
}

/// What survives a power failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// Drawn from this seed when it comes to it.
    Drawn(u64),
    /// These changes, as far as it says; every other one is lost. A failure's plan has this, so
    /// that one sees what survived and can change it.
    Exact(Vec<Survivor>),
}

/// What became of one change that was not durable when the power failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Survivor {
    /// [`srdb_vfs::PendingOp::id`].
    pub id: u64,
    /// What the change was; for the reader only.
    #[serde(default)]
    pub what: String,
    /// How much of it survived.
    pub fate: Fate,
}

/// Bit rot: one byte changed on the medium, in a file that was at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rot {
    /// In what kind of file.
    pub file: RotFile,
    /// In which of those there are.
    pub pick: u16,
    /// Where in the file, drawn from this.
    pub at: u32,
    /// The bits that flip; 0 is taken as 1.
    pub xor: u8,
}

/// The kinds of files that can rot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotFile {
    /// A WAL segment, somewhere in what was written before its last sync but one: the part that
    /// later records vouch for.
    WalVouched,
    /// A WAL segment, anywhere.
    Wal,
    /// An SST.
    Sst,
    /// The MANIFEST in use, or one left over.
    Manifest,
    /// `CURRENT`, `database.meta`, a `schema.json`.
    Small,
}

impl Plan {
    /// The plan as JSON, one step a line, so that an editor and a diff can deal with it.
    pub fn to_json(&self) -> String {
        let mut out = format!("{{\n\"seed\": {},\n\"options\": ", self.seed);
        out += &json(&self.options);
        if !self.birth.is_plain() {
            out += ",\n\"birth\": ";
            out += &json(&self.birth);
        }
        out += ",\n\"steps\": [";
        for (i, step) in self.steps.iter().enumerate() {
            out += if i == 0 { "\n" } else { ",\n" };
            out += &json(step);
        }
        out += "\n]\n}\n";
        out
    }

    /// The plan in a JSON text.
    ///
    /// # Errors
    /// Whatever is wrong with it, by line and column.
    pub fn from_json(text: &str) -> serde_json::Result<Plan> {
        serde_json::from_str(text)
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// If the file can't be read, or holds no plan; the message names it.
    pub fn load(path: &Path) -> io::Result<Plan> {
        let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let text = files::read(path).map_err(|e| io::Error::new(e.kind(), named(&e)))?;
        Plan::from_json(&text).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, named(&e)))
    }

    /// Reads every plan (`*.json`) in a directory.
    ///
    /// # Errors
    /// As [`Plan::load`], for the first that can't be read.
    pub fn load_all(directory: &Path) -> io::Result<Vec<(PathBuf, Plan)>> {
        let paths = files::list(directory)?.into_iter();
        let plans = paths.filter(|path| path.extension().is_some_and(|e| e == "json"));
        plans.map(|path| Plan::load(&path).map(|plan| (path, plan))).collect()
    }

    /// Writes the plan into `directory`, which is created where needed, as `name.json`.
    ///
    /// # Errors
    /// If that can't be done.
    pub fn save(&self, directory: &Path, name: &str) -> io::Result<PathBuf> {
        let path = directory.join(format!("{name}.json"));
        files::write(&path, &self.to_json())?;
        Ok(path)
    }
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

/// One line of JSON; plain data can't fail to become that.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|e| format!("{{\"unwritable\": {e:?}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::SeedDraw;
    use crate::generate::generate;

    #[test]
    fn plans_survive_json() {
        for seed in 0..200 {
            let plan = generate(seed, &mut SeedDraw::new(seed));
            let back = Plan::from_json(&plan.to_json());
            assert_eq!(back.ok().as_ref(), Some(&plan), "seed {seed}");
        }
    }

    #[test]
    fn a_misspelt_plan_is_refused_with_its_line() {
        let text = "{\"seed\": 1, \"options\": {\"memtable_byte\": 1},\n \"steps\": []}";
        let error = Plan::from_json(text).map_err(|e| e.to_string());
        assert!(error.as_ref().is_err_and(|e| e.contains("line 1")), "{error:?}");
    }
}
