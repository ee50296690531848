//! Which part the files are for: `--part`, else the app's name tag, else file names, else all marks together.

use super::layout::{FLASH_BASE, LAYOUTS, Layout, Mcu};
use super::names::Kind;
use super::roles::{FLASH_SIZES, Recognised, Role};
use crate::image::Image;
use crate::part::{self, Part};
use std::sync::Arc;

/// The parts that are left, and why.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// None where the files are for an MCU that is not modelled.
    pub parts: Vec<Arc<Part>>,
    /// How they were found.
    pub evidence: String,
    /// Where no part is left: whose the files are.
    pub foreign: Option<Mcu>,
}

pub(super) type File<'a> = (&'a Image, &'a Recognised);

/// Chooses among the parts that have a short name: K6 and K8 of the F051 are told apart by `--part` only.
pub(super) fn choose(files: &[File], wish: Option<&Arc<Part>>) -> Choice {
    if let Some(part) = wish {
        return Choice { parts: vec![part.clone()], evidence: "as given with --part".to_owned(), foreign: None };
    }
    let all = part::all().iter().filter(|p| p.short.is_some() && Layout::of(p).is_some()).cloned();
    let all: Vec<Arc<Part>> = all.collect();
    let (parts, evidence) = match said(files, tag_says).or_else(|| said(files, name_says)) {
        Some((mcu, evidence)) => {
            let parts: Vec<_> = all.iter().filter(|p| Layout::of(p).is_some_and(|l| l.mcu == mcu)).cloned().collect();
            if parts.is_empty() {
                return Choice { parts, evidence: format!("by {evidence}"), foreign: Some(mcu) };
            }
            (parts, vec![evidence])
        }
        None => (all, Vec::new()),
    };
    narrow(files, parts, evidence)
}

/// The first MCU that is said and modelled, else the first one said.
fn said(files: &[File], says: fn(&File) -> Option<(Mcu, String)>) -> Option<(Mcu, String)> {
    let all: Vec<_> = files.iter().filter_map(says).collect();
    all.iter().find(|(mcu, _)| mcu.is_modelled()).or(all.first()).cloned()
}

fn tag_says((image, known): &File) -> Option<(Mcu, String)> {
    let tag = known.app.as_ref()?.tag.as_ref()?;
    Some((tag.mcu?, format!("the name tag '{}' in {}", tag.text, image.name)))
}

fn name_says((image, known): &File) -> Option<(Mcu, String)> {
    let inside = image.amj.as_ref().and_then(|amj| amj.mcu_type.as_deref()).and_then(Mcu::from_word);
    match (inside, known.name.mcu) {
        (Some(mcu), _) => Some((mcu, format!("the mcuType in {}", image.name))),
        (None, mcu) => Some((mcu?, format!("the file name {}", image.name))),
    }
}

/// Drops what marks speak against. A mark that would leave nothing is left for the findings.
fn narrow(files: &[File], mut parts: Vec<Arc<Part>>, mut evidence: Vec<String>) -> Choice {
    let mut keep = |why: String, fits: &dyn Fn(&Part, &Layout) -> bool| {
        let left: Vec<_> = parts.iter().filter(|p| Layout::of(p).is_some_and(|l| fits(p, l))).cloned().collect();
        if !left.is_empty() && left.len() < parts.len() {
            parts = left;
            evidence.push(why);
        }
    };
    for (image, known) in files {
        let name = &known.name;
        if let (Some(Kind::Bootloader | Kind::Updater), Some(kb)) = (name.kind, name.flash_kb) {
            keep(format!("the file name {}", image.name), &|p, _| p.flash.size == kb * 1024);
        }
    }
    for (image, known) in files {
        if let Some(info) = known.bootloader.and_then(|b| b.info) {
            let why = format!("the flash code {:02X} in {}", info.flash_code, image.name);
            keep(why, &|_, l| l.flash_code == Some(info.flash_code));
        }
        if let Some(mcu) = known.shape {
            keep(format!("the vector table of {}", image.name), &|_, l| l.mcu == mcu);
        }
        let app = known.app.as_ref().and_then(|a| a.vectors);
        for v in [known.bootloader.and_then(|b| b.vectors), app].into_iter().flatten() {
            let why = format!("the stack pointer 0x{:08X} of {}", v.sp, image.name);
            keep(why, &|p, _| v.sp <= p.sram.end());
        }
        if let Some(address) = eeprom_address(image, known) {
            keep(format!("the EEPROM address 0x{address:08X} of {}", image.name), &|_, l| l.eeprom == address);
        }
        if known.role == Role::Full && FLASH_SIZES.contains(&(image.len() as u64)) {
            let all = image.len() as u64;
            keep(format!("the length of {}", image.name), &|p, _| u64::from(p.flash.size) == all);
        }
        // Option bytes lie elsewhere; what counts is the end in flash.
        let end = if image.placed {
            let flash = image.slice(FLASH_BASE..FLASH_BASE + 0x10_0000);
            flash.end()
        } else {
            let at_base = known.app.as_ref().is_some_and(|a| a.at_base);
            let role = if at_base { Role::Full } else { known.role };
            role.home(&LAYOUTS[0])
                .map_or(0, |home| if known.role == Role::Eeprom { 0 } else { u64::from(home) + image.end() })
        };
        keep(format!("the length of {}", image.name), &|p, _| end <= u64::from(p.flash.end()));
    }
    for (image, known) in files {
        // A bootloader for the larger G071 carries no size in its name; but neither did the first ones for the
        // smaller, so this comes last.
        let name = &known.name;
        let is_code = matches!(name.kind, Some(Kind::Bootloader | Kind::Updater));
        if is_code && name.mcu == Some(Mcu::G071) && name.flash_kb.is_none() {
            keep(format!("the lack of a size in the file name {}", image.name), &|p, _| p.flash.size == 128 * 1024);
        }
    }
    evidence.dedup();
    let evidence = match evidence.as_slice() {
        [] => "nothing in the files tells the part".to_owned(),
        some => format!("by {}", some.join(", and ")),
    };
    Choice { parts, evidence, foreign: None }
}

