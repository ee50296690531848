//! Option bytes amid a file: whose they are, and what they would do to the chip.

use super::Context;
use super::addresses::about;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::command::Word;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::piece::Piece;
use crate::flash::{Controller, Factory, FactoryError, OptionPath, for_part, interface};
use crate::image::Image;
use crate::part::Part;
use std::ops::Range;
use std::sync::Arc;

/// Option bytes of the F0, the F4 and their kin, and of the G0 and its kin.
const ANYWHERE: [Range<u32>; 2] = [0x1FFF_F800..0x1FFF_F830, 0x1FFF_7800..0x1FFF_7880];

/// Whether option bytes stand at `address`: this part's, or another's.
pub(super) fn are_at(part: &Part, address: u32) -> bool {
    part.option_bytes.contains(address) || ANYWHERE.iter().any(|r| r.contains(&address))
}

pub(super) fn judge(context: &Context, part: &Arc<Part>, piece: &Piece, findings: &mut Vec<Finding>) {
    let mut starts = piece.image.segments.iter().map(|s| s.address).filter(|a| are_at(part, *a));
    let own = starts.clone().find(|a| part.option_bytes.contains(*a));
    findings.extend(own.map(|address| about(of_the_part(context, part, &piece.image), &piece.image, address)));
    if let Some(address) = starts.find(|a| !part.option_bytes.contains(*a)) {
        let message = format!("it holds option bytes of another family than the {}'s, at 0x{address:08X}", part.nick());
        let advice = "they are left out; take them out of the file, or a tool may refuse it";
        findings.push(about(Finding::new(Id::OPTION_BYTES, message, advice), &piece.image, address));
    }
}

fn of_the_part(context: &Context, part: &Arc<Part>, image: &Image) -> Finding {
    let asked = context.wish.option_bytes;
    let effect = effect(part, image);
    let area = part.option_bytes.region();
    let first = image.slice(area.base..area.end()).start();
    let would = if asked { "they" } else { "programmed, they would" };
    let told = effect.as_ref().map_or_else(String::new, |e| format!(": {would} {}", e.phrases().join("; ")));
    let message = format!("it holds option bytes of the {}, at 0x{first:08X}{told}", part.nick());
    let effect = effect.unwrap_or_default();
    let harm = if effect.level == 2 {
        Some("for ever")
    } else if effect.level == 1 || !effect.protected.is_empty() {
        Some("until somebody takes the protection off")
    } else {
        None
    };
    let (advice, severity): (Advice, _) = match (harm, asked) {
        (Some(how), true) => (
            format!("without --option-bytes they are left out; on a real chip they lock it {how}").into(),
            if effect.level == 2 { Severity::Error } else { Severity::Warning },
        ),
        (Some(how), false) => (
            format!(
                "they are left out here; take them out of the file: a tool that programs them locks the chip {how}"
            )
            .into(),
            Severity::Warning,
        ),
        (None, true) => ("they are programmed, as --option-bytes asks".into(), Severity::Note),
        (None, false) => {
            let line = lines::with(context, &[Word::plain("--option-bytes")]);
            (Advice::from("they are left out; ") + line + " programs them", Severity::Warning)
        }
    };
    Finding::new(Id::OPTION_BYTES, message, advice).as_bad_as(severity)
}

