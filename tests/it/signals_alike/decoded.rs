//! What receivers make of signals: decoders that know DShot, UARTs, pulses and VCD, and nothing of this house. They get
//! the line's levels alone.

use crate::signals_alike::generate;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use dryflash::wire::{Kind, Level, Names, Spec, Waveform};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A change of the line: picoseconds, and whether it is high from then on.
type Edge = (u64, bool);

/// The level at first, and the edges up to `until`. Pulls count as what they pull to.
fn edges(wire: &Waveform, until: Time) -> (bool, Vec<Edge>) {
    let high = |drive| match Level::of(drive) {
        Level::High => true,
        Level::Low => false,
        Level::Floating => panic!("the line of a stream does not float"),
    };
    let (start, changes) = wire.changes(until, usize::MAX);
    let mut level = high(start);
    let mut edges = Vec::new();
    for (time, drive) in changes {
        if high(drive) != level {
            level = !level;
            edges.push((time.0, level));
        }
    }
    (high(start), edges)
}

/// Pulses of the level `active`: begin and width. What was on at first, or is on at the end, is none.
fn pulses(edges: &[Edge], active: bool) -> Vec<(u64, u64)> {
    let pairs = edges.windows(2).filter(|two| two[0].1 == active);
    pairs.map(|two| (two[0].0, two[1].0 - two[0].0)).collect()
}

/// Of a clock that is wrong by so many parts of a million, what takes `ps` by a good one.
fn by_clock(ps: f64, ppm: i32) -> f64 {
    ps / (1.0 + f64::from(ppm) / 1e6)
}

/// That a time is what it should be, to 2 ps of rounding.
fn close(seen: u64, wanted: f64) -> bool {
    (seen as f64 - wanted).abs() <= 2.0
}

/// A DShot frame as a receiver has it: its begin, its sixteen bits.
#[derive(Debug, PartialEq)]
struct Frame {
    begin: u64,
    bits: u16,
}

/// Frames of pulses: a pulse longer than 9/16 of a bit is a one, and a pause of more than a bit and a half ends a frame.
fn dshot_frames(pulses: &[(u64, u64)], kbit: u64) -> Result<Vec<Frame>, String> {
    let bit = 1_000_000_000 / kbit;
    let mut frames: Vec<(u64, Vec<u64>)> = Vec::new();
    for (begin, width) in pulses {
        let begins = frames.last().is_none_or(|(_, seen)| begin - seen.last().unwrap_or(&0) > bit * 3 / 2);
        if begins {
            frames.push((0, Vec::new()));
        }
        let (bits, seen) = frames.last_mut().ok_or("no frame")?;
        *bits = *bits << 1 | u64::from(width * 16 > bit * 9);
        seen.push(*begin);
    }
    frames
        .into_iter()
        .map(|(bits, seen)| match seen.len() {
            16 => Ok(Frame { begin: seen[0], bits: bits as u16 }),
            n => Err(format!("a frame of {n} bits at {} ps", seen[0])),
        })
        .collect()
}

/// Value and request for telemetry, where the checksum fits: all four nibbles together come to 0, or to 15 where inverted.
fn dshot_value(bits: u16, inverted: bool) -> Option<(u16, bool)> {
    let nibbles = (0..4).fold(0, |sum, n| sum ^ (bits >> (4 * n) & 15));
    (nibbles == if inverted { 15 } else { 0 }).then_some((bits >> 5, bits >> 4 & 1 == 1))
}

fn dshot_text(value: u16) -> String {
    match value {
        0 => "idle".to_owned(),
        1..=47 => format!("command {value}"),
        _ => format!("throttle {value}"),
    }
}

/// A UART with a clock of its own: bytes, and when their start bits began.
fn uart(signal: &Signal, baud: f64, inverted: bool, until: u64) -> Result<Vec<(u64, u8)>, String> {
    let bit = 1e12 / baud;
    let mark = |ps: u64| (Level::of(signal.at(Time(ps))) == Level::High) != inverted;
    let (mut now, mut bytes) = (0, Vec::new());
    while let Some(edge) = signal.next_change(Time(now)).map(|t| t.0).filter(|t| *t < until) {
        now = edge;
        if mark(edge) {
            continue;
        }
        let middle = |n: u32| edge + (bit * (f64::from(n) + 0.5)) as u64;
        if mark(middle(0)) {
            return Err(format!("the start bit at {edge} ps is short"));
        }
        let byte = (0..8).fold(0, |byte, n| byte | u8::from(mark(middle(n + 1))) << n);
        if !mark(middle(9)) {
            return Err(format!("the byte {byte:02X} at {edge} ps has no stop bit"));
        }
        bytes.push((edge, byte));
        now = middle(9);
    }
    Ok(bytes)
}

