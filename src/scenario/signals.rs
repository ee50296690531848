//! Signals by name, in a scenario's and in a project's file: which names there can be, and where a text is wrong.

use super::error::{ScenarioError, Source};
use crate::wire::{Named, SignalError, Spec};
use std::ops::Range;
use std::sync::Arc;

/// A text of a file, and where it stands.
type Placed<'a> = (&'a str, Range<usize>);

/// What is wrong with these signals of a file, each a name and a text with their places: names that cannot be, texts that
/// cannot be read, and those that name what is not there. `names` has these signals, and the others that they may name.
pub fn judge_all<'a>(
    source: &Arc<Source>,
    names: &Named,
    all: impl Iterator<Item = (Placed<'a>, Placed<'a>)>,
) -> Vec<(&'a str, ScenarioError)> {
    let judged = |((name, at), (text, place)): (Placed<'a>, Placed<'a>)| {
        let named = |()| names.judge(name).map_err(|error| flaw(source, &place, &error));
        judge(source, (name, &at), (text, &place)).and_then(named).err().map(|error| (name, error))
    };
    all.filter_map(judged).collect()
}

/// Whether a signal can have this name, and its text can be read.
fn judge(
    source: &Arc<Source>,
    (name, at): (&str, &Range<usize>),
    (text, place): (&str, &Range<usize>),
) -> Result<(), ScenarioError> {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !plain {
        let flaw = source.flaw(at, format!("'{name}' is no name of a signal"));
        return Err(flaw.hint("a letter, then letters, digits, - and _"));
    }
    // A word that the grammar wants more behind is taken, too.
    if !name.parse::<Spec>().is_ok_and(|spec| spec.is_name()) {
        let flaw = source.flaw(at, format!("'{name}' is a word of the signals' language"));
        return Err(flaw.hint("give it another name"));
    }
    text.parse::<Spec>().map(|_| ()).map_err(|error| flaw(source, place, &error))
}

/// What is wrong with a signal that stands at `span`: at its very characters, where they are those of the file.
pub fn flaw(source: &Arc<Source>, span: &Range<usize>, error: &SignalError) -> ScenarioError {
    match literal(&source.text, span, &error.text) {
        Some(start) => source.flaw(&(start + error.at.start..start + error.at.end), &error.message),
        None => source.flaw(span, error.to_string()),
    }
}

/// Where a text begins that stands as it is in quotation marks: without escapes, without variables.
fn literal(source: &str, span: &Range<usize>, text: &str) -> Option<usize> {
    let whole = source.get(span.clone())?;
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| whole.starts_with(quote))?;
    let inside = whole.get(quote.len()..)?.strip_suffix(quote)?;
    (inside == text).then_some(span.start + quote.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &str, text: &str) -> String {
        let source = Arc::new(Source { path: "a.toml".into(), name: "a.toml".into(), text: file.to_owned() });
        let error = text.parse::<Spec>().unwrap_err();
        let start = file.find(['"', '\'']).unwrap();
        flaw(&source, &(start..file.len()), &error).to_string()
    }

    #[test]
    fn a_signal_is_wrong_at_its_very_characters() {
        let text = "servo at 500Hz, dshot6@3ms";
        assert!(told("w = \"servo at 500Hz, dshot6@3ms\"", text).starts_with("a.toml:1:6: servo is sent 50 to 490"));
        let late = "low, dshot600 at 4kHz throttle@3ms";
        let shown = "w = 'low, dshot600 at 4kHz throttle@3ms'\n    |                            ^^^^^^^^";
        assert!(told(&format!("w = '{late}'"), late).contains(shown), "{}", told(&format!("w = '{late}'"), late));
        // Behind a variable or an escape the message counts.
        let filled = told("w = \"{signal}\"", late);
        assert!(filled.starts_with("a.toml:1:5:") && filled.contains("(at character 23 of 'low, dshot600"), "{filled}");
    }

    #[test]
    fn a_name_is_no_word_of_the_language() {
        let source = Arc::new(Source { path: "a.toml".into(), name: "a.toml".into(), text: "low = 3".to_owned() });
        let judged = |name: &str| judge(&source, (name, &(0..3)), ("low", &(6..7))).map_err(|e| e.to_string());
        let inner =
            ["at", "idle", "via", "after", "phase", "jitter", "clock", "seed", "gap", "bytes", "signal", "skip"];
        let last = ["inverted", "bidirectional", "telemetry", "throttle", "command", "dshot"];
        let begin = ["low", "servo", "serial", "glitches", "vcd", "dshot300", "dshot301", "noise"];
        for name in begin.into_iter().chain(inner).chain(last) {
            assert!(judged(name).unwrap_err().contains("is a word of the signals' language"), "{name}");
        }
        for name in ["", "5v", "a b", "a@b", "\u{e4}"] {
            assert!(judged(name).unwrap_err().contains("is no name of a signal"), "{name}");
        }
        for name in ["betaflight", "fc-2", "A_b", "lows", "idle-2", "DShot"] {
            assert_eq!(judged(name), Ok(()));
        }
    }
}
