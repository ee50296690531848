//! The libusb stand-in, as `serve` and `with` hand it to clients.

#[cfg(not(unix))]
pub use elsewhere::StandIn;
#[cfg(unix)]
pub use unix::StandIn;

#[cfg(unix)]
mod unix {
    use crate::cli::bench::create;
    use crate::probe::Model;
    use crate::probe::owner::Request;
    use crate::probe::socket::{LIBRARY, LIBRARY_NAME, Server, VARIABLE};
    use crate::shell;
    use anyhow::{Context, bail};
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::mpsc::Sender;
    use tempfile::TempDir;

    const PRELOAD: &str = "LD_PRELOAD";

    /// The library, and where its socket is.
    #[derive(Debug)]
    pub struct StandIn {
        library: PathBuf,
        socket: PathBuf,
        /// Removed when dropped.
        folder: TempDir,
    }

    impl StandIn {
        /// Puts the library into a folder of its own, and the socket too unless it has a place already.
        ///
        /// # Errors
        /// There is no stand-in for this system, or the folder cannot be written.
        pub fn prepare(socket: Option<&Path>) -> anyhow::Result<StandIn> {
            if LIBRARY.is_empty() {
                bail!(super::NONE);
            }
            let folder = tempfile::Builder::new().prefix("dryflash-").tempdir().context("no temporary folder")?;
            let library = folder.path().join(LIBRARY_NAME);
            create(&library, false)?.write_all(LIBRARY).with_context(|| format!("{}", library.display()))?;
            let socket = socket.map_or_else(|| folder.path().join("probe.sock"), Path::to_owned);
            Ok(StandIn { library, socket, folder })
        }

        /// A place for something of the session's, gone with it.
        pub fn beside(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// The variables that a client needs, as a shell takes them.
        pub fn variables(&self) -> String {
            let word = |path: &Path| shell::word(&path.display().to_string());
            format!("{PRELOAD}={} {VARIABLE}={}", word(&self.library), word(&self.socket))
        }

        /// Gives them to a command; what else is to be loaded before it stays.
        pub fn lend(&self, command: &mut Command) {
            let mut preload = self.library.clone().into_os_string();
            if let Some(others) = std::env::var_os(PRELOAD).filter(|o| !o.is_empty()) {
                preload.push(":");
                preload.push(others);
            }
            command.env(PRELOAD, preload).env(VARIABLE, &self.socket);
        }

        /// Starts the server.
        ///
        /// # Errors
        /// The socket cannot be made.
        pub fn serve(&self, model: Model, requests: Sender<Request>) -> anyhow::Result<Server> {
            Server::start(&self.socket, model, requests)
                .with_context(|| format!("cannot listen at {}", self.socket.display()))
        }
    }
}

/// Why there is none.
const NONE: &str =
    "there is no libusb stand-in for this system; `dryflash serve` has other ways in (--tcp, --usbip, --gdb)";

#[cfg(not(unix))]
mod elsewhere {
    use crate::probe::Model;
    use crate::probe::owner::Request;
    use anyhow::bail;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::mpsc::Sender;
    use std::time::Duration;

    /// There is none.
    #[derive(Debug)]
    pub enum StandIn {}

    impl StandIn {
        pub fn prepare(_socket: Option<&Path>) -> anyhow::Result<StandIn> {
            bail!(super::NONE)
        }

        pub fn beside(&self, _name: &str) -> PathBuf {
            match *self {}
        }

        pub fn variables(&self) -> String {
            match *self {}
        }

        pub fn lend(&self, _command: &mut Command) {
            match *self {}
        }

        pub fn serve(&self, _model: Model, _requests: Sender<Request>) -> anyhow::Result<Server> {
            match *self {}
        }
    }

    /// Nor is there a server.
    #[derive(Debug)]
    pub enum Server {}

    impl Server {
        pub fn wait_for_silence(&self, _limit: Duration) -> bool {
            match *self {}
        }

        pub fn claims(&self) -> u64 {
            match *self {}
        }

        pub fn looks(&self) -> u64 {
            match *self {}
        }
    }
}
