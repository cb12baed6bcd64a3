//! Which rows of symbol text contain a needle, without decoding them.
//!
//! The automaton is that of D. Knuth, J. Morris, V. Pratt, "Fast Pattern Matching in Strings", SIAM
//! Journal on Computing 6(2), 1977: its state is how many bytes of the needle have just been read.
//! Here it steps by codes, by a table made of a symbol table, which mostly serves many blocks:
//!
//! ```text
//! steps   [state][code] ─► the state after the code's symbol; the last one asks for a closer look:
//!                          the needle was read, or the code is the escape, or has no symbol
//! ```
//!
//! A step waits for the one before it. So the codes of all rows, which lie end to end, are cut into
//! [`LANES`], whose steps don't wait for each other, and are gone through without a look at where
//! rows end. What is found across two rows, or is no match, falls at the closer look: its row is
//! gone through from its start. Where many rows match or few are asked for, all are.
//!
//! Invariants
//! 1. The answer is that of a search in the decoded text, whatever the bytes.
//! 2. Damage in the rows asked for is told as decoding tells it; of other rows it may be.

use super::symbol_text::{SymbolText, no_symbol, torn_escape};
use super::symbols::{ESCAPE, SYMBOLS_MAX};
use crate::chunk::Mask;
use crate::error::Damage;

/// The longest needle: a state is a byte.
const NEEDLE_MAX: usize = 255;

/// Codes that are stepped by at once.
const LANES: usize = 6;

/// Codes of a lane between two looks at the states.
const STRIDE: usize = 8;

/// Where no more than one row of so many is asked for, each is gone through alone.
const ROWS_PER_ASKED: usize = 4;

/// Where more than one row of so many needed a closer look, all get it in the next block.
const ROWS_PER_LOOK: usize = 5;

/// The automaton of a needle, and its steps by the symbols of one table.
#[derive(Debug)]
pub(super) struct SymbolSearch {
    needle: Box<[u8]>,
    /// The state that a mismatch in each state leads to, from which the byte is read again.
    borders: Vec<u8>,
    steps: Box<[[u8; 256]; 256]>,
    /// The table that `steps` are of, if they are of any.
    table: Option<(Vec<u8>, Vec<[u8; 8]>)>,
    /// Rows of a block that a step asked for a closer look at, and whether they were many.
    looks: usize,
    often: bool,
}

/// Some rows' codes, and how far the automaton is in them.
#[derive(Debug, Clone, Copy)]
struct Lane {
    at: usize,
    end: usize,
    /// A row that does not end after the one that `at` is in.
    row: usize,
    state: u8,
}

/// A block's codes, and where each row's end in them.
#[derive(Debug, Clone, Copy)]
struct Rows<'a> {
    text: SymbolText<'a>,
    codes: &'a [u8],
    ends: &'a [i64],
}

impl<'a> Rows<'a> {
    fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] as usize }
    }

    fn codes_of(&self, row: usize) -> &'a [u8] {
        &self.codes[self.start(row)..self.ends[row] as usize]
    }
}

impl SymbolSearch {
    /// Whether there is an automaton for `needle`.
    pub(super) fn takes(needle: &[u8]) -> bool {
        (1..=NEEDLE_MAX).contains(&needle.len())
    }

    /// The automaton of `needle`, which it [takes](Self::takes).
    pub(super) fn new(needle: &[u8]) -> SymbolSearch {
        assert!(Self::takes(needle), "a needle of {} bytes", needle.len());
        let mut search = SymbolSearch {
            needle: needle.into(),
            borders: vec![0],
            steps: Box::new([[0; 256]; 256]),
            table: None,
            looks: 0,
            often: false,
        };
        for state in 1..needle.len() {
            let border = search.borders[state - 1];
            let border = if state == 1 { 0 } else { search.step(border, needle[state - 1]) };
            search.borders.push(border);
        }
        search
    }

    /// The state in which the needle was read.
    fn last(&self) -> u8 {
        self.needle.len() as u8
    }

