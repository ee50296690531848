//! What is wrong with an app that runs all the same: interrupts that never come, vectors that lead nowhere, a signal that
//! reaches no timer. It plays its tune, and fails at the first frame or the first commutation.

use super::alive::Alive;
use super::evidence::BootRun;
use crate::am32::{Finding, Id, Pin};
use crate::bus::Width;
use crate::chip::{Chip, Device, interrupt_name};
use crate::periph::pins;
use std::sync::Arc;

/// A flaw of an app that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// AM32's main loop goes round, and no interrupt comes.
    InterruptsOff {
        /// PRIMASK is set.
        masked: bool,
    },
    /// An interrupt is enabled, and its vector leads nowhere.
    Vector {
        /// The blocks on its line.
        interrupt: String,
        /// Where the vector stands.
        address: u32,
        /// The vector.
        value: u32,
        /// What it lacks.
        lacks: Lacks,
    },
    /// A timer channel captures, and the port of its pin has no clock, so that the pin was never set up.
    PortOff {
        /// The pin.
        pin: Pin,
        /// `TIM3 channel 1`.
        through: String,
    },
}

/// What a vector lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// Its lowest bit: ARMv6-M has Thumb code only (DDI0419 B1.5.3).
    ThumbBit,
    /// Code where it points.
    Code,
}

/// What shows at the end of a run in which the app was seen at work.
pub fn flaws(chip: &mut Chip, alive: Option<&Alive>, signal_found: bool) -> Vec<Flaw> {
    let mut found = vectors(chip);
    if let Some(Alive::Loop(l)) = alive
        && l.quiet
    {
        found.push(Flaw::InterruptsOff { masked: chip.registers().primask });
    }
    if !signal_found {
        found.extend(port_off(chip));
    }
    found
}

fn vectors(chip: &Chip) -> Vec<Flaw> {
    let (nvic, table) = (&chip.board.nvic, chip.board.nvic.vtor());
    let mut found = Vec::new();
    for line in nvic.enabled().iter() {
        let address = table + 4 * (16 + line);
        // A table that does not answer faults at the first interrupt of all: that shows by itself.
        let Some(value) = word(chip, address) else { continue };
        let lacks = match word(chip, value & !3) {
            _ if value & 1 == 0 => Lacks::ThumbBit,
            None | Some(u32::MAX) => Lacks::Code,
            Some(_) => continue,
        };
        let interrupt = interrupt_name(chip.part(), 16 + line);
        found.push(Flaw::Vector { interrupt, address: chip.board.resolve(address), value, lacks });
    }
    found
}

/// A word of flash or SRAM.
fn word(chip: &Chip, address: u32) -> Option<u32> {
    let (part, address) = (chip.part(), chip.board.resolve(address));
    if part.flash.contains(address) {
        return Some(chip.board.flash.cells().read(address, Width::Word));
    }
    part.sram.contains(address).then(|| chip.board.sram.word((address - part.sram.base) as usize))
}

/// The pin of a channel that captures, on a port that code stored to in vain.
fn port_off(chip: &mut Chip) -> Option<Flaw> {
    let part = Arc::clone(chip.part());
    let devices = &mut chip.board.devices;
    let captured: Vec<(u8, u32)> = devices.timers().map(|(n, t)| (n, t.watched_inputs())).collect();
    let devices = &chip.board.devices;
    let in_vain = |port: char| {
        let slot = devices.layout.index.gpio.get((port as usize).wrapping_sub('A' as usize)).copied().flatten();
        let slot = slot.map(|n| &devices.slots[n]).filter(|s| matches!(s.device, Device::Gpio(_)));
        slot.is_some_and(|s| {
            s.gate.as_ref().is_some_and(|g| !devices.rcc.enabled(g))
                && chip.board.log.notes().any(|(_, address, ..)| address == s.base)
        })
    };
    captured.iter().find_map(|(timer, inputs)| {
        let channels = (0..4u8).filter(|n| inputs & (1 << n) != 0).map(|n| n + 1);
        channels.into_iter().find_map(|channel| {
            let route = pins::of(&part, *timer, channel).find(|r| in_vain(r.port))?;
            Some(Flaw::PortOff {
                pin: Pin::new(route.port, route.pin)?,
                through: format!("TIM{timer} channel {channel}"),
            })
        })
    })
}

/// The findings that they are.
pub fn findings(run: &BootRun) -> Vec<Finding> {
    run.app.iter().flat_map(|app| &app.flaws).map(finding).collect()
}

fn finding(flaw: &Flaw) -> Finding {
    match flaw {
        Flaw::InterruptsOff { masked } => {
            let why = if *masked { "they are switched off (PRIMASK)" } else { "none of those that are enabled comes" };
            Finding::new(
                Id::RUN_NO_INTERRUPTS,
                format!(
                    "the app goes round its main loop without interrupts: {why}, and AM32 arms and commutates in them"
                ),
                "take the app as it was released; this one never turns a motor",
            )
        }
        Flaw::Vector { interrupt, address, value, lacks } => {
            let lacks = match lacks {
                Lacks::ThumbBit => "its lowest bit is 0, and the core has Thumb code only",
                Lacks::Code => "there is no code",
            };
            Finding::new(
                Id::RUN_BAD_VECTOR,
                format!("the app has {interrupt}'s interrupt enabled, and its vector at 0x{address:08X} is 0x{value:08X}: {lacks}; the first one ends in a HardFault"),
                "take the app as it was released: this file is damaged",
            )
            .at(*address)
        }
        Flaw::PortOff { pin, through } => Finding::new(
            Id::RUN_SIGNAL_PORT_OFF,
            format!(
                "the app's signal is on {pin} ({through}), and nobody switched the clock of that port on: no signal reaches the app, and the motor does not turn"
            ),
            format!("take a bootloader for {pin}: it switches the port on"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_that_captures_behind_a_port_without_a_clock() {
        // TIM3's clock, its channel 1 as an input; MODER of port C is stored to with the port's clock off, then on.
        for (part, enable, iop, moder) in [
            ("F051", 0x4002_101C, (0x4002_1014, 1 << 19), 0x4800_0800),
            ("G071", 0x4002_103C, (0x4002_1034, 1 << 2), 0x5000_0800),
        ] {
            let mut chip = Chip::new(&crate::part::find(part).unwrap(), 1).unwrap();
            chip.power_on();
            let store = |chip: &mut Chip, at, value| chip.debug_write(at, Width::Word, value).unwrap();
            store(&mut chip, enable, 1 << 1);
            for (at, value) in [(0x4000_0418, 1), (0x4000_0420, 0xB)] {
                store(&mut chip, at, value);
            }
            assert_eq!(flaws(&mut chip, None, false), [], "{part}: nobody wanted the port");
            store(&mut chip, moder, 2 << 12);
            let Some(Flaw::PortOff { pin, through }) = flaws(&mut chip, None, false).pop() else { panic!("{part}") };
            assert_eq!((pin.to_string(), through.as_str()), ("PC6".to_owned(), "TIM3 channel 1"), "{part}");
            assert_eq!(flaws(&mut chip, None, true), [], "{part}: the signal was found");
            store(&mut chip, iop.0, iop.1);
            assert_eq!(flaws(&mut chip, None, false), [], "{part}");
        }
    }
}
