//! Memory transfers: blocks in three widths, single words, and batches.

use super::command::{LONGEST_BATCH, Transfer, Unit, batch, batch_length};
use super::{StLink, Status, words};
use crate::bus::Width;

/// The longest block of half-words or words, in bytes.
const LONGEST: usize = 6_144;

/// A block transfer.
#[derive(Clone, Copy)]
struct Block {
    address: u32,
    length: usize,
    width: Width,
    /// Whether the address steps.
    steps: bool,
}

impl Block {
    const fn of(transfer: Transfer) -> Block {
        let Transfer { address, length, unit, .. } = transfer;
        Block { address, length: length as usize, width: unit.width(), steps: unit.increments() }
    }

    const fn word(address: u32) -> Block {
        Block::of(Transfer::new(address, 4, Unit::Words))
    }
}

impl StLink {
    /// A word at any address; nothing where the bus refuses it.
    pub(super) fn read_word(&mut self, address: u32) -> Vec<u8> {
        self.read_block(Block::word(address))
    }

    /// A word to any address.
    pub(super) fn write_word(&mut self, address: u32, value: u32) {
        self.write_block(Block::word(address), &value.to_le_bytes());
    }

    /// Reads a block; its length is settled by the caller.
    pub(super) fn read_memory(&mut self, transfer: Transfer) -> Vec<u8> {
        match self.begin_transfer(transfer, None) {
            Some(block) => self.read_block(block),
            None => Vec::new(),
        }
    }

    /// Writes a block.
    pub(super) fn write_memory(&mut self, transfer: Transfer, data: &[u8]) {
        if let Some(block) = self.begin_transfer(transfer, Some(data.len())) {
            self.write_block(block, data);
        }
    }

    /// The block to be transferred, where nothing is wrong with it.
    fn begin_transfer(&mut self, transfer: Transfer, data: Option<usize>) -> Option<Block> {
        let block = Block::of(transfer);
        self.fault_address = block.address;
        self.last = self.refusal(block, transfer.ap, data);
        if self.last != Status::Ok {
            return None;
        }
        let [low, middle, high] = transfer.csw;
        self.dap.set_protection(u32::from_le_bytes([0, low, middle, high]));
        Some(block)
    }

    /// What is wrong with a block before anything of it is done.
    fn refusal(&self, block: Block, ap: u8, data: Option<usize>) -> Status {
        let longest = if block.width == Width::Byte { self.model.longest_in_bytes() } else { LONGEST };
        let multiple = |n: usize| n.is_multiple_of(block.width.bytes() as usize);
        if ap != 0 {
            Status::BadAp
        } else if block.length > longest || data.is_some_and(|n| n != block.length) {
            Status::Unknown
        } else if !multiple(block.length) || !multiple(block.address as usize) {
            Status::Alignment
        } else {
            Status::Ok
        }
    }

    /// The bytes up to the first fault, which is noted.
    fn read_block(&mut self, block: Block) -> Vec<u8> {
        let size = block.width.bytes();
        let mut bytes = Vec::with_capacity(block.length);
        self.begin();
        let mut address = block.address;
        while bytes.len() < block.length {
            match self.target.read(address, block.width) {
                Ok(value) => bytes.extend(&value.to_le_bytes()[..size as usize]),
                Err(_) => {
                    self.fault(address);
                    break;
                }
            }
            if block.steps {
                address = address.wrapping_add(size);
            }
        }
        bytes
    }

    /// Stores up to the first fault, which is noted.
    fn write_block(&mut self, block: Block, data: &[u8]) {
        self.begin();
        let mut address = block.address;
        for piece in data.chunks_exact(block.width.bytes() as usize) {
            let value = piece.iter().rev().fold(0, |v, byte| v << 8 | u32::from(*byte));
            if self.target.write(address, block.width, value).is_err() {
                self.fault(address);
                break;
            }
            if block.steps {
                address = address.wrapping_add(block.width.bytes());
            }
        }
    }

    /// The probe's own transfers leave no error standing from before.
    const fn begin(&mut self) {
        self.dap.clear_error();
        self.last = Status::Ok;
    }

    const fn fault(&mut self, address: u32) {
        self.last = Status::ApFault;
        self.fault_address = address;
    }

    /// The values and the statuses of a batch are kept for the command that asks for them.
    pub(super) fn run_batch(&mut self, n: u32, data: &[u8]) {
        let count = n.min(LONGEST_BATCH) as usize;
        if count > self.model.longest_batch() || data.len() != batch_length(n) || n > LONGEST_BATCH {
            self.last = Status::Unknown;
            self.batch = Vec::new();
            return;
        }
        let (codes, values) = data.split_at(count.next_multiple_of(4));
        let (mut ap, mut target) = (0, 0);
        let (mut results, mut statuses) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (code, value) in codes.iter().zip(values.chunks_exact(4)) {
            let value = u32::from_le_bytes([value[0], value[1], value[2], value[3]]);
            self.last = Status::Ok;
            let mut result = 0;
            match *code {
                batch::ADDRESS => target = value,
                batch::ACCESS_PORT if value == 0 => ap = 0,
                batch::ACCESS_PORT => {
                    ap = value;
                    self.last = Status::BadAp;
                }
                batch::WRITE | batch::READ if ap != 0 => self.last = Status::BadAp,
                batch::WRITE if target % 4 != 0 => self.last = Status::Alignment,
                batch::READ if value % 4 != 0 => self.last = Status::Alignment,
                batch::WRITE => {
                    self.write_word(target, value);
                    target = target.wrapping_add(4);
                }
                batch::READ => {
                    let read = self.read_word(value);
                    result = read.iter().rev().fold(0, |v, byte| v << 8 | u32::from(*byte));
                }
                _ => self.last = Status::Unknown,
            }
            results.push(result);
            statuses.push(self.last as u32);
        }
        results.extend(statuses);
        self.batch = words(&results);
    }
}
