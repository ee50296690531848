//! The app's signal pin, found by running: the pin whose edges reach a timer that captures.
//!
//! AM32 sets its input up once it has played its tune: a pin in alternate function, the timer channel behind it as
//! an input capture, and a DMA channel that fetches the captures. Nothing here knows AM32's pins: which function
//! leads from which pin to which channel is the data sheet's ([`crate::periph::pins`]).

use super::bench::Bench;
use super::boot;
use super::evidence::BootRun;
use crate::am32::{Finding, Id, Pin};
use crate::chip::{Chip, SavedChip, program};
use crate::image::Image;
use crate::periph::pins;
use std::fmt;
use std::sync::Arc;

/// A pin whose edges the app follows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SignalPin {
    /// The pin.
    pub pin: Pin,
    /// What captures its edges: `TIM3 channel 1`.
    pub through: String,
}

/// The pins whose edges the code captures now, each in the alternate function that leads to the timer channel; none
/// where its input is not set up. Pins that interrupt are left out: on boards with comparators of their own these are
/// the comparators' outputs.
pub fn followed(chip: &mut Chip) -> Vec<SignalPin> {
    captures(chip).into_iter().map(|c| SignalPin { pin: c.pin, through: c.to_string() }).collect()
}

/// A timer's channel that captures the edges of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capture {
    /// TIMn.
    pub timer: u8,
    /// From 1.
    pub channel: u8,
    /// The pin.
    pub pin: Pin,
}

/// `TIM3 channel 1`.
impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TIM{} channel {}", self.timer, self.channel)
    }
}

/// The channels that capture now, with the pins that lead to them.
pub(super) fn captures(chip: &mut Chip) -> Vec<Capture> {
    let part = Arc::clone(chip.part());
    let devices = &mut chip.board.devices;
    let watched: Vec<(u8, u32)> = devices.timers().map(|(n, t)| (n, t.watched_inputs())).collect();
    let mut found = Vec::new();
    for (timer, inputs) in watched {
        for input in (0..4u8).filter(|input| inputs & (1 << input) != 0) {
            let led = pins::of(&part, timer, input + 1)
                .find(|r| devices.gpio(r.port).is_some_and(|g| g.alternate(r.pin, r.af)));
            if let Some(pin) = led.and_then(|r| Pin::new(r.port, r.pin)) {
                found.push(Capture { timer, channel: input + 1, pin });
            }
        }
    }
    found
}

/// The pin that the bootloader looked at: that of most samples.
pub fn of_bootloader(run: &BootRun) -> Option<Pin> {
    run.sampled.first()?.pin.parse().ok()
}

/// Where bootloader and app of this run use different pins: the bootloader's, and the app's.
pub fn differ(run: &BootRun) -> Option<(Pin, Vec<SignalPin>)> {
    let bootloader = of_bootloader(run)?;
    let app = &run.app.as_ref()?.signal;
    let other = !app.is_empty() && app.iter().all(|s| s.pin != bootloader);
    other.then(|| (bootloader, app.clone()))
}

/// What two different pins do on the bench.
pub fn finding(bootloader: Pin, app: &[SignalPin]) -> Option<Finding> {
    let pin = app.first()?.pin;
    let all: Vec<String> = app.iter().map(|s| format!("{} ({})", s.pin, s.through)).collect();
    let message = format!(
        "the bootloader listens on {bootloader}, and the app takes its signal on {}: with the wire on {bootloader} the ESC starts and plays its tune, but no signal ever reaches the app, and the motor does not turn; with the wire on {pin} no configurator ever reaches the bootloader",
        all.join(" or ")
    );
    let advice = format!(
        "find out which pin the wire is on; take the bootloader for {pin} (AM32_<MCU>_BOOTLOADER_{pin}_V<n>), or the app's target for {bootloader}"
    );
    Some(Finding::new(Id::RUN_SIGNAL_PIN, message, advice))
}

