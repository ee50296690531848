//! What a logic analyser caught: one line of a VCD file (IEEE 1364-2005, 18).

use crate::periph::signal::Drive;
use crate::time::Time;
use error::RecordedError as Error;
use lines::Line;
use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;
use vcd::{Command, Parser, ReferenceIndex, TimescaleUnit, Value, VarType};

mod dialects;
mod error;
mod lines;
mod played;

pub use error::RecordedError;
pub(super) use played::Played;

/// One line of a VCD file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recording {
    path: String,
    asked: Option<String>,
    /// At first.
    start: Drive,
    /// In order of time.
    changes: Vec<(Time, Drive)>,
    /// The file's last time.
    end: Time,
}

/// How deep scopes may be within each other.
const DEEPEST: usize = 64;

impl Recording {
    /// Reads the line `asked` of a file, or its only one. `path` is for messages. `x` is taken as nothing driving, as `z` is;
    /// and so is what comes before the line's first value, where others have values sooner.
    ///
    /// # Errors
    /// What is wrong with the file, and the lines that it has.
    pub fn read(path: &str, bytes: &[u8], asked: Option<&str>) -> Result<Recording, RecordedError> {
        let (header, values) = dialects::header(bytes);
        let values = dialects::unicode(values);
        // The reader wants white space behind the last word.
        let mut parser = Parser::new(header.chain(&*values).chain(&b"\n"[..]));
        let (mut lines, mut scopes) = (Vec::new(), vec![Arc::<str>::from("")]);
        let (mut declared, mut scale, mut wanted) = (HashSet::new(), None, None);
        let (mut now, mut heard) = (Clock::default(), Heard::default());
        let last = last_line(bytes);
        let file = || path.to_owned();
        while let Some(command) = parser.next() {
            // The white space that is added is no line.
            let line = parser.line().min(last);
            let command = command.map_err(|e| match (&wanted, bad_time(bytes, line)) {
                (Some(_), Some((time, why))) => Error::BadTime { path: file(), line, time, why },
                _ => not_vcd(path, line, &e),
            })?;
            match command {
                Command::Timescale(0, _) => return Err(Error::ZeroTimescale { path: file(), line }),
                Command::Timescale(n, unit) => scale = Some((n, unit)),
                Command::ScopeDef(_, _) if scopes.len() > DEEPEST => {
                    return Err(Error::TooDeep { path: file(), line });
                }
                Command::ScopeDef(_, name) => {
                    let within = scopes.last().map_or("", |within| &**within);
                    scopes.push(format!("{within}{}.", typed(&name)).into());
                }
                Command::Upscope if scopes.len() > 1 => {
                    scopes.pop();
                }
                Command::VarDef(kind, bits, id, name, index) => {
                    declared.insert(id);
                    if bits == 1 && is_level(kind) {
                        let name = match index {
                            Some(ReferenceIndex::BitSelect(bit)) => format!("{}[{bit}]", typed(&name)),
                            _ => typed(&name),
                        };
                        let within = scopes.last().cloned().unwrap_or_default();
                        lines.push(Line { within, name, id });
                    }
                }
                Command::Enddefinitions => {
                    let meant = lines::find(path, &lines, asked)?;
                    wanted = Some((meant.id, meant.told(&lines)));
                    now.scale = Some(scale.ok_or_else(|| Error::NoTimescale { path: file(), line })?);
                }
                Command::Timestamp(time) => now.goes_to(time).map_err(|e| match e {
                    BadTime::Backward => Error::Backward { path: file(), line, time },
                    BadTime::TooLate => Error::BadTime { path: file(), line, time: time.to_string(), why: TOO_LATE },
                })?,
                Command::ChangeScalar(id, value) if wanted.as_ref().is_some_and(|w| w.0 == id) => {
                    heard.hears(&now, value)
                }
                // Some write a line of one bit as a vector.
                Command::ChangeVector(id, values) if wanted.as_ref().is_some_and(|w| w.0 == id) => {
                    if let Some(value) = values.iter().last() {
                        heard.hears(&now, value);
                    }
                }
                Command::ChangeScalar(id, _)
                | Command::ChangeVector(id, _)
                | Command::ChangeReal(id, _)
                | Command::ChangeString(id, _)
                    if !declared.contains(&id) =>
                {
                    return Err(Error::Undeclared { path: file(), line, id: id.to_string() });
                }
                _ => {}
            }
        }
        let Some((_, name)) = wanted else {
            let message = "it ends before $enddefinitions".to_owned();
            return Err(Error::NotVcd { path: file(), line: last, message });
        };
        let Some(start) = heard.start else {
            return Err(Error::NoValues { path: file(), name });
        };
        heard.changes.shrink_to_fit();
        let (asked, changes) = (asked.map(str::to_owned), heard.changes);
        Ok(Recording { path: file(), asked, start, changes, end: now.time() })
    }

