//! Queries over real data sets, with answers that Python found in the same files.
//!
//! They lie beside the repository, not in it; without them these tests say so and pass. The lines
//! of Python above each query come after these, with the set's name:
//!
//! ```python
//! import csv, gzip, json, re, statistics
//! rows = [json.loads(line) for line in gzip.open("quakes.ndjson.gz", "rt")]   # or
//! rows = list(csv.DictReader(gzip.open("birdstrikes.csv.gz", "rt", newline="")))
//! def top(n, key, rows=rows): return sorted(rows, key=key)[:n]
//! def group(key, rows=rows):
//!     return [(k, [r for r in rows if key(r) == k]) for k in sorted({key(r) for r in rows})]
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests are outside of the database, with files and processes"
)]

mod common;

use common::{Bench, data};

/// A database with the data set as table `t`.
fn imported(name: &str, args: &[&str]) -> Option<Bench> {
    let (bench, path) = (Bench::new(), data(name)?);
    let args: Vec<&str> = ["t", path.to_str()?].into_iter().chain(args.iter().copied()).collect();
    bench.run("import", &args).code(0);
    Some(bench)
}

#[track_caller]
fn count(bench: &Bench, condition: &str, rows: u64) {
    let args = ["t", "--count", "--where", condition];
    bench.run("query", &args).code(0).prints(&format!("{rows}\n"));
}

/// The rows as CSV, without the header.
#[track_caller]
fn rows(bench: &Bench, args: &[&str], want: &[&str]) {
    let args: Vec<&str> =
        ["t", "--format", "csv"].into_iter().chain(args.iter().copied()).collect();
    let out = bench.run("query", &args).code(0).out;
    assert_eq!(out.lines().skip(1).collect::<Vec<_>>(), want, "{args:?}");
}

#[test]
fn quakes() {
    let args = ["--time", "time", "--time-unit", "ms"];
    let Some(bench) = imported("quakes.ndjson.gz", &args) else { return };
    let ask = |bench: &Bench| {
        // sum(r["mag"] >= 4.5 and r["alert"] is None for r in rows)
        count(bench, "mag >= 4.5 and alert is null", 75);
        // sum(r["nst"] is None or r["gap"] is not None and not r["gap"] < 100 for r in rows)
        count(bench, "nst is null or not gap < 100", 1147);
        // sum(not re.search(", (CA|Alaska)$", r["place"]) for r in rows)
        count(bench, "not (place like '%, CA' or ends_with(place, ', Alaska'))", 649);
        count(bench, "not matches(place, ', (CA|Alaska)$')", 649);
        // sum(r["felt"] not in (None, 0) for r in rows)
        count(bench, "felt <> 0", 121);
        // day = 86400000; sum(r["time"] // day == 1517788800000 // day for r in rows)
        count(bench, "time >= '2018-02-05T00:00:00Z' and time < '2018-02-06T00:00:00Z'", 249);
        // [r["id"] for r in top(5, lambda r: (-r["mag"], r["time"]))]
        let strongest = ["us1000chhc", "us2000crmu", "us1000cfn6", "us1000cdn0", "us1000ce9r"];
        let order = ["--select", "id", "--order-by", "mag desc, time", "--limit", "5"];
        rows(bench, &order, &strongest);
        // sorted({r["magType"] for r in rows})
        let distinct = ["--distinct", "magType", "--order-by", "magType"];
        rows(bench, &distinct, &["mb", "mb_lg", "md", "ml", "mw", "mwr", "mww"]);
        // [(k, len(g), sum(r["felt"] or 0 for r in g), max(r["mag"] for r in g))
        //  for k, g in group(lambda r: r["magType"])]
        let types = [
            "mb,105,202,5.4",
            "mb_lg,15,29,3.1",
            "md,498,151,3.83",
            "ml,1063,1390,4.8",
            "mw,1,14,4.33",
            "mwr,6,45,4.8",
            "mww,19,1056,6.4",
        ];
        rows(bench, &["--group-by", "magType", "--agg", "count(*), sum(felt), max(mag)"], &types);
        // [(k, len(g), max(r["mag"] for r in g)) for k, g in group(lambda r: r["time"] // day)]
        let days = ["31,198,6.1", "01,231,6", "02,242,6", "03,259,5.2", "04,301,6.1", "05,249,5.3"];
        let days = [&days[..], &["06,213,6.4", "07,14,3.8"]].concat();
        let days = days.iter().enumerate().map(|(at, rest)| {
            let ((day, rest), month) = (rest.split_once(',').unwrap(), if at == 0 { 1 } else { 2 });
            format!("2018-{month:02}-{day}T00:00:00Z,{rest}")
        });
        let days: Vec<String> = days.collect();
        let by_day = ["--window", "1d", "--time", "time", "--agg", "count(*), max(mag)"];
        rows(bench, &by_day, &days.iter().map(String::as_str).collect::<Vec<_>>());
        // sum(r["nst"] is not None for r in rows), len({r["net"] for r in rows}),
        // statistics.median(r["lon"] for r in rows), min(r["lon"] for r in rows)
        let all = "count(nst), count(distinct net), median(lon), min(lon)";
        rows(bench, &["--agg", all], &["1242,12,-118.8795,-179.6445"]);
    };
    ask(&bench);
    for field in ["mag", "place", "time", "felt", "gap"] {
        bench.run("index", &["t", "create", field]).code(0);
    }
    ask(&bench);
}

