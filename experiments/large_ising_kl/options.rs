//! The options of the experiment, and the cells that they span.

use clap::Parser;
use gibbsite::enumerate::WHOLE_LAW_LIMIT;
use gibbsite::law::Law;
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::monitor::observables::Sampling;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::Training;
use laboratory::error::{Error, Result};
use laboratory::harness::expectation::step_work;
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::harness::sweep;
use laboratory::list::List;
use laboratory::value::{Positive, PositiveNumber, as_text, at_least_one, check_at_most, positive};
use serde::Serialize;

/// How far, in nats a spin, is an RBM from the Ising model at sizes where nobody can enumerate?
///
/// Trains an RBM by contrastive divergence for every combination of lattice, temperature, hidden units and replica, and
/// follows the KL divergence D(P || P_model) = ln Z_model - ln Z_Ising + <F - E/T>_P: ln Z_Ising by Kaufman's formula,
/// ln Z_model by annealed importance sampling from both sides, the average over fresh configurations that no machine
/// was trained on. Lists are comma-separated; every combination is a cell, cells run in parallel, and a finished cell
/// is kept on disk (see --resume).
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "large_ising_kl", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// Lattices with J = 1 whose ln Z is known: square:LxM (periodic), ring:N or chain:N
    #[arg(long, value_name = "LIST", default_value = "square:8x8,square:16x16", help_heading = "Target")]
    pub lattices: List<Lattice>,

    /// Temperatures T > 0 in units of J (k_B = 1); the infinite square lattice is critical at 2.269
    #[arg(
        long,
        value_name = "LIST",
        default_value = "1.8,2.269,3",
        allow_negative_numbers = true,
        help_heading = "Target"
    )]
    pub temperatures: List<PositiveNumber>,

    /// Training configurations a lattice, temperature and replica
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = at_least_one, help_heading = "Target")]
    pub samples: usize,

    /// Hidden units
    #[arg(long, value_name = "LIST", default_value = "16,64,256", help_heading = "Sweep")]
    pub hidden: List<Positive>,

    /// Replicas of each cell, with data, weights and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = at_least_one, help_heading = "Sweep")]
    pub replicas: usize,

    /// Passes over the training configurations
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one, help_heading = "Training")]
    pub epochs: usize,

    /// Epochs between measurements; before the first epoch and after the last there is always one
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one, help_heading = "Training")]
    pub every: usize,

    /// Gibbs steps k of contrastive divergence
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = at_least_one, help_heading = "Training")]
    pub gibbs_steps: usize,

    /// Configurations a mini-batch
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,

    /// Step along the gradient, which is a mean per configuration
    #[arg(long, value_name = "RATE", default_value_t = 0.1, value_parser = positive, allow_negative_numbers = true, help_heading = "Training")]
    pub learning_rate: f64,

    /// Fall of the learning rate: none, exponential:T or inverse:T, T in updates
    #[arg(long, value_name = "DECAY", default_value = "exponential:20000", help_heading = "Training")]
    #[serde(serialize_with = "as_text")]
    pub decay: Decay,

    /// Temperatures of annealed importance sampling, placed by a pilot run
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = at_least_one, help_heading = "Measuring")]
    pub ais_temperatures: usize,

    /// Chains of each of its runs: forward, reverse, and reverse from the data
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one, help_heading = "Measuring")]
    pub ais_chains: usize,

    /// Fresh configurations of the Ising model on each of 64 chains, after a fifth as many steps to equilibrate
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Measuring")]
    pub sweeps: usize,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  large_ising_kl              the figures of the README, a few minutes on two cores
  large_ising_kl --quick      every file in seconds
  large_ising_kl --lattices square:12x12 --temperatures 2.269 --hidden 32,128,512
  large_ising_kl --lattices square:4x4,square:8x8 --hidden 4,8,16,32,64 --replicas 5
  large_ising_kl --paper      up to 32x32 spins, longer training, three replicas: hours on two cores";

/// Chains of fresh configurations.
const CHAINS: usize = 64;

/// What starts reverse annealing where the machine cannot be drawn from exactly.
pub const TEMPERING: Tempering = Tempering { rungs: 16, rounds: 200 };

/// Steps of the machine on data before reverse annealing starts there: in ten of them a machine that has just begun to
/// learn does not yet forget that the data are more ordered than itself.
pub const DATA_STEPS: usize = 1000;

impl ExperimentOptions for Options {
    const NAME: &'static str = "large_ising_kl";

