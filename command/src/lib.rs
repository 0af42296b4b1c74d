//! # The gibbsite command
//!
//! A physicist's own spins and couplings to trained machines, their likelihoods with errors, and samples; on a cluster that kills
//! jobs, and in files that other programs read. The README beside this package walks through a whole job.
//!
//! To add a subcommand: write its file with a struct of options and a function `run`, and give it a line in [`Command`] and in
//! `conduct`.
//!
//! | module | what is there |
//! |---|---|
//! | [`sample`], [`train`], [`evaluate`], [`couplings`], [`features`], [`convert`], [`inspect`], [`shell`] | the subcommands |
//! | [`options`] | what several of them ask for |
//! | [`subject`] | Ising models and other laws, by name or from a file |
//! | [`likelihood`] | ln Z of a machine: exact, or from both sides |
//! | [`context`] | disk, standard output, progress, and Ctrl-C |
//! | [`error`] | what can go wrong, and exit codes |

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod context;
pub mod convert;
pub mod couplings;
pub mod error;
pub mod evaluate;
pub mod features;
pub mod inspect;
pub mod likelihood;
pub mod options;
pub mod sample;
pub mod shell;
pub mod subject;
pub mod train;

use clap::{CommandFactory, FromArgMatches, Parser};
use context::Context;
use error::{Error, Result};
use gibbsite_files::write::System;
use laboratory::options::with_negative_numbers;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Train Boltzmann machines on your own binary data, and learn with error bars how well it went.
///
/// Data are text (0/1, or -1/1 with --spins) or .npy arrays; machines are safetensors that open in Python. `-` is standard
/// input or output.
#[derive(Clone, Debug, Parser)]
#[command(name = "gibbsite", version, after_help = AFTER, max_term_width = 120)]
pub struct Cli {
    /// What all subcommands have.
    #[command(flatten)]
    pub common: options::Common,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
Exit codes:
  0    done; also where a reader of standard output has gone away
  2    something that you can mend, said in one line: an option, a file, a full disk
  130  stopped by Ctrl-C or the system's wish, after a checkpoint where there is one

A whole job:
  gibbsite sample square:6x6 --temperature 2.5 --count 5000 --out spins.txt
  gibbsite train --data spins.txt --hidden 16 --epochs 100 --out m.safetensors
  gibbsite evaluate m.safetensors --data spins.txt
  gibbsite sample m.safetensors --count 1000 --out new.npy";

/// The subcommands.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Configurations of an Ising model, of another law with a name, or of a machine
    Sample(sample::Sample),
    /// Train a restricted Boltzmann machine on your data
    Train(Box<train::Train>),
    /// ln Z, likelihood and divergences of a machine, as JSON
    Evaluate(evaluate::Evaluate),
    /// The inverse Ising problem: couplings and fields behind your data, with standard errors
    Couplings(couplings::Couplings),
    /// Hidden probabilities of your data, as features for another program
    Features(features::Features),
    /// Data from one format to another
    Convert(convert::Convert),
    /// Shapes, norms, history and filters of a machine
    Inspect(inspect::Inspect),
    /// Completions for your shell
    Completions(shell::Completions),
    /// The manual page
    Man(shell::Man),
}

/// The main function: options, what they ask for, and the exit code.
pub fn main() -> ExitCode {
    context::stop_on_interrupt();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut output = std::io::stdout();
    let done = run(&arguments, &System, &mut output).and_then(|()| Ok(output.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

/// The parser, with defaults of shared options that are the command's own.
pub fn parser() -> clap::Command {
    let train = |command: clap::Command| {
        train::DEFAULTS
            .iter()
            .fold(command, |command, (name, value)| command.mut_arg(name, |argument| argument.default_value(*value)))
    };
    Cli::command().mut_subcommand("train", train).mut_subcommands(with_negative_numbers)
}

fn parse(arguments: &[OsString]) -> std::result::Result<Cli, clap::Error> {
    let mut matches = parser().try_get_matches_from(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut parser()))
}

/// Does what a command line asks for; everything that changes a file goes through `disk`.
pub fn run(
    arguments: &[OsString],
    disk: &dyn gibbsite_files::write::Disk,
    output: &mut (dyn Write + Send),
) -> Result<()> {
    let cli = match parse(arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(Error::Options(error::one_line(&error))),
        Err(help) => return Ok(write!(output, "{}", help.render())?),
    };
    laboratory::options::check_environment()?;
    let pool = laboratory::options::thread_pool(cli.common.threads)?;
    let mut context = Context::new(disk, output, &cli.common);
    pool.install(|| conduct(cli.command, &mut context))
}

fn conduct(command: Command, context: &mut Context) -> Result<()> {
    match command {
        Command::Sample(options) => options.run(context),
        Command::Train(options) => options.run(context),
        Command::Evaluate(options) => options.run(context),
        Command::Couplings(options) => options.run(context),
        Command::Features(options) => options.run(context),
        Command::Convert(options) => options.run(context),
        Command::Inspect(options) => options.run(context),
        Command::Completions(options) => options.run(context, parser()),
        Command::Man(options) => options.run(context, parser()),
    }
}
