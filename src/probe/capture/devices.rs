//! Which of a capture's devices speaks ST-LINK, and what it was told.

use super::super::Model;
use super::super::recording::{Device, Flaw, Header, Recording, RecordingError, Speaker};
use super::super::stlink::COMMAND;
use super::super::usb;
use super::container::{Packet, Packets};
use super::session::{Direction, Fate, Session, Transfer};
use super::urb::{self, Kind, Outcome, Stage, Urb, link_name};
use super::write::Mark;
use std::collections::{BTreeMap, BTreeSet};

/// What the commands go to: V2 has OUT 2, all later ones OUT 1.
const OUT: [u8; 2] = [usb::OUT, 0x02];

/// Products of ST that speak ST-LINK over bulk transfers: V2, V2-1 and V3 in their kinds.
const PRODUCTS: [u16; 11] = [0x3748, 0x374A, 0x374B, 0x374D, 0x374E, 0x374F, 0x3752, 0x3753, 0x3754, 0x3755, 0x3757];

/// One device's part of a capture.
#[derive(Debug, Default)]
struct Line<'a> {
    /// From device descriptors.
    ids: BTreeSet<(u16, u16)>,
    /// Of the bulk endpoints that matter, each with its endpoint.
    transfers: Vec<(u8, Transfer<'a>)>,
    /// OUT transfers and IN requests on their way, by id: their place in `transfers`.
    open: BTreeMap<u64, usize>,
    /// dryflash's own marks.
    header: Vec<u8>,
    end: Option<u64>,
    /// Its last packet.
    last: u64,
}

/// Reads the packets of the device, or of the only one that speaks ST-LINK.
pub(super) fn recording(packets: Packets<'_>, wanted: Option<Device>) -> Result<Recording, RecordingError> {
    let (lines, mut flaws, links) = lines(&packets);
    flaws.extend(packets.end);
    let speaks = |(device, line): (&Device, &Line<'_>)| {
        let found = line.session()?;
        let fits = match (wanted, line.is_stlink()) {
            (Some(wanted), _) => *device == wanted,
            (None, Some(is)) => is,
            (None, None) => found.session.exchanges.len() > found.session.strays,
        };
        let ids = line.ids.first().copied();
        let speaker = Speaker { device: *device, ids, commands: found.session.exchanges.len() };
        fits.then_some((speaker, found))
    };
    let mut speakers: Vec<_> = lines.iter().filter_map(speaks).collect();
    if speakers.len() > 1 {
        return Err(RecordingError::Several(speakers.into_iter().map(|(speaker, _)| speaker).collect()));
    }
    let Some((_, found)) = speakers.pop() else {
        return Err(nothing(&lines, flaws, &links, wanted));
    };
    flaws.extend(found.session.flaws);
    flaws.sort_by_key(|flaw| flaw.packet);
    let mut header = found.header;
    // A recording that was not whole before it became a capture.
    let before = std::mem::take(&mut header.flaws);
    Ok(Recording::of(header, found.session.exchanges, [before, flaws].concat()))
}

/// Why there is no session.
fn nothing(
    lines: &BTreeMap<Device, Line<'_>>,
    flaws: Vec<Flaw>,
    links: &BTreeSet<u16>,
    wanted: Option<Device>,
) -> RecordingError {
    if let Some(Flaw { packet, what, .. }) = flaws.into_iter().next() {
        return RecordingError::Packet { packet, what };
    }
    if let Some(transfer) = lines.values().find_map(Line::short_command) {
        return RecordingError::Packet { packet: transfer.packet, what: transfer.shortened() };
    }
    let others = || {
        let list: Vec<String> = lines.iter().map(|(device, line)| line.name(*device)).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    };
    RecordingError::Nothing(match wanted {
        Some(device) => format!("no ST-LINK commands to device {device}; devices of this capture: {}", others()),
        None if links.is_empty() => "the capture has no packets".to_owned(),
        None if links.iter().any(|link| urb::is_usb(*link)) => format!(
            "no device of this capture speaks ST-LINK; its devices: {}; capture the bus that the probe is at",
            others()
        ),
        None => {
            let list: Vec<_> = links.iter().map(|link| link_name(*link)).collect();
            format!("the capture holds {}; capture with usbmon (Linux) or USBPcap (Windows)", list.join(" and "))
        }
    })
}

type Lines<'a> = (BTreeMap<Device, Line<'a>>, Vec<Flaw>, BTreeSet<u16>);

/// Sorts packets by device; also the packets that cannot be read, and the link types seen.
fn lines<'a>(packets: &Packets<'a>) -> Lines<'a> {
    let mut lines: BTreeMap<Device, Line<'a>> = BTreeMap::new();
    let (mut flaws, mut links) = (Vec::new(), BTreeSet::new());
    let begin = packets.packets.first().map_or(0, |packet| packet.time);
    for packet in &packets.packets {
        links.insert(packet.link);
        match urb::read(packet) {
            Ok(Some(urb)) => lines.entry(urb.device).or_default().take(packet, urb, begin),
            Ok(None) => {}
            Err(what) => flaws.push(Flaw { packet: packet.number, what, loss: true }),
        }
    }
    (lines, flaws, links)
}

/// A line's commands.
struct Found {
    session: Session,
    header: Header,
}

