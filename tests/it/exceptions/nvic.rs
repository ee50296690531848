//! Enabling, pending and priority of external interrupts.

use super::*;

/// An interrupt is taken when it is both enabled and pending; ICER holds it back (DDI0419 B3.4.3, B3.4.4).
#[test]
fn only_what_is_enabled_is_taken() {
    let program = [
        label("start"),
        poke(ISPR, 0b11),
        mark(1),
        poke(ISER, 0b01),
        mark(2),
        poke(ICER, 0b01),
        poke(ISPR, 0b01),
        mark(3),
        peek(4, ISER),
        peek(5, ICER),
        peek(6, ISPR),
        done(),
        handler("irq0", 0xA0),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [1, 0xA0, 2, 3]);
        assert_eq!((rig.r(4), rig.r(5), rig.r(6)), (0, 0, 0b11), "ISER, ICER and ISPR read the state");
    });
}

/// Writing 0 bits changes nothing; ISER and ICER read the same (DDI0419 B3.4.3).
#[test]
fn zeros_in_the_set_and_clear_registers_do_nothing() {
    let program = [
        label("start"),
        poke(ISER, 0x8000_0003),
        poke(ISER, 0),
        poke(ICER, 0),
        poke(ICER, 1),
        peek(4, ISER),
        peek(5, ICER),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (0x8000_0002, 0x8000_0002));
    });
}

/// ICPR takes back what has not been taken yet (DDI0419 B3.4.6).
#[test]
fn a_pending_interrupt_can_be_cleared() {
    let program = [
        label("start"),
        poke(ISPR, 0b11),
        poke(ICPR, 0b01),
        peek(4, ICPR),
        poke(ISER, 0b11),
        done(),
        handler("irq0", 0xA0),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.r(4)), (vec![0xA1], 0b10));
    });
}

/// An interrupt is taken behind the store that pends it, once, and is no longer pending in its handler (DDI0419
/// B1.5.6).
#[test]
fn an_interrupt_is_taken_once_and_right_behind_the_store() {
    let program = [
        label("start"),
        lit(0, ISER),
        lit(1, 1),
        lit(2, ISPR),
        str(1, 0, 0),
        movs(3, 0),
        str(1, 2, 0),
        label("behind"),
        adds(3, 1),
        done(),
        label("irq0"),
        ldr_sp(4, 24),
        ldr(5, 2, 0),
        mark(0xA0),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("irq0");
        assert_eq!(rig.registers().exception(), 16);
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.trace()), (rig.at("behind"), 0, vec![0xA0]));
    });
}

/// Of several pending at once the most urgent goes first, the lowest number among equals (DDI0419 B1.5.4).
#[test]
fn the_order_is_by_priority_and_then_by_number() {
    let program = [
        label("start"),
        poke(IPR, 0x40_80_40_80),
        poke(0xE000_E41C, 0),
        poke(ISER, 0x8000_000F),
        cpsid(),
        poke(ISPR, 0x8000_000F),
        // With a store as the last word: the change of PRIMASK has tests of its own.
        cpsie(),
        isb(),
        b("done"),
        done(),
        handler("irq0", 0xA0),
        handler("irq1", 0xA1),
        handler("irq2", 0xA2),
        handler("irq3", 0xA3),
        handler("irq31", 0xBF),
    ];
    each(&program, |rig| {
        rig.go("done");
        // Priorities: 31 has 0x00; 1 and 3 have 0x40; 0 and 2 have 0x80.
        assert_eq!(rig.trace(), [0xBF, 0xA1, 0xA3, 0xA0, 0xA2]);
    });
}

/// Only the two upper bits of each priority exist (DDI0419 B3.4.7).
#[test]
fn priorities_have_two_bits() {
    let program = [
        label("start"),
        poke(IPR, 0xFF_7F_3F_BF),
        peek(4, IPR),
        poke(0xE000_E41C, u32::MAX),
        peek(5, 0xE000_E41C),
        peek(6, 0xE000_E404),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(6)), (0xC0_40_00_80, 0xC0C0_C0C0, 0));
    });
}

/// A handler is interrupted by what is strictly more urgent, and by nothing else (DDI0419 B1.5.4).
#[test]
fn preemption_needs_a_higher_priority() {
    let program = [
        label("start"),
        poke(IPR, 0x00_80_80_40),
        poke(ISER, 0b111),
        poke(ISPR, 0b010),
        mark(1),
        done(),
        handler("irq0", 0xA0),
        label("irq1"),
        mark(0xB1),
        // As urgent as this one: waits. More urgent: at once.
        poke(ISPR, 0b100),
        mark(0xB2),
        poke(ISPR, 0b001),
        mark(0xB3),
        bx(LR),
        handler("irq2", 0xA2),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0xB1, 0xB2, 0xA0, 0xB3, 0xA2, 1]);
    });
}

/// Four levels nest, each with a frame of its own and EXC_RETURN to Handler mode (DDI0419 B1.5.6, B1.5.8).
#[test]
fn four_levels_nest() {
    let level = |name, number: u16, next: u32| {
        Item::Many(vec![
            label(name),
            mark(number),
            mov(0, LR),
            push(&[0, LR]),
            poke(ISPR, next),
            mark(number | 0x80),
            pop(&[0, PC]),
        ])
    };
    let program = [
        label("start"),
        poke(IPR, 0x00_40_80_C0),
        poke(ISER, 0b1111),
        poke(ISPR, 0b0001),
        done(),
        level("irq0", 1, 0b0010),
        level("irq1", 2, 0b0100),
        level("irq2", 3, 0b1000),
        label("irq3"),
        mark(4),
        stop("deepest"),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("deepest");
        let r = rig.registers();
        assert_eq!((r.exception(), r.lr), (19, 0xFFFF_FFF1));
        // Four frames, and 8 bytes of each of the three below.
        assert_eq!(r.msp, STACK - 4 * 32 - 3 * 8);
        assert_eq!(rig.frame(r.msp)[7] & 0x3F, 18, "the innermost returns into IRQ2");
        rig.go("done");
        assert_eq!(rig.trace(), [1, 2, 3, 4, 0x83, 0x82, 0x81]);
        assert_eq!((rig.registers().msp, rig.registers().exception()), (STACK, 0));
    });
}

/// What pends again while its handler runs is taken once more after it (DDI0419 B3.4.1).
#[test]
fn an_interrupt_can_pend_itself_again() {
    let program = [
        label("start"),
        movs(4, 3),
        poke(ISER, 1),
        poke(ISPR, 1),
        mark(9),
        done(),
        label("irq0"),
        mark(1),
        subs(4, 1),
        beq("out"),
        poke(ISPR, 1),
        mark(2),
        stop("out"),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [1, 2, 1, 2, 1, 9]);
    });
}

/// The priority of what is active can change under it; the execution priority follows (DDI0419 B1.5.4).
#[test]
fn lowering_the_active_priority_lets_others_in() {
    let program = [
        label("start"),
        poke(IPR, 0x80_40),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        done(),
        label("irq0"),
        poke(ISPR, 0b10),
        mark(1),
        poke(IPR, 0x80_C0),
        mark(2),
        bx(LR),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [1, 0xA1, 2]);
    });
}
