//! Where the settings page lies in what is looked at.

use super::Source;
use crate::am32::settings::{LENGTH, SHORTEST};
use crate::am32::{self, Given, Layout, PlanError, Request, eeprom};
use crate::image::{Format, Image};
use crate::part::Part;
use crate::plural::{count, thousands};
use crate::shell;
use std::sync::Arc;

/// How long a file may be that is one page: as the layouts have it, as tools read it, or a page of flash.
const LENGTHS: [usize; 8] = [48, 176, 184, 192, 256, 1024, 2048, 8192];
/// The longest page of flash that settings stand in.
const LONGEST: usize = 8192;

type Layouts = Vec<&'static Layout>;

/// A settings page, found.
#[derive(Clone, Debug)]
pub struct Page {
    /// The file that it is in.
    pub file: Arc<str>,
    /// Its first address; none where the file is a page, and nothing tells where it goes.
    pub address: Option<u32>,
    /// Whose it is, where that is known.
    pub layout: Option<&'static Layout>,
    /// Its bytes, as far as any firmware reads them and the file has them: 48 to [`LENGTH`].
    pub bytes: Vec<u8>,
    /// The image, where the page stands at its address.
    pub image: Image,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "`file` is the file as the user named it")]
pub enum PageError {
    /// Shorter than any page.
    #[error(
        "{file}: has {}, and the shortest settings page has {}: it is cut off; read it again",
        count(*.length as u64, "byte"), SHORTEST
    )]
    TooShort { file: Arc<str>, length: usize },
    /// No page is as long.
    #[error(
        "{file}: has {} bytes, as no settings page has ({}); if settings stand at its beginning all the same, give it \
         their address: {}", thousands(*.length), lengths(), shell::file(&format!("{file}@0x08007C00")))]
    WrongSize { file: Arc<str>, length: usize },
    /// The page ends early.
    #[error(
        "{file}: the settings page at 0x{address:08X} ends after {}, and the shortest has {}: the file \
             is cut off; read it again",
        count(*.length as u64, "byte"), SHORTEST
    )]
    Cut { file: Arc<str>, address: u32, length: usize },
    /// There is no room for it.
    #[error(
        "{file}: {} at 0x{address:08X} would pass the end of the address space (0xFFFFFFFF); give the page's address",
        count(*.length as u64, "byte")
    )]
    PastEnd { file: Arc<str>, address: u32, length: usize },
    /// Bytes are missing amid the page.
    #[error(
        "{file}: the settings page at 0x{page:08X} has a gap: nothing is said of 0x{first:08X} to 0x{last:08X}; read the page again, whole"
    )]
    Gap { file: Arc<str>, page: u32, first: u32, last: u32 },
    /// There is nothing where the page should be.
    #[error("{file}: holds nothing at 0x{address:08X}, where {whose} settings stand; it reaches from 0x{start:08X} to \
             0x{:08X}; name another part with --part, or the page's first address with --at", .end.saturating_sub(1))]
    NotThere { file: Arc<str>, address: u32, whose: String, start: u32, end: u64 },
    /// Several places could be meant.
    #[error("{file}: settings may stand at {}; say which with --part or --at", .places.join(", "))]
    Ambiguous { file: Arc<str>, places: Vec<String> },
    /// It is not known what the file is.
    #[error("{file}: neither its bytes nor its name tell what it is or where it goes; give its first address, as in {}",
            shell::file(&format!("{file}@0x08000000")))]
    Unclear { file: Arc<str> },
    /// The part is not one of AM32's.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

fn lengths() -> String {
    LENGTHS.iter().map(|l| thousands(*l)).collect::<Vec<_>>().join(", ")
}

/// Finds the page in `source`. `part` says whose flash it is, `at` where the page begins, where one of them was named.
///
/// # Errors
/// There is none, it is cut off, or nothing tells where it begins.
pub fn find(source: &Source, part: Option<&Arc<Part>>, at: Option<u32>) -> Result<Page, PageError> {
    let (file, image) = (|| source.name.clone(), &source.image);
    let part = part.or(source.part.as_ref());
    let layout = part.and_then(|p| Layout::of(p));
    if !image.placed && image.len() <= LONGEST {
        let length = image.len();
        if length < SHORTEST {
            return Err(PageError::TooShort { file: file(), length });
        }
        if !LENGTHS.contains(&length) {
            return Err(PageError::WrongSize { file: file(), length });
        }
        return alone(image, at.or(layout.map(|l| l.eeprom)), layout);
    }
    let (image, all, mut layouts) = placed(image, part)?;
    // Where several parts have their settings at one address, it is not known which of them it is.
    let of = |address| {
        let here: Vec<&'static Layout> = all.iter().copied().filter(|l| l.eeprom == address).collect();
        if let [only] = here[..] { Some(only) } else { None }
    };
    if let Some(address) = at {
        return cut_out(&image, address, of(address), "the");
    }
    layouts.dedup_by_key(|l| l.eeprom);
    let address = choose(&image, &layouts)?.eeprom;
    let names: Vec<String> = all.iter().filter(|l| l.eeprom == address).map(|l| l.to_string()).collect();
    cut_out(&image, address, of(address), &format!("the {}'s", names.join("'s or ")))
}

