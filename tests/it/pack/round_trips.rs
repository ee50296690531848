//! What is packed, split, dumped and written comes back; and whatever the files hold, nothing panics.

use super::{BASE, BOOTLOADER, FULL, kept, read};
use dryflash::am32::{Given, Role};
use dryflash::esc::{Options, PowerUp};
use dryflash::flash::NonVolatile;
use dryflash::image::Image;
use dryflash::layout::{self, Form, Source};
use dryflash::part;
use dryflash::report::{Render, Style};
use dryflash::time::Time;
use proptest::prelude::*;
use std::sync::OnceLock;

/// Only what is packed counts here, not whether it starts.
fn briefly() -> Options {
    Options {
        part: Some(part::find("F051").unwrap()),
        power_ups: vec![PowerUp::decisive()],
        limit: Time::from_millis(1),
        app_limit: Time::ZERO,
        ..Options::default()
    }
}

fn full() -> &'static [u8] {
    static FULL_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    FULL_BYTES.get_or_init(|| read(FULL))
}

/// All of flash, with stretches of it overwritten.
fn flash() -> impl Strategy<Value = Vec<u8>> {
    let stretch = (0x1100..0x8000usize, prop_oneof![Just(0xFFu8), any::<u8>()], 1..0x900usize);
    proptest::collection::vec(stretch, 0..6).prop_map(|stretches| {
        let mut bytes = full().to_vec();
        for (at, value, length) in stretches {
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(value);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_split_packs_to_the_same(bytes in flash(), hex: bool) {
        let source = Source::of_image(Image::parse("x.bin", &bytes, Some(BASE)).unwrap());
        let split = layout::split(&source, Some(&part::find("F051").unwrap())).unwrap();
        let form = if hex { Form::Hex } else { Form::Bin };
        let given = split.files.iter().map(|file| {
            let at = (form == Form::Bin).then_some(file.address);
            let image = Image::parse(&format!("{}.{}", file.stem, form.extension()), &file.file(form), at).unwrap();
            Given { image, role: Some(file.role) }
        });
        let packed = layout::pack(given.collect(), &briefly(), true, "full.bin", Form::Bin).unwrap().result.unwrap();
        prop_assert!(packed.file(Form::Bin) == bytes);
        let again = Image::parse("x.hex", &packed.file(Form::Hex), None).unwrap();
        prop_assert!(bytes.iter().zip(BASE..).all(|(b, at)| again.byte(at).unwrap_or(0xFF) == *b));
    }

    #[test]
    fn what_is_packed_splits_to_the_same(
        code in proptest::collection::vec(any::<u8>(), 1..0x6000usize),
        settings in proptest::collection::vec(any::<u8>(), 0x400),
    ) {
        let mut app = full()[0x1000..0x1600].to_vec();
        app.extend(&code);
        let files = [(Role::Bootloader, read(BOOTLOADER)), (Role::App, app), (Role::Eeprom, settings)];
        let given = files.iter().map(|(role, bytes)| {
            Given { image: Image::parse("x.bin", bytes, None).unwrap(), role: Some(*role) }
        });
        let packed = layout::pack(given.collect(), &briefly(), true, "full.bin", Form::Bin).unwrap().result.unwrap();
        let image = Image::parse("x.bin", &packed.bytes, Some(packed.base)).unwrap();
        let split = layout::split(&Source::of_image(image), Some(&part::find("F051").unwrap())).unwrap();
        let whole = |role: Role, bytes: &[u8]| match role {
            Role::Eeprom => bytes.to_vec(),
            // Trailing FF cannot be told from what is blank.
            _ => bytes[..bytes.iter().rposition(|b| *b != 0xFF).map_or(0, |at| at + 1)].to_vec(),
        };
        for ((role, bytes), file) in files.iter().zip(&split.files) {
            prop_assert!(file.role == *role && file.bytes == whole(*role, bytes), "{}", role);
        }
    }

    #[test]
    fn a_dump_is_what_flash_holds(
        part in proptest::sample::select(vec!["F051", "G031", "G071"]),
        bytes in proptest::collection::vec(any::<u8>(), 1..0x400usize),
        at in 0..0x7000u32,
        from in 0..0x7FF0u32,
        length in 1..0x1000u32,
    ) {
        let kept = kept(part, |f| f.cells(BASE + at, &bytes).unwrap());
        let NonVolatile { bytes: held, .. } = &kept.non_volatile;
        prop_assert!(layout::dump(&kept, None).unwrap().bytes == *held);
        let length = length.min(held.len() as u32 - from);
        let some = layout::dump(&kept, Some((BASE + from, length))).unwrap();
        prop_assert!(some.bytes == held[from as usize..(from + length) as usize]);
        let image = Image::parse("x.hex", &Form::Hex.file(some.address, &some.bytes), None).unwrap();
        prop_assert!(image.start() == BASE + from && image.segments[0].data == some.bytes);
    }

    #[test]
    fn whatever_stands_wherever_is_taken_apart_and_compared_or_refused(
        blocks in proptest::collection::vec((place(), proptest::collection::vec(any::<u8>(), 1..80)), 1..4),
        other in proptest::collection::vec(any::<u8>(), 1..80),
        at in proptest::option::of(place()),
        named: bool,
    ) {
        let f051 = named.then(|| part::find("F051").unwrap());
        let segments = blocks.iter().filter_map(|(at, bytes)| {
            dryflash::image::Segment::new(*at, bytes.clone(), dryflash::image::Position::Offset(0))
        });
        let text = dryflash::image::write::hex(&segments.collect::<Vec<_>>());
        let (Ok(a), Ok(b)) = (Image::parse("a.hex", text.as_bytes(), None), Image::parse("b.bin", &other, at)) else {
            return Ok(());
        };
        let (a, b) = (Source::of_image(a), Source::of_image(b));
        for source in [&a, &b] {
            if let Ok(split) = layout::split(source, f051.as_ref()) {
                for file in &split.files {
                    prop_assert!(!file.file(Form::Hex).is_empty() && file.file(Form::Bin) == file.bytes);
                }
            }
            prop_assert!(layout::diff(source, source, f051.as_ref()).unwrap().is_equal());
        }
        if let Ok(diff) = layout::diff(&a, &b, f051.as_ref()) {
            prop_assert!(diff.text(Style::default()).ends_with('\n') && diff.json().is_ok());
        }
    }
}

/// Addresses where something begins or ends, and any other.
fn place() -> impl Strategy<Value = u32> {
    let edges = [0u32, BASE - 4, BASE, 0x0800_0FF0, 0x0800_7BF0, 0x0800_7FF0, 0x1FFF_F7F8, 0xFFFF_FFE0, u32::MAX];
    prop_oneof![proptest::sample::select(edges.to_vec()), any::<u32>()]
}
