//! Edges at a pin, exact to the cycle: whoever looks at the pin sees them at the same one, with either engine, with polls
//! skipped or not.
//!
//! `DRYFLASH_EDGES=1000 cargo test --test it edges::` tries more than the 40 cases of each property.

use crate::lockstep::{Outcome, outcome, run_on};
use crate::support::bench::cases;
use dryflash::bus::Width;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::flash::factory::Factory;
use dryflash::part;
use dryflash::periph::signal::{Drive, Ohms, Signal, Wave};
use dryflash::time::Time;
use proptest::prelude::*;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SRAM: u32 = 0x2000_0000;
const TIM2: u32 = 0x4000_0000;
const TIM3: u32 = 0x4000_0400;
const EXTI: u32 = 0x4001_0400;
const SYSCFG: u32 = 0x4001_0000;
const DMA4: u32 = 0x4002_0044;
const GPIOB: u32 = 0x4800_0400;
const IDR: u32 = GPIOB + 0x10;
/// EXTI's pending register.
const PR: u32 = EXTI + 0x14;
const PIN: u32 = 1 << 4;
/// Where the samples are kept, where the captured counts, and how many of each.
const SAMPLES: u32 = SRAM + 0x100;
const COUNTS: u32 = SRAM + 0x800;
const MOST: u32 = 200;
/// How long a case runs, in cycles of 8 MHz.
const CYCLES: u64 = 32_000;
const END: Time = Time(CYCLES * 125_000);

/// What the code polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    /// The pin, until it is not as it was.
    Pin,
    /// The flag of EXTI's line.
    Line,
    /// The flag of the timer's channel.
    Capture,
    /// Nothing: it goes in circles.
    Nothing,
}

/// A wire at PB4, and what the chip is set up to do with it.
#[derive(Clone, Debug)]
struct Setting {
    start: Drive,
    changes: Vec<(Time, Drive)>,
    source: Ohms,
    /// PUPDR's field.
    pull: u32,
    /// TIM3's IC1F.
    filter: u32,
    poll: Poll,
    /// EXTI and TIM3 follow the pin.
    followed: bool,
    /// DMA keeps what is captured.
    dma: bool,
}

impl Setting {
    fn signal(&self) -> Signal {
        Signal::timeline(self.start, self.changes.clone()).through(self.source)
    }

    /// An F051 whose TIM2 and TIM3 count its 8 MHz from power-on, with both edges of PB4 captured and pending. TIM3 has
    /// the pin as an alternate function, which leaves its input as it is.
    fn chip(&self, engine: Engine, skipping: bool) -> Chip {
        let part = part::find("F051").unwrap();
        let mut chip = Chip::with_engine(&part, 1, engine).unwrap();
        let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
        let mut bytes: Vec<u8> = [0x2000_2000u32, 0x0800_0009].iter().flat_map(|w| w.to_le_bytes()).collect();
        let keep = if self.poll == Poll::Pin { 0x0003 } else { 0x2300 };
        let code = [
            0x6820u16, // ldr r0, [r4]
            0x4010,    // ands r0, r2
            0x4298,    // cmp r0, r3
            0xD0FB,    // beq: again
            keep,      // movs r3, r0; or movs r3, #0
            0x6A69,    // ldr r1, [r5, #0x24]
            0x6031,    // str r1, [r6]
            0x6070,    // str r0, [r6, #4]
            0x3608,    // adds r6, #8
            0x4640,    // mov r0, r8
            0x6002,    // str r2, [r0]: PR
            0x4648,    // mov r0, r9
            0x6800,    // ldr r0, [r0]: CCR1
            0x42BE,    // cmp r6, r7
            0xD1F0,    // bne: again
            0xE7FE,    // b .
        ];
        bytes.extend(code.iter().flat_map(|half| half.to_le_bytes()));
        factory.cells(part.flash.base, &bytes).unwrap().install(chip.board.flash.as_mut()).unwrap();
        chip.set_skipping(skipping);
        chip.drive('B', 4, self.signal());
        chip.power_on();
        let dma = if self.dma { 0x98B } else { 0 };
        let (line, channel) = if self.followed { (PIN, 0xB) } else { (0, 0xA) };
        for (address, value) in [
            (0x4002_1014, u32::MAX),
            (0x4002_1018, u32::MAX),
            (0x4002_101C, u32::MAX),
            (GPIOB + 0xC, self.pull << 8),
            (GPIOB + 0x20, 1 << 16),
            (GPIOB, 2 << 8),
            (SYSCFG + 0xC, 1),
            (EXTI + 8, PIN),
            (EXTI + 0xC, PIN),
            (EXTI, line),
            (DMA4 + 4, MOST),
            (DMA4 + 8, TIM3 + 0x34),
            (DMA4 + 12, COUNTS),
            (DMA4, dma),
            (TIM3 + 0x18, self.filter << 4 | 1),
            (TIM3 + 0x0C, 0x200),
            (TIM3 + 0x20, channel),
            (TIM3, 1),
            (TIM2, 1),
        ] {
            chip.debug_write(address, Width::Word, value).unwrap();
        }
        let (polled, mask) = match self.poll {
            Poll::Pin => (IDR, PIN),
            Poll::Line => (PR, PIN),
            Poll::Capture => (TIM3 + 0x10, 2),
            Poll::Nothing => (0x0800_0000, 0),
        };
        let begins = chip.debug_read(IDR, Width::Word).unwrap() & PIN;
        chip.set_registers(|r| {
            (r.r[2], r.r[3]) = (mask, if self.poll == Poll::Pin { begins } else { 0 });
            (r.r[4], r.r[5], r.r[6], r.r[7]) = (polled, TIM2, SAMPLES, SAMPLES + 8 * MOST);
            (r.r[8], r.r[9]) = (PR, TIM3 + 0x34);
        });
        chip
    }

