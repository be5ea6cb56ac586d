//! `completions`: what a shell needs to complete our command lines.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::error::Exit;
use crate::help;

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

/// Prints the shell's script.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let mut command = help::localised(Arguments::command(), &context.messages);
    let shell = match args.shell {
        ShellName::Bash => Shell::Bash,
        ShellName::Zsh => Shell::Zsh,
        ShellName::Fish => Shell::Fish,
        ShellName::PowerShell => Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "shouwang", &mut script);
    context.output.write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
