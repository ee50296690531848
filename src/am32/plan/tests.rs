//! For every finding that files can show: files that show it, and the nearest ones that do not.

mod advice;

use super::*;
use crate::am32::fixtures as f;
use crate::am32::{Evidence, Seen, Severity, all};
use crate::part;

fn run(part: Option<&str>, files: Vec<Image>, wish: Request) -> Plan {
    let part = part.map(|p| part::find(p).unwrap());
    let given = files.into_iter().map(|image| Given { image, role: None }).collect();
    plan(given, &Request { part, ..wish }).unwrap()
}

fn check(files: Vec<Image>) -> Plan {
    run(None, files, Request::default())
}

/// What is printed of an advice.
trait Printed {
    fn contains(&self, text: &str) -> bool;
    fn starts_with(&self, text: &str) -> bool;
}

impl Printed for crate::am32::Advice {
    fn contains(&self, text: &str) -> bool {
        self.to_string().contains(text)
    }

    fn starts_with(&self, text: &str) -> bool {
        self.to_string().starts_with(text)
    }
}

fn check_on(part: &str, files: Vec<Image>) -> Plan {
    run(Some(part), files, Request::default())
}

fn given_as(role: Role, image: Image) -> Plan {
    plan(vec![Given { image, role: Some(role) }], &Request { has_state: true, ..Request::default() }).unwrap()
}

/// One file on an ESC that holds the rest.
fn one(part: &str, image: Image) -> Plan {
    run(Some(part), vec![image], Request { has_state: true, ..Request::default() })
}

fn built(name: &str) -> Image {
    Image::load(format!("firmware/built/{name}").as_ref(), None).unwrap()
}

fn bl() -> Image {
    f::image("AM32_F051_BOOTLOADER_PB4_V14.bin", &f::bootloader("PB4", 0x1F, 2), None)
}

fn app() -> Image {
    app_at(None)
}

fn app_at(at: Option<u32>) -> Image {
    f::image("AM32_AM32REF_F051_2.21.bin", &f::app("AM32REF_F051", 0x7BE0), at)
}

fn page() -> Image {
    page_of(&f::eeprom(1, 4, (2, 21)))
}

fn page_of(data: &[u8]) -> Image {
    f::image("eeprom.bin", data, None)
}

/// With a page of layout 4 of which these bytes are changed, after bytes 5 to 16 were filled, where `fill` is not 0.
fn odd(edits: &[(usize, u8)], fill: u8) -> Plan {
    let mut data = f::eeprom(1, 4, (2, 21));
    data.resize(192, 0xFF);
    if fill != 0 {
        data[5..17].fill(fill);
    }
    edits.iter().for_each(|(at, byte)| data[*at] = *byte);
    check(vec![bl(), app(), page_of(&data)])
}

fn good() -> Vec<Image> {
    vec![bl(), app(), page()]
}

fn old(name: &str, version: u8) -> Image {
    f::image(name, &f::old_bootloader(version), None)
}

/// An app that holds `inside` as data.
fn carrying(name: &str, inside: &[u8]) -> Image {
    let mut data = f::app("", 0x1800);
    data.extend(inside);
    f::image(name, &data, None)
}

fn g071(version: &str) -> Image {
    f::image(&format!("AM32_X_G071_{version}.bin"), &f::app("X_G071", 0xF7E0), None)
}

fn full() -> Vec<u8> {
    let mut data = f::bootloader("PB4", 0x1F, 2);
    data.resize(0x1000, 0xFF);
    data.extend(f::app("AM32REF_F051", 0x7BE0));
    data.extend(f::eeprom(1, 4, (2, 21)));
    data.resize(0x8000, 0xFF);
    data
}

/// An app called after one version, whose bytes say another.
fn of_version(named: &str, major: u8, minor: u8) -> Image {
    let mut data = f::app("AM32REF_F051", 0x7BE0);
    data[0xC0..0xC2].copy_from_slice(&[major, minor]);
    data[0xC2..0xCE].copy_from_slice(b"NEOESC f051 ");
    f::image(&format!("AM32_AM32REF_F051_{named}.bin"), &data, None)
}

/// An app of one's own, linked for the start of flash.
fn at_base() -> Vec<u8> {
    let mut data = f::app("CUSTOM_F051", 0x7BE0);
    data[4..8].copy_from_slice(&0x0800_00C1u32.to_le_bytes());
    data
}

