//! Commands in words, one line each.

use super::recording::Exchange;
use super::stlink::{COMMAND, half, word};
use crate::chip::names;
use crate::part::Part;

/// Bytes of a block that are shown.
const SHOWN: usize = 8;

/// A command with its data and its reply. Registers have names where the part is known.
pub fn describe(exchange: &Exchange, part: Option<&Part>) -> String {
    let (c, reply) = (&exchange.command, exchange.reply.as_slice());
    let place = |address| named(address, part);
    let value = |at: usize| u32_at(reply, at).map_or_else(|| "nothing".to_owned(), |v| format!("0x{v:08X}"));
    match (c[0], c[1]) {
        (0xF1, _) => format!("version -> {}", version(reply)),
        (0xF3, 0x07) => "leave DFU mode".to_owned(),
        (0xF3, _) => "DFU".to_owned(),
        (0xF4, _) => "SWIM".to_owned(),
        (0xF5, _) => format!("mode -> {}", mode(reply)),
        (0xF7, _) => format!("voltage -> {}", voltage(reply)),
        (0xFB, _) => "version, V3".to_owned(),
        (0xF2, 0x20 | 0x30) => format!("enter {}{}", entered(c[2]), failure(reply)),
        (0xF2, 0x21) => "leave debug mode".to_owned(),
        (0xF2, 0x22) => format!("core id -> {}", value(0)),
        (0xF2, 0x31) => format!("id codes -> {}{}", value(4), failure(reply)),
        (0xF2, 0x32 | 0x03) => format!("reset the system{}", failure(reply)),
        (0xF2, 0x33) => format!("read register {} -> {}{}", core_register(c[2]), value(4), failure(reply)),
        (0xF2, 0x34) => format!("write register {} <- 0x{:08X}{}", core_register(c[2]), word(c, 3), failure(reply)),
        (0xF2, 0x3A) => "read all registers".to_owned(),
        (0xF2, 0x35) => format!("write {} <- 0x{:08X}{}", place(word(c, 2)), word(c, 6), failure(reply)),
        (0xF2, 0x36) => format!("read {} -> {}{}", place(word(c, 2)), value(4), failure(reply)),
        (0xF2, 0x07 | 0x0C | 0x47 | 0x54) => {
            let same = if c[1] == 0x54 { ", address not stepped" } else { "" };
            format!("read {}, {} bytes in {}{same} -> {}", place(word(c, 2)), half(c, 6), width(c[1]), bytes(reply))
        }
        (0xF2, 0x08 | 0x0D | 0x48 | 0x50) => {
            let same = if c[1] == 0x50 { ", address not stepped" } else { "" };
            let data = bytes(&exchange.data);
            format!("write {}, {} bytes in {}{same} <- {data}", place(word(c, 2)), half(c, 6), width(c[1]))
        }
        (0xF2, 0x3B) => format!("status of the last transfer -> {}", status(reply)),
        (0xF2, 0x3E) => match u32_at(reply, 4) {
            Some(at) if !is_ok(reply) => format!("status of the last transfer -> {} at 0x{at:08X}", status(reply)),
            _ => format!("status of the last transfer -> {}", status(reply)),
        },
        (0xF2, 0x3C) => {
            let what = ["low", "high", "pulse"].get(usize::from(c[2])).unwrap_or(&"?");
            format!("NRST {what}{}", failure(reply))
        }
        (0xF2, 0x40) => "SWO on".to_owned(),
        (0xF2, 0x41) => "SWO off".to_owned(),
        (0xF2, 0x42) => "SWO, bytes waiting".to_owned(),
        (0xF2, 0x43) => format!("SWD frequency, divisor {}", half(c, 2)),
        (0xF2, 0x44) => format!("JTAG frequency, divisor {}", half(c, 2)),
        (0xF2, 0x45) => format!("read {} -> {}{}", port(c), value(4), failure(reply)),
        (0xF2, 0x46) => format!("write {} <- 0x{:08X}{}", port(c), word(c, 6), failure(reply)),
        (0xF2, 0x4B) => format!("open AP {}{}", c[2], failure(reply)),
        (0xF2, 0x4C) => format!("close AP {}{}", c[2], failure(reply)),
        (0xF2, 0x51) => format!("batch of {} operations", word(c, 2)),
        (0xF2, 0x52) => format!("results of the batch, {} bytes", reply.len()),
        (0xF2, 0x56) => "board identifiers".to_owned(),
        (0xF2, 0x61) => format!("frequency, {} kHz", word(c, 4)),
        (0xF2, 0x62) => "frequencies".to_owned(),
        (0xF2, 0x63) => "frequency's prescaler".to_owned(),
        _ => format!("{:02x} {:02x} {:02x} -> {}", c[0], c[1], c[2], bytes(reply)),
    }
}

