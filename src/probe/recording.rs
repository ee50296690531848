//! A recorded session: what a client did and what came back, and our own form of it, an [`Entry`] a line.
//!
//! The form (`docs/recordings.md`) is JSON Lines. The first line is the [`Header`]; each other line is an
//! [`Exchange`] with an ST-LINK: `t` in microseconds, and in hex `cmd` (16 bytes), `out` (data that went with it) and
//! `in` (the reply); or an operation of a client that needs no ST-LINK ([`Done`]): `t`, `by`, `do`, `in`, and `failed`
//! where it did.

use super::operation::{Done, Kind, Operation};
use super::stlink::{self, COMMAND};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::io::{self, Seek, SeekFrom, Write};

/// What the first line's `format` says.
pub const FORMAT: &str = "dryflash-recording";
/// The first version of the form: ST-LINK commands alone. It is written where there is nothing else.
pub const VERSION: u32 = 1;
/// The newest version that is read: operations of clients that need no ST-LINK as well.
pub const WITH_OPERATIONS: u32 = 2;

/// Stands in for the digest at the end until there is one; as long as one.
pub const UNFINISHED: &str = "----------------";

/// Room that the header's line keeps for how many commands there are, which is known at the end.
const ROOM: usize = 40;

/// What a recording says of itself. All but format and version may be unknown: captures say nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`], or [`WITH_OPERATIONS`] where there may be some.
    pub version: u32,
    /// The client: a command line, or words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The part at the probe, by its full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The probe: `v2` or `v3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<String>,
    /// What decided SRAM's contents at power-on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What was on the signal wire, as it is read ([`crate::wire`]), with names filled in: `high,low@100ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// A digest of what flash and option bytes held at the beginning ([`crate::flash::NonVolatile::digest`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_with: Option<String>,
    /// The digest at the end; [`UNFINISHED`] while the session lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<String>,
    /// How many commands there are: known at the end, so that a recording that lost its last lines is seen. Reading
    /// compares and takes it, so that this is empty elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<u64>,
    /// Where it was converted from a capture that is not whole: [`Recording::flaws`] as they are written. Reading moves
    /// them there, so that this is empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<Flaw>,
}

impl Default for Header {
    fn default() -> Header {
        Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            client: None,
            part: None,
            probe: None,
            seed: None,
            signal: None,
            begins_with: None,
            ends_with: None,
            commands: None,
            flaws: Vec::new(),
        }
    }
}

impl Header {
    /// From its line.
    ///
    /// # Errors
    /// No header, or one of a newer form.
    pub(super) fn from_json(line: &str) -> Result<Header, String> {
        header(line).map_err(|e| match e {
            HeaderError::Json(e) => e.to_string(),
            HeaderError::Other(what) => what,
        })
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Microseconds: since power-on where dryflash recorded it, since the first packet in a capture.
    pub at: u64,
    /// The command, padded with zeros.
    pub command: [u8; COMMAND],
    /// The data that went with it.
    pub data: Vec<u8>,
    /// What came back; empty where nothing did.
    pub reply: Vec<u8>,
    /// The number of its first packet or line in the file that it was read from, from 1.
    pub packet: Option<u64>,
}

/// A line of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A command of an ST-LINK.
    Exchange(Exchange),
    /// An operation by another way.
    Operation(Done),
}

impl Entry {
    /// The command of an ST-LINK.
    pub const fn exchange(&self) -> Option<&Exchange> {
        match self {
            Entry::Exchange(exchange) => Some(exchange),
            Entry::Operation(_) => None,
        }
    }

    /// Microseconds, as [`Exchange::at`].
    pub const fn at(&self) -> u64 {
        match self {
            Entry::Exchange(exchange) => exchange.at,
            Entry::Operation(done) => done.at,
        }
    }

    /// As if it had been read from no file.
    #[must_use]
    pub fn without_place(&self) -> Entry {
        match self {
            Entry::Exchange(exchange) => Entry::Exchange(Exchange { packet: None, ..exchange.clone() }),
            Entry::Operation(done) => Entry::Operation(Done { line: None, ..done.clone() }),
        }
    }
}

/// Something that a recording lacks, or that nobody could make out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flaw {
    /// The packet or line of the capture, from 1.
    pub packet: u64,
    /// What is wrong, and what to do.
    pub what: String,
    /// Whether commands, data or replies are missing because of it. Else it tells of trouble that did happen on the bus.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub loss: bool,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet {}: {}", self.packet, self.what)
    }
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// What it says of itself.
    pub header: Header,
    /// What was done, in its order.
    pub entries: Vec<Entry>,
    /// Why it may not be whole.
    pub flaws: Vec<Flaw>,
}

