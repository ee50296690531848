//! A Glasgow Interface Explorer with the applet that probe-rs speaks to (`20b7:9db1`, "probe-rs,v01"), over TCP or a
//! Unix socket: no kernel's USB is between, so that an unmodified probe-rs finds it.
//!
//! The protocol is public in probe-rs's driver (`probe-rs/src/probe/glasgow/`) and in the Glasgow toolkit's applet:
//! frames (`frame`) carry the bytes of two streams. Stream 0 is the applet's own, stream 1 is the SWD line
//! (`port`). What is done at the debug port is done, and recorded, as the ST-LINK commands that do the same.

mod frame;
mod port;
mod swd;

use super::listen::{Address, Door, Listening};
use super::owner::{Line, Perform, Request};
use super::stlink::Command;
use super::stlink::command::{Interface, Nrst};
use port::Port;
use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// A usual port, next to stlink-server's.
pub const PORT: u16 = 7185;
/// USB vendor and product, as probe-rs wants them before the place.
pub const IDS: &str = "20b7:9db1";

const IDENTIFIER: &[u8; 12] = b"probe-rs,v01";
/// In its place where another client holds the probe: probe-rs prints it, and there is no other way to say so.
const BUSY: &[u8; 12] = b"busy: in use";
/// Hz. Nothing here depends on it, or on its divisor.
const REFERENCE_CLOCK: u32 = 48_000_000;

/// The applet's own commands.
const IDENTIFY: u8 = 0x00;
const GET_REFERENCE_CLOCK: u8 = 0x10;
const GET_DIVISOR: u8 = 0x11;
const SET_DIVISOR: u8 = 0x12;
const ASSERT_RESET: u8 = 0x20;
const CLEAR_RESET: u8 = 0x21;

/// The two streams.
const ROOT: u8 = 0;
const SWD: u8 = 1;

/// Listens until dropped.
#[derive(Debug)]
pub struct Server<A: Address>(Listening<A>);

impl<A: Address> Server<A> {
    /// Takes connections at `door`, each in a thread of its own, for the owner behind `requests`.
    ///
    /// # Errors
    /// The door has no address, or a thread could not be started.
    pub fn start<D: Door<Address = A>>(door: D, requests: Sender<Request>) -> io::Result<Server<A>> {
        let client = move || {
            let line = Line::new(requests.clone());
            // Whatever ends a connection ends it alone.
            move |stream| drop(Session::new(line).talk(stream))
        };
        Listening::start(door, "glasgow", client).map(Server)
    }

    /// Where it listens.
    pub const fn place(&self) -> &A {
        self.0.place()
    }

    /// Waits until no client is there any more, for `limit` at most. Whether none is.
    pub fn wait_for_silence(&self, limit: Duration) -> bool {
        self.0.wait_for_silence(limit)
    }
}

struct Session {
    line: Line,
    /// Bytes of the streams that make no whole command yet.
    root: Vec<u8>,
    swd: Vec<u8>,
    divisor: u16,
    port: Port,
}

impl Session {
    const fn new(line: Line) -> Session {
        Session { line, root: Vec::new(), swd: Vec::new(), divisor: 0, port: Port::new() }
    }

    /// Answers frames until the client is gone, or out of step.
    fn talk(&mut self, mut stream: impl Read + Write) -> io::Result<()> {
        let mut frames = frame::Reader::default();
        let mut chunk = vec![0; 0x1_0000];
        loop {
            let count = stream.read(&mut chunk)?;
            if count == 0 {
                return Ok(());
            }
            frames.push(&chunk[..count]);
            loop {
                let frame = match frames.next_frame() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(frame::Stray) => return give_up(&mut stream),
                };
                let answer = match frame.split_first() {
                    Some((&ROOT, bytes)) => self.root(bytes),
                    Some((&SWD, bytes)) => self.swd(bytes),
                    _ => None,
                };
                let (Some(answer), Some(to)) = (answer, frame.first()) else { return give_up(&mut stream) };
                if !answer.is_empty() {
                    stream.write_all(&frame::encode(*to, &answer))?;
                }
            }
        }
    }

    /// The applet's own commands; none where the stream cannot be made out, or everything has ended.
    fn root(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.root.extend(bytes);
        let mut answer = Vec::new();
        let mut at = 0;
        while let Some(command) = self.root.get(at).copied() {
            at += 1;
            match command {
                IDENTIFY => {
                    let there = self.line.is_open() || self.open()?;
                    answer.extend(if there { IDENTIFIER } else { BUSY });
                }
                GET_REFERENCE_CLOCK => answer.extend(REFERENCE_CLOCK.to_le_bytes()),
                GET_DIVISOR => answer.extend(self.divisor.to_le_bytes()),
                SET_DIVISOR => {
                    let Some(divisor) = self.root.get(at..).and_then(<[u8]>::first_chunk) else {
                        at -= 1;
                        break;
                    };
                    self.divisor = u16::from_le_bytes(*divisor);
                    at += 2;
                }
                // Who does not hold the probe pulls at nothing.
                ASSERT_RESET | CLEAR_RESET => {
                    let level = if command == CLEAR_RESET { Nrst::High } else { Nrst::Low };
                    if self.line.is_open() {
                        self.line.command(Command::DriveNrst(level).encode(), Vec::new())?;
                    }
                }
                // Its length is unknown: there is no way on.
                _ => return None,
            }
        }
        self.root.drain(..at);
        Some(answer)
    }

    /// Takes the probe, and has it look for the chip. Whether it has it; none where everything has ended.
    fn open(&mut self) -> Option<bool> {
        if self.line.open() {
            self.line.command(Command::Enter(Interface::Swd).encode(), Vec::new())?;
        }
        Some(self.line.is_open())
    }

    /// What goes over the SWD line; none where everything has ended.
    fn swd(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.swd.extend(bytes);
        let (operations, used) = swd::parse(&self.swd);
        self.swd.drain(..used);
        if operations.is_empty() {
            return Some(Vec::new());
        }
        if !self.line.is_open() && !self.open()? {
            let silence = |o: &swd::Operation| matches!(o, swd::Operation::Transfer(_)).then_some(swd::NO_ANSWER);
            return Some(operations.iter().filter_map(silence).collect());
        }
        let mut port = self.port.clone();
        let (port, answer) = self.line.talk(move |perform: Perform| {
            let answer: Vec<u8> = operations.iter().flat_map(|o| port.perform(o, perform)).collect();
            (port, answer)
        })?;
        self.port = port;
        Some(answer)
    }
}

/// Says that there is no way on, by a frame for a stream that does not exist: on an end of the stream alone, probe-rs
/// would wait for good.
fn give_up(stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&frame::encode(0xFF, &[0]))
}
