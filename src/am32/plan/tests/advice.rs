//! Advice leads somewhere: what it says can be done, is not what was done already, and helps.

use super::*;
use crate::am32::rules::lines::argument;
use crate::am32::{Advice, Command, Word};

fn find(plan: &Plan, id: Id) -> &Finding {
    plan.findings.iter().find(|f| f.id == id).unwrap_or_else(|| panic!("no {id}: {:#?}", plan.findings))
}

fn has(plan: &Plan, id: Id) -> bool {
    ids(plan).contains(&id)
}

fn as_role(role: Role, image: Image) -> Given {
    Given { image, role: Some(role) }
}

fn plain(image: Image) -> Given {
    Given { image, role: None }
}

fn planned(given: Vec<Given>) -> Plan {
    plan(given, &Request::default()).unwrap()
}

/// The ways to call `check` in an advice.
fn commands(advice: &Advice) -> Vec<Command> {
    let check = ["dryflash", "check"].map(Word::plain);
    advice.commands().filter(|c| c.words().starts_with(&check)).cloned().collect()
}

/// What `command` says, with the files of `before` and stand-ins for those that it wants to be added.
fn follow(command: &Command, before: &Plan) -> Result<Plan, PlanError> {
    let mut wish = Request { has_state: before.wish.has_state, ..Request::default() };
    let mut given = Vec::new();
    let mut role = None;
    let mut words = command.words().iter().skip(2);
    while let Some(word) = words.next() {
        let Word::Plain(option) = word else {
            given.push(Given { image: file_of(word, before), role: role.take() });
            continue;
        };
        match option.as_str() {
            "--part" => wish.part = Some(part::find(&words.next().unwrap().argument()).unwrap()),
            "--from-app" => wish.from_app = true,
            "--option-bytes" => wish.option_bytes = true,
            "--bootloader" => role = Some(Role::Bootloader),
            "--app" => role = Some(Role::App),
            "--eeprom" => role = Some(Role::Eeprom),
            "--full" => role = Some(Role::Full),
            other => panic!("{other} in {command}"),
        }
    }
    // The command line takes files with a role first.
    given.sort_by_key(|g| g.role.is_none());
    plan(given, &wish)
}

fn file_of(word: &Word, before: &Plan) -> Image {
    let (name, at) = match word {
        Word::File { name, at } => (name.as_str(), *at),
        Word::Plain(name) | Word::Blank(name) => (name.as_str(), None),
    };
    let known = before.given.iter().map(|g| &g.image).find(|i| *i.name == *name);
    let data = match known {
        Some(image) if image.format == Format::Bin => image.segments[0].data.clone(),
        Some(image) => return image.clone(),
        None if name.starts_with("eeprom") => f::eeprom(1, 4, (2, 21)),
        None if name.contains("BOOTLOADER") => f::bootloader("PB4", 0x1F, 2),
        None => f::app("AM32REF_F051", 0x7BE0),
    };
    Image { name: name.into(), ..f::image("x.bin", &data, at) }
}

/// The command that made this plan.
fn command_of(plan: &Plan) -> Command {
    let mut words = ["dryflash", "check"].map(Word::plain).to_vec();
    words.extend(plan.wish.part.iter().flat_map(|p| ["--part", p.nick()].map(Word::plain)));
    words.extend(plan.pieces.iter().flat_map(argument));
    Command::new(words)
}

#[test]
fn no_advice_is_what_was_done_already_or_refused() {
    for (id, shows, _) in CASES {
        let plan = shows();
        for finding in &plan.findings {
            for command in commands(&finding.advice) {
                assert_ne!(command, command_of(&plan), "{id}: {finding:#?}");
                let after = follow(&command, &plan);
                assert!(after.is_ok(), "{id}: {command}: {}", after.unwrap_err());
            }
        }
    }
}

/// A full image of which one piece is bad.
fn bad(edit: impl Fn(&mut Vec<u8>)) -> Image {
    let mut data = full();
    edit(&mut data);
    f::image("full.bin", &data, None)
}

