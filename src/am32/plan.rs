//! The plan: what each file is, where it goes, on which part, and what is wrong with that.

use super::findings::{Finding, Id};
use super::given::{Given, Request};
use super::layout::{LAYOUTS, Layout, Mcu};
use super::parts::{self, Choice};
use super::piece::{Piece, PlacedBy};
use super::roles::{Recognised, Role, recognise};
use super::rules::{self, Context};
use crate::image::{Format, Image};
use crate::part::Part;
use crate::shell;
use std::sync::Arc;

/// What would be flashed, and what can be seen to be wrong with it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The parts that the files could be for. Pieces and findings are those for the first; where there are
    /// several, ask [`Plan::for_part`] about each. None where the files are for an MCU that is not modelled.
    pub candidates: Vec<Arc<Part>>,
    /// How they were found, for people.
    pub part_evidence: String,
    /// The files in the order they are flashed, but for those whose place nobody knows (a finding names them): the
    /// order given, but a full image comes before files whose role was given. Those are to replace what it holds.
    pub pieces: Vec<Piece>,
    /// What is wrong, or worth knowing: errors first.
    pub findings: Vec<Finding>,
    given: Vec<Given>,
    wish: Request,
}

impl Plan {
    /// The same files on `part`, as if `--part` had said so.
    ///
    /// # Errors
    /// As [`plan()`].
    pub fn for_part(&self, part: &Arc<Part>) -> Result<Plan, PlanError> {
        let wish = Request { part: Some(part.clone()), ..self.wish.clone() };
        plan_for(self.given.clone(), &wish, Some(&self.part_evidence))
    }

    /// Whether no finding is an error.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|f| f.severity < super::Severity::Error)
    }

    /// The first piece that brings what `role` stands for.
    pub fn bringing(&self, role: Role) -> Option<&Piece> {
        let layout = self.candidates.first().and_then(|p| Layout::of(p))?;
        self.pieces.iter().find(|p| p.brings(role, layout))
    }
}

/// Wrong use: nothing to plan with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No file was given.
    #[error("no file was given; name at least one, e.g. `dryflash check bootloader.hex app.hex eeprom.bin`")]
    NoFiles,
    /// Two files have the same role and would go to the same place.
    #[error("{}{}", twice(*.role, first, second, *.equal), called(*.role, [first, second]))]
    RoleTwice {
        /// The role.
        role: Role,
        /// The file that has it first.
        first: Arc<str>,
        /// The other one.
        second: Arc<str>,
        /// They hold the same bytes.
        equal: bool,
    },
    /// AM32 has no layout for the part.
    #[error("AM32 is not known on the {part}; it is on {known}")]
    NoLayout {
        /// The part's name.
        part: String,
        /// The parts that it is known on.
        known: String,
    },
}

fn twice(role: Role, first: &str, second: &str, equal: bool) -> String {
    match (first == second, equal) {
        (true, _) => format!("{first} is given twice as the {role}; leave one out"),
        (_, true) => format!("{first} and {second} are both the {role} and hold the same bytes; leave one out"),
        _ => {
            format!(
                "{first} and {second} are both the {role}; leave one out, or say what they are with {}",
                options(role)
            )
        }
    }
}

/// Which of the files are called something else than they are taken for.
fn called(role: Role, files: [&str; 2]) -> String {
    let other = |file: &&str| {
        let name = super::names::parse(file);
        // A copy of all of flash is called after what it holds.
        let kind = name.kind.filter(|_| !(role == Role::Full && name.by_version_only))?;
        let called = Some(kind.role()).filter(|r| *r != role)?;
        Some(format!(
            "; {file} is called {}, but it is taken as {}: is it the file you meant?",
            called.article(),
            role.article()
        ))
    };
    files.iter().filter_map(other).collect()
}

fn options(role: Role) -> String {
    let all = [Role::Bootloader, Role::App, Role::Eeprom, Role::Full];
    all.into_iter().filter(|r| *r != role).map(Role::option).collect::<Vec<_>>().join(", ")
}

/// Says what each file is, where it goes and on which part, and what is wrong with that.
///
/// # Errors
/// Wrong use only: see [`PlanError`]. What is wrong with the files is in [`Plan::findings`].
pub fn plan(given: Vec<Given>, wish: &Request) -> Result<Plan, PlanError> {
    plan_for(given, wish, None)
}

