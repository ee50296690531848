//! Which file is to blame for what a run ended in: one that is cut off, one whose stack does not fit, one at a wrong place.

use super::evidence::{BootRun, Ending};
use super::verdict::Verdict;
use super::words::FOREIGN;
use crate::am32::{Finding, Id, Layout, Piece, Severity};
use crate::cpu::FaultKind;
use crate::part::Part;

/// Names the file that made the deciding power-up fault.
pub fn files(verdict: &mut Verdict, decisive: usize, layout: &Layout) {
    let Some((fault, pc)) = verdict.runs.get(decisive).and_then(fault) else { return };
    let ended = [Id::RUN_BOOTLOADER_FAULT, Id::RUN_APP_FAULT, Id::RUN_LOCKUP];
    let Some(seen) = verdict.findings.iter().position(|f| ended.contains(&f.id)) else { return };
    if let Some(Blank { piece, told }) = blank(verdict, layout, pc) {
        let name = piece.image.name.clone();
        let finding = &mut verdict.findings[seen];
        finding.message = format!("{}; {told}", finding.message.trim_end_matches(FOREIGN));
        finding.advice = format!("take a whole copy of {}", piece.image.base_name()).into();
        finding.file = Some(name.clone());
        // What a part of a file lacks tells nothing about the whole.
        let guesses = [Id::WIPES_SETTINGS, Id::OLD_BOOTLOADER, Id::MARKS_MISMATCH, Id::TAG_MISSING];
        verdict.findings.retain(|f| !(guesses.contains(&f.id) && f.file.as_ref() == Some(&name)));
        return;
    }
    let part = verdict.part.clone();
    if let Some(stack) = part.and_then(|part| stack(verdict, &part, fault)) {
        let evidence = verdict.findings[seen].message.clone();
        let finding = &mut verdict.findings[stack];
        finding.severity = Severity::Error;
        finding.message = format!("{}; {evidence}", finding.message);
        finding.advice = format!("take the file for the {layout}: this one needs more SRAM").into();
        verdict.findings.remove(seen);
    }
}

/// The first fault, and where it was.
const fn fault(run: &BootRun) -> Option<(FaultKind, u32)> {
    match run.ending {
        Ending::BootloaderFault { fault, pc }
        | Ending::AppFault { fault, pc }
        | Ending::Lockup { fault: Some(fault), pc, .. } => Some((fault, pc)),
        _ => None,
    }
}

/// A file that holds nothing where its code went on.
struct Blank {
    piece: Piece,
    told: String,
}

/// The file that the code at `pc` should have come from, where nothing stands there.
fn blank(verdict: &Verdict, layout: &Layout, pc: u32) -> Option<Blank> {
    let cells = &verdict.held.as_ref()?.non_volatile;
    let offset = pc.checked_sub(cells.base)? as usize;
    let erased = cells.bytes.get(offset..offset + 2)?.iter().all(|b| *b == 0xFF);
    if !erased || verdict.origin(pc).is_some() {
        return None;
    }
    let area = if pc < layout.app { layout.base..layout.app } else { layout.app..layout.eeprom };
    let of_area = |piece: &&Piece| piece.image.touches(area.clone());
    let piece = verdict.pieces.iter().rev().find(of_area)?;
    let name = piece.image.base_name();
    let image = piece.image.slice(area);
    let end = image.segments.iter().map(|s| s.end()).filter(|end| *end <= u64::from(pc)).max()?;
    let next = image.segments.iter().map(|s| s.address).find(|address| *address > pc);
    let told = match next {
        None => {
            format!("that is behind the end of {name}, whose last byte is at 0x{:08X}: the file is cut off", end - 1)
        }
        Some(next) => {
            format!("{name} holds nothing from 0x{end:08X} to 0x{:08X}: a piece of its code is missing", next - 1)
        }
    };
    Some(Blank { piece: piece.clone(), told })
}

/// The finding about a stack above SRAM, where the fault was an access to it.
fn stack(verdict: &Verdict, part: &Part, fault: FaultKind) -> Option<usize> {
    let (FaultKind::Read { address, .. } | FaultKind::Write { address, .. }) = fault else { return None };
    let beyond = verdict.findings.iter().position(|f| f.id == Id::STACK_BEYOND)?;
    let file = verdict.findings[beyond].file.as_ref()?;
    let piece = verdict.pieces.iter().find(|p| p.image.name == *file)?;
    let app = piece.info.app.as_ref().and_then(|a| a.vectors);
    let tops = [piece.info.bootloader.and_then(|b| b.vectors), app].into_iter().flatten();
    let top = tops.map(|v| v.sp).max()?;
    (part.sram.end()..top).contains(&address).then_some(beyond)
}

