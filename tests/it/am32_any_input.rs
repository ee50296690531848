//! Whatever the files hold and wherever they say that they go, they are planned, and findings are told.

use dryflash::am32::settings::{Field, Settings};
use dryflash::am32::{Given, Request, Role, explain, plan};
use dryflash::image::Image;
use dryflash::layout::edit::{self, Setting};
use dryflash::layout::{Source, page};
use dryflash::part;
use dryflash::report::eeprom::{Page, Place};
use dryflash::report::{Detail, Render, Style};
use proptest::prelude::*;

fn role() -> impl Strategy<Value = Option<Role>> {
    prop_oneof![
        Just(None),
        Just(Some(Role::Bootloader)),
        Just(Some(Role::App)),
        Just(Some(Role::Eeprom)),
        Just(Some(Role::Full)),
        Just(Some(Role::Unknown)),
    ]
}

/// Addresses where something begins or ends, and any other.
fn address() -> impl Strategy<Value = Option<u32>> {
    let edges = [
        0u32,
        0x0080_0000,
        0x0800_0000,
        0x0800_0FE0,
        0x0800_1000,
        0x0800_7C00,
        0x0801_F800,
        0x1FFF_F800,
        0x8000_0000,
        0xFFFF_FF00,
    ];
    prop_oneof![Just(None), proptest::sample::select(edges.to_vec()).prop_map(Some), any::<u32>().prop_map(Some)]
}

/// Words that mean something in images, among any others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words =
        [0x2000_1000u32, 0x0800_0221, 0x0800_1115, 0x5925_E3DA, 0x4EB8_63D9, 0x1431_3734, 0x0206_061F, u32::MAX, 1];
    let word = prop_oneof![proptest::sample::select(words.to_vec()), any::<u32>()];
    (proptest::collection::vec(word, 1..40), 1..120usize).prop_map(|(words, times)| {
        words.iter().cycle().take(words.len() * times).flat_map(|w| w.to_le_bytes()).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_planned(
        files in proptest::collection::vec(("[A-Z0-9_.]{0,24}", bytes(), address(), role()), 1..4),
        named in 0..7usize,
        from_app: bool,
        has_state: bool,
    ) {
        let mut given = Vec::new();
        for (name, bytes, at, role) in &files {
            // What is no binary by its bytes or name is the image room's business.
            let Ok(image) = Image::parse(name, bytes, *at) else { return Ok(()) };
            given.push(Given { image, role: *role });
        }
        let part = part::all().get(named).cloned();
        let Ok(plan) = plan(given, &Request { part, from_app, has_state, ..Request::default() }) else { return Ok(()) };
        for candidate in &plan.candidates {
            let plan = plan.for_part(candidate).unwrap();
            for finding in &plan.findings {
                prop_assert!(explain(&finding.id.to_string()).is_some());
                prop_assert!(finding.severity >= explain("DF031").unwrap().severity);
                prop_assert!(!finding.message.is_empty() && !finding.advice.is_empty());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a page holds, it is shown, judged and changed, and the file around it keeps all else.
    #[test]
    fn is_a_settings_page_or_none(
        bytes in bytes(),
        length in prop_oneof![Just(48usize), Just(192), Just(1024), 0..400usize],
        placed in address(),
        at in address(),
        named in 0..7usize,
        field in 0..Field::all().len(),
        value: u8,
    ) {
        let raw: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
        let Ok(image) = Image::parse("page.bin", &raw, placed) else { return Ok(()) };
        let (source, part) = (Source::of_image(image), part::all().get(named));
        let Ok(page) = page::find(&source, part, at) else { return Ok(()) };
        let settings = Settings::read(&page.bytes).unwrap();
        let shown = Page {
            place: Place { file: page.file.to_string(), part: None, address: page.address },
            settings: settings.clone(),
            findings: edit::findings(Some(&page.file), &settings, page.address, page.layout),
            rounded: Vec::new(),
            written: None,
        };
        for detail in [Detail::Quiet, Detail::Usual, Detail::Verbose] {
            let text = shown.text(Style { width: 40, detail, ..Style::default() });
            prop_assert!(text.lines().all(|l| l.chars().count() <= 40), "{}", text);
        }
        prop_assert!(shown.json().is_ok());
        let field = &Field::all()[field];
        let setting = Setting { field, value: format!("0x{value:02X}") };
        let Ok((new, _)) = edit::edited(&page, &[setting], true) else { return Ok(()) };
        let out = edit::file_with(&raw, &source, &page, &new).unwrap();
        let differ: Vec<usize> = (0..raw.len()).filter(|n| raw[*n] != out[*n]).collect();
        prop_assert!(out.len() == raw.len() && differ.len() <= field.size, "{:?}", differ);
    }
}

#[test]
fn files_at_the_end_of_the_address_space_are_planned() {
    for part in part::all() {
        for role in [None, Some(Role::App), Some(Role::Bootloader), Some(Role::Eeprom), Some(Role::Full)] {
            for at in [0xFFFF_FF00, 0xFFFF_FFF0] {
                let image = Image::parse("x", &[1; 16], Some(at)).unwrap();
                let wish = Request { part: Some(part.clone()), ..Request::default() };
                let plan = plan(vec![Given { image, role }], &wish).unwrap();
                assert!(!plan.findings.is_empty(), "{at:08X}");
            }
        }
    }
}
