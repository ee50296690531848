//! The commands of an ST-LINK, by name: what its 16 bytes say.
//!
//! Names are those of the drivers that send the commands (OpenOCD's `stlink_usb.c`, stlink-tools' `usb.c`, probe-rs'
//! `constants.rs`). Numbers are little endian. Whoever keeps a command as it was sent keeps its bytes: some clients
//! send more than the command says (ST's own tool F1 80), which [`Command`] does not have.

use crate::bus::Width;

/// Bytes of a command.
pub const COMMAND: usize = 16;

/// A command as it goes over the wire, padded with zeros.
pub type Bytes = [u8; COMMAND];

/// The port number that stands for the DP in commands for DAP registers.
pub const DEBUG_PORT: u16 = 0xFFFF;

/// More operations than any firmware takes in a batch: what a longer one would be is not waited for.
pub const LONGEST_BATCH: u32 = 4_096;

/// The first byte.
mod group {
    pub const GET_VERSION: u8 = 0xF1;
    pub const DEBUG: u8 = 0xF2;
    pub const DFU: u8 = 0xF3;
    pub const SWIM: u8 = 0xF4;
    pub const GET_CURRENT_MODE: u8 = 0xF5;
    pub const GET_TARGET_VOLTAGE: u8 = 0xF7;
    pub const GET_VERSION_EX: u8 = 0xFB;
}

/// The second byte behind [`group::DFU`].
const DFU_EXIT: u8 = 0x07;

/// The second byte behind [`group::DEBUG`].
mod debug {
    pub const APIV1_RESETSYS: u8 = 0x03;
    pub const READMEM_32BIT: u8 = 0x07;
    pub const WRITEMEM_32BIT: u8 = 0x08;
    pub const READMEM_8BIT: u8 = 0x0C;
    pub const WRITEMEM_8BIT: u8 = 0x0D;
    pub const APIV1_ENTER: u8 = 0x20;
    pub const EXIT: u8 = 0x21;
    pub const READCOREID: u8 = 0x22;
    pub const ENTER: u8 = 0x30;
    pub const READ_IDCODES: u8 = 0x31;
    pub const RESETSYS: u8 = 0x32;
    pub const READREG: u8 = 0x33;
    pub const WRITEREG: u8 = 0x34;
    pub const WRITEDEBUGREG: u8 = 0x35;
    pub const READDEBUGREG: u8 = 0x36;
    pub const READALLREGS: u8 = 0x3A;
    pub const GETLASTRWSTATUS: u8 = 0x3B;
    pub const DRIVE_NRST: u8 = 0x3C;
    pub const GETLASTRWSTATUS2: u8 = 0x3E;
    pub const START_TRACE_RX: u8 = 0x40;
    pub const STOP_TRACE_RX: u8 = 0x41;
    pub const GET_TRACE_NB: u8 = 0x42;
    pub const SWD_SET_FREQ: u8 = 0x43;
    pub const JTAG_SET_FREQ: u8 = 0x44;
    pub const READ_DAP_REG: u8 = 0x45;
    pub const WRITE_DAP_REG: u8 = 0x46;
    pub const READMEM_16BIT: u8 = 0x47;
    pub const WRITEMEM_16BIT: u8 = 0x48;
    pub const INIT_AP: u8 = 0x4B;
    pub const CLOSE_AP_DBG: u8 = 0x4C;
    pub const WRITEMEM_32BIT_NO_ADDR_INC: u8 = 0x50;
    pub const RW_MISC_OUT: u8 = 0x51;
    pub const RW_MISC_IN: u8 = 0x52;
    pub const READMEM_32BIT_NO_ADDR_INC: u8 = 0x54;
    pub const GET_BOARD_IDENTIFIERS: u8 = 0x56;
    pub const SET_COM_FREQ: u8 = 0x61;
    pub const GET_COM_FREQ: u8 = 0x62;
    pub const COM_FREQ_PRESCALER: u8 = 0x63;
}

/// The operations of a batch ([`Command::RwMiscOut`]), by their codes.
pub mod batch {
    /// Sets the address for writes.
    pub const ADDRESS: u8 = 1;
    /// Writes a word there.
    pub const WRITE: u8 = 2;
    /// Reads a word from an address of its own.
    pub const READ: u8 = 3;
    /// Chooses the access port.
    pub const ACCESS_PORT: u8 = 5;
}

