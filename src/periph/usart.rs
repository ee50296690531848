//! A USART as far as code waits for it: transmitter ready, TEACK and REACK (RM0091 chapter 27, RM0444 chapter 33).

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::{Now, Time};

const TXE_TC: u32 = 0xC0;
const TEACK: u32 = 1 << 21;
const REACK: u32 = 1 << 22;
/// Flags that ICR clears.
const CLEARABLE: u32 = 0x0012_1A5F;

/// One USART with nothing on its pins: what is sent is lost, nothing is received.
#[derive(Clone, Debug, Default)]
pub struct Usart {
    cr: [u32; 3],
    brr: u32,
    /// GTPR, RTOR, PRESC.
    kept: [u32; 3],
    acknowledged_at: Time,
    sent_at: Time,
}

impl Usart {
    fn bit_time(&self, cx: &Context<'_>) -> Time {
        Time::from_cycles(u64::from(self.brr.max(16)), cx.clocks.pclk_hz())
    }
}

impl Peripheral for Usart {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        let now = cx.now.time;
        match offset {
            0x00..=0x08 => self.cr[(offset / 4) as usize],
            0x0C => self.brr,
            0x10 => self.kept[0],
            0x14 => self.kept[1],
            0x1C => {
                let mut value = 0x80;
                if now >= self.sent_at {
                    value |= TXE_TC;
                }
                if self.cr[0] & 1 != 0 && now >= self.acknowledged_at {
                    value |= if self.cr[0] & 8 != 0 { TEACK } else { 0 };
                    value |= if self.cr[0] & 4 != 0 { REACK } else { 0 };
                }
                value
            }
            0x2C => self.kept[2],
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match offset {
            0x00..=0x08 => {
                let n = (offset / 4) as usize;
                let before = self.cr[n];
                self.cr[n] = masked(before, value, mask);
                if n == 0 && (before ^ self.cr[0]) & 0xD != 0 {
                    let bit = self.bit_time(cx);
                    self.acknowledged_at = cx.now.time + bit + bit;
                }
            }
            // Written with UE clear only.
            0x0C if self.cr[0] & 1 == 0 => self.brr = masked(self.brr, value, mask & 0xFFFF),
            0x10 => self.kept[0] = masked(self.kept[0], value, mask),
            0x14 => self.kept[1] = masked(self.kept[1], value, mask),
            0x20 if value & mask & CLEARABLE != 0 => {}
            0x28 if self.cr[0] & 9 == 9 => {
                let bit = self.bit_time(cx);
                self.sent_at = cx.now.time + Time(bit.0.saturating_mul(10));
                cx.unmodelled(offset, "USART transmission: nobody listens");
            }
            0x2C => self.kept[2] = masked(self.kept[2], value, mask),
            _ => {}
        }
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Usart::default();
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match offset {
            0x1C => Forecast::until_first(now.time, [self.sent_at, self.acknowledged_at]),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn forecasts_hold(brr in 16u32..600, sends in any::<bool>(), asked in 1u64..6_000) {
            let clocks = check::clocks(0);
            let mut usart = Usart::default();
            for (offset, value) in [(0x0C, brr), (0x00, 0xD), (0x28, 0x55)].into_iter().take(2 + usize::from(sends)) {
                check::write(&mut usart, offset, value, 0, clocks);
            }
            prop_assert_ne!(check::forecast(&usart, 0x1C, asked, 3_000, clocks)?, Forecast::Unknown);
            check::forecast(&usart, 0x00, asked, 10, clocks)?;
        }
    }
}
