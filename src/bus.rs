//! The words that the flash controllers, the peripherals and the chip share: widths, masters, faults, effects.
//!
//! Nothing here reaches up. An access returns its value or a [`BusFault`], and leaves what it wants done
//! elsewhere in [`Effects`]; the chip carries that out.

use crate::time::{Now, Time};
use std::fmt;
use std::ops::Range;

/// The width of one access on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
}

impl Width {
    /// From a length in bytes; anything but 1 and 2 is a word.
    pub const fn from_bytes(bytes: usize) -> Width {
        match bytes {
            1 => Width::Byte,
            2 => Width::Half,
            _ => Width::Word,
        }
    }

    /// Length in bytes.
    pub const fn bytes(self) -> u32 {
        match self {
            Width::Byte => 1,
            Width::Half => 2,
            Width::Word => 4,
        }
    }

    /// All ones over the width.
    pub const fn mask(self) -> u32 {
        match self {
            Width::Byte => 0xFF,
            Width::Half => 0xFFFF,
            Width::Word => 0xFFFF_FFFF,
        }
    }
}

/// Who drives the access. Read protection treats the two differently (RM0091 3.3.1, RM0444 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Master {
    /// The core, or a DMA channel that it set up.
    Cpu,
    /// The debug port's memory access port.
    Debug,
}

/// One access: by whom, and when.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Who drives it.
    pub master: Master,
    /// The instant of the access.
    pub now: Now,
}

/// An error response on the bus. The core takes a HardFault; a probe gets a fault status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BusFault {
    /// Why the bus refused, for people; a short clause without address.
    pub reason: &'static str,
}

/// A fault with its reason.
pub const fn fault(reason: &'static str) -> BusFault {
    BusFault { reason }
}

/// What made the chip reset. The flags in RCC_CSR follow from it (RM0091 6.4.10, RM0444 5.4.24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetCause {
    /// Power was off before.
    PowerOn,
    /// The NRST pin.
    Pin,
    /// SYSRESETREQ in AIRCR.
    Software,
    /// The independent watchdog ran out.
    Iwdg,
    /// The window watchdog ran out, or was fed too early.
    Wwdg,
    /// OBL_LAUNCH: the option bytes are loaded anew.
    OptionBytes,
    /// Stop or Standby was entered against the option bytes.
    LowPower,
}

impl fmt::Display for ResetCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResetCause::PowerOn => "power-on",
            ResetCause::Pin => "NRST pin",
            ResetCause::Software => "software (SYSRESETREQ)",
            ResetCause::Iwdg => "independent watchdog",
            ResetCause::Wwdg => "window watchdog",
            ResetCause::OptionBytes => "option-byte load (OBL_LAUNCH)",
            ResetCause::LowPower => "illegal low-power entry",
        })
    }
}

/// From where the core booted after the last reset (RM0091 2.5, RM0444 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootSource {
    /// Main flash at 0x0800_0000.
    #[default]
    Flash,
    /// ST's boot loader in system memory.
    SystemMemory,
    /// SRAM at 0x2000_0000.
    Sram,
}

/// Something worth telling: once for each address, with the PC added by the chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The model does what the chip does; else it lacks what was touched.
    pub as_on_the_chip: bool,
    /// The address that was touched.
    pub address: u32,
    /// What happened, for people.
    pub text: String,
    /// The rule whose choice decided what happened, where silicon is not known to do the same
    /// ([`crate::flash::choices`]).
    pub choice: Option<&'static str>,
}

/// What an access wants done beyond its own register. Cleared and reused by the chip.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Anything at all is set: one test on the fast path.
    pub any: bool,
    /// Reset the chip, at the next instruction boundary.
    pub reset: Option<ResetCause>,
    /// What stands at address 0 changed, or which reads of memory are allowed.
    pub remap: bool,
    /// A clock was switched, gated or rescaled.
    pub clock: bool,
    /// Interrupt lines may have changed.
    pub interrupts: bool,
    /// When the next event is due may have changed.
    pub events: bool,
    /// The levels at pins or comparators, or who looks at them, may have changed.
    pub pins: bool,
    /// The master cannot go on before this instant.
    pub stall_until: Option<Time>,
    /// Flash bytes changed: absolute addresses in main flash. Translated code there is stale.
    pub changed: Option<Range<u32>>,
    /// The non-maskable interrupt is raised (a double ECC error on the G0).
    pub nmi: bool,
    /// The backup registers are erased: read protection went from level 1 to 0.
    pub backup_reset: bool,
    /// Things to report.
    pub notes: Vec<Note>,
}

