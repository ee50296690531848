//! What a flash holds, for people and for snapshots.

use super::{Controller, OptionField, Speed};
use crate::digest::fnv1a;
use crate::section::Section;
use serde::Serialize;
use std::fmt;
use std::ops::Range;

/// Runs of bytes shorter than this do not end a segment, if they are blank.
const GAP: u32 = 64;

/// Bytes that are not blank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// First address.
    pub address: u32,
    /// Length in bytes.
    pub length: u32,
    /// FNV-1a, 64 bits, as 16 hexadecimal digits.
    pub digest: String,
    /// The first bytes, 8 at most.
    pub first: Vec<u8>,
}

/// Pages with the same wear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wear {
    /// First page.
    pub first: u32,
    /// Last page.
    pub last: u32,
    /// Erases of each.
    pub erases: u32,
}

/// A flash at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// What is not blank.
    pub segments: Vec<Segment>,
    /// What is blank between and after them, as address ranges.
    pub blank: Vec<Range<u32>>,
    /// Double words that ECC complains about, by address.
    pub bad_ecc: Vec<u32>,
    /// The stored option area: address and word.
    pub option_bytes: Vec<(u32, u32)>,
    /// The option bytes field by field.
    pub options: Vec<OptionField>,
    /// The read-protection level in force.
    pub rdp_level: u8,
    /// Ranges of pages that are protected against erase and programming.
    pub protected: Vec<(u32, u32)>,
    /// Pages that were erased, joined where the number is the same.
    pub wear: Vec<Wear>,
    /// Flags set in the status register.
    pub flags: Vec<&'static str>,
    /// How long operations take.
    pub speed: Speed,
}

impl State {
    /// Looks at `controller`.
    pub fn of(controller: &dyn Controller) -> State {
        let cells = controller.cells();
        let pages = 0..cells.pages();
        let (segments, blank) = segments(cells.base(), &cells.bytes(cells.base(), cells.size()));
        let bad_ecc = if cells.flawed() == 0 {
            Vec::new()
        } else {
            cells.range().step_by(8).filter(|a| cells.ecc(*a) != super::cells::Ecc::Good).collect()
        };
        State {
            segments,
            blank,
            bad_ecc,
            option_bytes: controller.option_bytes(),
            options: controller.option_fields(),
            rdp_level: controller.rdp_level(),
            protected: join(pages.clone().map(|p| (p, controller.protected(p))))
                .into_iter()
                .filter_map(|(first, last, held)| held.then_some((first, last)))
                .collect(),
            wear: join(pages.map(|p| (p, cells.wear(p))))
                .into_iter()
                .filter(|(_, _, erases)| *erases > 0)
                .map(|(first, last, erases)| Wear { first, last, erases })
                .collect(),
            flags: controller.flags().names(),
            speed: controller.settings().speed,
        }
    }
}

/// Joins neighbours with the same value.
fn join<T: PartialEq>(items: impl Iterator<Item = (u32, T)>) -> Vec<(u32, u32, T)> {
    let mut runs: Vec<(u32, u32, T)> = Vec::new();
    for (at, value) in items {
        match runs.last_mut() {
            Some((_, last, same)) if *same == value => *last = at,
            _ => runs.push((at, at, value)),
        }
    }
    runs
}

fn segments(base: u32, bytes: &[u8]) -> (Vec<Segment>, Vec<Range<u32>>) {
    let mut spans: Vec<Range<u32>> = Vec::new();
    for (chunk, from) in bytes.chunks(8).zip((0u32..).step_by(8)) {
        let Some(first) = chunk.iter().position(|b| *b != 0xFF) else { continue };
        let last = chunk.iter().rposition(|b| *b != 0xFF).unwrap_or(first);
        let span = from + first as u32..from + last as u32 + 1;
        match spans.last_mut() {
            Some(before) if span.start - before.end < GAP => before.end = span.end,
            _ => spans.push(span),
        }
    }
    let mut blank = Vec::new();
    let mut end = 0;
    for span in &spans {
        if span.start > end {
            blank.push(base + end..base + span.start);
        }
        end = span.end;
    }
    if end < bytes.len() as u32 {
        blank.push(base + end..base + bytes.len() as u32);
    }
    let segment = |span: Range<u32>| {
        let data = &bytes[span.start as usize..span.end as usize];
        Segment {
            address: base + span.start,
            length: span.end - span.start,
            digest: format!("{:016x}", fnv1a(data)),
            first: data.iter().take(8).copied().collect(),
        }
    };
    (spans.into_iter().map(segment).collect(), blank)
}

