//! One chip in a process that is warm: a boot, the bootloader's wait, saving and restoring, programming.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::Path;
use std::time::Duration;

const SEED: u64 = 1;
const APP: u32 = 0x0800_1000;

/// A part and its _FULL image: bootloader V14 on PB4, app and settings.
const IMAGES: [(&str, &str); 2] =
    [("F051", "STANDIN_DRYFLASH_F051_2.20_FULL.bin"), ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin")];

fn image(name: &str) -> Image {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
    Image::load(&path, Some(0x0800_0000)).expect("the stand-in firmware is in the repository")
}

fn blank(part: &str, engine: Engine) -> Chip {
    let part = part::find(part).expect("a part that is modelled");
    Chip::with_engine(&part, SEED, engine).expect("the engine starts")
}

/// A chip that holds the image, without power; it stops at the app.
fn flashed(part: &str, name: &str, engine: Engine) -> Chip {
    let mut chip = blank(part, engine);
    chip.power_on();
    program(&mut chip, &image(name), false).expect("a blank chip takes it");
    chip.power_off(SEED);
    let app_area = APP..chip.part().flash.end();
    chip.stop_inside(std::slice::from_ref(&app_area));
    chip
}

/// Power-on with the wire so, until the app is reached or the time is over.
fn boot(chip: &mut Chip, wire: Drive, until: Time) -> Halt {
    chip.drive('B', 4, Signal::steady(wire));
    chip.power_on();
    chip.run(until)
}

/// 300 ms of virtual time in which the bootloader waits with the signal high, from 100 ms on.
fn wait(chip: &mut Chip, b: &mut criterion::Bencher<'_>) {
    assert_eq!(boot(chip, Drive::High, Time::from_millis(100)), Halt::Time);
    let waiting = chip.save();
    // Skipped rounds count as executed: a wait that was none would not.
    let before = chip.instructions();
    assert_eq!(chip.run(Time::from_millis(400)), Halt::Time);
    assert!(chip.instructions() - before > 1_000_000 && chip.now().time >= Time::from_millis(400));
    chip.restore(&waiting).expect("the same part");
    assert!(chip.now().time < Time::from_millis(101));
    b.iter(|| {
        chip.restore(&waiting).expect("the same part");
        assert_eq!(chip.run(Time::from_millis(400)), Halt::Time);
    });
}

fn boot_warm(c: &mut Criterion) {
    let mut group = c.benchmark_group("boot_warm");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (part, name) in IMAGES {
        for (engine, with) in [(Engine::Auto, ""), (Engine::Unicorn, ", Unicorn alone")] {
            let mut chip = flashed(part, name, engine);
            let off = chip.save();
            group.bench_function(format!("{part}, boot to the jump{with}"), |b| {
                b.iter(|| {
                    chip.restore(&off).expect("the same part");
                    assert_eq!(boot(&mut chip, Drive::Low, Time::from_millis(400)), Halt::Inside);
                });
            });
        }
        // The whole of it: at first the bootloader samples the wire between short delays, and little can be skipped.
        let mut chip = flashed(part, name, Engine::Auto);
        let off = chip.save();
        group.bench_function(format!("{part}, 400 ms from power-on, signal high"), |b| {
            b.iter(|| {
                chip.restore(&off).expect("the same part");
                assert_eq!(boot(&mut chip, Drive::High, Time::from_millis(400)), Halt::Time);
            });
        });
        for (engine, skips, with) in [
            (Engine::Auto, true, ""),
            (Engine::Auto, false, ", every round executed"),
            (Engine::Unicorn, true, ", Unicorn alone"),
        ] {
            let mut chip = flashed(part, name, engine);
            chip.set_skipping(skips);
            group.bench_function(format!("{part}, 300 ms of waiting{with}"), |b| wait(&mut chip, b));
        }
    }
    group.finish();
}

fn states(c: &mut Criterion) {
    let mut group = c.benchmark_group("states");
    group.sample_size(50).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (part, name) in IMAGES {
        let mut chip = flashed(part, name, Engine::Auto);
        assert_eq!(boot(&mut chip, Drive::Low, Time::from_millis(400)), Halt::Inside);
        let saved = chip.save();
        group.bench_function(format!("{part}, save"), |b| b.iter(|| chip.save()));
        group.bench_function(format!("{part}, restore"), |b| b.iter(|| chip.restore(&saved).expect("the same part")));
        group.bench_function(format!("{part}, save and restore"), |b| {
            b.iter(|| {
                let saved = chip.save();
                chip.restore(&saved).expect("the same part");
            });
        });
        // What ran in between has to be taken back, too.
        group.bench_function(format!("{part}, restore after a boot"), |b| {
            let off = flashed(part, name, Engine::Auto).save();
            b.iter_custom(|rounds| {
                let mut taken = Duration::ZERO;
                for _ in 0..rounds {
                    assert_eq!(boot(&mut chip, Drive::Low, Time::from_millis(400)), Halt::Inside);
                    let start = std::time::Instant::now();
                    chip.restore(&off).expect("the same part");
                    taken += start.elapsed();
                }
                taken
            });
        });
    }

    let full = image("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let mut chip = blank("F051", Engine::Auto);
    chip.power_on();
    let empty = chip.save();
    group.bench_function("F051, programming 32 KB", |b| {
        b.iter(|| {
            chip.restore(&empty).expect("the same part");
            program(&mut chip, &full, false).expect("a blank chip takes it")
        });
    });
    for (engine, with) in [(Engine::Auto, ""), (Engine::Unicorn, ", Unicorn opened")] {
        group.bench_function(format!("F051, a new chip{with}"), |b| {
            b.iter_batched(|| (), |()| blank("F051", engine), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, boot_warm, states);
criterion_main!(benches);
