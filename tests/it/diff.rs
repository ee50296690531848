//! `diff`: equal is equal whatever the form, a difference is told by its meaning and to the byte, and the exit codes are
//! diff(1)'s.

use dryflash::am32::Firmware;
use dryflash::am32::settings::{Field, default_page, set};
use dryflash::esc::{Kept, StateFile};
use dryflash::flash::{Factory, for_part};
use dryflash::image::{Image, Position, Segment, write};
use dryflash::layout::{self, Area, Source, Subject};
use dryflash::part;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const BASE: u32 = 0x0800_0000;
const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";
const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(built().join(name)).unwrap()
}

fn printed(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.arg("diff").args(args).current_dir(built()).env_remove("DRYFLASH_PART");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// What is printed, each blank a space.
#[track_caller]
fn told(args: &[&str], code: i32, words: &[&str]) -> String {
    let (ended, text) = printed(args);
    assert_eq!(ended, Some(code), "{args:?}\n{text}");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(line.contains(word), "{args:?}: '{word}' is not in\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn kept(part: &str, change: impl FnOnce(Factory) -> Factory) -> Kept {
    let part = part::find(part).unwrap();
    let factory = Factory::of(for_part(&part).as_ref(), part.flash.wrp_pages);
    Kept { part, non_volatile: change(factory).non_volatile() }
}

fn state(folder: &TempDir, name: &str, part: &str, change: impl FnOnce(Factory) -> Factory) -> String {
    let path = folder.path().join(name);
    StateFile::open(&path).unwrap().keep(kept(part, change)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An app lies alike on the G071 of either size: pages are those of both.
#[test]
fn apps_that_do_not_tell_the_size_of_their_g071_have_its_pages() {
    let folder = TempDir::new().unwrap();
    let mut app = read("STANDIN_DRYFLASH_G071_64K_2.20.bin");
    let one = file(&folder, "one.bin", &app);
    app[0x100] ^= 1;
    let other = file(&folder, "other.bin", &app);
    told(&[&one, &other], 1, &["(STM32G071", "page 2, 0x08001000 to 0x080017FF (app)", "1 byte on 1 page."]);
    // Whose pages they are, nothing tells.
    let (one, other) = (file(&folder, "a.bin", [1; 9]), file(&folder, "b.bin", [2; 9]));
    let said = told(&[&one, &other], 1, &["They differ: 9 bytes."]);
    assert!(!said.contains("page"), "{said}");
}

#[test]
fn equal_is_equal_in_whatever_form() {
    told(&[FULL, "STANDIN_DRYFLASH_F051_2.20_FULL.hex"], 0, &["They are equal."]);
    told(&["STANDIN_F051_DUMP_32K.hex", FULL], 0, &["They are equal."]);
    // A page that is longer only by FF.
    told(&[EEPROM, "STANDIN_EEPROM_V2_2K.bin"], 0, &["They are equal."]);
    assert_eq!(printed(&["-q", FULL, FULL]), (Some(0), "They are equal.\n".to_owned()));
    // A name has no say where the bytes are the same.
    let folder = TempDir::new().unwrap();
    let named = file(&folder, "AM32_DRYFLASH_F051_2.18.hex", read(APP));
    told(&[APP, &named], 0, &["They are equal."]);
    // Wear is no difference.
    let mut worn = kept("F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    worn.non_volatile.wear[3] += 7;
    let path = folder.path().join("worn.json");
    StateFile::open(&path).unwrap().keep(worn).unwrap();
    let fresh = state(&folder, "fresh.json", "F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    told(&[&fresh, path.to_str().unwrap()], 0, &["They are equal."]);
}

#[test]
fn bootloaders_and_apps_are_told_by_version_pin_and_tag() {
    let (v13, v14) = ("STANDIN_F051_BOOTLOADER_PB4_V13.bin", "STANDIN_F051_BOOTLOADER_PA2_V14.bin");
    told(&[v13, v14], 1, &["version V13 -> V14", "pin PB4 -> PA2", "protocol 1 -> 2", "(bootloader)"]);
    let folder = TempDir::new().unwrap();
    // By running, not by name.
    let nameless = file(&folder, "b.bin", read(v14));
    told(&["STANDIN_F051_BOOTLOADER_PB4_V10.bin", &nameless], 1, &["version V10 -> V14"]);
    told(&[v14, "STANDIN_F031_BOOTLOADER_PA2_V14.bin"], 1, &["(STM32F051K6)", "(STM32F031K6)"]);
    let (old, new) = ("STANDIN_DRYFLASH_F051_2.16.bin", "STANDIN_DRYFLASH_F051_2.20.bin");
    told(&[old, new], 1, &["firmware 2.16 -> 2.20 (by its file's name)", "(app)"]);
    let tag = told(&[new, "STANDIN_DRYFLASH_PA2_F051_2.20.bin"], 1, &["name tag DRYFLASH_F051 -> DRYFLASH_PA2_F051"]);
    assert!(!tag.contains("firmware"), "{tag}");
    // One that is there, and one that is not.
    let mut without = read(FULL);
    without[..0x1000].fill(0xFF);
    let without = format!("{}@0x08000000", file(&folder, "without.bin", without));
    told(&[FULL, &without], 1, &["bootloader V14 -> none"]);
}

#[test]
fn settings_are_told_by_name() {
    let folder = TempDir::new().unwrap();
    let page = default_page(3, Firmware { major: 2, minor: 20 });
    let mut other = page.clone();
    set(&mut other, Field::named("motor_kv").unwrap(), "1980").unwrap();
    set(&mut other, Field::named("motor_poles").unwrap(), "12").unwrap();
    let (a, b) = (file(&folder, "a.bin", &page), file(&folder, "b.bin", &other));
    told(
        &[&a, &b],
        1,
        &[
            "motor_kv",
            "-> 1980 KV",
            "motor_poles",
            "-> 12",
            "offset 0x0000001A to 0x0000001B: 2 bytes differ",
            "They differ: 2 bytes.",
        ],
    );
    // Which part is not known, and not needed.
    told(&[&a, &b, "--part", "F051"], 1, &["motor_kv", "page 31, 0x08007C00 to 0x08007FFF (settings)"]);
    // Amid a full image.
    let mut full = read(FULL);
    full[0x7C00..0x7C00 + page.len()].copy_from_slice(&page);
    let image = file(&folder, "full.bin", &full);
    let said = told(&[&image, &b, "--part", "F051"], 1, &["motor_kv", "bootloader V14 -> none"]);
    assert!(said.contains("motor_poles"), "{said}");
    let said = told(&[EEPROM, "STANDIN_EEPROM_BOOT_00_1K.bin"], 1, &["settings"]);
    assert!(said.contains("- 00000000  01 02") && said.contains("+ 00000000  00 02"), "{said}");
    assert!(said.contains("  00000010  20 00"), "a line around it: {said}");
    told(&[EEPROM, "STANDIN_EEPROM_BLANK_1K.bin"], 1, &["settings", "-> none"]);
}

#[test]
fn states_are_told_with_their_option_bytes() {
    let folder = TempDir::new().unwrap();
    let full = read(FULL);
    let a = state(&folder, "a.json", "F051", |f| f.cells(BASE, &full).unwrap());
    let b = state(&folder, "b.json", "F051", |f| f.cells(BASE, &full).unwrap().rdp(1).unwrap().wrp(0, 3).unwrap());
    let text = told(&[&a, &b], 1, &["option bytes", "RDP level 0 -> level 1", "WRP 0xFFFFFFFF -> 0xFFFFFFFE"]);
    assert!(text.contains("They differ, and their flash is equal."), "{text}");
    let g = state(&folder, "g.json", "G071_64K", |f| f);
    told(&[&a, &g], 1, &["part STM32F051K6 -> STM32G071x8"]);
    // A double word of FF that was programmed takes nothing more.
    let marked = state(&folder, "m.json", "G071_64K", |f| f.mark(0x0800_2008, 1).unwrap());
    told(&[&g, &marked], 1, &["double words 0x08002008 erased -> 0x08002008 programmed"]);
    // One that a file holds, with the chip's.
    let segment = |address, bytes: &[u8]| Segment::new(address, bytes.to_vec(), Position::Offset(0)).unwrap();
    let level_1 = write::hex(&[segment(BASE, &full), segment(0x1FFF_F800, &[0x00, 0xFF])]);
    let file = file(&folder, "level1.hex", level_1);
    told(&[&a, &file], 1, &["RDP level 0 -> level 1", "their flash is equal"]);
    told(&[FULL, &file], 1, &["option bytes none -> RDP level 1"]);
}

#[test]
fn an_image_is_compared_with_its_own_places_of_an_esc() {
    let folder = TempDir::new().unwrap();
    let esc = state(&folder, "esc.json", "F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    let before = std::fs::read(&esc).unwrap();
    told(&[APP, &esc], 0, &["not compared", "bootloader, settings", "They are equal, where both hold something."]);
    told(&[&esc, EEPROM], 0, &["bootloader, app"]);
    told(&[BOOTLOADER, &esc], 0, &["app, settings"]);
    told(&[FULL, &esc], 0, &["They are equal."]);
    let said = told(&["STANDIN_DRYFLASH_F051_2.16.bin", &esc], 1, &["firmware 2.16 ->", "(app)"]);
    assert!(!said.contains("V14"), "{said}");
    // What an earlier app has left behind a shorter one differs.
    let longer = state(&folder, "longer.json", "F051", |f| {
        f.cells(BASE, &read(FULL)).unwrap().cells(0x0800_4000, &[9]).unwrap()
    });
    told(&[APP, &longer], 1, &["1 byte on 1 page", "page 16, 0x08004000"]);
    assert!(std::fs::read(&esc).unwrap() == before && std::fs::read_dir(folder.path()).unwrap().count() == 2);
}

#[test]
fn lines_are_counted_and_fit() {
    let folder = TempDir::new().unwrap();
    let mut other = read(FULL);
    other[0x1000..0x3000].iter_mut().for_each(|byte| *byte ^= 0x55);
    let other = file(&folder, "other_FULL.bin", other);
    let all = told(&["-v", FULL, &other], 1, &["pages 4 to 11, 0x08001000 to 0x08002FFF (app)"]);
    let lines = |text: &str| text.lines().filter(|l| l.starts_with("+ 0800")).count();
    let usual = told(&[FULL, &other], 1, &["more of such lines differ; -v shows them all"]);
    assert_eq!((lines(&all), lines(&usual)), (0x200, 24));
    assert!(usual.split_whitespace().collect::<Vec<_>>().join(" ").contains("488 more of such lines"), "{usual}");
    let answer = printed(&["-q", FULL, &other]);
    assert_eq!(answer, (Some(1), "They differ: 8,192 bytes on 8 pages.\n".to_owned()));
    for columns in ["40", "63", "80", "100"] {
        let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["diff", FULL, &other])
            .current_dir(built())
            .env("COLUMNS", columns)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let width: usize = columns.parse().unwrap();
        assert!(text.is_ascii() && text.lines().all(|l| l.len() <= width), "{columns}:\n{text}");
        let bytes = if width < 62 { 8 } else { 16 };
        let line = text.lines().find(|l| l.starts_with("+ 08001000")).unwrap();
        let digits = line.split_whitespace().skip(2).take_while(|w| w.len() == 2).count();
        assert_eq!(digits, bytes, "{columns}: {line}");
    }
}

#[test]
fn what_cannot_be_compared_is_trouble() {
    let folder = TempDir::new().unwrap();
    told(&[FULL, "none.bin"], 2, &["none.bin: there is no such file"]);
    told(&[FULL], 2, &["<B>"]);
    told(&[FULL, FULL, FULL], 2, &["unexpected argument"]);
    told(&[FULL, FULL, "--part", "F99"], 2, &["no part is called"]);
    let cut = file(&folder, "cut.hex", &read(APP)[..300]);
    told(&[APP, &cut], 2, &["cut.hex line", "cut off"]);
    let unknown = file(&folder, "some.bin", [7; 9]);
    told(&[FULL, &unknown], 2, &["nothing tells where", "some.bin goes", "@0x08001000"]);
    told(&[&unknown, APP], 2, &["some.bin goes"]);
    told(&[&unknown, &unknown], 0, &["They are equal."]);
    let state = state(&folder, "esc.json", "F051", |f| f);
    told(&[&state, FULL, "--part", "F031"], 2, &["holds an STM32F051K6"]);
    told(&[&format!("{state}@0x08000000"), FULL], 2, &["has addresses of its own"]);
    let broken = file(&folder, "broken.json", "{\"format\":\"dryflash-state\"");
    told(&[&broken, FULL], 2, &["is no state of a virtual ESC"]);
    told(&[folder.path().to_str().unwrap(), FULL], 2, &["is a directory"]);
}

fn image(bytes: &[u8]) -> Source {
    Source::of_image(Image::parse("x.bin", bytes, Some(BASE)).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_that_differs_is_told_and_no_other(
        bytes in proptest::collection::vec(prop_oneof![Just(0xFFu8), any::<u8>()], 0x2000),
        flips in proptest::collection::btree_map(0..0x2000usize, 1..=0xFFu8, 0..40),
        short in 0x1000..0x2000usize,
    ) {
        let f051 = part::find("F051").unwrap();
        let mut other = bytes.clone();
        for (at, with) in &flips {
            other[*at] ^= with;
        }
        let found = |a: &[u8], b: &[u8]| {
            let diff = layout::diff(&image(a), &image(b), Some(&f051)).unwrap();
            prop_assert_eq!(diff.is_equal(), diff.pages.is_empty());
            let runs = diff.pages.iter().flat_map(|page| page.runs.clone());
            let addresses: Vec<u32> = runs.flatten().collect();
            prop_assert_eq!(diff.bytes(), addresses.len());
            for page in &diff.pages {
                let inside = page.address..page.address + page.size;
                prop_assert!(page.runs.iter().all(|r| inside.contains(r.start()) && inside.contains(r.end())));
            }
            Ok(addresses)
        };
        let expected: Vec<u32> = flips.keys().map(|at| BASE + *at as u32).collect();
        prop_assert_eq!(found(&bytes, &other)?, expected.clone());
        prop_assert_eq!(found(&other, &bytes)?, expected);
        prop_assert_eq!(found(&bytes, &bytes)?, Vec::<u32>::new());
        // What is not there is FF.
        let gone = (short..0x2000).filter(|at| bytes[*at] != 0xFF).map(|at| BASE + at as u32);
        prop_assert_eq!(found(&bytes, &bytes[..short])?, gone.collect::<Vec<_>>());
    }

    #[test]
    fn states_differ_where_their_flash_does(
        cells in proptest::collection::btree_map(0..0x1000u32, any::<u8>(), 0..20),
        part in proptest::sample::select(vec!["F051", "G071_64K"]),
    ) {
        let put = |cells: &BTreeMap<u32, u8>| {
            let at = |f: Factory, (at, byte): (&u32, &u8)| f.cells(BASE + at * 8, &[*byte]).unwrap();
            Source::of_kept("esc.json", kept(part, |f| cells.iter().fold(f, at))).unwrap()
        };
        let diff = layout::diff(&put(&BTreeMap::new()), &put(&cells), None).unwrap();
        prop_assert_eq!(diff.bytes(), cells.values().filter(|b| **b != 0xFF).count());
        prop_assert!(diff.changes.iter().all(|c| !matches!(c.subject, Subject::OptionBytes | Subject::Chip)));
        prop_assert!(diff.pages.iter().all(|p| p.area == Some(Area::Bootloader) || p.address >= 0x0800_1000));
    }
}
