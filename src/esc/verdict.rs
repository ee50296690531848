//! What a power-up means: which check refused, in words and as findings.
//!
//! The evidence is in [`BootRun`]; here it meets what is known of AM32's bootloaders.

use super::evidence::{Author, BootRun, ChangedPage, Ending, Load};
use super::power_up::PowerUp;
use super::reason::Reason;
use super::trace::Recording;
use super::updater::Update;
use super::words;
use crate::am32::{self, Advice, Finding, Id, Layout, Piece, Severity};
use crate::chip::Chip;
use crate::chip::program::{ProgramError, Programmed};
use crate::flash::{NonVolatile, OptionField};
use crate::image::{Origin, Symbol, Symbols};
use crate::part::Part;
use crate::plural::{count, verb};
use crate::time::Time;
use crate::wire::Level;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What would happen.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The part; none where the files are for an MCU that is not modelled.
    pub part: Option<Arc<Part>>,
    /// How it was found.
    pub part_evidence: String,
    /// Further parts that the files fit, with the same outcome.
    pub also: Vec<Arc<Part>>,
    /// The files, where they went.
    pub pieces: Vec<Piece>,
    /// What programming did, by piece; nothing for pieces after one that failed.
    pub programmed: Vec<Programmed>,
    /// The power-ups in the order asked for.
    pub runs: Vec<BootRun>,
    /// What is wrong, or worth knowing: errors first.
    pub findings: Vec<Finding>,
    /// The power-up that decides ended with the app running.
    pub app_runs: bool,
    /// What a bootloader updater among the files did. Then `app_runs` says that the chip starts with what it left.
    pub update: Option<Update>,
    /// What the chip held when the power came on; none where the part is not modelled.
    pub held: Option<Held>,
    /// Names of places in the code, where an ELF is among the files.
    pub symbols: Symbols,
    /// What was recorded of the power-ups, in their order; empty where nothing was asked for.
    pub recordings: Vec<Recording>,
}

/// What lasts of a chip without power.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Flash, and option bytes as they are stored.
    pub non_volatile: NonVolatile,
    /// The option bytes field by field.
    pub options: Vec<OptionField>,
}

impl Held {
    /// By this chip.
    pub(super) fn by(chip: &Chip) -> Held {
        let flash = &chip.board.flash;
        Held { non_volatile: flash.non_volatile(), options: flash.option_fields() }
    }
}

impl Verdict {
    /// Whether the ESC would start: the app runs after the deciding power-up, and no finding is an error.
    pub fn starts(&self) -> bool {
        self.app_runs && self.findings.iter().all(|f| f.severity < Severity::Error)
    }

    /// Which file the byte of main flash at `address` came from, and where in that file it stands, as flash was when the
    /// power came on; none where it is blank, or was there before. What the code changed since is in [`BootRun::changed`].
    pub fn origin(&self, address: u32) -> Option<Origin> {
        let flash = self.part.as_ref()?.flash;
        let page = flash.pages_of(address, address).next().filter(|_| flash.contains(address))?;
        for (piece, done) in self.pieces.iter().zip(&self.programmed).rev() {
            let origin = piece.image.origin(address);
            // A later file that touches the page erases what an earlier one put there.
            if origin.is_some() || done.erased.contains(&page) {
                return origin;
            }
        }
        None
    }

    /// With names of places in the code, which findings are then told with.
    #[must_use]
    pub fn with_symbols(mut self, symbols: Symbols) -> Verdict {
        for finding in &mut self.findings {
            finding.message = symbols.name_places(&finding.message).into_owned();
        }
        self.symbols = symbols;
        self
    }

    /// The places in the code that the report names by their PC and that have a symbol, each once, by address.
    pub fn places(&self) -> Vec<(u32, Symbol)> {
        let all: BTreeSet<u32> = self.runs.iter().flat_map(BootRun::places).collect();
        all.into_iter().filter_map(|pc| Some((pc, self.symbols.at(pc)?))).collect()
    }

