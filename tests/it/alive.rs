//! The verdict on an app's life, with small apps of our own behind a stand-in bootloader: each lives, hangs or dies in
//! one way.

use crate::support::apps::*;
use crate::support::asm::*;
use dryflash::am32::{Given, Id, Role, Severity};
use dryflash::bus::ResetCause;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::FaultKind;
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::alive::How;
use dryflash::esc::evidence::Author;
use dryflash::esc::{Ending, Options, PowerUp, Verdict, check};
use dryflash::flash::factory::Factory;
use dryflash::image::Image;
use dryflash::part;
use dryflash::report::{Render, Style, text};
use dryflash::time::Time;
use dryflash::wire::{Level, Waveform};

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
        assert!(seen.lived() < Time::from_millis(64), "it was watched for longer than needed: {}", seen.lived());
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
    let report = text::verdict(&seen.verdict, Style::thorough());
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("; TIM1 puts out 24.0 kHz on channels 1, at most 10.0 %"), "{report}");
}

#[test]
fn an_app_that_hangs_is_an_error() {
    for engine in [Engine::Auto, Engine::Interpreter, Engine::Unicorn] {
        let seen = look(&[label("start"), hang()], 200, engine);
        let at = seen.labels["hung"];
        let Ending::AppHangs { pc } = *seen.ending() else { panic!("{:?}", seen.ending()) };
        assert!((at..at + 8).contains(&pc), "0x{pc:08X}");
        let stand = seen.hung();
        assert_eq!((stand.reloads, stand.polled[0].name.as_str(), stand.polled[0].pc), (0, "ADC ISR", at));
        assert_about(stand.watched_us, Time::from_millis(200));
        let told = format!("the app hangs: it polls ADC ISR at PC 0x{at:08X}, and nothing is to come that changes it");
        assert_eq!(seen.error(Id::RUN_APP_SILENT), told);
        let report = text::verdict(&seen.verdict, Style::thorough());
        assert!(report.contains(&format!("the app hangs at PC 0x{pc:08X} (watched for 200.00 ms)")), "{report}");
        assert!(report.contains("This ESC would not start."), "{report}");
    }
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
    let report = text::verdict(&seen.verdict, Style::thorough());
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

#[test]
fn a_reset_forgets_all_that_is_told_of_a_run() {
    let store = Item::Many(vec![lit(0, 0x4800_0014), lit(1, 1), str(1, 0, 0)]);
    let program = [
        label("start"),
        ticking(),
        feed("feed"),
        store,
        pause(2),
        label("poll"),
        lit(0, IWDG),
        ldr(2, 0, 12),
        b("poll"),
        pause_code(),
    ];
    let (bytes, _) = image(0x0800_0000, &program);
    let mut chip = Chip::new(&part::find("F051").unwrap(), 1).unwrap();
    let factory = Factory::of(chip.board.flash.as_ref(), 4).cells(0x0800_0000, &bytes).unwrap();
    factory.install(chip.board.flash.as_mut()).unwrap();
    chip.power_on();
    assert_eq!(chip.run(Time::from_millis(20)), Halt::Time);
    let told = |chip: &Chip| {
        let (board, cycle) = (&chip.board, chip.now().cycle);
        (board.heartbeat.total() > 0, board.stores.since(0).next().is_some(), !board.polled(cycle).is_empty())
    };
    assert_eq!(told(&chip), (true, true, true));
    chip.reset(ResetCause::Pin);
    assert_eq!(told(&chip), (false, false, false));
}

#[test]
fn an_apps_version_is_told_by_running_it() {
    let (bytes, _) = image(APP, &rewriting());
    let verdict = |name: &str| {
        let app = Image::parse(name, &bytes, Some(APP)).unwrap();
        let files = vec![
            (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), Role::Bootloader),
            (app, Role::App),
            (built("STANDIN_EEPROM_V2_1K.bin"), Role::Eeprom),
        ];
        judge(files, 1_500, Engine::Auto)
    };
    let told = |verdict: &Verdict| {
        let app = verdict.pieces.iter().find(|p| p.role == Role::App).unwrap();
        let findings = verdict.findings.iter().filter(|f| f.id == Id::NAME_VERSION);
        (app.info.seen.firmware.map(|f| f.to_string()), findings.map(|f| f.message.clone()).collect::<Vec<_>>())
    };
    assert_eq!(told(&verdict("AM32_X_F051_2.21.bin")), (Some("2.21".to_owned()), vec![]));
    let json: serde_json::Value = serde_json::from_str(&verdict("AM32_X_F051_2.21.bin").json().unwrap()).unwrap();
    assert_eq!(json["files"][1]["by_running"]["firmware"], "2.21", "a string, as its schema has it");
    let (firmware, findings) = told(&verdict("AM32_X_F051_2.99.bin"));
    assert_eq!(firmware.as_deref(), Some("2.21"));
    let said = "its name says firmware 2.99, but when run it writes 2.21 into the settings, as its own version";
    assert_eq!(findings, [said]);
}

