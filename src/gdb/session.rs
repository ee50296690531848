//! One gdb at the chip: what the crate `gdbstub` asks, carried to the thread that owns the probe.

use super::description;
use super::errno::EBUSY;
use super::load::Load;
use super::planted::Planted;
use super::port::{self, Catch, Share, Watched, Why};
use crate::cpu::FaultKind;
use crate::cpu::debug::regsel;
use crate::part::Part;
use crate::probe::operation::Kind;
use crate::probe::owner::Line;
use crate::probe::{DebugEvent, Operator as Core};
use crate::tell::tell;
use gdbstub::common::Signal;
use gdbstub::stub::SingleThreadStopReason;
use gdbstub::target::TargetError;
use gdbstub::target::ext::breakpoints::WatchKind;
use std::sync::Arc;

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
    pub(super) line: Line,
    pub(super) part: Arc<Part>,
    pub(super) map: String,
    pub(super) catch: Catch,
    pub(super) load: Load,
    pub(super) planted: Planted,
    /// Lines that gdb has not been shown: it listens while it waits for a stop, and during `monitor`.
    pub(super) notes: Vec<String>,
    /// What was told last of a core that stands still: it is so at each look.
    pub(super) still: Option<DebugEvent>,
    /// The core stands again, and gdb waits to be told.
    pub(super) stopped: Option<Why>,
    /// The core was let run by `monitor`, which gdb does not know.
    pub(super) loose: bool,
    /// gdb may go on after it has let go of the core.
    pub(super) extended: bool,
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
            still: None,
            stopped: None,
            loose: false,
            extended: false,
        }
    }

    /// Does something with the core.
    pub(super) fn at<T: Send + 'static>(&self, work: impl FnOnce(&mut Core) -> T + Send + 'static) -> Result<T, Gone> {
        self.line.operate(Kind::Gdb, work).ok_or(Gone::Ended)
    }

    /// As [`Session::at`], for gdbstub; refused where gdb has let go of the core.
    pub(super) fn with<T: Send + 'static>(
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
    pub(super) fn let_go(&mut self) -> Result<(), Gone> {
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
        tell!("dryflash: gdb: {text}");
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
            let pc = self.at(|core| core.register(regsel::PC))?;
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

    fn tell(&mut self, news: Vec<DebugEvent>, broken: Option<String>) {
        for news in news {
            let caught = self.catch.fault;
            let still = matches!(news, DebugEvent::Asleep { .. } | DebugEvent::SystemMemory).then_some(news);
            if still.is_some() && still == self.still {
                continue;
            }
            self.still = still;
            match news {
                DebugEvent::Reset { cause, pc, time } => {
                    let pc = pc.map_or_else(String::new, |pc| format!(" before PC 0x{pc:08X},"));
                    self.note(format!("the chip reset itself,{pc} after {time}: {cause}"));
                }
                DebugEvent::Fault { fault, pc, time } if caught => {
                    self.note(format!("HardFault at PC 0x{pc:08X}, after {time}: {fault}"));
                }
                DebugEvent::Fault { .. } => {}
                DebugEvent::Lockup { fault, pc, time } => {
                    let fault = fault.map_or_else(String::new, |fault| format!(": {fault}"));
                    self.note(format!("the core locked up at PC 0x{pc:08X}, after {time}{fault}"));
                }
                DebugEvent::Asleep { pc } => {
                    self.note(format!(
                        "the core sleeps before PC 0x{pc:08X}, and nothing will wake it; Ctrl-C halts it"
                    ));
                }
                DebugEvent::SystemMemory => self.note(
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

    pub(super) fn share(&mut self, share: Share) {
        self.stopped = share.halted;
        self.tell(share.news, share.broken);
    }

    pub(super) fn reset(&mut self, stay: bool) -> Result<(), TargetError<Gone>> {
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