/// What the probe is to speak to the chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// SWD, without a reset.
    Swd,
    /// JTAG, without a reset.
    Jtag,
    /// JTAG, with a reset.
    JtagReset,
    /// Something else.
    Unknown(u8),
}

impl Interface {
    const fn code(self) -> u8 {
        match self {
            Interface::Swd => 0xA3,
            Interface::Jtag => 0xA4,
            Interface::JtagReset => 0x00,
            Interface::Unknown(code) => code,
        }
    }

    const fn from_code(code: u8) -> Interface {
        match code {
            0xA3 => Interface::Swd,
            0xA4 => Interface::Jtag,
            0x00 => Interface::JtagReset,
            _ => Interface::Unknown(code),
        }
    }
}

/// What is done to the reset pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nrst {
    /// Pulled low, and kept there.
    Low,
    /// Let go.
    High,
    /// Low, and high again.
    Pulse,
    /// Something else.
    Unknown(u8),
}

impl Nrst {
    const fn code(self) -> u8 {
        match self {
            Nrst::Low => 0,
            Nrst::High => 1,
            Nrst::Pulse => 2,
            Nrst::Unknown(code) => code,
        }
    }

    const fn from_code(code: u8) -> Nrst {
        match code {
            0 => Nrst::Low,
            1 => Nrst::High,
            2 => Nrst::Pulse,
            _ => Nrst::Unknown(code),
        }
    }
}

/// In what a block of memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Half-words.
    HalfWords,
    /// Words.
    Words,
    /// Words, all at the same address.
    WordsNoIncrement,
}

impl Unit {
    /// The width of one access.
    pub const fn width(self) -> Width {
        match self {
            Unit::Bytes => Width::Byte,
            Unit::HalfWords => Width::Half,
            Unit::Words | Unit::WordsNoIncrement => Width::Word,
        }
    }

    /// Whether the address steps from one access to the next.
    pub const fn increments(self) -> bool {
        !matches!(self, Unit::WordsNoIncrement)
    }
}

/// A block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Where it begins.
    pub address: u32,
    /// Bytes.
    pub length: u16,
    /// In what.
    pub unit: Unit,
    /// The access port; 0 where the client does not know of others.
    pub ap: u8,
    /// The upper three bytes of its CSW; zeros where the client does not know of them.
    pub csw: [u8; 3],
}

impl Transfer {
    /// Through access port 0.
    pub const fn new(address: u32, length: u16, unit: Unit) -> Transfer {
        Transfer { address, length, unit, ap: 0, csw: [0; 3] }
    }
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The firmware's version, and the USB ids.
    GetVersion,
    /// The firmware's version of an STLINK-V3.
    GetVersionEx,
    /// Which [`Mode`](super::Mode) it is in.
    GetCurrentMode,
    /// The chip's supply.
    GetTargetVoltage,
    /// Leave DFU mode.
    DfuExit,
    /// Another command for DFU, as it was sent.
    Dfu(Bytes),
    /// A command for SWIM, as it was sent.
    Swim(Bytes),
    /// Enter debug mode, in the first version of the protocol.
    ApiV1Enter(Interface),
    /// Reset the chip, in the first version of the protocol.
    ApiV1ResetSys,
    /// Enter debug mode.
    Enter(Interface),
    /// Leave debug mode.
    Exit,
    /// DPIDR, without a status.
    ReadCoreId,
    /// DPIDR.
    ReadIdCodes,
    /// Reset the chip by AIRCR.
    ResetSys,
    /// A core register by its number in DCRSR.
    ReadReg(u8),
    /// Likewise, written.
    WriteReg {
        /// Its number.
        register: u8,
        /// What it is to hold.
        value: u32,
    },
    /// All core registers.
    ReadAllRegs,
    /// A word anywhere, read.
    ReadDebugReg(u32),
    /// A word anywhere, written.
    WriteDebugReg {
        /// Where.
        address: u32,
        /// The word.
        value: u32,
    },
    /// A block of memory, read.
    ReadMem(Transfer),
    /// A block of memory, written; the data follows.
    WriteMem(Transfer),
    /// The status of the last transfer.
    GetLastRwStatus,
    /// The status of the last transfer, and where it failed.
    GetLastRwStatus2,
    /// The reset pin.
    DriveNrst(Nrst),
    /// Take trace data in.
    StartTraceRx {
        /// Bytes of the buffer.
        size: u16,
        /// Bits in a second.
        hz: u32,
    },
    /// Take no more trace data in.
    StopTraceRx,
    /// Bytes of trace data that wait.
    GetTraceNb,
    /// A V2's divisor for SWD.
    SwdSetFreq(u16),
    /// A V2's divisor for JTAG.
    JtagSetFreq(u16),
    /// A register of the debug port or of an access port, read.
    ReadDapReg {
        /// [`DEBUG_PORT`], or the access port's number.
        port: u16,
        /// Its offset; for the debug port with the bank in bits 7:4.
        register: u16,
    },
    /// Likewise, written.
    WriteDapReg {
        /// As for reads.
        port: u16,
        /// As for reads.
        register: u16,
        /// What it is to hold.
        value: u32,
    },
    /// Open an access port.
    InitAp(u8),
    /// Close an access port.
    CloseApDbg(u8),
    /// A batch of so many operations, whose codes and values follow.
    RwMiscOut(u32),
    /// What the last batch came to.
    RwMiscIn,
    /// What the board is.
    GetBoardIdentifiers,
    /// A V3's frequency.
    SetComFreq {
        /// 0 for SWD, 1 for JTAG.
        interface: u8,
        /// kHz.
        khz: u32,
    },
    /// A V3's frequencies.
    GetComFreq {
        /// 0 for SWD, 1 for JTAG.
        interface: u8,
    },
    /// The prescaler that goes with a V3's frequency.
    ComFreqPrescaler(u8),
    /// Nothing that is known, as it was sent.
    Unknown(Bytes),
}

