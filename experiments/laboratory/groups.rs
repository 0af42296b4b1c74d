//! Options that several experiments share: the same thing has the same name, text and check everywhere.

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::list::List;
use crate::options::check_at_most;
use crate::value::{Positive, PositiveNumber, at_least_one, finite, not_negative, positive, share};
use gibbsite::catalogue::{KINDS, Kind, TargetName};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::check_limit;
use gibbsite::model::rbm::InitialWeights;
use gibbsite::monitor::observables::Sampling;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::direction::{Offsets, Step};
use gibbsite::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use gibbsite::training::recipe::{EstimatorName, Recipe};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::Training;
use itertools::iproduct;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Ising models.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Target")]
pub struct IsingOptions {
    /// Lattices: chain:N, ring:N, square:LxM (periodic), square-open:LxM, triangular:LxM or cubic:LxMxN
    #[arg(long, alias = "lattice", value_name = "LIST", default_value = "square:3x3")]
    pub lattices: List<Lattice>,

    /// Temperatures T > 0 in units of J (k_B = 1); the infinite square lattice is critical at 2.269
    #[arg(long, alias = "temperature", value_name = "LIST", default_value = "2.269")]
    pub temperatures: List<PositiveNumber>,
}

/// The largest |E|/T of a state: beyond it sums of weights leave the real numbers.
const LARGEST: f64 = 1e100;

impl IsingOptions {
    /// Every lattice at every temperature.
    pub fn all(&self) -> impl Iterator<Item = (Lattice, f64)> + '_ {
        let at = |&lattice| self.temperatures.iter().map(move |t| (lattice, t.0));
        self.lattices.iter().flat_map(at)
    }

    /// Refuses lattices of more than `most` sites, and numbers that no Ising model is made of.
    pub fn check(&self, most: usize, (coupling, field): (f64, f64)) -> Result<()> {
        for (lattice, temperature) in self.all() {
            let sites = lattice.sites();
            if sites > most {
                return Err(Error::invalid(
                    format!("--lattices {lattice}"),
                    format!("it has {sites} sites"),
                    format!("take at most {most}"),
                ));
            }
            Ising::on_lattice(lattice, coupling, field, temperature)?;
            let largest = coupling.abs() * lattice.bonds().len() as f64 + field.abs() * sites as f64;
            if largest / temperature > LARGEST {
                return Err(Error::invalid(
                    format!("--temperatures {temperature} with --coupling {coupling} and --field {field}"),
                    "E/T leaves the range in which probabilities can be told apart",
                    "take a higher temperature, or weaker couplings",
                ));
            }
        }
        Ok(())
    }

    /// Refuses lattices whose states cannot all be visited for `purpose`.
    pub fn check_enumerable(&self, purpose: &str, limit: usize) -> Result<()> {
        for lattice in self.lattices.iter() {
            let what = format!("--lattices {lattice}: {purpose}");
            check_limit(&what, lattice.sites(), limit, "take a smaller one")?;
        }
        Ok(())
    }

    /// `the ring of 6 and the open chain of 6`.
    pub fn lattices_in_words(&self) -> String {
        let words: Vec<String> = self.lattices.iter().map(|l| format!("the {}", l.description())).collect();
        words.join(" and ")
    }

    /// `T = 2.269`, or nothing where there are several temperatures.
    pub fn one_temperature(&self) -> String {
        match self.temperatures[..] {
            [t] => format!("T = {t}"),
            _ => String::new(),
        }
    }
}

/// How machines learn.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Training")]
pub struct TrainingOptions {
    /// Passes over the data; with a whole law each is one update
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one)]
    pub epochs: usize,

    /// Configurations a mini-batch; with a whole law, chains that contrastive divergence starts
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one)]
    pub batch: usize,

    /// Step along the gradient, which is a mean per configuration
    #[arg(long, value_name = "RATE", default_value_t = 0.1, value_parser = positive)]
    pub learning_rate: f64,

    /// Fall of the learning rate: none, exponential:T or inverse:T, T in updates
    #[arg(long, value_name = "DECAY", default_value = "none")]
    pub decay: Decay,

    /// Share of the last step that is kept, 0 <= momentum < 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub momentum: f64,

    /// Strength of the L2 penalty on the weights (biases are free)
    #[arg(long, value_name = "STRENGTH", default_value_t = 0.0, value_parser = not_negative)]
    pub weight_decay: f64,

    /// Offsets of centred gradients: none, data, model, or mean of both
    #[arg(long, value_name = "WHICH", default_value = "none")]
    pub centred: Offsets,

    /// What an update goes along: gradient, adam, or natural:DAMPING (the natural gradient)
    #[arg(long, value_name = "STEP", default_value = "gradient")]
    pub step: Step,

    /// Updates back over which parameters are averaged before they are measured; 0 for none
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub average: u64,

    /// Law of the first weights: gaussian:STD, or uniform within 4 sqrt(6 / (n_v + n_h))
    #[arg(long, value_name = "LAW", default_value = "gaussian:0.01")]
    pub initial_weights: InitialWeights,
}

