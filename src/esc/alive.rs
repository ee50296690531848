//! Whether the app lives: its way from the first instructions to its main loop, or to where it hangs.
//!
//! AM32's main loop reloads the watchdog at each pass, from one place; that is the heartbeat. Before it come the
//! peripherals, the settings (rewritten where their layout is old) and the start-up melody, which reloads the watchdog
//! once a note. Other apps let their handlers do the work, sleep until an interrupt comes, or go round a loop of their own.

use crate::am32::marks::is_name_tag;
use crate::bus::ResetCause;
use crate::chip::{Beat, Chip, Device, Halt, Polled, Round, interrupt_name};
use crate::time::Time;
use std::ops::Range;

/// What was seen of the app's life.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Alive {
    /// It goes round its main loop, and feeds the watchdog there.
    Loop(Loop),
    /// It is at work in another way.
    Works(Works),
    /// It goes round with nothing to come that would change anything: for ever.
    Hung(Stand),
    /// Neither was seen when the time was over.
    Undecided(Stand),
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
    /// It is AM32's, and no interrupt came while the loop was watched; reports have it as a finding.
    #[serde(skip)]
    pub quiet: bool,
    /// Time from the app's first instruction to where it reset the chip by itself, where it was watched on to there.
    #[serde(skip)]
    pub reset_us: Option<Time>,
}

/// An app at work without a watchdog.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Works {
    /// In which way.
    pub how: How,
    /// Where it stood; for a loop of its own, an instruction of it that stores into a block.
    pub pc: u32,
    /// How long it was watched.
    pub watched_us: Time,
    /// Interrupts taken since the app's first instruction, most first.
    pub interrupts: Vec<Interrupt>,
    /// Timers that put out a PWM, as the motor's do.
    pub pwm: Vec<Pwm>,
}

/// The ways to be at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Interrupts come, and their handlers do something.
    Handlers,
    /// It sleeps, and is woken again and again.
    Sleeps,
    /// It comes round to the same place, and does something to the blocks each time.
    OwnLoop,
}

/// Where an app stood that was not seen to be at work.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stand {
    /// Watchdog reloads so far.
    pub reloads: u64,
    /// What it was polling.
    pub polled: Vec<Polled>,
    /// Where it stood.
    pub pc: u32,
    /// It sleeps until something comes from outside.
    pub sleeps: bool,
    /// How long it was watched.
    pub watched_us: Time,
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

/// How long the loop is watched once it is found: AM32's fastest timer has ticked 20 times by then, at least.
const AFTER: Time = Time::from_millis(2);
/// The same where the window watchdog runs. At its slowest it bites after 4,096 x 8 x 64 clocks on the F0 (262 ms at 8 MHz;
/// RM0091 chapter 22) and 4,096 x 128 x 64 on the G0 (524 ms at 64 MHz, which AM32 runs at; RM0444 chapter 29).
const AFTER_WITH_WWDG: Time = Time::from_millis(600);
/// A loop that has not come by for so many times its longest round has left off; that, or something takes its time.
const ROUNDS_MISSED: u64 = 10;
/// How often the bench looks.
const LOOK: Time = Time::from_millis(1);
/// The last stretch before the limit, whose interrupts and stores tell whether the app is at work.
const STRETCH: Time = Time::from_millis(100);
/// How far past the limit an app is watched which is still on its way: a melody, a watchdog that has yet to bite. A watchdog
/// on the LSI takes up to 33 s, a melody of all 62 notes rarely as long.
pub const LONGEST: Time = Time::from_millis(60_000);
/// The longest note: an app that has reloaded the watchdog within this time may still play.
const NOTE: Time = Time::from_millis(10_000);
/// How long a loop without a watchdog is followed from store to store, or as long as the app was watched before.
const FOLLOWED: Time = Time::from_millis(5_000);
/// Visits of one instruction that make a loop, where its state is another one each time, and where they go on to the
/// end of that time.
const VISITS: u64 = 100;

/// The app's code, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Where it may lie.
    pub area: Range<u32>,
    /// It carries AM32's name tag. AM32's firmware feeds a watchdog in its main loop and never lets its handlers do all the
    /// work: one of its apps whose thread stands still while they come is not known to have started.
    pub am32: bool,
}

impl Code {
    /// What flash holds in this area, with a name tag at `tag`.
    pub fn of(chip: &Chip, area: Range<u32>, tag: Option<u32>) -> Code {
        let am32 = tag.is_some_and(|tag| is_name_tag(&chip.board.flash.cells().bytes(tag, 30)));
        Code { area, am32 }
    }
}

/// Until when an app is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// When it is judged.
    end: Time,
    /// When it is judged at the latest, where it is still on its way then.
    last: Time,
}

impl Limit {
    /// To this time, and no further.
    pub const fn firm(end: Time) -> Limit {
        Limit { end, last: end }
    }

    /// To this time, and on for up to [`LONGEST`] while the app is still on its way.
    pub fn upward(end: Time) -> Limit {
        Limit { end, last: end + LONGEST }
    }
}

