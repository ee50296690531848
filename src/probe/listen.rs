//! A listener with a thread for each client, as fronts on a port or at a Unix socket have it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Clients at once; others are turned away.
const CLIENTS: usize = 16;

/// How often silence is looked for.
const AGAIN: Duration = Duration::from_millis(5);

/// Where clients come in.
pub trait Door: Send + 'static {
    /// A connection.
    type Stream: Read + Write + Send + 'static;
    /// Where it is.
    type Address: Address;

    /// Where it is.
    ///
    /// # Errors
    /// It has no address.
    fn place(&self) -> io::Result<Self::Address>;

    /// Waits for the next client.
    ///
    /// # Errors
    /// It is gone already.
    fn next_client(&self) -> io::Result<Self::Stream>;
}

/// Where a door is.
pub trait Address: Send {
    /// Wakes whoever waits for clients there, and takes the place away.
    fn close(&self);
}

impl Door for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn place(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn next_client(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept()?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Address for SocketAddr {
    fn close(&self) {
        let _ = TcpStream::connect(self);
    }
}

#[cfg(unix)]
impl Door for UnixListener {
    type Stream = UnixStream;
    type Address = PathBuf;

    fn place(&self) -> io::Result<PathBuf> {
        let address = self.local_addr()?;
        address.as_pathname().map(Path::to_owned).ok_or_else(|| io::Error::other("a socket without a path"))
    }

    fn next_client(&self) -> io::Result<UnixStream> {
        Ok(self.accept()?.0)
    }
}

#[cfg(unix)]
impl Address for PathBuf {
    fn close(&self) {
        let _ = UnixStream::connect(self);
        let _ = std::fs::remove_file(self);
    }
}

/// Listens at a Unix socket. One that nobody listens at any more is replaced.
///
/// # Errors
/// The path is too long for a socket, something is there already, or it cannot be made.
#[cfg(unix)]
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    // A file that is no socket refuses connections, too.
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused) {
        std::fs::remove_file(path)?;
    }
    UnixListener::bind(path).map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => {
            let what = match is_socket {
                true => "somebody listens at this socket already; name another one",
                false => "something that is no socket has this name; name a socket that is not there yet, or remove it",
            };
            io::Error::new(io::ErrorKind::AddrInUse, what)
        }
        io::ErrorKind::InvalidInput => {
            io::Error::new(io::ErrorKind::InvalidInput, "a socket's path has 107 bytes at most; name a shorter one")
        }
        io::ErrorKind::NotFound => io::Error::new(
            io::ErrorKind::NotFound,
            "the folder that the socket is to be in is not there; make it first",
        ),
        _ => e,
    })
}

/// Listens until dropped. Clients that are there then are not ended by it.
#[derive(Debug)]
pub struct Listening<A: Address = SocketAddr> {
    address: A,
    ended: Arc<AtomicBool>,
    clients: Arc<AtomicUsize>,
}

impl<A: Address> Listening<A> {
    /// Takes connections at `door`, and talks with each in a thread of its own, named after the front.
    ///
    /// # Errors
    /// The door has no address, or a thread could not be started.
    pub fn start<D, T, F>(door: D, front: &'static str, mut client: F) -> io::Result<Listening<A>>
    where
        D: Door<Address = A>,
        T: FnOnce(D::Stream) + Send + 'static,
        F: FnMut() -> T + Send + 'static,
    {
        let address = door.place()?;
        let ended = Arc::new(AtomicBool::new(false));
        let clients = Arc::new(AtomicUsize::new(0));
        let (flag, clients_there) = (Arc::clone(&ended), Arc::clone(&clients));
        thread::Builder::new().name(front.to_owned()).spawn(move || {
            loop {
                let connection = door.next_client();
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = connection else { continue };
                if clients_there.fetch_add(1, Ordering::Relaxed) >= CLIENTS {
                    clients_there.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (talk, counter) = (client(), Arc::clone(&clients_there));
                let work = move || {
                    talk(stream);
                    counter.fetch_sub(1, Ordering::Relaxed);
                };
                if thread::Builder::new().name(format!("{front} client")).spawn(work).is_err() {
                    clients_there.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Listening { address, ended, clients })
    }

    /// Where it listens.
    pub const fn place(&self) -> &A {
        &self.address
    }

    /// Waits until no client is there any more, for `limit` at most. Whether none is.
    pub fn wait_for_silence(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        while self.clients.load(Ordering::Relaxed) > 0 {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(AGAIN);
        }
        true
    }
}

impl Listening {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl<A: Address> Drop for Listening<A> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        self.address.close();
    }
}
