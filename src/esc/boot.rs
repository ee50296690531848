//! One power-up, run and observed: what the bootloader reads of the EEPROM page and the app's header, whether it jumps,
//! and whether the app runs.
//!
//! The evidence comes from loads of watched addresses and from where the core executes, so it is there for any
//! bootloader, known or not.

use super::alive::{self, Alive, Code, Limit};
use super::bench::Bench;
use super::evidence::{
    AppRun, Author, BootRun, ChangedPage, ClockChange, Ending, Handling, Jump, Load, Rewritten, Touched,
};
use super::power_up::{AfterPowerOn, PowerUp};
use super::{fit, next_start, settings_pages, signal_pin};
use crate::am32::Settings;
use crate::bus::{ResetCause, Width};
use crate::chip::{Chip, EventKind, Halt, Round, WatchedLoad, interrupt_name};
use crate::cpu::Registers;
use crate::flash::{Contents, PageDiff};
use crate::periph::nvic::HARD_FAULT;
use crate::time::Time;
use std::ops::Range;

/// Instructions after which the app counts as running, unless it feeds its watchdog before.
pub const APP_INSTRUCTIONS: u64 = 10_000;
/// How long the app's first instructions may take.
const APP_TIME: Time = Time::from_millis(400);
/// Resets after which a chip counts as resetting for ever.
pub const MANY_RESETS: usize = 8;

/// Runs one power-up on a chip without power. The chip's flash is left as the code left it.
pub fn boot(chip: &mut Chip, bench: &Bench, power_up: &PowerUp) -> BootRun {
    let before = Contents::of(chip.board.flash.cells());
    let mut run = power(chip, bench, power_up);
    let reached = if bench.from_app {
        chip.start_app(bench.app);
        true
    } else {
        bootloader(chip, bench, &mut run)
    };
    let between = Contents::of(chip.board.flash.cells());
    let settings = &bench.boot_bytes;
    run.changed.extend(changed(&before, &between, Author::Bootloader, settings));
    if reached {
        run.ending = app(chip, bench, &mut run);
        let after = Contents::of(chip.board.flash.cells());
        run.changed.extend(changed(&between, &after, Author::App, settings));
    }
    chip.watch(&[]);
    chip.stop_inside(&[]);
    finish(chip, &mut run);
    run
}

/// Puts the signal on its pins, and the power on.
fn power(chip: &mut Chip, bench: &Bench, power_up: &PowerUp) -> BootRun {
    for (port, pin) in &bench.pins {
        chip.drive(*port, *pin, power_up.signal());
    }
    chip.forget_pins();
    chip.power_on();
    let at_first = ClockChange { time_us: Time::ZERO, hz: chip.board.clocks().hclk_hz };
    match power_up.reset {
        AfterPowerOn::Nothing => {}
        AfterPowerOn::SoftwareReset => chip.reset(ResetCause::Software),
        AfterPowerOn::PinReset => chip.reset(ResetCause::Pin),
    }
    let mut run = nothing_seen(power_up);
    run.clock.push(at_first);
    run
}

/// Runs one power-up on a chip without power up to the jump into the app, which is not run.
pub fn boot_to_jump(chip: &mut Chip, bench: &Bench, power_up: &PowerUp) -> BootRun {
    let run = power(chip, bench, power_up);
    to_jump(chip, bench, run)
}

/// Runs a chip that has just got power up to the jump into the app, which is not run: its first instruction is the next.
pub fn decide(chip: &mut Chip, bench: &Bench) -> BootRun {
    to_jump(chip, bench, nothing_seen(&PowerUp::decisive()))
}

fn to_jump(chip: &mut Chip, bench: &Bench, mut run: BootRun) -> BootRun {
    if bootloader(chip, bench, &mut run) {
        let jump = jump(chip, bench, &chip.registers(), chip.now().time);
        run.ending = if jump.address == jump.vector {
            run.jump = Some(jump);
            Ending::AppRuns
        } else {
            Ending::Stray { pc: jump.address, vector: jump.vector }
        };
    }
    chip.watch(&[]);
    chip.stop_inside(&[]);
    finish(chip, &mut run);
    run
}

