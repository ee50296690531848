//! Packets out of a capture's container: pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).

use super::super::recording::{Flaw, RecordingError};

/// In which order the bytes of numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
        bytes.get(at..)?.first_chunk().copied()
    }

    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let array = Order::array(bytes, at)?;
        Some(if self == Order::Little { u16::from_le_bytes(array) } else { u16::from_be_bytes(array) })
    }

    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let array = Order::array(bytes, at)?;
        Some(if self == Order::Little { u32::from_le_bytes(array) } else { u32::from_be_bytes(array) })
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let array = Order::array(bytes, at)?;
        Some(if self == Order::Little { u64::from_le_bytes(array) } else { u64::from_be_bytes(array) })
    }
}

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// From 1, as Wireshark counts.
    pub number: u64,
    /// Microseconds since the epoch.
    pub time: i128,
    /// What `data` begins with (tcpdump's list of link types).
    pub link: u16,
    /// The order of the file or section, which is also that of usbmon's headers.
    pub order: Order,
    /// What was captured of it.
    pub data: &'a [u8],
}

/// A file's packets.
#[derive(Debug, Default)]
pub(super) struct Packets<'a> {
    pub packets: Vec<Packet<'a>>,
    /// Why reading ended before the file did.
    pub end: Option<Flaw>,
}

impl<'a> Packets<'a> {
    /// The number of the next packet.
    fn next(&self) -> u64 {
        self.packets.len() as u64 + 1
    }

    /// Nothing behind this can be read.
    fn end(mut self, what: String) -> Packets<'a> {
        self.end = Some(Flaw { packet: self.next(), what, loss: true });
        self
    }
}

/// How often a second was cut in two, or in ten, for a tick.
#[derive(Clone, Copy, Debug)]
enum Resolution {
    Ten(u32),
    Two(u32),
}

impl Resolution {
    fn micros(self, ticks: u64) -> i128 {
        let scaled = u128::from(ticks) * 1_000_000;
        let micros = match self {
            Resolution::Ten(n) => 10_u128.checked_pow(n).map_or(0, |unit| scaled / unit),
            Resolution::Two(n) => scaled.checked_shr(n).unwrap_or(0),
        };
        // 84 bits at most.
        micros as i128
    }
}

/// A pcap file. `order` and `nano` are what its first four bytes said.
///
/// # Errors
/// The file's own header is cut off, or of another version.
pub(super) fn pcap(bytes: &[u8], order: Order, nano: bool) -> Result<Packets<'_>, RecordingError> {
    const HEADER: usize = 24;
    let broken = |what| RecordingError::Packet { packet: 0, what };
    let (Some(major), Some(minor), Some(link), Some(mut rest)) =
        (order.u16(bytes, 4), order.u16(bytes, 6), order.u32(bytes, 20), bytes.get(HEADER..))
    else {
        return Err(broken(format!("the file is cut off in its header: {} of {HEADER} bytes", bytes.len())));
    };
    if major != 2 {
        return Err(broken(format!("version {major}.{minor} of pcap; this dryflash reads version 2")));
    }
    // The upper half tells of checksums that other links have.
    let link = link as u16;
    let resolution = if nano { Resolution::Ten(9) } else { Resolution::Ten(6) };
    let mut found = Packets::default();
    while !rest.is_empty() {
        const RECORD: usize = 16;
        let (Some(seconds), Some(fraction), Some(captured), Some(after)) =
            (order.u32(rest, 0), order.u32(rest, 4), order.u32(rest, 8), rest.get(RECORD..))
        else {
            return Ok(found.end(cut(rest.len(), RECORD)));
        };
        let Some((data, after)) = after.split_at_checked(captured as usize) else {
            return Ok(found.end(cut(after.len(), captured as usize)));
        };
        let time = i128::from(seconds) * 1_000_000 + resolution.micros(fraction.into());
        found.packets.push(Packet { number: found.next(), time, link, order, data });
        rest = after;
    }
    Ok(found)
}

fn cut(there: usize, due: usize) -> String {
    format!("the file is cut off here: {there} of {due} bytes; capture anew, or allow what is before")
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u16,
    snap: u32,
    resolution: Resolution,
    /// Seconds to add.
    offset: i64,
}

/// Types of blocks (draft-ietf-opsawg-pcapng, 4 and 11.1).
mod block {
    pub const SECTION: u32 = 0x0A0D_0D0A;
    pub const INTERFACE: u32 = 1;
    pub const OLD_PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const PACKET: u32 = 6;
}

