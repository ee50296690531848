//! Peripherals that work together, set up through the debug port while the core goes in circles.

use dryflash::bus::{ResetCause, Width};
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::flash::factory::Factory;
use dryflash::part::{self, Part};
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::Path;
use std::sync::Arc;

const SRAM: u32 = 0x2000_0000;
const TIM3: u32 = 0x4000_0400;
const SYSCFG: u32 = 0x4001_0000;
const ADC: u32 = 0x4001_2400;
const DMA: u32 = 0x4002_0000;
const DMAMUX: u32 = 0x4002_0800;

/// A chip at 8 MHz (F0) or 16 MHz (G0) whose core goes in circles, with every clock on.
fn idle(part: &str) -> Chip {
    let part = part::find(part).unwrap();
    let mut chip = Chip::new(&part, 1).unwrap();
    let blank = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    let code = [0x2000_0800u32, 0x0800_0009, 0xE7FE_E7FE];
    let bytes: Vec<u8> = code.iter().flat_map(|w| w.to_le_bytes()).collect();
    blank.cells(0x0800_0000, &bytes).unwrap().install(chip.board.flash.as_mut()).unwrap();
    chip.power_on();
    let enables: &[u32] = match part.family {
        part::Family::F0 => &[0x4002_1014, 0x4002_1018, 0x4002_101C],
        part::Family::G0 => &[0x4002_1034, 0x4002_1038, 0x4002_103C, 0x4002_1040],
    };
    set(&mut chip, &enables.iter().map(|a| (*a, u32::MAX)).collect::<Vec<_>>());
    chip
}

fn set(chip: &mut Chip, stores: &[(u32, u32)]) {
    for (address, value) in stores {
        chip.debug_write(*address, Width::Word, *value).unwrap();
    }
}

fn get(chip: &mut Chip, address: u32) -> u32 {
    chip.debug_read(address, Width::Word).unwrap()
}

#[track_caller]
fn run_to(chip: &mut Chip, us: u64) {
    assert_eq!(chip.run(Time::from_micros(us)), Halt::Time, "{:?}", chip.board.log.events);
}

fn lacks(chip: &Chip) -> Vec<&str> {
    chip.board.log.notes().filter(|(as_on_the_chip, ..)| !as_on_the_chip).map(|(.., text)| text).collect()
}

/// A square wave: high and low for so long, from 1 ms on.
fn square(high_us: u64, low_us: u64, periods: u64) -> Signal {
    let start = |n: u64| 1_000 + n * (high_us + low_us);
    let changes = (0..periods).flat_map(|n| {
        [(Time::from_micros(start(n)), Drive::High), (Time::from_micros(start(n) + high_us), Drive::Low)]
    });
    Signal::timeline(Drive::Low, changes.collect())
}

#[test]
fn every_part_tells_its_id_its_size_and_its_calibration() {
    for part in part::all() {
        let mut chip = idle(&part.name);
        let id = &part.identity;
        for (n, word) in id.uid.iter().enumerate() {
            assert_eq!(get(&mut chip, id.uid_address + 4 * n as u32), *word, "{}", part.name);
        }
        let size = chip.debug_read(id.flash_size_address, Width::Half).unwrap();
        assert_eq!(size * 1024, part.flash.size, "{}", part.name);
        for word in part.calibration.words() {
            let read = chip.debug_read(word.address, Width::Half).unwrap();
            assert_eq!(read, u32::from(word.value), "{} {:#x}", part.name, word.address);
        }
    }
}

