//! Memory transfers: blocks in three widths, single words, and batches.

use super::{COMMAND, StLink, Status, half, status, word, words};
use crate::bus::Width;

/// The longest block of half-words or words, in bytes.
const LONGEST: usize = 6_144;

/// More than any firmware takes: what a longer batch would be is not waited for.
const LONGEST_BATCH: u32 = 4_096;

/// Bytes of data that come with a batch of `n` operations: their codes, padded to words, and a word each.
pub(super) fn batch_length(n: u32) -> usize {
    let n = n.min(LONGEST_BATCH) as usize;
    n.next_multiple_of(4) + 4 * n
}

/// Whether the command's outcome is asked for by another (3B, 3E), and not part of its reply.
pub(super) const fn is_transfer(opcode: u8) -> bool {
    matches!(opcode, 0x07 | 0x08 | 0x0C | 0x0D | 0x47 | 0x48 | 0x50 | 0x51 | 0x54)
}

/// A block transfer.
#[derive(Clone, Copy)]
struct Block {
    address: u32,
    length: usize,
    width: Width,
    /// Whether the address steps.
    steps: bool,
}

impl StLink {
    /// The transfers among the commands; its length is settled by the caller.
    pub(super) fn transfer(&mut self, c: &[u8; COMMAND], data: &[u8]) -> Vec<u8> {
        match c[1] {
            0x35 => {
                let write = Block { address: word(c, 2), length: 4, width: Width::Word, steps: true };
                self.write_block(write, &c[6..10]);
                return status(self.last);
            }
            0x36 => {
                let read = Block { address: word(c, 2), length: 4, width: Width::Word, steps: true };
                let value = self.read_block(read);
                return [[self.last as u8, 0, 0, 0].as_slice(), &value].concat();
            }
            0x51 => {
                self.run_batch(word(c, 2), data);
                return Vec::new();
            }
            _ => {}
        }
        let width = match c[1] {
            0x0C | 0x0D => Width::Byte,
            0x47 | 0x48 => Width::Half,
            _ => Width::Word,
        };
        let block =
            Block { address: word(c, 2), length: usize::from(half(c, 6)), width, steps: !matches!(c[1], 0x50 | 0x54) };
        let reads = matches!(c[1], 0x07 | 0x0C | 0x47 | 0x54);
        self.fault_address = block.address;
        self.last = self.refusal(block, c[8], if reads { None } else { Some(data.len()) });
        if self.last != Status::Ok {
            return Vec::new();
        }
        // CSW's upper bytes come along; all zero where the client does not know of them.
        self.dap.set_protection(u32::from_le_bytes([0, c[9], c[10], c[11]]));
        if reads {
            self.read_block(block)
        } else {
            self.write_block(block, data);
            Vec::new()
        }
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

    /// A batch: 1 sets the address for writes, 2 writes there, 3 reads from its own value, 5 chooses the AP. The
    /// values and the statuses are kept for the command that asks for them.
    fn run_batch(&mut self, n: u32, data: &[u8]) {
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
            let block = |address| Block { address, length: 4, width: Width::Word, steps: true };
            self.last = Status::Ok;
            let mut result = 0;
            match code {
                1 => target = value,
                5 if value == 0 => ap = 0,
                5 => {
                    ap = value;
                    self.last = Status::BadAp;
                }
                2 | 3 if ap != 0 => self.last = Status::BadAp,
                2 if target % 4 != 0 => self.last = Status::Alignment,
                3 if value % 4 != 0 => self.last = Status::Alignment,
                2 => {
                    self.write_block(block(target), &value.to_le_bytes());
                    target = target.wrapping_add(4);
                }
                3 => {
                    let read = self.read_block(block(value));
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
