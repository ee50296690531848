//! The EEPROM page: what an app's settings say, by layout version.

use super::names::Firmware;
use std::fmt;

/// The shortest page there is: layout 0.
pub const SHORTEST: usize = 48;

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

/// A page, decoded. Fields that the page's layout does not have, or that it is too short for, are none.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Eeprom {
    /// Byte 0.
    pub boot: BootByte,
    /// Byte 1: the layout's version.
    pub layout: u8,
    /// Byte 2: the bootloader's version, as it last wrote it; none where it never did (00, FF).
    pub bootloader: Option<u8>,
    /// Bytes 3 and 4: the firmware that last wrote the page; none where blank.
    pub firmware: Option<Firmware>,
    /// Bytes 5 to 16, up to layout 2: a name.
    pub name: Option<String>,
    /// Bytes 5 to 13, from layout 3 on.
    pub tuning: Option<Tuning>,
    /// Byte 17: the motor turns the other way.
    pub reversed: bool,
    /// Byte 18: both directions (3D).
    pub bidirectional: bool,
    /// Byte 23: timing advance, as stored.
    pub advance: u8,
    /// Byte 24: PWM frequency in kHz.
    pub pwm_khz: u8,
    /// Byte 25: start-up power in percent.
    pub startup_power: u8,
    /// Byte 26: motor KV, as stored: (KV - 20) / 40.
    pub kv: u8,
    /// Byte 27: motor poles.
    pub poles: u8,
    /// Byte 30: beep volume, 0 to 11.
    pub beep_volume: u8,
    /// Byte 46: input type, from layout 1 on where the page holds it; 0 is automatic.
    pub input: Option<u8>,
    /// Bytes 48 to 175: a start-up tune of its own.
    pub own_tune: bool,
    /// Byte 176: the DroneCAN node, where the page reaches that far and it is not blank.
    pub can_node: Option<u8>,
}

/// What layout 3 put into bytes 5 to 12, and layout 4 into byte 13. All as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Tuning {
    /// Byte 5: 0.1 % per ms.
    pub max_ramp: u8,
    /// Byte 6: 0.5 %.
    pub minimum_duty: u8,
    /// Byte 7.
    pub no_stick_calibration: bool,
    /// Byte 8: 0.5 V.
    pub voltage_cutoff: u8,
    /// Bytes 9, 10, 11: P, I, D of the current limit.
    pub current_pid: [u8; 3],
    /// Byte 12: percent.
    pub active_brake: u8,
    /// Byte 13, from layout 4 on, brakes the motor: a mode of 2 to 9.
    pub brake_on_zero_throttle: Option<bool>,
    /// Byte 13, from layout 4 on: what zero throttle does. 0 is off, 1 lets the motor coast, 2 brakes it, 3 to 9 brake
    /// it after so many seconds less 2; anything higher counts as 0.
    pub zero_throttle_mode: Option<u8>,
}

/// Reads a page; none where it is shorter than 48 bytes.
pub fn decode(page: &[u8]) -> Option<Eeprom> {
    let head: &[u8; SHORTEST] = page.first_chunk()?;
    let layout = head[1];
    let written = |byte: u8| (byte != 0 && byte != 0xFF).then_some(byte);
    let name = || {
        let text: String = head[5..17].iter().map(|b| char::from(*b)).collect();
        let text = text.trim_matches(['\0', ' ', '\u{FF}']).to_owned();
        text.chars().all(|c| c == ' ' || c.is_ascii_graphic()).then_some(text).filter(|t| !t.is_empty())
    };
    let tuning = || Tuning {
        max_ramp: head[5],
        minimum_duty: head[6],
        no_stick_calibration: head[7] == 1,
        voltage_cutoff: head[8],
        current_pid: [head[9], head[10], head[11]],
        active_brake: head[12],
        brake_on_zero_throttle: (layout >= 4).then_some(matches!(head[13], 2..=9)),
        zero_throttle_mode: (layout >= 4).then_some(head[13]),
    };
    let new = (3..0xFF).contains(&layout);
    Some(Eeprom {
        boot: BootByte::new(head[0]),
        layout,
        bootloader: written(head[2]),
        firmware: written(head[3]).map(|major| Firmware { major, minor: head[4] }),
        name: if layout <= 2 { name() } else { None },
        tuning: new.then(tuning),
        reversed: head[17] == 1,
        bidirectional: head[18] == 1,
        advance: head[23],
        pwm_khz: head[24],
        startup_power: head[25],
        kv: head[26],
        poles: head[27],
        beep_volume: head[30],
        input: (layout >= 1).then_some(head[46]),
        own_tune: page.get(48).is_some_and(|first| *first != 0xFF),
        can_node: page.get(176).copied().filter(|node| *node != 0xFF),
    })
}

