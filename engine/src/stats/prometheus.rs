//! The figures in Prometheus' text format, version 0.0.4. What each metric means, and its unit, is
//! in the page on metrics, which a test compares with what is written here.
//!
//! Every metric is said once: its name, kind and help, then a sample for each set of labels.

use std::fmt::{self, Write as _};

use super::{LatencyStats, Stats, TableStats};

/// `name`, help, and the figure of a table.
type OfTable = (&'static str, &'static str, fn(&TableStats) -> u64);

const OF_TABLES: [OfTable; 13] = [
    ("srdb_table_rows", "Rows of the table.", |t| t.rows),
    ("srdb_table_ssts", "SSTs of the table.", |t| t.ssts),
    ("srdb_table_sst_bytes", "Bytes of these SSTs.", |t| t.sst_bytes),
    ("srdb_table_sst_rows", "Rows in these SSTs.", |t| t.sst_rows),
    ("srdb_table_index_files", "Index files of the table.", |t| t.index_files),
    ("srdb_table_index_bytes", "Bytes of these index files.", |t| t.index_bytes),
    ("srdb_table_open_files", "SSTs and index files that are open.", |t| t.open_files),
    ("srdb_table_mapped_bytes", "Bytes of the files that are open.", |t| t.mapped_bytes),
    ("srdb_table_compaction_debt_bytes", "Bytes that merges which are due would read.", |t| {
        t.compaction_debt_bytes
    }),
    ("srdb_table_memtables", "Memtables of the table.", |t| t.memtables),
    ("srdb_table_memtable_rows", "Rows in these memtables.", |t| t.memtable_rows),
    ("srdb_table_memtable_bytes", "Bytes of values in these memtables.", |t| t.memtable_bytes),
    ("srdb_table_id", "The table's id, which no other table ever had.", |t| u64::from(t.id)),
];

