//! `expect`: what has to be so now.

use crate::scenario::error::{ScenarioError, nearest};
pub use crate::scenario::expect::Expect;
use crate::scenario::arming::{ArmedExpect, Input};
use crate::scenario::expect::{Ends, JumpExpect, TimeRange, Why};
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Troubles};
use crate::scenario::scalar::address;
use crate::scenario::step::{Fact, Need, Step};
use std::collections::BTreeMap;
use std::ops::Range;

impl Step for Expect {
    /// Something that a step before tells.
    fn needs(&self) -> Vec<Need<'_>> {
        let boot = "put boot = \"low\" or check = [...] before it";
        let jump = "boot, check and run = { until = \"jump\" } do";
        let main_loop = "boot, check and run = { until = \"main_loop\" } do";
        let run = "put run = \"500 ms\" before it";
        let tells = [
            (self.starts.as_ref().map(|e| &e.span), Fact::Verdict, "whether it starts", boot),
            (self.why.as_ref().map(|e| &e.span), Fact::Verdict, "why it stays", boot),
            (self.samples.as_ref().map(|e| &e.span), Fact::Verdict, "what was sampled", boot),
            (self.jump.as_ref().map(|e| &e.span), Fact::Jump, "of a jump", jump),
            (self.main_loop.as_ref().map(|e| &e.span), Fact::MainLoop, "of a main loop", main_loop),
            (self.armed.as_ref().map(|e| &e.span), Fact::App, "whether the app arms", run),
            (self.input.as_ref().map(|e| &e.span), Fact::App, "which signal the app takes", run),
            (self.ends.as_ref().map(|e| &e.span), Fact::Words, "how it ended", boot),
            (self.says.first().map(|e| &e.span), Fact::Words, "anything", boot),
            (self.findings.first().map(|e| &e.span), Fact::Words, "of findings", boot),
        ];
        let need = |(at, fact, what, hint): (Option<_>, _, _, _)| {
            let otherwise = format!("no step before tells {what}");
            at.map(|at| Need::That { fact, is: true, at: Some(at), otherwise, hint })
        };
        tells.into_iter().filter_map(need).collect()
    }

    fn judges(&self) -> bool {
        true
    }

    fn asks_app(&self) -> bool {
        self.armed.is_some() || self.input.is_some()
    }

    fn changes_nothing(&self) -> bool {
        true
    }

    /// The first flaw of each kind.
    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        let looks = [
            self.says.iter().try_for_each(|text| look.not_empty(text, span)),
            needs_chip(self, look, span),
            places(self, look),
            settings(self, look),
            contradictions(self, look),
            ids(self, look),
        ];
        ScenarioError::all(looks.into_iter().filter_map(Result::err).collect()).map_or(Ok(()), Err)
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        match session.judge(self, span) {
            troubles if troubles.is_empty() => Ok(()),
            troubles => Err(Troubles(troubles)),
        }
    }
}

/// What no byte of the settings can say.
fn settings(expect: &Expect, look: &Look<'_>) -> Result<(), ScenarioError> {
    let all = expect.eeprom.iter().flat_map(|e| &e.value.0);
    let flawed = all.filter_map(|(key, said)| Some((said, key.flaw(&said.value)?)));
    match flawed.min_by_key(|(said, _)| said.span.start) {
        Some((said, flaw)) => Err(look.flaw(&said.span, format!("this can never hold: {flaw}"))),
        None => Ok(()),
    }
}

fn ids(expect: &Expect, look: &Look<'_>) -> Result<(), ScenarioError> {
    for id in expect.findings.iter().chain(&expect.absent).chain(expect.errors.iter().flat_map(|e| &e.value)) {
        let known: Vec<String> = crate::am32::all().iter().map(|e| e.id.to_string()).collect();
        if !known.contains(&id.value) {
            let error = look.flaw(&id.span, format!("there is no finding {}", id.value));
            return Err(match nearest(&id.value, known.iter().map(String::as_str)) {
                Some(near) => error.hint(format!("did you mean {near}? `dryflash explain` lists them")),
                None => error.hint("`dryflash explain` lists them; they are written as DF012"),
            });
        }
    }
    Ok(())
}

/// A look at a chip needs one.
fn needs_chip(expect: &Expect, look: &Look<'_>, step: &Range<usize>) -> Result<(), ScenarioError> {
    let e = expect;
    let maps = !e.bytes.is_empty() || !e.words.is_empty() || !e.options.is_empty() || !e.wear.is_empty();
    let lists = !e.holds.is_empty() || !e.blank.is_empty();
    let fields = e.eeprom.is_some() || e.rdp.is_some() || e.wrp.is_some() || e.powered.is_some() || e.pc.is_some();
    let counts = e.faults.is_some() || e.resets.is_some() || e.time.is_some();
    if look.part().is_none() && (maps || lists || fields || counts) {
        let error = look.flaw(step, "this looks at a chip, and the scenario has none");
        return Err(error.hint("name a `part`, and program it; `check` has a chip of its own"));
    }
    Ok(())
}

