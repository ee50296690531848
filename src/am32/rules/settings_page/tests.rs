use super::*;

/// Published pages, from byte 0, as the tools ship them: of Offline-Configurator, of AM32's web configurator, ARK's skeleton.
const OFFLINE: &str = "01 04 01 01 23 A0 04 00 0A 64 00 32 02 00 35 31 20 00 00 00 01 01 01 1A 18 64 37 0E 00 00 05 00 80 80 80 32 00 32 \
                       00 00 0F 0A 0A 8D 66 06 00 00";
const WEB: &str = "01 02 01 01 23 4E 45 4F 45 53 43 20 66 30 35 31 20 00 00 00 01 01 01 02 18 64 37 0E 00 00 05 00 80 80 80 32 00 32 00 \
                   00 0F 0A 0A 8D 66 06 00 00";

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
}

fn page(layout: u8) -> Vec<u8> {
    default_page(layout, Firmware { major: 2, minor: 20 })
}

fn with(edits: &[(usize, u8)]) -> Vec<u8> {
    let mut page = page(4);
    edits.iter().for_each(|(at, byte)| page[*at] = *byte);
    page
}

fn judged(page: &[u8], firmware: Option<(u8, u8)>) -> Vec<Finding> {
    let settings = Settings::read(page).unwrap();
    let firmware = firmware.map(|(major, minor)| Firmware { major, minor });
    let layout = crate::am32::layout::LAYOUTS.iter().find(|l| l.name == "F051");
    Page { settings: &settings, firmware, file: Some("page.bin"), layout }.findings()
}

fn told(page: &[u8]) -> Vec<(Id, Severity)> {
    judged(page, None).iter().map(|f| (f.id, f.severity)).collect()
}

use Severity::{Error, Note, Warning};

#[test]
fn published_and_fresh_pages_are_sound() {
    for hex in [OFFLINE, WEB] {
        for length in [48, 184, 192, 1024] {
            let mut page = bytes(hex);
            page.resize(length, 0xFF);
            assert_eq!(told(&page), [], "{hex}");
        }
    }
    for layout in 0..=NEWEST {
        assert_eq!(told(&page(layout)), [], "layout {layout}");
    }
    let mut ark = page(3);
    ark[13..17].copy_from_slice(b"051 ");
    assert_eq!(told(&ark), [], "no name reaches over bytes 5 to 12");
}

#[test]
fn each_mistake_of_a_page_has_its_finding() {
    let name = |text: &[u8; 12], layout| {
        let mut page = page(layout);
        page[5..17].copy_from_slice(text);
        page
    };
    let blank = |range: std::ops::Range<usize>| {
        let mut page = page(4);
        page[range].fill(0xFF);
        page
    };
    for (what, page, is) in [
        ("a name over settings", name(b"NEOESC f051 ", 3), vec![(Id::SETTINGS_NAME, Error)]),
        ("spaces over settings", name(b"            ", 4), vec![(Id::SETTINGS_NAME, Error)]),
        ("a short name over settings", name(b"Left\0\0\0\0\0\0\0\0", 4), vec![(Id::SETTINGS_NAME, Error)]),
        ("a name where it belongs", name(b"NEOESC f051 ", 2), vec![]),
        ("a bold ramp and duty", with(&[(5, b'Z'), (6, b'0')]), vec![]),
        ("bytes 5 to 16 never written", blank(5..17), vec![(Id::SETTINGS_SPOILT, Error)]),
        ("bytes 13 to 16 never written", blank(14..17), vec![]),
        ("P alone at its most", with(&[(9, 255)]), vec![]),
        ("made of FF by an app", blank(5..192), vec![(Id::SETTINGS_SPOILT, Error)]),
        ("nothing but a boot byte", blank(1..192), vec![(Id::SETTINGS_SPOILT, Error)]),
        ("a blank page", blank(0..192), vec![]),
        ("a page of 00", vec![0; 192], vec![]),
        ("no ramp", with(&[(5, 0)]), vec![(Id::SETTINGS_RAMP, Error)]),
        ("the slowest ramp", with(&[(5, 1)]), vec![]),
        ("no poles", with(&[(27, 0)]), vec![(Id::SETTINGS_POLES, Warning)]),
        ("34 poles", with(&[(27, 34)]), vec![(Id::SETTINGS_POLES, Warning)]),
        ("7 poles", with(&[(27, 7)]), vec![(Id::SETTINGS_POLES, Note)]),
        ("32 poles", with(&[(27, 32)]), vec![]),
        ("a cell of 5.05 V", with(&[(36, 1), (37, 255)]), vec![(Id::SETTINGS_CUT_OFF, Error)]),
        ("a battery of 127.5 V", with(&[(36, 2), (8, 255)]), vec![(Id::SETTINGS_CUT_OFF, Error)]),
        ("a cell of 3.5 V", with(&[(36, 1), (37, 100)]), vec![]),
        ("5.05 V and no cut-off", with(&[(37, 255)]), vec![(Id::SETTINGS_RANGE, Note)]),
        ("a car with bi_direction off", with(&[(38, 1)]), vec![(Id::SETTINGS_OVERRIDDEN, Note)]),
        ("a car with bi_direction on", with(&[(38, 1), (18, 1)]), vec![]),
        ("sine start without comp_pwm", with(&[(19, 1), (20, 0)]), vec![(Id::SETTINGS_OVERRIDDEN, Note)]),
        ("sine start", with(&[(19, 1)]), vec![]),
        ("the character 1", with(&[(47, 0x31)]), vec![(Id::SETTINGS_AUTO_ADVANCE, Note)]),
        ("auto advance", with(&[(47, 1)]), vec![]),
        ("no limit of temperature", with(&[(43, 200)]), vec![]),
        ("a volume of 40", with(&[(30, 40)]), vec![(Id::SETTINGS_RANGE, Note)]),
        ("a layout of the future", with(&[(1, 7)]), vec![(Id::SETTINGS_LAYOUT, Note)]),
    ] {
        assert_eq!(told(&page), is, "{what}");
    }
    let mut can = page(4);
    can[176..184].fill(b' ');
    assert_eq!(told(&can), [(Id::SETTINGS_CAN, Note)]);
    can[46] = 5;
    assert_eq!(told(&can), [(Id::SETTINGS_CAN, Warning)], "DroneCAN is the input");
    can[176..184].copy_from_slice(&[12, 1, 1, 50, 1, 0, 0, 0]);
    assert_eq!(told(&can), []);
}

