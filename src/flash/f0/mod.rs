//! The flash interface of the STM32F0: the FPEC, programming by half-word (RM0091 chapter 3).
//!
//! `registers` has the register file and the locks, `programming` erases and programs, `options` the option
//! bytes and what they protect.

pub(super) mod driver;
mod options;
mod programming;
mod registers;

use super::cells::SavedCells;
use super::cut::{Area, Cut, Operation};
use super::factory::{FactoryError, NonVolatile};
use super::flags::Flags;
use super::keys::UnlockSequence;
use super::{
    BootOptions, Cells, Controller, Kept as Any, Latency, MassEraseLeft, OptionField, OtherPart, Purpose, Saved,
    Settings, WriteWithoutPg,
};
use crate::bus::{Access, BootSource, BusFault, Effects, Master, ResetCause, Width, fault, lane};
use crate::part::{Family, Flash, OptionBytes, Part};
use crate::time::{Now, Time};
use options::{AREA, Loaded};
use registers::{cr, sr};
use std::ops::Range;
use std::sync::Arc;

/// A half-word (F78), and an option byte (F79).
const PROGRAM_TIME: Time = Time::from_nanos(53_500);
/// A page, all pages (F78), or the option area (F79).
const ERASE_TIME: Time = Time::from_millis(30);

/// The FPEC with its cells.
#[derive(Debug)]
pub(super) struct F0 {
    flash: Flash,
    part: Arc<Part>,
    /// How many WRP bytes the part loads (F48).
    wrp_bytes: usize,
    cells: Cells,
    live: Live,
}

/// Everything but the cells.
#[derive(Clone, Debug)]
struct Live {
    acr: u32,
    cr: u32,
    sr: u32,
    ar: u32,
    keys: UnlockSequence,
    option_keys: UnlockSequence,
    stored: [u8; AREA],
    loaded: Loaded,
    operation: Option<Operation>,
    boot: BootSource,
    debugger: bool,
    settings: Settings,
    /// Counts cuts, so that each has a seed of its own.
    cuts: u64,
    broken: Option<Cut>,
}

/// A saved state.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    live: Live,
    cells: Arc<SavedCells>,
}

impl F0 {
    /// A blank chip with factory option bytes, powered on.
    pub(super) fn new(part: &Arc<Part>) -> F0 {
        let flash = part.flash;
        let live = Live {
            acr: 0,
            cr: cr::LOCK,
            sr: 0,
            ar: 0,
            keys: UnlockSequence::default(),
            option_keys: UnlockSequence::default(),
            stored: options::factory(&part.option_bytes),
            loaded: Loaded::default(),
            operation: None,
            boot: BootSource::Flash,
            debugger: false,
            settings: Settings::default(),
            cuts: 0,
            broken: None,
        };
        let mut this = F0 {
            flash,
            part: Arc::clone(part),
            wrp_bytes: options::wrp_bytes(part),
            cells: Cells::new(flash.base, flash.size, flash.page, false),
            live,
        };
        this.power_on(Now::default());
        this
    }

    fn level(&self) -> u8 {
        self.live.loaded.level
    }

    /// Level 1 with a debugger, or booted from elsewhere: main flash is out of reach (F62, F63).
    fn locks_out(&self, master: Master) -> bool {
        self.level() == 1 && (self.live.debugger || self.live.boot != BootSource::Flash || master == Master::Debug)
    }

    /// The debug port is off at level 2 (F70).
    fn admit(&self, by: Access) -> Result<(), BusFault> {
        if self.level() == 2 && by.master == Master::Debug {
            Err(fault("the debug port is off at level 2"))
        } else {
            Ok(())
        }
    }

    /// Ends the operation in flight where its time has come.
    fn settle(&mut self, now: Time, fx: &mut Effects) {
        if self.live.operation.as_ref().is_some_and(|o| o.ends <= now) {
            self.finish(fx);
        }
    }

    /// Ends the operation in flight: EOP without asking EOPIE (F34, F43), STRT falls with BSY (F32).
    fn finish(&mut self, fx: &mut Effects) {
        if self.live.operation.take().is_some() {
            self.live.sr |= sr::EOP;
            self.live.cr &= !cr::STRT;
            fx.interrupts();
            fx.events();
        }
    }

    fn start(&mut self, operation: Operation, fx: &mut Effects) {
        self.live.operation = Some(operation);
        fx.events();
    }

    /// An error flag instead of an operation: BSY and STRT fall at once (F25).
    fn fail(&mut self, flag: u32, fx: &mut Effects) {
        self.live.sr |= flag;
        fx.interrupts();
    }

