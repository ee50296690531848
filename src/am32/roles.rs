//! Which of an ESC's images a file is, and what says so.

use super::layout::{FLASH_BASE, LAYOUTS, Layout};
use super::marks::{self, AppMarks, BootloaderMarks, Carried, View};
use super::names::{FileName, Kind};
use super::{eeprom, names};
use crate::image::{Format, Image};
use std::fmt;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The bootloader.
    Bootloader,
    /// The firmware proper.
    App,
    /// The page of settings.
    Eeprom,
    /// Bootloader and app in one, mostly with the EEPROM page.
    Full,
    /// None of them, as far as can be seen.
    Unknown,
}

impl Role {
    /// Where its first byte goes in `layout`; none where the role is unknown.
    pub const fn home(self, layout: &Layout) -> Option<u32> {
        match self {
            Role::Bootloader | Role::Full => Some(layout.base),
            Role::App => Some(layout.app),
            Role::Eeprom => Some(layout.eeprom),
            Role::Unknown => None,
        }
    }

    /// The option that says so on the command line.
    pub const fn option(self) -> &'static str {
        match self {
            Role::Bootloader => "--bootloader",
            Role::App => "--app",
            Role::Eeprom => "--eeprom",
            Role::Full => "--full",
            Role::Unknown => "",
        }
    }
}

impl Role {
    /// With its article: `an app`.
    pub(super) fn article(self) -> String {
        match self {
            Role::App | Role::Eeprom => format!("an {self}"),
            _ => format!("a {self}"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Bootloader => "bootloader",
            Role::App => "app",
            Role::Eeprom => "EEPROM page",
            Role::Full => "full image",
            Role::Unknown => "unknown",
        })
    }
}

/// What says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The command line.
    Given,
    /// Its bytes: vectors, device info, settings that read as such.
    Marks,
    /// Only its name tag.
    NameTag,
    /// The address that the file or the user gives.
    Address,
    /// Its file's name.
    FileName,
    /// Only its length.
    Size,
    /// Nothing.
    Nothing,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Evidence::Given => "as given on the command line",
            Evidence::Marks => "by its bytes",
            Evidence::NameTag => "by its name tag",
            Evidence::Address => "by its address",
            Evidence::FileName => "by its file name",
            Evidence::Size => "by its size",
            Evidence::Nothing => "nothing tells its role",
        })
    }
}

/// What a file is, and what its bytes and its name tell.
#[derive(Clone, Debug)]
pub(super) struct Recognised {
    pub role: Role,
    pub evidence: Evidence,
    /// What the bytes alone say.
    pub by_bytes: Option<Role>,
    pub bootloader: Option<BootloaderMarks>,
    pub app: Option<AppMarks>,
    /// The bootloader that it carries, which makes an updater of it.
    pub carried: Option<Carried>,
    /// The MCU whose start-up file made the vector table.
    pub shape: Option<super::Mcu>,
    pub name: FileName,
}

