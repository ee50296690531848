//! One gdb at the chip: what the crate `gdbstub` asks, carried to the thread that owns the probe.

use super::description::{self, ArmV6M, CoreRegisters, Register};
use super::flash::Load;
use super::planted::Planted;
use super::port::{self, Catch, NoBreakpoint, NoWatchpoint, NotWritten, Share, Watched, Why};
use super::{monitor, packets};
use crate::chip::WATCHPOINTS;
use crate::cpu::FaultKind;
use crate::esc::program;
use crate::part::Part;
use crate::probe::Target as Core;
use crate::probe::owner::Line;
use crate::probe::target::News;
use gdbstub::common::{Pid, Signal};
use gdbstub::stub::SingleThreadStopReason;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep, SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint,
    SwBreakpointOps, WatchKind,
};
use gdbstub::target::ext::extended_mode::{
    Args, AttachKind, CurrentActivePid, CurrentActivePidOps, ExtendedMode, ExtendedModeOps, ShouldTerminate,
};
use gdbstub::target::ext::flash::{Flash, FlashOps};
use gdbstub::target::ext::memory_map::{MemoryMap, MemoryMapOps};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps};
use gdbstub::target::{Target, TargetError, TargetResult};
use std::sync::Arc;

/// What gdb prints for them.
const EACCES: u8 = 13;
const EFAULT: u8 = 14;
const EBUSY: u8 = 16;
const EINVAL: u8 = 22;
const ENOSPC: u8 = 28;

/// The most lines that wait for gdb to listen.
const MOST_NOTES: usize = 50;

/// Why a session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gone {
    /// The owner has ended, or given the probe to somebody else.
    #[error("the virtual probe has ended")]
    Ended,
    /// Read protection level 2.
    #[error("nobody answers at the debug port: read protection level 2 is final")]
    Unreachable,
}

/// A session's state.
pub(super) struct Session {
    line: Line,
    part: Arc<Part>,
    map: String,
    catch: Catch,
    load: Load,
    planted: Planted,
    /// Lines that gdb has not been shown: it listens while it waits for a stop, and during `monitor`.
    notes: Vec<String>,
    /// The core stands again, and gdb waits to be told.
    stopped: Option<Why>,
    /// The core was let run by `monitor`, which gdb does not know.
    loose: bool,
    /// gdb may go on after it has let go of the core.
    extended: bool,
}

impl Session {
    pub(super) fn new(line: Line, part: Arc<Part>) -> Session {
        Session {
            line,
            map: description::memory_map(&part),
            part,
            catch: Catch { reset: false, fault: true },
            load: Load::default(),
            planted: Planted::default(),
            notes: Vec::new(),
            stopped: None,
            loose: false,
            extended: false,
        }
    }