impl TrainingOptions {
    /// What the trainer needs.
    pub fn training(&self) -> Training {
        Training {
            epochs: self.epochs,
            batch: self.batch,
            learning_rate: self.learning_rate,
            decay: self.decay,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            centred: self.centred,
            discriminative: 0.0,
            step: self.step,
            average: self.average,
        }
    }

    /// CD-k with hidden units in closed form.
    pub fn contrastive_divergence(&self, gibbs_steps: usize) -> ContrastiveDivergence {
        ContrastiveDivergence::new(gibbs_steps, 0, HiddenStatistics::default())
    }

    /// Refuses a gradient that cannot take these steps.
    pub fn check_recipe(&self, recipe: &Recipe) -> Result<()> {
        if recipe.training(self.training()).check().is_ok() {
            return Ok(());
        }
        Err(Error::invalid(
            format!("--estimators {recipe} with --step {}", self.step),
            "the natural gradient does not depend on offsets",
            "leave centred= away",
        ))
    }

    /// Refuses what no memory holds.
    pub fn check(&self) -> Result<()> {
        check_at_most("--epochs", self.epochs, 100_000_000)?;
        check_at_most("--batch", self.batch, 10_000_000)?;
        if self.training().check().is_err() {
            return Err(Error::invalid(
                format!("--centred {} with --step {}", self.centred, self.step),
                "the natural gradient does not depend on offsets",
                "leave --centred at none",
            ));
        }
        check_rate(self.learning_rate)
    }
}

/// A statistic is at most 1, and so a step at most this.
const LARGEST_RATE: f64 = 1e6;

/// Refuses learning rates with which every number that follows is a mere size of the rate.
pub fn check_rate(rate: f64) -> Result<()> {
    if rate <= LARGEST_RATE {
        return Ok(());
    }
    Err(Error::invalid(format!("--learning-rate {rate}"), "no machine learns by such leaps", "take at most 1e6"))
}

/// Machines and their repetitions.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Sweep")]
pub struct MachineOptions {
    /// Hidden units
    #[arg(long, value_name = "LIST", default_value = "16")]
    pub hidden: List<Positive>,

    /// Replicas of each cell, with data, weights and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = at_least_one)]
    pub replicas: usize,
}

impl MachineOptions {
    /// Numbers of hidden units.
    pub fn hidden(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.hidden.iter().map(|hidden| hidden.0)
    }

    /// Refuses what no memory holds.
    pub fn check(&self) -> Result<()> {
        check_at_most("--replicas", self.replicas, 100_000)?;
        self.hidden().try_for_each(|hidden| check_at_most("--hidden", hidden, 100_000))
    }

    /// `median and range of 5 replicas`; of one replica nothing is summarised.
    pub fn replicas_in_words(&self, summary: &str) -> String {
        match self.replicas {
            1 => "one replica".to_string(),
            n => format!("{summary} of {n} replicas"),
        }
    }

    /// `5 replicas`, `one replica`.
    pub fn count_in_words(&self) -> String {
        match self.replicas {
            1 => "one replica".to_string(),
            n => format!("{n} replicas"),
        }
    }
}

/// How averages are measured along chains.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Measuring")]
pub struct SamplingOptions {
    /// Steps measured on each of 64 chains, after a fifth as many to equilibrate
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one)]
    pub sweeps: usize,
}

impl SamplingOptions {
    /// What the sampler needs.
    pub fn sampling(&self) -> Sampling {
        Sampling { chains: 64, equilibration: (self.sweeps / 5).max(100), measured: self.sweeps }
    }

    /// Refuses what no error bar can be told from, and more than `most`.
    pub fn check(&self, most: usize) -> Result<()> {
        check_at_most("--sweeps", self.sweeps, most)?;
        let least = 100;
        if self.sweeps >= least {
            return Ok(());
        }
        Err(Error::invalid(
            format!("--sweeps {}", self.sweeps),
            "no error bar can be told from so few",
            format!("take at least {least}"),
        ))
    }
}

/// Training configurations.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Target")]
pub struct DataOptions {
    /// Configurations to learn from, drawn by Monte Carlo
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = at_least_one)]
    pub samples: usize,
}

impl DataOptions {
    /// An Ising model with J = 1 and its data as a name: the data depend on nothing else but the replica.
    pub fn name(&self, lattice: Lattice, temperature: f64) -> String {
        format!("{lattice} T={temperature} M={}", self.samples)
    }

    /// The configurations of a replica: machines of all sizes learn the same.
    pub fn shared(&self, lattice: Lattice, temperature: f64, replica: usize, lab: &Lab) -> Result<Arc<Configurations>> {
        let name = self.name(lattice, temperature);
        lab.shared(format!("{name} data {replica}"), || {
            let ising = Ising::on_lattice(lattice, 1.0, 0.0, temperature)?;
            self.configurations(&ising, lab.seed(&name, 0).child("data", replica as u64))
        })
    }

