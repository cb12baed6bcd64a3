//! Reads, compared with the model.

use srdb::{Error, Table, Value};

use super::ask::Seen;
use super::query::{Question, field_of};
use super::scan::{chosen, names};
use super::{Kept, Run};
use crate::db::{found_row, read_all, table_name};
use crate::model::{self, FoundRow, Standing, Values};
use crate::oracle::{Violation, faults};
use crate::plan::Compare;
use crate::shape::Shape;

/// Rows as the model has them.
pub(super) type Expected = model::Rows;

impl Run {
    /// A read has failed. Only an ordered fault may do that, and it never poisons.
    pub(super) fn judge_read(&mut self, doing: &str, error: &Error) -> Result<String, Violation> {
        faults::judge_read(doing, error)?;
        self.judge(doing, error).map(str::to_owned)
    }

    /// The rows of a table that the model knows, if both have it.
    pub(super) fn both(&mut self, slot: u8) -> Result<Option<(Table, Expected)>, Violation> {
        let Some(table) = self.table(slot)? else { return Ok(None) };
        Ok(self.model.table(slot).map(|(_, model)| (table, model.rows.clone())))
    }

    /// Reads one row, or some of its fields.
    pub(super) fn get(
        &mut self,
        slot: u8,
        at: u16,
        fields: Option<u32>,
        snapshot: Option<u16>,
    ) -> Result<String, Violation> {
        let Some(Seen { table, shape, rows }) = self.seen(slot, snapshot)? else {
            return Ok("no table".to_owned());
        };
        let seq = place(at, rows.len());
        let chosen = chosen(shape, fields);
        let row = table.and_then(|table| match fields {
            None => table.get(seq),
            Some(_) => table.get_fields(seq, &names(shape, &chosen)),
        });
        let row = match row {
            Ok(row) => row,
            Err(e) => return self.judge_read("get", &e),
        };
        let is_kept = |place: &usize| rows.places().contains(place);
        let expected = usize::try_from(seq - 1).ok().filter(is_kept).and_then(|i| rows.get(i));
        let right = match (&row, expected) {
            (None, None) => true,
            (Some(row), Some((time, values))) => {
                (row.seq(), row.time()) == (seq, *time)
                    && chosen.iter().map(|at| &values[*at]).eq(row.values())
            }
            _ => false,
        };
        if !right {
            let what =
                format!("get({seq}) of t{slot}, fields {chosen:?}, gave {row:?}, not {expected:?}");
            return Err(Violation::new("model", what));
        }
        Ok(format!("seq {seq}: {}", if row.is_some() { "a row" } else { "none" }))
    }

    /// Reads everything there is and compares.
    pub(super) fn check(&mut self) -> Result<String, Violation> {
        let found = match read_all(&self.db()?) {
            Ok(Ok(found)) => found,
            Ok(Err(what)) => return Err(Violation::new("model", what)),
            Err(e) => return self.judge_read("reading everything", &e),
        };
        let wrong = |what: String| Err(Violation::new("model", what));
        for (_, model) in self.model.tables() {
            let there = found.iter().find(|table| table.slot == model.slot);
            let Some(table) = there else {
                if model.standing == Standing::Live {
                    return wrong(format!("table t{} is not listed", model.slot));
                }
                continue;
            };
            if table.first_seq != model.rows.first_seq() {
                let (there, known) = (table.first_seq, model.rows.first_seq());
                return wrong(format!("t{} begins with row {there}, not {known}", model.slot));
            }
            if let Some(what) = difference(&table.rows, model.rows.kept()) {
                return wrong(format!("t{}: {what}", model.slot));
            }
        }
        let stranger = found.iter().find(|table| self.model.table(table.slot).is_none());
        match stranger {
            Some(table) => wrong(format!("table t{} is listed and must not be", table.slot)),
            None => Ok(format!("{} rows", found.iter().map(|t| t.rows.len()).sum::<usize>())),
        }
    }

    /// Takes a snapshot and keeps it, with what it must show.
    pub(super) fn take_snapshot(&mut self) -> Result<String, Violation> {
        let snapshot = self.db()?.snapshot();
        let tables = self
            .model
            .tables()
            .filter(|(_, table)| table.standing == Standing::Live)
            .map(|(_, table)| (table.slot, table.shape, table.rows.clone()))
            .collect();
        self.snapshots.push(Kept { snapshot, tables });
        Ok(format!("{} kept", self.snapshots.len()))
    }

    /// Reads everything in a kept snapshot, which has not moved.
    pub(super) fn read_snapshot(&mut self, pick: u16) -> Result<String, Violation> {
        if self.snapshots.is_empty() {
            return Ok("no snapshot".to_owned());
        }
        let kept = &self.snapshots[usize::from(pick) % self.snapshots.len()];
        let mut read = 0;
        let mut failed = None;
        for (slot, shape, expected) in &kept.tables {
            let asked = asked(*shape, expected, pick);
            let found = kept.snapshot.table(&table_name(*slot)).and_then(|table| {
                let rows = table.scan(..)?.map(|row| row.map(found_row));
                let rows = rows.collect::<srdb::Result<Vec<_>>>()?;
                // Its indexes stay as they were, too.
                let told = asked.map(|(question, value)| question.ask(table.query(), value));
                Ok((rows, told.transpose()?))
            });
            match found {
                Err(e) => failed = Some(e),
                Ok((_, told)) if told != asked.map(|(asked, value)| asked.due(expected, value)) => {
                    let what = format!("a query of a snapshot, of t{slot}, {asked:?}: {told:?}");
                    return Err(Violation::new("index", what));
                }
                Ok((found, _)) => {
                    read += found.len();
                    if let Some(what) = difference(&found, expected.kept()) {
                        let what = format!("a snapshot has moved: t{slot}: {what}");
                        return Err(Violation::new("model", what));
                    }
                }
            }
        }
        match failed {
            None => Ok(format!("{read} rows")),
            Some(e) => self.judge_read("reading a snapshot", &e),
        }
    }

    /// Lets go of a kept snapshot.
    pub(super) fn drop_snapshot(&mut self, pick: u16) -> String {
        if self.snapshots.is_empty() {
            return "no snapshot".to_owned();
        }
        drop(self.snapshots.remove(usize::from(pick) % self.snapshots.len()));
        format!("{} kept", self.snapshots.len())
    }
}

/// The `_seq` at so many thousandths of the rows, from 0, which no row has, to one past the last.
pub(super) fn place(thousandths: u16, rows: usize) -> i64 {
    i64::from(thousandths) * (rows as i64 + 1) / 1000
}

/// What a snapshot is asked: for the rows that have the value of one there is.
fn asked(shape: Shape, rows: &Expected, pick: u16) -> Option<(Question, &Value)> {
    let field = field_of(shape, (pick % 251) as u8);
    let (_, values) = rows.get(usize::from(pick).checked_rem(rows.len())?)?;
    let question = Question { field, compare: Compare::Equal, backward: false };
    Some((question, &values[field.1]))
}

/// The first difference between what was found and what must be there.
pub(super) fn difference(found: &[FoundRow], expected: &[(i64, Values)]) -> Option<String> {
    let same = |(found, expected): (&FoundRow, &(i64, Values))| {
        found.time == expected.0 && found.values == expected.1
    };
    if let Some(at) = found.iter().zip(expected).position(|pair| !same(pair)) {
        return Some(format!("row {} is {:?}, not {:?}", at + 1, found[at], expected[at]));
    }
    let (found, expected) = (found.len(), expected.len());
    (found != expected).then(|| format!("there are {found} rows, not {expected}"))
}
