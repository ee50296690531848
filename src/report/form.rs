//! What is common to all reports: a verb says what there is in a type that is [`Render`]; a form of output is a [`Form`],
//! in a file of its own. Neither knows the list of the other.

use super::signals::Report;
use super::{Places, Style};
#[cfg(feature = "cli")]
use super::{replay::Session, script::Script, with::With};
use crate::esc::Verdict;
#[cfg(feature = "cli")]
use crate::scenario::outcome;
use std::fmt;

/// What a verb has to say.
pub trait Render {
    /// For people; a newline at the end.
    fn text(&self, style: Style) -> String;

    /// For programs: the document that a schema in `docs/schemas/` describes, indented, with a newline at the end.
    ///
    /// # Errors
    /// None that input can cause: a failure of serialisation is a bug.
    fn json(&self) -> Result<String, RenderError>;

    /// What those forms are made of that not every verb has.
    fn subject(&self) -> Subject<'_> {
        Subject::Other
    }
}

/// What a report is about, for forms that look into it.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Files that were flashed and powered.
    Check(&'a Verdict),
    /// Scenarios that were run.
    #[cfg(feature = "cli")]
    Run(&'a outcome::Report),
    /// A recorded session that was replayed.
    #[cfg(feature = "cli")]
    Replay(&'a Session<'a>),
    /// st-flash lines that were carried out.
    #[cfg(feature = "cli")]
    Script(&'a Script<'a>),
    /// A command that was run at a virtual ESC.
    #[cfg(feature = "cli")]
    With(&'a With<'a>),
    /// Signals that were tried on an ESC.
    Signals(&'a Report<'a>),
    /// Anything else: text and JSON only.
    Other,
}

/// What a verb's reports are about; the kind of its [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Files that were flashed and powered.
    Check,
    /// Scenarios that were run.
    Run,
    /// Signals that were tried.
    Signals,
    /// A session with a probe: recorded, or a client's.
    Session,
    /// Anything else.
    Other,
}

/// How a report is to look, and where its files are.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Text.
    pub style: Style,
    /// How a forge names files; asked for by the forms that need it.
    pub places: fn() -> Places,
}

impl Default for Setting {
    /// For a file: no colour, no terminal's columns, paths from the repository around the current folder.
    fn default() -> Setting {
        Setting { style: Style::default(), places: || Places::found(None) }
    }
}

/// Makes a report.
pub type Make = fn(&dyn Render, &Setting) -> Result<String, RenderError>;

/// A form of output.
pub struct Form {
    /// As `--format` has it.
    pub name: &'static str,
    /// For the help, in a line.
    pub about: &'static str,
    /// What it can be made of.
    pub of: &'static [Kind],
    /// Makes it.
    pub make: Make,
    /// Markdown for a step summary, where the forge that reads this form has one.
    pub summary: Option<Make>,
    /// Whether a file that begins so is such a report, and may be replaced by one.
    pub is_one: fn(&str) -> bool,
}

impl PartialEq for Form {
    fn eq(&self, other: &Form) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Form").field(&self.name).finish()
    }
}

/// Every kind of report.
pub const ANY: &[Kind] = &[Kind::Check, Kind::Run, Kind::Signals, Kind::Session, Kind::Other];

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// Serialisation failed.
    #[error("the report could not be written as {form}")]
    Unwritten {
        /// The form, in words.
        form: &'static str,
        /// What the serialiser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The verb does not have this form.
    #[error("this report has no form {form}")]
    NoSuchForm {
        /// The form's name.
        form: &'static str,
    },
}

impl RenderError {
    /// What a serialiser says of a form.
    pub fn of<E: std::error::Error + Send + Sync + 'static>(form: &'static str) -> impl FnOnce(E) -> RenderError {
        move |error| RenderError::Unwritten { form, source: Box::new(error) }
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;
    use crate::report::explain::Explained;
    use crate::report::{FORMS, text};
    use crate::scenario::ScenarioError;

    #[test]
    fn a_form_is_made_of_what_it_says_and_of_nothing_else() {
        let run = outcome::Report::refused(1, &ScenarioError::Usage("no such folder".to_owned()));
        let explained = Explained { chosen: Vec::new() };
        let reports: [(Kind, &dyn Render); 2] = [(Kind::Run, &run), (Kind::Other, &explained)];
        for form in FORMS {
            for (kind, report) in reports {
                let made = (form.make)(report, &Setting::default());
                match form.of.contains(&kind) {
                    true => assert!(!made.unwrap().is_empty(), "{form:?} of {kind:?}"),
                    false => assert!(matches!(made, Err(RenderError::NoSuchForm { .. })), "{form:?} of {kind:?}"),
                }
            }
        }
    }

    #[test]
    fn a_report_is_known_by_its_beginning_in_its_own_form_alone() {
        let run = outcome::Report::refused(1, &ScenarioError::Usage("no such folder".to_owned()));
        for form in FORMS {
            let made = (form.make)(&run, &Setting::default()).unwrap();
            let head: String = made.chars().take(600).collect();
            let known: Vec<&str> = FORMS.iter().filter(|f| (f.is_one)(&head)).map(|f| f.name).collect();
            // Annotations end in the line that a text ends in.
            let both = if form.name == "github" { vec![text::FORM.name, form.name] } else { vec![form.name] };
            assert_eq!(known, both);
        }
    }
}
