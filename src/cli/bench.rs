//! The virtual ESC at a virtual probe, as `serve`, `with` and `replay` set it up from their arguments.

use super::check::{load, path_of};
use super::machine::Machine;
use super::project::Project;
use crate::am32::{self, Finding, Given, Id, Severity, Wish};
use crate::chip::{Chip, program};
use crate::esc::changes::Snapshot;
use crate::esc::{self, AfterPowerOn, Kept, Options, StateError, StateFile, Timeline, Verdict};
use crate::files::{self, FileError};
use crate::flash::Settings;
use crate::image::Image;
use crate::part::{self, Part};
use crate::probe::owner::Watch;
use crate::probe::recording::{Exchange, Header, Recorder, UNFINISHED};
use crate::probe::{Model, StLink};
use crate::tell::tell;
use crate::time::Time;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
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
    /// The signal wire at power-on (low, floating or high) and its changes, LEVEL@TIME each, as of `check`: low where
    /// nothing is said.
    #[arg(long, value_name = "LEVEL[,LEVEL@TIME]...")]
    pub signal: Option<Timeline>,
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
    esc: Header,
}

/// The files cannot be flashed; why is on standard error.
pub struct Refused;

impl Holding {
    /// Puts the files into the ESC as `check` does, and switches the power on.
    ///
    /// # Errors
    /// Wrong usage or unreadable input.
    pub fn prepare(&self) -> anyhow::Result<Result<Bench, Refused>> {
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
    pub fn wire(&self) -> Timeline {
        self.signal.clone().unwrap_or_default()
    }

    /// As [`Holding::prepare`], with files that were read already.
    ///
    /// # Errors
    /// Wrong usage or unreadable input.
    pub fn prepare(&self, files: Vec<Given>) -> anyhow::Result<Result<Bench, Refused>> {
        let (wire, seed) = (self.wire(), self.seed());
        let open = if self.copy { StateFile::copy } else { StateFile::open };
        let mut state = self.state.as_deref().map(open).transpose()?;
        let held = state.as_ref().and_then(|s| s.part().cloned());
        let part = match &self.part {
            Some(name) if held.is_none() || !self.part_by_default => Some(part::find(name)?),
            _ => held.clone(),
        };
        let (part, files, refused) = place(files, part, held.is_some())?;
        if !refused.is_empty() {
            for finding in &refused {
                let file = finding.file.as_ref().map_or_else(String::new, |f| format!("{f}: "));
                tell!("dryflash: {}: {file}{}; {}", finding.id, finding.message, finding.advice);
            }
            return Ok(Err(Refused));
        }
        let mut chip = Chip::with_engine(&part, seed, self.machine.engine())?;
        let settings = Settings { f0_write_without_pg: self.machine.without_pg(), ..chip.board.flash.settings() };
        chip.board.flash.set_settings(settings);
        if let Some(state) = &state {
            state.install(&mut chip)?;
        }
        chip.power_on();
        for image in &files {
            if let Err(error) = program::program(&mut chip, image, false) {
                tell!("dryflash: {}: {error}", image.name);
                // What was written before stays written, as on a real chip.
                if let Some(state) = &mut state {
                    state.save(&chip)?;
                }
                return Ok(Err(Refused));
            }
        }
        chip.power_off(seed);
        // The wire is on one of these; the others are not looked at.
        for pin in am32::Pin::SIGNAL {
            let (port, number) = pin.port_and_number();
            chip.drive(port, number, wire.signal(Time::ZERO));
        }
        chip.power_on();
        let model = if self.v3 { Model::V3 } else { Model::V2 };
        let before = Snapshot::of(&chip);
        let esc = Header {
            part: Some(part.name.clone()),
            probe: Some(if self.v3 { "v3" } else { "v2" }.to_owned()),
            seed: Some(seed),
            signal: Some(wire.to_string()),
            begins_with: Some(before.digest()),
            ends_with: Some(UNFINISHED.to_owned()),
            ..Header::default()
        };
        Ok(Ok(Bench { part, probe: StLink::new(chip, model), state, before, esc }))
    }
}

impl Bench {
    /// What a recording says of this ESC.
    pub fn header(&self, client: Option<String>) -> Header {
        Header { client, ..self.esc.clone() }
    }
}

/// A power cycle of the ESC as it is now, which a state file holds or not.
///
/// # Errors
/// As [`esc::check()`].
pub fn boot(probe: &StLink, state: Option<&StateFile>, esc: &Esc) -> anyhow::Result<Verdict> {
    let options = Options {
        power_ups: vec![esc.wire().power_up(AfterPowerOn::Nothing)],
        seed: esc.seed(),
        engine: esc.machine.engine(),
        f0_write_without_pg: esc.machine.without_pg(),
        state: state.map(named),
        ..Options::default()
    };
    let (mut verdict, _) = esc::check(Vec::new(), &options, Some(&Kept::of(&probe.target.chip)))?;
    if state.is_none() {
        // The user knows of no state file.
        verdict.part_evidence = "as the session left it".to_owned();
    }
    Ok(verdict)
}

/// A state file as it was given.
pub fn named(state: &StateFile) -> String {
    state.named().display().to_string()
}

/// What keeps files from being flashed at all. Whatever else is wrong with them, a probe may want to look at.
const REFUSED: [Id; 4] = [Id::WRONG_BASE, Id::CLASH, Id::ERASED, Id::OUT_OF_RANGE];

/// The part, the files with their addresses, as `check` finds them, and why they cannot go there.
fn place(
    files: Vec<Given>,
    part: Option<Arc<Part>>,
    has_state: bool,
) -> anyhow::Result<(Arc<Part>, Vec<Image>, Vec<Finding>)> {
    if files.is_empty() {
        let Some(part) = part else { bail!("say which part it is, e.g. --part F051") };
        return Ok((part, Vec::new(), Vec::new()));
    }
    let count = files.len();
    let plan = am32::plan(files, &Wish { part, has_state, ..Wish::default() })?;
    let [part] = plan.candidates.as_slice() else {
        let names: Vec<&str> = plan.candidates.iter().map(|p| p.nick()).collect();
        match names.as_slice() {
            [] => bail!("the files are for an MCU that is not modelled ({})", plan.part_evidence),
            names => bail!("the files fit {}; say which with --part", names.join(", ")),
        }
    };
    if plan.pieces.len() < count {
        bail!("nobody knows where one of the files goes; `dryflash check` tells which, FILE@ADDR says where");
    }
    let refused = |f: &Finding| f.severity == Severity::Error && REFUSED.contains(&f.id);
    let refused = plan.findings.iter().filter(|f| refused(f)).cloned().collect();
    Ok((Arc::clone(part), plan.pieces.into_iter().map(|p| p.image).collect(), refused))
}

/// Refuses an output that would take the place of something that is read or kept, whatever else is allowed.
///
/// # Errors
/// It would.
pub fn apart(option: &str, output: &Path, inputs: impl IntoIterator<Item = impl AsRef<Path>>) -> anyhow::Result<()> {
    match inputs.into_iter().find(|input| files::same(output, input.as_ref())) {
        None => Ok(()),
        Some(input) if input.as_ref() == output => {
            bail!("{option} {0}: {0} is used as it is; give another name", output.display())
        }
        Some(input) => {
            bail!(
                "{option} {}: that is {}, which is used as it is; give another name",
                output.display(),
                input.as_ref().display()
            )
        }
    }
}

/// What of a command's words may be files: each word, and what stands behind a `=`.
pub fn files_in<'a>(words: impl IntoIterator<Item = &'a OsString>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for word in words {
        found.push(PathBuf::from(word));
        if let Some((_, value)) = word.to_str().and_then(|w| w.split_once('=')) {
            found.push(PathBuf::from(value));
        }
        // Words within words: OpenOCD's commands, a shell's.
        if let Some(text) = word.to_str().filter(|t| t.contains(char::is_whitespace)) {
            let pieces = text.split(|c: char| c.is_whitespace() || "{}\"';".contains(c));
            found.extend(pieces.filter(|p| !p.is_empty()).map(PathBuf::from));
        }
    }
    found
}

