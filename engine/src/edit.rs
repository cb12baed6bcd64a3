//! The version edit: what one record of the MANIFEST changes, all of it or nothing.
//!
//! ```text
//! edit    count u32, then that many changes
//! change  tag u16, body length u32, body
//! ```
//!
//! Invariants
//! 1. Decoding never panics and never allocates more than a fixed multiple of its input.
//! 2. A body is read to its last byte; a tag that is not known is refused by name, never skipped:
//!    a version that lacks a change it could not read would be a wrong one.
//! 3. Tags are never reused.
//!
//! Whether an edit makes sense is for `version.rs` to say, which applies it.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::format::manifest::Refused;
use crate::index::IndexMeta;
use crate::retention::Retention;
use crate::schema::Schema;
use crate::sst::SstMeta;

/// One change to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A new, empty table.
    CreateTable {
        /// The table's id: never used before, see [`Change::NextTable`].
        id: u32,
        /// Its name: of no other table that is alive.
        #[serde(serialize_with = "as_text")]
        name: Arc<str>,
        /// Its encoded schema, opaque here.
        #[serde(serialize_with = "as_schema")]
        schema: Arc<[u8]>,
        /// When it was created: ns since the epoch.
        created_time: i64,
    },
    /// A table, its SSTs and its indexes are gone.
    DropTable {
        /// The table's id.
        id: u32,
    },
    /// An SST becomes part of a table.
    AddSst {
        /// The table's id.
        table: u32,
        /// The file and the rows in it.
        meta: SstMeta,
    },
    /// An SST is no longer part of a table, nor are its index files.
    RemoveSst {
        /// The table's id.
        table: u32,
        /// The SST's file number.
        file_number: u64,
    },
    /// WAL segments numbered below this are obsolete: their rows are in SSTs, or carried into this
    /// one. 0: no segment yet.
    LogNumber(u64),
    /// Every file number in use is below this.
    NextFile(u64),
    /// The last commit whose rows are all in SSTs, or carried into the log's first segment.
    LastCommit(u64),
    /// The highest `_time` of those commits: ns since the epoch.
    LastTime(i64),
    /// Every table id ever used is below this.
    NextTable(u32),
    /// How far a table's rows are in SSTs.
    TableState {
        /// The table's id.
        table: u32,
        /// `_seq` after the last row that was ever in an SST.
        next_seq: i64,
        /// `_time` of that row, `i64::MIN` if there was none.
        last_time: i64,
    },
    /// A field of a table has an index from now on.
    CreateIndex {
        /// The table's id.
        table: u32,
        /// The place of the field in the schema, from 0.
        field: u32,
        /// No two rows may have the same value.
        unique: bool,
    },
    /// A field has no index any more; the files of the index are gone with it.
    DropIndex {
        /// The table's id.
        table: u32,
        /// The place of the field in the schema, from 0.
        field: u32,
    },
    /// The rows of an SST are in a file of an index.
    AddIndexFile {
        /// The table's id.
        table: u32,
        /// The file.
        meta: IndexMeta,
    },
    /// The WAL segment of that number begins with rows that were carried into it, durably. It has
    /// to be there, with them, as long as it is the log's first.
    CarriedInto(u64),
    /// The rows of a table below a `_seq` are gone; never fewer.
    DropRows {
        /// The table's id.
        table: u32,
        /// `_seq` of the first row that is still there: not beyond [`Change::TableState`]'s.
        first_seq: i64,
    },
    /// How much of a table is kept from now on.
    SetRetention {
        /// The table's id.
        table: u32,
        /// The limits, in the place of those before.
        limits: Retention,
    },
    /// The database was closed after everything before was durable. Alone in its edit: it vouches
    /// for the records before it, and nothing is lost with it.
    Close,
}

fn as_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// For people: the fields with their types, or the bytes where they are no schema.
fn as_schema<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    match Schema::decode(&mut Reader::new(bytes)) {
        Ok(schema) => {
            let fields = schema.fields().iter();
            let fields = fields.map(|field| (field.name(), field.data_type().name()));
            serializer.collect_seq(fields)
        }
        Err(_) => serializer.collect_seq(bytes.iter()),
    }
}

