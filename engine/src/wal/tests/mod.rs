//! What the log promises, on a disk that can crash at any call.

mod bytes;
mod crash;
mod damage;
mod fixture;
