use super::*;
use crate::bus::Effects;
use crate::periph::check;
use crate::periph::signal::{Drive, Ohms};
use proptest::prelude::*;

/// SWDIO with its pull-up, SWCLK with its pull-down; the rest inputs or analog.
const PORT_A_F0: ResetValues = ResetValues { moder: 0x2800_0000, ospeedr: 0x0C00_0000, pupdr: 0x2400_0000 };
const PORT_A_G0: ResetValues = ResetValues { moder: 0xEBFF_FFFF, ..PORT_A_F0 };

fn drives() -> impl Strategy<Value = Drive> {
    let ohms = || prop::sample::select(&[100, 5_100, 10_000, 40_000, 100_000][..]).prop_map(Ohms);
    prop_oneof![
        Just(Drive::Floating),
        Just(Drive::Low),
        Just(Drive::High),
        ohms().prop_map(Drive::PulledLow),
        ohms().prop_map(Drive::PulledHigh),
    ]
}

fn signals() -> impl Strategy<Value = Signal> {
    let source = prop::sample::select(&[0, 50, 1_900, 10_000, 50_000][..]);
    let changes = prop::collection::vec((0u64..60_000_000, drives()), 0..6);
    (drives(), changes, source).prop_map(|(start, changes, source)| {
        let changes = changes.into_iter().map(|(t, d)| (Time(t), d)).collect();
        Signal::timeline(start, changes).through(Ohms(source))
    })
}

/// What a pin by itself reads at a time after `since`, worked out the long way.
fn level(port: &Gpio, held: &mut u16, pin: u32, since: Time, time: Time) -> bool {
    let (mode, bit) = (port.moder >> (2 * pin) & 3, 1 << pin);
    if mode == ANALOG {
        return false;
    }
    let wire = port.wires[pin as usize].as_deref();
    let changes = std::iter::successors(Some(since), |at| wire?.next_change(*at));
    for at in changes.take_while(|at| *at <= time) {
        let (mut low, mut high) = (0.0, 0.0);
        let mut add = |up: bool, ohms: u32| *(if up { &mut high } else { &mut low }) += 1.0 / f64::from(ohms.max(1));
        match wire.map_or(Drive::Floating, |w| w.at(at)) {
            Drive::Floating => {}
            driven @ (Drive::Low | Drive::High) => add(driven == Drive::High, wire.map_or(0, |w| w.source().0)),
            Drive::PulledLow(ohms) => add(false, ohms.0),
            Drive::PulledHigh(ohms) => add(true, ohms.0),
        }
        let out = port.odr & bit != 0;
        if mode == OUTPUT && !(out && port.otyper & bit != 0) {
            add(out, 50);
        }
        if let pull @ (1 | 2) = port.pupdr >> (2 * pin) & 3 {
            add(pull == 1, 40_000);
        }
        let part = high / (low + high);
        if part >= 0.7 {
            *held |= bit as u16;
        } else if part <= 0.3 {
            *held &= !(bit as u16);
        }
    }
    u32::from(*held) & bit != 0
}

proptest! {
    #[test]
    fn forecasts_hold_and_pins_are_what_their_fields_say(
        registers in prop::array::uniform4(any::<u32>()), wires in prop::collection::vec((0u8..16, signals()), 0..4),
        asked in prop::collection::vec(1u64..600, 1..5), times in 0u32..9,
    ) {
        let clocks = check::clocks(0);
        let mut port = Gpio::new('B', PORT_A_F0);
        for (pin, signal) in wires {
            port.drive(pin, signal);
        }
        for (offset, value) in [0x14, 4, 0xC, 0].into_iter().zip(registers) {
            check::write(&mut port, offset, value, 0, clocks);
        }
        let (mut cycle, mut held) = (0, port.held);
        let mut since = Time::ZERO;
        for step in asked {
            cycle += step;
            for offset in [0, 0x10, 0x14, 0x1C, 0x20] {
                check::forecast(&port, offset, cycle, 3_000, clocks)?;
            }
            let time = check::at(cycle).time;
            let wanted = (0..16).filter(|p| level(&port, &mut held, *p, since, time)).fold(0, |v, p| v | 1 << p);
            since = time;
            prop_assert_eq!(check::read(&mut port, 0x10, cycle, clocks), wanted);
        }
        let mut skipped = port.clone();
        skipped.repeated(0x10, times);
        for _ in 0..times {
            check::read(&mut port, 0x10, cycle, clocks);
        }
        prop_assert_eq!(port.sampled_inputs().collect::<Vec<_>>(), skipped.sampled_inputs().collect::<Vec<_>>());
    }
}

fn with<R>(time: u64, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
    let mut fx = Effects::default();
    let now = Now { cycle: 0, time: Time(time) };
    f(&mut Context { now, clocks: Clocks::new(8_000_000, 0, 40_000), base: 0x4800_0000, fx: &mut fx })
}