/// A pcapng file.
///
/// # Errors
/// Its first section's header is cut off or damaged.
pub(super) fn pcapng(bytes: &[u8]) -> Result<Packets<'_>, RecordingError> {
    let mut found = Packets::default();
    let mut order = Order::Little;
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut rest = bytes;
    let mut first = true;
    while !rest.is_empty() {
        let one = next_block(rest, &mut order).and_then(|(kind, body, after)| {
            match kind {
                block::SECTION => interfaces.clear(),
                block::INTERFACE => interfaces.push(interface(body, order)?),
                block::PACKET | block::OLD_PACKET | block::SIMPLE_PACKET => {
                    let mut packet = packet(kind, body, order, &interfaces)?;
                    packet.number = found.next();
                    // A simple packet has no time: it is taken to come with the one before it.
                    if kind == block::SIMPLE_PACKET {
                        packet.time = found.packets.last().map_or(0, |p| p.time);
                    }
                    found.packets.push(packet);
                }
                _ => {}
            }
            Ok(after)
        });
        match one {
            Ok(after) => rest = after,
            Err(what) if first => return Err(RecordingError::Packet { packet: 0, what }),
            Err(what) => return Ok(found.end(what)),
        }
        first = false;
    }
    Ok(found)
}

/// Type and body of the first block, and what is behind it. A section's header settles the order of what follows.
fn next_block<'a>(rest: &'a [u8], order: &mut Order) -> Result<(u32, &'a [u8], &'a [u8]), String> {
    const FRAME: usize = 12;
    let short = || cut(rest.len(), FRAME);
    // Palindromic, so that it can be read before the order is known.
    let section = order.u32(rest, 0) == Some(block::SECTION);
    if section {
        *order = match rest.get(8..12).ok_or_else(short)? {
            [0x4D, 0x3C, 0x2B, 0x1A] => Order::Little,
            [0x1A, 0x2B, 0x3C, 0x4D] => Order::Big,
            magic => return Err(format!("a section begins with {magic:02x?}, which is no byte order: damaged")),
        };
    }
    let kind = order.u32(rest, 0).ok_or_else(short)?;
    let length = order.u32(rest, 4).ok_or_else(short)? as usize;
    if length < FRAME || !length.is_multiple_of(4) {
        return Err(format!("a block of {length} bytes, which no block has: damaged"));
    }
    let (whole, after) = rest.split_at_checked(length).ok_or_else(|| cut(rest.len(), length))?;
    let again = order.u32(whole, length - 4).ok_or_else(short)? as usize;
    if again != length {
        return Err(format!("a block that has {length} bytes at its begin and {again} at its end: damaged"));
    }
    let body = &whole[8..length - 4];
    if section && order.u16(body, 4) != Some(1) {
        return Err(format!("version {} of pcapng; this dryflash reads version 1", order.u16(body, 4).unwrap_or(0)));
    }
    Ok((kind, body, after))
}

/// An interface description (4.2).
fn interface(body: &[u8], order: Order) -> Result<Interface, String> {
    let (Some(link), Some(snap), Some(mut options)) = (order.u16(body, 0), order.u32(body, 4), body.get(8..)) else {
        return Err(format!("an interface described in {} bytes: damaged", body.len()));
    };
    let mut interface = Interface { link, snap, resolution: Resolution::Ten(6), offset: 0 };
    while let (Some(code), Some(length)) = (order.u16(options, 0), order.u16(options, 2)) {
        let length = usize::from(length);
        let Some(value) = options.get(4..4 + length) else { break };
        match (code, value) {
            (0, _) => break,
            (9, &[n]) if n & 0x80 != 0 => interface.resolution = Resolution::Two(u32::from(n & 0x7F)),
            (9, &[n]) => interface.resolution = Resolution::Ten(n.into()),
            (14, _) => interface.offset = order.u64(value, 0).unwrap_or(0) as i64,
            _ => {}
        }
        options = options.get(4 + length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(interface)
}

/// A packet of one of three kinds (4.3, 4.4, 11.1), without its number.
fn packet<'a>(kind: u32, body: &'a [u8], order: Order, interfaces: &[Interface]) -> Result<Packet<'a>, String> {
    let damaged = || format!("a packet's block of {} bytes is too short for it: damaged", body.len());
    let word = |at| order.u32(body, at).ok_or_else(damaged);
    let (index, data) = match kind {
        block::SIMPLE_PACKET => (0, body.get(4..)),
        block::OLD_PACKET => (order.u16(body, 0).ok_or_else(damaged)?.into(), body.get(20..)),
        _ => (word(0)?, body.get(20..)),
    };
    let interface =
        interfaces.get(index as usize).ok_or_else(|| format!("interface {index} was not described: damaged"))?;
    let (ticks, captured) = match kind {
        block::SIMPLE_PACKET => {
            let (original, snap) = (word(0)?, interface.snap);
            (0, if snap == 0 { original } else { original.min(snap) })
        }
        _ => (u64::from(word(4)?) << 32 | u64::from(word(8)?), word(12)?),
    };
    let data = data.and_then(|d| d.get(..captured as usize)).ok_or_else(damaged)?;
    let time = interface.resolution.micros(ticks) + i128::from(interface.offset) * 1_000_000;
    Ok(Packet { number: 0, time, link: interface.link, order, data })
}
