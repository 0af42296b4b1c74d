//! ln Z over any [`Path`]: estimators, their errors, and when not to believe them.

pub mod annealing;
pub mod bennett;
pub mod betas;
pub mod bracket;
pub mod enumeration;
pub mod tempered_run;
pub mod thermodynamic_integration;

use crate::error::Result;
use crate::path::Path;
use crate::random::Seed;
use std::fmt;

/// An estimator of ln Z of the law at the end of a path.
pub trait LogPartitionEstimator: Sync {
    /// Its name in tables, such as `forward_ais`.
    fn name(&self) -> &'static str;

    /// Estimates ln Z; `report(done, of)` is called now and then.
    fn estimate(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition>;
}

/// ln Z, how well it is known, and what it has cost.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPartition {
    /// ln Z in nats.
    pub value: f64,
    /// Its standard error; missing for an exact value, and where the run cannot tell.
    pub standard_error: Option<f64>,
    /// Independent draws that the run is worth; missing for an exact value.
    pub effective_samples: Option<f64>,
    /// Units drawn: those of pilot runs, of burn-in and of the chains that reverse annealing starts from included. Exact
    /// draws count as none.
    pub gibbs_updates: u64,
    /// On which side of ln Z the value lies in expectation.
    pub side: Side,
    /// Why not to trust it; `None` where nothing speaks against it.
    pub doubt: Option<Doubt>,
}

impl LogPartition {
    /// A value without error.
    pub fn exact(value: f64) -> Self {
        Self {
            value,
            standard_error: None,
            effective_samples: None,
            gibbs_updates: 0,
            side: Side::Exact,
            doubt: None,
        }
    }

    /// Whether nothing speaks against it.
    pub fn trusted(&self) -> bool {
        self.doubt.is_none()
    }
}

/// On which side of ln Z the expectation of an estimate lies.
///
/// A likelihood takes -ln Z: what bounds ln Z from below bounds the likelihood from above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It is ln Z.
    Exact,
    /// At most ln Z: the likelihood comes out too high.
    Below,
    /// At least ln Z: the likelihood comes out too low.
    Above,
    /// It bounds nothing.
    Estimate,
}

/// What speaks against an estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doubt {
    /// Fewer than [`ENOUGH_SAMPLES`]: the error itself is unknown then.
    FewEffectiveSamples(f64),
    /// The standard error cannot be told, as from one chain.
    UnknownError,
    /// A tempering run is only this many autocorrelation times long, fewer than [`ENOUGH_TIMES`], or its burn-in shorter
    /// than two.
    ShortRun(f64),
    /// Forward and reverse annealing are this many standard errors apart, more than [`FAR_APART`].
    SidesDisagree(f64),
    /// Reverse annealing from the data and from chains of its own are this many standard errors apart.
    StartsDisagree(f64),
    /// The temperatures of an integral are too far apart: halving their number changes it by this many nats.
    CoarseTemperatures(f64),
}

/// Effective samples below which an estimate is not trusted.
pub const ENOUGH_SAMPLES: f64 = 10.0;

/// Autocorrelation times that a tempering run must be long.
pub const ENOUGH_TIMES: f64 = 10.0;

/// Standard errors by which two estimates may differ.
pub const FAR_APART: f64 = 4.0;

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::FewEffectiveSamples(n) => {
                write!(
                    f,
                    "only {n:.1} effective samples; take more temperatures or chains"
                )
            }
            Doubt::ShortRun(length) => write!(
                f,
                "the run is {length:.1} autocorrelation times long, or its burn-in less than two; take more rounds"
            ),
            Doubt::UnknownError => write!(f, "its error is unknown; take more chains"),
            Doubt::SidesDisagree(z) => write!(
                f,
                "forward and reverse annealing are {z:.1} standard errors apart; take more temperatures"
            ),
            Doubt::StartsDisagree(z) => write!(
                f,
                "reverse annealing from the data and from the machine's own chains are {z:.1} standard errors apart: one \
                 of them misses a mode"
            ),
            Doubt::CoarseTemperatures(x) => write!(
                f,
                "with half the temperatures the integral changes by {x:.2e} nats; take more"
            ),
        }
    }
}

/// Doubts that a run can have about itself.
fn own_doubt(standard_error: Option<f64>, effective_samples: f64) -> Option<Doubt> {
    if standard_error.is_none_or(|error| !error.is_finite()) {
        return Some(Doubt::UnknownError);
    }
    let few = effective_samples < ENOUGH_SAMPLES;
    few.then_some(Doubt::FewEffectiveSamples(effective_samples))
}
