//! Captures of every link type, byte order and container, built by hand for the tests.

use dryflash::probe::recording::{Exchange, Header, Recording};
use dryflash::probe::stlink::Command;

/// The header of each packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// 189.
    Usbmon48,
    /// 220.
    Usbmon64,
    /// 249.
    UsbPcap,
}

pub const LINKS: [Link; 3] = [Link::Usbmon48, Link::Usbmon64, Link::UsbPcap];

impl Link {
    pub fn number(self) -> u16 {
        match self {
            Link::Usbmon48 => 189,
            Link::Usbmon64 => 220,
            Link::UsbPcap => 249,
        }
    }
}

/// The file around the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Pcap {
        big: bool,
        nano: bool,
    },
    /// `resolution` is the byte of if_tsresol; `offset` that of if_tsoffset, in seconds.
    PcapNg {
        big: bool,
        resolution: Option<u8>,
        offset: i64,
        old: bool,
    },
}

pub const CONTAINERS: [Container; 9] = [
    Container::Pcap { big: false, nano: false },
    Container::Pcap { big: true, nano: false },
    Container::Pcap { big: false, nano: true },
    Container::Pcap { big: true, nano: true },
    Container::PcapNg { big: false, resolution: None, offset: 0, old: false },
    Container::PcapNg { big: true, resolution: Some(9), offset: -7, old: false },
    Container::PcapNg { big: false, resolution: Some(6), offset: 1_700_000_000, old: true },
    Container::PcapNg { big: true, resolution: Some(7), offset: 0, old: true },
    Container::PcapNg { big: false, resolution: Some(0x80 | 32), offset: 3, old: false },
];

/// One packet.
#[derive(Clone, Debug)]
pub struct Event {
    pub id: u64,
    pub complete: bool,
    /// 2 control, 3 bulk.
    pub kind: u8,
    pub endpoint: u8,
    pub bus: u16,
    pub address: u16,
    pub status: i32,
    /// usbmon's length; that of the data where it has some.
    pub length: usize,
    pub setup: Option<[u8; 8]>,
    pub data: Vec<u8>,
    /// Microseconds.
    pub at: u64,
}

pub const BUS: u16 = 3;
pub const ADDRESS: u16 = 17;

/// A bulk transfer's two packets.
pub fn bulk(id: u64, endpoint: u8, data: &[u8], at: u64) -> [Event; 2] {
    let event = |complete: bool, carries: bool| Event {
        id,
        complete,
        kind: 3,
        endpoint,
        bus: BUS,
        address: ADDRESS,
        status: if complete { 0 } else { -115 },
        length: data.len(),
        setup: None,
        data: if carries { data.to_vec() } else { Vec::new() },
        at,
    };
    let out = endpoint & 0x80 == 0;
    [event(false, out), event(true, !out)]
}

/// The request for a device descriptor, and its answer.
pub fn descriptor(vendor: u16, product: u16) -> [Event; 2] {
    let ([v0, v1], [p0, p1]) = (vendor.to_le_bytes(), product.to_le_bytes());
    let [mut submit, mut complete] =
        bulk(0xD0D0, 0x80, &[18, 1, 0, 2, 0, 0, 0, 64, v0, v1, p0, p1, 0, 1, 1, 2, 3, 1], 0);
    (submit.kind, complete.kind) = (2, 2);
    submit.setup = Some([0x80, 6, 0, 1, 0, 0, 18, 0]);
    [submit, complete]
}

/// A session over these endpoints; data and replies in pieces of at most `piece` bytes.
pub fn session(exchanges: &[Exchange], out: u8, piece: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut id = 0xFFFF_9000_0000_1000;
    let mut push = |endpoint, data: &[u8], at| {
        id += 0x40;
        events.extend(bulk(id, endpoint, data, at));
    };
    for exchange in exchanges {
        push(out, &exchange.command, exchange.at);
        exchange.data.chunks(piece).for_each(|data| push(out, data, exchange.at));
        exchange.reply.chunks(piece).for_each(|data| push(0x81, data, exchange.at));
    }
    events
}

struct Bytes {
    big: bool,
    bytes: Vec<u8>,
}

impl Bytes {
    fn of(big: bool) -> Bytes {
        Bytes { big, bytes: Vec::new() }
    }

    fn put(&mut self, little: &[u8]) -> &mut Bytes {
        let turned = little.iter().rev();
        if self.big {
            self.bytes.extend(turned)
        } else {
            self.bytes.extend(little)
        }
        self
    }

