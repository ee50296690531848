//! Expectations against what is.

use super::actions::{at, real};
use super::{Session, Trouble};
use crate::am32::{Settings, Severity};
use crate::chip::{Chip, EventKind};
use crate::esc::Jump;
use crate::scenario::eeprom::EepromExpect;
use crate::scenario::expect::{Ends, Expect, JumpExpect, JumpRange};
use crate::scenario::outcome::Kind;
use crate::scenario::scalar::{Address, At, Pages};
use std::collections::BTreeSet;
use std::ops::Range;

/// Bytes of flash or of the option area, through no rule: a look, not an access.
fn look(chip: &Chip, address: u32, length: usize) -> Option<Vec<u8>> {
    let cells = chip.board.flash.cells();
    let end = address.checked_add(u32::try_from(length).ok()?)?;
    if cells.contains(address) && end <= cells.range().end {
        return Some(cells.bytes(address, length as u32));
    }
    let area: Vec<(u32, [u8; 4])> =
        chip.board.flash.option_bytes().into_iter().map(|(a, w)| (a, w.to_le_bytes())).collect();
    let byte = |at: u32| area.iter().find(|(a, _)| at.wrapping_sub(*a) < 4).map(|(a, w)| w[(at - a) as usize]);
    (address..end).map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ")
}

/// The name that a scenario has for a value.
fn name<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The troubles of one `expect` step.
pub(super) struct Verdicts<'s> {
    troubles: Vec<Trouble>,
    step: &'s Range<usize>,
    /// What the scenario says at a place, with its variables filled in.
    text: &'s dyn Fn(&Range<usize>) -> String,
}

impl Verdicts<'_> {
    /// The key is not as expected.
    pub(super) fn fail(&mut self, key: &str, span: &Range<usize>, seen: impl Into<String>) {
        let wanted = if span.is_empty() { String::new() } else { format!("{key} = {}", (self.text)(span)) };
        self.push(span, wanted, seen.into());
    }

    /// One item of the key's list is not as expected.
    fn fail_item(&mut self, key: &str, span: &Range<usize>, seen: impl Into<String>) {
        let wanted = if span.is_empty() { String::new() } else { format!("{key} = [{}]", (self.text)(span)) };
        self.push(span, wanted, seen.into());
    }

    fn push(&mut self, span: &Range<usize>, wanted: String, seen: String) {
        let span = real(span, self.step);
        self.troubles.push(Trouble { kind: Kind::Expectation, span, wanted, seen });
    }

    /// Compares; `known` is none where the last step does not tell.
    fn same<T: PartialEq>(
        &mut self,
        key: &str,
        span: &Range<usize>,
        wanted: &T,
        known: Option<T>,
        seen: impl FnOnce(&T) -> String,
    ) {
        match known {
            Some(is) if is == *wanted => {}
            Some(is) => self.fail(key, span, seen(&is)),
            None => self.fail(key, span, "no step before tells: `boot` or `check` does"),
        }
    }
}

