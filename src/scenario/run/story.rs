//! What happened in a case, a line each: the steps, and the chip's events under them.

use crate::chip::{Chip, Event, EventKind};

/// Lines that are kept of one step; a chip that resets for ever must not fill a report.
const MOST: usize = 40;

/// The lines so far.
#[derive(Debug, Default)]
pub struct Story {
    lines: Vec<String>,
    /// Events of the chip's log that were told.
    told: usize,
    /// Lines under the present step, and how many were left out.
    under: usize,
    left_out: usize,
}

impl Story {
    /// A step begins.
    pub fn step(&mut self, number: usize, key: &str) {
        self.close();
        self.lines.push(format!("step {number}: {key}"));
        self.under = 0;
    }

    /// Something is told under the present step.
    pub fn tell(&mut self, text: impl Into<String>) {
        if self.under < MOST {
            self.lines.push(format!("  {}", text.into()));
            self.under += 1;
        } else {
            self.left_out += 1;
        }
    }

    /// The chip's log begins anew: power came on.
    pub fn power_on(&mut self) {
        self.told = 0;
    }

    /// What a probe's own power-on logged is no part of the story.
    pub fn forget(&mut self, chip: Option<&Chip>) {
        self.told = chip.map_or(0, |chip| chip.board.log.events.len());
    }

    /// Tells the events of the chip that were not told yet.
    pub fn take(&mut self, chip: &Chip) {
        let events = &chip.board.log.events;
        // A power-on that nobody told of has begun the log anew.
        let from = if self.told <= events.len() { self.told } else { 0 };
        for event in &events[from..] {
            self.tell(line(chip, event));
        }
        self.told = events.len();
    }

    fn close(&mut self) {
        if self.left_out > 0 {
            self.lines.push(format!("  and {} more", self.left_out));
            self.left_out = 0;
        }
    }

    /// All lines.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.left_out > 0 {
            lines.push(format!("  and {} more", self.left_out));
        }
        lines
    }
}

fn line(chip: &Chip, event: &Event) -> String {
    let text = match &event.kind {
        EventKind::Reset { cause } => format!("reset by {cause}, on at PC 0x{:08X}", event.pc),
        EventKind::Clock { hz } => format!("the core's clock is {} MHz, PC 0x{:08X}", *hz as f64 / 1e6, event.pc),
        EventKind::Fault { fault } => format!("HardFault at PC 0x{:08X}: {fault}", event.pc),
        EventKind::Lockup => format!("the core locks up at PC 0x{:08X}", event.pc),
        EventKind::Asleep => format!("the core sleeps for ever at PC 0x{:08X}", event.pc),
        EventKind::Note { address, text, .. } => {
            let name = crate::chip::register_name(chip.part(), *address);
            format!("{name} at PC 0x{:08X}: {text}", event.pc)
        }
    };
    format!("{:>9}  {text}", event.time.to_string())
}
