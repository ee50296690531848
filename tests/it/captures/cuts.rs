//! Captures that are not whole: cut off, begun late, with packets missing or shortened.

use super::build::{
    CONTAINERS, Container, Event, LINKS, Link, bulk, exchange, file, own, plain, sample, session, simple,
};
use super::{NO_SNAP, PCAP};
use dryflash::probe::capture::{read, to_pcap};
use dryflash::probe::recording::{Exchange, Recording, RecordingError};

/// Whether `found` is how `whole` begins; the last reply may be cut.
fn begins(found: &[Exchange], whole: &[Exchange]) -> bool {
    let Some((last, before)) = found.split_last() else { return true };
    let Some(expected) = whole.get(before.len()) else { return false };
    let same = |e: &Exchange| Exchange { reply: Vec::new(), packet: None, ..e.clone() };
    before == &whole[..before.len()] && same(last) == same(expected) && expected.reply.starts_with(&last.reply)
}

/// Cuts at every byte. `ends` are the lengths at which nothing shows that something is missing.
fn cut_everywhere(bytes: &[u8], ends: &[usize], name: &str) {
    let whole = plain(&read(bytes).unwrap());
    let mut kept = 0;
    for end in 0..bytes.len() {
        match read(&bytes[..end]) {
            Ok(recording) => {
                let found = plain(&recording);
                assert!(begins(&found, &whole), "{name}, cut at {end}: {found:?}");
                assert!(found.len() >= kept, "{name}, cut at {end}: {} commands, {kept} before", found.len());
                assert!(!recording.is_whole() || ends.contains(&end), "{name}, cut at {end}: nothing told");
                assert!(recording.flaws.iter().all(|flaw| flaw.packet > 0), "{name}, cut at {end}");
                kept = found.len();
            }
            Err(error) => {
                assert_eq!(kept, 0, "{name}, cut at {end}: {error}");
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(kept + 1 >= whole.len(), "{name}: {kept} of {} commands", whole.len());
}

/// Sizes of the file with the first so many events.
fn ends(events: &[Event], link: Link, container: Container) -> Vec<usize> {
    (0..events.len()).map(|n| file(&events[..n], link, container, NO_SNAP).len()).collect()
}

#[test]
fn a_cut_at_any_byte_keeps_what_was_before_and_is_told() {
    for link in LINKS {
        for container in CONTAINERS {
            let events = session(&sample(), 1, 64);
            let bytes = file(&events, link, container, NO_SNAP);
            cut_everywhere(&bytes, &ends(&events, link, container), &format!("{link:?} {container:?}"));
        }
    }
    let events = session(&sample(), 1, 64);
    let ends: Vec<_> = (0..events.len()).map(|n| simple(&events[..n], Link::Usbmon64, NO_SNAP).len()).collect();
    cut_everywhere(&simple(&events, Link::Usbmon64, NO_SNAP), &ends, "simple packets");
}

#[test]
fn our_own_shows_every_cut() {
    let bytes = to_pcap(&own(sample()));
    // All but the completion of the end's own mark.
    cut_everywhere(&bytes, &[bytes.len() - 16 - 64], "our own");
}

#[test]
fn a_cut_between_packets_shows_where_a_command_is_not_done() {
    let events = session(&sample(), 1, 64);
    for end in 1..events.len() {
        let recording = read(&file(&events[..end], Link::Usbmon64, PCAP, NO_SNAP)).unwrap();
        // Done is a command when its reply is there, or its data where it has no reply.
        let count = |end: usize| {
            let found = read(&file(&events[..end], Link::Usbmon64, PCAP, NO_SNAP));
            found.map_or(0, |r: Recording| r.entries.len())
        };
        let exchanges = recording.exchanges();
        let last = exchanges.last().unwrap();
        let expected = &sample()[count(end) - 1];
        let next_begun = events[end - 1].endpoint == 1 && recording.flaws.iter().any(|f| f.what.contains("begins a"));
        let done = last.reply == expected.reply && !next_begun && events[end - 1].complete;
        if done {
            assert!(recording.is_whole(), "{end}: {:?}", recording.flaws);
        }
        let waits = last.reply.len() < expected.reply.len() && !events[end - 1].complete;
        assert!(!waits || !recording.is_whole(), "{end}: a reply is missing, and nothing told");
    }
}

#[test]
fn a_capture_may_begin_in_mid_session() {
    let events = session(&sample(), 1, 64);
    for link in LINKS {
        for begin in 1..events.len() - 4 {
            let recording = match read(&file(&events[begin..], link, PCAP, NO_SNAP)) {
                Ok(recording) => recording,
                Err(error) => panic!("{link:?} from {begin}: {error}"),
            };
            // What is found are the last commands, without one that was begun before.
            let whole: Vec<_> = sample().iter().map(|e| (e.command, e.data.clone(), e.reply.clone())).collect();
            let found: Vec<_> =
                recording.exchanges().into_iter().map(|e| (e.command, e.data.clone(), e.reply.clone())).collect();
            assert!(!found.is_empty() && whole.ends_with(&found), "{link:?} from {begin}: {found:?}");
            let on_a_command = events[begin].endpoint == 1
                && !events[begin].complete
                && sample().iter().any(|e| e.command[..] == events[begin].data);
            let told = recording.flaws.iter().any(|f| f.loss && f.what.contains("mid-session"));
            let silent = on_a_command || (!events[begin].complete && events[begin].endpoint == 0x81 && told);
            assert!(told != on_a_command || silent, "{link:?} from {begin}: {:?}", recording.flaws);
        }
    }
}

#[test]
fn a_lost_packet_never_becomes_another_command() {
    let events = session(&sample(), 1, 64);
    let whole = sample();
    for link in LINKS {
        for lost in 0..events.len() {
            let mut events = events.clone();
            let event = events.remove(lost);
            let recording = read(&file(&events, link, PCAP, NO_SNAP)).unwrap();
            let matters = event.complete == (event.endpoint == 0x81);
            let found: Vec<_> = recording.exchanges().into_iter().map(|e| (e.command, &e.data)).collect();
            for (command, data) in &found {
                let is = |e: &&Exchange| e.command == *command && e.data == **data;
                assert!(whole.iter().any(|e| is(&e)), "{link:?} without packet {}: {command:02x?}", lost + 1);
            }
            assert_eq!(recording.is_whole(), !matters, "{link:?} without packet {}: {:?}", lost + 1, recording.flaws);
            if !matters {
                assert_eq!(found.len(), whole.len());
            }
        }
    }
}

#[test]
fn a_short_snap_length_is_told_with_packet_and_lengths() {
    let write = vec![
        exchange(0, &[0xF2, 0x3E], &[0x80, 0]),
        exchange(5, &[0xF2, 0x08, 0, 0, 0, 0x20, 0, 0x18], &[]),
        exchange(9, &[0xF2, 0x3E], &[0x80, 0]),
    ];
    for link in LINKS {
        let header = if link == Link::UsbPcap { 27 } else { usize::from(link != Link::Usbmon48) * 16 + 48 };
        for container in CONTAINERS {
            let recording = read(&file(&session(&write, 1, 8192), link, container, header + 64)).unwrap();
            let flaws: Vec<_> = recording.flaws.iter().map(ToString::to_string).collect();
            assert_eq!(flaws, ["packet 7: 64 of 6144 bytes captured; use a larger snap length"], "{link:?}");
            assert!(!recording.is_whole());
            // The commands around it are as they were.
            let found = plain(&recording);
            assert_eq!((found.len(), &found[2]), (3, &write[2]));
            assert_eq!(found[1].data[..64], write[1].data[..64]);
            assert_eq!(found[1].data.len(), 6144);
            // Shorter than a command: nothing can be said.
            let error = read(&file(&session(&write, 1, 8192), link, container, header + 8)).unwrap_err().to_string();
            assert!(error.starts_with("packet 1: 8 of 16 bytes captured"), "{error}");
            // Shorter than the header.
            let error = read(&file(&session(&write, 1, 8192), link, container, 20)).unwrap_err().to_string();
            assert!(error.starts_with("packet 1: 20 bytes captured, the header alone has"), "{error}");
        }
    }
}

#[test]
fn a_reply_that_was_cut_is_told() {
    let read_memory = [exchange(0, &[0xF2, 0x07, 0, 0, 0, 0x20, 0, 1], &[0xAB; 256])];
    let recording = read(&file(&session(&read_memory, 1, 8192), Link::Usbmon64, PCAP, 64 + 100)).unwrap();
    assert_eq!(recording.exchanges()[0].reply, [0xAB; 100]);
    assert_eq!(recording.flaws[0].to_string(), "packet 4: 100 of 256 bytes captured; use a larger snap length");
}

#[test]
fn what_the_bus_refused_is_told_and_what_was_given_up_is_not_taken() {
    let mut events = session(&sample()[..1], 1, 64);
    // A stray read until its time-out, as pyOCD begins.
    let [submit, mut complete] = bulk(1, 0x81, &[], 0);
    complete.status = -2;
    events.splice(0..0, [submit, complete]);
    // Trace data.
    events.extend(bulk(2, 0x82, &[1; 100], 0));
    events.extend(bulk(3, 0x83, &[1; 100], 0));
    // A command that was given up before it was sent.
    let [submit, mut complete] = bulk(4, 1, &sample()[3].command, 1);
    (complete.status, complete.length) = (-104, 0);
    events.extend([submit, complete]);
    // A reply that stalled, then the same anew.
    events.extend(bulk(5, 1, &sample()[2].command, 2_000));
    let [submit, mut complete] = bulk(6, 0x81, &[], 2_000);
    complete.status = -32;
    events.extend([submit, complete]);
    events.extend(bulk(7, 0x81, &sample()[2].reply, 2_000));
    for link in [Link::Usbmon48, Link::Usbmon64] {
        let recording = read(&file(&events, link, PCAP, NO_SNAP)).unwrap();
        assert_eq!(plain(&recording), [sample()[0].clone(), sample()[2].clone()], "{link:?}");
        let flaws: Vec<_> = recording.flaws.iter().map(ToString::to_string).collect();
        assert_eq!(
            flaws,
            [
                "packet 11: the client gave this transfer up before any of it was sent",
                "packet 16: the transfer failed: status -32, stalled",
            ]
        );
        // Nothing is missing: it went like that.
        assert!(recording.is_whole());
    }
    // USBPcap does not tell how much was sent: the command may have reached the probe.
    let recording = read(&file(&events, Link::UsbPcap, PCAP, NO_SNAP)).unwrap();
    assert!(!recording.is_whole());
}

#[test]
fn half_a_command_on_the_bus_is_told() {
    let mut events = session(&sample()[3..5], 1, 64);
    // 64 bytes of data, of which 10 were sent.
    (events[3].status, events[3].length) = (-110, 10);
    let recording = read(&file(&events, Link::Usbmon64, PCAP, NO_SNAP)).unwrap();
    assert!(!recording.is_whole());
    assert_eq!(recording.flaws[0].to_string(), "packet 3: the transfer failed: status -110, timed out");
}

#[test]
fn nothing_is_an_error_of_its_own() {
    for container in CONTAINERS {
        let error = read(&file(&[], Link::Usbmon64, container, NO_SNAP)).unwrap_err();
        assert!(matches!(&error, RecordingError::Nothing(what) if what.contains("no packets")), "{error}");
    }
}
