//! What the hooks work on: time, blocks, mapped memory, and the bus while the engine runs.

use super::{EngineError, check};
use crate::bus::Width;
use crate::cpu::block::{Block, FetchCost};
use crate::cpu::decode::{self, Kind};
use crate::cpu::{Bus, FaultKind, Plain};
use crate::part;
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;
use unicorn_engine::RegisterARM;
use unicorn_engine::unicorn_const::{ControlType, Prot, uc_error};
use unicorn_engine_sys as sys;

/// What an access through a hook is.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Read,
    Write(u32),
    /// A load from guarded memory: the bus may refuse it; the memory gives the value.
    Guard,
}

/// Why a hook stopped the engine.
#[derive(Debug)]
pub(super) enum Halt {
    Limit,
    Inside,
    Attention,
    /// The host handles the instruction at the block's start; its fetch has cost this many cycles.
    Special(Kind, u64),
    /// The block has to be run up to this address first.
    Slice(u32),
    /// The store at `pc` has been carried out by the bus, and the chip wants to act.
    Stored {
        pc: u32,
    },
    /// The load at `pc` was answered by the bus with this, and the chip wants to act.
    Loaded {
        pc: u32,
        value: u32,
    },
    /// The instruction at `pc` was abandoned: another engine is to execute it.
    Left {
        pc: u32,
    },
    /// The instruction at `pc` was abandoned.
    Fault {
        pc: u32,
        kind: FaultKind,
    },
    Broken(String),
}

/// What the hooks work on.
pub(super) struct Shared {
    pub(super) handle: *mut sys::uc_engine,
    /// Set for the time of [`Core::run`] only.
    pub(super) bus: Option<NonNull<dyn Bus>>,
    pub(super) core: part::Core,
    pub(super) cost: FetchCost,
    pub(super) line: u32,
    pub(super) regions: Vec<Known>,
    /// Cycles at the start of `current`, or at the instruction boundary where the engine stands.
    pub(super) cycle: u64,
    pub(super) limit: u64,
    pub(super) instructions: u64,
    pub(super) attention: bool,
    /// There are no register windows: accesses outside of plain memory are left to another engine.
    pub(super) bare: bool,
    /// The block that ran last ended in an instruction that may return from an exception.
    pub(super) returns: bool,
    /// The memory that the bus has changed since somebody last asked.
    pub(super) changed: Option<Range<u32>>,
    /// The guards on loads have to be set anew: it cannot be done from inside a hook.
    pub(super) guards_stale: bool,
    pub(super) current: Option<Rc<Block>>,
    pub(super) current_address: u32,
    pub(super) halt: Option<Halt>,
    pub(super) watched: Vec<Range<u32>>,
    /// Pages of SRAM that code was fetched from.
    pub(super) code_pages: Vec<u32>,
    pub(super) stop_inside: Vec<Range<u32>>,
}

/// Mapped memory, and the blocks known in it by half-word.
pub(super) struct Known {
    pub(super) plain: Plain,
    pub(super) blocks: Vec<Option<Rc<Block>>>,
    /// 1 KB pieces in which a block lies.
    pub(super) code: Vec<bool>,
}

impl Shared {
    /// Ends the block that has run; `next` is where the core goes on.
    pub(super) fn close(&mut self, next: u32) {
        if let Some(block) = self.current.take() {
            self.cycle += block.whole(self.cost);
            self.instructions += u64::from(block.count);
            self.attention |= block.unmasks;
            self.returns = block.returns;
            if next != self.current_address.wrapping_add(block.size) {
                self.cycle += u64::from(block.taken);
                if self.cost.target != 0 && self.region(next).is_some_and(|r| r.plain.flash) {
                    self.cycle += u64::from(self.cost.target);
                }
            }
        }
    }