#[test]
fn settings_that_the_app_rewrites_are_decoded() {
    let program = rewriting();
    let seen = watch(&program);
    seen.main_loop();
    let [page] = &seen.verdict.runs[0].changed[..] else { panic!("{:?}", seen.verdict.runs[0].changed) };
    assert_eq!((page.by, page.address, page.erased, page.bytes), (Author::App, SETTINGS, 1, 3));
    let settings = page.settings.as_ref().expect("they can be decoded");
    assert_eq!((settings.before.layout(), settings.after.layout()), (2, 4));
    assert!(!settings.before.has_tuning() && settings.after.has_tuning());
    let report = text::verdict(&seen.verdict, Style::thorough());
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = "settings: layout 2 -> 4, firmware 1.35 -> 2.21, bytes 5 to 16 are settings now, not a name";
    assert!(report.contains(line), "{report}");
    // No name told a version: the run alone shows it.
    let told = seen.verdict.findings.iter().find(|f| f.id == Id::EEPROM_REWRITTEN).expect("it is told");
    let wanted = (Severity::Note, "the app rewrote the settings at 0x08007C00, layout 2 -> 4");
    assert_eq!((told.severity, told.message.as_str()), wanted);
    // It kept the name, where layout 4 has settings.
    let name = seen.error(Id::SETTINGS_NAME);
    assert!(
        name.starts_with("after the app has run: 'NEOESC f051' was written as a name over bytes 5 to 16"),
        "{name}"
    );
    assert!(seen.verdict.app_runs && !seen.verdict.starts());
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
    assert_eq!(seen.hung().reloads, 90);
    seen.error(Id::RUN_APP_SILENT);
}

#[test]
fn spinning_is_hanging_whether_interrupts_are_on_or_not() {
    let with_interrupts = [label("start"), interrupts(), poke(0xE000_E100, 1 << 17 | 1 << 27), spin()];
    // Pending for ever, and masked.
    let masked = [&by_interrupts(vec![cpsid(), spin()], vec![])[..], &[]].concat();
    // The flag that it waits for in SRAM nobody sets; with a call on the way.
    let memory = [
        label("start"),
        lit(0, SRAM + 0x800),
        movs(1, 0),
        str(1, 0, 0),
        label("spin"),
        bl("look"),
        cmp(1, 0),
        beq("spin"),
        b("spin"),
        label("look"),
        push(&[0, LR]),
        ldr(1, 0, 0),
        pop(&[0, PC]),
    ];
    for (n, program) in [&[label("start"), spin()][..], &with_interrupts, &masked, &memory].into_iter().enumerate() {
        let seen = look(program, 100, Engine::Auto);
        assert!(seen.hung().polled.is_empty(), "{n}: {:?}", seen.hung());
        let told = seen.error(Id::RUN_APP_SILENT);
        assert!(told.starts_with("the app hangs: it goes round at PC 0x0800"), "{n}: {told}");
        assert!(told.ends_with(", and no interrupt is to come"), "{n}: {told}");
    }
}

#[test]
fn a_handler_that_spins_hangs_the_app() {
    let program = by_interrupts(vec![spin()], vec![label("in the handler"), b("in the handler")]);
    let seen = look(&program, 100, Engine::Auto);
    assert_eq!(seen.hung().pc, seen.labels["in the handler"]);
    seen.error(Id::RUN_APP_SILENT);
}

#[test]
fn handlers_that_do_the_work_are_a_start() {
    let program = by_interrupts(vec![spin()], vec![toggle()]);
    for engine in [Engine::Auto, Engine::Unicorn] {
        let seen = look(&program, 200, engine);
        let works = seen.works();
        assert_eq!((works.how, works.interrupts[0].name.as_str()), (How::Handlers, "TIM6"));
        assert!(works.interrupts[0].taken.abs_diff(400) <= 2, "{works:?}");
        assert_eq!((seen.ending(), seen.findings()), (&Ending::AppRuns, vec![]));
        assert!(seen.verdict.starts());
        let report = text::verdict(&seen.verdict, Style::thorough());
        assert!(report.contains("at work in its handlers; interrupts: "), "{report}");
    }
}

