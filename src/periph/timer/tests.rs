use super::*;
use crate::bus::Effects;
use crate::periph::check;
use crate::time::Time;
use proptest::prelude::*;

/// A timer of each kind, on a G071.
const TIMERS: [&str; 7] = ["TIM1", "TIM2", "TIM3", "TIM6", "TIM14", "TIM15", "TIM16"];

/// A part's timer after reset.
pub fn of(part: &str, name: &str) -> Timer {
    Timer::new(crate::part::find(part).unwrap().peripheral(name).unwrap())
}

/// A G071's.
pub fn timer(name: &str) -> Timer {
    of("G071", name)
}

/// Ones are stored everywhere: what a timer keeps is what its part has (RM0091 17.4 to 21.4, RM0444 21.4 to 25.6, ST's
/// device headers).
#[test]
fn a_timer_keeps_what_it_has_and_drops_the_rest_without_a_word() {
    for (part, name, offset, kept) in [
        ("G071", "TIM1", reg::RCR, 0xFFFF),
        ("F051", "TIM1", reg::RCR, 0xFF),
        ("G071", "TIM15", reg::RCR, 0xFF),
        ("F051", "TIM16", reg::RCR, 0xFF),
        ("G071", "TIM3", reg::RCR, 0),
        ("F051", "TIM2", reg::BDTR, 0),
        ("G071", "TIM3", reg::BDTR, 0),
        ("G071", "TIM15", reg::CCR2, 0xFFFF),
        ("G071", "TIM16", reg::CCR2, 0),
        ("F051", "TIM17", reg::DIER, 0x63E3),
        ("G071", "TIM15", reg::CCR3, 0),
        ("F051", "TIM14", reg::CR2, 0),
        ("F051", "TIM14", reg::SMCR, 0),
        ("F051", "TIM14", reg::BDTR, 0),
        ("F051", "TIM14", reg::DCR, 0),
        ("F051", "TIM14", reg::DMAR, 0),
        ("F051", "TIM14", reg::CCR1, 0xFFFF),
        ("G071", "TIM7", reg::CCMR1, 0),
        ("G071", "TIM7", reg::CCER, 0),
        ("G071", "TIM6", reg::DIER, 0x101),
        ("F051", "TIM2", reg::CR1, 0x3FF),
        ("F051", "TIM1", reg::AF1, 0),
    ] {
        let mut t = of(part, name);
        let mut fx = Effects::default();
        let mut cx = Context { now: check::at(0), clocks: check::clocks(0), base: 0, fx: &mut fx };
        t.write(offset, u32::MAX, u32::MAX, &mut cx);
        assert_eq!(t.read(offset, &mut cx), kept, "{part} {name} 0x{offset:02X}");
        assert!(kept != 0 || fx.notes.is_empty(), "{part} {name} 0x{offset:02X}: {:?}", fx.notes);
    }
}

/// BKINE is set on the G0 (ST's device header); TIM2 and TIM3 have no break, and the F0 no AF1.
#[test]
fn the_break_inputs_of_the_g0_are_on_after_reset() {
    let after_reset = |part, name, offset| {
        let mut t = of(part, name);
        set(&mut t, 0, offset, 0);
        t.reset(ResetCause::Software);
        get(&mut t, 0, offset)
    };
    for (part, name, af1) in [
        ("G031", "TIM1", 1),
        ("G071", "TIM15", 1),
        ("G071", "TIM16", 1),
        ("G031", "TIM17", 1),
        ("G071", "TIM2", 0),
        ("F051", "TIM1", 0),
    ] {
        assert_eq!(after_reset(part, name, reg::AF1), af1, "{part} {name}");
    }
    assert_eq!(after_reset("G071", "TIM1", reg::AF2), 1);
}

