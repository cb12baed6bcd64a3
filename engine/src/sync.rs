//! The one place from which the engine takes what threads meet at: locks, conditions, atomics and
//! threads themselves.
//!
//! They are the standard library's, re-exported. Built with `--cfg shuttle` they are those of
//! [shuttle], which runs all threads of a test on one, switches between them where one of these
//! types is used, and draws the order from a seed: `engine/tests/shuttle/`, run by `.ci/threads`.
//!
//! It is a `cfg` and no feature, because features have to add up: one package of a build that asked
//! for it would turn every other user of the engine into a program that panics outside of shuttle.
//! A `cfg` comes from whoever starts the build, goes for all of it, and is in no build by accident.
//!
//! Not switched: `Arc` and `Weak`, which shuttle takes from the standard library too, and
//! `OnceLock`, of which shuttle has none. Initialising one must therefore not use anything of this
//! module, nor a file: a thread that is stopped in there would stop the only thread there is.
//!
//! Shuttle takes every atomic operation for `SeqCst`. That an ordering is too weak is for
//! ThreadSanitizer to find (`.ci/tsan`).
//!
//! [shuttle]: https://docs.rs/shuttle

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic,
};
#[cfg(shuttle)]
pub(crate) use shuttle::thread::{self, JoinHandle, current as current_thread};
#[cfg(not(shuttle))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic,
};
pub(crate) use std::sync::{OnceLock, PoisonError};
pub(crate) use std::thread::panicking;
#[cfg(not(shuttle))]
pub(crate) use std::thread::{self, JoinHandle, current as current_thread};