#[test]
fn dma_brings_what_the_converter_reads_into_sram() {
    // Channel of the DMA, ADVREGEN, channel of the temperature sensor, what it reads at 60 C.
    for (part, channel, regulator, sensor, code) in [("F051", 1, 0, 16, 1615), ("G071", 2, 1 << 28, 12, 1045)] {
        let mut chip = idle(part);
        let adc = chip.board.devices.adc().unwrap();
        adc.inputs.channel_mv[3] = 1_650;
        adc.inputs.die_celsius = 60;
        let block = DMA + 8 + 0x14 * (channel - 1);
        let mux = if part == "G071" { (DMAMUX + 4 * (channel - 1), 5) } else { (SRAM + 0x300, 0) };
        set(
            &mut chip,
            &[
                mux,
                (block + 4, 3),
                (block + 8, ADC + 0x40),
                (block + 12, SRAM + 0x100),
                (block, 0x5A1),
                (ADC + 8, regulator),
                (ADC + 0x28, 1 << 3 | 1 << 6 | 1 << sensor),
                (ADC + 0x308, 1 << 23),
                (ADC + 0xC, 1),
                (ADC + 8, regulator | 1),
            ],
        );
        run_to(&mut chip, 10);
        set(&mut chip, &[(ADC + 8, regulator | 4)]);
        run_to(&mut chip, 100);
        let half = |chip: &mut Chip, n: u32| chip.debug_read(SRAM + 0x100 + 2 * n, Width::Half).unwrap();
        let read = [0, 1, 2].map(|n| half(&mut chip, n));
        // The G0's calibration words are of 3.0 V, so 60 C reads less than TS_CAL1 says at 3.3 V.
        assert_eq!(&read[..2], [2048, 1241], "{part}");
        assert!(read[2].abs_diff(code) < 12, "{part}: {}", read[2]);
        let flags = get(&mut chip, DMA) >> (4 * (channel - 1));
        assert_eq!((flags, get(&mut chip, block + 4)), (7, 3), "{part}: half, whole, and round again");
        assert_eq!(lacks(&chip), [""; 0], "{part}");
    }
}

#[test]
fn a_timer_captures_the_signal_pin_and_dma_keeps_the_counts() {
    for (part, gpio, channel, divider) in [("F051", 0x4800_0400, 4, 8), ("G071", 0x5000_0400, 1, 16)] {
        let mut chip = idle(part);
        let block = DMA + 8 + 0x14 * (channel - 1);
        let mux = if part == "G071" { (DMAMUX, 32) } else { (SRAM + 0x300, 0) };
        set(
            &mut chip,
            &[
                mux,
                (gpio + 0x20, 1 << 16),
                (gpio, 2 << 8),
                (TIM3 + 0x18, 0x41),
                (TIM3 + 0x20, 0xA),
                (TIM3 + 0x28, divider - 1),
                (TIM3 + 0x14, 1),
                (block + 4, 8),
                (block + 8, TIM3 + 0x34),
                (block + 12, SRAM + 0x100),
                (block, 0x98B),
                (TIM3 + 0x0C, 0x200),
                (TIM3 + 0x20, 0xB),
                (TIM3, 1),
            ],
        );
        chip.drive('B', 4, square(30, 70, 20));
        run_to(&mut chip, 900);
        assert_eq!(get(&mut chip, block + 4), 8);
        run_to(&mut chip, 2_000);
        let counts: Vec<u32> = (0..8).map(|n| get(&mut chip, SRAM + 0x100 + 4 * n)).collect();
        let widths: Vec<u32> = counts.windows(2).map(|w| w[1] - w[0]).collect();
        assert_eq!(widths, [30, 70, 30, 70, 30, 70, 30], "{part}");
        let flags = get(&mut chip, DMA) >> (4 * (channel - 1)) & 0xF;
        assert_eq!((flags, get(&mut chip, block + 4)), (7, 0), "{part}");
        assert_eq!(lacks(&chip), [""; 0], "{part}");
    }
}

#[test]
fn dma_feeds_a_compare_register_at_every_compare() {
    let mut chip = idle("F051");
    let block = DMA + 8 + 0x14 * 3;
    let table = [50, 20, 70, 40];
    for (n, value) in table.iter().enumerate() {
        set(&mut chip, &[(SRAM + 0x100 + 4 * n as u32, *value)]);
    }
    set(
        &mut chip,
        &[
            (TIM3 + 0x2C, 99),
            (TIM3 + 0x18, 0x68),
            (TIM3 + 0x34, 60),
            (TIM3 + 0x14, 1),
            (block + 4, 4),
            (block + 8, TIM3 + 0x34),
            (block + 12, SRAM + 0x100),
            (block, 0x99B),
            (TIM3 + 0x0C, 0x200),
            (TIM3, 1),
        ],
    );
    // 12.5 us a period: one value in each.
    for (n, value) in table.iter().enumerate() {
        run_to(&mut chip, 12 * (n as u64 + 1));
        assert_eq!(get(&mut chip, TIM3 + 0x34), *value);
    }
    run_to(&mut chip, 200);
    assert_eq!(get(&mut chip, block + 4), 0);
}

