//! A `dryflash serve` of the test's own, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed when dropped, if it is still there.
pub struct Serve {
    child: Child,
    /// Where it listens.
    pub port: u16,
}

impl Serve {
    /// Starts one at a virtual ESC kept in `state`.
    pub fn start(part: &str, state: &Path, more: &[&str]) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["serve", "--part", part, "--tcp", "127.0.0.1:0", "--state"])
            .arg(state)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("dryflash starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("standard output");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let port = line.trim().rsplit(':').next().and_then(|p| p.parse().ok());
        Serve { child, port: port.unwrap_or_else(|| panic!("no port in {line:?}")) }
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
    #[allow(dead_code, reason = "not every test sends signals")]
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
