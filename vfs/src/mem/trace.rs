//! What was asked of the disk, call by call, and one number that stands for all of it.
//!
//! Invariant: the hash depends on the calls, their arguments, the bytes that went in and came out
//! and the outcomes; on nothing of the machine or the build.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::fault::OpKind;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceEntry {
    /// The number of this call among all traced ones, from 1.
    pub number: u64,
    /// [`MemDisk::calls`](crate::MemDisk::calls) when it was made, itself counted.
    pub call: u64,
    /// What was called.
    pub op: OpKind,
    /// The path; of a file its last known name.
    pub path: PathBuf,
    /// Where a rename or link leads to.
    pub to: Option<PathBuf>,
    /// Offset in bytes; of `set_len` and `len` the length.
    pub offset: u64,
    /// Bytes read or written.
    pub len: u64,
    /// Hash of the bytes that went in or came out.
    pub content: u64,
    /// `None` if the call succeeded.
    pub error: Option<io::ErrorKind>,
}

impl fmt::Display for TraceEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6} call {:>5} {:?} {}",
            self.number,
            self.call,
            self.op,
            self.path.display()
        )?;
        if let Some(to) = &self.to {
            write!(f, " -> {}", to.display())?;
        }
        write!(f, " at {} len {} hash {:016x}", self.offset, self.len, self.content)?;
        match self.error {
            None => write!(f, " ok"),
            Some(kind) => write!(f, " failed: {kind}"),
        }
    }
}

/// The arguments of a call, as the trace wants them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) op: OpKind,
    pub(super) path: &'a Path,
    pub(super) to: Option<&'a Path>,
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) content: u64,
}

impl<'a> Call<'a> {
    pub(super) fn on(op: OpKind, path: &'a Path) -> Self {
        Call { op, path, to: None, offset: 0, len: 0, content: 0 }
    }

    pub(super) fn to(self, to: &'a Path) -> Self {
        Call { to: Some(to), ..self }
    }

    pub(super) fn bytes(self, offset: u64, bytes: &[u8]) -> Self {
        Call { offset, len: bytes.len() as u64, content: hash_bytes(bytes), ..self }
    }

    pub(super) fn value(self, value: u64) -> Self {
        Call { offset: value, ..self }
    }
}

/// The running hash, and the entries if they are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Trace {
    pub(super) keep: bool,
    pub(super) entries: Vec<TraceEntry>,
    pub(super) hash: u64,
    count: u64,
}

impl Trace {
    /// Takes down a finished call.
    pub(super) fn record(&mut self, call: &Call<'_>, calls: u64, error: Option<io::ErrorKind>) {
        self.count += 1;
        let mut h = mix(self.hash, call.op as u64 + 1);
        h = mix(h, hash_bytes(call.path.as_os_str().as_encoded_bytes()));
        if let Some(to) = call.to {
            h = mix(h, hash_bytes(to.as_os_str().as_encoded_bytes()));
        }
        h = mix(mix(mix(h, call.offset), call.len), call.content);
        if let Some(kind) = error {
            h = mix(h, hash_bytes(format!("{kind:?}").as_bytes()));
        }
        self.hash = h;
        if self.keep {
            self.entries.push(TraceEntry {
                number: self.count,
                call: calls,
                op: call.op,
                path: call.path.to_path_buf(),
                to: call.to.map(Path::to_path_buf),
                offset: call.offset,
                len: call.len,
                content: call.content,
                error,
            });
        }
    }
}

/// Stirs a word into a hash.
pub(super) fn mix(hash: u64, word: u64) -> u64 {
    let h = (hash.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    h ^ (h >> 29)
}

/// A hash of bytes, the same on every machine; four lanes, so that long reads cost little. Not a
/// checksum.
pub(super) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut lanes = [1, 2, 3, bytes.len() as u64];
    let (groups, rest) = bytes.as_chunks::<32>();
    for group in groups {
        stir(&mut lanes, group);
    }
    if !rest.is_empty() {
        let mut last = [0; 32];
        last[..rest.len()].copy_from_slice(rest);
        stir(&mut lanes, &last);
    }
    lanes.into_iter().fold(0, mix)
}

fn stir(lanes: &mut [u64; 4], group: &[u8; 32]) {
    for (lane, word) in lanes.iter_mut().zip(group.as_chunks::<8>().0) {
        *lane = mix(*lane, u64::from_le_bytes(*word));
    }
}

/// The next number of a sequence that looks random (splitmix64).
pub(super) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
