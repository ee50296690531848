//! Ctrl-C and other ends: they are the client's first. What it has left is reported and kept all the same.
//!
//! A terminal sends them to the client as well; where only dryflash got one (`kill`, a container that stops), it is passed
//! on. A second one ends everything that was started; the virtual ESC is written in any case.

use crate::probe::owner::Request;
use anyhow::Context;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What ends a client, by custom.
const ENDS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// `si_code` of what the kernel sends by itself: a terminal's Ctrl-C goes to the client, too.
const BY_THE_KERNEL: i32 = 0x80;

/// Whoever signals a whole group has reached the client as well: it gets so long to end by itself.
const GRACE: Duration = Duration::from_millis(100);

/// Signals so close to each other are one (`timeout` sends to its child, then to the group).
const ONE: Duration = Duration::from_millis(250);

/// How far the session is.
const RUNNING: u8 = 0;
/// The client has ended; what it left is not kept yet.
const ENDED: u8 = 1;
/// It is; what is left is words.
const KEPT: u8 = 2;

/// The signals, caught.
#[derive(Debug)]
pub struct Signals {
    fd: SignalFd,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    /// What was passed on, or 0.
    passed: AtomicI32,
}

impl Signals {
    /// From now on they end nothing by themselves, in this thread and those that it starts.
    ///
    /// # Errors
    /// The system does not let one.
    pub fn catch() -> anyhow::Result<Signals> {
        let mut set = SigSet::empty();
        for signal in ENDS {
            set.add(signal);
        }
        set.thread_block().context("signals cannot be held back")?;
        // What the client starts and leaves stays within reach.
        let _ = prctl::set_child_subreaper(true);
        let fd = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC).context("signals cannot be waited for")?;
        Ok(Signals { fd, shared: Arc::default() })
    }

    /// Has a command not inherit that they are held back.
    pub fn let_through(command: &mut Command) {
        // SAFETY: the closure makes one system call, and allocates nothing.
        unsafe { command.pre_exec(|| SigSet::empty().thread_set_mask().map_err(io::Error::from)) };
    }

    /// Whether one has come already, before there was a client to have it.
    pub fn has_come(&self) -> bool {
        let pending = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut masks = pending.lines().filter_map(|l| l.strip_prefix("ShdPnd:").or_else(|| l.strip_prefix("SigPnd:")));
        masks.any(|m| {
            let mask = u64::from_str_radix(m.trim(), 16).unwrap_or(0);
            ENDS.iter().any(|s| mask >> (*s as u32 - 1) & 1 != 0)
        })
    }

    /// Looks after the client until the process ends.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn watch(self, client: u32, requests: Sender<Request>) -> anyhow::Result<Watch> {
        let shared = Arc::clone(&self.shared);
        let stop = Mutex::new(requests);
        let client = Pid::from_raw(i32::try_from(client).context("no such process")?);
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || attend(&self.fd, client, &self.shared, &stop))
            .context("cannot wait for signals")?;
        Ok(Watch { shared })
    }
}

/// How the session tells where it is.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
}

impl Watch {
    /// The client has ended. What it started and left gets the signal that it had.
    pub fn ended(&self) {
        self.shared.phase.store(ENDED, Ordering::SeqCst);
        if let Ok(signal) = Signal::try_from(self.shared.passed.load(Ordering::SeqCst)) {
            send(signal);
        }
    }

    /// All is kept: from here on a signal ends dryflash at once.
    pub fn kept(&self) {
        self.shared.phase.store(KEPT, Ordering::SeqCst);
    }
}

fn attend(fd: &SignalFd, client: Pid, shared: &Shared, stop: &Mutex<Sender<Request>>) {
    let mut first: Option<Instant> = None;
    while let Ok(news) = fd.read_signal() {
        let Some(news) = news else { continue };
        let Some(signal) = i32::try_from(news.ssi_signo).ok().and_then(|n| Signal::try_from(n).ok()) else { continue };
        if shared.phase.load(Ordering::SeqCst) == KEPT {
            std::process::exit(128 + signal as i32);
        }
        match first {
            Some(before) if before.elapsed() < ONE => {}
            Some(_) => {
                send(Signal::SIGKILL);
                let _ = stop.lock().unwrap_or_else(PoisonError::into_inner).send(Request::Stop);
            }
            None => {
                first = Some(Instant::now());
                if news.ssi_code == BY_THE_KERNEL {
                    continue;
                }
                thread::sleep(GRACE);
                // Its number may be another's once it has ended and was waited for.
                if shared.phase.load(Ordering::SeqCst) == RUNNING {
                    shared.passed.store(signal as i32, Ordering::SeqCst);
                    let _ = kill(client, signal);
                }
            }
        }
    }
}

/// To all that was started, directly or not.
fn send(signal: Signal) {
    for process in descendants() {
        let _ = kill(Pid::from_raw(process), signal);
    }
}

/// The processes below this one.
fn descendants() -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name in parentheses may hold anything; state and parent are behind it.
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = HashSet::new();
    let mut next = vec![Pid::this().as_raw()];
    while let Some(process) = next.pop() {
        for child in children.get(&process).into_iter().flatten() {
            if found.insert(*child) {
                next.push(*child);
            }
        }
    }
    found.into_iter().collect()
}
