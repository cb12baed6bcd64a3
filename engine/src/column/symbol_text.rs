//! Symbol text: byte strings as codes into a table of frequent substrings (see symbols.rs).
//!
//! ```text
//! 0  symbol_count  u8       0..=255
//! 1  lens          symbol_count × u8, 1..=8
//!    symbols       symbol_count × 8 B, zero-padded
//!    ends          linear.rs, one a row: where the value's codes end in `codes`
//!    codes         a symbol each; 255 is followed by a byte that stands for itself
//! ```
//!
//! A value is decoded on its own, from the table in place: a get costs a few ns a symbol.

use std::ops::Range;

use super::ints::Plan;
use super::linear::{Line, Linear};
use super::symbols::{ESCAPE, SymbolTable};
use crate::chunk::BytesColumn;
use crate::coding::bytes::{Put, Reader};
use crate::error::Damage;

/// Up to so many codes a value is decoded on the stack.
pub(super) const CODES_SHORT: usize = 64;

/// Text compressed, to be written if it pays.
#[derive(Debug)]
pub(super) struct Compressed {
    table: Vec<u8>,
    ends: Vec<i64>,
    codes: Vec<u8>,
}

/// Compresses `values` with `table`.
pub(super) fn compress(values: &BytesColumn, table: &SymbolTable) -> Compressed {
    let mut out = Compressed {
        table: vec![table.symbols.len() as u8],
        ends: Vec::with_capacity(values.len()),
        codes: Vec::with_capacity(values.data.len() / 2),
    };
    out.table.extend(table.symbols.iter().map(|symbol| symbol.len));
    table.symbols.iter().for_each(|symbol| out.table.put_u64(symbol.word));
    let mut start = 0;
    for end in &values.ends {
        table.compress(&values.data, start, *end as usize, &mut out.codes);
        out.ends.push(out.codes.len() as i64);
        start = *end as usize;
    }
    out
}

impl Compressed {
    /// Bytes of table and codes; the ends cost what they cost elsewhere.
    pub(super) fn bytes(&self) -> usize {
        self.table.len() + self.codes.len()
    }

    /// Appends the payload.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.table);
        let line = Line::through(&self.ends).unwrap_or_default();
        let residuals = line.residuals(&self.ends);
        line.write(&residuals, &Plan::of(&residuals), out);
        out.extend_from_slice(&self.codes);
    }
}

/// The symbols of a column, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbols<'a> {
    lens: &'a [u8],
    symbols: &'a [[u8; 8]],
}

impl<'a> Symbols<'a> {
    /// The table that a payload begins with, and what follows on it.
    #[inline]
    pub(super) fn split(payload: &'a [u8]) -> Option<(Symbols<'a>, &'a [u8])> {
        let (count, rest) = payload.split_first()?;
        let (lens, rest) = rest.split_at_checked(usize::from(*count))?;
        let (symbols, rest) = rest.split_at_checked(usize::from(*count) * 8)?;
        Some((Symbols { lens, symbols: symbols.as_chunks().0 }, rest))
    }

    /// Decodes `codes` to `out`, from `at`, and says where it ends. `out` must have eight bytes of
    /// room for every code.
    #[inline]
    pub(super) fn decode(
        &self,
        row: usize,
        codes: &[u8],
        out: &mut [u8],
        mut at: usize,
    ) -> Result<usize, Damage> {
        let mut codes = codes.iter();
        while let Some(code) = codes.next() {
            if *code == ESCAPE {
                let byte = codes.next().ok_or_else(|| torn_escape(row))?;
                out[at] = *byte;
                at += 1;
                continue;
            }
            let code = usize::from(*code);
            let (Some(symbol), Some(len)) = (self.symbols.get(code), self.lens.get(code)) else {
                return Err(no_symbol(row));
            };
            out[at..at + 8].copy_from_slice(symbol);
            at += usize::from(*len).min(8);
        }
        Ok(at)
    }
}

/// The payload, in place.
#[derive(Debug, Clone, Copy)]
pub(super) struct SymbolText<'a> {
    table: Symbols<'a>,
    ends: Linear<'a>,
    codes: &'a [u8],
}

#[cold]
pub(super) fn torn_escape(row: usize) -> Damage {
    Damage::new(0, format!("an escape without its byte in row {row}"))
}

