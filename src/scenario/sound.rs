//! A look at a scenario before it runs: steps out of order, files that are not there, expectations that can never hold.

use super::error::{ScenarioError, Source, nearest};
use super::expect::{Ends, Expect, JumpExpect, Why};
use super::format::Factory;
use super::load::Built;
use super::run::{files_of, flat, st_flash_line};
use super::scalar::{At, Span};
use super::steps::{Check, Power, Run, StFlash, Step};
use crate::part::Part;
use crate::plural;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What is known of the bench between two steps.
#[derive(Default)]
struct Bench {
    powered: bool,
    /// A `boot` or `check` has told.
    told: bool,
    /// A jump is told of.
    jump: bool,
    /// A main loop is told of.
    main_loop: bool,
    /// Something has spoken.
    said: bool,
    /// A `check` has reported.
    report: bool,
    /// Files that lines of st-flash have read into.
    dumps: Vec<String>,
    /// A step before is wrong: what it would have done is not known, and nothing is said of the order.
    unsure: bool,
}

/// Looks at a case: all that is wrong, each with its place and a hint. Before the steps of `holes` some are missing that
/// could not be read.
pub fn look(source: &Arc<Source>, built: &Built, holes: &[usize]) -> Vec<ScenarioError> {
    Look { source, built }.whole(holes)
}

struct Look<'a> {
    source: &'a Arc<Source>,
    built: &'a Built,
}