    /// So many configurations of a model.
    pub fn configurations(&self, ising: &Ising, seed: Seed) -> Result<Configurations> {
        Ok(draw_configurations(ising, self.samples, seed)?.configurations)
    }

    /// Refuses what no memory holds.
    pub fn check(&self) -> Result<()> {
        check_at_most("--samples", self.samples, 100_000_000)
    }
}

/// Coupling and field of Ising models.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Target")]
pub struct CouplingOptions {
    /// Uniform field h
    #[arg(long, value_name = "h", default_value_t = 0.0, value_parser = finite)]
    pub field: f64,

    /// Coupling J of every bond; positive aligns
    #[arg(long, value_name = "J", default_value_t = 1.0, value_parser = finite)]
    pub coupling: f64,
}

/// `1 hidden unit`, `8 hidden units`.
pub fn units(hidden: usize) -> String {
    format!("{hidden} hidden unit{}", if hidden == 1 { "" } else { "s" })
}

/// A target as a reader calls it: `periodic 3x3 square lattice`, `bars and stripes of 4x4`.
pub fn target_in_words(name: &TargetName) -> String {
    let name = name.to_string();
    if let Ok(lattice) = name.parse::<Lattice>() {
        return lattice.description();
    }
    match name.split_once(':') {
        Some(("bars", size)) => format!("bars and stripes of {size}"),
        Some(("bars-distinct", size)) => format!("distinct bars and stripes of {size}"),
        Some((kind, size)) => format!("{} of {size}", kind.replace(['_', '-'], " ")),
        None => name,
    }
}

/// Where training data come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Samples {
    /// The whole law.
    Exact,
    /// So many configurations by Monte Carlo.
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

impl FromStr for Samples {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "exact" => Ok(Samples::Exact),
            _ => at_least_one(text)
                .map(Samples::Count)
                .map_err(|_| "write exact, or a whole number from 1 to 1,000,000,000".to_string()),
        }
    }
}

impl Serialize for Samples {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Every estimator of the gradient with what it is, for --help.
pub fn estimators_in_words() -> String {
    let all = EstimatorName::all().map(|name| format!("{name} ({})", name.about()));
    format!("Gradient estimators: {}", all.collect::<Vec<_>>().join(", "))
}

/// Every kind of target that is wanted with what it is, for --help.
pub fn targets_in_words(wanted: impl Fn(&Kind) -> bool) -> String {
    let all = KINDS.iter().filter(|kind| wanted(kind)).map(|kind| format!("{} ({})", kind.form, kind.about));
    all.collect::<Vec<_>>().join(", ")
}

/// Estimators of the gradient.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Sweep")]
pub struct EstimatorOptions {
    /// Which ones.
    #[arg(long, value_name = "LIST", default_value = "exact,cd,pcd", help = estimators_in_words())]
    pub estimators: List<EstimatorName>,

    /// Gibbs steps k of estimators that sample
    #[arg(long, value_name = "LIST", default_value = "1,10")]
    pub gibbs_steps: List<Positive>,

    /// Hidden units given visible ones: analytic, sampled, or POSITIVE/NEGATIVE phase
    #[arg(long, value_name = "LIST", default_value = "analytic")]
    pub hidden_statistics: List<HiddenStatistics>,
}

impl EstimatorOptions {
    /// Every estimator with all its settings; the exact gradient has none.
    pub fn all(&self) -> impl Iterator<Item = Recipe> + Clone + '_ {
        self.estimators.iter().flat_map(|&name| {
            let exact = Recipe::new(name, None, HiddenStatistics::default());
            let settings = iproduct!(self.gibbs_steps.iter(), self.hidden_statistics.iter());
            let recipes = settings.filter(move |_| name.samples());
            let recipes = recipes.map(move |(k, &how)| Recipe::new(name, Some(k.0), how));
            (!name.samples()).then_some(exact).into_iter().chain(recipes)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds of targets that differ are called differently.
    #[test]
    fn targets_are_called_by_what_they_are() {
        for (name, words) in [
            ("bars:4x3", "bars and stripes of 4x3"),
            ("bars-distinct:4x3", "distinct bars and stripes of 4x3"),
            ("labelled_shifter:4", "labelled shifter of 4"),
            ("ring:6", "ring of 6"),
        ] {
            assert_eq!(target_in_words(&name.parse().unwrap()), words);
        }
    }

    /// A fifth of the steps that are measured, but not less than 100.
    #[test]
    fn chains_equilibrate_for_a_fifth_of_their_steps() {
        let of = |sweeps| SamplingOptions { sweeps }.sampling();
        assert_eq!((of(5000).equilibration, of(5000).measured), (1000, 5000));
        assert_eq!((of(200).equilibration, of(200).measured), (100, 200));
    }
}
