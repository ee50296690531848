//! Everything around the core: the memory map, the blocks, time, and what accesses ask for.

mod dma;
mod effects;
mod poll;
mod wires;

pub(in crate::chip) use poll::Change;

use super::clock::Hclk;
use super::device::{Device, Devices};
use super::event::Log;
use super::heartbeat::Heartbeat;
use super::reads::{Polled, Read, Reads};
use super::samples::Sampler;
use super::scope::Scope;
use super::stores::{Store, Stores};
use crate::bus::{self, Access, BootSource, BusFault, Effects, Master, ResetCause, Width, fault};
use crate::cpu::block::FetchCost;
use crate::cpu::{Bus, Plain, Poll, Reply};
use crate::flash::{self, Controller, Purpose};
use crate::memory::HostMemory;
use crate::part::Part;
use crate::periph::irqs::Irqs;
use crate::periph::iwdg;
use crate::periph::nvic::{Nvic, SystemRequest};
use crate::periph::systick::SysTick;
use crate::periph::{Clocks, Context, Forecast, Peripheral};
use crate::time::{Now, Time};
use std::ops::Range;
use std::sync::Arc;

/// Private peripheral bus.
pub const PPB: Range<u32> = 0xE000_0000..0xE010_0000;
/// System memory, OTP, engineering and option bytes of either family.
pub const INFORMATION: Range<u32> = 0x1FFF_0000..0x2000_0000;

/// The blocks on AHB and APB.
const BLOCKS: Range<u32> = 0x4000_0000..0x6000_0000;

/// The bus and what hangs on it.
#[derive(Debug)]
pub struct Board {
    /// What the chip is.
    pub part: Arc<Part>,
    /// Flash, option bytes, protection.
    pub flash: Box<dyn Controller>,
    /// SRAM.
    pub sram: HostMemory,
    /// The blocks.
    pub devices: Devices,
    /// Interrupts and the System Control Block.
    pub nvic: Nvic,
    /// The system timer.
    pub systick: SysTick,
    /// The core's clock.
    pub hclk: Hclk,
    /// What happened.
    pub log: Log,
    /// The reset that was asked for and waits for the next boundary.
    pub reset_wanted: Option<ResetCause>,
    /// Loads of watched ranges.
    pub watched: Vec<WatchedLoad>,
    /// Reloads of the watchdog by code.
    pub heartbeat: Heartbeat,
    /// The last stores into blocks.
    pub stores: Stores,
    /// What was known of the run that the last reset ended.
    pub last_life: LastLife,
    /// A debugger has set C_DEBUGEN.
    pub is_debugged: bool,
    /// The watchdog's key register.
    iwdg_key: u32,
    clocks: Clocks,
    /// What stands at address 0.
    at_zero: BootSource,
    /// The core may read and fetch all of flash without asking.
    flash_plain: bool,
    /// The core may fetch from flash at all.
    flash_runs: bool,
    /// The flash's request for an NMI, as last seen: it pends on its rise.
    nmi: bool,
    /// What an access asked for that ended in a bus fault.
    missed: Reply,
    /// What each block was last seen to ask for, and a bit for each that may ask for something else by now.
    requests: Vec<Request>,
    touched: u64,
    /// The cycle of the next event of any block, not before the next boundary.
    next_event: u64,
    /// The same, which may be past.
    due: u64,
    /// The last cycle at which the blocks acted: nothing happens before it any more.
    acted: u64,
    /// Somebody follows edges of pins or comparators.
    watching: bool,
    /// The time up to which they have.
    followed: Time,
    /// The cycle up to which the core runs now.
    horizon: u64,
    /// The last loads of registers.
    reads: Reads,
    /// What follows pins, clock and flash over time.
    pub(super) scope: Option<Box<Scope>>,
    /// What keeps what the core reads of pins.
    pub(super) sampler: Option<Box<Sampler>>,
    fx: Effects,
}

/// A load from a watched range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedLoad {
    /// Its address, the alias at 0 resolved.
    pub address: u32,
    /// Its width.
    pub width: Width,
    /// The value read.
    pub value: u32,
    /// The instruction.
    pub pc: u32,
    /// When.
    pub time: Time,
}

/// What was known of a run when the chip reset itself.
#[derive(Clone, Debug, Default)]
pub struct LastLife {
    /// Its reloads of the watchdog.
    pub heartbeat: Heartbeat,
    /// What it was polling.
    pub polled: Vec<Polled>,
}

