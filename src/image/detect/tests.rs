use super::*;

fn kind(name: &str, bytes: &[u8]) -> Result<Format, String> {
    detect(&Arc::from(name), bytes).map_err(|e| e.to_string())
}

fn refused(name: &str, bytes: &[u8]) -> String {
    kind(name, bytes).unwrap_err()
}

const HEX: &[u8] = b":020000040800F2\n";
const CODE: &[u8] = &[0x00, 0x20, 0x00, 0x20, 0xC1, 0x10, 0x00, 0x08];

#[test]
fn content_comes_before_the_extension() {
    for name in ["a.bin", "a.hex", "a.elf", "a.amj", "a.txt", "a"] {
        assert_eq!(kind(name, HEX), Ok(Format::Hex), "{name}");
        assert_eq!(kind(name, b"\x7FELF\x01"), Ok(Format::Elf), "{name}");
        assert_eq!(kind(name, b"\xEF\xBB\xBF {\"hex\": \"\"}"), Ok(Format::Amj), "{name}");
    }
    assert_eq!(kind("a.bin", CODE), Ok(Format::Bin));
    assert_eq!(kind("dir.hex/a", CODE), Ok(Format::Bin));
    // Begins with a colon, but is no text.
    assert_eq!(kind("a.bin", b":\x00\x00\x20"), Ok(Format::Bin));
}

#[test]
fn a_name_that_misleads_is_told() {
    assert!(misnamed("a.bin", Format::Hex).is_some());
    assert!(misnamed("A.HEX", Format::Elf).is_some());
    assert_eq!(misnamed("a.hex", Format::Hex), None);
    assert_eq!(misnamed("a.fw", Format::Hex), None);
    assert_eq!(misnamed("a", Format::Hex), None);
}

#[test]
fn what_is_evidently_no_image_is_refused() {
    assert!(refused("a.bin", b"").contains("is empty"));
    assert!(refused("a.bin", b"404: Not Found").contains("is text, not an image"));
    assert!(refused("a", "Grüße\r\n".as_bytes()).contains("is text, not an image"));
    assert!(refused("a.hex", b" \n").contains("is text, not an image"));
    for name in ["a.bin", "a.hex", "a.amj", "a"] {
        assert!(refused(name, b"\n\n<!DOCTYPE html>\n").contains("is an HTML page"), "{name}");
        assert!(refused(name, b"\xEF\xBB\xBF<HTML>").contains("is an HTML page"), "{name}");
        assert!(refused(name, b"PK\x03\x04....").contains("is an archive (ZIP): unpack it first"), "{name}");
        assert!(refused(name, b"!<arch>\n/  ").contains("static library"), "{name}");
        assert!(refused(name, b"\x1F\x8B\x08\x00").contains("gzip"), "{name}");
        assert!(refused(name, b"UF2\n\x57\x51\x5D\x9E").contains("is a UF2 file, which is not supported"), "{name}");
        assert!(refused(name, b"DfuSe\x01..").contains("is a DFU file"), "{name}");
    }
}

#[test]
fn suffixes_and_other_texts_are_named() {
    let mut dfu = CODE.to_vec();
    dfu.extend(b"\xFF\xFF\x11\xDF\x83\x04\x1A\x01UFD\x10\x01\x02\x03\x04");
    assert!(refused("a.bin", &dfu).contains("DFU"));
    assert!(refused("a.s19", b"S00F000068656C6C6F20202020200000003C\n").contains("S-record"));
    assert!(refused("a.hex", b"\xFF\xFE:\x000\x00").contains("UTF-16"));
}

#[test]
fn a_hex_that_does_not_begin_like_one_names_the_line() {
    let text = refused("a.hex", b"\n\nhello\n:00000001FF\n");
    assert_eq!(
        text,
        "a.hex line 3: does not begin with ':', as every line of an Intel HEX does; this is some other text"
    );
    assert!(refused("a.hex", CODE).contains("line 1: does not begin with ':'"));
    assert!(refused("a.hex", CODE).contains("call it .bin"));
    assert!(refused("a.elf", CODE).contains("does not begin with an ELF header"));
}

#[test]
fn a_pattern_of_memory_is_no_text() {
    assert_eq!(kind("a.bin", &[b'U'; 64]), Ok(Format::Bin));
    assert_eq!(kind("a.bin", &[0xFF; 64]), Ok(Format::Bin));
    assert!(refused("a.bin", b"U").contains("is text"));
}
