//! Sessions that other programs captured: usbmon and USBPcap in pcap or pcapng, and pyOCD's trace log.
//!
//! [`read`] finds out from a file's bytes which form it has. `docs/recordings.md` says how such files are made, and
//! what is told of those that are not whole.

mod container;
mod devices;
mod form;
mod pyocd;
mod session;
mod urb;
mod write;

use super::recording::{Device, Recording, RecordingError};
use container::Order;
pub use form::{Form, form};

/// Reads a recording of any form: our own JSON Lines, pcap, pcapng, pyOCD's log.
///
/// # Errors
/// The form is another (the error names it), or nothing can be made out: see [`RecordingError`]. Where something
/// can, what is missing is in [`Recording::flaws`].
pub fn read(bytes: &[u8]) -> Result<Recording, RecordingError> {
    read_device(bytes, None)
}

/// As [`read`]; in a capture, takes the session of this device.
///
/// # Errors
/// As [`read`]; also where the device was sent no commands.
pub fn read_device(bytes: &[u8], device: Option<Device>) -> Result<Recording, RecordingError> {
    read_as(bytes, form(bytes).map_err(RecordingError::Form)?, device)
}

/// As [`read_device`], where the form is known.
///
/// # Errors
/// As [`read_device`].
pub fn read_as(bytes: &[u8], form: Form, device: Option<Device>) -> Result<Recording, RecordingError> {
    let packets = match form {
        Form::JsonLines => return Recording::from_jsonl(bytes),
        Form::PyOcd => return pyocd::recording(bytes),
        Form::PcapNg => container::pcapng(bytes)?,
        Form::Pcap { big_endian, nanoseconds } => {
            container::pcap(bytes, if big_endian { Order::Big } else { Order::Little }, nanoseconds)?
        }
    };
    devices::recording(packets, device)
}

/// As a pcap of Linux's usbmon, for Wireshark and the like; reading it gives the same recording.
///
/// Operations that went by no ST-LINK are no transfers on its bus, and are left out.
///
/// The data of each command has to have the length that [`Command::data_length`](super::stlink::Command::data_length) tells, as
/// in every recording that was read or recorded.
pub fn to_pcap(recording: &Recording) -> Vec<u8> {
    write::to_pcap(recording)
}