    /// The file, as it was given.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line, where it was named.
    pub fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// Whether anything is left of it behind `skip`.
    ///
    /// # Errors
    /// It ends before.
    pub fn leaves(&self, skip: Time) -> Result<(), RecordedError> {
        match skip > self.end {
            true => Err(Error::SkipsAll { path: self.path.clone(), end: self.end, skip }),
            false => Ok(()),
        }
    }

    /// The first change after `skip` and the last, in the file's own time.
    pub(super) fn changes_after(&self, skip: Time) -> Option<(Time, Time)> {
        let first = self.changes.get(self.changes.partition_point(|(at, _)| *at <= skip))?;
        Some((first.0, self.changes.last()?.0))
    }

    /// What is there once this many changes have come.
    fn after(&self, changes: usize) -> Drive {
        changes.checked_sub(1).map_or(self.start, |last| self.changes[last].1)
    }
}

/// A name that can be typed between quotation marks.
fn typed(name: &str) -> String {
    name.replace('"', "'")
}

/// The time that a file has come to.
#[derive(Default)]
struct Clock {
    scale: Option<(u32, TimescaleUnit)>,
    first: Option<u64>,
    now: u64,
}

/// Why a time is none.
enum BadTime {
    Backward,
    TooLate,
}

/// Of times that [`Time`] cannot hold.
const TOO_LATE: &str = "is later than 213 days, and nothing is played for so long";

impl Clock {
    fn goes_to(&mut self, time: u64) -> Result<(), BadTime> {
        if time < self.now {
            return Err(BadTime::Backward);
        }
        self.now = time;
        if self.time() == Time::NEVER {
            return Err(BadTime::TooLate);
        }
        self.first.get_or_insert(time);
        Ok(())
    }

    fn time(&self) -> Time {
        self.scale.map_or(Time::ZERO, |(scale, unit)| picoseconds(self.now, scale, unit))
    }

    /// Whether the file has values of an earlier time.
    fn has_gone_on(&self) -> bool {
        self.first.is_some_and(|first| self.now > first)
    }
}

/// What has come of the line.
#[derive(Default)]
struct Heard {
    start: Option<Drive>,
    changes: Vec<(Time, Drive)>,
}

impl Heard {
    /// Takes a value; of more than one at a time the last counts.
    fn hears(&mut self, now: &Clock, value: Value) {
        let drive = match value {
            Value::V0 => Drive::Low,
            Value::V1 => Drive::High,
            Value::X | Value::Z => Drive::Floating,
        };
        if self.start.is_none() && now.has_gone_on() {
            self.start = Some(Drive::Floating);
        }
        let at = now.time();
        let before = match self.changes.last_mut() {
            Some((last, level)) if *last == at => {
                *level = drive;
                return;
            }
            Some((_, level)) => Some(*level),
            None => self.start,
        };
        match before {
            None => self.start = Some(drive),
            Some(before) if before == drive => {}
            Some(_) => self.changes.push((at, drive)),
        }
    }
}

/// Whether what is declared so has levels.
const fn is_level(kind: VarType) -> bool {
    use VarType::{Event, Parameter, Real, String, Time};
    !matches!(kind, Event | Parameter | Real | String | Time)
}

/// The number of the last line that has anything.
fn last_line(bytes: &[u8]) -> u64 {
    1 + bytes.trim_ascii_end().iter().filter(|b| **b == b'\n').count() as u64
}

