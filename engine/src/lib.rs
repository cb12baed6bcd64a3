//! srdb.
