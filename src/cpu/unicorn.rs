//! The engine of record: Unicorn as a true ARMv6-M core.
//!
//! What makes it one (each seen, not read): `Mode::THUMB` alone with the Cortex-M0 model, as `Mode::MCLASS` silently
//! makes a Cortex-M33; a check of each block's encodings when it is first seen; the host's own exceptions.
//!
//! Time is counted from a block hook with sums kept for each block, so nothing is hooked by instruction and `count`
//! is never used. To stop inside a block, its translation is dropped and it is run again with `until` set.
//!
//! The hooks are C callbacks into [`Shared`], registered through the -sys crate: the safe crate's closures cost
//! half as much again on each register access, and a bootloader does little else.

use super::block::{Block, FetchCost};
use super::decode::Kind;
use super::{Bus, Core, FaultKind, Plain, Registers, Stop};
use crate::bus::Width;
use crate::part;
use std::ffi::c_void;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use unicorn_engine::unicorn_const::{Arch, ControlType, HookType, MemType, Mode, Prot, uc_error};
use unicorn_engine::{ArmCpuModel, RegisterARM, Unicorn};
use unicorn_engine_sys as sys;

/// Translated code of one engine; the default would reserve 1 GB of address space.
const TRANSLATION_BYTES: u32 = 8 << 20;

/// Where `emu_start` is told to end when nothing in particular should: an address that is never executed.
const NOWHERE: u64 = 0xFFFF_FFFE;

/// The engine could not be set up. It is no fault of the input.
#[derive(Debug, thiserror::Error)]
#[error("the Unicorn engine failed at {step}: {error:?}")]
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
    windows: Vec<Box<Window>>,
}

/// A range whose accesses all go to the bus.
struct Window {
    shared: *mut Shared,
    base: u32,
}

/// What an access through a hook is.
#[derive(Clone, Copy)]
enum Way {
    Read,
    Write(u32),
    /// A load from guarded memory: the bus may refuse it; the memory gives the value.
    Guard,
}

/// Why a hook stopped the engine.
#[derive(Debug)]
enum Halt {
    Limit,
    Inside,
    Attention,
    /// The host handles the instruction at the block's start.
    Special(Kind),
    /// The block has to be run up to this address first.
    Slice(u32),
    /// The instruction at `pc` was abandoned.
    Fault {
        pc: u32,
        kind: FaultKind,
    },
    Broken(String),
}

/// What the hooks work on.
struct Shared {
    handle: *mut sys::uc_engine,
    /// Set for the time of [`Core::run`] only.
    bus: Option<NonNull<dyn Bus>>,
    core: part::Core,
    cost: FetchCost,
    line: u32,
    regions: Vec<Known>,
    /// Cycles at the start of `current`, or at the instruction boundary where the engine stands.
    cycle: u64,
    limit: u64,
    instructions: u64,
    attention: bool,
    current: Option<Rc<Block>>,
    current_address: u32,
    halt: Option<Halt>,
    watched: Vec<Range<u32>>,
    stop_inside: Vec<Range<u32>>,
}

/// Mapped memory, and the blocks known in it by half-word.
struct Known {
    plain: Plain,
    blocks: Vec<Option<Rc<Block>>>,
    /// 1 KB pieces in which a block lies.
    code: Vec<bool>,
}