/// Why a recording could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A line is not as it should be.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A packet of a capture is not as it should be.
    #[error("packet {packet}: {what}")]
    Packet {
        /// From 1; 0 is the file's own header.
        packet: u64,
        /// What is wrong, and what to do.
        what: String,
    },
    /// There is nothing to replay.
    #[error("{0}")]
    Nothing(String),
    /// The file has another form.
    #[error("{0}")]
    Form(String),
    /// Several devices of a capture speak ST-LINK.
    #[error("{} devices of this capture speak ST-LINK: {}; say which one", .0.len(), list(.0))]
    Several(Vec<Speaker>),
}

/// A device of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Where it is.
    pub device: Device,
    /// Vendor and product, where the capture holds its descriptor.
    pub ids: Option<(u16, u16)>,
    /// How many ST-LINK commands it was sent.
    pub commands: usize,
}

/// Where on its bus a captured device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// The bus, as the capturing machine counts.
    pub bus: u16,
    /// The address on it.
    pub address: u16,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.bus, self.address)
    }
}

impl fmt::Display for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.device)?;
        if let Some((vendor, product)) = self.ids {
            write!(f, " ({vendor:04x}:{product:04x})")?;
        }
        write!(f, " with {} commands", self.commands)
    }
}

fn list(speakers: &[Speaker]) -> String {
    speakers.iter().map(Speaker::to_string).collect::<Vec<_>>().join(", ")
}

/// A line of an operation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OperationLine {
    t: u64,
    by: Kind,
    #[serde(rename = "do")]
    operation: Operation,
    #[serde(rename = "in", default, skip_serializing_if = "String::is_empty")]
    reply: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

/// What tells one from a command's line.
#[derive(Deserialize)]
struct Peek {
    #[serde(rename = "do")]
    operation: Option<serde::de::IgnoredAny>,
}

/// A line of an ST-LINK's command.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    t: u64,
    cmd: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    out: String,
    #[serde(rename = "in", default, skip_serializing_if = "String::is_empty")]
    reply: String,
}

/// Writes a session as it happens, a line a command.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    to: W,
    commands: u64,
    /// Bytes of the first line, without its end.
    first: usize,
}

impl<W: Write> Recorder<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(mut to: W, header: &Header) -> io::Result<Recorder<W>> {
        let mut line = serde_json::to_string(header)?;
        if header.ends_with.as_deref() == Some(UNFINISHED) {
            line.extend(std::iter::repeat_n(' ', ROOM));
        }
        writeln!(to, "{line}")?;
        Ok(Recorder { to, commands: 0, first: line.len() })
    }

    /// One more command.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn push(&mut self, exchange: &Exchange) -> io::Result<()> {
        let line =
            Line { t: exchange.at, cmd: hex(&exchange.command), out: hex(&exchange.data), reply: hex(&exchange.reply) };
        self.line(&line)
    }

    /// One more operation. The header has to be one [`WITH_OPERATIONS`].
    ///
    /// # Errors
    /// It cannot be written.
    pub fn push_operation(&mut self, done: &Done) -> io::Result<()> {
        self.line(&OperationLine {
            t: done.at,
            by: done.by,
            operation: done.operation.clone(),
            reply: hex(&done.reply),
            failed: done.failed.clone(),
        })
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        writeln!(self.to, "{}", serde_json::to_string(line)?)?;
        self.commands += 1;
        Ok(())
    }

    /// Where it was written to.
    pub fn into_inner(self) -> W {
        self.to
    }

    /// Hands everything on.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write + Seek> Recorder<W> {
    /// Ends the recording: the digest at the end and the number of commands take their places in the header.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(&mut self, header: &Header, digest: &str) -> io::Result<()> {
        let ended = Header { ends_with: Some(digest.to_owned()), commands: Some(self.commands), ..header.clone() };
        let line = serde_json::to_string(&ended)?;
        // Only where it fits: what is behind stays readable in any case.
        if line.len() <= self.first && header.ends_with.as_deref() == Some(UNFINISHED) {
            self.to.seek(SeekFrom::Start(0))?;
            write!(self.to, "{line:<0$}", self.first)?;
            self.to.seek(SeekFrom::End(0))?;
        }
        self.to.flush()
    }
}