fn places(expect: &Expect, look: &Look<'_>) -> Result<(), ScenarioError> {
    let bytes = expect.bytes.iter().map(|(a, b)| (a, b.value.0.len() as u64, &b.span));
    let words = expect.words.iter().map(|(a, w)| (a, 4, &w.span));
    for (address, length, span) in bytes.chain(words) {
        look.place(address, length, span)?;
    }
    for (address, wear) in &expect.wear {
        look.place(address, 1, &wear.span)?;
    }
    for pages in &expect.blank {
        look.page(pages.last, &pages.span)?;
    }
    if let Some(wrp) = &expect.wrp {
        for pages in &wrp.value {
            look.page(pages.last, &wrp.span)?;
        }
    }
    look.level(expect.rdp.as_ref().map(|l| (l.0, &l.span)))?;
    for file in &expect.holds {
        look.placed(file, &file.span)?;
    }
    Ok(())
}

/// Expectations of which one excludes the other.
fn contradictions(expect: &Expect, look: &Look<'_>) -> Result<(), ScenarioError> {
    let never = |span: &Range<usize>, why: &str| {
        Err(look.flaw(span, format!("this can never hold: {why}")).hint("take one of the two out"))
    };
    for id in &expect.findings {
        if expect.absent.iter().any(|a| a.value == id.value) {
            return never(&id.span, "the finding is both there and absent");
        }
    }
    if let Some(errors) = &expect.errors {
        if let Some(id) = errors.iter().find(|id| expect.absent.iter().any(|a| a.value == id.value)) {
            return never(&id.span, "the finding is both an error and absent");
        }
        if !errors.is_empty() && expect.starts.as_ref().is_some_and(|s| s.0) {
            return never(&errors.span, "what starts has no errors");
        }
    }
    let ends = expect.ends.as_ref().map(|e| e.value);
    let runs = ends == Some(Ends::AppRuns);
    if let Some(starts) = &expect.starts {
        if starts.0 && ends.is_some() && !runs {
            return never(&starts.span, "it starts only where it ends with app_runs");
        }
        if starts.0 && expect.why.is_some() {
            return never(&starts.span, "what starts has no reason to stay");
        }
    }
    if let Some(jump) = &expect.jump {
        let none = jump.value == JumpExpect::Any(false);
        if none && runs {
            return never(&jump.span, "the app runs only after a jump");
        }
        if !none && matches!(ends, Some(Ends::Stays | Ends::BootloaderFault | Ends::SystemMemory)) {
            return never(&jump.span, "what jumps does not end so");
        }
        if none && expect.main_loop.as_ref().is_some_and(|m| m.0) {
            return never(&jump.span, "there is no main loop without a jump");
        }
        if let JumpExpect::Range(range) = &jump.value
            && let (Some(after), Some(before)) = (&range.after, &range.before)
            && after.value > before.value
        {
            return never(&after.span, "`after` is later than `before`");
        }
    }
    let armed = expect.armed.as_ref().map(|a| &a.value);
    let times = [expect.time.as_ref().map(|t| &t.value), armed.and_then(ArmedExpect::when)];
    for TimeRange { after, before } in times.into_iter().flatten() {
        if let (Some(after), Some(before)) = (after, before)
            && after.value > before.value
        {
            return never(&after.span, "`after` is later than `before`");
        }
    }
    if let Some(input) = &expect.input
        && input.value.0.signal == Input::None
        && armed.is_some_and(|a| *a != ArmedExpect::Any(false))
    {
        return never(&input.span, "an app without a signal does not arm");
    }
    if let Some(input) = &expect.input
        && let Some(both) = input.value.0.bidirectional.as_ref().filter(|b| b.0)
        && matches!(input.value.0.signal, Input::None | Input::Servo)
    {
        return never(&both.span, "only DShot is answered on its pin");
    }
    if let Some(why) = &expect.why
        && ends == Some(Ends::Stays)
        && matches!(why.value, Why::Fault | Why::Other)
    {
        return never(&why.span, "what faults does not stay");
    }
    overlaps(expect, look)
}

/// Bytes that are expected twice, and differ.
fn overlaps(expect: &Expect, look: &Look<'_>) -> Result<(), ScenarioError> {
    let mut seen: BTreeMap<u32, u8> = BTreeMap::new();
    let words = expect.words.iter().map(|(a, w)| (a, w.value.0.to_le_bytes().to_vec(), &w.span));
    let bytes = expect.bytes.iter().map(|(a, b)| (a, b.value.0.clone(), &b.span));
    for (text, values, span) in words.chain(bytes) {
        let Ok(start) = address(text) else { continue };
        for (at, value) in (start..).zip(values) {
            if seen.insert(at, value).is_some_and(|other| other != value) {
                let error = look.flaw(span, format!("this can never hold: 0x{at:08X} is expected twice, and differs"));
                return Err(error.hint("take one of the two out"));
            }
        }
    }
    Ok(())
}
