//! Which forms of output each verb has: only those are offered, and each of them works. Reports into files.

use super::{Cli, Outcome, PART_VARIABLE, USAGE, terminal};
use crate::files::{self, FileError};
use crate::report::{self, FORMS, Form, Kind, Places, Render, Setting, Style, columns};
use crate::shell;
use crate::tell::tell;
use anyhow::{Context, bail};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Id};
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The forms of a verb.
fn offered(verb: &str) -> Vec<&'static Form> {
    let kind = match verb {
        "run" | "merge" => Kind::Run,
        "check" => Kind::Check,
        "signals" => Kind::Signals,
        "with" | "replay" => Kind::Session,
        // Not reports, but what people copy or follow.
        "new" | "schema" | "serve" | "st-flash" | "completions" | "man" => return vec![&report::text::FORM],
        _ => Kind::Other,
    };
    FORMS.iter().copied().filter(|form| form.of.contains(&kind)).collect()
}

/// Takes some of the forms.
#[derive(Clone)]
pub struct Forms(Vec<&'static Form>);

/// Takes any form.
pub fn any() -> Forms {
    Forms(FORMS.to_vec())
}

impl Forms {
    fn values(&self) -> impl Iterator<Item = PossibleValue> + '_ {
        self.0.iter().map(|form| PossibleValue::new(form.name).help(form.about))
    }
}

impl TypedValueParser for Forms {
    type Value = &'static Form;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, clap::Error> {
        let text = clap::builder::PossibleValuesParser::new(self.values()).parse_ref(command, arg, value)?;
        let unknown = || clap::Error::raw(ErrorKind::InvalidValue, format!("there is no form {text}"));
        named(&text).ok_or_else(unknown)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values()))
    }
}

fn named(name: &str) -> Option<&'static Form> {
    FORMS.iter().copied().find(|form| form.name.eq_ignore_ascii_case(name))
}

/// How a verb is to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The form.
    pub form: &'static Form,
    /// How text is to look.
    pub style: Style,
}

impl Output {
    /// The verb's outcome: its report in the form that was asked for, and with this exit code. Where the form has a step
    /// summary and the environment a file for it, that is written as well.
    ///
    /// # Errors
    /// The summary cannot be written.
    pub fn outcome(self, report: &dyn Render, code: u8) -> anyhow::Result<Outcome> {
        let setting = setting(self.style);
        if let Some(summary) = self.form.summary {
            summarise(&summary(report, &setting)?)?;
        }
        Ok(Outcome { text: (self.form.make)(report, &setting)?, code })
    }
}

impl Output {
    /// As [`Output::outcome`]. What the verb found is printed also where a file that was asked for `besides` is not written:
    /// that is told, and the exit code is that of trouble.
    ///
    /// # Errors
    /// As [`Output::outcome`].
    pub fn outcome_and(self, report: &dyn Render, code: u8, besides: anyhow::Result<()>) -> anyhow::Result<Outcome> {
        let mut outcome = self.outcome(report, code)?;
        if let Err(error) = besides {
            tell!("dryflash: {}", shell::lines(&format!("{error:#}")));
            outcome.code = USAGE;
        }
        Ok(outcome)
    }
}

/// The style, and where a forge knows the repository.
fn setting(style: Style) -> Setting {
    Setting { style, places: || Places::found(std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from)) }
}

/// Appends to the step summary, where GitHub has one.
fn summarise(text: &str) -> anyhow::Result<()> {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|p| !p.is_empty()) else { return Ok(()) };
    let file = std::fs::File::options().create(true).append(true).open(&path);
    let written = file.and_then(|mut f| f.write_all(text.as_bytes()));
    written.map_err(|e| FileError::new(path.as_ref(), e)).context("the step summary cannot be written")
}

/// The command line.
pub fn command() -> Command {
    // As wide as what is printed is made to fit.
    Cli::command().max_term_width(columns::WIDEST)
}

/// A verb with what every verb has, its forms, and what it has below it. A variable of the environment that is empty
/// counts as absent.
pub fn dressed(verb: Command) -> Command {
    let forms = offered(verb.get_name());
    with_forms(verb, &forms)
}

