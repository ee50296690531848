//! `dryflash with`: what it refuses before anything starts, what it hides, and how it ends when it is interrupted.
#![cfg(target_os = "linux")]

use crate::support::clients::{BENCHES, FLASH, built, is_there};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DRYFLASH: &str = env!("CARGO_BIN_EXE_dryflash");

/// A folder of its own, with one for temporary files in it.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Desk { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    fn with(&self) -> Command {
        let mut dryflash = Command::new(DRYFLASH);
        dryflash.args(["with", "--part", "F051", "--state", "esc.json"]).current_dir(self.folder.path());
        dryflash.env("TMPDIR", self.path("tmp"));
        dryflash
    }

    fn run<S: AsRef<OsStr>>(&self, command: &[S]) -> (Option<i32>, String) {
        told(&self.with().arg("--").args(command).output().expect("dryflash starts"))
    }

    /// Nothing but the state and what was there stays.
    fn is_tidy(&self) -> bool {
        let names = |path: PathBuf| -> Vec<String> {
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        };
        let left = names(self.path("")).iter().any(|n| n.ends_with(".lock") || n.ends_with(".new"));
        !left && names(self.path("tmp")).is_empty()
    }
}

fn told(output: &Output) -> (Option<i32>, String) {
    let text = [output.stderr.as_slice(), &output.stdout].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Waits for it to end by itself.
fn end_of(child: &mut Child, limit: Duration) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Neither report nor page nor notes let a command's words at a terminal.
#[test]
fn a_commands_words_play_no_tricks() {
    let desk = Desk::new();
    let words =
        ["--format", "text", "--html", "page.html", "--", "sh", "-c", "true '\u{1b}]0;pwn\u{7}' '\u{202e}'\n: next"];
    let output = desk.with().args(words).output().expect("dryflash starts");
    let page = std::fs::read(desk.path("page.html")).unwrap();
    for said in [output.stdout, output.stderr, page] {
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("true"), "{said:?}");
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
        assert!(!said.lines().any(|line| line.starts_with(": next")), "{said:?}");
    }
}

