//! `erase`: a probe erases pages, or all.

use crate::chip::program;
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Troubles};
use crate::scenario::scalar::{At, Pages};
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Step};
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// An erase.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Pages; all of main flash where absent.
    #[serde(default)]
    pub pages: Option<At<Pages>>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for Erase {
    fn from_text(text: &str) -> Result<Erase, String> {
        if text == "all" {
            return Ok(Erase { pages: None, fails: None });
        }
        Err(format!("'{text}' is not \"all\"; pages are {{ pages = \"4..7\" }}"))
    }
    fn short_schema() -> Schema {
        json_schema!({"const": "all"})
    }
}

impl Step for Erase {
    fn gives(&self) -> Gives {
        Gives { adds: &[Fact::Words], ..Gives::default() }
    }

    fn fails(&self) -> Option<&At<String>> {
        self.fails.as_ref()
    }

    fn look(&self, look: &Look<'_>, _: &Range<usize>) -> Result<(), ScenarioError> {
        self.pages.as_ref().map_or(Ok(()), |pages| look.page(pages.last, &pages.span))
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let pages = self.pages.as_ref().map(|p| p.first..=p.last);
        let done = session.with_power(span, |chip| program::erase_pages(chip, pages))?;
        let result = session.programmed(done, "erased", &Arc::from("erase"));
        session.outcome(result, self.fails.as_ref(), span)
    }
}