    /// The level that the pin reads, worked out by resistances, change by change.
    fn level(&self, drive: Drive, held: bool) -> bool {
        let (mut low, mut high) = (0.0, 0.0);
        let mut add = |up: bool, ohms: u32| *(if up { &mut high } else { &mut low }) += 1.0 / f64::from(ohms);
        match drive {
            Drive::Floating => {}
            Drive::Low | Drive::High => add(drive == Drive::High, self.source.0),
            Drive::PulledLow(ohms) => add(false, ohms.0),
            Drive::PulledHigh(ohms) => add(true, ohms.0),
        }
        if let 1 | 2 = self.pull {
            add(self.pull == 1, 40_000);
        }
        let part = high / (low + high);
        if part >= 0.7 { true } else { held && !(part <= 0.3) }
    }

    /// What the pin reads at each cycle of a case, and whether EXTI saw an edge by then.
    fn levels(&self) -> (Vec<bool>, Vec<bool>) {
        let mut changes = self.changes.clone();
        changes.sort_by_key(|c| c.0);
        let mut changes = changes.into_iter().peekable();
        // The pull was turned on after power-on.
        let mut level = self.level(self.start, Setting { pull: 0, ..self.clone() }.level(self.start, false));
        let mut edge = false;
        (0..CYCLES)
            .map(|cycle| {
                // 125 ns each.
                while let Some((_, drive)) = changes.next_if(|(time, _)| *time <= Time(cycle * 125_000)) {
                    let before = level;
                    level = self.level(drive, before);
                    edge |= before != level;
                }
                (level, edge)
            })
            .unzip()
    }

    /// The counts that a capture of both edges stores: one sample after the other, as RM0091 has it of IC1F.
    fn captures(&self, levels: &[bool]) -> Vec<u32> {
        let (every, samples) = [(1, 1), (1, 2), (1, 4), (1, 8), (2, 6), (2, 8), (4, 6)][self.filter as usize];
        let (mut out, mut row, mut counts) = (levels[0], 0, Vec::new());
        for (cycle, level) in levels.iter().enumerate().step_by(every) {
            row = if *level == out { 0 } else { row + 1 };
            if row == samples {
                (out, row) = (!out, 0);
                counts.push(cycle as u32);
            }
        }
        counts
    }
}

