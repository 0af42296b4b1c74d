//! The options of the experiment, and the cells that they span.

use clap::Parser;
use gibbsite::enumerate::{VISIBLE_LIMIT, WHOLE_LAW_LIMIT};
use gibbsite::model::rbm::InitialWeights;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::HiddenStatistics;
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::Training;
use laboratory::error::{Error, Result};
use laboratory::harness::list::List;
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::harness::sweep;
use laboratory::harness::value::{
    Positive, as_text, at_least_one, check_at_most, finite, not_negative, positive, share,
};
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How fast, and how well, does a restricted Boltzmann machine learn an Ising model?
///
/// Trains an RBM for every combination of lattice, estimator, Gibbs steps, hidden units and replica,
/// follows the exact KL divergence between the Ising law and the model, and writes the rows, two
/// figures and a table of the final values. Lists are comma-separated; every combination is a cell,
/// cells run in parallel, and a finished cell is kept on disk (see --resume).
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "ising_kl", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// Lattices: chain:N, ring:N, square:LxM (periodic) or square-open:LxM; at most 25 sites
    #[arg(
        long,
        value_name = "LIST",
        default_value = "square:3x3",
        help_heading = "Target"
    )]
    pub lattice: List<Lattice>,

    /// Temperature T > 0 in units of J (k_B = 1); the infinite square lattice is critical at 2.269
    #[arg(long, value_name = "T", default_value_t = 2.269, value_parser = positive, allow_negative_numbers = true, help_heading = "Target")]
    pub temperature: f64,

    /// Uniform field h
    #[arg(long, value_name = "h", default_value_t = 0.0, value_parser = finite, help_heading = "Target", allow_negative_numbers = true)]
    pub field: f64,

    /// Coupling J of every bond; positive aligns
    #[arg(long, value_name = "J", default_value_t = 1.0, value_parser = finite, help_heading = "Target", allow_negative_numbers = true)]
    pub coupling: f64,

    /// Training data: `exact` for the whole law, or how many configurations Monte Carlo draws
    #[arg(
        long,
        value_name = "M|exact",
        default_value = "exact",
        help_heading = "Target"
    )]
    pub samples: Samples,

    /// Gradient estimators: exact (enumeration), cd (contrastive divergence), pcd (persistent)
    #[arg(
        long,
        value_name = "LIST",
        default_value = "exact,cd,pcd",
        help_heading = "Sweep"
    )]
    pub estimators: List<Estimator>,

    /// Gibbs steps k of cd and pcd
    #[arg(
        long,
        value_name = "LIST",
        default_value = "1,10",
        help_heading = "Sweep"
    )]
    pub gibbs_steps: List<Positive>,

    /// Hidden units
    #[arg(
        long,
        value_name = "LIST",
        default_value = "1,2,4,8,16",
        help_heading = "Sweep"
    )]
    pub hidden: List<Positive>,

    /// Replicas of each cell, with data, weights and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = at_least_one, help_heading = "Sweep")]
    pub replicas: usize,

    /// Passes over the data; with exact data each is one update
    #[arg(long, value_name = "NUMBER", default_value_t = 8000, value_parser = at_least_one, help_heading = "Training")]
    pub epochs: usize,

    /// Epochs between measurements of the KL divergence
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Training")]
    pub every: usize,

    /// Configurations a mini-batch; with exact data, chains that cd starts
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,

    /// Persistent chains of pcd
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Training")]
    pub chains: usize,

    /// Step along the gradient, which is a mean per configuration
    #[arg(long, value_name = "RATE", default_value_t = 0.2, value_parser = positive, allow_negative_numbers = true, help_heading = "Training")]
    pub learning_rate: f64,

    /// Fall of the learning rate: none, exponential:T or inverse:T, T in updates
    #[arg(
        long,
        value_name = "DECAY",
        default_value = "exponential:2500",
        help_heading = "Training"
    )]
    #[serde(serialize_with = "as_text")]
    pub decay: Decay,

    /// Share of the last step that is kept, 0 <= momentum < 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share, allow_negative_numbers = true, help_heading = "Training")]
    pub momentum: f64,

    /// Strength of the L2 penalty on the weights (biases are free)
    #[arg(long, value_name = "STRENGTH", default_value_t = 0.0, value_parser = not_negative, allow_negative_numbers = true, help_heading = "Training")]
    pub weight_decay: f64,

    /// Law of the first weights: gaussian:STD, or uniform within 4 sqrt(6 / (n_v + n_h))
    #[arg(
        long,
        value_name = "LAW",
        default_value = "gaussian:0.5",
        help_heading = "Training"
    )]
    #[serde(serialize_with = "as_text")]
    pub initial_weights: InitialWeights,

    /// First visible biases: zero, or `data` for the log odds of each site in the data
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "zero",
        help_heading = "Training"
    )]
    pub visible_bias: VisibleBias,

    /// Hidden units given visible ones: analytic, sampled, or POSITIVE/NEGATIVE phase
    #[arg(
        long,
        value_name = "HOW",
        default_value = "analytic",
        help_heading = "Training"
    )]
    #[serde(serialize_with = "as_text")]
    pub hidden_statistics: HiddenStatistics,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  ising_kl              the figures of the README, about a minute on two cores
  ising_kl --quick      every file in seconds
  ising_kl --lattice square:4x4 --samples 10000 --hidden 4,16 --epochs 200 --every 5
  ising_kl --lattice ring:6 --temperature 1 --estimators cd --gibbs-steps 1,2,5,10,20
  ising_kl --paper      the smallest KL that few hidden units can reach, on six spins:
                        exact gradient, 12 starts from large weights, 100,000 updates";

