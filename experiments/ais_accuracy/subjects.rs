//! What ln Z is estimated of. The forty machines are fixed: they were chosen before the first run.

use super::Cell;
use gibbsite::error::Result;
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::path::{GeometricPath, Path};
use gibbsite::prelude::*;
use gibbsite::targets::bars_and_stripes::{BarsAndStripes, Patterns};
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::training::gradient::ContrastiveDivergence;
use laboratory::prelude::{Positive, choice, iproduct};
use rand_distr::{Distribution, StandardNormal};

choice! {
    /// A family of subjects: machines that learned small laws by the exact gradient, machines with random weights, machines
    /// that learned the 8x8 Ising model by contrastive divergence, and the Ising model itself, without a machine.
    pub Family { Trained = "trained", Random = "random", Lattice = "lattice", Spins = "spins" }
}

impl Family {
    /// The family in words.
    pub fn title(self) -> &'static str {
        match self {
            Family::Trained => "20 machines that learned small laws",
            Family::Random => "20 machines with random weights",
            Family::Lattice => "machines that learned 8x8 spins",
            Family::Spins => "the Ising model itself",
        }
    }
}

/// One subject.
pub struct Subject {
    pub cell: Cell,
    /// Trains or draws it.
    pub prepare: Box<dyn Fn(Seed) -> Result<Prepared>>,
}

/// A subject that is ready.
pub enum Prepared {
    Machine(Rbm),
    Spins(Ising),
}

/// Updates of the machines that learn whole laws.
const UPDATES: usize = 3000;

impl Subject {
    /// Those of a family; the spins' sides can be chosen.
    pub fn all(family: Family, sides: &[Positive]) -> Vec<Self> {
        let critical = CRITICAL_TEMPERATURE;
        let mut all = Vec::new();
        let mut add = |model: String, visible, hidden, prepare: Box<dyn Fn(Seed) -> Result<Prepared>>| {
            all.push(Self { cell: Cell { model, visible, hidden }, prepare });
        };
        match family {
            Family::Trained => {
                for (t, (side, hidden)) in iproduct!([1.5, critical, 3.0], [(3, 4), (3, 9), (4, 4), (4, 10), (4, 20)]) {
                    let name = format!("ising_{side}x{side}_t{}_h{hidden}", rounded(t));
                    add(name, side * side, Some(hidden), Box::new(move |seed| learned(&torus(side, t)?, hidden, seed)));
                }
                for (side, hidden) in [(3, 4), (3, 8), (3, 12), (3, 20), (4, 12)] {
                    let bars = move || BarsAndStripes::new(side, side, Patterns::Distinct);
                    let make = move |seed| learned(&bars()?, hidden, seed);
                    add(format!("bars_{side}x{side}_h{hidden}"), side * side, Some(hidden), Box::new(make));
                }
            }
            Family::Random => {
                let shapes = [(8, 4), (12, 8), (16, 16), (20, 12), (30, 10)];
                for ((visible, hidden), deviation) in iproduct!(shapes, [0.1, 0.5, 1.5, 3.0]) {
                    let name = format!("random_{visible}x{hidden}_sd{deviation}");
                    add(name, visible, Some(hidden), Box::new(move |seed| random(visible, hidden, deviation, seed)));
                }
            }
            Family::Lattice => {
                for t in [1.8, critical] {
                    let make = move |seed| from_configurations(&torus(8, t)?, 16, seed);
                    add(format!("ising_8x8_t{}_h16", rounded(t)), 64, Some(16), Box::new(make));
                }
            }
            Family::Spins => {
                for (&Positive(side), t) in iproduct!(sides, [2.0, critical]) {
                    let name = format!("spins_{side}x{side}_t{}", rounded(t));
                    add(name, side * side, None, Box::new(move |_| Ok(Prepared::Spins(torus(side, t)?))));
                }
            }
        }
        all
    }

    /// Unit draws that making it is worth, roughly.
    pub fn preparation(&self) -> f64 {
        let smaller = self.cell.hidden.map_or(0, |hidden| hidden.min(self.cell.visible));
        match self.cell.family() {
            Family::Trained => (UPDATES * 8) as f64 * 2_f64.powi(smaller as i32),
            Family::Lattice => 2e9,
            _ => 0.0,
        }
    }
}

