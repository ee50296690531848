//! How a power-up ended, in words: in a report, in a scenario's events, on gdb's console, as a finding. They differ by who
//! reads them; that is why all words of an ending stand together, and a new one gets its own in this file.

use super::alive::{Alive, LONGEST, Loop, Stand};
use super::evidence::{BootRun, Ending, Load};
use super::reason::Reason;
use crate::am32::{Finding, Id, Layout};
use crate::bus::ResetCause;
use crate::chip::Polled;
use crate::cpu::FaultKind;
use crate::time::Time;
use crate::wire::Level;

/// What was hoped for where the app need not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hopes {
    /// With this wire the bootloader is to stay.
    pub stays: bool,
    /// The app is an updater, which resets the chip at its end.
    pub updates: bool,
}

/// One ending, as each reader is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it is as hoped.
    pub good: bool,
    /// What a report's line begins with, in its colour.
    pub head: &'static str,
    /// The rest of that line.
    pub rest: String,
    /// A line of a scenario's events: why, and what was polled, with it.
    pub line: String,
    /// A line of `monitor boot`.
    pub console: String,
}

impl BootRun {
    /// How it ended, in words.
    pub fn told(&self, hopes: Hopes) -> Told {
        let (time, polls) = (self.time_us, self.polled.first());
        let bad = |head, rest: String, line: String, console: String| Told { good: false, head, rest, line, console };
        let fault = |whose: &str, fault: &FaultKind, pc: u32| {
            bad(
                "HardFault",
                format!(" in {whose} at PC 0x{pc:08X} after {time}: {fault}"),
                format!("HardFault in {whose} at PC 0x{pc:08X}: {fault}"),
                format!("HardFault at PC 0x{pc:08X} after {time}: {fault}"),
            )
        };
        let told = match &self.ending {
            Ending::AppRuns => self.starts(),
            Ending::AppHangs { pc } => {
                let line = format!("the app hangs at PC 0x{pc:08X}");
                bad("the app hangs", format!(" at PC 0x{pc:08X} (watched for {})", self.watched()), line.clone(), line)
            }
            Ending::AppUndecided { pc } => {
                let rest = format!(
                    ": the app had not reached a main loop at PC 0x{pc:08X} (watched for {})",
                    self.watched()
                );
                let line = format!("the app is undecided at PC 0x{pc:08X}");
                bad("undecided", rest, line.clone(), line)
            }
            Ending::Stays => {
                let ok = if hopes.stays { ", as it should" } else { "" };
                let polls = polls.map_or_else(String::new, |p| format!("; polls {} at PC 0x{:08X}", p.name, p.pc));
                Told {
                    good: hopes.stays,
                    head: "stays",
                    rest: format!(" in the bootloader{ok}: {} (watched for {time})", self.why_it_stays()),
                    line: format!("stays in the bootloader, watched for {time}"),
                    console: format!("stays in the bootloader at 0x{:08X}, watched for {time}{polls}", self.pc),
                }
            }
            Ending::Stray { pc, vector } => bad(
                "runs astray",
                format!(" at 0x{pc:08X} after {time}: not the app's reset vector"),
                format!("ran astray at 0x{pc:08X}"),
                format!(
                    "runs into the app's area at 0x{pc:08X} after {time}; the app's reset vector is 0x{vector:08X}"
                ),
            ),
            Ending::BootloaderFault { fault: kind, pc } => fault("the bootloader", kind, *pc),
            Ending::AppFault { fault: kind, pc } => fault("the app", kind, *pc),
            Ending::Lockup { pc, fault, .. } => {
                let cause = fault.map_or_else(String::new, |f| format!(": {f}"));
                let console = match fault {
                    Some(first) => {
                        format!("locks up after {time}; the first fault is at PC 0x{pc:08X}: {first}")
                    }
                    None => format!("locks up at PC 0x{pc:08X} after {time}"),
                };
                let rest = format!(" at PC 0x{pc:08X} after {time}{cause}");
                bad("locks up", rest, format!("locked up at PC 0x{pc:08X}"), console)
            }
            Ending::AppReset { cause, pc } => {
                let line = format!("the app reset the chip at PC 0x{pc:08X}: {cause}");
                if hopes.updates && *cause == ResetCause::Software {
                    let rest = format!(" its work and resets the chip at PC 0x{pc:08X} after {time}");
                    Told { good: true, head: "the updater ends", rest, console: line.clone(), line }
                } else {
                    let rest = format!(" at PC 0x{pc:08X} after {time}: {cause}");
                    bad("the app resets", rest, line.clone(), line)
                }
            }
            Ending::Resets { cause } => bad(
                "resets",
                format!(" again and again: {cause}"),
                format!("resets again and again: {cause}"),
                format!("resets again and again, {} times in {time}, the last time by {cause}", self.resets),
            ),
            Ending::Asleep { pc } => bad(
                "sleeps",
                format!(" for ever at PC 0x{pc:08X}"),
                format!("sleeps for ever at PC 0x{pc:08X}"),
                format!("sleeps for ever at 0x{pc:08X}, after {time}"),
            ),
            Ending::SystemMemory => bad(
                "stays",
                " in ST's boot loader (system memory)".to_owned(),
                "runs ST's boot loader in system memory".to_owned(),
                "starts ST's boot loader, which is not part of the model: main flash is empty, or the option bytes say so"
                    .to_owned(),
            ),
            Ending::Broken { message } => bad(
                "dryflash failed",
                format!(": {message}"),
                format!("dryflash failed: {message}"),
                format!("the model failed ({message}); this is a bug, please report it"),
            ),
        };
        let polls = polls.map_or_else(String::new, |p| format!(", polling {} at PC 0x{:08X}", p.name, p.pc));
        Told { line: format!("{}{}{polls}", told.line, self.why()), ..told }
    }

