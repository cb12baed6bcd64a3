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
#[path = "query_model/random.rs"]
mod random;

use std::cmp::Ordering;
use std::sync::Arc;

use expected::{Expected, WHATS, What};
use model::{Cell, Condition};
use random::Random;
use srdb::vfs::{MemClock, MemDisk};
use srdb::{
    AggregateRow, Aggregation, Background, DataType, Database, Durability, Error, Field, Query,
    RowBuf, Schema, Table, Value, asc, desc,
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

#[test]
fn aggregates_are_what_a_naive_evaluation_says() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let rows = random.below(300);
        let block_rows = random.one_of(&[16, 64, 2048]);
        let fixture = Fixture::new(&mut random, rows, block_rows);
        for _ in 0..30 {
            let mut asked = Asked::random(&mut random, rows);
            let found = check(&fixture, &mut asked);
            check_order(&fixture, &asked, &found, &mut random);
        }
        fixture.db.close().expect("a clean close");
    }
}