/// Says before a session that what happens in it cannot be kept.
pub fn warn_of_read_only(state: Option<&StateFile>) {
    if let Some(state) = state.filter(|s| s.is_read_only()) {
        tell!(
            "dryflash: warning: {} may only be read: this ESC can be looked at, but what is changed in it is lost; copy the \
             file, and use the copy",
            state.path().display()
        );
    }
}

/// Refuses an output before anything is done for it: it exists, has no folder, or cannot be written there.
///
/// # Errors
/// It does, has none, or cannot.
pub fn may_make(path: &Path, force: bool) -> anyhow::Result<()> {
    if std::fs::symlink_metadata(path).is_ok() {
        if !force {
            bail!("{} exists; --force replaces it", path.display());
        }
        files::regular(&files::followed(path)?)
            .map(drop)
            .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
            .with_context(|| format!("{} cannot be replaced", path.display()))?;
    }
    let folder = files::folder(path);
    if !folder.is_dir() {
        bail!("{}: there is no folder {}; make it first", path.display(), folder.display());
    }
    // Rights and read-only disks: what the system lets one do is known when it was tried.
    Ok(files::beside(path).map(drop).map_err(|e| FileError::new(path, e))?)
}

/// Writes an output whole; one that exists is replaced with `force` only.
///
/// # Errors
/// It exists, or cannot be made.
pub fn write(path: &Path, force: bool, bytes: &[u8]) -> anyhow::Result<()> {
    may_make(path, force)?;
    Ok(files::replace(path, bytes).map_err(|e| FileError::new(path, e))?)
}

