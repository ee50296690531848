//! What polls of registers will see, and what would have been counted of those that an engine skips.

use super::{Board, Place, RECENT};
use crate::bus::Width;
use crate::chip::device::Device;
use crate::cpu::Poll;
use crate::periph::{Due, Forecast, Peripheral};

impl Board {
    /// What later loads of the register at `address` would give; due times in cycles.
    pub(super) fn foresee(&self, address: u32, width: Width, cycle: u64) -> Forecast {
        let now = self.hclk.at(cycle);
        let aligned = address & !3;
        let word = match self.place(address) {
            Place::Block(n) => {
                let slot = &self.devices.slots[n];
                // Gates are opened by writes alone.
                if slot.gate.as_ref().is_some_and(|g| !self.devices.rcc.enabled(g)) {
                    return Forecast::Constant;
                }
                let offset = aligned - slot.base;
                match &slot.device {
                    Device::Rcc => self.devices.rcc.view().forecast(offset, now, &self.clocks),
                    // The end of an operation is an event of the chip.
                    Device::Flash => Forecast::Constant,
                    device => device.view().map_or(Forecast::Constant, |p| p.forecast(offset, now, &self.clocks)),
                }
            }
            Place::Private(0xE000_E010..=0xE000_E01F) => {
                self.systick.forecast(aligned - 0xE000_E010, now, &self.clocks)
            }
            // What pends comes with events and writes.
            Place::Private(_) => Forecast::Constant,
            Place::Information(_) => Forecast::Constant,
            Place::Flash(_) | Place::Sram(_) | Place::Nowhere => Forecast::Unknown,
        };
        match word {
            Forecast::Until(Due::Time(time)) => Forecast::Until(Due::Cycle(self.hclk.cycle_at(time))),
            // A narrow load sees its lane alone, which wraps sooner.
            Forecast::Counts { next, .. } if width != Width::Word && address != aligned => {
                Forecast::Until(Due::Cycle(next))
            }
            Forecast::Counts { next, period, last } => Forecast::Counts { next, period, last: last.min(width.mask()) },
            other => other,
        }
    }

    /// A round of a poll would have been made `times` times more, `period` cycles apart.
    pub(super) fn count_repeated(&mut self, round: &[Poll], times: u64, period: u64) {
        for poll in round {
            if let Place::Block(n) = self.place(poll.address) {
                let slot = &mut self.devices.slots[n];
                let offset = (poll.address & !3) - slot.base;
                let open = slot.gate.as_ref().is_none_or(|g| self.devices.rcc.enabled(g));
                if open && let Some(p) = slot.device.peripheral() {
                    p.repeated(offset, u32::try_from(times).unwrap_or(u32::MAX));
                }
            }
        }
        // The record of the last reads comes out as if each had been made.
        if round.is_empty() {
            return;
        }
        let kept = times.min((RECENT / round.len()) as u64 + 1);
        let left_out = usize::try_from(times - kept).unwrap_or(0);
        self.recent_at = self.recent_at.wrapping_add(left_out.wrapping_mul(round.len()));
        for n in times - kept..times {
            for poll in round {
                let cycle = poll.cycle + (n + 1) * period;
                self.recent[self.recent_at % RECENT] = (poll.address, poll.pc, cycle);
                self.recent_at = self.recent_at.wrapping_add(1);
            }
        }
    }
}
