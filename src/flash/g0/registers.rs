//! The G0's register file and its locks (RM0444 3.3.6, 3.7).

use super::{G0, options};
use crate::bus::{Access, BusFault, Effects, ResetCause, Width, fault, merge};
use crate::flash::REGISTERS;
use crate::flash::flags::Flag;
use crate::flash::keys::Key;

const ACR: u32 = 0x00;
pub(super) const KEYR: u32 = 0x08;
pub(super) const OPTKEYR: u32 = 0x0C;
pub(super) const SR: u32 = 0x10;
pub(super) const CR: u32 = 0x14;
pub(super) const ECCR: u32 = 0x18;
pub(super) const OPTR: u32 = 0x20;

pub(super) const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
pub(super) const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// Bits of ACR (G6).
pub(super) mod acr {
    pub const LATENCY: u32 = 7;
    pub const PRFTEN: u32 = 1 << 8;
    pub const ICEN: u32 = 1 << 9;
    pub const ICRST: u32 = 1 << 11;
    pub const EMPTY: u32 = 1 << 16;
    pub const DBG_SWEN: u32 = 1 << 18;
    /// After a reset; bit 10 is reserved and stays 1.
    pub const RESET: u32 = DBG_SWEN | RESERVED | ICEN;
    pub const RESERVED: u32 = 1 << 10;
}

/// Bits of SR (G9).
pub(super) mod sr {
    pub const EOP: u32 = 1 << 0;
    pub const OPERR: u32 = 1 << 1;
    pub const PROGERR: u32 = 1 << 3;
    pub const WRPERR: u32 = 1 << 4;
    pub const PGAERR: u32 = 1 << 5;
    pub const SIZERR: u32 = 1 << 6;
    pub const PGSERR: u32 = 1 << 7;
    pub const MISERR: u32 = 1 << 8;
    pub const FASTERR: u32 = 1 << 9;
    pub const RDERR: u32 = 1 << 14;
    pub const OPTVERR: u32 = 1 << 15;
    pub const BSY1: u32 = 1 << 16;
    pub const CFGBSY: u32 = 1 << 18;
    /// Those that stand in the way of the next operation (G33, G51).
    pub const PENDING: u32 = PROGERR | WRPERR | PGAERR | SIZERR | PGSERR | MISERR | FASTERR;
    /// Those that clear on writing 1.
    pub const CLEARABLE: u32 = EOP | OPERR | PENDING | RDERR | OPTVERR;
}

/// Bits of CR (G10).
pub(super) mod cr {
    pub const PG: u32 = 1 << 0;
    pub const PER: u32 = 1 << 1;
    pub const MER1: u32 = 1 << 2;
    pub const PNB_SHIFT: u32 = 3;
    pub const PNB: u32 = 0x3FF << PNB_SHIFT;
    pub const STRT: u32 = 1 << 16;
    pub const OPTSTRT: u32 = 1 << 17;
    pub const FSTPG: u32 = 1 << 18;
    pub const EOPIE: u32 = 1 << 24;
    pub const ERRIE: u32 = 1 << 25;
    pub const RDERRIE: u32 = 1 << 26;
    pub const OBL_LAUNCH: u32 = 1 << 27;
    pub const SEC_PROT: u32 = 1 << 28;
    pub const OPTLOCK: u32 = 1 << 30;
    pub const LOCK: u32 = 1 << 31;
    /// Those that software sets and clears as it likes.
    pub const PLAIN: u32 = PG | PER | MER1 | PNB | FSTPG | EOPIE | ERRIE | RDERRIE;
    /// Those that software only sets.
    pub const SET_ONLY: u32 = SEC_PROT | OPTLOCK | LOCK;
}

/// Bits of ECCR (G11).
pub(super) mod eccr {
    pub const ADDR: u32 = 0x3FFF;
    pub const ECCCIE: u32 = 1 << 24;
    pub const ECCC: u32 = 1 << 30;
    pub const ECCD: u32 = 1 << 31;
}

/// The bits of SR as flags.
pub(super) const STATUS_FLAGS: [(u32, Flag); 13] = [
    (sr::EOP, Flag::Eop),
    (sr::OPERR, Flag::Operr),
    (sr::PROGERR, Flag::Progerr),
    (sr::WRPERR, Flag::Wrperr),
    (sr::PGAERR, Flag::Pgaerr),
    (sr::SIZERR, Flag::Sizerr),
    (sr::PGSERR, Flag::Pgserr),
    (sr::MISERR, Flag::Miserr),
    (sr::FASTERR, Flag::Fasterr),
    (sr::RDERR, Flag::Rderr),
    (sr::OPTVERR, Flag::Optverr),
    (sr::BSY1, Flag::Bsy1),
    (sr::CFGBSY, Flag::Cfgbsy),
];

/// The bits of ECCR as flags.
pub(super) const ECC_FLAGS: [(u32, Flag); 2] = [(eccr::ECCC, Flag::Eccc), (eccr::ECCD, Flag::Eccd)];

impl G0 {
    /// The word at `offset`; reserved and write-only ones read 0 (G12).
    pub(super) fn register(&self, offset: u32) -> u32 {
        let l = &self.live;
        match offset {
            ACR => l.acr,
            SR => {
                let busy = l.operation.is_some() || l.fast.is_some();
                let configured = busy || l.half.is_some();
                l.sr | if busy { sr::BSY1 } else { 0 } | if configured { sr::CFGBSY } else { 0 }
            }
            CR => l.cr,
            ECCR => l.eccr,
            _ => self
                .shape
                .index_of_register(offset)
                .map_or(0, |i| if l.edited >> i & 1 != 0 { l.edit.0[i] } else { l.loaded.0[i] }),
        }
    }

