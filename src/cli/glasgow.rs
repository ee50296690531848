//! probe-rs's way in: where `serve` listens for it, and what `with` gives to probe-rs, cargo-embed and cargo-flash.

use super::fronts::{endpoint, listen, only_here};
#[cfg(unix)]
use crate::files::FileError;
use crate::probe::glasgow::{IDS, PORT, Server};
#[cfg(unix)]
use crate::probe::listen::bind;
use crate::probe::owner::Request;
use anyhow::Context;
#[cfg(not(unix))]
use anyhow::bail;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What a place begins with that is a Unix socket.
const UNIX: &str = "unix:";
/// What one may begin with that is a port.
const TCP: &str = "tcp:";

/// probe-rs looks here for the probe to use, cargo-flash too.
const PROBE: &str = "PROBE_RS_PROBE";
/// What would take it elsewhere: a machine, and options of the user's own that win over [`PROBE`].
const ELSEWHERE: [&str; 2] = ["PROBE_RS_REMOTE_HOST", "PROBE_RS_CONFIG_PRESET"];

/// Where to listen, as probe-rs writes it.
#[derive(Clone, Debug)]
pub enum Place {
    /// A port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return if path.is_empty() { Err(format!("a path behind {UNIX}")) } else { Ok(Place::Unix(path.into())) };
        }
        let address = endpoint(text.strip_prefix(TCP).unwrap_or(text));
        address.map(Place::Tcp).map_err(|_| format!("an address such as 127.0.0.1:{PORT}, or {UNIX}PATH"))
    }
}

impl Default for Place {
    fn default() -> Place {
        Place::Tcp((Ipv4Addr::LOCALHOST, PORT).into())
    }
}

/// Listens already, and serves nobody yet.
pub enum Door {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// Serves until dropped.
pub enum Front {
    Tcp(Server<SocketAddr>),
    #[cfg(unix)]
    Unix(Server<PathBuf>),
}

impl Place {
    /// Listens there.
    ///
    /// # Errors
    /// Other machines could reach it and that is not wanted, or it cannot be listened on.
    pub fn listen(&self, anywhere: bool) -> anyhow::Result<Door> {
        match self {
            Place::Tcp(address) => {
                only_here(*address, anywhere)?;
                Ok(Door::Tcp(listen(*address, "--glasgow")?))
            }
            #[cfg(unix)]
            Place::Unix(path) => Ok(Door::Unix(bind(path).map_err(|e| FileError::new(path, e))?)),
            #[cfg(not(unix))]
            Place::Unix(path) => bail!("there are no Unix sockets here for {}; --glasgow takes a port", path.display()),
        }
    }
}

impl Door {
    /// Serves who comes in.
    ///
    /// # Errors
    /// A thread could not be started.
    pub fn serve(self, requests: Sender<Request>) -> anyhow::Result<Front> {
        match self {
            Door::Tcp(door) => Server::start(door, requests).map(Front::Tcp),
            #[cfg(unix)]
            Door::Unix(door) => Server::start(door, requests).map(Front::Unix),
        }
        .context("cannot serve probe-rs")
    }
}

impl Front {
    /// What probe-rs's `--probe` wants.
    pub fn selector(&self) -> String {
        match self {
            Front::Tcp(server) => format!("{IDS}:{TCP}{}", server.place()),
            #[cfg(unix)]
            Front::Unix(server) => format!("{IDS}:{UNIX}{}", server.place().display()),
        }
    }

