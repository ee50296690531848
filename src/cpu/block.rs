//! Straight runs of code, decoded once: what each costs up to any of its instructions.
//!
//! The engine tells only which block begins. With the sums kept here the time of a bus access does not depend
//! on where its block began, and a block can be stopped exactly where an event falls.

use super::decode::{self, Kind};
use crate::part::Core;

/// What fetching costs beyond the core's own cycles. Both families read their flash in lines.
///
/// The prefetch buffer is taken to hide sequential wait states, a branch target pays them in full, and so does
/// a literal read from flash. On an F0 (one wait state, prefetch) that is at most a cycle a branch or literal off. A G0
/// keeps the last two lines (RM0490 4.3.3), so that a loop inside them waits for nothing, which is not modelled: 8.1 cycles
/// a turn were measured on a G0B1 (uliano/brio, docs/stm32g0/nvm.md) where this gives 12 to 14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FetchCost {
    /// Cycles for each new line reached by running on.
    pub sequential: u32,
    /// Cycles for the first fetch at a branch target.
    pub target: u32,
    /// Cycles for a literal load.
    pub literal: u32,
}

/// Counts from the block's start to the start of one instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    cycles: u32,
    lines: u32,
    literals: u32,
    instructions: u32,
    /// The instruction itself begins a line, or reaches into the next.
    new_line: bool,
}

/// Where and why the host has to step in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// Bytes from the block's start.
    pub offset: u32,
    /// What stands there.
    pub kind: Kind,
}

/// A run of instructions that the engine enters at its start.
#[derive(Clone, Debug)]
pub struct Block {
    /// Length in bytes.
    pub size: u32,
    /// The first instruction that the host handles.
    pub special: Option<Special>,
    /// Cycles that a conditional branch at the end costs more when taken.
    pub taken: u32,
    /// Instructions in it.
    pub count: u32,
    /// Its last instruction may clear PRIMASK: the chip has to look for interrupts behind it.
    pub unmasks: bool,
    /// Its last instruction is one whose target may be an EXC_RETURN: `bx` or `pop {.., pc}`.
    pub returns: bool,
    /// The code itself, to find instruction boundaries and to notice that it changed.
    pub code: Box<[u8]>,
    sums: Box<[Sum]>,
    total: Sum,
}

impl Block {
    /// Decodes `code`, which stands at `address`; `line` is the length of a flash line in bytes, none outside of
    /// flash: there neither fetches nor literals wait.
    pub fn new(address: u32, code: &[u8], core: Core, line: Option<u32>) -> Block {
        let half = |i: usize| match code.get(i..i + 2) {
            Some(b) => u16::from_le_bytes([b[0], b[1]]),
            None => 0,
        };
        let size = code.len() as u32;
        let mut sums = vec![Sum::default(); code.len().div_ceil(2)];
        let mut sum = Sum::default();
        let (mut special, mut taken, mut count, mut offset) = (None, 0, 0, 0u32);
        let (mut unmasks, mut returns) = (false, false);
        while offset < size {
            let i = decode::decode(half(offset as usize), half(offset as usize + 2), core);
            if i.kind.is_special() && special.is_none() {
                special = Some(Special { offset, kind: i.kind });
            }
            // An instruction that begins a line, or reaches into the next, waits for that line.
            let (first, last) = (address.wrapping_add(offset), address.wrapping_add(offset + u32::from(i.length) - 1));
            sum.new_line = line.is_some_and(|line| first % line == 0 || first / line != last / line);
            sum.lines += u32::from(sum.new_line);
            for n in 0..usize::from(i.length) / 2 {
                if let Some(s) = sums.get_mut(offset as usize / 2 + n) {
                    *s = sum;
                }
            }
            sum.cycles += u32::from(i.cycles);
            sum.literals += u32::from(i.kind == Kind::LoadLiteral && line.is_some());
            taken = u32::from(i.taken);
            unmasks = decode::may_unmask(half(offset as usize));
            returns = decode::may_return(half(offset as usize));
            sum.instructions += 1;
            count += 1;
            offset += u32::from(i.length);
        }
        Block { size, special, taken, count, unmasks, returns, code: code.into(), sums: sums.into(), total: sum }
    }

