//! `dryflash st-flash`: st-flash's own command lines, on a virtual chip.

use super::check::load;
use super::{OK, Outcome, USAGE};
use crate::am32::{self, Wish};
use crate::chip::Chip;
use crate::esc::{StateFile, Wire};
use crate::part::{self, Part};
use crate::periph::signal::Signal;
use crate::probe::recording::{Exchange, Header, Recorder, hex};
use crate::probe::st_flash::{self, Arguments, FAILED, Host, Note, Parsed, Watch, arguments};
use crate::probe::{Model, StLink};
use anyhow::{Context, bail};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Carry out a command line of st-flash 1.7 on a virtual chip
///
/// Takes st-flash's own arguments and sends the ST-LINK commands that st-flash 1.7.0 sends. What is dryflash's own
/// stands before st-flash's command word: --part P, --state FILE, --record FILE, --seed N, --v3, --force. Where --part
/// and --state are missing, DRYFLASH_PART and DRYFLASH_STATE are taken.
///
/// Without --state the chip is a blank one, and forgotten afterwards. `read` replaces a file that exists only with
/// --force. The exit code is st-flash's, 255, where st-flash fails, and 2 for dryflash's own trouble.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "dryflash st-flash [--part P] [--state FILE] [--record FILE] [--seed N] [--v3] [--force] [ST-FLASH-OPTIONS] {write|read|erase|reset} [ARGS]...",
    after_help = "Examples:
  dryflash st-flash --part F051 --state esc.json --format=binary write PB4_BOOTLOADER_V6.bin 0x08000000
  dryflash st-flash --state esc.json --format=ihex write AM32_NEOESC_F051_2.20.hex
  dryflash st-flash --state esc.json read dump.bin 0x08000000 32k
  DRYFLASH_PART=G071 DRYFLASH_STATE=esc.json dryflash st-flash --area=option write 0xFFFFFEAA"
)]
pub struct Args {
    /// st-flash's options, command and arguments.
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// dryflash's own options.
#[derive(Debug, Default, PartialEq, Eq)]
struct Own {
    part: Option<String>,
    state: Option<PathBuf>,
    record: Option<PathBuf>,
    seed: Option<u64>,
    v3: bool,
    force: bool,
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
            "--record" => own.record = Some(PathBuf::from(value()?)),
            "--seed" => own.seed = Some(value()?.parse().context("--seed wants a number")?),
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

/// Runs the verb.
///
/// # Errors
/// Trouble of dryflash's own; what st-flash fails at is told, and in the exit code.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (own, words) = split(&args.words)?;
    let arguments = match arguments::parse(&words) {
        Ok(Parsed::Run(arguments)) => arguments,
        Ok(Parsed::Version) => return Ok(Outcome { text: format!("v{}\n", st_flash::VERSION), code: OK }),
        Err(error) => {
            eprintln!("dryflash: {error}; `dryflash st-flash --help` has examples");
            return Ok(Outcome { text: String::new(), code: FAILED });
        }
    };
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty());
    let state = own.state.or_else(|| variable("DRYFLASH_STATE").map(PathBuf::from));
    let wanted = match own.part {
        Some(name) => Some(name),
        None => {
            variable("DRYFLASH_PART").map(|v| v.into_string()).transpose().ok().context("DRYFLASH_PART is no text")?
        }
    };
    let mut state = state.as_deref().map(StateFile::open).transpose()?;
    let part = match (wanted, state.as_ref().and_then(|s| s.part())) {
        (Some(name), _) => part::find(&name)?,
        (None, Some(held)) => Arc::clone(held),
        (None, None) => from_file(&arguments)?,
    };
    if state.is_none() {
        eprintln!(
            "dryflash: note: this is a blank {}, forgotten afterwards; --state FILE (or DRYFLASH_STATE) keeps one between \
             commands",
            part.nick()
        );
    }
    let seed = own.seed.unwrap_or(1);
    let model = if own.v3 { Model::V3 } else { Model::V2 };
    let mut probe = bench(&part, state.as_ref(), seed, model)?;
    let host = Host { folder: PathBuf::new(), force: own.force };
    let header = Header {
        client: Some(format!("dryflash st-flash {}", words.join(" "))),
        part: Some(part.name.clone()),
        probe: Some(if own.v3 { "v3" } else { "v2" }.to_owned()),
        seed: Some(seed),
        signal: Some("low".to_owned()),
        ..Header::default()
    };
    let recorder = own.record.as_deref().map(|path| record_to(path, own.force, &header)).transpose()?;
    let mut watch = Teller { recorder, debug: arguments.debug, text: String::new(), trouble: None };
    let result = st_flash::run(&mut probe, &arguments, &host, &mut watch);
    if let Some(text) = probe.target.take_broken() {
        eprintln!("dryflash: the model failed: {text}; this is a bug, please report it");
    }
    // What was done stays done, whatever came of the rest.
    if let Some(state) = &mut state {
        state.save(&probe.target.chip)?;
    }
    watch.finish()?;
    let mut text = std::mem::take(&mut watch.text);
    let code = match result {
        Ok(outcome) => {
            if let Some(word) = outcome.printed {
                text.push_str(&format!("{word:08x}\n"));
            }
            OK
        }
        Err(error) => {
            eprintln!("dryflash: {error}");
            error.exit_code()
        }
    };
    Ok(Outcome { text, code })
}

