//! An app that starts once: where it changed the bootloader or left a boot byte that is not 01, the chip is powered
//! again with what it left.

use super::bench::Bench;
use super::boot;
use super::evidence::{Author, BootRun, Ending};
use super::power_up::PowerUp;
use super::verdict;
use crate::am32::{Finding, Id, Layout, Severity};
use crate::bus::Width;
use crate::chip::{Chip, Halt};
use crate::plural::count;
use crate::time::Time;

/// How long an app is given to write the settings that it has erased: an erase takes 22 to 40 ms, a page as long.
const SAVING: Time = Time::from_millis(200);

/// Lets an app that is between the erase of its settings and the write go on to its end. The halt that came in between.
pub fn settle(chip: &mut Chip, page: u32) -> Result<(), Halt> {
    let until = chip.now().time + SAVING;
    while boot_byte(chip, page) == 0xFF && chip.now().time < until {
        match chip.run(chip.now().time + Time::from_millis(1)) {
            Halt::Time => {}
            halt => return Err(halt),
        }
    }
    Ok(())
}

fn boot_byte(chip: &Chip, page: u32) -> u32 {
    chip.board.flash.cells().read(page, Width::Byte)
}

/// Powers the chip again after `run`, where the app changed what the next power-up stands on.
pub fn look(chip: &mut Chip, bench: &Bench, layout: &Layout, run: &BootRun, seed: u64) -> Option<Finding> {
    if run.ending != Ending::AppRuns || bench.from_app {
        return None;
    }
    let by_app = || run.changed.iter().filter(|c| c.by == Author::App);
    let bootloader: usize = by_app().filter(|c| (layout.base..layout.app).contains(&c.address)).map(|c| c.bytes).sum();
    let page = run.boot_byte.last().filter(|l| l.value == 1).map(|l| l.address);
    let left = page.filter(|p| by_app().any(|c| c.address == *p)).map(|p| (p, boot_byte(chip, p)));
    let left = left.filter(|(_, byte)| *byte != 1);
    let (did, at) = match (bootloader, left) {
        (0, None) => return None,
        (0, Some((page, byte))) => (format!("left the boot byte at 0x{page:08X} as {byte:02X}"), page),
        (bytes, _) => (format!("changed {} of the bootloader", count(bytes as u64, "byte")), layout.base),
    };
    chip.power_off(seed);
    let again = Bench { app_limit: Time::ZERO, ..bench.clone() };
    let after = boot::boot(chip, &again, &PowerUp::decisive()).explain(layout);
    if after.ending == Ending::AppRuns {
        let message = format!("the app {did}; the next power-up starts all the same");
        let advice = "check that the app is what you think: AM32's apps leave their bootloader alone";
        return (bootloader > 0)
            .then(|| Finding::new(Id::RUN_NEXT_START, message, advice).at(at).as_bad_as(Severity::Warning));
    }
    let how = verdict::findings(&after, layout, true).into_iter().next();
    let how = how.map_or_else(|| "it does not start".to_owned(), |f| f.message);
    let message = format!("it starts once only: the app {did}; at the next power-up: {how}");
    Some(Finding::new(Id::RUN_NEXT_START, message, "do not flash this app: take the one that was released").at(at))
}
