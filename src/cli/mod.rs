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
mod late;
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
mod roles;
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
use late::Late;
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

/// Of those that are not asked for, no more is made than the line of the help.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Say what would happen if these files were flashed and powered
    ///
    /// Puts the files into the model of a part the way a programmer would, switches the power on, and runs the shipped
    /// code. Roles (bootloader, app, EEPROM, full image) are found from marks, names, sizes and addresses; an address for
    /// a .bin is given as FILE@ADDR.
    Check(Late<check::Args>),
    /// Run scenarios: steps on a virtual ESC, and what is expected of it
    ///
    /// A scenario is a TOML file; `dryflash new` writes one with comments. Cases run on all cores, and the report is the
    /// same whatever their number.
    Run(Late<run::Args>),
    /// Write a scenario with comments, to begin with
    New(Late<new::Args>),
    /// Print a JSON schema: of scenario files, or of what a verb prints as JSON
    ///
    /// An editor that is told of the scenarios' schema completes keys and shows their meaning: the first line of a scenario
    /// names it, `#:schema scenario.schema.json`. The others say what a program may rely on.
    Schema(Late<schema::Args>),
    /// Join the JSON reports of a run's shares into one
    ///
    /// Every share has to be there. The report is the same as of a run that was not shared out, in any --format.
    Merge(Late<merge::Args>),
    /// Say which signals these files start on, and why not on the others
    ///
    /// Flashes the files as `check` does, then powers the ESC once for each signal of the catalogue, at several phases of its
    /// frames and errors of its sender's clock, up to the jump into the app. A line for each signal: it starts, it stays, or it
    /// starts in some of the cases; with the samples that the bootloader took of its pin.
    Signals(Late<Box<signals::Args>>),
    /// Be a virtual ST-LINK at a virtual ESC: OpenOCD, st-flash and others flash and debug it
    ///
    /// Puts the files into the ESC as `check` does, switches the power on, and serves clients until Ctrl-C: over TCP with
    /// stlink-server's protocol, with --socket through a stand-in for libusb, with --glasgow for probe-rs. With --state, the ESC is written back to
    /// the file each time that a client closes, and at the end.
    Serve(Late<serve::Args>),
    /// Carry out a command line of st-flash on a virtual chip
    ///
    /// Takes st-flash's own arguments and sends the ST-LINK commands that st-flash 1.7.0 sends, or those of 1.8.0
    /// (--as 1.8). What is dryflash's own stands before st-flash's command word: --part P, --state FILE, --as VERSION, --record FILE, --signal SIGNAL, --seed N, --engine E, --v3, --force. Where --part
    /// and --state are missing, DRYFLASH_PART and DRYFLASH_STATE are taken.
    ///
    /// Without --state the chip is a blank one, and forgotten afterwards. `read` replaces a file that exists only with
    /// --force. The exit code is st-flash's, 255, where st-flash fails, and 2 for dryflash's own trouble.
    #[command(name = "st-flash")]
    StFlash(Late<st_flash::Args>),
    /// Run a flashing command against the virtual ESC, and say what it changed
    ///
    /// Starts a virtual ST-LINK at the ESC, runs the command with a stand-in for libusb before it (Linux), so that st-flash,
    /// OpenOCD, pyOCD and scripts of them find that probe and no other, gives probe-rs, cargo-embed and cargo-flash the same
    /// ESC through a probe of theirs, and reports what changed in flash and option bytes.
    /// Returns the command's exit code where it is not 0, and 125 for trouble of its own.
    With(Late<with::Args>),
    /// Replay a recorded ST-LINK session, or st-flash lines, on a virtual ESC
    ///
    /// A recording is one of `--record`, a capture of usbmon or USBPcap (pcap, pcapng), or pyOCD's trace log. The ESC is a
    /// blank one of the recording's part, or holds the files that follow, or is a copy of the one in --state. Tells what the session did, each reply that came out
    /// otherwise, and what changed. Exit code 1 where a reply or the end differs.
    ///
    /// A file of st-flash lines (`steps.sh`) is carried out as `dryflash st-flash` does, line by line. Exit code 1 where
    /// one fails.
    Replay(Late<replay::Args>),
    /// Show what lies where in flash: of files, of a virtual ESC, or of both
    ///
    /// Draws flash to scale with bootloader, app, settings, what is free, and what overlaps, and lists each region with its
    /// file. Roles are found as by `check`; nothing runs. Of a virtual ESC and files it shows what would lie where after they
    /// were flashed; of two virtual ESCs, both side by side.
    Map(Late<map::Args>),
    /// List the parts that are modelled, show one, or list what the model does not know
    ///
    /// With --quiet, only the parts' short names, or the list without its headings.
    Parts(Late<parts::Args>),
    /// Compare two images, two virtual ESCs, or an image with an ESC
    ///
    /// By what they mean first: the bootloader's version and pin, the app's version and name tag, settings by name, option
    /// bytes by field. Then page by page, in hex. A byte that is not there is equal to FF, which erased flash reads. With an
    /// ESC, only the places in flash that the image holds something of are compared.
    ///
    /// Ends as diff(1) does: 0 equal, 1 different, 2 trouble. With --quiet the answer alone, with --verbose all lines.
    Diff(Late<diff::Args>),
    /// Make one full image of a bootloader, an app and an EEPROM page
    ///
    /// What each file is, and where it goes, is found as by `check`, and what would not start is not packed. The image
    /// reaches from the start of flash to the end of the settings page.
    Pack(Late<pack::Args>),
    /// Take a full image, or the flash of a virtual ESC, apart: bootloader, app, EEPROM page
    ///
    /// The files begin where each has its place. A bootloader and an app end with their last byte that is not FF; an EEPROM
    /// page is whole. In a folder they get names as AM32's releases have them.
    Split(Late<split::Args>),
    /// Write what a probe reads of a virtual ESC into a file
    ///
    /// All of flash, or SIZE bytes from ADDR on, as `st-flash read` reads them: nothing where the chip is read-protected. The
    /// state stays as it is.
    Dump(Late<dump::Args>),
    /// Explain a finding at length, or list all of them
    Explain(Late<explain::Args>),
    /// Look at the settings of an ESC by name, compare, change and make them
    ///
    /// A settings page is taken from wherever it stands: a file that is nothing but the page, a _FULL image or a copy of
    /// all of flash, Intel HEX, ELF, or the state of a virtual ESC. Settings go by the names that `dryflash eeprom show`
    /// prints, AM32's own (C, JSON, DroneCAN) too.
    Eeprom(Late<eeprom::Args>),
    /// Tell what is installed, which flashing tools can be rehearsed, and what stands in the way
    ///
    /// Looks for st-flash, OpenOCD, pyOCD, probe-rs, gdb and others on the PATH, and whether `dryflash with` can put the
    /// virtual ST-LINK before them; whether the temporary folder, the ports and the kernel fit. Exit code 1 where no tool
    /// that flashes can be rehearsed. docs/doctor.md has the JSON.
    Doctor(Late<doctor::Args>),
    /// Print what a shell needs to complete dryflash's words
    Completions(Late<completions::Args>),
    /// Write the manual pages: one for dryflash, one for each verb
    Man(Late<man::Args>),
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
        Verb::Check(args) => check::run(args.0, output),
        Verb::Signals(args) => signals::run(*args.0, output),
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
