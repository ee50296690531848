//! Whose settings stand where, from the run: the page that the bootloader reads its boot byte from, the page that the
//! app reads or rewrites, and what a rewrite does to the settings.

use super::alive::Alive;
use super::boot::{Author, BootRun, ChangedPage, Load};
use crate::am32::{Finding, Id, Layout, Severity, eeprom};
use crate::chip::WatchedLoad;
use crate::time::Time;

/// The first look at each of `pages` from `start` on, in the order of time.
pub fn looks(loads: &[WatchedLoad], pages: &[u32], start: Time) -> Vec<Load> {
    let mut found: Vec<Load> = Vec::new();
    for load in loads.iter().filter(|l| l.time >= start) {
        let covers = |at: &u32| load.address <= *at && *at - load.address < load.width.bytes();
        let Some(at) = pages.iter().copied().find(covers) else { continue };
        if found.iter().all(|f| f.address != at) {
            let value = (load.value >> (8 * (at - load.address))) & 0xFF;
            found.push(Load { address: at, value, pc: load.pc, time_us: load.time });
        }
    }
    found
}

/// The page that the app rewrote, where it is one for settings.
fn rewritten(run: &BootRun) -> impl Iterator<Item = &ChangedPage> {
    let places: Vec<u32> = run.boot_byte.iter().map(|l| l.address).collect();
    run.changed
        .iter()
        .filter(move |c| c.by == Author::App && c.erased > 0 && (places.contains(&c.address) || c.settings.is_some()))
}

/// What this run shows of the settings, and the static finding that it answers goes.
pub fn judge(run: &BootRun, layout: &Layout, findings: &mut Vec<Finding>) {
    let looped = matches!(run.app.as_ref().and_then(|a| a.alive.as_ref()), Some(Alive::Loop(_) | Alive::Works(_)));
    let given = findings.iter().find(|f| f.id == Id::EEPROM_REWRITTEN).and_then(|f| f.file.clone());
    if looped {
        findings.retain(|f| f.id != Id::EEPROM_REWRITTEN);
    }
    let page = run.boot_byte.last().map(|l| l.address);
    if let Some(finding) = page.and_then(|page| two_pages(run, page)) {
        findings.push(finding);
    }
    let Some((changed, settings)) = rewritten(run).find_map(|c| Some((c, c.settings.as_deref()?))) else { return };
    findings.retain(|f| f.id != Id::EEPROM_REWRITTEN);
    let (old, new) = (settings.before.layout, settings.after.layout);
    if old == new {
        return;
    }
    let finding = match old {
        _ if eeprom::loses_tuning(old, new) => {
            let message = format!(
                "the app rewrote the settings at 0x{:08X}, layout {old} -> {new}, a downgrade: {}",
                changed.address,
                eeprom::TUNING_LOST
            );
            Finding::new(Id::EEPROM_REWRITTEN, message, eeprom::KEEP_TUNING).as_bad_as(Severity::Warning)
        }
        0xFF => Finding::new(
            Id::EEPROM_REWRITTEN,
            format!(
                "the page at 0x{:08X} held no settings; the app wrote its own of layout {new} there",
                changed.address
            ),
            "look at the settings with a configurator",
        ),
        _ => Finding::new(
            Id::EEPROM_REWRITTEN,
            format!("the app rewrote the settings at 0x{:08X}, layout {old} -> {new}", changed.address),
            "nothing has to be done; look at the settings with a configurator after the first start",
        ),
    };
    let about = given.filter(|_| changed.address == layout.eeprom);
    findings.push(about.map_or(finding.clone(), |file| finding.file(&file)).at(changed.address));
}

/// The bootloader's page is not the app's.
fn two_pages(run: &BootRun, page: u32) -> Option<Finding> {
    let app = run.app.as_ref()?;
    let wrote = rewritten(run).map(|c| c.address).find(|a| *a != page);
    let reads = app.settings.iter().any(|l| l.address == page);
    let read = app.settings.first().filter(|_| !reads);
    let (other, how) = match (wrote, read) {
        (Some(address), _) => (address, "rewrote its own".to_owned()),
        (None, Some(load)) => (load.address, format!("reads its own (PC 0x{:08X})", load.pc)),
        (None, None) => return None,
    };
    let message = format!(
        "the bootloader has its settings page at 0x{page:08X}, and the app {how} at 0x{other:08X}: what a configurator sets never reaches the app"
    );
    let advice = "take a bootloader from V13 on, where the app reads which page is in use, or bootloader and app for the same flash size";
    Some(Finding::new(Id::RUN_TWO_PAGES, message, advice).at(other))
}
