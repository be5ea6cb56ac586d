//! `completions`: what a shell needs to complete our command lines.

use anyhow::Context as _;
use clap_complete::env::Shells;

use crate::completion::VARIABLE;
use crate::context::Context;
use crate::error::Exit;

/// `completions`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    shell: ShellName,
}

/// The shells that are known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ShellName {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

/// Prints the shell's script. It asks this program whenever there is something to complete.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let name = match args.shell {
        ShellName::Bash => "bash",
        ShellName::Zsh => "zsh",
        ShellName::Fish => "fish",
        ShellName::PowerShell => "powershell",
    };
    let shells = Shells::builtins();
    let shell = shells.completer(name).with_context(|| format!("no script is known for {name}"))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "shouwang", "shouwang", "shouwang", &mut script)?;
    context.output.write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
