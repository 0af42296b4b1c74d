//! Couplings learned back from configurations, with their standard errors: the inverse Ising problem.

use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::monitor::couplings::{Criterion, learned_couplings};
use gibbsite::prelude::*;
use gibbsite::training::gradient::PseudoLikelihood;

fn main() -> gibbsite::error::Result<()> {
    let temperature = 2.5;
    let ising = Ising::on_lattice(Lattice::Square(3, 4), 1.0, 0.0, temperature)?;
    let data = draw_configurations(&ising, 20_000, Seed::root(1))?.configurations;

    // Every pair of sites may be coupled; the maximum of the pseudo-likelihood, by plain descent with momentum.
    let machine = BoltzmannMachine::new(12, 0, &full_graph(12))?;
    let settings = Training { learning_rate: 0.5, momentum: 0.9, ..Training::default() };
    let weighted = data.distinct();
    let mut trainer = Trainer::new(machine, Box::new(PseudoLikelihood), weighted, &settings, Seed::root(2))?;
    trainer.train(500)?;

    let bonds = Lattice::Square(3, 4).bonds();
    println!(" i  j   J_ij / T");
    for found in learned_couplings(trainer.model(), &data, Criterion::PseudoLikelihood)? {
        let Some(j) = found.j.filter(|&j| bonds.contains(&(found.i, j)) || bonds.contains(&(j, found.i))) else {
            continue;
        };
        println!(
            "{:2} {j:2}   {:.3} +- {:.3}, truly {:.3}",
            found.i,
            found.value,
            found.standard_error,
            1.0 / temperature
        );
    }
    Ok(())
}
