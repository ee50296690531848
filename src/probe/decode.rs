//! Commands in words, one line each.

use super::recording::{Entry, Exchange};
use super::stlink::command::{DEBUG_PORT, Interface, Nrst, Transfer, Unit};
use super::stlink::{Command, Mode, Status};
use crate::chip::names;
use crate::cpu::debug::regsel;
use crate::part::Part;

/// Bytes of a block that are shown.
const SHOWN: usize = 8;

/// What a client did. Registers have names where the part is known.
pub fn told(entry: &Entry, part: Option<&Part>) -> String {
    match entry {
        Entry::Exchange(exchange) => describe(exchange, part),
        Entry::Operation(done) => done.describe(part),
    }
}

/// A command with its data and its reply. Registers have names where the part is known.
pub fn describe(exchange: &Exchange, part: Option<&Part>) -> String {
    let reply = exchange.reply.as_slice();
    let place = |address| named(address, part);
    let value = |at: usize| u32_at(reply, at).map_or_else(|| "nothing".to_owned(), |v| format!("0x{v:08X}"));
    let block = |t: Transfer| {
        let same = if t.unit.increments() { "" } else { ", address not stepped" };
        format!("{}, {} bytes in {}{same}", place(t.address), t.length, unit(t.unit))
    };
    match Command::decode(&exchange.command) {
        Command::GetVersion => format!("version -> {}", version(reply)),
        Command::DfuExit => "leave DFU mode".to_owned(),
        Command::Dfu(_) => "DFU".to_owned(),
        Command::Swim(_) => "SWIM".to_owned(),
        Command::GetCurrentMode => format!("mode -> {}", mode(reply)),
        Command::GetTargetVoltage => format!("voltage -> {}", voltage(reply)),
        Command::GetVersionEx => "version, V3".to_owned(),
        Command::ApiV1Enter(interface) | Command::Enter(interface) => {
            format!("enter {}{}", entered(interface), failure(reply))
        }
        Command::Exit => "leave debug mode".to_owned(),
        Command::ReadCoreId => format!("core id -> {}", value(0)),
        Command::ReadIdCodes => format!("id codes -> {}{}", value(4), failure(reply)),
        Command::ResetSys | Command::ApiV1ResetSys => format!("reset the system{}", failure(reply)),
        Command::ReadReg(register) => {
            format!("read register {} -> {}{}", core_register(register), value(4), failure(reply))
        }
        Command::WriteReg { register, value } => {
            format!("write register {} <- 0x{value:08X}{}", core_register(register), failure(reply))
        }
        Command::ReadAllRegs => "read all registers".to_owned(),
        Command::WriteDebugReg { address, value } => {
            format!("write {} <- 0x{value:08X}{}", place(address), failure(reply))
        }
        Command::ReadDebugReg(address) => format!("read {} -> {}{}", place(address), value(4), failure(reply)),
        Command::ReadMem(transfer) => format!("read {} -> {}", block(transfer), bytes(reply)),
        Command::WriteMem(transfer) => format!("write {} <- {}", block(transfer), bytes(&exchange.data)),
        Command::GetLastRwStatus => format!("status of the last transfer -> {}", status(reply)),
        Command::GetLastRwStatus2 => match u32_at(reply, 4) {
            Some(at) if !is_ok(reply) => format!("status of the last transfer -> {} at 0x{at:08X}", status(reply)),
            _ => format!("status of the last transfer -> {}", status(reply)),
        },
        Command::DriveNrst(how) => format!("NRST {}{}", driven(how), failure(reply)),
        Command::StartTraceRx { .. } => "SWO on".to_owned(),
        Command::StopTraceRx => "SWO off".to_owned(),
        Command::GetTraceNb => "SWO, bytes waiting".to_owned(),
        Command::SwdSetFreq(divisor) => format!("SWD frequency, divisor {divisor}"),
        Command::JtagSetFreq(divisor) => format!("JTAG frequency, divisor {divisor}"),
        Command::ReadDapReg { port: of, register } => {
            format!("read {} -> {}{}", port(of, register), value(4), failure(reply))
        }
        Command::WriteDapReg { port: of, register, value } => {
            format!("write {} <- 0x{value:08X}{}", port(of, register), failure(reply))
        }
        Command::InitAp(ap) => format!("open AP {ap}{}", failure(reply)),
        Command::CloseApDbg(ap) => format!("close AP {ap}{}", failure(reply)),
        Command::RwMiscOut(operations) => format!("batch of {operations} operations"),
        Command::RwMiscIn => format!("results of the batch, {} bytes", reply.len()),
        Command::GetBoardIdentifiers => "board identifiers".to_owned(),
        Command::SetComFreq { khz, .. } => format!("frequency, {khz} kHz"),
        Command::GetComFreq { .. } => "frequencies".to_owned(),
        Command::ComFreqPrescaler(_) => "frequency's prescaler".to_owned(),
        Command::Unknown(c) => format!("{:02x} {:02x} {:02x} -> {}", c[0], c[1], c[2], bytes(reply)),
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
pub(super) fn core_register(number: u8) -> String {
    match number {
        regsel::SP => "sp".to_owned(),
        regsel::LR => "lr".to_owned(),
        regsel::PC => "pc".to_owned(),
        regsel::XPSR => "xpsr".to_owned(),
        regsel::MSP => "msp".to_owned(),
        regsel::PSP => "psp".to_owned(),
        regsel::CONTROL_PRIMASK => "control/primask".to_owned(),
        n => format!("r{n}"),
    }
}

const fn entered(interface: Interface) -> &'static str {
    match interface {
        Interface::Swd => "SWD",
        Interface::Jtag => "JTAG",
        Interface::JtagReset => "JTAG with reset",
        Interface::Unknown(_) => "an unknown interface",
    }
}

const fn driven(how: Nrst) -> &'static str {
    match how {
        Nrst::Low => "low",
        Nrst::High => "high",
        Nrst::Pulse => "pulse",
        Nrst::Unknown(_) => "?",
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "bytes",
        Unit::HalfWords => "half-words",
        Unit::Words | Unit::WordsNoIncrement => "words",
    }
}

