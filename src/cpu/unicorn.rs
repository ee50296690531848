//! The engine of record: Unicorn as a true ARMv6-M core.
//!
//! What makes it one (each seen, not read): `Mode::THUMB` alone with the Cortex-M0 model, as `Mode::MCLASS` silently
//! makes a Cortex-M33; a check of each block's encodings when it is first seen; the host's own exceptions.
//!
//! Time is counted from a block hook with sums kept for each block, so nothing is hooked by instruction and `count`
//! is never used. To stop inside a block, its translation is dropped and it is run again with `until` set.
//!
//! The hooks are C callbacks into `Shared`, registered through the -sys crate: the safe crate's closures cost
//! half as much again on each register access, and a bootloader does little else.

mod hooks;
mod shared;

use super::block::FetchCost;
use super::decode::{self, Kind};
use super::interpreter::registers::File;
use super::{Bus, Core, EXCEPTION, FaultKind, Registers, Stop};
use crate::part;
use shared::{Halt, Shared};
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;
use unicorn_engine::unicorn_const::{Arch, ControlType, HookType, Mode, TlbType, uc_error};
use unicorn_engine::{ArmCpuModel, RegisterARM, Unicorn};
use unicorn_engine_sys as sys;

/// Translated code of one engine; the default would reserve 1 GB of address space.
const TRANSLATION_BYTES: u32 = 8 << 20;

/// Where `emu_start` is told to end when nothing in particular should: an address that is never executed.
const NOWHERE: u64 = 0xFFFF_FFFE;

/// The engine could not be set up. It is no fault of the input.
#[derive(Debug, thiserror::Error)]
#[error("the Unicorn engine failed at {step}: {error:?}; is there enough memory?")]
pub struct EngineError {
    step: &'static str,
    error: uc_error,
}

fn step(step: &'static str) -> impl Fn(uc_error) -> EngineError {
    move |error| EngineError { step, error }
}

/// A Cortex-M0 or M0+ on Unicorn. Not `Send`: one owner thread for each chip.
pub struct UnicornCore {
    uc: Unicorn<'static, ()>,
    /// Boxed: the hooks hold its address.
    shared: Box<Shared>,
    /// The hooks on loads: watched ranges and guarded memory.
    loads: Vec<sys::uc_hook>,
    /// Boxed for the same reason; dropped after `uc`.
    windows: Box<[Window]>,
    left: bool,
}

/// A range whose accesses all go to the bus.
struct Window {
    shared: *mut Shared,
    base: u32,
}

