//! A part brought to life: core, memory, blocks, clock, resets and power.
//!
//! [`Chip::run`] goes from event to event; the world outside the pins belongs to `esc/`.

mod board;
pub mod choices;
mod clock;
mod device;
mod event;
mod exception;
pub mod fields;
mod heartbeat;
pub mod names;
mod probe;
pub mod program;
mod reads;
pub mod recorder;
pub mod samples;
mod saved;
pub mod scope;
mod standstill;
mod stores;
mod watch;

pub use board::{Board, INFORMATION, LastLife, PPB, WatchedLoad};
pub use clock::Hclk;
pub use device::{Device, Devices, Index, Rcc, Slot};
pub use event::{Event, EventKind, Log, RestsOn};
pub use heartbeat::{Beat, Heartbeat};
pub use names::{interrupt as interrupt_name, register as register_name};
pub use probe::Debug;
pub use reads::Polled;
pub use recorder::Recorder;
pub use saved::SavedChip;
pub use standstill::{Round, Visits};
pub use stores::{Store, Stores};
pub use watch::{Match, WATCHPOINTS, Watchpoint};

use crate::bus::{Access, BootSource, Master, ResetCause, Width};
use crate::cpu::hybrid::{Engine, Setup};
use crate::cpu::unicorn::EngineError;
use crate::cpu::{Core, FaultKind, Registers, Reply, Stop, T};
use crate::flash::{Cut, Purpose};
use crate::part::{self, Part};
use crate::periph::signal::Signal;
use crate::time::{Now, Time};
use recorder::What;
use std::ops::Range;
use std::sync::Arc;

/// From here on nothing can be executed: the private peripherals and the vendor's system region (DDI0419 B3.1).
const NEVER_CODE: u32 = 0xE000_0000;

/// A pin that the code configured and sampled.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SampledPin {
    /// `PB4`.
    pub pin: String,
    /// Reads of its port while it was an input.
    pub samples: u32,
}

/// Why a chip stopped running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// The time asked for is over.
    Time,
    /// The core is about to execute inside a range given to [`Chip::stop_inside`].
    Inside,
    /// The chip has reset itself and stands at its reset vector.
    Reset(ResetCause),
    /// An instruction faulted; HardFault has been entered.
    Fault(FaultKind),
    /// `bkpt` stands at PC, and a debugger has enabled halting ([`Chip::set_debug`]).
    Breakpoint,
    /// A comparator given to [`Chip::set_debug`] has matched; the instruction has run ([`Chip::take_watch_hits`]).
    Watchpoint,
    /// The core is locked up: only a reset helps.
    Lockup,
    /// The core sleeps, and nothing will ever wake it.
    Asleep,
    /// The core runs ST's boot loader, which is not part of the model.
    SystemMemory,
    /// Power is off.
    Off,
    /// The engine or a model failed. A bug in dryflash.
    Broken(String),
}

/// A chip.
pub struct Chip {
    // Dropped first: the engine maps the board's memory.
    core: Box<dyn Core>,
    /// Everything around the core. Its memory is mapped into the engine: use it, do not replace it.
    pub board: Board,
    event_register: bool,
    locked_up: bool,
    /// The core sleeps, and has not been woken yet.
    sleeping: bool,
    /// It sleeps in `wfe`.
    for_event: bool,
    powered: bool,
    boot: BootSource,
    /// The BOOT0 pin, where it decides.
    boot0_pin: bool,
    seed: u64,
    /// What a debugger has enabled.
    debug: Debug,
    /// Comparators that have matched, one bit each.
    watch_hits: u8,
    /// Resets since the chip was made.
    resets: u64,
    /// How often something has woken the core since the last reset.
    woken: u64,
    /// What keeps what the core does.
    recorder: Option<Box<Recorder>>,
}

impl Chip {
    /// A chip of this part with blank flash and factory option bytes, without power. `seed` decides what SRAM holds
    /// at power-on.
    ///
    /// # Errors
    /// The emulation engine could not be set up.
    pub fn new(part: &Arc<Part>, seed: u64) -> Result<Chip, EngineError> {
        Chip::with_engine(part, seed, Engine::Auto)
    }

    /// As [`Chip::new`], with this engine. All give the same runs; they differ in speed.
    ///
    /// # Errors
    /// The emulation engine could not be set up.
    pub fn with_engine(part: &Arc<Part>, seed: u64, engine: Engine) -> Result<Chip, EngineError> {
        let board = Board::new(part);
        let mut windows: Vec<Range<u32>> = vec![INFORMATION, PPB];
        windows.extend(part.windows.iter().map(|w| w.base..w.end()));
        let line = part.flash.line;
        let core = Setup { core: part.core, line, sram: part.sram.base..part.sram.end(), windows }.open(engine)?;
        Ok(Chip {
            board,
            core,
            event_register: false,
            locked_up: false,
            sleeping: false,
            for_event: false,
            powered: false,
            boot: BootSource::Flash,
            boot0_pin: false,
            seed,
            debug: Debug::default(),
            watch_hits: 0,
            resets: 0,
            woken: 0,
            recorder: None,
        })
    }

