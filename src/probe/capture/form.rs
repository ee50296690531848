//! What a file is, by its bytes; and for forms that are not read, what to do instead.

use std::borrow::Cow;

/// The forms that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Our own, a command a line.
    JsonLines,
    /// pcap of either byte order.
    Pcap {
        /// The order of its numbers.
        big_endian: bool,
        /// Nanoseconds, not microseconds.
        nanoseconds: bool,
    },
    /// pcapng.
    PcapNg,
    /// The log of pyOCD with its trace lines.
    PyOcd,
}

/// Finds out the form.
///
/// # Errors
/// None of them: what it looks like, and what to do.
pub fn form(bytes: &[u8]) -> Result<Form, String> {
    let pcap = |big_endian, nanoseconds| Ok(Form::Pcap { big_endian, nanoseconds });
    match bytes {
        [] => return Err("the file is empty".to_owned()),
        [0xD4, 0xC3, 0xB2, 0xA1, ..] => return pcap(false, false),
        [0xA1, 0xB2, 0xC3, 0xD4, ..] => return pcap(true, false),
        [0x4D, 0x3C, 0xB2, 0xA1, ..] => return pcap(false, true),
        [0xA1, 0xB2, 0x3C, 0x4D, ..] => return pcap(true, true),
        [0x0A, 0x0D, 0x0D, 0x0A, ..] => return Ok(Form::PcapNg),
        _ => {}
    }
    if let Some(what) = binary(bytes) {
        return Err(what.to_owned());
    }
    // The first lines tell; a log begins with whatever its program had to say.
    let head = &bytes[..bytes.len().min(64 * 1024)];
    let text = String::from_utf8_lossy(head);
    if text.lines().next().is_some_and(|line| line.trim_start().starts_with('{')) {
        return Ok(Form::JsonLines);
    }
    // Trace lines may begin late.
    if find(bytes, super::pyocd::COMMAND.as_bytes()) {
        return Ok(Form::PyOcd);
    }
    Err(text.lines().take(200).find_map(log_line).unwrap_or(Cow::Borrowed(NOT_KNOWN)).into_owned())
}

const NOT_KNOWN: &str = "no recording: it is neither dryflash's own form (JSON Lines), nor pcap or pcapng, nor a log of pyOCD \
                         with its trace lines";

fn find(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Other programs' binary files, by how they begin.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [0x1F, 0x8B, ..]
        | [0x28, 0xB5, 0x2F, 0xFD, ..]
        | [b'B', b'Z', b'h', ..]
        | [0xFD, b'7', b'z', b'X', b'Z', ..] => "a compressed file; unpack it first",
        [0xA1, 0xB2, 0xCD, 0x34, ..] | [0x34, 0xCD, 0xB2, 0xA1, ..] => {
            "a pcap of an old, changed form; rewrite it: `editcap -F pcap IN OUT`"
        }
        [b's', b'n', b'o', b'o', b'p', 0, ..] => "a capture of snoop, which holds no USB",
        [b'P', b'K', 3, 4, ..] => {
            "a zip file, or a session of a Saleae logic analyser, which holds the levels of wires; capture the USB \
             transfers: with usbmon (Linux) or USBPcap (Windows)"
        }
        [b'<', b'S', b'A', b'L', b'E', b'A', b'E', b'>', ..] => {
            "an export of a Saleae logic analyser, which holds the levels of wires; capture the USB transfers: with \
             usbmon (Linux) or USBPcap (Windows)"
        }
        [0x7F, b'E', b'L', b'F', ..] => "an ELF file, which is no recording",
        _ => return None,
    })
}

/// Logs and text that are no recording, by a line.
fn log_line(line: &str) -> Option<Cow<'static, str>> {
    let has = |what: &str| line.contains(what);
    let words = if is_usbmon_text(line) {
        "usbmon's text form, which cuts data at 32 bytes; capture its binary form: `tcpdump -i usbmon1 -s 0 -w \
         session.pcap`"
    } else if has("Open On-Chip Debugger") || is_openocd(line) {
        "a log of OpenOCD, which holds no data of commands; record it with `dryflash serve --record`, or capture the \
         USB bus"
    } else if has("DEBUG common.c") || has("DEBUG usb.c") || has("INFO common.c") || line.starts_with("st-flash ") {
        "a log of st-flash, which holds no data of commands; record it with `dryflash with --record`, or capture the \
         USB bus"
    } else if is_pyocd(line) {
        "a log of pyOCD without its trace lines; run pyOCD with `-L '*trace*=debug'`"
    } else if has("Time [s]") || has("$timescale") {
        "the levels of wires, from a logic analyser; capture the USB transfers: with usbmon (Linux) or USBPcap \
         (Windows)"
    } else if line.starts_with("\"No.\",\"Time\"") {
        "Wireshark's list of packets, without their data; save the capture itself (File, Save As, pcapng)"
    } else {
        return None;
    };
    Some(words.into())
}

/// `ffff8881 1234 S Bo:1:002:1 -115 16 = f1800000`: an URB's id, microseconds, the event, type and direction.
fn is_usbmon_text(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let (id, time, event, address) = (words.next(), words.next(), words.next(), words.next());
    id.is_some_and(|w| w.len() >= 8 && w.bytes().all(|b| b.is_ascii_hexdigit()))
        && time.is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()))
        && event.is_some_and(|w| matches!(w, "S" | "C" | "E"))
        && address.is_some_and(|w| matches!(w.as_bytes(), [b'C' | b'Z' | b'I' | b'B', b'i' | b'o', b':', ..]))
}

/// `Debug: 12 34 stlink_usb.c:512 stlink_usb_xfer(): ...`.
fn is_openocd(line: &str) -> bool {
    let level = ["Debug: ", "Info : ", "User : ", "Warn : ", "Error: "].iter().find_map(|l| line.strip_prefix(l));
    level
        .and_then(|rest| rest.split(' ').next())
        .is_some_and(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit()))
}

/// `0000521 I Target type is stm32f051 [board]`.
fn is_pyocd(line: &str) -> bool {
    let line = super::pyocd::without_colours(line);
    let mut words = line.split(' ');
    words.next().is_some_and(|w| w.len() >= 7 && w.bytes().all(|b| b.is_ascii_digit()))
        && words.next().is_some_and(|w| matches!(w, "D" | "I" | "W" | "E" | "C"))
        && line.trim_end().ends_with(']')
}
