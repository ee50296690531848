//! Flashed chips for the tests that compare engines: the stand-ins, and real images where a folder of them is named.

use dryflash::chip::Chip;
use dryflash::chip::program::program;
use dryflash::cpu::hybrid::Engine;
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// Files on a part.
#[derive(Clone, Debug)]
pub struct Case {
    part: &'static str,
    files: Vec<(PathBuf, u32)>,
    /// The settings' address.
    pub eeprom: u32,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.files.iter().filter_map(|(p, _)| p.file_name()).map(|n| n.to_string_lossy());
        write!(f, "{}: {}", self.part, names.collect::<Vec<_>>().join(" + "))
    }
}

/// The signal wire's possible pins.
const PINS: [(char, u8); 3] = [('A', 2), ('B', 4), ('A', 6)];

impl Case {
    /// The files on a chip without power.
    pub fn chip(&self, engine: Engine) -> Chip {
        let part = part::find(self.part).expect("a part that is modelled");
        let mut chip = Chip::with_engine(&part, 1, engine).expect("the engine starts");
        chip.power_on();
        for (path, address) in &self.files {
            // A hex knows its own addresses.
            let bin = path.extension().is_some_and(|e| e == "bin");
            let image =
                Image::load(path, bin.then_some(*address)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            program(&mut chip, &image, false).unwrap_or_else(|e| panic!("{self}: {e}"));
        }
        chip.power_off(1);
        chip
    }

    /// Puts the signal wire on every pin that it may be on.
    pub fn drive(&self, chip: &mut Chip, drive: Drive) {
        self.put(chip, &Signal::steady(drive));
    }

    /// Puts this on every pin that the signal wire may be on.
    pub fn put(&self, chip: &mut Chip, signal: &Signal) {
        for (port, pin) in PINS {
            chip.drive(port, pin, signal.clone());
        }
    }
}

/// A layout: the word in file names, part, app stand-in, settings, and their address.
const LAYOUTS: [(&str, &str, &str, &str, u32); 4] = [
    ("F031", "F031", "STANDIN_DRYFLASH_F031_2.20.bin", "STANDIN_EEPROM_V2_1K.bin", 0x0800_7C00),
    ("F051", "F051", "STANDIN_DRYFLASH_F051_2.20.bin", "STANDIN_EEPROM_V2_1K.bin", 0x0800_7C00),
    ("G071_64K", "G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20.bin", "STANDIN_EEPROM_V2_2K.bin", 0x0800_F800),
    ("G071_128K", "G071", "STANDIN_DRYFLASH_G071_128K_2.20.bin", "STANDIN_EEPROM_V2_2K.bin", 0x0801_F800),
];

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

/// The layout that a file name tells.
fn layout(name: &str) -> Option<&'static (&'static str, &'static str, &'static str, &'static str, u32)> {
    let mcu = |l: &&(&str, &str, &str, &str, u32)| {
        let (mcu, size) = l.0.split_once('_').unwrap_or((l.0, ""));
        name.contains(mcu) && name.contains(size)
    };
    LAYOUTS.iter().find(mcu)
}

/// Every stand-in bootloader with the app and settings of its layout.
pub fn cases() -> Vec<Case> {
    let mut names: Vec<String> = std::fs::read_dir(built(""))
        .expect("the stand-in firmware is in the repository")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.contains("_BOOTLOADER_") && n.ends_with(".bin"))
        .collect();
    names.sort();
    names.iter().map(|n| with_stand_ins(&built(n)).unwrap_or_else(|| panic!("{n}: no layout"))).collect()
}

fn with_stand_ins(bootloader: &Path) -> Option<Case> {
    let (_, part, app, settings, eeprom) = layout(bootloader.file_name()?.to_str()?)?;
    let files = vec![(bootloader.to_owned(), 0x0800_0000), (built(app), 0x0800_1000), (built(settings), *eeprom)];
    Some(Case { part, files, eeprom: *eeprom })
}

fn walk(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let entry = entry.expect("a folder can be read on");
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.insert(entry.path());
        }
    }
}

/// Images under the folder that `DRYFLASH_REAL_IMAGES` names; none, and a line that says so, without it.
pub fn real_cases() -> Vec<Case> {
    let Some(folder) = std::env::var_os("DRYFLASH_REAL_IMAGES") else {
        eprintln!("SKIPPED: DRYFLASH_REAL_IMAGES does not name a folder of release images");
        return Vec::new();
    };
    let mut files = BTreeSet::new();
    walk(Path::new(&folder), &mut files);
    let mut cases = Vec::new();
    for path in &files {
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { continue };
        if name.contains("BOOTLOADER") && name.ends_with(".bin") {
            cases.extend(with_stand_ins(path));
        } else if name.starts_with("AM32_") && name.ends_with(".hex") && !name.contains("BOOTLOADER") {
            cases.extend(behind_stand_in(path));
        }
    }
    assert!(!cases.is_empty(), "no image is under {}", Path::new(&folder).display());
    cases
}

/// A real app behind the newest stand-in bootloader of its layout.
fn behind_stand_in(app: &Path) -> Option<Case> {
    let (word, part, _, settings, eeprom) = layout(app.file_name()?.to_str()?)?;
    let size = word.strip_prefix("G071").unwrap_or("");
    let mcu = word.split('_').next()?;
    let bootloader = built(&format!("STANDIN_{mcu}_BOOTLOADER_PB4{size}_V14.bin"));
    let files = vec![(bootloader, 0x0800_0000), (app.to_owned(), 0), (built(settings), *eeprom)];
    Some(Case { part, files, eeprom: *eeprom })
}
