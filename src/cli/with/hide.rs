//! Real probes, out of sight of the client and of all that it starts.
//!
//! The client gets a mount namespace of its own (in a user namespace of its own, where that is what the kernel lets one)
//! with empty folders over `/dev/bus/usb` and `/sys/bus/usb`, and `/dev/null` over each `/dev/hidraw*`, `/dev/ttyACM*` and
//! `/dev/ttyUSB*`. Then even what drops `LD_PRELOAD` finds no hardware.

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use std::ffi::{CStr, CString};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Where the kernel keeps USB devices.
const FOLDERS: [&CStr; 2] = [c"/dev/bus/usb", c"/sys/bus/usb"];

/// What else leads to probes and ESCs, in `/dev`: raw HID devices and serial ports.
const NODES: [&str; 3] = ["hidraw", "ttyACM", "ttyUSB"];

/// Tests set this to see what happens where the kernel lets nothing be hidden.
const TEST_NONE: &str = "DRYFLASH_TEST_NO_NAMESPACES";

/// What is to be hidden, looked up beforehand: between fork and exec nothing may be allocated.
#[derive(Debug)]
pub struct Hide {
    nodes: Vec<CString>,
    user: String,
    group: String,
}

impl Hide {
    /// Where the kernel lets one hide anything; it is tried, in a process that then ends.
    ///
    /// # Errors
    /// No process can be started.
    pub fn possible() -> anyhow::Result<Option<Hide>> {
        if std::env::var_os(TEST_NONE).is_some() {
            return Ok(None);
        }
        let hide = Arc::new(Hide::plan());
        let (mut told, tell) = io::pipe().context("no pipe")?;
        let tell = OwnedFd::from(tell);
        let mut command = Command::new("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let tried = Arc::clone(&hide);
        let trial = move || {
            if tried.apply().is_ok() {
                let _ = nix::unistd::write(&tell, b"y");
            }
            // There is nothing to run.
            Err(io::Error::from(Errno::ECANCELED))
        };
        // SAFETY: the closure makes system calls only, on what was allocated before.
        unsafe { command.pre_exec(trial) };
        let _ = command.spawn();
        // The other end of the pipe with it.
        drop(command);
        let mut answer = Vec::new();
        told.read_to_end(&mut answer).context("no answer from a process of one's own")?;
        Ok(Arc::into_inner(hide).filter(|_| !answer.is_empty()))
    }

    fn plan() -> Hide {
        let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
        let wanted = |name: &[u8]| NODES.iter().any(|n| name.starts_with(n.as_bytes()));
        let nodes = entries.filter(|e| wanted(e.file_name().as_bytes()));
        let nodes = nodes.filter_map(|e| CString::new(e.path().as_os_str().as_bytes()).ok()).collect();
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        Hide { nodes, user: format!("{user} {user} 1"), group: format!("{group} {group} 1") }
    }

    /// Has a command see none of it, nor what it starts.
    pub fn from(self, command: &mut Command) {
        // SAFETY: the closure makes system calls only, on what was allocated before.
        unsafe { command.pre_exec(move || self.apply().map_err(io::Error::from)) };
    }

    /// Hides it from this process, which has one thread.
    fn apply(&self) -> nix::Result<()> {
        if unshare(CloneFlags::CLONE_NEWNS).is_err() {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
            // Older kernels have no such file, and need none.
            let _ = write(c"/proc/self/setgroups", b"deny");
            write(c"/proc/self/uid_map", self.user.as_bytes())?;
            write(c"/proc/self/gid_map", self.group.as_bytes())?;
        }
        let none = None::<&CStr>;
        // What is mounted here stays here; what is mounted elsewhere still comes.
        mount(none, c"/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)?;
        let empty = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        for folder in FOLDERS {
            match mount(Some(c"dryflash"), folder, Some(c"tmpfs"), empty, Some(c"size=4k,mode=755")) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        for node in &self.nodes {
            match mount(Some(c"/dev/null"), node.as_c_str(), none, MsFlags::MS_BIND, none) {
                // It was unplugged meanwhile.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes a file of the kernel's, in one go as it wants it.
fn write(path: &CStr, bytes: &[u8]) -> nix::Result<()> {
    let file = nix::fcntl::open(path, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    nix::unistd::write(&file, bytes).map(drop)
}

/// Whether a word leads to hardware: a USB device, a raw HID device or a serial port.
pub fn names_hardware(word: &str) -> bool {
    word.match_indices("/dev/").any(|(at, prefix)| {
        let rest = &word[at + prefix.len()..];
        rest.starts_with("bus/usb") || rest.starts_with("serial/") || NODES.iter().any(|n| rest.starts_with(n))
    })
}
