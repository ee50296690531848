//! The verdict on an app's life, with small apps of our own behind a stand-in bootloader: each lives, hangs or dies in
//! one way.

#[path = "support/asm.rs"]
mod asm;

use asm::*;
use dryflash::am32::{Given, Id, Role, Severity};
use dryflash::bus::ResetCause;
use dryflash::cpu::FaultKind;
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::PowerUp;
use dryflash::esc::alive::{Alive, Loop};
use dryflash::esc::boot::Author;
use dryflash::esc::{Ending, Options, Verdict, check};
use dryflash::image::Image;
use dryflash::report::{Style, text};
use dryflash::time::Time;
use std::collections::HashMap;
use std::path::Path;

const APP: u32 = 0x0800_1000;
const VECTORS: usize = 48;
const SETTINGS: u32 = 0x0800_7C00;
const SRAM: u32 = 0x2000_0000;

const APB2ENR: u32 = 0x4002_1018;
const APB1ENR: u32 = 0x4002_101C;
const IWDG: u32 = 0x4000_3000;
const TIM6: u32 = 0x4000_1000;
const ADC: u32 = 0x4001_2400;
const FLASH: u32 = 0x4002_2000;

/// How often TIM6 comes round.
const PERIOD: Time = Time::from_micros(500);

/// TIM6 with a period of 500 us; the stand-in bootloader leaves 48 MHz.
fn ticking() -> Item {
    let set = |offset, value: u32| poke(TIM6 + offset, value);
    Item::Many(vec![poke(APB1ENR, 1 << 4), set(0x28, 47), set(0x2C, 499), set(0x14, 1), set(0x10, 0), set(0x00, 1)])
}

/// Waits for `periods` of TIM6; uses R2 to R4.
fn pause(periods: u16) -> Item {
    Item::Many(vec![movs(4, periods), bl("pause")])
}

/// What [`pause`] calls.
fn pause_code() -> Item {
    Item::Many(vec![
        label("pause"),
        lit(2, TIM6),
        label("not yet"),
        ldr(3, 2, 0x10),
        cmp(3, 0),
        beq("not yet"),
        movs(3, 0),
        str(3, 2, 0x10),
        subs(4, 1),
        bne("not yet"),
        bx(LR),
    ])
}

/// Feeds the watchdog at the instruction with this name.
fn feed(name: &'static str) -> Item {
    Item::Many(vec![lit(0, IWDG), lit(1, 0xAAAA), label(name), str(1, 0, 0)])
}

/// A main loop that feeds the watchdog every 500 us.
fn main_loop() -> Item {
    Item::Many(vec![label("round"), feed("feed"), pause(1), b("round"), pause_code()])
}

/// Waits for a conversion that was never started.
fn hang() -> Item {
    Item::Many(vec![
        poke(APB2ENR, 1 << 9),
        lit(0, ADC),
        movs(2, 4),
        label("hung"),
        ldr(1, 0, 0),
        raw(0x4211), // tst r1, r2
        beq("hung"),
        b("hung"),
    ])
}

/// Vectors in SRAM, as AM32's apps for this part have them, and interrupts on.
fn interrupts() -> Item {
    Item::Many(vec![
        lit(0, APP),
        lit(1, SRAM),
        movs(2, VECTORS as u16),
        label("copy"),
        ldm(0, &[3]),
        stm(1, &[3]),
        subs(2, 1),
        bne("copy"),
        poke(APB2ENR, 1),
        poke(0x4001_0000, 3),
        cpsie(),
    ])
}

/// A verdict on an app, and where its labels are.
struct Seen {
    verdict: Verdict,
    labels: HashMap<&'static str, u32>,
}

/// Vectors, the program, and a name tag; and where its labels are.
fn image(base: u32, program: &[Item]) -> (Vec<u8>, HashMap<&'static str, u32>) {
    let Assembled { code, labels } = assemble(base + 4 * VECTORS as u32, program);
    let mut vectors = [0u32; VECTORS];
    vectors[0] = SRAM + 0x1000;
    for (name, number) in [("start", 1), ("hard fault", 3), ("systick", 15), ("tim6", 16 + 17)] {
        vectors[number] = labels.get(name).map_or(0, |address| address | 1);
    }
    let mut tag = [0u8; 32];
    tag[..9].copy_from_slice(b"TEST_F051");
    (vectors.iter().flat_map(|v| v.to_le_bytes()).chain(code).chain(tag).collect(), labels)
}

