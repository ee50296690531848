//! What gdb's `monitor` passes on.

use super::port;
use super::session::{Gone, Session};
use crate::am32::layout::Layout;
use crate::bus::{BootSource, BusFault, Width};
use crate::chip::Chip;
use crate::esc::{Bench, Hopes, boot};
use crate::flash::view::State;
use crate::flash::{self, REGISTERS};
use crate::probe::{Operator, Target};
use std::fmt::Write;

const HELP: &str = "\
monitor reset halt        reset by the pin; stands before the first instruction
monitor reset             reset by the pin; runs, until `continue` or `monitor halt`
monitor halt              halt the core
monitor state             part, core, flash, option bytes, time
monitor boot              power off and on; runs until the bootloader jumps to the app, or stays
monitor catch             what stops the core: faults, resets
monitor catch fault off   do not stop at HardFault (on)
monitor catch reset on    stop after each reset of the chip (off)
";

/// gdb keeps its own copy of the registers.
const REFRESH: &str = "gdb shows its old registers until `maintenance flush register-cache`\n";

/// Carries a command out. What gdb prints.
pub(super) fn run(session: &mut Session, command: &str) -> Result<String, Gone> {
    let words: Vec<&str> = command.split_whitespace().collect();
    Ok(match words.as_slice() {
        [] | ["help"] => HELP.to_owned(),
        ["reset", "halt" | "init"] => {
            session.reset_chip(true)?;
            format!("{}\n{REFRESH}", session.at(|core| place(core.chip(), core.is_halted()))?)
        }
        ["reset"] | ["reset", "run"] => {
            session.reset_chip(false)?;
            "reset; the core runs: `continue` waits for it, `monitor halt` halts it\n".to_owned()
        }
        ["halt"] => {
            session.set_loose(false);
            let was_running = session.at(port::halt)?;
            let place = session.at(|core| place(core.chip(), core.is_halted()))?;
            if was_running { format!("{place}\n{REFRESH}") } else { format!("{place}\n") }
        }
        ["state"] => session.at(|core| stands(core))?,
        ["boot"] => {
            let catch = session.catch();
            session.set_loose(false);
            let text = session.at(move |core| {
                let comparators = port::comparators(core);
                let text = decide(core);
                port::attach_again(core, &comparators, catch);
                text
            })?;
            format!("{text}{REFRESH}")
        }
        ["catch"] => {
            let catch = session.catch();
            let on = |on| if on { "on" } else { "off" };
            format!("fault {}\nreset {}\n", on(catch.fault), on(catch.reset))
        }
        ["catch", what @ ("fault" | "reset"), how @ ("on" | "off")] => {
            let mut catch = session.catch();
            match *what {
                "fault" => catch.fault = *how == "on",
                _ => catch.reset = *how == "on",
            }
            session.set_catch(catch)?;
            String::new()
        }
        _ => format!("`{command}` is not known; `monitor help` lists what is\n"),
    })
}

fn place(chip: &Chip, halted: bool) -> String {
    let pc = chip.registers().pc;
    let how = if halted {
        "halted"
    } else if chip.is_locked_up() {
        "locked up"
    } else if chip.is_sleeping() {
        "sleeping"
    } else {
        "running"
    };
    let exception = match chip.registers().exception() {
        0 => String::new(),
        n => format!(", in {}", crate::chip::interrupt_name(chip.part(), n)),
    };
    format!("{how} at PC 0x{pc:08X}{exception}, {} after power-on", chip.now().time)
}

/// How a chip stands, in a few lines: part, core, flash and its protection, boot byte.
pub fn state(target: &mut Target) -> String {
    stands(target)
}

/// Who looks at a chip: a client whose looks are recorded, or nobody's.
trait Looks {
    fn chip(&self) -> &Chip;
    fn is_halted(&self) -> bool;
    fn load(&mut self, address: u32, width: Width) -> Result<u32, BusFault>;
}

impl Looks for Target {
    fn chip(&self) -> &Chip {
        &self.chip
    }

    fn is_halted(&self) -> bool {
        Target::is_halted(self)
    }

    fn load(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
        self.read(address, width)
    }
}

impl Looks for Operator<'_> {
    fn chip(&self) -> &Chip {
        Operator::chip(self)
    }

    fn is_halted(&self) -> bool {
        Operator::is_halted(self)
    }

    fn load(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
        let (bytes, fault) = self.read(address, width.bytes());
        fault.map_or_else(|| Ok(bytes.iter().rev().fold(0, |v, byte| v << 8 | u32::from(*byte))), Err)
    }
}

fn stands(target: &mut impl Looks) -> String {
    let place = place(target.chip(), target.is_halted());
    let part = target.chip().part().clone();
    let registers = flash::interface(part.family);
    let flash = match target.load(REGISTERS + registers.cr, Width::Word) {
        Ok(word) if word & registers.lock != 0 => "locked",
        Ok(_) => "unlocked",
        Err(_) => "does not answer",
    };
    let view = State::of(target.chip().board.flash.as_ref());
    let pages: Vec<String> = view.protected.iter().map(|(first, last)| format!("{first} to {last}")).collect();
    let pages = if pages.is_empty() { "none".to_owned() } else { pages.join(", ") };
    let boot = match target.chip().booted_from() {
        BootSource::Flash => "main flash",
        BootSource::SystemMemory => "ST's boot loader (not part of the model)",
        BootSource::Sram => "SRAM",
    };
    let mut text = String::new();
    let _ = writeln!(text, "part       {} ({})", part.name, part.nick());
    let _ = writeln!(text, "core       {place}; booted from {boot}");
    let _ =
        writeln!(text, "flash      {flash}; read protection level {}; write-protected pages: {pages}", view.rdp_level);
    if !view.flags.is_empty() {
        let _ = writeln!(text, "           flags: {}", view.flags.join(", "));
    }
    if let Some(layout) = Layout::of(&part) {
        let byte = target.load(layout.eeprom, Width::Byte);
        let byte = byte.map_or_else(|fault| format!("cannot be read: {}", fault.reason), |byte| format!("{byte:02X}"));
        let _ = writeln!(text, "boot byte  {byte} at 0x{:08X}", layout.eeprom);
    }
    text
}

/// A power cycle with nobody at the debug port, and the bootloader's decision.
fn decide(target: &mut Operator) -> String {
    let part = target.chip().part().clone();
    let Some(layout) = Layout::of(&part) else { return "nobody knows where the app of this part stands\n".to_owned() };
    // What an operation in flight leaves is the seed's; there is none here, as flash is waited for.
    target.power_cycle(1);
    let bench = Bench::new(&part, layout, None);
    let run =
        target.run_into_by(bench.app_area.clone(), bench.limit, boot::MANY_RESETS, |chip| boot::decide(chip, &bench));
    format!("{}\n", run.told(Hopes::default()).console)
}
