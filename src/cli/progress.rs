//! A word on standard error when a command takes longer than a second, on a terminal only: a line that is written over,
//! and wiped at the end.

use super::terminal;
use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long nothing is said.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a count is told anew.
const OFTEN: Duration = Duration::from_millis(200);

/// The line.
#[derive(Default)]
struct Line {
    written: bool,
}

impl Line {
    fn write(&mut self, text: std::fmt::Arguments) {
        self.written = true;
        let _ = write!(std::io::stderr(), "\r{text}\x1b[K");
    }

    fn wipe(&self) {
        if self.written {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Runs `work`; says `what` and the seconds so far, once a second.
pub fn while_running<R>(what: &str, work: impl FnOnce() -> R) -> R {
    if !terminal::shows_progress() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let start = Instant::now();
            let mut line = Line::default();
            while let Err(mpsc::RecvTimeoutError::Timeout) = waiting.recv_timeout(PATIENCE) {
                line.write(format_args!("{what} ({} s)", start.elapsed().as_secs()));
            }
            line.wipe();
        });
        let result = work();
        drop(done);
        result
    })
}

/// Says how many of `total` cases are done, and how many of them failed.
pub fn of_cases(total: usize) -> impl FnMut(usize, usize) {
    of_cases_in(total, "failed")
}

/// The same in other words than `failed`.
pub fn of_cases_in(total: usize, failures: &'static str) -> impl FnMut(usize, usize) {
    let start = Instant::now();
    let mut told = start;
    let terminal = terminal::shows_progress();
    let mut line = Line::default();
    move |done, failed| {
        if !terminal || start.elapsed() < PATIENCE {
            return;
        }
        if done == total {
            line.wipe();
        } else if told.elapsed() > OFTEN {
            told = Instant::now();
            line.write(format_args!("{done} of {total} cases, {failed} {failures}"));
        }
    }
}
