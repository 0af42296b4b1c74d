//! Samplers over any law, and training configurations drawn with them.

pub mod ising_sample;
pub mod single_site;