#[test]
fn birdstrikes() {
    let Some(bench) = imported("birdstrikes.csv.gz", &[]) else { return };
    let ask = |bench: &Bench| {
        // def speed(r): return int(r["Speed IAS in knots"] or -1)
        // sum(200 <= speed(r) <= 250 and r["Wildlife Size"] in ("Large", "Medium") for r in rows)
        let sizes = "\"Wildlife Size\" in ('Large', 'Medium')";
        count(bench, &format!("\"Speed IAS in knots\" between 200 and 250 and {sizes}"), 747);
        // sum(r["Effect Amount of damage"] != "None" and r["Time of day"] == "Night" for r in rows)
        count(bench, "\"Effect Amount of damage\" <> 'None' and \"Time of day\" = 'Night'", 386);
        // sum(r["Aircraft Make Model"].startswith("B-7") and 0 <= speed(r) <= 140 for r in rows)
        let boeing = "starts_with(\"Aircraft Make Model\", 'B-7')";
        count(bench, &format!("{boeing} and not \"Speed IAS in knots\" > 140"), 1493);
        // sum(bool(re.search("(?i)goose|geese|gull", r["Wildlife Species"])) for r in rows)
        count(bench, "matches(\"Wildlife Species\", '(?i)goose|geese|gull')", 358);
        // sum(speed(r) < 0 for r in rows)
        count(bench, "\"Speed IAS in knots\" is null", 2836);
        // [(r["Cost Total $"], r["Flight Date"], r["Origin State"])
        //  for r in top(5, lambda r: (-int(r["Cost Total $"]), int(r["ts_us"])))]
        let dearest = [
            "7043545,1998-02-24,Texas",
            "3811576,1995-09-19,New York",
            "3644483,2001-06-08,New Jersey",
            "3367644,2000-02-22,Pennsylvania",
            "1715077,1999-04-05,Illinois",
        ];
        let fields = ["--select", "Cost Total $,Flight Date,Origin State", "--limit", "5"];
        let order = [&fields[..], &["--order-by", "Cost Total $ desc, ts_us"]].concat();
        rows(bench, &order, &dearest);
        // [r[0] + 1 for r in top(7168, lambda r: (speed(r[1]) < 0, speed(r[1]), r[0]),
        //                        list(enumerate(rows)))[7160:]]
        let order = ["--select", "_seq", "--order-by", "Speed IAS in knots nulls last"];
        let page = [&order[..], &["--limit", "8", "--offset", "7160"]].concat();
        rows(bench, &page, &["7738", "1764", "9909", "139", "20", "37", "76", "101"]);
        // len({(r["Wildlife Size"], r["Time of day"], r["Phase of flight"]) for r in rows})
        let distinct = "Wildlife Size, Time of day, Phase of flight";
        bench.run("query", &["t", "--count", "--distinct", distinct]).code(0).prints("70\n");
        // def fast(g): return [speed(r) for r in g if speed(r) >= 0]
        // [(k, len(g), sum(int(r["Cost Total $"]) for r in g), len(fast(g)),
        //   statistics.median(fast(g))) for k, g in group(lambda r: r["Wildlife Size"])]
        let speed = "\"Speed IAS in knots\"";
        let agg = format!("count(*), sum(\"Cost Total $\"), count({speed}), median({speed})");
        let sizes = [
            "Large,744,26253787,545,160.0",
            "Medium,4346,8679302,2806,150.0",
            "Small,4910,5612187,3813,140.0",
        ];
        rows(bench, &["--group-by", "Wildlife Size", "--agg", &agg], &sizes);
        // top(3, lambda kg: (-kg[1], kg[0]),
        //     [(k, len(g)) for k, g in group(lambda r: r["Origin State"])])
        let states = ["--group-by", "Origin State", "--order-by", "count(*) desc", "--limit", "3"];
        rows(bench, &states, &["Texas,1495", "California,890", "Louisiana,618"]);
    };
    ask(&bench);
    for field in ["Speed IAS in knots", "Aircraft Make Model", "Time of day"] {
        bench.run("index", &["t", "create", field]).code(0);
    }
    ask(&bench);
}