impl Change {
    fn tag(&self) -> u16 {
        match self {
            Change::CreateTable { .. } => 1,
            Change::DropTable { .. } => 2,
            Change::AddSst { .. } => 3,
            Change::RemoveSst { .. } => 4,
            Change::LogNumber(_) => 5,
            Change::NextFile(_) => 6,
            Change::LastCommit(_) => 7,
            Change::LastTime(_) => 8,
            Change::NextTable(_) => 9,
            Change::TableState { .. } => 10,
            Change::Close => 11,
            Change::CreateIndex { .. } => 12,
            Change::DropIndex { .. } => 13,
            Change::AddIndexFile { .. } => 14,
            Change::CarriedInto(_) => 15,
            Change::DropRows { .. } => 16,
            Change::SetRetention { .. } => 17,
        }
    }

    fn put_body(&self, out: &mut Vec<u8>) {
        match self {
            Change::CreateTable { id, name, schema, created_time } => {
                out.put_u32(*id);
                out.put_blob(name.as_bytes());
                out.put_blob(schema);
                out.put_i64(*created_time);
            }
            Change::DropTable { id } => out.put_u32(*id),
            Change::AddSst { table, meta } => {
                out.put_u32(*table);
                meta.put(out);
            }
            Change::RemoveSst { table, file_number } => {
                out.put_u32(*table);
                out.put_u64(*file_number);
            }
            Change::LogNumber(number)
            | Change::NextFile(number)
            | Change::LastCommit(number)
            | Change::CarriedInto(number) => out.put_u64(*number),
            Change::LastTime(time) => out.put_i64(*time),
            Change::NextTable(id) => out.put_u32(*id),
            Change::TableState { table, next_seq, last_time } => {
                out.put_u32(*table);
                out.put_i64(*next_seq);
                out.put_i64(*last_time);
            }
            Change::Close => {}
            Change::CreateIndex { table, field, unique } => {
                out.put_u32(*table);
                out.put_u32(*field);
                out.put_u8(u8::from(*unique));
            }
            Change::DropIndex { table, field } => {
                out.put_u32(*table);
                out.put_u32(*field);
            }
            Change::AddIndexFile { table, meta } => {
                out.put_u32(*table);
                meta.put(out);
            }
            Change::DropRows { table, first_seq } => {
                out.put_u32(*table);
                out.put_i64(*first_seq);
            }
            Change::SetRetention { table, limits } => {
                out.put_u32(*table);
                limits.put(out);
            }
        }
    }

    /// The change of `tag`, or `None` if the tag is not known.
    fn read_body(tag: u16, body: &mut Reader<'_>) -> Result<Option<Change>, Damage> {
        Ok(Some(match tag {
            1 => Change::CreateTable {
                id: body.u32()?,
                name: body.text()?.into(),
                schema: body.blob()?.into(),
                created_time: body.i64()?,
            },
            2 => Change::DropTable { id: body.u32()? },
            3 => Change::AddSst { table: body.u32()?, meta: SstMeta::read(body)? },
            4 => Change::RemoveSst { table: body.u32()?, file_number: body.u64()? },
            5 => Change::LogNumber(body.u64()?),
            6 => Change::NextFile(body.u64()?),
            7 => Change::LastCommit(body.u64()?),
            8 => Change::LastTime(body.i64()?),
            9 => Change::NextTable(body.u32()?),
            10 => Change::TableState {
                table: body.u32()?,
                next_seq: body.i64()?,
                last_time: body.i64()?,
            },
            11 => Change::Close,
            12 => Change::CreateIndex {
                table: body.u32()?,
                field: body.u32()?,
                unique: match body.u8()? {
                    0 => false,
                    1 => true,
                    other => return Err(body.damage(format!("{other} is neither 0 nor 1"))),
                },
            },
            13 => Change::DropIndex { table: body.u32()?, field: body.u32()? },
            14 => Change::AddIndexFile { table: body.u32()?, meta: IndexMeta::read(body)? },
            15 => Change::CarriedInto(body.u64()?),
            16 => Change::DropRows { table: body.u32()?, first_seq: body.i64()? },
            17 => Change::SetRetention { table: body.u32()?, limits: Retention::read(body)? },
            _ => return Ok(None),
        }))
    }
}