/// As [`plan()`]; `found` says how the wish's part was found, where the command line did not name it.
fn plan_for(given: Vec<Given>, wish: &Request, found: Option<&str>) -> Result<Plan, PlanError> {
    if given.is_empty() && !wish.has_state {
        return Err(PlanError::NoFiles);
    }
    let known: Vec<Recognised> = given.iter().map(|g| recognise(&g.image, g.role)).collect();
    no_role_twice(&given, &known)?;
    let files: Vec<parts::File> = given.iter().map(|g| &g.image).zip(&known).collect();
    let Choice { parts: candidates, evidence, foreign } = parts::choose(&files, wish.part.as_ref());
    let evidence = match &wish.part_from {
        Some(what) if wish.part.is_some() => format!("as {what} says"),
        _ => evidence,
    };
    let evidence = found.map_or(evidence, str::to_owned);
    let part = candidates.first();
    let layout = match part {
        Some(part) => Layout::of(part).ok_or_else(|| no_layout(part))?,
        None => foreign.and_then(|mcu| foreign_layout(mcu, &known)).unwrap_or(&LAYOUTS[0]),
    };
    let mut findings = Vec::new();
    let mut pieces = Vec::new();
    for (g, known) in given.iter().zip(known) {
        match placed(&g.image, known, layout) {
            Ok(piece) => pieces.push(piece),
            Err(finding) => findings.push(finding),
        }
    }
    if pieces.iter().any(Piece::replaces) {
        pieces.sort_by_key(|p| p.role != Role::Full);
    }
    let context = Context { part, layout, foreign, evidence: &evidence, pieces: &pieces, wish };
    findings.extend(rules::judge(&context));
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    Ok(Plan { candidates, part_evidence: evidence, pieces, findings, given, wish: wish.clone() })
}

fn no_role_twice(given: &[Given], known: &[Recognised]) -> Result<(), PlanError> {
    for (i, (g, k)) in given.iter().zip(known).enumerate().filter(|(_, (_, k))| k.role != Role::Unknown) {
        // Files with addresses of their own may share a role: their bytes are judged instead.
        let same = |(h, l): &(&Given, &Recognised)| {
            l.role == k.role && (!h.image.placed && !g.image.placed || h.role.is_some() && g.role.is_some())
        };
        if let Some((h, _)) = given.iter().zip(known).take(i).find(same) {
            return Err(PlanError::RoleTwice {
                role: k.role,
                first: h.image.name.clone(),
                second: g.image.name.clone(),
                equal: h.image.segments.iter().map(|s| &s.data).eq(g.image.segments.iter().map(|s| &s.data)),
            });
        }
    }
    Ok(())
}

/// Where the files of an MCU that is not modelled go: to its CAN layout, where one of them is for CAN.
fn foreign_layout(mcu: Mcu, known: &[Recognised]) -> Option<&'static Layout> {
    let can = known
        .iter()
        .any(|k| k.bootloader.is_some_and(|b| b.can) || k.app.as_ref().is_some_and(|a| a.can_signature.is_some()));
    mcu.layouts().find(|l| l.can == can).or_else(|| mcu.layouts().next())
}

fn no_layout(part: &Part) -> PlanError {
    let known: Vec<&str> = LAYOUTS.iter().flat_map(Layout::parts).map(|p| p.name.as_str()).collect();
    PlanError::NoLayout { part: part.name.clone(), known: known.join(", ") }
}

/// The piece at its place, or the finding that says why it has none.
fn placed(image: &Image, known: Recognised, layout: &Layout) -> Result<Piece, Finding> {
    let mut image = image.clone();
    let placed_by = match (image.placed, image.format) {
        (true, Format::Bin) => PlacedBy::User,
        (true, _) => PlacedBy::File,
        (false, _) => PlacedBy::Role,
    };
    if placed_by == PlacedBy::Role {
        let name = image.name.clone();
        let Some(home) = known.role.home(layout) else {
            let quoted = shell::file(&name);
            return Err(Finding::new(
                Id::UNCLEAR,
                "neither its bytes nor its name tell what it is, and it has no address, so it was left out",
                format!(
                    "say what it is (--bootloader, --app, --eeprom or --full {quoted}), or where it goes ({quoted}@0x{:08X})",
                    // A file that a page holds is no app.
                    if image.len() <= layout.page as usize { layout.eeprom } else { layout.app }
                ),
            )
            .file(&name));
        };
        image
            .place(home)
            .map_err(|e| Finding::new(Id::OUT_OF_RANGE, e.to_string(), "use a shorter file").file(&name))?;
    }
    Ok(Piece::new(image, known, placed_by, layout))
}

#[cfg(test)]
mod tests;
