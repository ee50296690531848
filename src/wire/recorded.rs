//! What a logic analyser caught: one line of a VCD file (IEEE 1364-2005, 18).

use super::units::ClockError;
use crate::near;
use crate::periph::signal::{Drive, Wave};
use crate::time::Time;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Arc;
use vcd::{Command, IdCode, Parser, ReferenceIndex, TimescaleUnit, Value, VarType};

mod dialects;

/// One line of a VCD file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recording {
    path: String,
    asked: Option<String>,
    /// At first.
    start: Drive,
    /// In order of time.
    changes: Vec<(Time, Drive)>,
}

/// How deep scopes may be within each other.
const DEEPEST: usize = 64;
/// The lines of a file that a message names.
const MOST_NAMED: usize = 12;

/// Why a VCD file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// It is not VCD.
    #[error("{path}: line {line}: this is not VCD: {message}")]
    NotVcd {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// What the reader says.
        message: String,
    },
    /// It has no such line.
    #[error("{path} has no line '{asked}' of one bit; {hint}")]
    NoLine {
        /// The file.
        path: String,
        /// What was asked for.
        asked: String,
        /// What it has.
        hint: String,
    },
    /// Which line is meant.
    #[error("{path} {hint}: say which with 'signal NAME'")]
    Which {
        /// The file.
        path: String,
        /// The lines that it has.
        hint: String,
    },
    /// It has no line of one bit.
    #[error("{path} has no line of one bit")]
    NoLines {
        /// The file.
        path: String,
    },
    /// Scopes in scopes in scopes.
    #[error("{path}: line {line}: more than {DEEPEST} scopes are within each other")]
    TooDeep {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
    },
    /// Times go backward.
    #[error("{path}: line {line}: the time {time} comes after a later one")]
    Backward {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// The time, in its time scale.
        time: u64,
    },
}

impl Recording {
    /// Reads the line `asked` of a file, or its only one. `path` is for messages. `x` is taken as nothing driving, as `z` is.
    ///
    /// # Errors
    /// What is wrong with the file, and the lines that it has.
    pub fn read(path: &str, bytes: &[u8], asked: Option<&str>) -> Result<Recording, RecordedError> {
        let (header, values) = dialects::header(bytes);
        // The reader wants white space behind the last word.
        let mut parser = Parser::new(header.chain(values).chain(&b"\n"[..]));
        let (mut lines, mut scopes, mut id) = (Vec::new(), vec![Arc::<str>::from("")], None);
        let (mut scale, mut unit) = (1, TimescaleUnit::NS);
        let (mut now, mut start, mut changes) = (0u64, None, Vec::<(Time, Drive)>::new());
        let last = last_line(bytes);
        while let Some(command) = parser.next() {
            // The white space that is added is no line.
            let line = parser.line().min(last);
            match command.map_err(|e| not_vcd(path, line, &e))? {
                Command::Timescale(n, of) => (scale, unit) = (n, of),
                Command::ScopeDef(_, _) if scopes.len() > DEEPEST => {
                    return Err(RecordedError::TooDeep { path: path.to_owned(), line });
                }
                Command::ScopeDef(_, name) => {
                    let within = scopes.last().map_or("", |within| &**within);
                    scopes.push(format!("{within}{name}.").into());
                }
                Command::Upscope if scopes.len() > 1 => {
                    scopes.pop();
                }
                Command::VarDef(kind, 1, id, name, index) if is_level(kind) => {
                    let name = match index {
                        Some(ReferenceIndex::BitSelect(bit)) => format!("{name}[{bit}]"),
                        _ => name,
                    };
                    let within = scopes.last().cloned().unwrap_or_default();
                    lines.push(Line { within, name, id });
                }
                Command::Enddefinitions => id = Some(find(path, &lines, asked)?),
                Command::Timestamp(time) if time < now => {
                    return Err(RecordedError::Backward { path: path.to_owned(), line, time });
                }
                Command::Timestamp(time) => now = time,
                Command::ChangeScalar(which, value) if id == Some(which) => {
                    change(&mut start, &mut changes, picoseconds(now, scale, unit), value);
                }
                // Some write a line of one bit as a vector.
                Command::ChangeVector(which, values) if id == Some(which) => {
                    if let Some(value) = values.iter().last() {
                        change(&mut start, &mut changes, picoseconds(now, scale, unit), value);
                    }
                }
                _ => {}
            }
        }
        if id.is_none() {
            let message = "it ends before $enddefinitions".to_owned();
            return Err(RecordedError::NotVcd { path: path.to_owned(), line: last, message });
        }
        changes.shrink_to_fit();
        let start = start.unwrap_or_default();
        Ok(Recording { path: path.to_owned(), asked: asked.map(str::to_owned), start, changes })
    }