#[test]
fn memory_is_copied_and_a_bus_error_ends_a_channel() {
    let mut chip = idle("F051");
    set(&mut chip, &[(SRAM + 0x100, 0x1122_3344), (SRAM + 0x104, 0x5566_7788)]);
    // From bytes to half-words, memory to memory.
    set(&mut chip, &[(DMA + 0x0C, 8), (DMA + 0x10, SRAM + 0x100), (DMA + 0x14, SRAM + 0x200), (DMA + 8, 0x44C1)]);
    run_to(&mut chip, 10);
    assert_eq!(
        [0, 4, 8, 12].map(|o| get(&mut chip, SRAM + 0x200 + o)),
        [0x0033_0044, 0x0011_0022, 0x0077_0088, 0x0055_0066]
    );
    set(&mut chip, &[(DMA + 0x20, 2), (DMA + 0x24, 0x6000_0000), (DMA + 0x28, SRAM + 0x200), (DMA + 0x1C, 0x4AC1)]);
    run_to(&mut chip, 20);
    assert_eq!((get(&mut chip, DMA), get(&mut chip, DMA + 0x1C)), (0x97, 0x4AC0));
}

#[test]
fn edges_of_pins_and_comparators_raise_their_lines() {
    let mut chip = idle("F051");
    let exti = 0x4001_0400;
    chip.drive('B', 4, square(30, 70, 2));
    chip.board.devices.comparators().unwrap().drive(0, square(50, 50, 2));
    set(&mut chip, &[(SYSCFG + 0xC, 1), (SYSCFG + 0x1C, 0x41), (exti + 8, 1 << 4), (exti + 0xC, 1 << 21)]);
    set(&mut chip, &[(exti, 1 << 21 | 1 << 4)]);
    run_to(&mut chip, 999);
    assert_eq!(get(&mut chip, exti + 0x14), 0);
    run_to(&mut chip, 1_001);
    assert_eq!(get(&mut chip, exti + 0x14), 1 << 4);
    run_to(&mut chip, 1_051);
    assert_eq!((get(&mut chip, exti + 0x14), get(&mut chip, 0xE000_E200)), (1 << 21 | 1 << 4, 1 << 12 | 1 << 7));
    assert_eq!(get(&mut chip, SYSCFG + 0x1C), 0x41, "the output has fallen again");

    let mut chip = idle("G071");
    let exti = 0x4002_1800;
    chip.drive('A', 2, square(30, 70, 2));
    chip.board.devices.comparators().unwrap().drive(1, square(50, 50, 2));
    set(&mut chip, &[(0x5000_0000, 0xEBFF_FFCF), (0x4001_0204, 1), (exti, 1 << 18), (exti + 4, 1 << 2)]);
    set(&mut chip, &[(exti + 0x80, 1 << 18 | 1 << 2)]);
    run_to(&mut chip, 1_010);
    assert_eq!((get(&mut chip, exti + 0xC), get(&mut chip, exti + 0x10)), (1 << 18, 0));
    run_to(&mut chip, 1_040);
    assert_eq!((get(&mut chip, exti + 0x10), get(&mut chip, 0xE000_E200)), (1 << 2, 1 << 12 | 1 << 6));
}

#[test]
fn an_output_that_code_drives_is_an_edge_too() {
    let mut chip = idle("F051");
    let (exti, gpio) = (0x4001_0400, 0x4800_0000);
    set(&mut chip, &[(gpio, 0x2800_0001), (exti + 8, 1), (exti + 0xC, 1), (exti, 1)]);
    set(&mut chip, &[(gpio + 0x18, 1)]);
    assert_eq!(get(&mut chip, exti + 0x14), 1);
    set(&mut chip, &[(exti + 0x14, 1)]);
    assert_eq!(get(&mut chip, exti + 0x14), 0);
    set(&mut chip, &[(gpio + 0x28, 1)]);
    assert_eq!(get(&mut chip, exti + 0x14), 1);
}

