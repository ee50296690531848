//! The virtual ESC at a virtual probe, as `serve`, `with` and `replay` set it up from their arguments.

use super::given::{load, path_of};
use super::machine::Machine;
use super::project::Project;
use crate::am32::Given;
use crate::esc::changes::Snapshot;
use crate::esc::places;
use crate::esc::ready::{NotReady, Ready, Wanted, ready};
use crate::esc::{self, Kept, Options, PowerUp, StateFile, Verdict};
use crate::image::{Format, Image};
use crate::part::{self, Part};
use crate::probe::recording::{Header, UNFINISHED};
use crate::probe::{Model, StLink};
use crate::tell::tell;
use crate::wire::{Named, SignalError, Spec, Waveform};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

/// What the ESC is and what it holds.
#[derive(Debug, clap::Args)]
pub struct Holding {
    /// Files that the ESC holds already: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    pub files: Vec<OsString>,
    #[command(flatten)]
    pub esc: Esc,
}

/// The ESC without what it holds.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = super::ESC)]
pub struct Esc {
    /// The part: full name, order code, or AM32's short name (F031, F051, G031, G071, G071_64K). As --state holds it where
    /// absent.
    #[arg(long, env = super::PART_VARIABLE, hide_env_values = true)]
    pub part: Option<String>,
    /// The part was named for no command in particular: what a state or a recording says of itself wins.
    #[arg(skip)]
    pub part_by_default: bool,
    /// A virtual ESC, kept in this file between commands; made where it does not exist.
    #[arg(long, value_name = "FILE", env = super::STATE_VARIABLE, hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// Go on from what the state holds, and leave the file as it is.
    #[arg(skip)]
    pub copy: bool,
    /// Be an STLINK-V3, not an ST-LINK/V2-1.
    #[arg(long)]
    pub v3: bool,
    /// What is on the signal wire from power-on, as of `check`: low where nothing is said.
    #[arg(long, value_name = "SIGNAL[,SIGNAL@TIME]...")]
    pub signal: Option<Spec>,
    /// The signals that the project names.
    #[arg(skip)]
    pub signals: Named,
    /// Decides what SRAM holds at power-on: 1 where nothing is said.
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub machine: Machine,
}

/// A powered ESC at a probe.
pub struct Bench {
    /// The part.
    pub part: Arc<Part>,
    /// The probe with the chip.
    pub probe: StLink,
    /// Where the ESC is kept.
    pub state: Option<StateFile>,
    /// What it held when the power came on.
    pub before: Snapshot,
    /// The ELFs among its files: what they tell of places counts where it still holds them.
    pub elfs: Vec<Image>,
    esc: Header,
}

impl Holding {
    /// Puts the files into the ESC as `check` does, and switches the power on.
    ///
    /// # Errors
    /// Wrong usage, unreadable input, or files that cannot be flashed: see [`refused`].
    pub fn prepare(&self) -> anyhow::Result<Bench> {
        let files = self.files.iter().map(|f| load(f, None)).collect::<anyhow::Result<Vec<_>>>()?;
        self.esc.prepare(files)
    }

    /// The files that are read or kept: no output may take the place of one.
    pub fn inputs(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|f| path_of(f)).chain(self.esc.state.clone())
    }
}

