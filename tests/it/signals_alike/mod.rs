//! Signals of the language on chips that run: with either engine, with polls skipped or not, the same samples of the pin
//! are taken, at the same times, and the same comes of it. `laws` is what holds for signals by themselves, `decoded` what
//! receivers that know nothing of this house make of them.
//!
//! Signals are made from seeds (`generate`), and a difference names its own. Every day it is a few, each on one bootloader;
//! all of them, each on every bootloader:
//!
//! `DRYFLASH_SIGNALS=200 cargo test --release --test it signals_alike:: -- --nocapture`
//!
//! `DRYFLASH_SEED=17 DRYFLASH_SIGNALS=1` is the one of seed 17.

mod decoded;
mod generate;
mod laws;

use crate::lockstep::{Outcome, outcome, run_on};
use crate::support::bench::{Case, cases};
use dryflash::am32::Layout;
use dryflash::bus::ResetCause;
use dryflash::chip::samples::{Look, Sampler};
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::Registers;
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::{AfterPowerOn, Bench, BootRun, PowerUp, boot};
use dryflash::periph::gpio::Pull;
use dryflash::periph::signal::{Drive, Signal, Wave};
use dryflash::time::{Now, Time};
use generate::{Generated, signal};
use std::sync::{Arc, Mutex};

/// How long a bootloader has, and how long an app is watched.
const BOOTLOADER: Time = Time::from_millis(60);
const APP: Time = Time::from_millis(10);

/// The stand-ins that decide each in their own way, and the app of their layout behind them.
const BOOTLOADERS: [&str; 5] = [
    "STANDIN_F051_BOOTLOADER_PB4_V14",
    "STANDIN_G071_BOOTLOADER_PB4_64K_V14",
    "STANDIN_F051_BOOTLOADER_PB4_V10",
    "STANDIN_F051_BOOTLOADER_PB4_V4",
    "STANDIN_F051_BOOTLOADER_PA2_V14",
];

/// A bidirectional stream that begins late: with it a bootloader listens, and polls its pin alone, while frames come.
/// Without the wire in the port's forecast this one comes out otherwise, and most do not.
const LISTENS: u64 = 20;

/// Ways to run. Unicorn executes every round, whatever it is told of skipping.
const WAYS: [(Engine, bool); 5] = [
    (Engine::Unicorn, true),
    (Engine::Interpreter, false),
    (Engine::Interpreter, true),
    (Engine::Auto, false),
    (Engine::Auto, true),
];

/// A wire that keeps when the chip asked for its level: for the code, and for what follows its edges.
#[derive(Debug)]
struct Heard {
    wire: Signal,
    asked: Mutex<Vec<Asked>>,
}

/// A time that was asked for, and the answer.
type Asked = (Time, Drive);

impl Wave for Heard {
    fn at(&self, time: Time) -> Drive {
        let drive = self.wire.at(time);
        self.asked.lock().unwrap().push((time, drive));
        drive
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        self.wire.next_change(time)
    }
}

/// What came of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    jump: Option<(Now, Registers)>,
    end: Outcome,
}

/// What the code saw of its pin in one look.
#[derive(Clone, Debug)]
struct Saw {
    time: Time,
    /// Times of skipped rounds are told by the first and a spacing of whole picoseconds: this much may be lost.
    slack: u64,
    high: bool,
    pull: Pull,
    pc: u32,
}

impl PartialEq for Saw {
    fn eq(&self, other: &Saw) -> bool {
        let same = (self.high, self.pull, self.pc) == (other.high, other.pull, other.pc);
        same && self.time.0.abs_diff(other.time.0) <= self.slack + other.slack
    }
}

/// Each look at the pin, in order of time.
fn looks(sampler: Option<Sampler>) -> Vec<Saw> {
    let looks = sampler.and_then(Sampler::into_most).map_or(Vec::new(), |pin| pin.looks);
    let each = |look: &Look| {
        let Look { time, times, spacing, high, pull, pc } = *look;
        (0..times).map(move |n| Saw { time: Time(time.0 + n * spacing.0), slack: n, high, pull, pc })
    };
    let mut all: Vec<Saw> = looks.iter().flat_map(each).collect();
    all.sort_by_key(|s| s.time);
    all
}

fn reset_of(seed: u64) -> AfterPowerOn {
    match seed % 5 {
        3 => AfterPowerOn::SoftwareReset,
        4 => AfterPowerOn::PinReset,
        _ => AfterPowerOn::Nothing,
    }
}

fn chip(case: &Case, (engine, skipping): (Engine, bool)) -> Chip {
    let mut chip = case.chip(engine);
    chip.set_skipping(skipping);
    chip
}

