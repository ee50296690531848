//! What only a run shows of a bootloader and an app: the versions that they write into the settings, and the pin that
//! a bootloader without marks samples. Held against what the files' names claim.
//!
//! After a software reset with the wire high, a bootloader puts its own version into byte 2 of the settings, where
//! another stands; an app puts its own into bytes 3 and 4. So each is run once more, on settings with other versions.

use super::alive::Alive;
use super::bench::Bench;
use super::evidence::BootRun;
use super::power_up::PowerUp;
use super::verdict::wiped_page;
use crate::am32::marks::BootVersion;
use crate::am32::names::Firmware;
use crate::am32::{self, Finding, Id, Layout, Piece, Pin, Role};
use crate::bus::ResetCause;
use crate::chip::{Chip, Halt, SavedChip, program};
use crate::image::Image;
use crate::plural::{count, verb};
use crate::time::Time;
use crate::wire::{Level, Waveform};

/// How long a bootloader may take to write its version: V13 and newer begin at 50 ms, and erase a page first.
const BOOTLOADER_TIME: Time = Time::from_millis(200);
/// When V13 and newer have counted their 451 low samples, and have not begun to look at the wire without a pull.
const LOW_ENOUGH: Time = Time::from_millis(8);
/// How long a bootloader may take that had them: it begins at 17 ms.
const SOONER: Time = Time::from_millis(30);
/// How long an app may take, from power-on: it reads its settings before anything else.
const APP_TIME: Time = Time::from_millis(60);
/// How often the bench looks.
const LOOK: Time = Time::from_millis(1);
/// What may be left to write once a version stands there.
const REST: Time = Time::from_millis(6);
/// Bytes of the settings.
const BOOTLOADER_VERSION: u32 = 2;
const FIRMWARE: u32 = 3;
/// A bootloader's version that none has which writes one, so that it is replaced.
const NOBODYS: u8 = 1;
/// What a software reset of the bootloader ends in at most, before it counts as resetting for ever.
const RESETS: usize = 8;

/// What was flashed, where to look, and what was seen so far.
pub struct Scene<'a> {
    /// The chip as it was flashed, without power.
    pub flashed: &'a SavedChip,
    /// Where the settings may stand, and the pins of the wire.
    pub bench: &'a Bench,
    /// The part's layout.
    pub layout: &'a Layout,
    /// All power-ups.
    pub runs: &'a [BootRun],
    /// The power-up that decides.
    pub decisive: &'a BootRun,
    /// The app ran.
    pub app_runs: bool,
    /// Decides what a cut-off write leaves; nothing is cut off here.
    pub seed: u64,
}

/// Fills in what a run shows of each piece, and says where a name claims something else.
pub fn look(chip: &mut Chip, scene: &Scene, pieces: &mut [Piece], findings: &mut Vec<Finding>) {
    let last = |role| pieces.iter().rposition(|p| p.brings(role, scene.layout));
    let (bootloader, app) = (last(Role::Bootloader), last(Role::App));
    if let Some(piece) = bootloader.and_then(|n| pieces.get_mut(n)).filter(|_| !scene.bench.from_app) {
        see_bootloader(chip, scene, piece);
        claimed_bootloader(piece, scene.layout, findings);
        claimed_pin(piece, findings);
        wipes(piece, scene, findings);
    }
    if let Some(piece) = app.and_then(|n| pieces.get_mut(n)).filter(|_| scene.app_runs) {
        see_app(chip, scene, piece);
        claimed_firmware(piece, findings);
    }
}

fn see_bootloader(chip: &mut Chip, scene: &Scene, piece: &mut Piece) {
    let Some(marks) = piece.info.bootloader else { return };
    if marks.info.is_none_or(|i| i.pin.is_none()) {
        piece.info.seen.pin = sampled(scene.decisive);
    }
    let page = scene.decisive.boot_byte.first().map(|load| load.address);
    if let Some(page) = page.filter(|_| !marks.version.is_exact()) {
        piece.info.seen.bootloader = bootloader_version(chip, scene, page, marks.version);
    }
}

/// The pin that was sampled most, where it is clearly one.
fn sampled(run: &BootRun) -> Option<Pin> {
    let [first, rest @ ..] = run.sampled.as_slice() else { return None };
    let clear = rest.iter().all(|other| other.samples * 4 < first.samples);
    first.pin.parse().ok().filter(|_| clear)
}

