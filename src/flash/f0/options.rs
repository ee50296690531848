//! The F0's option bytes: stored, loaded, and what they protect (RM0091 3.3, chapter 4).

use super::registers::{cr, sr};
use super::{ERASE_TIME, F0, PROGRAM_TIME};
use crate::bus::{Effects, Width, lane};
use crate::flash::OptionField;
use crate::flash::cut::{Operation, Work};
use crate::part::{OptionBytes, Part};
use crate::time::Time;

/// The option area in bytes (F2).
pub(super) const AREA: usize = 16;
/// As delivered (F49). The absent WRP bytes are taken to hold the same (F50).
pub(super) fn factory(layout: &OptionBytes) -> [u8; AREA] {
    let mut area = [0xFF; AREA];
    for word in layout.words.values() {
        let [byte, ..] = word.factory.to_le_bytes();
        if let Some(pair) = area.get_mut(word.offset as usize..word.offset as usize + 2) {
            pair.copy_from_slice(&[byte, !byte]);
        }
    }
    area
}

const RDP_0: (u8, u8) = (0xAA, 0x55);
const RDP_2: (u8, u8) = (0xCC, 0x33);

// USER (F59).
pub(super) const WDG_SW: u8 = 1 << 0;
const NRST_STOP: u8 = 1 << 1;
const NRST_STDBY: u8 = 1 << 2;
pub(super) const NBOOT1: u8 = 1 << 4;
const VDDA_MONITOR: u8 = 1 << 5;
const RAM_PARITY_CHECK: u8 = 1 << 6;
/// nBOOT0 and BOOT_SEL, which these parts lack and which count as 1 (F11, F12).
const ABSENT: u8 = 1 << 3 | 1 << 7;

/// How many WRP bytes a part has (F48): one on the F03x dies, two on the F05x.
pub(super) const fn wrp_bytes(part: &Part) -> usize {
    part.flash.wrp_bytes as usize
}

/// The option bytes as loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub level: u8,
    pub user: u8,
    data: [u8; 2],
    /// WRPR: a 0 protects (F13).
    pub wrp: u32,
    /// OPTERR.
    error: bool,
}

impl Loaded {
    /// What a load makes of the stored bytes (F57, F60).
    pub(super) fn load(stored: &[u8; AREA], wrp_bytes: usize) -> Loaded {
        let mut error = false;
        let mut byte = |index: usize| match (stored[2 * index], stored[2 * index + 1]) {
            (0xFF, 0xFF) => 0xFF,
            (byte, complement) if byte == !complement => byte,
            _ => {
                error = true;
                0xFF
            }
        };
        byte(0);
        let user = byte(1) | ABSENT;
        let data = [byte(2), byte(3)];
        // F13: what is absent reads as ones.
        let wrp =
            (0..wrp_bytes).fold(u32::MAX, |wrp, i| (wrp & !(0xFF << (8 * i))) | u32::from(byte(4 + i)) << (8 * i));
        let level = match (stored[0], stored[1]) {
            RDP_0 => 0,
            RDP_2 => 2,
            _ => 1,
        };
        Loaded { level, user, data, wrp, error }
    }

    /// FLASH_OBR (F11).
    pub(super) fn obr(&self) -> u32 {
        let rdprt = match self.level {
            0 => 0,
            1 => 0b01,
            _ => 0b11,
        };
        u32::from(self.error)
            | rdprt << 1
            | u32::from(self.user) << 8
            | u32::from(self.data[0]) << 16
            | u32::from(self.data[1]) << 24
    }

    /// Whether WRP holds this sector (F73).
    pub(super) fn protects(&self, sector: u32) -> bool {
        sector < 32 && self.wrp >> sector & 1 == 0
    }
}

/// Field by field.
pub(super) fn fields(loaded: &Loaded, stored: &Loaded) -> Vec<OptionField> {
    let bit = |name, mask: u8| OptionField {
        name,
        loaded: u8::from(loaded.user & mask != 0).to_string(),
        stored: u8::from(stored.user & mask != 0).to_string(),
    };
    let text = |name, f: &dyn Fn(&Loaded) -> String| OptionField { name, loaded: f(loaded), stored: f(stored) };
    vec![
        text("RDP", &|o| format!("level {}", o.level)),
        bit("WDG_SW", WDG_SW),
        bit("nRST_STOP", NRST_STOP),
        bit("nRST_STDBY", NRST_STDBY),
        bit("nBOOT1", NBOOT1),
        bit("VDDA_MONITOR", VDDA_MONITOR),
        bit("RAM_PARITY_CHECK", RAM_PARITY_CHECK),
        text("DATA0", &|o| format!("{:#04X}", o.data[0])),
        text("DATA1", &|o| format!("{:#04X}", o.data[1])),
        text("WRP", &|o| format!("0x{:08X}", o.wrp)),
        text("OPTERR", &|o| u8::from(o.error).to_string()),
    ]
}

impl F0 {
    /// The stored bytes at `address`, as a load sees them.
    pub(super) fn stored_bytes(&self, address: u32, width: Width) -> u32 {
        let start = (address & !3).wrapping_sub(self.part.option_bytes.base) as usize;
        let byte = |i: usize| u32::from(self.live.stored.get(start + i).copied().unwrap_or(0xFF));
        lane((0..4).map(|i| byte(i) << (8 * i)).sum(), address, width)
    }

    /// Erases the whole option area, RDP included (F53); main flash stays (F67).
    pub(super) fn erase_options(&mut self, at: Time, fx: &mut Effects) {
        // Without OPTWRE the option bytes are write-protected (F21); at level 2 always (F70).
        if self.live.cr & cr::OPTWRE == 0 || self.level() == 2 {
            return self.fail(sr::WRPRTERR, fx);
        }
        let work = Work::OptionErase { before: self.live.stored.to_vec() };
        self.live.stored = [0xFF; AREA];
        self.live.cr |= cr::STRT;
        let ends = at + self.live.settings.speed.span(ERASE_TIME);
        self.start(Operation { started: at, ends, first: None, work }, fx);
    }

    /// A half-word to the option area: the low byte counts, hardware adds the complement (F51).
    pub(super) fn program_option(&mut self, address: u32, value: u8, at: Time, fx: &mut Effects) {
        let offset = address.wrapping_sub(self.part.option_bytes.base) as usize & !1;
        let allowed = cr::OPTPG | cr::OPTWRE;
        let unlocked = self.live.cr & (allowed | cr::LOCK) == allowed;
        let rdp = offset == 0;
        if !unlocked || (rdp && self.level() == 2) {
            return self.fail(sr::WRPRTERR, fx); // F21, F70
        }
        if self.live.stored[offset] != 0xFF || self.live.stored[offset + 1] != 0xFF {
            return self.fail(sr::WRPRTERR, fx); // F52
        }
        let mut ends = at + self.live.settings.speed.span(PROGRAM_TIME);
        let mut first = None;
        if rdp && value == RDP_0.0 && self.level() == 1 {
            // F66: main flash goes before the byte is written, by the loaded level (F67), whatever WRP says (F68).
            first = Some(Box::new(self.erase_everything(fx)));
            ends = ends + self.live.settings.speed.span(ERASE_TIME);
            fx.backup_reset();
        }
        self.live.stored[offset] = value;
        self.live.stored[offset + 1] = !value;
        self.live.ar = address;
        self.start(Operation { started: at, ends, first, work: Work::OptionProgram { offset } }, fx);
    }
}
