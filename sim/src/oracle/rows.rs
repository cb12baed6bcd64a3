//! Is every row that is there one that was handed in, whole and in its order?
//!
//! The weakest check of all, for disks that have lost or mixed up so much that the model can't say
//! what must be there. It asks nothing of the database's history, only of the plan: a row carries
//! the number of its step, and all its values follow from that.

use srdb::Value;

use super::Violation;
use crate::model::{Found, FoundTable, Values};
use crate::plan::{Again, Plan, Rows, Step};
use crate::shape::Shape;

/// Checks every row of every table.
///
/// # Errors
/// The first row that nobody handed in, or that stands where it can't.
pub fn check(plan: &Plan, found: &Found) -> Result<(), Violation> {
    for table in found {
        let mut last = None;
        for (i, row) in table.rows.iter().enumerate() {
            let here = |what: &str| {
                let seq = table.dropped() + i + 1;
                let what = format!("row {seq} of t{} {what}: {:?}", table.slot, row.values);
                Err(Violation::new("rows", what))
            };
            let Some(Value::UInt(id)) = row.values.first() else { return here("has no id") };
            if last >= Some(*id) {
                return here("is out of order, or there twice");
            }
            last = Some(*id);
            if !was_handed_in(plan, table, *id, &row.values) {
                return here("was never handed in");
            }
        }
    }
    Ok(())
}

fn was_handed_in(plan: &Plan, table: &FoundTable, id: u64, values: &Values) -> bool {
    let (uid, part, index) = (id >> 24, id >> 16 & 0xFF, (id & 0xFFFF) as u32);
    let step = usize::try_from(uid).ok().and_then(|uid| plan.steps.get(uid.checked_sub(1)?));
    let parts: &[Rows] = match step {
        Some(
            Step::Insert { rows, .. }
            | Step::InsertAgain { rows, of: Again::Queued | Again::Refused, .. },
        ) => std::slice::from_ref(rows),
        Some(Step::Batch { parts, .. } | Step::Submit { parts, .. }) => parts,
        _ => return false,
    };
    let shapes = Shape::ALL.into_iter().filter(|shape| shape.fields().len() == table.fields);
    shapes.into_iter().any(|shape| {
        let mut parts = parts.iter().filter(|rows| rows.table == table.slot && index < rows.rows);
        parts.any(|rows| *shape.row(uid, part, index, rows.fill) == **values)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FoundRow;
    use crate::plan::{After, Options, Way};

    fn found(ids: &[(u64, u32)], fill: u32) -> Found {
        let row = |(uid, index): &(u64, u32)| FoundRow {
            time: 0,
            values: Shape::Blob.row(*uid, 0, *index, fill).into(),
        };
        let (limits, rows) = (srdb::Retention::new(), ids.iter().map(row).collect());
        vec![FoundTable { slot: 0, fields: 2, first_seq: 1, limits, rows }]
    }

    #[test]
    fn only_rows_that_were_handed_in_pass_once_and_in_order() {
        let rows = Rows { table: 0, rows: 2, fill: 38 };
        let insert = Step::Insert { rows, way: Way::Rows, level: None };
        let (options, birth) = (Options::default(), After::default());
        let plan = Plan { seed: 0, options, birth, steps: vec![insert.clone(), insert] };
        let passes = |found: &Found| check(&plan, found).is_ok();
        assert!(passes(&found(&[], 38)) && passes(&found(&[(1, 0), (1, 1), (2, 0)], 38)));
        assert!(!passes(&found(&[(1, 0), (1, 0)], 38)), "twice");
        assert!(!passes(&found(&[(2, 0), (1, 0)], 38)), "out of order");
        assert!(!passes(&found(&[(1, 2)], 38)) && !passes(&found(&[(3, 0)], 38)), "not handed in");
        assert!(!passes(&found(&[(1, 0)], 39)), "another value");
        let mut moved = found(&[(1, 0)], 38);
        moved[0].slot = 1;
        assert!(!passes(&moved), "in another table");
    }
}
