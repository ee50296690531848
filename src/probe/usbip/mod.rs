//! A USB/IP server: the probe as a device on another machine's bus, for every client of a kernel with vhci-hcd.
//!
//! IN transfers wait until there is something, and can be taken back, as on a real bus. A connection that is cut ends
//! its import and nothing else.

mod device;
mod wire;

use super::listen::Listening;
use super::owner::{Line, Request as ToOwner};
use super::stlink::Model;
use device::Device;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::Sender;
use wire::Request;

/// The usual port.
pub const PORT: u16 = 3240;

/// The longest transfer.
const LONGEST: u32 = 0x1_0000;
/// Listens until dropped.
#[derive(Debug)]
pub struct Server(Listening);

impl Server {
    /// Takes connections on `listener`, each in a thread of its own, for the owner behind `requests`.
    ///
    /// # Errors
    /// The listener has no address, or a thread could not be started.
    pub fn start(listener: TcpListener, model: Model, requests: Sender<ToOwner>) -> io::Result<Server> {
        let client = move || {
            let line = Line::new(requests.clone());
            // Whatever ends a connection ends it alone.
            move |stream| drop(talk(stream, model, line))
        };
        Listening::start(listener, "usbip", client).map(Server)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// Lists devices until one is imported, then carries transfers.
fn talk(mut stream: TcpStream, model: Model, mut line: Line) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let (version, code) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
        // Nobody speaks another version; whoever does is answered with ours and is free to go.
        if version != wire::VERSION {
            return stream.write_all(&wire::operation(code & 0x7FFF, wire::ST_NODEV));
        }
        match code {
            wire::REQ_DEVLIST => {
                let list = [wire::operation(wire::REP_DEVLIST, wire::ST_OK), 1u32.to_be_bytes().to_vec()].concat();
                stream.write_all(&[list, wire::device(model, true)].concat())?;
            }
            wire::REQ_IMPORT => {
                let mut bus_id = [0; wire::BUS_ID];
                stream.read_exact(&mut bus_id)?;
                let asked = bus_id.split(|b| *b == 0).next().unwrap_or_default();
                if asked != wire::THIS_BUS_ID.as_bytes() {
                    stream.write_all(&wire::operation(wire::REP_IMPORT, wire::ST_NODEV))?;
                } else if !line.open() {
                    stream.write_all(&wire::operation(wire::REP_IMPORT, wire::ST_DEV_BUSY))?;
                } else {
                    let answer = wire::operation(wire::REP_IMPORT, wire::ST_OK);
                    stream.write_all(&[answer, wire::device(model, false)].concat())?;
                    return carry(&mut stream, Device::new(line, model));
                }
            }
            // Its length is unknown: there is no way on.
            _ => return Ok(()),
        }
    }
}

/// Carries transfers until the host is gone, or out of step.
fn carry(stream: &mut TcpStream, mut device: Device) -> io::Result<()> {
    loop {
        let mut head = [0; wire::HEAD];
        stream.read_exact(&mut head)?;
        let Some(request) = Request::parse(&head) else { return Ok(()) };
        let mut data = Vec::new();
        if let Request::Submit { is_in, length, .. } = request {
            if length > LONGEST {
                return Ok(());
            }
            if !is_in {
                data.resize(length as usize, 0);
                stream.read_exact(&mut data)?;
            }
        }
        let Ok(answer) = device.request(request, data) else { return Ok(()) };
        if !answer.is_empty() {
            stream.write_all(&answer)?;
        }
    }
}
