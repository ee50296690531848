//! Captures in, commands out; and back.

mod build;

use build::{CONTAINERS, Container, LINKS, Link, bulk, descriptor, exchange, file, own, plain, sample, session};
use dryflash::probe::capture::{read, to_pcap};
use dryflash::probe::recording::Recording;

const PCAP: Container = Container::Pcap { big: false, nano: false };
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
fn our_own_goes_through_pcap_and_back_without_loss() {
    let recording = own(sample());
    let back = read(&to_pcap(&recording)).unwrap();
    assert_eq!(plain(&back), recording.exchanges);
    assert_eq!(back.header, recording.header);
    assert_eq!(back.flaws, []);
    assert_eq!(back.to_jsonl(), recording.to_jsonl());
}
