//! How verbs end: by a signal with nothing left behind, and what `with` says before it begins rather than afterwards.
#![cfg(target_os = "linux")]

use crate::support::clients::{BENCHES, built, is_there};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// A folder of its own, with one for temporary files in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("tmp")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn dryflash(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(words).current_dir(self.0.path()).env("TMPDIR", self.path("tmp"));
        command.stdin(Stdio::null()).process_group(0);
        command
    }

    /// Exit code, and all that was printed: standard error first.
    fn says(&self, words: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.dryflash(words).output().unwrap();
        (status.code(), String::from_utf8_lossy(&[stderr, stdout].concat()).into_owned())
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        path
    }

    /// No lock, no file that was on the way to its place, no temporary folder.
    fn is_tidy(&self) -> bool {
        let names = |folder: &Path| -> Vec<String> {
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        };
        let left = names(self.0.path()).iter().any(|n| n.ends_with(".lock") || n.ends_with(".new"));
        !left && names(&self.path("tmp")).is_empty()
    }
}

fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(5));
    }
}

fn end_of(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("it does not end");
        }
        sleep(Duration::from_millis(5));
    }
}

/// The report goes into a pipe that nobody reads yet: so long, the session is over and not told.
fn after_the_client(desk: &Desk) -> Child {
    desk.pipe("report");
    let words =
        ["with", "--part", "F051", "--state", "esc.json", "--report", "json=report", "--", "sh", "-c", "exit 3"];
    let child = desk.dryflash(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // The state is there when the client has ended; what is between that and the pipe takes no time.
    until("the state is written", || desk.path("esc.json").exists());
    sleep(Duration::from_millis(500));
    child
}

#[test]
fn ctrl_c_after_the_clients_end_changes_nothing() {
    for signal in SIGNALS {
        let desk = Desk::new();
        let mut child = after_the_client(&desk);
        killpg(Pid::from_raw(child.id() as i32), signal).unwrap();
        sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none(), "{signal} ends it");
        let report = fs::read_to_string(desk.path("report")).unwrap();
        let status = end_of(&mut child);
        assert_eq!(status.code(), Some(3), "{signal}: {status}");
        assert!(report.contains("\"exit_code\": 3"), "{signal}: {report}");
        let mut told = String::new();
        child.stdout.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(told.contains("STM32F051K6 after `sh -c 'exit 3'`"), "{signal}: {told}");
        assert!(desk.is_tidy(), "{signal}");
    }
}

#[test]
fn a_second_ctrl_c_after_the_clients_end_ends_it_tidily() {
    let desk = Desk::new();
    let mut child = after_the_client(&desk);
    let id = Pid::from_raw(child.id() as i32);
    kill(id, Signal::SIGINT).unwrap();
    sleep(Duration::from_millis(600));
    kill(id, Signal::SIGINT).unwrap();
    assert_eq!(end_of(&mut child).signal(), Some(Signal::SIGINT as i32));
    assert!(desk.is_tidy());
}

#[test]
fn a_check_that_is_ended_leaves_no_lock() {
    for signal in SIGNALS {
        let desk = Desk::new();
        desk.pipe("report");
        let file = built(BENCHES[1].full);
        let words =
            ["check", "--state", "esc.json", "--signal", "low", "--report", "json=report", file.to_str().unwrap()];
        let mut child = desk.dryflash(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the state is locked", || desk.path("esc.json.lock").exists());
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        // As the signal does it: a shell that runs a loop of these ends the loop.
        assert_eq!(end_of(&mut child).signal(), Some(signal as i32));
        assert!(desk.is_tidy(), "{signal}");
    }
}

#[test]
fn an_st_flash_line_that_is_ended_leaves_no_lock() {
    let desk = Desk::new();
    let file = built(BENCHES[1].full);
    let words = ["st-flash", "--part", "F051", "--state", "esc.json", "--debug", "write", file.to_str().unwrap()];
    // Nobody reads what it tells: it stands in the middle of the session when the pipe is full.
    let mut line = desk.dryflash(&words);
    let mut child = line.arg("0x08000000").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut String::new()).unwrap();
    assert!(desk.path("esc.json.lock").exists());
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(end_of(&mut child).signal(), Some(Signal::SIGTERM as i32));
    assert!(desk.is_tidy() && !desk.path("esc.json").exists());
}

