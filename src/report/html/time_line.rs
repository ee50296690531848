//! One power-up in time: signal wire, clock, whose code runs, and what happened, numbered.
//!
//! A bootloader decides in microseconds to milliseconds and an app is watched for a second and more: the axis is
//! logarithmic but for its beginning.

use super::frame::capital;
use crate::esc::alive::Alive;
use crate::esc::{AfterPowerOn, BootRun};
use crate::report::text;
use crate::time::Time;
use crate::wire::Level;
use askama::Template;

/// A time line.
#[derive(Template)]
#[template(path = "time_line.html", config = "src/report/html/askama.toml")]
pub struct TimeLine {
    /// Ids in it begin with this.
    id: String,
    /// What the drawing shows, in a sentence.
    about: String,
    height: u32,
    /// How high the rows of numbers are.
    top: u32,
    ticks: Vec<Tick>,
    wire: Vec<Stretch>,
    /// Where the wire changes: from one level's height to the other's.
    edges: Vec<Edge>,
    clock: Vec<Stretch>,
    code: Vec<Stretch>,
    steps: Vec<Step>,
}

/// A label on the axis.
struct Tick {
    x: String,
    label: &'static str,
}

/// Something that lasts.
struct Stretch {
    x: String,
    end: String,
    width: String,
    /// Its height on the wire's lane.
    y: u32,
    class: &'static str,
    /// Where there is room for it.
    label: String,
    /// All of it.
    title: String,
}

/// A change of the wire.
struct Edge {
    x: String,
    from: u32,
    to: u32,
}

/// Something that happened.
struct Step {
    number: usize,
    x: String,
    y: i32,
    time: String,
    text: String,
}

/// The widest label that a per cent of the drawing has room for on a phone, in characters.
const CHARACTERS: f64 = 0.5;
/// How near two numbers may stand in a row, in per cent.
const APART: f64 = 7.0;
/// How high a row of numbers is, and all that is below them.
const ROW: u32 = 21;
const LANES: u32 = 126;
/// Labels on the axis, and how near two may stand.
const DECADES: [(Time, &str); 7] = [
    (Time::from_micros(10), "10 us"),
    (Time::from_micros(100), "0.1 ms"),
    (Time::from_millis(1), "1 ms"),
    (Time::from_millis(10), "10 ms"),
    (Time::from_millis(100), "0.1 s"),
    (Time::from_millis(1_000), "1 s"),
    (Time::from_millis(10_000), "10 s"),
];
const TICKS_APART: f64 = 14.0;

/// From time to per cent.
struct Scale {
    unit: f64,
    whole: f64,
}

impl Scale {
    fn to(end: Time) -> Scale {
        let end = end.micros().max(1.0);
        let unit = (end / 20.0).min(100.0);
        Scale { unit, whole: (1.0 + end / unit).log10() }
    }

    fn at(&self, time: Time) -> f64 {
        ((1.0 + time.micros() / self.unit).log10() / self.whole * 100.0).clamp(0.0, 100.0)
    }
}

fn per_cent(x: f64) -> String {
    format!("{x:.2}%")
}

impl TimeLine {
    /// Of a run that ended in these words. `named` puts names to places in the code.
    pub fn of(run: &BootRun, id: String, ending: &str, named: &dyn Fn(&str) -> String) -> TimeLine {
        let happened = happened(run, ending).into_iter().map(|(time, text)| (time, named(&text))).collect();
        let end = run.time_us;
        let scale = Scale::to(end);
        let wire = levels(run);
        let edges = wire.windows(2).map(|pair| Edge {
            x: per_cent(scale.at(pair[1].0)),
            from: height(pair[0].1),
            to: height(pair[1].1),
        });
        let edges = edges.collect();
        let lane = |items: Vec<(Time, Bar)>| stretches(items, end, &scale);
        let wire = lane(wire.into_iter().map(|(at, level)| (at, Bar::of(level))).collect());
        let clock = run.clock.iter().map(|c| {
            let mhz = format!("{} MHz", c.hz as f64 / 1e6);
            (c.time_us, Bar { label: mhz.clone(), title: format!("clock {mhz}"), class: "clock", y: 0 })
        });
        let code = match &run.jump {
            Some(jump) if jump.time_us == Time::ZERO => vec![(Time::ZERO, Bar::code("app"))],
            Some(jump) => vec![(Time::ZERO, Bar::code("bootloader")), (jump.time_us, Bar::code("app"))],
            None => vec![(Time::ZERO, Bar::code("bootloader"))],
        };
        let (steps, rows) = steps(happened, &scale);
        TimeLine {
            id,
            height: rows * ROW + LANES,
            top: rows * ROW,
            about: format!("Time line of {}, {} long, on a logarithmic axis", run.power_up, end),
            ticks: ticks(end, &scale),
            wire,
            edges,
            clock: lane(clock.collect()),
            code: lane(code),
            steps,
        }
    }
}

