//! `gibbsite completions` and `gibbsite man`.

use crate::context::Context;
use crate::error::Result;
use clap_complete::Shell;

/// Completions for your shell
///
/// For bash: gibbsite completions bash > ~/.local/share/bash-completion/completions/gibbsite
#[derive(Clone, Debug, clap::Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(&self, context: &mut Context, mut command: clap::Command) -> Result<()> {
        // To memory first: the generator cannot bear a reader that goes away.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, "gibbsite", &mut text);
        Ok(context.output.write_all(&text)?)
    }
}

/// The manual page
///
/// Shown by: gibbsite man | man -l -
#[derive(Clone, Debug, clap::Args)]
pub struct Man {
    /// Of this subcommand; of the whole command where none is named
    #[arg(value_name = "SUBCOMMAND")]
    pub subcommand: Option<String>,
}

impl Man {
    /// Prints it.
    pub fn run(&self, context: &mut Context, command: clap::Command) -> Result<()> {
        let command = match &self.subcommand {
            None => command,
            Some(name) => match command.find_subcommand(name) {
                Some(found) => found.clone().display_name(format!("gibbsite-{name}")),
                None => {
                    let all: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
                    let mend = format!("take one of {}", all.join(", "));
                    return Err(crate::error::Error::invalid(name, "there is no such subcommand", mend));
                }
            },
        };
        Ok(clap_mangen::Man::new(command).render(&mut *context.output)?)
    }
}
