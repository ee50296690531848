//! Ctrl-C and other ends: they are the client's first. What it has left is reported and kept all the same.
//!
//! A terminal sends them to the client as well; where only dryflash got one (`kill`, a container that stops), it is passed
//! on. A second one ends everything that was started; the virtual ESC is written in any case.

use crate::cli::ends::{self, DebugEvent};
use crate::probe::owner::Request;
use anyhow::Context;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

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
    news: Receiver<DebugEvent>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    /// What was passed on, or 0.
    passed: AtomicI32,
}

impl Signals {
    /// From now on they end nothing by themselves.
    ///
    /// # Errors
    /// The system does not let one.
    pub fn catch() -> anyhow::Result<Signals> {
        let (tell, news) = channel();
        ends::from_now_on(move |signal| {
            let _ = tell.send(signal);
        })?;
        // What the client starts and leaves stays within reach.
        let _ = prctl::set_child_subreaper(true);
        Ok(Signals { news, shared: Arc::default() })
    }

    /// Whether one has come already, before there was a client to have it.
    pub fn has_come(&self) -> bool {
        self.news.try_recv().is_ok()
    }

    /// Looks after the client until the process ends.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn watch(self, client: u32, requests: Sender<Request>) -> anyhow::Result<Watch> {
        let shared = Arc::clone(&self.shared);
        let client = Pid::from_raw(i32::try_from(client).context("no such process")?);
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || attend(&self.news, client, &self.shared, &requests))
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

    /// All is kept, and what is left is words: the next signal changes nothing, and only one after it ends dryflash.
    pub fn kept(&self) {
        self.shared.phase.store(KEPT, Ordering::SeqCst);
    }
}

fn attend(news: &Receiver<DebugEvent>, client: Pid, shared: &Shared, requests: &Sender<Request>) {
    let mut first: Option<Instant> = None;
    // Of those after the end: the report is on its way, and has its own exit code.
    let mut late: Option<Instant> = None;
    for DebugEvent { signal, by_the_kernel } in news {
        if shared.phase.load(Ordering::SeqCst) == KEPT {
            if late.get_or_insert_with(Instant::now).elapsed() > ONE {
                ends::end(signal);
            }
            continue;
        }
        match first {
            Some(before) if before.elapsed() < ONE => {}
            Some(_) => {
                send(Signal::SIGKILL);
                let _ = requests.send(Request::Stop);
            }
            None => {
                first = Some(Instant::now());
                if by_the_kernel {
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