fn see_app(chip: &mut Chip, scene: &Scene, piece: &mut Piece) {
    let told = piece.info.app.as_ref().is_none_or(|a| a.old_version.is_some());
    if !told && scene.bench.app_limit > Time::ZERO {
        piece.info.seen.firmware = firmware(chip, scene);
    }
}

/// The version that the bootloader writes into the settings at `page`.
fn bootloader_version(chip: &mut Chip, scene: &Scene, page: u32, marks: BootVersion) -> Option<u8> {
    let read = |chip: &Chip| chip.board.flash.cells().bytes(page + BOOTLOADER_VERSION, 1).first().copied();
    // An erased byte is on its way to something else.
    let changed = |chip: &Chip| read(chip).is_some_and(|v| !matches!(v, NOBODYS | 0xFF));
    let under_way = |chip: &Chip| chip.board.flash.is_busy(chip.now()) || read(chip) != Some(NOBODYS);
    // V13 and newer count low samples until there are enough, which is over sooner than 4,000 high ones; the wire is high
    // when a low one would make them jump.
    let sooner = PowerUp::with(Waveform::levels(Level::Low, [(LOW_ENOUGH, Level::High)]));
    let sooner = Some((sooner, SOONER)).filter(|_| marks.at_least() >= 13);
    for (power_up, limit) in sooner.into_iter().chain([(PowerUp::steady(Level::High), BOOTLOADER_TIME)]) {
        prepare(chip, scene, page, |settings| settings[BOOTLOADER_VERSION as usize] = NOBODYS)?;
        wire(chip, scene, &power_up);
        chip.power_on();
        chip.reset(ResetCause::Software);
        let going = |chip: &Chip| chip.now().time < limit || (chip.now().time < BOOTLOADER_TIME && under_way(chip));
        if run_until(chip, going, changed).is_some() {
            return read(chip);
        }
    }
    None
}

/// The version that the app writes into its settings.
fn firmware(chip: &mut Chip, scene: &Scene) -> Option<Firmware> {
    let pages = &scene.bench.boot_bytes;
    restore(chip, scene)?;
    let mut edited = Vec::new();
    for page in pages {
        let cells = chip.board.flash.cells();
        let blank = cells.bytes(*page, 48).iter().all(|b| *b == 0xFF);
        if !blank {
            rewrite(chip, scene, *page, |settings| settings[FIRMWARE as usize..=FIRMWARE as usize + 1].fill(0))?;
            edited.push(*page);
        }
    }
    let power_up = PowerUp::decisive();
    wire(chip, scene, &power_up);
    chip.power_on();
    if scene.bench.from_app {
        chip.start_app(scene.bench.app);
    }
    let read = |chip: &Chip| {
        pages.iter().find_map(|page| match chip.board.flash.cells().bytes(page + FIRMWARE, 2).as_slice() {
            [major @ 1..=9, minor @ 0..=99] => Some(Firmware { major: *major, minor: *minor }),
            _ => None,
        })
    };
    let under_way = |chip: &Chip| {
        let cells = chip.board.flash.cells();
        chip.board.flash.is_busy(chip.now()) || edited.iter().any(|page| cells.bytes(page + FIRMWARE, 2) != [0, 0])
    };
    // One that has come to its main loop without a write keeps what stands there.
    let limit = main_loop(scene, &power_up).map_or(APP_TIME, |at| APP_TIME.min(at + LOOK));
    let going = |chip: &Chip| chip.now().time < limit || (chip.now().time < APP_TIME && under_way(chip));
    run_until(chip, going, |chip| read(chip).is_some())?;
    read(chip)
}

/// When the app reached its main loop after this power-up, where that was seen.
fn main_loop(scene: &Scene, power_up: &PowerUp) -> Option<Time> {
    let run = scene.decisive;
    match run.app.as_ref()?.alive.as_ref()? {
        Alive::Loop(main) if run.power_up == *power_up => Some(run.jump?.time_us + main.first_us),
        _ => None,
    }
}

/// The chip as flashed, but with settings as `edit` leaves them, put there as a probe does.
fn prepare(chip: &mut Chip, scene: &Scene, page: u32, edit: impl Fn(&mut [u8])) -> Option<()> {
    restore(chip, scene)?;
    rewrite(chip, scene, page, edit)
}

fn restore(chip: &mut Chip, scene: &Scene) -> Option<()> {
    chip.restore(scene.flashed).ok()
}

