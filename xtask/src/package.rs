//! What `cargo install dryflash` would get: the package, unpacked elsewhere, built, and put to work.
//!
//! Cargo's own check of a package builds all dependencies anew. Here they come from the repository's build folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Packs, unpacks, builds, and writes an image with a real st-flash through the stand-in that the program carries.
pub fn prove(root: &Path, target: &Path) -> Result<ExitCode, String> {
    let archive = pack(root, target)?;
    let elsewhere = env::temp_dir().join(format!("dryflash-package-{}", std::process::id()));
    let outcome = unpack(&archive, &elsewhere).and_then(|folder| {
        let program = build(&folder, target)?;
        work(&program, &folder)
    });
    // What is left of it is no reason to fail.
    let _ = fs::remove_dir_all(&elsewhere);
    outcome
}

fn pack(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let mut cargo = super::cargo(root);
    cargo.args(["package", "--package", "dryflash", "--locked", "--no-verify", "--allow-dirty"]);
    succeed(cargo.arg("--target-dir").arg(target))?;
    let folder = target.join("package");
    let version = super::run_for_text(super::cargo(root).args(["pkgid", "--package", "dryflash"]))?;
    // It ends in `#dryflash@0.1.0`, or in `#0.1.0` where the folder bears the crate's name.
    let version = version.trim().rsplit(['#', '@']).next().unwrap_or_default();
    Ok(folder.join(format!("dryflash-{version}.crate")))
}

/// The folder of its manifest.
fn unpack(archive: &Path, into: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(into).map_err(|error| format!("{}: {error}", into.display()))?;
    succeed(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(into))?;
    let name = archive.file_stem().unwrap_or_default();
    println!("{} was unpacked into {}", archive.display(), into.display());
    Ok(into.join(name))
}

fn build(folder: &Path, target: &Path) -> Result<PathBuf, String> {
    let mut cargo = super::cargo(folder);
    // In the tests' profile: Unicorn, which takes minutes, is there.
    succeed(cargo.args(["build", "--quiet", "--locked", "--target-dir"]).arg(target))?;
    let program = target.join("debug").join(format!("dryflash{}", env::consts::EXE_SUFFIX));
    Ok(program)
}

fn work(program: &Path, folder: &Path) -> Result<ExitCode, String> {
    let images = folder.join("firmware").join("built");
    let image = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";
    for line in [&["check", image][..], &["with", "--part", "F051", "--", "st-flash", "write", image, "0x08000000"]] {
        println!("$ dryflash {}", line.join(" "));
        succeed(Command::new(program).args(line).current_dir(&images))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let status = super::run(command)?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} ended with {status}", command.get_program().to_string_lossy())),
    }
}
