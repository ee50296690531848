//! `--vcd`: pins, wire, clock, flash and resets over time, as a value change dump (IEEE 1364-2005 chapter 18) that
//! PulseView and GTKWave show.
//!
//! Each power-up is a scope of its own; all of them begin at 0.

use super::RenderError;
use crate::chip::samples::Look;
use crate::chip::scope::{Line, Value};
use crate::esc::signals::Explained;
use crate::esc::trace::Recording;
use crate::esc::{BootRun, Verdict};
use crate::time::Time;
use crate::wire::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use vcd::{IdCode, ReferenceIndex, TimescaleUnit, VarType, Writer};

/// Something that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Drawn {
    Wire,
    Sampled,
    InApp,
    Of(Line),
}

impl Drawn {
    fn name(self) -> String {
        match self {
            Drawn::Wire => "wire".to_owned(),
            Drawn::Sampled => "sampled".to_owned(),
            Drawn::InApp => "in_app".to_owned(),
            Drawn::Of(Line::Clock) => "hclk_mhz".to_owned(),
            Drawn::Of(Line::FlashBusy) => "flash_busy".to_owned(),
            Drawn::Of(Line::Reset) => "reset".to_owned(),
            Drawn::Of(Line::Pin(port, pin)) => format!("P{port}{pin}"),
            Drawn::Of(Line::Output(port, pin)) => format!("P{port}{pin}_driven"),
        }
    }
}

/// What was recorded.
///
/// # Errors
/// None that input can cause: a failure to write into memory is a bug.
pub fn dump(verdict: &Verdict) -> Result<Vec<u8>, RenderError> {
    let part = verdict.part.as_ref().map_or("no part", |p| p.name.as_str());
    let comment = format!("{part}: each scope is a power-up, from its own power-on");
    let power_ups: Vec<Shown> = verdict
        .runs
        .iter()
        .zip(&verdict.recordings)
        .enumerate()
        .map(|(n, (run, recording))| Shown { scope: scope_name(n, run), run, recording, looks: &[] })
        .collect();
    written(&comment, &power_ups)
}

/// One case of a signal, with each look at the pin.
///
/// # Errors
/// As [`dump`].
pub fn dump_case(explained: &Explained) -> Result<Vec<u8>, RenderError> {
    let Explained { run, recording, looks, .. } = explained;
    let comment =
        format!("{}: sampled is 1 where the code looks at its pin", explained.seen.case.name(&explained.sent));
    written(&comment, &[Shown { scope: scope_name(0, run), run, recording, looks }])
}

/// A power-up that is shown.
struct Shown<'a> {
    scope: String,
    run: &'a BootRun,
    recording: &'a Recording,
    looks: &'a [Look],
}

fn written(comment: &str, power_ups: &[Shown]) -> Result<Vec<u8>, RenderError> {
    let mut out = Vec::new();
    write(comment, power_ups, &mut out).map_err(RenderError::of("a value change dump"))?;
    Ok(out)
}

fn write(comment: &str, power_ups: &[Shown], out: &mut Vec<u8>) -> io::Result<()> {
    let mut vcd = Writer::new(out);
    vcd.version(concat!("dryflash ", env!("CARGO_PKG_VERSION")))?;
    vcd.comment(comment)?;
    vcd.timescale(1, TimescaleUnit::NS)?;
    // Changes by time.
    let mut changes: BTreeMap<u64, Vec<(IdCode, Drawn, Value)>> = BTreeMap::new();
    let mut last = Time::ZERO;
    for Shown { scope, run, recording, looks } in power_ups {
        vcd.add_module(scope)?;
        let mut drawn = drawn(run, recording);
        drawn.extend(strobes(looks));
        drawn.sort_by_key(|(time, ..)| *time);
        let names: BTreeSet<Drawn> = drawn.iter().map(|(_, what, _)| *what).collect();
        let mut codes = BTreeMap::new();
        for what in names {
            let (kind, width) = if what == Drawn::Of(Line::Clock) { (VarType::Real, 64) } else { (VarType::Wire, 1) };
            codes.insert(what, vcd.add_var(kind, width, &what.name(), None::<ReferenceIndex>)?);
        }
        vcd.upscope()?;
        for (time, what, value) in drawn {
            changes.entry(time.0 / 1_000).or_default().push((codes[&what], what, value));
        }
        last = last.max(run.time_us);
    }
    vcd.enddefinitions()?;
    let end = changes.last_key_value().map_or(0, |(time, _)| *time).max(last.0 / 1_000);
    let mut stands: BTreeMap<IdCode, Value> = BTreeMap::new();
    for (time, changes) in changes {
        // Of one instant the last value counts; what stands already is no change.
        let ends: BTreeMap<IdCode, (Drawn, Value)> =
            changes.into_iter().map(|(code, what, value)| (code, (what, value))).collect();
        let ends = ends.into_iter().filter(|(code, (_, value))| stands.insert(*code, *value) != Some(*value));
        let ends: Vec<_> = ends.collect();
        if !ends.is_empty() {
            vcd.timestamp(time)?;
        }
        for (code, (what, value)) in ends {
            change(&mut vcd, code, what, value)?;
        }
    }
    // What stands at the end stands until then.
    vcd.timestamp(end.saturating_add(1))?;
    vcd.flush()
}

