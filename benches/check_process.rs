//! `dryflash check` as a user starts it: a whole process, from its start to its exit, on a _FULL hex. Beside it, in the
//! same run, what QEMU takes to start a Cortex-M and leave again.

use criterion::{Criterion, criterion_group, criterion_main};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bootloader V14, app and settings in one file.
const IMAGES: [(&str, &str); 2] =
    [("F051", "STANDIN_DRYFLASH_F051_2.20_FULL.hex"), ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.hex")];

/// `SYS_EXIT` with `ADP_Stopped_ApplicationExit`, for QEMU's microbit, whose flash is at 0.
#[rustfmt::skip]
const LEAVE: [u16; 10] = [
    0x4000, 0x2000, 0x0009, 0x0000, // stack pointer, reset vector
    0x2018,                         // movs r0, #0x18
    0x4901,                         // ldr r1, =0x20026
    0xBEAB,                         // bkpt 0xAB
    0xE7FE,                         // b .
    0x0026, 0x0002,                 // .word 0x20026
];

/// Runs it once. A benchmark of a failure would measure nothing.
fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(matches!(&status, Ok(s) if s.success()), "{command:?}: {status:?}");
}

fn dryflash(args: &[&str]) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built");
    run(Command::new(env!("CARGO_BIN_EXE_dryflash")).args(args).current_dir(folder));
}

fn qemu(program: &Path) -> Command {
    let mut command = Command::new("qemu-system-arm");
    command
        .args(["-M", "microbit", "-display", "none", "-nodefaults"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(program);
    command
}

fn check_process(c: &mut Criterion) {
    let mut group = c.benchmark_group("check_process");
    group.sample_size(30).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.bench_function("start alone (--version)", |b| b.iter(|| dryflash(&["--version"])));
    for (part, image) in IMAGES {
        let low = ["check", "--signal", "low", image];
        group.bench_function(format!("{part}, signal low"), |b| b.iter(|| dryflash(&low)));
        group.bench_function(format!("{part}, four power-ups"), |b| b.iter(|| dryflash(&["check", image])));
    }

    let folder = tempfile::tempdir().expect("a folder for the program");
    let program = folder.path().join("leave.bin");
    let bytes: Vec<u8> = LEAVE.iter().flat_map(|half| half.to_le_bytes()).collect();
    std::fs::write(&program, bytes).expect("the program");
    if Command::new("qemu-system-arm").arg("--version").stdout(Stdio::null()).status().is_ok() {
        group.bench_function("QEMU's microbit, start and exit", |b| b.iter(|| run(&mut qemu(&program))));
    } else {
        eprintln!("SKIPPED: QEMU's start was not measured: qemu-system-arm is not installed (Debian: qemu-system-arm)");
    }
    group.finish();
}

criterion_group!(benches, check_process);
criterion_main!(benches);