    fn u16(&mut self, n: u16) -> &mut Bytes {
        self.put(&n.to_le_bytes())
    }

    fn u32(&mut self, n: u32) -> &mut Bytes {
        self.put(&n.to_le_bytes())
    }

    fn u64(&mut self, n: u64) -> &mut Bytes {
        self.put(&n.to_le_bytes())
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Bytes {
        self.bytes.extend(bytes);
        self
    }
}

/// A packet with its link's header.
pub fn packet(event: &Event, link: Link, big: bool) -> Vec<u8> {
    match link {
        Link::UsbPcap => usbpcap(event),
        Link::Usbmon48 | Link::Usbmon64 => usbmon(event, link, big),
    }
}

fn usbmon(event: &Event, link: Link, big: bool) -> Vec<u8> {
    let mut b = Bytes::of(big);
    b.u64(event.id);
    b.raw(&[if event.complete { b'C' } else { b'S' }, event.kind, event.endpoint, event.address as u8]);
    b.u16(event.bus);
    b.raw(&[if event.setup.is_some() { 0 } else { b'-' }]);
    b.raw(&[if event.data.is_empty() { b'<' } else { 0 }]);
    b.u64(1_700_000_000 + event.at / 1_000_000).u32((event.at % 1_000_000) as u32);
    b.u32(event.status as u32).u32(event.length as u32).u32(event.data.len() as u32);
    b.raw(&event.setup.unwrap_or_default());
    if link == Link::Usbmon64 {
        b.raw(&[0; 16]);
    }
    b.raw(&event.data);
    b.bytes
}

fn usbpcap(event: &Event) -> Vec<u8> {
    let control = event.kind == 2;
    let setup = event.setup.filter(|_| !event.complete);
    let mut b = Bytes::of(false);
    b.u16(27 + u16::from(control)).u64(event.id);
    b.u32(match (event.complete, event.status) {
        (false, _) | (_, 0) => 0,
        (_, -2 | -104) => 0xC001_0000,
        (_, -32) => 0xC000_0004,
        (_, other) => other as u32,
    });
    b.u16(if control { 0x0B } else { 9 }).raw(&[u8::from(event.complete)]);
    b.u16(event.bus).u16(event.address).raw(&[event.endpoint, event.kind]);
    b.u32((event.data.len() + setup.map_or(0, |s| s.len())) as u32);
    if control {
        b.raw(&[if event.complete { 3 } else { 0 }]);
    }
    if let Some(setup) = setup {
        b.raw(&setup);
    }
    b.raw(&event.data);
    b.bytes
}

/// A whole file. `snap` cuts each packet.
pub fn file(events: &[Event], link: Link, container: Container, snap: usize) -> Vec<u8> {
    match container {
        Container::Pcap { big, nano } => pcap(events, link, big, nano, snap),
        Container::PcapNg { .. } => section(&[(link, events)], container, snap),
    }
}

fn pcap(events: &[Event], link: Link, big: bool, nano: bool, snap: usize) -> Vec<u8> {
    let mut b = Bytes::of(big);
    b.u32(if nano { 0xA1B2_3C4D } else { 0xA1B2_C3D4 }).u16(2).u16(4).u32(0).u32(0);
    b.u32(snap as u32).u32(link.number().into());
    for event in events {
        let whole = packet(event, link, big);
        let captured = &whole[..whole.len().min(snap)];
        let fraction = (event.at % 1_000_000) as u32 * if nano { 1_000 } else { 1 };
        b.u32(1_700_000_000 + (event.at / 1_000_000) as u32).u32(fraction);
        b.u32(captured.len() as u32).u32(whole.len() as u32).raw(captured);
    }
    b.bytes
}

fn block(b: &mut Bytes, kind: u32, body: &[u8]) {
    let padded = body.len().next_multiple_of(4);
    let length = padded as u32 + 12;
    b.u32(kind).u32(length).raw(body).raw(&vec![0; padded - body.len()]).u32(length);
}

/// A pcapng section whose interfaces have these links and packets.
pub fn section(interfaces: &[(Link, &[Event])], container: Container, snap: usize) -> Vec<u8> {
    let Container::PcapNg { big, resolution, offset, old } = container else { panic!("not pcapng: {container:?}") };
    let mut b = Bytes::of(big);
    let mut body = Bytes::of(big);
    body.u32(0x1A2B_3C4D).u16(1).u16(0).u64(u64::MAX);
    block(&mut b, 0x0A0D_0D0A, &body.bytes);
    // One that nobody knows.
    block(&mut b, 0x0BAD_0000, b"what is this?");
    for (link, _) in interfaces {
        let mut body = Bytes::of(big);
        body.u16(link.number()).u16(0).u32(snap as u32);
        // if_name, of a length that needs padding.
        body.u16(2).u16(7).raw(b"usbmon3\0");
        if let Some(resolution) = resolution {
            body.u16(9).u16(1).raw(&[resolution, 0, 0, 0]);
        }
        if offset != 0 {
            body.u16(14).u16(8).u64(offset as u64);
        }
        body.u16(0).u16(0);
        block(&mut b, 1, &body.bytes);
    }
    for (index, (link, events)) in interfaces.iter().enumerate() {
        for event in *events {
            let whole = packet(event, *link, big);
            let captured = &whole[..whole.len().min(snap)];
            let micros = u128::from(event.at) + 5_000_000;
            let ticks = match resolution.unwrap_or(6) {
                n if n & 0x80 != 0 => (micros << (n & 0x7F)).div_ceil(1_000_000),
                n => micros * 10_u128.pow(n.into()) / 1_000_000,
            } as u64;
            let mut body = Bytes::of(big);
            match old {
                false => body.u32(index as u32),
                true => body.u16(index as u16).u16(0),
            };
            body.u32((ticks >> 32) as u32).u32(ticks as u32);
            body.u32(captured.len() as u32).u32(whole.len() as u32).raw(captured);
            block(&mut b, if old { 2 } else { 6 }, &body.bytes);
        }
    }
    b.bytes
}

/// Simple packet blocks, which have neither time nor interface.
pub fn simple(events: &[Event], link: Link, snap: usize) -> Vec<u8> {
    let container = Container::PcapNg { big: false, resolution: None, offset: 0, old: false };
    let mut b = Bytes { big: false, bytes: section(&[(link, &[])], container, snap) };
    for event in events {
        let whole = packet(event, link, false);
        let mut body = Bytes::of(false);
        body.u32(whole.len() as u32).raw(&whole[..whole.len().min(snap)]);
        block(&mut b, 3, &body.bytes);
    }
    b.bytes
}

/// An exchange; the data is made up for commands that take some.
pub fn exchange(at: u64, command: &[u8], reply: &[u8]) -> Exchange {
    let mut padded = [0; 16];
    padded[..command.len()].copy_from_slice(command);
    let data = (0..Command::of(&padded).data_length()).map(|n| n as u8 ^ 0x5A).collect();
    Exchange { at, command: padded, data, reply: reply.to_vec(), packet: None }
}

/// Commands of each kind: with a reply, with data, with neither.
pub fn sample() -> Vec<Exchange> {
    vec![
        exchange(0, &[0xF1], &[0x29, 0x5B, 0x83, 0x04, 0x4B, 0x37]),
        exchange(1_250, &[0xF3, 0x07], &[]),
        exchange(2_000, &[0xF2, 0x30, 0xA3], &[0x80, 0]),
        exchange(900_000, &[0xF2, 0x08, 0, 0, 0, 0x20, 0x80, 0], &[]),
        exchange(1_000_003, &[0xF2, 0x3E], &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        exchange(1_000_003, &[0xF2, 0x07, 0, 0, 0, 0x20, 0x60, 0], &[0x77; 0x60]),
        exchange(64_000_000, &[0xF2, 0x0D, 0, 0, 0, 0x20, 3, 0], &[]),
        exchange(64_000_001, &[0xF2, 0x3B], &[0x80, 0]),
    ]
}

/// Without packet numbers, which depend on the form.
pub fn plain(recording: &Recording) -> Vec<Exchange> {
    recording.exchanges().into_iter().map(|e| Exchange { packet: None, ..e.clone() }).collect()
}

/// One of our own, with all that a header may hold.
pub fn own(exchanges: Vec<Exchange>) -> Recording {
    let header = Header {
        client: Some("st-flash --reset write \"fw.bin\" 0x08000000".to_owned()),
        part: Some("STM32F051K6".to_owned()),
        probe: Some("v2".to_owned()),
        seed: Some(u64::MAX),
        signal: Some("low".to_owned()),
        begins_with: Some("0123abcd".to_owned()),
        ..Header::default()
    };
    Recording::of(header, exchanges, Vec::new())
}
