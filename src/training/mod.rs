//! Estimators of the gradient, and the updates that follow it.
//!
//! A [`recipe::Recipe`] names an estimator (`exact`, `cd:1`, `pcd:5`, `tempering:1:temperatures=20`), [`trainer::Training`] says how
//! its steps are taken, and a [`trainer::Trainer`] takes them; [`trainer::train`] does the whole with someone looking on.
//!
//! ```
//! use gibbsite::prelude::*;
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let ising = Ising::on_lattice(Lattice::Square(3, 3), 1.0, 0.0, 2.269)?;
//! let data = draw_configurations(&ising, 1000, Seed::root(1))?.configurations;
//! let settings = Training { learning_rate: 0.1, batch: 100, ..Training::default() };
//! let pcd: Recipe = "pcd:5".parse()?;
//! let estimator = pcd.estimator(&data, 100, 4, Seed::root(2))?; // 100 chains, 4 hidden units
//! let machine = Rbm::for_data(&data, 4, Seed::root(3))?;
//! let mut trainer = Trainer::new(machine, estimator, data, &settings, Seed::root(4))?;
//! trainer.train(200)?;
//! let kl = ExactTarget::new(&ising)?.measure(trainer.model(), None)?.kl;
//! assert!(kl < 0.3, "{kl} nats");
//! # Ok(())
//! # }
//! ```

pub mod batch;
pub(crate) mod course;
pub mod direction;
pub mod gradient;
pub mod mixing;
pub mod recipe;
pub mod schedule;
mod settings;
pub mod trainer;