/// A full image with its settings at an offset of its own.
fn full_with_page(offset: usize) -> Vec<u8> {
    let mut data = full();
    // The name tag ends below the page's usual place.
    data[0x7C00..].fill(0xFF);
    data[0x7700..0x7BE0].fill(0xFF);
    data[offset..offset + 48].copy_from_slice(&f::eeprom(1, 4, (2, 21)));
    data
}

/// A bootloader whose vector table the F421's start-up file made.
fn of_the_f421() -> Image {
    let shape = "1111110000110111111111101111110110111111111100";
    let mut data = f::bootloader("PB4", 0x1F, 2);
    for (i, used) in shape.bytes().enumerate() {
        let entry = if used == b'1' { 0x0800_010Du32 } else { 0 };
        data[4 + 4 * i..8 + 4 * i].copy_from_slice(&entry.to_le_bytes());
    }
    f::image("b.bin", &data, None)
}

fn remarked() -> Image {
    // Intel HEX that calls itself a binary.
    f::hex("eeprom.bin", &[(0x0800_7C00, &f::eeprom(1, 4, (2, 21)))])
}

type Case = (Id, fn() -> Plan, fn() -> Plan);

/// The finding, files that show it, files that do not.
const CASES: &[Case] = &[
    (
        Id::WRONG_BASE,
        || one("F051", f::image("b", &f::bootloader("PB4", 0x1F, 2), Some(0x0080_0000))),
        || check(good()),
    ),
    (Id::WRONG_BASE, || one("F051", app_at(Some(0x8000_1000))), || one("F051", app_at(Some(0x0800_1000)))),
    (Id::CLASH, || check(vec![bl(), app(), page(), f::image("e", &[2; 48], Some(0x0800_7C00))]), || check(good())),
    (
        Id::REPEATED,
        || check(vec![bl(), app(), page(), f::image("e", &f::eeprom(1, 4, (2, 21)), Some(0x0800_7C00))]),
        || check(good()),
    ),
    (
        Id::ERASED,
        || check(vec![bl(), app(), page(), f::image("e", &[2; 16], Some(0x0800_7F00))]),
        || check_on("stm32f051k8", vec![bl(), app(), page(), f::image("e", &[2; 16], Some(0x0800_8000))]),
    ),
    (
        Id::OUT_OF_RANGE,
        || one("F051", f::hex("a.hex", &[(0x0800_8000, &[1, 2])])),
        || one("F051", f::hex("a.hex", &[(0x0800_7FF0, &[1, 2])])),
    ),
    (Id::OUT_OF_RANGE, || one("F051", f::image("a", &[1; 16], Some(0xFFFF_FFF0))), || check(good())),
    (Id::APP_AT_BOOTLOADER, || check(vec![app_at(Some(0x0800_0000)), page()]), || check(good())),
    (
        Id::MISPLACED,
        || one("F051", f::image("b", &f::bootloader("PB4", 0x1F, 2), Some(0x0800_1000))),
        || one("F051", f::image("b", &f::bootloader("PB4", 0x1F, 2), Some(0x0800_0000))),
    ),
    (Id::MISPLACED, || one("F051", app_at(Some(0x0800_2000))), || one("F051", app_at(Some(0x0800_1000)))),
    (
        Id::BOOTLOADER_TOO_LONG,
        || {
            let mut data = f::bootloader("PB4", 0x1F, 2);
            data.resize(0x1200, 0xBF);
            one("F051", f::image("b", &data, None))
        },
        || {
            let mut data = f::bootloader("PB4", 0x1F, 2);
            data.resize(0x1200, 0xFF);
            one("F051", f::image("b", &data, None))
        },
    ),
    (Id::UNCLEAR, || check(vec![bl(), app(), page(), f::image("x", &[9; 99], None)]), || check(good())),
    (Id::UNCLEAR, || one("F051", f::image("x", &[9; 98], Some(0x0800_3000))), || check(good())),
    (Id::UNCLEAR, || one("F051", f::image("x", &[9; 0x8000], None)), || check(vec![f::image("x", &full(), None)])),
    (
        Id::CONTRADICTION,
        || one("F051", f::image("eeprom_default.bin", &f::app("X_F051", 0x7BE0), None)),
        || one("F051", f::image("AM32_X_F051_2.20.bin", &f::app("X_F051", 0x7BE0), None)),
    ),
    (Id::CONTRADICTION, || given_as(Role::Bootloader, app()), || given_as(Role::App, app())),
    (
        Id::BOOTLOADER_MISSING,
        || check(vec![app(), page()]),
        || run(None, vec![app()], Request { from_app: true, ..Request::default() }),
    ),
    (Id::BOOTLOADER_MISSING, || check_on("G031", vec![page()]), || check(good())),
    (Id::EEPROM_MISSING, || check(vec![bl(), app()]), || check(vec![f::image("x", &full(), None)])),
    (
        Id::EEPROM_MISSING,
        || check(vec![f::image("x", &full()[..0x7C00], None)]),
        || run(None, vec![bl(), app()], Request { has_state: true, ..Request::default() }),
    ),
    (Id::EEPROM_BLANK, || check(vec![bl(), app(), page_of(&[0xFF; 1024])]), || check(good())),
    (
        Id::EEPROM_BLANK,
        || {
            let mut data = full();
            data[0x7C00..].fill(0xFF);
            check(vec![f::image("x", &data, None)])
        },
        || check(vec![f::image("x", &full(), None)]),
    ),
    (Id::BOOT_BYTE_CUT_OFF, || check(vec![bl(), app(), page_of(&f::eeprom(0, 4, (2, 21)))]), || check(good())),
    (
        Id::BOOT_BYTE_OTHER,
        || check(vec![bl(), app(), f::image("eeprom.bin", &f::eeprom(0x42, 4, (2, 21)), None)]),
        || check(good()),
    ),
    (
        Id::EEPROM_ELSEWHERE,
        || check(vec![bl(), app(), f::image("e", &f::eeprom(1, 4, (2, 21)), Some(0x0800_F800))]),
        || check(vec![bl(), app(), f::image("e", &f::eeprom(1, 4, (2, 21)), Some(0x0800_7C00))]),
    ),
    (
        Id::EEPROM_ELSEWHERE,
        || one("G071", f::image("eeprom_7c00.bin", &f::eeprom(1, 4, (2, 21)), None)),
        || one("F051", f::image("eeprom_7c00.bin", &f::eeprom(1, 4, (2, 21)), None)),
    ),
    (Id::EEPROM_ELSEWHERE, || check_on("G071_64K", vec![f::image("x", &full(), None)]), || check(good())),
    (Id::APP_MISSING, || check(vec![bl(), page()]), || check(good())),
    (
        Id::LAYOUTS_DISAGREE,
        || check_on("G071_64K", vec![f::image("b", &f::bootloader("PB4", 0x2B, 2), None), g071("2.20")]),
        || check_on("G071", vec![f::image("b", &f::bootloader("PB4", 0x2B, 2), None), g071("2.20")]),
    ),
    (Id::TAG_MISMATCH, || check_on("F031", vec![app()]), || check_on("F051", vec![app()])),
    (Id::NAME_MISMATCH, || check_on("F031", vec![bl()]), || check_on("F051", vec![bl()])),
    (Id::MARKS_MISMATCH, || check_on("F051", vec![of_the_f421()]), || check_on("F051", vec![bl()])),
    (Id::STACK_BEYOND, || check_on("F031", vec![old("b", 11)]), || check_on("F051", vec![old("b", 11)])),
    (
        Id::FOREIGN_MCU,
        || check(vec![f::image("AM32_F421_BOOTLOADER_PB4_V14.bin", &f::bootloader("PB4", 0x1F, 2), None)]),
        || check(good()),
    ),
    (
        Id::FOREIGN_MCU,
        || {
            let mut data = f::bootloader("PB4", 0x35, 2);
            data[..8].copy_from_slice(&[0x6F, 0, 0x80, 0x57, 0x13, 0, 0, 0]);
            one("G071_64K", f::image("b", &data, None))
        },
        || one("G071_64K", f::image("b", &f::bootloader("PB4", 0x35, 2), None)),
    ),
    (
        Id::OPTION_BYTES,
        || one("F051", f::hex("b.hex", &[(0x0800_0000, &f::bootloader("PB4", 0x1F, 2)), (0x1FFF_F800, &[0xAA, 0x55])])),
        || one("F051", f::hex("b.hex", &[(0x0800_0000, &f::bootloader("PB4", 0x1F, 2))])),
    ),
    (Id::TAG_MISSING, || one("F051", f::image("a", &f::app("", 0x7BE0), None)), || one("F051", app())),
    (
        Id::CAN_MISMATCH,
        || check_on("F051", vec![bl(), f::hex("a.hex", &[(0x0800_4000, &f::can_app())]), page()]),
        || check(good()),
    ),
    (
        Id::CAN_MISMATCH,
        || check_on("F051", vec![f::image("b", &f::can_bootloader(), None), app(), page()]),
        || {
            check(vec![
                f::image("AM32_L431_BOOTLOADER_PA2_CAN_V17.bin", &f::can_bootloader(), None),
                f::hex("AM32_X_L431_CAN_2.20.hex", &[(0x0800_4000, &f::can_app())]),
            ])
        },
    ),
    (
        Id::PIN_MISMATCH,
        || one("F051", f::image("AM32_F051_BOOTLOADER_PA2_V14.bin", &f::bootloader("PB4", 0x1F, 2), None)),
        || one("F051", bl()),
    ),
    (Id::WIPES_SETTINGS, || one("F051", old("b", 9)), || one("F051", bl())),
    (Id::WIPES_SETTINGS, || one("F051", old("AM32_F051_BOOTLOADER_PB4_V12.bin", 12)), || one("F051", old("b", 7))),
    (Id::OLD_BOOTLOADER, || one("F051", old("PB4_v5.bin", 5)), || one("F051", bl())),
    (Id::OLD_BOOTLOADER, || one("F051", old("b", 7)), || one("F051", old("b", 8))),
    (
        Id::G071_V7,
        || check(vec![old("STM32_G071_BOOTLOADER_PB4_64K_V7.bin", 5), g071("2.19")]),
        || check(vec![old("STM32_G071_BOOTLOADER_PB4_64K_V7.bin", 5), g071("2.18")]),
    ),
    (Id::ODD_BYTES, || one("F051", f::image("e", &[1; 47], Some(0x0800_7C00))), || one("F051", page())),
    (Id::REMARK, || one("F051", remarked()), || check(good())),
    (
        Id::UPDATER,
        || one("F051", f::image("AM32_F051_BL_UPDATER_PB4_V14.bin", &f::app("X_F051", 0x7BE0), None)),
        || one("F051", app()),
    ),
    (
        Id::UPDATER,
        || one("F051", carrying("u.bin", &f::bootloader("PB4", 0x1F, 2))),
        || one("F051", carrying("u.bin", &[0xBF; 64])),
    ),
    (
        Id::UPDATER_MISMATCH,
        || one("F051", carrying("u.bin", &f::bootloader("PB4", 0x2B, 2))),
        || one("F051", carrying("u.bin", &f::bootloader("PB4", 0x1F, 2))),
    ),
    (
        Id::UPDATER_MISMATCH,
        || check(vec![bl(), carrying("u.bin", &f::bootloader("PA2", 0x1F, 2)), page()]),
        || check(vec![bl(), carrying("u.bin", &f::bootloader("PB4", 0x1F, 2)), page()]),
    ),
    (Id::EEPROM_REWRITTEN, || check(vec![bl(), app(), page_of(&f::eeprom(1, 2, (2, 5)))]), || check(good())),
    (Id::SETTINGS_NAME, || odd(&[(5, b'N'), (6, b'E'), (7, b'O')], b' '), || check(good())),
    (Id::SETTINGS_SPOILT, || odd(&[], 0xFF), || check(good())),
    (Id::SETTINGS_RAMP, || odd(&[(5, 0)], 0), || odd(&[(5, 1)], 0)),
    (Id::SETTINGS_POLES, || odd(&[(27, 0)], 0), || odd(&[(27, 2)], 0)),
    (Id::SETTINGS_CUT_OFF, || odd(&[(36, 1), (37, 255)], 0), || odd(&[(36, 1), (37, 50)], 0)),
    (Id::SETTINGS_OVERRIDDEN, || odd(&[(38, 1), (18, 0)], 0), || odd(&[(38, 1), (18, 1)], 0)),
    (Id::SETTINGS_RANGE, || odd(&[(23, 5)], 0), || odd(&[(23, 3)], 0)),
    (Id::SETTINGS_AUTO_ADVANCE, || odd(&[(47, b'1')], 0), || odd(&[(47, 1)], 0)),
    (Id::SETTINGS_CAN, || odd(&[(176, b' '), (178, b' ')], 0), || odd(&[(176, 32), (178, 0xFF)], 0)),
    (Id::SETTINGS_LAYOUT, || odd(&[(1, 5)], 0), || odd(&[(1, 4)], 0)),
    (
        Id::APP_IN_EEPROM,
        || {
            let mut data = f::app("AM32REF_F051", 0x7BE0);
            data.resize(0x7000, 0xBF);
            check(vec![bl(), f::image("a", &data, None)])
        },
        || {
            let mut data = f::app("AM32REF_F051", 0x7BE0);
            data.extend(f::eeprom(1, 4, (2, 21)));
            check(vec![bl(), f::image("a", &data, None)])
        },
    ),
    (
        Id::NO_VECTORS,
        || {
            let mut data = f::app("AM32REF_F051", 0x7BE0);
            data[..8].fill(0);
            one("F051", f::image("a", &data, None))
        },
        || one("F051", app()),
    ),
    (
        Id::NAME_VERSION,
        || one("F051", f::image("AM32_F051_BOOTLOADER_PB4_V12.bin", &f::bootloader("PB4", 0x1F, 2), None)),
        || one("F051", bl()),
    ),
    (
        Id::NAME_VERSION,
        || one("F051", old("AM32_F051_BOOTLOADER_PB4_V9.bin", 11)),
        || one("F051", old("AM32_F051_BOOTLOADER_PB4_V11.bin", 11)),
    ),
    (Id::NAME_VERSION, || one("F051", of_version("2.16", 2, 5)), || one("F051", of_version("2.16", 2, 16))),
    // That release's own images say so.
    (Id::NAME_VERSION, || one("F051", of_version("2.11", 2, 8)), || one("F051", of_version("2.12", 2, 8))),
    (
        Id::NAME_TARGET,
        || one("F051", f::image("AM32_RAZOR32_F051_2.21.bin", &f::app("SISKIN_F051", 0x7BE0), None)),
        || one("F051", f::image("AM32_SISKIN_F051_2.21.bin", &f::app("SISKIN_F051", 0x7BE0), None)),
    ),
    (
        Id::NAME_FLASH_SIZE,
        || one("G071_64K", f::image("AM32_G071_BOOTLOADER_PB4_64K_V14.bin", &f::bootloader("PB4", 0x2B, 2), None)),
        || one("G071_64K", f::image("AM32_G071_BOOTLOADER_PB4_64K_V14.bin", &f::bootloader("PB4", 0x35, 2), None)),
    ),
    (
        Id::LINKED_FOR_BASE,
        || check(vec![bl(), f::hex("mine.hex", &[(0x0800_0000, &at_base())]), page()]),
        || check(good()),
    ),
    (Id::LINKED_FOR_BASE, || check(vec![bl(), f::image("mine.bin", &at_base(), None), page()]), || check(good())),
    (
        Id::EEPROM_ELSEWHERE,
        || {
            let plan = check_on("F051", vec![f::image("x", &full_with_page(0x7C04), None)]);
            assert!(!ids(&plan).contains(&Id::EEPROM_BLANK), "told once: {:#?}", plan.findings);
            plan
        },
        || check_on("F051", vec![f::image("x", &full_with_page(0x7C00), None)]),
    ),
    (
        Id::EEPROM_ELSEWHERE,
        || check_on("F051", vec![f::image("x", &full_with_page(0x7800), None)]),
        || check_on("F051", vec![f::image("x", &full(), None)]),
    ),
    (
        Id::WIPES_SETTINGS,
        || one("G071_64K", old("STM32_G071_BOOTLOADER_PB4_64K_V7.bin", 5)),
        || one("F051", old("PB4_BOOTLOADER_V7.bin", 7)),
    ),
    (
        Id::CONTRADICTION,
        || check(vec![f::image("AM32_BOOTLOADER_F051.bin", &full(), None)]),
        || check(vec![f::image("SISKIN_F051_2.21_backup.bin", &full(), None)]),
    ),
    (
        Id::HOLE,
        || {
            let (head, tail) = (f::app("", 0x1400), vec![0xBF; 0x100]);
            one("F051", f::hex("a.hex", &[(0x0800_1000, &head), (0x0800_1430, &tail)]))
        },
        || {
            let (head, tail) = (f::app("", 0x1400), vec![0xBF; 0x100]);
            one("F051", f::hex("a.hex", &[(0x0800_1000, &head), (0x0800_1420, &tail)]))
        },
    ),
    (
        Id::OTHER_CORE,
        || one("F051", built("STANDIN_DRYFLASH_CORTEX_M4_F051_2.20.elf")),
        || one("F051", built("STANDIN_DRYFLASH_FAULTY_F051_2.20.elf")),
    ),
    (Id::BLANK_FILE, || one("F051", f::image("app.bin", &[0xFF; 64], None)), || one("F051", app())),
];

