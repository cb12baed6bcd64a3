//! Bugs that the simulator plants on purpose, each at one line that asks for it by name.
//!
//! Compiled in only under the feature `mutants`; without it `on` is `false` at compile time.
//! What is planted is planted for one thread, so that simulations can run side by side.

#[cfg(feature = "mutants")]
pub use planted::{hits, plant};

#[cfg(feature = "mutants")]
mod planted {
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<&'static str>> = const { Cell::new(None) };
        static HITS: Cell<u64> = const { Cell::new(0) };
    }

    /// Plants the bug of this name for this thread, in the place of any other, and starts counting
    /// anew how often it takes effect.
    pub fn plant(name: Option<&'static str>) {
        PLANTED.set(name);
        HITS.set(0);
    }

    /// How often the planted bug has taken effect.
    pub fn hits() -> u64 {
        HITS.get()
    }

    /// Whether the bug of this name is planted. Asked where it takes effect and nowhere else.
    pub(crate) fn on(name: &str) -> bool {
        when(name, || true)
    }

    /// Whether the bug of this name is planted and takes effect here, which is asked only then.
    pub(crate) fn when(name: &str, takes_effect: impl FnOnce() -> bool) -> bool {
        let hit = PLANTED.get() == Some(name) && takes_effect();
        HITS.set(HITS.get() + u64::from(hit));
        hit
    }
}

#[cfg(feature = "mutants")]
pub(crate) use planted::{on, when};

/// Never: no bug is planted in this build.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_name: &str) -> bool {
    false
}

/// Never, and whether it would take effect is not even looked at.
#[cfg(not(feature = "mutants"))]
pub(crate) fn when(_name: &str, _takes_effect: impl FnOnce() -> bool) -> bool {
    false
}

// What a mutant guards is gone at compile time.
#[cfg(not(feature = "mutants"))]
const _: () = assert!(!on("any"));