    fn starts(&self) -> Told {
        let unseen = self.boot_byte.is_empty() && self.header.is_empty();
        let (started, line, console) = match &self.jump {
            Some(jump) => {
                let (address, time) = (jump.address, jump.time_us);
                let seen = if unseen { "app entered at" } else { "jumps to" };
                (
                    format!("{seen} 0x{address:08X} after {time}"),
                    format!("jumped to 0x{address:08X} after {time}, and the app runs"),
                    format!("jumps to the app at 0x{address:08X} after {time}, MSP 0x{:08X}", jump.msp),
                )
            }
            None => ("started".to_owned(), "the app runs".to_owned(), "the app runs".to_owned()),
        };
        let rest = format!(": {started}, and the app runs{}", self.resets_itself());
        Told { good: true, head: "starts", rest, line, console }
    }

    /// When an app that runs resets the chip by itself: for want of a signal that it knows, as AM32's do.
    fn resets_itself(&self) -> String {
        match self.app.as_ref().and_then(|a| a.alive.as_ref()) {
            Some(Alive::Loop(Loop { reset_us: Some(time), .. })) => {
                let signal = if self.power_up.wire.is_stream() { " that it knows" } else { "" };
                format!(
                    "; it resets the chip by itself {time} after the jump, as AM32's apps do without a signal{signal}"
                )
            }
            _ => String::new(),
        }
    }

    /// Why it stays in the bootloader, for a report.
    fn why_it_stays(&self) -> String {
        match &self.reason {
            Some(Reason::BootByte { read }) => format!("boot byte {:02X}, not 01", read.value),
            Some(Reason::HeaderSp { .. }) => "the app's stack pointer is refused".to_owned(),
            Some(Reason::HeaderPc { .. }) => "the app's reset vector is refused".to_owned(),
            Some(Reason::Hung { register, .. }) => format!("waits for {register} for ever"),
            Some(Reason::Undecided) => format!("undecided{}", self.unseen()),
            Some(Reason::SoftwareReset) => "after a software reset".to_owned(),
            Some(Reason::Spins { pc }) => format!("loops at PC 0x{pc:08X} without a look at the wire"),
            _ => match self.power_up.last_level() {
                Some(Level::High) => "the wire is high".to_owned(),
                Some(Level::Floating) => "nothing holds the wire low".to_owned(),
                Some(Level::Low) => "no reason seen".to_owned(),
                None => "of what is on the wire".to_owned(),
            },
        }
    }

