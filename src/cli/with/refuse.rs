//! What `with` refuses before anything starts: commands that the virtual probe would not be in the way of.

use super::super::glasgow;
use super::clients;
use super::hide::names_hardware;
use super::program::{Program, find, inspect};
use super::shell_text::{commands, is_assignment};
use crate::shell;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// How a client comes to the virtual probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through the stand-in for libusb, or by TCP where its own options say so.
    Libusb,
    /// probe-rs and its kin go past libusb; over TCP they speak to a probe called Glasgow.
    Glasgow,
}

/// Why a command is not started: the reason, and the line that works.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {instead}. Nothing was started")]
pub struct Refused {
    what: String,
    instead: String,
}

impl Refused {
    /// A reason, and what to do.
    pub fn new(what: impl Into<String>, instead: impl Into<String>) -> Refused {
        Refused { what: what.into(), instead: instead.into() }
    }

    /// The reason alone.
    pub fn why(&self) -> &str {
        &self.what
    }
}

/// What is known of a command that may be started.
#[derive(Debug)]
pub struct Looked {
    /// The way of the client itself.
    pub way: Way,
    /// It starts others, of which nobody knows: the program's name.
    pub starts_others: Option<String>,
    /// What it can be seen to start and would not come to the virtual probe.
    pub doubts: Vec<String>,
}

/// What of dryflash's own command line matters here.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// What stands before the `--`, as a shell takes it: `dryflash with --part F051`.
    pub line: &'a str,
    /// Where the stlink-server listens.
    pub tcp: Option<SocketAddr>,
}

/// Programs through which others get other rights; on the way LD_PRELOAD is lost.
const RIGHTS: [&str; 11] =
    ["sudo", "sudo-rs", "doas", "pkexec", "su", "runuser", "run0", "gksu", "gksudo", "kdesu", "kdesudo"];

/// Programs that go on as another user: the virtual probe is for the user who has started it.
const OTHER_USERS: [&str; 9] = [
    "setpriv",
    "start-stop-daemon",
    "chpst",
    "setuidgid",
    "s6-setuidgid",
    "s6-applyuidgid",
    "gosu",
    "su-exec",
    "capsh",
];

/// Programs that have a command run elsewhere, where the virtual probe is not.
const ELSEWHERE: [&str; 26] = [
    "chroot",
    "schroot",
    "bwrap",
    "firejail",
    "ssh",
    "docker",
    "podman",
    "nerdctl",
    "kubectl",
    "lxc",
    "lxc-attach",
    "incus",
    "systemd-run",
    "systemd-nspawn",
    "machinectl",
    "nsenter",
    "flatpak",
    "snap",
    "distrobox",
    "toolbox",
    "at",
    "batch",
    "vagrant",
    "wine",
    "wine64",
    "qemu-arm",
];

/// Programs that start the command behind their own options.
const WRAPPERS: [&str; 18] = [
    "setpriv",
    "nice",
    "ionice",
    "nohup",
    "setsid",
    "timeout",
    "time",
    "stdbuf",
    "taskset",
    "chrt",
    "setarch",
    "strace",
    "ltrace",
    "xargs",
    "watch",
    "unbuffer",
    "prlimit",
    "catchsegv",
];

/// Shells: with what they are told, one can look further.
const SHELLS: [&str; 9] = ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "busybox"];

/// Programs that start others as a file tells them, and whose files nobody here reads.
const STARTERS: [&str; 22] = [
    "make",
    "gmake",
    "bmake",
    "ninja",
    "cmake",
    "ctest",
    "meson",
    "scons",
    "just",
    "task",
    "cargo",
    "npm",
    "npx",
    "node",
    "perl",
    "ruby",
    "tclsh",
    "expect",
    "pio",
    "platformio",
    "gdb",
    "gdb-multiarch",
];

/// Steps from wrappers and scripts to what they start; the kernel follows five scripts.
const DEEPEST: usize = 8;

/// A script that is longer is not read.
const SCRIPT: u64 = 1 << 20;

/// Looks at a command before it starts.
///
/// # Errors
/// It cannot come to the virtual probe, or would come to another.
pub fn look(command: &[OsString], own: Own) -> Result<Looked, Refused> {
    let mut looked = Looked { way: Way::Libusb, starts_others: None, doubts: Vec::new() };
    for word in command.iter().map(|w| w.to_string_lossy()) {
        if names_hardware(&word) {
            let what = format!("`{}` names real hardware, and `dryflash with` rehearses without any", shorten(&word));
            return Err(Refused::new(what, "leave it out"));
        }
    }
    follow(command, own, &mut looked, DEEPEST)?;
    Ok(looked)
}

