//! Random sequences: no panic, no bit set without an erase, nothing protected changes; and power cuts.

use crate::bench::Bench;
use dryflash::bus::{BootSource, ResetCause, Width};
use dryflash::flash::NonVolatile;
use dryflash::flash::cut::Progress;
use dryflash::time::Time;
use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// One thing done to the chip.
#[derive(Clone, Debug)]
enum Step {
    Unlock,
    UnlockOptions,
    Register(u32, Width, u32),
    Look(u32, Width),
    Store(u32, Width, u32),
    Load(u32, Width),
    Pass(u64),
    Wait,
    Reset(ResetCause),
    Cut(u64),
    Boot(BootSource),
    Debugger,
    Core,
}

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![1 => Just(Width::Byte), 4 => Just(Width::Half), 8 => Just(Width::Word)]
}

/// Values that do something: keys, single bits, operation bits together, and anything.
fn value() -> impl Strategy<Value = u32> {
    let bit = (0u32..32).prop_map(|b| 1 << b);
    let start = (0u32..8, 0u32..40).prop_map(|(op, page)| op | page << 3 | 1 << 16);
    prop_oneof![
        4 => bit,
        2 => Just(0),
        1 => Just(1),
        2 => Just(0x42),
        1 => Just(0x44),
        1 => Just(0x260),
        1 => Just(0x210),
        1 => Just(1 << 17),
        1 => Just(0x0800_0400),
        1 => (0u32..0x2_0000).prop_map(|a| 0x0800_0000 + a),
        3 => start,
        1 => Just(0xFFFF_FEAA),
        2 => any::<u32>(),
    ]
}

fn address() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => (0u32..0x400).prop_map(|o| 0x0800_0000 + o * 4),
        4 => (0u32..0x1_0000).prop_map(|o| 0x0800_0000 + o),
        1 => (0u32..0x100).prop_map(|o| 0x1FFF_7000 + o * 4),
        1 => (0u32..0x20).prop_map(|o| 0x1FFF_7800 + o * 4),
        2 => (0u32..8).prop_map(|o| 0x1FFF_F800 + o * 2),
        1 => any::<u32>().prop_filter("no register", |a| !(0x4002_2000..0x4002_2400).contains(a)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let register = prop_oneof![8 => (0u32..15).prop_map(|i| i * 4), 1 => Just(0x80), 1 => 0u32..0x100];
    prop_oneof![
        6 => Just(Step::Unlock),
        3 => Just(Step::UnlockOptions),
        12 => (register, width(), value()).prop_map(|(r, w, v)| Step::Register(r, w, v)),
        2 => (0u32..0x100, width()).prop_map(|(r, w)| Step::Look(r, w)),
        12 => (address(), width(), value()).prop_map(|(a, w, v)| Step::Store(a, w, v)),
        3 => (address(), width()).prop_map(|(a, w)| Step::Load(a, w)),
        3 => (0u64..30_000_000).prop_map(Step::Pass),
        4 => Just(Step::Wait),
        1 => prop_oneof![Just(ResetCause::Software), Just(ResetCause::OptionBytes)].prop_map(Step::Reset),
        1 => any::<u64>().prop_map(Step::Cut),
        1 => prop_oneof![Just(BootSource::Flash), Just(BootSource::Sram)].prop_map(Step::Boot),
        1 => Just(Step::Debugger),
        2 => Just(Step::Core),
    ]
}

fn keys(b: &mut Bench, register: u32, words: [u32; 2]) {
    for word in words {
        let _ = b.try_w(register, word);
    }
}

fn act(b: &mut Bench, step: &Step) {
    let g0 = b.part.name.contains("G0");
    match *step {
        Step::Unlock => keys(b, if g0 { 8 } else { 4 }, [0x4567_0123, 0xCDEF_89AB]),
        Step::UnlockOptions if g0 => keys(b, 0xC, [0x0819_2A3B, 0x4C5D_6E7F]),
        Step::UnlockOptions => keys(b, 8, [0x4567_0123, 0xCDEF_89AB]),
        Step::Register(offset, width, value) => {
            let _ = b.store_as(0x4002_2000 + offset, width, value & width.mask());
        }
        Step::Look(offset, width) => {
            let _ = b.load_as(0x4002_2000 + offset, width, dryflash::flash::Purpose::Data);
        }
        Step::Store(address, width, value) => {
            let _ = b.store_as(address, width, value & width.mask());
        }
        Step::Load(address, width) => {
            let _ = b.load_as(address, width, dryflash::flash::Purpose::Data);
        }
        Step::Pass(nanos) => b.pass(Time::from_nanos(nanos)),
        Step::Wait => {
            b.wait();
        }
        Step::Reset(cause) => b.reset(cause),
        Step::Cut(seed) => {
            b.chip.power_off(b.now, seed);
            b.chip.power_on(b.now);
            b.core();
        }
        Step::Boot(source) => b.chip.booted(source),
        Step::Debugger => {
            b.debugger();
        }
        Step::Core => {
            b.core();
        }
    }
}

