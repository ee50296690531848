//! Whether the app lives: its way from the first instructions to its main loop.
//!
//! AM32's main loop reloads the watchdog at each pass, from one place; that is the heartbeat. Before it come the
//! peripherals, the settings (rewritten where their layout is old) and the start-up tune.

use crate::chip::{Beat, Chip, Device, Halt, Polled, interrupt_name};
use crate::time::Time;

/// What was seen of the app's life.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Alive {
    /// It goes round its main loop.
    Loop(Loop),
    /// It had not reached a loop that reloads the watchdog when the time was over.
    Silent {
        /// Watchdog reloads so far.
        reloads: u64,
        /// What it was polling.
        polled: Vec<Polled>,
        /// Where it stood.
        pc: u32,
        /// How long it was watched.
        watched_us: Time,
    },
}

/// A main loop.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Loop {
    /// The instruction that reloads the watchdog.
    pub pc: u32,
    /// Time from the app's first instruction to its first reload in the loop.
    pub first_us: Time,
    /// The mean time from one reload to the next.
    pub interval_us: Time,
    /// The longest.
    pub longest_us: Time,
    /// Interrupts taken since the app's first instruction, most first.
    pub interrupts: Vec<Interrupt>,
    /// Timers that put out a PWM, as the motor's do.
    pub pwm: Vec<Pwm>,
}

/// A timer that puts out a PWM.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pwm {
    /// Its name.
    pub timer: String,
    /// Periods in a second.
    pub hz: u64,
    /// Its channels that are on, from 1.
    pub channels: Vec<u8>,
    /// The largest share of a period in which one of them is active, in thousandths.
    pub duty_permille: u32,
}

/// An interrupt, and how often it was taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Interrupt {
    /// The blocks on its line, such as `TIM6`; the name of a system exception.
    pub name: String,
    /// How often.
    pub taken: u64,
}

/// How long the loop is watched once it is found.
const AFTER: Time = Time::from_millis(2);
/// How often the bench looks.
const LOOK: Time = Time::from_millis(1);

/// Lets the app run on from its first instructions, at `start`, until it is seen to go round its main loop, but not
/// past `end`. Any other halt comes back.
pub fn watch(chip: &mut Chip, start: Time, end: Time) -> Result<Alive, Halt> {
    let mut found: Option<Time> = None;
    loop {
        let now = chip.now().time;
        if found.is_none() && chip.board.heartbeat.steady().is_some() {
            found = Some(now);
        }
        let stop = found.map_or(end, |t| end.min(t + AFTER));
        if now >= stop {
            break;
        }
        match chip.run(stop.min(now + LOOK)) {
            Halt::Time => {}
            halt => return Err(halt),
        }
    }
    Ok(match chip.board.heartbeat.steady() {
        Some(beat) => Alive::Loop(describe(chip, beat, start)),
        None => {
            let mut polled = chip.board.polled(chip.now().cycle);
            polled.truncate(4);
            Alive::Silent {
                reloads: chip.board.heartbeat.total(),
                polled,
                pc: chip.registers().pc,
                watched_us: chip.now().time.since(start),
            }
        }
    })
}

fn describe(chip: &Chip, beat: Beat, start: Time) -> Loop {
    let taken = chip.board.nvic.taken();
    let mut interrupts: Vec<Interrupt> = (0u32..)
        .zip(taken)
        .filter(|(_, n)| **n > 0)
        .map(|(number, n)| Interrupt { name: interrupt_name(chip.part(), number), taken: *n })
        .collect();
    interrupts.sort_by_key(|i| std::cmp::Reverse(i.taken));
    Loop {
        pc: beat.pc,
        first_us: beat.first.since(start),
        interval_us: beat.interval(),
        longest_us: beat.longest,
        interrupts,
        pwm: pwm(chip),
    }
}

fn pwm(chip: &Chip) -> Vec<Pwm> {
    let clocks = chip.board.clocks();
    let timers = chip.part().peripherals.iter().zip(&chip.board.devices.slots);
    timers
        .filter_map(|(spec, slot)| match &slot.device {
            Device::Timer(timer) => Some((spec.name.clone(), timer.outputs(&clocks))),
            _ => None,
        })
        .filter(|(_, outputs)| outputs.counts && !outputs.channels.is_empty())
        .map(|(timer, outputs)| Pwm {
            timer,
            hz: outputs.hz.round() as u64,
            channels: outputs.channels.iter().map(|c| c.channel).collect(),
            duty_permille: (outputs.channels.iter().filter_map(|c| c.duty).fold(0.0, f64::max) * 1e3).round() as u32,
        })
        .collect()
}
