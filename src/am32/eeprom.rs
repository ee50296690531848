//! The EEPROM page among other bytes: what tells one, and which layout a firmware writes. What a page holds is in [`super::settings`].

use super::names::Firmware;
use super::settings::{Field, SHORTEST};
use std::ops::RangeInclusive;

/// The first byte, which the bootloaders test before they start the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootByte {
    /// 01: the app may start.
    Ready,
    /// 00: a configurator's update was cut off.
    CutOff,
    /// FF: nothing was ever written.
    Blank,
    /// Anything else. The bootloaders stay, too.
    Other(u8),
}

impl BootByte {
    /// From the byte.
    pub const fn new(byte: u8) -> BootByte {
        match byte {
            0x01 => BootByte::Ready,
            0x00 => BootByte::CutOff,
            0xFF => BootByte::Blank,
            other => BootByte::Other(other),
        }
    }
}

/// The layout version that a firmware writes, as far as is known.
pub const fn layout_of(firmware: Firmware) -> u8 {
    match (firmware.major, firmware.minor) {
        (0, _) | (1, 0..65) => 0,
        (1, 65..78) => 1,
        (1, _) | (2, 0..=18) => 2,
        // 3.x is ARK32, which went its own way with layout 3.
        (2, 19 | 20) | (3, _) => 3,
        _ => 4,
    }
}

/// What a downgrade to firmware 2.18 or older does to a page of layout 3 or newer.
pub const TUNING_LOST: &str = "bytes 5 to 16, which hold ramp, minimum duty, cut-offs, the current limit's P, I and D and \
     the active brake from layout 3 on, become the firmware's name, and the next firmware from 2.19 on fills them with \
     its defaults";
/// What to do about it.
pub const KEEP_TUNING: &str =
    "note these settings before the downgrade, and set them again with a configurator after the next upgrade";

/// Whether firmware that writes layout `wanted` overwrites tuning that a page of layout `old` holds.
pub const fn loses_tuning(old: u8, wanted: u8) -> bool {
    old >= 3 && old != 0xFF && wanted <= 2
}

/// Whether a file of these bytes could be an EEPROM page.
pub fn plausible(page: &[u8]) -> bool {
    // 184 is what configurators read; the rest are the layouts' lengths and whole flash pages.
    if !matches!(page.len(), 48 | 176 | 184 | 192 | 1024 | 2048 | 4096 | 8192) {
        return false;
    }
    if page.iter().all(|b| *b == 0xFF) {
        return page.len() <= 2048;
    }
    sane(page)
}

/// Whether bytes in flash read like a written EEPROM page, whatever their length (at least 48).
pub fn sane(page: &[u8]) -> bool {
    let Some(head) = page.first_chunk::<SHORTEST>() else { return false };
    let up_to = |name: &str, most: u8| of(head, name).is_some_and(|b| b <= most || b == 0xFF);
    up_to("boot", 1)
        && up_to("layout", 9)
        && up_to("firmware_major", 9)
        && up_to("dir_reversed", 1)
        && up_to("bi_direction", 1)
        && up_to("pwm_frequency", 144)
        && up_to("motor_poles", 64)
        // All zero is no settings page.
        && head.iter().any(|b| *b != 0)
}

/// Whether bytes could be a settings page with a mistake or two, and not something else, such as code.
pub fn may_be_mended(page: &[u8]) -> bool {
    let Some(head) = page.first_chunk::<SHORTEST>() else { return false };
    let over = |name: &str, most: u8| of(head, name).is_some_and(|b| b > most && b != 0xFF);
    let head_is_odd = over("boot", 1) || over("layout", 9) || over("firmware_major", 9);
    let odd = [("dir_reversed", 1), ("bi_direction", 1), ("pwm_frequency", 144), ("motor_poles", 128), ("comp_pwm", 1)];
    let odd = odd.into_iter().filter(|(name, most)| over(name, *most)).count();
    !head_is_odd && odd < 3 && head.iter().any(|b| *b != 0)
}

/// Whether bytes are written settings beyond doubt: a boot byte, a layout that there is, and switches, PWM, poles and
/// volume within their ranges. For a search; what stands at its place may be odder.
pub fn surely(page: &[u8]) -> bool {
    let Some(head) = page.first_chunk::<SHORTEST>() else { return false };
    let within = |name: &str, range: RangeInclusive<u8>| of(head, name).is_some_and(|b| range.contains(&b));
    let switches = ["boot", "dir_reversed", "bi_direction"];
    let choices = ["use_sine_start", "comp_pwm", "variable_pwm", "stuck_rotor_protection"];
    switches.into_iter().all(|name| within(name, 0..=1))
        && choices.into_iter().all(|name| within(name, 0..=2))
        && within("layout", 1..=9)
        && within("firmware_major", 1..=9)
        && within("pwm_frequency", 8..=144)
        && within("motor_poles", 2..=64)
        && within("beep_volume", 0..=11)
}

/// The byte of a field, whatever the layout says.
fn of(page: &[u8], name: &str) -> Option<u8> {
    let field = Field::all().iter().find(|f| f.name == name)?;
    page.get(field.at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;

    #[test]
    fn firmware_and_its_layout() {
        for (major, minor, layout) in
            [(1, 60, 0), (1, 65, 1), (1, 77, 1), (1, 99, 2), (3, 0, 3), (2, 5, 2), (2, 18, 2), (2, 20, 3), (2, 21, 4)]
        {
            assert_eq!(layout_of(Firmware { major, minor }), layout, "{major}.{minor}");
        }
    }

    #[test]
    fn what_could_be_a_page() {
        let mut page = fixtures::eeprom(1, 2, (2, 5));
        assert!(plausible(&page));
        page.push(0);
        assert!(!plausible(&page) && sane(&page));
        page.resize(1024, 0xFF);
        assert!(plausible(&page));
        let mut only = vec![0xFF; 2048];
        assert!(plausible(&only));
        only[0] = 1;
        assert!(plausible(&only), "all FF behind a boot byte starts, and is filled in by the app");
        assert!(!plausible(&[0xFF; 4096]) && !plausible(&[0; 1024]) && !plausible(&[]));
        assert!(!plausible(&fixtures::app("X_F051", 0x7BE0)[..1024]));
        assert!(!plausible(&fixtures::bootloader("PB4", 0x1F, 2)[..2048]));
    }
}
