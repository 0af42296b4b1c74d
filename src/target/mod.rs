//! What is to be learned: laws and data sets.

pub mod ising;
pub mod lattice;
