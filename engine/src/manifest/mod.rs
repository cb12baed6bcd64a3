//! The MANIFEST: one log of version edits that says which tables and which files there are.
//!
//! | file        | what it holds                                                        |
//! |-------------|----------------------------------------------------------------------|
//! | `scan.rs`   | bytes to records; tells a torn tail from corruption                  |
//! | `load.rs`   | what a directory holds; the version in it                            |
//! | `log.rs`    | the writer: append, sync                                             |
//! | `switch.rs` | replacing a MANIFEST that has grown, step by step                    |
//! | `standing.rs` | whether one that was read has moved since                          |
//! | `create.rs` | the files of an empty database                                       |
//! | `snapshot.rs` | those of a database that is made of a version                      |
//! | `verify.rs` | every problem in place of the first                                  |

mod create;
mod load;
mod log;
mod scan;
mod snapshot;
mod standing;
mod switch;
mod verify;

pub(crate) use create::create;
pub(crate) use load::{Found, Loaded, leftovers, load, read_meta};
pub(crate) use log::{ManifestWriter, REPLACE_BYTES_MIN};
pub(crate) use scan::{record_at, scan};
pub(crate) use snapshot::write_snapshot;
pub(crate) use standing::{Standing, is_passing, place};
pub(crate) use switch::ManifestSwitch;
#[cfg(test)]
pub(crate) use switch::SwitchStep;
pub(crate) use verify::verify;

#[cfg(test)]
pub(crate) mod tests;