fn idr(port: &mut Gpio, time: u64) -> u32 {
    with(time, |cx| port.read(0x10, cx))
}

fn set(port: &mut Gpio, offset: u32, value: u32) {
    with(0, |cx| port.write(offset, value, u32::MAX, cx));
}

#[test]
fn a_floating_input_follows_its_pull_and_then_keeps_its_level() {
    let mut port = Gpio::new('B', ResetValues::default());
    assert_eq!(idr(&mut port, 0), 0);
    set(&mut port, 0x0C, 1 << 4);
    assert_eq!(idr(&mut port, 0), 1 << 2);
    set(&mut port, 0x0C, 0);
    assert_eq!(idr(&mut port, 0), 1 << 2, "no pull: the last level stays");
    set(&mut port, 0x0C, 2 << 4);
    assert_eq!(idr(&mut port, 0), 0);
}

#[test]
fn a_driven_input_wins_over_the_pull_and_follows_its_timeline() {
    let mut port = Gpio::new('B', ResetValues::default());
    set(&mut port, 0x0C, 2 << 8);
    port.drive(4, Signal::timeline(Drive::High, vec![(Time(50), Drive::Low)]));
    assert_eq!((idr(&mut port, 49), idr(&mut port, 50)), (1 << 4, 0));
    assert_eq!(port.sampled_inputs().collect::<Vec<_>>(), [(4, 2)]);
}

#[test]
fn g0_pins_are_analog_and_read_zero_until_configured() {
    let mut port = Gpio::new('B', PORT_A_G0);
    port.drive(2, Signal::steady(Drive::High));
    assert_eq!(with(0, |cx| port.read(0, cx)), 0xEBFF_FFFF);
    assert_eq!(idr(&mut port, 0), 1 << 13, "SWDIO's pull-up alone");
    set(&mut port, 0, 0xEBFF_FFCF);
    assert_eq!(idr(&mut port, 0), 1 << 13 | 1 << 2);
}

#[test]
fn outputs_by_odr_bsrr_brr() {
    let mut port = Gpio::new('B', ResetValues::default());
    set(&mut port, 0, 1 << 10);
    set(&mut port, 0x18, 1 << 5 | 1 << 21);
    assert_eq!(idr(&mut port, 0), 1 << 5, "set wins");
    set(&mut port, 0x28, 1 << 5);
    assert_eq!(idr(&mut port, 0), 0);
    set(&mut port, 0x14, 1 << 5);
    assert_eq!(port.driven_outputs().collect::<Vec<_>>(), [(5, 3)]);
    set(&mut port, 0x04, 1 << 5);
    set(&mut port, 0x0C, 2 << 10);
    assert_eq!(idr(&mut port, 0), 0, "open drain high lets go of the pin");
}

#[test]
fn the_lock_sequence_freezes_mode_and_pull() {
    let mut port = Gpio::new('B', ResetValues::default());
    for value in [0x1_0004, 0x4, 0x1_0004] {
        set(&mut port, 0x1C, value);
    }
    assert_eq!(with(0, |cx| port.read(0x1C, cx)), 0x1_0004);
    set(&mut port, 0, 0x55);
    assert_eq!(with(0, |cx| port.read(0, cx)), 0x45, "pin 2 stays an input");
}

