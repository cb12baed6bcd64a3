//! What this machine could do at best: figures to hold the others against.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::measure::now;

const MIB: usize = 1 << 20;

/// The limits, measured in a second or two.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Machine {
    /// Logical CPUs.
    pub cpus: usize,
    /// Copying 64 MiB in memory.
    pub memcpy_gb_per_s: f64,
    /// CRC32 of 64 MiB.
    pub crc_gb_per_s: f64,
    /// 256 MiB written in pieces of 1 MiB, not synced.
    pub write_gb_per_s: f64,
    /// The same, with the sync at its end.
    pub write_and_sync_gb_per_s: f64,
    /// Median of appending 200 bytes and syncing.
    pub sync_200_us: f64,
    /// Median of appending 4 KiB and syncing.
    pub sync_4k_us: f64,
}

/// Measures, with files in `dir`.
pub fn measure(dir: &Path) -> Result<Machine> {
    let source: Vec<u8> = (0..64 * MIB).map(|at| ((at * 31) >> 7) as u8).collect();
    let mut target = vec![0; source.len()];
    let memcpy = best(|| target.copy_from_slice(std::hint::black_box(&source)));
    let crc = best(|| {
        std::hint::black_box(crc32fast::hash(&source));
    });

    let mut file = tempfile::tempfile_in(dir)?;
    let start = now();
    for piece in source.chunks(MIB).cycle().take(256) {
        file.write_all(piece)?;
    }
    let written = start.elapsed();
    file.sync_data()?;
    let synced = start.elapsed();

    let per_second = |bytes: usize, time: Duration| bytes as f64 / 1e9 / time.as_secs_f64();
    Ok(Machine {
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        memcpy_gb_per_s: per_second(source.len(), memcpy),
        crc_gb_per_s: per_second(source.len(), crc),
        write_gb_per_s: per_second(256 * MIB, written),
        write_and_sync_gb_per_s: per_second(256 * MIB, synced),
        sync_200_us: sync_latency(dir, &source[..200])?,
        sync_4k_us: sync_latency(dir, &source[..4096])?,
    })
}

fn best(mut work: impl FnMut()) -> Duration {
    let times = (0..5).map(|_| {
        let start = now();
        work();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

fn sync_latency(dir: &Path, bytes: &[u8]) -> Result<f64> {
    let mut file = tempfile::tempfile_in(dir)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = now();
        file.write_all(bytes)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}