/// What a block asks of the rest of the chip.
#[derive(Clone, Copy, Debug, Default)]
struct Request {
    /// Its interrupts, in the NVIC's positions.
    lines: Irqs,
    /// There are any.
    asks: bool,
    /// The cycle of its next event.
    next: u64,
}

/// All blocks.
const EVERYBODY: u64 = u64::MAX;

/// Where an address leads.
enum Place {
    Flash(u32),
    Sram(usize),
    Information(u32),
    Block(usize),
    Private(u32),
    Nowhere,
}

impl Board {
    /// The board of `part`, powered on, with blank flash and factory option bytes.
    pub fn new(part: &Arc<Part>) -> Board {
        let devices = Devices::new(part);
        let clocks = devices.rcc.clocks();
        Board {
            part: Arc::clone(part),
            flash: flash::for_part(part),
            sram: HostMemory::new(part.sram.size as usize, 0),
            nvic: Nvic::new(part.core, part.identity.cpuid, part.interrupts),
            systick: SysTick::new(part.systick_calibration),
            hclk: Hclk::new(Now::default(), clocks.hclk_hz),
            log: Log::default(),
            reset_wanted: None,
            watched: Vec::new(),
            heartbeat: Heartbeat::default(),
            stores: Stores::default(),
            last_life: LastLife::default(),
            is_debugged: false,
            iwdg_key: part.peripheral("IWDG").map_or(0, |p| p.base),
            clocks,
            requests: vec![Request::default(); devices.slots.len()],
            touched: EVERYBODY,
            devices,
            at_zero: BootSource::Flash,
            flash_plain: true,
            flash_runs: true,
            nmi: false,
            missed: Reply::default(),
            next_event: u64::MAX,
            due: u64::MAX,
            acted: 0,
            watching: false,
            followed: Time::ZERO,
            horizon: u64::MAX,
            reads: Reads::new(),
            scope: None,
            sampler: None,
            fx: Effects::default(),
        }
    }

    /// What stands at address 0.
    pub const fn at_zero(&self) -> BootSource {
        self.at_zero
    }

    /// The clocks as they run.
    pub const fn clocks(&self) -> Clocks {
        self.clocks
    }

    /// The cycle of the next event.
    pub const fn next_event(&self) -> u64 {
        self.next_event
    }

    /// Says up to where the core is about to run, so that an earlier event asks for attention.
    pub const fn set_horizon(&mut self, cycle: u64) {
        self.horizon = cycle;
    }

    fn place(&self, address: u32) -> Place {
        if self.part.flash.contains(address) {
            return Place::Flash(address);
        }
        if self.part.sram.contains(address) {
            return Place::Sram((address - self.part.sram.base) as usize);
        }
        if INFORMATION.contains(&address) {
            return Place::Information(address);
        }
        if PPB.contains(&address) {
            return Place::Private(address);
        }
        if let Some(n) = self.devices.at(address) {
            return Place::Block(n);
        }
        // The alias is as large as what it shows.
        match self.at_zero {
            BootSource::Flash if address < self.part.flash.size => Place::Flash(self.part.flash.base + address),
            BootSource::Sram if address < self.part.sram.size => Place::Sram(address as usize),
            BootSource::SystemMemory if address < self.part.system_memory.size => {
                Place::Information(self.part.system_memory.base + address)
            }
            _ => Place::Nowhere,
        }
    }

    /// The address behind the alias at 0.
    pub fn resolve(&self, address: u32) -> u32 {
        match self.place(address) {
            Place::Flash(a) | Place::Information(a) => a,
            Place::Sram(offset) => self.part.sram.base + offset as u32,
            _ => address,
        }
    }

    /// Whether code at `pc` runs from flash.
    fn runs_from_flash(&self, pc: u32) -> bool {
        matches!(self.place(pc), Place::Flash(_))
    }

    /// A load by anyone, with all its effects; [`Reply::wait`] is for the core's own accesses.
    ///
    /// # Errors
    /// The bus fault that the chip would give.
    pub fn load(
        &mut self,
        address: u32,
        width: Width,
        purpose: Purpose,
        by: Access,
        pc: u32,
    ) -> Result<Reply, BusFault> {
        let result = self.dispatch_load(address, width, purpose, by);
        let reply = self.settle(by, pc);
        match result {
            Ok(value) => Ok(Reply { value, ..reply }),
            Err(fault) => {
                self.missed = reply;
                Err(fault)
            }
        }
    }