impl ExperimentOptions for Options {
    const NAME: &'static str = "ising_kl";

    #[rustfmt::skip]
    const QUICK: &'static [&'static str] = &[
        "--gibbs-steps", "1,10", "--hidden", "2,8", "--replicas", "2", "--epochs", "500", "--every", "25",
    ];

    /// The floors: the exact gradient from large random weights, the best of 12 replicas.
    #[rustfmt::skip]
    const PAPER: &'static [&'static str] = &[
        "--lattice", "ring:6,chain:6", "--temperature", "1", "--samples", "exact",
        "--estimators", "exact", "--hidden", "1,2,3", "--replicas", "12",
        "--epochs", "100000", "--every", "1000", "--learning-rate", "0.2", "--momentum", "0.9",
        "--decay", "none", "--initial-weights", "uniform",
    ];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        for hidden in self.hidden.iter() {
            check_at_most("--hidden", hidden.0, 100_000)?;
        }
        check_at_most("--batch", self.batch, 10_000_000)?;
        check_at_most("--chains", self.chains, 10_000_000)?;
        if let Samples::Count(count) = self.samples {
            check_at_most("--samples", count, 100_000_000)?;
        }
        for lattice in self.lattice.iter() {
            let sites = lattice.sites();
            if sites > VISIBLE_LIMIT {
                return Err(Error::invalid(
                    format!("--lattice {lattice}"),
                    format!("the exact KL of {sites} sites would visit 2^{sites} configurations"),
                    format!("take at most {VISIBLE_LIMIT} sites"),
                ));
            }
            if self.samples == Samples::Exact && sites > WHOLE_LAW_LIMIT {
                return Err(Error::invalid(
                    "--samples exact",
                    format!("the whole law of {lattice} has 2^{sites} configurations"),
                    format!("draw some with --samples M, or take at most {WHOLE_LAW_LIMIT} sites"),
                ));
            }
        }
        Ok(())
    }
}

impl Options {
    /// The target as a name: training data depend on nothing else but the replica.
    pub fn target_name(&self, lattice: Lattice) -> String {
        let Self {
            coupling,
            field,
            temperature,
            samples,
            ..
        } = self;
        format!("{lattice} J={coupling} h={field} T={temperature} M={samples}")
    }

