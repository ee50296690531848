//! The G0's option bytes: stored, loaded, edited, and changed (RM0444 3.4).

use super::registers::sr;
use super::{G0, MASS_TIME, OPTION_TIME};
use crate::bus::{Effects, Width, lane};
use crate::flash::OptionField;
use crate::flash::cut::{self, Operation, Work};
use crate::part::{OptionWord, Part};
use crate::time::Time;
use std::ops::Range;

/// The option area in bytes (G2).
pub(super) const AREA: usize = 128;

const COUNT: usize = 8;
pub(super) const OPTR: usize = 0;
const PCROP1ASR: usize = 1;
const PCROP1AER: usize = 2;
const WRP1AR: usize = 3;
const WRP1BR: usize = 4;
const PCROP1BSR: usize = 5;
const PCROP1BER: usize = 6;
const SECR: usize = 7;

/// Their names, in the order above.
const NAMES: [&str; COUNT] = ["OPTR", "PCROP1ASR", "PCROP1AER", "WRP1AR", "WRP1BR", "PCROP1BSR", "PCROP1BER", "SECR"];
/// A word that a part's data does not have: no register, and the reserved end of the area.
const ABSENT: OptionWord = OptionWord { offset: AREA as u32 - 8, register: None, factory: 0, protects: None };

// OPTR (G69).
const BOR_EN: u32 = 1 << 8;
pub(super) const IWDG_SW: u32 = 1 << 16;
pub(super) const NBOOT_SEL: u32 = 1 << 24;
pub(super) const NBOOT1: u32 = 1 << 25;
pub(super) const NBOOT0: u32 = 1 << 26;
const RDP: u32 = 0xFF;
const RDP_0: u32 = 0xAA;
const RDP_2: u32 = 0xCC;
/// In PCROP1AER: a step from level 1 to 0 erases the PCROP areas too.
const PCROP_RDP: u32 = 1 << 31;
/// In SECR.
const BOOT_LOCK: u32 = 1 << 16;
/// The PCROP unit in bytes (G89).
const PCROP_UNIT: u32 = 512;

/// Registers that refuse byte accesses (G5).
pub(super) fn no_bytes(index: usize) -> bool {
    !matches!(index, OPTR | WRP1AR | WRP1BR)
}

/// Where a part has them (G4, G68), and which bits (G72).
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    words: [OptionWord; COUNT],
    pcrop: u32,
    wrp: u32,
    sec: u32,
    size: u32,
}

impl Shape {
    pub(super) fn of(part: &Part) -> Shape {
        let flash = part.flash;
        let ones = |bits: u32| if bits == 0 || bits > 16 { 0 } else { u32::MAX >> (32 - bits) };
        Shape {
            words: NAMES.map(|name| part.option_bytes.words.get(name).copied().unwrap_or(ABSENT)),
            pcrop: ones(flash.pcrop_bits),
            wrp: ones(flash.wrp_bits),
            sec: ones(flash.sec_bits),
            size: flash.size,
        }
    }

    /// The option register at a register offset.
    pub(super) fn index_of_register(&self, offset: u32) -> Option<usize> {
        self.words.iter().position(|word| word.register == Some(offset))
    }

    /// `value` with the bits that a register lacks at 0.
    pub(super) fn mask(&self, index: usize, value: u32) -> u32 {
        value
            & match index {
                OPTR => u32::MAX,
                PCROP1AER => self.pcrop | PCROP_RDP,
                WRP1AR | WRP1BR => self.wrp | self.wrp << 16,
                SECR => self.sec | BOOT_LOCK,
                _ => self.pcrop,
            }
    }

    /// As delivered (G71, G72): nothing is protected.
    pub(super) fn factory(&self) -> Options {
        let mut index = 0..;
        Options(self.words.map(|word| self.mask(index.next().unwrap_or(COUNT), word.factory)))
    }

    /// The area that holds these values, with complements (G68).
    pub(super) fn store(&self, options: &Options) -> [u8; AREA] {
        let mut area = [0xFF; AREA];
        for (word, value) in self.words.iter().zip(options.0) {
            let both = u64::from(value) | u64::from(!value) << 32;
            if let Some(place) = area.get_mut(word.offset as usize..word.offset as usize + 8) {
                place.copy_from_slice(&both.to_le_bytes());
            }
        }
        area
    }