/// What may not happen in one step.
fn check(b: &Bench, protected: &[bool], before: &NonVolatile, after: &NonVolatile) -> Result<(), String> {
    let page = b.part.flash.page as usize;
    // The one erase that goes over protection is the one that lifts level 1.
    let regress = b.backup_reset;
    for (i, (old, new)) in before.bytes.chunks(page).zip(after.bytes.chunks(page)).enumerate() {
        if old == new {
            continue;
        }
        if protected[i] && !regress {
            return Err(format!("page {i} is protected and changed"));
        }
        for ((old, new), address) in old.iter().zip(new).zip(before.base + (i * page) as u32..) {
            if old != new && !b.changed.iter().any(|r| r.contains(&address)) {
                return Err(format!("{address:#X} changed and nobody was told"));
            }
        }
        let erased = after.wear[i] > before.wear[i];
        if !erased && old.iter().zip(new).any(|(o, n)| n & !o != 0) {
            return Err(format!("a bit of page {i} was set without an erase"));
        }
    }
    if before.otp.iter().zip(&after.otp).any(|(o, n)| n & !o != 0) {
        return Err("a bit of OTP was set".to_owned());
    }
    Ok(())
}

fn run(part: &'static str, steps: &[Step]) -> Result<(), String> {
    let mut b = Bench::of(part);
    b.factory(|f| {
        let f = f.cells(0x0800_0000, &[0x5A; 64])?.cells(0x0800_2000, &[0xA5; 0x800])?;
        if part.contains('G') { f.wrp(4, 5) } else { f.wrp(8, 11) }
    });
    for step in steps {
        // Cut operations rewrite what they had begun: the state before the operation is the one to compare with.
        let cutting = matches!(step, Step::Cut(_) | Step::Reset(_)) || b.chip.busy_until().is_some();
        let before = b.non_volatile();
        let protected: Vec<bool> = (0..b.chip.cells().pages()).map(|p| b.chip.protected(p)).collect();
        b.backup_reset = false;
        b.changed.clear();
        act(&mut b, step);
        if !cutting {
            check(&b, &protected, &before, &b.non_volatile()).map_err(|e| format!("{step:?}: {e}"))?;
        }
    }
    Ok(())
}