/// The files on an F051, powered with the signal low.
fn judge(files: Vec<(Image, Role)>, watched_ms: u64, engine: Engine) -> Verdict {
    let options = Options {
        part: Some(dryflash::part::find("F051").expect("a part that is modelled")),
        power_ups: vec![PowerUp::DECISIVE],
        app_limit: Time::from_millis(watched_ms),
        engine,
        ..Options::default()
    };
    let files = files.into_iter().map(|(image, role)| Given { image, role: Some(role) }).collect();
    check(files, &options, None).expect("the files fit")
}

fn bin(bytes: &[u8]) -> Image {
    Image::parse("own.bin", bytes, None).expect("a .bin")
}

fn look(program: &[Item], watched_ms: u64, engine: Engine) -> Seen {
    let (app, labels) = image(APP, program);
    let built = |name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
        Image::load(&path, None).expect("the stand-in firmware is in the repository")
    };
    let files = vec![
        (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), Role::Bootloader),
        (bin(&app), Role::App),
        (built("STANDIN_EEPROM_V2_1K.bin"), Role::Eeprom),
    ];
    Seen { verdict: judge(files, watched_ms, engine), labels }
}

/// A program watched for 1.5 s, as by default.
fn watch(program: &[Item]) -> Seen {
    look(program, 1_500, Engine::Auto)
}

impl Seen {
    fn ending(&self) -> &Ending {
        &self.verdict.runs[0].ending
    }

    fn alive(&self) -> Option<&Alive> {
        self.verdict.runs[0].app.as_ref().expect("the app was reached").alive.as_ref()
    }

    #[track_caller]
    fn main_loop(&self) -> &Loop {
        match self.alive() {
            Some(Alive::Loop(found)) => found,
            other => panic!("{other:?}, {:?}", self.ending()),
        }
    }

    /// Time since the app's first instruction.
    fn lived(&self) -> Time {
        let run = &self.verdict.runs[0];
        run.time_us - run.jump.expect("it jumped").time_us
    }

    /// Id and text of the findings that are errors or warnings.
    fn findings(&self) -> Vec<(Id, Severity, &str)> {
        let told = self.verdict.findings.iter().filter(|f| f.severity > Severity::Note);
        told.map(|f| (f.id, f.severity, f.message.as_str())).collect()
    }

    /// The only error, which says why the ESC would not start.
    #[track_caller]
    fn error(&self, id: Id) -> &str {
        assert!(!self.verdict.starts());
        let errors: Vec<_> = self.findings().into_iter().filter(|f| f.1 == Severity::Error).collect();
        assert!(matches!(errors[..], [(one, ..)] if one == id), "{errors:?}");
        errors[0].2
    }
}

/// `time`, or up to 2 us more: what the instructions around a wait take.
#[track_caller]
fn assert_about(seen: Time, time: Time) {
    assert!(seen >= time && seen.since(time) < Time::from_micros(2), "{seen}, not {time}");
}

#[test]
fn a_main_loop_is_told_with_its_times() {
    for engine in [Engine::Auto, Engine::Interpreter, Engine::Unicorn] {
        let seen = look(&[label("start"), ticking(), pause(10), main_loop()], 1_500, engine);
        assert_eq!(*seen.ending(), Ending::AppRuns);
        let found = seen.main_loop();
        assert_eq!(found.pc, seen.labels["feed"]);
        assert!(found.first_us >= Time::from_millis(5) && found.first_us < Time::from_micros(5_010), "{found:?}");
        for time in [found.interval_us, found.longest_us] {
            assert!(time.since(PERIOD) + PERIOD.since(time) < Time::from_micros(1), "{found:?}");
        }
        assert_eq!(found.interrupts, []);
        let app = seen.verdict.runs[0].app.as_ref().unwrap();
        assert_eq!(app.first_watchdog_reload_us, Some(found.first_us));
        assert!(seen.lived() < Time::from_millis(15), "it was watched for longer than needed: {}", seen.lived());
        assert_eq!(seen.findings(), []);
        assert!(seen.verdict.starts());
    }
}