/// Lets the app run on from its first instructions, at `start`, until it is seen to go round its main loop, inside
/// `code`, or to the limit. Any other halt comes back.
///
/// # Errors
/// The halt.
pub fn watch(chip: &mut Chip, start: Time, limit: Limit, code: &Code) -> Result<Alive, Halt> {
    let mut watch = Watch::new(start, limit, code);
    match watch.run(chip, limit.end) {
        // Nothing on the chip will wake it; what comes over a pin may.
        Err(Halt::Asleep) if chip.board.listens_outside() => {
            watch.stand(chip);
            Ok(Alive::Undecided(watch.stood(chip, true)))
        }
        other => other,
    }
}

/// Watches a main loop that was found on to the limit. An app that resets the chip by itself has started all the same:
/// AM32's does so after two seconds without a signal; when it did comes back in [`Loop::reset_us`].
///
/// # Errors
/// The halt that came in between.
pub fn watch_on(chip: &mut Chip, start: Time, limit: Limit, code: &Code, found: &Loop) -> Result<Alive, Halt> {
    let mut watch = Watch::new(start, limit, code);
    match watch.run_on(chip, limit.end) {
        Ok(Alive::Loop(last)) => Ok(Alive::Loop(Loop { quiet: found.quiet, ..last })),
        Err(Halt::Reset(ResetCause::Software)) => {
            let reset_us = Some(chip.now().time.since(start));
            Ok(Alive::Loop(Loop { reset_us, ..found.clone() }))
        }
        other => other,
    }
}

struct Watch<'a> {
    start: Time,
    last: Time,
    code: &'a Code,
    /// Where it stood at the limit, and what it polled.
    polled: Vec<Polled>,
    pc: u32,
    /// When that was.
    at: Time,
    /// At the beginning of the last stretch: interrupts taken, times woken, the cycle.
    taken: u64,
    woken: u64,
    since: u64,
}