    /// How the power-ups ended, to compare two candidates by.
    pub(super) fn outcome(&self) -> Vec<(bool, bool)> {
        self.runs
            .iter()
            .map(|r| (r.ending == Ending::AppRuns, r.jump.is_some()))
            .chain([(self.starts(), true)])
            .collect()
    }
}

/// A time after which a jump on a low wire is unusual: all known bootloaders decide sooner.
const SLOW: Time = Time::from_millis(40);

/// What a run shows to be wrong. `decides` where the verdict hangs on it: else a bootloader that stays may be right to.
pub fn findings(run: &BootRun, layout: &Layout, decides: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let page = layout.eeprom;
    if decides && let Some(reason) = &run.reason {
        found.extend(refusal(run, reason, layout));
    }
    if let Some(jump) = run.jump
        && decides
        && !run.boot_byte.is_empty()
    {
        if !jump.interrupts_off {
            found.push(
                Finding::new(
                    Id::RUN_INTERRUPTS,
                    "the bootloader jumped with interrupts on",
                    "use a release bootloader",
                )
                .at(jump.address),
            );
        }
        if jump.time_us > SLOW && run.power_up == PowerUp::decisive() {
            let message = format!("the jump came after {}, where known bootloaders take up to 20 ms", jump.time_us);
            found.push(Finding::new(Id::RUN_SLOW, message, "compare with a release bootloader of the same version"));
        }
    }
    let wiped = wiped_page(run, page);
    if let Some(c) = wiped
        && decides
    {
        let message = format!(
            "the bootloader erased and rewrote the EEPROM page at 0x{page:08X}: {} {} now",
            count(c.bytes as u64, "byte"),
            verb(c.bytes as u64, "differs", "differ")
        );
        found.push(
            Finding::new(
                Id::RUN_SETTINGS_WIPED,
                message,
                "save the settings with a configurator before, or use V13 or newer",
            )
            .at(page),
        );
    }
    found
}

/// The settings' page, where the bootloader erased it and changed more than its own version in it.
pub(super) fn wiped_page(run: &BootRun, page: u32) -> Option<&ChangedPage> {
    let own = |c: &ChangedPage| {
        c.bytes == 1 && c.settings.as_ref().is_some_and(|s| s.before.bootloader() != s.after.bootloader())
    };
    run.changed
        .iter()
        .find(|c| c.by == Author::Bootloader && c.address == page && c.erased > 0 && c.bytes > 0 && !own(c))
}

