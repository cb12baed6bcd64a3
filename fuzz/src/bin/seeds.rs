//! Writes the inputs that fuzzing starts on into the corpus. To be run when a format changes.

use std::{fs, io};

fn main() -> io::Result<()> {
    for (target, name, bytes) in srdb_fuzz::seeds() {
        let dir = srdb_fuzz::corpus(target);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(format!("seed-{name}")), bytes)?;
    }
    Ok(())
}
