//! An ESC made ready for a session with a probe: what it holds, its signal wire, its power.

use super::changes::Snapshot;
use super::kept::{Kept, KeptError};
use crate::am32::{self, Finding, Given, Id, PlanError, Request, Severity};
use crate::chip::Chip;
use crate::chip::program::{self, ProgramError};
use crate::cpu::hybrid::Engine;
use crate::flash::{Settings, WriteWithoutPg};
use crate::image::Image;
use crate::part::Part;
use crate::time::Time;
use crate::wire::Waveform;
use std::fmt;
use std::sync::Arc;

/// What is asked of the ESC.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The part; that which the files are for where none.
    pub part: Option<Arc<Part>>,
    /// The signal wire from power-on.
    pub signal: Waveform,
    /// Decides what SRAM holds at power-on.
    pub seed: u64,
    /// The engine that executes the code.
    pub engine: Engine,
    /// What a store to flash with PG = 0 does on an F0, which is not known (F45).
    pub f0_write_without_pg: WriteWithoutPg,
}

/// A powered ESC.
pub struct Ready {
    /// Its part.
    pub part: Arc<Part>,
    /// The chip; nothing has run on it.
    pub chip: Chip,
    /// What it held when the power came on.
    pub before: Snapshot,
}

/// Why an ESC is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Neither files nor a state nor the user tell the part.
    #[error("say which part it is, e.g. --part F051")]
    NoPart,
    /// The MCU is not modelled.
    #[error("the files are for an MCU that is not modelled ({evidence})")]
    NotModelled {
        /// What tells the MCU.
        evidence: String,
    },
    /// The files fit several parts.
    #[error("the files fit {}; say which with --part", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// A file has no address, and nothing tells what it is.
    #[error("nobody knows where one of the files goes; `dryflash check` tells which, FILE@ADDR says where")]
    NoPlace,
    /// Wrong use.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// What the ESC held before cannot be put into it.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The engine could not be set up.
    #[error(transparent)]
    Engine(Box<dyn std::error::Error + Send + Sync>),
    /// The files cannot be flashed at all; a line for each reason.
    #[error("{}", Lines(.0))]
    Refused(Vec<Finding>),
    /// The chip took one of the files in part or not at all.
    #[error("{file}: {error}")]
    NotProgrammed {
        /// The file.
        file: Arc<str>,
        /// What happened.
        error: ProgramError,
        /// What is left of the ESC: what was written before stays written, as on a real chip.
        left: Box<Kept>,
    },
}

impl NotReady {
    /// Whether it is the files' fault, and not that of who gave them.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, NotReady::Refused(_) | NotReady::NotProgrammed { .. })
    }
}

struct Lines<'a>(&'a [Finding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, finding) in self.0.iter().enumerate() {
            let file = finding.file.as_ref().map_or_else(String::new, |f| format!("{f}: "));
            let gap = if n > 0 { "\n" } else { "" };
            write!(f, "{gap}{}: {file}{}; {}", finding.id, finding.message, finding.advice)?;
        }
        Ok(())
    }
}

/// Puts the files into the ESC as `check` does, onto what was kept of it, and switches the power on. The wire is on each of
/// the pins that bootloaders look at.
///
/// # Errors
/// Wrong use, or files that cannot be flashed.
pub fn ready(files: Vec<Given>, wanted: &Wanted, kept: Option<&Kept>) -> Result<Ready, NotReady> {
    let (part, files) = place(files, wanted.part.clone(), kept.is_some())?;
    let mut chip = Chip::with_engine(&part, wanted.seed, wanted.engine).map_err(|e| NotReady::Engine(e.into()))?;
    let settings = Settings { f0_write_without_pg: wanted.f0_write_without_pg, ..chip.board.flash.settings() };
    chip.board.flash.set_settings(settings);
    if let Some(kept) = kept {
        kept.install(&mut chip)?;
    }
    chip.power_on();
    for image in &files {
        if let Err(error) = program::program(&mut chip, image, false) {
            let left = Box::new(Kept::of(&chip));
            return Err(NotReady::NotProgrammed { file: image.name.clone(), error, left });
        }
    }
    chip.power_off(wanted.seed);
    // The wire is on one of these; the others are not looked at.
    for pin in am32::Pin::SIGNAL {
        let (port, number) = pin.port_and_number();
        chip.drive(port, number, wanted.signal.signal(Time::ZERO));
    }
    chip.power_on();
    let before = Snapshot::of(&chip);
    Ok(Ready { part, chip, before })
}

/// What keeps files from being flashed at all. Whatever else is wrong with them, a probe may want to look at.
const REFUSED: [Id; 4] = [Id::WRONG_BASE, Id::CLASH, Id::ERASED, Id::OUT_OF_RANGE];

/// The part, and the files with their addresses, as `check` finds them.
fn place(files: Vec<Given>, part: Option<Arc<Part>>, has_state: bool) -> Result<(Arc<Part>, Vec<Image>), NotReady> {
    if files.is_empty() {
        return Ok((part.ok_or(NotReady::NoPart)?, Vec::new()));
    }
    let count = files.len();
    let plan = am32::plan(files, &Request { part, has_state, ..Request::default() })?;
    let [part] = plan.candidates.as_slice() else {
        if plan.candidates.is_empty() {
            return Err(NotReady::NotModelled { evidence: plan.part_evidence });
        }
        return Err(NotReady::Ambiguous(plan.candidates.iter().map(|p| p.nick().to_owned()).collect()));
    };
    if plan.pieces.len() < count {
        return Err(NotReady::NoPlace);
    }
    let refuses = |f: &Finding| f.severity == Severity::Error && REFUSED.contains(&f.id);
    let refused: Vec<Finding> = plan.findings.iter().filter(|f| refuses(f)).cloned().collect();
    if !refused.is_empty() {
        return Err(NotReady::Refused(refused));
    }
    Ok((Arc::clone(part), plan.pieces.into_iter().map(|p| p.image).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;

    fn wanted(part: &str) -> Wanted {
        Wanted {
            part: Some(crate::part::find(part).unwrap()),
            signal: Waveform::default(),
            seed: 1,
            engine: Engine::Interpreter,
            f0_write_without_pg: WriteWithoutPg::default(),
        }
    }

    fn given(name: &str, at: u32) -> Given {
        Given { image: f::image(name, &[0x55; 16], Some(at)), role: None }
    }

    #[test]
    fn an_esc_holds_the_files() {
        let of = |files| ready(files, &wanted("F051"), None).ok().unwrap();
        let (blank, filled) = (of(Vec::new()), of(vec![given("a.bin", 0x0800_1000)]));
        assert_eq!((blank.part.nick(), filled.part.nick()), ("F051", "F051"));
        assert_ne!(blank.before.digest(), filled.before.digest());
        assert_eq!(filled.before.digest(), Snapshot::of(&filled.chip).digest());
    }

    #[test]
    fn files_that_cannot_be_flashed_are_refused_with_every_reason() {
        let none = Wanted { part: None, ..wanted("F051") };
        assert!(matches!(ready(Vec::new(), &none, None), Err(NotReady::NoPart)));
        let files = || vec![given("a.bin", 0x0080_1000), given("b.bin", 0x0900_0000)];
        let Err(error) = ready(files(), &wanted("F051"), None) else { panic!("taken") };
        assert!(error.is_refusal(), "{error:?}");
        let text = error.to_string();
        assert!(text.lines().count() == 2 && text.contains("a.bin: ") && text.contains("b.bin: "), "{text}");
    }
}
