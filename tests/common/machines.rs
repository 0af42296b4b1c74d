//! Machines of the battery by plain numbers, for tests.

use gibbsite::battery;
use gibbsite::configuration::Configurations;
use gibbsite::model::rbm::Rbm;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;

/// [`battery::random_machine`].
pub fn random_machine(visible: usize, hidden: usize, weights: f64, biases: f64, seed: u64) -> Rbm {
    battery::random_machine(visible, hidden, weights, biases, Seed::root(seed)).unwrap()
}

/// [`battery::narrow_mode`].
pub fn narrow_mode(visible: usize, hidden: usize, mass: f64) -> Rbm {
    battery::narrow_mode(visible, hidden, mass, Seed::root(4)).unwrap()
}

/// [`battery::separated_modes`].
pub fn separated_modes(visible: usize, modes: usize, strength: f64, excess: f64, seed: u64) -> Rbm {
    battery::separated_modes(visible, modes, strength, excess, Seed::root(seed)).unwrap()
}

/// The 4x4 Ising model with couplings K and a field, a hidden unit a bond.
pub fn ferromagnet(coupling: f64, field: f64) -> Rbm {
    let lattice = Lattice::Square(4, 4);
    let ising = Ising::on_lattice(lattice, coupling, field, 1.0).unwrap();
    battery::of_spins(&ising, lattice).unwrap()
}

/// A machine that learned the 8x8 Ising model by contrastive divergence, and its data.
pub fn learned(temperature: f64, hidden: usize, epochs: usize) -> (Rbm, Configurations) {
    let ising = Ising::on_lattice(Lattice::Square(8, 8), 1.0, 0.0, temperature).unwrap();
    battery::learned(&ising, 20_000, hidden, epochs, Seed::root(1)).unwrap()
}