/// A quantile as its label says it, and what it is.
type Quantile = (&'static str, fn(&LatencyStats) -> u64);

const QUANTILES: [Quantile; 5] = [
    ("0.5", |l| l.p50_ns),
    ("0.9", |l| l.p90_ns),
    ("0.99", |l| l.p99_ns),
    ("0.999", |l| l.p999_ns),
    ("1", |l| l.max_ns),
];

impl Stats {
    /// The figures in Prometheus' text format, to be served at `/metrics`: times in seconds, sizes
    /// in bytes, tables by the label `table`.
    ///
    /// Counters are those of this opening of the database, and begin at 0 with each.
    pub fn to_prometheus(&self) -> String {
        let mut page = Page::default();
        self.counters(&mut page);
        self.gauges(&mut page);
        self.files(&mut page);
        self.summaries(&mut page);
        for (name, help, figure) in OF_TABLES {
            page.metric(name, "gauge", help);
            for table in &self.tables {
                page.sample(name, &[("table", &table.name)], figure(table));
            }
        }
        page.text
    }

    fn counters(&self, page: &mut Page) {
        let Stats { commits, stalls, flushes, compactions, .. } = self;
        let builds = &self.index_builds;
        for (name, help, value) in [
            ("srdb_commits_total", "Commits with rows.", commits.commits),
            ("srdb_committed_rows_total", "Rows committed.", commits.rows),
            (
                "srdb_committed_bytes_total",
                "Bytes of the values committed, in the plain encoding.",
                commits.bytes,
            ),
            ("srdb_commit_groups_total", "Groups of commits that were written.", commits.groups),
            (
                "srdb_commit_groups_failed_total",
                "Groups of commits that could not be written.",
                commits.groups_failed,
            ),
            ("srdb_stalls_total", "Waits of writers for room in memory.", stalls.stalls),
            ("srdb_writes_refused_total", "Writers that got no room in time.", stalls.refused),
            ("srdb_flushes_total", "Flushes that succeeded.", flushes.flushes),
            ("srdb_flushes_failed_total", "Flushes that were begun anew.", flushes.failed),
            ("srdb_flush_rows_total", "Rows flushed.", flushes.rows),
            ("srdb_flush_bytes_total", "Bytes of the files flushed to.", flushes.bytes),
            ("srdb_compactions_total", "Compactions that succeeded.", compactions.compactions),
            ("srdb_compactions_failed_total", "Compactions given up.", compactions.failed),
            ("srdb_compaction_files_in_total", "SSTs that were merged.", compactions.files_in),
            ("srdb_compaction_files_out_total", "SSTs merged into.", compactions.files_out),
            ("srdb_compaction_bytes_in_total", "Bytes merged.", compactions.bytes_in),
            ("srdb_compaction_bytes_out_total", "Bytes merged into.", compactions.bytes_out),
            ("srdb_compaction_rows_total", "Rows in the files merged into.", compactions.rows),
            ("srdb_index_builds_total", "Index files built behind.", builds.builds),
            ("srdb_index_build_bytes_total", "Bytes of these index files.", builds.bytes),
            ("srdb_dropped_rows_total", "Rows dropped from tables.", self.dropped_rows),
            ("srdb_removed_files_total", "Files and directories removed.", self.removed_files),
        ] {
            page.metric(name, "counter", help);
            page.sample(name, &[], value);
        }
        for (name, help, ns) in [
            ("srdb_stall_seconds_total", "Time that writers waited for room.", stalls.ns),
            ("srdb_flush_seconds_total", "Time that flushes took.", flushes.ns),
            ("srdb_compaction_seconds_total", "Time that compactions took.", compactions.ns),
        ] {
            page.metric(name, "counter", help);
            page.sample(name, &[], Seconds(ns));
        }
    }

    fn gauges(&self, page: &mut Page) {
        for (name, help, value) in [
            ("srdb_last_commit", "Number of the last commit.", self.last_commit),
            (
                "srdb_group_commits_max",
                "Commits of the largest group.",
                self.commits.group_commits_max,
            ),
            ("srdb_memtable_active_bytes", "Bytes in active memtables.", self.active_bytes),
            (
                "srdb_frozen_generations",
                "Generations that wait for their flush.",
                self.frozen_generations,
            ),
            ("srdb_wal_segment_bytes", "Bytes of the open segment of the log.", self.wal_bytes),
            ("srdb_wal_segments", "Segments of the log in use.", self.wal_segments),
            ("srdb_obsolete_files", "Files that wait to be removed.", self.obsolete_files),
            ("srdb_poisoned", "1 if no more writes are taken.", u64::from(self.poisoned)),
        ] {
            page.metric(name, "gauge", help);
            page.sample(name, &[], value);
        }
        let name = "srdb_write_amplification";
        page.metric(name, "gauge", "Bytes written to files over bytes committed.");
        if let Some(amplification) = self.write_amplification() {
            page.sample(name, &[], amplification);
        }
    }

    fn files(&self, page: &mut Page) {
        let kinds = self.writes.by_kind();
        let (writes, bytes) = ("srdb_file_writes_total", "srdb_file_written_bytes_total");
        let (syncs, seconds) = ("srdb_file_syncs_total", "srdb_file_sync_seconds_total");
        page.metric(writes, "counter", "Writes to files, by kind of file.");
        kinds.iter().for_each(|(kind, of)| page.sample(writes, &[("kind", kind)], of.writes));
        page.metric(bytes, "counter", "Bytes written to files, by kind of file.");
        kinds.iter().for_each(|(kind, of)| page.sample(bytes, &[("kind", kind)], of.bytes));
        page.metric(syncs, "counter", "Syncs of files and their directories, by kind of file.");
        kinds.iter().for_each(|(kind, of)| page.sample(syncs, &[("kind", kind)], of.syncs));
        page.metric(seconds, "counter", "Time that these syncs took, by kind of file.");
        for (kind, of) in &kinds {
            page.sample(seconds, &[("kind", kind)], Seconds(of.sync_ns));
        }
    }

    fn summaries(&self, page: &mut Page) {
        let of = &self.latencies;
        let commits =
            [("memory", of.commit_memory), ("os", of.commit_os), ("disk", of.commit_disk)];
        let name = "srdb_commit_latency_seconds";
        page.metric(name, "summary", "Time from handing a commit in to its being visible.");
        for (durability, latency) in commits {
            page.summary(name, Some(("durability", durability)), &latency);
        }
        let name = "srdb_wal_sync_latency_seconds";
        page.metric(name, "summary", "Time that a sync of the log takes.");
        page.summary(name, None, &of.wal_sync);
        let name = "srdb_flush_latency_seconds";
        page.metric(name, "summary", "Time that a flush takes.");
        page.summary(name, None, &of.flush);
    }
}

/// Nanoseconds, shown as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Display of a float has no exponent, and as many digits as it needs.
        (self.0 as f64 / 1e9).fmt(f)
    }
}

/// Writing to a text can't fail, so what it returns is let go.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        self.text.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", Escaped(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }

    fn summary(&mut self, name: &str, label: Option<(&str, &str)>, latency: &LatencyStats) {
        let with = |quantile| label.into_iter().chain(quantile).collect::<Vec<_>>();
        if latency.count > 0 {
            for (quantile, of) in QUANTILES {
                self.sample(name, &with(Some(("quantile", quantile))), Seconds(of(latency)));
            }
        }
        self.sample(&format!("{name}_sum"), &with(None), Seconds(latency.sum_ns));
        self.sample(&format!("{name}_count"), &with(None), latency.count);
    }
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(Escaped("a\\b\"c\nd é").to_string(), "a\\\\b\\\"c\\nd é");
        let mut page = Page::default();
        page.sample("m", &[("table", "x\"y"), ("kind", "k")], 7);
        assert_eq!(page.text, "m{table=\"x\\\"y\",kind=\"k\"} 7\n");
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(Seconds(1_500_000_000).to_string(), "1.5");
        assert_eq!(Seconds(1).to_string(), "0.000000001");
        assert_eq!(Seconds(0).to_string(), "0");
    }
}
