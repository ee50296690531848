//! A `dryflash serve --gdb` of the test's own, and Debian's own gdb at it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Ended when dropped, if it is still there.
pub struct Serve {
    child: Child,
    /// Where it listens for gdb.
    pub port: u16,
    said: Receiver<String>,
}

impl Serve {
    /// Starts one at a virtual ESC kept in `state`.
    pub fn start(part: &str, state: &Path, more: &[&str]) -> Serve {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["serve", "--part", part, "--tcp", "127.0.0.1:0", "--gdb=127.0.0.1:0", "--state"])
            .arg(state)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("dryflash starts");
        let out = BufReader::new(child.stdout.take().expect("standard output"));
        let line = out.lines().map_while(Result::ok).find(|l| l.contains("extended-remote")).expect("it says where");
        let port = line.trim().trim_end_matches('\'').rsplit(':').next().and_then(|p| p.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        let (sender, said) = channel();
        let errors = BufReader::new(child.stderr.take().expect("standard error"));
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Serve { child, port, said }
    }

    /// Waits for a line on standard error that holds `word`.
    pub fn waits_to_say(&self, word: &str) -> String {
        let mut before = String::new();
        let start = Instant::now();
        while let Ok(line) = self.said.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
            if line.contains(word) {
                return line;
            }
            before += &line;
        }
        panic!("dryflash did not say {word:?}, but {before:?}");
    }

    /// The lines on standard error that nobody has waited for.
    pub fn has_said(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }

    /// Ends it as Ctrl-C does: the ESC is in its file then.
    pub fn end(mut self) {
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill starts");
        assert!(kill.success());
        self.ends();
    }

    /// Waits for it to end by itself, content.
    pub fn ends(&mut self) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                assert_eq!(status.code(), Some(0));
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("dryflash serve did not end");
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The gdb that is installed: Debian's for all machines, or one for ARM.
fn program() -> Option<&'static str> {
    ["gdb-multiarch", "arm-none-eabi-gdb"].into_iter().find(|name| Command::new(name).arg("--version").output().is_ok())
}

/// Whether there is a gdb; without one the tests are skipped, loudly, but never in CI.
pub fn is_installed() -> bool {
    if program().is_some() {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "a gdb for ARM is missing: `cargo xtask test` installs it");
    // Past the harness, which would keep it to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: no gdb for ARM is installed; `cargo xtask test` installs it");
    false
}

/// A file of the stand-in firmware.
pub fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

/// A gdb that goes through `commands`, whatever one of them comes to.
pub fn start(serve: &Serve, file: Option<&Path>, commands: &[&str]) -> Child {
    let mut gdb = Command::new(program().expect("a gdb"));
    gdb.args(["-nx", "-batch", "-ex", "set confirm off", "-ex", "set pagination off", "-ex", "set width 0"]);
    gdb.args(["-ex", &format!("target extended-remote 127.0.0.1:{}", serve.port)]);
    commands.iter().for_each(|command| {
        gdb.args(["-ex", command]);
    });
    gdb.args(file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    gdb.spawn().expect("gdb starts")
}

/// As [`start`], to its end. What it printed.
pub fn run(serve: &Serve, file: Option<&Path>, commands: &[&str]) -> String {
    text(start(serve, file, commands))
}

/// What a gdb prints until it ends.
pub fn text(mut gdb: Child) -> String {
    let mut errors = gdb.stderr.take().expect("standard error");
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let mut out = gdb.stdout.take().expect("standard output");
    let out = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        text
    });
    let start = Instant::now();
    let late = loop {
        if gdb.try_wait().expect("it can be waited for").is_some() {
            break false;
        }
        if start.elapsed() > PATIENCE {
            let _ = gdb.kill();
            let _ = gdb.wait();
            break true;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let text = out.join().expect("read") + &errors.join().expect("read");
    assert!(!late, "gdb did not end:\n{text}");
    text
}
