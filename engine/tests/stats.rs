//! The figures: what they count, and their text forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use srdb::vfs::{Fault, FaultKind, MemClock, MemDisk, OpKind};
use srdb::{Background, DataType, Database, Durability, Field, Job, Progress, Schema, Stats, row};

fn open(disk: &MemDisk) -> srdb::Result<Database> {
    Database::builder("db")
        .vfs(Arc::new(disk.clone()))
        .clock(Arc::new(MemClock::default()))
        .background(Background::Manual)
        .block_rows(16)
        .open()
}

/// 12 bytes a row, and the text.
fn schema() -> srdb::Result<Schema> {
    let text = Field::new("text", DataType::String).nullable();
    Schema::new([Field::new("n", DataType::Int64), text])
}

#[test]
fn commits_and_groups_are_counted_with_rows_and_bytes() -> srdb::Result<()> {
    let disk = MemDisk::new();
    let db = open(&disk)?;
    let (a, b) = (db.create_table("a", schema()?)?, db.create_table("b", schema()?)?);
    a.insert(row! { "n" => 1, "text" => "four" })?;
    let mut batch = db.batch();
    batch.insert(&a, row! { "n" => 1, "text" => "ab" })?;
    batch.insert(&b, row! { "n" => 2, "text" => None::<&str> })?;
    batch.commit()?;
    let tickets = [
        a.submit([row! { "n" => 3 }, row! { "n" => 4 }], Durability::Memory)?,
        b.submit([row! { "n" => 5 }], Durability::Os)?,
        b.submit([row! { "n" => 6 }], Durability::Disk)?,
    ];
    for ticket in tickets {
        ticket.wait()?;
    }
    // No commits: a sync, and a batch of nothing.
    db.sync()?;
    db.batch().commit()?;
    let commits = db.stats().commits;
    assert_eq!((commits.commits, commits.rows), (5, 7));
    assert_eq!(commits.bytes, 7 * 12 + 4 + 2);
    assert_eq!((commits.groups, commits.group_commits_max, commits.groups_failed), (3, 3, 0));
    let latencies = db.stats().latencies;
    assert_eq!(latencies.commit_disk.count, 3);
    assert!(latencies.commit_disk.p50_ns > 0);
    assert!(latencies.wal_sync.count >= 3);

    disk.inject(Fault::new(OpKind::Write, 1, FaultKind::Eio).on("*.wal"));
    assert!(a.insert(row! { "n" => 7 }).is_err());
    let commits = db.stats().commits;
    assert_eq!((commits.commits, commits.rows, commits.groups_failed), (5, 7, 1));
    Ok(())
}

#[test]
fn files_columns_and_what_was_written_are_counted() -> srdb::Result<()> {
    let disk = MemDisk::new();
    let db = open(&disk)?;
    let t = db.create_table("t", schema()?)?;
    t.create_index("n")?;
    for _ in 0..3 {
        t.insert_many((0..100).map(|n| row! { "n" => n % 7, "text" => "the same text" }))?;
        db.flush()?;
    }
    t.insert_many((0..10).map(|n| row! { "n" => n }))?;
    let stats = db.stats();
    let table = &stats.tables[0];
    assert_eq!((table.ssts, table.index_files, table.memtables), (3, 3, 1));
    assert_eq!((table.sst_rows, table.memtable_rows), (300, 10));
    assert_eq!((table.open_files, table.mapped_bytes), (0, 0));
    assert_eq!((stats.flushes.flushes, stats.flushes.rows), (3, 300));
    assert_eq!(stats.flushes.bytes, table.sst_bytes + table.index_bytes);
    // The header of each is written twice: zeros first, and itself when all else is there.
    assert_eq!(stats.writes.sst.bytes, table.sst_bytes + 3 * 256);
    assert_eq!(stats.writes.index.bytes, table.index_bytes + 3 * 256);
    assert!(stats.writes.manifest.syncs >= 6, "{stats:?}");
    assert!(stats.writes.wal.bytes > stats.commits.bytes);
    assert!(stats.write_amplification().is_some_and(|a| a > 1.0));
    assert_eq!(stats.obsolete_files, 3);
    while db.step(Job::Delete)? != Progress::Idle {}
    assert_eq!((db.stats().obsolete_files, db.stats().removed_files), (0, 3));
    assert_eq!(db.stats().wal_segments, 1);

    assert!(t.get(1)?.is_some());
    let table = &db.stats().tables[0];
    assert_eq!((table.open_files, table.mapped_bytes > 0), (1, true));

    let columns = t.column_stats()?;
    let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["_time", "n", "text"]);
    for (column, raw) in columns.iter().zip([8 * 300, 8 * 300, (4 + 13) * 300]) {
        assert_eq!((column.rows, column.nulls, column.raw_bytes), (300, 0, raw));
        // 100 rows in blocks of 16, three times.
        assert_eq!(column.encodings.values().sum::<u64>(), 21);
        assert!(column.stored_bytes > 0 && column.stored_bytes < raw, "{column:?}");
    }
    let stored: u64 = columns.iter().map(|column| column.stored_bytes).sum();
    assert!(stored < table.sst_bytes);
    Ok(())
}

