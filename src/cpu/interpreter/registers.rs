//! The register file as the interpreter keeps it: the live stack pointer in R13, the flags apart.

use crate::cpu::{Registers, T};

/// APSR.N, Z, C, V. N and Z are kept as the result that set them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// N is bit 31.
    pub n: u32,
    /// Z is set where this is 0.
    pub z: u32,
    /// Carry.
    pub c: bool,
    /// Overflow.
    pub v: bool,
}

impl Flags {
    /// In APSR's positions.
    pub const fn bits(self) -> u32 {
        (self.n & 1 << 31) | ((self.z == 0) as u32) << 30 | (self.c as u32) << 29 | (self.v as u32) << 28
    }

    /// From APSR's positions.
    pub const fn of(bits: u32) -> Flags {
        Flags { n: bits, z: (bits & 1 << 30 == 0) as u32, c: bits & 1 << 29 != 0, v: bits & 1 << 28 != 0 }
    }

    /// N and Z of a result.
    pub const fn set_nz(&mut self, result: u32) {
        self.n = result;
        self.z = result;
    }

    /// Whether condition `cond` (0 to 13) holds (DDI0419 A6.3).
    pub const fn hold(self, cond: u8) -> bool {
        let (n, z) = (self.n >> 31 != 0, self.z == 0);
        let base = match cond >> 1 {
            0 => z,
            1 => self.c,
            2 => n,
            3 => self.v,
            4 => self.c && !z,
            5 => n == self.v,
            6 => !z && n == self.v,
            _ => true,
        };
        base != (cond & 1 != 0)
    }
}

/// R0 to R15 (R15 is not used), special registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// R0 to R12, the live SP, LR; the last is not used.
    pub r: [u32; 16],
    /// The stack pointer that is not live.
    pub other_sp: u32,
    /// Flags.
    pub flags: Flags,
    /// EPSR.T.
    pub thumb: bool,
    /// IPSR.
    pub exception: u32,
    /// PRIMASK.
    pub primask: bool,
    /// CONTROL.
    pub control: u32,
}

impl File {
    fn uses_psp(&self) -> bool {
        self.control & 2 != 0 && self.exception == 0
    }

    /// As everyone else sees them.
    pub fn registers(&self, pc: u32) -> Registers {
        let psp = self.uses_psp();
        let (live, other) = (self.r[13], self.other_sp);
        let mut r = [0; 13];
        r.copy_from_slice(&self.r[..13]);
        Registers {
            r,
            msp: if psp { other } else { live },
            psp: if psp { live } else { other },
            lr: self.r[14],
            pc,
            xpsr: self.flags.bits() | if self.thumb { T } else { 0 } | self.exception,
            primask: self.primask,
            control: self.control,
        }
    }

    /// Takes them over.
    pub fn set(&mut self, from: &Registers) {
        self.r[..13].copy_from_slice(&from.r);
        self.r[14] = from.lr;
        self.flags = Flags::of(from.xpsr);
        self.thumb = from.thumb();
        self.exception = from.exception();
        self.primask = from.primask;
        self.control = from.control & 2;
        let psp = self.uses_psp();
        self.r[13] = if psp { from.psp } else { from.msp };
        self.other_sp = if psp { from.msp } else { from.psp };
    }

    /// `mrs Rd, spec_reg` (DDI0419 B5.2.2). EPSR reads 0.
    pub fn special(&self, number: u32) -> u32 {
        let psp = self.uses_psp();
        match number {
            0 | 2 => self.flags.bits(),
            1 | 3 => self.flags.bits() | self.exception,
            5 | 7 => self.exception,
            8 => {
                if psp {
                    self.other_sp
                } else {
                    self.r[13]
                }
            }
            9 => {
                if psp {
                    self.r[13]
                } else {
                    self.other_sp
                }
            }
            16 => u32::from(self.primask),
            20 => self.control,
            _ => 0,
        }
    }

    /// `msr spec_reg, Rn` (DDI0419 B5.2.3).
    pub fn set_special(&mut self, number: u32, value: u32) {
        let psp = self.uses_psp();
        match number {
            0..=3 => self.flags = Flags::of(value),
            8 if psp => self.other_sp = value & !3,
            8 => self.r[13] = value & !3,
            9 if psp => self.r[13] = value & !3,
            9 => self.other_sp = value & !3,
            16 => self.primask = value & 1 != 0,
            20 => {
                // SPSEL can be changed in Thread mode only; nPRIV is not there.
                let writable = if self.exception == 0 { 2 } else { 0 };
                self.control = (self.control & !writable) | (value & writable);
                if self.uses_psp() != psp {
                    std::mem::swap(&mut self.r[13], &mut self.other_sp);
                }
            }
            _ => {}
        }
    }
}