    /// A block is about to run. Whether it may.
    pub(super) fn enter(&mut self, address: u32, size: u32) -> bool {
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
            self.halt = Some(Halt::Special(special.kind, block.until(0, self.cost)));
            return false;
        }
        // A range to stop in may begin inside the block.
        let inside = self.stop_inside.iter().map(|r| r.start.wrapping_sub(address)).filter(|o| *o < block.size).min();
        let left = self.limit - self.cycle;
        if inside.is_some() || block.special.is_some() || block.whole(self.cost) + u64::from(block.taken) > left {
            let special = block.special.map(|s| s.offset);
            let due = block.boundary(left, self.cost);
            if let Some(offset) = special.into_iter().chain(due).chain(inside).min() {
                self.halt = Some(Halt::Slice(address.wrapping_add(offset)));
                return false;
            }
        }
        self.current_address = address;
        self.current = Some(block);
        true
    }

    /// The instant at which the instruction at `pc`, inside the current block, begins.
    pub(super) fn now(&self, pc: u32) -> u64 {
        match &self.current {
            Some(block) => self.cycle + block.until(pc.wrapping_sub(self.current_address), self.cost),
            None => self.cycle,
        }
    }

    /// The instant at which the instruction at `pc`, inside the current block, would be fetched.
    pub(super) fn before(&self, pc: u32) -> u64 {
        match &self.current {
            Some(block) => self.cycle + block.before(pc.wrapping_sub(self.current_address), self.cost),
            None => self.cycle,
        }
    }

    pub(super) fn region(&self, address: u32) -> Option<&Known> {
        self.regions.iter().find(|r| address.wrapping_sub(r.plain.address) < r.plain.size)
    }

    pub(super) fn lookup(&mut self, address: u32, size: u32) -> Option<Rc<Block>> {
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
        let line = region.plain.flash.then_some(line);
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
    pub(super) fn encoding(&self, pc: u32) -> [u16; 2] {
        let Some(region) = self.region(pc) else { return [0, 0] };
        let bytes = region.plain.bytes(pc - region.plain.address, 4);
        let half = |i: usize| bytes.get(i..i + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]));
        let first = half(0);
        [first, if decode::is_wide(first) { half(2) } else { 0 }]
    }

    /// Forgets blocks and translations in `range`, in every place where that memory is mapped.
    pub(super) fn invalidate(&mut self, range: &Range<u32>) {
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
    pub(super) fn take_map(&mut self, map: Vec<Plain>) -> Result<bool, EngineError> {
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
    pub(super) fn access(&mut self, address: u32, width: Width, kind: Way) -> u32 {
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
                if let Some(due) = reply.due {
                    self.limit = self.limit.min(due);
                }
                // A single load or store is done with the bus's answer, so the host can finish it and stop right
                // there. Those of several registers have more to do: they stop at the end of their block.
                let soon = self.attention || self.limit < self.block_end();
                if soon {
                    let encoding = self.encoding(pc)[0];
                    match kind {
                        Way::Write(_) if is_store(encoding) => self.stop(Halt::Stored { pc }),
                        Way::Read if is_load(encoding) => self.stop(Halt::Loaded { pc, value: reply.value }),
                        Way::Guard if is_load(encoding) => {
                            let value = self.region(address).map_or(0, |r| r.plain.little_endian(address, width));
                            self.stop(Halt::Loaded { pc, value });
                        }
                        _ => {}
                    }
                }
                if let Some(range) = reply.changed {
                    self.changed = Some(crate::cpu::join(self.changed.take(), &range));
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

    /// When the current block will have run, at the latest.
    fn block_end(&self) -> u64 {
        self.current.as_ref().map_or(0, |b| self.cycle + b.whole(self.cost) + u64::from(b.taken))
    }

    /// The bus changed its map or its fetch costs under the running block.
    pub(super) fn follow(&mut self, bus: &dyn Bus, pc: u32) {
        let now = self.now(pc);
        self.cost = bus.fetch_cost();
        // What the block still costs is counted at the new price, what is past stays as it was.
        let past = self.current.as_ref().map_or(0, |b| b.until(pc.wrapping_sub(self.current_address), self.cost));
        self.cycle = now.saturating_sub(past);
        match self.take_map(bus.map()) {
            Ok(false) => {}
            // Load hooks cannot be changed from inside one: at the next boundary.
            Ok(true) => {
                self.guards_stale = true;
                self.attention = true;
            }
            Err(error) => self.stop(Halt::Broken(error.to_string())),
        }
    }

    pub(super) fn pc(&self) -> u32 {
        let mut value: u64 = 0;
        // SAFETY: an open handle, a valid id, and room for the value.
        unsafe { sys::uc_reg_read(self.handle, RegisterARM::PC as i32, (&raw mut value).cast()) };
        value as u32 & !1
    }

    pub(super) fn stop(&mut self, halt: Halt) {
        self.halt.get_or_insert(halt);
        // SAFETY: an open handle.
        unsafe { sys::uc_emu_stop(self.handle) };
    }
}

/// Whether the half-word is a store of one register: nothing is left to do once the bus has it.
const fn is_store(h: u16) -> bool {
    matches!(h, 0x5000..=0x55FF | 0x6000..=0x67FF | 0x7000..=0x77FF | 0x8000..=0x87FF | 0x9000..=0x97FF)
}

/// Whether the half-word is a load of one register.
const fn is_load(h: u16) -> bool {
    matches!(h, 0x4800..=0x4FFF | 0x5600..=0x5FFF | 0x6800..=0x6FFF | 0x7800..=0x7FFF | 0x8800..=0x8FFF | 0x9800..=0x9FFF)
}

/// What a load of one register puts where: the register, and the value extended as the encoding says.
pub(super) const fn destination(h: u16, value: u32) -> (usize, u32) {
    let by_field = h >> 11 == 0b01001 || h >> 11 == 0b10011;
    let register = if by_field { (h >> 8) & 7 } else { h & 7 };
    let value = match h >> 9 {
        0x2B => value as u8 as i8 as u32,
        0x2F => value as u16 as i16 as u32,
        _ => value,
    };
    (register as usize, value)
}

impl Plain {
    /// The value of an aligned load at `address`.
    pub(super) fn little_endian(&self, address: u32, width: Width) -> u32 {
        self.bytes(address - self.address, width.bytes()).iter().rev().fold(0, |v, b| v << 8 | u32::from(*b))
    }

    /// Copies `len` bytes from `offset`, fewer at the end.
    pub(super) fn bytes(&self, offset: u32, len: u32) -> Vec<u8> {
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