/// What a chip does after it was programmed with option bytes and powered anew.
#[derive(Debug, Default, PartialEq, Eq)]
struct Effect {
    /// The read-protection level.
    level: u8,
    /// Ranges of pages that are protected against erase and programming.
    protected: Vec<(u32, u32)>,
    /// Other fields that differ from those of a new chip: name, value, usual value.
    others: Vec<(&'static str, String, String)>,
}

impl Effect {
    /// A phrase each, behind `they` or `they would`.
    fn phrases(&self) -> Vec<String> {
        let mut told = match self.level {
            0 => Vec::new(),
            2 => vec![
                "set read protection level 2, which locks the chip for ever: no probe connects to it again".to_owned(),
            ],
            level => vec![format!(
                "set read protection level {level}: no probe reads or writes it until it is unlocked, which erases everything"
            )],
        };
        let pages: Vec<String> = self
            .protected
            .iter()
            .map(
                |(first, last)| {
                    if first == last { format!("page {first}") } else { format!("pages {first} to {last}") }
                },
            )
            .collect();
        if !pages.is_empty() {
            told.push(format!("write-protect {}", pages.join(", ")));
        }
        told.extend(self.others.iter().map(|(name, value, usual)| format!("set {name} to {value} (usually {usual})")));
        if told.is_empty() {
            told.push("leave the chip as it was delivered, without any protection".to_owned());
        }
        told
    }
}

/// What becomes of a new chip that is programmed with the option bytes in `image`. None where they do not fit in.
fn effect(part: &Arc<Part>, image: &Image) -> Option<Effect> {
    let mut chip = for_part(part);
    let usual = chip.option_fields();
    programmed(part, image, chip.as_ref()).ok()?.install(chip.as_mut()).ok()?;
    let mut protected: Vec<(u32, u32)> = Vec::new();
    for page in (0..chip.cells().pages()).filter(|page| chip.protected(*page)) {
        match protected.last_mut() {
            Some((_, last)) if *last + 1 == page => *last = page,
            _ => protected.push((page, page)),
        }
    }
    let fields = chip.option_fields();
    let told_above = |name: &str| name == "RDP" || name.starts_with("WRP");
    let others = fields.into_iter().zip(usual).filter(|(now, was)| now.stored != was.stored && !told_above(now.name));
    let others = others.map(|(now, was)| (now.name, now.stored, was.stored)).collect();
    Some(Effect { level: chip.rdp_level(), protected, others })
}

/// As a tool programs them: the hardware makes the complements, whatever the file holds of them.
fn programmed(part: &Part, image: &Image, chip: &dyn Controller) -> Result<Factory, FactoryError> {
    let area = part.option_bytes.region();
    let image = image.slice(area.base..area.end());
    let mut factory = Factory::of(chip, part.flash.wrp_pages);
    if let OptionPath::Cells(_) = interface(part.family).options {
        // They are erased first, all of them; what the file leaves out stays so. RDP then is no longer 0.
        factory = factory.option_raw(area.base, &vec![0xFF; area.size as usize])?;
    }
    for word in part.option_bytes.words.values() {
        let address = area.base + word.offset;
        let Some(bytes) = image.bytes(address..address + part.option_bytes.width) else { continue };
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        factory = factory.option(address, value)?;
    }
    Ok(factory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;
    use crate::part;

    fn told(part: &str, blocks: &[(u32, &[u8])]) -> String {
        effect(&part::find(part).unwrap(), &f::hex("x.hex", blocks)).unwrap().phrases().join("; ")
    }

    #[test]
    fn what_they_would_do() {
        let f0 = |bytes: &[u8]| told("F051", &[(0x1FFF_F800, bytes)]);
        assert!(f0(&[0xAA, 0x55]).contains("without any protection"), "{}", f0(&[0xAA, 0x55]));
        assert!(f0(&[0xCC, 0x33]).contains("locks the chip for ever"), "{}", f0(&[0xCC, 0x33]));
        assert!(f0(&[0xBB, 0x44]).starts_with("set read protection level 1: "), "{}", f0(&[0xBB, 0x44]));
        // The hardware makes the complement; a file without RDP leaves it erased, which is level 1.
        assert_eq!(f0(&[0xCC, 0xFF]), f0(&[0xCC, 0x33]));
        assert!(told("F051", &[(0x1FFF_F804, &[1, 0xFE])]).contains("level 1"));
        let wrp = f0(&[0xAA, 0x55, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFE, 1]);
        assert_eq!(wrp, "write-protect pages 0 to 3");
        let watchdog = f0(&[0xAA, 0x55, 0xFE, 1]);
        assert_eq!(watchdog, "set WDG_SW to 0 (usually 1)");
        let g0 = |optr: u32| told("G071", &[(0x1FFF_7800, &optr.to_le_bytes())]);
        assert!(g0(0xFFFF_FECC).contains("for ever") && g0(0xFFFF_FEBB).contains("level 1"));
    }
}
