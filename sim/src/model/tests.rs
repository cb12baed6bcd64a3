//! The model against small histories, whose outcome is known.

use super::*;

const T0: u8 = 0;
const T1: u8 = 1;

fn rows(table: u8, rows: u32) -> plan::Rows {
    plan::Rows { table, rows, fill: 1 }
}

fn two_tables() -> Model {
    let mut model = Model::new();
    model.created(T0, Shape::Narrow, Standing::Live);
    model.created(T1, Shape::Narrow, Standing::Live);
    model
}

/// Commits and gets the answer that the database should give.
fn commit(model: &mut Model, uid: u64, parts: &[plan::Rows], level: Level) {
    let commit = model.begin(uid, parts, level);
    let seqs = commit
        .parts
        .iter()
        .map(|p| (model.tables[&p.table].rows.len() as i64 + 1, p.rows.len() as i64))
        .collect();
    let ack = Ack { number: uid, time: uid as i64, seqs };
    assert_eq!(model.acknowledge(commit, &ack), Ok(()));
}

/// What a database holds that kept so many rows of each table.
fn kept(model: &Model, counts: &[usize]) -> Found {
    let table = |((_, table), count): ((TableId, &Table), &usize)| FoundTable {
        slot: table.slot,
        fields: table.shape.fields().len(),
        first_seq: 1,
        limits: srdb::Retention::new(),
        rows: table.rows[..*count]
            .iter()
            .map(|(time, values)| FoundRow { time: *time, values: values.clone() })
            .collect(),
    };
    model.tables().zip(counts).map(table).collect()
}

fn complaint(result: Result<(), Violation>) -> String {
    result.err().map_or_else(|| "no complaint".to_owned(), |v| v.to_string())
}

#[test]
fn a_prefix_that_holds_what_is_safe_is_fine() {
    for (t0, t1) in [(2, 1), (3, 1), (3, 2)] {
        let mut model = two_tables();
        commit(&mut model, 1, &[rows(T0, 2), rows(T1, 1)], Level::Disk);
        commit(&mut model, 2, &[rows(T0, 1)], Level::Os);
        commit(&mut model, 3, &[rows(T1, 1)], Level::Memory);
        let found = kept(&model, &[t0, t1]);
        assert_eq!(model.recover(&found, Death::Power), Ok(()), "{t0} {t1}");
        assert_eq!(model.commit_count(), t0 + t1 - 2);
    }
}

#[test]
fn losing_a_safe_commit_is_noticed() {
    let mut model = two_tables();
    commit(&mut model, 1, &[rows(T0, 2)], Level::Disk);
    commit(&mut model, 2, &[rows(T1, 2)], Level::Os);
    let found = kept(&model, &[0, 0]);
    assert!(complaint(model.recover(&found, Death::Power)).contains("step 0 was safe at Disk"));
    let found = kept(&model, &[2, 0]);
    assert!(complaint(model.recover(&found, Death::Process)).contains("step 1 was safe at Os"));
    assert_eq!(model.recover(&found, Death::Power), Ok(()));
}

#[test]
fn half_a_commit_a_gap_and_a_stranger_are_noticed() {
    let mut model = two_tables();
    commit(&mut model, 1, &[rows(T0, 2), rows(T1, 1)], Level::Memory);
    commit(&mut model, 2, &[rows(T0, 1)], Level::Memory);
    for counts in [[1, 1], [2, 0], [0, 1]] {
        let found = kept(&model, &counts);
        assert!(complaint(model.recover(&found, Death::Power)).contains("can't be there"));
    }
    let mut found = kept(&model, &[3, 1]);
    found[0].rows.remove(1);
    assert!(complaint(model.recover(&found, Death::Power)).contains("can't be there"));
    let mut found = kept(&model, &[3, 1]);
    let twice = found[0].rows[2].clone();
    found[0].rows.push(twice);
    assert!(complaint(model.recover(&found, Death::Power)).contains("can't be there"));
}

#[test]
fn a_failed_commit_may_come_back_until_a_sync() {
    for synced in [false, true] {
        let mut model = two_tables();
        commit(&mut model, 1, &[rows(T0, 1)], Level::Disk);
        let failed = model.begin(2, &[rows(T0, 1)], Level::Disk);
        model.fail(failed.clone());
        if synced {
            model.synced();
        }
        let mut found = kept(&model, &[1, 0]);
        let values = failed.parts[0].rows[0].clone();
        found[0].rows.push(FoundRow { time: 5, values });
        let result = model.recover(&found, Death::Power);
        assert_eq!(result.is_ok(), !synced, "{result:?}");
    }
}