impl UnicornCore {
    /// Opens an engine. `line` is the length of a flash line in bytes; `sram` is where SRAM will be mapped; `windows` are the ranges that go to the bus
    /// for every access, in whole 4 KB pages. Without windows loads and stores of plain memory are an order of
    /// magnitude quicker, and any other access stops the engine before its instruction, for another engine to make.
    ///
    /// # Errors
    /// The engine could not be opened or mapped: out of memory, or a build of Unicorn without ARM.
    pub fn new(
        core: part::Core,
        line: u32,
        sram: &Range<u32>,
        windows: &[Range<u32>],
    ) -> Result<UnicornCore, EngineError> {
        let mut uc = Unicorn::new(Arch::ARM, Mode::THUMB).map_err(step("open"))?;
        uc.ctl_set_cpu_model(ArmCpuModel::CORTEX_M0 as i32).map_err(step("cpu model"))?;
        let handle = uc.get_handle();
        let control = ControlType(ControlType::TCG_BUFFER_SIZE.0 | ControlType::IO_WRITE.0);
        // SAFETY: the handle is open, and this control takes one u32.
        check("translation buffer", unsafe { sys::uc_ctl(handle, control, TRANSLATION_BYTES) })?;
        uc.ctl_set_tlb_type(TlbType::VIRTUAL).map_err(step("translation type"))?;
        let shared = Box::new(Shared {
            handle,
            bus: None,
            core,
            cost: FetchCost::default(),
            line: line.max(2),
            regions: Vec::new(),
            cycle: 0,
            limit: 0,
            instructions: 0,
            attention: false,
            returns: false,
            bare: windows.is_empty(),
            changed: None,
            guards_stale: false,
            current: None,
            current_address: 0,
            halt: None,
            watched: Vec::new(),
            code_pages: Vec::new(),
            stop_inside: Vec::new(),
        });
        let mut engine = UnicornCore { uc, shared, loads: Vec::new(), windows: Box::new([]), left: false };
        engine.hook("block hook", HookType::BLOCK, hooks::on_block as *mut c_void, 1, 0)?;
        // Not over SRAM, where nothing is refused: a page with a hook of any kind has no quick stores.
        for (begin, end) in [(0, u64::from(sram.start) - 1), (u64::from(sram.end), 0xFFFF_FFFF)] {
            engine.hook("fault hook", hooks::INVALID, hooks::on_invalid as *mut c_void, begin, end)?;
        }
        engine.hook("interrupt hook", HookType::INTR, hooks::on_interrupt as *mut c_void, 1, 0)?;
        engine.hook("translation hook", HookType::TLB_FILL, hooks::on_translate as *mut c_void, 1, 0)?;
        if windows.is_empty() {
            return Ok(engine);
        }
        // Unicorn brings PC up to date for memory hooks only, and the register windows need it for their time. Any such
        // hook takes every load and store off the fast path, wherever it goes.
        let registers = HookType::MEM_READ | HookType::MEM_WRITE;
        engine.hook("pc hook", registers, hooks::on_register as *mut c_void, 0x4000_0000, 0xFFFF_FFFF)?;
        engine.hook("pc hook", registers, hooks::on_register as *mut c_void, 0x1000_0000, 0x1FFF_FFFF)?;
        engine.map_windows(windows)?;
        Ok(engine)
    }

    /// Registers a C callback on [`Shared`]; a range whose end lies before its begin means everywhere.
    fn hook(
        &mut self,
        name: &'static str,
        kind: HookType,
        callback: *mut c_void,
        begin: u64,
        end: u64,
    ) -> Result<sys::uc_hook, EngineError> {
        let mut id: sys::uc_hook = 0;
        let user: *mut Shared = &raw mut *self.shared;
        // SAFETY: the callback has the signature that Unicorn calls for this kind of hook, and `shared` is boxed
        // and outlives `uc`, which is declared and so dropped first.
        check(name, unsafe {
            sys::uc_hook_add(self.shared.handle, &raw mut id, kind.0 as i32, callback, user.cast(), begin, end)
        })?;
        Ok(id)
    }

    fn map_windows(&mut self, windows: &[Range<u32>]) -> Result<(), EngineError> {
        let shared: *mut Shared = &raw mut *self.shared;
        self.windows = windows.iter().map(|w| Window { shared, base: w.start }).collect();
        for (record, window) in self.windows.iter_mut().zip(windows) {
            let user: *mut c_void = (&raw mut *record).cast();
            let (base, size) = (u64::from(window.start), u64::from(window.end.wrapping_sub(window.start)));
            // SAFETY: as in `hook`; the records are boxed and kept.
            check("register window", unsafe {
                sys::uc_mmio_map(
                    self.shared.handle,
                    base,
                    size,
                    Some(hooks::on_read),
                    user,
                    Some(hooks::on_write),
                    user,
                )
            })?;
        }
        Ok(())
    }

    fn reg(&self, register: RegisterARM) -> u32 {
        // A register read of an open engine with a valid id cannot fail.
        self.uc.reg_read(register).unwrap_or(0) as u32
    }

    /// Takes over the count of instructions, when another engine hands over.
    pub(super) fn set_instructions(&mut self, instructions: u64) {
        self.shared.instructions = instructions;
    }

    /// Whether the last run ended before an access outside of plain memory, which an engine without windows leaves to
    /// another.
    pub(super) const fn left(&mut self) -> bool {
        std::mem::replace(&mut self.left, false)
    }

