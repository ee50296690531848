//! The steps that let code run: `boot`, `run` and `check`.

use super::actions::{join, real};
use super::last::Last;
use super::{Session, Trouble};
use crate::am32::{self, Given};
use crate::chip::{Chip, Halt};
use crate::esc::alive::{self, Alive, Code, Limit};
use crate::esc::{Ending, Jump, boot, settings_pages, signal_pin, verdict};
use crate::scenario::steps::{Boot, Check, RoleName, Run, Until};
use crate::time::Time;
use std::ops::Range;

impl Session<'_> {
    pub(super) fn boot(&mut self, boot: &Boot, span: &Range<usize>) -> Result<(), Trouble> {
        let mut bench = self.bench(span)?;
        let layout = self.layout.ok_or_else(|| Trouble::step(span, "AM32 is not known on this part"))?;
        if let Some(limit) = &boot.limit {
            bench.limit = limit.0;
        }
        if let Some(limit) = boot.app_for {
            bench.app_limit = limit.0;
            bench.whole = true;
        }
        bench.from_app = boot.from_app.is_some_and(|f| f.0);
        if let Some(signal) = &boot.signal {
            self.wire = signal.value.clone();
        }
        let power_up = self.wire.power_up(boot.reset.map_or(crate::esc::AfterPowerOn::Nothing, |r| r.after()));
        let seed = self.settings.seed;
        let chip = self.chip(span)?;
        if chip.is_powered() {
            chip.power_off(seed);
        }
        let run = boot::boot(chip, &bench, &power_up).explain(layout);
        self.spent = self.spent + run.time_us;
        self.story.power_on();
        self.take_events();
        let mut found = verdict::findings(&run, layout, true);
        found.extend(verdict::unmodelled(std::slice::from_ref(&run)));
        settings_pages::judge(&run, layout, &mut found);
        found.extend(signal_pin::differ(&run).and_then(|(bootloader, app)| signal_pin::finding(bootloader, &app)));
        let runs = verdict::app_runs(&run, &self.about_files);
        let findings = join(&self.about_files, found, runs);
        let starts = runs && findings.iter().all(|f| f.severity < am32::Severity::Error);
        let last = Last::of_run(&run, run.reason.as_ref());
        self.story.tell(last.words.clone());
        for page in &run.changed {
            let erased = if page.erased > 0 { ", erased" } else { "" };
            self.story.tell(format!(
                "{} changed {} of the page at 0x{:08X}{erased}",
                page.by,
                crate::plural::count(page.bytes as u64, "byte"),
                page.address
            ));
        }
        self.last = Last { starts: Some(starts), findings, said: last.words.clone(), ..last };
        match run.ending {
            Ending::Broken { message } => Err(Trouble::step(span, format!("dryflash failed: {message}"))),
            _ => Ok(()),
        }
    }

    pub(super) fn run_on(&mut self, run: &Run, span: &Range<usize>) -> Result<(), Trouble> {
        let app = self.layout.map(|l| l.app);
        let chip = self.chip(span)?;
        let start = chip.now().time;
        let limit = start + run.time.as_ref().map_or(crate::scenario::PATIENCE, |t| t.0);
        let flash_end = chip.part().flash.end();
        let until = run.until.as_ref().map(|u| u.value);
        let inside: Option<Range<u32>> = match until {
            Some(Until::Jump) => app.map(|app| app..flash_end),
            Some(Until::Address(address)) => Some(address..address.saturating_add(2)),
            _ => None,
        };
        if until == Some(Until::MainLoop) {
            return self.run_to_main_loop(limit, run, span);
        }
        chip.stop_inside(inside.as_slice());
        let halt = loop {
            let halt = chip.run(limit);
            match (&halt, until) {
                (Halt::Reset(_), Some(Until::Reset)) | (Halt::Fault(_), Some(Until::Fault)) => break halt,
                // Code may reset itself, and faults have a handler: it runs on.
                (Halt::Reset(_) | Halt::Fault(_), _) => {}
                _ => break halt,
            }
        };
        chip.stop_inside(&[]);
        let mut last = Last::of_halt(&halt);
        let chip = self.chip(span)?;
        if halt == Halt::Inside && until == Some(Until::Jump) {
            let registers = chip.registers();
            last.jump = Some(Some(Jump {
                address: chip.board.resolve(registers.pc),
                vector: 0,
                msp: registers.msp,
                vtor: chip.board.nvic.vtor(),
                interrupts_off: registers.primask,
                time_us: chip.now().time,
            }));
        }
        let came = match until {
            None => true,
            Some(Until::Jump | Until::Address(_)) => halt == Halt::Inside,
            Some(Until::Reset) => matches!(halt, Halt::Reset(_)),
            Some(Until::Fault) => matches!(halt, Halt::Fault(_)),
            Some(Until::Lockup) => halt == Halt::Lockup,
            Some(Until::Asleep) => halt == Halt::Asleep,
            Some(Until::MainLoop) => false,
        };
        let stands = stands(chip);
        let now = chip.now().time;
        self.spent = self.spent + now.since(start);
        self.finish_run(last, span);
        if let Halt::Broken(message) = halt {
            return Err(Trouble::step(span, format!("dryflash failed: {message}")));
        }
        match until {
            Some(until) if !came => {
                let place = run.until.as_ref().map_or(span.clone(), |u| real(&u.span, span));
                Err(Trouble::step(&place, format!("no {until} within {}: {stands}", limit.since(start))))
            }
            _ => Ok(()),
        }
    }

    fn run_to_main_loop(&mut self, limit: Time, run: &Run, span: &Range<usize>) -> Result<(), Trouble> {
        let (app, tag) = self.layout.map(|l| (l.app, l.tag)).unzip();
        let chip = self.chip(span)?;
        let start = chip.now().time;
        // A bootloader's loop is no main loop.
        let area = app.map_or(0..u32::MAX, |app| app..chip.part().flash.end());
        let code = Code::of(chip, area, tag);
        // What was seen before tells nothing of what it does now.
        chip.board.heartbeat.forget();
        let watched = loop {
            match alive::watch(chip, start, Limit::firm(limit), &code) {
                // Code may reset itself, and faults have a handler: it runs on.
                Err(Halt::Reset(_) | Halt::Fault(_)) if chip.now().time < limit => {}
                other => break other,
            }
        };
        let stands = stands(chip);
        let found = matches!(watched, Ok(Alive::Loop(_) | Alive::Works(_)));
        let last = Last { main_loop: Some(found), words: stands.clone(), ..Last::default() };
        self.finish_run(last, span);
        if found {
            return Ok(());
        }
        let place = run.until.as_ref().map_or(span.clone(), |u| real(&u.span, span));
        Err(Trouble::step(&place, format!("no main loop within {}: {stands}", limit.since(start))))
    }

    /// Keeps what a run says, beside the findings there are.
    fn finish_run(&mut self, last: Last, span: &Range<usize>) {
        self.take_events();
        if let Ok(chip) = self.chip(span) {
            let (pc, time) = (chip.registers().pc, chip.now().time);
            self.story.tell(format!("{:>9}  at PC 0x{pc:08X}", time.to_string()));
        }
        let findings = std::mem::take(&mut self.last.findings);
        self.last = Last { said: last.words.clone(), findings, ..last };
    }

    pub(super) fn check(&mut self, check: &Check, span: &Range<usize>) -> Result<(), Trouble> {
        let mut files = Vec::new();
        let roles = [
            (RoleName::Bootloader, &check.bootloader),
            (RoleName::App, &check.app),
            (RoleName::Eeprom, &check.eeprom),
            (RoleName::Full, &check.full),
        ];
        let named = roles.into_iter().filter_map(|(role, file)| file.as_ref().map(|f| (Some(role.role()), f)));
        for (role, file) in named.chain(check.files.iter().map(|f| (None, f))) {
            let place = real(&file.span, span);
            let image = self.built.files.image(self.source, &self.settings.cache, &file.value, None, &place)?;
            files.push(Given { image, role });
        }
        let reset = check.reset.map_or(crate::esc::AfterPowerOn::Nothing, |r| r.after());
        let mut options = crate::esc::Options {
            part: self.built.part.clone(),
            from_app: check.from_app.is_some_and(|f| f.0),
            option_bytes: check.option_bytes.is_some_and(|f| f.0),
            seed: self.settings.seed,
            engine: self.settings.engine,
            f0_write_without_pg: self.settings.f0_write_without_pg,
            ..crate::esc::Options::default()
        };
        if !check.signal.is_empty() {
            options.power_ups = check.signal.iter().map(|t| t.power_up(reset)).collect();
        }
        if let Some(limit) = &check.limit {
            options.limit = limit.0;
        }
        if let Some(limit) = check.app_for {
            options.app_limit = limit.0;
            options.whole = true;
        }
        let (verdict, _) = crate::esc::check(files, &options, None).map_err(|e| Trouble::step(span, e.to_string()))?;
        self.spent = verdict.runs.iter().fold(self.spent, |all, run| all + run.time_us);
        let report = (self.settings.report)(&verdict);
        self.last = Last::of_check(&verdict, report);
        self.story.tell(if verdict.starts() { "this ESC would start" } else { "this ESC would not start" });
        Ok(())
    }
}

/// Where the core stands, and what it polls.
fn stands(chip: &Chip) -> String {
    let polled = chip.board.polled(chip.now().cycle);
    match polled.first() {
        Some(p) => format!("the core polls {} at PC 0x{:08X}", p.name, p.pc),
        None => format!("the core stands at PC 0x{:08X}", chip.registers().pc),
    }
}
