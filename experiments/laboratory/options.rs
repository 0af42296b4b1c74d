//! The options that every experiment has, presets, and how a command line is read.

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::publication;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use gibbsite::kernels::level::Level;
use serde::Serialize;
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The options that every experiment has. What is not serialised does not change any result.
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

    /// Compute cells anew that a run with the same options has finished; they are kept otherwise
    #[arg(long)]
    #[serde(skip)]
    pub fresh: bool,

    /// Draw figures and tables of an earlier run anew, from its rows.csv and the options in its run.json: nothing is computed,
    /// and both files stay as they are. What you name wins over run.json
    #[arg(long, conflicts_with = "fresh")]
    #[serde(skip)]
    pub redraw: bool,

    /// Print the columns of rows.csv and what they hold, and end
    #[arg(long)]
    #[serde(skip)]
    pub columns: bool,
}

/// Other defaults, as a command line would have them: `--learning-rate 0.1 --hidden 2,8`. They change defaults only, and --help
/// shows them.
pub type Preset = &'static str;

/// The options of a preset by their names, with their values; a flag's is `true`.
pub fn named(preset: Preset) -> impl Iterator<Item = (String, &'static str)> {
    let mut words = preset.split_whitespace().peekable();
    std::iter::from_fn(move || {
        let name = words.next()?.trim_start_matches("--").replace('-', "_");
        Some((name, words.next_if(|word| !word.starts_with("--")).unwrap_or("true")))
    })
}

/// What a command line asks for.
pub fn parse<E: Experiment>(arguments: &[OsString]) -> std::result::Result<E, clap::Error> {
    let named: E = parse_over(arguments, &[])?;
    let common = named.common();
    if !common.redraw {
        return Ok(named);
    }
    Ok(over_earlier(arguments, &output_folder(E::NAME, common)).unwrap_or(named))
}

/// The options of the run in a folder, and over them those of a command line; `None` where run.json has options that this
/// program cannot read.
fn over_earlier<E: Experiment>(arguments: &[OsString], out: &Path) -> Option<E> {
    let (options, known) = (publication::options_of(out)?, command::<E>());
    let (mut words, mut off) = (vec![arguments.first()?.clone()], Vec::new());
    // What means nothing any more has no say.
    for (name, value) in options.iter().filter(|(name, _)| !E::UNUSED.contains(&name.as_str())) {
        known.get_arguments().find(|argument| argument.get_id() == name)?;
        let option = format!("--{}", name.replace('_', "-"));
        match value {
            Value::Null => {}
            Value::Bool(true) => words.push(option.into()),
            Value::Bool(false) => off.push((&**name, "false")),
            Value::String(text) => words.push(format!("{option}={text}").into()),
            number => words.push(format!("{option}={number}").into()),
        }
    }
    words.extend(arguments[1..].iter().cloned());
    parse_over(&words, &off).ok()
}

/// The same with more defaults over those of the preset, where no command line can say them: a flag that is off.
pub(crate) fn parse_over<E: Experiment>(
    arguments: &[OsString],
    over: &[(&str, &'static str)],
) -> std::result::Result<E, clap::Error> {
    let has = |name: &str| {
        let options = arguments.iter().take_while(|word| *word != "--");
        options.into_iter().any(|word| word == name)
    };
    let preset = match (has("--quick"), has("--paper")) {
        (true, _) => E::QUICK,
        (false, true) => E::PAPER,
        (false, false) => "",
    };
    let over = over.iter().map(|(name, value)| (name.to_string(), *value));
    let defaults = named(E::DEFAULTS).chain(named(preset)).chain(over);
    let command = defaults
        .fold(command::<E>(), |command, (name, value)| command.mut_arg(name, |argument| argument.default_value(value)));
    let mut matches: ArgMatches = command.clone().try_get_matches_from(arguments)?;
    let given = |name: &&&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    if let Some(name) = E::UNUSED.iter().find(given) {
        let text = format!("--{} means nothing to {}: leave it away", name.replace('_', "-"), E::NAME);
        return Err(command.clone().error(ErrorKind::UnknownArgument, text));
    }
    E::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command.clone()))
}

/// The command of an experiment.
pub fn command<E: Experiment>() -> Command {
    let command = E::command().name(E::NAME).version(env!("CARGO_PKG_VERSION")).args_override_self(true);
    with_negative_numbers(command).mut_args(|argument| match E::UNUSED.contains(&argument.get_id().as_str()) {
        true => argument.hide(true),
        false => argument,
    })
}