impl Recording {
    /// Of ST-LINK commands alone.
    pub fn of(header: Header, exchanges: Vec<Exchange>, flaws: Vec<Flaw>) -> Recording {
        Recording { header, entries: exchanges.into_iter().map(Entry::Exchange).collect(), flaws }
    }

    /// The ST-LINK commands in it.
    pub fn exchanges(&self) -> Vec<&Exchange> {
        self.entries.iter().filter_map(Entry::exchange).collect()
    }

    /// The operations in it that went by no ST-LINK.
    pub fn operations(&self) -> impl Iterator<Item = &Done> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Operation(done) => Some(done),
            Entry::Exchange(_) => None,
        })
    }

    /// Whether nothing of the session is known to be missing: only then replaying it says what it should.
    pub fn is_whole(&self) -> bool {
        !self.flaws.iter().any(|flaw| flaw.loss)
    }

    /// As JSON Lines, to the byte as they are written while a session lasts. Flaws go into the header.
    pub fn to_jsonl(&self) -> Vec<u8> {
        let mut header = Header { flaws: self.flaws.clone(), ..self.header.clone() };
        let digest = header.ends_with.take();
        match &digest {
            Some(_) => header.ends_with = Some(UNFINISHED.to_owned()),
            None => header.commands = Some(self.entries.len() as u64),
        }
        let write = || -> io::Result<Vec<u8>> {
            let mut recorder = Recorder::new(io::Cursor::new(Vec::new()), &header)?;
            for entry in &self.entries {
                match entry {
                    Entry::Exchange(exchange) => recorder.push(exchange)?,
                    Entry::Operation(done) => recorder.push_operation(done)?,
                }
            }
            if let Some(digest) = &digest {
                recorder.finish(&header, digest)?;
            }
            Ok(recorder.into_inner().into_inner())
        };
        // A vector takes everything.
        write().unwrap_or_default()
    }

    /// Reads JSON Lines.
    ///
    /// # Errors
    /// A line is malformed or cut off, the header is missing, or its version is newer than this dryflash.
    pub fn from_jsonl(bytes: &[u8]) -> Result<Recording, RecordingError> {
        let at = |line: u64, what: String| RecordingError::Line { line, what };
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u64 + 1;
            at(line, "not text; a recording is JSON Lines".to_owned())
        })?;
        let mut recording = Recording::default();
        let mut last = 0;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            last = number;
            let whole = line.ends_with('\n');
            if line.trim().is_empty() {
                continue;
            }
            let malformed = |e: serde_json::Error| match whole {
                true => at(number, format!("{e}")),
                false => {
                    at(number, "the recording is cut off here; remove the line to replay what is before it".to_owned())
                }
            };
            if number == 1 {
                recording.header = header(line).map_err(|e| match e {
                    HeaderError::Json(e) => malformed(e),
                    HeaderError::Other(what) => at(1, what),
                })?;
                recording.flaws = std::mem::take(&mut recording.header.flaws);
                continue;
            }
            let bytes =
                |field: &str, text: &str| from_hex(text).map_err(|what| at(number, format!("`{field}`: {what}")));
            let line = match serde_json::from_str::<Line>(line) {
                Ok(line) => line,
                Err(error) => {
                    if !serde_json::from_str(line).is_ok_and(|peek: Peek| peek.operation.is_some()) {
                        return Err(malformed(error));
                    }
                    if recording.header.version < WITH_OPERATIONS {
                        return Err(at(number, format!("an operation, which version {VERSION} of the form has not")));
                    }
                    let line: OperationLine = serde_json::from_str(line).map_err(malformed)?;
                    line.operation.check().map_err(|what| at(number, what))?;
                    recording.entries.push(Entry::Operation(Done {
                        at: line.t,
                        by: line.by,
                        operation: line.operation,
                        reply: bytes("in", &line.reply)?,
                        failed: line.failed,
                        line: Some(number),
                    }));
                    continue;
                }
            };
            let command = bytes("cmd", &line.cmd)?;
            let command = <[u8; COMMAND]>::try_from(command)
                .map_err(|c| at(number, format!("`cmd`: {} bytes, a command has {COMMAND}", c.len())))?;
            let data = bytes("out", &line.out)?;
            let wanted = stlink::Command::decode(&command).data_length();
            if data.len() != wanted {
                return Err(at(number, format!("`out`: {} bytes, the command takes {wanted}", data.len())));
            }
            let reply = bytes("in", &line.reply)?;
            let exchange = Exchange { at: line.t, command, data, reply, packet: Some(number) };
            recording.entries.push(Entry::Exchange(exchange));
        }
        if last == 0 {
            return Err(RecordingError::Nothing("the file is empty".to_owned()));
        }
        let (here, said) = (recording.entries.len() as u64, recording.header.commands.take());
        if let Some(said) = said.filter(|said| *said != here) {
            let what = match said > here {
                true => format!("the recording is cut off here: {here} of its {said} commands are left"),
                false => {
                    format!("there are {here} commands, and the first line says {said}: two recordings seem joined")
                }
            };
            recording.flaws.push(Flaw { packet: last, what, loss: true });
        }
        if recording.header.ends_with.as_deref() == Some(UNFINISHED) {
            let what = "the recording was never finished: whoever made it was stopped, or still runs".to_owned();
            recording.flaws.push(Flaw { packet: last, what, loss: true });
            recording.header.ends_with = None;
        }
        Ok(recording)
    }
}

