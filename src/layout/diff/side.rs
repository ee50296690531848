//! One of two things that are compared: where its bytes are, and what they are.

use super::DiffError;
use crate::am32::{Layout, Piece, Plan, Role, SeenInRun as Seen};
use crate::image::Image;
use crate::layout::source::Source;
use crate::layout::{split, told};
use crate::part::Part;
use std::sync::Arc;

/// One of the two.
pub struct Side<'a> {
    pub source: &'a Source,
    /// The part; none where several are left that keep their settings at different places.
    pub part: Option<Arc<Part>>,
    /// The parts that are left.
    candidates: Vec<Arc<Part>>,
    /// What lies in flash, or all bytes where nothing is known of a part.
    pub image: Image,
    /// What it is, where anything tells.
    pub piece: Option<Piece>,
}

impl Side<'_> {
    /// Finds by running what its bytes leave open, on the first of the parts on which it shows.
    pub fn run(&mut self) {
        for part in &self.candidates {
            if self.piece.as_ref().is_none_or(|piece| piece.info.seen != Seen::default()) {
                return;
            }
            self.piece = self.piece.take().map(|piece| told::run(piece, part));
        }
    }

    /// The bytes of its settings, 192 at most.
    pub fn settings(&self) -> Option<Vec<u8>> {
        let piece = self.piece.as_ref()?;
        let mut bytes = match (piece.role, self.layout()) {
            (Role::Eeprom, _) => piece.image.segments.first()?.data.clone(),
            (_, Some(layout)) => split::held(&piece.image, layout.eeprom..layout.eeprom_end()),
            (_, None) => return None,
        };
        bytes.truncate(crate::am32::settings::LENGTH);
        Some(bytes)
    }

    pub fn layout(&self) -> Option<&'static Layout> {
        self.part.as_deref().and_then(Layout::of)
    }
}

/// Both, at their places in flash, or (where nothing tells these) from the start of each file, which the last value says.
pub fn both<'a>(
    a: &'a Source,
    b: &'a Source,
    part: Option<&Arc<Part>>,
) -> Result<(Side<'a>, Side<'a>, bool), DiffError> {
    let wish = |own: &Source, other: &Source| own.part.clone().or(part.cloned()).or(other.part.clone());
    let (of_a, of_b) = (wish(a, b), wish(b, a));
    let (mut plan_a, mut plan_b) = (plan(a, of_a.as_ref())?, plan(b, of_b.as_ref())?);
    // What one tells, the other need not.
    match (one(&plan_a), one(&plan_b)) {
        (Some(part), None) if plan_b.candidates.contains(&part) => plan_b = plan(b, Some(&part))?,
        (None, Some(part)) if plan_a.candidates.contains(&part) => plan_a = plan(a, Some(&part))?,
        _ => {}
    }
    let (home_a, home_b) = (placed(a, &plan_a), placed(b, &plan_b));
    let nowhere =
        |file: &Source, other: &Source| DiffError::Unplaced { file: file.name.clone(), other: other.name.clone() };
    let placed = match (&home_a, &home_b) {
        (Some(_), Some(_)) => true,
        (None, Some(_)) => return Err(nowhere(a, b)),
        (Some(_), None) => return Err(nowhere(b, a)),
        (None, None) => false,
    };
    let side = |source: &'a Source, plan: Plan, home: Option<Image>| {
        let part = one(&plan).or_else(|| told_enough(source, &plan));
        let image = home.filter(|_| placed).unwrap_or_else(|| source.image.clone());
        let image = match &part {
            // Option bytes are compared field by field.
            Some(part) if placed && source.option_bytes.is_some() => image.slice(0..part.option_bytes.base),
            _ => image,
        };
        Side { source, part, candidates: plan.candidates, image, piece: plan.pieces.into_iter().next() }
    };
    Ok((side(a, plan_a, home_a), side(b, plan_b, home_b), placed))
}

fn plan(source: &Source, part: Option<&Arc<Part>>) -> Result<Plan, DiffError> {
    Ok(told::plan(&source.image, source.is_state().then_some(Role::Full), part)?)
}

/// The part, where those that are left lay their things out alike.
fn one(plan: &Plan) -> Option<Arc<Part>> {
    let place = |part: &Arc<Part>| Layout::of(part).map(|l| (l.app, l.eeprom, l.page));
    let first = plan.candidates.first()?;
    plan.candidates.iter().all(|other| place(other) == place(first)).then(|| Arc::clone(first))
}

/// The first part, as `check` has it, where those that are left lay out alike all that the image reaches: an app does not
/// tell a G071 of 64 KB from one of 128 KB, and lies in both before the settings.
fn told_enough(source: &Source, plan: &Plan) -> Option<Arc<Part>> {
    let layouts: Option<Vec<&Layout>> = plan.candidates.iter().map(|part| Layout::of(part)).collect();
    let layouts = layouts?;
    let (first, least) = (layouts.first()?, layouts.iter().map(|l| l.eeprom).min()?);
    let alike = layouts.iter().all(|l| (l.base, l.app, l.page) == (first.base, first.app, first.page));
    let home = plan.pieces.first().map_or(&source.image, |piece| &piece.image);
    (alike && home.end() <= u64::from(least)).then(|| plan.candidates.first().cloned())?
}

/// The image at its place, where it has one, whichever of the parts it is for.
fn placed(source: &Source, plan: &Plan) -> Option<Image> {
    if source.image.placed {
        return Some(source.image.clone());
    }
    let piece = plan.pieces.first()?;
    let home = |part: &Arc<Part>| Layout::of(part).and_then(|layout| piece.role.home(layout));
    plan.candidates.iter().all(|part| home(part) == Some(piece.image.start())).then(|| piece.image.clone())
}
