//! What a piece of work cost: wall time, CPU time of all threads, bytes written, memory.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Result;

/// What a piece of work cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Time that passed.
    pub wall: Duration,
    /// CPU time of all threads of this process, those that work behind included.
    pub cpu: Duration,
    /// Bytes handed to `write` and its like; what is written through a map is not in it.
    pub written_bytes: u64,
}

/// A measurement that goes on.
#[derive(Debug)]
pub struct Meter {
    wall: Instant,
    cpu: Duration,
    written_bytes: u64,
}

impl Meter {
    /// Starts measuring.
    pub fn start() -> Self {
        let written_bytes = written_bytes();
        Meter { written_bytes, cpu: cpu_time(), wall: now() }
    }

    /// What it cost since the start.
    pub fn stop(self) -> Cost {
        let (wall, cpu) = (self.wall.elapsed(), cpu_time().saturating_sub(self.cpu));
        Cost { wall, cpu, written_bytes: written_bytes().saturating_sub(self.written_bytes) }
    }
}

/// The one clock of this package.
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "measuring time is what this package is for")]
    Instant::now()
}

/// CPU time of all threads of this process so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

fn written_bytes() -> u64 {
    number_after("/proc/self/io", "wchar:").unwrap_or(0)
}

/// Memory of a process beyond mapped files now, in bytes; `None` where the system does not say.
pub fn anonymous_bytes(process: &str) -> Option<u64> {
    number_after(&format!("/proc/{process}/status"), "RssAnon:").map(|kib| kib * 1024)
}

fn number_after(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes on disk of everything below `dir`: what its blocks take, so that holes are not counted
/// and room that was reserved is.
pub fn disk_bytes(dir: &Path) -> Result<u64> {
    #[cfg(unix)]
    fn taken(meta: &std::fs::Metadata) -> u64 {
        std::os::unix::fs::MetadataExt::blocks(meta) * 512
    }
    #[cfg(not(unix))]
    fn taken(meta: &std::fs::Metadata) -> u64 {
        meta.len()
    }
    let mut bytes = 0;
    #[expect(clippy::disallowed_methods, reason = "peers' files are no Vfs's")]
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        bytes += if meta.is_dir() { disk_bytes(&entry.path())? } else { taken(&meta) };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_what_other_threads_do() {
        let meter = Meter::start();
        std::thread::scope(|scope| {
            scope.spawn(|| while cpu_time() < meter.cpu + Duration::from_millis(20) {});
        });
        let cost = meter.stop();
        assert!(cost.cpu >= Duration::from_millis(20), "{cost:?}");
    }

    #[test]
    fn disk_bytes_counts_files_below() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let below = dir.path().join("below");
        #[expect(clippy::disallowed_methods, reason = "a file that is no Vfs's")]
        {
            std::fs::create_dir(&below)?;
            std::fs::write(below.join("file"), vec![1; 100_000])?;
        }
        let bytes = disk_bytes(dir.path())?;
        assert!((100_000..120_000).contains(&bytes), "{bytes}");
        Ok(())
    }
}
