//! JSON; and the document of a check: format `dryflash-check`, version 1, which `docs/check-json.md` describes.

use super::{ANY, Form, RenderError};
use crate::am32::{Finding, PlacedBy, SeenInRun};
use crate::chip::program::Programmed;
use crate::esc::{BootRun, Verdict};
use crate::image::Symbol;
use serde::Serialize;

/// The form.
pub const FORM: Form = Form {
    name: "json",
    about: "For programs; the format is documented and versioned",
    of: ANY,
    make: |report, _| report.json(),
    summary: None,
    is_one: |head| head.contains("\"format\": \"dryflash-"),
};

/// The form's name in a sentence.
pub(super) const WORDS: &str = "JSON";

/// A document, indented, with a newline at the end.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn document(what: &impl Serialize) -> Result<String, RenderError> {
    serde_json::to_string_pretty(what).map(|text| text + "\n").map_err(RenderError::of(WORDS))
}

/// The version of the check's format: raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Check<'a> {
    format: &'static str,
    version: u32,
    starts: bool,
    app_runs: bool,
    part: Option<PartOut<'a>>,
    also: Vec<&'a str>,
    files: Vec<FileOut<'a>>,
    power_ups: &'a [BootRun],
    #[serde(skip_serializing_if = "Option::is_none")]
    update: Option<&'a crate::esc::updater::Update>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    symbols: Vec<PlaceOut>,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct PlaceOut {
    pc: u32,
    #[serde(flatten)]
    symbol: Symbol,
}

#[derive(Serialize)]
struct PartOut<'a> {
    name: &'a str,
    short: Option<&'a str>,
    evidence: &'a str,
}

#[derive(Serialize)]
struct FileOut<'a> {
    name: &'a str,
    format: crate::image::Format,
    role: crate::am32::Role,
    evidence: String,
    placed_by: PlacedBy,
    segments: Vec<SegmentOut>,
    tells: Vec<String>,
    named: Vec<String>,
    by_running: SeenInRun,
    programmed: Option<&'a Programmed>,
}

#[derive(Serialize)]
struct SegmentOut {
    address: u32,
    length: usize,
}

/// The verdict of a check, indented, with a newline at the end.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn verdict(verdict: &Verdict) -> Result<String, serde_json::Error> {
    let files = verdict.pieces.iter().enumerate().map(|(n, piece)| FileOut {
        name: &piece.image.name,
        format: piece.image.format,
        role: piece.role,
        evidence: piece.evidence.to_string(),
        placed_by: piece.placed_by,
        segments: piece
            .image
            .segments
            .iter()
            .map(|s| SegmentOut { address: s.address, length: s.data.len() })
            .collect(),
        tells: piece.info.phrases(),
        named: piece.info.named(),
        by_running: piece.info.seen,
        programmed: verdict.programmed.get(n),
    });
    let check = Check {
        format: "dryflash-check",
        version: VERSION,
        starts: verdict.starts(),
        app_runs: verdict.app_runs,
        part: verdict.part.as_ref().map(|p| PartOut {
            name: &p.name,
            short: p.short.as_deref(),
            evidence: &verdict.part_evidence,
        }),
        also: verdict.also.iter().map(|p| p.name.as_str()).collect(),
        files: files.collect(),
        power_ups: &verdict.runs,
        update: verdict.update.as_ref(),
        symbols: verdict.places().into_iter().map(|(pc, symbol)| PlaceOut { pc, symbol }).collect(),
        findings: &verdict.findings,
    };
    serde_json::to_string_pretty(&check).map(|text| text + "\n")
}
