//! `options`: a probe writes option bytes.

use crate::chip::Chip;
use crate::chip::program;
use crate::flash::{Factory as Condition, FactoryError, NonVolatile};
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::many::{self, Many};
use crate::scenario::run::{Session, Trouble, Troubles, at};
use crate::scenario::scalar::{Address, At, Num, Pages};
use crate::scenario::step::{Fact, Gives, Step};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Option bytes as they are to be. What is not named stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The read-protection level. From 1 to 0 erases everything, when it is loaded.
    #[serde(default)]
    pub rdp: Option<At<Num>>,
    /// The pages that are write-protected from then on; none for an empty list.
    #[serde(default, deserialize_with = "many::maybe")]
    #[schemars(with = "Option<Many<Pages>>")]
    pub wrp: Option<Vec<At<Pages>>>,
    /// Option bytes (F0: one byte) or option words (G0), by address; complements are added.
    #[serde(default)]
    pub bytes: BTreeMap<String, At<Address>>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Step for Options {
    fn gives(&self) -> Gives {
        Gives { adds: &[Fact::Words], ..Gives::default() }
    }

    fn fails(&self) -> Option<&At<String>> {
        self.fails.as_ref()
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        if self.rdp.is_none() && self.wrp.is_none() && self.bytes.is_empty() {
            return Err(look.flaw(span, "`options` writes nothing: name rdp, wrp or bytes"));
        }
        for pages in self.wrp.iter().flatten() {
            look.page(pages.last, &pages.span)?;
        }
        look.level(self.rdp.as_ref().map(|l| (l.0, &l.span)))
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let area = {
            let chip = session.chip(span)?;
            wanted_area(chip, self, span)?.options
        };
        let done = session.with_power(span, |chip| program::write_options(chip, &area))?;
        let result = session.programmed(done, "option bytes written", &Arc::from("option bytes"));
        session.outcome(result, self.fails.as_ref(), span)
    }
}

/// What the option area is to hold.
fn wanted_area(chip: &Chip, options: &Options, span: &Range<usize>) -> Result<NonVolatile, Trouble> {
    let part = chip.part();
    let refused = |span: &Range<usize>| {
        let span = span.clone();
        move |e: FactoryError| Trouble::step(&span, e.to_string())
    };
    let mut wanted = Condition::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    if let Some(pages) = &options.wrp {
        wanted = wanted.no_wrp().map_err(refused(span))?;
        for Pages { first, last } in pages.iter().map(|p| p.value) {
            wanted = wanted.wrp(first, last).map_err(refused(span))?;
        }
    }
    if let Some(level) = &options.rdp {
        wanted = wanted.rdp(u8::try_from(level.0).unwrap_or(u8::MAX)).map_err(refused(&level.span))?;
    }
    let bytes: BTreeMap<u32, _> =
        options.bytes.iter().map(|(a, v)| Ok((at(a, &v.span)?, v))).collect::<Result<_, Trouble>>()?;
    for (address, value) in bytes {
        wanted = wanted.option(address, value.value.0).map_err(refused(&value.span))?;
    }
    Ok(wanted.non_volatile())
}
