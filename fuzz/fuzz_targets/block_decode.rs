//! A column of a block, and its dictionary. What must hold of it is said at the body.
//!
//! The body is in `engine/src/internals/fuzz.rs`.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| srdb::internals::fuzz::block_decode(bytes));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    srdb_fuzz::main("block_decode")
}