/// What a stretch looks like.
struct Bar {
    label: String,
    title: String,
    class: &'static str,
    y: u32,
}

impl Bar {
    fn of(level: Level) -> Bar {
        let class = if level == Level::Floating { "floating" } else { "driven" };
        Bar { label: format!("signal {level}"), title: format!("signal {level}"), class, y: height(level) }
    }

    fn code(whose: &'static str) -> Bar {
        Bar { label: whose.to_owned(), title: format!("the {whose} runs"), class: whose, y: 0 }
    }
}

/// Changes of the wire that are drawn: beyond them nothing could be told apart.
const MOST_CHANGES: usize = 2_000;

/// How high the wire is drawn.
const fn height(level: Level) -> u32 {
    match level {
        Level::High => 18,
        Level::Floating => 25,
        Level::Low => 34,
    }
}

fn levels(run: &BootRun) -> Vec<(Time, Level)> {
    let (start, changes) = run.power_up.wire.changes(run.time_us, MOST_CHANGES);
    [(Time::ZERO, start)].into_iter().chain(changes).map(|(time, drive)| (time, Level::of(drive))).collect()
}

/// Each lasts until the next begins.
fn stretches(items: Vec<(Time, Bar)>, end: Time, scale: &Scale) -> Vec<Stretch> {
    let ends: Vec<Time> = items.iter().skip(1).map(|(at, _)| *at).chain([end]).collect();
    let one = |((at, bar), until): ((Time, Bar), Time)| {
        let (x, end) = (scale.at(at), scale.at(until.max(at)));
        let room = (end - x) * CHARACTERS >= bar.label.chars().count() as f64;
        Stretch {
            x: per_cent(x),
            end: per_cent(end),
            width: per_cent(end - x),
            y: bar.y,
            class: bar.class,
            label: if room { bar.label } else { String::new() },
            title: format!("{}, from {at} on", bar.title),
        }
    };
    items.into_iter().zip(ends).map(one).collect()
}

fn ticks(end: Time, scale: &Scale) -> Vec<Tick> {
    let mut last = 0.0;
    let mut ticks = Vec::new();
    for (time, label) in DECADES.into_iter().filter(|(time, _)| *time <= end) {
        let x = scale.at(time);
        if x - last >= TICKS_APART {
            ticks.push(Tick { x: per_cent(x), label });
            last = x;
        }
    }
    ticks
}

/// Numbers, in as many rows as it takes that none stands on another, from the lowest upwards, and how many rows there are.
fn steps(happened: Vec<(Time, String)>, scale: &Scale) -> (Vec<Step>, u32) {
    let mut rows: Vec<f64> = Vec::new();
    let mut steps = Vec::new();
    for (number, (time, text)) in (1..).zip(happened) {
        let x = scale.at(time);
        let row = rows.iter().position(|last| x - last >= APART).unwrap_or(rows.len());
        rows.resize(rows.len().max(row + 1), x);
        rows[row] = x;
        let y = -11 - ROW as i32 * row as i32;
        let time = if time == Time::ZERO { "0".to_owned() } else { time.to_string() };
        steps.push(Step { number, x: per_cent(x), y, time, text });
    }
    (steps, rows.len() as u32)
}

