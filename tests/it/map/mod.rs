//! What lies where in flash, and what stands at an address.

mod verb;

use dryflash::am32::{Given, Request, Role, plan};
use dryflash::chip::Chip;
use dryflash::chip::program::program;
use dryflash::esc::Kept;
use dryflash::flash::{Factory, for_part};
use dryflash::image::Image;
use dryflash::layout::map::{Kind, Map, map};
use dryflash::layout::{MapError, Source};
use dryflash::part;
use dryflash::report::map::Maps;
use dryflash::report::{Render, Style};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";
const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

fn given(name: &str) -> Given {
    Given { image: Image::load(&built(name), None).unwrap(), role: None }
}

fn bytes(name: &str, data: &[u8], at: u32, role: Option<Role>) -> Given {
    Given { image: Image::parse(name, data, Some(at)).unwrap(), role }
}

fn mapped(files: Vec<Given>, part: Option<&str>) -> Map {
    map(files, None, part.map(|p| part::find(p).unwrap()), None).unwrap()
}

/// An ESC that left the hand of whoever had it before like this.
fn held(part: &str, change: impl FnOnce(Factory) -> Factory) -> Source {
    Source::of_kept("esc.json", kept(part, change)).unwrap()
}

fn kept(part: &str, change: impl FnOnce(Factory) -> Factory) -> Kept {
    let part = part::find(part).unwrap();
    let factory = Factory::of(for_part(&part).as_ref(), part.flash.wrp_pages);
    Kept { part, non_volatile: change(factory).non_volatile() }
}

/// Kind, first address and length of each region.
fn regions(map: &Map) -> Vec<(Kind, u32, u32)> {
    map.regions.iter().map(|r| (r.kind, r.address, r.length)).collect()
}

fn of_kind(map: &Map, kind: Kind) -> Vec<(u32, u32)> {
    regions(map).into_iter().filter(|r| r.0 == kind).map(|r| (r.1, r.2)).collect()
}

/// Every byte of flash is in one region and in one of the sums.
fn whole(map: &Map) {
    let inside = |kind| !matches!(kind, Kind::Outside | Kind::OptionBytes);
    let mut next = map.address;
    for region in map.regions.iter().filter(|r| inside(r.kind)) {
        assert_eq!(region.address, next, "{:?}", regions(map));
        assert!(region.length > 0);
        next += region.length;
    }
    assert_eq!(next, map.end());
    let sum = |s: dryflash::layout::map::Sizes| s.used + s.filled + s.gaps + s.free;
    assert_eq!(sum(map.sizes), map.length);
    for area in &map.areas {
        assert_eq!(sum(area.sizes), area.length, "{area:?}");
    }
    for (at, region) in
        map.regions.iter().filter(|r| inside(r.kind)).flat_map(|r| [(r.address, r), (r.address + r.length - 1, r)])
    {
        let found = map.at(at);
        assert_eq!((found.kind, found.value), (Some(region.kind), map.byte(at)), "0x{at:08X}");
    }
}

#[test]
fn three_files_lie_where_they_belong() {
    let map = mapped(vec![given(BOOTLOADER), given(APP), given(EEPROM)], None);
    whole(&map);
    assert_eq!(
        regions(&map),
        [
            (Kind::Bootloader, 0x0800_0000, 2139),
            (Kind::Filled, 0x0800_085B, 1925),
            (Kind::DeviceInfo, 0x0800_0FE0, 20),
            (Kind::Gap, 0x0800_0FF4, 12),
            (Kind::App, 0x0800_1000, 2713),
            (Kind::Gap, 0x0800_1A99, 359),
            (Kind::Free, 0x0800_1C00, 0x5C00),
            (Kind::Gap, 0x0800_7800, 992),
            (Kind::NameTag, 0x0800_7BE0, 32),
            (Kind::Settings, 0x0800_7C00, 48),
            (Kind::Gap, 0x0800_7C30, 976),
        ]
    );
    assert!(map.is_sound() && map.findings.is_empty());
    assert_eq!((map.sizes.used, map.areas[0].sizes.used, map.areas[2].sizes.used), (4952, 2159, 48));
    let used: Vec<u32> = map.files.iter().map(|f| f.used).collect();
    assert_eq!(used, [2159, 2745, 48]);
    assert_eq!(map.regions[4].files, [built(APP).to_string_lossy()]);
}

