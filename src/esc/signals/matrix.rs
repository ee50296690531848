//! What the cases come to: a row for each signal, and findings.

use super::{Outcome, Plan, Seen, Sent, Version};
use crate::am32::{Finding, Id};
use crate::esc::rests;
use crate::periph::signal::Drive;
use crate::time::Time;
use crate::wire::{Kind, Part, Waveform};

/// A signal and its cases.
#[derive(Clone, Debug)]
pub struct Row {
    /// The signal.
    pub sent: Sent,
    /// What was seen, in the order of the cases: at least one.
    pub seen: Vec<Seen>,
}

/// What a row comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tally {
    /// It starts in all cases.
    Starts,
    /// It starts in some.
    Sometimes,
    /// It starts in none.
    Stays,
}

impl Row {
    /// Cases in which it starts.
    pub fn starts(&self) -> usize {
        self.seen.iter().filter(|s| s.outcome == Outcome::Starts).count()
    }

    /// What the cases come to.
    pub fn tally(&self) -> Tally {
        match self.starts() {
            0 => Tally::Stays,
            n if n == self.seen.len() => Tally::Starts,
            _ => Tally::Sometimes,
        }
    }

    /// The earliest and the latest jump.
    pub fn times(&self) -> Option<(Time, Time)> {
        let times = || self.seen.iter().filter(|s| s.outcome == Outcome::Starts).map(|s| s.time);
        Some((times().min()?, times().max()?))
    }

    /// The case that tells most: the first in which it does not start, or the one that takes longest.
    pub fn telling(&self) -> Option<&Seen> {
        let waits = self.seen.iter().find(|s| s.outcome != Outcome::Starts);
        // Of equal times the first.
        waits.or_else(|| self.seen.iter().rev().max_by_key(|s| s.time))
    }

    /// The name of a case, as `--explain` takes it.
    pub fn case_name(&self, seen: &Seen) -> String {
        if self.seen.len() == 1 {
            return self.sent.title.clone();
        }
        seen.case.name(&self.sent)
    }
}

/// All signals.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// In the order of the plan.
    pub rows: Vec<Row>,
    /// What flight controllers are known to send and the bootloader waits on.
    pub findings: Vec<Finding>,
}

impl Matrix {
    /// What the cases of a plan came to, in the order of [`Plan::cases`].
    pub fn of(plan: &Plan, seen: Vec<Seen>, version: Version) -> Matrix {
        let mut rows: Vec<Row> = plan.signals.iter().map(|s| Row { sent: s.clone(), seen: Vec::new() }).collect();
        for one in seen {
            if let Some(row) = rows.get_mut(one.case.signal) {
                row.seen.push(one);
            }
        }
        rows.retain(|row| !row.seen.is_empty());
        let mut findings = findings(&rows, version);
        findings.extend(rests::finding(rows.iter().flat_map(|r| &r.seen).flat_map(|s| &s.choices)));
        Matrix { rows, findings }
    }

    /// Whether it starts on all signals that flight controllers are known to send, and on those that were asked for.
    pub fn starts(&self) -> bool {
        self.rows.iter().filter(|r| r.sent.decides()).all(|r| r.tally() == Tally::Starts)
    }
}

fn findings(rows: &[Row], version: Version) -> Vec<Finding> {
    let usual: Vec<&Row> = rows.iter().filter(|r| r.sent.usual).collect();
    // Where it starts on nothing of so many it is not the signal.
    if usual.len() > MANY && usual.iter().all(|r| r.tally() == Tally::Stays) {
        return Vec::new();
    }
    // What the same helps against is told once.
    let mut groups: Vec<(Tally, String, Vec<&Row>)> = Vec::new();
    // What a blank page, a fault or too short a look does is told by what `check` finds, and by the row.
    for row in usual.into_iter().filter(|r| r.seen.iter().any(|s| s.by_signal)) {
        let helps = advice(&row.sent.wire, version);
        match groups.iter_mut().find(|(tally, other, _)| *tally == row.tally() && *other == helps) {
            Some((_, _, rows)) => rows.push(row),
            None => groups.push((row.tally(), helps, vec![row])),
        }
    }
    let mut found: Vec<Finding> =
        groups.into_iter().filter_map(|(tally, helps, rows)| finding(tally, helps, &rows)).collect();
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    found
}

