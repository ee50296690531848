//! Whether the app arms: what it makes of a throttle on its signal wire, seen at its pins.
//!
//! [`watch_app()`] runs an app and looks: which input it set up, when its motor's bridge puts out a PWM and when no more,
//! and when it resets the chip. [`arming()`] is the experiment: idle throttle for a while and then more, more at once,
//! a signal that is lost, and none at all. An ESC is armed where the first turns the bridge on and the second does not.

use super::bench::Bench;
use super::boot::{self, MANY_RESETS};
use super::bridge::Bridge;
use super::evidence::{BootRun, Ending};
use super::input::{self, AppInput};
use crate::am32::{InputKind, Pin};
use crate::bus::ResetCause;
use crate::chip::{Chip, Halt, SavedChip};
use crate::flash::OtherPart;
use crate::periph::signal::{Drive, Signal};
use crate::time::Time;

/// How often the pins are looked at: no multiple of what frames come by, so that looks fall at all places between them.
const LOOK: Time = Time::from_micros(997);
/// The bridge is driven that long at least: a motor that does not turn is given up after some 200 ms.
const DRIVEN: Time = Time::from_millis(20);
/// Looks at an answer on the pin, after which it is one: a look may fall between two steps of a setup.
const ANSWERS: u32 = 3;
/// How long after the signal is lost an app is given to reset the chip: AM32's takes 0.5 s, or 2 s before it is armed.
const LOST: Time = Time::from_millis(4_000);

/// How an app is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What the bridge did before is no answer to the throttle.
    pub from: Time,
    /// When it ends.
    pub until: Time,
    /// It ends at the instruction that turns the bridge on.
    pub to_armed: bool,
    /// It ends at the first reset.
    pub to_reset: bool,
}

/// What was seen of an app with a signal. All times are since power-on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSeen {
    /// Its input: the last that told its signal, else the last at all.
    pub input: Option<AppInput>,
    /// When it first read a signal that it knows.
    pub found: Option<Time>,
    /// When its bridge began to play a tone after that: AM32 says so that it has taken idle throttle, and is armed.
    pub tone: Option<Time>,
    /// When a PWM that turns a motor began, to the instruction.
    pub armed: Option<Time>,
    /// When that ended.
    pub off_again: Option<Time>,
    /// When the chip was reset, and why.
    pub resets: Vec<(Time, ResetCause)>,
    /// How it ended, where neither by time nor by a reset.
    pub ended: Option<Ending>,
}

/// The throttle in the experiment. Its times are the chip's, since power-on.
#[derive(Clone, Debug)]
pub struct Throttles {
    /// Idle, and more from [`Throttles::raised`] on.
    pub idle_first: Signal,
    /// When it rises.
    pub raised: Time,
    /// As much all the time.
    pub at_once: Signal,
    /// When both experiments end.
    pub until: Time,
}

/// What came of it. All times are since power-on, if not said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Arming {
    /// The input that the app has set up for this signal.
    pub input: Option<AppInput>,
    /// When it knew the signal.
    pub found_us: Option<Time>,
    /// When it began to play the tone of an armed ESC: it has taken idle throttle.
    pub tone_us: Option<Time>,
    /// When the bridge came on, with idle before.
    pub armed_with_idle_us: Option<Time>,
    /// Whether it came on without.
    pub armed_without: bool,
    /// From the loss of the signal to the reset, with idle before.
    pub reset_when_lost_us: Option<Time>,
    /// From the app's first instruction to its reset, with the wire low all the time.
    pub reset_without_signal_us: Option<Time>,
    /// How the app ended, where it did neither go on nor reset the chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ending>,
}

impl Arming {
    /// It arms with idle throttle before, and not without.
    pub const fn arms(&self) -> bool {
        self.armed_with_idle_us.is_some() && !self.armed_without
    }
}