fn ids(plan: &Plan) -> Vec<Id> {
    plan.findings.iter().map(|f| f.id).collect()
}

#[test]
fn findings_show_and_do_not_show() {
    for (i, (id, shows, shows_not)) in CASES.iter().enumerate() {
        let plan = shows();
        assert!(ids(&plan).contains(id), "case {i}, {id}: {:#?}", plan.findings);
        let plan = shows_not();
        assert!(!ids(&plan).contains(id), "case {i}, not {id}: {:#?}", plan.findings);
    }
}

#[test]
fn no_id_is_unused() {
    for e in all().iter().filter(|e| e.seen == Seen::Files) {
        assert!(CASES.iter().any(|(id, _, _)| *id == e.id), "{} has no case", e.id);
    }
}

#[test]
fn findings_say_what_and_what_to_do() {
    for (_, shows, _) in CASES {
        for finding in shows().findings {
            assert!(!finding.message.is_empty() && !finding.advice.is_empty(), "{finding:?}");
            assert!(!finding.message.contains('\n') && !finding.advice.contains("  "), "{finding:?}");
            assert!(!finding.message.ends_with('.') && !finding.message.contains("  "), "{finding:?}");
        }
    }
}

#[test]
fn a_good_set_is_placed_by_role_without_a_word() {
    let plan = check(good());
    assert_eq!(plan.findings, []);
    assert!(plan.is_sound());
    assert_eq!(plan.candidates.iter().map(|p| p.nick()).collect::<Vec<_>>(), ["F051"]);
    assert!(plan.part_evidence.contains("AM32REF_F051"), "{}", plan.part_evidence);
    let seen: Vec<_> = plan.pieces.iter().map(|p| (p.role, p.evidence, p.placed_by, p.image.start())).collect();
    let by = |role, start| (role, Evidence::Marks, PlacedBy::Role, start);
    assert_eq!(seen, [by(Role::Bootloader, 0x0800_0000), by(Role::App, 0x0800_1000), by(Role::Eeprom, 0x0800_7C00)]);
    assert_eq!(plan.pieces[0].info.phrases(), ["V14 or newer", "pin PB4", "flash code 1F", "protocol 2"]);
    assert_eq!(plan.pieces[0].info.named(), ["V14"]);
    assert_eq!(plan.pieces[1].info.phrases(), ["name tag AM32REF_F051"]);
    assert_eq!(plan.pieces[1].info.named(), ["firmware 2.21"]);
    assert_eq!(check(vec![f::image("x", &full(), None)]).findings, []);
    assert_eq!(run(None, vec![app()], Request { from_app: true, ..Request::default() }).findings, []);
}

