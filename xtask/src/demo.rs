//! The main job, shown on the images that the repository holds: one set that starts, and one that does not.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// One command line, and the exit code that it has to give.
struct Show {
    title: &'static str,
    args: &'static [&'static str],
    code: i32,
}

const SHOWS: [Show; 2] = [
    Show {
        title: "A bootloader, an app and its settings page: this set starts",
        args: &[
            "check",
            "STANDIN_F051_BOOTLOADER_PB4_V14.bin",
            "STANDIN_DRYFLASH_F051_2.20.hex",
            "STANDIN_EEPROM_V2_1K.bin@0x08007c00",
        ],
        code: 0,
    },
    Show {
        title: "The same with a blank settings page: the bootloader keeps waiting",
        args: &[
            "check",
            "STANDIN_F051_BOOTLOADER_PB4_V14.bin",
            "STANDIN_DRYFLASH_F051_2.20.hex",
            "STANDIN_EEPROM_BLANK_1K.bin@0x08007c00",
        ],
        code: 1,
    },
];

/// Builds dryflash as users do. The program.
pub fn build(root: &Path) -> Result<PathBuf, String> {
    println!("Building dryflash. The first build takes a minute or two: it compiles Unicorn, the CPU engine.");
    let mut build = super::cargo(root);
    let status = super::run(build.args(["build", "--release", "--quiet", "--locked", "--package", "dryflash"]))?;
    if !status.success() {
        return Err(format!("the build failed ({status})"));
    }
    Ok(target(root).join("release").join(format!("dryflash{}", env::consts::EXE_SUFFIX)))
}

/// Builds dryflash, runs every show, and fails unless each gave its exit code.
pub fn run(root: &Path) -> Result<ExitCode, String> {
    let program = build(root)?;
    let images = root.join("firmware").join("built");
    println!("\n$ cd firmware/built");

    let mut surprises = 0;
    for Show { title, args, code } in &SHOWS {
        println!("\n# {title}\n$ dryflash {}", args.join(" "));
        let status = super::run(Command::new(&program).args(*args).current_dir(&images))?;
        if status.code() == Some(*code) {
            println!("-> exit code {code}, as it should be");
        } else {
            println!("-> {status}, but it should be exit code {code}");
            surprises += 1;
        }
    }
    match surprises {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(format!("{surprises} of {} runs did not end as they should", SHOWS.len())),
    }
}

/// The build folder: that of the profile folder which this program was built into.
pub fn target(root: &Path) -> PathBuf {
    let own = env::current_exe().ok();
    let folder = own.as_deref().and_then(Path::parent).and_then(Path::parent);
    folder.map_or_else(|| root.join("target"), Path::to_path_buf)
}