#[test]
fn the_window_watchdog_resets_the_chip() {
    for part in ["F051", "G071"] {
        let mut chip = idle(part);
        set(&mut chip, &[(0x4000_2C00, 0xFF)]);
        assert_eq!(chip.run(Time::from_millis(100)), Halt::Reset(ResetCause::Wwdg), "{part}");
    }
}

#[test]
fn a_saved_chip_goes_on_amid_a_capture() {
    let mut chip = idle("F051");
    let gpio = 0x4800_0400;
    set(&mut chip, &[(gpio + 0x20, 1 << 16), (gpio, 2 << 8), (TIM3 + 0x18, 1), (TIM3 + 0x28, 7), (TIM3 + 0x14, 1)]);
    set(&mut chip, &[(TIM3 + 0x20, 0xB), (TIM3, 1)]);
    chip.drive('B', 4, square(30, 70, 20));
    run_to(&mut chip, 1_500);
    let saved = chip.save();
    run_to(&mut chip, 1_720);
    let wanted = get(&mut chip, TIM3 + 0x34);
    chip.restore(&saved).unwrap();
    run_to(&mut chip, 1_720);
    assert_eq!(get(&mut chip, TIM3 + 0x34), wanted);
}

/// RCC_CSR, whole, after each kind of reset with the flags cleared before: PINRSTF comes with every one (RM0091 6.1.2,
/// RM0444 5.4.24; SFT and WWDG with PIN alone were read on a G0B1). LSION is cleared by each (the same sections).
#[test]
fn each_reset_leaves_its_flags_and_the_lsi_off() {
    for (part, csr, rmvf, power_on) in [
        ("F031", 0x4002_1024, 1 << 24, 0x0C80_0000),
        ("F051", 0x4002_1024, 1 << 24, 0x0C80_0000),
        ("G031", 0x4002_1060, 1 << 23, 0x0C00_0000),
        ("G071", 0x4002_1060, 1 << 23, 0x0C00_0000),
    ] {
        let mut chip = idle(part);
        assert_eq!(get(&mut chip, csr), power_on, "{part}");
        for (cause, flags) in [
            (ResetCause::Software, 0x1400_0000),
            (ResetCause::Iwdg, 0x2400_0000),
            (ResetCause::Wwdg, 0x4400_0000),
            (ResetCause::Pin, 0x0400_0000),
            (ResetCause::OptionBytes, 0x0600_0000),
        ] {
            set(&mut chip, &[(csr, rmvf), (csr, 1)]);
            assert_eq!(get(&mut chip, csr) & !2, 1, "{part}: cleared, LSION set");
            chip.reset(cause);
            assert_eq!(get(&mut chip, csr), flags, "{part}: {cause}");
        }
    }
}