/// A file that is nothing but a page.
fn alone(image: &Image, address: Option<u32>, layout: Option<&'static Layout>) -> Result<Page, PageError> {
    let mut image = image.clone();
    if let Some(address) = address
        && image.place(address).is_err()
    {
        return Err(PageError::PastEnd { file: image.name.clone(), address, length: image.len() });
    }
    let bytes = image.segments.first().map_or(&[][..], |s| &s.data);
    let bytes = bytes.get(..LENGTH).unwrap_or(bytes).to_vec();
    Ok(Page { file: image.name.clone(), address, layout, bytes, image })
}

/// The image at its place, whose it may be, and of those whose settings it may hold.
fn placed(image: &Image, part: Option<&Arc<Part>>) -> Result<(Image, Layouts, Layouts), PageError> {
    let given = Given { image: image.clone(), role: None };
    let wish = Request { part: part.cloned(), has_state: true, ..Request::default() };
    let plan = am32::plan(vec![given], &wish)?;
    let Some(piece) = plan.pieces.first() else { return Err(PageError::Unclear { file: image.name.clone() }) };
    let mut layouts: Vec<&Layout> = plan.candidates.iter().filter_map(|p| Layout::of(p)).collect();
    if layouts.is_empty() {
        // An MCU that is not modelled: wherever settings are.
        let here = |l: &&Layout| eeprom::surely(&piece.image.bytes(l.eeprom..l.eeprom + 48).unwrap_or_default());
        layouts = am32::layout::LAYOUTS.iter().filter(here).collect();
    }
    let all = layouts.clone();
    let settings = |l: &&'static Layout| piece.image.byte(l.eeprom).is_some();
    match layouts.iter().any(settings) {
        true => layouts.retain(settings),
        // That it is not there is told of the usual one.
        false => layouts.truncate(1),
    }
    Ok((piece.image.clone(), all, layouts))
}