/// A DP's or AP's register.
fn port(port: u16, register: u16) -> String {
    match (port, register) {
        (DEBUG_PORT, 0x0) => "DP 0x0 (DPIDR, ABORT)".to_owned(),
        (DEBUG_PORT, 0x4) => "DP 0x4 CTRL/STAT".to_owned(),
        (DEBUG_PORT, 0x8) => "DP 0x8 (SELECT)".to_owned(),
        (DEBUG_PORT, 0xC) => "DP 0xC RDBUFF".to_owned(),
        (DEBUG_PORT, _) => format!("DP 0x{register:X}"),
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
        Some(code) => Mode::from_code(*code).map_or("unknown", Mode::text),
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
    Status::Ok.begins(reply)
}

/// A status in words.
pub fn status(reply: &[u8]) -> String {
    let Some(code) = reply.first() else { return "nothing".to_owned() };
    match Status::from_code(*code) {
        Some(Status::Ok) => Status::Ok.text().to_owned(),
        status => format!("{code:02X} {}", status.map_or("unknown", Status::text)),
    }
}

fn failure(reply: &[u8]) -> String {
    if reply.is_empty() || is_ok(reply) { String::new() } else { format!(" ({})", status(reply)) }
}

pub(super) fn bytes(bytes: &[u8]) -> String {
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

    fn words(command: &[u8], data: &[u8], reply: &[u8]) -> String {
        let command = Command::of(command).encode();
        let exchange = Exchange { at: 0, command, data: data.to_vec(), reply: reply.to_vec(), packet: None };
        describe(&exchange, Some(&part::find("F051").unwrap()))
    }

    #[test]
    fn commands_are_told_in_words() {
        assert_eq!(words(&[0xF1], &[], &[0x29, 0x5B, 0x83, 4, 0x4B, 0x37]), "version -> V2J37M27 (0483:374b)");
        assert_eq!(words(&[0xF7], &[], &[0xD2, 5, 0, 0, 2, 8, 0, 0]), "voltage -> 3.30 V");
        assert_eq!(
            words(&[0xF2, 0x35, 0x10, 0x20, 2, 0x40, 2], &[], &[0x80, 0]),
            "write 0x40022010 FLASH CR <- 0x00000002"
        );
        assert_eq!(
            words(&[0xF2, 0x36, 0xF0, 0xED, 0, 0xE0], &[], &[0x80, 0, 0, 0, 3, 0, 3, 0]),
            "read 0xE000EDF0 DHCSR -> 0x00030003"
        );
        assert_eq!(
            words(&[0xF2, 0x08, 0, 0, 0, 0x20, 4, 0], &[1, 2, 3, 4], &[]),
            "write 0x20000000, 4 bytes in words <- 01 02 03 04"
        );
        assert_eq!(
            words(&[0xF2, 0x3E], &[], &[0x11, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]),
            "status of the last transfer -> 11 fault of the access port at 0x08000000"
        );
        assert_eq!(words(&[0xF2, 0x34, 15, 0, 0, 0, 0x20], &[], &[0x80, 0]), "write register pc <- 0x20000000");
        assert_eq!(words(&[0x99, 1], &[], &[]), "99 01 00 -> nothing");
    }

    #[test]
    fn short_replies_are_no_trouble() {
        for first in 0..=0xFF {
            for second in 0..=0xFF {
                for length in 0..12 {
                    words(&[first, second], &[], &vec![0; length]);
                }
            }
        }
    }
}
