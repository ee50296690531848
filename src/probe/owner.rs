//! The one thread that owns the probe and its chip; clients elsewhere send it what they want.
//!
//! Engines stay in the thread that made them, so fronts talk over a channel. One client at a time holds the probe.

use super::operation::{Done, Kind, Operator};
use super::recording::Exchange;
use super::stlink::{COMMAND, StLink};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long one who asks for the probe waits for another to be gone: one that was cut off gives it back a moment later.
const GRACE: Duration = Duration::from_millis(100);
/// How often it asks meanwhile.
const AGAIN: Duration = Duration::from_millis(2);

/// Tells clients apart, whatever front they come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client(u64);

impl Client {
    /// One that nobody else is.
    pub fn next() -> Client {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Client(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Its number, from 1.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Operations at the chip that need no ST-LINK, in one piece; seen by the [`Watch`] one by one.
pub type Work = Box<dyn FnOnce(&mut Operator) + Send>;

/// Carries out a command with its data, seen by the [`Watch`] as any other; gives its reply.
pub type Perform<'a> = &'a mut dyn FnMut([u8; COMMAND], Vec<u8>) -> Vec<u8>;

/// Commands that depend on the replies to those before, in one piece of work.
pub type Talk = Box<dyn FnOnce(Perform) + Send>;

/// What a front asks of the owner.
pub enum Request {
    /// The client wants the probe. Whether it has it now.
    Open(Client, Sender<bool>),
    /// A command with its data; the reply, or none where another client holds the probe.
    Command {
        /// Who sends it.
        client: Client,
        /// The command.
        command: [u8; COMMAND],
        /// What follows it.
        data: Vec<u8>,
        /// Where the reply goes.
        answer: Sender<Option<Vec<u8>>>,
    },
    /// Commands with nothing in between, where the client holds the probe; dropped undone where not.
    Talk(Client, Talk),
    /// Operations of a client by a way of its own, where it holds the probe; dropped undone where not.
    Operate(Client, Kind, Work),
    /// The client gives the probe back, or is gone.
    Close(Client),
    /// Everything ends.
    Stop,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Open(client, _) => write!(f, "Open({client:?})"),
            Request::Command { client, command, data, .. } => {
                write!(f, "Command({client:?}, {command:02x?}, {data:02x?})")
            }
            Request::Talk(client, _) => write!(f, "Talk({client:?})"),
            Request::Operate(client, by, _) => write!(f, "Operate({client:?}, {by})"),
            Request::Close(client) => write!(f, "Close({client:?})"),
            Request::Stop => f.write_str("Stop"),
        }
    }
}

/// A client's end of the line to the owner. Dropped, it gives the probe back.
#[derive(Debug)]
pub struct Line {
    client: Client,
    requests: Sender<Request>,
    open: bool,
}

impl Line {
    /// A new client's, who does not hold the probe yet.
    pub fn new(requests: Sender<Request>) -> Line {
        Line { client: Client::next(), requests, open: false }
    }

    /// Whose it is.
    pub const fn client(&self) -> Client {
        self.client
    }

    /// Whether the client holds the probe.
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Asks for the probe. Whether the client has it now: another may hold it, and be there still a moment later.
    pub fn open(&mut self) -> bool {
        let mut left = GRACE;
        loop {
            let (answer, granted) = channel();
            let asked = self.requests.send(Request::Open(self.client, answer)).is_ok();
            let Some(granted) = asked.then(|| granted.recv().ok()).flatten() else { return false };
            self.open = granted;
            if granted || left.is_zero() {
                return granted;
            }
            thread::sleep(AGAIN);
            left = left.saturating_sub(AGAIN);
        }
    }

    /// Gives the probe back.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = self.requests.send(Request::Close(self.client));
        }
    }

    /// A command and its reply; none where the client does not hold the probe, or the owner has ended.
    pub fn command(&self, command: [u8; COMMAND], data: Vec<u8>) -> Option<Vec<u8>> {
        let (answer, reply) = channel();
        self.requests.send(Request::Command { client: self.client, command, data, answer }).ok()?;
        reply.recv().ok()?
    }

    /// Has commands carried out that depend on each other's replies; none where the client does not hold the probe, or
    /// the owner has ended.
    pub fn talk<T: Send + 'static>(&self, talk: impl FnOnce(Perform) -> T + Send + 'static) -> Option<T> {
        let (answer, result) = channel();
        let talk = Box::new(move |perform: Perform| {
            let _ = answer.send(talk(perform));
        });
        self.requests.send(Request::Talk(self.client, talk)).ok()?;
        result.recv().ok()
    }

    /// Has something done at the chip, with no ST-LINK between; none where the client does not hold the probe, or the
    /// owner has ended.
    pub fn operate<T: Send + 'static>(
        &self,
        by: Kind,
        work: impl FnOnce(&mut Operator) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, result) = channel();
        let work = Box::new(move |operator: &mut Operator| {
            let _ = answer.send(work(operator));
        });
        self.requests.send(Request::Operate(self.client, by, work)).ok()?;
        result.recv().ok()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sees what goes on at the owner's.
pub trait Watch {
    /// A command has been carried out.
    fn exchange(&mut self, _exchange: &Exchange) {}

    /// An operation by another way than the ST-LINK has been carried out.
    fn operation(&mut self, _done: &Done) {}

    /// A client has given the probe back; what the chip holds now is what it has left. Break ends everything.
    fn released(&mut self, _probe: &mut StLink) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Serves requests until one says stop, every front is gone, or the watcher ends it.
pub fn serve(probe: &mut StLink, requests: &Receiver<Request>, watch: &mut impl Watch) {
    let mut holder: Option<Client> = None;
    for request in requests {
        // An answer that nobody waits for any more is no loss.
        match request {
            Request::Open(client, answer) => {
                let granted = holder.is_none_or(|h| h == client);
                if granted {
                    holder = Some(client);
                }
                let _ = answer.send(granted);
            }
            Request::Command { client, command, data, answer } => {
                let reply = (holder == Some(client)).then(|| perform(probe, watch, command, data));
                let _ = answer.send(reply);
            }
            Request::Talk(client, talk) if holder == Some(client) => {
                talk(&mut |command, data| perform(probe, watch, command, data));
            }
            Request::Operate(client, by, work) if holder == Some(client) => {
                work(&mut Operator::new(&mut probe.target, by, &mut |done| watch.operation(&done)));
            }
            Request::Close(client) if holder == Some(client) => {
                holder = None;
                if watch.released(probe).is_break() {
                    return;
                }
            }
            Request::Talk(..) | Request::Operate(..) | Request::Close(_) => {}
            Request::Stop => return,
        }
    }
}

/// One command, which the watcher sees.
fn perform(probe: &mut StLink, watch: &mut impl Watch, command: [u8; COMMAND], data: Vec<u8>) -> Vec<u8> {
    let reply = probe.command(&command, &data);
    let exchange = Exchange { at: probe.target.chip.now().time.as_micros(), command, data, reply, packet: None };
    watch.exchange(&exchange);
    exchange.reply
}