/// The samples that the code takes of the pin at its beat, and TIM2's count after each. A round: `ldr` 2 cycles, `ands`
/// and `cmp` 1 each, `beq` 3 where it is taken; 6 cycles after its load a new level has its count, 23 after it is the next
/// load.
fn samples(levels: &[bool]) -> Vec<u32> {
    let (mut cycle, mut last, mut samples) = (0, levels[0], Vec::new());
    while cycle + 30 < levels.len() {
        if levels[cycle] == last {
            cycle += 7;
        } else {
            last = levels[cycle];
            samples.extend([cycle as u32 + 6, if last { PIN } else { 0 }]);
            cycle += 23;
        }
    }
    samples
}

fn words(chip: &mut Chip, from: u32, count: u32) -> Vec<u32> {
    (0..count).map(|n| chip.debug_read(from + 4 * n, Width::Word).unwrap()).collect()
}

fn cases_of_each() -> ProptestConfig {
    let more = std::env::var("DRYFLASH_EDGES").ok().and_then(|n| n.parse().ok());
    ProptestConfig { cases: more.unwrap_or(40), failure_persistence: None, ..ProptestConfig::default() }
}

fn drives() -> impl Strategy<Value = Drive> {
    let ohms = || prop::sample::select(&[1_000, 10_000, 40_000, 100_000][..]).prop_map(Ohms);
    prop_oneof![
        3 => Just(Drive::Low),
        3 => Just(Drive::High),
        1 => Just(Drive::Floating),
        1 => ohms().prop_map(Drive::PulledLow),
        1 => ohms().prop_map(Drive::PulledHigh),
    ]
}

/// Times of changes in nanoseconds, within `span` of them: runs of short steps and long ones.
fn times(span: u64) -> impl Strategy<Value = Vec<Time>> {
    let step = prop_oneof![30u64..400, 400u64..5_000, 5_000u64..span / 4];
    prop::collection::vec(step, 0..40).prop_map(move |steps| {
        let times = steps.into_iter().scan(20_000, |at, step| {
            *at += step;
            Some(*at)
        });
        times.take_while(|at| *at < span).map(Time::from_nanos).collect()
    })
}

fn changes(span: u64) -> impl Strategy<Value = Vec<(Time, Drive)>> {
    times(span).prop_flat_map(|times| {
        let count = times.len();
        prop::collection::vec(drives(), count).prop_map(move |drives| times.iter().copied().zip(drives).collect())
    })
}

fn settings() -> impl Strategy<Value = Setting> {
    let source = prop::sample::select(&[50u32, 1_000, 20_000][..]).prop_map(Ohms);
    let poll = prop::sample::select(&[Poll::Pin, Poll::Line, Poll::Capture, Poll::Nothing][..]);
    let chip = (0u32..3, 0u32..7, poll, any::<bool>(), any::<bool>());
    (drives(), changes(3_900_000), source, chip).prop_map(
        |(start, changes, source, (pull, filter, poll, followed, dma))| Setting {
            start,
            changes,
            source,
            pull,
            filter,
            poll,
            followed,
            dma,
        },
    )
}

/// The ways to run that must not matter.
const WAYS: [(Engine, bool); 4] =
    [(Engine::Interpreter, false), (Engine::Interpreter, true), (Engine::Auto, true), (Engine::Unicorn, false)];

/// Runs a chip in each way.
fn each_way(make: impl Fn(Engine, bool) -> Chip, until: Time, ways: &[(Engine, bool)]) -> Result<Chip, TestCaseError> {
    let mut first: Option<(Chip, Outcome)> = None;
    for (engine, skipping) in ways {
        let mut chip = make(*engine, *skipping);
        let halt = run_on(&mut chip, until);
        let out = outcome(&mut chip, halt);
        match &first {
            None => first = Some((chip, out)),
            Some((_, wanted)) => prop_assert_eq!(&out, wanted, "{:?}, skipping: {}", engine, skipping),
        }
    }
    first.map(|(chip, _)| chip).ok_or_else(|| TestCaseError::fail("no way"))
}

