//! The flash interface of the STM32G0: double words with ECC (RM0444 chapter 3).
//!
//! `registers` has the register file and the locks, `programming` erases and programs, `fast` is fast
//! programming, `options` the option bytes, `protection` what they forbid, `ecc` the check on reads.

pub(super) mod driver;
mod ecc;
mod fast;
mod options;
mod programming;
mod protection;
mod registers;

use super::cells::{DOUBLE_WORD, Mark, SavedCells};
use super::cut::{Area, Cut, Operation};
use super::factory::{FactoryError, NonVolatile};
use super::flags::Flags;
use super::keys::UnlockSequence;
use super::{
    BootOptions, Cells, Controller, Kept as Any, Latency, MassEraseLeft, OptionField, OtherPart, Purpose, Saved,
    Settings,
};
use crate::bus::{Access, BootSource, BusFault, Effects, Master, ResetCause, Width, fault};
use crate::part::{Family, Flash, OptionBytes, Part, Region};
use crate::time::{Now, Time};
use fast::Fast;
use options::{AREA, Options, Shape};
use registers::{acr, cr, eccr, sr};
use std::ops::Range;
use std::sync::Arc;

/// A double word (G98).
const PROGRAM_TIME: Time = Time::from_micros(85);
/// A page (G98).
const PAGE_TIME: Time = Time::from_millis(22);
/// All pages (G98).
const MASS_TIME: Time = Time::from_micros(22_100);
/// A change of the option bytes (G99).
const OPTION_TIME: Time = Time::from_millis(23);

/// The controller with its cells.
#[derive(Debug)]
pub(super) struct G0 {
    flash: Flash,
    part: Arc<Part>,
    otp: Region,
    shape: Shape,
    cells: Cells,
    live: Live,
}

/// Everything but the cells.
#[derive(Clone, Debug)]
struct Live {
    acr: u32,
    sr: u32,
    cr: u32,
    eccr: u32,
    keys: UnlockSequence,
    option_keys: UnlockSequence,
    /// The option area as stored.
    stored: [u8; AREA],
    /// In force.
    loaded: Options,
    /// What a load found wrong.
    mismatch: bool,
    /// What the next OPTSTRT programs: loaded values, edits, and what was programmed since the last load (G74).
    edit: Options,
    /// Option registers that were edited since the last OPTSTRT, by index: they read their edit, the others what is
    /// loaded.
    edited: u32,
    otp: Vec<u8>,
    otp_marks: Vec<Mark>,
    /// The first store of a double word that waits for its second (CFGBSY).
    half: Option<Half>,
    operation: Option<Operation>,
    fast: Option<Fast>,
    /// When FSTPG was set.
    fast_since: Option<Time>,
    /// The last thing that happened to the cells was an erase (G56).
    fresh: bool,
    boot: BootSource,
    debugger: bool,
    settings: Settings,
    cuts: u64,
    broken: Option<Cut>,
}

/// The first store of a double word.
#[derive(Clone, Copy, Debug)]
struct Half {
    address: u32,
    word: u32,
    /// The flags that it raised: it counts for CFGBSY all the same, and nothing comes of its pair (G26).
    refused: u32,
}

/// A saved state.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    live: Live,
    cells: Arc<SavedCells>,
}

impl G0 {
    /// A blank chip with factory option bytes, powered on.
    pub(super) fn new(part: &Arc<Part>) -> G0 {
        let flash = part.flash;
        let shape = Shape::of(part);
        let otp = part.otp.unwrap_or(Region { base: 0, size: 0 });
        let factory = shape.factory();
        let live = Live {
            acr: 0,
            sr: 0,
            cr: 0,
            eccr: 0,
            keys: UnlockSequence::default(),
            option_keys: UnlockSequence::default(),
            stored: shape.store(&factory),
            loaded: factory,
            mismatch: false,
            edit: factory,
            edited: 0,
            otp: vec![0xFF; otp.size as usize],
            otp_marks: vec![0; (otp.size / DOUBLE_WORD) as usize],
            half: None,
            operation: None,
            fast: None,
            fast_since: None,
            fresh: false,
            boot: BootSource::Flash,
            debugger: false,
            settings: Settings::default(),
            cuts: 0,
            broken: None,
        };
        let mut this = G0 {
            flash,
            part: Arc::clone(part),
            otp,
            shape,
            cells: Cells::new(flash.base, flash.size, flash.page, true),
            live,
        };
        this.power_on(Now::default());
        this
    }

