//! What an ELF says of the processor that it was compiled for: the section `.ARM.attributes`
//! (Addenda to, and Errata in, the ABI for the Arm Architecture, chapters 2 and 3).

use super::{Image, sections};
use std::fmt;

/// The processor that a file was compiled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// `Tag_CPU_arch`: the architecture, by ARM's number.
    architecture: u32,
    /// `Tag_CPU_arch_profile` is M: a microcontroller's.
    microcontroller: bool,
    /// `Tag_CPU_name`: what the compiler was told, such as `Cortex-M4`.
    cpu: Option<String>,
}

/// Of `Tag_CPU_arch`.
const V7: u32 = 10;
const V6_M: u32 = 11;
const V6S_M: u32 = 12;

impl Build {
    /// Whether all of its instructions are ARMv6-M's.
    pub const fn is_armv6_m(&self) -> bool {
        matches!(self.architecture, V6_M | V6S_M)
    }
}

/// `ARMv7E-M (Cortex-M4)`.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.architecture {
            0 => "ARM before ARMv4",
            1 => "ARMv4",
            2 => "ARMv4T",
            3..=5 => "ARMv5",
            6..=9 => "ARMv6",
            V7 if self.microcontroller => "ARMv7-M",
            V7 => "ARMv7",
            V6_M | V6S_M => "ARMv6-M",
            13 => "ARMv7E-M",
            14 => "ARMv8-A",
            15 => "ARMv8-R",
            16 => "ARMv8-M Baseline",
            17 => "ARMv8-M Mainline",
            21 => "ARMv8.1-M Mainline",
            _ => "another ARM architecture",
        };
        f.write_str(name)?;
        match &self.cpu {
            Some(cpu) => write!(f, " ({cpu})"),
            None => Ok(()),
        }
    }
}

impl Image {
    /// The processor that it was compiled for, where it is an ELF and says so.
    pub fn built_for(&self) -> Option<Build> {
        let file = self.elf.as_deref()?;
        let section = sections::of(file).into_iter().find(|s| s.name == ".ARM.attributes")?;
        parse(file.get(section.bytes)?)
    }
}

/// Reads the public attributes of the whole file.
fn parse(section: &[u8]) -> Option<Build> {
    let mut rest = section.strip_prefix(b"A")?;
    while let Some((length, _)) = word(rest) {
        let subsection = rest.get(4..length as usize)?;
        let vendor = subsection.iter().position(|b| *b == 0)?;
        if &subsection[..vendor] == b"aeabi" {
            return of_file(&subsection[vendor + 1..]);
        }
        rest = rest.get(length as usize..)?;
    }
    None
}

/// The attributes with the scope `Tag_File`, which come first.
fn of_file(subsection: &[u8]) -> Option<Build> {
    let (1, after) = number(subsection)? else { return None };
    let (size, _) = word(after)?;
    // The size counts the tag and itself.
    let mut rest = subsection.get(subsection.len() - after.len() + 4..size as usize)?;
    let mut build = Build { architecture: 0, microcontroller: false, cpu: None };
    let mut told = false;
    while let Some((tag, value)) = number(rest) {
        // From 32 on odd tags have text, others a number; 32 itself has both. Below, 4 and 5 have text.
        let mut after = value;
        let (mut n, mut text) = (0, None);
        let is_text = matches!(tag, 4 | 5) || tag > 32 && tag % 2 == 1;
        if !is_text {
            (n, after) = number(after)?;
        }
        if is_text || tag == 32 {
            let end = after.iter().position(|b| *b == 0)?;
            text = Some(&after[..end]);
            after = &after[end + 1..];
        }
        match (tag, text) {
            (5, Some(text)) => build.cpu = std::str::from_utf8(text).ok().and_then(cpu_name),
            (6, _) => (build.architecture, told) = (n, true),
            (7, _) => build.microcontroller = n == u32::from(b'M'),
            _ => {}
        }
        rest = after;
    }
    told.then_some(build)
}

/// What the compiler was told, as ARM writes it, where it names a processor and not its architecture again.
fn cpu_name(text: &str) -> Option<String> {
    let text = crate::shell::plain(text);
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("cortex-") {
        Some(rest) => Some(format!("Cortex-{}", rest.to_ascii_uppercase())),
        None if lower.starts_with("arm") && !text.is_empty() => Some(text.into_owned()),
        None => None,
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

/// A number in ULEB128.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0u32;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7F).checked_shl(7 * n as u32).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[n + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `.ARM.attributes` as GNU's linker writes it.
    fn section(attributes: &[u8]) -> Vec<u8> {
        let mut file = vec![1];
        file.extend((attributes.len() as u32 + 5).to_le_bytes());
        file.extend(attributes);
        let mut section = b"A".to_vec();
        section.extend((file.len() as u32 + 10).to_le_bytes());
        section.extend(b"aeabi\0");
        section.extend(file);
        section
    }

    fn told(attributes: &[u8]) -> Option<(String, bool)> {
        parse(&section(attributes)).map(|b| (b.to_string(), b.is_armv6_m()))
    }

    #[test]
    fn builds_are_told_by_architecture() {
        let m4 = b"\x05Cortex-M4\0\x06\x0d\x07M\x09\x02\x12\x04";
        assert_eq!(told(m4), Some(("ARMv7E-M (Cortex-M4)".into(), false)));
        assert_eq!(told(b"\x05cortex-m0plus\0\x06\x0c\x07M"), Some(("ARMv6-M (Cortex-M0PLUS)".into(), true)));
        assert_eq!(told(b"\x06\x0b"), Some(("ARMv6-M".into(), true)));
        assert_eq!(told(b"\x05\x37-M\0\x06\x0a\x07M"), Some(("ARMv7-M".into(), false)));
        // Tags with text and with both do not confuse what comes after them.
        assert_eq!(told(b"\x43\x32.09\0\x20\x00\x06\x0d\0\x06\x0c"), Some(("ARMv6-M".into(), true)));
        assert_eq!(told(b"\x08\x01"), None, "without an architecture nothing is known");
    }

    #[test]
    fn what_is_cut_off_tells_nothing() {
        let whole = section(b"\x05Cortex-M4\0\x06\x0d\x07M");
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), None, "{end}");
        }
        assert_eq!(parse(b"B"), None);
        assert_eq!(parse(&[b'A', 0, 0, 0, 0, 0]), None, "a subsection of no length");
    }
}
