//! The listener, and the loop of a session: bytes from gdb, time for the core, stops back to gdb.

use super::packets::{self, Framer, LONGEST, Piece};
use super::session::{Gone, Session};
use crate::part::Part;
use crate::probe::listen::Listening;
use crate::probe::owner::{Line, Request};
use crate::tell::tell;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStubBuilder, GdbStubError};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Where gdb servers of probes usually listen.
pub const PORT: u16 = 3333;

/// Cycles that a continuing core gets between two looks at what gdb sends.
const SLICE: u64 = 400_000;
/// How long a core is left alone for which time does not pass, between two looks.
const IDLE: Duration = Duration::from_millis(20);

type Talking = Arc<Mutex<Option<TcpStream>>>;

/// Listens until dropped, which ends the session as well.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
    talking: Talking,
}

impl Server {
    /// Takes connections on `listener`, each in a thread of its own, for the chip, a `part`, of the owner behind
    /// `requests`. What goes wrong in a session is told on standard error, and ends that session alone.
    ///
    /// # Errors
    /// The listener has no address, or a thread could not be started.
    pub fn start(listener: TcpListener, part: Arc<Part>, requests: Sender<Request>) -> io::Result<Server> {
        let talking = Talking::default();
        let current = Arc::clone(&talking);
        let client = move || {
            let session = Session::new(Line::new(requests.clone()), Arc::clone(&part));
            let current = Arc::clone(&current);
            move |stream| talk(session, stream, &current)
        };
        Ok(Server { listening: Listening::start(listener, "gdb server", client)?, talking })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.listening.address()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stream) = self.talking.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A session from its connection to its end.
fn talk(mut session: Session, stream: TcpStream, talking: &Talking) {
    match session.attach() {
        Ok(true) => {}
        Ok(false) => {
            tell!("dryflash: gdb: another client holds the probe; the connection is closed");
            return;
        }
        Err(gone) => {
            tell!("dryflash: gdb: {gone}; the connection is closed");
            return;
        }
    }
    if let Ok(other) = stream.try_clone() {
        *talking.lock().unwrap_or_else(PoisonError::into_inner) = Some(other);
    }
    // The engine of the protocol is not ours: should it fail, the session ends and nothing else.
    let result = catch_unwind(AssertUnwindSafe(|| Wire::new(stream).and_then(|wire| serve(wire, &mut session))));
    // Before the probe is free, and another session may be the one that talks.
    talking.lock().unwrap_or_else(PoisonError::into_inner).take();
    let ended = match result {
        Ok(Ok(())) => None,
        // gdb is gone, or has been shown out.
        Ok(Err(error)) if error.kind() != ErrorKind::InvalidData => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("the session failed; this is a bug, please report it".to_owned()),
    };
    if let Some(ended) = ended {
        tell!("dryflash: gdb: {ended}; the connection is closed");
    }
    session.detach();
}

/// gdb's end of the connection.
struct Wire {
    stream: TcpStream,
    out: Vec<u8>,
    /// The last reply, should it be wanted again.
    last: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        Ok(Wire { stream, out: Vec::new(), last: Vec::new() })
    }

    fn send(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.stream.set_nonblocking(false)?;
        Write::write_all(&mut self.stream, &self.out)?;
        std::mem::swap(&mut self.out, &mut self.last);
        self.out.clear();
        Ok(())
    }

