//! Options that take one of a few words, each of which stands for a value of the library's.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A word, what the help says of it, and what it stands for.
pub type Choice<T> = (&'static str, &'static str, T);

/// Takes one of the words.
pub fn parser<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let values = choices.iter().map(|(word, help, _)| match *help {
        "" => PossibleValue::new(*word),
        help => PossibleValue::new(*word).help(help),
    });
    PossibleValuesParser::new(values).try_map(|word| find(choices, &word))
}

/// What a word stands for.
///
/// # Errors
/// None: the words that there are, and that it is none of them.
pub fn find<T: Copy>(choices: &[Choice<T>], word: &str) -> Result<T, String> {
    let found = choices.iter().find(|(known, ..)| *known == word).map(|(.., value)| *value);
    let words = || choices.iter().map(|(word, ..)| *word).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| format!("{}, not {word}", words()))
}

/// The word for a value; empty where there is none.
pub fn word<T: PartialEq>(choices: &[Choice<T>], value: T) -> &'static str {
    choices.iter().find(|(.., of)| *of == value).map_or("", |(word, ..)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_values() {
        let choices = [("one", "", 1), ("two", "More", 2)];
        assert_eq!((find(&choices, "two"), word(&choices, 1), word(&choices, 3)), (Ok(2), "one", ""));
        assert_eq!(find(&choices, "Two"), Err("one, two, not Two".to_owned()));
    }
}