#[test]
fn the_longest_round_is_told_apart_from_the_mean() {
    // One feed in nine, from the same place, comes 3 ms late.
    let program = [
        label("start"),
        ticking(),
        movs(7, 5),
        label("round"),
        feed("feed"),
        pause(1),
        subs(7, 1),
        bne("round"),
        pause(6),
        movs(7, 200),
        b("round"),
        pause_code(),
    ];
    let seen = watch(&program);
    let found = seen.main_loop();
    assert_about(found.longest_us, Time::from_micros(3_500));
    assert!(found.interval_us > PERIOD && found.interval_us < Time::from_micros(900), "{found:?}");
}

#[test]
fn interrupts_are_counted_by_name() {
    let program = [
        label("start"),
        interrupts(),
        ticking(),
        // Twice a millisecond, beside SysTick's once.
        poke(TIM6 + 0x0C, 1),
        poke(0xE000_E100, 1 << 17),
        poke(0xE000_E014, 47_999),
        poke(0xE000_E018, 0),
        poke(0xE000_E010, 7),
        label("round"),
        wfi(),
        feed("feed"),
        b("round"),
        label("systick"),
        bx(LR),
        label("tim6"),
        poke(TIM6 + 0x10, 0),
        bx(LR),
    ];
    let seen = watch(&program);
    let interrupts = &seen.main_loop().interrupts;
    let told: Vec<(&str, u64)> = interrupts.iter().map(|i| (i.name.as_str(), i.taken)).collect();
    let ms = seen.lived().0 / 1_000_000_000;
    assert!(ms >= 5, "{}", seen.lived());
    let [("TIM6", tim6), ("SysTick", systick)] = told[..] else { panic!("{told:?}") };
    assert!((2 * ms - 1..=2 * ms + 1).contains(&tim6) && (ms - 1..=ms).contains(&systick), "{told:?} in {ms} ms");
}

#[test]
fn the_pwm_at_the_main_loop_is_told() {
    let tim1 = |offset: u32, value: u32| poke(0x4001_2C00 + offset, value);
    let program = [
        label("start"),
        ticking(),
        poke(APB2ENR, 1 << 11),
        tim1(0x2C, 1_999),
        tim1(0x34, 200),
        // PWM mode 1 on channel 1, output on, counting.
        tim1(0x18, 0x60),
        tim1(0x20, 1),
        tim1(0x44, 0x8000),
        tim1(0x00, 1),
        main_loop(),
    ];
    let seen = watch(&program);
    let [pwm] = &seen.main_loop().pwm[..] else { panic!("{:?}", seen.main_loop()) };
    assert_eq!((pwm.timer.as_str(), pwm.hz, &pwm.channels[..], pwm.duty_permille), ("TIM1", 24_000, &[1][..], 100));
    let report = text::verdict(&seen.verdict, Style::default());
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("; TIM1 puts out 24.0 kHz on channels 1, at most 10.0 %"), "{report}");
}

#[test]
fn an_app_that_hangs_is_a_warning() {
    let seen = look(&[label("start"), hang()], 200, Engine::Auto);
    assert_eq!(*seen.ending(), Ending::AppRuns);
    let Some(Alive::Silent { reloads: 0, polled, pc, watched_us }) = seen.alive() else { panic!("{:?}", seen.alive()) };
    assert_eq!((polled[0].name.as_str(), polled[0].pc), ("ADC ISR", seen.labels["hung"]));
    assert!((seen.labels["hung"]..seen.labels["hung"] + 8).contains(pc));
    assert_about(*watched_us, Time::from_millis(200));
    let at = seen.labels["hung"];
    let told = format!(
        "the app runs, but not in a main loop: it polls ADC ISR at PC 0x{at:08X} and had fed no watchdog after 200.00 ms"
    );
    assert_eq!(seen.findings(), [(Id::RUN_APP_SILENT, Severity::Warning, told.as_str())]);
    assert!(seen.verdict.starts());
}

