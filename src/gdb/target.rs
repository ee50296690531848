//! What the crate `gdbstub` asks of a target: registers, memory, resuming, `monitor`, and letting go.

use super::description::{ArmV6M, CoreRegisters, Register};
use super::errno::{EACCES, EBUSY, EFAULT, EINVAL};
use super::port::{self, NotWritten, Why};
use super::session::{Gone, Session};
use super::{monitor, packets};
use gdbstub::common::{Pid, Signal};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep, SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::BreakpointsOps;
use gdbstub::target::ext::extended_mode::{
    Args, AttachKind, CurrentActivePid, CurrentActivePidOps, ExtendedMode, ExtendedModeOps, ShouldTerminate,
};
use gdbstub::target::ext::flash::FlashOps;
use gdbstub::target::ext::memory_map::{MemoryMap, MemoryMapOps};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps};
use gdbstub::target::{Target, TargetError, TargetResult};

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
        let values = self.with(port::registers)?;
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
        (self.stopped, self.still, self.loose) = (None, None, false);
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

impl MemoryMap for Session {
    fn memory_map_xml(&self, offset: u64, length: usize, buffer: &mut [u8]) -> TargetResult<usize, Self> {
        let text = self.map.as_bytes();
        let rest = usize::try_from(offset).ok().and_then(|n| text.get(n..)).unwrap_or_default();
        let length = length.min(buffer.len()).min(rest.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
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