#[test]
fn what_would_reach_real_probes_is_refused_before_the_start() {
    let desk = Desk::new();
    desk.write("rights.sh", "#!/usr/bin/env -S sudo sh\ntouch started\n", 0o755);
    desk.write("plain.sh", "touch started\n", 0o755);
    let cases: [(&[&str], &[&str]); 33] = [
        (
            &["sudo", "-E", "touch", "started"],
            &["`dryflash with --part F051 --state esc.json -- touch started`", "sudo dryflash with"],
        ),
        (&["doas", "touch", "started"], &["doas", "-- touch started`"]),
        (&["pkexec", "touch", "started"], &["pkexec"]),
        (&["su", "-c", "touch started"], &["su does not"]),
        (&["runuser", "-u", "nobody", "touch", "started"], &["runuser"]),
        (&["timeout", "5", "sudo", "touch", "started"], &["sudo does not"]),
        (
            &["setpriv", "--reuid", "1000", "--clear-groups", "touch", "started"],
            &["setpriv gives its command another user", "`setpriv ... dryflash with --part F051"],
        ),
        (&["nice", "setpriv", "--no-new-privs", "--reuid=1000", "touch", "started"], &["another user"]),
        (&["setpriv", "--no-new-privs", "sudo", "touch", "started"], &["sudo does not"]),
        (&["gosu", "nobody", "touch", "started"], &["another user"]),
        (&["chpst", "-unobody", "touch", "started"], &["another user"]),
        (&["chroot", "/", "touch", "started"], &["where the virtual probe is not"]),
        (&["nice", "-n", "5", "env", "A=1", "sudo", "touch", "started"], &["sudo does not"]),
        (&["env", "-i", "touch", "started"], &["env -i"]),
        (&["env", "-", "touch", "started"], &["env -"]),
        (&["env", "-u", "LD_PRELOAD", "touch", "started"], &["env -u LD_PRELOAD"]),
        (&["env", "--unset=LD_PRELOAD", "touch", "started"], &["env --unset=LD_PRELOAD"]),
        (&["env", "LD_PRELOAD=", "touch", "started"], &["env LD_PRELOAD="]),
        (&["ssh", "host", "touch", "started"], &["where the virtual probe is not"]),
        (&["docker", "run", "x"], &["where the virtual probe is not"]),
        (&["sh", "-c", "true; sudo touch started"], &["sudo does not"]),
        (&["sh", "-ec", "LD_PRELOAD= touch started"], &["takes LD_PRELOAD away"]),
        (&["./rights.sh"], &["sudo does not"]),
        (&["./plain.sh"], &["no #! line", "-- sh ./plain.sh`"]),
        (&["STM32_Programmer_CLI", "-c", "port=SWD"], &["no way to a virtual probe"]),
        (&["touch", "/dev/ttyACM0"], &["`/dev/ttyACM0` names real hardware"]),
        (&["openocd", "-f", "interface/cmsis-dap.cfg"], &["interface/cmsis-dap.cfg is for another probe"]),
        (&["openocd", "-f", "interface/stlink.cfg", "-c", "init; adapter driver jlink"], &["adapter driver jlink"]),
        (&["openocd", "-c", "source [find interface/jlink.cfg]"], &["interface/jlink.cfg"]),
        (&["openocd", "-c", "st-link backend tcp 7184"], &["port 7184 may have a real probe", "--tcp 127.0.0.1:7184"]),
        (&["st-flash", "--serial", "1234", "erase"], &["another probe than the virtual one"]),
        (&["pyocd", "flash", "-u", "cmsisdap:99", "x.hex"], &["pyocd's probe cmsisdap:99"]),
        (&["blackmagic", "-d", "COM3"], &["blackmagic -d COM3"]),
    ];
    for (command, words) in cases {
        let (code, text) = desk.run(command);
        assert_eq!(code, Some(125), "{command:?}\n{text}");
        assert!(text.contains("Nothing was started"), "{command:?}\n{text}");
        for word in words {
            assert!(text.contains(word), "{command:?}: {word}\n{text}");
        }
        assert!(!desk.path("started").exists() && desk.is_tidy(), "{command:?}\n{text}");
    }
    // None of that is in the way of what is right.
    for command in [
        &["env", "A=1", "timeout", "5", "true"][..],
        &["sh", "-c", "echo sudo"],
        &["openocd", "--version"],
        &["st-flash", "--serial", "066DFF494857808667123456", "--version"],
    ] {
        if ["openocd", "st-flash"].contains(&command[0]) && !is_there(command[0]) {
            continue;
        }
        let (code, text) = desk.run(command);
        assert_eq!(code, Some(0), "{command:?}\n{text}");
    }
}

/// An ELF with one header of a program's segment: a loader's name, or a piece to load.
fn elf(interpreter: Option<&[u8]>, machine: u16) -> Vec<u8> {
    let word = |bytes: &mut Vec<u8>, value: u64, size: usize| bytes.extend(&value.to_le_bytes()[..size]);
    let mut bytes = vec![0x7F, b'E', b'L', b'F', 2, 1, 1, 0];
    bytes.resize(16, 0);
    for (value, size) in [(2, 2), (u64::from(machine), 2), (1, 4), (0x40_0000, 8), (64, 8), (0, 8), (0, 4)] {
        word(&mut bytes, value, size);
    }
    for value in [64, 56, 1, 64, 0, 0] {
        word(&mut bytes, value, 2);
    }
    let name = interpreter.unwrap_or_default();
    word(&mut bytes, if interpreter.is_some() { 3 } else { 1 }, 4);
    word(&mut bytes, 5, 4);
    for value in [120, 0, 0, name.len() as u64, name.len() as u64, 1] {
        word(&mut bytes, value, 8);
    }
    bytes.extend(name);
    bytes
}

