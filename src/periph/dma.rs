//! DMA1 (RM0091 chapter 10, RM0444 chapter 10) and the DMAMUX in front of it on the G0 (RM0444 chapter 11).
//!
//! The channels keep their registers and say what they would move next; the board does the loads and stores.

use super::registers::registers;
use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::{ResetCause, Width};
use crate::time::Now;
use std::sync::Arc;

const EN: u32 = 1 << 0;
const DIR: u32 = 1 << 4;
const CIRC: u32 = 1 << 5;
const PINC: u32 = 1 << 6;
const MINC: u32 = 1 << 7;
const MEM2MEM: u32 = 1 << 14;
/// Interrupt enables and EN: what may change on a channel that is on.
const LIVE: u32 = 0xF;
const TC: u32 = 1 << 1;
const HT: u32 = 1 << 2;
const TE: u32 = 1 << 3;
/// As many as fit into ISR, with four flags each.
const MOST_CHANNELS: usize = 8;
/// From one channel's registers to the next one's.
const STRIDE: u32 = reg::CCR2 - reg::CCR1;

registers! {
    /// RM0091 10.4, RM0444 10.6: of a controller with all its channels.
    pub mod reg {
        0x00 ISR    r  0x0000_0000 0x0000_0000;
        0x04 IFCR   w  0x0000_0000 0xFFFF_FFFF;
        0x08 CCR1   x  0x0000_0000 0x0000_7FFF;
        0x0C CNDTR1 x  0x0000_0000 0x0000_FFFF;
        0x10 CPAR1  x  0x0000_0000 0xFFFF_FFFF;
        0x14 CMAR1  x  0x0000_0000 0xFFFF_FFFF;
        0x1C CCR2   x  0x0000_0000 0x0000_7FFF;
        0x20 CNDTR2 x  0x0000_0000 0x0000_FFFF;
        0x24 CPAR2  x  0x0000_0000 0xFFFF_FFFF;
        0x28 CMAR2  x  0x0000_0000 0xFFFF_FFFF;
        0x30 CCR3   x  0x0000_0000 0x0000_7FFF;
        0x34 CNDTR3 x  0x0000_0000 0x0000_FFFF;
        0x38 CPAR3  x  0x0000_0000 0xFFFF_FFFF;
        0x3C CMAR3  x  0x0000_0000 0xFFFF_FFFF;
        0x44 CCR4   x  0x0000_0000 0x0000_7FFF;
        0x48 CNDTR4 x  0x0000_0000 0x0000_FFFF;
        0x4C CPAR4  x  0x0000_0000 0xFFFF_FFFF;
        0x50 CMAR4  x  0x0000_0000 0xFFFF_FFFF;
        0x58 CCR5   x  0x0000_0000 0x0000_7FFF;
        0x5C CNDTR5 x  0x0000_0000 0x0000_FFFF;
        0x60 CPAR5  x  0x0000_0000 0xFFFF_FFFF;
        0x64 CMAR5  x  0x0000_0000 0xFFFF_FFFF;
        0x6C CCR6   x  0x0000_0000 0x0000_7FFF;
        0x70 CNDTR6 x  0x0000_0000 0x0000_FFFF;
        0x74 CPAR6  x  0x0000_0000 0xFFFF_FFFF;
        0x78 CMAR6  x  0x0000_0000 0xFFFF_FFFF;
        0x80 CCR7   x  0x0000_0000 0x0000_7FFF;
        0x84 CNDTR7 x  0x0000_0000 0x0000_FFFF;
        0x88 CPAR7  x  0x0000_0000 0xFFFF_FFFF;
        0x8C CMAR7  x  0x0000_0000 0xFFFF_FFFF;
        reserved 0x18..0x1C;
        reserved 0x2C..0x30;
        reserved 0x40..0x44;
        reserved 0x54..0x58;
        reserved 0x68..0x6C;
        reserved 0x7C..0x80;
        reserved 0x90..0x400;
    }
}

registers! {
    /// RM0444 11.6. Synchronisation and generators are left out: their flags never come.
    pub mod mux {
        0x00..0x1C   CCR    x  0x0000_0000 0x1FFF_033F;
        0x80         CSR    r  0x0000_0000 0x0000_0000;
        0x84         CFR    w  0x0000_0000 0x0000_0000;
        0x100..0x110 RGCR   rw 0x0000_0000 0x00FF_011F;
        0x140        RGSR   r  0x0000_0000 0x0000_0000;
        0x144        RGCFR  w  0x0000_0000 0x0000_0000;
        reserved 0x1C..0x80;
        reserved 0x88..0x100;
        reserved 0x110..0x140;
        reserved 0x148..0x400;
    }
}
/// The last of the multiplexer's registers of a name.
const LAST_CCR: u32 = mux::CCR + 4 * 6;
const LAST_RGCR: u32 = mux::RGCR + 4 * 3;