proptest! {
    #![proptest_config(cases_of_each())]

    #[test]
    fn reads_captures_and_lines_see_an_edge_at_the_same_cycle(setting in settings()) {
        let mut chip = each_way(|engine, skipping| setting.chip(engine, skipping), END, &WAYS)?;
        let (levels, edges) = setting.levels();
        let captures = if setting.followed { setting.captures(&levels) } else { Vec::new() };
        if setting.dma {
            let kept = MOST - chip.debug_read(DMA4 + 4, Width::Word).unwrap();
            prop_assert_eq!(words(&mut chip, COUNTS, kept), captures);
        } else if setting.poll == Poll::Nothing {
            prop_assert_eq!(chip.debug_read(PR, Width::Word).unwrap() != 0, setting.followed && edges[edges.len() - 1]);
            let flags = if captures.is_empty() { 0 } else { 2 | u32::from(captures.len() > 1) << 9 };
            prop_assert_eq!(chip.debug_read(TIM3 + 0x10, Width::Word).unwrap() & 0x202, flags);
            prop_assert_eq!(chip.debug_read(TIM3 + 0x34, Width::Word).unwrap(), captures.last().copied().unwrap_or(0));
        }
        if setting.poll == Poll::Pin {
            let kept = (chip.registers().r[6] - SAMPLES) / 8;
            prop_assert_eq!(words(&mut chip, SAMPLES, 2 * kept), samples(&levels));
        }
    }

    #[test]
    fn boot_loaders_and_apps_take_the_same_samples_in_each_way(
        n in any::<prop::sample::Index>(), start in drives(), changes in changes(25_000_000),
    ) {
        let cases = cases();
        let case = n.get(&cases);
        let signal = Signal::timeline(start, changes);
        let make = |engine, skipping| {
            let mut chip = case.chip(engine);
            chip.set_skipping(skipping);
            chip.watch(&[case.eeprom..case.eeprom + 1]);
            case.put(&mut chip, &signal);
            chip.power_on();
            chip
        };
        each_way(make, Time::from_millis(30), &WAYS[..3])?;
    }
}

/// A chip that follows PB4 while its code looks at nothing.
fn follower(start: Drive, changes: &[(u64, Drive)]) -> Setting {
    let changes = changes.iter().map(|(ns, drive)| (Time::from_nanos(*ns), *drive)).collect();
    let (source, poll) = (Signal::SOURCE, Poll::Nothing);
    Setting { start, changes, source, pull: 0, filter: 0, poll, followed: true, dma: true }
}

#[test]
fn both_edges_of_a_glitch_that_no_poll_sees_are_captured() {
    // 0.2 us from 10 us on: at 8 MHz, the cycles 80 and 81.
    let mut setting = follower(Drive::High, &[(10_000, Drive::Low), (10_200, Drive::High)]);
    let mut chip = setting.chip(Engine::Auto, true);
    assert_eq!(chip.run(Time::from_micros(20)), Halt::Time);
    assert_eq!(words(&mut chip, COUNTS, 2), [80, 82]);
    assert_eq!(chip.debug_read(PR, Width::Word).unwrap(), PIN);
    // A filter of two samples in a row lets it through, one of four does not.
    for (filter, counts) in [(1, [81, 83]), (2, [0, 0])] {
        setting.filter = filter;
        let mut chip = setting.chip(Engine::Auto, true);
        let fresh = words(&mut chip, COUNTS, 2);
        assert_eq!(chip.run(Time::from_micros(20)), Halt::Time);
        let wanted = if filter == 1 { counts.to_vec() } else { fresh };
        assert_eq!(words(&mut chip, COUNTS, 2), wanted, "{filter}");
    }
}

#[test]
fn a_pulse_within_a_cycle_is_an_edge_for_exti_alone() {
    let mut chip = follower(Drive::Low, &[(10_010, Drive::High), (10_070, Drive::Low)]).chip(Engine::Auto, true);
    assert_eq!(chip.run(Time::from_micros(20)), Halt::Time);
    assert_eq!(chip.debug_read(PR, Width::Word).unwrap(), PIN);
    assert_eq!(chip.debug_read(DMA4 + 4, Width::Word).unwrap(), MOST, "the timer takes samples");
}

/// 500,000 edges in a second for ever, which counts how often anybody asks.
#[derive(Debug, Default)]
struct Stream(AtomicU64);

