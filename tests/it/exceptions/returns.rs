//! The frame, EXC_RETURN, stack alignment and the process stack.

use super::*;

/// The frame holds R0 to R3, R12, LR, the return address and xPSR, and nothing else changes but LR, SP, PC and IPSR
/// (DDI0419 B1.5.6).
#[test]
fn the_frame_and_the_registers_of_the_handler() {
    let program = [label("start"), stop("call"), svc(0), label("behind"), done(), label("svcall"), bx(LR)];
    each(&program, |rig| {
        rig.go("call");
        let mut before = rig.registers();
        for (n, r) in before.r.iter_mut().enumerate().filter(|(n, _)| *n != 7) {
            *r = 0x0101_0101 * n as u32;
        }
        before.lr = 0x1234_5678;
        before.xpsr = 0xA100_0000;
        rig.chip.set_registers(|r| *r = before);
        rig.go("svcall");
        let r = rig.registers();
        let expected =
            [0, 0x0101_0101, 0x0202_0202, 0x0303_0303, 0x0C0C_0C0C, 0x1234_5678, rig.at("behind"), 0xA100_0000];
        assert_eq!(rig.frame(STACK - 32), expected);
        assert_eq!((r.msp, r.lr, r.xpsr & 0x0FFF_FFFF), (STACK - 32, 0xFFFF_FFF9, 0x0100_000B));
        assert_eq!(r.r[4..12], before.r[4..12]);
        rig.go("done");
        assert_eq!(rig.registers(), Registers { pc: rig.at("done"), ..before }, "all comes back");
    });
}

/// Frames are aligned to 8 bytes; bit 9 of the stacked xPSR remembers the padding (DDI0419 B1.5.7).
#[test]
fn the_stack_is_aligned_and_aligned_back() {
    let program = [label("start"), stop("call"), svc(0), done(), label("svcall"), bx(LR)];
    for (sp, frame, padded) in [(STACK, STACK - 32, 0), (STACK - 4, STACK - 40, 1)] {
        each(&program, |rig| {
            rig.go("call");
            rig.chip.set_registers(|r| r.msp = sp);
            rig.go("svcall");
            assert_eq!((rig.registers().msp, rig.frame(frame)[7] >> 9 & 1), (frame, padded));
            assert_eq!(rig.registers().xpsr >> 9 & 1, 0, "the bit exists on the stack only");
            rig.go("done");
            assert_eq!((rig.registers().msp, rig.registers().xpsr >> 9 & 1), (sp, 0));
        });
    }
}

/// The handler may set or clear bit 9 of the stacked xPSR: the return believes the frame (DDI0419 B1.5.8).
#[test]
fn the_return_takes_the_padding_from_the_frame() {
    let program = [label("start"), stop("call"), svc(0), done(), label("svcall"), stop("out"), bx(LR)];
    each(&program, |rig| {
        rig.go("out");
        let xpsr = rig.word(STACK - 4);
        rig.set_word(STACK - 4, xpsr | 1 << 9);
        rig.go("done");
        assert_eq!(rig.registers().msp, STACK + 4);
    });
}

/// Thread mode on the process stack: the frame goes there, the handler runs on the main stack, EXC_RETURN is FD
/// (DDI0419 B1.4.1, B1.5.6).
#[test]
fn thread_mode_on_the_process_stack() {
    let program = [
        label("start"),
        lit(0, SRAM + 0x804),
        msr(PSP, 0),
        movs(0, 2),
        msr(CONTROL, 0),
        isb(),
        stop("call"),
        svc(0),
        label("behind"),
        mov(6, SP),
        mrs(5, CONTROL),
        done(),
        label("svcall"),
        mov(4, SP),
        mrs(3, CONTROL),
        stop("inside"),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("inside");
        let r = rig.registers();
        assert_eq!((r.lr, r.msp, r.psp), (0xFFFF_FFFD, STACK, SRAM + 0x804 - 36));
        assert_eq!((r.r[4], r.r[3]), (STACK, 0), "SPSEL reads 0 in a handler");
        let frame = rig.frame(r.psp);
        assert_eq!((frame[6], frame[7] >> 9 & 1), (rig.at("behind"), 1));
        rig.go("done");
        assert_eq!((rig.r(6), rig.r(5)), (SRAM + 0x804, 2));
    });
}

/// EXC_RETURN decides which stack Thread mode gets (DDI0419 B1.5.8): a switch as an operating system does it.
#[test]
fn a_handler_chooses_the_stack_to_return_to() {
    let program = [
        label("start"),
        svc(0),
        label("thread"),
        mrs(4, CONTROL),
        mov(5, SP),
        svc(1),
        label("back"),
        mrs(3, CONTROL),
        done(),
        label("svcall"),
        mov(0, LR),
        cmp(6, 1),
        beq("second"),
        movs(6, 1),
        // The frame of the main stack, copied to the process stack.
        lit(1, SRAM + 0x800),
        msr(PSP, 1),
        lit(2, "thread"),
        str(2, 1, 24),
        lit(2, 0x0100_0000),
        str(2, 1, 28),
        lit(0, 0xFFFF_FFFD),
        bx(0),
        stop("second"),
        // Back to the main stack, where the first call's frame still lies.
        lit(0, 0xFFFF_FFF9),
        lit(2, "back"),
        str_sp(2, 24),
        bx(0),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(3)), (2, SRAM + 0x820, 0));
        assert_eq!(rig.registers().msp, STACK);
    });
}