/// What happened, in the order of time.
fn happened(run: &BootRun, ending: &str) -> Vec<(Time, String)> {
    let power_up = &run.power_up;
    let parts = power_up.wire.parts();
    let first = parts.first().map(|p| format!("Power on, signal {}", p.source));
    let mut all: Vec<(Time, String)> = first.into_iter().map(|text| (Time::ZERO, text)).collect();
    match power_up.reset {
        AfterPowerOn::Nothing => {}
        AfterPowerOn::SoftwareReset => all.push((Time::ZERO, "Software reset".to_owned())),
        AfterPowerOn::PinReset => all.push((Time::ZERO, "Reset by the NRST pin".to_owned())),
    }
    let later = parts.iter().skip(1).filter(|p| p.from <= run.time_us);
    all.extend(later.map(|p| (p.from, format!("Signal {}", p.source))));
    let clock = run.clock.iter().filter(|c| c.time_us > Time::ZERO);
    all.extend(clock.map(|c| (c.time_us, format!("The core's clock is {} MHz", c.hz as f64 / 1e6))));
    all.extend(run.reset_by.iter().map(|(time, cause)| (*time, format!("Reset: {cause}"))));
    for (n, read) in run.boot_byte.iter().enumerate() {
        let again = if n == 0 { "" } else { "again, for the last time, " };
        let text =
            format!("Boot byte read {again}as {:02X} at 0x{:08X}, PC 0x{:08X}", read.value, read.address, read.pc);
        all.push((read.time_us, text));
    }
    for read in &run.header {
        let text = format!("App header read: {:08X} at 0x{:08X}, PC 0x{:08X}", read.value, read.address, read.pc);
        all.push((read.time_us, text));
    }
    if let Some(jump) = &run.jump {
        let interrupts = if jump.interrupts_off { "off" } else { "on" };
        let text =
            format!("Jump to the app at 0x{:08X}, MSP 0x{:08X}, interrupts {interrupts}", jump.address, jump.msp);
        all.push((jump.time_us, text));
    }
    if let (Some(app), Some(jump)) = (&run.app, &run.jump) {
        let since = |time: Time| jump.time_us + time;
        all.extend(app.settings.iter().map(|read| {
            (read.time_us, format!("The app reads settings at 0x{:08X}, PC 0x{:08X}", read.address, read.pc))
        }));
        let fed = app.first_watchdog_reload_us.map(|at| (since(at), "The app feeds its watchdog".to_owned()));
        all.extend(fed);
        match &app.alive {
            Some(alive @ Alive::Loop(found)) => {
                // The step's own time is since power-on.
                let line = text::alive(alive).replacen(" on, a", " after the jump on, a", 1);
                all.push((since(found.first_us), capital(&line)));
            }
            Some(alive) => all.push((run.time_us, capital(&text::alive(alive)))),
            None => {}
        }
    }
    // What happens at one instant stays in the order in which it is told here.
    all.sort_by_key(|(time, _)| *time);
    all.push((run.time_us, capital(ending)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_axis_goes_from_edge_to_edge_and_keeps_the_order() {
        for end in [Time::from_micros(3), Time::from_millis(1), Time::from_millis(400), Time::from_millis(60_000)] {
            let scale = Scale::to(end);
            assert_eq!((scale.at(Time::ZERO), scale.at(end)), (0.0, 100.0));
            let half = scale.at(Time(end.0 / 2));
            assert!(50.0 < half && half < 100.0, "{end}: {half}");
        }
        let all = ticks(Time::from_millis(1_500), &Scale::to(Time::from_millis(1_500)));
        let labels: Vec<&str> = all.iter().map(|t| t.label).collect();
        assert_eq!(labels, ["1 ms", "10 ms", "0.1 s", "1 s"], "0.1 ms would stand on the edge");
    }

    #[test]
    fn numbers_do_not_stand_on_one_another() {
        let scale = Scale::to(Time::from_millis(400));
        let at = |us| (Time::from_micros(us), String::new());
        let (steps, rows) = steps(vec![at(0), at(1), at(2), at(3), at(400_000)], &scale);
        let places: BTreeSet<(&str, i32)> = steps.iter().map(|s| (s.x.as_str(), s.y)).collect();
        assert_eq!(places.len(), steps.len(), "{places:?}");
        let heights: Vec<i32> = steps.iter().map(|s| s.y).collect();
        assert_eq!((heights, rows), (vec![-11, -32, -53, -74, -11], 4));
    }
}
