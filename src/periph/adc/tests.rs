use super::*;
use crate::periph::check::{self, clocks, read, write};
use proptest::prelude::*;

fn model(part: &crate::part::Part) -> Model {
    let kind = part.peripheral("ADC").unwrap().kind;
    if kind == crate::part::Kind::AdcF0 { Model::F0 } else { Model::G0 }
}

/// The converter of a part, on and ready after cycle 1000 of 48 MHz.
fn ready(part: &str) -> Adc {
    let part = crate::part::find(part).unwrap();
    let mut adc = Adc::new(model(&part), Calibration::of(&part));
    write(&mut adc, reg::CR, ADVREGEN, 0, clocks(0));
    write(&mut adc, reg::CR, ADVREGEN | ADCAL, 0, clocks(0));
    assert_eq!(read(&mut adc, reg::CR, 1, clocks(0)) & ADCAL, ADCAL);
    assert_eq!(read(&mut adc, reg::CR, 900, clocks(0)) & ADCAL, 0, "calibration ends by itself");
    write(&mut adc, reg::CR, ADVREGEN | ADEN, 900, clocks(0));
    assert_eq!(read(&mut adc, reg::ISR, 940, clocks(0)) & ADRDY, 0);
    assert_eq!(read(&mut adc, reg::ISR, 1_000, clocks(0)) & ADRDY, ADRDY);
    adc
}

#[test]
fn a_sequence_takes_its_time_and_gives_each_value() {
    // PCLK / 4 is 12 MHz; 71.5 + 12.5 cycles are 7 us, 336 cycles of the core.
    let mut adc = ready("STM32F051K6");
    for (offset, value) in [(reg::CFGR2, 2 << 30), (reg::SMPR, 6), (reg::CHSELR, 1 << 6 | 1 << 3), (reg::CR, ADSTART)] {
        write(&mut adc, offset, value, 1_000, clocks(0));
    }
    assert_eq!(read(&mut adc, reg::ISR, 1_335, clocks(0)), ADRDY);
    assert_eq!(read(&mut adc, reg::ISR, 1_337, clocks(0)), ADRDY | EOSMP | EOC);
    assert_eq!(read(&mut adc, reg::DR, 1_340, clocks(0)), 0, "channel 3");
    assert_eq!(read(&mut adc, reg::ISR, 1_341, clocks(0)) & EOC, 0);
    assert_eq!(read(&mut adc, reg::CR, 1_670, clocks(0)), ADEN | ADSTART);
    assert_eq!(read(&mut adc, reg::ISR, 1_673, clocks(0)), ADRDY | EOSMP | EOC | EOS);
    assert_eq!((read(&mut adc, reg::DR, 1_673, clocks(0)), read(&mut adc, reg::CR, 1_673, clocks(0))), (1_241, ADEN));
}

#[test]
fn an_unread_value_is_kept_or_overwritten() {
    for (mode, value) in [(0, 0), (OVRMOD, 1_241)] {
        let mut adc = ready("STM32F051K6");
        for (offset, value) in [(reg::CFGR1, mode), (reg::CHSELR, 1 << 6 | 1 << 3), (reg::CR, ADSTART)] {
            write(&mut adc, offset, value, 1_000, clocks(0));
        }
        assert_eq!(read(&mut adc, reg::ISR, 9_000, clocks(0)) & OVR, OVR);
        assert_eq!(read(&mut adc, reg::DR, 9_000, clocks(0)), value);
    }
}

#[test]
fn the_g0_sequencer_scans_in_its_own_order() {
    let mut adc = ready("STM32G071xB");
    // Ranks: 6, then 3, then the end.
    for (offset, value) in [(reg::CFGR1, CHSELRMOD | WAIT), (reg::CHSELR, 0xFFFF_FF36), (reg::CR, ADVREGEN | ADSTART)] {
        write(&mut adc, offset, value, 1_000, clocks(0));
    }
    assert_eq!(read(&mut adc, reg::ISR, 1_000, clocks(0)) & CCRDY, CCRDY);
    assert_eq!(read(&mut adc, reg::DR, 9_000, clocks(0)), 1_241, "WAIT holds the second back");
    assert_eq!(read(&mut adc, reg::ISR, 9_000, clocks(0)) & (EOS | OVR), 0);
    assert_eq!(read(&mut adc, reg::DR, 9_900, clocks(0)), 0);
    assert_eq!(read(&mut adc, reg::ISR, 9_900, clocks(0)) & (EOS | OVR), EOS);
}

#[test]
fn without_its_regulator_the_g0_converter_stands_still() {
    let part = crate::part::find("STM32G071xB").unwrap();
    let mut adc = Adc::new(Model::G0, Calibration::of(&part));
    write(&mut adc, reg::CR, ADCAL, 0, clocks(0));
    assert_eq!(read(&mut adc, reg::CR, 0, clocks(0)), 0);
}