    /// A store by anyone, with all its effects.
    ///
    /// # Errors
    /// The bus fault that the chip would give.
    pub fn store(&mut self, address: u32, width: Width, value: u32, by: Access, pc: u32) -> Result<Reply, BusFault> {
        let result = self.dispatch_store(address, width, value, by);
        let reply = self.settle(by, pc);
        match result {
            Ok(()) => Ok(reply),
            Err(fault) => {
                self.missed = reply;
                Err(fault)
            }
        }
    }

    fn dispatch_load(&mut self, address: u32, width: Width, purpose: Purpose, by: Access) -> Result<u32, BusFault> {
        if !address.is_multiple_of(width.bytes()) {
            return Err(fault("unaligned"));
        }
        match self.place(address) {
            Place::Flash(a) => self.flash.read(a, width, purpose, by, &mut self.fx),
            Place::Sram(offset) => Ok(bus::lane(self.sram.word(offset & !3), address, width)),
            Place::Information(a) => self.read_information(a, width, purpose, by),
            Place::Block(n) => self.read_block(n, address, width, by),
            Place::Private(a) => Ok(bus::lane(self.read_private(a & !3, by), a, width)),
            Place::Nowhere => self.nowhere(address),
        }
    }

    fn dispatch_store(&mut self, address: u32, width: Width, value: u32, by: Access) -> Result<(), BusFault> {
        if !address.is_multiple_of(width.bytes()) {
            return Err(fault("unaligned"));
        }
        match self.place(address) {
            Place::Flash(a) => self.flash.write(a, width, value, by, &mut self.fx),
            Place::Sram(offset) => {
                self.sram.write(offset, &value.to_le_bytes()[..width.bytes() as usize]);
                self.fx
                    .changed(self.part.sram.base + offset as u32..self.part.sram.base + offset as u32 + width.bytes());
                Ok(())
            }
            Place::Information(a) => self.write_information(a, width, value, by),
            Place::Block(n) => self.write_block(n, address, width, value, by),
            Place::Private(a) => {
                let shift = 8 * (a & 3);
                self.write_private(a & !3, value << shift, width.mask() << shift, by);
                Ok(())
            }
            Place::Nowhere => self.nowhere(address).map(|_| ()),
        }
    }

    /// Inside the bridges' windows an address that no block owns reads 0; elsewhere the bus has nobody to answer.
    fn nowhere(&mut self, address: u32) -> Result<u32, BusFault> {
        if self.part.apb.contains(address) {
            self.fx.note(address, "no block of this part is there: reads 0, writes are dropped");
            return Ok(0);
        }
        Err(fault("nothing is there"))
    }

    fn read_information(&mut self, a: u32, width: Width, purpose: Purpose, by: Access) -> Result<u32, BusFault> {
        let part = Arc::clone(&self.part);
        if part.option_bytes.contains(a) || part.otp.is_some_and(|o| o.contains(a)) {
            return self.flash.read(a, width, purpose, by, &mut self.fx);
        }
        if part.engineering.contains(a) {
            return Ok(bus::lane(engineering(&part, a & !3), a, width));
        }
        if part.system_memory.contains(a) {
            self.fx.unmodelled(a, "ST's boot loader is not part of the model: reads 0");
            return Ok(0);
        }
        Err(fault("nothing is there"))
    }

    fn write_information(&mut self, a: u32, width: Width, value: u32, by: Access) -> Result<(), BusFault> {
        let part = Arc::clone(&self.part);
        if part.option_bytes.contains(a) || part.otp.is_some_and(|o| o.contains(a)) {
            return self.flash.write(a, width, value, by, &mut self.fx);
        }
        if part.engineering.contains(a) || part.system_memory.contains(a) {
            return Err(fault("system memory cannot be written"));
        }
        Err(fault("nothing is there"))
    }

