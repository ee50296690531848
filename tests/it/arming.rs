//! The app's side of the signal wire: stand-in apps find their signal, arm, and reset themselves without one. AM32's own,
//! where `DRYFLASH_REAL_IMAGES` names a folder of them, do the same.

use crate::support::waves::{Throttle, dshot, idle_then, servo, steady};
use dryflash::am32::{InputKind, Layout, Pin};
use dryflash::bus::ResetCause;
use dryflash::chip::program::program;
use dryflash::chip::{Chip, SavedChip};
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::arming::{Watch, arms_on, at_jump};
use dryflash::esc::{Arming, Bench, Throttles, arming, watch_app};
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::fmt;
use std::path::{Path, PathBuf};

/// 10 % of throttle.
const TENTH: u16 = 48 + 200;

/// A signal to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Servo,
    Dshot(u64),
    Bidirectional(u64),
}
use Protocol::{Bidirectional, Dshot, Servo};

impl Protocol {
    fn signal(self, throttle: Throttle, end: Time) -> Signal {
        match self {
            Servo => servo(throttle, end),
            Dshot(kbit) => dshot(kbit, false, 500, throttle, end),
            Bidirectional(kbit) => dshot(kbit, true, 500, throttle, end),
        }
    }

    fn kind(self) -> InputKind {
        match self {
            Servo => InputKind::Pulses,
            Dshot(kbit) | Bidirectional(kbit) => InputKind::Dshot { kbit: kbit as u32 },
        }
    }

    /// Idle for so long, then 10 %, for half a second.
    fn throttles(self, idle: Time) -> Throttles {
        let until = idle + Time::from_millis(500);
        Throttles {
            idle_first: self.signal(idle_then(idle, TENTH), Time::NEVER),
            raised: idle,
            at_once: self.signal(steady(TENTH), Time::NEVER),
            until,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Servo => f.write_str("servo 50 Hz"),
            Dshot(kbit) => write!(f, "DShot {kbit}"),
            Bidirectional(kbit) => write!(f, "DShot {kbit} bidirectional"),
        }
    }
}

/// An ESC at its app's first instruction.
struct Esc {
    chip: Chip,
    bench: Bench,
    at_jump: SavedChip,
}

