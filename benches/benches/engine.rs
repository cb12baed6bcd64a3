//! The hot paths one by one: append, commit, get, scan.
//!
//! `cargo bench -p srdb-benches --bench engine`

#![allow(missing_docs, reason = "criterion's macros make functions without documentation")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use srdb::{Database, Durability, Table};
use srdb_benches::engines::{append, schema};
use srdb_benches::{Result, SEED, Workload};

const ROWS: usize = 200_000;
/// An odd step through the rows, so that gets come from everywhere.
const STEP: usize = 77_773;

struct Fixture {
    _dir: tempfile::TempDir,
    database: Database,
    table: Table,
    workload: Workload,
}

impl Fixture {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let database = Database::open(dir.path().join("db"))?;
        let table = database.create_table("log", schema()?)?;
        Ok(Fixture { _dir: dir, database, table, workload: Workload::new(SEED, ROWS) })
    }

    /// With all rows in SSTs.
    fn flushed() -> Result<Self> {
        let fixture = Fixture::new()?;
        let mut appender = fixture.table.appender();
        for at in 0..ROWS {
            append(&mut appender, &fixture.workload.row(at))?;
            if at % 1000 == 999 {
                appender.commit_with(Durability::Os)?;
            }
        }
        fixture.database.flush()?;
        Ok(fixture)
    }
}

fn writes(criterion: &mut Criterion) {
    let fixture = Fixture::new().expect("a database");
    let Fixture { table, workload, .. } = &fixture;
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("append 1000 rows", |bencher| {
        bencher.iter_batched_ref(
            || table.appender(),
            |appender| {
                (0..1000).try_for_each(|at| append(appender, &workload.row(at))).expect("rows");
            },
            BatchSize::SmallInput,
        );
    });
    let mut appender = table.appender();
    for durability in [Durability::Memory, Durability::Os, Durability::Disk] {
        for rows in [1, 1000] {
            group.throughput(Throughput::Elements(rows as u64));
            group.bench_function(format!("commit {rows} rows, {durability:?}"), |bencher| {
                bencher.iter(|| {
                    (0..rows)
                        .try_for_each(|at| append(&mut appender, &workload.row(at)))
                        .and_then(|()| appender.commit_with(durability))
                        .expect("a commit")
                });
            });
        }
    }
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    let fixture = Fixture::flushed().expect("a database");
    let table = &fixture.table;
    let mut group = criterion.benchmark_group("read");
    let mut number = 0;
    let mut next = || {
        number = (number + STEP) % ROWS;
        number as i64 + 1
    };
    group.bench_function("get", |bencher| {
        bencher.iter(|| table.get(next()).expect("a row"));
    });
    group.bench_function("get two fields", |bencher| {
        let fields = ["ts", "temperature"];
        bencher.iter(|| table.get_fields(next(), &fields).expect("a row"));
    });
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(20);
    group.bench_function("scan, owned rows", |bencher| {
        bencher.iter(|| table.scan(..).expect("a scan").filter_map(Result::ok).count());
    });
    group.bench_function("scan, borrowed rows", |bencher| {
        bencher.iter(|| {
            let mut scan = table.scan(..).expect("a scan");
            let mut values = 0;
            while let Some(Ok(row)) = scan.next_ref() {
                values += (0..row.len()).filter(|at| row.value(*at).is_ok()).count();
            }
            values
        });
    });
    group.bench_function("scan, one field", |bencher| {
        let fields = ["temperature"];
        bencher.iter(|| table.scan_fields(.., &fields).expect("a scan").count());
    });
    group.finish();
}

criterion_group!(benches, writes, reads);
criterion_main!(benches);
