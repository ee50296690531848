//! The engines against a bus of a few lines: time, faults, stops, stores into flash. Each program runs on both, and
//! has to do the same.

use super::block::FetchCost;
use super::hybrid::{Hybrid, Setup};
use super::interpreter::Interpreter;
use super::unicorn::UnicornCore;
use super::*;
use crate::bus::{BusFault, Width, fault};
use crate::memory::HostMemory;
use crate::part;

const FLASH: u32 = 0x0800_0000;
const SRAM: u32 = 0x2000_0000;
const IO: u32 = 0x4000_0000;

struct Bench {
    flash: HostMemory,
    sram: HostMemory,
    cost: FetchCost,
    alias: bool,
    seen: Vec<(u32, u32, u64)>,
    watched: Vec<(u32, u32, u32, u64)>,
    panic_at: Option<u32>,
}

impl Bench {
    fn new(code: &[u16]) -> Bench {
        let mut flash = HostMemory::new(0x2000, 0xFF);
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        flash.write(0, &bytes);
        let sram = HostMemory::new(0x1000, 0);
        Bench { flash, sram, cost: FetchCost::default(), alias: true, seen: vec![], watched: vec![], panic_at: None }
    }

    fn core(&self) -> UnicornCore {
        self.prepared(
            UnicornCore::new(part::Core::M0, 4, &(SRAM..SRAM + 0x1000), std::slice::from_ref(&(IO..IO + 0x1000)))
                .unwrap(),
        )
    }

    fn prepared<C: Core>(&self, mut core: C) -> C {
        core.remap(self);
        core.set_registers(&Registers { pc: FLASH, msp: SRAM + 0x1000, xpsr: T, ..Registers::default() });
        core
    }
}

impl Bus for Bench {
    fn read(&mut self, address: u32, _: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        assert!(self.panic_at != Some(address), "told to");
        self.seen.push((address, pc, cycle));
        if address >> 28 != 4 {
            return Err(fault("nothing is there"));
        }
        if address == IO + 0x100 { Err(fault("refused")) } else { Ok(Reply { value: 0x55, ..Reply::default() }) }
    }

    fn write(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        self.seen.push((address, pc, cycle));
        if address >> 28 == 3 {
            return Err(fault("nothing is there"));
        }
        let mut reply = Reply::default();
        if (FLASH..SRAM).contains(&address) {
            let bytes = value.to_le_bytes();
            self.flash.write((address - FLASH) as usize, &bytes[..width.bytes() as usize]);
            reply.changed = Some(address..address + width.bytes());
            reply.wait = 100;
        }
        reply.attention = address == IO + 0x200;
        if address == IO + 0x300 {
            self.alias = value != 0;
            reply.remap = true;
        }
        Ok(reply)
    }

    fn guard(&mut self, _: u32, _: Width, _: u32, _: u64) -> Result<Reply, BusFault> {
        Ok(Reply::default())
    }

    fn watched(&mut self, address: u32, _: Width, value: u32, pc: u32, cycle: u64) {
        self.watched.push((address, value, pc, cycle));
    }

    fn map(&self) -> Vec<Plain> {
        let flash = |address| Plain {
            address,
            size: 0x2000,
            pointer: self.flash.pointer(),
            writable: false,
            guarded: false,
            flash: true,
        };
        let mut map = vec![flash(FLASH)];
        map.push(Plain {
            address: SRAM,
            size: 0x1000,
            pointer: self.sram.pointer(),
            writable: true,
            guarded: false,
            flash: false,
        });
        if self.alias {
            map.push(flash(0));
        }
        map
    }

    fn fetch_cost(&self) -> FetchCost {
        self.cost
    }
}

fn run(code: &[u16], limit: u64) -> (Bench, UnicornCore, Stop) {
    run_with(code, limit, |_| {})
}

