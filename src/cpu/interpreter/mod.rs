//! The second engine: a plain ARMv6-M interpreter.
//!
//! Bootloaders live on polls of registers, and leaving translated code for each is what costs; here a register access
//! is a call. It counts the same cycles as the engine of record and stops at the same instruction boundaries
//! (`tests/it/lockstep.rs`), so that either can take over from the other, and each checks the other.
//!
//! Where code goes round a poll that cannot end before some later instant, `poll` finds that instant, and time
//! jumps there.

mod execute;
mod memory;
mod op;
mod poll;
pub(super) mod registers;

use super::block::FetchCost;
use super::{Bus, Core, FaultKind, Registers, Stop, join};
use crate::part;
use memory::Region;
use op::Op;
use registers::File;
use std::ops::Range;

/// An interpreter of a Cortex-M0 or M0+.
#[derive(Debug)]
pub struct Interpreter {
    core: part::Core,
    /// Bytes of a flash line.
    line: u32,
    cost: FetchCost,
    file: File,
    /// The next instruction.
    pc: u32,
    cycle: u64,
    instructions: u64,
    limit: u64,
    /// 0 where something has to be seen to at the next boundary, else `limit`.
    stop_at: u64,
    attention: bool,
    remap: bool,
    changed: Option<Range<u32>>,
    /// All that the bus has changed since somebody last asked.
    told: Option<Range<u32>>,
    /// The window that runs was written to: its decoded instructions are stale.
    stale_window: bool,
    regions: Vec<Region>,
    watched: Vec<Range<u32>>,
    /// All watched addresses lie in here.
    watch_bounds: Range<u32>,
    stop_inside: Vec<Range<u32>>,
    poll: poll::Watcher,
    /// Rounds of loops since the last access to the bus: what tells a computation from a poll.
    laps: u32,
    /// After this many laps [`Interpreter::run_until_hot`] ends.
    hot: u32,
    /// The memory whose decoded instructions are in use, and which piece of it.
    running: Option<(*mut u8, u32)>,
}

/// Why a window of code was left.
enum Exit {
    /// PC is outside of it, or the map changed.
    Window,
    /// A loop head that may be a poll.
    Head,
    /// The traced round is complete, or was given up.
    Traced,
    Stop(Stop),
}

impl Interpreter {
    /// An interpreter without memory: [`Core::remap`] gives it some. `line` is the length of a flash line in bytes.
    pub fn new(core: part::Core, line: u32) -> Interpreter {
        Interpreter {
            core,
            line: line.max(2),
            cost: FetchCost::default(),
            file: File::default(),
            pc: 0,
            cycle: 0,
            instructions: 0,
            limit: 0,
            stop_at: 0,
            attention: false,
            remap: false,
            changed: None,
            told: None,
            stale_window: false,
            regions: Vec::new(),
            watched: Vec::new(),
            watch_bounds: 0..0,
            stop_inside: Vec::new(),
            poll: poll::Watcher::default(),
            laps: 0,
            hot: u32::MAX,
            running: None,
        }
    }

    /// Takes over the count of instructions, when another engine hands over.
    pub(super) const fn set_instructions(&mut self, instructions: u64) {
        self.instructions = instructions;
        self.laps = 0;
    }

    /// The memory that the bus changed since the last call.
    pub(super) const fn take_changed(&mut self) -> Option<Range<u32>> {
        self.told.take()
    }

    /// As [`Core::run`]; none where the code has gone round loops so often without an access to the bus: a translating
    /// engine would be quicker.
    pub(super) fn run_until_hot(&mut self, bus: &mut dyn Bus, limit: u64, rounds: u32) -> Option<Stop> {
        self.hot = rounds;
        let stop = self.run_to(bus, limit);
        self.hot = u32::MAX;
        stop
    }

