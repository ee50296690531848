//! Memory as the interpreter sees it: plain stretches that it reads and writes itself, everything else on the bus.

use super::Interpreter;
use super::op::{self, Op};
use crate::bus::Width;
use crate::cpu::{Bus, FaultKind, Plain, Reply};
use std::ops::Range;

/// Decoded instructions are kept in pieces of this many bytes.
pub const PIECE: u32 = 4096;

/// A plain stretch with what was decoded of it.
#[derive(Debug)]
pub struct Region {
    pub plain: Plain,
    pieces: Vec<Option<Box<[Op]>>>,
}

impl Region {
    fn new(plain: Plain) -> Region {
        Region { plain, pieces: (0..plain.size.div_ceil(PIECE)).map(|_| None).collect() }
    }

    /// The decoded instructions of a piece, for the time that it runs.
    pub fn take(&mut self, piece: usize) -> Box<[Op]> {
        let kept = self.pieces.get_mut(piece).and_then(Option::take);
        kept.unwrap_or_else(|| vec![Op::default(); PIECE as usize / 2].into())
    }

    pub fn put_back(&mut self, piece: usize, ops: Box<[Op]>) {
        if let Some(slot) = self.pieces.get_mut(piece) {
            *slot = Some(ops);
        }
    }
}

/// Where code lies.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub region: usize,
    pub piece: usize,
}

/// The piece that runs.
#[derive(Clone, Debug)]
pub struct Window {
    /// Addresses that may run without another look.
    pub range: Range<u32>,
    /// Address of the piece's first byte.
    pub base: u32,
    pub plain: Plain,
}

impl Interpreter {
    /// Where the code at `pc` lies; none where nothing can be executed.
    pub(super) fn locate(&self, pc: u32) -> Option<At> {
        let region = self.regions.iter().position(|r| pc.wrapping_sub(r.plain.address) < r.plain.size)?;
        let piece = ((pc - self.regions[region].plain.address) / PIECE) as usize;
        Some(At { region, piece })
    }

    /// The window around `pc`; none inside a range where the core has to stop.
    pub(super) fn bounds(&self, pc: u32, at: At) -> Option<Window> {
        let plain = self.regions[at.region].plain;
        let base = plain.address + at.piece as u32 * PIECE;
        let mut range = base..base.saturating_add(PIECE).min(plain.address.saturating_add(plain.size));
        for stop in &self.stop_inside {
            if stop.contains(&pc) {
                return None;
            }
            if stop.start > pc {
                range.end = range.end.min(stop.start);
            } else {
                range.start = range.start.max(stop.end);
            }
        }
        Some(Window { range, base, plain })
    }

    /// Takes over a new map; what was decoded of memory that stays is kept.
    pub(super) fn take_map(&mut self, map: Vec<Plain>) {
        let mut old = std::mem::take(&mut self.regions);
        self.regions = map
            .into_iter()
            .map(|plain| match old.iter().position(|r| r.plain == plain) {
                Some(n) => old.swap_remove(n),
                None => Region::new(plain),
            })
            .collect();
        // Loads and stores go to SRAM most: first.
        self.regions.sort_by_key(|r| (r.plain.flash, std::cmp::Reverse(r.plain.address)));
    }

    /// Forgets what was decoded of `range`, wherever that memory is mapped.
    pub(super) fn forget(&mut self, range: &Range<u32>) {
        let home = self.regions.iter().find(|r| range.start.wrapping_sub(r.plain.address) < r.plain.size);
        // What was decoded of writable memory is compared with it before it runs.
        let home = home.filter(|r| !r.plain.writable);
        let Some((pointer, base)) = home.map(|r| (r.plain.pointer, r.plain.address)) else { return };
        // An instruction of 32 bits may reach in from the piece before.
        let first = (range.start - base).saturating_sub(2) / PIECE;
        let last = range.end.saturating_sub(base + 1) / PIECE;
        for region in self.regions.iter_mut().filter(|r| r.plain.pointer == pointer) {
            for piece in first..=last {
                if let Some(slot) = region.pieces.get_mut(piece as usize) {
                    *slot = None;
                }
            }
        }
        self.stale_window |= self.running.is_some_and(|(at, piece)| at == pointer && (first..=last).contains(&piece));
    }

    /// Decodes the instruction at `pc` from memory as it stands.
    pub(super) fn decode_at(&self, pc: u32, window: &Window) -> Op {
        let offset = pc - window.plain.address;
        let first = window.plain.half(offset);
        let second = window.plain.half(offset + 2);
        op::decode(pc, first, second, self.core, window.plain.flash.then_some(self.line))
    }

    /// The half-words at `pc`, for messages.
    pub(super) fn encoding(&self, pc: u32, window: &Window) -> [u16; 2] {
        let offset = pc - window.plain.address;
        let first = window.plain.half(offset);
        [first, if crate::cpu::decode::is_wide(first) { window.plain.half(offset + 2) } else { 0 }]
    }

