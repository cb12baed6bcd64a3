//! `srdb dump`: one file, part by part; and `srdb version`.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::ops::ControlFlow;

use serde_json::json;
use srdb::inspect::{FORMAT_VERSIONS, Inspector, Kind, Part};

use crate::args::{DumpArgs, DumpFormat, DumpKind, VersionArgs};
use crate::failure::{Failure, Outcome};

use super::{print, read_schema, say, stdout};

/// Prints the parts of a file, then what is wrong with it, and fails if anything is.
pub(crate) fn run(args: &DumpArgs) -> Outcome {
    let kind = match args.kind {
        DumpKind::Wal => Kind::Wal,
        DumpKind::Manifest => Kind::Manifest,
        DumpKind::Sst => Kind::Sst,
        DumpKind::Index => Kind::Index,
    };
    let mut inspector = Inspector::new(kind, &args.file).rows(args.rows);
    if let Some(id) = args.database_id {
        inspector = inspector.database_id(id);
    }
    if let Some(path) = &args.schema {
        inspector = inspector.schema(read_schema(path)?);
    }
    let mut out = stdout();
    let mut failed = None;
    let problems = inspector.run(|part| match print_part(&mut out, part, args.format) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = failed {
        return Err(Failure::stdout(&error));
    }
    if args.format == DumpFormat::Json {
        for problem in &problems {
            let line = match problem {
                srdb::Error::Corrupt { offset, what, .. } => {
                    json!({ "problem": what, "offset": offset })
                }
                other => json!({ "problem": other.to_string() }),
            };
            writeln!(out, "{line}").map_err(|e| Failure::stdout(&e))?;
        }
    }
    out.flush().map_err(|e| Failure::stdout(&e))?;
    for problem in &problems {
        say(&format!("srdb: {problem}"));
    }
    match problems.len() {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 problem found".to_owned())),
        count => Err(Failure::Failed(format!("{count} problems found"))),
    }
}

fn print_part(out: &mut impl io::Write, part: &Part, format: DumpFormat) -> io::Result<()> {
    match format {
        DumpFormat::Text => writeln!(out, "{part}"),
        DumpFormat::Json => {
            serde_json::to_writer(&mut *out, part)?;
            writeln!(out)
        }
    }
}

/// Prints the version of the program, and of the format of each kind of file.
pub(crate) fn version(args: &VersionArgs) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        let formats: serde_json::Map<String, serde_json::Value> =
            FORMAT_VERSIONS.iter().map(|(kind, v)| ((*kind).to_owned(), json!(v))).collect();
        return print(&json!({ "srdb": version, "formats": formats }).to_string());
    }
    let mut text = format!("srdb {version}");
    for (kind, version) in FORMAT_VERSIONS {
        // Writing to a String can't fail.
        let _ = write!(text, "\n  {kind} format {version}");
    }
    print(&text)
}