    /// What it is.
    pub fn part(&self) -> &Arc<Part> {
        &self.board.part
    }

    /// The present instant.
    pub fn now(&self) -> Now {
        self.board.hclk.at(self.core.cycle())
    }

    /// The core's registers.
    pub fn registers(&self) -> Registers {
        self.core.registers()
    }

    /// Changes the core's registers, as a probe does with the core halted. A PC that is set keeps its Thumb bit.
    pub fn set_registers(&mut self, change: impl FnOnce(&mut Registers)) {
        let mut registers = self.core.registers();
        change(&mut registers);
        self.core.set_registers(&registers);
    }

    /// Whether rounds of a poll that cannot end are skipped, which they are unless told otherwise. Nothing but the
    /// host's time depends on it.
    pub fn set_skipping(&mut self, on: bool) {
        self.core.set_skipping(on);
    }

    /// Instructions executed since the chip was made.
    pub fn instructions(&self) -> u64 {
        self.core.instructions()
    }

    /// Whether power is on.
    pub const fn is_powered(&self) -> bool {
        self.powered
    }

    /// From where the core booted.
    pub const fn booted_from(&self) -> BootSource {
        self.boot
    }

    /// The level of the BOOT0 pin at the next reset.
    pub const fn set_boot0(&mut self, high: bool) {
        self.boot0_pin = high;
    }

    /// Puts a signal on a pin: port letter and number. Whether the part has that port.
    pub fn drive(&mut self, port: char, pin: u8, signal: Signal) -> bool {
        match self.board.devices.gpio(port) {
            Some(gpio) => {
                gpio.drive(pin, signal);
                self.board.touch();
                true
            }
            None => false,
        }
    }

    /// Forgets which pins the code has sampled and driven.
    pub fn forget_pins(&mut self) {
        self.board.devices.gpios().for_each(|(_, gpio)| gpio.forget());
    }

    /// Pins that the code configured as inputs and then sampled, most samples first.
    pub fn sampled_pins(&mut self) -> Vec<SampledPin> {
        let mut pins: Vec<SampledPin> = Vec::new();
        for (letter, gpio) in self.board.devices.gpios() {
            pins.extend(gpio.sampled_inputs().map(|(n, samples)| SampledPin { pin: format!("P{letter}{n}"), samples }));
        }
        pins.sort_by_key(|p| std::cmp::Reverse(p.samples));
        pins
    }

    /// Power comes on: time starts anew, SRAM holds its seeded pattern, the core stands at its reset vector.
    pub fn power_on(&mut self) {
        self.board.log = Log::default();
        self.board.watched.clear();
        self.core.set_cycle(0);
        let start = Now::default();
        self.board.flash.power_on(start);
        self.fill_sram();
        self.powered = true;
        self.start(ResetCause::PowerOn, start);
    }

    /// Power goes. A flash operation in flight leaves what `seed` decides.
    pub fn power_off(&mut self, seed: u64) -> Option<Cut> {
        let now = self.now();
        self.powered = false;
        let cut = self.board.flash.power_off(now, seed);
        self.forget_code();
        cut
    }

    /// A reset with power kept. Option bytes are loaded anew for [`ResetCause::OptionBytes`].
    pub fn reset(&mut self, cause: ResetCause) {
        let now = self.now();
        self.board.flash.reset(cause, now);
        if let Some(cut) = self.board.flash.broken_off() {
            self.core.invalidate(cut.changed);
        }
        self.start(cause, now);
    }

    fn forget_code(&mut self) {
        let flash = self.board.part.flash;
        self.core.invalidate(flash.base..flash.end());
    }