impl<'a> Watch<'a> {
    const fn new(start: Time, limit: Limit, code: &'a Code) -> Watch<'a> {
        let last = limit.last;
        Watch { start, last, code, polled: Vec::new(), pc: 0, taken: 0, woken: 0, since: 0, at: start }
    }

    fn run(&mut self, chip: &mut Chip, end: Time) -> Result<Alive, Halt> {
        let mut limit = end;
        loop {
            if let Some(found) = self.stretch(chip, limit)? {
                return Ok(found);
            }
            self.stand(chip);
            match self.judge(chip)? {
                Some(verdict) => return Ok(verdict),
                None if chip.now().time < self.last => limit = self.last.min(chip.now().time + STRETCH),
                None => return Ok(Alive::Undecided(self.stood(chip, false))),
            }
        }
    }

    /// Runs up to `limit`. The main loop, where it is found.
    fn stretch(&mut self, chip: &mut Chip, limit: Time) -> Result<Option<Alive>, Halt> {
        let begin = limit - STRETCH;
        let mut marked = false;
        while chip.now().time < limit {
            let now = chip.now().time;
            if let Some(Alive::Loop(found)) = self.main_loop(chip) {
                let taken = chip.board.nvic.taken_in_all();
                let after = if chip.board.window_watchdog_runs() { AFTER_WITH_WWDG } else { AFTER };
                // Long enough to see that a slow one leaves off.
                let rounds = Time(found.longest_us.0.saturating_mul(ROUNDS_MISSED + 2));
                run(chip, now + after.max(rounds))?;
                let quiet = self.code.am32 && chip.board.nvic.taken_in_all() == taken;
                if let Some(Alive::Loop(found)) = self.main_loop(chip) {
                    return Ok(Some(Alive::Loop(Loop { quiet, ..found })));
                }
                continue;
            }
            if !marked && now >= begin {
                marked = true;
                self.mark(chip);
            }
            let next = if marked { limit } else { begin };
            run(chip, next.min(now + LOOK))?;
        }
        Ok(self.main_loop(chip))
    }

    /// The main loop, unless it has left off.
    fn main_loop(&self, chip: &Chip) -> Option<Alive> {
        let beat = chip.board.heartbeat.steady(&self.code.area)?;
        let silent = chip.now().time.since(chip.board.heartbeat.last()?);
        let goes_on = silent.0 <= beat.longest.0.saturating_mul(ROUNDS_MISSED);
        goes_on.then(|| Alive::Loop(describe(chip, beat, self.start)))
    }

    fn run_on(&mut self, chip: &mut Chip, end: Time) -> Result<Alive, Halt> {
        while chip.now().time < end {
            run(chip, end.min(chip.now().time + LOOK))?;
        }
        match self.main_loop(chip) {
            Some(found) => Ok(found),
            None => self.run(chip, end + LOOK),
        }
    }

    fn mark(&mut self, chip: &Chip) {
        self.taken = chip.board.nvic.taken_in_all();
        self.woken = chip.woken();
        self.since = chip.now().cycle;
    }

    /// Notes where it stands, before a closer look moves it.
    fn stand(&mut self, chip: &Chip) {
        self.pc = chip.registers().pc;
        self.at = chip.now().time;
        self.polled = chip.board.polled(chip.now().cycle);
        self.polled.truncate(4);
    }

    fn stood(&self, chip: &Chip, sleeps: bool) -> Stand {
        Stand {
            reloads: chip.board.heartbeat.total(),
            polled: self.polled.clone(),
            pc: self.pc,
            sleeps,
            watched_us: self.at.since(self.start),
        }
    }

    /// What the stretch showed; none where it has to be watched on.
    fn judge(&self, chip: &mut Chip) -> Result<Option<Alive>, Halt> {
        // It bites, or is fed: either decides.
        let watched = chip.board.watchdog_runs();
        let taken = chip.board.nvic.taken_in_all() > self.taken;
        let handlers = taken && chip.board.stores.since(self.since).next().is_some();
        let by_thread = chip.board.stores.since(0).filter(|s| !s.by_handler).max_by_key(|s| s.cycle).map(|s| s.pc);
        let round = chip.round()?;
        if let Round::Same { for_ever: true, .. } = round {
            return Ok(if watched { None } else { Some(Alive::Hung(self.stood(chip, false))) });
        }
        let fed = chip.board.heartbeat.last().is_some_and(|last| chip.now().time.since(last) < NOTE);
        if watched || fed {
            return Ok(None);
        }
        let undecided = || Ok(Some(Alive::Undecided(self.stood(chip, false))));
        match round {
            Round::Sleeps if chip.woken() > self.woken => self.works(chip, How::Sleeps, self.pc),
            Round::Sleeps => Ok(None),
            // What it polls nobody is seen to change.
            Round::Same { polls: true, outside: false, acts: false, .. } => undecided(),
            _ if handlers => self.works(chip, How::Handlers, self.pc),
            Round::Same { acts: true, .. } | Round::Moves => match by_thread {
                Some(pc) => self.own_loop(chip, pc),
                None => undecided(),
            },
            Round::Same { .. } => undecided(),
        }
    }

    fn works(&self, chip: &Chip, how: How, pc: u32) -> Result<Option<Alive>, Halt> {
        if self.code.am32 && how != How::Sleeps {
            return Ok(Some(Alive::Undecided(self.stood(chip, false))));
        }
        let (interrupts, pwm) = (interrupts(chip), pwm(chip));
        let watched_us = self.at.since(self.start);
        Ok(Some(Alive::Works(Works { how, pc, watched_us, interrupts, pwm })))
    }

    /// Whether the core comes back to the instruction that last stored into a block: with all as it was before, or so
    /// often and for so long that it is no step on the way.
    fn own_loop(&self, chip: &mut Chip, pc: u32) -> Result<Option<Alive>, Halt> {
        let now = chip.now().time;
        let until = self.last.min(now + FOLLOWED.max(now.since(self.start)));
        let fed = chip.board.heartbeat.total();
        let feeds = |chip: &Chip| chip.board.heartbeat.total() != fed;
        let visits = chip.comes_back(pc, VISITS, until)?;
        let mut loops = visits.same;
        if !loops && visits.count >= VISITS && until < self.last {
            while chip.now().time < until && !feeds(chip) {
                run(chip, until.min(chip.now().time + LOOK))?;
            }
        }
        // It has come to something else: to its main loop, or to its melody.
        if feeds(chip) {
            return Ok(None);
        }
        if !loops && visits.count >= VISITS && until < self.last {
            loops = chip.comes_back(pc, 2, until + visits.span)?.count == 2;
        }
        if loops {
            return self.works(chip, How::OwnLoop, pc);
        }
        Ok(Some(Alive::Undecided(self.stood(chip, false))))
    }
}

fn run(chip: &mut Chip, until: Time) -> Result<(), Halt> {
    match chip.run(until) {
        Halt::Time => Ok(()),
        halt => Err(halt),
    }
}

fn interrupts(chip: &Chip) -> Vec<Interrupt> {
    let mut interrupts: Vec<Interrupt> = Vec::new();
    for (number, n) in (0u32..).zip(chip.board.nvic.taken()).filter(|(_, n)| **n > 0) {
        let name = interrupt_name(chip.part(), number);
        // A block may have more than one line.
        match interrupts.iter_mut().find(|i| i.name == name) {
            Some(known) => known.taken += n,
            None => interrupts.push(Interrupt { name, taken: *n }),
        }
    }
    interrupts.sort_by_key(|i| std::cmp::Reverse(i.taken));
    interrupts
}

fn describe(chip: &Chip, beat: Beat, start: Time) -> Loop {
    Loop {
        pc: beat.pc,
        first_us: beat.first.since(start),
        interval_us: beat.interval(),
        longest_us: beat.longest,
        interrupts: interrupts(chip),
        pwm: pwm(chip),
        quiet: false,
        reset_us: None,
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