#[test]
fn programs_that_nothing_can_be_loaded_before_are_refused() {
    const OWN: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let desk = Desk::new();
    let own = std::fs::read(DRYFLASH).unwrap();
    for (name, bytes, mode, why) in [
        ("static", elf(None, OWN), 0o755, "linked statically"),
        ("musl", elf(Some(b"/lib/ld-musl-x86_64.so.1\0"), OWN), 0o755, "/lib/ld-musl-x86_64.so.1"),
        ("narrow", elf(Some(b"/lib/ld-linux.so.2\0"), 3), 0o755, "for x86 with 32 bits"),
    ] {
        desk.write(name, bytes, mode);
        for command in [vec![format!("./{name}")], vec!["timeout".into(), "9".into(), format!("./{name}")]] {
            let (code, text) = desk.run(&command);
            assert!(code == Some(125) && text.contains(why) && text.contains("Nothing was started"), "{text}");
        }
        desk.write("script", format!("#!{}\n", desk.path(name).display()), 0o755);
        let (code, text) = desk.run(&["./script"]);
        assert!(code == Some(125) && text.contains(why), "a script's interpreter: {text}");
    }
    // Setuid for another: as root one can make such a file.
    if nix::unistd::geteuid().is_root() {
        let path = desk.write("other", &own, 0o755);
        nix::unistd::chown(&path, Some(65_534.into()), None).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o4755)).unwrap();
        let (code, text) = desk.run(&["./other", "--version"]);
        assert!(code == Some(125) && text.contains("setuid"), "{text}");
    }
    desk.write("same", &own, 0o755);
    assert_eq!(desk.run(&["./same", "--version"]).0, Some(0));
}

/// A folder `/dev` with hardware in it, for a command and those that it starts: in a namespace of the test's own.
const FAKE_DEV: &str = r#"set -e
mount -t tmpfs none /mnt
mkdir -p /mnt/bus/usb/001 /mnt/serial
for name in bus/usb/001/004 hidraw0 ttyACM0 ttyUSB3; do echo hardware > /mnt/$name; done
for name in null zero full random urandom tty; do touch /mnt/$name; mount --bind /dev/$name /mnt/$name; done
ln -s /proc/self/fd /mnt/fd
mount --rbind /mnt /dev
exec "$@""#;

#[test]
fn hardware_is_hidden_from_all_that_a_client_starts() {
    let works =
        |words: &[&str]| Command::new("unshare").args(words).arg("true").output().is_ok_and(|o| o.status.success());
    let own: &[&str] = if works(&["-Urm"]) { &["-Urm"] } else { &["-m"] };
    if !works(own) {
        let _ = writeln!(std::io::stderr(), "SKIPPED: there are no namespaces here, so nothing can be hidden");
        return;
    }
    let desk = Desk::new();
    desk.write(
        "look.sh",
        "#!/bin/sh\nsh -c 'ls /dev/bus/usb; cat /dev/hidraw0 /dev/tty[AU]* /dev/bus/usb/001/*'\nexit 0\n",
        0o755,
    );
    let run = |inner: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new("unshare");
        command.args(own).args(["sh", "-c", FAKE_DEV, "sh"]).args(inner).arg(DRYFLASH);
        command.args(["with", "--part", "F051", "--", "sh", "./look.sh"]).current_dir(desk.folder.path());
        command.env("TMPDIR", desk.path("tmp")).envs(variables.iter().copied());
        let output = command.output().unwrap();
        (output.status.code(), told(&output).1)
    };
    let (code, text) = run(&[], &[]);
    assert!(code == Some(0) && !text.contains("hardware\n") && !text.contains("001\n"), "{text}");
    assert!(!text.contains("vouch"), "{text}");
    // Without any right of its own, in a user namespace.
    let user = ["unshare", "-U", "--map-user=1000", "--map-group=1000"];
    if works(&["-Urm", "unshare", "-U", "--map-user=1000", "--map-group=1000"]) {
        let (code, text) = run(&user, &[]);
        assert!(code == Some(0) && !text.contains("hardware\n") && !text.contains("vouch"), "{text}");
    }
    // The same where the kernel lets nothing be hidden: it is seen, and the first line says so.
    let (code, text) = run(&[], &[("DRYFLASH_TEST_NO_NAMESPACES", "1")]);
    assert!(code == Some(0) && text.contains("hardware\n"), "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("nobody can vouch for what sh starts"), "{text}");
}