    fn break_off(&mut self, now: Now, seed: u64) -> Option<Cut> {
        self.settle(now.time, &mut Effects::default());
        let operation = self.live.operation.take()?;
        self.live.cuts += 1;
        let area = Area {
            cells: &mut self.cells,
            options: &mut self.live.stored,
            otp: (Default::default(), Default::default()),
        };
        Some(operation.cut(now, seed, area))
    }

    fn own_seed(&self) -> u64 {
        self.live.settings.seed.wrapping_add(self.live.cuts)
    }

    /// What every reset does to the registers (F24).
    fn reset_registers(&mut self) {
        let l = &mut self.live;
        (l.acr, l.cr, l.sr, l.ar) = (0, cr::LOCK, 0, 0);
        (l.keys, l.option_keys) = (UnlockSequence::default(), UnlockSequence::default());
    }

    fn load_options(&mut self) {
        self.live.loaded = Loaded::load(&self.live.stored, self.wrp_bytes);
    }
}

impl Controller for F0 {
    fn read_register(&mut self, offset: u32, width: Width, by: Access, fx: &mut Effects) -> Result<u32, BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        // F4: only words are allowed; what a narrow read does is not said, the lane is the mild answer.
        Ok(lane(self.register(offset & !3), offset, width))
    }

    fn write_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        self.store_register(offset, width, value, by, fx)
    }

    fn read(&mut self, address: u32, width: Width, _: Purpose, by: Access, fx: &mut Effects) -> Result<u32, BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        // F27: any read waits for the operation in flight.
        if let Some(o) = &self.live.operation {
            fx.stall_until(o.ends);
        }
        if self.part.option_bytes.contains(address) {
            return Ok(self.stored_bytes(address, width)); // F58
        }
        if !self.flash.contains(address) {
            return Err(fault("no flash at this address"));
        }
        if self.locks_out(by.master) {
            return Err(fault("main flash is read-protected (level 1)"));
        }
        Ok(self.cells.read(address, width))
    }

    fn write(&mut self, address: u32, width: Width, value: u32, by: Access, fx: &mut Effects) -> Result<(), BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        let mut at = by.now.time;
        if let Some(o) = &self.live.operation {
            // F28: a second half-word waits for the first, then goes on.
            at = o.ends;
            fx.stall_until(at);
            self.finish(fx);
        }
        if width != Width::Half || !address.is_multiple_of(2) {
            return Err(fault("flash is programmed by half-words only")); // F39
        }
        if self.part.option_bytes.contains(address) {
            self.program_option(address, value as u8, at, fx);
            return Ok(());
        }
        if !self.flash.contains(address) {
            return Err(fault("no flash at this address"));
        }
        self.program(address, value as u16, at, by, fx)
    }

    fn plain(&self, now: Now) -> bool {
        !self.is_busy(now) && !self.locks_out(Master::Cpu)
    }

    fn power_on(&mut self, now: Now) {
        let seed = self.own_seed();
        self.live.broken = self.break_off(now, seed);
        self.live.debugger = false;
        self.live.boot = BootSource::Flash;
        self.reset_registers();
        self.load_options();
    }

    fn reset(&mut self, cause: ResetCause, now: Now) {
        if cause == ResetCause::PowerOn {
            return self.power_on(now);
        }
        let seed = self.own_seed();
        self.live.broken = self.break_off(now, seed);
        self.reset_registers();
        if cause == ResetCause::OptionBytes {
            self.load_options(); // F54, F56
        }
    }

    fn booted(&mut self, from: BootSource) {
        self.live.boot = from;
    }

    fn debugger_seen(&mut self) {
        self.live.debugger = true;
    }

    fn boot_options(&self) -> BootOptions {
        let user = self.live.loaded.user;
        BootOptions {
            boot0: None,
            nboot1: user & options::NBOOT1 != 0,
            boot_lock: self.level() == 2,
            empty: false, // F77
            hardware_iwdg: user & options::WDG_SW == 0,
        }
    }

    fn latency(&self) -> Latency {
        Latency { wait_states: self.live.acr & 7, prefetch: self.live.acr & registers::PRFTBE != 0, cache: false }
    }

    fn interrupt(&self) -> bool {
        let (s, c) = (self.live.sr, self.live.cr);
        // F43
        (s & sr::EOP != 0 && c & cr::EOPIE != 0) || (s & (sr::PGERR | sr::WRPRTERR) != 0 && c & cr::ERRIE != 0)
    }

    fn next_event(&self) -> Option<Time> {
        self.busy_until()
    }

    fn advance(&mut self, now: Now, fx: &mut Effects) {
        self.settle(now.time, fx);
    }

    fn busy_until(&self) -> Option<Time> {
        self.live.operation.as_ref().map(|o| o.ends)
    }

    fn debug_open(&self) -> bool {
        self.level() != 2
    }

    fn locked_out(&self) -> bool {
        self.locks_out(Master::Cpu)
    }

    fn power_off(&mut self, now: Now, seed: u64) -> Option<Cut> {
        self.break_off(now, seed)
    }

    fn broken_off(&mut self) -> Option<Cut> {
        self.live.broken.take()
    }

    fn cells(&self) -> &Cells {
        &self.cells
    }

    fn rdp_level(&self) -> u8 {
        self.level()
    }

    fn protected(&self, page: u32) -> bool {
        self.live.loaded.protects(page / self.flash.wrp_pages.max(1))
    }

    fn option_layout(&self) -> &OptionBytes {
        &self.part.option_bytes
    }

    fn option_bytes(&self) -> Vec<(u32, u32)> {
        let base = self.part.option_bytes.base;
        (0..AREA as u32 / 4).map(|i| (base + 4 * i, self.stored_bytes(base + 4 * i, Width::Word))).collect()
    }

    fn option_fields(&self) -> Vec<OptionField> {
        options::fields(&self.live.loaded, &Loaded::load(&self.live.stored, self.wrp_bytes))
    }

    fn mass_erase_left(&self) -> Option<MassEraseLeft> {
        let left = self.live.operation.is_none() && self.live.cr & cr::MER != 0;
        let until_reset = "the erase of a page is taken to erase everything (F36: a choice)";
        left.then_some(MassEraseLeft { bit: "MER", until_reset })
    }

    fn flags(&self) -> Flags {
        Flags::of(&registers::STATUS_FLAGS, self.register(registers::SR))
    }

    fn ranges(&self) -> Vec<Range<u32>> {
        vec![self.cells.range(), self.part.option_bytes.base..self.part.option_bytes.end()]
    }

    fn settings(&self) -> Settings {
        self.live.settings
    }

    fn set_settings(&mut self, settings: Settings) {
        self.live.settings = settings;
    }

    fn save(&self) -> Saved {
        Saved(Any::F0(Box::new(Kept { live: self.live.clone(), cells: self.cells.save() })))
    }

    fn restore(&mut self, saved: &Saved) -> Result<Vec<u32>, OtherPart> {
        match &saved.0 {
            Any::F0(kept) if self.cells.fits(&kept.cells) => {
                self.live.clone_from(&kept.live);
                Ok(self.cells.restore(&kept.cells))
            }
            _ => Err(OtherPart),
        }
    }

    fn non_volatile(&self) -> NonVolatile {
        NonVolatile {
            family: Family::F0,
            base: self.flash.base,
            bytes: self.cells.bytes(self.flash.base, self.flash.size),
            wear: self.cells.all_wear().to_vec(),
            marks: Vec::new(),
            option_base: self.part.option_bytes.base,
            options: self.live.stored.to_vec(),
            otp_base: 0,
            otp: Vec::new(),
            otp_marks: Vec::new(),
        }
    }

    fn install(&mut self, non_volatile: &NonVolatile) -> Result<(), FactoryError> {
        let options: [u8; AREA] = non_volatile.options.as_slice().try_into().map_err(|_| FactoryError::OtherPart)?;
        if non_volatile.family != Family::F0 || non_volatile.option_base != self.part.option_bytes.base {
            return Err(FactoryError::OtherPart);
        }
        self.cells.install(non_volatile)?;
        self.live.stored = options;
        self.live.operation = None;
        self.power_on(Now::default());
        Ok(())
    }
}

/// What a store does while PG is 0. No source says: RM0091 3.2.2 has the bus error for what is no half-word, with PG set.
fn without_pg(setting: WriteWithoutPg, address: u32, fx: &mut Effects) -> Result<(), BusFault> {
    match setting {
        WriteWithoutPg::BusFault => {
            fx.choice("F45", address, "a store to flash with PG = 0: a bus error");
            Err(fault("a store to flash with PG = 0 (F45: a choice)"))
        }
        WriteWithoutPg::Ignored => {
            fx.choice("F45", address, "a store to flash with PG = 0: nothing happened");
            Ok(())
        }
    }
}
