//! Polls, and how far time may jump over them.
//!
//! A loop that comes round with the registers that it reads as they were, and with nothing written, goes round in the
//! same way again for as long as its loads tell it the same. [`Forecast`] says what each register will tell. A
//! counter may even count on: the round is evaluated with the count as an unknown, and as long as no branch, address or
//! stored value depends on it differently, the round is the same.
//!
//! The last round before the end is always executed: it leaves every register as it would have been.

use super::Interpreter;
use super::op::{Code, Op};
use super::registers::File;
use crate::bus::Width;
use crate::cpu::{Bus, Poll, Stop};
use crate::periph::{Due, Forecast};

#[cfg(test)]
mod tests;
mod value;

use value::{Counter, Counters, Value};

/// A round with more instructions is no poll.
const LONGEST: usize = 96;
/// A loop that is no poll is looked at again after up to 2^this rounds.
const PATIENCE: u32 = 10;
const HEADS: usize = 64;

/// A place where code goes back to.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    pc: u32,
    /// Rounds until it is looked at.
    wait: u32,
    misses: u32,
}

/// What a load of the round gave.
#[derive(Clone, Copy, Debug)]
enum Loaded {
    /// From plain memory.
    Plain(u32),
    /// From the bus, at this cycle.
    Register { value: u32, cycle: u64, forecast: Forecast },
}

/// Watches for polls.
#[derive(Debug)]
pub struct Watcher {
    /// Rounds are skipped.
    pub on: bool,
    heads: Box<[Head; HEADS]>,
    head: u32,
    steps: Vec<(u32, Op)>,
    loads: Vec<Loaded>,
    polls: Vec<Poll>,
    spoilt: bool,
}

impl Default for Watcher {
    fn default() -> Watcher {
        Watcher {
            on: true,
            heads: Box::new([Head::default(); HEADS]),
            head: 0,
            steps: Vec::with_capacity(LONGEST),
            loads: Vec::new(),
            polls: Vec::new(),
            spoilt: false,
        }
    }
}

impl Watcher {
    fn slot(&mut self, pc: u32) -> &mut Head {
        &mut self.heads[(pc >> 1) as usize % HEADS]
    }

    fn begin(&mut self, head: u32) {
        self.head = head;
        self.steps.clear();
        self.loads.clear();
        self.polls.clear();
        self.spoilt = false;
    }

    /// The round is no poll.
    pub const fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// Whether the traced round is over at `pc`.
    #[inline]
    pub fn round_ends(&self, pc: u32) -> bool {
        self.spoilt || self.steps.len() >= LONGEST || (pc == self.head && !self.steps.is_empty())
    }

    /// An instruction of the round. What has no place in a poll is found out when the round is evaluated.
    #[inline]
    pub fn step(&mut self, pc: u32, op: Op) {
        // There is room: a round ends before it is longer than that.
        if self.steps.len() < self.steps.capacity() {
            self.steps.push((pc, op));
        }
    }

    /// A load from plain memory.
    pub fn loaded(&mut self, value: u32) {
        self.loads.push(Loaded::Plain(value));
    }

    /// A load from the bus.
    pub fn read(&mut self, address: u32, width: Width, pc: u32, cycle: u64, value: u32, forecast: Forecast) {
        self.spoilt |= forecast == Forecast::Unknown;
        self.loads.push(Loaded::Register { value, cycle, forecast });
        self.polls.push(Poll { address, width, pc, cycle });
    }
}

impl Interpreter {
    /// Code goes back to `to`: whether the round from there is worth a look.
    pub(super) fn may_be_a_poll(&mut self, to: u32) -> bool {
        self.laps = self.laps.saturating_add(1);
        if !self.poll.on {
            return self.laps >= self.hot;
        }
        let head = self.poll.slot(to);
        if head.pc != to {
            *head = Head { pc: to, wait: 1, misses: 0 };
            return false;
        }
        if head.wait > 0 {
            head.wait -= 1;
            return self.laps >= self.hot;
        }
        true
    }

    /// Executes the round that begins at PC, and jumps over as many like it as may be.
    pub(super) fn skip(&mut self, bus: &mut dyn Bus) -> Option<Stop> {
        let head = self.pc;
        if !self.poll.on || self.poll.slot(head).wait > 0 {
            return None;
        }
        let (before, start) = (self.file, self.cycle);
        self.poll.begin(head);
        if let super::Exit::Stop(stop) = self.run_windows::<true>(bus) {
            return Some(stop);
        }
        let whole = !self.poll.spoilt && self.pc == head && !self.poll.steps.is_empty();
        let rounds = if whole { self.rounds(&before, start) } else { None };
        let slot = self.poll.slot(head);
        slot.pc = head;
        match rounds {
            None => {
                slot.misses = (slot.misses + 1).min(PATIENCE);
                slot.wait = 1 << slot.misses;
            }
            Some(0) => slot.wait = 2,
            Some(times) => {
                slot.misses = 0;
                // What is left of this poll is not worth a look; the first round of the next one is.
                slot.wait = 1;
                let period = self.cycle - start;
                self.cycle += times * period;
                self.instructions += times * self.poll.steps.len() as u64;
                let polls = std::mem::take(&mut self.poll.polls);
                bus.repeated(&polls, times, period);
                self.poll.polls = polls;
            }
        }
        None
    }