#[test]
fn without_namespaces_a_script_with_sudo_is_refused_and_with_them_it_is_told() {
    let desk = Desk::new();
    desk.write("steps.sh", "set -e\ntrue\n[ -n \"$NEVER\" ] && sudo st-flash reset\nexit 0\n", 0o644);
    let output = desk.with().args(["--", "sh", "steps.sh"]).env("DRYFLASH_TEST_NO_NAMESPACES", "1").output().unwrap();
    let (code, text) = told(&output);
    assert!(code == Some(125) && text.contains("steps.sh line 3: sudo does not"), "{text}");
    let (code, text) = desk.run(&["sh", "steps.sh"]);
    let hidden = code == Some(0) && text.contains("note: steps.sh line 3: sudo");
    assert!(hidden || code == Some(125) && text.contains("line 3"), "{text}");
}

/// Seeded: each session is interrupted at a moment of its own, the same each time the test runs.
fn delays(seed: u64) -> impl Iterator<Item = Duration> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((state >> 33) % 120_000)
    })
}

/// Ctrl-C, as a terminal sends it: to the whole group.
fn interrupted(delay: Duration) {
    let desk = Desk::new();
    let full = built(BENCHES[1].full);
    let mut with = desk.with();
    with.args(["--", "st-flash", "write"]).arg(&full).arg("0x08000000").process_group(0);
    let mut child = with.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    // st-flash has found the chip.
    stderr.read_exact(&mut [0; 1]).expect("st-flash says something");
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    std::thread::sleep(delay);
    let group = Pid::from_raw(child.id() as i32);
    killpg(group, Signal::SIGINT).unwrap();
    let status = end_of(&mut child, Duration::from_secs(30));
    if status.is_none() {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
    }
    let text = reader.join().unwrap();
    let code = status.unwrap_or_else(|| panic!("hangs when interrupted after {delay:?}\n{text}")).code();
    assert!(code.is_some_and(|c| c != 0 && c != 125 && c != 134), "{code:?} after {delay:?}\n{text}");
    assert!(desk.is_tidy(), "after {delay:?}");
    let flash = BENCHES[1].chip(&desk.path("esc.json")).board.flash.cells().bytes(FLASH, BENCHES[1].size());
    let file = std::fs::read(&full).unwrap();
    let wrong = flash
        .iter()
        .zip(file.iter().chain(std::iter::repeat(&0xFF)))
        .filter(|(now, file)| now != file && **now != 0xFF);
    assert_eq!(wrong.count(), 0, "after {delay:?}");
}

#[test]
fn two_hundred_interrupted_sessions_end_and_are_kept() {
    const SESSIONS: usize = 200;
    const AT_ONCE: usize = 4;
    if !is_there("st-flash") {
        return;
    }
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            scope.spawn(move || delays(worker as u64 + 1).take(SESSIONS / AT_ONCE).for_each(interrupted));
        }
    });
}

#[test]
fn a_signal_that_only_dryflash_got_reaches_the_client_and_what_it_left() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let desk = Desk::new();
        // The shell ends at once; what it started would outlive it.
        let script = "echo $$ > pid; sleep 60 & echo $! > sleep; wait";
        let mut with = desk.with();
        with.args(["--", "sh", "-c", script]).process_group(0).stdout(Stdio::null());
        let mut child = with.spawn().unwrap();
        let read = |name: &str| std::fs::read_to_string(desk.path(name)).ok().filter(|t| t.ends_with('\n'));
        let start = Instant::now();
        while read("sleep").is_none() {
            assert!(start.elapsed() < Duration::from_secs(30), "the client starts");
            std::thread::sleep(Duration::from_millis(5));
        }
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let status = end_of(&mut child, Duration::from_secs(30)).expect("it ends");
        assert_eq!(status.code(), Some(128 + signal as i32), "{signal}");
        assert!(desk.path("esc.json").exists() && desk.is_tidy(), "{signal}");
        // A shell has background jobs ignore Ctrl-C.
        if signal != Signal::SIGINT {
            let sleep: i32 = read("sleep").unwrap().trim().parse().unwrap();
            let gone = || std::fs::read_to_string(format!("/proc/{sleep}/stat")).map_or(true, |s| s.contains(") Z "));
            let start = Instant::now();
            while !gone() {
                assert!(start.elapsed() < Duration::from_secs(10), "{signal}: sleep is still there");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

#[test]
fn a_second_signal_ends_a_client_that_will_not() {
    let desk = Desk::new();
    let script = "trap '' INT TERM HUP; echo > ready; sleep 60; sleep 60";
    let mut child =
        desk.with().args(["--", "sh", "-c", script]).stdout(Stdio::null()).process_group(0).spawn().unwrap();
    let start = Instant::now();
    while !desk.path("ready").exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "the client starts");
        std::thread::sleep(Duration::from_millis(5));
    }
    let group = Pid::from_raw(child.id() as i32);
    killpg(group, Signal::SIGINT).unwrap();
    assert!(end_of(&mut child, Duration::from_millis(700)).is_none(), "the first is the client's");
    killpg(group, Signal::SIGINT).unwrap();
    let status = end_of(&mut child, Duration::from_secs(30)).expect("it ends");
    assert_eq!(status.code(), Some(128 + 9));
    assert!(desk.path("esc.json").exists() && desk.is_tidy());
}