#[test]
fn several_candidates_are_planned_one_by_one() {
    let given = vec![g071("2.20"), page()];
    let plan = run(None, given, Request { from_app: true, ..Request::default() });
    let starts: Vec<_> = plan
        .candidates
        .iter()
        .map(|p| (p.nick().to_owned(), plan.for_part(p).unwrap().pieces[1].image.start()))
        .collect();
    let again = plan.for_part(&plan.candidates[1]).unwrap();
    assert_eq!((again.candidates.len(), again.part_evidence), (1, plan.part_evidence.clone()));
    assert_eq!(starts, [("G071_64K".to_owned(), 0x0800_F800), ("G071".to_owned(), 0x0801_F800)]);
}

#[test]
fn advice_names_the_command_line() {
    let advice = |plan: Plan, id| plan.findings.into_iter().find(|f| f.id == id).unwrap().advice;
    let text = advice(check(vec![bl(), app()]), Id::EEPROM_MISSING);
    let check_with_it =
        "`dryflash check AM32_F051_BOOTLOADER_PB4_V14.bin AM32_AM32REF_F051_2.21.bin --eeprom eeprom.bin`";
    let made = format!("`dryflash eeprom new --part F051 --firmware 2.21 -o eeprom.bin`, then {check_with_it}");
    assert!(text.contains(&made), "{text}");
    // Not over a page that is there.
    let text = advice(check(vec![bl(), app(), page_of(&[0xFF; 1024])]), Id::EEPROM_BLANK);
    assert!(text.contains("-o eeprom_new.bin`") && text.contains("--eeprom eeprom_new.bin`"), "{text}");
    let text = advice(one("F051", app_at(Some(0x0080_1000))), Id::WRONG_BASE);
    assert!(
        text.contains("did you mean 0x08001000? `dryflash check --part F051 AM32_AM32REF_F051_2.21.bin@0x08001000`"),
        "{text}"
    );
}

