//! The decoder and the debug registers, without any client.

use super::*;
use crate::cpu::hybrid::Engine;
use crate::part;

const DHCSR: u32 = 0xE000_EDF0;
const DEMCR: u32 = 0xE000_EDFC;
const DFSR: u32 = 0xE000_ED30;
const SRAM: u32 = 0x2000_0000;
const HALT: u32 = 0xA05F_0003;
const RUN: u32 = 0xA05F_0001;

fn plugged(part: &str, model: Model) -> StLink {
    with_engine(part, model, Engine::Auto)
}

fn with_engine(part: &str, model: Model, engine: Engine) -> StLink {
    let mut chip = Chip::with_engine(&part::find(part).unwrap(), 1, engine).unwrap();
    chip.power_on();
    StLink::new(chip, model)
}

/// In debug mode.
fn probe(part: &str) -> StLink {
    let mut probe = plugged(part, Model::V2);
    assert_eq!(probe.command(&[0xF2, 0x30, 0xA3], &[]), [0x80, 0]);
    probe
}

fn command(opcode: u8, address: u32, length: u16) -> Vec<u8> {
    [[0xF2, opcode].as_slice(), &address.to_le_bytes(), &length.to_le_bytes()].concat()
}

impl StLink {
    fn set(&mut self, address: u32, value: u32) -> u8 {
        let c = [[0xF2, 0x35].as_slice(), &address.to_le_bytes(), &value.to_le_bytes()].concat();
        self.command(&c, &[])[0]
    }

    fn get(&mut self, address: u32) -> u32 {
        let reply = self.command(&command(0x36, address, 0), &[]);
        assert_eq!((reply.len(), reply[0]), (8, 0x80), "0x{address:08X}");
        word16(&reply, 4)
    }

    fn register_is(&mut self, n: u8) -> u32 {
        word16(&self.command(&[0xF2, 0x33, n], &[]), 4)
    }

    fn set_register(&mut self, n: u8, value: u32) {
        let c = [[0xF2, 0x34, n].as_slice(), &value.to_le_bytes()].concat();
        assert_eq!(self.command(&c, &[]), [0x80, 0]);
    }

    /// Puts code into SRAM and halts the core before it.
    fn halted_at(&mut self, code: &[u16]) {
        self.set(DHCSR, HALT);
        let bytes: Vec<u8> = code.iter().flat_map(|h| h.to_le_bytes()).collect();
        self.command(&command(0x48, SRAM, bytes.len() as u16), &bytes);
        assert_eq!(self.command(&[0xF2, 0x3B], &[]), [0x80, 0]);
        self.set_register(15, SRAM);
        self.set_register(16, 1 << 24);
        self.set_register(13, SRAM + 0x800);
    }

    fn last(&mut self) -> (u8, u32) {
        let reply = self.command(&[0xF2, 0x3E], &[]);
        assert_eq!(reply.len(), 12);
        (reply[0], word16(&reply, 4))
    }
}

