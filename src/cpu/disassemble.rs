//! Instructions in words, as an assembler takes them.
//!
//! Code for another core is told, too: what such a core would make of it is what one wants to know of a fault.

use super::decode::is_wide;
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv7::InstDecoder;

const CONDITIONS: [&str; 14] = ["eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"];

/// The instruction at `pc` with these half-words; the second counts for 32-bit encodings only.
pub fn disassemble(pc: u32, code: [u16; 2]) -> String {
    let [first, second] = code;
    // What hangs on PC is told with the address that it comes to.
    let ahead = |bytes: u32| pc.wrapping_add(4).wrapping_add(bytes);
    let extended = |value: u32, bits: u32| ((value << (32 - bits)) as i32 >> (32 - bits)) as u32;
    match (first >> 12, first >> 8 & 0xF) {
        (0b0100, 8..=15) => {
            let at = (ahead(0) & !3).wrapping_add(4 * u32::from(first & 0xFF));
            return format!("ldr r{}, [0x{at:08X}]", first >> 8 & 7);
        }
        (0b1010, 0..=7) => {
            let at = (ahead(0) & !3).wrapping_add(4 * u32::from(first & 0xFF));
            return format!("adr r{}, 0x{at:08X}", first >> 8 & 7);
        }
        (0b1101, condition @ 0..=13) => {
            let to = ahead(extended(u32::from(first & 0xFF) << 1, 9));
            return format!("b{} 0x{to:08X}", CONDITIONS[usize::from(condition)]);
        }
        (0b1110, 0..=7) => return format!("b 0x{:08X}", ahead(extended(u32::from(first & 0x7FF) << 1, 12))),
        (0b1111, 0..=7) if second >> 14 == 0b11 && second & 0x1000 != 0 => {
            let (first, second) = (u32::from(first), u32::from(second));
            let sign = first >> 10 & 1;
            let j = |bit: u32| !(second >> bit ^ sign) & 1;
            let offset = sign << 24 | j(13) << 23 | j(11) << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1;
            return format!("bl 0x{:08X}", ahead(extended(offset, 25)));
        }
        _ => {}
    }
    let mut bytes = first.to_le_bytes().to_vec();
    if is_wide(first) {
        bytes.extend(second.to_le_bytes());
    }
    match InstDecoder::default_thumb().decode(&mut U8Reader::new(&bytes)) {
        Ok(instruction) => numbered(&instruction.to_string()),
        Err(_) if is_wide(first) => format!(".hword 0x{first:04x}, 0x{second:04x}"),
        Err(_) => format!(".hword 0x{first:04x}"),
    }
}

/// With R9 to R12 by number, as registers are told everywhere else.
fn numbered(text: &str) -> String {
    const NAMES: [(&str, &str); 4] = [("sb", "r9"), ("sl", "r10"), ("fp", "r11"), ("ip", "r12")];
    let Some((operation, operands)) = text.split_once(' ') else { return text.to_owned() };
    let words = operands.split_inclusive(|c: char| !c.is_ascii_alphanumeric()).map(|piece| {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        match NAMES.iter().find(|(name, _)| *name == word) {
            Some((_, number)) => format!("{number}{}", &piece[word.len()..]),
            None => piece.to_owned(),
        }
    });
    format!("{operation} {}", words.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_an_assembler_takes_it() {
        // Each with what GNU's objdump says of it at this address, but for names of R9 to R12.
        for (code, text) in [
            ([0x4770, 0], "bx lr"),
            ([0xB510, 0], "push {r4, lr}"),
            ([0x6018, 0], "str r0, [r3]"),
            ([0x4801, 0], "ldr r0, [0x08001008]"),
            ([0xA001, 0], "adr r0, 0x08001008"),
            ([0xD0FE, 0], "beq 0x08001000"),
            ([0xE7FE, 0], "b 0x08001000"),
            ([0xF000, 0xF87A], "bl 0x080010F8"),
            ([0xF7FF, 0xFF93], "bl 0x08000F2A"),
            ([0xB672, 0], "cpsid i"),
            ([0xDE00, 0], "udf 0x0"),
            ([0x4699, 0], "mov r9, r3"),
            ([0x4662, 0], "mov r2, r12"),
        ] {
            assert_eq!(disassemble(0x0800_1000, code), text);
        }
    }

    #[test]
    fn whatever_stands_there_is_told() {
        for first in 0..=u16::MAX {
            // Of the wide ones a sample: 2,048 first halves with 128 second ones.
            let step = if is_wide(first) { 511 } else { 0x10000 };
            for second in (0..=0xFFFFu32).step_by(step) {
                let text = disassemble(0x0800_0000, [first, second as u16]);
                assert!(!text.is_empty() && text.is_ascii(), "{first:04x} {second:04x}: {text}");
            }
        }
    }
}
