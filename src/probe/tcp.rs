//! The protocol of ST's stlink-server, as OpenOCD's driver speaks it: requests without framing, whose length follows
//! from their first byte.
//!
//! A connection that is cut in the middle of a request ends that client and nothing else: what it had not sent whole
//! was never carried out.

use super::listen::Listening;
use super::owner::{Line, Request};
use super::stlink::{COMMAND, Model};
use super::usb::SERIAL;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;

/// stlink-server's usual port.
pub const PORT: u16 = 7184;

/// Answers (OpenOCD calls them SS codes).
const OK: u32 = 0x1;
const BAD_PARAMETER: u32 = 0x1002;
const NO_COMMAND: u32 = 0x1053;
const BUSY: u32 = 0x2004;

/// API and version. From API 3 on OpenOCD sends batches over TCP as well.
const SERVER: [u32; 4] = [3, 2, 1, 1];

const DEVICE: u32 = 0x1234;
/// Bytes of the device's description.
const DESCRIPTION: u32 = 41;
/// The longest transfer that any command has.
const LONGEST: u32 = 0x1_0000;
/// Listens until dropped.
#[derive(Debug)]
pub struct Server(Listening);

impl Server {
    /// Takes connections on `listener`, each in a thread of its own, for the owner behind `requests`.
    ///
    /// # Errors
    /// The listener has no address, or a thread could not be started.
    pub fn start(listener: TcpListener, model: Model, requests: Sender<Request>) -> io::Result<Server> {
        let client = move || {
            let line = Line::new(requests.clone());
            // Whatever ends a connection ends it alone.
            move |stream| drop(Session { line, model }.talk(stream))
        };
        Listening::start(listener, "stlink-server", client).map(Server)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

struct Session {
    line: Line,
    model: Model,
}

impl Session {
    /// Answers requests until the client is gone, or out of step.
    fn talk(&mut self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        loop {
            let [opcode] = take(&mut stream)?;
            let reply = match opcode {
                0x00 => {
                    let [_] = take(&mut stream)?;
                    code(OK)
                }
                0x01 => 1u32.to_le_bytes().to_vec(),
                0x02 => {
                    let rest: [u8; 7] = take(&mut stream)?;
                    self.describe(rest)
                }
                0x03 => {
                    let rest: [u8; 7] = take(&mut stream)?;
                    self.open(word(&rest, 3))
                }
                0x04 => {
                    let rest: [u8; 7] = take(&mut stream)?;
                    self.close(word(&rest, 3))
                }
                0x05 => match self.transfer(&mut stream)? {
                    Some(reply) => reply,
                    None => return stream.write_all(&code(BAD_PARAMETER)),
                },
                0x06 => {
                    let [_, _, _] = take(&mut stream)?;
                    SERVER.iter().flat_map(|v| v.to_le_bytes()).collect()
                }
                // Its length is unknown: there is no way on.
                _ => return stream.write_all(&code(NO_COMMAND)),
            };
            stream.write_all(&reply)?;
        }
    }

    /// Id, serial number, USB ids and whether somebody has it for himself alone, cut to the size asked for.
    fn describe(&self, rest: [u8; 7]) -> Vec<u8> {
        let size = word(&rest, 3);
        if rest[0] != 0 || size > DESCRIPTION {
            return code(BAD_PARAMETER);
        }
        let mut device = DEVICE.to_le_bytes().to_vec();
        device.extend(SERIAL.bytes());
        device.resize(36, 0);
        device.extend(Model::VENDOR.to_le_bytes());
        device.extend(self.model.product().to_le_bytes());
        device.push(0);
        device.truncate(size as usize);
        [code(OK), device].concat()
    }

    fn open(&mut self, device: u32) -> Vec<u8> {
        if device != DEVICE {
            return code(BAD_PARAMETER);
        }
        if self.line.open() { [code(OK), self.id().to_le_bytes().to_vec()].concat() } else { code(BUSY) }
    }

    fn close(&mut self, id: u32) -> Vec<u8> {
        if !self.is_open(id) {
            return code(BAD_PARAMETER);
        }
        self.line.close();
        code(OK)
    }

    /// The number that the client's requests carry.
    const fn id(&self) -> u32 {
        self.line.client().number() as u32
    }

    const fn is_open(&self, id: u32) -> bool {
        self.line.is_open() && id == self.id()
    }

    /// A command with its transfer; none where the rest of the stream cannot be made out.
    fn transfer(&mut self, stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
        let rest: [u8; 31] = take(stream)?;
        let (id, direction, size) = (word(&rest, 3), rest[23], word(&rest, 27));
        if size > LONGEST {
            return Ok(None);
        }
        let mut command = [0; COMMAND];
        command.copy_from_slice(&rest[7..23]);
        let size = size as usize;
        let mut data = Vec::new();
        if direction == 0 {
            data.resize(size, 0);
            stream.read_exact(&mut data)?;
        }
        if !self.is_open(id) || !matches!(direction, 0 | 1 | 3) {
            return Ok(Some(code(BAD_PARAMETER)));
        }
        let mut reply = code(OK);
        match direction {
            // There is no trace data.
            3 => reply.resize(4 + size, 0),
            _ => {
                let bytes = self.line.command(command, data).ok_or(io::ErrorKind::BrokenPipe)?;
                if direction == 1 {
                    // The client waits for so many bytes, whatever the command gives.
                    reply.extend(bytes);
                    reply.resize(4 + size, 0);
                }
            }
        }
        Ok(Some(reply))
    }
}

fn take<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn code(code: u32) -> Vec<u8> {
    code.to_le_bytes().to_vec()
}

const fn word<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