impl UnicornCore {
    /// Opens an engine. `line` is the length of a flash line in bytes; `windows` are the ranges that go to the bus
    /// for every access, in whole 4 KB pages.
    ///
    /// # Errors
    /// The engine could not be opened or mapped: out of memory, or a build of Unicorn without ARM.
    pub fn new(core: part::Core, line: u32, windows: &[Range<u32>]) -> Result<UnicornCore, EngineError> {
        let mut uc = Unicorn::new(Arch::ARM, Mode::THUMB).map_err(step("open"))?;
        uc.ctl_set_cpu_model(ArmCpuModel::CORTEX_M0 as i32).map_err(step("cpu model"))?;
        let handle = uc.get_handle();
        let control = ControlType(ControlType::TCG_BUFFER_SIZE.0 | ControlType::IO_WRITE.0);
        // SAFETY: the handle is open, and this control takes one u32.
        check("translation buffer", unsafe { sys::uc_ctl(handle, control, TRANSLATION_BYTES) })?;
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
            current: None,
            current_address: 0,
            halt: None,
            watched: Vec::new(),
            stop_inside: Vec::new(),
        });
        let mut engine = UnicornCore { uc, shared, loads: Vec::new(), windows: Vec::new() };
        engine.hook("block hook", HookType::BLOCK, on_block as *mut c_void, 1, 0)?;
        engine.hook("fault hook", INVALID, on_invalid as *mut c_void, 1, 0)?;
        engine.hook("interrupt hook", HookType::INTR, on_interrupt as *mut c_void, 1, 0)?;
        // Unicorn brings PC up to date for memory hooks only, and the register windows need it for their time.
        let registers = HookType::MEM_READ | HookType::MEM_WRITE;
        engine.hook("pc hook", registers, on_register as *mut c_void, 0x4000_0000, 0xFFFF_FFFF)?;
        for window in windows {
            engine.window(window)?;
        }
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

    fn window(&mut self, window: &Range<u32>) -> Result<(), EngineError> {
        let mut record = Box::new(Window { shared: &raw mut *self.shared, base: window.start });
        let user: *mut c_void = (&raw mut *record).cast();
        self.windows.push(record);
        let (base, size) = (u64::from(window.start), u64::from(window.end.wrapping_sub(window.start)));
        // SAFETY: as in `hook`; the record is boxed and kept.
        check("register window", unsafe {
            sys::uc_mmio_map(self.shared.handle, base, size, Some(on_read), user, Some(on_write), user)
        })
    }

    fn reg(&self, register: RegisterARM) -> u32 {
        // A register read of an open engine with a valid id cannot fail.
        self.uc.reg_read(register).unwrap_or(0) as u32
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

    /// What the halt of a hook, or the end of `emu_start`, means; none to go on.
    fn outcome(&mut self, result: Result<(), uc_error>) -> Option<Stop> {
        match self.shared.halt.take() {
            Some(Halt::Limit) => Some(Stop::Limit),
            Some(Halt::Inside) => Some(Stop::Inside),
            Some(Halt::Attention) => {
                self.shared.attention = false;
                Some(Stop::Attention)
            }
            Some(Halt::Special(kind)) => self.special(kind),
            Some(Halt::Slice(until)) => self.slice(until),
            Some(Halt::Fault { pc, kind }) => Some(self.fault_at(pc, kind)),
            Some(Halt::Broken(text)) => Some(Stop::Broken(text)),
            None => match result {
                Ok(()) => None,
                Err(error) => Some(self.engine_error(error)),
            },
        }
    }

    /// Runs the block at PC up to `until`, which lies inside it.
    fn slice(&mut self, until: u32) -> Option<Stop> {
        let pc = self.reg(RegisterARM::PC) & !1;
        // `until` never fires inside a block that is already translated.
        self.drop_translation(pc..until);
        let result = self.go(u64::from(until));
        self.drop_translation(pc..until);
        if self.shared.halt.is_some() || result.is_err() { self.outcome(result) } else { None }
    }

    /// An instruction that the host executes in the engine's place.
    fn special(&mut self, kind: Kind) -> Option<Stop> {
        let pc = self.reg(RegisterARM::PC) & !1;
        if self.reg(RegisterARM::XPSR) & super::T == 0 {
            return Some(Stop::Fault(FaultKind::NotThumb));
        }
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
            Kind::Yield | Kind::Plain | Kind::LoadLiteral | Kind::Conditional | Kind::Branch => None,
        };
        self.set_reg(RegisterARM::PC, (pc + 2) | 1);
        self.shared.cycle += if matches!(kind, Kind::Wfi | Kind::Wfe) { 2 } else { 1 };
        self.shared.instructions += 1;
        stop
    }

    /// The instruction at `pc` was abandoned: time stands at its start.
    fn fault_at(&mut self, pc: u32, kind: FaultKind) -> Stop {
        self.shared.cycle = self.shared.now(pc);
        self.shared.current = None;
        self.set_reg(RegisterARM::PC, pc | 1);
        // A value like 0xFFFFFFF9 in PC is an exception return, if there is an exception to return from.
        if let FaultKind::Fetch { address, .. } = kind
            && address >> 28 == 0xF
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
                on_guarded_load as *mut c_void,
                range.start.into(),
                range.end.into(),
            )?;
            self.loads.push(id);
        }
        for range in watched {
            // The hook tests the first address only: a word load from 3 bytes before reaches in.
            let (begin, end) = (range.start.saturating_sub(3), range.end.saturating_sub(1));
            let id =
                self.hook("watch", HookType::MEM_READ, on_watched_load as *mut c_void, begin.into(), end.into())?;
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
            if self.shared.cycle >= limit {
                break Stop::Limit;
            }
            let before = self.shared.cycle;
            let thumb = self.reg(RegisterARM::XPSR) & super::T != 0;
            if !thumb {
                let pc = self.reg(RegisterARM::PC);
                break self.fault_at(pc, FaultKind::NotThumb);
            }
            let result = self.go(NOWHERE);
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
            xpsr: self.reg(RegisterARM::XPSR),
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
        // xPSR first: the exception number decides which stack pointer is live.
        self.set_reg(RegisterARM::XPSR, registers.xpsr);
        self.set_reg(RegisterARM::CONTROL, registers.control);
        self.set_reg(RegisterARM::MSP, registers.msp);
        self.set_reg(RegisterARM::PSP, registers.psp);
        self.set_reg(RegisterARM::LR, registers.lr);
        self.set_reg(RegisterARM::PRIMASK, u32::from(registers.primask));
        // Writing PC sets T from bit 0.
        self.set_reg(RegisterARM::PC, registers.pc | u32::from(registers.thumb()));
        self.shared.current = None;
    }

    fn remap(&mut self, bus: &dyn Bus) {
        self.shared.cost = bus.fetch_cost();
        if let Err(error) =
            self.shared.take_map(bus.map()).and_then(|guards| if guards { self.hook_loads() } else { Ok(()) })
        {
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

impl Shared {
    /// Ends the block that has run; `next` is where the core goes on.
    fn close(&mut self, next: u32) {
        if let Some(block) = self.current.take() {
            self.cycle += block.whole(self.cost);
            self.instructions += u64::from(block.count);
            if next != self.current_address.wrapping_add(block.size) {
                self.cycle += u64::from(block.taken);
                if self.cost.target != 0 && self.region(next).is_some_and(|r| r.plain.flash) {
                    self.cycle += u64::from(self.cost.target);
                }
            }
        }
    }

    /// A block is about to run. Whether it may.
    fn enter(&mut self, address: u32, size: u32) -> bool {
        self.close(address);
        if self.attention {
            self.halt = Some(Halt::Attention);
            return false;
        }
        if self.cycle >= self.limit {
            self.halt = Some(Halt::Limit);
            return false;
        }
        if !self.stop_inside.is_empty() && self.stop_inside.iter().any(|r| r.contains(&address)) {
            self.halt = Some(Halt::Inside);
            return false;
        }
        let Some(block) = self.lookup(address, size) else {
            let kind = FaultKind::Fetch { address, reason: "nothing can be executed there" };
            self.halt = Some(Halt::Fault { pc: address, kind });
            return false;
        };
        if let Some(special) = block.special
            && special.offset == 0
        {
            self.halt = Some(Halt::Special(special.kind));
            return false;
        }
        let left = self.limit - self.cycle;
        if block.special.is_some() || block.whole(self.cost) + u64::from(block.taken) > left {
            let special = block.special.map(|s| s.offset);
            let due = block.boundary(left, self.cost);
            if let Some(offset) = special.into_iter().chain(due).min() {
                self.halt = Some(Halt::Slice(address.wrapping_add(offset)));
                return false;
            }
        }
        self.current_address = address;
        self.current = Some(block);
        true
    }

    /// The instant at which the instruction at `pc`, inside the current block, begins.
    fn now(&self, pc: u32) -> u64 {
        match &self.current {
            Some(block) => self.cycle + block.until(pc.wrapping_sub(self.current_address), self.cost),
            None => self.cycle,
        }
    }

    fn region(&self, address: u32) -> Option<&Known> {
        self.regions.iter().find(|r| address.wrapping_sub(r.plain.address) < r.plain.size)
    }

    fn lookup(&mut self, address: u32, size: u32) -> Option<Rc<Block>> {
        let (core, line) = (self.core, self.line);
        let region = self.regions.iter_mut().find(|r| address.wrapping_sub(r.plain.address) < r.plain.size)?;
        let offset = address - region.plain.address;
        let slot = region.blocks.get_mut(offset as usize / 2)?;
        if let Some(block) = slot
            && block.size == size
            // Only SRAM changes without the host's knowing.
            && (region.plain.flash || region.plain.matches(offset, &block.code))
        {
            return Some(Rc::clone(block));
        }
        let code = region.plain.bytes(offset, size);
        let line = if region.plain.flash { line } else { u32::MAX };
        let block = Rc::new(Block::new(address, &code, core, line));
        *slot = Some(Rc::clone(&block));
        for piece in offset / 1024..=(offset + size.saturating_sub(1)) / 1024 {
            if let Some(code) = region.code.get_mut(piece as usize) {
                *code = true;
            }
        }
        Some(block)
    }

    /// The half-words at `pc`, for messages.
    fn encoding(&self, pc: u32) -> [u16; 2] {
        let Some(region) = self.region(pc) else { return [0, 0] };
        let bytes = region.plain.bytes(pc - region.plain.address, 4);
        let half = |i: usize| bytes.get(i..i + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
        let first = half(0);
        [first, if super::decode::is_wide(first) { half(2) } else { 0 }]
    }

    /// Forgets blocks and translations in `range`, in every place where that memory is mapped.
    fn invalidate(&mut self, range: &Range<u32>) {
        let handle = self.handle;
        let Some(home) = self.region(range.start).map(|r| (r.plain.pointer, r.plain.address)) else { return };
        for region in self.regions.iter_mut().filter(|r| r.plain.pointer == home.0) {
            let first = (range.start - home.1) / 1024;
            let last = range.end.saturating_sub(1).saturating_sub(home.1) / 1024;
            for piece in first..=last {
                if region.code.get(piece as usize) != Some(&true) {
                    continue;
                }
                // A block may reach in from the piece before.
                let begin = (piece * 1024).saturating_sub(512) as usize / 2;
                let end = (((piece + 1) * 1024) as usize / 2).min(region.blocks.len());
                region.blocks[begin.min(end)..end].fill(None);
                region.code[piece as usize] = false;
                let start = u64::from(region.plain.address + piece * 1024);
                let control = ControlType(ControlType::TB_REMOVE_CACHE.0 | ControlType::IO_WRITE.0);
                // SAFETY: the handle is open; this control takes two addresses. Allowed inside hooks.
                let removed = unsafe { sys::uc_ctl(handle, control, start, start + 1024) };
                debug_assert!(removed == uc_error::OK);
            }
        }
    }

    /// Takes over a new map: unmaps what is gone, maps what is new. Whether load hooks have to be set anew.
    fn take_map(&mut self, map: Vec<Plain>) -> Result<bool, EngineError> {
        let (kept, gone): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.regions).into_iter().partition(|r| map.contains(&r.plain));
        let guards = gone.iter().any(|r| r.plain.guarded);
        self.regions = kept;
        for region in gone {
            // SAFETY: this range was mapped below; unmapping inside a register callback is allowed.
            check("unmap", unsafe {
                sys::uc_mem_unmap(self.handle, u64::from(region.plain.address), u64::from(region.plain.size))
            })?;
        }
        let mut added_guard = false;
        for plain in map {
            if self.regions.iter().any(|r| r.plain == plain) {
                continue;
            }
            let (address, size) = (u64::from(plain.address), u64::from(plain.size));
            // SAFETY: the bus promises that `pointer` has `size` bytes and lives as long as the bus; whole pages.
            check("map", unsafe {
                sys::uc_mem_map_ptr(self.handle, address, size, Prot::ALL.0, plain.pointer.cast())
            })?;
            if !plain.writable {
                // Mapped writable first: then a store is dropped after its hook, and the hook may write the memory.
                // SAFETY: the range was mapped just now.
                check("protect", unsafe {
                    sys::uc_mem_protect(self.handle, address, size, (Prot::READ | Prot::EXEC).0)
                })?;
            }
            added_guard |= plain.guarded;
            let blocks = vec![None; plain.size as usize / 2];
            self.regions.push(Known { plain, blocks, code: vec![false; plain.size.div_ceil(1024) as usize] });
        }
        // Flash is looked up most: first.
        self.regions.sort_by_key(|r| (!r.plain.flash, std::cmp::Reverse(r.plain.address)));
        Ok(guards || added_guard)
    }

    /// One access to the bus, from a hook. Returns the value read, 0 where the bus refused.
    fn access(&mut self, address: u32, width: Width, kind: Way) -> u32 {
        let pc = self.pc();
        let cycle = self.now(pc);
        let Some(mut bus) = self.bus else { return 0 };
        // SAFETY: set by `run` for as long as the engine runs; hooks run inside, one at a time.
        let bus = unsafe { bus.as_mut() };
        let result = match kind {
            Way::Write(value) => bus.write(address, width, value, pc, cycle),
            Way::Read => bus.read(address, width, pc, cycle),
            Way::Guard => bus.guard(address, width, pc, cycle),
        };
        match result {
            Ok(reply) => {
                self.cycle += reply.wait;
                self.attention |= reply.attention;
                if let Some(range) = reply.changed {
                    self.invalidate(&range);
                }
                if reply.remap {
                    self.follow(bus, pc);
                }
                reply.value
            }
            Err(fault) => {
                let kind = match kind {
                    Way::Write(_) => FaultKind::Write { address, reason: fault.reason },
                    Way::Read | Way::Guard => FaultKind::Read { address, reason: fault.reason },
                };
                self.stop(Halt::Fault { pc, kind });
                0
            }
        }
    }

    /// The bus changed its map or its fetch costs under the running block.
    fn follow(&mut self, bus: &dyn Bus, pc: u32) {
        let now = self.now(pc);
        self.cost = bus.fetch_cost();
        // What the block still costs is counted at the new price, what is past stays as it was.
        let past = self.current.as_ref().map_or(0, |b| b.until(pc.wrapping_sub(self.current_address), self.cost));
        self.cycle = now.saturating_sub(past);
        match self.take_map(bus.map()) {
            Ok(false) => {}
            // Load hooks cannot be changed from inside one: at the next boundary.
            Ok(true) => self.attention = true,
            Err(error) => self.stop(Halt::Broken(error.to_string())),
        }
    }

    fn pc(&self) -> u32 {
        let mut value: u64 = 0;
        // SAFETY: an open handle, a valid id, and room for the value.
        unsafe { sys::uc_reg_read(self.handle, RegisterARM::PC as i32, (&raw mut value).cast()) };
        value as u32 & !1
    }

    fn stop(&mut self, halt: Halt) {
        self.halt.get_or_insert(halt);
        // SAFETY: an open handle.
        unsafe { sys::uc_emu_stop(self.handle) };
    }
}

impl Plain {
    /// Copies `len` bytes from `offset`, fewer at the end.
    fn bytes(&self, offset: u32, len: u32) -> Vec<u8> {
        let len = len.min(self.size.saturating_sub(offset));
        let mut copy = vec![0u8; len as usize];
        // SAFETY: inside the mapped memory, which the bus keeps alive.
        unsafe { self.pointer.add(offset as usize).copy_to_nonoverlapping(copy.as_mut_ptr(), copy.len()) };
        copy
    }

    fn matches(&self, offset: u32, code: &[u8]) -> bool {
        self.bytes(offset, code.len() as u32) == code
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

/// All accesses that no mapped memory answers.
const INVALID: HookType = HookType(
    HookType::MEM_READ_UNMAPPED.0
        | HookType::MEM_WRITE_UNMAPPED.0
        | HookType::MEM_FETCH_UNMAPPED.0
        | HookType::MEM_READ_PROT.0
        | HookType::MEM_WRITE_PROT.0
        | HookType::MEM_FETCH_PROT.0,
);

fn check(name: &'static str, error: uc_error) -> Result<(), EngineError> {
    if error == uc_error::OK { Ok(()) } else { Err(EngineError { step: name, error }) }
}

/// Runs a hook's body. A panic must not cross C frames: it stops the engine and becomes this chip's failure.
fn shielded<R>(shared: &mut Shared, otherwise: R, body: impl FnOnce(&mut Shared) -> R) -> R {
    match catch_unwind(AssertUnwindSafe(|| body(shared))) {
        Ok(value) => value,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            let text = text.unwrap_or_else(|| "no message".to_owned());
            shared.stop(Halt::Broken(format!("the model panicked: {text}")));
            otherwise
        }
    }
}

extern "C" fn on_block(_: *mut sys::uc_engine, address: u64, size: u32, user: *mut c_void) {
    // SAFETY: `user` is the `Shared` that was given with the hook, alive as long as the engine; the same below.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        if !s.enter(address as u32, size) {
            // SAFETY: an open handle.
            unsafe { sys::uc_emu_stop(s.handle) };
        }
    });
}

