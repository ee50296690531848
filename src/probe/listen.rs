//! A TCP listener with a thread for each client, as all fronts on a port have it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Clients at once; others are turned away.
const CLIENTS: usize = 16;

/// Listens until dropped. Clients that are there then are not ended by it.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl Listening {
    /// Takes connections on `listener`, and talks with each in a thread of its own, named after the front.
    ///
    /// # Errors
    /// The listener has no address, or a thread could not be started.
    pub fn start<T, F>(listener: TcpListener, front: &'static str, mut client: F) -> io::Result<Listening>
    where
        T: FnOnce(TcpStream) + Send + 'static,
        F: FnMut() -> T + Send + 'static,
    {
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&ended);
        thread::Builder::new().name(front.to_owned()).spawn(move || {
            let clients = Arc::new(AtomicUsize::new(0));
            for connection in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = connection else { continue };
                if clients.fetch_add(1, Ordering::Relaxed) >= CLIENTS {
                    clients.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (talk, counter) = (client(), Arc::clone(&clients));
                let work = move || {
                    talk(stream);
                    counter.fetch_sub(1, Ordering::Relaxed);
                };
                if thread::Builder::new().name(format!("{front} client")).spawn(work).is_err() {
                    clients.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Listening { address, ended })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}
