//! Fuzz targets as ordinary programs: over their corpus, and with a plain mutator for machines
//! where libFuzzer can't be linked. See `README.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use srdb::internals::fuzz;

/// A target's name and body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 5] = [
    ("wal_replay", fuzz::wal_replay),
    ("sst_open", fuzz::sst_open),
    ("block_decode", fuzz::block_decode),
    ("manifest_load", fuzz::manifest_load),
    ("plan", sim::fuzz::plan),
];

/// What each corpus starts with: target, name, bytes.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let plans = sim::fuzz::seeds().into_iter().map(|(name, bytes)| ("plan", name, bytes));
    fuzz::seeds().into_iter().chain(plans).collect()
}

/// Where the inputs of a target are.
pub fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The files of a corpus by name, in order.
pub fn inputs(dir: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries: Result<Vec<_>, _> = fs::read_dir(dir)?.collect();
    let mut paths: Vec<PathBuf> = entries?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(&path).map(|bytes| (path, bytes))).collect()
}

/// `TARGET [--seconds N] [--seed N] [FILE]…`: runs the files, or the corpus where none are named;
/// then for N seconds inputs made from them.
pub fn main(name: &'static str) -> ExitCode {
    match run(name) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &'static str) -> io::Result<bool> {
    let (mut files, mut seconds, mut seed) = (Vec::new(), 0, 1);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let number = arguments.next().and_then(|number| number.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("{argument} takes a number")))
        };
        match argument.as_str() {
            "--seconds" => seconds = number()?,
            "--seed" => seed = number()?,
            file => files.push((file.into(), fs::read(file)?)),
        }
    }
    if files.is_empty() {
        files = inputs(&corpus(name))?;
    }
    let found = TARGETS.iter().find(|target| target.0 == name);
    let (_, body) = found.ok_or_else(|| io::Error::other("no such target"))?;
    for (path, bytes) in &files {
        if catch_unwind(|| body(bytes)).is_err() {
            println!("{name}: {} fails", path.display());
            return Ok(false);
        }
    }
    println!("{name}: {} files pass", files.len());
    let inputs: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
    mutate((name, *body), &inputs, Duration::from_secs(seconds), seed)
}

/// Runs inputs made from `inputs` until `time` is over or one fails. Whether none did.
fn mutate((name, body): Target, inputs: &[Vec<u8>], time: Duration, seed: u64) -> io::Result<bool> {
    let mut mutator = Mutator(seed.max(1));
    let start = Instant::now();
    let mut runs = 0_u64;
    while start.elapsed() < time {
        let bytes = mutator.input(inputs);
        runs += 1;
        if catch_unwind(AssertUnwindSafe(|| body(&bytes))).is_err() {
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
            fs::create_dir_all(&dir)?;
            let path = dir.join(format!("mutated-{seed}-{runs}"));
            fs::write(&path, bytes)?;
            println!("{name}: input {runs} fails and is kept: {}", path.display());
            return Ok(false);
        }
    }
    println!("{name}: {runs} inputs pass");
    Ok(true)
}

/// Makes inputs from others, by seed: xorshift64, and what bugs in reading bytes are made of.
#[derive(Debug)]
pub struct Mutator(pub u64);

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }

    /// One of `inputs`, changed in one to four places.
    pub fn input(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = match inputs {
            [] => Vec::new(),
            _ => inputs[self.below(inputs.len())].clone(),
        };
        for _ in 0..=self.below(4) {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        const NUMBERS: [u64; 8] =
            [0, 1, 0x7f, 0xff, 0xffff, u32::MAX as u64, i64::MAX as u64, u64::MAX];
        // Headers are where the numbers are.
        let reach = if self.below(2) == 0 { 64 } else { usize::MAX };
        let at = self.below(bytes.len().min(reach));
        let end = bytes.len().min(at + [1, 2, 4, 8][self.below(4)]);
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), self.below(256) as u8),
            2 => {
                let from = self.below(bytes.len());
                let copy: Vec<u8> = bytes[from..].iter().take(end - at).copied().collect();
                bytes[at..at + copy.len()].copy_from_slice(&copy);
            }
            3 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_le_bytes();
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            4 => bytes[at..end].iter_mut().for_each(|byte| *byte = byte.wrapping_add(1)),
            _ if at < end => bytes[at] ^= 1 << self.below(8),
            _ => {}
        }
    }
}
