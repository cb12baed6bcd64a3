//! The command line, as clap reads it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use srdb::{DataType, Durability};

use crate::choices::{parse_age, parse_age_of, parse_bytes, parse_pair, parse_type};
use crate::input::Format;
use crate::output::Shape;
use crate::text::TimeUnit;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a file, a bad line, no such table or row
  2  the command line makes no sense
  3  the database is damaged

What was asked for goes to standard output, everything else (progress, what was found, errors as
\"srdb: message\") to standard error.";

/// An embedded, append-only time-series and event database
#[derive(Debug, Parser)]
#[command(name = "srdb", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Create(CreateArgs),
    Import(ImportArgs),
    Infer(InferArgs),
    Get(GetArgs),
    Scan(ScanArgs),
    /// Count the rows of a table
    Count(TableArgs),
    Query(QueryArgs),
    Index(IndexArgs),
    Plot(PlotArgs),
    Export(ExportArgs),
    /// List the tables with their rows and fields
    Tables(DbArgs),
    Schema(SchemaArgs),
    Stats(StatsArgs),
    /// Check every checksum and every structure of a database
    Verify(DbArgs),
    Dump(DumpArgs),
    Version(VersionArgs),
    Checkpoint(CheckpointArgs),
    Compact(CompactArgs),
    Retain(RetainArgs),
    Drop(DropArgs),
    Demo(DemoArgs),
}

/// A database.
#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    /// The database's directory
    pub(crate) db: PathBuf,
}

/// A table of a database.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// The database's directory
    pub(crate) db: PathBuf,
    /// The table
    pub(crate) table: String,
}

/// Create a database, or a table in it (the database too where there is none)
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The database's directory
    pub(crate) db: PathBuf,
    /// The table to create
    #[arg(requires = "schema")]
    pub(crate) table: Option<String>,
    /// The table's fields: a JSON file as `srdb schema --json` and `srdb infer --json` print it
    #[arg(long, value_name = "FILE", requires = "table")]
    pub(crate) schema: Option<PathBuf>,
}

/// How the input is to be read.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// The file, plain or gzip (told by its content), or - for standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) file: String,
    /// The file's format; by default its extension says (.csv, .ndjson, .jsonl, each also .gz)
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// A field that is a time: RFC 3339, or a date and a time (taken as UTC), or an integer of
    /// --time-unit. Stored as a timestamp and exported as RFC 3339
    #[arg(long, value_name = "FIELD")]
    pub(crate) time: Vec<String>,
    /// What an integer counts where a time is wanted
    #[arg(long, value_name = "UNIT")]
    pub(crate) time_unit: Option<TimeUnit>,
    /// A field's type, in place of the one that would be found (where numbers have no one text
    /// form, as 2 and 1e-05, `--type value=float64` keeps the numbers, not their text)
    #[arg(long = "type", value_name = "FIELD=TYPE", value_parser = parse_type)]
    pub(crate) types: Vec<(String, DataType)>,
    /// Another name for a field of the input
    #[arg(long = "rename", value_name = "OLD=NEW", value_parser = parse_pair)]
    pub(crate) renames: Vec<(String, String)>,
    /// Pass over lines that can't be rows, and say at the end how many and which was the first
    #[arg(long)]
    pub(crate) skip_bad: bool,
}

/// Import a file into a table, which is created if there is none
///
/// The types of a new table's fields are found by reading the whole file first (of standard
/// input: its first 10,000 rows), such that every value prints back as it stands in the source.
/// An empty CSV field, a JSON null and an absent key are null. Rows go in by batches, each
/// atomic and acknowledged at the durability asked for.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The database's directory
    pub(crate) db: PathBuf,
    /// The table
    pub(crate) table: String,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Rows of a batch
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) batch: u32,
    /// Where each batch is when it is acknowledged
    #[arg(long, value_name = "LEVEL", default_value = "disk")]
    pub(crate) durability: DurabilityArg,
    /// The fields of a new table: a JSON file as `srdb infer --json` prints it
    #[arg(long, value_name = "FILE", conflicts_with = "types")]
    pub(crate) schema: Option<PathBuf>,
    /// Print `committed rows=N` after each acknowledged batch, N being all rows so far
    #[arg(long)]
    pub(crate) acks: bool,
    /// Crash once this many rows are acknowledged: for the demo and for tests
    #[arg(long, value_name = "ROWS", hide = true)]
    pub(crate) crash_after: Option<u64>,
}

