//! The chip from the debug port's side, with the core halted.

use super::Chip;
use super::exception::LOCK_UP;
use super::{Match, WATCHPOINTS, Watchpoint};
use crate::bus::{Access, BootSource, BusFault, Master, ResetCause, Width};
use crate::cpu::{Registers, Reply, T};
use crate::flash::{Port, Purpose};
use crate::periph::nvic;
use crate::time::Now;

/// What a debugger has enabled in the core (DDI0419 C1.6.3, DHCSR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debug {
    /// C_DEBUGEN: `bkpt` halts the core, and is no fault.
    pub enabled: bool,
    /// C_MASKINTS: PendSV, SysTick and the interrupts are held back.
    pub mask_interrupts: bool,
    /// The DWT's comparators.
    pub watch: [Watchpoint; WATCHPOINTS],
}

impl Debug {
    /// Whether anything is watched.
    pub(super) fn watches(&self) -> bool {
        self.watch.iter().any(|w| w.matches != Match::Nothing)
    }
}

impl Chip {
    /// Tells the core what a debugger has enabled. A reset does not change it.
    pub const fn set_debug(&mut self, debug: Debug) {
        self.debug = debug;
        self.board.is_debugged = debug.enabled;
    }

    /// The exception to be taken next, if any.
    pub(super) fn next_exception(&self) -> Option<u32> {
        let masked = |n: u32| self.debug.mask_interrupts && n > nvic::SVCALL;
        self.board.nvic.next(self.core.primask()).filter(|n| !masked(*n))
    }

    /// Stops before these instructions; each at this very address, as breakpoint comparators do. Replaces
    /// [`Chip::stop_inside`].
    pub fn stop_at(&mut self, addresses: &[u32]) {
        let ranges: Vec<_> = addresses.iter().map(|a| *a..a.saturating_add(2)).collect();
        self.core.stop_inside(&ranges);
    }

    /// The core enters debug state: it sleeps no more, and a lock-up ends, with PC where lock-up stands (DDI0419
    /// C1.5). It runs on with the next run.
    pub fn enter_debug_state(&mut self) {
        self.sleeping = false;
        if std::mem::take(&mut self.locked_up) {
            self.set_registers(|r| r.pc = LOCK_UP);
        }
    }

    /// Whether the core is locked up.
    pub const fn is_locked_up(&self) -> bool {
        self.locked_up
    }

    /// Whether the core sleeps.
    pub const fn is_sleeping(&self) -> bool {
        self.sleeping
    }

    /// How often something has woken the core since the last reset.
    pub const fn woken(&self) -> u64 {
        self.woken
    }

    /// Resets since the chip was made, power-ons among them.
    pub const fn resets(&self) -> u64 {
        self.resets
    }

    /// Whether the core is in ST's boot loader. A debugger may take it out by setting PC.
    pub(super) fn in_system_memory(&self) -> bool {
        let memory = self.board.part.system_memory;
        self.boot == BootSource::SystemMemory && memory.contains(self.board.resolve(self.core.registers().pc))
    }

    /// A load by the debug port.
    ///
    /// # Errors
    /// The bus fault that a probe would be told.
    pub fn debug_read(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
        self.probe_seen();
        let by = Access { master: Master::Debug, now: self.now() };
        let reply = self.board.load(address, width, Purpose::Data, by, 0)?;
        self.debug_follow(&reply);
        Ok(reply.value)
    }

    /// A store by the debug port.
    ///
    /// # Errors
    /// The bus fault that a probe would be told.
    pub fn debug_write(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusFault> {
        self.probe_seen();
        let by = Access { master: Master::Debug, now: self.now() };
        let reply = self.board.store(address, width, value, by, 0)?;
        self.debug_follow(&reply);
        Ok(())
    }

    /// A debugger has accessed the chip. At level 1 the core loses sight of flash from then on.
    pub fn probe_seen(&mut self) {
        self.board.flash.debugger_seen();
        if self.board.look_again(self.now()) {
            self.core.remap(&self.board);
        }
    }

    fn debug_follow(&mut self, reply: &Reply) {
        if reply.wait > 0 {
            self.core.set_cycle(self.core.cycle() + reply.wait);
        }
        self.follow(reply);
        if let Some(cause) = self.board.reset_wanted.take() {
            self.reset(cause);
        }
    }

    /// The flash controller was used directly with the core halted, up to `now`: the rest of the chip follows.
    pub fn catch_up(&mut self, now: Now) {
        self.core.set_cycle(now.cycle.max(self.core.cycle()));
        self.forget_code();
        let now = self.now();
        self.pass_event(now);
    }

    /// Starts the app whose vector table stands at `table`, as a bootloader would: interrupts off, main stack and PC
    /// from the table, VTOR where the core has it. Everything else is as it is.
    pub fn start_app(&mut self, table: u32) {
        if self.boot != BootSource::Flash {
            // An empty chip would have gone to system memory; with a bootloader it would not be empty.
            self.boot = BootSource::Flash;
            self.board.flash.booted(self.boot);
            self.board.reset(ResetCause::PowerOn, self.now(), self.boot);
            self.core.remap(&self.board);
        }
        let cells = self.board.flash.cells();
        let (sp, pc) = (cells.read(table, Width::Word), cells.read(table + 4, Width::Word));
        let xpsr = if pc & 1 != 0 { T } else { 0 };
        let registers = Registers { msp: sp & !3, pc: pc & !1, xpsr, primask: true, ..self.core.registers() };
        self.core.set_registers(&registers);
        self.board.set_vtor(table);
    }

    /// Lets time pass with the core halted, until flash is idle.
    pub fn wait_for_flash(&mut self) {
        while let Some(end) = self.board.flash.busy_until() {
            let now = self.now();
            if end <= now.time {
                self.pass_event(now);
                return;
            }
            self.core.set_cycle(self.board.hclk.cycle_at(end).max(now.cycle + 1));
            let now = self.now();
            self.pass_event(now);
        }
    }
}

/// By the debug port, with the core halted.
impl Port for Chip {
    type Error = BusFault;

    fn load(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
        self.debug_read(address, width)
    }

    fn store(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusFault> {
        self.debug_write(address, width, value)
    }

    fn wait(&mut self) -> Result<(), BusFault> {
        self.wait_for_flash();
        Ok(())
    }
}
