//! The command line: one file a verb, arguments in, a library call, a report out.

mod bench;
mod check;
mod explain;
mod fronts;
mod machine;
mod merge;
mod new;
mod parts;
mod progress;
mod replay;
mod run;
mod schema;
mod script;
mod serve;
mod st_flash;
mod stand_in;
mod with;

use crate::report::Style;
use clap::{Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
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
    /// How to print; junit, sarif and github are for run and merge.
    #[arg(long, global = true, value_enum, default_value_t = AnyFormat::Text)]
    format: AnyFormat,
    /// When to colour.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Args),
    Run(run::Args),
    New(new::Args),
    Schema(schema::Args),
    Merge(merge::Args),
    Serve(serve::Args),
    #[command(name = "st-flash")]
    StFlash(st_flash::Args),
    With(with::Args),
    Replay(replay::Args),
    Parts(parts::Args),
    Explain(explain::Args),
}

/// Output forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; the format is documented and versioned.
    Json,
}

/// Output forms, with those that only a run of scenarios has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AnyFormat {
    /// For people.
    Text,
    /// For programs; the format is documented and versioned.
    Json,
    /// JUnit's XML.
    Junit,
    /// SARIF 2.1.0.
    Sarif,
    /// Annotations for GitHub's workflows, and a step summary in Markdown.
    Github,
}

impl AnyFormat {
    /// The form, for verbs that have no more than these.
    const fn plain(self) -> Option<Format> {
        match self {
            AnyFormat::Text => Some(Format::Text),
            AnyFormat::Json => Some(Format::Json),
            AnyFormat::Junit | AnyFormat::Sarif | AnyFormat::Github => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless NO_COLOR is set.
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

/// How a verb is to print.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// Colour.
    pub style: Style,
}

/// Puts a `--` behind `st-flash`: what follows there is st-flash's own, its `--format` above all.
fn untouched(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let mut at = 1;
    // The options that every verb has may stand before it.
    while let Some(word) = words.get(at).and_then(|w| w.to_str()).filter(|w| w.starts_with("--")) {
        at += if word == "--format" || word == "--color" { 2 } else { 1 };
    }
    let asks_for_help = |w: &OsString| w == "--help" || w == "-h";
    if words.get(at).is_some_and(|w| w == "st-flash") && !words.get(at + 1).is_some_and(asks_for_help) {
        words.insert(at + 1, "--".into());
    }
    words
}

/// Parses the process's arguments, runs the verb, prints, and returns the exit code.
pub fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        eprintln!("dryflash: this is a bug; please report it with the command line and the files");
    }));
    let cli = match Cli::try_parse_from(untouched(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap prints each where it belongs.
            let code = if error.use_stderr() { USAGE } else { OK };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let colour = match cli.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let style = Style { colour };
    let Some(format) = cli.format.plain().or(matches!(cli.verb, Verb::Run(_) | Verb::Merge(_)).then_some(Format::Text))
    else {
        eprintln!("dryflash: --format junit, sarif and github are for `run` and `merge`");
        return ExitCode::from(USAGE);
    };
    let output = Output { format, style };
    let outcome = match cli.verb {
        Verb::Run(args) => run::run(&args, cli.format, style),
        Verb::New(args) => new::run(&args),
        Verb::Schema(args) => schema::run(&args),
        Verb::Merge(args) => merge::run(&args, cli.format, style),
        Verb::Check(args) => check::run(args, output),
        Verb::Serve(args) => serve::run(&args),
        Verb::StFlash(args) => st_flash::run(&args),
        Verb::Replay(args) => replay::run(&args, output),
        Verb::With(args) => with::run(&args, output),
        Verb::Parts(args) => parts::run(&args, output),
        Verb::Explain(args) => explain::run(&args, output),
    };
    match outcome {
        Ok(outcome) => {
            let mut out = std::io::stdout().lock();
            // A reader that has seen enough (head, less) is no error.
            let written = out.write_all(outcome.text.as_bytes()).and_then(|()| out.flush());
            match written {
                Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
                    eprintln!("dryflash: cannot write the report: {e}");
                    ExitCode::from(USAGE)
                }
                _ => ExitCode::from(outcome.code),
            }
        }
        Err(error) => {
            eprintln!("dryflash: {error:#}");
            ExitCode::from(USAGE)
        }
    }
}