pub(super) fn nothing_seen(power_up: &PowerUp) -> BootRun {
    BootRun {
        power_up: power_up.clone(),
        ending: Ending::Stays,
        time_us: Time::ZERO,
        boot_byte: Vec::new(),
        header: Vec::new(),
        jump: None,
        app: None,
        sampled: Vec::new(),
        polled: Vec::new(),
        stands_still: false,
        pc: 0,
        changed: Vec::new(),
        unmodelled: Vec::new(),
        in_vain: Vec::new(),
        choices: Vec::new(),
        resets: 0,
        reset_by: Vec::new(),
        clock: Vec::new(),
        handling: None,
        last: None,
        reason: None,
    }
}

/// The pages that `by` has changed between two instants.
fn changed<'a>(
    before: &'a Contents,
    after: &'a Contents,
    by: Author,
    settings: &'a [u32],
) -> impl Iterator<Item = ChangedPage> + 'a {
    before.until(after).map(move |page| {
        let PageDiff { address, erased, bytes, .. } = page;
        let decoded = Settings::read(page.before).ok().zip(Settings::read(page.after).ok());
        let decoded = decoded.filter(|_| settings.contains(&address));
        let settings = decoded.map(|(before, after)| Box::new(Rewritten { before, after }));
        ChangedPage { by, address, erased, bytes, settings }
    })
}

/// Runs the bootloader. Whether it reached the app.
fn bootloader(chip: &mut Chip, bench: &Bench, run: &mut BootRun) -> bool {
    let header = bench.app..bench.app + 8;
    let bytes = bench.boot_bytes.iter().map(|a| *a..a + 1);
    chip.watch(&bytes.chain([header]).collect::<Vec<_>>());
    chip.stop_inside(std::slice::from_ref(&bench.app_area));
    let halt = loop {
        let halt = chip.run(bench.limit);
        if let Halt::Reset(_) = halt {
            run.resets += 1;
            if run.resets < MANY_RESETS {
                // What was read before it decides nothing any more.
                chip.board.watched.clear();
                continue;
            }
        }
        break halt;
    };
    for load in &chip.board.watched {
        take_load(bench, load, run);
    }
    run.sampled = chip.sampled_pins();
    let pc = chip.registers().pc;
    run.ending = match halt {
        Halt::Inside => return true,
        Halt::Time => Ending::Stays,
        Halt::Reset(cause) => Ending::Resets { cause },
        other => {
            // A jump to where the app's reset vector points is the app's first step, wherever that leads.
            let vector = chip.board.flash.cells().read(bench.app.wrapping_add(4), Width::Word);
            let fault = chip.board.log.last_fault().map_or(pc, |(pc, _)| pc);
            let at_vector = matches!(other, Halt::Fault(_)) && vector != u32::MAX && fault == vector & !1;
            ended(chip, other, pc, at_vector)
        }
    };
    false
}

/// What a halt means, before or after the jump.
pub(super) fn ended(chip: &Chip, halt: Halt, pc: u32, in_app: bool) -> Ending {
    match halt {
        Halt::Fault(fault) => {
            let pc = chip.board.log.last_fault().map_or(pc, |(pc, _)| pc);
            if in_app { Ending::AppFault { fault, pc } } else { Ending::BootloaderFault { fault, pc } }
        }
        Halt::Lockup => {
            let first = chip.board.log.first_fault();
            Ending::Lockup { pc: first.map_or(pc, |(pc, _)| pc), fault: first.map(|(_, f)| f), in_app }
        }
        Halt::Asleep => Ending::Asleep { pc },
        Halt::SystemMemory => Ending::SystemMemory,
        Halt::Reset(cause) => Ending::AppReset { cause, pc: chip.board.log.reset_from.unwrap_or(pc) },
        Halt::Broken(message) => Ending::Broken { message },
        Halt::Off => Ending::Broken { message: "the chip has no power".to_owned() },
        Halt::Breakpoint | Halt::Watchpoint => Ending::Broken { message: "a breakpoint without a debugger".to_owned() },
        Halt::Time | Halt::Inside => Ending::AppRuns,
    }
}

