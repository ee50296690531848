//! pyOCD's trace log, and text that is no recording.

use super::build::{plain, sample};
use dryflash::probe::capture::{Form, form, read};
use dryflash::probe::recording::{Exchange, RecordingError, hex};
use std::fmt::Write as _;

/// As pyOCD 0.46 prints them: milliseconds, level, message, module.
pub fn log(exchanges: &[Exchange], colour: bool) -> String {
    let mut text = String::from("0000400 I Loading firmware.bin [load_cmd]\n");
    let mut line = |at: u64, message: String| {
        let millis = 412 + at / 1_000;
        let _ = match colour {
            false => writeln!(text, "{millis:07} D   {message} [usb]"),
            true => writeln!(
                text,
                "\x1b[34m{millis:07}\x1b[0m \x1b[2mD\x1b[0m \x1b[2m\x1b[97m  {message} \x1b[2m[usb]\x1b[0m"
            ),
        };
    };
    let spaced = |bytes: &[u8]| bytes.iter().map(|b| hex(&[*b])).collect::<Vec<_>>().join(" ");
    for exchange in exchanges {
        line(exchange.at, format!("USB CMD> (16) {}", spaced(&exchange.command)));
        if !exchange.data.is_empty() {
            line(exchange.at, format!("USB OUT> ({}) {}", exchange.data.len(), spaced(&exchange.data)));
        }
        if !exchange.reply.is_empty() {
            line(exchange.at, format!("USB IN < (req {} bytes)", exchange.reply.len()));
            line(exchange.at, format!("USB IN < ({}) {}", exchange.reply.len(), spaced(&exchange.reply)));
        }
    }
    text
}

/// The log knows milliseconds only.
fn in_millis() -> Vec<Exchange> {
    sample().into_iter().map(|e| Exchange { at: e.at / 1_000 * 1_000, ..e }).collect()
}

#[test]
fn every_transfer_is_in_the_log() {
    for colour in [false, true] {
        let text = log(&sample(), colour);
        assert_eq!(form(text.as_bytes()), Ok(Form::PyOcd));
        let recording = read(text.as_bytes()).unwrap();
        assert_eq!(plain(&recording), in_millis(), "{colour}");
        assert_eq!(recording.flaws, []);
        assert_eq!(recording.header.client.as_deref(), Some("pyOCD"));
        assert_eq!(recording.exchanges()[1].packet, Some(5));
    }
}

#[test]
fn a_log_cut_at_any_byte_keeps_what_was_before_and_is_told() {
    let text = log(&sample(), false);
    let mut kept = 0;
    for end in 0..text.len() {
        match read(&text.as_bytes()[..end]) {
            Ok(recording) => {
                let count = recording.entries.len();
                assert!(count >= kept, "cut at {end}: {count} of {kept}");
                let whole = in_millis();
                for (found, expected) in plain(&recording).iter().zip(&whole[..count - 1]) {
                    assert_eq!(found, expected, "cut at {end}");
                }
                // Only between two commands, or behind a line's last bracket, is nothing missing.
                let line_end = text.as_bytes()[end - 1] == b'\n' || text.as_bytes()[end] == b'\n';
                assert!(line_end || !recording.is_whole(), "cut at {end}");
                let complete = plain(&recording)[..] == whole[..count];
                assert!(complete || !recording.is_whole(), "cut at {end}: a reply is missing");
                kept = count;
            }
            Err(error) => {
                assert_eq!(kept, 0, "cut at {end}: {error}");
                assert!(
                    matches!(error, RecordingError::Form(_) | RecordingError::Line { .. }),
                    "cut at {end}: {error:?}"
                );
            }
        }
    }
    assert_eq!(kept, sample().len());
}

#[test]
fn a_log_with_a_line_missing_is_told_with_the_line() {
    let text = log(&sample(), false);
    let lines: Vec<&str> = text.lines().collect();
    for lost in 1..lines.len() {
        let kept: Vec<_> = lines.iter().enumerate().filter(|(n, _)| *n != lost).map(|(_, line)| *line).collect();
        let recording = read((kept.join("\n") + "\n").as_bytes()).unwrap();
        let whole = in_millis();
        for found in plain(&recording) {
            let known = whole.iter().any(|e| e.command == found.command && e.data == found.data);
            assert!(known, "without line {}", lost + 1);
        }
        // Nothing shows that a line is missing which asks only, or which alone is the command.
        let alone = lines[lost].contains("CMD>") && lines.get(lost + 1).is_some_and(|next| next.contains("CMD>"));
        let silent = lines[lost].contains("(req ") || alone;
        assert_eq!(recording.flaws.is_empty(), silent, "without line {}: {:?}", lost + 1, recording.flaws);
    }
}

#[test]
fn a_reply_that_never_came_is_told() {
    let text = log(&sample()[..3], false);
    let lost: String = text.lines().filter(|line| !line.contains("IN < (6)")).map(|line| format!("{line}\n")).collect();
    let recording = read(lost.as_bytes()).unwrap();
    assert_eq!(recording.flaws[0].to_string(), "packet 3: no reply came");
    assert!(recording.exchanges()[0].reply.is_empty());
}

#[test]
fn other_files_are_named_with_what_to_do() {
    let told = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    for (text, words) in [
        ("", "empty"),
        ("ffff888117c3a840 3575914560 S Bo:1:009:1 -115 16 = f1800000 00000000\n", "cuts data at 32 bytes"),
        ("Open On-Chip Debugger 0.12.0\nLicensed under GNU GPL v2\n", "OpenOCD"),
        ("Debug: 412 103 stlink_usb.c:1402 stlink_usb_init_mode(): MODE: 0x02\n", "OpenOCD"),
        ("st-flash 1.7.0\n2026-11-25T01:02:03 INFO common.c: F0xx: 8 KiB SRAM\n", "st-flash"),
        ("2026-11-25T01:02:03 DEBUG common.c: stlink current mode: debug\n", "st-flash"),
        ("0000412 I Target type is stm32f051 [board]\n", "-L '*trace*=debug'"),
        ("Time [s],Channel 0\n0.0,1\n", "levels of wires"),
        ("<SALEAE>\0\0", "Saleae"),
        ("PK\x03\x04", "Saleae"),
        ("\"No.\",\"Time\",\"Source\"\n", "save the capture itself"),
        ("hello\n", "neither"),
        ("\u{fd}\u{fc}", "neither"),
        (":020000040800F2\n", "neither"),
    ] {
        assert!(told(text.as_bytes()).contains(words), "{text:?}: {}", told(text.as_bytes()));
    }
    assert!(told(&[0x1F, 0x8B, 8, 0]).contains("unpack it first"));
    assert!(told(&[0x34, 0xCD, 0xB2, 0xA1, 0, 0]).contains("editcap"));
}