    fn level(&self) -> u8 {
        self.live.loaded.level()
    }

    /// Ends what has ended by `now`.
    fn settle(&mut self, now: Time, fx: &mut Effects) {
        self.settle_fast(now, fx);
        if self.live.operation.as_ref().is_some_and(|o| o.ends <= now) {
            self.finish(fx);
        }
    }

    /// Ends the operation in flight. EOP only with EOPIE (G52); STRT falls with BSY1 (G32).
    fn finish(&mut self, fx: &mut Effects) {
        if self.live.operation.take().is_some() {
            if self.live.cr & cr::EOPIE != 0 && self.live.fast.is_none() {
                self.live.sr |= sr::EOP;
            }
            self.live.cr &= !(cr::STRT | cr::OPTSTRT);
            fx.interrupts();
            fx.events();
        }
    }

    /// The operation in flight, waited for by the master: from then on it goes on (G24, G28).
    fn wait(&mut self, now: Time, fx: &mut Effects) -> Time {
        match &self.live.operation {
            Some(o) => {
                let ends = o.ends;
                fx.stall_until(ends);
                self.finish(fx);
                ends
            }
            None => now,
        }
    }

    /// As [`G0::wait`], and for a row of fast programming too.
    fn wait_out(&mut self, now: Time, fx: &mut Effects) -> Time {
        let at = self.wait(now, fx);
        self.wait_for_row(at, fx)
    }

    fn start(&mut self, operation: Operation, fx: &mut Effects) {
        self.live.operation = Some(operation);
        fx.events();
    }

    /// Error flags instead of an operation; a row of fast programming ends, half a double word stays half a one (G26).
    /// OPERR only with ERRIE (G52).
    fn fail(&mut self, flags: u32, fx: &mut Effects) {
        self.live.sr |= flags;
        if self.live.cr & cr::ERRIE != 0 {
            self.live.sr |= sr::OPERR;
        }
        self.live.fast = None;
        fx.interrupts();
        fx.events();
    }

    fn break_off(&mut self, now: Now, seed: u64) -> Option<Cut> {
        self.settle(now.time, &mut Effects::default());
        self.live.half = None;
        self.live.fast = None;
        self.live.fast_since = None;
        self.live.fresh = false;
        let operation = self.live.operation.take()?;
        self.live.cuts += 1;
        let l = &mut self.live;
        let area = Area { cells: &mut self.cells, options: &mut l.stored, otp: (&mut l.otp, &mut l.otp_marks) };
        Some(operation.cut(now, seed, area))
    }

    fn own_seed(&self) -> u64 {
        self.live.settings.seed.wrapping_add(self.live.cuts)
    }

    /// What every reset does to the registers. EMPTY stays (G94), OPTVERR comes back (G77), edits of the option
    /// registers are lost (G75).
    fn reset_registers(&mut self) {
        let l = &mut self.live;
        let dead = l.loaded.level() == 1 && l.loaded.boot_lock() && !l.mismatch;
        l.acr = acr::RESET | (l.acr & acr::EMPTY);
        if dead {
            l.acr &= !acr::DBG_SWEN; // G93
        }
        l.sr = if l.mismatch { sr::OPTVERR } else { 0 };
        l.cr = cr::LOCK | cr::OPTLOCK;
        l.eccr = 0;
        (l.keys, l.option_keys) = (UnlockSequence::default(), UnlockSequence::default());
        l.edit = l.loaded;
        l.edited = 0;
    }