    /// How many rounds like the one from `start` to now may be left out; none where it is no poll.
    fn rounds(&self, before: &File, start: u64) -> Option<u64> {
        let round = Round::evaluate(&self.poll, before, &self.file)?;
        let period = self.cycle - start;
        let mut most = self.limit.saturating_sub(self.cycle) / period.max(1);
        let mut at_most = |loaded: u64, changes: u64| {
            most = most.min(changes.saturating_sub(loaded + 1) / period.max(1));
        };
        for (loaded, changes) in round.until {
            at_most(loaded, changes);
        }
        for counter in round.counters.all() {
            at_most(counter.loaded, counter.leaves());
        }
        // The last of them is executed.
        Some(most.saturating_sub(1))
    }
}

/// Where the carry or overflow flag came from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// From before the round.
    Before,
    /// `x - y`.
    Difference(Value, Value),
    /// Anything else, of these operands.
    Of(Value, Value),
}

/// A round, evaluated with its counters as unknowns.
struct Round {
    registers: [Value; 16],
    /// Registers read before they were written, and registers written.
    live: u32,
    written: u32,
    nz: Option<Value>,
    c: Source,
    v: Source,
    live_flags: bool,
    counters: Counters,
    /// Cycle of a load, and of the change of what it loads.
    until: Vec<(u64, u64)>,
}

impl Round {
    /// Evaluates the round. None where the next round would not be like it.
    fn evaluate(seen: &Watcher, before: &File, after: &File) -> Option<Round> {
        let mut round = Round {
            registers: before.r.map(Value::fixed),
            live: 0,
            written: 0,
            nz: None,
            c: Source::Before,
            v: Source::Before,
            live_flags: false,
            counters: Counters::default(),
            until: Vec::new(),
        };
        let mut loads = seen.loads.iter().copied();
        for (pc, op) in &seen.steps {
            round.step(*pc, *op, &mut loads)?;
        }
        round.closes(before, after).then_some(round)
    }

    /// Whether the next round begins as this one did.
    fn closes(&mut self, before: &File, after: &File) -> bool {
        for n in 0..15 {
            let value = self.registers[n];
            // The evaluation against what was executed: they must agree.
            if value.now != after.r[n] {
                return false;
            }
            if self.live & 1 << n != 0 {
                if value.now != before.r[n] {
                    return false;
                }
                self.counters.pin(value);
            }
        }
        if self.live_flags {
            if before.flags.bits() != after.flags.bits() {
                return false;
            }
            if let Some(value) = self.nz {
                self.counters.pin(value);
            }
            for source in [self.c, self.v] {
                if let Source::Of(x, y) | Source::Difference(x, y) = source {
                    self.counters.pin(x);
                    self.counters.pin(y);
                }
            }
        }
        true
    }

    fn get(&mut self, n: u8) -> Value {
        if self.written & 1 << n == 0 {
            self.live |= 1 << n;
        }
        self.registers[usize::from(n & 15)]
    }

    /// A register whose value has to be the same in each round.
    fn get_pinned(&mut self, n: u8) -> u32 {
        let value = self.get(n);
        self.counters.pin(value);
        value.now
    }

    fn set(&mut self, n: u8, value: Value) {
        self.written |= 1 << n;
        self.registers[usize::from(n & 15)] = value;
    }

    /// A result that sets N and Z.
    fn result(&mut self, n: u8, value: Value) {
        self.nz = Some(value);
        self.set(n, value);
    }

    fn difference(&mut self, x: Value, y: Value) -> Value {
        let value = self.counters.sub(x, y);
        self.nz = Some(value);
        (self.c, self.v) = (Source::Difference(x, y), Source::Difference(x, y));
        value
    }

    fn sum(&mut self, x: Value, y: Value) -> Value {
        let value = self.counters.add(x, y);
        self.nz = Some(value);
        (self.c, self.v) = (Source::Of(x, y), Source::Of(x, y));
        value
    }

