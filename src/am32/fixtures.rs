//! The smallest images that carry AM32's marks, for tests.

use crate::image::Image;

/// A vector table and nothing else.
pub fn start(sp: u32, pc: u32) -> Vec<u8> {
    [sp, pc].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// V13 (protocol 1) or newer, 4,084 bytes, with its device info.
pub fn bootloader(pin: &str, flash_code: u8, protocol: u8) -> Vec<u8> {
    let pin: crate::am32::Pin = pin.parse().unwrap();
    let mut data = start(0x2000_1000, 0x0800_0221);
    data.resize(0xFE0, 0xBF);
    data.extend([0xDA, 0xE3, 0x25, 0x59, 0xD9, 0x63, 0xB8, 0x4E]);
    data.extend([b'4', b'7', b'1', pin.code(), flash_code, 6, 6, protocol, 0x30, 0, 0, 0]);
    data
}

/// V4 to V12 as on the F051: device bytes amid the data, and the version byte where it was kept.
pub fn old_bootloader(version: u8) -> Vec<u8> {
    let mut data = start(if version >= 12 { 0x2000_1000 } else { 0x2000_2000 }, 0x0800_0B11);
    data.resize(0xD50, 0xBF);
    data.extend([b'4', b'7', b'1', 0x64, 0x1F, 6, 6, 1, 0x30]);
    match version {
        6..=8 => data[0xC0] = version,
        9..=11 => {
            data.resize(0xFFC, 0);
            data.push(version);
        }
        _ => (),
    }
    data
}

/// A CAN bootloader: 16K area, device info at its end.
pub fn can_bootloader() -> Vec<u8> {
    let mut data = start(0x2000_4000, 0x0800_02C1);
    data.resize(0x352C, 0xBF);
    data.extend(&bootloader("PA2", 0x2B, 2)[0xFE0..]);
    data
}

/// An app from 0x0800_1000 up to and with its tag, at the offset `tag` in flash; no tag when it is empty.
pub fn app(name: &str, tag: usize) -> Vec<u8> {
    let mut data = start(0x2000_1000, 0x0800_1115);
    data.resize(0x400, 0xBF);
    data.resize(tag - 0x1000, 0);
    data.extend(name.as_bytes());
    data.resize(tag - 0x1000 + 32, 0);
    data
}

/// An app for the 16K CAN area, with its signature.
pub fn can_app() -> Vec<u8> {
    let mut data = start(0x2000_4000, 0x0800_4301);
    data.resize(0x1C0, 0xBF);
    data.extend([0xE6, 0x58, 0xF0, 0x68, 0xA0, 0xE5, 0xCE, 0xAF]);
    data.resize(0x200, 0);
    data.extend(b"TBS_12S_L431_CAN");
    data.resize(0x800, 0);
    data
}

/// A page of 48 bytes: boot byte, layout, then sane values.
pub fn eeprom(boot: u8, layout: u8, firmware: (u8, u8)) -> Vec<u8> {
    let mut data = vec![boot, layout, 14, firmware.0, firmware.1];
    data.extend(if layout < 3 { b"NEOESC f051 " } else { b"\xA0\x04\x00\x0A\x64\x00\x32\x02\x00\x00\x00\x00" });
    data.extend([0, 0, 0, 1, 1, 1, 2, 0x18, 0x64, 0x37, 0x0E, 0, 0, 5, 0, 0x80, 0x80, 0x80, 0x32, 0, 0x32, 0, 0, 0x0F]);
    data.extend([0x0A, 0x0A, 0x8D, 0x66, 6, 0, 0]);
    data
}

/// A binary, with or without an address.
pub fn image(name: &str, data: &[u8], at: Option<u32>) -> Image {
    Image::parse(name, data, at).unwrap()
}

/// Intel HEX of pieces at addresses.
pub fn hex(name: &str, pieces: &[(u32, &[u8])]) -> Image {
    let mut text = String::new();
    let mut line = |kind: u8, address: u16, data: &[u8]| {
        let mut bytes = vec![data.len() as u8, (address >> 8) as u8, address as u8, kind];
        bytes.extend(data);
        let sum = bytes.iter().fold(0u8, |s, b| s.wrapping_add(*b)).wrapping_neg();
        bytes.push(sum);
        text.push(':');
        text.extend(bytes.iter().map(|b| format!("{b:02X}")));
        text.push('\n');
    };
    for (base, data) in pieces {
        for (i, row) in data.chunks(16).enumerate() {
            let address = base + 16 * i as u32;
            // Rows must not cross 64K: the tests' pieces are aligned.
            line(4, 0, &((address >> 16) as u16).to_be_bytes());
            line(0, address as u16, row);
        }
    }
    line(1, 0, &[]);
    Image::parse(name, text.as_bytes(), None).unwrap()
}
