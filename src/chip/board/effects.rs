//! What accesses ask for beyond their register: clocks, interrupts, events, the map; and resets.

use super::{Board, EVERYBODY, PPB, Request};
use crate::bus::{Access, BootSource, Effects, Master, Note, ResetCause, Width};
use crate::chip::clock::Hclk;
use crate::chip::device::Device;
use crate::chip::event::EventKind;
use crate::cpu::Reply;
use crate::cpu::block::FetchCost;
use crate::flash::{self, Purpose};
use crate::periph::irqs::Irqs;
use crate::periph::{Context, Due, Peripheral};
use crate::time::Now;

impl Board {
    /// Carries out what the last access asked for, and says what the core has to know.
    pub(super) fn settle(&mut self, by: Access, pc: u32) -> Reply {
        let mut reply = Reply::default();
        let mut now = by.now;
        // Code in flash cannot be fetched while an operation runs (RM0091 3.2.2, RM0444 3.3.6).
        if by.master == Master::Cpu
            && let Some(end) = self.flash.busy_until()
            && end > now.time
            && self.runs_from_flash(pc)
        {
            // Busy now, and no more when the core goes on.
            self.look_at_scope(now);
            self.fx.stall_until(end);
        }
        if !self.fx.any {
            self.look_at_scope(now);
            return reply;
        }
        if let Some(until) = self.fx.stall_until.take()
            && until > now.time
        {
            let cycle = self.hclk.cycle_at(until);
            reply.wait = cycle - now.cycle;
            now = self.hclk.at(cycle);
            self.flash.advance(now, &mut self.fx);
            self.touched = EVERYBODY;
            self.fx.events = true;
        }
        self.carry_out(now, pc, &mut reply);
        self.look_at_scope(now);
        reply
    }

    /// Applies the pending effects at `now`.
    fn carry_out(&mut self, now: Now, pc: u32, reply: &mut Reply) {
        let mut fx = std::mem::take(&mut self.fx);
        if fx.clock {
            self.follow_clocks(now, pc, &mut fx);
        }
        if std::mem::take(&mut fx.pins) && self.follow_pins(now) {
            fx.events = true;
        }
        if fx.events {
            let clock = std::mem::take(&mut fx.clock);
            self.serve_dma(now, &mut fx);
            // What a transfer has stored may be a clock's or a pin's register.
            if fx.clock {
                self.follow_clocks(now, pc, &mut fx);
            }
            if std::mem::take(&mut fx.pins) {
                self.follow_pins(now);
            }
            fx.clock |= clock;
        }
        if fx.clock || fx.interrupts || fx.events || fx.nmi {
            self.refresh(now);
        }
        if fx.backup_reset {
            // RDP level 1 to 0 clears the backup registers with the flash (RM0091 3.3.1, RM0444 3.5.1).
            self.devices.clear_backup();
        }
        if let Some(cause) = fx.reset {
            self.reset_wanted.get_or_insert(cause);
            reply.attention = true;
        }
        for note in fx.notes.drain(..) {
            self.log.note(now.time, pc, note);
        }
        if let Some(range) = fx.changed.take() {
            reply.changed = Some(match reply.changed.take() {
                Some(r) => r.start.min(range.start)..r.end.max(range.end),
                None => range,
            });
        }
        reply.remap |= self.follow_map(now, fx.remap || fx.clock || fx.events);
        reply.attention |= self.nvic.any_pending();
        if self.next_event < self.horizon {
            self.horizon = self.next_event;
            reply.due = Some(self.next_event);
        }
        fx.any = false;
        fx.remap = false;
        fx.clock = false;
        fx.interrupts = false;
        fx.events = false;
        fx.nmi = false;
        fx.backup_reset = false;
        fx.reset = None;
        fx.stall_until = None;
        self.fx = fx;
    }