    /// What a load makes of the stored area, and whether a complement did not fit (G77): then that word's
    /// strictest value counts.
    pub(super) fn load(&self, stored: &[u8; AREA]) -> (Options, bool) {
        let mut options = self.factory();
        let mut bad = [false; COUNT];
        for (i, place) in self.words.iter().map(|word| word.offset as usize).enumerate() {
            let value = word(stored, place);
            bad[i] = word(stored, place + 4) != !value;
            options.0[i] = self.mask(i, value);
        }
        if bad[OPTR] {
            options.0[OPTR] = !BOR_EN;
        }
        for area in [WRP1AR, WRP1BR] {
            if bad[area] {
                options.0[area] = self.wrp;
            }
        }
        for (start, end) in [(PCROP1ASR, PCROP1AER), (PCROP1BSR, PCROP1BER)] {
            if bad[start] || bad[end] {
                options.0[start] = 0;
                options.0[end] = self.mask(end, PCROP_RDP);
            }
        }
        if bad[SECR] {
            options.0[SECR] = BOOT_LOCK;
        }
        (options, bad.contains(&true))
    }

    fn pcrop_area(&self, start: u32, end: u32) -> Range<u32> {
        let (start, end) = (start & self.pcrop, end & self.pcrop);
        if start > end {
            return 0..0;
        }
        if start == end {
            return 0..self.size; // G89
        }
        (start * PCROP_UNIT).min(self.size)..((end + 1) * PCROP_UNIT).min(self.size)
    }
}

fn word(stored: &[u8; AREA], place: usize) -> u32 {
    (0..4).map(|i| u32::from(stored.get(place + i).copied().unwrap_or(0xFF)) << (8 * i)).sum()
}

/// The eight option registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options(pub [u32; COUNT]);

impl Options {
    /// The read-protection level (G80).
    pub(super) fn level(&self) -> u8 {
        match self.0[OPTR] & RDP {
            RDP_0 => 0,
            RDP_2 => 2,
            _ => 1,
        }
    }

    /// A bit of OPTR.
    pub(super) fn bit(&self, mask: u32) -> bool {
        self.0[OPTR] & mask != 0
    }

    pub(super) fn boot_lock(&self) -> bool {
        self.0[SECR] & BOOT_LOCK != 0
    }

    /// SEC_SIZE, in pages.
    pub(super) fn secured_pages(&self) -> u32 {
        self.0[SECR] & 0xFFFF
    }

    /// Bits of a register that an edit cannot clear (G21).
    pub(super) fn sticky(&self, index: usize) -> u32 {
        if index == PCROP1AER { self.0[PCROP1AER] & PCROP_RDP } else { 0 }
    }

    /// The PCROP areas, as offsets into main flash (G89).
    pub(super) fn pcrop(&self, shape: &Shape) -> [Range<u32>; 2] {
        let o = &self.0;
        [shape.pcrop_area(o[PCROP1ASR], o[PCROP1AER]), shape.pcrop_area(o[PCROP1BSR], o[PCROP1BER])]
    }

    /// Whether WRP holds this page (G88).
    pub(super) fn write_protects(&self, page: u32) -> bool {
        [WRP1AR, WRP1BR].iter().any(|i| (self.0[*i] & 0xFF..=self.0[*i] >> 16 & 0xFF).contains(&page))
    }
}

impl G0 {
    /// The stored bytes at `address`, as a load sees them.
    pub(super) fn stored_bytes(&self, address: u32, width: Width) -> u32 {
        let start = (address & !3).wrapping_sub(self.part.option_bytes.base) as usize;
        let byte = |i: usize| u32::from(self.live.stored.get(start + i).copied().unwrap_or(0xFF));
        lane((0..4).map(|i| byte(i) << (8 * i)).sum(), address, width)
    }

    /// OPTSTRT: the option area is erased and written from the option registers (G73).
    pub(super) fn change_options(&mut self, at: Time, fx: &mut Effects) {
        if self.level() == 2 {
            return self.fail(sr::WRPERR, fx); // G78
        }
        let mut ends = at + self.live.settings.speed.span(OPTION_TIME);
        let regress = self.level() == 1 && self.live.edit.level() == 0;
        let mut first = None;
        let mut full = false;
        if regress {
            // G84: decided by the loaded values.
            let pages;
            (pages, full) = self.regression();
            fx.backup_reset();
            if !pages.is_empty() {
                fx.changed(self.cells.range());
                first = Some(Box::new(cut::erase(&mut self.cells, pages)));
                ends = ends + self.live.settings.speed.span(MASS_TIME);
            }
        }
        let before = self.live.stored.to_vec();
        let new = self.allowed(full);
        self.live.stored = self.shape.store(&new);
        // G74: from now on the registers read what is loaded. A further OPTSTRT before a load programs what this one
        // did: OpenOCD protects a G0's two areas in two rounds.
        self.live.edit = new;
        self.live.edited = 0;
        self.live.cr |= super::cr::OPTSTRT;
        self.start(Operation { started: at, ends, first, work: Work::OptionReplace { before } }, fx);
    }

