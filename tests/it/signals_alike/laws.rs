//! What holds for every signal: text and meaning are one, time may be asked in any order, a phase is a shift.

use super::generate::{self, Generated};
use crate::differential::random::Random;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use dryflash::wire::{ClockError, Kind, Waveform};
use proptest::prelude::*;

/// Signals are walked so far, or for so many steps.
const END: Time = Time::from_millis(60);
const STEPS: usize = 3_000;

/// The drive at first, and every instant that `next_change` names, with the drive from then on.
fn walk(signal: &Signal) -> Vec<(Time, Drive)> {
    let mut steps = vec![(Time::ZERO, signal.at(Time::ZERO))];
    let mut now = Time::ZERO;
    while let Some(next) = signal.next_change(now).filter(|t| *t <= END && steps.len() < STEPS) {
        assert!(next > now, "{next:?} comes after {now:?}");
        steps.push((next, signal.at(next)));
        now = next;
    }
    steps
}

/// The steps at which something changes.
fn changes(steps: &[(Time, Drive)]) -> Vec<(Time, Drive)> {
    steps.windows(2).filter(|two| two[0].1 != two[1].1).map(|two| two[1]).collect()
}

/// When the drive next differs from what it is.
fn next_other(signal: &Signal, time: Time) -> Option<Time> {
    let now = signal.at(time);
    let mut next = signal.next_change(time)?;
    for _ in 0..STEPS {
        if signal.at(next) != now {
            return Some(next);
        }
        next = signal.next_change(next)?;
    }
    None
}

/// Times all over a walk: at its steps, just before them, anywhere between; in no order.
fn anywhere(steps: &[(Time, Drive)], seed: u64) -> Vec<Time> {
    let mut random = Random::new(seed, 0x0000_A5CE);
    let end = steps.last().map_or(END, |(t, _)| *t).0;
    (0..300)
        .map(|_| {
            let (step, _) = steps[random.below(steps.len() as u32) as usize];
            Time(match random.below(4) {
                0 => step.0,
                1 => step.0.saturating_sub(1),
                2 => step.0 + u64::from(random.below(1_000_000)),
                _ => u64::from(random.next()).wrapping_mul(u64::from(random.next())) % (end + 1),
            })
        })
        .filter(|t| t.0 <= end)
        .collect()
}

fn look(steps: &[(Time, Drive)], time: Time) -> Drive {
    steps[steps.partition_point(|(t, _)| *t <= time) - 1].1
}