    fn load(&mut self, loads: &mut impl Iterator<Item = Loaded>) -> Option<Value> {
        Some(match loads.next()? {
            Loaded::Plain(value) | Loaded::Register { value, forecast: Forecast::Constant, .. } => Value::fixed(value),
            Loaded::Register { value, cycle, forecast: Forecast::Until(Due::Cycle(change)) } => {
                self.until.push((cycle, change));
                Value::fixed(value)
            }
            Loaded::Register { value, cycle, forecast: Forecast::Counts { next, period, last } } => self
                .counters
                .load(Counter { loaded: cycle, next, period, slack: u64::from(last.checked_sub(value)?) }, value),
            Loaded::Register { .. } => return None,
        })
    }

    /// The flags that a condition looks at stay as they are.
    fn condition(&mut self, cond: u8) {
        let (n, z, c, v) = match cond >> 1 {
            0 => (false, true, false, false),
            1 => (false, false, true, false),
            2 => (true, false, false, false),
            3 => (false, false, false, true),
            4 => (false, true, true, false),
            5 => (true, false, false, true),
            _ => (true, true, false, true),
        };
        match self.nz {
            Some(value) => {
                if n {
                    self.counters.keep(value, 1 << 31);
                }
                if z {
                    self.counters.keep_zero(value);
                }
            }
            None => self.live_flags |= n || z,
        }
        if c {
            match self.c {
                Source::Before => self.live_flags = true,
                Source::Difference(x, y) => self.counters.keep_order(x, y),
                Source::Of(x, y) => self.pin_both(x, y),
            }
        }
        if v {
            match self.v {
                Source::Before => self.live_flags = true,
                Source::Difference(x, y) => {
                    // V follows from the signs of the operands and of the result.
                    let result = self.counters.sub(x, y);
                    for value in [x, y, result] {
                        self.counters.keep(value, 1 << 31);
                    }
                }
                Source::Of(x, y) => self.pin_both(x, y),
            }
        }
    }

    fn pin_both(&mut self, x: Value, y: Value) {
        self.counters.pin(x);
        self.counters.pin(y);
    }

    fn pin_list(&mut self, list: u32) {
        for n in (0..15).filter(|n| list & 1 << n != 0) {
            self.get_pinned(n);
        }
    }

