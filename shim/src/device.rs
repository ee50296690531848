//! The device at the other end of the socket.

use crate::quiet::Quiet;
use crate::wire;
use std::env;
use std::ffi::CString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Where the virtual probe is.
pub const SOCKET: &str = "DRYFLASH_SOCKET";

/// What the probe says of itself.
pub struct Description {
    /// The device descriptor.
    pub device: [u8; 18],
    /// The configuration descriptor, with all that belongs to it.
    pub configuration: Vec<u8>,
    /// String descriptors, by index.
    pub strings: Vec<Vec<u8>>,
}

/// How a transfer ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing has come yet.
    Nothing,
    /// Another handle has the probe.
    Busy,
    /// The endpoint stalls.
    Stall,
    /// No such endpoint, or not claimed.
    Refused,
    /// The probe is gone.
    Gone,
}

/// A connection.
pub struct Connection {
    /// None once it is closed.
    stream: Mutex<Option<UnixStream>>,
}

impl Connection {
    /// Dials the probe.
    pub fn dial() -> io::Result<Connection> {
        let path = env::var_os(SOCKET).ok_or_else(|| io::Error::other(format!("{SOCKET} is not set")))?;
        Ok(Connection { stream: Mutex::new(Some(UnixStream::connect(path)?)) })
    }

    /// Hangs up. Whoever asks afterwards is told that the probe is gone.
    pub fn close(&self) {
        let _quiet = Quiet::now();
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// One request and its answer. Signals wait meanwhile: a handler may talk to the probe itself.
    pub fn ask(&self, what: u8, endpoint: u8, length: u32, data: &[u8]) -> Result<Vec<u8>, Trouble> {
        let _quiet = Quiet::now();
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = stream.as_mut() else { return Err(Trouble::Gone) };
        let head = wire::head(u32::from(what) | u32::from(endpoint) << 8, length);
        let answer = (|| -> io::Result<(u32, Vec<u8>)> {
            stream.write_all(&[&head, data].concat())?;
            let mut head = [0; wire::HEAD];
            stream.read_exact(&mut head)?;
            let (code, length) = wire::numbers(head);
            let mut bytes = vec![0; length.min(wire::LONGEST) as usize];
            stream.read_exact(&mut bytes)?;
            Ok((code, bytes))
        })();
        match answer {
            Ok((wire::OK, bytes)) => Ok(bytes),
            Ok((wire::NOTHING, _)) => Err(Trouble::Nothing),
            Ok((wire::BUSY, _)) => Err(Trouble::Busy),
            Ok((wire::STALL, _)) => Err(Trouble::Stall),
            Ok((wire::REFUSED, _)) => Err(Trouble::Refused),
            Ok(_) | Err(_) => Err(Trouble::Gone),
        }
    }
}

impl Connection {
    /// A bulk OUT transfer, which nobody waits for: a client that wants to know what came of it fetches a reply, and is
    /// told then. It saves every command a round trip.
    pub fn send(&self, endpoint: u8, data: &[u8]) -> Result<(), Trouble> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = stream.as_mut() else { return Err(Trouble::Gone) };
        let head = wire::head(u32::from(wire::BULK_OUT_ONLY) | u32::from(endpoint) << 8, data.len() as u32);
        stream.write_all(&[&head, data].concat()).map_err(|_| Trouble::Gone)
    }
}

/// What the probe says of itself; none, and a word about it, where nobody answers.
pub fn description() -> Option<&'static Description> {
    static KNOWN: OnceLock<Description> = OnceLock::new();
    static TOLD: OnceLock<()> = OnceLock::new();
    let _quiet = Quiet::now();
    if let Some(known) = KNOWN.get() {
        return Some(known);
    }
    let asked = Connection::dial().and_then(|c| {
        let bytes = c.ask(wire::DESCRIBE, 0, 0, &[]).map_err(|_| io::Error::other("nobody answers"))?;
        parse(&bytes).ok_or_else(|| io::Error::other("it is another version of dryflash"))
    });
    match asked {
        Ok(description) => Some(KNOWN.get_or_init(|| description)),
        Err(error) => {
            TOLD.get_or_init(|| {
                let place = env::var_os(SOCKET).unwrap_or_default();
                let why = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "it is another user's: dryflash has to be started as the user as whom this runs".to_owned()
                    }
                    _ => error.to_string(),
                };
                let text = format!("dryflash: no virtual probe at {SOCKET}={}: {why}\n", place.to_string_lossy());
                // Where standard error is full or gone, the client goes on all the same.
                let _ = io::stderr().write_all(text.as_bytes());
            });
            None
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Description> {
    let (device, rest) = bytes.split_first_chunk::<18>()?;
    let total = usize::from(u16::from_le_bytes([*rest.get(2)?, *rest.get(3)?]));
    let (configuration, mut rest) = rest.split_at_checked(total)?;
    let mut strings = Vec::new();
    while let Some(length) = rest.first() {
        let (string, after) = rest.split_at_checked(usize::from(*length).max(2))?;
        strings.push(string.to_vec());
        rest = after;
    }
    Some(Description { device: *device, configuration: configuration.to_vec(), strings })
}

impl Description {
    /// The vendor's and the product's id.
    pub const fn ids(&self) -> (u16, u16) {
        let d = &self.device;
        (u16::from_le_bytes([d[8], d[9]]), u16::from_le_bytes([d[10], d[11]]))
    }

    /// A string as ASCII.
    pub fn text(&self, index: u8) -> Option<CString> {
        let string = self.strings.get(usize::from(index)).filter(|_| index > 0)?;
        let (units, _) = string.get(2..)?.as_chunks::<2>();
        let ascii: Vec<u8> = units
            .iter()
            .map(|unit| u8::try_from(u16::from_le_bytes(*unit)).ok().filter(u8::is_ascii).unwrap_or(b'?'))
            .collect();
        CString::new(ascii).ok()
    }

    /// A descriptor as GET_DESCRIPTOR gives it.
    pub fn descriptor(&self, kind: u8, index: u8) -> Option<&[u8]> {
        match kind {
            1 => Some(&self.device),
            2 if index == 0 => Some(&self.configuration),
            3 => self.strings.get(usize::from(index)).map(Vec::as_slice),
            _ => None,
        }
    }
}
