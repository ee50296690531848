//! Why a power-up did not reach a running app: which of the bootloader's checks refused.

use super::evidence::{BootRun, Ending, Load};
use super::power_up::AfterPowerOn;
use crate::am32::Layout;
use crate::time::Time;
use crate::wire::Level;

/// Stack pointers that bootloaders from V12 on accept in an app's header.
const SP: std::ops::RangeInclusive<u32> = 0x2000_0000..=0x2001_0000;
/// How far above the app's start they let its reset vector point.
const PC_SPAN: u32 = 256 * 1024;

/// Why the app was not reached.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "check")]
pub enum Reason {
    /// The boot byte is not 01.
    BootByte {
        /// The last load of it.
        read: Load,
    },
    /// The app's stack pointer is out of range.
    HeaderSp {
        /// The load.
        read: Load,
    },
    /// The app's reset vector is out of range.
    HeaderPc {
        /// The load.
        read: Load,
    },
    /// The signal wire was not what the bootloader waits for.
    Signal,
    /// A software reset came before.
    SoftwareReset,
    /// It waits for a clock or another peripheral that never becomes ready, before it looks at the signal.
    Hung {
        /// The register it reads.
        register: String,
        /// Its address.
        address: u32,
        /// The instruction that reads it.
        pc: u32,
    },
    /// It runs in a circle without reading any register.
    Spins {
        /// Where it stood.
        pc: u32,
    },
    /// It waits for something that may still come, and had not decided when the time was over.
    Undecided,
    /// A fault or lock-up.
    Fault,
    /// Resets for ever, sleeps for ever, or runs ST's boot loader.
    Other,
}

impl BootRun {
    /// Finds out why this power-up did not reach a running app: [`BootRun::reason`].
    pub fn explain(mut self, layout: &Layout) -> BootRun {
        self.reason = of(&self, layout);
        self
    }

    /// The last change of what is recorded on its wire, where that would have come later than anybody watched.
    pub(super) fn to_come(&self) -> Option<Time> {
        self.power_up.wire.recorded_until().filter(|last| *last > self.time_us)
    }
}

fn of(run: &BootRun, layout: &Layout) -> Option<Reason> {
    match &run.ending {
        Ending::AppRuns => return None,
        Ending::Stays => {}
        Ending::Stray { .. }
        | Ending::Resets { .. }
        | Ending::Asleep { .. }
        | Ending::AppHangs { .. }
        | Ending::AppUndecided { .. }
        | Ending::SystemMemory
        | Ending::Broken { .. } => {
            return Some(Reason::Other);
        }
        Ending::BootloaderFault { .. } | Ending::AppFault { .. } | Ending::Lockup { .. } | Ending::AppReset { .. } => {
            return Some(Reason::Fault);
        }
    }
    if let (Some(first), Some(last)) = (run.boot_byte.first(), run.boot_byte.last()) {
        // It looks again and again; the first look tells most, unless the code changed the byte.
        let read = if last.value == first.value { first } else { last };
        if read.value != 1 {
            return Some(Reason::BootByte { read: *read });
        }
        for read in &run.header {
            if read.address == layout.app && !SP.contains(&read.value) {
                return Some(Reason::HeaderSp { read: *read });
            }
            if read.address == layout.app + 4 && read.value.wrapping_sub(layout.app) > PC_SPAN {
                return Some(Reason::HeaderPc { read: *read });
            }
        }
    }
    let sampled: u32 = run.sampled.iter().map(|s| s.samples).sum();
    let top = run.polled.first().filter(|_| sampled == 0);
    match (run.stands_still, top) {
        (true, Some(top)) => {
            return Some(Reason::Hung { register: top.name.clone(), address: top.address, pc: top.pc });
        }
        (true, None) if run.polled.is_empty() => return Some(Reason::Spins { pc: run.pc }),
        // What it does may lead somewhere yet; and no bootloader is known to decide at once.
        (false, Some(_)) => return Some(Reason::Undecided),
        (false, None) if run.polled.is_empty() => return Some(Reason::Undecided),
        _ if run.time_us < DECIDED || run.to_come().is_some() => return Some(Reason::Undecided),
        _ => {}
    }
    let high = run.power_up.last_level() == Some(Level::High);
    let reset = run.power_up.reset == AfterPowerOn::SoftwareReset;
    if reset && !high { Some(Reason::SoftwareReset) } else { Some(Reason::Signal) }
}

/// The time by which all known bootloaders have decided: V4 and V5 look at the wire for 100 ms.
const DECIDED: Time = Time::from_millis(100);
