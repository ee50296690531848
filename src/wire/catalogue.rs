//! The signals that an ESC meets at power-up, by name.
//!
//! Times of the boots are those that were measured or told of where a source is named, and round numbers of the same
//! size where only the order of what happens is known from a firmware's sources. Streams without `after` run already.

/// A signal of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// As it is written.
    pub text: &'static str,
    /// Who sends it, or what it stands for.
    pub about: &'static str,
    /// Flight controllers or receivers are known to send it at power-up.
    pub usual: bool,
}

/// Known to be sent at power-up.
const fn usual(name: &'static str, text: &'static str, about: &'static str) -> Entry {
    Entry { name, text, about, usual: true }
}

/// Worth knowing about.
const fn other(name: &'static str, text: &'static str, about: &'static str) -> Entry {
    Entry { name, text, about, usual: false }
}

/// All of them, in the order in which they are told.
pub const ENTRIES: &[Entry] = &[
    usual("held-low", "low", "a flight controller that drives its pin low"),
    other("held-high", "high", "a configurator, or a pin that is driven high"),
    usual("nothing", "floating", "nothing connected, or a pin that is not set up"),
    usual("pulled-down", "pulldown 40k", "a pin with its pull-down"),
    other("pulled-up", "pullup 40k", "a pin with its pull-up, for good: a configurator's passthrough"),
    // Pulses that run already, as when the controller had power first.
    usual("servo-idle", "servo 1000us at 50Hz", "a receiver or ArduPilot with its throttle closed"),
    usual("servo-middle", "servo 1500us at 50Hz", "a receiver with its throttle in the middle"),
    usual("servo-400hz", "servo 1000us at 400Hz", "a flight controller's PWM"),
    usual("servo-490hz-full", "servo 1900us at 490Hz", "PWM with a throttle that is open: high nearly all the time"),
    other("servo-inverted", "servo 1500us at 50Hz inverted", "pulses through an inverting level shifter"),
    usual("oneshot125-idle", "oneshot125 idle at 2kHz", "OneShot125, stopped"),
    usual("oneshot42-idle", "oneshot42 idle at 4kHz", "OneShot42, stopped"),
    usual("multishot-idle", "multishot idle at 8kHz", "Multishot, stopped"),
    // DShot that runs already.
    usual("dshot150-idle", "dshot150 idle at 2kHz", "DShot150, stopped"),
    usual("dshot300-idle", "dshot300 idle at 4kHz", "DShot300, stopped: Betaflight at its usual rate"),
    usual("dshot600-idle", "dshot600 idle at 8kHz", "DShot600, stopped: Betaflight at its usual rate"),
    usual("dshot600-slow", "dshot600 idle at 400Hz", "DShot600, stopped: PX4 at its control rate"),
    other("dshot1200-idle", "dshot1200 idle at 8kHz", "DShot1200, stopped"),
    other("dshot600-throttle", "dshot600 10% at 8kHz", "DShot600 with 10 % throttle: a flight that goes on"),
    other("dshot600-command", "dshot600 command 1 at 1kHz", "DShot600, the command of a beacon"),
    usual("dshot300-both-ways", "dshot300 bidirectional at 4kHz", "bidirectional DShot300: Betaflight on an F4"),
    usual("dshot600-both-ways", "dshot600 bidirectional at 8kHz", "bidirectional DShot600: Betaflight"),
    usual("dshot300-both-ways-slow", "dshot300 bidirectional at 400Hz", "bidirectional DShot300: PX4"),
    // Streams that begin later.
    usual("dshot600-after-5ms", "dshot600 idle at 8kHz after 5ms", "DShot600 that begins while the bootloader looks"),
    usual("dshot600-after-40ms", "dshot600 idle at 8kHz after 40ms", "DShot600 that begins soon"),
    usual("servo-after-300ms", "servo 1000us at 50Hz after 300ms", "a receiver that has found its transmitter"),
    usual("dshot300-after-1200ms", "dshot300 idle at 4kHz after 1200ms", "DShot300 once the sensors are set up"),
    usual(
        "dshot300-both-ways-after-300ms",
        "dshot300 bidirectional at 4kHz after 300ms",
        "bidirectional DShot that begins once its line was high for a while",
    ),
    // Serial: what else may be on a pad that a motor's output shares.
    other(
        "configurator",
        "serial 19200 bytes 00 00 00 00 00 00 00 00 0D 42 4C 48 65 6C 69 F4 7D gap 5ms",
        "a configurator that asks for the bootloader",
    ),
    other("msp", "serial 115200 bytes 24 4D 3C 00 64 64 gap 20ms", "MSP at 115200 baud, an OSD's question"),
    other(
        "crsf",
        "serial 420000 bytes C8 18 16 E0 03 1F F8 C0 07 3E F0 81 0F 7C E0 03 1F F8 C0 07 3E F0 81 0F 7C AD gap 6ms",
        "a CRSF receiver at 420000 baud",
    ),
    other(
        "sbus",
        "serial 100000 bytes 0F E0 03 1F F8 C0 07 3E F0 81 0F 7C E0 03 1F F8 C0 07 3E F0 81 0F 7C 00 00 gap 4ms inverted",
        "an SBUS receiver (its parity bit and second stop bit left out)",
    ),
    // Disturbances.
    usual(
        "glitches-high",
        "glitches high 2us at 100Hz",
        "short pulses while a controller sets its timers up (INAV 9714)",
    ),
    other("glitches-low", "glitches low 2us at 1kHz", "short dips of a high line: cross-talk of other motors"),
    other("random-levels", "noise at 20kHz", "random levels: a wire that picks up all"),
    // Boots: what stands on the pin from power-on to the first frames.
    usual(
        "betaflight",
        "floating, low@100ms, dshot600 idle at 8kHz@2300ms",
        "Betaflight: floats, low from the set-up of its pins on, frames after 2.3 to 3.4 s (BLHeli 410)",
    ),
    usual(
        "betaflight-both-ways",
        "floating, low@100ms, high@2200ms, dshot300 bidirectional at 4kHz@2300ms",
        "Betaflight with bidirectional DShot: high just before its frames",
    ),
    usual(
        "betaflight-passthrough",
        "pullup 40k, low@500ms, dshot300 bidirectional at 4kHz@501ms",
        "Betaflight after a configurator's passthrough: pull-up, low, frames (AM32-bootloader 37)",
    ),
    usual("inav", "floating, low@100ms, dshot300 idle at 4kHz@1500ms", "INAV: floats, low, frames not before 1.5 s"),
    usual(
        "ardupilot",
        "floating, low@1s, dshot600 idle at 1kHz@3s",
        "ArduPilot: its bootloader leaves the pins alone (27361), then low, then frames",
    ),
    usual(
        "ardupilot-servo",
        "floating, low@1s, servo 1000us at 50Hz@3s",
        "ArduPilot with PWM: floats, low, then pulses",
    ),
    usual(
        "ardupilot-high",
        "high, low@1300ms, servo 1000us at 50Hz@1400ms",
        "an ArduPilot board whose pin is high while it starts (26670)",
    ),
    usual(
        "px4-low",
        "floating, low@20ms, dshot600 idle at 400Hz@3s",
        "PX4 on a board that drives its pins low at reset",
    ),
    usual(
        "px4-pulled-up",
        "pullup 40k, dshot600 idle at 400Hz@3s",
        "PX4 on a board with pull-ups at reset (28746), DShot",
    ),
    usual(
        "px4-pulled-up-both-ways",
        "pullup 40k, dshot600 bidirectional at 400Hz@3s",
        "the same with bidirectional DShot (27696, 28731)",
    ),
    usual(
        "px4-high",
        "high, low@527ms, dshot300 idle at 400Hz@3s",
        "PX4 whose pins are high for half a second (19188)",
    ),
    usual(
        "receiver-high-20ms",
        "high, servo 1500us at 50Hz@20ms",
        "a receiver that is high for 20 ms, then sends pulses (AM32-bootloader 23, 24)",
    ),
    usual(
        "receiver-high-1s",
        "high, servo 1000us at 50Hz@1s",
        "a converter that is high until its link is up, then sends pulses (AM32 312)",
    ),
];

/// The entry of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|e| e.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Spec, Waveform};
    use std::collections::HashSet;

    #[test]
    fn each_has_a_name_of_its_own_and_can_be_read() {
        for entry in ENTRIES {
            let wire: Waveform = entry.text.parse().unwrap();
            assert_eq!(wire.name(), None, "{}", entry.name);
            assert!(entry.name.parse::<Spec>().unwrap().is_name(), "{}", entry.name);
            assert_eq!(entry.name.parse::<Waveform>().unwrap().name(), Some(entry.name));
            assert!(!entry.about.ends_with('.') && entry.about.len() < 100, "{}", entry.about);
        }
        assert_eq!(ENTRIES.iter().map(|e| e.name).collect::<HashSet<_>>().len(), ENTRIES.len());
    }
}