/// Who asks for a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The converter has a value.
    Adc,
    /// Channel 1 to 4 of TIMn.
    TimerChannel(u8, u8),
    /// TIMn's update.
    TimerUpdate(u8),
    /// USARTn can send.
    UsartSend(u8),
}

impl Request {
    /// Its number in DMAREQ_ID (RM0444 table 57).
    pub const fn id(self) -> Option<u32> {
        use Request::{TimerChannel, TimerUpdate};
        Some(match self {
            Request::Adc => 5,
            TimerChannel(1, n) => 0x13 + n as u32,
            TimerUpdate(1) => 0x19,
            TimerChannel(2, n) => 0x19 + n as u32,
            TimerUpdate(2) => 0x1F,
            TimerChannel(3, n) => 0x1F + n as u32,
            TimerUpdate(3) => 0x25,
            TimerUpdate(6) => 0x26,
            TimerUpdate(7) => 0x27,
            TimerChannel(15, n) => 0x27 + n as u32,
            TimerUpdate(15) => 0x2B,
            TimerChannel(16, 1) => 0x2C,
            TimerUpdate(16) => 0x2E,
            TimerChannel(17, 1) => 0x2F,
            TimerUpdate(17) => 0x31,
            Request::UsartSend(n @ 1..=4) => 0x31 + 2 * n as u32,
            _ => return None,
        })
    }

    /// The F0's channel, from 1, with SYSCFG_CFGR1's remaps (RM0091 table 30, 9.1.1).
    pub const fn f0_channel(self, cfgr1: u32) -> Option<usize> {
        use Request::{TimerChannel, TimerUpdate};
        Some(match self {
            Request::Adc => 1 + (cfgr1 >> 8 & 1) as usize,
            TimerChannel(1, 1) => 2,
            TimerChannel(1, 2) => 3,
            TimerChannel(1, 4) => 4,
            TimerChannel(1, 3) | TimerUpdate(1) => 5,
            TimerChannel(2, 1) => 5,
            TimerChannel(2, 2) => 3,
            TimerChannel(2, 3) => 1,
            TimerChannel(2, 4) => 4,
            TimerUpdate(2) => 2,
            TimerChannel(3, 1) => 4,
            TimerChannel(3, 3) => 2,
            TimerChannel(3, 4) | TimerUpdate(3) => 3,
            TimerUpdate(6) => 3,
            Request::UsartSend(1) => 2 + 2 * (cfgr1 >> 9 & 1) as usize,
            Request::UsartSend(2) => 4,
            TimerChannel(15, 1) | TimerUpdate(15) => 5,
            TimerChannel(16, 1) | TimerUpdate(16) => 3 + (cfgr1 >> 11 & 1) as usize,
            TimerChannel(17, 1) | TimerUpdate(17) => 1 + (cfgr1 >> 12 & 1) as usize,
            _ => return None,
        })
    }
}

/// One load and the store of what it gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// From where, and how wide.
    pub from: (u32, Width),
    /// To where, and how wide; a wider store is filled with zeros (10.4.3).
    pub to: (u32, Width),
}

/// A row of transfers, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Transfers in all.
    pub total: u32,
    /// Those that are still to come.
    pub left: u32,
    /// Where in memory it begins.
    pub memory: u32,
    /// How wide each is there.
    pub width: Width,
    /// From the peripheral to memory.
    pub to_memory: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Channel {
    ccr: u32,
    cndtr: u32,
    cpar: u32,
    cmar: u32,
    /// CNDTR as it was when the channel was turned on.
    total: u32,
    peripheral: u32,
    memory: u32,
}

impl Channel {
    const fn waits(&self) -> bool {
        self.ccr & EN != 0 && self.cndtr != 0
    }

    fn width(&self, shift: u32) -> Width {
        match (self.ccr >> shift) & 3 {
            0 => Width::Byte,
            1 => Width::Half,
            _ => Width::Word,
        }
    }

    fn turn_on(&mut self) {
        self.total = self.cndtr;
        self.rewind();
    }

    const fn rewind(&mut self) {
        self.peripheral = self.cpar;
        self.memory = self.cmar;
    }
}

/// The controller.
#[derive(Clone, Debug)]
pub struct Dma {
    channels: Box<[Channel]>,
    /// The channels behind each of its interrupts, a mask each, bit 0 for the first.
    vectors: Arc<[u32]>,
    isr: u32,
}

