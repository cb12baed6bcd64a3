//! Lies told between the engine and the disk.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use srdb_vfs::{File, OpKind};

use super::calls::{Calls, Memory};
use super::{How, Mutant};
use crate::vfs::{Call, Layer};

/// What is done with the calls that a lie is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lie {
    /// They are acknowledged and never made.
    Skip(Calls),
    /// Syncs that are acknowledged, and made when the next call that changes the disk comes.
    Late(Calls),
    /// Syncs that are acknowledged, and made after a call of the second kind.
    PutOff(Calls, Calls),
    /// Their failure is taken for success.
    Forgive(Calls),
    /// When they fail they are made again, and the second answer counts.
    Retry(Calls),
}

/// The layer that tells the lie of one mutant to one process.
#[derive(Debug)]
pub struct MutantLayer {
    lie: Option<Lie>,
    hits: Arc<AtomicU64>,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    memory: Memory,
    /// Files whose sync was acknowledged and is still to be done.
    owed: Owed,
}

type Owed = Vec<(PathBuf, Arc<dyn File>)>;

impl MutantLayer {
    /// The lie of `mutant`, if it tells one; each time is counted.
    pub fn new(mutant: Mutant, hits: Arc<AtomicU64>) -> Self {
        let lie = match mutant.how {
            How::Lie(lie) => Some(lie),
            How::Line => None,
        };
        MutantLayer { lie, hits, told: Mutex::default() }
    }

    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    fn answer(
        &self,
        lie: Lie,
        told: &mut Told,
        call: &Call<'_>,
        go: &mut dyn FnMut() -> io::Result<u64>,
    ) -> io::Result<u64> {
        let Told { memory, owed } = told;
        match lie {
            Lie::Skip(what) if what(call, memory) => {
                self.hit();
                Ok(0)
            }
            Lie::Late(what) => {
                if call.op.changes_the_disk() {
                    pay(owed)?;
                }
                self.owe(what, memory, owed, call).map_or_else(go, Ok)
            }
            Lie::PutOff(what, until) => {
                if let Some(answer) = self.owe(what, memory, owed, call) {
                    return Ok(answer);
                }
                let answer = go()?;
                if until(call, memory) {
                    pay(owed)?;
                }
                Ok(answer)
            }
            Lie::Forgive(what) if what(call, memory) => go().or_else(|_| {
                self.hit();
                Ok(0)
            }),
            Lie::Retry(what) if what(call, memory) => go().or_else(|_| {
                self.hit();
                go()
            }),
            _ => go(),
        }
    }

    /// Puts off the sync of a file, if the lie is about this call, or if a sync of this file is put
    /// off already: it would make good for that one.
    fn owe(&self, what: Calls, memory: &Memory, owed: &mut Owed, call: &Call<'_>) -> Option<u64> {
        let is_owed = call.op == OpKind::Sync && owed.iter().any(|(path, _)| path == call.path);
        let file = call.file.filter(|_| is_owed || what(call, memory))?;
        owed.push((call.path.to_owned(), file.clone()));
        self.hit();
        Some(0)
    }
}

fn pay(owed: &mut Owed) -> io::Result<()> {
    owed.drain(..).try_for_each(|(_, file)| file.sync_data())
}

impl Layer for MutantLayer {
    fn call(&self, call: &Call<'_>, go: &mut dyn FnMut() -> io::Result<u64>) -> io::Result<u64> {
        let Some(lie) = self.lie else { return go() };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = self.answer(lie, &mut told, call, go);
        told.memory.note(call, answer.is_ok());
        answer
    }
}
