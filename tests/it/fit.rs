//! Apps that start and fail later: at the first frame, at the next power-up, after a while in their main loop.

use crate::support::apps::*;
use crate::support::asm::*;
use dryflash::am32::{Id, Role, Severity};
use dryflash::bus::ResetCause;
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::alive::Alive;
use dryflash::esc::{Ending, Options, Verdict};
use dryflash::time::Time;

const NVIC_ISER: u32 = 0xE000_E100;

/// The app's image behind the bootloader, after `change` has had it.
fn changed(program: &[Item], options: Options, change: impl FnOnce(&mut Vec<u8>)) -> Verdict {
    let (mut app, _) = image(APP, program);
    change(&mut app);
    let files = vec![
        (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), Role::Bootloader),
        (bin(&app), Role::App),
        (built("STANDIN_EEPROM_V2_1K.bin"), Role::Eeprom),
    ];
    judge_with(files, options)
}

/// AM32's name tag at its place.
fn tagged(app: &mut Vec<u8>) {
    app.resize(0x7BE0 - 0x1000, 0xFF);
    app.extend(b"TEST_F051");
    app.resize(0x7C00 - 0x1000, 0);
}

fn told(verdict: &Verdict) -> Vec<(Id, Severity)> {
    verdict.findings.iter().filter(|f| f.severity > Severity::Note).map(|f| (f.id, f.severity)).collect()
}

#[test]
fn a_vector_that_leads_nowhere_is_an_error_where_its_interrupt_is_enabled() {
    // TIM6 never interrupts here: only the table tells.
    let program = |enabled: u32| {
        let enable = poke(NVIC_ISER, enabled);
        [label("start"), interrupts(), enable, ticking(), main_loop(), label("tim6"), bx(LR)]
    };
    let at = 4 * (16 + 17);
    let with = |enabled, change: fn(&mut u32)| {
        changed(&program(enabled), options(200), |app| {
            let mut vector = u32::from_le_bytes(app[at..at + 4].try_into().unwrap());
            change(&mut vector);
            app[at..at + 4].copy_from_slice(&vector.to_le_bytes());
        })
    };
    for (change, lacks) in [
        ((|v| *v &= !1) as fn(&mut u32), "lowest bit"),
        (|v| *v = 0x0800_6001, "there is no code"),
        (|v| *v = 0x3000_0001, "there is no code"),
    ] {
        let verdict = with(1 << 17, change);
        assert_eq!(told(&verdict), [(Id::RUN_BAD_VECTOR, Severity::Error)]);
        let message = &verdict.findings[0].message;
        assert!(message.contains("TIM6's interrupt") && message.contains("0x20000084") && message.contains(lacks));
        assert!(verdict.app_runs && !verdict.starts());
        assert!(with(0, change).starts(), "nobody asks for it");
    }
    assert!(with(1 << 17, |_| ()).starts());
}

/// A main loop that leaves the timer to its handler.
fn busy_loop() -> Item {
    Item::Many(vec![label("round"), feed("feed"), movs(5, 200), label("busy"), subs(5, 1), bne("busy"), b("round")])
}

#[test]
fn the_main_loop_of_an_app_of_am32s_gets_interrupts() {
    let on = by_interrupts(vec![busy_loop()], vec![toggle()]);
    let off = by_interrupts(vec![cpsid(), busy_loop()], vec![toggle()]);
    let silent = by_interrupts(vec![poke(TIM6 + 0x0C, 0), busy_loop()], vec![toggle()]);
    for (program, why) in [(&on, None), (&off, Some("PRIMASK")), (&silent, Some("none of those that are enabled"))] {
        let verdict = changed(program, options(300), tagged);
        assert_eq!(verdict.starts(), why.is_none(), "{:?}", verdict.findings);
        if let Some(why) = why {
            assert_eq!(told(&verdict), [(Id::RUN_NO_INTERRUPTS, Severity::Error)]);
            assert!(verdict.findings[0].message.contains(why), "{}", verdict.findings[0].message);
        }
        // Somebody else's app may go round without.
        assert!(changed(program, options(300), |_| ()).starts());
    }
}

