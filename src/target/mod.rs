//! What is to be learned: laws and data sets.

pub mod bars_and_stripes;
pub mod ising;
pub mod lattice;
