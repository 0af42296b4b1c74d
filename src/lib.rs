//! # gibbsite
//!
//! Boltzmann machines learn Ising models and other binary laws, and this library says how close they
//! came: exactly where enumeration reaches, from both sides where it does not.
//!
//! ## The map
//!
//! Modules depend downward only; `targets` and `model` do not know each other. The package in `experiments/` holds the
//! laboratory (command line, sweeps, tables, figures) and on it the binaries; this one knows neither files nor options.
//! [`prelude`] is what most programs need; `examples/` has four whole ones.
//!
//! | module | what is there |
//! |---|---|
//! | `experiments/*` (binaries) | one folder = one question = one binary = one folder of results |
//! | `experiments/laboratory` | what experiments share: options, presets, a sweep that keeps what is finished, tables, figures |
//! | `command` | the program `gibbsite`: own data to a trained machine, its likelihood, samples, couplings |
//! | `files` | machines, configurations and checkpoints on disk, in formats that other programs read |
//! | [`battery`] | machines with known answers, easy and built to fool |
//! | [`catalogue`] | every target by name: a law with its draws and patterns |
//! | [`monitor`] | model + target -> KL divergence, likelihood, observables; learned couplings with their errors; gradients against the exact one |
//! | [`training`] | gradient estimators and their recipes, what an update goes along, how chains mix, mini-batches, schedules, the trainer |
//! | [`log_partition`] | ln Z over any path: annealing both ways, Bennett's ratio, integration |
//! | [`monte_carlo`] | samplers: single sites of any law; clusters, colours and many spins at a time of Ising models; tempering on ladders of laws |
//! | [`statistics`] | error bars that know autocorrelation, jackknife, tests of fit, summaries |
//! | [`targets`], [`model`] | what is to be learned; what learns |
//! | [`kernels`] | the hot path: arrays and bits |
//! | [`law`], [`path`], [`configuration`], [`rows`], [`row_sampler`], [`enumerate`], [`numerics`], [`random`], [`state`], [`error`] | the ground |
//!
//! [`contract`] holds the checks that every law, kernel and estimator must pass.
//!
//! ## The words
//!
//! A [`law::Law`] is an unnormalised weight f on binary configurations, p = f / Z. A
//! [`law::Kernel`] moves [`law::Chains`] and leaves a law unchanged. A [`model::Model`] is a family of
//! laws with parameters; the gradient of its cost `C = -mean ln p` is `E_model[phi] - mean_data E[phi | v]`, and a
//! [`training::gradient::GradientEstimator`] estimates it. A [`path::Path`] leads from a base whose ln Z is known to a
//! law whose ln Z a [`log_partition::LogPartitionEstimator`] estimates.
//!
//! Units are {0, 1}; Ising spins are +-1 with bit 1 = up. Energies of an RBM are dimensionless, those
//! of an Ising model in units of J with k_B = 1; information is in nats. i runs over visible units,
//! j over hidden ones, s over samples; k counts Gibbs steps.
//!
//! ## Where a newcomer adds things
//!
//! One new file and one entry: a target in `src/targets/` with its kind in [`catalogue`], a model in `src/model/`, an estimator in
//! `src/training/gradient/` with its name in [`training::recipe`], a sampler in `src/monte_carlo/` with its name in
//! [`monte_carlo::sampler`], a method for ln Z in `src/log_partition/` with its name in [`log_partition::method`]; an experiment in a
//! folder of `experiments/` with its entry in `experiments/Cargo.toml`, which the macro `laboratory::main!` tests.
//!
//! ```
//! use gibbsite::enumerate::whole_law;
//! use gibbsite::model::rbm::{InitialWeights, Rbm};
//! use gibbsite::monitor::ExactTarget;
//! use gibbsite::random::Seed;
//! use gibbsite::targets::{ising::Ising, lattice::Lattice};
//! use gibbsite::training::gradient::Exact;
//! use gibbsite::training::trainer::{Training, train};
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let ising = Ising::on_lattice(Lattice::Ring(6), 1.0, 0.0, 2.0)?;
//! let target = ExactTarget::new(&ising)?;
//! let mut rbm = Rbm::new(6, 4)?;
//! rbm.initialize(InitialWeights::Gaussian(0.1), Seed::root(1))?;
//! let before = target.measure(&rbm, None)?.kl;
//! let settings = Training { learning_rate: 0.5, ..Training::default() };
//! train(&mut rbm, &mut Exact, &whole_law(&ising)?, &settings, Seed::root(2), &mut |_, _, _| Ok(()))?;
//! let after = target.measure(&rbm, None)?.kl;
//! assert!(after < 0.1 * before, "KL fell from {before} to {after} nats");
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs, missing_debug_implementations)]

pub mod battery;
pub mod catalogue;
pub mod configuration;
pub mod contract;
pub mod enumerate;
pub mod error;
#[doc(hidden)]
pub mod kernels;
pub mod law;
pub mod log_partition;
pub mod model;
pub mod monitor;
pub mod monte_carlo;
pub mod numerics;
pub mod path;
pub mod prelude;
pub mod random;
pub mod row_sampler;
pub mod rows;
pub mod state;
pub mod statistics;
pub mod targets;
mod text;
pub mod training;