/// The same, for which -3 is a value of every option that takes one, and refused as such where it fits none.
pub fn with_negative_numbers(command: Command) -> Command {
    command.mut_args(|argument| match argument.get_action().takes_values() {
        true => argument.allow_negative_numbers(true),
        false => argument,
    })
}

/// What a preset stands for, where one was taken: a line for the end of the run.
pub fn preset_line<E: Experiment>(common: &CommonOptions) -> Option<String> {
    let (name, preset) = match common {
        CommonOptions { quick: true, .. } => ("--quick", E::QUICK),
        CommonOptions { paper: true, .. } => ("--paper", E::PAPER),
        _ => return None,
    };
    let words: Vec<&str> = preset.split_whitespace().collect();
    Some(format!("{name} stands for {}", words.join(" ")))
}

/// The folder for results: what the user named, or `results/NAME`, or one of its own for a preset.
pub fn output_folder(name: &str, common: &CommonOptions) -> PathBuf {
    match common {
        CommonOptions { out: Some(folder), .. } => folder.clone(),
        CommonOptions { quick: true, .. } => PathBuf::from("target/quick").join(name),
        CommonOptions { paper: true, .. } => PathBuf::from("results").join(format!("{name}_paper")),
        _ => PathBuf::from("results").join(name),
    }
}

/// Every option with its value, but those that mean nothing here.
pub fn settings<E: Experiment>(experiment: &E) -> Result<Map<String, Value>> {
    match serde_json::to_value(experiment) {
        Ok(Value::Object(mut map)) => {
            map.retain(|name, _| !E::UNUSED.contains(&name.as_str()));
            Ok(map)
        }
        other => Err(Error::invalid(
            "the options of this experiment",
            format!("they cannot be written down ({other:?})"),
            "derive Serialize for a struct with named fields",
        )),
    }
}

/// Refuses a value that memory or patience cannot hold.
pub fn check_at_most(option: &str, value: usize, limit: usize) -> Result<()> {
    if value <= limit {
        return Ok(());
    }
    Err(Error::invalid(
        format!("{option} {value}"),
        "it is more than this program can work with",
        format!("take at most {limit}"),
    ))
}

/// Refuses environment variables that name nothing.
pub fn check_environment() -> Result<()> {
    if Level::environment_is_valid() {
        return Ok(());
    }
    Err(Error::invalid(
        "GIBBSITE_KERNEL",
        "there is no such kernel level",
        "unset it, or name baseline, avx2 or avx512",
    ))
}

/// The threads that share the cells.
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool> {
    check_at_most("--threads", threads, 1024)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|reason| {
        Error::invalid(format!("--threads {threads}"), format!("they cannot be started ({reason})"), "take fewer")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::parsed;
    use crate::toy::Toy;

    /// Presets have folders of their own, so that a small run does not take the place of a long one.
    #[test]
    fn results_go_where_help_says() {
        let of = |arguments: &[&str]| {
            let toy = parsed::<Toy>(arguments);
            output_folder("toy", toy.common()).to_str().map(str::to_string)
        };
        for (arguments, expected) in [
            (&[][..], "results/toy"),
            (&["--quick"], "target/quick/toy"),
            (&["--paper"], "results/toy_paper"),
            (&["--paper", "--out", "here"], "here"),
        ] {
            assert_eq!(of(arguments).as_deref(), Some(expected));
        }
    }

    /// An earlier run is drawn again with its own options, but for those that are named.
    #[test]
    fn what_is_named_wins_over_the_earlier_run() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().to_str().unwrap();
        let record = r#"{"program":"toy","version":"0.1.0","options":{"seed":5},"cells":1,"files":[]}"#;
        std::fs::write(out.path().join("run.json"), record).unwrap();
        let seed = |more: &[&str]| parsed::<Toy>(&[&["--redraw", "--out", folder], more].concat()).common().seed;
        assert_eq!((seed(&[]), seed(&["--seed", "7"])), (5, 7));
    }

    /// Values belong to the options before them; one without a value is a flag.
    #[test]
    fn presets_are_read_as_command_lines() {
        let found: Vec<_> = named("--hidden 2,8 --fast --learning-rate 0.1 --last").collect();
        let expected = [("hidden", "2,8"), ("fast", "true"), ("learning_rate", "0.1"), ("last", "true")];
        assert_eq!(found, expected.map(|(name, value)| (name.to_string(), value)));
        let line = |arguments: &[&str]| preset_line::<Toy>(parsed::<Toy>(arguments).common());
        assert_eq!(line(&[]), None);
        assert!(line(&["--quick"]).is_some_and(|line| line.starts_with("--quick stands for")));
        assert!(line(&["--paper"]).is_some_and(|line| line.starts_with("--paper stands for")));
    }
}
