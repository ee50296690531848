//! `program`: a probe programs a file.

use crate::chip::program;
use crate::image::Format;
use crate::plural::{count, verb};
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Troubles, real};
use crate::scenario::scalar::{Address, At, Flag};
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Step};
use crate::scenario::words::RoleName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// A file is programmed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The file: `FILE` or `FILE@ADDR`. A pattern such as `build/*.hex` has to match one file.
    pub file: At<String>,
    /// Where a .bin goes.
    #[serde(default)]
    pub at: Option<Address>,
    /// What it is, which says where a .bin goes: found where absent.
    #[serde(default)]
    pub role: Option<RoleName>,
    /// Option bytes that it holds are programmed, too.
    #[serde(default)]
    pub option_bytes: Option<Flag>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for Program {
    fn from_text(text: &str) -> Result<Program, String> {
        let file = At { value: text.to_owned(), span: 0..0 };
        Ok(Program { file, at: None, role: None, option_bytes: None, fails: None })
    }
}

impl Step for Program {
    fn gives(&self) -> Gives {
        Gives { adds: &[Fact::Words], ..Gives::default() }
    }

    fn fails(&self) -> Option<&At<String>> {
        self.fails.as_ref()
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        if self.fails.is_some() {
            // A wrong place may be what is tried.
            return look.file(&self.file, span);
        }
        look.placed(&self.file, span)?;
        self.at.map_or(Ok(()), |address| look.inside(address.0, 1, span))
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let file = At { value: self.file.value.clone(), span: real(&self.file.span, span) };
        let options = self.option_bytes.is_some_and(|o| o.0);
        let placed = session.placed(&file, self.at.map(|a| a.0), self.role, options);
        let (image, findings) = match placed {
            Ok(found) => found,
            Err(trouble) => return session.outcome(Err(trouble.seen), self.fails.as_ref(), &trouble.span),
        };
        session.about_files.retain(|f| f.file.as_deref() != Some(&*image.name));
        session.about_files.extend(findings);
        let part = session.chip(span)?.part().clone();
        let inside = |range: Range<u32>| image.slice(range).len();
        let outside = image.len()
            - inside(part.flash.base..part.flash.end())
            - inside(part.option_bytes.base..part.option_bytes.end());
        if outside > 0 {
            let text = format!(
                "{} of {} from 0x{:08X} on {} outside of the flash",
                count(outside as u64, "byte"),
                image.name,
                image.start(),
                verb(outside as u64, "lies", "lie")
            );
            return session.outcome(Err(text), self.fails.as_ref(), span);
        }
        let done = session.with_power(span, |chip| program::program(chip, &image, options))?;
        let place = format!("{} at 0x{:08X}", image.name, image.start());
        session.elfs.extend((image.format == Format::Elf).then(|| image.clone()));
        session.own(&image, &image.name.clone());
        let result = session.programmed(done, &place, &image.name);
        session.outcome(result, self.fails.as_ref(), span)
    }
}
