//! What every handle of an open database holds, and the end of the last one.

use std::ops::Deref;
use std::sync::Arc;

use crate::mutant;
use crate::state::State;
use crate::sync::{JoinHandle, current_thread, panicking};

/// An open database, and the thread that works behind, if there is one. The thread holds the state
/// and no handle, so that it keeps none from being the last.
#[derive(Debug)]
pub(crate) struct Handle {
    state: Arc<State>,
    worker: Option<JoinHandle<()>>,
}

impl Handle {
    pub(crate) fn new(state: Arc<State>, worker: Option<JoinHandle<()>>) -> Self {
        Handle { state, worker }
    }
}

impl Deref for Handle {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl Drop for Handle {
    /// Begins no I/O: whoever wants the rest written calls `close`. What the worker is at is ended
    /// first, so that the directory is free for the next open when this returns.
    fn drop(&mut self) {
        if !mutant::on("worker-not-stopped") {
            self.state.signal.stop();
        }
        let Some(worker) = self.worker.take() else { return };
        // An observer may let go of the last handle in a call from the worker, which can't wait for
        // itself. A thread that panics waits for nobody.
        let is_worker = worker.thread().id() == current_thread().id();
        if !is_worker && !panicking() && !mutant::on("worker-not-awaited") {
            // A panic of the worker was told by the panic hook, and there is nobody to return to.
            let _ = worker.join();
        }
    }
}