/// Without DBP nothing is stored into the backup domain (RM0091 6.1.3, RM0444 4.1.3; measured on a G0), and each system
/// reset clears DBP.
#[test]
fn the_backup_domain_is_shut_until_dbp_is_set() {
    let (pwr, tr, prer, wpr) = (0x4000_7000, 0x4000_2800, 0x4000_2810, 0x4000_2824);
    for (part, bdcr, kept) in [
        ("F031", 0x4002_1020, 0x4000_2850),
        ("F051", 0x4002_1020, 0x4000_2860),
        ("G031", 0x4002_105C, 0x4000_B100),
        ("G071", 0x4002_105C, 0x4000_B110),
    ] {
        let mut chip = idle(part);
        let all = [bdcr, kept, tr, prer];
        let before = all.map(|a| get(&mut chip, a));
        let stores = [(bdcr, 0x0000_8301), (kept, 0xCAFE), (tr, 0x0012_3456), (prer, 0x0012_0034)];
        set(&mut chip, &stores);
        assert_eq!(all.map(|a| get(&mut chip, a)), before, "{part}: DBP is clear");
        let told = chip.board.log.notes().filter(|(.., text)| text.starts_with("DBP in PWR is not set")).count();
        assert_eq!((told, lacks(&chip)), (4, vec![]), "{part}: told, as what the chip does");

        set(&mut chip, &[(pwr, 1 << 8), (wpr, 0xCA), (wpr, 0x53)]);
        set(&mut chip, &stores);
        assert_eq!(all.map(|a| get(&mut chip, a)), stores.map(|(_, value)| value), "{part}: DBP is set");

        chip.reset(ResetCause::Software);
        let apb1 = if part.starts_with('F') { 0x4002_101C } else { 0x4002_103C };
        set(&mut chip, &[(apb1, u32::MAX)]);
        assert_eq!(get(&mut chip, pwr) & 1 << 8, 0, "{part}: a reset clears DBP");
        set(&mut chip, &[(kept, 0xBEEF)]);
        assert_eq!(get(&mut chip, kept), 0xCAFE, "{part}: kept, and shut again");
    }
}

/// Lines with an edge detector, by part (ST's device headers).
#[test]
fn exti_has_the_edges_of_its_part() {
    for (part, rtsr, edges) in [
        ("F031", 0x4001_0408, 0x000B_FFFF),
        ("F051", 0x4001_0408, 0x006B_FFFF),
        ("G031", 0x4002_1800, 0x0001_FFFF),
        ("G071", 0x4002_1800, 0x0007_FFFF),
    ] {
        let mut chip = idle(part);
        set(&mut chip, &[(rtsr, u32::MAX), (rtsr + 4, u32::MAX)]);
        assert_eq!([rtsr, rtsr + 4].map(|a| get(&mut chip, a)), [edges; 2], "{part}");
    }
}

/// A G071's PA8, PB15, PD0 and PD2 are pulled down by UCPD until its strobes (seen on silicon); a G031 has none.
#[test]
fn dead_battery_pull_downs_last_until_their_strobes() {
    let pins = |chip: &mut Chip| {
        [(0x5000_0000u32, 8), (0x5000_0400, 15), (0x5000_0C00, 0), (0x5000_0C00, 2)].map(|(port, pin)| {
            set(chip, &[(port, 0), (port + 0xC, 1 << (2 * pin))]);
            get(chip, port + 0x10) >> pin & 1
        })
    };
    let mut g071 = idle("G071");
    assert_eq!(pins(&mut g071), [0; 4], "against a pull-up");
    set(&mut g071, &[(SYSCFG, 1 << 9)]);
    assert_eq!(pins(&mut g071), [1, 1, 0, 0]);
    set(&mut g071, &[(SYSCFG, 1 << 10)]);
    assert_eq!(pins(&mut g071), [1; 4]);
    g071.power_off(0);
    g071.power_on();
    set(&mut g071, &[(0x4002_1034, u32::MAX)]);
    assert_eq!(pins(&mut g071), [0; 4]);
    assert_eq!(pins(&mut idle("G031")), [1; 4]);
}

/// A part that no file in the program tells of: a family's file and a part's own, both changed.
fn made_up(family: &str, part: &str, changes: &[(&str, &str)], more: &str) -> Result<Arc<Part>, part::read::ReadError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/part/data");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let change = |text: String| changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
    let (family, part) = (change(text(family)), change(text(part)));
    part::read::read(("family.toml", &family), ("made_up.toml", &format!("{part}\n{more}"))).map(Arc::new)
}

#[test]
fn a_variant_read_at_run_time_boots_an_image() {
    let changes = [
        ("name = \"STM32F051K8\"", "name = \"STM32F058C8\"\nwithout = [\"TIM6\", \"CEC\"]"),
        ("sram.size = 0x2000", "sram.size = 0x3000"),
    ];
    let part = made_up("f0/family.toml", "f0/stm32f051k8.toml", &changes, "").unwrap();
    assert!(part.peripheral("CEC").is_none() && part.sram.size == 0x3000);
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built/STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let mut chip = Chip::new(&part, 1).unwrap();
    let blank = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    blank.cells(0x0800_0000, &std::fs::read(image).unwrap()).unwrap().install(chip.board.flash.as_mut()).unwrap();
    assert!(chip.drive('B', 4, Signal::steady(Drive::Low)));
    chip.power_on();
    run_to(&mut chip, 7_500);
    assert!(chip.board.heartbeat.total() > 3, "the app's main loop reloads the watchdog");
}

