//! Samplers over any law, samplers of Ising models, and training configurations drawn with them.
//!
//! Most often one wants configurations that are ready to be learned: [`ising_sample::draw_configurations`]. A sampler, by its
//! name in [`sampler::SAMPLERS`] or made by hand, is a [`crate::law::Kernel`] that moves [`crate::law::Chains`]; with tempering
//! they move on a [`ladder::Ladder`] of laws.
//!
//! ```
//! use gibbsite::monte_carlo::cluster::Wolff;
//! use gibbsite::prelude::*;
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let ising = Ising::on_lattice(Lattice::Square(16, 16), 1.0, 0.0, 2.269)?;
//! // Ready to be learned: equilibrated, 2 tau apart, both signs.
//! let sample = draw_configurations(&ising, 100, Seed::root(1))?;
//! assert_eq!((sample.configurations.len(), sample.configurations.sites()), (100, 256));
//! // By hand: 50 steps of 10 chains.
//! let mut chains = Chains::new(Configurations::zeros(256, 10), Seed::root(2));
//! Wolff::new(&ising).advance(&mut chains, 1.0, 50, Clamp::Nothing);
//! let energy = ising.energy(chains.states().row(0)) / 256.0;
//! assert!(energy < -1.0 && energy > -2.0);
//! # Ok(())
//! # }
//! ```

pub mod cluster;
pub mod coloured;
pub mod ising_sample;
pub mod ladder;
pub mod machine_sample;
pub mod sampler;
pub mod schedule;
pub mod single_site;
pub mod tempering;