    /// Waits until no client is there any more, for `limit` at most. Whether none is.
    pub fn wait_for_silence(&self, limit: Duration) -> bool {
        match self {
            Front::Tcp(server) => server.wait_for_silence(limit),
            #[cfg(unix)]
            Front::Unix(server) => server.wait_for_silence(limit),
        }
    }
}

/// The programs that are given a probe on their command line, and whether that is behind a word of their own.
const PROGRAMS: [(&str, bool); 3] = [("probe-rs", true), ("cargo-embed", false), ("cargo-flash", false)];
/// probe-rs's words that take `--probe`.
const WORDS: [&str; 15] = [
    "attach",
    "benchmark",
    "debug",
    "download",
    "erase",
    "gdb",
    "info",
    "itm",
    "profile",
    "read",
    "reset",
    "run",
    "trace",
    "verify",
    "write",
];
/// probe-rs's options that lead to another probe, or may.
const OWN_WAYS: [&str; 3] = ["--probe", "--host", "--preset"];

/// The words of a client, and where its own arguments begin, if it is one of probe-rs's.
fn client(words: &[OsString]) -> Option<(&'static str, usize)> {
    let name = |word: &OsString| {
        let stem = Path::new(word).file_stem()?.to_str()?;
        Some(stem.to_owned())
    };
    let first = name(words.first()?)?;
    if first == "cargo" {
        let toolchain = usize::from(words.get(1).and_then(|w| w.to_str()).is_some_and(|w| w.starts_with('+')));
        let verb = words.get(1 + toolchain)?.to_str()?;
        let (program, _) = PROGRAMS.into_iter().find(|(p, _)| p.strip_prefix("cargo-") == Some(verb))?;
        return Some((program, 2 + toolchain));
    }
    let (program, _) = PROGRAMS.into_iter().find(|(p, _)| *p == first)?;
    // As cargo starts them, their own name comes once more.
    let again = words.get(1).and_then(|w| w.to_str()).is_some_and(|w| program.strip_prefix("cargo-") == Some(w));
    Some((program, 1 + usize::from(again)))
}

/// Whether the command is probe-rs, cargo-embed or cargo-flash itself.
pub fn is_client(words: &[OsString]) -> bool {
    client(words).is_some()
}

/// What of a client of probe-rs's would lead it to another probe than this one, and what to do.
pub fn elsewhere(words: &[OsString]) -> Option<(String, &'static str)> {
    let (program, at) = client(words)?;
    // What is behind `--` is not probe-rs's.
    let own = words[at..].iter().filter_map(|w| w.to_str()).take_while(|w| *w != "--");
    for word in own {
        let option = word.split('=').next().unwrap_or(word);
        if OWN_WAYS.contains(&option) {
            let what = format!("{program} would look elsewhere than at the virtual ESC: {option}");
            return Some((what, "leave it out; `with` says which probe"));
        }
        if program == "probe-rs" && word == "dap-server" {
            let what = "a debugger chooses the probe of `probe-rs dap-server`".to_owned();
            return Some((
                what,
                "start `dryflash serve --glasgow` and put that probe into launch.json (docs/probe.md)",
            ));
        }
    }
    None
}

/// The command with the probe on its command line, where it takes one there: what a project's own files say of a
/// probe (presets, Embed.toml) does not win over that.
pub fn words_with_probe(words: &[OsString], selector: &str) -> Vec<OsString> {
    let mut words = words.to_vec();
    let Some((program, at)) = client(&words) else { return words };
    let place = if program == "probe-rs" {
        let is_word = |w: &OsString| w.to_str().is_some_and(|w| WORDS.contains(&w));
        words[at..].iter().position(is_word).map(|n| at + n + 1)
    } else {
        Some(at)
    };
    if let Some(place) = place {
        words.splice(place..place, ["--probe".into(), selector.into()]);
    }
    words
}

/// Gives the probe to a command and to all that it starts.
pub fn lend(command: &mut Command, selector: &str) {
    command.env(PROBE, selector);
    for variable in ELSEWHERE {
        command.env_remove(variable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    fn given(line: &str) -> String {
        let words = words_with_probe(&words(line), "P");
        words.iter().map(|w| w.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_client_gets_the_probe_where_it_takes_it() {
        assert_eq!(given("probe-rs download --chip X a.elf"), "probe-rs download --probe P --chip X a.elf");
        assert_eq!(
            given("/opt/probe-rs --log-file l read b32 0 1"),
            "/opt/probe-rs --log-file l read --probe P b32 0 1"
        );
        assert_eq!(given("probe-rs chip list"), "probe-rs chip list");
        assert_eq!(given("cargo embed --release"), "cargo embed --probe P --release");
        assert_eq!(given("cargo +nightly flash --chip X"), "cargo +nightly flash --probe P --chip X");
        assert_eq!(given("cargo-embed embed x"), "cargo-embed embed --probe P x");
        assert_eq!(given("sh flash.sh"), "sh flash.sh");
        assert_eq!(given("cargo run --release"), "cargo run --release");
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for line in [
            "probe-rs reset --probe 0483:374b",
            "probe-rs reset --probe=0483:374b",
            "probe-rs --host ws://x reset",
            "cargo flash --preset mine",
            "probe-rs dap-server",
        ] {
            assert!(elsewhere(&words(line)).is_some(), "{line}");
        }
        for line in ["probe-rs reset --chip X", "probe-rs run a.elf -- --probe x", "st-flash --probe"] {
            assert!(elsewhere(&words(line)).is_none(), "{line}");
        }
    }

    #[test]
    fn a_place_is_written_as_probe_rs_has_it() {
        for (text, port) in [("127.0.0.1:5", 5), ("tcp:127.0.0.1:5", 5)] {
            assert!(matches!(text.parse(), Ok(Place::Tcp(a)) if a.port() == port), "{text}");
        }
        assert!(matches!("unix:/a/b".parse(), Ok(Place::Unix(p)) if p == Path::new("/a/b")));
        for text in ["unix:", "localhost", "127.0.0.1:x"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
