//! Machines with known answers, easy and built to fool: what `converged` and `trusted` are held against.
//!
//! The smaller layer of each has at most 16 units, so that ln Z, and the observables of its visible units, can be
//! summed. A member of the battery is the same kind of machine for every seed, and its parameters are the seed's.

use crate::configuration::Configurations;
use crate::enumerate::log_partition;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::rbm::{InitialWeights, Rbm};
use crate::monte_carlo::ising_sample::draw_configurations;
use crate::random::{Generator, Seed, uniform};
use crate::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use crate::targets::ising::Ising;
use crate::targets::lattice::Lattice;
use crate::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use crate::training::schedule::Decay;
use crate::training::trainer::{Training, train};
use rand::RngExt;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What the machines of a family have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Small random weights, and machines that learned the 4x4 Ising model at and above its critical temperature.
    Easy,
    /// Modes of unequal mass around random patterns.
    Separated,
    /// One mode that no annealed chain meets: a golf hole.
    Narrow,
    /// The 4x4 ferromagnet in a weak field, warm to cold.
    Ferromagnet,
    /// A 4x4 spin glass with couplings +-J.
    Glass,
    /// Machines that learned the 6x6 Ising model below its critical temperature.
    Cold,
    /// Large random weights.
    LargeWeights,
}

impl Family {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 7] =
        [Self::Easy, Self::Separated, Self::Narrow, Self::Ferromagnet, Self::Glass, Self::Cold, Self::LargeWeights];

    /// The name in tables: `large_weights`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Separated => "separated",
            Self::Narrow => "narrow",
            Self::Ferromagnet => "ferromagnet",
            Self::Glass => "glass",
            Self::Cold => "cold",
            Self::LargeWeights => "large_weights",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|family| family.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no such family; take some of {names}")
        })
    }
}

/// How a machine is made.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Recipe {
    /// Weights of this standard deviation, biases of half of it.
    Random {
        visible: usize,
        hidden: usize,
        deviation: f64,
    },
    /// Learned the Ising model on a periodic square.
    Learned {
        side: usize,
        temperature: f64,
        hidden: usize,
    },
    Separated {
        modes: usize,
        strength: f64,
    },
    Narrow {
        mass: f64,
    },
    /// K = J / T; the field is the seed's.
    Ferromagnet {
        coupling: f64,
    },
    Glass {
        temperature: f64,
    },
}

/// A machine of the battery, not made yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Its family.
    pub family: Family,
    /// Its place in the family, from 0.
    pub number: usize,
    recipe: Recipe,
}

/// Visible units around whose patterns modes are separated.
const PATTERN: usize = 30;

/// Visible and hidden units of a machine with a narrow mode.
const NARROW: (usize, usize) = (36, 10);

/// The lattice of the ferromagnet and the glass, whose visible layer is the smaller one.
const SPINS: Lattice = Lattice::Square(4, 4);

/// Every machine of a family.
pub fn members(family: Family) -> Vec<Member> {
    let random = |(visible, hidden, deviation)| Recipe::Random { visible, hidden, deviation };
    let learned = |(side, temperature, hidden)| Recipe::Learned { side, temperature, hidden };
    let recipes: Vec<Recipe> = match family {
        Family::Easy => [(8, 6, 0.1), (30, 12, 0.2), (16, 16, 0.3), (12, 20, 0.4), (24, 8, 0.5)]
            .map(random)
            .into_iter()
            .chain([(4, CRITICAL_TEMPERATURE, 8), (4, 3.0, 8)].map(learned))
            .collect(),
        Family::Separated => [(4, 1.5), (6, 2.0), (8, 2.5), (10, 3.0), (12, 3.5)]
            .map(|(modes, strength)| Recipe::Separated { modes, strength })
            .to_vec(),
        Family::Narrow => [0.03, 0.1, 0.3, 0.9].map(|mass| Recipe::Narrow { mass }).to_vec(),
        Family::Ferromagnet => [0.3, 0.44, 0.6, 0.9].map(|coupling| Recipe::Ferromagnet { coupling }).to_vec(),
        Family::Glass => [0.5, 1.0, 1.5].map(|temperature| Recipe::Glass { temperature }).to_vec(),
        Family::Cold => [(6, 1.0, 8), (6, 1.5, 12), (6, 1.8, 16)].map(learned).to_vec(),
        Family::LargeWeights => [(20, 10, 1.5), (16, 16, 1.5), (20, 10, 3.0), (12, 8, 3.0)].map(random).to_vec(),
    };
    recipes.into_iter().enumerate().map(|(number, recipe)| Member { family, number, recipe }).collect()
}