proptest! {
    #[test]
    fn forecasts_hold(
        name in prop::sample::select(&TIMERS[..]), ppre in prop::sample::select(&[0u32, 4, 5, 6, 7][..]),
        psc in 0u32..5, arr in prop_oneof![0u32..30, Just(u32::MAX)], ccr in prop::array::uniform2(0u32..40),
        cr1 in prop::bits::u32::masked(CEN | UDIS | URS | OPM | ARPE), rcr in 0u32..3, dier in 0u32..0x20,
        count in prop_oneof![0u32..60, Just(0xFFFA)], generate in any::<bool>(), clocked in any::<bool>(),
        rewrite in prop::option::of((0u32..30, 0u32..4)), asked in prop::collection::vec(0u64..300, 1..5),
    ) {
        let clocks = check::clocks(ppre);
        let mut t = timer(name);
        let mut fx = Effects::default();
        t.advance(&mut Context { now: check::at(5), clocks, base: 0, fx: &mut fx });
        for (offset, value) in [(reg::PSC, psc), (reg::ARR, arr), (reg::RCR, rcr), (reg::CCR1, ccr[0]), (reg::CCR2, ccr[1])] {
            check::write(&mut t, offset, value, 7, clocks);
        }
        if generate {
            check::write(&mut t, reg::EGR, UG, 8, clocks);
        }
        for (offset, value) in [(reg::SR, 0), (reg::CNT, count), (reg::DIER, dier), (reg::CR1, cr1)] {
            check::write(&mut t, offset, value, 9, clocks);
        }
        t.set_clocked(clocked || ppre == 0);
        if let Some((arr, psc)) = rewrite {
            check::write(&mut t, reg::ARR, arr, 23, clocks);
            check::write(&mut t, reg::PSC, psc, 24, clocks);
        }
        let mut cycle = 30;
        for step in asked {
            cycle += step;
            for offset in [0x00, 0x0C, 0x10, 0x24, 0x2C, 0x34] {
                let forecast = check::forecast(&t, offset, cycle, 400, clocks)?;
                prop_assert_ne!(forecast, Forecast::Unknown);
            }
            t.advance(&mut Context { now: check::at(cycle), clocks, base: 0, fx: &mut fx });
        }
    }
}

fn with<R>(cycle: u64, ppre: u32, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
    let mut fx = Effects::default();
    let now = Now { cycle, time: Time::ZERO };
    f(&mut Context { now, clocks: Clocks::new(48_000_000, ppre, 40_000), base: 0x4000_0000, fx: &mut fx })
}

fn set(t: &mut Timer, cycle: u64, offset: u32, value: u32) {
    with(cycle, 0, |cx| t.write(offset, value, u32::MAX, cx));
}

fn get(t: &mut Timer, cycle: u64, offset: u32) -> u32 {
    with(cycle, 0, |cx| t.read(offset, cx))
}

#[test]
fn a_microsecond_counter_as_bootloaders_set_it_up() {
    let mut t = timer("TIM2");
    set(&mut t, 10, 0x28, 47);
    set(&mut t, 10, 0x00, CEN);
    assert_eq!(get(&mut t, 110, 0x24), 100, "the prescaler waits for an update event");
    set(&mut t, 110, 0x14, UG);
    assert_eq!(get(&mut t, 110, 0x24), 0);
    assert_eq!(get(&mut t, 110 + 48 * 7 + 47, 0x24), 7);
    assert_eq!(get(&mut t, 110 + 48 * 8, 0x24), 8);
    assert_eq!(get(&mut t, 110, 0x10) & UIF, UIF, "UG sets UIF");
    set(&mut t, 1000, 0x24, 0);
    assert_eq!(get(&mut t, 1000 + 96, 0x24), 2, "CNT is writable");
}

#[test]
fn overflow_sets_uif_and_wraps() {
    let mut t = timer("TIM3");
    set(&mut t, 0, 0x2C, 9);
    set(&mut t, 0, 0x0C, 1);
    set(&mut t, 0, 0x00, CEN);
    assert_eq!(t.next_event(&Clocks::new(1, 0, 1)), Some(Due::Cycle(10)));
    assert_eq!((get(&mut t, 9, 0x24), get(&mut t, 9, 0x10)), (9, 0));
    assert_eq!((get(&mut t, 10, 0x24), t.lines()), (0, 1));
    set(&mut t, 10, 0x10, 0);
    assert_eq!(t.lines(), 0);
    assert_eq!(get(&mut t, 1_000_000_007, 0x24), 7, "long spans are skipped whole");
}

#[test]
fn compare_flags_and_their_interrupts() {
    let mut t = timer("TIM3");
    set(&mut t, 0, 0x34, 5);
    set(&mut t, 0, 0x38, 200);
    set(&mut t, 0, 0x0C, 2);
    set(&mut t, 0, 0x00, CEN);
    assert_eq!(t.next_event(&Clocks::new(1, 0, 1)), Some(Due::Cycle(5)));
    assert_eq!((get(&mut t, 4, 0x10) & 6, get(&mut t, 5, 0x10) & 6), (0, 2));
    assert_eq!(get(&mut t, 200, 0x10) & 6, 6);
}