/// Power comes on, the bootloader decides, the app runs for a while.
fn run(case: &Case, way: (Engine, bool), made: &Generated) -> (Seen, Vec<Saw>, Vec<Asked>) {
    let mut chip = chip(case, way);
    let wire = made.waveform().signal(Time::ZERO);
    let source = wire.source();
    let heard = Arc::new(Heard { wire, asked: Mutex::default() });
    case.put(&mut chip, &Signal::wave(heard.clone()).through(source));
    chip.board.put_sampler(Sampler::new(&[('A', 2), ('B', 4)], usize::MAX));
    chip.stop_inside(std::slice::from_ref(&(APP_CODE..chip.part().flash.end())));
    chip.power_on();
    match reset_of(made.seed) {
        AfterPowerOn::Nothing => {}
        AfterPowerOn::SoftwareReset => chip.reset(ResetCause::Software),
        AfterPowerOn::PinReset => chip.reset(ResetCause::Pin),
    }
    let mut halt = run_on(&mut chip, BOOTLOADER);
    let jump = (halt == Halt::Inside).then(|| (chip.now(), chip.registers()));
    if let Some((now, _)) = jump {
        chip.stop_inside(&[]);
        halt = run_on(&mut chip, now.time + APP);
    }
    let seen = Seen { jump, end: outcome(&mut chip, halt) };
    let asked = std::mem::take(&mut *heard.asked.lock().unwrap());
    (seen, looks(chip.board.take_sampler()), asked)
}

/// Where apps begin.
const APP_CODE: u32 = 0x0800_1000;

/// The same as `dryflash check` sees it.
fn verdict(case: &Case, way: (Engine, bool), made: &Generated) -> BootRun {
    let mut chip = chip(case, way);
    let part = chip.part().clone();
    let layout = Layout::of(&part).expect("AM32 runs on it");
    let limits = Bench { limit: BOOTLOADER, app_limit: APP, ..Bench::new(&part, layout, None) };
    boot::boot(&mut chip, &limits, &PowerUp { wire: made.waveform(), reset: reset_of(made.seed) })
}

/// One signal on one chip, every way. Whether the app was started, and how many samples were taken.
fn alike(case: &Case, made: &Generated) -> (bool, usize) {
    let (first, saw, all) = run(case, WAYS[0], made);
    for way in &WAYS[1..] {
        let (seen, looked, asked) = run(case, *way, made);
        assert!(seen == first, "{made}\n{case}, {way:?}:\n{seen:#?}\nUnicorn:\n{first:#?}");
        assert!(looked == saw, "{made}\n{case}, {way:?}: looks: {}", first_difference(&looked, &saw));
        // A forecast for skipping asks the wire as well.
        if !way.1 {
            assert!(asked == all, "{made}\n{case}, {way:?}: asked: {}", first_difference(&asked, &all));
        }
    }
    let told = verdict(case, WAYS[0], made);
    for way in &WAYS[1..] {
        let seen = verdict(case, *way, made);
        assert!(seen == told, "{made}\n{case}, {way:?}:\n{seen:#?}\nUnicorn:\n{told:#?}");
    }
    assert_eq!(told.jump.map(|j| j.time_us), first.jump.map(|(now, _)| now.time), "{made}\n{case}");
    (told.jump.is_some(), saw.len())
}

fn first_difference<T: PartialEq + std::fmt::Debug>(a: &[T], b: &[T]) -> String {
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => format!("{a:?}, and {b:?} with Unicorn"),
        None => format!("{} of them, and {} with Unicorn", a.len(), b.len()),
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn both_engines_and_skipping_take_the_same_samples() {
    let cases = cases();
    let find = |name: &str| cases.iter().find(|c| c.to_string().contains(name)).expect("it is built");
    let chips = BOOTLOADERS.map(find);
    let first = setting("DRYFLASH_SEED").unwrap_or(1);
    let asked = setting("DRYFLASH_SIGNALS");
    let (mut runs, mut started, mut looks) = (0, 0, 0);
    for seed in first..first + asked.unwrap_or(24) {
        let made = signal(seed);
        let mine = match asked {
            _ if seed == LISTENS => &chips[..],
            Some(_) => &chips[..],
            None => &chips[seed as usize % chips.len()..][..1],
        };
        for case in mine {
            let (starts, count) = alike(case, &made);
            println!("{made}: {case}: {}, {count} looks", if starts { "starts" } else { "does not start" });
            runs += 1;
            started += u32::from(starts);
            looks += count;
        }
    }
    println!("{runs} signals on chips, {} ways each: {started} start; {looks} looks at the pin", WAYS.len());
    // What is compared has to be worth it.
    assert!(asked.is_some() || (started > 5 && runs > started && looks > 10_000), "{started} of {runs}");
}