impl Effects {
    /// Asks for a reset.
    pub fn reset(&mut self, cause: ResetCause) {
        self.any = true;
        self.reset = Some(cause);
    }

    /// Asks for the memory map to be laid out anew.
    pub fn remap(&mut self) {
        self.any = true;
        self.remap = true;
    }

    /// Says that a clock changed.
    pub fn clock(&mut self) {
        self.any = true;
        self.clock = true;
        self.events = true;
    }

    /// Says that interrupt lines may have changed.
    pub fn interrupts(&mut self) {
        self.any = true;
        self.interrupts = true;
    }

    /// Says that the next event may be due at another time than before.
    pub fn events(&mut self) {
        self.any = true;
        self.events = true;
    }

    /// Says that levels at pins or comparators may have changed, or which of them matter.
    pub fn pins(&mut self) {
        self.any = true;
        self.pins = true;
    }

    /// Takes over what another access asked for.
    pub fn absorb(&mut self, other: Effects) {
        if !other.any {
            return;
        }
        self.any = true;
        self.reset = self.reset.or(other.reset);
        self.remap |= other.remap;
        self.clock |= other.clock;
        self.interrupts |= other.interrupts;
        self.events |= other.events;
        self.pins |= other.pins;
        self.nmi |= other.nmi;
        self.backup_reset |= other.backup_reset;
        if let Some(time) = other.stall_until {
            self.stall_until(time);
        }
        if let Some(range) = other.changed {
            self.changed(range);
        }
        self.notes.extend(other.notes);
    }

    /// Holds the master until `time`; the latest wish wins.
    pub fn stall_until(&mut self, time: Time) {
        self.any = true;
        self.stall_until = Some(self.stall_until.map_or(time, |t| t.max(time)));
    }

    /// Says that flash bytes in `range` changed; wishes are joined.
    pub fn changed(&mut self, range: Range<u32>) {
        self.any = true;
        self.changed = Some(match self.changed.take() {
            Some(r) => r.start.min(range.start)..r.end.max(range.end),
            None => range,
        });
    }

    /// Raises the non-maskable interrupt.
    pub fn nmi(&mut self) {
        self.any = true;
        self.nmi = true;
    }

    /// Asks for the backup registers to be erased.
    pub fn backup_reset(&mut self) {
        self.any = true;
        self.backup_reset = true;
    }

    /// Reports something about `address` that the chip would do as well.
    pub fn note(&mut self, address: u32, text: impl Into<String>) {
        self.any = true;
        self.notes.push(Note { as_on_the_chip: true, address, text: text.into(), choice: None });
    }

    /// Reports that what happened at `address` rests on a choice of the model, by its rule ([`crate::flash::choices`]):
    /// a verdict that this leads to says so.
    pub fn choice(&mut self, rule: &'static str, address: u32, text: impl Into<String>) {
        self.any = true;
        self.notes.push(Note { as_on_the_chip: true, address, text: text.into(), choice: Some(rule) });
    }

    /// Reports that the model lacks something at `address`.
    pub fn unmodelled(&mut self, address: u32, text: impl Into<String>) {
        self.any = true;
        self.notes.push(Note { as_on_the_chip: false, address, text: text.into(), choice: None });
    }
}

/// The lane of a narrow read: `word` is what stands at the aligned address.
pub const fn lane(word: u32, address: u32, width: Width) -> u32 {
    (word >> (8 * (address & 3))) & width.mask()
}

/// `word` with the lane of a narrow write replaced.
pub const fn merge(word: u32, address: u32, width: Width, value: u32) -> u32 {
    let shift = 8 * (address & 3);
    let mask = width.mask() << shift;
    (word & !mask) | ((value << shift) & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_are_little_endian() {
        assert_eq!(lane(0x4433_2211, 0x1001, Width::Byte), 0x22);
        assert_eq!(lane(0x4433_2211, 0x1002, Width::Half), 0x4433);
        assert_eq!(merge(0x4433_2211, 0x1002, Width::Byte, 0xAA), 0x44AA_2211);
        assert_eq!(merge(0x4433_2211, 0x1000, Width::Word, 7), 7);
    }

    #[test]
    fn wishes_add_up() {
        let mut fx = Effects::default();
        fx.changed(0x100..0x102);
        fx.changed(0x80..0x82);
        fx.stall_until(Time(9));
        fx.stall_until(Time(5));
        assert_eq!(fx.changed, Some(0x80..0x102));
        assert_eq!(fx.stall_until, Some(Time(9)));
        assert!(fx.any);
    }
}
