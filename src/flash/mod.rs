//! The flash of a part: cells with wear, the controller in front of them, option bytes and protection.
//!
//! Every read and write of flash by the core, the debug port, GDB or a scenario goes through one
//! [`Controller`]; there is no way round it. It knows nothing of the CPU that runs the code.

use crate::bus::{Access, BootSource, BusFault, Effects, ResetCause, Width};
use crate::time::{Now, Time};
use std::fmt;

/// What a read of flash is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An instruction or vector fetch by the core.
    Fetch,
    /// A load.
    Data,
}

/// What decides the boot source (RM0091 2.5, RM0444 2.5), from the option bytes as loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootOptions {
    /// BOOT0 as an option bit; none where the pin decides.
    pub boot0: Option<bool>,
    /// nBOOT1.
    pub nboot1: bool,
    /// BOOT_LOCK: main flash whatever else is set (G0).
    pub boot_lock: bool,
    /// The empty check diverts a boot from main flash to system memory (G0).
    pub empty: bool,
    /// The independent watchdog starts by hardware (WDG_SW / IWDG_SW = 0).
    pub hardware_iwdg: bool,
}

/// What a fetch costs beyond its bus cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Wait states.
    pub wait_states: u32,
    /// The prefetch buffer is on.
    pub prefetch: bool,
    /// The instruction cache is on (G0).
    pub cache: bool,
}

/// A flash controller with its cells.
///
/// Addresses are absolute: main flash from 0x0800_0000, the option bytes, and OTP where the part has it.
/// The chip resolves the alias at 0 before it calls. Times are virtual; an operation in flight ends when
/// [`Controller::advance`] passes its end, and any access with a later `now` counts as passing it.
pub trait Controller: fmt::Debug + Send {
    /// Reads the register at `offset` from the interface's base.
    ///
    /// # Errors
    /// A bus fault where the manual names one.
    fn read_register(&mut self, offset: u32, width: Width, by: Access, fx: &mut Effects) -> Result<u32, BusFault>;

    /// Writes the register at `offset`; `value` is in the low bits, `offset` may point into a word.
    ///
    /// # Errors
    /// A bus fault where the manual names one (wrong keys).
    fn write_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault>;

    /// A load or fetch from main flash, option bytes or OTP.
    ///
    /// # Errors
    /// A bus fault where protection refuses the read.
    fn read(
        &mut self,
        address: u32,
        width: Width,
        purpose: Purpose,
        by: Access,
        fx: &mut Effects,
    ) -> Result<u32, BusFault>;

    /// A store to main flash, option bytes or OTP: the start of a program operation, or an error flag.
    ///
    /// # Errors
    /// A bus fault where the manual names one (F0: any width but 16 bits).
    fn write(&mut self, address: u32, width: Width, value: u32, by: Access, fx: &mut Effects) -> Result<(), BusFault>;

    /// Whether the core may read and fetch all of main flash at this instant with no effect but the bytes:
    /// no lock-out, no protected area, no bad ECC word, nothing in flight. An engine may then map the cells.
    fn plain(&self, now: Now) -> bool;

    /// Power comes on: everything volatile is as after a power-on reset, the option bytes are loaded.
    fn power_on(&mut self, now: Now);

    /// A reset with power kept. An operation in flight is broken off; option bytes are loaded for
    /// [`ResetCause::OptionBytes`] only.
    fn reset(&mut self, cause: ResetCause, now: Now);

    /// The core has booted from there; read protection depends on it.
    fn booted(&mut self, from: BootSource);

    /// A debugger has accessed the chip; the lock-out of level 1 holds until the next power-on.
    fn debugger_seen(&mut self);

    /// What decides the boot source.
    fn boot_options(&self) -> BootOptions;

    /// What fetches cost now.
    fn latency(&self) -> Latency;

    /// Whether the interrupt line is raised.
    fn interrupt(&self) -> bool;

    /// When the operation in flight ends.
    fn next_event(&self) -> Option<Time>;

    /// Ends what has ended by `now`.
    fn advance(&mut self, now: Now, fx: &mut Effects);
}
