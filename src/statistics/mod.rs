//! Error bars that know autocorrelation, tests of fit, summaries over replicas.

pub mod autocorrelation;
pub mod fit;
pub mod summary;
