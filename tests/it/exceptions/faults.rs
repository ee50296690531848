//! HardFault: every source, the stacked PC, and an instruction that did nothing.

use super::*;

/// Keeps the stacked PC in R4 and the first words of the frame, then goes on at "after".
fn hard_fault() -> Item {
    Item::Many(vec![
        label("hard_fault"),
        ldr_sp(4, 24),
        stop("inside"),
        lit(5, "after"),
        str_sp(5, 24),
        // T may have been the reason.
        lit(5, 0x0100_0000),
        str_sp(5, 28),
        bx(LR),
    ])
}

/// A program that faults at "bad"; R0 and R1 are what `set` makes them, R2 is 0x22.
fn faulting(bad: Item) -> Vec<Item> {
    vec![
        label("start"),
        movs(2, 0x22),
        stop("bad"),
        bad,
        mark(1),
        label("after"),
        mark(2),
        done(),
        hard_fault(),
        handler("irq0", 0xA0),
    ]
}

/// Runs into the fault and out of it again. What faulted, and the stacked PC.
fn fault(rig: &mut Rig, r0: u32) -> (FaultKind, u32) {
    rig.go("bad");
    let mut before = rig.registers();
    before.r[0] = r0;
    before.r[3] = 0x33;
    rig.chip.set_registers(|r| *r = before);
    rig.go("inside");
    let r = rig.registers();
    assert_eq!((r.exception(), r.msp, r.lr), (3, STACK - 32, 0xFFFF_FFF9));
    let frame = rig.frame(r.msp);
    assert_eq!(frame[..4], [r0, before.r[1], 0x22, 0x33], "the instruction did nothing");
    assert_eq!(frame[7] & 0xF000_0000, before.xpsr & 0xF000_0000);
    rig.go("done");
    assert_eq!(rig.trace(), [2], "it goes on where the handler says");
    (rig.faults[0], frame[6])
}

#[track_caller]
fn expect(bad: Item, r0: u32, kind: impl Fn(FaultKind) -> bool) {
    each(&faulting(bad), |rig| {
        let (found, pc) = fault(rig, r0);
        assert!(kind(found), "{found:?}");
        assert_eq!(pc, rig.at("bad"));
    });
}

/// Encodings that ARMv6-M does not have, and `udf` (DDI0419 A5.1.1, A6.7.72).
#[test]
fn undefined_instructions() {
    // cbz, it, movw, udiv, udf, udf.w
    for (first, second) in [
        (0xB108u16, 0x46C0u16),
        (0xBF08, 0x46C0),
        (0xF240, 0x0001),
        (0xFBB0, 0xF0F1),
        (0xDEFF, 0x46C0),
        (0xF7F0, 0xA000),
    ] {
        let bad = Item::Code(vec![first, second]);
        expect(bad, 0, |kind| matches!(kind, FaultKind::Undefined { encoding } if encoding[0] == first));
    }
}

/// Every access that is not aligned to its width faults, whatever it is (DDI0419 A3.2.1).
#[test]
fn unaligned_accesses() {
    for bad in [ldr(1, 0, 0), str(1, 0, 0), ldrh(1, 0, 0), strh(1, 0, 0), ldm(0, &[1, 2]), stm(0, &[1, 2])] {
        expect(bad, SRAM + 0x101, |kind| kind == FaultKind::Unaligned);
    }
    expect(ldr(1, 0, 0), SRAM + 0x102, |kind| kind == FaultKind::Unaligned);
}

/// Loads and stores that the bus refuses; a multiple access leaves its base as it was (DDI0419 B1.5.6).
#[test]
fn bus_errors_on_data() {
    let nowhere = 0x6000_0000;
    for bad in [ldr(1, 0, 0), ldrh(1, 0, 0), ldm(0, &[1, 2])] {
        expect(bad, nowhere, |kind| matches!(kind, FaultKind::Read { address, .. } if address == nowhere));
    }
    for bad in [str(1, 0, 0), strh(1, 0, 0), strb(1, 0, 0), stm(0, &[1, 2])] {
        expect(bad, nowhere, |kind| matches!(kind, FaultKind::Write { address, .. } if address == nowhere));
    }
}

