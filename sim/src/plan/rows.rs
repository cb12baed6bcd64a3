//! What a step writes and how it reads: rows, levels, and by which call.

use serde::{Deserialize, Serialize};

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
    /// `try_submit`, and `wait` at once.
    Try,
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
    pub(super) fn is_plain(&self) -> bool {
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

/// Where the row is that a commit must not insert again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// In the table; it comes behind the new rows.
    #[default]
    There,
    /// Among the new rows themselves.
    Own,
    /// In a commit that waits in the queue: that of the new rows, which goes through.
    Queued,
    /// Among the new rows themselves; behind that commit, in the queue, waits one with these rows
    /// alone, which goes through, for what was refused has left nothing behind.
    Refused,
    /// Nowhere: it was dropped. It comes twice, and is refused only for that.
    Dropped,
}