/// An address, with its register's name where it has one.
pub fn named(address: u32, part: Option<&Part>) -> String {
    let plain = format!("0x{address:08X}");
    let Some(part) = part else { return plain };
    let name = names::register(part, address);
    if name == plain { plain } else { format!("{plain} {name}") }
}

/// The name that ST-LINK clients give the core's registers by number.
fn core_register(number: u8) -> String {
    match number {
        13 => "sp".to_owned(),
        14 => "lr".to_owned(),
        15 => "pc".to_owned(),
        16 => "xpsr".to_owned(),
        17 => "msp".to_owned(),
        18 => "psp".to_owned(),
        20 => "control/primask".to_owned(),
        n => format!("r{n}"),
    }
}

const fn entered(how: u8) -> &'static str {
    match how {
        0xA3 => "SWD",
        0xA4 => "JTAG",
        0x00 => "JTAG with reset",
        _ => "an unknown interface",
    }
}

const fn width(opcode: u8) -> &'static str {
    match opcode {
        0x0C | 0x0D => "bytes",
        0x47 | 0x48 => "half-words",
        _ => "words",
    }
}

/// A DP's or AP's register.
fn port(c: &[u8; COMMAND]) -> String {
    let register = half(c, 4);
    match (half(c, 2), register) {
        (0xFFFF, 0x0) => "DP 0x0 (DPIDR, ABORT)".to_owned(),
        (0xFFFF, 0x4) => "DP 0x4 CTRL/STAT".to_owned(),
        (0xFFFF, 0x8) => "DP 0x8 (SELECT)".to_owned(),
        (0xFFFF, 0xC) => "DP 0xC RDBUFF".to_owned(),
        (0xFFFF, _) => format!("DP 0x{register:X}"),
        (ap, 0x00) => format!("AP {ap} CSW"),
        (ap, 0x04) => format!("AP {ap} TAR"),
        (ap, 0x0C) => format!("AP {ap} DRW"),
        (ap, 0x10..=0x1C) => format!("AP {ap} BD{}", (register - 0x10) / 4),
        (ap, 0xF8) => format!("AP {ap} BASE"),
        (ap, 0xFC) => format!("AP {ap} IDR"),
        (ap, _) => format!("AP {ap} 0x{register:X}"),
    }
}

fn version(reply: &[u8]) -> String {
    let Some([a, b]) = reply.first_chunk::<2>() else { return "nothing".to_owned() };
    let packed = u16::from_be_bytes([*a, *b]);
    let ids = match (u16_at(reply, 2), u16_at(reply, 4)) {
        (Some(vendor), Some(product)) => format!(" ({vendor:04x}:{product:04x})"),
        _ => String::new(),
    };
    format!("V{}J{}M{}{ids}", packed >> 12, packed >> 6 & 0x3F, packed & 0x3F)
}

fn mode(reply: &[u8]) -> &'static str {
    match reply.first() {
        Some(0) => "DFU",
        Some(1) => "mass storage",
        Some(2) => "debug",
        Some(3) => "SWIM",
        Some(4) => "bootloader",
        Some(_) => "unknown",
        None => "nothing",
    }
}

