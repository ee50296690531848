//! Words that other tools have for what a verb of dryflash does.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Where somebody who typed an unknown verb may look.
pub fn pointer(error: &Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => verb_for(word).map(str::to_owned),
        _ => None,
    }
}

fn verb_for(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "verify" | "validate" | "lint" | "boot" => "`dryflash check FILE...` says whether these files would start",
        "info" | "show" | "inspect" | "identify" => {
            "`dryflash check FILE...` tells what files are, `dryflash parts PART` shows a part, `dryflash doctor` what is \
             installed"
        }
        "compare" | "cmp" => {
            "`dryflash diff A B` compares images and states; `dryflash with -- COMMAND` and `dryflash replay FILE` tell what a \
             command or a session changed in flash"
        }
        "join" | "combine" | "full" | "concat" => {
            "`dryflash pack FILE... -o FULL.bin` makes one full image of several files"
        }
        "unpack" | "extract" => "`dryflash split FULL -o DIR` takes a full image apart",
        "layout" | "memory" | "regions" | "size" => "`dryflash map FILE...` shows what lies where in flash",
        "flash" | "write" | "download" | "program" | "erase" | "read" | "reset" => {
            "`dryflash st-flash write FILE ADDRESS` flashes as st-flash does, `dryflash with -- COMMAND` runs your own tool"
        }
        "settings" | "config" | "configure" | "set" | "page" => {
            "`dryflash eeprom show FILE` shows settings by name, `dryflash eeprom set` changes them"
        }
        "list" | "chips" | "chip" | "devices" | "targets" => "`dryflash parts` lists the parts",
        "test" | "tests" | "ci" => "`dryflash run [PATH...]` runs scenarios",
        "init" | "create" => "`dryflash new FILE` writes a scenario, docs/project.md tells of dryflash.toml",
        "probe" | "server" | "gdb" | "gdbserver" | "debug" => {
            "`dryflash serve` is the probe, `dryflash serve --gdb` the gdb server"
        }
        "record" => "`dryflash with --record FILE -- COMMAND` records a session, `dryflash replay FILE` replays it",
        "decode" => "`dryflash replay --decode FILE` shows a recording's commands",
        "finding" | "rules" | "rule" | "why" => "`dryflash explain [ID]` tells of findings",
        "completion" => "`dryflash completions SHELL` prints them",
        "env" | "status" | "diagnose" => "`dryflash doctor` tells what is installed",
        _ => return None,
    })
}
