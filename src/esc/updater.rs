//! A bootloader updater, run to its end: what it wrote, and what the chip does with that at its next power-up.

use super::bench::Bench;
use super::boot;
use super::evidence::{Author, BootRun, Ending};
use super::power_up::PowerUp;
use super::reason::Reason;
use super::signal_pin;
use crate::am32::{Finding, Id, Layout, Piece, Pin, marks};
use crate::bus::ResetCause;
use crate::chip::Chip;
use crate::image::Image;
use crate::time::Time;
use std::sync::Arc;

/// How long an updater may take: it waits for 1.5 s and writes a few pages, which is done within 2 s.
pub const LIMIT: Time = Time::from_millis(6_000);

/// What an updater did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Update {
    /// Its file.
    #[serde(serialize_with = "as_text")]
    pub file: Arc<str>,
    /// First addresses of the pages of the bootloader's area that it wrote.
    pub pages: Vec<u32>,
    /// When it reset the chip; none where it had not come to that.
    pub reset_us: Option<Time>,
    /// What the bootloader that stands there now tells about itself, a phrase each.
    pub tells: Vec<String>,
    /// The pin that this bootloader looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The chip starts with it: what stands in the app's place is reached, on the same pin as before.
    pub starts: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

fn as_text<S: serde::Serializer>(file: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(file)
}

/// The updater among these files.
pub fn among(pieces: &[Piece]) -> Option<&Piece> {
    pieces.iter().find(|p| p.is_updater())
}

/// Follows an updater whose power-up was `run` on this chip: powers the chip once more with what it left. None where
/// it was not reached.
pub fn follow(
    chip: &mut Chip,
    bench: &Bench,
    layout: &Layout,
    run: &BootRun,
    piece: &Piece,
    seed: u64,
) -> Option<Update> {
    run.app.as_ref()?;
    let in_bootloader = |address: u32| (layout.base..layout.app).contains(&address);
    let mut update = Update {
        file: Arc::clone(&piece.image.name),
        pages: run
            .changed
            .iter()
            .filter(|c| c.by == Author::App && in_bootloader(c.address))
            .map(|c| c.address)
            .collect(),
        reset_us: None,
        tells: tells(chip, layout),
        pin: None,
        starts: false,
        trouble: None,
    };
    if !matches!(run.ending, Ending::AppReset { cause: ResetCause::Software, .. }) {
        // One that hangs has a finding of its own, with what it polls.
        if matches!(run.ending, Ending::AppRuns | Ending::AppUndecided { .. }) {
            let wrote = if update.pages.is_empty() { "nothing" } else { "parts" };
            update.trouble = Some(format!(
                "it had written {wrote} of the bootloader and not reset the chip after {}: its pages may be write-protected, and it tries again for ever",
                run.time_us
            ));
        }
        return Some(update);
    }
    update.reset_us = Some(run.time_us);
    chip.power_off(seed);
    let wires = Pin::SIGNAL.iter().map(|p| p.port_and_number()).collect();
    let again = Bench { from_app: false, app_limit: Time::ZERO, pins: wires, ..bench.clone() };
    let after = boot::boot(chip, &again, &PowerUp::decisive()).explain(layout);
    update.pin = signal_pin::of_bootloader(&after);
    update.trouble = trouble(run, &after);
    update.starts = update.trouble.is_none();
    Some(update)
}

/// What the bootloader in flash tells about itself.
fn tells(chip: &Chip, layout: &Layout) -> Vec<String> {
    let bytes = chip.board.flash.cells().bytes(layout.base, layout.bootloader_len());
    let Ok(image) = Image::parse("flash", &bytes, Some(layout.base)) else { return Vec::new() };
    let marks = marks::bootloader(&marks::View::new(&image), layout.base);
    marks.map_or_else(Vec::new, |m| m.phrases())
}