    #[rustfmt::skip]
    const QUICK: &'static [&'static str] = &[
        "--lattices", "square:6x6,square:8x8", "--temperatures", "2.269,3", "--hidden", "8,32", "--samples", "5000",
        "--replicas", "2", "--epochs", "20", "--every", "5", "--learning-rate", "0.3",
        "--decay", "exponential:2000", "--ais-temperatures", "500", "--sweeps", "100",
    ];

    #[rustfmt::skip]
    const PAPER: &'static [&'static str] = &[
        "--lattices", "square:8x8,square:16x16,square:32x32", "--samples", "100000", "--replicas", "3",
        "--epochs", "100", "--every", "20", "--gibbs-steps", "10", "--decay", "exponential:100000", "--sweeps", "1000",
    ];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        for hidden in self.hidden.iter() {
            check_at_most("--hidden", hidden.0, 100_000)?;
        }
        check_at_most("--replicas", self.replicas, 100_000)?;
        check_at_most("--epochs", self.epochs, 1_000_000)?;
        check_at_most("--gibbs-steps", self.gibbs_steps, 1_000_000)?;
        check_at_most("--samples", self.samples, 100_000_000)?;
        check_at_most("--batch", self.batch, 10_000_000)?;
        check_at_most("--ais-temperatures", self.ais_temperatures, 10_000_000)?;
        check_at_most("--ais-chains", self.ais_chains, 1_000_000)?;
        check_at_most("--sweeps", self.sweeps, 100_000)?;
        let least = 100;
        if self.sweeps < least {
            return Err(Error::invalid(
                format!("--sweeps {}", self.sweeps),
                "no error bar can be told from so few",
                format!("take at least {least}"),
            ));
        }
        for lattice in self.lattices.iter() {
            let sites = format!("--lattices {lattice}: sites");
            check_at_most(&sites, lattice.sites(), 1 << 16)?;
            for temperature in self.temperatures.iter() {
                let ising = Ising::on_lattice(*lattice, 1.0, 0.0, temperature.0)?;
                if ising.log_partition().is_none() {
                    return Err(Error::invalid(
                        format!("--lattices {lattice}"),
                        "its ln Z is not known, and the divergence needs it",
                        "take a periodic square lattice, square:LxM",
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Options {
    /// How fresh configurations are drawn.
    pub fn sampling(&self) -> Sampling {
        Sampling { chains: CHAINS, equilibration: (self.sweeps / 5).max(100), measured: self.sweeps }
    }

    /// What the trainer needs.
    pub fn training(&self) -> Training {
        Training {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            decay: self.decay,
            ..Training::default()
        }
    }

    /// Whether there is a measurement after so many epochs.
    pub fn measures(&self, epoch: usize) -> bool {
        epoch.is_multiple_of(self.every) || epoch == self.epochs
    }

    /// Measurements of a cell: 0, every, 2 every, ..., and the last.
    fn measurements(&self) -> usize {
        1 + self.epochs.div_ceil(self.every)
    }

    /// Every cell, in the order of rows.csv.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &lattice in self.lattices.iter() {
            for temperature in self.temperatures.iter() {
                for hidden in self.hidden.iter() {
                    for replica in 0..self.replicas {
                        cells.push(Cell {
                            lattice,
                            temperature: temperature.0,
                            hidden: hidden.0,
                            replica,
                            epoch_work: self.epoch_work(lattice.sites(), hidden.0),
                            measurement_work: self.measurement_work(lattice.sites(), hidden.0),
                            epochs: self.epochs,
                            measurements: self.measurements(),
                        });
                    }
                }
            }
        }
        cells
    }

    /// What an epoch is worth, in units drawn: k Gibbs steps from every configuration, and the gradient.
    fn epoch_work(&self, visible: usize, hidden: usize) -> u64 {
        // Hidden units of both phases and the update: about a step more.
        let steps = self.gibbs_steps as u64 + 1;
        self.samples as u64 * steps * step_work(visible, hidden)
    }

    /// What a measurement is worth, in units drawn: the runs of annealed importance sampling, their pilot and their
    /// starts, and ln f at the fresh configurations.
    fn measurement_work(&self, visible: usize, hidden: usize) -> u64 {
        let pilot = 100 * (self.ais_temperatures / 10).clamp(20, 500);
        let run = self.ais_chains * self.ais_temperatures;
        let reverse = if visible.min(hidden) > WHOLE_LAW_LIMIT {
            let Tempering { rungs, rounds } = TEMPERING;
            let starts = 100 * 20 + self.ais_chains * rungs * rounds;
            starts + run + self.ais_chains * DATA_STEPS + run
        } else {
            run
        };
        let steps = pilot + run + reverse + CHAINS * self.sweeps;
        steps as u64 * step_work(visible, hidden)
    }

    /// The options that decide what a cell holds, less the values that name the cell.
    pub fn made_with(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct MadeWith {
            samples: usize,
            epochs: usize,
            every: usize,
            gibbs_steps: usize,
            batch: usize,
            learning_rate: f64,
            decay: String,
            ais_temperatures: usize,
            ais_chains: usize,
            sweeps: usize,
            seed: u64,
        }
        MadeWith {
            samples: self.samples,
            epochs: self.epochs,
            every: self.every,
            gibbs_steps: self.gibbs_steps,
            batch: self.batch,
            learning_rate: self.learning_rate,
            decay: self.decay.to_string(),
            ais_temperatures: self.ais_temperatures,
            ais_chains: self.ais_chains,
            sweeps: self.sweeps,
            seed: self.common.seed,
        }
    }
}

/// One training run, with its measurements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub lattice: Lattice,
    pub temperature: f64,
    pub hidden: usize,
    pub replica: usize,
    /// Units drawn in an epoch.
    pub epoch_work: u64,
    /// Units drawn in a measurement.
    pub measurement_work: u64,
    epochs: usize,
    measurements: usize,
}

impl sweep::Cell for Cell {
    fn id(&self) -> String {
        let lattice = self.lattice.to_string().replace(':', "-");
        let Self { temperature, hidden, replica, .. } = self;
        format!("{lattice}_t{temperature}_h{hidden}_r{replica}")
    }

    /// Units drawn.
    fn work(&self) -> u64 {
        self.epochs as u64 * self.epoch_work + self.measurements as u64 * self.measurement_work
    }

    fn rows(&self) -> usize {
        self.measurements
    }
}