    /// Why the app was not reached, for a scenario.
    fn why(&self) -> String {
        let read = |what: &str, load: &Load| {
            let Load { address, value, pc, time_us } = load;
            format!("{what} {value:02X} was read at 0x{address:08X}, PC 0x{pc:08X}, {time_us}")
        };
        match &self.reason {
            Some(Reason::BootByte { read: load }) => read(": boot byte", load),
            Some(Reason::HeaderSp { read: load }) => read(": the app's stack pointer", load),
            Some(Reason::HeaderPc { read: load }) => read(": the app's reset vector", load),
            Some(Reason::Signal) => match self.power_up.last_level() {
                Some(level) => format!(": the signal wire was {level}"),
                None => format!(": on the signal wire was {}", self.power_up.wire.title()),
            },
            Some(Reason::SoftwareReset) => ": a software reset came before".to_owned(),
            Some(Reason::Hung { register, .. }) => format!(": it waits for {register}"),
            Some(Reason::Spins { pc }) => format!(": it loops at PC 0x{pc:08X}"),
            Some(Reason::Undecided) => format!(": undecided{}", self.unseen()),
            None | Some(Reason::Fault | Reason::Other) => String::new(),
        }
    }

    /// That what is recorded on the wire goes on, where it does.
    pub(super) fn unseen(&self) -> String {
        self.to_come().map_or_else(String::new, |last| format!(", as what is recorded changes up to {last}"))
    }

    /// How long the app was watched.
    fn watched(&self) -> Time {
        match self.app.as_ref().and_then(|a| a.alive.as_ref()) {
            Some(Alive::Hung(stand) | Alive::Undecided(stand)) => stand.watched_us,
            _ => self.time_us,
        }
    }
}

/// Behind a fault that code for another part would end in.
pub(super) const FOREIGN: &str = "; that is what code for another part does";

