//! Finding the type of a field that loses nothing.
//!
//! A type is a candidate only while every value's text prints back through it byte for byte, so
//! that an export gives the source again: `007` is no integer, `2` no float (it prints as `2.0`),
//! `2` and `1.6` together are decimals. The candidates, best first:
//!
//! | source | bool | int64 | uint64 | float64 | decimal | string | json |
//! |---|---|---|---|---|---|---|---|
//! | CSV fields | x | x | x | x | x | x, always | |
//! | JSON booleans only | x | | | | | | |
//! | JSON numbers only | | x | x | x | x | | x, always |
//! | JSON strings only | | | | | | x, always | |
//! | JSON of several kinds, arrays, objects | | | | | | | x, always |
//!
//! A field without any value is a string. Nulls fit every type.

use std::fmt::Write as _;

use srdb::{DataType, ValueRef};

use crate::input::{Cell, Kind};
use crate::text;

/// The types to choose from, best first.
const CANDIDATES: [DataType; 5] =
    [DataType::Bool, DataType::Int64, DataType::UInt64, DataType::Float64, DataType::Decimal];

/// What has been seen of one field.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    /// Which of [`CANDIDATES`] still print every value back.
    alive: [bool; CANDIDATES.len()],
    /// Whether a numeric candidate has been alive after the first value.
    was_number: bool,
    seen: Seen,
    nulls: u64,
    values: u64,
    spoiler: Option<Spoiler>,
    scratch: String,
}

/// The kinds of cells seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    text: bool,
    string: bool,
    number: bool,
    boolean: bool,
    compound: bool,
}

/// The first value that made a field of numbers one of text although it is a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spoiler {
    /// Its line.
    pub(crate) line: u64,
    /// The value, cut where it is long.
    pub(crate) shown: String,
}

impl Default for Guess {
    fn default() -> Guess {
        Guess {
            alive: [true; CANDIDATES.len()],
            was_number: false,
            seen: Seen::default(),
            nulls: 0,
            values: 0,
            spoiler: None,
            scratch: String::new(),
        }
    }
}

impl Guess {
    /// Takes one more value into account.
    pub(crate) fn observe(&mut self, cell: Cell<'_>, line: u64) {
        match cell.kind {
            Kind::Null => {
                self.nulls += 1;
                return;
            }
            Kind::Text => self.seen.text = true,
            Kind::String => self.seen.string = true,
            Kind::Number => self.seen.number = true,
            Kind::Bool => self.seen.boolean = true,
            Kind::Compound => self.seen.compound = true,
        }
        self.values += 1;
        if !self.alive.contains(&true) {
            return;
        }
        for (alive, candidate) in self.alive.iter_mut().zip(CANDIDATES) {
            *alive = *alive && prints_back(candidate, cell.text, &mut self.scratch);
        }
        if self.alive.contains(&true) {
            self.was_number |= !self.alive[0];
        } else if self.was_number && cell.text.parse::<f64>().is_ok() {
            self.spoiler = Some(Spoiler { line, shown: text::quoted(cell.text) });
        }
    }

    /// The type to give the field.
    pub(crate) fn data_type(&self) -> DataType {
        let Seen { text, string, number, boolean, compound } = self.seen;
        let best = CANDIDATES.into_iter().zip(self.alive).find(|(_, alive)| *alive);
        let best = best.map(|(candidate, _)| candidate);
        match (text, string, number, boolean, compound) {
            (false, false, false, false, false) => DataType::String,
            (true, ..) => best.unwrap_or(DataType::String),
            (_, true, false, false, false) => DataType::String,
            (_, false, true, false, false) => best.unwrap_or(DataType::Json),
            (_, false, false, true, false) => DataType::Bool,
            _ => DataType::Json,
        }
    }

    /// Whether any value was seen.
    pub(crate) fn has_values(&self) -> bool {
        self.values > 0
    }

    /// Nulls seen.
    pub(crate) fn nulls(&self) -> u64 {
        self.nulls
    }

    /// Counts `count` nulls: the records before a key first appeared.
    pub(crate) fn add_nulls(&mut self, count: u64) {
        self.nulls += count;
    }

    /// The number because of which a field that began as numbers is none, if there is one.
    pub(crate) fn spoiler(&self) -> Option<&Spoiler> {
        match self.data_type() {
            DataType::String | DataType::Json => self.spoiler.as_ref(),
            _ => None,
        }
    }
}

/// Whether `source`, read as this type and printed again, is the same text.
fn prints_back(data_type: DataType, source: &str, scratch: &mut String) -> bool {
    let value = match data_type {
        DataType::Bool => return text::parse_bool(source).is_ok(),
        DataType::Int64 => return source.parse::<i64>().is_ok() && is_plain_integer(source),
        DataType::UInt64 => return source.parse::<u64>().is_ok() && is_plain_integer(source),
        DataType::Float64 => source.parse().ok().map(ValueRef::Float64),
        DataType::Decimal => text::parse_decimal(source).ok().map(ValueRef::Decimal),
        _ => None,
    };
    scratch.clear();
    // Writing to a String can't fail.
    value.is_some_and(|value| write!(scratch, "{value}").is_ok() && scratch == source)
}

