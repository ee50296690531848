//! gdb's `load`: erasing, gathering what is written, and programming it, through the flash controller.
//!
//! gdb names the pages first, then sends the bytes in pieces of any length, then says that it is done. A flash takes
//! half-words or double words, each once, so the pieces are put together before they are programmed.

use super::errno::{EACCES, EINVAL};
use super::load::Load;
use super::session::Session;
use gdbstub::target::ext::flash::Flash;
use gdbstub::target::{TargetError, TargetResult};

impl Flash for Session {
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        let flash = self.part.flash;
        let Some(end) = start.checked_add(length).filter(|end| start >= flash.base && *end <= flash.end()) else {
            self.note(format!("0x{length:X} bytes from 0x{start:08X} on are not all flash, and were not erased"));
            return Err(TargetError::Errno(EINVAL));
        };
        self.load = Load::default();
        match self.with(move |core| core.erase(start..end))? {
            Ok(_) => Ok(()),
            Err(error) => {
                self.note(error.to_string());
                Err(TargetError::Errno(EACCES))
            }
        }
    }

    fn flash_write(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        let flash = self.part.flash.base..self.part.flash.end();
        if self.load.add(&flash, start, data) {
            return Ok(());
        }
        self.note(format!("{} bytes for 0x{start:08X} are outside of flash, or were sent before", data.len()));
        Err(TargetError::Errno(EINVAL))
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        let blocks = self.load.take();
        match self.with(move |core| core.program(blocks))? {
            Ok(_) => Ok(()),
            Err(error) => {
                self.note(error.to_string());
                Err(TargetError::Errno(EACCES))
            }
        }
    }
}