/// What stands for a time in this line and is none, and what is wrong with it.
fn bad_time(bytes: &[u8], line: u64) -> Option<(String, &'static str)> {
    /// What a message quotes of it.
    const MOST: usize = 40;
    let text = bytes.split(|b| *b == b'\n').nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let words = text.split(u8::is_ascii_whitespace).filter_map(|word| word.strip_prefix(b"#"));
    words.map(String::from_utf8_lossy).find_map(|word| {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let why = match word.strip_prefix('-') {
            Some(rest) if digits(rest) => "is negative: times count from the begin of the file",
            _ if digits(&word) && word.parse::<u64>().is_err() => "does not fit into 64 bits",
            _ if digits(&word) => return None,
            _ => "is not a whole number",
        };
        Some((word.chars().take(MOST).collect(), why))
    })
}

fn not_vcd(path: &str, line: u64, error: &io::Error) -> RecordedError {
    let kind = error.get_ref().and_then(|e| e.downcast_ref::<vcd::ParseError>());
    let message = kind.map_or_else(|| error.to_string(), |e| e.kind().to_string());
    Error::NotVcd { path: path.to_owned(), line, message }
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
    use crate::periph::signal::Wave;
    use crate::wire::units::ClockError;
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
            (
                format!("$var real 64 ? r $end {var} $comment a $end #0 1! #5 0! r0.5 ? sNO ? #7 1!"),
                "values of other lines",
            ),
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
        let scopes = "$timescale 1 us $end $scope module a $end $var wire 1 ! D0 $end $var real 64 r v $end $var event 1 e went $end \
            $scope struct b $end $var wire 1 \" D0 $end $upscope $end $upscope $end $scope module c $end \
            $var wire 1 ! twin $end $upscope $end $enddefinitions $end #0 1! 0\"";
        assert_eq!(edges(scopes, Some("a.D0")).0, High);
        assert_eq!(edges(scopes, Some("a.b.D0")).0, Low);
        assert_eq!(edges(scopes, Some("twin")).0, High);
        let many = "a.vcd has more than one line 'D0', a.D0, a.b.D0: say which with 'signal NAME'";
        assert_eq!(read(scopes, Some("D0")).unwrap_err(), many);
        let which = "a.vcd has the lines a.D0, a.b.D0, twin: say which with 'signal NAME'";
        assert_eq!(read(scopes, None).unwrap_err(), which);
        let none = "a.vcd has no line 'went' of one bit; it has a.D0, a.b.D0, twin";
        assert_eq!(read(scopes, Some("went")).unwrap_err(), none);
        let near = "a.vcd has no line 'D1' of one bit; did you mean a.D0, a.b.D0?";
        assert_eq!(read(scopes, Some("D1")).unwrap_err(), near);
        let twins = scopes.replace("$var wire 1 \" D0 $end", "").replace(" 0\"", "");
        assert_eq!(edges(&twins, None).0, High, "one line with two names");
        let hundred: String = (0..100).map(|n| format!("$var wire 1 a{n} D{n} $end ")).collect();
        let told = read(&format!("{hundred}$enddefinitions $end"), None).unwrap_err();
        assert!(told.contains("D10, D11 and 88 more: say which"), "{told}");
        let alike = scopes.replace("$scope struct b $end ", "").replacen("$upscope $end ", "", 1);
        let alike = read(&alike, Some("a.D0")).unwrap_err();
        assert!(alike.starts_with("a.vcd has more than one line of the full name 'a.D0'"), "{alike}");
    }

    /// What a message names is taken when it is typed.
    #[test]
    fn every_name_that_is_told_is_taken() {
        let text = "$timescale 1 us $end $scope module top $end $var wire 1 ! a,b $end $var wire 1 \" D0 $end \
            $scope module in $end $var wire 1 # D0 $end $var wire 1 % say\"x $end $upscope $end $upscope $end \
            $enddefinitions $end #0 1! 1\" 1# 1%";
        let told = read(text, None).unwrap_err();
        assert_eq!(told, "a.vcd has the lines \"a,b\", top.D0, top.in.D0, say'x: say which with 'signal NAME'");
        for name in ["a,b", "top.D0", "top.in.D0", "say'x"] {
            assert_eq!(read(text, Some(name)).unwrap().start, High, "{name}");
        }
    }

    #[test]
    fn names_and_comments_may_be_latin_1() {
        let text =
            b"$comment f\xFCr $end $timescale 1 us $end $scope module Z\xFCndung $end $var wire 1 ! M\xF6tor $end \
            $upscope $end $enddefinitions $end #0 1! $comment \xB5s $end #5 0!";
        let read = Recording::read("a.vcd", text, Some("Zündung.Mötor")).unwrap();
        assert_eq!((read.start, read.changes.as_slice()), (High, &[(Time::from_micros(5), Low)][..]));
    }

    #[test]
    fn a_line_floats_until_it_has_a_value() {
        let two = "$timescale 1us $end $var wire 1 ! a $end $var wire 1 \" b $end $enddefinitions $end #2 1! #9 1\" 0!";
        assert_eq!(edges(two, Some("b")), (Floating, vec![(9, High)]), "others had values sooner");
        assert_eq!(edges(two, Some("a")), (High, vec![(9, Low)]));
    }

    #[test]
    fn what_cannot_be_played_is_told() {
        assert_eq!(read(FILE, None).unwrap_err(), "a.vcd has the lines D0, D1: say which with 'signal NAME'");
        assert_eq!(read(FILE, Some("D2")).unwrap_err(), "a.vcd has no line 'D2' of one bit; did you mean D0?");
        let back = FILE.replace("#9", "#6");
        assert_eq!(read(&back, Some("D0")).unwrap_err(), "a.vcd: line 4: the time 6 comes after a later one");
        assert_eq!(read("$enddefinitions $end", None).unwrap_err(), "a.vcd has no line of one bit");
        let none = "a.vcd has no value of D1: nothing is known of what is on the line";
        assert_eq!(read(&FILE.replace("z\"", ""), Some("D1")).unwrap_err(), none);
        let skipped = read(FILE, Some("D0")).unwrap();
        assert!(skipped.leaves(Time::from_micros(90)).is_ok());
        assert_eq!(
            skipped.leaves(Time::from_micros(91)).unwrap_err().to_string(),
            "a.vcd ends at 90.0 us, and 'skip' leaves out more than that, 91.0 us"
        );
        let unscaled = FILE.replace("$timescale 10 us $end", "");
        assert_eq!(
            read(&unscaled, Some("D0")).unwrap_err(),
            "a.vcd: line 1: nothing says what its times count: put a line with their unit before it, such as $timescale 1 us $end"
        );
        for (from, to, told) in [
            ("#5", "#-50", "line 3: the time #-50 is negative: times count from the begin of the file"),
            ("#9", "#18446744073709551616", "line 4: the time #18446744073709551616 does not fit into 64 bits"),
            (
                "#9",
                "#99999999999999999999999999999999999999999999",
                "line 4: the time #9999999999999999999999999999999999999999 does not fit",
            ),
            ("#9", "#18446744073709551615", "line 4: the time #18446744073709551615 is later than 213 days"),
            ("#9", "#9.5", "line 4: the time #9.5 is not a whole number"),
            ("x!", "x?", "line 4: '?' gets a value, and no $var of the header declares it"),
            ("b101 #", "b101 ~", "line 2: '~' gets a value, and no $var"),
            ("10 us", "0 us", "line 1: a time scale of 0"),
        ] {
            let error = read(&FILE.replace(from, to), Some("D0")).unwrap_err();
            assert!(error.starts_with(&format!("a.vcd: {told}")), "{to}: {error}");
        }
        for (text, told) in [
            ("", "line 1: this is not VCD: it ends before $enddefinitions"),
            ("$scope oops", "line 1: this is not VCD: unexpected end of VCD file"),
            ("time,D0\n0,1\n", "line 2: this is not VCD: it ends before $enddefinitions"),
            ("$var wire one ! D0 $end", "line 1: this is not VCD: invalid digit found in string"),
            ("$enddefinitions $end\n#12\n1", "line 3: this is not VCD: unexpected end of VCD file"),
        ] {
            let text = text.replace("$enddefinitions", "$timescale 1us $end $var wire 1 ! D0 $end $enddefinitions");
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
