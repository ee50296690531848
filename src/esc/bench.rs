//! The bench around a chip: where to look, how long, and which pins the signal wire may be on.

use crate::am32::{Layout, Pin};
use crate::part::Part;
use crate::time::Time;
use std::ops::Range;

/// The bench around a chip: where to look, and which pins the signal wire may be on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bench {
    /// Where the first byte of the settings, which decides, may stand; the part's own place first.
    pub boot_bytes: Vec<u32>,
    /// The app's vector table.
    pub app: u32,
    /// Where AM32's apps have their name tag.
    pub tag: u32,
    /// Where the app's code may lie: executing there is the jump.
    pub app_area: Range<u32>,
    /// The signal wire's pin; all of them where it is not known: the code uses but one.
    pub pins: Vec<(char, u8)>,
    /// When undecided becomes "stays".
    pub limit: Time,
    /// Start the app as a bootloader would, without one.
    pub from_app: bool,
    /// How long the app is watched on its way to its main loop; zero for its first instructions only.
    pub app_limit: Time,
    /// The main loop is watched for all of that time, too.
    pub whole: bool,
}

impl Bench {
    /// The usual bench for a part: 400 ms to decide, the app watched for 1.5 s, and the wire on `pin`, or on every pin
    /// that AM32 uses.
    pub fn new(part: &Part, layout: &Layout, pin: Option<Pin>) -> Bench {
        let mut boot_bytes = vec![layout.eeprom];
        for other in layout.mcu.layouts() {
            if !boot_bytes.contains(&other.eeprom) && part.flash.contains(other.eeprom) {
                boot_bytes.push(other.eeprom);
            }
        }
        let pins = match pin {
            Some(pin) => vec![pin.port_and_number()],
            None => Pin::SIGNAL.iter().map(|p| p.port_and_number()).collect(),
        };
        Bench {
            boot_bytes,
            app: layout.app,
            tag: layout.tag,
            app_area: layout.app..part.flash.end(),
            pins,
            limit: Time::from_millis(400),
            from_app: false,
            app_limit: Time::from_millis(1_500),
            whole: false,
        }
    }
}