    /// The file, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line, where it was named.
    pub fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// What is there once this many changes have come.
    fn after(&self, changes: usize) -> Drive {
        changes.checked_sub(1).map_or(self.start, |last| self.changes[last].1)
    }
}

/// Takes a value. Before the first there is none; of more than one at a time the last counts.
fn change(start: &mut Option<Drive>, changes: &mut Vec<(Time, Drive)>, at: Time, value: Value) {
    let drive = match value {
        Value::V0 => Drive::Low,
        Value::V1 => Drive::High,
        Value::X | Value::Z => Drive::Floating,
    };
    let before = match changes.last_mut() {
        Some((last, level)) if *last == at => {
            *level = drive;
            return;
        }
        Some((_, level)) => Some(*level),
        None => *start,
    };
    match before {
        None => *start = Some(drive),
        Some(before) if before == drive => {}
        Some(_) => changes.push((at, drive)),
    }
}

/// A recording as a part of a line.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub recording: Arc<Recording>,
    /// What of its begin is left out.
    pub skip: Time,
    /// When the rest begins.
    pub first: Time,
    /// The clock of whoever plays it.
    pub clock: ClockError,
}

impl Played {
    /// How many of the changes have come at `time`, and when the next one comes.
    fn come(&self, time: Time) -> (usize, Option<Time>) {
        let changes = &self.recording.changes;
        let when = |at: Time| self.first + self.clock.of(at.since(self.skip));
        let come = changes.partition_point(|(at, _)| *at <= self.skip || when(*at) <= time);
        (come, changes.get(come).map(|(at, _)| when(*at)))
    }
}

impl Wave for Played {
    fn at(&self, time: Time) -> Drive {
        self.recording.after(self.come(time).0)
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        self.come(time).1
    }
}

/// A line of the file, and its scopes, with a dot behind each.
struct Line {
    within: Arc<str>,
    name: String,
    id: IdCode,
}

impl Line {
    fn full(&self) -> String {
        format!("{}{}", self.within, self.name)
    }
}

/// Whether what is declared so has levels.
const fn is_level(kind: VarType) -> bool {
    use VarType::{Event, Parameter, Real, String, Time};
    !matches!(kind, Event | Parameter | Real | String | Time)
}

/// The line that is asked for. One line may be declared in several scopes.
fn find(path: &str, lines: &[Line], asked: Option<&str>) -> Result<IdCode, RecordedError> {
    let path = path.to_owned();
    let mut found: Vec<&Line> = match asked {
        None => lines.iter().collect(),
        Some(asked) => lines.iter().filter(|l| l.full() == asked).collect(),
    };
    if found.is_empty() {
        found = lines.iter().filter(|l| asked == Some(l.name.as_str())).collect();
    }
    match (found.as_slice(), asked) {
        ([line, others @ ..], _) if others.iter().all(|other| other.id == line.id) => Ok(line.id),
        ([], _) if lines.is_empty() => Err(RecordedError::NoLines { path }),
        ([], asked) => {
            let asked = asked.unwrap_or_default();
            let hint = match near::nearest(asked, lines.iter().map(|l| l.name.as_str())) {
                Some(name) => format!("did you mean '{name}'?"),
                None => format!("it has {}", listed(lines.iter().map(|l| l.name.clone()).collect())),
            };
            Err(RecordedError::NoLine { path, asked: asked.to_owned(), hint })
        }
        (found, Some(asked)) => {
            let hint =
                format!("has more than one line '{asked}', {}", listed(found.iter().map(|l| l.full()).collect()));
            Err(RecordedError::Which { path, hint })
        }
        (found, None) => {
            let hint = format!("has the lines {}", listed(found.iter().map(|l| l.name.clone()).collect()));
            Err(RecordedError::Which { path, hint })
        }
    }
}

