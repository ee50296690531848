//! The ECC check on reads of main flash (RM0444 3.3.2).

use super::G0;
use super::registers::eccr;
use crate::bus::Effects;
use crate::flash::cells::{DOUBLE_WORD, Ecc};

impl G0 {
    /// Sets ECCC or ECCD for the double word at `address`. The first failing address stays until its flag is
    /// cleared (G62); the data is returned all the same, with no bus error (G66).
    pub(super) fn check_ecc(&mut self, address: u32, fx: &mut Effects) {
        if self.cells.flawed() == 0 {
            return;
        }
        let flag = match self.cells.ecc(address) {
            Ecc::Good => return,
            Ecc::Corrected => eccr::ECCC,
            Ecc::Bad => eccr::ECCD,
        };
        let l = &mut self.live;
        if l.eccr & (eccr::ECCC | eccr::ECCD) == 0 {
            let double_word = (address - self.flash.base) / DOUBLE_WORD;
            l.eccr = (l.eccr & !eccr::ADDR) | (double_word & eccr::ADDR); // G63
        }
        if flag == eccr::ECCD && l.eccr & eccr::ECCD == 0 {
            fx.nmi();
        }
        l.eccr |= flag;
        fx.interrupts();
    }
}
