//! Captures in, commands out; and back.

mod build;
mod corpus;
mod cuts;
mod devices;
mod logs;
mod wireshark;

use build::{CONTAINERS, Container, LINKS, Link, exchange, file, own, plain, sample, section, session, simple};
use dryflash::probe::capture::{Form, form, read, to_pcap};
use dryflash::probe::recording::{Exchange, Flaw, Header, Recording};
use dryflash::probe::stlink::Command;
use proptest::prelude::*;

/// The simplest of files.
const PCAP: Container = Container::Pcap { big: false, nano: false };
/// No packet is longer.
const NO_SNAP: usize = 1 << 18;

#[test]
fn every_form_holds_the_same_session() {
    for link in LINKS {
        for container in CONTAINERS {
            for (out, piece) in [(1, 4096), (2, 64), (1, 7)] {
                let bytes = file(&session(&sample(), out, piece), link, container, NO_SNAP);
                let recording = read(&bytes).unwrap_or_else(|e| panic!("{link:?} {container:?}: {e}"));
                assert_eq!(plain(&recording), sample(), "{link:?} {container:?} {out} {piece}");
                assert_eq!(recording.flaws, [], "{link:?} {container:?} {out} {piece}");
                assert!(recording.is_whole());
            }
        }
    }
}

#[test]
fn the_packet_of_a_command_is_wireshark_s() {
    let recording = read(&file(&session(&sample(), 1, 4096), Link::Usbmon64, PCAP, NO_SNAP)).unwrap();
    let packets: Vec<_> = recording.exchanges().into_iter().map(|e| e.packet.unwrap()).collect();
    // Two packets each for a command, its data and its reply.
    assert_eq!(packets, [1, 5, 7, 11, 15, 19, 23, 27]);
}

#[test]
fn pcapng_may_change_its_mind() {
    let events = session(&sample(), 1, 4096);
    let (first, rest) = events.split_at(10);
    let (second, third) = rest.split_at(10);
    let container = |big, resolution| Container::PcapNg { big, resolution: Some(resolution), offset: 0, old: false };
    let bytes = [
        section(&[(Link::UsbPcap, &[]), (Link::Usbmon64, first)], container(true, 9), NO_SNAP),
        section(&[(Link::Usbmon48, second), (Link::Usbmon64, third)], container(false, 6), NO_SNAP),
    ]
    .concat();
    assert_eq!(form(&bytes), Ok(Form::PcapNg));
    let recording = read(&bytes).unwrap();
    assert_eq!(plain(&recording), sample());
    assert_eq!(recording.flaws, []);
}

#[test]
fn simple_packets_have_no_time() {
    let recording = read(&simple(&session(&sample(), 1, 4096), Link::Usbmon64, NO_SNAP)).unwrap();
    let expected: Vec<_> = sample().into_iter().map(|e| Exchange { at: 0, ..e }).collect();
    assert_eq!(plain(&recording), expected);
}

#[test]
fn other_links_are_named() {
    let mut bytes = file(&session(&sample(), 1, 4096), Link::Usbmon64, PCAP, NO_SNAP);
    for (link, name) in [(1_u8, "Ethernet"), (186, "USB of FreeBSD"), (147, "link type 147")] {
        bytes[20] = link;
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("usbmon"), "{error}");
    }
}

#[test]
fn damage_is_told_with_its_packet() {
    let good = file(&session(&sample(), 1, 4096), Link::Usbmon64, CONTAINERS[4], NO_SNAP);
    // The third packet's block: sixth in the file.
    let mut at = 0;
    for _ in 0..5 {
        at += u32::from_le_bytes(good[at + 4..at + 8].try_into().unwrap()) as usize;
    }
    let told = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at + offset] = value;
        let recording = read(&bytes).unwrap();
        assert!(!recording.is_whole());
        recording.flaws.iter().map(Flaw::to_string).collect::<Vec<_>>().join("; ")
    };
    assert!(told(4, 13).contains("packet 3: a block of 13 bytes"), "{}", told(4, 13));
    assert!(told(8, 1).contains("packet 3: interface 1 was not described"), "{}", told(8, 1));
    assert!(told(20, 0xFF).contains("packet 3: a packet's block of"), "{}", told(20, 0xFF));
    assert!(told(7, 0x7F).contains("packet 3: the file is cut off here"), "{}", told(7, 0x7F));
    let version = |at: usize, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at] = 7;
        read(&bytes).unwrap_err().to_string()
    };
    assert!(version(12, &good).contains("version 7 of pcapng"));
    assert!(version(4, &file(&[], Link::Usbmon64, PCAP, 64)).contains("version 7.4 of pcap"));
}

