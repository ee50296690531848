//! DMA: finds who asks for a transfer, and carries it out through the bus as the core's own accesses.

use super::{Board, EVERYBODY};
use crate::bus::{Access, Effects, Master};
use crate::chip::device::{Device, Slot};
use crate::flash::Purpose;
use crate::periph::dma::{Block, Request, listens};
use crate::time::Now;

/// Transfers at one instant before the model takes a request for one that never goes away.
const MANY: usize = 0x2_0000;

impl Board {
    /// Serves the requests that wait at this instant, the most urgent channel first. Arbitration and the time that
    /// transfers take are left out.
    pub(super) fn serve_dma(&mut self, now: Now, fx: &mut Effects) {
        if !self.devices.dma().is_some_and(|d| d.waits()) || !self.has_clock(self.devices.layout.index.dma) {
            return;
        }
        self.touched = EVERYBODY;
        let mut done = 0;
        while let Some((n, request)) = self.next_transfer() {
            self.transfer(n, request, now, fx);
            done += 1;
            if done == MANY {
                break;
            }
        }
    }

    /// The row of transfers that answers the requests of this channel of TIMn, where a DMA channel listens to them.
    pub fn fetched(&mut self, timer: u8, channel: u8) -> Option<Block> {
        let request = Request::TimerChannel(timer, channel);
        let n = (1..=self.devices.dma()?.channels()).find(|n| self.leads(request, *n))?;
        self.devices.dma()?.block(n)
    }

    fn has_clock(&self, slot: Option<usize>) -> bool {
        let gate = slot.and_then(|n| self.devices.slots[n].gate.as_ref());
        gate.is_none_or(|g| self.devices.rcc.enabled(g))
    }

    /// The channel that is served next, and by which request.
    fn next_transfer(&mut self) -> Option<(usize, Option<Request>)> {
        let requests = self.requests();
        let waiting: Vec<usize> = self.devices.dma()?.waiting().collect();
        for n in waiting {
            if self.devices.dma()?.copies(n) {
                return Some((n, None));
            }
            if let Some(request) = requests.iter().find(|r| self.leads(**r, n)) {
                return Some((n, Some(*request)));
            }
        }
        None
    }

    fn leads(&self, request: Request, n: usize) -> bool {
        let index = &self.devices.layout.index;
        let mux = index.dmamux.and_then(|i| match &self.devices.slots[i].device {
            Device::Dmamux(mux) => Some(mux),
            _ => None,
        });
        let cfgr1 = index.syscfg.map_or(0, |i| match &self.devices.slots[i].device {
            Device::Syscfg(syscfg) => syscfg.cfgr1(),
            _ => 0,
        });
        listens(request, n, cfgr1, mux)
    }

    /// Requests that stand now.
    fn requests(&self) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(Device::Adc(adc)) = self.devices.layout.index.adc.map(|i| &self.devices.slots[i].device)
            && adc.requests()
        {
            requests.push(Request::Adc);
        }
        for (number, timer) in self.devices.timers() {
            let asked = timer.requests();
            if asked & 1 != 0 {
                requests.push(Request::TimerUpdate(number));
            }
            requests.extend((1..=4).filter(|c| asked & (1 << c) != 0).map(|c| Request::TimerChannel(number, c)));
        }
        for n in &self.devices.layout.index.usarts {
            if let Slot { device: Device::Usart(usart), number, .. } = &self.devices.slots[*n]
                && usart.requests()
            {
                requests.push(Request::UsartSend(*number));
            }
        }
        requests
    }

    /// One load and one store; a bus error turns the channel off (RM0091 10.4.5, RM0444 10.4.6).
    fn transfer(&mut self, n: usize, request: Option<Request>, now: Now, fx: &mut Effects) {
        let Some(transfer) = self.devices.dma().and_then(|d| d.next(n)) else { return };
        self.acknowledge(request, now);
        let by = Access { master: Master::Cpu, now };
        let ((from, wide), (to, width)) = (transfer.from, transfer.to);
        let moved = self
            .dispatch_load(from, wide, Purpose::Data, by)
            .and_then(|value| self.dispatch_store(to, width, value & width.mask(), by));
        if let Err(fault) = moved {
            self.fx.note(from, format!("DMA channel {n}, 0x{from:08X} to 0x{to:08X}: a bus error, {}", fault.reason));
        }
        let last = self.devices.dma().is_some_and(|d| d.moved(n, moved.is_ok()));
        if last
            && request == Some(Request::Adc)
            && let Some(adc) = self.devices.adc()
        {
            adc.dma_ended();
        }
        // A transfer holds up nobody here.
        self.fx.stall_until = None;
        fx.interrupts = true;
        fx.absorb(std::mem::take(&mut self.fx));
    }

    /// A timer's request goes with its service; the others' with the load or the store of their data.
    fn acknowledge(&mut self, request: Option<Request>, now: Now) {
        let (number, bit) = match request {
            Some(Request::TimerUpdate(t)) => (t, 1),
            Some(Request::TimerChannel(t, c)) => (t, 1 << c),
            Some(Request::Adc | Request::UsartSend(_)) | None => return,
        };
        for slot in &mut self.devices.slots {
            if let Slot { device: Device::Timer(timer), number: n, .. } = slot
                && *n == number
            {
                timer.served(bit, now.cycle);
            }
        }
    }
}
