//! One chip in a process that is warm: a boot, the bootloader's wait, saving and restoring, programming.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dryflash::chip::{Chip, Halt};
use dryflash::esc::program::program;
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

fn blank(part: &str) -> Chip {
    let part = part::find(part).expect("a part that is modelled");
    Chip::new(&part, SEED).expect("the engine starts")
}

/// A chip that holds the image, without power.
fn flashed(part: &str, name: &str) -> Chip {
    let mut chip = blank(part);
    chip.power_on();
    program(&mut chip, &image(name), false).expect("a blank chip takes it");
    chip.power_off(SEED);
    chip
}

/// Power-on with the wire so, until the app is reached or the time is over.
fn boot(chip: &mut Chip, wire: Drive, until: Time) -> Halt {
    chip.drive('B', 4, Signal::steady(wire));
    chip.power_on();
    chip.run(until)
}

fn boot_warm(c: &mut Criterion) {
    let mut group = c.benchmark_group("boot_warm");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (part, name) in IMAGES {
        let mut chip = flashed(part, name);
        let app_area = APP..chip.part().flash.end();
        chip.stop_inside(std::slice::from_ref(&app_area));
        let off = chip.save();

        group.bench_function(format!("{part}, boot to the jump"), |b| {
            b.iter(|| {
                chip.restore(&off).expect("the same part");
                assert_eq!(boot(&mut chip, Drive::Low, Time::from_millis(400)), Halt::Inside);
            });
        });

        chip.restore(&off).expect("the same part");
        assert_eq!(boot(&mut chip, Drive::High, Time::from_millis(100)), Halt::Time);
        let waiting = chip.save();
        group.bench_function(format!("{part}, 300 ms of waiting"), |b| {
            b.iter(|| {
                chip.restore(&waiting).expect("the same part");
                assert_eq!(chip.run(Time::from_millis(400)), Halt::Time);
            });
        });

        group.bench_function(format!("{part}, save and restore"), |b| {
            b.iter(|| {
                let saved = chip.save();
                chip.restore(&saved).expect("the same part");
            });
        });
    }

    let full = image("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let mut chip = blank("F051");
    chip.power_on();
    let empty = chip.save();
    group.bench_function("F051, programming 32 KB", |b| {
        b.iter(|| {
            chip.restore(&empty).expect("the same part");
            program(&mut chip, &full, false).expect("a blank chip takes it")
        });
    });

    group.bench_function("F051, a new chip", |b| b.iter_batched(|| (), |()| blank("F051"), BatchSize::PerIteration));
    group.finish();
}

criterion_group!(benches, boot_warm);
criterion_main!(benches);
