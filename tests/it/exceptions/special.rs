//! `mrs` and `msr`, and the state after reset.

use super::*;

/// After reset: SP and PC from the table, Thread mode on the main stack, nothing masked; LR is UNKNOWN and reads as
/// ones here (DDI0419 B1.5.5).
#[test]
fn the_state_after_reset() {
    each(&[label("start"), done()], |rig| {
        let r = rig.registers();
        assert_eq!((r.msp, r.pc, r.lr, r.xpsr), (STACK, rig.at("start"), u32::MAX, rig.xpsr_at_reset()));
        assert_eq!((r.primask, r.control), (false, 0));
    });
}

/// The stack pointer of the table loses its two low bits (DDI0419 B1.5.5).
#[test]
fn the_first_stack_pointer_is_a_multiple_of_4() {
    for engine in engines() {
        let program = assemble(CODE, &[label("start"), mov(4, SP), done()]);
        let mut vectors = [0u32; 48];
        vectors[0] = STACK + 3;
        vectors[1] = program.labels["start"] | 1;
        let mut rig = Rig::with(engine, "F051", &vectors, &program);
        rig.go("done");
        assert_eq!(rig.r(4), STACK);
    }
}

/// MSP and PSP keep no low bits, and are apart from one another (DDI0419 B1.4.1, B5.2.3).
#[test]
fn stack_pointers_have_no_low_bits() {
    let program = [
        label("start"),
        lit(0, SRAM + 0x803),
        msr(PSP, 0),
        mrs(4, PSP),
        mrs(5, MSP),
        lit(0, SRAM + 0xE02),
        msr(MSP, 0),
        mrs(6, MSP),
        mov(3, SP),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(6), rig.r(3)), (SRAM + 0x800, STACK, SRAM + 0xE00, SRAM + 0xE00));
        assert_eq!((rig.registers().psp, rig.registers().msp), (SRAM + 0x800, SRAM + 0xE00));
    });
}

/// `mov sp` and `add sp` drop the low bits too (DDI0419 B1.4.1).
#[test]
fn sp_has_no_low_bits_whoever_writes() {
    let program =
        [label("start"), lit(0, SRAM + 0xE03), mov(SP, 0), mov(4, SP), movs(1, 6), raw(0x448D), mov(5, SP), done()];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (SRAM + 0xE00, SRAM + 0xE04));
    });
}

/// Each name of xPSR shows its part; EPSR reads 0 (DDI0419 B5.2.2).
#[test]
fn the_parts_of_xpsr() {
    let program = [
        label("start"),
        svc(0),
        done(),
        label("svcall"),
        lit(0, 0xFFFF_FFFF),
        msr(APSR, 0),
        mrs(1, APSR),
        mrs(2, IPSR),
        mrs(3, EPSR),
        mrs(4, XPSR),
        mrs(5, 1),
        mrs(6, 2),
        label("read"),
        mrs(0, 7),
        stop("last"),
        // IPSR and EPSR cannot be written.
        msr(IPSR, 2),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("last");
        let r = rig.registers().r;
        assert_eq!(r[1..7], [0xF000_0000, 11, 0, 0xF000_000B, 0xF000_000B, 0xF000_0000]);
        assert_eq!((r[0], rig.registers().exception()), (11, 11));
        rig.go("done");
    });
}

/// `msr apsr` changes the flags and nothing else (DDI0419 B5.2.3).
#[test]
fn msr_apsr_writes_the_flags() {
    let program = [
        label("start"),
        lit(0, 0xA000_003F),
        msr(APSR, 0),
        stop("set"),
        mrs(1, XPSR),
        movs(0, 0),
        lit(2, 0x5FFF_FFFF),
        msr(XPSR, 2),
        done(),
    ];
    each(&program, |rig| {
        rig.go("set");
        assert_eq!(rig.registers().xpsr, 0xA100_0000);
        rig.go("done");
        assert_eq!((rig.r(1), rig.registers().xpsr), (0xA000_0000, 0x5100_0000));
    });
}

/// PRIMASK has one bit (DDI0419 B1.4.3).
#[test]
fn primask_has_one_bit() {
    let program = [
        label("start"),
        lit(0, u32::MAX),
        msr(PRIMASK, 0),
        mrs(4, PRIMASK),
        subs(0, 1),
        msr(PRIMASK, 0),
        mrs(5, PRIMASK),
        cpsid(),
        mrs(6, PRIMASK),
        done(),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(6)), (1, 0, 1));
    });
}

/// CONTROL.SPSEL switches the stack of Thread mode at once; in a handler the write is dropped (DDI0419 B1.4.4).
#[test]
fn control_selects_the_stack_of_thread_mode() {
    let program = [
        label("start"),
        lit(0, SRAM + 0x800),
        msr(PSP, 0),
        movs(1, 2),
        msr(CONTROL, 1),
        mov(4, SP),
        movs(1, 0),
        msr(CONTROL, 1),
        mov(5, SP),
        svc(0),
        mrs(3, CONTROL),
        done(),
        label("svcall"),
        movs(1, 2),
        msr(CONTROL, 1),
        mrs(6, CONTROL),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5), rig.r(6), rig.r(3)), (SRAM + 0x800, STACK, 0, 0));
    });
}

/// A write to the stack pointer that is not in use leaves the other alone, in a handler too (DDI0419 B1.4.1).
#[test]
fn a_handler_sees_the_process_stack_by_name() {
    let program = [
        label("start"),
        svc(0),
        mrs(4, PSP),
        done(),
        label("svcall"),
        lit(0, SRAM + 0x700),
        msr(PSP, 0),
        mov(5, SP),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!((rig.r(4), rig.r(5)), (SRAM + 0x700, STACK - 32));
    });
}
