//! What a session has left changed on a chip: flash page by page, option bytes field by field.

use crate::chip::Chip;
use crate::flash::{BLANK, NonVolatile, OptionField, PageDiff};
use crate::image::{Format, file_in_bytes};
use crate::plural::{count, verb};
use serde::Serialize;
use std::fmt;
use std::ops::Range;

/// What lasts of a chip at one instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    non_volatile: NonVolatile,
    page: u32,
    options: Vec<OptionField>,
}

/// What became of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Blank before, not now.
    Programmed,
    /// Blank now, not before.
    Erased,
    /// Neither; other bytes.
    Changed,
    /// Erased and programmed again with the bytes of before.
    Rewritten,
}

impl Fate {
    /// None where a blank page was erased.
    fn of(page: &PageDiff<'_>) -> Option<Fate> {
        let blank = |bytes: &[u8]| bytes.iter().all(|b| *b == BLANK);
        match (page.bytes, blank(page.before), blank(page.after)) {
            (0, _, true) => None,
            (0, _, false) => Some(Fate::Rewritten),
            (_, true, _) => Some(Fate::Programmed),
            (_, _, true) => Some(Fate::Erased),
            _ => Some(Fate::Changed),
        }
    }
}

/// Neighbouring pages of one fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pages {
    /// First address.
    pub first: u32,
    /// Last address.
    pub last: u32,
    /// How many.
    pub pages: u32,
    /// What became of them.
    pub fate: Fate,
    /// Bytes that differ.
    pub bytes: u32,
    /// Of those not blank now, the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_up_to: Option<u32>,
}

/// An option bit field that is stored otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptionChange {
    /// Its name in the manual.
    pub name: &'static str,
    /// Before.
    pub before: String,
    /// Now.
    pub after: String,
    /// Whether it is in force, or waits for a load or a power-on.
    pub loaded: bool,
}

/// A file that holds its image in a form of its own, written to flash as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AsItStands {
    /// Where it begins.
    pub address: u32,
    /// What it is: Intel HEX, ELF or .amj.
    pub format: Format,
}

/// The difference between two instants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// In the order of their addresses.
    pub flash: Vec<Pages>,
    /// In the manual's order.
    pub options: Vec<OptionChange>,
    /// Page erases in all.
    pub erases: u32,
    /// Where a file was written as it stands that holds its image in another way, and what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_it_stands: Option<AsItStands>,
}

impl Snapshot {
    /// Of this chip, now.
    pub fn of(chip: &Chip) -> Snapshot {
        let flash = &chip.board.flash;
        Snapshot { non_volatile: flash.non_volatile(), page: flash.cells().page_size(), options: flash.option_fields() }
    }

    /// What lasts, for another chip of the part.
    pub const fn non_volatile(&self) -> &NonVolatile {
        &self.non_volatile
    }

    /// [`NonVolatile::digest`] of it.
    pub fn digest(&self) -> String {
        self.non_volatile.digest()
    }

    /// What has changed from here to `after`, of the same part.
    pub fn until(&self, after: &Snapshot) -> Changes {
        let mut changes = Changes::default();
        for page in self.non_volatile.until(&after.non_volatile, self.page) {
            changes.erases += page.erased;
            let Some(fate) = Fate::of(&page) else { continue };
            let first = page.address;
            // Only the first: what follows it is the same file's.
            if changes.as_it_stands.is_none() {
                changes.as_it_stands = file_in_bytes(page.after).map(|format| AsItStands { address: first, format });
            }
            let used = page.after.iter().rposition(|b| *b != BLANK).map(|at| first + at as u32);
            changes.add(first..first + page.after.len() as u32, fate, page.bytes as u32, used);
        }
        let fields = self.options.iter().zip(&after.options);
        changes.options = fields
            .filter(|(b, a)| b.stored != a.stored)
            .map(|(b, a)| OptionChange {
                name: a.name,
                before: b.stored.clone(),
                after: a.stored.clone(),
                loaded: a.loaded == a.stored,
            })
            .collect();
        changes
    }
}

impl Changes {
    /// Whether nothing has changed, and nothing was erased.
    pub const fn is_empty(&self) -> bool {
        self.flash.is_empty() && self.options.is_empty() && self.erases == 0
    }

