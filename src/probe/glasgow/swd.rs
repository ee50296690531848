//! The SWD stream's commands and answers.

/// A transfer: port, direction and bits 3:2 of the register's address in the low bits; the word to be written behind.
const READ: u8 = 1 << 1;
const AP: u8 = 1 << 0;
const ADDRESS: u8 = 0xC;
/// A sequence: the number of bits in the low five (0 stands for 32), the bits as a word behind.
const SEQUENCE: u8 = 1 << 5;
const LENGTH: u8 = 0x1F;

/// Nobody acknowledged.
pub const NO_ANSWER: u8 = 0x20;
/// An acknowledgement alone.
const NO_DATA: u8 = 0x10;

/// What the debug port acknowledges with (IHI0031 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Done.
    Ok = 1,
    /// An error stands, or the port has no power.
    Fault = 4,
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bits as they are, the lowest first.
    Sequence {
        /// How many, 1 to 32.
        length: u8,
        /// They.
        bits: u32,
    },
    /// A transfer.
    Transfer(Transfer),
}

/// An access to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Of the access port, not the debug port.
    pub ap: bool,
    /// Its address: 0, 4, 8 or 12.
    pub address: u8,
    /// What is written; none for a read.
    pub write: Option<u32>,
}

/// The whole commands in `bytes`, and how many bytes they are.
pub fn parse(bytes: &[u8]) -> (Vec<Operation>, usize) {
    let (mut operations, mut at) = (Vec::new(), 0);
    while let Some(command) = bytes.get(at).copied() {
        let word = || bytes.get(at + 1..).and_then(<[u8]>::first_chunk).map(|w| u32::from_le_bytes(*w));
        let (ap, address) = (command & AP != 0, command & ADDRESS);
        let (operation, length) = if command & SEQUENCE != 0 {
            let Some(bits) = word() else { break };
            let length = if command & LENGTH == 0 { 32 } else { command & LENGTH };
            (Operation::Sequence { length, bits }, 5)
        } else if command & READ != 0 {
            (Operation::Transfer(Transfer { ap, address, write: None }), 1)
        } else {
            let Some(value) = word() else { break };
            (Operation::Transfer(Transfer { ap, address, write: Some(value) }), 5)
        };
        operations.push(operation);
        at += length;
    }
    (operations, at)
}

/// The answer to a read.
pub fn data(value: u32) -> Vec<u8> {
    [&[Ack::Ok as u8][..], &value.to_le_bytes()].concat()
}

/// The answer to a write, or to a read that failed.
pub fn acknowledged(ack: Ack) -> Vec<u8> {
    vec![NO_DATA | ack as u8]
}
