//! What fuzz targets and benches of this project need to get at. **Not part of the API**: nothing
//! here is promised to stay, and nobody else has a use for it.
//!
//! | file      | what it is                                                       |
//! |-----------|------------------------------------------------------------------|
//! | `fuzz`    | the bodies of the fuzz targets, and the files that they start on |
//! | `columns` | encoding and decoding one column                                 |

pub mod columns;
pub mod fuzz;

use crate::coding::crc;

/// Runs `work` with every checksum zero on this thread, written and expected.
///
/// A fuzzer that changes a byte would otherwise be stopped by the checksum above it each time, and
/// never reach what stands behind: the code that must not trust checksums to be honest.
pub fn without_checksums<T>(work: impl FnOnce() -> T) -> T {
    let before = crc::OFF.replace(true);
    let done = work();
    crc::OFF.set(before);
    done
}
