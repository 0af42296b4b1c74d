//! The options of the experiment, and the cells that they span.

use super::exact::Exact;
use clap::Parser;
use gibbsite::enumerate::VISIBLE_LIMIT;
use gibbsite::monitor::observables::{HIDDEN_LIMIT, Sampling};
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::Training;
use laboratory::error::{Error, Result};
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::harness::sweep;
use laboratory::list::List;
use laboratory::value::{Positive, PositiveNumber, as_text, at_least_one, check_at_most, positive};
use serde::Serialize;

/// Does a machine that dreams of spins have their energy, specific heat, magnetisation and susceptibility?
///
/// For every temperature: samples the Ising model (Wolff clusters and Metropolis sweeps), trains one RBM for each number
/// of hidden units and replica by contrastive divergence, lets it generate configurations by block Gibbs, and holds its
/// observables against Monte Carlo and against the exact solution. Error bars know autocorrelation; where the hidden
/// units can be enumerated (18 or fewer) the exact observables of the machine are there too.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "ising_observables", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// Lattice with J = 1: chain:N, ring:N, square:LxM, square-open:LxM, triangular:LxM or cubic:LxMxN
    #[arg(long, value_name = "LATTICE", default_value = "square:8x8", help_heading = "Target")]
    #[serde(serialize_with = "as_text")]
    pub lattice: Lattice,

    /// Temperatures T > 0 in units of J (k_B = 1); the infinite square lattice is critical at 2.269
    #[arg(
        long,
        value_name = "LIST",
        default_value = "1,1.5,2,2.269,2.5,3,3.54",
        allow_negative_numbers = true,
        help_heading = "Target"
    )]
    pub temperatures: List<PositiveNumber>,

    /// Training configurations a temperature and replica
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = at_least_one, help_heading = "Target")]
    pub samples: usize,

    /// Hidden units
    #[arg(long, value_name = "LIST", default_value = "4,16,64", help_heading = "Sweep")]
    pub hidden: List<Positive>,

    /// Replicas of each machine, with data, weights and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = at_least_one, help_heading = "Sweep")]
    pub replicas: usize,

    /// Passes over the training configurations
    #[arg(long, value_name = "NUMBER", default_value_t = 250, value_parser = at_least_one, help_heading = "Training")]
    pub epochs: usize,

    /// Gibbs steps k of contrastive divergence
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = at_least_one, help_heading = "Training")]
    pub gibbs_steps: usize,

    /// Configurations a mini-batch
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,

    /// Step along the gradient, which is a mean per configuration
    #[arg(long, value_name = "RATE", default_value_t = 0.05, value_parser = positive, allow_negative_numbers = true, help_heading = "Training")]
    pub learning_rate: f64,

    /// Fall of the learning rate: none, exponential:T or inverse:T, T in updates
    #[arg(long, value_name = "DECAY", default_value = "exponential:25000", help_heading = "Training")]
    #[serde(serialize_with = "as_text")]
    pub decay: Decay,

    /// Steps measured on each of 64 chains, of Monte Carlo and of every machine, after a fifth as many to equilibrate
    #[arg(long, value_name = "NUMBER", default_value_t = 5000, value_parser = at_least_one, help_heading = "Measuring")]
    pub sweeps: usize,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  ising_observables              the figures of the README, a few minutes on two cores
  ising_observables --quick      every file in seconds
  ising_observables --lattice square:16x16 --temperatures 2,2.269,2.6 --hidden 64,256
  ising_observables --lattice triangular:6x6 --temperatures 3,3.641,4.5 --hidden 16
  ising_observables --paper --temperatures 2.269185314213022 --hidden 16,64 --replicas 5
                                 the critical point of Torlai and Melko's protocol, an hour
  ising_observables --paper      all of it: 21 temperatures, four sizes, most of a day";

/// Chains of Monte Carlo and of every machine.
const CHAINS: usize = 64;

impl ExperimentOptions for Options {
    const NAME: &'static str = "ising_observables";

