//! `wfi`, `wfe`, `sev`, SEVONPEND, SLEEPONEXIT.

use super::*;

const SLEEPONEXIT: u32 = 1 << 1;
const SEVONPEND: u32 = 1 << 4;

/// SysTick once, some hundred cycles from now.
fn tick_soon() -> Item {
    Item::Many(vec![poke(0xE000_E014, 400), poke(0xE000_E018, 0), poke(0xE000_E010, 7)])
}

/// `wfi` sleeps until an interrupt comes, and the handler runs before the next instruction (DDI0419 B1.5.19).
#[test]
fn wfi_sleeps_until_an_interrupt() {
    let program = [label("start"), tick_soon(), mark(1), stop("sleep"), wfi(), mark(2), done(), handler("systick", 15)];
    each(&program, |rig| {
        rig.go("sleep");
        let before = rig.cycle();
        rig.go("systick");
        assert!(rig.cycle() - before > 300);
        rig.go("done");
        assert_eq!(rig.trace(), [1, 15, 2]);
    });
}

/// With PRIMASK set `wfi` wakes without the handler (DDI0419 B1.5.19).
#[test]
fn wfi_wakes_with_primask_set_and_takes_nothing() {
    let program = [
        label("start"),
        cpsid(),
        tick_soon(),
        stop("sleep"),
        wfi(),
        label("behind"),
        mark(2),
        cpsie(),
        nop(),
        mark(3),
        done(),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("sleep");
        let before = rig.cycle();
        rig.go("behind");
        assert!(rig.cycle() - before > 300);
        rig.go("done");
        assert_eq!(rig.trace(), [2, 15, 3]);
    });
}

/// What is pending already lets `wfi` through at once (DDI0419 B1.5.19).
#[test]
fn wfi_falls_through_when_something_is_pending() {
    let program = [
        label("start"),
        cpsid(),
        poke(ISER, 1),
        poke(ISPR, 1),
        stop("sleep"),
        wfi(),
        label("behind"),
        mark(1),
        done(),
        handler("irq0", 0xA0),
    ];
    each(&program, |rig| {
        rig.go("sleep");
        let before = rig.cycle();
        rig.go("behind");
        assert!(rig.cycle() - before <= 4);
        rig.go("done");
        assert_eq!(rig.trace(), [1]);
    });
}

/// What is disabled or not urgent enough does not wake (DDI0419 B1.5.19).
#[test]
fn wfi_does_not_wake_for_what_could_not_be_taken() {
    let disabled = [label("start"), poke(ISPR, 1), wfi(), mark(1), done(), handler("irq0", 0xA0)];
    each(&disabled, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, Vec::<u8>::new())));
    let in_handler = [
        label("start"),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        done(),
        label("irq0"),
        poke(ISPR, 0b10),
        wfi(),
        mark(1),
        bx(LR),
        handler("irq1", 0xA1),
    ];
    each(&in_handler, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, Vec::<u8>::new())));
}

/// `sev` sets the event register; `wfe` finds it set, clears it and goes on; the next one sleeps (DDI0419 B1.5.18).
#[test]
fn wfe_takes_one_event() {
    let program = [label("start"), sev(), sev(), wfe(), mark(1), wfe(), mark(2), done()];
    each(&program, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, vec![1])));
}

/// Entry and return each set the event register (DDI0419 B1.5.18): a `wfe` behind either does not sleep.
#[test]
fn exceptions_are_events() {
    let program =
        [label("start"), svc(0), wfe(), mark(1), wfe(), mark(2), done(), label("svcall"), wfe(), mark(11), bx(LR)];
    each(&program, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, vec![11, 1])));
    let twice = [label("start"), svc(0), done(), label("svcall"), wfe(), mark(11), wfe(), mark(12), bx(LR)];
    each(&twice, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, vec![11])));
}

/// `wfe` sleeps until an interrupt is taken (DDI0419 B1.5.18).
#[test]
fn wfe_wakes_for_an_interrupt() {
    let program = [label("start"), tick_soon(), stop("sleep"), wfe(), mark(2), done(), handler("systick", 15)];
    each(&program, |rig| {
        rig.go("sleep");
        let before = rig.cycle();
        rig.go("done");
        assert!(rig.cycle() - before > 300);
        assert_eq!(rig.trace(), [15, 2]);
    });
}

/// Unlike `wfi`, `wfe` sleeps on when PRIMASK keeps the interrupt out (DDI0419 B1.5.18, B1.5.19).
#[test]
fn wfe_does_not_wake_for_what_primask_holds_back() {
    let program = [label("start"), cpsid(), tick_soon(), wfe(), mark(1), done(), handler("systick", 15)];
    each(&program, |rig| {
        let halt = rig.run(500);
        assert!(matches!(halt, Halt::Asleep | Halt::Time), "{halt:?}");
        assert!(rig.trace().is_empty());
    });
}

/// With SEVONPEND an interrupt that becomes pending is an event, masked or disabled as it may be (DDI0419 B3.2.7).
#[test]
fn sevonpend_makes_pending_an_event() {
    let asleep = [
        label("start"),
        cpsid(),
        poke(SCR, SEVONPEND),
        tick_soon(),
        stop("sleep"),
        wfe(),
        mark(1),
        done(),
        handler("systick", 15),
    ];
    each(&asleep, |rig| {
        rig.go("sleep");
        let before = rig.cycle();
        rig.go("done");
        assert!(rig.cycle() - before > 300);
        assert_eq!(rig.trace(), [1]);
    });
    // Disabled, and pended before the wfe: the event is kept. Pended already, it is no news.
    let kept =
        [label("start"), poke(SCR, SEVONPEND), poke(ISPR, 1), wfe(), mark(1), poke(ISPR, 1), wfe(), mark(2), done()];
    each(&kept, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, vec![1])));
    let without = [label("start"), poke(ISPR, 1), wfe(), mark(1), done()];
    each(&without, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, Vec::<u8>::new())));
}

/// With SLEEPONEXIT the return to Thread mode sleeps; no instruction of it runs between handlers (DDI0419 B1.5.20).
#[test]
fn sleeponexit_runs_handlers_only() {
    let program = [
        label("start"),
        poke(0xE000_E014, 400),
        poke(0xE000_E018, 0),
        poke(SCR, SLEEPONEXIT),
        movs(4, 3),
        poke(0xE000_E010, 7),
        wfi(),
        mark(1),
        done(),
        label("systick"),
        mark(15),
        subs(4, 1),
        bne("again"),
        poke(SCR, 0),
        label("again"),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [15, 15, 15, 1]);
    });
}

/// SLEEPONEXIT does not concern a return into a handler (DDI0419 B1.5.20).
#[test]
fn sleeponexit_lets_handlers_go_on() {
    let program = [
        label("start"),
        poke(SCR, SLEEPONEXIT),
        poke(IPR, 0x00_C0),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        mark(1),
        done(),
        label("irq0"),
        push(&[4, LR]),
        poke(ISPR, 0b10),
        mark(0xA0),
        pop(&[4, PC]),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| assert_eq!((rig.run(100), rig.trace()), (Halt::Asleep, vec![0xA1, 0xA0])));
}
