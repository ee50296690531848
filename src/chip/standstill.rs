//! Whether code goes on: a round that comes back to the very same state, with nothing to come that could change it,
//! is gone round for ever.
//!
//! The chip is stepped instruction by instruction; what each accesses is told from its encoding before it runs. That is
//! exact: a core is its registers and its memory, and what a load of a register will give the blocks themselves tell
//! ([`Forecast`](crate::periph::Forecast)). Where that is not known, nothing is claimed.

use super::board::Change;
use super::{Chip, Halt};
use crate::bus::Width;
use crate::cpu::Registers;
use crate::cpu::access::{DataAccess, data_access, may_access};
use crate::time::Time;
use std::collections::BTreeMap;
use std::ops::Range;

/// Instructions that are looked at. Rounds of up to a quarter of that are found.
const LOOK: usize = 4_096;
/// The same of handlers on the way, which are no part of the round.
const LOOK_IN_HANDLERS: usize = 16 * LOOK;

/// What the code does at this point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// It goes on: no round was seen in which all is as before, or what it reads changes.
    Moves,
    /// It sleeps.
    Sleeps,
    /// It goes round, and each time finds registers and memory as they were.
    Same {
        /// Nothing can come that would end it: no interrupt, no change of what it reads.
        for_ever: bool,
        /// It reads a block's register on the way.
        polls: bool,
        /// What it reads can be changed from outside: a pin, a line.
        outside: bool,
        /// It stores into a block on the way.
        acts: bool,
        /// Handlers ran meanwhile.
        interrupted: bool,
    },
}

/// What [`Chip::comes_back`] saw at an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visits {
    /// How often the core came by.
    pub count: u64,
    /// Registers and SRAM were as at an earlier visit.
    pub same: bool,
    /// The time from the first visit to the last.
    pub span: Time,
}

/// A state, and what happened since.
struct Anchor {
    registers: Registers,
    /// Words of SRAM that were stored to, as they were.
    stored: BTreeMap<u32, u32>,
    /// Registers that were read.
    reads: Vec<Change>,
    reads_sram: bool,
    acts: bool,
    steps: usize,
}

impl Anchor {
    fn new(registers: Registers) -> Anchor {
        Anchor { registers, stored: BTreeMap::new(), reads: Vec::new(), reads_sram: false, acts: false, steps: 0 }
    }
}

impl Chip {
    /// Looks at what the code does. Time goes on by up to some thousand instructions.
    ///
    /// # Errors
    /// The halt that came in between.
    pub fn round(&mut self) -> Result<Round, Halt> {
        let level = handler(&self.registers());
        let taken = self.board.nvic.taken_in_all();
        let mut anchor = Anchor::new(self.registers());
        let (mut window, mut elsewhere) = (1, 0);
        let mut looked = 0;
        while looked < LOOK && elsewhere < LOOK_IN_HANDLERS {
            if self.is_sleeping() {
                return Ok(Round::Sleeps);
            }
            let registers = self.registers();
            let of_the_round = handler(&registers) == level;
            if of_the_round && anchor.steps > 0 && registers == anchor.registers && self.holds(&anchor.stored) {
                return Ok(self.same(&anchor, self.board.nvic.taken_in_all() != taken));
            }
            if of_the_round && anchor.steps == window {
                window *= 2;
                anchor = Anchor::new(registers);
            }
            let access = self.next_access(&registers).filter(|_| of_the_round);
            if let Some(access) = access.filter(|a| a.store) {
                self.note_store(access, &mut anchor);
            }
            match self.run_to_cycle(self.now().cycle + 1) {
                Halt::Time => {}
                halt => return Err(halt),
            }
            if let Some(access) = access.filter(|a| !a.store) {
                self.note_load(access, &mut anchor);
            }
            if of_the_round {
                anchor.steps += 1;
                looked += 1;
            } else {
                elsewhere += 1;
            }
        }
        Ok(Round::Moves)
    }

    fn next_access(&self, registers: &Registers) -> Option<DataAccess> {
        let half = self.board.code(registers.pc)?;
        if may_access(half) { data_access(half, registers.pc, registers) } else { None }
    }

    fn note_store(&self, access: DataAccess, anchor: &mut Anchor) {
        let sram = self.board.part.sram;
        for word in (access.first & !3..=access.last).step_by(4) {
            let address = self.board.resolve(word);
            if sram.contains(address) {
                let held = self.board.sram.word((address - sram.base) as usize);
                anchor.stored.entry(address).or_insert(held);
            } else {
                anchor.acts = true;
            }
        }
    }

    fn note_load(&self, access: DataAccess, anchor: &mut Anchor) {
        let address = self.board.resolve(access.first);
        if self.board.part.sram.contains(address) {
            anchor.reads_sram = true;
            return;
        }
        let width = match access.last - access.first {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        };
        anchor.reads.extend(self.board.change_of(address, width, self.now().cycle));
    }

    fn holds(&self, stored: &BTreeMap<u32, u32>) -> bool {
        let base = self.board.part.sram.base;
        stored.iter().all(|(address, word)| self.board.sram.word((address - base) as usize) == *word)
    }

    fn same(&self, anchor: &Anchor, interrupted: bool) -> Round {
        let outside = anchor.reads.contains(&Change::Outside);
        let polls = !anchor.reads.is_empty();
        if anchor.reads.contains(&Change::Event) {
            // What it waits for may be on its way.
            return Round::Moves;
        }
        let dma = (polls || anchor.reads_sram) && self.board.dma_waits();
        let interrupt = self.board.interrupt_may_come(self.registers().primask);
        let for_ever = !(outside || dma || interrupt || interrupted || anchor.acts);
        Round::Same { for_ever, polls, outside, acts: anchor.acts, interrupted }
    }

    /// Runs until the core has come by the instruction at `pc` so often, or has found registers and SRAM there as at
    /// an earlier visit, but not past `until`, nor on where code feeds the watchdog. Breakpoints are taken off.
    ///
    /// # Errors
    /// The halt that came in between.
    pub fn comes_back(&mut self, pc: u32, most: u64, until: Time) -> Result<Visits, Halt> {
        let here: Range<u32> = pc..pc.saturating_add(2);
        let mut seen: Vec<(Registers, Vec<u8>)> = Vec::new();
        let mut visits = Visits { count: 0, same: false, span: Time::ZERO };
        let mut first = None;
        let fed = self.board.heartbeat.total();
        while visits.count < most && !visits.same {
            self.stop_inside(std::slice::from_ref(&here));
            let halt = self.run(until.min(self.now().time + Time::from_millis(1)));
            self.stop_inside(&[]);
            match halt {
                Halt::Inside => {}
                Halt::Time if self.now().time < until && self.board.heartbeat.total() == fed => continue,
                Halt::Time => break,
                halt => return Err(halt),
            }
            let now = self.now();
            visits.count += 1;
            visits.span = now.time.since(*first.get_or_insert(now.time));
            let state = (self.registers(), self.board.sram.bytes(0, self.board.sram.len()));
            visits.same = seen.contains(&state);
            seen.push(state);
            match self.run_to_cycle(now.cycle + 1) {
                Halt::Time => {}
                halt => return Err(halt),
            }
        }
        Ok(visits)
    }
}

/// The exception that runs, 0 in Thread mode.
const fn handler(registers: &Registers) -> u32 {
    registers.exception()
}
