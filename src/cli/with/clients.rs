//! What is known of single clients: whether they come to the virtual probe at all, and which of their options would lead
//! them past it.

use super::refuse::{Own, Refused, Way};
use crate::probe::usb::SERIAL;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Clients that have no way to a probe that is not on the system's USB.
const NO_WAY_IN: [&str; 10] = [
    "STM32_Programmer_CLI",
    "STM32_Programmer.sh",
    "STM32CubeProgrammer",
    "ST-LINK_CLI",
    "ST-LINK_CLI.exe",
    "ST-LINK_gdbserver",
    "JLinkExe",
    "JLinkGDBServer",
    "JLinkGDBServerCLExe",
    "JFlashLiteExe",
];

/// Clients by their name, for a script's lines.
const KNOWN: [&str; 9] =
    ["st-flash", "st-info", "st-util", "openocd", "pyocd", "blackmagic", "probe-rs", "stm32flash", "dfu-util"];

/// Whether a name is a client's.
pub fn is_one(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// How a client comes to the virtual probe.
pub fn way(name: &str, arguments: &[OsString]) -> Way {
    let sub = arguments.iter().find(|a| !a.to_string_lossy().starts_with(['-', '+']));
    let cargo = name == "cargo" && sub.is_some_and(|s| s == "embed" || s == "flash");
    if matches!(name, "probe-rs" | "cargo-embed" | "cargo-flash") || cargo { Way::Glasgow } else { Way::Libusb }
}

/// Refuses clients that never come to it.
///
/// # Errors
/// It is one.
pub fn no_way_in(name: &str) -> Result<(), Refused> {
    if !NO_WAY_IN.contains(&name) {
        return Ok(());
    }
    let what = format!("{name} has no way to a virtual probe: it would look for real ones");
    Err(Refused::new(what, "rehearse with st-flash, OpenOCD or pyOCD, or ask `dryflash check` about the files"))
}

/// Refuses options that would lead a client to another probe.
///
/// # Errors
/// There is one.
pub fn options(name: &str, arguments: &[OsString], own: Own) -> Result<(), Refused> {
    let words: Vec<String> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match name {
        "openocd" => openocd(&words, own),
        "st-flash" | "st-info" | "st-util" => each(&words, &["--serial"], |v| serial(name, "--serial", v)),
        "pyocd" => each(&words, &["-u", "--uid", "--probe"], pyocd),
        "blackmagic" => {
            each(&words, &["-s"], |v| serial(name, "-s", v))?;
            each(&words, &["-d"], |v| {
                let what = format!("blackmagic -d {v} names a probe of its own, not the virtual one");
                Err(Refused::new(what, "leave -d out"))
            })
        }
        _ => Ok(()),
    }
}

/// The values of options, given as the next word, behind `=`, or (short ones) in the same word.
fn each(words: &[String], names: &[&str], mut value: impl FnMut(&str) -> Result<(), Refused>) -> Result<(), Refused> {
    for (at, word) in words.iter().enumerate() {
        for name in names {
            let Some(rest) = word.strip_prefix(name) else { continue };
            let given = match rest.strip_prefix('=') {
                Some(joined) => Some(joined),
                None if rest.is_empty() => words.get(at + 1).map(String::as_str),
                None if name.len() == 2 => Some(rest),
                None => None,
            };
            if let Some(given) = given {
                value(given)?;
            }
        }
    }
    Ok(())
}

fn serial(client: &str, option: &str, value: &str) -> Result<(), Refused> {
    if value.eq_ignore_ascii_case(SERIAL) {
        return Ok(());
    }
    let what =
        format!("{client} {option} {value} names another probe than the virtual one, whose serial number is {SERIAL}");
    Err(Refused::new(what, format!("leave {option} out")))
}

/// `-u [PLUGIN:]ID`, where a piece of the id is enough.
fn pyocd(value: &str) -> Result<(), Refused> {
    let (plugin, id) = value.split_once(':').unwrap_or(("stlink", value));
    if plugin == "stlink" && SERIAL.contains(&id.to_ascii_uppercase()) {
        return Ok(());
    }
    let what = format!("pyocd's probe {value} is another than the virtual one, whose id is {SERIAL}");
    Err(Refused::new(what, "leave that option out"))
}

/// A configuration file that is longer is not read.
const CONFIG: u64 = 1 << 20;

fn openocd(words: &[String], own: Own) -> Result<(), Refused> {
    let mut told = false;
    each(words, &["-f", "--file"], |file| {
        told = true;
        interface(file)?;
        config(Path::new(file), own)
    })?;
    each(words, &["-c", "--command"], |text| {
        told = true;
        tcl(text, own)
    })?;
    if !told {
        config(Path::new("openocd.cfg"), own)?;
    }
    Ok(())
}

/// A file of one's own; OpenOCD's are known by their names.
fn config(path: &Path, own: Own) -> Result<(), Refused> {
    let mut text = String::new();
    let read = path.is_file() && File::open(path).is_ok_and(|f| f.take(CONFIG).read_to_string(&mut text).is_ok());
    if read { tcl(&text, own) } else { Ok(()) }
}

const OPENOCD: &str = "take -f interface/stlink.cfg, by which OpenOCD finds the virtual probe";

fn interface(file: &str) -> Result<(), Refused> {
    let Some((_, name)) = file.rsplit_once("interface/") else { return Ok(()) };
    if name.starts_with("stlink") {
        return Ok(());
    }
    Err(Refused::new(format!("OpenOCD's {file} is for another probe than the virtual ST-LINK"), OPENOCD))
}

/// Drivers that come to the virtual probe, or to none.
const DRIVERS: [&str; 4] = ["hla", "st-link", "stlink", "dummy"];

/// OpenOCD's commands, as far as they choose a probe.
fn tcl(text: &str, own: Own) -> Result<(), Refused> {
    for command in text.split([';', '\n']).map(str::trim).filter(|c| !c.starts_with('#')) {
        let plain = |w: &str| w.trim_matches(['[', ']', '{', '}', '"']).to_owned();
        let words: Vec<String> = command.split_whitespace().map(plain).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["adapter", "driver", driver, ..] | ["interface" | "adapter_driver", driver, ..]
                if !DRIVERS.contains(driver) =>
            {
                let what = format!("OpenOCD's adapter driver {driver} is for another probe than the virtual ST-LINK");
                return Err(Refused::new(what, OPENOCD));
            }
            ["source", "find", file, ..] | ["source", file, ..] => interface(file)?,
            ["adapter", "serial", id, ..] | ["hla_serial" | "adapter_serial", id, ..] => {
                serial("OpenOCD's", "adapter serial", id)?;
            }
            ["hla_stlink_backend", "tcp", port, ..]
            | ["hla", "stlink_backend", "tcp", port, ..]
            | ["st-link", "backend", "tcp", port, ..] => tcp(port, own)?,
            _ => {}
        }
    }
    Ok(())
}

/// A stlink-server's port: only the one that `with` serves itself is known to be no real probe's.
fn tcp(port: &str, own: Own) -> Result<(), Refused> {
    if own.tcp.is_some_and(|address| port.parse() == Ok(address.port())) {
        return Ok(());
    }
    let what = format!("a stlink-server at port {port} may have a real probe");
    Err(Refused::new(what, format!("`{} --tcp 127.0.0.1:{port} -- ...` is the virtual one there", own.line)))
}
