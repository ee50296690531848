//! One power-up, observed: what the bootloader read of the EEPROM page and the app's header, whether it jumped, and
//! whether the app ran.
//!
//! Nothing here knows what an AM32 bootloader is: the evidence comes from loads of watched addresses and from where
//! the core executes, so it is there for any bootloader, known or not.

use super::alive::{self, Alive, Code, Limit};
use super::fit::{self, Flaw};
use super::next_start;
use super::power_up::{AfterPowerOn, PowerUp};
use super::settings_pages;
use super::signal_pin::{self, SignalPin};
use crate::am32::eeprom::{self, Eeprom};
use crate::am32::{Layout, Pin};
use crate::bus::{ResetCause, Width};
use crate::chip::{Chip, Halt, Polled, RestsOn, Round, SampledPin, WatchedLoad};
use crate::cpu::{FaultKind, Registers};
use crate::part::Part;
use crate::time::Time;
use std::ops::Range;

/// Instructions after which the app counts as running, unless it feeds its watchdog before.
pub const APP_INSTRUCTIONS: u64 = 10_000;
/// How long the app's first instructions may take.
const APP_TIME: Time = Time::from_millis(400);
/// Resets after which a chip counts as resetting for ever.
const MANY_RESETS: usize = 8;

/// The bench around a chip: where to look, and which pins the signal wire may be on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bench {
    /// Where the first byte of the settings, which decides, may stand; the part's own place first.
    pub boot_bytes: Vec<u32>,
    /// The app's vector table.
    pub app: u32,
    /// Where AM32's apps have their name tag.
    pub tag: u32,
    /// Where the app's code may lie: executing there is the jump.
    pub app_area: Range<u32>,
    /// The signal wire's pin; all of them where it is not known: the code uses but one.
    pub pins: Vec<(char, u8)>,
    /// When undecided becomes "stays".
    pub limit: Time,
    /// Start the app as a bootloader would, without one.
    pub from_app: bool,
    /// How long the app is watched on its way to its main loop; zero for its first instructions only.
    pub app_limit: Time,
    /// The main loop is watched for all of that time, too.
    pub whole: bool,
}

impl Bench {
    /// The usual bench for a part: 400 ms to decide, the app watched for 1.5 s, and the wire on `pin`, or on every pin
    /// that AM32 uses.
    pub fn new(part: &Part, layout: &Layout, pin: Option<Pin>) -> Bench {
        let mut boot_bytes = vec![layout.eeprom];
        for other in layout.mcu.layouts() {
            if !boot_bytes.contains(&other.eeprom) && part.flash.contains(other.eeprom) {
                boot_bytes.push(other.eeprom);
            }
        }
        let pins = match pin {
            Some(pin) => vec![pin.port_and_number()],
            None => Pin::SIGNAL.iter().map(|p| p.port_and_number()).collect(),
        };
        Bench {
            boot_bytes,
            app: layout.app,
            tag: layout.tag,
            app_area: layout.app..part.flash.end(),
            pins,
            limit: Time::from_millis(400),
            from_app: false,
            app_limit: Time::from_millis(1_500),
            whole: false,
        }
    }
}

/// The jump into the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Jump {
    /// Where the core goes on.
    pub address: u32,
    /// The app's reset vector, without its Thumb bit.
    #[serde(skip)]
    pub vector: u32,
    /// The main stack pointer.
    pub msp: u32,
    /// The vector table's base, 0 on a core without VTOR.
    pub vtor: u32,
    /// Whether interrupts were off (PRIMASK), as they should be.
    pub interrupts_off: bool,
    /// When.
    pub time_us: Time,
}