    /// The state after a byte. The last one is never left.
    fn step(&self, mut state: u8, byte: u8) -> u8 {
        while let Some(wanted) = self.needle.get(usize::from(state)) {
            match state {
                _ if *wanted == byte => return state + 1,
                0 => return 0,
                _ => state = self.borders[usize::from(state)],
            }
        }
        state
    }

    /// The rows that contain the needle: of those of `mask`, or of all. `ends` are all rows'.
    ///
    /// # Errors
    /// [`Damage`].
    pub(super) fn find(
        &mut self,
        text: &SymbolText<'_>,
        ends: &[i64],
        mask: &Mask,
    ) -> Result<Mask, Damage> {
        self.prepare(text);
        self.looks = 0;
        let mut found = Mask::none(ends.len());
        if self.often || mask.count() * ROWS_PER_ASKED <= mask.len() {
            for row in mask.rows() {
                let start = if row == 0 { 0 } else { ends[row - 1] };
                if self.is_in(row, text, text.codes(row, start, ends[row])?)? {
                    found.set(row);
                }
            }
        } else {
            self.find_in_all(text, ends, &mut found)?;
        }
        self.often = self.looks * ROWS_PER_LOOK > mask.count();
        Ok(found)
    }

    fn find_in_all(
        &mut self,
        text: &SymbolText<'_>,
        ends: &[i64],
        found: &mut Mask,
    ) -> Result<(), Damage> {
        let sound = text.sound_rows(ends);
        let codes = match sound.checked_sub(1) {
            Some(last) => text.codes(last, 0, ends[last])?,
            None => &[],
        };
        let rows = Rows { text: *text, codes, ends: &ends[..sound] };
        if self.find_by_lanes(rows, found).is_err() {
            // Told of the first row that has any.
            (0..sound).try_for_each(|row| self.is_in(row, text, rows.codes_of(row)).map(drop))?;
        }
        match ends.get(sound) {
            Some(end) => text.codes(sound, rows.start(sound) as i64, *end).map(drop),
            None => Ok(()),
        }
    }

    fn find_by_lanes(&mut self, rows: Rows<'_>, found: &mut Mask) -> Result<(), Damage> {
        let row = |lane| {
            let codes = rows.codes.len() * lane / LANES;
            rows.ends.partition_point(|end| (*end as usize) < codes)
        };
        let mut lanes: [Lane; LANES] = std::array::from_fn(|lane| {
            let end = if lane + 1 == LANES { rows.codes.len() } else { rows.start(row(lane + 1)) };
            Lane { at: rows.start(row(lane)), end, row: row(lane), state: 0 }
        });
        while let Some(stepped) = self.stride(rows.codes, &mut lanes) {
            for (lane, state) in lanes.iter_mut().zip(stepped) {
                if state == self.last() {
                    self.walk(rows, lane, lane.at + STRIDE, found)?;
                } else {
                    (lane.at, lane.state) = (lane.at + STRIDE, state);
                }
            }
        }
        lanes.iter_mut().try_for_each(|lane| self.walk(rows, lane, lane.end, found))
    }

    /// Steps all lanes by strides to where one of them asks for a look, and gives the states after
    /// that stride; `None` where a lane has no more strides.
    #[inline]
    fn stride(&self, codes: &[u8], lanes: &mut [Lane; LANES]) -> Option<[u8; LANES]> {
        let last = self.last();
        let strides = lanes.iter().map(|lane| (lane.end - lane.at) / STRIDE).min();
        let mut states = lanes.map(|lane| lane.state);
        let ahead = lanes.map(|lane| codes[lane.at..].as_chunks::<STRIDE>().0);
        for stride in 0..strides.unwrap_or(0) {
            let codes = ahead.map(|codes| &codes[stride]);
            let before = states;
            for at in 0..STRIDE {
                for (state, codes) in states.iter_mut().zip(codes) {
                    *state = self.steps[usize::from(*state)][usize::from(codes[at])];
                }
            }
            if states.iter().fold(false, |any, state| any | (*state == last)) {
                for (lane, before) in lanes.iter_mut().zip(before) {
                    (lane.at, lane.state) = (lane.at + stride * STRIDE, before);
                }
                return Some(states);
            }
        }
        let stepped = strides.unwrap_or(0) * STRIDE;
        for (lane, state) in lanes.iter_mut().zip(states) {
            (lane.at, lane.state) = (lane.at + stepped, state);
        }
        None
    }

