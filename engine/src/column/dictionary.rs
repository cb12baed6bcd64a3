//! Dictionaries: one for each SST and field, built while its blocks are encoded in order.
//!
//! ```text
//! 0  kind     u8       1 integers, 2 bytes
//! 1  zero     3 B
//! 4  count    u32
//! 8  values   count × i64                          (integers)
//!    ends     count × u32, then the bytes          (bytes)
//! ```
//!
//! A block's payload under [`super::Encoding::Dictionary`] is its rows' codes as ints.rs.
//!
//! Invariants
//! 1. A code, once given, never changes; codes are dense and in the order of first sight.
//! 2. At most [`ENTRIES_MAX`] entries and [`BYTES_MAX`] bytes of values; beyond them, and where
//!    values hardly repeat, a block is refused as a whole and leaves nothing behind.
//! 3. The table is never iterated, and its hash is fixed.

#[cfg(test)]
use std::borrow::Cow;

use super::hash::{hash_bytes, hash_int};
use super::symbol_text::{self, Compressed};
use super::symbols::SymbolTable;
use crate::chunk::BytesColumn;
#[cfg(test)]
use crate::chunk::Scalar;
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;
use crate::types::Physical;

/// Entries of a dictionary.
pub(crate) const ENTRIES_MAX: usize = 1 << 16;

/// Bytes of a dictionary's values: 1 MiB.
pub(crate) const BYTES_MAX: usize = 1 << 20;

/// Fewer rows than this decide nothing.
const ROWS_MIN: usize = 16;

/// After so many rows of the first block, text that never repeats is given up.
const TRIAL_ROWS: usize = 256;

/// Slots looked at before a value counts as refused: bounds the work on chosen keys.
const PROBES_MAX: usize = 128;

/// Bytes of text below which a table of symbols can't pay for itself.
const SYMBOL_TEXT_MIN: usize = 4096;

/// Tables of symbols grown for one SST and field: each takes about a millisecond.
const TABLES_MAX: u32 = 8;

const KIND_INTS: u8 = 1;
const KIND_BYTES: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No block has decided yet whether a dictionary pays.
    #[default]
    Undecided,
    Open,
    /// Takes no more blocks. What it holds stays: earlier blocks use it.
    Closed,
}

#[derive(Debug)]
enum Values {
    Ints(Vec<i64>),
    Bytes(BytesColumn),
}

/// Open addressing over codes. A slot is `hash << 32 | code + 1`, or 0 where it is free.
#[derive(Debug, Default)]
struct Table {
    slots: Vec<u64>,
    hashes: Vec<u32>,
}

impl Table {
    /// The code of the entry with this hash that `is_it` recognises, or the slot to put it in.
    fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<Result<u32, usize>> {
        let mask = self.slots.len() - 1;
        for probe in 0..PROBES_MAX {
            let at = (hash as usize + probe) & mask;
            let slot = self.slots[at];
            if slot == 0 {
                return Some(Err(at));
            }
            let code = slot as u32 - 1;
            if (slot >> 32) as u32 == hash && is_it(code as usize) {
                return Some(Ok(code));
            }
        }
        None
    }

    fn insert(&mut self, at: usize, hash: u32) -> u32 {
        let code = self.hashes.len() as u32;
        self.slots[at] = u64::from(hash) << 32 | u64::from(code + 1);
        self.hashes.push(hash);
        code
    }

    /// Makes room for one more at a load of one half, or rebuilds after entries were dropped.
    fn rebuild(&mut self) {
        let len = ((self.hashes.len() + 1) * 4).next_power_of_two().max(256);
        self.slots.clear();
        self.slots.resize(len, 0);
        for (code, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (len - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = u64::from(*hash) << 32 | (code as u64 + 1);
        }
    }

    fn is_full(&self) -> bool {
        (self.hashes.len() + 1) * 2 > self.slots.len()
    }
}

/// A table of symbols, and what it made of the text it was grown from.
#[derive(Debug)]
struct Symbols {
    table: SymbolTable,
    per_mille: usize,
}

/// Builds the dictionary of one SST and field.
#[derive(Debug, Default)]
pub(crate) struct DictionaryBuilder {
    state: State,
    values: Option<Values>,
    table: Table,
    /// Blocks in a row that brought many new values.
    strikes: u32,
    /// Of text for which no dictionary pays: grown from one block, used while it serves.
    symbols: Option<Symbols>,
    tables_grown: u32,
}

impl DictionaryBuilder {
    /// An empty dictionary that has yet to see whether it pays.
    pub(crate) fn new() -> Self {
        DictionaryBuilder::default()
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.table.hashes.len()
    }

    /// Whether a block was encoded with it, so that it must be written.
    pub(crate) fn is_used(&self) -> bool {
        self.len() > 0
    }

    /// Appends the serialised dictionary.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) {
        let kind = if let Some(Values::Ints(_)) = self.values { KIND_INTS } else { KIND_BYTES };
        out.extend_from_slice(&[kind, 0, 0, 0]);
        out.put_u32(self.len() as u32);
        match &self.values {
            None => {}
            Some(Values::Ints(values)) => values.iter().for_each(|v| out.put_i64(*v)),
            Some(Values::Bytes(values)) => {
                values.ends.iter().for_each(|end| out.put_u32(*end));
                out.extend_from_slice(&values.data);
            }
        }
    }

