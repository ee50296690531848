//! What steps share that do something to the chip.

use super::{Session, Trouble, Troubles};
use crate::am32::{self, Finding, Given, Request};
use crate::chip::Chip;
use crate::chip::program::{ProgramError, Programmed};
use crate::esc::{Bench, verdict};
use crate::flash::{Factory as Condition, FactoryError};
use crate::image::Image;
use crate::plural::count;
use crate::scenario::factory::Factory;
use crate::scenario::scalar::At;
use crate::scenario::state;
use crate::scenario::timeline::Timeline;
use crate::scenario::words::RoleName;
use crate::time::Time;
use crate::wire::Waveform;
use std::ops::Range;
use std::sync::Arc;

impl Session<'_> {
    /// Puts the chip into the condition that the scenario states.
    pub fn factory(&mut self, factory: &At<Factory>) -> Result<(), Trouble> {
        let span = &factory.span;
        if let Some(state) = &factory.state {
            let path = self.setup.files.find(self.source, &state.value, &state.span)?;
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
    pub fn placed(
        &mut self,
        file: &At<String>,
        address: Option<u32>,
        role: Option<RoleName>,
        option_bytes: bool,
    ) -> Result<(Image, Vec<Finding>), Trouble> {
        let image = self.setup.files.image(self.source, &self.settings.cache, &file.value, address, &file.span)?;
        let wish = Request { part: self.setup.part.clone(), has_state: true, option_bytes, ..Request::default() };
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
    pub fn own(&mut self, image: &Image, name: &str) {
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
    pub fn own_changed(&mut self, name: &str) {
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
    pub fn with_power<R>(&mut self, span: &Range<usize>, work: impl FnOnce(&mut Chip) -> R) -> Result<R, Trouble> {
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

    /// What a probe's work came to, in words; a refusal is a finding, too.
    pub fn programmed(
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
    pub fn outcome(
        &mut self,
        result: Result<String, String>,
        fails: Option<&At<String>>,
        span: &Range<usize>,
    ) -> Result<(), Troubles> {
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
            None if failed => Err(Trouble::step(span, text).into()),
            Some(wanted) if !failed => {
                Err(Trouble::step(&real(&wanted.span, span), format!("it did not fail: {text}")).into())
            }
            Some(wanted) if !text.to_lowercase().contains(&wanted.to_lowercase()) => {
                Err(Trouble::step(&real(&wanted.span, span), format!("it failed otherwise: {text}")).into())
            }
            _ => Ok(()),
        }
    }

    /// A signal with its names and files looked up.
    pub fn waveform(&self, signal: &At<Timeline>, step: &Range<usize>) -> Result<Waveform, Trouble> {
        Ok(self.setup.waveform(&signal.value, &real(&signal.span, step))?)
    }

    /// Puts the signal on its pins. Its times count from `start`.
    pub fn drive(&mut self, span: &Range<usize>, start: Time) -> Result<(), Trouble> {
        let bench = self.bench(span)?;
        let signal = self.wire.signal(start);
        let chip = self.chip(span)?;
        for (port, number) in bench.pins {
            chip.drive(port, number, signal.clone());
        }
        Ok(())
    }

    pub fn bench(&mut self, span: &Range<usize>) -> Result<Bench, Trouble> {
        let pin = self.setup.pin.or(self.marked);
        let (Some(part), Some(layout)) = (&self.setup.part, self.layout) else {
            return Err(Trouble::step(span, "AM32 is not known on this part"));
        };
        Ok(Bench::new(part, layout, pin))
    }
}

/// A span that a short form leaves empty is the step's.
pub(in crate::scenario) fn real(inner: &Range<usize>, outer: &Range<usize>) -> Range<usize> {
    if inner.is_empty() { outer.clone() } else { inner.clone() }
}

/// Reads an address that is a key.
pub(in crate::scenario) fn at(text: &str, span: &Range<usize>) -> Result<u32, Trouble> {
    crate::scenario::scalar::address(text).map_err(|e| Trouble::step(span, e))
}

/// Findings about files and of a run, as `check` joins them.
pub(in crate::scenario) fn join(files: &[Finding], run: Vec<Finding>, app_runs: bool) -> Vec<Finding> {
    let mut all: Vec<Finding> = files.to_vec();
    all.extend(run);
    verdict::join(&mut all, app_runs);
    all
}