fn run_with(code: &[u16], limit: u64, set: impl Fn(&mut Registers)) -> (Bench, UnicornCore, Stop) {
    let mut bench = Bench::new(code);
    let core = bench.core();
    let (core, stop) = go(&mut bench, core, limit, &set);
    let mut other = Bench::new(code);
    let interpreter = other.prepared(Interpreter::new(part::Core::M0, 4));
    let (second, same) = go(&mut other, interpreter, limit, &set);
    compare("the interpreter", (&other, &second, &same), (&bench, &core, &stop));
    // Unicorn without register windows, for code that keeps to plain memory.
    let mut other = Bench::new(code);
    let bare = other.prepared(UnicornCore::new(part::Core::M0, 4, &(SRAM..SRAM + 0x1000), &[]).unwrap());
    let (mut bare, same) = go(&mut other, bare, limit, &set);
    if !bare.left() {
        compare("Unicorn without windows", (&other, &bare, &same), (&bench, &core, &stop));
    }
    (bench, core, stop)
}

fn compare<C: Core>(who: &str, this: (&Bench, &C, &Stop), record: (&Bench, &UnicornCore, &Stop)) {
    let ((other, second, same), (bench, core, stop)) = (this, record);
    assert_eq!(format!("{same:?}"), format!("{stop:?}"), "{who} stops for the same reason");
    assert_eq!(second.registers(), core.registers(), "{who}, after {stop:?}");
    let counts = (core.cycle(), core.instructions());
    assert_eq!((second.cycle(), second.instructions()), counts, "{who}, after {stop:?}");
    assert_eq!((&other.seen, &other.watched), (&bench.seen, &bench.watched), "{who}");
    assert!(other.sram.bytes(0, 0x1000) == bench.sram.bytes(0, 0x1000), "{who}: SRAM differs");
    assert!(other.flash.bytes(0, 0x2000) == bench.flash.bytes(0, 0x2000), "{who}: flash differs");
}

fn go<C: Core>(bench: &mut Bench, mut core: C, limit: u64, set: impl Fn(&mut Registers)) -> (C, Stop) {
    let mut registers = core.registers();
    set(&mut registers);
    core.set_registers(&registers);
    let stop = core.run(bench, limit);
    (core, stop)
}

const LOOP: u16 = 0xE7FE; // b .
const BKPT: u16 = 0xBE00;

#[test]
fn registers_come_back_as_they_were_set() {
    let bench = Bench::new(&[LOOP]);
    let mut core = bench.core();
    let mut r = Registers {
        msp: 0x2000_0F00,
        psp: 0x2000_0800,
        lr: 0xFFFF_FFF9,
        pc: FLASH + 0x10,
        xpsr: 0x6100_0000,
        primask: true,
        ..Registers::default()
    };
    for (i, value) in r.r.iter_mut().enumerate() {
        *value = 0x1111_1111 * i as u32;
    }
    core.set_registers(&r);
    assert_eq!(core.registers(), r);
    r.control = 2;
    core.set_registers(&r);
    assert_eq!(core.registers(), r);
    assert_eq!(core.registers().sp(), 0x2000_0800);
    r.xpsr |= 3;
    r.control = 0;
    core.set_registers(&r);
    assert_eq!((core.registers().exception(), core.registers().sp()), (3, 0x2000_0F00));
}

#[test]
fn time_is_exact_at_any_limit() {
    // movs r0,#1; movs r1,#2; ldr r2,[sp]; adds r0,r0,r1; b .-8
    let code = [0x2001, 0x2102, 0x9A00, 0x1840, 0xE7FA];
    let stops = [(0u64, 0u32), (1, 2), (2, 4), (4, 6), (5, 8), (8, 0), (9, 2)];
    for limit in 1..=9 {
        let (_, core, stop) = run_with(&code, limit, |r| r.msp = SRAM);
        assert!(matches!(stop, Stop::Limit));
        let expected = stops.iter().find(|(cycle, _)| *cycle >= limit).unwrap();
        assert_eq!((core.cycle(), core.registers().pc - FLASH), *expected, "limit {limit}");
    }
}