    fn truncate(&mut self, len: usize) {
        if len == self.len() {
            return;
        }
        self.table.hashes.truncate(len);
        match &mut self.values {
            None => {}
            Some(Values::Ints(values)) => values.truncate(len),
            Some(Values::Bytes(values)) => {
                values.ends.truncate(len);
                values.data.truncate(values.ends.last().map_or(0, |end| *end as usize));
            }
        }
        self.table.rebuild();
    }

    fn int_code(&mut self, value: i64) -> Option<u32> {
        if self.table.is_full() {
            self.table.rebuild();
        }
        let hash = (hash_int(value) >> 16) as u32;
        let Values::Ints(values) = self.values.get_or_insert_with(|| Values::Ints(Vec::new()))
        else {
            return None;
        };
        match self.table.find(hash, |code| values[code] == value)? {
            Ok(code) => Some(code),
            Err(at) if values.len() < ENTRIES_MAX.min(BYTES_MAX / 8) => {
                values.push(value);
                Some(self.table.insert(at, hash))
            }
            Err(_) => None,
        }
    }

    fn bytes_code(&mut self, value: &[u8]) -> Option<u32> {
        if self.table.is_full() {
            self.table.rebuild();
        }
        let hash = (hash_bytes(value) >> 16) as u32;
        let Values::Bytes(values) =
            self.values.get_or_insert_with(|| Values::Bytes(BytesColumn::default()))
        else {
            return None;
        };
        match self.table.find(hash, |code| values.get(code) == value)? {
            Ok(code) => Some(code),
            Err(at)
                if values.len() < ENTRIES_MAX && values.data.len() + value.len() <= BYTES_MAX =>
            {
                values.push(value);
                Some(self.table.insert(at, hash))
            }
            Err(_) => None,
        }
    }

    /// The codes of `rows` values, or `None` where the dictionary does not pay or is full; then it
    /// holds what it held before. `code(self, row)` is `None` for a value that is refused.
    fn codes(
        &mut self,
        rows: usize,
        mut code: impl FnMut(&mut Self, usize) -> Option<u32>,
    ) -> Option<Vec<i64>> {
        if self.state == State::Closed || (self.state == State::Undecided && rows < ROWS_MIN) {
            return None;
        }
        let before = self.len();
        let mut codes = Vec::with_capacity(rows);
        for row in 0..rows {
            let hopeless = row == TRIAL_ROWS
                && self.state == State::Undecided
                && self.len() * 100 > TRIAL_ROWS * 97;
            let Some(code) = (if hopeless { None } else { code(self, row) }) else {
                self.truncate(before);
                if hopeless {
                    self.state = State::Closed;
                } else {
                    self.strike();
                }
                return None;
            };
            codes.push(i64::from(code));
        }
        let new = self.len() - before;
        match self.state {
            State::Undecided if new * 100 > rows * 85 => {
                self.truncate(before);
                self.state = State::Closed;
                return None;
            }
            State::Undecided => self.state = State::Open,
            _ if new * 2 > rows => self.strike(),
            _ => self.strikes = 0,
        }
        Some(codes)
    }

    fn strike(&mut self) {
        self.strikes += 1;
        if self.strikes >= 3 {
            self.state = State::Closed;
        }
    }

    /// Codes of text.
    pub(super) fn bytes(
        &mut self,
        values: &BytesColumn,
        is_valid: impl Fn(usize) -> bool,
    ) -> Option<Vec<i64>> {
        let mut last = None;
        let mut codes = self.codes(values.len(), |this, row| {
            if is_valid(row) {
                last = Some(this.bytes_code(values.get(row))?);
            }
            Some(last.unwrap_or(u32::MAX))
        })?;
        // Nulls before the first value take its code: any code is as good, and this one is near.
        let first = codes.iter().copied().find(|code| *code != i64::from(u32::MAX)).unwrap_or(0);
        codes.iter_mut().take_while(|c| **c == i64::from(u32::MAX)).for_each(|c| *c = first);
        Some(codes)
    }

    /// `values` compressed with symbols, or `None` where that saves less than an eighth. The table
    /// is kept for the blocks that follow, and grown anew for a block that it serves badly.
    pub(super) fn compress(&mut self, values: &BytesColumn) -> Option<Compressed> {
        let raw = values.data.len();
        if raw < SYMBOL_TEXT_MIN {
            return None;
        }
        let per_mille = |text: &Compressed| text.bytes() * 1000 / raw;
        let mut best = None;
        if let Some(symbols) = &self.symbols {
            let text = symbol_text::compress(values, &symbols.table);
            if per_mille(&text) <= symbols.per_mille + symbols.per_mille / 8 {
                return Some(text);
            }
            best = Some(text);
        }
        if self.tables_grown < TABLES_MAX {
            self.tables_grown += 1;
            let table = SymbolTable::train(&values.data, &values.ends);
            let text = symbol_text::compress(values, &table);
            if best.as_ref().is_none_or(|best| text.bytes() < best.bytes()) {
                if per_mille(&text) <= 875 {
                    self.symbols = Some(Symbols { per_mille: per_mille(&text), table });
                }
                best = Some(text);
            }
        }
        best.filter(|text| per_mille(text) <= 875)
    }