impl Dma {
    /// One with so many channels, and the channels behind each of its interrupts.
    pub fn new(channels: u32, vectors: &[u32]) -> Dma {
        let channels = vec![Channel::default(); (channels as usize).min(MOST_CHANNELS)];
        Dma { channels: channels.into(), vectors: vectors.into(), isr: 0 }
    }

    /// How many channels it has.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Whether any channel waits for requests or has something to copy.
    pub fn waits(&self) -> bool {
        self.channels.iter().any(Channel::waits)
    }

    /// The channels that wait, from 1, the most urgent first: by PL, then by number (10.4.2).
    pub fn waiting(&self) -> impl Iterator<Item = usize> {
        let mut order: Vec<usize> = (0..self.channels.len()).filter(|n| self.channels[*n].waits()).collect();
        order.sort_by_key(|n| std::cmp::Reverse((self.channels[*n].ccr >> 12) & 3));
        order.into_iter().map(|n| n + 1)
    }

    /// Whether channel `n`, from 1, copies memory without requests.
    pub fn copies(&self, n: usize) -> bool {
        self.channel(n).is_some_and(|c| c.ccr & MEM2MEM != 0)
    }

    fn channel(&self, n: usize) -> Option<&Channel> {
        n.checked_sub(1).and_then(|n| self.channels.get(n))
    }

    /// What channel `n`, from 1, was last turned on for.
    pub fn block(&self, n: usize) -> Option<Block> {
        let c = self.channel(n)?;
        Some(Block {
            total: c.total,
            left: c.cndtr,
            memory: c.cmar,
            width: c.width(10),
            to_memory: c.ccr & (DIR | MEM2MEM) == 0,
        })
    }

    /// What channel `n`, from 1, would move next.
    pub fn next(&self, n: usize) -> Option<Transfer> {
        let c = self.channel(n).filter(|c| c.waits())?;
        let (peripheral, memory) = ((c.peripheral, c.width(8)), (c.memory, c.width(10)));
        let (from, to) = if c.ccr & DIR != 0 { (memory, peripheral) } else { (peripheral, memory) };
        // Addresses are aligned to their width (10.4.3).
        let aligned = |(a, w): (u32, Width)| (a & !(w.bytes() - 1), w);
        Some(Transfer { from: aligned(from), to: aligned(to) })
    }

    /// That transfer was done, or ended in a bus error (10.4.5). Whether it was the last one.
    pub fn moved(&mut self, n: usize, done: bool) -> bool {
        let shift = 4 * (n as u32 - 1);
        let (width, wide) = match self.channel(n) {
            Some(c) => (c.width(8).bytes(), c.width(10).bytes()),
            None => return false,
        };
        let c = &mut self.channels[n - 1];
        if !done {
            c.ccr &= !EN;
            self.isr |= TE << shift;
            return false;
        }
        if c.ccr & PINC != 0 {
            c.peripheral = c.peripheral.wrapping_add(width);
        }
        if c.ccr & MINC != 0 {
            c.memory = c.memory.wrapping_add(wide);
        }
        c.cndtr -= 1;
        if c.total - c.cndtr == c.total.div_ceil(2) {
            self.isr |= HT << shift;
        }
        if c.cndtr > 0 {
            return false;
        }
        self.isr |= TC << shift;
        if c.ccr & CIRC != 0 && c.ccr & MEM2MEM == 0 {
            c.cndtr = c.total;
            c.rewind();
            return false;
        }
        true
    }

    /// ISR: GIF stands with any other flag of its channel.
    fn flags(&self) -> u32 {
        (0..self.channels.len()).filter(|n| self.isr >> (4 * n) & 0xE != 0).fold(self.isr, |v, n| v | 1 << (4 * n))
    }
}

