//! Breakpoints in SRAM, where no comparator reaches: `bkpt` in an instruction's place, which gdb never sees.

use crate::probe::Operator;
use std::collections::BTreeMap;

/// `bkpt #0`.
const BKPT: u16 = 0xBE00;

fn half(target: &mut Operator, address: u32) -> Option<u16> {
    target.read(address, 2).0.try_into().ok().map(u16::from_le_bytes)
}

/// The half-words whose place is taken.
#[derive(Debug, Default)]
pub(super) struct Planted(BTreeMap<u32, u16>);

impl Planted {
    pub(super) fn contains(&self, address: u32) -> bool {
        self.0.contains_key(&address)
    }

    /// Whether there is one now.
    pub(super) fn add(&mut self, target: &mut Operator, address: u32) -> bool {
        if self.contains(address) {
            return true;
        }
        let Some(half) = half(target, address) else { return false };
        let done = target.write(address, &BKPT.to_le_bytes()).is_ok();
        if done {
            self.0.insert(address, half);
        }
        done
    }

    /// Whether there was one. What code has written there since stays.
    pub(super) fn remove(&mut self, target: &mut Operator, address: u32) -> bool {
        let Some(own) = self.0.remove(&address) else { return false };
        if half(target, address) == Some(BKPT) {
            // What could be read there can be written.
            let _ = target.write(address, &own.to_le_bytes());
        }
        true
    }

    pub(super) fn remove_all(mut self, target: &mut Operator) {
        while let Some(address) = self.0.keys().next().copied() {
            self.remove(target, address);
        }
    }

    /// Puts back, in `bytes` as read from `address` on, what the code has.
    pub(super) fn hide(&self, address: u32, bytes: &mut [u8]) {
        for (at, half) in &self.0 {
            for (n, own) in (0u32..).zip(half.to_le_bytes()) {
                let planted = BKPT.to_le_bytes()[n as usize];
                if let Some(byte) = bytes.get_mut((at + n).wrapping_sub(address) as usize)
                    && *byte == planted
                {
                    *byte = own;
                }
            }
        }
    }

    /// Keeps, of `bytes` to be written from `address` on, what falls on a breakpoint; the breakpoint stays.
    pub(super) fn keep(&mut self, address: u32, bytes: &mut [u8]) {
        for (at, half) in &mut self.0 {
            let mut own = half.to_le_bytes();
            for (n, own) in (0u32..).zip(&mut own) {
                if let Some(byte) = bytes.get_mut((*at + n).wrapping_sub(address) as usize) {
                    *own = std::mem::replace(byte, BKPT.to_le_bytes()[n as usize]);
                }
            }
            *half = u16::from_le_bytes(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Chip;
    use crate::part;
    use crate::probe::Target;
    use crate::probe::operation::Kind;

    #[test]
    fn gdb_sees_the_code_and_the_core_the_breakpoint() {
        let mut chip = Chip::new(&part::find("F051").unwrap(), 1).unwrap();
        chip.power_on();
        let mut probed = Target::new(chip);
        let mut seen = |_| ();
        let mut target = Operator::new(&mut probed, Kind::Gdb, &mut seen);
        target.write(0x2000_0100, &[0x11, 0x22, 0x33, 0x44]).unwrap();
        let mut planted = Planted::default();
        assert!(planted.add(&mut target, 0x2000_0102) && planted.add(&mut target, 0x2000_0102));
        assert_eq!(target.read(0x2000_0100, 4).0, [0x11, 0x22, 0x00, 0xBE]);
        let mut bytes = [0x00, 0xBE, 0x55];
        planted.hide(0x2000_0102, &mut bytes);
        assert_eq!(bytes, [0x33, 0x44, 0x55]);
        // Half of it is overwritten by gdb: the rest is what was there.
        let mut bytes = [0x66, 0x77];
        planted.keep(0x2000_0103, &mut bytes);
        assert_eq!(bytes, [0xBE, 0x77]);
        assert!(planted.remove(&mut target, 0x2000_0102) && !planted.remove(&mut target, 0x2000_0102));
        assert_eq!(target.read(0x2000_0100, 4).0, [0x11, 0x22, 0x33, 0x66]);
        // The code has written there itself.
        planted.add(&mut target, 0x2000_0102);
        target.write(0x2000_0102, &[0x34, 0x12]).unwrap();
        planted.remove_all(&mut target);
        assert_eq!(target.read(0x2000_0100, 4).0, [0x11, 0x22, 0x34, 0x12]);
        assert!(!Planted::default().add(&mut target, 0x7000_0000), "nothing is there");
    }
}