/// What differs between two pages, a phrase each: `layout 2 -> 4`.
pub fn changes(before: &Eeprom, after: &Eeprom) -> Vec<String> {
    fn text(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::Null => "none".to_owned(),
            serde_json::Value::String(s) => s.clone(),
            other => other.to_string().replace('"', ""),
        }
    }
    let mut phrases = Vec::new();
    let mut say = |name: &str, before: String, after: String| {
        if before != after {
            phrases.push(format!("{name} {before} -> {after}"));
        }
    };
    let firmware = |e: &Eeprom| e.firmware.map_or_else(|| "none".to_owned(), |f| f.to_string());
    // A page without settings has none to compare with.
    let layout = |e: &Eeprom| if e.layout == 0xFF { "none".to_owned() } else { e.layout.to_string() };
    say("layout", layout(before), layout(after));
    say("firmware", firmware(before), firmware(after));
    // The other fields by the names that the JSON report has for them.
    let fields = |e: &Eeprom| match serde_json::to_value(e) {
        Ok(serde_json::Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(before), fields(after));
    for (name, value) in &old {
        // From layout 3 on there is no name.
        let gone = name == "name" && after.tuning.is_some();
        if !gone
            && !matches!(name.as_str(), "layout" | "firmware" | "tuning")
            && let Some(now) = new.get(name)
        {
            say(&name.replace('_', " "), text(value), text(now));
        }
    }
    if before.layout == 0xFF {
        // Nothing stood in these bytes.
    } else if before.tuning.is_none() && after.tuning.is_some() {
        phrases.push("bytes 5 to 13 are tuning now, not a name".to_owned());
    } else if before.tuning != after.tuning {
        phrases.push("bytes 5 to 13 differ".to_owned());
    }
    phrases
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
    let switch = |b: u8| matches!(b, 0 | 1 | 0xFF);
    matches!(head[0], 0 | 1 | 0xFF)
        && matches!(head[1], 0..=9 | 0xFF)
        && matches!(head[3], 0..=9 | 0xFF)
        && switch(head[17])
        && switch(head[18])
        && matches!(head[24], 0..=144 | 0xFF)
        && matches!(head[27], 0..=64 | 0xFF)
        // All zero is no settings page.
        && head.iter().any(|b| *b != 0)
}

/// Whether bytes are written settings beyond doubt: a boot byte, a layout that there is, and switches, PWM, poles and
/// volume within their ranges. For a search; what stands at its place may be odder.
pub fn surely(page: &[u8]) -> bool {
    let Some(head) = page.first_chunk::<SHORTEST>() else { return false };
    let switch = |b: u8| b <= 1;
    switch(head[0])
        && matches!(head[1], 1..=9)
        && matches!(head[3], 1..=9)
        && head[17..=22].iter().all(|b| *b <= 2)
        && switch(head[17])
        && switch(head[18])
        && matches!(head[24], 8..=144)
        && matches!(head[27], 2..=64)
        && head[30] <= 11
}

impl fmt::Display for Eeprom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.boot {
            BootByte::Ready => f.write_str("boot byte 01")?,
            BootByte::CutOff => f.write_str("boot byte 00 (an update was cut off)")?,
            BootByte::Blank => f.write_str("boot byte FF (blank)")?,
            BootByte::Other(byte) => write!(f, "boot byte {byte:02X} (neither 00, 01 nor FF)")?,
        }
        match self.layout {
            0xFF => f.write_str(", no settings")?,
            layout => write!(f, ", layout {layout}")?,
        }
        if let Some(firmware) = self.firmware {
            write!(f, ", written by firmware {firmware}")?;
        }
        if let Some(version) = self.bootloader {
            write!(f, ", bootloader V{version}")?;
        }
        if let Some(name) = &self.name {
            write!(f, ", '{name}'")?;
        }
        if self.reversed {
            f.write_str(", reversed")?;
        }
        if self.bidirectional {
            f.write_str(", 3D")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;

    #[test]
    fn layouts_0_to_4() {
        let e = decode(&fixtures::eeprom(1, 2, (1, 0x23))).unwrap();
        assert_eq!((e.boot, e.layout, e.bootloader), (BootByte::Ready, 2, Some(14)));
        assert_eq!((e.name.as_deref(), e.tuning), (Some("NEOESC f051"), None));
        assert_eq!((e.pwm_khz, e.startup_power, e.kv, e.poles), (0x18, 0x64, 0x37, 0x0E));
        let mut page = fixtures::eeprom(1, 4, (2, 21));
        page[5..14].copy_from_slice(&[0xA0, 1, 0, 10, 100, 0, 100, 0, 1]);
        page.resize(192, 0xFF);
        page[17] = 1;
        let e = decode(&page).unwrap();
        let t = e.tuning.unwrap();
        assert_eq!((t.max_ramp, t.current_pid), (0xA0, [100, 0, 100]));
        assert_eq!((t.zero_throttle_mode, t.brake_on_zero_throttle), (Some(1), Some(false)));
        page[13] = 3;
        let t = decode(&page).unwrap().tuning.unwrap();
        assert_eq!((t.zero_throttle_mode, t.brake_on_zero_throttle), (Some(3), Some(true)));
        assert_eq!((e.name, e.reversed, e.own_tune, e.can_node), (None, true, false, None));
        page[1] = 3;
        assert_eq!(decode(&page).unwrap().tuning.unwrap().brake_on_zero_throttle, None);
        page[1] = 0;
        assert_eq!(decode(&page).unwrap().input, None);
        assert_eq!(decode(&page[..47]), None);
        assert_eq!(
            decode(&fixtures::eeprom(0, 4, (2, 21))).unwrap().to_string(),
            "boot byte 00 (an update was cut off), layout 4, written by firmware 2.21, bootloader V14"
        );
    }

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