/// The same cases on every machine.
fn runner(config: Config) -> TestRunner {
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn sequences(part: &'static str, cases: u32) -> Result<(), Failed> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    runner(config)
        .run(&prop::collection::vec(step(), 1..60), |steps| run(part, &steps).map_err(TestCaseError::fail))
        .map_err(|e| e.to_string().into())
}

/// Saves anywhere, goes on, comes back: everything is as it was, and the blocks told are those that differ.
fn saving(part: &'static str, cases: u32) -> Result<(), Failed> {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = || prop::collection::vec(step(), 1..40);
    let once = |(first, second): (Vec<Step>, Vec<Step>)| {
        let mut b = Bench::of(part);
        first.iter().for_each(|s| act(&mut b, s));
        let (saved, non_volatile, pointer) = (b.chip.save(), b.non_volatile(), b.chip.cells().pointer());
        let text = format!("{:?}", b.chip);
        let now = b.now;
        second.iter().for_each(|s| act(&mut b, s));
        let later = b.non_volatile();
        let told = b.chip.restore(&saved).map_err(|e| TestCaseError::fail(e.to_string()))?;
        b.now = now;
        prop_assert_eq!(pointer, b.chip.cells().pointer());
        prop_assert!(non_volatile == b.non_volatile());
        prop_assert_eq!(text, format!("{:?}", b.chip));
        for (i, (x, y)) in non_volatile.bytes.chunks(1024).zip(later.bytes.chunks(1024)).enumerate() {
            prop_assert!(x == y || told.contains(&(non_volatile.base + 1024 * i as u32)), "block {} was not told", i);
        }
        Ok(())
    };
    runner(config).run(&(steps(), steps()), once).map_err(|e| e.to_string().into())
}

/// Cuts each kind of operation with many seeds: each outcome comes up, and the same seed gives the same.
fn cuts() -> Result<(), Failed> {
    let programming = |b: &mut Bench| {
        keys(b, 4, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x10, 1);
        b.half(0x0800_0000, 0x1234).expect("the bus takes it");
    };
    let double_word = |b: &mut Bench| {
        keys(b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x14, 1);
        b.word(0x0800_0000, 0x1234).expect("the bus takes it");
        b.word(0x0800_0004, 0x5678).expect("the bus takes it");
    };
    let option_erase = |b: &mut Bench| {
        keys(b, 4, [0x4567_0123, 0xCDEF_89AB]);
        keys(b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x10, 0x260);
    };
    let option_change = |b: &mut Bench| {
        keys(b, 8, [0x4567_0123, 0xCDEF_89AB]);
        keys(b, 0xC, [0x0819_2A3B, 0x4C5D_6E7F]);
        b.w(0x20, 0xFFFE_FEAA);
        b.w(0x14, 1 << 17);
    };
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Bench), &'a [Progress]);
    let cases: [Case<'_>; 4] = [
        ("F051", &programming, &[Progress::None, Progress::Part, Progress::All]),
        ("G071", &double_word, &[Progress::None, Progress::Part, Progress::All]),
        ("F051", &option_erase, &[Progress::None, Progress::Part, Progress::All]),
        ("G071", &option_change, &[Progress::None, Progress::Part, Progress::Erased, Progress::All]),
    ];
    for (part, begin, expected) in cases {
        let cut = |seed: u64| {
            let mut b = Bench::of(part);
            begin(&mut b);
            let cut = b.chip.power_off(b.now, seed).expect("an operation in flight");
            b.chip.power_on(b.now);
            (cut, b.non_volatile(), b.chip.rdp_level(), b.chip.flags().names(), b.chip.cells().flawed())
        };
        let mut seen = Vec::new();
        for seed in 0..60 {
            let (told, non_volatile, level, flags, flawed) = cut(seed);
            let (again, same, ..) = cut(seed);
            if told != again || non_volatile != same {
                return Err(format!("seed {seed} is not the same twice").into());
            }
            let word = u32::from_le_bytes([
                non_volatile.bytes[0],
                non_volatile.bytes[1],
                non_volatile.bytes[2],
                non_volatile.bytes[3],
            ]);
            let options = &non_volatile.options;
            let fits = match (part, told.progress, told.operation.starts_with("programming")) {
                (_, Progress::None, true) => word == u32::MAX && flawed == 0,
                ("F051", Progress::All, true) => word == 0xFFFF_1234,
                ("G071", Progress::All, true) => word == 0x1234 && flawed == 0,
                ("F051", _, true) => word & 0x1234 == 0x1234,
                (_, _, true) => word & 0x1234 == 0x1234 && flawed == 1,
                (_, Progress::None, false) => level == 0,
                ("F051", Progress::All, false) => level == 1 && flags.is_empty() && options.iter().all(|b| *b == 0xFF),
                (_, Progress::Erased, false) => level == 1 && flags == ["OPTVERR"],
                ("G071", Progress::All, false) => level == 0 && options[2] == 0xFE,
                _ => true,
            };
            if !fits {
                return Err(format!("{part}, seed {seed}: {told}: {word:#X} level {level} {flags:?} {flawed}").into());
            }
            if !seen.contains(&told.progress) {
                seen.push(told.progress);
            }
        }
        if let Some(missing) = expected.iter().find(|p| !seen.contains(p)) {
            return Err(format!("{part}: no seed gives {missing:?}").into());
        }
    }
    Ok(())
}

/// An F0 cut while it goes from level 1 to 0: with AA stored, flash is gone.
fn regression_is_ordered() -> Result<(), Failed> {
    let mut erased = 0;
    for seed in 0..200 {
        let mut b = Bench::of("F051");
        b.factory(|f| f.cells(0x0800_0000, &[7; 0x400])?.rdp(1)?.option_raw(0x1FFF_F800, &[0xFF, 0xFF]));
        keys(&mut b, 4, [0x4567_0123, 0xCDEF_89AB]);
        keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x10, 0x210);
        b.half(0x1FFF_F800, 0xAA).map_err(|e| e.to_string())?;
        let cut = b.chip.power_off(b.now, seed).ok_or("nothing in flight")?;
        b.chip.power_on(b.now);
        if b.chip.rdp_level() == 0 && !b.chip.cells().is_blank(0x0800_0000..0x0800_0400) {
            return Err(format!("seed {seed}: {cut}: level 0 with flash readable").into());
        }
        erased += u32::from(cut.progress == Progress::Erased);
    }
    if erased == 0 { Err("no seed leaves flash erased and RDP unwritten".into()) } else { Ok(()) }
}