    /// The memory that the bus changed since the last call.
    pub(super) fn take_changed(&mut self) -> Option<Range<u32>> {
        self.shared.changed.take()
    }

    fn set_reg(&mut self, register: RegisterARM, value: u32) {
        let written = self.uc.reg_write(register, u64::from(value));
        debug_assert!(written.is_ok());
    }

    /// One stretch of running: until a hook halts it, `until` is reached, or an instruction fails.
    fn go(&mut self, until: u64) -> Result<(), uc_error> {
        self.shared.halt = None;
        let pc = self.reg(RegisterARM::PC);
        let result = self.uc.emu_start(u64::from(pc | 1), until, 0, 0);
        if self.shared.halt.is_none() && result.is_ok() {
            // Ended at `until`: the sliced block ran whole.
            let reached = self.reg(RegisterARM::PC);
            self.shared.close(reached);
        }
        result
    }

    /// Nothing can be fetched at PC. Asking the engine would be in vain: it does not even begin at some addresses.
    fn unmapped(&mut self, pc: u32) -> Result<(), uc_error> {
        let kind = FaultKind::Fetch { address: pc, reason: "nothing can be executed there" };
        self.shared.halt = Some(Halt::Fault { pc, kind });
        Ok(())
    }

    /// What the halt of a hook, or the end of `emu_start`, means; none to go on.
    fn outcome(&mut self, result: Result<(), uc_error>) -> Option<Stop> {
        match self.shared.halt.take() {
            Some(Halt::Limit) => Some(Stop::Limit),
            Some(Halt::Inside) => Some(Stop::Inside),
            Some(Halt::Attention) => {
                self.shared.attention = false;
                Some(Stop::Attention)
            }
            Some(Halt::Stored { pc }) => self.finished(pc, 0),
            Some(Halt::Loaded { pc, value }) => {
                let encoding = self.shared.encoding(pc)[0];
                let (register, value) = shared::destination(encoding, value);
                self.set_reg(LOW_REGISTERS[register], value);
                let literal = encoding >> 11 == 0b01001 && self.shared.region(pc).is_some_and(|r| r.plain.flash);
                self.finished(pc, if literal { u64::from(self.shared.cost.literal) } else { 0 })
            }
            Some(Halt::Special(kind, fetch)) => self.special(kind, fetch),
            Some(Halt::Slice(until)) => self.slice(until),
            Some(Halt::Left { pc }) => {
                self.shared.cycle = self.shared.before(pc);
                self.count_up_to(pc);
                self.shared.current = None;
                self.set_reg(RegisterARM::PC, pc | 1);
                self.left = true;
                Some(Stop::Attention)
            }
            Some(Halt::Fault { pc, kind }) => Some(self.fault_at(pc, kind)),
            Some(Halt::Broken(text)) => Some(Stop::Broken(text)),
            None => match result {
                Ok(()) => None,
                Err(error) => Some(self.engine_error(error)),
            },
        }
    }

    /// The host has finished the 16-bit load or store at `pc`, which takes two cycles, and stops behind it.
    fn finished(&mut self, pc: u32, wait: u64) -> Option<Stop> {
        self.shared.cycle = self.shared.now(pc) + 2 + wait;
        self.count_up_to(pc);
        self.shared.instructions += 1;
        self.shared.current = None;
        self.shared.attention = false;
        self.set_reg(RegisterARM::PC, (pc + 2) | 1);
        Some(Stop::Attention)
    }

    /// Counts the instructions of the current block before `pc`.
    fn count_up_to(&mut self, pc: u32) {
        if let Some(block) = &self.shared.current {
            let done = block.index(pc.wrapping_sub(self.shared.current_address));
            self.shared.instructions += u64::from(done);
        }
    }

    /// Runs the block at PC up to `until`, which lies inside it.
    fn slice(&mut self, until: u32) -> Option<Stop> {
        let pc = self.reg(RegisterARM::PC) & !1;
        if self.reg(RegisterARM::XPSR) & super::T == 0 {
            // Starting anew would set T.
            return Some(self.fault_at(pc, FaultKind::NotThumb));
        }
        // `until` never fires inside a block that is already translated.
        self.drop_translation(pc..until);
        let result = self.go(u64::from(until));
        self.drop_translation(pc..until);
        if self.shared.halt.is_some() || result.is_err() { self.outcome(result) } else { None }
    }