impl Session<'_> {
    /// Everything that is not as expected.
    pub fn judge(&self, expect: &Expect, step: &Range<usize>) -> Vec<Trouble> {
        let text = |span: &Range<usize>| self.setup.text(span);
        let mut v = Verdicts { troubles: Vec::new(), step, text: &text };
        self.judge_last(expect, &mut v);
        self.judge_app(expect, &mut v);
        self.judge_findings(expect, &mut v);
        if let Some(chip) = self.chip.as_ref() {
            self.judge_flash(chip, expect, &mut v);
            judge_chip(chip, expect, &mut v);
        }
        if let Some(wanted) = &expect.unmodelled {
            self.judge_unmodelled(wanted, &mut v);
        }
        v.troubles.sort_by_key(|t| t.span.start);
        v.troubles
    }

    fn judge_last(&self, expect: &Expect, v: &mut Verdicts<'_>) {
        let last = &self.last;
        let words = |verb: &str| format!("{verb}: {}", if last.words.is_empty() { "nothing ran" } else { &last.words });
        if let Some(wanted) = &expect.starts {
            let errors: Vec<String> =
                last.findings.iter().filter(|f| f.severity == Severity::Error).map(ToString::to_string).collect();
            v.same("starts", &wanted.span, &wanted.0, last.starts, |is| {
                let why = if errors.is_empty() { String::new() } else { format!("; {}", errors.join("; ")) };
                format!("{}{why}", words(if *is { "it starts" } else { "it does not start" }))
            });
        }
        if let Some(wanted) = &expect.ends {
            v.same("ends", &wanted.span, &wanted.value, last.ends, |is: &Ends| words(&name(is)));
        }
        if let Some(wanted) = &expect.why {
            v.same("why", &wanted.span, &Some(wanted.value), last.why, |is| {
                words(&is.map_or_else(|| "no reason".to_owned(), |w| name(&w)))
            });
        }
        if let Some(wanted) = &expect.main_loop {
            // Whoever did not jump reached no loop either.
            let known = last.main_loop.or_else(|| last.jump.is_some_and(|j| j.is_none()).then_some(false));
            v.same("main_loop", &wanted.span, &wanted.0, known, |is| {
                words(if *is { "a main loop" } else { "no main loop" })
            });
        }
        if let Some(wanted) = &expect.samples {
            let pin = wanted.0.to_string();
            match &last.samples {
                Some(is) if *is == pin => {}
                Some(is) => v.fail("samples", &wanted.span, format!("it samples {is}")),
                None => v.fail("samples", &wanted.span, words("no pin was sampled")),
            }
        }
        if let Some(wanted) = &expect.jump {
            self.judge_jump(wanted, v);
        }
        for text in &expect.says {
            if !last.said.contains(&text.value) {
                let said = if last.said.is_empty() { "nothing" } else { last.said.trim_end() };
                v.fail_item("says", &text.span, format!("it says: {said}"));
            }
        }
    }

    fn judge_jump(&self, wanted: &At<JumpExpect>, v: &mut Verdicts<'_>) {
        let words = &self.last.words;
        let Some(jump) = self.last.jump else {
            let seen = "no step before tells: `boot`, `check` or `run = { until = \"jump\" }` does";
            return v.fail("jump", &wanted.span, seen);
        };
        match (&wanted.value, jump) {
            (JumpExpect::Any(true), Some(_)) | (JumpExpect::Any(false), None) => {}
            (JumpExpect::Any(false), Some(jump)) => {
                let seen = format!("it jumped to 0x{:08X} after {}", jump.address, jump.time_us);
                v.fail("jump", &wanted.span, seen);
            }
            (_, None) => v.fail("jump", &wanted.span, format!("no jump: {words}")),
            (JumpExpect::To(address), Some(jump)) => {
                if jump.address != address.0 & !1 {
                    let seen = format!("it jumped to 0x{:08X} after {}", jump.address, jump.time_us);
                    v.fail("jump", &wanted.span, seen);
                }
            }
            (JumpExpect::Range(range), Some(jump)) => judge_range(range, &jump, v),
        }
    }

    fn judge_findings(&self, expect: &Expect, v: &mut Verdicts<'_>) {
        let found = &self.last.findings;
        let all = || match found.len() {
            0 => "there is no finding".to_owned(),
            _ => format!("there are {}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        };
        for id in &expect.findings {
            if found.iter().all(|f| f.id.to_string() != id.value) {
                v.fail_item("findings", &id.span, format!("{} is not among the findings: {}", id.value, all()));
            }
        }
        for id in &expect.absent {
            if let Some(finding) = found.iter().find(|f| f.id.to_string() == id.value) {
                v.fail_item("absent", &id.span, finding.to_string());
            }
        }
        if let Some(wanted) = &expect.errors {
            let is: BTreeSet<String> =
                found.iter().filter(|f| f.severity == Severity::Error).map(|f| f.id.to_string()).collect();
            let should: BTreeSet<String> = wanted.iter().map(|id| id.value.clone()).collect();
            if is != should {
                v.fail("errors", &wanted.span, all());
            }
        }
    }

    fn judge_flash(&self, chip: &Chip, expect: &Expect, v: &mut Verdicts<'_>) {
        let words = expect.words.iter().map(|(a, w)| (a, w.value.0.to_le_bytes().to_vec(), &w.span, true));
        let bytes = expect.bytes.iter().map(|(a, b)| (a, b.value.0.clone(), &b.span, false));
        for (text, wanted, span, word) in words.chain(bytes) {
            let Ok(address) = at(text, span) else { continue };
            let key = format!("{}.\"{text}\"", if word { "words" } else { "bytes" });
            match look(chip, address, wanted.len()) {
                Some(is) if is == wanted => {}
                Some(is) if word => {
                    let value = is.iter().rev().fold(0u32, |w, b| w << 8 | u32::from(*b));
                    v.fail(&key, span, format!("0x{address:08X} holds 0x{value:08X}"));
                }
                Some(is) => v.fail(&key, span, format!("0x{address:08X} holds {}", hex(&is))),
                None => v.fail(&key, span, format!("0x{address:08X} is not in flash")),
            }
        }
        for file in &expect.holds {
            self.judge_holds(chip, file, v);
        }
        let flash = chip.part().flash;
        for pages in &expect.blank {
            for page in pages.first..=pages.last {
                let start = flash.base + page * flash.page;
                if !chip.board.flash.cells().is_blank(start..start + flash.page) {
                    let first = look(chip, start, 8).unwrap_or_default();
                    v.fail_item(
                        "blank",
                        &pages.span,
                        format!("page {page} at 0x{start:08X} begins with {}", hex(&first)),
                    );
                    break;
                }
            }
        }
        if let Some(wanted) = &expect.eeprom {
            let page = self.layout.and_then(|l| look(chip, l.eeprom, l.page as usize));
            match page.and_then(|page| Settings::read(&page).ok()) {
                Some(is) => settings(&wanted.value, &is, v),
                None => v.fail("eeprom", &wanted.span, "the part has no EEPROM page"),
            }
        }
    }

    fn judge_holds(&self, chip: &Chip, file: &At<String>, v: &mut Verdicts<'_>) {
        let image = self.setup.files.image(self.source, &self.settings.cache, &file.value, None, &file.span);
        let image = match image {
            Ok(image) => image,
            Err(error) => {
                v.troubles.push(error.into());
                return;
            }
        };
        let image = if image.placed {
            image
        } else {
            let wish = crate::am32::Request { part: self.setup.part.clone(), has_state: true, ..Default::default() };
            let given = vec![crate::am32::Given { image, role: None }];
            match crate::am32::plan(given, &wish).ok().and_then(|p| p.pieces.into_iter().next()) {
                Some(piece) => piece.image,
                None => return v.fail_item("holds", &file.span, "nothing tells where it belongs: write FILE@ADDR"),
            }
        };
        for segment in &image.segments {
            let Some(is) = look(chip, segment.address, segment.data.len()) else {
                v.fail_item("holds", &file.span, format!("0x{:08X} is not in flash", segment.address));
                continue;
            };
            if let Some(n) = segment.data.iter().zip(&is).position(|(a, b)| a != b) {
                let differ = segment.data.iter().zip(&is).filter(|(a, b)| a != b).count();
                let address = segment.address + n as u32;
                v.fail_item(
                    "holds",
                    &file.span,
                    format!(
                        "{differ} {}; the first at 0x{address:08X} is {:02X}, and {:02X} in the file",
                        if differ == 1 { "byte differs" } else { "bytes differ" },
                        is[n],
                        segment.data[n]
                    ),
                );
            }
        }
    }

    fn judge_unmodelled(&self, wanted: &At<Vec<String>>, v: &mut Verdicts<'_>) {
        let mut touched = self.last.unmodelled.clone();
        if let Some(chip) = self.chip.as_ref() {
            let notes = chip.board.log.notes().filter(|(as_on_the_chip, ..)| !as_on_the_chip);
            touched.extend(notes.map(|(_, a, ..)| (crate::chip::register_name(chip.part(), a), a)));
            touched.sort();
            touched.dedup();
        }
        let is = |text: &str, (name, address): &(String, u32)| {
            name == text || crate::scenario::scalar::address(text) == Ok(*address)
        };
        let extra = touched.iter().filter(|t| !wanted.iter().any(|w| is(w, t)));
        let missing = wanted.iter().filter(|w| !touched.iter().any(|t| is(w, t)));
        let extra: Vec<String> = extra.map(|(name, a)| format!("{name} (0x{a:08X}) was touched")).collect();
        let missing: Vec<String> = missing.map(|w| format!("{w} was not")).collect();
        if !extra.is_empty() || !missing.is_empty() {
            v.fail("unmodelled", &wanted.span, [extra, missing].concat().join(", "));
        }
    }
}

/// Each key of a jump's table for itself.
fn judge_range(range: &JumpRange, jump: &Jump, v: &mut Verdicts<'_>) {
    let JumpRange { to, after, before, msp, vtor } = range;
    let seen = format!(
        "it jumped to 0x{:08X} after {}, MSP 0x{:08X}, VTOR 0x{:08X}",
        jump.address, jump.time_us, jump.msp, jump.vtor
    );
    let mut hold = |key: &str, span: Option<&Range<usize>>, holds: bool| {
        if let Some(span) = span.filter(|_| !holds) {
            v.fail(key, span, seen.clone());
        }
    };
    let address = |wanted: &Option<At<Address>>, is: u32| wanted.as_ref().is_none_or(|a| a.0 == is);
    hold("jump.to", to.as_ref().map(|a| &a.span), to.as_ref().is_none_or(|a| a.0 & !1 == jump.address));
    hold("jump.after", after.as_ref().map(|a| &a.span), after.as_ref().is_none_or(|t| t.0 <= jump.time_us));
    hold("jump.before", before.as_ref().map(|a| &a.span), before.as_ref().is_none_or(|t| t.0 >= jump.time_us));
    hold("jump.msp", msp.as_ref().map(|a| &a.span), address(msp, jump.msp));
    hold("jump.vtor", vtor.as_ref().map(|a| &a.span), address(vtor, jump.vtor));
}

fn judge_chip(chip: &Chip, expect: &Expect, v: &mut Verdicts<'_>) {
    let flash = &chip.board.flash;
    if let Some(level) = &expect.rdp {
        v.same("rdp", &level.span, &level.0, Some(u64::from(flash.rdp_level())), |is| {
            format!("level {is} is in force")
        });
    }
    if let Some(wanted) = &expect.wrp {
        let pages = chip.part().flash.pages();
        let should: BTreeSet<u32> = wanted.iter().flat_map(|p| p.first..=p.last.min(pages)).collect();
        let is: BTreeSet<u32> = (0..pages).filter(|p| flash.protected(*p)).collect();
        if is != should {
            let text = if is.is_empty() { "none".to_owned() } else { runs(&is) };
            v.fail("wrp", &wanted.span, format!("write-protected pages: {text}"));
        }
    }
    for (name, wanted) in &expect.options {
        let fields = flash.option_fields();
        let key = format!("options.{name}");
        match fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)) {
            Some(field) if field.loaded == wanted.value => {}
            Some(field) => v.fail(&key, &wanted.span, format!("{} is {}", field.name, field.loaded)),
            None => {
                let names: Vec<&str> = fields.iter().map(|f| f.name).collect();
                v.fail(&key, &wanted.span, format!("the part has no option {name}: there are {}", names.join(", ")));
            }
        }
    }
    for (text, wanted) in &expect.wear {
        let Ok(address) = at(text, &wanted.span) else { continue };
        let key = format!("wear.\"{text}\"");
        match flash.cells().page_of(address) {
            Some(page) => {
                let is = u64::from(flash.cells().wear(page));
                v.same(&key, &wanted.span, &wanted.0, Some(is), |is| format!("page {page} was erased {is} times"));
            }
            None => v.fail(&key, &wanted.span, format!("0x{address:08X} is not in flash")),
        }
    }
    if let Some(wanted) = &expect.powered {
        let is = chip.is_powered();
        v.same("powered", &wanted.span, &wanted.0, Some(is), |is| {
            format!("power is {}", if *is { "on" } else { "off" })
        });
    }
    if let Some(wanted) = &expect.pc {
        let pc = chip.board.resolve(chip.registers().pc);
        if !(wanted.first..=wanted.last).contains(&pc) {
            v.fail("pc", &wanted.span, format!("the core is at PC 0x{pc:08X}"));
        }
    }
    let count =
        |wanted: fn(&EventKind) -> bool| chip.board.log.events.iter().filter(|e| wanted(&e.kind)).count() as u64;
    if let Some(wanted) = &expect.faults {
        let is = count(|e| matches!(e, EventKind::Fault { .. }));
        let first = chip.board.log.first_fault().map_or_else(String::new, |(pc, f)| format!(": {f} at PC 0x{pc:08X}"));
        v.same("faults", &wanted.span, &wanted.0, Some(is), |is| format!("{is} faults{first}"));
    }
    if let Some(wanted) = &expect.resets {
        let is = count(|e| matches!(e, EventKind::Reset { .. })).saturating_sub(1);
        v.same("resets", &wanted.span, &wanted.0, Some(is), |is| format!("{is} resets"));
    }
    if let Some(wanted) = &expect.time {
        let now = chip.now().time;
        let seen = || format!("it is {now} after power-on");
        if let Some(after) = wanted.after.as_ref().filter(|t| now < t.0) {
            v.fail("time.after", &after.span, seen());
        }
        if let Some(before) = wanted.before.as_ref().filter(|t| now > t.0) {
            v.fail("time.before", &before.span, seen());
        }
    }
}

/// `0..3, 8`.
fn runs(pages: &BTreeSet<u32>) -> String {
    let mut runs: Vec<Pages> = Vec::new();
    for page in pages {
        match runs.last_mut() {
            Some(run) if run.last + 1 == *page => run.last = *page,
            _ => runs.push(Pages { first: *page, last: *page }),
        }
    }
    runs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The fields of the settings that are not as expected, each with its own place.
fn settings(wanted: &EepromExpect, is: &Settings, v: &mut Verdicts<'_>) {
    for (key, said) in &wanted.0 {
        if let Some(is) = key.differs(&said.value, is) {
            let name = key.name();
            v.fail(&format!("eeprom.{name}"), &said.span, format!("{name} is {is}"));
        }
    }
}