#[test]
fn odd_temporary_folders_are_no_trouble() {
    if !is_there("st-info") {
        return;
    }
    let desk = Desk::new();
    let long = "long".repeat(30);
    for name in ["with blank", "with:colon", "with$ORIGIN", &long, "missing"] {
        if name != "missing" {
            std::fs::create_dir(desk.path(name)).unwrap();
        }
        let output = desk.with().args(["--", "st-info", "--probe"]).env("TMPDIR", desk.path(name)).output().unwrap();
        let (code, text) = told(&output);
        assert!(code == Some(0) && text.contains("Found 1 stlink"), "{name}: {text}");
    }
}

#[test]
fn names_need_not_be_utf_8() {
    if !is_there("st-flash") {
        return;
    }
    let desk = Desk::new();
    let name = OsStr::from_bytes(b"einstellungen-\xE4.bin");
    let page = std::fs::read(built(BENCHES[1].eeprom.0)).unwrap();
    std::fs::write(desk.folder.path().join(name), &page).unwrap();
    let holds = |state: &str| {
        let flash = BENCHES[1].chip(&desk.path(state)).board.flash;
        assert_eq!(flash.cells().bytes(0x0800_7C00, page.len() as u32), page, "{state}");
    };
    let (code, text) = desk.run(&[OsStr::new("st-flash"), "write".as_ref(), name, "0x08007c00".as_ref()]);
    assert_eq!(code, Some(0), "{text}");
    holds("esc.json");
    let own = |arguments: &[&OsStr]| {
        let output = Command::new(DRYFLASH).args(arguments).current_dir(desk.folder.path()).output().unwrap();
        told(&output)
    };
    let line = ["st-flash", "--part", "F051", "--state", "own.json", "write"].map(OsStr::new);
    let (code, text) = own(&[&line[..], &[name, "0x08007c00".as_ref()]].concat());
    assert_eq!(code, Some(0), "{text}");
    holds("own.json");
    let at = OsStr::from_bytes(b"einstellungen-\xE4.bin@0x08007c00");
    let line = ["check", "--part", "F051", "--state", "checked.json"].map(OsStr::new);
    let (code, text) = own(&[&line[..], &[at]].concat());
    assert_eq!(code, Some(1), "settings alone do not start: {text}");
    holds("checked.json");
    let line = ["with", "--part", "F051", "--state", "held.json"].map(OsStr::new);
    let (code, text) = own(&[&line[..], &[at, "--".as_ref(), "st-info".as_ref(), "--probe".as_ref()]].concat());
    assert_eq!(code, Some(0), "{text}");
    holds("held.json");
}

