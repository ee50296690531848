//! The ways in to a virtual probe, as `serve` and `with` open them.

use super::bench::create;
use crate::probe::socket::{self, LIBRARY, LIBRARY_NAME, VARIABLE};
use anyhow::{Context, bail};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Refuses to listen where other machines can reach it, unless that is wanted; then warns.
///
/// # Errors
/// It is not wanted.
pub fn only_here(address: SocketAddr, anywhere: bool) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        if !anywhere {
            bail!("{address} can be reached from other machines; add --listen-anywhere if that is wanted");
        }
        eprintln!("dryflash: warning: whoever reaches {address} can read and change this virtual ESC");
    }
    Ok(())
}

/// Listens on a port.
///
/// # Errors
/// It is taken, or not allowed.
pub fn listen(address: SocketAddr, option: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}; {option} 127.0.0.1:0 picks a free port"))
}

/// The libusb stand-in and where its socket is.
#[derive(Debug)]
pub struct StandIn {
    /// The library.
    pub library: PathBuf,
    /// The socket.
    pub socket: PathBuf,
    /// Removed when dropped.
    _folder: TempDir,
}

impl StandIn {
    /// Puts the library into a folder of its own, and the socket too unless it has a place already.
    ///
    /// # Errors
    /// There is no stand-in for this system, or the folder cannot be written.
    pub fn prepare(socket: Option<&Path>) -> anyhow::Result<StandIn> {
        if LIBRARY.is_empty() {
            bail!("there is no libusb stand-in for this system: `dryflash serve` and its TCP server work here");
        }
        let folder = tempfile::Builder::new().prefix("dryflash-").tempdir().context("no temporary folder")?;
        let library = folder.path().join(LIBRARY_NAME);
        create(&library, false)?.write_all(LIBRARY).with_context(|| format!("{}", library.display()))?;
        let socket = socket.map_or_else(|| folder.path().join("probe.sock"), Path::to_owned);
        Ok(StandIn { library, socket, _folder: folder })
    }

    /// The variables that a client needs, as a shell takes them.
    pub fn variables(&self) -> String {
        format!("LD_PRELOAD={} {VARIABLE}={}", quoted(&self.library), quoted(&self.socket))
    }

    /// Starts the server.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn serve(
        &self,
        model: crate::probe::Model,
        requests: std::sync::mpsc::Sender<crate::probe::owner::Request>,
    ) -> anyhow::Result<socket::Server> {
        socket::Server::start(&self.socket, model, requests)
            .with_context(|| format!("cannot listen at {}", self.socket.display()))
    }
}

/// A path for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@,".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
