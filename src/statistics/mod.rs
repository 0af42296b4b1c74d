//! Error bars that know autocorrelation, and tests of fit.

pub mod autocorrelation;
pub mod fit;
