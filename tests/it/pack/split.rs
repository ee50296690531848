//! `split`: the three files come back, with names that say what they are.

use super::{BASE, BOOTLOADER, EEPROM, FULL, Folder, hex, read, told};
use dryflash::image::Image;

#[test]
fn a_full_image_and_a_dump_come_apart_into_their_three_files() {
    for source in [FULL, "STANDIN_DRYFLASH_F051_2.20_FULL.hex", "STANDIN_F051_DUMP_32K.hex"] {
        let folder = Folder::new();
        let words = ["bootloader", "by running: V14", "name tag DRYFLASH_F051", "layout 2"];
        told(&["split", source, "-o", &folder.path("")], 0, &words);
        let app = match source.contains("2.20") {
            true => "AM32_DRYFLASH_F051_2.20.bin",
            false => "AM32_DRYFLASH_F051.bin",
        };
        assert_eq!(folder.names(), [app, "AM32_F051_BOOTLOADER_PB4_V14.bin", "eeprom_7c00.bin"]);
        assert!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin") == read(BOOTLOADER));
        assert!(folder.read("eeprom_7c00.bin") == read(EEPROM));
        assert!(folder.read(app) == read(FULL)[0x1000..0x7C00], "with its name tag");
    }
    let folder = Folder::new();
    told(&["split", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin", "-o", &folder.path("")], 0, &[]);
    let names = ["AM32_DRYFLASH_G071_2.20.bin", "AM32_G071_BOOTLOADER_PB4_64K_V14.bin", "eeprom_f800.bin"];
    assert_eq!(folder.names(), names);
}

#[test]
fn a_state_comes_apart_and_goes_together_again() {
    let folder = Folder::new();
    let state = folder.state("esc.json", "F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    told(&["split", &state, "--prefix", &folder.path("before"), "--hex"], 0, &["as the state file holds it"]);
    let parts = ["before_app.hex", "before_bootloader.hex", "before_eeprom.hex"];
    assert_eq!(folder.names()[..3], parts);
    assert_eq!(folder.names().len(), 4, "no lock is left");
    let page = Image::load(folder.path("before_eeprom.hex").as_ref(), None).unwrap();
    assert_eq!((page.start(), page.len()), (0x0800_7C00, 0x400), "a page is whole");
    let app = Image::load(folder.path("before_app.hex").as_ref(), None).unwrap();
    assert!(app.segments.len() == 2 && app.end() == 0x0800_7C00, "the gap before the name tag is left out");
    let paths = parts.map(|name| folder.path(name));
    let out = folder.path("again.bin");
    told(&["pack", &paths[0], &paths[1], &paths[2], "-o", &out], 0, &["would start"]);
    assert!(folder.read("again.bin") == read(FULL));
}

#[test]
fn what_cannot_be_taken_apart_is_told_and_nothing_is_replaced() {
    let folder = Folder::new();
    let here = folder.path("");
    let split = |file: &str| ["split", file, "-o"].map(str::to_owned);
    let of = |file: &str, code: i32, words: &[&str]| {
        let args = split(file);
        told(&[&args[0], &args[1], &args[2], &here], code, words)
    };
    of("STANDIN_DRYFLASH_F051_2.20.bin", 2, &["is no full image", "they say: app", "@0x08000000"]);
    of(EEPROM, 2, &["is no full image", "they say: EEPROM page"]);
    of("none.bin", 2, &["there is no such file"]);
    of(&folder.write("cut.hex", &read("STANDIN_F051_DUMP_32K.hex")[..5000]), 2, &["cut off"]);
    of(&folder.write("blank.bin", [0xFF; 0x7C00]), 2, &["is no full image"]);
    let blank = format!("{}@0x08000000", folder.path("blank.bin"));
    told(&["split", &blank, "--part", "F051", "-o", &here], 2, &["there is nothing to take apart"]);
    let g071 = folder.write("dump.hex", hex(&[(0x0800_1000, &read("STANDIN_DRYFLASH_G071_64K_2.20.bin"))]));
    of(&g071, 2, &["G071_64K, G071", "different places", "--part"]);
    of(&folder.state("esc.json", "F031", |f| f), 0, &["holds nothing there"]);
    told(&["split", &folder.path("esc.json"), "--part", "F051", "-o", &here], 2, &["holds an STM32F031K6"]);
    told(&["split", FULL], 2, &["--output"]);
    told(&["split", FULL, "-o", &here, "--prefix", "x"], 2, &["cannot be used with"]);
    told(&["split", FULL, "-o", &folder.path("none")], 2, &["there is no folder", "mkdir -p"]);
    let before = folder.names();
    // One of three that exists keeps all from being written.
    folder.write("AM32_F051_BOOTLOADER_PB4_V14.bin", "mine");
    of(FULL, 2, &["AM32_F051_BOOTLOADER_PB4_V14.bin exists; --force replaces it"]);
    assert_eq!(folder.names().len(), before.len() + 1);
    assert_eq!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin"), b"mine");
    told(&["split", FULL, "-o", &here, "--force"], 0, &[]);
    assert!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin") == read(BOOTLOADER));
}

#[test]
fn what_belongs_to_none_of_the_three_is_told() {
    let folder = Folder::new();
    let state = folder.state("esc.json", "STM32F051K8", |f| {
        f.cells(BASE, &read(FULL)).unwrap().cells(0x0800_9000, &[1, 2, 0xFF]).unwrap()
    });
    let said = told(&["split", &state, "-o", &folder.path("")], 0, &["left out"]);
    assert!(said.contains("0x08009000 to 0x08009001 belongs to none of these"), "{said}");
}
