//! Resident memory of a process with one ESC that has booted, and with 64 alive at once, by engine. Each case is a
//! process of its own: this program again, with the case as its argument.
//!
//! On Linux only: the figures are those of `/proc/self/status`.

use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const ENGINES: [(&str, Engine); 3] =
    [("as chips run", Engine::Auto), ("interpreter", Engine::Interpreter), ("Unicorn", Engine::Unicorn)];
/// A part and its _FULL image: bootloader V14 on PB4, app and settings.
const IMAGES: [(&str, &str); 2] =
    [("F051", "STANDIN_DRYFLASH_F051_2.20_FULL.bin"), ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin")];
const MANY: usize = 64;
/// The argument that makes this program measure one case.
const CASE: &str = "--case";

/// Resident memory in KB: now, and at most.
#[derive(Clone, Copy, Debug)]
struct Resident {
    now: u64,
    most: u64,
}

fn resident() -> Option<Resident> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Resident { now: field("VmRSS:")?, most: field("VmHWM:")? })
}

/// An ESC that has been flashed and has come to its app's main loop.
fn booted(part: &str, name: &str, engine: Engine) -> Chip {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
    let image = Image::load(&path, Some(0x0800_0000)).expect("the stand-in firmware is in the repository");
    let part = part::find(part).expect("a part that is modelled");
    let mut chip = Chip::with_engine(&part, 1, engine).expect("the engine starts");
    chip.power_on();
    program(&mut chip, &image, false).expect("a blank chip takes it");
    chip.power_off(1);
    chip.drive('B', 4, Signal::steady(Drive::Low));
    chip.power_on();
    assert_eq!(chip.run(Time::from_millis(100)), Halt::Time);
    assert!(
        chip.board.heartbeat.steady(&(0x0800_1000..chip.part().flash.end())).is_some(),
        "the app has reached its main loop"
    );
    chip
}

/// In a process of its own: this many ESCs at once.
fn measure(image: usize, engine: usize, count: usize) -> ExitCode {
    let ((part, name), (_, engine)) = (IMAGES[image], ENGINES[engine]);
    let chips: Vec<Chip> = (0..count).map(|_| booted(part, name, engine)).collect();
    let Some(Resident { now, most }) = resident() else { return ExitCode::FAILURE };
    println!("{now} {most}");
    drop(chips);
    ExitCode::SUCCESS
}

/// What [`measure`] says in a process of its own.
fn in_a_child(image: usize, engine: usize, count: usize) -> Option<Resident> {
    let child = Command::new(std::env::current_exe().ok()?)
        .arg(CASE)
        .args([image, engine, count].map(|n| n.to_string()))
        .stderr(Stdio::inherit())
        .output()
        .ok()?;
    let text = String::from_utf8(child.stdout).ok()?;
    let (now, most) = text.trim().split_once(' ')?;
    Some(Resident { now: now.parse().ok()?, most: most.parse().ok()? })
}

fn mb(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [case, numbers @ ..] = &args[..]
        && case == CASE
    {
        let numbers: Option<Vec<usize>> = numbers.iter().map(|n| n.parse().ok()).collect();
        return match numbers.as_deref() {
            Some([image, engine, count]) => measure(*image, *engine, *count),
            _ => ExitCode::FAILURE,
        };
    }
    // Cargo passes `--bench`; `cargo test --benches` passes nothing, or `--test`: then a small case is enough.
    let many = if args.iter().any(|a| a == "--bench") { MANY } else { 2 };
    if resident().is_none() {
        eprintln!("SKIPPED: memory was not measured: there is no /proc/self/status here");
        return ExitCode::SUCCESS;
    }
    println!("resident memory in MB, after {many} ESCs as after one: now (at most)\n");
    println!("{:<10}{:<14}{:>16}{:>16}{:>14}", "part", "engine", "1 ESC", format!("{many} ESCs"), "each further");
    for (i, (part, _)) in IMAGES.iter().enumerate() {
        for (e, (engine, _)) in ENGINES.iter().enumerate() {
            let (Some(one), Some(all)) = (in_a_child(i, e, 1), in_a_child(i, e, many)) else {
                eprintln!("{part}, {engine}: the measuring process failed");
                return ExitCode::FAILURE;
            };
            let each = mb(all.now.saturating_sub(one.now)) / (many - 1) as f64;
            let shown = |r: Resident| format!("{:.1} ({:.1})", mb(r.now), mb(r.most));
            println!("{part:<10}{engine:<14}{:>16}{:>16}{each:>14.2}", shown(one), shown(all));
        }
    }
    ExitCode::SUCCESS
}
