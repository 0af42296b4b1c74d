//! Machines whose ln Z can be enumerated, easy and hard to anneal.

use gibbsite::configuration::Configurations;
use gibbsite::enumerate::log_partition;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::target::ising::Ising;
use gibbsite::target::lattice::Lattice;
use gibbsite::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::{Training, train};
use rand::RngExt;
use rand_distr::{Distribution, Normal};

/// Weights and biases normal with these standard deviations.
pub fn random_machine(visible: usize, hidden: usize, weights: f64, biases: f64, seed: u64) -> Rbm {
    let mut machine = Rbm::new(visible, hidden).unwrap();
    let couplings = machine.couplings();
    let mut generator = Seed::root(seed).child("machine", 0).generator();
    let (weight, bias) = (
        Normal::new(0.0, weights).unwrap(),
        Normal::new(0.0, biases).unwrap(),
    );
    for (k, x) in machine.parameters_mut().iter_mut().enumerate() {
        *x = if k < couplings { weight } else { bias }.sample(&mut generator);
    }
    machine
}

/// A narrow mode of this mass that no annealed chain meets: the first hidden unit has the weight 6 to every visible unit,
/// and a bias that turns it on with this probability; the other parameters are weak.
pub fn narrow_mode(visible: usize, hidden: usize, mass: f64) -> Rbm {
    let mut machine = random_machine(visible, hidden, 0.1, 0.1, 4);
    for i in 0..visible {
        machine.parameters_mut()[i * hidden] = 6.0;
    }
    let bias = visible * hidden + visible;
    let mut log_partition_at = |c: f64| {
        machine.parameters_mut()[bias] = c;
        log_partition(&machine).unwrap()
    };
    let (off, all) = (log_partition_at(-1e4), log_partition_at(0.0));
    let on = all + (-(off - all).exp()).ln_1p();
    machine.parameters_mut()[bias] = off - on + (mass / (1.0 - mass)).ln();
    machine
}

/// Modes around random patterns, a hidden unit each with the weights +-`strength`, whose log masses are normal with a
/// deviation of 1 about `excess` above that of the rest.
pub fn separated_modes(visible: usize, modes: usize, strength: f64, excess: f64, seed: u64) -> Rbm {
    let mut machine = Rbm::new(visible, modes).unwrap();
    let mut generator = Seed::root(seed).child("modes", 0).generator();
    let normal = Normal::new(excess, 1.0).unwrap();
    let rest = visible as f64 * std::f64::consts::LN_2;
    for j in 0..modes {
        let mut mode = 0.0;
        for i in 0..visible {
            let weight = if generator.random() {
                strength
            } else {
                -strength
            };
            machine.parameters_mut()[i * modes + j] = weight;
            mode += weight.exp().ln_1p();
        }
        let bias = visible * modes + visible + j;
        machine.parameters_mut()[bias] = rest - mode + normal.sample(&mut generator);
    }
    machine
}

/// The 4x4 Ising model with couplings K and a field, a hidden unit a bond:
/// e^{K s t} = const sum_{h = +-1} e^{J h (s + t)} with cosh 2J = e^{2K}.
pub fn ferromagnet(coupling: f64, field: f64) -> Rbm {
    let (n, m) = (16, 32);
    let j = (2.0 * coupling).exp().acosh() / 2.0;
    let mut machine = Rbm::new(n, m).unwrap();
    let parameters = machine.parameters_mut();
    parameters[n * m..n * m + n].fill(2.0 * field);
    for site in 0..n {
        let (x, y) = (site % 4, site / 4);
        let ends = [4 * y + (x + 1) % 4, (4 * y + 4) % 16 + x];
        for (number, end) in ends.into_iter().enumerate() {
            let bond = 2 * site + number;
            for site in [site, end] {
                parameters[site * m + bond] = 4.0 * j;
                parameters[n * m + site] -= 2.0 * j;
            }
            parameters[n * m + n + bond] = -4.0 * j;
        }
    }
    machine
}

/// A machine that learned the 8x8 Ising model by contrastive divergence, and its data.
pub fn learned(temperature: f64, hidden: usize, epochs: usize) -> (Rbm, Configurations) {
    let ising = Ising::on_lattice(Lattice::Square(8, 8), 1.0, 0.0, temperature).unwrap();
    let data = draw_configurations(&ising, 20_000, Seed::root(1))
        .unwrap()
        .configurations;
    let mut machine = Rbm::new(64, hidden).unwrap();
    let weights = InitialWeights::Gaussian(0.01);
    machine.initialize(weights, Seed::root(2)).unwrap();
    let settings = Training {
        epochs,
        learning_rate: 0.1,
        decay: Decay::Exponential(20_000.0),
        ..Training::default()
    };
    let mut estimator = ContrastiveDivergence {
        gibbs_steps: 5,
        clamped_steps: 0,
        hidden_statistics: HiddenStatistics::default(),
    };
    train(
        &mut machine,
        &mut estimator,
        &data,
        &settings,
        Seed::root(3),
        &mut |_, _, _| Ok(()),
    )
    .unwrap();
    (machine, data)
}