/// Configurations that a machine learns from, and passes over them.
const LESSONS: (usize, usize) = (5_000, 40);

impl Member {
    /// Its name, the same for every seed: `narrow_0.1`.
    pub fn name(&self) -> String {
        let text = |t: f64| format!("{}", (t * 1000.0).round() / 1000.0);
        match self.recipe {
            Recipe::Random { visible, hidden, deviation } => format!("random_{visible}x{hidden}_sd{deviation}"),
            Recipe::Learned { side, temperature, hidden } => {
                format!("ising_{side}x{side}_t{}_h{hidden}", text(temperature))
            }
            Recipe::Separated { modes, strength } => format!("modes_{modes}_strength{strength}"),
            Recipe::Narrow { mass } => format!("narrow_{mass}"),
            Recipe::Ferromagnet { coupling } => format!("ferromagnet_k{coupling}"),
            Recipe::Glass { temperature } => format!("glass_t{temperature}"),
        }
    }

    /// Visible and hidden units.
    pub fn shape(&self) -> (usize, usize) {
        match self.recipe {
            Recipe::Random { visible, hidden, .. } => (visible, hidden),
            Recipe::Learned { side, hidden, .. } => (side * side, hidden),
            Recipe::Separated { modes, .. } => (PATTERN, modes),
            Recipe::Narrow { .. } => NARROW,
            Recipe::Ferromagnet { .. } | Recipe::Glass { .. } => (SPINS.sites(), SPINS.bonds().len()),
        }
    }

    /// The lattice of its visible units, where they have one.
    pub fn lattice(&self) -> Option<Lattice> {
        match self.recipe {
            Recipe::Learned { side, .. } => Some(Lattice::Square(side, side)),
            Recipe::Ferromagnet { .. } | Recipe::Glass { .. } => Some(SPINS),
            _ => None,
        }
    }

    /// An Ising model without field on its visible units, whose energy and magnetisation can be measured on it: on its
    /// lattice at its temperature, else on a chain at T = 1.
    pub fn ruler(&self) -> Result<Ising> {
        let lattice = self.lattice().unwrap_or(Lattice::Chain(self.shape().0));
        let temperature = match self.recipe {
            Recipe::Learned { temperature, .. } | Recipe::Glass { temperature } => temperature,
            Recipe::Ferromagnet { coupling } => 1.0 / coupling,
            _ => 1.0,
        };
        Ising::on_lattice(lattice, 1.0, 0.0, temperature)
    }

    /// Unit draws that making it is worth, roughly.
    pub fn preparation(&self) -> u64 {
        match self.recipe {
            Recipe::Learned { side, hidden, .. } => {
                let (samples, epochs) = LESSONS;
                // The steps of contrastive divergence and the update.
                (samples * epochs * (GIBBS_STEPS + 1) * (side * side + hidden)) as u64
            }
            _ => 0,
        }
    }

    /// Makes it; every member has a seed of its own below `root`.
    pub fn machine(&self, root: Seed) -> Result<Rbm> {
        let seed = root.child(&self.name(), 0);
        match self.recipe {
            Recipe::Random { visible, hidden, deviation } => {
                random_machine(visible, hidden, deviation, deviation / 2.0, seed)
            }
            Recipe::Learned { hidden, .. } => {
                let (samples, epochs) = LESSONS;
                Ok(learned(&self.ruler()?, samples, hidden, epochs, seed)?.0)
            }
            Recipe::Separated { modes, strength } => separated_modes(PATTERN, modes, strength, 1.0, seed),
            Recipe::Narrow { mass } => narrow_mode(NARROW.0, NARROW.1, mass, seed),
            Recipe::Ferromagnet { coupling } => {
                let field = 0.01 + 0.04 * uniform(&mut seed.generator());
                of_spins(&Ising::on_lattice(SPINS, coupling, field, 1.0)?, SPINS)
            }
            Recipe::Glass { temperature } => of_spins(&glass(temperature, seed)?, SPINS),
        }
    }
}

fn glass(temperature: f64, seed: Seed) -> Result<Ising> {
    Ising::spin_glass(SPINS, 1.0, temperature, seed)
}

fn normal(mean: f64, deviation: f64) -> Result<Normal<f64>> {
    Normal::new(mean, deviation).map_err(|reason| {
        Error::invalid(
            format!("the standard deviation {deviation}"),
            reason.to_string(),
            "take a finite one that is not negative",
        )
    })
}