    fn read_block(&mut self, n: usize, address: u32, width: Width, by: Access) -> Result<u32, BusFault> {
        self.touched |= 1 << (n & 63);
        let slot = &mut self.devices.slots[n];
        let base = slot.base;
        let offset = (address - base) & !3;
        if let Some(gate) = &slot.gate
            && !self.devices.rcc.enabled(gate)
            && !slot.answers_without_clock(by.master)
            && !(self.is_debugged && slot.tells_id_code(offset))
        {
            self.fx.note(base, "its clock is off: reads 0, writes are dropped");
            return Ok(0);
        }
        let mut cx = Context { now: by.now, clocks: self.clocks, base, fx: &mut self.fx };
        let word = match &mut slot.device {
            Device::Rcc => self.devices.rcc.peripheral().read(offset, &mut cx),
            Device::Flash => return self.flash.read_register(address - base, width, by, &mut self.fx),
            device => match device.peripheral() {
                Some(p) => p.read(offset, &mut cx),
                None => 0,
            },
        };
        Ok(bus::lane(word, address, width))
    }

    fn write_block(&mut self, n: usize, address: u32, width: Width, value: u32, by: Access) -> Result<(), BusFault> {
        self.touched |= 1 << (n & 63);
        let slot = &self.devices.slots[n];
        let base = slot.base;
        if let Some(gate) = &slot.gate {
            if !self.devices.rcc.enabled(gate) && !slot.answers_without_clock(by.master) {
                self.fx.note(base, "its clock is off: reads 0, writes are dropped");
                return Ok(());
            }
            if self.devices.rcc.held(gate) {
                return Ok(());
            }
        }
        let offset = (address - base) & !3;
        if self.devices.is_shut(n, offset) {
            self.fx.note(base + offset, "DBP in PWR is not set: the write is dropped");
            return Ok(());
        }
        let slot = &mut self.devices.slots[n];
        // The APB bridge has no byte lanes: it repeats narrow data over the word (RM0091 2.1, RM0444 2.1).
        let (word, mask) = match (slot.apb, width) {
            (_, Width::Word) => (value, u32::MAX),
            (true, Width::Byte) => ((value & 0xFF) * 0x0101_0101, u32::MAX),
            (true, Width::Half) => ((value & 0xFFFF) * 0x0001_0001, u32::MAX),
            (false, _) => (value << (8 * (address & 3)), width.mask() << (8 * (address & 3))),
        };
        let mut cx = Context { now: by.now, clocks: self.clocks, base, fx: &mut self.fx };
        match &mut slot.device {
            Device::Rcc => self.devices.rcc.peripheral().write(offset, word, mask, &mut cx),
            Device::Flash => return self.flash.write_register(address - base, width, value, by, &mut self.fx),
            Device::Iwdg(iwdg) => {
                iwdg.write(offset, word, mask, &mut cx);
                if iwdg.is_started() {
                    self.devices.rcc.force_lsi(by.now.time);
                }
            }
            Device::Syscfg(syscfg) => {
                syscfg.write(offset, word, mask, &mut cx);
                self.devices.follow_strobes();
            }
            device => {
                if let Some(p) = device.peripheral() {
                    p.write(offset, word, mask, &mut cx);
                }
            }
        }
        Ok(())
    }

    fn read_private(&mut self, a: u32, by: Access) -> u32 {
        let mut cx = Context { now: by.now, clocks: self.clocks, base: 0xE000_E000, fx: &mut self.fx };
        match a {
            0xE000_E010..=0xE000_E01C => self.systick.read(a - 0xE000_E010, &mut cx),
            0xE000_E100..=0xE000_ED3C | 0xE000_ED90..=0xE000_EDA0 => self.nvic.read(a - 0xE000_E000, &mut cx),
            _ => {
                self.fx.unmodelled(a, "private peripheral register that is not modelled: reads 0");
                0
            }
        }
    }

    fn write_private(&mut self, a: u32, value: u32, mask: u32, by: Access) {
        let mut cx = Context { now: by.now, clocks: self.clocks, base: 0xE000_E000, fx: &mut self.fx };
        match a {
            0xE000_E010..=0xE000_E01C => self.systick.write(a - 0xE000_E010, value, mask, &mut cx),
            0xE000_E100..=0xE000_ED3C | 0xE000_ED90..=0xE000_EDA0 => {
                if let Some(SystemRequest::Reset) = self.nvic.write(a - 0xE000_E000, value, mask, &mut cx) {
                    self.fx.reset(ResetCause::Software);
                }
            }
            _ => self.fx.unmodelled(a, "private peripheral register that is not modelled: the write is dropped"),
        }
    }