fn refusal(run: &BootRun, reason: &Reason, layout: &Layout) -> Vec<Finding> {
    let waited = run.time_us;
    let finding = match reason {
        Reason::BootByte { read } => return vec![boot_byte(read, layout, run)],
        Reason::HeaderSp { read } if read.value == u32::MAX => Finding::seen(
            Id::RUN_HEADER_SP,
            "no app",
            format!(
                "the bootloader read FFFFFFFF at 0x{:08X} (PC 0x{:08X}, after {}), where the app's stack pointer should stand, and did not jump",
                read.address, read.pc, read.time_us
            ),
            format!("add the app; it goes to 0x{:08X}", layout.app),
        )
        .at(read.address),
        Reason::HeaderSp { read } => Finding::new(
            Id::RUN_HEADER_SP,
            format!(
                "the bootloader read the app's stack pointer 0x{:08X} at 0x{:08X} (PC 0x{:08X}) and did not jump: it has to lie in 0x20000000 to 0x20010000",
                read.value, read.address, read.pc
            ),
            format!("check that the app is at 0x{:08X} and is for this part", layout.app),
        )
        .at(read.address),
        Reason::HeaderPc { read } => Finding::new(
            Id::RUN_HEADER_PC,
            format!(
                "the bootloader read the app's reset vector 0x{:08X} at 0x{:08X} (PC 0x{:08X}) and did not jump: it has to point into the app",
                read.value, read.address, read.pc
            ),
            format!("check that the app is linked for 0x{:08X} and was written there", layout.app),
        )
        .at(read.address),
        Reason::Signal if run.power_up.last_level() == Some(Level::High) => Finding::new(
            Id::RUN_SIGNAL_HIGH,
            format!("the signal wire is high, and the bootloader stays while it is{}", polling(run)),
            "hold the wire low, as a flight controller does",
        ),
        Reason::Signal if run.power_up.wire.parts().len() > 1 || run.power_up.last_level().is_none() => Finding::new(
            Id::RUN_SIGNAL_WAITS,
            format!("{} keeps the bootloader waiting: it had not jumped after {waited}{}", run.power_up.wire.title(), polling(run)),
            "`dryflash signals` with the same files and --signal shows what the bootloader saw of it, and what helps; whether the files are right shows with --signal low",
        ),
        Reason::SoftwareReset => Finding::new(
            Id::RUN_SOFTWARE_RESET,
            format!("the bootloader had not jumped after {waited}, and a software reset came before{}", polling(run)),
            "cycle the power: the software-reset flag stays until then",
        )
        .as_bad_as(Severity::Error),
        Reason::Spins { pc } => Finding::new(
            Id::RUN_NO_JUMP,
            format!("the code loops at PC 0x{pc:08X} and reads no register: it has given up, or is not for this part"),
            "use the bootloader for this part; its name tells: AM32_<MCU>_BOOTLOADER_<PIN>_V<n>",
        )
        .at(*pc),
        Reason::Signal => Finding::new(
            Id::RUN_NO_JUMP,
            format!("the bootloader had not jumped after {waited}{}", polling(run)),
            "check that the bootloader is for this signal pin and this part",
        ),
        Reason::Hung { register, address, pc } => Finding::new(
            Id::RUN_HUNG_AT_CLOCK,
            format!(
                "the code at 0x{pc:08X} reads {register} (0x{address:08X}) again and again and never sees what it waits for: this bootloader is not for this part"
            ),
            "use the bootloader for this part; its name tells: AM32_<MCU>_BOOTLOADER_<PIN>_V<n>",
        )
        .at(*pc),
        Reason::Undecided => Finding::new(
            Id::RUN_NO_JUMP,
            format!("undecided: the bootloader had not jumped after {waited}{}{}", run.unseen(), polling(run)),
            words::longer("--for", waited),
        )
        .at(run.polled.first().map_or(run.pc, |p| p.pc)),
        Reason::Fault | Reason::Other => return vec![words::finding(run, layout)],
    };
    vec![finding]
}

fn polling(run: &BootRun) -> String {
    match run.polled.first() {
        Some(p) => format!("; it was polling {} at PC 0x{:08X}", p.name, p.pc),
        None => String::new(),
    }
}

fn boot_byte(read: &Load, layout: &Layout, run: &BootRun) -> Finding {
    let elsewhere = if read.address == layout.eeprom {
        String::new()
    } else {
        let owners = crate::am32::layout::eeprom_owners(read.address).join(", ");
        format!(" (this bootloader looks where {owners} has its settings, not at 0x{:08X})", layout.eeprom)
    };
    let saw = format!(
        "the bootloader read {:02X} at 0x{:08X} (PC 0x{:08X}, after {}), expected 01 and went on waiting{elsewhere}",
        read.value, read.address, read.pc, read.time_us
    );
    // Where there is no such option as --eeprom, as in `with` and `replay`, it is a file to write.
    let add = Advice::from(format!("write a page of settings to 0x{:08X}", layout.eeprom));
    let add = am32::new_settings(layout, None).map_or(add.clone(), |new| add + ", which this makes: " + new);
    if !elsewhere.is_empty() {
        let message = format!("{saw}{}", polling(run));
        return Finding::new(Id::RUN_BOOT_BYTE_BLANK, message, "use the bootloader for this flash size")
            .at(read.address);
    }
    match read.value {
        0xFF => Finding::seen(Id::RUN_BOOT_BYTE_BLANK, "the EEPROM page is blank", saw, add),
        0x00 => Finding::seen(
            Id::RUN_BOOT_BYTE_CUT_OFF,
            "the EEPROM page says that an update was cut off",
            saw,
            Advice::from("write the app again with a configurator, or ") + add,
        ),
        _ => Finding::seen(Id::RUN_BOOT_BYTE_BLANK, "what stands in the EEPROM page is no boot byte", saw, add),
    }
    .at(read.address)
}