fn voltage(reply: &[u8]) -> String {
    match (u32_at(reply, 0), u32_at(reply, 4)) {
        (Some(reference), Some(value)) if reference > 0 => {
            format!("{:.2} V", 2.0 * f64::from(value) * 1.2 / f64::from(reference))
        }
        _ => "nothing".to_owned(),
    }
}

/// Whether a reply that begins with a status says that all is well.
pub fn is_ok(reply: &[u8]) -> bool {
    reply.first() == Some(&0x80)
}

/// A status in words.
pub fn status(reply: &[u8]) -> String {
    let Some(status) = reply.first() else { return "nothing".to_owned() };
    let text = match status {
        0x80 => return "done".to_owned(),
        0x81 => "fault",
        0x01 => "something is wrong with the command",
        0x05 => "no device answers",
        0x0A => "alignment",
        0x0C => "write error",
        0x10 | 0x14 => "wait",
        0x11 => "fault of the access port",
        0x15 => "fault of the debug port",
        0x1D => "no such access port",
        0x40 => "configuration changed",
        0x42 => "no such command",
        _ => "unknown",
    };
    format!("{status:02X} {text}")
}

fn failure(reply: &[u8]) -> String {
    if reply.is_empty() || is_ok(reply) { String::new() } else { format!(" ({})", status(reply)) }
}

fn bytes(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<String> = bytes.iter().take(SHOWN).map(|b| format!("{b:02x}")).collect();
    let more = if bytes.len() > SHOWN { " .." } else { "" };
    format!("{}{more}", shown.join(" "))
}

/// The word at `at`, where there is one.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    fn told(command: &[u8], data: &[u8], reply: &[u8]) -> String {
        let mut padded = [0; COMMAND];
        padded[..command.len()].copy_from_slice(command);
        let exchange = Exchange { at: 0, command: padded, data: data.to_vec(), reply: reply.to_vec(), packet: None };
        describe(&exchange, Some(&part::find("F051").unwrap()))
    }

    #[test]
    fn commands_are_told_in_words() {
        assert_eq!(told(&[0xF1], &[], &[0x29, 0x5B, 0x83, 4, 0x4B, 0x37]), "version -> V2J37M27 (0483:374b)");
        assert_eq!(told(&[0xF7], &[], &[0xD2, 5, 0, 0, 2, 8, 0, 0]), "voltage -> 3.30 V");
        assert_eq!(
            told(&[0xF2, 0x35, 0x10, 0x20, 2, 0x40, 2], &[], &[0x80, 0]),
            "write 0x40022010 FLASH CR <- 0x00000002"
        );
        assert_eq!(
            told(&[0xF2, 0x36, 0xF0, 0xED, 0, 0xE0], &[], &[0x80, 0, 0, 0, 3, 0, 3, 0]),
            "read 0xE000EDF0 DHCSR -> 0x00030003"
        );
        assert_eq!(
            told(&[0xF2, 0x08, 0, 0, 0, 0x20, 4, 0], &[1, 2, 3, 4], &[]),
            "write 0x20000000, 4 bytes in words <- 01 02 03 04"
        );
        assert_eq!(
            told(&[0xF2, 0x3E], &[], &[0x11, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]),
            "status of the last transfer -> 11 fault of the access port at 0x08000000"
        );
        assert_eq!(told(&[0xF2, 0x34, 15, 0, 0, 0, 0x20], &[], &[0x80, 0]), "write register pc <- 0x20000000");
        assert_eq!(told(&[0x99, 1], &[], &[]), "99 01 00 -> nothing");
    }

    #[test]
    fn short_replies_are_no_trouble() {
        for first in 0..=0xFF {
            for second in 0..=0xFF {
                for length in 0..12 {
                    told(&[first, second], &[], &vec![0; length]);
                }
            }
        }
    }
}