    /// Does something with the core.
    pub(super) fn at<T: Send + 'static>(&self, work: impl FnOnce(&mut Core) -> T + Send + 'static) -> Result<T, Gone> {
        self.line.run(|probe| work(&mut probe.target)).ok_or(Gone::Ended)
    }

    /// As [`Session::at`], for gdbstub; refused where gdb has let go of the core.
    fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Core) -> T + Send + 'static,
    ) -> Result<T, TargetError<Gone>> {
        if !self.line.is_open() {
            return Err(TargetError::Errno(EBUSY));
        }
        self.at(work).map_err(TargetError::Fatal)
    }

    /// Takes the core, halted. Whether the probe is free.
    pub(super) fn attach(&mut self) -> Result<bool, Gone> {
        if !self.line.is_open() && !self.line.open() {
            return Ok(false);
        }
        let catch = self.catch;
        if !self.at(move |core| port::attach(core, catch))? {
            self.line.close();
            return Err(Gone::Unreachable);
        }
        (self.loose, self.stopped) = (false, None);
        Ok(true)
    }

    /// Lets the core run, and gives the probe back.
    pub(super) fn detach(&mut self) {
        if self.line.is_open() {
            let _ = self.let_go();
            self.line.close();
        }
        (self.loose, self.stopped) = (false, None);
    }

    /// Lets the core run, with no breakpoint left behind.
    fn let_go(&mut self) -> Result<(), Gone> {
        let planted = std::mem::take(&mut self.planted);
        self.at(move |core| {
            planted.remove_all(core);
            port::release(core);
        })
    }

    pub(super) const fn is_extended(&self) -> bool {
        self.extended
    }

    pub(super) const fn catch(&self) -> Catch {
        self.catch
    }

    pub(super) fn set_catch(&mut self, catch: Catch) -> Result<(), Gone> {
        self.catch = catch;
        self.at(move |core| port::set_catch(core, catch))
    }

    pub(super) const fn set_loose(&mut self, loose: bool) {
        self.loose = loose;
    }

    /// Something that whoever serves should see at once, and gdb when it listens.
    pub(super) fn note(&mut self, text: String) {
        eprintln!("dryflash: gdb: {text}");
        if self.notes.len() < MOST_NOTES && self.notes.last() != Some(&text) {
            self.notes.push(text);
        }
    }

    /// The lines that gdb has not been shown, as text for its console.
    pub(super) fn take_notes(&mut self) -> String {
        self.notes.drain(..).map(|line| format!("dryflash: {line}\n")).collect()
    }

    /// Time for a core that runs without gdb's knowing.
    pub(super) fn tick(&mut self) -> Result<(), Gone> {
        if self.loose && self.line.is_open() {
            let catch = self.catch;
            let share = self.at(move |core| port::run(core, port::SHARE, catch))?;
            self.loose = share.halted.is_none();
            self.tell(share.news, share.broken);
        }
        Ok(())
    }

    /// Gives the running core time. What gdb is to be told, where it stands; whether time passes.
    pub(super) fn run(&mut self, cycles: u64) -> Result<(Option<SingleThreadStopReason<u32>>, bool), Gone> {
        let mut idle = false;
        let mut stopped = self.stopped.take();
        if stopped.is_none() {
            let catch = self.catch;
            let share = self.at(move |core| port::run(core, cycles, catch))?;
            (stopped, idle) = (share.halted, share.idle);
            self.tell(share.news, share.broken);
        }
        if stopped == Some(Why::Trap) {
            let pc = self.at(|core| core.register(15))?;
            if self.planted.contains(pc) {
                return Ok((Some(SingleThreadStopReason::SwBreak(())), idle));
            }
        }
        Ok((stopped.map(reason), idle))
    }

    /// Halts the core for Ctrl-C. Where it stood already, that is what gdb is told.
    pub(super) fn interrupt(&mut self) -> Result<SingleThreadStopReason<u32>, Gone> {
        self.stopped = None;
        self.at(port::halt)?;
        Ok(SingleThreadStopReason::Signal(Signal::SIGINT))
    }

    fn tell(&mut self, news: Vec<News>, broken: Option<String>) {
        for news in news {
            let caught = self.catch.fault;
            match news {
                News::Reset { cause, pc, time } => {
                    let pc = pc.map_or_else(String::new, |pc| format!(" before PC 0x{pc:08X},"));
                    self.note(format!("the chip reset itself,{pc} after {time}: {cause}"));
                }
                News::Fault { fault, pc, time } if caught => {
                    self.note(format!("HardFault at PC 0x{pc:08X}, after {time}: {fault}"));
                }
                News::Fault { .. } => {}
                News::Lockup { fault, pc, time } => {
                    let fault = fault.map_or_else(String::new, |fault| format!(": {fault}"));
                    self.note(format!("the core locked up at PC 0x{pc:08X}, after {time}{fault}"));
                }
                News::Asleep { pc } => {
                    self.note(format!(
                        "the core sleeps before PC 0x{pc:08X}, and nothing will wake it; Ctrl-C halts it"
                    ));
                }
                News::SystemMemory => self.note(
                    "the core is in ST's boot loader, which is not part of the model (a blank chip starts it); \
                     `load` something, then `monitor boot`"
                        .to_owned(),
                ),
            }
        }
        if let Some(text) = broken {
            self.note(format!("the model failed: {text}; this is a bug, please report it"));
        }
    }

    fn share(&mut self, share: Share) {
        self.stopped = share.halted;
        self.tell(share.news, share.broken);
    }

    fn reset(&mut self, stay: bool) -> Result<(), TargetError<Gone>> {
        let catch = self.catch;
        self.with(move |core| port::reset(core, stay, catch))?;
        self.loose = !stay;
        Ok(())
    }

    /// Resets the chip; it stays at its reset vector, or runs.
    pub(super) fn reset_chip(&mut self, stay: bool) -> Result<(), Gone> {
        match self.reset(stay) {
            Err(TargetError::Fatal(gone)) => Err(gone),
            _ => Ok(()),
        }
    }
}

