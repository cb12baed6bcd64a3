//! Indexes and queries: what a query finds is what the model finds by looking at all its rows, with
//! indexes or without, whatever is being built or dropped meanwhile.

use std::cmp::Ordering;

use srdb::{Durability, Error, Receipt, Value, col};

use super::Run;
use super::read::{Expected, place};
use crate::model::{Values, question};
use crate::oracle::Violation;
use crate::plan::{Again, Compare, Level, Rows};
use crate::shape::Shape;

impl Run {
    /// Gives a field an index, or takes it away.
    pub(super) fn index(&mut self, slot: u8, field: u8, create: bool) -> Result<String, Violation> {
        let Some(table) = self.table(slot)? else { return Ok("no table".to_owned()) };
        let Some((_, model)) = self.model.table(slot) else { return Ok("no table".to_owned()) };
        let shape = model.shape;
        let (name, ..) = field_of(shape, field);
        let has_it = table.indexes().iter().any(|indexed| indexed == name);
        let is_unique = shape.indexed() > 0 && name == "id";
        let doing = if create { "making an index" } else { "dropping an index" };
        let result = if create { table.create_index(name) } else { table.drop_index(name) };
        match result {
            Err(Error::IndexExists { .. }) if create && has_it => Ok("index exists".to_owned()),
            Err(Error::NoIndex { .. }) if !create && !has_it => Ok("no index".to_owned()),
            Err(Error::Invalid { .. }) if !create && is_unique => Ok("unique".to_owned()),
            Ok(()) if has_it == create => {
                Err(Violation::new("index", format!("{doing} of {name:?} did what was done")))
            }
            other => self.told(doing, other),
        }
    }

    /// Asks for the rows that compare with one there is.
    pub(super) fn query(
        &mut self,
        (slot, field, at): (u8, u8, u16),
        compare: Compare,
        backward: bool,
    ) -> Result<String, Violation> {
        let Some((table, rows)) = self.both(slot)? else { return Ok("no table".to_owned()) };
        let shape = self.model.table(slot).map_or(Shape::Narrow, |(_, table)| table.shape);
        let (name, number) = field_of(shape, field);
        let wanted = usize::try_from(place(at, rows.len())).ok().and_then(|n| n.checked_sub(1));
        let Some((_, wanted)) = wanted.and_then(|row| rows.get(row)) else {
            return Ok("no row".to_owned());
        };
        let question = Question { field: (name, number), compare, backward };
        let wanted = &wanted[number];
        let (found, expected) = (question.ask(table.query(), wanted), question.due(&rows, wanted));
        match found {
            Err(e) => self.judge_read("a query", &e),
            Ok(found) if found == expected => Ok(format!("{} rows", found.len())),
            Ok(found) => {
                let what = format!(
                    "{name} {compare:?} {wanted:?} in t{slot}: {} rows {found:?}, expected {} \
                     {expected:?}",
                    found.len(),
                    expected.len()
                );
                Err(Violation::new("index", what))
            }
        }
    }