/// How long the reply to a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There is none.
    None,
    /// Bytes; 0 for a read of nothing.
    Bytes(usize),
    /// Eight bytes for each operation of the batch before.
    Batch,
    /// Nobody here knows.
    Unknown,
}

impl Command {
    /// What bytes say. What comes behind the 16th is left out, and what is missing counts as zeros.
    pub fn of(bytes: &[u8]) -> Command {
        Command::decode(&padded(bytes))
    }

    /// What a command's bytes say.
    pub fn decode(c: &Bytes) -> Command {
        match c[0] {
            group::GET_VERSION => Command::GetVersion,
            group::DEBUG => Command::decode_debug(c),
            group::DFU if c[1] == DFU_EXIT => Command::DfuExit,
            group::DFU => Command::Dfu(*c),
            group::SWIM => Command::Swim(*c),
            group::GET_CURRENT_MODE => Command::GetCurrentMode,
            group::GET_TARGET_VOLTAGE => Command::GetTargetVoltage,
            group::GET_VERSION_EX => Command::GetVersionEx,
            _ => Command::Unknown(*c),
        }
    }

    fn decode_debug(c: &Bytes) -> Command {
        let read = |unit| Command::ReadMem(transfer(c, unit));
        let write = |unit| Command::WriteMem(transfer(c, unit));
        match c[1] {
            debug::APIV1_RESETSYS => Command::ApiV1ResetSys,
            debug::READMEM_32BIT => read(Unit::Words),
            debug::WRITEMEM_32BIT => write(Unit::Words),
            debug::READMEM_8BIT => read(Unit::Bytes),
            debug::WRITEMEM_8BIT => write(Unit::Bytes),
            debug::APIV1_ENTER => Command::ApiV1Enter(Interface::from_code(c[2])),
            debug::EXIT => Command::Exit,
            debug::READCOREID => Command::ReadCoreId,
            debug::ENTER => Command::Enter(Interface::from_code(c[2])),
            debug::READ_IDCODES => Command::ReadIdCodes,
            debug::RESETSYS => Command::ResetSys,
            debug::READREG => Command::ReadReg(c[2]),
            debug::WRITEREG => Command::WriteReg { register: c[2], value: word(c, 3) },
            debug::WRITEDEBUGREG => Command::WriteDebugReg { address: word(c, 2), value: word(c, 6) },
            debug::READDEBUGREG => Command::ReadDebugReg(word(c, 2)),
            debug::READALLREGS => Command::ReadAllRegs,
            debug::GETLASTRWSTATUS => Command::GetLastRwStatus,
            debug::DRIVE_NRST => Command::DriveNrst(Nrst::from_code(c[2])),
            debug::GETLASTRWSTATUS2 => Command::GetLastRwStatus2,
            debug::START_TRACE_RX => Command::StartTraceRx { size: half(c, 2), hz: word(c, 4) },
            debug::STOP_TRACE_RX => Command::StopTraceRx,
            debug::GET_TRACE_NB => Command::GetTraceNb,
            debug::SWD_SET_FREQ => Command::SwdSetFreq(half(c, 2)),
            debug::JTAG_SET_FREQ => Command::JtagSetFreq(half(c, 2)),
            debug::READ_DAP_REG => Command::ReadDapReg { port: half(c, 2), register: half(c, 4) },
            debug::WRITE_DAP_REG => Command::WriteDapReg { port: half(c, 2), register: half(c, 4), value: word(c, 6) },
            debug::READMEM_16BIT => read(Unit::HalfWords),
            debug::WRITEMEM_16BIT => write(Unit::HalfWords),
            debug::INIT_AP => Command::InitAp(c[2]),
            debug::CLOSE_AP_DBG => Command::CloseApDbg(c[2]),
            debug::WRITEMEM_32BIT_NO_ADDR_INC => write(Unit::WordsNoIncrement),
            debug::RW_MISC_OUT => Command::RwMiscOut(word(c, 2)),
            debug::RW_MISC_IN => Command::RwMiscIn,
            debug::READMEM_32BIT_NO_ADDR_INC => read(Unit::WordsNoIncrement),
            debug::GET_BOARD_IDENTIFIERS => Command::GetBoardIdentifiers,
            debug::SET_COM_FREQ => Command::SetComFreq { interface: c[2], khz: word(c, 4) },
            debug::GET_COM_FREQ => Command::GetComFreq { interface: c[2] },
            debug::COM_FREQ_PRESCALER => Command::ComFreqPrescaler(c[2]),
            _ => Command::Unknown(*c),
        }
    }