#[test]
fn tables_are_where_they_must_be() {
    let mut model = two_tables();
    assert!(complaint(model.recover(&kept(&model, &[0]), Death::Power)).contains("t1 is lost"));
    model.set_standing(T1, Standing::MaybeDropped);
    assert_eq!(model.recover(&kept(&model, &[0]), Death::Power), Ok(()));
    let mut found = kept(&model, &[0]);
    let limits = srdb::Retention::new();
    found.push(FoundTable { slot: 7, fields: 1, first_seq: 1, limits, rows: Vec::new() });
    assert!(complaint(model.recover(&found, Death::Power)).contains("t7 is there"));
}

#[test]
fn a_time_that_changes_is_noticed() {
    let mut model = two_tables();
    commit(&mut model, 1, &[rows(T0, 1)], Level::Disk);
    let mut found = kept(&model, &[1, 0]);
    found[0].rows[0].time = 9;
    assert!(complaint(model.recover(&found, Death::Power)).contains("_time was 1 and is 9"));
}

/// A history of three commits, all at `Disk`, in two tables.
fn history() -> Model {
    let mut model = two_tables();
    commit(&mut model, 1, &[rows(T0, 2), rows(T1, 1)], Level::Disk);
    commit(&mut model, 2, &[rows(T0, 1)], Level::Disk);
    commit(&mut model, 3, &[rows(T1, 1)], Level::Disk);
    model
}

#[test]
fn an_excuse_covers_the_end_of_the_log_and_nothing_before_it() {
    for (excuse, counts, is_fine) in [
        (Excuse::Nothing, [3, 2], true),
        (Excuse::Nothing, [3, 1], false),
        (Excuse::AllBut(2), [3, 1], true),
        (Excuse::AllBut(2), [2, 1], false),
        (Excuse::Anything, [2, 1], true),
        (Excuse::Anything, [0, 0], true),
    ] {
        let mut model = history();
        let found = kept(&model, &counts);
        let result = model.recover_damaged(&found, Death::Power, excuse);
        assert_eq!(result.is_ok(), is_fine, "{excuse:?} {counts:?}: {result:?}");
    }
}

#[test]
fn no_excuse_covers_a_hole() {
    for excuse in [Excuse::Nothing, Excuse::AllBut(0), Excuse::Anything] {
        let mut model = history();
        // The second commit is gone, the third is there.
        let found = kept(&model, &[2, 2]);
        assert!(model.recover_damaged(&found, Death::Power, excuse).is_err(), "{excuse:?}");
    }
}

#[test]
fn what_failed_may_come_back_after_a_sync_that_was_a_lie() {
    for lies in [false, true] {
        let mut model = two_tables();
        if lies {
            model.syncs_may_lie();
        }
        let failed = model.begin(1, &[rows(T0, 1)], Level::Disk);
        model.fail(failed.clone());
        model.synced();
        let mut found = kept(&model, &[0, 0]);
        found[0].rows.push(FoundRow { time: 1, values: failed.parts[0].rows[0].clone() });
        let result = model.recover_damaged(&found, Death::Power, Excuse::Anything);
        assert_eq!(result.is_ok(), lies, "{result:?}");
    }
}

#[test]
fn a_system_that_loses_its_cache_makes_os_no_safer_than_memory() {
    let mut model = two_tables();
    commit(&mut model, 1, &[rows(T0, 1)], Level::Disk);
    commit(&mut model, 2, &[rows(T0, 1)], Level::Os);
    let found = kept(&model, &[1, 0]);
    assert!(model.recover(&found, Death::Process).is_err());
    model.lost_by_the_system();
    assert_eq!(model.recover(&found, Death::Process), Ok(()));
}

#[test]
fn what_is_written_behind_a_hole_in_the_log_is_not_safe_until_it_is_synced() {
    let lost_behind = |level| {
        let mut model = two_tables();
        commit(&mut model, 1, &[rows(T0, 1)], Level::Os);
        model.lost_by_the_system();
        commit(&mut model, 2, &[rows(T0, 1)], level);
        let found = kept(&model, &[0, 0]);
        model.recover(&found, Death::Process).is_ok()
    };
    assert!(lost_behind(Level::Os));
    assert!(!lost_behind(Level::Disk));
}
