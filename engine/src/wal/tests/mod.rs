//! What the log promises, on a disk that can crash at any call.

mod bytes;
mod carry;
mod crash;
mod damage;
mod fixture;
