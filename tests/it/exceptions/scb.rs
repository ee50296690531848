//! The System Control Block, and where vectors come from.

use super::*;
use dryflash::bus::ResetCause;

const CPUID: u32 = 0xE000_ED00;
const VTOR: u32 = 0xE000_ED08;
const AIRCR: u32 = 0xE000_ED0C;
const CCR: u32 = 0xE000_ED14;

/// CPUID, AIRCR, CCR read as each core has them; CCR cannot be written (DDI0419 B3.2.3, B3.2.6, B3.2.8).
#[test]
fn identities_and_constants() {
    let program = [label("start"), poke(CPUID, 0), peek(2, CPUID), peek(3, AIRCR), poke(CCR, 0), peek(4, CCR), done()];
    each(&program, |rig| {
        rig.go("done");
        let cpuid = if rig.m0 { 0x410C_C200 } else { 0x410C_C601 };
        assert_eq!((rig.r(2), rig.r(3), rig.r(4)), (cpuid, 0xFA05_0000, 0x208));
    });
}

/// SCR, SHPR2 and SHPR3 hold the bits they have; the rest reads 0 (DDI0419 B3.2.7, B3.2.10, B3.2.11).
#[test]
fn writable_bits() {
    let program = [
        label("start"),
        poke(SCR, u32::MAX),
        peek(2, SCR),
        poke(SCR, 0),
        poke(SHPR2, u32::MAX),
        peek(3, SHPR2),
        poke(SHPR3, u32::MAX),
        peek(4, SHPR3),
        poke(SHPR3, 0x4080_0000),
        peek(5, SHPR3),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(2), rig.r(3), rig.r(4), rig.r(5)), (0x16, 0xC000_0000, 0xC0C0_0000, 0x4080_0000));
    });
}

/// VECTACTIVE is what IPSR says, even where a preempted handler's priority was raised above it (DDI0419 B3.2.4).
#[test]
fn vectactive_is_the_handler_that_runs() {
    let program = [
        label("start"),
        peek(2, ICSR),
        poke(IPR, 0x80_C0),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        done(),
        label("irq0"),
        push(&[4, LR]),
        peek(4, ICSR),
        poke(ISPR, 0b10),
        peek(6, ICSR),
        pop(&[3, PC]),
        label("irq1"),
        poke(IPR, 0x80_00),
        peek(5, ICSR),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(2), rig.r(4), rig.r(5), rig.r(6)), (0, 16, 17, 16));
    });
}

/// VECTPENDING is the most urgent that is pending and enabled, PRIMASK or not; ISRPENDING tells of interrupts
/// (DDI0419 B3.2.4).
#[test]
fn vectpending_and_isrpending() {
    let program = [
        label("start"),
        cpsid(),
        poke(ICSR, PENDSVSET),
        peek(2, ICSR),
        poke(IPR, 0x40_00_00_80),
        poke(SHPR3, 0x00C0_0000),
        poke(ISER, 0b1001),
        poke(ISPR, 0b1101),
        peek(3, ICSR),
        poke(ICPR, 0b1000),
        peek(4, ICSR),
        poke(ICPR, 0b0001),
        poke(ICSR, PENDSTSET),
        peek(5, ICSR),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        let isrpending = 1 << 22;
        assert_eq!(rig.r(2), PENDSVSET | 14 << 12);
        assert_eq!(rig.r(3), PENDSVSET | isrpending | 19 << 12);
        assert_eq!(rig.r(4), PENDSVSET | isrpending | 16 << 12);
        assert_eq!(rig.r(5) & !isrpending, PENDSVSET | PENDSTSET | 15 << 12);
    });
}

/// SYSRESETREQ needs the key (DDI0419 B3.2.6).
#[test]
fn a_reset_needs_the_key() {
    let program = [
        label("start"),
        poke(AIRCR, 0x0000_0004),
        poke(AIRCR, 0xFA05_0004),
        mark(1),
        poke(AIRCR, 0x05FA_0000),
        mark(2),
        stop("asks"),
        poke(AIRCR, 0x05FA_0004),
        label("wait"),
        b("wait"),
    ];
    each(&program, |rig| {
        rig.go("asks");
        assert_eq!(rig.trace(), [1, 2]);
        assert_eq!(rig.run(100), Halt::Reset(ResetCause::Software));
        assert_eq!((rig.registers().pc, rig.registers().msp), (rig.at("start"), STACK));
    });
}

/// A reset leaves nothing pending, enabled, active or masked (DDI0419 B1.5.5).
#[test]
fn a_reset_clears_the_exception_state() {
    let program = [
        label("start"),
        peek(2, ISER),
        peek(3, ISPR),
        peek(4, IPR),
        peek(5, ICSR),
        peek(6, SCR),
        mrs(1, PRIMASK),
        stop("looked"),
        poke(IPR, 0xC0),
        poke(SCR, 2),
        poke(ISER, 1),
        poke(ISPR, 3),
        done(),
        label("irq0"),
        cpsid(),
        poke(ISPR, 1),
        poke(AIRCR, 0x05FA_0004),
        label("wait"),
        b("wait"),
    ];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Reset(ResetCause::Software));
        rig.go("looked");
        assert_eq!(rig.registers().r[1..7], [0; 6]);
        assert_eq!(rig.registers().exception(), 0);
    });
}

/// VTOR moves the table on an M0+, in steps of 256 bytes; an M0 has none (DDI0419 B3.2.5).
#[test]
fn vtor_on_an_m0plus() {
    let program = [
        label("start"),
        poke(VTOR, SRAM + 0x8FF),
        peek(6, VTOR),
        svc(0),
        done(),
        handler("svcall", 1),
        handler("other", 2),
    ];
    each(&program, |rig| {
        let other = rig.at("other") | 1;
        rig.set_word(SRAM + 0x800 + 4 * 11, other);
        rig.go("done");
        let expected = if rig.m0 { (vec![1], 0) } else { (vec![2], SRAM + 0x800) };
        assert_eq!((rig.trace(), rig.r(6)), expected);
    });
}

/// With SRAM mapped to 0 an M0 takes its vectors from there (RM0091 10.1.1, DDI0419 B1.5.3).
#[test]
fn vectors_from_sram_on_an_m0() {
    let program = [
        label("start"),
        poke(0x4002_1018, 1),
        poke(0x4001_0000, 3),
        svc(0),
        done(),
        handler("svcall", 1),
        handler("other", 2),
    ];
    for engine in engines() {
        let mut rig = Rig::new(engine, "F051", &program);
        let other = rig.at("other") | 1;
        rig.chip.set_registers(|r| r.r[7] = SRAM + 0x200);
        rig.set_word(SRAM + 4 * 11, other);
        rig.go("done");
        assert_eq!(rig.word(SRAM + 0x200), 2);
    }
}