/// A change of a line, in the order in which they are drawn.
fn change(vcd: &mut Writer<&mut Vec<u8>>, code: IdCode, what: Drawn, value: Value) -> io::Result<()> {
    match (what, value) {
        (Drawn::Of(Line::Clock), Value::Number(hz)) => vcd.change_real(code, hz as f64 / 1e6),
        (_, Value::Number(0)) => vcd.change_scalar(code, vcd::Value::V0),
        (_, Value::Number(_)) => vcd.change_scalar(code, vcd::Value::V1),
        (_, Value::Floats) => vcd.change_scalar(code, vcd::Value::Z),
        (_, Value::Unknown) => vcd.change_scalar(code, vcd::Value::X),
    }
}

/// `power_up_1_low`: names in the format have neither spaces nor commas.
fn scope_name(n: usize, run: &BootRun) -> String {
    let told: String =
        run.power_up.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("power_up_{}_{}", n + 1, told.replace("__", "_"))
}

/// Changes of the wire that are drawn: some seconds of DShot.
const MOST_CHANGES: usize = 1_000_000;

/// How long a look is shown, at most.
const LOOK_SHOWN: Time = Time::from_nanos(100);

/// Looks at a pin: 1 for an instant each.
fn strobes(looks: &[Look]) -> Vec<(Time, Drawn, Value)> {
    let mut all = Vec::new();
    if !looks.is_empty() {
        all.push((Time::ZERO, Drawn::Sampled, Value::Number(0)));
    }
    let each = looks.iter().flat_map(|l| (0..l.times).map(|n| Time(l.time.0 + n * l.spacing.0)));
    for at in each.take(MOST_CHANGES) {
        all.push((at, Drawn::Sampled, Value::Number(1)));
        all.push((at + LOOK_SHOWN, Drawn::Sampled, Value::Number(0)));
    }
    all
}

/// All that is drawn of a power-up. Of pins only those that the code drives or reads, and those that something moves.
fn drawn(run: &BootRun, recording: &Recording) -> Vec<(Time, Drawn, Value)> {
    let mut all = Vec::new();
    let level = |drive| match Level::of(drive) {
        Level::Low => Value::Number(0),
        Level::High => Value::Number(1),
        Level::Floating => Value::Floats,
    };
    let (start, changes) = run.power_up.wire.changes(run.time_us, MOST_CHANGES);
    all.push((Time::ZERO, Drawn::Wire, level(start)));
    all.extend(changes.into_iter().map(|(time, drive)| (time, Drawn::Wire, level(drive))));
    all.push((Time::ZERO, Drawn::InApp, Value::Number(0)));
    all.extend(run.jump.map(|j| (j.time_us, Drawn::InApp, Value::Number(1))));
    for what in [Line::FlashBusy, Line::Reset] {
        all.push((Time::ZERO, Drawn::Of(what), Value::Number(0)));
    }
    let mut seen: BTreeMap<(char, u8), usize> = BTreeMap::new();
    for (_, line, _) in &recording.lines {
        if let Line::Pin(port, pin) | Line::Output(port, pin) = line {
            *seen.entry((*port, *pin)).or_default() += 1;
        }
    }
    let sampled = |port: char, pin: u8| run.sampled.iter().any(|s| s.pin == format!("P{port}{pin}"));
    let wanted = |line: &Line| match line {
        // Each pin begins with a change of its level and one of its driver.
        Line::Pin(port, pin) | Line::Output(port, pin) => {
            seen.get(&(*port, *pin)).is_some_and(|n| *n > 2) || sampled(*port, *pin)
        }
        _ => true,
    };
    let lines = recording.lines.iter().filter(|(_, line, _)| wanted(line));
    all.extend(lines.map(|(time, line, value)| (*time, Drawn::Of(*line), *value)));
    all.sort_by_key(|(time, ..)| *time);
    all
}
