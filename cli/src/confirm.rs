//! Asking before something that cannot be taken back.

use std::io::{self, IsTerminal};

use crate::context::Context;
use crate::error::Failure;

/// Goes on if the person says so, or has said so by `--yes`. Where nobody can be asked, `--yes` is
/// needed: a script must not do by accident what a person would be asked about.
pub(crate) fn confirm(context: &Context, yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() || context.output.is_json() {
        return Err(Failure::usage("needs_yes"));
    }
    context.output.note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    match read.is_ok() && is_yes(&answer) {
        true => Ok(()),
        false => Err(Failure::failed("not_confirmed")),
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes" | "是" | "是的" | "对")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, yes) in [
            ("y\n", true),
            ("YES", true),
            ("是\n", true),
            ("", false),
            ("\n", false),
            ("yep", false),
        ] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }
}