#[test]
fn a_reset_vector_that_leads_nowhere_is_the_apps_fault() {
    let program = [label("start"), ticking(), main_loop()];
    for wrong in [0x0800_10C0u32, 0x0800_8001] {
        let verdict = changed(&program, options(200), |app| app[4..8].copy_from_slice(&wrong.to_le_bytes()));
        assert!(matches!(verdict.runs[0].ending, Ending::AppFault { .. }), "{wrong:08X}: {:?}", verdict.runs[0].ending);
        assert_eq!(told(&verdict), [(Id::RUN_APP_FAULT, Severity::Error)], "{wrong:08X}");
    }
}

/// Feeds the watchdog `rounds` times, every 500 us; what follows is at "then".
fn some_rounds(rounds: u16, then: Item) -> Vec<Item> {
    let count = Item::Many(vec![movs(7, rounds), label("round"), feed("feed"), pause(1), subs(7, 1), bne("round")]);
    vec![label("start"), ticking(), count, label("then"), then, pause_code()]
}

#[test]
fn a_loop_that_leaves_off_is_no_main_loop() {
    // It leaves off 1 ms after it is found: that shows within the rounds that follow.
    let seen = look(&some_rounds(102, spin()), 500, Engine::Auto);
    assert_eq!(seen.hung().pc, seen.labels["spin"]);
    seen.error(Id::RUN_APP_SILENT);
    // A round that takes its time is none that leaves off.
    let long = Item::Many(vec![pause(100), movs(7, 200), b("round")]);
    let seen = look(&some_rounds(102, long), 500, Engine::Auto);
    assert!(seen.verdict.starts(), "{:?}", seen.verdict.findings);
}

#[test]
fn where_its_time_is_given_the_main_loop_is_watched_to_the_end() {
    let whole = |program: &[Item]| changed(program, Options { whole: true, ..options(1_000) }, |_| ());
    // 255 rounds take 128 ms; the loop is found after 50.
    let hangs = some_rounds(255, spin());
    assert!(look(&hangs, 1_000, Engine::Auto).verdict.starts());
    assert_eq!(told(&whole(&hangs)), [(Id::RUN_APP_SILENT, Severity::Error)]);
    let faults = some_rounds(255, raw(0xDE00));
    assert!(!whole(&faults).starts());
    // An app that resets itself has started.
    let resets = some_rounds(255, Item::Many(vec![poke(0xE000_ED0C, 0x05FA_0004), spin()]));
    assert!(whole(&resets).starts());
    let verdict = whole(&[label("start"), ticking(), main_loop()]);
    assert!(verdict.starts() && verdict.runs[0].time_us > Time::from_millis(1_000));
}

#[test]
fn what_is_seen_of_an_app_is_seen_before_it_resets_itself() {
    // TIM3's first channel captures, and PB4 leads to it.
    let capture = Item::Many(vec![
        poke(APB1ENR, 1 << 4 | 1 << 1),
        poke(AHBENR, 1 << 18),
        poke(GPIOB, 2 << 8),
        poke(GPIOB + 0x20, 1 << 16),
        poke(0x4000_0418, 1),
        poke(0x4000_0420, 0xB),
    ]);
    let reset = Item::Many(vec![poke(0xE000_ED0C, 0x05FA_0004), spin()]);
    let mut program = some_rounds(255, reset);
    program.insert(2, capture);
    let verdict = changed(&program, Options { whole: true, ..options(1_000) }, |_| ());
    let app = verdict.runs[0].app.as_ref().unwrap();
    assert_eq!(app.signal.iter().map(|s| s.pin.to_string()).collect::<Vec<_>>(), ["PB4"]);
    let Some(Alive::Loop(found)) = &app.alive else { panic!("{:?}", app.alive) };
    let reset = found.reset_us.expect("it is told");
    assert!(reset > Time::from_millis(127) && reset < Time::from_millis(129), "{reset}");
    assert!(verdict.starts(), "{:?}", verdict.findings);
}

