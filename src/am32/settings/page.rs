//! A page of settings: its bytes, and what can be asked of them.

use super::field::{Field, NEWEST};
use super::value::Value;
use crate::am32::eeprom::layout_of;
use crate::am32::{BootByte, Firmware};
use serde::ser::SerializeMap;
use std::fmt;

/// The shortest page there is: layout 0.
pub const SHORTEST: usize = 48;

/// Bytes that an app reads, and writes; what is behind them is not used.
pub const LENGTH: usize = 192;

/// Why bytes are no page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Too few of them.
    #[error("{bytes} bytes are no settings page: the shortest has {SHORTEST}; take a whole copy of it")]
    TooShort {
        /// How many there are.
        bytes: usize,
    },
}

/// A page of settings, as its bytes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    bytes: Vec<u8>,
}

impl Settings {
    /// Of a page's bytes; those behind the first 192 are not used.
    ///
    /// # Errors
    /// Fewer than 48.
    pub fn read(page: &[u8]) -> Result<Settings, PageError> {
        if page.len() < SHORTEST {
            return Err(PageError::TooShort { bytes: page.len() });
        }
        Ok(Settings { bytes: page[..page.len().min(LENGTH)].to_vec() })
    }

    /// The bytes: 48 to 192.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A byte; FF, as blank flash is, where the page does not reach so far.
    pub fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0xFF)
    }

    /// Byte 0, which the bootloaders test before they start the app.
    pub fn boot(&self) -> BootByte {
        BootByte::new(self.byte(0))
    }

    /// Byte 1: the layout's version; FF on a page without settings.
    pub fn layout(&self) -> u8 {
        self.byte(1)
    }

    /// Whether the page holds no settings: its layout was never written.
    pub fn is_blank(&self) -> bool {
        self.layout() == 0xFF
    }

    /// Byte 2: the bootloader's version, as it last wrote it; none where it never did (00, FF).
    pub fn bootloader(&self) -> Option<u8> {
        written(self.byte(2))
    }

    /// Bytes 3 and 4: the firmware that last wrote the page; none where blank.
    pub fn firmware(&self) -> Option<Firmware> {
        written(self.byte(3)).map(|major| Firmware { major, minor: self.byte(4) })
    }

    /// Whether the page has a field: its layout does, and it is long enough.
    pub fn has(&self, field: &Field) -> bool {
        field.is_in(self.layout()) && field.at + field.size <= self.bytes.len()
    }

    /// The bytes of a field; none where the page does not have it.
    pub fn raw(&self, field: &Field) -> Option<&[u8]> {
        self.bytes.get(field.at..field.at + field.size).filter(|_| field.is_in(self.layout()))
    }

    /// What the fields hold that the page has, in the order of their bytes. A page without settings is read by the newest rules,
    /// as apps do it.
    pub fn values(&self) -> Vec<Value> {
        Field::all().iter().filter_map(|field| Value::of(self, field)).collect()
    }

    /// What the field of this name holds (see [`Field::named`]); none where there is none, or the page does not have it.
    pub fn value(&self, name: &str) -> Option<Value> {
        Value::of(self, Field::named(name).ok()?)
    }

    /// The one byte of a field, by dryflash's name; none where the page does not have it.
    pub fn number(&self, name: &str) -> Option<u8> {
        let field = Field::all().iter().find(|f| f.name == name && f.size == 1)?;
        self.raw(field)?.first().copied()
    }

    /// The name in bytes 5 to 16, up to layout 2, without what fills it up; none where there is none.
    pub fn name(&self) -> Option<String> {
        let field = Field::all().iter().find(|f| f.name == "name")?;
        let text = text(self.raw(field)?)?;
        Some(text).filter(|t| !t.is_empty())
    }

    /// Whether bytes 5 to 16 are settings, as from layout 3 on.
    pub fn has_tuning(&self) -> bool {
        (3..0xFF).contains(&self.layout())
    }

    /// The same page, and FF behind it up to so many bytes.
    pub(super) fn lengthened(&self, bytes: usize) -> Settings {
        let mut long = self.bytes.clone();
        long.resize(bytes.clamp(long.len(), LENGTH), 0xFF);
        Settings { bytes: long }
    }

    /// Whether the firmware that wrote it is older than this; not where its version was made up, and its layout is another's.
    pub(super) fn is_older_than(&self, since: Firmware) -> bool {
        self.firmware().is_some_and(|f| f < since && layout_of(f) == self.layout())
    }

    /// Whether it has a start-up melody of its own.
    pub fn has_own_tune(&self) -> bool {
        self.layout().min(NEWEST) >= 2 && self.byte(48) != 0xFF
    }
}

