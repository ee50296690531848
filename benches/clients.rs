//! A 27 KB app through real clients and the virtual probe: whole processes, how much of that is the client's own
//! sleeping, and the same session replayed.

use criterion::{Criterion, criterion_group, criterion_main};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The part, the app with its address, OpenOCD's file.
const CASES: [(&str, &str, &str); 2] = [
    ("F051", "STANDIN_DRYFLASH_F051_2.20.bin", "target/stm32f0x.cfg"),
    ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20.bin", "target/stm32g0x.cfg"),
];

/// What a client sleeps in.
const SLEEPS: &str = "trace=clock_nanosleep,nanosleep,select,pselect6,poll,ppoll";

fn dryflash(arguments: &[&str]) -> bool {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

fn session<'a>(part: &'a str, more: &[&'a str], client: &[&'a str]) -> Vec<&'a str> {
    [&["with", "--part", part], more, &["--"], client].concat()
}

/// Seconds in which the client slept, by strace's own table; none where there is no strace.
fn asleep(part: &str, client: &[&str], table: &Path) -> Option<f64> {
    let strace = ["strace", "-f", "-w", "-c", "-e", SLEEPS, "-o", table.to_str()?];
    dryflash(&session(part, &[], &[&strace, client].concat())).then_some(())?;
    let text = std::fs::read_to_string(table).ok()?;
    text.lines().find(|l| l.ends_with("total"))?.split_whitespace().nth(1)?.parse().ok()
}

fn clients(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for recordings");
    let mut group = c.benchmark_group("clients");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(6));
    for (part, app, config) in CASES {
        let program =
            format!("gdb_port disabled; tcl_port disabled; telnet_port disabled; program {app} 0x08001000 verify exit");
        let st_flash = ["st-flash", "write", app, "0x08001000"];
        let openocd = ["openocd", "-f", "interface/stlink.cfg", "-f", config, "-c", &program];
        for (name, client) in [("st-flash", &st_flash[..]), ("openocd", &openocd)] {
            let recording: PathBuf = folder.path().join(format!("{part}_{name}.jsonl"));
            let recording = recording.to_str().expect("a path of text").to_owned();
            if !dryflash(&session(part, &["--record", &recording], client)) {
                eprintln!("clients: {name} is missing, or failed: left out");
                continue;
            }
            let whole = session(part, &[], client);
            group.bench_function(format!("{part}, {name}"), |b| b.iter(|| assert!(dryflash(&whole))));
            match asleep(part, client, &folder.path().join("sleeps")) {
                Some(seconds) => println!("{part}, {name}: asleep for {:.0} ms of it", seconds * 1e3),
                None => println!("{part}, {name}: no strace, so nobody knows how long it slept"),
            }
            group.bench_function(format!("{part}, {name}'s session replayed"), |b| {
                b.iter(|| assert!(dryflash(&["replay", "--strict", &recording])));
            });
        }
        let own = ["st-flash", "--part", part, "write", app, "0x08001000"];
        group.bench_function(format!("{part}, dryflash st-flash"), |b| b.iter(|| assert!(dryflash(&own))));
    }
    group.finish();
}

criterion_group!(benches, clients);
criterion_main!(benches);