/// Digits as an integer prints them: no sign but one `-`, no leading zero, no `-0`.
fn is_plain_integer(source: &str) -> bool {
    let digits = source.strip_prefix('-').unwrap_or(source);
    match digits.as_bytes() {
        [b'0'] => digits.len() == source.len(),
        [b'0' | b'+', ..] => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::Target;

    fn guess(kind: Kind, values: &[&str]) -> Guess {
        let mut guess = Guess::default();
        for (index, text) in values.iter().enumerate() {
            let kind = if text.is_empty() { Kind::Null } else { kind };
            guess.observe(Cell { kind, text, raw: text }, index as u64 + 2);
        }
        guess
    }

    fn csv_type(values: &[&str]) -> DataType {
        guess(Kind::Text, values).data_type()
    }

    #[test]
    fn csv_fields_get_the_best_type_that_prints_back() {
        assert_eq!(csv_type(&["true", "", "false"]), DataType::Bool);
        assert_eq!(csv_type(&["0", "-1", "9223372036854775807"]), DataType::Int64);
        assert_eq!(csv_type(&["0", "18446744073709551615"]), DataType::UInt64);
        assert_eq!(csv_type(&["20.0", "-0.1", "1e-7", "NaN"]), DataType::Float64);
        assert_eq!(csv_type(&["2", "1.6"]), DataType::Decimal);
        assert_eq!(csv_type(&["1.50", "1.6"]), DataType::Decimal);
        assert_eq!(csv_type(&["18446744073709551616"]), DataType::Decimal);
        assert_eq!(csv_type(&["-1", "18446744073709551615"]), DataType::Decimal);
        for text in ["007", "+5", "1e5", "-0", "1E-7", " 1", "1.", ".5", "1_000", "True", "0x10"] {
            assert_eq!(csv_type(&[text]), DataType::String, "{text}");
        }
        assert_eq!(csv_type(&["0.12345678901234567890123456789"]), DataType::String);
        assert_eq!(csv_type(&["true", "1"]), DataType::String);
        assert_eq!(csv_type(&["", ""]), DataType::String);
        assert_eq!(csv_type(&[]), DataType::String);
    }

    #[test]
    fn json_kinds_are_told_apart() {
        assert_eq!(guess(Kind::Number, &["2", "1.6"]).data_type(), DataType::Decimal);
        assert_eq!(guess(Kind::Number, &["-0"]).data_type(), DataType::Json);
        assert_eq!(guess(Kind::Number, &["1E5"]).data_type(), DataType::Json);
        assert_eq!(guess(Kind::Bool, &["true"]).data_type(), DataType::Bool);
        assert_eq!(guess(Kind::String, &["5"]).data_type(), DataType::String);
        assert_eq!(guess(Kind::Compound, &["[1]"]).data_type(), DataType::Json);
        let mut mixed = guess(Kind::Number, &["5"]);
        mixed.observe(Cell { kind: Kind::String, text: "5", raw: "\"5\"" }, 3);
        assert_eq!(mixed.data_type(), DataType::Json);
        let mut mixed = guess(Kind::Bool, &["true"]);
        mixed.observe(Cell { kind: Kind::String, text: "true", raw: "\"true\"" }, 3);
        assert_eq!(mixed.data_type(), DataType::Json);
    }

    #[test]
    fn the_value_that_spoils_a_number_is_named() {
        let spoilt = guess(Kind::Text, &["20.0", "1.5", "-1.0e-05", "x"]);
        let want = Spoiler { line: 4, shown: "\"-1.0e-05\"".to_owned() };
        assert_eq!(spoilt.spoiler(), Some(&want));
        assert_eq!(guess(Kind::Text, &["x", "1"]).spoiler(), None);
        assert_eq!(guess(Kind::Text, &["1", "x", "1e5"]).spoiler(), None);
        assert_eq!(guess(Kind::Text, &["1.0", "2"]).spoiler(), None);
        assert_eq!(guess(Kind::Text, &["", "2"]).nulls(), 1);
    }

    /// Texts near the borders between the types.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|v| v.to_string()),
            any::<u64>().prop_map(|v| v.to_string()),
            any::<f64>().prop_map(|v| format!("{v:?}")),
            any::<f64>().prop_map(|v| format!("{v}")),
            any::<f64>().prop_map(|v| format!("{v:e}")),
            proptest::string::string_regex(
                "[+-]?[0-9]{0,30}([.][0-9]{0,30})?([eE][+-]?[0-9]{1,3})?"
            )
            .expect("a regex"),
            proptest::string::string_regex("(true|false|NaN|-?inf|-?0|-?0[.]0+|x)")
                .expect("a regex"),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_prints_back_through_the_type_found(
            values in proptest::collection::vec(texts(), 1..4),
        ) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let data_type = csv_type(&values);
            for value in values.iter().filter(|v| !v.is_empty()) {
                let target = Target { data_type, time_unit: None };
                let cell = Cell { kind: Kind::Text, text: value, raw: value };
                let stored = target.value(cell, &[]).expect("fits the type found for it");
                prop_assert_eq!(stored.to_string(), *value, "as {}", data_type);
            }
        }
    }
}