fn finding(tally: Tally, helps: String, rows: &[&Row]) -> Option<Finding> {
    let first = rows.first()?;
    let telling = first.telling()?;
    // A text has commas and colons of its own.
    let quoted = |name: String| if name.contains([',', ' ']) { format!("'{name}'") } else { name };
    let names: Vec<String> = rows
        .iter()
        .map(|row| match (tally, quoted(row.sent.title.clone())) {
            (Tally::Sometimes, name) => format!("{name} (starts in {} of {})", row.starts(), row.seen.len()),
            (_, name) => name,
        })
        .collect();
    let why = format!("{}: {}", quoted(first.case_name(telling)), telling.why);
    let (names, several) = (names.join(", "), rows.len() > 1);
    let (id, message) = match (tally, several) {
        (Tally::Starts, _) => return None,
        (Tally::Stays, false) => {
            (Id::RUN_SIGNAL_WAITS, format!("{names} keeps the bootloader waiting: {}", telling.why))
        }
        (Tally::Stays, true) => (Id::RUN_SIGNAL_WAITS, format!("these keep the bootloader waiting: {names}; {why}")),
        (Tally::Sometimes, _) => {
            (Id::RUN_SIGNAL_CHANCE, format!("whether it starts depends on chance with {names}; {why}"))
        }
    };
    Some(Finding::new(id, message, helps))
}

/// More signals than a pin that is right can be deaf to all at once.
const MANY: usize = 8;

/// No version is newer than that for some time to come.
const NEWEST: u8 = 40;

/// What can be changed so that it starts.
fn advice(wire: &Waveform, version: Version) -> String {
    let mut ways: Vec<String> = Vec::new();
    let high_first = high_at_first(wire);
    let frames = wire.last_level().is_none();
    if high_first {
        ways.push(
            "have the flight controller hold the line low for 50 ms from power-on, before its first frames".to_owned(),
        );
    }
    if pulled_at_first(wire) {
        ways.push(
            "a resistor of 1 to 10 kOhm from the wire to ground does that against a pull-up, where the firmware cannot"
                .to_owned(),
        );
    }
    if both_ways_at_once(wire) {
        ways.push("switch bidirectional DShot off: its line idles high".to_owned());
    }
    if frames && !high_first {
        ways.push(
            "have frames begin after the bootloader has decided, with the line low or left alone until then".to_owned(),
        );
    }
    // Of one that is V14 or newer nobody knows.
    if frames && (!(17..NEWEST).any(|v| version.allows(v)) || version.allows(14)) {
        ways.push("take a bootloader of V17 or newer: these give up on frames that are no configurator's".to_owned());
    }
    if ways.is_empty() {
        ways.push("power the flight controller first, and have it hold the line low".to_owned());
    }
    ways.join("; or ")
}

/// Whether the line is high, or pulled up, before the frames begin.
fn high_at_first(wire: &Waveform) -> bool {
    let high = |p: &Part| {
        matches!(p.source.kind(), Kind::Level(Drive::High | Drive::PulledHigh(_)))
            || matches!(p.source.kind(), Kind::Dshot(d) if d.bidirectional && p.source.timing().after.is_some())
    };
    wire.parts().first().is_some_and(high)
}

/// Whether nothing but a pull-up makes it so.
fn pulled_at_first(wire: &Waveform) -> bool {
    wire.parts().first().is_some_and(|p| match p.source.kind() {
        Kind::Level(drive) => matches!(drive, Drive::PulledHigh(_)),
        Kind::Dshot(dshot) => dshot.bidirectional && p.source.timing().after.is_some(),
        _ => false,
    })
}

/// Whether bidirectional frames run from power-on.
fn both_ways_at_once(wire: &Waveform) -> bool {
    wire.parts().first().is_some_and(|p| {
        matches!(p.source.kind(), Kind::Dshot(d) if d.bidirectional) && p.source.timing().after.is_none()
    })
}