/// The part by the file that is to be written, where it is clear.
fn from_file(arguments: &Arguments) -> anyhow::Result<Arc<Part>> {
    const SAY: &str = "say which part it is: --part F051, or DRYFLASH_PART=F051";
    let arguments::Command::Write { file, address } = &arguments.command else { bail!("{SAY}") };
    let at = address.map_or_else(String::new, |a| format!("@0x{a:08x}"));
    let given = load(&format!("{file}{at}"), None).context(SAY)?;
    let plan = am32::plan(vec![given], &Wish { has_state: true, ..Wish::default() })?;
    match plan.candidates.as_slice() {
        [part] => {
            eprintln!("dryflash: note: {} ({}), {}", part.name, part.nick(), plan.part_evidence);
            Ok(Arc::clone(part))
        }
        [] => bail!("{file} is for an MCU that is not modelled ({}); {SAY}", plan.part_evidence),
        parts => {
            let names: Vec<&str> = parts.iter().map(|p| p.nick()).collect();
            bail!("{file} fits {}; {SAY}", names.join(", "))
        }
    }
}

/// The chip, powered, with its signal wire low and a probe at it.
fn bench(part: &Arc<Part>, state: Option<&StateFile>, seed: u64, model: Model) -> anyhow::Result<StLink> {
    let mut chip = Chip::new(part, seed)?;
    if let Some(state) = state {
        state.install(&mut chip)?;
    }
    // The wire is on one of these; the others are not looked at.
    for pin in am32::Pin::SIGNAL {
        let (port, number) = pin.port_and_number();
        chip.drive(port, number, Signal::steady(Wire::Low.drive()));
    }
    chip.power_on();
    Ok(StLink::new(chip, model))
}

fn record_to(path: &Path, force: bool, header: &Header) -> anyhow::Result<Recorder<BufWriter<File>>> {
    let file = match force {
        true => File::create(path),
        false => File::create_new(path),
    };
    let file = file.with_context(|| format!("{} cannot be written; --force replaces a file", path.display()))?;
    Recorder::new(BufWriter::new(file), header).with_context(|| format!("{} cannot be written", path.display()))
}

/// Tells what goes on, and records it.
struct Teller {
    recorder: Option<Recorder<BufWriter<File>>>,
    debug: bool,
    text: String,
    trouble: Option<std::io::Error>,
}

impl Teller {
    fn finish(&mut self) -> anyhow::Result<()> {
        if self.trouble.is_none() {
            self.trouble = self.recorder.as_mut().and_then(|r| r.flush().err());
        }
        match self.trouble.take() {
            Some(error) => Err(error).context("the recording cannot be written"),
            None => Ok(()),
        }
    }
}

impl Watch for Teller {
    fn exchange(&mut self, exchange: &Exchange) {
        if self.debug {
            let part = |name: &str, bytes: &[u8]| match bytes {
                [] => String::new(),
                bytes => format!(" {name} {}", hex(bytes)),
            };
            eprintln!(
                "dryflash: {} us: {}{}{}",
                exchange.at,
                hex(&exchange.command),
                part("out", &exchange.data),
                part("in", &exchange.reply)
            );
        }
        if self.trouble.is_none() {
            self.trouble = self.recorder.as_mut().and_then(|r| r.push(exchange).err());
        }
    }

    fn said(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn note(&mut self, note: &Note) {
        eprintln!("dryflash: note: {note}");
    }
}

const _: () = assert!(USAGE != FAILED, "scripts tell the two apart");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_options_are_told_from_st_flashes() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (own, rest) =
            split(&words("--part F051 --format binary --state=a.json --serial --part --force --v3 write --part x"))
                .unwrap();
        let expected = Own {
            part: Some("F051".to_owned()),
            state: Some("a.json".into()),
            force: true,
            v3: true,
            ..Own::default()
        };
        assert_eq!(own, expected);
        assert_eq!(rest, words("--format binary --serial --part write --part x"));
        assert!(split(&words("--seed x erase")).is_err());
        assert!(split(&words("--state")).is_err());
    }
}