#[test]
fn a_clash_names_both_places() {
    let bytes = f::bootloader("PB4", 0x1F, 2);
    let plan = check_on(
        "F051",
        vec![f::hex("one.hex", &[(0x0800_0000, &bytes)]), f::hex("two.hex", &[(0x0800_0010, &[1, 2])])],
    );
    let clash = plan.findings.iter().find(|f| f.id == Id::CLASH).unwrap();
    assert_eq!(
        (clash.file.as_deref(), clash.place.map(|p| p.to_string()).as_deref(), clash.address),
        (Some("two.hex"), Some("line 2"), Some(0x0800_0010))
    );
    assert!(clash.message.contains("one.hex line 4"), "{}", clash.message);
}

#[test]
fn files_of_an_mcu_that_is_not_modelled_are_placed_for_it() {
    let plan = check(vec![
        f::image("AM32_L431_BOOTLOADER_PA2_CAN_V17.bin", &f::can_bootloader(), None),
        f::image("AM32_TBS_12S_L431_CAN_2.20.bin", &f::can_app(), None),
    ]);
    assert!(plan.candidates.is_empty() && plan.part_evidence.starts_with("by the name tag"), "{}", plan.part_evidence);
    assert_eq!(plan.pieces.iter().map(|p| p.image.start()).collect::<Vec<_>>(), [0x0800_0000, 0x0800_4000]);
    assert_eq!(ids(&plan), [Id::FOREIGN_MCU]);
}