    /// An instruction that the host executes in the engine's place; its fetch costs `fetch` cycles.
    fn special(&mut self, kind: Kind, fetch: u64) -> Option<Stop> {
        let pc = self.reg(RegisterARM::PC) & !1;
        if self.reg(RegisterARM::XPSR) & super::T == 0 {
            return Some(Stop::Fault(FaultKind::NotThumb));
        }
        self.shared.cycle += fetch;
        let stop = match kind {
            Kind::Undefined | Kind::Unpredictable => {
                let encoding = self.shared.encoding(pc);
                return Some(Stop::Fault(FaultKind::Undefined { encoding }));
            }
            Kind::Bkpt => return Some(Stop::Breakpoint),
            Kind::Wfi => Some(Stop::WaitForInterrupt),
            Kind::Wfe => Some(Stop::WaitForEvent),
            Kind::Sev => Some(Stop::SendEvent),
            Kind::Svc => Some(Stop::Svc),
            Kind::SetSp => {
                let h = self.shared.encoding(pc)[0];
                let r = self.registers();
                let operand = match (h >> 3) & 15 {
                    13 => r.sp(),
                    14 => r.lr,
                    15 => pc.wrapping_add(4),
                    m => r.r[usize::from(m)],
                };
                let value = if h & 0x200 == 0 { r.sp().wrapping_add(operand) } else { operand };
                self.set_reg(RegisterARM::SP, value & !3);
                None
            }
            Kind::Msr => {
                let [first, second] = self.shared.encoding(pc);
                let r = self.registers();
                let value = if first & 15 == 14 { r.lr } else { r.r[usize::from(first & 15).min(12)] };
                let mut file = File::default();
                file.set(&r);
                file.set_special(u32::from(second & 0xFF), value);
                let after = file.registers(pc.wrapping_add(4));
                self.set_registers(&after);
                let cycles = decode::decode(first, second, self.shared.core).cycles;
                self.shared.cycle += u64::from(cycles);
                self.shared.instructions += 1;
                return (r.primask && !after.primask).then_some(Stop::Attention);
            }
            Kind::Yield | Kind::Plain | Kind::LoadLiteral | Kind::Conditional | Kind::Branch => None,
        };
        self.set_reg(RegisterARM::PC, (pc + 2) | 1);
        self.shared.cycle += if matches!(kind, Kind::Wfi | Kind::Wfe) { 2 } else { 1 };
        self.shared.instructions += 1;
        stop
    }

    /// The instruction at `pc` was abandoned: time stands at its start.
    fn fault_at(&mut self, pc: u32, kind: FaultKind) -> Stop {
        let returns = self.shared.current.as_ref().map_or(self.shared.returns, |b| b.returns);
        self.shared.cycle = self.shared.now(pc);
        self.count_up_to(pc);
        self.shared.current = None;
        // Writing PC sets T from bit 0; a fault leaves it as it was.
        let thumb = self.reg(RegisterARM::XPSR) & super::T != 0;
        self.set_reg(RegisterARM::PC, pc | u32::from(thumb));
        // A value like 0xFFFFFFF9 in PC is an exception return, if there is an exception to return from.
        if let FaultKind::Fetch { address, .. } = kind
            && address >> 28 == 0xF
            && returns
            && self.registers().exception() != 0
        {
            return Stop::ExceptionReturn(address | 1);
        }
        Stop::Fault(kind)
    }