/// The one place of several that holds settings.
fn choose(image: &Image, layouts: &[&'static Layout]) -> Result<&'static Layout, PageError> {
    let [first, others @ ..] = layouts else {
        return Err(PageError::Unclear { file: image.name.clone() });
    };
    if others.is_empty() {
        return Ok(first);
    }
    let surely = |l: &&&'static Layout| eeprom::surely(&image.bytes(l.eeprom..l.eeprom + 48).unwrap_or_default());
    let mut sure = layouts.iter().filter(surely);
    match (sure.next(), sure.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let places = layouts.iter().map(|l| format!("0x{:08X} ({l})", l.eeprom)).collect();
            Err(PageError::Ambiguous { file: image.name.clone(), places })
        }
    }
}

/// The page at `address`.
fn cut_out(image: &Image, address: u32, layout: Option<&'static Layout>, whose: &str) -> Result<Page, PageError> {
    let file = || image.name.clone();
    let Some(segment) = image.segment_at(address) else {
        let (start, end) = (image.start(), image.end());
        return Err(PageError::NotThere { file: file(), address, whose: whose.to_owned(), start, end });
    };
    let bytes = segment.data.get((address - segment.address) as usize..).unwrap_or_default();
    let bytes = bytes.get(..LENGTH).unwrap_or(bytes).to_vec();
    // Up to the end of the address space, which no range of 32 bits reaches.
    let (end, whole) = (u64::from(address) + bytes.len() as u64, u64::from(address) + LENGTH as u64);
    let after = image.segments.iter().map(|s| s.address).find(|a| (end..whole).contains(&u64::from(*a)));
    if let (Some(next), Ok(first)) = (after, u32::try_from(end)) {
        return Err(PageError::Gap { file: file(), page: address, first, last: next.saturating_sub(1) });
    }
    if bytes.len() < SHORTEST {
        return Err(PageError::Cut { file: file(), address, length: bytes.len() });
    }
    Ok(Page { file: file(), address: Some(address), layout, bytes, image: image.clone() })
}

impl Page {
    /// Whether the file is nothing but this page, without addresses.
    pub fn is_alone(&self) -> bool {
        self.image.format == Format::Bin && self.image.start() == self.address.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;
    use crate::part;

    fn source(name: &str, data: &[u8], at: Option<u32>) -> Source {
        Source::of_image(Image::parse(name, data, at).unwrap())
    }

    fn full(flash: usize, page: usize) -> Vec<u8> {
        let mut data = f::bootloader("PB4", 0x1F, 2);
        data.resize(0x1000, 0xFF);
        data.extend(f::app("X_F051", 0x7BE0));
        data.resize(page, 0xFF);
        data.extend(f::eeprom(1, 4, (2, 21)));
        data.resize(flash, 0xFF);
        data
    }

    fn found(source: &Source, part: Option<&str>, at: Option<u32>) -> Result<(Option<u32>, usize), String> {
        let part = part.map(|p| part::find(p).unwrap());
        find(source, part.as_ref(), at).map(|p| (p.address, p.bytes.len())).map_err(|e| e.to_string())
    }

    #[test]
    fn a_page_alone() {
        let page = f::eeprom(1, 4, (2, 21));
        assert_eq!(found(&source("a.bin", &page, None), None, None), Ok((None, 48)));
        assert_eq!(found(&source("a.bin", &[0xFF; 1024], None), None, None), Ok((None, 192)));
        assert_eq!(found(&source("a.bin", &page, None), Some("G071"), None), Ok((Some(0x0801_F800), 48)));
        assert_eq!(found(&source("a.bin", &page, Some(0x0800_7C00)), None, None), Ok((Some(0x0800_7C00), 48)));
        assert!(found(&source("a.bin", &page[..47], None), None, None).unwrap_err().contains("47 bytes"));
        let long = source("a.bin", &[1; 200], None);
        assert!(found(&long, None, None).unwrap_err().contains("a.bin@0x08007C00"));
    }

    #[test]
    fn a_page_amid_flash() {
        let whole = source("a_FULL.bin", &full(0x8000, 0x7C00), None);
        assert_eq!(found(&whole, None, None), Ok((Some(0x0800_7C00), 192)));
        let error = found(&whole, Some("G071"), None).unwrap_err();
        assert!(error.contains("0x0801F800") && error.contains("G071's") && error.contains("0x08007FFF"), "{error}");
        assert_eq!(found(&whole, Some("G071"), Some(0x0800_7C00)), Ok((Some(0x0800_7C00), 192)));
        let short = source("a_FULL.bin", &full(0x8000, 0x7C00)[..0x7C10], None);
        assert!(found(&short, None, None).unwrap_err().contains("ends after 16 bytes"));
        let bootloader = source("a.bin", &f::bootloader("PB4", 0x1F, 2), Some(0x0800_0000));
        assert!(found(&bootloader, None, None).unwrap_err().contains("0x08007C00"));
    }

    #[test]
    fn the_last_page_of_the_address_space() {
        let page = f::eeprom(1, 4, (2, 21));
        let at = |at| found(&source("a.bin", &page, Some(at)), Some("F051"), Some(at));
        assert_eq!(at(0xFFFF_FFD0), Ok((Some(0xFFFF_FFD0), 48)));
        let error = found(&source("a.bin", &page, None), None, Some(0xFFFF_FFF0)).unwrap_err();
        assert!(error.contains("48 bytes at 0xFFFFFFF0 would pass the end"), "{error}");
        let short = source("a.bin", &page[..16], Some(0xFFFF_FFF0));
        assert!(found(&short, None, Some(0xFFFF_FFF0)).unwrap_err().contains("ends after 16 bytes"));
    }

    #[test]
    fn a_hex_with_gaps() {
        let line = |at: u16, data: &[u8]| {
            let sum: u8 = data.iter().chain(&at.to_be_bytes()).fold(data.len() as u8, |s, b| s.wrapping_add(*b));
            let bytes: String = data.iter().map(|b| format!("{b:02X}")).collect();
            format!(":{:02X}{at:04X}00{bytes}{:02X}\n", data.len(), sum.wrapping_neg())
        };
        let page = f::eeprom(1, 4, (2, 21));
        let hex = |lines: &[String]| format!(":020000040800F2\n{}:00000001FF\n", lines.concat());
        let whole = hex(&[line(0x7C00, &page)]);
        assert_eq!(found(&source("a.hex", whole.as_bytes(), None), None, None), Ok((Some(0x0800_7C00), 48)));
        let gap = hex(&[line(0x7C00, &page[..16]), line(0x7C20, &page[32..])]);
        let error = found(&source("a.hex", gap.as_bytes(), None), None, None).unwrap_err();
        assert!(error.contains("0x08007C10 to 0x08007C1F"), "{error}");
        let error = found(&source("a.hex", whole.as_bytes(), None), Some("G071"), None).unwrap_err();
        assert!(error.contains("nothing at 0x0801F800") && error.contains("0x08007C00 to 0x08007C2F"), "{error}");
        let cut = hex(&[line(0x7C00, &page[..16])]);
        let error = found(&source("a.hex", cut.as_bytes(), None), None, None).unwrap_err();
        assert!(error.contains("ends after 16 bytes"), "{error}");
    }
}
