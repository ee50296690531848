//! The app's side: what input it finds, and whether it arms, for the protocols that AM32 reads, and for some that it does
//! not.

use super::Worker;
use crate::am32::Settings;
use crate::am32::settings::Field;
use crate::chip::Chip;
use crate::esc::Bench;
use crate::esc::arming::{Arming, Throttles, arming, at_jump};
use crate::time::Time;
use crate::wire::Waveform;

/// A protocol that is tried on the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: &'static str,
    idle: &'static str,
    throttle: &'static str,
    /// Why AM32's apps do not read it, where they do not.
    unread: Option<&'static str>,
}

/// The protocols, at rates that flight controllers send. The throttle is a little more than 10 %. What AM32 tells apart is
/// in `detectInput` and `computeServoInput` of its `signal.c` (2.05 to 2.21).
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol { name: "servo", idle: "servo 1000us at 50Hz", throttle: "servo 12% at 50Hz", unread: None },
    Protocol { name: "dshot300", idle: "dshot300 idle at 4kHz", throttle: "dshot300 12% at 4kHz", unread: None },
    Protocol { name: "dshot600", idle: "dshot600 idle at 8kHz", throttle: "dshot600 12% at 8kHz", unread: None },
    Protocol {
        name: "dshot300 both ways",
        idle: "dshot300 idle bidirectional at 4kHz",
        throttle: "dshot300 12% bidirectional at 4kHz",
        unread: None,
    },
    Protocol {
        name: "dshot150",
        idle: "dshot150 idle at 2kHz",
        throttle: "dshot150 12% at 2kHz",
        unread: Some("AM32 reads DShot 300 and 600"),
    },
    Protocol {
        name: "oneshot125",
        idle: "oneshot125 idle at 2kHz",
        throttle: "oneshot125 12% at 2kHz",
        unread: Some("AM32 takes pulses of 0.8 to 2.2 ms for a throttle, and no others"),
    },
    Protocol {
        name: "multishot",
        idle: "multishot idle at 8kHz",
        throttle: "multishot 12% at 8kHz",
        unread: Some("AM32 takes pulses of 0.8 to 2.2 ms for a throttle, and no others"),
    },
];

/// Idle throttle before it rises: AM32 plays its tune for 0.6 s, finds 50 Hz pulses in 0.3 s, and wants 1 s of idle.
const IDLE: Time = Time::from_millis(3_000);
/// How long the throttle is up.
const RAISED: Time = Time::from_millis(500);

/// What the app makes of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AppSide {
    /// The protocol.
    pub protocol: &'static str,
    /// What was sent, throttle after idle.
    pub signal: String,
    /// When the bootloader jumped into the app.
    pub jump_us: Time,
    /// When the throttle rose.
    pub raised_us: Time,
    /// Why it does not arm, as far as that is known of AM32 and its settings; none where it does.
    pub why: Option<String>,
    /// What came of it.
    #[serde(flatten)]
    pub arming: Arming,
}

impl Protocol {
    fn throttles(&self, from: Time) -> Option<(String, Throttles)> {
        let raised = from + IDLE;
        let at_once: Waveform = self.throttle.parse().ok()?;
        let idle: Waveform = self.idle.parse().ok()?;
        let both = format!("{idle}, {at_once}@{}us", raised.0 / 1_000_000);
        let idle_first: Waveform = both.parse().ok()?;
        let throttles = Throttles {
            idle_first: idle_first.signal(Time::ZERO),
            raised,
            at_once: at_once.signal(Time::ZERO),
            until: raised + RAISED,
        };
        Some((both, throttles))
    }
}

impl Worker<'_> {
    /// What the app makes of a protocol; none where the bootloader does not start it on a low wire.
    pub fn arming(&mut self, protocol: &Protocol) -> Option<AppSide> {
        self.chip.restore(&self.flashed).ok()?;
        let bench = &self.subject.bench;
        let saved = at_jump(&mut self.chip, bench).ok()?;
        let jump_us = self.chip.now().time;
        let (signal, throttles) = protocol.throttles(jump_us)?;
        let forbids = forbids(&self.chip, bench, protocol);
        let arming = arming(&mut self.chip, bench, &saved, &throttles).ok()?;
        let why = forbids.or_else(|| protocol.unread.map(str::to_owned)).filter(|_| !arming.arms());
        Some(AppSide { protocol: protocol.name, signal, jump_us, raised_us: throttles.raised, why, arming })
    }
}

/// How the settings in flash keep an AM32 app from reading this protocol (`input_type`), where they do.
fn forbids(chip: &Chip, bench: &Bench, protocol: &Protocol) -> Option<String> {
    let page = *bench.boot_bytes.first()?;
    let settings = Settings::read(&chip.board.flash.cells().bytes(page, chip.part().flash.page)).ok()?;
    let (kind, at) = (settings.value(INPUT)?, Field::named(INPUT).ok()?.at);
    let dshot = protocol.name.starts_with("dshot");
    let only = match settings.number(INPUT)? {
        1 | 4 if !dshot => "reads DShot alone",
        4 => "does not arm before the command for extended telemetry (13)",
        2 if dshot => "reads servo pulses alone",
        _ => return None,
    };
    let at = page + at as u32;
    Some(format!("with {INPUT} = {} in the settings (0x{at:08X}) AM32 {only}; auto (0) finds it out", kind.text))
}

/// The setting that says which signal to read.
const INPUT: &str = "input_type";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_can_be_sent() {
        for protocol in PROTOCOLS {
            let (signal, throttles) = protocol.throttles(Time::from_micros(6_161)).unwrap();
            assert!(signal.ends_with("@3006161us"), "{signal}");
            assert_eq!(throttles.raised, Time::from_micros(3_006_161));
        }
    }
}
