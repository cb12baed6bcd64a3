//! Places on an axis that are round numbers, and how they are written.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Round spans of time, in ns.
const SPANS: [i64; 30] = [
    SECOND / 1000,
    SECOND / 200,
    SECOND / 100,
    SECOND / 20,
    SECOND / 10,
    SECOND / 2,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    4 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
];

/// The least round span that is no shorter.
pub(crate) fn round_span(ns: i64) -> i64 {
    let longest = SPANS[SPANS.len() - 1];
    let round = SPANS.into_iter().find(|span| *span >= ns);
    round.unwrap_or_else(|| ns.saturating_add(longest - 1) / longest * longest)
}

/// Round instants from one to another, about `count` of them.
pub(super) fn time_ticks((from, to): (i64, i64), count: usize) -> Vec<i64> {
    let step = round_span(to.saturating_sub(from) / count.max(1) as i64);
    let first = from.div_euclid(step).saturating_add(i64::from(from.rem_euclid(step) > 0));
    let ticks = (0..).map_while(|at| first.checked_add(at)?.checked_mul(step));
    ticks.take_while(|tick| *tick <= to).collect()
}

/// An instant, as exactly as the time that is shown asks for.
pub(super) fn time_text(ns: i64, (from, to): (i64, i64)) -> String {
    let format = match to.saturating_sub(from) {
        shown if shown > 4 * DAY => "%Y-%m-%d",
        shown if shown > 10 * MINUTE => "%m-%d %H:%M",
        shown if shown > 10 * SECOND => "%H:%M:%S",
        _ => "%H:%M:%S%.3f",
    };
    Timestamp::from_nanosecond(ns.into())
        .map(|at| at.strftime(format).to_string())
        .unwrap_or_default()
}

/// Round numbers from one to another, about `count` of them.
pub(super) fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step).ceil();
    let ticks = (0..=2 * count).map(|at| (first + at as f64) * step);
    ticks.take_while(|tick| *tick <= high + step * 1e-9).collect()
}

/// A number in few characters.
pub(super) fn number_text(value: f64, (low, high): (f64, f64)) -> String {
    let largest = low.abs().max(high.abs());
    if largest >= 1e9 || (largest < 1e-4 && largest > 0.0) {
        return format!("{value:.3e}");
    }
    let width = if high > low { high - low } else { largest.max(1.0) };
    let digits = (2.0 - width.log10()).ceil().clamp(0.0, 9.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks((0.0, 10.0), 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks((-3.0, 4.0), 4), [-2.0, 0.0, 2.0, 4.0]);
        assert_eq!(ticks((7.0, 7.0), 5), [7.0]);
        for bounds in [(1e-9, 2e-9), (-1e300, 1e300), (0.0, f64::MAX), (1e15, 1e15 + 1.0)] {
            let (ticks, apart) = (ticks(bounds, 5), (bounds.1 / 2.0 - bounds.0 / 2.0) * 1e-6);
            let within = |tick: &f64| bounds.0 - apart <= *tick && *tick <= bounds.1 + apart;
            assert!(ticks.len() < 12 && ticks.iter().all(within), "{ticks:?}");
        }
        let hour = time_ticks((1, HOUR), 4);
        assert_eq!(hour, [15 * MINUTE, 30 * MINUTE, 45 * MINUTE, HOUR]);
        assert!(time_ticks((i64::MIN, i64::MAX), 5).len() < 12);
        assert_eq!(time_ticks((5, 5), 5).len(), 0);
    }

    #[test]
    fn texts_are_short() {
        assert_eq!(number_text(2.5, (0.0, 10.0)), "2.5");
        assert_eq!(number_text(20.0, (0.0, 100.0)), "20");
        assert_eq!(number_text(0.000_01, (0.0, 0.000_02)), "1.000e-5");
        assert_eq!(number_text(7.0, (7.0, 7.0)), "7");
        assert_eq!(time_text(90 * SECOND, (0, 5 * MINUTE)), "00:01:30");
        assert_eq!(time_text(DAY, (0, 50 * DAY)), "1970-01-02");
        assert_eq!(round_span(61 * SECOND), 2 * MINUTE);
        assert_eq!(round_span(i64::MAX) % (364 * DAY), 0);
    }
}
