//! A fresh page, of the defaults in the data.

use super::field::Field;
use super::page::LENGTH;
use crate::am32::Firmware;

/// What a page of layout 2 or older is called, where nobody gave it a name.
const NAME: &[u8; 12] = b"DRYFLASH    ";

/// A page of `layout` with every field at its default, as `firmware` would have written it: 192 bytes. Its app finds its own version there
/// and leaves it as it is.
pub fn default_page(layout: u8, firmware: Firmware) -> Vec<u8> {
    let mut page = vec![0xFF; LENGTH];
    for field in Field::all().iter().filter(|f| f.is_in(layout)) {
        if let Some(default) = field.default_in(layout) {
            page[field.at..field.at + field.size].fill(default);
        }
    }
    (page[1], page[3], page[4]) = (layout, firmware.major, firmware.minor);
    if layout <= 2 {
        page[5..17].copy_from_slice(NAME);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::eeprom::{layout_of, surely};
    use crate::am32::settings::Settings;

    #[test]
    fn every_layouts_default_page_is_sound() {
        for (major, minor) in [(1, 60), (1, 70), (2, 5), (2, 18), (2, 20), (2, 21)] {
            let firmware = Firmware { major, minor };
            let page = default_page(layout_of(firmware), firmware);
            let settings = Settings::read(&page).unwrap();
            assert_eq!((page.len(), settings.firmware()), (192, Some(firmware)));
            assert!(major == 1 && minor == 60 || surely(&page), "{firmware}");
            for value in settings.values() {
                assert!(value.doubt.is_none(), "{firmware}: {} {:?}", value.field.name, value.doubt);
                let fixed = ["layout", "firmware_major", "firmware_minor", "name"];
                assert!(value.is_default || fixed.contains(&value.field.name), "{}", value.field.name);
            }
        }
        assert_eq!(
            default_page(4, Firmware { major: 2, minor: 21 })[5..17],
            [160, 4, 0, 10, 100, 0, 50, 2, 0, 0, 0, 0]
        );
    }
}
