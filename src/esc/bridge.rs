//! What the motor's bridge puts out, and when that began, to the instruction.

use crate::chip::{Chip, Device, Halt, SavedChip};
use crate::part::Kind;
use crate::periph::pins;
use std::sync::Arc;

/// A PWM of fewer periods a second is a note: AM32's motors have 8 kHz at least, its melodies some hundreds of hertz.
const MOTOR_HZ: f64 = 7_000.0;

/// What the bridge puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bridge {
    /// Nothing.
    Off,
    /// A note.
    Tone,
    /// A PWM that turns a motor.
    Driven,
}

impl Bridge {
    /// What the advanced-control timers put out now on pins that lead there: AM32 has the motor on these.
    pub fn of(chip: &mut Chip) -> Bridge {
        let part = Arc::clone(chip.part());
        let (clocks, cycle) = (chip.board.clocks(), chip.now().cycle);
        let mut drives: Vec<(u8, u8, f64)> = Vec::new();
        for (spec, slot) in part.peripherals.iter().zip(&chip.board.devices.slots) {
            if let (Kind::TimAdvanced, Device::Timer(timer)) = (spec.kind, &slot.device) {
                let outputs = timer.outputs_at(cycle, &clocks);
                let on = outputs.channels.iter().filter(|c| outputs.counts && c.duty.is_some_and(|d| d > 0.0));
                drives.extend(on.map(|c| (slot.number, c.channel, outputs.hz)));
            }
        }
        let devices = &mut chip.board.devices;
        let mut leads = |timer, channel| {
            pins::of(&part, timer, channel).any(|r| devices.gpio(r.port).is_some_and(|g| g.alternate(r.pin, r.af)))
        };
        match drives.into_iter().find(|(timer, channel, _)| leads(*timer, *channel)) {
            None => Bridge::Off,
            Some((_, _, hz)) if hz < MOTOR_HZ => Bridge::Tone,
            Some(_) => Bridge::Driven,
        }
    }

    /// Takes the chip back to where the bridge began to do this: between `before`, when it did not, and now, when it
    /// does. The first boundary of instructions that shows it.
    pub fn back_to_begin(self, chip: &mut Chip, before: &SavedChip) {
        let mut last = chip.now().cycle;
        // The same part: it fits.
        let _ = chip.restore(before);
        let mut first = chip.now().cycle;
        let mut without = chip.save();
        while last - first > 1 {
            let middle = first + (last - first) / 2;
            let _ = chip.restore(&without);
            let halt = chip.run_to_cycle(middle);
            if halt != Halt::Time || Bridge::of(chip) == self {
                last = middle;
            } else {
                // An instruction may take several cycles.
                first = chip.now().cycle.min(last - 1);
                without = chip.save();
            }
        }
        let _ = chip.restore(&without);
        chip.run_to_cycle(last);
    }
}