/// AM32's apps feed a watchdog in their main loop: one that stands still in its thread while handlers come has not got there.
#[test]
fn handlers_alone_do_not_make_an_app_of_am32s() {
    let (mut app, _) = image(APP, &by_interrupts(vec![spin()], vec![toggle()]));
    let tag = (0x0800_7BE0 - APP) as usize;
    app.resize(tag, 0);
    app.extend(b"TEST_F051\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let files = vec![
        (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), Role::Bootloader),
        (bin(&app), Role::App),
        (built("STANDIN_EEPROM_V2_1K.bin"), Role::Eeprom),
    ];
    let verdict = judge(files, 200, Engine::Auto);
    assert!(matches!(verdict.runs[0].ending, Ending::AppUndecided { .. }), "{:?}", verdict.runs[0].ending);
    assert!(!verdict.starts() && verdict.findings.iter().any(|f| f.id == Id::RUN_APP_SILENT), "{:?}", verdict.findings);
}

#[test]
fn interrupts_do_not_excuse_a_poll_that_nothing_ends() {
    // The timer goes on and on, and the thread waits for a conversion that nobody has started.
    let seen = look(&by_interrupts(vec![hang()], vec![toggle()]), 200, Engine::Auto);
    let told = seen.undecided();
    assert!(told.contains("it polls ADC ISR at PC 0x"), "{told}");
}

#[test]
fn sleep_with_a_wake_up_to_come_is_a_start() {
    let program = by_interrupts(vec![label("nap"), wfi(), b("nap")], vec![]);
    let seen = look(&program, 200, Engine::Auto);
    assert_eq!(seen.works().how, How::Sleeps);
    assert!(seen.verdict.starts() && seen.findings().is_empty(), "{:?}", seen.findings());
    // The next one comes long after the limit: it is waited for.
    let slow = poke(TIM6 + 0x28, 0xFFFF);
    let program = by_interrupts(vec![slow, poke(TIM6 + 0x14, 1), label("nap"), wfi(), b("nap")], vec![]);
    let seen = look(&program, 100, Engine::Auto);
    assert_eq!(seen.works().how, How::Sleeps);
    assert!(seen.lived() > Time::from_millis(600), "{}", seen.lived());
}

#[test]
fn sleep_that_nothing_ends_is_an_error() {
    let seen = look(&[label("start"), label("nap"), wfi(), b("nap")], 100, Engine::Auto);
    let Ending::Asleep { pc } = *seen.ending() else { panic!("{:?}", seen.ending()) };
    let told = format!("the app hangs: it sleeps at PC 0x{pc:08X}, and nothing will wake it");
    assert_eq!(seen.error(Id::RUN_APP_SILENT), told);
}

#[test]
fn sleep_that_the_wire_may_end_is_undecided() {
    // EXTI line 4, both edges, of port B.
    let program = [
        label("start"),
        interrupts(),
        poke(AHBENR, 1 << 18),
        poke(0x4001_000C, 1),
        poke(EXTI + 0x08, 1 << 4),
        poke(EXTI + 0x0C, 1 << 4),
        poke(EXTI, 1 << 4),
        poke(0xE000_E100, 1 << 7),
        label("nap"),
        wfi(),
        b("nap"),
    ];
    let seen = look(&program, 100, Engine::Auto);
    let told = seen.undecided();
    assert!(told.contains("it sleeps at PC 0x") && told.contains("until something comes from outside"), "{told}");
}

#[test]
fn a_loop_of_its_own_without_a_watchdog_is_a_start() {
    // The same state each time; and one that counts its rounds in SRAM, so that no state comes back.
    let count = Item::Many(vec![lit(0, SRAM + 0x800), ldr(1, 0, 0), adds(1, 1), str(1, 0, 0)]);
    for (extra, periods, shortest) in [(nop(), 400, 0), (count, 40, 5_000)] {
        let program = [
            label("start"),
            poke(AHBENR, 1 << 18),
            ticking(),
            label("round"),
            toggle(),
            extra,
            pause(periods),
            b("round"),
            pause_code(),
        ];
        let seen = look(&program, 500, Engine::Auto);
        assert_eq!((seen.works().how, seen.ending()), (How::OwnLoop, &Ending::AppRuns));
        assert!(seen.verdict.starts() && seen.findings().is_empty(), "{:?}", seen.findings());
        assert!(seen.lived() >= Time::from_millis(500 + shortest), "{}", seen.lived());
    }
}