#[test]
fn a_watchdog_that_is_never_fed_resets_the_chip() {
    let seen = watch(&[label("start"), poke(IWDG, 0xCCCC), hang()]);
    let Ending::AppReset { cause: ResetCause::Iwdg, pc } = *seen.ending() else { panic!("{:?}", seen.ending()) };
    assert!((seen.labels["hung"]..seen.labels["hung"] + 8).contains(&pc), "0x{pc:08X}");
    // 4096 counts of LSI / 4.
    assert!(seen.lived() >= Time::from_micros(409_600) && seen.lived() < Time::from_millis(410), "{}", seen.lived());
    let told = seen.error(Id::RUN_WATCHDOG);
    let doing = format!(": the app had not fed it, and it polls ADC ISR at PC 0x{:08X}", seen.labels["hung"]);
    assert!(told.starts_with("the watchdog reset the chip after ") && told.ends_with(&doing), "{told}");
    assert_eq!(seen.alive(), None);
    let report = text::verdict(&seen.verdict, Style::default());
    assert!(report.contains(&format!("the app resets at PC 0x{pc:08X} after ")), "{report}");
    assert!(report.contains(&format!("polls ADC ISR at PC 0x{:08X}", seen.labels["hung"])), "{report}");
}

#[test]
fn the_last_feed_before_the_watchdog_is_told() {
    let start = [label("start"), ticking(), poke(IWDG, 0xCCCC), feed("once"), pause(40), feed("twice"), hang()];
    let seen = watch(&[&start[..], &[pause_code()]].concat());
    let run = &seen.verdict.runs[0];
    let last = run.app.as_ref().unwrap().last_watchdog_reload_us.expect("it was fed");
    assert!(last >= Time::from_millis(20) && last < Time::from_micros(20_010), "{last}");
    let fed = format!("the app had last fed it at {}, and ", run.jump.unwrap().time_us + last);
    assert!(seen.error(Id::RUN_WATCHDOG).contains(&fed), "{}", seen.error(Id::RUN_WATCHDOG));
}

#[test]
fn a_late_fault_is_a_fault_of_the_app() {
    let seen = watch(&[label("start"), ticking(), pause(100), label("bad"), udf(0), pause_code()]);
    let Ending::AppFault { fault: FaultKind::Undefined { .. }, pc } = *seen.ending() else {
        panic!("{:?}", seen.ending())
    };
    assert_eq!(pc, seen.labels["bad"]);
    let app = seen.verdict.runs[0].app.as_ref().unwrap();
    assert!(app.time_us < Time::from_millis(50), "its first instructions went well");
    assert!(seen.lived() >= Time::from_millis(50) && seen.lived() < Time::from_millis(51), "{}", seen.lived());
    assert!(seen.error(Id::RUN_APP_FAULT).contains(&format!("PC 0x{pc:08X}")));
}

#[test]
fn an_app_may_reset_itself() {
    for engine in [Engine::Auto, Engine::Interpreter, Engine::Unicorn] {
        let reset = poke(0xE000_ED0C, 0x05FA_0004);
        let program = [label("start"), ticking(), pause(200), reset, label("behind"), b("behind"), pause_code()];
        let seen = look(&program, 1_500, engine);
        assert_eq!(*seen.ending(), Ending::AppReset { cause: ResetCause::Software, pc: seen.labels["behind"] });
        assert!(seen.lived() >= Time::from_millis(100) && seen.lived() < Time::from_millis(101), "{}", seen.lived());
        let told = seen.error(Id::RUN_APP_RESET);
        assert!(told.starts_with(&format!("the app reset the chip at PC 0x{:08X} after ", seen.labels["behind"])));
        assert!(told.ends_with("software (SYSRESETREQ)"), "{told}");
    }
}

#[test]
fn resets_before_any_app_are_the_watchdogs_only_if_it_made_them() {
    let by_itself = [label("start"), poke(0xE000_ED0C, 0x05FA_0004), label("on"), b("on")];
    let by_watchdog =
        [label("start"), poke(IWDG, 0xCCCC), poke(IWDG, 0x5555), poke(IWDG + 8, 9), poke(IWDG, 0xAAAA), hang()];
    for (program, cause, id) in
        [(&by_itself[..], ResetCause::Software, Id::RUN_NO_JUMP), (&by_watchdog, ResetCause::Iwdg, Id::RUN_WATCHDOG)]
    {
        let (bytes, _) = image(0x0800_0000, program);
        let verdict = judge(vec![(bin(&bytes), Role::Bootloader)], 1_500, Engine::Auto);
        assert_eq!(verdict.runs[0].ending, Ending::Resets { cause });
        let told = verdict.findings.iter().find(|f| f.message.contains("resets again and again"));
        assert_eq!(told.map(|f| f.id), Some(id), "{:?}", verdict.findings);
        assert!(!verdict.starts());
    }
}