fn with_forms(command: Command, forms: &[&'static Form]) -> Command {
    let command = command.mut_subcommands(|below| with_forms(below, forms));
    // Behind its own, and before what clap hands on to every verb, though that is there already.
    let order = command.get_arguments().filter(|a| !a.is_positional() && !a.is_global_set()).count();
    let format = Arg::new("format")
        .display_order(order)
        .long("format")
        .value_name("FORMAT")
        .value_parser(Forms(forms.to_vec()))
        .default_value("text")
        .hide(forms.len() == 1)
        .help_heading(super::EVERYWHERE)
        .help("How to print");
    let empty =
        |arg: &Arg| arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
    let own = |arg: Arg| {
        let arg = if empty(&arg) { arg.env(None::<&str>) } else { arg };
        if arg.get_id() == "report" { arg.help(report_help(forms)) } else { arg }
    };
    let help = Arg::new("help").display_order(order + 1).short('h').long("help").action(ArgAction::Help);
    let help = help.help("Print help; -h is short, --help tells more").help_heading(super::EVERYWHERE);
    let handed_on: Vec<Id> =
        command.get_arguments().filter(|a| a.is_global_set()).map(|a| a.get_id().clone()).collect();
    let command = command.mut_args(own).disable_help_flag(true);
    let is_there = handed_on.iter().any(|id| id == "format");
    let command = if is_there { command.mut_arg("format", |_| format) } else { command.arg(format) };
    // What is changed goes to the end.
    let others = handed_on.iter().filter(|id| *id != "format");
    others.fold(command.arg(help), |command, id| command.mut_arg(id, |arg| arg))
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

/// Prints what is wrong with a command line; what it quotes of that plays no tricks with the terminal.
///
/// # Errors
/// It cannot be written.
pub fn print_error(error: &clap::Error) -> std::io::Result<()> {
    anstream::stderr().write_all(shell::coloured(&error.render().ansi().to_string()).as_bytes())
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
fn report_help(forms: &[&Form]) -> String {
    let names: Vec<&str> = forms.iter().map(|f| f.name).collect();
    let (last, others) = names.split_last().map_or(("text", &[][..]), |(last, others)| (*last, others));
    let names = if others.is_empty() { last.to_owned() } else { format!("{} or {last}", others.join(", ")) };
    format!(
        "Write a report into a file as well, such as json=report.json; may be repeated. FORMAT is {names}. A report that is \
         there is replaced, any other file is not"
    )
}

/// A form that stood before the verb was not held against it yet.
fn refuse(verb: &str, form: &Form) -> Result<(), String> {
    let forms = offered(verb);
    if forms.contains(&form) {
        return Ok(());
    }
    let names: Vec<&str> = forms.iter().map(|f| f.name).collect();
    Err(format!("`{verb}` has no form {}: it has {}", form.name, names.join(", ")))
}

/// Reports that go into files.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = super::OUTPUT)]
pub struct Reports {
    /// Write a report into a file as well.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report, action = ArgAction::Append)]
    report: Vec<(&'static Form, PathBuf)>,
    /// Write a page to show as well: short for --report html=FILE.
    #[arg(long, value_name = "FILE", value_parser = page)]
    html: Option<PathBuf>,
}

fn page(file: &str) -> Result<PathBuf, String> {
    report(&format!("{}={file}", report::html::FORM.name)).map(|(_, file)| file)
}

fn report(text: &str) -> Result<(&'static Form, PathBuf), String> {
    let (format, file) =
        text.split_once('=').ok_or_else(|| format!("'{text}' is not FORMAT=FILE, such as json=report.json"))?;
    if file.is_empty() {
        return Err("the file has no name".to_owned());
    }
    if file == "-" {
        return Err("a report goes into a file; --format chooses what is printed".to_owned());
    }
    let form = named(format).ok_or_else(|| {
        let names: Vec<&str> = FORMS.iter().map(|f| f.name).collect();
        format!("there is no form '{format}', but {}", names.join(", "))
    })?;
    Ok((form, file.into()))
}

impl Reports {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Each, and where it goes.
    fn all(&self) -> impl Iterator<Item = (&'static Form, &Path)> {
        let page = self.html.iter().map(|file| (&report::html::FORM, file.as_path()));
        self.report.iter().map(|(form, file)| (*form, file.as_path())).chain(page)
    }

    /// Refuses what could not be written in the end, before anything runs.
    ///
    /// # Errors
    /// A form that the verb does not have, a file that is there and is no report, or is to be written for something else,
    /// or one that cannot be written.
    pub fn look<'a>(&self, verb: &str, others: impl IntoIterator<Item = &'a PathBuf>) -> anyhow::Result<()> {
        let mut taken: Vec<&Path> = others.into_iter().map(PathBuf::as_path).collect();
        for (form, file) in self.all() {
            refuse(verb, form).map_err(anyhow::Error::msg)?;
            let plain = std::fs::metadata(file).map_or(true, |m| m.is_file());
            if plain && taken.iter().any(|other| files::same(file, other)) {
                bail!("--report {}={}: something else is written there; give another name", form.name, file.display());
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

    /// Writes each.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, report: &dyn Render, style: Style) -> anyhow::Result<()> {
        for (form, file) in self.all() {
            let text = (form.make)(report, &setting(style))?;
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
    Ok(head.is_empty() || FORMS.iter().any(|form| (form.is_one)(&head)))
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