/// Weights and biases normal with these standard deviations.
pub fn random_machine(visible: usize, hidden: usize, weights: f64, biases: f64, seed: Seed) -> Result<Rbm> {
    let mut machine = Rbm::new(visible, hidden)?;
    let couplings = machine.couplings();
    let mut generator = seed.child("machine", 0).generator();
    let (weight, bias) = (normal(0.0, weights)?, normal(0.0, biases)?);
    for (k, x) in machine.parameters_mut().iter_mut().enumerate() {
        *x = if k < couplings { weight } else { bias }.sample(&mut generator);
    }
    Ok(machine)
}

/// A narrow mode of this mass that no annealed chain meets: the first hidden unit has the weight 6 to every visible unit,
/// and a bias that turns it on with this probability; the other parameters are weak.
pub fn narrow_mode(visible: usize, hidden: usize, mass: f64, seed: Seed) -> Result<Rbm> {
    let mut machine = random_machine(visible, hidden, 0.1, 0.1, seed)?;
    for i in 0..visible {
        machine.parameters_mut()[i * hidden] = 6.0;
    }
    let bias = visible * hidden + visible;
    let mut log_partition_at = |c: f64| {
        machine.parameters_mut()[bias] = c;
        log_partition(&machine)
    };
    let (off, all) = (log_partition_at(-1e4)?, log_partition_at(0.0)?);
    let on = all + (-(off - all).exp()).ln_1p();
    machine.parameters_mut()[bias] = off - on + (mass / (1.0 - mass)).ln();
    Ok(machine)
}

/// Modes around random patterns, a hidden unit each with the weights +-`strength`, whose log masses are normal with a
/// deviation of 1 about `excess` above that of the rest.
pub fn separated_modes(visible: usize, modes: usize, strength: f64, excess: f64, seed: Seed) -> Result<Rbm> {
    let mut machine = Rbm::new(visible, modes)?;
    let mut generator: Generator = seed.child("modes", 0).generator();
    let log_mass = normal(excess, 1.0)?;
    let rest = visible as f64 * std::f64::consts::LN_2;
    for j in 0..modes {
        let mut mode = 0.0;
        for i in 0..visible {
            let weight = if generator.random() { strength } else { -strength };
            machine.parameters_mut()[i * modes + j] = weight;
            mode += weight.exp().ln_1p();
        }
        let bias = visible * modes + visible + j;
        machine.parameters_mut()[bias] = rest - mode + log_mass.sample(&mut generator);
    }
    Ok(machine)
}

/// An Ising model on the visible units, a hidden unit for each bond of its lattice, in their order. With spins +-1, and
/// K = J_st / T of either sign, e^{K s t} = const sum_{h = +-1} e^{L h (s + sgn(K) t)} with cosh 2L = e^{2 |K|}.
pub fn of_spins(ising: &Ising, lattice: Lattice) -> Result<Rbm> {
    let bonds = lattice.bonds();
    let (n, m) = (lattice.sites(), bonds.len());
    let mut machine = Rbm::new(n, m)?;
    let parameters = machine.parameters_mut();
    parameters[n * m..n * m + n].fill(2.0 * ising.field() / ising.temperature());
    for (bond, (first, second)) in bonds.into_iter().enumerate() {
        let ends = ising.neighbours(first).iter();
        let strength: f64 = ends.filter(|end| end.0 == second).map(|end| end.1).sum();
        let coupling = strength / ising.temperature();
        let l = (2.0 * coupling.abs()).exp().acosh() / 2.0;
        for (site, sign) in [(first, 1.0), (second, coupling.signum())] {
            parameters[site * m + bond] = sign * 4.0 * l;
            parameters[n * m + site] -= sign * 2.0 * l;
            parameters[n * m + n + bond] -= sign * 2.0 * l;
        }
    }
    Ok(machine)
}

/// Gibbs steps by which machines learn.
const GIBBS_STEPS: usize = 5;

/// A machine that learned an Ising model by contrastive divergence, and its data.
pub fn learned(
    ising: &Ising,
    samples: usize,
    hidden: usize,
    epochs: usize,
    seed: Seed,
) -> Result<(Rbm, Configurations)> {
    let data = draw_configurations(ising, samples, seed.child("data", 0))?.configurations;
    let mut machine = Rbm::new(data.sites(), hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.01), seed.child("weights", 0))?;
    let settings = Training { epochs, learning_rate: 0.1, decay: Decay::Exponential(20_000.0), ..Training::default() };
    let mut estimator = ContrastiveDivergence::new(GIBBS_STEPS, 0, HiddenStatistics::default());
    train(&mut machine, &mut estimator, &data, &settings, seed.child("training", 0), &mut |_, _, _| Ok(()))?;
    Ok((machine, data))
}
