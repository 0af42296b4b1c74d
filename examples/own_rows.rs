//! Rows of one's own: a machine learns them, and says how likely they are, from both sides.
//!
//! Twenty-four units in each layer are too many for a sum over all states, so that ln Z comes from annealing forward and back.

use gibbsite::prelude::*;
use rand::RngExt;

fn main() -> gibbsite::error::Result<()> {
    // In place of a file: twelve random bits, and twelve more that repeat them with one error in ten.
    let mut random = Seed::root(0).generator();
    let mut row = || -> Vec<bool> {
        let bits: Vec<bool> = (0..12).map(|_| random.random_bool(0.5)).collect();
        let repeated: Vec<bool> = bits.iter().map(|bit| bit ^ random.random_bool(0.1)).collect();
        [bits, repeated].concat()
    };
    let rows: Vec<Vec<bool>> = (0..5000).map(|_| row()).collect();
    let data = Configurations::from_rows(&rows)?;

    let settings = Training { learning_rate: 0.1, batch: 100, momentum: 0.5, ..Training::default() };
    let estimator = "pcd:5".parse::<Recipe>()?.estimator(&data, 100, 24, Seed::root(1))?;
    let machine = Rbm::for_data(&data, 24, Seed::root(2))?;
    let mut trainer = Trainer::new(machine, estimator, data.clone(), &settings, Seed::root(3))?;
    for epochs in [0, 20, 80] {
        trainer.train(epochs)?;
        let found = log_likelihood(trainer.model(), &data, Seed::root(4))?;
        let said = if found.trusted { "trusted".to_string() } else { format!("not trusted: {}", found.doubts) };
        println!(
            "after {:3} epochs: ln p = {:7.3} a row, between {:7.3} and {:7.3} ({said})",
            trainer.epochs(),
            found.value,
            found.lower,
            found.upper
        );
    }
    let best = 12.0 * (0.5_f64.ln() + 0.9 * 0.9_f64.ln() + 0.1 * 0.1_f64.ln());
    println!("the law that made the rows: ln p = {best:.3} a row");
    Ok(())
}
