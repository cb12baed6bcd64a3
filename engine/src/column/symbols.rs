//! Symbol tables: up to 255 byte strings of 1 to 8 bytes that stand for most of a text.
//!
//! After P. Boncz, T. Neumann, V. Leis, "FSST: Fast Random Access String Compression", PVLDB
//! 13(11), 2020: the table grows over a few rounds, each of which compresses a sample with the
//! table of the round before and keeps the symbols, and pairs of symbols in a row, that would save
//! the most. It starts from the words of the sample, cut to eight bytes: from single bytes, the
//! overlapping fragments of many words crowd the words out. Unlike the paper's, this matcher finds
//! the longest symbol always: it probes each length that occurs instead of keeping one symbol of
//! those that share three bytes.
//!
//! Invariants
//! 1. Code 255 is the escape: the byte after it stands for itself.
//! 2. The same sample gives the same table: ties are broken by the symbols' bytes.

/// The escape.
pub(super) const ESCAPE: u8 = 255;

/// Symbols of a table.
pub(super) const SYMBOLS_MAX: usize = 255;

/// Rounds of growing after the words.
const ROUNDS: usize = 3;

/// Bytes of text that a table is grown from.
const SAMPLE_BYTES: usize = 12 << 10;

/// Places in the tables that find a symbol: 2 to the power of ten, four times [`SYMBOLS_MAX`].
const PLACES: usize = 1024;

/// A symbol: its bytes as a little-endian number, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Symbol {
    pub(super) word: u64,
    pub(super) len: u8,
}

impl Symbol {
    /// The first `len` bytes of a word: 1 to 8.
    #[inline]
    fn of(word: u64, len: u8) -> Symbol {
        Symbol { word: word & u64::MAX >> (64 - 8 * u32::from(len)), len }
    }

    fn then(self, next: Symbol) -> Symbol {
        Symbol { word: self.word | next.word << (8 * self.len), len: self.len + next.len }
    }
}

/// Finds the longest symbol at a place, in a number of probes that does not depend on how many
/// symbols begin alike: one for each length that symbols of the same first three bytes have.
#[derive(Debug)]
struct Index {
    /// Which lengths from 3 on the symbols of a bucket have: bit `len - 1`. By the hash of their
    /// first three bytes.
    lens: Vec<u8>,
    /// Symbols of two bytes and more by the hash of all their bytes, with linear probing; a code
    /// plus one, or 0.
    slots: Vec<u16>,
}

