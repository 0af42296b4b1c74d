//! What ln Z is estimated of. The forty machines are fixed: they were chosen before the first run.

use gibbsite::enumerate::{log_partition, whole_law};
use gibbsite::error::{Error, Result};
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::path::{GeometricPath, Path};
use gibbsite::random::Seed;
use gibbsite::targets::bars_and_stripes::{BarsAndStripes, Patterns};
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::{ContrastiveDivergence, Exact, HiddenStatistics};
use gibbsite::training::trainer::{Training, train};
use rand_distr::{Distribution, Normal};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// A family of subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Family {
    /// Twenty machines that learned small laws by the exact gradient.
    Trained,
    /// Twenty machines with random weights.
    Random,
    /// Machines that learned the 8x8 Ising model by contrastive divergence.
    Lattice,
    /// The Ising model itself, without a machine.
    Spins,
}

pub const FAMILIES: [(Family, &str); 4] =
    [(Family::Trained, "trained"), (Family::Random, "random"), (Family::Lattice, "lattice"), (Family::Spins, "spins")];

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = FAMILIES.iter().find(|(_, name)| *name == text);
        found
            .map(|(family, _)| *family)
            .ok_or_else(|| "there is no such family; take some of trained, random, lattice, spins".to_string())
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = FAMILIES.iter().find(|(family, _)| family == self);
        f.write_str(found.map_or("", |(_, name)| name))
    }
}

/// One subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Subject {
    /// Learned the Ising model on a periodic square.
    LearnedIsing { side: usize, temperature: f64, hidden: usize },
    /// Learned bars and stripes.
    LearnedBars { side: usize, hidden: usize },
    /// Weights of this standard deviation, biases of half of it.
    Random { visible: usize, hidden: usize, deviation: f64 },
    /// Learned 8x8 spins from configurations.
    LearnedLattice { temperature: f64 },
    /// The spins themselves.
    Spins { side: usize, temperature: f64 },
}

/// Sites a side, and hidden units, of the machines that learn from configurations: their hidden layer is enumerated.
const LATTICE: (usize, usize) = (8, 16);

impl Subject {
    /// Those of a family; the spins' sides can be chosen.
    pub fn of(family: Family, sides: &[usize]) -> Vec<Self> {
        match family {
            Family::Trained => {
                let temperatures = [1.5, CRITICAL_TEMPERATURE, 3.0];
                let mut all = Vec::new();
                for temperature in temperatures {
                    for (side, hidden) in [(3, 4), (3, 9), (4, 4), (4, 10), (4, 20)] {
                        all.push(Self::LearnedIsing { side, temperature, hidden });
                    }
                }
                for (side, hidden) in [(3, 4), (3, 8), (3, 12), (3, 20), (4, 12)] {
                    all.push(Self::LearnedBars { side, hidden });
                }
                all
            }
            Family::Random => {
                let mut all = Vec::new();
                for (visible, hidden) in [(8, 4), (12, 8), (16, 16), (20, 12), (30, 10)] {
                    for deviation in [0.1, 0.5, 1.5, 3.0] {
                        all.push(Self::Random { visible, hidden, deviation });
                    }
                }
                all
            }
            Family::Lattice => {
                [1.8, CRITICAL_TEMPERATURE].map(|temperature| Self::LearnedLattice { temperature }).to_vec()
            }
            Family::Spins => {
                let at = |side: &usize| {
                    [2.0, CRITICAL_TEMPERATURE].map(|temperature| Self::Spins { side: *side, temperature })
                };
                sides.iter().flat_map(at).collect()
            }
        }
    }

    pub fn family(&self) -> Family {
        match self {
            Self::LearnedIsing { .. } | Self::LearnedBars { .. } => Family::Trained,
            Self::Random { .. } => Family::Random,
            Self::LearnedLattice { .. } => Family::Lattice,
            Self::Spins { .. } => Family::Spins,
        }
    }

    /// The name in the table, which is also the cell's.
    pub fn name(&self) -> String {
        let text = |t: f64| format!("{}", (t * 1000.0).round() / 1000.0);
        match *self {
            Self::LearnedIsing { side, temperature, hidden } => {
                format!("ising_{side}x{side}_t{}_h{hidden}", text(temperature))
            }
            Self::LearnedBars { side, hidden } => format!("bars_{side}x{side}_h{hidden}"),
            Self::Random { visible, hidden, deviation } => format!("random_{visible}x{hidden}_sd{deviation}"),
            Self::LearnedLattice { temperature } => {
                let (side, hidden) = LATTICE;
                format!("ising_{side}x{side}_t{}_h{hidden}", text(temperature))
            }
            Self::Spins { side, temperature } => {
                format!("spins_{side}x{side}_t{}", text(temperature))
            }
        }
    }

    pub fn visible(&self) -> usize {
        match *self {
            Self::LearnedIsing { side, .. } | Self::LearnedBars { side, .. } | Self::Spins { side, .. } => side * side,
            Self::Random { visible, .. } => visible,
            Self::LearnedLattice { .. } => LATTICE.0 * LATTICE.0,
        }
    }