#[test]
fn a_recording_never_takes_the_place_of_what_is_used() {
    if !is_there("st-flash") {
        return;
    }
    let desk = Desk::new();
    let page = std::fs::read(built(BENCHES[1].eeprom.0)).unwrap();
    desk.write("page.bin", &page, 0o644);
    std::os::unix::fs::symlink("page.bin", desk.path("link.bin")).unwrap();
    for record in ["page.bin", "./page.bin", "link.bin", "esc.json"] {
        let mut with = desk.with();
        with.args(["--record", record, "--force", "--", "st-flash", "write", "page.bin", "0x08007c00"]);
        let (code, text) = told(&with.output().unwrap());
        assert!(code == Some(125) && text.contains("give another name"), "{record}: {text}");
        let st_flash = ["st-flash", "--part", "F051", "--state", "esc.json", "--record", record, "--force", "write"];
        let mut own = Command::new(DRYFLASH);
        own.args(st_flash).args(["page.bin", "0x08007c00"]).current_dir(desk.folder.path());
        let (code, text) = told(&own.output().unwrap());
        assert!(code == Some(2) && text.contains("give another name"), "{record}: {text}");
        assert_eq!(std::fs::read(desk.path("page.bin")).unwrap(), page);
        assert!(desk.is_tidy());
    }
    // What cannot be run leaves no recording behind, nor harms an old one.
    let (code, text) = told(&desk.with().args(["--record", "new.jsonl", "--", "./nothing-here"]).output().unwrap());
    assert!(code == Some(125) && !desk.path("new.jsonl").exists(), "{text}");
    desk.write("old.jsonl", "old", 0o644);
    let old = ["--record", "old.jsonl", "--force", "--", "./nothing-here"];
    assert_eq!(desk.with().args(old).output().unwrap().status.code(), Some(125));
    assert_eq!(std::fs::read(desk.path("old.jsonl")).unwrap(), b"old");
    let (code, text) =
        told(&desk.with().args(["--record", "old.jsonl", "--force", "--", "st-info", "--probe"]).output().unwrap());
    assert!(
        code == Some(0) && std::fs::read_to_string(desk.path("old.jsonl")).unwrap().contains("dryflash-recording"),
        "{text}"
    );
    // st-flash's own `read` neither replaces the state.
    let mut own = Command::new(DRYFLASH);
    own.args(["st-flash", "--state", "esc.json", "--force", "read", "esc.json", "0x08000000", "16"]);
    let (code, text) = told(&own.current_dir(desk.folder.path()).output().unwrap());
    assert!(code == Some(2) && text.contains("this session's own state"), "{text}");
    assert!(Path::new(&desk.path("esc.json")).metadata().unwrap().len() > 1_000);
}

/// A client that lists what is on the bus, and no more: the test below runs it.
#[test]
#[ignore = "a client of another test"]
fn a_client_that_lists() {
    use std::ffi::{c_char, c_void};
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    type List = unsafe extern "C" fn(*const c_void, *mut *mut *const c_void) -> isize;
    // SAFETY: the name is a C string; what the loader finds under it has libusb's type.
    let count = unsafe {
        let found = dlsym(std::ptr::null_mut(), c"libusb_get_device_list".as_ptr());
        assert!(!found.is_null(), "only `dryflash with` runs it");
        let mut list = std::ptr::null_mut();
        std::mem::transmute::<*mut c_void, List>(found)(std::ptr::null(), &raw mut list)
    };
    assert_eq!(count, 1);
}

#[test]
fn a_client_that_listed_the_probe_has_looked_for_it() {
    let desk = Desk::new();
    let this = std::env::current_exe().unwrap();
    let client = [this.as_os_str(), "--ignored".as_ref(), "--exact".as_ref(), "with::a_client_that_lists".as_ref()];
    let (code, text) = desk.run(&client);
    assert!(code == Some(0) && text.contains("1 passed") && !text.contains("came to the virtual probe"), "{text}");
    let (code, text) = desk.run(&["true"]);
    assert!(code == Some(0) && text.contains("came to the virtual probe"), "{text}");
    // One that fails has said why itself.
    let (code, text) = desk.run(&["false"]);
    assert!(code == Some(1) && !text.contains("came to the virtual probe"), "{text}");
}

#[test]
fn a_client_that_gives_up_its_user_is_told_why_it_finds_nothing() {
    if !nix::unistd::geteuid().is_root() || !is_there("st-info") || !is_there("python3") {
        return;
    }
    let desk = Desk::new();
    std::fs::set_permissions(desk.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    let line = "import os; os.setgid(65534); os.setuid(65534); os.execvp('st-info', ['st-info', '--probe'])";
    let (code, text) = desk.run(&["python3", "-c", line]);
    assert!(text.contains("it is another user's: dryflash has to be started as"), "{code:?} {text}");
    assert!(text.contains("nothing of") && text.contains("went on as another user"), "{text}");
}
