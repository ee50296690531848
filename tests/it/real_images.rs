//! AM32's own release images, which are not in this repository:
//! `DRYFLASH_REAL_IMAGES=DIR cargo test --test it real_images:: -- --nocapture` boots every bootloader from V12 on that is
//! found under DIR with the stand-in app and settings of its layout, and, where DIR holds AM32 apps, the newest
//! bootloader of their MCU with these.

use dryflash::am32::{Given, Id};
use dryflash::esc::{self, AfterPowerOn, BootRun, Ending, Options, PowerUp, Reason, Verdict};
use dryflash::image::Image;
use dryflash::layout::{self, Form};
use dryflash::wire::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

const VARIABLE: &str = "DRYFLASH_REAL_IMAGES";

#[test]
fn release_images_boot_as_they_do_on_an_esc() {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        eprintln!("SKIPPED: {VARIABLE} does not name a folder of release images, so none was booted");
        return;
    };
    let mut files = BTreeSet::new();
    walk(Path::new(&folder), &mut files);
    let bootloaders: Vec<Bootloader> = files.iter().filter_map(|path| Bootloader::of(path)).collect();
    assert!(!bootloaders.is_empty(), "no bootloader (AM32_<MCU>_BOOTLOADER_<PIN>_V<n>.bin) is under {folder:?}");
    let mut table = Table::default();
    for bootloader in &bootloaders {
        table.boot(bootloader);
    }
    for app in &files {
        table.start(app, &bootloaders);
    }
    println!("{table}");
    assert!(table.deviations.is_empty(), "{} deviations:\n{}", table.deviations.len(), table.deviations.join("\n"));
}

/// With a version that is found by running: a full image does not have its bootloader's name.
#[test]
fn release_bootloaders_come_out_of_full_images_under_their_names() {
    let Some(folder) = std::env::var_os(VARIABLE) else { return };
    let mut files = BTreeSet::new();
    walk(Path::new(&folder), &mut files);
    for bootloader in files.iter().filter_map(|path| Bootloader::of(path)) {
        let part = dryflash::part::find(bootloader.layout).unwrap();
        let paths = [bootloader.path.clone(), app_of(bootloader.layout), settings(bootloader.layout, "V2")];
        let given = paths.map(|path| Given { image: Image::load(&path, None).unwrap(), role: None });
        let packed = layout::pack(
            given.into(),
            &Options { part: Some(part.clone()), ..Options::default() },
            true,
            "full.bin",
            Form::Bin,
        );
        let packed = packed.unwrap().result.unwrap();
        let full = Image::parse("x.bin", &packed.bytes, Some(packed.base)).unwrap();
        let split = layout::split(&layout::Source::of_image(full), Some(&part)).unwrap();
        let name = bootloader.path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(split.files[0].stem, name);
        let bytes = std::fs::read(&bootloader.path).unwrap();
        let used = bytes.iter().rposition(|b| *b != 0xFF).map_or(0, |last| last + 1);
        assert!(split.files[0].bytes == bytes[..used], "{name}");
    }
}

fn walk(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries.map(|e| e.unwrap()) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), files);
        } else if kind.is_file() {
            files.insert(entry.path());
        }
    }
}

/// A layout as the tables name it, and the words that stand for it.
const LAYOUTS: [&str; 4] = ["F031", "F051", "G071_64K", "G071"];

/// A release bootloader.
#[derive(Debug)]
struct Bootloader {
    path: PathBuf,
    layout: &'static str,
    pin: String,
    version: u32,
}

impl Bootloader {
    /// By its name: AM32_F051_BOOTLOADER_PB4_V14.bin, AM32_G071_BOOTLOADER_PA2_64K_V12.bin.
    fn of(path: &Path) -> Option<Bootloader> {
        let name = path.file_name()?.to_str()?;
        let (mcu, rest) = name.strip_prefix("AM32_")?.strip_suffix(".bin")?.split_once("_BOOTLOADER_")?;
        let (pin, version) = rest.rsplit_once("_V")?;
        let version = version.parse().ok().filter(|v| *v >= 12)?;
        let (pin, mcu) = match pin.strip_suffix("_64K") {
            Some(pin) => (pin, format!("{mcu}_64K")),
            None => (pin.strip_suffix("_128K").unwrap_or(pin), mcu.to_owned()),
        };
        let layout = LAYOUTS.into_iter().find(|l| *l == mcu)?;
        Some(Bootloader { path: path.to_owned(), layout, pin: pin.to_owned(), version })
    }
}