    pub fn hidden(&self) -> Option<usize> {
        match *self {
            Self::LearnedIsing { hidden, .. } | Self::LearnedBars { hidden, .. } | Self::Random { hidden, .. } => {
                Some(hidden)
            }
            Self::LearnedLattice { .. } => Some(LATTICE.1),
            Self::Spins { .. } => None,
        }
    }

    /// Units of a row.
    pub fn units(&self) -> usize {
        self.visible() + self.hidden().unwrap_or(0)
    }

    /// Unit draws that making the subject is worth, roughly.
    pub fn preparation(&self) -> u64 {
        match *self {
            Self::LearnedIsing { .. } | Self::LearnedBars { .. } => {
                let smaller = self.visible().min(self.hidden().unwrap_or(0));
                (UPDATES as u64 * 8) << smaller
            }
            Self::LearnedLattice { .. } => 2_000_000_000,
            _ => 0,
        }
    }

    /// Trains or draws it.
    pub fn prepare(&self, seed: Seed) -> Result<Prepared> {
        let machine = |machine| Ok(Prepared::Machine(machine));
        match *self {
            Self::LearnedIsing { side, temperature, hidden } => {
                machine(by_exact_gradient(&torus(side, temperature)?, hidden, seed)?)
            }
            Self::LearnedBars { side, hidden } => {
                let bars = BarsAndStripes::new(side, side, Patterns::Distinct)?;
                machine(by_exact_gradient(&bars, hidden, seed)?)
            }
            Self::Random { visible, hidden, deviation } => machine(random(visible, hidden, deviation, seed)?),
            Self::LearnedLattice { temperature } => machine(from_configurations(temperature, seed)?),
            Self::Spins { side, temperature } => Ok(Prepared::Spins(torus(side, temperature)?)),
        }
    }
}

fn torus(side: usize, temperature: f64) -> Result<Ising> {
    Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, temperature)
}

/// Updates of the machines that learn whole laws.
const UPDATES: usize = 3000;

fn by_exact_gradient(target: &dyn Law, hidden: usize, seed: Seed) -> Result<Rbm> {
    let mut machine = Rbm::new(target.sites(), hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.1), seed.child("weights", 0))?;
    let settings = Training { epochs: UPDATES, learning_rate: 0.3, ..Training::default() };
    let (law, seed) = (whole_law(target)?, seed.child("training", 0));
    train(&mut machine, &mut Exact, &law, &settings, seed, &mut |_, _, _| Ok(()))?;
    Ok(machine)
}

/// CD-10 on 20,000 configurations, 50 epochs of mini-batches of 50.
fn from_configurations(temperature: f64, seed: Seed) -> Result<Rbm> {
    let (side, hidden) = LATTICE;
    let data = draw_configurations(&torus(side, temperature)?, 20_000, seed.child("data", 0))?;
    let mut machine = Rbm::new(side * side, hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.01), seed.child("weights", 0))?;
    let settings = Training { epochs: 50, learning_rate: 0.05, ..Training::default() };
    let mut estimator =
        ContrastiveDivergence { gibbs_steps: 10, clamped_steps: 0, hidden_statistics: HiddenStatistics::default() };
    let seed = seed.child("training", 0);
    train(&mut machine, &mut estimator, &data.configurations, &settings, seed, &mut |_, _, _| Ok(()))?;
    Ok(machine)
}

fn random(visible: usize, hidden: usize, deviation: f64, seed: Seed) -> Result<Rbm> {
    let mut machine = Rbm::new(visible, hidden)?;
    let couplings = machine.couplings();
    let normal = |deviation: f64| {
        Normal::new(0.0, deviation)
            .map_err(|reason| Error::invalid("a standard deviation", reason.to_string(), "take a finite one"))
    };
    let (weight, bias) = (normal(deviation)?, normal(deviation / 2.0)?);
    let mut generator = seed.generator();
    for (index, x) in machine.parameters_mut().iter_mut().enumerate() {
        *x = if index < couplings { weight } else { bias }.sample(&mut generator);
    }
    Ok(machine)
}

/// A subject that is ready.
pub enum Prepared {
    Machine(Rbm),
    Spins(Ising),
}

impl Prepared {
    /// ln Z: by enumeration, or by Kaufman's formula.
    pub fn exact(&self) -> Result<f64> {
        match self {
            Prepared::Machine(machine) => log_partition(machine),
            Prepared::Spins(ising) => match ising.log_partition() {
                Some(exact) => Ok(exact),
                None => log_partition(ising),
            },
        }
    }

    /// Calls `work` with the path from the uniform law.
    pub fn with_path<T>(&self, work: impl FnOnce(&dyn Path) -> Result<T>) -> Result<T> {
        match self {
            Prepared::Machine(machine) => work(&*machine.path()?),
            Prepared::Spins(ising) => {
                let kernel = multi_spin_metropolis(ising)?;
                work(&GeometricPath::new(ising, &kernel)?)
            }
        }
    }
}
