//! An SST file. What must hold of it is said at the body.
//!
//! The body is in `engine/src/internals/fuzz.rs`.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| srdb::internals::fuzz::sst_open(bytes));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    srdb_fuzz::main("sst_open")
}
