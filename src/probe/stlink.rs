//! The probe's firmware: a command of 16 bytes, with data where it has some, becomes a reply.
//!
//! What the commands are is public in the drivers that send them: OpenOCD's `stlink_usb.c`, stlink-tools' `usb.c`,
//! pyOCD's `stlink.py`. Nothing that a client sends is an error here: what is malformed gets the status that the
//! firmware has for it, and a reply of the length that its client waits for.

mod memory;
#[cfg(test)]
mod tests;

use super::dap::{Dap, DapFault};
use super::target::Target;
use crate::bus::Width;
use crate::chip::Chip;
use crate::time::Time;

/// Bytes of a command.
pub const COMMAND: usize = 16;

/// Virtual time that a running core gets after each command: as long as st-flash sleeps between two polls. Time, not
/// cycles: flash takes as long at every clock, and so a client polls as often.
const SHARE: Time = Time::from_millis(10);

const AIRCR: u32 = 0xE000_ED0C;
const SYSRESETREQ: u32 = 0x05FA_0004;

/// Access ports that the firmware opens, whether the chip has them or not: one that is absent reads 0. Seen on an
/// STM32F205 (probe-rs issue 3075), an L452 and an F103 (pyOCD issues 1329, 1523); Black Magic's source has the limit.
const ACCESS_PORTS: u16 = 8;

/// The port number that stands for the DP in commands for DAP registers.
const DP: u16 = 0xFFFF;

/// What the firmware says of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0x80,
    /// Something is wrong with the command.
    Unknown = 0x01,
    /// Nobody answers at the debug port.
    NoDevice = 0x05,
    /// Address or length is no multiple of the width.
    Alignment = 0x0A,
    /// The access port reports a fault.
    ApFault = 0x11,
    /// The debug port reports a fault.
    DpFault = 0x15,
    /// There is no such access port.
    BadAp = 0x1D,
    /// There is no such command.
    NoCommand = 0x42,
}

/// Which probe it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Model {
    /// ST-LINK/V2-1 with firmware V2J37M27.
    #[default]
    V2,
    /// STLINK-V3 with firmware V3J13M3.
    V3,
}

impl Model {
    /// USB vendor.
    pub const VENDOR: u16 = 0x0483;