/// None where flash does not take them: it is protected.
fn rewrite(chip: &mut Chip, scene: &Scene, page: u32, edit: impl Fn(&mut [u8])) -> Option<()> {
    let mut settings = chip.board.flash.cells().bytes(page, chip.part().flash.page);
    edit(&mut settings);
    let image = Image::parse("settings", &settings, Some(page)).ok()?;
    chip.power_on();
    let done = program::program(chip, &image, false);
    chip.power_off(scene.seed);
    done.ok().map(|_| ())
}

fn wire(chip: &mut Chip, scene: &Scene, power_up: &PowerUp) {
    for (port, pin) in &scene.bench.pins {
        chip.drive(*port, *pin, power_up.signal());
    }
    chip.forget_pins();
}

/// Runs until `seen`, and a little longer. None where it is not seen while it is `going`, or the code ends otherwise.
fn run_until(chip: &mut Chip, going: impl Fn(&Chip) -> bool, seen: impl Fn(&Chip) -> bool) -> Option<()> {
    let mut resets = 0;
    while going(chip) {
        match chip.run(chip.now().time + LOOK) {
            Halt::Time => {}
            Halt::Reset(_) if resets < RESETS => resets += 1,
            _ => return None,
        }
        if seen(chip) {
            // What follows it may not have been written yet. However this ends, what stands there counts.
            let _ = chip.run(chip.now().time + REST);
            return Some(());
        }
    }
    None
}

fn claimed_bootloader(piece: &Piece, layout: &Layout, findings: &mut Vec<Finding>) {
    let Some(seen) = piece.info.seen.bootloader else { return };
    // What was said of it by its name alone is said anew, of the version that it is.
    let by_name = [Id::WIPES_SETTINGS, Id::OLD_BOOTLOADER];
    findings.retain(|f| !(by_name.contains(&f.id) && f.file.as_ref() == Some(&piece.image.name)));
    findings.extend(am32::by_bootloader_version(piece, layout));
    let Some(named) = piece.info.name.bootloader.filter(|v| *v != seen) else { return };
    let known = findings.iter_mut().find(|f| f.id == Id::NAME_VERSION && f.file.as_ref() == Some(&piece.image.name));
    if let Some(known) = known {
        known.message.push_str(&format!("; when run, it says V{seen}"));
        return;
    }
    let message = format!(
        "its name says V{named}, but when run it writes V{seen} into the settings, as its own version; its bytes say {}",
        piece.info.bootloader.map_or(BootVersion::Unmarked, |b| b.version)
    );
    let advice = "the run is believed; check that it is the file you meant";
    findings.push(Finding::new(Id::NAME_VERSION, message, advice).file(&piece.image.name));
}

fn claimed_firmware(piece: &Piece, findings: &mut Vec<Finding>) {
    let Some(seen) = piece.info.seen.firmware else { return };
    let Some(named) = piece.info.name.firmware.filter(|v| *v != seen) else { return };
    let message =
        format!("its name says firmware {named}, but when run it writes {seen} into the settings, as its own version");
    let advice = "the run is believed; check that it is the file you meant";
    findings.push(Finding::new(Id::NAME_VERSION, message, advice).file(&piece.image.name));
}

/// Settings that a power-up wiped which does not decide, where nothing else tells of it.
fn wipes(piece: &Piece, scene: &Scene, findings: &mut Vec<Finding>) {
    let known = [Id::WIPES_SETTINGS, Id::RUN_SETTINGS_WIPED];
    if findings.iter().any(|f| known.contains(&f.id)) {
        return;
    }
    let page = scene.layout.eeprom;
    let wiped = scene.runs.iter().find_map(|run| Some((run, wiped_page(run, page)?)));
    let Some((run, changed)) = wiped else { return };
    let bytes = changed.bytes as u64;
    let message = format!(
        "after a power-up with {}, the bootloader rewrote the EEPROM page at 0x{page:08X}: {} {}",
        run.power_up,
        count(bytes, "byte"),
        verb(bytes, "differs", "differ")
    );
    let advice = "take V13 or newer, which keeps the whole page, or save the settings before";
    findings.push(Finding::new(Id::WIPES_SETTINGS, message, advice).file(&piece.image.name).at(page));
}

fn claimed_pin(piece: &Piece, findings: &mut Vec<Finding>) {
    let Some(seen) = piece.info.seen.pin else { return };
    let Some(named) = piece.info.name.pin.filter(|p| *p != seen) else { return };
    let message = format!("its name says {named}, but when run it samples {seen}");
    let advice = format!(
        "check which pin the ESC's signal wire is on: a bootloader that listens on {seen} is not found by configurators on {named}"
    );
    findings.push(Finding::new(Id::PIN_MISMATCH, message, advice).file(&piece.image.name));
}