/// `pop {pc}` returns as `bx` does (DDI0419 B1.5.8).
#[test]
fn pop_returns_too() {
    let program = [label("start"), svc(0), mark(1), done(), label("svcall"), push(&[4, LR]), movs(4, 0), pop(&[4, PC])];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.trace(), rig.registers().msp), (vec![1], STACK));
    });
}

/// In Thread mode an EXC_RETURN is an address where nothing can run (DDI0419 B1.5.8).
#[test]
fn exc_return_in_thread_mode_is_a_fetch_fault() {
    let program =
        [label("start"), lit(0, 0xFFFF_FFF9), bx(0), label("hard_fault"), ldr_sp(4, 24), label("here"), b("here")];
    each(&program, |rig| {
        rig.go("here");
        assert!(matches!(rig.faults[..], [FaultKind::Fetch { address: 0xFFFF_FFF8, .. }]), "{:?}", rig.faults);
        assert_eq!(rig.r(4), 0xFFFF_FFF8);
    });
}

/// EXC_RETURN values that ARMv6-M does not have, and those that do not fit what is active, are UNPREDICTABLE
/// (DDI0419 B1.5.8): the model faults.
#[test]
fn exception_returns_that_do_not_fit() {
    for value in [0xFFFF_FFF5u32, 0xFFFF_FFFF, 0xFFFF_FFF1, 0xFFFF_FFE9, 0xF000_0009] {
        let program = [
            label("start"),
            svc(0),
            done(),
            label("svcall"),
            lit(0, value),
            bx(0),
            label("hard_fault"),
            label("here"),
            b("here"),
        ];
        each(&program, |rig| {
            rig.go("here");
            assert!(
                matches!(rig.faults[..], [FaultKind::BadReturn { value: v }] if v | 1 == value),
                "{value:x}: {:?}",
                rig.faults
            );
        });
    }
    // To Thread mode with a handler active below.
    let program = [
        label("start"),
        poke(IPR, 0x00_C0),
        poke(ISER, 0b11),
        poke(ISPR, 0b01),
        done(),
        label("irq0"),
        poke(ISPR, 0b10),
        done_in("irq0_done"),
        label("irq1"),
        // The frame says Thread mode as well: only the handler below speaks against it.
        lit(0, 0x0100_0000),
        str_sp(0, 28),
        lit(0, 0xFFFF_FFF9),
        bx(0),
        label("hard_fault"),
        label("here"),
        b("here"),
    ];
    each(&program, |rig| {
        rig.go("here");
        assert!(matches!(rig.faults[..], [FaultKind::BadReturn { .. }]), "{:?}", rig.faults);
    });
}

fn done_in(name: &'static str) -> Item {
    Item::Many(vec![label(name), b(name)])
}

/// A frame that cannot be popped: HardFault is chained, with the stack as it was (DDI0419 B1.5.13).
#[test]
fn a_frame_that_cannot_be_unstacked() {
    let program = [
        label("start"),
        svc(0),
        done(),
        label("svcall"),
        lit(0, 0x6000_0000),
        msr(MSP, 0),
        bx(LR),
        label("hard_fault"),
        mov(4, SP),
        mov(5, LR),
        mrs(6, IPSR),
        label("here"),
        b("here"),
    ];
    each(&program, |rig| {
        rig.go("here");
        assert!(matches!(rig.faults[..], [FaultKind::Read { address: 0x6000_0000, .. }]), "{:?}", rig.faults);
        assert_eq!((rig.r(4), rig.r(5), rig.r(6)), (0x6000_0000, 0xFFFF_FFF9, 3));
    });
}

/// Returning with the T bit clear in the frame faults at the return address (DDI0419 B1.5.8, B1.4.2).
#[test]
fn returning_with_t_clear() {
    let program = [
        label("start"),
        svc(0),
        label("behind"),
        done(),
        label("svcall"),
        movs(0, 0),
        str_sp(0, 28),
        bx(LR),
        label("hard_fault"),
        ldr_sp(4, 24),
        label("here"),
        b("here"),
    ];
    each(&program, |rig| {
        rig.go("here");
        assert_eq!((rig.faults.as_slice(), rig.r(4)), ([FaultKind::NotThumb].as_slice(), rig.at("behind")));
    });
}

/// The flags that the handler writes into the frame are those of the code it returns to (DDI0419 B1.5.8).
#[test]
fn flags_come_from_the_frame() {
    let program = [label("start"), svc(0), done(), label("svcall"), lit(0, 0xF100_0000), str_sp(0, 28), bx(LR)];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.registers().xpsr, 0xF100_0000);
    });
}