    /// Codes of integers (nulls filled with neighbours).
    pub(super) fn ints(&mut self, values: &[i64]) -> Option<Vec<i64>> {
        self.codes(values.len(), |this, row| this.int_code(values[row]))
    }
}

/// A serialised dictionary, in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DictionaryView<'a> {
    physical: Physical,
    values: &'a [[u8; 8]],
    ends: &'a [[u8; 4]],
    data: &'a [u8],
}

impl<'a> DictionaryView<'a> {
    /// [`DictionaryView::parse`] of sound bytes.
    #[inline]
    pub(crate) fn of_sound(bytes: &'a [u8], physical: Physical) -> Option<DictionaryView<'a>> {
        let (&[kind, 0, 0, 0, count @ ..], rest) = bytes.split_first_chunk::<8>()? else {
            return None;
        };
        let count = u32::from_le_bytes(count) as usize;
        match (kind, physical) {
            (KIND_INTS, Physical::Int) => {
                let (values, left) = rest.as_chunks();
                let whole = values.len() == count && left.is_empty();
                whole.then_some(DictionaryView { physical, values, ends: &[], data: &[] })
            }
            (KIND_BYTES, Physical::Bytes) => {
                let (ends, data) = rest.split_at_checked(count.checked_mul(4)?)?;
                let ends = ends.as_chunks().0;
                Some(DictionaryView { physical, values: &[], ends, data })
            }
            _ => None,
        }
    }

    /// Checks the sizes; the entries are checked as they are looked up.
    pub(crate) fn parse(bytes: &'a [u8], physical: Physical) -> Result<DictionaryView<'a>, Damage> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        if reader.take(3)? != [0; 3] {
            return Err(Damage::new(1, "reserved bytes of a dictionary are not zero"));
        }
        let count = reader.u32()? as usize;
        let mut view = DictionaryView { physical, values: &[], ends: &[], data: &[] };
        match (kind, physical) {
            (KIND_INTS, Physical::Int) => {
                view.values = reader.take(count.saturating_mul(8))?.as_chunks().0;
                reader.finish()?;
            }
            (KIND_BYTES, Physical::Bytes) => {
                view.ends = reader.take(count.saturating_mul(4))?.as_chunks().0;
                view.data = reader.take(reader.remaining())?;
            }
            _ => {
                let what = format!("a dictionary of kind {kind} for a {physical:?} column");
                return Err(Damage::new(0, what));
            }
        }
        Ok(view)
    }

    /// Entries held.
    pub(crate) fn len(&self) -> usize {
        self.values.len() + self.ends.len()
    }

    /// Where its bytes are: no two dictionaries that are held at once have the same place.
    pub(crate) fn place(&self) -> (usize, usize) {
        let start = if self.ends.is_empty() {
            self.values.as_ptr().addr()
        } else {
            self.ends.as_ptr().addr()
        };
        (start, self.len())
    }

    /// The shape of its entries.
    pub(crate) fn physical(&self) -> Physical {
        self.physical
    }

    #[cold]
    fn no_code(&self, code: usize) -> Damage {
        Damage::new(0, format!("code {code} of a dictionary of {} entries", self.len()))
    }

    /// An integer entry, if it is there.
    #[inline]
    pub(super) fn int_at(&self, code: i64) -> Option<i64> {
        Some(i64::from_le_bytes(*self.values.get(code as u64 as usize)?))
    }

    /// A byte-string entry, if it is there and sound.
    #[inline]
    pub(super) fn bytes_at(&self, code: i64) -> Option<&'a [u8]> {
        let code = code as u64 as usize;
        let end = u32::from_le_bytes(*self.ends.get(code)?) as usize;
        let start = if code == 0 { 0 } else { u32::from_le_bytes(self.ends[code - 1]) as usize };
        self.data.get(start..end)
    }

    /// An integer entry.
    pub(crate) fn int(&self, code: i64) -> Result<i64, Damage> {
        self.int_at(code).ok_or_else(|| self.no_code(code as u64 as usize))
    }

    /// A byte-string entry.
    pub(crate) fn bytes(&self, code: i64) -> Result<&'a [u8], Damage> {
        self.bytes_at(code).ok_or_else(|| match code as u64 as usize {
            code if code >= self.ends.len() => self.no_code(code),
            code => Damage::new(0, format!("entry {code} of a dictionary lies outside of it")),
        })
    }

    /// Entry `code`.
    #[cfg(test)]
    pub(crate) fn get(&self, code: usize) -> Result<Scalar<'a>, Damage> {
        match self.physical {
            Physical::Int => self.int(code as i64).map(Scalar::Int),
            _ => self.bytes(code as i64).map(|v| Scalar::Bytes(Cow::Borrowed(v))),
        }
    }
}
