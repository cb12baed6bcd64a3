//! How long things take, as a histogram with two significant digits (HdrHistogram).
//!
//! Recording takes a lock of its own for some nanoseconds: it is for what takes far longer.

use std::fmt;

use hdrhistogram::Histogram;

use crate::locks::lock;
use crate::sync::Mutex;

/// Anything shorter counts as this, ns.
const NS_MIN: u64 = 64;

/// Anything longer counts as this: 1,000 s.
const NS_MAX: u64 = 1_000_000_000_000;

/// Of 0.01 to 1.
const DIGITS: u8 = 2;

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Latency(Mutex<Recorded>);

#[derive(Default)]
struct Recorded {
    /// Made with the first record: 30 KB that most databases, which are never written to, spare.
    histogram: Option<Histogram<u64>>,
    sum_ns: u64,
}

/// What a [`Latency`] has come to, ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) sum: u64,
    /// At 0.5, 0.9, 0.99 and 0.999.
    pub(crate) quantiles: [u64; 4],
    pub(crate) max: u64,
}

impl Latency {
    /// Takes down some durations.
    pub(crate) fn record(&self, ns: impl IntoIterator<Item = u64>) {
        let recorded = &mut *lock(&self.0);
        let histogram = recorded.histogram.get_or_insert_with(new_histogram);
        for ns in ns {
            histogram.saturating_record(ns);
            recorded.sum_ns = recorded.sum_ns.saturating_add(ns);
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        let recorded = lock(&self.0);
        let Some(histogram) = &recorded.histogram else { return Summary::default() };
        Summary {
            count: histogram.len(),
            sum: recorded.sum_ns,
            quantiles: [0.5, 0.9, 0.99, 0.999].map(|q| histogram.value_at_quantile(q)),
            max: histogram.max(),
        }
    }
}

fn new_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(NS_MIN, NS_MAX, DIGITS)
        .unwrap_or_else(|e| panic!("the bounds of a histogram: {e}"))
}

impl fmt::Debug for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_hundredth() {
        let latency = Latency::default();
        assert_eq!(latency.summary(), Summary::default());
        latency.record((1..=1000).map(|ms| ms * 1_000_000));
        let Summary { count, sum, quantiles, max } = latency.summary();
        assert_eq!((count, sum), (1000, 500_500_000_000));
        for (got, ms) in quantiles.into_iter().chain([max]).zip([500, 900, 990, 999, 1000]) {
            let ratio = got as f64 / (f64::from(ms) * 1e6);
            assert!((0.99..1.01).contains(&ratio), "{got} for {ms} ms");
        }
    }

    #[test]
    fn what_is_out_of_bounds_counts_as_the_bound() {
        let latency = Latency::default();
        latency.record([0, u64::MAX]);
        let Summary { count, max, .. } = latency.summary();
        assert_eq!(count, 2);
        assert!(max >= NS_MAX, "{max}");
    }
}
