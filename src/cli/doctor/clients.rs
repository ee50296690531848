//! The tools that people flash with.

use super::linked::{self, Program};
use crate::cli::ends;
use crate::cli::stand_in::StandIn;
use crate::cli::with;
use crate::report::doctor::{Client, Way};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How a tool reaches its probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// libusb.
    Usb,
    /// A USB library of its own; `with` has another way for it, or none.
    Own,
    /// A gdb server.
    Gdb,
}

/// What is looked for, how each reaches a probe, and whether it flashes.
const KNOWN: [(&str, Reach, bool); 11] = [
    ("st-flash", Reach::Usb, true),
    ("st-info", Reach::Usb, false),
    ("st-util", Reach::Usb, false),
    ("openocd", Reach::Usb, true),
    ("pyocd", Reach::Usb, true),
    ("probe-rs", Reach::Own, true),
    ("cargo-flash", Reach::Own, true),
    ("STM32_Programmer_CLI", Reach::Own, true),
    ("gdb-multiarch", Reach::Gdb, false),
    ("arm-none-eabi-gdb", Reach::Gdb, false),
    ("gdb", Reach::Gdb, false),
];

/// How long a tool may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for all of them. `stands`: the stand-in can be used here.
pub fn look(stands: bool) -> Vec<Client> {
    let stand_in = if stands { StandIn::prepare(None).ok() } else { None };
    KNOWN.into_iter().map(|known| one(known, stand_in.as_ref())).collect()
}

fn one((name, reach, flashes): (&'static str, Reach, bool), stand_in: Option<&StandIn>) -> Client {
    let nothing = Client {
        name,
        flashes,
        path: None,
        version: None,
        loads_libusb: false,
        way: None,
        why: "not installed".to_owned(),
    };
    let Some(path) = linked::on_path(name) else { return nothing };
    let program = linked::look(&path);
    let loads_libusb = program.loads("libusb");
    let (way, why) = way(reach, &program, stand_in.is_some(), || with::would_start(&path));
    // Whatever could reach a real probe is not run, not even for its version.
    let asked = way.is_some() && reach != Reach::Own;
    let version = stand_in.filter(|_| asked).and_then(|s| version(&path, s));
    Client { path: Some(path.display().to_string()), version, loads_libusb, way, why, ..nothing }
}

/// How a program can be rehearsed, or why not. `starts`: what `with` says of it.
fn way(
    reach: Reach,
    program: &Program,
    stands: bool,
    starts: impl FnOnce() -> Result<(), String>,
) -> (Option<Way>, String) {
    if reach == Reach::Gdb {
        return (Some(Way::Gdb), String::new());
    }
    if !stands {
        return (None, "the libusb stand-in cannot be used here, see below".to_owned());
    }
    if let Err(why) = starts() {
        return (None, why);
    }
    match program {
        Program::Dynamic(_) if reach == Reach::Usb && !program.loads("libusb") => {
            (None, "it does not load libusb as a library, so nothing can stand in for it".to_owned())
        }
        Program::Script(interpreter) => (
            Some(Way::With),
            format!("a script of {}, which loads libusb when it looks for a probe", interpreter.display()),
        ),
        _ => (Some(Way::With), String::new()),
    }
}

/// The first line with a digit of what `--version` says.
fn version(path: &Path, stand_in: &StandIn) -> Option<String> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Nobody listens at the stand-in's socket: whatever the tool looks for, it finds no probe.
    stand_in.lend(&mut command);
    ends::let_through(&mut command);
    with::conceal(&mut command);
    let mut child = command.spawn().ok()?;
    let (out, err) = (child.stdout.take()?, child.stderr.take()?);
    let readers = [reader(out), reader(err)];
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if start.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
    let said: String = readers.into_iter().filter_map(|r| r.join().ok()).collect();
    number(&said)
}

fn reader(from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.take(1 << 16).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The first word that looks like a version: `1.7.0` of `v1.7.0`, `0.12.0` of `Open On-Chip Debugger 0.12.0`.
fn number(said: &str) -> Option<String> {
    let words = said.split_whitespace().map(|w| w.trim_matches(|c: char| "(),".contains(c)).trim_start_matches('v'));
    let mut versions = words.filter(|w| w.starts_with(|c: char| c.is_ascii_digit()) && w.contains('.'));
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (said, version) in [
            ("v1.7.0\n", Some("1.7.0")),
            ("Open On-Chip Debugger 0.12.0\nLicensed under GNU GPL v2\n", Some("0.12.0")),
            ("GNU gdb (Debian 13.1-3) 13.1\nCopyright (C) 2023\n", Some("13.1-3")),
            ("usage: tool", None),
        ] {
            assert_eq!(number(said).as_deref(), version, "{said}");
        }
    }

    #[test]
    fn what_takes_no_stand_in_is_told_why() {
        let loads = |name: &str| Program::Dynamic([name.to_owned()].into());
        let of = |program: &Program| way(Reach::Usb, program, true, || Ok(()));
        assert_eq!(of(&loads("libusb-1.0.so.0")), (Some(Way::With), String::new()));
        assert!(of(&loads("libc.so.6")).1.contains("does not load libusb"));
        assert_eq!(of(&Program::Script("/bin/sh".into())).0, Some(Way::With));
        let libusb = loads("libusb-1.0.so.0");
        assert_eq!(way(Reach::Usb, &libusb, true, || Err("no".to_owned())), (None, "no".to_owned()));
        assert_eq!(way(Reach::Usb, &libusb, false, || Ok(())).0, None);
        assert_eq!(way(Reach::Gdb, &loads("libc.so.6"), false, || Ok(())).0, Some(Way::Gdb));
    }
}
