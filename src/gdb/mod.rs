//! A server for gdb: gdb's remote protocol on one side, the debug port of a [`Target`](crate::probe::Target) on the
//! other.
//!
//! [`Server`] listens; each connection is a session of its own thread, and the one that holds the probe
//! ([`Line`](crate::probe::owner::Line)) talks. [`description`] says what gdb is told of the part, `port` does with the
//! debug registers what gdb asks for, `flash` carries out `load` through the flash controller, `monitor` has the
//! commands that gdb passes on, `planted` has the breakpoints in SRAM, `packets` takes the stream of bytes apart, `session` keeps
//! what one gdb has, and `target` and `breakpoints` tie it to the crate [`gdbstub`], which speaks the protocol.
//!
//! `docs/gdb.md` tells how to use it, and what was chosen.

mod breakpoints;
pub mod description;
mod errno;
mod flash;
mod load;
mod monitor;
mod packets;
mod planted;
mod port;
mod server;
mod session;
mod target;

pub use monitor::state;
pub use server::{PORT, Server};