#[test]
fn wrong_use() {
    assert_eq!(plan(vec![], &Request::default()).unwrap_err(), PlanError::NoFiles);
    let twice = |files: Vec<Image>| {
        plan(files.into_iter().map(|image| Given { image, role: None }).collect(), &Request::default())
    };
    let text = twice(vec![bl(), bl()]).unwrap_err().to_string();
    assert_eq!(text, "AM32_F051_BOOTLOADER_PB4_V14.bin is given twice as the bootloader; leave one out");
    let copy = f::image("copy.bin", &f::bootloader("PB4", 0x1F, 2), None);
    let text = twice(vec![bl(), copy]).unwrap_err().to_string();
    assert!(text.ends_with("are both the bootloader and hold the same bytes; leave one out"), "{text}");
    let twice = twice(vec![bl(), old("b", 9)]);
    assert!(matches!(twice, Err(PlanError::RoleTwice { role: Role::Bootloader, .. })));
    let text = twice.unwrap_err().to_string();
    assert!(text.ends_with("say what they are with --app, --eeprom, --full"), "{text}");
    let mut part = (*part::find("F051").unwrap()).clone();
    part.name = "STM32X".to_owned();
    let given = vec![Given { image: bl(), role: None }];
    let error = plan(given, &Request { part: Some(Arc::new(part)), ..Request::default() }).unwrap_err();
    assert!(error.to_string().contains("STM32F051K6"), "{error}");
}

