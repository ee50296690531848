//! Whose settings stand where, from the run: the page that the bootloader reads its boot byte from, the page that the
//! app reads or rewrites, and what a rewrite does to the settings.

use super::alive::Alive;
use super::evidence::{Author, BootRun, ChangedPage, Load};
use crate::am32::{self, Advice, Finding, Id, Layout, Piece, Role, Settings, SettingsPage, Severity, eeprom};
use crate::chip::{Chip, WatchedLoad};
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
    findings.extend(none_there(run, layout));
    let page = run.boot_byte.last().map(|l| l.address);
    if let Some(finding) = page.and_then(|page| two_pages(run, page)) {
        findings.push(finding);
    }
    let Some((changed, settings)) = rewritten(run).find_map(|c| Some((c, c.settings.as_deref()?))) else { return };
    let (old, new) = (settings.before.layout(), settings.after.layout());
    if new == 0xFF && !looped {
        // The run ended between the erase and the first store.
        return;
    }
    findings.retain(|f| f.id != Id::EEPROM_REWRITTEN);
    left(&settings.after, changed.address, layout, findings);
    if old == new {
        return;
    }
    let finding = match old {
        _ if new == 0xFF => {
            let at = changed.address;
            let message =
                format!("the app erased the settings at 0x{at:08X} and wrote none: the next start finds a blank page");
            Finding::new(Id::EEPROM_REWRITTEN, message, "check that the app is for this part and this layout")
                .as_bad_as(Severity::Warning)
        }
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
            format!("the page at 0x{:08X} held no settings; the app wrote layout {new} there", changed.address),
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

/// What is wrong with the settings that an ESC held that was kept in the file `state`, where no file brings others.
pub fn kept(chip: &Chip, layout: &Layout, pieces: &[Piece], state: Option<&str>) -> Vec<Finding> {
    if pieces.iter().any(|p| p.brings(Role::Eeprom, layout)) {
        return Vec::new();
    }
    let page = chip.board.flash.cells().bytes(layout.eeprom, layout.page);
    let Ok(settings) = Settings::read(&page) else { return Vec::new() };
    let firmware = pieces.iter().rev().find(|p| p.role == Role::App).and_then(|p| p.info.firmware());
    let page = SettingsPage { settings: &settings, firmware, file: state, layout: Some(layout) };
    page.findings().into_iter().map(|f| f.at(layout.eeprom)).collect()
}

/// What is wrong with the settings that the app has left: what it mended is told no more, and what it brought is.
fn left(settings: &Settings, address: u32, layout: &Layout, findings: &mut Vec<Finding>) {
    let page = SettingsPage { settings, firmware: settings.firmware(), file: None, layout: Some(layout) };
    let (now, about) = (page.findings(), address == layout.eeprom);
    findings.retain(|f| !f.id.is_of_settings() || !about || now.iter().any(|n| n.id == f.id));
    for finding in now {
        if findings.iter().all(|f| f.id != finding.id) {
            let message = format!("after the app has run: {}", finding.message);
            findings.push(Finding { message, ..finding }.at(address));
        }
    }
}

/// The bootloader started the app although it read that there are no settings.
fn none_there(run: &BootRun, layout: &Layout) -> Option<Finding> {
    let read = run.boot_byte.last().filter(|l| l.value == 0xFF && run.app.is_some())?;
    let message = format!(
        "the bootloader read FF at 0x{:08X} (PC 0x{:08X}) and started the app: there are no settings for it",
        read.address, read.pc
    );
    let advice = "write a page of settings with the bootloader and the app".into();
    let advice = am32::new_settings(layout, None)
        .map_or(advice, |new| Advice::from("make a page of settings and write it: ") + new);
    Some(Finding::new(Id::RUN_NO_SETTINGS, message, advice).at(read.address))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;
    use crate::bus::Width;
    use crate::esc::evidence::{AppRun, Ending, Rewritten};
    use crate::esc::power_up::PowerUp;

    const LAYOUT: u32 = 0x0801_F800;
    const OTHER: u32 = 0x0800_F800;

    fn load(address: u32) -> Load {
        Load { address, value: 1, pc: 0x0800_1264, time_us: Time::ZERO }
    }

    /// A run whose bootloader reads at [`LAYOUT`], and whose app reads `settings` and rewrites a page with layouts.
    fn run(settings: &[u32], rewrites: Option<(u32, u8, u8)>) -> BootRun {
        let decode = |layout| Settings::read(&fixtures::eeprom(1, layout, (2, 18))).unwrap();
        let changed = rewrites.map(|(address, before, after)| ChangedPage {
            by: Author::App,
            address,
            erased: 1,
            bytes: 9,
            settings: Some(Box::new(Rewritten { before: decode(before), after: decode(after) })),
        });
        BootRun {
            power_up: PowerUp::decisive(),
            ending: Ending::AppRuns,
            time_us: Time::ZERO,
            boot_byte: vec![load(LAYOUT)],
            header: Vec::new(),
            jump: None,
            app: Some(AppRun {
                instructions: 0,
                time_us: Time::ZERO,
                first_watchdog_reload_us: None,
                last_watchdog_reload_us: None,
                alive: None,
                signal: Vec::new(),
                settings: settings.iter().copied().map(load).collect(),
                flaws: Vec::new(),
            }),
            sampled: Vec::new(),
            polled: Vec::new(),
            pc: 0,
            changed: changed.into_iter().collect(),
            unmodelled: Vec::new(),
            in_vain: Vec::new(),
            choices: Vec::new(),
            stands_still: false,
            resets: 0,
            reset_by: Vec::new(),
            clock: Vec::new(),
            handling: None,
            last: None,
            reason: None,
        }
    }

    fn judged(run: &BootRun) -> Vec<(Id, Severity, String)> {
        let part = crate::part::find("G071").unwrap();
        let mut findings = Vec::new();
        judge(run, Layout::of(&part).unwrap(), &mut findings);
        findings.into_iter().map(|f| (f.id, f.severity, f.message)).collect()
    }

    #[test]
    fn an_app_with_a_page_of_its_own() {
        assert!(judged(&run(&[LAYOUT], None)).is_empty());
        assert!(judged(&run(&[], None)).is_empty(), "what was not seen is not judged");
        assert!(judged(&run(&[OTHER, LAYOUT], None)).is_empty(), "it looks at both");
        let found = judged(&run(&[OTHER], None));
        assert_eq!((found[0].0, found[0].1), (Id::RUN_TWO_PAGES, Severity::Warning));
        assert!(found[0].2.contains("0x0801F800") && found[0].2.contains("0x0800F800"), "{}", found[0].2);
        // What it rewrites is its own, whatever it looked at.
        let found = judged(&run(&[LAYOUT], Some((OTHER, 4, 4))));
        assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [Id::RUN_TWO_PAGES]);
    }

    #[test]
    fn what_a_rewrite_does() {
        let told = |before, after| judged(&run(&[LAYOUT], Some((LAYOUT, before, after)))).pop().map(|f| (f.1, f.2));
        assert_eq!(told(2, 2), None);
        let (severity, message) = told(2, 4).unwrap();
        assert_eq!((severity, message.contains("layout 2 -> 4")), (Severity::Note, true));
        let (severity, message) = told(4, 2).unwrap();
        assert_eq!((severity, message.contains("a downgrade: bytes 5 to 16")), (Severity::Warning, true));
        assert_eq!(told(4, 3).unwrap().0, Severity::Note, "the bytes stay");
        assert!(told(0xFF, 4).unwrap().1.contains("held no settings"));
        assert_eq!(told(2, 0xFF), None, "the run ended between the erase and the first store");
    }

    #[test]
    fn what_the_app_leaves_is_judged() {
        let part = crate::part::find("G071").unwrap();
        let layout = Layout::of(&part).unwrap();
        let after = |edit: fn(&mut [u8]), mut findings: Vec<Finding>| {
            let mut run = run(&[LAYOUT], Some((LAYOUT, 4, 4)));
            let mut page = fixtures::eeprom(1, 4, (2, 21));
            edit(&mut page);
            run.changed[0].settings.as_mut().unwrap().after = Settings::read(&page).unwrap();
            judge(&run, layout, &mut findings);
            findings.into_iter().map(|f| (f.id, f.message)).collect::<Vec<_>>()
        };
        let name = |page: &mut [u8]| page[5..17].copy_from_slice(b"NEOESC f051 ");
        let found = after(name, Vec::new());
        assert!(found[0].0 == Id::SETTINGS_NAME && found[0].1.starts_with("after the app has run: "), "{found:?}");
        assert_eq!(after(|_| (), Vec::new()), []);
        // What the file shows already is told once, and what the app mended no more.
        let of_the_file = |id| vec![Finding::new(id, "of the file", "set it")];
        assert_eq!(after(name, of_the_file(Id::SETTINGS_NAME)), [(Id::SETTINGS_NAME, "of the file".to_owned())]);
        assert_eq!(after(|_| (), of_the_file(Id::SETTINGS_RANGE)), []);
        assert_eq!(after(|_| (), of_the_file(Id::PIN_MISMATCH)).len(), 1);
    }

    #[test]
    fn an_app_that_is_started_without_settings() {
        let with = |value| {
            let mut run = run(&[LAYOUT], None);
            run.boot_byte[0].value = value;
            judged(&run)
        };
        let found = with(0xFF);
        assert_eq!((found[0].0, found[0].1), (Id::RUN_NO_SETTINGS, Severity::Warning));
        assert!(found[0].2.starts_with("the bootloader read FF at 0x0801F800 (PC 0x08001264) and started the app"));
        assert!(with(1).is_empty());
    }

    #[test]
    fn the_first_look_at_each_page() {
        let seen = |address, width, time| WatchedLoad { address, width, value: 0x1234_5601, pc: 2, time: Time(time) };
        let loads = [seen(LAYOUT, Width::Byte, 5), seen(OTHER - 1, Width::Half, 20), seen(OTHER, Width::Byte, 30)];
        let found = looks(&loads, &[LAYOUT, OTHER], Time(10));
        assert_eq!(found.iter().map(|l| (l.address, l.value)).collect::<Vec<_>>(), [(OTHER, 0x56)]);
    }
}
