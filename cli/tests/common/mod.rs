//! Running the binary, and looking at what it printed.

#![allow(dead_code, reason = "every test crate uses a part of it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "the tests are outside of the database, with files and processes"
)]

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The binary, with these arguments.
pub(crate) fn srdb<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_srdb"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it, reads the first few bytes that it prints and goes away.
pub(crate) fn read_a_little(mut command: Command) -> Ran {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("srdb starts");
    let mut out = child.stdout.take().expect("a pipe");
    out.read_exact(&mut [0; 10]).expect("some output");
    drop(out);
    Ran::new(child.wait_with_output().expect("srdb ends"))
}

/// What a run printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn new(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Asserts that a message has this part.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Ran {
        assert!(self.err.contains(part), "no {part:?} in {self:#?}");
        self
    }

    /// Asserts the whole output.
    #[track_caller]
    pub(crate) fn prints(self, out: &str) -> Ran {
        assert_eq!(self.out, out, "{}", self.err);
        self
    }
}

/// A directory with a database in it to be, and files beside it.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The database's directory.
    pub(crate) fn db(&self) -> PathBuf {
        self.path("db")
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file is written");
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    /// Runs `srdb COMMAND DB ARGS…`.
    pub(crate) fn run(&self, command: &str, args: &[&str]) -> Ran {
        Ran::new(self.command(command, args).output().expect("srdb starts"))
    }

    /// Runs it with something on standard input.
    pub(crate) fn run_with_stdin(&self, command: &str, args: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(command, args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("srdb starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let stdin = stdin.to_vec();
        let writer = std::thread::spawn(move || {
            // It may stop reading early; what matters is what it says.
            let _ = pipe.write_all(&stdin);
        });
        let output = child.wait_with_output().expect("srdb ends");
        writer.join().expect("the writer ends");
        Ran::new(output)
    }

    pub(crate) fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut command = srdb([command]);
        command.arg(self.db()).args(args);
        command
    }

    /// A database with a small table `t` of three rows.
    pub(crate) fn with_table() -> Bench {
        let bench = Bench::new();
        let file = bench.file("t.csv", SMALL_CSV);
        bench.run("import", &["t", &file]).code(0);
        bench
    }
}

/// Three rows: an integer, a text with everything CSV has to quote, a float and a null.
pub(crate) const SMALL_CSV: &str = "n,text,f\n1,\"a,\"\"b\"\"\nc\",0.5\n2,,1e-7\n3,z,\n";

/// Runs the binary without a database.
pub(crate) fn run(args: &[&str]) -> Ran {
    Ran::new(srdb(args).output().expect("srdb starts"))
}

/// A text's file, packed.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

/// Whether a directory holds nothing at all.
pub(crate) fn is_absent(path: &Path) -> bool {
    !path.exists()
}

/// The path of a data set, or `None` and a message.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("{name} is not there: nothing tested");
        return None;
    }
    Some(path)
}