/// Show which fields and types an import into a new table would find
#[derive(Debug, Args)]
pub(crate) struct InferArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Print the schema as JSON, to be changed and given to --schema
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print one row
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// The row's number, from 1
    #[arg(allow_negative_numbers = true)]
    pub(crate) seq: i64,
    /// Only these fields, separated by commas (_seq and _time are fields too)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// How it is printed
    #[arg(long, default_value = "table")]
    pub(crate) format: Shape,
}

/// Print rows by their number or time
#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// From this row on
    #[arg(long, value_name = "SEQ", allow_negative_numbers = true)]
    pub(crate) from: Option<i64>,
    /// Up to this row, which is included
    #[arg(long, value_name = "SEQ", allow_negative_numbers = true)]
    pub(crate) to: Option<i64>,
    /// Rows stored at this time or later: RFC 3339 or a date and a time in UTC. It is about
    /// _time, the moment when a row was stored
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Rows stored before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Last row first
    #[arg(long)]
    pub(crate) reverse: bool,
    /// At most so many rows [default: 100 as a table, else all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Only these fields, separated by commas (_seq and _time are fields too)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// How the rows are printed
    #[arg(long, default_value = "table")]
    pub(crate) format: Shape,
}

/// Print the rows that meet a condition
///
/// As `srdb query my.db quakes --where "mag >= 5 and place like '%Japan%'" --order-by "mag desc"`.
#[derive(Debug, Args)]
#[command(after_help = "docs/queries.md says what conditions there are, and what null and NaN do.")]
pub(crate) struct QueryArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// The condition, as in SQL. A name with spaces, or that is a word of SQL, stands in double
    /// quotes, a text in single ones
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) condition: Option<String>,
    /// Only these fields, separated by commas (_seq and _time are fields too)
    #[arg(long, value_name = "A,B")]
    pub(crate) select: Option<String>,
    /// Only these fields, and of rows that are equal in them the first
    #[arg(long, value_name = "A,B", conflicts_with = "select")]
    pub(crate) distinct: Option<String>,
    /// Of rows that are equal in these fields only the last
    #[arg(long, value_name = "A,B", conflicts_with = "distinct")]
    pub(crate) latest_by: Option<String>,
    #[command(flatten)]
    pub(crate) groups: GroupArgs,
    /// The order: fields, or columns of what is made of groups, each with desc, nulls first or
    /// nulls last if need be, separated by commas [default: as the rows were stored; of groups,
    /// that of their fields and windows]
    #[arg(long, value_name = "A desc, B")]
    pub(crate) order_by: Option<String>,
    /// At most so many rows [default: 100 as a table, else all]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Without the first so many rows
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: u64,
    /// Print only how many rows there are
    #[arg(long, conflicts_with_all = ["select", "order_by"])]
    pub(crate) count: bool,
    /// Print what would be read and what is spared, and no rows
    #[arg(long, conflicts_with = "count")]
    pub(crate) explain: bool,
    /// Read all rows, print none, and tell what was done and how long it took
    #[arg(long, conflicts_with_all = ["count", "explain"])]
    pub(crate) analyze: bool,
    /// Memory for a sort, for rows to be told apart, or for groups; what needs more fails
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory: u32,
    /// How the rows are printed
    #[arg(long, default_value = "table")]
    pub(crate) format: Shape,
}