    #[rustfmt::skip]
    const QUICK: &'static [&'static str] = &[
        "--temperatures", "2.269,3.54", "--hidden", "4,16", "--samples", "5000", "--replicas", "2",
        "--epochs", "100", "--decay", "exponential:3000", "--sweeps", "2000",
    ];

    /// Torlai and Melko 2016, with a fall of the learning rate at the end of the 4,000,000 updates.
    #[rustfmt::skip]
    const PAPER: &'static [&'static str] = &[
        "--temperatures",
        "1,1.127,1.254,1.381,1.508,1.635,1.762,1.889,2.016,2.143,2.27,2.397,2.524,2.651,2.778,2.905,3.032,3.159,3.286,3.413,3.54",
        "--hidden", "4,16,64,256", "--samples", "100000", "--replicas", "1", "--epochs", "2000",
        "--gibbs-steps", "20", "--batch", "50", "--learning-rate", "0.01", "--decay", "exponential:1000000",
        "--sweeps", "20000",
    ];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        for hidden in self.hidden.iter() {
            check_at_most("--hidden", hidden.0, 100_000)?;
        }
        check_at_most("--samples", self.samples, 100_000_000)?;
        check_at_most("--batch", self.batch, 10_000_000)?;
        check_at_most("--sweeps", self.sweeps, 1_000_000)?;
        let least = 100;
        if self.sweeps < least {
            return Err(Error::invalid(
                format!("--sweeps {}", self.sweeps),
                "no error bar can be told from so few",
                format!("take at least {least}"),
            ));
        }
        check_at_most(&format!("--lattice {}: sites", self.lattice), self.lattice.sites(), 1 << 16)
    }
}

impl Options {
    /// How every source is sampled.
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

    /// The temperature of the energy histogram: the one nearest to the critical one of the square lattice.
    pub fn histogram_temperature(&self) -> f64 {
        let distance = |t: f64| (t - CRITICAL_TEMPERATURE).abs();
        let all = self.temperatures.iter().map(|t| t.0);
        all.fold(f64::INFINITY, |best, t| if distance(t) < distance(best) { t } else { best })
    }

    /// Energies that the lattice may have: a broken bond costs 2.
    pub fn energies(&self) -> impl Iterator<Item = f64> {
        let bonds = self.lattice.bonds().len() as i64;
        (0..=bonds).map(move |broken| (2 * broken - bonds) as f64)
    }

    /// Every cell, in the order of rows.csv.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        let energies = self.energies().count();
        for temperature in self.temperatures.iter().map(|t| t.0) {
            let at_critical = temperature == self.histogram_temperature();
            let histogram = if at_critical { energies } else { 0 };
            let observables = Observable::ALL.len();
            let measured = (CHAINS * self.sweeps) as f64 * 1.2;
            let sites = self.lattice.sites() as f64;
            let known = Exact::count(self.lattice);
            if known > 0 {
                let enumerated = self.lattice.sites() <= VISIBLE_LIMIT;
                cells.push(Cell {
                    temperature,
                    source: Source::Exact,
                    work: if enumerated { 30 << self.lattice.sites() } else { 1 },
                    rows: known,
                });
            }
            cells.push(Cell {
                temperature,
                source: Source::MonteCarlo,
                work: (measured * sites * 4.0) as u64,
                rows: observables + histogram,
            });
            for hidden in self.hidden.iter().map(|hidden| hidden.0) {
                for replica in 0..self.replicas {
                    let steps = (self.epochs * self.samples * (self.gibbs_steps + 3)) as f64 + measured;
                    let exact = if hidden <= HIDDEN_LIMIT { observables } else { 0 };
                    cells.push(Cell {
                        temperature,
                        source: Source::Machine { hidden, replica },
                        // A step of a machine costs a constant beside its weights.
                        work: (steps * (sites * hidden as f64 + 1500.0) / 8.0).min(1e15) as u64,
                        rows: observables + exact + histogram,
                    });
                }
            }
        }
        cells
    }

    /// The options that decide what a cell holds, less the values that name the cell.
    pub fn made_with(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct MadeWith {
            lattice: String,
            samples: usize,
            epochs: usize,
            gibbs_steps: usize,
            batch: usize,
            learning_rate: f64,
            decay: String,
            sweeps: usize,
            histogram_temperature: f64,
            seed: u64,
        }
        MadeWith {
            lattice: self.lattice.to_string(),
            samples: self.samples,
            epochs: self.epochs,
            gibbs_steps: self.gibbs_steps,
            batch: self.batch,
            learning_rate: self.learning_rate,
            decay: self.decay.to_string(),
            sweeps: self.sweeps,
            histogram_temperature: self.histogram_temperature(),
            seed: self.common.seed,
        }
    }
}

/// What one cell measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// What is known exactly of the Ising model.
    Exact,
    /// The Ising model itself.
    MonteCarlo,
    /// A machine trained on it.
    Machine { hidden: usize, replica: usize },
}

/// One source at one temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub temperature: f64,
    pub source: Source,
    work: u64,
    rows: usize,
}

impl sweep::Cell for Cell {
    fn id(&self) -> String {
        let t = self.temperature;
        match self.source {
            Source::Exact => format!("t{t}_exact"),
            Source::MonteCarlo => format!("t{t}_monte_carlo"),
            Source::Machine { hidden, replica } => format!("t{t}_h{hidden}_r{replica}"),
        }
    }

    fn work(&self) -> u64 {
        self.work
    }

    fn rows(&self) -> usize {
        self.rows
    }
}
