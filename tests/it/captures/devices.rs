//! Captures of a bus with other devices on it.

use super::build::{ADDRESS, BUS, Event, LINKS, Link, bulk, descriptor, exchange, file, plain, sample, session};
use super::{NO_SNAP, PCAP};
use dryflash::probe::capture::{read, read_device};
use dryflash::probe::recording::{Device, RecordingError};

/// The same events at another device.
fn at(address: u16, mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        event.address = address;
        event.id += u64::from(address) << 20;
    }
    events
}

/// Both at once, packet by packet.
fn mixed(one: &[Event], other: &[Event]) -> Vec<Event> {
    let longest = one.len().max(other.len());
    (0..longest).flat_map(|n| [one.get(n), other.get(n)]).flatten().cloned().collect()
}

/// A memory stick: commands of 31 bytes, blocks, states of 13 bytes.
fn stick() -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..6 {
        events.extend(bulk(n * 3 + 1, 2, &[&b"USBC"[..], &[0; 27]].concat(), 0));
        events.extend(bulk(n * 3 + 2, 0x81, &[0xF2; 512], 0));
        events.extend(bulk(n * 3 + 3, 0x81, &[&b"USBS"[..], &[0; 9]].concat(), 0));
    }
    events
}

#[test]
fn other_devices_are_passed_over() {
    for link in LINKS {
        let probe = session(&sample(), 1, 64);
        let recording = read(&file(&mixed(&at(4, stick()), &probe), link, PCAP, NO_SNAP)).unwrap();
        assert_eq!(plain(&recording), sample(), "{link:?}");
        assert!(recording.is_whole());
        // The probe's own disk speaks over OUT 2.
        let disk = at(ADDRESS, stick()).into_iter().filter(|e| e.endpoint == 2).collect::<Vec<_>>();
        let disk: Vec<_> = disk.into_iter().map(|e| Event { address: ADDRESS, ..e }).collect();
        let recording = read(&file(&mixed(&probe, &disk), link, PCAP, NO_SNAP)).unwrap();
        assert_eq!(plain(&recording), sample(), "{link:?}");
        assert!(recording.is_whole());
    }
}

#[test]
fn a_descriptor_decides_where_there_is_one() {
    for link in LINKS {
        let stlink = [descriptor(0x0483, 0x374B).to_vec(), session(&sample(), 1, 64)].concat();
        // It says the same, but is something else.
        let other = at(5, [descriptor(0x1209, 0x0001).to_vec(), session(&sample()[..3], 1, 64)].concat());
        let recording = read(&file(&mixed(&other, &stlink), link, PCAP, NO_SNAP)).unwrap();
        assert_eq!(plain(&recording), sample(), "{link:?}");
        let error = read(&file(&other, link, PCAP, NO_SNAP)).unwrap_err().to_string();
        assert!(error.contains("no device of this capture speaks ST-LINK; its devices: 3.5 (1209:0001)"), "{error}");
        // Asked for by its place, it is read.
        let device = Device { bus: BUS, address: 5 };
        let recording = read_device(&file(&mixed(&other, &stlink), link, PCAP, NO_SNAP), Some(device)).unwrap();
        assert_eq!(plain(&recording), sample()[..3]);
    }
}

#[test]
fn of_two_probes_one_has_to_be_chosen() {
    let one = [descriptor(0x0483, 0x374B).to_vec(), session(&sample(), 1, 64)].concat();
    let other = at(9, session(&sample()[..3], 2, 64));
    let bytes = file(&mixed(&one, &other), Link::Usbmon64, PCAP, NO_SNAP);
    let error = read(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "2 devices of this capture speak ST-LINK: 3.9 with 3 commands, 3.17 (0483:374b) with 8 commands; say which one"
    );
    let RecordingError::Several(speakers) = error else { panic!("{error}") };
    let take = |n: usize| read_device(&bytes, Some(speakers[n].device)).unwrap();
    assert_eq!(plain(&take(0)), sample()[..3]);
    assert_eq!(plain(&take(1)), sample());
    let error = read_device(&bytes, Some(Device { bus: 1, address: 1 })).unwrap_err().to_string();
    assert!(
        error.contains("no ST-LINK commands to device 1.1; devices of this capture: 3.9, 3.17 (0483:374b)"),
        "{error}"
    );
}

#[test]
fn requests_on_other_buses_are_other_devices() {
    let one = session(&sample(), 1, 64);
    let other: Vec<_> = session(&[exchange(0, &[0xF1], &[1; 6])], 1, 64);
    let other: Vec<_> = other.into_iter().map(|e| Event { bus: 1, ..e }).collect();
    assert!(matches!(
        read(&file(&mixed(&one, &other), Link::UsbPcap, PCAP, NO_SNAP)),
        Err(RecordingError::Several(speakers)) if speakers.len() == 2
    ));
}
