//! Wireshark's own dissector looks at what is written.

use super::build::{own, sample};
use dryflash::probe::capture::to_pcap;
use std::process::Command;

/// What tshark prints: the fields of each packet that the filter lets through. None where it is missing.
fn tshark(file: &std::path::Path, filter: &str, fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-2", "-r"]).arg(file).args(["-Y", filter, "-T", "fields"]);
    fields.iter().for_each(|field| _ = command.args(["-e", field]));
    let output = match command.output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

#[test]
fn wireshark_opens_what_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.pcap");
    std::fs::write(&file, to_pcap(&own(sample()))).unwrap();
    let Some(bulk) = tshark(
        &file,
        "usb.transfer_type == 3 && usb.data_flag == 0",
        &["usb.endpoint_address", "usb.urb_len", "usb.capdata", "frame.time_epoch"],
    ) else {
        assert!(std::env::var_os("CI").is_none(), "tshark is missing; `cargo xtask setup` installs it");
        eprintln!("SKIPPED: tshark is missing (Debian: apt-get install tshark)");
        return;
    };
    let hex = dryflash::probe::recording::hex;
    let mut expected = Vec::new();
    for exchange in sample() {
        let time = format!("{}.{:06}000", exchange.at / 1_000_000, exchange.at % 1_000_000);
        for (endpoint, bytes) in [("0x01", &exchange.command[..]), ("0x01", &exchange.data), ("0x81", &exchange.reply)]
        {
            if !bytes.is_empty() {
                expected.push(vec![endpoint.to_owned(), bytes.len().to_string(), hex(bytes), time.clone()]);
            }
        }
    }
    assert_eq!(bulk, expected);
    let named = tshark(&file, "usb.idVendor", &["usb.idVendor", "usb.idProduct"]).unwrap();
    assert_eq!(named, [["0x0483", "0x374b"]]);
    let endpoints = tshark(&file, "usb.bDescriptorType == 5", &["usb.bEndpointAddress"]).unwrap();
    assert_eq!(endpoints, [["0x81,0x01,0x82"]]);
    // Each request finds its answer, and nothing is malformed.
    assert_eq!(
        tshark(&file, "_ws.malformed || _ws.expert.severity >= 6291456", &["frame.number"]).unwrap(),
        [[""; 0]; 0]
    );
    let submitted = tshark(&file, "usb.urb_type == 83", &["usb.response_in"]).unwrap();
    assert!(submitted.iter().all(|response| response[0].parse::<u32>().is_ok()), "{submitted:?}");
}
