//! What a logic analyser caught: one line of a VCD file (IEEE 1364-2005, 18).

use super::units::ClockError;
use crate::near;
use crate::periph::signal::{Drive, Wave};
use crate::time::Time;
use std::io::{self, Read};
use vcd::{Command, IdCode, Parser, ReferenceIndex, Scope, ScopeItem, TimescaleUnit, Value};

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
        // The reader wants white space behind the last word.
        let mut parser = Parser::new(bytes.chain(&b"\n"[..]));
        let not_vcd =
            |error: io::Error, line| RecordedError::NotVcd { path: path.to_owned(), line, message: error.to_string() };
        let header = match parser.parse_header() {
            Ok(header) => header,
            Err(error) => return Err(not_vcd(error, parser.line())),
        };
        let mut lines = Vec::new();
        collect(&header.items, "", &mut lines);
        let id = find(path, &lines, asked)?;
        let (scale, unit) = header.timescale.unwrap_or((1, TimescaleUnit::NS));
        let (mut now, mut start, mut changes) = (0u64, None, Vec::<(Time, Drive)>::new());
        loop {
            let line = parser.line();
            match parser.next() {
                None => break,
                Some(Err(error)) => return Err(not_vcd(error, line)),
                Some(Ok(Command::Timestamp(time))) => {
                    if time < now {
                        return Err(RecordedError::Backward { path: path.to_owned(), line, time });
                    }
                    now = time;
                }
                Some(Ok(Command::ChangeScalar(which, value))) if which == id => {
                    let drive = match value {
                        Value::V0 => Drive::Low,
                        Value::V1 => Drive::High,
                        Value::X | Value::Z => Drive::Floating,
                    };
                    let at = picoseconds(now, scale, unit);
                    // Before the first value there is none; more than one at a time: the last.
                    match changes.last_mut() {
                        _ if start.is_none() => start = Some(drive),
                        Some((last, level)) if *last == at => *level = drive,
                        _ => changes.push((at, drive)),
                    }
                }
                Some(Ok(_)) => {}
            }
        }
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

    /// From `skip` on, as a part of a line that begins with it at `first`.
    pub(super) fn changes(&self, skip: Time, first: Time, clock: ClockError) -> Changes {
        let past = self.changes.partition_point(|(t, _)| *t <= skip);
        let start = past.checked_sub(1).map_or(self.start, |i| self.changes[i].1);
        let changes = self.changes[past..].iter().map(|(t, d)| (first + clock.of(t.since(skip)), *d)).collect();
        Changes { start, changes }
    }
}

/// A level and its changes.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    start: Drive,
    changes: Vec<(Time, Drive)>,
}

impl Wave for Changes {
    fn at(&self, time: Time) -> Drive {
        let past = self.changes.partition_point(|(t, _)| *t <= time);
        past.checked_sub(1).map_or(self.start, |i| self.changes[i].1)
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        self.changes.get(self.changes.partition_point(|(t, _)| *t <= time)).map(|(t, _)| *t)
    }
}

/// A line of the file: its name with and without its scopes.
struct Line {
    name: String,
    full: String,
    id: IdCode,
}

fn collect(items: &[ScopeItem], within: &str, lines: &mut Vec<Line>) {
    for item in items {
        match item {
            ScopeItem::Scope(Scope { identifier, items, .. }) => {
                collect(items, &format!("{within}{identifier}."), lines);
            }
            ScopeItem::Var(var) if var.size == 1 => {
                let name = match var.index {
                    Some(ReferenceIndex::BitSelect(bit)) => format!("{}[{bit}]", var.reference),
                    _ => var.reference.clone(),
                };
                lines.push(Line { full: format!("{within}{name}"), name, id: var.code });
            }
            _ => {}
        }
    }
}

fn find(path: &str, lines: &[Line], asked: Option<&str>) -> Result<IdCode, RecordedError> {
    let path = path.to_owned();
    let names = || lines.iter().map(|l| l.name.as_str()).collect::<Vec<_>>();
    let Some(asked) = asked else {
        return match lines {
            [] => Err(RecordedError::NoLines { path }),
            [line] => Ok(line.id),
            _ => Err(RecordedError::Which { path, hint: format!("has the lines {}", names().join(", ")) }),
        };
    };
    let mut found = lines.iter().filter(|l| l.full == asked).chain(lines.iter().filter(|l| l.name == asked));
    match found.next() {
        Some(line) => Ok(line.id),
        None if lines.is_empty() => Err(RecordedError::NoLines { path }),
        None => {
            let hint = match near::nearest(asked, names()) {
                Some(name) => format!("did you mean '{name}'?"),
                None => format!("it has {}", names().join(", ")),
            };
            Err(RecordedError::NoLine { path, asked: asked.to_owned(), hint })
        }
    }
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

    const FILE: &str = "$timescale 10 us $end $scope module logic $end $var wire 1 ! D0 $end $var wire 1 \" D1 $end \
        $var wire 8 # bus $end $upscope $end $enddefinitions $end\n#0 1! z\" b101 #\n#5 0! #7 1!\n#9 x!";

    fn read(text: &str, asked: Option<&str>) -> Result<Recording, String> {
        Recording::read("a.vcd", text.as_bytes(), asked).map_err(|e| e.to_string())
    }

    #[test]
    fn a_line_is_played() {
        let changes = read(FILE, Some("D0")).unwrap().changes(Time::ZERO, Time::from_micros(3), ClockError(0));
        let at = |us| changes.at(Time::from_micros(us));
        assert_eq!([0, 52, 53, 72, 73, 93].map(at), {
            use Drive::{Floating, High, Low};
            [High, High, Low, Low, High, Floating]
        });
        assert_eq!(changes.next_change(Time::ZERO), Some(Time::from_micros(53)));
        let skipped = read(FILE, Some("logic.D0")).unwrap().changes(Time::from_micros(60), Time::ZERO, ClockError(0));
        assert_eq!((skipped.at(Time::ZERO), skipped.at(Time::from_micros(10))), (Drive::Low, Drive::High));
    }

    #[test]
    fn what_cannot_be_played_is_told() {
        assert_eq!(read(FILE, None).unwrap_err(), "a.vcd has the lines D0, D1: say which with 'signal NAME'");
        assert_eq!(read(FILE, Some("D2")).unwrap_err(), "a.vcd has no line 'D2' of one bit; did you mean 'D0'?");
        assert!(read("$scope oops", None).unwrap_err().starts_with("a.vcd: line 1: this is not VCD"));
        let back = FILE.replace("#9", "#6");
        assert_eq!(read(&back, Some("D0")).unwrap_err(), "a.vcd: line 3: the time 6 comes after a later one");
        assert_eq!(read("$enddefinitions $end", None).unwrap_err(), "a.vcd has no line of one bit");
    }
}
