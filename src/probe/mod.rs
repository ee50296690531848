//! A virtual ST-LINK: what a debug probe's client says, carried out on a [`Chip`](crate::chip::Chip).
//!
//! [`Target`] is the core's side of the debug port: halting, stepping, breakpoints, watchpoints, vector catch.
//! [`Dap`] is the port itself, [`StLink`] the probe's firmware: a command in, a reply out, whatever carries them. [`owner`] runs it for
//! clients in other threads, [`tcp`] speaks stlink-server's protocol to them, [`glasgow`] the one that probe-rs has over TCP. [`usb`] is the device that a bus would show,
//! [`operation`] is
//! what clients without an ST-LINK do at the target, [`recording`] a session kept in a file, [`capture`] one that other programs kept. [`st_flash`] carries out
//! st-flash's command lines.
//!
//! `docs/probe.md` says what is modelled and what is not.

pub mod capture;
mod components;
pub mod dap;
pub mod debug_event;
pub mod decode;
mod dwt;
pub mod glasgow;
pub mod listen;
pub mod operation;
pub mod owner;
pub mod recording;
pub mod replay;
#[cfg(unix)]
pub mod socket;
pub mod st_flash;
pub mod stlink;
pub mod story;
pub mod target;
pub mod tcp;
pub mod usb;
pub mod usbip;

pub use dap::Dap;
pub use debug_event::DebugEvent;
pub use operation::Operator;
pub use stlink::{Model, StLink};
pub use target::Target;