#[test]
fn tmy3() {
    let Some(bench) = imported("tmy3_wide.csv.gz", &[]) else { return };
    // sum(int(r["GHI (W/m^2)"]) > 600 and float(r["Dry-bulb (C)"]) < 5 for r in rows)
    count(&bench, "\"GHI (W/m^2)\" > 600 and \"Dry-bulb (C)\" < 5", 33);
    // sum(r["Wspd source"] != "A" or r["TotCld (tenths)"] == "10" and int(r["RHum (%)"]) < 90
    //     for r in rows)
    let dry = "\"TotCld (tenths)\" = 10 and not 90 <= \"RHum (%)\"";
    count(&bench, &format!("\"Wspd source\" <> 'A' or {dry}"), 5574);
    // [(r["Date (MM/DD/YYYY)"], r["Time (HH:MM)"], r["Dry-bulb (C)"])
    //  for r in top(3, lambda r: (float(r["Dry-bulb (C)"]), int(r["ts_us"])))]
    let fields = ["--select", "Date (MM/DD/YYYY),Time (HH:MM),Dry-bulb (C)", "--limit", "3"];
    let order = [&fields[..], &["--order-by", "Dry-bulb (C), ts_us"]].concat();
    let coldest = ["02/21/1995,08:00,-10.6", "02/21/1995,09:00,-10.6", "02/21/1995,05:00,-10.0"];
    rows(&bench, &order, &coldest);
    // len({(r["TotCld source"], r["Wspd source"], r["TotCld (tenths)"]) for r in rows})
    let distinct = "TotCld source,Wspd source,TotCld (tenths)";
    bench.run("query", &["t", "--count", "--distinct", distinct]).code(0).prints("58\n");
}

#[test]
fn nab() {
    let args = ["--time", "timestamp", "--type", "value=float64"];
    let Some(bench) = imported("nab.csv.gz", &args) else { return };
    let ask = |bench: &Bench| {
        // def aws(r): return r["series"].startswith("realAWSCloudwatch/")
        // sum(aws(r) and float(r["value"]) > 90 for r in rows)
        count(bench, "starts_with(series, 'realAWSCloudwatch/') and value > 90", 12_452);
        // sum(r["series"] == "realTraffic/speed_7578" and
        //     "2015-09-10" <= r["timestamp"] < "2015-09-12" for r in rows)
        let days = "timestamp >= '2015-09-10T00:00:00Z' and timestamp < '2015-09-12T00:00:00Z'";
        count(bench, &format!("series = 'realTraffic/speed_7578' and {days}"), 216);
        // sum(float(r["value"]) < 0 or r["series"].endswith("noise") for r in rows)
        count(bench, "value < 0 or series like '%noise'", 10_416);
        // sum("2014-02-14 14:30:00" <= r["timestamp"] <= "2014-02-14 15:00:00" for r in rows)
        let half_hour = "timestamp between '2014-02-14T14:30:00Z' and '2014-02-14T15:00:00Z'";
        count(bench, half_hour, 41);
        // the same, and not "AWS" in r["series"]
        count(bench, &format!("{half_hour} and not contains(series, 'AWS')"), 8);
        // [(r["timestamp"], float(r["value"])) for r in top(3, lambda r: float(r["value"]),
        //     [r for r in rows if r["series"] == "realKnownCause/nyc_taxi"])]
        let taxi = ["--where", "series = 'realKnownCause/nyc_taxi'", "--order-by", "value"];
        let quietest = [&taxi[..], &["--select", "timestamp,value", "--limit", "3"]].concat();
        let want = ["03:00:00Z,8.0", "04:00:00Z,9.0", "03:30:00Z,11.0"];
        let want = want.map(|rest| format!("2015-01-27T{rest}"));
        rows(bench, &quietest, &want.each_ref().map(String::as_str));
        // [float(r["value"]) for r in top(3, lambda r: -float(r["value"]))]
        let most = ["--select", "value", "--order-by", "value desc", "--limit", "3"];
        rows(bench, &most, &["863964000.0", "767613000.0", "723771000.0"]);
        // len({r["series"] for r in rows})
        bench.run("query", &["t", "--count", "--distinct", "series"]).code(0).prints("58\n");
        // taxi = [r for r in rows if r["series"] == "realKnownCause/nyc_taxi"]
        // sorted((sum(float(r["value"]) for r in g), k)
        //        for k, g in group(lambda r: r["timestamp"][:10], taxi))[:3]
        let taxi = ["--where", "series = 'realKnownCause/nyc_taxi'", "--window", "1d"];
        let sums = ["--time", "timestamp", "--agg", "sum(value) as rides", "--order-by", "rides"];
        let quietest = [&taxi[..], &sums, &["--limit", "3"]].concat();
        let want = ["2015-01-27T00:00:00Z,232058.0", "2015-01-26T00:00:00Z,375311.0"];
        rows(bench, &quietest, &[&want[..], &["2014-12-25T00:00:00Z,379302.0"]].concat());
        // days = {r["timestamp"][:10] for r in rows if "ambient_temperature" in r["series"]}
        // min(days), max(days), len(days): of 329 days 311, without 2013-09-10 to 15, say
        let gaps = ["--where", "contains(series, 'ambient_temperature')", "--window", "1d"];
        let args = ["t", "--time", "timestamp", "--fill", "null", "--format", "csv"];
        let out = bench.run("query", &[&args[..], &gaps].concat()).code(0).out;
        let empty = out.lines().filter(|line| line.ends_with(",0")).collect::<Vec<_>>();
        assert_eq!((out.lines().count() - 1, empty.len()), (329, 18));
        assert!(empty.contains(&"2013-09-12T00:00:00Z,0"), "{empty:?}");
    };
    ask(&bench);
    for field in ["series", "timestamp"] {
        bench.run("index", &["t", "create", field]).code(0);
    }
    ask(&bench);
}
