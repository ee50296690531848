use super::*;

/// A file with these segments: (physical address, offset in the file, length).
fn elf(loads: &[(u32, u32, u32)]) -> Vec<u8> {
    let mut bytes = b"\x7FELF\x01\x01\x01".to_vec();
    bytes.resize(16, 0);
    for half in [header::ET_EXEC, header::EM_ARM] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1u32, 0x0800_10C1, 52, 0, 0x0500_0200] {
        bytes.extend(word.to_le_bytes());
    }
    for half in [52u16, 32, loads.len() as u16, 40, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for (address, offset, length) in loads {
        for word in [PT_LOAD, *offset, 0x2000_0000, *address, *length, length + 8, 5, 4] {
            bytes.extend(word.to_le_bytes());
        }
    }
    let end = loads.iter().map(|l| l.1 + l.2).max().unwrap_or(0) as usize;
    while bytes.len() < end {
        bytes.push(bytes.len() as u8);
    }
    bytes
}

fn read(bytes: &[u8]) -> Result<Image, ImageError> {
    parse(&Arc::from("t.elf"), bytes)
}

fn bad(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn segments_go_to_their_physical_addresses() {
    let image = read(&elf(&[(0x0800_1010, 0x100, 4), (0x0800_2000, 0x110, 2), (0x0800_3000, 0x110, 0)])).unwrap();
    let found: Vec<_> = image.segments.iter().map(|s| (s.address, s.data.as_slice())).collect();
    assert_eq!(found, [(0x0800_1010, &[0, 1, 2, 3][..]), (0x0800_2000, &[0x10, 0x11][..])]);
    assert_eq!(image.entry, Some(0x0800_10C1));
    assert_eq!(image.origin(0x0800_1012).unwrap().to_string(), "t.elf offset 0x102");
    assert_eq!(image.remarks, []);
}

#[test]
fn adjacent_segments_become_one() {
    let image = read(&elf(&[(0x1004, 0x200, 4), (0x1000, 0x100, 4)])).unwrap();
    assert_eq!(image.segments.len(), 1);
    assert_eq!(image.origin(0x1003).unwrap().position, Position::Offset(0x103));
    assert_eq!(image.origin(0x1004).unwrap().position, Position::Offset(0x200));
}

#[test]
fn other_processors_are_named() {
    let with = |at: usize, value: &[u8]| {
        let mut bytes = elf(&[(0, 0x100, 4)]);
        bytes[at..at + value.len()].copy_from_slice(value);
        bad(&bytes)
    };
    assert_eq!(with(18, &[62, 0]), "t.elf: is an ELF for x86-64; dryflash needs one for 32-bit ARM, little-endian");
    assert!(with(18, &[243, 0]).contains("RISC-V"));
    assert!(with(18, &[0x34, 0x12]).contains("ELF machine 4660"));
    assert!(with(16, &[1, 0]).contains("an object file, not linked"));
    assert!(with(16, &[3, 0]).contains("not linked"));
    assert!(with(4, &[9]).contains("damaged ELF"));
    assert!(with(42, &[56]).contains("entries of 56 bytes"));
}

#[test]
fn big_endian_arm_is_named_as_such() {
    let mut bytes = elf(&[(0, 0x100, 4)]);
    bytes[5] = 2;
    bytes[18..20].copy_from_slice(&[0, 40]);
    assert!(bad(&bytes).contains("ARM (big-endian)"), "{}", bad(&bytes));
}

#[test]
fn a_cut_off_file_is_never_taken() {
    let whole = elf(&[(0x1000, 0x100, 16), (0x2000, 0x180, 16)]);
    for length in 4..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error, ImageError::ElfCut { .. }), "{length}: {error}");
    }
    assert_eq!(
        bad(&whole[..0x185]),
        "t.elf: is cut off: the segment for 0x00002000 ends at 0x190, but the file at 0x185; download or build it again"
    );
}

#[test]
fn overlaps_are_refused_even_when_equal() {
    let text = bad(&elf(&[(0x1000, 0x100, 8), (0x1004, 0x104, 8)]));
    assert!(text.contains("overlap at 0x00001004 (from offset 0x104 and offset 0x104)"), "{text}");
    assert!(bad(&elf(&[(0x1000, 0x100, 8), (0x1007, 0x200, 8)])).contains("overlap at 0x00001007"));
}

#[test]
fn nothing_to_load_and_too_much_are_refused() {
    assert!(matches!(read(&elf(&[])).unwrap_err(), ImageError::NoData { .. }));
    assert!(matches!(read(&elf(&[(0, 0x100, 0)])).unwrap_err(), ImageError::NoData { .. }));
    assert!(matches!(read(&elf(&[(0xFFFF_FFFE, 0x100, 4)])).unwrap_err(), ImageError::PastEnd { .. }));
    // Many headers over the same megabyte.
    let loads: Vec<_> = (0..20).map(|i| (i << 24, 0x1000, 1 << 20)).collect();
    assert!(matches!(read(&elf(&loads)).unwrap_err(), ImageError::TooLarge { .. }));
}

#[test]
fn headers_that_would_be_flashed_are_told() {
    let image = read(&elf(&[(0x0800_0000, 0, 0x100)])).unwrap();
    assert_eq!(image.remarks, [Remark::HeadersInside { address: 0x0800_0000 }]);
}
