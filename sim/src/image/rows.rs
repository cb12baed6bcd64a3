//! Rows as columns: what a commit and an SST hold.

use super::schema::Value;

/// Consecutive rows of a table.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// `_seq` of the first row; each later one has one more.
    pub first_seq: i64,
    /// `_time` of each row.
    pub times: Vec<i64>,
    /// The values of each field, one a row.
    pub columns: Vec<Vec<Value>>,
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}
