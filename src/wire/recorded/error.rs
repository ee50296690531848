//! Why a VCD file cannot be played.

use super::DEEPEST;
use crate::time::Time;

/// Why a VCD file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// It is not VCD.
    #[error("{path}: line {line}: this is not VCD: {message}")]
    NotVcd {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// What the reader says.
        message: String,
    },
    /// It has no such line.
    #[error("{path} has no line '{asked}' of one bit; {hint}")]
    NoLine {
        /// The file.
        path: String,
        /// What was asked for.
        asked: String,
        /// What it has.
        hint: String,
    },
    /// Which line is meant.
    #[error("{path} {hint}: say which with 'signal NAME'")]
    Which {
        /// The file.
        path: String,
        /// The lines that it has.
        hint: String,
    },
    /// No name tells two lines apart.
    #[error("{path} has more than one line of the full name '{name}': give them different names in the file")]
    Alike {
        /// The file.
        path: String,
        /// With its scopes.
        name: String,
    },
    /// It has no line of one bit.
    #[error("{path} has no line of one bit")]
    NoLines {
        /// The file.
        path: String,
    },
    /// Scopes in scopes in scopes.
    #[error("{path}: line {line}: more than {DEEPEST} scopes are within each other")]
    TooDeep {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
    },
    /// What its times count, IEEE 1364-2005 18.2.3 leaves to the file.
    #[error(
        "{path}: line {line}: nothing says what its times count: put a line with their unit before it, such as $timescale 1 us $end"
    )]
    NoTimescale {
        /// The file.
        path: String,
        /// Where the header ends.
        line: u64,
    },
    /// A time scale of nothing.
    #[error("{path}: line {line}: a time scale of 0 puts all changes at one time; it is 1, 10 or 100 of a unit")]
    ZeroTimescale {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
    },
    /// Times go backward.
    #[error("{path}: line {line}: the time {time} comes after a later one")]
    Backward {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// The time, in its time scale.
        time: u64,
    },
    /// What stands for a time is none.
    #[error("{path}: line {line}: the time #{time} {why}")]
    BadTime {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// As it is written.
        time: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A value of a line that the header does not have.
    #[error("{path}: line {line}: '{id}' gets a value, and no $var of the header declares it")]
    Undeclared {
        /// The file.
        path: String,
        /// Where in it.
        line: u64,
        /// What stands for the line.
        id: String,
    },
    /// Nothing was recorded of the line.
    #[error("{path} has no value of {name}: nothing is known of what is on the line")]
    NoValues {
        /// The file.
        path: String,
        /// The line.
        name: String,
    },
    /// All of it is left out.
    #[error("{path} ends at {end}, and 'skip' leaves out more than that, {skip}")]
    SkipsAll {
        /// The file.
        path: String,
        /// Its last time.
        end: Time,
        /// What was to be left out.
        skip: Time,
    },
}