/// The hash of a symbol's bytes, or of its first three, as a place in the tables of [`Index`].
#[inline]
fn place_of(word: u64, len: u8) -> usize {
    ((word ^ u64::from(len) << 61).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}

impl Index {
    fn new(symbols: &[Symbol]) -> Index {
        let mut index = Index { lens: vec![0; PLACES], slots: vec![0; PLACES] };
        for (code, symbol) in symbols.iter().enumerate().filter(|(_, symbol)| symbol.len >= 2) {
            if symbol.len >= 3 {
                index.lens[place_of(symbol.word & TRIPLE, 0)] |= 1 << (symbol.len - 1);
            }
            let mut place = place_of(symbol.word, symbol.len);
            while index.slots[place] != 0 {
                place = (place + 1) % PLACES;
            }
            index.slots[place] = code as u16 + 1;
        }
        index
    }

    /// The code of the symbol of exactly these bytes.
    #[inline]
    fn get(&self, symbols: &[Symbol], wanted: Symbol) -> Option<u8> {
        let mut place = place_of(wanted.word, wanted.len);
        // There are fewer symbols than places, so an empty one ends this.
        loop {
            let code = self.slots[place].checked_sub(1)?;
            if symbols[usize::from(code)] == wanted {
                return Some(code as u8);
            }
            place = (place + 1) % PLACES;
        }
    }
}

/// A table, and the means to find its symbols in a text.
#[derive(Debug)]
pub(super) struct SymbolTable {
    pub(super) symbols: Vec<Symbol>,
    index: Index,
    singles: [u8; 256],
}

const TRIPLE: u64 = 0xFF_FFFF;

impl SymbolTable {
    fn new(symbols: Vec<Symbol>) -> SymbolTable {
        let mut singles = [ESCAPE; 256];
        for (code, symbol) in symbols.iter().enumerate().filter(|(_, symbol)| symbol.len == 1) {
            singles[symbol.word as usize] = code as u8;
        }
        let index = Index::new(&symbols);
        SymbolTable { symbols, index, singles }
    }

    /// The code of the longest symbol that `word` begins with, and its length. The escape's is 1.
    #[inline]
    fn find(&self, word: u64, left: usize) -> (u8, usize) {
        let fitting = if left >= 8 { u8::MAX } else { (1 << left) - 1 };
        let mut lens = self.index.lens[place_of(word & TRIPLE, 0)] & fitting;
        while lens != 0 {
            let len = 8 - lens.leading_zeros() as u8;
            let wanted = Symbol::of(word, len);
            if let Some(code) = self.index.get(&self.symbols, wanted) {
                return (code, usize::from(len));
            }
            lens &= !(1 << (len - 1));
        }
        if left >= 2
            && let Some(code) = self.index.get(&self.symbols, Symbol::of(word, 2))
        {
            return (code, 2);
        }
        (self.singles[word as usize & 0xFF], 1)
    }

    /// Appends the codes of `data[start..end]`.
    pub(super) fn compress(&self, data: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
        let mut at = start;
        while at < end {
            let (code, len) = self.find(word_at(data, at), end - at);
            out.push(code);
            if code == ESCAPE {
                out.push(data[at]);
            }
            at += len;
        }
    }

    /// A table for `values`, whose ends in `data` are `ends`.
    pub(super) fn train(data: &[u8], ends: &[u32]) -> SymbolTable {
        let sample = sample(data, ends);
        let mut table = SymbolTable::new(best(words(data, &sample)));
        let mut counts = Counts::new();
        for _ in 0..ROUNDS {
            counts.count(&table, data, &sample);
            table = SymbolTable::new(best(counts.gains(&table.symbols)));
            counts.clear();
        }
        table
    }
}

/// Up to eight bytes of `data` from `at`, little-endian, zero-padded.
#[inline]
fn word_at(data: &[u8], at: usize) -> u64 {
    if let Some(word) = data[at..].first_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    let mut word = [0; 8];
    let rest = &data[at..];
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

/// Spans of values all over the text, together about [`SAMPLE_BYTES`].
fn sample(data: &[u8], ends: &[u32]) -> Vec<(usize, usize)> {
    let step = (data.len() / SAMPLE_BYTES).max(1);
    let span = |row: usize| {
        let start = if row == 0 { 0 } else { ends[row - 1] as usize };
        // One huge value must not be the whole sample.
        (start, (ends[row] as usize).min(start + SAMPLE_BYTES / 4))
    };
    let mut left = SAMPLE_BYTES * 2;
    let mut spans = Vec::new();
    for (start, end) in (0..ends.len()).step_by(step).map(span) {
        spans.push((start, end));
        left = left.saturating_sub(end - start);
        if left == 0 {
            break;
        }
    }
    spans
}

/// The words of the sample, each with what separates it from the next and cut to eight bytes, and
/// the bytes that each would save.
fn words(data: &[u8], sample: &[(usize, usize)]) -> Vec<(Symbol, u64)> {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 128;
    let mut words = Vec::new();
    for (start, end) in sample {
        let text = &data[*start..*end];
        for word in text.chunk_by(|a, b| in_word(*a) || !in_word(*b)) {
            for piece in word.chunks(8) {
                let symbol = Symbol { word: word_at(piece, 0), len: piece.len() as u8 };
                words.push((symbol, piece.len() as u64));
            }
        }
    }
    words
}

/// How often each symbol, or byte that has none, occurs; and each two in a row.
struct Counts {
    ones: [u32; IDS],
    twos: Vec<u16>,
    touched: Vec<u32>,
}

/// Bytes that stand for themselves are 0 to 255, symbols follow.
const IDS: usize = 512;

impl Counts {
    fn new() -> Counts {
        Counts { ones: [0; IDS], twos: vec![0; IDS * IDS], touched: Vec::new() }
    }

    fn clear(&mut self) {
        self.ones = [0; IDS];
        for pair in self.touched.drain(..) {
            self.twos[pair as usize] = 0;
        }
    }

    fn count(&mut self, table: &SymbolTable, data: &[u8], sample: &[(usize, usize)]) {
        for (start, end) in sample {
            let (mut at, mut last) = (*start, None::<usize>);
            while at < *end {
                let (code, len) = table.find(word_at(data, at), end - at);
                let id =
                    if code == ESCAPE { usize::from(data[at]) } else { 256 + usize::from(code) };
                self.ones[id] += 1;
                if let Some(last) = last {
                    let pair = last * IDS + id;
                    if self.twos[pair] == 0 {
                        self.touched.push(pair as u32);
                    }
                    self.twos[pair] = self.twos[pair].saturating_add(1);
                }
                last = Some(id);
                at += len;
            }
        }
    }

    /// What each symbol, and each two in a row as one, would have saved.
    fn gains(&self, symbols: &[Symbol]) -> Vec<(Symbol, u64)> {
        let symbol_of = |id: usize| match id.checked_sub(256) {
            None => Symbol { word: id as u64, len: 1 },
            Some(code) => symbols[code],
        };
        let mut gains = Vec::new();
        for (id, count) in self.ones.iter().enumerate().filter(|(_, count)| **count > 0) {
            let symbol = symbol_of(id);
            // A byte without a symbol costs two: single bytes are worth more than their length.
            let weight = if symbol.len == 1 { 8 } else { u64::from(symbol.len) };
            gains.push((symbol, u64::from(*count) * weight));
        }
        for pair in &self.touched {
            let count = self.twos[*pair as usize];
            let (first, second) = (*pair as usize / IDS, *pair as usize % IDS);
            let (first, second) = (symbol_of(first), symbol_of(second));
            if count >= 2 && first.len + second.len <= 8 {
                let joined = first.then(second);
                gains.push((joined, u64::from(count) * u64::from(joined.len)));
            }
        }
        gains
    }
}

/// The symbols that save the most.
fn best(mut gains: Vec<(Symbol, u64)>) -> Vec<Symbol> {
    gains.sort_unstable();
    gains.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0 };
        same
    });
    gains.sort_unstable_by_key(|(symbol, gain)| (std::cmp::Reverse(*gain), *symbol));
    gains.truncate(SYMBOLS_MAX);
    gains.into_iter().map(|(symbol, _)| symbol).collect()
}