/// The app's first instructions.
fn app(chip: &mut Chip, bench: &Bench, run: &mut BootRun) -> Ending {
    let registers = chip.registers();
    let start = chip.now().time;
    let jump = jump(chip, bench, &registers, start);
    if jump.address != jump.vector {
        return Ending::Stray { pc: jump.address, vector: jump.vector };
    }
    run.jump = Some(jump);
    // Watching slows every load down: only where the app's settings may stand elsewhere than the bootloader's.
    let pages: Vec<Range<u32>> = bench.boot_bytes.iter().map(|a| *a..a + 1).collect();
    chip.watch(pages.get(1..).map_or(&[], |_| &pages));
    chip.stop_inside(&[]);
    let first = chip.instructions();
    chip.board.heartbeat.forget();
    chip.board.stores.forget();
    chip.board.nvic.forget_taken();
    let (mut step, mut ending) = (Time::from_micros(20), None);
    loop {
        let halt = chip.run(chip.now().time + step);
        let executed = chip.instructions() - first;
        let fed = chip.board.heartbeat.total() > 0;
        match halt {
            Halt::Time if executed >= APP_INSTRUCTIONS || fed || chip.now().time >= start + APP_TIME => break,
            Halt::Time => step = Time((step.0 * 2).min(2_000_000_000)),
            // What comes over a pin may wake it: that is looked into later.
            Halt::Asleep if chip.board.listens_outside() => break,
            other => {
                let pc = chip.registers().pc;
                ending = Some(ended(chip, other, pc, true));
                break;
            }
        }
    }
    let mut app = AppRun {
        instructions: chip.instructions() - first,
        time_us: chip.now().time.since(start),
        first_watchdog_reload_us: None,
        last_watchdog_reload_us: None,
        alive: None,
        signal: Vec::new(),
        settings: Vec::new(),
        flaws: Vec::new(),
    };
    if ending.is_none() && bench.app_limit > Time::ZERO {
        let code = Code::of(chip, bench.app_area.clone(), Some(bench.tag));
        let seen = alive::watch(chip, start, Limit::upward(start + bench.app_limit), &code);
        ending = take(chip, seen, &mut app);
    }
    if ending.is_none()
        && let Some(page) = run.boot_byte.last().filter(|l| l.value != 0xFF).map(|l| l.address)
        && let Err(halt) = next_start::settle(chip, page)
    {
        let pc = chip.registers().pc;
        ending = Some(ended(chip, halt, pc, true));
    }
    if ending.is_none() {
        app.signal = signal_pin::followed(chip);
        app.flaws = fit::flaws(chip, app.alive.as_ref(), !app.signal.is_empty());
    }
    if ending.is_none()
        && bench.whole
        && let Some(Alive::Loop(found)) = &app.alive
    {
        // What is seen of the app above is seen before it may reset the chip.
        let code = Code::of(chip, bench.app_area.clone(), Some(bench.tag));
        let seen = alive::watch_on(chip, start, Limit::upward(start + bench.app_limit), &code, found);
        ending = take(chip, seen, &mut app);
    }
    app.settings = settings_pages::looks(&chip.board.watched, &bench.boot_bytes, start);
    let reset = matches!(&app.alive, Some(Alive::Loop(l)) if l.reset_us.is_some());
    let heartbeat = match ending {
        Some(Ending::AppReset { .. }) => &chip.board.last_life.heartbeat,
        None if reset => &chip.board.last_life.heartbeat,
        _ => &chip.board.heartbeat,
    };
    app.first_watchdog_reload_us = heartbeat.first().map(|t| t.since(start));
    app.last_watchdog_reload_us = heartbeat.last().map(|t| t.since(start));
    run.app = Some(app);
    ending.unwrap_or(Ending::AppRuns)
}

/// Takes over what was seen of the app's life. How it ends where it is not at work.
fn take(chip: &Chip, seen: Result<Alive, Halt>, app: &mut AppRun) -> Option<Ending> {
    match seen {
        Ok(alive) => {
            let ending = match &alive {
                Alive::Loop(_) | Alive::Works(_) => None,
                Alive::Hung(stand) => Some(Ending::AppHangs { pc: stand.pc }),
                Alive::Undecided(stand) => Some(Ending::AppUndecided { pc: stand.pc }),
            };
            app.alive = Some(alive);
            ending
        }
        Err(halt) => Some(ended(chip, halt, chip.registers().pc, true)),
    }
}