/// The app's first instructions.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AppRun {
    /// Instructions executed.
    pub instructions: u64,
    /// Virtual time they took.
    pub time_us: Time,
    /// Time from the jump to the first reload of the watchdog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_watchdog_reload_us: Option<Time>,
    /// Time from the jump to the last reload that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_watchdog_reload_us: Option<Time>,
    /// Whether it reached its main loop, where it was watched that long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alive: Option<Alive>,
    /// The pins whose edges it followed at the end: the signal's. None where its input was not set up yet, or is of
    /// another kind.
    pub signal: Vec<SignalPin>,
    /// Its first look at each page where settings may stand, in the order of time.
    pub settings: Vec<Load>,
    /// What is wrong with an app that runs all the same; reports have it as findings.
    #[serde(skip)]
    pub flaws: Vec<Flaw>,
}

/// How a power-up ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Ending {
    /// The app reached its main loop, or is at work in another way; where it was not watched that long, its first
    /// instructions ran.
    AppRuns,
    /// The app goes round with nothing to come that would end it.
    AppHangs {
        /// Where it stood.
        pc: u32,
    },
    /// The app had not reached a main loop when the time was over, and what it does may still lead there.
    AppUndecided {
        /// Where it stood.
        pc: u32,
    },
    /// Undecided when the time was over: it stays in the bootloader.
    Stays,
    /// The core ran into the app's area elsewhere than at the app's reset vector.
    Stray {
        /// Where.
        pc: u32,
        /// The app's reset vector, as flash holds it.
        vector: u32,
    },
    /// A fault before the app was reached.
    BootloaderFault {
        /// The cause.
        fault: FaultKind,
        /// The instruction.
        pc: u32,
    },
    /// A fault in the app.
    AppFault {
        /// The cause.
        fault: FaultKind,
        /// The instruction.
        pc: u32,
    },
    /// The core locked up: a fault while handling a fault.
    Lockup {
        /// Where it stood.
        pc: u32,
        /// The first fault.
        fault: Option<FaultKind>,
        /// After the jump.
        in_app: bool,
    },
    /// The app reset the chip.
    AppReset {
        /// How.
        cause: ResetCause,
        /// Where the core was: the next instruction.
        pc: u32,
    },
    /// The chip resets again and again before any app is reached.
    Resets {
        /// The last cause.
        cause: ResetCause,
    },
    /// The core sleeps for ever.
    Asleep {
        /// Where.
        pc: u32,
    },
    /// The chip runs ST's boot loader.
    SystemMemory,
    /// A failure of dryflash itself.
    Broken {
        /// What it says.
        message: String,
    },
}

/// A register or memory word whose access is worth telling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Touched {
    /// The address.
    pub address: u32,
    /// The register's name.
    pub name: String,
    /// The instruction that touched it first.
    pub pc: u32,
    /// What it was, and what happened.
    pub text: String,
}

/// Whose code it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Before the jump.
    Bootloader,
    /// After it.
    App,
}

/// A page that the code changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChangedPage {
    /// Whose code did it.
    pub by: Author,
    /// Its first address.
    pub address: u32,
    /// How often it was erased.
    pub erased: u32,
    /// Bytes that differ.
    pub bytes: usize,
    /// The settings that stood there and those that stand there now, on a page where settings may stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Box<Rewritten>>,
}

/// Settings before and after code rewrote them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rewritten {
    /// Before.
    pub before: Eeprom,
    /// After.
    pub after: Eeprom,
}

/// What was seen in one power-up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BootRun {
    /// Which.
    pub power_up: PowerUp,
    /// How it ended.
    pub ending: Ending,
    /// When it ended.
    pub time_us: Time,
    /// The first load of the boot byte, and the last before the jump.
    pub boot_byte: Vec<Load>,
    /// The first load of each of the app's first two words.
    pub header: Vec<Load>,
    /// The jump, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// The app's first instructions, where it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppRun>,
    /// Pins that the bootloader sampled.
    pub sampled: Vec<SampledPin>,
    /// What the code was polling when it ended undecided, or when a watchdog reset the chip under the app.
    pub polled: Vec<Polled>,
    /// The bootloader goes round with nothing to come that would end it, and without a look at the world outside.
    pub stands_still: bool,
    /// Where it stood.
    pub pc: u32,
    /// Pages that the code changed.
    pub changed: Vec<ChangedPage>,
    /// What was touched and is not modelled.
    pub unmodelled: Vec<Touched>,
    /// Accesses that did nothing on this part, as on the chip: a block whose clock is off, a locked register.
    pub in_vain: Vec<Touched>,
    /// Choices of the model that something rested on, where silicon is not known to do the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<RestsOn>,
    /// Resets by the code on the way.
    pub resets: usize,
}

