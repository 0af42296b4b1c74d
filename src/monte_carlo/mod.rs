//! Samplers over any law, samplers of Ising models, and training configurations drawn with them.

pub mod cluster;
pub mod coloured;
pub mod ising_sample;
pub mod ladder;
pub mod schedule;
pub mod single_site;
pub mod tempering;
