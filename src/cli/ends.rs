//! Ctrl-C and other signals that end a process: none leaves a lock, a half-written file or a temporary folder behind.
//!
//! On Linux they are held back in every thread, and one thread looks after them. A verb that has to do something of its
//! own first says so with [`from_now_on`].

#[cfg(target_os = "linux")]
pub use linux::{DebugEvent, catch, end, from_now_on, let_through};
#[cfg(not(target_os = "linux"))]
pub use others::{catch, from_now_on, let_through};

#[cfg(target_os = "linux")]
mod linux {
    use crate::leftovers;
    use anyhow::Context;
    use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
    use nix::sys::signalfd::{SfdFlags, SignalFd};
    use nix::unistd::Pid;
    use std::fs;
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::sync::{Mutex, PoisonError};
    use std::thread;

    /// What ends a process, by custom.
    const ENDS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

    /// `si_code` of what the kernel sends by itself: a terminal's Ctrl-C goes to the whole group.
    const BY_THE_KERNEL: i32 = 0x80;

    /// A signal that has come.
    #[derive(Clone, Copy, Debug)]
    pub struct DebugEvent {
        /// Which.
        pub signal: Signal,
        /// A terminal's: whoever was started has it as well.
        pub by_the_kernel: bool,
    }

    type Answer = Box<dyn FnMut(DebugEvent) + Send>;

    static ANSWER: Mutex<Option<Answer>> = Mutex::new(None);

    /// From now on they are held back in this thread and those that it starts, and looked after.
    ///
    /// # Errors
    /// The system does not let one.
    pub fn catch() -> anyhow::Result<()> {
        let mut set = SigSet::empty();
        for signal in ENDS {
            // nohup has SIGHUP ignored, and so it stays.
            if signal != Signal::SIGHUP || !is_ignored(signal) {
                set.add(signal);
            }
        }
        set.thread_block().context("signals cannot be held back")?;
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).context("signals cannot be waited for")?;
        let attend = move || {
            while let Ok(news) = fd.read_signal() {
                let Some(news) = news else { continue };
                let signal = i32::try_from(news.ssi_signo).ok().and_then(|n| Signal::try_from(n).ok());
                let Some(signal) = signal else { continue };
                match ANSWER.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    Some(answer) => answer(DebugEvent { signal, by_the_kernel: news.ssi_code == BY_THE_KERNEL }),
                    None => end(signal),
                }
            }
        };
        thread::Builder::new().name("signals".to_owned()).spawn(attend).context("cannot wait for signals")?;
        Ok(())
    }

    fn is_ignored(signal: Signal) -> bool {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|l| u64::from_str_radix(l.strip_prefix("SigIgn:")?.trim(), 16).ok());
        mask.unwrap_or(0) >> (signal as u32 - 1) & 1 != 0
    }

    /// Has signals answered otherwise than by the end.
    ///
    /// # Errors
    /// None here.
    pub fn from_now_on(answer: impl FnMut(DebugEvent) + Send + 'static) -> anyhow::Result<()> {
        *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(answer));
        Ok(())
    }

    /// Has a command not inherit that they are held back.
    pub fn let_through(command: &mut Command) {
        // SAFETY: the closure makes one system call, and allocates nothing.
        unsafe { command.pre_exec(|| SigSet::empty().thread_set_mask().map_err(io::Error::from)) };
    }

    /// Ends the process as the signal does, with nothing left behind.
    pub fn end(by: Signal) -> ! {
        let mut leftovers = leftovers::hold();
        leftovers.remove_all();
        // SAFETY: the default action; no handler of ours comes into it.
        let _ = unsafe { signal(by, SigHandler::SigDfl) };
        let _ = SigSet::empty().thread_set_mask();
        let _ = kill(Pid::this(), by);
        // The process is dead by now, except as the first of a container: its signals have no default action.
        std::process::exit(128 + by as i32)
    }
}

#[cfg(not(target_os = "linux"))]
mod others {
    use anyhow::Context;
    use std::process::Command;

    /// What ends a process does so by itself.
    pub fn catch() -> anyhow::Result<()> {
        Ok(())
    }

    /// Has Ctrl-C and its like answered.
    ///
    /// # Errors
    /// The system does not let one.
    pub fn from_now_on(mut answer: impl FnMut(()) + Send + 'static) -> anyhow::Result<()> {
        ctrlc::set_handler(move || answer(())).context("cannot wait for Ctrl-C")
    }

    /// Nothing is held back.
    pub fn let_through(_: &mut Command) {}
}