enum HeaderError {
    Json(serde_json::Error),
    Other(String),
}

fn header(line: &str) -> Result<Header, HeaderError> {
    #[derive(Deserialize)]
    struct Kind {
        format: Option<String>,
        version: Option<u32>,
    }
    // The version first: a newer one may have fields that this one does not know.
    let kind: Kind = serde_json::from_str(line).map_err(HeaderError::Json)?;
    if kind.format.as_deref() != Some(FORMAT) {
        return Err(HeaderError::Other(format!(
            "no header: the first line of a recording has \"format\":\"{FORMAT}\""
        )));
    }
    match kind.version {
        Some(VERSION | WITH_OPERATIONS) => serde_json::from_str(line).map_err(HeaderError::Json),
        Some(v) => Err(HeaderError::Other(format!(
            "version {v} of the form; this dryflash reads {VERSION} and {WITH_OPERATIONS}"
        ))),
        None => Err(HeaderError::Other("the header has no \"version\"".to_owned())),
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from hex.
///
/// # Errors
/// An odd number of digits, or something that is none; says where.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(format!("an odd number of hex digits ({})", digits.len()));
    }
    let digit = |at: usize| (digits[at] as char).to_digit(16).ok_or_else(|| format!("no hex digit at {}", at + 1));
    (0..digits.len()).step_by(2).map(|at| Ok((digit(at)? << 4 | digit(at + 1)?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::operation;
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Recording {
        let exchange = |command: &[u8], data: &[u8], reply: &[u8], at, packet| {
            let mut padded = [0; COMMAND];
            padded[..command.len()].copy_from_slice(command);
            Exchange { at, command: padded, data: data.to_vec(), reply: reply.to_vec(), packet: Some(packet) }
        };
        let header = Header { part: Some("STM32F051K6".to_owned()), seed: Some(1), ..Header::default() };
        let exchanges = vec![
            exchange(&[0xF1], &[], &[0x29, 0x5B, 0x83, 0x04, 0x4B, 0x37], 10, 2),
            exchange(&[0xF2, 0x08, 0, 0, 0, 0x20, 4, 0], &[1, 2, 3, 4], &[], 5_010, 3),
        ];
        Recording::of(header, exchanges, Vec::new())
    }

    /// Each kind of operation.
    fn with_operations() -> Recording {
        let mut recording = sample();
        recording.header.version = WITH_OPERATIONS;
        let block = operation::Block { address: 0x0800_0000, data: vec![1, 2, 3, 4] };
        let operations = [
            Operation::Attach,
            Operation::Read { address: 0xE000_EDF0, length: 4 },
            Operation::Write { address: 0x2000_0000, data: vec![0xAB, 0xCD] },
            Operation::ReadRegister { register: 15 },
            Operation::WriteRegister { register: 15, value: 0x0800_0101 },
            Operation::Run { cycles: 40_000, times: 1 },
            Operation::Run { cycles: 400_000, times: 7 },
            Operation::Nrst { high: true },
            Operation::PowerCycle { seed: 1 },
            Operation::RunInto { first: 0x0800_1000, last: 0x0800_7FFF, micros: 400_000, resets: 8 },
            Operation::Erase { first: 0x0800_0000, last: 0x0800_03FF },
            Operation::Program { blocks: vec![block] },
            Operation::Detach,
        ];
        for (line, operation) in (4..).zip(operations) {
            let failed = (line % 2 == 0).then(|| "WRPERR".to_owned());
            let (at, reply) = (5_020, vec![line as u8; 4]);
            let done = Done { at, by: Kind::Gdb, operation, reply, failed, line: Some(line) };
            recording.entries.push(Entry::Operation(done));
        }
        recording
    }

    #[test]
    fn operations_come_back_and_say_who_did_them() {
        let recording = with_operations();
        let bytes = recording.to_jsonl();
        assert_eq!(Recording::from_jsonl(&bytes).unwrap(), recording);
        let text = String::from_utf8(bytes).unwrap();
        let read = r#"{"t":5020,"by":"gdb","do":{"read":{"address":"0xE000EDF0","length":4}},"in":"05050505"}"#;
        assert!(text.contains(read), "{text}");
        let wrong = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            Recording::from_jsonl(changed.as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(
            wrong("\"version\":2", "\"version\":1"),
            "line 4: an operation, which version 1 of the form has not"
        );
        assert!(wrong("\"by\":\"gdb\"", "\"by\":\"jtag\"").contains("line 4: unknown variant `jtag`"));
        assert!(wrong("\"length\":4", "\"lenght\":4").contains("line 5: unknown field `lenght`"));
        assert!(wrong("0xE000EDF0", "E000EDF0").contains("'E000EDF0' is no address"));
        assert!(wrong("\"in\":\"05050505\"", "\"in\":\"0505050\"").contains("line 5: `in`: an odd number"));
    }

    #[test]
    fn writing_and_reading_gives_the_same() {
        assert_eq!(Recording::from_jsonl(&sample().to_jsonl()).unwrap(), sample());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let text = String::from_utf8(sample().to_jsonl()).unwrap();
        let wrong = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            Recording::from_jsonl(changed.as_bytes()).unwrap_err().to_string()
        };
        assert!(wrong("dryflash-rec", "other-rec").starts_with("line 1: no header"));
        assert!(wrong("\"version\":1", "\"version\":3").contains("version 3 of the form"));
        assert!(wrong("\"seed\":1", "\"sead\":1").contains("line 1: unknown field `sead`"));
        assert!(wrong("\"out\":\"01", "\"out\":\"").contains("line 3: `out`: 3 bytes, the command takes 4"));
        assert!(wrong("\"cmd\":\"f1", "\"cmd\":\"f").contains("line 2: `cmd`: an odd number"));
        assert!(wrong("\"cmd\":\"f1", "\"cmd\":\"xx").contains("line 2: `cmd`: no hex digit at 1"));
        assert!(wrong("\"cmd\":\"f100", "\"cmd\":\"f1").contains("15 bytes, a command has 16"));
        assert!(Recording::from_jsonl(b"").is_err());
    }

    #[test]
    fn a_cut_is_seen_everywhere() {
        let whole = sample().to_jsonl();
        for end in 0..whole.len() {
            // At the end of a line, the first one tells what is missing.
            let read = Recording::from_jsonl(&whole[..end]);
            let ends_a_line = end > 0 && (whole[end - 1] == b'\n' || whole[end] == b'\n');
            assert_eq!(read.is_ok(), ends_a_line, "{end}");
            let all_lines = end == whole.len() - 1;
            assert!(read.is_err() || read.is_ok_and(|r| r.is_whole() == all_lines), "{end}");
        }
    }

    #[test]
    fn a_session_ends_with_its_digest_and_its_commands() {
        let header = Header { ends_with: Some(UNFINISHED.to_owned()), ..sample().header };
        let mut recorder = Recorder::new(io::Cursor::new(Vec::new()), &header).unwrap();
        for exchange in sample().exchanges() {
            recorder.push(exchange).unwrap();
        }
        recorder.finish(&header, "0123456789abcdef").unwrap();
        let bytes = recorder.into_inner().into_inner();
        let read = Recording::from_jsonl(&bytes).unwrap();
        assert!(read.is_whole());
        assert_eq!((read.header.ends_with.as_deref(), read.entries.len()), (Some("0123456789abcdef"), 2));
        let text = String::from_utf8(bytes).unwrap();
        let cut: Vec<&str> = text.lines().take(2).collect();
        let read = Recording::from_jsonl(cut.join("\n").as_bytes()).unwrap();
        assert_eq!(read.flaws[0].what, "the recording is cut off here: 1 of its 2 commands are left");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Recording::from_jsonl(&bytes);
            let _ = Recording::from_jsonl(&[with_operations().to_jsonl(), bytes].concat());
        }
    }
}