fn follow(command: &[OsString], own: Own, looked: &mut Looked, left: usize) -> Result<(), Refused> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    if left == 0 {
        return Ok(());
    }
    let name = base(program);
    by_name(&name, arguments, own)?;
    if name == "env" {
        let inner = behind_env(arguments)?;
        return follow(&inner, own, looked, left - 1);
    }
    clients::options(&name, arguments, own)?;
    if let Some((what, instead)) = glasgow::elsewhere(command) {
        return Err(Refused::new(what, instead));
    }
    if clients::way(&name, arguments) == Way::Glasgow {
        looked.way = Way::Glasgow;
    }
    let python = name.starts_with("python") || name.starts_with("pypy");
    if SHELLS.contains(&name.as_str()) || STARTERS.contains(&name.as_str()) || python {
        looked.starts_others.get_or_insert_with(|| name.clone());
    }
    if SHELLS.contains(&name.as_str()) {
        shell_is_told(arguments, own, looked)?;
    }
    if let Some(path) = find(program) {
        by_file(&path, &name, command, own, looked, left)?;
    }
    if WRAPPERS.contains(&name.as_str()) {
        // Its options are its own: the first word that could be run is taken for the command.
        let at = arguments.iter().position(|w| is_command(w));
        if let Some(at) = at {
            return follow(&arguments[at..], own, looked, left - 1);
        }
    }
    Ok(())
}

fn is_command(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    let named = base(word);
    let known = [&RIGHTS[..], &OTHER_USERS, &ELSEWHERE].iter().any(|list| list.contains(&named.as_str()));
    !text.starts_with('-') && (known || find(word).is_some())
}

/// What the name alone tells.
fn by_name(name: &str, arguments: &[OsString], own: Own) -> Result<(), Refused> {
    if RIGHTS.contains(&name) {
        let what = format!("{name} does not hand on what leads a client to the virtual probe: it would find real ones");
        let at = arguments.iter().position(|w| is_command(w) && !is_assignment(&w.to_string_lossy()));
        let before = matches!(name, "sudo" | "sudo-rs" | "doas" | "pkexec" | "run0");
        let rest = at.filter(|_| before).map_or_else(|| "COMMAND".to_owned(), |at| line(&arguments[at..]));
        let instead = match before {
            true => format!("here nothing needs other rights: `{} -- {rest}`", own.line),
            false => format!("give the command itself: `{} -- {rest}`", own.line),
        };
        let root = match name {
            "sudo" | "sudo-rs" | "doas" => format!("; where something does, `{name} {} -- {rest}`", own.line),
            _ => String::new(),
        };
        return Err(Refused::new(what, instead + &root));
    }
    if OTHER_USERS.contains(&name) && becomes_another(name, arguments) {
        let what =
            format!("{name} gives its command another user, who may not reach the virtual probe: it would find none");
        return Err(Refused::new(what, format!("put it before dryflash: `{name} ... {} -- COMMAND`", own.line)));
    }
    if ELSEWHERE.contains(&name) {
        let what = format!("{name} has its command run where the virtual probe is not");
        return Err(Refused::new(what, "run dryflash there, around the flashing command itself"));
    }
    clients::no_way_in(name)
}

/// Whether a program of those goes on as another user here: some only where they are told so.
fn becomes_another(name: &str, arguments: &[OsString]) -> bool {
    let options: &[&str] = match name {
        "setpriv" => &["--reuid", "--ruid", "--euid"],
        "start-stop-daemon" => &["--chuid", "-c", "--chroot", "-r"],
        "chpst" => &["-u", "-U", "-/"],
        "capsh" => &["--user", "--uid", "--chroot"],
        _ => return true,
    };
    arguments.iter().any(|word| {
        let word = word.to_string_lossy();
        options
            .iter()
            .any(|o| word.strip_prefix(o).is_some_and(|rest| rest.is_empty() || rest.starts_with('=') || o.len() == 2))
    })
}

/// What the file tells.
fn by_file(
    path: &Path,
    name: &str,
    command: &[OsString],
    own: Own,
    looked: &mut Looked,
    left: usize,
) -> Result<(), Refused> {
    let shown = path.display();
    match inspect(path) {
        Program::Dynamic | Program::Unknown => Ok(()),
        // These only start others, and hand on what they were given.
        Program::OutOfReach(_) if looked.starts_others.is_some() => Ok(()),
        Program::OutOfReach(why) => Err(Refused::new(
            format!("{shown} cannot be led to the virtual probe: {why}; it would find real ones"),
            format!(
                "a build of {name} that uses the system's libusb works, or another client: `{} -- st-flash ...`",
                own.line
            ),
        )),
        Program::NoFirstLine => Err(Refused::new(
            format!("{shown} has no #! line, so the system does not know what runs it"),
            format!("put sh before it: `{} -- sh {}`", own.line, line(command)),
        )),
        Program::Script(mut words) => {
            // What the kernel makes of it: the interpreter, its word, the script, and its arguments.
            words.push(path.as_os_str().to_owned());
            words.extend(command.iter().skip(1).cloned());
            follow(&words, own, looked, left - 1)
        }
    }
}