#[cold]
pub(super) fn no_symbol(row: usize) -> Damage {
    Damage::new(0, format!("a code without a symbol in row {row}"))
}

impl<'a> SymbolText<'a> {
    #[cfg(feature = "internals")]
    pub(super) fn is_ordered(&self) -> bool {
        self.ends.is_ordered()
    }

    pub(super) fn read(reader: &mut Reader<'a>, rows: usize) -> Result<SymbolText<'a>, Damage> {
        let count = usize::from(reader.u8()?);
        let lens = reader.take(count)?;
        let (symbols, _) = reader.take(count * 8)?.as_chunks();
        let ends = Linear::read(reader, rows)?;
        let table = Symbols { lens, symbols };
        Ok(SymbolText { table, ends, codes: reader.take(reader.remaining())? })
    }

    /// The lengths of the symbols, and their bytes.
    pub(super) fn table(&self) -> (&'a [u8], &'a [[u8; 8]]) {
        (self.table.lens, self.table.symbols)
    }

    /// The symbol of a code, if it has one.
    #[inline]
    pub(super) fn symbol(&self, code: u8) -> Option<&'a [u8]> {
        let (symbols, code) = (self.table.symbols, usize::from(code));
        let len = usize::from(*self.table.lens.get(code)?).min(8);
        Some(&symbols.get(code)?[..len])
    }

    /// Writes all rows' ends to `out`, which must be as long.
    pub(super) fn ends(&self, out: &mut [i64]) {
        self.ends.unpack(0..out.len(), out);
    }

    /// Of `ends`, which are all rows', how many come before the first whose codes lie outside.
    pub(super) fn sound_rows(&self, ends: &[i64]) -> usize {
        let (mut start, len) = (0, self.codes.len() as i64);
        let outside = |end: &i64| {
            let outside = *end < start || *end > len;
            start = *end;
            outside
        };
        ends.iter().position(outside).unwrap_or(ends.len())
    }

    /// The codes between two ends.
    pub(super) fn codes(&self, row: usize, start: i64, end: i64) -> Result<&'a [u8], Damage> {
        let span = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        span.and_then(|(start, end)| self.codes.get(start..end))
            .ok_or_else(|| Damage::new(0, format!("the codes of row {row} lie outside")))
    }

    fn start(&self, row: usize) -> i64 {
        if row == 0 { 0 } else { self.ends.get(row - 1) }
    }

    pub(super) fn get(&self, row: usize) -> Result<Vec<u8>, Damage> {
        let codes = self.codes(row, self.start(row), self.ends.get(row))?;
        // Most values: decoded where there is room for any symbols, and copied once.
        let mut short = [0; CODES_SHORT * 8];
        if codes.len() <= CODES_SHORT {
            let len = self.table.decode(row, codes, &mut short, 0)?;
            return Ok(short[..len].to_vec());
        }
        let mut out = vec![0; codes.len() * 8];
        let len = self.table.decode(row, codes, &mut out, 0)?;
        out.truncate(len);
        Ok(out)
    }

    pub(super) fn unpack(&self, range: Range<usize>, out: &mut BytesColumn) -> Result<(), Damage> {
        if range.is_empty() {
            return Ok(());
        }
        let before = out.data.len();
        let done = self.unpack_rows(range, out);
        // After damage, too, nothing stays that no row ends behind.
        out.data.truncate(*done.as_ref().unwrap_or(&before));
        done.map(drop)
    }

    /// Appends the rows, and says where their bytes end in `out.data`, which may be longer.
    fn unpack_rows(&self, range: Range<usize>, out: &mut BytesColumn) -> Result<usize, Damage> {
        let mut ends = vec![0; range.len()];
        self.ends.unpack(range.clone(), &mut ends);
        let mut start = self.start(range.start);
        let mut at = out.data.len();
        for (row, end) in range.zip(ends) {
            let codes = self.codes(row, start, end)?;
            let room = at + codes.len() * 8;
            if room > u32::MAX as usize {
                return Err(Damage::new(0, "the text of a column exceeds 4 GiB"));
            }
            if out.data.len() < room {
                // Many rows' worth at once: zeroing is cheap, growing is not.
                out.data.resize(room + room / 4, 0);
            }
            at = self.table.decode(row, codes, &mut out.data, at)?;
            out.ends.push(at as u32);
            start = end;
        }
        Ok(at)
    }
}
