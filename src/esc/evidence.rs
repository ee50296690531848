//! What is seen of one power-up: loads, the jump, the app's life, what changed, and how it ended.

use super::alive::Alive;
use super::fit::Flaw;
use super::last::Last;
use super::power_up::PowerUp;
use super::reason::Reason;
use super::signal_pin::SignalPin;
use crate::am32::Settings;
use crate::am32::settings::diff;
use crate::bus::ResetCause;
use crate::chip::{Polled, RestsOn, SampledPin};
use crate::cpu::FaultKind;
use crate::periph::nvic::IRQ0;
use crate::time::Time;
use serde::ser::SerializeMap;
use std::fmt;

/// The jump into the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Jump {
    /// Where the core goes on.
    pub address: u32,
    /// The app's reset vector, without its Thumb bit.
    #[serde(skip)]
    pub vector: u32,
    /// The main stack pointer.
    pub msp: u32,
    /// The vector table's base, 0 on a core without VTOR.
    pub vtor: u32,
    /// Whether interrupts were off (PRIMASK), as they should be.
    pub interrupts_off: bool,
    /// When.
    pub time_us: Time,
}

/// The app: its first instructions, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AppRun {
    /// The first instructions that it executed: until it was seen to run, or to its fault. What it ran while it was watched
    /// for its main loop is not counted.
    pub instructions: u64,
    /// Virtual time these took.
    pub time_us: Time,
    /// Time from the jump to the first reload of the watchdog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_watchdog_reload_us: Option<Time>,
    /// Time from the jump to the last reload that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_watchdog_reload_us: Option<Time>,
    /// Whether it reached its main loop, where it was watched that long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive: Option<Alive>,
    /// The pins whose edges it followed at the end: the signal's. None where its input was not set up yet, or is of
    /// another kind.
    pub signal: Vec<SignalPin>,
    /// Its first look at each page where settings may stand, in the order of time.
    pub settings: Vec<Load>,
    /// What is wrong with an app that runs all the same; reports have it as findings.
    #[serde(skip)]
    pub flaws: Vec<Flaw>,
}

/// How a power-up ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Ending {
    /// The app reached its main loop, or is at work in another way; where it was not watched that long, its first
    /// instructions ran.
    AppRuns,
    /// The app goes round with nothing to come that would end it.
    AppHangs {
        /// Where it stood.
        pc: u32,
    },
    /// The app had not reached a main loop when the time was over, and what it does may still lead there.
    AppUndecided {
        /// Where it stood.
        pc: u32,
    },
    /// Undecided when the time was over: it stays in the bootloader.
    Stays,
    /// The core ran into the app's area elsewhere than at the app's reset vector.
    Stray {
        /// Where.
        pc: u32,
        /// The app's reset vector, as flash holds it.
        vector: u32,
    },
    /// A fault before the app was reached.
    BootloaderFault {
        /// The cause.
        fault: FaultKind,
        /// The instruction.
        pc: u32,
    },
    /// A fault in the app.
    AppFault {
        /// The cause.
        fault: FaultKind,
        /// The instruction.
        pc: u32,
    },
    /// The core locked up: a fault while handling a fault.
    Lockup {
        /// Where it stood.
        pc: u32,
        /// The first fault.
        fault: Option<FaultKind>,
        /// After the jump.
        in_app: bool,
    },
    /// The app reset the chip.
    AppReset {
        /// How.
        cause: ResetCause,
        /// Where the core was: the next instruction.
        pc: u32,
    },
    /// The chip resets again and again before any app is reached.
    Resets {
        /// The last cause.
        cause: ResetCause,
    },
    /// The core sleeps for ever.
    Asleep {
        /// Where.
        pc: u32,
    },
    /// The chip runs ST's boot loader.
    SystemMemory,
    /// A failure of dryflash itself.
    Broken {
        /// What it says.
        message: String,
    },
}

/// An exception that is being handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handling {
    /// Its number, as IPSR has it.
    pub exception: u32,
    /// Its name: of an interrupt, the blocks on its line.
    pub name: String,
    /// Where its handler was.
    pub pc: u32,
}

/// `TIM17 (interrupt 22)`, `HardFault`.
impl fmt::Display for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.exception.checked_sub(IRQ0) {
            Some(line) => write!(f, " (interrupt {line})"),
            None => Ok(()),
        }
    }
}

/// A register or memory word whose access is worth telling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Touched {
    /// The address.
    pub address: u32,
    /// The register's name.
    pub name: String,
    /// The instruction that touched it first.
    pub pc: u32,
    /// What it was, and what happened.
    pub text: String,
}

/// Whose code it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Before the jump.
    Bootloader,
    /// After it.
    App,
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Author::Bootloader => "the bootloader",
            Author::App => "the app",
        })
    }
}