    /// Loads the option bytes and looks whether flash is empty (G75, G77, G94).
    fn load_options(&mut self) {
        let (loaded, mismatch) = self.shape.load(&self.live.stored);
        self.live.loaded = loaded;
        self.live.mismatch = mismatch;
        let first = self.flash.base;
        let empty = self.cells.is_blank(first..first + DOUBLE_WORD);
        self.live.acr = if empty { acr::EMPTY } else { 0 };
    }
}

impl Controller for G0 {
    fn read_register(&mut self, offset: u32, width: Width, by: Access, fx: &mut Effects) -> Result<u32, BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        Ok(crate::bus::lane(self.register(offset & !3), offset, width))
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

    fn read(
        &mut self,
        address: u32,
        width: Width,
        purpose: Purpose,
        by: Access,
        fx: &mut Effects,
    ) -> Result<u32, BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        self.abort_fast(fx); // G60
        if let Some(o) = &self.live.operation {
            fx.stall_until(o.ends); // G27
        }
        if self.part.option_bytes.contains(address) {
            return Ok(self.stored_bytes(address, width));
        }
        if self.otp.contains(address) {
            if self.locks_out(by.master) {
                return Err(fault("OTP is read-protected (level 1)")); // G3, G81
            }
            return Ok(self.otp_bytes(address, width));
        }
        if !self.flash.contains(address) {
            return Err(fault("no flash at this address"));
        }
        self.admit_flash(address, by)?;
        if purpose == Purpose::Data && self.in_pcrop(address..address + width.bytes()) {
            // G90: the value is not stated.
            self.live.sr |= sr::RDERR;
            fx.interrupts();
            return Ok(0);
        }
        self.check_ecc(address, fx);
        Ok(self.cells.read(address, width))
    }

    fn write(&mut self, address: u32, width: Width, value: u32, by: Access, fx: &mut Effects) -> Result<(), BusFault> {
        self.settle(by.now.time, fx);
        self.admit(by)?;
        self.store(address, width, value, by, fx)
    }

    fn plain(&self, now: Now) -> bool {
        !self.is_busy(now)
            && self.live.fast.is_none()
            && self.cells.flawed() == 0
            && !self.locks_out(Master::Cpu)
            && self.secured_end() == self.flash.base
            && self.pcrop_areas().iter().all(Range::is_empty)
    }

    fn power_on(&mut self, now: Now) {
        let seed = self.own_seed();
        self.live.broken = self.break_off(now, seed);
        self.live.debugger = false;
        self.live.boot = BootSource::Flash;
        self.load_options();
        self.reset_registers();
    }

    fn reset(&mut self, cause: ResetCause, now: Now) {
        if cause == ResetCause::PowerOn {
            return self.power_on(now);
        }
        let seed = self.own_seed();
        self.live.broken = self.break_off(now, seed);
        if cause == ResetCause::OptionBytes {
            self.load_options();
        }
        self.reset_registers();
    }

    fn booted(&mut self, from: BootSource) {
        self.live.boot = from;
    }

    fn debugger_seen(&mut self) {
        self.live.debugger = true;
    }

    fn boot_options(&self) -> BootOptions {
        let o = &self.live.loaded;
        BootOptions {
            boot0: o.bit(options::NBOOT_SEL).then(|| !o.bit(options::NBOOT0)),
            nboot1: o.bit(options::NBOOT1),
            boot_lock: o.boot_lock() || self.level() == 2,
            empty: self.live.acr & acr::EMPTY != 0 && !o.boot_lock(),
            hardware_iwdg: !o.bit(options::IWDG_SW),
        }
    }

    fn latency(&self) -> Latency {
        let a = self.live.acr;
        Latency { wait_states: a & 7, prefetch: a & acr::PRFTEN != 0, cache: a & acr::ICEN != 0 }
    }

    fn interrupt(&self) -> bool {
        let (s, c) = (self.live.sr, self.live.cr);
        // G53
        (s & sr::EOP != 0 && c & cr::EOPIE != 0)
            || (s & sr::OPERR != 0 && c & cr::ERRIE != 0)
            || (s & sr::RDERR != 0 && c & cr::RDERRIE != 0)
            || (self.live.eccr & eccr::ECCC != 0 && self.live.eccr & eccr::ECCCIE != 0)
    }

    fn next_event(&self) -> Option<Time> {
        let fast = self.live.fast.as_ref().map(Fast::deadline);
        match (self.busy_until(), fast) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn advance(&mut self, now: Now, fx: &mut Effects) {
        self.settle(now.time, fx);
    }

    fn busy_until(&self) -> Option<Time> {
        self.live.operation.as_ref().map(|o| o.ends)
    }

    fn nmi(&self) -> bool {
        self.live.eccr & eccr::ECCD != 0
    }

    fn debug_open(&self) -> bool {
        self.level() != 2 && self.live.acr & acr::DBG_SWEN != 0
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
        self.page_is_protected(page)
    }

    fn option_layout(&self) -> &OptionBytes {
        &self.part.option_bytes
    }

    fn option_bytes(&self) -> Vec<(u32, u32)> {
        let base = self.part.option_bytes.base;
        (0..AREA as u32 / 4).map(|i| (base + 4 * i, self.stored_bytes(base + 4 * i, Width::Word))).collect()
    }

    fn option_fields(&self) -> Vec<OptionField> {
        options::fields(&self.live.loaded, &self.shape.load(&self.live.stored).0)
    }

    fn mass_erase_left(&self) -> Option<MassEraseLeft> {
        let left = self.live.operation.is_none() && self.live.cr & cr::MER1 != 0;
        let until_reset = "the next write or erase of a page fails with PGSERR";
        left.then_some(MassEraseLeft { bit: "MER1", until_reset })
    }

    fn flags(&self) -> Flags {
        let status = Flags::of(&registers::STATUS_FLAGS, self.register(registers::SR));
        status.iter().chain(Flags::of(&registers::ECC_FLAGS, self.live.eccr).iter()).collect()
    }

    fn ranges(&self) -> Vec<Range<u32>> {
        vec![
            self.cells.range(),
            self.part.option_bytes.base..self.part.option_bytes.end(),
            self.otp.base..self.otp.end(),
        ]
    }

    fn settings(&self) -> Settings {
        self.live.settings
    }

    fn set_settings(&mut self, settings: Settings) {
        self.live.settings = settings;
    }

    fn save(&self) -> Saved {
        Saved(Any::G0(Box::new(Kept { live: self.live.clone(), cells: self.cells.save() })))
    }

    fn restore(&mut self, saved: &Saved) -> Result<Vec<u32>, OtherPart> {
        match &saved.0 {
            Any::G0(kept) if self.cells.fits(&kept.cells) => {
                self.live.clone_from(&kept.live);
                Ok(self.cells.restore(&kept.cells))
            }
            _ => Err(OtherPart),
        }
    }

    fn non_volatile(&self) -> NonVolatile {
        NonVolatile {
            family: Family::G0,
            base: self.flash.base,
            bytes: self.cells.bytes(self.flash.base, self.flash.size),
            wear: self.cells.all_wear().to_vec(),
            marks: self.cells.all_marks().to_vec(),
            option_base: self.part.option_bytes.base,
            options: self.live.stored.to_vec(),
            otp_base: self.otp.base,
            otp: self.live.otp.clone(),
            otp_marks: self.live.otp_marks.clone(),
        }
    }

    fn install(&mut self, non_volatile: &NonVolatile) -> Result<(), FactoryError> {
        let options: [u8; AREA] = non_volatile.options.as_slice().try_into().map_err(|_| FactoryError::OtherPart)?;
        let l = &mut self.live;
        if non_volatile.family != Family::G0
            || non_volatile.option_base != self.part.option_bytes.base
            || (non_volatile.otp.len(), non_volatile.otp_marks.len()) != (l.otp.len(), l.otp_marks.len())
        {
            return Err(FactoryError::OtherPart);
        }
        self.cells.install(non_volatile)?;
        l.stored = options;
        l.otp.clone_from(&non_volatile.otp);
        l.otp_marks.clone_from(&non_volatile.otp_marks);
        l.operation = None;
        self.power_on(Now::default());
        Ok(())
    }
}