#[test]
fn every_stand_in_leaves_no_byte_out() {
    for entry in std::fs::read_dir(built("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("STANDIN") {
            continue;
        }
        for part in ["F031", "F051", "G031", "G071_64K", "G071"] {
            let map = map(vec![given(name)], None, Some(part::find(part).unwrap()), None).unwrap();
            whole(&map);
        }
    }
}

#[test]
fn a_full_image_shows_what_is_in_it() {
    let map = mapped(vec![given("STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin")], Some("G071_64K"));
    whole(&map);
    for kind in [Kind::Bootloader, Kind::DeviceInfo, Kind::App, Kind::NameTag, Kind::Settings, Kind::Free] {
        assert!(!of_kind(&map, kind).is_empty(), "{kind:?}");
    }
    assert_eq!(of_kind(&map, Kind::NameTag), [(0x0800_F7E0, 32)]);
}

/// objcopy fills what lies between code and name tag with 00: programmed, but nothing in it.
#[test]
fn what_is_filled_with_00_is_not_in_use() {
    let map = mapped(vec![given("STANDIN_DRYFLASH_F051_2.20.bin")], None);
    whole(&map);
    let zeros = of_kind(&map, Kind::Filled);
    assert!(zeros.len() == 1 && zeros[0].1 > 20_000, "{zeros:X?}");
    assert_eq!((map.sizes.filled, map.files[0].used + map.sizes.filled), (zeros[0].1, map.files[0].length));
}

#[test]
fn files_on_the_same_bytes_overlap_and_the_later_one_stands() {
    let first = bytes("first.bin", &[0x11; 300], 0x0800_2000, None);
    let second = bytes("second.bin", &[0x22; 100], 0x0800_2080, None);
    let map = mapped(vec![first, second], Some("F051"));
    whole(&map);
    assert_eq!(of_kind(&map, Kind::Overlap), [(0x0800_2080, 100)]);
    // What the second one erases with its page, and does not write.
    assert_eq!(of_kind(&map, Kind::Lost), [(0x0800_2000, 0x80), (0x0800_20E4, 72)]);
    let overlap = map.regions.iter().find(|r| r.kind == Kind::Overlap).unwrap();
    assert_eq!(overlap.files, ["first.bin", "second.bin"]);
    assert!(overlap.note.as_ref().unwrap().contains("100 bytes with another value"), "{overlap:?}");
    assert!(!map.is_sound());
    let ids: Vec<String> = map.findings.iter().map(|f| f.id.to_string()).collect();
    assert!(ids.contains(&"DF002".to_owned()), "{ids:?}");
    assert_eq!((map.files[0].used, map.files[0].lost, map.files[1].used), (0, 200, 100));
    let found = map.at(0x0800_2080);
    assert_eq!((found.value, found.stands.unwrap().file.as_str()), (Some(0x22), "second.bin"));
    assert_eq!((found.others[0].file.as_str(), found.others[0].value), ("first.bin", 0x11));
    let gone = map.at(0x0800_2000);
    assert_eq!((gone.value, gone.stands, gone.others.len()), (Some(0xFF), None, 1));
}

#[test]
fn equal_bytes_of_two_files_are_told_and_are_no_mistake() {
    let twice = |name| bytes(name, &[0x11; 64], 0x0800_2000, None);
    let map = mapped(vec![twice("a.bin"), twice("b.bin")], Some("F051"));
    let overlap = map.regions.iter().find(|r| r.kind == Kind::Overlap).unwrap();
    assert!(overlap.note.as_ref().unwrap().contains("the same bytes"), "{overlap:?}");
    let clash = map.findings.iter().any(|f| f.id.to_string() == "DF002");
    assert!(!clash);
}