    /// `emu_start` ended with an error that no hook had explained.
    fn engine_error(&mut self, error: uc_error) -> Stop {
        let pc = self.reg(RegisterARM::PC) & !1;
        let thumb = self.reg(RegisterARM::XPSR) & super::T != 0;
        if !thumb {
            // The branch there is done, whether or not the engine has come to a block there, of which nothing ran.
            match &self.shared.current {
                Some(_) if self.shared.current_address == pc => self.shared.current = None,
                _ => self.shared.close(pc),
            }
        }
        let kind = match error {
            uc_error::INSN_INVALID | uc_error::EXCEPTION if !thumb => FaultKind::NotThumb,
            uc_error::INSN_INVALID => FaultKind::Undefined { encoding: self.shared.encoding(pc) },
            uc_error::FETCH_UNMAPPED | uc_error::FETCH_PROT => {
                FaultKind::Fetch { address: pc, reason: "nothing can be executed there" }
            }
            _ => return Stop::Broken(format!("Unicorn stopped at PC 0x{pc:08X} with {error:?}")),
        };
        self.fault_at(pc, kind)
    }

    fn drop_translation(&mut self, range: Range<u32>) {
        let dropped = self.uc.ctl_remove_cache(u64::from(range.start), u64::from(range.end));
        debug_assert!(dropped.is_ok());
    }

    /// Installs the hooks on loads anew. They slow down every load, so there are none where nothing is watched.
    fn hook_loads(&mut self) -> Result<(), EngineError> {
        for id in self.loads.drain(..) {
            // SAFETY: the id came from `uc_hook_add` on this handle and is removed once.
            check("hook removal", unsafe { sys::uc_hook_del(self.shared.handle, id) })?;
        }
        let guarded = self.shared.regions.iter().filter(|r| r.plain.guarded);
        let guarded: Vec<_> = guarded.map(|r| r.plain.address..r.plain.address + (r.plain.size - 1)).collect();
        let watched = self.shared.watched.clone();
        for range in guarded {
            let id = self.hook(
                "guard",
                HookType::MEM_READ,
                hooks::on_guarded_load as *mut c_void,
                range.start.into(),
                range.end.into(),
            )?;
            self.loads.push(id);
        }
        for range in watched {
            // The hook tests the first address only: a word load from 3 bytes before reaches in.
            let (begin, end) = (range.start.saturating_sub(3), range.end.saturating_sub(1));
            let id = self.hook(
                "watch",
                HookType::MEM_READ,
                hooks::on_watched_load as *mut c_void,
                begin.into(),
                end.into(),
            )?;
            self.loads.push(id);
        }
        // Hooks do not reach into code that is translated already.
        self.uc.ctl_flush_tb().map_err(step("flush"))
    }

    fn broken(&mut self, error: &EngineError) {
        self.shared.halt = Some(Halt::Broken(error.to_string()));
    }
}

impl Core for UnicornCore {
    fn run(&mut self, bus: &mut dyn Bus, limit: u64) -> Stop {
        // A failed remap or hook before this run is told now.
        if let Some(Halt::Broken(text)) = self.shared.halt.take() {
            return Stop::Broken(text);
        }
        // SAFETY: only the lifetime is erased; the pointer is cleared before `bus` ends, below.
        let pointer: NonNull<dyn Bus + 'static> = unsafe { std::mem::transmute(NonNull::from(bus)) };
        self.shared.bus = Some(pointer);
        self.shared.limit = limit;
        let mut idle = 0;
        let stop = loop {
            if self.shared.cycle >= self.shared.limit {
                break Stop::Limit;
            }
            let before = self.shared.cycle;
            let thumb = self.reg(RegisterARM::XPSR) & super::T != 0;
            let pc = self.reg(RegisterARM::PC) & !1;
            if !thumb && self.shared.region(pc).is_some() {
                break self.fault_at(pc, FaultKind::NotThumb);
            }
            let result = if self.shared.region(pc).is_some() { self.go(NOWHERE) } else { self.unmapped(pc) };
            if let Some(stop) = self.outcome(result) {
                break stop;
            }
            // Every round executes something; an engine that stands still must not hang its caller.
            idle = if self.shared.cycle == before { idle + 1 } else { 0 };
            if idle > 100 {
                let pc = self.reg(RegisterARM::PC);
                break Stop::Broken(format!("the engine does not move on from PC 0x{pc:08X}"));
            }
        };
        self.shared.bus = None;
        self.shared.current = None;
        stop
    }