impl Esc {
    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub fn join(&mut self, project: &Project, with_state: bool) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        let mut taken = Vec::new();
        if self.part.is_none()
            && let Some(part) = &project.part
        {
            taken.push(format!("part {part}"));
            self.part = Some(part.clone());
            self.part_by_default = true;
        }
        if with_state
            && self.state.is_none()
            && let Some(state) = &project.state
        {
            taken.push(format!("state {}", state.display()));
            self.state = Some(state.clone());
        }
        taken
    }

    /// The seed in force.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// The wire in force.
    ///
    /// # Errors
    /// A name that nobody knows, a file that cannot be played.
    pub fn wire(&self) -> Result<Waveform, SignalError> {
        self.signal.as_ref().map_or_else(|| Ok(Waveform::default()), |spec| spec.resolve(&self.signals))
    }

    /// As [`Holding::prepare`], with files that were read already.
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, files: Vec<Given>) -> anyhow::Result<Bench> {
        let open = if self.copy { StateFile::copy } else { StateFile::open };
        let mut state = self.state.as_deref().map(open).transpose()?;
        let held = state.as_ref().and_then(|s| s.part().cloned());
        let part = match &self.part {
            Some(name) if held.is_none() || !self.part_by_default => Some(part::find(name)?),
            _ => held,
        };
        let wanted = Wanted {
            part,
            signal: self.wire()?,
            seed: self.seed(),
            engine: self.machine.engine,
            f0_write_without_pg: self.machine.f0_store_without_pg,
        };
        let images = files.iter().map(|f| &f.image);
        let elfs = images.filter(|i| i.format == Format::Elf).cloned().collect();
        let result = ready(files, &wanted, state.as_ref().and_then(StateFile::kept));
        let Ready { part, chip, before } = match (result, &mut state) {
            (Err(NotReady::Kept(error)), Some(state)) => return Err(state.told(error).into()),
            (Err(NotReady::NotProgrammed { file, error, left }), Some(state)) => {
                state.keep((*left).clone())?;
                return Err(NotReady::NotProgrammed { file, error, left }.into());
            }
            (result, _) => result?,
        };
        let model = if self.v3 { Model::V3 } else { Model::V2 };
        let esc = Header {
            part: Some(part.name.clone()),
            probe: Some(if self.v3 { "v3" } else { "v2" }.to_owned()),
            seed: Some(wanted.seed),
            signal: Some(wanted.signal.to_string()),
            begins_with: Some(before.digest()),
            ends_with: Some(UNFINISHED.to_owned()),
            ..Header::default()
        };
        Ok(Bench { part, probe: StLink::new(chip, model), state, before, elfs, esc })
    }
}

/// Says why files cannot be flashed, each reason on a line of its own.
///
/// # Errors
/// What is no refusal of files is handed back.
pub fn refused(error: anyhow::Error) -> anyhow::Result<()> {
    let refusal = error.downcast_ref::<NotReady>().filter(|e| e.is_refusal()).map(ToString::to_string);
    let Some(reasons) = refusal else { return Err(error) };
    for reason in reasons.lines() {
        tell!("dryflash: {reason}");
    }
    Ok(())
}

impl Bench {
    /// What a recording says of this ESC.
    pub fn header(&self, client: Option<String>) -> Header {
        Header { client, ..self.esc.clone() }
    }
}

/// A power cycle of the ESC as it is now, which a state file holds or not. Places are told by those of the `elfs` that
/// are in its flash.
///
/// # Errors
/// As [`esc::check()`].
pub fn boot(probe: &StLink, elfs: &[Image], state: Option<&StateFile>, esc: &Esc) -> anyhow::Result<Verdict> {
    let usual = Options::default();
    let power_up = PowerUp::with(esc.wire()?);
    // Nobody says for how long: until it has decided after the last change of the wire.
    let changed = power_up.wire.begins();
    let options = Options {
        limit: changed + usual.limit,
        power_ups: vec![power_up],
        seed: esc.seed(),
        engine: esc.machine.engine,
        f0_write_without_pg: esc.machine.f0_store_without_pg,
        state: state.map(named),
        ..usual
    };
    let (mut verdict, _) = esc::check(Vec::new(), &options, Some(&Kept::of(&probe.target.chip)))?;
    if state.is_none() {
        // The user knows of no state file.
        verdict.part_evidence = "as the session left it".to_owned();
    }
    Ok(verdict.with_symbols(places::symbols(&probe.target.chip, elfs)))
}

/// A state file as it was given.
pub fn named(state: &StateFile) -> String {
    state.named().display().to_string()
}