/// The layout that an app's name tells: AM32_NEOESC_F051_2.20.hex. One of 64 KB says so, or runs on both.
fn app_layout(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?.strip_prefix("AM32_")?.strip_suffix(".hex")?;
    if name.contains("BOOTLOADER") || name.contains("_BL_") {
        return None;
    }
    let words: Vec<&str> = name.split('_').collect();
    let mcu = LAYOUTS.into_iter().find(|l| words.contains(l))?;
    Some(if mcu == "G071" && words.contains(&"64K") { "G071_64K" } else { mcu })
}

fn stand_in(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(format!("STANDIN_{name}.bin"))
}

fn app_of(layout: &str) -> PathBuf {
    stand_in(&format!("DRYFLASH_{}_2.20", if layout == "G071" { "G071_128K" } else { layout }))
}

fn settings(layout: &str, what: &str) -> PathBuf {
    stand_in(&format!("EEPROM_{what}_{}", if layout.starts_with("G071") { "2K" } else { "1K" }))
}

fn low_after_software_reset() -> PowerUp {
    PowerUp { reset: AfterPowerOn::SoftwareReset, ..PowerUp::steady(Level::Low) }
}

fn check(layout: &str, files: [&Path; 3], power_ups: Vec<PowerUp>) -> Verdict {
    let part = dryflash::part::find(layout).unwrap();
    let given = files.map(|path| Given { image: Image::load(path, None).unwrap(), role: None });
    esc::check(given.into(), &Options { part: Some(part), power_ups, ..Options::default() }, None).unwrap().0
}

/// What one MCU and version did.
#[derive(Default)]
struct Line {
    pins: BTreeSet<String>,
    /// Milliseconds from power-on to the jump.
    low: Vec<f64>,
    floating: Vec<f64>,
    reset: Vec<f64>,
    high_stays: usize,
    cut_off_stays: usize,
    blank_stays: usize,
    apps: Vec<String>,
}

#[derive(Default)]
struct Table {
    lines: BTreeMap<(&'static str, u32), Line>,
    deviations: Vec<String>,
}

impl Table {
    fn boot(&mut self, bootloader: &Bootloader) {
        let Bootloader { path, layout, pin, version } = bootloader;
        let line = self.lines.entry((layout, *version)).or_default();
        line.pins.insert(pin.clone());
        let deviations = &mut self.deviations;
        let mut deviates = |what: String| deviations.push(format!("{}: {what}", path.display()));
        let run = |boot_byte: &str, power_ups| {
            check(layout, [path, &app_of(layout), &settings(layout, boot_byte)], power_ups)
        };

        let good = run("V2", [PowerUp::usual(), vec![low_after_software_reset()]].concat());
        if !good.starts() {
            deviates(format!("the verdict is that it would not start: {:?}", good.findings));
        }
        for run in &good.runs {
            let stays = run.ending == Ending::Stays && run.jump.is_none();
            let jump = jumped(run);
            match (&run.power_up, jump) {
                (p, Some(ms)) if *p == PowerUp::decisive() => {
                    line.low.push(ms);
                    if !(4.4..7.0).contains(&ms) {
                        deviates(format!("the jump with the signal low came after {ms:.2} ms"));
                    }
                }
                (p, Some(ms)) if *p == low_after_software_reset() => line.reset.push(ms),
                (p, Some(ms)) if p.wire.last_level() == Some(Level::Floating) => line.floating.push(ms),
                (p, None) if p.wire.last_level() == Some(Level::High) && stays => line.high_stays += 1,
                (p, _) => deviates(format!("{p}: {:?}", run.ending)),
            }
            if let Some(jump) = run.jump
                && !jump.interrupts_off
            {
                deviates(format!("{}: an odd jump: {jump:?}", run.power_up));
            }
        }
        // The pin is seen by running, also where no mark tells it.
        let sampled = good.runs.first().and_then(|r| r.sampled.first()).map(|s| s.pin.clone());
        if sampled.as_deref() != Some(pin) {
            deviates(format!("it samples {sampled:?}"));
        }

        // So is its version, and an official name claims nothing else.
        let seen = good.pieces.first().and_then(|p| p.info.bootloader_version()).map(u32::from);
        if seen != Some(*version) {
            deviates(format!("its version is told as {seen:?}"));
        }
        let of_names = [Id::NAME_VERSION, Id::NAME_TARGET, Id::NAME_FLASH_SIZE, Id::PIN_MISMATCH, Id::NAME_MISMATCH];
        for finding in good.findings.iter().filter(|f| of_names.contains(&f.id)) {
            deviates(format!("a false finding about its name: {finding}"));
        }

        for (what, value, stays) in [("BOOT_00", 0x00, &mut line.cut_off_stays), ("BLANK", 0xFF, &mut line.blank_stays)]
        {
            let verdict = run(what, vec![PowerUp::decisive()]);
            let read = match verdict.runs.first().map(|r| &r.reason) {
                Some(Some(Reason::BootByte { read })) => Some(read.value),
                _ => None,
            };
            if verdict.runs[0].ending == Ending::Stays && read == Some(value) && !verdict.starts() {
                *stays += 1;
            } else {
                deviates(format!("boot byte {value:02X}: {:?}, because it read {read:02X?}", verdict.runs[0].ending));
            }
        }
    }

