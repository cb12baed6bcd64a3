//! A clock that shows what it is told to.

use std::sync::{Arc, Mutex, PoisonError};

use super::trace::next_random;
use crate::traits::Clock;

/// A deterministic clock: it stands where it was set and moves by a fixed step at each look.
///
/// Clones share one time. The wall clock may be set back; the monotonic one only adds up the steps
/// and advances. A look at the wall clock moves both, a look at the monotonic one only that: what a
/// program measures has no influence on the times that it stores.
///
/// ```
/// use srdb_vfs::{Clock, MemClock};
/// let clock = MemClock::new(1_000, 5);
/// assert_eq!((clock.now_ns(), clock.now_ns()), (1_000, 1_005));
/// clock.set(7);
/// assert_eq!(clock.now_ns(), 7);
/// ```
#[derive(Debug, Clone)]
pub struct MemClock {
    hands: Arc<Mutex<Hands>>,
}

#[derive(Debug, Clone)]
struct Hands {
    now_ns: i64,
    monotonic_ns: u64,
    step_ns: u64,
    entropy: u64,
}

impl Default for MemClock {
    /// Starts on 2024-01-01 and moves by a microsecond at each look.
    fn default() -> Self {
        MemClock::new(1_704_067_200_000_000_000, 1_000)
    }
}

impl MemClock {
    /// A clock that starts at `now_ns` (since the Unix epoch) and moves by `step_ns` at each look.
    pub fn new(now_ns: i64, step_ns: u64) -> Self {
        let hands = Hands { now_ns, monotonic_ns: 0, step_ns, entropy: 0 };
        MemClock { hands: Arc::new(Mutex::new(hands)) }
    }

    /// Another clock that shows the same and goes its own way from here.
    pub fn fork(&self) -> MemClock {
        MemClock { hands: Arc::new(Mutex::new(self.with(|hands| hands.clone()))) }
    }

    /// Sets what [`Clock::entropy`] draws its numbers from.
    pub fn seed_entropy(&self, seed: u64) {
        self.with(|hands| hands.entropy = seed);
    }

    /// Sets the wall clock, forward or back; the monotonic one stays.
    pub fn set(&self, now_ns: i64) {
        self.with(|hands| hands.now_ns = now_ns);
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by_ns: u64) {
        self.with(|hands| hands.advance(by_ns));
    }

    /// Sets how far each look moves the clocks.
    pub fn set_step(&self, step_ns: u64) {
        self.with(|hands| hands.step_ns = step_ns);
    }

    fn with<T>(&self, f: impl FnOnce(&mut Hands) -> T) -> T {
        f(&mut self.hands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hands {
    fn advance(&mut self, by_ns: u64) {
        self.now_ns = self.now_ns.saturating_add_unsigned(by_ns);
        self.monotonic_ns = self.monotonic_ns.saturating_add(by_ns);
    }
}

impl Clock for MemClock {
    fn now_ns(&self) -> i64 {
        self.with(|hands| {
            let now = hands.now_ns;
            hands.advance(hands.step_ns);
            now
        })
    }

    fn monotonic_ns(&self) -> u64 {
        self.with(|hands| {
            let now = hands.monotonic_ns;
            hands.monotonic_ns = now.saturating_add(hands.step_ns);
            now
        })
    }

    fn entropy(&self) -> u64 {
        self.with(|hands| next_random(&mut hands.entropy))
    }
}
