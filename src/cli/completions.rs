//! `dryflash completions`: what a shell completes.

use super::{OK, Outcome};
use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

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
    clap_complete::generate(shell, &mut command(), "dryflash", &mut bytes);
    Ok(Outcome { text: String::from_utf8(bytes).context("the completions are no text")?, code: OK })
}

/// The command line with all verbs made. clap takes what `help` completes from the verbs before they are: it is given
/// verbs that were made.
fn command() -> Command {
    let command = || super::forms::command().bin_name("dryflash");
    let built = |mut command: Command| {
        command.build();
        command
    };
    let verbs = built(command().disable_help_subcommand(true));
    let made = |verb: Command| verbs.find_subcommand(verb.get_name()).cloned().unwrap_or(verb);
    let help = built(command().mut_subcommands(made)).find_subcommand("help").cloned();
    built(command()).mut_subcommands(|verb| match &help {
        Some(help) if verb.get_name() == "help" => help.clone(),
        _ => verb,
    })
}