    /// A release app behind the newest bootloader of its MCU, and the EEPROM that is there already.
    fn start(&mut self, app: &Path, bootloaders: &[Bootloader]) {
        let Some(layout) = app_layout(app) else { return };
        let fitting = bootloaders.iter().filter(|b| b.layout == layout);
        let Some(newest) = fitting.max_by_key(|b| (b.version, b.pin == "PB4")) else { return };
        let name = app.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let power_ups = vec![PowerUp::decisive(), low_after_software_reset()];
        let verdict = check(layout, [&newest.path, app, &settings(layout, "V2")], power_ups);
        for run in &verdict.runs {
            if run.ending != Ending::AppRuns {
                self.deviations.push(format!("{}: {}: {:?}", app.display(), run.power_up, run.ending));
            }
        }
        if !verdict.starts() {
            self.deviations.push(format!("{}: would not start: {:?}", app.display(), verdict.findings));
        }
        let Some((run, seen)) = verdict.runs.first().and_then(|run| run.app.as_ref().map(|seen| (run, seen))) else {
            return;
        };
        let fed = seen.first_watchdog_reload_us.map_or(String::new(), |t| format!(", fed its watchdog after {t}"));
        let unmodelled = run.unmodelled.len();
        let line = self.lines.entry((layout, newest.version)).or_default();
        line.apps.push(format!(
            "{name}: {} instructions in {}{fed}; {unmodelled} unmodelled",
            seen.instructions, seen.time_us
        ));
    }
}

/// Milliseconds until the jump of a run that reached a running app.
fn jumped(run: &BootRun) -> Option<f64> {
    run.jump.filter(|_| run.ending == Ending::AppRuns).map(|j| j.time_us.micros() / 1e3)
}

fn span(ms: &[f64]) -> String {
    match (ms.iter().copied().reduce(f64::min), ms.iter().copied().reduce(f64::max)) {
        (Some(least), Some(most)) => format!("{least:.2}..{most:.2}"),
        _ => "-".to_owned(),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\njumps in ms after power-on; `stays` counts images")?;
        writeln!(
            f,
            "{:<9} {:>3}  {:<23} {:>13} {:>13} {:>17}  {:>10} {:>8} {:>8}",
            "part", "V", "images (pins)", "low", "floating", "low, soft. reset", "high stays", "00 stays", "FF stays"
        )?;
        for ((layout, version), line) in &self.lines {
            let pins = line.pins.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            writeln!(
                f,
                "{layout:<9} {version:>3}  {:<23} {:>13} {:>13} {:>17}  {:>10} {:>8} {:>8}",
                format!("{} ({pins})", line.pins.len()),
                span(&line.low),
                span(&line.floating),
                span(&line.reset),
                line.high_stays,
                line.cut_off_stays,
                line.blank_stays
            )?;
            for app in &line.apps {
                writeln!(f, "{:>13}  {app}", "")?;
            }
        }
        Ok(())
    }
}
