//! A segment of the log. What must hold of it is said at the body.
//!
//! The body is in `engine/src/internals/fuzz.rs`.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| srdb::internals::fuzz::wal_replay(bytes));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    srdb_fuzz::main("wal_replay")
}
