//! One page to show: a report as HTML, in one file that needs nothing else.
//!
//! Nothing on it comes from elsewhere, and its policy (CSP) lets nothing: whoever opens it, on whatever machine, sees the
//! same. It is complete without its script, which only copies commands. What stands on it is prepared here, in types
//! named after what they show; the templates beside them lay it out and decide nothing. The markup is XML as well, so
//! that a test can read it.

mod bytes;
mod check;
mod findings;
mod frame;
mod map;
mod options;
mod power_up;
#[cfg(feature = "cli")]
mod run;
#[cfg(feature = "cli")]
mod session;
mod settings;
mod time_line;

use super::{Form, Kind, RenderError, Subject};
use crate::shell;
use askama::Template;

/// The form.
pub const FORM: Form = Form {
    name: "html",
    about: "A page to show: one file, for any browser",
    #[cfg(feature = "cli")]
    of: &[Kind::Check, Kind::Run, Kind::Session],
    #[cfg(not(feature = "cli"))]
    of: &[Kind::Check],
    make: |report, _| page(&report.subject()),
    summary: None,
    is_one: |head| head.starts_with("<!DOCTYPE html>") && head.contains("content=\"dryflash\""),
};

/// The page of a report.
///
/// # Errors
/// Where there is none for such a report.
pub fn page(subject: &Subject<'_>) -> Result<String, RenderError> {
    match subject {
        Subject::Check(verdict) => written(&check::page(verdict)),
        #[cfg(feature = "cli")]
        Subject::Run(report) => written(&run::page(report)),
        #[cfg(feature = "cli")]
        Subject::Replay(session) => written(&session::of_replay(session)),
        #[cfg(feature = "cli")]
        Subject::Script(script) => written(&session::of_script(script)),
        #[cfg(feature = "cli")]
        Subject::With(with) => written(&session::of_with(with)),
        Subject::Signals(_) | Subject::Other => Err(RenderError::NoSuchForm { form: FORM.name }),
    }
}

fn written(page: &impl Template) -> Result<String, RenderError> {
    // Control characters are no XML, and what turns the direction of writing would turn the rest of the page.
    page.render().map(|page| shell::lines(&page).into_owned()).map_err(RenderError::of("HTML"))
}
