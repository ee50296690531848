//! What a packet says of one USB transfer: the headers of Linux's usbmon and of USBPcap.
//!
//! usbmon: Documentation/usb/usbmon.rst, `struct usbmon_packet`; link types 189 (its first 48 bytes) and 220 (all 64).
//! USBPcap: its capture format specification; link type 249.

use super::super::recording::Device;
use super::container::{Order, Packet};
use std::borrow::Cow;

/// usbmon, 48 bytes of header.
pub(super) const USB_LINUX: u16 = 189;
/// usbmon, 64 bytes of header.
pub(super) const USB_LINUX_MMAPPED: u16 = 220;
/// USBPcap.
pub(super) const USBPCAP: u16 = 249;

/// A link type's name, for people.
pub(super) fn link_name(link: u16) -> Cow<'static, str> {
    let name = match link {
        0 | 1 => "Ethernet or loopback",
        101 => "IP",
        105 | 127 => "wireless LAN",
        113 | 276 => "Linux cooked",
        186 => "USB of FreeBSD",
        USB_LINUX => "usbmon",
        USB_LINUX_MMAPPED => "usbmon",
        USBPCAP => "USBPcap",
        266 => "USB of macOS",
        288 | 293..=295 => "packets of a USB analyser",
        _ => return format!("link type {link}").into(),
    };
    format!("link type {link}, {name}").into()
}

/// Where in its life a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Submit,
    Complete,
}

/// The kinds of transfers that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Control,
    Bulk,
    Other,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The client gave up on it.
    Cancelled,
    /// The status, in words.
    Failed(String),
}

/// A packet's transfer.
#[derive(Clone, Debug)]
pub(super) struct Urb<'a> {
    /// The same at submission and completion.
    pub id: u64,
    pub stage: Stage,
    pub kind: Kind,
    /// With bit 7 for IN.
    pub endpoint: u8,
    pub device: Device,
    /// At completion.
    pub outcome: Outcome,
    /// At submission of a control transfer.
    pub setup: Option<[u8; 8]>,
    /// What was captured of it.
    pub data: &'a [u8],
    /// How much of it there was.
    pub whole: usize,
    /// At completion: how much was transferred, where that is told.
    pub actual: Option<usize>,
    /// usbmon's own time, microseconds.
    pub time: Option<i128>,
}

/// Reads a packet. None where it has another link type.
///
/// # Errors
/// In words: not even the header was captured, or it is damaged.
pub(super) fn read<'a>(packet: &Packet<'a>) -> Result<Option<Urb<'a>>, String> {
    let (urb, header) = match packet.link {
        USB_LINUX => (usbmon(packet, 48), 48),
        USB_LINUX_MMAPPED => (usbmon(packet, 64), 64),
        USBPCAP => (usbpcap(packet.data), 27),
        _ => return Ok(None),
    };
    match urb {
        Some(urb) => Ok(Some(urb)),
        None => Err(format!(
            "{} bytes captured, the header alone has {header}; use a larger snap length",
            packet.data.len()
        )),
    }
}

fn usbmon<'a>(packet: &Packet<'a>, header: usize) -> Option<Urb<'a>> {
    let Packet { order, data: bytes, .. } = *packet;
    let content = bytes.get(header..)?;
    let word = |at| order.u32(bytes, at);
    let (stage, refused) = match bytes[8] {
        b'S' => (Stage::Submit, false),
        b'C' => (Stage::Complete, false),
        // Not even accepted ('E').
        _ => (Stage::Complete, true),
    };
    let kind = match bytes[9] {
        2 => Kind::Control,
        3 => Kind::Bulk,
        _ => Kind::Other,
    };
    let status = word(28)? as i32;
    let (length, captured) = (word(32)? as usize, word(36)? as usize);
    let data = content.get(..captured).unwrap_or(content);
    let endpoint = bytes[10];
    // An IN has data when it is complete, an OUT when it is submitted.
    let carries = (endpoint & 0x80 != 0) == (stage == Stage::Complete);
    Some(Urb {
        id: order.u64(bytes, 0)?,
        stage,
        kind,
        endpoint,
        device: Device { bus: order.u16(bytes, 12)?, address: bytes[11].into() },
        outcome: match (stage, status) {
            (Stage::Submit, _) | (_, 0) => Outcome::Done,
            (_, -2 | -104) => Outcome::Cancelled,
            (_, status) => Outcome::Failed(errno(status)),
        },
        setup: if bytes[14] == 0 { bytes.get(40..)?.first_chunk().copied() } else { None },
        data,
        whole: if carries { length.max(captured) } else { data.len() },
        actual: (stage == Stage::Complete).then_some(if refused { 0 } else { length }),
        time: {
            let seconds = order.u64(bytes, 16)? as i64;
            Some(i128::from(seconds) * 1_000_000 + i128::from(word(24)? as i32))
        },
    })
}

/// What Linux means by a status (Documentation/driver-api/usb/error-codes.rst).
fn errno(status: i32) -> String {
    let name = match status {
        -19 => "no such device",
        -32 => "stalled",
        -71 | -84 => "bus error",
        -75 => "more data than asked for",
        -108 => "device or host shut down",
        -110 => "timed out",
        -121 => "less data than asked for",
        _ => return format!("status {status}"),
    };
    format!("status {status}, {name}")
}

fn usbpcap(bytes: &[u8]) -> Option<Urb<'_>> {
    // Always, whatever the file's order.
    let order = Order::Little;
    let header = usize::from(order.u16(bytes, 0)?).max(27);
    let content = bytes.get(header..)?;
    let stage = if bytes[16] & 1 == 0 { Stage::Submit } else { Stage::Complete };
    let kind = match bytes[22] {
        2 => Kind::Control,
        3 => Kind::Bulk,
        _ => Kind::Other,
    };
    let (setup, data) = match (kind, stage) {
        // The set-up packet comes first in the data.
        (Kind::Control, Stage::Submit) => (content.first_chunk().copied(), content.get(8..).unwrap_or(&[])),
        _ => (None, content),
    };
    let whole = (order.u32(bytes, 23)? as usize).saturating_sub(content.len() - data.len());
    Some(Urb {
        id: order.u64(bytes, 2)?,
        stage,
        kind,
        endpoint: bytes[21],
        device: Device { bus: order.u16(bytes, 17)?, address: order.u16(bytes, 19)? },
        outcome: match (stage, order.u32(bytes, 10)?) {
            (Stage::Submit, _) | (_, 0) => Outcome::Done,
            (_, 0xC001_0000) => Outcome::Cancelled,
            (_, 0xC000_0004) => Outcome::Failed("stalled".to_owned()),
            (_, status) => Outcome::Failed(format!("status 0x{status:08X}")),
        },
        setup,
        data: data.get(..whole).unwrap_or(data),
        whole,
        actual: None,
        time: None,
    })
}

/// Whether [`read`] reads it.
pub(super) const fn is_usb(link: u16) -> bool {
    matches!(link, USB_LINUX | USB_LINUX_MMAPPED | USBPCAP)
}