#[test]
fn serve_writes_its_state_whatever_signal_ends_it() {
    for signal in SIGNALS {
        let desk = Desk::new();
        let words = ["serve", "--part", "F051", "--state", "esc.json", "--socket", "--record", "r.jsonl"];
        let mut child = desk.dryflash(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(end_of(&mut child).code(), Some(0), "{signal}");
        assert!(desk.path("esc.json").exists() && desk.is_tidy(), "{signal}");
    }
}

#[test]
fn nohup_is_kept_to() {
    let desk = Desk::new();
    let line = "trap '' HUP; exec \"$0\" serve --part F051 --state esc.json --socket";
    let mut command = Command::new("sh");
    command
        .args(["-c", line, env!("CARGO_BIN_EXE_dryflash")])
        .current_dir(desk.0.path())
        .env("TMPDIR", desk.path("tmp"));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let id = Pid::from_raw(child.id() as i32);
    kill(id, Signal::SIGHUP).unwrap();
    sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "SIGHUP is ignored");
    kill(id, Signal::SIGTERM).unwrap();
    assert_eq!(end_of(&mut child).code(), Some(0));
}

#[test]
fn what_cannot_be_written_is_told_before_the_client_runs() {
    let desk = Desk::new();
    for (options, said) in [
        (&["--record", "none/r.jsonl"][..], "none/r.jsonl: there is no folder none; make it first"),
        (&["--record", "/proc/r.jsonl"], "/proc/r.jsonl: "),
        (&["--report", "json=none/r.json"], "none/r.json: there is no folder none; make it first"),
        (&["--report", "json=/proc/r.json"], "/proc/r.json: "),
        (&["--report", "json=tmp"], "tmp is there, and is no report"),
        (&["--report", "pdf=r.pdf"], "there is no form 'pdf', but text, json"),
        (&["--report", "r.json"], "is not FORMAT=FILE, such as json=report.json"),
        (&["--report", "junit=r.xml"], "`with` has no form junit"),
        (&["--record", "r", "--report", "json=r"], "something else is written there"),
        (&["--state", "none/esc.json"], "none/esc.json: there is no folder none; make it first"),
        (&["--no-such-option"], "--no-such-option"),
    ] {
        let words = [&["with", "--part", "F051"], options, &["--", "touch", "started"]].concat();
        let (code, text) = desk.says(&words);
        assert!(code == Some(125) && text.contains(said), "{options:?}: {code:?}\n{text}");
        assert!(!desk.path("started").exists() && !desk.path("none").exists() && desk.is_tidy(), "{options:?}\n{text}");
    }
    // A report that cannot be printed is `with`'s trouble as well.
    let words = ["with", "--part", "F051", "--", "true"];
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(desk.dryflash(&words).stdout(full).status().unwrap().code(), Some(125));
    // One that is written too late is told, and what is known is printed all the same.
    let (code, text) = desk.says(&["with", "--part", "F051", "--report", "json=/dev/full", "--", "true"]);
    assert!(code == Some(125) && text.contains("STM32F051K6 after `true`") && text.contains("/dev/full"), "{text}");
}

#[test]
fn a_state_that_may_only_be_read_is_told_before_the_client_runs() {
    let desk = Desk::new();
    let (code, text) = desk.says(&["with", "--part", "F051", "--state", "esc.json", "--", "true"]);
    assert!(code == Some(0) && desk.path("esc.json").exists(), "{text}");
    fs::set_permissions(desk.path("esc.json"), fs::Permissions::from_mode(0o444)).unwrap();
    let before = fs::read(desk.path("esc.json")).unwrap();
    let (code, text) = desk.says(&["with", "--state", "esc.json", "--", "sh", "-c", "echo the client runs >&2"]);
    let places = ["esc.json may only be read", "the client runs"].map(|words| text.find(words));
    assert!(code == Some(0) && places[0].is_some() && places[0] < places[1], "{code:?} {text}");
    if is_there("st-flash") {
        let file = built(BENCHES[1].eeprom.0);
        let line =
            ["with", "--state", "esc.json", "--boot", "--", "st-flash", "write", file.to_str().unwrap(), "0x08007c00"];
        let (code, text) = desk.says(&line);
        // What is known of the session is told, too.
        assert!(code == Some(125) && text.contains("1 page programmed") && text.contains("is not kept"), "{text}");
    }
    assert_eq!(fs::read(desk.path("esc.json")).unwrap(), before);
    assert!(desk.is_tidy());
}