impl Peripheral for Dma {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        if offset == reg::ISR {
            return self.flags();
        }
        let (n, register) = place(offset);
        let Some(c) = n.and_then(|n| self.channels.get(n)) else { return cx.other_load(offset, &reg::MAP) };
        match register {
            reg::CCR1 => c.ccr,
            reg::CNDTR1 => c.cndtr,
            reg::CPAR1 => c.cpar,
            reg::CMAR1 => c.cmar,
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        cx.fx.interrupts();
        if offset == reg::IFCR {
            let (bits, count) = (value & mask, self.channels.len());
            // CGIF clears all four.
            let all = (0..count).filter(|n| bits & (1 << (4 * n)) != 0).fold(0, |v, n| v | 0xF << (4 * n));
            self.isr &= !(bits | all);
            return;
        }
        let (n, register) = place(offset);
        let Some(c) = n.and_then(|n| self.channels.get_mut(n)) else { return cx.other_store(offset, &reg::MAP) };
        let on = c.ccr & EN != 0;
        match register {
            reg::CCR1 => {
                c.ccr = masked(c.ccr, value, mask & if on { LIVE } else { reg::writes::CCR1 });
                if !on && c.ccr & EN != 0 {
                    c.turn_on();
                    // A request may wait already.
                    cx.fx.events();
                }
            }
            reg::CNDTR1 if !on => c.cndtr = masked(c.cndtr, value, mask & reg::writes::CNDTR1),
            reg::CPAR1 if !on => c.cpar = masked(c.cpar, value, mask),
            reg::CMAR1 if !on => c.cmar = masked(c.cmar, value, mask),
            _ => cx.other_store(offset, &reg::MAP),
        }
    }

    fn reset(&mut self, _: ResetCause) {
        self.channels.fill(Channel::default());
        self.isr = 0;
    }

    /// An interrupt is asked for by the channels behind it.
    fn lines(&self) -> u32 {
        let raised = |n: usize| self.isr >> (4 * n) & self.channels[n].ccr & 0xE != 0;
        let raised = (0..self.channels.len()).filter(|n| raised(*n)).fold(0, |v, n| v | 1 << n);
        self.vectors.iter().enumerate().filter(|(_, v)| raised & **v != 0).fold(0, |v, (n, _)| v | 1 << n)
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        // It changes with events of the chip alone.
        Forecast::Constant
    }
}

/// The channel whose register stands at an offset, from 0, and which of channel 1's it is like.
const fn place(offset: u32) -> (Option<usize>, u32) {
    match offset.checked_sub(reg::CCR1) {
        Some(n) => (Some((n / STRIDE) as usize), reg::CCR1 + n % STRIDE),
        None => (None, offset),
    }
}

/// Which request each channel listens to.
#[derive(Clone, Debug)]
pub struct Dmamux {
    ccr: Box<[u32]>,
    generators: [u32; 4],
}

impl Dmamux {
    /// One with so many channels.
    pub fn new(channels: u32) -> Dmamux {
        Dmamux { ccr: vec![0; (channels as usize).min(MOST_CHANNELS)].into(), generators: [0; 4] }
    }

    /// Whether channel `n`, from 1, listens to this request.
    pub fn routes(&self, request: Request, n: usize) -> bool {
        n.checked_sub(1).and_then(|n| self.ccr.get(n)).is_some_and(|c| request.id() == Some(c & 0x3F))
    }
}

impl Peripheral for Dmamux {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            mux::CCR..=LAST_CCR => self.ccr.get((offset / 4) as usize).copied().unwrap_or(0),
            mux::RGCR..=LAST_RGCR => self.generators[((offset - mux::RGCR) / 4) as usize],
            _ => cx.other_load(offset, &mux::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match offset {
            mux::CCR..=LAST_CCR => {
                let Some(c) = self.ccr.get_mut((offset / 4) as usize) else { return };
                *c = masked(*c, value, mask & mux::writes::CCR);
                // SE and EGE.
                if *c & 0x1_0200 != 0 {
                    cx.unmodelled(offset, "DMAMUX synchronisation and events are not modelled: requests pass at once");
                }
                cx.fx.events();
            }
            mux::RGCR..=LAST_RGCR => {
                let g = &mut self.generators[((offset - mux::RGCR) / 4) as usize];
                *g = masked(*g, value, mask & mux::writes::RGCR);
                if *g & 1 << 16 != 0 {
                    cx.unmodelled(offset, "DMAMUX request generators are not modelled: they request nothing");
                }
            }
            _ => cx.other_store(offset, &mux::MAP),
        }
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Dmamux::new(self.ccr.len() as u32);
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        Forecast::Constant
    }
}