#[test]
fn any_bytes_anywhere_are_planned() {
    let samples =
        [f::bootloader("PB4", 0x1F, 2), f::app("X_F051", 0x7BE0), f::eeprom(1, 4, (2, 21)), vec![0xFF; 3], full()];
    for data in &samples {
        let last = 0u32.wrapping_sub(data.len() as u32);
        for at in [0, 1, 0x0800_0000, 0x0800_7BFF, 0x0801_FFFF, 0x1FFF_F800, 0x8007_FFFF, last] {
            for part in ["F031", "F051", "F051K8", "G031", "G071", "G071_64K"] {
                let name = if part == "F051K8" { "stm32f051k8" } else { part };
                let other = f::image("other", &[1, 2, 3], Some(at));
                let plan = check_on(name, vec![f::image("x", data, Some(at)), other]);
                assert_eq!(plan.pieces.len(), 2);
                assert!(plan.findings.iter().any(|f| f.severity == Severity::Error));
            }
        }
    }
}

#[test]
fn an_app_linked_for_the_start_of_flash_is_told_so_whatever_its_form() {
    let hex = || f::hex("mine.hex", &[(0x0800_0000, &at_base())]);
    let bin = || f::image("mine.bin", &at_base(), None);
    let plans = [
        check(vec![bl(), hex(), page()]),
        check(vec![bl(), bin(), page()]),
        given_as(Role::App, hex()),
        given_as(Role::App, bin()),
        // Given as an app, it needs no name tag to be one.
        given_as(Role::App, f::hex("mine.hex", &[(0x0800_0000, &at_base()[..0x400])])),
    ];
    for plan in plans {
        let finding = plan.findings.iter().find(|f| f.id == Id::LINKED_FOR_BASE).expect("no finding");
        assert!(finding.message.contains("0x080000C1") && finding.message.contains("linked for 0x08000000"));
        assert!(finding.advice.contains("0x08001000: ORIGIN of FLASH in the linker script"), "{}", finding.advice);
        let others = [Id::MISPLACED, Id::CONTRADICTION, Id::CLASH, Id::BOOTLOADER_TOO_LONG, Id::APP_AT_BOOTLOADER];
        assert!(!ids(&plan).iter().any(|id| others.contains(id)), "{:#?}", plan.findings);
    }
}

