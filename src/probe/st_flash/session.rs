//! A session of st-flash at the probe: the ST-LINK commands it knows, and how it takes hold of the chip.

use super::arguments::{Arguments, Connect, Version};
use super::error::StFlashError;
use super::note::Note;
use super::{Host, Outcome, Watch};
use crate::cpu::T;
use crate::cpu::debug::dhcsr::{C_DEBUGEN, C_HALT, C_MASKINTS, DBGKEY, S_RESET_ST};
use crate::cpu::debug::{AIRCR, CPUID, DEMCR, DFSR, DHCSR, aircr, demcr, dfsr, regsel};
use crate::part::{self, Family};
use crate::probe::recording::Exchange;
use crate::probe::stlink::command::{Interface, Nrst, Transfer, Unit};
use crate::probe::stlink::{Command, Mode, Model, StLink, Status};

/// DBGMCU_IDCODE of cores without a floating address (RM0091 32.4.1, RM0444 40.10.1).
const IDCODE: u32 = 0x4001_5800;

/// Words for DHCSR.
pub(super) const LEAVE: u32 = DBGKEY;
pub(super) const RUN: u32 = DBGKEY | C_DEBUGEN;
pub(super) const HALT: u32 = RUN | C_HALT;
pub(super) const RUN_MASKED: u32 = RUN | C_MASKINTS;
pub(super) const HALT_MASKED: u32 = HALT | C_MASKINTS;

/// kHz of the V2's divisors, slowest first.
const SPEEDS: [(u32, u16); 12] = [
    (5, 798),
    (15, 265),
    (25, 158),
    (50, 79),
    (100, 40),
    (125, 31),
    (240, 15),
    (480, 7),
    (950, 3),
    (1200, 2),
    (1800, 1),
    (4000, 0),
];
const USUAL_SPEED: u32 = 1800;
/// What st-flash takes of the V3's list.
const SPEEDS_V3: usize = 10;

/// st-flash waits half a second; here each look takes its share of the core's time.
const LOOKS: u32 = 500;
/// Where st-flash would look for ever.
const LONGEST_WAIT: u32 = 10_000;

/// Option bytes of the F0 (RM0091 4.1).
pub(super) const F0_OPTIONS: u32 = 0x1FFF_F800;
pub(super) const FLASH: u32 = 0x0800_0000;
pub(super) const SRAM: u32 = 0x2000_0000;

/// What st-flash knows of a chip by its identity code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub family: Family,
    /// The flash size register.
    size_register: u32,
    pub page: u32,
    pub sram_size: u32,
    /// Where it has option bytes, and how many; 0 where it knows of none.
    pub option_base: u32,
    pub option_size: u32,
    /// As read from the chip, or as `--flash` says.
    pub flash_size: u32,
}

impl Known {
    fn of(identity: u32, version: Version) -> Option<Known> {
        let device = |idcode: u32| idcode & 0xFFF;
        let part = part::all().iter().find(|part| device(part.identity.idcode) == device(identity))?;
        let [older, newer] = part.clients.st_flash_option_bytes;
        let option_size = if version == Version::V1_8 { newer } else { older };
        Some(Known {
            family: part.family,
            size_register: part.identity.flash_size_address,
            page: part.flash.page,
            sram_size: part.sram.size,
            option_base: if option_size == 0 { 0 } else { part.option_bytes.base },
            option_size,
            flash_size: 0,
        })
    }

    pub const fn flash_holds(&self, address: u32) -> bool {
        address.wrapping_sub(FLASH) < self.flash_size
    }

    pub const fn sram_holds(&self, address: u32) -> bool {
        address.wrapping_sub(SRAM) < self.sram_size
    }

    pub const fn options_hold(&self, address: u32) -> bool {
        address.wrapping_sub(self.option_base) < self.option_size
    }
}

/// One run of st-flash.
pub(super) struct Session<'a> {
    pub probe: &'a mut StLink,
    pub arguments: &'a Arguments,
    pub host: &'a Host,
    pub watch: &'a mut dyn Watch,
    pub outcome: Outcome,
    /// What `--flash` does not change.
    pub known: Known,
    /// The chip was reset last, after which 1.8 leaves DHCSR alone.
    was_reset: bool,
}