/// Where a file says that its EEPROM page goes.
fn eeprom_address(image: &Image, known: &Recognised) -> Option<u32> {
    if known.role != Role::Eeprom {
        return None;
    }
    let address = if image.placed { image.start() } else { FLASH_BASE.checked_add(known.name.eeprom_offset?)? };
    LAYOUTS.iter().any(|l| l.eeprom == address).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;
    use crate::am32::roles::recognise;

    fn chosen(images: &[Image]) -> Vec<String> {
        let known: Vec<_> = images.iter().map(|i| recognise(i, None)).collect();
        let files: Vec<File> = images.iter().zip(&known).collect();
        choose(&files, None).parts.iter().map(|p| p.nick().to_owned()).collect()
    }

    #[test]
    fn the_tag_before_the_names_before_the_marks() {
        let app = f::image("AM32_X_G071_2.20.bin", &f::app("X_F051", 0x7BE0), None);
        assert_eq!(chosen(std::slice::from_ref(&app)), ["F051"]);
        let bl = f::image("AM32_F051_BOOTLOADER_PB4_V14.bin", &f::bootloader("PB4", 0x35, 2), None);
        assert_eq!(chosen(&[bl]), ["F051"]);
        assert_eq!(chosen(&[f::image("x", &f::bootloader("PB4", 0x1F, 2), None)]), ["F031", "F051"]);
        assert_eq!(chosen(&[f::image("x", &f::old_bootloader(11), None)]), ["F051"], "SP is above the F031's SRAM");
        assert_eq!(chosen(&[f::image("x", &[7; 9], None)]), ["F031", "F051", "G031", "G071_64K", "G071"]);
    }

    #[test]
    fn both_sizes_of_the_g071() {
        let app = || f::image("app.bin", &f::app("X_G071", 0xF7E0), None);
        let bl = |name, code| f::image(name, &f::bootloader("PB4", code, 2), None);
        let old = |name| f::image(name, &f::old_bootloader(12), None);
        assert_eq!(chosen(&[app()]), ["G071_64K", "G071"]);
        assert_eq!(chosen(&[app(), bl("b", 0x35)]), ["G071_64K"]);
        assert_eq!(chosen(&[app(), bl("b", 0x2B)]), ["G071"]);
        assert_eq!(chosen(&[app(), old("AM32_G071_BOOTLOADER_PB4_64K_V12.bin")]), ["G071_64K"]);
        let bare = |name| f::image(name, &f::start(0x2000_1000, 0x0800_0221), None);
        assert_eq!(chosen(&[app(), bare("AM32_G071_BOOTLOADER_PB4_V12.bin")]), ["G071"]);
        assert_eq!(chosen(&[app(), bl("AM32_G071_BOOTLOADER_PB4_V12.bin", 0x35)]), ["G071_64K"]);
        assert_eq!(chosen(&[app(), f::image("e", &f::eeprom(1, 2, (2, 5)), Some(0x0801_F800))]), ["G071"]);
        assert_eq!(chosen(&[app(), f::image("eeprom_f800.bin", &f::eeprom(1, 2, (2, 5)), None)]), ["G071_64K"]);
    }

    #[test]
    fn what_is_not_modelled() {
        let image = f::image("AM32_F421_BOOTLOADER_PB4_V14.bin", &f::bootloader("PB4", 0x1F, 2), None);
        let known = recognise(&image, None);
        let choice = choose(&[(&image, &known)], None);
        assert!(choice.parts.is_empty() && choice.foreign == Some(Mcu::F421));
        assert!(choice.evidence.contains("AM32_F421"), "{}", choice.evidence);
    }
}