    /// A load. `cycle` is the instant, and grows by what the access waits.
    #[inline]
    pub(super) fn load<const TRACE: bool>(
        &mut self,
        bus: &mut dyn Bus,
        address: u32,
        width: Width,
        pc: u32,
        cycle: &mut u64,
    ) -> Result<u32, FaultKind> {
        if address & (width.bytes() - 1) != 0 {
            return Err(FaultKind::Unaligned);
        }
        for n in 0..self.regions.len() {
            let plain = self.regions[n].plain;
            let offset = address.wrapping_sub(plain.address);
            if offset < plain.size {
                if plain.guarded {
                    let reply = bus.guard(address, width, pc, *cycle).map_err(|f| read_fault(address, f.reason))?;
                    self.heed(&reply, cycle);
                    if TRACE {
                        self.poll.spoil();
                    }
                }
                let value = plain.value(offset, width);
                if address < self.watch_bounds.end && address + width.bytes() > self.watch_bounds.start {
                    self.tell_watched(bus, address, width, value, pc, *cycle);
                }
                if TRACE {
                    self.poll.loaded(value);
                }
                return Ok(value);
            }
        }
        self.laps = 0;
        let at = *cycle;
        let reply = bus.read(address, width, pc, at).map_err(|f| read_fault(address, f.reason))?;
        self.heed(&reply, cycle);
        if TRACE {
            let forecast = if reply == (Reply { value: reply.value, ..Reply::default() }) {
                bus.forecast(address, width, at)
            } else {
                crate::periph::Forecast::Unknown
            };
            self.poll.read(address, width, pc, at, reply.value, forecast);
        }
        Ok(reply.value & width.mask())
    }

    #[cold]
    fn tell_watched(&mut self, bus: &mut dyn Bus, address: u32, width: Width, value: u32, pc: u32, cycle: u64) {
        let end = address + width.bytes();
        if self.watched.iter().any(|r| address < r.end && end > r.start) {
            bus.watched(address, width, value, pc, cycle);
            self.poll.spoil();
        }
    }

    /// A store. `cycle` is the instant, and grows by what the access waits.
    #[inline]
    pub(super) fn store<const TRACE: bool>(
        &mut self,
        bus: &mut dyn Bus,
        address: u32,
        width: Width,
        value: u32,
        pc: u32,
        cycle: &mut u64,
    ) -> Result<(), FaultKind> {
        if address & (width.bytes() - 1) != 0 {
            return Err(FaultKind::Unaligned);
        }
        for n in 0..self.regions.len() {
            let plain = self.regions[n].plain;
            let offset = address.wrapping_sub(plain.address);
            if offset < plain.size && plain.writable {
                if TRACE && plain.value(offset, width) != value & width.mask() {
                    self.poll.spoil();
                }
                plain.put(offset, width, value);
                return Ok(());
            }
        }
        self.laps = 0;
        if TRACE {
            self.poll.spoil();
        }
        let value = value & width.mask();
        let reply = bus.write(address, width, value, pc, *cycle);
        let reply = reply.map_err(|f| FaultKind::Write { address, reason: f.reason })?;
        self.heed(&reply, cycle);
        Ok(())
    }

    /// What the bus says beyond the value.
    fn heed(&mut self, reply: &Reply, cycle: &mut u64) {
        *cycle += reply.wait;
        if let Some(due) = reply.due {
            self.limit = self.limit.min(due);
            self.stop_at = self.stop_at.min(due);
        }
        if reply.attention || reply.remap || reply.changed.is_some() {
            self.attention |= reply.attention;
            self.remap |= reply.remap;
            if let Some(range) = &reply.changed {
                self.changed = Some(crate::cpu::join(self.changed.take(), range));
            }
            self.stop_at = 0;
        }
    }
}

fn read_fault(address: u32, reason: &'static str) -> FaultKind {
    FaultKind::Read { address, reason }
}

impl Plain {
    /// The half-word at `offset`; past the end it reads 0.
    pub(super) fn half(&self, offset: u32) -> u16 {
        if offset + 1 < self.size { self.value(offset, Width::Half) as u16 } else { 0 }
    }

    /// The value at an aligned offset inside the memory.
    #[inline]
    fn value(&self, offset: u32, width: Width) -> u32 {
        debug_assert!(offset.is_multiple_of(width.bytes()) && offset < self.size);
        // SAFETY: inside the mapped memory, which the bus keeps alive; sizes are whole pages and the offset is a
        // multiple of the width.
        unsafe {
            let p = self.pointer.add(offset as usize);
            match width {
                Width::Byte => u32::from(p.read()),
                Width::Half => u32::from(u16::from_le(p.cast::<u16>().read_unaligned())),
                Width::Word => u32::from_le(p.cast::<u32>().read_unaligned()),
            }
        }
    }

    #[inline]
    fn put(&self, offset: u32, width: Width, value: u32) {
        debug_assert!(offset.is_multiple_of(width.bytes()) && offset < self.size);
        // SAFETY: as for `value`, and the memory is writable.
        unsafe {
            let p = self.pointer.add(offset as usize);
            match width {
                Width::Byte => p.write(value as u8),
                Width::Half => p.cast::<u16>().write_unaligned((value as u16).to_le()),
                Width::Word => p.cast::<u32>().write_unaligned(value.to_le()),
            }
        }
    }
}