#[test]
fn what_may_still_lead_somewhere_is_undecided() {
    // A counter that runs; a countdown in a register; an input.
    let counter = [ticking(), lit(0, TIM6), label("wait"), ldr(1, 0, 0x24), cmp(1, 255), bne("wait"), b("wait")];
    let countdown = [lit(1, 0xFFFF_FFFF), label("wait"), subs(1, 1), bne("wait"), spin()];
    let input =
        [poke(AHBENR, 1 << 18), lit(0, GPIOB), movs(2, 16), label("wait"), ldr(1, 0, 0x10), raw(0x4211), beq("wait")];
    for (name, program) in [("TIM6 CNT", &counter[..]), ("stood at", &countdown), ("GPIOB IDR", &input)] {
        let seen = look(&[&[label("start")], program].concat(), 100, Engine::Auto);
        let told = seen.undecided();
        assert!(told.contains(name) && told.ends_with("had fed no watchdog after 100.00 ms"), "{told}");
        let finding = seen.verdict.findings.iter().find(|f| f.id == Id::RUN_APP_SILENT).unwrap();
        assert_eq!(finding.advice, "watch it for longer: --app-for 2000");
    }
}

#[test]
fn a_watchdog_is_waited_for_past_the_limit() {
    // 16 * 4000 ticks of the LSI: 1.6 s.
    let slow = Item::Many(vec![poke(IWDG, 0xCCCC), poke(IWDG, 0x5555), poke(IWDG + 4, 2), poke(IWDG + 8, 4000)]);
    let programs = [hang(), spin(), Item::Many(vec![label("nap"), wfi(), b("nap")])];
    for (n, end) in programs.into_iter().enumerate() {
        let seen = look(&[label("start"), slow.clone(), feed("once"), end], 100, Engine::Auto);
        let Ending::AppReset { cause: ResetCause::Iwdg, .. } = *seen.ending() else {
            panic!("{n}: {:?}", seen.ending())
        };
        assert!(seen.lived() > Time::from_millis(1_590), "{}", seen.lived());
        assert!(seen.error(Id::RUN_WATCHDOG).contains("the app had last fed it at "));
    }
}

/// A melody of 62 notes of 30 ms, as AM32's own settings hold at most; a reload before each.
fn melody() -> Item {
    Item::Many(vec![movs(7, 62), label("note"), feed("tune"), pause(60), subs(7, 1), bne("note")])
}

#[test]
fn the_main_loop_after_a_long_melody_is_found() {
    for engine in [Engine::Auto, Engine::Interpreter] {
        let seen = look(&[label("start"), ticking(), melody(), main_loop()], 1_500, engine);
        let found = seen.main_loop();
        assert_eq!(found.pc, seen.labels["feed"]);
        assert!(found.first_us > Time::from_millis(1_850), "{found:?}");
        assert!(found.interval_us < Time::from_micros(501) && found.longest_us < Time::from_micros(501), "{found:?}");
        assert!(seen.verdict.starts() && seen.findings().is_empty(), "{:?}", seen.findings());
    }
}

#[test]
fn an_app_that_hangs_after_a_long_melody_is_found() {
    let seen = watch(&[label("start"), ticking(), melody(), hang(), pause_code()]);
    let stand = seen.hung();
    assert_eq!((stand.reloads, stand.polled[0].pc), (62, seen.labels["hung"]));
    assert!(stand.watched_us > Time::from_millis(1_850), "{stand:?}");
    seen.error(Id::RUN_APP_SILENT);
}

#[test]
fn an_app_that_resets_itself_from_its_main_loop_has_started() {
    // After 400 rounds of 500 us, as AM32 does after two seconds without a signal.
    let program = [
        label("start"),
        ticking(),
        movs(7, 200),
        adds(7, 200),
        label("round"),
        feed("feed"),
        pause(1),
        subs(7, 1),
        bne("round"),
        poke(0xE000_ED0C, 0x05FA_0004),
        spin(),
        pause_code(),
    ];
    for limit in [1_500, 60_000] {
        let seen = look(&program, limit, Engine::Auto);
        assert_eq!(seen.main_loop().pc, seen.labels["feed"]);
        assert!(seen.verdict.starts() && seen.findings().is_empty(), "{:?}", seen.findings());
    }
}