    /// A clock was switched, gated or rescaled.
    fn follow_clocks(&mut self, now: Now, pc: u32, fx: &mut Effects) {
        let before = self.clocks;
        // A block that is reset or cut off follows no edges.
        fx.pins = true;
        self.touched = EVERYBODY;
        self.clocks = self.devices.rcc.clocks();
        if self.clocks.hclk_hz != before.hclk_hz {
            self.hclk = Hclk::new(now, self.clocks.hclk_hz);
            self.log.push(now.time, pc, EventKind::Clock { hz: self.clocks.hclk_hz });
        }
        for slot in &mut self.devices.slots {
            if let Some(gate) = &slot.gate
                && self.devices.rcc.held(gate)
                && let Some(p) = slot.device.peripheral()
            {
                p.reset(ResetCause::Software);
            }
            if let Device::Timer(timer) = &mut slot.device {
                timer.advance(&mut Context { now, clocks: self.clocks, base: slot.base, fx });
                timer.set_clocked(slot.gate.as_ref().is_none_or(|g| self.devices.rcc.enabled(g)));
            }
        }
    }

    /// Collects interrupt lines and finds the next event.
    fn refresh(&mut self, now: Now) {
        let touched = std::mem::take(&mut self.touched);
        let hclk = self.hclk;
        let cycle = |due: Option<Due>| match due {
            Some(Due::Cycle(cycle)) => cycle,
            Some(Due::Time(time)) => hclk.cycle_at(time),
            None => u64::MAX,
        };
        let mut all = Request { lines: Irqs::NONE, asks: false, next: u64::MAX };
        let blocks = self.devices.slots.iter().zip(&self.part.peripherals);
        for (n, ((slot, spec), request)) in blocks.zip(&mut self.requests).enumerate() {
            // Flash is touched by stores into itself, too.
            if touched & 1 << (n & 63) != 0 || matches!(slot.device, Device::Flash) {
                *request = Request { lines: Irqs::NONE, asks: false, next: u64::MAX };
                let raised = match (slot.device.view(), &slot.device) {
                    (Some(p), _) => {
                        request.next = cycle(p.next_event(&self.clocks));
                        p.lines()
                    }
                    (None, Device::Flash) => u32::from(self.flash.interrupt()),
                    (None, _) => 0,
                };
                request.asks = raised != 0;
                let irqs = if request.asks { &spec.irq[..] } else { &[][..] };
                for (bit, line) in irqs.iter().enumerate() {
                    if raised >> bit & 1 != 0 {
                        request.lines.insert(usize::from(*line));
                    }
                }
            }
            // Most of them ask for none.
            if request.asks {
                all.lines |= request.lines;
            }
            all.next = all.next.min(request.next);
        }
        // These change with accesses to others, too.
        let rest = [
            cycle(self.devices.rcc.view().next_event(&self.clocks)),
            cycle(self.systick.next_event(&self.clocks)),
            cycle(self.flash.next_event().map(Due::Time)),
        ];
        let next = rest.into_iter().fold(all.next, u64::min);
        self.nvic.set_lines(all.lines);
        if self.systick.take_pending() {
            self.nvic.pend_systick();
        }
        let nmi = self.flash.nmi();
        if nmi && !self.nmi {
            self.nvic.pend_nmi();
        }
        self.nmi = nmi;
        self.due = next;
        // An event that is already due happens at the next boundary.
        self.next_event = next.max(now.cycle + 1);
    }

    /// Whether the core's view of memory, or the cost of it, changed.
    fn follow_map(&mut self, now: Now, look: bool) -> bool {
        if !look {
            return false;
        }
        let zero = self.devices.syscfg().map_or(BootSource::Flash, |s| s.at_zero());
        let plain = self.flash.plain(now);
        let mut changed = zero != self.at_zero || plain != self.flash_plain;
        self.at_zero = zero;
        if plain != self.flash_plain {
            self.flash_plain = plain;
            let by = Access { master: Master::Cpu, now };
            let mut fx = Effects::default();
            let base = self.part.flash.base;
            self.flash_runs = plain || self.flash.read(base, Width::Word, Purpose::Fetch, by, &mut fx).is_ok();
        }
        let cost = self.cost();
        if cost != self.log.cost {
            self.log.cost = cost;
            changed = true;
            self.check_latency(now);
        }
        changed
    }

    pub(super) fn cost(&self) -> FetchCost {
        let latency = self.flash.latency();
        let ws = latency.wait_states;
        FetchCost { sequential: if latency.prefetch { 0 } else { ws }, target: ws, literal: ws }
    }

