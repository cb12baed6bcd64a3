//! A MANIFEST. What must hold is said at the body: `engine/src/internals/fuzz.rs`.

#![cfg_attr(feature = "libfuzzer", no_main)]

#[cfg(feature = "libfuzzer")]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| srdb::internals::fuzz::manifest_load(bytes));

#[cfg(not(feature = "libfuzzer"))]
fn main() -> std::process::ExitCode {
    srdb_fuzz::main("manifest_load")
}