const fn watched(kind: WatchKind) -> Watched {
    match kind {
        WatchKind::Read => Watched::Read,
        WatchKind::Write => Watched::Write,
        WatchKind::ReadWrite => Watched::Access,
    }
}

const fn kind(watched: Watched) -> WatchKind {
    match watched {
        Watched::Read => WatchKind::Read,
        Watched::Write => WatchKind::Write,
        Watched::Access => WatchKind::ReadWrite,
    }
}

const fn reason(why: Why) -> SingleThreadStopReason<u32> {
    match why {
        Why::Breakpoint => SingleThreadStopReason::HwBreak(()),
        Why::Watch(how, addr) => SingleThreadStopReason::Watch { tid: (), kind: kind(how), addr },
        Why::Trap | Why::Reset => SingleThreadStopReason::Signal(Signal::SIGTRAP),
        Why::Fault(Some(FaultKind::Unaligned)) => SingleThreadStopReason::Signal(Signal::SIGBUS),
        Why::Fault(_) => SingleThreadStopReason::Signal(Signal::SIGSEGV),
    }
}

impl Target for Session {
    type Arch = ArmV6M;
    type Error = Gone;

    fn base_ops(&mut self) -> BaseOps<'_, ArmV6M, Gone> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_memory_map(&mut self) -> Option<MemoryMapOps<'_, Self>> {
        Some(self)
    }

