//! The ports that `serve` and `with` open.

use crate::tell::tell;
use anyhow::{Context, bail};
use std::net::{SocketAddr, TcpListener};

/// Refuses to listen where other machines can reach it, unless that is wanted; then warns.
///
/// # Errors
/// It is not wanted.
pub fn only_here(address: SocketAddr, anywhere: bool) -> anyhow::Result<()> {
    if !address.ip().is_loopback() {
        if !anywhere {
            bail!("{address} can be reached from other machines; add --listen-anywhere if that is wanted");
        }
        tell!("dryflash: warning: whoever reaches {address} can read and change this virtual ESC");
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