impl Wave for Stream {
    fn at(&self, time: Time) -> Drive {
        self.0.fetch_add(1, Ordering::Relaxed);
        if time.0 / 2_000_000 % 2 == 0 { Drive::Low } else { Drive::High }
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Some(Time((time.0 / 2_000_000 + 1) * 2_000_000))
    }
}

#[test]
fn edges_that_nobody_looks_at_cost_nothing() {
    // How often the wire is asked in 20 ms, which have 10,000 edges.
    let asked = |followed: bool, poll: Poll| {
        let stream = Arc::new(Stream::default());
        let setting = Setting { followed, poll, ..follower(Drive::Low, &[]) };
        let mut chip = setting.chip(Engine::Auto, true);
        chip.drive('B', 4, Signal::wave(Arc::clone(&stream) as Arc<dyn Wave>));
        assert_eq!(chip.run(Time::from_millis(20)), Halt::Time);
        stream.0.load(Ordering::Relaxed)
    };
    assert!(asked(false, Poll::Nothing) < 10);
    let (followed, polled) = (asked(true, Poll::Nothing), asked(false, Poll::Pin));
    assert!((10_000..160_000).contains(&followed), "a few times for each edge: {followed}");
    assert!((200..2_000).contains(&polled), "a few times for each of {MOST} samples: {polled}");
}

#[test]
fn an_output_against_the_wire_is_told_with_its_pin_and_the_code_that_drove_it() {
    let setting = Setting { followed: false, ..follower(Drive::Low, &[(10_000, Drive::High)]) };
    let contention = |chip: &Chip| {
        let notes = chip.board.log.notes().filter(|(.., text)| text.starts_with("contention: "));
        notes.map(|(as_on_the_chip, address, _, text)| (as_on_the_chip, address, text.to_owned())).collect::<Vec<_>>()
    };
    for (engine, skipping) in WAYS {
        let mut chip = setting.chip(engine, skipping);
        // An output that stands low before the wire turns against it.
        chip.debug_write(GPIOB, Width::Word, 1 << 8).unwrap();
        assert_eq!(contention(&chip), []);
        assert_eq!(chip.run(Time::from_micros(20)), Halt::Time);
        let text =
            "contention: the chip drives PB4 low, the wire drives it high: some 33.0 mA at 3.3 V through 50 and 50 Ohm";
        assert_eq!(contention(&chip), [(true, GPIOB + 0x14, text.to_owned())]);
        let at = chip.board.log.events.iter().find(|e| format!("{:?}", e.kind).contains("contention")).unwrap().time;
        assert_eq!(at, Time::from_micros(10));
    }
}

/// A V4 bootloader sends its device information on its own account: into a wire that is held high.
#[test]
fn check_tells_contention_in_text_and_json() {
    let check = |more: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["check", "--signal", "high", "STANDIN_F051_BOOTLOADER_PB4_V4.bin", "STANDIN_EEPROM_V2_1K.bin"])
            .arg("STANDIN_DRYFLASH_F051_2.20.bin")
            .args(more)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let text = check(&[]).split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "contention: the chip drives PB4 low, the wire drives it high: some 33.0 mA at 3.3 V";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    let json: serde_json::Value = serde_json::from_str(&check(&["--format", "json"])).unwrap();
    let run = &json["power_ups"][0];
    let touched: Vec<_> = run["in_vain"].as_array().unwrap().iter().map(|t| (&t["name"], &t["text"])).collect();
    assert!(touched.iter().any(|(name, text)| **name == "GPIOB ODR" && text.as_str().unwrap().starts_with(told)));
    assert_eq!(run["unmodelled"], serde_json::json!([]));
}

#[test]
fn a_chip_restored_at_a_later_time_has_not_seen_edges_before() {
    let setting = follower(Drive::Low, &[(10_000, Drive::High), (20_000, Drive::Low)]);
    let mut chip = setting.chip(Engine::Auto, true);
    assert_eq!(chip.run(Time::from_micros(30)), Halt::Time);
    chip.debug_write(PR, Width::Word, PIN).unwrap();
    let saved = chip.save();
    let mut fresh = setting.chip(Engine::Auto, true);
    fresh.restore(&saved).unwrap();
    assert_eq!(fresh.debug_read(PR, Width::Word).unwrap(), 0);
}
