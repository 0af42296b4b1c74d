//! Error bars that know autocorrelation and disagreement, tests of fit, summaries over replicas.
//!
//! A mean over chains either has an error that is right or a [`doubt::Doubt`] that says why it has none. What the
//! comparisons of [`chains::judge`] see: chains that stay apart, chains that started in different places and still show
//! it, a run that is not yet steady, one that is too short for its own time, a tail without a variance. What they cannot
//! see is a mode that no chain has visited, and modes so close that their distance drowns in noise.
//!
//! ```
//! use gibbsite::statistics::measurements::Measurements;
//!
//! // One quantity on four chains, of which the first two started in one kind of place and the others in another.
//! let mut measurements = Measurements::watching(1, 0, &[0, 0, 1, 1]);
//! let mut noise = gibbsite::random::Seed::root(1).words();
//! for _ in 0..1000 {
//!     for chain in 0..4 {
//!         let uniform = (noise.next_word() >> 11) as f64 / (1_u64 << 53) as f64;
//!         measurements.push(chain, &[uniform]);
//!     }
//! }
//! let mean = measurements.mean(0);
//! assert!(mean.converged() && mean.z(0.5).is_some_and(|z| z.abs() < 4.0));
//! ```

pub mod autocorrelation;
pub mod chains;
pub mod directions;
pub mod doubt;
pub mod estimate;
pub mod fit;
pub mod jackknife;
pub mod measurements;
pub mod pareto;
pub mod ranks;
pub mod summary;