    /// Every cell, in the order of rows.csv.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &lattice in self.lattice.iter() {
            for &estimator in self.estimators.iter() {
                let gibbs_steps = match estimator {
                    Estimator::Exact => vec![None],
                    Estimator::Cd | Estimator::Pcd => {
                        self.gibbs_steps.iter().map(|k| Some(k.0)).collect()
                    }
                };
                for gibbs_steps in gibbs_steps {
                    for hidden in self.hidden.iter() {
                        for replica in 0..self.replicas {
                            cells.push(Cell {
                                lattice,
                                estimator,
                                gibbs_steps,
                                hidden: hidden.0,
                                replica,
                                work: self.work(lattice, estimator, gibbs_steps, hidden.0),
                                // 0, every, 2 every, ..., and the last.
                                rows: 1 + self.epochs.div_ceil(self.every),
                            });
                        }
                    }
                }
            }
        }
        cells
    }

    /// Additions that a cell takes, roughly: for the time left.
    fn work(
        &self,
        lattice: Lattice,
        estimator: Estimator,
        gibbs_steps: Option<usize>,
        hidden: usize,
    ) -> u64 {
        let sites = lattice.sites();
        let (states, pairs) = ((1_u64 << sites) as f64, (sites * hidden) as f64);
        let (updates, rows) = match self.samples {
            Samples::Exact => (1.0, states),
            Samples::Count(count) => (count.div_ceil(self.batch) as f64, self.batch as f64),
        };
        let gibbs_steps = gibbs_steps.unwrap_or(0) as f64;
        let negative = match estimator {
            Estimator::Exact => (1_u64 << sites.min(hidden)) as f64 * sites.max(hidden) as f64,
            Estimator::Cd => self.batch as f64 * gibbs_steps * pairs,
            Estimator::Pcd => self.chains as f64 * gibbs_steps * pairs,
        };
        let measurement = states * hidden as f64 / self.every as f64;
        let updates = updates * (rows * pairs / 4.0 + 4.0 * negative);
        // Bounded, so that the sum over cells is a number too.
        (self.epochs as f64 * (updates + 4.0 * measurement)).min(1e12) as u64
    }

    /// What the trainer needs.
    pub fn training(&self) -> Training {
        Training {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            decay: self.decay,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
        }
    }

    /// The options that decide what a cell holds, less the values that name the cell.
    pub fn made_with(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct MadeWith {
            temperature: f64,
            field: f64,
            coupling: f64,
            samples: String,
            epochs: usize,
            every: usize,
            batch: usize,
            chains: usize,
            learning_rate: f64,
            decay: String,
            momentum: f64,
            weight_decay: f64,
            initial_weights: String,
            visible_bias: VisibleBias,
            hidden_statistics: String,
            seed: u64,
        }
        MadeWith {
            temperature: self.temperature,
            field: self.field,
            coupling: self.coupling,
            samples: self.samples.to_string(),
            epochs: self.epochs,
            every: self.every,
            batch: self.batch,
            chains: self.chains,
            learning_rate: self.learning_rate,
            decay: self.decay.to_string(),
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            initial_weights: self.initial_weights.to_string(),
            visible_bias: self.visible_bias,
            hidden_statistics: self.hidden_statistics.to_string(),
            seed: self.common.seed,
        }
    }
}

/// One training run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub lattice: Lattice,
    pub estimator: Estimator,
    pub gibbs_steps: Option<usize>,
    pub hidden: usize,
    pub replica: usize,
    work: u64,
    rows: usize,
}

impl sweep::Cell for Cell {
    fn id(&self) -> String {
        let lattice = self.lattice.to_string().replace(':', "-");
        let steps = self.gibbs_steps.map_or(String::new(), |k| format!("_k{k}"));
        let Self {
            estimator,
            hidden,
            replica,
            ..
        } = self;
        format!("{lattice}_{estimator}{steps}_h{hidden}_r{replica}")
    }

    fn work(&self) -> u64 {
        self.work
    }

    fn rows(&self) -> usize {
        self.rows
    }
}

/// A gradient estimator by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    Exact,
    Cd,
    Pcd,
}

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Estimator::Exact => "exact",
            Estimator::Cd => "cd",
            Estimator::Pcd => "pcd",
        })
    }
}

impl FromStr for Estimator {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "exact" => Ok(Estimator::Exact),
            "cd" => Ok(Estimator::Cd),
            "pcd" => Ok(Estimator::Pcd),
            _ => Err("there is no such estimator; take exact, cd or pcd".to_string()),
        }
    }
}

/// Where the training data come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// The whole law.
    Exact,
    /// So many configurations by Metropolis.
    Count(usize),
}

impl fmt::Display for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Samples::Exact => f.write_str("exact"),
            Samples::Count(count) => write!(f, "{count}"),
        }
    }
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Samples {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "exact" => Ok(Samples::Exact),
            _ => at_least_one(text)
                .map(Samples::Count)
                .map_err(|_| "write exact, or a number of configurations of 1 or more".to_string()),
        }
    }
}

/// How the visible biases start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VisibleBias {
    /// Zero
    Zero,
    /// The log odds of each site in the data
    Data,
}