impl Esc {
    fn new(part: &str, pin: Option<&str>, files: &[(PathBuf, u32)], engine: Engine) -> Esc {
        let part = part::find(part).unwrap();
        let mut chip = Chip::with_engine(&part, 1, engine).unwrap();
        chip.power_on();
        for (path, address) in files {
            let bin = path.extension().is_some_and(|e| e == "bin");
            let image =
                Image::load(path, bin.then_some(*address)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            program(&mut chip, &image, false).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
        chip.power_off(1);
        let layout = Layout::of(&part).unwrap();
        let bench = Bench::new(&part, layout, pin.map(|p| p.parse::<Pin>().unwrap()));
        let at_jump = at_jump(&mut chip, &bench).unwrap_or_else(|run| panic!("{:?}", run.ending));
        Esc { chip, bench, at_jump }
    }

    fn stand_in(part: &str, pin: &str) -> Esc {
        Esc::with(part, pin, Engine::Auto)
    }

    fn with(part: &str, pin: &str, engine: Engine) -> Esc {
        let built = |name: String| Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
        let on_pa2 = if pin == "PA2" { "PA2_" } else { "" };
        let (settings, page) = if part.starts_with('G') { (0x0800_F800, "2K") } else { (0x0800_7C00, "1K") };
        let (mcu, size) = part.split_once('_').map_or((part, String::new()), |(m, s)| (m, format!("_{s}")));
        let files = [
            (built(format!("STANDIN_{mcu}_BOOTLOADER_{pin}{size}_V14.bin")), 0x0800_0000),
            (built(format!("STANDIN_DRYFLASH_{on_pa2}{part}_2.20.bin")), 0x0800_1000),
            (built(format!("STANDIN_EEPROM_V2_{page}.bin")), settings),
        ];
        Esc::new(part, Some(pin), &files, engine)
    }

    fn arming(&mut self, protocol: Protocol, idle: Time) -> Arming {
        arming(&mut self.chip, &self.bench, &self.at_jump, &protocol.throttles(idle)).unwrap()
    }
}

/// The stand-in has no tune: it looks for its signal at once.
const IDLE: Time = Time::from_millis(1_600);

#[test]
fn stand_ins_arm_after_idle_and_not_without() {
    for (part, pin, protocols) in [
        ("F051", "PB4", &[Servo, Dshot(300), Dshot(600), Bidirectional(300), Bidirectional(600)][..]),
        ("F051", "PA2", &[Bidirectional(600)]),
        ("F031", "PB4", &[Dshot(600)]),
        ("G071_64K", "PB4", &[Dshot(300), Bidirectional(300)]),
    ] {
        let mut esc = Esc::stand_in(part, pin);
        for protocol in protocols {
            let what = format!("{part} {pin}, {protocol}");
            let seen = esc.arming(*protocol, IDLE);
            assert!(seen.arms(), "{what}: {seen:?}");
            let on = seen.armed_with_idle_us.unwrap();
            assert!(on >= IDLE && on.since(IDLE) < Time::from_millis(30), "{what}: on at {on}");
            let input = seen.input.unwrap();
            assert_eq!((input.pin.to_string().as_str(), input.kind), (pin, protocol.kind()), "{what}");
            assert_eq!(input.bidirectional, matches!(protocol, Bidirectional(_)), "{what}");
            let core = if part.starts_with('F') { 48_000_000 } else { 64_000_000 };
            let (tick, block) = match protocol {
                Servo => (1_000_000, 2..=3),
                Dshot(600) | Bidirectional(600) => (core, 32..=32),
                _ => (core / 2, 32..=32),
            };
            assert!(input.tick_hz == tick && block.contains(&input.block), "{what}: {input:?}");
            assert_eq!(seen.ended, None, "{what}");
        }
    }
}

#[test]
fn an_app_resets_itself_where_its_signal_stops() {
    let mut esc = Esc::stand_in("F051", "PB4");
    let seen = esc.arming(Dshot(300), IDLE);
    let about = |seen: Option<Time>, ms: u64| {
        let seen = seen.unwrap_or_default();
        assert!(seen > Time::from_millis(ms - 5) && seen < Time::from_millis(ms + 5), "{seen}, not {ms} ms");
    };
    about(seen.reset_when_lost_us, 500);
    about(seen.reset_without_signal_us, 2_000);
}

#[test]
fn too_little_idle_does_not_arm() {
    let mut esc = Esc::stand_in("F051", "PB4");
    let seen = esc.arming(Dshot(600), Time::from_millis(900));
    assert_eq!((seen.armed_with_idle_us, seen.armed_without), (None, false));
    assert_eq!(seen.input.map(|i| i.kind), Some(InputKind::Dshot { kbit: 600 }));
}

#[test]
fn on_another_pin_no_signal_reaches_the_app() {
    let mut esc = Esc::stand_in("F051", "PB4");
    let throttles = Dshot(600).throttles(IDLE);
    let tried: Vec<Pin> = ["PA2", "PB4", "PA6"].iter().map(|p| p.parse().unwrap()).collect();
    let found = arms_on(&mut esc.chip, &esc.bench, &esc.at_jump, &throttles, &tried).unwrap();
    assert_eq!(found.iter().map(Pin::to_string).collect::<Vec<_>>(), ["PB4"]);
}

#[test]
fn the_bridge_goes_off_when_the_throttle_does() {
    let mut esc = Esc::stand_in("F051", "PB4");
    let signal = Dshot(300).signal(Throttle::steps(&[(0, 0), (1_600, TENTH), (1_700, 0)]), Time::NEVER);
    esc.chip.drive('B', 4, signal);
    let ms = Time::from_millis;
    let watch = Watch { from: Time::ZERO, until: ms(1_900), to_armed: false, to_reset: false };
    let seen = watch_app(&mut esc.chip, &watch);
    assert!(seen.armed.is_some_and(|t| t > ms(1_599) && t < ms(1_605)), "{seen:?}");
    assert!(seen.off_again.is_some_and(|t| t > ms(1_699) && t < ms(1_705)), "{seen:?}");
    assert_eq!((seen.tone, &seen.resets[..]), (None, &[][..]), "{seen:?}");
}

#[test]
fn the_bridge_comes_on_at_an_instruction_however_it_is_watched() {
    let mut esc = Esc::stand_in("F051", "PB4");
    let signal = Dshot(300).signal(idle_then(Time::from_millis(1_100), TENTH), Time::NEVER);
    let ms = Time::from_millis;
    let mut seen = Vec::new();
    // The last ends 5 ms after the bridge has come on.
    for (first, until, to_armed) in
        [(1_050, 1_200, true), (1_053, 1_200, false), (1_000, 1_106, true), (1_097, 1_106, false)]
    {
        esc.chip.restore(&esc.at_jump).unwrap();
        esc.chip.drive('B', 4, signal.clone());
        assert_eq!(esc.chip.run(ms(first)), dryflash::chip::Halt::Time);
        let app = watch_app(&mut esc.chip, &Watch { from: ms(first), until: ms(until), to_armed, to_reset: true });
        let armed = app.armed.unwrap_or_else(|| panic!("{first} {until}: {app:?}"));
        let now = esc.chip.now().time;
        assert!(if to_armed { now == armed } else { now.since(ms(until)) < Time::from_micros(10) }, "{now} {armed}");
        seen.push(armed);
    }
    assert!(seen.iter().all(|armed| *armed == seen[0]), "{seen:?}");
    // At that instruction, and not a microsecond before.
    let on = |chip: &mut Chip| {
        let (clocks, cycle) = (chip.board.clocks(), chip.now().cycle);
        let tim1 = chip.board.devices.timers().find(|(n, _)| *n == 1).map(|(_, t)| t.outputs_at(cycle, &clocks));
        tim1.is_some_and(|t| t.channels.iter().any(|c| c.duty.is_some_and(|d| d > 0.0)))
    };
    for (time, is) in [(seen[0], true), (seen[0] - Time::from_micros(1), false)] {
        esc.chip.restore(&esc.at_jump).unwrap();
        esc.chip.drive('B', 4, signal.clone());
        esc.chip.run(time);
        assert_eq!(on(&mut esc.chip), is, "{time}");
    }
}

#[test]
fn serial_bytes_arm_nothing() {
    // 0x55 at 19,200 baud, without an end.
    let bit = Time::from_nanos(52_083);
    let toggles = (0..80_000).map(|n| (Time(bit.0 * n), if n % 2 == 0 { Drive::Low } else { Drive::High }));
    let signal = Signal::timeline(Drive::High, toggles.collect());
    let mut esc = Esc::stand_in("F051", "PB4");
    esc.chip.drive('B', 4, signal);
    let watch = Watch { from: Time::ZERO, until: Time::from_millis(3_000), to_armed: true, to_reset: true };
    let seen = watch_app(&mut esc.chip, &watch);
    assert_eq!(seen.armed, None);
    assert_eq!(seen.resets.first().map(|r| r.1), Some(ResetCause::Software), "{seen:?}");
}

#[test]
fn both_engines_see_the_same() {
    let all = [Engine::Auto, Engine::Interpreter].map(|engine| {
        let mut esc = Esc::with("F051", "PB4", engine);
        esc.arming(Bidirectional(600), Time::from_millis(1_300))
    });
    assert!(all[0].arms(), "{:?}", all[0]);
    assert_eq!(all[0], all[1]);
}

/// AM32's apps that are known to have been built, with their layout and pin.
const REAL: [(&str, &str, &str); 3] =
    [("FD6288_F051", "F051", "PA2"), ("AM32REF_F051", "F051", "PB4"), ("GEN_64K_G071", "G071_64K", "PB4")];

#[test]
fn release_apps_arm_on_servo_pulses_and_dshot() {
    let Some(folder) = std::env::var_os("DRYFLASH_REAL_IMAGES") else {
        eprintln!("SKIPPED: DRYFLASH_REAL_IMAGES does not name a folder of release images, so no app was armed");
        return;
    };
    let folder = PathBuf::from(folder);
    let mut tried = 0;
    for (name, part, pin) in REAL {
        for version in ["2.16", "2.21"] {
            let app = folder.join(format!("apps/AM32_{name}_{version}.hex"));
            let (mcu, size) = part.split_once('_').map_or((part, String::new()), |(m, s)| (m, format!("_{s}")));
            let bootloader = folder.join(format!("bl/AM32_{mcu}_BOOTLOADER_{pin}{size}_V14.bin"));
            if !app.exists() || !bootloader.exists() {
                continue;
            }
            tried += 1;
            let (settings, page) = if part.starts_with('G') { (0x0800_F800, "2K") } else { (0x0800_7C00, "1K") };
            let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
            let page = built.join(format!("STANDIN_EEPROM_V2_{page}.bin"));
            let files = [(bootloader, 0x0800_0000), (app, 0x0800_1000), (page, settings)];
            let mut esc = Esc::new(part, None, &files, Engine::Auto);
            for protocol in [Servo, Dshot(300), Dshot(600), Bidirectional(300), Bidirectional(600)] {
                let what = format!("{name} {version}, {protocol}");
                let idle = Time::from_millis(3_000);
                let (wall, before) = (std::time::Instant::now(), esc.chip.instructions());
                let seen = esc.arming(protocol, idle);
                let speed = (esc.chip.instructions() - before) as f64 / wall.elapsed().as_secs_f64() / 1e6;
                println!("{what}: {:.1} s, {speed:.0} MIPS: {}", wall.elapsed().as_secs_f64(), row(&seen));
                assert!(seen.arms(), "{what}: {seen:?}");
                let input = seen.input.unwrap();
                assert_eq!((input.pin.to_string().as_str(), input.kind), (pin, protocol.kind()), "{what}");
                assert_eq!(input.bidirectional, matches!(protocol, Bidirectional(_)), "{what}");
            }
            let throttles = Dshot(600).throttles(Time::from_millis(3_000));
            let tried = ["PA2", "PB4", "PA6", "PA15", "PA0"].map(|p| p.parse::<Pin>().unwrap());
            let found = arms_on(&mut esc.chip, &esc.bench, &esc.at_jump, &throttles, &tried).unwrap();
            assert_eq!(found.iter().map(Pin::to_string).collect::<Vec<_>>(), [pin], "{name} {version}");
        }
    }
    assert!(tried > 0, "none of the apps is under {}", folder.display());
}

fn row(seen: &Arming) -> String {
    let time = |t: Option<Time>| t.map_or("-".to_owned(), |t| t.to_string());
    format!(
        "input {}, known {}, tone {}, on {}, without idle {}, reset {} after loss, {} without a signal",
        seen.input.as_ref().map_or("-".to_owned(), |i| format!("{} {} Hz x{}", i.kind, i.tick_hz, i.block)),
        time(seen.found_us),
        time(seen.tone_us),
        time(seen.armed_with_idle_us),
        seen.armed_without,
        time(seen.reset_when_lost_us),
        time(seen.reset_without_signal_us),
    )
}
