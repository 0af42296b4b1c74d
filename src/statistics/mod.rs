//! Error bars that know autocorrelation, tests of fit, summaries over replicas.

pub mod autocorrelation;
pub mod estimate;
pub mod fit;
pub mod jackknife;
pub mod measurements;
pub mod pareto;
pub mod summary;
