//! Flash operations a second: half-words and double words programmed by code on the core, and by a probe.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dryflash::bus::Width;
use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt};
use dryflash::flash::{Driver, Factory, REGISTERS, driver};
use dryflash::image::Image;
use dryflash::part;
use dryflash::time::Time;
use std::time::Duration;

const FLASH: u32 = 0x0800_0000;
const TARGET: u32 = 0x0800_2000;
const BYTES: u32 = 16 * 1024;

/// r0 = interface, r1 = target, r2 = data, r3 = count. One unit a round.
struct Loop {
    part: &'static str,
    unit: u32,
    code: &'static [u16],
}

const LOOPS: [Loop; 2] = [
    // strh r2, [r1]; adds r1, #2; subs r3, #1; bne; bkpt
    Loop { part: "F051K8", unit: 2, code: &[0x800A, 0x3102, 0x3B01, 0xD1FB, 0xBE00] },
    // str r2, [r1]; str r2, [r1, #4]; adds r1, #8; subs r3, #1; bne; bkpt
    Loop { part: "G071_64K", unit: 8, code: &[0x600A, 0x604A, 0x3108, 0x3B01, 0xD1FA, 0xBE00] },
];

/// A powered chip with the loop at 0x0800_0100 and the flash unlocked for programming.
fn ready(case: &Loop) -> Chip {
    let name = if case.part == "F051K8" { "STM32F051K8" } else { case.part };
    let part = part::find(name).expect("a part that is modelled");
    let mut chip = Chip::new(&part, 1).expect("the engine starts");
    let mut image = vec![0xFF; 0x200];
    image[..8].copy_from_slice(&[0, 0x10, 0, 0x20, 1, 1, 0, 8]);
    for (n, half) in case.code.iter().enumerate() {
        image[0x100 + 2 * n..0x102 + 2 * n].copy_from_slice(&half.to_le_bytes());
    }
    let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    let factory = factory.cells(FLASH, &image).expect("inside of flash");
    factory.install(chip.board.flash.as_mut()).expect("the same part");
    chip.power_on();
    let driver: Box<dyn Driver<Chip>> = driver(&part);
    driver.unlock(&mut chip).expect("the flash unlocks");
    let registers = driver.interface();
    driver.set(&mut chip, registers.cr, registers.pg).expect("it allows programming");
    chip.set_registers(|r| {
        r.pc = FLASH + 0x100;
        r.r[0] = REGISTERS;
        r.r[1] = TARGET;
        r.r[2] = 0x1234;
        r.r[3] = BYTES / case.unit;
    });
    chip
}

fn by_code(c: &mut Criterion) {
    let mut group = c.benchmark_group("flash");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for case in &LOOPS {
        let mut chip = ready(case);
        let start = chip.save();
        group.throughput(Throughput::Elements(u64::from(BYTES / case.unit)));
        let name = format!("{}, {} bits at a time, by code in flash", case.part, 8 * case.unit);
        group.bench_function(name, |b| {
            b.iter(|| {
                chip.restore(&start).expect("the same part");
                assert_eq!(chip.run(Time::from_millis(10_000)), Halt::Lockup);
                let last = chip.board.flash.cells().read(TARGET + BYTES - case.unit, Width::Half);
                assert_eq!(last, 0x1234, "everything was programmed");
            });
        });

        let image = Image::parse("data.bin", &vec![0x5A; BYTES as usize], Some(TARGET)).expect("a binary");
        let mut chip = ready(case);
        let start = chip.save();
        let name = format!("{}, {} bits at a time, by a probe, erased and verified", case.part, 8 * case.unit);
        group.bench_function(name, |b| {
            b.iter(|| {
                chip.restore(&start).expect("the same part");
                program(&mut chip, &image, false).expect("it takes the data");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, by_code);
criterion_main!(benches);