    fn cycle(&self) -> u64 {
        self.shared.cycle
    }

    fn set_cycle(&mut self, cycle: u64) {
        self.shared.cycle = cycle;
        self.shared.current = None;
    }

    fn registers(&self) -> Registers {
        let mut registers = Registers {
            msp: self.reg(RegisterARM::MSP),
            psp: self.reg(RegisterARM::PSP),
            lr: self.reg(RegisterARM::LR),
            pc: self.reg(RegisterARM::PC) & !1,
            // Unicorn keeps bits that ARMv6-M does not have.
            xpsr: self.reg(RegisterARM::XPSR) & (0xF100_0000 | EXCEPTION),
            primask: self.reg(RegisterARM::PRIMASK) & 1 != 0,
            control: self.reg(RegisterARM::CONTROL) & 3,
            ..Registers::default()
        };
        for (value, id) in registers.r.iter_mut().zip(LOW_REGISTERS) {
            *value = self.reg(id);
        }
        registers
    }

    fn primask(&self) -> bool {
        self.reg(RegisterARM::PRIMASK) & 1 != 0
    }

    fn set_registers(&mut self, registers: &Registers) {
        for (value, id) in registers.r.iter().zip(LOW_REGISTERS) {
            self.set_reg(id, *value);
        }
        // Unicorn drops a write to SPSEL in Handler mode, so CONTROL is written in Thread mode. The exception number
        // comes before the stack pointers, as it decides which one is live.
        self.set_reg(RegisterARM::XPSR, registers.xpsr & !EXCEPTION);
        self.set_reg(RegisterARM::CONTROL, registers.control);
        self.set_reg(RegisterARM::XPSR, registers.xpsr);
        self.set_reg(RegisterARM::MSP, registers.msp);
        self.set_reg(RegisterARM::PSP, registers.psp);
        self.set_reg(RegisterARM::LR, registers.lr);
        self.set_reg(RegisterARM::PRIMASK, u32::from(registers.primask));
        // Writing PC sets T from bit 0.
        self.set_reg(RegisterARM::PC, registers.pc | u32::from(registers.thumb()));
        self.shared.current = None;
    }

    fn settle(&mut self, bus: &dyn Bus) {
        if self.shared.guards_stale {
            self.remap(bus);
        }
    }

    fn remap(&mut self, bus: &dyn Bus) {
        self.shared.cost = bus.fetch_cost();
        let result = self.shared.take_map(bus.map()).and_then(|guards| {
            let stale = std::mem::take(&mut self.shared.guards_stale);
            if guards || stale { self.hook_loads() } else { Ok(()) }
        });
        if let Err(error) = result {
            self.broken(&error);
        }
    }

    fn invalidate(&mut self, range: Range<u32>) {
        self.shared.invalidate(&range);
    }

    fn watch(&mut self, ranges: &[Range<u32>]) {
        if self.shared.watched == ranges {
            return;
        }
        self.shared.watched = ranges.to_vec();
        if let Err(error) = self.hook_loads() {
            self.broken(&error);
        }
    }

    fn stop_inside(&mut self, ranges: &[Range<u32>]) {
        self.shared.stop_inside = ranges.to_vec();
    }

    fn instructions(&self) -> u64 {
        self.shared.instructions
    }
}

const LOW_REGISTERS: [RegisterARM; 13] = [
    RegisterARM::R0,
    RegisterARM::R1,
    RegisterARM::R2,
    RegisterARM::R3,
    RegisterARM::R4,
    RegisterARM::R5,
    RegisterARM::R6,
    RegisterARM::R7,
    RegisterARM::R8,
    RegisterARM::R9,
    RegisterARM::R10,
    RegisterARM::R11,
    RegisterARM::R12,
];

fn check(name: &'static str, error: uc_error) -> Result<(), EngineError> {
    if error == uc_error::OK { Ok(()) } else { Err(EngineError { step: name, error }) }
}
