//! What an app makes of a page of settings: it is run on it, up to its main loop, and the page is read back.

use super::bench::Bench;
use super::boot;
use super::check::{CheckError, Options};
use super::evidence::{BootRun, Ending};
use super::power_up::PowerUp;
use super::{next_start, settings_pages, verdict, words};
use crate::am32::settings::LENGTH;
use crate::am32::{self, Finding, Given, Id, Layout, Piece, PlanError, Request, Role, Severity};
use crate::chip::{Chip, program};
use crate::part::Part;
use std::sync::Arc;

/// What became of a page.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The part that the app was run on.
    pub part: Arc<Part>,
    /// How it was found.
    pub part_evidence: String,
    /// The files, where they went.
    pub pieces: Vec<Piece>,
    /// The page's first address.
    pub address: u32,
    /// The page as it was flashed.
    pub before: Vec<u8>,
    /// The page as the app left it.
    pub after: Vec<u8>,
    /// The run; none where the flash did not take the files.
    pub run: Option<BootRun>,
    /// What is wrong with the files or the run: errors first.
    pub findings: Vec<Finding>,
}

impl Migration {
    /// Whether the app came to its main loop, and had this page as its own.
    pub fn is_done(&self) -> bool {
        self.run.as_ref().is_some_and(|r| r.ending == Ending::AppRuns)
            && self.findings.iter().all(|f| f.severity < Severity::Error)
    }
}

/// Flashes a page, an app and perhaps a bootloader onto a blank chip, and powers it with the signal low. Without a
/// bootloader the app is started as one would. Of `options`, the power-ups and the limit to decide are not used.
///
/// # Errors
/// Wrong use, files for a part that is not modelled, or a failure of dryflash itself.
pub fn migrate(files: Vec<Given>, options: &Options) -> Result<Migration, CheckError> {
    let from_app = files.iter().all(|f| f.role != Some(Role::Bootloader));
    let wish =
        Request { part: options.part.clone(), part_from: options.part_from.clone(), from_app, ..Request::default() };
    let plan = am32::plan(files, &wish)?;
    let mut first = None;
    for part in &plan.candidates {
        let plan = if options.part.is_some() { plan.clone() } else { plan.for_part(part)? };
        let run = on_part(plan, part, from_app, options)?;
        if run.is_done() {
            return Ok(run);
        }
        first.get_or_insert(run);
    }
    first.ok_or_else(|| not_modelled(&plan.findings))
}

/// No part to run it on: what the files say of that.
fn not_modelled(findings: &[Finding]) -> CheckError {
    let part = findings.first().map_or_else(|| "MCU of these files".to_owned(), |f| f.message.clone());
    let known = crate::part::all().iter().map(|p| p.nick().to_owned()).collect::<Vec<_>>().join(", ");
    PlanError::NoLayout { part, known }.into()
}

fn on_part(plan: am32::Plan, part: &Arc<Part>, from_app: bool, options: &Options) -> Result<Migration, CheckError> {
    let no_layout = || PlanError::NoLayout { part: part.name.clone(), known: String::new() };
    let layout = Layout::of(part).ok_or_else(no_layout)?;
    let address = layout.eeprom;
    let mut chip = Chip::with_engine(part, options.seed, options.engine)?;
    let mut done = Migration {
        part: Arc::clone(part),
        part_evidence: plan.part_evidence,
        pieces: plan.pieces,
        address,
        before: Vec::new(),
        after: Vec::new(),
        run: None,
        findings: Vec::new(),
    };
    // What the page holds is what is to be mended: the app is run on it, whatever stands there.
    let page = done.pieces.iter().find(|p| p.role == Role::Eeprom).map(|p| p.image.name.clone());
    let of_others = |f: &Finding| f.severity == Severity::Error && f.file.is_some() && f.file != page;
    done.findings.extend(plan.findings.into_iter().filter(of_others));
    chip.power_on();
    for piece in &done.pieces {
        if let Err(error) = program::program(&mut chip, &piece.image, false) {
            done.findings.push(verdict::not_programmed(&error, &piece.image.name));
        }
    }
    chip.power_off(options.seed);
    let page = |chip: &Chip| chip.board.flash.cells().bytes(address, LENGTH as u32);
    done.before = page(&chip);
    if done.findings.iter().all(|f| f.severity < Severity::Error) {
        let bench = Bench { from_app, app_limit: options.app_limit, ..Bench::new(part, layout, None) };
        let run = boot::boot(&mut chip, &bench, &PowerUp::decisive()).explain(layout);
        if let Ending::Broken { message } = &run.ending {
            return Err(CheckError::Broken(message.clone()));
        }
        // An app that is still writing is let come to its end; where it cannot, the page shows that.
        let _ = next_start::settle(&mut chip, address);
        judge(&run, layout, &mut done.findings);
        done.run = Some(run);
    }
    done.after = page(&chip);
    done.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Ok(done)
}

/// What the run shows to be wrong: it did not come to the app's main loop, or the app's settings are elsewhere.
fn judge(run: &BootRun, layout: &Layout, findings: &mut Vec<Finding>) {
    if run.ending != Ending::AppRuns {
        let known = verdict::findings(run, layout, true);
        let bad = known.iter().any(|f| f.severity == Severity::Error);
        findings.extend(known);
        if !bad {
            findings.push(words::finding(run, layout));
        }
        return;
    }
    let mut told = Vec::new();
    settings_pages::judge(run, layout, &mut told);
    // What the page holds now is judged where it is shown.
    let lost = |f: &Finding| f.id == Id::EEPROM_REWRITTEN && f.severity > Severity::Note;
    findings.extend(told.into_iter().filter(|f| lost(f) || f.id == Id::RUN_NO_SETTINGS));
    let read = run.app.iter().flat_map(|a| &a.settings);
    let written = run.changed.iter().filter(|c| c.settings.is_some()).map(|c| c.address);
    let pages: Vec<u32> = read.map(|l| l.address).chain(written).collect();
    if let Some(other) = pages.first().filter(|_| !pages.contains(&layout.eeprom)) {
        let message = format!(
            "the app has its settings at 0x{other:08X}, and the page was put to 0x{:08X}, where it does not look",
            layout.eeprom
        );
        let advice = "name the part that the app is for with --part, or give the bootloader, which tells the app where its settings are";
        findings.push(Finding::new(Id::RUN_TWO_PAGES, message, advice).at(*other).as_bad_as(Severity::Error));
    }
}