impl<'a> Line<'a> {
    fn take(&mut self, packet: &Packet<'a>, urb: Urb<'a>, begin: i128) {
        self.last = packet.number;
        match urb.kind {
            Kind::Control => self.control(&urb),
            Kind::Bulk if urb.endpoint == usb::IN || OUT.contains(&urb.endpoint) => self.bulk(packet, urb, begin),
            Kind::Bulk | Kind::Other => {}
        }
    }

    fn control(&mut self, urb: &Urb<'a>) {
        match (urb.stage, urb.setup) {
            // A device descriptor (USB 2.0, 9.6.1).
            (Stage::Complete, _) => {
                if let &[18, 1, _, _, _, _, _, _, v0, v1, p0, p1, ..] = urb.data {
                    self.ids.insert((u16::from_le_bytes([v0, v1]), u16::from_le_bytes([p0, p1])));
                }
            }
            (Stage::Submit, Some(setup)) => match Mark::read(&setup, urb.data) {
                Some(Mark::Header(text)) => self.header.extend(text),
                Some(Mark::End(count)) => self.end = Some(count),
                None => {}
            },
            (Stage::Submit, None) => {}
        }
    }

    fn bulk(&mut self, packet: &Packet<'a>, urb: Urb<'a>, begin: i128) {
        // Its own captures hold times that a pcap's record has no room for.
        let time = match urb.time {
            Some(time) if !self.header.is_empty() => time,
            _ => packet.time - begin,
        };
        let at = u64::try_from(time.max(0)).unwrap_or(u64::MAX);
        let out = urb.endpoint & 0x80 == 0;
        let direction = if out { Direction::Out } else { Direction::In };
        let Urb { data, whole, .. } = urb;
        let mut transfer = Transfer { packet: packet.number, at, direction, data, whole, fate: Fate::Open };
        if urb.stage == Stage::Submit {
            if !out {
                (transfer.data, transfer.whole) = (&[], 0);
            }
            self.open.insert(urb.id, self.transfers.len());
            self.transfers.push((urb.endpoint, transfer));
            return;
        }
        let submitted = self.open.remove(&urb.id).filter(|at| self.transfers[*at].0 == urb.endpoint);
        let fate = |whole: usize| match (urb.outcome, urb.actual) {
            (Outcome::Cancelled, Some(0)) => Fate::Never,
            (Outcome::Cancelled, _) if !out => Fate::Never,
            (Outcome::Cancelled, Some(n)) => Fate::Failed(format!("the client gave it up after {n} bytes")),
            (Outcome::Cancelled, None) => Fate::Failed("the client gave it up".to_owned()),
            (Outcome::Failed(how), _) => Fate::Failed(how),
            (Outcome::Done, Some(n)) if out && n < whole => Fate::Failed(format!("{n} of {whole} bytes were sent")),
            (Outcome::Done, _) => Fate::Done,
        };
        match (submitted, out) {
            (Some(at), true) => {
                let transfer = &mut self.transfers[at].1;
                transfer.fate = fate(transfer.whole);
            }
            // The data of an OUT stands in its submission.
            (None, true) => {
                transfer.fate = Fate::Unseen;
                self.transfers.push((urb.endpoint, transfer));
            }
            (submitted, false) => {
                transfer.fate = fate(0);
                // Replies count where they came, not where they were asked for.
                if let Some(at) = submitted {
                    self.transfers[at].1.fate = Fate::Done;
                }
                self.transfers.push((urb.endpoint, transfer));
            }
        }
    }

    /// Whether it is an ST-LINK; None where no descriptor tells.
    fn is_stlink(&self) -> Option<bool> {
        let stlink = |(vendor, product): &(u16, u16)| *vendor == Model::VENDOR && PRODUCTS.contains(product);
        (!self.ids.is_empty()).then(|| self.ids.iter().any(stlink))
    }

    /// What it was told over the endpoint that took more commands, if there were any.
    fn session(&self) -> Option<Found> {
        // A header that cannot be read is not one of ours.
        let header = std::str::from_utf8(&self.header).ok().and_then(|text| Header::from_json(text).ok());
        let own = header.is_some();
        let of = |endpoint: u8| {
            let is = |e: u8| e == usb::IN || e == endpoint;
            let transfers: Vec<_> = self.transfers.iter().filter(|(e, _)| is(*e)).map(|(_, t)| t.clone()).collect();
            Session::of(&transfers, own)
        };
        let session = OUT.map(of).into_iter().rev().max_by_key(|session| session.exchanges.len())?;
        let mut found = Found { session, header: header.unwrap_or_default() };
        let count = found.session.exchanges.len() as u64;
        if own && self.end != Some(count) {
            let what = match self.end {
                Some(end) => format!("{count} of {end} commands are there"),
                None => format!("the end of the recording is missing; it has {count} commands as it is"),
            };
            found.session.flaws.push(Flaw { packet: self.last, what, loss: true });
        }
        (own || count > 0).then_some(found)
    }

    /// What may be a command, but was not captured whole.
    fn short_command(&self) -> Option<&Transfer<'a>> {
        let short = |t: &&Transfer<'_>| t.direction == Direction::Out && t.whole == COMMAND && t.data.len() < COMMAND;
        self.transfers.iter().map(|(_, t)| t).find(short)
    }

    fn name(&self, device: Device) -> String {
        let ids: Vec<_> = self.ids.iter().map(|(vendor, product)| format!("{vendor:04x}:{product:04x}")).collect();
        if ids.is_empty() { device.to_string() } else { format!("{device} ({})", ids.join(", ")) }
    }
}
