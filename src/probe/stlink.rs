//! The probe's firmware: a command of 16 bytes, with data where it has some, becomes a reply.
//!
//! What the commands are is public in the drivers that send them: OpenOCD's `stlink_usb.c`, stlink-tools' `usb.c`,
//! pyOCD's `stlink.py`. Nothing that a client sends is an error here: what is malformed gets the status that the
//! firmware has for it, and a reply of the length that its client waits for.

pub mod command;
mod memory;
mod status;
#[cfg(test)]
mod tests;

pub use command::{COMMAND, Command};
pub use status::{Mode, Status};

use super::dap::{Dap, DapFault};
use super::target::Target;
use crate::bus::Width;
use crate::chip::Chip;
use crate::cpu::debug::{AIRCR, aircr};
use crate::time::Time;
use command::{DEBUG_PORT, Interface, Nrst, Reply, Transfer};

/// Virtual time that a running core gets after each command: as long as st-flash sleeps between two polls. Time, not
/// cycles: flash takes as long at every clock, and so a client polls as often.
const SHARE: Time = Time::from_millis(10);

/// Access ports that the firmware opens, whether the chip has them or not: one that is absent reads 0. Seen on an
/// STM32F205 (probe-rs issue 3075), an L452 and an F103 (pyOCD issues 1329, 1523); Black Magic's source has the limit.
const ACCESS_PORTS: u16 = 8;

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

    /// Carries out a command; the core runs on for its share afterwards. Commands without a reply give none.
    pub fn command(&mut self, command: &[u8], data: &[u8]) -> Vec<u8> {
        let reply = self.answer(Command::of(command), data);
        self.target.run_for(SHARE);
        reply
    }

    fn answer(&mut self, command: Command, data: &[u8]) -> Vec<u8> {
        match command {
            Command::GetVersion => self.version(),
            Command::GetVersionEx if self.model == Model::V3 => self.version_v3(),
            Command::DfuExit | Command::Exit => {
                self.mode = Mode::MassStorage;
                Vec::new()
            }
            Command::GetCurrentMode => vec![self.mode as u8, 0],
            // 2 * 2050 * 1.2 V / 1490 = 3.3 V.
            Command::GetTargetVoltage => words(&[1490, 2050]),
            Command::Enter(interface) => status(self.enter(interface)),
            Command::GetLastRwStatus => status(self.last),
            // A real V2J16 tells no address after success: 300 of 300 replies in public captures (karlp/swopy).
            Command::GetLastRwStatus2 => {
                let address = if self.last == Status::Ok { 0 } else { self.fault_address };
                [status_word(self.last).as_slice(), &words(&[address, 0])].concat()
            }
            Command::DriveNrst(how) => status(self.drive_reset(how)),
            // There is no trace port: SWO stays empty.
            Command::StartTraceRx { .. } | Command::StopTraceRx => status(Status::Ok),
            Command::GetTraceNb => vec![0, 0],
            Command::SwdSetFreq(_) | Command::JtagSetFreq(_) if self.model == Model::V2 => status(Status::Ok),
            Command::RwMiscIn => std::mem::take(&mut self.batch),
            Command::GetBoardIdentifiers => {
                let mut reply = status(Status::Ok);
                reply.resize(128, 0);
                reply
            }
            Command::GetComFreq { .. } if self.model == Model::V3 => {
                let mut reply = status_word(Status::Ok).to_vec();
                reply.extend(words(&[self.frequency, FREQUENCIES.len() as u32]));
                reply.extend(words(&FREQUENCIES));
                reply.resize(52, 0);
                reply
            }
            Command::SetComFreq { khz, .. } if self.model == Model::V3 => {
                let slower = FREQUENCIES.into_iter().find(|f| *f <= khz);
                self.frequency = slower.unwrap_or(FREQUENCIES[FREQUENCIES.len() - 1]);
                [status_word(Status::Ok).as_slice(), &words(&[self.frequency])].concat()
            }
            Command::ComFreqPrescaler(_) if self.model == Model::V3 => {
                [status_word(Status::Ok).as_slice(), &words(&[0])].concat()
            }
            _ if command.is_for_chip() => {
                let length = if let Reply::Bytes(length) = command.reply() { length } else { 0 };
                if self.mode != Mode::Debug || !self.target.is_reachable() {
                    return self.refuse(command, length);
                }
                let mut reply = self.at_target(command, data);
                reply.resize(length, 0);
                reply
            }
            _ => status(Status::NoCommand),
        }
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

    /// What a command gets while no chip is connected.
    fn refuse(&mut self, command: Command, length: usize) -> Vec<u8> {
        let mut reply = vec![0; length];
        match command {
            // Their outcome is asked for by another (3B, 3E).
            Command::ReadMem(Transfer { address: at, .. })
            | Command::WriteMem(Transfer { address: at, .. })
            | Command::RwMiscOut(at) => {
                self.last = Status::NoDevice;
                self.fault_address = at;
            }
            _ => {
                if let Some(first) = reply.first_mut() {
                    *first = Status::NoDevice.code();
                }
            }
        }
        reply
    }

    fn at_target(&mut self, command: Command, data: &[u8]) -> Vec<u8> {
        let dpidr = self.target.chip.part().identity.dpidr;
        let ok = status_word(Status::Ok);
        match command {
            Command::ReadCoreId => words(&[dpidr]),
            Command::ReadIdCodes => [ok.as_slice(), &words(&[dpidr])].concat(),
            Command::ResetSys => {
                let result = self.target.write(AIRCR, Width::Word, aircr::VECTKEY | aircr::SYSRESETREQ);
                status(if result.is_ok() { Status::Ok } else { Status::ApFault })
            }
            Command::ReadReg(register) => {
                [ok.as_slice(), &words(&[self.target.register(u32::from(register))])].concat()
            }
            Command::WriteReg { register, value } => {
                self.target.set_register(u32::from(register), value);
                status(Status::Ok)
            }
            Command::ReadAllRegs => {
                let all: Vec<u32> = (0..=20).map(|n| self.target.register(n)).collect();
                [ok.as_slice(), &words(&all)].concat()
            }
            Command::ReadDapReg { port, register } => {
                let (result, value) = match self.read_dap(port, register) {
                    Ok(value) => (Status::Ok, value),
                    Err(failed) => (failed, 0),
                };
                [status_word(result).as_slice(), &words(&[value])].concat()
            }
            Command::WriteDapReg { port, register, value } => {
                status(self.write_dap(port, register, value).err().unwrap_or(Status::Ok))
            }
            Command::InitAp(ap) | Command::CloseApDbg(ap) => {
                status(if u16::from(ap) < ACCESS_PORTS { Status::Ok } else { Status::BadAp })
            }
            Command::ReadDebugReg(address) => {
                let value = self.read_word(address);
                [status_word(self.last).as_slice(), &value].concat()
            }
            Command::WriteDebugReg { address, value } => {
                self.write_word(address, value);
                status(self.last)
            }
            Command::ReadMem(transfer) => self.read_memory(transfer),
            Command::WriteMem(transfer) => {
                self.write_memory(transfer, data);
                Vec::new()
            }
            Command::RwMiscOut(operations) => {
                self.run_batch(operations, data);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// These chips have no JTAG.
    fn enter(&mut self, interface: Interface) -> Status {
        if interface != Interface::Swd || !self.target.is_reachable() {
            return Status::NoDevice;
        }
        self.mode = Mode::Debug;
        self.dap.power_up();
        Status::Ok
    }

    fn drive_reset(&mut self, how: Nrst) -> Status {
        match how {
            Nrst::Low => self.target.set_nrst(false),
            Nrst::High => self.target.set_nrst(true),
            Nrst::Pulse => {
                self.target.set_nrst(false);
                self.target.set_nrst(true);
            }
            Nrst::Unknown(_) => return Status::Unknown,
        }
        Status::Ok
    }

    fn read_dap(&mut self, port: u16, register: u16) -> Result<u32, Status> {
        match port {
            DEBUG_PORT => Ok(self.dap.read_dp(u32::from(register), &self.target)),
            0 => self.dap.read_ap(u32::from(register), &mut self.target).map_err(|f| self.failed(f)),
            1..ACCESS_PORTS => self.dap.read_absent_ap().map_err(|f| self.failed(f)),
            _ => Err(Status::BadAp),
        }
    }

    fn write_dap(&mut self, port: u16, register: u16, value: u32) -> Result<(), Status> {
        match port {
            DEBUG_PORT => {
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
}

/// kHz that the V3 offers for SWD, fastest first.
const FREQUENCIES: [u32; 6] = [24_000, 8_000, 3_300, 1_000, 200, 50];

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn status(status: Status) -> Vec<u8> {
    vec![status.code(), 0]
}

/// A status that is followed by words.
const fn status_word(status: Status) -> [u8; 4] {
    [status.code(), 0, 0, 0]
}
