//! What goes over the line in USB/IP 1.1.1, big endian (Linux, `Documentation/usb/usbip_protocol.rst`).

use crate::probe::stlink::Model;
use crate::probe::usb;

/// The protocol's version.
pub const VERSION: u16 = 0x0111;

/// Operations before a device is imported.
pub const REQ_DEVLIST: u16 = 0x8005;
/// Answers [`REQ_DEVLIST`].
pub const REP_DEVLIST: u16 = 0x0005;
/// Imports a device.
pub const REQ_IMPORT: u16 = 0x8003;
/// Answers [`REQ_IMPORT`].
pub const REP_IMPORT: u16 = 0x0003;

/// What an operation came to.
pub const ST_OK: u32 = 0;
/// Somebody else has the device.
pub const ST_DEV_BUSY: u32 = 2;
/// There is no such device.
pub const ST_NODEV: u32 = 4;

/// Bytes of a bus id.
pub const BUS_ID: usize = 32;

/// The device's bus id.
pub const THIS_BUS_ID: &str = "1-1";

/// Requests once a device is imported.
pub const CMD_SUBMIT: u32 = 1;
/// Takes a request back.
pub const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;

/// Bytes of the head of a request or a reply.
pub const HEAD: usize = 48;

/// `-EPIPE`: the endpoint stalls.
pub const STALL: i32 = -32;
/// `-ECONNRESET`: taken back.
pub const UNLINKED: i32 = -104;

const FULL_SPEED: u32 = 2;
const PATH: usize = 256;

/// The head of an operation's answer.
pub fn operation(code: u16, status: u32) -> Vec<u8> {
    [VERSION.to_be_bytes().as_slice(), &code.to_be_bytes(), &status.to_be_bytes()].concat()
}

/// The device as lists and imports describe it; its one interface belongs to lists only.
pub fn device(model: Model, interface: bool) -> Vec<u8> {
    let text = |text: &str, size: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(size, 0);
        bytes
    };
    let d = usb::device_descriptor(model);
    let mut bytes = text("/sys/devices/dryflash/usb1/1-1", PATH);
    bytes.extend(text(THIS_BUS_ID, BUS_ID));
    for number in [1, 1, FULL_SPEED] {
        bytes.extend(number.to_be_bytes());
    }
    for id in [Model::VENDOR, model.product(), u16::from_le_bytes([d[12], d[13]])] {
        bytes.extend(id.to_be_bytes());
    }
    // Class, subclass and protocol; the configuration in force, of so many; its interfaces.
    bytes.extend([d[4], d[5], d[6], 1, d[17], 1]);
    if interface {
        let c = usb::configuration_descriptor();
        bytes.extend([c[14], c[15], c[16], 0]);
    }
    bytes
}

/// A request to an imported device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// A transfer.
    Submit {
        /// Its number.
        seqnum: u32,
        /// Whether it goes to the host.
        is_in: bool,
        /// The endpoint, without its direction.
        endpoint: u32,
        /// Bytes, to come or wanted.
        length: u32,
        /// For control transfers.
        setup: [u8; 8],
    },
    /// The transfer `victim` is not wanted any more.
    Unlink {
        /// Its number.
        seqnum: u32,
        /// The transfer's.
        victim: u32,
    },
}

impl Request {
    /// From its head; none where it is of no kind.
    pub fn parse(head: &[u8; HEAD]) -> Option<Request> {
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let seqnum = word(4);
        match word(0) {
            CMD_SUBMIT => Some(Request::Submit {
                seqnum,
                is_in: word(12) != 0,
                endpoint: word(16),
                length: word(24),
                setup: *head.last_chunk()?,
            }),
            CMD_UNLINK => Some(Request::Unlink { seqnum, victim: word(20) }),
            _ => None,
        }
    }
}

/// A transfer is over: with `data` where it went to the host, else with so many bytes taken.
pub fn submitted(seqnum: u32, status: i32, actual: usize, data: &[u8]) -> Vec<u8> {
    let mut bytes = head(RET_SUBMIT, seqnum, status);
    bytes[24..28].copy_from_slice(&(actual as u32).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// A request to take a transfer back is over.
pub fn unlinked(seqnum: u32, status: i32) -> Vec<u8> {
    head(RET_UNLINK, seqnum, status)
}

fn head(command: u32, seqnum: u32, status: i32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD);
    for word in [command, seqnum, 0, 0, 0, status as u32] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.resize(HEAD, 0);
    bytes
}