extern "C" fn on_read(_: *mut sys::uc_engine, offset: u64, size: u32, user: *mut c_void) -> u64 {
    // SAFETY: `user` is the boxed record of the window.
    let window = unsafe { &*user.cast::<Window>() };
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *window.shared };
    let address = window.base.wrapping_add(offset as u32);
    shielded(shared, 0, |s| u64::from(s.access(address, Width::from_bytes(size as usize), Way::Read)))
}

extern "C" fn on_write(_: *mut sys::uc_engine, offset: u64, size: u32, value: u64, user: *mut c_void) {
    // SAFETY: as in `on_read`.
    let window = unsafe { &*user.cast::<Window>() };
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *window.shared };
    let address = window.base.wrapping_add(offset as u32);
    let width = Width::from_bytes(size as usize);
    shielded(shared, (), |s| {
        s.access(address, width, Way::Write(value as u32 & width.mask()));
    });
}

extern "C" fn on_invalid(
    _: *mut sys::uc_engine,
    kind: u32,
    address: u64,
    size: i32,
    value: i64,
    user: *mut c_void,
) -> bool {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, false, |s| {
        let address = address as u32;
        let width = Width::from_bytes(size as usize);
        if kind == MemType::WRITE_PROT as u32 {
            s.access(address, width, Way::Write(value as u32 & width.mask()));
            return s.halt.is_none();
        }
        // The bus knows best why nothing answers there (read protection, say).
        if kind == MemType::WRITE_UNMAPPED as u32 {
            s.access(address, width, Way::Write(value as u32 & width.mask()));
        } else if kind == MemType::READ_UNMAPPED as u32 || kind == MemType::READ_PROT as u32 {
            s.access(address, width, Way::Read);
        }
        let pc = s.pc();
        let kind = if kind == MemType::WRITE_UNMAPPED as u32 {
            FaultKind::Write { address, reason: "nothing is there" }
        } else if kind == MemType::READ_UNMAPPED as u32 || kind == MemType::READ_PROT as u32 {
            FaultKind::Read { address, reason: "nothing is there" }
        } else {
            FaultKind::Fetch { address, reason: "nothing can be executed there" }
        };
        let pc = if matches!(kind, FaultKind::Fetch { .. }) { address & !1 } else { pc };
        if matches!(kind, FaultKind::Fetch { .. }) {
            // The branch is done; the fetch failed.
            s.close(address & !1);
        }
        s.halt.get_or_insert(Halt::Fault { pc, kind });
        false
    })
}