    pub(super) fn store_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        let aligned = offset & !3;
        if !offset.is_multiple_of(width.bytes()) {
            return Err(fault("an unaligned store to a flash register"));
        }
        // A narrow store carries zeros in its other lanes where ones act, and leaves them alone elsewhere (G5).
        let ones = merge(0, offset, width, value);
        let merged = merge(self.register(aligned), offset, width, value);
        match aligned {
            ACR => self.store_acr(merged, fx),
            KEYR => return self.key(ones),
            OPTKEYR => return self.option_key(ones),
            SR => {
                self.live.sr &= !(ones & sr::CLEARABLE);
                fx.interrupts();
            }
            CR => return self.store_cr(offset, width, value, by, fx),
            ECCR => {
                let l = &mut self.live;
                l.eccr &= !(ones & (eccr::ECCC | eccr::ECCD));
                l.eccr = (l.eccr & !eccr::ECCCIE) | (merged & eccr::ECCCIE);
                fx.interrupts();
            }
            _ => {
                if let Some(index) = self.shape.index_of_register(aligned) {
                    self.store_option(index, offset, width, value, by, fx);
                }
            }
        }
        Ok(())
    }

    fn store_acr(&mut self, value: u32, fx: &mut Effects) {
        let old = self.live.acr;
        let mut plain = acr::LATENCY | acr::PRFTEN | acr::ICEN | acr::EMPTY | acr::DBG_SWEN;
        if old & acr::ICEN == 0 {
            plain |= acr::ICRST; // only while the cache is off (G6)
        }
        self.live.acr = (value & plain) | (old & !plain);
        fx.clock();
    }

    fn key(&mut self, value: u32) -> Result<(), BusFault> {
        if self.live.cr & cr::LOCK == 0 {
            // G16: not even the right keys are welcome while unlocked.
            self.live.keys.lock_up();
            self.live.option_keys.lock_up();
            self.live.cr |= cr::LOCK | cr::OPTLOCK;
            return Err(fault("a key was written while unlocked: the flash stays locked until the next reset"));
        }
        match self.live.keys.write(value, KEYS) {
            Key::Unlocked => self.live.cr &= !cr::LOCK,
            Key::Wrong => return Err(fault("a wrong key: the flash stays locked until the next reset")), // G14
            Key::First | Key::Locked => {}
        }
        Ok(())
    }

    fn option_key(&mut self, value: u32) -> Result<(), BusFault> {
        let wrong = fault("a wrong option key: the option bytes stay locked until the next reset");
        // G17: not before LOCK is clear; and, as G16, not while OPTLOCK is clear already.
        let out_of_turn = self.live.cr & cr::LOCK != 0 || self.live.cr & cr::OPTLOCK == 0;
        if out_of_turn {
            self.live.option_keys.lock_up();
        }
        match self.live.option_keys.write(value, OPTION_KEYS) {
            Key::Unlocked => self.live.cr &= !cr::OPTLOCK,
            Key::First => {}
            Key::Locked if !out_of_turn => {}
            Key::Wrong | Key::Locked => {
                self.live.cr |= cr::OPTLOCK;
                return Err(wrong); // G15
            }
        }
        Ok(())
    }

    fn store_cr(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        // G24 against G25: during an operation the store waits; with half a double word there is nothing to wait
        // for, and the bus refuses.
        let at = self.wait_out(by.now.time, fx);
        if self.live.half.is_some() {
            return Err(fault("FLASH_CR was written while CFGBSY is set: half a double word is pending"));
        }
        let old = self.live.cr;
        if old & cr::LOCK != 0 {
            let change = merge(old, offset, width, value) ^ old;
            if change & !(cr::LOCK | cr::OPTLOCK) != 0 {
                fx.note(REGISTERS + CR, "FLASH_CR is locked; the write was ignored"); // G19
            }
            return Ok(());
        }
        let value = merge(old, offset, width, value);
        let mut new = (value & cr::PLAIN) | (old & !cr::PLAIN) | (value & cr::SET_ONLY);
        if value & cr::LOCK != 0 {
            new |= cr::OPTLOCK; // G18
        }
        self.live.cr = new;
        if (new ^ old) & cr::FSTPG != 0 {
            self.live.fast_since = (new & cr::FSTPG != 0).then_some(at);
        }
        if (new ^ old) & cr::SEC_PROT != 0 {
            fx.remap();
        }
        fx.interrupts();
        if new & cr::LOCK != 0 {
            return Ok(());
        }
        let options_open = old & cr::OPTLOCK == 0 && new & cr::OPTLOCK == 0;
        if value & cr::OBL_LAUNCH != 0 && options_open {
            self.live.cr |= cr::OBL_LAUNCH; // G20
            fx.reset(ResetCause::OptionBytes);
        } else if value & cr::STRT != 0 {
            return self.launch(at, by, fx);
        } else if value & cr::OPTSTRT != 0 && options_open {
            self.change_options(at, fx);
        }
        Ok(())
    }

    /// A store to one of OPTR to SECR: an edit, in force after OPTSTRT and a load (G74).
    fn store_option(&mut self, index: usize, offset: u32, width: Width, value: u32, by: Access, fx: &mut Effects) {
        self.wait_out(by.now.time, fx);
        if self.live.cr & cr::OPTLOCK != 0 {
            fx.note(REGISTERS + offset, "the option registers are locked; the write was ignored"); // G19
            return;
        }
        if width == Width::Byte && options::no_bytes(index) {
            fx.note(REGISTERS + offset, "this register takes no byte writes; it was dropped"); // G5
            return;
        }
        let value = merge(self.live.edit.0[index], offset, width, value);
        self.live.edit.0[index] = self.shape.mask(index, value) | self.live.loaded.sticky(index);
        self.live.edited |= 1 << index;
    }
}