fn jump(chip: &Chip, bench: &Bench, registers: &Registers, time: Time) -> Jump {
    let cells = chip.board.flash.cells();
    let vector = cells.read(bench.app.wrapping_add(4), Width::Word) & !1;
    let address = chip.board.resolve(registers.pc);
    Jump {
        address,
        vector,
        msp: registers.msp,
        vtor: chip.board.nvic.vtor(),
        interrupts_off: registers.primask,
        time_us: time,
    }
}

/// Files a watched load under the boot byte or the header.
fn take_load(bench: &Bench, load: &WatchedLoad, run: &mut BootRun) {
    let covers = |at: u32| load.address <= at && at - load.address < load.width.bytes();
    if let Some(at) = bench.boot_bytes.iter().copied().find(|at| covers(*at)) {
        let value = (load.value >> (8 * (at - load.address))) & 0xFF;
        let seen = Load { address: at, value, pc: load.pc, time_us: load.time };
        if run.boot_byte.len() > 1 {
            run.boot_byte.truncate(1);
        }
        run.boot_byte.push(seen);
        return;
    }
    for address in [bench.app, bench.app + 4] {
        if covers(address) && run.header.iter().all(|l| l.address != address) {
            run.header.push(Load { address, value: load.value, pc: load.pc, time_us: load.time });
        }
    }
}

/// The exception whose handler did not get further.
fn handling(chip: &Chip, ending: &Ending) -> Option<Handling> {
    let now = chip.registers().exception();
    let (pc, exception) = match *ending {
        Ending::AppHangs { pc } | Ending::AppUndecided { pc } | Ending::Asleep { pc } => (pc, now),
        // The fault itself is told.
        Ending::AppFault { pc, .. } | Ending::BootloaderFault { pc, .. } if now != HARD_FAULT => (pc, now),
        Ending::AppReset { pc, .. } => (pc, chip.board.log.reset_in),
        _ => return None,
    };
    (exception != 0).then(|| Handling { exception, name: interrupt_name(chip.part(), exception), pc })
}

fn finish(chip: &mut Chip, run: &mut BootRun) {
    run.time_us = chip.now().time;
    run.pc = chip.registers().pc;
    run.handling = handling(chip, &run.ending);
    match run.ending {
        Ending::Stays => {
            run.polled = chip.board.polled(chip.now().cycle);
            // One that looks at its pin listens there, and stays.
            let looks = run.sampled.iter().any(|s| s.samples > 0) && !run.polled.is_empty();
            run.stands_still = !looks && matches!(chip.round(), Ok(Round::Same { for_ever: true, .. }));
        }
        Ending::AppReset { cause: ResetCause::Iwdg | ResetCause::Wwdg, .. } => {
            run.polled.clone_from(&chip.board.last_life.polled);
        }
        _ => {}
    }
    run.polled.truncate(4);
    take_events(chip, run);
    run.choices.clone_from(&chip.board.log.choices);
    for (as_on_the_chip, address, pc, text) in chip.board.log.notes() {
        let name = crate::chip::register_name(chip.part(), address);
        let list = if as_on_the_chip { &mut run.in_vain } else { &mut run.unmodelled };
        list.push(Touched { address, name, pc, text: text.to_owned() });
    }
}

/// Resets and changes of the clock, which a reset sets back.
fn take_events(chip: &Chip, run: &mut BootRun) {
    let Some(at_first) = run.clock.first().map(|c| c.hz) else { return };
    let later = chip.board.log.events.iter().filter(|e| e.time > Time::ZERO);
    for event in later {
        let hz = match event.kind {
            EventKind::Clock { hz } => hz,
            EventKind::Reset { cause } => {
                if run.reset_by.len() < MANY_RESETS {
                    run.reset_by.push((event.time, cause));
                }
                at_first
            }
            _ => continue,
        };
        if run.clock.len() < MANY_RESETS && run.clock.last().is_some_and(|c| c.hz != hz) {
            run.clock.push(ClockChange { time_us: event.time, hz });
        }
    }
}
