//! Peripherals: one file each, reads and writes at an offset, and the time of the next event.
//!
//! They compute from time and are never ticked. A register that nobody modelled is told once with its address
//! and PC; offsets that the manual reserves read zero.

pub mod adc;
pub mod clocks;
pub mod dbgmcu;
pub mod exti;
pub mod gpio;
pub mod iwdg;
pub mod nvic;
pub mod plain;
pub mod rcc_f0;
pub mod rcc_g0;
pub mod signal;
pub mod syscfg;
pub mod systick;
pub mod timer;
pub mod usart;

use crate::bus::{Effects, ResetCause};
use crate::time::{Now, Time};
pub use clocks::Clocks;
use std::fmt;

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this HCLK cycle.
    Cycle(u64),
    /// At this time, whatever HCLK does.
    Time(Time),
}

/// What an access sees of the rest of the chip.
#[derive(Debug)]
pub struct Context<'a> {
    /// The instant.
    pub now: Now,
    /// The clocks as they run now.
    pub clocks: Clocks,
    /// The block's base address, for notes.
    pub base: u32,
    /// What is to be done elsewhere.
    pub fx: &'a mut Effects,
}

impl Context<'_> {
    /// Tells that something of the block is not modelled.
    pub fn unmodelled(&mut self, offset: u32, what: &str) {
        let address = self.base + offset;
        self.fx.unmodelled(address, what);
    }
}

/// A block on the bus. Offsets are multiples of 4; narrow accesses arrive widened.
pub trait Peripheral: fmt::Debug {
    /// Reads a register. Reading may have effects, as on the chip.
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32;

    /// Writes the bits of a register that `mask` has set.
    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>);

    /// A reset by RCC's reset register, or by a system reset.
    fn reset(&mut self, cause: ResetCause);

    /// When it next acts by itself.
    fn next_event(&self, _clocks: &Clocks) -> Option<Due> {
        None
    }

    /// Brings it to the context's instant.
    fn advance(&mut self, _cx: &mut Context<'_>) {}

    /// Which of its interrupt lines are raised, bit n for the n-th line of its specification.
    fn lines(&self) -> u32 {
        0
    }
}

/// `register` with the bits of `mask` taken from `value`.
pub const fn masked(register: u32, value: u32, mask: u32) -> u32 {
    (register & !mask) | (value & mask)
}
