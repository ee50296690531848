//! What a signal costs: to ask it for its level and for its next change, and a boot with it on the wire.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt};
use dryflash::image::Image;
use dryflash::part;
use dryflash::time::Time;
use dryflash::wire::Waveform;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

const APP: u32 = 0x0800_1000;
const IMAGE: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

/// From nothing that changes to half a million edges a second.
const SIGNALS: [&str; 10] = [
    "low",
    "high,low@10ms,high@20ms",
    "servo 1000us at 400Hz",
    "oneshot125 at 2kHz jitter 2us",
    "dshot300 idle at 4kHz",
    "dshot600 idle at 8kHz",
    "dshot600 throttle 1046 bidirectional at 8kHz jitter 1us clock +1% phase 33us",
    "dshot1200 throttle 1046 at 32kHz",
    "serial 420000 bytes C8 18 16 E0 03 1F 58 C0 07 16 B0 80 05 2C 60 01 0B F8 C0 07 00 00 FC 8E AD gap 2ms",
    "floating, pulldown 10k@5ms, low@80ms, dshot600 idle at 8kHz@90ms",
];

/// Times all over 100 ms, in no order.
fn times() -> Vec<Time> {
    (1..=1_000u64).map(|n| Time(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % Time::from_millis(100).0)).collect()
}

fn wire(text: &str) -> Waveform {
    text.parse().expect("a signal")
}

fn asked(c: &mut Criterion) {
    let mut group = c.benchmark_group("wire");
    group.sample_size(30).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    group.throughput(Throughput::Elements(1_000));
    let times = times();
    for text in SIGNALS {
        let signal = wire(text).signal(Time::ZERO);
        group.bench_function(format!("level, {text}"), |b| {
            b.iter(|| {
                times.iter().map(|t| signal.at(black_box(*t))).for_each(|drive| {
                    black_box(drive);
                })
            });
        });
        group.bench_function(format!("next change, {text}"), |b| {
            b.iter(|| {
                times.iter().map(|t| signal.next_change(black_box(*t))).for_each(|next| {
                    black_box(next);
                })
            });
        });
    }
    group.finish();
}

/// Power-on with the signal on the wire, until the app is reached or 100 ms are over.
fn boots(c: &mut Criterion) {
    let mut group = c.benchmark_group("boot with");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    let part = part::find("F051").expect("a part that is modelled");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(IMAGE);
    let image = Image::load(&path, Some(0x0800_0000)).expect("the stand-in firmware is in the repository");
    let mut chip = Chip::new(&part, 1).expect("the engine starts");
    chip.power_on();
    program(&mut chip, &image, false).expect("a blank chip takes it");
    chip.power_off(1);
    chip.stop_inside(std::slice::from_ref(&(APP..chip.part().flash.end())));
    let off = chip.save();
    for text in SIGNALS {
        let wire = wire(text);
        let boot = |chip: &mut Chip| {
            chip.restore(&off).expect("the same part");
            chip.drive('B', 4, wire.signal(Time::ZERO));
            chip.power_on();
            let halt = chip.run(Time::from_millis(100));
            assert!(matches!(halt, Halt::Inside | Halt::Time), "{halt:?}");
        };
        boot(&mut chip);
        let (time, ends) = (chip.now().time, if chip.registers().pc >= APP { "starts" } else { "stays" });
        println!("{text}: {ends}, {time}, {} instructions", chip.instructions());
        group.bench_function(text, |b| b.iter(|| boot(&mut chip)));
    }
    group.finish();
}

criterion_group!(benches, asked, boots);
criterion_main!(benches);