/// A register that is not modelled was touched: one finding for all of them.
pub fn unmodelled(runs: &[BootRun]) -> Option<Finding> {
    let mut all: Vec<_> = runs.iter().flat_map(|r| &r.unmodelled).collect();
    all.sort();
    all.dedup_by_key(|u| u.address);
    let first = all.first()?;
    let shown: Vec<String> = all
        .iter()
        .take(3)
        .map(|u| format!("{} (0x{:08X}, PC 0x{:08X}): {}", u.name, u.address, u.pc, u.text))
        .collect();
    let more = if all.len() > 3 { format!("; and {} more", all.len() - 3) } else { String::new() };
    let message = format!("the code touched what the model does not have: {}{more}", shown.join("; "));
    let finding =
        Finding::new(Id::RUN_UNMODELLED, message, "the outcome may differ where it matters; `--format json` lists all");
    Some(finding.at(first.address).as_bad_as(Severity::Note))
}

/// The flash did not take a file.
pub fn not_programmed(error: &ProgramError, file: &Arc<str>) -> Finding {
    match error {
        ProgramError::Locked { level: 1 } => Finding::new(
            Id::RUN_FLASH_LOCKED,
            "locked: read protection level 1 is active, so it cannot be flashed until it is unlocked, which erases everything",
            "set read protection back to level 0 with a probe: that erases everything by itself; then flash bootloader, app and EEPROM page",
        ),
        ProgramError::Locked { .. } => Finding::new(
            Id::RUN_FLASH_LOCKED,
            "locked for good: read protection level 2 is active; no probe can connect to this chip ever again",
            "it can only be updated through its bootloader, if it has one that runs",
        ),
        ProgramError::Erase { address, flags } | ProgramError::Write { address, flags }
            if flags.is_write_protected() =>
        {
            Finding::new(
                Id::RUN_FLASH_LOCKED,
                format!("the flash at 0x{address:08X} is write-protected ({flags}); nothing after it was written"),
                "take the write protection off in the option bytes, then flash again",
            )
            .at(*address)
        }
        other => Finding::new(
            Id::RUN_PROGRAMMING,
            format!("the flash did not take the file: {other}"),
            "erase the chip and try again; if this is a fresh --state, please report it",
        ),
    }
    .file(file)
}

