//! Threads that commit. Each goes on where it ended when it was last here.

use std::time::Duration;

use srdb::{Durability, Receipt, col, desc, row};

use super::content::{Content, name_of};
use super::{Shared, WriterPlan, rest};
use crate::Result;
use crate::measure::now;

/// Of so many commits of a writer, one is over both tables.
const BOTH_ONE_IN: u64 = 50;

pub(super) fn write(
    shared: &Shared<'_>,
    writer: i32,
    plan: &WriterPlan,
    acknowledged: &(dyn Fn(i32, i64) + Sync),
) -> Result<()> {
    let mut n = next_of(shared, writer)?;
    let mut appender = shared.log.appender();
    let begun = now();
    let mut commits = 0_u64;
    while shared.goes_on() {
        if let Some(per_second) = plan.per_second {
            let due = Duration::from_secs_f64(commits as f64 / per_second);
            rest(due.saturating_sub(begun.elapsed()));
        }
        let end = n + plan.rows as i64;
        commits += 1;
        let took = if commits.is_multiple_of(BOTH_ONE_IN) {
            in_both(shared, writer, n..end, plan.durability)?
        } else {
            for n in n..end {
                appender.append_row(&Content::of(writer, n).values())?;
            }
            timed(|| appender.commit_with(plan.durability))?
        };
        shared.latencies.committed(plan.durability, took);
        n = end;
        acknowledged(writer, n - 1);
    }
    Ok(())
}

/// The number of a writer's next row.
fn next_of(shared: &Shared<'_>, writer: i32) -> Result<i64> {
    let newest = shared.log.query().filter(col("writer").eq(writer));
    let newest = newest.order_by(desc("_seq")).first()?;
    newest.map_or(Ok(0), |row| Ok(name_of(&row)?.1 + 1))
}

/// Commits rows together with one of the other table, which names the last of them.
fn in_both(
    shared: &Shared<'_>,
    writer: i32,
    rows: std::ops::Range<i64>,
    durability: Durability,
) -> Result<Duration> {
    let mut batch = shared.db.batch();
    let last = rows.end - 1;
    let contents = rows.map(|n| {
        let Content { writer, n, device, temperature, status, message } = Content::of(writer, n);
        row! {
            "writer" => writer, "n" => n, "device" => device, "temperature" => temperature,
            "status" => status, "message" => message,
        }
    });
    batch.insert_many(&shared.log, contents)?;
    batch.insert(&shared.events, row! { "writer" => writer, "n" => last })?;
    timed(|| batch.commit_with(durability))
}

fn timed(commit: impl FnOnce() -> srdb::Result<Receipt>) -> Result<Duration> {
    let begun = now();
    commit()?;
    Ok(begun.elapsed())
}
