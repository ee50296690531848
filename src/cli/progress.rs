//! A word on standard error when a command takes longer than a second, on a terminal only.

use super::terminal;
use std::io::Write;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `work`; says `what` and the seconds so far, once a second, on a line that is wiped at the end.
pub fn while_running<R>(what: &str, work: impl FnOnce() -> R) -> R {
    if !terminal::shows_progress() {
        return work();
    }
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let start = Instant::now();
            let mut told = false;
            while let Err(mpsc::RecvTimeoutError::Timeout) = waiting.recv_timeout(Duration::from_secs(1)) {
                told = true;
                let _ = write!(std::io::stderr(), "\r{what} ({} s)", start.elapsed().as_secs());
            }
            if told {
                let _ = write!(std::io::stderr(), "\r\x1b[K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}