    /// What gdb has sent; none where nothing came and nobody wants to wait.
    fn receive(&mut self, wait: bool) -> io::Result<Option<Vec<u8>>> {
        self.stream.set_nonblocking(!wait)?;
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => Ok(Some(bytes[..length].to_vec())),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Connection for Wire {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> io::Result<()> {
        self.out.push(byte);
        Ok(())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.extend(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

type Machine<'a> = GdbStubStateMachine<'a, Session, Wire>;

/// A session's end for a reason that is worth telling.
fn failed(error: GdbStubError<Gone, io::Error>) -> io::Error {
    if error.is_connection_error() {
        return error.into_connection_error().map_or(ErrorKind::Other.into(), |(error, _)| error);
    }
    if error.is_target_error() {
        return error.into_target_error().map_or(ErrorKind::Other.into(), gone);
    }
    io::Error::new(ErrorKind::InvalidData, format!("gdb's packet makes no sense: {error}"))
}

fn gone(gone: Gone) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, gone)
}

fn wire<'b>(machine: &'b mut Machine<'_>) -> &'b mut Wire {
    match machine {
        GdbStubStateMachine::Idle(inner) => inner.borrow_conn(),
        GdbStubStateMachine::Running(inner) => inner.borrow_conn(),
        GdbStubStateMachine::CtrlCInterrupt(inner) => inner.borrow_conn(),
        GdbStubStateMachine::Disconnected(inner) => inner.borrow_conn(),
    }
}

/// Talks until gdb is gone.
fn serve(connection: Wire, session: &mut Session) -> io::Result<()> {
    let stub = GdbStubBuilder::new(connection)
        .packet_buffer_size(LONGEST)
        .build()
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?;
    let mut machine: Machine<'_> = stub.run_state_machine(session).map_err(failed)?;
    let mut framer = Framer::default();
    loop {
        while let Some(piece) = framer.next() {
            machine = take(machine, piece, session)?;
            wire(&mut machine).send()?;
            if let GdbStubStateMachine::Disconnected(inner) = machine {
                let goes_on = inner.get_reason() == DisconnectReason::Disconnect && session.is_extended();
                session.detach();
                if !goes_on {
                    return Ok(());
                }
                machine = inner.return_to_idle();
            }
        }
        let running = matches!(machine, GdbStubStateMachine::Running(_));
        if let Some(bytes) = wire(&mut machine).receive(!running)? {
            framer.push(&bytes);
            continue;
        }
        if let GdbStubStateMachine::Running(mut inner) = machine {
            let (stop, idle) = session.run(SLICE).map_err(gone)?;
            let notes = session.take_notes();
            if !notes.is_empty() {
                inner.borrow_conn().write_all(&packets::console(&notes))?;
                inner.borrow_conn().send()?;
            }
            machine = match stop {
                Some(reason) => inner.report_stop(session, reason).map_err(failed)?,
                None => inner.into(),
            };
            if idle {
                thread::sleep(IDLE);
            }
        }
    }
}

/// One thing that gdb sent.
fn take<'a>(mut machine: Machine<'a>, piece: Piece, session: &mut Session) -> io::Result<Machine<'a>> {
    let bytes: VecDeque<u8> = match piece {
        Piece::Interrupt if !matches!(machine, GdbStubStateMachine::Running(_)) => return Ok(machine),
        Piece::Interrupt => [0x03].into(),
        Piece::Packet(packet) => {
            if packets::memory_asked(&packet).is_some_and(|n| n > packets::MOST_MEMORY as u64) {
                wire(&mut machine).write_all(&[b"+".as_slice(), &packets::packet(b"E16")].concat())?;
                return Ok(machine);
            }
            // The engine takes it for a damaged `qC`. Refused, gdb reads the memory instead.
            if packet.starts_with(b"$qCRC:") {
                wire(&mut machine).write_all(&[b"+".as_slice(), &packets::packet(b"")].concat())?;
                return Ok(machine);
            }
            packet.into()
        }
        Piece::Damaged => {
            wire(&mut machine).write(b'-')?;
            return Ok(machine);
        }
        Piece::Again => {
            let wire = wire(&mut machine);
            wire.out = wire.last.clone();
            return Ok(machine);
        }
        Piece::TooLong => {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                format!("gdb's packet is longer than the {LONGEST} bytes that were agreed"),
            ));
        }
    };
    for byte in bytes {
        machine = match machine {
            GdbStubStateMachine::Idle(inner) => inner.incoming_data(session, byte).map_err(failed)?,
            GdbStubStateMachine::Running(inner) => inner.incoming_data(session, byte).map_err(failed)?,
            other => other,
        };
        if let GdbStubStateMachine::CtrlCInterrupt(inner) = machine {
            let reason = session.interrupt().map_err(gone)?;
            machine = inner.interrupt_handled(session, Some(reason)).map_err(failed)?;
        }
    }
    if matches!(machine, GdbStubStateMachine::Idle(_)) {
        session.tick().map_err(gone)?;
    }
    Ok(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Chip;
    use crate::part;
    use crate::probe::owner::{self, Watch};
    use crate::probe::{Model, StLink};
    use std::sync::mpsc::channel;

    struct Nobody;

    impl Watch for Nobody {}

    #[test]
    fn dropped_it_ends_its_session_and_listens_no_more() {
        let (sender, requests) = channel();
        let part = part::find("F051").unwrap();
        let owner = thread::spawn({
            let part = Arc::clone(&part);
            move || {
                let mut chip = Chip::new(&part, 1).unwrap();
                chip.power_on();
                owner::serve(&mut StLink::new(chip, Model::V2), &requests, &mut Nobody);
            }
        });
        let server = Server::start(TcpListener::bind("127.0.0.1:0").unwrap(), part, sender.clone()).unwrap();
        let mut client = TcpStream::connect(server.address()).unwrap();
        Write::write_all(&mut client, &packets::packet(b"?")).unwrap();
        let mut reply = [0; 4];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+$T0");
        let address = server.address();
        drop(server);
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        // The listener wakes once more, sees that it is over, and is gone.
        let gone = (0..500).any(|_| {
            thread::sleep(Duration::from_millis(10));
            TcpStream::connect(address).is_err()
        });
        assert!(gone);
        sender.send(Request::Stop).unwrap();
        owner.join().unwrap();
    }
}