/// Recognises `image`. A role that was given stands, whatever the bytes say.
pub(super) fn recognise(image: &Image, given: Option<Role>) -> Recognised {
    let name = names::parse(&image.name);
    let view = View::at(image, FLASH_BASE);
    let bootloader = marks::bootloader(&view, FLASH_BASE);
    let area = if bootloader.is_some_and(|b| b.long) { 0x4000 } else { 0x1000 };
    let behind = marks::vectors(&view, FLASH_BASE + area).filter(|v| v.plausible() && v.offset() >= area);
    // Every bootloader of AM32 holds its device bytes, and a file with addresses of its own says where it starts.
    let unmarked = bootloader.is_none_or(|b| b.info.is_none()) && behind.is_none();
    let elsewhere = image.format != Format::Bin && wrong_base(image.start()).unwrap_or(image.start()) != FLASH_BASE;
    let at_base =
        (unmarked && !elsewhere).then(|| marks::app_at_base(&view, FLASH_BASE, given == Some(Role::App))).flatten();
    let bootloader = bootloader.filter(|_| at_base.is_none());
    let whole = bootloader.is_none() && at_base.is_none() && is_whole_flash(image);
    let (app, shape) = match (bootloader, behind) {
        (None, _) if at_base.is_some() => (at_base, marks::shape(&view, FLASH_BASE)),
        (None, _) if whole => (marks::app(&view, FLASH_BASE + area), None),
        (Some(_), Some(_)) => (marks::app(&view, FLASH_BASE + area), marks::shape(&view, FLASH_BASE)),
        (Some(_), None) => (None, marks::shape(&view, FLASH_BASE)),
        (None, _) => app_alone(image),
    };
    let bytes = by_bytes(image, &bootloader, behind.is_some(), &app, whole);
    let by_address = || by_address(image).map(|role| (role, Evidence::Address));
    let by_name = || by_name(&name).map(|role| (role, Evidence::FileName));
    let strong = bytes.filter(|(_, evidence)| *evidence != Evidence::Size);
    let (role, evidence) = given
        .filter(|role| *role != Role::Unknown)
        .map(|role| (role, Evidence::Given))
        .or(strong)
        .or_else(by_address)
        .or_else(by_name)
        .or(bytes)
        .unwrap_or((Role::Unknown, Evidence::Nothing));
    // Only what would run in the app's place.
    let carried = if bootloader.is_none() { marks::carried(image) } else { None };
    Recognised { role, evidence, by_bytes: strong.map(|(role, _)| role), bootloader, app, carried, shape, name }
}

fn app_alone(image: &Image) -> (Option<AppMarks>, Option<super::Mcu>) {
    let can = View::at(image, 0x0800_4000);
    let usual = View::at(image, 0x0800_1000);
    let app = marks::app(&can, can.start()).filter(|a| a.can_signature.is_some());
    let app = app.or_else(|| marks::app(&usual, usual.start()));
    let shape = app.as_ref().and_then(|_| marks::shape(&usual, usual.start()));
    (app, shape)
}

/// The sizes of flash that AM32's parts have, but for the smallest, in bytes.
pub(super) const FLASH_SIZES: std::ops::RangeInclusive<u64> = 0x8000..=0x2_0000;

/// Whether it is as long as a part's flash, from its start, and does not begin as an app does.
fn is_whole_flash(image: &Image) -> bool {
    let length = image.end().saturating_sub(u64::from(image.start()));
    let from_the_start = image.format == Format::Bin && matches!(image.start(), 0 | FLASH_BASE);
    let first = marks::vectors(&View::at(image, FLASH_BASE), FLASH_BASE);
    let starts = first.is_some_and(|v| v.plausible() && v.offset() >= 0x1000);
    FLASH_SIZES.contains(&length) && length.is_power_of_two() && from_the_start && !starts
}

fn by_bytes(
    image: &Image,
    bootloader: &Option<BootloaderMarks>,
    behind: bool,
    app: &Option<AppMarks>,
    whole: bool,
) -> Option<(Role, Evidence)> {
    if whole {
        return Some((Role::Full, if app.is_some() { Evidence::Marks } else { Evidence::Size }));
    }
    if bootloader.is_some() {
        let whole = matches!(image.end().saturating_sub(u64::from(image.start())), 0x8000 | 0x1_0000 | 0x2_0000);
        let role = if behind || whole { Role::Full } else { Role::Bootloader };
        return Some((role, Evidence::Marks));
    }
    if let Some(app) = app {
        let evidence = if app.vectors.is_some() { Evidence::Marks } else { Evidence::NameTag };
        return Some((Role::App, evidence));
    }
    let [only] = image.segments.as_slice() else { return None };
    if !eeprom::plausible(&only.data) {
        return None;
    }
    let blank = only.data.iter().all(|b| *b == 0xFF);
    Some((Role::Eeprom, if blank { Evidence::Size } else { Evidence::Marks }))
}

