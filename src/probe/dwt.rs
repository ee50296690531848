//! A comparator of the data watchpoint unit, register by register (DDI0419 C1.8.3).

use crate::chip::{Match, WATCHPOINTS, Watchpoint};
use crate::cpu::debug::{DWT_COMP0, DWT_STRIDE, dwt_function as function};

/// One of a comparator's registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    Comparator,
    Mask,
    Function,
}

/// The comparator and its register at an address; none where another register is.
pub(super) const fn register(address: u32) -> Option<(usize, Register)> {
    let offset = address.wrapping_sub(DWT_COMP0);
    let n = (offset / DWT_STRIDE) as usize;
    if n >= WATCHPOINTS {
        return None;
    }
    match offset % DWT_STRIDE {
        0 => Some((n, Register::Comparator)),
        4 => Some((n, Register::Mask)),
        8 => Some((n, Register::Function)),
        _ => None,
    }
}

/// A comparator's registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dwt {
    comparator: u32,
    mask: u32,
    function: u32,
    /// An access has matched.
    pub(super) matched: bool,
}

impl Dwt {
    /// A load of a register. function::MATCHED clears with it.
    pub(super) const fn read(&mut self, register: Register) -> u32 {
        match register {
            Register::Comparator => self.comparator,
            Register::Mask => self.mask,
            Register::Function => {
                let matched = std::mem::replace(&mut self.matched, false);
                self.function | if matched { function::MATCHED } else { 0 }
            }
        }
    }

    pub(super) const fn write(&mut self, register: Register, value: u32) {
        match register {
            Register::Comparator => self.comparator = value,
            Register::Mask => self.mask = value & 0x1F,
            Register::Function => self.function = value & function::FUNCTION_MASK,
        }
    }

    /// What the core looks for.
    pub(super) const fn watchpoint(self) -> Watchpoint {
        let below = (1u32 << self.mask) - 1;
        let first = self.comparator & !below;
        let matches = match self.function {
            function::INSTRUCTION => Match::Instruction,
            function::READ => Match::Read,
            function::WRITE => Match::Write,
            function::ACCESS => Match::Access,
            _ => Match::Nothing,
        };
        Watchpoint { first, last: first | below, matches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_and_what_they_mean() {
        assert_eq!(register(0xE000_1034), Some((1, Register::Mask)));
        assert_eq!(register(0xE000_1040), None, "there are two");
        assert_eq!(register(0xE000_101C), None);
        let mut dwt = Dwt::default();
        dwt.write(Register::Comparator, 0x2000_0106);
        dwt.write(Register::Mask, 2);
        dwt.write(Register::Function, function::MATCHED | 6);
        let wanted = Watchpoint { first: 0x2000_0104, last: 0x2000_0107, matches: Match::Write };
        assert_eq!(
            (dwt.watchpoint(), dwt.read(Register::Function)),
            (wanted, 6),
            "function::MATCHED cannot be written"
        );
        dwt.matched = true;
        assert_eq!((dwt.read(Register::Function), dwt.read(Register::Function)), (function::MATCHED | 6, 6));
        dwt.write(Register::Mask, 31);
        assert_eq!(dwt.watchpoint().last, 0x7FFF_FFFF);
    }
}
