//! `dryflash st-flash`: st-flash's own command lines, on a virtual chip.

use super::bench::{Esc, refused};
use super::choice;
use super::given::load;
use super::keeper::Keeper;
use super::machine::{ENGINES, Machine, WITHOUT_PG};
use super::outputs::apart;
use super::project::Project;
use super::{OK, Outcome, PART_VARIABLE, STATE_VARIABLE, USAGE};
use crate::am32::{self, Request};
use crate::probe::owner;
use crate::probe::recording::{Exchange, hex};
use crate::probe::st_flash::{self, Arguments, FAILED, Host, Note, Parsed, Version, Watch, arguments};
use crate::tell::tell;
use crate::wire::{Named, Spec};
use anyhow::{Context, anyhow, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "dryflash st-flash [--part P] [--state FILE] [--as VERSION] [--record FILE] [--signal SIGNAL] [--seed N] [--engine E] [--v3] [--force] [ST-FLASH-OPTIONS] {write|read|erase|reset} [ARGS]...",
    after_help = "Examples:
  dryflash st-flash --part F051 --state esc.json --format=binary write PB4_BOOTLOADER_V6.bin 0x08000000
  dryflash st-flash --state esc.json --format=ihex write AM32_NEOESC_F051_2.20.hex
  dryflash st-flash --state esc.json read dump.bin 0x08000000 32k
  dryflash st-flash --as 1.8 --state esc.json erase 0x08007c00 1k
  DRYFLASH_PART=G071 DRYFLASH_STATE=esc.json dryflash st-flash --area=option write 0xFFFFFEAA"
)]
pub struct Args {
    /// st-flash's options, command and arguments.
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
    /// What the project says.
    #[arg(skip)]
    project_part: Option<String>,
    #[arg(skip)]
    project_state: Option<PathBuf>,
    #[arg(skip)]
    signals: Named,
}

impl Args {
    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        let Ok((own, _)) = split(&spelled(&self.words)) else { return Vec::new() };
        let variable = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let mut taken = Vec::new();
        if own.part.is_none() && !variable(PART_VARIABLE) {
            taken.extend(project.part.as_ref().map(|part| format!("part {part}")));
            self.project_part.clone_from(&project.part);
        }
        if own.state.is_none() && !variable(STATE_VARIABLE) {
            taken.extend(project.state.as_ref().map(|state| format!("state {}", state.display())));
            self.project_state.clone_from(&project.state);
        }
        taken
    }
}

/// The words as they are printed.
fn spelled(words: &[OsString]) -> Vec<String> {
    words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// dryflash's own options.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    part: Option<String>,
    state: Option<PathBuf>,
    record: Option<PathBuf>,
    seed: Option<u64>,
    signal: Option<Spec>,
    v3: bool,
    force: bool,
    version: Version,
    machine: Machine,
}

/// Sorts dryflash's own options out. They stand where st-flash's do: before the command word.
fn split(words: &[String]) -> anyhow::Result<(Own, Vec<String>)> {
    let mut own = Own::default();
    let mut rest = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" && rest.is_empty() {
            continue;
        }
        if !word.starts_with('-') {
            rest.push(word.clone());
            rest.extend(words.cloned());
            break;
        }
        let (name, joined) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut value =
            || joined.clone().or_else(|| words.next().cloned()).with_context(|| format!("{name} wants a value"));
        match name {
            "--part" => own.part = Some(value()?),
            "--state" => own.state = Some(PathBuf::from(value()?)),
            "--as" => own.version = Version::named(&value()?).map_err(anyhow::Error::msg).context("--as")?,
            "--record" => own.record = Some(PathBuf::from(value()?)),
            "--seed" => own.seed = Some(value()?.parse().context("--seed wants a number")?),
            "--signal" => own.signal = Some(value()?.parse().context("--signal")?),
            "--engine" => own.machine.engine = one_of(&ENGINES, name, &value()?)?,
            "--f0-store-without-pg" => own.machine.f0_store_without_pg = one_of(&WITHOUT_PG, name, &value()?)?,
            "--v3" if joined.is_none() => own.v3 = true,
            "--force" if joined.is_none() => own.force = true,
            _ => {
                rest.push(word.clone());
                // Its value is st-flash's as well.
                if arguments::takes_value(word) {
                    rest.extend(words.next().cloned());
                }
            }
        }
    }
    Ok((own, rest))
}