/// A file whose role was given replaces what a full image has there, and a full image's blanks are there to be filled.
#[test]
fn what_replaces_a_piece_of_a_full_image_does_not_overlap() {
    let mut page = given(EEPROM);
    page.role = Some(Role::Eeprom);
    let map = mapped(vec![given(FULL), page], None);
    whole(&map);
    assert!(of_kind(&map, Kind::Overlap).is_empty() && of_kind(&map, Kind::Lost).is_empty(), "{:X?}", regions(&map));
    let settings = map.regions.iter().find(|r| r.kind == Kind::Settings).unwrap();
    assert_eq!(settings.files, [built(EEPROM).to_string_lossy()]);
}

#[test]
fn what_lies_outside_of_flash_is_listed_behind_it() {
    let map = mapped(vec![bytes("long.bin", &[0x33; 0x500], 0x0800_7E00, None)], Some("F051"));
    whole(&map);
    assert_eq!(of_kind(&map, Kind::Outside), [(0x0800_8000, 0x300)]);
    assert_eq!((map.files[0].outside, map.files[0].used, map.is_sound()), (0x300, 0x200, false));
    let found = map.at(0x0800_8004);
    assert_eq!((found.value, found.page, found.stands.unwrap().place.as_str()), (None, None, "offset 0x204"));
    let last = mapped(vec![bytes("top.bin", &[1; 16], 0xFFFF_FFF0, None)], Some("F051"));
    assert_eq!(of_kind(&last, Kind::Outside), [(0xFFFF_FFF0, 16)]);
    assert_eq!(last.at(0xFFFF_FFFF).kind, Some(Kind::Outside));
    let report = dryflash::report::map::Report { maps: Maps::One(Box::new(last)), asked: vec![0xFFFF_FFFF] };
    let text = report.text(Style::default());
    assert!(text.starts_with("0xFFFFFFFF: 01, from top.bin offset 0xF"), "{text}");
}

#[test]
fn option_bytes_in_a_hex_are_shown_decoded() {
    let hex = ":020000041FFFDC\n:02F80000AA55EE\n:04F808000FF0FF00FE\n:00000001FF\n";
    let hex = hex.replace("FF00FE\n", &format!("FF00{:02X}\n", checksum(&[4, 0xF8, 8, 0, 0x0F, 0xF0, 0xFF, 0])));
    let hex = hex.replace("AA55EE", &format!("AA55{:02X}", checksum(&[2, 0xF8, 0, 0, 0xAA, 0x55])));
    let image = Image::parse("opt.hex", hex.as_bytes(), None).unwrap();
    let map = mapped(vec![Given { image, role: None }], Some("F051"));
    whole(&map);
    assert_eq!(of_kind(&map, Kind::OptionBytes), [(0x1FFF_F800, 2), (0x1FFF_F808, 4)]);
    let options = map.options.clone().unwrap();
    assert_eq!((options.rdp_level, options.protected), (0, vec![(16, 31)]));
    // They are not in force yet: nothing is protected.
    assert!(map.protected.is_empty());
    let text = drawn(map);
    assert!(text.contains("option bytes in opt.hex, not programmed"), "{text}");
    assert!(text.contains("once programmed: write protection of pages 16 to 31"), "{text}");
}

fn checksum(record: &[u8]) -> u8 {
    record.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)).wrapping_neg()
}

#[test]
fn files_go_onto_what_an_esc_holds() {
    let full = std::fs::read(built(FULL)).unwrap();
    let esc = held("F051", |f| f.cells(0x0800_0000, &full).unwrap());
    let map = map(vec![given(APP)], Some(&esc), None, None).unwrap();
    whole(&map);
    assert_eq!((map.state(), map.files.len(), map.is_sound()), (Some("esc.json"), 2, true));
    assert!(map.part_evidence.contains("esc.json"), "{}", map.part_evidence);
    let owner = |kind| map.regions.iter().find(|r| r.kind == kind).unwrap().files.clone();
    assert_eq!(owner(Kind::Bootloader), ["esc.json"]);
    assert_eq!(owner(Kind::Settings), ["esc.json"]);
    assert_eq!(owner(Kind::App), [built(APP).to_string_lossy()]);
    let found = map.at(0x0800_1000);
    assert_eq!(found.stands.unwrap().place, "line 2");
    assert_eq!(found.before.unwrap().place, "offset 0x1000 of its flash");
    let own = map.at(0x0800_0000);
    assert_eq!((own.before, own.stands.unwrap().file.as_str()), (None, "esc.json"));
}

