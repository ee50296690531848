//! SVCall, PendSV and NMI.

use super::*;

/// `svc` stacks the address behind itself, and its number can be read there (DDI0419 B1.5.2, A6.7.68).
#[test]
fn svc_returns_behind_itself() {
    let program = [
        label("start"),
        movs(0, 7),
        stop("call"),
        svc(0x42),
        label("behind"),
        mov(6, 0),
        done(),
        label("svcall"),
        ldr_sp(4, 24),
        subs(4, 2),
        ldrh(5, 4, 0),
        adds(0, 1),
        str_sp(0, 0),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("svcall");
        let frame = rig.frame(STACK - 32);
        assert_eq!((frame[0], frame[6], rig.registers().exception()), (7, rig.at("behind"), 11));
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(6)), (rig.at("call"), 0xDF42, 8));
    });
}

/// From `svc` to its handler: the instruction and the entry (DDI0432C 3.3.2).
#[test]
fn the_entry_takes_its_cycles() {
    let program = [label("start"), stop("call"), svc(0), done(), label("svcall"), bx(LR)];
    each(&program, |rig| {
        rig.go("call");
        let start = rig.cycle();
        rig.go("svcall");
        assert_eq!(rig.cycle() - start, 1 + rig.entry());
    });
}

/// Where SVCall cannot be taken `svc` is a HardFault, with its own address stacked (DDI0419 B1.5.4; the address as
/// for every instruction that faults).
#[test]
fn svc_escalates_where_it_cannot_be_taken() {
    let hard_fault =
        Item::Many(vec![label("hard_fault"), ldr_sp(4, 24), mark(0x33), mov(0, 4), adds(0, 2), str_sp(0, 24), bx(LR)]);
    let masked =
        [label("start"), cpsid(), stop("call"), svc(0), mark(1), done(), handler("svcall", 11), hard_fault.clone()];
    each(&masked, |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.r(4)), (vec![0x33, 1], rig.at("call")));
        assert_eq!(rig.faults, [FaultKind::Svc]);
    });
    // In a handler of the same priority, and in SVCall itself.
    let nested = [
        label("start"),
        poke(ISER, 1),
        poke(ISPR, 1),
        svc(1),
        done(),
        label("irq0"),
        stop("call"),
        svc(0),
        mark(1),
        bx(LR),
        label("svcall"),
        mark(2),
        svc(2),
        mark(3),
        bx(LR),
        hard_fault,
    ];
    each(&nested, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0x33, 1, 2, 0x33, 3]);
    });
}

/// SVCall of a lower priority than a pending interrupt waits its turn behind `svc` (DDI0419 B1.5.4).
#[test]
fn a_more_urgent_interrupt_goes_before_svcall() {
    let program = [
        label("start"),
        poke(SHPR2, 0xC000_0000),
        poke(ISER, 1),
        svc(0),
        label("behind"),
        done(),
        label("svcall"),
        mark(11),
        bx(LR),
        label("irq0"),
        ldr_sp(4, 24),
        mark(0xA0),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("svcall");
        rig.set_word(ISPR, 1);
        rig.go("done");
        assert_eq!(rig.trace(), [0xA0, 11], "it interrupts SVCall");
        assert_eq!(rig.r(4), rig.at("svcall"));
    });
}

/// PendSV waits for every handler that is as urgent (DDI0419 B1.5.1).
#[test]
fn pendsv_comes_behind_the_handlers() {
    let program = [
        label("start"),
        poke(SHPR3, 0x00C0_0000),
        poke(IPR, 0x00_40),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        mark(1),
        done(),
        label("irq0"),
        poke(ICSR, PENDSVSET),
        poke(ISPR, 0b10),
        mark(0xA0),
        bx(LR),
        handler("irq1", 0xA1),
        handler("pendsv", 14),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0xA1, 0xA0, 14, 1]);
    });
}

/// PENDSVCLR takes PendSV back (DDI0419 B3.2.4).
#[test]
fn pendsv_can_be_cleared() {
    let program = [
        label("start"),
        cpsid(),
        poke(ICSR, PENDSVSET),
        peek(4, ICSR),
        poke(ICSR, 1 << 27),
        peek(5, ICSR),
        cpsie(),
        nop(),
        mark(1),
        done(),
        handler("pendsv", 14),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.trace()), (PENDSVSET | 14 << 12, 0, vec![1]));
    });
}

/// NMI interrupts everything else, HardFault too, and is interrupted by nothing (DDI0419 B1.5.1, B1.5.4).
#[test]
fn nmi_preempts_everything() {
    let program = [
        label("start"),
        poke(ISER, 1),
        poke(ISPR, 1),
        mark(1),
        udf(0),
        mark(2),
        done(),
        label("irq0"),
        poke(ICSR, NMIPENDSET),
        mark(0xA0),
        bx(LR),
        label("hard_fault"),
        ldr_sp(1, 24),
        adds(1, 2),
        str_sp(1, 24),
        poke(ICSR, NMIPENDSET),
        mark(0x33),
        bx(LR),
        label("nmi"),
        mark(0x22),
        poke(ISPR, 1),
        poke(ICSR, PENDSVSET),
        poke(ICER, 1),
        poke(ICSR, 1 << 27),
        mark(0x23),
        bx(LR),
        handler("pendsv", 14),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0x22, 0x23, 0xA0, 1, 0x22, 0x23, 0x33, 2]);
    });
}

/// NMIPENDSET reads 0 in the handler: it is taken at once (DDI0419 B3.2.4).
#[test]
fn nmipendset_is_clear_in_the_handler() {
    let program = [label("start"), poke(ICSR, NMIPENDSET), peek(5, ICSR), done(), label("nmi"), peek(4, ICSR), bx(LR)];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (2, 0));
    });
}
