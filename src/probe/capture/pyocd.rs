//! The log that pyOCD 0.46 writes with `-L '*trace*=debug'`: its ST-LINK layer prints every transfer with all bytes.
//!
//! A line is `MILLISECONDS LEVEL   USB CMD> (16) f1 80 ... [usb]`; likewise `USB OUT>` for data, and `USB IN <` for a
//! reply, which a line with `(req N bytes)` announces. Colours and other lines are passed over.

use super::super::recording::{Exchange, Flaw, Header, Recording, RecordingError, from_hex};
use super::super::stlink::{self, COMMAND as COMMAND_LENGTH};
use super::session::has_reply;
use std::borrow::Cow;

/// How a command's line is known.
pub(super) const COMMAND: &str = "USB CMD> (";
const DATA: &str = "USB OUT> (";
const REPLY: &str = "USB IN < (";

/// What a log has come to so far.
#[derive(Default)]
struct Reader {
    exchanges: Vec<Exchange>,
    flaws: Vec<Flaw>,
    /// A command whose data has not come.
    due: Option<Exchange>,
    /// The line that asked for a reply which has not come.
    asked: Option<u64>,
    /// Whether replies belong to the last exchange.
    in_step: bool,
    /// The time of the first command, in milliseconds.
    begin: Option<u64>,
}

/// Reads a log.
pub(super) fn recording(bytes: &[u8]) -> Result<Recording, RecordingError> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::default();
    let mut last = 0;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        last = number;
        if !line.ends_with('\n') && !without_colours(line).trim_end().ends_with(']') {
            reader.lost(number, "the log is cut off in this line".to_owned());
        }
        if let Err(what) = reader.line(number, &without_colours(line.trim_end())) {
            reader.lost(number, what);
            reader.in_step = false;
        }
    }
    reader.end(last);
    match reader.exchanges.is_empty() {
        false => Ok(Recording::of(header(), reader.exchanges, reader.flaws)),
        true => Err(match reader.flaws.into_iter().next() {
            Some(Flaw { packet, what, .. }) => RecordingError::Line { line: packet, what },
            None => RecordingError::Nothing("the log holds no command".to_owned()),
        }),
    }
}

fn header() -> Header {
    Header { client: Some("pyOCD".to_owned()), ..Header::default() }
}

impl Reader {
    fn lost(&mut self, line: u64, what: String) {
        self.flaws.push(Flaw { packet: line, what, loss: true });
    }

    fn line(&mut self, number: u64, line: &str) -> Result<(), String> {
        if let Some(at) = line.find(COMMAND) {
            self.settle(number);
            let millis = line.split(' ').next().and_then(|w| w.parse().ok());
            self.command(number, millis, &line[at + COMMAND.len()..])
        } else if let Some(at) = line.find(DATA) {
            self.data(&line[at + DATA.len()..])
        } else if let Some(at) = line.find(REPLY) {
            self.reply(number, &line[at + REPLY.len()..])
        } else {
            Ok(())
        }
    }

    fn command(&mut self, number: u64, millis: Option<u64>, rest: &str) -> Result<(), String> {
        self.in_step = false;
        let bytes = payload(rest)?;
        let command = <[u8; COMMAND_LENGTH]>::try_from(bytes)
            .map_err(|b| format!("{} bytes, a command has {COMMAND_LENGTH}", b.len()))?;
        let millis = millis.or(self.begin).unwrap_or(0);
        let since = millis.saturating_sub(*self.begin.get_or_insert(millis));
        let at = since.saturating_mul(1_000);
        let exchange = Exchange { at, command, data: Vec::new(), reply: Vec::new(), packet: Some(number) };
        match stlink::Command::decode(&command).data_length() {
            0 => self.exchanges.push(exchange),
            _ => self.due = Some(exchange),
        }
        self.in_step = true;
        Ok(())
    }

    fn data(&mut self, rest: &str) -> Result<(), String> {
        let data = payload(rest)?;
        let Some(mut exchange) = self.due.take() else {
            return Err("data without a command that takes some; something is missing before it".to_owned());
        };
        let wanted = stlink::Command::decode(&exchange.command).data_length();
        exchange.data.extend(data);
        match exchange.data.len() {
            there if there > wanted => Err(format!("{there} bytes of data for a command that takes {wanted}")),
            there => {
                if there < wanted {
                    self.due = Some(exchange)
                } else {
                    self.exchanges.push(exchange)
                }
                Ok(())
            }
        }
    }

    fn reply(&mut self, number: u64, rest: &str) -> Result<(), String> {
        if rest.starts_with("req ") {
            self.asked = Some(number);
            return Ok(());
        }
        self.asked = None;
        let reply = payload(rest)?;
        // pyOCD reads a reply at once.
        let fits = |e: &&mut Exchange| e.reply.is_empty() && has_reply(&e.command) != Some(false);
        let waits = self.in_step && self.due.is_none();
        match self.exchanges.last_mut().filter(|_| waits).filter(fits) {
            Some(exchange) => {
                exchange.reply = reply;
                Ok(())
            }
            None => Err("a reply without its command; something is missing before it".to_owned()),
        }
    }

    /// A new command comes: whatever the last one still waited for does not.
    fn settle(&mut self, number: u64) {
        if let Some(due) = self.due.take() {
            self.left_out(&due, number);
        }
        if let Some(line) = self.asked.take() {
            let what = "no reply came".to_owned();
            self.flaws.push(Flaw { packet: line, what, loss: false });
        }
    }

    fn left_out(&mut self, due: &Exchange, number: u64) {
        let (there, wanted) = (due.data.len(), stlink::Command::decode(&due.command).data_length());
        let what = format!("the command has {there} of its {wanted} bytes of data; it is left out");
        self.lost(due.packet.unwrap_or(number), what);
    }

    fn end(&mut self, last: u64) {
        if let Some(due) = self.due.take() {
            self.left_out(&due, last);
        } else if let Some(line) = self.asked.take() {
            self.lost(line, "the log ends before the reply".to_owned());
        } else if let Some(exchange) = self.exchanges.last().filter(|_| self.in_step)
            && exchange.reply.is_empty()
            && has_reply(&exchange.command) == Some(true)
        {
            let line = exchange.packet.unwrap_or(last);
            self.lost(line, "the log ends before the reply to this command".to_owned());
        }
    }
}

/// `16) f1 80 ... [usb]`: so many bytes, in hex.
fn payload(rest: &str) -> Result<Vec<u8>, String> {
    let cut = || "the line is cut off; remove it to replay what is before".to_owned();
    let (count, rest) = rest.split_once(") ").ok_or_else(cut)?;
    let wanted: usize = count.parse().map_err(|_| format!("`{count}` is no number of bytes"))?;
    let digits: String = rest.split('[').next().unwrap_or_default().split_ascii_whitespace().collect();
    let bytes = from_hex(&digits)?;
    match bytes.len() {
        there if there < wanted => Err(format!("{there} of {wanted} bytes: {}", cut())),
        there if there > wanted => Err(format!("{there} bytes where {wanted} are announced")),
        _ => Ok(bytes),
    }
}

/// Without a terminal's colours (ECMA-48: ESC, `[`, digits and `;`, `m`).
pub(super) fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\x1B') {
        return line.into();
    }
    let mut pieces = line.split("\x1B[");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(
            piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').strip_prefix('m').unwrap_or(piece),
        );
    }
    text.into()
}