/// One row for each group of rows, in place of the rows.
#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    /// A row for each value of these fields
    #[arg(long, value_name = "A,B", conflicts_with_all = ["select", "distinct", "latest_by", "count"])]
    pub(crate) group_by: Option<String>,
    /// What is made of each group, or of all rows: count(*), count(f), sum, avg, min, max, first,
    /// last, stddev, median, quantile(f, 0.9), count(distinct f) …, each perhaps with a name:
    /// avg(f) as mean [default: count(*)]
    #[arg(long, value_name = "F(X),…", conflicts_with_all = ["select", "distinct", "latest_by", "count"])]
    pub(crate) agg: Option<String>,
    /// A row for each span of time: 15s, 1h 30m, 1d
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["select", "distinct", "latest_by", "count"])]
    pub(crate) window: Option<String>,
    /// The timestamp that windows are of
    #[arg(long, value_name = "FIELD", requires = "window", default_value = "_time")]
    pub(crate) time: String,
    /// Begin a window so often, in place of one after the other
    #[arg(long, value_name = "SPAN", requires = "window")]
    pub(crate) slide: Option<String>,
    /// A row for windows without rows too, with nulls, what the window before has, what lies on the
    /// line between those next to it, or a number; counts are 0
    #[arg(long, value_name = "null|previous|linear|N", requires = "window")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) fill: Option<String>,
}

impl GroupArgs {
    /// Whether groups are asked for.
    pub(crate) fn is_some(&self) -> bool {
        self.group_by.is_some() || self.agg.is_some() || self.window.is_some()
    }
}

/// Draw numbers over time, in the terminal or as an SVG file
///
/// A point is what --agg makes of all rows of a span of time, by default as long as the drawing has
/// room for. Where there are no rows for several spans, the line is broken.
#[derive(Debug, Args)]
pub(crate) struct PlotArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// The fields to draw, numbers or durations, separated by commas
    #[arg(long, value_name = "A,B")]
    pub(crate) y: String,
    /// The timestamp to draw them over
    #[arg(long, value_name = "FIELD", default_value = "_time")]
    pub(crate) time: String,
    /// Only rows that meet this condition, as for `srdb query`
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) condition: Option<String>,
    /// A line for each value of this field
    #[arg(long, value_name = "FIELD")]
    pub(crate) by: Option<String>,
    /// The span of time of a point: 15s, 1h 30m, 1d
    #[arg(long, value_name = "SPAN")]
    pub(crate) window: Option<String>,
    /// What a point is made of the rows of its span
    #[arg(long, default_value = "avg")]
    pub(crate) agg: PointOf,
    /// The SVG file to write, which must not exist [default: draw in the terminal]
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) out: Option<PathBuf>,
    /// Width, in characters or pixels [default: 100 or 960]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(20..=4000))]
    pub(crate) width: Option<u16>,
    /// Height, in lines or pixels [default: 24 or 420]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(8..=4000))]
    pub(crate) height: Option<u16>,
}

/// What a point is made of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PointOf {
    /// Their mean
    Avg,
    /// The least
    Min,
    /// The greatest
    Max,
    /// Their sum
    Sum,
    /// Their median
    Median,
    /// The first
    First,
    /// The last
    Last,
    /// How many there are
    Count,
}

/// Create, drop or list the indexes of a table
///
/// An index makes conditions of a field fast that few rows meet: =, <, <=, >, >=, between, in and
/// starts_with. Creating one returns when it is built; cut off, it is finished when the database
/// is next written to, or by the same command again.
#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// What to do
    pub(crate) action: IndexAction,
    /// The field
    #[arg(required_if_eq_any = [("action", "create"), ("action", "drop")])]
    pub(crate) field: Option<String>,
}

/// What `srdb index` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IndexAction {
    /// Give a field an index
    Create,
    /// Take a field's index away
    Drop,
    /// Print the fields that have one
    List,
}

/// Write all rows of a table, with its own fields only, as they were imported
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// The format; by default the output's extension says, else csv
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// The file to write, which must not exist; packed where its name ends in .gz [default:
    /// standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Print the fields of a table
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// As JSON, which `create --schema` and `import --schema` read
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print figures about a database
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) db: DbArgs,
    /// How they are printed
    #[arg(long, default_value = "table")]
    pub(crate) format: StatsFormat,
    /// As JSON: the same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// What each column takes on disk, too; reads the directory of every block
    #[arg(long)]
    pub(crate) columns: bool,
}

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    /// Tables, for people
    Table,
    /// One JSON document
    Json,
    /// Prometheus' text format (without columns)
    Prometheus,
}

