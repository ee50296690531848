use super::*;
use crate::image::Position;
use proptest::prelude::*;

fn segment(address: u32, data: &[u8]) -> Segment {
    Segment::new(address, data.to_vec(), Position::Offset(0)).unwrap()
}

fn image(segments: Vec<Segment>) -> Image {
    Image { segments, ..Image::parse("a.bin", &[0], Some(0)).unwrap() }
}

#[test]
fn hex_is_what_others_write() {
    let text = hex(&[segment(0x0800_000E, &[1, 2, 3]), segment(0x1FFF_F800, &[0xAA, 0x55])]);
    let lines =
        [":020000040800F2", ":02000E000102ED", ":0100100003EC", ":020000041FFFDC", ":02F80000AA5507", ":00000001FF"];
    assert_eq!(text, lines.map(|l| l.to_owned() + "\n").concat());
}

#[test]
fn no_line_crosses_64_kb() {
    let text = hex(&[segment(0x0800_FFFF, &[1, 2])]);
    assert_eq!(text.lines().filter(|l| l.get(7..9) == Some("04")).count(), 2, "{text}");
    assert_eq!(hex(&[]), ":00000001FF\n");
}

#[test]
fn a_binary_has_its_gaps_filled() {
    let image = image(vec![segment(0x100, &[1, 2]), segment(0x104, &[3])]);
    assert_eq!(bin(&image, 0xFF).unwrap(), [1, 2, 0xFF, 0xFF, 3]);
    assert_eq!(bin(&image.slice(0x101..0x104), 0).unwrap(), [2]);
    assert!(bin(&image.slice(0..1), 0).unwrap().is_empty());
}

#[test]
fn a_binary_that_is_mostly_gap_is_refused() {
    let error = bin(&image(vec![segment(0x0800_0000, &[1]), segment(0x1FFF_F800, &[2])]), 0xFF).unwrap_err();
    assert!(error.to_string().contains("from 0x08000000 to 0x1FFFF800, too far for a raw binary"), "{error}");
}

proptest! {
    #[test]
    fn hex_comes_back_as_it_was(pieces in prop::collection::btree_map(0u32..64, prop::collection::vec(any::<u8>(), 1..300), 1..8), base in prop::sample::select(vec![0u32, 0x0800_0000, 0x0800_FE00, 0xFFFF_0000])) {
        // Slots of 512 bytes keep a gap between the pieces.
        let segments: Vec<Segment> = pieces.iter().map(|(slot, data)| segment(base + slot * 512, data)).collect();
        let back = Image::parse("back.hex", hex(&segments).as_bytes(), None).unwrap();
        let flat = |s: &[Segment]| s.iter().map(|s| (s.address, s.data.clone())).collect::<Vec<_>>();
        prop_assert_eq!(flat(&back.segments), flat(&segments));
        prop_assert!(back.remarks.is_empty());
        let raw = bin(&back, 0xFF).unwrap();
        prop_assert_eq!(raw.len() as u64, back.end() - u64::from(back.start()));
        for (i, byte) in raw.iter().enumerate() {
            prop_assert_eq!(*byte, back.byte(back.start() + i as u32).unwrap_or(0xFF));
        }
    }
}