    fn add(&mut self, range: Range<u32>, fate: Fate, bytes: u32, used: Option<u32>) {
        match self.flash.last_mut().filter(|l| l.fate == fate && l.last + 1 == range.start) {
            Some(last) => {
                last.last = range.end - 1;
                last.pages += 1;
                last.bytes += bytes;
                last.used_up_to = used.or(last.used_up_to);
            }
            None => self.flash.push(Pages {
                first: range.start,
                last: range.end - 1,
                pages: 1,
                fate,
                bytes,
                used_up_to: used,
            }),
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pages = count(u64::from(self.pages), "page");
        write!(f, "0x{:08X}..0x{:08X}  {pages} ", self.first, self.last)?;
        match self.fate {
            Fate::Programmed => f.write_str("programmed")?,
            Fate::Erased => return f.write_str("erased"),
            Fate::Changed => write!(f, "changed in {}", count(u64::from(self.bytes), "byte"))?,
            Fate::Rewritten => return f.write_str("written again with the same bytes"),
        }
        match self.used_up_to {
            Some(used) if used < self.last => write!(f, ", up to 0x{used:08X}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for OptionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.name, self.before, self.after)?;
        if self.loaded { Ok(()) } else { f.write_str(" (from the next load of the option bytes or power-on)") }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return writeln!(f, "nothing in flash or option bytes changed");
        }
        for pages in &self.flash {
            writeln!(f, "{pages}")?;
        }
        for option in &self.options {
            writeln!(f, "{option}")?;
        }
        if self.flash.is_empty() && self.erases > 0 {
            let were = verb(u64::from(self.erases), "was", "were");
            writeln!(f, "{} erased that {were} blank", count(u64::from(self.erases), "page"))?;
        }
        if let Some(AsItStands { address, format }) = self.as_it_stands {
            writeln!(f, "0x{address:08X}  {}", format.as_it_stands())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::Factory;
    use crate::part;

    const BASE: u32 = 0x0800_0000;

    fn chip(bytes: &[(u32, &[u8])]) -> Chip {
        let part = part::find("F051").unwrap();
        let mut chip = Chip::new(&part, 1).unwrap();
        let blank = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
        let factory = bytes.iter().fold(blank, |f, (address, bytes)| f.cells(*address, bytes).unwrap());
        chip.board.flash.install(&factory.non_volatile()).unwrap();
        chip
    }

    #[test]
    fn pages_are_told_by_what_became_of_them() {
        let before = chip(&[(BASE, &[0x11; 0x800]), (BASE + 0x1000, &[0x22; 16]), (BASE + 0x7C00, &[1])]);
        let after = chip(&[
            (BASE, &[0x11; 0x400]),
            (BASE + 0x1000, &[0x22; 15]),
            (BASE + 0x2000, &[3; 0x500]),
            (BASE + 0x7C00, &[1]),
        ]);
        let changes = Snapshot::of(&before).until(&Snapshot::of(&after));
        let told = changes.to_string();
        let expected = "\
0x08000400..0x080007FF  1 page erased
0x08001000..0x080013FF  1 page changed in 1 byte, up to 0x0800100E
0x08002000..0x080027FF  2 pages programmed, up to 0x080024FF
";
        assert_eq!(told, expected);
        assert!(Snapshot::of(&before).until(&Snapshot::of(&before)).is_empty());
        assert_eq!(changes.as_it_stands, None);
    }

    #[test]
    fn a_file_that_was_written_as_it_stands_is_told_once() {
        let at = |format| AsItStands { address: BASE + 0x1000, format };
        let told = |bytes: &[u8]| {
            let changes = Snapshot::of(&chip(&[])).until(&Snapshot::of(&chip(&[(BASE + 0x1000, bytes)])));
            (changes.as_it_stands, changes.to_string())
        };
        let (seen, text) = told(&b":020000040800F2\r\n:10100000000000000000000000000000000000E0\r\n".repeat(40));
        assert_eq!(seen, Some(at(Format::Hex)));
        assert_eq!(text.matches("--format=ihex").count(), 1, "{text}");
        assert_eq!(told(b"\x7FELF\x01\x01\x01\0").0, Some(at(Format::Elf)));
        assert_eq!(told(b"{\n  \"mcuType\": \"F051\"").0, Some(at(Format::Amj)));
        assert_eq!(told(&[0, 0x10, 0, 0x20, 0x15, 0x11, 0, 8]).0, None);
    }

    #[test]
    fn digests_tell_chips_apart() {
        let (before, after) = (chip(&[(BASE, &[1])]), chip(&[(BASE, &[3])]));
        assert_ne!(Snapshot::of(&before).digest(), Snapshot::of(&after).digest());
    }
}