    /// USB product.
    pub const fn product(self) -> u16 {
        match self {
            Model::V2 => 0x374B,
            Model::V3 => 0x374E,
        }
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Model::V2 => "ST-LINK/V2-1, V2J37M27",
            Model::V3 => "STLINK-V3, V3J13M3",
        }
    }

    /// Generation, JTAG and mass-storage version.
    const fn version(self) -> (u8, u8, u8) {
        match self {
            Model::V2 => (2, 37, 27),
            Model::V3 => (3, 13, 3),
        }
    }

    const fn longest_in_bytes(self) -> usize {
        match self {
            Model::V2 => 64,
            Model::V3 => 512,
        }
    }

    /// Operations in a batch.
    const fn longest_batch(self) -> usize {
        match self {
            Model::V2 => 64,
            Model::V3 => 1227,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    MassStorage = 1,
    Debug = 2,
}

/// The probe, with a chip at its end.
pub struct StLink {
    model: Model,
    mode: Mode,
    /// The chip's debug side.
    pub target: Target,
    dap: Dap,
    /// Of the last memory transfer.
    last: Status,
    fault_address: u32,
    /// What the last batch came to.
    batch: Vec<u8>,
    /// kHz, of the V3.
    frequency: u32,
}

impl StLink {
    /// A probe that was just plugged in, at a powered chip.
    pub fn new(chip: Chip, model: Model) -> StLink {
        StLink {
            model,
            mode: Mode::MassStorage,
            target: Target::new(chip),
            dap: Dap::default(),
            last: Status::Ok,
            fault_address: 0,
            batch: Vec::new(),
            frequency: FREQUENCIES[0],
        }
    }

    /// Which probe it is.
    pub const fn model(&self) -> Model {
        self.model
    }

    /// Where an access through a data register of AP 0 would go, and whether the next one would go further.
    pub(super) const fn dap_place(&self, register: u16) -> (u32, bool) {
        self.dap.place(register as u32)
    }

    /// How the last memory transfer ended: what commands 3B and 3E tell.
    pub const fn last_status(&self) -> Status {
        self.last
    }

    /// How many bytes of data follow a command.
    pub fn data_length(command: &[u8]) -> usize {
        let c = padded(command);
        match (c[0], c[1]) {
            (0xF2, 0x08 | 0x0D | 0x48 | 0x50) => usize::from(half(&c, 6)),
            (0xF2, 0x51) => memory::batch_length(word(&c, 2)),
            _ => 0,
        }
    }

    /// Carries out a command; the core runs on for its share afterwards. Commands without a reply give none.
    pub fn command(&mut self, command: &[u8], data: &[u8]) -> Vec<u8> {
        let c = padded(command);
        let reply = match c[0] {
            0xF1 => self.version(),
            0xF2 => self.debug(&c, data),
            0xF3 if c[1] == 0x07 => {
                self.mode = Mode::MassStorage;
                Vec::new()
            }
            0xF5 => vec![self.mode as u8, 0],
            // 2 * 2050 * 1.2 V / 1490 = 3.3 V.
            0xF7 => words(&[1490, 2050]),
            0xFB if self.model == Model::V3 => self.version_v3(),
            _ => status(Status::NoCommand),
        };
        self.target.run_for(SHARE);
        reply
    }

    fn version(&self) -> Vec<u8> {
        let (v, jtag, storage) = self.model.version();
        let packed = match self.model {
            Model::V2 => u16::from(v) << 12 | u16::from(jtag) << 6 | u16::from(storage),
            // The rest is told by FB.
            Model::V3 => u16::from(v) << 12,
        };
        let mut reply = packed.to_be_bytes().to_vec();
        self.push_ids(&mut reply);
        reply
    }

    fn version_v3(&self) -> Vec<u8> {
        let (v, jtag, storage) = self.model.version();
        let mut reply = vec![v, 0, jtag, storage, 0, 0, 0, 0];
        self.push_ids(&mut reply);
        reply
    }

    fn push_ids(&self, reply: &mut Vec<u8>) {
        reply.extend(Model::VENDOR.to_le_bytes());
        reply.extend(self.model.product().to_le_bytes());
    }

    /// The commands that begin with F2.
    fn debug(&mut self, c: &[u8; COMMAND], data: &[u8]) -> Vec<u8> {
        match c[1] {
            0x21 => {
                self.mode = Mode::MassStorage;
                return Vec::new();
            }
            0x30 => return status(self.enter(c[2])),
            0x3B => return status(self.last),
            // A real V2J16 tells no address after success: 300 of 300 replies in public captures (karlp/swopy).
            0x3E => {
                let address = if self.last == Status::Ok { 0 } else { self.fault_address };
                let mut reply = vec![self.last as u8, 0, 0, 0];
                reply.extend(words(&[address, 0]));
                return reply;
            }
            0x3C => return status(self.drive_reset(c[2])),
            // There is no trace port: SWO stays empty.
            0x40 | 0x41 => return status(Status::Ok),
            0x42 => return vec![0, 0],
            0x43 | 0x44 if self.model == Model::V2 => return status(Status::Ok),
            0x52 => return std::mem::take(&mut self.batch),
            0x56 => {
                let mut reply = status(Status::Ok);
                reply.resize(128, 0);
                return reply;
            }
            0x61..=0x63 if self.model == Model::V3 => return self.frequency(c),
            _ => {}
        }
        let Some(length) = reply_length(c) else { return status(Status::NoCommand) };
        if self.mode != Mode::Debug || !self.target.is_reachable() {
            return self.refuse(c, length);
        }
        let mut reply = self.at_target(c, data);
        reply.resize(length, 0);
        reply
    }

    /// What a command gets while no chip is connected.
    fn refuse(&mut self, c: &[u8; COMMAND], length: usize) -> Vec<u8> {
        let mut reply = vec![0; length];
        if memory::is_transfer(c[1]) {
            self.last = Status::NoDevice;
            self.fault_address = word(c, 2);
        } else if let Some(first) = reply.first_mut() {
            *first = Status::NoDevice as u8;
        }
        reply
    }

    fn at_target(&mut self, c: &[u8; COMMAND], data: &[u8]) -> Vec<u8> {
        let dpidr = self.target.chip.part().identity.dpidr;
        match c[1] {
            0x22 => words(&[dpidr]),
            0x31 => [ok_word().as_slice(), &words(&[dpidr])].concat(),
            0x32 => {
                let result = self.target.write(AIRCR, Width::Word, SYSRESETREQ);
                status(if result.is_ok() { Status::Ok } else { Status::ApFault })
            }
            0x33 => [ok_word().as_slice(), &words(&[self.target.register(u32::from(c[2]))])].concat(),
            0x34 => {
                self.target.set_register(u32::from(c[2]), word(c, 3));
                status(Status::Ok)
            }
            0x3A => {
                let all: Vec<u32> = (0..=20).map(|n| self.target.register(n)).collect();
                [ok_word().as_slice(), &words(&all)].concat()
            }
            0x45 => {
                let (result, value) = match self.read_dap(half(c, 2), half(c, 4)) {
                    Ok(value) => (Status::Ok, value),
                    Err(failed) => (failed, 0),
                };
                [[result as u8, 0, 0, 0].as_slice(), &words(&[value])].concat()
            }
            0x46 => status(self.write_dap(half(c, 2), half(c, 4), word(c, 6)).err().unwrap_or(Status::Ok)),
            0x4B | 0x4C => status(if u16::from(c[2]) < ACCESS_PORTS { Status::Ok } else { Status::BadAp }),
            _ => self.transfer(c, data),
        }
    }

    /// A3 is SWD; these chips have no JTAG.
    fn enter(&mut self, how: u8) -> Status {
        if how != 0xA3 || !self.target.is_reachable() {
            return Status::NoDevice;
        }
        self.mode = Mode::Debug;
        self.dap.power_up();
        Status::Ok
    }

    fn drive_reset(&mut self, how: u8) -> Status {
        match how {
            0 => self.target.set_nrst(false),
            1 => self.target.set_nrst(true),
            2 => {
                self.target.set_nrst(false);
                self.target.set_nrst(true);
            }
            _ => return Status::Unknown,
        }
        Status::Ok
    }

    fn read_dap(&mut self, port: u16, register: u16) -> Result<u32, Status> {
        match port {
            DP => Ok(self.dap.read_dp(u32::from(register), &self.target)),
            0 => self.dap.read_ap(u32::from(register), &mut self.target).map_err(|f| self.failed(f)),
            1..ACCESS_PORTS => self.dap.read_absent_ap().map_err(|f| self.failed(f)),
            _ => Err(Status::BadAp),
        }
    }

    fn write_dap(&mut self, port: u16, register: u16, value: u32) -> Result<(), Status> {
        match port {
            DP => {
                self.dap.write_dp(u32::from(register), value);
                Ok(())
            }
            0 => self.dap.write_ap(u32::from(register), value, &mut self.target).map_err(|f| self.failed(f)),
            1..ACCESS_PORTS => self.dap.write_absent_ap().map_err(|f| self.failed(f)),
            _ => Err(Status::BadAp),
        }
    }

    const fn failed(&self, fault: DapFault) -> Status {
        match fault {
            DapFault::Refused => Status::DpFault,
            DapFault::Bus(_) => Status::ApFault,
        }
    }

    /// The V3's frequencies: list, set, and the prescaler that goes with one.
    fn frequency(&mut self, c: &[u8; COMMAND]) -> Vec<u8> {
        let mut reply = ok_word().to_vec();
        match c[1] {
            0x62 => {
                reply.extend(words(&[self.frequency, FREQUENCIES.len() as u32]));
                reply.extend(words(&FREQUENCIES));
                reply.resize(52, 0);
            }
            0x61 => {
                let slower = FREQUENCIES.into_iter().find(|f| *f <= word(c, 4));
                self.frequency = slower.unwrap_or(FREQUENCIES[FREQUENCIES.len() - 1]);
                reply.extend(words(&[self.frequency]));
            }
            _ => reply.resize(8, 0),
        }
        reply
    }
}

/// kHz that the V3 offers for SWD, fastest first.
const FREQUENCIES: [u32; 6] = [24_000, 8_000, 3_300, 1_000, 200, 50];

/// The length of the reply to a command for the chip; none where there is no such command.
fn reply_length(c: &[u8; COMMAND]) -> Option<usize> {
    Some(match c[1] {
        0x22 => 4,
        0x31 => 12,
        0x3A => 88,
        0x33 | 0x36 | 0x45 => 8,
        0x32 | 0x34 | 0x35 | 0x46 | 0x4B | 0x4C => 2,
        // One byte alone comes with a second.
        0x07 | 0x0C | 0x47 | 0x54 => match usize::from(half(c, 6)) {
            1 => 2,
            length => length,
        },
        0x08 | 0x0D | 0x48 | 0x50 | 0x51 => 0,
        _ => return None,
    })
}

fn padded(command: &[u8]) -> [u8; COMMAND] {
    let mut c = [0; COMMAND];
    let n = command.len().min(COMMAND);
    c[..n].copy_from_slice(&command[..n]);
    c
}

pub(super) const fn half(c: &[u8; COMMAND], at: usize) -> u16 {
    u16::from_le_bytes([c[at], c[at + 1]])
}

pub(super) const fn word(c: &[u8; COMMAND], at: usize) -> u32 {
    u32::from_le_bytes([c[at], c[at + 1], c[at + 2], c[at + 3]])
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn status(status: Status) -> Vec<u8> {
    vec![status as u8, 0]
}

const fn ok_word() -> [u8; 4] {
    [Status::Ok as u8, 0, 0, 0]
}