#[test]
fn dma_requests_stand_until_the_value_is_fetched_and_end_in_one_shot_mode() {
    let mut adc = ready("STM32F051K6");
    for (offset, value) in [(reg::CFGR1, DMAEN), (reg::CHSELR, 1 << 6), (reg::CR, ADSTART)] {
        write(&mut adc, offset, value, 1_000, clocks(0));
    }
    assert!(!adc.requests());
    assert!(adc.next_event(&clocks(0)).is_some());
    assert_eq!(read(&mut adc, reg::ISR, 2_000, clocks(0)) & EOC, EOC);
    assert!(adc.requests());
    read(&mut adc, reg::DR, 2_000, clocks(0));
    assert!(!adc.requests());
    adc.dma_ended();
    write(&mut adc, reg::CR, ADSTART, 3_000, clocks(0));
    read(&mut adc, reg::ISR, 4_000, clocks(0));
    assert!(!adc.requests());
}

#[test]
fn continuous_conversions_over_a_long_span_are_quick() {
    let mut adc = ready("STM32F051K6");
    for (offset, value) in [(reg::CFGR1, CONT), (reg::CHSELR, 0x7F), (reg::CR, ADSTART)] {
        write(&mut adc, offset, value, 1_000, clocks(0));
    }
    assert_eq!(read(&mut adc, reg::ISR, 48_000_000_000, clocks(0)) & (EOC | EOS | OVR), EOC | EOS | OVR);
}

#[test]
fn the_watchdogs_thresholds_begin_wide_open_and_have_12_bits() {
    for (part, thresholds) in [("STM32F051K6", &[0x20][..]), ("STM32G071xB", &[0x20, 0x24, 0x2C])] {
        let part = crate::part::find(part).unwrap();
        let mut adc = Adc::new(model(&part), Calibration::of(&part));
        for offset in thresholds {
            assert_eq!(read(&mut adc, *offset, 0, clocks(0)), 0x0FFF_0000);
            write(&mut adc, *offset, u32::MAX, 0, clocks(0));
            assert_eq!(read(&mut adc, *offset, 0, clocks(0)), 0x0FFF_0FFF);
        }
        adc.reset(ResetCause::Software);
        assert_eq!(read(&mut adc, 0x20, 0, clocks(0)), 0x0FFF_0000);
    }
}

#[test]
fn interrupts_and_common_bits_are_those_of_the_family() {
    for (part, ier, ccr) in [("STM32F051K6", 0x9F, 0x01C0_0000), ("STM32G071xB", 0x2B9F, 0x03FC_0000)] {
        let part = crate::part::find(part).unwrap();
        let mut adc = Adc::new(model(&part), Calibration::of(&part));
        for (offset, kept) in [(reg::IER, ier), (reg::CCR, ccr)] {
            write(&mut adc, offset, u32::MAX, 0, clocks(0));
            assert_eq!(read(&mut adc, offset, 0, clocks(0)), kept, "{} 0x{offset:X}", part.name);
        }
    }
}

proptest! {
    #[test]
    fn forecasts_hold(
        g0 in any::<bool>(), cfgr1 in prop::bits::u32::masked(OVRMOD | CONT | WAIT | DISCEN | DMAEN | SCANDIR | 0x18),
        smpr in 0u32..8, chselr in 0u32..0x80, ier in prop::bits::u32::masked(0x1F), calibrates in any::<bool>(),
        starts in any::<bool>(), asked in prop::collection::vec(1u64..900, 1..4),
    ) {
        let mut adc = ready(if g0 { "STM32G071xB" } else { "STM32F051K6" });
        let bits = if calibrates { ADDIS } else { 0 } | if starts { ADSTART } else { 0 };
        let setup = [(reg::IER, ier), (reg::CFGR1, cfgr1), (reg::SMPR, smpr), (reg::CHSELR, chselr), (reg::CCR, 3 << 22), (reg::CR, ADVREGEN | bits)];
        for (offset, value) in setup {
            write(&mut adc, offset, value, 1_000, clocks(0));
        }
        if calibrates {
            write(&mut adc, reg::CR, ADVREGEN | ADCAL, 1_001, clocks(0));
        }
        let mut cycle = 1_002;
        for step in asked {
            cycle += step;
            for offset in [0, 4, 8, 0xC, 0x10, 0x14, 0x28, 0xB4, 0x308] {
                prop_assert_ne!(check::forecast(&adc, offset, cycle, 1_500, clocks(0))?, Forecast::Unknown);
            }
            read(&mut adc, reg::DR, cycle, clocks(0));
        }
    }
}
