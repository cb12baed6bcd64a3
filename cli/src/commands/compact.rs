//! `srdb compact`: the SSTs of all tables, or of one, into as few as can be.

use std::sync::Arc;

use serde_json::json;
use srdb::{Background, Database, TableStats};

use crate::args::CompactArgs;
use crate::failure::Outcome;
use crate::output::{Aligned, table};
use crate::progress::Merging;

use super::print;

/// Merges, and prints what each table took before and takes now.
pub(crate) fn run(args: &CompactArgs) -> Outcome {
    let merging = Arc::new(Merging::new());
    // Nothing else goes on meanwhile, so the figures are those of the merges.
    let builder = Database::builder(&args.db).create_if_missing(false);
    let builder = builder.background(Background::Manual).observer(merging.clone());
    let database = builder.open()?;
    let one = args.table.as_deref().map(|name| database.table(name)).transpose()?;
    let before = database.stats().tables;
    match &one {
        None => database.compact()?,
        Some(rows) => {
            database.flush()?;
            rows.compact()?;
        }
    }
    let after = database.stats().tables;
    merging.finish();
    // It also removes what was merged.
    database.close()?;
    let is_asked = |stats: &&TableStats| args.table.as_ref().is_none_or(|name| *name == stats.name);
    let both = before.iter().zip(&after).filter(|(before, _)| is_asked(before));
    let figures = both.map(|(before, after)| {
        let (files_before, bytes_before) = (before.ssts + before.index_files, bytes(before));
        (&after.name, files_before, after.ssts + after.index_files, bytes_before, bytes(after))
    });
    if args.json {
        let tables: Vec<_> = figures
            .map(|(name, files_before, files, bytes_before, bytes)| {
                json!({
                    "table": name,
                    "files_before": files_before,
                    "files": files,
                    "bytes_before": bytes_before,
                    "bytes": bytes,
                })
            })
            .collect();
        return print(&format!("{:#}", json!(tables)));
    }
    let header = ["files before", "files", "bytes before", "bytes"];
    let header = header.map(|name| (name, Aligned::Right));
    let header: Vec<_> = std::iter::once(("table", Aligned::Left)).chain(header).collect();
    let lines = figures.map(|(name, files_before, files, bytes_before, bytes)| {
        let figures = [files_before, files, bytes_before, bytes].map(|figure| figure.to_string());
        std::iter::once(name.clone()).chain(figures).collect::<Vec<_>>()
    });
    print(&table(&header, lines))
}

/// Bytes of a table's SSTs and index files.
fn bytes(of: &TableStats) -> u64 {
    of.sst_bytes + of.index_bytes
}