/// Whoever maps the cells hears of each change: what is programmed, fast too, and what is erased.
fn changes_are_told() -> Result<(), Failed> {
    let told = |b: &mut Bench, want: std::ops::Range<u32>, what: &str| {
        let got = std::mem::take(&mut b.changed);
        if got == [want.clone()] { Ok(()) } else { Err(format!("{what}: {got:X?}, not {want:X?}")) }
    };
    const FLASH: u32 = 0x0800_0000;
    let mut b = Bench::of("F051");
    keys(&mut b, 4, [0x4567_0123, 0xCDEF_89AB]);
    b.w(0x10, 1);
    b.half(FLASH + 6, 0x1234).map_err(|e| e.to_string())?;
    told(&mut b, FLASH + 6..FLASH + 8, "a half-word")?;
    b.wait();
    b.w(0x14, FLASH + 0x405);
    b.w(0x10, 2);
    b.w(0x10, 0x42);
    told(&mut b, FLASH + 0x400..FLASH + 0x800, "a page of the F0")?;
    b.wait();
    b.w(0x10, 0x44);
    told(&mut b, FLASH..FLASH + 0x8000, "all of the F0")?;

    let mut b = Bench::of("G071");
    keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
    b.w(0x14, 2 | 3 << 3 | 1 << 16);
    told(&mut b, FLASH + 0x1800..FLASH + 0x2000, "a page of the G0")?;
    for enable in [1, 1 << 18] {
        b.w(0x14, enable);
        for i in 0..2 {
            b.word(FLASH + 0x1800 + 4 * i, 0).map_err(|e| e.to_string())?;
        }
        told(&mut b, FLASH + 0x1800..FLASH + 0x1808, "a double word")?;
        b.wait();
        b.pass(Time::from_millis(1));
        b.w(0x10, u32::MAX);
        b.w(0x14, 2 | 3 << 3 | 1 << 16);
        b.wait();
        b.changed.clear();
    }
    b.w(0x14, 4 | 1 << 16);
    told(&mut b, FLASH..FLASH + 0x2_0000, "all of the G0")?;
    b.factory(|f| f.rdp(1));
    keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
    keys(&mut b, 0xC, [0x0819_2A3B, 0x4C5D_6E7F]);
    b.w(0x20, 0xFFFF_FEAA);
    b.w(0x14, 1 << 17);
    told(&mut b, FLASH..FLASH + 0x2_0000, "level 1 to 0 of the G0")?;
    Ok(())
}

/// Power that goes after the end cuts nothing, even if nobody looked in between.
fn late_cuts_cut_nothing() -> Result<(), Failed> {
    let mut b = Bench::of("F051");
    keys(&mut b, 4, [0x4567_0123, 0xCDEF_89AB]);
    b.w(0x10, 1);
    b.half(0x0800_0000, 0x1234).map_err(|e| e.to_string())?;
    b.pass_unseen(Time::from_micros(54));
    let mut other = Bench::of("G071");
    keys(&mut other, 8, [0x4567_0123, 0xCDEF_89AB]);
    other.w(0x14, 2 | 1 << 16);
    other.pass_unseen(Time::from_millis(22));
    for mut b in [b, other] {
        let saved = b.chip.save();
        if let Some(cut) = b.chip.power_off(b.now, 1) {
            return Err(cut.to_string().into());
        }
        b.chip.restore(&saved).map_err(|e| e.to_string())?;
        b.reset(dryflash::bus::ResetCause::Software);
        if let Some(cut) = b.chip.broken_off() {
            return Err(cut.to_string().into());
        }
    }
    Ok(())
}

/// A factory condition stated in the middle of an operation is exactly what was stated.
fn factory_ends_operations() -> Result<(), Failed> {
    let mut b = Bench::of("F051");
    keys(&mut b, 4, [0x4567_0123, 0xCDEF_89AB]);
    b.w(0x10, 4);
    b.w(0x10, 0x44);
    let mut other = Bench::of("G071");
    keys(&mut other, 8, [0x4567_0123, 0xCDEF_89AB]);
    other.w(0x14, 4 | 1 << 16);
    for mut b in [b, other] {
        b.factory(|f| f.cells(0x0800_0000, &[7; 0x4000]));
        let whole = b.peek(0x0800_0000, 0x4000) == vec![7; 0x4000];
        if !whole || b.chip.is_busy(b.now) || b.chip.broken_off().is_some() {
            return Err("the operation went on".into());
        }
    }
    Ok(())
}

