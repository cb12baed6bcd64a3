//! Commits that are not to wait for room in memory.

use srdb::{Error, Job};

use super::Run;
use crate::oracle::Violation;
use crate::plan::{Level, Rows};

impl Run {
    /// Inserts rows if there is room for them. It must be refused where the memtables are full,
    /// must not where they are less than half so, and must not flush.
    pub(super) fn insert_if_room(
        &mut self,
        rows: Rows,
        level: Option<Level>,
    ) -> Result<String, Violation> {
        let level = level.unwrap_or(self.plan.options.durability);
        let (tables, commit) = self.begin(&[rows], level)?;
        let [table] = &tables[..] else { return Ok("no table".to_owned()) };
        let rows = self.named_rows(&commit, 0);
        let db = self.db()?;
        let wrong = |what: &str| Err(Violation::new("model", format!("not to wait: {what}")));
        let (before, others_wait) = (db.stats(), db.jobs().contains(&Job::Commit));
        let full = self.plan.options.memtable_bytes as u64;
        // Where fewer wait for their flush, a generation that is full is frozen.
        let is_behind =
            before.frozen_generations >= self.plan.options.frozen_generations_max as u64;
        let ticket = match table.try_submit(rows, level.into()) {
            Err(Error::WouldStall) if !is_behind => return wrong("refused while no flush waits"),
            Err(Error::WouldStall) if !others_wait && before.active_bytes < full.div_ceil(2) => {
                return wrong("refused with the memtables less than half full");
            }
            // It was never a commit: its rows must not turn up.
            Err(Error::WouldStall) => return Ok("would stall".to_owned()),
            Ok(_) if is_behind && before.active_bytes >= full => {
                return wrong("admitted with the memtables full");
            }
            other => other,
        };
        let result = ticket.and_then(srdb::Ticket::wait);
        if !others_wait && db.stats().frozen_generations < before.frozen_generations {
            return wrong("a flush ended under it");
        }
        self.hear(commit, result)
    }
}