#[test]
fn slicing_changes_nothing() {
    // loop: adds r0,#1; ldr r1,[r7]; subs r2,#1; bne loop; bkpt
    let code = [0x3001, 0x6839, 0x3A01, 0xD1FB, BKPT];
    let set = |r: &mut Registers| {
        r.r[7] = IO;
        r.r[2] = 50;
    };
    let (whole, core, stop) = run_with(&code, 1_000_000, set);
    assert!(matches!(stop, Stop::Breakpoint), "{stop:?}");
    let mut bench = Bench::new(&code);
    let mut sliced = bench.core();
    let mut registers = sliced.registers();
    set(&mut registers);
    sliced.set_registers(&registers);
    let mut limit = 0;
    loop {
        limit += 7;
        match sliced.run(&mut bench, limit) {
            Stop::Limit => assert!(sliced.cycle() >= limit && sliced.cycle() < limit + 4),
            Stop::Breakpoint => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(whole.seen, bench.seen, "the accesses come at the same cycles");
    assert_eq!(core.cycle(), sliced.cycle());
    assert_eq!(core.registers(), sliced.registers());
    assert_eq!(core.cycle(), 50 * 4 + 49 * 3 + 1);
}

#[test]
fn an_access_knows_its_pc_and_its_cycle() {
    // nop; ldr r1,[r0]; nop; ldr r1,[r0,#4]; b .
    let (bench, ..) = run_with(&[0x46C0, 0x6801, 0x46C0, 0x6841, LOOP], 20, |r| r.r[0] = IO);
    assert_eq!(bench.seen, [(IO, FLASH + 2, 1), (IO + 4, FLASH + 6, 4)]);
}

#[test]
fn encodings_that_are_not_armv6m_fault_where_they_stand() {
    for h in [0xB108u16, 0xB650, 0xBF08, 0xDE00, 0xB661, 0xB9FF] {
        let (_, core, stop) = run(&[0x2001, h, LOOP], 100);
        let Stop::Fault(FaultKind::Undefined { encoding }) = stop else { panic!("{h:04x}: {stop:?}") };
        assert_eq!((encoding, core.registers().pc, core.cycle()), ([h, 0], FLASH + 2, 1));
    }
    let (_, core, stop) = run(&[0x2001, 0xF240, 0x0001, LOOP], 100);
    assert!(matches!(stop, Stop::Fault(FaultKind::Undefined { encoding: [0xF240, 1] })), "movw: {stop:?}");
    assert_eq!(core.registers().pc, FLASH + 2);
}

#[test]
fn hints_work() {
    let (_, core, stop) = run(&[0xBF10, 0x2005, 0xBF20, LOOP], 100);
    assert!(matches!(stop, Stop::WaitForEvent));
    assert_eq!((core.registers().r[0], core.registers().pc, core.cycle()), (5, FLASH + 6, 4));
    let (_, core, stop) = run(&[0x2005, 0xBF30, LOOP], 100);
    assert!(matches!(stop, Stop::WaitForInterrupt));
    assert_eq!(core.registers().pc, FLASH + 4);
    let (_, core, stop) = run(&[0xDF07, LOOP], 100);
    assert!(matches!(stop, Stop::Svc));
    assert_eq!(core.registers().pc, FLASH + 2);
    assert!(matches!(run(&[0xBF40, LOOP], 100).2, Stop::SendEvent));
}

#[test]
fn faults_name_their_cause_and_do_nothing() {
    let case = |code: &[u16], r0: u32| {
        let (_, core, stop) = run_with(code, 100, |r| r.r[0] = r0);
        let Stop::Fault(kind) = stop else { panic!("{stop:?}") };
        (kind, core.registers().pc - FLASH, core.registers().r[1])
    };
    assert_eq!(case(&[0x2107, 0x6801, LOOP], SRAM + 1), (FaultKind::Unaligned, 2, 7));
    assert_eq!(
        case(&[0x2107, 0x6801, LOOP], 0x3000_0000),
        (FaultKind::Read { address: 0x3000_0000, reason: "nothing is there" }, 2, 7)
    );
    assert_eq!(
        case(&[0x2107, 0x6001, LOOP], 0x3000_0000),
        (FaultKind::Write { address: 0x3000_0000, reason: "nothing is there" }, 2, 7)
    );
    assert_eq!(
        case(&[0x2107, 0x6801, LOOP], IO + 0x100),
        (FaultKind::Read { address: IO + 0x100, reason: "refused" }, 2, 7)
    );
    let (_, core, stop) = run_with(&[0x4700], 100, |r| r.r[0] = FLASH + 0x10);
    assert!(matches!(stop, Stop::Fault(FaultKind::NotThumb)), "{stop:?}");
    assert_eq!(core.registers().pc, FLASH + 0x10);
    for target in [0x3000_0001u32, IO + 1, 0xE000_0001] {
        let (_, core, stop) = run_with(&[0x2000, 0x4708], 100, |r| r.r[1] = target);
        assert!(
            matches!(stop, Stop::Fault(FaultKind::Fetch { address, .. }) if address == target & !1),
            "0x{target:X}: {stop:?}"
        );
        assert_eq!((core.registers().pc, core.cycle()), (target & !1, 4));
    }
}

#[test]
fn a_store_into_flash_goes_to_the_bus_alone() {
    // strh r1,[r0]; ldrh r2,[r0]; b .
    let (bench, core, _) = run_with(&[0x8001, 0x8802, LOOP], 300, |r| {
        r.r[0] = FLASH + 0x100;
        r.r[1] = 0xABCD;
    });
    assert_eq!(bench.seen, [(FLASH + 0x100, FLASH, 0)]);
    assert_eq!(core.registers().r[2], 0xABCD);
    // through the alias the bus sees the alias's address, and decides
    let (bench, ..) = run_with(&[0x8001, LOOP], 300, |r| r.r[0] = 0x100);
    assert_eq!(bench.seen[0].0, 0x100);
    assert_eq!(bench.flash.half(0x100), 0xFFFF);
}

#[test]
fn many_stores_into_flash_stay_trapped() {
    // loop: strh r1,[r0]; adds r0,#2; subs r2,#1; bne loop; bkpt
    let (bench, ..) = run_with(&[0x8001, 0x3002, 0x3A01, 0xD1FB, BKPT], 10_000_000, |r| {
        r.r[0] = FLASH + 0x400;
        r.r[1] = 0x1234;
        r.r[2] = 1000;
    });
    assert_eq!(bench.seen.len(), 1000);
    assert!(bench.seen.iter().enumerate().all(|(i, s)| s.0 == FLASH + 0x400 + 2 * i as u32));
}

#[test]
fn code_that_changes_is_decoded_anew() {
    // Runs `movs r3,#1` at +8 by bl, rewrites it to `movs r3,#2`, runs it again.
    // bl +8; strh r1,[r0]; bl +8; bkpt; ... at 0x10: movs r3,#1; bx lr
    let mut code = vec![0xF000, 0xF806, 0x8001, 0xF000, 0xF803, BKPT];
    code.resize(8, 0x46C0);
    code.extend([0x2301, 0x18E4, 0x4770]);
    let (_, core, stop) = run_with(&code, 10_000, |r| {
        r.r[0] = FLASH + 0x10;
        r.r[1] = 0x2302;
    });
    assert!(matches!(stop, Stop::Breakpoint), "{stop:?}");
    assert_eq!((core.registers().r[3], core.registers().r[4]), (2, 3));
}

#[test]
fn code_in_sram_is_run_as_it_stands() {
    // Stores `movs r3,#1; bx lr` and calls it, stores `movs r3,#2` over it and calls it again. The page is written
    // before code is fetched from it, and while it holds code.
    // strh r1,[r0]; strh r2,[r0,#2]; blx r5; adds r4,r4,r3; strh r6,[r0]; blx r5; adds r4,r4,r3; bkpt
    let code = [0x8001, 0x8042, 0x47A8, 0x18E4, 0x8006, 0x47A8, 0x18E4, BKPT];
    let (_, core, stop) = run_with(&code, 10_000, |r| {
        (r.r[0], r.r[5]) = (SRAM + 0x100, SRAM + 0x101);
        (r.r[1], r.r[2], r.r[6]) = (0x2301, 0x4770, 0x2302);
    });
    assert!(matches!(stop, Stop::Breakpoint), "{stop:?}");
    assert_eq!((core.registers().r[3], core.registers().r[4]), (2, 3));
}

#[test]
fn a_computation_changes_hands_and_comes_to_the_same() {
    // A long loop over SRAM, a store into flash that makes the loop's `adds r0,#1` an `adds r0,#2`, a register, and the
    // loop again: the store is made by the one engine, and the other has to know.
    // outer: movs r2,#200; lsls r2,#8
    // loop:  adds r0,#1; eors r1,r0; str r0,[r6]; ldr r3,[r6]; subs r2,#1; bne loop
    //        mov r5,r8; mov r3,r9; strh r3,[r5]; ldr r3,[r7]; b outer
    let code = [0x22C8, 0x0212, 0x3001, 0x4041, 0x6030, 0x6833, 0x3A01, 0xD1F9, 0x4645, 0x464B, 0x802B, 0x683B, 0xE7F2];
    let set = |r: &mut Registers| {
        (r.r[6], r.r[7]) = (SRAM + 0x40, IO);
        (r.r[8], r.r[9]) = (FLASH + 4, 0x3002);
    };
    let limit = 3_000_000;
    let mut bench = Bench::new(&code);
    let core = bench.prepared(Interpreter::new(part::Core::M0, 4));
    let (alone, stop) = go(&mut bench, core, limit, set);
    assert!(matches!(stop, Stop::Limit), "{stop:?}");
    let mut other = Bench::new(&code);
    let setup = Setup {
        core: part::Core::M0,
        line: 4,
        sram: SRAM..SRAM + 0x1000,
        windows: std::iter::once(IO..IO + 0x1000).collect(),
    };
    let core = other.prepared(Hybrid::new(setup));
    let (both, stop) = go(&mut other, core, limit, set);
    assert!(matches!(stop, Stop::Limit), "{stop:?}");
    assert!(both.has_translated(), "Unicorn has run");
    assert_eq!(both.registers(), alone.registers());
    assert_eq!((both.cycle(), both.instructions()), (alone.cycle(), alone.instructions()));
    assert_eq!(other.seen, bench.seen, "accesses at the same cycles");
    assert!(bench.seen.len() > 6, "{}", bench.seen.len());
    assert!(other.flash.bytes(0, 0x2000) == bench.flash.bytes(0, 0x2000), "flash differs");
    assert_eq!(bench.flash.half(4), 0x3002, "the loop was rewritten");
}

#[test]
fn the_alias_follows_a_register_at_once() {
    // str r1,[r0] (alias off); ldr r2,[r3]: faults
    let (_, core, stop) = run_with(&[0x6001, 0x681A, LOOP], 100, |r| {
        r.r[0] = IO + 0x300;
    });
    assert!(matches!(stop, Stop::Fault(FaultKind::Read { address: 0, .. })), "{stop:?}");
    assert_eq!(core.registers().pc, FLASH + 2);
}

#[test]
fn attention_stops_behind_the_store_that_caused_it() {
    // movs r2,#1; str r1,[r0]; movs r2,#2; b .
    let (bench, core, stop) = run_with(&[0x2201, 0x6001, 0x2202, LOOP], 1000, |r| r.r[0] = IO + 0x200);
    assert!(matches!(stop, Stop::Attention));
    assert_eq!((core.registers().pc, core.registers().r[2], core.cycle()), (FLASH + 4, 1, 3));
    assert_eq!(bench.seen.len(), 1, "the store is made once");
    // stm r0!,{r1}: has its base to write back, so Unicorn stops at the next block only
    let (code, set) = ([0xC002, 0x2202, LOOP], |r: &mut Registers| r.r[0] = IO + 0x200);
    let mut bench = Bench::new(&code);
    let core = bench.core();
    let (core, stop) = go(&mut bench, core, 1000, set);
    assert!(matches!(stop, Stop::Attention));
    assert_eq!((core.registers().pc, core.registers().r[0]), (FLASH + 4, IO + 0x204));
    let core = bench.prepared(Interpreter::new(part::Core::M0, 4));
    let (core, stop) = go(&mut bench, core, 1000, set);
    assert!(matches!(stop, Stop::Attention));
    assert_eq!((core.registers().pc, core.registers().r[0]), (FLASH + 2, IO + 0x204));
}

#[test]
fn watched_loads_are_told_with_value_and_time() {
    let code = [0x46C0, 0x7801, 0x6802, LOOP];
    let mut bench = Bench::new(&code);
    bench.flash.write(0x1000, &[0x01, 0x02, 0x03, 0x04]);
    let mut core = bench.core();
    core.watch(&[FLASH + 0x1000..FLASH + 0x1001, 0x1000..0x1001]);
    let mut registers = core.registers();
    registers.r[0] = 0x1000;
    core.set_registers(&registers);
    core.run(&mut bench, 50);
    assert_eq!(bench.watched, [(0x1000, 0x01, FLASH + 2, 1), (0x1000, 0x0403_0201, FLASH + 4, 3)]);
    bench.watched.clear();
    core.watch(&[]);
    core.set_registers(&Registers { pc: FLASH, r: registers.r, xpsr: T, ..Registers::default() });
    core.run(&mut bench, 100);
    assert!(bench.watched.is_empty());
}

#[test]
fn wait_states_are_paid_at_branch_targets() {
    let mut bench = Bench::new(&[LOOP]);
    bench.cost = FetchCost { sequential: 0, target: 1, literal: 1 };
    let mut core = bench.core();
    core.run(&mut bench, 40);
    assert_eq!(core.cycle(), 40);
    assert_eq!(core.instructions(), 10, "three cycles and one wait state a round");
}

#[test]
fn a_limit_inside_the_first_fetch_still_moves_on() {
    let mut bench = Bench::new(&[0x3001, 0x3001, 0x3001, 0xE7FB]);
    bench.cost = FetchCost { sequential: 2, target: 2, literal: 2 };
    let mut core = bench.core();
    for limit in 1..200 {
        assert!(matches!(core.run(&mut bench, limit), Stop::Limit));
        assert!(core.cycle() >= limit && core.cycle() < limit + 12, "limit {limit}: {}", core.cycle());
    }
}

#[test]
fn a_panic_in_the_model_is_this_cores_failure() {
    let mut bench = Bench::new(&[0x6801, LOOP]);
    bench.panic_at = Some(IO);
    let mut core = bench.core();
    let mut registers = core.registers();
    registers.r[0] = IO;
    core.set_registers(&registers);
    let stop = core.run(&mut bench, 100);
    assert!(matches!(&stop, Stop::Broken(text) if text.contains("told to")), "{stop:?}");
}

#[test]
fn an_exception_return_comes_either_way() {
    // In Handler mode: bx lr, bare and after cpsid.
    for code in [vec![0x4770u16], vec![0xB672, 0xB672, 0x4770]] {
        let (_, core, stop) = run_with(&code, 100, |r| {
            r.lr = 0xFFFF_FFF9;
            r.xpsr = T | 3;
        });
        assert!(matches!(stop, Stop::ExceptionReturn(0xFFFF_FFF9)), "{stop:?} {:?}", core.registers());
    }
    let (_, _, stop) = run_with(&[0x4770], 100, |r| r.lr = 0xFFFF_FFF9);
    assert!(matches!(stop, Stop::Fault(FaultKind::Fetch { .. })), "in Thread mode it is a plain jump: {stop:?}");
}
