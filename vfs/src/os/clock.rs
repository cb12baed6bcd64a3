//! The operating system's clocks, and its entropy by way of the standard library's hash seeds.

#![allow(clippy::disallowed_methods, reason = "this is the Clock that all else asks for the time")]

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime};

use crate::traits::Clock;

/// The operating system's clocks.
///
/// ```
/// use srdb_vfs::{Clock, OsClock};
/// let clock = OsClock::new();
/// assert!(clock.now_ns() > 1_700_000_000_000_000_000);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct OsClock;

impl OsClock {
    /// The clocks; there is nothing to configure.
    pub fn new() -> Self {
        OsClock
    }
}

impl Clock for OsClock {
    fn now_ns(&self) -> i64 {
        // Before 1970 or after 2262 the value is cut to what an i64 holds.
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(e) => i64::try_from(e.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
        }
    }

    fn monotonic_ns(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = *START.get_or_init(Instant::now);
        u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn entropy(&self) -> u64 {
        // The first RandomState of a thread is seeded by the system; the time and the process id
        // keep two databases apart even where the system's seed is a constant.
        RandomState::new().hash_one((self.now_ns(), self.monotonic_ns(), std::process::id()))
    }
}