/// A timer on an interrupt that ARMv6-M does not have, whose handler fetches IPSR.
#[test]
fn an_interrupt_above_31_is_taken_and_knows_its_number() {
    let changes = [("interrupts = 32", "interrupts = 240"), ("STM32G071xB", "STM32G0MADEUP")];
    for irq in [40, 200] {
        let more = format!("[[peripheral]]\nname = \"TIM7\"\nirq = [{irq}]");
        let part = made_up("g0/family.toml", "g0/stm32g071xb.toml", &changes, &more).unwrap();
        for engine in [Engine::Auto, Engine::Unicorn, Engine::Interpreter] {
            let mut vectors = [0x0800_0401u32; 256];
            (vectors[0], vectors[1], vectors[16 + irq]) = (0x2000_0800, 0x0800_0405, 0x0800_0407);
            // Other exceptions and the main program go in circles; the handler: mrs r0, ipsr; bx lr.
            let code: [u16; 6] = [0xE7FE, 0xE7FE, 0xE7FE, 0xF3EF, 0x8005, 0x4770];
            let mut bytes: Vec<u8> = vectors.iter().flat_map(|w| w.to_le_bytes()).collect();
            bytes.extend(code.iter().flat_map(|half| half.to_le_bytes()));
            let mut chip = Chip::with_engine(&part, 1, engine).unwrap();
            let blank = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
            blank.cells(0x0800_0000, &bytes).unwrap().install(chip.board.flash.as_mut()).unwrap();
            chip.power_on();
            let (word, bit) = (4 * (irq as u32 / 32), 1 << (irq % 32));
            set(&mut chip, &[(0x4002_103C, 1 << 5), (0xE000_E100 + word, bit)]);
            assert_eq!(get(&mut chip, 0xE000_E180 + word), bit);
            // TIM7: UIE, 1,600 cycles, on.
            set(&mut chip, &[(0x4000_142C, 1_599), (0x4000_140C, 1), (0x4000_1400, 1)]);
            run_to(&mut chip, 90);
            assert_eq!(chip.board.nvic.taken()[16 + irq], 0);
            run_to(&mut chip, 110);
            assert!(chip.board.nvic.taken()[16 + irq] > 0, "{irq}");
            assert_eq!(chip.registers().r[0], 16 + irq as u32);
            // Off again, back in the main program.
            set(&mut chip, &[(0x4000_140C, 0)]);
            run_to(&mut chip, 120);
            assert_eq!((chip.registers().exception(), chip.registers().pc), (0, 0x0800_0404));
        }
    }
}

#[test]
fn the_kind_in_the_file_is_what_is_built() {
    const CALIBRATE: u32 = 1 << 31;
    let of_f0 = |kinds: &[(&str, &str)]| {
        let part = made_up("g0/family.toml", "g0/stm32g071xb.toml", kinds, "").unwrap();
        let mut chip = Chip::new(&part, 1).unwrap();
        chip.power_on();
        set(&mut chip, &[(0x4002_1040, 1 << 20), (ADC + 8, CALIBRATE)]);
        get(&mut chip, ADC + 8) == CALIBRATE
    };
    assert!(of_f0(&[("adc-g0", "adc-f0")]), "no regulator is to be turned on");
    assert!(!of_f0(&[]));
    // What has no model, and an interrupt that the NVIC does not have, is no part.
    for (change, told) in [(("adc-g0", "adc-h7"), "adc-h7"), (("irq = [28]", "irq = [32]"), "USART2: interrupt 32")] {
        let error = made_up("g0/family.toml", "g0/stm32g071xb.toml", &[change], "").unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
