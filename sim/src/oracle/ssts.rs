//! Each SST is examined once: an SST never changes, so what was found of one holds for as long as
//! its bytes are the very same.
//!
//! An SST is examined by three oracles: `manifest` (size and CRC as recorded), `tree` (its
//! structure), `image` (its rows).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::Seen;
use super::{Violation, tree};
use crate::image::bytes::crc;
use crate::image::edit::SstRecord;
use crate::image::files::Content;
use crate::image::rows::Rows;
use crate::image::version::Table;
use crate::image::{Damage, Image, sst_path};

/// SSTs that were examined, by path.
#[derive(Debug, Clone, Default)]
pub struct Ssts {
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Clone)]
struct Known {
    content: Content,
    record: SstRecord,
    /// The database and the schema that it was examined for.
    owner: (u64, u32),
    rows: Result<Arc<Rows>, Violation>,
}

impl Ssts {
    /// The rows of an SST.
    ///
    /// # Errors
    /// What is wrong with it, by the oracle that saw it.
    pub fn rows(
        &mut self,
        seen: &Seen,
        image: &Image,
        id: u32,
        table: &Table,
        record: &SstRecord,
    ) -> Result<Arc<Rows>, Violation> {
        let path = sst_path(id, table, record);
        let content = seen.files.get(&path).map_err(|d| damaged("manifest", d))?;
        let owner = (image.meta.id, table.schema.checksum);
        if let Some(known) = self.known.get(&path)
            && Arc::ptr_eq(&known.content, content)
            && (known.owner, known.record) == (owner, *record)
        {
            return known.rows.clone();
        }
        let rows = examine(seen, image, id, table, record, content).map(Arc::new);
        let known = Known { content: content.clone(), record: *record, owner, rows: rows.clone() };
        self.known.insert(path, known);
        rows
    }

    /// Forgets SSTs that are not there any more.
    pub fn forget_all_but(&mut self, seen: &Seen) {
        self.known.retain(|path, _| seen.files.has(path));
    }
}

fn examine(
    seen: &Seen,
    image: &Image,
    id: u32,
    table: &Table,
    record: &SstRecord,
    content: &Content,
) -> Result<Rows, Violation> {
    let sst = image.sst(&seen.files, id, table, record).map_err(|d| damaged("image", d))?;
    tree::check(&sst, record).map_err(|d| damaged("tree", d))?;
    let rows = sst.rows().map_err(|d| damaged("image", d));
    let rows =
        rows.map_err(|v| Violation::new(v.oracle, format!("SST {}: {}", record.file, v.what)))?;
    let found = crc(content);
    if found != record.crc {
        let what = format!("SST {} has the CRC {found:08x}, not {:08x}", record.file, record.crc);
        return Err(Violation::new("manifest", what));
    }
    Ok(rows)
}

fn damaged(oracle: &'static str, damage: Damage) -> Violation {
    Violation::new(oracle, damage.0)
}
