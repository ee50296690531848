//! The app's input, seen from the chip: which timer captures on which pin, how fine, and how many captures DMA fetches at
//! a time. What signal that is for, [`crate::am32::input`] says.

use super::signal_pin;
use crate::am32::input::CaptureSetup;
use crate::am32::{InputKind, Pin};
use crate::bus::Width;
use crate::chip::Chip;
use crate::periph::dma::Block;
use crate::periph::pins;
use std::sync::Arc;

/// How an app takes its signal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AppInput {
    /// The pin.
    pub pin: Pin,
    /// What captures its edges: `TIM3 channel 1`.
    pub through: String,
    /// The signal that it reads.
    pub kind: InputKind,
    /// It drives its pin between frames, to answer: bidirectional DShot.
    pub bidirectional: bool,
    /// How often the timer that captures ticks in a second.
    pub tick_hz: u64,
    /// How many captures DMA fetches at a time; 0 where none does.
    pub block: u32,
}

/// The input as it is set up at this instant; none while nothing captures.
pub fn now(chip: &mut Chip) -> Option<AppInput> {
    let capture = signal_pin::captures(chip).into_iter().next()?;
    let tick_hz = ticks(chip, capture.timer);
    let block = chip.board.fetched(capture.timer, capture.channel).filter(|b| b.to_memory);
    let captures = block.filter(|b| b.left == 0 || b.left == b.total).map(|b| captures(chip, &b));
    let block = block.map_or(0, |b| b.total);
    let kind = InputKind::of(&CaptureSetup { tick_hz, block, captures: captures.as_deref() });
    let through = capture.to_string();
    Some(AppInput { pin: capture.pin, through, kind, bidirectional: false, tick_hz, block })
}

/// Whether the timer behind a pin's alternate function puts something out on it.
pub fn answers(chip: &mut Chip, pin: Pin) -> bool {
    let part = Arc::clone(chip.part());
    let clocks = chip.board.clocks();
    let devices = &mut chip.board.devices;
    let (port, number) = pin.port_and_number();
    let out: Vec<(u8, u8)> = devices
        .timers()
        .flat_map(|(n, t)| t.outputs(&clocks).channels.into_iter().filter(|c| c.main).map(move |c| (n, c.channel)))
        .collect();
    out.into_iter().any(|(timer, channel)| {
        pins::of(&part, timer, channel)
            .filter(|r| (r.port, r.pin) == (port, number))
            .any(|r| devices.gpio(r.port).is_some_and(|g| g.alternate(r.pin, r.af)))
    })
}

fn ticks(chip: &Chip, timer: u8) -> u64 {
    let clocks = chip.board.clocks();
    chip.board.devices.timers().find(|(n, _)| *n == timer).map_or(0, |(_, t)| t.tick_hz(&clocks))
}

/// The 16 low bits of each word of a block in SRAM; nothing where it lies elsewhere.
fn captures(chip: &Chip, block: &Block) -> Vec<u16> {
    let sram = chip.part().sram;
    let step = block.width.bytes() as usize;
    if !sram.contains(block.memory) || block.width == Width::Byte {
        return Vec::new();
    }
    let bytes = chip.board.sram.bytes((block.memory - sram.base) as usize, step * block.total as usize);
    bytes.chunks_exact(step).map(|c| u16::from_le_bytes([c[0], c[1]])).collect()
}