/// Waits until the flash is ready; R0 is its base. Uses R2 and R3.
fn flash_ready(name: &'static str) -> Item {
    Item::Many(vec![label(name), ldr(2, 0, 0x0C), movs(3, 1), raw(0x421A), bne(name)])
}

/// Sets a byte of the copy in SRAM.
fn patch(at: u32, byte: u16) -> Item {
    Item::Many(vec![lit(0, SRAM + 0x400 + at), movs(1, byte), strb(1, 0, 0)])
}

#[test]
fn settings_that_the_app_rewrites_are_decoded() {
    let program = [
        label("start"),
        // The page into SRAM, with layout 4 and firmware 2.21.
        lit(0, SETTINGS),
        lit(1, SRAM + 0x400),
        lit(2, 256),
        label("save"),
        ldm(0, &[3]),
        stm(1, &[3]),
        subs(2, 1),
        bne("save"),
        patch(1, 4),
        patch(3, 2),
        patch(4, 21),
        // Unlock, erase.
        lit(0, FLASH),
        lit(1, 0x4567_0123),
        str(1, 0, 0x04),
        lit(1, 0xCDEF_89AB),
        str(1, 0, 0x04),
        movs(1, 2),
        str(1, 0, 0x10),
        lit(1, SETTINGS),
        str(1, 0, 0x14),
        movs(1, 0x42),
        str(1, 0, 0x10),
        flash_ready("erasing"),
        // Half-word by half-word.
        movs(1, 1),
        str(1, 0, 0x10),
        lit(4, SETTINGS),
        lit(5, SRAM + 0x400),
        lit(6, 512),
        label("write"),
        ldrh(1, 5, 0),
        strh(1, 4, 0),
        flash_ready("programming"),
        adds(4, 2),
        adds(5, 2),
        subs(6, 1),
        bne("write"),
        ticking(),
        main_loop(),
    ];
    let seen = watch(&program);
    seen.main_loop();
    let [page] = &seen.verdict.runs[0].changed[..] else { panic!("{:?}", seen.verdict.runs[0].changed) };
    assert_eq!((page.by, page.address, page.erased, page.bytes), (Author::App, SETTINGS, 1, 3));
    let settings = page.settings.as_ref().expect("they can be decoded");
    assert_eq!((settings.before.layout, settings.after.layout), (2, 4));
    assert!(settings.before.tuning.is_none() && settings.after.tuning.is_some());
    let report = text::verdict(&seen.verdict, Style::default());
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = "settings: layout 2 -> 4, firmware 1.35 -> 2.21, bytes 5 to 13 are tuning now, not a name";
    assert!(report.contains(line), "{report}");
    // No name told a version: the run alone shows it.
    let told = seen.findings().into_iter().find(|f| f.0 == Id::EEPROM_REWRITTEN).expect("it is told");
    assert_eq!((told.1, told.2), (Severity::Note, "the app rewrote the settings at 0x08007C00, layout 2 -> 4"));
    assert!(seen.verdict.starts());
}

#[test]
fn without_a_limit_only_the_first_instructions_count() {
    let seen = look(&[label("start"), hang()], 0, Engine::Auto);
    assert_eq!((seen.ending(), seen.alive()), (&Ending::AppRuns, None));
    let app = seen.verdict.runs[0].app.as_ref().unwrap();
    assert!(app.instructions >= 10_000 && app.time_us < Time::from_millis(2), "{app:?}");
    assert_eq!(seen.findings(), []);
    assert!(seen.verdict.starts());
}

#[test]
fn reloads_from_many_places_are_no_loop() {
    // Nine times round: ninety reloads, but none from one place ten times.
    let mut program = vec![label("start"), ticking(), movs(7, 9), label("round")];
    for name in ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"] {
        program.extend([feed(name), pause(1)]);
    }
    program.extend([subs(7, 1), bne("round"), hang(), pause_code()]);
    let seen = look(&program, 100, Engine::Auto);
    assert!(matches!(seen.alive(), Some(Alive::Silent { reloads: 90, .. })), "{:?}", seen.alive());
    let told = seen.findings();
    assert!(
        matches!(told[..], [(Id::RUN_APP_SILENT, Severity::Warning, text)] if text.contains("the watchdog 90 times only")),
        "{told:?}"
    );
}