    /// Instructions before the one at `offset`.
    pub fn index(&self, offset: u32) -> u32 {
        self.sums.get(offset as usize / 2).map_or(self.count, |s| s.instructions)
    }

    /// Cycles from the block's start to the start of the instruction at `offset` (its own fetch included).
    pub fn until(&self, offset: u32, cost: FetchCost) -> u64 {
        let sum = self.sums.get(offset as usize / 2).copied().unwrap_or(self.total);
        Self::price(sum, cost)
    }

    /// Cycles from the block's start to the end of the instruction before `offset`, the fetch at `offset` not included.
    pub fn before(&self, offset: u32, cost: FetchCost) -> u64 {
        let sum = self.sums.get(offset as usize / 2).copied().unwrap_or(self.total);
        Self::price(Sum { lines: sum.lines - u32::from(sum.new_line), ..sum }, cost)
    }

    /// Cycles of the whole block, a conditional branch at its end not taken.
    pub fn whole(&self, cost: FetchCost) -> u64 {
        Self::price(self.total, cost)
    }

    fn price(sum: Sum, cost: FetchCost) -> u64 {
        u64::from(sum.cycles) + u64::from(sum.lines * cost.sequential) + u64::from(sum.literals * cost.literal)
    }

    /// The first instruction boundary inside the block that is reached at or after `cycles` from its start; none where
    /// the block ends before. The start itself is none: whoever stops there has not moved.
    pub fn boundary(&self, cycles: u64, cost: FetchCost) -> Option<u32> {
        let mut offset = 0;
        while offset < self.size {
            if offset > 0 && self.until(offset, cost) >= cycles {
                return Some(offset);
            }
            let i = offset as usize;
            let first = u16::from_le_bytes([self.code[i], *self.code.get(i + 1).unwrap_or(&0)]);
            offset += if decode::is_wide(first) { 4 } else { 2 };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // ldr r0, [pc, #4]; ldr r1, [r0]; bl +0; beq -
    const CODE: [u8; 10] = [0x01, 0x48, 0x01, 0x68, 0x00, 0xF0, 0x00, 0xF8, 0xFB, 0xD0];

    #[test]
    fn sums_grow_by_instruction() {
        let b = Block::new(0x0800_0002, &CODE, Core::M0, Some(4));
        let free = FetchCost::default();
        assert_eq!(
            [b.until(0, free), b.until(2, free), b.until(4, free), b.until(8, free), b.whole(free)],
            [0, 2, 4, 8, 9]
        );
        assert_eq!(b.taken, 2);
    }

    #[test]
    fn wait_states_come_by_line_and_literal() {
        let b = Block::new(0x0800_0002, &CODE, Core::M0, Some(4));
        let slow = FetchCost { sequential: 1, target: 1, literal: 1 };
        // +2 begins a line; bl at +6 reaches into the next; beq at +10 (0x0C) begins none after it
        assert_eq!(b.until(0, slow), 0);
        assert_eq!(b.until(2, slow), 2 + 1 + 1);
        assert_eq!(b.until(4, slow), 4 + 1 + 2);
    }

    #[test]
    fn splitting_a_block_does_not_change_its_time() {
        let slow = FetchCost { sequential: 1, target: 0, literal: 1 };
        let whole = Block::new(0x0800_0000, &CODE, Core::M0, Some(4));
        let (a, b) = (
            Block::new(0x0800_0000, &CODE[..4], Core::M0, Some(4)),
            Block::new(0x0800_0004, &CODE[4..], Core::M0, Some(4)),
        );
        assert_eq!(whole.whole(slow), a.whole(slow) + b.whole(slow));
    }

    #[test]
    fn a_boundary_is_the_first_that_reaches_the_time() {
        let b = Block::new(0x0800_0000, &CODE, Core::M0, Some(4));
        let free = FetchCost::default();
        assert_eq!(
            [b.boundary(1, free), b.boundary(3, free), b.boundary(5, free), b.boundary(9, free)],
            [Some(2), Some(4), Some(8), None]
        );
    }
}
