//! Options that every experiment takes, presets, and how a program ends.

use crate::error::{Error, Result};
use clap::Parser;
use gibbsite::kernels::level::Level;
use serde::Serialize;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// The common options of an experiment.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Common options")]
pub struct CommonOptions {
    /// Finish in seconds: a small version that writes every file. Sets defaults only; what you name wins
    #[arg(long, conflicts_with = "paper")]
    #[serde(skip)]
    pub quick: bool,

    /// Run the published protocol. Sets defaults only; what you name wins
    #[arg(long)]
    #[serde(skip)]
    pub paper: bool,

    /// Folder for rows.csv, the figures and run.json [default: results/NAME; quick: target/quick/NAME; paper: results/NAME_paper]
    #[arg(long, value_name = "FOLDER")]
    #[serde(skip)]
    pub out: Option<PathBuf>,

    /// Root of all random numbers: the same seed and options give the same bytes
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Threads that share the cells of the sweep; 0 takes every core. Does not change any result
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    #[serde(skip)]
    pub threads: usize,

    /// Keep the cells that an interrupted run with the same options finished in --out
    #[arg(long)]
    #[serde(skip)]
    pub resume: bool,
}

/// An experiment's options: its own and the common ones.
pub trait ExperimentOptions: Parser + Serialize {
    /// The binary's name, which also names the folder of its results.
    const NAME: &'static str;
    /// The options that `--quick` puts before the user's.
    const QUICK: &'static [&'static str];
    /// The options that `--paper` puts before the user's.
    const PAPER: &'static [&'static str];

    /// The common options.
    fn common(&self) -> &CommonOptions;

    /// Refuses combinations that no single option can refuse, naming the option and the mend.
    fn check(&self) -> Result<()>;
}

/// Reads the command line. A preset is a command line that goes before the user's own, so whatever the
/// user names wins. Prints help or a mistake and ends the program where there is nothing to run.
fn parse<Options: ExperimentOptions>(arguments: Vec<OsString>) -> Options {
    let alone = Options::parse_from(&arguments);
    let preset = match alone.common() {
        common if common.quick => Options::QUICK,
        common if common.paper => Options::PAPER,
        _ => &[],
    };
    let mut line: Vec<OsString> = arguments.iter().take(1).cloned().collect();
    line.extend(preset.iter().map(OsString::from));
    line.extend(arguments.into_iter().skip(1));
    Options::parse_from(line)
}

/// What a preset stands for, where one was taken: a line for the end of the run.
pub fn preset_line<Options: ExperimentOptions>(options: &Options) -> Option<String> {
    let (name, preset) = match options.common() {
        common if common.quick => ("--quick", Options::QUICK),
        common if common.paper => ("--paper", Options::PAPER),
        _ => return None,
    };
    Some(format!("{name} stands for {}", preset.join(" ")))
}

/// The folder for results: what the user named, or `results/NAME`, or one of its own for a preset.
pub fn output_folder<Options: ExperimentOptions>(options: &Options) -> PathBuf {
    let common = options.common();
    let name = Options::NAME;
    match &common.out {
        Some(folder) => folder.clone(),
        None if common.quick => PathBuf::from("target/quick").join(name),
        None if common.paper => PathBuf::from("results").join(format!("{name}_paper")),
        None => PathBuf::from("results").join(name),
    }
}

/// The main function of an experiment: options, threads, `run`, and the exit code. 0 when all is
/// done, 2 for what the user can mend, said in one line.
pub fn main<Options: ExperimentOptions + Sync>(run: impl FnOnce(&Options) -> Result<()> + Send) -> ExitCode {
    let options: Options = parse(std::env::args_os().collect());
    let outcome = check_environment()
        .and_then(|()| options.check())
        .and_then(|()| thread_pool(options.common().threads))
        .and_then(|pool| pool.install(|| run(&options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn check_environment() -> Result<()> {
    if Level::environment_is_valid() {
        return Ok(());
    }
    let mend = "unset it, or name baseline, avx2 or avx512";
    Err(Error::invalid("GIBBSITE_KERNEL", "there is no such kernel level", mend))
}

fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    crate::value::check_at_most("--threads", threads, 1024)?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|reason| Error::invalid("--threads", format!("{threads} cannot be started ({reason})"), "take fewer"))
}
