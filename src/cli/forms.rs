//! Which forms of output each verb has: only those are offered, and each of them works. Reports into files.

use super::{AnyFormat, Cli, PART_VARIABLE, terminal};
use crate::files::{self, FileError};
use crate::report::columns;
use anyhow::{Context, bail};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, ValueEnum};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The forms of a verb.
const fn offered(verb: &str) -> &'static [AnyFormat] {
    use AnyFormat::{Github, Json, Junit, Sarif, Text};
    match verb.as_bytes() {
        b"run" | b"merge" => &[Text, Json, Junit, Sarif, Github],
        b"check" => &[Text, Json, Sarif, Github],
        b"new" | b"schema" | b"serve" | b"st-flash" | b"completions" | b"man" => &[Text],
        _ => &[Text, Json],
    }
}

/// Takes some of the forms.
#[derive(Clone)]
struct Forms(&'static [AnyFormat]);

impl TypedValueParser for Forms {
    type Value = AnyFormat;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<AnyFormat, clap::Error> {
        let names = self.0.iter().filter_map(ValueEnum::to_possible_value);
        let text = clap::builder::PossibleValuesParser::new(names).parse_ref(command, arg, value)?;
        AnyFormat::from_str(&text, true).map_err(|e| clap::Error::raw(clap::error::ErrorKind::InvalidValue, e))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().filter_map(ValueEnum::to_possible_value)))
    }
}

/// The command line, with the forms of each verb. A variable of the environment that is empty counts as absent.
pub fn command() -> Command {
    let empty =
        |arg: &Arg| arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
    let absent = |arg: Arg| if empty(&arg) { arg.env(None::<&str>) } else { arg };
    let command = Cli::command();
    let verbs: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    verbs.iter().fold(command, |command, verb| {
        let forms = offered(verb);
        let arg = Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(Forms(forms))
            .default_value("text")
            .hide(forms.len() == 1)
            .help_heading(super::EVERYWHERE)
            .help("How to print");
        let report = |a: Arg| if a.get_id() == "report" { a.help(report_help(forms)) } else { a };
        let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
        let help = help.help("Print help; -h is short, --help tells more").help_heading(super::EVERYWHERE);
        command.mut_subcommand(verb, |c| c.mut_args(absent).mut_args(report).arg(arg).disable_help_flag(true).arg(help))
    })
}

/// Prints help or the version, with no line wider than the terminal: clap wraps all but the usage.
///
/// # Errors
/// It cannot be written.
pub fn print_help(error: &clap::Error) -> std::io::Result<()> {
    let width = terminal::columns(terminal::own_columns(), &terminal::environment).unwrap_or(columns::WIDEST);
    let text = columns::fit(&error.render().ansi().to_string(), width);
    anstream::stdout().write_all(text.as_bytes())
}

/// Reads the words of a command line.
///
/// # Errors
/// What clap says of them; a form that the verb does not have.
pub fn parse(words: Vec<OsString>) -> Result<(Cli, ArgMatches), clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(words).map_err(|error| {
        let variable = std::env::var_os(PART_VARIABLE).filter(|v| v.to_str().is_none());
        match variable.filter(|_| error.kind() == ErrorKind::InvalidUtf8) {
            None => error,
            Some(value) => {
                let text = format!(
                    "{PART_VARIABLE} is {value:?}, which is no text and no part; set it to one that `dryflash parts` lists, \
                     or unset it"
                );
                self::command().error(ErrorKind::InvalidValue, text)
            }
        }
    })?;
    let cli = Cli::from_arg_matches(&matches)?;
    let verb = matches.subcommand_name().unwrap_or_default();
    refuse(verb, cli.format).map_err(|text| command.error(ErrorKind::InvalidValue, text))?;
    Ok((cli, matches))
}

/// Tells which forms a report can have.
fn report_help(forms: &[AnyFormat]) -> String {
    let names: Vec<String> = forms.iter().map(|f| name(*f)).collect();
    let (last, others) = names.split_last().map_or(("text", &[][..]), |(last, others)| (last.as_str(), others));
    let names = if others.is_empty() { last.to_owned() } else { format!("{} or {last}", others.join(", ")) };
    format!(
        "Write a report into a file as well, such as json=report.json; may be repeated. FORMAT is {names}. A report that is \
         there is replaced, any other file is not"
    )
}

fn name(format: AnyFormat) -> String {
    format.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
}

