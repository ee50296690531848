//! A `dryflash serve` of the test's own, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed when dropped, if it is still there.
pub struct Serve {
    child: Child,
    /// Where the stlink-server listens; 0 where there is none.
    pub port: u16,
    /// All that it says of itself.
    pub text: String,
}

impl Serve {
    /// Starts one at a virtual ESC kept in `state`, with an stlink-server.
    pub fn start(part: &str, state: &Path, more: &[&str]) -> Serve {
        Serve::with(part, state, &[&["--tcp", "127.0.0.1:0"], more].concat())
    }

    /// Starts one with the fronts that `more` asks for.
    pub fn with(part: &str, state: &Path, more: &[&str]) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["serve", "--part", part, "--state"])
            .arg(state)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("dryflash starts");
        let mut lines = BufReader::new(child.stdout.take().expect("standard output"));
        let mut text = String::new();
        while !text.contains("Ctrl-C") {
            assert_ne!(lines.read_line(&mut text).expect("it says where it is"), 0, "it has ended: {text}");
        }
        let first = text.lines().next().unwrap_or_default();
        let port = first.trim().rsplit(':').next().and_then(|p| p.parse().ok()).unwrap_or(0);
        Serve { child, port, text }
    }

    /// What stands behind `before`, up to `end`, in what it said.
    pub fn said(&self, before: &str, end: char) -> &str {
        let (_, rest) = self.text.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", self.text));
        rest.split(end).next().unwrap_or_default()
    }

    /// Waits for it to end by itself. Its exit code.
    pub fn ended(&mut self) -> i32 {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status.code().expect("an exit code");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("dryflash serve did not end");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
