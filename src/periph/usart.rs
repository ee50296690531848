//! A USART with nobody at its other end: it sends in its time, with interrupts and DMA requests, and receives nothing
//! (RM0091 chapter 27, RM0444 chapter 33).

use super::registers::registers;
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::PeripheralSpec;
use crate::time::{Now, Time};

/// TC in ISR, ICR, and as TCIE in CR1.
const TC: u32 = 1 << 6;
/// TXE in ISR, and as TXEIE in CR1.
const TXE: u32 = 1 << 7;
/// CR1: UE with TE.
const SENDER: u32 = 9;
/// CR3: DMAT.
const DMAT: u32 = 1 << 7;
const TEACK: u32 = 1 << 21;
const REACK: u32 = 1 << 22;

registers! {
    /// RM0091 27.8, RM0444 33.8. Nothing is received: RDR stays 0, and RQR has nothing to flush. PRESC is the G0's.
    pub mod reg {
        0x00 CR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x04 CR2   rw 0x0000_0000 0xFFFF_FFFF;
        0x08 CR3   rw 0x0000_0000 0xFFFF_FFFF;
        0x0C BRR   rw 0x0000_0000 0x0000_FFFF;
        0x10 GTPR  rw 0x0000_0000 0xFFFF_FFFF;
        0x14 RTOR  rw 0x0000_0000 0xFFFF_FFFF;
        0x18 RQR   w  0x0000_0000 0x0000_001F;
        0x1C ISR   r  0x0000_00C0 0x0000_0000;
        0x20 ICR   w  0x0000_0000 0x0000_0040;
        0x24 RDR   r  0x0000_0000 0x0000_0000;
        0x28 TDR   w  0x0000_0000 0x0000_01FF;
        0x2C PRESC rw 0x0000_0000 0x0000_000F;
        reserved 0x30..0x400;
    }
}

/// One USART.
#[derive(Clone, Debug)]
pub struct Usart {
    cr: [u32; 3],
    brr: u32,
    /// GTPR, RTOR, PRESC.
    kept: [u32; 3],
    /// The bits of PRESC that there are.
    prescaler: u32,
    acknowledged_at: Time,
    /// When the frame that is sent now ends. The buffer before the shift register is left out.
    sent_at: Time,
    sending: bool,
    complete: bool,
}

impl Usart {
    /// A part's as after reset.
    pub fn new(spec: &PeripheralSpec) -> Usart {
        Usart::with(reg::MAP.writable(spec, reg::PRESC))
    }

    const fn with(prescaler: u32) -> Usart {
        let (acknowledged_at, sent_at) = (Time::ZERO, Time::ZERO);
        Usart { cr: [0; 3], brr: 0, kept: [0; 3], prescaler, acknowledged_at, sent_at, sending: false, complete: true }
    }

    /// Whether it asks the DMA controller for something to send.
    pub const fn requests(&self) -> bool {
        self.cr[2] & DMAT != 0 && self.cr[0] & SENDER == SENDER && !self.sending
    }

    fn sync(&mut self, now: Time) {
        if self.sending && now >= self.sent_at {
            self.sending = false;
            self.complete = true;
        }
    }

    /// Whether it receives, and interrupts for each byte: UE, RE, RXNEIE.
    pub const fn asks_for_bytes(&self) -> bool {
        self.cr[0] & 0x25 == 0x25
    }

    const fn flags(&self) -> u32 {
        (if self.sending { 0 } else { TXE }) | if self.complete { TC } else { 0 }
    }

    fn bit_time(&self, cx: &Context<'_>) -> Time {
        Time::from_cycles(u64::from(self.brr.max(16)), cx.clocks.pclk_hz())
    }
}

