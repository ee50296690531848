//! `dryflash completions`: what a shell completes.

use super::{OK, Outcome};
use anyhow::Context;
use clap_complete::Shell;

/// Print what a shell needs to complete dryflash's words
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(dryflash completions bash)       in ~/.bashrc
  dryflash completions zsh > ~/.zfunc/_dryflash
  dryflash completions fish | source        in ~/.config/fish/config.fish")]
pub struct Args {
    /// The shell; as the variable SHELL says where absent.
    #[arg(value_enum)]
    shell: Option<Shell>,
}

/// Runs the verb.
///
/// # Errors
/// No shell is known.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let shell = args.shell.or_else(Shell::from_env);
    let shell = shell.context("which shell? `dryflash completions bash`, or zsh, fish, elvish, powershell")?;
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::forms::command(), "dryflash", &mut bytes);
    Ok(Outcome { text: String::from_utf8(bytes).context("the completions are no text")?, code: OK })
}
