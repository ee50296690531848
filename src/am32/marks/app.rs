//! An app's marks: its vector table, its name tag, the version that apps up to 2.16 hold, the CAN signature.

use super::{Vectors, View, vectors};
use crate::am32::layout::{FLASH_BASE, LAYOUTS, Mcu};
use crate::am32::names::Firmware;

const CAN_SIGNATURE: [u32; 2] = [0x68F0_58E6, 0xAFCE_E5A0];

/// The name tag: `NAME_MCU` in 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tag {
    /// Where it stands.
    pub address: u32,
    /// Its text.
    pub text: String,
    /// The MCU that it ends in.
    pub mcu: Option<Mcu>,
    /// Whether it stands where a layout has it; else it was found by search.
    pub usual: bool,
}

/// What apps up to 2.16 hold at +0xC0.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OldVersion {
    /// Where it stands.
    pub address: u32,
    /// The version.
    pub firmware: Firmware,
    /// The name after it.
    pub name: String,
}

/// What an app tells about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AppMarks {
    /// Its first two words, where they could start code outside of the bootloader's area.
    pub vectors: Option<Vectors>,
    /// Its name tag.
    pub tag: Option<Tag>,
    /// Its version, up to 2.16.
    pub old_version: Option<OldVersion>,
    /// Where its CAN signature stands.
    pub can_signature: Option<u32>,
    /// It is linked for the start of flash: there its name tag is where a layout has it, or its reset vector lies where
    /// a bootloader stands.
    pub at_base: bool,
}

/// The marks of an app at `start`, or none where nothing there speaks for one.
pub fn app(view: &View, start: u32) -> Option<AppMarks> {
    let vectors = vectors(view, start).filter(|v| v.plausible() && v.offset() >= 0x1000);
    let tag = tag(view);
    if vectors.is_none() && tag.is_none() {
        return None;
    }
    let can_signature = (0..0x200 / 4).filter_map(|i| start.checked_add(i * 4)).find(|&at| {
        view.word(at) == Some(CAN_SIGNATURE[0])
            && at.checked_add(4).and_then(|b| view.word(b)) == Some(CAN_SIGNATURE[1])
    });
    Some(AppMarks { vectors, tag, old_version: old_version(view, start), can_signature, at_base: false })
}

/// The marks of an app that is linked for the start of flash, seen there. Its name tag then stands where its MCU's layout
/// has it, or it starts as a bootloader does and has a tag anywhere. `given` where the command line calls it an app.
pub fn app_at_base(view: &View, base: u32, given: bool) -> Option<AppMarks> {
    let vectors = vectors(view, base).filter(Vectors::plausible)?;
    let tag = tag(view).filter(|t| t.mcu.is_some());
    let low = vectors.offset() < 0x1000;
    let told = tag.as_ref().is_some_and(|t| low || is_at_home(t)) || low && given;
    told.then_some(AppMarks { vectors: Some(vectors), tag, old_version: None, can_signature: None, at_base: true })
}

/// Whether a layout of its own MCU has the tag at its address.
fn is_at_home(tag: &Tag) -> bool {
    LAYOUTS.iter().any(|l| Some(l.mcu) == tag.mcu && l.tag == tag.address && !l.can && l.base == FLASH_BASE)
}

fn old_version(view: &View, start: u32) -> Option<OldVersion> {
    let address = start.checked_add(0xC0)?;
    let data = view.bytes(address, 14)?;
    let [major @ 1..=2, minor @ 0..=99, text @ ..] = data.as_slice() else { return None };
    let name = text.iter().map(|b| char::from(*b)).collect::<String>();
    let name = name.trim_end_matches(['\0', ' ']).to_owned();
    let printable = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    printable.then_some(OldVersion { address, firmware: Firmware { major: *major, minor: *minor }, name })
}

fn tag(view: &View) -> Option<Tag> {
    // Where layouts have it, any text is one; elsewhere only what ends in an MCU's name.
    let mut usual: Vec<u32> = LAYOUTS.iter().map(|l| l.tag).collect();
    usual.sort_unstable();
    usual.dedup();
    let at_home = usual.into_iter().filter_map(|address| {
        let text = text(&view.bytes(address, 30)?)?;
        let known = mcu(&text);
        // The CAN layouts have it amid code, where text could be anything.
        (known.is_some() || text.contains('_')).then_some(Tag { address, mcu: known, text, usual: true })
    });
    at_home.max_by_key(|t| t.mcu.is_some()).or_else(|| searched(view))
}

