//! Commits: handing them in, and hearing what became of them.
//!
//! Every commit, waited for or not, goes through [`Run::settle`], which deals with them in the
//! order they were handed in. So the model learns of them in commit order, whichever way each was
//! heard of: by a call that waited, by a ticket that is done, or, if nobody kept the ticket, by
//! its rows being there.

use srdb::{Durability, Error, Receipt, Result, Row, Table};

use super::{Answer, Event, Run};
use crate::coverage::Phase;
use crate::db::{found_row, kind, named, spoilt, table_name};
use crate::model::{Ack, Commit, Standing};
use crate::oracle::Violation;
use crate::plan::{Level, Rows, Way};
use crate::shape::{ROWS_MAX, Shape};

impl Run {
    /// The table of a slot if it is there; the engine and the model have to agree on that.
    pub(super) fn table(&mut self, slot: u8) -> Result<Option<Table>, Violation> {
        let standing = self.model.table(slot).map(|(_, table)| table.standing);
        let wrong = |what: String| Err(Violation::new("model", what));
        match (self.db()?.table(&table_name(slot)), standing) {
            (Ok(table), Some(_)) => Ok(Some(table)),
            (Err(Error::NoTable { .. }), Some(Standing::Live)) => {
                wrong(format!("table t{slot} can't be found"))
            }
            (Err(Error::NoTable { .. }), _) => Ok(None),
            (Ok(_), None) => wrong(format!("table t{slot} is there and must not be")),
            (Err(Error::Closed), _) => Ok(self.closed_tables.get(&slot).cloned()),
            (Err(e), _) => wrong(format!("asking for table t{slot} gave: {e}")),
        }
    }

    /// Those of the parts whose tables are there, with them.
    fn present(&mut self, parts: &[Rows]) -> Result<Vec<(Table, Rows)>, Violation> {
        let mut present = Vec::new();
        for rows in parts {
            if let Some(table) = self.table(rows.table)? {
                present.push((table, Rows { rows: rows.rows.clamp(1, ROWS_MAX), ..*rows }));
            }
        }
        Ok(present)
    }

    pub(super) fn begin(
        &mut self,
        parts: &[Rows],
        level: Level,
    ) -> Result<(Vec<Table>, Commit), Violation> {
        let uid = self.at as u64 + 1;
        let present = self.present(parts)?;
        let rows: Vec<Rows> = present.iter().map(|(_, rows)| *rows).collect();
        let commit = self.model.begin(uid, &rows, level);
        let mut tables: Vec<Table> = Vec::new();
        for (table, _) in present {
            if tables.iter().all(|known| known.id() != table.id()) {
                tables.push(table);
            }
        }
        Ok((tables, commit))
    }

    /// Rows of a commit's part, as `insert` takes them.
    pub(super) fn named_rows(
        &self,
        commit: &Commit,
        part: usize,
    ) -> Vec<Vec<(&'static str, srdb::Value)>> {
        let part = &commit.parts[part];
        let shape = self.model.table_by_id(part.table).map_or(Shape::Narrow, |t| t.shape);
        part.rows.iter().map(|values| named(shape, values)).collect()
    }

    /// Inserts into one table and waits.
    pub(super) fn insert(
        &mut self,
        rows: Rows,
        way: Way,
        level: Option<Level>,
    ) -> Result<String, Violation> {
        if way == Way::Try {
            return self.insert_if_room(rows, level);
        }
        let default = self.plan.options.durability;
        let (tables, commit) = self.begin(&[rows], level.unwrap_or(default))?;
        let [table] = &tables[..] else { return Ok("no table".to_owned()) };
        let mut rows = self.named_rows(&commit, 0);
        let durability = level.map(Durability::from);
        let result = match (way, durability) {
            (Way::Rows, None) if rows.len() == 1 => table.insert(rows.remove(0)),
            (Way::Rows, Some(d)) if rows.len() == 1 => table.insert_with(rows.remove(0), d),
            (Way::Rows, None) => table.insert_many(rows),
            (Way::Rows, Some(d)) => table.insert_many_with(rows, d),
            (Way::Ticket | Way::Try, d) => {
                table.submit(rows, d.unwrap_or(default.into())).and_then(srdb::Ticket::wait)
            }
            (Way::Appender, d) => self.append(table, &commit, d),
            (Way::AppenderTicket, d) => self
                .appender(table, &commit)
                .and_then(|mut appender| appender.submit(d.unwrap_or(default.into())))
                .and_then(srdb::Ticket::wait),
            // It knows no other durability than the default.
            (Way::Struct, d) => match (&commit.parts[0].rows[..], d) {
                ([row], None) if row.len() == 1 => table.insert_struct(&IdRow::of(row)),
                (_, None) => table.insert_many(rows),
                (_, Some(d)) => table.insert_many_with(rows, d),
            },
        };
        self.hear(commit, result)
    }

    fn append(
        &self,
        table: &Table,
        commit: &Commit,
        durability: Option<Durability>,
    ) -> Result<Receipt> {
        let mut appender = self.appender(table, commit)?;
        match durability {
            None => appender.commit(),
            Some(d) => appender.commit_with(d),
        }
    }

