//! Cases of `signals` a second: restore, a signal on the pin, power-on, to the jump or to the end of the time; with one
//! worker and with two.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dryflash::am32::Given;
use dryflash::esc::signals::{Plan, Sent, Subject};
use dryflash::esc::{AfterPowerOn, Options, PowerUp, check};
use dryflash::image::Image;
use dryflash::scenario::pool;
use dryflash::time::Time;
use std::path::Path;

/// Bootloader V14 on PB4, app and settings.
const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

fn subject() -> Subject {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(FULL);
    let image = Image::load(&path, Some(0x0800_0000)).expect("the stand-in firmware is in the repository");
    let options = Options { power_ups: vec![PowerUp::decisive()], app_limit: Time::ZERO, ..Options::default() };
    let (verdict, flashed) = check(vec![Given { image, role: None }], &options, None).expect("it is a set of files");
    Subject::of(&verdict, flashed.as_ref(), &options).expect("it is flashed")
}

fn plan(signals: &[&str]) -> Plan {
    let own = |text: &&str| Sent::own(text.parse().expect("a signal"));
    Plan {
        signals: signals.iter().map(own).collect(),
        phases: Plan::PHASES,
        clocks: Plan::CLOCKS.to_vec(),
        reset: AfterPowerOn::Nothing,
        limit: Time::from_millis(400),
    }
}

fn cases(criterion: &mut Criterion) {
    let subject = subject();
    for (name, signals) in [
        ("low", &["low"][..]),
        ("dshot600", &["dshot600 idle at 8kHz"]),
        ("bidirectional", &["dshot300 bidirectional at 4kHz"]),
        ("stays", &["high, dshot600 idle at 1kHz@60ms"]),
    ] {
        let plan = plan(signals);
        let all = plan.cases();
        let mut group = criterion.benchmark_group(format!("signals/{name}"));
        group.sample_size(10).throughput(Throughput::Elements(all.len() as u64));
        for jobs in [1, 2] {
            group.bench_function(format!("{jobs} workers"), |b| {
                b.iter(|| {
                    let worker = || subject.worker().expect("the engine starts");
                    let pool = pool::Plan { jobs, fail_fast: false };
                    pool::run(&all, pool, worker, |w, case| w.run(&plan, case), |_| false, |_, _| {})
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, cases);
criterion_main!(benches);