#[test]
fn a_piece_is_flashed_after_the_full_image_that_it_mends() {
    let cut_off = || bad(|d| d[0x7C00] = 0);
    let plan = planned(vec![as_role(Role::Full, cut_off())]);
    let advice = &find(&plan, Id::BOOT_BYTE_CUT_OFF).advice;
    let [command] = &commands(advice)[..] else { panic!("{advice}") };
    let after = follow(command, &plan).unwrap();
    assert!(after.is_sound(), "{:#?}", after.findings);
    assert_eq!(after.pieces.iter().map(|p| p.role).collect::<Vec<_>>(), [Role::Full, Role::Eeprom]);
    let note = find(&after, Id::CLASH);
    assert!(note.severity == Severity::Note && note.message.contains("replaces what full.bin holds"), "{note:?}");

    for (given, image) in [
        (as_role(Role::App, app()), bad(|d| d[0x1000..0x7C00].fill(0xFF))),
        (as_role(Role::Bootloader, bl()), bad(|d| d[..0x1000].fill(0xFF))),
    ] {
        for role in [None, Some(Role::Full)] {
            let plan = planned(vec![given.clone(), Given { image: image.clone(), role }]);
            assert_eq!(plan.findings, [], "what is blank is filled");
            assert_eq!(plan.pieces[0].role, Role::Full);
        }
        // Also where nothing says which replaces which, as long as nothing is lost.
        let plan = planned(vec![plain(image.clone()), plain(given.image.clone())]);
        assert!(!has(&plan, Id::CLASH), "{:#?}", plan.findings);
        let plan = planned(vec![plain(given.image.clone()), plain(image)]);
        let clash = find(&plan, Id::CLASH);
        assert_eq!(clash.severity, Severity::Error);
        let last = commands(&clash.advice).pop().unwrap();
        assert!(follow(&last, &plan).unwrap().is_sound(), "{last}");
    }
}

#[test]
fn a_bad_page_is_replaced_not_given_twice() {
    let plan = planned(vec![as_role(Role::Eeprom, page_of(&f::eeprom(0, 4, (2, 21)))), plain(bl()), plain(app())]);
    let command = commands(&find(&plan, Id::BOOT_BYTE_CUT_OFF).advice).remove(0);
    assert_eq!(command.to_string().matches("--eeprom").count(), 1, "{command}");
    assert!(follow(&command, &plan).unwrap().is_sound());
}

#[test]
fn exchanged_files_are_told_so_once_and_exchanged() {
    let hex = || f::hex("app.hex", &[(0x0800_1000, &f::app("AM32REF_F051", 0x7BE0))]);
    for image in [app(), hex()] {
        let plan = planned(vec![as_role(Role::Bootloader, image), as_role(Role::App, bl()), plain(page())]);
        assert_eq!(ids(&plan), [Id::CONTRADICTION; 2], "{:#?}", plan.findings);
        for finding in &plan.findings {
            assert_eq!(finding.severity, Severity::Error);
            let after = follow(&commands(&finding.advice)[0], &plan).unwrap();
            assert!(after.is_sound() && after.findings.is_empty(), "{:#?}", after.findings);
        }
    }
}

#[test]
fn a_page_given_as_an_app_is_told_so_once() {
    let plan = planned(vec![as_role(Role::App, page()), as_role(Role::Eeprom, app()), plain(bl())]);
    assert_eq!(ids(&plan), [Id::CONTRADICTION; 2], "{:#?}", plan.findings);
    let after = follow(&commands(&plan.findings[0].advice)[0], &plan).unwrap();
    assert!(after.findings.is_empty(), "{:#?}", after.findings);
}

#[test]
fn an_address_is_mended_and_the_role_kept() {
    let page = f::image("e.bin", &f::eeprom(1, 4, (2, 21)), Some(0x0800_7800));
    let plan = planned(vec![as_role(Role::Full, bad(|d| d[0x7C00] = 0)), as_role(Role::Eeprom, page)]);
    let advice = &find(&plan, Id::EEPROM_ELSEWHERE).advice;
    assert!(advice.contains("--eeprom e.bin@0x08007C00"), "{advice}");
    assert!(follow(&commands(advice)[0], &plan).unwrap().is_sound(), "{advice}");
}

#[test]
fn a_role_that_the_name_alone_denies_is_not_advised_again() {
    let image = f::image("bl_test.bin", &f::app("AM32REF_F051", 0x7BE0), None);
    let plan = planned(vec![as_role(Role::App, image), plain(bl()), plain(page())]);
    let advice = &find(&plan, Id::CONTRADICTION).advice;
    assert!(commands(advice).is_empty() && advice.contains("rename it"), "{advice}");
}