    /// An appender with the rows of a commit; some that were in it before are forgotten.
    fn appender(&self, table: &Table, commit: &Commit) -> Result<srdb::Appender> {
        let mut appender = table.appender();
        let rows = &commit.parts[0].rows;
        for (number, row) in rows.iter().take(1).chain(rows).enumerate() {
            if number == 1 {
                appender.clear();
            }
            let values: Vec<srdb::ValueRef<'_>> = row.iter().map(srdb::ValueRef::from).collect();
            appender.append_row(&values)?;
        }
        Ok(appender)
    }

    /// Inserts rows of which the last does not fit.
    pub(super) fn insert_bad(&mut self, rows: Rows) -> Result<String, Violation> {
        let (tables, commit) = self.begin(&[rows], Level::Disk)?;
        let [table] = &tables[..] else { return Ok("no table".to_owned()) };
        let mut bad = self.named_rows(&commit, 0);
        let shape = self.model.table_by_id(commit.parts[0].table).map(|t| t.shape);
        if let (Some(shape), Some(values)) = (shape, commit.parts[0].rows.last()) {
            bad.pop();
            bad.push(spoilt(shape, values));
        }
        let place = bad.len() - 1;
        match table.insert_many(bad) {
            Err(Error::BadRow { row, .. }) if row == place => Ok("bad row".to_owned()),
            Err(Error::Poisoned { .. }) if self.unwritable => Ok("poisoned".to_owned()),
            other => {
                let what =
                    format!("row {place} does not fit its table, and the answer was {other:?}");
                Err(Violation::new("faults", what))
            }
        }
    }

    /// Commits across tables and waits.
    pub(super) fn batch(
        &mut self,
        parts: &[Rows],
        level: Option<Level>,
    ) -> Result<String, Violation> {
        let default = self.plan.options.durability;
        let (tables, commit) = self.begin(parts, level.unwrap_or(default))?;
        if tables.is_empty() {
            return Ok("no table".to_owned());
        }
        let batch = match self.fill_batch(&tables, &commit) {
            Ok(batch) => batch,
            Err(e) => return self.hear(commit, Err(e)),
        };
        let result = match level {
            None => batch.commit(),
            Some(level) => batch.commit_with(level.into()),
        };
        self.hear(commit, result)
    }

    fn fill_batch(&self, tables: &[Table], commit: &Commit) -> Result<srdb::Batch> {
        let db = self.db.as_ref().ok_or(Error::Closed)?;
        let mut batch = db.batch();
        for (part, table) in tables.iter().enumerate() {
            batch.insert_many(table, self.named_rows(commit, part))?;
        }
        Ok(batch)
    }

    /// Hands in a commit and keeps its ticket.
    pub(super) fn submit(&mut self, parts: &[Rows], level: Level) -> Result<String, Violation> {
        let (tables, commit) = self.begin(parts, level)?;
        let result = match &tables[..] {
            [] => return Ok("no table".to_owned()),
            [table] => table.submit(self.named_rows(&commit, 0), level.into()),
            _ => self.fill_batch(&tables, &commit).and_then(|batch| batch.submit(level.into())),
        };
        match result {
            Ok(ticket) => {
                self.tickets.push((commit.uid, ticket));
                self.model.wait_for(commit);
                Ok("queued".to_owned())
            }
            Err(e) => self.hear(commit, Err(e)),
        }
    }

    /// Waits for an open ticket.
    pub(super) fn wait(&mut self, pick: u16) -> Result<String, Violation> {
        if self.tickets.is_empty() {
            return Ok("no ticket".to_owned());
        }
        let (uid, ticket) = self.tickets.remove(usize::from(pick) % self.tickets.len());
        let result = ticket.wait();
        let said = format!("commit of step {}: {}", uid - 1, say(&result));
        self.heard.insert(uid, result);
        Ok(said)
    }

    /// Drops an open ticket.
    pub(super) fn drop_ticket(&mut self, pick: u16) -> String {
        if self.tickets.is_empty() {
            return "no ticket".to_owned();
        }
        let (uid, ticket) = self.tickets.remove(usize::from(pick) % self.tickets.len());
        drop(ticket);
        format!("commit of step {}", uid - 1)
    }

    pub(super) fn hear(
        &mut self,
        commit: Commit,
        result: Result<Receipt>,
    ) -> Result<String, Violation> {
        let said = say(&result);
        self.heard.insert(commit.uid, result);
        self.model.wait_for(commit);
        self.settle()?;
        Ok(said)
    }

