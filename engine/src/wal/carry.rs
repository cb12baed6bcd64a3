//! The payload of a carry record: rows of earlier segments that are not in SSTs and stay in memory,
//! logged once more so that those segments can go.
//!
//! ```text
//! payload  table count u32 │ table │ table │ … │ zeros to a multiple of 8
//! table    as in a commit (see payload.rs) │ _time of each row, i64
//! ```
//!
//! A commit has one time for all its rows; what is carried was committed at different times.

use super::payload::{self, DecodedTable, TableRows, put_fixed, put_table, take_fixed};
use crate::coding::bytes::Put;
use crate::error::Damage;
use crate::format::wal::{RecordHeader, RecordKind};
use crate::mutant;

/// One table's part of a carry, on its way into the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CarriedRows<'a> {
    /// The rows.
    pub(crate) rows: TableRows<'a>,
    /// `_time` of each of them: ns since the epoch, never going back.
    pub(crate) times: &'a [i64],
}

/// One table's part of a carry, out of the log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedCarry {
    /// The rows.
    pub(crate) rows: DecodedTable,
    /// `_time` of each of them, never going back.
    pub(crate) times: Vec<i64>,
}

impl DecodedCarry {
    /// The same, borrowed.
    pub(crate) fn as_carried(&self) -> CarriedRows<'_> {
        CarriedRows { rows: self.rows.as_rows(), times: &self.times }
    }
}

impl CarriedRows<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        assert_eq!(self.times.len(), self.rows.rows, "a time for each row");
        let mut rows = self.rows;
        if mutant::on("carry-begins-late") {
            rows.first_seq += 1;
        }
        put_table(out, &rows);
        let last = self.times.last().copied().unwrap_or_default();
        let collapsed = |time| mutant::when("carried-times-collapsed", || time != last);
        put_fixed(out, self.times, |time| {
            (if collapsed(time) { last } else { time }).to_le_bytes()
        });
    }

    /// Whether these are the same rows, bit for bit: what a float compares as does not matter.
    pub(crate) fn is_same(&self, other: &CarriedRows<'_>) -> bool {
        let bytes = |carried: &CarriedRows<'_>| {
            let mut bytes = Vec::new();
            carried.put(&mut bytes);
            bytes
        };
        bytes(self) == bytes(other)
    }
}

/// Appends a payload, padding not included.
pub(super) fn encode(out: &mut Vec<u8>, tables: &[CarriedRows<'_>]) {
    out.put_u32(tables.len() as u32);
    tables.iter().for_each(|table| table.put(out));
}

/// Reads a payload; what is left of it must be padding.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<DecodedCarry>, Damage> {
    payload::decode_each(payload, |reader, rows| {
        let times = take_fixed(reader, rows.rows, i64::from_le_bytes)?;
        if !times.is_sorted() {
            return Err(reader.damage("the times of what was carried go back"));
        }
        Ok(DecodedCarry { rows, times })
    })
}

/// Reads what a record of any kind holds; nothing for one that has no rows.
pub(crate) fn decode_record(
    payload: &[u8],
    header: &RecordHeader,
) -> Result<Vec<DecodedCarry>, Damage> {
    if header.kind == RecordKind::Carry as u8 {
        return decode(payload);
    }
    if header.kind != RecordKind::Commit as u8 {
        return Ok(Vec::new());
    }
    let at_once = |rows: DecodedTable| DecodedCarry { times: vec![header.time; rows.rows], rows };
    Ok(payload::decode(payload)?.into_iter().map(at_once).collect())
}
