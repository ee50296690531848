//! The app's side: what input it finds, and whether it arms, for the protocols that AM32 reads.

use super::Worker;
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
}

/// The protocols, at rates that flight controllers send. The throttle is a little more than 10 %.
pub const PROTOCOLS: [Protocol; 4] = [
    Protocol { name: "servo", idle: "servo 1000us at 50Hz", throttle: "servo 12% at 50Hz" },
    Protocol { name: "dshot300", idle: "dshot300 idle at 4kHz", throttle: "dshot300 12% at 4kHz" },
    Protocol { name: "dshot600", idle: "dshot600 idle at 8kHz", throttle: "dshot600 12% at 8kHz" },
    Protocol {
        name: "dshot300 both ways",
        idle: "dshot300 idle bidirectional at 4kHz",
        throttle: "dshot300 12% bidirectional at 4kHz",
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
        let arming = arming(&mut self.chip, bench, &saved, &throttles).ok()?;
        Some(AppSide { protocol: protocol.name, signal, jump_us, arming })
    }
}

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
