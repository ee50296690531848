//! The ports that `serve` and `with` open.

use crate::tell::tell;
use anyhow::{Context, bail};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

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

/// Reads where to listen: `127.0.0.1:7184`, `7184` and `:7184` (here), `localhost:0`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn endpoint(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = match host {
        "" | "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.trim_start_matches('[').trim_end_matches(']').parse().ok(),
    };
    match (host, port.parse()) {
        (Some(host), Ok(port)) => Ok(SocketAddr::new(host, port)),
        _ => Err(format!("'{text}' is no place to listen at: write it as 127.0.0.1:7184, 7184 or localhost:0")),
    }
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn places_to_listen_at() {
        for (text, read) in [
            ("127.0.0.1:7184", "127.0.0.1:7184"),
            ("7184", "127.0.0.1:7184"),
            (":0", "127.0.0.1:0"),
            ("localhost:0", "127.0.0.1:0"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(endpoint(text).map(|a| a.to_string()), Ok(read.to_owned()), "{text}");
        }
        for text in ["", "x", "127.0.0.1", "127.0.0.1:", "70000", "example.org:1", "app.bin", "-1"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }
}