/// Some names of many, each once.
fn listed(mut names: Vec<String>) -> String {
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// The number of the last line that has anything.
fn last_line(bytes: &[u8]) -> u64 {
    1 + bytes.trim_ascii_end().iter().filter(|b| **b == b'\n').count() as u64
}

fn not_vcd(path: &str, line: u64, error: &io::Error) -> RecordedError {
    let kind = error.get_ref().and_then(|e| e.downcast_ref::<vcd::ParseError>());
    let message = kind.map_or_else(|| error.to_string(), |e| e.kind().to_string());
    RecordedError::NotVcd { path: path.to_owned(), line, message }
}

/// A time of the file in picoseconds.
fn picoseconds(time: u64, scale: u32, unit: TimescaleUnit) -> Time {
    let scaled = u128::from(time) * u128::from(scale);
    let in_ps = match unit {
        TimescaleUnit::S => scaled.saturating_mul(1_000_000_000_000),
        TimescaleUnit::MS => scaled.saturating_mul(1_000_000_000),
        TimescaleUnit::US => scaled.saturating_mul(1_000_000),
        TimescaleUnit::NS => scaled.saturating_mul(1_000),
        TimescaleUnit::PS => scaled,
        TimescaleUnit::FS => scaled / 1_000,
    };
    Time(u64::try_from(in_ps).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Drive::{Floating, High, Low};

    const FILE: &str = "$timescale 10 us $end $scope module logic $end $var wire 1 ! D0 $end $var wire 1 \" D1 $end \
        $var wire 8 # bus $end $upscope $end $enddefinitions $end\n#0 1! z\" b101 #\n#5 0! #7 1!\n#9 x!";

    fn read(text: &str, asked: Option<&str>) -> Result<Recording, String> {
        Recording::read("a.vcd", text.as_bytes(), asked).map_err(|e| e.to_string())
    }

    fn played(recording: Recording, skip: u64, first: u64) -> Played {
        let [skip, first] = [skip, first].map(Time::from_micros);
        Played { recording: Arc::new(recording), skip, first, clock: ClockError(0) }
    }

    /// The level at first, and the changes in microseconds.
    fn edges(text: &str, asked: Option<&str>) -> (Drive, Vec<(u64, Drive)>) {
        let read = read(text, asked).unwrap();
        (read.start, read.changes.iter().map(|(t, d)| (t.as_micros(), *d)).collect())
    }

    #[test]
    fn a_line_is_played() {
        let line = played(read(FILE, Some("D0")).unwrap(), 0, 3);
        let at = |us| line.at(Time::from_micros(us));
        assert_eq!([0, 52, 53, 72, 73, 93].map(at), [High, High, Low, Low, High, Floating]);
        assert_eq!(line.next_change(Time::ZERO), Some(Time::from_micros(53)));
        assert_eq!(line.next_change(Time::from_micros(93)), None);
        let skipped = played(read(FILE, Some("logic.D0")).unwrap(), 60, 0);
        assert_eq!((skipped.at(Time::ZERO), skipped.at(Time::from_micros(10))), (Low, High));
        let fast = Played { clock: ClockError(10_000), ..line };
        assert_eq!(
            fast.next_change(Time::from_micros(53)),
            Some(Time(72_306_931)),
            "70 us of a clock 1 % fast, 3 us late"
        );
    }

    /// What writers do, each in its way.
    #[test]
    fn one_line_as_many_write_it() {
        let same = (High, vec![(5, Low), (7, High)]);
        let var = "$timescale 1us $end $var wire 1 ! D0 $end $enddefinitions $end";
        for (text, why) in [
            (format!("{var} #0 1! #5 0! #7 1!"), "no line's end at the end of the file"),
            (format!("{var} #0 1! #5 0! #7 1! #9").replace(' ', "\r\n"), "CRLF, and a time without a value"),
            (format!("{var} $dumpvars 1! $end #5 0! #7 1!"), "a simulator's first values have no time"),
            (format!("{var} #0 b1 ! #5 B0 ! #7 b01 !"), "a line of one bit as a vector"),
            (format!("{var} #3 1! #4 1! #5 1! 0! #6 0! #7 1!"), "values that are no changes"),
            (format!("{var} $comment a $end #0 1! #5 0! r0.5 ? sNO ? #7 1!"), "values of other lines"),
            (format!("$scope module a $end {var} #0 1! #5 0! #7 1!"), "a scope that is left open"),
            (format!("$upscope $end {var} #0 1! #5 0! #7 1!"), "a scope that nobody opened"),
            (format!("{var} #0 1! #5 0! #7 1!").replace("wire", "logic"), "SystemVerilog"),
            (format!("{var} #0 1! #5 0! #7 1!").replace("1us", "1 us").replace("D0", "D0 [3]"), "a bit of many"),
            (format!("{var} #0 1! #5000 0! #7000 1!").replace("1us", "1ns"), "nanoseconds"),
        ] {
            assert_eq!(edges(&text, None), same, "{why}");
        }
        let floats = edges(&format!("{var} #0 z! #5 X! #7 1!"), None);
        assert_eq!(floats, (Floating, vec![(7, High)]), "x and z drive nothing");
    }

    #[test]
    fn a_line_is_found_by_its_name() {
        let scopes = "$scope module a $end $var wire 1 ! D0 $end $var real 64 r v $end $var event 1 e went $end \
            $scope struct b $end $var wire 1 \" D0 $end $upscope $end $upscope $end $scope module c $end \
            $var wire 1 ! twin $end $upscope $end $enddefinitions $end #0 1! 0\"";
        assert_eq!(edges(scopes, Some("a.D0")).0, High);
        assert_eq!(edges(scopes, Some("a.b.D0")).0, Low);
        assert_eq!(edges(scopes, Some("twin")).0, High);
        let many = "a.vcd has more than one line 'D0', a.D0, a.b.D0: say which with 'signal NAME'";
        assert_eq!(read(scopes, Some("D0")).unwrap_err(), many);
        assert_eq!(read(scopes, None).unwrap_err(), "a.vcd has the lines D0, twin: say which with 'signal NAME'");
        assert_eq!(read(scopes, Some("went")).unwrap_err(), "a.vcd has no line 'went' of one bit; it has D0, twin");
        let twins = scopes.replace("$var wire 1 \" D0 $end", "");
        assert_eq!(edges(&twins, None).0, High, "one line with two names");
        let hundred: String = (0..100).map(|n| format!("$var wire 1 a{n} D{n} $end ")).collect();
        let told = read(&format!("{hundred}$enddefinitions $end"), None).unwrap_err();
        assert!(told.contains("D10, D11 and 88 more: say which"), "{told}");
    }

    #[test]
    fn what_cannot_be_played_is_told() {
        assert_eq!(read(FILE, None).unwrap_err(), "a.vcd has the lines D0, D1: say which with 'signal NAME'");
        assert_eq!(read(FILE, Some("D2")).unwrap_err(), "a.vcd has no line 'D2' of one bit; did you mean 'D0'?");
        let back = FILE.replace("#9", "#6");
        assert_eq!(read(&back, Some("D0")).unwrap_err(), "a.vcd: line 4: the time 6 comes after a later one");
        assert_eq!(read("$enddefinitions $end", None).unwrap_err(), "a.vcd has no line of one bit");
        for (text, told) in [
            ("", "line 1: this is not VCD: it ends before $enddefinitions"),
            ("$scope oops", "line 1: this is not VCD: unexpected end of VCD file"),
            ("time,D0\n0,1\n", "line 2: this is not VCD: it ends before $enddefinitions"),
            ("$var wire one ! D0 $end", "line 1: this is not VCD: invalid digit found in string"),
            ("$enddefinitions $end\n#12\n1", "line 3: this is not VCD: unexpected end of VCD file"),
        ] {
            let text = text.replace("$enddefinitions", "$var wire 1 ! D0 $end $enddefinitions");
            assert_eq!(read(&text, None).unwrap_err(), format!("a.vcd: {told}"));
        }
        let deep = "$scope module a $end\n".repeat(100_000);
        assert_eq!(read(&deep, None).unwrap_err(), "a.vcd: line 65: more than 64 scopes are within each other");
    }

    /// Cut off anywhere, it is played as far as it goes or told.
    #[test]
    fn what_is_cut_off_never_panics() {
        for end in 0..FILE.len() {
            if let Ok(recording) = read(&FILE[..end], Some("D0")) {
                assert!(recording.changes.len() <= 3);
            }
        }
    }
}
