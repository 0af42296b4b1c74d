//! A lattice learned from configurations, and a spin glass from its couplings.

use gibbsite::prelude::*;

fn learn(law: &Ising, hidden: usize) -> gibbsite::error::Result<(Rbm, Configurations)> {
    let data = draw_configurations(law, 5000, Seed::root(1))?.configurations;
    let settings = Training { learning_rate: 0.1, batch: 100, ..Training::default() };
    let estimator = "pcd:5".parse::<Recipe>()?.estimator(&data, 100, hidden, Seed::root(2))?;
    let machine = Rbm::for_data(&data, hidden, Seed::root(3))?;
    let mut trainer = Trainer::new(machine, estimator, data.clone(), &settings, Seed::root(4))?;
    trainer.train(300)?;
    Ok((trainer.into_model(), data))
}

fn main() -> gibbsite::error::Result<()> {
    let (machine, data) = learn(&Ising::on_lattice(Lattice::Square(6, 6), 1.0, 0.0, 2.269)?, 16)?;
    let found = log_likelihood(&machine, &data, Seed::root(5))?;
    println!("ln p a configuration: {:.3}, between {:.3} and {:.3}", found.value, found.lower, found.upper);
    let samples = draw_from_machine(&machine, &uniform_configurations(36, 1000, Seed::root(6)), 1000, Seed::root(7))?;
    println!("{} samples; the first one: {:?}", samples.len(), samples.to_rows::<i8>()[0]);

    let strength = |i| [1.0, -1.0, 0.5][i % 3];
    let couplings: Vec<_> = (0..20).map(|i| Coupling { i, j: (7 * i + 3) % 20, strength: strength(i) }).collect();
    let glass = Ising::new(20, &couplings, 0.0, 1.5)?;
    let kl = ExactTarget::new(&glass)?.measure(&learn(&glass, 16)?.0, None)?.kl;
    println!("KL from the glass: {kl:.4} nats");
    Ok(())
}