/// That frames come at `first` and every `period` from then on, by a clock that is wrong, each by up to `jitter` off.
fn in_time(begins: &[u64], first: f64, period: f64, jitter: u64) -> Result<(), String> {
    for begin in begins {
        let since = *begin as f64 - first;
        let frames = (since / period).round();
        let off = since - frames * period;
        // A period is whole picoseconds, by either clock.
        let rounding = 2.0 + 2.0 * frames.abs();
        if off.abs() > jitter as f64 + rounding {
            return Err(format!("a frame at {begin} ps is {off} ps off, {first} + n * {period}"));
        }
    }
    let gaps = || begins.windows(2).map(|two| (two[1] - two[0]) as f64);
    match gaps().find(|gap| (gap - period).abs() > 2.0 * jitter as f64 + 2.0) {
        Some(gap) => Err(format!("{gap} ps from one frame to the next, not {period}")),
        None => Ok(()),
    }
}

/// A clock within what receivers take, in parts of a million.
fn clocks() -> impl Strategy<Value = i32> {
    prop::sample::select(vec![0, 200, -200, 10_000, -10_000, 30_000, -30_000])
}

proptest! {
    #[test]
    fn a_dshot_receiver_reads_what_was_sent(
        rate in prop::sample::select(vec![(150u64, 2_000u64), (300, 4_000), (600, 8_000), (1_200, 8_000)]),
        value in 0u16..2_048, telemetry: bool, bidirectional: bool, slower in 1u64..4, phase_us in 0u64..400,
        after_ms in prop::option::of(1u64..3), ppm in clocks(), jitter_ns in 0u64..3_000, seed: u32,
    ) {
        let (kbit, hz) = rate;
        let hz = hz / slower;
        let words = [(bidirectional, " bidirectional"), (telemetry, " telemetry")];
        let words: String = words.iter().filter(|w| w.0).map(|w| w.1).collect();
        let after = after_ms.map_or(String::new(), |ms| format!(" after {ms}ms"));
        let text = format!(
            "dshot{kbit} {}{words} at {hz}Hz{after} phase {phase_us}us jitter {jitter_ns}ns clock {ppm:+}ppm seed {seed}",
            dshot_text(value),
        );
        let wire: Waveform = text.parse().unwrap();
        let (idle, mut seen) = edges(&wire, Time::from_millis(12));
        // What began before power-on, or ends after what is looked at, is no whole frame.
        let begins_inside = after_ms.is_some();
        let period = by_clock(1e15 / (hz * 1_000) as f64, ppm);
        if !begins_inside {
            let cut = (period * 1.5) as u64;
            seen.retain(|(t, _)| *t > cut);
        } else {
            prop_assert_eq!(idle, bidirectional, "{}: at rest", text);
        }
        let pulses = pulses(&seen, !bidirectional);
        // From the first pause on.
        let bit = 1_000_000_000 / kbit;
        let rest = |two: &[(u64, u64)]| two[1].0 - two[0].0 > 2 * bit;
        let from = if begins_inside { 0 } else { pulses.windows(2).position(rest).map_or(0, |n| n + 1) };
        let to = pulses.windows(2).rposition(rest).map_or(0, |n| n + 1);
        let frames = dshot_frames(&pulses[from..to], kbit).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert!(frames.len() > 2, "{}: {} frames", text, frames.len());
        for frame in &frames {
            prop_assert_eq!(dshot_value(frame.bits, bidirectional), Some((value, telemetry)), "{}: {:04X}", text, frame.bits);
        }
        let widths = |share: f64| by_clock(share * 1e9 / kbit as f64, ppm);
        for (_, width) in &pulses[from..to] {
            prop_assert!(close(*width, widths(0.375)) || close(*width, widths(0.75)), "{}: {} ps", text, width);
        }
        let first = (after_ms.unwrap_or(0) * 1_000 + phase_us) as f64 * 1e6;
        let begins: Vec<u64> = frames.iter().map(|f| f.begin).collect();
        if begins_inside {
            prop_assert!((begins[0] as f64 - first).abs() <= jitter_ns as f64 * 1e3, "{}: {}", text, begins[0]);
        }
        let timed = in_time(&begins, first, period, jitter_ns * 1_000);
        prop_assert!(timed.is_ok(), "{}: {:?}", text, timed);
    }

    #[test]
    fn a_uart_reads_what_was_sent(
        baud in prop::sample::select(vec![9_600u32, 19_200, 115_200, 420_000]), bytes in prop::collection::vec(any::<u8>(), 1..9),
        gap_us in 200u64..2_000, inverted: bool, ppm in clocks(), jitter_us in 0u64..100, phase_us in 0u64..3_000, seed: u32,
    ) {
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        let text = format!(
            "serial {baud} bytes {} gap {gap_us}us{} after 1ms phase {phase_us}us jitter {jitter_us}us clock {ppm:+}ppm seed {seed}",
            hex.join(" "), if inverted { " inverted" } else { "" },
        );
        let wire: Waveform = text.parse().unwrap();
        let signal = wire.signal(Time::ZERO);
        let seen = uart(&signal, baud.into(), inverted, 60_000_000_000);
        let seen = seen.map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert!(seen.len() > bytes.len(), "{}: {} bytes", text, seen.len());
        for (n, (_, byte)) in seen.iter().enumerate() {
            prop_assert_eq!(*byte, bytes[n % bytes.len()], "{}: byte {}", text, n);
        }
        let begins: Vec<u64> = seen.iter().step_by(bytes.len()).map(|(t, _)| *t).collect();
        let period = by_clock(1e13 / f64::from(baud) * bytes.len() as f64 + gap_us as f64 * 1e6, ppm);
        let timed = in_time(&begins, (1_000 + phase_us) as f64 * 1e6, period, jitter_us * 1_000_000);
        prop_assert!(timed.is_ok(), "{}: {:?}", text, timed);
        // Bytes of a frame follow one another without a gap, whatever the jitter of frames.
        for (n, two) in seen.windows(2).enumerate().filter(|(n, _)| (n + 1) % bytes.len() != 0) {
            prop_assert!(close(two[1].0 - two[0].0, by_clock(1e13 / f64::from(baud), ppm)), "{}: byte {}", text, n);
        }
    }

    #[test]
    fn pulses_are_as_wide_as_asked(
        (name, hz, width_ns) in prop_oneof![
            (Just("servo"), 50u64..400, 500_000u64..2_400_000),
            (Just("oneshot125"), 50u64..2_900, 60_000u64..320_000),
            (Just("oneshot42"), 50u64..8_000, 20_000u64..110_000),
            (Just("multishot"), 50u64..29_000, 2_000u64..32_000),
            (Just("glitches high"), 50u64..4_000, 10u64..200_000),
        ],
        ppm in clocks(), share in 0u64..100, inverted: bool, seed: u32, phase_us in 0u64..20_000,
    ) {
        let spare = (1_000_000_000 / hz).saturating_sub(width_ns + 600) / 2;
        let jitter_ns = spare * share / 100;
        let invertible = inverted && !name.starts_with("glitches");
        let text = format!(
            "{name} {width_ns}ns{} at {hz}Hz phase {phase_us}us jitter {jitter_ns}ns clock {ppm:+}ppm seed {seed}",
            if invertible { " inverted" } else { "" },
        );
        let wire: Waveform = text.parse().unwrap();
        let (_, seen) = edges(&wire, Time(8_500_000_000_000 / hz));
        let pulses = pulses(&seen, !invertible);
        prop_assert!((7..=10).contains(&pulses.len()), "{}: {} pulses", text, pulses.len());
        let width = by_clock(width_ns as f64 * 1e3, ppm);
        let begins: Vec<u64> = pulses.iter().map(|(begin, _)| *begin).collect();
        prop_assert!(pulses.iter().all(|(_, w)| close(*w, width)), "{}: {:?}", text, pulses);
        let timed = in_time(&begins, phase_us as f64 * 1e6, by_clock(1e12 / hz as f64, ppm), jitter_ns * 1_000);
        prop_assert!(timed.is_ok(), "{}: {:?}", text, timed);
    }

    #[test]
    fn noise_is_levels_of_one_length(khz in 1u64..1_000, ppm in clocks(), seed: u32, first_us in 0u64..2_000) {
        let text = format!("noise at {khz}kHz after {first_us}us clock {ppm:+}ppm seed {seed}");
        let step = by_clock(1e9 / khz as f64, ppm);
        let (_, seen) = edges(&text.parse().unwrap(), Time::from_micros(first_us) + Time((400.0 * step) as u64));
        // A coin that is thrown 400 times changes its side some 200 times.
        prop_assert!((140..260).contains(&seen.len()), "{}: {} edges", text, seen.len());
        let begins: Vec<u64> = seen.iter().map(|(t, _)| *t).collect();
        for begin in begins {
            let steps = (begin as f64 - first_us as f64 * 1e6) / step;
            // A step is whole picoseconds, by either clock.
            prop_assert!((steps - steps.round()).abs() * step <= 2.0 + 2.0 * steps, "{}: {} steps", text, steps);
        }
    }

    /// Words of a file, one after another, are enough for a reader of one line.
    #[test]
    fn a_file_is_played_as_it_is_written(seed: u32) {
        let made = generate::recorded(seed.into());
        let wire = made.waveform();
        let Kind::Recorded { skip, .. } = wire.parts()[0].source.kind() else { panic!("{made} is played") };
        let timing = *wire.parts()[0].source.timing();
        let first = timing.after.unwrap_or_default() + timing.phase;
        let spec = made.text.parse::<Spec>();
        prop_assert!(spec.is_ok());
        let file = String::from_utf8(made.read(made.file(), None).unwrap()).unwrap();
        let (declarations, body) = file.split_once("$enddefinitions $end").unwrap();
        let mut words = declarations.split_whitespace().skip_while(|w| *w != "$timescale").skip(1);
        let number: f64 = words.next().unwrap().parse().unwrap();
        let unit = match words.next().unwrap() { "ps" => 1.0, "ns" => 1e3, "us" => 1e6, other => panic!("{other}") };
        let code = if made.text.contains("two$words") { '"' } else { '!' };
        // The last value of each time.
        let (mut now, mut values) = (0, BTreeMap::new());
        for word in body.split_whitespace() {
            if let Some(time) = word.strip_prefix('#') && word.len() > 1 {
                now = time.parse().unwrap();
            } else if let Some(value) = word.strip_suffix(code) && value.len() == 1 {
                let drive = match value { "0" => Drive::Low, "1" => Drive::High, _ => Drive::Floating };
                values.insert(now, drive);
            }
        }
        // What stands at the begin is the last value up to there, or the first of all.
        let begin = skip.0 as f64;
        let time = |n: &u64| *n as f64 * number * unit;
        let mut level = values.iter().rfind(|(n, _)| time(n) <= begin).or(values.iter().next()).map_or(Drive::Floating, |v| *v.1);
        let (start, mut wanted) = (level, Vec::new());
        for (n, drive) in values.iter().filter(|(n, _)| time(n) > begin) {
            if *drive != level {
                wanted.push((first.0 as f64 + by_clock(time(n) - begin, timing.clock.0), *drive));
            }
            level = *drive;
        }
        let (at_first, seen) = wire.changes(Time::NEVER, usize::MAX);
        prop_assert_eq!(at_first, start, "{}\n{}", made, file);
        prop_assert_eq!(seen.len(), wanted.len(), "{}\n{}", made, file);
        for ((time, drive), (when, what)) in seen.iter().zip(&wanted) {
            prop_assert!(drive == what && close(time.0, *when), "{}: {:?} at {}, not {:?} at {}", made, drive, time.0, what, when);
        }
    }
}

#[test]
fn decoders_refuse_what_was_not_sent() {
    // 0x82C6: half throttle.
    assert_eq!(dshot_value(0x82C6, false), Some((1_046, false)));
    assert_eq!(dshot_value(0x82C6, true), None);
    assert_eq!(dshot_value(0x82C7, false), None);
    assert!(dshot_frames(&[(0, 600_000); 1], 600).is_err());
    let wire: Waveform = "serial 19200 bytes 55 after 1ms".parse().unwrap();
    assert!(uart(&wire.signal(Time::ZERO), 9_600.0, false, 60_000_000_000).is_err());
    assert!(in_time(&[100, 1_100, 2_150], 100.0, 1_000.0, 10).is_err());
}