/// One observed load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// The watched address.
    pub address: u32,
    /// Its value: a byte, or a word.
    pub value: u32,
    /// The instruction.
    pub pc: u32,
    /// When.
    pub time_us: Time,
}

/// Runs one power-up on a chip without power. The chip's flash is left as the code left it.
pub fn boot(chip: &mut Chip, bench: &Bench, power_up: &PowerUp) -> BootRun {
    let before = Contents::of(chip);
    for (port, pin) in &bench.pins {
        chip.drive(*port, *pin, power_up.wire());
    }
    chip.forget_pins();
    chip.power_on();
    match power_up.reset {
        AfterPowerOn::Nothing => {}
        AfterPowerOn::SoftwareReset => chip.reset(ResetCause::Software),
        AfterPowerOn::PinReset => chip.reset(ResetCause::Pin),
    }
    let mut run = BootRun {
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
    };
    let reached = if bench.from_app {
        chip.start_app(bench.app);
        true
    } else {
        bootloader(chip, bench, &mut run)
    };
    let between = Contents::of(chip);
    let settings = &bench.boot_bytes;
    before.compare(&between, chip, Author::Bootloader, settings, &mut run.changed);
    if reached {
        run.ending = app(chip, bench, &mut run);
        between.compare(&Contents::of(chip), chip, Author::App, settings, &mut run.changed);
    }
    chip.watch(&[]);
    chip.stop_inside(&[]);
    finish(chip, &mut run);
    run
}

/// Main flash and its wear at one instant.
struct Contents {
    bytes: Vec<u8>,
    wear: Vec<u32>,
}

impl Contents {
    fn of(chip: &Chip) -> Contents {
        let flash = chip.part().flash;
        let cells = chip.board.flash.cells();
        Contents {
            bytes: cells.bytes(flash.base, flash.size),
            wear: (0..flash.pages()).map(|p| cells.wear(p)).collect(),
        }
    }

    /// Adds the pages that differ from `self` to `later`.
    fn compare(&self, later: &Contents, chip: &Chip, by: Author, settings: &[u32], changed: &mut Vec<ChangedPage>) {
        let flash = chip.part().flash;
        let pages = self.bytes.chunks(flash.page as usize).zip(later.bytes.chunks(flash.page as usize));
        let wear = self.wear.iter().zip(&later.wear);
        for (n, ((then, now), (worn, wear))) in (0u32..).zip(pages.zip(wear)) {
            let bytes = then.iter().zip(now).filter(|(a, b)| a != b).count();
            let erased = wear.saturating_sub(*worn);
            if bytes > 0 || erased > 0 {
                let address = flash.base + n * flash.page;
                let decoded = eeprom::decode(then).zip(eeprom::decode(now)).filter(|_| settings.contains(&address));
                let settings = decoded.map(|(before, after)| Box::new(Rewritten { before, after }));
                changed.push(ChangedPage { by, address, erased, bytes, settings });
            }
        }
    }
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
fn ended(chip: &Chip, halt: Halt, pc: u32, in_app: bool) -> Ending {
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

fn finish(chip: &mut Chip, run: &mut BootRun) {
    run.time_us = chip.now().time;
    run.pc = chip.registers().pc;
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
    run.choices.clone_from(&chip.board.log.choices);
    for (as_on_the_chip, address, pc, text) in chip.board.log.notes() {
        let name = crate::chip::register_name(chip.part(), address);
        let list = if as_on_the_chip { &mut run.in_vain } else { &mut run.unmodelled };
        list.push(Touched { address, name, pc, text: text.to_owned() });
    }
}