/// A page that the code changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChangedPage {
    /// Whose code did it.
    pub by: Author,
    /// Its first address.
    pub address: u32,
    /// How often it was erased.
    pub erased: u32,
    /// Bytes that differ.
    pub bytes: usize,
    /// The settings that stood there and those that stand there now, on a page where settings may stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Box<Rewritten>>,
}

/// Settings before and after code rewrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Before.
    pub before: Settings,
    /// After.
    pub after: Settings,
}

/// What both say of themselves, and the fields that differ, by AM32's names.
impl serde::Serialize for Rewritten {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Change {
            name: &'static str,
            before: Option<String>,
            after: Option<String>,
        }
        let text = |value: Option<crate::am32::settings::Value>| value.map(|v| v.text);
        let changes = diff(&self.before, &self.after).into_iter().map(|c| Change {
            name: c.field.json_name(),
            before: text(c.before),
            after: text(c.after),
        });
        let mut fields = serializer.serialize_map(Some(3))?;
        fields.serialize_entry("before", &self.before)?;
        fields.serialize_entry("after", &self.after)?;
        fields.serialize_entry("changes", &changes.collect::<Vec<_>>())?;
        fields.end()
    }
}

/// The core's clock from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    /// When.
    pub time_us: Time,
    /// HCLK from then on, in hertz.
    pub hz: u64,
}

/// What was seen in one power-up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BootRun {
    /// Which.
    pub power_up: PowerUp,
    /// How it ended.
    pub ending: Ending,
    /// When it ended.
    pub time_us: Time,
    /// The first load of the boot byte, and the last before the jump.
    pub boot_byte: Vec<Load>,
    /// The first load of each of the app's first two words.
    pub header: Vec<Load>,
    /// The jump, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// The app's first instructions, where it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppRun>,
    /// Pins that the bootloader sampled.
    pub sampled: Vec<SampledPin>,
    /// What the code was polling when it ended undecided, or when a watchdog reset the chip under the app.
    pub polled: Vec<Polled>,
    /// The bootloader goes round with nothing to come that would end it, and without a look at the world outside.
    pub stands_still: bool,
    /// Where it stood.
    pub pc: u32,
    /// Pages that the code changed.
    pub changed: Vec<ChangedPage>,
    /// What was touched and is not modelled.
    pub unmodelled: Vec<Touched>,
    /// Accesses that did nothing on this part, as on the chip: a block whose clock is off, a locked register. And an
    /// output of the chip against a driven wire.
    pub in_vain: Vec<Touched>,
    /// Choices of the model that something rested on, where silicon is not known to do the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<RestsOn>,
    /// Resets by the code on the way.
    pub resets: usize,
    /// When the chip was reset on the way, and why: the first of them. Time lines show them.
    #[serde(skip)]
    pub reset_by: Vec<(Time, ResetCause)>,
    /// The core's clock at power-on, and its first changes. Time lines show them.
    #[serde(skip)]
    pub clock: Vec<ClockChange>,
    /// The exception whose handler was at work, where one was: that a vector goes to the wrong place shows in it.
    #[serde(skip)]
    pub handling: Option<Handling>,
    /// What ran last before a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    /// Why the app was not reached, as far as AM32's bootloaders are known; none where it was, or nobody asked.
    pub reason: Option<Reason>,
}

/// One observed load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// The watched address.
    pub address: u32,
    /// Its value: a byte, or a word.
    pub value: u32,
    /// The instruction.
    pub pc: u32,
    /// When.
    pub time_us: Time,
}

impl BootRun {
    /// The instructions that are told of by their PC, in no order.
    pub fn places(&self) -> Vec<u32> {
        let mut all = vec![self.pc];
        all.extend(match &self.ending {
            Ending::AppHangs { pc }
            | Ending::AppUndecided { pc }
            | Ending::Stray { pc, .. }
            | Ending::BootloaderFault { pc, .. }
            | Ending::AppFault { pc, .. }
            | Ending::Lockup { pc, .. }
            | Ending::AppReset { pc, .. }
            | Ending::Asleep { pc } => Some(*pc),
            _ => None,
        });
        let settings = self.app.iter().flat_map(|a| &a.settings);
        all.extend(self.boot_byte.iter().chain(&self.header).chain(settings).map(|l| l.pc));
        all.extend(self.jump.map(|j| j.address));
        all.extend(self.polled.iter().map(|p| p.pc));
        all.extend(self.unmodelled.iter().chain(&self.in_vain).map(|t| t.pc));
        all.extend(self.choices.iter().map(|c| c.pc));
        all.extend(match self.app.as_ref().and_then(|a| a.alive.as_ref()) {
            Some(Alive::Loop(l)) => Some(l.pc),
            Some(Alive::Works(w)) => Some(w.pc),
            Some(Alive::Hung(stand) | Alive::Undecided(stand)) => Some(stand.pc),
            None => None,
        });
        if let Some(last) = &self.last {
            all.extend(last.instructions.iter().map(|i| i.pc));
            all.extend((last.lr & !1).checked_sub(2));
        }
        all
    }
}
