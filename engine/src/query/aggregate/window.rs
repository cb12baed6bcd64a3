//! Windows of time: which of them an instant is in.
//!
//! ```text
//! tumbling   │ size │ size │ size │          every instant is in one
//! sliding    │ size        │                 one begins every `slide`; an instant is in
//!            │ slide│ size        │          size / slide of them, rounded up
//! ```
//!
//! Window `k` begins at `origin + k × slide`, the epoch being 0, and ends `size` later, where it
//! does not hold any more.
//!
//! Invariant: numbers of windows are in the order of time, one apart where the windows are.

use crate::limits::WINDOWS_PER_ROW_MAX;
use crate::query::filter::{Operand, find_field};
use crate::schema::Schema;
use crate::types::{DataType, Value};
use crate::{Error, Result};

/// What a query's builder was told of windows.
#[derive(Debug, Clone)]
pub(super) struct WindowRequest {
    pub(super) field: String,
    pub(super) size: Value,
    pub(super) slide: Option<Value>,
    pub(super) origin: Option<Value>,
}

/// See the module's documentation. Spans are in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::query) struct Windows {
    pub(super) operand: Operand,
    pub(super) size: i64,
    pub(super) slide: i64,
    /// From 0 to below `slide`.
    origin: i64,
}

/// A span of time in ns: a duration, or text that says one. Days and weeks, which a field's value
/// can't be made of, are 24 and 168 hours here.
pub(super) fn span(value: &Value) -> Result<i64> {
    const DAY_HOURS: i64 = 24;
    if let Value::String(text) = value {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let hours = match text[split..].trim() {
            "d" | "day" | "days" => Some(DAY_HOURS),
            "w" | "week" | "weeks" => Some(7 * DAY_HOURS),
            _ => None,
        };
        if let (Some(hours), Ok(count)) = (hours, text[..split].parse::<i64>()) {
            let ns = count.checked_mul(hours * 3_600_000_000_000);
            return ns.ok_or_else(|| Error::invalid(format!("{text:?} is longer than 292 years")));
        }
    }
    match value.clone().convert_to(DataType::Duration) {
        Ok(Value::Duration(ns)) => Ok(ns),
        Ok(other) => Err(Error::invalid(format!("{other} is no span of time"))),
        Err(what) => Err(Error::invalid(format!("a window's span: {what}"))),
    }
}

impl WindowRequest {
    pub(super) fn bind(&self, schema: &Schema, table: &str) -> Result<Windows> {
        let (operand, data_type) = find_field(schema, table, &self.field)?;
        if data_type != DataType::Timestamp {
            let what = "a window is of a timestamp".to_owned();
            let (field, data_type) = (self.field.clone(), data_type.name());
            return Err(Error::TypeMismatch { field, data_type, what });
        }
        let size = span(&self.size)?;
        let slide = self.slide.as_ref().map_or(Ok(size), span)?;
        let origin = self.origin.as_ref().map_or(Ok(0), span)?;
        if size <= 0 || slide <= 0 {
            let what = format!("windows of {size} ns every {slide} ns: both have to be above 0");
            return Err(Error::invalid(what));
        }
        let windows = Windows { operand, size, slide, origin: origin.rem_euclid(slide) };
        if windows.per_row() > WINDOWS_PER_ROW_MAX {
            let what = "the number of windows that a row is in";
            let (got, limit) = (windows.per_row() as u64, WINDOWS_PER_ROW_MAX as u64);
            return Err(Error::Limit { what, got, limit });
        }
        Ok(windows)
    }
}

impl Windows {
    /// How many windows an instant is in, at most.
    pub(super) fn per_row(&self) -> usize {
        (self.size as u64).div_ceil(self.slide as u64) as usize
    }

    /// The last window that begins at `time` or before. Whether `time` is in it is not said: there
    /// may be gaps between windows.
    pub(super) fn last_of(&self, time: i64) -> i64 {
        // An origin above 0 needs a slide above 1, so that the quotient fits.
        let since = i128::from(time) - i128::from(self.origin);
        since.div_euclid(self.slide.into()) as i64
    }

    /// Where a window begins; time itself begins with the least i64.
    pub(super) fn start(&self, window: i64) -> i64 {
        let start = self.exact_start(window);
        start.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    fn exact_start(&self, window: i64) -> i128 {
        i128::from(window) * i128::from(self.slide) + i128::from(self.origin)
    }

    /// Whether a window holds an instant.
    pub(super) fn holds(&self, window: i64, time: i64) -> bool {
        let since = i128::from(time) - self.exact_start(window);
        (0..i128::from(self.size)).contains(&since)
    }

    /// The windows that hold an instant, from the first to the last; perhaps none.
    pub(super) fn of(&self, time: i64) -> std::ops::RangeInclusive<i64> {
        let last = self.last_of(time);
        let count = (0..self.per_row() as i64).take_while(|back| self.holds(last - back, time));
        last - (count.count() as i64 - 1)..=last
    }

    /// The instants from the start of a window to that of the next.
    pub(super) fn step(&self, window: i64) -> (i64, i64) {
        let start = self.exact_start(window);
        let last = start + i128::from(self.slide) - 1;
        (start.max(i64::MIN.into()) as i64, last.min(i64::MAX.into()) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: i64, slide: i64, origin: i64) -> Windows {
        Windows { operand: Operand::Seq, size, slide, origin: origin.rem_euclid(slide) }
    }

    #[test]
    fn every_window_that_holds_an_instant_is_found() {
        for (size, slide, origin) in
            [(10, 10, 0), (10, 5, 0), (10, 3, 1), (3, 10, -2), (7, 1, 0), (1, 1, 0)]
        {
            let windows = windows(size, slide, origin);
            for time in -40..40 {
                let expected: Vec<i64> = (-100..100)
                    .filter(|k| (k * slide + origin.rem_euclid(slide)..).contains(&time))
                    .filter(|k| time < k * slide + origin.rem_euclid(slide) + size)
                    .collect();
                let found: Vec<i64> = windows.of(time).collect();
                assert_eq!(found, expected, "{windows:?} at {time}");
                let (first, last) = windows.step(windows.last_of(time));
                assert!((first..=last).contains(&time));
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_in_windows() {
        for windows in [windows(1, 1, 0), windows(i64::MAX, i64::MAX, 5), windows(60, 7, 3)] {
            for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
                let (last, (from, to)) =
                    (windows.last_of(time), windows.step(windows.last_of(time)));
                assert!(windows.holds(last, time) && (from..=to).contains(&time), "{windows:?}");
                assert!(windows.start(last) <= time);
            }
        }
    }

    #[test]
    fn spans_are_read() {
        let ns = |text: &str| span(&Value::from(text)).expect(text);
        assert_eq!(ns("1m"), 60_000_000_000);
        assert_eq!(ns("1h 30m"), 5_400_000_000_000);
        assert_eq!(ns("PT15S"), 15_000_000_000);
        assert_eq!(ns("1d"), 86_400_000_000_000);
        assert_eq!(ns("2 weeks"), 14 * 86_400_000_000_000);
        assert_eq!(span(&Value::from(250)).expect("ns"), 250);
        for text in ["", "soon", "1 month", "-", "d", "9999999999d"] {
            assert!(span(&Value::from(text)).is_err(), "{text:?}");
        }
    }
}
