//! Aggregates against a naive evaluation of the same groups: random conditions, keys, windows and
//! aggregates over random rows of every type, with nulls, in files, in memory and in both, and
//! after a reopen.
//!
//! The evaluation shares nothing with the engine: it makes lists of rows and goes through them
//! ([`expected`]).

#[path = "aggregates/model.rs"]
mod expected;
#[path = "query_model/model.rs"]
mod model;
#[allow(dead_code, reason = "shared with another test")]
#[path = "query_model/random.rs"]
mod random;

use std::cmp::Ordering;
use std::sync::Arc;

use expected::{Expected, WHATS, What};
use model::{Cell, Condition};
use random::Random;
use srdb::vfs::{MemClock, MemDisk};
use srdb::{
    AggregateRow, Aggregation, Background, DataType, Database, Durability, Error, Field, Fill,
    Query, RowBuf, Schema, Table, Value, asc, desc,
};

/// One field of each type, each nullable but for the first.
fn schema() -> Schema {
    let fields = DataType::ALL.into_iter().map(|data_type| {
        let field = Field::new(data_type.name(), data_type);
        if data_type == DataType::Bool { field } else { field.nullable() }
    });
    Schema::new(fields).expect("a good schema")
}

struct Fixture {
    db: Database,
    table: Table,
    rows: Vec<Vec<Value>>,
    times: Vec<i64>,
}

const SECOND: i64 = 1_000_000_000;

impl Fixture {
    /// A table whose rows lie where `random` wants them: flushed, in memory, or some of each,
    /// perhaps opened again; and whose `_time` goes on by some seconds now and then.
    fn new(random: &mut Random, rows: usize, block_rows: usize) -> Fixture {
        let (disk, clock) = (MemDisk::new(), Arc::new(MemClock::default()));
        let open = || {
            Database::builder("/db")
                .vfs(Arc::new(disk.clone()))
                .clock(Arc::clone(&clock) as Arc<dyn srdb::vfs::Clock>)
                .background(Background::Manual)
                .block_rows(block_rows)
                .durability(Durability::Memory)
                .open()
                .expect("a database")
        };
        let mut db = open();
        let mut table = db.create_table("t", schema()).expect("a table");
        let rows = random.rows(rows);
        let flushes = random.below(3);
        let parts = flushes + random.below(2);
        let part = rows.len().div_ceil(parts.max(1));
        for (number, part) in rows.chunks(part.max(1)).enumerate() {
            let commit = 1 + random.below(50);
            for commit in part.chunks(commit) {
                table.insert_many(commit.iter().map(|row| to_row(row))).expect("rows");
                clock.advance(random.below(90) as u64 * 500_000_000);
            }
            if number < flushes {
                db.flush().expect("a flush");
            }
            if random.chance(3) {
                db.close().expect("a clean close");
                db = open();
                table = db.table("t").expect("the table");
            }
        }
        let stored = table.query().collect().expect("rows");
        let times = stored.iter().map(|row| row.time()).collect();
        Fixture { db, table, rows, times }
    }

    fn value(&self, row: usize, field: Of) -> Value {
        match field {
            Of::Seq => Value::Int(row as i64 + 1),
            Of::Time => Value::Timestamp(self.times[row]),
            Of::Field(at) => self.rows[row][at].clone(),
        }
    }
}

/// A field, or what every row has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Of {
    Seq,
    Time,
    Field(usize),
}

impl Of {
    fn name(self) -> &'static str {
        match self {
            Of::Seq => "_seq",
            Of::Time => "_time",
            Of::Field(at) => DataType::ALL[at].name(),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Of::Seq => DataType::Int64,
            Of::Time => DataType::Timestamp,
            Of::Field(at) => DataType::ALL[at],
        }
    }

    fn random(random: &mut Random) -> Of {
        match random.below(30) {
            0 => Of::Seq,
            1 => Of::Time,
            _ => Of::Field(random.below(DataType::ALL.len())),
        }
    }
}

fn to_row(values: &[Value]) -> RowBuf {
    let mut row = RowBuf::new();
    for (data_type, value) in DataType::ALL.iter().zip(values) {
        row.push(data_type.name(), value.clone());
    }
    row
}

/// Spans in ns.
#[derive(Debug, Clone, Copy)]
struct Windows {
    of: Of,
    size: i64,
    slide: i64,
    origin: i64,
}

