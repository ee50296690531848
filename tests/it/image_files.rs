//! Image files as people have them: on disk, renamed, damaged, cut off, or not images at all.

use dryflash::image::{Format, Image, ImageError, Remark, split_address, write};
use proptest::prelude::*;
use std::path::PathBuf;
use tempfile::TempDir;

const HEX: &str = ":020000040800F2\n:0400100001020304E2\n:0400200005060708C2\n:00000001FF\n";
/// `HEX` in base64.
const AMJ: &str = r#"{"mcuType":"F051","pin":"PB4","hex":"OjAyMDAwMDA0MDgwMEYyCjowNDAwMTAwMDAxMDIwMzA0RTIKOjA0MDAyMDAwMDUwNjA3MDhDMgo6MDAwMDAwMDFGRgo="}"#;

/// A linked ARM file: four bytes for 0x0800_1000.
fn elf() -> Vec<u8> {
    let mut bytes = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0\x01\0\0\0".to_vec();
    for word in [0x0800_1001u32, 52, 0, 0x0500_0200, 0x0020_0034, 0x0028_0001, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for word in [1u32, 84, 0x0800_1000, 0x0800_1000, 4, 4, 5, 4] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([9, 8, 7, 6]);
    bytes
}

fn file(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn each_format_is_read_from_disk() {
    let dir = TempDir::new().unwrap();
    let load = |name: &str, bytes: &[u8]| Image::load(&file(&dir, name, bytes), None).unwrap();
    let hex = load("app.hex", HEX.as_bytes());
    assert_eq!((hex.format, hex.word(0x0800_0010)), (Format::Hex, Some(0x0403_0201)));
    assert!(hex.origin(0x0800_0010).unwrap().to_string().ends_with("app.hex line 2"));
    let amj = load("up.amj", AMJ.as_bytes());
    assert_eq!((amj.format, amj.word(0x0800_0020)), (Format::Amj, Some(0x0807_0605)));
    let elf = load("fw.elf", &elf());
    assert_eq!((elf.format, elf.word(0x0800_1000), elf.entry), (Format::Elf, Some(0x0607_0809), Some(0x0800_1001)));
    let bin = load("eeprom.bin", &[1, 2, 1, 2]);
    assert_eq!((bin.format, bin.placed, bin.word(0)), (Format::Bin, false, Some(0x0201_0201)));
}

#[test]
fn a_hex_called_bin_is_read_with_a_remark() {
    let dir = TempDir::new().unwrap();
    let image = Image::load(&file(&dir, "app.bin", HEX.as_bytes()), None).unwrap();
    assert_eq!(image.format, Format::Hex);
    assert_eq!(image.remarks, [Remark::Misnamed { extension: "bin".into(), format: Format::Hex }]);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(Image::load(dir.path(), None), Err(ImageError::Directory { .. })));
    assert!(matches!(Image::load(&dir.path().join("none.hex"), None), Err(ImageError::NotFound { .. })));
    // A file of nothing but zeroes, larger than any image, that takes no room on the disk.
    let large = std::fs::File::create(dir.path().join("large.bin")).unwrap();
    large.set_len(17 << 20).unwrap();
    assert!(matches!(Image::load(&dir.path().join("large.bin"), None), Err(ImageError::TooLarge { .. })));
}

#[test]
fn an_argument_is_split_and_loaded() {
    let dir = TempDir::new().unwrap();
    let path = file(&dir, "app.bin", &[0, 0x20, 0, 0x20]);
    let arg = format!("{}@0x0800_1000", path.display());
    let (name, at) = split_address(&arg).unwrap();
    let image = Image::load(name.as_ref(), at).unwrap();
    assert_eq!((image.placed, image.start()), (true, 0x0800_1000));
}

/// What holds for every image, however odd the file was.
fn sound(image: &Image) -> Result<(), TestCaseError> {
    prop_assert!(!image.is_empty());
    prop_assert!(image.segments.windows(2).all(|pair| pair[0].end() < u64::from(pair[1].address)));
    prop_assert!(image.end() <= 1 << 32);
    for segment in &image.segments {
        prop_assert!(image.origin(segment.address).is_some());
        prop_assert!(image.origin((segment.end() - 1) as u32).is_some());
    }
    let back = Image::parse("back.hex", write::hex(&image.segments).as_bytes(), None);
    let flat = |i: &Image| i.segments.iter().map(|s| (s.address, s.data.clone())).collect::<Vec<_>>();
    prop_assert_eq!(back.as_ref().ok().map(flat), Some(flat(image)));
    let _ = write::bin(image, 0xFF);
    Ok(())
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a.bin", "a.hex", "a.elf", "a.amj", "a"])
}

/// A good file with some bytes changed, put in or taken away.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let seeds = vec![HEX.as_bytes().to_vec(), AMJ.as_bytes().to_vec(), elf()];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>()), 0..6);
    (prop::sample::select(seeds), changes).prop_map(|(mut bytes, changes)| {
        for (at, how, value) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match how {
                0 if !bytes.is_empty() => bytes[at] = value,
                1 => bytes.insert(at, value),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                // Digits and line ends reach further into the parsers than random bytes do.
                _ if !bytes.is_empty() => bytes[at] = b"0123456789ABCDEF:\n"[usize::from(value) % 18],
                _ => {}
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_make_it_panic(name in names(), start in prop::sample::select(vec![&b""[..], b":", b"\x7FELF\x01\x01\x01", b"{", b"\xEF\xBB\xBF:"]), rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [start, &rest].concat();
        if let Ok(image) = Image::parse(name, &bytes, None) {
            sound(&image)?;
        }
    }

    #[test]
    fn no_damaged_file_makes_it_panic(name in names(), bytes in mutated()) {
        match Image::parse(name, &bytes, None) {
            Ok(image) => sound(&image)?,
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn no_argument_makes_splitting_panic(arg in "\\PC*@?(0x)?[0-9a-f_]{0,12}") {
        if let Ok((file, _)) = split_address(&arg) {
            prop_assert!(arg.starts_with(file));
        }
    }
}
