//! What the system offers: a place for the stand-in, namespaces, USB/IP, ports.

use super::linked;
use crate::cli::stand_in::StandIn;
use crate::cli::with;
use crate::probe::tcp;
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest path of a Unix socket on Linux, without the zero behind it (unix(7)).
const LONGEST_SOCKET: usize = 107;
/// What the stand-in's folder and socket add to the temporary folder.
const SOCKET: &str = "/dryflash-abcdef/probe.sock";

/// Something that was looked at.
#[derive(Debug, Serialize)]
pub struct Here {
    /// What.
    pub name: &'static str,
    /// `dryflash with` does not work without it.
    pub needed: bool,
    /// It is as it should be.
    pub good: bool,
    /// What was seen.
    pub told: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// A port that a verb opens where none is named.
#[derive(Debug, Serialize)]
pub struct Port {
    /// Where.
    pub address: SocketAddr,
    /// For which option of `serve`.
    pub option: &'static str,
    /// Nobody listens there.
    pub free: bool,
}

/// Looks at all of it.
pub fn look() -> Vec<Here> {
    let folder = std::env::temp_dir();
    vec![stand_in(&folder), namespaces(), usbip()]
}

/// The ports of `serve`.
pub fn ports() -> Vec<Port> {
    [("--tcp", tcp::PORT), ("--usbip", 3240), ("--gdb", 3333)]
        .into_iter()
        .map(|(option, port)| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Port { address, option, free: TcpListener::bind(address).is_ok() }
        })
        .collect()
}

/// The stand-in for libusb, and the folder that it is put into.
fn stand_in(folder: &Path) -> Here {
    let (good, told, advice) = match unfit(folder) {
        Some((told, advice)) => (false, told, advice.to_owned()),
        None => match StandIn::prepare(None) {
            Ok(_) => (true, format!("goes into {}", folder.display()), String::new()),
            Err(error) => (false, format!("{error:#}"), String::new()),
        },
    };
    Here { name: "libusb stand-in", needed: true, good, told, advice }
}

/// Why the stand-in cannot be loaded from this folder, and what to do.
fn unfit(folder: &Path) -> Option<(String, &'static str)> {
    const ADVICE: &str = "set TMPDIR to another folder, such as /tmp";
    let name = folder.to_string_lossy();
    if name.contains([' ', ':', '\t', '\n']) {
        return Some((
            format!("the temporary folder {name} has a blank or a colon, at which LD_PRELOAD splits"),
            ADVICE,
        ));
    }
    if name.len() + SOCKET.len() > LONGEST_SOCKET {
        return Some((format!("the temporary folder {name} is too long for a socket"), ADVICE));
    }
    if !folder.is_dir() {
        return Some((format!("the temporary folder {name} does not exist"), ADVICE));
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let place = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    noexec(&mounts, &place).then(|| (format!("the temporary folder {name} is mounted noexec"), ADVICE))
}

/// Whether a folder lies on a file system from which nothing can be loaded (proc(5), `mounts`).
fn noexec(mounts: &str, folder: &Path) -> bool {
    let lines = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let at = PathBuf::from(words.next()?.replace("\\040", " "));
        Some((at, words.nth(1)?.split(',').any(|o| o == "noexec")))
    });
    let over = lines.filter(|(at, _)| folder.starts_with(at));
    // Of two mounts at one place, the later one is seen.
    over.max_by_key(|(at, _)| at.components().count()).is_some_and(|(_, noexec)| noexec)
}

/// Whether the kernel lets one hide real probes from what one starts.
fn namespaces() -> Here {
    // A command that is never started: only what the kernel says counts.
    let (good, told) = match with::conceal(&mut Command::new("true")) {
        true => (true, "real probes can be hidden from what `with` starts".to_owned()),
        false => (false, format!("not allowed{}: real probes cannot be hidden from what `with` starts", reason())),
    };
    Here { name: "namespaces", needed: false, good, told, advice: String::new() }
}

/// Which setting of the kernel forbids it, where one does.
fn reason() -> &'static str {
    let says = |path: &str, value: &str| std::fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        " (kernel.unprivileged_userns_clone is 0)"
    } else if says("/proc/sys/user/max_user_namespaces", "0") {
        " (user.max_user_namespaces is 0)"
    } else if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        " (kernel.apparmor_restrict_unprivileged_userns is 1)"
    } else {
        ""
    }
}

/// What `serve --usbip` wants on the other side.
fn usbip() -> Here {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = PathBuf::from("/lib/modules").join(release.trim());
    let listed = |file: &str| std::fs::read_to_string(modules.join(file)).is_ok_and(|t| t.contains("vhci-hcd"));
    let loaded = Path::new("/sys/module/vhci_hcd").exists();
    let there = loaded || listed("modules.dep") || listed("modules.builtin");
    let tool = linked::on_path("usbip").is_some();
    let told = match (there, tool) {
        (true, true) if loaded => "vhci-hcd is loaded, usbip is installed",
        (true, true) => "vhci-hcd is there and not loaded, usbip is installed",
        (true, false) => "vhci-hcd is there, the command usbip is not installed",
        (false, _) => "this kernel has no vhci-hcd, so `serve --usbip` serves other machines only",
    };
    let advice = if there && tool && !loaded { "modprobe vhci-hcd, as root" } else { "" };
    Here { name: "USB/IP", needed: false, good: there && tool, told: told.to_owned(), advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_do_not_fit() {
        let why = |folder: &str| unfit(Path::new(folder)).map(|(told, _)| told).unwrap_or_default();
        assert!(why("/tmp/a b").contains("blank"), "{}", why("/tmp/a b"));
        assert!(why("/tmp/a:b").contains("colon"));
        assert!(why(&format!("/tmp/{}", "x".repeat(80))).contains("too long"));
        assert!(why("/nowhere/at/all").contains("does not exist"));
    }

    #[test]
    fn mounts_without_programs() {
        let mounts =
            "root / ext4 rw 0 0\ntmpfs /tmp tmpfs rw,nosuid,noexec 0 0\ntmpfs /tmp/with\\040blank tmpfs rw 0 0\n";
        for (folder, expected) in
            [("/tmp", true), ("/tmp/x", true), ("/tmpx", false), ("/tmp/with blank/x", false), ("/", false)]
        {
            assert_eq!(noexec(mounts, Path::new(folder)), expected, "{folder}");
        }
    }
}
