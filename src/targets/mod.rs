//! What is to be learned: laws and data sets, and what is exactly known of them.

pub mod bars_and_stripes;
pub mod density_of_states;
pub mod infinite_lattice;
pub mod ising;
pub mod labelled_shifter;
pub mod lattice;
pub mod observable;
pub mod site_fields;
pub mod square_lattice;