/// A subject as a reader calls it, by its name: `4x4 spins, T = 1.5, 20 hidden units`.
pub fn in_words(name: &str) -> String {
    let mut parts = name.split('_');
    let (kind, size) = (parts.next().unwrap_or(name), parts.next().unwrap_or(""));
    let kind = match kind {
        "ising" | "spins" => format!("{size} spins"),
        "bars" => format!("bars and stripes of {size}"),
        _ => format!("{kind} weights, {size} units"),
    };
    let words = parts.map(|part| {
        let number = part.trim_start_matches(char::is_alphabetic);
        match part.chars().next() {
            Some('t') => format!(", T = {number}"),
            Some('h') => format!(", {number} hidden units"),
            _ => format!(", deviation {number}"),
        }
    });
    kind + &words.collect::<String>()
}

/// A temperature in names.
fn rounded(temperature: f64) -> f64 {
    (temperature * 1000.0).round() / 1000.0
}

fn torus(side: usize, temperature: f64) -> Result<Ising> {
    Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, temperature)
}

/// Weights of this standard deviation, biases of half of it.
fn random(visible: usize, hidden: usize, deviation: f64, seed: Seed) -> Result<Prepared> {
    let (mut machine, mut generator) = (Rbm::new(visible, hidden)?, seed.generator());
    let couplings = machine.couplings();
    for (index, x) in machine.parameters_mut().iter_mut().enumerate() {
        let normal: f64 = StandardNormal.sample(&mut generator);
        *x = if index < couplings { deviation } else { deviation / 2.0 } * normal;
    }
    Ok(Prepared::Machine(machine))
}

/// By the exact gradient.
fn learned(target: &dyn Law, hidden: usize, seed: Seed) -> Result<Prepared> {
    let mut machine = Rbm::new(target.sites(), hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.1), seed.child("weights", 0))?;
    let settings = Training { epochs: UPDATES, learning_rate: 0.3, ..Training::default() };
    let (law, seed) = (whole_law(target)?, seed.child("training", 0));
    train(&mut machine, &mut Exact, &law, &settings, seed, &mut |_, _, _| Ok(()))?;
    Ok(Prepared::Machine(machine))
}

/// CD-10 on 20,000 configurations, 50 epochs of mini-batches of 50.
fn from_configurations(ising: &Ising, hidden: usize, seed: Seed) -> Result<Prepared> {
    let data = draw_configurations(ising, 20_000, seed.child("data", 0))?.configurations;
    let mut machine = Rbm::new(data.sites(), hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.01), seed.child("weights", 0))?;
    let settings = Training { epochs: 50, learning_rate: 0.05, ..Training::default() };
    let mut estimator = ContrastiveDivergence::new(10, 0, HiddenStatistics::default());
    let seed = seed.child("training", 0);
    train(&mut machine, &mut estimator, &data, &settings, seed, &mut |_, _, _| Ok(()))?;
    Ok(Prepared::Machine(machine))
}

impl Prepared {
    /// ln Z: by enumeration, or by Kaufman's formula.
    pub fn exact(&self) -> Result<f64> {
        match self {
            Prepared::Machine(machine) => log_partition(machine),
            Prepared::Spins(ising) => ising.log_partition().map_or_else(|| log_partition(ising), Ok),
        }
    }

    /// Calls `work` with the path from the uniform law.
    pub fn with_path<T>(&self, work: impl FnOnce(&dyn Path) -> Result<T>) -> Result<T> {
        match self {
            Prepared::Machine(machine) => work(&*machine.path(None)?),
            Prepared::Spins(ising) => work(&GeometricPath::new(ising, &multi_spin_metropolis(ising)?)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that learned the law of 3x3 spins is closer to it than one of the first weights by a factor of fifty.
    #[test]
    fn machines_learn_their_laws() {
        let ising = torus(3, 3.0).unwrap();
        let law = log_probabilities(&ising).unwrap();
        let kl = |machine: &Rbm| -> f64 {
            let model = log_probabilities(machine).unwrap();
            law.iter().zip(&model).map(|(p, q)| p.exp() * (p - q)).sum()
        };
        let Prepared::Machine(learned) = learned(&ising, 9, Seed::root(1)).unwrap() else { panic!("no machine") };
        let mut first = Rbm::new(9, 9).unwrap();
        first.initialize(InitialWeights::Gaussian(0.1), Seed::root(1).child("weights", 0)).unwrap();
        assert!(kl(&learned) < 0.02 * kl(&first), "{} and {}", kl(&learned), kl(&first));
    }

    #[test]
    fn subjects_are_called_by_what_they_are() {
        let names = ["ising_4x4_t1.5_h20", "bars_3x3_h8", "random_30x10_sd3", "spins_16x16_t2.269"];
        let words = [
            "4x4 spins, T = 1.5, 20 hidden units",
            "bars and stripes of 3x3, 8 hidden units",
            "random weights, 30x10 units, deviation 3",
            "16x16 spins, T = 2.269",
        ];
        assert_eq!(names.map(in_words), words);
    }
}