/// A form that stood before the verb was not held against it yet.
fn refuse(verb: &str, format: AnyFormat) -> Result<(), String> {
    let forms = offered(verb);
    if forms.contains(&format) {
        return Ok(());
    }
    let names: Vec<String> = forms.iter().map(|f| name(*f)).collect();
    Err(format!("`{verb}` has no form {}: it has {}", name(format), names.join(", ")))
}

/// Reports that go into files.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = super::OUTPUT)]
pub struct Reports {
    /// Write a report into a file as well.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report, action = ArgAction::Append)]
    report: Vec<(AnyFormat, PathBuf)>,
}

fn report(text: &str) -> Result<(AnyFormat, PathBuf), String> {
    let (format, file) =
        text.split_once('=').ok_or_else(|| format!("'{text}' is not FORMAT=FILE, such as json=report.json"))?;
    if file.is_empty() {
        return Err("the file has no name".to_owned());
    }
    if file == "-" {
        return Err("a report goes into a file; --format chooses what is printed".to_owned());
    }
    let form = AnyFormat::from_str(format, true).map_err(|_| {
        let names: Vec<String> = AnyFormat::value_variants().iter().map(|f| name(*f)).collect();
        format!("there is no form '{format}', but {}", names.join(", "))
    })?;
    Ok((form, file.into()))
}

impl Reports {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.report.is_empty()
    }

    /// Refuses what could not be written in the end, before anything runs.
    ///
    /// # Errors
    /// A form that the verb does not have, a file that is there and is no report, or is to be written for something else,
    /// or one that cannot be written.
    pub fn look<'a>(&self, verb: &str, others: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
        let mut taken: Vec<&Path> = others.into_iter().map(PathBuf::as_path).collect();
        for (format, file) in &self.report {
            refuse(verb, *format).map_err(anyhow::Error::msg)?;
            let plain = std::fs::metadata(file).map_or(true, |m| m.is_file());
            if plain && taken.iter().any(|other| files::same(file, other)) {
                bail!(
                    "--report {}={}: something else is written there; give another name",
                    name(*format),
                    file.display()
                );
            }
            taken.push(file);
            if !is_replaceable(file)? {
                bail!("{} is there, and is no report of dryflash: it is not replaced", file.display());
            }
            if plain {
                may_be_made(file)?;
            }
        }
        Ok(())
    }

    /// Writes each, made by `make`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, mut make: impl FnMut(AnyFormat) -> anyhow::Result<String>) -> anyhow::Result<()> {
        for (format, file) in &self.report {
            let text = make(*format)?;
            put(file, &text).map_err(|e| FileError::new(file, e)).context("a report is not written")?;
        }
        Ok(())
    }
}

/// Nothing, an empty file, or what looks like a report.
fn is_replaceable(file: &Path) -> anyhow::Result<bool> {
    use std::io::Read;
    match std::fs::metadata(file) {
        Err(_) => return Ok(true),
        // /dev/stderr, a pipe.
        Ok(meta) if !meta.is_file() => return Ok(!meta.is_dir()),
        Ok(_) => {}
    }
    let mut head = Vec::new();
    let opened = std::fs::File::open(file).and_then(|f| f.take(600).read_to_end(&mut head));
    opened.with_context(|| format!("{} cannot be looked at", file.display()))?;
    let head = String::from_utf8_lossy(&head);
    let marks = ["name=\"dryflash\"", "\"format\": \"dryflash-", "sarif-2.1.0", "::error ", "::warning ", "::notice "];
    let last = |text: &str| text.lines().any(|l| l.contains(" cases: ") || l.contains(" case: "));
    Ok(head.is_empty() || marks.iter().any(|mark| head.contains(mark)) || last(&head))
}

/// Whether a file can be made, before there is anything to write.
fn may_be_made(file: &Path) -> anyhow::Result<()> {
    let folder = files::folder(file);
    if !folder.is_dir() {
        bail!("the report {}: there is no folder {}; make it first", file.display(), folder.display());
    }
    Ok(files::beside(file).map(drop).map_err(|e| FileError::new(file, e))?)
}

/// By rename, so that a cut-off report is none; what is no plain file is written as it is.
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    if file.exists() && !file.is_file() {
        return std::fs::OpenOptions::new().write(true).open(file)?.write_all(text.as_bytes());
    }
    files::replace(file, text.as_bytes())
}
