//! Samplers over any law, samplers of Ising models, and training configurations drawn with them.

pub mod coloured;
pub mod ising_sample;
pub mod single_site;