/// A value of an option that takes one of a few.
fn one_of<T: Copy>(choices: &[choice::Choice<T>], name: &str, value: &str) -> anyhow::Result<T> {
    choice::find(choices, value).map_err(|text| anyhow!("{name}: {text}"))
}

/// Runs the verb.
///
/// # Errors
/// Trouble of dryflash's own; what st-flash fails at is told, and in the exit code.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    // Only a file's name need not be UTF-8; what is printed stands for it in the line.
    let mut names = Vec::new();
    let mut words = Vec::new();
    for word in &args.words {
        let text = word.to_string_lossy().into_owned();
        if word.to_str().is_none() {
            names.push((text.clone(), PathBuf::from(word)));
        }
        words.push(text);
    }
    let (mut own, words) = split(&words)?;
    for path in own.state.iter_mut().chain(&mut own.record) {
        if let Some((_, named)) = names.iter().find(|(text, _)| Path::new(text) == path) {
            path.clone_from(named);
        }
    }
    let named =
        |file: &str| names.iter().find(|(text, _)| text == file).map_or(Path::new(file), |(_, path)| path).to_owned();
    let arguments = match arguments::parse_as(&words, own.version) {
        Ok(Parsed::Run(arguments)) => arguments,
        Ok(Parsed::Version) => return Ok(Outcome { text: format!("v{}\n", own.version.number()), code: OK }),
        Err(error) => {
            tell!("dryflash: {error}; `dryflash st-flash --help` has examples");
            return Ok(Outcome { text: String::new(), code: FAILED });
        }
    };
    let (esc, note) = own.esc(&arguments, args, &named)?;
    if let Some(note) = note {
        tell!("dryflash: note: {note}");
    }
    let used = match &arguments.command {
        arguments::Command::Write { file, .. } => Some(named(file)),
        _ => None,
    };
    if let Some(record) = &own.record {
        apart("--record", record, used.iter().chain(&esc.state))?;
    }
    let mut bench = esc.prepare(Vec::new()).or_else(|error| {
        refused(error)?;
        bail!("the virtual ESC could not be set up")
    })?;
    if bench.state.is_none() {
        tell!(
            "dryflash: note: this is a blank {}, forgotten afterwards; --state FILE (or DRYFLASH_STATE) keeps one between \
             commands",
            bench.part.nick()
        );
    }
    let mut keeper = Keeper::new(bench.state.take());
    if let Some(path) = &own.record {
        let client = format!("dryflash st-flash {}", words.join(" "));
        keeper.record(path, own.force, &bench.header(Some(client)))?;
    }
    let kept = esc.state.iter().chain(&own.record).cloned().collect();
    let host = Host { force: own.force, kept, names, ..Host::default() };
    let mut watch = Teller { keeper, debug: arguments.debug, text: String::new() };
    let result = st_flash::run(&mut bench.probe, &arguments, &host, &mut watch);
    if let Some(text) = bench.probe.target.take_broken() {
        tell!("dryflash: the model failed: {text}; this is a bug, please report it");
    }
    let Teller { mut keeper, mut text, .. } = watch;
    let code = match result {
        Ok(outcome) => {
            text.extend(outcome.printed.map(|word| format!("{word:08x}\n")));
            OK
        }
        Err(error) => {
            tell!("dryflash: {error}");
            error.exit_code()
        }
    };
    for choice in &bench.probe.target.chip.board.log.choices {
        tell!("dryflash: note: rests on choice {}: {}; silicon is not known to do the same", choice.rule, choice.text);
    }
    // What was done stays done, whatever came of the rest.
    keeper.finish(&bench.probe)?;
    Ok(Outcome { text, code })
}