/// `env`'s own words, and the command behind them.
fn behind_env(arguments: &[OsString]) -> Result<Vec<OsString>, Refused> {
    let lost = |what: &str| {
        let what = format!("env {what} takes away what leads a client to the virtual probe: it would find real ones");
        Err(Refused::new(what, "leave that out, or set single variables: `env NAME=VALUE COMMAND`"))
    };
    let ours = |name: &str| matches!(name, "LD_PRELOAD" | "DRYFLASH_SOCKET");
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        match text.as_ref() {
            "-i" | "-" | "--ignore-environment" => return lost(&text),
            "-u" | "--unset" => {
                let name = words.next().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
                if ours(&name) {
                    return lost(&format!("{text} {name}"));
                }
            }
            "-C" | "--chdir" => drop(words.next()),
            "-S" | "--split-string" => {
                let split = words.next().map(|w| w.to_string_lossy().into_owned()).unwrap_or_default();
                let split = split.split_whitespace().map(OsString::from);
                return behind_env(&split.chain(words.cloned()).collect::<Vec<_>>());
            }
            _ => {
                if let Some(split) = text.strip_prefix("-S").or_else(|| text.strip_prefix("--split-string=")) {
                    let split = split.split_whitespace().map(OsString::from);
                    return behind_env(&split.chain(words.cloned()).collect::<Vec<_>>());
                }
                let unset = text.strip_prefix("--unset=").or_else(|| text.strip_prefix("-u"));
                if unset.is_some_and(ours) || text.split_once('=').is_some_and(|(name, _)| ours(name)) {
                    return lost(&text);
                }
                // Short options in one word: -i may be among them.
                if text.starts_with('-') && !text.starts_with("--") && text.contains('i') && unset.is_none() {
                    return lost(&text);
                }
                if !text.starts_with('-') && !text.contains('=') {
                    return Ok([word.clone()].into_iter().chain(words.cloned()).collect());
                }
            }
        }
    }
    Ok(Vec::new())
}

/// A shell's `-c` text, which somebody has just written, or its script.
fn shell_is_told(arguments: &[OsString], own: Own, looked: &mut Looked) -> Result<(), Refused> {
    let mut words = arguments.iter().skip_while(|w| w.to_string_lossy().starts_with('-') && !is_c(w));
    let Some(first) = words.next() else { return Ok(()) };
    if !is_c(first) {
        let shown = Path::new(first).display().to_string();
        for (number, what) in script(Path::new(first), own) {
            looked.doubts.push(format!("{shown} line {number}: {what}"));
        }
        return Ok(());
    }
    let Some(text) = words.next() else { return Ok(()) };
    for (_, words) in commands(&text.to_string_lossy()) {
        if let Err(refused) = one(&words, own) {
            return Err(Refused::new(refused.what, "take it out of the shell's words"));
        }
    }
    Ok(())
}

/// `-c`, with other letters perhaps.
fn is_c(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    text.starts_with('-') && !text.starts_with("--") && text.contains('c')
}

/// What of a script would not come to the virtual probe, with lines.
fn script(path: &Path, own: Own) -> Vec<(usize, String)> {
    let mut text = String::new();
    let read = path.is_file() && File::open(path).is_ok_and(|f| f.take(SCRIPT).read_to_string(&mut text).is_ok());
    if !read {
        return Vec::new();
    }
    let found = commands(&text).into_iter();
    found.filter_map(|(number, words)| Some((number, one(&words, own).err()?.what))).collect()
}

/// A single command of a shell, as far as its words tell.
fn one(words: &[String], own: Own) -> Result<(), Refused> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let name = base(program);
    if name.starts_with("LD_PRELOAD=") || name == "unset" && arguments.iter().any(|a| a == "LD_PRELOAD") {
        return Err(Refused::new(
            "it takes LD_PRELOAD away, by which a client finds the virtual probe",
            "leave that out",
        ));
    }
    if name == "env" {
        return behind_env(arguments).map(drop);
    }
    // `time` and the like may be before it.
    if WRAPPERS.contains(&name.as_str())
        && let Some(at) = arguments.iter().position(|w| is_command(w))
    {
        return by_name(&base(&arguments[at]), &arguments[at + 1..], own);
    }
    by_name(&name, arguments, own)?;
    if words.iter().any(|w| names_hardware(&w.to_string_lossy())) && clients::is_one(&name) {
        return Err(Refused::new(format!("{name} is given real hardware"), "leave that out"));
    }
    Ok(())
}

/// A program's name without its folder.
pub fn base(program: &OsStr) -> String {
    PathBuf::from(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

/// Words as a shell takes them.
pub fn line(words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let line = shell::line(words.iter().map(String::as_str));
    // Half of one is no line to copy.
    if line.chars().count() > LONGEST { "COMMAND".to_owned() } else { line }
}

/// The longest command line that is shown.
const LONGEST: usize = 160;

/// Not the whole of a command line that fills the screen.
fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}