fn searched(view: &View) -> Option<Tag> {
    for (start, data) in view.segments() {
        for (i, window) in data.windows(30).enumerate().step_by(4) {
            // Cheap first: most windows do not start with a letter and hold no zero.
            if !window.first().is_some_and(u8::is_ascii_uppercase) {
                continue;
            }
            let Some(text) = text(window) else { continue };
            if let (Some(mcu), Some(address)) = (mcu(&text), u32::try_from(i).ok().and_then(|i| start.checked_add(i))) {
                return Some(Tag { address, text, mcu: Some(mcu), usual: false });
            }
        }
    }
    None
}

/// The text of a tag: at least four characters of a name, then zeros.
/// Whether these 30 bytes, at the place that a layout has for it, are a name tag of AM32's.
pub fn is_name_tag(bytes: &[u8]) -> bool {
    text(bytes).is_some_and(|text| mcu(&text).is_some())
}

fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let (name, rest) = bytes.split_at_checked(end)?;
    let named = name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b' ' | b'-'));
    let filled = rest.iter().all(|b| *b == 0);
    (name.len() >= 4 && named && filled).then(|| name.iter().map(|b| char::from(*b)).collect())
}

/// The MCU that a tag ends in; `_CAN` or a variant may follow it.
fn mcu(text: &str) -> Option<Mcu> {
    if !text.contains('_') {
        return None;
    }
    text.split(['_', ' ']).rev().take(2).find_map(Mcu::from_word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;
    use crate::image::Image;

    fn marks(data: &[u8]) -> Option<AppMarks> {
        let image = Image::parse("a.bin", data, None).unwrap();
        app(&View::at(&image, 0x0800_1000), 0x0800_1000)
    }

    #[test]
    fn a_tag_at_its_place_and_elsewhere() {
        let m = marks(&fixtures::app("AM32REF_F051", 0x7BE0)).unwrap();
        let tag = m.tag.unwrap();
        assert_eq!(
            (tag.address, tag.text.as_str(), tag.mcu, tag.usual),
            (0x0800_7BE0, "AM32REF_F051", Some(Mcu::F051), true)
        );
        let tag = marks(&fixtures::app("STELLAR_G071_V1", 0xF7E0)).unwrap().tag.unwrap();
        assert_eq!((tag.address, tag.mcu), (0x0800_F7E0, Some(Mcu::G071)));
        let tag = marks(&fixtures::app("X_F421", 0x4400 + 0x40)).unwrap().tag.unwrap();
        assert_eq!((tag.mcu, tag.usual), (Some(Mcu::F421), false));
        let tag = marks(&fixtures::app("NEUTRON_2_6S_AIO", 0x7BE0)).unwrap().tag.unwrap();
        assert_eq!((tag.text.as_str(), tag.mcu), ("NEUTRON_2_6S_AIO", None));
    }

    #[test]
    fn no_tag_old_versions_and_signatures() {
        let mut data = fixtures::app("", 0x7BE0);
        assert_eq!(marks(&data).unwrap().tag, None);
        data[0xC0..0xCE].copy_from_slice(b"\x02\x10NEOESC f051 ");
        let old = marks(&data).unwrap().old_version.unwrap();
        assert_eq!((old.firmware.to_string().as_str(), old.name.as_str()), ("2.16", "NEOESC f051"));
        data[0x1F8..0x200].copy_from_slice(&[0xE6, 0x58, 0xF0, 0x68, 0xA0, 0xE5, 0xCE, 0xAF]);
        assert_eq!(marks(&data).unwrap().can_signature, Some(0x0800_11F8));
    }

    #[test]
    fn others_are_none() {
        assert!(marks(&fixtures::bootloader("PB4", 0x1F, 2)).is_none());
        assert!(marks(&[0xFF; 64]).is_none());
        let image = Image::parse("a.bin", &[b'A'; 64], Some(0xFFFF_FFC0)).unwrap();
        assert!(app(&View::new(&image), 0xFFFF_FFC0).is_none());
    }
}
