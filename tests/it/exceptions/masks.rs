//! PRIMASK: what it holds back, and when it lets go.

use super::*;

fn masked(unmask: Item) -> Vec<Item> {
    vec![
        label("start"),
        movs(4, 0),
        movs(5, 0),
        poke(ISER, 1),
        movs(2, 0),
        movs(3, 1),
        msr(PRIMASK, 3),
        poke(ISPR, 1),
        mrs(6, PRIMASK),
        mark(1),
        unmask,
        label("behind"),
        adds(4, 1),
        adds(4, 1),
        done(),
        label("irq0"),
        mov(5, 4),
        ldr_sp(6, 24),
        mark(0xA0),
        bx(LR),
    ]
}

/// With PRIMASK set an interrupt stays pending; it is taken right behind the `cpsie i` that clears it (DDI0419
/// B1.4.3).
#[test]
fn cpsie_lets_a_pending_interrupt_in_at_once() {
    each(&masked(cpsie()), |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.r(4)), (vec![1, 0xA0], 2));
        assert_eq!((rig.r(6), rig.r(5)), (rig.at("behind"), 0), "before the next instruction");
    });
}

/// As `cpsie i`, with `msr primask` (DDI0419 B5.2.3).
#[test]
fn msr_primask_lets_a_pending_interrupt_in_at_once() {
    each(&masked(msr(PRIMASK, 2)), |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [1, 0xA0]);
        assert_eq!((rig.r(6), rig.r(5)), (rig.at("behind"), 0), "before the next instruction");
    });
}

/// `cpsid i` holds back even what is pended by the very next instruction (DDI0419 B1.4.3).
#[test]
fn cpsid_holds_interrupts_back() {
    let program = [
        label("start"),
        lit(0, ISER),
        lit(1, 1),
        lit(2, ISPR),
        str(1, 0, 0),
        cpsid(),
        str(1, 2, 0),
        nop(),
        mark(1),
        mrs(4, PRIMASK),
        done(),
        handler("irq0", 0xA0),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.r(4)), (vec![1], 1));
    });
}

/// PRIMASK raises the priority to 0: NMI and HardFault pass (DDI0419 B1.4.3, B1.5.4).
#[test]
fn nmi_and_hard_fault_pass_primask() {
    let program = [
        label("start"),
        poke(ISER, 1),
        cpsid(),
        poke(ISPR, 1),
        poke(ICSR, NMIPENDSET | PENDSVSET | PENDSTSET),
        mark(1),
        udf(0),
        label("behind"),
        mark(2),
        done(),
        handler("nmi", 0x22),
        label("hard_fault"),
        mark(0x33),
        ldr_sp(1, 24),
        adds(1, 2),
        str_sp(1, 24),
        bx(LR),
        handler("irq0", 0xA0),
        handler("pendsv", 14),
        handler("systick", 15),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0x22, 1, 0x33, 2]);
        assert!(rig.registers().primask, "no exception changes it");
    });
}

/// PRIMASK set by a handler stays set after its return, and holds back what would be chained (DDI0419 B1.5.8).
#[test]
fn primask_outlives_the_handler_that_sets_it() {
    let program = [
        label("start"),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        mrs(4, PRIMASK),
        mark(1),
        cpsie(),
        nop(),
        mark(2),
        done(),
        label("irq0"),
        cpsid(),
        poke(ISPR, 0b10),
        mark(0xA0),
        bx(LR),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.r(4)), (vec![0xA0, 1, 0xA1, 2], 1));
    });
}

/// In a handler PRIMASK keeps more urgent ones out as well (DDI0419 B1.5.4).
#[test]
fn primask_keeps_out_what_would_preempt() {
    let program = [
        label("start"),
        poke(IPR, 0x00_C0),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        done(),
        label("irq0"),
        cpsid(),
        poke(ISPR, 0b10),
        mark(0xA0),
        cpsie(),
        nop(),
        mark(0xAA),
        bx(LR),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0xA0, 0xA1, 0xAA]);
    });
}
