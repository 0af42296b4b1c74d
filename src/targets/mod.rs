//! What is to be learned: laws and data sets, and what is exactly known of them.
//!
//! By name they come from [`crate::catalogue`].
//!
//! ```
//! use gibbsite::prelude::*;
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let lattice = Ising::on_lattice(Lattice::Square(8, 8), 1.0, 0.0, 2.269)?;
//! let glass = Ising::new(3, &[Coupling { i: 0, j: 1, strength: 1.0 }, Coupling { i: 1, j: 2, strength: -0.5 }], 0.0, 1.0)?;
//! let bars = "bars:4x4".parse::<TargetName>()?.at(None)?;
//! assert_eq!([lattice.sites(), glass.sites(), bars.sites()], [64, 3, 16]);
//! // Kaufman's ln Z of 2^64 states, and a sum over eight.
//! assert!(Law::log_partition(&lattice).is_some_and(|ln_z| ln_z > 64.0 * 2_f64.ln()));
//! assert!(log_partition(&glass)? > 3.0 * 2_f64.ln());
//! # Ok(())
//! # }
//! ```

pub mod bars_and_stripes;
pub mod density_of_states;
pub mod infinite_lattice;
pub mod ising;
pub mod labelled_shifter;
pub mod lattice;
pub mod observable;
pub mod site_fields;
pub mod square_lattice;