    /// Its bytes.
    pub fn encode(self) -> Bytes {
        let one = |first: u8| padded(&[first]);
        let debug = |second: u8, rest: &[&[u8]]| {
            let mut c = padded(&[group::DEBUG, second]);
            c[2..].iter_mut().zip(rest.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
            c
        };
        match self {
            Command::GetVersion => one(group::GET_VERSION),
            Command::GetVersionEx => one(group::GET_VERSION_EX),
            Command::GetCurrentMode => one(group::GET_CURRENT_MODE),
            Command::GetTargetVoltage => one(group::GET_TARGET_VOLTAGE),
            Command::DfuExit => padded(&[group::DFU, DFU_EXIT]),
            Command::Dfu(bytes) | Command::Swim(bytes) | Command::Unknown(bytes) => bytes,
            Command::ApiV1Enter(interface) => debug(debug::APIV1_ENTER, &[&[interface.code()]]),
            Command::ApiV1ResetSys => debug(debug::APIV1_RESETSYS, &[]),
            Command::Enter(interface) => debug(debug::ENTER, &[&[interface.code()]]),
            Command::Exit => debug(debug::EXIT, &[]),
            Command::ReadCoreId => debug(debug::READCOREID, &[]),
            Command::ReadIdCodes => debug(debug::READ_IDCODES, &[]),
            Command::ResetSys => debug(debug::RESETSYS, &[]),
            Command::ReadReg(register) => debug(debug::READREG, &[&[register]]),
            Command::WriteReg { register, value } => debug(debug::WRITEREG, &[&[register], &value.to_le_bytes()]),
            Command::ReadAllRegs => debug(debug::READALLREGS, &[]),
            Command::ReadDebugReg(address) => debug(debug::READDEBUGREG, &[&address.to_le_bytes()]),
            Command::WriteDebugReg { address, value } => {
                debug(debug::WRITEDEBUGREG, &[&address.to_le_bytes(), &value.to_le_bytes()])
            }
            Command::ReadMem(t) | Command::WriteMem(t) => {
                let writes = matches!(self, Command::WriteMem(_));
                let (address, length) = (t.address.to_le_bytes(), t.length.to_le_bytes());
                debug(memory_opcode(t.unit, writes), &[&address, &length, &[t.ap], &t.csw])
            }
            Command::GetLastRwStatus => debug(debug::GETLASTRWSTATUS, &[]),
            Command::GetLastRwStatus2 => debug(debug::GETLASTRWSTATUS2, &[]),
            Command::DriveNrst(how) => debug(debug::DRIVE_NRST, &[&[how.code()]]),
            Command::StartTraceRx { size, hz } => {
                debug(debug::START_TRACE_RX, &[&size.to_le_bytes(), &hz.to_le_bytes()])
            }
            Command::StopTraceRx => debug(debug::STOP_TRACE_RX, &[]),
            Command::GetTraceNb => debug(debug::GET_TRACE_NB, &[]),
            Command::SwdSetFreq(divisor) => debug(debug::SWD_SET_FREQ, &[&divisor.to_le_bytes()]),
            Command::JtagSetFreq(divisor) => debug(debug::JTAG_SET_FREQ, &[&divisor.to_le_bytes()]),
            Command::ReadDapReg { port, register } => {
                debug(debug::READ_DAP_REG, &[&port.to_le_bytes(), &register.to_le_bytes()])
            }
            Command::WriteDapReg { port, register, value } => {
                debug(debug::WRITE_DAP_REG, &[&port.to_le_bytes(), &register.to_le_bytes(), &value.to_le_bytes()])
            }
            Command::InitAp(ap) => debug(debug::INIT_AP, &[&[ap]]),
            Command::CloseApDbg(ap) => debug(debug::CLOSE_AP_DBG, &[&[ap]]),
            Command::RwMiscOut(operations) => debug(debug::RW_MISC_OUT, &[&operations.to_le_bytes()]),
            Command::RwMiscIn => debug(debug::RW_MISC_IN, &[]),
            Command::GetBoardIdentifiers => debug(debug::GET_BOARD_IDENTIFIERS, &[]),
            Command::SetComFreq { interface, khz } => {
                debug(debug::SET_COM_FREQ, &[&[interface, 0], &khz.to_le_bytes()])
            }
            Command::GetComFreq { interface } => debug(debug::GET_COM_FREQ, &[&[interface]]),
            Command::ComFreqPrescaler(of) => debug(debug::COM_FREQ_PRESCALER, &[&[of]]),
        }
    }

    /// How many bytes of data follow it.
    pub fn data_length(self) -> usize {
        match self {
            Command::WriteMem(t) => usize::from(t.length),
            Command::RwMiscOut(operations) => batch_length(operations),
            _ => 0,
        }
    }

    /// How long the reply is that a client waits for. What no firmware knows is answered by a status.
    pub fn reply(self) -> Reply {
        match self {
            Command::DfuExit | Command::Exit | Command::WriteMem(_) | Command::RwMiscOut(_) => Reply::None,
            Command::Swim(_) => Reply::Unknown,
            Command::RwMiscIn => Reply::Batch,
            Command::ReadMem(t) => Reply::Bytes(match t.length {
                // One byte alone comes with a second.
                1 => 2,
                length => usize::from(length),
            }),
            Command::ReadCoreId => Reply::Bytes(4),
            Command::GetVersion => Reply::Bytes(6),
            Command::GetTargetVoltage
            | Command::ReadReg(_)
            | Command::ReadDebugReg(_)
            | Command::ReadDapReg { .. }
            | Command::SetComFreq { .. }
            | Command::ComFreqPrescaler(_) => Reply::Bytes(8),
            Command::GetVersionEx | Command::ReadIdCodes | Command::GetLastRwStatus2 => Reply::Bytes(12),
            Command::GetComFreq { .. } => Reply::Bytes(52),
            Command::ReadAllRegs => Reply::Bytes(88),
            Command::GetBoardIdentifiers => Reply::Bytes(128),
            Command::GetCurrentMode
            | Command::Dfu(_)
            | Command::ApiV1Enter(_)
            | Command::ApiV1ResetSys
            | Command::Enter(_)
            | Command::ResetSys
            | Command::WriteReg { .. }
            | Command::WriteDebugReg { .. }
            | Command::GetLastRwStatus
            | Command::DriveNrst(_)
            | Command::StartTraceRx { .. }
            | Command::StopTraceRx
            | Command::GetTraceNb
            | Command::SwdSetFreq(_)
            | Command::JtagSetFreq(_)
            | Command::WriteDapReg { .. }
            | Command::InitAp(_)
            | Command::CloseApDbg(_)
            | Command::Unknown(_) => Reply::Bytes(2),
        }
    }

    /// Whether it belongs to the debug protocol, known or not.
    pub fn is_debug(self) -> bool {
        self.encode()[0] == group::DEBUG
    }

    /// Whether it is carried out at the chip, through the debug port.
    pub const fn is_for_chip(self) -> bool {
        matches!(
            self,
            Command::ReadCoreId
                | Command::ReadIdCodes
                | Command::ResetSys
                | Command::ReadReg(_)
                | Command::WriteReg { .. }
                | Command::ReadAllRegs
                | Command::ReadDebugReg(_)
                | Command::WriteDebugReg { .. }
                | Command::ReadMem(_)
                | Command::WriteMem(_)
                | Command::ReadDapReg { .. }
                | Command::WriteDapReg { .. }
                | Command::InitAp(_)
                | Command::CloseApDbg(_)
                | Command::RwMiscOut(_)
        )
    }
}

/// Whether bytes could begin a command: where something is missing before them, nothing else tells.
pub const fn looks_like_command(bytes: &[u8]) -> bool {
    bytes.len() == COMMAND
        && matches!(
            bytes[0],
            group::GET_VERSION
                | group::DEBUG
                | group::DFU
                | group::SWIM
                | group::GET_CURRENT_MODE
                | group::GET_TARGET_VOLTAGE
                | group::GET_VERSION_EX
        )
}

/// A command's bytes, from those that are not zero at its end.
pub fn padded(bytes: &[u8]) -> Bytes {
    let mut c = [0; COMMAND];
    c.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    c
}

/// Bytes of data that come with a batch of so many operations: their codes, padded to words, and a word each.
pub fn batch_length(operations: u32) -> usize {
    let n = operations.min(LONGEST_BATCH) as usize;
    n.next_multiple_of(4) + 4 * n
}

const fn memory_opcode(unit: Unit, writes: bool) -> u8 {
    match (unit, writes) {
        (Unit::Bytes, false) => debug::READMEM_8BIT,
        (Unit::Bytes, true) => debug::WRITEMEM_8BIT,
        (Unit::HalfWords, false) => debug::READMEM_16BIT,
        (Unit::HalfWords, true) => debug::WRITEMEM_16BIT,
        (Unit::Words, false) => debug::READMEM_32BIT,
        (Unit::Words, true) => debug::WRITEMEM_32BIT,
        (Unit::WordsNoIncrement, false) => debug::READMEM_32BIT_NO_ADDR_INC,
        (Unit::WordsNoIncrement, true) => debug::WRITEMEM_32BIT_NO_ADDR_INC,
    }
}

const fn transfer(c: &Bytes, unit: Unit) -> Transfer {
    Transfer { address: word(c, 2), length: half(c, 6), unit, ap: c[8], csw: [c[9], c[10], c[11]] }
}

const fn half(c: &Bytes, at: usize) -> u16 {
    u16::from_le_bytes([c[at], c[at + 1]])
}

const fn word(c: &Bytes, at: usize) -> u32 {
    u32::from_le_bytes([c[at], c[at + 1], c[at + 2], c[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each command once, beside the bytes that clients send for it.
    #[test]
    fn commands_are_the_bytes_that_clients_send() {
        let transfer = |unit| Transfer::new(0x2000_0010, 0x40, unit);
        for (command, bytes) in [
            (Command::GetVersion, "f1"),
            (Command::GetVersionEx, "fb"),
            (Command::GetCurrentMode, "f5"),
            (Command::GetTargetVoltage, "f7"),
            (Command::DfuExit, "f307"),
            (Command::ApiV1Enter(Interface::Swd), "f220a3"),
            (Command::ApiV1ResetSys, "f203"),
            (Command::Enter(Interface::Swd), "f230a3"),
            (Command::Enter(Interface::Jtag), "f230a4"),
            (Command::Enter(Interface::JtagReset), "f230"),
            (Command::Exit, "f221"),
            (Command::ReadCoreId, "f222"),
            (Command::ReadIdCodes, "f231"),
            (Command::ResetSys, "f232"),
            (Command::ReadReg(15), "f2330f"),
            (Command::WriteReg { register: 15, value: 0x2000_0001 }, "f2340f01000020"),
            (Command::ReadAllRegs, "f23a"),
            (Command::ReadDebugReg(0xE000_EDF0), "f236f0ed00e0"),
            (Command::WriteDebugReg { address: 0xE000_EDF0, value: 0xA05F_0003 }, "f235f0ed00e003005fa0"),
            (Command::ReadMem(transfer(Unit::Words)), "f207100000204000"),
            (Command::WriteMem(transfer(Unit::Words)), "f208100000204000"),
            (Command::ReadMem(transfer(Unit::Bytes)), "f20c100000204000"),
            (Command::WriteMem(transfer(Unit::Bytes)), "f20d100000204000"),
            (Command::ReadMem(transfer(Unit::HalfWords)), "f247100000204000"),
            (Command::WriteMem(transfer(Unit::HalfWords)), "f248100000204000"),
            (Command::ReadMem(transfer(Unit::WordsNoIncrement)), "f254100000204000"),
            (Command::WriteMem(transfer(Unit::WordsNoIncrement)), "f250100000204000"),
            (Command::ReadMem(Transfer { ap: 1, csw: [2, 3, 4], ..transfer(Unit::Words) }), "f20710000020400001020304"),
            (Command::GetLastRwStatus, "f23b"),
            (Command::GetLastRwStatus2, "f23e"),
            (Command::DriveNrst(Nrst::Low), "f23c"),
            (Command::DriveNrst(Nrst::High), "f23c01"),
            (Command::DriveNrst(Nrst::Pulse), "f23c02"),
            (Command::StartTraceRx { size: 0x1000, hz: 2_000_000 }, "f240001080841e00"),
            (Command::StopTraceRx, "f241"),
            (Command::GetTraceNb, "f242"),
            (Command::SwdSetFreq(1), "f2430100"),
            (Command::JtagSetFreq(4), "f2440400"),
            (Command::ReadDapReg { port: DEBUG_PORT, register: 4 }, "f245ffff0400"),
            (Command::WriteDapReg { port: 0, register: 0x0C, value: 0x0403_0201 }, "f24600000c0001020304"),
            (Command::InitAp(0), "f24b"),
            (Command::CloseApDbg(1), "f24c01"),
            (Command::RwMiscOut(3), "f25103"),
            (Command::RwMiscIn, "f252"),
            (Command::GetBoardIdentifiers, "f256"),
            (Command::SetComFreq { interface: 0, khz: 1_000 }, "f2610000e8030000"),
            (Command::GetComFreq { interface: 1 }, "f26201"),
            (Command::ComFreqPrescaler(0), "f263"),
        ] {
            let bytes = padded(&crate::probe::recording::from_hex(bytes).unwrap());
            assert_eq!((command.encode(), Command::decode(&bytes)), (bytes, command));
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        for bytes in [&[0x99, 1, 2][..], &[0xF2, 0x99, 3], &[0xF3, 0x08, 1], &[0xF4, 5], &[0]] {
            assert_eq!(Command::of(bytes).encode(), padded(bytes));
        }
        assert!(Command::of(&[0xF2, 0x99]).is_debug() && !Command::of(&[0x99, 0xF2]).is_debug());
        // ST's own tool asks so for the version.
        assert_eq!(Command::of(&[0xF1, 0x80]), Command::GetVersion);
    }

    #[test]
    fn what_goes_with_a_command() {
        assert_eq!(Command::WriteMem(Transfer::new(0, 6_144, Unit::Words)).data_length(), 6_144);
        assert_eq!(Command::RwMiscOut(3).data_length(), 4 + 12);
        assert_eq!(Command::RwMiscOut(u32::MAX).data_length(), 5 * 4_096);
        assert_eq!(Command::ReadMem(Transfer::new(0, 1, Unit::Bytes)).reply(), Reply::Bytes(2));
    }

    proptest! {
        #[test]
        fn every_command_comes_back(rest in any::<[u8; COMMAND - 2]>(), other in any::<[u8; COMMAND]>()) {
            let mut bytes = other;
            bytes[2..].copy_from_slice(&rest);
            for first in 0xF0..=0xFF {
                for second in 0..=0xFF {
                    (bytes[0], bytes[1]) = (first, second);
                    let command = Command::decode(&bytes);
                    prop_assert_eq!(Command::decode(&command.encode()), command);
                }
            }
            let command = Command::decode(&other);
            prop_assert_eq!(Command::decode(&command.encode()), command);
            if let Command::Unknown(kept) | Command::Swim(kept) | Command::Dfu(kept) = command {
                prop_assert_eq!((kept, command.encode()), (other, other));
            }
        }
    }
}