fn drawn(map: Map) -> String {
    let text = dryflash::report::map::Report { maps: Maps::One(Box::new(map)), asked: vec![] }.text(Style::default());
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn protected_pages_refuse_files_and_are_told() {
    let esc = held("F051", |f| f.cells(0x0800_0000, &[1; 64]).unwrap().wrp(4, 7).unwrap());
    let onto = |files| map(files, Some(&esc), None, None).unwrap();
    let free = onto(vec![given(EEPROM)]);
    assert_eq!((free.protected.len(), free.is_sound()), (1, true));
    let p = &free.protected[0];
    assert_eq!((p.first_page, p.last_page, p.address, p.length), (4, 7, 0x0800_1000, 0x1000));
    assert!(free.at(0x0800_1FFF).protected && !free.at(0x0800_2000).protected && !free.at(0x0800_0FFF).protected);
    let refused = onto(vec![given(APP)]);
    assert_eq!(refused.protected[0].refuses, [built(APP).to_string_lossy()]);
    assert!(!refused.is_sound());
    assert_eq!(
        (refused.refused.len(), refused.byte(0x0800_1000), of_kind(&refused, Kind::App)),
        (1, Some(0xFF), vec![])
    );
    let locked = held("F051", |f| f.rdp(1).unwrap());
    let locked = map(vec![given(APP)], Some(&locked), None, None).unwrap();
    assert!(locked.is_locked() && !locked.is_sound());
    // What is not taken is not drawn.
    assert!(locked.regions.iter().all(|r| r.kind == Kind::Free), "{:?}", regions(&locked));
    assert!(drawn(locked).contains("STANDIN_DRYFLASH_F051_2.20.hex: not drawn"));
    let forever = held("F051", |f| f.rdp(2).unwrap());
    let text = drawn(map(vec![given(APP)], Some(&forever), None, None).unwrap());
    assert!(text.contains("Nothing takes level 2 off.") && !text.contains("takes it off"), "{text}");
    assert!(map(Vec::new(), Some(&held("F051", |f| f.rdp(1).unwrap())), None, None).unwrap().is_sound());
}

#[test]
fn what_stands_at_an_address_by_kind_of_file() {
    for (file, at, place) in [
        ("STANDIN_DRYFLASH_F051_2.20.bin", 0x0800_1010, "offset 0x10"),
        (APP, 0x0800_1010, "line 3"),
        ("STANDIN_DRYFLASH_F051_2.20.elf", 0x0800_1010, "offset 0x1010"),
        ("STANDIN_F051_BL_UPDATER_PB4_V14.amj", 0x0800_1010, "line 3 of the hex inside"),
    ] {
        let map = mapped(vec![given(file)], Some("F051"));
        let byte = map.at(at).stands.unwrap();
        assert_eq!((byte.place.as_str(), Some(byte.value)), (place, map.byte(at)), "{file}");
    }
    let elf = || given("STANDIN_DRYFLASH_FAULTY_F051_2.20.elf");
    let symbol = mapped(vec![elf()], Some("F051")).at(0x0800_10C4).symbol.unwrap();
    assert_eq!((symbol.function.as_str(), symbol.offset, symbol.file_name()), ("reset", 4, Some("startup.c")));
    // A table amid code is no function.
    let table = mapped(vec![given("STANDIN_DRYFLASH_F051_2.20.elf")], Some("F051")).at(0x0800_1A8C);
    assert_eq!((table.symbol, table.object.map(|o| (o.name, o.offset))), (None, Some(("dshot_answer".to_owned(), 8))));
    // What a later file puts there is not the ELF's.
    let over = bytes("over.bin", &[0x80; 64], 0x0800_10C0, None);
    assert_eq!(mapped(vec![elf(), over], Some("F051")).at(0x0800_10C4).symbol, None);
    let map = mapped(vec![given(APP)], None);
    let tag = map.at(0x0800_7BE1);
    assert_eq!(
        (tag.kind, tag.area, tag.page, tag.page_offset),
        (Some(Kind::NameTag), Some(Kind::App), Some(30), Some(0x3E1))
    );
    let nothing = map.at(0x2000_0000);
    assert!(!nothing.is_somewhere() && nothing.kind.is_none() && nothing.value.is_none());
    let blank = map.at(0x0800_0000);
    assert_eq!((blank.is_somewhere(), blank.value, blank.stands), (true, Some(0xFF), None));
}

/// What is drawn is what flash holds after the same files went through its controller.
#[test]
fn the_map_is_what_programming_leaves() {
    let full = std::fs::read(built(FULL)).unwrap();
    let esc = kept("F051", |f| f.cells(0x0800_0000, &full).unwrap().cells(0x0800_2000, &[9; 3000]).unwrap());
    let overlaid = || vec![given(APP), bytes("x.bin", &[0x5A; 700], 0x0800_1400, None), given(EEPROM)];
    for (state, files) in [
        (None, vec![given(BOOTLOADER), given(APP), given(EEPROM)]),
        (Some(esc.clone()), vec![given(APP)]),
        (Some(esc), overlaid()),
        (None, overlaid()),
    ] {
        let mut chip = Chip::new(&part::find("F051").unwrap(), 1).unwrap();
        let under = state.map(|kept| {
            kept.install(&mut chip).unwrap();
            Source::of_kept("esc.json", kept).unwrap()
        });
        let part = part::find("F051").unwrap();
        let map = map(files.clone(), under.as_ref(), Some(part.clone()), None).unwrap();
        let plan = plan(files, &Request { part: Some(part), has_state: true, ..Request::default() }).unwrap();
        chip.power_on();
        for piece in &plan.pieces {
            program(&mut chip, &piece.image, false).unwrap();
        }
        let holds = chip.board.flash.cells().bytes(map.address, map.length);
        let drawn: Vec<u8> = (map.address..map.end()).map(|at| map.byte(at).unwrap()).collect();
        assert!(holds == drawn, "{:X?}", holds.iter().zip(&drawn).position(|(a, b)| a != b));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_files_leave_no_byte_out(
        files in prop::collection::vec((0x0700_0000u32..0x0900_0000, 1usize..5000, 0x80u8..), 1..5),
        inside in prop::collection::vec((0u32..0x8200, 1usize..3000, 0x80u8..), 0..5),
        state in any::<bool>(),
    ) {
        let near = inside.into_iter().map(|(at, len, byte)| (0x0800_0000 + at, len, byte));
        let given = near.chain(files).enumerate().map(|(n, (at, len, byte))| bytes(&format!("{n}.bin"), &vec![byte; len], at, None));
        let esc = held("F051", |f| f.cells(0x0800_0800, &[0x42; 0x3000]).unwrap());
        let map = map(given.collect(), state.then_some(&esc), Some(part::find("F051").unwrap()), None).unwrap();
        whole(&map);
        let report = dryflash::report::map::Report { maps: Maps::One(Box::new(map)), asked: Vec::new() };
        let narrow = Style { width: 40, ..Style::default() };
        prop_assert!(report.text(narrow).lines().all(|l| l.chars().count() <= 40));
        let svg = dryflash::report::svg::document(&report.maps);
        prop_assert!(roxmltree::Document::parse(&svg).is_ok());
    }
}

#[test]
fn parts_that_files_do_not_tell_are_asked_for() {
    let data = bytes("data.bin", &[1; 64], 0x0800_2000, None);
    let error = map(vec![data], None, None, None).unwrap_err();
    assert!(matches!(error, MapError::Ambiguous(_)) && error.to_string().contains("--part"), "{error}");
    // The same flash, the same layout: it does not matter which.
    mapped(vec![given("STANDIN_F031_BOOTLOADER_PB4_V14.bin")], None);
    let esc = held("F051", |f| f);
    let error = map(Vec::new(), Some(&esc), Some(part::find("G071").unwrap()), None).unwrap_err();
    assert!(matches!(error, MapError::OtherPart { .. }) && error.to_string().contains("esc.json"), "{error}");
}
