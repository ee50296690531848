//! A recording as a capture that Wireshark opens: pcap of Linux's usbmon, link type 220.
//!
//! Before the session stand the probe's descriptors, as if the client had asked for them, and the recording's header
//! as the data of a vendor's control request that no probe knows ([`Mark`]); behind it, a second such says how many
//! commands there were. So nothing is lost, and a cut between two packets shows.

use super::super::Model;
use super::super::recording::{Header, Recording};
use super::super::usb;
use super::urb::USB_LINUX_MMAPPED;

/// `bmRequestType`: to the device, of its vendor.
const VENDOR_OUT: u8 = 0x40;
/// `bRequest` of a piece of the header; its `wValue` counts the pieces.
const HEADER: u8 = 0xDF;
/// `bRequest` of the end.
const END: u8 = 0xDE;
/// Before the data, so that no other vendor's request is taken for one.
const SIGN: &[u8] = b"dryflash\0";
/// The most that one URB carries, as with libusb on Linux.
const URB: usize = 16 * 1024;

/// What dryflash puts into a capture beside the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    /// A piece of the header's line.
    Header(&'a [u8]),
    /// So many commands came before.
    End(u64),
}

impl<'a> Mark<'a> {
    /// From a control request.
    pub(super) fn read(setup: &[u8; 8], data: &'a [u8]) -> Option<Mark<'a>> {
        let data = data.strip_prefix(SIGN)?;
        match (setup[0], setup[1]) {
            (VENDOR_OUT, HEADER) => Some(Mark::Header(data)),
            (VENDOR_OUT, END) => Some(Mark::End(u64::from_le_bytes(*data.first_chunk()?))),
            _ => None,
        }
    }
}

/// Writes pcap: little endian, microseconds, link type 220, one device (bus 1, address 2). The times of packets are those of the
/// exchanges, from 1970 on; usbmon's header holds them whole where pcap's record has no room.
pub(super) fn to_pcap(recording: &Recording) -> Vec<u8> {
    let header = Header { flaws: recording.flaws.clone(), ..recording.header.clone() };
    // Strings and numbers cannot fail to be written.
    let line = serde_json::to_string(&header).unwrap_or_default();
    let model = if header.probe.as_deref() == Some("v3") { Model::V3 } else { Model::V2 };
    let mut to = Writer { bytes: Vec::new(), id: 0xFFFF_8880_0000_0000, at: 0 };
    to.file_header();
    to.control([0x80, 6, 0, 1, 0, 0, 18, 0], &usb::device_descriptor(model));
    let configuration = usb::configuration_descriptor();
    to.control([0x80, 6, 0, 2, 0, 0, configuration.len() as u8, 0], &configuration);
    for (number, piece) in line.as_bytes().chunks(URB).enumerate() {
        to.mark(HEADER, number as u16, piece);
    }
    let exchanges = recording.exchanges();
    for exchange in &exchanges {
        to.at = exchange.at;
        to.bulk(usb::OUT, &exchange.command);
        exchange.data.chunks(URB).for_each(|data| to.bulk(usb::OUT, data));
        exchange.reply.chunks(URB).for_each(|data| to.bulk(usb::IN, data));
    }
    to.mark(END, 0, &(exchanges.len() as u64).to_le_bytes());
    to.bytes
}

struct Writer {
    bytes: Vec<u8>,
    /// Of the next URB.
    id: u64,
    /// Microseconds.
    at: u64,
}

/// One of an URB's two packets.
#[derive(Clone, Copy, Default)]
struct Half<'a> {
    kind: u8,
    transfer: u8,
    endpoint: u8,
    status: i32,
    length: usize,
    setup: Option<[u8; 8]>,
    data: Option<&'a [u8]>,
}

/// "Operation now in progress", as usbmon has it at submission.
const IN_PROGRESS: i32 = -115;

impl Writer {
    fn file_header(&mut self) {
        self.bytes.extend(0xA1B2_C3D4_u32.to_le_bytes());
        self.bytes.extend([2, 0, 4, 0]);
        self.bytes.extend([0; 8]);
        self.bytes.extend(262_144_u32.to_le_bytes());
        self.bytes.extend(u32::from(USB_LINUX_MMAPPED).to_le_bytes());
    }

    fn bulk(&mut self, endpoint: u8, data: &[u8]) {
        self.transfer(Half { transfer: 3, endpoint, ..Half::default() }, data);
    }

    fn control(&mut self, setup: [u8; 8], data: &[u8]) {
        let half = Half { transfer: 2, endpoint: setup[0] & 0x80, setup: Some(setup), ..Half::default() };
        self.transfer(half, data);
    }

    fn mark(&mut self, request: u8, value: u16, content: &[u8]) {
        let data = [SIGN, content].concat();
        let ([v0, v1], [l0, l1]) = (value.to_le_bytes(), (data.len() as u16).to_le_bytes());
        self.control([VENDOR_OUT, request, v0, v1, 0, 0, l0, l1], &data);
    }

    fn transfer(&mut self, half: Half<'_>, data: &[u8]) {
        let (out, length) = (half.endpoint & 0x80 == 0, data.len());
        self.half(Half { kind: b'S', status: IN_PROGRESS, length, data: out.then_some(data), ..half });
        self.half(Half { kind: b'C', status: 0, length, data: (!out).then_some(data), setup: None, ..half });
        self.id += 0x100;
    }

    /// A record of pcap with usbmon's header (Documentation/usb/usbmon.rst, `struct usbmon_packet`).
    fn half(&mut self, half: Half<'_>) {
        const ADDRESS: u8 = 2;
        const BUS: u16 = 1;
        let data = half.data.unwrap_or_default();
        let (seconds, micros) = (self.at / 1_000_000, (self.at % 1_000_000) as u32);
        let length = (64 + data.len()) as u32;
        let to = &mut self.bytes;
        to.extend(u32::try_from(seconds).unwrap_or(u32::MAX).to_le_bytes());
        to.extend(micros.to_le_bytes());
        to.extend(length.to_le_bytes());
        to.extend(length.to_le_bytes());

        to.extend(self.id.to_le_bytes());
        to.extend([half.kind, half.transfer, half.endpoint, ADDRESS]);
        to.extend(BUS.to_le_bytes());
        to.push(if half.setup.is_some() { 0 } else { b'-' });
        to.push(match (half.data, half.endpoint & 0x80) {
            (Some(_), _) => 0,
            (None, 0) => b'>',
            (None, _) => b'<',
        });
        to.extend(seconds.to_le_bytes());
        to.extend(micros.to_le_bytes());
        to.extend(half.status.to_le_bytes());
        to.extend((half.length as u32).to_le_bytes());
        to.extend((data.len() as u32).to_le_bytes());
        to.extend(half.setup.unwrap_or_default());
        to.extend([0; 16]);
        to.extend(data);
    }
}
