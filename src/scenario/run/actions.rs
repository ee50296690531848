//! The steps that do something.

use super::{Session, Trouble};
use crate::am32::{self, Finding, Given, Wish};
use crate::chip::Chip;
use crate::esc::program::{self, ProgramError, Programmed};
use crate::esc::{Bench, verdict};
use crate::flash::{Factory as Condition, FactoryError, Lasting};
use crate::image::Image;
use crate::plural::{count, verb};
use crate::scenario::format::Factory;
use crate::scenario::scalar::{At, Pages};
use crate::scenario::state;
use crate::scenario::steps::{Erase, Options, Power, Program, Reset, RoleName, WireStep};
use crate::time::Time;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

impl Session<'_> {
    /// Puts the chip into the condition that the scenario states.
    pub(super) fn factory(&mut self, factory: &At<Factory>) -> Result<(), Trouble> {
        let span = &factory.span;
        if let Some(state) = &factory.state {
            let path = self.built.files.find(self.source, &state.value, &state.span)?;
            let installed = crate::esc::StateFile::install_copy(&path, self.chip(span)?);
            installed.map_err(|e| Trouble::step(&state.span, e.to_string()))?;
        }
        let mut images = Vec::new();
        for file in &factory.holds {
            images.push((self.placed(file, None, None, false)?.0, file.span.clone()));
        }
        let chip = self.chip(span)?;
        let wrp_pages = chip.part().flash.wrp_pages;
        let mut condition = Condition::of(chip.board.flash.as_ref(), wrp_pages);
        let refused = |span: &Range<usize>| {
            let span = span.clone();
            move |e: FactoryError| Trouble::step(&span, e.to_string())
        };
        for (image, span) in &images {
            for segment in &image.segments {
                condition = condition.cells(segment.address, &segment.data).map_err(refused(span))?;
            }
        }
        for (address, bytes) in &factory.bytes {
            let address = at(address, &bytes.span)?;
            condition = condition.cells(address, &bytes.0).map_err(refused(&bytes.span))?;
        }
        for (address, value) in &factory.option_bytes {
            let address = at(address, &value.span)?;
            condition = condition.option(address, value.value.0).map_err(refused(&value.span))?;
        }
        for pages in &factory.wrp {
            condition = condition.wrp(pages.first, pages.last).map_err(refused(&pages.span))?;
        }
        if let Some(level) = &factory.rdp {
            condition = condition.rdp(u8::try_from(level.0).unwrap_or(u8::MAX)).map_err(refused(&level.span))?;
        }
        condition.install(chip.board.flash.as_mut()).map_err(refused(span))?;
        self.own_all("factory");
        for (image, _) in &images {
            self.own(image, &image.name);
        }
        Ok(())
    }

    /// An image at its place, and what is found about it.
    fn placed(
        &mut self,
        file: &At<String>,
        address: Option<u32>,
        role: Option<RoleName>,
        option_bytes: bool,
    ) -> Result<(Image, Vec<Finding>), Trouble> {
        let image = self.built.files.image(self.source, &self.settings.cache, &file.value, address, &file.span)?;
        let wish = Wish { part: self.built.part.clone(), has_state: true, option_bytes, ..Wish::default() };
        let given = vec![Given { image, role: role.map(RoleName::role) }];
        let plan = am32::plan(given, &wish).map_err(|e| Trouble::step(&file.span, e.to_string()))?;
        let marks = plan.pieces.iter().find_map(|p| p.info.bootloader.and_then(|b| b.info).and_then(|i| i.pin));
        self.marked = marks.or(self.marked);
        match plan.pieces.into_iter().next() {
            Some(piece) => Ok((piece.image, plan.findings)),
            None => {
                let text: Vec<String> = plan.findings.iter().map(ToString::to_string).collect();
                Err(Trouble::step(&file.span, format!("{}; give it a `role` or an address, `at`", text.join("; "))))
            }
        }
    }

    /// Notes whose bytes stand in the pages that an image touches.
    fn own(&mut self, image: &Image, name: &str) {
        let Some(chip) = self.chip.as_ref() else { return };
        let flash = chip.part().flash;
        for n in 0..flash.pages() {
            let page = flash.base + n * flash.page;
            if image.touches(page..page + flash.page) {
                self.owners.insert(page, (name.to_owned(), state::digest(chip, page)));
            }
        }
    }

    /// Notes whose bytes stand in every page that is not blank.
    fn own_all(&mut self, name: &str) {
        let Some(chip) = self.chip.as_ref() else { return };
        let flash = chip.part().flash;
        for page in (0..flash.pages()).map(|n| flash.base + n * flash.page) {
            if !chip.board.flash.cells().is_blank(page..page + flash.page) {
                self.owners.insert(page, (name.to_owned(), state::digest(chip, page)));
            }
        }
    }

    /// Notes whose bytes stand in pages that are not as they were noted.
    pub(super) fn own_changed(&mut self, name: &str) {
        let Some(chip) = &self.chip else { return };
        let flash = chip.part().flash;
        for page in (0..flash.pages()).map(|n| flash.base + n * flash.page) {
            let digest = state::digest(chip, page);
            let blank = chip.board.flash.cells().is_blank(page..page + flash.page);
            if !blank && self.owners.get(&page).is_none_or(|(_, then)| *then != digest) {
                self.owners.insert(page, (name.to_owned(), digest));
            }
        }
    }

    /// Gives the chip power for as long as a probe needs it, where it has none.
    pub(super) fn with_power<R>(
        &mut self,
        span: &Range<usize>,
        work: impl FnOnce(&mut Chip) -> R,
    ) -> Result<R, Trouble> {
        let seed = self.settings.seed;
        let chip = self.chip(span)?;
        let was_on = chip.is_powered();
        if !was_on {
            chip.power_on();
        }
        let result = work(chip);
        if !was_on {
            chip.power_off(seed);
            self.story.forget(self.chip.as_ref());
        }
        Ok(result)
    }

    pub(super) fn program(&mut self, program: &Program, span: &Range<usize>) -> Result<(), Trouble> {
        let file = At { value: program.file.value.clone(), span: real(&program.file.span, span) };
        let options = program.option_bytes.is_some_and(|o| o.0);
        let placed = self.placed(&file, program.at.map(|a| a.0), program.role, options);
        let (image, findings) = match placed {
            Ok(found) => found,
            Err(trouble) => return self.outcome(Err(trouble.seen), program.fails.as_ref(), &trouble.span),
        };
        self.about_files.retain(|f| f.file.as_deref() != Some(&*image.name));
        self.about_files.extend(findings);
        let part = self.chip(span)?.part().clone();
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
            return self.outcome(Err(text), program.fails.as_ref(), span);
        }
        let done = self.with_power(span, |chip| program::program(chip, &image, options))?;
        let place = format!("{} at 0x{:08X}", image.name, image.start());
        self.own(&image, &image.name.clone());
        let result = self.programmed(done, &place, &image.name);
        self.outcome(result, program.fails.as_ref(), span)
    }

    /// What a probe's work came to, in words; a refusal is a finding, too.
    fn programmed(
        &mut self,
        done: Result<Programmed, ProgramError>,
        what: &str,
        file: &Arc<str>,
    ) -> Result<String, String> {
        match done {
            Ok(done) => {
                let mut words = vec![what.to_owned()];
                if done.bytes > 0 {
                    words.push(count(u64::from(done.bytes), "byte"));
                }
                if !done.erased.is_empty() {
                    let pages = done.erased.len();
                    words.push(format!("{pages} page{} erased", if pages == 1 { "" } else { "s" }));
                }
                if done.option_bytes {
                    words.push("option bytes".to_owned());
                }
                Ok(format!("{}, in {}", words.join(", "), done.time_us))
            }
            Err(error) => {
                self.about_files.push(verdict::not_programmed(&error, file));
                Err(format!("{what}: {error}"))
            }
        }
    }

    /// Whether a step that may be expected to fail did as expected.
    pub(super) fn outcome(
        &mut self,
        result: Result<String, String>,
        fails: Option<&At<String>>,
        span: &Range<usize>,
    ) -> Result<(), Trouble> {
        let (text, failed) = match result {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        for line in text.lines() {
            self.story.tell(line);
        }
        self.last.said.clone_from(&text);
        self.last.findings = join(&self.about_files, Vec::new(), false);
        match fails {
            None if failed => Err(Trouble::step(span, text)),
            Some(wanted) if !failed => {
                Err(Trouble::step(&real(&wanted.span, span), format!("it did not fail: {text}")))
            }
            Some(wanted) if !text.to_lowercase().contains(&wanted.to_lowercase()) => {
                Err(Trouble::step(&real(&wanted.span, span), format!("it failed otherwise: {text}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn erase(&mut self, erase: &Erase, span: &Range<usize>) -> Result<(), Trouble> {
        let pages = erase.pages.as_ref().map(|p| p.first..=p.last);
        let done = self.with_power(span, |chip| program::erase_pages(chip, pages))?;
        let result = self.programmed(done, "erased", &Arc::from("erase"));
        self.outcome(result, erase.fails.as_ref(), span)
    }

    pub(super) fn options(&mut self, options: &Options, span: &Range<usize>) -> Result<(), Trouble> {
        let area = {
            let chip = self.chip(span)?;
            wanted_area(chip, options, span)?.options
        };
        let done = self.with_power(span, |chip| program::write_options(chip, &area))?;
        let result = self.programmed(done, "option bytes written", &Arc::from("option bytes"));
        self.outcome(result, options.fails.as_ref(), span)
    }

    pub(super) fn power(&mut self, power: Power, span: &Range<usize>) -> Result<(), Trouble> {
        let seed = self.settings.seed;
        let chip = self.chip(span)?;
        if power != Power::On && chip.is_powered() {
            chip.power_off(seed);
        }
        if power != Power::Off {
            chip.power_on();
            self.story.power_on();
            self.drive(span, Time::ZERO)?;
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, reset: Reset, span: &Range<usize>) -> Result<(), Trouble> {
        self.chip(span)?.reset(reset.cause());
        Ok(())
    }

    pub(super) fn set_wire(&mut self, wire: &WireStep, span: &Range<usize>) -> Result<(), Trouble> {
        let chip = self.chip(span)?;
        let now = if chip.is_powered() { chip.now().time } else { Time::ZERO };
        if let Some(pin) = wire.pin {
            let (port, number) = pin.0.port_and_number();
            if !chip.drive(port, number, wire.level.signal(now)) {
                return Err(Trouble::step(span, format!("the part has no port {port}")));
            }
            return Ok(());
        }
        self.wire = wire.level.clone();
        self.drive(span, now)
    }

    /// Puts the signal on its pins. Its times count from `start`.
    fn drive(&mut self, span: &Range<usize>, start: Time) -> Result<(), Trouble> {
        let bench = self.bench(span)?;
        let signal = self.wire.signal(start);
        let chip = self.chip(span)?;
        for (port, number) in bench.pins {
            chip.drive(port, number, signal.clone());
        }
        Ok(())
    }

    pub(super) fn bench(&mut self, span: &Range<usize>) -> Result<Bench, Trouble> {
        let pin = self.built.scenario.pin.as_ref().map(|p| p.value.0).or(self.marked);
        let (Some(part), Some(layout)) = (&self.built.part, self.layout) else {
            return Err(Trouble::step(span, "AM32 is not known on this part"));
        };
        Ok(Bench::new(part, layout, pin))
    }
}

/// A span that a short form leaves empty is the step's.
pub(super) fn real(inner: &Range<usize>, outer: &Range<usize>) -> Range<usize> {
    if inner.is_empty() { outer.clone() } else { inner.clone() }
}

/// Reads an address that is a key.
pub(super) fn at(text: &str, span: &Range<usize>) -> Result<u32, Trouble> {
    crate::scenario::scalar::address(text).map_err(|e| Trouble::step(span, e))
}

/// Findings about files and of a run, as `check` joins them.
pub(super) fn join(files: &[Finding], run: Vec<Finding>, app_runs: bool) -> Vec<Finding> {
    let mut all: Vec<Finding> = files.to_vec();
    all.extend(run);
    verdict::join(&mut all, app_runs);
    all
}

/// What the option area is to hold.
fn wanted_area(chip: &Chip, options: &Options, span: &Range<usize>) -> Result<Lasting, Trouble> {
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
    Ok(wanted.lasting())
}