#[test]
fn counting_begins_anew_with_each_opening() -> srdb::Result<()> {
    let disk = MemDisk::new();
    let db = open(&disk)?;
    db.create_table("t", schema()?)?.insert(row! { "n" => 1 })?;
    db.close()?;
    let stats = open(&disk)?.stats();
    assert_eq!((stats.last_commit, stats.commits.commits, stats.writes.sst.bytes), (1, 0, 0));
    assert_eq!(stats.write_amplification(), None);
    Ok(())
}

/// A sample: its labels, and its value.
type Sample = (BTreeMap<String, String>, f64);

/// Reads Prometheus' text format by its rules, and fails where one is broken.
fn parse(text: &str) -> BTreeMap<String, (String, Vec<Sample>)> {
    let mut metrics: BTreeMap<String, (String, Vec<Sample>)> = BTreeMap::new();
    let (mut helped, mut current) = (String::new(), String::new());
    assert!(text.ends_with('\n'), "the last line is not ended");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help");
            assert!(!help.is_empty() && !help.contains('\\'), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert_eq!(name, helped, "a type without its help");
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert!((kind == "counter") == name.ends_with("_total"), "{line}");
            let before = metrics.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
            assert!(before.is_none(), "{name} twice");
            current = name.to_owned();
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let value: f64 = value.parse().expect("a number");
            let (name, labels) = match series.split_once('{') {
                Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("a brace"))),
                None => (series, BTreeMap::new()),
            };
            let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.chars().all(valid), "{name}");
            let (kind, samples) = metrics.get_mut(&current).expect("a metric before its samples");
            let ending = name.strip_prefix(&*current).expect("a sample of the metric before it");
            let endings: &[&str] = if kind == "summary" { &["", "_sum", "_count"] } else { &[""] };
            assert!(endings.contains(&ending), "{line}");
            let quantile = labels.contains_key("quantile");
            assert_eq!(quantile, kind == "summary" && ending.is_empty(), "{line}");
            let same = |(known, _): &Sample| *known == labels;
            assert!(ending.len() > 1 || !samples.iter().any(same), "{line} twice");
            samples.push((labels, value));
        }
    }
    metrics
}

fn labels(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a label");
        let (mut value, mut chars) = (String::new(), rest.char_indices());
        let end = loop {
            match chars.next().expect("a quote") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().expect("what is escaped").1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("{c:?} is escaped"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name} twice");
        text = rest[end + 1..].strip_prefix(',').unwrap_or(&rest[end + 1..]);
    }
    labels
}

fn busy() -> srdb::Result<Stats> {
    let db = open(&MemDisk::new())?;
    let t = db.create_table(r#"logs "2026\ röst"#, schema()?)?;
    db.create_table("other", schema()?)?;
    for n in 0..40 {
        let level = [Durability::Memory, Durability::Os, Durability::Disk][n % 3];
        t.insert_with(row! { "n" => n as i64 }, level)?;
    }
    db.flush()?;
    Ok(db.stats())
}

#[test]
fn the_prometheus_text_keeps_to_its_rules() -> srdb::Result<()> {
    let stats = busy()?;
    let metrics = parse(&stats.to_prometheus());
    let value = |name: &str| metrics[name].1[0].1;
    assert_eq!(value("srdb_commits_total"), 40.0);
    assert_eq!(value("srdb_flushes_total"), 1.0);
    assert_eq!(value("srdb_poisoned"), 0.0);
    let (kind, latencies) = &metrics["srdb_commit_latency_seconds"];
    assert_eq!(kind, "summary");
    let of_disk = latencies.iter().filter(|(labels, _)| labels["durability"] == "disk");
    // Five quantiles, the sum and the count.
    assert_eq!(of_disk.count(), 7);
    let rows = &metrics["srdb_table_rows"].1;
    let of = |name: &str| rows.iter().find(|(l, _)| l["table"] == name).map(|(_, rows)| *rows);
    assert_eq!((of(r#"logs "2026\ röst"#), of("other")), (Some(40.0), Some(0.0)));
    let files = &metrics["srdb_file_written_bytes_total"].1;
    let sum: f64 = files.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(sum, stats.writes.bytes() as f64);
    Ok(())
}

#[test]
fn the_page_on_metrics_lists_each_with_its_kind() -> srdb::Result<()> {
    let page = include_str!("../../docs/metrics.md");
    let listed: BTreeMap<&str, &str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `srdb_")?.split_once('|'))
        .map(|(name, rest)| {
            let name = name.trim().trim_end_matches('`');
            (name, rest.split('|').next().unwrap_or_default().trim())
        })
        .collect();
    let metrics = parse(&busy()?.to_prometheus());
    let there: BTreeMap<&str, &str> = metrics
        .iter()
        .filter_map(|(name, (kind, _))| Some((name.strip_prefix("srdb_")?, &**kind)))
        .collect();
    assert_eq!(listed, there);
    Ok(())
}
