//! What the worker sleeps on. Whoever makes work wakes it; whoever closes the database stops it.

use std::time::Duration;

use crate::locks::lock;
use crate::mutant;
use crate::sync::{Condvar, Mutex, PoisonError};

/// Wakes the worker. Shared by the worker and everything that may give it work.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    work: bool,
    stop: bool,
}

impl Signal {
    /// There is something to do.
    pub(crate) fn wake(&self) {
        lock(&self.wanted).work = !mutant::on("wake-forgotten");
        self.changed.notify_one();
    }

    /// There will be nothing to do any more.
    pub(crate) fn stop(&self) {
        lock(&self.wanted).stop = true;
        self.changed.notify_one();
    }

    /// Whether the worker is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        lock(&self.wanted).stop
    }

    /// Waits for either, or until `at_most` has passed; whether to go on.
    pub(crate) fn wait(&self, at_most: Option<Duration>) -> bool {
        let mut wanted = lock(&self.wanted);
        loop {
            if wanted.stop {
                return false;
            }
            if std::mem::take(&mut wanted.work) {
                return true;
            }
            let Some(time) = at_most else {
                wanted = self.changed.wait(wanted).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let waited = self.changed.wait_timeout(wanted, time);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() && !woken.stop {
                return true;
            }
            wanted = woken;
        }
    }
}