/// What is wrong with the chip after the update; `run` is the updater's own power-up.
fn trouble(run: &BootRun, after: &BootRun) -> Option<String> {
    let dead = "no configurator reaches it any more, only a probe can mend that";
    if after.jump.is_none() {
        // Without a bootloader before there were no settings to be read.
        let settings = !run.boot_byte.is_empty();
        return match (&after.ending, &after.reason) {
            (Ending::Stays, Some(Reason::BootByte { .. } | Reason::HeaderSp { .. } | Reason::HeaderPc { .. }))
                if !settings =>
            {
                None
            }
            (Ending::Stays, Some(Reason::BootByte { read })) => Some(format!(
                "the new bootloader stays, and starts no app: it reads the boot byte at 0x{:08X} as {:02X} (PC 0x{:08X})",
                read.address, read.value, read.pc
            )),
            (Ending::Stays, Some(Reason::Hung { register, pc, .. })) => {
                Some(format!("the new bootloader waits for {register} for ever (PC 0x{pc:08X}): {dead}"))
            }
            (Ending::Stays, Some(Reason::Spins { pc })) => {
                Some(format!("the new bootloader goes round at PC 0x{pc:08X} for ever: {dead}"))
            }
            (Ending::BootloaderFault { fault, pc }, _) => {
                Some(format!("the new bootloader faults at PC 0x{pc:08X}, {fault}: {dead}"))
            }
            (Ending::Lockup { pc, fault, .. }, _) => {
                let cause = fault.map_or_else(String::new, |f| format!(", {f}"));
                Some(format!("the new bootloader locks up at PC 0x{pc:08X}{cause}: {dead}"))
            }
            _ => Some(format!("the new bootloader does not start what is in the app's place (PC 0x{:08X})", after.pc)),
        };
    }
    let (old, new) = (signal_pin::of_bootloader(run)?, signal_pin::of_bootloader(after)?);
    (old != new).then(|| {
        format!("the new bootloader listens on {new}, and the old one did on {old}: with the wire on {old}, {dead}")
    })
}

/// What an update comes to as findings: the run's answer in place of what the files alone, and the updater's own
/// reset, would say.
pub fn judge(update: &Update, findings: &mut Vec<Finding>) {
    if update.reset_us.is_some() || update.trouble.is_some() {
        let answered = [Id::UPDATER_MISMATCH, Id::RUN_APP_SILENT];
        findings.retain(|f| !answered.contains(&f.id));
    }
    if update.reset_us.is_some() {
        findings.retain(|f| f.id != Id::RUN_APP_RESET);
    }
    let now = if update.tells.is_empty() { "of an unknown kind".to_owned() } else { update.tells.join(", ") };
    let wrote = match (update.pages.first(), update.pages.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("wrote {} pages from 0x{first:08X} to 0x{last:08X}", update.pages.len())
        }
        (Some(first), _) => format!("wrote the page at 0x{first:08X}"),
        _ => "wrote nothing, as what it carries was there already,".to_owned(),
    };
    if let Some(trouble) = &update.trouble {
        let message = match update.reset_us {
            Some(at) => format!("the updater {wrote} and reset the chip after {at}; {trouble} (there now: {now})"),
            None => format!("the updater did not come to its end: {trouble}"),
        };
        if let Some(told) = findings.iter_mut().find(|f| f.id == Id::UPDATER) {
            told.advice = format!("do not run it: see {}", Id::RUN_UPDATE_FAILS).into();
        }
        let advice = "do not run it; take the updater for this MCU, flash size and signal pin, and see that no page is write-protected";
        findings.push(Finding::new(Id::RUN_UPDATE_FAILS, message, advice).file(&update.file));
    }
    if let (Some(told), Some(at), true) =
        (findings.iter_mut().find(|f| f.id == Id::UPDATER), update.reset_us, update.starts)
    {
        told.message = format!(
            "it is a bootloader updater: it {wrote} and reset the chip after {at}; the bootloader there now is {now}, and starts"
        );
        told.advice = "flash the app again afterwards; do not cut the power while it runs".into();
    }
}