/// A fault, a lock-up, resets, sleep: what is wrong, and what helps.
pub(super) fn finding(run: &BootRun, layout: &Layout) -> Finding {
    let other_part = "is this bootloader for this part? its name tells: AM32_<MCU>_BOOTLOADER_<PIN>_V<n>";
    let app = format!("check that the app is for this part and was written whole to 0x{:08X}", layout.app);
    match &run.ending {
        Ending::Stray { pc, vector } => {
            let message = format!(
                "the core ran into the app's area at 0x{pc:08X} after {}, without a jump to the app's reset vector (0x{vector:08X} stands at 0x{:08X})",
                run.time_us,
                layout.app + 4
            );
            Finding::new(Id::RUN_NO_JUMP, message, "check that a bootloader stands at the start of flash").at(*pc)
        }
        Ending::BootloaderFault { fault, pc } => {
            let message = format!("the bootloader faulted at PC 0x{pc:08X} after {}: {fault}", run.time_us);
            let hint = if is_foreign(fault) { FOREIGN } else { "" };
            Finding::new(Id::RUN_BOOTLOADER_FAULT, format!("{message}{hint}"), other_part).at(*pc)
        }
        Ending::AppFault { fault, pc } => {
            let message = format!("the app faulted at PC 0x{pc:08X} after {}: {fault}", run.time_us);
            let advice = settings_of_another_size(fault, layout).unwrap_or(app);
            Finding::new(Id::RUN_APP_FAULT, message, advice).at(*pc)
        }
        Ending::Lockup { pc, fault, in_app } => {
            let cause = fault.map_or_else(String::new, |f| format!(": {f}"));
            let who = if *in_app { "the app" } else { "the chip" };
            let message = format!("{who} locked up at PC 0x{pc:08X} after {}{cause}", run.time_us);
            // From a blank vector table: FFFFFFFE is no place for code.
            let blank = format!("nothing is programmed at 0x{:08X}: write a bootloader there", layout.base);
            let advice = match (*in_app, *pc >= 0xFFFF_FFF0) {
                (true, _) => app.as_str(),
                (_, true) => blank.as_str(),
                _ => other_part,
            };
            Finding::new(Id::RUN_LOCKUP, message, advice).at(*pc)
        }
        Ending::AppReset { cause: ResetCause::Iwdg, pc } => {
            let fed = match run.app.as_ref().and_then(|a| a.last_watchdog_reload_us).zip(run.jump) {
                Some((last, jump)) => format!("had last fed it at {}", jump.time_us + last),
                None => "had not fed it".to_owned(),
            };
            let message = format!(
                "the watchdog reset the chip after {}: the app {fed}, and {}",
                run.time_us,
                doing(&run.polled, *pc)
            );
            let advice = if run.polled.is_empty() { STANDS } else { WAITS_IN_VAIN };
            Finding::new(Id::RUN_WATCHDOG, message, advice).at(*pc)
        }
        Ending::AppReset { cause, pc } => {
            let message = format!("the app reset the chip at PC 0x{pc:08X} after {}: {cause}", run.time_us);
            Finding::new(Id::RUN_APP_RESET, message, app).at(*pc)
        }
        Ending::Resets { cause } => {
            let message = format!("the chip resets again and again: {cause}");
            let id = if *cause == ResetCause::Iwdg { Id::RUN_WATCHDOG } else { Id::RUN_NO_JUMP };
            Finding::new(id, message, other_part)
        }
        Ending::Asleep { pc } if run.jump.is_some() => {
            let message = format!("the app hangs: it sleeps at PC 0x{pc:08X}, and nothing will wake it");
            Finding::new(Id::RUN_APP_SILENT, message, app).at(*pc)
        }
        Ending::Asleep { pc } => {
            let message = format!("the core sleeps at PC 0x{pc:08X} and nothing will wake it");
            Finding::new(Id::RUN_NO_JUMP, message, other_part).at(*pc)
        }
        Ending::AppHangs { pc } | Ending::AppUndecided { pc } => {
            let hangs = matches!(run.ending, Ending::AppHangs { .. });
            match run.app.as_ref().and_then(|a| a.alive.as_ref()) {
                Some(Alive::Hung(stand) | Alive::Undecided(stand)) => not_at_work(stand, hangs),
                _ => Finding::new(Id::RUN_APP_SILENT, "the app does not reach its main loop", app).at(*pc),
            }
        }
        Ending::SystemMemory => Finding::new(
            Id::RUN_SYSTEM_MEMORY,
            "the chip starts ST's boot loader in system memory, not main flash",
            "write the bootloader, then power-cycle; or set the boot option bytes back",
        ),
        Ending::Broken { message } => Finding::new(
            Id::RUN_NO_JUMP,
            format!("dryflash itself failed: {message}"),
            "this is a bug in dryflash: please report it with the files",
        ),
        Ending::AppRuns | Ending::Stays => {
            Finding::new(Id::RUN_NO_JUMP, "the bootloader had not jumped", "check the files")
        }
    }
}

/// What helps where the app read the settings of the same MCU with another flash size.
fn settings_of_another_size(fault: &FaultKind, layout: &Layout) -> Option<String> {
    let FaultKind::Read { address, .. } = fault else { return None };
    let other =
        layout.mcu.layouts().find(|l| l.eeprom != layout.eeprom && (l.eeprom..l.eeprom_end()).contains(address))?;
    Some(format!(
        "0x{:08X} is where the {other} has its settings: the app is built for that size. Take the app for the {layout}; or, \
         with an app of 2.16 or newer, a bootloader of V13 or newer, whose marks tell the app the size",
        other.eeprom
    ))
}

const fn is_foreign(fault: &FaultKind) -> bool {
    matches!(fault, FaultKind::Undefined { .. } | FaultKind::Read { .. } | FaultKind::Write { .. })
}