    /// What the last access that ended in a bus fault asked for, once.
    pub fn take_missed(&mut self) -> Reply {
        std::mem::take(&mut self.missed)
    }

    /// The registers that code read most in the last millisecond before `cycle`, among its last reads; most read
    /// first. What a handler reads once each time that it is entered is no poll.
    pub fn polled(&self, cycle: u64) -> Vec<Polled> {
        self.reads.polled(cycle.saturating_sub(self.clocks.hclk_hz / 1_000), &self.part)
    }

    /// Forgets all that is told of a run: a reset has begun another one.
    pub(super) fn forget_run(&mut self) {
        self.heartbeat.forget();
        self.stores.forget();
        self.nvic.forget_taken();
        self.devices.gpios().for_each(|(_, gpio)| gpio.forget());
        self.forget_polls();
    }

    /// Keeps what is known of the run that ends here.
    pub(super) fn end_life(&mut self, cycle: u64) {
        self.last_life = LastLife { heartbeat: self.heartbeat.clone(), polled: self.polled(cycle) };
    }

    /// Forgets what was polled so far.
    pub fn forget_polls(&mut self) {
        self.reads.forget();
    }
}

/// The word at an address of the engineering bytes: UID, flash size, calibration; FF elsewhere.
fn engineering(part: &Part, a: u32) -> u32 {
    let id = &part.identity;
    if let Some(word) = id.uid.get((a.wrapping_sub(id.uid_address) / 4) as usize)
        && a >= id.uid_address
    {
        return *word;
    }
    let mut word = u32::MAX;
    let mut put = |address: u32, value: u16| {
        if address & !3 == a {
            word = bus::merge(word, address, Width::Half, u32::from(value));
        }
    };
    put(id.flash_size_address, (part.flash.size / 1024) as u16);
    for c in part.calibration.words() {
        put(c.address, c.value);
    }
    word
}

impl Bus for Board {
    fn read(&mut self, address: u32, width: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        self.reads.push(Read { address, pc, cycle, entry: self.nvic.entry() });
        let by = Access { master: Master::Cpu, now: self.hclk.at(cycle) };
        let result = self.load(address, width, Purpose::Data, by, pc);
        if self.sampler.is_some()
            && let Ok(reply) = &result
        {
            self.sample(Poll { address, width, pc, cycle }, reply.value);
        }
        result
    }

    fn write(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        let by = Access { master: Master::Cpu, now: self.hclk.at(cycle) };
        if address == self.iwdg_key && value & 0xFFFF == iwdg::RELOAD {
            self.heartbeat.beat(pc, by.now.time);
        } else if BLOCKS.contains(&address) {
            self.stores.push(Store { pc, address, cycle, by_handler: self.nvic.in_handler() });
        }
        self.store(address, width, value, by, pc)
    }

    fn guard(&mut self, address: u32, width: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        let by = Access { master: Master::Cpu, now: self.hclk.at(cycle) };
        self.load(address, width, Purpose::Data, by, pc)
    }

    fn watched(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64) {
        let time = self.hclk.at(cycle).time;
        let address = self.resolve(address);
        self.watched.push(WatchedLoad { address, width, value, pc, time });
    }

    fn forecast(&self, address: u32, width: Width, cycle: u64) -> Forecast {
        self.foresee(address, width, cycle)
    }

    fn repeated(&mut self, round: &[Poll], times: u64, period: u64) {
        self.count_repeated(round, times, period);
    }

    fn map(&self) -> Vec<Plain> {
        let part = &self.part;
        let flash = |address| Plain {
            address,
            size: part.flash.size,
            pointer: self.flash.cells().pointer(),
            writable: false,
            guarded: !self.flash_plain,
            flash: true,
        };
        let sram = |address| Plain {
            address,
            size: part.sram.size,
            pointer: self.sram.pointer(),
            writable: true,
            guarded: false,
            flash: false,
        };
        let mut map = vec![sram(part.sram.base)];
        if self.flash_runs {
            map.push(flash(part.flash.base));
        }
        match self.at_zero {
            BootSource::Flash if self.flash_runs => map.push(flash(0)),
            BootSource::Sram => map.push(sram(0)),
            BootSource::Flash | BootSource::SystemMemory => {}
        }
        map
    }

    fn fetch_cost(&self) -> FetchCost {
        self.cost()
    }
}