fn by_address(image: &Image) -> Option<Role> {
    if !image.placed {
        return None;
    }
    let start = wrong_base(image.start()).unwrap_or(image.start());
    if start == FLASH_BASE {
        Some(Role::Bootloader)
    } else if LAYOUTS.iter().any(|l| l.base == FLASH_BASE && l.app == start) {
        Some(Role::App)
    } else if LAYOUTS.iter().any(|l| l.eeprom == start) && image.len() <= 0x2000 {
        Some(Role::Eeprom)
    } else {
        None
    }
}

fn by_name(name: &FileName) -> Option<Role> {
    name.kind.map(Kind::role)
}

/// What was meant by an address in 0x0080_0000 (0x0800000, a zero short) or 0x8000_0000 (a zero too many).
pub(super) fn wrong_base(address: u32) -> Option<u32> {
    let base = address & 0xFFF8_0000;
    matches!(base, 0x0080_0000 | 0x8000_0000).then_some(FLASH_BASE | (address & 0x0007_FFFF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;

    fn role(image: Image) -> (Role, Evidence) {
        let r = recognise(&image, None);
        (r.role, r.evidence)
    }

    fn full() -> Vec<u8> {
        let mut data = f::bootloader("PB4", 0x1F, 2);
        data.resize(0x1000, 0xFF);
        data.extend(f::app("X_F051", 0x7BE0));
        data
    }

    #[test]
    fn by_bytes_wherever_they_are() {
        for at in [None, Some(0x0800_0000), Some(0x0080_0000), Some(0x8000_0000), Some(0)] {
            let role = |data: &[u8]| role(f::image("x", data, at));
            assert_eq!(role(&f::bootloader("PB4", 0x1F, 2)), (Role::Bootloader, Evidence::Marks));
            assert_eq!(role(&f::old_bootloader(5)), (Role::Bootloader, Evidence::Marks));
            assert_eq!(role(&f::can_bootloader()), (Role::Bootloader, Evidence::Marks));
            assert_eq!(role(&f::app("X_F051", 0x7BE0)), (Role::App, Evidence::Marks));
            assert_eq!(role(&f::can_app()), (Role::App, Evidence::Marks));
            assert_eq!(role(&full()), (Role::Full, Evidence::Marks));
            assert_eq!(role(&f::eeprom(1, 4, (2, 21))), (Role::Eeprom, Evidence::Marks));
        }
    }

    #[test]
    fn by_address_name_and_size() {
        assert_eq!(role(f::image("x", &[7; 9], Some(0x0800_7C00))), (Role::Eeprom, Evidence::Address));
        assert_eq!(role(f::image("x", &[7; 9], Some(0x0080_1000))), (Role::App, Evidence::Address));
        assert_eq!(role(f::image("x", &[7; 9], Some(0x0800_0000))), (Role::Bootloader, Evidence::Address));
        assert_eq!(role(f::image("PB4_v5.bin", &[7; 9], None)), (Role::Bootloader, Evidence::FileName));
        assert_eq!(role(f::image("x", &[0xFF; 1024], None)), (Role::Eeprom, Evidence::Size));
        assert_eq!(role(f::image("bootloader.bin", &[0xFF; 1024], None)), (Role::Bootloader, Evidence::FileName));
        assert_eq!(role(f::image("x", &[7; 9], None)), (Role::Unknown, Evidence::Nothing));
        assert_eq!(role(f::image("x", &[7; 9], Some(0xFFFF_FFF7))), (Role::Unknown, Evidence::Nothing));
    }

    #[test]
    fn what_is_given_stands() {
        let image = f::image("x", &f::app("X_F051", 0x7BE0), None);
        let r = recognise(&image, Some(Role::Bootloader));
        assert_eq!((r.role, r.evidence, r.by_bytes), (Role::Bootloader, Evidence::Given, Some(Role::App)));
    }

    #[test]
    fn slips_of_the_keyboard() {
        assert_eq!(wrong_base(0x0080_7C00), Some(0x0800_7C00));
        assert_eq!(wrong_base(0x8000_1000), Some(0x0800_1000));
        assert_eq!(wrong_base(0x0800_1000), None);
        assert_eq!(wrong_base(0xFFFF_FFFF), None);
    }
}
