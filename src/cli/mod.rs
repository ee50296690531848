//! The command line: one file a verb, arguments in, a library call, a report out.

mod bench;
mod check;
mod choice;
mod completions;
mod diff;
mod doctor;
mod dump;
mod eeprom;
mod ends;
mod explain;
mod forms;
mod fronts;
mod given;
mod glasgow;
mod keeper;
mod machine;
mod man;
mod map;
mod merge;
mod new;
mod outputs;
mod pack;
mod parts;
mod progress;
mod project;
mod recorded;
mod replay;
mod run;
mod schema;
mod script;
mod serve;
mod signals;
mod sources;
mod split;
mod st_flash;
mod stand_in;
mod terminal;
mod unknown;
mod with;

use crate::files;
use crate::report::{self, Detail, Form, Style, columns};
use crate::tell::tell;
use clap::parser::ValueSource;
use clap::{ArgMatches, Parser, Subcommand, ValueEnum};
use forms::Output;
use project::Project;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// As hoped.
pub const OK: u8 = 0;
/// Well-formed input, but the ESC would not do what was asked.
pub const WOULD_NOT: u8 = 1;
/// Wrong usage or unreadable input.
pub const USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "dryflash",
    version,
    about = "A virtual STM32 that people flash before they touch the real one",
    after_help = "Exit codes: 0 as hoped; 1 the ESC would not do what was asked; 2 wrong usage or unreadable input."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// How to print; the verbs' own help says which of these each has.
    #[arg(long, global = true, value_parser = forms::any(), default_value = "text", help_heading = EVERYWHERE)]
    format: &'static Form,
    /// When to colour.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, help_heading = EVERYWHERE)]
    color: Colour,
    /// Print the answer and errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = EVERYWHERE)]
    quiet: bool,
    /// Print all that there is to say.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    verbose: bool,
    /// Look for no dryflash.toml.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    no_project: bool,
}

/// The headings of the verbs' help.
const ESC: &str = "The virtual ESC";
const OUTPUT: &str = "Recordings and reports";
const RUNNING: &str = "What is run, and how long";
/// The heading of options that every verb has.
const EVERYWHERE: &str = "Options of every verb";

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Args),
    Run(run::Args),
    New(new::Args),
    Schema(schema::Args),
    Merge(merge::Args),
    Signals(Box<signals::Args>),
    Serve(serve::Args),
    #[command(name = "st-flash")]
    StFlash(st_flash::Args),
    With(with::Args),
    Replay(replay::Args),
    Map(map::Args),
    Parts(parts::Args),
    Diff(diff::Args),
    Pack(pack::Args),
    Split(split::Args),
    Dump(dump::Args),
    Explain(explain::Args),
    Eeprom(eeprom::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal that knows colours; NO_COLOR, FORCE_COLOR, CLICOLOR and CLICOLOR_FORCE count.
    Auto,
    Always,
    Never,
}

/// What a verb came to: what goes to standard output, and the exit code.
#[derive(Debug)]
pub struct Outcome {
    /// Standard output.
    pub text: String,
    /// The exit code.
    pub code: u8,
}

/// Where the verb stands: the options that every verb has may be before it.
fn verb_at(words: &[OsString]) -> usize {
    let mut at = 1;
    while let Some(word) = words.get(at).and_then(|w| w.to_str()).filter(|w| w.starts_with('-')) {
        at += if word == "--format" || word == "--color" { 2 } else { 1 };
    }
    at
}

/// Whether the verb is `with`, though its options are wrong.
fn is_with(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.collect();
    words.get(verb_at(&words)).is_some_and(|word| word == "with")
}

/// Puts a `--` behind `st-flash`: what follows there is st-flash's own, its `--format` above all.
fn untouched(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let at = verb_at(&words);
    let asks_for_help = |w: &OsString| w == "--help" || w == "-h";
    if words.get(at).is_some_and(|w| w == "st-flash") && !words.get(at + 1).is_some_and(asks_for_help) {
        words.insert(at + 1, "--".into());
    }
    if words.get(at).is_some_and(|w| w == "serve") {
        join_places(&mut words, at + 1);
    }
    words
}

/// `--gdb 127.0.0.1:0` is `--gdb=127.0.0.1:0`: its value may be left out, and a file may follow.
fn join_places(words: &mut Vec<OsString>, from: usize) {
    let mut at = from;
    while at + 1 < words.len() {
        let place = words[at + 1].to_str().is_some_and(|w| fronts::endpoint(w).is_ok() && !Path::new(w).exists());
        if place && ["--gdb", "--usbip", "--glasgow"].iter().any(|option| words[at] == *option) {
            let value = words.remove(at + 1);
            words[at].push("=");
            words[at].push(value);
        }
        at += 1;
    }
}

/// Whether a value comes from the environment.
fn by_environment(matches: &ArgMatches, argument: &str) -> bool {
    matches.subcommand().is_some_and(|(_, verb)| {
        matches!(verb.try_contains_id(argument), Ok(true))
            && verb.value_source(argument) == Some(ValueSource::EnvVariable)
    })
}

