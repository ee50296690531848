//! The flash of a part: cells with wear, the controller in front of them, option bytes and protection.
//!
//! Every read and write of flash by the core, the debug port, GDB or a scenario goes through one
//! [`Controller`]; there is no way round it. It knows nothing of the CPU that runs the code. Beside each controller
//! stands a [`Driver`], which works its registers as firmware and probes do: whoever programs a flash uses it.
//!
//! The rules have numbers: F1 to F81 for the F0, G1 to G103 for the G0. Comments name them, [`choices`] lists
//! those where the manual leaves a choice, and `tests/flash_rules` holds each of them against this model.

pub mod cells;
pub mod choices;
pub mod cut;
pub mod diff;
pub mod driver;
mod f0;
pub mod factory;
mod flags;
mod g0;
mod interface;
mod keys;
#[cfg(feature = "embedded-storage")]
pub mod nor;
pub mod view;

pub use cells::Cells;
pub use cut::Cut;
pub use diff::{BLANK, Contents, PageDiff};
pub use driver::{Driver, DriverError, Level, Port, driver};
pub use factory::{Factory, FactoryError, NonVolatile};
pub use flags::{Flag, Flags};
pub use interface::{Interface, OptionCells, OptionPath, OptionRegisters, PageSelect, interface};
pub use view::State;

use crate::bus::{Access, BootSource, BusFault, Effects, ResetCause, Width};
use crate::part::{Family, OptionBytes, Part};
use crate::time::{Now, Time};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The interface's base address on every part (F3, G4).
pub const REGISTERS: u32 = 0x4002_2000;
/// The interface's length in bytes.
pub const REGISTERS_SIZE: u32 = 0x400;

/// How long operations take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// Typical datasheet times (F78, G98).
    #[default]
    Typical,
    /// 1 us for every operation. Not what a chip does: it shows in [`State`].
    Fast,
}

impl Speed {
    /// `typical`, or 1 us.
    pub const fn span(self, typical: Time) -> Time {
        match self {
            Speed::Typical => typical,
            Speed::Fast => Time::from_micros(1),
        }
    }
}

/// What a store to main flash does on an F0 while PG is 0 (F45: the manual is silent).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteWithoutPg {
    /// A bus error.
    #[default]
    BusFault,
    /// Nothing.
    Ignored,
}

/// What a model of a chip may be told that a chip may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long operations take.
    pub speed: Speed,
    /// The open question F45.
    pub f0_write_without_pg: WriteWithoutPg,
    /// Decides what an operation leaves that a reset breaks off.
    pub seed: u64,
}

/// One option bit field, for people.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OptionField {
    /// Its name in the manual.
    pub name: &'static str,
    /// In force since the last load.
    pub loaded: String,
    /// Stored; in force after the next load.
    pub stored: String,
}

/// A mass erase bit that still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MassEraseLeft {
    /// Its name in the manual.
    pub bit: &'static str,
    /// What comes of it until a reset or a power-on, for people.
    pub until_reset: &'static str,
}

/// A controller's whole state with its cells, for [`Controller::restore`].
#[derive(Debug)]
pub struct Saved(Kept);

#[derive(Debug)]
enum Kept {
    F0(Box<f0::Kept>),
    G0(Box<g0::Kept>),
}

/// The saved state is of another part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved state is of another part")]
pub struct OtherPart;

/// The controller of `part`, powered on, with blank cells and factory option bytes.
pub fn for_part(part: &Arc<Part>) -> Box<dyn Controller> {
    match part.family {
        Family::F0 => Box::new(f0::F0::new(part)),
        Family::G0 => Box::new(g0::G0::new(part)),
    }
}

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
    /// Main flash whatever else is set: BOOT_LOCK (G0), or level 2 (F70, G83).
    pub boot_lock: bool,
    /// The empty check diverts a boot from main flash to system memory (G0; F0 parts of this kind have none, F77).
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

    /// When the operation in flight ends, passed or not: reads and fetches of flash wait until then (F27, G27).
    fn busy_until(&self) -> Option<Time>;

    /// Whether an operation is in flight at `now`.
    fn is_busy(&self, now: Now) -> bool {
        self.busy_until().is_some_and(|end| end > now.time)
    }

    /// Whether the non-maskable interrupt is requested (ECCD on the G0).
    fn nmi(&self) -> bool {
        false
    }

    /// Whether the debug port reaches the core: not at level 2, nor with DBG_SWEN = 0 (F70, G83, G93).
    fn debug_open(&self) -> bool;

    /// Whether the lock-out of level 1 holds for the core: main flash and the backup registers are out of reach
    /// (F62, G81).
    fn locked_out(&self) -> bool;

    /// Power goes. An operation in flight leaves what `seed` decides; the cut is told. Everything volatile is
    /// lost; [`Controller::power_on`] brings it back.
    fn power_off(&mut self, now: Now, seed: u64) -> Option<Cut>;

    /// The cut that the last [`Controller::reset`] (or a power-on without power-off) made, once. Main flash in
    /// its range changed.
    fn broken_off(&mut self) -> Option<Cut>;

    /// Main flash.
    fn cells(&self) -> &Cells;

    /// The read-protection level in force, as loaded.
    fn rdp_level(&self) -> u8;

    /// Whether `page` may not be erased or programmed because of write protection or PCROP, as loaded.
    fn protected(&self, page: u32) -> bool;

    /// How the option area is laid out.
    fn option_layout(&self) -> &OptionBytes;

    /// The stored option area, word by word, with addresses.
    fn option_bytes(&self) -> Vec<(u32, u32)>;

    /// The option bytes, field by field.
    fn option_fields(&self) -> Vec<OptionField>;

    /// The bit for a mass erase, where it is set in CR with no operation in flight: what comes next is done with it.
    fn mass_erase_left(&self) -> Option<MassEraseLeft>;

    /// The flags that are set in the status registers.
    fn flags(&self) -> Flags;

    /// The address ranges that may be programmed or loaded through [`Controller::write`] and
    /// [`Controller::read`]: main flash, option bytes, OTP.
    fn ranges(&self) -> Vec<Range<u32>>;

    /// What the model was told.
    fn settings(&self) -> Settings;

    /// Tells the model.
    fn set_settings(&mut self, settings: Settings);

    /// Everything, for [`Controller::restore`].
    fn save(&self) -> Saved;

    /// Goes back to `saved`; the cells keep their host address. Returns the addresses of the blocks of
    /// [`cells::BLOCK`] bytes in main flash that may have changed.
    ///
    /// # Errors
    /// [`OtherPart`] where it does not fit; nothing is changed then.
    fn restore(&mut self, saved: &Saved) -> Result<Vec<u32>, OtherPart>;

    /// What outlives power-off.
    fn non_volatile(&self) -> NonVolatile;

    /// Puts the chip into a factory condition and powers it on; nothing else may set cells. See [`Factory`].
    ///
    /// # Errors
    /// Where the condition is of another part.
    fn install(&mut self, non_volatile: &NonVolatile) -> Result<(), FactoryError>;
}