/// Runs an app, from where the chip stands, with what is on its wires.
pub fn watch_app(chip: &mut Chip, watch: &Watch) -> AppSeen {
    let mut seen = AppSeen::default();
    let (mut answers, mut on) = (0, None);
    let mut before = Bridge::of(chip);
    if before == Bridge::Driven {
        on = Some(On { since: chip.now().time, at: None });
    }
    while chip.now().time < watch.until {
        let last = if seen.armed.is_none() { Some(chip.save()) } else { None };
        match chip.run(watch.until.min(chip.now().time + LOOK)) {
            Halt::Time => {}
            Halt::Reset(cause) => {
                seen.resets.push((chip.now().time, cause));
                (on, before) = (None, Bridge::Off);
                seen.off_again = seen.off_again.or(seen.armed.map(|_| chip.now().time));
                if watch.to_reset || seen.resets.len() >= MANY_RESETS {
                    break;
                }
                continue;
            }
            halt => {
                seen.ended = Some(boot::ended(chip, halt, chip.registers().pc, true));
                break;
            }
        }
        seen.take_input(chip, &mut answers);
        let now = Bridge::of(chip);
        let begins = last.as_ref().filter(|_| now != before);
        before = now;
        match now {
            Bridge::Driven => {
                let on = on.get_or_insert_with(|| On::begun(chip, begins.filter(|_| chip.now().time >= watch.from)));
                if seen.armed.is_none() && on.tells(chip, watch) {
                    seen.armed = Some(on.since);
                    if watch.to_armed {
                        on.go_back(chip);
                        break;
                    }
                }
            }
            other => {
                on = None;
                seen.off_again = seen.off_again.or(seen.armed.map(|_| chip.now().time));
                if other == Bridge::Tone && seen.found.is_some() && seen.tone.is_none() {
                    if let Some(last) = begins {
                        other.back_to_begin(chip, last);
                    }
                    seen.tone = Some(chip.now().time);
                }
            }
        }
    }
    if let Some(on) = on.filter(|on| seen.armed.is_none() && on.since >= watch.from) {
        seen.armed = on.look_ahead(chip, watch);
    }
    seen
}

/// The bridge is driven.
struct On {
    /// Since when.
    since: Time,
    /// The chip then, where it is known to the instruction.
    at: Option<SavedChip>,
}

impl On {
    /// From some instant after `last` on, when it was not; from now on, where that does not matter.
    fn begun(chip: &mut Chip, last: Option<&SavedChip>) -> On {
        if let Some(last) = last {
            Bridge::Driven.back_to_begin(chip, last);
        }
        On { since: chip.now().time, at: last.map(|_| chip.save()) }
    }

    /// Whether it has been driven for so long that it turns a motor.
    fn tells(&self, chip: &Chip, watch: &Watch) -> bool {
        self.since >= watch.from && chip.now().time.since(self.since) >= DRIVEN
    }

    fn go_back(&self, chip: &mut Chip) {
        if let Some(at) = &self.at {
            // The same part: it fits.
            let _ = chip.restore(at);
        }
    }

    /// Whether it stays so for long enough, seen past the end of the watch, where the chip stands afterwards. The
    /// instant from which on it is driven.
    fn look_ahead(&self, chip: &mut Chip, watch: &Watch) -> Option<Time> {
        let end = chip.save();
        while Bridge::of(chip) == Bridge::Driven && !self.tells(chip, watch) {
            if chip.run(chip.now().time + LOOK) != Halt::Time {
                break;
            }
        }
        let tells = Bridge::of(chip) == Bridge::Driven && self.tells(chip, watch);
        // The same part: it fits.
        let _ = chip.restore(&end);
        if tells && watch.to_armed {
            self.go_back(chip);
        }
        tells.then_some(self.since)
    }
}

impl AppSeen {
    fn take_input(&mut self, chip: &mut Chip, answers: &mut u32) {
        if let Some(now) = input::now(chip) {
            let known = now.kind != InputKind::Unknown;
            if known {
                self.found = self.found.or(Some(chip.now().time));
            }
            if known || self.found.is_none() {
                // Pulses are not answered, whatever was before.
                let bidirectional = now.kind.is_dshot() && self.input.as_ref().is_some_and(|i| i.bidirectional);
                self.input = Some(AppInput { bidirectional, ..now });
            }
        } else if let Some(input) = self.input.as_mut().filter(|i| !i.bidirectional && i.kind.is_dshot()) {
            *answers += u32::from(input::answers(chip, input.pin));
            input.bidirectional = *answers >= ANSWERS;
        }
    }
}

