//! DShot: 16-bit frames of pulses, the longer of which are ones.

use super::train::Train;
use super::units::ClockError;
use crate::periph::signal::{Drive, Ohms};
use crate::time::Time;
use std::fmt;

/// Kilobits in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DshotRate {
    /// DShot150.
    D150,
    /// DShot300.
    D300,
    /// DShot600.
    D600,
    /// DShot1200.
    D1200,
}

impl DshotRate {
    /// All of them.
    pub const ALL: [DshotRate; 4] = [DshotRate::D150, DshotRate::D300, DshotRate::D600, DshotRate::D1200];

    /// Kilobits in a second.
    pub const fn kbit(self) -> u64 {
        match self {
            DshotRate::D150 => 150,
            DshotRate::D300 => 300,
            DshotRate::D600 => 600,
            DshotRate::D1200 => 1_200,
        }
    }

    /// The time of `bits` bits, in picoseconds.
    fn bits(self, bits: f64) -> Time {
        Time((bits * 1e9 / self.kbit() as f64).round() as u64)
    }
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dshot {
    /// How fast.
    pub rate: DshotRate,
    /// 0 stops the motor, 1 to 47 are commands, 48 to 2047 are throttle.
    pub value: u16,
    /// The bit that asks for telemetry.
    pub telemetry: bool,
    /// Levels and checksum are inverted, and between frames the sender listens: its pull-up holds the line.
    pub bidirectional: bool,
}

/// What holds the line between bidirectional frames: the pull-up of the sender's pin (STM32F4 and F7 data sheets: 40 kOhm).
const LISTENING: Drive = Drive::PulledHigh(Ohms(40_000));

impl Dshot {
    /// A stopped motor.
    pub const IDLE: u16 = 0;
    /// The last command.
    pub const LAST_COMMAND: u16 = 47;
    /// Full throttle.
    pub const FULL: u16 = 2_047;

    /// The value for a share of the throttle in thousandths: 0 stops, then 48 to 2047.
    pub const fn throttle(permille: u32) -> u16 {
        match permille {
            0 => Dshot::IDLE,
            p => 48 + (p * 1_999 / 1_000) as u16,
        }
    }

    /// The 16 bits: value, telemetry, checksum (the three nibbles' exclusive or, inverted where bidirectional).
    pub const fn bits(&self) -> u16 {
        let word = (self.value & 0x7FF) << 1 | self.telemetry as u16;
        let sum = word ^ word >> 4 ^ word >> 8;
        let sum = if self.bidirectional { !sum } else { sum };
        word << 4 | sum & 0xF
    }

    /// The shortest time from frame to frame: two bits at rest; where bidirectional, the 30 us to the answer, its 21 bits
    /// at 5/4 of the rate, and 30 us to turn round.
    pub fn shortest(&self) -> Time {
        if self.bidirectional {
            self.rate.bits(16.0 + 21.0 * 0.8) + Time::from_micros(60)
        } else {
            self.rate.bits(18.0)
        }
    }

    /// Frames in a second that flight controllers send unless told otherwise: as fast as the loop of the motors' rate.
    pub const fn usual_hz(&self) -> u64 {
        match self.rate {
            DshotRate::D150 => 2_000,
            DshotRate::D300 => 4_000,
            DshotRate::D600 | DshotRate::D1200 => 8_000,
        }
    }

    /// The line between frames.
    pub const fn rest(&self) -> Drive {
        if self.bidirectional { LISTENING } else { Drive::Low }
    }

    /// The changes of one frame: a 1 is active for 3/4 of its bit, a 0 for 3/8.
    pub fn frame(&self, clock: ClockError) -> Vec<(Time, Drive)> {
        let (active, passive) = if self.bidirectional { (Drive::Low, Drive::High) } else { (Drive::High, Drive::Low) };
        let bits = self.bits();
        let mut frame = Vec::with_capacity(33);
        for n in 0..16u16 {
            let width = if bits >> (15 - n) & 1 == 1 { 0.75 } else { 0.375 };
            frame.push((clock.of(self.rate.bits(f64::from(n))), active));
            frame.push((clock.of(self.rate.bits(f64::from(n) + width)), passive));
        }
        if self.bidirectional {
            frame.push((clock.of(self.rate.bits(16.0)), LISTENING));
        }
        frame
    }

    /// The line as it carries these frames.
    pub(super) fn train(&self, clock: ClockError) -> Train {
        Train {
            rest: self.rest(),
            frame: self.frame(clock).into(),
            period: self.shortest(),
            first: Time::ZERO,
            before: false,
            jitter: Time::ZERO,
            seed: 0,
        }
    }
}

impl fmt::Display for Dshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dshot{} ", self.rate.kbit())?;
        match self.value {
            Dshot::IDLE => write!(f, "idle")?,
            n @ ..=Dshot::LAST_COMMAND => write!(f, "command {n}")?,
            n => write!(f, "throttle {n}")?,
        }
        if self.bidirectional {
            write!(f, " bidirectional")?;
        }
        if self.telemetry {
            write!(f, " telemetry")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dshot(value: u16, telemetry: bool, bidirectional: bool) -> Dshot {
        Dshot { rate: DshotRate::D600, value, telemetry, bidirectional }
    }

    #[test]
    fn checksums() {
        // Half throttle, 1046, without telemetry: 0x82C6 is the example that DShot's descriptions give.
        assert_eq!(dshot(1_046, false, false).bits(), 0x82C6);
        assert_eq!(dshot(1_046, false, true).bits(), 0x82C9);
        assert_eq!(dshot(0, false, false).bits(), 0);
        assert_eq!(dshot(0, false, true).bits(), 0xF);
        assert_eq!(dshot(0, true, false).bits(), 0x0011);
    }

    #[test]
    fn a_frame_of_pulses() {
        let frame = dshot(1_046, false, false).frame(ClockError(0));
        assert_eq!(frame.len(), 32);
        // 1 0: 1.25 us, then 0.625 us, a bit is 1.667 us.
        let ns: Vec<u64> = frame[..4].iter().map(|(t, _)| t.0 / 1_000).collect();
        assert_eq!(ns, [0, 1_250, 1_666, 2_291]);
        assert_eq!((frame[0].1, frame[1].1, frame[31].1), (Drive::High, Drive::Low, Drive::Low));
        let both = dshot(0, false, true).frame(ClockError(0));
        assert_eq!((both[0].1, both[1].1, both[32].1), (Drive::Low, Drive::High, LISTENING));
    }
}
