//! A plan of the simulator. Every oracle must hold of it.
//!
//! The body is in `sim/src/fuzz.rs`.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sim::fuzz::plan(bytes));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    srdb_fuzz::main("plan")
}
