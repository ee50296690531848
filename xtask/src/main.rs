//! `cargo xtask`: the few commands that set dryflash up, test it and show it at work.
//!
//! It depends on nothing, dryflash and Unicorn included, because it has to start on a machine that cannot build those yet.

mod demo;
mod engines;
mod firmware;
mod needs;
mod package;
mod wasm;

use needs::Verb;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

const HELP: &str = "\
cargo xtask demo              what dryflash says about the images in this repository
cargo xtask test [ARGS...]    every test; ARGS go to cargo test
cargo xtask engines           every scenario under Unicorn alone, with the same report to the byte
cargo xtask firmware [DIR]    build the stand-in firmware anew, into firmware/built or DIR
cargo xtask package           what cargo would publish: packed, unpacked elsewhere, built, and put to work
cargo xtask wasm              check the library, without features, for a browser (wasm32)
cargo xtask setup             only install what the others need
cargo xtask help              this text

What is missing is installed when run by root on Debian or Ubuntu; otherwise the line to run is printed.
";

/// The command line was wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (verb, rest) = match args.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("help", &args[..]),
    };
    let root = root();
    let outcome = match (verb, rest) {
        ("demo", []) => needs::meet(Verb::Demo).and_then(|()| demo::run(&root)),
        ("engines", []) => needs::meet(Verb::Demo).and_then(|()| engines::run(&root)),
        ("package", []) => needs::meet(Verb::Test).and_then(|()| package::prove(&root, &demo::target(&root))),
        ("wasm", []) => wasm::check(&root),
        ("test", rest) => needs::meet(Verb::Test).and_then(|()| test(&root, rest)),
        ("firmware", [] | [_]) => needs::meet(Verb::Firmware).and_then(|()| rebuild(&root, rest.first())),
        ("setup", []) => needs::meet(Verb::Setup).map(|()| {
            println!("Everything that `cargo xtask demo` and `cargo xtask test` need is installed.");
            ExitCode::SUCCESS
        }),
        ("help" | "-h" | "--help", _) => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ("demo" | "engines" | "firmware" | "package" | "setup" | "wasm", _) => {
            eprintln!("xtask: too many arguments to `{verb}`\n\n{HELP}");
            Ok(ExitCode::from(USAGE))
        }
        _ => {
            eprintln!("xtask: there is no `{verb}`\n\n{HELP}");
            Ok(ExitCode::from(USAGE))
        }
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("xtask: {message}");
        ExitCode::FAILURE
    })
}

fn test(root: &Path, args: &[String]) -> Result<ExitCode, String> {
    println!("Running every test. The first build takes some minutes: it compiles Unicorn.");
    let mut cargo = cargo(root);
    cargo.args(["test", "--workspace", "--locked"]).args(args);
    Ok(exit_code(run(&mut cargo)?))
}

fn rebuild(root: &Path, out: Option<&String>) -> Result<ExitCode, String> {
    let out = out.map_or_else(|| root.join("firmware/built"), PathBuf::from);
    let compiler = firmware::compiler_version().ok_or("arm-none-eabi-gcc does not tell its version")?;
    println!("Building the stand-in firmware into {} with {compiler}", out.display());
    firmware::build(root, &out)?;
    Ok(ExitCode::SUCCESS)
}

/// The repository: where this package's manifest is, without its last component.
fn root() -> PathBuf {
    // Cargo tells it anew at each start, so a build folder that was moved with its sources stays right.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let manifest = PathBuf::from(manifest);
    manifest.parent().map(Path::to_path_buf).unwrap_or(manifest)
}

/// The cargo that started this program, in the repository's root, with the same build folder.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    if let Some(target) = env::var_os("CARGO_TARGET_DIR")
        && let Ok(target) = std::path::absolute(target)
    {
        cargo.env("CARGO_TARGET_DIR", target);
    }
    cargo
}

fn run(command: &mut Command) -> Result<ExitStatus, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().map_err(|error| format!("cannot start {program}: {error}"))
}

/// What a command prints, where it succeeds.
fn run_for_text(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot start {program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// A child's exit code as this program's own; death by a signal is a failure.
fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => ExitCode::FAILURE,
    }
}