#[test]
fn a_compare_beyond_arr_comes_with_the_overflow() {
    let mut t = timer("TIM3");
    for (offset, value) in [(reg::ARR, 9), (reg::CCR1, 64), (reg::DIER, 0x202), (reg::CR1, CEN)] {
        set(&mut t, 0, offset, value);
    }
    assert_eq!(t.next_event(&Clocks::new(1, 0, 1)), Some(Due::Cycle(10)));
    assert_eq!((get(&mut t, 9, 0x10) & 2, t.requests()), (0, 0));
    assert_eq!((get(&mut t, 10, 0x10) & 2, t.requests()), (2, 2));
}

#[test]
fn a_request_that_stands_wakes_nobody_and_is_served_once() {
    let mut t = timer("TIM3");
    for (offset, value) in [(reg::ARR, 9), (reg::DIER, 0x100), (reg::CR1, CEN)] {
        set(&mut t, 0, offset, value);
    }
    let due = |t: &Timer| t.next_event(&Clocks::new(1, 0, 1));
    assert_eq!(due(&t), Some(Due::Cycle(10)));
    get(&mut t, 10, 0x10);
    assert_eq!((t.requests(), due(&t)), (1, None));
    // The overflows at 20 and 30 came while it stood: they were the same request.
    t.served(1, 35);
    get(&mut t, 39, 0x10);
    assert_eq!((t.requests(), due(&t)), (0, Some(Due::Cycle(40))));
}

#[test]
fn one_pulse_stops_and_repetition_counts() {
    let mut t = timer("TIM16");
    set(&mut t, 0, 0x2C, 9);
    set(&mut t, 0, 0x00, CEN | OPM);
    assert_eq!((get(&mut t, 50, 0x24), get(&mut t, 50, 0x00)), (0, OPM));
    let mut t = timer("TIM16");
    set(&mut t, 0, 0x2C, 9);
    set(&mut t, 0, 0x30, 2);
    set(&mut t, 0, 0x14, UG);
    set(&mut t, 0, 0x10, 0);
    set(&mut t, 0, 0x00, CEN);
    assert_eq!((get(&mut t, 29, 0x10) & UIF, get(&mut t, 30, 0x10) & UIF), (0, UIF));
}

#[test]
fn long_spans_with_repetition_or_without_updates_are_quick() {
    let mut t = timer("TIM16");
    set(&mut t, 0, 0x2C, 1);
    set(&mut t, 0, 0x30, 6);
    set(&mut t, 0, 0x14, UG);
    set(&mut t, 0, 0x00, CEN);
    assert_eq!(get(&mut t, 1_000_000_000_001, 0x24), 1);
    let mut t = timer("TIM3");
    set(&mut t, 0, 0x2C, 1);
    set(&mut t, 0, 0x00, CEN | UDIS);
    assert_eq!((get(&mut t, 1_000_000_000_001, 0x24), get(&mut t, 1_000_000_000_001, 0x10) & UIF), (1, 0));
}

#[test]
fn a_timer_without_its_clock_stands_still() {
    let mut t = timer("TIM2");
    set(&mut t, 0, 0x00, CEN);
    with(100, 0, |cx| t.advance(cx));
    t.set_clocked(false);
    assert_eq!(get(&mut t, 500, 0x24), 100);
    with(500, 0, |cx| t.advance(cx));
    t.set_clocked(true);
    assert_eq!(get(&mut t, 507, 0x24), 107);
}

#[test]
fn the_apb_prescaler_slows_the_count_from_its_change_on() {
    let mut t = timer("TIM2");
    set(&mut t, 0, 0x00, CEN);
    with(100, 0b110, |cx| t.advance(cx));
    assert_eq!(get(&mut t, 100 + 40, 0x24), 110, "PCLK / 8: the timer at HCLK / 4");
}

/// Only an update event clears the prescaler's counter: a bootloader that sets CNT to 0 and waits for it to reach n waits
/// up to one count less.
#[test]
fn a_store_to_the_count_leaves_the_prescaler_where_it_is() {
    let mut t = timer("TIM2");
    set(&mut t, 0, 0x28, 47);
    set(&mut t, 0, 0x14, UG);
    set(&mut t, 0, 0x00, CEN);
    set(&mut t, 48 * 5 + 40, 0x24, 0);
    assert_eq!((get(&mut t, 48 * 6 - 1, 0x24), get(&mut t, 48 * 6, 0x24)), (0, 1), "8 cycles, not 48");
    set(&mut t, 48 * 9 + 40, 0x14, UG);
    assert_eq!((get(&mut t, 48 * 9 + 87, 0x24), get(&mut t, 48 * 9 + 88, 0x24)), (0, 1), "an update begins anew");
}