impl<'a> Session<'a> {
    /// Takes hold of the chip, and finds out what it is.
    pub fn connect(
        probe: &'a mut StLink,
        arguments: &'a Arguments,
        host: &'a Host,
        watch: &'a mut dyn Watch,
    ) -> Result<Session<'a>, StFlashError> {
        // Nothing but the sizes is looked at before the chip is known.
        let nothing = Known {
            family: Family::F0,
            size_register: 0,
            page: 0,
            sram_size: 0,
            option_base: 0,
            option_size: 0,
            flash_size: 0,
        };
        let outcome = Outcome::default();
        let mut session = Session { probe, arguments, host, watch, outcome, known: nothing, was_reset: false };
        if let Err(error) = session.open() {
            // 1.8 takes back what it did to the probe.
            if session.is_newer() {
                session.leave_debug();
            }
            return Err(error);
        }
        Ok(session)
    }

    /// Whether it is 1.8.
    pub const fn is_newer(&self) -> bool {
        matches!(self.arguments.version, Version::V1_8)
    }

    fn open(&mut self) -> Result<(), StFlashError> {
        if self.arguments.serial.is_some() {
            self.note(Note::AnySerial);
        }
        let is_v3 = self.probe.model() == Model::V3;
        // 1.8 asks an STLINK-V3 in its own way alone.
        if !(is_v3 && self.is_newer()) {
            self.command(Command::GetVersion, &[]);
        }
        if is_v3 {
            self.command(Command::GetVersionEx, &[]);
        }
        let mode = self.leave_dfu();
        let under_reset = self.arguments.connect == Connect::UnderReset;
        if under_reset && self.is_newer() {
            if mode == Some(Mode::Debug) {
                self.leave_debug();
            }
            self.drive_reset(Nrst::Low);
        }
        self.set_speed();
        if under_reset {
            if self.is_newer() {
                self.enter_swd();
                self.drive_reset(Nrst::Low);
                self.write(DHCSR, HALT);
                self.drive_reset(Nrst::High);
                // For 10 ms, as often as it can.
                self.write(DHCSR, HALT);
            } else {
                self.drive_reset(Nrst::Low);
                self.enter_debug();
                self.write(DHCSR, HALT);
                self.read(DHCSR);
                self.drive_reset(Nrst::High);
            }
            let status = self.read(DHCSR);
            if status & S_RESET_ST == 0 {
                self.say("the chip does not show that NRST was low");
            }
            // st-flash goes on where this fails, and so does this.
            if let Err(error) = self.soft_reset(true) {
                self.say(&error.to_string());
            }
        }
        // 1.7 does not look at what came of it.
        if !self.enter_debug() && self.is_newer() {
            return Err(StFlashError::NoTarget { why: self.closed("the probe finds no debug port") });
        }
        self.identify()?;
        if !self.is_newer() {
            self.leave_dfu();
            self.enter_debug();
        }
        self.write(DHCSR, HALT);
        let (freeze, bits) = match self.known.family {
            // DBGMCU_CR of a Cortex-M3: here nothing is at the address, and the watchdogs are not frozen.
            Family::F0 => (0xE004_2004, 0x300),
            Family::G0 => (0x4001_5808, 0x1800),
        };
        let value = self.read(freeze);
        self.write(freeze, value | bits);
        self.read(DHCSR);
        Ok(())
    }

    fn identify(&mut self) -> Result<(), StFlashError> {
        self.core_id();
        let core = self.read(CPUID);
        // ARM is the implementer.
        if core >> 24 & 0x7F != 0x41 {
            let why = self.closed(&format!("CPUID reads {core:08X}; try --connect-under-reset"));
            return Err(StFlashError::NoTarget { why });
        }
        let identity = self.read(IDCODE);
        let Some(known) = Known::of(identity, self.arguments.version) else {
            return Err(StFlashError::NoTarget { why: format!("IDCODE reads {identity:08X}") });
        };
        let chip = (self.read(known.size_register) & 0xFFFF) << 10;
        let given = self.arguments.flash_size;
        let flash_size = if given != 0 { given } else { chip };
        if flash_size != chip {
            self.note(Note::OtherSize { given, chip });
        }
        self.known = Known { flash_size, ..known };
        Ok(())
    }

    /// Lets the core run without a debugger, and leaves. 1.8 lets it run only where all was `done`; and where that ended
    /// with a reset, C_DEBUGEN stays set.
    pub fn close(&mut self, done: bool) {
        if done && self.is_newer() {
            self.run_core(RUN);
        }
        if !(self.is_newer() && self.was_reset) {
            self.write(DHCSR, LEAVE);
        }
        self.leave_debug();
    }

    /// A command with its data; the reply.
    pub fn command(&mut self, command: Command, data: &[u8]) -> Vec<u8> {
        let command = command.encode();
        let reply = self.probe.command(&command, data);
        let at = self.probe.target.chip.now().time.as_micros();
        let exchange = Exchange { at, command, data: data.to_vec(), reply, packet: None };
        self.watch.exchange(&exchange);
        exchange.reply
    }

    pub fn say(&mut self, text: &str) {
        self.watch.said(text);
    }

    pub fn note(&mut self, note: Note) {
        self.watch.note(&note);
        self.outcome.notes.push(note);
    }

    /// None where the probe tells one that nobody knows.
    fn mode(&mut self) -> Option<Mode> {
        self.command(Command::GetCurrentMode, &[]).first().and_then(|code| Mode::from_code(*code))
    }

    /// The mode that it was in.
    fn leave_dfu(&mut self) -> Option<Mode> {
        let mode = self.mode();
        if mode == Some(Mode::Dfu) {
            self.command(Command::DfuExit, &[]);
        }
        mode
    }

    /// Why nobody answers: what the chip knows of it, or what the probe says.
    fn closed(&self, otherwise: &str) -> String {
        match self.probe.target.is_reachable() {
            false => "the debug port is closed (read protection level 2, or DBG_SWEN)".to_owned(),
            true => otherwise.to_owned(),
        }
    }

    /// Whether it is there.
    fn enter_debug(&mut self) -> bool {
        self.mode() == Some(Mode::Debug) || self.enter_swd()
    }

    fn enter_swd(&mut self) -> bool {
        Status::Ok.begins(&self.command(Command::Enter(Interface::Swd), &[]))
    }

    fn leave_debug(&mut self) {
        self.command(Command::Exit, &[]);
    }

    pub fn core_id(&mut self) {
        self.command(Command::ReadIdCodes, &[]);
    }

    fn set_speed(&mut self) {
        let wanted = match self.arguments.frequency {
            0 => USUAL_SPEED,
            frequency => frequency,
        };
        match self.probe.model() {
            Model::V2 => {
                let nearest = SPEEDS.iter().min_by_key(|(speed, _)| speed.abs_diff(wanted));
                self.command(Command::SwdSetFreq(nearest.map_or(1, |(_, divisor)| *divisor)), &[]);
            }
            Model::V3 => {
                let list = self.command(Command::GetComFreq { interface: 0 }, &[]);
                let count = list.get(8).map_or(0, |n| usize::from(*n).min(SPEEDS_V3));
                let speeds = list.get(12..).unwrap_or_default().chunks_exact(4).take(count);
                let speeds = speeds.map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).filter(|s| *s != 0);
                let khz = speeds.min_by_key(|speed| speed.abs_diff(wanted)).unwrap_or_default();
                self.command(Command::SetComFreq { interface: 0, khz }, &[]);
            }
        }
    }

    fn drive_reset(&mut self, level: Nrst) {
        self.command(Command::DriveNrst(level), &[]);
    }

    /// Reads a word by the command for debug registers; st-flash does not look at its status.
    pub fn read(&mut self, address: u32) -> u32 {
        word(&self.command(Command::ReadDebugReg(address), &[]))
    }

    /// Writes a word by the command for debug registers. Whether the probe could.
    pub fn write(&mut self, address: u32, value: u32) -> bool {
        Status::Ok.begins(&self.command(Command::WriteDebugReg { address, value }, &[]))
    }

    pub fn read_register(&mut self, number: u8) -> u32 {
        word(&self.command(Command::ReadReg(number), &[]))
    }

    pub fn write_register(&mut self, register: u8, value: u32) {
        self.command(Command::WriteReg { register, value }, &[]);
    }

    pub fn read_all_registers(&mut self) {
        self.command(Command::ReadAllRegs, &[]);
    }

    /// Reads whole words, a page at most; what the probe refuses reads as it does.
    pub fn read_block(&mut self, address: u32, length: u32) -> Vec<u8> {
        self.command(Command::ReadMem(Transfer::new(address, length as u16, Unit::Words)), &[])
    }

    /// Writes whole words, a page at most, and asks for the status as st-flash does: without looking at it.
    pub fn write_block(&mut self, address: u32, data: &[u8]) {
        self.command(Command::WriteMem(Transfer::new(address, data.len() as u16, Unit::Words)), data);
        self.command(Command::GetLastRwStatus2, &[]);
    }

    pub fn write_bytes(&mut self, address: u32, data: &[u8]) {
        self.command(Command::WriteMem(Transfer::new(address, data.len() as u16, Unit::Bytes)), data);
    }

    /// Writes words and what is left of one to SRAM.
    pub fn write_sram(&mut self, address: u32, data: &[u8]) {
        let (whole, rest) = data.split_at(data.len() & !3);
        if !whole.is_empty() {
            self.write_block(address, whole);
        }
        if !rest.is_empty() {
            self.write_bytes(address.wrapping_add(whole.len() as u32), rest);
        }
    }

    /// Halts the core, and then masks its interrupts (DDI0419 C1.6.2).
    pub fn halt_masked(&mut self) {
        self.write(DHCSR, HALT);
        self.write(DHCSR, HALT_MASKED);
    }

    /// Looks at DHCSR until the core is in debug state; whether it came to it.
    pub fn wait_for_halt(&mut self) -> bool {
        // Half a second in steps of 10 ms.
        (0..50).any(|_| self.read(DHCSR) & C_HALT != 0)
    }

    /// Lets the core run, in Thumb state.
    pub fn run_core(&mut self, control: u32) {
        let xpsr = self.read_register(regsel::XPSR);
        if xpsr & T == 0 {
            self.write_register(regsel::XPSR, xpsr | T);
        }
        self.write(DHCSR, control);
    }

    /// A reset by NRST, which on the virtual probe is connected; by AIRCR where it is not.
    pub fn reset(&mut self) -> Result<(), StFlashError> {
        self.was_reset = true;
        self.read(DHCSR);
        self.drive_reset(Nrst::Low);
        self.drive_reset(Nrst::High);
        self.command(Command::ResetSys, &[]);
        if self.read(DHCSR) & S_RESET_ST == 0 {
            return self.soft_reset(false);
        }
        match (0..LOOKS).any(|_| self.read(DHCSR) & S_RESET_ST == 0) {
            true => Ok(()),
            false => Err(StFlashError::Reset("it stays in reset".to_owned())),
        }
    }

    fn soft_reset(&mut self, halt: bool) -> Result<(), StFlashError> {
        self.write(DHCSR, HALT);
        let catches = demcr::TRCENA | demcr::VC_HARDERR | demcr::VC_BUSERR;
        self.write(DEMCR, catches | if halt { demcr::VC_CORERESET } else { 0 });
        if halt {
            self.write(DFSR, dfsr::VCATCH);
        }
        self.read(DHCSR);
        if !self.write(AIRCR, aircr::VECTKEY | aircr::SYSRESETREQ) && self.is_newer() {
            return Err(StFlashError::Reset("AIRCR cannot be written".to_owned()));
        }
        let done =
            (0..LOOKS).any(|_| self.read(DHCSR) & S_RESET_ST == 0 && (!halt || self.read(DFSR) & dfsr::VCATCH != 0));
        self.write(DFSR, dfsr::ALL);
        match done {
            true => Ok(()),
            false => Err(StFlashError::Reset("a reset by AIRCR does not end, or does not halt the core".to_owned())),
        }
    }

    /// Looks again and again, as st-flash does, until `is_done`.
    pub fn poll(&mut self, address: u32, is_done: impl Fn(u32) -> bool) -> Result<u32, StFlashError> {
        let mut value = 0;
        for _ in 0..LONGEST_WAIT {
            value = self.read(address);
            if is_done(value) {
                return Ok(value);
            }
        }
        Err(StFlashError::Busy(value))
    }
}

/// The value in a reply of a status word and a value.
fn word(reply: &[u8]) -> u32 {
    reply.get(4..8).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
