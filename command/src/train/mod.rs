//! `gibbsite train`: a machine from data, in runs that survive.

mod beginning;
mod record;
mod run;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::options::ReadingOptions;
use clap::builder::ValueParser;
use gibbsite::enumerate::{SMALLER_LIMIT, check_limit};
use gibbsite::training::recipe::{EstimatorName, Recipe};
use gibbsite::training::trainer::Training;
use laboratory::groups::TrainingOptions;
use laboratory::options::check_at_most;
use laboratory::{choice, lock::Lock, value::at_least_one};
use serde::Serialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Train a restricted Boltzmann machine on your data
///
/// Leaves the machine (OUT.safetensors), a row of measurements for every so many epochs (OUT.rows.csv), a figure of how it learned
/// (OUT.png, OUT.svg), and a checkpoint (OUT.checkpoint) from which a run that was stopped goes on with --resume, to the same
/// bytes, and a finished one with --continue.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(after_help = EXAMPLES)]
pub struct Train {
    /// The data; - is standard input
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub data: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,

    /// Data that are measured and not learned: a file, or a share of the rows such as 0.1, drawn by the seed
    #[arg(long, value_name = "FILE|FRACTION", help_heading = "Data")]
    pub validation: Option<String>,

    /// Hidden units; with --continue those of the machine
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, required_unless_present = "continued", help_heading = "Machine")]
    pub hidden: Option<usize>,

    /// Go on with a trained machine: with its velocity, chains and schedule where the checkpoint beside it and these options allow
    #[arg(long = "continue", id = "continued", value_name = "MODEL", help_heading = "Machine")]
    #[serde(rename = "continue")]
    pub continued: Option<PathBuf>,

    /// First visible biases: data (the logarithm of the odds of every site) or zero
    #[arg(long, value_name = "data|zero", default_value = "data", help_heading = "Machine")]
    pub visible_bias: FirstBias,

    /// Gradient estimator, NAME:k:KEY=VALUE
    #[arg(long, value_name = "RECIPE", default_value = "pcd:5", value_parser = ValueParser::new(recipe), help = estimators())]
    pub estimator: Recipe,

    #[command(flatten)]
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub training: TrainingOptions,

    /// The machine's file, new
    #[arg(long, short, value_name = "MODEL", help_heading = "Output")]
    #[serde(skip)]
    pub out: PathBuf,

    /// Epochs between two rows [default: a hundredth of all]
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, help_heading = "Output")]
    pub rows_every: Option<usize>,

    /// Epochs between two checkpoints [default: half a minute]. Does not change any result
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, help_heading = "Output")]
    #[serde(skip)]
    pub checkpoint_every: Option<usize>,

    /// Go on with a run that was stopped; begins where there is none, so that a job may always say it
    #[arg(long, help_heading = "Output")]
    #[serde(skip)]
    pub resume: bool,
}

const EXAMPLES: &str = "\
Examples:
  gibbsite train --data spins.txt --hidden 16 --out m.safetensors
  gibbsite train --data spins.npy --spins --hidden 64 --estimator pcd:10:chains=500 --epochs 200 \\
      --learning-rate 0.05 --validation 0.1 --out m.safetensors --resume
  gibbsite train --data spins.txt --continue m.safetensors --epochs 50 --learning-rate 0.01 --out n.safetensors";

choice! {
    /// Where visible biases begin.
    pub FirstBias { Data = "data", Zero = "zero" }
}

fn recipe(text: &str) -> std::result::Result<Recipe, gibbsite::error::Error> {
    text.parse()
}

fn estimators() -> String {
    let all = EstimatorName::all().map(|name| format!("{name} ({})", name.about()));
    format!("Gradient estimator, NAME:k:KEY=VALUE: {}", all.collect::<Vec<_>>().join(", "))
}

/// The files of a run.
struct Places {
    model: PathBuf,
    /// Before the ending of the others.
    stem: PathBuf,
}

impl Places {
    fn of(model: &Path) -> Self {
        let ending = model.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
        let stem = if ending { model.with_extension("") } else { model.to_path_buf() };
        Self { model: model.to_path_buf(), stem }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        laboratory::report::file::ending(&self.stem, ending)
    }

    fn lock(&self) -> PathBuf {
        gibbsite_files::write::neighbour(&self.stem, ".", ".lock")
    }
}

impl Train {
    /// Trains, from the beginning or from where a run was stopped.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        self.check()?;
        let places = Places::of(&self.out);
        let lessons = beginning::read(self, context)?;
        let lock = Lock::take(&places.lock(), &format!("--out {}", self.out.display()))?;
        gibbsite_files::write::remove_leftovers(&places.stem);
        let done = beginning::begin(self, &places, lessons, context).and_then(|run| match run {
            Some(run) => run.conduct(context),
            None => Ok(()),
        });
        // Removed while it is held: nobody else works here.
        lock.remove();
        done
    }

    /// What the trainer needs.
    fn settings(&self) -> Training {
        self.estimator.training(self.training.training())
    }

    /// Refuses what can be refused before anything is read.
    fn check(&self) -> Result<()> {
        if self.out.as_os_str() == "-" {
            return Err(Error::invalid("--out -", "a run leaves several files", "name a file, such as m.safetensors"));
        }
        if self.out.file_name().is_none() || self.out.is_dir() {
            let problem = "it is a folder";
            return Err(Error::invalid(format!("--out {}", self.out.display()), problem, "name a file in it"));
        }
        self.training.check()?;
        self.training.check_recipe(&self.estimator)?;
        if let Some(hidden) = self.hidden {
            check_at_most("--hidden", hidden, 100_000)?;
        }
        Ok(())
    }

    /// Refuses an enumeration that nobody would wait for.
    fn check_exact(&self, visible: usize, hidden: usize) -> Result<()> {
        if self.estimator.name == EstimatorName::Exact {
            check_limit(
                "--estimator exact",
                visible.min(hidden),
                SMALLER_LIMIT,
                "take pcd:5, or another that samples",
            )?;
        }
        Ok(())
    }

    /// All options that decide what the files hold.
    fn identity(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => Ok(map),
            other => {
                Err(Error::invalid("the options", format!("they cannot be written down ({other:?})"), "report this"))
            }
        }
    }
}