    /// One instruction. None where it has no place in a poll.
    #[allow(clippy::too_many_lines, reason = "one arm for each instruction")]
    fn step(&mut self, pc: u32, o: Op, loads: &mut impl Iterator<Item = Loaded>) -> Option<()> {
        let zero = Value::fixed(0);
        let imm = Value::fixed(o.imm);
        match o.code {
            Code::LslImm => {
                let x = self.get(o.m);
                if o.imm != 0 {
                    self.c = Source::Of(x, zero);
                }
                let value = self.counters.shift_left(x, o.imm);
                self.result(o.d, value);
            }
            Code::LsrImm | Code::AsrImm => {
                let x = self.get(o.m);
                self.c = Source::Of(x, zero);
                let value = self.counters.shift_right(x, o.imm, o.code == Code::AsrImm);
                self.result(o.d, value);
            }
            Code::AddReg | Code::AddImm => {
                let x = self.get(o.n);
                let y = if o.code == Code::AddImm { imm } else { self.get(o.m) };
                let value = self.sum(x, y);
                self.set(o.d, value);
            }
            Code::SubReg | Code::SubImm => {
                let x = self.get(o.n);
                let y = if o.code == Code::SubImm { imm } else { self.get(o.m) };
                let value = self.difference(x, y);
                self.set(o.d, value);
            }
            Code::MovImm => self.result(o.d, imm),
            Code::CmpImm => {
                let x = self.get(o.n);
                self.difference(x, imm);
            }
            Code::CmpReg | Code::CmpHigh => {
                if o.n == 15 || o.m == 15 {
                    return None;
                }
                let (x, y) = (self.get(o.n), self.get(o.m));
                self.difference(x, y);
            }
            Code::Rsb => {
                let y = self.get(o.m);
                let value = self.difference(zero, y);
                self.set(o.d, value);
            }
            Code::Cmn => {
                let (x, y) = (self.get(o.n), self.get(o.m));
                self.sum(x, y);
            }
            Code::And | Code::Tst => {
                let (x, y) = (self.get(o.n), self.get(o.m));
                let value = self.counters.and(x, y);
                self.nz = Some(value);
                if o.code == Code::And {
                    self.set(o.d, value);
                }
            }
            Code::Eor | Code::Orr | Code::Bic | Code::Mul => {
                let (x, y) = (self.get_pinned(o.n), self.get_pinned(o.m));
                let value = match o.code {
                    Code::Eor => x ^ y,
                    Code::Orr => x | y,
                    Code::Bic => x & !y,
                    _ => x.wrapping_mul(y),
                };
                self.result(o.d, Value::fixed(value));
            }
            Code::Mvn => {
                let x = self.get(o.m);
                let value = self.counters.sub(Value::fixed(u32::MAX), x);
                self.result(o.d, value);
            }
            Code::AddHigh => {
                if o.n == 15 || o.m == 15 || o.d == 13 {
                    return None;
                }
                let (x, y) = (self.get(o.n), self.get(o.m));
                let value = self.counters.add(x, y);
                self.set(o.d, value);
            }
            Code::MovHigh => {
                if o.m == 15 || o.d == 13 {
                    return None;
                }
                let value = self.get(o.m);
                self.set(o.d, value);
            }
            Code::Adr => self.set(o.d, Value::fixed((pc.wrapping_add(4) & !3).wrapping_add(o.imm))),
            Code::AddSp => {
                let sp = self.get(13);
                let value = self.counters.add(sp, imm);
                self.set(o.d, value);
            }
            Code::SubSp => {
                let sp = self.get(13);
                let value = self.counters.sub(sp, imm);
                self.set(13, value);
            }
            Code::Sxth | Code::Sxtb | Code::Uxth | Code::Uxtb => {
                let x = self.get(o.m);
                let bits = if matches!(o.code, Code::Sxth | Code::Uxth) { 16 } else { 8 };
                let value = self.counters.extend(x, bits, matches!(o.code, Code::Sxth | Code::Sxtb));
                self.set(o.d, value);
            }
            Code::Rev | Code::Rev16 | Code::Revsh => {
                let x = self.get_pinned(o.m);
                self.set(
                    o.d,
                    Value::fixed(match o.code {
                        Code::Rev => x.swap_bytes(),
                        Code::Rev16 => (x >> 8 & 0x00FF_00FF) | (x << 8 & 0xFF00_FF00),
                        _ => (x as u16).swap_bytes() as i16 as u32,
                    }),
                );
            }
            Code::LdrLiteral => {
                let value = self.load(loads)?;
                self.set(o.d, value);
            }
            Code::LdrReg | Code::LdrhReg | Code::LdrbReg | Code::LdrsbReg | Code::LdrshReg => {
                self.get_pinned(o.n);
                self.get_pinned(o.m);
                let value = self.load(loads)?;
                let value = match o.code {
                    Code::LdrsbReg => self.counters.extend(value, 8, true),
                    Code::LdrshReg => self.counters.extend(value, 16, true),
                    _ => value,
                };
                self.set(o.d, value);
            }
            Code::LdrImm | Code::LdrhImm | Code::LdrbImm => {
                self.get_pinned(o.n);
                let value = self.load(loads)?;
                self.set(o.d, value);
            }
            Code::StrReg | Code::StrhReg | Code::StrbReg => {
                self.get_pinned(o.n);
                self.get_pinned(o.m);
                self.get_pinned(o.d);
            }
            Code::StrImm | Code::StrhImm | Code::StrbImm => {
                self.get_pinned(o.n);
                self.get_pinned(o.d);
            }
            Code::Push | Code::Stm => {
                let base = self.get_pinned(o.n);
                self.pin_list(o.imm);
                let size = 4 * o.imm.count_ones();
                let end = if o.code == Code::Push { base.wrapping_sub(size) } else { base.wrapping_add(size) };
                self.set(o.n, Value::fixed(end));
            }
            Code::Pop | Code::Ldm => {
                let base = self.get_pinned(o.n);
                let end = base.wrapping_add(4 * o.imm.count_ones());
                self.set(o.n, Value::fixed(end));
                for n in (0..15).filter(|n| o.imm & 1 << n != 0) {
                    let value = self.load(loads)?;
                    self.set(n, value);
                }
                if o.imm & 0x8000 != 0 {
                    let target = self.load(loads)?;
                    self.counters.pin(target);
                }
            }
            Code::Bx => {
                self.get_pinned(o.m);
            }
            Code::Blx => {
                self.get_pinned(o.m);
                self.set(14, Value::fixed(pc.wrapping_add(2) | 1));
            }
            Code::Bl => self.set(14, Value::fixed(pc.wrapping_add(4) | 1)),
            Code::BCond => self.condition(o.n),
            Code::B | Code::Nop => {}
            Code::LslReg
            | Code::LsrReg
            | Code::AsrReg
            | Code::RorReg
            | Code::Adc
            | Code::Sbc
            | Code::MovPc
            | Code::AddPc
            | Code::Cpsie
            | Code::Cpsid
            | Code::Mrs
            | Code::Msr
            | Code::Special
            | Code::Unseen => return None,
        }
        Some(())
    }
}
