//! A whole chip, saved and restored.

use super::{Chip, Devices, Hclk, Heartbeat, Log};
use crate::bus::{BootSource, ResetCause};
use crate::cpu::Registers;
use crate::flash::{OtherPart, Saved};
use crate::part::Part;
use crate::periph::nvic::Nvic;
use crate::periph::systick::SysTick;
use std::sync::Arc;

/// A whole chip, for [`Chip::restore`].
pub struct SavedChip {
    part: Arc<Part>,
    registers: Registers,
    cycle: u64,
    sram: Vec<u8>,
    flash: Saved,
    devices: Devices,
    nvic: Nvic,
    systick: SysTick,
    hclk: Hclk,
    log: Log,
    heartbeat: Heartbeat,
    reset_wanted: Option<ResetCause>,
    event_register: bool,
    locked_up: bool,
    sleeping: bool,
    for_event: bool,
    boot0_pin: bool,
    powered: bool,
    boot: BootSource,
}

impl Chip {
    /// The whole state. Engines' translations are not part of it.
    pub fn save(&self) -> SavedChip {
        SavedChip {
            part: Arc::clone(&self.board.part),
            registers: self.core.registers(),
            cycle: self.core.cycle(),
            sram: self.board.sram.bytes(0, self.board.sram.len()),
            flash: self.board.flash.save(),
            devices: self.board.devices.clone(),
            nvic: self.board.nvic.clone(),
            systick: self.board.systick.clone(),
            hclk: self.board.hclk,
            log: self.board.log.clone(),
            heartbeat: self.board.heartbeat.clone(),
            reset_wanted: self.board.reset_wanted,
            event_register: self.event_register,
            locked_up: self.locked_up,
            sleeping: self.sleeping,
            for_event: self.for_event,
            boot0_pin: self.boot0_pin,
            powered: self.powered,
            boot: self.boot,
        }
    }

    /// Goes back to a saved state of the same part.
    ///
    /// # Errors
    /// The state is of another part; nothing is changed then.
    pub fn restore(&mut self, saved: &SavedChip) -> Result<(), OtherPart> {
        if saved.part.name != self.board.part.name {
            return Err(OtherPart);
        }
        for block in self.board.flash.restore(&saved.flash)? {
            self.core.invalidate(block..block + crate::flash::cells::BLOCK);
        }
        self.board.sram.write(0, &saved.sram);
        let sram = self.board.part.sram;
        self.core.invalidate(sram.base..sram.end());
        self.board.devices = saved.devices.clone();
        self.board.nvic = saved.nvic.clone();
        self.board.systick = saved.systick.clone();
        self.board.hclk = saved.hclk;
        self.board.log = saved.log.clone();
        self.board.reset_wanted = saved.reset_wanted;
        self.board.watched.clear();
        self.board.heartbeat = saved.heartbeat.clone();
        self.board.stores.forget();
        self.board.forget_polls();
        self.event_register = saved.event_register;
        self.locked_up = saved.locked_up;
        self.sleeping = saved.sleeping;
        self.for_event = saved.for_event;
        self.boot0_pin = saved.boot0_pin;
        self.powered = saved.powered;
        self.boot = saved.boot;
        self.core.set_cycle(saved.cycle);
        self.board.resume(self.now());
        // Without power nothing runs; power-on lays the map out anew.
        if self.powered {
            self.core.remap(&self.board);
        }
        self.core.set_registers(&saved.registers);
        Ok(())
    }
}