/// OTP and option bytes cut: no bit outside of what was being programmed, and each outcome comes up.
fn cuts_of_bytes() -> Result<(), Failed> {
    let (mut otp, mut option) = (Vec::new(), Vec::new());
    for seed in 0..60 {
        let mut b = Bench::of("G071");
        keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x14, 1);
        b.word(0x1FFF_7008, 0x0F0F_1234).map_err(|e| e.to_string())?;
        b.word(0x1FFF_700C, 0x0F0F_1234).map_err(|e| e.to_string())?;
        let cut = b.chip.power_off(b.now, seed).ok_or("nothing in flight")?;
        let l = b.non_volatile();
        let word = u32::from_le_bytes([l.otp[8], l.otp[9], l.otp[10], l.otp[11]]);
        let fits = match cut.progress {
            Progress::None => word == u32::MAX && l.otp_marks[1] == 0,
            Progress::Part => word & 0x0F0F_1234 == 0x0F0F_1234 && word != 0x0F0F_1234 && l.otp_marks[1] == 5,
            _ => word == 0x0F0F_1234 && l.otp_marks[1] == 1,
        };
        if !fits || l.otp[16..] != [0xFF; 1008] {
            return Err(format!("OTP, seed {seed}: {word:#X} {}", l.otp_marks[1]).into());
        }
        otp.push(cut.progress);

        let mut b = Bench::of("F051");
        b.factory(|f| f.option_raw(0x1FFF_F804, &[0xFF, 0xFF]));
        keys(&mut b, 4, [0x4567_0123, 0xCDEF_89AB]);
        keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x10, 0x210);
        b.half(0x1FFF_F804, 0x5A).map_err(|e| e.to_string())?;
        let cut = b.chip.power_off(b.now, seed).ok_or("nothing in flight")?;
        let l = b.non_volatile();
        let pair = [l.options[4], l.options[5]];
        let fits = match cut.progress {
            Progress::None => pair == [0xFF, 0xFF],
            Progress::Part => pair[0] & 0x5A == 0x5A && pair[1] & 0xA5 == 0xA5,
            _ => pair == [0x5A, 0xA5],
        };
        if !fits || l.options[..4] != [0xAA, 0x55, 0xFF, 0] || l.options[6..8] != [0xFF, 0] {
            return Err(format!("option byte, seed {seed}: {:X?}", l.options).into());
        }
        option.push(cut.progress);
    }
    for seen in [otp, option] {
        if [Progress::None, Progress::Part, Progress::All].iter().any(|p| !seen.contains(p)) {
            return Err("an outcome never came up".into());
        }
    }
    Ok(())
}

/// A page half erased: each byte is as before, erased, or between, and some are of each kind.
fn half_erased_pages() -> Result<(), Failed> {
    let mut parts = 0;
    for seed in 0..60 {
        let mut b = Bench::of("G071");
        b.factory(|f| f.cells(0x0800_0000, &[0x50; 0x800]));
        keys(&mut b, 8, [0x4567_0123, 0xCDEF_89AB]);
        b.w(0x14, 2 | 1 << 16);
        let cut = b.chip.power_off(b.now, seed).ok_or("nothing in flight")?;
        if cut.progress != Progress::Part {
            continue;
        }
        parts += 1;
        let bytes = b.peek(0x0800_0000, 0x800);
        let kept = bytes.chunks(8).filter(|c| **c == [0x50; 8]).count();
        let gone = bytes.chunks(8).filter(|c| **c == [0xFF; 8]).count();
        if bytes.iter().any(|x| x & 0x50 != 0x50) || kept < 40 || gone < 40 || kept + gone > 200 {
            return Err(format!("seed {seed}: {kept} kept, {gone} gone of 256").into());
        }
        if b.chip.cells().flawed() != 256 - kept - gone {
            return Err(format!("seed {seed}: {} flawed", b.chip.cells().flawed()).into());
        }
    }
    if parts < 10 { Err("too few partial erases".into()) } else { Ok(()) }
}

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("random sequences on an F051", || sequences("F051", 2000)),
        Trial::test("random sequences on a G031", || sequences("G031", 2000)),
        Trial::test("save and restore anywhere on an F031", || saving("F031", 60)),
        Trial::test("save and restore anywhere on a G071", || saving("G071_64K", 60)),
        Trial::test("power cuts leave what the seed decides", cuts),
        Trial::test("OTP and option bytes half programmed", cuts_of_bytes),
        Trial::test("a cut after the end cuts nothing", late_cuts_cut_nothing),
        Trial::test("a factory condition ends what was in flight", factory_ends_operations),
        Trial::test("a page half erased", half_erased_pages),
        Trial::test("every change of main flash is told", changes_are_told),
        Trial::test("a cut on the way from level 1 to 0 gives nothing away", regression_is_ordered),
    ]
}