#[test]
fn an_app_too_long_at_its_own_address_is_for_another_part() {
    let mut data = f::app("", 0x7BE0);
    data.resize(0x7800, 0xBF);
    let advice = &find(&one("F051", f::image("a.bin", &data, Some(0x0800_1000))), Id::OUT_OF_RANGE).advice.clone();
    assert!(commands(advice).is_empty() && advice.contains("more flash"), "{advice}");
    let advice = &find(&one("F051", f::image("a", &[1; 16], Some(0xFFFF_FFF0))), Id::OUT_OF_RANGE).advice.clone();
    assert!(commands(advice).is_empty(), "{advice}");
}

/// What AM32's own build makes when FLASH starts at the start of flash: the reset vector lies anywhere in it.
fn linked_at_base() -> Vec<u8> {
    let mut data = f::start(0x2000_2000, 0x0800_332D);
    data.resize(0x6000, 0xBF);
    data.resize(0x7BE0, 0);
    data.extend(b"AM32REF_F051");
    data.resize(0x7C00, 0);
    data
}

#[test]
fn a_name_tag_at_its_place_from_the_start_of_flash_tells_what_an_app_is_linked_for() {
    let bin = |at| f::image("mine.bin", &linked_at_base(), at);
    let hex =
        f::hex("mine.hex", &[(0x0800_0000, &linked_at_base()[..0x6000]), (0x0800_7BE0, &linked_at_base()[0x7BE0..])]);
    for image in [bin(None), bin(Some(0x0800_0000)), bin(Some(0x0800_1000)), hex] {
        for given in [plain(image.clone()), as_role(Role::App, image)] {
            let plan = planned(vec![plain(bl()), given, plain(page())]);
            let finding = find(&plan, Id::LINKED_FOR_BASE);
            assert!(finding.message.contains("0x7BE0 behind its first byte"), "{}", finding.message);
            assert!(finding.advice.contains("linked for 0x08001000"), "{}", finding.advice);
            let errors = plan.findings.iter().filter(|f| f.severity == Severity::Error).count();
            assert_eq!(errors, 1, "{:#?}", plan.findings);
            assert_eq!(plan.candidates.iter().map(|p| p.nick()).collect::<Vec<_>>(), ["F051"]);
        }
    }
    // A read-out whose bootloader is damaged has its app where it belongs.
    let plan = planned(vec![plain(bad(|d| d[..8].copy_from_slice(&f::start(0x2000_1000, 0x0800_332D))))]);
    assert!(!has(&plan, Id::LINKED_FOR_BASE), "{:#?}", plan.findings);
}

#[test]
fn a_hole_in_the_code_is_told() {
    let code: Vec<u8> = f::start(0x2000_1000, 0x0800_1115).into_iter().chain([0xBF; 0x5000]).collect();
    let tag = f::app("AM32REF_F051", 0x7BE0).split_off(0x6BE0);
    let hex = |lost: std::ops::Range<usize>| {
        let end = code.len() / 16 * 16;
        let pieces = [
            (0x0800_1000, &code[..lost.start]),
            (0x0800_1000 + lost.end as u32, &code[lost.end..end]),
            (0x0800_7BE0, &tag[..]),
        ];
        one("F051", f::hex("a.hex", &pieces))
    };
    let plan = hex(0x2000..0x2010);
    let finding = find(&plan, Id::HOLE);
    assert_eq!((finding.address, finding.severity), (Some(0x0800_3000), Severity::Note));
    assert!(finding.message.contains("16 bytes from 0x08003000 on are missing"), "{}", finding.message);
    assert!(matches!(finding.place, Some(crate::image::Position::Line(_))), "{finding:?}");
    // Behind the vector table builds leave a gap, and before the name tag.
    assert!(!has(&hex(0xC0..0xD0), Id::HOLE));
    let bin = |blank: std::ops::Range<usize>| {
        let mut data = f::app("AM32REF_F051", 0x7BE0);
        data[..0x5000].copy_from_slice(&code[..0x5000]);
        data[blank].fill(0xFF);
        one("F051", f::image("a.bin", &data, None))
    };
    assert_eq!(find(&bin(0x1C00..0x2400), Id::HOLE).address, Some(0x0800_2C00));
    assert!(!has(&bin(0x1C04..0x2000), Id::HOLE), "no whole page");
    assert!(!has(&bin(0x5000..0x6BE0), Id::HOLE), "up to the name tag");
    let read_out = |blank: std::ops::Range<usize>| {
        let image = bad(|d| {
            d[0x1000..0x6000].copy_from_slice(&code[..0x5000]);
            d[blank.clone()].fill(0xFF);
        });
        check(vec![image])
    };
    assert_eq!(find(&read_out(0x2C00..0x3000), Id::HOLE).address, Some(0x0800_2C00));
    assert!(!has(&read_out(0..0x1000), Id::HOLE), "that is the bootloader");
    assert!(!has(&read_out(0x5000..0x7BE0), Id::HOLE), "up to the name tag");
}