/// A load of several registers that fails on its way may have loaded the first ones; the base stays, so that it can
/// be done again (DDI0419 B1.5.10).
#[test]
fn a_multiple_store_past_the_end_of_sram_keeps_its_base() {
    let program = faulting(stm(0, &[1, 2]));
    each(&program, |rig| {
        let end = rig.chip.part().sram.end();
        let (kind, pc) = fault(rig, end - 4);
        assert!(matches!(kind, FaultKind::Write { address, .. } if address == end), "{kind:?}");
        assert_eq!(pc, rig.at("bad"));
    });
}

/// A branch to nowhere, or to where execution is forbidden, faults at its target (DDI0419 B3.1, B1.5.6).
#[test]
fn fetches_where_nothing_can_run() {
    for target in [0x6000_0000u32, 0x4800_0000, 0xE000_E000, 0xA000_0000] {
        each(&faulting(bx(0)), |rig| {
            let (kind, pc) = fault(rig, target | 1);
            assert!(matches!(kind, FaultKind::Fetch { address, .. } if address == target), "{kind:?}");
            assert_eq!(pc, target, "the branch itself was done");
        });
    }
}

/// Running off the end of memory faults at the first address behind it (DDI0419 B1.5.6).
#[test]
fn running_past_the_end_of_memory() {
    each(&faulting(bx(0)), |rig| {
        let end = rig.chip.part().sram.end();
        rig.chip.debug_write(end - 4, Width::Word, 0x46C0_46C0).unwrap();
        let (kind, pc) = fault(rig, (end - 4) | 1);
        assert!(matches!(kind, FaultKind::Fetch { address, .. } if address == end), "{kind:?}");
        assert_eq!(pc, end);
    });
}

/// A branch to an even address clears T: the target's first instruction faults (DDI0419 B1.4.2, A4.1.1).
#[test]
fn a_branch_to_an_even_address() {
    each(&faulting(bx(0)), |rig| {
        let target = rig.at("after");
        rig.go("bad");
        rig.chip.set_registers(|r| r.r[0] = target);
        rig.go("inside");
        assert_eq!(rig.faults, [FaultKind::NotThumb]);
        let frame = rig.frame(STACK - 32);
        assert_eq!((frame[6], frame[7] & 1 << 24), (target, 0), "T is clear in the stacked xPSR");
        rig.go("done");
    });
}

/// `pop {pc}` and `blx` look at bit 0 as well (DDI0419 A6.7.49, A6.7.14).
#[test]
fn popping_an_even_pc() {
    let bad = Item::Many(vec![push(&[0]), pop(&[PC])]);
    each(&faulting(bad), |rig| {
        rig.go("bad");
        let target = rig.at("after");
        rig.chip.set_registers(|r| r.r[0] = target);
        rig.go("inside");
        assert_eq!((rig.faults.as_slice(), rig.frame(STACK - 32)[6]), ([FaultKind::NotThumb].as_slice(), target));
    });
}

/// `bkpt` with no debugger is a HardFault at the `bkpt` (DDI0419 A6.7.12, C1.4.1).
#[test]
fn a_breakpoint_without_a_debugger() {
    expect(bkpt(3), 0, |kind| kind == FaultKind::Breakpoint);
}

/// A fault in a handler is taken over it, and returns into it (DDI0419 B1.5.4).
#[test]
fn a_fault_inside_a_handler() {
    let program = [
        label("start"),
        poke(ISER, 1),
        poke(ISPR, 1),
        done(),
        label("irq0"),
        stop("bad"),
        udf(0),
        label("after"),
        mark(1),
        bx(LR),
        label("hard_fault"),
        mov(6, LR),
        ldr_sp(4, 24),
        adds(4, 2),
        str_sp(4, 24),
        ldr_sp(5, 28),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(6), rig.r(4) - 2, rig.r(5) & 0x3F), (0xFFFF_FFF1, rig.at("bad"), 16));
        assert_eq!(rig.trace(), [1]);
    });
}

/// A fault outranks an interrupt that pends at the same time, which is chained behind it (DDI0419 B1.5.4).
#[test]
fn a_fault_goes_before_an_interrupt() {
    let program = [
        label("start"),
        poke(ISER, 1),
        lit(2, ISPR),
        movs(3, 1),
        stop("bad"),
        udf(0),
        label("after"),
        done(),
        label("hard_fault"),
        mark(0x33),
        str(3, 2, 0),
        lit(5, "after"),
        str_sp(5, 24),
        mark(0x34),
        bx(LR),
        handler("irq0", 0xA0),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0x33, 0x34, 0xA0]);
    });
}