/// The option that watches for longer than that. An app on its way is watched for [`LONGEST`] past its limit.
pub(super) fn longer(option: &str, watched: Time) -> String {
    let watched = if watched > LONGEST { watched.since(LONGEST) } else { watched };
    match [2_000, 5_000, 20_000, 60_000].into_iter().find(|ms| Time::from_millis(*ms) > watched) {
        Some(ms) => format!("watch it for longer: {option} {ms}"),
        None => "it was watched for as long as can be: see what it waits for".to_owned(),
    }
}

const WAITS_IN_VAIN: &str = "check that the app is for this board: it waits for what does not come";
const STANDS: &str = "take the app as it was released: its code goes round there by itself";

/// What the app was at.
fn doing(polled: &[Polled], pc: u32) -> String {
    match polled.first() {
        Some(p) => format!("it polls {} at PC 0x{:08X}", p.name, p.pc),
        None => format!("it stood at PC 0x{pc:08X}"),
    }
}

/// An app that does not get to work.
fn not_at_work(stand: &Stand, hangs: bool) -> Finding {
    let Stand { reloads, polled, pc, sleeps, watched_us } = stand;
    let message = match (hangs, polled.first()) {
        (true, Some(p)) => {
            format!("the app hangs: it polls {} at PC 0x{:08X}, and nothing is to come that changes it", p.name, p.pc)
        }
        (true, None) => format!("the app hangs: it goes round at PC 0x{pc:08X}, and no interrupt is to come"),
        (false, _) => {
            let doing = match sleeps {
                true => format!("it sleeps at PC 0x{pc:08X} until something comes from outside,"),
                false => doing(polled, *pc),
            };
            let fed = match reloads {
                0 => "no watchdog".to_owned(),
                1 => "the watchdog once only".to_owned(),
                n => format!("the watchdog {n} times only"),
            };
            format!("undecided: the app runs, but not in a main loop: {doing} and had fed {fed} after {watched_us}")
        }
    };
    let advice = match (hangs, polled.is_empty()) {
        (true, false) => WAITS_IN_VAIN.to_owned(),
        (true, true) => STANDS.to_owned(),
        (false, _) => longer("--app-for", *watched_us),
    };
    Finding::new(Id::RUN_APP_SILENT, message, advice).at(polled.first().map_or(*pc, |p| p.pc))
}

#[cfg(test)]
mod tests {
    use super::super::boot::nothing_seen;
    use super::*;
    use crate::esc::PowerUp;

    fn told(ending: Ending, hopes: Hopes) -> Told {
        BootRun { ending, time_us: Time::from_millis(400), ..nothing_seen(&PowerUp::decisive()) }.told(hopes)
    }

    #[test]
    fn what_is_hoped_for_is_good() {
        let stays = |hope| told(Ending::Stays, Hopes { stays: hope, updates: false });
        assert_eq!(
            (stays(true).good, stays(true).rest.as_str()),
            (true, " in the bootloader, as it should: no reason seen (watched for 400.00 ms)")
        );
        assert_eq!(
            (stays(false).good, stays(false).rest.as_str()),
            (false, " in the bootloader: no reason seen (watched for 400.00 ms)")
        );
        let resets = |cause, updates| {
            let ending = Ending::AppReset { cause, pc: 0x0800_1ABC };
            told(ending, Hopes { stays: false, updates })
        };
        assert_eq!(resets(ResetCause::Software, true).head, "the updater ends");
        assert_eq!(resets(ResetCause::Software, false).head, "the app resets");
        assert!(!resets(ResetCause::Iwdg, true).good, "a watchdog is no end of an update");
    }

    #[test]
    fn each_reader_has_its_words() {
        let lockup = Ending::Lockup { pc: 0x0800_0ABC, fault: None, in_app: false };
        let told = told(lockup, Hopes::default());
        assert_eq!(
            (told.good, told.head, told.rest.as_str()),
            (false, "locks up", " at PC 0x08000ABC after 400.00 ms")
        );
        assert_eq!(told.line, "locked up at PC 0x08000ABC");
        assert_eq!(told.console, "locks up at PC 0x08000ABC after 400.00 ms");
    }
}
