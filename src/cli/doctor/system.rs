//! What the system offers: a place for the stand-in, namespaces, USB/IP, ports.

use super::linked;
use crate::cli::stand_in::StandIn;
use crate::cli::with;
use crate::probe::{glasgow, tcp};
use crate::report::doctor::{Here, Port};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Looks at all of it.
pub fn look() -> Vec<Here> {
    vec![stand_in(), namespaces(), usbip()]
}

/// The ports of `serve`.
pub fn ports() -> Vec<Port> {
    [("--tcp", tcp::PORT), ("--glasgow", glasgow::PORT), ("--usbip", 3240), ("--gdb", 3333)]
        .into_iter()
        .map(|(option, port)| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Port { address, option, free: TcpListener::bind(address).is_ok() }
        })
        .collect()
}

/// The stand-in for libusb, and the folder that it is put into: that of `with` and `serve --socket`.
fn stand_in() -> Here {
    let (good, told, advice) = match StandIn::prepare(None) {
        Ok(made) => {
            let place = made.place().display();
            let passed = made.passed_over().join("; ");
            let told = match passed.is_empty() {
                true => format!("goes into {place}"),
                false => format!("goes into {place}, not into {passed}"),
            };
            (true, told, String::new())
        }
        Err(error) => (false, format!("{error:#}"), String::new()),
    };
    Here { name: "libusb stand-in", needed: true, good, told, advice }
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
