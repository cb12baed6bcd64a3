//! Committing: many writers, one log.

pub(crate) mod queue;