fn asked_in_any_order(made: &Generated) -> Result<(), TestCaseError> {
    let wire = made.waveform();
    let signal = wire.signal(Time::ZERO);
    let steps = walk(&signal);
    let changed = changes(&steps);
    let end = steps.last().unwrap().0;
    let later = wire.signal(Time::from_micros(777));
    for time in anywhere(&steps, made.seed) {
        prop_assert_eq!(signal.at(time), look(&steps, time), "{} at {:?}", made, time);
        prop_assert_eq!(later.at(time + Time::from_micros(777)), look(&steps, time), "{} at {:?}, later", made, time);
        // Beyond the last step that was walked to nothing is known.
        if let Some((next, _)) = changed.iter().find(|(t, _)| *t > time) {
            prop_assert_eq!(next_other(&signal, time), Some(*next), "{} after {:?}", made, time);
        } else {
            let next = next_other(&signal, time);
            prop_assert!(next.is_none_or(|t| t > end), "{} after {:?}: {:?}", made, time, next);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_written_is_read(seed: u32) {
        let made = generate::signal(seed.into());
        let wire = made.waveform();
        let written = wire.text();
        let again = made.parsed(&written);
        // But for the name of one that is a name.
        prop_assert_eq!(again.parts(), wire.parts(), "{}\n{}", made, written);
        prop_assert_eq!(again.via(), wire.via(), "{}\n{}", made, written);
        prop_assert_eq!(again.text(), written, "{}", made);
    }

    #[test]
    fn a_signal_answers_the_same_in_any_order(seed: u32) {
        asked_in_any_order(&generate::signal(seed.into()))?;
    }

    #[test]
    fn changes_are_those_of_a_walk(seed: u32, most in 1usize..50) {
        let wire = generate::signal(seed.into()).waveform();
        let steps = walk(&wire.signal(Time::ZERO));
        let end = steps.last().unwrap().0;
        let all = changes(&steps);
        prop_assert_eq!(wire.changes(end, usize::MAX), (steps[0].1, all.clone()));
        prop_assert_eq!(wire.changes(end, most).1, &all[..most.min(all.len())]);
    }

    /// A frame that jitter would bring before its part begins waits for it: such a stream is not shifted as a whole.
    #[test]
    fn a_phase_is_a_shift_and_nothing_else(seed: u32, phase_ns in 0u64..30_000_000) {
        let made = generate::part(seed.into());
        let wire = made.waveform();
        let source = &wire.parts()[0].source;
        let (timing, phase) = (*source.timing(), Time::from_nanos(phase_ns));
        prop_assume!(timing.after.is_none_or(|after| after + timing.phase >= timing.jitter));
        let shift = match source.kind() {
            Kind::Level(_) => Time::ZERO,
            _ => phase,
        };
        let varied = Waveform::of(source.varied(phase, ClockError(0)));
        let (signal, shifted) = (wire.signal(Time::ZERO), varied.signal(Time::ZERO));
        for time in anywhere(&walk(&signal), made.seed) {
            prop_assert_eq!(shifted.at(time + shift), signal.at(time), "{} by {:?}, at {:?}", made, shift, time);
        }
        prop_assert_eq!(made.parsed(&varied.text()), varied);
    }

    #[test]
    fn a_resistance_on_the_way_is_the_pins_source(seed: u32) {
        let made = generate::signal(seed.into());
        let wire = made.waveform();
        let source = wire.signal(Time::ZERO).source();
        prop_assert_eq!(source, wire.via().unwrap_or(Signal::SOURCE));
        prop_assert_eq!(wire.via().is_some(), made.text.contains(" via "));
    }
}

/// Whatever the laws say, they are asked of every kind.
#[test]
fn every_kind_is_made() {
    let all: Vec<Waveform> = (0..200).map(|seed| generate::signal(seed).waveform()).collect();
    let kinds = all.iter().flat_map(Waveform::parts).map(|p| p.source.kind().clone()).collect::<Vec<_>>();
    let count = |wanted: &dyn Fn(&Kind) -> bool| kinds.iter().filter(|k| wanted(k)).count();
    for (name, wanted) in [
        ("levels", &(|k: &Kind| matches!(k, Kind::Level(_))) as &dyn Fn(&Kind) -> bool),
        ("pulls", &|k| matches!(k, Kind::Level(Drive::PulledLow(_) | Drive::PulledHigh(_)))),
        ("pulses", &|k| matches!(k, Kind::Pulses { .. })),
        ("DShot", &|k| matches!(k, Kind::Dshot(_))),
        ("bidirectional DShot", &|k| matches!(k, Kind::Dshot(d) if d.bidirectional)),
        ("serial", &|k| matches!(k, Kind::Serial { .. })),
        ("glitches", &|k| matches!(k, Kind::Glitches { .. })),
        ("noise", &|k| matches!(k, Kind::Noise)),
        ("recordings", &|k| matches!(k, Kind::Recorded { .. })),
    ] {
        assert!(count(wanted) > 5, "{name}: {}", count(wanted));
    }
    let timing = || all.iter().flat_map(Waveform::parts).map(|p| *p.source.timing());
    for (name, count) in [
        ("rate", timing().filter(|t| t.rate.is_some()).count()),
        ("after", timing().filter(|t| t.after.is_some()).count()),
        ("phase", timing().filter(|t| t.phase > Time::ZERO).count()),
        ("jitter", timing().filter(|t| t.jitter > Time::ZERO).count()),
        ("clock", timing().filter(|t| t.clock != ClockError(0)).count()),
        ("via", all.iter().filter(|w| w.via().is_some()).count()),
        ("sequences", all.iter().filter(|w| w.parts().len() > 1).count()),
    ] {
        assert!(count > 20, "{name}: {count}");
    }
}