    fn run_to(&mut self, bus: &mut dyn Bus, limit: u64) -> Option<Stop> {
        self.limit = limit;
        self.stop_at = limit;
        if self.cycle >= limit {
            return Some(Stop::Limit);
        }
        // What was left over from an access outside of a run concerns nobody any more.
        (self.attention, self.remap) = (false, false);
        loop {
            match self.run_windows::<false>(bus) {
                Exit::Stop(stop) => return Some(stop),
                Exit::Head => {
                    if let Some(stop) = self.skip(bus) {
                        return Some(stop);
                    }
                    if self.laps >= self.hot {
                        return None;
                    }
                }
                Exit::Window | Exit::Traced => {}
            }
        }
    }

    /// What stops the core where it stands, before the instruction at PC is looked at.
    fn boundary(&mut self, bus: &dyn Bus) -> Option<Exit> {
        if let Some(range) = self.changed.take() {
            self.forget(&range);
            self.told = Some(join(self.told.take(), &range));
        }
        let moved = std::mem::take(&mut self.remap);
        if moved {
            self.remap(bus);
        }
        if std::mem::take(&mut self.attention) {
            return Some(Exit::Stop(Stop::Attention));
        }
        if self.cycle >= self.limit {
            return Some(Exit::Stop(Stop::Limit));
        }
        self.stop_at = self.limit;
        (moved || self.stale_window).then_some(Exit::Window)
    }

    /// Runs windows until something stops it.
    fn run_windows<const TRACE: bool>(&mut self, bus: &mut dyn Bus) -> Exit {
        loop {
            let Some(at) = self.locate(self.pc) else {
                let kind = FaultKind::Fetch { address: self.pc, reason: "nothing can be executed there" };
                return Exit::Stop(Stop::Fault(kind));
            };
            if !self.file.thumb {
                return Exit::Stop(Stop::Fault(FaultKind::NotThumb));
            }
            if self.cycle >= self.stop_at
                && let Some(exit) = self.boundary(bus)
            {
                match exit {
                    Exit::Window => continue,
                    exit => return exit,
                }
            }
            let Some(window) = self.bounds(self.pc, at) else { return Exit::Stop(Stop::Inside) };
            self.stale_window = false;
            let mut ops = self.regions[at.region].take(at.piece);
            self.running = Some((window.plain.pointer, at.piece as u32));
            let exit = self.run_window::<TRACE>(bus, &mut ops, &window);
            self.running = None;
            if self.stale_window {
                ops.fill(Op::default());
            }
            if let Some(region) = self.regions.get_mut(at.region) {
                region.put_back(at.piece, ops);
            }
            match exit {
                Exit::Window => {}
                exit => return exit,
            }
        }
    }
}

impl Core for Interpreter {
    fn run(&mut self, bus: &mut dyn Bus, limit: u64) -> Stop {
        self.run_to(bus, limit).unwrap_or(Stop::Limit)
    }

    fn cycle(&self) -> u64 {
        self.cycle
    }

    fn set_cycle(&mut self, cycle: u64) {
        self.cycle = cycle;
    }

    fn registers(&self) -> Registers {
        self.file.registers(self.pc)
    }

    fn primask(&self) -> bool {
        self.file.primask
    }

    fn set_registers(&mut self, registers: &Registers) {
        self.file.set(registers);
        self.pc = registers.pc & !1;
    }

    fn remap(&mut self, bus: &dyn Bus) {
        self.cost = bus.fetch_cost();
        self.take_map(bus.map());
    }

    fn set_skipping(&mut self, on: bool) {
        self.poll.on = on;
    }

    fn invalidate(&mut self, range: Range<u32>) {
        self.forget(&range);
    }

    fn watch(&mut self, ranges: &[Range<u32>]) {
        self.watched = ranges.to_vec();
        let start = ranges.iter().map(|r| r.start).min().unwrap_or(0);
        self.watch_bounds = start..ranges.iter().map(|r| r.end).max().unwrap_or(0);
    }

    fn stop_inside(&mut self, ranges: &[Range<u32>]) {
        self.stop_inside = ranges.to_vec();
    }

    fn instructions(&self) -> u64 {
        self.instructions
    }
}