    /// Finds out what became of the commits that were handed in, in their order.
    pub(super) fn settle(&mut self) -> Result<(), Violation> {
        let waiting: Vec<u64> = self.model.waiting().map(|commit| commit.uid).collect();
        let mut passed_over = Vec::new();
        for uid in waiting {
            let result = match self.heard.remove(&uid) {
                Some(result) => Some(result),
                None => self.poll(uid),
            };
            match result {
                Some(Err(error)) => self.failed(uid, &error)?,
                Some(Ok(receipt)) => {
                    self.give_up(&mut passed_over)?;
                    self.succeeded(uid, &receipt)?;
                }
                None => match self.time_if_there(uid)? {
                    Some(time) => {
                        self.give_up(&mut passed_over)?;
                        self.check_writable("a commit nobody waited for")?;
                        if let Some(mut commit) = self.model.take_waiting(uid) {
                            self.record.note(|| Event::Answered { uid, answer: Answer::Seen });
                            commit.time = Some(time);
                            self.tally(&commit);
                            self.model.acknowledge_unheard(commit);
                        }
                    }
                    None => passed_over.push(uid),
                },
            }
        }
        Ok(())
    }

    /// The result of an open ticket that is done.
    fn poll(&mut self, uid: u64) -> Option<Result<Receipt>> {
        let at = self.tickets.iter().position(|(u, ticket)| *u == uid && ticket.is_done())?;
        Some(self.tickets.remove(at).1.wait())
    }

    /// Commits that a later one has overtaken: they failed, or the order is broken.
    fn give_up(&mut self, passed_over: &mut Vec<u64>) -> Result<(), Violation> {
        for uid in passed_over.drain(..) {
            if self.tickets.iter().any(|(open, _)| *open == uid) {
                let what = format!("the commit of step {} was overtaken by a later one", uid - 1);
                return Err(Violation::new("model", what));
            }
            if let Some(commit) = self.model.take_waiting(uid) {
                self.record.note(|| Event::Answered { uid, answer: Answer::GivenUp });
                self.tally_maybe(&commit);
                self.model.fail(commit);
            }
        }
        Ok(())
    }

    fn succeeded(&mut self, uid: u64, receipt: &Receipt) -> Result<(), Violation> {
        let Some(commit) = self.model.take_waiting(uid) else { return Ok(()) };
        let answer = Answer::Acknowledged { number: receipt.commit() };
        self.record.note(|| Event::Answered { uid, answer });
        self.check_writable("a commit")?;
        let mut seqs = Vec::new();
        for part in &commit.parts {
            // Tables that are gone again have nothing to compare.
            let table = match self.model.table_by_id(part.table).map(|table| table.slot) {
                Some(slot) => self.table(slot)?,
                None => None,
            };
            let range = table.and_then(|table| receipt.seqs_of(&table)).unwrap_or(0..0);
            seqs.push((range.start, range.end - range.start));
        }
        if receipt.durability() < Durability::from(commit.level) {
            let what = format!("a commit at {:?} was answered with {receipt:?}", commit.level);
            return Err(Violation::new("model", what));
        }
        self.tally(&commit);
        self.model
            .acknowledge(commit, &Ack { number: receipt.commit(), time: receipt.time(), seqs })
    }

    fn failed(&mut self, uid: u64, error: &Error) -> Result<(), Violation> {
        let Some(commit) = self.model.take_waiting(uid) else { return Ok(()) };
        let answer = || Answer::Failed(error.to_string());
        self.record.note(|| Event::Answered { uid, answer: answer() });
        let table_gone = commit.parts.iter().any(|p| self.model.table_by_id(p.table).is_none());
        match error {
            Error::NoTable { .. } if table_gone => {}
            // Refused before anything was written.
            Error::Poisoned { .. } if self.poisoned => {}
            _ => {
                self.judge("a commit", error)?;
                self.model.fail(commit);
            }
        }
        Ok(())
    }

    /// The `_time` of a commit without a ticket, if its rows are there.
    fn time_if_there(&mut self, uid: u64) -> Result<Option<i64>, Violation> {
        if self.tickets.iter().any(|(open, _)| *open == uid) {
            return Ok(None);
        }
        let Some(commit) = self.model.waiting().find(|commit| commit.uid == uid) else {
            return Ok(None);
        };
        let here = commit.parts.iter().find_map(|part| {
            let table = self.model.table_by_id(part.table)?;
            Some((table.slot, table.rows.len() as i64 + 1, part.rows.first()?.clone()))
        });
        let Some((slot, seq, expected)) = here else { return Ok(None) };
        let Some(table) = self.table(slot)? else { return Ok(None) };
        let before = self.enter(Phase::Read);
        let answer = table.get(seq);
        self.enter(before);
        let row: Option<Row> = match answer {
            Err(Error::Closed) => return Ok(None),
            Err(e) => {
                self.judge_read("get", &e)?;
                return Ok(None);
            }
            Ok(row) => row,
        };
        Ok(row.map(found_row).filter(|row| row.values == expected).map(|row| row.time))
    }
}

/// A row that has no field but the id.
#[derive(serde::Serialize)]
struct IdRow {
    id: u64,
}

impl IdRow {
    fn of(row: &[srdb::Value]) -> IdRow {
        match row {
            [srdb::Value::UInt(id), ..] => IdRow { id: *id },
            _ => IdRow { id: 0 },
        }
    }
}

/// How a commit came out, for the history.
fn say(result: &Result<Receipt>) -> String {
    match result {
        Ok(r) => format!("commit {} seqs {:?} time {}", r.commit(), r.seqs(), r.time()),
        Err(e) => kind(e).to_owned(),
    }
}