#[test]
fn a_read_out_that_went_on_behind_the_end_of_flash() {
    let with = |rest: &dyn Fn(usize) -> u8| {
        let mut data = full();
        data.extend((0..0x8000).map(rest));
        check_on("F051", vec![f::image("full.bin", &data, None)])
    };
    let own = full();
    for (plan, what, severity) in [
        (with(&|_| 0xFF), "FF", Severity::Warning),
        (with(&|_| 0), "00", Severity::Error),
        (with(&|n| own[n]), "repeat", Severity::Error),
    ] {
        let finding = find(&plan, Id::OUT_OF_RANGE);
        assert!(finding.severity == severity && finding.message.contains(what), "{finding:?}");
        assert!(finding.advice.contains("head -c 32768 full.bin"), "{}", finding.advice);
        assert_eq!(plan.findings.len(), 1, "{:#?}", plan.findings);
    }
    assert!(find(&with(&|n| n as u8), Id::OUT_OF_RANGE).advice.contains("more flash"));
}

#[test]
fn no_bootloader_is_advised_where_none_is_published() {
    let boot = f::image("AM32_G071_BOOTLOADER_PB4_64K_V17.bin", &f::bootloader("PB4", 0x35, 2), None);
    let app = f::image("AM32_X_G031_2.20.bin", &f::app("X_G031", 0xF7E0), None);
    let plan = check_on("G031", vec![boot, app, page()]);
    let advice = &find(&plan, Id::NAME_MISMATCH).advice;
    assert!(advice.starts_with("no bootloader is published for the G031"), "{advice}");
    assert!(follow(&commands(advice)[0], &plan).unwrap().is_sound(), "{advice}");
}

#[test]
fn what_is_at_a_wrong_place_is_not_said_to_be_in_the_way() {
    for given in [
        vec![bl(), app(), f::image("e", &f::eeprom(1, 4, (2, 21)), Some(0x0800_7800))],
        vec![bl(), app(), f::image("e", &[[1u8; 47].as_slice(), &[9; 900]].concat(), Some(0x0800_F800))],
        vec![f::image("b", &f::bootloader("PB4", 0x1F, 2), Some(0x0800_1000)), app(), page()],
    ] {
        let plan = check_on("F051", given);
        assert!(has(&plan, Id::EEPROM_ELSEWHERE) || has(&plan, Id::MISPLACED), "{:#?}", plan.findings);
        assert!(!has(&plan, Id::CLASH), "{:#?}", plan.findings);
    }
}

#[test]
fn an_updater_and_an_app_are_flashed_one_after_the_other() {
    let updater = carrying("u.bin", &f::bootloader("PB4", 0x1F, 2));
    let updater = f::hex("u.hex", &[(0x0800_1000, &updater.segments[0].data)]);
    let plan = check(vec![bl(), updater, app(), page()]);
    let advice = &find(&plan, Id::CLASH).advice;
    let [alone, then] = &commands(advice)[..] else { panic!("{advice}") };
    assert!(alone.to_string().contains("u.hex") && !then.to_string().contains("u.hex"), "{advice}");
    assert!(follow(then, &plan).unwrap().is_sound());
}

#[test]
fn an_updater_that_does_not_fit_is_not_to_be_run() {
    let plan = one("F051", carrying("u.bin", &f::bootloader("PB4", 0x2B, 2)));
    assert_eq!(find(&plan, Id::UPDATER).advice, "do not run it: see DF044");
    let plan = one("F051", carrying("u.bin", &f::bootloader("PB4", 0x1F, 2)));
    assert!(find(&plan, Id::UPDATER).advice.starts_with("flash the app again"));
}