impl Peripheral for Usart {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        let now = cx.now.time;
        self.sync(now);
        match offset {
            reg::CR1..=reg::CR3 => self.cr[(offset / 4) as usize],
            reg::BRR => self.brr,
            reg::GTPR => self.kept[0],
            reg::RTOR => self.kept[1],
            reg::ISR => {
                let mut value = self.flags();
                if self.cr[0] & 1 != 0 && now >= self.acknowledged_at {
                    value |= if self.cr[0] & 8 != 0 { TEACK } else { 0 };
                    value |= if self.cr[0] & 4 != 0 { REACK } else { 0 };
                }
                value
            }
            reg::PRESC => self.kept[2],
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        self.sync(cx.now.time);
        match offset {
            reg::CR1..=reg::CR3 => {
                let n = (offset / 4) as usize;
                let before = self.cr[n];
                self.cr[n] = masked(before, value, mask);
                if n == 0 && (before ^ self.cr[0]) & 0xD != 0 {
                    let bit = self.bit_time(cx);
                    self.acknowledged_at = cx.now.time + bit + bit;
                }
            }
            // Written with UE clear only.
            reg::BRR if self.cr[0] & 1 == 0 => self.brr = masked(self.brr, value, mask & reg::writes::BRR),
            reg::GTPR => self.kept[0] = masked(self.kept[0], value, mask),
            reg::RTOR => self.kept[1] = masked(self.kept[1], value, mask),
            reg::ICR => self.complete &= value & mask & TC == 0,
            reg::TDR if self.cr[0] & SENDER == SENDER => {
                let bit = self.bit_time(cx);
                self.sent_at = cx.now.time + Time(bit.0.saturating_mul(10));
                self.sending = true;
                self.complete = false;
                cx.fx.note(cx.base + offset, "the USART sends: nobody listens");
            }
            reg::PRESC => self.kept[2] = masked(self.kept[2], value, mask & self.prescaler),
            _ => cx.other_store(offset, &reg::MAP),
        }
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        let matters = self.sending && (self.cr[0] & (TXE | TC) != 0 || self.cr[2] & DMAT != 0);
        matters.then_some(Due::Time(self.sent_at))
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.time);
    }

    fn lines(&self) -> u32 {
        u32::from(self.cr[0] & 1 != 0 && self.flags() & self.cr[0] & (TXE | TC) != 0)
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Usart::with(self.prescaler);
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match offset {
            reg::ISR => Forecast::until_first(now.time, [self.sent_at, self.acknowledged_at]),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check;
    use proptest::prelude::*;

    fn usart(part: &str) -> Usart {
        Usart::new(crate::part::find(part).unwrap().peripheral("USART1").unwrap())
    }

    #[test]
    fn the_prescaler_is_the_g0s() {
        for (part, kept) in [("F051", 0), ("G071", 0xF)] {
            let mut usart = usart(part);
            usart.reset(ResetCause::Software);
            check::write(&mut usart, reg::PRESC, u32::MAX, 0, check::clocks(0));
            assert_eq!(check::read(&mut usart, reg::PRESC, 0, check::clocks(0)), kept, "{part}");
        }
    }

    #[test]
    fn a_frame_takes_ten_bits_and_then_asks_for_more() {
        let clocks = check::clocks(0);
        let mut usart = usart("F051");
        // 48 cycles a bit, DMAT, UE with TE and TCIE.
        for (offset, value) in [(reg::BRR, 48), (reg::CR3, DMAT), (reg::CR1, SENDER | TC)] {
            check::write(&mut usart, offset, value, 0, clocks);
        }
        assert!(usart.requests());
        assert_eq!(usart.lines(), 1, "TC stands after reset");
        check::write(&mut usart, reg::ICR, TC, 0, clocks);
        check::write(&mut usart, reg::TDR, 0x55, 1_000, clocks);
        assert_eq!((usart.requests(), usart.lines()), (false, 0));
        assert!(usart.next_event(&clocks).is_some());
        assert_eq!(check::read(&mut usart, reg::ISR, 1_479, clocks) & (TXE | TC), 0);
        assert_eq!(check::read(&mut usart, reg::ISR, 1_481, clocks) & (TXE | TC), TXE | TC);
        assert_eq!((usart.requests(), usart.lines()), (true, 1));
    }

    proptest! {
        #[test]
        fn forecasts_hold(brr in 16u32..600, sends in any::<bool>(), asked in 1u64..6_000) {
            let clocks = check::clocks(0);
            let mut usart = usart("F051");
            for (offset, value) in [(reg::BRR, brr), (reg::CR1, 0xD), (reg::TDR, 0x55)].into_iter().take(2 + usize::from(sends)) {
                check::write(&mut usart, offset, value, 0, clocks);
            }
            prop_assert_ne!(check::forecast(&usart, reg::ISR, asked, 3_000, clocks)?, Forecast::Unknown);
            check::forecast(&usart, reg::CR1, asked, 10, clocks)?;
        }
    }
}
