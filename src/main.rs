//! The `dryflash` command.

fn main() -> std::process::ExitCode {
    dryflash::cli::main()
}