    /// Too few wait states for HCLK: the chip would read rubbish; the model reads on, and says so.
    fn check_latency(&mut self, now: Now) {
        let steps = &self.part.wait_state_hz;
        let ws = self.flash.latency().wait_states as usize;
        let limit = steps.get(ws).or(steps.last()).copied().unwrap_or(u64::MAX);
        if self.clocks.hclk_hz > limit {
            let text = format!(
                "HCLK is {} MHz with {ws} wait states: flash reads are not guaranteed",
                self.clocks.hclk_hz / 1_000_000
            );
            self.log.note(now.time, 0, Note { as_on_the_chip: false, address: flash::REGISTERS, text, choice: None });
        }
    }

    /// Lets every block act that is due up to `now`, each event at its own instant. What the core has to know comes
    /// back.
    pub fn advance(&mut self, now: Now, pc: u32) -> Reply {
        let mut reply = Reply::default();
        // The core may have waited over many events, or have overrun one by an instruction. One that stays due is
        // not waited for.
        let mut last = None;
        while self.due < now.cycle && last.is_none_or(|l| self.due > l) && self.reset_wanted.is_none() {
            last = Some(self.due);
            self.act(self.hclk.at(self.due.max(self.acted)), pc, &mut reply);
        }
        self.act(self.hclk.at(now.cycle), pc, &mut reply);
        reply
    }

    /// Lets every block act at `now`.
    fn act(&mut self, now: Now, pc: u32, reply: &mut Reply) {
        self.touched = EVERYBODY;
        self.acted = now.cycle;
        for slot in &mut self.devices.slots {
            if let Some(p) = slot.device.peripheral() {
                p.advance(&mut Context { now, clocks: self.clocks, base: slot.base, fx: &mut self.fx });
            }
        }
        let mut cx = Context { now, clocks: self.clocks, base: self.devices.layout.rcc_base, fx: &mut self.fx };
        self.devices.rcc.peripheral().advance(&mut cx);
        self.systick.advance(&mut cx);
        self.flash.advance(now, &mut self.fx);
        self.fx.any = true;
        self.fx.events = true;
        self.fx.interrupts = true;
        self.fx.pins = true;
        self.carry_out(now, pc, reply);
        self.look_at_scope(now);
    }

    /// A reset of everything but the debug side; boots from `boot`.
    pub fn reset(&mut self, cause: ResetCause, now: Now, boot: BootSource) {
        self.touched = EVERYBODY;
        self.devices.reset(cause);
        self.nvic.reset();
        self.systick.reset(cause);
        if let Some(syscfg) = self.devices.syscfg() {
            syscfg.booted(boot);
        }
        self.clocks = self.devices.rcc.clocks();
        self.hclk = Hclk::new(now, self.clocks.hclk_hz);
        let clocks = self.clocks;
        if self.flash.boot_options().hardware_iwdg
            && let Some(iwdg) = self.devices.iwdg_mut()
        {
            iwdg.start(now.time, &clocks);
            self.devices.rcc.force_lsi(now.time);
        }
        for slot in &mut self.devices.slots {
            if let Device::Timer(timer) = &mut slot.device {
                timer.advance(&mut Context { now, clocks, base: slot.base, fx: &mut self.fx });
            }
        }
        self.reset_wanted = None;
        self.fx = Effects::default();
        self.acted = now.cycle;
        self.follow_pins(now);
        self.refresh(now);
        // Forces a fresh look at what may be read and fetched.
        self.flash_plain = !self.flash.plain(now);
        self.follow_map(now, true);
        self.scope_reset(now);
    }

    /// Looks at what the core may read and fetch; whether that changed.
    pub fn look_again(&mut self, now: Now) -> bool {
        self.follow_map(now, true)
    }

    /// Points the vector table there, on a core that can.
    pub fn set_vtor(&mut self, table: u32) {
        let now = self.hclk.at(0);
        let mut cx = Context { now, clocks: self.clocks, base: PPB.start, fx: &mut self.fx };
        self.nvic.write(0xD08, table, u32::MAX, &mut cx);
        self.fx = Effects::default();
    }

    /// Takes up what depends on a restored state.
    pub fn resume(&mut self, now: Now) {
        self.touched = EVERYBODY;
        self.clocks = self.devices.rcc.clocks();
        self.fx = Effects::default();
        self.watching = true;
        self.followed = now.time;
        self.acted = now.cycle;
        self.follow_pins(now);
        self.refresh(now);
        self.flash_plain = !self.flash.plain(now);
        self.follow_map(now, true);
    }
}
