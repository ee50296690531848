//! Lock-up: where it comes from and what ends it.

use super::*;
use dryflash::bus::ResetCause;

/// A fault in HardFault locks up; a reset ends it (DDI0419 B1.5.15).
#[test]
fn a_fault_in_hard_fault() {
    let program = [label("start"), udf(0), label("hard_fault"), mark(1), udf(1), mark(2)];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Lockup);
        assert_eq!(rig.run(100), Halt::Lockup, "for good");
        assert_eq!(rig.trace(), [1]);
        rig.chip.reset(ResetCause::Pin);
        let r = rig.registers();
        assert_eq!((r.pc, r.exception(), r.msp), (rig.at("start"), 0, STACK));
        rig.go("hard_fault");
    });
}

/// A fault in NMI locks up; not even NMI ends that (DDI0419 B1.5.15).
#[test]
fn a_fault_in_nmi() {
    let program = [
        label("start"),
        poke(ICSR, NMIPENDSET),
        done(),
        label("nmi"),
        mark(1),
        svc(0),
        mark(2),
        handler("hard_fault", 3),
    ];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Lockup);
        assert_eq!(rig.trace(), [1]);
        rig.set_word(ICSR, NMIPENDSET);
        assert_eq!(rig.run(100), Halt::Lockup);
        assert_eq!(rig.trace(), [1]);
    });
}

/// NMI ends a lock-up in HardFault for the time of its handler, which finds the lock-up address stacked; the return
/// leads back into the lock-up (DDI0419 B1.5.15).
#[test]
fn nmi_breaks_into_a_lock_up_of_hard_fault() {
    let program = [
        label("start"),
        udf(0),
        label("hard_fault"),
        udf(1),
        label("nmi"),
        ldr_sp(4, 24),
        mark(0x22),
        stop("out"),
        bx(LR),
    ];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Lockup);
        rig.set_word(ICSR, NMIPENDSET);
        rig.go("out");
        assert_eq!((rig.registers().exception(), rig.r(4)), (2, 0xFFFF_FFFE));
        assert_eq!(rig.registers().lr, 0xFFFF_FFF1, "HardFault is active below");
        assert_eq!(rig.run(100), Halt::Lockup);
        assert_eq!(rig.trace(), [0x22]);
    });
}

/// HardFault that cannot be stacked locks up (DDI0419 B1.5.15).
#[test]
fn a_fault_that_cannot_be_stacked() {
    let program = [label("start"), lit(0, 0x6000_0000), msr(MSP, 0), udf(0), handler("hard_fault", 3)];
    each(&program, |rig| {
        assert_eq!(rig.run(100), Halt::Lockup);
        assert!(rig.trace().is_empty());
        assert!(matches!(rig.faults[..], []), "HardFault was never entered");
    });
}

/// An interrupt that cannot be stacked becomes HardFault, which takes over its entry: no second stacking, and the
/// handler runs as long as it keeps off the stack. The interrupt stays pending (DDI0419 B1.5.13).
#[test]
fn an_interrupt_that_cannot_be_stacked() {
    let program = [
        label("start"),
        poke(ISER, 1),
        lit(2, SRAM + 8),
        msr(MSP, 2),
        poke(ISPR, 1),
        mark(1),
        done(),
        label("hard_fault"),
        mov(5, LR),
        mov(6, SP),
        peek(4, ISPR),
        mark(3),
        label("here"),
        b("here"),
        handler("irq0", 0xA0),
    ];
    each(&program, |rig| {
        rig.go("here");
        assert_eq!((rig.trace(), rig.r(4)), (vec![3], 1));
        assert_eq!((rig.r(5), rig.r(6)), (0xFFFF_FFF9, SRAM + 8 - 32));
        assert!(matches!(rig.faults[..], [FaultKind::Write { .. }]), "{:?}", rig.faults);
    });
}

/// A table without a HardFault vector: its handler is entered with T clear, and locks up (DDI0419 B1.5.15, B1.5.3).
#[test]
fn no_hard_fault_vector() {
    each(&[label("start"), mark(1), udf(0)], |rig| {
        assert_eq!(rig.run(100), Halt::Lockup);
        assert_eq!(rig.trace(), [1]);
    });
}

/// An interrupt without a vector is entered at address 0 with T clear: a HardFault there (DDI0419 B1.5.3).
#[test]
fn no_interrupt_vector() {
    let program = [
        label("start"),
        poke(ISER, 1),
        poke(ISPR, 1),
        done(),
        label("hard_fault"),
        ldr_sp(4, 24),
        ldr_sp(5, 28),
        label("here"),
        b("here"),
    ];
    each(&program, |rig| {
        rig.go("here");
        assert_eq!((rig.r(4), rig.r(5) & 0x3F, rig.r(5) & 1 << 24), (0, 16, 0));
        assert_eq!(rig.faults, [FaultKind::NotThumb]);
    });
}

/// A vector table that the bus refuses (DDI0419 B1.5.13): an M0+ whose VTOR points to nowhere.
#[test]
fn a_vector_table_that_cannot_be_read() {
    let program = [
        label("start"),
        poke(0xE000_ED08, 0x6000_0000),
        svc(0),
        done(),
        handler("svcall", 11),
        handler("hard_fault", 3),
    ];
    each(&program, |rig| {
        if rig.m0 {
            rig.go("done");
            assert_eq!(rig.trace(), [11]);
        } else {
            assert_eq!(rig.run(100), Halt::Lockup);
            assert!(rig.trace().is_empty());
        }
    });
}

/// A reset vector without Thumb bit is a HardFault before the first instruction (DDI0419 B1.5.5).
#[test]
fn an_even_reset_vector() {
    for engine in engines() {
        for part in ["F051", "G071"] {
            let program = assemble(
                CODE,
                &[label("start"), mark(1), label("hard_fault"), ldr_sp(4, 24), label("here"), b("here")],
            );
            let mut vectors = [0u32; 48];
            vectors[0] = STACK;
            vectors[1] = program.labels["start"];
            vectors[3] = program.labels["hard_fault"] | 1;
            let mut rig = Rig::with(engine, part, &vectors, &program);
            rig.go("here");
            assert_eq!(
                (rig.faults.as_slice(), rig.r(4)),
                ([FaultKind::NotThumb].as_slice(), rig.at("start")),
                "{part}"
            );
        }
    }
}