/// What a run comes to where a file is at a wrong place: evidence of that, and no finding of its own.
pub fn causes(findings: &mut Vec<Finding>) {
    for (seen, cause) in [
        (Id::RUN_APP_FAULT, Id::LINKED_FOR_BASE),
        (Id::RUN_APP_FAULT, Id::OTHER_CORE),
        (Id::RUN_BOOTLOADER_FAULT, Id::OTHER_CORE),
        (Id::RUN_LOCKUP, Id::OTHER_CORE),
        (Id::RUN_LOCKUP, Id::CONTRADICTION),
        (Id::RUN_BOOT_BYTE_BLANK, Id::CONTRADICTION),
        (Id::RUN_LOCKUP, Id::MISPLACED),
    ] {
        let seen = findings.iter().position(|f| f.id == seen);
        let cause = findings.iter().position(|f| f.id == cause && f.severity == Severity::Error);
        if let (Some(seen), Some(cause)) = (seen, cause) {
            let evidence = findings[seen].message.clone();
            findings[cause].message.push_str("; ");
            findings[cause].message.push_str(&evidence);
            findings.remove(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::{Given, Role};
    use crate::esc::{Options, PowerUp, check};
    use crate::image::Image;

    fn standin(name: &str) -> Vec<u8> {
        std::fs::read(format!("firmware/built/STANDIN_{name}")).unwrap()
    }

    /// The verdict's first error.
    fn first(part: Option<&str>, files: Vec<(Role, &str, Vec<u8>)>) -> Finding {
        let given = files
            .into_iter()
            .map(|(role, name, bytes)| Given { image: Image::parse(name, &bytes, None).unwrap(), role: Some(role) })
            .collect();
        let part = part.map(|p| crate::part::find(p).unwrap());
        let options = Options { part, power_ups: vec![PowerUp::decisive()], ..Options::default() };
        let (verdict, _) = check(given, &options, None).unwrap();
        verdict.findings.into_iter().find(|f| f.severity == Severity::Error).unwrap()
    }

    fn three(bootloader: Vec<u8>, app: Vec<u8>) -> Vec<(Role, &'static str, Vec<u8>)> {
        let page = standin("EEPROM_V2_1K.bin");
        vec![(Role::Bootloader, "bl.bin", bootloader), (Role::App, "app.bin", app), (Role::Eeprom, "page.bin", page)]
    }

    #[test]
    fn a_file_that_is_cut_off_is_told_to_be() {
        let (bootloader, app) = (standin("F051_BOOTLOADER_PB4_V14.bin"), standin("DRYFLASH_F051_2.20.bin"));
        let finding = first(Some("F051"), three(bootloader[..900].to_vec(), app.clone()));
        assert_eq!((finding.id, finding.file.as_deref()), (Id::RUN_BOOTLOADER_FAULT, Some("bl.bin")));
        let told = "; that is behind the end of bl.bin, whose last byte is at 0x08000383: the file is cut off";
        assert!(finding.message.ends_with(told), "{}", finding.message);
        assert!(!finding.message.contains(FOREIGN), "{}", finding.message);
        let finding = first(Some("F051"), three(bootloader, app[..0x180].to_vec()));
        assert_eq!((finding.id, finding.file.as_deref()), (Id::RUN_APP_FAULT, Some("app.bin")));
        assert!(finding.message.contains("app.bin, whose last byte is at 0x0800117F"), "{}", finding.message);
    }

    #[test]
    fn a_stack_above_sram_is_what_locks_the_core_up() {
        // Without the tag, which would say it first.
        let app = standin("DRYFLASH_G071_128K_2.20.bin")[..0x4000].to_vec();
        let finding = first(Some("F051"), three(standin("F051_BOOTLOADER_PB4_V14.bin"), app));
        assert_eq!((finding.id, finding.file.as_deref()), (Id::STACK_BEYOND, Some("app.bin")));
        assert!(finding.message.contains("; the app locked up at PC 0x080010C0"), "{}", finding.message);
    }

    #[test]
    fn a_full_image_that_is_given_as_an_app_is_one() {
        let full = vec![(Role::App, "x.bin", standin("DRYFLASH_F051_2.20_FULL.bin"))];
        let finding = first(Some("F051"), full);
        assert_eq!(finding.id, Id::CONTRADICTION);
        assert!(finding.message.contains("its bytes are those of a full image"), "{}", finding.message);
        assert!(finding.advice.to_string().contains("`dryflash check --part F051 --full x.bin`"), "{}", finding.advice);
    }
}
