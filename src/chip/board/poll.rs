//! What polls of registers will see, and what would have been counted of those that an engine skips.

use super::{Board, Place, Read};
use crate::bus::Width;
use crate::chip::device::Device;
use crate::cpu::Poll;
use crate::periph::gpio;
use crate::periph::{Due, Forecast, Peripheral};

/// What could change a register that code reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chip) enum Change {
    /// Nothing but a store.
    Never,
    /// What its block, or time, does by itself; also where that is not known.
    Event,
    /// The world outside: a pin, a line, a voltage.
    Outside,
}

impl Board {
    /// What could change the register at `address`, read just now; none for plain memory.
    pub(in crate::chip) fn change_of(&self, address: u32, width: Width, cycle: u64) -> Option<Change> {
        let place = self.place(address);
        if matches!(place, Place::Flash(_) | Place::Sram(_) | Place::Information(_)) {
            return None;
        }
        if self.foresee(address, width, cycle) != Forecast::Constant {
            return Some(Change::Event);
        }
        let Place::Block(n) = place else {
            // What pends in the NVIC comes with events.
            return Some(if self.next_event_of_others() == u64::MAX { Change::Never } else { Change::Event });
        };
        let slot = &self.devices.slots[n];
        if slot.gate.as_ref().is_some_and(|g| !self.devices.rcc.enabled(g)) {
            return Some(Change::Never);
        }
        let event = match slot.device {
            Device::Rcc => self.devices.rcc.view().next_event(&self.clocks).is_some(),
            Device::Flash => self.flash.next_event().is_some(),
            // A transfer comes with somebody else's event.
            Device::Dma(_) => self.dma_waits(),
            _ => self.requests[n].next != u64::MAX,
        };
        if event {
            return Some(Change::Event);
        }
        Some(if listens(&slot.device, address & !3, slot.base) { Change::Outside } else { Change::Never })
    }

    /// Whether an interrupt may still be taken as things stand: one is enabled, is urgent enough, and something is to
    /// come that may raise it, from a block or from outside.
    pub(in crate::chip) fn interrupt_may_come(&self, primask: bool) -> bool {
        if !self.nvic.could_take(primask, self.systick.interrupts()) {
            return false;
        }
        self.next_event_of_others() != u64::MAX || self.listens_outside()
    }

    /// Whether an enabled interrupt waits for something from outside the chip.
    pub fn listens_outside(&self) -> bool {
        self.devices.slots.iter().zip(&self.part.peripherals).any(|(slot, spec)| {
            let enabled = spec.irq.iter().any(|line| self.nvic.enabled().contains(usize::from(*line)));
            enabled
                && match &slot.device {
                    Device::Timer(timer) => timer.watched_inputs() != 0,
                    Device::Exti(exti) => exti.watched() != 0,
                    Device::Usart(usart) => usart.asks_for_bytes(),
                    Device::Plain(_) => true,
                    _ => false,
                }
        })
    }

    /// Whether a watchdog runs that resets the chip unless it is fed.
    pub fn watchdog_runs(&self) -> bool {
        self.devices.slots.iter().any(|s| match &s.device {
            Device::Iwdg(iwdg) => iwdg.is_started(),
            Device::Wwdg(wwdg) => wwdg.is_on(),
            _ => false,
        })
    }

    /// Whether the window watchdog runs.
    pub fn window_watchdog_runs(&self) -> bool {
        self.devices.slots.iter().any(|s| matches!(&s.device, Device::Wwdg(wwdg) if wwdg.is_on()))
    }

    /// Whether a channel of the DMA controller waits for its requests.
    pub(in crate::chip) fn dma_waits(&self) -> bool {
        self.devices.slots.iter().any(|s| matches!(&s.device, Device::Dma(dma) if dma.waits()))
    }

    /// The cycle of the next event, those of the watchdogs left out.
    fn next_event_of_others(&self) -> u64 {
        let slots = self.devices.slots.iter().zip(&self.requests);
        let blocks = slots.filter(|(s, _)| !matches!(s.device, Device::Iwdg(_) | Device::Wwdg(_))).map(|(_, w)| w.next);
        let cycle = |due: Due| match due {
            Due::Cycle(cycle) => cycle,
            Due::Time(time) => self.hclk.cycle_at(time),
        };
        let rest = [
            self.devices.rcc.view().next_event(&self.clocks),
            self.systick.next_event(&self.clocks),
            self.flash.next_event().map(Due::Time),
        ];
        blocks.chain(rest.into_iter().flatten().map(cycle)).min().unwrap_or(u64::MAX)
    }

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
        self.sample_repeated(round, times, period);
        let entry = self.nvic.entry();
        let later = |p: &Poll, n| Read { address: p.address, pc: p.pc, cycle: p.cycle + (n + 1) * period, entry };
        self.reads.repeat(round, times, later);
    }
}

/// Whether the register shows something of the world outside.
fn listens(device: &Device, address: u32, base: u32) -> bool {
    match device {
        Device::Gpio(_) => address - base == gpio::reg::IDR,
        Device::Timer(timer) => timer.watched_inputs() != 0,
        Device::Exti(exti) => exti.watched() != 0,
        Device::Usart(_) | Device::Comp(_) | Device::Plain(_) => true,
        _ => false,
    }
}