#[test]
fn what_the_firmware_makes_of_it_counts() {
    let ramp = with(&[(5, 0)]);
    assert_eq!(judged(&ramp, Some((2, 18))), [], "it writes its name there");
    assert_eq!(judged(&ramp, Some((2, 19)))[0].id, Id::SETTINGS_RAMP);
    let poles = with(&[(27, 40)]);
    assert_eq!(judged(&poles, Some((3, 0))), [], "ARK32 takes up to 128");
    assert_eq!(judged(&poles, Some((2, 21)))[0].id, Id::SETTINGS_POLES);
}

#[test]
fn what_ff_means_depends_on_the_firmware() {
    let page = [&[1][..], &[0xFF; 191]].concat();
    let said = |firmware| judged(&page, Some(firmware))[0].message.clone();
    assert!(!said((2, 16)).contains("counts as on") && !said((2, 16)).contains("P, I and D"), "{}", said((2, 16)));
    assert!(said((2, 18)).contains("rc_car_reverse counts as on") && !said((2, 18)).contains("P, I and D"));
    assert!(said((2, 20)).contains("P, I and D"));
}

#[test]
fn a_page_alone_is_not_said_to_be_anywhere() {
    let settings = Settings::read(&[0xFF; 1024]).unwrap();
    let page = Page { settings: &settings, firmware: None, file: Some("page.bin"), layout: None };
    let told = page.alone();
    assert_eq!(told.iter().map(|f| f.id).collect::<Vec<_>>(), [Id::EEPROM_BLANK]);
    assert_eq!(told[0].advice, "make one and write it: `dryflash eeprom new --part <PART> -o eeprom.bin`");
}

/// What an advice names can be done, and helps: the command's settings, put into the page, leave nothing to say.
#[test]
fn advice_mends_the_page() {
    let mut name = page(3);
    name[5..17].copy_from_slice(b"NEOESC f051 ");
    let mut spoilt = page(4);
    spoilt[5..17].fill(0xFF);
    let mut can = page(4);
    can[176..184].fill(b' ');
    let odd = with(&[(27, 0), (36, 1), (37, 255), (47, 0x31), (30, 40), (23, 5)]);
    for mut page in [name, spoilt, can, odd, with(&[(5, 0)])] {
        for finding in judged(&page, None) {
            let command = finding.advice.commands().next().unwrap_or_else(|| panic!("{finding}")).arguments();
            assert_eq!(
                (&command[..4], &command[command.len() - 2..]),
                (
                    &["dryflash", "eeprom", "set", "page.bin"].map(String::from)[..],
                    &["-o", "fixed.bin"].map(String::from)[..]
                )
            );
            for word in &command[4..command.len() - 2] {
                let (field, value) = word.split_once('=').unwrap();
                crate::am32::settings::set(&mut page, Field::named(field).unwrap(), value).unwrap();
            }
        }
        assert_eq!(told(&page), []);
    }
    // What is sound is not set.
    let finding = &judged(&with(&[(9, 255), (10, 255), (11, 255), (5, 0x50)]), None)[0];
    assert_eq!(
        finding.advice,
        "set them: `dryflash eeprom set page.bin current_p=100 current_i=0 current_d=50 -o fixed.bin`"
    );
    let new = judged(&[&[1][..], &[0xFF; 191]].concat(), Some((2, 20)));
    assert_eq!(new[0].advice, "make one and write it: `dryflash eeprom new --part F051 --firmware 2.20 -o eeprom.bin`");
}