fn pages(first: u32, last: u32) -> String {
    if first == last { format!("page {first}") } else { format!("pages {first} to {last}") }
}

impl State {
    /// What the flash holds; option bytes, protection, wear and what is unusual. One thing a line, in a fixed order; what is
    /// as usual is left out.
    pub fn sections(&self) -> [Section; 2] {
        let mut sections = ["flash", "option bytes"].map(|name| Section { name, text: String::new() });
        let [cells, options] = &mut sections;
        // Writing into a text cannot fail.
        let _ = self.cells(&mut cells.text);
        let _ = self.options(&mut options.text);
        sections
    }

    fn cells(&self, f: &mut impl fmt::Write) -> fmt::Result {
        writeln!(f, "flash")?;
        let mut lines: Vec<(u32, String)> = Vec::new();
        for s in &self.segments {
            let first: Vec<String> = s.first.iter().map(|b| format!("{b:02X}")).collect();
            lines.push((s.address, format!("{:6} bytes  {}  {}", s.length, s.digest, first.join(" "))));
        }
        lines.extend(self.blank.iter().map(|b| (b.start, format!("{:6} bytes  blank", b.end - b.start))));
        lines.extend(self.bad_ecc.iter().map(|a| (*a, "     8 bytes  bad ECC".to_owned())));
        lines.sort_by_key(|(address, _)| *address);
        for (address, line) in lines {
            writeln!(f, "  0x{address:08X}  {line}")?;
        }
        Ok(())
    }

    fn options(&self, f: &mut impl fmt::Write) -> fmt::Result {
        writeln!(f, "option bytes")?;
        for pair in self.option_bytes.chunks(4).filter(|c| c.iter().any(|(_, w)| *w != u32::MAX)) {
            let words: Vec<String> = pair.iter().map(|(_, w)| format!("{w:08X}")).collect();
            writeln!(f, "  0x{:08X}  {}", pair[0].0, words.join(" "))?;
        }
        for o in &self.options {
            write!(f, "  {:<17} {}", o.name, o.loaded)?;
            if o.stored != o.loaded {
                write!(f, "  (after the next load: {})", o.stored)?;
            }
            writeln!(f)?;
        }
        for (first, last) in &self.protected {
            writeln!(f, "protected  {}", pages(*first, *last))?;
        }
        for w in &self.wear {
            writeln!(f, "wear  {}: {}", pages(w.first, w.last), w.erases)?;
        }
        if !self.flags.is_empty() {
            writeln!(f, "flags  {}", self.flags.join(" "))?;
        }
        if self.speed != Speed::Typical {
            writeln!(f, "speed  fast: operations take 1 us, not datasheet times")?;
        }
        Ok(())
    }
}

impl fmt::Display for State {
    /// Its sections.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cells(f)?;
        self.options(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::{Factory, Settings, for_part};
    use crate::part;

    fn snapshot(name: &str, state: &State) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, state));
    }

    fn chip(name: &str, change: impl FnOnce(Factory) -> Factory) -> Box<dyn Controller> {
        let part = part::find(name).unwrap();
        let mut chip = for_part(&part);
        change(Factory::of(chip.as_ref(), part.flash.wrp_pages)).install(chip.as_mut()).unwrap();
        chip
    }

    #[test]
    fn a_blank_f031() {
        snapshot("flash_f031_blank", &State::of(chip("F031", |f| f).as_ref()));
    }

    #[test]
    fn an_f051_with_code_and_protection() {
        let chip = chip("F051", |f| {
            let f = f.cells(0x0800_0000, &[0, 0x10, 0, 0x20, 0xC1, 0, 0, 8]).unwrap();
            let f = f.cells(0x0800_1000, &[0x5A; 3000]).unwrap().cells(0x0800_7C00, &[1, 2, 3]).unwrap();
            f.wrp(0, 3).unwrap().rdp(1).unwrap()
        });
        snapshot("flash_f051_protected", &State::of(chip.as_ref()));
    }

    #[test]
    fn a_g071_in_trouble() {
        let mut chip = chip("G071_64K", |f| {
            let f = f.cells(0x0800_0000, &[1; 16]).unwrap().mark(0x0800_0008, 5).unwrap();
            f.option(0x1FFF_7818, 0x0004_0002).unwrap().option_raw(0x1FFF_7870, &[0xFF; 8]).unwrap()
        });
        chip.set_settings(Settings { speed: Speed::Fast, ..chip.settings() });
        snapshot("flash_g071_mismatch", &State::of(chip.as_ref()));
    }
}
