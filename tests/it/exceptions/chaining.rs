//! One exception right after another: tail-chaining and late arrival.

use super::*;

/// Two handlers in a row share one frame, and the second has the first's EXC_RETURN (DDI0419 B1.5.12).
#[test]
fn a_chained_handler_finds_the_frame_of_the_first() {
    let program = [
        label("start"),
        lit(2, 0x2222_2222),
        lit(3, 0x3333_3333),
        poke(ISER, 0b11),
        poke(ISPR, 0b11),
        label("behind"),
        mark(1),
        done(),
        label("irq0"),
        // Scratched here: the frame holds what the interrupted code had.
        movs(2, 0),
        movs(3, 0),
        mark(0xA0),
        stop("leaves"),
        bx(LR),
        label("irq1"),
        mark(0xA1),
        stop("second"),
        bx(LR),
    ];
    each(&program, |rig| {
        rig.go("leaves");
        let (first, frame) = (rig.registers(), rig.frame(STACK - 32));
        // A mark in the frame's R12, which only an unstacking and a stacking would move.
        rig.set_word(STACK - 16, 0x1212_1212);
        rig.go("irq1");
        let second = rig.registers();
        assert_eq!((second.msp, second.lr, second.exception()), (first.msp, first.lr, 17));
        assert_eq!(second.r[2..4], [0, 0], "nothing was unstacked in between");
        rig.go("second");
        assert_eq!(frame[6], rig.at("behind"));
        rig.go("done");
        assert_eq!(rig.trace(), [0xA0, 0xA1, 1]);
        let r = rig.registers();
        assert_eq!((r.r[2], r.r[3], r.r[12], r.msp), (0x2222_2222, 0x3333_3333, 0x1212_1212, STACK));
    });
}

/// Chaining takes fewer cycles than a return and an entry (DDI0419 B1.5.12).
#[test]
fn chaining_is_faster_than_returning_and_entering() {
    let program =
        [label("start"), poke(ISER, 0b11), poke(ISPR, 0b11), done(), label("irq0"), bx(LR), label("irq1"), bx(LR)];
    each(&program, |rig| {
        rig.go("irq0");
        let first = rig.cycle();
        rig.go("irq1");
        let chained = rig.cycle() - first;
        rig.go("done");
        let whole = rig.cycle() - first - chained;
        // `bx` and the 6 cycles that ARM gives for the Cortex-M3 (exception.rs, CHAIN_CYCLES).
        let bx = if rig.m0 { 3 } else { 2 };
        assert_eq!(chained, bx + 6, "chained in {chained}");
        assert!(whole > chained, "returned in {whole}");
    });
}

/// A chained handler returns to what the first had interrupted, a handler here (DDI0419 B1.5.8).
#[test]
fn chaining_happens_inside_another_handler_too() {
    let program = [
        label("start"),
        poke(IPR, 0x00_40_40_C0),
        poke(ISER, 0b111),
        poke(ISPR, 0b001),
        done(),
        label("irq0"),
        push(&[4, LR]),
        poke(ISPR, 0b110),
        mark(0xAF),
        pop(&[4, PC]),
        handler("irq1", 0xA1),
        handler("irq2", 0xA2),
    ];
    each(&program, |rig| {
        rig.go("irq2");
        let r = rig.registers();
        assert_eq!((r.lr, r.msp), (0xFFFF_FFF1, STACK - 32 - 8 - 32));
        rig.go("done");
        assert_eq!(rig.trace(), [0xA1, 0xA2, 0xAF]);
    });
}

/// What is pending but not more urgent than where the return leads is not chained (DDI0419 B1.5.12).
#[test]
fn no_chaining_past_a_handler_that_is_as_urgent() {
    let program = [
        label("start"),
        poke(IPR, 0x00_40_80_80),
        poke(ISER, 0b111),
        poke(ISPR, 0b001),
        done(),
        label("irq0"),
        push(&[4, LR]),
        poke(ISPR, 0b100),
        mark(0xAF),
        pop(&[4, PC]),
        label("irq2"),
        poke(ISPR, 0b010),
        mark(0xA2),
        bx(LR),
        handler("irq1", 0xA1),
    ];
    each(&program, |rig| {
        rig.go("done");
        assert_eq!(rig.trace(), [0xA2, 0xAF, 0xA1]);
    });
}

/// A more urgent exception that arrives while another is being entered takes its place: one frame, and the other
/// is chained behind it (DDI0419 B1.5.11).
#[test]
fn a_late_arrival_takes_over_the_entry() {
    let program = [
        label("start"),
        poke(SHPR3, 0),
        poke(IPR, 0xC0),
        poke(ISER, 1),
        lit(6, 0x00FF_FFFF),
        lit(3, ISPR),
        lit(2, 0xE000_E010),
        movs(1, 1),
        movs(0, 7),
        stop("armed"),
        // R4 is RVR: SysTick comes R4 + 1 cycles after this store.
        str(4, 2, 4),
        str(4, 2, 8),
        str(0, 2, 0),
        // And no second time.
        str(6, 2, 4),
        str(1, 3, 0),
        label("behind"),
        nop(),
        nop(),
        nop(),
        nop(),
        nop(),
        done(),
        label("systick"),
        mov(5, SP),
        ldr_sp(6, 24),
        mark(0x15),
        bx(LR),
        label("irq0"),
        mark(0xA0),
        bx(LR),
    ];
    for engine in engines() {
        for part in ["F051", "G071"] {
            // For each delay: whether SysTick's handler was first, and how deep it stood.
            let (mut late, mut preempting) = (0, 0);
            for delay in 4..60 {
                let assembled = assemble(CODE, &program);
                let mut rig = Rig::new(engine, part, &program);
                rig.go("armed");
                rig.chip.set_registers(|r| r.r[4] = delay);
                rig.go("done");
                let depth = STACK.wrapping_sub(rig.r(5));
                let after = rig.r(6) == assembled.labels["behind"];
                match rig.trace()[..] {
                    [0x15, 0xA0, ..] if after => {
                        assert_eq!(depth, 32, "{part}, {delay}: one frame");
                        late += 1;
                    }
                    [0xA0, 0x15, ..] if depth == 64 => preempting += 1,
                    _ => {}
                }
            }
            assert!((10..=18).contains(&late), "{part}: {late} arrivals during the entry");
            assert!(preempting > 0, "{part}: later ones interrupt the handler");
        }
    }
}
