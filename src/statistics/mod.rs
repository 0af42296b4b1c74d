//! Error bars that know autocorrelation and disagreement, tests of fit, summaries over replicas.
//!
//! A mean over chains either has an error that is right or a [`doubt::Doubt`] that says why it has none. What the
//! comparisons of [`chains::judge`] see: chains that stay apart, chains that started in different places and still show
//! it, a run that is not yet steady, one that is too short for its own time, a tail without a variance. What they cannot
//! see is a mode that no chain has visited, and modes so close that their distance drowns in noise.

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