/// See the module's documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VersionEdit {
    /// Applied together.
    pub(crate) changes: Vec<Change>,
}

impl VersionEdit {
    pub(crate) fn new(changes: Vec<Change>) -> Self {
        VersionEdit { changes }
    }

    /// The edit that a clean close ends with.
    pub(crate) fn close() -> Self {
        VersionEdit { changes: vec![Change::Close] }
    }

    /// Whether this is [`VersionEdit::close`].
    pub(crate) fn is_close(&self) -> bool {
        self.changes == [Change::Close]
    }

    /// Adds a change.
    pub(crate) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.changes.len() * 16);
        let count = u32::try_from(self.changes.len());
        assert!(count.is_ok(), "an edit of {} changes", self.changes.len());
        out.put_u32(count.unwrap_or(u32::MAX));
        let mut body = Vec::new();
        for change in &self.changes {
            body.clear();
            change.put_body(&mut body);
            out.put_u16(change.tag());
            out.put_blob(&body);
        }
        out
    }

    /// The mirror of [`VersionEdit::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        let mut reader = Reader::new(bytes);
        let count = reader.u32()?;
        let mut changes = Vec::new();
        for _ in 0..count {
            let tag = reader.u16()?;
            let at = reader.position() + 4;
            let mut body = Reader::new(reader.blob()?);
            let inside = |damage: Damage| Refused::Damaged(at + damage.at, damage.what);
            match Change::read_body(tag, &mut body).map_err(inside)? {
                Some(change) => changes.push(change),
                None => return Err(Refused::Unknown(format!("change {tag} of a version edit"))),
            }
            body.finish().map_err(inside)?;
        }
        reader.finish()?;
        Ok(VersionEdit { changes })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_meta()(
            files in any::<(u64, u64)>(), sums in any::<(u32, u64, u32)>(),
            seqs in any::<(i64, i64)>(), times in any::<(i64, i64)>(),
        ) -> SstMeta {
            SstMeta {
                file_number: files.0, size: files.1, crc: sums.0, rows: sums.1, blocks: sums.2,
                min_seq: seqs.0, max_seq: seqs.1, min_time: times.0, max_time: times.1,
            }
        }
    }

    prop_compose! {
        fn any_index_meta()(
            files in any::<(u64, u64, u64)>(), crc: u32, field: u32, counts in any::<(u64, u64)>(),
        ) -> IndexMeta {
            IndexMeta {
                file_number: files.0, size: files.1, crc, sst: files.2, field,
                keys: counts.0, entries: counts.1,
            }
        }
    }

    prop_compose! {
        fn any_limits()(
            age in any::<Option<u64>>(), of in any::<Option<(String, u64)>>(),
            most in any::<(Option<u64>, Option<u64>)>(),
        ) -> Retention {
            let ns = std::time::Duration::from_nanos;
            let limits = age.into_iter().fold(Retention::new(), |l, age| l.max_age(ns(age)));
            let limits = of.into_iter().fold(limits, |l, (field, age)| l.max_age_of(field, ns(age)));
            let limits = most.0.into_iter().fold(limits, Retention::max_rows);
            most.1.into_iter().fold(limits, Retention::max_bytes)
        }
    }

    pub(crate) fn any_change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (any::<u32>(), ".{0,20}", any::<Vec<u8>>(), any::<i64>()).prop_map(
                |(id, name, schema, created_time)| Change::CreateTable {
                    id,
                    name: name.into(),
                    schema: schema.into(),
                    created_time,
                }
            ),
            any::<u32>().prop_map(|id| Change::DropTable { id }),
            (any::<u32>(), any_meta()).prop_map(|(table, meta)| Change::AddSst { table, meta }),
            any::<(u32, u64)>()
                .prop_map(|(table, file_number)| Change::RemoveSst { table, file_number }),
            any::<u64>().prop_map(Change::LogNumber),
            any::<u64>().prop_map(Change::NextFile),
            any::<u64>().prop_map(Change::LastCommit),
            any::<u64>().prop_map(Change::CarriedInto),
            any::<i64>().prop_map(Change::LastTime),
            any::<u32>().prop_map(Change::NextTable),
            any::<(u32, i64, i64)>().prop_map(|(table, next_seq, last_time)| {
                Change::TableState { table, next_seq, last_time }
            }),
            Just(Change::Close),
            any::<(u32, u32, bool)>().prop_map(|(table, field, unique)| Change::CreateIndex {
                table,
                field,
                unique
            }),
            any::<(u32, u32)>().prop_map(|(table, field)| Change::DropIndex { table, field }),
            (any::<u32>(), any_index_meta())
                .prop_map(|(table, meta)| Change::AddIndexFile { table, meta }),
            any::<(u32, i64)>()
                .prop_map(|(table, first_seq)| Change::DropRows { table, first_seq }),
            (any::<u32>(), any_limits())
                .prop_map(|(table, limits)| Change::SetRetention { table, limits }),
        ]
    }

    proptest! {
        #[test]
        fn every_edit_reads_back(changes in prop::collection::vec(any_change(), 0..12)) {
            let edit = VersionEdit::new(changes);
            prop_assert_eq!(VersionEdit::decode(&edit.encode()), Ok(edit));
        }

        #[test]
        fn a_cut_edit_is_damage(changes in prop::collection::vec(any_change(), 1..4), cut in any::<prop::sample::Index>()) {
            let bytes = VersionEdit::new(changes).encode();
            let cut = &bytes[..cut.index(bytes.len())];
            prop_assert!(matches!(VersionEdit::decode(cut), Err(Refused::Damaged(..))));
        }

        #[test]
        fn hostile_bytes_never_panic(mut bytes in any::<Vec<u8>>(), count in 0u8..4, tag in 0u8..18) {
            let _ = VersionEdit::decode(&bytes);
            bytes.splice(0..0, [count, 0, 0, 0, tag, 0, 8, 0, 0, 0]);
            let _ = VersionEdit::decode(&bytes);
        }
    }

    #[test]
    fn an_unknown_change_is_refused_by_name() {
        let bytes = [1, 0, 0, 0, 0xE7, 3, 0, 0, 0, 0];
        assert_eq!(
            VersionEdit::decode(&bytes),
            Err(Refused::Unknown("change 999 of a version edit".to_owned()))
        );
    }

    #[test]
    fn golden_bytes() {
        let edit = VersionEdit::new(vec![
            Change::CreateTable {
                id: 1,
                name: "t".into(),
                schema: Arc::from([7u8]),
                created_time: -1,
            },
            Change::DropTable { id: 2 },
            Change::RemoveSst { table: 3, file_number: 4 },
            Change::LogNumber(5),
            Change::NextFile(6),
            Change::LastCommit(7),
            Change::LastTime(8),
            Change::NextTable(9),
            Change::TableState { table: 10, next_seq: 11, last_time: 12 },
            Change::Close,
        ]);
        let mut want: Vec<u8> = vec![10, 0, 0, 0];
        want.extend([1, 0, 22, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, b't', 1, 0, 0, 0, 7]);
        want.extend([255; 8]);
        want.extend([2, 0, 4, 0, 0, 0, 2, 0, 0, 0]);
        want.extend([4, 0, 12, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        for (tag, value) in [(5, 5), (6, 6), (7, 7), (8, 8)] {
            want.extend([tag, 0, 8, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0]);
        }
        want.extend([9, 0, 4, 0, 0, 0, 9, 0, 0, 0]);
        want.extend([10, 0, 20, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0]);
        want.extend([12, 0, 0, 0, 0, 0, 0, 0]);
        want.extend([11, 0, 0, 0, 0, 0]);
        assert_eq!(edit.encode(), want);
    }
}
