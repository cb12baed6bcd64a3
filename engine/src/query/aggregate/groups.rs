//! Groups: rows told apart by the values of some fields and by a window of time.
//!
//! ```text
//! key field ─► number of its value ─┐  pair by pair
//! key field ─► number of its value ─┴► number ─┐
//! timestamp ─► number of its window ───────────┴► number of the group
//! ```
//!
//! Of a dictionary a value is looked up once for a file, not once a row; of anything else once
//! where it does not equal the row before. A pair is found without a look at the table if it is the
//! one that came last with the same second part: as for rows of many devices, minute by minute.
//!
//! Invariants
//! 1. Numbers of groups are dense, and in the order of the first row.
//! 2. Nothing here reads columns: they are given.

use hashbrown::HashTable;

use super::intern::Interner;
use super::window::Windows;
use crate::Result;
use crate::chunk::{Column, ColumnData};
use crate::column::hash_int;
use crate::mutant;
use crate::sst::BlockCodes;
use crate::types::Physical;

/// A row's place in its columns, and the group it belongs to.
#[derive(Debug, Clone, Copy)]
pub(in crate::query) struct Target {
    pub(in crate::query) row: u32,
    pub(in crate::query) group: u32,
}

/// What a key field's values come as.
pub(in crate::query) enum Keys<'a> {
    Column(&'a Column),
    Codes(BlockCodes<'a>),
}

/// See the module's documentation.
#[derive(Debug)]
pub(in crate::query) struct Groups {
    fields: Vec<KeyField>,
    /// Of the numbers so far and those of the next field.
    pairs: Vec<Pairs>,
    windows: Option<WindowKeys>,
    ids: Vec<u32>,
    room: Vec<u32>,
}

#[derive(Debug)]
struct KeyField {
    interner: Interner,
    /// The dictionary of the batch before, and the numbers of its entries as far as they are known.
    dictionary: (usize, usize),
    known: Vec<u32>,
}

#[derive(Debug)]
struct WindowKeys {
    windows: Windows,
    numbers: Interner,
    /// (window, number of what the other keys are), to group.
    pairs: Pairs,
    /// The instants for which the window's number is the last one found.
    last: (i64, i64),
    last_id: u32,
}

/// Pairs of numbers, numbered.
#[derive(Debug, Default)]
struct Pairs {
    pairs: Vec<(u32, u32)>,
    table: HashTable<u32>,
    /// By the second number: the first that it came with last, and the pair's number.
    recent: Vec<(u32, u32)>,
}

const UNKNOWN: u32 = u32::MAX;

impl Pairs {
    #[inline]
    fn number(&mut self, first: u32, second: u32) -> u32 {
        if let Some((recent, number)) = self.recent.get(second as usize)
            && *recent == first
        {
            return *number;
        }
        self.look_up(first, second)
    }

    fn look_up(&mut self, first: u32, second: u32) -> u32 {
        let hash =
            |(first, second): (u32, u32)| hash_int(i64::from(first) << 32 | i64::from(second));
        let Pairs { pairs, table, recent } = self;
        let pair = (first, second);
        let number = match table.find(hash(pair), |at| pairs[*at as usize] == pair) {
            Some(number) => *number,
            // See `bytes`.
            None if pairs.len() >= UNKNOWN as usize => return 0,
            None => {
                let number = pairs.len() as u32;
                pairs.push(pair);
                table.insert_unique(hash(pair), number, |at| hash(pairs[*at as usize]));
                number
            }
        };
        if recent.len() <= second as usize {
            recent.resize(second as usize + 1, (UNKNOWN, 0));
        }
        recent[second as usize] = (first, number);
        number
    }

    /// More than any limit where there are no more numbers.
    fn bytes(&self) -> usize {
        if self.pairs.len() >= UNKNOWN as usize {
            return usize::MAX;
        }
        self.pairs.capacity() * 8 + self.table.capacity() * 8 + self.recent.capacity() * 8
    }
}

impl KeyField {
    /// Appends the numbers of the values of `rows`.
    fn number(&mut self, keys: &Keys<'_>, rows: &[u32], out: &mut Vec<u32>) -> Result<()> {
        let KeyField { interner, .. } = self;
        match keys {
            Keys::Codes(codes) => return self.number_codes(codes, rows, out),
            Keys::Column(column) => match (&column.data, &column.validity) {
                (ColumnData::Int(values), None) => {
                    let mut last = None;
                    out.extend(rows.iter().map(|row| {
                        let value = values[*row as usize];
                        match last {
                            Some((same, id)) if same == value => id,
                            _ => {
                                let id = interner.int(value);
                                last = Some((value, id));
                                id
                            }
                        }
                    }));
                }
                (ColumnData::Bytes(values), None) => {
                    let mut last: Option<(&[u8], u32)> = None;
                    out.extend(rows.iter().map(|row| {
                        let value = values.get(*row as usize);
                        match last {
                            Some((same, id)) if same == value => id,
                            _ => {
                                let id = interner.bytes_of(value);
                                last = Some((value, id));
                                id
                            }
                        }
                    }));
                }
                _ => out.extend(rows.iter().map(|row| interner.of(column, *row as usize))),
            },
        }
        Ok(())
    }

    fn number_codes(
        &mut self,
        codes: &BlockCodes<'_>,
        rows: &[u32],
        out: &mut Vec<u32>,
    ) -> Result<()> {
        let KeyField { interner, dictionary, known, .. } = self;
        if *dictionary != codes.place() {
            *dictionary = codes.place();
            known.clear();
            known.resize(codes.entries(), UNKNOWN);
        }
        if codes.has_no_nulls() {
            let start = out.len();
            out.extend(rows.iter().map(|row| known[codes.code(*row as usize)]));
            if !out[start..].contains(&UNKNOWN) {
                return Ok(());
            }
            out.truncate(start);
        }
        let is_text = interner.values().data.physical() == Physical::Bytes;
        for row in rows {
            let row = *row as usize;
            if !codes.is_valid(row) {
                out.push(interner.null());
                continue;
            }
            let code = codes.code(row);
            let id = match known.get(code).copied() {
                Some(id) if id != UNKNOWN => id,
                _ => {
                    let id = if is_text {
                        interner.bytes_of(codes.bytes(code)?)
                    } else {
                        interner.int(codes.int(code)?)
                    };
                    // No code is beyond the entries, or it would have been an error.
                    known[code] = id;
                    id
                }
            };
            out.push(id);
        }
        Ok(())
    }
}

impl Groups {
    /// Groups by fields of these shapes, and by windows.
    pub(in crate::query) fn new(fields: &[Physical], windows: Option<Windows>) -> Groups {
        let fields: Vec<KeyField> = fields
            .iter()
            .map(|physical| KeyField {
                interner: Interner::new(*physical),
                dictionary: (0, 0),
                known: Vec::new(),
            })
            .collect();
        let windows = windows.map(|windows| WindowKeys {
            windows,
            numbers: Interner::new(Physical::Int),
            pairs: Pairs::default(),
            last: (1, 0),
            last_id: 0,
        });
        let pairs = (1..fields.len()).map(|_| Pairs::default()).collect();
        Groups { fields, pairs, windows, ids: Vec::new(), room: Vec::new() }
    }

    /// Whether all rows are in one group, whatever they hold.
    pub(super) fn is_one(&self) -> bool {
        self.fields.is_empty() && self.windows.is_none()
    }

    /// The group of all rows with timestamps from `first` to `last`, if there are no fields and
    /// that is one window.
    pub(super) fn of_window(&mut self, (first, last): (i64, i64)) -> Option<u32> {
        let keys = self.windows.as_mut().filter(|_| self.fields.is_empty())?;
        let windows = &keys.windows;
        let window = windows.last_of(first);
        let is_one = windows.last_of(last) == window || mutant::on("window-of-the-first-row");
        if windows.slide != windows.size || !is_one {
            return None;
        }
        let window = keys.numbers.int(window);
        Some(keys.pairs.number(window, 0))
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        match (&self.windows, self.pairs.last(), self.fields.last()) {
            (Some(windows), ..) => windows.pairs.pairs.len(),
            (None, Some(pairs), _) => pairs.pairs.len(),
            (None, None, Some(field)) => field.interner.len(),
            // Also of no rows at all.
            (None, None, None) => 1,
        }
    }

    /// Bytes of memory.
    pub(in crate::query) fn bytes(&self) -> usize {
        let fields =
            self.fields.iter().map(|f| f.interner.bytes().saturating_add(f.known.capacity() * 4));
        let pairs = self.pairs.iter().map(Pairs::bytes).fold(0, usize::saturating_add);
        let bytes = |keys: &WindowKeys| keys.pairs.bytes().saturating_add(keys.numbers.bytes());
        let windows = self.windows.as_ref().map_or(0, bytes);
        fields.fold(0, usize::saturating_add).saturating_add(pairs).saturating_add(windows)
    }

    /// Appends the targets of `rows`, `keys` being what the fields' values come as, and `times`
    /// those that windows are of.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] for a code that its dictionary does not have.
    pub(in crate::query) fn assign(
        &mut self,
        keys: &[Keys<'_>],
        times: Option<&Column>,
        rows: &[u32],
        out: &mut Vec<Target>,
    ) -> Result<()> {
        let Groups { fields, pairs, windows, ids, room } = self;
        ids.clear();
        for (at, (field, keys)) in fields.iter_mut().zip(keys).enumerate() {
            if at == 0 {
                field.number(keys, rows, ids)?;
                continue;
            }
            room.clear();
            field.number(keys, rows, room)?;
            for (id, second) in ids.iter_mut().zip(room.iter()) {
                *id = pairs[at - 1].number(*second, *id);
            }
        }
        if ids.is_empty() {
            ids.resize(rows.len(), 0);
        }
        match windows {
            Some(windows) => windows.assign(times, rows, ids, out)?,
            None => {
                let targets = rows.iter().zip(ids.iter());
                out.extend(targets.map(|(row, group)| Target { row: *row, group: *group }));
            }
        }
        Ok(())
    }

    /// The number of a field's value in a group.
    pub(super) fn value_of(&self, group: u32, field: usize) -> u32 {
        let mut id = match &self.windows {
            Some(windows) => windows.pairs.pairs[group as usize].1,
            None => group,
        };
        for at in (1..self.fields.len()).rev() {
            let (own, before) = self.pairs[at - 1].pairs[id as usize];
            if at == field {
                return own;
            }
            id = before;
        }
        id
    }

    /// The values of a field by their numbers.
    pub(super) fn values(&self, field: usize) -> &Column {
        self.fields[field].interner.values()
    }

    /// The window of a group.
    pub(super) fn window_of(&self, group: u32) -> i64 {
        let Some(keys) = &self.windows else { return 0 };
        let id = keys.pairs.pairs[group as usize].0;
        match &keys.numbers.values().data {
            ColumnData::Int(windows) => windows[id as usize],
            _ => 0,
        }
    }
}

impl WindowKeys {
    fn assign(
        &mut self,
        times: Option<&Column>,
        rows: &[u32],
        ids: &[u32],
        out: &mut Vec<Target>,
    ) -> Result<()> {
        let Some(Column { data: ColumnData::Int(times), validity }) = times else {
            return Err(crate::Error::invalid("windows of a column that holds no time"));
        };
        let simple = self.windows.size == self.windows.slide;
        let (first, last) = self.last;
        let inside = |row: &u32| (first..=last).contains(&times[*row as usize]);
        if simple && validity.is_none() && rows.iter().all(inside) {
            let (window, pairs) = (self.last_id, &mut self.pairs);
            out.extend(rows.iter().zip(ids).map(|(row, id)| {
                let group = pairs.number(window, *id);
                Target { row: *row, group }
            }));
            return Ok(());
        }
        for (row, id) in rows.iter().zip(ids) {
            if validity.as_ref().is_some_and(|valid| !valid.get(*row as usize)) {
                continue;
            }
            let time = times[*row as usize];
            if simple {
                let (first, last) = self.last;
                if time < first || time > last {
                    let window = self.windows.last_of(time);
                    self.last = self.windows.step(window);
                    self.last_id = self.numbers.int(window);
                }
                let group = self.pairs.number(self.last_id, *id);
                out.push(Target { row: *row, group });
            } else {
                for window in self.windows.of(time) {
                    let window = self.numbers.int(window);
                    out.push(Target { row: *row, group: self.pairs.number(window, *id) });
                }
            }
        }
        Ok(())
    }
}
