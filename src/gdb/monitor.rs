//! What gdb's `monitor` passes on.

use super::port;
use super::session::{Gone, Session};
use crate::am32::layout::Layout;
use crate::bus::{BootSource, Width};
use crate::esc::{Bench, Hopes, boot};
use crate::flash::view::State;
use crate::flash::{self, REGISTERS};
use crate::probe::Target;
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
            format!("{}\n{REFRESH}", session.at(|core| place(core))?)
        }
        ["reset"] | ["reset", "run"] => {
            session.reset_chip(false)?;
            "reset; the core runs: `continue` waits for it, `monitor halt` halts it\n".to_owned()
        }
        ["halt"] => {
            session.set_loose(false);
            let was_running = session.at(port::halt)?;
            let place = session.at(|core| place(core))?;
            if was_running { format!("{place}\n{REFRESH}") } else { format!("{place}\n") }
        }
        ["state"] => session.at(state)?,
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

fn place(target: &Target) -> String {
    let chip = &target.chip;
    let pc = chip.registers().pc;
    let how = if target.is_halted() {
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
    let place = place(target);
    let part = target.chip.part().clone();
    let registers = flash::interface(part.family);
    let flash = match target.read(REGISTERS + registers.cr, Width::Word) {
        Ok(word) if word & registers.lock != 0 => "locked",
        Ok(_) => "unlocked",
        Err(_) => "does not answer",
    };
    let view = State::of(target.chip.board.flash.as_ref());
    let pages: Vec<String> = view.protected.iter().map(|(first, last)| format!("{first} to {last}")).collect();
    let pages = if pages.is_empty() { "none".to_owned() } else { pages.join(", ") };
    let boot = match target.chip.booted_from() {
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
        let byte = target.read(layout.eeprom, Width::Byte);
        let byte = byte.map_or_else(|fault| format!("cannot be read: {}", fault.reason), |byte| format!("{byte:02X}"));
        let _ = writeln!(text, "boot byte  {byte} at 0x{:08X}", layout.eeprom);
    }
    text
}

/// A power cycle with nobody at the debug port, and the bootloader's decision.
fn decide(target: &mut Target) -> String {
    let part = target.chip.part().clone();
    let Some(layout) = Layout::of(&part) else { return "nobody knows where the app of this part stands\n".to_owned() };
    // What an operation in flight leaves is the seed's; there is none here, as flash is waited for.
    target.power_cycle(1);
    let run = boot::decide(&mut target.chip, &Bench::new(&part, layout, None));
    format!("{}\n", run.told(Hopes::default()).console)
}
