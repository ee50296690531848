//! The debug port at the far end of the SWD line, from the line's side (ARM IHI0031: SW-DP of DPv1).
//!
//! An ST-LINK command for a register is a transfer, and what the probe's firmware does around it. On the bare line a
//! client sees more: a line reset before anything is answered, SELECT, reads of the access port that come one transfer
//! late, and an error that is told by the transfer after.

use super::swd::{self, Ack, NO_ANSWER, Operation, Transfer};
use crate::probe::decode::u32_at;
use crate::probe::owner::Perform;
use crate::probe::stlink::command::DEBUG_PORT;
use crate::probe::stlink::{Command, Status};

/// Ones in a row that reset the line (IHI0031 4.3.3).
const LINE_RESET: u32 = 50;

const DPIDR_ABORT: u8 = 0x0;
const CTRL_STAT: u8 = 0x4;
const SELECT_RESEND: u8 = 0x8;
const RDBUFF: u8 = 0xC;
/// ABORT: clears STICKYERR.
const STKERRCLR: u32 = 1 << 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Answers nothing before a line reset.
    Silent,
    /// After one, DPIDR has to be read first.
    Reset,
    Ready,
}

/// The line's state.
#[derive(Clone, Debug)]
pub struct Port {
    link: Link,
    /// Ones in a row so far.
    ones: u32,
    select: u32,
    /// What the last read of the access port gave.
    posted: u32,
    sticky: bool,
}

/// How a transfer came out at the chip.
enum Done {
    Value(u32),
    /// The bus refused it.
    Bus,
    /// The port refused it.
    Refused,
    /// Nobody is there.
    Nobody,
}

impl Port {
    /// A line to which nobody has talked yet.
    pub const fn new() -> Port {
        Port { link: Link::Silent, ones: 0, select: 0, posted: 0, sticky: false }
    }

    /// One command of the stream; its answer.
    pub fn perform(&mut self, operation: &Operation, perform: Perform) -> Vec<u8> {
        match *operation {
            Operation::Sequence { length, bits } => {
                self.sequence(length, bits);
                Vec::new()
            }
            Operation::Transfer(transfer) => {
                self.ones = 0;
                self.transfer(transfer, perform).unwrap_or_else(|| vec![NO_ANSWER])
            }
        }
    }

    fn sequence(&mut self, length: u8, bits: u32) {
        for bit in 0..u32::from(length) {
            self.ones = if bits >> bit & 1 != 0 { self.ones + 1 } else { 0 };
            if self.ones >= LINE_RESET {
                self.link = Link::Reset;
            }
        }
    }

    /// None where nobody acknowledges.
    fn transfer(&mut self, transfer: Transfer, perform: Perform) -> Option<Vec<u8>> {
        let reads_id = !transfer.ap && transfer.address == DPIDR_ABORT && transfer.write.is_none();
        match self.link {
            Link::Silent => return None,
            Link::Reset if !reads_id => return None,
            _ => {}
        }
        match (transfer.ap, transfer.write) {
            (true, _) => self.access_port(transfer, perform),
            (false, None) => self.read(transfer.address, perform),
            (false, Some(value)) => self.write(transfer.address, value, perform),
        }
    }

    fn read(&mut self, address: u8, perform: Perform) -> Option<Vec<u8>> {
        // While an error stands, only these two are answered (IHI0031 4.2.4).
        let answered = matches!(address, DPIDR_ABORT | CTRL_STAT);
        if self.sticky && !answered {
            return Some(swd::acknowledged(Ack::Fault));
        }
        if matches!(address, SELECT_RESEND | RDBUFF) {
            return Some(swd::data(self.posted));
        }
        let Done::Value(value) = dap(DEBUG_PORT, self.dp_register(address), None, perform) else { return None };
        self.link = Link::Ready;
        Some(swd::data(value))
    }

    fn write(&mut self, address: u8, value: u32, perform: Perform) -> Option<Vec<u8>> {
        if self.sticky && address != DPIDR_ABORT {
            return Some(swd::acknowledged(Ack::Fault));
        }
        match address {
            SELECT_RESEND => self.select = value,
            // Of a debug port with several targets, which this is not.
            RDBUFF => {}
            _ => {
                let register = if address == DPIDR_ABORT { 0 } else { self.dp_register(address) };
                let Done::Value(_) = dap(DEBUG_PORT, register, Some(value), perform) else { return None };
                self.sticky &= address != DPIDR_ABORT || value & STKERRCLR == 0;
            }
        }
        Some(swd::acknowledged(Ack::Ok))
    }

    fn access_port(&mut self, transfer: Transfer, perform: Perform) -> Option<Vec<u8>> {
        if self.sticky {
            return Some(swd::acknowledged(Ack::Fault));
        }
        let register = u16::from(self.select as u8 & 0xF0 | transfer.address);
        // A port that is not there reads zero, and takes what is written.
        let done = if self.select >> 24 == 0 { dap(0, register, transfer.write, perform) } else { Done::Value(0) };
        let before = self.posted;
        match done {
            Done::Value(value) if transfer.write.is_none() => self.posted = value,
            Done::Value(_) => {}
            Done::Bus => self.sticky = true,
            Done::Refused => return Some(swd::acknowledged(Ack::Fault)),
            Done::Nobody => return None,
        }
        Some(if transfer.write.is_none() { swd::data(before) } else { swd::acknowledged(Ack::Ok) })
    }

    /// A register of the debug port with its bank in bits 7:4.
    const fn dp_register(&self, address: u8) -> u16 {
        let bank = if address == CTRL_STAT { self.select as u8 & 0xF } else { 0 };
        (address | bank << 4) as u16
    }
}

/// The ST-LINK's command for a register.
fn dap(port: u16, register: u16, write: Option<u32>, perform: Perform) -> Done {
    let command = match write {
        None => Command::ReadDapReg { port, register },
        Some(value) => Command::WriteDapReg { port, register, value },
    };
    let reply = perform(command.encode(), Vec::new());
    match reply.first().and_then(|code| Status::from_code(*code)) {
        Some(Status::Ok) => Done::Value(u32_at(&reply, 4).unwrap_or(0)),
        Some(Status::ApFault) => Done::Bus,
        Some(Status::DpFault) => Done::Refused,
        _ => Done::Nobody,
    }
}
