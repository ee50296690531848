//! Breakpoints and watchpoints, as the crate `gdbstub` asks for them.

use super::errno::{EINVAL, ENOSPC};
use super::port::{self, NoBreakpoint, NoWatchpoint, Watched};
use super::session::Session;
use crate::chip::WATCHPOINTS;
use gdbstub::target::ext::breakpoints::{
    Breakpoints, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint, SwBreakpointOps, WatchKind,
};
use gdbstub::target::{TargetError, TargetResult};

impl Breakpoints for Session {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl HwWatchpoint for Session {
    fn add_hw_watchpoint(&mut self, address: u32, length: u32, kind: WatchKind) -> TargetResult<bool, Self> {
        match self.with(move |core| port::add_watchpoint(core, address, length, watched(kind)))? {
            Ok(()) => Ok(true),
            Err(NoWatchpoint::TooMany) => {
                self.note(format!(
                    "nothing is watched at 0x{address:08X}: the core has {WATCHPOINTS} comparators for data, and all \
                     are in use"
                ));
                Err(TargetError::Errno(ENOSPC))
            }
            Err(NoWatchpoint::Shape) => {
                self.note(format!(
                    "{length} bytes at 0x{address:08X} cannot be watched: a comparator covers a power of two, at a \
                     multiple of it"
                ));
                Err(TargetError::Errno(EINVAL))
            }
        }
    }

    fn remove_hw_watchpoint(&mut self, address: u32, length: u32, kind: WatchKind) -> TargetResult<bool, Self> {
        self.with(move |core| port::remove_watchpoint(core, address, length, watched(kind)))
    }
}

/// In SRAM by `bkpt` in the instruction's place; elsewhere by a comparator.
impl SwBreakpoint for Session {
    fn add_sw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        if !self.part.sram.contains(address) {
            return self.add_hw_breakpoint(address, kind);
        }
        let mut planted = std::mem::take(&mut self.planted);
        let (planted, done) = self.with(move |core| {
            let done = planted.add(core, address & !1);
            (planted, done)
        })?;
        self.planted = planted;
        Ok(done)
    }

    fn remove_sw_breakpoint(&mut self, address: u32, kind: usize) -> TargetResult<bool, Self> {
        if !self.part.sram.contains(address) {
            return self.remove_hw_breakpoint(address, kind);
        }
        let mut planted = std::mem::take(&mut self.planted);
        let (planted, done) = self.with(move |core| {
            let done = planted.remove(core, address & !1);
            (planted, done)
        })?;
        self.planted = planted;
        Ok(done)
    }
}

impl HwBreakpoint for Session {
    fn add_hw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        match self.with(move |core| port::add_breakpoint(core, address & !1))? {
            Ok(()) => Ok(true),
            Err(NoBreakpoint::TooMany) => {
                self.note(format!(
                    "no breakpoint at 0x{address:08X}: the core has {} comparators, and all are in use",
                    port::BREAKPOINTS
                ));
                Err(TargetError::Errno(ENOSPC))
            }
            Err(NoBreakpoint::OutOfReach) => {
                self.note(format!(
                    "no hardware breakpoint at 0x{address:08X}: comparators match below 0x20000000; use `break`, which writes `bkpt` in SRAM"
                ));
                Err(TargetError::Errno(EINVAL))
            }
        }
    }

    fn remove_hw_breakpoint(&mut self, address: u32, _kind: usize) -> TargetResult<bool, Self> {
        self.with(move |core| port::remove_breakpoint(core, address & !1))
    }
}

const fn watched(kind: WatchKind) -> Watched {
    match kind {
        WatchKind::Read => Watched::Read,
        WatchKind::Write => Watched::Write,
        WatchKind::ReadWrite => Watched::Access,
    }
}