    fn support_flash_operations(&mut self) -> Option<FlashOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_extended_mode(&mut self) -> Option<ExtendedModeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Session {
    fn read_registers(&mut self, registers: &mut CoreRegisters) -> TargetResult<(), Self> {
        let values = self.with(|core| port::registers(core))?;
        *registers = values.ok_or(TargetError::Errno(EBUSY))?;
        Ok(())
    }

    fn write_registers(&mut self, registers: &CoreRegisters) -> TargetResult<(), Self> {
        let values = registers.clone();
        let done = self.with(move |core| core.is_halted().then(|| port::set_registers(core, &values)))?;
        done.ok_or(TargetError::Errno(EBUSY))
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, address: u32, data: &mut [u8]) -> TargetResult<usize, Self> {
        let length = data.len().min(packets::MOST_MEMORY);
        let (bytes, fault) = self.with(move |core| port::read(core, address, length))?;
        if let Some(fault) = fault
            && bytes.is_empty()
            && length > 0
        {
            if self.part.flash.contains(address) {
                self.note(format!("0x{address:08X} cannot be read: {}", fault.reason));
            }
            return Err(TargetError::Errno(EFAULT));
        }
        data[..bytes.len()].copy_from_slice(&bytes);
        self.planted.hide(address, &mut data[..bytes.len()]);
        Ok(bytes.len())
    }

    fn write_addrs(&mut self, address: u32, data: &[u8]) -> TargetResult<(), Self> {
        let mut bytes = data.to_vec();
        self.planted.keep(address, &mut bytes);
        match self.with(move |core| port::write(core, address, &bytes))? {
            Ok(()) => Ok(()),
            Err(NotWritten::Flash(at)) => {
                self.note(format!("0x{at:08X} is flash, which takes no plain writes: use `load`"));
                Err(TargetError::Errno(EACCES))
            }
            Err(NotWritten::Bus(at, reason)) => {
                self.note(format!("0x{at:08X} cannot be written: {reason}"));
                Err(TargetError::Errno(EFAULT))
            }
        }
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<()> for Session {
    fn read_register(&mut self, _: (), register: Register, bytes: &mut [u8]) -> TargetResult<usize, Self> {
        let value = self.with(move |core| core.is_halted().then(|| port::register(core, register)))?;
        let value = value.ok_or(TargetError::Errno(EBUSY))?.to_le_bytes();
        let length = register.bytes().min(bytes.len());
        bytes[..length].copy_from_slice(&value[..length]);
        Ok(length)
    }

    fn write_register(&mut self, _: (), register: Register, bytes: &[u8]) -> TargetResult<(), Self> {
        if bytes.len() != register.bytes() {
            return Err(TargetError::Errno(EINVAL));
        }
        let value = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let done = self.with(move |core| core.is_halted().then(|| port::set_register(core, register, value)))?;
        done.ok_or(TargetError::Errno(EBUSY))
    }
}

impl SingleThreadResume for Session {
    fn resume(&mut self, _signal: Option<Signal>) -> Result<(), Gone> {
        (self.stopped, self.loose) = (None, false);
        // Where gdb has let go of the core, there is nothing to wait for.
        if !self.line.is_open() {
            self.stopped = Some(Why::Trap);
            return Ok(());
        }
        self.at(port::resume)
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Session {
    fn step(&mut self, _signal: Option<Signal>) -> Result<(), Gone> {
        self.loose = false;
        if !self.line.is_open() {
            self.stopped = Some(Why::Trap);
            return Ok(());
        }
        let catch = self.catch;
        let share = self.at(move |core| port::step(core, catch))?;
        self.share(share);
        Ok(())
    }
}

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

impl MemoryMap for Session {
    fn memory_map_xml(&self, offset: u64, length: usize, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let text = self.map.as_bytes();
        let rest = usize::try_from(offset).ok().and_then(|n| text.get(n..)).unwrap_or_default();
        let length = length.min(buffer.len()).min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl Flash for Session {
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        let flash = self.part.flash;
        let Some(end) = start.checked_add(length).filter(|end| start >= flash.base && *end <= flash.end()) else {
            self.note(format!("0x{length:X} bytes from 0x{start:08X} on are not all flash, and were not erased"));
            return Err(TargetError::Errno(EINVAL));
        };
        self.load = Load::default();
        match self.with(move |core| program::erase(&mut core.chip, start..end))? {
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
        let mut load = std::mem::take(&mut self.load);
        match self.with(move |core| load.program(&mut core.chip))? {
            Ok(_) => Ok(()),
            Err(error) => {
                self.note(error.to_string());
                Err(TargetError::Errno(EACCES))
            }
        }
    }
}

impl MonitorCmd for Session {
    fn handle_monitor_cmd(&mut self, command: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Gone> {
        let before = self.take_notes();
        let answer = if self.line.is_open() {
            monitor::run(self, &String::from_utf8_lossy(command))?
        } else {
            "gdb has let go of the chip; `run` takes it again\n".to_owned()
        };
        let after = self.take_notes();
        out.write_raw([before, answer, after].concat().as_bytes());
        Ok(())
    }
}

/// The only process there is.
const PID: Pid = Pid::MIN;

impl ExtendedMode for Session {
    /// `run`: the chip is reset, and stands at its reset vector.
    fn run(&mut self, _file: Option<&[u8]>, _args: Args<'_, '_>) -> TargetResult<Pid, Self> {
        ExtendedMode::attach(self, PID)?;
        self.reset(true)?;
        Ok(PID)
    }

    fn attach(&mut self, _pid: Pid) -> TargetResult<(), Self> {
        if Session::attach(self).map_err(TargetError::Fatal)? { Ok(()) } else { Err(TargetError::Errno(EBUSY)) }
    }

    fn query_if_attached(&mut self, _pid: Pid) -> TargetResult<AttachKind, Self> {
        // So that gdb lets the core run when it ends, rather than kill it.
        Ok(AttachKind::Attach)
    }

    /// The core runs, with nobody watching; `run` takes it again.
    fn kill(&mut self, pid: Option<Pid>) -> TargetResult<ShouldTerminate, Self> {
        if self.line.is_open() {
            self.let_go().map_err(TargetError::Fatal)?;
        }
        (self.loose, self.stopped) = (false, None);
        Ok(if pid.is_some() { ShouldTerminate::No } else { ShouldTerminate::Yes })
    }

    fn restart(&mut self) -> Result<(), Gone> {
        self.reset_chip(true)
    }

    fn on_start(&mut self) -> Result<(), Gone> {
        self.extended = true;
        Ok(())
    }

    fn support_current_active_pid(&mut self) -> Option<CurrentActivePidOps<'_, Self>> {
        Some(self)
    }
}

impl CurrentActivePid for Session {
    fn current_active_pid(&mut self) -> Result<Pid, Gone> {
        Ok(PID)
    }
}
