//! The system timer.

use super::*;

const CSR: u32 = 0xE000_E010;
const RVR: u32 = 0xE000_E014;
const CVR: u32 = 0xE000_E018;
const CALIB: u32 = 0xE000_E01C;

/// Starts SysTick with this CSR and RVR.
fn start(csr: u32, reload: u32) -> Item {
    Item::Many(vec![poke(RVR, reload), poke(CVR, 0), poke(CSR, csr)])
}

/// One exception each RVR + 1 cycles of HCLK, or eight times that (DDI0419 B3.3.1).
#[test]
fn the_period_is_rvr_and_one() {
    for (csr, period) in [(7u32, 100u64), (3, 800)] {
        let program = [label("start"), start(csr, 99), stop("sleep"), wfi(), b("sleep"), label("systick"), bx(LR)];
        each(&program, |rig| {
            let mut last = None;
            for _ in 0..5 {
                rig.go("systick");
                let now = rig.cycle();
                assert_eq!(last.map_or(period, |l| now - l), period);
                last = Some(now);
                rig.go("sleep");
            }
        });
    }
}

/// Without TICKINT it counts and sets COUNTFLAG, which reading CSR clears (DDI0419 B3.3.3).
#[test]
fn countflag_is_set_by_the_count_and_cleared_by_reading() {
    let program = [
        label("start"),
        start(5, 30),
        peek(4, CSR),
        movs(1, 20),
        label("wait"),
        subs(1, 1),
        bne("wait"),
        ldr(5, 0, 0),
        ldr(6, 0, 0),
        done(),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (5, 0x0001_0005), "before and after");
        assert_eq!((rig.r(6), rig.trace()), (5, Vec::<u8>::new()), "read once");
    });
}

/// Any write clears CVR and COUNTFLAG, pends nothing, and the next clock reloads (DDI0419 B3.3.5).
#[test]
fn a_write_to_cvr_clears_it_without_an_exception() {
    let program = [
        label("start"),
        start(5, 30),
        movs(1, 20),
        label("wait"),
        subs(1, 1),
        bne("wait"),
        lit(0, CSR),
        movs(1, 7),
        str(1, 0, 0),
        lit(2, 0x1234),
        str(2, 0, 8),
        ldr(4, 0, 8),
        ldr(5, 0, 0),
        // Stopped: what it holds stays.
        movs(1, 0),
        str(1, 0, 0),
        ldr(6, 0, 8),
        str(2, 0, 8),
        ldr(3, 0, 8),
        done(),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("done");
        // The load comes 2 cycles after the store.
        assert_eq!((rig.r(4), rig.r(5)), (29, 7), "reloaded, no COUNTFLAG");
        assert!(rig.r(6) > 15 && rig.r(6) < 29, "{}", rig.r(6));
        assert_eq!((rig.r(3), rig.trace()), (0, Vec::<u8>::new()), "stopped, it stays at 0");
    });
}

/// The registers after reset, and what of them can be written (DDI0419 B3.3.2).
#[test]
fn registers_hold_what_they_have() {
    let program = [
        label("start"),
        peek(4, CSR),
        peek(5, CALIB),
        poke(CALIB, 0),
        poke(RVR, u32::MAX),
        peek(6, RVR),
        peek(3, CALIB),
        poke(CSR, 0xFFFF_FFF8),
        peek(2, CSR),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        let calib = if rig.m0 { 6000 } else { 1000 };
        assert_eq!((rig.r(4) & !4, rig.r(5) & 0x00FF_FFFF, rig.r(3) & 0x00FF_FFFF), (0, calib, calib));
        assert_eq!((rig.r(6), rig.r(2)), (0x00FF_FFFF, 0));
    });
}

/// RVR 0 stops it at the next reload (DDI0419 B3.3.4).
#[test]
fn a_reload_of_0_stops_it() {
    let program = [label("start"), start(7, 60), poke(RVR, 0), label("wait"), b("wait"), handler("systick", 15)];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Time);
        assert_eq!(rig.trace(), [15]);
    });
}

/// PENDSTCLR takes back a tick that PRIMASK held; PENDSTSET makes one without the timer (DDI0419 B3.2.4).
#[test]
fn a_tick_can_be_pended_and_cleared_by_hand() {
    let program = [
        label("start"),
        cpsid(),
        poke(ICSR, PENDSTSET),
        peek(4, ICSR),
        poke(ICSR, 1 << 25),
        peek(5, ICSR),
        cpsie(),
        nop(),
        mark(1),
        poke(ICSR, PENDSTSET),
        mark(2),
        done(),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (PENDSTSET | 15 << 12, 0));
        assert_eq!(rig.trace(), [1, 15, 2]);
    });
}

/// A tick that waits for long is one tick (DDI0419 B3.3.1).
#[test]
fn ticks_that_are_held_back_are_one() {
    let program = [
        label("start"),
        cpsid(),
        start(7, 49),
        movs(1, 200),
        label("wait"),
        subs(1, 1),
        bne("wait"),
        // Stopped before it is let in.
        movs(1, 0),
        str(1, 0, 0),
        cpsie(),
        nop(),
        mark(1),
        done(),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [15, 1]);
    });
}
