//! Panics as values: what was said and where, instead of a message on the terminal.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::Once;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `f`, which catches its panic; gives the panic's message and place for its payload.
///
/// # Errors
/// The message, if `f` caught a panic.
pub(crate) fn catch<T>(f: impl FnOnce() -> Result<T, Box<dyn Any + Send>>) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                SAID.with_borrow_mut(|said| *said = Some(info.to_string()));
            } else {
                usual(info);
            }
        }));
    });
    CATCHING.set(true);
    let result = f();
    CATCHING.set(false);
    result.map_err(|_| {
        SAID.with_borrow_mut(Option::take).unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        let result = catch(|| panic::catch_unwind(|| assert_eq!(1 + 1, 3, "arithmetic")));
        assert!(result.as_ref().is_err_and(|said| said.contains("arithmetic")), "{result:?}");
        assert_eq!(catch(|| panic::catch_unwind(|| 7)), Ok(7));
    }
}
