//! The libusb stand-in, as `serve` and `with` hand it to clients.

#[cfg(not(unix))]
pub use elsewhere::StandIn;
#[cfg(unix)]
pub use unix::StandIn;

#[cfg(unix)]
mod unix {
    use crate::files::{self, FileError, Scratch};
    use crate::probe::Model;
    use crate::probe::owner::Request;
    use crate::probe::socket::{LIBRARY, LIBRARY_NAME, Server, VARIABLE};
    use crate::shell;
    use anyhow::{Context, bail};
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::mpsc::Sender;

    const PRELOAD: &str = "LD_PRELOAD";

    /// A folder of its own, at the first place where a library can be preloaded from and a socket be made; and the places
    /// before that, with why not there.
    fn folder() -> anyhow::Result<(Scratch, Vec<String>)> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let usual = ["/tmp", "/dev/shm", "/var/tmp"].map(PathBuf::from);
        let mut why = Vec::new();
        for place in [std::env::temp_dir()].into_iter().chain(runtime).chain(usual) {
            let place = std::path::absolute(&place).unwrap_or(place);
            let made = unfit(&place)
                .map_or_else(|| Scratch::inside(&place).map_err(|e| files::why(&e)), |flaw| Err(flaw.to_owned()));
            match made {
                Ok(folder) => return Ok((folder, why)),
                Err(flaw) => why.push(format!("{}: {flaw}", place.display())),
            }
        }
        bail!("there is no place for the libusb stand-in; set TMPDIR to a folder that will do ({})", why.join("; "))
    }

    /// Why a stand-in cannot be in a folder.
    fn unfit(place: &Path) -> Option<&'static str> {
        /// What the socket's name adds at most, with the folder's own; a socket's whole path has 107 bytes.
        const LONGEST: usize = 107 - "/dryflash-XXXXXX/probe.sock".len();
        let bytes = place.as_os_str().as_bytes();
        // The loader takes LD_PRELOAD apart at the first two, and puts something in for the third.
        if bytes.iter().any(|b| b.is_ascii_whitespace() || b":$".contains(b)) {
            return Some("a blank, colon or dollar sign in its name, which LD_PRELOAD cannot have");
        }
        if bytes.len() > LONGEST {
            return Some("its name is too long for a socket in it");
        }
        #[cfg(target_os = "linux")]
        if rustix::fs::statvfs(place).is_ok_and(|s| s.f_flag.contains(rustix::fs::StatVfsMountFlags::NOEXEC)) {
            return Some("no program may be run from there");
        }
        None
    }

    /// The library, and where its socket is.
    #[derive(Debug)]
    pub struct StandIn {
        library: PathBuf,
        socket: PathBuf,
        /// Removed when dropped.
        folder: Scratch,
        passed_over: Vec<String>,
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
            let (folder, passed_over) = folder()?;
            let library = folder.path().join(LIBRARY_NAME);
            let made = std::fs::File::create_new(&library).and_then(|mut f| f.write_all(LIBRARY));
            made.with_context(|| format!("{} cannot be written", library.display()))?;
            let socket = socket.map_or_else(|| folder.path().join("probe.sock"), Path::to_owned);
            Ok(StandIn { library, socket, folder, passed_over })
        }

        /// A place for something of the session's, gone with it.
        pub fn beside(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// The folder that its own folder is in.
        pub fn place(&self) -> &Path {
            let own = self.folder.path();
            own.parent().unwrap_or(own)
        }

        /// Places that come before the one that it is in, with why they would not do.
        pub fn passed_over(&self) -> &[String] {
            &self.passed_over
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
            Server::start(&self.socket, model, requests).map_err(|e| FileError::new(&self.socket, e).into())
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

        pub fn place(&self) -> &Path {
            match *self {}
        }

        pub fn passed_over(&self) -> &[String] {
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
