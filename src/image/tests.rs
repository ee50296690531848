use super::*;

const HEX: &str = ":020000040800F2\n:0400100001020304E2\n:0400200005060708C2\n:00000001FF\n";

fn hex() -> Image {
    Image::parse("app.hex", HEX.as_bytes(), None).unwrap()
}

#[test]
fn reading_looks_only_at_what_is_there() {
    let image = hex();
    assert_eq!((image.start(), image.end(), image.len()), (0x0800_0010, 0x0800_0024, 8));
    assert_eq!(image.byte(0x0800_0013), Some(4));
    assert_eq!(image.byte(0x0800_0014), None);
    assert_eq!(image.byte(0), None);
    assert_eq!(image.word(0x0800_0020), Some(0x0807_0605));
    assert_eq!(image.word(0x0800_0021), None);
    assert_eq!(image.bytes(0x0800_0011..0x0800_0013), Some(vec![2, 3]));
    assert_eq!(image.bytes(0x0800_0011..0x0800_0015), None);
    assert_eq!(image.bytes(0..0), Some(vec![]));
    assert_eq!(image.bytes(0..u32::MAX), None);
}

#[test]
fn covering_is_all_and_touching_is_any() {
    let image = hex();
    assert!(image.covers(0x0800_0010..0x0800_0014));
    assert!(!image.covers(0x0800_0010..0x0800_0015));
    assert!(!image.covers(0x0800_0012..0x0800_0022));
    assert!(image.covers(5..5));
    assert!(image.touches(0x0800_0013..0x0800_0020));
    assert!(image.touches(0x0800_0000..0x0800_0011));
    assert!(!image.touches(0x0800_0014..0x0800_0020));
    assert!(!image.touches(0x0800_0024..0x0900_0000));
    assert!(!image.touches(0x0800_0011..0x0800_0011));
}

#[test]
fn a_slice_keeps_addresses_and_origins() {
    let part = hex().slice(0x0800_0012..0x0800_0021);
    assert_eq!((part.start(), part.end(), part.len()), (0x0800_0012, 0x0800_0021, 3));
    assert_eq!(part.origin(0x0800_0020).unwrap().to_string(), "app.hex line 3");
    assert_eq!(part.origin(0x0800_0010), None);
    assert!(hex().slice(0..0x100).is_empty());
}

#[test]
fn a_binary_is_placed_once() {
    let mut image = Image::parse("a.bin", &[0, 1, 2, 3], None).unwrap();
    assert_eq!((image.placed, image.start()), (false, 0));
    assert!(matches!(image.place(0xFFFF_FFFD), Err(ImageError::PastEnd { .. })));
    assert_eq!((image.placed, image.start()), (false, 0));
    image.place(0xFFFF_FFFC).unwrap();
    assert_eq!((image.placed, image.start(), image.end()), (true, 0xFFFF_FFFC, 1 << 32));
    assert_eq!(image.origin(0xFFFF_FFFE).unwrap().to_string(), "a.bin offset 0x2");
    assert!(matches!(image.place(0), Err(ImageError::AlreadyPlaced { .. })));
}

#[test]
fn an_address_is_for_binaries_only() {
    let image = Image::parse("a.bin", &[0, 1], Some(0x0800_1000)).unwrap();
    assert_eq!((image.placed, image.start()), (true, 0x0800_1000));
    let error = Image::parse("a.bin", &[0, 1, 2], Some(0xFFFF_FFFE)).unwrap_err();
    assert!(error.to_string().starts_with("a.bin offset 0x2: 3 bytes at 0xFFFFFFFE would pass"), "{error}");
    let error = Image::parse("app.hex", HEX.as_bytes(), Some(0x0800_1000)).unwrap_err();
    assert_eq!(error.to_string(), "app.hex: as Intel HEX it has addresses of its own; leave out @0x08001000");
}

#[test]
fn too_much_is_refused_and_the_limit_is_not() {
    assert!(Image::parse("a.bin", &vec![0; MAX_SIZE], None).is_ok());
    let error = Image::parse("a.bin", &vec![0; MAX_SIZE + 1], None).unwrap_err();
    assert_eq!(error.to_string(), "a.bin: is larger than 16 MB, so it is no image for an ESC");
}

#[test]
fn names_in_reports() {
    assert_eq!(serde_json::to_string(&Format::Hex).unwrap(), "\"hex\"");
    assert_eq!(Format::Bin.to_string(), "binary");
    assert_eq!(Position::Offset(0x12).to_string(), "offset 0x12");
}