    /// Steps a lane, and looks closer where that is asked for; at least to `to`, or to the end of
    /// the row that `to` is in.
    fn walk(
        &mut self,
        rows: Rows<'_>,
        lane: &mut Lane,
        to: usize,
        found: &mut Mask,
    ) -> Result<(), Damage> {
        while lane.at < to {
            let code = usize::from(rows.codes[lane.at]);
            lane.state = self.steps[usize::from(lane.state)][code];
            if lane.state < self.last() {
                lane.at += 1;
                continue;
            }
            // The last row ends where `codes` do, so that one ends behind `at`.
            while rows.ends[lane.row] as usize <= lane.at {
                lane.row += 1;
            }
            if self.is_in(lane.row, &rows.text, rows.codes_of(lane.row))? {
                found.set(lane.row);
            }
            (lane.at, lane.state) = (rows.ends[lane.row] as usize, 0);
        }
        Ok(())
    }

    /// Whether the needle is in what a row's codes stand for.
    #[inline]
    fn is_in(&mut self, row: usize, text: &SymbolText<'_>, codes: &[u8]) -> Result<bool, Damage> {
        let (last, every_code_has_a_symbol) = (self.last(), text.table().0.len() == SYMBOLS_MAX);
        let (mut state, mut at, mut looked) = (0, 0, false);
        while let Some(code) = codes.get(at) {
            at += 1;
            let next = self.steps[usize::from(state)][usize::from(*code)];
            if next < last {
                state = next;
                continue;
            }
            self.looks += usize::from(!looked);
            looked = true;
            if *code == ESCAPE {
                let byte = codes.get(at).ok_or_else(|| torn_escape(row))?;
                at += 1;
                state = self.step(state, *byte);
            } else if text.symbol(*code).is_some() {
                state = last;
            } else {
                return Err(no_symbol(row));
            }
            if state == last && every_code_has_a_symbol {
                // Of the bytes 255 that end the row, each two are an escaped one, since what comes
                // before them is a code or an escaped byte. One that is left lacks its byte.
                let escapes = codes[at..].iter().rev().take_while(|code| **code == ESCAPE).count();
                return if escapes % 2 == 0 { Ok(true) } else { Err(torn_escape(row)) };
            }
        }
        Ok(state == last)
    }

    /// Makes the steps anew if they are of another table than that of `text`.
    fn prepare(&mut self, text: &SymbolText<'_>) {
        let (lens, symbols) = text.table();
        if self.table.as_ref().is_some_and(|table| table.0 == lens && table.1 == symbols) {
            return;
        }
        let last = self.last();
        let texts: Vec<&[u8]> = (0..ESCAPE).map_while(|code| text.symbol(code)).collect();
        self.steps[0] = [last; 256];
        for (code, symbol) in texts.iter().enumerate() {
            self.steps[0][code] = symbol.iter().fold(0, |state, byte| self.step(state, *byte));
        }
        for state in 1..self.needle.len() {
            // What does not go on with the needle leads to where it does from the state's border.
            self.steps[state] = self.steps[usize::from(self.borders[state])];
            let rest = &self.needle[state..];
            for (code, symbol) in texts.iter().enumerate() {
                let len = symbol.len().min(rest.len());
                if symbol[..len] == rest[..len] {
                    self.steps[state][code] = (state + len) as u8;
                }
            }
        }
        self.steps[usize::from(last)] = [last; 256];
        self.table = Some((lens.to_vec(), symbols.to_vec()));
    }
}

#[cfg(test)]
mod tests;