#[test]
fn an_amj_is_compared_with_the_bootloader_in_it() {
    let amj = |key: &str, value: &str| {
        let mut image = carrying("u.bin", &f::bootloader("PB4", 0x1F, 2));
        let mut told = crate::image::Amj { mcu_type: Some("F051".into()), ..Default::default() };
        (told.pin, told.flash_size, told.kind) = (Some("PB4".into()), Some("32K".into()), Some("bl_update".into()));
        match key {
            "pin" => told.pin = Some(value.into()),
            "flashSize" => told.flash_size = Some(value.into()),
            "type" => told.kind = Some(value.into()),
            _ => (),
        }
        let made = crate::image::Remark::MadeFor { mcu_type: told.mcu_type.clone(), pin: told.pin.clone() };
        image.remarks.push(made);
        image.amj = Some(told);
        one("F051", image)
    };
    assert!(has(&amj("", ""), Id::REMARK) && !has(&amj("", ""), Id::PIN_MISMATCH));
    for (key, value, id) in [
        ("pin", "PA2", Id::PIN_MISMATCH),
        ("flashSize", "64K", Id::NAME_FLASH_SIZE),
        ("type", "app", Id::CONTRADICTION),
    ] {
        let plan = amj(key, value);
        assert!(find(&plan, id).message.contains(value), "{:#?}", plan.findings);
        assert!(!has(&plan, Id::REMARK), "{:#?}", plan.findings);
    }
}

#[test]
fn a_full_image_that_is_cut_off_is_no_bootloader() {
    let cut = |end: usize| f::image("full.bin", &full()[..end], None);
    let plan = planned(vec![as_role(Role::Full, cut(0x1004))]);
    let advice = &find(&plan, Id::CONTRADICTION).advice;
    assert!(advice.starts_with("it is cut off"), "{advice}");
    let plan = planned(vec![as_role(Role::Full, cut(0x1000))]);
    assert!(find(&plan, Id::CONTRADICTION).advice.contains("--bootloader full.bin"));
    let plan = planned(vec![as_role(Role::Full, cut(0x3000))]);
    assert!(find(&plan, Id::EEPROM_MISSING).advice.starts_with("see that full.bin is whole"));
}

#[test]
fn a_file_called_bootloader_that_is_an_app() {
    let called = || f::image("bootloader.bin", &f::app("AM32REF_F051", 0x7BE0), None);
    let plan = check(vec![called(), page()]);
    let advice = &find(&plan, Id::BOOTLOADER_MISSING).advice;
    assert!(advice.starts_with("bootloader.bin is called a bootloader, but its bytes are those of an app"), "{advice}");
    let named = f::image("eeprom_default.bin", &f::app("AM32REF_F051", 0x7BE0), None);
    let advice = &find(&check(vec![bl(), named]), Id::EEPROM_MISSING).advice.clone();
    assert!(advice.starts_with("eeprom_default.bin is called an EEPROM page"), "{advice}");
    let twice = plan_of(vec![called(), app()]).unwrap_err().to_string();
    assert!(
        twice.ends_with("bootloader.bin is called a bootloader, but it is taken as an app: is it the file you meant?")
    );
}

fn plan_of(files: Vec<Image>) -> Result<Plan, PlanError> {
    plan(files.into_iter().map(plain).collect(), &Request::default())
}

#[test]
fn small_words() {
    // A whole page of 00 is none that a configurator left.
    let plan = check(vec![bl(), app(), page_of(&[0; 1024])]);
    assert!(has(&plan, Id::BOOT_BYTE_OTHER) && !has(&plan, Id::BOOT_BYTE_CUT_OFF), "{:#?}", plan.findings);
    assert!(has(&one("F051", f::image("app.bin", &[0; 64], None)), Id::BLANK_FILE));
    let advice = find(&one("F051", remarked()), Id::REMARK).advice.clone();
    assert_eq!(advice, "rename it so that it ends in .hex before it is flashed");
    // What a page holds is no app.
    let plan = check(vec![bl(), app(), page(), f::image("x", &[9; 1024], None)]);
    assert!(find(&plan, Id::UNCLEAR).advice.contains("x@0x08007C00"));
    let plan = check(vec![bl(), app(), page(), f::image("x", &[9; 4000], None)]);
    assert!(find(&plan, Id::UNCLEAR).advice.contains("x@0x08001000"));
}