/// A bootloader that turns no pin: it does `wait`, then starts the app.
fn bootloader(wait: Vec<Item>) -> Vec<u8> {
    let jump = vec![lit(0, APP), ldr(1, 0, 0), msr(MSP, 1), cpsid(), ldr(1, 0, 4), bx(1), pause_code()];
    let (mut bytes, _) = image(0x0800_0000, &[vec![label("start")], wait, jump].concat());
    // A name tag is an app's.
    bytes.truncate(bytes.len() - 32);
    bytes
}

fn boot(wait: Vec<Item>, limit: u64) -> Seen {
    // Nobody turns the clock up from 8 MHz: TIM6 comes round every 3 ms.
    let (app, labels) = image(APP, &[label("start"), ticking(), main_loop()]);
    let options = Options {
        part: Some(dryflash::part::find("F051").unwrap()),
        power_ups: vec![PowerUp::decisive()],
        limit: Time::from_millis(limit),
        ..Options::default()
    };
    let files = vec![
        Given { image: bin(&bootloader(wait)), role: Some(Role::Bootloader) },
        Given { image: bin(&app), role: Some(Role::App) },
        Given { image: built("STANDIN_EEPROM_V2_1K.bin"), role: Some(Role::Eeprom) },
    ];
    Seen { verdict: check(files, &options, None).expect("the files fit").0, labels }
}

#[test]
fn a_slow_bootloader_is_undecided_and_starts_when_it_is_watched_for_longer() {
    let slow = || vec![ticking(), pause(200)];
    let seen = boot(slow(), 400);
    let told = seen.error(Id::RUN_NO_JUMP);
    assert!(
        told.starts_with("undecided: the bootloader had not jumped after 400.00 ms; it was polling TIM6 SR"),
        "{told}"
    );
    let finding = seen.verdict.findings.iter().find(|f| f.id == Id::RUN_NO_JUMP).unwrap();
    assert_eq!(finding.advice, "watch it for longer: --for 2000");
    let report = text::verdict(&seen.verdict, Style::thorough());
    assert!(report.contains("stays in the bootloader: undecided (watched for 400.00 ms)"), "{report}");
    let seen = boot(slow(), 2_000);
    assert_eq!(seen.main_loop().pc, seen.labels["feed"]);
    // What counts down in a register reads nothing, and is not known to spin.
    let seen = boot(vec![lit(1, 0x00FF_FFFF), label("down"), subs(1, 1), bne("down")], 400);
    assert!(seen.error(Id::RUN_NO_JUMP).starts_with("undecided: "), "{:?}", seen.findings());
}

#[test]
fn a_bootloader_that_hangs_or_spins_is_none() {
    let seen = boot(vec![hang()], 400);
    assert!(seen.error(Id::RUN_HUNG_AT_CLOCK).contains("reads ADC ISR"), "{:?}", seen.findings());
    let seen = boot(vec![spin()], 400);
    assert!(seen.error(Id::RUN_NO_JUMP).contains("the code loops at PC 0x080000"), "{:?}", seen.findings());
}

#[test]
fn no_bootloader_decides_at_once() {
    let options = Options { limit: Time::from_millis(1), power_ups: vec![PowerUp::decisive()], ..Options::default() };
    let files = vec![Given { image: built("STANDIN_DRYFLASH_F051_2.20_FULL.bin"), role: None }];
    let (verdict, _) = check(files, &options, None).unwrap();
    let told = verdict.findings.iter().find(|f| f.id == Id::RUN_NO_JUMP).unwrap();
    assert!(told.message.starts_with("undecided: ") && told.advice.to_string().ends_with("--for 2000"), "{told:?}");
}

/// Two lists of the same changes are one wire, and a library's user gets one verdict for both.
#[test]
fn the_order_of_a_list_of_changes_does_not_matter() {
    let (high, low) = ((Time::from_millis(399), Level::High), (Time::from_millis(398), Level::Low));
    let wires = [[high, low], [low, high]].map(|changes| Waveform::levels(Level::High, changes));
    assert_eq!(wires[0], wires[1]);
    assert_eq!(wires[0].last_level(), Some(Level::High));
}