impl Windows {
    fn random(random: &mut Random) -> Windows {
        let spans = [10 * SECOND, 60 * SECOND, 7 * SECOND + 1, 1 << 61, 3600 * SECOND];
        let of = random.one_of(&[Of::Time, Of::Time, Of::Field(14)]);
        let size = random.one_of(&spans);
        let slide = match random.below(4) {
            0 => size / 3,
            1 => size * 3 / 2,
            _ => size,
        };
        Windows { of, size, slide, origin: random.one_of(&[0, 0, SECOND, -5 * SECOND]) }
    }

    /// The numbers of the windows that hold an instant: slowly, by a search among those near.
    fn of(&self, time: i64) -> Vec<i128> {
        let (time, size, slide) = (time.into(), i128::from(self.size), i128::from(self.slide));
        let near = (time - i128::from(self.origin)) / slide;
        let holds = |k: &i128| {
            let start = k * slide + i128::from(self.origin);
            start <= time && time < start + size
        };
        (near - 6..near + 3).filter(holds).collect()
    }

    /// Where a window begins, as the answer says it.
    fn start(&self, window: i128) -> Value {
        let start = window * i128::from(self.slide) + i128::from(self.origin);
        Value::Timestamp(start.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

#[derive(Debug)]
struct Group {
    keys: Vec<Value>,
    window: Option<i128>,
    rows: Vec<usize>,
}

fn compare(left: &Value, right: &Value) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (false, false) => model::compare(left, right),
        (left, right) => right.cmp(&left),
    }
}

fn compare_all(left: &[Value], right: &[Value]) -> Ordering {
    let orders = left.iter().zip(right).map(|(left, right)| compare(left, right));
    orders.fold(Ordering::Equal, Ordering::then)
}

#[derive(Debug)]
struct Asked {
    condition: Condition,
    keys: Vec<Of>,
    windows: Option<Windows>,
    aggregates: Vec<(What, Of)>,
}

impl Asked {
    fn random(random: &mut Random, rows: usize) -> Asked {
        let depth = random.below(3);
        let condition = match random.chance(2) {
            true => Condition::And(Vec::new()),
            false => random.condition(depth, rows),
        };
        let mut keys: Vec<Of> = Vec::new();
        for _ in 0..random.one_of(&[0, 0, 1, 1, 2, 3]) {
            let key = Of::random(random);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let windows = random.chance(3).then(|| Windows::random(random));
        let mut aggregates = Vec::new();
        for _ in 0..1 + random.below(6) {
            let (what, of) = (random.one_of(&WHATS), Of::random(random));
            if what.takes(of.data_type()) && !aggregates.contains(&(what, of)) {
                aggregates.push((what, of));
            }
        }
        Asked { condition, keys, windows, aggregates }
    }

    /// Without what is made of the groups.
    fn groups_of(&self, query: &Query) -> Aggregation {
        let expr = self.condition.to_expr();
        let query = query.clone().filter(expr);
        let mut asked = query.group_by(self.keys.iter().map(|key| key.name()));
        if let Some(Windows { of, size, slide, origin }) = self.windows {
            asked = asked.window(of.name(), size).slide(slide).origin(origin);
        }
        asked
    }

    fn groups(&self, fixture: &Fixture) -> Vec<Group> {
        let passes = |at: &usize| {
            self.condition.of(&Cell { seq: at + 1, row: &fixture.rows[*at] }) == Some(true)
        };
        let passed: Vec<usize> = (0..fixture.rows.len()).filter(passes).collect();
        let mut groups: Vec<Group> = Vec::new();
        for at in passed.iter().copied() {
            let keys: Vec<Value> = self.keys.iter().map(|key| fixture.value(at, *key)).collect();
            let windows = match self.windows {
                None => vec![None],
                Some(windows) => match fixture.value(at, windows.of) {
                    Value::Timestamp(time) => windows.of(time).into_iter().map(Some).collect(),
                    _ => Vec::new(),
                },
            };
            for window in windows {
                let same = |group: &&mut Group| {
                    group.window == window && compare_all(&group.keys, &keys).is_eq()
                };
                match groups.iter_mut().find(same) {
                    Some(group) => group.rows.push(at),
                    None => groups.push(Group { keys: keys.clone(), window, rows: vec![at] }),
                }
            }
        }
        if groups.is_empty() && self.keys.is_empty() && self.windows.is_none() {
            groups.push(Group { keys: Vec::new(), window: None, rows: Vec::new() });
        }
        // The form of a key is that of the first row that has it, in whatever group.
        for group in &mut groups {
            for (key, of) in group.keys.iter_mut().zip(&self.keys) {
                let mut values = passed.iter().map(|at| fixture.value(*at, *of));
                *key = values.find(|value| compare(value, key).is_eq()).expect("its own");
            }
        }
        groups.sort_by(|a, b| compare_all(&a.keys, &b.keys).then(a.window.cmp(&b.window)));
        groups
    }

    fn expected(&self, fixture: &Fixture, group: &Group, (what, of): (What, Of)) -> Expected {
        let values: Vec<Value> = group.rows.iter().map(|at| fixture.value(*at, of)).collect();
        what.of(of.data_type(), &values.iter().collect::<Vec<_>>())
    }
}

fn named((what, of): (What, Of)) -> srdb::Aggregate {
    what.aggregate(of.name())
}

/// Checks every row of an answer, and gives them back.
fn check(fixture: &Fixture, asked: &mut Asked) -> Vec<AggregateRow> {
    let groups = asked.groups(fixture);
    let query = fixture.table.query();
    let overflows = |aggregate: &(What, Of)| {
        groups.iter().any(|g| asked.expected(fixture, g, *aggregate) == Expected::Overflow)
    };
    for aggregate in asked.aggregates.iter().filter(|aggregate| overflows(aggregate)) {
        let answer = asked.groups_of(&query).aggregate([named(*aggregate)]).collect();
        assert!(matches!(answer, Err(Error::Overflow { .. })), "{aggregate:?}: {answer:?}");
    }
    let kept = asked.aggregates.iter().copied().filter(|aggregate| !overflows(aggregate)).collect();
    asked.aggregates = kept;
    let mut seen: Vec<String> = Vec::new();
    asked.aggregates.retain(|aggregate| {
        let name = named(*aggregate).name();
        let new = !seen.contains(&name);
        seen.push(name);
        new
    });
    if asked.aggregates.is_empty() {
        asked.aggregates.push((What::CountRows, Of::Seq));
    }
    let all = asked.groups_of(&query).aggregate(asked.aggregates.iter().copied().map(named));
    let found = all.collect().unwrap_or_else(|error| panic!("{asked:?}: {error}"));
    let plan = || all.explain_analyze().expect("a plan");
    assert_eq!(found.len(), groups.len(), "{asked:?}\n{}", plan());
    for (row, group) in found.iter().zip(&groups) {
        let keys = asked.keys.len();
        assert_eq!(row.values()[..keys], group.keys, "{asked:?}");
        if let (Some(windows), Some(window)) = (asked.windows, group.window) {
            assert_eq!(row.get("_window"), Some(&windows.start(window)), "{asked:?}");
        }
        for aggregate in &asked.aggregates {
            let expected = asked.expected(fixture, group, *aggregate);
            let value = row.get(&named(*aggregate).name()).expect("a value");
            assert!(
                expected.is(value),
                "{aggregate:?} of {row:?} is {value}, not {expected:?}\n{asked:?}\n{}",
                plan()
            );
        }
    }
    found
}

/// The same answer in another order, cut.
fn check_order(fixture: &Fixture, asked: &Asked, rows: &[AggregateRow], random: &mut Random) {
    let columns: Vec<String> =
        rows.first().map_or(Vec::new(), |row| row.names().map(str::to_owned).collect());
    if columns.is_empty() {
        return;
    }
    let all = asked.groups_of(&fixture.table.query());
    let mut all = all.aggregate(asked.aggregates.iter().copied().map(named));
    let mut ordered = rows.to_vec();
    let keys: Vec<(usize, bool)> =
        (0..1 + random.below(2)).map(|_| (random.below(columns.len()), random.chance(2))).collect();
    ordered.sort_by(|a, b| {
        let orders = keys.iter().map(|(at, descending)| {
            let order = compare(&a.values()[*at], &b.values()[*at]);
            if *descending { order.reverse() } else { order }
        });
        orders.fold(Ordering::Equal, Ordering::then)
    });
    for (at, descending) in &keys {
        all = all.order_by(if *descending { desc(&columns[*at]) } else { asc(&columns[*at]) });
    }
    let (offset, limit) = (random.below(3), random.below(rows.len() + 2));
    let found = all.offset(offset as u64).limit(limit as u64).collect().expect("rows");
    let wanted: Vec<AggregateRow> = ordered.into_iter().skip(offset).take(limit).collect();
    let values = |rows: &[AggregateRow]| -> Vec<Vec<Value>> {
        rows.iter().map(|row| row.values().to_vec()).collect()
    };
    assert_eq!(values(&found), values(&wanted), "{asked:?} by {keys:?}");
}

/// A value on the line between two, as docs/queries.md says.
fn on_the_line(low: &Value, high: &Value, part: f64) -> Option<f64> {
    let number = |value: &Value| match value {
        Value::Int(v) | Value::Timestamp(v) | Value::Duration(v) => Some(*v as f64),
        Value::UInt(v) => Some(*v as f64),
        Value::Float32(v) => Some((*v).into()),
        Value::Float64(v) => Some(*v),
        Value::Decimal(v) => v.to_string().parse().ok(),
        _ => None,
    };
    let (low, high) = (number(low)?, number(high)?);
    Some(low * (1.0 - part) + high * part)
}

/// The same answer with its gaps filled.
fn check_fill(
    fixture: &Fixture,
    asked: &Asked,
    rows: &[AggregateRow],
    random: &mut Random,
) -> usize {
    let Some(windows) = asked.windows else { return 0 };
    let groups = asked.groups(fixture);
    let all: Vec<i128> = groups.iter().filter_map(|group| group.window).collect();
    let (Some(mut first), Some(mut last)) = (all.iter().min().copied(), all.iter().max().copied())
    else {
        return 0;
    };
    if last - first > 300 {
        return 0;
    }
    let fill = random.one_of(&[Fill::Null, Fill::Previous, Fill::Linear, Fill::Value(7.into())]);
    let mut filled = asked
        .groups_of(&fixture.table.query())
        .aggregate(asked.aggregates.iter().copied().map(named))
        .fill(fill.clone());
    if random.chance(2) {
        let start = |window: i128| match windows.start(window) {
            Value::Timestamp(ns) => ns,
            _ => unreachable!("a window starts at an instant"),
        };
        let wider = (first - random.below(4) as i128, last + random.below(4) as i128 - 2);
        let (from, to) = (start(wider.0), start(wider.1 + 1));
        // Not at the ends of time, where windows are cut.
        if from > i64::MIN && to < i64::MAX {
            (first, last) = wider;
            filled = filled.fill_range(from, to);
        }
    }
    let found = match filled.collect() {
        Ok(found) => found,
        Err(Error::TypeMismatch { .. }) if matches!(fill, Fill::Value(_)) => return 0,
        Err(error) => panic!("{asked:?} {fill:?}: {error}"),
    };
    let mut at = 0;
    let mut gaps = 0;
    let mut from = 0;
    while from < groups.len() {
        let same = |group: &&Group| compare_all(&group.keys, &groups[from].keys).is_eq();
        let series = from..from + groups[from..].iter().take_while(same).count();
        let window = |group: usize| groups[group].window.expect("a window");
        let wanted: Vec<i128> = (first..=last).chain(series.clone().map(window)).collect();
        let wanted: std::collections::BTreeSet<i128> = wanted.into_iter().collect();
        for number in wanted {
            let row = &found[at];
            at += 1;
            if let Some(group) = series.clone().find(|group| window(*group) == number) {
                assert_eq!(row.values(), rows[group].values(), "{asked:?} {fill:?}");
                continue;
            }
            gaps += 1;
            assert_eq!(row.values()[..asked.keys.len()], groups[from].keys);
            assert_eq!(row.get("_window"), Some(&windows.start(number)));
            let before = series.clone().rev().find(|group| window(*group) < number);
            let behind = series.clone().find(|group| window(*group) > number);
            for (what, of) in asked.aggregates.iter().copied() {
                let name = named((what, of)).name();
                let found = row.get(&name).expect("a value");
                let there = |group: Option<usize>| {
                    group.and_then(|group| rows[group].get(&name)).cloned().unwrap_or(Value::Null)
                };
                let counts = [What::CountRows, What::Count];
                let counts_distinct = [What::CountDistinct, What::ApproxCountDistinct];
                if counts.contains(&what) || counts_distinct.contains(&what) {
                    assert_eq!(*found, Value::Int(0));
                    continue;
                }
                match &fill {
                    Fill::Previous => assert_eq!(*found, there(before)),
                    Fill::Value(_) => assert_eq!(found.to_string().trim_end_matches(".0"), {
                        let seven = Value::Int(7).convert_to(kind(found)).expect("seven");
                        seven.to_string().trim_end_matches(".0").to_owned()
                    }),
                    Fill::Linear => {
                        let (low, high) = (there(before), there(behind));
                        let width = |to: usize, from: usize| (window(to) - window(from)) as f64;
                        let part = before.zip(behind).map_or(0.0, |(before, behind)| {
                            (number - window(before)) as f64 / width(behind, before)
                        });
                        match on_the_line(&low, &high, part) {
                            None => assert_eq!(*found, Value::Null),
                            Some(exact) => {
                                let found = on_the_line(found, found, 0.0).unwrap_or(f64::NAN);
                                let near = (found - exact).abs() <= 1.0 + exact.abs() * 1e-6;
                                assert!(near || !exact.is_finite(), "{found} {exact}");
                            }
                        }
                    }
                    _ => assert_eq!(*found, Value::Null),
                }
            }
        }
        from = series.end;
    }
    assert_eq!(at, found.len(), "{asked:?} {fill:?}");
    gaps
}

fn kind(value: &Value) -> DataType {
    match value {
        Value::UInt(_) => DataType::UInt64,
        Value::Float32(_) => DataType::Float32,
        Value::Float64(_) => DataType::Float64,
        Value::Decimal(_) => DataType::Decimal,
        Value::Timestamp(_) => DataType::Timestamp,
        Value::Duration(_) => DataType::Duration,
        Value::String(_) => DataType::String,
        Value::Json(_) => DataType::Json,
        _ => DataType::Int64,
    }
}

/// The last row of each key, and rows told apart by it.
fn check_latest(fixture: &Fixture, asked: &Asked, random: &mut Random) {
    let fields: Vec<Of> = asked.keys.iter().copied().filter(|key| *key != Of::Seq).collect();
    let passes = |at: &usize| {
        asked.condition.of(&Cell { seq: at + 1, row: &fixture.rows[*at] }) == Some(true)
    };
    let mut latest: Vec<usize> = Vec::new();
    for at in (0..fixture.rows.len()).rev().filter(passes) {
        let same = |other: &usize| {
            fields
                .iter()
                .all(|of| compare(&fixture.value(at, *of), &fixture.value(*other, *of)).is_eq())
        };
        if !latest.iter().any(same) {
            latest.push(at);
        }
    }
    let query = fixture.table.query().filter(asked.condition.to_expr());
    let query = query.latest_by(fields.iter().map(|field| field.name()));
    let seqs = |query: &Query| -> Vec<usize> {
        let rows = query.collect().expect("rows");
        rows.iter().map(|row| row.seq() as usize - 1).collect()
    };
    let backward = query.clone().order_by(desc("_seq"));
    assert_eq!(seqs(&backward), latest, "{asked:?}");
    assert_eq!(query.count().expect("a count"), latest.len() as u64);
    let (offset, limit) = (random.below(3), random.below(6));
    let cut: Vec<usize> = latest.iter().copied().skip(offset).take(limit).collect();
    assert_eq!(seqs(&backward.limit(limit as u64).offset(offset as u64)), cut, "{asked:?}");
    latest.reverse();
    assert_eq!(seqs(&query), latest, "{asked:?}");
}

#[test]
fn aggregates_are_what_a_naive_evaluation_says() {
    let mut gaps = 0;
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let rows = random.below(300);
        let block_rows = random.one_of(&[16, 64, 2048]);
        let fixture = Fixture::new(&mut random, rows, block_rows);
        for _ in 0..30 {
            let mut asked = Asked::random(&mut random, rows);
            let found = check(&fixture, &mut asked);
            check_order(&fixture, &asked, &found, &mut random);
            gaps += check_fill(&fixture, &asked, &found, &mut random);
            check_latest(&fixture, &asked, &mut random);
        }
        fixture.db.close().expect("a clean close");
    }
    assert!(gaps > 1000, "{gaps} gaps were filled");
}
