//! ln Z over any [`Path`]: estimators, their errors, and when not to believe them.
//!
//! A number to be trusted takes both sides, [`bracket::Bracketing`]: forward annealing alone overstates a likelihood and does
//! not know it. [`crate::monitor::likelihood::log_likelihood`] does it all for rows and a machine.
//!
//! ```
//! use gibbsite::log_partition::bracket::Bracketing;
//! use gibbsite::prelude::*;
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let mut machine = Rbm::new(12, 6)?;
//! machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(1))?;
//! let found = Bracketing::default().measure(&*machine.path(None)?, Seed::root(2), &mut |_, _| ())?;
//! let exact = log_partition(&machine)?; // 2^6 states of the hidden layer
//! let error = found.standard_error.expect("both sides overlap");
//! assert!(found.trusted() && (found.value - exact).abs() < 4.0 * error);
//! # Ok(())
//! # }
//! ```

mod acceptance_ratio;
pub mod annealing;
pub mod bennett;
pub mod betas;
pub mod bracket;
pub mod enumeration;
pub mod method;
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
    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition>;
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
    /// What the run has seen that speaks against it. None does not make it right: what a run has not met it cannot doubt.
    /// Only both sides together are trusted ([`bracket::Bracket::trusted`]), or two runs from different starts that agree
    /// ([`bennett::BennettRatio::along`]).
    pub doubts: Vec<Doubt>,
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
            doubts: Vec::new(),
        }
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
    /// The weights have a tail of this Pareto shape, more than [`HEAVY`]: a few of them make the value, and larger ones may
    /// be missing.
    HeavyTail(f64),
    /// A tempering run is only this many autocorrelation times long, fewer than [`ENOUGH_TIMES`], or its burn-in shorter
    /// than two.
    ShortRun(f64),
    /// The states of a tempering ladder have made only this many round trips on average, fewer than [`ENOUGH_TRIPS`], or
    /// than [`FIRST_TRIPS`] in the burn-in; before they are starts of annealing, fewer than [`ENOUGH_TRIPS_TO_START`].
    FewRoundTrips(f64),
    /// Both halves of a tempering run are this many standard errors apart, more than three, and with few ladders more than
    /// Student's law has as often.
    Drifting(f64),
    /// Forward and reverse annealing share this many draws, fewer than [`ENOUGH_SHARED`], and no exact draws make them
    /// bounds.
    NoOverlap(f64),
    /// Forward annealing lies this many standard errors above reverse annealing, more than [`FAR_APART`]: the reverse run
    /// does not start from the law.
    SidesDisagree(f64),
    /// Reverse annealing from the data and from chains of its own are this many standard errors apart.
    StartsDisagree(f64),
    /// The temperatures of an integral are too far apart: halving their number changes it by this many nats.
    CoarseTemperatures(f64),
}

/// Effective samples below which an error is not known.
pub const ENOUGH_SAMPLES: f64 = 10.0;

/// Pareto shape of the weights above which few of them decide (Vehtari, Simpson, Gelman, Yao and Gabry 2024).
pub const HEAVY: f64 = 0.7;

/// Autocorrelation times that a tempering run must be long.
pub const ENOUGH_TIMES: f64 = 10.0;

/// Round trips that the states of a ladder of tempering must make while it is measured, on average over the ladders.
pub const ENOUGH_TRIPS: f64 = 10.0;

/// Round trips that they must make in the burn-in.
pub const FIRST_TRIPS: f64 = 1.0;

/// Round trips that they must make before they are starts of reverse annealing.
pub const ENOUGH_TRIPS_TO_START: f64 = 4.0;

/// Draws that both sides must share for their common value.
pub const ENOUGH_SHARED: f64 = 10.0;

/// Standard errors by which two estimates may differ.
pub const FAR_APART: f64 = 4.0;

impl Doubt {
    /// Its name in a column of a table.
    pub fn name(&self) -> &'static str {
        match self {
            Doubt::FewEffectiveSamples(_) => "few effective samples",
            Doubt::UnknownError => "unknown error",
            Doubt::HeavyTail(_) => "heavy tail",
            Doubt::ShortRun(_) => "short run",
            Doubt::FewRoundTrips(_) => "few round trips",
            Doubt::Drifting(_) => "drifting",
            Doubt::NoOverlap(_) => "no overlap",
            Doubt::SidesDisagree(_) => "sides disagree",
            Doubt::StartsDisagree(_) => "starts disagree",
            Doubt::CoarseTemperatures(_) => "coarse temperatures",
        }
    }
}

/// The names of all doubts, in order, joined by "; ".
pub fn names(doubts: &[Doubt]) -> String {
    let names: Vec<&str> = doubts.iter().map(Doubt::name).collect();
    names.join("; ")
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::FewEffectiveSamples(n) => {
                write!(f, "only {n:.1} effective samples; take more temperatures or chains")
            }
            Doubt::UnknownError => write!(f, "its error is unknown; take more chains"),
            Doubt::HeavyTail(k) => write!(
                f,
                "few chains make the value, the tail of their weights has the shape {k:.2}; take more temperatures"
            ),
            Doubt::ShortRun(length) => write!(
                f,
                "the run is {length:.1} autocorrelation times long, or its burn-in less than two; take more rounds"
            ),
            Doubt::FewRoundTrips(trips) => write!(
                f,
                "the states of a ladder have made {trips:.1} round trips, or less than one in the burn-in; take more \
                 rounds, or more rungs where few exchanges are accepted"
            ),
            Doubt::Drifting(z) => {
                write!(f, "both halves of the run are {z:.1} standard errors apart; take a longer burn-in")
            }
            Doubt::NoOverlap(shared) => {
                write!(f, "forward and reverse annealing share {shared:.1} draws; take more temperatures")
            }
            Doubt::SidesDisagree(z) => write!(
                f,
                "forward annealing is {z:.1} standard errors above reverse annealing, whose starts are not the law's; \
                 take more rounds of tempering"
            ),
            Doubt::StartsDisagree(z) => write!(
                f,
                "reverse annealing from the data and from the machine's own chains are {z:.1} standard errors apart, so \
                 that one of them misses a mode; take more rounds of tempering"
            ),
            Doubt::CoarseTemperatures(x) => {
                write!(f, "with half the temperatures the integral changes by {x:.2e} nats; take more")
            }
        }
    }
}

/// Doubts that a run can have about itself.
fn own_doubts(standard_error: Option<f64>, effective_samples: f64) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if standard_error.is_none_or(|error| !error.is_finite()) {
        doubts.push(Doubt::UnknownError);
    }
    if effective_samples < ENOUGH_SAMPLES {
        doubts.push(Doubt::FewEffectiveSamples(effective_samples));
    }
    doubts
}
