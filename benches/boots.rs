//! Whole boots a second: restore, power-on with the signal low, to the jump or to the app's first reload of its
//! watchdog; with one worker and with two, each a thread with a chip of its own. Parallel cases share nothing.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt, SavedChip};
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

const SEED: u64 = 1;
const APP: u32 = 0x0800_1000;

/// A part and its _FULL image: bootloader V14 on PB4, app and settings.
const IMAGES: [(&str, &str); 2] =
    [("F051", "STANDIN_DRYFLASH_F051_2.20_FULL.bin"), ("G071_64K", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin")];

/// How far a boot goes.
#[derive(Clone, Copy)]
enum Goal {
    Jump,
    Reload,
}

/// A chip that holds the image, without power.
struct Worker {
    chip: Chip,
    off: SavedChip,
}

impl Worker {
    fn new(part: &str, name: &str) -> Worker {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
        let image = Image::load(&path, Some(0x0800_0000)).expect("the stand-in firmware is in the repository");
        let part = part::find(part).expect("a part that is modelled");
        let mut chip = Chip::new(&part, SEED).expect("the engine starts");
        chip.power_on();
        program(&mut chip, &image, false).expect("a blank chip takes it");
        chip.power_off(SEED);
        chip.drive('B', 4, Signal::steady(Drive::Low));
        let off = chip.save();
        Worker { chip, off }
    }

    fn boot(&mut self, goal: Goal) {
        let chip = &mut self.chip;
        chip.restore(&self.off).expect("the same part");
        let app_area = APP..chip.part().flash.end();
        chip.stop_inside(std::slice::from_ref(&app_area));
        chip.power_on();
        assert_eq!(chip.run(Time::from_millis(400)), Halt::Inside);
        if matches!(goal, Goal::Reload) {
            chip.stop_inside(&[]);
            // The stand-ins feed it 0.2 ms after the jump; it is looked for every 50 us.
            let end = chip.now().time + Time::from_millis(10);
            while chip.board.heartbeat.total() == 0 {
                assert!(chip.now().time < end, "the app does not feed its watchdog");
                assert_eq!(chip.run(chip.now().time + Time::from_micros(50)), Halt::Time);
            }
        }
    }
}

/// What `rounds` boots on each of `count` workers take, from when all are ready until the last is done. A chip stays in
/// the thread that made it.
fn together(part: &str, name: &str, goal: Goal, count: u64, rounds: u64) -> Duration {
    let parties = usize::try_from(count).expect("a few") + 1;
    let (ready, done) = (Barrier::new(parties), Barrier::new(parties));
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let mut worker = Worker::new(part, name);
                worker.boot(goal);
                ready.wait();
                (0..rounds).for_each(|_| worker.boot(goal));
                done.wait();
            });
        }
        ready.wait();
        let start = Instant::now();
        done.wait();
        start.elapsed()
    })
}

fn boots(c: &mut Criterion) {
    let mut group = c.benchmark_group("boots");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (part, name) in IMAGES {
        for (goal, to) in [(Goal::Jump, "to the jump"), (Goal::Reload, "to the first reload")] {
            for count in [1, 2] {
                group.throughput(Throughput::Elements(count));
                let plural = if count == 1 { "" } else { "s" };
                group.bench_function(format!("{part}, {to}, {count} worker{plural}"), |b| {
                    b.iter_custom(|rounds| together(part, name, goal, count, rounds));
                });
            }
        }
    }
    group.finish();
}

criterion_group!(benches, boots);
criterion_main!(benches);