    /// The pages that a step from level 1 to 0 erases, and whether that frees the PCROP areas (G84, G87).
    fn regression(&self) -> (Vec<u32>, bool) {
        let loaded = &self.live.loaded;
        let none = self.pcrop_areas().iter().all(Range::is_empty);
        let full = none || loaded.0[PCROP1AER] & PCROP_RDP != 0;
        let page = |p: u32| self.flash.base + p * self.flash.page..self.flash.base + (p + 1) * self.flash.page;
        let pages = (0..self.flash.pages())
            .filter(|p| full || *p < loaded.secured_pages() || !self.in_pcrop(page(*p)))
            .collect();
        (pages, full)
    }

    /// The edited values, less what may not change (G79, G91). `full`: PCROP goes with a full erase (G84).
    fn allowed(&self, full: bool) -> Options {
        let (loaded, mut new) = (&self.live.loaded, self.live.edit);
        if full {
            let factory = self.shape.factory();
            for i in [PCROP1ASR, PCROP1AER, PCROP1BSR, PCROP1BER] {
                new.0[i] = factory.0[i];
            }
        } else {
            let (old_areas, new_areas) = (loaded.pcrop(&self.shape), new.pcrop(&self.shape));
            let ends = [(PCROP1ASR, PCROP1AER), (PCROP1BSR, PCROP1BER)];
            for ((old, new_area), (start, end)) in old_areas.iter().zip(&new_areas).zip(ends) {
                if !old.is_empty() && (new_area.start > old.start || new_area.end < old.end) {
                    new.0[start] = loaded.0[start];
                    new.0[end] = loaded.0[end];
                }
            }
            new.0[PCROP1AER] |= loaded.0[PCROP1AER] & PCROP_RDP;
        }
        let sec_size = self.shape.mask(SECR, 0xFFFF);
        if self.level() != 0 && self.live.cr & super::cr::SEC_PROT != 0 {
            new.0[SECR] = (new.0[SECR] & !sec_size) | (loaded.0[SECR] & sec_size);
        }
        if self.level() != 0 && !full {
            new.0[SECR] |= loaded.0[SECR] & BOOT_LOCK;
        }
        new
    }
}

/// Field by field.
pub(super) fn fields(loaded: &Options, stored: &Options) -> Vec<OptionField> {
    let text = |name, f: &dyn Fn(&Options) -> String| OptionField { name, loaded: f(loaded), stored: f(stored) };
    let bits = |name, shift: u32, mask: u32| text(name, &|o| (o.0[OPTR] >> shift & mask).to_string());
    let area = |name, start: usize, end: usize| {
        text(name, &|o: &Options| match (o.0[start], o.0[end] & !PCROP_RDP) {
            (s, e) if s > e => "none".to_owned(),
            (s, e) if s == e => "all".to_owned(),
            (s, e) => format!("units {s} to {e}"),
        })
    };
    let pages = |name, index: usize| {
        text(name, &|o: &Options| match (o.0[index] & 0xFF, o.0[index] >> 16 & 0xFF) {
            (s, e) if s > e => "none".to_owned(),
            (s, e) => format!("pages {s} to {e}"),
        })
    };
    vec![
        text("RDP", &|o| format!("level {}", o.level())),
        bits("BOR_EN", 8, 1),
        bits("BORR_LEV", 9, 3),
        bits("BORF_LEV", 11, 3),
        bits("nRST_STOP", 13, 1),
        bits("nRST_STDBY", 14, 1),
        bits("nRST_SHDW", 15, 1),
        bits("IWDG_SW", 16, 1),
        bits("IWDG_STOP", 17, 1),
        bits("IWDG_STDBY", 18, 1),
        bits("WWDG_SW", 19, 1),
        bits("RAM_PARITY_CHECK", 22, 1),
        bits("nBOOT_SEL", 24, 1),
        bits("nBOOT1", 25, 1),
        bits("nBOOT0", 26, 1),
        bits("NRST_MODE", 27, 3),
        bits("IRHEN", 29, 1),
        area("PCROP1A", PCROP1ASR, PCROP1AER),
        area("PCROP1B", PCROP1BSR, PCROP1BER),
        text("PCROP_RDP", &|o| (o.0[PCROP1AER] >> 31).to_string()),
        pages("WRP1A", WRP1AR),
        pages("WRP1B", WRP1BR),
        text("SEC_SIZE", &|o| o.secured_pages().to_string()),
        text("BOOT_LOCK", &|o| u8::from(o.boot_lock()).to_string()),
    ]
}