impl Own {
    /// The ESC that is meant: by options, by variables, by the project, by the state, by the file to be written; and, of
    /// the last, what told the part.
    fn esc(
        &self,
        arguments: &Arguments,
        args: &Args,
        path: &dyn Fn(&str) -> PathBuf,
    ) -> anyhow::Result<(Esc, Option<String>)> {
        let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty());
        let state = self.state.clone().or_else(|| variable(STATE_VARIABLE).map(PathBuf::from));
        let state = state.or_else(|| args.project_state.clone());
        let named = match variable(PART_VARIABLE).map(OsString::into_string).transpose() {
            Ok(named) => named.or_else(|| args.project_part.clone()),
            Err(_) => bail!("DRYFLASH_PART is no name of a part; `dryflash parts` lists them"),
        };
        let mut note = None;
        let part = match self.part.clone().or_else(|| named.clone()) {
            Some(name) => Some(name),
            // A new state holds no part yet.
            None if state.as_ref().is_some_and(|path| path.exists()) => None,
            None => {
                let found = from_file(arguments, path)?;
                note = Some(found.note);
                Some(found.part)
            }
        };
        let part_by_default = self.part.is_none() && named.is_some();
        let esc = Esc {
            part,
            part_by_default,
            state,
            v3: self.v3,
            signal: self.signal.clone(),
            signals: args.signals.clone(),
            seed: self.seed,
            copy: false,
            machine: self.machine,
        };
        Ok((esc, note))
    }
}

/// A part that a file tells.
pub(super) struct Found {
    /// Its name.
    pub part: String,
    /// What told it, for people.
    pub note: String,
}

/// The part by the file that is to be written, where it is clear.
pub(super) fn from_file(arguments: &Arguments, path: &dyn Fn(&str) -> PathBuf) -> anyhow::Result<Found> {
    const SAY: &str = "say which part it is: --part F051, or DRYFLASH_PART=F051";
    let arguments::Command::Write { file, address } = &arguments.command else { bail!("{SAY}") };
    let at = address.map_or_else(String::new, |a| format!("@0x{a:08x}"));
    let mut whole = path(file).into_os_string();
    whole.push(at);
    let given = load(whole, None).context(SAY)?;
    let plan = am32::plan(vec![given], &Request { has_state: true, ..Request::default() })?;
    match plan.candidates.as_slice() {
        [part] => {
            let note = format!("{} ({}), {}", part.name, part.nick(), plan.part_evidence);
            Ok(Found { part: part.name.clone(), note })
        }
        [] => bail!("{file} is for an MCU that is not modelled ({}); {SAY}", plan.part_evidence),
        parts => {
            let names: Vec<&str> = parts.iter().map(|p| p.nick()).collect();
            bail!("{file} fits {}; {SAY}", names.join(", "))
        }
    }
}

/// Tells what goes on, and has it kept.
struct Teller {
    keeper: Keeper,
    debug: bool,
    text: String,
}

impl Watch for Teller {
    fn exchange(&mut self, exchange: &Exchange) {
        if self.debug {
            let part = |name: &str, bytes: &[u8]| match bytes {
                [] => String::new(),
                bytes => format!(" {name} {}", hex(bytes)),
            };
            tell!(
                "dryflash: {} us: {}{}{}",
                exchange.at,
                hex(&exchange.command),
                part("out", &exchange.data),
                part("in", &exchange.reply)
            );
        }
        owner::Watch::exchange(&mut self.keeper, exchange);
    }

    fn said(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn note(&mut self, note: &Note) {
        tell!("dryflash: note: {note}");
    }
}

const _: () = assert!(USAGE != FAILED, "scripts tell the two apart");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_options_are_told_from_st_flashes() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (own, rest) = split(&words(
            "--part F051 --as 1.8 --format binary --state=a.json --serial --part --force --v3 write --part x",
        ))
        .unwrap();
        let expected = Own {
            part: Some("F051".to_owned()),
            state: Some("a.json".into()),
            force: true,
            v3: true,
            version: Version::V1_8,
            ..Own::default()
        };
        assert_eq!(own, expected);
        assert_eq!(rest, words("--format binary --serial --part write --part x"));
        assert!(split(&words("--seed x erase")).is_err());
        assert!(split(&words("--state")).is_err());
        assert!(split(&words("--as 1.6 erase")).is_err());
    }
}