#[test]
fn a_loop_on_the_way_to_the_main_loop_is_followed_no_further() {
    // 255 rounds of 500 us, each with a store, and the limit falls in between.
    let count = Item::Many(vec![movs(7, 255), label("wait"), toggle(), pause(1), subs(7, 1), bne("wait")]);
    let program = [label("start"), ticking(), poke(AHBENR, 1 << 18), count, main_loop()];
    let seen = look(&program, 50, Engine::Auto);
    let found = seen.main_loop();
    assert!(found.first_us > Time::from_millis(127) && found.first_us < Time::from_millis(130), "{found:?}");
}

#[test]
fn a_window_watchdog_is_waited_for() {
    let clock = poke(APB1ENR, 1 << 11 | 1 << 4);
    // The slowest: 4,096 x 8 x 64 cycles of 48 MHz are 44 ms.
    let start = Item::Many(vec![poke(0x4000_2C04, 0x1FF), poke(0x4000_2C00, 0xFF)]);
    let seen = look(&[label("start"), ticking(), clock, start, main_loop()], 1_000, Engine::Auto);
    assert!(matches!(seen.ending(), Ending::AppReset { cause: ResetCause::Wwdg, .. }), "{:?}", seen.ending());
    assert!(!seen.verdict.starts());
}

/// Unlocks the flash and erases the page at `page`.
fn erase(page: u32) -> Item {
    Item::Many(vec![
        poke(FLASH + 4, 0x4567_0123),
        poke(FLASH + 4, 0xCDEF_89AB),
        poke(FLASH + 0x10, 2),
        poke(FLASH + 0x14, page),
        poke(FLASH + 0x10, 2 | 0x40),
        lit(0, FLASH),
        flash_ready("erased"),
        poke(FLASH + 0x10, 0),
    ])
}

/// Programs a half-word.
fn program(at: u32, value: u16) -> Item {
    let store = Item::Many(vec![lit(0, at), lit(1, u32::from(value)), raw(0x8001)]); // strh r1, [r0]
    Item::Many(vec![poke(FLASH + 0x10, 1), store, lit(0, FLASH), flash_ready("programmed"), poke(FLASH + 0x10, 0)])
}

#[test]
fn an_esc_that_starts_once_only_is_told() {
    let after = |work: Vec<Item>| {
        let work = [vec![label("start"), ticking()], work, vec![main_loop()]].concat();
        look(&work, 1_000, Engine::Auto)
    };
    let seen = after(vec![erase(0x0800_0000)]);
    let message = seen.error(Id::RUN_NEXT_START);
    assert!(message.starts_with("it starts once only: the app changed ") && seen.verdict.app_runs, "{message}");
    let seen = after(vec![erase(SETTINGS), program(SETTINGS, 0x0200)]);
    let message = seen.error(Id::RUN_NEXT_START);
    assert!(message.contains("left the boot byte at 0x08007C00 as 00"), "{message}");
    // A boot byte alone lets it start anew, on FF for settings.
    let seen = after(vec![erase(SETTINGS), program(SETTINGS, 0x0201)]);
    assert!(seen.verdict.app_runs, "{:?}", seen.findings());
    let message = seen.error(Id::SETTINGS_SPOILT);
    assert!(message.starts_with("after the app has run: an app took FF bytes for settings"), "{message}");
    // Behind the bootloader's code: it starts all the same.
    let seen = after(vec![erase(0x0800_0C00)]);
    let told = seen.findings();
    if seen.verdict.starts() {
        assert!(told.is_empty() || told[0].0 == Id::RUN_NEXT_START && told[0].1 == Severity::Warning, "{told:?}");
    }
}
