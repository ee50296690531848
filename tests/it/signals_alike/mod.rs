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
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::Registers;
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::{AfterPowerOn, Bench, BootRun, PowerUp, boot};
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

/// Ways to run. Unicorn executes every round, whatever it is told of skipping.
const WAYS: [(Engine, bool); 5] = [
    (Engine::Unicorn, true),
    (Engine::Interpreter, false),
    (Engine::Interpreter, true),
    (Engine::Auto, false),
    (Engine::Auto, true),
];

/// A wire that keeps what was seen of it, and when.
#[derive(Debug)]
struct Heard {
    wire: Signal,
    samples: Mutex<Vec<Sample>>,
}

/// A look at the wire.
type Sample = (Time, Drive);

impl Wave for Heard {
    fn at(&self, time: Time) -> Drive {
        let drive = self.wire.at(time);
        self.samples.lock().unwrap().push((time, drive));
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
fn run(case: &Case, way: (Engine, bool), made: &Generated) -> (Seen, Vec<Sample>) {
    let mut chip = chip(case, way);
    let wire = made.waveform().signal(Time::ZERO);
    let source = wire.source();
    let heard = Arc::new(Heard { wire, samples: Mutex::default() });
    case.put(&mut chip, &Signal::wave(heard.clone()).through(source));
    chip.stop_inside(&[APP_CODE..chip.part().flash.end()]);
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
    let samples = std::mem::take(&mut *heard.samples.lock().unwrap());
    (seen, samples)
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

/// That a run which skipped polls took the samples of one that did not, but for such as show what the one before showed.
fn explained(skipped: &[Sample], all: &[Sample]) -> Result<(), String> {
    let mut taken = skipped.iter();
    let mut next = taken.next();
    let mut last = None;
    for sample in all {
        if next == Some(sample) {
            next = taken.next();
        } else if last != Some(sample.1) {
            return Err(format!("{sample:?} was skipped after {last:?}; the next one taken is {next:?}"));
        }
        last = Some(sample.1);
    }
    match next {
        None => Ok(()),
        Some(sample) => Err(format!("{sample:?} was taken when none is due")),
    }
}

/// One signal on one chip, every way. Whether the app was started, and how many samples were taken.
fn alike(case: &Case, made: &Generated) -> (bool, usize) {
    let (first, all) = run(case, WAYS[0], made);
    for way in &WAYS[1..] {
        let (seen, samples) = run(case, *way, made);
        assert!(seen == first, "{made}\n{case}, {way:?}:\n{seen:#?}\nUnicorn:\n{first:#?}");
        let same = match way.1 {
            true => explained(&samples, &all),
            false if samples == all => Ok(()),
            false => Err(first_difference(&samples, &all)),
        };
        assert!(same.is_ok(), "{made}\n{case}, {way:?}: samples: {same:?}");
    }
    let told = verdict(case, WAYS[0], made);
    for way in &WAYS[1..] {
        let seen = verdict(case, *way, made);
        assert!(seen == told, "{made}\n{case}, {way:?}:\n{seen:#?}\nUnicorn:\n{told:#?}");
    }
    assert_eq!(told.jump.map(|j| j.time_us), first.jump.map(|(now, _)| now.time), "{made}\n{case}");
    (told.jump.is_some(), all.len())
}

fn first_difference(a: &[Sample], b: &[Sample]) -> String {
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
    let (mut runs, mut started, mut samples) = (0, 0, 0);
    for seed in first..first + asked.unwrap_or(24) {
        let made = signal(seed);
        let mine = match asked {
            Some(_) => &chips[..],
            None => &chips[seed as usize % chips.len()..][..1],
        };
        for case in mine {
            let (starts, count) = alike(case, &made);
            println!("{made}: {case}: {}, {count} samples", if starts { "starts" } else { "does not start" });
            runs += 1;
            started += u32::from(starts);
            samples += count;
        }
    }
    println!("{runs} signals on chips, {} ways each: {started} start; {samples} samples", WAYS.len());
    // What is compared has to be worth it.
    assert!(asked.is_some() || (started > 5 && runs > started && samples > 10_000), "{started} of {runs}");
}

#[test]
fn what_was_skipped_has_to_be_explained() {
    let at = |us: u64, drive| (Time::from_micros(us), drive);
    let all = [at(1, Drive::Low), at(2, Drive::Low), at(3, Drive::High), at(4, Drive::High)];
    assert_eq!(explained(&all, &all), Ok(()));
    assert_eq!(explained(&[all[0], all[2]], &all), Ok(()));
    for wrong in [&[all[0], all[3]][..], &[all[1], all[2]], &[all[0], all[2], at(5, Drive::High)]] {
        assert!(explained(wrong, &all).is_err(), "{wrong:?}");
    }
}
