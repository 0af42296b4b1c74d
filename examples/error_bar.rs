//! The error bar of an observable: by Monte Carlo and of a machine, beside the exact value.

use gibbsite::monitor::observables::{Sampling, exact_moments, sample_model};
use gibbsite::prelude::*;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::observable::Observable;

fn show(what: &str, estimate: &Estimate, exact: f64) {
    match (estimate.standard_error, estimate.doubt) {
        (Some(error), _) => println!("{what}: {:.4} +- {error:.4}, exactly {exact:.4}", estimate.value),
        (None, doubt) => println!("{what}: {:.4}, no error: {doubt:?}; exactly {exact:.4}", estimate.value),
    }
}

fn main() -> gibbsite::error::Result<()> {
    let ising = Ising::on_lattice(Lattice::Square(6, 6), 1.0, 0.0, 2.6)?;
    let data = draw_configurations(&ising, 10_000, Seed::root(1))?.configurations;
    let settings = Training { learning_rate: 0.05, batch: 100, ..Training::default() };
    let estimator = "cd:10".parse::<Recipe>()?.estimator(&data, 100, 12, Seed::root(2))?;
    let machine = Rbm::for_data(&data, 12, Seed::root(3))?;
    let mut trainer = Trainer::new(machine, estimator, data.clone(), &settings, Seed::root(4))?;
    trainer.train(30)?;

    let machine = trainer.into_model();
    let sampling = Sampling { chains: 32, equilibration: 500, measured: 2000 };
    let seen = sample_model(&ising, &machine, &data, sampling, Seed::root(5), &mut |_, _| ())?;
    let exact = exact_moments(&ising, &machine)?;
    for observable in Observable::ALL {
        let exact = observable.exactly(&exact, ising.sites(), ising.temperature());
        show(&format!("{} of the machine", observable.name()), &seen.estimate(observable), exact);
    }
    Ok(())
}