/// Where the settings keep the kind of signal (`input_type`: 0 auto, 1 DShot, 2 servo).
const INPUT_TYPE: u32 = 46;

/// The pins that the app follows with the other kinds of signal in its settings: each is put into the page that the
/// bootloader reads, and the chip powered anew.
pub fn with_other_inputs(chip: &mut Chip, bench: &Bench, flashed: &SavedChip, run: &BootRun) -> Vec<SignalPin> {
    let Some(page) = run.boot_byte.last().map(|l| l.address) else { return Vec::new() };
    let mut found = Vec::new();
    for kind in 0..3u8 {
        // The same part: it fits.
        let _ = chip.restore(flashed);
        let mut bytes = chip.board.flash.cells().bytes(page, chip.part().flash.page);
        let Some(byte) = bytes.get_mut(INPUT_TYPE as usize).filter(|b| **b != kind) else { continue };
        *byte = kind;
        let Ok(image) = Image::parse("settings", &bytes, Some(page)) else { continue };
        chip.power_on();
        let taken = program::program(chip, &image, false).is_ok();
        chip.power_off(0);
        if !taken {
            continue;
        }
        let other = boot::boot(chip, bench, &run.power_up);
        found.extend(other.app.map_or_else(Vec::new, |a| a.signal));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Width;

    fn chip(part: &str, writes: &[(u32, u32)]) -> Chip {
        let mut chip = Chip::new(&crate::part::find(part).unwrap(), 1).unwrap();
        chip.power_on();
        for (address, value) in writes {
            chip.debug_write(*address, Width::Word, *value).unwrap();
        }
        chip
    }

    fn pins(chip: &mut Chip) -> Vec<String> {
        followed(chip).iter().map(|s| format!("{} {}", s.pin, s.through)).collect()
    }

    /// The clocks of ports A and B, TIM3, TIM15 and SYSCFG of the F051; PA2 and PB4 in alternate function.
    const F051: [(u32, u32); 6] = [
        (0x4002_1014, 3 << 17),
        (0x4002_101C, 1 << 1),
        (0x4002_1018, 1 << 16 | 1),
        (0x4800_0000, 2 << 4),
        (0x4800_0400, 2 << 8),
        (0x4800_0420, 1 << 16),
    ];

    #[test]
    fn the_pin_behind_a_channel_that_captures() {
        assert_eq!(pins(&mut chip("F051", &F051)), [""; 0], "no channel captures");
        let tim3 = [(0x4000_0418, 1), (0x4000_0420, 0xB)];
        assert_eq!(pins(&mut chip("F051", &[&F051[..], &tim3].concat())), ["PB4 TIM3 channel 1"]);
        let tim15 = [(0x4001_4018, 1), (0x4001_4020, 0xB)];
        assert_eq!(pins(&mut chip("F051", &[&F051[..], &tim15].concat())), ["PA2 TIM15 channel 1"]);
        let both = [&F051[..], &tim3, &tim15].concat();
        assert_eq!(pins(&mut chip("F051", &both)).len(), 2);
        // The pin's other function leads elsewhere.
        let elsewhere = [&F051[..], &tim3, &[(0x4800_0420, 2 << 16)]].concat();
        assert_eq!(pins(&mut chip("F051", &elsewhere)), [""; 0]);
        // An output is no input.
        let output = [&F051[..], &[(0x4000_0418, 0x60), (0x4000_0420, 1)]].concat();
        assert_eq!(pins(&mut chip("F051", &output)), [""; 0]);
    }

    #[test]
    fn a_pin_whose_edges_interrupt_is_none() {
        // EXTI line 4 at port B, both edges: a comparator's output, as on the F031's boards.
        let exti = [(0x4001_000C, 1), (0x4001_0400, 1 << 4), (0x4001_0408, 1 << 4), (0x4001_040C, 1 << 4)];
        assert_eq!(pins(&mut chip("F051", &[&F051[..], &exti].concat())), [""; 0]);
    }
}
