//! Bytes as a UART sends them: 8N1, the lowest bit first.

use super::units::ClockError;
use crate::periph::signal::Drive;
use crate::time::Time;

/// Bits of a byte on the line: start, eight, stop.
pub const BITS: u64 = 10;

/// The time of `bits` bits at `baud`.
pub const fn bits(bits: u64, baud: u32) -> Time {
    Time(bits * 1_000_000_000_000 / baud as u64)
}

/// The levels of an idle line and of a start bit.
pub const fn levels(inverted: bool) -> (Drive, Drive) {
    if inverted { (Drive::Low, Drive::High) } else { (Drive::High, Drive::Low) }
}

/// The changes of the line that sends `bytes` without a gap.
pub fn frame(bytes: &[u8], baud: u32, inverted: bool, clock: ClockError) -> Vec<(Time, Drive)> {
    let (idle, start) = levels(inverted);
    let mut frame: Vec<(Time, Drive)> = Vec::new();
    let mut level = idle;
    for (n, byte) in (0u64..).zip(bytes) {
        let word = u16::from(*byte) << 1 | 1 << 9;
        for bit in 0..BITS {
            let now = if word >> bit & 1 == 1 { idle } else { start };
            if now != level {
                frame.push((clock.of(bits(n * BITS + bit, baud)), now));
                level = now;
            }
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_on_the_line() {
        // 0x55: every bit another level.
        let frame = frame(&[0x55], 100_000, false, ClockError(0));
        let at: Vec<u64> = frame.iter().map(|(t, _)| t.as_micros()).collect();
        assert_eq!(at, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
        assert_eq!((frame[0].1, frame[9].1), (Drive::Low, Drive::High));
        let ff = super::frame(&[0xFF, 0x00], 100_000, true, ClockError(0));
        let at: Vec<u64> = ff.iter().map(|(t, _)| t.as_micros()).collect();
        assert_eq!(at, [0, 10, 100, 190]);
        assert_eq!(ff[0].1, Drive::High);
    }
}
