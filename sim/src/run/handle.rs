//! What must be refused: a second open, handles of a database that is closed or of a table that is
//! dropped, requests that make no sense. None of it may change the disk.

use srdb::{Database, Error, Schema, Table};

use super::Run;
use crate::db::{kind, schema, table_name};
use crate::oracle::Violation;
use crate::shape::Shape;

/// What the simulated disk tells of whoever holds a lock.
const HOLDER: &str = "the simulation";

/// Handles of dropped tables that are kept.
const DROPPED_MAX: usize = 4;

impl Run {
    /// Opens the database while it is open: refused, and whoever has it is named.
    pub(super) fn open_twice(&mut self, create: bool) -> Result<String, Violation> {
        let mut options = self.plan.options.clone();
        options.create_if_missing = create;
        let errors = self.watch.errors();
        let pending = self.disk.pending();
        let layers = self.layers(&self.disk, &self.watch);
        let result = crate::db::open(layers, &self.clock, &options);
        let failed = self.watch.errors() > errors || self.disk.crashed();
        if self.disk.pending() != pending {
            return Err(Violation::new("faults", "a second open changed the disk"));
        }
        match result {
            Err(Error::Locked { holder: Some(holder), .. }) if holder == HOLDER => {
                Ok("locked".to_owned())
            }
            // Who holds it is asked for as well as may be, and no checksum guards the answer.
            Err(Error::Locked { holder: None, .. }) if failed => Ok("locked".to_owned()),
            Err(Error::Locked { .. }) if self.excuse().is_some() => Ok("locked".to_owned()),
            Err(e @ Error::Io { .. }) if failed => {
                self.judge("a second open", &e).map(str::to_owned)
            }
            Err(e) => Err(Violation::new("faults", format!("a second open gave: {e}"))),
            Ok(_) => Err(Violation::new("faults", "the database was opened twice")),
        }
    }

    /// Keeps the handle of a table that was dropped.
    pub(super) fn keep_dropped(&mut self, table: Table) {
        self.dropped.push(table);
        if self.dropped.len() > DROPPED_MAX {
            self.dropped.remove(0);
        }
    }

    /// Uses the handle of a table that was dropped: there is no such table, whatever has its name.
    pub(super) fn use_dropped(&mut self, pick: u16) -> Result<String, Violation> {
        if self.dropped.is_empty() {
            return Ok("no dropped table".to_owned());
        }
        let table = self.dropped[usize::from(pick) % self.dropped.len()].clone();
        let rows = || [[("id", srdb::Value::UInt(0))]];
        let batch = || {
            let mut batch = self.db.as_ref().ok_or(Error::Closed)?.batch();
            // Fields of other shapes are missing; then the row is refused, not the table.
            match batch.insert_many(&table, rows()) {
                Ok(_) | Err(Error::BadRow { .. }) => {}
                Err(e) => return Err(e),
            }
            if batch.rows() > 0 { batch.commit().map(drop) } else { gone(&table) }
        };
        let answers = [
            ("get", table.get(1).map(drop)),
            ("scan", table.scan(..).map(drop)),
            ("scan_time", table.scan_time(..).map(drop)),
            ("snapshot", table.snapshot().map(drop)),
            ("appender", table.appender().commit().map(drop)),
            ("batch", batch()),
        ];
        for (call, answer) in answers {
            match answer {
                Err(Error::NoTable { .. }) => {}
                other => return Err(wrong("a dropped table", call, &other)),
            }
        }
        if (table.count(), table.last_seq()) != (0, 0) {
            let what = format!("a dropped table counts {} rows", table.count());
            return Err(Violation::new("model", what));
        }
        Ok("no table".to_owned())
    }

    /// Requests that make no sense, on a table if it is there.
    pub(super) fn refused(&mut self, slot: u8) -> Result<String, Violation> {
        let db = self.db()?;
        let calls = self.disk.calls();
        let plain = schema(Shape::Narrow);
        let create = |name: &str| {
            let schema = plain.clone()?;
            db.create_table(name, schema).map(drop)
        };
        let none = || Schema::new(std::iter::empty()).map(drop);
        let mut answers = vec![
            ("a table without a name", "bad name", create("")),
            ("a name with a line break", "bad name", create("t\n")),
            ("a schema without fields", "bad schema", none()),
            ("a table that never was", "no table", db.table("never").map(drop)),
            ("dropping a table that never was", "no table", db.drop_table("never")),
        ];
        if let Some(table) = self.table(slot)? {
            let no_field = &["never"][..];
            answers.push(("a field", "no field", table.get_fields(1, no_field).map(drop)));
            answers.push(("a field", "no field", table.scan_fields(.., no_field).map(drop)));
            let short = table.appender().append_row(&[]);
            answers.push(("a row without values", "bad row", short));
        }
        let had_cause = self.may_be_poisoned();
        for (call, expected, answer) in answers {
            match &answer {
                Err(e) if kind(e) == expected => {}
                // A change that can't be is refused as every change is.
                Err(Error::Poisoned { .. }) if had_cause => {}
                _ => return Err(wrong("a senseless request", call, &answer)),
            }
        }
        if self.disk.calls() != calls {
            return Err(Violation::new("faults", "refusing senseless requests changed the disk"));
        }
        Ok("refused".to_owned())
    }

    /// Uses handles of a database that was closed. Nothing but what was opened before goes on.
    pub(super) fn use_closed(&mut self, db: &Database) -> Result<(), Violation> {
        let calls = self.disk.calls();
        let mut answers = vec![
            ("close", db.close()),
            ("sync", db.sync()),
            ("rotate", db.rotate().map(drop)),
            ("flush", db.flush()),
            ("verify", db.verify().map(drop)),
            ("table", db.table(&table_name(0)).map(drop)),
            ("drop_table", db.drop_table(&table_name(0))),
            ("step", db.step(srdb::Job::Flush).map(drop)),
            ("batch", db.batch().commit().map(drop)),
        ];
        let schema = schema(Shape::Narrow);
        answers.push(("create_table", schema.and_then(|s| db.create_table("new", s).map(drop))));
        for table in self.closed_tables.values() {
            answers.push(("get", table.get(1).map(drop)));
            answers.push(("scan", table.scan(..).map(drop)));
            answers.push(("insert", table.appender().commit().map(drop)));
        }
        for (call, answer) in answers {
            match answer {
                Err(Error::Closed) => {}
                other => return Err(wrong("a closed database", call, &other)),
            }
        }
        if self.disk.calls() != calls {
            return Err(Violation::new("faults", "calls on a closed database changed the disk"));
        }
        Ok(())
    }
}

fn gone(table: &Table) -> srdb::Result<()> {
    Err(Error::NoTable { name: table.name().to_owned() })
}

fn wrong(of: &str, call: &str, answer: &srdb::Result<()>) -> Violation {
    Violation::new("faults", format!("{of} answers {call} with {answer:?}"))
}
