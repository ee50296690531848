//! What is kept of a session at a virtual ESC: the ESC in its state file, what clients said in a recording.

use super::outputs::may_make;
use crate::esc::changes::Snapshot;
use crate::esc::{StateError, StateFile};
use crate::files;
use crate::probe::StLink;
use crate::probe::operation::Done;
use crate::probe::owner::Watch;
use crate::probe::recording::{Exchange, Header, Recorder};
use crate::tell::tell;
use anyhow::Context;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

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
    /// The last operation, while the next may be more of the same.
    last: Option<Done>,
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
            let last = self.last.take();
            let before = |to: &mut Recorder<_>| last.map_or(Ok(()), |done| to.push_operation(&done));
            self.trouble = self.recorder().and_then(|to| before(to).and_then(|()| what(to))).err();
        }
    }

    fn operation(&mut self, done: &Done) {
        if !self.last.as_mut().is_some_and(|last| last.join(done)) {
            // Nobody says when such a session ends: what was done is in the file at once.
            self.go_on(Recorder::flush);
            self.last = Some(done.clone());
        }
    }

    fn finish(mut self, digest: &str) -> io::Result<()> {
        self.go_on(|_| Ok(()));
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
        self.recording =
            Some(Recording { path: path.to_owned(), header: header.clone(), to: None, trouble: None, last: None });
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

    fn operation(&mut self, done: &Done) {
        self.commands += 1;
        if let Some(recording) = &mut self.recording {
            recording.operation(done);
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