/// Puts what files showed and what the run showed together. A static finding about the settings gets the run's
/// evidence instead of a second error beside it; a guess that the run refuted goes.
pub fn join(findings: &mut Vec<Finding>, app_runs: bool) {
    let settings =
        [Id::EEPROM_MISSING, Id::EEPROM_BLANK, Id::BOOT_BYTE_CUT_OFF, Id::BOOT_BYTE_OTHER, Id::EEPROM_ELSEWHERE];
    for (seen, known, cut) in [
        (Id::RUN_BOOT_BYTE_BLANK, &settings[..], true),
        (Id::RUN_BOOT_BYTE_CUT_OFF, &settings[..], true),
        (Id::RUN_HEADER_SP, &[Id::APP_MISSING][..], true),
        (Id::RUN_LOCKUP, &[Id::BOOTLOADER_MISSING, Id::WRONG_BASE, Id::OUT_OF_RANGE][..], false),
        (Id::RUN_SYSTEM_MEMORY, &[Id::BOOTLOADER_MISSING][..], false),
        (Id::RUN_HEADER_SP, &[Id::LINKED_FOR_BASE][..], false),
        (Id::RUN_HEADER_PC, &[Id::LINKED_FOR_BASE][..], false),
        (Id::RUN_NO_JUMP, &[Id::LINKED_FOR_BASE][..], false),
    ] {
        let seen = findings.iter().position(|f| f.id == seen);
        let known = findings.iter().position(|f| known.contains(&f.id) && f.severity == Severity::Error);
        if let (Some(seen), Some(known)) = (seen, known) {
            // What it comes to is what the static finding says already.
            let run = &findings[seen];
            let evidence = run.seen.clone().filter(|_| cut).unwrap_or_else(|| run.message.clone());
            findings[known].message.push_str("; ");
            findings[known].message.push_str(&evidence);
            findings.remove(seen);
        }
    }
    if app_runs {
        // What could be seen by running was seen: a hint about the MCU says nothing beside code that runs on it, and
        // a page that no bootloader read is not missed.
        let refuted = [Id::MARKS_MISMATCH, Id::EEPROM_MISSING, Id::EEPROM_BLANK];
        findings.retain(|f| !refuted.contains(&f.id));
        for finding in findings.iter_mut().filter(|f| f.id == Id::G071_V7) {
            finding.severity = Severity::Note;
            finding.message.push_str("; here the bootloader jumps and the app runs");
        }
        let odd = [Id::EEPROM_ELSEWHERE, Id::LAYOUTS_DISAGREE];
        for finding in findings.iter_mut().filter(|f| odd.contains(&f.id) && f.severity == Severity::Error) {
            finding.severity = Severity::Warning;
            finding.message.push_str("; yet the bootloader jumps and the app runs");
        }
    }
    // Stable: within a severity the order is that of the files and the power-ups.
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
}

fn is_updater(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.id == Id::UPDATER)
}

/// Whether this power-up ended with the app at work; an updater, that it runs.
pub fn app_runs(run: &BootRun, findings: &[Finding]) -> bool {
    match run.ending {
        Ending::AppRuns => true,
        Ending::AppUndecided { .. } => is_updater(findings),
        _ => false,
    }
}

/// Whether the verdict hangs on this power-up: the power-on with the signal low, or the first of those asked for.
pub fn decisive(power_ups: &[PowerUp]) -> usize {
    power_ups.iter().position(|p| *p == PowerUp::decisive()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::am32::Given;
    use crate::esc::{Options, PowerUp, check};
    use crate::image::{Image, Position};

    #[test]
    fn every_byte_knows_its_file_and_line() {
        let files = ["F051_BOOTLOADER_PB4_V14.bin", "DRYFLASH_F051_2.20.hex", "DRYFLASH_F051_2.20_FULL.bin"];
        let given = |names: &[&str]| {
            let load = |name: &&str| Image::load(format!("firmware/built/STANDIN_{name}").as_ref(), None).unwrap();
            names.iter().map(|name| Given { image: load(name), role: None }).collect()
        };
        let options = || Options { power_ups: vec![PowerUp::decisive()], ..Options::default() };
        let (verdict, _) = check(given(&files[..2]), &options(), None).unwrap();
        let origin = |address| verdict.origin(address).map(|o| (o.file.to_string(), o.position));
        assert_eq!(origin(0x0800_0010), Some((format!("firmware/built/STANDIN_{}", files[0]), Position::Offset(0x10))));
        let (file, position) = origin(0x0800_1010).unwrap();
        // The first line is an extended address; 16 bytes a line.
        assert_eq!((file, position), (format!("firmware/built/STANDIN_{}", files[1]), Position::Line(3)));
        assert_eq!((origin(0x0800_7C00), origin(0x0800_8000), origin(0)), (None, None, None));
        // What comes later wins, and what it does not cover of a page it erases.
        let (verdict, _) = check(given(&[files[2], files[1]]), &options(), None).unwrap();
        let file = |address| verdict.origin(address).map(|o| o.file.to_string());
        assert_eq!(file(0x0800_1010), Some(format!("firmware/built/STANDIN_{}", files[1])));
        assert_eq!(file(0x0800_0010), Some(format!("firmware/built/STANDIN_{}", files[2])));
        assert_eq!(file(0x0800_7C00), Some(format!("firmware/built/STANDIN_{}", files[2])));
    }
}
