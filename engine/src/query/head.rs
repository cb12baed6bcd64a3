//! The first rows of an order, told by an index: of a file, those that can be among as many as are
//! wanted, known before any block of it is read.
//!
//! ```text
//!  ascending    key │ key │ key ┊ …          keys are taken whole until their rows are enough;
//!  descending           … ┊ key │ key │ key  what lies behind the last one comes later for sure
//! ```
//!
//! The index does not sort: it leaves out rows, and the [`Sorter`](super::sort::Sorter) puts those
//! that are left in order as it would have put all.
//!
//! Invariants
//! 1. Keys are in the order of the values ([`key`](crate::index::key)), and a key comes with all of
//!    its rows. So of the rows that are left out each comes behind all that are in, whatever is
//!    ordered by further, and also where long texts share a key that was cut.
//! 2. Rows that are counted pass: the filter has no condition but ranges of `_seq` and `_time`, and
//!    rows outside of these are not counted.
//! 3. Nulls have no key. A file is read as a whole where its nulls come before its values, or where
//!    there are fewer values than wanted.

use std::ops::Range;

use super::access::ROWS_PER_FIND;
use super::filter::{Filter, Operand};
use super::sort::SortKey;
use crate::Result;
use crate::mutant;
use crate::sst::SstMeta;
use crate::table_files::{Sst, TableFiles};

/// See the module's documentation.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// The place of the field in the schema.
    field: u32,
    descending: bool,
    nulls_last: bool,
    /// How many rows are wanted.
    wanted: u64,
    /// The rows that are scanned.
    range: Range<i64>,
}

impl Head {
    /// Of the rows of `range`, which are those that pass `filter` if it says nothing but ranges,
    /// the first `wanted` in the order of `keys`; `None` if there is no index that tells.
    pub(super) fn of(
        keys: &[SortKey],
        wanted: u64,
        filter: &Filter,
        range: Range<i64>,
        files: &TableFiles,
    ) -> Option<Head> {
        let SortKey { operand: Operand::Column(column, _), direction } = keys.first()? else {
            return None;
        };
        let field = u32::try_from(column.checked_sub(1)?).ok()?;
        let is_served = files.indexes.contains_key(&field) && filter.is_of_ranges();
        is_served.then_some(Head {
            field,
            descending: direction.descending,
            nulls_last: direction.nulls_last,
            wanted,
            range,
        })
    }

    /// The rows of an SST that can be among the first, in any order; `None` if that is not known,
    /// or not before so many rows were looked at that it does not pay.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`], [`crate::Error::Io`].
    pub(super) fn find_in_sst(&self, files: &TableFiles, sst: &Sst) -> Result<Option<Vec<u32>>> {
        let index = files.indexes.get(&self.field);
        let Some(file) = index.and_then(|index| index.files.get(&sst.meta.file_number)) else {
            return Ok(None);
        };
        let SstMeta { min_seq, max_seq, .. } = sst.meta;
        let scanned = max_seq.min(self.range.end - 1) - min_seq.max(self.range.start) + 1;
        // Of a few rows that are scanned, the first may be far from the first of the file.
        let rows_max = u64::try_from(scanned).unwrap_or(0) / ROWS_PER_FIND;
        let nulls_come_first = !self.nulls_last && file.meta.entries < sst.meta.rows;
        if self.wanted > rows_max || nulls_come_first && !mutant::on("order-without-nulls") {
            return Ok(None);
        }
        let (wanted, reader) = (self.wanted as usize, file.reader()?);
        let mut cursor = match self.descending {
            true => reader.last()?,
            false => reader.seek(b"")?,
        };
        let is_scanned = |row: &u32| self.range.contains(&(min_seq + i64::from(*row)));
        let (mut rows, mut of_key, mut looked_at) = (Vec::new(), Vec::new(), 0);
        while rows.len() < wanted {
            // Behind the last key there are nulls, if anything.
            let Some(count) = cursor.count()? else { return Ok(None) };
            looked_at += u64::from(count);
            if looked_at > rows_max {
                return Ok(None);
            }
            of_key.clear();
            cursor.rows(&mut of_key)?;
            rows.extend(of_key.iter().copied().filter(is_scanned));
            match self.descending {
                true => cursor.retreat().map(|_| ())?,
                false => cursor.advance()?,
            }
        }
        if mutant::when("ties-left-out", || rows.len() > wanted) {
            rows.truncate(wanted);
        }
        Ok(Some(rows))
    }
}