/// Print what one file of a database holds, also where it is damaged, without opening the database
///
/// Exits with 1 if anything is wrong with the file: each problem is told on standard error with its
/// offset, after all that can be read.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// What the file is
    pub(crate) kind: DumpKind,
    /// The file: DB/wal/000012.wal, DB/MANIFEST-000007, DB/tables/1-t/sst/000031.sst,
    /// DB/tables/1-t/idx/000032.idx, or a copy of one
    pub(crate) file: PathBuf,
    /// How it is printed
    #[arg(long, default_value = "text")]
    pub(crate) format: DumpFormat,
    /// Print the rows too (of an index, the keys with the numbers of their rows)
    #[arg(long)]
    pub(crate) rows: bool,
    /// The id of the database that the file is from, decimal: for a segment or MANIFEST with a
    /// damaged header that does not lie in its database's directory
    #[arg(long, value_name = "ID")]
    pub(crate) database_id: Option<u64>,
    /// The schema of an SST that does not lie in its table's directory: a JSON file as
    /// `srdb schema --json` prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
}

/// The kinds of files that can be dumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DumpKind {
    /// A segment of the log
    Wal,
    /// A MANIFEST
    Manifest,
    /// A sorted table
    Sst,
    /// An index file
    Index,
}

/// How a dump is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DumpFormat {
    /// A line a part, for people
    Text,
    /// A JSON object a line; the problems are the last ones
    Json,
}

/// Print the version of the program and of each file format
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Copy a database into a new directory, as a database of its own
///
/// Files are linked where the file system can do that, so that the copy takes little time and room;
/// elsewhere they are copied. Cut off, it leaves nothing under the new name.
#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    #[command(flatten)]
    pub(crate) db: DbArgs,
    /// The directory to make, which must not exist
    pub(crate) dir: PathBuf,
}

/// Merge the files of all tables, or of one, into as few as can be
///
/// There is rarely a reason to: files are merged behind, as they become many.
#[derive(Debug, Args)]
pub(crate) struct CompactArgs {
    /// The database's directory
    pub(crate) db: PathBuf,
    /// The table [default: all of them]
    pub(crate) table: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show or set how much of a table is kept
///
/// The oldest rows beyond a limit are dropped for good, behind, while a program has the database
/// open; with --now at once, and to the row. What is given takes the place of all that was set.
#[derive(Debug, Args)]
pub(crate) struct RetainArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Drop rows that were stored longer ago: 30d, 12h, 1h 30m
    #[arg(long, value_name = "SPAN", value_parser = parse_age)]
    pub(crate) max_age: Option<Duration>,
    /// Drop rows whose timestamp lies further in the past, up to the first that does not
    #[arg(long, value_name = "FIELD=SPAN", value_parser = parse_age_of)]
    pub(crate) max_age_of: Option<(String, Duration)>,
    /// Keep so many rows
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// Keep files of so many bytes: 10GB, 512MiB, 1000000
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_bytes: Option<u64>,
    /// Take all limits back
    #[arg(long, conflicts_with_all = ["max_age", "max_age_of", "max_rows", "max_bytes"])]
    pub(crate) none: bool,
    /// Drop what the limits do not keep, and say how much that was
    #[arg(long)]
    pub(crate) now: bool,
    /// Show the limits as JSON
    #[arg(long, conflicts_with_all = ["max_age", "max_age_of", "max_rows", "max_bytes", "none", "now"])]
    pub(crate) json: bool,
}

/// Delete a table and all its rows
#[derive(Debug, Args)]
pub(crate) struct DropArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
    /// Don't ask: needed, as there is no way back
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Import a bundled sample, crash in the middle, recover, and show what is there
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the database is made and kept; it must not exist [default: a temporary directory,
    /// removed at the end]
    pub(crate) db: Option<PathBuf>,
}

/// `--durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityArg {
    /// In this process; lost with it
    Memory,
    /// In the operating system; survives this process
    Os,
    /// On the disk; survives a power cut
    Disk,
}

impl From<DurabilityArg> for Durability {
    fn from(level: DurabilityArg) -> Durability {
        match level {
            DurabilityArg::Memory => Durability::Memory,
            DurabilityArg::Os => Durability::Os,
            DurabilityArg::Disk => Durability::Disk,
        }
    }
}
