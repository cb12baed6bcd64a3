//! Each SST is examined once: an SST never changes, so what was found of one holds for as long as
//! its bytes are the very same.
//!
//! An SST is examined by three oracles: `manifest` (size and CRC as recorded), `tree` (its
//! structure), `image` (its rows); and each index file of it by `manifest` and `index`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::Seen;
use super::{Violation, index, tree};
use crate::image::bytes::crc;
use crate::image::edit::{IndexRecord, SstRecord};
use crate::image::files::Content;
use crate::image::index::{Index, IndexOwner};
use crate::image::rows::Rows;
use crate::image::version::Table;
use crate::image::{Damage, Image, index_path, sst_path};

/// SSTs that were examined, by path.
#[derive(Debug, Clone, Default)]
pub struct Ssts {
    known: BTreeMap<String, Known>,
    /// Index files that were found right, by path.
    indexes: BTreeMap<String, (Content, IndexRecord)>,
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

    /// Examines the index files of an SST, whose rows these are.
    ///
    /// # Errors
    /// What is wrong with one, by the oracle that saw it.
    pub fn check_indexes(
        &mut self,
        seen: &Seen,
        image: &Image,
        (id, table): (u32, &Table),
        sst: &SstRecord,
        rows: &Rows,
    ) -> Result<(), Violation> {
        for record in table.index_files.values().filter(|index| index.sst == sst.file) {
            let path = index_path(id, table, record);
            let content = seen.files.get(&path).map_err(|d| damaged("manifest", d))?;
            let known = self.indexes.get(&path);
            if known.is_some_and(|(c, r)| Arc::ptr_eq(c, content) && r == record) {
                continue;
            }
            let here = |d: Damage| d.within(&path);
            if crc(content) != record.crc {
                return Err(Violation::new("manifest", format!("{path} has another CRC")));
            }
            let field = record.field as usize;
            let Some(data_type) = table.schema.fields.get(field).map(|f| f.data_type) else {
                return Err(Violation::new("index", format!("{path} is of no field")));
            };
            let database = image.meta.id;
            let owner = IndexOwner { database, table: id, record, data_type, rows: sst.rows };
            let index = Index::decode(content, &owner).map_err(|d| damaged("index", here(d)))?;
            let checked = index::check(&index, rows, field, data_type);
            checked.map_err(|d| damaged("index", here(d)))?;
            self.indexes.insert(path, (content.clone(), *record));
        }
        Ok(())
    }

    /// Forgets files that are not there any more.
    pub fn forget_all_but(&mut self, seen: &Seen) {
        self.known.retain(|path, _| seen.files.has(path));
        self.indexes.retain(|path, _| seen.files.has(path));
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