/// What it says of itself. The fields are for whoever asks for them.
impl serde::Serialize for Settings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(4))?;
        fields.serialize_entry("boot", &self.boot())?;
        fields.serialize_entry("layout", &self.layout())?;
        fields.serialize_entry("bootloader", &self.bootloader())?;
        fields.serialize_entry("firmware", &self.firmware())?;
        fields.end()
    }
}

/// In a line: what it is, and what of it people look for first.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.boot() {
            BootByte::Ready => f.write_str("boot byte 01")?,
            BootByte::CutOff => f.write_str("boot byte 00 (an update was cut off)")?,
            BootByte::Blank => f.write_str("boot byte FF (blank)")?,
            BootByte::Other(byte) => write!(f, "boot byte {byte:02X} (neither 00, 01 nor FF)")?,
        }
        match self.layout() {
            0xFF => f.write_str(", no settings")?,
            layout => write!(f, ", layout {layout}")?,
        }
        if let Some(firmware) = self.firmware() {
            write!(f, ", written by firmware {firmware}")?;
        }
        if let Some(version) = self.bootloader() {
            write!(f, ", bootloader V{version}")?;
        }
        if let Some(name) = self.name() {
            write!(f, ", '{name}'")?;
        }
        if self.number("dir_reversed") == Some(1) {
            f.write_str(", reversed")?;
        }
        if self.number("bi_direction") == Some(1) {
            f.write_str(", 3D")?;
        }
        Ok(())
    }
}

fn written(byte: u8) -> Option<u8> {
    Some(byte).filter(|b| *b != 0 && *b != 0xFF)
}

/// Characters without what fills them up; none where they are no text.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let text: String = bytes.iter().map(|b| char::from(*b)).collect();
    let text = text.trim_matches(['\0', ' ', '\u{FF}']).to_owned();
    text.chars().all(|c| c == ' ' || c.is_ascii_graphic()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;

    #[test]
    fn layouts_0_to_4() {
        let of = |page: &[u8]| Settings::read(page).unwrap();
        let e = of(&fixtures::eeprom(1, 2, (1, 0x23)));
        assert_eq!((e.boot(), e.layout(), e.bootloader()), (BootByte::Ready, 2, Some(14)));
        assert_eq!((e.name().as_deref(), e.has_tuning()), (Some("NEOESC f051"), false));
        assert_eq!(e.to_string(), "boot byte 01, layout 2, written by firmware 1.35, bootloader V14, 'NEOESC f051'");
        let mut page = fixtures::eeprom(0, 4, (2, 21));
        page[17] = 1;
        let e = of(&page);
        assert_eq!((e.name(), e.has_tuning(), e.number("dir_reversed"), e.number("tune")), (None, true, Some(1), None));
        assert_eq!(
            e.to_string(),
            "boot byte 00 (an update was cut off), layout 4, written by firmware 2.21, bootloader V14, reversed"
        );
        page[1] = 0;
        assert_eq!((of(&page).number("input_type"), of(&page).number("motor_poles")), (None, Some(14)));
        assert_eq!(Settings::read(&page[..47]), Err(PageError::TooShort { bytes: 47 }));
        let blank = of(&[0xFF; 1024]);
        assert_eq!((blank.to_string().as_str(), blank.bytes().len()), ("boot byte FF (blank), no settings", LENGTH));
    }
}