extern "C" fn on_interrupt(_: *mut sys::uc_engine, number: u32, user: *mut c_void) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        let pc = s.pc();
        let kind = match number {
            2 => FaultKind::Svc,
            4 => FaultKind::Unaligned,
            7 => FaultKind::Breakpoint,
            // An exception return that the engine took for one of its own: the same as a failed fetch.
            8 => FaultKind::Fetch { address: pc, reason: "nothing can be executed there" },
            3 => FaultKind::Fetch { address: pc, reason: "nothing can be executed there" },
            _ => FaultKind::Undefined { encoding: s.encoding(pc) },
        };
        s.stop(Halt::Fault { pc, kind });
    });
}

extern "C" fn on_register(_: *mut sys::uc_engine, _: u32, _: u64, _: i32, _: i64, _: *mut c_void) {}

extern "C" fn on_guarded_load(_: *mut sys::uc_engine, _: u32, address: u64, size: i32, _: i64, user: *mut c_void) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        s.access(address as u32, Width::from_bytes(size as usize), Way::Guard);
    });
}

extern "C" fn on_watched_load(_: *mut sys::uc_engine, _: u32, address: u64, size: i32, _: i64, user: *mut c_void) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        let (address, width) = (address as u32, Width::from_bytes(size as usize));
        let end = address.wrapping_add(width.bytes());
        if !s.watched.iter().any(|r| address < r.end && end > r.start) {
            return;
        }
        let pc = s.pc();
        let cycle = s.now(pc);
        let Some(region) = s.region(address) else { return };
        let bytes = region.plain.bytes(address - region.plain.address, width.bytes());
        let value = bytes.iter().rev().fold(0u32, |v, b| v << 8 | u32::from(*b));
        let Some(mut bus) = s.bus else { return };
        // SAFETY: as in `access`.
        unsafe { bus.as_mut() }.watched(address, width, value, pc, cycle);
    });
}