/// What is told by `f`: addresses and rules, and the last text.
fn told(
    port: &mut Gpio,
    time: u64,
    f: impl FnOnce(&mut Gpio, &mut Context<'_>),
) -> (Vec<(u32, Option<&'static str>)>, String) {
    let mut fx = Effects::default();
    let now = Now { cycle: time, time: Time(time) };
    f(port, &mut Context { now, clocks: check::clocks(0), base: 0x4800_0400, fx: &mut fx });
    assert!(fx.notes.iter().all(|n| n.as_on_the_chip), "{:?}", fx.notes);
    let text = fx.notes.last().map_or(String::new(), |n| n.text.clone());
    (fx.notes.iter().map(|n| (n.address, n.choice)).collect(), text)
}

#[test]
fn pull_against_equal_pull_reads_on_and_is_a_choice_told_once() {
    for (drive, level) in [(Drive::Low, "low"), (Drive::High, "high")] {
        let mut port = Gpio::new('B', ResetValues::default());
        set(&mut port, reg::PUPDR, 2 << 8);
        port.drive(4, Signal::timeline(drive, vec![(Time(50), Drive::PulledHigh(PULL))]));
        let read = |port: &mut Gpio, cx: &mut Context<'_>| assert_eq!(port.read(reg::IDR, cx) != 0, level == "high");
        assert_eq!(told(&mut port, 0, read).0, []);
        let (notes, text) = told(&mut port, 60, read);
        assert_eq!(notes, [(0x4800_0410, Some(UNDECIDED))]);
        assert_eq!(text, format!("PB4 stands between 0.3 and 0.7 VDD, and goes on reading {level}"));
        assert_eq!(told(&mut port, 61, read).0, []);
        let levels = port.seen(Time(61));
        assert_eq!((levels.undecided, (levels.high | levels.low | levels.floats) & 1 << 4), (1 << 4, 0));
    }
}

#[test]
fn a_weak_wire_gives_way_to_a_pull_and_a_strong_one_does_not() {
    let reads = |signal: Signal| {
        let mut port = Gpio::new('B', ResetValues::default());
        set(&mut port, reg::PUPDR, 1 << 8);
        port.drive(4, signal);
        idr(&mut port, 0) >> 4
    };
    assert_eq!(reads(Signal::steady(Drive::PulledLow(Ohms(10_000)))), 0);
    assert_eq!(reads(Signal::steady(Drive::PulledLow(Ohms(100_000)))), 1);
    assert_eq!(reads(Signal::steady(Drive::Low).through(Ohms(100_000))), 1);
}

#[test]
fn an_output_against_a_driven_wire_is_told_once_with_its_current() {
    let mut port = Gpio::new('B', ResetValues::default());
    port.drive(4, Signal::timeline(Drive::Low, vec![(Time(50), Drive::High)]).through(Ohms(1_050)));
    let out = |port: &mut Gpio, cx: &mut Context<'_>| port.write(reg::MODER, 1 << 8, u32::MAX, cx);
    assert_eq!(told(&mut port, 10, out).0, [], "both low");
    assert_eq!(port.next_event(&check::clocks(0)), Some(Due::Time(Time(50))), "the wire may turn against it");
    let (notes, text) = told(&mut port, 50, |port, cx| port.advance(cx));
    assert_eq!(notes, [(0x4800_0414, None)]);
    assert_eq!(
        text,
        "contention: the chip drives PB4 low, the wire drives it high: some 3.0 mA at 3.3 V through 50 and 1050 Ohm"
    );
    assert_eq!(port.next_event(&check::clocks(0)), None);
    assert_eq!(idr(&mut port, 50), 0, "the stronger one wins");
    let mut port = Gpio::new('B', ResetValues::default());
    port.drive(4, Signal::steady(Drive::Low));
    set(&mut port, reg::MODER, 1 << 8);
    let high = |port: &mut Gpio, cx: &mut Context<'_>| port.write(reg::BSRR, 1 << 4, u32::MAX, cx);
    assert!(told(&mut port, 10, high).1.ends_with("low: some 33.0 mA at 3.3 V through 50 and 50 Ohm"));
    assert_eq!(told(&mut port, 20, |port, cx| port.write(reg::BRR, 1 << 4, u32::MAX, cx)).0, []);
    assert_eq!(told(&mut port, 30, high).0, [], "once");
    port.reset(ResetCause::PowerOn);
    set(&mut port, reg::MODER, 1 << 8);
    assert_eq!(told(&mut port, 10, high).0.len(), 1, "a new run");
}

#[test]
fn an_open_drain_that_lets_go_leaves_the_pin_low() {
    let mut port = Gpio::new('B', ResetValues::default());
    for (offset, value) in [(reg::PUPDR, 1 << 8), (reg::PUPDR, 0), (reg::OTYPER, 1 << 4), (reg::MODER, 1 << 8)] {
        set(&mut port, offset, value);
    }
    set(&mut port, reg::BSRR, 1 << 4);
    assert_eq!(idr(&mut port, 0), 0);
}

#[test]
fn what_a_pin_keeps_does_not_depend_on_who_looked() {
    let pulse = [(50, Drive::High), (60, Drive::Floating)].map(|(t, d)| (Time(t), d));
    let mut port = Gpio::new('B', ResetValues::default());
    port.drive(4, Signal::timeline(Drive::Low, pulse.to_vec()));
    assert_eq!(idr(&mut port, 0), 0);
    assert_eq!(idr(&mut port, 70), 1 << 4, "nobody saw it driven high");
}

#[test]
fn an_undecided_level_at_a_pin_that_somebody_follows_is_told_without_a_read() {
    let mut port = Gpio::new('A', ResetValues::default());
    set(&mut port, reg::PUPDR, 1 << 4);
    port.drive(2, Signal::timeline(Drive::High, vec![(Time(50), Drive::PulledLow(PULL))]));
    port.watch(1 << 2, Time(10));
    assert_eq!(port.next_event(&check::clocks(0)), Some(Due::Time(Time(50))));
    let (notes, text) = told(&mut port, 50, |port, cx| port.advance(cx));
    assert_eq!(notes, [(0x4800_0410, Some(UNDECIDED))]);
    assert_eq!(text, "PA2 stands between 0.3 and 0.7 VDD, and goes on reading high");
}