/// Fills in what the environment and the project say: the command line wins over the environment, and that over
/// `dryflash.toml`.
fn settle(cli: &mut Cli, matches: &ArgMatches) -> anyhow::Result<()> {
    let variable = by_environment(matches, "part");
    match &mut cli.verb {
        Verb::Check(args) => args.part_from(variable.then(|| PART_VARIABLE.to_owned())),
        Verb::Signals(args) => args.part_from(variable.then(|| PART_VARIABLE.to_owned())),
        Verb::Map(args) => {
            args.by_default(variable.then(|| PART_VARIABLE.to_owned()), by_environment(matches, "state"));
        }
        Verb::Pack(args) => args.part_from(variable.then(|| PART_VARIABLE.to_owned())),
        Verb::Split(args) => args.part.by_default = variable,
        Verb::Diff(args) => args.part.by_default = variable,
        Verb::Serve(args) => args.esc_mut().part_by_default = variable,
        Verb::With(args) => args.esc_mut().part_by_default = variable,
        Verb::Replay(args) => args.esc.part_by_default = variable,
        _ => {}
    }
    let uses = matches!(
        cli.verb,
        Verb::Check(_)
            | Verb::Signals(_)
            | Verb::Map(_)
            | Verb::Serve(_)
            | Verb::With(_)
            | Verb::Replay(_)
            | Verb::StFlash(_)
            | Verb::Run(_)
    );
    if !uses || cli.no_project {
        return Ok(());
    }
    let Some(project) = Project::find()? else { return Ok(()) };
    let taken = match &mut cli.verb {
        Verb::Check(args) => args.join(&project),
        Verb::Signals(args) => args.join(&project),
        Verb::Map(args) => args.join(&project),
        Verb::Serve(args) => args.esc_mut().join(&project, true),
        Verb::With(args) => args.esc_mut().join(&project, true),
        // A recording has an ESC of its own.
        Verb::Replay(args) => args.esc.join(&project, false),
        Verb::StFlash(args) => args.join(&project),
        Verb::Run(args) => args.join(&project),
        _ => Vec::new(),
    };
    project.tell(&taken);
    Ok(())
}

/// The variable that names a part.
pub const PART_VARIABLE: &str = "DRYFLASH_PART";
/// The variable that names a state file.
pub const STATE_VARIABLE: &str = "DRYFLASH_STATE";

/// Parses the process's arguments, runs the verb, prints, and returns the exit code.
pub fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        tell!("dryflash: this is a bug; please report it with the command line and the files");
    }));
    let (mut cli, matches) = match forms::parse(untouched(std::env::args_os())) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are no errors; clap prints each where it belongs.
            let code = match error.use_stderr() {
                // Whoever runs a client through it tells its code from the client's.
                true if is_with(std::env::args_os()) => with::TROUBLE,
                true => USAGE,
                false => OK,
            };
            let _ = if error.use_stderr() { forms::print_error(&error) } else { forms::print_help(&error) };
            if let Some(hint) = unknown::pointer(&error) {
                tell!("\n  {hint}");
            }
            return ExitCode::from(code);
        }
    };
    if cli.quiet {
        terminal::be_quiet();
    }
    // Where the system does not let one, they end the process as ever.
    let _ = ends::catch();
    if let Err(error) = settle(&mut cli, &matches) {
        tell!("dryflash: {}", format_args!("{error:#}"));
        // 125 is what `with` says of trouble of its own.
        return ExitCode::from(if matches!(cli.verb, Verb::With(_)) { with::TROUBLE } else { USAGE });
    }
    let environment = &terminal::environment;
    let colour = match cli.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => terminal::colour(std::io::stdout().is_terminal(), environment),
    };
    let detail = match (cli.quiet, cli.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Usual,
    };
    let narrow = terminal::columns(terminal::own_columns(), environment);
    let style =
        Style { colour, width: narrow.unwrap_or(columns::WIDEST), detail, unicode: terminal::draws(environment) };
    let output = Output { form: cli.format, style };
    // What people read is made to fit; what programs read, or people copy, stays as it is.
    let prose = *cli.format == report::text::FORM
        && !matches!(cli.verb, Verb::New(_) | Verb::Schema(_) | Verb::Completions(_) | Verb::StFlash(_));
    let after_a_client = matches!(cli.verb, Verb::With(_));
    let outcome = match cli.verb {
        Verb::Run(args) => run::run(&args, output),
        Verb::New(args) => new::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Merge(args) => merge::run(&args, output),
        Verb::Check(args) => check::run(args, output),
        Verb::Signals(args) => signals::run(*args, output),
        Verb::Serve(args) => serve::run(&args),
        Verb::StFlash(args) => st_flash::run(&args),
        Verb::Replay(args) => replay::run(&args, output),
        Verb::With(args) => with::run(&args, output),
        Verb::Map(args) => map::run(&args, output),
        Verb::Parts(args) => parts::run(&args, output),
        Verb::Diff(args) => diff::run(&args, output),
        Verb::Pack(args) => pack::run(&args, output),
        Verb::Split(args) => split::run(&args, output),
        Verb::Dump(args) => dump::run(&args, output),
        Verb::Explain(args) => explain::run(&args, output),
        Verb::Eeprom(args) => eeprom::run(&args, output),
        Verb::Doctor(args) => doctor::run(&args, output),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    };
    match outcome {
        Ok(mut outcome) => {
            if let Some(width) = narrow.filter(|_| prose) {
                outcome.text = columns::fit(&outcome.text, width);
            }
            if after_a_client && !outcome.text.is_empty() {
                outcome.text.insert_str(0, &terminal::fresh_line());
            }
            let mut out = std::io::stdout().lock();
            // A reader that has seen enough (head, less) is no error.
            let written = out.write_all(outcome.text.as_bytes()).and_then(|()| out.flush());
            match written {
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    tell!("dryflash: cannot write the report: {}", files::why(&e));
                    ExitCode::from(if after_a_client { with::TROUBLE } else { USAGE })
                }
                _ => ExitCode::from(outcome.code),
            }
        }
        Err(error) => {
            tell!("dryflash: {}", format_args!("{error:#}"));
            ExitCode::from(USAGE)
        }
    }
}