/// Powers the chip with the wire low and runs it to its app's first instruction.
///
/// # Errors
/// What was seen instead.
pub fn at_jump(chip: &mut Chip, bench: &Bench) -> Result<SavedChip, Box<BootRun>> {
    put(chip, bench, &bench.pins, &Signal::steady(Drive::Low));
    chip.power_on();
    if bench.from_app {
        chip.start_app(bench.app);
        return Ok(chip.save());
    }
    let run = boot::decide(chip, bench);
    if run.ending == Ending::AppRuns { Ok(chip.save()) } else { Err(Box::new(run)) }
}

/// Tries one signal on a chip that stands at its app's first instruction, on the bench's pin; where the bench does not
/// know which it is, on the one that the app's input is on.
///
/// # Errors
/// The saved state is of another part.
pub fn arming(chip: &mut Chip, bench: &Bench, at_jump: &SavedChip, throttles: &Throttles) -> Result<Arming, OtherPart> {
    chip.restore(at_jump)?;
    let start = chip.now().time;
    put(chip, bench, &bench.pins, &Signal::steady(Drive::Low));
    let to_reset = Watch { from: start, until: start + LOST, to_armed: false, to_reset: true };
    let silent = watch_app(chip, &to_reset);
    let own: Vec<(char, u8)> = match (&bench.pins[..], &silent.input) {
        ([pin], _) => vec![*pin],
        (_, Some(input)) => vec![input.pin.port_and_number()],
        (all, None) => all.to_vec(),
    };

    chip.restore(at_jump)?;
    put(chip, bench, &own, &throttles.at_once);
    let watch = Watch { from: start, until: throttles.until, to_armed: true, to_reset: true };
    let at_once = watch_app(chip, &watch);

    chip.restore(at_jump)?;
    put(chip, bench, &own, &throttles.idle_first);
    let watch = Watch { from: throttles.raised, ..watch };
    let idle_first = watch_app(chip, &watch);
    let lost = chip.now().time;
    let mut after = AppSeen::default();
    if idle_first.resets.is_empty() && idle_first.ended.is_none() {
        put(chip, bench, &own, &Signal::steady(Drive::Low));
        after = watch_app(chip, &Watch { from: lost, until: lost + LOST, ..to_reset });
    }
    let reset = |seen: &AppSeen, since: Time| seen.resets.first().map(|(time, _)| time.since(since));
    Ok(Arming {
        found_us: idle_first.found,
        tone_us: idle_first.tone,
        armed_with_idle_us: idle_first.armed,
        armed_without: at_once.armed.is_some(),
        reset_when_lost_us: reset(&after, lost),
        reset_without_signal_us: reset(&silent, start),
        input: idle_first.input,
        ended: idle_first.ended.or(at_once.ended).or(after.ended).or(silent.ended),
    })
}

/// The pins, of these, on which a throttle after idle arms the app, each tried alone.
///
/// # Errors
/// The saved state is of another part.
pub fn arms_on(
    chip: &mut Chip,
    bench: &Bench,
    at_jump: &SavedChip,
    throttles: &Throttles,
    tried: &[Pin],
) -> Result<Vec<Pin>, OtherPart> {
    let mut found = Vec::new();
    for pin in tried {
        chip.restore(at_jump)?;
        put(chip, bench, &[pin.port_and_number()], &throttles.idle_first);
        let watch = Watch { from: throttles.raised, until: throttles.until, to_armed: true, to_reset: true };
        if watch_app(chip, &watch).armed.is_some() {
            found.push(*pin);
        }
    }
    Ok(found)
}

/// Puts a signal on these pins; nothing is on the bench's others.
fn put(chip: &mut Chip, bench: &Bench, on: &[(char, u8)], signal: &Signal) {
    for (port, pin) in bench.pins.iter().filter(|pin| !on.contains(pin)) {
        chip.drive(*port, *pin, Signal::default());
    }
    for (port, pin) in on {
        chip.drive(*port, *pin, signal.clone());
    }
}
