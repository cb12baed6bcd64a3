//! How the worker shares its time between the flush, which writers wait for, and the rest, which
//! nobody waits for but which has to be done some time. Pure: bytes and moments in, decisions out.
//!
//! ```text
//!   while flushes never end:   flush flush flush │merge│ flush flush flush │merge│ …
//!                              └── earns credit ─┘     two bytes for each that a flush writes
//! ```
//!
//! Invariants
//! 1. A flush waits for one step of something else at the most, if it waits for any.
//! 2. The rest gets [`EARNED`] bytes for each that a flush writes, for as long as flushes go on: as
//!    much as merges need that keep the write amplification at 3. So files do not become ever more.
//! 3. Within any second, merges write no more than their rate and one step.

use std::time::Duration;

/// Bytes that may be written behind for each that a flush wrote.
const EARNED: u64 = 2;

/// With so much credit the rest has its turn, which is about one step of a merge; and more is not
/// saved up, so that a merge does not hold up a flush for long.
const TURN: u64 = 1 << 20;

/// What a step costs that writes little or nothing.
const STEP: u64 = 16 << 10;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes that may be written behind while a flush waits.
    credit: u64,
    /// Whether the last step was one of the rest, so that a flush that waits comes next.
    is_flush_next: bool,
    /// Bytes a second that merges may write; 0 for as many as they can.
    rate: u64,
    /// When the next merge step may be, by the monotonic clock.
    not_before: u64,
}

impl Pace {
    pub(super) fn new(rate: u64) -> Self {
        Pace { credit: 0, is_flush_next: false, rate, not_before: 0 }
    }

    /// Whether it is the turn of the rest, though a flush waits.
    pub(super) fn is_turn_of_rest(&self) -> bool {
        self.credit >= TURN && !self.is_flush_next
    }

    /// A step of a flush wrote so much.
    pub(super) fn flushed(&mut self, bytes: u64) {
        let earned = bytes.max(STEP).saturating_mul(EARNED);
        self.credit = self.credit.saturating_add(earned).min(2 * TURN);
        self.is_flush_next = false;
    }

    /// A step of the rest wrote so much.
    pub(super) fn spent(&mut self, bytes: u64) {
        self.credit = self.credit.saturating_sub(bytes.max(STEP));
        self.is_flush_next = true;
    }

    /// The rest had its turn, and nothing to do.
    pub(super) fn passed(&mut self) {
        self.credit = 0;
    }

    /// A step of a merge, which ended now, wrote so much.
    pub(super) fn merged(&mut self, bytes: u64, now_ns: u64) {
        let Some(per_second) = std::num::NonZeroU64::new(self.rate) else { return };
        let takes = u128::from(bytes) * 1_000_000_000 / u128::from(per_second.get());
        let takes = u64::try_from(takes).unwrap_or(u64::MAX);
        self.not_before = self.not_before.max(now_ns).saturating_add(takes);
    }

    /// How long merges have to rest from now on, if they have to.
    pub(super) fn merges_rest(&self, now_ns: u64) -> Option<Duration> {
        let ns = self.not_before.checked_sub(now_ns).filter(|ns| *ns > 0)?;
        Some(Duration::from_nanos(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes flushed and merged in so many steps of a worker that always has both to do.
    fn run(steps: usize, flush_step: u64, merge_step: u64) -> (u64, u64, usize) {
        let mut pace = Pace::new(0);
        let (mut flushed, mut merged, mut waited, mut waited_most) = (0, 0, 0, 0);
        for _ in 0..steps {
            if pace.is_turn_of_rest() {
                pace.spent(merge_step);
                merged += merge_step;
                waited += 1;
                waited_most = waited_most.max(waited);
            } else {
                pace.flushed(flush_step);
                flushed += flush_step;
                waited = 0;
            }
        }
        (flushed, merged, waited_most)
    }

    #[test]
    fn merges_get_twice_what_flushes_write_and_hold_them_up_by_a_step() {
        for flush_step in [20 << 10, 100 << 10, 400 << 10] {
            let (flushed, merged, waited) = run(10_000, flush_step, TURN);
            let share = merged as f64 / flushed as f64;
            assert!((1.9..=2.1).contains(&share), "{share} at {flush_step}");
            assert_eq!(waited, 1);
        }
    }

    #[test]
    fn steps_that_write_little_hold_up_a_flush_one_at_a_time() {
        let (flushed, merged, waited) = run(10_000, 100 << 10, 1000);
        assert_eq!((merged / 1000 > 1000, waited), (true, 1), "{flushed}");
    }

    #[test]
    fn what_is_not_used_is_not_saved_up() {
        let mut pace = Pace::new(0);
        (0..1000).for_each(|_| pace.flushed(1 << 20));
        pace.spent(TURN);
        pace.spent(TURN);
        pace.flushed(1);
        assert!(!pace.is_turn_of_rest());
        pace.flushed(TURN);
        pace.passed();
        assert!(!pace.is_turn_of_rest());
    }

    #[test]
    fn merges_keep_to_their_rate() {
        let mut pace = Pace::new(10 << 20);
        let (mut now, mut bytes) = (5, 0_u64);
        while now < 2_000_000_000 {
            match pace.merges_rest(now) {
                Some(rest) => now += rest.as_nanos() as u64,
                None => {
                    now += 1_000_000;
                    pace.merged(1 << 20, now);
                    bytes += 1 << 20;
                }
            }
        }
        assert!((18 << 20..=21 << 20).contains(&bytes), "{bytes}");
        assert_eq!(Pace::new(0).merges_rest(7), None);
    }
}