/// Where a recording goes: a file that is new, or one beside that which it will replace.
enum Tape {
    New(File),
    Over(files::Beside),
}

impl Tape {
    fn make(path: &Path) -> io::Result<Tape> {
        match File::create_new(path) {
            Ok(file) => Ok(Tape::New(file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Ok(Tape::Over(files::beside(&files::followed(path)?)?))
            }
            Err(e) => Err(e),
        }
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Tape::New(file) => file.write(bytes),
            Tape::Over(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Tape::New(file) => file.flush(),
            Tape::Over(file) => file.flush(),
        }
    }
}

impl Seek for Tape {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Tape::New(file) => file.seek(to),
            Tape::Over(file) => file.seek(to),
        }
    }
}

/// A recording: made with the first command, so that whatever is wrong before leaves no file.
struct Recording {
    path: PathBuf,
    header: Header,
    to: Option<Recorder<BufWriter<Tape>>>,
    trouble: Option<io::Error>,
}

impl Recording {
    fn recorder(&mut self) -> io::Result<&mut Recorder<BufWriter<Tape>>> {
        let recorder = match self.to.take() {
            Some(recorder) => recorder,
            None => Recorder::new(BufWriter::new(Tape::make(&self.path)?), &self.header)?,
        };
        Ok(self.to.insert(recorder))
    }

    /// After trouble it is not whole, and nothing more is written.
    fn go_on(&mut self, what: impl FnOnce(&mut Recorder<BufWriter<Tape>>) -> io::Result<()>) {
        if self.trouble.is_none() {
            self.trouble = self.recorder().and_then(what).err();
        }
    }

    fn finish(mut self, digest: &str) -> io::Result<()> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let header = self.header.clone();
        self.recorder()?.finish(&header, digest)?;
        let Some(recorder) = self.to else { return Ok(()) };
        match recorder.into_inner().into_inner().map_err(|e| e.into_error())? {
            Tape::New(_) => Ok(()),
            Tape::Over(file) => file.take_place_of(&files::followed(&self.path)?),
        }
    }
}

/// Keeps what happens: the ESC in its file each time that a client is gone, the session in a recording.
pub struct Keeper {
    /// Where the ESC is kept.
    pub state: Option<StateFile>,
    /// End with the first client.
    pub once: bool,
    /// Commands carried out.
    pub commands: u64,
    recording: Option<Recording>,
    state_trouble: Option<StateError>,
}

impl Keeper {
    /// One that keeps the ESC only.
    pub const fn new(state: Option<StateFile>) -> Keeper {
        Keeper { state, once: false, commands: 0, recording: None, state_trouble: None }
    }

    /// Records into `path` from now on.
    ///
    /// # Errors
    /// It exists and `force` is not given, or it cannot be made.
    pub fn record(&mut self, path: &Path, force: bool, header: &Header) -> anyhow::Result<()> {
        may_make(path, force)?;
        self.recording = Some(Recording { path: path.to_owned(), header: header.clone(), to: None, trouble: None });
        Ok(())
    }

    /// Everything into its files, at the end.
    ///
    /// # Errors
    /// A file could not be written, now or before.
    pub fn finish(&mut self, probe: &StLink) -> anyhow::Result<()> {
        // The ESC first: a recording that cannot be written is no reason to lose it.
        let kept = match self.state_trouble.take() {
            Some(error) => Err(error),
            None => self.state.as_mut().map_or(Ok(()), |state| state.save(&probe.target.chip)),
        };
        if let Some(recording) = self.recording.take() {
            let path = recording.path.clone();
            let digest = Snapshot::of(&probe.target.chip).digest();
            let result = recording.finish(&digest);
            kept?;
            return result.with_context(|| format!("{} is not whole", path.display()));
        }
        Ok(kept?)
    }
}

impl Watch for Keeper {
    fn exchange(&mut self, exchange: &Exchange) {
        self.commands += 1;
        if let Some(recording) = &mut self.recording {
            recording.go_on(|recorder| recorder.push(exchange));
        }
    }

    fn released(&mut self, probe: &mut StLink) -> ControlFlow<()> {
        if let Some(text) = probe.target.take_broken() {
            tell!("dryflash: the model failed: {text}; this is a bug, please report it");
        }
        if let Some(recording) = &mut self.recording {
            recording.go_on(Recorder::flush);
        }
        self.state_trouble = self.state.as_mut().and_then(|s| s.save(&probe.target.chip).err());
        let stopped = self.recording.as_ref().is_some_and(|r| r.trouble.is_some());
        let ends = self.once || self.state_trouble.is_some() || stopped;
        if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