fn word16(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_probe_says_what_it_is() {
    let mut v2 = plugged("F051", Model::V2);
    // V2J37M27: 2 << 12 | 37 << 6 | 27, then 0483:374b.
    assert_eq!(v2.command(&[0xF1], &[]), [0x29, 0x5B, 0x83, 0x04, 0x4B, 0x37]);
    assert_eq!(v2.command(&[0xFB], &[]), [0x42, 0]);
    let mut v3 = plugged("F051", Model::V3);
    assert_eq!(v3.command(&[0xF1, 0x80], &[]), [0x30, 0, 0x83, 0x04, 0x4E, 0x37]);
    assert_eq!(v3.command(&[0xFB], &[]), [3, 0, 13, 3, 0, 0, 0, 0, 0x83, 0x04, 0x4E, 0x37]);
    for probe in [&mut v2, &mut v3] {
        assert_eq!(probe.command(&[0xF5], &[]), [1, 0]);
        assert_eq!(probe.command(&[0xF7], &[]).len(), 8);
        assert!(probe.command(&[0xF3, 0x07], &[]).is_empty());
    }
}

#[test]
fn every_reply_has_its_length() {
    let lengths: [(&[u8], usize); 22] = [
        (&[0xF2, 0x22], 4),
        (&[0xF2, 0x31], 12),
        (&[0xF2, 0x32], 2),
        (&[0xF2, 0x33, 0], 8),
        (&[0xF2, 0x34, 0], 2),
        (&[0xF2, 0x35], 2),
        (&[0xF2, 0x36], 8),
        (&[0xF2, 0x3A], 88),
        (&[0xF2, 0x3B], 2),
        (&[0xF2, 0x3C, 2], 2),
        (&[0xF2, 0x3E], 12),
        (&[0xF2, 0x43], 2),
        (&[0xF2, 0x45, 0, 0, 0xFC], 8),
        (&[0xF2, 0x46], 2),
        (&[0xF2, 0x4B], 2),
        (&[0xF2, 0x4C], 2),
        (&[0xF2, 0x56], 128),
        (&[0xF2, 0x0C, 0, 0, 0, 0x20, 1], 2),
        (&[0xF2, 0x0C, 0, 0, 0, 0x20, 3], 3),
        (&[0xF2, 0x07, 0, 0, 0, 0x20, 0, 4], 1024),
        (&[0xF2, 0x40], 2),
        (&[0xF2, 0x42], 2),
    ];
    for connected in [true, false] {
        for (c, length) in lengths {
            let mut probe = if connected { probe("G071") } else { plugged("G071", Model::V2) };
            assert_eq!(probe.command(c, &[]).len(), length, "{c:02X?}, connected: {connected}");
        }
    }
    let mut v3 = plugged("G071", Model::V3);
    assert_eq!([0x61, 0x62, 0x63].map(|c| v3.command(&[0xF2, c], &[]).len()), [8, 52, 8]);
    assert_eq!(v3.command(&[0xF2, 0x61, 0, 0, 0x40, 0x1F], &[])[4..], 8_000u32.to_le_bytes());
}

#[test]
fn unknown_commands_get_42() {
    let mut probe = probe("F051");
    for c in [&[0x00][..], &[0xF4, 1], &[0xF2, 0x99], &[0xF2, 0x62], &[]] {
        assert_eq!(probe.command(c, &[]), [0x42, 0], "{c:02X?}");
    }
}

#[test]
fn transfers_are_refused_as_the_firmware_does() {
    let mut probe = probe("F051");
    probe.set(DHCSR, HALT);
    let mut check = |c: Vec<u8>, data: &[u8], status: u8, address: u32| {
        probe.command(&c, data);
        assert_eq!(probe.last(), (status, address), "{c:02X?}");
    };
    check(command(0x07, SRAM + 2, 4), &[], 0x0A, SRAM + 2);
    check(command(0x07, SRAM, 6), &[], 0x0A, SRAM);
    check(command(0x47, SRAM + 1, 2), &[], 0x0A, SRAM + 1);
    check(command(0x07, SRAM, 6148), &[], 0x01, SRAM);
    check(command(0x0C, SRAM, 65), &[], 0x01, SRAM);
    check(command(0x0D, SRAM, 4), &[1, 2], 0x01, SRAM);
    check([command(0x07, SRAM, 4).as_slice(), &[1]].concat(), &[], 0x1D, SRAM);
    // 8 KB of SRAM: the fifth word is outside.
    check(command(0x07, SRAM + 0x1FF0, 32), &[], 0x11, SRAM + 0x2000);
    check(command(0x08, SRAM + 0x1FFC, 8), &[0; 8], 0x11, SRAM + 0x2000);
    // A store to flash with PG clear.
    check(command(0x48, 0x0800_0000, 2), &[0; 2], 0x11, 0x0800_0000);
    // Up to 7 an access port that is not there opens and reads 0, as real firmware has it.
    for (ap, status) in [(1, 0x80), (7, 0x80), (8, 0x1D)] {
        assert_eq!(probe.command(&[0xF2, 0x4B, ap], &[]), [status, 0]);
        assert_eq!(probe.command(&[0xF2, 0x45, ap, 0, 0xFC], &[]), [status, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(probe.command(&[0xF2, 0x46, ap, 0, 0, 0, 1, 2, 3, 4], &[]), [status, 0]);
    }
    assert_eq!(probe.command(&[0xF2, 0x30, 0xA4], &[]), [0x05, 0], "no JTAG");
}

#[test]
fn a_blank_chip_is_locked_up_until_it_halts() {
    let mut probe = probe("F051");
    let status = probe.get(DHCSR);
    assert_ne!(status & 1 << 19, 0, "{status:08X}");
    assert_ne!(status & 1 << 25, 0, "it has come out of reset");
    probe.set(DHCSR, HALT);
    let status = probe.get(DHCSR);
    assert_eq!(status & 0x020E_000F, 0x0002_0003, "{status:08X}");
    assert_eq!(probe.get(DFSR), 1);
    assert_eq!(probe.register_is(15), 0xFFFF_FFFE);
}

#[test]
fn code_from_a_probe_runs_to_its_bkpt() {
    for (part, &engine) in ["F031", "F051", "G071"].into_iter().flat_map(|p| Engine::BUILT.iter().map(move |e| (p, e)))
    {
        let mut probe = with_engine(part, Model::V2, engine);
        assert_eq!(probe.command(&[0xF2, 0x30, 0xA3], &[]), [0x80, 0]);
        // movs r0, #5; adds r0, #1; bkpt; b .
        probe.halted_at(&[0x2005, 0x3001, 0xBE00, 0xE7FE]);
        probe.set(DFSR, 0x1F);
        probe.set(DHCSR, 0xA05F_0009);
        assert_eq!(probe.get(DHCSR) & 0x0002_000F, 0x0002_000B, "{part}, {engine:?}: C_HALT set, C_MASKINTS kept");
        assert_eq!((probe.register_is(0), probe.register_is(15)), (6, SRAM + 4), "{part}, {engine:?}");
        assert_eq!(probe.get(DFSR), 2);
        // Other code at the same place: the old is forgotten.
        probe.halted_at(&[0x2007, 0x3001, 0xBE00]);
        probe.set(DHCSR, RUN);
        assert_eq!(probe.register_is(0), 8, "{part}, {engine:?}");
    }
}

#[test]
fn the_same_talk_gives_the_same_run_on_every_engine() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built/STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let image = std::fs::read(path).unwrap();
    let run = |engine| {
        let part = part::find("F051").unwrap();
        let mut chip = Chip::with_engine(&part, 1, engine).unwrap();
        let factory = crate::flash::Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
        factory.cells(part.flash.base, &image).unwrap().install(chip.board.flash.as_mut()).unwrap();
        chip.power_on();
        let mut probe = StLink::new(chip, Model::V2);
        probe.command(&[0xF2, 0x30, 0xA3], &[]);
        let mut seen: Vec<u32> = (0..40).map(|_| probe.get(DHCSR)).collect();
        probe.set(DHCSR, HALT);
        for _ in 0..20 {
            probe.set(DHCSR, 0xA05F_0005);
            seen.push(probe.register_is(15));
        }
        (seen, probe.target.chip.now(), probe.target.chip.instructions(), probe.target.chip.registers())
    };
    let first = run(Engine::Auto);
    for &engine in Engine::BUILT {
        assert_eq!(run(engine), first, "{engine:?}");
    }
    assert!(first.2 > 100_000, "it ran: {}", first.2);
}

#[test]
fn steps_go_one_by_one() {
    let mut probe = probe("G071");
    probe.halted_at(&[0x2005, 0x3001, 0xBE00]);
    probe.get(DHCSR);
    for (n, r0) in [(1, 5), (2, 6), (2, 6)] {
        probe.set(DHCSR, 0xA05F_000D);
        let status = probe.get(DHCSR);
        assert_eq!(status & 0x0002_0003, 0x0002_0003);
        assert_eq!((probe.register_is(15), probe.register_is(0)), (SRAM + 2 * n, r0));
    }
    assert_eq!(probe.get(DFSR) & 3, 3, "the last was the bkpt");
}

#[test]
fn comparators_stop_before_their_instruction() {
    let mut probe = probe("F051");
    assert_eq!(probe.get(0xE000_2000), 0x40);
    probe.halted_at(&[0xE7FE]);
    probe.set(0xE000_2008, 0xC000_0001 | 0x0800_0000);
    probe.set(0xE000_2000, 3);
    assert_eq!(probe.get(0xE000_2000), 0x41);
    assert_eq!(probe.get(0xE000_2008), 0xC800_0001);
    probe.set(DHCSR, RUN);
    assert_eq!(probe.get(DHCSR) & 1 << 17, 0, "it runs");
    probe.set(DHCSR, HALT);
    probe.set_register(15, 0x0800_0002);
    probe.set(DFSR, 0x1F);
    probe.set(DHCSR, RUN);
    assert_ne!(probe.get(DHCSR) & 1 << 17, 0);
    assert_eq!((probe.get(DFSR), probe.register_is(15)), (2, 0x0800_0002));
}

#[test]
fn vector_catch_halts_at_the_reset_vector() {
    let mut probe = probe("F051");
    probe.set(DHCSR, HALT);
    probe.set(DEMCR, 0x0100_0501);
    assert_eq!(probe.get(DEMCR), 0x0100_0401, "what ARMv6-M has of it");
    probe.get(DHCSR);
    probe.set(DFSR, 0x1F);
    probe.set(AIRCR, aircr::VECTKEY | aircr::SYSRESETREQ);
    let status = probe.get(DHCSR);
    assert_eq!(status & 0x0202_0003, 0x0202_0003, "{status:08X}");
    assert_eq!(probe.get(DHCSR) & 1 << 25, 0, "S_RESET_ST clears on read");
    assert_eq!(probe.get(DFSR), 8);
    // Without the catch it runs on, and C_DEBUGEN stays.
    probe.set(DEMCR, 0);
    assert_eq!(probe.command(&[0xF2, 0x32], &[]), [0x80, 0]);
    assert_eq!(probe.get(DHCSR) & 0x0002_0003, 1);
}

#[test]
fn hard_faults_can_be_caught() {
    // A blank F0 stands in HardFault already, where a second fault locks up.
    let mut probe = probe("G071");
    probe.halted_at(&[0xDE00]);
    probe.set(DEMCR, 1 << 10);
    probe.set(DFSR, 0x1F);
    probe.set(DHCSR, RUN);
    assert_ne!(probe.get(DHCSR) & 1 << 17, 0);
    assert_eq!(probe.get(DFSR), 8);
    assert_eq!(probe.register_is(16) & 0x3F, 3);
}

#[test]
fn under_reset_only_debug_registers_answer() {
    let mut probe = probe("F051");
    probe.command(&[0xF2, 0x3C, 0], &[]);
    probe.set(DHCSR, HALT);
    assert_ne!(probe.get(DHCSR) & 1 << 25, 0);
    assert_ne!(probe.get(DHCSR) & 1 << 25, 0, "as long as NRST is low");
    assert_eq!(probe.get(DHCSR) & 1 << 17, 0);
    assert_eq!(probe.set(SRAM, 1), 0x11);
    assert_eq!(probe.set(0x4001_5808, 0x1800), 0x80);
    assert_eq!(probe.get(0x4001_5808), 0x1800, "DBGMCU");
    probe.command(&[0xF2, 0x3C, 1], &[]);
    assert_ne!(probe.get(DHCSR) & 1 << 17, 0, "the halt was asked for meanwhile");
    assert_eq!(probe.set(SRAM, 1), 0x80);
}

/// ST's flash algorithm for the G0 reads the id code after a reset, and does not ask for its clock.
#[test]
fn code_reads_the_id_code_while_it_is_debugged() {
    for (part, id) in [("F051", 0x440), ("G071", 0x460), ("G031", 0x466)] {
        let mut probe = probe(part);
        probe.set(DHCSR, HALT);
        probe.command(&[0xF2, 0x32], &[]);
        // ldr r0, [r1]; ldr r2, [r1, #4]; bkpt
        probe.set(0x4001_5804, 6);
        probe.halted_at(&[0x6808, 0x684A, 0xBE00]);
        probe.set_register(1, 0x4001_5800);
        probe.set(DHCSR, RUN);
        while probe.get(DHCSR) & 1 << 17 == 0 {}
        assert_eq!(probe.register_is(0) & 0xFFF, id, "{part}");
        assert_eq!(probe.register_is(2), 0, "{part}: DBGMCU_CR has no clock");
        // Without a debugger it is not known.
        probe.set(DHCSR, 0xA05F_0000);
        let chip = &mut probe.target.chip;
        let reply = crate::cpu::Bus::read(&mut chip.board, 0x4001_5800, crate::bus::Width::Word, 0, 0).unwrap();
        assert_eq!(reply.value, 0, "{part}");
    }
}

#[test]
fn the_ports_registers() {
    let mut probe = probe("F051");
    let mut dap = |write: bool, port: u16, register: u16, value: u32| {
        let opcode = if write { 0x46 } else { 0x45 };
        let c =
            [[0xF2, opcode].as_slice(), &port.to_le_bytes(), &register.to_le_bytes(), &value.to_le_bytes()].concat();
        let reply = probe.command(&c, &[]);
        (reply[0], if write { 0 } else { word16(&reply, 4) })
    };
    assert_eq!(dap(false, DEBUG_PORT, 0, 0), (0x80, 0x0BB1_1477));
    dap(true, DEBUG_PORT, 4, 0x5000_0000);
    assert_eq!(dap(false, DEBUG_PORT, 4, 0), (0x80, 0xF000_0000));
    assert_eq!(dap(false, 0, 0xFC, 0), (0x80, 0x0477_0021));
    assert_eq!(dap(false, 0, 0xF8, 0), (0x80, 0xE00F_F003));
    // TAR counts within 1 KB.
    dap(true, 0, 0x00, 0x2300_0012);
    dap(true, 0, 0x04, SRAM + 0x3FC);
    dap(true, 0, 0x0C, 0x1122_3344);
    assert_eq!(dap(false, 0, 0x04, 0), (0x80, SRAM));
    assert_eq!(dap(false, 0, 0x00, 0), (0x80, 0x2300_0052));
    // Bytes stand in their lanes.
    dap(true, 0, 0x00, 0x2300_0000);
    dap(true, 0, 0x04, SRAM + 0x3FD);
    assert_eq!(dap(false, 0, 0x0C, 0), (0x80, 0x3300));
    assert_eq!(dap(false, 0, 0x1C, 0), (0x80, 0x1122_3344));
    // A fault sticks until it is cleared.
    dap(true, 0, 0x04, 0x6000_0000);
    assert_eq!(dap(false, 0, 0x0C, 0).0, 0x11);
    assert_eq!(dap(false, DEBUG_PORT, 4, 0).1, 0xF000_0020);
    assert_eq!(dap(false, 0, 0x04, 0).0, 0x15);
    dap(true, DEBUG_PORT, 0, 4);
    assert_eq!(dap(false, 0, 0x04, 0), (0x80, 0x6000_0000));
}

#[test]
fn batches() {
    let mut probe = probe("F051");
    let values = [0, SRAM, 0x55AA_1234, 0x55AA_5678, SRAM + 4, 0x6000_0000, 9];
    let mut data = vec![5, 1, 2, 2, 3, 3, 5, 0];
    data.extend(words(&values));
    assert_eq!(Command::of(&[0xF2, 0x51, 7]).data_length(), data.len());
    assert!(probe.command(&[0xF2, 0x51, 7], &data).is_empty());
    let reply = probe.command(&[0xF2, 0x52], &[]);
    assert_eq!(reply.len(), 56);
    assert_eq!(word16(&reply, 16), 0x55AA_5678);
    let statuses: Vec<u32> = (7..14).map(|n| word16(&reply, 4 * n)).collect();
    assert_eq!(statuses, [0x80, 0x80, 0x80, 0x80, 0x80, 0x11, 0x1D]);
    probe.command(&[0xF2, 0x51, 65], &vec![0; Command::of(&[0xF2, 0x51, 65]).data_length()]);
    assert_eq!(probe.last().0, 0x01, "too many for a V2");
}

#[test]
fn flash_goes_through_its_controller() {
    let mut probe = probe("F051");
    probe.set(DHCSR, HALT);
    for key in [0x4567_0123, 0xCDEF_89AB] {
        probe.set(0x4002_2004, key);
    }
    probe.set(0x4002_2010, 1);
    probe.command(&command(0x48, 0x0800_0000, 4), &[0x34, 0x12, 0x78, 0x56]);
    assert_eq!(probe.last().0, 0x80);
    assert_eq!(probe.get(0x0800_0000), 0x5678_1234);
    assert_eq!(probe.get(0x4002_200C), 0x20, "EOP, and not busy");
}

#[test]
fn level_2_answers_nobody() {
    let part = part::find("F051").unwrap();
    let mut chip = Chip::new(&part, 1).unwrap();
    let factory = crate::flash::Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    factory.rdp(2).unwrap().install(chip.board.flash.as_mut()).unwrap();
    chip.power_on();
    let mut probe = StLink::new(chip, Model::V2);
    assert_eq!(probe.command(&[0xF2, 0x30, 0xA3], &[]), [0x05, 0]);
    assert_eq!(probe.command(&command(0x36, SRAM, 0), &[])[0], 0x05);
    probe.command(&command(0x07, SRAM, 4), &[]);
    assert_eq!(probe.last(), (0x05, SRAM));
}

mod any_input {
    use super::*;
    use proptest::prelude::*;

    /// Random bytes, but often with an opcode and an address that lead somewhere.
    fn commands() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        let addresses = prop_oneof![
            Just(0x2000_0000u32),
            Just(0x0800_0000),
            Just(0x4002_2000),
            Just(0xE000_EDF0),
            Just(0xE000_2000),
            Just(0x1FFF_F800),
            Just(0x4000_3000),
            any::<u32>()
        ];
        let values = prop_oneof![
            any::<u32>(),
            Just(0xA05F_0001),
            Just(0xA05F_0003),
            Just(0xA05F_0005),
            Just(0x4567_0123),
            Just(0xCDEF_89AB),
            Just(0x05FA_0004)
        ];
        let likely = (any::<u8>(), addresses, 0u32..64, values).prop_map(|(opcode, address, offset, value)| {
            let address = address.wrapping_add(offset);
            [[0xF2, opcode % 0x64].as_slice(), &address.to_le_bytes(), &value.to_le_bytes()].concat()
        });
        let command = prop_oneof![4 => likely, 1 => prop::collection::vec(any::<u8>(), 0..20)];
        (command, prop::collection::vec(any::<u8>(), 0..160), any::<bool>()).prop_map(|(command, mut data, fits)| {
            if fits {
                data.resize(Command::of(&command).data_length().min(8192), 0x5A);
            }
            (command, data)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn leaves_probe_and_chip_whole(
            g0: bool,
            v3: bool,
            talk in prop::collection::vec(commands(), 1..60),
        ) {
            let part = if g0 { "G071" } else { "F051" };
            let mut probe = plugged(part, if v3 { Model::V3 } else { Model::V2 });
            probe.command(&[0xF2, 0x30, 0xA3], &[]);
            let mut before = probe.target.chip.now();
            for (command, data) in talk {
                let reply = probe.command(&command, &data);
                prop_assert!(reply.len() <= 0x1_0000);
                prop_assert_eq!(probe.target.take_broken(), None);
                let now = probe.target.chip.now();
                prop_assert!(now.cycle >= before.cycle && now.time >= before.time, "time goes on");
                before = now;
            }
            // What outlives power-off can be put into another chip, and that one runs.
            let chip = &mut probe.target.chip;
            chip.power_off(1);
            let non_volatile = chip.board.flash.non_volatile();
            let mut other = Chip::new(chip.part(), 1).unwrap();
            prop_assert!(other.board.flash.install(&non_volatile).is_ok());
            other.power_on();
            prop_assert!(!matches!(other.run_to_cycle(10_000), crate::chip::Halt::Broken(_)));
        }
    }
}