#[test]
fn our_own_goes_through_pcap_and_back_without_loss() {
    let recording = own(sample());
    let back = read(&to_pcap(&recording)).unwrap();
    assert_eq!(plain(&back), plain(&recording));
    assert_eq!((&back.header, &back.flaws), (&recording.header, &vec![]));
    assert_eq!(back.to_jsonl(), recording.to_jsonl());
    // A session without a command is one as well.
    let empty = own(Vec::new());
    assert_eq!(read(&to_pcap(&empty)).unwrap(), empty);
}

#[test]
fn flaws_are_kept_through_every_form() {
    let bytes = file(&session(&sample(), 1, 4096), Link::Usbmon64, PCAP, 64 + 16);
    let lossy = read(&bytes).unwrap();
    assert!(!lossy.is_whole());
    let again = Recording::from_jsonl(&lossy.to_jsonl()).unwrap();
    assert_eq!((&again.flaws, again.is_whole()), (&lossy.flaws, false));
    let again = read(&to_pcap(&lossy)).unwrap();
    assert_eq!((&again.flaws, again.is_whole()), (&lossy.flaws, false));
    assert_eq!(again.to_jsonl(), lossy.to_jsonl());
}

#[test]
fn a_header_longer_than_a_transfer_is_kept() {
    let mut recording = own(sample());
    recording.header.client = Some("\u{fc}".repeat(100_000));
    let back = read(&to_pcap(&recording)).unwrap();
    assert_eq!(back.to_jsonl(), recording.to_jsonl());
}

/// A command: any bytes, or one that takes data.
fn command() -> impl Strategy<Value = [u8; 16]> {
    let write = (prop::sample::select(vec![0x08, 0x0D, 0x48, 0x50]), any::<u32>(), 0..3_000_u16).prop_map(
        |(opcode, address, length)| {
            let mut command = [0; 16];
            command[..2].copy_from_slice(&[0xF2, opcode]);
            command[2..6].copy_from_slice(&address.to_le_bytes());
            command[6..8].copy_from_slice(&length.to_le_bytes());
            command
        },
    );
    prop_oneof![any::<[u8; 16]>(), write]
}

/// An exchange as only a recording of our own may have it: any reply to any command.
fn any_exchange() -> impl Strategy<Value = Exchange> {
    (any::<u64>(), command(), prop::collection::vec(any::<u8>(), 0..200), any::<u8>()).prop_map(
        |(at, command, reply, seed)| {
            let data = (0..Command::of(&command).data_length()).map(|n| (n as u8).wrapping_mul(31) ^ seed).collect();
            Exchange { at, command, data, reply, packet: None }
        },
    )
}

/// What a client would say: commands that exist, with replies where they have some, as time goes by.
fn conversation() -> impl Strategy<Value = Vec<Exchange>> {
    let one = (0..5_000_000_u64, command(), prop::collection::vec(any::<u8>(), 1..200), any::<bool>());
    prop::collection::vec(one, 1..12).prop_map(|list| {
        let mut now = 0;
        let exchange = |(n, (wait, mut command, reply, is_write)): (usize, (u64, [u8; 16], Vec<u8>, bool))| {
            now += if n == 0 { 0 } else { wait };
            let writes = command[0] == 0xF2 && Command::of(&command).data_length() > 0;
            if !writes {
                command[..2].copy_from_slice(if is_write { &[0xF3, 0x07] } else { &[0xF2, 0x07] });
            }
            exchange(now, &command, if writes || is_write { &[] } else { &reply })
        };
        list.into_iter().enumerate().map(exchange).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn our_own_survives_pcap_byte_for_byte(
        exchanges in prop::collection::vec(any_exchange(), 0..12),
        seed in any::<Option<u64>>(),
        client in any::<Option<String>>(),
        v3 in any::<bool>(),
    ) {
        let header = Header { seed, client, probe: v3.then(|| "v3".to_owned()), ..Header::default() };
        let lines = Recording::of(header, exchanges, Vec::new()).to_jsonl();
        let recording = read(&lines).unwrap();
        let back = read(&to_pcap(&recording)).unwrap();
        prop_assert!(back.is_whole());
        prop_assert_eq!(String::from_utf8(back.to_jsonl()), String::from_utf8(lines));
    }

    #[test]
    fn any_conversation_is_found_in_any_form(
        exchanges in conversation(),
        link in prop::sample::select(LINKS.to_vec()),
        container in prop::sample::select(CONTAINERS.to_vec()),
        out in 1..3_u8,
        piece in 1..5_000_usize,
    ) {
        let recording = read(&file(&session(&exchanges, out, piece), link, container, NO_SNAP)).unwrap();
        prop_assert_eq!(&recording.flaws, &[]);
        prop_assert_eq!(plain(&recording), exchanges);
    }
}