/// Whether channel `n`, from 1, listens to `request`: through the multiplexer of a part that has one, else as the F0's
/// requests are wired.
pub fn listens(request: Request, n: usize, cfgr1: u32, mux: Option<&Dmamux>) -> bool {
    match mux {
        None => request.f0_channel(cfgr1) == Some(n),
        Some(mux) => mux.routes(request, n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check::{clocks, read, write};

    /// Channel 2 set up to bring three half-words from the ADC into memory.
    fn from_adc(ccr: u32) -> Dma {
        let mut dma = Dma::new(5, &[0x1, 0x6, 0x78]);
        for (offset, value) in
            [(reg::CNDTR2, 3), (reg::CPAR2, 0x4001_2440), (reg::CMAR2, 0x2000_0100), (reg::CCR2, ccr)]
        {
            write(&mut dma, offset, value, 0, clocks(0));
        }
        dma
    }

    #[test]
    fn a_circular_channel_goes_round_and_flags_half_and_whole() {
        // TCIE, CIRC, MINC, 16 bits to 16 bits.
        let mut dma = from_adc(0x5A3);
        assert_eq!(dma.waiting().collect::<Vec<_>>(), [2]);
        let half = Width::Half;
        let first = Transfer { from: (0x4001_2440, half), to: (0x2000_0100, half) };
        assert_eq!(dma.next(2), Some(first));
        dma.moved(2, true);
        assert_eq!(dma.next(2).map(|t| t.to.0), Some(0x2000_0102));
        dma.moved(2, true);
        assert_eq!((read(&mut dma, reg::ISR, 0, clocks(0)), dma.lines()), (0x50, 0), "GIF and HTIF");
        dma.moved(2, true);
        assert_eq!((read(&mut dma, reg::ISR, 0, clocks(0)), dma.lines()), (0x70, 2));
        assert_eq!((read(&mut dma, reg::CNDTR2, 0, clocks(0)), dma.next(2)), (3, Some(first)), "round again");
        write(&mut dma, reg::IFCR, 0x10, 0, clocks(0));
        assert_eq!(read(&mut dma, reg::ISR, 0, clocks(0)), 0);
    }

    #[test]
    fn a_normal_channel_stops_at_0_with_en_set_and_an_error_turns_it_off() {
        let mut dma = from_adc(0x583);
        write(&mut dma, reg::CNDTR2, 99, 0, clocks(0));
        assert_eq!(read(&mut dma, reg::CNDTR2, 0, clocks(0)), 3, "CNDTR is read-only while the channel is on");
        assert_eq!([true; 3].map(|done| dma.moved(2, done)), [false, false, true]);
        assert_eq!((read(&mut dma, reg::CCR2, 0, clocks(0)), dma.next(2), dma.waits()), (0x583, None, false));
        let mut dma = from_adc(0x58B);
        dma.moved(2, false);
        assert_eq!(
            (read(&mut dma, reg::ISR, 0, clocks(0)), read(&mut dma, reg::CCR2, 0, clocks(0)), dma.lines()),
            (0x90, 0x58A, 2)
        );
    }

    #[test]
    fn from_memory_to_a_timer_with_other_widths() {
        // DIR, MINC, memory words to 16-bit registers: what AM32 sends DShot telemetry with.
        let dma = from_adc(0x99B);
        let transfer = Transfer { from: (0x2000_0100, Width::Word), to: (0x4001_2440, Width::Half) };
        assert_eq!(dma.next(2), Some(transfer));
    }

    #[test]
    fn priority_comes_before_number() {
        let mut dma = from_adc(0x583);
        for (offset, value) in [(reg::CNDTR3, 1), (reg::CCR3, 0x2081)] {
            write(&mut dma, offset, value, 0, clocks(0));
        }
        assert_eq!(dma.waiting().collect::<Vec<_>>(), [3, 2]);
    }

    #[test]
    fn requests_find_their_channels() {
        let f0 = |r: Request, cfgr1| (1..=5).find(|n| listens(r, *n, cfgr1, None));
        assert_eq!(f0(Request::Adc, 0), Some(1));
        assert_eq!(f0(Request::Adc, 1 << 8), Some(2));
        assert_eq!(f0(Request::TimerChannel(3, 1), 0), Some(4));
        assert_eq!(f0(Request::TimerChannel(15, 1), 0), Some(5));
        assert_eq!(f0(Request::TimerChannel(16, 1), 1 << 11), Some(4));
        assert_eq!(f0(Request::TimerChannel(14, 1), 0), None);
        assert_eq!(f0(Request::UsartSend(1), 1 << 9), Some(4));
        assert_eq!(Request::UsartSend(1).id(), Some(51));
        let mut mux = Dmamux::new(7);
        write(&mut mux, 4, 5, 0, clocks(0));
        write(&mut mux, 0, 32, 0, clocks(0));
        let g0 = |r: Request| (1..=7).find(|n| listens(r, *n, 0, Some(&mux)));
        assert_eq!(g0(Request::Adc), Some(2));
        assert_eq!(g0(Request::TimerChannel(3, 1)), Some(1));
        assert_eq!(g0(Request::TimerChannel(16, 1)), None);
    }
}
