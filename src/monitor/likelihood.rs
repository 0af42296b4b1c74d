//! The likelihood of rows under a machine, exactly or from both sides.

use crate::configuration::Configurations;
use crate::enumerate::{self, mean_log_weight};
use crate::error::{Error, Result};
use crate::log_partition::bracket::Bracketing;
use crate::log_partition::names;
use crate::model::{Model, check_finite};
use crate::random::Seed;

/// The mean ln p of rows under a machine, in nats a row, and how well it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    /// mean ln f - ln Z.
    pub value: f64,
    /// The standard error of ln Z: 0 of an exact value, missing where it cannot be told.
    pub standard_error: Option<f64>,
    /// With the largest ln Z of the runs: too low in expectation, where [`Self::lower_is_bound`] says so.
    pub lower: f64,
    /// With the smallest ln Z of the runs: too high in expectation.
    pub upper: f64,
    /// Whether `lower` is a bound, and not an estimate: it is where ln Z is a sum; annealing back starts from tempering here.
    pub lower_is_bound: bool,
    /// Whether nothing speaks against the value and its error.
    pub trusted: bool,
    /// What does, joined by "; ".
    pub doubts: String,
    /// ln Z of the machine.
    pub log_partition: f64,
}

/// Units of the smaller layer up to which ln Z is summed here: some milliseconds.
pub const EXACT_UNITS: usize = 20;

/// The mean ln p of `rows`: exact where a layer of the machine has at most [`EXACT_UNITS`] units, else with ln Z by annealing
/// from both sides ([`Bracketing::default`]), the third run of which starts from `rows`.
///
/// ```
/// use gibbsite::prelude::*;
///
/// # fn main() -> gibbsite::error::Result<()> {
/// let rows = Configurations::from_rows(&[[true, true, false], [false, false, true]])?;
/// let machine = Rbm::new(3, 2)?; // all parameters zero: the uniform law
/// let found = log_likelihood(&machine, &rows, Seed::root(1))?;
/// assert!((found.value + 8_f64.ln()).abs() < 1e-12 && found.standard_error == Some(0.0));
/// # Ok(())
/// # }
/// ```
pub fn log_likelihood(model: &dyn Model, rows: &Configurations, seed: Seed) -> Result<Likelihood> {
    if rows.is_empty() || rows.sites() != model.visible() {
        let problem = format!("{} rows of {} sites, and {} visible units", rows.len(), rows.sites(), model.visible());
        return Err(Error::invalid("the likelihood of rows", problem, "give rows of visible units, at least one"));
    }
    check_finite(model)?;
    let marginal = model.marginal()?;
    let mean = mean_log_weight(&*marginal, rows);
    let summed = marginal.smaller().map_or(marginal.sites(), |smaller| smaller.sites());
    if summed <= EXACT_UNITS {
        let log_partition = enumerate::log_partition(&*marginal)?;
        let value = mean - log_partition;
        return Ok(Likelihood {
            value,
            standard_error: Some(0.0),
            lower: value,
            upper: value,
            lower_is_bound: true,
            trusted: true,
            doubts: String::new(),
            log_partition,
        });
    }
    let bracketing = Bracketing { data: Some((rows, DATA_STEPS)), ..Bracketing::default() };
    let bracket = bracketing.measure(&*model.path(Some(rows))?, seed, &mut |_, _| ())?;
    let found = bracket.log_likelihood(mean);
    Ok(Likelihood {
        value: found.value,
        standard_error: found.standard_error,
        lower: found.lower,
        upper: found.upper,
        lower_is_bound: found.lower_is_bound,
        trusted: bracket.trusted(),
        doubts: names(&bracket.doubts),
        log_partition: bracket.value,
    })
}

/// Gibbs steps from rows of data before they are starts of reverse annealing.
const DATA_STEPS: usize = 1000;
