//! The Unix socket for the libusb stand-in (`shim/`): bulk transfers as a USB bus would carry them.
//!
//! A connection is a USB handle. It has the probe while it has claimed it, or from its first transfer on; cut in the
//! middle of a transfer, it ends, and what had not come whole was never carried out.

use super::listen::bind;
use super::owner::{Line, Request};
use super::stlink::Model;
use super::usb::{self, Assembler};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What goes over the socket; the stand-in has the same file.
#[path = "../../shim/src/wire.rs"]
mod wire;

/// The variable in which the stand-in looks for the socket.
pub const VARIABLE: &str = "DRYFLASH_SOCKET";

/// The file name that the dynamic loader knows the library by.
pub const LIBRARY_NAME: &str = "libusb-1.0.so.0";

/// The stand-in itself, a shared library for this machine; empty where there is none for it.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libusb-1.0.so.0"));

/// Clients at once; others are turned away. A client opens several handles while it looks for probes.
const CLIENTS: usize = 64;

/// Listens until dropped; the socket's file goes with it.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    clients: Arc<Clients>,
}

/// Who is there.
#[derive(Debug, Default)]
struct Clients {
    now: Mutex<usize>,
    fewer: Condvar,
    claims: AtomicU64,
    looks: AtomicU64,
}

impl Clients {
    fn enter(&self) -> bool {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let room = *now < CLIENTS;
        *now += usize::from(room);
        room
    }

    fn leave(&self) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.fewer.notify_all();
    }
}

impl Server {
    /// Listens at `path` for the owner behind `requests`. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// The path is too long for a socket, something is there already, or it cannot be made.
    pub fn start(path: &Path, model: Model, requests: Sender<Request>) -> io::Result<Server> {
        let listener = bind(path)?;
        let ended = Arc::new(AtomicBool::new(false));
        let clients = Arc::new(Clients::default());
        let (flag, all) = (Arc::clone(&ended), Arc::clone(&clients));
        thread::Builder::new().name("usb socket".to_owned()).spawn(move || {
            for connection in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = connection else { continue };
                if !all.enter() {
                    continue;
                }
                let (requests, clients) = (requests.clone(), Arc::clone(&all));
                let talk = move || {
                    let mut handle = Handle::new(Line::new(requests), model);
                    // Whatever ends a connection ends it alone.
                    let _ = handle.talk(stream, &clients);
                    drop(handle);
                    clients.leave();
                };
                if thread::Builder::new().name("usb handle".to_owned()).spawn(talk).is_err() {
                    all.leave();
                }
            }
        })?;
        Ok(Server { path: path.to_owned(), ended, clients })
    }

    /// Waits until no client is there any more, for `limit` at most. Whether none is.
    pub fn wait_for_silence(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut now = self.clients.now.lock().unwrap_or_else(PoisonError::into_inner);
        while *now > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            now = self.clients.fewer.wait_timeout(now, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// How many times a client has claimed the probe.
    pub fn claims(&self) -> u64 {
        self.clients.claims.load(Ordering::Relaxed)
    }

    /// How many times a client has asked which devices there are.
    pub fn looks(&self) -> u64 {
        self.clients.looks.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees the flag.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

struct Handle {
    line: Line,
    model: Model,
    assembler: Assembler,
    /// What IN transfers fetch.
    reply: VecDeque<u8>,
    /// What became of an OUT that was not answered.
    trouble: Option<u32>,
}

impl Handle {
    fn new(line: Line, model: Model) -> Handle {
        Handle { line, model, assembler: Assembler::default(), reply: VecDeque::new(), trouble: None }
    }

    /// Answers requests until the client is gone, or out of step.
    fn talk(&mut self, mut stream: UnixStream, clients: &Clients) -> io::Result<()> {
        loop {
            let mut head = [0; wire::HEAD];
            stream.read_exact(&mut head)?;
            let ([what, endpoint, ..], (_, length)) = (head, wire::numbers(head));
            if length > wire::LONGEST {
                return stream.write_all(&wire::head(wire::REFUSED, 0));
            }
            let mut data = Vec::new();
            if matches!(what, wire::BULK_OUT | wire::BULK_OUT_ONLY) {
                data.resize(length as usize, 0);
                stream.read_exact(&mut data)?;
            }
            let held = self.line.is_open();
            let answer = match what {
                wire::DESCRIBE => Ok(describe(self.model)),
                wire::CLAIM => self.claim().map(|()| Vec::new()),
                wire::LOOK => {
                    clients.looks.fetch_add(1, Ordering::Relaxed);
                    Ok(Vec::new())
                }
                wire::RELEASE => {
                    self.line.close();
                    Ok(Vec::new())
                }
                wire::BULK_OUT | wire::BULK_OUT_ONLY => self.out(endpoint, &data),
                wire::BULK_IN => self.fetch(endpoint, length as usize),
                // Its length is unknown: there is no way on.
                _ => return stream.write_all(&wire::head(wire::REFUSED, 0)),
            };
            if !held && self.line.is_open() {
                clients.claims.fetch_add(1, Ordering::Relaxed);
            }
            if what == wire::BULK_OUT_ONLY {
                // The first trouble is the one that is told.
                self.trouble = self.trouble.or(answer.err());
                continue;
            }
            let (code, bytes) = match answer {
                Ok(bytes) => (wire::OK, bytes),
                Err(code) => (code, Vec::new()),
            };
            stream.write_all(&[wire::head(code, bytes.len() as u32).as_slice(), &bytes].concat())?;
        }
    }

    fn claim(&mut self) -> Result<(), u32> {
        if self.line.is_open() || self.line.open() { Ok(()) } else { Err(wire::BUSY) }
    }

    fn out(&mut self, endpoint: u8, data: &[u8]) -> Result<Vec<u8>, u32> {
        if endpoint != usb::OUT {
            return Err(wire::REFUSED);
        }
        self.claim()?;
        if let Some(command) = self.assembler.push(data).map_err(|_| wire::STALL)? {
            // What nobody fetched is lost, as in the probe's one buffer.
            self.reply = self.line.command(command.command, command.data).ok_or(wire::REFUSED)?.into();
        }
        Ok(Vec::new())
    }

    fn fetch(&mut self, endpoint: u8, length: usize) -> Result<Vec<u8>, u32> {
        match endpoint {
            usb::IN if self.trouble.is_some() => return Err(self.trouble.take().unwrap_or(wire::REFUSED)),
            usb::IN => self.claim()?,
            // There is no trace data.
            usb::SWO => return Err(wire::NOTHING),
            _ => return Err(wire::REFUSED),
        }
        if self.reply.is_empty() {
            return Err(wire::NOTHING);
        }
        Ok(self.reply.drain(..length.min(self.reply.len())).collect())
    }
}

fn describe(model: Model) -> Vec<u8> {
    let strings = (0..).map_while(usb::string_descriptor).flatten();
    [&usb::device_descriptor(model)[..], &usb::configuration_descriptor()].concat().into_iter().chain(strings).collect()
}