    /// Inserts a row again, which must be refused.
    pub(super) fn insert_again(
        &mut self,
        rows: Rows,
        at: u16,
        of: Again,
    ) -> Result<String, Violation> {
        let Some((table, there)) = self.both(rows.table)? else {
            return Ok("no table".to_owned());
        };
        let shape = self.model.table(rows.table).map_or(Shape::Narrow, |(_, table)| table.shape);
        if shape.indexed() == 0 {
            // What is not unique is inserted, and has nothing to do with indexes.
            return Ok("not unique".to_owned());
        }
        let (_, commit) = self.begin(&[rows], Level::Disk)?;
        let new = self.named_rows(&commit, 0);
        let mut all = new.clone();
        match of {
            Again::There => {
                let again = usize::try_from(place(at, there.len())).ok();
                let again = again.and_then(|n| n.checked_sub(1));
                let again = again.filter(|row| there.places().contains(row));
                let Some((_, again)) = again.and_then(|row| there.get(row)) else {
                    return Ok("no row".to_owned());
                };
                all.push(crate::db::named(shape, again));
                self.must_be_refused(table.insert_many(all))
            }
            Again::Dropped => {
                let gone = usize::try_from(place(at, there.places().start)).unwrap_or(0);
                let gone = there[..there.places().start].get(gone);
                let Some((_, gone)) = gone else { return Ok("no row".to_owned()) };
                let gone = crate::db::named(shape, gone);
                match table.insert_many([gone.clone(), gone]) {
                    Err(Error::NotUnique { seq: Some(seq), .. }) => {
                        let what =
                            format!("the id of a row that was dropped is taken by row {seq}");
                        Err(Violation::new("index", what))
                    }
                    other => self.must_be_refused(other),
                }
            }
            Again::Own => {
                all.extend(new.last().cloned());
                self.must_be_refused(table.insert_many(all))
            }
            // So that both commits are in one group, which is written or fails as one.
            Again::Queued | Again::Refused if self.model.waiting().next().is_some() => {
                Ok("others wait".to_owned())
            }
            Again::Queued => {
                let first = match table.submit(new, Durability::Disk) {
                    Ok(first) => first,
                    Err(e) => return self.hear(commit, Err(e)),
                };
                let second = table.insert_many_with(all, Durability::Disk);
                match (first.wait(), second) {
                    // The first was not written, nor even looked at to its end: the same rows are
                    // new again.
                    (Err(e), Ok(receipt)) => {
                        let first = self.judge("a commit", &e)?;
                        self.hear(commit, Ok(receipt)).map(|then| format!("{first}, then {then}"))
                    }
                    (first, second) => {
                        let said = self.hear(commit, first)?;
                        self.must_be_refused(second).map(|then| format!("{said}, then {then}"))
                    }
                }
            }
            Again::Refused => {
                all.extend(new.last().cloned());
                let first = table.submit(all, Durability::Disk);
                let second = table.insert_many_with(new, Durability::Disk);
                let said = self.hear(commit, second)?;
                let first = self.must_be_refused(first.and_then(srdb::Ticket::wait))?;
                Ok(format!("{first}, then {said}"))
            }
        }
    }

    /// Judges the answer to a commit with an id that another row has.
    fn must_be_refused(&mut self, result: srdb::Result<Receipt>) -> Result<String, Violation> {
        match result {
            Err(Error::NotUnique { field, .. }) if field == "id" => Ok("not unique".to_owned()),
            Ok(receipt) => {
                let what = format!("an id that is there was inserted again: {receipt:?}");
                Err(Violation::new("index", what))
            }
            Err(e) => self.judge("inserting an id again", &e).map(str::to_owned),
        }
    }
}

/// What a query asks of the rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// The name of the field and its place.
    pub(super) field: (&'static str, usize),
    pub(super) compare: Compare,
    pub(super) backward: bool,
}

impl Question {
    /// The numbers of the rows that a query finds.
    pub(super) fn ask(self, query: srdb::Query, wanted: &Value) -> srdb::Result<Vec<i64>> {
        let (column, wanted) = (col(self.field.0), wanted.clone());
        let query = query.filter(match self.compare {
            Compare::Equal => column.eq(wanted),
            Compare::Less => column.lt(wanted),
            Compare::AtLeast => column.gte(wanted),
        });
        let query = if self.backward { query.order_by(srdb::desc("_seq")) } else { query };
        query.rows()?.map(|row| row.map(|row| row.seq())).collect()
    }

    /// The numbers of the rows that it has to find.
    pub(super) fn due(self, rows: &Expected, wanted: &Value) -> Vec<i64> {
        let passes = |values: &Values| {
            let order = question::compare(&values[self.field.1], wanted);
            order.is_some_and(|order| match self.compare {
                Compare::Equal => order == Ordering::Equal,
                Compare::Less => order == Ordering::Less,
                Compare::AtLeast => order != Ordering::Less,
            })
        };
        let seqs = rows.seen().filter(|(_, (_, values))| passes(values));
        let mut due: Vec<i64> = seqs.map(|(seq, _)| seq).collect();
        if self.backward {
            due.reverse();
        }
        due
    }
}

/// A field of a shape by any number: its name and its place.
pub(super) fn field_of(shape: Shape, field: u8) -> (&'static str, usize) {
    let place = usize::from(field) % shape.fields().len();
    (shape.fields()[place].0, place)
}
