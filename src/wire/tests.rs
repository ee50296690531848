//! What is printed is read as the same signal.

use super::{ClockError, Names, Spec, Waveform};
use crate::time::Time;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Names of an own, and one file under all names.
struct Own<'a>(&'a BTreeMap<String, String>);

const FILE: &[u8] =
    b"$timescale 1 ns $end $scope module a, $end $var wire 1 ! D 0 $end $var wire 1 \" b@1 $end $upscope $end \
    $enddefinitions $end #0 1! 0\" #5 0! #77 1! #123456789012 0\" 0!";

impl Names for Own<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
    fn read(&self, _: &str, _: Option<&str>) -> Result<Vec<u8>, String> {
        Ok(FILE.to_vec())
    }
}

/// A number, round or odd, and one of these units.
fn number(most: u64, units: &'static [&'static str]) -> impl Strategy<Value = String> {
    let digits = prop_oneof![
        (0..=most).prop_map(|n| n.to_string()),
        (0..=most, 0..1_000_000_000_000u64).prop_map(|(n, part)| format!("{n}.{part:012}")),
        (0..=most, 0..1_000u64).prop_map(|(n, part)| format!("{n}.{part:03}")),
    ];
    (digits, prop::sample::select(units)).prop_map(|(n, unit)| format!("{n}{unit}"))
}

fn time() -> impl Strategy<Value = String> {
    prop_oneof![
        number(99_999, &["ns", "us", "µs", "ms"]),
        number(3_600, &["s"]),
        prop::sample::select(vec!["0ms".to_owned(), "3600s".to_owned(), "0.001ns".to_owned()]),
    ]
}

fn short() -> impl Strategy<Value = String> {
    number(400, &["ns", "us"])
}

fn ohms() -> impl Strategy<Value = String> {
    prop_oneof![number(100, &["", "k", "M", " kOhm", "Ω"]), (0..100_000_000u32).prop_map(|n| n.to_string())]
}

fn source() -> impl Strategy<Value = String> {
    let share =
        || prop_oneof![Just(String::new()), Just(" idle".to_owned()), number(99, &["%"]).prop_map(|p| format!(" {p}"))];
    let pulses = prop::sample::select(vec!["servo", "oneshot125", "oneshot42", "multishot"]);
    let rate = prop::sample::select(vec![150, 300, 600, 1_200]);
    let value = prop_oneof![
        share(),
        (48..2_048u32).prop_map(|n| format!(" throttle {n}")),
        (1..48u32).prop_map(|n| format!(" command {n}")),
    ];
    let extra = prop::sample::select(vec!["", " bidirectional", " telemetry", " bidirectional telemetry"]);
    let bytes = prop::collection::vec(any::<u8>(), 1..9)
        .prop_map(|bytes| bytes.iter().map(|b| format!(" {b:02x}")).collect::<String>());
    let path = prop::sample::select(vec!["a.vcd", "\"my, file@5.vcd\"", "d/é.vcd", "\" \"", "\"\"", "5", "\"5 ms\""]);
    let line = prop::sample::select(vec!["\"a,.D_0\"", "D_0", "b@1", "\"b@1\"", "\"a,.b@1\""]);
    prop_oneof![
        prop::sample::select(vec!["low".to_owned(), "high".to_owned(), "floating".to_owned(), "pullup".to_owned()]),
        ohms().prop_map(|o| format!("pulldown {o}")),
        (pulses, prop_oneof![share(), short().prop_map(|w| format!(" {w}"))]).prop_map(|(p, w)| format!("{p}{w}")),
        (rate, value, extra).prop_map(|(rate, value, extra)| format!("dshot{rate}{value}{extra}")),
        (300..4_000_000u32, bytes).prop_map(|(baud, bytes)| format!("serial {baud} bytes{bytes}")),
        (prop::sample::select(vec!["high", "low"]), short()).prop_map(|(l, w)| format!("glitches {l} {w}")),
        Just("noise".to_owned()),
        (path, line, number(200, &["s"])).prop_map(|(p, l, skip)| format!("vcd {p} signal {l} skip {skip}")),
        prop::sample::select(vec!["n0".to_owned(), "n1".to_owned(), "betaflight".to_owned()]),
    ]
}

fn option() -> impl Strategy<Value = String> {
    prop_oneof![
        number(9_999, &["Hz", "kHz", "MHz"]).prop_map(|f| format!(" at {f}")),
        time().prop_map(|t| format!(" after {t}")),
        time().prop_map(|t| format!(" phase {t}")),
        short().prop_map(|t| format!(" jitter {t}")),
        time().prop_map(|t| format!(" gap {t}")),
        (prop::sample::select(vec!["+", "-", ""]), number(9, &["%", "ppm"]))
            .prop_map(|(s, c)| format!(" clock {s}{c}")),
        any::<u64>().prop_map(|n| format!(" seed {n}")),
        Just(" inverted".to_owned()),
        ohms().prop_map(|o| format!(" via {o}")),
    ]
}

fn part() -> impl Strategy<Value = String> {
    (source(), prop::collection::vec(option(), 0..3)).prop_map(|(source, options)| source + &options.concat())
}

/// As many as are in order of time, and good ones by themselves.
fn whole(parts: Vec<(String, String)>) -> String {
    let good = |text: &str| text.parse::<Spec>().is_ok();
    let mut text = String::new();
    for (part, time) in parts {
        let longer = if text.is_empty() { part } else { format!("{text}, {part}@{time}") };
        if good(&longer) {
            text = longer;
        }
    }
    if text.is_empty() { "low".to_owned() } else { text }
}

fn signal() -> impl Strategy<Value = String> {
    prop::collection::vec((part(), time()), 1..6).prop_map(whole)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn what_is_printed_is_read_as_the_same(
        text in signal(), own in signal(), others in signal(), phase in 0..4_000_000_000_000_000u64, ppm in -100_000..100_000i32,
    ) {
        let names = BTreeMap::from([("n0".to_owned(), own.replace("n0", "low").replace("n1", "high")), ("n1".to_owned(), others.replace("n1", "n0"))]);
        let names = Own(&names);
        let read = |text: &str| text.parse::<Spec>().and_then(|spec| spec.resolve(&names));
        if let Ok(wire) = read(&text) {
            let varied = wire.varied(Time(phase), ClockError(ppm));
            for wire in [&wire, &varied] {
                // Its name is no part of what is on the wire.
                let again = read(&wire.text()).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(again.text(), wire.text());
                prop_assert_eq!((again.parts(), again.via()), (wire.parts(), wire.via()), "{} of {}", wire, text);
            }
        }
    }
}

/// What the strategy makes is read, for the most part, and is of all kinds.
#[test]
fn generated_signals_are_signals() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let (mut runner, names) = (TestRunner::deterministic(), BTreeMap::new());
    let texts: Vec<String> = (0..600).map(|_| signal().new_tree(&mut runner).unwrap().current()).collect();
    let read = |text: &&String| text.parse::<Spec>().is_ok_and(|s| s.resolve(&Own(&names)).is_ok());
    let good: Vec<&String> = texts.iter().filter(read).collect();
    assert!(good.len() > 250, "{}", good.len());
    for word in ["vcd", "serial", "servo", "dshot", "noise", "glitches", "via", "phase", "seed", "clock", "@"] {
        assert!(good.iter().filter(|text| text.contains(word)).count() > 5, "{word}");
    }
    let levels: Waveform = "high,low@0.001ns".parse().unwrap();
    assert_eq!(levels.to_string(), "high,low@0.001ns");
}
