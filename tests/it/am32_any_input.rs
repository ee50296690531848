//! Whatever the files hold and wherever they say that they go, they are planned, and findings are told.

use dryflash::am32::{Given, Request, Role, explain, plan};
use dryflash::image::Image;
use dryflash::part;
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