impl Look<'_> {
    fn flaw(&self, span: &Range<usize>, step: &Range<usize>, message: impl Into<String>) -> ScenarioError {
        self.source.flaw(if span.is_empty() { step } else { span }, message)
    }

    fn whole(&self, holes: &[usize]) -> Vec<ScenarioError> {
        let scenario = &self.built.scenario;
        let mut errors: Vec<ScenarioError> = scenario.factory.iter().filter_map(|f| self.factory(f).err()).collect();
        let mut bench = Bench::default();
        for (n, step) in scenario.step.iter().enumerate() {
            bench.unsure |= holes.contains(&n);
            if let Step::Expect(expect) = &step.value {
                let flaws = self.expect(expect, &step.span, &bench);
                errors.extend(flaws);
            }
            if let Err(error) = self.step(&step.value, &step.span, &mut bench) {
                errors.push(error);
                bench.unsure = true;
            }
        }
        let tells = |step: &At<super::steps::Step>| match &step.value {
            Step::Expect(_) | Step::Snapshot(_) => true,
            // A run that waits for something fails where it does not come.
            Step::Run(run) => run.0.until.is_some(),
            _ => false,
        };
        if holes.is_empty() && !scenario.step.iter().any(tells) {
            let span = scenario.step.last().map_or(0..0, |s| s.span.clone());
            let error = self.source.flaw(&span, "nothing is expected: this scenario can hardly fail");
            errors.push(error.hint("add a [[step]] with expect = { ... }"));
        }
        errors
    }

    fn factory(&self, factory: &At<Factory>) -> Result<(), ScenarioError> {
        if self.built.part.is_none() {
            return Err(self.source.flaw(&factory.span, "a factory state needs a `part`"));
        }
        if let Some(state) = &factory.state {
            self.built.files.find(self.source, &state.value, &state.span)?;
        }
        for file in &factory.holds {
            self.placed(file, &factory.span)?;
        }
        for pages in &factory.wrp {
            self.page(pages.last, &pages.span)?;
        }
        self.level(factory.rdp.as_ref().map(|l| (l.0, &l.span)))
    }

    /// A file whose address, where one stands with it, has to lie in flash or in the option area.
    fn placed(&self, file: &At<String>, step: &Range<usize>) -> Result<(), ScenarioError> {
        self.file(file, step)?;
        let span = if file.span.is_empty() { step } else { &file.span };
        match self.built.files.split(self.source, &file.value, span)? {
            (_, Some(address)) => self.inside(address, 1, span),
            (_, None) => Ok(()),
        }
    }

    fn file(&self, file: &At<String>, step: &Range<usize>) -> Result<(), ScenarioError> {
        let span = if file.span.is_empty() { step } else { &file.span };
        let (name, _) = self.built.files.split(self.source, &file.value, span)?;
        self.built.files.find(self.source, name, span).map(|_| ())
    }

    fn step(&self, step: &Step, span: &Range<usize>, bench: &mut Bench) -> Result<(), ScenarioError> {
        if self.built.part.is_none() && !matches!(step, Step::Check(_) | Step::Expect(_) | Step::Snapshot(_)) {
            let error =
                self.source.flaw(span, format!("`{}` needs a chip, and the scenario has no `part`", step.key()));
            return Err(error.hint("add part = \"F051\" at the top, or several in [matrix] part = [...]"));
        }
        let fails = match step {
            Step::Program(step) => step.0.fails.as_ref(),
            Step::Erase(step) => step.0.fails.as_ref(),
            Step::StFlash(step) => step.0.fails.as_ref(),
            Step::Replay(step) => step.0.fails.as_ref(),
            Step::Options(step) => step.fails.as_ref(),
            _ => None,
        };
        if let Some(text) = fails.filter(|t| t.trim().is_empty()) {
            return Err(self.empty(&text.span, span));
        }
        match step {
            Step::Check(check) => {
                self.check(&check.0, span)?;
                let dumps = std::mem::take(&mut bench.dumps);
                let powered = bench.powered;
                *bench = Bench {
                    told: true,
                    jump: true,
                    main_loop: true,
                    said: true,
                    report: true,
                    powered,
                    dumps,
                    unsure: bench.unsure,
                };
            }
            Step::Program(program) => {
                match program.0.fails {
                    // A wrong place may be what is tried.
                    Some(_) => self.file(&program.0.file, span)?,
                    None => self.placed(&program.0.file, span)?,
                }
                if let Some(address) = program.0.at.filter(|_| program.0.fails.is_none()) {
                    self.inside(address.0, 1, span)?;
                }
                bench.said = true;
            }
            Step::Replay(replay) => {
                self.file(&replay.0.file, span)?;
                bench.said = true;
            }
            Step::Erase(erase) => {
                if let Some(pages) = &erase.0.pages {
                    self.page(pages.last, &pages.span)?;
                }
                bench.said = true;
            }
            Step::StFlash(line) => {
                self.st_flash(&line.0, span, &mut bench.dumps)?;
                bench.said = true;
            }
            Step::Options(options) => {
                if options.rdp.is_none() && options.wrp.is_none() && options.bytes.is_empty() {
                    return Err(self.source.flaw(span, "`options` writes nothing: name rdp, wrp or bytes"));
                }
                for pages in options.wrp.iter().flatten() {
                    self.page(pages.last, &pages.span)?;
                }
                self.level(options.rdp.as_ref().map(|l| (l.0, &l.span)))?;
                bench.said = true;
            }
            Step::Power(power) => {
                match (power, bench.powered) {
                    _ if bench.unsure => {}
                    (Power::On, true) => {
                        let error = self.source.flaw(span, "power is on already");
                        return Err(error.hint("power = \"cycle\" turns it off and on again"));
                    }
                    (Power::Off, false) => {
                        return Err(self.source.flaw(span, "power is off already").hint("power = \"on\" comes first"));
                    }
                    _ => {}
                }
                bench.powered = *power != Power::Off;
            }
            Step::Reset(_) | Step::Run(_) if !bench.powered && !bench.unsure => {
                let error = self.source.flaw(span, format!("`{}` needs power, and it is off", step.key()));
                return Err(error.hint("put power = \"on\" or boot = \"low\" before it"));
            }
            Step::Reset(_) | Step::Wire(_) => {}
            Step::Run(run) => self.run(&run.0, span, bench)?,
            Step::Boot(boot) => {
                if let Some(signal) = &boot.0.signal {
                    self.in_time(signal, boot.0.limit.as_ref(), span)?;
                }
                let dumps = std::mem::take(&mut bench.dumps);
                *bench = Bench {
                    powered: true,
                    told: true,
                    jump: true,
                    main_loop: true,
                    said: true,
                    report: false,
                    dumps,
                    unsure: false,
                };
            }
            // Looked at before: there may be several flaws.
            Step::Expect(_) => {}
            Step::Snapshot(parts) => {
                use super::steps::Shown;
                if parts.is_empty() {
                    return Err(self
                        .source
                        .flaw(span, "the snapshot holds nothing")
                        .hint("name flash, events or report"));
                }
                let chip = parts.iter().any(|p| matches!(p, Shown::Flash));
                if chip && self.built.part.is_none() {
                    return Err(self.source.flaw(span, "there is no chip whose flash could be shown: name a `part`"));
                }
                let report = parts.iter().any(|p| matches!(p, Shown::Report | Shown::Files | Shown::PowerUps));
                if report && !bench.report && !bench.unsure {
                    let error = self.source.flaw(span, "there is no report yet");
                    return Err(error.hint("`check` reports; a `boot` has events and findings"));
                }
            }
        }
        Ok(())
    }

    fn st_flash(&self, step: &StFlash, span: &Range<usize>, dumps: &mut Vec<String>) -> Result<(), ScenarioError> {
        let place = if step.line.span.is_empty() { span } else { &step.line.span };
        let mut arguments = match st_flash_line(&step.line.value) {
            Ok(arguments) => arguments,
            // A line that st-flash does not take may be what is tried.
            Err(_) if step.fails.is_some() => return Ok(()),
            Err(text) => return Err(self.source.flaw(place, text)),
        };
        let (from, into) = files_of(&mut arguments);
        if let Some(file) = from
            && !dumps.contains(&flat(file))
        {
            self.built.files.find(self.source, file, place)?;
        }
        dumps.extend(into.map(|file| flat(file)));
        Ok(())
    }

    fn run(&self, run: &Run, span: &Range<usize>, bench: &mut Bench) -> Result<(), ScenarioError> {
        use super::steps::Until;
        if run.time.is_none() && run.until.is_none() {
            return Err(self.source.flaw(span, "`run` has neither `for` nor `until`").hint("write run = \"50 ms\""));
        }
        let until = run.until.as_ref().map(|u| u.value);
        bench.told = false;
        bench.jump = until == Some(Until::Jump);
        bench.main_loop = until == Some(Until::MainLoop);
        bench.said = true;
        bench.report = false;
        Ok(())
    }

    fn check(&self, check: &Check, span: &Range<usize>) -> Result<(), ScenarioError> {
        let roles = [&check.bootloader, &check.app, &check.eeprom, &check.full];
        let files: Vec<&At<String>> = roles.into_iter().flatten().chain(&check.files).collect();
        if files.is_empty() {
            return Err(self.source.flaw(span, "`check` names no file"));
        }
        for file in files {
            self.file(file, span)?;
        }
        if check.reset.is_some() && check.signal.is_empty() {
            return Err(self.source.flaw(span, "`reset` goes with `signal`").hint("add signal = [\"low\"]"));
        }
        for signal in &check.signal {
            self.in_time(signal, check.limit.as_ref(), span)?;
        }
        Ok(())
    }

    /// A change of the wire that would never come.
    fn in_time(
        &self,
        signal: &At<super::timeline::Timeline>,
        limit: Option<&At<Span>>,
        step: &Range<usize>,
    ) -> Result<(), ScenarioError> {
        let limit = limit.map_or(super::PATIENCE, |l| l.0);
        match signal.changes.last() {
            Some(change) if change.time_us >= limit => {
                let message = format!("the wire changes at {}, after the {limit} that are watched", change.time_us);
                Err(self.flaw(&signal.span, step, message).hint("raise `for`"))
            }
            _ => Ok(()),
        }
    }

    fn part(&self) -> Option<&Part> {
        self.built.part.as_deref()
    }

    fn page(&self, page: u32, span: &Range<usize>) -> Result<(), ScenarioError> {
        match self.part() {
            Some(part) if page >= part.flash.pages() => {
                let last = part.flash.pages() - 1;
                Err(self
                    .source
                    .flaw(span, format!("there is no page {page}: the last of {} is {last}", plural::a(part.nick()))))
            }
            _ => Ok(()),
        }
    }

    fn level(&self, level: Option<(u64, &Range<usize>)>) -> Result<(), ScenarioError> {
        match level {
            Some((level, span)) if level > 2 => {
                Err(self.source.flaw(span, format!("there is no read-protection level {level}: 0, 1 or 2")))
            }
            _ => Ok(()),
        }
    }

    /// An address that is a key has to lie in flash or in the option area.
    fn place(&self, text: &str, length: u64, span: &Range<usize>) -> Result<(), ScenarioError> {
        let address = super::scalar::address(text).map_err(|e| self.source.flaw(span, e))?;
        self.inside(address, length, span)
    }

    fn inside(&self, address: u32, length: u64, span: &Range<usize>) -> Result<(), ScenarioError> {
        let Some(part) = self.part() else { return Ok(()) };
        let end = u64::from(address) + length;
        let inside = |start: u32, stop: u32| start <= address && end <= u64::from(stop);
        let options = &part.option_bytes;
        if inside(part.flash.base, part.flash.end()) || inside(options.base, options.end()) {
            return Ok(());
        }
        let message =
            format!("0x{address:08X} can never hold anything: it is not in the flash of {}", plural::a(part.nick()));
        let ends = part.flash.end() - 1;
        Err(self.source.flaw(span, message).hint(format!("flash is 0x{:08X} to 0x{ends:08X}", part.flash.base)))
    }

    /// The first flaw of each kind.
    fn expect(&self, expect: &Expect, span: &Range<usize>, bench: &Bench) -> Vec<ScenarioError> {
        let told = if bench.unsure { Ok(()) } else { self.told(expect, bench) };
        let empty = match expect.says.iter().find(|t| t.trim().is_empty()) {
            Some(text) => Err(self.empty(&text.span, span)),
            None => Ok(()),
        };
        let looks = [
            told,
            empty,
            self.needs_chip(expect, span),
            self.places(expect),
            self.bytes_of_settings(expect),
            self.contradictions(expect),
            self.ids(expect),
        ];
        looks.into_iter().filter_map(Result::err).collect()
    }

    fn empty(&self, text: &Range<usize>, step: &Range<usize>) -> ScenarioError {
        let error = self.flaw(text, step, "this text is empty: any would do");
        error.hint("write some of the text that has to be there")
    }

    /// Settings are stored as bytes.
    fn bytes_of_settings(&self, expect: &Expect) -> Result<(), ScenarioError> {
        let Some(e) = &expect.eeprom else { return Ok(()) };
        let numbers = [
            ("boot", &e.boot),
            ("layout", &e.layout),
            ("bootloader", &e.bootloader),
            ("advance", &e.advance),
            ("pwm_khz", &e.pwm_khz),
            ("startup_power", &e.startup_power),
            ("kv", &e.kv),
            ("poles", &e.poles),
            ("beep_volume", &e.beep_volume),
            ("input", &e.input),
        ];
        for (name, number) in numbers {
            if let Some(number) = number.as_ref().filter(|n| n.0 > 255) {
                let text = format!("this can never hold: {name} is one byte, 0 to 255");
                return Err(self.source.flaw(&number.span, text));
            }
        }
        Ok(())
    }

    fn ids(&self, expect: &Expect) -> Result<(), ScenarioError> {
        for id in expect.findings.iter().chain(&expect.absent).chain(expect.errors.iter().flat_map(|e| &e.value)) {
            let known: Vec<String> = crate::am32::all().iter().map(|e| e.id.to_string()).collect();
            if !known.contains(&id.value) {
                let error = self.source.flaw(&id.span, format!("there is no finding {}", id.value));
                return Err(match nearest(&id.value, known.iter().map(String::as_str)) {
                    Some(near) => error.hint(format!("did you mean {near}? `dryflash explain` lists them")),
                    None => error.hint("`dryflash explain` lists them; they are written as DF012"),
                });
            }
        }
        Ok(())
    }

    /// Something that no step before tells.
    fn told(&self, expect: &Expect, bench: &Bench) -> Result<(), ScenarioError> {
        let no = |span: &Range<usize>, what: &str, hint: &str| {
            Err(self.source.flaw(span, format!("no step before tells {what}")).hint(hint.to_owned()))
        };
        let boot = "put boot = \"low\" or check = [...] before it";
        if let Some(e) = expect.starts.as_ref().filter(|_| !bench.told) {
            return no(&e.span, "whether it starts", boot);
        }
        if let Some(e) = expect.why.as_ref().filter(|_| !bench.told) {
            return no(&e.span, "why it stays", boot);
        }
        if let Some(e) = expect.samples.as_ref().filter(|_| !bench.told) {
            return no(&e.span, "what was sampled", boot);
        }
        if let Some(e) = expect.jump.as_ref().filter(|_| !bench.jump) {
            return no(&e.span, "of a jump", "boot, check and run = { until = \"jump\" } do");
        }
        if let Some(e) = expect.main_loop.as_ref().filter(|_| !bench.main_loop) {
            return no(&e.span, "of a main loop", "boot, check and run = { until = \"main_loop\" } do");
        }
        if let Some(e) = expect.ends.as_ref().filter(|_| !bench.said) {
            return no(&e.span, "how it ended", boot);
        }
        if let Some(e) = expect.says.first().filter(|_| !bench.said) {
            return no(&e.span, "anything", boot);
        }
        if let Some(e) = expect.findings.first().filter(|_| !bench.said) {
            return no(&e.span, "of findings", boot);
        }
        Ok(())
    }

    /// A look at a chip needs one.
    fn needs_chip(&self, expect: &Expect, step: &Range<usize>) -> Result<(), ScenarioError> {
        let e = expect;
        let maps = !e.bytes.is_empty() || !e.words.is_empty() || !e.options.is_empty() || !e.wear.is_empty();
        let lists = !e.holds.is_empty() || !e.blank.is_empty();
        let fields = e.eeprom.is_some() || e.rdp.is_some() || e.wrp.is_some() || e.powered.is_some() || e.pc.is_some();
        let counts = e.faults.is_some() || e.resets.is_some() || e.time.is_some();
        if self.part().is_none() && (maps || lists || fields || counts) {
            let error = self.source.flaw(step, "this looks at a chip, and the scenario has none");
            return Err(error.hint("name a `part`, and program it; `check` has a chip of its own"));
        }
        Ok(())
    }

    fn places(&self, expect: &Expect) -> Result<(), ScenarioError> {
        let bytes = expect.bytes.iter().map(|(a, b)| (a, b.value.0.len() as u64, &b.span));
        let words = expect.words.iter().map(|(a, w)| (a, 4, &w.span));
        for (address, length, span) in bytes.chain(words) {
            self.place(address, length, span)?;
        }
        for (address, wear) in &expect.wear {
            self.place(address, 1, &wear.span)?;
        }
        for pages in &expect.blank {
            self.page(pages.last, &pages.span)?;
        }
        if let Some(wrp) = &expect.wrp {
            for pages in &wrp.value {
                self.page(pages.last, &wrp.span)?;
            }
        }
        self.level(expect.rdp.as_ref().map(|l| (l.0, &l.span)))?;
        for file in &expect.holds {
            self.placed(file, &file.span)?;
        }
        Ok(())
    }

    /// Expectations of which one excludes the other.
    fn contradictions(&self, expect: &Expect) -> Result<(), ScenarioError> {
        let never = |span: &Range<usize>, why: &str| {
            Err(self.source.flaw(span, format!("this can never hold: {why}")).hint("take one of the two out"))
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
        if let Some(time) = &expect.time
            && let (Some(after), Some(before)) = (&time.after, &time.before)
            && after.value > before.value
        {
            return never(&after.span, "`after` is later than `before`");
        }
        if let Some(why) = &expect.why
            && ends == Some(Ends::Stays)
            && matches!(why.value, Why::Fault | Why::Other)
        {
            return never(&why.span, "what faults does not stay");
        }
        self.overlaps(expect)
    }

    /// Bytes that are expected twice, and differ.
    fn overlaps(&self, expect: &Expect) -> Result<(), ScenarioError> {
        let mut seen: BTreeMap<u32, u8> = BTreeMap::new();
        let words = expect.words.iter().map(|(a, w)| (a, w.value.0.to_le_bytes().to_vec(), &w.span));
        let bytes = expect.bytes.iter().map(|(a, b)| (a, b.value.0.clone(), &b.span));
        for (text, values, span) in words.chain(bytes) {
            let Ok(start) = super::scalar::address(text) else { continue };
            for (at, value) in (start..).zip(values) {
                if seen.insert(at, value).is_some_and(|other| other != value) {
                    let error = self
                        .source
                        .flaw(span, format!("this can never hold: 0x{at:08X} is expected twice, and differs"));
                    return Err(error.hint("take one of the two out"));
                }
            }
        }
        Ok(())
    }
}
