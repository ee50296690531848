//! The one thread that owns the probe and its chip; clients elsewhere send it what they want.
//!
//! Engines stay in the thread that made them, so fronts talk over a channel. One client at a time holds the probe.

use super::recording::Exchange;
use super::stlink::{COMMAND, StLink};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

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

/// Work for the owner's thread.
pub type Work = Box<dyn FnOnce(&mut StLink) + Send>;

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
    /// Something to be done with the probe and its chip, where the client holds the probe; dropped undone where not.
    /// Recordings do not have it.
    Do(Client, Work),
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
            Request::Do(client, _) => write!(f, "Do({client:?})"),
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

    /// Asks for the probe. Whether the client has it now: another may hold it.
    pub fn open(&mut self) -> bool {
        let (answer, granted) = channel();
        self.open = self.requests.send(Request::Open(self.client, answer)).is_ok() && granted.recv().unwrap_or(false);
        self.open
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

    /// Has something done with the probe; none where the client does not hold it, or the owner has ended.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut StLink) -> T + Send + 'static) -> Option<T> {
        let (answer, result) = channel();
        let work = Box::new(move |probe: &mut StLink| {
            let _ = answer.send(work(probe));
        });
        self.requests.send(Request::Do(self.client, work)).ok()?;
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
                let reply = (holder == Some(client)).then(|| {
                    let reply = probe.command(&command, &data);
                    let exchange =
                        Exchange { at: probe.target.chip.now().time.as_micros(), command, data, reply, packet: None };
                    watch.exchange(&exchange);
                    exchange.reply
                });
                let _ = answer.send(reply);
            }
            Request::Do(client, work) if holder == Some(client) => work(probe),
            Request::Close(client) if holder == Some(client) => {
                holder = None;
                if watch.released(probe).is_break() {
                    return;
                }
            }
            Request::Do(..) | Request::Close(_) => {}
            Request::Stop => return,
        }
    }
}
