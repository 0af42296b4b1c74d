//! Error bars that know autocorrelation and disagreement, tests of fit, summaries over replicas.

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
