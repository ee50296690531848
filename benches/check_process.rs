//! `dryflash check` as a user starts it: a whole process, from its start to its exit, on a _FULL image.

use criterion::{Criterion, criterion_group, criterion_main};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bootloader V14, app and settings in one file.
const IMAGES: [(&str, &str); 2] =
    [("F051", "STANDIN_DRYFLASH_F051_2.20_FULL.bin"), ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin")];

fn dryflash(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Runs it once. A benchmark of a failure would measure nothing.
fn run(args: &[&str]) {
    let status = dryflash(args).status();
    assert!(matches!(&status, Ok(s) if s.success()), "dryflash {}: {status:?}", args.join(" "));
}

fn check_process(c: &mut Criterion) {
    let mut group = c.benchmark_group("check_process");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    group.bench_function("no check (parts)", |b| b.iter(|| run(&["parts"])));
    for (part, image) in IMAGES {
        group.bench_function(format!("{part}, signal low"), |b| b.iter(|| run(&["check", "--signal", "low", image])));
        group.bench_function(format!("{part}, four power-ups"), |b| b.iter(|| run(&["check", image])));
    }
    group.finish();
}

criterion_group!(benches, check_process);
criterion_main!(benches);
