use super::*;
use proptest::prelude::*;

const END: &str = ":00000001FF\n";

fn record(record: Record) -> String {
    record.to_record_string().unwrap() + "\n"
}

fn data(offset: u16, value: &[u8]) -> String {
    record(Record::Data { offset, value: value.to_vec() })
}

fn linear(upper: u16) -> String {
    record(Record::ExtendedLinearAddress(upper))
}

fn read(text: &str) -> Result<Image, ImageError> {
    parse(&Arc::from("t.hex"), text.as_bytes(), Position::Line)
}

fn good(text: &str) -> Image {
    read(text).unwrap()
}

/// The error's text, which is for users.
fn bad(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn flat(image: &Image) -> Vec<(u32, Vec<u8>)> {
    image.segments.iter().map(|s| (s.address, s.data.clone())).collect()
}

#[test]
fn linear_bases_and_entry() {
    let image = good(&format!("{}{}:040000050800012DC1\n{END}", linear(0x0800), data(0x10, &[1, 2])));
    assert_eq!(flat(&image), [(0x0800_0010, vec![1, 2])]);
    assert_eq!((image.entry, image.placed), (Some(0x0800_012D), true));
    assert_eq!(image.remarks, []);
}

#[test]
fn a_linear_record_goes_on_over_64_kb() {
    let image = good(&(linear(1) + &data(0xFFFF, &[1, 2]) + END));
    assert_eq!(flat(&image), [(0x1_FFFF, vec![1, 2])]);
    let without_base = good(&(data(0xFFFF, &[1, 2]) + END));
    assert_eq!(flat(&without_base), [(0xFFFF, vec![1, 2])]);
}

#[test]
fn a_segment_record_wraps_in_its_64_kb() {
    let image = good(&(record(Record::ExtendedSegmentAddress(0x1000)) + &data(0xFFFF, &[1, 2]) + END));
    assert_eq!(flat(&image), [(0x1_0000, vec![2]), (0x1_FFFF, vec![1])]);
    let start = record(Record::StartSegmentAddress { cs: 0x1000, ip: 0x21 });
    assert_eq!(good(&(start + &data(0, &[0]) + END)).entry, Some(0x1_0021));
}

#[test]
fn nothing_lies_past_the_last_address() {
    let image = good(&(linear(0xFFFF) + &data(0xFFFE, &[1, 2]) + END));
    assert_eq!(image.end(), 1 << 32);
    let text = bad(&(linear(0xFFFF) + &data(0xFFFE, &[1, 2, 3]) + END));
    assert_eq!(text, "t.hex line 2: 3 bytes at 0xFFFFFFFE would pass the end of the address space (0xFFFFFFFF)");
}

#[test]
fn line_ends_case_blank_lines_and_a_mark_do_not_matter() {
    let plain = linear(0x0800) + &data(0, &[0xAB, 0xCD]) + END;
    let image = good(&format!("\u{FEFF}\n\n{}\n", plain.to_lowercase()));
    assert_eq!(flat(&image), flat(&good(&plain)));
    assert_eq!(image.remarks, [Remark::ByteOrderMark]);
    assert_eq!(image.origin(0x0800_0000).unwrap().to_string(), "t.hex line 4");
    for ends in ["\r\n", "\r", "\n\n"] {
        let image = good(&plain.replace('\n', ends));
        assert_eq!(flat(&image), flat(&good(&plain)));
        let line = if ends == "\n\n" { 3 } else { 2 };
        assert_eq!(image.origin(0x0800_0001).unwrap().position, Position::Line(line));
    }
    assert_eq!(flat(&good(plain.trim_end())), flat(&good(&plain)));
}

#[test]
fn white_space_is_told() {
    let image = good(&format!("{} {}", data(0, &[1]).replace('\n', " \t\n"), END));
    let (first, lines) = (Position::Line(1), 2);
    assert_eq!(image.remarks, [Remark::Whitespace { first, lines }]);
}

#[test]
fn a_wrong_checksum_names_found_and_expected() {
    assert_eq!(
        bad(&format!("{}:0400100001020304E3\n{END}", linear(0x0800))),
        "t.hex line 2: has the checksum E3, but its bytes give E2; the file is damaged, so download or build it again"
    );
}

#[test]
fn flaws_of_a_line() {
    let flaw = |line: &str| match read(&format!("{line}\n{END}")).unwrap_err() {
        ImageError::Line { at, flaw } => {
            assert_eq!(at.position, Position::Line(1));
            flaw
        }
        other => panic!("{other}"),
    };
    assert_eq!(flaw("hello"), Flaw::NoColon);
    assert_eq!(flaw(":04001O0001020304E2"), Flaw::NotADigit { column: 7, found: b'O' });
    assert_eq!(flaw(":0400100001020304E2:00000001FF"), Flaw::NotADigit { column: 20, found: b':' });
    assert_eq!(flaw(":0400100001020304"), Flaw::TooShort { found: 16, expected: 18 });
    assert_eq!(flaw(":"), Flaw::TooShort { found: 0, expected: 10 });
    assert_eq!(flaw(":0400100001020304E2E2"), Flaw::TooLong { found: 20, expected: 18 });
    assert_eq!(flaw(":00000006FA"), Flaw::Type(6));
    assert_eq!(flaw(":0100000400FB"), Flaw::Length { kind: 4, found: 1 });
    assert_eq!(flaw(":é"), Flaw::NotADigit { column: 2, found: 0xC3 });
}

#[test]
fn a_cut_off_file_is_told_with_its_last_line() {
    let whole = linear(0x0800) + &data(0, &[1, 2, 3, 4]);
    assert_eq!(
        bad(&whole),
        "t.hex line 2: the file ends here without an end-of-file record, so it is cut off; download or build it again"
    );
    // Wherever it is cut, up to the last digit, it is never taken.
    let whole = whole + END.trim_end();
    for length in 0..whole.len() {
        let error = read(&whole[..length]).unwrap_err();
        assert!(matches!(error, ImageError::CutLine { .. } | ImageError::MissingEnd { .. }), "{length}: {error}");
    }
    assert!(bad(&whole[..25]).starts_with("t.hex line 2: the file is cut off in the middle of this line"));
}

#[test]
fn after_the_end_records_are_refused_and_text_is_left_out() {
    let first = data(0, &[1]) + END;
    let text = bad(&(first.clone() + &data(1, &[2]) + END));
    assert!(text.starts_with("t.hex line 3: a record after the end-of-file record in line 2;"), "{text}");
    let image = good(&(first.clone() + "\u{1A}"));
    assert_eq!(image.remarks, [Remark::AfterEnd { first: Position::Line(3) }]);
    assert_eq!(good(&(first + END)).remarks, [Remark::AfterEnd { first: Position::Line(3) }]);
}

#[test]
fn equal_bytes_twice_are_told_and_different_ones_refused() {
    let image = good(&(data(0, &[1, 2]) + &data(1, &[2, 3]) + END));
    assert_eq!(flat(&image), [(0, vec![1, 2, 3])]);
    let (first, second) = (Position::Line(1), Position::Line(2));
    assert_eq!(image.remarks, [Remark::Repeated { address: 1, bytes: 1, first, second }]);
    let text = bad(&(data(0, &[1, 2]) + "\n" + &data(1, &[9, 3]) + END));
    assert!(text.starts_with("t.hex: gives 0x00000001 twice: 0x02 at line 1, 0x09 at line 3;"), "{text}");
}

#[test]
fn two_entries_are_told_once() {
    let entry = |n| record(Record::StartLinearAddress(n));
    let image = good(&(entry(1) + &entry(1) + &entry(2) + &entry(3) + &data(0, &[0]) + END));
    assert_eq!(image.entry, Some(1));
    assert_eq!(image.remarks, [Remark::EntryTwice { kept: 1, dropped: 2, at: Position::Line(3) }]);
}

#[test]
fn no_data_is_nothing_to_flash() {
    assert!(matches!(read(&(linear(1) + &data(0, &[]) + END)).unwrap_err(), ImageError::NoData { .. }));
}

/// Records that do not overlap, each with the base it needs.
fn records() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_map(0u32..0x2000, prop::collection::vec(any::<u8>(), 1..=16), 1..40).prop_map(|lines| {
        let one = |(slot, value): (u32, Vec<u8>)| {
            let address = 0x0800_0000 + slot * 16;
            linear((address >> 16) as u16) + &data(address as u16, &value)
        };
        lines.into_iter().map(one).collect()
    })
}

proptest! {
    #[test]
    fn any_order_gives_the_same_image((sorted, mixed) in records().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))) {
        prop_assert_eq!(flat(&good(&(sorted.concat() + END))), flat(&good(&(mixed.concat() + END))));
    }

    #[test]
    fn a_changed_digit_never_passes(records in records(), at in any::<prop::sample::Index>(), digit in "[0-9A-F]") {
        let text = records.concat() + END;
        let digits: Vec<usize> = (0..text.len()).filter(|i| text.as_bytes()[*i].is_ascii_hexdigit()).collect();
        let at = digits[at.index(digits.len())];
        prop_assume!(!text[at..].starts_with(&digit));
        let mut changed = text;
        changed.replace_range(at..at + 1, &digit);
        prop_assert!(read(&changed).is_err());
    }
}