#[test]
fn an_image_as_long_as_flash_is_all_of_flash() {
    let mut data = full();
    data[..0x1000].fill(0xFF);
    let plan = check(vec![f::image("dump", &data, None)]);
    assert_eq!((plan.pieces[0].role, plan.pieces[0].image.start()), (Role::Full, 0x0800_0000));
    assert_eq!(ids(&plan), [Id::BOOTLOADER_MISSING]);
    let plan = check_on("F051", vec![f::image("dump", &data, Some(0x0800_0000))]);
    assert_eq!(ids(&plan), [Id::BOOTLOADER_MISSING]);
    // An app may have that many bytes.
    let mut data = f::app("X_G071", 0xF7E0);
    data.truncate(0x8000);
    assert_eq!(check_on("G071", vec![f::image("a", &data, None)]).pieces[0].role, Role::App);
}

#[test]
fn mixed_mcus_are_told_file_by_file() {
    let app = f::image("a", &f::app("X_F421", 0x7BE0), None);
    let shape = "1110000000100111111111111111111110111111111101";
    let mut data = f::bootloader("PB4", 0x1F, 2);
    for (i, used) in shape.bytes().enumerate() {
        let entry = if used == b'1' { 0x0800_010Du32 } else { 0 };
        data[4 + 4 * i..8 + 4 * i].copy_from_slice(&entry.to_le_bytes());
    }
    let plan = check(vec![f::image("b", &data, None), app, page()]);
    let message = &plan.findings.iter().find(|f| f.id == Id::FOREIGN_MCU).unwrap().message;
    assert!(message.contains("b is for the F051 (by its vector table), a is for the F421 (by its name tag 'X_F421')"));
}

#[test]
fn the_a153_has_no_can() {
    let mut data = f::can_bootloader();
    let code = data.len() - 8;
    assert_eq!(data[code], 0x2B);
    data[code] = 0x15;
    let plan = check(vec![
        f::image("AM32_A153_BOOTLOADER_PA2_V18.bin", &data, None),
        f::image("AM32_X_A153_2.21.bin", &f::app("X_A153", 0xDFE0), None),
    ]);
    assert!(!ids(&plan).contains(&Id::CAN_MISMATCH), "{:#?}", plan.findings);
    assert!(!plan.pieces[0].info.phrases().contains(&"CAN".to_owned()));
}

#[test]
fn of_a_bootloader_and_an_app_none_is_left_out() {
    let mut data = f::bootloader("PB4", 0x1F, 2);
    data.resize(0x1200, 0xBF);
    let plan = check(vec![f::image("b", &data, None), app(), page()]);
    let clash = plan.findings.iter().find(|f| f.id == Id::CLASH).unwrap();
    assert_eq!(clash.advice, "both are needed: take another bootloader in place of b");
}

#[test]
fn a_downgrade_that_loses_tuning_is_a_warning() {
    let with = |version: &str, layout| {
        let app = f::image(&format!("AM32_AM32REF_F051_{version}.bin"), &f::app("AM32REF_F051", 0x7BE0), None);
        let plan = check(vec![bl(), app, page_of(&f::eeprom(1, layout, (2, 5)))]);
        let finding = plan.findings.iter().find(|f| f.id == Id::EEPROM_REWRITTEN);
        finding.map(|f| (f.severity, f.message.contains("bytes 5 to 16")))
    };
    assert_eq!(with("2.18", 4), Some((Severity::Warning, true)));
    assert_eq!(with("2.18", 3), Some((Severity::Warning, true)));
    assert_eq!(with("2.20", 4), Some((Severity::Note, false)), "the bytes stay");
    assert_eq!(with("2.21", 2), Some((Severity::Note, false)));
    assert_eq!(with("2.18", 2), None);
}