    /// SRAM comes up with a pattern that depends on the seed alone.
    fn fill_sram(&mut self) {
        let mut state = self.seed ^ 0x9E37_79B9_7F4A_7C15;
        let len = self.board.sram.len();
        let mut bytes = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            // xorshift64*: any fixed sequence does.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
        }
        self.board.sram.write(0, &bytes[..len]);
        let sram = self.board.part.sram;
        self.core.invalidate(sram.base..sram.end());
    }

    /// Where the next reset boots from (RM0091 2.5, RM0444 2.5).
    fn boot_source(&self) -> BootSource {
        let options = self.board.flash.boot_options();
        let boot0 = options.boot0.unwrap_or(self.boot0_pin);
        match (options.boot_lock, boot0, options.nboot1) {
            (true, ..) => BootSource::Flash,
            (false, false, _) if options.empty => BootSource::SystemMemory,
            (false, false, _) => BootSource::Flash,
            (false, true, true) => BootSource::SystemMemory,
            (false, true, false) => BootSource::Sram,
        }
    }

    /// Everything as after a reset by `cause`; the core takes SP and PC from address 0.
    fn start(&mut self, cause: ResetCause, now: Now) {
        self.boot = self.boot_source();
        self.board.flash.booted(self.boot);
        self.board.reset(cause, now, self.boot);
        self.board.forget_run();
        self.woken = 0;
        self.core.remap(&self.board);
        self.locked_up = false;
        self.sleeping = false;
        self.event_register = false;
        self.resets += 1;
        let by = Access { master: Master::Cpu, now };
        let mut fetch = |address| self.board.load(address, Width::Word, Purpose::Fetch, by, 0).map(|reply| reply.value);
        let (sp, pc) = match self.boot {
            BootSource::SystemMemory => (0, self.board.part.system_memory.base),
            _ => (fetch(0).unwrap_or(0), fetch(4).unwrap_or(0)),
        };
        let xpsr = if pc & 1 != 0 { T } else { 0 };
        let before = at_reset(&self.board.part);
        let xpsr = xpsr | before.xpsr;
        self.core.set_registers(&Registers { msp: sp & !3, lr: u32::MAX, pc: pc & !1, xpsr, ..before });
        self.board.log.push(now.time, pc & !1, EventKind::Reset { cause });
        self.record_event(|| What::Reset { cause, pc: pc & !1 });
    }

    /// Stops with [`Halt::Inside`] before an instruction inside these ranges of memory, seen at their own address or
    /// through the alias at 0.
    pub fn stop_inside(&mut self, ranges: &[Range<u32>]) {
        let ranges = self.with_alias(ranges);
        self.core.stop_inside(&ranges);
    }

    /// Records loads inside these ranges in [`Board::watched`], at their own address or through the alias at 0.
    pub fn watch(&mut self, ranges: &[Range<u32>]) {
        let ranges = self.with_alias(ranges);
        self.core.watch(&ranges);
    }

    fn with_alias(&self, ranges: &[Range<u32>]) -> Vec<Range<u32>> {
        let base = self.board.part.flash.base;
        let mut all = ranges.to_vec();
        all.extend(ranges.iter().filter(|r| r.start >= base && r.end >= r.start).map(|r| r.start - base..r.end - base));
        all
    }

    /// Runs until `until`, or until something worth telling happens before.
    pub fn run(&mut self, until: Time) -> Halt {
        self.run_within(until, u64::MAX)
    }

    /// As [`Chip::run`], but no further than the first instruction boundary at or after this cycle: [`Halt::Time`].
    pub fn run_to_cycle(&mut self, cycle: u64) -> Halt {
        self.run_within(Time::NEVER, cycle)
    }

    fn run_within(&mut self, until: Time, last: u64) -> Halt {
        if !self.powered {
            return Halt::Off;
        }
        if self.in_system_memory() {
            return Halt::SystemMemory;
        }
        loop {
            if self.locked_up && !self.leaves_lock_up() {
                return Halt::Lockup;
            }
            if let Some(cause) = self.board.reset_wanted.take() {
                let registers = self.core.registers();
                self.board.log.reset_from = Some(registers.pc);
                self.board.log.reset_in = registers.exception();
                self.board.end_life(self.core.cycle());
                self.reset(cause);
                return Halt::Reset(cause);
            }
            let now = self.now();
            if now.time >= until || now.cycle >= last {
                return Halt::Time;
            }
            if now.cycle >= self.board.next_event() {
                self.pass_event(now);
                continue;
            }
            if self.sleeping
                && let Some(halt) = self.sleep(until, last)
            {
                return halt;
            }
            if let Some(number) = self.next_exception() {
                if let Some(halt) = self.take(number) {
                    return halt;
                }
                continue;
            }
            let mut limit = self.board.next_event().min(self.board.hclk.cycle_at(until)).min(last);
            let mut matches = 0;
            if self.debug.watches() {
                matches = self.next_matches();
                limit = limit.min(now.cycle + 1);
            }
            let mut ahead = None;
            if self.recorder.is_some() {
                ahead = self.ahead();
                limit = limit.min(if ahead.is_some() { now.cycle + 1 } else { self.recorder_opens() });
            }
            self.board.set_horizon(limit);
            let stop = self.core.run(&mut self.board, limit);
            if let Some(ahead) = ahead {
                self.recorded(ahead, &stop);
            }
            let matched = matches != 0 && self.matched(matches, &stop);
            if let Some(halt) = self.stopped(stop) {
                return halt;
            }
            if matched {
                return Halt::Watchpoint;
            }
        }
    }

    /// Lets the blocks act that are due.
    fn pass_event(&mut self, now: Now) {
        let pc = self.core.registers().pc;
        let reply = self.board.advance(now, pc);
        self.follow(&reply);
    }

    /// The core takes over what changed outside its own accesses.
    fn follow(&mut self, reply: &Reply) {
        if let Some(range) = &reply.changed {
            self.core.invalidate(range.clone());
        }
        if reply.remap {
            self.core.remap(&self.board);
        }
    }

    /// As [`Chip::follow`], and waits as the access has to.
    fn obey(&mut self, reply: &Reply) {
        if reply.wait > 0 {
            self.core.set_cycle(self.core.cycle() + reply.wait);
        }
        self.follow(reply);
    }

    fn faulted(&mut self, kind: FaultKind) -> Option<Halt> {
        if !self.fault(kind) {
            return Some(self.lock_up());
        }
        let pc = self.core.registers().pc;
        // A debugger may want to halt at the handler's entry first.
        if pc < NEVER_CODE || self.debug.enabled {
            return Some(Halt::Fault(kind));
        }
        // HardFault's handler is where nothing can be executed: it locks up before its first instruction.
        self.tell_fault(pc, FaultKind::Fetch { address: pc, reason: "nothing can be executed there" });
        Some(self.lock_up())
    }

    fn tell_fault(&mut self, pc: u32, fault: FaultKind) {
        let time = self.now().time;
        self.board.log.push(time, pc, EventKind::Fault { fault });
        self.record_event(|| What::Fault { pc, fault });
    }

    /// What the core's stop means; none to run on.
    fn stopped(&mut self, stop: Stop) -> Option<Halt> {
        match stop {
            Stop::Limit => None,
            Stop::Attention => {
                self.core.settle(&self.board);
                None
            }
            Stop::Inside => Some(Halt::Inside),
            Stop::Fault(kind) => self.faulted(kind),
            Stop::Breakpoint if self.debug.enabled => Some(Halt::Breakpoint),
            Stop::Breakpoint => self.faulted(FaultKind::Breakpoint),
            Stop::Svc => {
                let mut registers = self.core.registers();
                if self.board.nvic.can_take_svcall(registers.primask) {
                    self.board.nvic.pend_svcall();
                    return None;
                }
                registers.pc = registers.pc.wrapping_sub(2);
                self.core.set_registers(&registers);
                self.faulted(FaultKind::Svc)
            }
            Stop::ExceptionReturn(value) => self.leave(value),
            Stop::WaitForInterrupt => {
                self.sleeping = true;
                self.for_event = false;
                None
            }
            Stop::WaitForEvent => {
                self.sleeping = !self.take_event();
                self.for_event = true;
                None
            }
            Stop::SendEvent => {
                self.event_register = true;
                None
            }
            Stop::Broken(text) => Some(Halt::Broken(text)),
        }
    }

    /// Whether a sleeping core wakes: `wfi` for what would be taken were PRIMASK clear, `wfe` for what is taken, and
    /// for an event.
    fn wakes(&mut self) -> bool {
        if self.for_event {
            return self.next_exception().is_some() || self.take_event();
        }
        self.board.nvic.wakes()
    }

    /// The core sleeps until something wakes it.
    fn sleep(&mut self, until: Time, last: u64) -> Option<Halt> {
        loop {
            if self.board.reset_wanted.is_some() || self.wakes() {
                self.sleeping = false;
                self.woken += 1;
                return None;
            }
            let next = self.board.next_event();
            let end = self.board.hclk.cycle_at(until).min(last);
            if next == u64::MAX {
                let now = self.now();
                let pc = self.core.registers().pc;
                self.board.log.push(now.time, pc, EventKind::Asleep);
                return Some(Halt::Asleep);
            }
            if next >= end {
                // Asleep still: the next run sleeps on.
                self.core.set_cycle(end);
                return Some(Halt::Time);
            }
            self.core.set_cycle(next.max(self.core.cycle()));
            let now = self.now();
            self.pass_event(now);
        }
    }
}

/// What ARM leaves open of the registers at a reset (DDI0419 B1.5.5 has them UNKNOWN), as the part's chips have it.
fn at_reset(part: &Part) -> Registers {
    let part::ResetRegisters { r, psp, xpsr } = part.reset_registers;
    Registers { r: [r; 13], psp, xpsr, ..Registers::default() }
}
